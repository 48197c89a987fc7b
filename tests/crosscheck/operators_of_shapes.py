"""PyTorch's operators that join, split, pick and write entries, as they are said here: see `operators`."""

import numpy as np

from tests.crosscheck.no_counterpart import NoCounterpartError
from tinygrad_edu.operations.elementwise import TABLE


def at_axis(x, dim, index):
    """The index that picks ``index`` along an axis."""
    return (slice(None),) * (dim % x.ndim) + (index,)


def needs_axes(x):
    if x.ndim == 0:
        raise NoCounterpartError("an axis of a number")


# --- splitting --------------------------------------------------------------------------------------------------


def chunk(x, chunks, dim=0):
    """PyTorch's chunks have one size, but for the last."""
    size = max(1, -(-x.shape[dim] // chunks))
    return np.split(x, range(size, x.shape[dim], size), dim)


def split(x, sizes, dim=0):
    if isinstance(sizes, int):
        return np.split(x, range(sizes, x.shape[dim], sizes), dim)
    return np.split(x, np.cumsum(sizes)[:-1].tolist(), dim)


def tensor_split(x, indices_or_sections, dim=0):
    parts = indices_or_sections
    return np.array_split(x, parts.tolist() if isinstance(parts, np.ndarray) else parts, dim)


def by_sections(function):
    return lambda x, parts: function(x, list(parts) if isinstance(parts, tuple) else parts)


def unbind(x, dim=0):
    return [x[at_axis(x, dim, i)] for i in range(x.shape[dim])]


# --- shapes and order -------------------------------------------------------------------------------------------


def flatten(x, start_dim=0, end_dim=-1):
    if x.ndim == 0:
        return np.reshape(x, 1)
    start, end = start_dim % x.ndim, end_dim % x.ndim
    return np.reshape(
        x, (*x.shape[:start], -1 if x.size else int(np.prod(x.shape[start : end + 1])), *x.shape[end + 1 :])
    )


def unflatten(x, dim, sizes):
    needs_axes(x)
    dim = dim % x.ndim
    return np.reshape(x, (*x.shape[:dim], *sizes, *x.shape[dim + 1 :]))


def unfold(x, dimension, size, step):
    needs_axes(x)
    windows = np.lib.stride_tricks.sliding_window_view(x, size, axis=dimension)
    return windows[at_axis(windows, dimension % x.ndim, slice(None, None, step))]


def sort(x, dim=-1, descending=False, stable=False):
    needs_axes(x)
    y = np.sort(x, axis=dim)
    return np.flip(y, dim) if descending else y


def kthvalue(x, k, dim=-1, keepdim=False):
    needs_axes(x)
    y = np.partition(x, k - 1, axis=dim)
    return y[at_axis(y, dim, slice(k - 1, k) if keepdim else k - 1)]


def topk(x, k, dim=-1, largest=True, sorted=True):  # noqa: A002 PyTorch's names
    needs_axes(x)
    return sort(x, dim, descending=largest)[at_axis(x, dim, slice(k))]


def repeat_interleave(x, repeats, dim=None, output_size=None):
    return np.repeat(x, repeats, axis=0 if dim is None and x.ndim == 0 else dim)


def pad_with_entries(mode):
    def call(x, pad, value=None, **_):
        widths = [(0, 0)] * x.ndim
        for i, (before, after) in enumerate(zip(pad[::2], pad[1::2], strict=True)):
            widths[x.ndim - 1 - i] = (before, after)
        if any(n < 0 for pair in widths for n in pair):
            raise NoCounterpartError("padding by less than nothing")
        return np.pad(x, widths, mode=mode)

    return call


# --- picking and writing ----------------------------------------------------------------------------------------


def take(x, index):
    return np.take(x, index)


def masked_select(x, mask):
    x, mask = np.broadcast_arrays(x, mask) if x.shape != mask.shape else (x, mask)
    return x[np.asarray(mask)]


def masked_scatter(x, mask, source):
    full = np.broadcast_to(x, np.broadcast_shapes(x.shape, mask.shape))
    mask = np.broadcast_to(mask, full.shape)
    return full.at[mask].set(np.ravel(source)[: int(mask.sum())])


def index_add(x, dim, index, source, alpha=1):
    needs_axes(x)
    return x.at[at_axis(x, dim, index)].add(source * alpha)


def index_copy(x, dim, index, source):
    needs_axes(x)
    return x.at[at_axis(x, dim, index)].set(source)


def index_fill(x, dim, index, value):
    needs_axes(x)
    return x.at[at_axis(x, dim, index)].set(value)


def index_put(x, indices, values, accumulate=False):
    written = x.at[tuple(indices)]
    return written.add(values) if accumulate else written.set(values)


def put(x, index, source, accumulate=False):
    needs_axes(x)
    if source.shape != index.shape:
        raise NoCounterpartError("an array of another shape, read in order")
    written = x.at[np.unravel_index(index % max(x.size, 1), x.shape)]
    return written.add(source) if accumulate else written.set(source)


def _along(x, dim, index):
    """The index of every entry that ``index`` names along an axis, the other axes in order."""
    if x.ndim == 0 or index.ndim != x.ndim:
        raise NoCounterpartError("an axis of a number, or an index with other axes")
    places = list(np.indices(index.shape, sparse=True))
    places[dim % x.ndim] = index
    return tuple(places)


def scatter(x, dim, index, src, reduce=None):
    if reduce is not None:
        raise NoCounterpartError("a reduction")
    source = src[tuple(map(slice, index.shape))] if hasattr(src, "ndim") and src.ndim else src
    return x.at[_along(x, dim, index)].set(source)


def scatter_add(x, dim, index, src):
    return x.at[_along(x, dim, index)].add(src[tuple(map(slice, index.shape))])


def scatter_sum(x, dim, index, src, reduce, include_self=True):
    if not include_self:
        raise NoCounterpartError("the entries themselves left out")
    return scatter_add(x, dim, index, src)


def slice_of(x, dim=0, start=None, end=None, step=1):
    return x[at_axis(x, dim, slice(start, end, step))]


def slice_scatter(x, src, dim=0, start=None, end=None, step=1):
    return x.at[at_axis(x, dim, slice(start, end, step))].set(src)


def select_scatter(x, src, dim, index):
    return x.at[at_axis(x, dim, index)].set(src)


def diagonal_scatter(x, src, offset=0, dim1=0, dim2=1):
    numbers = np.diagonal(np.arange(x.size).reshape(x.shape), offset, dim1, dim2)
    return x.at[np.unravel_index(numbers, x.shape)].set(src)


def cartesian_product(*xs):
    if len(xs) == 1:
        return TABLE["identity"](xs[0])
    return np.stack([np.ravel(grid) for grid in np.meshgrid(*xs, indexing="ij")], axis=-1)


def meshgrid(*xs, indexing="ij"):
    xs = xs[0] if isinstance(xs[0], list | tuple) else xs
    return np.meshgrid(*(np.ravel(x) for x in xs), indexing=indexing)


def argsort(x, dim=-1, descending=False, stable=False):
    needs_axes(x)
    return np.argsort(-x if descending else x, axis=dim)


def nonzero(x, as_tuple=False):
    needs_axes(x)
    return np.nonzero(x) if as_tuple else np.stack(np.nonzero(x), axis=-1)


def shape_like(function):
    """The function of the first argument and the shape of the second."""
    return lambda x, other: function(x, other.shape)


OPERATORS = {
    "alias_copy": TABLE["identity"],
    "resolve_conj": np.conjugate,
    "resolve_neg": TABLE["identity"],
    "conj": np.conjugate,
    "conj_physical": np.conjugate,
    "real": np.real,
    "H": np.transpose,
    "mH": lambda x: np.swapaxes(x, -1, -2),
    "t_copy": np.transpose,
    "transpose_copy": lambda x, dim0, dim1: TABLE["identity"](x) if x.ndim == 0 else np.swapaxes(x, dim0, dim1),
    "permute_copy": lambda x, *dims: np.transpose(x, dims[0] if dims and not isinstance(dims[0], int) else dims),
    "view_copy": lambda x, *sizes: np.reshape(x, sizes[0] if len(sizes) == 1 else sizes),
    "view_as": shape_like(np.reshape),
    "flatten": flatten,
    "unflatten": unflatten,
    "unsqueeze_copy": np.expand_dims,
    "fliplr": np.fliplr,
    "flipud": np.flipud,
    "rot90": lambda x, k=1, dims=(0, 1): np.rot90(x, k, dims),
    "atleast_1d": lambda x: np.atleast_1d(*x) if isinstance(x, list | tuple) else np.atleast_1d(x),
    "atleast_2d": lambda x: np.atleast_2d(*x) if isinstance(x, list | tuple) else np.atleast_2d(x),
    "atleast_3d": lambda x: np.atleast_3d(*x) if isinstance(x, list | tuple) else np.atleast_3d(x),
    "column_stack": np.column_stack,
    "broadcast_tensors": np.broadcast_arrays,
    "meshgrid variadic_tensors": meshgrid,
    "meshgrid list_of_tensors": meshgrid,
    "cartesian_prod": cartesian_product,
    "chunk": chunk,
    "unsafe_chunk": chunk,
    "split": split,
    "split list_args": split,
    "unsafe_split": split,
    "split_with_sizes": split,
    "split_with_sizes_copy": split,
    "tensor_split": tensor_split,
    "hsplit": by_sections(np.hsplit),
    "vsplit": by_sections(np.vsplit),
    "dsplit": by_sections(np.dsplit),
    "unbind": unbind,
    "unbind_copy": unbind,
    "unfold": unfold,
    "unfold_copy": unfold,
    "diag": np.diag,
    "diagflat": lambda x, offset=0: np.diagflat(x, offset),
    "diagonal_copy": lambda x, offset=0, dim1=0, dim2=1: np.diagonal(x, offset, dim1, dim2),
    "linalg.diagonal": lambda x, offset=0, dim1=-2, dim2=-1: np.diagonal(x, offset, dim1, dim2),
    "diagonal_scatter": diagonal_scatter,
    "sort": sort,
    "msort": lambda x: np.sort(x, axis=0),
    "kthvalue": kthvalue,
    "topk": topk,
    "repeat_interleave": repeat_interleave,
    "nn.functional.pad reflect": pad_with_entries("reflect"),
    "nn.functional.pad replicate": pad_with_entries("edge"),
    "nn.functional.pad circular": pad_with_entries("wrap"),
    "take": take,
    "masked_select": masked_select,
    "masked_scatter": masked_scatter,
    "index_add": index_add,
    "index_copy": index_copy,
    "index_fill": index_fill,
    "index_put": index_put,
    "put": put,
    "scatter": scatter,
    "scatter_add": scatter_add,
    "scatter_reduce sum": scatter_sum,
    "slice": slice_of,
    "slice_scatter": slice_scatter,
    "select_scatter": select_scatter,
    "fill": lambda x, value: np.full_like(x, value),
    "item": lambda x: np.asarray(x.item()),
    "argsort": argsort,
    "argmax": lambda x, dim=None, keepdim=False: np.argmax(x, axis=dim, keepdims=keepdim),
    "argmin": lambda x, dim=None, keepdim=False: np.argmin(x, axis=dim, keepdims=keepdim),
    "argwhere": nonzero,
    "nonzero": nonzero,
    "zeros_like": lambda x, **_: np.zeros_like(x),
    "ones_like": lambda x, **_: np.ones_like(x),
    "full_like": lambda x, value, **_: np.full_like(x, value),
}
