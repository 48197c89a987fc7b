import numpy as np
import pytest
from matplotlib.figure import Figure

import viz
from tinygrad_edu import nn, optim, train
from tinygrad_edu.data import xor
from tinygrad_edu.errors import ArgumentError, DTypeError, ShapeError


def _trained():
    X, y = xor()
    net = nn.MLP(2, [6, 2], activation="tanh", rng=np.random.default_rng(0))
    optimizer = optim.Adam(net.parameters(), lr=0.1)
    loss = nn.functional.cross_entropy
    history = train.fit(net, X, y, loss=loss, optimizer=optimizer, epochs=30, callbacks=[train.Snapshots()])
    return net, X, y, history


def test_the_landscape_has_the_models_loss_in_the_middle_and_leaves_the_model():
    net, X, y, _ = _trained()
    before = net.state_dict()
    found = viz.loss_landscape(net, lambda model: nn.functional.cross_entropy(model(X), y), resolution=5)
    assert found.losses[2, 2] == nn.functional.cross_entropy(net(X), y).item()
    assert found.losses.min() < found.losses.max()
    for name, array in net.state_dict().items():
        np.testing.assert_array_equal(array, before[name])


def test_curves_without_names_are_answered():
    with pytest.raises(
        DTypeError, match=r"plot_curves takes a dict .*\{'SGD': losses\}, but was given \[1\.0, 0\.5\]$"
    ):
        viz.plot_curves([1.0, 0.5])
    with pytest.raises(DTypeError, match=r"plot_bands takes a dict .*\{'SGD': \[losses, losses\]\}, but was given \[1"):
        viz.plot_bands([1.0, 0.5])


@pytest.mark.parametrize("epochs", [1, 2, 3, 30])
def test_epochs_are_whole_numbers_on_the_axis(epochs):
    numbers = np.linspace(1.0, 0.5, epochs)
    for plot in (lambda ax: viz.plot_curves({"a": numbers}, ax=ax), lambda ax: viz.plot_history(numbers, ax=ax)):
        ax = plot(Figure().subplots())
        ax.figure.canvas.draw()
        low, high = ax.get_xlim()
        ticks = [x for x in ax.get_xticks() if low <= x <= high]
        assert ticks
        assert ticks == [round(x) for x in ticks]
    axes = Figure().subplots()
    axes.set_xscale("log")
    assert viz.plot_curves({"a": numbers}, ax=axes).get_xscale() == "log"


def test_random_directions_are_as_long_as_each_neurons_weights():
    net, X, y, _ = _trained()
    seen = []

    def loss(model):
        seen.append(model.state_dict())
        return nn.functional.cross_entropy(model(X), y)

    viz.loss_landscape(net, loss, resolution=3, radius=1.0)
    name = net.named_parameters()[0][0]
    middle, right = seen[4][name], seen[5][name]
    np.testing.assert_allclose(np.linalg.norm(right - middle, axis=0), np.linalg.norm(middle, axis=0), rtol=1e-12)


def test_the_path_of_the_training_ends_at_the_model():
    net, X, y, history = _trained()
    found = viz.loss_landscape(
        net, lambda model: nn.functional.cross_entropy(model(X), y), snapshots=history.snapshots, resolution=3
    )
    assert found.path.shape == (31, 2)
    np.testing.assert_allclose(found.path[-1], 0, atol=1e-9)
    assert np.linalg.norm(found.path[0]) > 0.1


def test_infinite_points_of_a_path_are_left_out():
    path = [(0.0, 0.0), (1.0, 1.0), (np.inf, 0.0), (np.nan, 0.0)]
    ax = viz.plot_trajectories(
        lambda x, y: x**2 + y**2, {"diverges": path}, xlim=(-2, 2), ylim=(-2, 2), ax=Figure().subplots()
    )
    assert len(ax.lines[0].get_xdata()) == 2


def test_shapes_that_do_not_fit_are_refused_in_a_sentence():
    with pytest.raises(ShapeError, match=r"\(n, 2\)"):
        viz.plot_trajectories(lambda x, y: x, {"bad": [1.0, 2.0]}, xlim=(0, 1), ylim=(0, 1), ax=Figure().subplots())
    with pytest.raises(ShapeError, match="2 pictures, 1 labels"):
        viz.plot_samples(np.zeros((2, 3, 3)), ["a"], ["b", "c"])


