"""``python -m tests.faults`` prints the score of the doctor and writes ``docs/doctor.md``.

With ``--seeds N`` each program runs with so many seeds (3 by default), with ``--healthy N`` each healthy kind (6), with
``--drawn N`` so many healthy runs are drawn (200), and with ``--planted N`` each planted fault runs so often (5).
"""

import argparse
import time

import numpy as np

from tests.faults import healthy, page
from tests.faults.afterwards import AFTERWARDS
from tests.faults.again import AGAIN
from tests.faults.blind import BLIND
from tests.faults.blind import HEALTHY as BLIND_HEALTHY
from tests.faults.invented import INVENTED
from tests.faults.planted import planted
from tests.faults.program import Register, watch
from tests.faults.published import PUBLISHED
from tests.faults.score import judge, total
from tests.faults.second import HEALTHY as SECOND_HEALTHY
from tests.faults.second import SECOND
from tests.train.healthy_runs import setup

LISTS: dict[str, Register] = {
    "published programs": PUBLISHED,
    "programs invented with the rules": INVENTED,
    "planted faults": planted(),
    "written afterwards": AFTERWARDS,
    "written once more": AGAIN,
    "written without sight of the rules": BLIND,
    "a second list without sight of the rules": SECOND,
}


def main() -> None:
    """Run all programs, print the score, write the page."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults")
    for name, default in (("seeds", 3), ("healthy", 6), ("drawn", 200), ("planted", 5)):
        parser.add_argument(f"--{name}", type=int, default=default)
    chosen = parser.parse_args()
    start = time.perf_counter()
    lists = {}
    for name, register in LISTS.items():
        seeds = chosen.planted if name == "planted faults" else chosen.seeds
        lists[name] = (
            register.programs,
            [
                judge(program, seed, fixed)
                for program in register.programs.values()
                for seed in range(seeds)
                for fixed in (False, True)
            ],
        )
        print(f"{name}: {total(lists[name][1])}", flush=True)
        for result in lists[name][1]:
            if not (result.named or result.fixed) or result.true < len(result.said):
                kind = "repaired" if result.fixed else "faulty"
                print(f"  {result.program}, seed {result.seed}, {kind}: {', '.join(result.said) or 'nothing'}")
    kinds = {
        kind: (
            chosen.healthy,
            [s for s in range(chosen.healthy) if watch(healthy.build(kind, s)).findings],
        )
        for kind in healthy.HEALTHY
    }
    blind, second = (
        {kind: (chosen.seeds, [s for s in range(chosen.seeds) if run(s).findings]) for kind, run in runs.items()}
        for runs in (BLIND_HEALTHY, SECOND_HEALTHY)
    )
    drawn = {"drawn at random": (chosen.drawn, [s for s in range(chosen.drawn) if _alarm(s)])}
    for kind, (runs, seeds) in (kinds | blind | second | drawn).items():
        print(f"healthy, {kind}: {len(seeds)} alarms in {runs}" + (f", seeds {seeds}" if seeds else ""), flush=True)
    page.write(lists, [kinds, blind, second, drawn])
    print(f"{time.perf_counter() - start:.0f} s; wrote {page.PAGE}")


def _alarm(seed: int) -> bool:
    """Whether anything is said of a healthy run that is drawn at random."""
    run = setup(seed)
    with np.errstate(all="ignore"):
        return bool(watch(run).findings)  # type: ignore[arg-type] it has what is needed


if __name__ == "__main__":
    main()
