"""How PyTorch's operators are said here: by their names in PyTorch, a function of the arguments that PyTorch's takes.

The functions take Tensors, arrays and PyTorch's own keywords, such as ``dim`` and ``keepdim``. A function raises
`NoCounterpartError` for an option that has none here.
"""

import numpy as np

from tests.crosscheck import operators_of_layers, operators_of_matrices, operators_of_numbers, operators_of_shapes
from tests.crosscheck.no_counterpart import NoCounterpartError
from tinygrad_edu import functions
from tinygrad_edu.nn import functional
from tinygrad_edu.operations.elementwise import TABLE


def axes(dim):
    """PyTorch's ``dim`` as NumPy's ``axis``; an empty list means all axes there, too."""
    if dim is None:
        return None
    if isinstance(dim, int):
        return dim
    return tuple(dim) or None


def reduction(function):
    def call(x, dim=None, keepdim=False, dtype=None):
        if dtype is not None:
            raise NoCounterpartError("dtype")
        if x.ndim == 0 and dim is not None:
            raise NoCounterpartError("an axis of a number")
        return function(x, axis=axes(dim), keepdims=keepdim)

    return call


def spread(function):
    def call(x, dim=None, unbiased=True, keepdim=False, correction=None):
        if isinstance(dim, bool):
            dim, unbiased = None, dim
        ddof = int(unbiased) if correction is None else correction
        return function(x, axis=axes(dim), ddof=ddof, keepdims=keepdim)

    return call


def along(function):
    def call(x, dim, dtype=None):
        if dtype is not None or x.ndim == 0:
            raise NoCounterpartError("dtype, or an axis of a number")
        return function(x, axis=dim)

    return call


def shape(*sizes):
    return tuple(sizes[0]) if len(sizes) == 1 and not isinstance(sizes[0], int) else sizes


def row(name):
    def call(*xs):
        return TABLE[name](*xs)

    return call


def with_alpha(function):
    return lambda x, other, alpha=1, **_: function(x, other * alpha if alpha != 1 else other)


def clamp(x, min=None, max=None):  # noqa: A002 PyTorch's names
    if any(getattr(limit, "requires_grad", False) for limit in (min, max)):
        raise NoCounterpartError("limits that need a gradient")
    if min is not None and max is not None and np.any(np.asarray(min) > np.asarray(max)):
        raise NoCounterpartError("limits the wrong way round")
    return np.clip(x, min, max)


def gelu(x, approximate="none"):
    return TABLE["gelu" if approximate == "none" else "gelu_tanh"](x)


def softplus(x, beta=1, threshold=20):
    """PyTorch takes x itself above the threshold."""
    return np.where(np.asarray(getattr(x, "data", x)) * beta > threshold, x, TABLE["softplus"](x * beta) / beta)


def pad(x, pad, mode="constant", value=None):
    widths = [(0, 0)] * x.ndim
    for i, (before, after) in enumerate(zip(pad[::2], pad[1::2], strict=True)):
        widths[x.ndim - 1 - i] = (before, after)
    if mode != "constant" or value not in (None, 0) or any(n < 0 for pair in widths for n in pair):
        raise NoCounterpartError("padding by other than zeros")
    return np.pad(x, widths)


def squeeze(x, dim=None):
    if dim is None:
        return np.squeeze(x)
    dims = (dim,) if isinstance(dim, int) else dim
    ones = tuple(d for d in dims if x.ndim and x.shape[d] == 1)
    return np.squeeze(x, ones) if ones else TABLE["identity"](x)


def expand(x, *sizes):
    sizes = shape(*sizes)
    lead = len(sizes) - x.ndim
    return np.broadcast_to(x, tuple(x.shape[i - lead] if n == -1 else n for i, n in enumerate(sizes)))


def repeat(x, *sizes):
    return np.tile(x, shape(*sizes))


def index_select(x, dim, index):
    if x.ndim == 0:
        raise NoCounterpartError("an axis of a number")
    return x[(slice(None),) * (dim % x.ndim) + (index,)]


def gather(x, dim, index, sparse_grad=False):
    if x.ndim == 0 or index.ndim != x.ndim:
        raise NoCounterpartError("an axis of a number, or an index with other axes")
    kept = tuple(slice(n) if i != dim % x.ndim else slice(None) for i, n in enumerate(index.shape))
    return np.take_along_axis(x[kept], index, axis=dim)


def narrow(x, dim, start, length):
    start = int(start) % x.shape[dim] if start < 0 else int(start)
    return x[(slice(None),) * (dim % x.ndim) + (slice(start, start + length),)]


