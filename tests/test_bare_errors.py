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


WRONG = {
    r"^argmax of \(2, 3\): axis 9 is out of bounds": lambda t: t.argmax(9),
    r"^argmin of \(2, 3\): 'str' object cannot be interpreted": lambda t: t.argmin("x"),
    r"^np\.argmax of \(2, 3\): axis 9 is out of bounds": lambda t: np.argmax(t, axis=9),
    r"^np\.any of \(2, 3\): axis 9 is out of bounds": lambda t: np.any(t, axis=9),
    r"^np\.gradient of \(\): integer modulo by zero": lambda t: np.gradient(t[0, 0], axis=9),
    r"^roll of \(2, 3\): ": lambda t: np.roll(t, None),
    r"^repeat of \(6,\): ": lambda t: np.repeat(t, "x"),
    r"^cumsum of \(2, 3\): 'float' object cannot": lambda t: t.cumsum(1.5),
    r"^softmax of \(2, 3\): 'float' object cannot": lambda t: t.softmax(1.5),
    r"^diagonal of \(2, 3\): ": lambda t: t.diagonal("x"),
    r"^tril of \(2, 3\): bad operand": lambda t: t.tril(None),
    r"^norm of \(2, 3\): ": lambda t: t.norm(axis="x"),
    r"^take_along_axis of \(2, 3\): 'list' object has no attribute 'dtype'": lambda t: t.take_along_axis([0]),
    r"^swapaxes takes one axis, an integer, but was given \(0, 1\)": lambda t: t.swapaxes((0, 1), 1),
    r"^swapaxes of \(2, 3\): axis 7 is out of range": lambda t: t.swapaxes(7, 1),
    r"^a shape and an order of axes are integers, but were given as 'x'": lambda t: t.reshape("x"),
    r"^a shape and an order of axes are integers, but were given as \[1\.5\]": lambda t: t.broadcast_to([1.5]),
    r"^a shape and an order .* \(0, None\)": lambda t: t.transpose(0, None),
    r"^dtype must be a type of numbers, .* but was given 'flaot'": lambda t: t.astype("flaot"),
    r"^leaky_relu\(\) takes a number as its slope, but was given 'x'": lambda t: t.leaky_relu("x"),
    r"^clip\(\) takes a number as its min, but was given 'x'": lambda t: t.clip("x"),
    r"^split of \(2, 3\): ": lambda t: t.split(t),
    r"^\[\[1\.0\], \[2\.0, 3\.0\]\] is no array of numbers": lambda t: nn.functional.mse_loss(t, [[1.0], [2.0, 3.0]]),
    r"^elu takes numbers, arrays, Values or Tensors, but was given \[1\.0, 2\.0\]": lambda t: nn.functional.elu(
        [1.0, 2.0]
    ),
    r"^relu takes numbers, .* but was given \[\[1\.0\], \[2\.0, 3\.0\]\]": lambda t: nn.functional.relu(
        [[1.0], [2.0, 3.0]]
    ),
    r"^conv2d: the weight has the axes of channels .* but was given shape \(2, 3\)": lambda t: nn.functional.conv2d(
        t, t
    ),
    r"^cosine_similarity of \(2, 3\), \(5,\): these shapes do not": lambda t: nn.functional.cosine_similarity(
        t, np.ones(5)
    ),
    r"^cross_entropy: the first argument has an axis of classes": lambda t: nn.functional.cross_entropy(2.0, 2.0),
    r"^glu halves an array along one axis, but was given shape \(\)": lambda t: nn.functional.glu(t[0, 0]),
    r"^one_hot: num_classes must be a whole number": lambda t: nn.functional.one_hot([1, 0], None),
}


@pytest.mark.parametrize("words", WRONG)
def test_what_cannot_be_is_an_error_of_the_library(words):
    with pytest.raises(TinygradEduError, match=words) as raised:
        WRONG[words](Tensor(X))
    assert "\n" not in str(raised.value)


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


LAYERS = [
    nn.LayerNorm(3),
    nn.RMSNorm(3),
    nn.BatchNorm1d(3),
    nn.GroupNorm(1, 3),
    nn.Flatten(),
    nn.GRU(3, 2),
    nn.LSTMCell(3, 2),
]


@pytest.mark.parametrize("layer", LAYERS, ids=lambda layer: type(layer).__name__)
@pytest.mark.parametrize("given", [None, 2.0, "abc", (1.0, 2.0, 3.0), [], {"a": 1}, Value(1.0)], ids=repr)
def test_a_module_says_what_it_takes(layer, given):
    for _ in range(2):  # the first call names the parameters
        with pytest.raises(DTypeError, match=r"takes Tensors or arrays, but was given .*: pass an array of numbers"):
            layer(given)


def test_an_error_within_a_module_of_one_s_own_stays_as_it_is():
    class Faulty(nn.Module):
        def forward(self, x):
            return x.shap

    with pytest.raises(AttributeError, match="has no attribute 'shap'"):
        Faulty()((1.0, 2.0))


def test_softmax_of_integers_is_that_of_floats():
    for name in ("softmax", "log_softmax", "logsumexp"):
        y = getattr(Tensor([1, 2, 4]), name)()
        np.testing.assert_array_equal(y.data, getattr(Tensor([1.0, 2.0, 4.0]), name)().data)
    for layer in (nn.RMSNorm(3), nn.LayerNorm(3)):
        np.testing.assert_array_equal(layer(np.array([1, 2, 2])).data, layer([1.0, 2.0, 2.0]).data)
    assert nn.functional.gelu(1.0) == pytest.approx(nn.functional.gelu(Value(1.0)).data, rel=1e-15)


def test_one_row_of_logits_may_be_given_probabilities(torch):
    x, p = np.array([1.0, 2.0, 0.5]), np.array([0.2, 0.3, 0.5])
    expected = torch.nn.functional.cross_entropy(torch.tensor(x), torch.tensor(p)).item()
    assert nn.functional.cross_entropy(Tensor(x), p).item() == pytest.approx(expected, rel=1e-12)


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
    points[0, 0] = 0.0
    with pytest.raises(ArgumentError, match="leave out those whose class is nan"):
        viz.plot_boundary(lambda x: x[:, 0], points, np.array([0, np.nan, 1]), ax=Figure().subplots())


# --- names and labels ---


@pytest.mark.parametrize("text", ["\x1b[31mred", "two\nlines", "nul\0", "\ud800", 3])
def test_an_operation_has_a_name_that_can_be_printed(text):
    for option in ("name", "symbol", "formula"):
        with pytest.raises(ArgumentError, match=f"needs a {option} of signs that can be printed"):
            operation(lambda x: x, lambda gy, y, x: gy, **{option: text})


def test_the_name_of_a_function_reaches_no_terminal_unseen():
    def forward(x):
        return x

    forward.__name__ = "\x1b[31mred"
    with pytest.raises(ArgumentError, match="needs a name of signs that can be printed"):
        operation(forward, lambda gy, y, x: gy)


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
