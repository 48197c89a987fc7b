"""PyTorch's ``nn.functional``, as it is said here: see `operators`."""

import numpy as np

from tests.crosscheck.no_counterpart import NoCounterpartError
from tinygrad_edu import Tensor, functions, nn
from tinygrad_edu.nn import functional


def refuse(*unlike):
    """Raise `NoCounterpartError` if one of the conditions holds."""
    if any(unlike):
        raise NoCounterpartError("an option that has no counterpart")


def as_tensor(x):
    return x if isinstance(x, Tensor) else Tensor(x, requires_grad=False)


# --- losses -----------------------------------------------------------------------------------------------------


def loss(function):
    """A loss with PyTorch's names of arguments."""

    def call(x, *xs, reduction="mean", **options):
        return function(x, *xs, reduction=reduction, **options)

    return call


def binary_cross_entropy(x, y, reduction="mean", weight=None):
    return functional.binary_cross_entropy(x, y, reduction, weight=weight)


def with_logits(x, y, weight=None, reduction="mean", pos_weight=None):
    return functional.binary_cross_entropy_with_logits(x, y, reduction, weight=weight, pos_weight=pos_weight)


def cross_entropy(x, y, weight=None, reduction="mean", ignore_index=-100, label_smoothing=0.0):
    refuse(x.ndim < 2, not x.size)
    refuse(y.dtype.kind == "i" and (np.asarray(y) == ignore_index).all())
    return functional.cross_entropy(
        x, y, reduction, weight=weight, ignore_index=ignore_index, label_smoothing=label_smoothing
    )


def nll_loss(x, y, weight=None, reduction="mean", ignore_index=-100):
    refuse(x.ndim < 2, not x.size, (np.asarray(y) == ignore_index).all())
    return functional.nll_loss(x, y, reduction, weight=weight, ignore_index=ignore_index)


def kl_div(x, y, reduction="mean", log_target=False):
    refuse(reduction == "batchmean" and x.ndim == 0)
    return functional.kl_div(x, y, reduction, log_target=log_target)


def gaussian_nll_loss(x, y, var, full=False, eps=1e-6, reduction="mean"):
    refuse(y.shape != x.shape, var.shape not in (x.shape, (*x.shape[:-1], 1)))
    return functional.gaussian_nll_loss(x, y, var, reduction, full=full, eps=eps)


def cosine_embedding_loss(a, b, y, margin=0.0, reduction="mean"):
    return functional.cosine_embedding_loss(a, b, y, reduction, margin=margin)


def triplet_margin_loss(a, p, n, margin=1.0, reduction="mean", swap=False, eps=1e-6, **rest):
    return functional.triplet_margin_loss(a, p, n, reduction, margin=margin, p=rest.get("p", 2.0), eps=eps, swap=swap)


# --- convolutions and pooling -----------------------------------------------------------------------------------


def batched(axes, function):
    """A function of batches, called on a single sample as a batch of one."""

    def call(x, *args, **options):
        single = x.ndim == axes - 1
        y = function(np.expand_dims(x, 0) if single else x, *args, **options)
        return np.squeeze(y, 0) if single else y

    return call


