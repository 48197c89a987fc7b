"""Convolution and pooling in JAX. Their text is printed before a program that calls them.

`tinygrad_edu.operations.windows` has the same functions in NumPy.
"""

from typing import Any

import jax
import jax.numpy as jnp


def take_windows(x: Any, *, size: Any, stride: Any, padding: Any, dilation: Any, number: float = 0.0) -> Any:
    """All windows, whose entries are the first axis: (entries, n, channels, *places)."""
    x = jnp.pad(x, ((0, 0), (0, 0), *padding), constant_values=number)
    axes = list(zip(x.shape[2:], size, stride, dilation))  # noqa: B905 one entry each for every axis
    places = [(n - d * (k - 1) - 1) // s + 1 for n, k, s, d in axes]
    offsets: list[tuple[int, ...]] = [()]
    for k in size:
        offsets = [(*offset, i) for offset in offsets for i in range(k)]
    windows = []
    for offset in offsets:
        first = [i * d for i, (_, _, _, d) in zip(offset, axes)]  # noqa: B905
        parts = [slice(i, i + s * (n - 1) + 1, s) for i, n, (_, _, s, _) in zip(first, places, axes)]  # noqa: B905
        windows.append(x[(..., *parts)])
    return jnp.stack(windows)


def add_windows(windows: Any, *, lengths: Any, size: Any, stride: Any, padding: Any, dilation: Any) -> Any:
    """Zeros of these lengths, to which every entry of a window is added where `take_windows` takes it."""
    settings = {"size": size, "stride": stride, "padding": padding, "dilation": dilation}
    zeros = jnp.zeros((*windows.shape[1:3], *lengths), windows.dtype)
    return jax.linear_transpose(lambda x: take_windows(x, **settings), zeros)(windows)[0]


def convolve(x: Any, w: Any, *, stride: Any, padding: Any, dilation: Any, groups: int) -> Any:
    """The convolution of x with the weight w, which is not flipped."""
    return jax.lax.conv_general_dilated(x, w, stride, padding, rhs_dilation=dilation, feature_group_count=groups)


def convolve_input(gy: Any, w: Any, *, lengths: Any, stride: Any, padding: Any, dilation: Any, groups: int) -> Any:
    """The gradient of a convolution for its input, which has these lengths."""
    settings = {"stride": stride, "padding": padding, "dilation": dilation, "groups": groups}
    zeros = jnp.zeros((len(gy), w.shape[1] * groups, *lengths), gy.dtype)
    return jax.linear_transpose(lambda x: convolve(x, w, **settings), zeros)(gy)[0]


def convolve_weight(x: Any, gy: Any, *, size: Any, stride: Any, padding: Any, dilation: Any, groups: int) -> Any:
    """The gradient of a convolution for its weight, which has this size."""
    settings = {"stride": stride, "padding": padding, "dilation": dilation, "groups": groups}
    zeros = jnp.zeros((gy.shape[1], x.shape[1] // groups, *size), x.dtype)
    return jax.linear_transpose(lambda w: convolve(x, w, **settings), zeros)(gy)[0]


def largest(x: Any, *, size: Any, stride: Any, padding: Any, dilation: Any) -> Any:
    """The largest entry of each window; a margin is never among them."""
    windows = take_windows(x, size=size, stride=stride, padding=padding, dilation=dilation, number=-jnp.inf)
    return windows.max(axis=0)


def winners_of(x: Any, size: Any, stride: Any, padding: Any, dilation: Any) -> Any:
    """The number of the largest entry of each window; of equal ones it is the first."""
    windows = take_windows(x, size=size, stride=stride, padding=padding, dilation=dilation, number=-jnp.inf)
    return windows.argmax(axis=0)


def pick(x: Any, *, winners: Any, size: Any, stride: Any, padding: Any, dilation: Any) -> Any:
    """From each window, the entry that has the winner's number."""
    windows = take_windows(x, size=size, stride=stride, padding=padding, dilation=dilation)
    return jnp.take_along_axis(windows, winners[None], axis=0)[0]


def put(gy: Any, *, winners: Any, lengths: Any, size: Any, stride: Any, padding: Any, dilation: Any) -> Any:
    """Zeros of these lengths, to which each number is added where `pick` takes it."""
    settings = {"size": size, "stride": stride, "padding": padding, "dilation": dilation}
    zeros = jnp.zeros((*gy.shape[:2], *lengths), gy.dtype)
    return jax.linear_transpose(lambda x: pick(x, winners=winners, **settings), zeros)(gy)[0]
