"""Errors that came through bare, and their kind: each is an error of the library that says what was given."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure

import viz
from tinygrad_edu import Tensor, Value, detect_anomaly, nn, no_grad, operation, save
from tinygrad_edu.errors import ArgumentError, DTypeError, ShapeError, TinygradEduError

ROOT = Path(__file__).resolve().parents[1]
X = np.ones((2, 3))

SHAPES = {
    "squeeze of (2, 3)": lambda t: t.squeeze(1),
    "squeeze of (2, 3): axis 9": lambda t: np.squeeze(t, 9),
    "expand_dims of (2, 3)": lambda t: np.expand_dims(t, 7),
    "sort of (2, 3)": lambda t: np.sort(t, axis=3),
    "split of (2, 3)": lambda t: np.split(t, 2, axis=3),
    "pad of (2, 3)": lambda t: np.pad(t, ((1, 1),) * 3),
    "take_along_axis of (2, 3): `indices` must be": lambda t: np.take_along_axis(t, np.array([[0.5]]), 1),
    "take_along_axis of (2, 3): index 7 is out of": lambda t: np.take_along_axis(t, np.array([[7]]), 1),
}


@pytest.mark.parametrize("words", SHAPES)
def test_a_wrong_axis_or_index_is_an_error_with_the_shape(words):
    with pytest.raises(ShapeError) as raised:
        SHAPES[words](Tensor(X))
    assert words in str(raised.value)


def test_nothing_to_concatenate_is_said():
    from tinygrad_edu import functions

    with pytest.raises(ShapeError, match="concatenate of no arrays: need at least one array"):
        functions.concatenate([])


@pytest.mark.parametrize("module", [nn.LayerNorm(3), nn.RMSNorm(3), nn.BatchNorm1d(3), nn.Flatten(), nn.ReLU()])
def test_a_module_takes_a_list_of_numbers(module):
    rows = [[1.0, 2.0, 3.0], [2.0, 0.0, 1.0]]
    module.eval()
    np.testing.assert_array_equal(module(rows).data, module(np.array(rows)).data)


@pytest.mark.parametrize("mode", [no_grad, detect_anomaly])
def test_a_mode_decorates_without_parentheses(mode):
    @mode
    def twice(x):
        """Twice as much."""
        return x * 2

    @mode()
    def thrice(x):
        return x * 3

    assert (twice(Value(2.0)).data, thrice(Value(2.0)).data) == (4.0, 6.0)
    assert (twice.__name__, twice.__doc__) == ("twice", "Twice as much.")
    assert twice(Value(2.0)).requires_grad is (mode is detect_anomaly)
    with mode():
        assert (Value(1.0) * 2).requires_grad is (mode is detect_anomaly)
    assert (Value(1.0) * 2).requires_grad


def test_detect_anomaly_without_parentheses_detects():
    @detect_anomaly
    def wrong(x):
        return x.log()

    with pytest.raises(TinygradEduError):
        wrong(Value(-1.0))


# --- plots ---


def test_samples_may_be_plotted_with_their_labels_alone():
    figure = viz.plot_samples(np.zeros((2, 4, 4)), [7, 1])
    assert [ax.get_title() for ax in figure.axes] == ["7", "1"]
    with pytest.raises(ShapeError, match=r"takes pictures of shape \(n, height, width\) .* was given shape \(2, 16\)"):
        viz.plot_samples(np.zeros((2, 16)), ["7", "1"])


def test_a_boundary_takes_classes_with_names_and_refuses_points_that_are_nowhere():
    points = np.array([[0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
    ax = viz.plot_boundary(lambda x: x[:, 0] - 0.5, points, np.array(["cat", "dog", "dog"]), ax=Figure().subplots())
    assert {text.get_text() for text in ax.get_legend().get_texts()} >= {"cat", "dog"}
    points[0, 0] = np.nan
    with pytest.raises(ArgumentError, match="points whose numbers are finite"):
        viz.plot_boundary(lambda x: x[:, 0], points, np.array([0, 1, 1]), ax=Figure().subplots())


# --- names and labels ---


@pytest.mark.parametrize("text", ["\x1b[31mred", "two\nlines", "nul\0", "\ud800", 3])
def test_an_operation_has_a_name_that_can_be_printed(text):
    for option in ("name", "symbol", "formula"):
        with pytest.raises(ArgumentError, match=f"needs a {option} of signs that can be printed"):
            operation(lambda x: x, lambda gy, y, x: gy, **{option: text})


def test_half_a_pair_of_code_units_in_a_label_breaks_nothing(tmp_path):
    x = Value(2.0, "a\ud800b")
    assert x.label == "a?b"
    y = x * x
    y.label = "\udfff"
    str(viz.trace(y)).encode()
    viz.player(y).save(tmp_path / "page.html")
    viz.draw(y).save(tmp_path / "graph.svg")
    with pytest.raises(DTypeError, match="holds half of a pair of code units"):
        save(tmp_path / "x", {"\ud800": np.ones(1)})
    assert Value(1.0, "größe ∂").label == "größe ∂"


# --- ASCII ---


def test_every_text_view_has_an_ascii_form():
    a, b = Value(-3.0, "a"), Value(2.0, "b")
    y = (a * b).tanh() ** 2
    y.backward()
    for view in (viz.trace(y), viz.why(a, y), "∂σ₁² ≈ −√ü日"):
        text = viz.ascii_form(view)
        assert text.isascii()
        assert "?" not in text
    assert "a = -3" in viz.ascii_form(viz.trace(y))
    assert viz.ascii_form("∂σ₁² ≈ −√ü日") == "dsigmoid1^2 ~= -sqrtu\\u65e5"


@pytest.mark.parametrize("encoding", ["ascii", "cp1252"])
def test_where_unicode_cannot_be_shown_a_minus_is_a_minus(encoding):
    command = [sys.executable, "-m", "viz", "--text", "a*b", "a=2", "b=-3"]
    environment = os.environ | {"PYTHONIOENCODING": encoding}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, check=True)
    text = done.stdout.decode(encoding)
    assert "b = -3" in text
    assert "?" not in text


def test_a_negative_power_of_integers_is_an_error_of_type():
    with pytest.raises(DTypeError, match=r"^pow of integers to a negative power is no integer: use floats"):
        Tensor([2, 3]) ** -1


def test_the_whole_part_of_a_value():
    assert (int(Value(2.7)), int(Tensor(2.7))) == (2, 2)
