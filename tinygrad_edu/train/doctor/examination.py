"""`examine`: cheap experiments on copies of the run, for evidence that has several explanations."""

import math
from dataclasses import dataclass

from tinygrad_edu.errors import ArgumentError
from tinygrad_edu.support.ascii import for_output
from tinygrad_edu.train.doctor import changes
from tinygrad_edu.train.doctor.course import mean
from tinygrad_edu.train.doctor.tape import Fork, Tape, with_passes

TRIED = 60  # passes per trial
BETTER = 0.8  # times the loss without the change


@dataclass(frozen=True)
class Trial:
    """One change, tried on a fork of the run.

    Attributes
    ----------
    name : the change in words.
    code : the change as a line of code.
    loss : the mean loss of the last passes with it; nan if it did not stay finite.
    helped : whether the loss is below 80 % of the loss without the change.
    """

    name: str
    code: str
    loss: float
    helped: bool


@dataclass(frozen=True)
class Examination:
    """What experiments showed.

    Attributes
    ----------
    start : the first loss of the run.
    loss : the mean loss of the last passes of a fork without any change.
    trials : the changes, the best first.
    one_batch : the loss of one batch after training on it alone, with Adam.
    passes : how many forward and backward passes the experiments took.
    steps : how many the run itself took.
    """

    start: float
    loss: float
    trials: list[Trial]
    one_batch: float
    passes: int
    steps: int

    @for_output
    def __str__(self) -> str:
        lines = [
            f"Experiments on copies of the run: unchanged, the loss goes from {self.start:.3g} to {self.loss:.3g}."
        ]
        lines += [
            f"  {trial.loss:9.3g}  {'helps  ' if trial.helped else '       '}{trial.name}" for trial in self.trials
        ]
        if self.one_batch < 0.1 * abs(self.start):
            can, so = "can", "net, loss and gradients are connected."
        else:
            can, so = "cannot", "look at the net, the loss and the graph between them first."
        lines.append(f"  One batch alone {can} be learned (loss {self.one_batch:.3g}): {so}")
        lines.append(
            f"  This took {self.passes} forward and backward passes; the run had {self.steps}. The run was not changed."
        )
        return "\n".join(lines)


def examine(tape: Tape | None, names: dict[str, str], steps: int) -> Examination:
    """Try changes on forks of the run from its start; see `Doctor.examine`."""
    tape = with_passes(tape, "experiments need")
    if tape.optimizer is None:
        raise ArgumentError("experiments repeat the steps, so the doctor must be given the optimizer")
    before = _loss_with(tape, None)
    candidates = [
        changes.scale_rate(0.1),
        changes.scale_rate(10.0),
        changes.with_adam(),
        changes.reset_gradients(),
        changes.standardize_inputs(tape),
        changes.fresh_weights(),
        changes.insert_relu(),
        changes.other_output_activation(tape),
        changes.scale_targets(tape),
    ]
    limit = BETTER * before if math.isfinite(before) else math.inf
    trials = []
    for change in candidates:
        if change is not None:
            loss = _loss_with(tape, change)
            trials.append(Trial(change.name, change.code.format(**names), loss, loss < limit))
    alone = _loss_with(tape, changes.with_adam(), 2 * TRIED, only=0)
    trials.sort(key=lambda trial: math.inf if math.isnan(trial.loss) else trial.loss)
    passes = TRIED * (len(trials) + 3)
    return Examination(tape.passes[0].loss, before, trials, alone, passes, steps)


def _loss_with(tape: Tape, change: changes.Change | None, passes: int = TRIED, *, only: int | None = None) -> float:
    """The mean loss of the last tenth of these passes of a fork with the change."""
    fork = Fork(tape)
    if change is not None:
        change.apply(fork)
    fork.run(passes, only=only)
    return mean(fork.losses[-passes // 10 :])
