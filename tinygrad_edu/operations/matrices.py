"""Products of matrices, and operations that use them: matmul, einsum, linear layers, norms, det, inv, solve.

Shapes in the formulas: for ``y = x0 @ x1`` with ``(n, k) @ (k, m)``, ``gy`` is ``(n, m)``, so the gradients can
only be ``gy @ x1ᵀ`` and ``x0ᵀ @ gy``.
"""

import functools
import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from tinygrad_edu.errors import ShapeError
from tinygrad_edu.operations.operation import ArrayOperation, array_operation
from tinygrad_edu.operations.reductions import Axis, in_float32, restored, untracked

ndarray = np.ndarray
Array = Any  # an ndarray, or a Tensor while the backward pass is recorded


def transposed(x: Array) -> Array:
    """The matrix, or each of a stack of matrices, with rows and columns exchanged."""
    return np.swapaxes(x, -1, -2) if x.ndim > 2 else x.T


@functools.lru_cache(64)
def ones(n: int, dtype: np.dtype[Any]) -> Array:
    """A vector of ones that is read-only."""
    y = np.ones(n, dtype)
    y.flags.writeable = False
    return y


MANY = 2048  # with this many numbers or more, a sum over rows or columns is faster as a product with ones,
LONG = 1024  # but NumPy adds rows longer than this up with smaller rounding errors
_LARGE = 4096  # with this many numbers or more, the order in which BLAS reads a matrix matters


def as_rows(x: Array) -> Array:
    """All axes but the last become one axis."""
    return x.reshape((math.prod(x.shape[:-1]), x.shape[-1]))


def _times_matrix(x: Array, w: Array) -> Array:
    """``x @ w`` of a matrix ``w`` and an ``x`` of any number of axes."""
    if x.ndim > 2:  # one product for all rows: `@` makes one for each matrix, which takes up to five times as long
        return (as_rows(x) @ w).reshape((*x.shape[:-1], w.shape[1]))
    if w.__class__ is ndarray:
        return x.dot(w)  # half the time of `@` on small matrices: `@` is a ufunc and first looks for a loop
    return x @ w


def _summed_over_rows(x: Array, gy: Array) -> Array:
    """``xᵀ @ gy``, summed over all axes but the last: the gradient of a matrix that multiplied ``x``."""
    if x.ndim > 2:
        x, gy = as_rows(x), as_rows(gy)
    return x.T @ gy  # `dot` fills its result with zeros first


def _matmul_gx0(gy: Array, y: Array, x0: Array, x1: Array) -> Array:
    if x1.ndim == 1:
        return np.expand_dims(gy, -1) * x1
    if x0.ndim == 1:
        return (x1 @ np.expand_dims(gy, -1))[..., 0]
    return _times_matrix(gy, x1.T) if x1.ndim == 2 < gy.ndim else gy @ transposed(x1)


def _matmul_gx1(gy: Array, y: Array, x0: Array, x1: Array) -> Array:
    if x0.ndim == 1:
        return np.expand_dims(x0, -1) * np.expand_dims(gy, -2) if x1.ndim > 1 else gy * x0
    if x1.ndim == 1:
        return (transposed(x0) @ np.expand_dims(gy, -1))[..., 0]
    return _summed_over_rows(x0, gy) if x1.ndim == 2 else transposed(x0) @ gy


@array_operation(_matmul_gx0, _matmul_gx1, symbol="@", formula=("gy @ x1ᵀ", "x0ᵀ @ gy"))
def MATMUL(x0: Array, x1: Array) -> Array:
    return _times_matrix(x0, x1) if x1.ndim == 2 else x0 @ x1


def _linear_gx0(gy: Array, y: Array, x0: Array, x1: Array, x2: Array) -> Array:
    if gy.ndim == 2 and gy.__class__ is x1.__class__ is ndarray:
        # BLAS is up to twice as fast if it need not transpose a large matrix.
        return gy.dot(x1.T) if x1.size < _LARGE else x1.dot(gy.T).T
    return _times_matrix(gy, x1.T)


def _linear_gx1(gy: Array, y: Array, x0: Array, x1: Array, x2: Array) -> Array:
    if x0.ndim == 2 and gy.__class__ is x0.__class__ is ndarray and x1.size < _LARGE:
        return x0.T.dot(gy)  # half the time of `@`
    if x0.ndim == 1:
        x0, gy = np.expand_dims(x0, 0), np.expand_dims(gy, 0)
    return _summed_over_rows(x0, gy)


def _linear_gx2(gy: Array, y: Array, x0: Array, x1: Array, x2: Array) -> Array:
    if gy.__class__ is not ndarray or gy.ndim == 1:
        return gy  # the engine sums over the axes that were broadcast
    rows = gy if gy.ndim == 2 else as_rows(gy)
    return ones(len(rows), gy.dtype).dot(rows)  # BLAS adds up rows several times faster than NumPy


