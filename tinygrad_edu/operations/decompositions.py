"""Decompositions of matrices: Cholesky, eigenvalues, singular values, QR, and the pseudo-inverse.

An operation has one result, so factors come packed in one matrix: `compositions.linear_algebra` takes them apart. The
derivatives are those of Giles, "Collected matrix derivative results for forward and reverse mode algorithmic
differentiation" (2008), and of Golub and Pereyra (1973) for the pseudo-inverse.
"""

from typing import Any

import numpy as np

from tinygrad_edu.operations.matrices import transposed
from tinygrad_edu.operations.operation import ArrayOperation, array_operation
from tinygrad_edu.operations.reductions import untracked

Array = Any  # an ndarray, or a Tensor while the backward pass is recorded


def _symmetric(x: Array) -> Array:
    return (x + transposed(x)) / 2


def _rows(x: Array) -> Array:
    """A vector that scales the columns of a matrix."""
    return np.expand_dims(x, -2)


def _over(x: Array, gaps: Array) -> Array:
    """``x / gaps``, and 0 where both are 0: there, nothing depends on the difference of two equal values.

    Where only x is 0 the quotient is taken, because its derivative by x is not 0.
    """
    needless = (untracked(x) == 0) & (untracked(gaps) == 0)
    return np.where(needless, 0.0, x / np.where(needless, 1.0, gaps)).astype(x.dtype)


def _gaps(values: Array) -> Array:
    """``values[j] - values[i]``."""
    return np.expand_dims(values, -2) - np.expand_dims(values, -1)


# Functions of plain arrays: a compiled program prints their source text.
def logabsdet(x: Any) -> Any:
    """The logarithm of |det(x)|."""
    return np.linalg.slogdet(x)[1]


def det_sign(x: Any) -> Any:
    """The sign of det(x)."""
    return np.linalg.slogdet(x)[0]


def eigh_packed(x: Any) -> Any:
    """The eigenvalues of a symmetric matrix in the first row, its eigenvectors as columns below."""
    values, vectors = np.linalg.eigh((x + np.swapaxes(x, -1, -2)) / 2)
    return np.concatenate([np.expand_dims(values, -2), vectors], -2)


def svd_packed(x: Any) -> Any:
    """One row for each singular value: its left vector, the value, its right vector."""
    u, s, vt = np.linalg.svd(x, full_matrices=False)
    return np.concatenate([np.swapaxes(u, -1, -2), np.expand_dims(s, -1), vt], -1)


def qr_packed(x: Any) -> Any:
    """Of a matrix with at least as many rows as columns: q, and r below it."""
    return np.concatenate(np.linalg.qr(x), -2)


def _logabsdet_gx(gy: Array, y: Array, x: Array) -> Array:
    return np.expand_dims(gy, (-1, -2)) * transposed(np.linalg.inv(x))


LOGABSDET = ArrayOperation("logabsdet", logabsdet, _logabsdet_gx, formula="gy · x⁻ᵀ")


def _cholesky_gx(gy: Array, y: Array, x: Array) -> Array:
    inverse = np.linalg.inv(y)
    inner = np.tril(transposed(y) @ gy)
    inner = inner - np.tril(np.triu(inner)) / 2  # half of the diagonal
    return _symmetric(transposed(inverse) @ inner @ inverse)


@array_operation(_cholesky_gx, formula="y⁻ᵀ · lower(yᵀ gy) · y⁻¹, made symmetric")
def CHOLESKY(x: Array) -> Array:
    return np.linalg.cholesky(_symmetric(x))


def _eigh_gx(gy: Array, y: Array, x: Array) -> Array:
    values, vectors = y[..., 0, :], y[..., 1:, :]
    inner = transposed(vectors) @ gy[..., 1:, :]
    between = _over(inner - transposed(inner), 2 * _gaps(values))  # of vectors of length 1 only this part is real
    on_diagonal = np.eye(x.shape[-1], dtype=x.dtype) * _rows(gy[..., 0, :])
    return _symmetric(vectors @ (between + on_diagonal) @ transposed(vectors))


EIGH = ArrayOperation("eigh", eigh_packed, _eigh_gx, formula="v · (vᵀ gv / (λⱼ − λᵢ) + gλ) · vᵀ")


def _svd_gx(gy: Array, y: Array, x: Array) -> Array:
    m = x.shape[-2]
    u, s, v = transposed(y[..., :m]), y[..., m], transposed(y[..., m + 1 :])
    gu, gs, gv = transposed(gy[..., :m]), gy[..., m], transposed(gy[..., m + 1 :])
    a, b = transposed(u) @ gu, transposed(v) @ gv
    gaps = _gaps(s * s)
    inner = _over(a - transposed(a), gaps) * _rows(s) + np.expand_dims(s, -1) * _over(b - transposed(b), gaps)
    inner = inner + np.eye(s.shape[-1], dtype=x.dtype) * _rows(gs)
    gx = u @ inner @ transposed(v)
    if m > s.shape[-1]:  # the part outside of the space of u's columns
        gx = gx + _over(gu - u @ a, _rows(s)) @ transposed(v)
    if v.shape[-2] > s.shape[-1]:
        gx = gx + u @ transposed(_over(gv - v @ b, _rows(s)))
    return gx


SVD = ArrayOperation("svd", svd_packed, _svd_gx, formula="u · (gu, gv / (λⱼ − λᵢ) + gs) · vᵀ")


def _qr_gx(gy: Array, y: Array, x: Array) -> Array:
    m = x.shape[-2]
    q, r, gq, gr = y[..., :m, :], y[..., m:, :], gy[..., :m, :], np.triu(gy[..., m:, :])
    inner = np.tril(r @ transposed(gr) - transposed(gq) @ q)
    inner = inner + transposed(np.tril(inner, -1))
    return (gq + q @ inner) @ transposed(np.linalg.inv(r))


QR = ArrayOperation("qr", qr_packed, _qr_gx, formula="(gq + q · sym(r grᵀ − gqᵀ q)) · r⁻ᵀ")


def _pinv_gx(gy: Array, y: Array, x: Array) -> Array:
    yt, gyt = transposed(y), transposed(gy)
    outside = gyt @ y @ yt - x @ (y @ gyt @ y @ yt)
    inside = yt @ y @ gyt - (yt @ y @ gyt @ y) @ x
    return outside + inside - yt @ gy @ yt


@array_operation(_pinv_gx, formula="−yᵀ gy yᵀ + (1 − x y) gyᵀ y yᵀ + yᵀ y gyᵀ (1 − y x)")
def PINV(x: Array) -> Array:
    return np.linalg.pinv(x)
