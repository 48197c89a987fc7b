"""`operation`: a user's own operation is treated like a built-in one."""

import math

import numpy as np
import pytest

import viz
from tests.oracles import check_first, check_second
from tinygrad_edu import Tensor, Value, detect_anomaly, gradcheck, no_grad, operation
from tinygrad_edu.errors import ArgumentError, BackwardError, DTypeError, ShapeError

GAUSSIAN = operation(
    lambda x: np.exp(-x * x), lambda gy, y, x: gy * -2 * x * y, name="gaussian", symbol="𝒢", formula="-2xy"
)
BLEND = operation(
    lambda a, b, *, t: (1 - t) * a + t * b * b,
    lambda gy, y, a, b, *, t: (gy * (1 - t), gy * 2 * t * b),
    name="blend",
)


def test_on_values():
    x = Value(0.5, "x")
    y = GAUSSIAN(x)
    y.backward(create_graph=True)
    g, x.grad = x.grad, 0.0
    g.backward()
    e = math.exp(-0.25)
    assert [y.data, g.data, x.grad] == pytest.approx([e, -e, (4 * 0.25 - 2) * e], rel=1e-15)
    x.grad = 0.0
    GAUSSIAN(x).backward()
    assert x.grad == pytest.approx(-e, rel=1e-15)


@pytest.mark.parametrize("shapes", [((3,), (3,)), ((2, 3), (3,)), ((), (2, 1)), ((0, 2), (2,))], ids=str)
def test_on_tensors_of_any_shapes(shapes):
    xs = [np.random.default_rng(0).standard_normal(shape) for shape in shapes]
    check_first(GAUSSIAN, lambda x: np.exp(-x * x), xs[:1])
    check_second(GAUSSIAN, lambda x: np.exp(-x * x), xs[:1])
    check_first(lambda a, b: BLEND(a, b, t=0.25), lambda a, b: 0.75 * a + 0.25 * b * b, xs)
    check_second(lambda a, b: BLEND(a, b, t=0.25), lambda a, b: 0.75 * a + 0.25 * b * b, xs)


def test_keywords_are_kept_as_they_were():
    """What is written into an array or a list after the call does not change the graph."""
    scaled = operation(
        lambda x, *, by, also: x * by * also[0], lambda gy, y, x, *, by, also: gy * by * also[0], name="scaled"
    )
    x, by, also = Tensor([1.0, 2.0]), np.array([3.0, 4.0]), [10.0]
    y = scaled(x, by=by, also=also)
    by[:], also[0] = 0.0, 0.0
    y.sum().backward()
    assert x.grad.tolist() == [30.0, 40.0]
    v, also = Value(1.0), [2.0]
    y = scaled(v, by=1.0, also=also)
    also[0] = 0.0
    y.backward()
    assert v.grad == 2.0


@pytest.mark.parametrize("node", [Value(2.0), Tensor([2.0])])
def test_a_keyword_that_needs_a_gradient_is_refused(node):
    scaled = operation(lambda x, *, by: x * by, lambda gy, y, x, *, by: gy * by, name="scaled")
    with pytest.raises(ArgumentError, match="no derivative by its keyword by"):
        scaled(type(node)(1.0), by=node)


def test_on_plain_numbers_and_arrays_it_just_computes():
    assert GAUSSIAN(0.0) == 1.0
    np.testing.assert_array_equal(GAUSSIAN(np.zeros(2)), [1.0, 1.0])


def test_beside_constants_and_without_recording():
    x = Tensor([1.0, 2.0])
    BLEND(x, 3.0, t=0.5).sum().backward()
    BLEND(np.array([3.0, 4.0]), x, t=0.5).sum().backward()
    assert x.grad.tolist() == [1.5, 2.5]
    with no_grad():
        assert not GAUSSIAN(x).requires_grad
    v = Value(2.0)
    BLEND(3.0, v, t=0.5).backward()
    assert v.grad == 2.0


def test_every_view_shows_it_like_a_built_in_one():
    y = GAUSSIAN(Value(0.5, "x")) * 2
    source = viz.draw(y).source
    assert "𝒢" in source
    y.backward()
    text = str(viz.trace(y))
    assert "gaussian(x)" in text
    assert "−2xy" in text


def test_gradcheck_and_anomalies_name_it():
    assert gradcheck(GAUSSIAN, Tensor([-1.0, 0.5])).checked == 2
    broken = operation(lambda x: x * math.inf, lambda gy, y, x: gy, name="broken")
    with detect_anomaly(), pytest.raises(ArithmeticError, match=r"broken produced inf from x=1\.0"):
        broken(Value(1.0, "x"))