def select(x, dim, index):
    return x[(slice(None),) * (dim % x.ndim) + (index,)]


def logit(x, eps=None):
    x = x if eps is None else clamp(x, eps, 1 - eps)
    return np.log(x / (1 - x))


def cat(xs, dim=0):
    if any(x.shape == (0,) for x in xs):
        raise NoCounterpartError("an empty array of another number of axes")
    return np.concatenate(xs, axis=dim)


def einsum(xs, equation):
    """NumPy wants "..." on the right where PyTorch adds it."""
    if "..." in equation and "->" in equation and "..." not in equation.split("->")[1]:
        raise NoCounterpartError("'...' on the left alone")
    return np.einsum(equation, *xs)


def transpose(x, dim0, dim1):
    return TABLE["identity"](x) if x.ndim == 0 else np.swapaxes(x, dim0, dim1)


def take_along_dim(x, index, dim=None):
    if dim is None:
        return np.take_along_axis(np.ravel(x), np.ravel(index), axis=0)
    wide = [max(n, m) for n, m in zip(x.shape, index.shape, strict=True)]
    wide[dim] = x.shape[dim]
    index_shape = [*wide]
    index_shape[dim] = index.shape[dim]
    return np.take_along_axis(np.broadcast_to(x, tuple(wide)), np.broadcast_to(index, index_shape), axis=dim)


def tensordot(a, b, dims=2):
    """PyTorch broadcasts a contracted axis of length 1, which NumPy refuses."""
    first, second = (range(a.ndim - dims, a.ndim), range(dims)) if isinstance(dims, int) else dims
    if [a.shape[i] for i in first] != [b.shape[i] for i in second]:
        raise NoCounterpartError("contracted axes of unlike lengths")
    return np.tensordot(a, b, axes=dims)


def getitem(x, index):
    """PyTorch reads a list that holds slices or lists as a tuple."""
    is_tuple = isinstance(index, list) and any(isinstance(part, list | slice) for part in index)
    return x[tuple(index) if is_tuple else index]


def roll(x, shifts, dims=()):
    return np.roll(x, shifts, axes(dims))


def masked_fill(x, mask, value):
    return np.where(mask, value, x)


def addmm(c, a, b, beta=1, alpha=1, **_):
    return beta * c + alpha * (a @ b)


def weighted(function):
    """A loss whose options beyond ``reduction`` have no counterpart."""

    def call(z, y, **options):
        return function(z, y, **options)

    return call


