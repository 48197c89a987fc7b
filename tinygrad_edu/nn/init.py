"""Initial weights: PyTorch's functions, by their names, with its gains.

Each fills a parameter in place and returns it. A `Linear`'s weight is ``(in_features, out_features)`` here, so
``fan_in``, the number of inputs of a unit, is its number of rows.

Each takes an ``rng``: a `numpy.random.Generator` (or RandomState), a seed, or None for different numbers every time.
A seed gives the same numbers in every call: for several parameters, pass one Generator.

>>> import numpy as np
>>> from tinygrad_edu import nn
>>> net, rng = nn.MLP(784, [30, 10], activation="sigmoid"), np.random.default_rng(0)
>>> for layer in net.layers:
...     _ = nn.init.xavier_normal_(layer.weight, rng=rng)
...     _ = nn.init.zeros_(layer.bias)
"""

import math
import operator
from typing import Any

import numpy as np

from tinygrad_edu.errors import ArgumentError, DTypeError, ShapeError
from tinygrad_edu.support.arguments import at_least_zero, one_of, shown
from tinygrad_edu.support.types import Rng as Rng
from tinygrad_edu.tensor import Tensor

_GAINS = {
    "linear": 1.0,
    "identity": 1.0,
    "sigmoid": 1.0,
    "tanh": 5 / 3,
    "relu": math.sqrt(2),
    "selu": 3 / 4,
}


def generator(rng: Rng) -> np.random.Generator | np.random.RandomState:
    """The source of random numbers that ``rng`` stands for.

    Examples
    --------
    >>> generator(0).integers(100), generator(0).integers(100)
    (np.int64(85), np.int64(85))
    """
    if isinstance(rng, np.random.Generator | np.random.RandomState):
        return rng
    try:
        seed = None if rng is None else operator.index(rng)
    except TypeError:
        raise DTypeError(
            f"rng must be a numpy.random.Generator, a seed or None, but was given {shown(rng)}: "
            "numpy.random.default_rng(0) makes one"
        ) from None
    if seed is not None and seed < 0:
        raise ArgumentError(f"a seed must not be negative, but was given {seed}")
    return np.random.default_rng(seed)


def calculate_gain(nonlinearity: str, param: float | None = None) -> float:
    """How much larger weights must be for an activation to keep the size of what passes through it.

    Parameters
    ----------
    nonlinearity : "linear", "identity", "sigmoid" (gain 1), "tanh" (5/3), "relu" (√2), "leaky_relu" (√(2 / (1 +
        slope²))) or "selu" (3/4), as in PyTorch.
    param : the slope of "leaky_relu", by default 0.01.

    Examples
    --------
    >>> calculate_gain("relu")
    1.4142135623730951
    >>> calculate_gain("leaky_relu", 0.1)
    1.4071950894605838
    """
    if nonlinearity == "leaky_relu":
        slope = 0.01 if param is None else param
        return math.sqrt(2 / (1 + slope**2))
    if nonlinearity not in _GAINS:
        raise ArgumentError(
            f"there is no gain for {nonlinearity!r}: choose one of {', '.join(_GAINS)} and leaky_relu, or pass a number"
        )
    return _GAINS[nonlinearity]


def _checked(tensor: Any) -> Tensor:
    if not isinstance(tensor, Tensor):
        raise DTypeError(f"this fills a Tensor, such as layer.weight, but was given {shown(tensor)}")
    if tensor.dtype.kind != "f":
        raise DTypeError(f"weights are floats, but the Tensor given holds {tensor.dtype}")
    return tensor


def _fill(tensor: Tensor, array: Any) -> Tensor:
    tensor.data = np.asarray(array, tensor.dtype)
    return tensor


def _fans(tensor: Tensor) -> tuple[int, int]:
    """Numbers of inputs and outputs of a unit: of a `Linear`'s (in, out), of a convolution's (out, in, *size)."""
    if _checked(tensor).ndim < 2 or not tensor.size:
        raise ShapeError(
            f"this initialization is for weights of two axes or more, but was given a Tensor of shape {tensor.shape}: "
            "fill a bias with zeros_ or uniform_"
        )
    if tensor.ndim == 2:
        return tensor.shape[0], tensor.shape[1]
    entries = math.prod(tensor.shape[2:])
    return tensor.shape[1] * entries, tensor.shape[0] * entries


def constant_(tensor: Tensor, val: float) -> Tensor:
    """Fill with one number.

    Examples
    --------
    >>> constant_(Tensor([1.0, 2.0]), 3).tolist()
    [3.0, 3.0]
    """
    return _fill(tensor, np.full(_checked(tensor).shape, val))


def zeros_(tensor: Tensor) -> Tensor:
    """Fill with zeros: fit for biases. Weights of zeros never learn, since all units of a layer stay equal.

    Examples
    --------
    >>> zeros_(Tensor([1.0, 2.0])).tolist()
    [0.0, 0.0]
    """
    return constant_(tensor, 0.0)


def ones_(tensor: Tensor) -> Tensor:
    """Fill with ones.

    Examples
    --------
    >>> ones_(Tensor([5.0, 2.0])).tolist()
    [1.0, 1.0]
    """
    return constant_(tensor, 1.0)


