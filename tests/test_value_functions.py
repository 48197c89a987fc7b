"""NumPy's functions on arrays of Values: each keeps the gradient, or refuses."""

import warnings

import numpy as np
import pytest

from tests.domains import FUNCTIONS
from tests.test_functions import bound, drawn
from tinygrad_edu import Tensor, Value
from tinygrad_edu.errors import LostGradientWarning, TinygradEduError

# What NumPy says of an array of objects that it cannot compute with.
REFUSALS = (TinygradEduError, LostGradientWarning, TypeError, AttributeError, ValueError)


def values_of(x):
    y = np.empty(np.shape(x), object)
    for index in np.ndindex(y.shape):
        y[index] = Value(float(x[index]))
    return y


def weighted_sum(y):
    """Σ sin(k) y[k] over all entries, one by one."""
    entries = [y] if isinstance(y, Value) else np.ravel(y).tolist()
    return sum((float(np.sin(k)) * entry for k, entry in enumerate(entries, 1)), 0.0)


@pytest.mark.parametrize(
    ("name", "call"),
    [pytest.param(name, f.calls[0], id=name) for name, f in FUNCTIONS.items()],
)
def test_a_function_of_values_keeps_the_gradient_or_refuses(name, call):
    f = FUNCTIONS[name]
    xs = drawn(f, call)
    arrays, leaves = [values_of(x) for x in xs], [Tensor(x) for x in xs]
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            total = weighted_sum(bound(f.function, f, call)(*arrays))
    except REFUSALS:
        return
    assert isinstance(total, Value)
    total.backward()
    y = bound(f.function, f, call)(*leaves)
    y.backward(np.sin(np.arange(1.0, y.size + 1)).reshape(y.shape))
    for array, leaf in zip(arrays, leaves, strict=True):
        grads = np.array([v.grad for v in array.ravel()]).reshape(array.shape)
        np.testing.assert_allclose(grads, np.zeros(leaf.shape) if leaf.grad is None else leaf.grad, atol=1e-9)


KEEPING = [
    "sum",
    "mean",
    "cumsum",
    "matmul",
    "diff",
    "convolve",
    "correlate",
    "hstack",
    "pad",
    "take",
    "trapezoid",
    "kron",
]


@pytest.mark.parametrize("name", KEEPING)
def test_these_functions_of_values_do_not_refuse(name):
    f = FUNCTIONS[name]
    call = f.calls[0]
    total = weighted_sum(bound(f.function, f, call)(*map(values_of, drawn(f, call))))
    assert total.requires_grad
