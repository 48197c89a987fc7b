"""Functions of single numbers, of samples and of curves: rounding, statistics, interpolation, sums over curves."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from tinygrad_edu.compositions.arrangements import atleast_2d, sliding_window_view
from tinygrad_edu.errors import ArgumentError, ShapeError, UnsupportedError
from tinygrad_edu.functions import as_array, concatenate, mean, moveaxis, ravel, reshape, shape_of, sort, where
from tinygrad_edu.functions import sum as sum_of
from tinygrad_edu.graph.node import Node, data_of
from tinygrad_edu.operations.elementwise import TABLE
from tinygrad_edu.operations.reductions import CUMPROD
from tinygrad_edu.support.arguments import shown

# --- single numbers ---------------------------------------------------------------------------------------------


def clip(x: Any, a_min: Any = None, a_max: Any = None, *, min: Any = None, max: Any = None) -> Any:  # noqa: A002 NumPy's
    """``x``, but no less than ``a_min`` and no more than ``a_max``.

    Limits that need a gradient get it where they are taken; at a tie ``x`` has it, as in PyTorch.
    """
    low, high = (a_min if min is None else min), (a_max if max is None else max)
    if not any(isinstance(limit, Node) and limit.requires_grad for limit in (low, high)):
        return TABLE["clip"](x, **TABLE["clip"].bind((data_of(low), data_of(high)), {}))
    for limit, is_beyond in ((low, np.less), (high, np.greater)):
        if limit is not None:
            edge = data_of(limit)
            x = where(is_beyond(data_of(x), edge) | (edge != edge), limit, x)
    return x


def _round(x: Any, decimals: int = 0) -> Any:
    """To the nearest number of so many decimals, halves to the even one; its slope is 0."""
    scale = 10.0**decimals
    return np.rint(x) if decimals == 0 else np.rint(x * scale) / scale


def fix(x: Any) -> Any:
    """To the nearest integer towards zero; its slope is 0."""
    return np.trunc(x)


def fmax(x0: Any, x1: Any) -> Any:
    """The larger of two numbers, and the other one where one is nan; at a tie the first has the gradient."""
    a, b = data_of(x0), data_of(x1)
    return where((a >= b) | np.isnan(b), x0, x1)


def fmin(x0: Any, x1: Any) -> Any:
    """The smaller of two numbers, and the other one where one is nan; at a tie the first has the gradient."""
    a, b = data_of(x0), data_of(x1)
    return where((a <= b) | np.isnan(b), x0, x1)


def deg2rad(x: Any) -> Any:
    """Degrees as radians."""
    return x * (math.pi / 180)


def rad2deg(x: Any) -> Any:
    """Radians as degrees."""
    return x * (180 / math.pi)


def logaddexp2(x0: Any, x1: Any) -> Any:
    """log2(2**x0 + 2**x1), without overflow."""
    return np.logaddexp(x0 * math.log(2), x1 * math.log(2)) / math.log(2)


def float_power(x0: Any, x1: Any) -> Any:
    """``x0 ** x1`` in float64."""
    return x0.astype(float) ** x1 if hasattr(x0, "astype") else float(x0) ** x1


def _divmod(x0: Any, x1: Any) -> tuple[Any, Any]:
    """``x0 // x1`` and ``x0 % x1``."""
    return x0 // x1, x0 % x1


def sinc(x: Any) -> Any:
    """sin(πx) / (πx); near zero by its series, which has all derivatives there."""
    z = x * math.pi
    near = abs(data_of(z)) < 0.02
    square = where(near, z, 0.0) ** 2
    far = where(near, 1.0, z)
    return where(near, 1 - square / 6 * (1 - square / 20 * (1 - square / 42)), np.sin(far) / far)


