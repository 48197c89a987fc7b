"""Convolutions, as functions and as modules: `Conv1d`, `Conv2d`, `ConvTranspose2d`.

``y[o, p] = Σ weight[o, c, k] · x[c, stride · p + dilation · k] + bias[o]``, summed over the channels c and the entries
k of the kernel. The kernel is not flipped, as in PyTorch.
"""

import math
from collections.abc import Sequence
from typing import Any, ClassVar

from tinygrad_edu.errors import ArgumentError, ShapeError
from tinygrad_edu.nn.init import Rng, generator
from tinygrad_edu.nn.module import Module
from tinygrad_edu.nn.parameters import uniform
from tinygrad_edu.operations.windows import CONV, CONV_INPUT
from tinygrad_edu.support.arguments import shown, whole_number
from tinygrad_edu.support.types import DTypeLike
from tinygrad_edu.tensor import Tensor, record

Sizes = int | Sequence[int]
Padding = Sizes | str


def each_axis(what: str, given: Any, dims: int, least: int = 1) -> tuple[int, ...]:
    """A whole number for each dimension: one number stands for all of them."""
    numbers = tuple(given) if isinstance(given, tuple | list) else (given,) * dims
    if len(numbers) != dims:
        raise ArgumentError(f"{what} must be a whole number or {dims} of them, but was given {shown(given)}")
    return tuple(whole_number(what, n, least) for n in numbers)


