"""`grad`, `value_and_grad`, `jacobian`, `hessian`, `hvp`: against closed forms, nested, and beside what is mistaken."""

import contextlib
import dataclasses
import math
import warnings
from typing import NamedTuple

import numpy as np
import pytest

from tinygrad_edu import Tensor, Value, grad, hessian, hvp, jacobian, no_grad, value_and_grad
from tinygrad_edu.errors import (
    ArgumentError,
    BackwardError,
    DTypeError,
    LostGradientWarning,
    ShapeError,
    TinygradEduError,
    UnsupportedError,
)
from tinygrad_edu.graph.node import data_of

A = np.array([[2.0, -1.0, 0.5], [0.0, 3.0, 1.0], [4.0, 1.0, -2.0]])
X = np.array([0.3, -1.2, 2.0])


# Closed forms


def test_the_gradient_of_a_function_of_floats():
    assert grad(lambda x: x**3 - 2 * x)(2.0) == 10.0
    assert grad(lambda x: np.exp(x) * x)(1) == pytest.approx(2 * math.e, rel=1e-15)
    assert type(grad(lambda x: x * x)(3.0)) is float


def test_the_gradient_of_a_function_of_arrays():
    np.testing.assert_allclose(grad(lambda x: np.sum(np.sin(x) * x))(X), np.sin(X) + X * np.cos(X), rtol=1e-14)
    assert grad(lambda x: (x * x).sum())(np.float32([1, 2])).dtype == np.float32
    assert grad(lambda x: (x * x).sum())([1.0, 2.0]).tolist() == [2.0, 4.0]


def test_the_value_comes_along():
    assert value_and_grad(lambda x, y: x * x * y)(3.0, 2.0) == (18.0, 12.0)
    value, gradient = value_and_grad(lambda x: x @ A @ x)(X)
    assert value == pytest.approx(X @ A @ X, rel=1e-14)
    np.testing.assert_allclose(gradient, (A + A.T) @ X, rtol=1e-14)


def test_any_argument_and_several_and_by_name():
    def f(x, y, *, scale):
        return scale * x * x * y

    assert grad(f, 1)(3.0, 2.0, scale=10.0) == 90.0
    assert grad(f, -1)(3.0, 2.0, scale=10.0) == 90.0
    assert grad(f, (0, 1))(3.0, 2.0, scale=10.0) == (120.0, 90.0)


@pytest.mark.parametrize(
    ("f", "expected"),
    [
        (lambda x: A @ x, A),
        (lambda x: x * x, np.diag(2 * X)),
        (lambda x: np.sin(x)[::-1], np.diag(np.cos(X))[::-1]),
        (lambda x: np.outer(x, x), np.einsum("ik,j->ijk", np.eye(3), X) + np.einsum("jk,i->ijk", np.eye(3), X)),
        (lambda x: x.softmax(), None),
        (lambda x: x.sum(), np.ones(3)),
        (lambda x: np.cumsum(x), np.tril(np.ones((3, 3)))),
    ],
)
def test_the_jacobian(f, expected):
    if expected is None:
        p = np.exp(X) / np.exp(X).sum()
        expected = np.diag(p) - np.outer(p, p)
    np.testing.assert_allclose(jacobian(f)(X), expected, rtol=1e-14, atol=1e-15)


def test_the_jacobian_by_a_matrix():
    J = jacobian(lambda W: W @ X)(A)
    assert J.shape == (3, 3, 3)
    np.testing.assert_allclose(J, np.einsum("ij,k->ijk", np.eye(3), X), rtol=1e-15)


def test_the_jacobian_of_a_list_of_values():
    assert jacobian(lambda x: [x * x, x.sin(), 3.0])(2.0) == [4.0, math.cos(2.0), 0.0]


def rosenbrock(x):
    return (1 - x[0]) ** 2 + 100 * (x[1] - x[0] ** 2) ** 2


def rosenbrock_hessian(x, y):
    return np.array([[1200 * x * x - 400 * y + 2, -400 * x], [-400 * x, 200.0]])


@pytest.mark.parametrize("point", [(-4.0, -2.0), (1.0, 1.0), (0.0, 0.0)])
def test_the_hessian_of_rosenbrock_s_function(point):
    np.testing.assert_allclose(hessian(rosenbrock)(np.array(point)), rosenbrock_hessian(*point), rtol=1e-14)