@array_operation(
    _linear_gx0, _linear_gx1, _linear_gx2, symbol="x @ W + b", formula=("gy @ x1ᵀ", "x0ᵀ @ gy", "Σ gy over the rows")
)
def LINEAR(x0: Array, x1: Array, x2: Array) -> Array:
    y = _times_matrix(x0, x1)
    y += x2
    return y


LINEAR.gradients_keep_shape = (True, True, False)  # the bias may broadcast in other ways than over rows

# --- einsum -----------------------------------------------------------------------------------------------------


def explicit_subscripts(subscripts: str, ndims: Sequence[int]) -> str:
    """``subscripts`` with the output written out and each ``...`` replaced by unused letters.

    >>> explicit_subscripts("...ij,jk", [3, 2])
    'Aij,jk->Aik'
    """
    left, arrow, right = subscripts.replace(" ", "").partition("->")
    terms = left.split(",")
    if len(terms) != len(ndims):
        raise ShapeError(f"einsum {subscripts!r} names {len(terms)} operands, but was given {len(ndims)}")
    free = [c for c in "ABCDEFGHIJKLMNOPQRSTUVWXYZ" if c not in subscripts]
    widths = [n - len(t.replace("...", "")) if "..." in t else 0 for t, n in zip(terms, ndims, strict=True)]
    dots = "".join(free[: max(widths, default=0)])
    terms = [t.replace("...", dots[len(dots) - w :]) for t, w in zip(terms, widths, strict=True)]
    if arrow and dots and "..." not in right:
        raise ShapeError(
            f"einsum {subscripts!r} has no '...' on the right for the axes that '...' stands for on the left"
        )
    if not arrow:
        letters = "".join(terms)
        right = "..." * bool(dots) + "".join(sorted(c for c in set(letters) if letters.count(c) == 1 and c not in dots))
    return f"{','.join(terms)}->{right.replace('...', dots)}"


_LONG = 1 << 14  # with this many products or more, the search for the best order and BLAS pay off


def _sum_of_products(subscripts: str, xs: Sequence[Array]) -> Array:
    terms = subscripts.partition("->")[0].split(",")
    lengths = {c: n for term, x in zip(terms, xs, strict=True) for c, n in zip(term, x.shape, strict=True)}
    is_long = len(xs) > 1 and math.prod(lengths.values()) >= _LONG
    return np.einsum(subscripts, *xs, optimize=True) if is_long else np.einsum(subscripts, *xs)


def _einsum_gx(i: int, gy: Array, y: Array, *xs: Array, subscripts: str) -> Array:
    """Exchange the output's letters with the operand's.

    If only this operand has a letter, the forward pass summed over it: a vector of ones brings the axis back. If the
    operand has a letter twice, the forward pass took a diagonal: an identity matrix puts the gradient back on it.
    """
    left, right = subscripts.split("->")
    terms = left.split(",")
    target, operands, letters = "", [gy], [right]
    operands += [x for j, x in enumerate(xs) if j != i]
    letters += [t for j, t in enumerate(terms) if j != i]
    free = iter(c for c in "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz" if c not in subscripts)
    for c, n in zip(terms[i], xs[i].shape, strict=True):
        if c in target:
            twin = next(free)
            operands.append(np.eye(n, dtype=xs[i].dtype))
            letters.append(c + twin)
            target += twin
        else:
            target += c
            operands.append(np.ones(n, dtype=xs[i].dtype))
            letters.append(c)
    needed = set("".join(letters[: len(xs)]))
    kept = [k for k in range(len(letters)) if k < len(xs) or len(letters[k]) > 1 or letters[k] not in needed]
    return _sum_of_products(f"{','.join(letters[k] for k in kept)}->{target}", [operands[k] for k in kept])


@array_operation(_einsum_gx, formula="einsum of gy with the other operands", any_number=True)
def EINSUM(*xs: Array, subscripts: str) -> Array:
    return _sum_of_products(subscripts, xs)


# --- norms and linear algebra -----------------------------------------------------------------------------------


def _norm_gx(gy: Array, y: Array, x: Array, *, axis: Axis, keepdims: bool) -> Array:
    zero = untracked(y) == 0  # a kink, where PyTorch has 0
    share = np.where(zero, 0.0, gy / np.where(zero, 1.0, y))
    return restored(share, x, axis) * x


@array_operation(_norm_gx, symbol="‖ ‖", formula="gy · x / y")
def NORM(x: Array, *, axis: Axis, keepdims: bool) -> Array:
    # Scaled, so that squares of large or tiny numbers neither overflow nor vanish.
    top = np.max(np.abs(x), axis=axis, keepdims=True, initial=0.0)
    top = np.where((top == 0) | ~np.isfinite(top), 1.0, top).astype(x.dtype)
    y = in_float32(lambda x: top * np.sqrt(np.sum(np.square(x / top), axis=axis, keepdims=True)), x)
    return y if keepdims else np.squeeze(y, axis)


