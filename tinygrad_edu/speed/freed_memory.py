"""Freed memory that stays with the process, so that the arrays of the next operation can have it.

A training step makes and frees many arrays of some hundred kilobytes. glibc's `free` gives memory at the end of the
heap back to the system, once there is more of it than twice the largest block that had a mapping of its own and was
freed. The next array takes the same memory from the system again, and each page of 4 KiB costs a page fault. In a step
of a small transformer that is a third of the time.

A block that is made and freed once raises that threshold. The block is never written to, so it takes no memory itself.
The plain version is to do nothing. With other C libraries it is the same as to do nothing.
"""

import numpy as np

BLOCK = 16 << 20  # bytes: up to twice as much free memory stays. From 32 MiB on, glibc does not count a block.


def keep_freed_memory() -> None:
    """Let the process keep up to 32 MiB of freed memory."""
    np.empty(BLOCK, np.uint8)