def test_the_hessian_of_a_quadratic_form_and_of_a_float():
    np.testing.assert_allclose(hessian(lambda x: x @ A @ x)(X), A + A.T, rtol=1e-14)
    assert hessian(lambda x: x**4)(2.0) == 48.0
    assert hessian(lambda x, y: x * y**3, 1)(2.0, 3.0) == 36.0
    assert hessian(lambda x: (3.0 * x).sum())(X).tolist() == np.zeros((3, 3)).tolist()


def test_hvp_is_the_hessian_times_the_vector():
    def f(x):
        return np.sum(np.exp(x) * np.flip(x) ** 2)

    v = np.array([1.0, -0.5, 2.0])
    np.testing.assert_allclose(hvp(f, X, v), hessian(f)(X) @ v, rtol=1e-13)
    assert hvp(lambda x: x**4, 2.0, 3.0) == 144.0


def test_derivatives_of_a_tensor_of_derivatives():
    third = jacobian(hessian(lambda x: (x**3).sum()))(X)
    expected = np.zeros((3, 3, 3))
    expected[range(3), range(3), range(3)] = 6.0
    np.testing.assert_allclose(third, expected, atol=1e-14)


def test_beside_pytorch(torch):
    def f(x):
        return (x.tanh() @ x.exp()) * x.prod() + x.sum().sin()

    t = torch.tensor(X)
    np.testing.assert_allclose(grad(f)(X), torch.autograd.functional.jacobian(f, t), rtol=1e-13)
    np.testing.assert_allclose(hessian(f)(X), torch.autograd.functional.hessian(f, t), rtol=1e-12)


# Nesting


def test_gradients_nest_to_any_depth():
    f, derivatives = (lambda x: x**5), []
    for _ in range(6):
        f = grad(f)
        derivatives.append(f(2.0))
    assert derivatives == [80.0, 160.0, 240.0, 240.0, 120.0, 0.0]


def test_an_inner_gradient_does_not_mistake_the_outer_argument_for_its_own():
    """The perturbations are told apart (Siskind and Pearlmutter, 2005)."""
    assert grad(lambda x: x * grad(lambda y: x + y)(1.0))(1.0) == 1.0
    assert grad(lambda x: x * grad(lambda y: x * y)(2.0))(3.0) == 6.0

    def outer(x):
        return (x * grad(lambda y: (x * y * y).sum())(np.array([2.0]))).sum()

    assert grad(outer)(np.array([3.0])).tolist() == [24.0]


def test_a_node_in_gives_a_node_out_whose_graph_goes_on():
    x = Value(2.0)
    g = grad(lambda v: v**3)(x)
    (g * g).backward()
    assert (type(g), g.data, x.grad) == (Value, 12.0, 2 * 12.0 * 12.0)
    w = Tensor([1.0, 2.0])
    g = grad(lambda v: (v**3).sum())(w)
    (g * g).sum().backward()
    np.testing.assert_allclose(w.grad, 36 * np.array([1.0, 8.0]), rtol=1e-15)


def test_the_gradients_of_what_the_function_closes_over_stay_as_they_are():
    w, c = Tensor([1.0, 2.0]), Value(3.0)
    assert grad(lambda x: (x * w).sum())(np.ones(2)).tolist() == [1.0, 2.0]
    assert grad(lambda x: x * c)(2.0).data == 3.0
    assert hessian(lambda x: (x * x * w).sum())(np.ones(2)).tolist() == [[2.0, 0.0], [0.0, 4.0]]
    assert (w.grad, c.grad) == (None, 0.0)


def test_to_ask_for_a_derivative_is_to_ask_for_recording():
    with no_grad():
        assert grad(lambda x: x * x)(3.0) == 6.0
        assert jacobian(lambda x: x * x)(X).tolist() == np.diag(2 * X).tolist()
        assert hessian(lambda x: x**3)(2.0) == 12.0
        assert not (Value(2.0) * 3).requires_grad

    def detached(x):
        with no_grad():
            constant = x * 1.0
        return x * constant

    assert grad(detached)(3.0) == 3.0


def test_what_depends_on_nothing_has_the_gradient_zero():
    assert grad(lambda x: 3.0)(math.inf) == 0.0
    assert grad(lambda x: Tensor(3.0))(X).tolist() == [0.0] * 3
    assert grad(lambda x, y: y * y)(2.0, 3.0) == 0.0
    assert grad(lambda x, y: (y * y).sum())(np.array([np.inf]), X).tolist() == [0.0]
    assert hessian(lambda x: 3.0)(2.0) == 0.0


@pytest.mark.parametrize("what", [lambda x: f"{x:.2f}", str, lambda x: x > 0, lambda x: x.data, lambda x: x.item()])
def test_an_argument_may_be_looked_at(what):
    def f(x):
        what(x)
        return x * x

    assert grad(f)(3.0) == 6.0
    assert grad(f)(np.array(3.0)) == 6.0


