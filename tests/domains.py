"""Where every operation is checked, and what it is compared with: the one table that a new operation adds a line to.

`ROWS` is for the elementwise table, `FUNCTIONS` for the operations on arrays and for NumPy's functions, `ANSWERS` for
NumPy's functions that have no derivative. The references are written out here without the engine, and they take
complex numbers: the complex step differentiates them (see `oracles`). Comparisons are of real parts.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import scipy.linalg
import scipy.special

from tinygrad_edu import Tensor, functions
from tinygrad_edu.operations import windows
from tinygrad_edu.operations.losses import CROSS_ENTROPY
from tinygrad_edu.operations.matrices import COFACTOR, COFACTOR_CHANGE, LINEAR
from tinygrad_edu.operations.normalization import NORMALIZE, RMS_NORMALIZE
from tinygrad_edu.operations.shapes import SCATTER_ADD

# --- elementwise --------------------------------------------------------------------------------------------------

NEAR = 0.05  # how near to a kink, a tie or a pole the smooth tests come
INF, NAN = math.inf, math.nan
ANY, POSITIVE = (-3.0, 3.0), (0.1, 3.0)


class Row(NamedTuple):
    """How a row of the elementwise table is checked."""

    reference: Callable[..., Any]  # the formula, of complex numbers too
    intervals: tuple[tuple[float, float], ...] = (ANY,)  # of each input
    kink: Callable[..., Any] = lambda *xs: 1.0  # what is zero at a kink, a tie or a pole
    params: Sequence[Mapping[str, Any]] = ({},)
    torch: Callable[..., Any] | None = None  # f(torch, *xs, **params), where the name is not torch's too
    edges: Sequence[tuple[tuple[float, ...], tuple[float, ...]]] = ()  # (x0, ...), (gx0, ...): as PyTorch has them


def pick(condition, yes, no):
    """``yes`` where the condition holds for the real parts."""
    return np.where(condition, yes, no)


def re(x):
    return np.real(x)


def absolute(x):
    return pick(re(x) < 0, -x, x)


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def clip(x, lo, hi):
    return pick(re(x) < lo, lo + 0 * x, pick(re(x) > hi, hi + 0 * x, x))


def angle(y, x):
    """Arctan2 by the analytic arctan: a constant is added on the left half-plane."""
    return np.arctan(y / x) + pick(re(x) < 0, np.copysign(np.pi, re(y)), 0.0)


def gelu_tanh(x):
    return 0.5 * x * (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)))


SELU_SCALE, SELU_ALPHA = 1.0507009873554804934193349852946, 1.6732632423543772848170429916717
BOTH = (ANY, ANY)


def first(x0, x1):
    return x0


def second(x0, x1):
    return x1


def itself(x):
    return x


def difference(x0, x1):
    return re(x0) - re(x1)


def _step(function):
    """A function that is flat between whole numbers."""
    return Row(
        lambda x: function(re(x)) + 0 * x,
        kink=lambda x: np.sin(np.pi * x),
        edges=[((1.0,), (0.0,)), ((-0.0,), (0.0,)), ((INF,), (0.0,))],
    )


ROWS: dict[str, Row] = {
    "identity": Row(lambda x: x, torch=lambda torch, x: x.clone()),
    "neg": Row(lambda x: -x),
    "add": Row(lambda x0, x1: x0 + x1, BOTH),
    "sub": Row(lambda x0, x1: x0 - x1, BOTH),
    "mul": Row(lambda x0, x1: x0 * x1, BOTH),
    "div": Row(lambda x0, x1: x0 / x1, BOTH, second, edges=[((1.0, 0.0), (INF, -INF)), ((0.0, 0.0), (INF, NAN))]),
    "pow": Row(
        lambda x0, x1: x0**x1,
        (POSITIVE, ANY),
        edges=[
            ((0.0, 0.0), (0.0, 0.0)),
            ((0.0, 1.0), (1.0, 0.0)),
            ((0.0, 2.0), (0.0, 0.0)),
            ((0.0, 0.5), (INF, 0.0)),
            ((0.0, -1.0), (-INF, -INF)),
            ((-2.0, 3.0), (12.0, NAN)),
            ((-2.0, 0.0), (0.0, NAN)),
            ((-2.0, 0.5), (NAN, NAN)),
            ((INF, 0.0), (0.0, INF)),
        ],
    ),
    "maximum": Row(
        lambda x0, x1: pick(re(x0) > re(x1), x0, x1),
        BOTH,
        difference,
        edges=[((1.0, 1.0), (0.5, 0.5)), ((-INF, 0.0), (0.0, 1.0)), ((INF, INF), (0.5, 0.5))],
    ),
    "minimum": Row(
        lambda x0, x1: pick(re(x0) < re(x1), x0, x1),
        BOTH,
        difference,
        edges=[((1.0, 1.0), (0.5, 0.5)), ((-INF, 0.0), (1.0, 0.0)), ((-INF, -INF), (0.5, 0.5))],
    ),
    "select": Row(
        lambda x0, x1, condition: pick(condition, x0, x1),
        BOTH,
        params=({"condition": True}, {"condition": False}),
        torch=lambda torch, x0, x1, condition: torch.where(torch.tensor(condition), x0, x1),
        edges=[((1.0, NAN), (1.0, 0.0)), ((1.0, INF), (1.0, 0.0))],
    ),
    "hypot": Row(
        lambda x0, x1: np.sqrt(x0 * x0 + x1 * x1),
        BOTH,
        lambda x0, x1: np.hypot(x0, x1),
        edges=[((3.0, 4.0), (0.6, 0.8)), ((1e200, 1e200), (math.sqrt(0.5), math.sqrt(0.5)))],
    ),
    "arctan2": Row(
        angle,
        BOTH,
        lambda x0, x1: x0 * x1,
        edges=[((0.0, 2.0), (0.5, 0.0)), ((2.0, 0.0), (0.0, -0.5)), ((0.0, 0.0), (0.0, 0.0))],
    ),
    "logaddexp": Row(
        lambda x0, x1: np.log(np.exp(x0) + np.exp(x1)),
        BOTH,
        edges=[((1e4, -1e4), (1.0, 0.0)), ((-1e4, -1e4), (0.5, 0.5)), ((-INF, 0.0), (0.0, 1.0))],
    ),
    "bce_with_logits": Row(
        lambda x0, x1: -x1 * np.log(sigmoid(x0)) - (1 - x1) * np.log(sigmoid(-x0)),
        (ANY, (0.0, 1.0)),
        torch=lambda torch, *xs: torch.nn.functional.binary_cross_entropy_with_logits(
            *torch.broadcast_tensors(*xs), reduction="none"
        ),
        edges=[
            ((0.0, 1.0), (-0.5, 0.0)),
            ((1e4, 1.0), (0.0, -1e4)),
            ((-1e4, 1.0), (-1.0, 1e4)),
            ((1e4, 0.0), (1.0, -1e4)),
        ],
    ),
    "bce": Row(
        lambda x0, x1: -x1 * np.log(x0) - (1 - x1) * np.log(1 - x0),
        ((0.1, 0.9), (0.0, 1.0)),
        # PyTorch's own loss adds 1e-12 in its second derivative; tests of the losses compare with it.
        torch=lambda torch, x0, x1: -x1 * x0.log() - (1 - x1) * (1 - x0).log(),
        edges=[((0.5, 1.0), (-2.0, 0.0))],
    ),
    "floor": _step(np.floor),
    "ceil": _step(np.ceil),
    "trunc": _step(np.trunc),
    "rint": Row(
        lambda x: np.rint(re(x)) + 0 * x,
        kink=lambda x: np.cos(np.pi * x),
        torch=lambda torch, x: torch.round(x),
        edges=[((0.5,), (0.0,)), ((INF,), (0.0,))],
    ),
    "floor_divide": Row(
        lambda x0, x1: np.floor(re(x0) / re(x1)) + 0 * x0 * x1,
        (ANY, (0.3, 3.0)),
        lambda x0, x1: np.sin(np.pi * x0 / x1),
        torch=lambda torch, x0, x1: torch.floor(x0 / x1),
    ),
    "remainder": Row(
        lambda x0, x1: x0 - x1 * np.floor(re(x0) / re(x1)),
        (ANY, (0.3, 3.0)),
        lambda x0, x1: np.sin(np.pi * x0 / x1),
        edges=[((5.0, 3.0), (1.0, -1.0)), ((-5.0, 3.0), (1.0, 2.0)), ((6.0, 3.0), (1.0, -2.0))],
    ),
    "fmod": Row(
        lambda x0, x1: x0 - x1 * np.trunc(re(x0) / re(x1)),
        (ANY, (0.3, 3.0)),
        lambda x0, x1: np.sin(np.pi * x0 / x1),
        edges=[((5.0, 3.0), (1.0, -1.0)), ((-5.0, 3.0), (1.0, 1.0))],
    ),
    "abs": Row(absolute, kink=itself, edges=[((0.0,), (0.0,)), ((-INF,), (-1.0,))]),
    "sign": Row(lambda x: np.sign(re(x)) + 0 * x, kink=itself, edges=[((0.0,), (0.0,)), ((INF,), (0.0,))]),
    "square": Row(lambda x: x * x, edges=[((0.0,), (0.0,))]),
    "reciprocal": Row(lambda x: 1 / x, kink=itself, edges=[((0.0,), (-INF,)), ((INF,), (0.0,))]),
    "sqrt": Row(np.sqrt, (POSITIVE,), edges=[((0.0,), (INF,)), ((INF,), (0.0,)), ((-1.0,), (NAN,))]),
    "cbrt": Row(
        lambda x: pick(re(x) < 0, -((-x + 0j) ** (1 / 3)), (x + 0j) ** (1 / 3)),
        kink=itself,
        torch=lambda torch, x: torch.sign(x) * torch.abs(x) ** (1 / 3),
    ),
    "exp": Row(np.exp, edges=[((1e4,), (INF,)), ((-1e4,), (0.0,))]),
    "exp2": Row(lambda x: 2**x, edges=[((-1e4,), (0.0,))]),
    "expm1": Row(lambda x: np.exp(x) - 1, edges=[((-1e4,), (0.0,)), ((1e-12,), (1 + 1e-12,))]),
    "log": Row(np.log, (POSITIVE,), edges=[((0.0,), (INF,)), ((INF,), (0.0,))]),
    "log2": Row(lambda x: np.log(x) / math.log(2), (POSITIVE,), edges=[((0.0,), (INF,))]),
    "log10": Row(lambda x: np.log(x) / math.log(10), (POSITIVE,), edges=[((0.0,), (INF,))]),
    "log1p": Row(lambda x: np.log(1 + x), ((-0.9, 3.0),), edges=[((-1.0,), (INF,)), ((1e-12,), (1 - 1e-12,))]),
    "sin": Row(np.sin, edges=[((INF,), (NAN,))]),
    "cos": Row(np.cos, edges=[((INF,), (NAN,))]),
    "tan": Row(np.tan, ((-1.4, 1.4),)),
    "arcsin": Row(np.arcsin, ((-0.9, 0.9),), edges=[((1.0,), (INF,))]),
    "arccos": Row(np.arccos, ((-0.9, 0.9),), edges=[((1.0,), (-INF,))]),
    "arctan": Row(np.arctan, edges=[((INF,), (0.0,))]),
    "sinh": Row(np.sinh),
    "cosh": Row(np.cosh),
    "tanh": Row(np.tanh, edges=[((1e4,), (0.0,)), ((-INF,), (0.0,))]),
    "arcsinh": Row(np.arcsinh, edges=[((INF,), (0.0,))]),
    "arccosh": Row(np.arccosh, ((1.1, 4.0),), edges=[((1.0,), (INF,))]),
    "arctanh": Row(np.arctanh, ((-0.9, 0.9),), edges=[((1.0,), (INF,))]),
    "erf": Row(scipy.special.erf, edges=[((1e4,), (0.0,)), ((0.0,), (2 / math.sqrt(math.pi),))]),
    "erfc": Row(scipy.special.erfc, edges=[((1e4,), (0.0,)), ((-1e4,), (0.0,))]),
    "ndtr": Row(
        scipy.special.ndtr,
        edges=[((1e4,), (0.0,)), ((0.0,), (1 / math.sqrt(2 * math.pi),))],
        torch=lambda torch, x: torch.special.ndtr(x),
    ),
    "clip": Row(
        lambda x, min, max: clip(x, min, max),  # noqa: A006 NumPy's names
        params=({"min": -1.0, "max": 2.0}, {"min": -INF, "max": 0.5}),
        kink=lambda x: (x + 1) * (x - 2) * (x - 0.5),
        torch=lambda torch, x, min, max: torch.clamp(x, min, max),  # noqa: A006
        edges=[((-1.0,), (1.0,)), ((2.0,), (1.0,)), ((-INF,), (1.0,)), ((2.5,), (1.0,))],
    ),
    "sigmoid": Row(sigmoid, edges=[((1e4,), (0.0,)), ((-1e4,), (0.0,)), ((INF,), (0.0,)), ((-INF,), (0.0,))]),
    "softplus": Row(
        lambda x: np.log(1 + np.exp(x)),
        torch=lambda torch, x: torch.nn.functional.softplus(x, threshold=50.0),
        edges=[((1e4,), (1.0,)), ((-1e4,), (0.0,)), ((INF,), (1.0,)), ((-INF,), (0.0,))],
    ),
    "relu": Row(
        lambda x: pick(re(x) > 0, x, 0 * x), kink=itself, edges=[((0.0,), (0.0,)), ((-INF,), (0.0,)), ((INF,), (1.0,))]
    ),
    "leaky_relu": Row(
        lambda x, slope: pick(re(x) > 0, x, slope * x),
        kink=itself,
        params=({"slope": 0.01}, {"slope": 0.1}),
        torch=lambda torch, x, slope: torch.nn.functional.leaky_relu(x, slope),
        edges=[((0.0,), (0.01,)), ((-INF,), (0.01,)), ((INF,), (1.0,))],
    ),
    "elu": Row(
        lambda x, alpha: pick(re(x) > 0, x, alpha * (np.exp(x) - 1)),
        kink=itself,
        params=({"alpha": 1.0}, {"alpha": 0.5}),
        torch=lambda torch, x, alpha: torch.nn.functional.elu(x, alpha),
        edges=[((0.0,), (1.0,)), ((-1e4,), (0.0,)), ((1e4,), (1.0,))],
    ),
    "selu": Row(
        lambda x: SELU_SCALE * pick(re(x) > 0, x, SELU_ALPHA * (np.exp(x) - 1)),
        kink=itself,
        torch=lambda torch, x: torch.nn.functional.selu(x),
        edges=[((0.0,), (SELU_SCALE * SELU_ALPHA,)), ((-1e4,), (0.0,)), ((1e4,), (SELU_SCALE,))],
    ),
    "silu": Row(
        lambda x: x * sigmoid(x),
        torch=lambda torch, x: torch.nn.functional.silu(x),
        edges=[((0.0,), (0.5,)), ((1e4,), (1.0,)), ((-1e4,), (0.0,))],
    ),
    "mish": Row(
        lambda x: x * np.tanh(np.log(1 + np.exp(x))),
        torch=lambda torch, x: torch.nn.functional.mish(x),
        edges=[((0.0,), (0.6,)), ((1e4,), (1.0,)), ((-1e4,), (0.0,))],
    ),
    "softsign": Row(
        lambda x: x / (1 + absolute(x)),
        kink=itself,  # of the second derivative
        torch=lambda torch, x: torch.nn.functional.softsign(x),
        edges=[((0.0,), (1.0,)), ((1e200,), (0.0,)), ((-1e200,), (0.0,))],
    ),
    "hardtanh": Row(
        lambda x, min_val, max_val: clip(x, min_val, max_val),
        ((-3.0, 1.8),),
        params=({"min_val": -1.0, "max_val": 2.0}, {"min_val": 0.0, "max_val": 0.5}),
        kink=lambda x: (x + 1) * (x - 2) * x * (x - 0.5),
        torch=lambda torch, x, min_val, max_val: torch.nn.functional.hardtanh(x, min_val, max_val),
        edges=[((-1.0,), (0.0,)), ((1.0,), (0.0,)), ((INF,), (0.0,)), ((0.0,), (1.0,))],
    ),
    "prelu": Row(
        lambda x0, x1: pick(re(x0) > 0, x0, x1 * x0),
        BOTH,
        first,
        torch=lambda torch, x0, x1: torch.nn.functional.prelu(x0, x1),
        edges=[((0.0, 0.25), (0.25, 0.0)), ((-2.0, 0.25), (0.25, -2.0)), ((INF, 0.25), (1.0, 0.0))],
    ),
    "gelu": Row(
        lambda x: 0.5 * x * (1 + scipy.special.erf(x / math.sqrt(2))),
        torch=lambda torch, x: torch.nn.functional.gelu(x),
        edges=[((0.0,), (0.5,)), ((1e4,), (1.0,)), ((-1e4,), (0.0,))],
    ),
    "gelu_tanh": Row(
        gelu_tanh,
        torch=lambda torch, x: torch.nn.functional.gelu(x, approximate="tanh"),
        edges=[((0.0,), (0.5,)), ((1e4,), (1.0,)), ((-1e4,), (0.0,))],
    ),
}


# --- arrays --------------------------------------------------------------------------------------------------------


class Call(NamedTuple):
    """One way of calling a function: the shapes of its arrays, then what else it takes."""

    shapes: tuple[tuple[int, ...], ...]
    args: tuple[Any, ...] = ()
    keywords: Mapping[str, Any] = {}

    def __str__(self) -> str:
        rest = [*map(str, self.args), *(f"{k}={v}" for k, v in self.keywords.items())]
        return " ".join([*map(str, self.shapes), *rest])


def call(*shapes: tuple[int, ...], args: tuple[Any, ...] = (), **keywords: Any) -> Call:
    return Call(shapes, args, keywords)


def normal(rng: np.random.Generator, shape: tuple[int, ...]) -> Any:
    """Numbers that all differ, none near zero."""
    x = rng.standard_normal(shape)
    return x + np.copysign(0.1, x)


def invertible(rng: np.random.Generator, shape: tuple[int, ...]) -> Any:
    """Matrices that are far from singular; anything else as `normal` has it."""
    x = normal(rng, shape)
    return x + 4 * np.eye(shape[-1]) if len(shape) > 1 and shape[-1] == shape[-2] else x


NONE = "none"


def transposed(x):
    return np.swapaxes(x, -1, -2)


def lower_triangle(x):
    """Cholesky's factor, column by column."""
    rows = [[0.0 * x[..., 0, 0] for _ in range(x.shape[-1])] for _ in range(x.shape[-1])]
    for j in range(x.shape[-1]):
        rows[j][j] = np.sqrt(x[..., j, j] - sum(rows[j][k] ** 2 for k in range(j)))
        for i in range(j + 1, x.shape[-1]):
            rows[i][j] = (x[..., i, j] - sum(rows[i][k] * rows[j][k] for k in range(j))) / rows[j][j]
    return np.stack([np.stack(row, -1) for row in rows], -2)