def uniform_(tensor: Tensor, a: float = 0.0, b: float = 1.0, rng: Rng = None) -> Tensor:
    """Draw from the uniform distribution on [a, b).

    Examples
    --------
    >>> uniform_(Tensor([0.0, 0.0]), -1, 1, rng=0).data.round(6)
    array([ 0.273923, -0.460427])
    """
    if not -math.inf < a <= b < math.inf:
        raise ArgumentError(f"uniform_ needs numbers a <= b, but was given a={a!r} and b={b!r}")
    return _fill(tensor, generator(rng).uniform(a, b, _checked(tensor).shape))


def normal_(tensor: Tensor, mean: float = 0.0, std: float = 1.0, rng: Rng = None) -> Tensor:
    """Draw from the normal distribution.

    Examples
    --------
    >>> normal_(Tensor([0.0, 0.0]), std=0.1, rng=0).data.round(6)
    array([ 0.012573, -0.01321 ])
    """
    return _fill(tensor, generator(rng).normal(mean, at_least_zero("std", std), _checked(tensor).shape))


def xavier_uniform_(tensor: Tensor, gain: float = 1.0, rng: Rng = None) -> Tensor:
    """Draw from U(−a, a) with ``a = gain · √(6 / (fan_in + fan_out))`` (Glorot & Bengio, 2010).

    Parameters
    ----------
    tensor : shape (fan_in, fan_out).
    gain : see `calculate_gain`.
    rng : where the numbers are drawn from.

    Examples
    --------
    >>> W = xavier_uniform_(Tensor(np.zeros((200, 100))), rng=0)
    >>> bool(abs(W.data).max() <= math.sqrt(6 / 300))
    True
    """
    bound = gain * math.sqrt(6 / sum(_fans(tensor)))
    return uniform_(tensor, -bound, bound, rng)


def xavier_normal_(tensor: Tensor, gain: float = 1.0, rng: Rng = None) -> Tensor:
    """Draw from N(0, σ²) with ``σ = gain · √(2 / (fan_in + fan_out))`` (Glorot & Bengio, 2010).

    Parameters
    ----------
    tensor, gain, rng : as for `xavier_uniform_`.

    Examples
    --------
    >>> W = xavier_normal_(Tensor(np.zeros((200, 100))), rng=0)
    >>> round(W.data.std() / math.sqrt(2 / 300), 2)
    np.float64(1.0)
    """
    return normal_(tensor, 0.0, gain * math.sqrt(2 / sum(_fans(tensor))), rng)


def _kaiming(tensor: Tensor, a: float, mode: str, nonlinearity: str) -> float:
    one_of("mode", mode, "fan_in", "fan_out")
    return calculate_gain(nonlinearity, a) / math.sqrt(_fans(tensor)[mode == "fan_out"])


def kaiming_uniform_(
    tensor: Tensor,
    a: float = 0.0,
    mode: str = "fan_in",
    nonlinearity: str = "leaky_relu",
    rng: Rng = None,
) -> Tensor:
    """Draw from U(−b, b) with ``b = gain · √(3 / fan)`` (He et al., 2015).

    Parameters
    ----------
    tensor : shape (fan_in, fan_out).
    a : slope of the leaky ReLU after the layer; 0 is ReLU.
    mode : "fan_in" keeps the size of what goes forward, "fan_out" that of the gradients.
    nonlinearity : for `calculate_gain`.
    rng : where the numbers are drawn from.

    Examples
    --------
    >>> W = kaiming_uniform_(Tensor(np.zeros((200, 100))), rng=0)
    >>> bool(abs(W.data).max() <= math.sqrt(6 / 200))
    True
    """
    bound = math.sqrt(3) * _kaiming(tensor, a, mode, nonlinearity)
    return uniform_(tensor, -bound, bound, rng)


def kaiming_normal_(
    tensor: Tensor,
    a: float = 0.0,
    mode: str = "fan_in",
    nonlinearity: str = "leaky_relu",
    rng: Rng = None,
) -> Tensor:
    """Draw from N(0, σ²) with ``σ = gain / √fan`` (He et al., 2015).

    Parameters
    ----------
    tensor, a, mode, nonlinearity, rng : as for `kaiming_uniform_`.

    Examples
    --------
    >>> W = kaiming_normal_(Tensor(np.zeros((200, 100))), nonlinearity="relu", rng=0)
    >>> round(W.data.std() / math.sqrt(2 / 200), 2)
    np.float64(1.0)
    """
    return normal_(tensor, 0.0, _kaiming(tensor, a, mode, nonlinearity), rng)


def orthogonal_(tensor: Tensor, gain: float = 1.0, rng: Rng = None) -> Tensor:
    """Fill with a random matrix whose rows or columns, the fewer of them, are orthonormal (Saxe et al., 2013).

    Examples
    --------
    >>> W = orthogonal_(Tensor(np.zeros((3, 2))), rng=0)
    >>> np.allclose(W.data.T @ W.data, np.eye(2))
    True
    """
    rows, columns = _fans(tensor)
    q, r = np.linalg.qr(generator(rng).normal(size=(max(rows, columns), min(rows, columns))))
    q *= np.sign(np.diagonal(r))  # without this QR's own choice of signs would not be uniformly distributed
    return _fill(tensor, gain * (q if rows >= columns else q.T))