def test_what_a_gradient_is_not_asked_for_may_become_a_float():
    w = Value(3.0)
    with pytest.warns(LostGradientWarning):
        assert grad(lambda x: x * math.exp(w - 3))(2.0) == 1.0
    assert grad(lambda x: x * no_grad()(float)(x))(2.0) == 2.0
    assert grad(lambda x: x * float(Tensor(3.0, requires_grad=False)))(2.0) == 3.0


# Bad input


@pytest.mark.parametrize(
    "lost",
    [
        lambda: grad(math.sin)(2.0),
        lambda: value_and_grad(lambda x: math.sin(x) * x)(2.0),
        lambda: grad(lambda x, y: y * float(x * y))(1.0, 2.0),
        lambda: grad(lambda x: (x * float(x.sum())).sum())(X),
        lambda: jacobian(lambda x: [x, math.sqrt(x)])(2.0),
        lambda: hessian(lambda x: (x * math.exp(x[0])).sum())(X),
        lambda: hvp(lambda x: (x * math.exp(x[0])).sum(), X, X),
        lambda: grad(lambda a: math.tanh(a) * Value(2.0))(0.5),
        lambda: grad(leave_by_an_array)(2.0),
        lambda: grad(leave_entry_by_entry)(X),  # NumPy says "setting an array element with a sequence"
        lambda: grad(lambda x: np.fromiter(x, float).sum())(X),
    ],
)
def test_a_number_that_leaves_the_graph_is_refused(lost):
    sentence = r"^a function that is being differentiated turned a node into a float, .*x\.sin\(\) .*, x\.data$"
    with pytest.raises(BackwardError, match=sentence):
        lost()
    assert (Value(2.0) * 3).item() == 6.0


@pytest.mark.parametrize(
    ("kind", "sentence", "wrong"),
    [
        (ArgumentError, r"grad takes a function, but was given 3\.0: call it as grad\(f\)\(x\)", lambda: grad(3.0)),
        (ArgumentError, r"grad was to differentiate by argument 2, but the function was called with 2 of them",
         lambda: grad(lambda x, y: x, 2)(1.0, 2.0)),
        (DTypeError, r"grad differentiates by floating-point arguments, but was given int64 data",
         lambda: grad(lambda x: x.sum())(np.array([1, 2]))),
        (DTypeError, r"a Tensor holds floats, integers or booleans, but was given 'a'", lambda: grad(lambda x: x)("a")),
        (ShapeError, r"grad differentiates a function that gives one number, but this one gave shape \(3,\)",
         lambda: grad(lambda x: x * x)(X)),
        (DTypeError, r"grad differentiates a function that gives a number or an array, but this one gave None",
         lambda: grad(lambda x: None)(1.0)),
        (DTypeError, r"jacobian differentiates a function that gives a number or an array, but this one gave 'x'",
         lambda: jacobian(lambda x: "x")(1.0)),
        (ShapeError, r"hvp needs v of the shape of x, \(3,\), but was given \(2,\)",
         lambda: hvp(lambda x: x.sum(), X, np.ones(2))),
    ],
)  # fmt: skip
def test_bad_input_is_answered_in_a_sentence(kind, sentence, wrong):
    with pytest.raises(kind, match=f"^{sentence}") as info:
        wrong()
    assert isinstance(info.value, TinygradEduError)
    assert "\n" not in str(info.value)


def test_an_error_in_the_function_leaves_nothing_behind():
    with pytest.raises(ZeroDivisionError):
        grad(lambda x: 1 / 0)(1.0)
    x = Value(2.0)
    assert grad(lambda y: y * y)(3.0) == 6.0
    assert (x * 2).requires_grad


# Trees of arguments


@dataclasses.dataclass
class Line:
    slope: float
    offset: np.ndarray


class Pair(NamedTuple):
    a: float
    b: float


def test_the_gradient_is_built_as_the_argument():
    gradient = grad(lambda p: (p["w"] * X).sum() + p["b"][0] * p["b"][1])({"w": np.ones(3), "b": (2.0, 3.0)})
    assert gradient["w"].tolist() == X.tolist()
    assert gradient["b"] == (3.0, 2.0)
    line = grad(lambda p: (p.slope * X + p.offset).sum())(Line(2.0, np.zeros(3)))
    assert (line.slope, line.offset.tolist()) == (pytest.approx(X.sum()), [1.0] * 3)
    assert type(line.slope) is float
    assert grad(lambda p: p.a * p.b)(Pair(2.0, 3.0)) == Pair(3.0, 2.0)
    layers = grad(lambda p: sum((layer["W"] ** 2).sum() for layer in p))([{"W": np.ones(2)}, {"W": np.full(3, 2.0)}])
    assert [layer["W"].tolist() for layer in layers] == [[2.0, 2.0], [4.0, 4.0, 4.0]]
    assert grad(lambda p, x: (p["a"] * x).sum(), (0, 1))({"a": 2.0}, np.ones(2))[0] == {"a": 2.0}