def _margins(
    name: str, padding: Padding, size: tuple[int, ...], stride: tuple[int, ...], dilation: tuple[int, ...]
) -> tuple[tuple[int, int], ...]:
    """The padding before and after, for each dimension."""
    if padding == "same":
        if set(stride) != {1}:
            raise ArgumentError(
                f"{name}: padding='same' keeps the shape of the input, which a stride of {stride} does not: use stride "
                "1, or give the padding in numbers"
            )
        totals = [d * (k - 1) for d, k in zip(dilation, size, strict=True)]
        return tuple((total // 2, total - total // 2) for total in totals)
    if isinstance(padding, str) and padding != "valid":
        raise ArgumentError(f"{name}: padding must be a number, 'same' or 'valid', but was given {shown(padding)}")
    numbers = each_axis(f"{name}: padding", 0 if padding == "valid" else padding, len(size), least=0)
    return tuple((p, p) for p in numbers)


def _batched(name: str, x: Any, channels: int, dims: int) -> tuple[Tensor, bool]:
    """The input as a Tensor with an axis of examples, and whether it had one; its channels are checked."""
    x = x if isinstance(x, Tensor) else Tensor(x, requires_grad=False)
    axes = ("length",) if dims == 1 else ("height", "width")
    if x.ndim not in (dims + 1, dims + 2) or x.shape[-dims - 1] != channels:
        shape = ", ".join(["n", str(channels), *axes])
        raise ShapeError(f"{name} takes inputs of shape ({shape}), but was given {x.shape}")
    return (x, True) if x.ndim == dims + 2 else (x.reshape(1, *x.shape), False)


def _finished(y: Tensor, bias: Any, dims: int, had_batch: bool) -> Tensor:
    """With the bias, and without the axis of examples where the input had none."""
    if bias is not None:
        y = y + bias.reshape(-1, *(1,) * dims)
    return y if had_batch else y.reshape(y.shape[1:])


def _kernels(name: str, weight: Any) -> Tensor:
    """The weight of a convolution as a Tensor."""
    weight = weight if isinstance(weight, Tensor) else Tensor(weight, requires_grad=False)
    if weight.ndim not in (3, 4):
        raise ShapeError(
            f"{name}: the weight has the axes of channels (two of them) and of the kernel (one or two), but was given "
            f"shape {weight.shape}"
        )
    return weight


def _convolved(
    name: str, x: Any, weight: Any, bias: Any, stride: Sizes, padding: Padding, dilation: Sizes, groups: int
) -> Tensor:
    weight = _kernels(name, weight)
    dims = weight.ndim - 2
    size = weight.shape[2:]
    x, had_batch = _batched(name, x, weight.shape[1] * groups, dims)
    if weight.shape[0] % groups:
        raise ShapeError(f"{name}: {groups} groups do not divide the {weight.shape[0]} output channels")
    stride, dilation = each_axis(f"{name}: stride", stride, dims), each_axis(f"{name}: dilation", dilation, dims)
    margins = _margins(name, padding, size, stride, dilation)
    for n, k, d, around in zip(x.shape[2:], size, dilation, margins, strict=True):
        if d * (k - 1) + 1 > n + sum(around):
            kernel = f"of size {size} and dilation {dilation}" if max(dilation) > 1 else f"of size {size}"
            given = "padded input" if any(map(any, margins)) else "input"
            raise ShapeError(f"{name}: the kernel {kernel} is larger than the {given} of shape {x.shape}")
    settings = {"stride": stride, "padding": margins, "dilation": dilation, "groups": groups}
    return _finished(record(CONV, (x, weight), settings), bias, dims, had_batch)


def conv1d(
    x: Any,
    weight: Any,
    bias: Any = None,
    stride: Sizes = 1,
    padding: Padding = 0,
    dilation: Sizes = 1,
    groups: int = 1,
) -> Tensor:
    """The convolution of sequences (n, channels, length) with a weight (out, channels / groups, size). See `nn.Conv1d`.

    Examples
    --------
    >>> import numpy as np
    >>> conv1d(np.array([[[1.0, 2.0, 4.0, 8.0]]]), np.array([[[-1.0, 1.0]]])).tolist()
    [[[1.0, 2.0, 4.0]]]
    """
    return _convolved("conv1d", x, weight, bias, stride, padding, dilation, groups)


def conv2d(
    x: Any,
    weight: Any,
    bias: Any = None,
    stride: Sizes = 1,
    padding: Padding = 0,
    dilation: Sizes = 1,
    groups: int = 1,
) -> Tensor:
    """The convolution of images (n, channels, height, width) with a weight (out, channels / groups, height, width).

    See `nn.Conv2d`.

    Examples
    --------
    >>> import numpy as np
    >>> conv2d(np.ones((1, 1, 3, 3)), np.ones((1, 1, 2, 2))).tolist()
    [[[[4.0, 4.0], [4.0, 4.0]]]]
    >>> conv2d(np.ones((1, 1, 3, 3)), np.ones((1, 1, 4, 4)))
    Traceback (most recent call last):
        ...
    tinygrad_edu.errors.ShapeError: conv2d: the kernel of size (4, 4) is larger than the input of shape (1, 1, 3, 3)
    """
    return _convolved("conv2d", x, weight, bias, stride, padding, dilation, groups)


def conv_transpose2d(
    x: Any,
    weight: Any,
    bias: Any = None,
    stride: Sizes = 1,
    padding: Sizes = 0,
    output_padding: Sizes = 0,
    groups: int = 1,
    dilation: Sizes = 1,
) -> Tensor:
    """The transposed convolution: what the gradient of `conv2d` for its input is. See `nn.ConvTranspose2d`.

    Examples
    --------
    >>> import numpy as np
    >>> conv_transpose2d(np.array([[[[1.0, 2.0]]]]), np.ones((1, 1, 1, 2)), stride=2).tolist()
    [[[[1.0, 1.0, 2.0, 2.0]]]]
    """
    return _transposed("conv_transpose2d", x, weight, bias, stride, padding, output_padding, groups, dilation)


def _transposed(
    name: str,
    x: Any,
    weight: Any,
    bias: Any,
    stride: Sizes,
    padding: Sizes,
    output_padding: Sizes,
    groups: int,
    dilation: Sizes,
) -> Tensor:
    weight = _kernels(name, weight)
    size = weight.shape[2:]
    x, had_batch = _batched(name, x, weight.shape[0], 2)
    stride, dilation = each_axis(f"{name}: stride", stride, 2), each_axis(f"{name}: dilation", dilation, 2)
    margins = each_axis(f"{name}: padding", padding, 2, least=0)
    extra = each_axis(f"{name}: output_padding", output_padding, 2, least=0)
    axes = zip(x.shape[2:], size, stride, margins, dilation, extra, strict=True)
    lengths = tuple((n - 1) * s - 2 * p + d * (k - 1) + e + 1 for n, k, s, p, d, e in axes)
    if min(lengths) < 1:
        raise ShapeError(f"{name}: the padding {margins} leaves nothing of the output of an input of shape {x.shape}")
    if any(e >= max(s, d) for e, s, d in zip(extra, stride, dilation, strict=True)):
        raise ArgumentError(
            f"{name}: output_padding must be smaller than the stride or the dilation, but was given {extra} with "
            f"stride {stride} and dilation {dilation}"
        )
    around = tuple((p, p) for p in margins)
    settings = {"lengths": lengths, "stride": stride, "padding": around, "dilation": dilation, "groups": groups}
    return _finished(record(CONV_INPUT, (x, weight), settings), bias, 2, had_batch)


class _Convolution(Module):
    """What the convolutions share: the settings, the parameters, the title."""

    dims: ClassVar[int]

    def _set_up(
        self, in_channels: int, out_channels: int, kernel_size: Sizes, stride: Sizes, dilation: Sizes, groups: int
    ) -> None:
        name = type(self).__name__
        self.in_channels = whole_number(f"{name}: in_channels", in_channels)
        self.out_channels = whole_number(f"{name}: out_channels", out_channels)
        self.kernel_size = each_axis(f"{name}: kernel_size", kernel_size, self.dims)
        self.stride = each_axis(f"{name}: stride", stride, self.dims)
        self.dilation = each_axis(f"{name}: dilation", dilation, self.dims)
        self.groups = whole_number(f"{name}: groups", groups)
        if self.in_channels % self.groups or self.out_channels % self.groups:
            raise ArgumentError(
                f"{name}: groups={groups} must divide in_channels={in_channels} and out_channels={out_channels}"
            )

    def _make_parameters(self, first: int, second: int, bias: bool, dtype: DTypeLike | None, rng: Rng) -> None:
        shape = (first, second // self.groups, *self.kernel_size)
        bound, source = 1 / math.sqrt(math.prod(shape[1:])), generator(rng)
        self.weight = uniform(bound, shape, dtype, "weight", source)
        self.bias = uniform(bound, self.out_channels, dtype, "bias", source) if bias else None

    def extra_repr(self) -> str:
        parts = [f"{self.in_channels} → {self.out_channels}", "×".join(map(str, self.kernel_size))]
        settings = {"stride": 1, "padding": 0, "output_padding": 0, "dilation": 1, "groups": 1}
        for name, usual in settings.items():
            given = getattr(self, name, usual)
            if isinstance(given, tuple) and len(set(given)) == 1:
                given = given[0]
            if given != usual:
                parts.append(f"{name.replace('_', ' ')} {given}")
        return ", ".join([*parts, "no bias"] if self.bias is None else parts)


class Conv1d(_Convolution):
    """The convolution of sequences: a kernel moves along each, and its weighted sums are the output.

    ``y[o, p] = Σ weight[o, c, k] · x[c, stride · p + dilation · k] + bias[o]``

    Parameters
    ----------
    in_channels, out_channels : numbers of channels of the input and of the output.
    kernel_size : the length of the kernel.
    stride : from one place of the kernel to the next.
    padding : zeros before and after the sequence; "same" keeps the length, "valid" is 0.
    dilation, groups, bias, dtype, rng : as for `Conv2d`.

    Attributes
    ----------
    weight : Tensor, shape (out_channels, in_channels / groups, kernel_size), as in PyTorch.
    bias : Tensor, shape (out_channels,), or None.

    Raises
    ------
    ArgumentError : a setting is out of its range.
    ShapeError : when called with other channels, or with a sequence shorter than the kernel.

    Notes
    -----
    x has the shape (n, in_channels, length) or (in_channels, length). PyTorch: ``torch.nn.Conv1d``; weight and bias
    start as there, uniform on ±1/√(in_channels / groups · kernel_size).

    Examples
    --------
    >>> import numpy as np
    >>> from tinygrad_edu import nn
    >>> layer = nn.Conv1d(2, 4, 3, padding="same", rng=0)
    >>> layer(np.ones((5, 2, 10))).shape
    (5, 4, 10)
    """

    dims = 1

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Sizes,
        stride: Sizes = 1,
        padding: Padding = 0,
        dilation: Sizes = 1,
        groups: int = 1,
        bias: bool = True,
        dtype: DTypeLike | None = None,
        *,
        rng: Rng = None,
    ) -> None:
        self._set_up(in_channels, out_channels, kernel_size, stride, dilation, groups)
        _margins(type(self).__name__, padding, self.kernel_size, self.stride, self.dilation)  # refuses a wrong one
        self.padding = padding
        self._make_parameters(self.out_channels, self.in_channels, bias, dtype, rng)

    def forward(self, x: Tensor) -> Tensor:
        """The convolution of ``x``."""
        settings = self.stride, self.padding, self.dilation, self.groups
        return _convolved(self._title(), x, self.weight, self.bias, *settings)


class Conv2d(Conv1d):
    """The convolution of images: a kernel moves over each, and its weighted sums are the output.

    ``y[o, i, j] = Σ weight[o, c, k, l] · x[c, stride · i + dilation · k, stride · j + dilation · l] + bias[o]``

    Parameters
    ----------
    in_channels, out_channels : numbers of channels of the input and of the output.
    kernel_size : height and width of the kernel; one number stands for both, here and in what follows.
    stride : from one place of the kernel to the next.
    padding : zeros around the image; "same" keeps its shape, "valid" is 0.
    dilation : from one entry of the kernel to the next.
    groups : the channels are divided into so many groups, each with kernels of its own.
    bias : False leaves it out.
    dtype : of the parameters, by default float64.
    rng : a `numpy.random.Generator`, a seed, or None.

    Attributes
    ----------
    weight : Tensor, shape (out_channels, in_channels / groups, height, width), as in PyTorch.
    bias : Tensor, shape (out_channels,), or None.

    Raises
    ------
    ArgumentError : a setting is out of its range.
    ShapeError : when called with other channels, or with an image smaller than the kernel.

    Notes
    -----
    x has the shape (n, in_channels, height, width) or (in_channels, height, width). Along each axis the output has
    ``⌊(length + 2 · padding − dilation · (kernel_size − 1) − 1) / stride⌋ + 1`` entries. PyTorch: ``torch.nn.Conv2d``.

    Examples
    --------
    >>> import numpy as np
    >>> from tinygrad_edu import nn
    >>> layer = nn.Conv2d(1, 8, 3, stride=2, padding=1, rng=0)
    >>> layer
    Conv2d(1 → 8, 3×3, stride 2, padding 1)  80 parameters
    >>> layer(np.ones((5, 1, 28, 28))).shape
    (5, 8, 14, 14)
    >>> layer(np.ones((5, 3, 28, 28)))
    Traceback (most recent call last):
        ...
    tinygrad_edu.errors.ShapeError: Conv2d(1 → 8, 3×3, stride 2, padding 1) takes inputs of shape (n, 1, height, width),
    but was given (5, 3, 28, 28)
    """

    dims = 2


class ConvTranspose2d(_Convolution):
    """The transposed convolution of images: each entry lays a kernel, times itself, into a larger output.

    It is what the gradient of a `Conv2d` with the same settings does, and it undoes that one's change of shape.

    Parameters
    ----------
    in_channels, out_channels : numbers of channels of the input and of the output.
    kernel_size : height and width of the kernel; one number stands for both, here and in what follows.
    stride : from where one entry lays its kernel to where the next does.
    padding : so much is cut off around the output.
    output_padding : so much is added to the output's height and width: a stride leaves open which of several it is.
    groups, bias, dilation, dtype, rng : as for `Conv2d`.

    Attributes
    ----------
    weight : Tensor, shape (in_channels, out_channels / groups, height, width), as in PyTorch.
    bias : Tensor, shape (out_channels,), or None.

    Notes
    -----
    Along each axis the output has ``(length − 1) · stride − 2 · padding + dilation · (kernel_size − 1) +
    output_padding + 1`` entries. PyTorch: ``torch.nn.ConvTranspose2d``.

    Examples
    --------
    >>> import numpy as np
    >>> from tinygrad_edu import nn
    >>> nn.ConvTranspose2d(8, 1, 2, stride=2, rng=0)(np.ones((5, 8, 14, 14))).shape
    (5, 1, 28, 28)
    """

    dims = 2

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Sizes,
        stride: Sizes = 1,
        padding: Sizes = 0,
        output_padding: Sizes = 0,
        groups: int = 1,
        bias: bool = True,
        dilation: Sizes = 1,
        dtype: DTypeLike | None = None,
        *,
        rng: Rng = None,
    ) -> None:
        self._set_up(in_channels, out_channels, kernel_size, stride, dilation, groups)
        self.padding = each_axis("ConvTranspose2d: padding", padding, 2, least=0)
        self.output_padding = each_axis("ConvTranspose2d: output_padding", output_padding, 2, least=0)
        self._make_parameters(self.in_channels, self.out_channels, bias, dtype, rng)

    def forward(self, x: Tensor) -> Tensor:
        """The transposed convolution of ``x``."""
        settings = self.stride, self.padding, self.output_padding, self.groups, self.dilation
        return _transposed(self._title(), x, self.weight, self.bias, *settings)
