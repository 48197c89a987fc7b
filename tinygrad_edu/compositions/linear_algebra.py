"""Products and linear algebra that are made of the operations on matrices, and factors taken out of decompositions."""

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from tinygrad_edu.errors import ArgumentError, ShapeError, UnsupportedError
from tinygrad_edu.functions import concatenate, dot, explained, inv, matmul, moveaxis, ravel, reshape, shape_of, stack
from tinygrad_edu.functions import einsum as einsum_of_text
from tinygrad_edu.functions import norm as simple_norm
from tinygrad_edu.graph.modes import check
from tinygrad_edu.graph.node import data_of
from tinygrad_edu.operations import decompositions
from tinygrad_edu.operations.reductions import axes_of


class SlogdetResult(NamedTuple):
    """The sign of a determinant, and the logarithm of its size."""

    sign: Any
    logabsdet: Any


class EighResult(NamedTuple):
    """Eigenvalues, and eigenvectors as columns."""

    eigenvalues: Any
    eigenvectors: Any


class SVDResult(NamedTuple):
    """Left singular vectors as columns, singular values, right singular vectors as rows."""

    U: Any
    S: Any
    Vh: Any


class QRResult(NamedTuple):
    """Orthonormal columns, and an upper triangle."""

    Q: Any
    R: Any


def _matrix(name: str, x: Any, *, square: bool = True) -> None:
    shape = shape_of(x)
    if len(shape) < 2 or (square and shape[-1] != shape[-2]):
        raise ShapeError(f"{name} takes {'square ' * square}matrices in the last two axes, but was given shape {shape}")


def _check_symmetric(name: str, x: Any) -> None:
    """Refuse a matrix that is not symmetric up to rounding: NumPy would read only its lower triangle."""
    if abs(x - np.swapaxes(x, -1, -2)).max(initial=0.0) > 1e-3 * abs(x).max(initial=0.0):
        raise ArgumentError(
            f"{name} takes symmetric matrices: make one of the lower triangle by np.tril(a) + np.tril(a, -1).T, or of "
            "both by (a + a.T) / 2"
        )


def slogdet(a: Any) -> SlogdetResult:
    """The sign (which has no slope) and log |det(a)|, which does not overflow."""
    _matrix("slogdet", a)
    return SlogdetResult(np.linalg.slogdet(data_of(a))[0], decompositions.LOGABSDET(a))


def cholesky(a: Any) -> Any:
    """The lower triangle ``l`` with ``l @ l.T = a``. The gradient is symmetric, as ``a`` is taken to be."""
    _matrix("cholesky", a)
    check(_check_symmetric, "cholesky", data_of(a))
    return decompositions.CHOLESKY(a)


def eigh(a: Any) -> EighResult:
    """Eigenvalues and eigenvectors of a symmetric matrix. The gradient is symmetric, as ``a`` is taken to be."""
    _matrix("eigh", a)
    check(_check_symmetric, "eigh", data_of(a))
    packed = decompositions.EIGH(a)
    return EighResult(packed[..., 0, :], packed[..., 1:, :])


def eigvalsh(a: Any) -> Any:
    """Eigenvalues of a symmetric matrix, in ascending order."""
    return eigh(a).eigenvalues


def svd(a: Any, full_matrices: bool = True, compute_uv: bool = True) -> Any:
    """Singular vectors and singular values: ``a = U @ diag(S) @ Vh``."""
    _matrix("svd", a, square=False)
    m, n = shape_of(a)[-2:]
    if full_matrices and compute_uv and m != n:
        raise UnsupportedError(
            f"np.linalg.svd of a Tensor of shape {shape_of(a)} has no derivative for the vectors beyond the "
            f"{min(m, n)} singular values: pass full_matrices=False"
        )
    packed = decompositions.SVD(a)
    u, s, vt = np.swapaxes(packed[..., :m], -1, -2), packed[..., m], packed[..., m + 1 :]
    return SVDResult(u, s, vt) if compute_uv else s


def qr(a: Any, mode: str = "reduced") -> Any:
    """``a = Q @ R`` with orthonormal columns in Q and an upper triangle R; of a wide matrix, R is wide as well."""
    _matrix("qr", a, square=False)
    m, n = shape_of(a)[-2:]
    if mode not in ("reduced", "r") and (mode != "complete" or m > n):
        raise UnsupportedError(
            f"np.linalg.qr of a Tensor of shape {shape_of(a)} has no derivative in the mode {mode!r}: use "
            "mode='reduced', or mode='r' for R alone"
        )
    packed = decompositions.QR(a[..., :m])  # of the first m columns at most, which fix Q
    q, r = packed[..., :m, :], packed[..., m:, :]
    if m < n:
        r = concatenate([r, matmul(np.swapaxes(q, -1, -2), a[..., m:])], -1)
    return r if mode == "r" else QRResult(q, r)


def pinv(a: Any) -> Any:
    """The pseudo-inverse; its derivative is that at constant rank."""
    _matrix("pinv", a, square=False)
    return decompositions.PINV(a)