def test_a_float_beside_arrays():
    assert value_and_grad(lambda w, x: (w * x).sum())(2.0, np.arange(3.0)) == (6.0, 3.0)
    first, second = grad(lambda w, x: (w * x).sum(), (0, 1))(2.0, np.arange(3.0))
    assert (type(first), first, second.tolist()) == (float, 3.0, [2.0] * 3)
    assert hessian(lambda w, x: (w**3 * x).sum())(2.0, np.ones(2)) == 24.0


def test_jacobians_hessians_and_products_of_trees():
    assert hessian(lambda p: p["a"] ** 2 * p["b"])({"a": 2.0, "b": 3.0}) == {
        "a": {"a": 6.0, "b": 4.0},
        "b": {"a": 4.0, "b": 0.0},
    }
    first, second = jacobian(lambda x: [2 * x, x[0] * x])(np.ones(2))
    assert (first.tolist(), second.tolist()) == ([[2.0, 0.0], [0.0, 2.0]], [[2.0, 0.0], [1.0, 1.0]])
    point, v = {"a": 2.0, "b": np.array([1.0, 3.0])}, {"a": 1.0, "b": np.array([0.5, -1.0])}
    product = hvp(lambda p: p["a"] ** 2 * (p["b"] ** 3).sum(), point, v)
    assert product["a"] == pytest.approx(2 * 28 * 1 + 4 * (3 * 1 * 0.5 - 3 * 9))
    np.testing.assert_allclose(product["b"], [12 + 24 * 0.5, 108 - 72], rtol=1e-14)


def test_jacobians_of_what_does_not_depend_on_x():
    assert jacobian(lambda x: np.ones(3))(np.ones(2)).tolist() == np.zeros((3, 2)).tolist()
    assert jacobian(lambda x: Tensor(np.ones(3)))(np.ones(2)).shape == (3, 2)
    assert [part.shape for part in jacobian(lambda x: [np.ones(3), x])(np.ones(2))] == [(3, 2), (2, 2)]
    assert jacobian(lambda x: np.ones((0,)))(np.ones(2)).shape == (0, 2)
    assert hvp(lambda x: 3.0, X, X).tolist() == [0.0] * 3
    assert hvp(lambda x: x.sum(), X, X).tolist() == [0.0] * 3
    assert hvp(lambda x: 3.0, 1.0, 2.0) == 0.0


# Values in NumPy's functions and arrays


def test_numpy_s_functions_on_values_keep_the_gradient():
    assert grad(lambda x: np.where(x > 1, x**2, x))(3.0) == 6.0
    assert grad(lambda x: np.where(x > 1, x**2, x))(0.5) == 1.0
    assert jacobian(lambda x: np.array([x, x**2]))(3.0).tolist() == [1.0, 6.0]
    assert jacobian(lambda x: np.stack([x, 2.0, x**2]))(3.0).tolist() == [1.0, 0.0, 6.0]
    assert jacobian(lambda x: np.array([[x, 1.0], [x * x, x]]))(3.0).tolist() == [[1.0, 0.0], [6.0, 1.0]]
    assert grad(lambda x: np.array(x * x))(3.0) == 6.0
    assert grad(lambda x: np.mean([x, x * x]))(3.0) == 3.5
    assert [grad(lambda x: np.clip(x, 0.0, 1.0))(at) for at in (-1.0, 0.5, 1.0, 2.0)] == [0.0, 1.0, 1.0, 0.0]
    assert grad(lambda x: np.linalg.norm([x, 4.0]))(3.0) == pytest.approx(0.6)
    assert (grad(lambda x: np.round(x) * x)(2.6), grad(lambda x: np.floor(x) * x)(2.6)) == (3.0, 2.0)


@pytest.mark.parametrize(
    ("function", "name"),
    [(lambda x: np.interp(x, [0, 1], [0, 1]), "interp"), (lambda x: np.linalg.det(x), "det")],
)
def test_what_takes_no_values_says_so(function, name):
    with pytest.raises(UnsupportedError, match=f"^np.{name} does not compute with Values: write it with operators"):
        function(Value(0.5))
    with pytest.raises(DTypeError, match=r"^np\.clip takes plain limits"):
        np.clip(0.5, Value(0.0), 1.0)


