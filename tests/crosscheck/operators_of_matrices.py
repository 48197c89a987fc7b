"""PyTorch's operators of linear algebra, as they are said here: see `operators`."""

import numpy as np

from tests.crosscheck.no_counterpart import NoCounterpartError


def axes(dim):
    return tuple(dim) if isinstance(dim, list | tuple) else dim


def adjoint(x):
    return np.swapaxes(x, -1, -2)


def cholesky(x, upper=False):
    lower = np.linalg.cholesky(x)
    return adjoint(lower) if upper else lower


def of_factor(factor, upper=False):
    """The matrix whose Cholesky factor is ``factor``."""
    factor = np.triu(factor) if upper else np.tril(factor)
    return adjoint(factor) @ factor if upper else factor @ adjoint(factor)


def cholesky_inverse(x, upper=False):
    """Of a triangle whose diagonal is 1, as PyTorch's tests call it."""
    ones = np.eye(x.shape[-1])
    return np.linalg.inv(of_factor(np.triu(x, 1) + ones if upper else np.tril(x, -1) + ones, upper))


def qr(x, mode="reduced", some=True):
    if mode == "complete" or not some:
        raise NoCounterpartError("columns beyond the reduced ones")
    if x.shape[-2] < x.shape[-1] or mode == "r":
        raise NoCounterpartError("wide matrices, and PyTorch's mode 'r', which has no derivative")
    return tuple(np.linalg.qr(x))


def svd(x, some=True, compute_uv=True, full_matrices=False):
    if not some or full_matrices or not compute_uv:
        raise NoCounterpartError("vectors beyond the singular values")
    u, s, vh = np.linalg.svd(x, full_matrices=False)
    return u, s, vh


def of_symmetric(function):
    """The function of x + xᵀ, as PyTorch's tests call it."""
    return lambda x, *args, **options: function(x + adjoint(x), *args, **options)


def slogdet(x):
    return tuple(np.linalg.slogdet(x))


def logdet(x):
    sign, logabsdet = np.linalg.slogdet(x)
    if (np.asarray(sign) <= 0).any():
        raise NoCounterpartError("the logarithm of a negative number")
    return logabsdet


def norm(x, ord=None, dim=None, keepdim=False, dtype=None):  # noqa: A002 PyTorch's names
    if dtype is not None:
        raise NoCounterpartError("dtype")
    if ord == 0 or (ord is not None and not isinstance(ord, str) and ord < 0):
        raise NoCounterpartError("counting what is not zero, and norms of negative order")
    if dim is None and ord is None and not keepdim:
        return np.linalg.norm(np.ravel(x))
    return np.linalg.norm(x, ord, axis=axes(dim), keepdims=keepdim)


def vector_norm(x, ord=2, dim=None, keepdim=False, dtype=None):  # noqa: A002 PyTorch's names
    if dtype is not None or ord <= 0:
        raise NoCounterpartError("dtype, counting what is not zero, and norms of negative order")
    if dim is None or isinstance(dim, list | tuple):
        dims = tuple(range(x.ndim)) if not dim else tuple(d % x.ndim for d in dim)
        if not dims:
            raise NoCounterpartError("an axis of a number")
        kept = [d for d in range(x.ndim) if d not in dims]
        flat = np.reshape(np.transpose(x, (*kept, *dims)), (*(x.shape[d] for d in kept), -1)) if x.size else None
        if flat is None:
            raise NoCounterpartError("empty arrays over several axes")
        y = np.linalg.norm(flat, ord, axis=-1)
        return np.expand_dims(y, tuple(sorted(dims))) if keepdim else y
    return np.linalg.norm(x, ord, axis=dim, keepdims=keepdim)


def matrix_norm(x, ord="fro", dim=(-2, -1), keepdim=False, dtype=None):  # noqa: A002 PyTorch's names
    if dtype is not None:
        raise NoCounterpartError("dtype")
    return np.linalg.norm(x, ord, axis=tuple(dim), keepdims=keepdim)


def old_norm(x, p="fro", dim=None, keepdim=False, dtype=None):
    if dtype is not None or p == 0 or (not isinstance(p, str) and p < 0):
        raise NoCounterpartError("dtype, counting what is not zero, and norms of negative order")
    if p == "nuc":
        return np.linalg.norm(x, "nuc", axis=axes((0, 1) if dim is None else dim), keepdims=keepdim)
    return vector_norm(x, 2 if p == "fro" else p, dim, keepdim)


def dist(x, other, p=2):
    difference = np.ravel(x - other)
    if p <= 0 or not difference.size:
        raise NoCounterpartError("counting what is not zero, and empty arrays")
    return np.linalg.norm(difference, p)


def cdist(x, y, p=2.0, compute_mode=None):
    if p == 0 or not (x.size and y.size):
        raise NoCounterpartError("counting what is not zero, and empty arrays")
    return np.linalg.norm(np.expand_dims(x, -2) - np.expand_dims(y, -3), p, axis=-1)


