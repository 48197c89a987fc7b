"""The lists of faulty programs and of healthy runs, and the work on one run of each, by name."""

from typing import Any

import numpy as np

from tests.faults import blind, fifth, fourth, healthy, second, sixth, third
from tests.faults.afterwards import AFTERWARDS
from tests.faults.again import AGAIN
from tests.faults.invented import INVENTED
from tests.faults.planted import planted
from tests.faults.program import BlindList, Register, watch
from tests.faults.published import PUBLISHED
from tests.faults.score import Result, judge
from tests.train.healthy_runs import setup

BLIND: dict[str, BlindList] = {
    "written without sight of the rules": blind.LIST,
    "a second list without sight of the rules": second.LIST,
    "a third list without sight of the rules": third.LIST,
    "a fourth list without sight of the rules": fourth.LIST,
    "a fifth list without sight of the rules": fifth.LIST,
    "a sixth list without sight of the rules": sixth.LIST,
}
LISTS: dict[str, Register] = {
    "published programs": PUBLISHED,
    "programs invented with the rules": INVENTED,
    "planted faults": planted(),
    "written afterwards": AFTERWARDS,
    "written once more": AGAIN,
    **{name: written.register for name, written in BLIND.items()},
}
OURS, DRAWN = "healthy kinds", "drawn at random"


def healthy_kinds() -> dict[str, list[str]]:
    """The kinds of healthy runs, by the list that they stand in."""
    return {OURS: [*healthy.HEALTHY]} | {name: [*written.healthy_runs] for name, written in BLIND.items()}


def judged(name: str, program: str, seed: int, fixed: bool) -> Result:
    """The score of one run of a faulty program or of its repaired twin."""
    return judge(LISTS[name].programs[program], seed, fixed)


def alarmed(name: str, kind: str, seed: int) -> bool:
    """Whether anything is said of a healthy run."""
    with np.errstate(all="ignore"):
        run: Any
        if name == OURS:
            run = healthy.build(kind, seed)
        elif name == DRAWN:
            run = setup(seed)
        else:
            run = BLIND[name].healthy_runs[kind](seed)
        return bool(watch(run).findings)
