"""Normalization: every number minus a mean, divided by a standard deviation, then scaled and shifted.

The layers differ in what the mean is taken over: `LayerNorm` and `RMSNorm` take it over the last axes, `GroupNorm` over
groups of channels of one example, `BatchNorm1d` and `BatchNorm2d` over the examples of a batch.
"""

from typing import Any, ClassVar

import numpy as np

from tinygrad_edu.errors import ArgumentError, ShapeError
from tinygrad_edu.nn.module import Module
from tinygrad_edu.nn.parameters import float_type, full
from tinygrad_edu.operations.normalization import NORMALIZE, RMS_NORMALIZE, moments
from tinygrad_edu.support.arguments import at_least_zero, proportion, whole_number
from tinygrad_edu.support.types import DTypeLike
from tinygrad_edu.tensor import Tensor, record


def _normalized(x: Tensor, axes: tuple[int, ...], eps: float) -> Tensor:
    """``(x − mean) / √(var + eps)``, mean and variance over the axes."""
    return record(NORMALIZE, (x,), {"axes": axes, "eps": eps})


class _OverLastAxes(Module):
    """What `LayerNorm` and `RMSNorm` share: the axes."""

    def _set_axes(self, shape: int | tuple[int, ...]) -> None:
        name = f"{type(self).__name__}: normalized_shape"
        lengths = shape if isinstance(shape, tuple | list) else (shape,)
        if not lengths:
            raise ArgumentError(f"{name} must name an axis, but was given ()")
        self.normalized_shape = tuple(whole_number(name, n) for n in lengths)

    def _axes_of(self, x: Tensor) -> tuple[int, ...]:
        count = len(self.normalized_shape)
        if x.shape[-count:] != self.normalized_shape:
            raise self._wrong_shape(f"(…, {self.extra_repr()})", x)
        return tuple(range(-count, 0))

    def extra_repr(self) -> str:
        return ", ".join(map(str, self.normalized_shape))


class LayerNorm(_OverLastAxes):
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
        self, normalized_shape: int | tuple[int, ...], eps: float = 1e-5, *, dtype: DTypeLike | None = None
    ) -> None:
        self._set_axes(normalized_shape)
        self.eps = at_least_zero("LayerNorm: eps", eps)
        self.weight = full(self.normalized_shape, 1.0, dtype, "weight")
        self.bias = full(self.normalized_shape, 0.0, dtype, "bias")

    def forward(self, x: Tensor) -> Tensor:
        """Normalize over the last axes."""
        return _normalized(x, self._axes_of(x), self.eps) * self.weight + self.bias


class RMSNorm(_OverLastAxes):
    """``y = x / √(mean of x² + eps) · weight`` over the last axes (Zhang & Sennrich, 2019).

    Parameters
    ----------
    normalized_shape : shape of the last axes, or the length of the last one.
    eps : keeps the division finite; None is the machine precision of the input's type, as in PyTorch.
    elementwise_affine : False leaves the weight out.
    dtype : of the weight, by default float64.

    Attributes
    ----------
    weight : Tensor of shape ``normalized_shape``, at first 1, or None.

    Raises
    ------
    ArgumentError : a setting is out of its range.
    ShapeError : when called with x whose last axes are not ``normalized_shape``.

    Notes
    -----
    PyTorch: ``torch.nn.RMSNorm``.

    Examples
    --------
    >>> import numpy as np
    >>> from tinygrad_edu import nn
    >>> nn.RMSNorm(2)(np.array([[3.0, 4.0]])).data.round(3).tolist()
    [[0.849, 1.131]]
    """

    def __init__(
        self,
        normalized_shape: int | tuple[int, ...],
        eps: float | None = None,
        elementwise_affine: bool = True,
        *,
        dtype: DTypeLike | None = None,
    ) -> None:
        self._set_axes(normalized_shape)
        self.eps = None if eps is None else at_least_zero("RMSNorm: eps", eps)
        self.weight = full(self.normalized_shape, 1.0, dtype, "weight") if elementwise_affine else None

    def forward(self, x: Tensor) -> Tensor:
        """Divide by the root of the mean square over the last axes."""
        kind = x.dtype if x.dtype.kind == "f" else float
        eps = float(np.finfo(kind).eps) if self.eps is None else self.eps
        y = record(RMS_NORMALIZE, (x,), {"axes": self._axes_of(x), "eps": eps})
        return y if self.weight is None else y * self.weight


