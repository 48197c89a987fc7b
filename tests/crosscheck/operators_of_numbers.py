"""PyTorch's operators of rounding, comparing, statistics and curves, as they are said here: see `operators`."""

import numpy as np

from tests.crosscheck.no_counterpart import NoCounterpartError


def axes(dim):
    return tuple(dim) or None if isinstance(dim, list | tuple) else dim


def numpy_dtype(dtype):
    """PyTorch's dtype as NumPy's."""
    name = str(dtype).removeprefix("torch.")
    if name in ("bfloat16", "complex64", "complex128", "complex32"):
        raise NoCounterpartError("a type that NumPy does not have, or complex numbers")
    return np.dtype(name)


def cast(name):
    return lambda x, **_: x.astype(name)


def to(x, *args, **options):
    kinds = [a for a in [*args, options.get("dtype")] if str(a).startswith("torch.") and "format" not in str(a)]
    return x.astype(numpy_dtype(kinds[0])) if kinds else +x


def over_axes(function):
    """A function of an array and axes, without a cast."""

    def call(x, dim=None, keepdim=False, dtype=None):
        if dtype is not None or (x.ndim == 0 and dim is not None):
            raise NoCounterpartError("dtype, or an axis of a number")
        return function(x, axis=axes(dim), keepdims=keepdim)

    return call


def smallest_and_largest(x, dim=None, keepdim=False):
    if x.ndim == 0:
        raise NoCounterpartError("an axis of a number")
    return np.min(x, axis=dim, keepdims=keepdim), np.max(x, axis=dim, keepdims=keepdim)


def spread_and_mean(function):
    def call(x, dim=None, unbiased=True, keepdim=False, correction=None):
        if isinstance(dim, bool):
            dim, unbiased = None, dim
        ddof = int(unbiased) if correction is None else correction
        return function(x, axis=axes(dim), ddof=ddof, keepdims=keepdim), np.mean(x, axis=axes(dim), keepdims=keepdim)

    return call


def spread(function):
    def call(x, dim=None, unbiased=True, keepdim=False):
        if isinstance(dim, bool):
            dim, unbiased = None, dim
        return function(x, axis=axes(dim), ddof=int(unbiased), keepdims=keepdim)

    return call


def quantile(x, q, dim=None, keepdim=False, interpolation="linear"):
    if interpolation != "linear" or x.ndim == 0:
        raise NoCounterpartError("another interpolation, or an axis of a number")
    return np.quantile(x, q, axis=dim, keepdims=keepdim)


def median(x, dim=None, keepdim=False):
    """PyTorch takes the lower of two in the middle."""
    if x.ndim == 0 or (x.size if dim is None else x.shape[dim]) % 2 == 0:
        raise NoCounterpartError("the lower of two in the middle")
    return np.median(x, axis=dim, keepdims=keepdim)


def gradient(x, dim=None, spacing=None, edge_order=1):
    if edge_order != 1 or (isinstance(spacing, list | tuple) and any(np.ndim(h) for h in spacing)):
        raise NoCounterpartError("points at unlike distances, or edges of second order")
    steps = [] if spacing is None else spacing if isinstance(spacing, list | tuple) else [spacing]
    y = np.gradient(x, *steps, axis=axes(dim))
    return list(y) if isinstance(y, tuple) else [y]


def trapezoid(y, x=None, dx=1.0, dim=-1):
    return np.trapezoid(y, x, dx=dx, axis=dim)


def cumulative(function):
    def call(x, dim, dtype=None):
        if dtype is not None or x.ndim == 0:
            raise NoCounterpartError("dtype, or an axis of a number")
        return function(x, axis=dim)

    return call


def diff(x, n=1, dim=-1, prepend=None, append=None):
    return np.diff(x, n, dim, prepend, append)


def round_to(x, decimals=0):
    return np.round(x, decimals)


def divide(rounding):
    return lambda x, other, rounding_mode=None: rounding(x, other)


def predicate(function):
    return lambda x, *xs, **options: function(x, *xs, **options)


def close(function):
    return lambda x, other, rtol=1e-5, atol=1e-8, equal_nan=False: np.asarray(
        function(x, other, rtol=rtol, atol=atol, equal_nan=equal_nan)
    )


def searchsorted(points, x, out_int32=False, right=False, side=None, sorter=None):
    if points.ndim != 1 or sorter is not None or out_int32:
        raise NoCounterpartError("several rows of points, or a sorter")
    return np.searchsorted(points, x, side=side or ("right" if right else "left"))


PREDICATES = {
    "eq": np.equal,
    "ne": np.not_equal,
    "lt": np.less,
    "le": np.less_equal,
    "gt": np.greater,
    "ge": np.greater_equal,
    "isnan": np.isnan,
    "isinf": np.isinf,
    "isfinite": np.isfinite,
    "signbit": np.signbit,
    "logical_and": np.logical_and,
    "logical_or": np.logical_or,
    "logical_not": np.logical_not,
    "logical_xor": np.logical_xor,
}
OPERATORS = {
    **{name: predicate(function) for name, function in PREDICATES.items()},
    "isclose": close(np.isclose),
    "allclose": close(np.allclose),
    "equal": lambda x, other: np.asarray(np.array_equal(x, other)),
    "all": over_axes(np.all),
    "any": over_axes(np.any),
    "count_nonzero": lambda x, dim=None: over_axes(np.count_nonzero)(x, dim),
    "searchsorted": searchsorted,
    "floor_divide": np.floor_divide,
    "div trunc_rounding": divide(lambda x, other: np.trunc(x / other)),
    "div floor_rounding": divide(np.floor_divide),
    "__rmod__": lambda x, other: other % x,
    "frac": lambda x: np.fmod(x, 1.0),
    "round": round_to,
    "round decimals_0": round_to,
    "round decimals_3": round_to,
    "round decimals_neg_3": round_to,
    "deg2rad": np.deg2rad,
    "rad2deg": np.rad2deg,
    "sinc": np.sinc,
    "logaddexp2": np.logaddexp2,
    "ldexp": lambda x, n: x * np.exp2(n * 1.0),
    "max binary": np.maximum,
    "min binary": np.minimum,
    "nan_to_num": lambda x, nan=0.0, posinf=None, neginf=None: np.nan_to_num(
        x, nan=0.0 if nan is None else nan, posinf=posinf, neginf=neginf
    ),
    "nansum": over_axes(np.nansum),
    "nanmean": over_axes(np.nanmean),
    "max reduction_with_dim": over_axes(np.max),
    "min reduction_with_dim": over_axes(np.min),
    "max reduction_no_dim": np.max,
    "min reduction_no_dim": np.min,
    "aminmax": smallest_and_largest,
    "std unbiased": spread(np.std),
    "var unbiased": spread(np.var),
    "std_mean": spread_and_mean(np.std),
    "std_mean unbiased": spread_and_mean(np.std),
    "var_mean": spread_and_mean(np.var),
    "var_mean unbiased": spread_and_mean(np.var),
    "quantile": quantile,
    "median": median,
    "cumprod": cumulative(np.cumprod),
    "diff": diff,
    "gradient": gradient,
    "trapz": trapezoid,
    "trapezoid": trapezoid,
    "to": to,
    "double": cast("float64"),
    "float": cast("float32"),
    "half": cast("float16"),
    "long": cast("int64"),
    "int": cast("int32"),
    "short": cast("int16"),
    "char": cast("int8"),
    "byte": cast("uint8"),
    "bool": cast("bool"),
}
