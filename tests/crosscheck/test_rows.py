"""Every row of the elementwise table: floats, arrays, nodes, compiled, printed; first and second order."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from tests.crosscheck.agreement import assert_agree
from tests.crosscheck.drawing import arrays, broadcastable
from tests.crosscheck.ways import CALLS, compiled_and_printed, eager, recorded, step_of
from tests.domains import NEAR, ROWS
from tinygrad_edu import Tensor, Value
from tinygrad_edu.operations.elementwise import TABLE

KINDS = [np.float64, np.float32]
NAMES = st.sampled_from(sorted(TABLE))


@st.composite
def cases(draw, name, *, special, dtype=np.float64, calls=1):
    """Parameters of the row, and ``calls`` tuples of inputs of the same shapes."""
    domain = ROWS[name]
    params = TABLE[name].defaults | dict(draw(st.sampled_from(list(domain.params))))
    shapes = draw(broadcastable(len(domain.intervals)))
    pairs = list(zip(domain.intervals, shapes, strict=True))
    xs = [
        tuple(draw(arrays(shape, *interval, dtype=dtype, special=special)) for interval, shape in pairs)
        for _ in range(calls)
    ]
    return params, xs


def applied(name, params):
    return lambda *xs: TABLE[name](*xs, **params)


def number_by_number(name, params, xs, weights):
    """The result and the gradients by Values, one entry at a time."""
    wide = np.broadcast_arrays(*xs)
    y, grads = np.empty(weights.shape), [np.zeros(weights.shape) for _ in xs]
    for index in np.ndindex(weights.shape):
        leaves = [Value(x[index]) for x in wide]
        root = applied(name, params)(*leaves)
        (root * weights[index]).backward()
        y[index] = root.data
        for grad, leaf in zip(grads, leaves, strict=True):
            grad[index] = leaf.grad
    return [y, *map(_summed, grads, xs)]


def _summed(grad, x):
    """The gradient of a broadcast input: the sum over its copies."""
    lead = tuple(range(grad.ndim - x.ndim))
    with np.errstate(invalid="ignore"):
        grad = grad.sum(axis=lead)
        kept = tuple(i for i, n in enumerate(x.shape) if n == 1 and grad.shape[i] != 1)
        return grad.sum(axis=kept, keepdims=True) if kept else grad


def weights_for(xs, dtype=np.float64):
    shape = np.broadcast_shapes(*(x.shape for x in xs))
    return np.asarray(np.random.default_rng(3).uniform(0.5, 2.0, shape), dtype)


def away_from_kinks(name, xs):
    with np.errstate(all="ignore"):
        return bool(np.all(np.abs(np.real(ROWS[name].kink(*xs))) > NEAR))


@given(name=NAMES, data=st.data())
def test_values_and_tensors(name, data):
    params, [xs] = data.draw(cases(name, special=True))
    weights = weights_for(xs)
    one, other = eager(applied(name, params), xs, weights), number_by_number(name, params, xs, weights)
    for what, found, expected in zip(["y", "gx0", "gx1"], one, other, strict=False):
        assert_agree(found, expected, f"{name} {what}", scale=1.0)


@given(name=NAMES, data=st.data())
def test_the_recorded_backward_pass(name, data):
    params, [xs] = data.draw(cases(name, special=True))
    weights = weights_for(xs)
    one, other = (way(applied(name, params), xs, weights) for way in (recorded, eager))
    for what, found, expected in zip(["y", "gx0", "gx1"], one, other, strict=False):
        assert_agree(found, expected, f"{name} {what}", scale=1.0)


@given(name=NAMES, data=st.data(), dtype=st.sampled_from(KINDS))
def test_compiled_and_printed(name, data, dtype):
    params, calls = data.draw(cases(name, special=True, dtype=dtype, calls=CALLS))
    weights = weights_for(calls[0], dtype)
    function = applied(name, params)
    *results, printed = compiled_and_printed(step_of(function, weights), calls)
    rtol = 1e-12 if dtype is np.float64 else 2e-5
    for xs, result in zip([*calls, calls[-1]], [*results, printed], strict=True):
        for what, found, expected in zip(["y", "gx0", "gx1"], result, eager(function, xs, weights), strict=False):
            assert_agree(found, expected, f"{name} {what}", rtol=rtol)


@given(name=NAMES, data=st.data())
def test_float32_and_float64(name, data):
    params, [xs] = data.draw(cases(name, special=False, dtype=np.float32))
    if not away_from_kinks(name, xs):
        return
    weights = weights_for(xs, np.float32)
    one, other = (eager(applied(name, params), [x.astype(t) for x in xs], weights.astype(t)) for t in KINDS[::-1])
    for what, found, expected in zip(["y", "gx0", "gx1"], one, other, strict=False):
        assert_agree(found, expected, f"{name} {what}", rtol=3e-4, scale=1.0, like=False)


@given(name=NAMES, data=st.data())
def test_second_derivatives_of_values_and_tensors(name, data):
    params, [xs] = data.draw(cases(name, special=False))
    if not all(x.size for x in xs):
        return
    xs = [np.asarray(x.flat[0], float) for x in xs]
    if not away_from_kinks(name, xs):
        return
    numbers = second_order(name, params, [Value(float(x)) for x in xs], 0.0)
    tensors = second_order(name, params, [Tensor(x) for x in xs], None)
    for found, expected in zip(tensors, numbers, strict=True):
        assert_agree(found, expected, name, scale=1.0, like=False)


def second_order(name, params, leaves, nothing):
    """∂²y/∂xᵢ∂xⱼ for every pair of inputs, as numbers."""
    applied(name, params)(*leaves).backward(create_graph=True)
    first = [leaf.grad for leaf in leaves]
    found = []
    for gx in first:
        for leaf in leaves:
            leaf.grad = nothing
        if getattr(gx, "requires_grad", False):
            gx.backward()
        found += [0.0 if leaf.grad is None else np.asarray(leaf.grad) for leaf in leaves]
    return found
