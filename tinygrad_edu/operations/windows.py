"""Operations on windows that move over an array: convolution and pooling, in any number of dimensions.

The arrays have the axes ``(n, channels, *lengths)``, weights ``(out_channels, channels / groups, *size)``. A window
starts every ``stride`` entries and takes every ``dilation``-th entry. ``padding`` is, for each dimension, the number of
margin entries before and after.

A convolution is linear in its input and linear in its weight. So three operations are each other's derivatives:

- `CONV`, the convolution: ``y[o, p] = Σ w[o, c, k] · x[c, stride · p + dilation · k]``;
- `CONV_INPUT`, its gradient for ``x``. It is also the forward pass of a transposed convolution, whose output may be so
  long that one window more would fit in;
- `CONV_WEIGHT`, its gradient for ``w``.

`WINDOWS` takes the windows out, and `FOLD`, its derivative, adds them up again. `MAX_POOL` takes the largest entry of
each window. Its derivative `PUT` puts a number where this entry was, and `PICK` takes the number at that place.

The functions with plain names compute on arrays alone. A compiled step calls them, and prints them in its source.
"""

import math
from typing import Any

import numpy as np

from tinygrad_edu.operations.operation import ArrayOperation
from tinygrad_edu.operations.reductions import untracked

Array = Any  # an ndarray, or a Tensor while the backward pass is recorded


