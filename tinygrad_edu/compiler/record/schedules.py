"""Recording the step of a learning-rate schedule: one line of the program, which computes the new rate and counters.

A schedule that changes the momentum as well gives that, too.
"""

import copy
import operator
from types import SimpleNamespace
from typing import Any

from tinygrad_edu.compiler.program import CALL, INDEX
from tinygrad_edu.compiler.record.traced import value_of
from tinygrad_edu.graph.modes import MODES

Recorder = Any  # `recorder.Recorder`, which imports this module


class Schedule:
    """A schedule as a function: of the settings, the numbers in its attributes, and what its ``step`` takes."""

    __name__ = called = "schedule"

    def __init__(self, scheduler: Any) -> None:
        self.scheduler = scheduler
        self.settings = ["lr", *scheduler.cycled]
        self.names = [name for name, x in vars(scheduler).items() if isinstance(x, bool | int | float)]
        optimizer = scheduler.optimizer
        self.places = [(optimizer, name) for name in self.settings] + [(scheduler, name) for name in self.names]

    def __call__(self, *given: Any) -> tuple[Any, ...]:
        """The new settings and numbers; the schedule itself stays as it is."""
        twin, count = copy.copy(self.scheduler), len(self.settings)
        optimizer = SimpleNamespace(**dict(zip(self.settings, given, strict=False)))
        twin.__dict__.update(zip(self.names, given[count:], strict=False), optimizer=optimizer)
        recorder, MODES.recorder = MODES.recorder, None  # the step of the twin is computed, and not recorded
        try:
            twin.step(*given[len(self.places) :])
        finally:
            MODES.recorder = recorder
        return (*(getattr(optimizer, name) for name in self.settings), *(getattr(twin, name) for name in self.names))


def record_schedule(recorder: Recorder, scheduler: Any, args: tuple[Any, ...]) -> None:
    """What the ``step`` of a schedule does, as a line of the program."""
    schedule = recorder.schedules.get(id(scheduler))
    if schedule is None:
        schedule = recorder.schedules[id(scheduler)] = Schedule(scheduler)
    given = [recorder.setting(owner, name, flags=True) for owner, name in schedule.places]
    with recorder.operation("update"):
        new = schedule(*map(value_of, (*given, *args)))
        whole = recorder.emit(CALL, schedule, (*given, *args), {}, new)
        for i, (owner, name) in enumerate(schedule.places):
            setattr(owner, name, recorder.emit(INDEX, operator.getitem, (whole, i), {}, new[i]))
