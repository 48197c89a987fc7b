"""Layers: `Linear`, `Embedding`, `Flatten`, `PReLU`."""

import math
from typing import Any

from tinygrad_edu import functions
from tinygrad_edu.errors import ArgumentError, DTypeError, ShapeError
from tinygrad_edu.functions import as_array
from tinygrad_edu.graph import modes
from tinygrad_edu.graph.node import data_of
from tinygrad_edu.nn.activations import prelu
from tinygrad_edu.nn.init import Rng, generator
from tinygrad_edu.nn.module import Module
from tinygrad_edu.nn.parameters import float_type, full, uniform
from tinygrad_edu.operations.matrices import LINEAR, MATMUL
from tinygrad_edu.support.arguments import whole_number
from tinygrad_edu.support.types import DTypeLike
from tinygrad_edu.tensor import Tensor, record


def linear(x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """``x @ weight + bias``, as one operation."""
    return record(MATMUL, (x, weight)) if bias is None else record(LINEAR, (x, weight, bias))


class Linear(Module):
    """``y = x @ weight + bias``, a fully connected layer.

    Parameters
    ----------
    in_features, out_features : numbers of inputs and of units.
    bias : False leaves it out.
    dtype : of the parameters, by default float64.
    rng : a `numpy.random.Generator`, a seed, or None.

    Attributes
    ----------
    weight : Tensor, shape (in_features, out_features), the transpose of PyTorch's.
    bias : Tensor, shape (out_features,), or None.

    Notes
    -----
    x has shape (…, in_features), y (…, out_features). Weight and bias start as in PyTorch, uniform on
    ±1/√in_features; `nn.init` has the other common ways.

    Examples
    --------
    >>> import numpy as np
    >>> from tinygrad_edu import nn
    >>> layer = nn.Linear(3, 2, rng=np.random.default_rng(0))
    >>> layer(np.ones((5, 3))).shape
    (5, 2)
    >>> layer(np.ones((5, 4)))
    Traceback (most recent call last):
        ...
    tinygrad_edu.errors.ShapeError: Linear(3 → 2) takes inputs of shape (…, 3), but was given (5, 4)
    """

    def _transposed_weights(self) -> tuple[str, ...]:
        return ("weight",)

    def __init__(
        self,
        in_features: int,
        out_features: int,
        bias: bool = True,
        dtype: DTypeLike | None = None,
        *,
        rng: Rng = None,
    ) -> None:
        self.in_features = whole_number("Linear: in_features", in_features)
        self.out_features = whole_number("Linear: out_features", out_features)
        self._inputs = (self.in_features,)
        source, bound = generator(rng), 1 / math.sqrt(in_features)
        self.weight = uniform(bound, (self.in_features, self.out_features), dtype, "weight", source)
        self.bias = uniform(bound, self.out_features, dtype, "bias", source) if bias else None

    def __setattr__(self, name: str, value: Any) -> None:
        if isinstance(value, Tensor):  # a bias that broadcasts would get the gradient of one that does not
            shapes = {"weight": (self.in_features, self.out_features), "bias": (self.out_features,)}
            shape = shapes.get(name, value.shape)
            if value.shape != shape:
                raise ShapeError(
                    f"{self._title()} has {name} of shape {shape}, but was given {value.shape}: make a new layer for "
                    "another shape"
                )
        super().__setattr__(name, value)

    def forward(self, x: Tensor) -> Tensor:
        """``x @ weight + bias``, as one operation."""
        if x.__class__ is not Tensor:
            x = self.weight.constant_like(x)
        if x._data.shape[-1:] != self._inputs:
            raise self._misfit(x)
        if self.bias is None:
            return record(MATMUL, (x, self.weight))
        return record(LINEAR, (x, self.weight, self.bias))

    def _misfit(self, x: Tensor) -> ShapeError:
        """The error for an input of another length. `compile` would list what `forward` names as fixed."""
        layer = self.weight.label.removesuffix("weight").rstrip(".")
        error = self._wrong_shape(f"(…, {self.in_features})", x)
        return ShapeError(f"{layer}: {error}") if layer else error

    def extra_repr(self) -> str:
        return f"{self.in_features} → {self.out_features}{'' if self.bias is not None else ', no bias'}"


class Embedding(Module):
    """A table of vectors: ``y = weight[indices]``.

    Parameters
    ----------
    num_embeddings, embedding_dim : how many vectors, and their length.
    padding_idx : the index of a vector that starts as 0 and gets no gradient: what fills up short sequences.
    dtype : of the parameters, by default float64.
    rng : a `numpy.random.Generator`, a seed, or None.

    Attributes
    ----------
    weight : Tensor, shape (num_embeddings, embedding_dim), at first from N(0, 1), as in PyTorch.

    Notes
    -----
    Indices are integers of any shape; y has one axis more. An index used twice gets the sum of both gradients.

    Examples
    --------
    >>> from tinygrad_edu import nn
    >>> words = nn.Embedding(10, 4, rng=0)
    >>> words([[1, 2], [3, 1]]).shape
    (2, 2, 4)
    """

    def __init__(
        self,
        num_embeddings: int,
        embedding_dim: int,
        padding_idx: int | None = None,
        dtype: DTypeLike | None = None,
        *,
        rng: Rng = None,
    ) -> None:
        self.num_embeddings = whole_number("Embedding: num_embeddings", num_embeddings)
        self.embedding_dim = whole_number("Embedding: embedding_dim", embedding_dim)
        if padding_idx is not None and not -num_embeddings <= padding_idx < num_embeddings:
            raise ArgumentError(
                f"Embedding: padding_idx must be an index of the {num_embeddings} vectors, but was given {padding_idx}"
            )
        self.padding_idx = None if padding_idx is None else padding_idx % num_embeddings
        table = generator(rng).normal(size=(self.num_embeddings, self.embedding_dim))
        if self.padding_idx is not None:
            table[self.padding_idx] = 0
        self.weight = Tensor(table, dtype=float_type(dtype), label="weight")

    def forward(self, indices: Any) -> Tensor:
        """The vectors that the indices name."""
        rows = as_array(data_of(indices))
        if rows.dtype.kind not in "iu":
            raise DTypeError(f"{self._title()} takes integers, but was given {rows.dtype}")
        modes.check(self._refuse_no_rows, rows)
        y = self.weight[rows]
        if self.padding_idx is None:
            return y
        return functions.where(functions.expand_dims(rows == self.padding_idx, -1), y.detach(), y)

    def _refuse_no_rows(self, rows: Any) -> None:
        if rows.size and not 0 <= rows.min() <= rows.max() < self.num_embeddings:
            wrong = rows.min() if rows.min() < 0 else rows.max()
            raise ArgumentError(
                f"{self._title()} takes indices from 0 to {self.num_embeddings - 1}, but was given {wrong} in an array "
                f"of shape {rows.shape}"
            )

    def extra_repr(self) -> str:
        padding = "" if self.padding_idx is None else f", padding_idx={self.padding_idx}"
        return f"{self.num_embeddings} → {self.embedding_dim}{padding}"


class Flatten(Module):
    """All axes but the first made one: pictures of shape (n, 28, 28) become rows of shape (n, 784).

    Examples
    --------
    >>> import numpy as np
    >>> from tinygrad_edu import nn
    >>> nn.Flatten()(np.zeros((5, 28, 28))).shape
    (5, 784)
    """

    def forward(self, x: Tensor) -> Tensor:
        """``x`` with the shape (n, everything else)."""
        if x.ndim == 0:
            raise ShapeError("Flatten keeps the first axis, but was given a single number")
        return x.reshape(len(x), math.prod(x.shape[1:]))


class PReLU(Module):
    """`functional.prelu` with a slope that is learned (He et al., 2015).

    Parameters
    ----------
    num_parameters : 1, or the number of channels: the length of the second axis of the input.
    init : the slope at the start.
    dtype : of the slope, by default float64.

    Attributes
    ----------
    weight : Tensor, shape (num_parameters,).

    Raises
    ------
    ShapeError : when called with an input that has another number of channels.

    Notes
    -----
    PyTorch: ``torch.nn.PReLU``.

    Examples
    --------
    >>> import numpy as np
    >>> from tinygrad_edu import nn
    >>> nn.PReLU()(np.array([-2.0, 3.0])).tolist()
    [-0.5, 3.0]
    """

    def __init__(self, num_parameters: int = 1, init: float = 0.25, *, dtype: DTypeLike | None = None) -> None:
        self.num_parameters = whole_number("PReLU: num_parameters", num_parameters)
        self.weight = full(self.num_parameters, init, dtype, "weight")

    def forward(self, x: Tensor) -> Tensor:
        """``x`` where it is positive, ``weight · x`` elsewhere."""
        if self.num_parameters > 1 and (x.ndim < 2 or x.shape[1] != self.num_parameters):
            raise self._wrong_shape(f"(n, {self.num_parameters}, …)", x)
        slope = self.weight
        return prelu(x, slope.reshape(-1, *(1,) * (x.ndim - 2)) if self.num_parameters > 1 else slope)

    def extra_repr(self) -> str:
        return str(self.num_parameters)