def _det_gx(gy: Array, y: Array, x: Array) -> Array:
    return np.expand_dims(gy, (-1, -2)) * COFACTOR(x)


def _cofactor_gx(gy: Array, y: Array, x: Array) -> Array:
    return COFACTOR_CHANGE(gy, x)


# Functions of plain arrays: a compiled program prints their source text.
def cofactor(x: Any) -> Any:
    """det(x) · inv(x)ᵀ from products of the singular values: these exist for a singular matrix, too."""
    u, s, vt = np.linalg.svd(x)
    n = s.shape[-1]
    others = np.prod(np.where(np.eye(n, dtype=bool), 1.0, np.expand_dims(s, -2)), axis=-1)
    sign = np.expand_dims(np.linalg.det(u) * np.linalg.det(vt), (-1, -2))
    return sign * ((u * np.expand_dims(others, -2)) @ vt)


COFACTOR = ArrayOperation("cofactor", cofactor, _cofactor_gx, formula="x⁻ᵀ Σ gy·y − y gyᵀ x⁻ᵀ")


def _inner(x0: Array, x1: Array) -> Array:
    """Σ x0 · x1 over each matrix."""
    return np.expand_dims(np.sum(x0 * x1, axis=(-1, -2)), (-1, -2))


def _cofactor_change_gx0(gy: Array, y: Array, x0: Array, x1: Array) -> Array:
    return COFACTOR_CHANGE(gy, x1)  # it is symmetric


def _cofactor_change_gx1(gy: Array, y: Array, x0: Array, x1: Array) -> Array:
    inverse = transposed(np.linalg.inv(x1))  # of an invertible matrix only: cofactor(x) = det(x) · inv(x)ᵀ
    a, b = (inverse @ transposed(x) @ inverse for x in (x0, gy))
    products = a @ transposed(gy) @ inverse + inverse @ transposed(gy) @ a
    products = products - _inner(gy, inverse) * a - _inner(x0, inverse) * b
    return inverse * _inner(gy, y) + np.expand_dims(np.linalg.det(x1), (-1, -2)) * products


def cofactor_change(x0: Any, x1: Any) -> Any:
    """The derivative of cofactor(x1) in the direction x0.

    Between the singular vectors x1 is diagonal, and the second derivatives of its determinant are the products of all
    singular values but two.
    """
    u, s, vt = np.linalg.svd(x1)
    direction = np.swapaxes(u, -1, -2) @ x0 @ np.swapaxes(vt, -1, -2)
    eye = np.eye(s.shape[-1], dtype=bool)
    left_out = eye[:, None, :] | eye[None, :, :]  # [i, j]: neither i nor j
    pairs = np.prod(np.where(left_out, 1.0, s[..., None, None, :]), axis=-1)
    pairs = np.where(eye, 0.0, pairs).astype(s.dtype)
    on_diagonal = pairs @ np.expand_dims(np.diagonal(direction, axis1=-2, axis2=-1), -1)
    inner = np.where(eye, on_diagonal, -pairs * np.swapaxes(direction, -1, -2))
    sign = np.expand_dims(np.linalg.det(u) * np.linalg.det(vt), (-1, -2))
    return sign * (u @ inner @ vt)


COFACTOR_CHANGE = ArrayOperation(
    "cofactor_change",
    cofactor_change,
    _cofactor_change_gx0,
    _cofactor_change_gx1,
    formula=("cofactor_change(gy, x1)", "by x1⁻ᵀ, of an invertible x1"),
)


@array_operation(_det_gx, formula="gy · det(x) · x⁻ᵀ")
def DET(x: Array) -> Array:
    return np.linalg.det(x)


def _inv_gx(gy: Array, y: Array, x: Array) -> Array:
    return -transposed(y) @ gy @ transposed(y)


@array_operation(_inv_gx, symbol="⁻¹", formula="−yᵀ @ gy @ yᵀ")
def INV(x: Array) -> Array:
    return np.linalg.inv(x)


def _solve_gx1(gy: Array, y: Array, x0: Array, x1: Array) -> Array:
    if x1.ndim == 1:  # solve() takes a vector only if it is one: a stack of them has a stack of gradients
        return np.linalg.solve(transposed(x0), np.expand_dims(gy, -1))[..., 0]
    return np.linalg.solve(transposed(x0), gy)


def _solve_gx0(gy: Array, y: Array, x0: Array, x1: Array) -> Array:
    gx1 = _solve_gx1(gy, y, x0, x1)
    if x1.ndim == 1:
        return -np.expand_dims(gx1, -1) * np.expand_dims(y, -2)
    return -gx1 @ transposed(y)


@array_operation(_solve_gx0, _solve_gx1, formula=("−gx1 @ yᵀ", "solve(x0ᵀ, gy)"))
def SOLVE(x0: Array, x1: Array) -> Array:
    return np.linalg.solve(x0, x1)