def matrix_power(a: Any, n: int) -> Any:
    """``a`` times itself, n times; of the inverse if n is negative."""
    _matrix("matrix_power", a)
    if n < 0:
        a, n = inv(a), -n
    if n == 0:
        return a * 0.0 + np.eye(shape_of(a)[-1], dtype=a.dtype)
    half = matrix_power(a, n // 2) if n > 1 else None
    return a if half is None else matmul(half, half) if n % 2 == 0 else matmul(matmul(half, half), a)


def multi_dot(arrays: Sequence[Any]) -> Any:
    """The product of several matrices, in the order that takes the fewest multiplications."""
    first, *_, last = shapes = [shape_of(x) for x in arrays]
    sizes = [1 if len(first) == 1 else first[0], *(s[0] for s in shapes[1:]), 1 if len(last) == 1 else last[-1]]
    sizes[1] = first[-1]

    # The lowest cost of the product of the matrices i to j, and where to cut it.
    best = {(i, i): (0, i) for i in range(len(arrays))}
    for length in range(1, len(arrays)):
        for i in range(len(arrays) - length):
            j = i + length
            sums = [
                (best[i, k][0] + best[k + 1, j][0] + sizes[i] * sizes[k + 1] * sizes[j + 1], k) for k in range(i, j)
            ]
            best[i, j] = min(sums)
    return _product(arrays, best, 0, len(arrays) - 1)


# A closure that calls itself would keep the matrices until the garbage collector runs.
def _product(arrays: Sequence[Any], best: dict[tuple[int, int], tuple[int, int]], i: int, j: int) -> Any:
    """The product of the matrices i to j, cut where it costs least."""
    k = best[i, j][1]
    return arrays[i] if i == j else dot(_product(arrays, best, i, k), _product(arrays, best, k + 1, j))


@explained
def norm(x: Any, ord: Any = None, axis: Any = None, *, keepdims: bool = False) -> Any:  # noqa: A002 NumPy's name
    """Norm of vectors (ord 1, 2, inf or p) or of matrices (Frobenius, nuclear, spectral, ±1, ±inf)."""
    ndim = len(shape_of(x))
    axes = axes_of(tuple(axis) if isinstance(axis, list) else axis, ndim)
    if len(axes) != 2 or ord in (None, "fro") or (axis is None and ord is None):
        return simple_norm(x, ord, axis, keepdims=keepdims)
    if ord in ("nuc", 2, -2):
        s = svd(moveaxis(x, axes, (-2, -1)), compute_uv=False)
        y = s.sum(-1) if ord == "nuc" else s.max(-1) if ord == 2 else s.min(-1)
        return np.expand_dims(y, sorted(axes)) if keepdims else y
    if ord in (1, -1, math.inf, -math.inf):
        summed, kept = axes if abs(ord) == 1 else axes[::-1]
        sums = np.sum(abs(x), axis=summed, keepdims=True)
        y = np.max(sums, axis=kept, keepdims=True) if ord > 0 else np.min(sums, axis=kept, keepdims=True)
        return y if keepdims else np.squeeze(y, tuple(axes))
    raise UnsupportedError(
        "np.linalg.norm of a Tensor knows the orders 'fro', 'nuc', 1, 2 and inf of matrices, also negative, but was "
        f"given ord={ord!r}"
    )


def vdot(a: Any, b: Any) -> Any:
    """The sum of products of all entries."""
    return dot(ravel(a), ravel(b))


def kron(a: Any, b: Any) -> Any:
    """Every entry of ``a`` times the whole of ``b``, instead of that entry."""
    ndim = max(len(shape_of(a)), len(shape_of(b)))
    left, right = ((1,) * (ndim - len(shape_of(x))) + shape_of(x) for x in (a, b))
    spread = [n for pair in zip(left, (1,) * ndim, strict=True) for n in pair]
    filled = [n for pair in zip((1,) * ndim, right, strict=True) for n in pair]
    product = reshape(a, *spread) * reshape(b, *filled)
    return reshape(product, *(m * n for m, n in zip(left, right, strict=True)))


def cross(a: Any, b: Any, axisa: int = -1, axisb: int = -1, axisc: int = -1, axis: int | None = None) -> Any:
    """The vector at right angles to both, for vectors of three numbers."""
    if axis is not None:
        axisa = axisb = axisc = axis
    a, b = moveaxis(a, axisa, -1), moveaxis(b, axisb, -1)
    if (shape_of(a)[-1], shape_of(b)[-1]) != (3, 3):
        raise ShapeError(f"cross takes vectors of three numbers, but was given shapes {shape_of(a)} and {shape_of(b)}")
    (a0, a1, a2), (b0, b1, b2) = ([x[..., i] for i in range(3)] for x in (a, b))
    return moveaxis(stack([a1 * b2 - a2 * b1, a2 * b0 - a0 * b2, a0 * b1 - a1 * b0], -1), -1, axisc)


_LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"


def einsum(subscripts: Any, *operands: Any, optimize: Any = True) -> Any:
    """The sum of products that the subscripts say: ``"ij,jk->ik"``, or operands each followed by a list of axes."""
    if isinstance(subscripts, str):
        return einsum_of_text(subscripts, *operands, optimize=optimize)
    parts = [subscripts, *operands]
    arrays, axes = parts[:-1:2] if len(parts) % 2 else parts[::2], parts[1::2]
    text = ",".join(map(_letters, axes))
    return einsum_of_text(f"{text}->{_letters(parts[-1])}" if len(parts) % 2 else text, *arrays, optimize=optimize)


def _letters(axes: Sequence[Any]) -> str:
    return "".join("..." if axis is Ellipsis else _LETTERS[axis] for axis in axes)


NUMPY: dict[Any, Any] = {
    **{getattr(np.linalg, name): globals()[name] for name in ("slogdet", "cholesky", "eigh", "eigvalsh", "svd", "qr")},
    **{getattr(np.linalg, name): globals()[name] for name in ("pinv", "matrix_power", "multi_dot", "norm")},
    **{getattr(np, name): globals()[name] for name in ("vdot", "kron", "cross", "einsum")},
}
