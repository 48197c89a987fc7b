"""The command `python -m tests.benchmarks`."""

import argparse
import multiprocessing
import os
import sys
from concurrent.futures import ProcessPoolExecutor
from importlib.util import find_spec
from pathlib import Path

from .report import PEERS, Row, page, tables
from .timing import FULL, QUICK, Effort
from .workloads import WORKLOADS, run

# The libraries read these when they are loaded, in the processes started below. NPROC is what jaxlib sizes
# its pool of threads by; the flags for XLA that are often quoted leave it with all cores.
THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS", "NPROC")

PAGE = Path(__file__).parents[2] / "docs" / "benchmarks.md"


def main() -> int:
    options = arguments()
    missing = [name for name in PEERS if find_spec(name) is None]
    if missing:
        print(f"not installed: {', '.join(missing)}; run: pip install 'tinygrad_edu[bench]'", file=sys.stderr)
        return 2
    os.environ.update(dict.fromkeys(THREADS, "1"))
    rows: list[Row] = []
    for name in options.only or WORKLOADS:
        measured = measure(name, QUICK if options.quick else FULL)
        print(tables(measured), flush=True)  # at once: the whole measurement takes long, and may be broken off
        rows += measured
    if options.write:
        PAGE.write_text(page(rows), encoding="utf-8")
        print(f"written: {PAGE}")
    return 0 if all(bar.met for row in rows for bar in row.bars) else 1


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m tests.benchmarks",
        description="Speed and memory beside other engines and NumPy by hand. Exit status 1: a bar missed.",
    )
    parser.add_argument("--quick", action="store_true", help="few rounds: a look, not a measurement")
    parser.add_argument("--only", action="append", choices=WORKLOADS, metavar="WORKLOAD", help=", ".join(WORKLOADS))
    parser.add_argument("--write", action="store_true", help="write docs/benchmarks.md")
    options = parser.parse_args()
    if options.write and (options.quick or options.only):
        parser.error("--write needs the whole measurement: leave out --quick and --only")
    return options


def measure(name: str, effort: Effort) -> list[Row]:
    """One workload in a fresh process: what one peer imported or left in memory must not slow the next."""
    print(f"{name} …", file=sys.stderr, flush=True)
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        return pool.submit(run, name, effort).result()


if __name__ == "__main__":
    sys.exit(main())
