"""Gradients that are wrong or unpleasant in one engine or another: each by its name.

More of them stand where their subject does: a second ``backward()``, a leaf's own, deep chains, changed data, arrays
that alias (test_value, test_tensor); the edges of every elementwise row (test_rules, from the table in domains);
reductions at ties and zeros beside PyTorch (test_functions).
"""

import math

import numpy as np
import pytest

from tests.oracles import check_second
from tinygrad_edu import Tensor, Value, functions
from tinygrad_edu.operations.elementwise import TABLE

KINDS = pytest.mark.parametrize("make", [Value, Tensor])


def slopes(f, *xs, make):
    """f at these numbers, and its gradient."""
    leaves = [make(x) for x in xs]
    with np.errstate(all="ignore"):
        y = f(*leaves)
        y.backward()
    return y.item(), [float(leaf.grad) for leaf in leaves]


# The same node as both operands


@KINDS
@pytest.mark.parametrize(
    ("f", "derivatives"),
    [
        (lambda x: x * x, [9.0, 6.0, 2.0]),
        (lambda x: x + x, [6.0, 2.0, 0.0]),
        (lambda x: x - x, [0.0, 0.0, 0.0]),
        (lambda x: x / x, [1.0, 0.0, 0.0]),
        (lambda x: x**x, [27.0, 27 * (1 + math.log(3)), 27 * ((1 + math.log(3)) ** 2 + 1 / 3)]),
        (lambda x: x * x * x, [27.0, 27.0, 18.0]),
        (lambda x: x.maximum(x), [3.0, 1.0, 0.0]),
        (lambda x: x.minimum(x), [3.0, 1.0, 0.0]),
        (lambda x: x.hypot(x), [3 * math.sqrt(2), math.sqrt(2), 0.0]),
        (lambda x: x.logaddexp(x), [3 + math.log(2), 1.0, 0.0]),
        (lambda x: x.arctan2(x), [math.pi / 4, 0.0, 0.0]),
    ],
)
def test_the_same_node_as_both_operands(f, derivatives, make):
    x = make(3.0)
    y = f(x)
    y.backward(create_graph=True)
    g, x.grad = x.grad, None if make is Tensor else 0.0
    if g.requires_grad:
        g.backward()
    second = 0.0 if x.grad is None else float(x.grad)
    assert [y.item(), g.item(), second] == pytest.approx(derivatives, rel=1e-14, abs=1e-15)


def test_a_matrix_times_itself():
    x = np.random.default_rng(0).standard_normal((3, 3))
    check_second(lambda x: x @ x, lambda x: x @ x, [x])
    check_second(lambda x: x @ x @ x.T, lambda x: x @ x @ x.T, [x])
    check_second(lambda x: np.concatenate([x, x]), lambda x: np.concatenate([x, x]), [x])
    check_second(lambda x: np.linalg.solve(x, x @ x), lambda x: np.linalg.solve(x, x @ x), [x + 4 * np.eye(3)])


@KINDS
def test_a_diamond(make):
    """Each node hands on its gradient once, when it is complete; not at once on every path."""

    def f(x):
        a = x * 2.0
        b, c = a.sin(), a.cos()
        return (b * c + a) * b

    x = 0.3
    h = 1e-20j
    exact = ((np.sin(2 * (x + h)) * np.cos(2 * (x + h)) + 2 * (x + h)) * np.sin(2 * (x + h))).imag / 1e-20
    assert slopes(f, x, make=make)[1] == pytest.approx([exact], rel=1e-14)


# Kinks and ties


@KINDS
@pytest.mark.parametrize(
    ("f", "xs", "gradient"),
    [
        (lambda x: x.relu(), [0.0], [0.0]),
        (lambda x: x.relu(), [-0.0], [0.0]),
        (lambda x: abs(x), [0.0], [0.0]),
        (lambda x: x.sign(), [0.0], [0.0]),
        (lambda x: x.leaky_relu(0.1), [0.0], [0.1]),
        (lambda x: x.clip(0.0, 1.0), [0.0], [1.0]),
        (lambda a, b: a.maximum(b), [2.0, 2.0], [0.5, 0.5]),
        (lambda a, b: a.minimum(b), [2.0, 2.0], [0.5, 0.5]),
        (lambda a, b: a.maximum(b).maximum(a), [2.0, 2.0], [0.75, 0.25]),
    ],
)
def test_kinks_and_ties_follow_pytorch(f, xs, gradient, make):
    assert slopes(f, *xs, make=make)[1] == gradient


def test_the_largest_share_the_gradient_evenly():
    x = Tensor([[1.0, 3.0, 3.0], [2.0, 2.0, 2.0]])
    x.max(axis=1).sum().backward()
    np.testing.assert_allclose(x.grad, [[0, 1 / 2, 1 / 2], [1 / 3, 1 / 3, 1 / 3]], rtol=1e-15)
    x.grad = None
    x.max().backward()
    assert x.grad.tolist() == [[0, 0.5, 0.5], [0, 0, 0]]


