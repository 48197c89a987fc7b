"""The faults that are planted into healthy runs, in the form of the other lists."""

from typing import Any

from tests.faults.program import Program, Register
from tests.faults.truth import CLAIMS
from tests.train.healthy_runs import setup
from tests.train.planted_faults import FAULTS

CONSEQUENCES = (
    *("saturated", "dead relu", "exploding", "vanishing", "NaN", "rate too high", "rate too low", "init"),
    *("inputs not normalized", "targets not scaled"),
)


def planted() -> Register:
    """A register of them; the repaired program is the healthy run of the same seed."""
    register = Register()
    for title, plant in FAULTS.items():
        finding, _, name = title.partition(" | ")

        def build(seed: int, fixed: bool, plant: Any = plant) -> Any:
            return setup(seed) if fixed else plant(seed)

        register.programs[name.replace("_", "-")] = Program(
            name.replace("_", "-"), tuple(CLAIMS[finding]), CONSEQUENCES, build
        )
    return register
