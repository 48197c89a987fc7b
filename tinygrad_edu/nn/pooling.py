"""Pooling, as functions and as modules: the largest entry or the mean of each window."""

from typing import Any, ClassVar

import numpy as np

from tinygrad_edu.errors import ArgumentError, ShapeError
from tinygrad_edu.nn.convolution import Sizes, each_axis
from tinygrad_edu.nn.module import Module
from tinygrad_edu.operations.windows import MAX_POOL, WINDOWS
from tinygrad_edu.tensor import Tensor, record


def _pooled(
    name: str,
    operation: Any,
    x: Any,
    dims: int,
    kernel_size: Sizes,
    stride: Sizes | None,
    padding: Sizes,
    dilation: Sizes,
) -> Tensor:
    """What the operation makes of the windows of ``x``."""
    x = x if isinstance(x, Tensor) else Tensor(x, requires_grad=False)
    size = each_axis(f"{name}: kernel_size", kernel_size, dims)
    steps = size if stride is None else each_axis(f"{name}: stride", stride, dims)
    margins = each_axis(f"{name}: padding", padding, dims, least=0)
    dilation = each_axis(f"{name}: dilation", dilation, dims)
    if x.ndim not in (dims + 1, dims + 2):
        axes = "length" if dims == 1 else "height, width"
        raise ShapeError(f"{name} takes inputs of shape (n, channels, {axes}), but was given {x.shape}")
    if any(2 * p > k for p, k in zip(margins, size, strict=True)):
        raise ArgumentError(f"{name}: the padding {margins} must be at most half of the window, which is {size}")
    if any(d * (k - 1) + 1 > n + 2 * p for n, k, p, d in zip(x.shape[-dims:], size, margins, dilation, strict=True)):
        raise ShapeError(f"{name}: a window of size {size} is larger than the input of shape {x.shape}")
    batch = x if x.ndim == dims + 2 else x.reshape(1, *x.shape)
    around = tuple((p, p) for p in margins)
    y = record(operation, (batch,), {"size": size, "stride": steps, "padding": around, "dilation": dilation})
    if operation is WINDOWS:
        y = y.mean(0)
    return y if x.ndim == dims + 2 else y.reshape(y.shape[1:])


def max_pool1d(
    x: Any, kernel_size: Sizes, stride: Sizes | None = None, padding: Sizes = 0, dilation: Sizes = 1
) -> Tensor:
    """The largest entry of each window of sequences (n, channels, length). See `nn.MaxPool1d`.

    Examples
    --------
    >>> import numpy as np
    >>> max_pool1d(np.array([[[1.0, 5.0, 2.0, 3.0]]]), 2).tolist()
    [[[5.0, 3.0]]]
    """
    return _pooled("max_pool1d", MAX_POOL, x, 1, kernel_size, stride, padding, dilation)


def max_pool2d(
    x: Any, kernel_size: Sizes, stride: Sizes | None = None, padding: Sizes = 0, dilation: Sizes = 1
) -> Tensor:
    """The largest entry of each window of images (n, channels, height, width). See `nn.MaxPool2d`.

    Examples
    --------
    >>> import numpy as np
    >>> max_pool2d(np.arange(16.0).reshape(1, 1, 4, 4), 2).tolist()
    [[[[5.0, 7.0], [13.0, 15.0]]]]
    """
    return _pooled("max_pool2d", MAX_POOL, x, 2, kernel_size, stride, padding, dilation)


def avg_pool1d(x: Any, kernel_size: Sizes, stride: Sizes | None = None, padding: Sizes = 0) -> Tensor:
    """The mean of each window of sequences (n, channels, length). See `nn.AvgPool1d`.

    Examples
    --------
    >>> import numpy as np
    >>> avg_pool1d(np.array([[[1.0, 5.0, 2.0, 3.0]]]), 2).tolist()
    [[[3.0, 2.5]]]
    """
    return _pooled("avg_pool1d", WINDOWS, x, 1, kernel_size, stride, padding, 1)