def positive(x):
    """A symmetric matrix whose eigenvalues are positive."""
    return x @ transposed(x) + 2 * np.eye(x.shape[-1], dtype=x.dtype)


def exponential(x):
    """exp of a symmetric matrix, by its eigenvalues."""
    values, vectors = np.linalg.eigh(x + transposed(x))
    return vectors * np.expand_dims(np.exp(values / 4), -2) @ transposed(vectors)


def exponential_reference(x):
    return scipy.linalg.expm((x + transposed(x)) / 4)


def cubed(x):
    """x xᵀ x, by the singular values."""
    u, s, vt = np.linalg.svd(x, full_matrices=False)
    return u * np.expand_dims(s**3, -2) @ vt


def orthonormal(x):
    """q and r of a matrix, with positive numbers on the diagonal of r."""
    q, r = np.linalg.qr(x)
    signs = np.sign(np.diagonal(getattr(r, "data", r)))
    return np.concatenate([q * signs, r * signs[:, None]], 0 if x.shape[0] >= x.shape[1] else 1)


def orthonormal_reference(x):
    m, n = x.shape
    square = x[:, :m]
    r = transposed(lower_triangle(transposed(square) @ square))
    q = square @ np.linalg.inv(r)
    return np.concatenate([q, r], 0) if m >= n else np.concatenate([q, transposed(q) @ x], 1)