def places_of(lengths: Any, size: Any, stride: Any, padding: Any, dilation: Any) -> Any:
    """How many windows there are along each dimension."""
    axes = zip(lengths, size, stride, padding, dilation, strict=True)
    return tuple([(n + sum(margin) - d * (k - 1) - 1) // s + 1 for n, k, s, margin, d in axes])


def slices_of(size: Any, places: Any, stride: Any, dilation: Any) -> Any:
    """For each entry of a window, the slices that take this entry out of every window."""
    return [
        (
            ...,
            *[slice(i * d, i * d + s * (n - 1) + 1, s) for i, n, s, d in zip(k, places, stride, dilation, strict=True)],
        )
        for k in np.ndindex(*size)
    ]


def inside_of(lengths: Any, padding: Any) -> Any:
    """The slices that leave out the margin."""
    return (..., *[slice(before, before + n) for n, (before, _) in zip(lengths, padding, strict=True)])


def padded(x: Any, padding: Any, number: float = 0.0) -> Any:
    """The array with a margin of one number."""
    if not any(map(any, padding)):
        return x
    lengths = x.shape[2:]
    y = np.full((*x.shape[:2], *[n + sum(margin) for n, margin in zip(lengths, padding, strict=True)]), number, x.dtype)
    y[inside_of(lengths, padding)] = x
    return y


def take_windows(x: Any, *, size: Any, stride: Any, padding: Any, dilation: Any) -> Any:
    """All windows, whose entries are the first axis: (entries, n, channels, *places)."""
    places = places_of(x.shape[2:], size, stride, padding, dilation)
    x = padded(x, padding)
    return np.stack([x[place] for place in slices_of(size, places, stride, dilation)])


def add_windows(windows: Any, *, lengths: Any, size: Any, stride: Any, padding: Any, dilation: Any) -> Any:
    """Zeros of these lengths, to which every entry of a window is added where `take_windows` takes it."""
    whole = tuple([n + sum(margin) for n, margin in zip(lengths, padding, strict=True)])
    y = np.zeros((*windows[0].shape[:2], *whole), windows[0].dtype)
    places = slices_of(size, windows[0].shape[2:], stride, dilation)
    for place, entries in zip(places, windows, strict=True):
        y[place] += entries
    return y if whole == tuple(lengths) else y[inside_of(lengths, padding)].copy()


def columns_of(x: Any, size: Any, stride: Any, padding: Any, dilation: Any, groups: int) -> Any:
    """The windows as columns of matrices: (n, groups, channels of the group · entries, places)."""
    places = places_of(x.shape[2:], size, stride, padding, dilation)
    x = padded(x, padding)
    steps = x.strides[2:]
    within = [d * step for d, step in zip(dilation, steps, strict=True)]
    between = [s * step for s, step in zip(stride, steps, strict=True)]
    shape, strides = (*x.shape[:2], *size, *places), (*x.strides[:2], *within, *between)
    windows = np.lib.stride_tricks.as_strided(x, shape, strides, writeable=False)
    return windows.reshape((len(x), groups, x.shape[1] // groups * math.prod(size), math.prod(places)))


# --- convolution --------------------------------------------------------------------------------------------------


def convolve(x: Any, w: Any, *, stride: Any, padding: Any, dilation: Any, groups: int) -> Any:
    """The convolution of x with the weight w, which is not flipped."""
    columns = columns_of(x, w.shape[2:], stride, padding, dilation, groups)
    y = w.reshape((groups, len(w) // groups, columns.shape[2])) @ columns
    return y.reshape((len(x), len(w), *places_of(x.shape[2:], w.shape[2:], stride, padding, dilation)))


def convolve_input(gy: Any, w: Any, *, lengths: Any, stride: Any, padding: Any, dilation: Any, groups: int) -> Any:
    """The gradient of a convolution for its input, which has these lengths: a transposed convolution."""
    n, size, places = len(gy), w.shape[2:], gy.shape[2:]
    rows = w.reshape((groups, len(w) // groups, math.prod(w.shape[1:]))).swapaxes(-1, -2)
    columns = rows @ gy.reshape((n, groups, len(w) // groups, math.prod(places)))
    windows = np.moveaxis(columns.reshape((n, groups * w.shape[1], math.prod(size), *places)), 2, 0)
    return add_windows(windows, lengths=lengths, size=size, stride=stride, padding=padding, dilation=dilation)


def convolve_weight(x: Any, gy: Any, *, size: Any, stride: Any, padding: Any, dilation: Any, groups: int) -> Any:
    """The gradient of a convolution for its weight, which has this size."""
    columns = columns_of(x, size, stride, padding, dilation, groups)
    outputs = gy.shape[1] // groups
    gw = gy.reshape((len(gy), groups, outputs, columns.shape[3])) @ columns.swapaxes(-1, -2)
    return np.add.reduce(gw, axis=0).reshape((groups * outputs, x.shape[1] // groups, *size))


def _conv_gx0(gy: Array, y: Array, x0: Array, x1: Array, **settings: Any) -> Array:
    return CONV_INPUT(gy, x1, lengths=x0.shape[2:], **settings)


def _conv_gx1(gy: Array, y: Array, x0: Array, x1: Array, **settings: Any) -> Array:
    return CONV_WEIGHT(x0, gy, size=x1.shape[2:], **settings)


def _conv_input_gx0(gy: Array, y: Array, x0: Array, x1: Array, *, lengths: Any, **settings: Any) -> Array:
    gx = CONV(gy, x1, **settings)
    return gx if gx.shape == x0.shape else gx[(..., *map(slice, x0.shape[2:]))]


def _conv_input_gx1(gy: Array, y: Array, x0: Array, x1: Array, *, lengths: Any, **settings: Any) -> Array:
    kept = {name: setting for name, setting in settings.items() if name != "groups"}
    surplus = [n - m for n, m in zip(places_of(lengths, x1.shape[2:], **kept), x0.shape[2:], strict=True)]
    if any(surplus):
        x0 = np.pad(x0, [(0, 0), (0, 0), *((0, n) for n in surplus)])
    return CONV_WEIGHT(gy, x0, size=x1.shape[2:], **settings)


def _conv_weight_gx0(gy: Array, y: Array, x0: Array, x1: Array, *, size: Any, **settings: Any) -> Array:
    return CONV_INPUT(x1, gy, lengths=x0.shape[2:], **settings)


def _conv_weight_gx1(gy: Array, y: Array, x0: Array, x1: Array, *, size: Any, **settings: Any) -> Array:
    return CONV(x0, gy, **settings)


CONV = ArrayOperation(
    "conv",
    convolve,
    _conv_gx0,
    _conv_gx1,
    symbol="∗",
    formula=("gy · x1, added up in the windows of x0", "Σ gy · window(x0)"),
)
CONV_INPUT = ArrayOperation(
    "conv_input",
    convolve_input,
    _conv_input_gx0,
    _conv_input_gx1,
    symbol="∗ᵀ",
    formula=("conv(gy, x1)", "conv_weight(gy, x0)"),
)
CONV_WEIGHT = ArrayOperation(
    "conv_weight", convolve_weight, _conv_weight_gx0, _conv_weight_gx1, formula=("conv_input(x1, gy)", "conv(x0, gy)")
)


# --- pooling ------------------------------------------------------------------------------------------------------


def largest(x: Any, *, size: Any, stride: Any, padding: Any, dilation: Any) -> Any:
    """The largest entry of each window; a margin is never among them."""
    places = places_of(x.shape[2:], size, stride, padding, dilation)
    x = padded(x, padding, -np.inf)
    first, *others = slices_of(size, places, stride, dilation)
    y = x[first].copy()
    for place in others:
        np.maximum(y, x[place], out=y)
    return y


def winners_of(x: Any, size: Any, stride: Any, padding: Any, dilation: Any) -> Any:
    """The number of the largest entry of each window; of equal ones it is the first, as in PyTorch."""
    places = places_of(x.shape[2:], size, stride, padding, dilation)
    x = padded(x, padding, -np.inf)
    first, *others = slices_of(size, places, stride, dilation)
    best = x[first].copy()
    winners = np.zeros(best.shape, np.int8 if len(others) < 128 else np.int64)
    for i, place in enumerate(others, 1):
        wins = (x[place] > best) | np.isnan(x[place])
        winners += wins * (i - winners)
        np.maximum(best, x[place], out=best)
    return winners


def pick(x: Any, *, winners: Any, size: Any, stride: Any, padding: Any, dilation: Any) -> Any:
    """From each window, the entry that has the winner's number."""
    x = padded(x, padding)
    first, *others = slices_of(size, winners.shape[2:], stride, dilation)
    y = x[first].copy()
    for i, place in enumerate(others, 1):
        np.copyto(y, x[place], where=winners == i)
    return y


def put(gy: Any, *, winners: Any, lengths: Any, size: Any, stride: Any, padding: Any, dilation: Any) -> Any:
    """Zeros of these lengths, to which each number is added where `pick` takes it."""
    windows = [np.where(winners == i, gy, 0) for i in range(math.prod(size))]
    return add_windows(windows, lengths=lengths, size=size, stride=stride, padding=padding, dilation=dilation)


def _windows_gx(gy: Array, y: Array, x: Array, **settings: Any) -> Array:
    return FOLD(gy, lengths=x.shape[2:], **settings)


def _fold_gx(gy: Array, y: Array, x: Array, *, lengths: Any, **settings: Any) -> Array:
    return WINDOWS(gy, **settings)


def _max_pool_gx(gy: Array, y: Array, x: Array, **settings: Any) -> Array:
    array = untracked(x)
    if hasattr(array, "_recorder"):  # a compiled step looks for the winners at every run
        winners = array._recorder.call(winners_of, array, *settings.values())
    else:
        winners = winners_of(array, **settings)
    return PUT(gy, winners=winners, lengths=x.shape[2:], **settings)


def _pick_gx(gy: Array, y: Array, x: Array, **settings: Any) -> Array:
    return PUT(gy, lengths=x.shape[2:], **settings)


def _put_gx(gy: Array, y: Array, x: Array, *, lengths: Any, **settings: Any) -> Array:
    return PICK(gy, **settings)


WINDOWS = ArrayOperation("windows", take_windows, _windows_gx, formula="fold(gy)")
FOLD = ArrayOperation("fold", add_windows, _fold_gx, formula="windows(gy)")
MAX_POOL = ArrayOperation(
    "max_pool", largest, _max_pool_gx, symbol="max pool", formula="gy to the largest entry of each window"
)
PICK = ArrayOperation("pick", pick, _pick_gx, formula="put(gy)")
PUT = ArrayOperation("put", put, _put_gx, formula="pick(gy)")

for _operation in (CONV, CONV_INPUT, CONV_WEIGHT, WINDOWS, FOLD, MAX_POOL, PICK, PUT):
    _operation.is_one_call = True
