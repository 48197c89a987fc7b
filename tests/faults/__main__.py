"""``python -m tests.faults`` prints the score of the doctor and writes ``docs/doctor.md``.

With ``--seeds N`` each program runs with so many seeds (3 by default), with ``--healthy N`` each healthy kind (6), with
``--drawn N`` so many healthy runs are drawn (200), and with ``--planted N`` each planted fault runs so often (5). The
runs are spread over ``--processes N`` (2).
"""

import argparse
import time

from joblib import Parallel, delayed

from tests.faults import page
from tests.faults.lists import DRAWN, LISTS, OURS, alarmed, healthy_kinds, judged
from tests.faults.score import total


def main() -> None:
    """Run all programs, print the score, write the page."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults")
    for name, default in (("seeds", 3), ("healthy", 6), ("drawn", 200), ("planted", 5), ("processes", 2)):
        parser.add_argument(f"--{name}", type=int, default=default)
    chosen = parser.parse_args()
    start = time.perf_counter()
    at_once = Parallel(n_jobs=chosen.processes, batch_size=4)
    lists = {}
    for name, register in LISTS.items():
        seeds = chosen.planted if name == "planted faults" else chosen.seeds
        runs = [(name, p, s, fixed) for p in register.programs for s in range(seeds) for fixed in (False, True)]
        results = at_once(delayed(judged)(*run) for run in runs)
        lists[name] = register.programs, results
        print(f"{name}: {total(results)}", flush=True)
        for result in results:
            if not (result.named or result.fixed) or result.true < len(result.said):
                kind = "repaired" if result.fixed else "faulty"
                print(f"  {result.program}, seed {result.seed}, {kind}: {', '.join(result.said) or 'nothing'}")
    alarms = []
    for name, kinds in (healthy_kinds() | {DRAWN: [DRAWN]}).items():
        seeds = {OURS: chosen.healthy, DRAWN: chosen.drawn}.get(name, chosen.seeds)
        runs = [(name, kind, seed) for kind in kinds for seed in range(seeds)]
        said = dict(zip(runs, at_once(delayed(alarmed)(*run) for run in runs), strict=True))
        alarms.append({kind: (seeds, [s for s in range(seeds) if said[name, kind, s]]) for kind in kinds})
        wrong = {kind: found for kind, (_, found) in alarms[-1].items() if found}
        print(f"healthy, {name}: {len(runs)} runs, alarms in {wrong or 'none'}", flush=True)
    page.write(lists, alarms)
    print(f"{time.perf_counter() - start:.0f} s; wrote {page.PAGE}")


if __name__ == "__main__":
    main()