class GroupNorm(Module):
    """``y = (x − mean) / √(var + eps) · weight + bias`` over groups of channels of each example (Wu & He, 2018).

    Parameters
    ----------
    num_groups : the channels are divided into so many groups.
    num_channels : length of the second axis of x, which has the shape (n, num_channels, …).
    eps : keeps the division finite.
    affine : False leaves weight and bias out.
    dtype : of the parameters, by default float64.

    Attributes
    ----------
    weight, bias : Tensors of shape (num_channels,), at first 1 and 0, or None.

    Raises
    ------
    ArgumentError : a setting is out of its range, or the groups do not divide the channels.
    ShapeError : when called with other channels.

    Notes
    -----
    PyTorch: ``torch.nn.GroupNorm``. With one group for each channel it is instance normalization.

    Examples
    --------
    >>> import numpy as np
    >>> from tinygrad_edu import nn
    >>> nn.GroupNorm(1, 2)(np.array([[1.0, 3.0]])).data.round(3).tolist()
    [[-1.0, 1.0]]
    """

    def __init__(
        self,
        num_groups: int,
        num_channels: int,
        eps: float = 1e-5,
        affine: bool = True,
        *,
        dtype: DTypeLike | None = None,
    ) -> None:
        self.num_groups = whole_number("GroupNorm: num_groups", num_groups)
        self.num_channels = whole_number("GroupNorm: num_channels", num_channels)
        if num_channels % num_groups:
            raise ArgumentError(f"GroupNorm: {num_groups} groups do not divide {num_channels} channels")
        self.eps = at_least_zero("GroupNorm: eps", eps)
        self.weight = full(num_channels, 1.0, dtype, "weight") if affine else None
        self.bias = full(num_channels, 0.0, dtype, "bias") if affine else None

    def forward(self, x: Tensor) -> Tensor:
        """Normalize each group of each example."""
        if x.ndim < 2 or x.shape[1] != self.num_channels:
            raise self._wrong_shape(f"(n, {self.num_channels}, …)", x)
        groups = x.reshape(len(x), self.num_groups, -1)
        y = _normalized(groups, (-1,), self.eps).reshape(x.shape)
        return y if self.weight is None else _scaled(y, self.weight, self.bias)

    def extra_repr(self) -> str:
        return f"{self.num_groups}, {self.num_channels}"


def _scaled(y: Tensor, weight: Any, bias: Any) -> Tensor:
    """``y · weight + bias``, one number for each channel, which are the second axis."""
    shape = (-1, *(1,) * (y.ndim - 2))
    return y * weight.reshape(shape) + bias.reshape(shape)


