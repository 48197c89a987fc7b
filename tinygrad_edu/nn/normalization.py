"""Normalization: `LayerNorm` over the features of each row, `BatchNorm1d` over the rows of each feature."""

from typing import Any

import numpy as np
import numpy.typing as npt

from tinygrad_edu.errors import ArgumentError, ShapeError
from tinygrad_edu.nn.module import Module
from tinygrad_edu.nn.parameters import float_type, full
from tinygrad_edu.support.arguments import at_least_zero, proportion, whole_number
from tinygrad_edu.tensor import Tensor


class LayerNorm(Module):
    """``y = (x − mean) / √(var + eps) · weight + bias`` over the last axes (Ba et al., 2016).

    Parameters
    ----------
    normalized_shape : shape of the last axes, or the length of the last one.
    eps : keeps the division finite.
    dtype : of the parameters, by default float64.

    Attributes
    ----------
    weight, bias : Tensors of shape ``normalized_shape``, at first 1 and 0.

    Raises
    ------
    ArgumentError : a setting is out of its range.
    ShapeError : when called with x whose last axes are not ``normalized_shape``.

    Notes
    -----
    PyTorch: ``torch.nn.LayerNorm``; var is with 1/n.

    Examples
    --------
    >>> import numpy as np
    >>> from tinygrad_edu import nn
    >>> nn.LayerNorm(2)(np.array([[1.0, 3.0], [0.0, 10.0]])).data.round(3).tolist()
    [[-1.0, 1.0], [-1.0, 1.0]]
    """

    def __init__(
        self, normalized_shape: int | tuple[int, ...], eps: float = 1e-5, *, dtype: npt.DTypeLike | None = None
    ) -> None:
        shape = normalized_shape if isinstance(normalized_shape, tuple | list) else (normalized_shape,)
        self.normalized_shape = tuple(whole_number("LayerNorm: normalized_shape", n) for n in shape)
        if not self.normalized_shape:
            raise ArgumentError("LayerNorm: normalized_shape must name an axis, but was given ()")
        self.eps = at_least_zero("LayerNorm: eps", eps)
        self.weight = full(self.normalized_shape, 1.0, dtype, "weight")
        self.bias = full(self.normalized_shape, 0.0, dtype, "bias")

    def forward(self, x: Tensor) -> Tensor:
        """Normalize over the last axes."""
        count = len(self.normalized_shape)
        if x.shape[-count:] != self.normalized_shape:
            raise ShapeError(f"{self._title()} takes inputs of shape (…, {self.extra_repr()}), but was given {x.shape}")
        axes = tuple(range(-count, 0))
        centred = x - x.mean(axes, keepdims=True)
        variance = (centred * centred).mean(axes, keepdims=True)
        return centred / (variance + self.eps).sqrt() * self.weight + self.bias

    def extra_repr(self) -> str:
        return ", ".join(map(str, self.normalized_shape))


class BatchNorm1d(Module):
    """``y = (x − mean) / √(var + eps) · weight + bias``, for each feature (Ioffe & Szegedy, 2015).

    In training, mean and variance are the batch's, and running averages of them are kept; in evaluation, these
    averages take their place.

    Parameters
    ----------
    num_features : number of columns of x, which has the shape (n, num_features).
    eps : keeps the division finite.
    momentum : share of the newest batch in the running averages; None gives all batches the same share.
    dtype : of the parameters, by default float64.

    Attributes
    ----------
    weight, bias : Tensors of shape (num_features,), at first 1 and 0.
    running_mean, running_var, num_batches_tracked : arrays; part of ``state_dict()``.

    Raises
    ------
    ArgumentError : a setting is out of its range.
    ShapeError : when called with x of another shape or, in training, of less than two rows.

    Notes
    -----
    As in PyTorch, a batch is normalized by its variance with 1/n, and the running variance takes that with 1/(n − 1).

    Examples
    --------
    >>> import numpy as np
    >>> from tinygrad_edu import nn
    >>> norm = nn.BatchNorm1d(1)
    >>> norm(np.array([[1.0], [3.0]])).data.round(3).tolist(), norm.running_mean.tolist()
    ([[-1.0], [1.0]], [0.2])
    """

    def __init__(
        self, num_features: int, eps: float = 1e-5, momentum: float | None = 0.1, *, dtype: npt.DTypeLike | None = None
    ) -> None:
        self.num_features = whole_number("BatchNorm1d: num_features", num_features)
        self.eps = at_least_zero("BatchNorm1d: eps", eps)
        self.momentum = None if momentum is None else proportion("BatchNorm1d: momentum", momentum)
        kind = float_type(dtype)
        self.weight = full(num_features, 1.0, dtype, "weight")
        self.bias = full(num_features, 0.0, dtype, "bias")
        self.running_mean = np.zeros(num_features, kind)
        self.running_var = np.ones(num_features, kind)
        self.num_batches_tracked = np.zeros((), np.int64)

    def forward(self, x: Tensor) -> Tensor:
        """Normalize each column."""
        if x.ndim != 2 or x.shape[1] != self.num_features:
            raise ShapeError(f"{self._title()} takes inputs of shape (n, {self.num_features}), but was given {x.shape}")
        if not self.training:
            scale = self.weight / np.sqrt(self.running_var + self.eps)
            return (x - self.running_mean) * scale + self.bias
        if len(x) < 2:
            raise ShapeError(
                f"{self._title()} needs two rows or more in training, to take their variance, but was given {x.shape}: "
                "make the batch larger, or call eval()"
            )
        mean = x.mean(0)
        centred = x - mean
        variance = (centred * centred).mean(0)
        self._track(mean.numpy(), variance.numpy() * (len(x) / (len(x) - 1)))
        return centred / (variance + self.eps).sqrt() * self.weight + self.bias

    def _track(self, mean: Any, variance: Any) -> None:
        self.num_batches_tracked += 1
        share = 1 / self.num_batches_tracked if self.momentum is None else self.momentum
        self.running_mean += (mean - self.running_mean) * share
        self.running_var += (variance - self.running_var) * share

    def extra_repr(self) -> str:
        return str(self.num_features)