def nan_to_num(x: Any, nan: float = 0.0, posinf: float | None = None, neginf: float | None = None) -> Any:
    """``nan`` instead of nan, and large numbers instead of infinities; their slopes are 0."""
    data = data_of(x)
    largest = np.finfo(data.dtype)
    x = where(np.isnan(data), nan, x)
    x = where(data == np.inf, largest.max if posinf is None else posinf, x)
    return where(data == -np.inf, largest.min if neginf is None else neginf, x)


def real(x: Any) -> Any:
    """The real part of real numbers: themselves."""
    return +x


# --- sums, products and differences -----------------------------------------------------------------------------


def nansum(x: Any, axis: Any = None, *, keepdims: bool = False) -> Any:
    """Σ x over the axes, nan left out."""
    return sum_of(where(np.isnan(data_of(x)), 0.0, x), axis, keepdims=keepdims)


def nanmean(x: Any, axis: Any = None, *, keepdims: bool = False) -> Any:
    """The mean over the axes, nan left out."""
    count = np.sum(~np.isnan(data_of(x)), axis=axis, keepdims=keepdims)
    return nansum(x, axis, keepdims=keepdims) / count.astype(x.dtype)


def cumprod(x: Any, axis: int | None = None) -> Any:
    """Products from the start along the axis; over the flattened array if none is given."""
    return CUMPROD(ravel(x), axis=0) if axis is None else CUMPROD(x, axis=axis)


def diff(x: Any, n: int = 1, axis: int = -1, prepend: Any = None, append: Any = None) -> Any:
    """``x[i + 1] - x[i]`` along the axis, ``n`` times over."""
    if n < 0:
        raise ArgumentError(f"diff: n must be 0 or more, but is {n}")
    if n == 0:  # NumPy joins nothing then
        return x
    x = moveaxis(x, axis, -1)
    parts = [_end(prepend, x, axis), x, _end(append, x, axis)]
    if prepend is not None or append is not None:
        x = concatenate([part for part in parts if part is not None], -1)
    for _ in range(n):
        x = x[..., 1:] - x[..., :-1]
    return moveaxis(x, -1, axis)


def _end(part: Any, x: Any, axis: int) -> Any:
    """What is joined to ``x``: a number for each line, or an array with axes of its own."""
    if part is None:
        return None
    part = part if isinstance(part, Node) else as_array(part, x.dtype)
    return moveaxis(part, axis, -1) if shape_of(part) else np.broadcast_to(part, (*shape_of(x)[:-1], 1))


def linspace(start: Any, stop: Any, num: int = 50, endpoint: bool = True, *, axis: int = 0) -> Any:
    """``num`` numbers from ``start`` to ``stop`` at equal distances."""
    shape = np.broadcast_shapes(shape_of(start), shape_of(stop))
    share = np.linspace(0.0, 1.0, num, endpoint=endpoint).reshape((num,) + (1,) * len(shape))
    distance = stop - start
    return moveaxis(start + distance * share.astype(distance.dtype), 0, axis)


# --- statistics -------------------------------------------------------------------------------------------------


def quantile(a: Any, q: Any, axis: int | None = None, *, method: str = "linear", keepdims: bool = False) -> Any:
    """What a share ``q`` of the entries lies below, interpolated between the two entries next to it."""
    if method != "linear":
        raise UnsupportedError(f"np.quantile of a Tensor knows the method 'linear', but was given {shown(method)}")
    shares = np.asarray(data_of(q), float)
    learned = q if isinstance(q, Node) and q.requires_grad else shares
    if not ((shares >= 0) & (shares <= 1)).all():
        raise ArgumentError(f"a quantile lies between 0 and 1, but was given {q}")
    ordered = moveaxis(
        sort(ravel(a) if axis is None else a, -1 if axis is None else axis), -1 if axis is None else axis, 0
    )
    place = shares * (shape_of(ordered)[0] - 1)
    low = np.floor(place).astype(int)
    weight = learned * (shape_of(ordered)[0] - 1) - low
    weight = weight.reshape(place.shape + (1,) * (len(shape_of(ordered)) - 1)).astype(ordered.dtype)
    y = ordered[low] + (ordered[np.ceil(place).astype(int)] - ordered[low]) * weight
    if not keepdims:
        return y
    kept = (1,) * len(shape_of(a)) if axis is None else tuple(np.expand_dims(data_of(y)[(0,) * place.ndim], axis).shape)
    return y.reshape((*place.shape, *kept))