def test_the_range_of_a_net_that_cannot_learn_has_no_suggestion():
    _, X, _, _ = _trained()
    net = nn.MLP(2, [4, 2], rng=np.random.default_rng(0))
    y = np.random.default_rng(1).integers(2, size=4)
    found = train.lr_range_test(
        net, 0 * X, y[:4], loss=nn.functional.cross_entropy, optimizer=optim.SGD(net.parameters(), lr=1), lr_max=1e-4
    )
    assert np.isnan(found.suggestion)
    ax = viz.plot_lr_range(found, ax=Figure().subplots())
    assert len(ax.lines) == 1


def test_curves_run_from_the_first_epoch_each_to_its_own_end():
    ax = viz.plot_curves(
        {"long": [3.0, 2.0, 1.0], "short": [2.5]}, label="error", unit="step", log=True, ax=Figure().subplots()
    )
    assert [(line.get_label(), line.get_xdata().tolist()) for line in ax.lines] == [("long", [1, 2, 3]), ("short", [1])]
    assert (ax.get_xlabel(), ax.get_ylabel(), ax.get_yscale()) == ("step", "error", "log")


def test_bands_reach_from_the_smallest_run_to_the_largest_around_the_median():
    ax = viz.plot_bands({"SGD": [[3.0, 2.0], [4.0, 1.0], [9.0, 0.5]]}, ax=Figure().subplots())
    assert ax.lines[0].get_ydata().tolist() == [4.0, 1.0]
    heights = ax.collections[0].get_paths()[0].vertices[:, 1]
    assert (heights.min(), heights.max()) == (0.5, 9.0)
    with pytest.raises(ShapeError, match="runs of one length, but those of 'SGD' differ"):
        viz.plot_bands({"SGD": [[3.0, 2.0], [4.0]]}, ax=Figure().subplots())


def test_a_confusion_matrix_is_told_from_predictions():
    logits, y = np.zeros((6, 2)), np.array([0, 1, 1, 0, 1, 0])
    for wrong in ((logits, y), (y, y)):
        with pytest.raises(ShapeError, match=r"needs a square matrix of counts, .*: pass confusion_matrix\("):
            viz.plot_confusion(*wrong)
    with pytest.raises(ShapeError, match="6 labels for 2 classes"):
        viz.plot_confusion(np.eye(2, dtype=int), y)


def test_gradient_norms_are_told_from_a_net():
    for wrong in (nn.MLP(2, [2, 1]), {"0": 0.5}):
        with pytest.raises(ArgumentError, match="plot_gradient_norms needs the norms of each net's layers by name"):
            viz.plot_gradient_norms(wrong)


def shades(figure):
    return [np.asarray(ax.images[0].get_array()) for ax in figure.axes]


@pytest.mark.parametrize("scale", [1 / 16, 1, 16, 1000])
def test_samples_of_any_range_go_from_black_to_white(scale):
    digits = np.array([[[0, 8], [16, 4]], [[0, 0], [4, 0]]]) * scale
    bright, dark = shades(viz.plot_samples(digits, [3, 5]))
    np.testing.assert_allclose(bright, [[0, 0.5], [1, 0.25]])
    np.testing.assert_allclose(dark, [[0, 0], [0.25, 0]])


def test_samples_below_zero_and_bytes_and_colours_keep_their_scale():
    assert shades(viz.plot_samples(np.array([[[-1.0, 0.0], [1.0, 1.0]]]), ["a"]))[0].tolist() == [[0, 0.5], [1, 1]]
    assert shades(viz.plot_samples(np.full((1, 2, 2), 51, np.uint8), ["a"]))[0].tolist() == [[0.2, 0.2]] * 2
    assert shades(viz.plot_samples(np.full((1, 2, 2, 3), 0.5), ["a"]))[0].shape == (2, 2, 3)


def test_samples_without_predictions_have_no_mark():
    figure = viz.plot_samples(np.zeros((2, 8, 8)), np.array([4, 2]))
    assert [ax.get_title() for ax in figure.axes] == ["4", "2"]
    assert not any(spine.get_visible() for ax in figure.axes for spine in ax.spines.values())
    with pytest.raises(ShapeError, match=r"X.reshape\(-1, 8, 8\)"):
        viz.plot_samples(np.zeros((2, 64)), [4, 2])
    with pytest.raises(ShapeError, match="2 pictures, 1 predictions"):
        viz.plot_samples(np.zeros((2, 8, 8)), [4, 2], [4])


def test_a_confusion_matrix_has_a_scale():
    ax = viz.plot_confusion([[9, 1], [2, 8]], ax=Figure().subplots())
    assert [other.get_ylabel() for other in ax.figure.axes[1:]] == ["share of the actual class"]
