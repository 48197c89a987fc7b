"""Attention, and the block of a transformer that is made of it (Vaswani et al., 2017)."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from tinygrad_edu import functions
from tinygrad_edu.errors import ArgumentError, DTypeError, ShapeError
from tinygrad_edu.functions import as_array
from tinygrad_edu.graph.node import data_of
from tinygrad_edu.nn.activations import activation_of
from tinygrad_edu.nn.dropout import Dropout, dropout
from tinygrad_edu.nn.init import Rng, generator
from tinygrad_edu.nn.layers import Linear, linear
from tinygrad_edu.nn.module import Module
from tinygrad_edu.nn.normalization import LayerNorm
from tinygrad_edu.nn.parameters import full, uniform
from tinygrad_edu.support.arguments import fraction, whole_number
from tinygrad_edu.support.types import DTypeLike
from tinygrad_edu.tensor import Tensor


def scaled_dot_product_attention(
    query: Any,
    key: Any,
    value: Any,
    attn_mask: Any = None,
    dropout_p: float = 0.0,
    is_causal: bool = False,
    scale: float | None = None,
    *,
    rng: Rng = None,
) -> Tensor:
    """``softmax(query @ keyᵀ · scale) @ value``: for each query the mean of the values, weighted by how its key fits.

    Parameters
    ----------
    query : shape (…, queries, features).
    key : shape (…, keys, features).
    value : shape (…, keys, value features).
    attn_mask : broadcasts to (…, queries, keys). Booleans say which keys take part; floats are added to the scores, and
        get a gradient where they need one. A query without any key gets 0.
    dropout_p : probability with which a weight is set to 0.
    is_causal : query i sees the keys up to i only.
    scale : of the scores, by default 1/√features.
    rng : a `numpy.random.Generator`, a seed, or None, for the dropout.

    Raises
    ------
    ShapeError : the shapes do not fit each other, or there is no query or no key.
    DTypeError : the mask holds neither booleans nor floats.

    Notes
    -----
    PyTorch: ``torch.nn.functional.scaled_dot_product_attention``.

    Examples
    --------
    >>> import numpy as np
    >>> x = np.array([[1.0, 0.0], [0.0, 1.0]])
    >>> scaled_dot_product_attention(x, x, x, is_causal=True).data.round(3).tolist()
    [[1.0, 0.0], [0.33, 0.67]]
    """
    query, key, value = (x if isinstance(x, Tensor) else Tensor(x, requires_grad=False) for x in (query, key, value))
    shapes = query.shape, key.shape, value.shape
    if min(map(len, shapes)) < 2 or query.shape[-1] != key.shape[-1] or key.shape[-2] != value.shape[-2]:
        raise ShapeError(
            "scaled_dot_product_attention takes a query (…, queries, features), a key (…, keys, features) and a value "
            f"(…, keys, value features), but was given {shapes[0]}, {shapes[1]} and {shapes[2]}"
        )
    _refuse_empty("scaled_dot_product_attention", query, key, value, -2)
    y, _ = _attend(query, key, value, attn_mask, fraction("dropout_p", dropout_p), is_causal, scale, rng)
    return y


def _attend(
    query: Tensor, key: Tensor, value: Tensor, mask: Any, p: float, is_causal: bool, scale: float | None, rng: Any
) -> tuple[Tensor, Tensor]:
    """The attention, and its weights."""
    scale = 1 / math.sqrt(query.shape[-1]) if scale is None else scale
    scores = (query * scale) @ functions.swapaxes(key, -1, -2)
    if is_causal:
        scores = functions.where(np.tri(*scores.shape[-2:], dtype=bool), scores, -np.inf)
    mask = None if mask is None else _checked(_mask_of(mask), scores.shape)
    if mask is None:
        weights = scores.softmax()
    elif mask.dtype != bool:
        weights = (scores + mask.astype(scores.dtype)).softmax()
    else:
        some = mask.any(axis=-1, keepdims=True)  # a query without keys has no softmax
        weights = functions.where(mask | ~some, scores, -np.inf).softmax()
        weights = functions.where(some, weights, 0.0)
    if p:
        weights = dropout(weights, p, rng=rng)
    return weights @ value, weights


def _mask_of(x: Any) -> Any:
    """A mask as it is: booleans as an array, floats with their gradient."""
    mask = x if isinstance(x, Tensor) and x.requires_grad else as_array(data_of(x))
    if mask.dtype.kind not in "bf":
        raise DTypeError(
            f"attention: attn_mask must hold booleans, or floats to add to the scores, but was given {mask.dtype} of "
            f"shape {mask.shape}: write mask.astype(bool)"
        )
    return mask


def _refuse_empty(title: str, query: Tensor, key: Tensor, value: Tensor, axis: int) -> None:
    if not all(x.shape[axis] for x in (query, key, value)):
        raise ShapeError(
            f"{title} was given an empty sequence: query, key and value have the shapes {query.shape}, {key.shape} "
            f"and {value.shape}"
        )


def _checked(mask: Any, shape: tuple[int, ...], hint: str = "") -> Any:
    """The mask, which must broadcast to the shape of the scores."""
    short = len(shape) - mask.ndim
    if short < 0 or any(m not in (1, n) for m, n in zip(mask.shape, shape[short:], strict=True)):
        raise ShapeError(
            f"attention: attn_mask must broadcast to the scores of shape {shape} (…, queries, keys), but has the shape "
            f"{mask.shape}{hint}"
        )
    return mask


class MultiheadAttention(Module):
    """Attention with several heads; each head looks at its own features.

    ::

        heads = softmax(q @ kᵀ / √head_dim) @ v         q, k, v = projections of query, key and value, a part a head
        y = concatenate(heads) @ out_proj.weight + out_proj.bias

    Parameters
    ----------
    embed_dim : number of features of inputs and outputs.
    num_heads : divides ``embed_dim``.
    dropout : probability with which a weight of the attention is set to 0 in training.
    bias : False leaves the biases out.
    batch_first : whether inputs have the shape (n, steps, embed_dim) instead of (steps, n, embed_dim).
    dtype : of the parameters, by default float64.
    rng : a `numpy.random.Generator`, a seed, or None.

    Attributes
    ----------
    in_proj_weight : Tensor, shape (embed_dim, 3 · embed_dim), the transpose of PyTorch's: for q, k and v.
    in_proj_bias : Tensor, shape (3 · embed_dim,), or None.
    out_proj : Linear.

    Raises
    ------
    ArgumentError : a setting is out of its range.
    ShapeError : when called with other features, an empty sequence, or a mask of the wrong shape.

    Notes
    -----
    Called with query, key and value; see `forward`. Gives the output and the weights of the attention, averaged over
    the heads. PyTorch: ``torch.nn.MultiheadAttention``.

    Examples
    --------
    >>> import numpy as np
    >>> from tinygrad_edu import nn
    >>> x = np.ones((2, 5, 8))
    >>> y, weights = nn.MultiheadAttention(8, 2, batch_first=True, rng=0)(x, x, x, is_causal=True)
    >>> y.shape, weights.shape
    ((2, 5, 8), (2, 5, 5))
    """

    def __init__(
        self,
        embed_dim: int,
        num_heads: int,
        dropout: float = 0.0,
        bias: bool = True,
        batch_first: bool = False,
        dtype: DTypeLike | None = None,
        *,
        rng: Rng = None,
    ) -> None:
        self.embed_dim = whole_number("MultiheadAttention: embed_dim", embed_dim)
        self.num_heads = whole_number("MultiheadAttention: num_heads", num_heads)
        if embed_dim % num_heads:
            raise ArgumentError(f"MultiheadAttention: {num_heads} heads do not divide embed_dim={embed_dim}")
        self.dropout = fraction("MultiheadAttention: dropout", dropout)
        self.batch_first = batch_first
        self.rng = generator(rng)
        bound = math.sqrt(6 / (4 * embed_dim))  # Glorot's, of all three together, as in PyTorch
        self.in_proj_weight = uniform(bound, (embed_dim, 3 * embed_dim), dtype, "in_proj_weight", self.rng)
        self.in_proj_bias = full(3 * embed_dim, 0.0, dtype, "in_proj_bias") if bias else None
        self.out_proj = Linear(embed_dim, embed_dim, bias, dtype, rng=self.rng)
        if self.out_proj.bias is not None:
            self.out_proj.bias.data *= 0

    def forward(
        self,
        query: Tensor,
        key: Tensor,
        value: Tensor,
        key_padding_mask: Any = None,
        need_weights: bool = True,
        attn_mask: Any = None,
        average_attn_weights: bool = True,
        is_causal: bool = False,
    ) -> tuple[Tensor, Tensor | None]:
        """The output and the weights of the attention.

        Parameters
        ----------
        query : shape (queries, n, embed_dim), with ``batch_first`` (n, queries, embed_dim), or (queries, embed_dim).
        key, value : the same with keys instead of queries.
        key_padding_mask : shape (n, keys); True keys are left out. (In `scaled_dot_product_attention` True takes part:
            both are as in PyTorch.)
        need_weights : False gives None instead of the weights.
        attn_mask : shape (queries, keys) or (n · num_heads, queries, keys); True leaves out, floats are added.
        average_attn_weights : False gives the weights of every head.
        is_causal : query i sees the keys up to i only.
        """
        for name, x in (("query", query), ("key", key), ("value", value)):
            if x.ndim not in (2, 3) or x.shape[-1] != self.embed_dim:
                raise ShapeError(
                    f"{self._title()}: {name} must have {self.embed_dim} features, but has shape {x.shape}"
                )
        is_single, swapped = query.ndim == 2, query.ndim == 3 and not self.batch_first
        _refuse_empty(self._title(), query, key, value, 0 if swapped else -2)
        q, k, v = self._projections(query, key, value)
        q, k, v = (self._heads(x, is_single, swapped) for x in (q, k, v))
        if k.shape != v.shape or len(q) != len(k):
            raise ShapeError(
                f"{self._title()}: query, key and value must go together, but have the shapes {query.shape}, "
                f"{key.shape} and {value.shape}"
            )
        mask = self._mask(key_padding_mask, attn_mask, (len(q), self.num_heads, q.shape[2], k.shape[2]))
        p = self.dropout if self.training else 0.0
        heads, weights = _attend(q, k, v, mask, p, is_causal, None, self.rng)
        n, _, steps, _ = heads.shape
        joined = functions.swapaxes(heads, 1, 2).reshape(n, steps, self.embed_dim)
        y = self.out_proj(functions.swapaxes(joined, 0, 1) if swapped else joined)
        if not need_weights:
            return y.reshape(y.shape[1:]) if is_single else y, None
        shown = weights.mean(1) if average_attn_weights else weights
        return (y.reshape(y.shape[1:]), shown.reshape(shown.shape[1:])) if is_single else (y, shown)

    def _projections(self, query: Tensor, key: Tensor, value: Tensor) -> list[Tensor]:
        weight, bias, n = self.in_proj_weight, self.in_proj_bias, self.embed_dim
        if query is key is value:
            return functions.split(linear(query, weight, bias), 3, -1)
        parts = [slice(i * n, (i + 1) * n) for i in range(3)]
        projected = [x @ weight[:, part] for x, part in zip((query, key, value), parts, strict=True)]
        return projected if bias is None else [x + bias[part] for x, part in zip(projected, parts, strict=True)]

    def _heads(self, x: Tensor, is_single: bool, swapped: bool) -> Tensor:
        """With the axes (n, heads, steps, features of a head)."""
        x = x.reshape(1, *x.shape) if is_single else functions.swapaxes(x, 0, 1) if swapped else x
        n, steps, _ = x.shape
        return functions.swapaxes(x.reshape(n, steps, self.num_heads, -1), 1, 2)

    def _mask(self, padding: Any, mask: Any, shape: tuple[int, ...]) -> Any:
        """Both masks as one: booleans that say which keys take part, or floats to add to the scores."""
        n, heads, queries, keys = shape
        taken = added = None
        if mask is not None:
            mask = _mask_of(mask)
            if mask.shape == (n * heads, queries, keys):
                mask = mask.reshape(shape)
            scores = (n, heads, queries, keys) if mask.ndim == 4 else (queries, keys)
            mask = _checked(mask, scores, self._order_of_axes(mask.shape, n))
            taken, added = (~mask, None) if mask.dtype == bool else (None, mask)
        if padding is not None:
            padding = as_array(data_of(padding))
            padding = padding.reshape(1, -1) if padding.ndim == 1 else padding
            if padding.shape != (n, keys) or padding.dtype != bool:
                raise ShapeError(
                    f"{self._title()}: key_padding_mask must hold booleans of shape {(n, keys)}, but was given "
                    f"{padding.dtype} of shape {padding.shape}{self._order_of_axes(padding.shape, n)}"
                )
            present = ~padding.reshape((n, 1, 1, keys))
            if added is not None:
                return added + np.where(present, 0.0, -np.inf)
            taken = present if taken is None else taken & present
        return added if taken is None else taken

    def _order_of_axes(self, mask: tuple[int, ...], n: int) -> str:
        """What to do if the mask has the second axis of the inputs, n samples, for the steps."""
        if self.batch_first or mask[-1:] != (n,):
            return ""
        return ": inputs are (steps, n, features) here; for (n, steps, features), make the module with batch_first=True"

    def extra_repr(self) -> str:
        return f"{self.embed_dim}, {self.num_heads} heads"


class TransformerEncoderLayer(Module):
    """One block of a transformer: attention, then a net of two layers, each added to its input and normalized.

    ::

        x = norm1(x + self_attn(x, x, x))               norm_first: x = x + self_attn(norm1(x), …)
        x = norm2(x + linear2(activation(linear1(x))))  norm_first: x = x + linear2(activation(linear1(norm2(x))))

    Parameters
    ----------
    d_model : number of features of inputs and outputs.
    nhead : number of heads of the attention.
    dim_feedforward : number of units between the two layers.
    dropout : probability with which a number is set to 0 in training, in four places.
    activation : "relu", "gelu", another name of one, or a function.
    layer_norm_eps : keeps the normalizations finite.
    batch_first : whether inputs have the shape (n, steps, d_model) instead of (steps, n, d_model).
    norm_first : normalize what goes into the parts, as GPT-2 does, and not what comes out.
    bias : False leaves the biases of the attention and of the linear layers out.
    dtype : of the parameters, by default float64.
    rng : a `numpy.random.Generator`, a seed, or None.

    Attributes
    ----------
    self_attn, linear1, linear2, norm1, norm2 : the parts.

    Notes
    -----
    PyTorch: ``torch.nn.TransformerEncoderLayer``; there ``bias=False`` leaves those of the normalizations out, too.

    Examples
    --------
    >>> import numpy as np
    >>> from tinygrad_edu import nn
    >>> block = nn.TransformerEncoderLayer(8, 2, dim_feedforward=32, batch_first=True, rng=0)
    >>> block(np.ones((2, 5, 8)), is_causal=True).shape
    (2, 5, 8)
    """

    def __init__(
        self,
        d_model: int,
        nhead: int,
        dim_feedforward: int = 2048,
        dropout: float = 0.1,
        activation: str | Callable[[Any], Any] = "relu",
        layer_norm_eps: float = 1e-5,
        batch_first: bool = False,
        norm_first: bool = False,
        bias: bool = True,
        dtype: DTypeLike | None = None,
        *,
        rng: Rng = None,
    ) -> None:
        source = generator(rng)
        self.self_attn = MultiheadAttention(d_model, nhead, dropout, bias, batch_first, dtype, rng=source)
        self.linear1 = Linear(d_model, dim_feedforward, bias, dtype, rng=source)
        self.linear2 = Linear(dim_feedforward, d_model, bias, dtype, rng=source)
        self.norm1 = LayerNorm(d_model, layer_norm_eps, dtype=dtype)
        self.norm2 = LayerNorm(d_model, layer_norm_eps, dtype=dtype)
        self.drop = Dropout(dropout, rng=source)
        self.activation = activation_of(activation)
        self.norm_first = norm_first

    def forward(
        self, x: Tensor, src_mask: Any = None, src_key_padding_mask: Any = None, is_causal: bool = False
    ) -> Tensor:
        """The output of the block; the masks are those of `MultiheadAttention`."""
        masks = src_mask, src_key_padding_mask, is_causal
        if self.norm_first:
            x = x + self._attention(self.norm1(x), *masks)
            return x + self._feed_forward(self.norm2(x))
        x = self.norm1(x + self._attention(x, *masks))
        return self.norm2(x + self._feed_forward(x))

    def _attention(self, x: Tensor, mask: Any, padding: Any, is_causal: bool) -> Tensor:
        y, _ = self.self_attn(
            x, x, x, key_padding_mask=padding, need_weights=False, attn_mask=mask, is_causal=is_causal
        )
        return self.drop(y)

    def _feed_forward(self, x: Tensor) -> Tensor:
        return self.drop(self.linear2(self.drop(self.activation(self.linear1(x)))))