def avg_pool2d(x: Any, kernel_size: Sizes, stride: Sizes | None = None, padding: Sizes = 0) -> Tensor:
    """The mean of each window of images (n, channels, height, width). See `nn.AvgPool2d`.

    Examples
    --------
    >>> import numpy as np
    >>> avg_pool2d(np.arange(16.0).reshape(1, 1, 4, 4), 2).tolist()
    [[[[2.5, 4.5], [10.5, 12.5]]]]
    """
    return _pooled("avg_pool2d", WINDOWS, x, 2, kernel_size, stride, padding, 1)


def adaptive_avg_pool2d(x: Any, output_size: Sizes) -> Tensor:
    """The means of as many windows as ``output_size`` says, whatever the shape of the images.

    Window i of m along an axis of n entries goes from ``⌊i · n / m⌋`` to ``⌈(i + 1) · n / m⌉``.

    Examples
    --------
    >>> import numpy as np
    >>> adaptive_avg_pool2d(np.arange(16.0).reshape(1, 1, 4, 4), 1).tolist()
    [[[[7.5]]]]
    """
    x = x if isinstance(x, Tensor) else Tensor(x, requires_grad=False)
    sizes = each_axis("adaptive_avg_pool2d: output_size", output_size, 2)
    if x.ndim not in (3, 4) or not min(x.shape[-2:]):
        raise ShapeError(
            f"adaptive_avg_pool2d takes inputs of shape (n, channels, height, width), but was given {x.shape}"
        )
    rows, columns = (_averages(n, m, x.dtype) for n, m in zip(x.shape[-2:], sizes, strict=True))
    return rows @ x @ columns.T