def percentile(a: Any, q: Any, axis: int | None = None, *, method: str = "linear", keepdims: bool = False) -> Any:
    """`quantile` of ``q`` percent."""
    return quantile(a, (q if isinstance(q, Node) else np.asarray(q)) / 100, axis, method=method, keepdims=keepdims)


def median(a: Any, axis: int | None = None, *, keepdims: bool = False) -> Any:
    """The entry in the middle; of an even number of entries the mean of the two in the middle."""
    return quantile(a, 0.5, axis, keepdims=keepdims)


def cov(m: Any, y: Any = None, rowvar: bool = True, bias: bool = False, ddof: int | None = None) -> Any:
    """Covariances of the rows: Σ (x − mean)(x − mean)ᵀ / (n − 1)."""
    rows = [atleast_2d(x) if rowvar or len(shape_of(x)) < 2 else np.swapaxes(x, 0, 1) for x in (m, y) if x is not None]
    x = concatenate(rows, 0) if len(rows) > 1 else rows[0]
    n = shape_of(x)[1] - ((0 if bias else 1) if ddof is None else ddof)
    centred = x - mean(x, 1, keepdims=True)
    y = centred @ np.swapaxes(centred, 0, 1) / float(n)
    return np.squeeze(y)


def corrcoef(x: Any, y: Any = None, rowvar: bool = True) -> Any:
    """Correlations of the rows: covariances over the standard deviations of both."""
    c = cov(x, y, rowvar)
    if not shape_of(c):
        return c / c
    spread = np.sqrt(np.diagonal(c))
    return c / np.expand_dims(spread, 1) / spread


# --- curves -----------------------------------------------------------------------------------------------------


def gradient(f: Any, *varargs: Any, axis: Any = None, edge_order: int = 1) -> Any:
    """Slopes of a curve by differences: central ones inside, one-sided ones at both ends."""
    ndim = len(shape_of(f))
    axes = list(range(ndim)) if axis is None else [a % ndim for a in np.atleast_1d(axis).tolist()]
    steps = list(varargs) * (len(axes) if len(varargs) == 1 else 1) or [1.0] * len(axes)
    if len(steps) != len(axes) or any(shape_of(h) for h in steps) or edge_order != 1:
        raise UnsupportedError(
            "np.gradient of a Tensor takes one distance, or one number for each axis, and edge_order=1, but was given "
            f"{varargs} and edge_order={edge_order}"
        )
    slopes = [_slope(f, h, a) for h, a in zip(steps, axes, strict=True)]
    return slopes[0] if len(slopes) == 1 else tuple(slopes)


def _slope(f: Any, step: Any, axis: int) -> Any:
    x = moveaxis(f, axis, -1)
    if shape_of(x)[-1] < 2:
        raise ShapeError(f"gradient takes at least two numbers along each axis, but was given shape {shape_of(f)}")
    ends = [(x[..., 1:2] - x[..., :1]) / step, (x[..., -1:] - x[..., -2:-1]) / step]
    return moveaxis(concatenate([ends[0], (x[..., 2:] - x[..., :-2]) / (2 * step), ends[1]], -1), -1, axis)


def trapezoid(y: Any, x: Any = None, dx: Any = 1.0, axis: int = -1) -> Any:
    """∫ y dx by the trapezoidal rule."""
    y = moveaxis(y, axis, -1)
    if x is not None:
        dx = diff(x) if len(shape_of(x)) == 1 else diff(moveaxis(x, axis, -1))
    return sum_of((y[..., 1:] + y[..., :-1]) / 2 * dx, -1)


