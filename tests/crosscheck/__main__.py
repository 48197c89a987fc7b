"""The long cross-examination: `python -m tests.crosscheck --minutes 20`.

At first all of PyTorch's operator samples are compared once, where PyTorch is installed. Then it draws new cases for
each ``test_*`` of this folder in turn, until the time is over. It prints how many cases each test has seen, and for a
test that fails the smallest failing case that Hypothesis finds.
"""

import argparse
import importlib
import os
import random
import subprocess
import sys
import time
from pathlib import Path

import hypothesis
from hypothesis import HealthCheck, settings

MODULES = ("test_rows", "test_functions", "test_programs", "test_training")
ROUND = 200  # cases of one test before the next test has its turn


class Examination:
    """One test of this folder, with the number of cases that it has seen and its first failure."""

    def __init__(self, name, test):
        self.name = name
        self.cases = 0
        self.failure = ""
        inner = test.hypothesis.inner_test

        def counted(*args, **keywords):
            self.cases += 1
            return inner(*args, **keywords)

        test.hypothesis.inner_test = counted
        limits = settings(
            max_examples=ROUND,
            deadline=None,
            database=None,
            derandomize=False,
            print_blob=False,
            suppress_health_check=list(HealthCheck),
        )
        self.test = limits(test)  # once: a test takes its settings only once

    def run(self, seed):
        """Draw a round of cases; keep what a failure says."""
        try:
            hypothesis.seed(seed)(self.test)()
        except Exception as error:
            notes = "\n".join(getattr(error, "__notes__", ()))
            self.failure = f"{type(error).__name__}: {error}\n{notes}"


def examinations():
    """The tests that Hypothesis draws cases for."""
    for module in MODULES:
        found = importlib.import_module(f"tests.crosscheck.{module}")
        for name, test in vars(found).items():
            if name.startswith("test_") and hasattr(test, "hypothesis"):
                yield Examination(f"{module}.{name}", test)


def operator_samples():
    """Compare all of PyTorch's samples; what pytest prints, and whether all agreed."""
    samples = str(Path(__file__).with_name("test_operator_samples.py"))
    everything = os.environ | {"HYPOTHESIS_PROFILE": "thorough"}
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", samples]
    done = subprocess.run(command, env=everything, capture_output=True, text=True, check=False)
    return done.stdout.strip().splitlines(), done.returncode == 0


def main(arguments):
    """Examine for as long as the command line says; 0 if nothing was found."""
    parser = argparse.ArgumentParser(prog="python -m tests.crosscheck", description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=20.0)
    parser.add_argument("--seed", type=int, default=None, help="of the cases; without it, new cases each time")
    options = parser.parse_args(arguments)
    seed = random.randrange(2**32) if options.seed is None else options.seed
    print(f"seed {seed}, {options.minutes:g} minutes")
    lines, agreed = operator_samples()
    print(f"operator samples: {lines[-1] if agreed else chr(10).join(lines)}", flush=True)
    end = time.monotonic() + 60 * options.minutes
    pending = list(examinations())
    everything = list(pending)
    while pending and time.monotonic() < end:
        for examination in list(pending):
            seed += 1
            examination.run(seed)
            if examination.failure:
                print(f"\nFAILED {examination.name}\n{examination.failure}\n", flush=True)
                pending.remove(examination)
            if time.monotonic() > end:
                break
    for examination in everything:
        print(f"{examination.name:60} {examination.cases:8,} cases  {'FAILED' if examination.failure else 'agrees'}")
    return int(not agreed or any(examination.failure for examination in everything))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