def convolution(function):
    def call(x, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
        refuse(not x.size)
        return function(x, weight, bias, stride, padding, dilation, groups)

    return call


def conv_transpose2d(x, weight, bias=None, stride=1, padding=0, output_padding=0, groups=1, dilation=1):
    return functional.conv_transpose2d(x, weight, bias, stride, padding, output_padding, groups, dilation)


def max_pool(function):
    def call(x, kernel_size, stride=None, padding=0, dilation=1, ceil_mode=False, return_indices=False):
        refuse(ceil_mode, return_indices)
        return function(x, kernel_size, stride, padding, dilation)

    return call


def avg_pool(function):
    def call(x, kernel_size, stride=None, padding=0, ceil_mode=False, count_include_pad=True, divisor_override=None):
        refuse(ceil_mode, not count_include_pad and np.any(padding), divisor_override is not None)
        return function(x, kernel_size, stride or None, padding)

    return call


def adaptive_avg_pool2d(x, output_size):
    sizes = (output_size,) * 2 if isinstance(output_size, int) else tuple(output_size)
    sizes = tuple(given if n is None else n for n, given in zip(sizes, x.shape[-2:], strict=True))
    refuse(0 in sizes, not x.size)
    return functional.adaptive_avg_pool2d(x, sizes)


# --- normalization ----------------------------------------------------------------------------------------------


def with_parameters(layer, weight, bias=None):
    """The layer with these arrays as its parameters; here a bias comes with every weight."""
    refuse(weight is None and bias is not None)
    layer.weight = None if weight is None else as_tensor(weight)
    if weight is not None:
        layer.bias = Tensor(np.zeros(weight.shape)) if bias is None else as_tensor(bias)
    return layer


def layer_norm(x, normalized_shape, weight=None, bias=None, eps=1e-5):
    refuse(eps < 0, weight is None and bias is not None)
    layer = nn.LayerNorm(tuple(normalized_shape), eps=eps)
    if weight is not None:
        layer.weight = as_tensor(weight)
    if bias is not None:
        layer.bias = as_tensor(bias)
    return layer(x)


def rms_norm(x, normalized_shape, weight=None, eps=None):
    refuse(eps is not None and eps < 0)
    layer = nn.RMSNorm(tuple(normalized_shape), eps=eps)
    layer.weight = None if weight is None else as_tensor(weight)
    return layer(x)


def group_norm(x, num_groups, weight=None, bias=None, eps=1e-5):
    refuse(eps < 0, not x.size)
    return with_parameters(nn.GroupNorm(num_groups, x.shape[1], eps=eps), weight, bias)(x)


def instance_norm(
    x, running_mean=None, running_var=None, weight=None, bias=None, use_input_stats=True, momentum=0.1, eps=1e-5
):
    refuse(not use_input_stats)
    return group_norm(x, x.shape[1], weight, bias, eps)


def batch_norm(x, mean, var, weight=None, bias=None, training=False, momentum=0.1, eps=1e-5):
    refuse(eps < 0, not 0 <= momentum <= 1, x.ndim not in (2, 3, 4), not x.size, mean is None and not training)
    refuse(training and x.size == x.shape[1])  # one number a channel has no spread
    kind = nn.BatchNorm2d if x.ndim == 4 else nn.BatchNorm1d
    layer = with_parameters(kind(x.shape[1], eps=eps, momentum=momentum), weight, bias)
    if mean is not None:
        layer.running_mean, layer.running_var = mean.copy(), var.copy()
    return (layer if training else layer.eval())(x)


def native_batch_norm(x, weight, bias, mean, var, training, momentum, eps):
    return batch_norm(x, mean, var, weight, bias, training, momentum, eps)


def local(x, weight, bias, n, channels, inner, groups, eps):
    """PyTorch's inner form of group norm."""
    return group_norm(x, groups, weight, bias, eps)


def normalize(x, p=2.0, dim=1, eps=1e-12, out=None):
    refuse(p <= 0, not isinstance(dim, int), x.ndim == 0)
    return functional.normalize(x, p, dim, eps)


# --- what picks, and attention ----------------------------------------------------------------------------------


def embedding(weight, index, padding_idx=None, max_norm=None, norm_type=2.0, scale_grad_by_freq=False, sparse=False):
    refuse(padding_idx is not None, max_norm is not None, scale_grad_by_freq)
    layer = nn.Embedding(*weight.shape)
    layer.weight = weight
    return layer(index)


def attention(q, k, v, attn_mask=None, dropout_p=0.0, is_causal=False, scale=None, enable_gqa=False):
    refuse(dropout_p > 0, enable_gqa)
    return functional.scaled_dot_product_attention(q, k, v, attn_mask, is_causal=is_causal, scale=scale)


def dropout(x, p=0.5, training=True, inplace=False):
    refuse(p == 1, training and p > 0)
    return functional.dropout(x, p, training)


def prelu(x, weight):
    """PyTorch's weights stand along the axis of channels."""
    channels = (-1,) + (1,) * (x.ndim - 2) if x.ndim > 1 else ()
    return functional.prelu(x, np.reshape(weight, channels))


def softmax_cast(function):
    return lambda x, dim, dtype=None: function(x.astype(str(dtype).removeprefix("torch.")), axis=dim)


OPERATORS = {
    "nn.functional.binary_cross_entropy": binary_cross_entropy,
    "nn.functional.binary_cross_entropy_with_logits": with_logits,
    "nn.functional.cross_entropy": cross_entropy,
    "nn.functional.nll_loss": nll_loss,
    "nn.functional.kl_div": kl_div,
    "nn.functional.smooth_l1_loss": loss(functional.smooth_l1_loss),
    "nn.functional.gaussian_nll_loss": gaussian_nll_loss,
    "nn.functional.cosine_embedding_loss": cosine_embedding_loss,
    "nn.functional.triplet_margin_loss": triplet_margin_loss,
    "nn.functional.cosine_similarity": lambda a, b, dim=1, eps=1e-8: functional.cosine_similarity(a, b, dim, eps),
    "nn.functional.pairwise_distance": lambda a, b, p=2.0, eps=1e-6, keepdim=False: np.linalg.norm(
        a - b + eps, p, axis=-1, keepdims=keepdim
    ),
    "nn.functional.conv1d": batched(3, convolution(functional.conv1d)),
    "nn.functional.conv2d": batched(4, convolution(functional.conv2d)),
    "nn.functional.conv_transpose2d": batched(4, conv_transpose2d),
    "nn.functional.max_pool1d": batched(3, max_pool(functional.max_pool1d)),
    "nn.functional.max_pool2d": batched(4, max_pool(functional.max_pool2d)),
    "nn.functional.avg_pool1d": batched(3, avg_pool(functional.avg_pool1d)),
    "nn.functional.avg_pool2d": batched(4, avg_pool(functional.avg_pool2d)),
    "nn.functional.adaptive_avg_pool2d": batched(4, adaptive_avg_pool2d),
    "nn.functional.layer_norm": layer_norm,
    "native_layer_norm": layer_norm,
    "nn.functional.rms_norm": rms_norm,
    "nn.functional.group_norm": group_norm,
    "native_group_norm": local,
    "nn.functional.instance_norm": instance_norm,
    "nn.functional.batch_norm": batch_norm,
    "native_batch_norm": native_batch_norm,
    "nn.functional.normalize": normalize,
    "nn.functional.embedding": embedding,
    "nn.functional.scaled_dot_product_attention": attention,
    "nn.functional.dropout": dropout,
    "nn.functional.one_hot": lambda x, num_classes=-1: functional.one_hot(x, num_classes).astype(np.int64),
    "nn.functional.glu": lambda x, dim=-1: functional.glu(x, axis=dim),
    "nn.functional.prelu": prelu,
    "nn.functional.mish": lambda x, inplace=False: functional.mish(x),
    "nn.functional.softsign": functional.softsign,
    "nn.functional.hardtanh": lambda x, min_val=-1.0, max_val=1.0, inplace=False: functional.hardtanh(
        x, min_val, max_val
    ),
    "nn.functional.relu6": lambda x, inplace=False: functional.relu6(x),
    "nn.functional.tanhshrink": lambda x: x - np.tanh(x),
    "nn.functional.threshold": lambda x, threshold, value, inplace=False: np.where(
        np.asarray(x.data) > threshold, x, value
    ),
    "nn.functional.celu": lambda x, alpha=1.0, inplace=False: functional.elu(x / alpha) * alpha,
    "softmax with_dtype": softmax_cast(functions.softmax),
    "log_softmax with_dtype": softmax_cast(functions.log_softmax),
    "nn.functional.softmin with_dtype": lambda x, dim, dtype=None: softmax_cast(functions.softmax)(-x, dim, dtype),
}
