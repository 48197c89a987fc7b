"""Schedules of the learning rate. Names, defaults and rates are PyTorch's; the docstrings give Keras' names too.

A scheduler sets ``optimizer.lr`` when it is made, and again at every ``step()``. Call ``step()`` after each epoch, or
after each batch; its settings count the same steps. All but `ReduceLROnPlateau` are formulas of the number of steps:
``rate(step)`` gives the rate of any step.

>>> from tinygrad_edu import Value, optim
>>> optimizer = optim.SGD([Value(1.0)], lr=0.1)
>>> scheduler = optim.lr_scheduler.StepLR(optimizer, step_size=2, gamma=0.5)
>>> for epoch in range(5):
...     print(epoch, optimizer.lr)
...     scheduler.step()
0 0.1
1 0.1
2 0.05
3 0.05
4 0.025
"""

import math
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, ClassVar

from tinygrad_edu.errors import ArgumentError, DTypeError
from tinygrad_edu.graph.modes import MODES, WATCH, not_while_compiling
from tinygrad_edu.optim.optimizer import Optimizer
from tinygrad_edu.support.arguments import (
    as_number,
    at_least_zero,
    fraction,
    one_of,
    positive,
    proportion,
    shown,
    whole_number,
)
from tinygrad_edu.support.ascii import for_output
from tinygrad_edu.support.state_dict import differences, problems_of, refuse

__all__ = [
    "ChainedScheduler",
    "ConstantLR",
    "CosineAnnealingLR",
    "CosineAnnealingWarmRestarts",
    "CyclicLR",
    "ExponentialLR",
    "LRScheduler",
    "LambdaLR",
    "LinearLR",
    "MultiStepLR",
    "MultiplicativeLR",
    "OneCycleLR",
    "PiecewiseConstantLR",
    "PolynomialLR",
    "ReduceLROnPlateau",
    "SequentialLR",
    "StepLR",
]