def pseudo_inverse(x):
    xt = transposed(x)
    return np.linalg.inv(xt @ x) @ xt if x.shape[-2] >= x.shape[-1] else xt @ np.linalg.inv(x @ xt)


def matrix_norm(x, ord, axis=None, keepdims=False):  # noqa: A002 NumPy's name
    """Norms of matrices of two rows and two columns."""
    x = np.moveaxis(x, axis or (0, 1), (-2, -1))
    squares = np.sum(x * x, axis=(-1, -2))
    det = x[..., 0, 0] * x[..., 1, 1] - x[..., 0, 1] * x[..., 1, 0]
    det = pick(re(det) < 0, -det, det)
    root = np.sqrt(squares**2 - 4 * det**2)
    sums = absolute(x).sum(axis=-2 if ord in (1, -1) else -1)
    y = {
        "nuc": np.sqrt(squares + 2 * det),
        2: np.sqrt((squares + root) / 2),
        -2: np.sqrt((squares - root) / 2),
    }.get(ord, sums.max(-1) if ord in (1, INF) else sums.min(-1))
    return np.expand_dims(y, tuple(sorted(axis or (0, 1)))) if keepdims else y


def covariance(m, y=None, rowvar=True, bias=False, ddof=None):
    rows = [np.atleast_2d(x) if rowvar or x.ndim < 2 else x.T for x in (m, y) if x is not None]
    x = np.concatenate(rows, 0)
    x = x - x.mean(1, keepdims=True)
    return np.squeeze(x @ x.T / (x.shape[1] - ((0 if bias else 1) if ddof is None else ddof)))


def correlation(x, y=None, rowvar=True):
    c = np.atleast_2d(covariance(x, y, rowvar))
    spread = np.sqrt(np.diagonal(c))
    return c / spread / spread[:, None]


def quantile(x, q, axis=None, keepdims=False):
    """By linear interpolation between the two entries next to it."""
    x = np.sort(x, axis=axis) if axis is not None else np.sort(x.ravel())
    axis = 0 if axis is None else axis
    place = np.asarray(q) * (x.shape[axis] - 1)
    low = np.floor(place).astype(int)
    weight = (place - low).reshape(place.shape + (1,) * (x.ndim - 1))
    x = np.moveaxis(x, axis, 0)
    y = x[low] * (1 - weight) + x[np.ceil(place).astype(int)] * weight
    return np.expand_dims(y, axis + place.ndim) if keepdims else y


def broken_line(x, fp, xp, **keywords):
    low = np.clip(np.searchsorted(re(xp), re(x), side="right") - 1, 0, len(xp) - 2)
    y = fp[low] + (fp[low + 1] - fp[low]) * (x - xp[low]) / (xp[low + 1] - xp[low])
    y = pick(re(x) < re(xp[0]), keywords.get("left", fp[0]), y)
    return pick(re(x) > re(xp[-1]), keywords.get("right", fp[-1]), y)


class Function(NamedTuple):
    """How a function of arrays is checked."""

    function: Callable[..., Any]  # NumPy's where there is one: a Tensor answers it
    calls: Sequence[Call]
    row: str = ""  # the operation that it records; "" where that is the function's name
    reference: Callable[..., Any] | None = None  # for complex numbers, where `function` is not analytic
    method: str = (
        ""  # the Tensor's method of the same meaning; "" where that is the function's name, NONE where there is none
    )
    joins: bool = False  # its arrays come as one list
    draw: Callable[[np.random.Generator, tuple[int, ...]], Any] = normal


