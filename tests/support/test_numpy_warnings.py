"""A warning of NumPy's names the line of the user's program."""

import inspect
import warnings

import numpy as np
import pytest

from tinygrad_edu import Tensor, grad, nn, operation
from tinygrad_edu.operations.elementwise import TABLE
from tinygrad_edu.support.numpy_warnings import raise_in_operations


def warned(run):
    """What ``run`` warns of: text, file and line, each once, as in a program that sets no filters."""
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("default")
        raise_in_operations()
        run()
    return [(str(w.message), w.filename, w.lineno) for w in found]


def line_of(function):
    return inspect.getsourcelines(function)[1]


big = Tensor([1e300])


@pytest.mark.parametrize(
    ("text", "run"),
    [
        ("invalid value encountered in log", lambda: Tensor([-1.0]).log()),
        ("overflow encountered in mul", lambda: big * 1e300),
        ("divide by zero encountered in div", lambda: big / 0.0),
        ("overflow encountered in pow", lambda: big**2),
        ("overflow encountered in pow", lambda: big**2.5),
        ("overflow encountered in exp", lambda: np.exp(big)),
        ("overflow encountered in matmul", lambda: big @ np.array([1e300])),
        ("overflow encountered in mul", lambda: nn.functional.mse_loss(big, np.zeros(1))),
        ("divide by zero encountered in log", lambda: Tensor([0.0], requires_grad=False).log()),
        ("divide by zero encountered in log", lambda: TABLE["log"](np.zeros(1))),
    ],
)
def test_a_warning_of_the_forward_pass_names_the_users_line(text, run):
    assert warned(run) == [(text, __file__, line_of(run))]


def test_each_kind_of_warning_is_given():
    def run():
        return Tensor([1.0, 0.0]) / np.zeros(2)

    texts = [text for text, file, line in warned(run) if (file, line) == (__file__, line_of(run) + 1)]
    assert texts == ["divide by zero encountered in div", "invalid value encountered in div"]


def test_a_warning_of_the_backward_pass_names_the_users_line():
    w = Tensor([1e200])
    loss = (w * 1e-300) * 1e200
    expected = [("overflow encountered in backward()", __file__)]
    assert [place[:2] for place in warned(lambda: loss.backward([1e300]))] == expected
    assert np.isinf(w.grad)
    bias = Tensor([1.0])
    bias.grad = np.array([1.7e308])
    assert [place[:2] for place in warned(lambda: (bias * 1.7e308).backward())] == expected
    slope = grad(lambda x: x * 1e200 * 1e200)
    assert [place[1] for place in warned(lambda: slope(np.array(1e-200)))] == [__file__]


def test_a_loop_shows_a_warning_once_for_each_line():
    def run():
        for _ in range(3):
            Tensor([-1.0]).log()
            Tensor([-1.0]).log()

    assert [line - line_of(run) for _, _, line in warned(run)] == [2, 3]


@pytest.mark.parametrize("row", TABLE.values(), ids=lambda row: row.name)
def test_no_row_names_a_line_of_the_library(row):
    numbers = np.array([0.0, -1.0, 2.0, -1e300, 1e300, np.inf, np.nan])
    grid = np.meshgrid(*[numbers] * len(row.gx_texts))

    def run():
        y = row(*(Tensor(x.ravel()) for x in grid), **row.defaults)
        y.backward(np.full(y.shape, 1e300))

    assert {file for _, file, _ in warned(run)} <= {__file__}


def test_the_result_is_that_of_numpy():
    x = np.array([-1.0, 0.0, 4.0])
    with np.errstate(all="ignore"):
        expected = np.log(x)
    y = []
    warned(lambda: y.append(Tensor(x).log()))
    np.testing.assert_array_equal(y[0].data, expected)
    y[0].sum().backward()
    np.testing.assert_array_equal(y[0].inputs[0].grad, [-1.0, np.inf, 0.25])


def test_settings_of_numpy_and_filters_of_the_user_hold():
    with np.errstate(all="ignore"):
        assert warned(lambda: big * 1e300) == []
    with np.errstate(over="raise"), pytest.raises(FloatingPointError):
        big * 1e300
    with pytest.raises(RuntimeWarning, match="overflow encountered in mul"):
        big * 1e300
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("ignore")
        big * 1e300
    assert found == []


def test_a_users_own_operation_is_not_run_twice():
    runs = []

    def forward(x):
        runs.append(x)
        return x * 1e300

    scaled = operation(forward, lambda gy, y, x: gy * 1e300)
    assert [w[1:] for w in warned(lambda: scaled(big))] == [(__file__, line_of(forward) + 2)]
    with pytest.raises(RuntimeWarning):
        scaled(big)
    assert len(runs) == 2


def test_a_batch_norm_in_training_warns_once():
    layer = nn.BatchNorm1d(1)
    assert {w[1] for w in warned(lambda: layer(np.array([[1e300], [-1e300]])))} == {__file__}