class _BatchNorm(Module):
    """What the batch normalizations share; they differ in the shapes that they take."""

    shapes: ClassVar[dict[int, str]]

    def __init__(
        self,
        num_features: int,
        eps: float = 1e-5,
        momentum: float | None = 0.1,
        affine: bool = True,
        track_running_stats: bool = True,
        *,
        dtype: DTypeLike | None = None,
    ) -> None:
        name = type(self).__name__
        self.num_features = whole_number(f"{name}: num_features", num_features)
        self.eps = at_least_zero(f"{name}: eps", eps)
        self.momentum = None if momentum is None else proportion(f"{name}: momentum", momentum)
        self.track_running_stats = track_running_stats
        self.weight = full(num_features, 1.0, dtype, "weight") if affine else None
        self.bias = full(num_features, 0.0, dtype, "bias") if affine else None
        if track_running_stats:
            kind = float_type(dtype)
            self.running_mean = np.zeros(num_features, kind)
            self.running_var = np.ones(num_features, kind)
            self.num_batches_tracked = np.zeros((), np.int64)

    def forward(self, x: Tensor) -> Tensor:
        """Normalize each channel."""
        if x.ndim not in self.shapes or x.shape[1] != self.num_features:
            shapes = " or ".join(shape.format(self.num_features) for shape in self.shapes.values())
            raise self._wrong_shape(shapes, x)
        y = self._by_batch(x) if self.training or not self.track_running_stats else self._by_running_averages(x)
        return y if self.weight is None else _scaled(y, self.weight, self.bias)

    def _by_batch(self, x: Tensor) -> Tensor:
        axes = (0, *range(2, x.ndim))
        count = x.size // self.num_features
        if count < 2:
            raise ShapeError(
                f"{self._title()} needs two numbers or more of each channel in training, to take their variance, but "
                f"was given {x.shape}: make the batch larger, or call eval()"
            )
        if self.training and self.track_running_stats:
            with np.errstate(all="ignore"):  # the layer's own operation warns of the same numbers
                mean, _, variance = moments(x.numpy(), axes)
            self.num_batches_tracked += 1
            share = 1 / self.num_batches_tracked if self.momentum is None else self.momentum
            self.running_mean += (mean.reshape(-1) - self.running_mean) * share
            self.running_var += (variance.reshape(-1) * (count / (count - 1)) - self.running_var) * share
        return _normalized(x, axes, self.eps)

    def _by_running_averages(self, x: Tensor) -> Tensor:
        shape = (-1, *(1,) * (x.ndim - 2))
        spread = np.sqrt(self.running_var + self.eps)
        return (x - self.running_mean.reshape(shape)) / spread.reshape(shape)

    def extra_repr(self) -> str:
        return str(self.num_features)


class BatchNorm1d(_BatchNorm):
    """``y = (x − mean) / √(var + eps) · weight + bias``, for each feature (Ioffe & Szegedy, 2015).

    In training, mean and variance are the batch's, and running averages of them are kept. In evaluation, the running
    averages are used.

    Parameters
    ----------
    num_features : length of the second axis of x, which has the shape (n, num_features) or (n, num_features, length).
    eps : keeps the division finite.
    momentum : share of the newest batch in the running averages; None gives all batches the same share.
    affine : False leaves weight and bias out.
    track_running_stats : False keeps no running averages; the batch's own mean and variance are always used.
    dtype : of the parameters, by default float64.

    Attributes
    ----------
    weight, bias : Tensors of shape (num_features,), at first 1 and 0, or None.
    running_mean, running_var, num_batches_tracked : arrays; part of ``state_dict()``.

    Raises
    ------
    ArgumentError : a setting is out of its range.
    ShapeError : when called with x of another shape or, in training, with a single number of each feature.

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

    shapes: ClassVar[dict[int, str]] = {2: "(n, {})", 3: "(n, {}, length)"}


class BatchNorm2d(_BatchNorm):
    """``y = (x − mean) / √(var + eps) · weight + bias``, for each channel of images.

    As `BatchNorm1d`, with mean and variance over the images of a batch and over their pixels.

    Parameters
    ----------
    num_features : number of channels of x, which has the shape (n, num_features, height, width).
    eps, momentum, affine, track_running_stats, dtype : as for `BatchNorm1d`; so are the attributes.

    Notes
    -----
    PyTorch: ``torch.nn.BatchNorm2d``.

    Examples
    --------
    >>> import numpy as np
    >>> from tinygrad_edu import nn
    >>> nn.BatchNorm2d(1)(np.array([[[[1.0, 3.0]]]])).data.round(3).tolist()
    [[[[-1.0, 1.0]]]]
    """

    shapes: ClassVar[dict[int, str]] = {4: "(n, {}, height, width)"}
