"""What ``rng`` may be: a source of random numbers.

A `numpy.random.Generator` or `numpy.random.RandomState` is drawn from and moves on. An int is a seed with
the meaning that scikit-learn gives to ``random_state=42``: ``RandomState(42)``, a new one in every call. None
means different numbers every time.
"""

import operator

import numpy as np

from tinygrad_edu.errors import ArgumentError, DTypeError
from tinygrad_edu.support.types import Rng as Rng


def random_source(rng: Rng) -> np.random.Generator | np.random.RandomState:
    """Return the object to draw from."""
    if isinstance(rng, np.random.Generator | np.random.RandomState):
        return rng
    if rng is None:
        return np.random.default_rng()
    try:
        seed = operator.index(rng)
    except TypeError:
        raise DTypeError(
            f"rng must be a numpy.random.Generator, an int seed or None, not {rng!r}: "
            "numpy.random.default_rng(0) makes one"
        ) from None
    if not 0 <= seed < 2**32:
        raise ArgumentError(f"an int rng must lie between 0 and 2**32 - 1, not {seed}")
    return np.random.RandomState(seed)


def random_state(rng: Rng) -> np.random.RandomState:
    """Return the same source as the older class, the only one that scikit-learn takes.

    The two share one bit generator, so drawing moves a caller's Generator on.
    """
    source = random_source(rng)
    return np.random.RandomState(source.bit_generator) if isinstance(source, np.random.Generator) else source