# Parameters that the function reads


def test_a_gradient_can_be_differentiated_by_the_parameters_that_the_function_reads():
    def loss(x):
        W = Tensor(np.ones(3))

        def u(x):
            return (W * x**3).sum()

        ((grad(u)(x) ** 2).sum() + (W * 1.0).sum()).backward()
        return W.grad

    x = np.array([1.0, 2.0, 3.0])
    assert loss(x).tolist() == loss(Tensor(x)).tolist() == [19.0, 289.0, 1459.0]
    w = Value(2.0)
    slope = grad(lambda x: w * x**3)(3.0)
    (slope * slope).backward()
    assert w.grad == 2 * (2 * 27) * 27
    w.grad = 0.0
    jacobian(lambda x: [w * x, w * x**2])(3.0)[1].backward()
    assert w.grad == 6.0
    with no_grad():
        assert grad(lambda x: w * x**3)(3.0) == 54.0


# A number that leaves the graph


def leave_by_an_array(x):
    B = np.zeros(2)
    B[0] = x**2
    return B.sum()


def leave_entry_by_entry(x):
    B = np.zeros(3)
    for i in range(3):
        B[i] = x[i] ** 2
    return B.sum()


@pytest.mark.parametrize(
    "leave",
    [
        float,
        math.tanh,
        leave_by_an_array,
        lambda x: leave_entry_by_entry([x, x, x]),
        lambda x: math.tanh(x) * Value(2.0),
        lambda x: np.fromiter([x, x], float),
        lambda x: "%f" % x,  # noqa: UP031 it calls float()
    ],
)
@pytest.mark.parametrize("kind", [Value, Tensor])
def test_a_node_that_becomes_a_float_warns(leave, kind):
    x = kind(2.0)
    with pytest.warns(LostGradientWarning, match="became a plain float here, which has no gradient"):
        leave(x)
    with no_grad():
        leave(x)


def test_an_array_of_floats_takes_no_node_without_a_word():
    with pytest.warns(LostGradientWarning):
        np.array([Value(2.0)], dtype=float)
    with pytest.raises(UnsupportedError, match="which would lose the gradient"):
        np.array([Tensor(2.0)], dtype=float)


def test_looking_at_a_node_does_not_warn():
    x = Value(2.0, "x")
    assert (f"{x:.2f}", x > 1, x.data, x.item()) == ("2.00", True, 2.0, 2.0)
    assert str(x) == repr(x)
    assert float(Tensor(2.0, requires_grad=False)) == 2.0


def test_the_warning_comes_once_for_each_line():
    x = Value(2.0)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("default")
        for _ in range(3):
            float(x)
        float(x)
    assert [warning.filename for warning in caught] == [__file__] * 2


CONSTANTS = {"within no_grad": no_grad, "of a constant": contextlib.nullcontext}


@pytest.mark.parametrize("how", CONSTANTS)
def test_a_derivative_by_a_node_that_records_nothing_is_not_zero(how):
    """The slope at a node does not depend on whether something records what is computed with it."""
    x = Tensor([1.0, 2.0], requires_grad=how == "within no_grad")
    with CONSTANTS["of a constant" if how == "within no_grad" else "within no_grad"]():
        v = Value(2.0) * 1.0

    def cube(x):
        return (x**3).sum()

    with CONSTANTS[how]():
        assert np.array_equal(data_of(grad(cube)(x)), [3, 12])
        assert np.array_equal(data_of(grad(lambda a, b: cube(a) + cube(b), (0, 1))(x, x)[1]), [3, 12])
        assert np.array_equal(data_of(grad(lambda t: cube(t["x"]))({"x": x})["x"]), [3, 12])
        assert data_of(grad(lambda v: v**3)(v)) == 12
        assert np.array_equal(data_of(jacobian(lambda x: x**3)(x)), np.diag([3, 12]))
        assert np.array_equal(data_of(hessian(cube)(x)), np.diag([6, 12]))
        assert np.array_equal(data_of(hvp(cube, x, np.ones(2))), [6, 12])
        assert np.array_equal(data_of(grad(lambda x: (grad(cube)(x) ** 2).sum())(x)), [2 * 3 * 6, 2 * 12 * 12])


def test_the_gradient_by_a_tensor_of_integers_is_refused():
    with pytest.raises(DTypeError, match="grad differentiates by floating-point arguments, but was given int64 data"):
        grad(lambda x: x.sum())(Tensor([1, 2]))