# Masks select, they do not multiply: 0 times infinity is nan


@KINDS
def test_relu_of_minus_infinity_is_zero(make):
    assert slopes(lambda x: x.relu(), -math.inf, make=make) == (0.0, [0.0])
    assert slopes(lambda x: x.relu(), math.inf, make=make) == (math.inf, [1.0])
    assert slopes(lambda x: x.leaky_relu(0.0), math.inf, make=make)[1] == [1.0]
    assert slopes(lambda x: x.elu(), -math.inf, make=make) == (-1.0, [0.0])
    assert slopes(lambda x: x.clip(0, 1), -math.inf, make=make) == (0.0, [0.0])


@pytest.mark.parametrize(
    "f",
    [
        lambda x: x.relu(),
        lambda x: x.clip(0.0, np.inf),
        lambda x: x.maximum(0.0),
        lambda x: np.where(x > 0, x, 0.0),
        lambda x: np.pad(x[1:], ((1, 0),)),
        lambda x: np.triu(x.reshape(1, 2), 1).reshape(2),
    ],
)
def test_an_infinite_gradient_passes_no_mask(f):
    for gradient in ([0.0, np.inf], [np.inf, np.inf]):
        x = Tensor([-1.0, 1.0])
        f(x).backward(gradient)
        assert x.grad.tolist() == [0.0, np.inf]


@KINDS
def test_where_hides_a_nan(make):
    """What is not selected has no part in the result, whatever it is."""
    for hidden in (math.nan, math.inf):
        assert slopes(lambda a, b: a.select(b, condition=True), 2.0, hidden, make=make) == (2.0, [1.0, 0.0])
        assert slopes(lambda a, b: a.select(b, condition=False), hidden, 2.0, make=make) == (2.0, [0.0, 1.0])


def test_where_hides_the_nan_of_a_function_that_is_kept_in_its_domain():
    """An infinite slope times the gradient 0 is nan, here as in PyTorch: the argument has to be chosen, too."""
    x = Tensor([-1.0, 0.0, 4.0])
    inside = x > 0
    y = np.where(inside, np.where(inside, x, 1.0).sqrt(), 0.0)
    y.sum().backward(create_graph=True)
    g, x.grad = x.grad, None
    g.sum().backward()
    assert y.tolist() == [0.0, 0.0, 2.0]
    assert g.tolist() == [0.0, 0.0, 0.25]
    assert x.grad.tolist() == [0.0, 0.0, -1 / 32]


# Poles and powers


@KINDS
@pytest.mark.parametrize(
    ("f", "x", "y", "gradient"),
    [
        (lambda x: x.sqrt(), 0.0, 0.0, math.inf),
        (lambda x: x.log(), 0.0, -math.inf, math.inf),
        (lambda x: x.log(), -1.0, math.nan, -1.0),
        (lambda x: 1 / x, 0.0, math.inf, -math.inf),
        (lambda x: x**0, 0.0, 1.0, 0.0),
        (lambda x: x**0, 5.0, 1.0, 0.0),
        (lambda x: x**1, 0.0, 0.0, 1.0),
        (lambda x: x**2, 0.0, 0.0, 0.0),
        (lambda x: x**3, 0.0, 0.0, 0.0),
        (lambda x: x**-1, 0.0, math.inf, -math.inf),
        (lambda x: x**0.5, 0.0, 0.0, math.inf),
        (lambda x: x**2, -3.0, 9.0, -6.0),
        (lambda x: x**3, -2.0, -8.0, 12.0),
        (lambda x: x**-2, -2.0, 0.25, 0.25),
        (lambda x: x**0.5, -2.0, math.nan, math.nan),
        (lambda x: 0**x, 2.0, 0.0, 0.0),
        (lambda x: 0.0**x, 0.0, 1.0, 0.0),
        (lambda x: 2**x, 3.0, 8.0, 8 * math.log(2)),
    ],
)
def test_poles_and_powers(f, x, y, gradient, make):
    value, (slope,) = slopes(f, x, make=make)
    np.testing.assert_allclose([value, slope], [y, gradient], rtol=1e-15)


@KINDS
@pytest.mark.parametrize(("n", "second"), [(0, 0.0), (1, 0.0), (2, 2.0), (3, 0.0), (4, 0.0)])
def test_second_derivatives_of_powers_at_zero(n, second, make):
    x = make(0.0)
    (x**n).backward(create_graph=True)
    g, x.grad = x.grad, None if make is Tensor else 0.0
    if g.requires_grad:
        g.backward()
    assert float(0.0 if x.grad is None else x.grad) == second


def test_second_derivatives_by_an_exponent_where_the_base_is_zero():
    w, x = Tensor([2.0, 0.5]), np.array([0.0, 3.0])
    (x**w).sum().backward(create_graph=True)
    g, w.grad = w.grad, None
    g.sum().backward()
    np.testing.assert_allclose(w.grad, [0.0, 3**0.5 * math.log(3) ** 2], rtol=1e-14)