def variance(x, axis=None, ddof=0, keepdims=False):
    n = x.size if axis is None else np.prod([x.shape[a] for a in np.atleast_1d(axis)])
    return np.sum((x - np.mean(x, axis=axis, keepdims=True)) ** 2, axis=axis, keepdims=keepdims) / (n - ddof)


def normalized(x, axes, eps):
    return rms_normalized(x - np.mean(x, axis=axes, keepdims=True), axes, eps)


def rms_normalized(x, axes, eps):
    return x / np.sqrt(np.mean(x * x, axis=axes, keepdims=True) + eps)


def norm(x, ord=None, axis=None, keepdims=False):  # noqa: A002 NumPy's name
    size = absolute(x)
    if ord in (None, "fro", 2):
        return np.sqrt(np.sum(x * x, axis=axis, keepdims=keepdims))
    if abs(ord) == INF:
        return (np.max if ord > 0 else np.min)(size, axis=axis, keepdims=keepdims)
    return np.sum(size**ord, axis=axis, keepdims=keepdims) ** (1 / ord)


def logsumexp(x, axis=None, keepdims=False):
    return np.log(np.sum(np.exp(x), axis=axis, keepdims=keepdims))


def softmax(x, axis=-1):
    return np.exp(x) / np.sum(np.exp(x), axis=axis, keepdims=True)


def cross_entropy(x, labels):
    return -np.mean(np.log(softmax(x))[np.arange(len(labels)), labels])


def scatter_add(x, index, shape):
    y = np.zeros(shape, x.dtype)
    np.add.at(y, index, x)
    return y


def cofactor(x):
    return np.linalg.det(x)[..., None, None] * np.swapaxes(np.linalg.inv(x), -1, -2)


def cofactor_change(x0, x1):
    """By Leibniz' rule on cofactor(x) = det(x) · inv(x)ᵀ."""
    inverse = np.swapaxes(np.linalg.inv(x1), -1, -2)
    share = np.sum(inverse * x0, axis=(-1, -2), keepdims=True)
    return np.linalg.det(x1)[..., None, None] * (share * inverse - inverse @ np.swapaxes(x0, -1, -2) @ inverse)


def clip_of(x, *limits, **named):
    low, high = limits or (named.get("min"), named.get("max"))
    return clip(x, -INF if low is None else low, INF if high is None else high)


# Every way in which an axis can be given, and the sizes that go wrong most often.
_REDUCTIONS = [
    call((3, 4)),
    call((3, 4), axis=0),
    call((3, 4), axis=-1, keepdims=True),
    call((2, 3, 2), axis=(0, 2)),
    call((2, 3, 2), axis=(-1, 0), keepdims=True),
    call((2, 1, 3), axis=(1,)),
    call((5,), axis=0),
    call((), axis=None),
    call((), axis=-1),
    call((1, 1), keepdims=True),
]
_EMPTY = [call((0,)), call((2, 0), axis=1), call((0, 3), axis=1, keepdims=True), call((2, 0, 3), axis=(0, 1))]
_SPREAD = [c for c in _REDUCTIONS if () not in c.shapes]
_SPREAD += [call((3, 4), ddof=1), call((3, 4), axis=1, ddof=2, keepdims=True), call((2, 3, 2), axis=(0, 2), ddof=1)]
_SOFTMAX = [call((3, 4)), call((3, 4), axis=0), call((2, 3, 2), axis=1), call((5,)), call((0, 3)), call((3, 0))]

_INDICES: list[tuple[tuple[int, ...], list[Any]]] = [
    ((4,), [1, -1, np.int64(2), slice(1, 3), slice(None, None, -2), slice(2, 2), None, Ellipsis, ()]),
    ((4,), [[0, 0, 3], np.array([[0, 1], [1, -1]]), np.array([True, False, True, True]), np.array([], dtype=int)]),
    (
        (3, 4),
        [1, (1, 2), (slice(None), 1), (..., 0), (None, slice(1), slice(1, 4, 2)), np.arange(12).reshape(3, 4) < 5],
    ),
    ((3, 4), [([0, 0, 2], [1, 1, 3]), (slice(None), [0, 0]), ([[0], [2]], [1, 1]), (np.array([False, True, True]), 1)]),
    ((2, 3, 4), [(0, [1, 1]), ([0, 1], slice(None), [2, 2]), (..., [3, 3, 0]), (slice(1), None, [1, 0])]),
    ((0, 2), [slice(None), (slice(None), 1)]),
    ((), [(), None, Ellipsis]),
]
_MATRICES: list[tuple[tuple[int, ...], ...]] = [
    *[((2, 3), (3, 4)), ((3,), (3,)), ((3,), (3, 2)), ((2, 3), (3,)), ((0, 3), (3, 2)), ((2, 0), (0, 3))],
    *[
        ((2, 2, 3), (2, 3, 2)),
        ((2, 2, 3), (3, 2)),
        ((2, 3), (2, 3, 2)),
        ((1, 2, 3), (2, 3, 1)),
        ((2, 1, 2, 3), (3, 3, 1)),
    ],
    *[((3,), (2, 3, 2)), ((2, 2, 3), (3,))],
]
_EINSUMS: list[tuple[Any, ...]] = [
    *[
        ("ij,jk->ik", (2, 3), (3, 4)),
        ("ij,jk", (2, 3), (3, 4)),
        ("i,i->", (3,), (3,)),
        ("ij->", (2, 3)),
        ("ij->j", (2, 3)),
    ],
    *[("ba", (2, 3)), ("ii", (3, 3)), ("ii->i", (3, 3)), ("iij->j", (2, 2, 3)), ("i,i,i->i", (3,), (3,), (3,))],
    *[("...ij,jk", (2, 2, 3), (3, 2)), ("i...->...", (2, 3)), ("...,...", (2, 3), (3,)), ("...i,...i", (1, 3), (2, 3))],
    *[("bij,bjk->bik", (2, 2, 3), (2, 3, 2)), ("ij,kl->", (2, 2), (2, 3)), ("i,j,k->kji", (2,), (3,), (2,))],
    *[(" i j , j -> i ", (2, 3), (3,)), ("ij,ij->ij", (1, 3), (2, 3)), ("Ab,b->A", (2, 3), (3,)), ("i,->i", (3,), ())],
]

_MOVED = {"stride": (2,), "padding": ((1, 1),), "dilation": (2,), "groups": 2}  # 5 entries give 3 windows of 2
_STILL = {"stride": (1, 1), "padding": ((0, 0), (0, 0)), "dilation": (1, 1), "groups": 1}
_POOL = {"size": (2, 2), "stride": (2, 1), "padding": ((0, 0), (1, 0)), "dilation": (1, 1)}
_WINNERS = np.array([[[[0, 3, 1, 2], [1, 1, 0, 3]]]])

NORMALIZED = [
    call((3, 4), axes=(-1,), eps=1e-5),
    call((4, 3), axes=(0,), eps=0.1),
    call((2, 3, 4), axes=(-1,), eps=0.0),
    call((2, 3, 4), axes=(0, 2), eps=1e-5),
    call((2, 2, 3), axes=(-2, -1), eps=1e-5),
]