def interp(x: Any, xp: Any, fp: Any, left: Any = None, right: Any = None, period: Any = None) -> Any:
    """The broken line through the points (xp, fp) at ``x``; ``xp`` is ascending; all three may be Tensors."""
    if period is not None:
        raise UnsupportedError(
            "np.interp of a Tensor takes no period=: give it x % period, and the points of one period with the first "
            "of them once more at the end"
        )
    place, fp = data_of(x), fp if isinstance(fp, Node) else as_array(fp)
    edges = as_array(data_of(xp)).astype(np.result_type(place, data_of(fp), np.float16))
    xp = xp if isinstance(xp, Node) and xp.requires_grad else edges
    low = np.clip(np.searchsorted(edges, place, side="right") - 1, 0, len(edges) - 2)
    # Not xp[low]: a plain array does not take an index that a compiled step records.
    start, end = (reshape(np.take_along_axis(xp, np.ravel(k), 0), low.shape) for k in (low, low + 1))
    y = fp[low] + (fp[low + 1] - fp[low]) * ((x - start) / (end - start))
    y = where(place < edges[0], fp[0] if left is None else left, y)
    return where(place > edges[-1], fp[-1] if right is None else right, y)


def convolve(a: Any, v: Any, mode: str = "full") -> Any:
    """Σ_k a[k] v[n − k]: the products of two sequences, one of them turned round and moved along the other."""
    if len(shape_of(a)) != 1 or len(shape_of(v)) != 1:
        raise ShapeError(f"convolve takes two vectors, but was given shapes {shape_of(a)} and {shape_of(v)}")
    a, v = (v, a) if shape_of(v)[0] > shape_of(a)[0] else (a, v)
    m = shape_of(v)[0]
    margins = {"full": (m - 1, m - 1), "same": (m - 1 - (m - 1) // 2, (m - 1) // 2), "valid": (0, 0)}
    if mode not in margins:
        raise ArgumentError(f"convolve knows the modes full, same and valid, but was given {shown(mode)}")
    return sliding_window_view(np.pad(a, margins[mode]), m) @ np.flip(v)


def correlate(a: Any, v: Any, mode: str = "valid") -> Any:
    """Σ_k a[n + k] v[k]: the products of two sequences, one of them moved along the other."""
    if len(shape_of(a)) != 1 or len(shape_of(v)) != 1:
        raise ShapeError(f"correlate takes two vectors, but was given shapes {shape_of(a)} and {shape_of(v)}")
    if shape_of(a)[0] < shape_of(v)[0]:
        return np.flip(convolve(v, np.flip(a), mode))
    return convolve(a, np.flip(v), mode)


def histogram(a: Any, bins: Any = 10, range: Any = None, *, density: Any = None, weights: Any = None) -> Any:  # noqa: A002
    """How many entries fall into each bin, of Tensors that need no gradient."""
    if any(isinstance(x, Node) and x.requires_grad for x in (a, weights)):
        raise UnsupportedError(
            "np.histogram of a Tensor that needs a gradient has none to give: count t.detach(), or use a smooth count, "
            "such as a sum of sigmoids"
        )
    return np.histogram(data_of(a), data_of(bins), range, density=density, weights=data_of(weights))


_NAMES = (
    "clip fix sinc nan_to_num real nansum nanmean cumprod diff linspace quantile percentile median cov corrcoef "
    "gradient trapezoid interp convolve correlate histogram"
)
NUMPY: dict[Any, Any] = {getattr(np, name): globals()[name] for name in _NAMES.split()} | {
    np.round: _round,
    np.around: _round,
}
UFUNCS: dict[str, Callable[..., Any]] = {
    **{name: globals()[name] for name in ("fmax", "fmin", "deg2rad", "rad2deg", "logaddexp2", "float_power")},
    "degrees": rad2deg,
    "radians": deg2rad,
    "conjugate": real,
    "fabs": abs,
    "divmod": _divmod,
}
