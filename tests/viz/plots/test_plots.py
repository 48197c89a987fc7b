import subprocess
import sys

import numpy as np
import pytest
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_rgb
from matplotlib.contour import ContourSet
from matplotlib.figure import Figure

from tinygrad_edu import nn
from tinygrad_edu.errors import ArgumentError, ShapeError
from viz.plots import style
from viz.plots.plots import ACTIVATIONS, confidence, margins, plot_activations, plot_boundary, plot_history, scores_of

SQUARE = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])


@pytest.fixture
def ax():
    return Figure().subplots()


@pytest.fixture
def _no_figure_left():
    plt.close("all")
    yield
    plt.close("all")


def first_feature(points):
    return points[:, 0] - 0.5


def contours(ax):
    return [c for c in ax.collections if isinstance(c, ContourSet)]


@pytest.mark.usefixtures("_no_figure_left")
@pytest.mark.parametrize(
    "plot",
    [
        lambda **kw: plot_history({"loss": [1.0, 0.5]}, **kw),
        lambda **kw: plot_boundary(first_feature, SQUARE, [0, 0, 1, 1], **kw),
        lambda **kw: plot_activations(["relu"], **kw),
    ],
    ids=["history", "boundary", "activations"],
)
def test_plot_returns_the_axes_it_was_given_or_new_ones(plot, ax):
    assert plot(ax=ax) is ax
    assert not plt.get_fignums()
    new = plot()
    assert isinstance(new, Axes)
    assert [plt.figure(n) for n in plt.get_fignums()] == [new.figure]


def test_history_draws_the_numbers_that_it_holds(ax):
    plot_history({"loss": [3.0, 2.0, 1.0], "val_loss": [4.0, 3.0], "accuracy": [0.1]}, ax=ax, log=True)
    training, validation = ax.lines
    assert training.get_xydata().tolist() == [[1, 3], [2, 2], [3, 1]]
    assert validation.get_xydata().tolist() == [[1, 4], [2, 3]]
    assert ax.get_yscale() == "log"


def test_history_of_another_metric(ax):
    plot_history({"loss": [1.0], "accuracy": [0.5, 0.75]}, "accuracy", ax=ax)
    assert [list(line.get_ydata()) for line in ax.lines] == [[0.5, 0.75]]
    assert ax.get_ylabel() == "accuracy"


@pytest.mark.parametrize(
    ("history", "holds"), [({"loss": [1.0]}, "loss"), ({}, "nothing yet"), ({"loss": []}, "nothing")]
)
def test_history_names_what_it_holds_when_asked_for_something_else(history, holds):
    with pytest.raises(ArgumentError, match=f"has no 'accuracy': it holds {holds}"):
        plot_history(history, "accuracy")


def test_a_list_of_losses_is_a_history(ax):
    plot_history([1.0, 0.5], ax=ax)
    assert ax.lines[0].get_ydata().tolist() == [1.0, 0.5]
    assert ax.get_ylabel() == "loss"


def test_what_is_no_history_is_refused(ax):
    for wrong in (3, "loss", [[1.0], [2.0]], None):
        with pytest.raises(ArgumentError, match="plot_history needs a History, or a list with one number per epoch"):
            plot_history(wrong, ax=ax)


def test_of_scores_that_differ_by_rounding_alone_no_boundary_is_drawn(ax):
    def undecided(points):
        score = points @ [1.08, 1.61]
        return np.stack([score, score + 1e-14 * np.sin(99 * score)], axis=1)

    plot_boundary(undecided, SQUARE, [0, 0, 1, 1], ax=ax)
    assert contours(ax) == []
    assert [text.get_text() for text in ax.texts] == ["no class wins anywhere"]


def test_the_legend_lies_neither_on_a_point_nor_on_the_boundary(ax):
    def ring(points):
        return 0.9 - np.abs(points[:, 0] - points[:, 1])  # parts two corners off, a point in each of the four

    X = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
    plot_boundary(ring, X, [0, 1, 1, 0], ax=ax)
    ax.figure.canvas.draw()
    box = ax.get_legend().get_window_extent()
    borders = [path.vertices for c in contours(ax) if not c.filled for path in c.get_paths() if len(path)]
    assert not any(box.contains(x, y) for x, y in ax.transData.transform(np.concatenate([X, *borders])))


def test_boundary_says_which_of_its_arguments_is_wrong(ax):
    X, y = np.zeros((6, 2)), np.zeros(6)
    with pytest.raises(
        ArgumentError, match=r"^plot_boundary\(model, X, y\) takes a model .* first, but was given 'net'"
    ):
        plot_boundary("net", X, y, ax=ax)
    with pytest.raises(ShapeError, match="a class for each point, but was given 6 points and 4 classes"):
        plot_boundary(lambda points: points[:, 0], X, y[:4], ax=ax)


@pytest.mark.parametrize(
    "model",
    [
        first_feature,
        lambda points: first_feature(points)[:, None],
        lambda points: np.stack([1 - points[:, 0], points[:, 0]], axis=1),
    ],
    ids=["score", "column", "score for each class"],
)
def test_boundary_lies_where_the_answer_changes(model, ax):
    plot_boundary(model, SQUARE, [0, 0, 1, 1], ax=ax, resolution=24)
    vertices = [path.vertices for c in contours(ax) if not c.filled for path in c.get_paths()]
    line = np.concatenate([v for v in vertices if len(v)])
    assert line[:, 0] == pytest.approx(0.5)
    assert np.ptp(line[:, 1]) == pytest.approx(1.2)


def test_boundary_draws_each_point_once_under_its_class(ax):
    plot_boundary(first_feature, SQUARE, [-1, 1, 1, 1], ax=ax)
    drawn = {c.get_label(): c.get_offsets().tolist() for c in ax.collections if not c.get_label().startswith("_")}
    assert drawn == {"class -1": [[0, 0]], "class 1": [[0, 1], [1, 0], [1, 1]]}


