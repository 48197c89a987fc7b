"""How layers make their parameters: checked types, and the usual first numbers."""

from typing import Any

import numpy as np

from tinygrad_edu.errors import DTypeError
from tinygrad_edu.nn.init import Rng, generator
from tinygrad_edu.support.types import DTypeLike
from tinygrad_edu.tensor import Tensor


def float_type(dtype: DTypeLike | None) -> np.dtype[Any]:
    """The type of a layer's parameters: float64 if none is given."""
    found = np.dtype(np.float64 if dtype is None else dtype)
    if found.kind != "f":
        raise DTypeError(f"parameters are floats, but dtype={found} was given: use float64 or float32")
    return found


def full(shape: int | tuple[int, ...], number: float, dtype: DTypeLike | None, label: str) -> Tensor:
    """A parameter whose entries are all ``number``."""
    return Tensor(np.full(shape, number, float_type(dtype)), label=label)


def uniform(bound: float, shape: int | tuple[int, ...], dtype: DTypeLike | None, label: str, rng: Rng) -> Tensor:
    """A parameter drawn uniformly from −bound to bound."""
    return Tensor(generator(rng).uniform(-bound, bound, shape), dtype=float_type(dtype), label=label)
