"""Gradients of indexing added in place give the bits of the plain backward pass."""

import numpy as np
import pytest

from tinygrad_edu import Tensor
from tinygrad_edu.graph import array_backward
from tinygrad_edu.speed import written_backward


def rows(x):
    return sum(x[i] * (i + 1) for i in range(4)).sum()


def repeated(x):
    return (x[np.array([0, 0, 2])] * 3.0).sum() + (x[:, 1] ** 2).sum() + (x[np.array([1, 1])] * x[2:]).sum()


def handed_on_to_two(x):
    y, b = x * 2.0, x * 1.0
    s = y + b  # both get the very array of the gradient of s
    return (s * s).sum() + y[0].sum() + b[1:].sum() + y[1].sum()


def mixed(x):
    y = x.reshape(3, 4).T  # whose gradient is a view
    return (y * y).sum() + y[0, 0] + y[1].sum() + x.astype(np.float64)[0].sum() + x[0].sum()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("f", [rows, repeated, handed_on_to_two, mixed])
def test_the_bits_are_those_of_the_plain_form(f, dtype):
    x = Tensor(np.random.default_rng(0).standard_normal((4, 3)).astype(dtype))
    root = f(x)
    seed = np.ones((), root.dtype)
    fast, plain = written_backward.array_gradients(root, seed), array_backward.array_gradients(root, seed)
    assert fast.keys() == plain.keys()
    for node, expected in plain.items():
        np.testing.assert_array_equal(fast[node].copy(), expected)
    root.backward()
    np.testing.assert_array_equal(x.grad, plain[x])
