"""`cure`: repeats the recorded steps with a fix, and compares the losses with those of the run."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tinygrad_edu.errors import ArgumentError
from tinygrad_edu.support.ascii import for_output
from tinygrad_edu.train.doctor import changes
from tinygrad_edu.train.doctor.changes import Change
from tinygrad_edu.train.doctor.finding import Finding
from tinygrad_edu.train.doctor.tape import Fork, Tape, with_passes


@dataclass(frozen=True, repr=False)
class Cure:
    """The losses of the recorded steps, without and with the fix of a finding.

    Attributes
    ----------
    finding : what was found.
    change : the fix in words.
    code : the fix as a line of code.
    as_it_was : the losses of the run.
    cured : the losses of the same steps on the same batches with the fix.
    parameters : of the cured net after these steps, by name.
    exact : whether a replay without the fix gives the run's losses to the last bit. If not, the program did something
        between the backward pass and the step that is not recorded, such as clipping, and the cured run leaves it out.
    """

    finding: Finding
    change: str
    code: str
    as_it_was: list[float]
    cured: list[float]
    parameters: dict[str, Any]
    exact: bool

    @for_output
    def __str__(self) -> str:
        n = len(self.cured)
        return (
            f"{self.finding.name}: with {self.change}, the loss after {n} steps is {self.cured[-1]:.4g} instead of "
            f"{self.as_it_was[-1]:.4g}\n  code: {self.code}"
        )

    @for_output
    def __repr__(self) -> str:
        return (
            f"<Cure of {self.finding.name}: after {len(self.cured)} steps, the loss is {self.cured[-1]:.4g} instead of "
            f"{self.as_it_was[-1]:.4g}>"
        )


def cure_of(finding: Finding, tape: Tape | None, names: dict[str, str], settings: dict[str, Any], rows: int) -> Cure:
    """The cure of a finding, from a tape; see `Doctor.cure`."""
    tape = with_passes(tape, "a cure needs")
    chosen = _change(finding, tape, settings, rows)
    if tape.optimizer is None:
        raise ArgumentError("a cure repeats the steps, so the doctor must be given the optimizer that takes them")
    plain, cured = Fork(tape), Fork(tape)
    for change in chosen:
        change.apply(cured)
    for fork in (plain, cured):
        fork.run(len(tape.passes))
    was = [recorded.loss for recorded in tape.passes]
    exact = all(a == b or (math.isnan(a) and math.isnan(b)) for a, b in zip(was, plain.losses, strict=True))
    return Cure(
        finding,
        " and ".join(change.name for change in chosen),
        "; ".join(change.code.format(**names) for change in chosen),
        was,
        cured.losses,
        cured.parameters,
        exact,
    )


def _change(finding: Finding, tape: Tape, settings: dict[str, Any], rows: int) -> list[Change]:
    """The changes that undo a finding: those that the caller names, or the usual one."""
    known: dict[str, Callable[[Any], Change]] = {
        "lr": changes.set_rate,
        "weights": changes.set_weights,
        "weight_decay": changes.set_decay,
        "inputs": lambda f: changes.change_inputs(f, "other inputs", "X = …"),
    }
    unknown = [name for name in settings if name not in known]
    if unknown:
        raise ArgumentError(f"cure has no setting {unknown[0]!r}: use {', '.join(known)}")
    if settings:
        return [known[name](value) for name, value in settings.items()]
    usual = _usual(tape, rows)
    if finding.name not in usual:
        raise ArgumentError(
            f"{finding.name!r} cannot be cured by repeating the recorded steps: the fault is outside of them "
            f"(fix: {finding.fix})"
        )
    change = usual[finding.name]()
    if change is None:
        raise ArgumentError(
            f"{finding.name!r} cannot be cured here: in the recorded loss, no targets are subtracted from the answers "
            f"(fix: {finding.fix})"
        )
    return [change]


def _usual(tape: Tape, rows: int) -> dict[str, Callable[[], Change | None]]:
    """The usual change for each finding that can be undone."""
    rates = [rate for recorded in tape.passes for rate in recorded.steps]
    above = [rate for rate in rates if rate] or [0.01]
    of_zero = {"learning rate of 0": lambda: changes.set_rate(above[-1])} if 0.0 in rates else {}
    return {
        **of_zero,
        "missing zero_grad": changes.reset_gradients,
        "learning rate too high": lambda: changes.scale_rate(0.1),
        "learning rate too low": lambda: changes.scale_rate(10.0),
        "loss summed over the batch": lambda: changes.divide_loss(rows),
        "gradient ascent": changes.drop_minus,
        "parameter missing from the optimizer": changes.all_parameters,
        "parameters that never change": changes.all_parameters,
        "softmax before cross-entropy": lambda: changes.skip(
            ("softmax",), "loss = nn.functional.cross_entropy(logits, y)"
        ),
        "probabilities given to a with-logits loss": lambda: changes.skip(
            ("sigmoid",), "loss = nn.functional.binary_cross_entropy_with_logits(logits, y)"
        ),
        "output activation that does not fit": lambda: changes.skip(("relu", "sigmoid", "tanh", "softplus")),
        "ReLU before a loss of logits": lambda: changes.skip(("relu",)),
        "labels of the wrong shape that broadcast": changes.fit_target_shapes,
        "inputs not normalized": lambda: changes.standardize_inputs(tape),
        "targets not scaled": lambda: changes.scale_targets(tape),
        "no nonlinearity between layers": changes.insert_relu,
        "weight decay too strong": lambda: changes.set_decay(1e-4),
        **dict.fromkeys(
            (
                *("dead ReLUs", "saturated sigmoids", "all-equal initial weights", "initial weights too large"),
                *("vanishing gradients", "exploding gradients"),
            ),
            changes.fresh_weights,
        ),
    }
