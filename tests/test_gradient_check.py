"""`gradcheck`, the checker, is checked: it passes what is right and finds what is wrong."""

import math

import numpy as np
import pytest

from tests.domains import FUNCTIONS, NEAR, ROWS
from tinygrad_edu import GradientMismatch, Tensor, Value, gradcheck, operation
from tinygrad_edu.errors import ArgumentError, DTypeError, TinygradEduError
from tinygrad_edu.operations.elementwise import TABLE


def slightly_wrong(factor):
    return operation(np.sin, lambda gy, y, x: factor * gy * np.cos(x), name="slightly_wrong")


@pytest.mark.parametrize("make", [Value, lambda x: Tensor([x, x / 2]), float, lambda x: np.array([[x]])])
@pytest.mark.parametrize("error", [1e-3, -1e-3, 1e-4])
def test_it_rejects_a_derivative_that_is_wrong_by_a_thousandth(make, error):
    with pytest.raises(GradientMismatch) as info:
        gradcheck(slightly_wrong(1 + error), make(0.7))
    assert info.value.error == pytest.approx(abs(error), rel=0.01)
    assert gradcheck(slightly_wrong(1.0), make(0.7)).max_error < 1e-9


@pytest.mark.parametrize(
    "derivative",
    [
        lambda gy, y, a, b: (gy * b, gy * b),
        lambda gy, y, a, b: (gy * a, gy * b),
        lambda gy, y, a, b: (gy * b, -gy * a),
        lambda gy, y, a, b: (b, a),
        lambda gy, y, a, b: (gy * b, gy * a * 0),
    ],
)
def test_it_rejects_the_usual_mistakes(derivative):
    product = operation(lambda a, b: a * b, derivative, name="product")
    with pytest.raises(GradientMismatch):
        gradcheck(product, Tensor([1.0, 2.0]), Tensor([3.0, -4.0]))


def test_an_error_in_one_entry_cannot_hide_in_a_sum():
    swapped = operation(np.sin, lambda gy, y, x: gy[::-1] * np.cos(x), name="swapped")
    with pytest.raises(GradientMismatch):
        gradcheck(swapped, Tensor([0.3, 0.3]))


def test_it_says_where_and_by_how_much():
    wrong = operation(lambda a, b: a * b, lambda gy, y, a, b: (gy * b, gy * np.array([[2.0, 5.0]])), name="wrong")
    b = Tensor([[3.0, 4.0]], label="b")
    with pytest.raises(
        GradientMismatch, match=r"^b\[0, 1\]: backprop gives .* but the slope is .* \(relative error"
    ) as info:
        gradcheck(wrong, Tensor([[2.0, 2.0]]), b)
    found = info.value
    assert (found.input, found.index) == (1, (0, 1))
    assert found.analytic / found.numeric == pytest.approx(2.5, rel=1e-9)
    assert found.error == pytest.approx(0.6, rel=1e-9)
    assert isinstance(found, AssertionError)
    assert isinstance(found, TinygradEduError)


def test_it_suspects_a_kink():
    with pytest.raises(
        GradientMismatch, match=r"there may be a kink here, the slope is 0 on the left and 1 on the right"
    ):
        gradcheck(lambda x: x.relu(), 0.0)


@pytest.mark.parametrize("name", TABLE)
def test_it_passes_every_row(name):
    domain, rng = ROWS[name], np.random.default_rng(0)
    xs = [rng.uniform(*interval) for interval in domain.intervals]
    while abs(domain.kink(*xs)) < NEAR:
        xs = [rng.uniform(*interval) for interval in domain.intervals]
    for make in (Value, Tensor):
        leaves = [make(x) for x in xs]
        report = gradcheck(lambda *leaves: TABLE[name](*leaves, **TABLE[name].defaults), *leaves)
        assert report.checked == len(xs)


@pytest.mark.parametrize("name", ["matmul", "einsum", "solve", "softmax", "var", "getitem", "linear"])
def test_it_passes_operations_on_arrays(name):
    f, rng = FUNCTIONS[name], np.random.default_rng(0)
    call = f.calls[0]
    xs = [f.draw(rng, shape) for shape in call.shapes]
    report = gradcheck(lambda *xs: f.function(*xs, *call.args, **call.keywords), *xs)
    assert report.checked == sum(np.size(x) for x in xs)
    assert report.max_error < 1e-7


def test_it_checks_in_float64_and_leaves_the_inputs_alone():
    x = Tensor(np.float32([0.3, 0.5]), label="x")
    x.grad = np.float32([7.0, 7.0])
    report = gradcheck(lambda x: (x.exp() * x).sum(), x)
    assert report.max_error < 1e-9
    assert (x.dtype, x.grad.tolist(), x.tolist()) == (np.float32, [7.0, 7.0], np.float32([0.3, 0.5]).tolist())
    assert str(report).startswith("gradcheck passed: 2 derivatives, largest relative error")


def test_integers_are_passed_on_unchecked():
    assert gradcheck(lambda x, i: x[i].sum(), Tensor([1.0, 2.0, 3.0]), np.array([0, 2])).checked == 3
    assert gradcheck(lambda x, n: x * n, 2.0, 3).checked == 2


def test_large_and_small_numbers():
    assert gradcheck(lambda x: x * x, 1e6).checked == 1
    assert gradcheck(lambda x: x * 1e-6, 1.0).checked == 1
    with pytest.raises(GradientMismatch):
        gradcheck(slightly_wrong(math.nan), 0.5)


@pytest.mark.parametrize(
    ("kind", "sentence", "wrong"),
    [
        (ArgumentError, r"gradcheck needs at least one input", lambda: gradcheck(lambda: 1.0)),
        (
            DTypeError,
            r"gradcheck needs a function that gives a Value or a Tensor",
            lambda: gradcheck(lambda x: 3.0, 1.0),
        ),
        (
            ArgumentError,
            r"gradcheck has nothing to check",
            lambda: gradcheck(lambda x: (x * x).sum(), np.array([1, 2])),
        ),
        (ArgumentError, r"gradcheck has nothing to check", lambda: gradcheck(lambda x: (x * x).sum(), Tensor([1, 2]))),
        (ArgumentError, r"gradcheck has nothing to check", lambda: gradcheck(lambda x: x * 1.0, True)),
        (ArgumentError, r"gradcheck has nothing to check", lambda: gradcheck(lambda x: x.sum(), np.zeros(0))),
    ],
)
def test_bad_input_is_answered_in_a_sentence(kind, sentence, wrong):
    with pytest.raises(kind, match=f"^{sentence}"):
        wrong()


def test_what_is_no_function_is_not_checked():
    with pytest.raises(DTypeError, match=r"gradcheck takes a function and where to check it, .* but f is 3$"):
        gradcheck(3, 2.0)