# Large numbers


@KINDS
@pytest.mark.parametrize("x", [1e4, -1e4, 710.0, -745.0, 1e308, -1e308])
@pytest.mark.parametrize("name", ["sigmoid", "softplus", "tanh", "silu", "gelu", "elu", "selu", "erf"])
def test_activations_neither_overflow_nor_warn(name, x, make):
    leaf = make(x)
    y = getattr(leaf, name)()
    y.backward()
    assert np.isfinite([y.item(), float(leaf.grad)]).all()


@KINDS
@pytest.mark.parametrize("label", [0.0, 1.0])
@pytest.mark.parametrize("logit", [1e4, -1e4, 0.0])
def test_binary_cross_entropy_of_large_logits(logit, label, make):
    y, (gx, _) = slopes(TABLE["bce_with_logits"], logit, label, make=make)
    right = 0.5 if logit == 0 else float((logit > 0) == bool(label))
    assert y == (math.log(2) if logit == 0 else 1e4 * (1 - right))
    assert gx == pytest.approx((0.5 if logit == 0 else float(logit > 0)) - label, abs=1e-300)


@pytest.mark.parametrize("scale", [1e4, -1e4])
@pytest.mark.parametrize("f", [functions.softmax, functions.log_softmax, functions.logsumexp])
def test_softmax_of_large_logits(f, scale):
    x = Tensor(np.array([[1.0, -1.0, 0.0], [1.0, 1.0, 1.0]]) * scale)
    y = f(x, axis=1)
    y.backward(np.ones(y.shape))
    assert np.isfinite(y.data).all()
    assert np.isfinite(x.grad).all()
    assert np.abs(y.data).max() >= 1 / 3


# Shapes


def test_repeated_indices_add_up():
    x = Tensor([1.0, 2.0, 3.0])
    (x[[0, 0, 2, 0]] * np.array([1.0, 10.0, 100.0, 1000.0])).sum().backward()
    assert x.grad.tolist() == [1011.0, 0.0, 100.0]


@pytest.mark.parametrize(
    ("a", "b"), [((2, 3), (3,)), ((3,), (2, 3)), ((2, 1), (1, 3)), ((), (2, 3)), ((1,), ()), ((4, 1, 3), (2, 1))]
)
def test_broadcasting_in_every_direction(a, b):
    x, y = Tensor(np.ones(a)), Tensor(np.full(b, 2.0))
    product = x * y
    product.sum().backward()
    assert (x.grad.shape, y.grad.shape) == (a, b)
    assert x.grad.sum() == 2.0 * product.size
    assert y.grad.sum() == 1.0 * product.size


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize(
    ("a", "b"), [((700, 3), (3,)), ((700, 3), (1, 3)), ((2, 40, 30), (30,)), ((2, 40, 30), (40, 1))]
)
def test_gradients_of_what_was_broadcast_widely_add_up(a, b, dtype):
    rng = np.random.default_rng(0)
    gy, y = rng.standard_normal(a).astype(dtype), Tensor(np.ones(b, dtype))
    (Tensor(np.ones(a, dtype)) + y).backward(gy)
    lead = len(a) - len(b)
    axes = (*range(lead), *(lead + i for i, n in enumerate(b) if n == 1))
    rounding = np.finfo(dtype).eps * np.abs(gy).sum(axis=axes).max()
    np.testing.assert_allclose(y.grad, gy.astype(float).sum(axis=axes).reshape(b), rtol=0, atol=rounding)


@pytest.mark.parametrize("shape", [(0,), (0, 3), (3, 0), (2, 0, 2)])
def test_arrays_without_entries(shape):
    x, b = Tensor(np.zeros(shape)), Tensor(np.ones(shape[-1:]))
    y = ((x + b) * x.exp()).sum() + (x @ np.ones((shape[-1], 2))).sum() + x.reshape(-1).cumsum(0).sum()
    y.backward(create_graph=True)
    assert (y.item(), x.grad.shape, b.grad.shape) == (0.0, shape, shape[-1:])
    assert b.grad.sum().item() == 0.0


def test_a_number_is_an_array_of_no_axes():
    x = Tensor(2.0)
    y = x.reshape(1, 1).sum() * x.T + x[...] + x.sum(axis=()) + x.max()
    y.backward()
    assert (y.shape, y.item(), x.grad.shape, x.grad.item()) == ((), 10.0, (), 7.0)


def test_views_that_are_not_contiguous():
    x = Tensor(np.arange(12.0).reshape(3, 4))
    view = x.T[::-2, 1:]
    assert not view.data.flags.c_contiguous
    (view @ view.T).sum().backward()
    data = np.arange(12.0).reshape(3, 4)
    expected = np.zeros((3, 4))
    expected.T[::-2, 1:] = 2 * data.T[::-2, 1:].sum(axis=0)
    np.testing.assert_array_equal(x.grad, expected)