def pdist(x, p=2):
    i, j = np.triu_indices(x.shape[0], 1)
    if p == 0 or not x.size:
        raise NoCounterpartError("counting what is not zero, and empty arrays")
    return np.linalg.norm(x[i] - x[j], p, axis=-1)


def cross(x, other, dim=-1):
    x, other = np.broadcast_arrays(x, other)
    return np.cross(x, other, axis=dim)


def old_cross(x, other, dim=None):
    if dim is None:
        dim = next(i for i, n in enumerate(x.shape) if n == 3)
    return cross(x, other, dim)


def solve(a, b, left=True):
    if not left:
        return adjoint(solve(adjoint(a), adjoint(b)))
    vector = b.ndim == 1 or (a.ndim - 1 == b.ndim and b.shape == a.shape[:-1])
    return np.linalg.solve(a, np.expand_dims(b, -1))[..., 0] if vector else np.linalg.solve(a, b)


def solve_triangular(a, b, upper, left=True, unitriangular=False):
    if unitriangular:
        raise NoCounterpartError("a diagonal of ones that is not there")
    return solve(np.triu(a) if upper else np.tril(a), b, left)


def pinv(x, rcond=None, hermitian=False, rtol=None, atol=None):
    if rcond is not None or rtol is not None or atol is not None:
        raise NoCounterpartError("a tolerance")
    return np.linalg.pinv(x)


def covariance(x, correction=1, fweights=None, aweights=None):
    if fweights is not None or aweights is not None:
        raise NoCounterpartError("weights")
    return np.cov(x, ddof=correction)


def vecdot(x, other, dim=-1):
    return np.sum(x * other, axis=dim)


OPERATORS = {
    "addbmm": lambda c, a, b, beta=1, alpha=1: beta * c + alpha * (a @ b).sum(0),
    "addmm decomposed": lambda c, a, b, beta=1, alpha=1: beta * c + alpha * (a @ b),
    "addr": lambda c, a, b, beta=1, alpha=1: beta * c + alpha * np.outer(a, b),
    "vdot": np.vdot,
    "linalg.vecdot": vecdot,
    "linalg.multi_dot": np.linalg.multi_dot,
    "linalg.matrix_power": np.linalg.matrix_power,
    "nn.functional.bilinear": lambda x, y, w, b=None: (
        np.einsum("...i,kij,...j->...k", x, w, y) + (0 if b is None else b)
    ),
    "cross": old_cross,
    "linalg.cross": cross,
    "cholesky": of_symmetric(cholesky),
    "linalg.cholesky": of_symmetric(cholesky),
    "linalg.cholesky_ex": of_symmetric(lambda x, upper=False, check_errors=False: cholesky(x, upper)),
    "cholesky_inverse": cholesky_inverse,
    "cholesky_solve": lambda b, factor, upper=False: np.linalg.solve(of_factor(factor, upper), b),
    "qr": qr,
    "linalg.qr": qr,
    "svd": svd,
    "linalg.svd": svd,
    "linalg.svdvals": lambda x: np.linalg.svd(x, compute_uv=False),
    "linalg.eigh": of_symmetric(lambda x, UPLO="L": tuple(np.linalg.eigh(x))),
    "linalg.eigvalsh": of_symmetric(lambda x, UPLO="L": np.linalg.eigvalsh(x)),
    "linalg.slogdet": slogdet,
    "logdet": logdet,
    "linalg.inv_ex": lambda x, check_errors=False: np.linalg.inv(x),
    "linalg.solve": solve,
    "linalg.solve_ex": lambda a, b, left=True, check_errors=False: solve(a, b, left),
    "linalg.solve_triangular": solve_triangular,
    "triangular_solve": lambda b, a, upper=False, transpose=False, unitriangular=False: (
        solve_triangular(adjoint(a), b, not upper, True, unitriangular)
        if transpose
        else solve_triangular(a, b, upper, True, unitriangular)
    ),
    "pinverse": pinv,
    "linalg.pinv": pinv,
    "linalg.pinv hermitian": of_symmetric(pinv),
    "linalg.pinv singular": lambda a, b: np.linalg.pinv(a @ adjoint(b)),
    "linalg.norm": norm,
    "linalg.norm subgradients_at_zero": norm,
    "linalg.vector_norm": vector_norm,
    "linalg.matrix_norm": matrix_norm,
    "norm": old_norm,
    "norm nuc": old_norm,
    "norm fro": old_norm,
    "norm inf": old_norm,
    "dist": dist,
    "cdist": cdist,
    "nn.functional.pdist": pdist,
    "cov": covariance,
    "corrcoef": np.corrcoef,
}


def same_signs(name, result):
    """Singular vectors and eigenvectors up to their sign, by products that do not depend on it."""
    if name == "linalg.svd":
        return [result[0] @ result[2], result[1]]
    if name == "svd":  # PyTorch's older operator gives V itself
        v = result[2]
        return [result[0] @ (v if hasattr(v, "_record") else v.mT), result[1]]
    if name == "linalg.eigh":
        values, vectors = result
        return [values, vectors**2]
    return result
