"""Facts about the BLAS that NumPy uses, and memory that is fast with it.

On a processor with AVX-512, OpenBLAS multiplies small matrices in place. It copies larger ones first, tile by tile.
With few rows on one side, the copy takes as long as the product, and some rows at a time are quicker. But with several
threads, it divides a large product among them.

It reads and writes whole lines of the cache. NumPy's memory can begin anywhere in a line, and so can each row of a
matrix of 512 columns. A product with such a matrix takes up to 1.5 times as long.
"""

import functools
import math
import os
from typing import Any

import numpy as np

from tinygrad_edu.support.types import Array

_LINE = 64  # bytes of a line of the cache
SMALL = 10**6  # multiplications
_TILE = 4  # rows
_MOST_READS = 6  # how often the other matrix may be read
_CACHE = 1 << 21  # bytes of the other matrix, which has to stay in the cache
_THREADS = ("OPENBLAS_NUM_THREADS", "GOTO_NUM_THREADS", "OMP_NUM_THREADS")  # in OpenBLAS's order


def rows_at_once(n: int, k: int, m: int, itemsize: int) -> int:
    """How many rows of an (n, k) matrix to multiply at a time with a (k, m) matrix, both stored row by row."""
    rows = SMALL // max(k * m, 1)
    rows -= rows % _TILE if rows > _TILE else 0
    fits = 2 <= rows < n <= _MOST_READS * rows and k * m * itemsize <= _CACHE
    return rows if fits and multiplies_in_place() else n


@functools.cache
def multiplies_in_place() -> bool:
    """Whether small matrices are multiplied without a copy, and larger ones by one thread."""
    config = np.show_config(mode="dicts") or {}
    name = config.get("Build Dependencies", {}).get("blas", {}).get("name", "")
    found = config.get("SIMD Extensions", {}).get("found", ())
    given = [os.environ[variable] for variable in _THREADS if os.environ.get(variable)]
    one_thread = given[0] == "1" if given else os.cpu_count() == 1
    return "openblas" in name and one_thread and not {"X86_V4", "AVX512_SKX"}.isdisjoint(found)


def aligned_empty(shape: tuple[int, ...], dtype: np.dtype[Any]) -> Array:
    """`numpy.empty`, but the memory begins at the start of a line of the cache."""
    size = math.prod(shape) * dtype.itemsize
    memory = np.empty(size + _LINE, np.uint8)
    start = -memory.ctypes.data % _LINE
    return memory[start : start + size].view(dtype).reshape(shape)