@pytest.mark.parametrize("sizes", [[4, 1], [4, 3], [1]])
def test_a_network_of_values_is_asked_row_by_row(sizes):
    net = nn.MLP(2, sizes, rng=0)
    np.testing.assert_allclose(scores_of(nn.scalar.MLP.from_tensor(net), SQUARE), scores_of(net, SQUARE), atol=1e-14)


def test_margins_are_above_zero_at_the_answer_alone():
    scores = np.array([[1.0, 3.0, 2.0], [5.0, 4.0, 0.0], [2.0, 2.0, 1.0]])
    assert margins(scores).tolist() == [[-2, 1, -1], [1, -1, -5], [0, 0, -1]]
    assert margins(SQUARE[:3, 0], threshold=0.5)[:, 1].tolist() == [-0.5, -0.5, 0.5]


def test_a_module_is_asked_in_evaluation_mode_and_then_as_it_was():
    class Net(nn.Module):
        def __init__(self):
            self.layers = [nn.Module(), nn.Module()]

        def forward(self, x):
            assert not any(part.training for _, part in self.named_modules())
            raise ArithmeticError

    model = Net()
    model.layers[1].eval()
    with pytest.raises(ArithmeticError):
        scores_of(model, SQUARE)
    assert [part.training for _, part in model.named_modules()] == [True, True, False]


def test_a_diverged_model_still_gives_a_picture_of_the_points(ax):
    plot_boundary(lambda points: np.full(len(points), np.nan), SQUARE, [0, 0, 1, 1], ax=ax)
    ax.figure.canvas.draw()
    assert not contours(ax)
    assert len(ax.collections) == 2


@pytest.mark.parametrize("X", [np.zeros((4, 3)), np.zeros(4)])
def test_boundary_needs_points_in_the_plane(X):
    with pytest.raises(ShapeError, match=r"points in the plane.*choose two columns"):
        plot_boundary(first_feature, X, [0, 0, 1, 1])


def test_boundary_says_what_a_model_should_give():
    with pytest.raises(ShapeError, match=r"gave shape \(1,\): it should give one score per row"):
        plot_boundary(lambda points: np.zeros(1), SQUARE, [0, 0, 1, 1])


@pytest.mark.usefixtures("_no_figure_left")
def test_activations_show_function_and_derivative_in_a_panel_each():
    panels = plot_activations()
    assert [panel.get_title() for panel in panels] == list(ACTIVATIONS)
    for panel in panels:
        y, slope = (line for line in panel.lines if line.get_label() in ("y", "dy/dx"))
        x = y.get_xdata()
        numeric = np.gradient(y.get_ydata(), x)
        smooth = np.abs(x) > 0.05  # differences straddle the kink at 0
        assert slope.get_ydata()[smooth][1:-1] == pytest.approx(numeric[smooth][1:-1], abs=2e-3)


def test_activations_name_the_unknown_one(ax):
    with pytest.raises(ArgumentError, match=r"no activation 'rleu': choose among relu, "):
        plot_activations(["rleu"], ax=ax)
    with pytest.raises(ArgumentError, match="2 names, 1 Axes"):
        plot_activations(["relu", "tanh"], ax=ax)


def test_lines_differ_without_colour():
    looks = {
        (str(look["linestyle"]), look["marker"]) for look in (style.line(i, 100) for i in range(len(style.COLORS)))
    }
    assert len(looks) == len(style.COLORS)


def test_areas_differ_in_grey():
    grey = [np.dot(to_rgb(color), (0.299, 0.587, 0.114)) for color in style.AREAS]
    assert np.all(np.diff(grey) < -0.04)


def test_plots_need_no_display():
    program = (
        "from viz.plots.plots import plot_history\n"
        "plot_history({'loss': [2.0, 1.0]}).figure.savefig('/dev/null', format='png')\n"
        "import matplotlib\n"
        "print(matplotlib.get_backend().lower())"
    )
    environment = {"PATH": "", "PYTHONPATH": ":".join(sys.path)}
    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "agg"


def test_confidence_is_the_probability_of_the_answer():
    logits = np.array([[2.0, 0.0, -1.0], [0.0, 0.0, 0.0], [1e4, 0.0, 0.0]])
    shares = np.exp(logits - logits.max(axis=1, keepdims=True))
    shares /= shares.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(confidence(logits), shares.max(axis=1))
    np.testing.assert_allclose(confidence(shares), shares.max(axis=1))
    np.testing.assert_allclose(confidence(np.array([3.0, -3.0, 0.0])), [1 / (1 + np.exp(-3))] * 2 + [0.5])
    assert confidence(np.array([0.9, 0.2]), threshold=0.5).tolist() == [0.9, 0.8]
    assert confidence(np.array([1e4, -1e4])).tolist() == [1.0, 1.0]


def test_a_boundary_is_paler_where_the_model_is_less_sure(ax):
    plot_boundary(lambda points: 8 * first_feature(points), SQUARE, [0, 0, 1, 1], ax=ax)
    ax.legend_.remove()
    canvas = FigureCanvasAgg(ax.figure)
    canvas.draw()
    pixels = np.asarray(canvas.buffer_rgba())[..., :3].astype(float)

    def grey(x):
        column, row = ax.transData.transform((x, 0.5))
        return pixels[len(pixels) - 1 - int(row), int(column)].mean()

    assert grey(0.45) > grey(0.3) > grey(0.1)
    assert grey(0.55) > grey(0.7) > grey(0.9)
    assert [other.get_ylabel() for other in ax.figure.axes[1:]] == ["confidence of the answer"]