def _averages(n: int, m: int, dtype: Any) -> Tensor:
    """The matrix that takes the means of m parts of n entries."""
    i, k = np.arange(m)[:, None], np.arange(n)
    inside = (k >= i * n // m) & (k < -(-(i + 1) * n // m))
    return Tensor(inside / inside.sum(1, keepdims=True), dtype=dtype, requires_grad=False)


class _Pooling(Module):
    """What the pools share: a window, a stride, a padding."""

    dims: ClassVar[int]
    operation: ClassVar[Any]

    def __init__(
        self, kernel_size: Sizes, stride: Sizes | None = None, padding: Sizes = 0, dilation: Sizes = 1
    ) -> None:
        name = type(self).__name__
        self.kernel_size = each_axis(f"{name}: kernel_size", kernel_size, self.dims)
        self.stride = self.kernel_size if stride is None else each_axis(f"{name}: stride", stride, self.dims)
        self.padding = each_axis(f"{name}: padding", padding, self.dims, least=0)
        self.dilation = each_axis(f"{name}: dilation", dilation, self.dims)

    def forward(self, x: Tensor) -> Tensor:
        """One number for each window of ``x``."""
        settings = self.kernel_size, self.stride, self.padding, self.dilation
        return _pooled(self._title(), self.operation, x, self.dims, *settings)

    def extra_repr(self) -> str:
        parts = ["×".join(map(str, self.kernel_size))]
        parts += [f"stride {self.stride}"] if self.stride != self.kernel_size else []
        parts += [f"padding {self.padding}"] if any(self.padding) else []
        parts += [f"dilation {self.dilation}"] if set(self.dilation) != {1} else []
        return ", ".join(parts)


class MaxPool1d(_Pooling):
    """The largest entry of each window of sequences.

    Parameters
    ----------
    kernel_size : the length of a window.
    padding : a margin before and after; its entries are never the largest.
    stride, dilation : as for `MaxPool2d`.

    Raises
    ------
    ArgumentError : a setting is out of its range.
    ShapeError : when called with a sequence shorter than the window.

    Notes
    -----
    x has the shape (n, channels, length) or (channels, length). Of equal entries the first gets the gradient. PyTorch:
    ``torch.nn.MaxPool1d``.

    Examples
    --------
    >>> import numpy as np
    >>> from tinygrad_edu import nn
    >>> nn.MaxPool1d(2)(np.array([[[1.0, 5.0, 2.0, 3.0]]])).tolist()
    [[[5.0, 3.0]]]
    """

    dims, operation = 1, MAX_POOL


class MaxPool2d(_Pooling):
    """The largest entry of each window of images.

    Parameters
    ----------
    kernel_size : height and width of a window; one number stands for both, here and in what follows.
    stride : from one window to the next; None is ``kernel_size``.
    padding : a margin around the image; its entries are never the largest.
    dilation : from one entry of a window to the next.

    Raises
    ------
    ArgumentError : a setting is out of its range.
    ShapeError : when called with an image smaller than the window.

    Notes
    -----
    x has the shape (n, channels, height, width) or (channels, height, width). Of equal entries the first gets the
    gradient. PyTorch: ``torch.nn.MaxPool2d``.

    Examples
    --------
    >>> import numpy as np
    >>> from tinygrad_edu import nn
    >>> nn.MaxPool2d(2)(np.arange(16.0).reshape(1, 1, 4, 4)).tolist()
    [[[[5.0, 7.0], [13.0, 15.0]]]]
    """

    dims, operation = 2, MAX_POOL


class AvgPool1d(_Pooling):
    """The mean of each window of sequences.

    Parameters
    ----------
    kernel_size : the length of a window.
    stride : from one window to the next; None is ``kernel_size``.
    padding : zeros before and after, which count.

    Notes
    -----
    x has the shape (n, channels, length) or (channels, length). PyTorch: ``torch.nn.AvgPool1d``.

    Examples
    --------
    >>> import numpy as np
    >>> from tinygrad_edu import nn
    >>> nn.AvgPool1d(2)(np.array([[[1.0, 5.0, 2.0, 3.0]]])).tolist()
    [[[3.0, 2.5]]]
    """

    dims, operation = 1, WINDOWS

    def __init__(self, kernel_size: Sizes, stride: Sizes | None = None, padding: Sizes = 0) -> None:
        super().__init__(kernel_size, stride, padding)


class AvgPool2d(AvgPool1d):
    """The mean of each window of images.

    Parameters
    ----------
    kernel_size : height and width of a window; one number stands for both, here and in what follows.
    stride : from one window to the next; None is ``kernel_size``.
    padding : zeros around the image, which count.

    Notes
    -----
    x has the shape (n, channels, height, width) or (channels, height, width). PyTorch: ``torch.nn.AvgPool2d``.

    Examples
    --------
    >>> import numpy as np
    >>> from tinygrad_edu import nn
    >>> nn.AvgPool2d(2)(np.arange(16.0).reshape(1, 1, 4, 4)).tolist()
    [[[[2.5, 4.5], [10.5, 12.5]]]]
    """

    dims = 2


class AdaptiveAvgPool2d(Module):
    """The means of a fixed number of windows, whatever the shape of the images: see `functional.adaptive_avg_pool2d`.

    Parameters
    ----------
    output_size : height and width of the output; one number stands for both.

    Notes
    -----
    PyTorch: ``torch.nn.AdaptiveAvgPool2d``.

    Examples
    --------
    >>> import numpy as np
    >>> from tinygrad_edu import nn
    >>> nn.AdaptiveAvgPool2d((2, 1))(np.zeros((5, 3, 7, 4))).shape
    (5, 3, 2, 1)
    """

    def __init__(self, output_size: Sizes) -> None:
        self.output_size = each_axis("AdaptiveAvgPool2d: output_size", output_size, 2)

    def forward(self, x: Tensor) -> Tensor:
        """The means of the windows of ``x``."""
        return adaptive_avg_pool2d(x, self.output_size)

    def extra_repr(self) -> str:
        return "×".join(map(str, self.output_size))
