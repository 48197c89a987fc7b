"""NumPy's functions on arrays of Values: each keeps the gradient, or refuses."""

import re
import warnings

import numpy as np
import pytest

from tests.domains import FUNCTIONS
from tests.test_functions import bound, drawn
from tinygrad_edu import Tensor, Value
from tinygrad_edu.errors import LostGradientWarning, TinygradEduError

REFUSALS = (TinygradEduError, LostGradientWarning)
# NumPy's own, which asks nothing of the entries: no code here runs.
OF_NUMPY = r"dtype\('O'\)|not supported for the input types|object has no attribute '(dtype|shape)'"


def values_of(x):
    y = np.empty(np.shape(x), object)
    for index in np.ndindex(y.shape):
        y[index] = Value(float(x[index]))
    return y


def weighted_sum(y):
    """Σ sin(k) y[k] over all entries, one by one."""
    entries = [y] if isinstance(y, Value) else np.ravel(y).tolist()
    return sum((float(np.sin(k)) * entry for k, entry in enumerate(entries, 1)), 0.0)


def total_or_refusal(function, arrays):
    """The weighted sum of what the function gives; None if it refuses."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            return weighted_sum(function(*arrays))
    except REFUSALS:
        return None
    except (TypeError, AttributeError) as error:
        if re.search(OF_NUMPY, str(error)):
            return None
        raise


@pytest.mark.parametrize(
    ("name", "call"),
    [pytest.param(name, f.calls[0], id=name) for name, f in FUNCTIONS.items()],
)
def test_a_function_of_values_keeps_the_gradient_or_refuses(name, call):
    f = FUNCTIONS[name]
    xs = drawn(f, call)
    arrays, leaves = [values_of(x) for x in xs], [Tensor(x) for x in xs]
    total = total_or_refusal(bound(f.function, f, call), arrays)
    if total is None:
        return
    if isinstance(total, Value):  # otherwise it must be flat
        total.backward()
    y = bound(f.function, f, call)(*leaves)
    y.backward(np.sin(np.arange(1.0, y.size + 1)).reshape(y.shape))
    for array, leaf in zip(arrays, leaves, strict=True):
        grads = np.array([v.grad for v in array.ravel()]).reshape(array.shape)
        np.testing.assert_allclose(grads, np.zeros(leaf.shape) if leaf.grad is None else leaf.grad, atol=1e-9)


OF_ENTRIES = ["conjugate", "fabs", "deg2rad", "rad2deg", "radians", "degrees"]


@pytest.mark.parametrize("name", OF_ENTRIES)
def test_what_numpy_calls_on_each_entry_a_value_has(name):
    x, ufunc = np.array([1.5, -2.0, 0.0]), getattr(np, name)
    values, t = values_of(x), Tensor(x)
    y = ufunc(values)
    np.testing.assert_allclose([v.data for v in y], ufunc(x), rtol=1e-15)
    assert ufunc(Value(1.5)).data == y[0].data
    weighted_sum(y).backward()
    ufunc(t).backward(np.sin(np.arange(1.0, 4.0)))
    np.testing.assert_allclose([v.grad for v in values], t.grad, rtol=1e-15)


def test_the_product_of_two_vectors_of_values():
    a, b = values_of(np.array([1.0, 2.0])), values_of(np.array([3.0, 5.0]))
    y = np.vdot(a, b)
    y.backward()
    assert (y.data, [v.grad for v in a], [v.grad for v in b]) == (13.0, [3.0, 5.0], [1.0, 2.0])


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