FUNCTIONS: dict[str, Function] = {
    "sum": Function(np.sum, _REDUCTIONS + _EMPTY),
    "mean": Function(np.mean, [c for c in _REDUCTIONS if c != call((), axis=-1)]),  # which NumPy refuses
    "prod": Function(np.prod, _REDUCTIONS + _EMPTY),
    "var": Function(np.var, _SPREAD, reference=variance),
    "std": Function(
        np.std,
        [c for c in _SPREAD if c.shapes not in (((2, 1, 3),), ((1, 1),))],  # of one number it is a kink
        reference=lambda x, **keywords: np.sqrt(variance(x, **keywords)),
    ),
    "max": Function(np.max, _REDUCTIONS),
    "min": Function(np.min, _REDUCTIONS),
    "amax": Function(np.amax, [call((3, 4), axis=1)], row="max", method="max"),
    "amin": Function(np.amin, [call((3, 4), axis=1)], row="min", method="min"),
    "logsumexp": Function(functions.logsumexp, _REDUCTIONS, reference=logsumexp),
    "softmax": Function(functions.softmax, _SOFTMAX, reference=softmax),
    "log_softmax": Function(functions.log_softmax, _SOFTMAX, reference=lambda x, axis=-1: np.log(softmax(x, axis))),
    "cumsum": Function(
        np.cumsum,
        [call((5,)), call((3, 4)), call((3, 4), axis=0), call((2, 3, 2), axis=-2), call((0,)), call((2, 0), axis=0)],
    ),
    "reshape": Function(
        np.reshape,
        [
            call((3, 4), args=((2, 6),)),
            call((3, 4), args=(-1,)),
            call((2, 3, 2), args=((3, -1),)),
            call((0, 3), args=((3, 0),)),
            call((), args=((1, 1),)),
        ],
    ),
    "ravel": Function(np.ravel, [call((3, 4)), call(()), call((0, 2))], row="reshape"),
    "flatten": Function(functions.ravel, [call((2, 3, 2))], row="reshape", reference=np.ravel),
    "transpose": Function(
        np.transpose,
        [call((3, 4)), call((2, 3, 4), args=((1, 2, 0),)), call((2, 3, 4), args=((-1, 0, 1),)), call((3,)), call(())],
    ),
    "permute_dims": Function(
        np.permute_dims, [call((2, 3, 4), args=((1, 2, 0),))], row="transpose", method="transpose"
    ),
    "swapaxes": Function(np.swapaxes, [call((2, 3, 4), args=(0, 2)), call((2, 3), args=(-1, -2))], row="transpose"),
    "moveaxis": Function(
        np.moveaxis,
        [call((2, 3, 4), args=(0, -1)), call((2, 3, 4), args=(2, 0)), call((2, 3, 4), args=((0, 1), (-1, 0)))],
        row="transpose",
    ),
    "squeeze": Function(
        np.squeeze,
        [call((1, 3, 1)), call((1, 3, 1), axis=0), call((1, 3, 1), axis=(0, -1)), call((1, 1))],
        row="reshape",
    ),
    "expand_dims": Function(
        np.expand_dims,
        [call((3, 4), axis=0), call((3, 4), axis=-1), call((3,), axis=(0, 2)), call((), axis=0)],
        row="reshape",
    ),
    "broadcast_to": Function(
        np.broadcast_to,
        [
            call((3,), args=((2, 3),)),
            call((3, 1), args=((2, 3, 4),)),
            call((1, 1), args=((2, 0),)),
            call((), args=((2, 2),)),
            call((1,), args=(3,)),
            call((2, 3), args=((2, 3),)),
        ],
    ),
    "flip": Function(
        np.flip, [call((3, 4)), call((3, 4), axis=0), call((2, 3, 2), axis=(0, -1)), call((0, 2), axis=1)]
    ),
    "roll": Function(
        np.roll,
        [
            call((5,), args=(2,)),
            call((3, 4), args=(1,)),
            call((3, 4), args=(-1,), axis=0),
            call((3, 4), args=((1, 2),), axis=(0, 1)),
            call((3, 4), args=(1,), axis=(0, 1)),
            call((0,), args=(1,)),
        ],
    ),
    "repeat": Function(
        np.repeat,
        [
            call((3,), args=(2,)),
            call((2, 3), args=(2,)),
            call((2, 3), args=(2,), axis=1),
            call((2, 3), args=([1, 0, 2],), axis=-1),
            call((2, 3), args=(np.array([2, 1]),), axis=0),
            call((), args=(3,)),
            call((), args=(3,), axis=0),
            call((), args=([2],), axis=-1),
        ],
    ),
    "tile": Function(
        np.tile,
        [
            call((3,), args=(2,)),
            call((2, 3), args=(2,)),
            call((3,), args=((2, 2),)),
            call((2, 3), args=((2, 1, 2),)),
            call((2,), args=(0,)),
            call((), args=((2,),)),
        ],
    ),
    "pad": Function(
        np.pad,
        [
            call((3,), args=(1,)),
            call((3,), args=((1, 2),)),
            call((2, 3), args=(((1, 0), (0, 2)),)),
            call((2, 3), args=((2,),)),
            call((0, 2), args=(1,)),
            call((2,), args=(1,), mode="constant", constant_values=0),
        ],
    ),
    "diagonal": Function(
        np.diagonal,
        [
            call((3, 3)),
            call((3, 4), offset=1),
            call((3, 4), offset=-1),
            call((2, 3, 3), axis1=1, axis2=2),
            call((2, 3, 4), offset=1, axis1=-1, axis2=0),
            call((2, 2), offset=5),
        ],
    ),
    "trace": Function(
        np.trace, [call((3, 3)), call((3, 4), offset=1), call((2, 3, 3), axis1=1, axis2=2)], row="diagonal"
    ),
    "tril": Function(np.tril, [call((3, 3)), call((3, 4), k=1), call((2, 3, 3), k=-1), call((0, 2))]),
    "triu": Function(np.triu, [call((3, 3)), call((3, 4), k=1), call((2, 3, 3), k=-1)]),
    "take_along_axis": Function(
        np.take_along_axis,
        [
            call((3, 4), args=(np.array([[0], [3], [3]]),), axis=1),
            call((3, 4), args=(np.array([[2, 0, 2, -1]]),), axis=0),
            call((3, 4), args=(np.array([[0, 1, 1]]),), axis=-1),
            call((5,), args=(np.array([4, 4, 0]),), axis=0),
            call((2, 3), args=(np.array([5, 0, 0]),), axis=None),
        ],
    ),
    "sort": Function(np.sort, [call((5,)), call((3, 4)), call((3, 4), axis=0), call((2, 3), axis=None), call((0,))]),
    "concatenate": Function(
        np.concatenate,
        [
            call((2,), (3,)),
            call((2, 3), (1, 3)),
            call((2, 3), (2, 0), (2, 1), axis=1),
            call((2, 3), (2, 3), axis=-1),
            call((2, 3), (3,), axis=None),
            call((4,)),
        ],
        joins=True,
    ),
    "stack": Function(
        np.stack,
        [call((3,), (3,)), call((2, 3), (2, 3), axis=1), call((2, 3), (2, 3), (2, 3), axis=-1), call((), ())],
        joins=True,
    ),
    "split": Function(
        lambda x, *args, **keywords: np.split(x, *args, **keywords)[1],
        [
            call((6,), args=(3,)),
            call((6,), args=([2, 3],)),
            call((2, 4), args=(2,), axis=1),
            call((4, 2), args=([1],), axis=-2),
            call((3,), args=([2, 9],)),
        ],
        row="getitem",
        method=NONE,
    ),
    "where": Function(
        lambda x0, x1, condition: np.where(condition, x0, x1),
        [
            call((3,), (3,), condition=np.array([True, False, True])),
            call((4,), (), condition=np.array([[True], [False]])),
            call((2, 1), (3,), condition=np.array([True, False, True])),
            call((2, 2), (2, 2), condition=True),
        ],
        row="select",
        method=NONE,
    ),
    "clip": Function(
        np.clip,
        [
            call((3, 4), args=(-0.5, 0.5)),
            call((4,), args=(None, 0.5)),
            call((4,), args=(-0.5, None)),
            call((4,), min=-0.5, max=0.5),
        ],
        reference=clip_of,
    ),
    "getitem": Function(
        lambda x, index: x[index],
        [call(shape, index=index) for shape, indices in _INDICES for index in indices],
        reference=lambda x, index: np.asarray(x[index]),
        method="__getitem__",
    ),
    "matmul": Function(np.matmul, [call(*shapes) for shapes in _MATRICES]),
    "dot": Function(
        np.dot,
        [call(*shapes) for shapes in _MATRICES if len(shapes[1]) < 3 and shapes != ((2, 2, 3), (2, 3, 2))],
        row="matmul",
    ),
    "inner": Function(np.inner, [call((3,), (3,)), call((2, 3), (4, 3)), call((2, 2, 3), (3,))], row="einsum"),
    "outer": Function(np.outer, [call((3,), (2,)), call((2, 2), (3,)), call((), (2,))], row="einsum"),
    "tensordot": Function(
        np.tensordot,
        [
            call((2, 3, 4), (3, 4, 2)),
            call((2, 3), (3, 2), args=(1,)),
            call((2, 3), (4,), args=(0,)),
            call((2, 3, 4), (4, 2), args=(((2, 0), (0, 1)),)),
            call((2, 3), (2, 4), axes=(0, 0)),
            call((2, 3), (3, 4), axes=[[-1], [0]]),
        ],
        row="einsum",
        method=NONE,
    ),
    "einsum": Function(
        lambda *xs, subscripts: np.einsum(subscripts, *xs),
        [call(*shapes, subscripts=subscripts) for subscripts, *shapes in _EINSUMS],
        reference=lambda *xs, subscripts: np.asarray(np.einsum(subscripts, *xs)),
        method=NONE,
    ),
    "norm": Function(
        np.linalg.norm,
        [
            *[call((4,)), call((3, 4)), call((2, 3, 2)), call((3, 4), axis=0), call((3, 4), axis=1, keepdims=True)],
            *[call((2, 3, 2), axis=(0, 2)), call((3, 4), ord="fro"), call((4,), ord=2), call((3, 4), ord=2, axis=1)],
        ],
        reference=norm,
    ),
    "norm of order p": Function(
        np.linalg.norm,
        [
            *[call((4,), ord=1), call((4,), ord=3), call((3, 4), ord=1.5, axis=1, keepdims=True)],
            *[call((3, 4), ord=INF, axis=1), call((3, 4), ord=-INF, axis=0)],
        ],
        row="abs",
        reference=norm,
        method="norm",
    ),
    "det": Function(np.linalg.det, [call((3, 3)), call((1, 1)), call((2, 3, 3))], draw=invertible),
    "inv": Function(np.linalg.inv, [call((3, 3)), call((2, 2, 2))], draw=invertible),
    "solve": Function(
        np.linalg.solve,
        [
            *[call((3, 3), (3,)), call((3, 3), (3, 2)), call((2, 3, 3), (2, 3, 1)), call((2, 3, 3), (3,))],
            *[call((2, 3, 3), (3, 2)), call((3, 3), (2, 3, 2))],
        ],
        draw=invertible,
    ),
    "astype": Function(lambda x, dtype: x.astype(dtype), [call((3,), dtype=np.float64)], reference=lambda x, dtype: x),
    # Fused layers and losses, and steps of backward passes: operations that no NumPy function names.
    "linear": Function(
        LINEAR,
        [
            call((2, 3), (3, 4), (4,)),
            call((3,), (3, 4), (4,)),
            call((2, 2, 3), (3, 1), (1,)),
            call((0, 3), (3, 2), (2,)),
        ],
        reference=lambda x0, x1, x2: x0 @ x1 + x2,
        method=NONE,
    ),
    "cross_entropy": Function(
        lambda x, labels: CROSS_ENTROPY(x, labels=labels, memo={}),
        [call((3, 4), labels=np.array([1, 0, 3]))],
        reference=cross_entropy,
        method=NONE,
    ),
    "normalize": Function(
        lambda x, axes, eps: NORMALIZE(x, axes=axes, eps=eps), NORMALIZED, reference=normalized, method=NONE
    ),
    "rms_normalize": Function(
        lambda x, axes, eps: RMS_NORMALIZE(x, axes=axes, eps=eps), NORMALIZED, reference=rms_normalized, method=NONE
    ),
    "scatter_add": Function(
        SCATTER_ADD,
        [call((3,), index=np.array([0, 2, 0]), shape=(4,)), call((2,), index=slice(1, 3), shape=(4,))],
        reference=scatter_add,
        method=NONE,
    ),
    "conv": Function(
        windows.CONV,
        [call((2, 2, 5), (4, 1, 2), **_MOVED), call((1, 2, 4, 3), (2, 2, 2, 2), **_STILL)],
        reference=windows.convolve,
        method=NONE,
    ),
    "conv_input": Function(
        windows.CONV_INPUT,
        [
            call((2, 4, 3), (4, 1, 2), lengths=(5,), **_MOVED),
            call((1, 2, 3, 2), (2, 2, 2, 2), lengths=(4, 3), **_STILL),
        ],
        reference=windows.convolve_input,
        method=NONE,
    ),
    "conv_weight": Function(
        windows.CONV_WEIGHT,
        [call((2, 2, 5), (2, 4, 3), size=(2,), **_MOVED), call((1, 2, 4, 3), (1, 2, 3, 2), size=(2, 2), **_STILL)],
        reference=windows.convolve_weight,
        method=NONE,
    ),
    "windows": Function(windows.WINDOWS, [call((2, 1, 5, 4), **_POOL)], reference=windows.take_windows, method=NONE),
    "fold": Function(
        windows.FOLD, [call((4, 2, 1, 2, 4), lengths=(5, 4), **_POOL)], reference=windows.add_windows, method=NONE
    ),
    "max_pool": Function(windows.MAX_POOL, [call((2, 1, 5, 4), **_POOL)], reference=windows.largest, method=NONE),
    "pick": Function(
        windows.PICK, [call((1, 1, 5, 4), winners=_WINNERS, **_POOL)], reference=windows.pick, method=NONE
    ),
    "put": Function(
        windows.PUT,
        [call((1, 1, 2, 4), winners=_WINNERS, lengths=(5, 4), **_POOL)],
        reference=windows.put,
        method=NONE,
    ),
    # Compositions.
    "array": Function(
        lambda *xs: np.array([xs[0], [xs[1], xs[1]]] if xs[0].ndim else xs, like=xs[0]),
        [call((), ()), call((2,), ())],
        row="stack",
        reference=lambda *xs: np.array([xs[0], [xs[1], xs[1]]]) if xs[0].ndim else np.array(xs),
        method=NONE,
    ),
    "asarray": Function(
        lambda *xs: np.asarray(xs, like=xs[0]), [call((2,), (2,))], row="stack", reference=lambda *xs: np.asarray(xs)
    )._replace(method=NONE),
    "copy": Function(np.copy, [call((2, 3))], row="identity", method=NONE),
    "real": Function(np.real, [call((2, 3))], row="identity", reference=itself, method=NONE),
    "clip to limits, as a method": Function(
        lambda x, low, high: x.clip(low, max=high),
        [call((3, 4), (4,), ())],
        row="select",
        reference=lambda x, low, high: pick(
            re(pick(re(x) < re(low), low, x)) > re(high), high, pick(re(x) < re(low), low, x)
        ),
        method=NONE,
    ),
    "clip to limits": Function(
        lambda x, low, high: np.clip(x, low, high),
        [call((3, 4), (), (4,)), call((4,), (4,), (1,))],
        row="select",
        reference=lambda x, low, high: pick(
            re(pick(re(x) < re(low), low, x)) > re(high), high, pick(re(x) < re(low), low, x)
        ),
        method=NONE,
    ),
    **{
        name: Function(getattr(np, name), calls, row="concatenate", joins=True)
        for name, calls in {
            "hstack": [call((2,), (3,)), call((2, 3), (2, 1)), call((), (2,))],
            "vstack": [call((2,), (2,)), call((1, 3), (2, 3)), call((3,), (2, 3))],
            "dstack": [call((2,), (2,)), call((2, 3), (2, 3)), call((2, 3, 1), (2, 3, 2))],
            "column_stack": [call((2,), (2,)), call((3, 2), (3,))],
        }.items()
    },
    "append": Function(np.append, [call((2,), (2, 2)), call((2, 3), (1, 3), axis=0)], row="concatenate", method=NONE),
    **{
        name: Function(getattr(np, name), [call(shape) for shape in shapes], row="reshape", method=NONE)
        for name, shapes in (("atleast_1d", [()]), ("atleast_2d", [(), (2,)]), ("atleast_3d", [(), (2,), (2, 3)]))
    },
    "broadcast_arrays": Function(
        lambda *xs: np.multiply(*np.broadcast_arrays(*xs)),
        [call((3, 1), (2,)), call((), (2, 2))],
        row="broadcast_to",
        method=NONE,
    ),
    "meshgrid": Function(
        lambda *xs, **keywords: np.stack(np.meshgrid(*xs, **keywords)),
        [call((2,), (3,)), call((2,), (3,), indexing="ij"), call((2,), (3,), (2,)), call((4,))],
        row="stack",
        method=NONE,
    ),
    "array_split": Function(lambda x, n: np.array_split(x, n)[1], [call((7, 2), n=3)], row="getitem", method=NONE),
    "hsplit": Function(
        lambda x, n: np.hsplit(x, n)[1], [call((2, 4), n=2), call((4,), n=2)], row="getitem", method=NONE
    ),
    "vsplit": Function(lambda x, n: np.vsplit(x, n)[1], [call((4, 2), n=[1])], row="getitem", method=NONE),
    "dsplit": Function(lambda x, n: np.dsplit(x, n)[1], [call((2, 2, 4), n=2)], row="getitem", method=NONE),
    "fliplr": Function(np.fliplr, [call((2, 3))], row="flip", method=NONE),
    "flipud": Function(np.flipud, [call((2, 3))], row="flip", method=NONE),
    "rot90": Function(
        np.rot90, [call((2, 3)), call((2, 3), k=2), call((2, 3, 4), k=-1, axes=(2, 0))], row="flip", method=NONE
    ),
    "rollaxis": Function(
        np.rollaxis, [call((2, 3, 4), args=(2,)), call((2, 3, 4), args=(0, 3))], row="transpose", method=NONE
    ),
    "diag": Function(np.diag, [call((3,)), call((2,), k=1), call((2,), k=-2)], row="scatter_add", method=NONE),
    "diagflat": Function(np.diagflat, [call((2, 2)), call((2,), k=1)], row="scatter_add", method=NONE),
    "take": Function(
        np.take,
        [
            *[call((3, 4), args=([1, 1, 5],)), call((3, 4), args=([[0, -1]],), axis=1), call((3,), args=(2,), axis=0)],
            *[call((3,), args=([4, -1],), mode="wrap"), call((3, 2), args=([4, -1],), axis=0, mode="clip")],
        ],
        row="getitem",
        method=NONE,
    ),
    "partition": Function(
        lambda x, kth, axis: np.take(np.partition(x, kth, axis), kth, axis),
        [call((5,), kth=2, axis=-1), call((3, 4), kth=1, axis=0), call((2, 3), kth=4, axis=None)],
        row="take_along_axis",
        method=NONE,
    ),
    "sliding_window_view": Function(
        np.lib.stride_tricks.sliding_window_view,
        [call((5,), args=(3,)), call((4, 5), args=((2, 3),)), call((4, 5), args=(2,), axis=1)],
        row="getitem",
        method=NONE,
    ),
    "pad with its own entries": Function(
        np.pad,
        [call((3, 4), args=(((1, 2), (2, 0)),), mode=mode) for mode in ("edge", "reflect", "symmetric", "wrap")],
        row="getitem",
        method="pad",
    ),
    "pad with numbers": Function(
        np.pad,
        [
            call((3,), args=((1, 2),), constant_values=2.5),
            call((2, 3), args=(1,), constant_values=((1.0, 2.0), (3.0, 4.0))),
        ],
        row="select",
        method="pad",
    ),
    "select": Function(
        lambda *xs: np.select([xs[0] > 0.5, xs[0] > -0.5], xs[:2], 3.0),
        [call((4,), (4,)), call((2, 3), ())],
        reference=lambda x0, x1: pick(re(x0) > 0.5, x0, pick(re(x0) > -0.5, x1, 3.0)),
        method=NONE,
    ),
    "round": Function(
        np.round, [call((3,), decimals=1)], row="rint", reference=lambda x, decimals: np.round(re(x), decimals) + 0 * x
    )._replace(method=NONE),
    "around": Function(np.around, [call((3,))], row="rint", reference=lambda x: np.round(re(x)) + 0 * x, method=NONE),
    "fix": Function(np.fix, [call((3,))], row="trunc", reference=lambda x: np.fix(re(x)) + 0 * x, method=NONE),
    "fmax": Function(
        np.fmax, [call((4,), (4,))], row="select", reference=lambda x0, x1: pick(re(x0) > re(x1), x0, x1), method=NONE
    ),
    "fmin": Function(
        np.fmin, [call((4,), (4,))], row="select", reference=lambda x0, x1: pick(re(x0) < re(x1), x0, x1), method=NONE
    ),
    "fabs": Function(np.fabs, [call((4,))], row="abs", reference=absolute, method=NONE),
    "deg2rad": Function(np.deg2rad, [call((4,))], row="mul", reference=lambda x: x * (math.pi / 180), method=NONE),
    "rad2deg": Function(np.rad2deg, [call((4,))], row="mul", reference=lambda x: x * (180 / math.pi), method=NONE),
    "logaddexp2": Function(
        np.logaddexp2, [call((4,), (1,))], row="logaddexp", reference=lambda a, b: np.log2(2**a + 2**b), method=NONE
    ),
    "sinc": Function(np.sinc, [call((6,)), call(())], row="sin", method=NONE),
    "sinc near zero": Function(
        lambda x: np.sinc(x * 2e-3),
        [call((4,))],
        row="pow",
        reference=lambda x: 1 - (x * 2e-3 * np.pi) ** 2 / 6 + (x * 2e-3 * np.pi) ** 4 / 120,
        method=NONE,
    ),
    "nan_to_num": Function(lambda x: np.nan_to_num(x), [call((2, 3))], row="select", method=NONE),
    "nansum": Function(
        lambda x, **keywords: np.nansum(x, **keywords),
        [call((2, 3)), call((2, 3), axis=0), call((2, 3), axis=1, keepdims=True)],
        row="sum",
        method=NONE,
    ),
    "nanmean": Function(
        lambda x, **keywords: np.nanmean(x, **keywords), [call((2, 3)), call((2, 3), axis=1)], row="sum"
    )._replace(method=NONE),
    "cumprod": Function(
        np.cumprod,
        [call((5,)), call((3, 4)), call((3, 4), axis=0), call((2, 3, 2), axis=-2), call((0,))],
        method=NONE,
    ),
    "cumprod with zeros": Function(
        lambda x, axis: np.cumprod((np.arange(4) != 1) * x, axis=axis),
        [call((3, 4), axis=1), call((3, 4), axis=0)],
        row="cumprod",
        method=NONE,
    ),
    "diff": Function(
        np.diff,
        [
            *[call((5,)), call((3, 4), n=2), call((3, 4), axis=0), call((3,), prepend=0.5, append=[1.0, 2.0])],
            call((2, 3), prepend=0.0, axis=0),
        ],
        row="sub",
        method=NONE,
    ),
    "linspace": Function(
        np.linspace, [call((), (), args=(5,)), call((2,), (), num=3, axis=-1), call((), (), args=(4, False))], row="add"
    )._replace(method=NONE),
    **{
        name: Function(
            getattr(np, name),
            [
                *[
                    call((3, 4), args=(0.3 * scale,)),
                    call((5,), args=(0.5 * scale,)),
                    call((3, 4), q=0.9 * scale, axis=0),
                ],
                *[call((3, 4), args=([0.1 * scale, 1.0 * scale],), axis=1, keepdims=True)],
            ],
            row="sort",
            reference=lambda x, q, _scale=scale, **keywords: quantile(x, np.asarray(q) / _scale, **keywords),
            method=NONE,
        )
        for name, scale in (("quantile", 1), ("percentile", 100))
    },
    "median": Function(
        np.median,
        [call((5,)), call((3, 4)), call((3, 4), axis=0), call((3, 4), axis=1, keepdims=True)],
        row="sort",
        reference=lambda x, **keywords: quantile(x, 0.5, **keywords),
        method=NONE,
    ),
    "cov": Function(
        np.cov,
        [call((3, 4)), call((5,)), call((5,), (5,)), call((4, 2), rowvar=False), call((3, 4), bias=True)],
        row="matmul",
        reference=covariance,
        method=NONE,
    ),
    "corrcoef": Function(np.corrcoef, [call((3, 5)), call((5,), (5,))], row="div", reference=correlation, method=NONE),
    "gradient": Function(
        lambda x, *args, **keywords: np.gradient(x, *args, **keywords),
        [call((5,)), call((5,), args=(0.5,)), call((3, 4), axis=0)],
        row="concatenate",
        method=NONE,
    ),
    "trapezoid": Function(
        np.trapezoid,
        [call((5,)), call((2, 5), dx=0.5), call((3, 4), axis=0), call((4,), (4,)), call((2, 4), (4,))],
        row="sum",
        method=NONE,
    ),
    "interp": Function(
        lambda x, fp, xp, **keywords: np.interp(x, xp, fp, **keywords),
        [
            call((6,), (4,), xp=np.array([-1.0, -0.25, 0.3, 1.0])),
            call((2, 3), (3,), xp=np.array([-0.5, 0.2, 0.5]), left=2.0, right=3.0),
        ],
        row="getitem",
        reference=broken_line,
        method=NONE,
    ),
    "interp between moved points": Function(
        lambda x, fp, gaps: np.interp(x, np.cumsum(gaps * gaps + 0.2) - 1.0, fp),
        [call((6,), (4,), (4,)), call((2, 3), (3,), (3,))],
        row="getitem",
        reference=lambda x, fp, gaps: broken_line(x, fp, np.cumsum(gaps * gaps + 0.2) - 1.0),
        method=NONE,
    ),
    "correlate": Function(
        np.correlate,
        [call((5,), (3,)), call((2,), (4,)), call((5,), (2,), mode="same"), call((3,), (4,), mode="full")],
        row="matmul",
        reference=lambda a, v, mode="valid": np.correlate(a, np.conjugate(v), mode),
        method=NONE,
    ),
    "convolve": Function(
        np.convolve,
        [call((5,), (3,)), call((2,), (4,)), call((5,), (2,), mode="same"), call((5,), (3,), mode="valid")],
        row="matmul",
        method=NONE,
    ),
    "kron": Function(np.kron, [call((2, 3), (3, 2)), call((2,), (3,)), call((2, 2), (2,))], row="mul", method=NONE),
    "cross": Function(
        np.cross, [call((3,), (3,)), call((2, 3), (2, 3)), call((3, 2), (3, 2), axis=0)], row="stack", method=NONE
    ),
    "vdot": Function(
        np.vdot,
        [call((3,), (3,)), call((2, 2), (2, 2))],
        row="matmul",
        method=NONE,
        reference=lambda a, b: np.sum(a * b),
    ),
    "einsum of lists": Function(
        lambda a, b: np.einsum(a, [0, 1], b, [1, 2], [0, 2]), [call((2, 3), (3, 4))], row="einsum", method=NONE
    ),
    "slogdet": Function(
        lambda x: np.linalg.slogdet(x)[1],
        [call((3, 3)), call((2, 2, 2))],
        row="logabsdet",
        reference=lambda x: np.log(np.linalg.det(x)),
        draw=invertible,
        method=NONE,
    ),
    "cholesky": Function(
        lambda x: np.linalg.cholesky(positive(x)),
        [call((3, 3)), call((2, 2, 2))],
        reference=lambda x: lower_triangle(positive(x)),
        method=NONE,
    ),
    "eigh": Function(exponential, [call((3, 3)), call((2, 2, 2))], reference=exponential_reference, method=NONE),
    "eigvalsh": Function(
        lambda x: np.exp(np.linalg.eigvalsh(x + transposed(x)) / 4).sum(-1),
        [call((3, 3))],
        row="eigh",
        reference=lambda x: np.trace(exponential_reference(x)),
        method=NONE,
    ),
    "svd": Function(
        cubed,
        [call((3, 3)), call((4, 2)), call((2, 3)), call((2, 3, 2))],
        reference=lambda x: x @ transposed(x) @ x,
        method=NONE,
    ),
    "qr": Function(
        orthonormal, [call((3, 3)), call((4, 2)), call((2, 4))], reference=orthonormal_reference, method=NONE
    ),
    "pinv": Function(
        np.linalg.pinv,
        [call((3, 3)), call((4, 2)), call((2, 3)), call((2, 3, 2))],
        reference=pseudo_inverse,
        method=NONE,
    ),
    "matrix_power": Function(
        np.linalg.matrix_power,
        [call((3, 3), n=5), call((2, 2), n=-2), call((2, 2, 2), n=3)],
        row="matmul",
        draw=invertible,
        method=NONE,
    ),
    "multi_dot": Function(
        np.linalg.multi_dot, [call((2, 3), (3, 4), (4, 2)), call((3,), (3, 2), (2,))], row="matmul", joins=True
    ),
    "norm of singular values": Function(
        np.linalg.norm,
        [
            *[call((2, 2), ord=order) for order in ("nuc", 2, -2)],
            call((2, 3, 2), ord="nuc", axis=(0, 2), keepdims=True),
        ],
        row="svd",
        reference=matrix_norm,
        method="norm",
    ),
    "norm of rows and columns": Function(
        np.linalg.norm,
        [
            *[call((2, 2), ord=order) for order in (1, -1, INF, -INF)],
            call((2, 2, 3), ord=1, axis=(1, 0)),
            call((2, 3, 2), ord=INF, axis=(0, 2), keepdims=True),
        ],
        row="abs",
        reference=matrix_norm,
        method="norm",
    ),
    "cofactor": Function(COFACTOR, [call((3, 3))], reference=cofactor, draw=invertible, method=NONE),
    "cofactor_change": Function(
        COFACTOR_CHANGE,
        [call((3, 3), (3, 3)), call((2, 2, 2), (2, 2, 2))],
        reference=cofactor_change,
        draw=invertible,
        method=NONE,
    ),
    "full_like": Function(
        lambda fill, shape: functions.full_like(np.zeros(shape, fill.dtype), fill),
        [call((), shape=(2, 3)), call((3,), shape=(2, 3)), call((2, 1), shape=(2, 0))],
        row="broadcast_to",
        reference=np.broadcast_to,
        method=NONE,
    ),
}