def test_what_it_hands_on_is_nobody_else_s_array():
    straight_through = operation(lambda x: x, lambda gy, y, x: gy, name="straight_through")
    same_twice = operation(lambda a, b: a + b, lambda gy, y, a, b: (a, a), name="same_twice")
    for make in (lambda x: straight_through(x), lambda x: same_twice(x, x)):
        x = Tensor([1.0, 2.0])
        y = make(x)
        y.sum().backward()
        assert not any(np.shares_memory(x.grad, other) for other in (x.data, y.data, y.grad))
        y.data.sum()
        x.data[0] = 5.0  # the leaf's array can still be written to
        with no_grad():
            make(x).data[...] = 100.0
        assert x.tolist() == [5.0, 2.0]


def test_it_cannot_write_into_the_graph():
    in_place = operation(lambda x: np.exp(x, out=x), lambda gy, y, x: gy * y, name="in_place")
    x = Tensor([1.0, 2.0])
    with pytest.raises(ShapeError, match=r"in_place of .* read-only"):
        in_place(x)

    def doubled(gy, y, x):
        gy *= 2
        return gy

    y = operation(lambda x: 2 * x, doubled, name="doubled")(x).sum()
    with pytest.raises(ValueError, match="read-only"):
        y.backward()
    assert (x.tolist(), x.grad) == ([1.0, 2.0], None)


# Bad input


def test_a_derivative_that_leaves_the_graph_is_refused_where_it_would_be_wrong():
    by_math = operation(lambda x: math.exp(x), lambda gy, y, x: gy * math.exp(float(x)), name="by_math")
    x = Value(0.5)
    y = by_math(x)
    y.backward()
    assert x.grad == y.data
    with pytest.raises(BackwardError, match="turned a node into a float, so its own derivative would be lost"):
        y.backward(create_graph=True)


@pytest.mark.parametrize("make", [Value, Tensor])
def test_as_many_gradients_as_inputs(make):
    one = operation(lambda a, b: a * b, lambda gy, y, a, b: gy * b, name="one")
    y = one(make(1.0), make(2.0))
    with pytest.raises(ArgumentError, match="the derivative of one gave 1 gradients for 2 inputs: return one for each"):
        y.backward()


def test_a_gradient_of_a_shape_that_does_not_fit():
    wrong = operation(lambda x: x * 2, lambda gy, y, x: np.ones(5), name="wrong")
    with pytest.raises(
        ShapeError, match=r"the derivative of wrong gave a gradient of shape \(5,\) for an input of .*\(3,\)"
    ):
        wrong(Tensor(np.ones(3))).sum().backward()


@pytest.mark.parametrize("create_graph", [False, True])
@pytest.mark.parametrize("make", [Value, lambda x: Tensor([x, x])], ids=["Value", "Tensor"])
@pytest.mark.parametrize(
    ("derivative", "error", "text"),
    [
        (lambda gy, y, x: None, DTypeError, r"gave None for input 0: return a number, or an array of its shape$"),
        (lambda gy, y, x: "2x", DTypeError, "gave '2x' for input 0: return a number"),
        (lambda gy, y, x: np.ones(5), (DTypeError, ShapeError), r"gave .*\(5,\)|gave array\(\[1., 1., .* for input 0"),
        (lambda x: 2 * x, DTypeError, r"is called with \(gy, y, x\): .* takes 1 positional argument but 3 were given$"),
        (lambda gy, y, x, t: x, DTypeError, r"is called with \(gy, y, x\): .* missing 1 required .* 't'$"),
    ],
)  # fmt: skip
def test_a_derivative_that_is_none_is_named(derivative, error, text, make, create_graph):
    y = operation(lambda x: x * x, derivative, name="square")(make(3.0))
    with pytest.raises(error, match=f"^the derivative of square {text}"):
        (y if isinstance(y, Value) else y.sum()).backward(create_graph=create_graph)


def test_a_constant_needs_no_gradient():
    scaled = operation(lambda a, b: a * b, lambda gy, y, a, b: (gy * b, None), name="scaled")
    for make in (Value, Tensor):
        x = make(3.0)
        scaled(x, 2.0).backward()
        assert x.grad == 2.0


def test_an_error_of_the_derivative_s_own_is_left_as_it_is():
    broken = operation(lambda x: x * x, lambda gy, y, x: len(x), name="broken")
    with pytest.raises(TypeError, match=r"^object of type 'float' has no len"):
        broken(Value(1.0)).backward()


def test_forward_and_derivative_are_functions():
    with pytest.raises(ArgumentError, match=r"operation\(\) needs derivative to be a function, but was given 2\.0"):
        operation(lambda x: x, 2.0)
