"""Freed memory stays with the process."""

import platform
import subprocess
import sys

import pytest

PAGE_FAULTS = """
import resource
import numpy as np
{first}
x = np.ones(1 << 17, np.float32)
def work():
    return (x + 1) * (x + 2) + (x + 3) * (x + 4)
for _ in range(3):
    y = work()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(20):
    y = work()
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before, y.sum())
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="needs the GNU C library")
def test_arrays_of_the_next_step_take_the_same_memory():
    def faults(first):
        done = subprocess.run([sys.executable, "-c", PAGE_FAULTS.format(first=first)], capture_output=True, check=True)
        count, total = done.stdout.split()
        return int(count), total

    plain, fast = faults(""), faults("import tinygrad_edu.tensor")
    assert fast[1] == plain[1]
    assert plain[0] > 1000
    assert fast[0] < 100