# NumPy's functions whose answer is an index, a truth, a shape or a new array: asked of the plain arrays.
ANSWERS: dict[Callable[..., Any], Sequence[Callable[[Callable[..., Any], Any], Any]]] = {
    **{
        f: [lambda f, t: f(t)] for f in (np.shape, np.ndim, np.size, np.argmax, np.argmin, np.nonzero, np.count_nonzero)
    },
    **{f: [lambda f, t: f(t), lambda f, t: f(t, axis=0)] for f in (np.any, np.all, np.argsort)},
    **{f: [lambda f, t: f(t, t), lambda f, t: f(t, 1.0)] for f in (np.isclose, np.allclose, np.array_equal)},
    **{f: [lambda f, t: f(t, t)] for f in (np.may_share_memory, np.shares_memory, np.result_type)},
    **{
        f: [lambda f, t: f(t)]
        for f in (np.zeros_like, np.ones_like, np.iscomplexobj, np.isrealobj, np.iscomplex, np.isreal)
    },
    **{f: [lambda f, t: f(t)] for f in (np.array2string, np.array_repr, np.array_str)},
    np.empty_like: [lambda f, t: f(t).shape, lambda f, t: f(t, dtype=int).dtype],
    np.full_like: [lambda f, t: f(t, 7.0)],
    np.histogram: [lambda f, t: f(t.detach() if isinstance(t, Tensor) else t, bins=3)[0]],
    np.searchsorted: [lambda f, t: f(np.sort(t, axis=None), 0.5)],
}