# Rows that PyTorch names otherwise, or tests under another name.
WITHOUT_SAMPLES = {
    *("arccos", "arccosh", "arcsin", "arcsinh", "arctan", "arctan2", "arctanh", "cbrt", "identity"),
    *("bce", "ndtr", "rint"),
    "floor_divide",  # PyTorch has no derivative of it
    *(
        "bce_with_logits",
        "gelu",
        "gelu_tanh",
        "hardtanh",
        "mish",
        "prelu",
        "relu",
        "selu",
        "silu",
        "softplus",
        "softsign",
    ),
    *("clip", "select", "leaky_relu", "elu", "div"),
}
ELEMENTWISE = {
    name: row(mine)
    for name, mine in {
        **{name: name for name in TABLE},
        "acos": "arccos",
        "asin": "arcsin",
        "atan": "arctan",
        "acosh": "arccosh",
        "asinh": "arcsinh",
        "atanh": "arctanh",
        "atan2": "arctan2",
        "positive": "identity",
        "clone": "identity",
        "contiguous": "identity",
        "nn.functional.relu": "relu",
        "nn.functional.silu": "silu",
        "nn.functional.selu": "selu",
        "__radd__": "add",
        "__rmul__": "mul",
        "sgn": "sign",
        "special.ndtr": "ndtr",
    }.items()
    if name not in WITHOUT_SAMPLES
}
OTHERS = {
    "div no_rounding_mode": np.divide,
    "add": with_alpha(np.add),
    "sub": with_alpha(np.subtract),
    "rsub": lambda x, other, alpha=1: other - alpha * x,
    "__rsub__": lambda x, other: other - x,
    "__rdiv__": lambda x, other: other / x,
    "__rpow__": lambda x, other: other**x,
    "__rmatmul__": lambda x, other: other @ x,
    "rsqrt": lambda x: 1 / np.sqrt(x),
    "true_divide": np.divide,
    "float_power": np.power,
    "addcmul": lambda x, a, b, value=1: x + value * a * b,
    "addcdiv": lambda x, a, b, value=1: x + value * a / b,
    "hstack": lambda xs: np.hstack(xs),
    "vstack": lambda xs: np.vstack(xs),
    "dstack": lambda xs: np.dstack(xs),
    "kron": np.kron,
    "fmax": np.fmax,
    "fmin": np.fmin,
    "lerp": lambda x, end, weight: x + weight * (end - x),
    "clamp": clamp,
    "clamp_min": lambda x, low: np.maximum(x, low),
    "clamp_max": lambda x, high: np.minimum(x, high),
    "logit": logit,
    "nn.functional.gelu": gelu,
    "nn.functional.softplus": softplus,
    "nn.functional.leaky_relu": lambda x, negative_slope=0.01: TABLE["leaky_relu"](x, slope=negative_slope),
    "nn.functional.elu": lambda x, alpha=1.0: TABLE["elu"](x, alpha=alpha),
    "nn.functional.logsigmoid": lambda x: -TABLE["softplus"](-x),
    "sum": reduction(np.sum),
    "mean": reduction(np.mean),
    "prod": reduction(np.prod),
    "amax": reduction(np.amax),
    "amin": reduction(np.amin),
    "var": spread(np.var),
    "std": spread(np.std),
    "logsumexp": reduction(functions.logsumexp),
    "softmax": along(functions.softmax),
    "log_softmax": along(functions.log_softmax),
    "nn.functional.softmin": along(lambda x, axis: functions.softmax(-x, axis=axis)),
    "cumsum": along(np.cumsum),
    "reshape": lambda x, *sizes: np.reshape(x, shape(*sizes)),
    "view": lambda x, *sizes: np.reshape(x, shape(*sizes)),
    "reshape_as": lambda x, other: np.reshape(x, other.shape),
    "ravel": np.ravel,
    "T": np.transpose,
    "t": np.transpose,
    "mT": lambda x: np.swapaxes(x, -1, -2),
    "permute": lambda x, *dims: np.transpose(x, shape(*dims)),
    "transpose": transpose,
    "movedim": np.moveaxis,
    "squeeze": squeeze,
    "squeeze multiple": squeeze,
    "squeeze_copy": squeeze,
    "narrow_copy": narrow,
    "expand_copy": expand,
    "unsqueeze": np.expand_dims,
    "expand": expand,
    "expand_as": lambda x, other: np.broadcast_to(x, other.shape),
    "broadcast_to": np.broadcast_to,
    "flip": lambda x, dims: np.flip(x, axes(dims) if dims else ()),
    "roll": roll,
    "repeat": repeat,
    "tile": lambda x, *sizes: np.tile(x, shape(*sizes)),
    "cat": cat,
    "stack": lambda xs, dim=0: np.stack(xs, axis=dim),
    "narrow": narrow,
    "select": select,
    "index_select": index_select,
    "gather": gather,
    "take_along_dim": take_along_dim,
    "__getitem__": getitem,
    "where": lambda x, condition, y: np.where(condition, x, y),
    "masked_fill": masked_fill,
    "tril": lambda x, diagonal=0: np.tril(x, diagonal),
    "triu": lambda x, diagonal=0: np.triu(x, diagonal),
    "trace": np.trace,
    "diagonal": lambda x, offset=0, dim1=0, dim2=1: np.diagonal(x, offset, dim1, dim2),
    "nn.functional.pad constant": pad,
    "constant_pad_nd": pad,
    "matmul": np.matmul,
    "mm": np.matmul,
    "mv": np.matmul,
    "bmm": np.matmul,
    "dot": np.dot,
    "inner": np.inner,
    "outer": np.outer,
    "addmm": addmm,
    "addmv": addmm,
    "baddbmm": addmm,
    "einsum": einsum,
    "tensordot": tensordot,
    "linalg.det": np.linalg.det,
    "linalg.inv": np.linalg.inv,
    "nn.functional.linear": lambda x, w, b=None: x @ np.swapaxes(w, 0, -1) + (0 if b is None else b),
    "nn.functional.mse_loss": weighted(functional.mse_loss),
    "nn.functional.l1_loss": weighted(functional.l1_loss),
    "nn.functional.huber_loss": weighted(functional.huber_loss),
}
OPERATORS = (
    ELEMENTWISE
    | OTHERS
    | operators_of_shapes.OPERATORS
    | operators_of_numbers.OPERATORS
    | operators_of_matrices.OPERATORS
    | operators_of_layers.OPERATORS
)
