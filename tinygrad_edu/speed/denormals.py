"""Denormal numbers as zeros, where the processor is slow with them.

A float32 has 24 bits of precision down to 1.2e-38. Smaller numbers, down to 1.4e-45, are denormal: they have fewer
bits, and x86 processors take up to a hundred times as long for them. Training meets them: a running average of a
gradient that stays 0 shrinks as ``0.9 ** t``, is denormal after 830 steps, and stays so, because ``0.9 * x`` of the
smallest numbers rounds to x.

The plain version is not to use `flush_denormals`. Results then differ by less than 1.2e-38 in each operation.
"""

import contextlib
import ctypes
import platform
from collections.abc import Iterator

import numpy as np

_BITS = 0x8040  # of the register MXCSR: results that are denormal are 0, and so are operands
_MXCSR = 7  # its place in glibc's `fenv_t`, in words of 32 bits


@contextlib.contextmanager
def flush_denormals() -> Iterator[bool]:
    """Within it, in this thread and in threads that it starts, numbers too small for full precision are 0.

    Adam's averages of pixels that are never lit sink that low, and then a step of a small net on MNIST takes two to
    three times as long. What changes are float32 numbers below 1.2e-38 and float64 numbers below 2.2e-308.

    Yields
    ------
    Whether it is so. It is on x86-64 with the GNU C library. Elsewhere nothing changes.

    Notes
    -----
    PyTorch: ``torch.set_flush_denormal``.

    Examples
    --------
    >>> import numpy as np
    >>> from tinygrad_edu import flush_denormals
    >>> tiny = np.array([1e-40], np.float32)
    >>> with flush_denormals() as flushed:
    ...     product = tiny * np.float32(0.5)
    >>> bool(product[0] == 0) == flushed
    True
    >>> bool((tiny * np.float32(0.5))[0] == 0)
    False
    """
    before = _exchange(_BITS)
    try:
        yield before is not None and _product_of_denormals() == 0
    finally:
        if before is not None:
            _exchange(before)


def _exchange(bits: int) -> int | None:
    """Set these bits of the register; what they were, or None where the register is not known."""
    if platform.machine() != "x86_64" or platform.libc_ver()[0] != "glibc":
        return None
    library, environment = ctypes.CDLL("libm.so.6"), (ctypes.c_uint32 * 8)()
    library.fegetenv(environment)
    before = environment[_MXCSR] & _BITS
    environment[_MXCSR] = environment[_MXCSR] & ~_BITS | bits
    library.fesetenv(environment)
    return before


def _product_of_denormals() -> float:
    return float((np.full(1, 1e-40, np.float32) * np.float32(0.5))[0])