class _Scheduler:
    """What all schedules have: the optimizer, and their progress as a state that can be saved."""

    entries: ClassVar[tuple[str, ...]]
    cycled: tuple[str, ...] = ()  # the setting of the optimizer that it changes besides lr

    def __init__(self, optimizer: Optimizer) -> None:
        if not isinstance(optimizer, Optimizer):
            raise DTypeError(f"{type(self).__name__} takes an optimizer, but was given {shown(optimizer)}")
        self.optimizer = optimizer
        self.last_epoch = 0

    @for_output
    def __repr__(self) -> str:
        steps = "1 step" if self.last_epoch == 1 else f"{self.last_epoch} steps"
        return f"<{type(self).__name__} after {steps}: lr={self.optimizer.lr:g}>"

    def get_last_lr(self) -> list[float]:
        """The optimizer's current rate, for each of its groups of parameters."""
        return [group["lr"] for group in self.optimizer.param_groups]

    def state_dict(self) -> dict[str, Any]:
        """Its progress, in numbers, without the settings: they are given when it is made."""
        not_while_compiling("state_dict()")
        return {name: getattr(self, name) for name in self.entries}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Continue from where ``state`` was taken.

        Raises
        ------
        StateDictError : entries are missing, surplus, or not numbers. The error names each, and nothing has changed.
        """
        not_while_compiling("load_state_dict()")
        problems = differences(self.entries, state)
        for name in set(self.entries) & state.keys():
            problems += problems_of(name, state[name], ())
        refuse(type(self).__name__, problems)
        for name in self.entries:
            number = float(state[name])
            setattr(self, name, int(number) if isinstance(getattr(self, name), int) else number)


class LRScheduler(_Scheduler):
    """Base class of the schedules that are a formula of the number of steps; a subclass defines `rate`.

    As long as nothing else changes the optimizer's rate, it is ``rate(step)``. Another schedule, a `ReduceLROnPlateau`
    or an assignment ``optimizer.lr = …`` may change it. From then on, a step multiplies the rate that it finds by
    ``rate(step) / rate(step - 1)``: several schedules of one optimizer multiply (PyTorch's chainable form).

    Attributes
    ----------
    base_lr : the optimizer's rate when the scheduler was made.
    last_epoch : number of steps so far.
    last_lr : the rate that it set last.
    chained : whether something else has changed the rate.
    """

    entries: ClassVar[tuple[str, ...]] = ("last_epoch", "base_lr")

    def __init__(self, optimizer: Optimizer) -> None:
        super().__init__(optimizer)
        self.base_lr = self.last_lr = float(optimizer.lr)
        self.chained = False
        self._apply()

    def rate(self, step: int) -> float:
        """The learning rate after so many steps."""
        raise NotImplementedError

    def step(self) -> None:
        """Count one step, and set the optimizer's rate."""
        if WATCH.active and MODES.recorder is not None:
            MODES.recorder.on_schedule_step(self)
            return
        self.chained = self._is_chained()
        self.last_epoch += 1
        self._apply()

    def state_dict(self) -> dict[str, Any]:
        return super().state_dict() | {"last_lr": self.last_lr, "chained": int(self._is_chained())}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Continue from where ``state`` was taken, and set the optimizer's rate unless something else had changed it.

        If something else had, the rate is part of the optimizer's own state.

        Raises
        ------
        StateDictError : entries are missing, surplus, or not numbers. The error names each, and nothing has changed.
        """
        not_while_compiling("load_state_dict()")
        newer = {name: state[name] for name in ("last_lr", "chained") if name in state}  # older states lack these
        problems = [problem for name, number in newer.items() for problem in problems_of(name, number, ())]
        refuse(type(self).__name__, problems)
        super().load_state_dict({name: state[name] for name in state if name not in newer})
        self.chained = bool(newer.get("chained", False))
        self.last_lr = float(newer.get("last_lr", self.rate(self.last_epoch)))
        if not self.chained:
            self._apply()

    def _is_chained(self) -> bool:
        return self.chained or self.optimizer.lr != self.last_lr

    def _apply(self) -> None:
        new = self.chained_rate(self.optimizer.lr) if self.chained else self.rate(self.last_epoch)
        self.optimizer.lr = self.last_lr = new

    def chained_rate(self, lr: float) -> float:
        """The rate after this step, if something else had set it to ``lr``."""
        before = self.rate(self.last_epoch - 1)
        return lr * self.rate(self.last_epoch) / before if before else self.rate(self.last_epoch)


class _ClosedForm(LRScheduler):
    """A schedule that sets its own rate, even if something else has changed it."""

    def chained_rate(self, lr: float) -> float:
        return self.rate(self.last_epoch)


def _rising(what: str, numbers: Iterable[int]) -> list[int]:
    if not isinstance(numbers, Iterable):
        raise DTypeError(f"{what} must be a list of steps, such as [30, 60], but was given {shown(numbers)}")
    found = [whole_number(f"each of the {what}", number, least=0) for number in numbers]
    if found != sorted(found):
        raise ArgumentError(f"{what} must rise, but were given as {found}")
    return found


class LambdaLR(_ClosedForm):
    """``base_lr · lr_lambda(step)``, any function.

    Notes
    -----
    PyTorch: ``LambdaLR``. Keras: the callback ``LearningRateScheduler``, whose function gives the rate itself.

    Examples
    --------
    >>> from tinygrad_edu import Value, optim
    >>> schedule = LambdaLR(optim.SGD([Value(1.0)], lr=0.1), lambda step: 1 / (1 + step))
    >>> schedule.rate(3)
    0.025
    """

    def __init__(self, optimizer: Optimizer, lr_lambda: Callable[[int], float]) -> None:
        if not callable(lr_lambda):
            raise DTypeError(f"LambdaLR takes a function of the number of steps, but was given {shown(lr_lambda)}")
        self.lr_lambda = lr_lambda
        super().__init__(optimizer)

    def rate(self, step: int) -> float:
        return self.base_lr * self.lr_lambda(step)


class ExponentialLR(LRScheduler):
    """``base_lr · gamma^(step / decay_steps)``: smooth, or with ``staircase`` in stairs of ``decay_steps`` steps.

    Notes
    -----
    PyTorch: ``ExponentialLR``, which has one decay step; in stairs, ``StepLR``. Keras: ``ExponentialDecay``, where
    gamma is ``decay_rate``.

    Examples
    --------
    >>> from tinygrad_edu import Value, optim
    >>> smooth = ExponentialLR(optim.SGD([Value(1.0)], lr=0.1), gamma=0.5, decay_steps=10)
    >>> stairs = ExponentialLR(optim.SGD([Value(1.0)], lr=0.1), gamma=0.5, decay_steps=10, staircase=True)
    >>> [(round(smooth.rate(step), 6), stairs.rate(step)) for step in (0, 5, 10)]
    [(0.1, 0.1), (0.070711, 0.1), (0.05, 0.05)]
    """

    def __init__(self, optimizer: Optimizer, gamma: float, decay_steps: int = 1, staircase: bool = False) -> None:
        self.gamma = positive("gamma", gamma)
        self.decay_steps = whole_number("decay_steps", decay_steps)
        self.staircase = staircase
        super().__init__(optimizer)

    def rate(self, step: int) -> float:
        power = step // self.decay_steps if self.staircase else step / self.decay_steps
        return float(self.base_lr * self.gamma**power)


class StepLR(LRScheduler):
    """``base_lr · gamma^⌊step / step_size⌋``: a rate that falls in stairs.

    Notes
    -----
    PyTorch: ``StepLR``. Keras: ``ExponentialDecay(staircase=True)``.

    Examples
    --------
    >>> from tinygrad_edu import Value, optim
    >>> schedule = StepLR(optim.SGD([Value(1.0)], lr=1.0), step_size=30, gamma=0.5)
    >>> [schedule.rate(step) for step in (0, 29, 30, 60)]
    [1.0, 1.0, 0.5, 0.25]
    """

    def __init__(self, optimizer: Optimizer, step_size: int, gamma: float = 0.1) -> None:
        self.step_size = whole_number("step_size", step_size)
        self.gamma = positive("gamma", gamma)
        super().__init__(optimizer)

    def rate(self, step: int) -> float:
        return float(self.base_lr * self.gamma ** (step // self.step_size))


class MultiStepLR(LRScheduler):
    """The rate times ``gamma`` at each milestone.

    Notes
    -----
    PyTorch: ``MultiStepLR``. Keras has ``PiecewiseConstantDecay``, here `PiecewiseConstantLR`.

    Examples
    --------
    >>> from tinygrad_edu import Value, optim
    >>> schedule = MultiStepLR(optim.SGD([Value(1.0)], lr=1.0), milestones=[10, 30], gamma=0.5)
    >>> [schedule.rate(step) for step in (0, 9, 10, 30)]
    [1.0, 1.0, 0.5, 0.25]
    """

    def __init__(self, optimizer: Optimizer, milestones: Iterable[int], gamma: float = 0.1) -> None:
        self.milestones = _rising("milestones", milestones)
        self.gamma = positive("gamma", gamma)
        super().__init__(optimizer)

    def rate(self, step: int) -> float:
        return float(self.base_lr * self.gamma ** bisect_right(self.milestones, step))


class PiecewiseConstantLR(_ClosedForm):
    """The rates given: ``values[0]`` up to and with step ``boundaries[0]``, then ``values[1]``, and so on.

    Notes
    -----
    Keras: ``PiecewiseConstantDecay``. PyTorch: `MultiStepLR`, which changes at its milestones, not one step later.

    Examples
    --------
    >>> from tinygrad_edu import Value, optim
    >>> schedule = PiecewiseConstantLR(optim.SGD([Value(1.0)]), boundaries=[10, 30], values=[0.1, 0.03, 0.01])
    >>> [schedule.rate(step) for step in (0, 10, 11, 31)]
    [0.1, 0.1, 0.03, 0.01]
    """

    def __init__(self, optimizer: Optimizer, boundaries: Iterable[int], values: Sequence[float]) -> None:
        self.boundaries = _rising("boundaries", boundaries)
        self.values = [at_least_zero("a learning rate", value) for value in values]
        if len(self.values) != len(self.boundaries) + 1:
            raise ArgumentError(
                f"PiecewiseConstantLR takes one value more than boundaries, but was given {len(self.values)} values "
                f"and {len(self.boundaries)} boundaries"
            )
        super().__init__(optimizer)

    def rate(self, step: int) -> float:
        return self.values[bisect_left(self.boundaries, step)]


class LinearLR(LRScheduler):
    """From ``start_factor · base_lr`` to ``end_factor · base_lr`` in a straight line of ``total_iters`` steps.

    Notes
    -----
    PyTorch: ``LinearLR``. Keras: ``PolynomialDecay(power=1)``.

    Examples
    --------
    >>> from tinygrad_edu import Value, optim
    >>> schedule = LinearLR(optim.SGD([Value(1.0)], lr=1.0), start_factor=0.5, total_iters=4)
    >>> [schedule.rate(step) for step in (0, 2, 4, 9)]
    [0.5, 0.75, 1.0, 1.0]
    """

    def __init__(
        self,
        optimizer: Optimizer,
        start_factor: float = 1 / 3,
        end_factor: float = 1.0,
        total_iters: int = 5,
    ) -> None:
        self.start_factor = at_least_zero("start_factor", start_factor)
        self.end_factor = at_least_zero("end_factor", end_factor)
        self.total_iters = whole_number("total_iters", total_iters)
        super().__init__(optimizer)

    def rate(self, step: int) -> float:
        share = min(step / self.total_iters, 1.0)
        return self.base_lr * (self.start_factor + (self.end_factor - self.start_factor) * share)


class ConstantLR(LRScheduler):
    """``factor · base_lr`` for the first ``total_iters`` steps, then ``base_lr``.

    Notes
    -----
    PyTorch: ``ConstantLR``.

    Examples
    --------
    >>> from tinygrad_edu import Value, optim
    >>> schedule = ConstantLR(optim.SGD([Value(1.0)], lr=1.0), factor=0.5, total_iters=2)
    >>> [schedule.rate(step) for step in (0, 1, 2, 9)]
    [0.5, 0.5, 1.0, 1.0]
    """

    def __init__(self, optimizer: Optimizer, factor: float = 1 / 3, total_iters: int = 5) -> None:
        self.factor = proportion("factor", factor)
        self.total_iters = whole_number("total_iters", total_iters)
        super().__init__(optimizer)

    def rate(self, step: int) -> float:
        return self.base_lr * self.factor if step < self.total_iters else self.base_lr


class PolynomialLR(LRScheduler):
    """``base_lr · (1 − step / total_iters)^power``, and 0 after ``total_iters`` steps.

    Notes
    -----
    PyTorch: ``PolynomialLR``. Keras: ``PolynomialDecay``.

    Examples
    --------
    >>> from tinygrad_edu import Value, optim
    >>> schedule = PolynomialLR(optim.SGD([Value(1.0)], lr=1.0), total_iters=4, power=2.0)
    >>> [schedule.rate(step) for step in (0, 2, 4, 9)]
    [1.0, 0.25, 0.0, 0.0]
    """

    def __init__(self, optimizer: Optimizer, total_iters: int = 5, power: float = 1.0) -> None:
        self.total_iters = whole_number("total_iters", total_iters)
        self.power = positive("power", power)
        super().__init__(optimizer)

    def rate(self, step: int) -> float:
        return float(self.base_lr * (1 - min(step / self.total_iters, 1.0)) ** self.power)


class MultiplicativeLR(LRScheduler):
    """At every step the rate times ``lr_lambda(step)``.

    Notes
    -----
    PyTorch: ``MultiplicativeLR``.

    Examples
    --------
    >>> from tinygrad_edu import Value, optim
    >>> schedule = MultiplicativeLR(optim.SGD([Value(1.0)], lr=1.0), lambda step: 0.5)
    >>> [schedule.rate(step) for step in (0, 1, 2)]
    [1.0, 0.5, 0.25]
    """

    def __init__(self, optimizer: Optimizer, lr_lambda: Callable[[int], float]) -> None:
        if not callable(lr_lambda):
            raise DTypeError(
                f"MultiplicativeLR takes a function of the number of steps, but was given {shown(lr_lambda)}"
            )
        self.lr_lambda = lr_lambda
        super().__init__(optimizer)

    def rate(self, step: int) -> float:
        return self.base_lr * math.prod(self.lr_lambda(i) for i in range(1, step + 1))


class CosineAnnealingWarmRestarts(_ClosedForm):
    """From ``base_lr`` to ``eta_min`` along half a cosine, again and again (Loshchilov & Hutter, 2016).

    Parameters
    ----------
    optimizer : its rate is set.
    T_0 : steps of the first descent.
    T_mult : each descent has ``T_mult`` times as many steps as the one before.
    eta_min : the lowest rate.

    Notes
    -----
    PyTorch: ``CosineAnnealingWarmRestarts``. Keras: ``CosineDecayRestarts``.

    Examples
    --------
    >>> from tinygrad_edu import Value, optim
    >>> schedule = CosineAnnealingWarmRestarts(optim.SGD([Value(1.0)], lr=1.0), T_0=2, T_mult=2)
    >>> [round(schedule.rate(step), 3) for step in (0, 1, 2, 4, 6)]
    [1.0, 0.5, 1.0, 0.5, 1.0]
    """

    def __init__(self, optimizer: Optimizer, T_0: int, T_mult: int = 1, eta_min: float = 0.0) -> None:
        self.T_0 = whole_number("T_0", T_0)
        self.T_mult = whole_number("T_mult", T_mult)
        self.eta_min = at_least_zero("eta_min", eta_min)
        super().__init__(optimizer)

    def rate(self, step: int) -> float:
        length = self.T_0
        if self.T_mult == 1:
            step %= length
        while step >= length:
            step, length = step - length, length * self.T_mult
        return _cosine(self.base_lr, self.eta_min, step / length)


class SequentialLR(LRScheduler):
    """One schedule after another: each counts its steps from its own start.

    Parameters
    ----------
    optimizer : its rate is set.
    schedulers : schedules of this optimizer, made one after another. Do not call their ``step()``.
    milestones : the steps at which the next schedule starts, one less than the number of schedules.

    Raises
    ------
    ArgumentError : the milestones do not rise or are not one less, or a schedule belongs to another optimizer.

    Notes
    -----
    All have the base rate of the first one. PyTorch: ``SequentialLR``.

    Examples
    --------
    >>> from tinygrad_edu import Value, optim
    >>> optimizer = optim.SGD([Value(1.0)], lr=1.0)
    >>> warm_up, then = ConstantLR(optimizer, 0.5, 9), ExponentialLR(optimizer, 0.5)
    >>> schedule = SequentialLR(optimizer, [warm_up, then], milestones=[2])
    >>> [schedule.rate(step) for step in range(5)]
    [0.5, 0.5, 1.0, 0.5, 0.25]
    """

    def __init__(self, optimizer: Optimizer, schedulers: Sequence[LRScheduler], milestones: Iterable[int]) -> None:
        self.schedulers = _of_one_optimizer("SequentialLR", schedulers, optimizer)
        self.milestones = _rising("milestones", milestones)
        if len(self.milestones) != len(self.schedulers) - 1:
            raise ArgumentError(
                f"SequentialLR takes one milestone less than schedules, but was given {len(self.milestones)} and "
                f"{len(self.schedulers)}"
            )
        super().__init__(optimizer)

    def rate(self, step: int) -> float:
        i = bisect_right(self.milestones, step)
        return self.schedulers[i].rate(step - (self.milestones[i - 1] if i else 0))


class ChainedScheduler(LRScheduler):
    """Several schedules at once: their shares of the base rate are multiplied.

    Parameters
    ----------
    schedulers : schedules of one optimizer, made one after another. Do not call their ``step()``.
    optimizer : the optimizer, by default that of the first schedule.

    Notes
    -----
    All have the base rate of the first one. PyTorch: ``ChainedScheduler``.

    Examples
    --------
    >>> from tinygrad_edu import Value, optim
    >>> optimizer = optim.SGD([Value(1.0)], lr=1.0)
    >>> schedule = ChainedScheduler([ConstantLR(optimizer, 0.5, 2), ExponentialLR(optimizer, 0.5)])
    >>> [schedule.rate(step) for step in range(4)]
    [0.5, 0.25, 0.25, 0.125]
    """

    def __init__(self, schedulers: Sequence[LRScheduler], optimizer: Optimizer | None = None) -> None:
        optimizer = optimizer or (schedulers[0].optimizer if len(schedulers) else None)
        self.schedulers = _of_one_optimizer("ChainedScheduler", schedulers, optimizer)
        super().__init__(self.schedulers[0].optimizer)

    def rate(self, step: int) -> float:
        return self.base_lr * math.prod(s.rate(step) / s.base_lr for s in self.schedulers)


def _of_one_optimizer(name: str, schedulers: Sequence[LRScheduler], optimizer: Any) -> list[LRScheduler]:
    """The schedules, all with the base rate of the first. The optimizer gets this rate back."""
    found = list(schedulers)
    if not found or any(not isinstance(s, LRScheduler) or s.optimizer is not optimizer for s in found):
        raise ArgumentError(
            f"{name} takes schedules of its optimizer that are formulas of the steps, but was given {found}"
        )
    for s in found:
        s.base_lr = found[0].base_lr
    optimizer.lr = found[0].base_lr
    return found


class CosineAnnealingLR(LRScheduler):
    """From ``base_lr`` to ``eta_min`` along half a cosine of ``T_max`` steps, after a warm-up if asked for.

    ::

        eta_min + (base_lr − eta_min) · (1 + cos(π · step / T_max)) / 2

    Parameters
    ----------
    optimizer : its rate is set.
    T_max : steps from the highest to the lowest rate; after them it rises again, as in PyTorch.
    eta_min : the lowest rate.
    warmup_steps : number of first steps, in which the rate rises in a straight line from ``start_factor · base_lr``.
    start_factor : the warm-up starts at this share of ``base_lr``.

    Notes
    -----
    PyTorch: ``CosineAnnealingLR``; with warm-up ``SequentialLR([LinearLR, CosineAnnealingLR], [warmup_steps])``.
    Keras: ``CosineDecay(decay_steps=T_max, warmup_steps=…)``, which stays at the lowest rate. Loshchilov & Hutter,
    2016.

    Examples
    --------
    >>> from tinygrad_edu import Value, optim
    >>> schedule = CosineAnnealingLR(optim.SGD([Value(1.0)], lr=1.0), T_max=10, warmup_steps=2, start_factor=0.5)
    >>> [round(schedule.rate(step), 3) for step in (0, 1, 2, 7, 12)]
    [0.5, 0.75, 1.0, 0.5, 0.0]
    """

    def __init__(
        self,
        optimizer: Optimizer,
        T_max: int,
        eta_min: float = 0.0,
        warmup_steps: int = 0,
        start_factor: float = 0.1,
    ) -> None:
        self.T_max = whole_number("T_max", T_max)
        self.eta_min = at_least_zero("eta_min", eta_min)
        self.warmup_steps = whole_number("warmup_steps", warmup_steps, least=0)
        self.start_factor = at_least_zero("start_factor", start_factor)
        super().__init__(optimizer)

    def chained_rate(self, lr: float) -> float:
        before, now = self.rate(self.last_epoch - 1), self.rate(self.last_epoch)
        if self.last_epoch <= self.warmup_steps:
            return super().chained_rate(lr)
        if before == self.eta_min:  # the lowest rate: it rises again from here
            chained = lr + now - before
        else:
            chained = self.eta_min + (lr - self.eta_min) * (now - self.eta_min) / (before - self.eta_min)
        return max(0.0, chained)  # PyTorch's goes below 0 if something else has made the rate smaller than eta_min

    def rate(self, step: int) -> float:
        if step < self.warmup_steps:
            return self.base_lr * (self.start_factor + (1 - self.start_factor) * step / self.warmup_steps)
        return _cosine(self.base_lr, self.eta_min, (step - self.warmup_steps) / self.T_max)


def _cosine(start: float, end: float, share: float) -> float:
    return end + (start - end) * (1 + math.cos(math.pi * share)) / 2


class _Cycle(_ClosedForm):
    """A schedule that changes the momentum as well, or the first of the ``betas``."""

    def _choose_momentum(self, optimizer: Any, cycle_momentum: bool, lowest: float, highest: float) -> None:
        self.base_momentum = fraction("base_momentum", lowest)
        self.max_momentum = fraction("max_momentum", highest)
        self.cycle_momentum = cycle_momentum
        if not cycle_momentum:
            return
        if not hasattr(optimizer, "momentum") and not hasattr(optimizer, "betas"):
            raise ArgumentError(
                f"{type(self).__name__}: {type(optimizer).__name__} has no momentum to cycle: pass cycle_momentum=False"
            )
        self.cycled = optimizer.cycled = ("beta1" if hasattr(optimizer, "betas") else "momentum",)

    def momentum(self, step: int) -> float:
        """The momentum after so many steps."""
        raise NotImplementedError

    def _apply(self) -> None:
        super()._apply()
        for name in self.cycled:
            setattr(self.optimizer, name, self.momentum(self.last_epoch))


class OneCycleLR(_Cycle):
    """Up to ``max_lr`` and down again, each along half a cosine, while momentum goes down and up (Smith & Topin, 2017).

    Parameters
    ----------
    optimizer : its rate and its momentum are set.
    max_lr : the highest rate.
    total_steps : number of steps of the whole cycle.
    pct_start : share of the cycle in which the rate goes up.
    cycle_momentum : whether the optimizer's ``momentum``, or the first of its ``betas``, goes the other way.
    base_momentum, max_momentum : the lowest and the highest momentum.
    div_factor : the first rate is ``max_lr / div_factor``.
    final_div_factor : the last rate is the first ``/ final_div_factor``.

    Raises
    ------
    ArgumentError : a setting is out of its range, the optimizer has no momentum, or ``step()`` goes past the cycle.

    Notes
    -----
    PyTorch: ``OneCycleLR`` with its cosine strategy in two phases. Keras has none.

    Examples
    --------
    >>> from tinygrad_edu import Value, optim
    >>> optimizer = optim.SGD([Value(1.0)], momentum=0.9)
    >>> schedule = OneCycleLR(optimizer, max_lr=1.0, total_steps=11, pct_start=0.5, div_factor=10)
    >>> [round(schedule.rate(step), 3) for step in (0, 4, 5, 10)]
    [0.1, 0.973, 0.98, 0.0]
    """

    def __init__(
        self,
        optimizer: Optimizer,
        max_lr: float,
        total_steps: int,
        pct_start: float = 0.3,
        cycle_momentum: bool = True,
        base_momentum: float = 0.85,
        max_momentum: float = 0.95,
        div_factor: float = 25.0,
        final_div_factor: float = 1e4,
    ) -> None:
        self.max_lr = positive("max_lr", max_lr)
        self.total_steps = whole_number("total_steps", total_steps)
        self.pct_start = fraction("pct_start", pct_start)
        self.div_factor = positive("div_factor", div_factor)
        self.final_div_factor = positive("final_div_factor", final_div_factor)
        self._choose_momentum(optimizer, cycle_momentum, base_momentum, max_momentum)
        super().__init__(optimizer)

    def rate(self, step: int) -> float:
        first = self.max_lr / self.div_factor
        return self._between(step, first, self.max_lr, first / self.final_div_factor)

    def momentum(self, step: int) -> float:
        return self._between(step, self.max_momentum, self.base_momentum, self.max_momentum)

    def _between(self, step: int, start: float, peak: float, end: float) -> float:
        if step > self.total_steps:
            raise ArgumentError(f"OneCycleLR: step {step} is past the cycle, which has total_steps={self.total_steps}")
        top, last = self.pct_start * self.total_steps - 1, self.total_steps - 1
        if step <= top:
            return _cosine(start, peak, step / top if top else 0.0)
        return _cosine(peak, end, (step - top) / (last - top))


class CyclicLR(_Cycle):
    """Up from ``base_lr`` to ``max_lr`` and down again in straight lines, again and again (Smith, 2015).

    Parameters
    ----------
    optimizer : its rate and its momentum are set.
    base_lr, max_lr : the lowest and the highest rate.
    step_size_up : steps of the way up.
    step_size_down : steps of the way down, by default as many.
    mode : "triangular"; "triangular2", each cycle half as high as the one before; or "exp_range", the height times
        ``gamma^step``.
    gamma : for "exp_range".
    cycle_momentum, base_momentum, max_momentum : as for `OneCycleLR`.

    Raises
    ------
    ArgumentError : a setting is out of its range, or the optimizer has no momentum.

    Notes
    -----
    PyTorch: ``CyclicLR``. Keras has none.

    Examples
    --------
    >>> from tinygrad_edu import Value, optim
    >>> optimizer = optim.SGD([Value(1.0)], momentum=0.9)
    >>> schedule = CyclicLR(optimizer, base_lr=0.1, max_lr=1.1, step_size_up=2)
    >>> [round(schedule.rate(step), 3) for step in range(5)]
    [0.1, 0.6, 1.1, 0.6, 0.1]
    """

    def __init__(
        self,
        optimizer: Optimizer,
        base_lr: float,
        max_lr: float,
        step_size_up: int = 2000,
        step_size_down: int | None = None,
        mode: str = "triangular",
        gamma: float = 1.0,
        cycle_momentum: bool = True,
        base_momentum: float = 0.8,
        max_momentum: float = 0.9,
    ) -> None:
        self.lowest, self.max_lr = at_least_zero("base_lr", base_lr), positive("max_lr", max_lr)
        self.step_size_up = whole_number("step_size_up", step_size_up)
        down = self.step_size_up if step_size_down is None else step_size_down
        self.step_size_down = whole_number("step_size_down", down)
        self.mode = one_of("CyclicLR: mode", mode, "triangular", "triangular2", "exp_range")
        self.gamma = positive("gamma", gamma)
        self._choose_momentum(optimizer, cycle_momentum, base_momentum, max_momentum)
        super().__init__(optimizer)

    def rate(self, step: int) -> float:
        return self.lowest + (self.max_lr - self.lowest) * self._height(step)

    def momentum(self, step: int) -> float:
        return self.max_momentum - (self.max_momentum - self.base_momentum) * self._height(step)

    def _height(self, step: int) -> float:
        """From 0 to 1: how far up it is."""
        cycle, at = divmod(step, self.step_size_up + self.step_size_down)
        rising = at <= self.step_size_up
        height = at / self.step_size_up if rising else 1 - (at - self.step_size_up) / self.step_size_down
        return height * {"triangular": 1.0, "triangular2": 0.5**cycle, "exp_range": self.gamma**step}[self.mode]


class ReduceLROnPlateau(_Scheduler):
    """Multiplies the rate by ``factor`` when a metric has not improved for more than ``patience`` steps.

    Parameters
    ----------
    optimizer : its rate is set.
    mode : "min" for a metric that should fall, "max" for one that should rise.
    factor : below 1.
    patience : number of steps without improvement that are allowed.
    threshold : a metric counts as improved if it is better than the best so far by more than this.
    threshold_mode : "rel", the threshold is a share of the best metric, or "abs".
    cooldown : number of steps after a reduction that are not counted.
    min_lr : the lowest rate.
    eps : a smaller change of the rate is not made.

    Notes
    -----
    PyTorch: ``ReduceLROnPlateau``. With a negative metric and a relative threshold, PyTorch takes some metrics that are
    worse than the best for improvements; here they are not. Keras: the callback ``ReduceLROnPlateau``, which reduces
    one step earlier, and calls the threshold ``min_delta``.

    Examples
    --------
    >>> from tinygrad_edu import Value, optim
    >>> optimizer = optim.SGD([Value(1.0)], lr=1.0)
    >>> scheduler = ReduceLROnPlateau(optimizer, factor=0.5, patience=1)
    >>> for loss in (0.9, 0.9, 0.9):
    ...     scheduler.step(loss)
    >>> optimizer.lr
    0.5
    """

    entries: ClassVar[tuple[str, ...]] = ("last_epoch", "best", "num_bad_epochs", "cooldown_counter")

    def __init__(
        self,
        optimizer: Optimizer,
        mode: str = "min",
        factor: float = 0.1,
        patience: int = 10,
        threshold: float = 1e-4,
        threshold_mode: str = "rel",
        cooldown: int = 0,
        min_lr: float = 0.0,
        eps: float = 1e-8,
    ) -> None:
        super().__init__(optimizer)
        self.mode = one_of("ReduceLROnPlateau: mode", mode, "min", "max")
        self.threshold_mode = one_of("ReduceLROnPlateau: threshold_mode", threshold_mode, "rel", "abs")
        self.factor = fraction("factor", factor)
        self.patience = whole_number("patience", patience, least=0)
        self.cooldown = whole_number("cooldown", cooldown, least=0)
        self.threshold = at_least_zero("threshold", threshold)
        self.min_lr, self.eps = at_least_zero("min_lr", min_lr), at_least_zero("eps", eps)
        self.best = math.inf if mode == "min" else -math.inf
        self.num_bad_epochs = self.cooldown_counter = 0

    def step(self, metric: Any) -> None:
        """Take the newest value of the metric, and lower the optimizer's rate if it has not improved for too long."""
        if WATCH.active and MODES.recorder is not None:
            MODES.recorder.on_schedule_step(self, metric)
            return
        metric = as_number(metric)
        self.last_epoch += 1
        if self._improves(metric):
            self.best, self.num_bad_epochs = metric, 0
        else:
            self.num_bad_epochs += 1
        if self.cooldown_counter > 0:
            self.cooldown_counter -= 1
            self.num_bad_epochs = 0
        if self.num_bad_epochs > self.patience:
            lower = max(self.optimizer.lr * self.factor, self.min_lr)
            if self.optimizer.lr - lower > self.eps:
                self.optimizer.lr = lower
            self.cooldown_counter, self.num_bad_epochs = self.cooldown, 0

    def _improves(self, metric: float) -> bool:
        if math.isinf(self.best):  # the first
            return metric == metric
        sign = 1 if self.mode == "min" else -1
        scale = abs(self.best) if self.threshold_mode == "rel" else 1.0
        return sign * metric < sign * self.best - self.threshold * scale
