"""Recording the step of a learning-rate schedule: one line of the program, which computes the new rate and counters."""

import copy
import operator
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from tinygrad_edu.compiler.program import CALL, INDEX
from tinygrad_edu.compiler.record.traced import value_of
from tinygrad_edu.graph.modes import MODES

if TYPE_CHECKING:
    from tinygrad_edu.compiler.record.recorder import Recorder


class Schedule:
    """A schedule as a function: of the rate, of the numbers in its attributes, and of what its ``step`` takes."""

    __name__ = called = "schedule"

    def __init__(self, scheduler: Any) -> None:
        self.scheduler = scheduler
        self.names = [name for name, x in vars(scheduler).items() if isinstance(x, bool | int | float)]

    def __call__(self, lr: float, *numbers: Any) -> tuple[Any, ...]:
        """The new rate and numbers; the schedule itself stays as it is."""
        twin = copy.copy(self.scheduler)
        twin.__dict__.update(zip(self.names, numbers, strict=False), optimizer=SimpleNamespace(lr=lr))
        recorder, MODES.recorder = MODES.recorder, None  # the step of the twin is computed, and not recorded
        try:
            twin.step(*numbers[len(self.names) :])
        finally:
            MODES.recorder = recorder
        return (twin.optimizer.lr, *(getattr(twin, name) for name in self.names))


def record_schedule(recorder: "Recorder", scheduler: Any, args: tuple[Any, ...]) -> None:
    """What the ``step`` of a schedule does, as a line of the program."""
    schedule = recorder.schedules.get(id(scheduler))
    if schedule is None:
        schedule = recorder.schedules[id(scheduler)] = Schedule(scheduler)
    places = [(scheduler.optimizer, "lr"), *((scheduler, name) for name in schedule.names)]
    given = [recorder.setting(owner, name, flags=True) for owner, name in places]
    with recorder.operation("update"):
        new = schedule(*map(value_of, (*given, *args)))
        whole = recorder.emit(CALL, schedule, (*given, *args), {}, new)
        for i, (owner, name) in enumerate(places):
            setattr(owner, name, recorder.emit(INDEX, operator.getitem, (whole, i), {}, new[i]))
