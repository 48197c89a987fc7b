"""The score: how many faults the doctor names, how many of its claims are true, and where it raises an alarm."""

import time
from collections.abc import Iterable
from typing import NamedTuple

from tests.faults.program import Program, watch
from tests.faults.truth import CLAIMS


class Result(NamedTuple):
    """What was said of one run."""

    program: str
    seed: int
    fixed: bool
    said: tuple[str, ...]  # the names of the findings
    named: bool  # whether one of them is a cause
    true: int  # how many are causes or symptoms
    seconds: float


class Score(NamedTuple):
    """Sums over runs."""

    faulty: int
    detected: int  # faulty runs with a finding
    named: int  # faulty runs whose cause is named
    findings: int  # in all runs
    true: int  # findings that are causes or symptoms
    repaired: int
    alarms: int  # repaired runs with a finding

    @property
    def recall(self) -> float:
        return self.named / max(self.faulty, 1)

    @property
    def precision(self) -> float:
        return self.true / max(self.findings, 1)

    def __str__(self) -> str:
        return (
            f"detected {self.detected} of {self.faulty}, a cause named in {self.named} (recall {self.recall:.2f}), "
            f"{self.true} of {self.findings} findings true (precision {self.precision:.2f}), "
            f"{self.alarms} alarms in {self.repaired} repaired runs"
        )


def judge(program: Program, seed: int, fixed: bool) -> Result:
    """Run the program under the doctor, and compare what it says with the truth."""
    start = time.perf_counter()
    said = tuple([finding.name for finding in watch(program.build(seed, fixed)).findings])
    causes, symptoms = ((), ()) if fixed else (program.causes, program.symptoms)
    named = any(CLAIMS[name] & {*causes} for name in said)
    true = sum(bool(CLAIMS[name] & {*causes, *symptoms}) for name in said)
    return Result(program.name, seed, fixed, said, named, true, time.perf_counter() - start)


def total(results: Iterable[Result]) -> Score:
    """The sums over the results."""
    results = list(results)
    faulty, repaired = ([r for r in results if r.fixed is fixed] for fixed in (False, True))
    return Score(
        len(faulty),
        sum(bool(r.said) for r in faulty),
        sum(r.named for r in faulty),
        sum(len(r.said) for r in results),
        sum(r.true for r in results),
        len(repaired),
        sum(bool(r.said) for r in repaired),
    )
