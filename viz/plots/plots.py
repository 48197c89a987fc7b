"""Plots of training runs and trained models with matplotlib. Each takes ``ax=`` and returns the Axes.

None calls ``plt.show()``, and none needs a display.
"""

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import BoundaryNorm, ListedColormap, to_rgb, to_rgba

from tinygrad_edu import Tensor, no_grad, vectorize
from tinygrad_edu.errors import ArgumentError, ShapeError
from tinygrad_edu.nn import Module, scalar
from tinygrad_edu.support.arguments import shown
from tinygrad_edu.support.types import Array, ArrayLike
from viz.plots import style

# A less sure answer has a paler colour: from one level to the next, this share of the paper's colour is added.
_LEVELS = (0.0, 0.55, 0.65, 0.75, 0.85, 0.95, 1.0)
_PAPER = (0.85, 0.68, 0.5, 0.33, 0.16, 0.0)

_ROUNDING = 1024  # machine epsilons: a model whose scores differ by no more decides nothing

ACTIVATIONS = ("relu", "leaky_relu", "elu", "sigmoid", "tanh", "softplus", "silu", "gelu")


def plot_history(
    history: Mapping[str, Sequence[float]] | Sequence[float],
    metric: str = "loss",
    *,
    ax: Axes | None = None,
    log: bool = False,
) -> Axes:
    """Plot a metric over the epochs, and that of the validation set if there is one.

    Parameters
    ----------
    history : one number per epoch under each name: ``history["loss"]``, ``history["val_loss"]``, …; or a list of them,
        which then are those of ``metric``.
    metric : which of them; ``"val_" + metric`` is drawn if it is there.
    ax : where to draw; a new figure if not given.
    log : whether the metric's axis is logarithmic.

    Raises
    ------
    ArgumentError : the history has no such metric, or is neither a history nor a list of numbers.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> ax = plot_history({"loss": [0.7, 0.4, 0.3], "val_loss": [0.7, 0.5, 0.5]}, ax=Figure().subplots())
    >>> [line.get_label() for line in ax.lines], ax.get_xlabel()
    (['training', 'validation'], 'epoch')
    """
    if not isinstance(history, Mapping):
        history = {metric: _one_run(history)}
    if metric not in history or not len(history[metric]):
        known = ", ".join(name for name in history if len(history[name])) or "nothing yet"
        raise ArgumentError(f"the history has no {metric!r}: it holds {known}")
    ax = style.axes_or_new(ax)
    names = {"training": metric, "validation": f"val_{metric}"}
    for i, (label, name) in enumerate(names.items()):
        numbers = history.get(name, ())
        if len(numbers):
            ax.plot(_epochs(history, name), numbers, label=label, **style.line(i, len(numbers)))
    style.tidy(ax, x="epoch", y=metric)
    style.count_along_x(ax)
    if log:
        ax.set_yscale("log")
    if len(ax.lines) > 1:
        ax.legend(frameon=False)
    return ax


def _epochs(history: Mapping[str, Sequence[float]], name: str) -> Sequence[int]:
    """The epochs of the numbers: a `History` knows them, a dict of lists counts from 1."""
    known = getattr(history, "epochs_of", None)
    return known(name) if known is not None else range(1, len(history[name]) + 1)


def _one_run(numbers: Any) -> list[float]:
    """A list of numbers, as a hand-written loop collects them."""
    try:
        return [float(x) for x in numbers]
    except (TypeError, ValueError):
        raise ArgumentError(
            "plot_history needs a History, or a list with one number per epoch, but was given "
            f"{type(numbers).__name__}: pass what fit() returns"
        ) from None


def plot_boundary(
    model: Callable[[Any], Any],
    X: ArrayLike,
    y: ArrayLike,
    *,
    ax: Axes | None = None,
    threshold: float = 0.0,
    resolution: int = 200,
) -> Axes:
    """Plot what a classifier of points in the plane answers everywhere, how sure it is, and the points.

    A region is paler where the model is less sure of its answer; the bar beside the plot is the scale. The confidence
    is the probability of the answer: sigmoid(score − threshold) of a single score, softmax of several. Scores that are
    probabilities already are taken as they are: between 0 and 1, and of several classes with sum 1, or of a single
    score with a threshold between 0 and 1.

    Parameters
    ----------
    model : gives for an array of shape (n, 2) one score per row, shape (n,) or (n, 1), or one for each class,
        shape (n, classes). A module with dropout is asked in evaluation mode, a network of `nn.scalar` for each point.
    X, y : the points, shape (n, 2), and the class of each.
    ax : where to draw; a new figure if not given.
    threshold : the single score above which the answer is the second class: 0 for a logit, 0.5 for a probability.
    resolution : points along each side of the grid that the model is asked at.

    Raises
    ------
    ShapeError : ``X`` is not a set of points in the plane, ``y`` not a class for each, or the model's answer neither
        a score nor scores.
    ArgumentError : the model cannot be called.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> X, y = np.array([[0.0, 0.0], [1.0, 1.0]]), np.array([0, 1])
    >>> ax = plot_boundary(lambda points: points.sum(axis=1) - 1, X, y, ax=Figure().subplots())
    >>> [text.get_text() for text in ax.get_legend().get_texts()]
    ['class 0', 'class 1']
    """
    X, y = np.asarray(X), np.asarray(y).reshape(-1)
    if not callable(model):
        raise ArgumentError(
            f"plot_boundary(model, X, y) takes a model or a function of points first, but was given {shown(model)}"
        )
    if X.ndim != 2 or X.shape[1] != 2:
        raise ShapeError(
            f"plot_boundary draws points in the plane, X of shape (n, 2), but was given shape {X.shape}: choose two "
            "columns of X"
        )
    if len(X) != len(y):
        raise ShapeError(
            f"plot_boundary needs a class for each point, but was given {len(X)} points and {len(y)} classes: pass the "
            "y that belongs to X"
        )
    if X.dtype.kind not in "fiub" or not np.isfinite(X).all():
        raise ArgumentError("plot_boundary draws points whose numbers are finite: leave out those with nan or infinity")
    if y.dtype.kind == "f" and not np.isfinite(y).all():
        raise ArgumentError(
            "plot_boundary needs a class for each point: leave out those whose class is nan or infinite"
        )
    ax = style.axes_or_new(ax)
    labels = np.unique(y)
    horizontal, vertical = (_span(X[:, k], resolution) for k in (0, 1))
    painted = paint_regions(ax, model, horizontal, vertical, threshold)
    if not painted:
        ax.text(
            0.5, 0.5, "no class wins anywhere", transform=ax.transAxes, ha="center", va="center", color=style.ink(ax)
        )
    for k, label in enumerate(labels):
        k %= len(style.COLORS)
        name = f"class {label:g}" if y.dtype.kind in "fiub" else str(label)
        look: dict[str, Any] = {"color": style.COLORS[k], "marker": style.MARKERS[k], "edgecolors": ax.get_facecolor()}
        points = X[y == label]
        ax.scatter(points[:, 0], points[:, 1], s=28, label=name, linewidths=0.6, **look)
    if painted:
        _confidence_bar(ax)
    style.tidy(ax, x="x₁", y="x₂", grid=False)
    ax.set(xlim=horizontal[[0, -1]], ylim=vertical[[0, -1]])
    borders = [path.vertices for area in painted if not area.filled for path in area.get_paths() if len(path)]
    ax.legend(framealpha=0.9, loc=_clear_place(ax, np.concatenate([X, *borders])))
    return ax


# The places of a legend, the best first: how far to the right, and how far up.
_PLACES = {
    "upper right": (1.0, 1.0),
    "upper left": (0.0, 1.0),
    "lower left": (0.0, 0.0),
    "lower right": (1.0, 0.0),
    "center right": (1.0, 0.5),
    "center left": (0.0, 0.5),
    "upper center": (0.5, 1.0),
    "lower center": (0.5, 0.0),
    "center": (0.5, 0.5),
}
_LEGEND = np.array([0.3, 0.2])  # its size, as a share of the axes


def _clear_place(ax: Axes, points: Array) -> Any:
    """Where a legend covers the fewest of the points; matplotlib's "best" does not see contours."""
    at = ax.transAxes.inverted().transform(ax.transData.transform(points))

    def covered(place: str) -> int:
        low = np.array(_PLACES[place]) * (1 - _LEGEND)
        return int(((at >= low) & (at <= low + _LEGEND)).all(axis=1).sum())

    return min(_PLACES, key=covered)


def plot_activations(
    names: Sequence[str] = ACTIVATIONS, *, ax: Axes | Sequence[Axes] | None = None, low: float = -4.0, high: float = 4.0
) -> Any:
    """Plot activation functions, each with its derivative as the engine computes it.

    Parameters
    ----------
    names : methods of `Tensor`.
    ax : where to draw: one Axes for each name. A new figure with a panel for each if not given.
    low, high : ends of the x axis.

    Returns
    -------
    The Axes: one if there is one name, else an array of them.

    Raises
    ------
    ArgumentError : a name that is no operation of a Tensor, or not as many Axes as names.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> ax = plot_activations(["tanh"], ax=Figure().subplots())
    >>> ax.get_title(), [text.get_text() for text in ax.get_legend().get_texts()]
    ('tanh', ['y', 'dy/dx'])
    """
    names = [names] if isinstance(names, str) else list(names)
    panels = _panels(len(names)) if ax is None else np.asarray(ax, dtype=object).reshape(-1)
    if len(panels) != len(names):
        raise ArgumentError(f"plot_activations needs one Axes for each name: {len(names)} names, {len(panels)} Axes")
    points = np.linspace(low, high, 400)  # even, so that no point is on the kink at 0
    for panel, name in zip(panels, names, strict=True):
        y, slope = _activation(name, points)
        panel.axhline(0, color=style.GRID, linewidth=1)
        panel.axvline(0, color=style.GRID, linewidth=1)
        for i, (label, numbers) in enumerate({"y": y, "dy/dx": slope}.items()):
            panel.plot(points, numbers, label=label, **style.line(i))
        style.tidy(panel, title=name, grid=False)
    panels[0].legend(frameon=False, loc="upper left")
    return panels if len(panels) > 1 else panels[0]


def scores_of(model: Callable[[Any], Any], points: Array) -> Array:
    """The model's answers: shape (n,) for one score per point, or (n, classes)."""
    with evaluating(model), no_grad():
        result = _by_rows(model, points) if isinstance(model, scalar.MLP | scalar.Layer) else model(points)
    scores: Array = result.numpy() if isinstance(result, Tensor) else np.asarray(result, dtype=float)
    if scores.shape in ((len(points),), (len(points), 1)):
        return scores.reshape(-1)
    if scores.ndim == 2 and len(scores) == len(points):
        return scores
    raise ShapeError(
        f"for points of shape {points.shape} the model gave shape {scores.shape}: it should give one score per row, or "
        "one for each class"
    )


def margins(scores: Array, threshold: float = 0.0) -> Array:
    """By how much each class wins at each point, shape (n, classes): above 0 where it is the answer."""
    if scores.ndim == 1:
        margin = scores - threshold
        return np.stack([-margin, margin], axis=1)
    first, second = -np.sort(-scores, axis=1)[:, :2].T
    rival: Array = np.where(scores == first[:, None], second[:, None], first[:, None])
    margin = np.subtract(scores, rival)
    is_noise = np.abs(margin).max() <= _ROUNDING * np.finfo(margin.dtype).eps * np.abs(scores).max()
    return np.zeros_like(margin) if is_noise else margin


def confidence(scores: Array, threshold: float = 0.0) -> Array:
    """The probability of the answer at each point, shape (n,); `plot_boundary` says how it follows from the scores.

    Examples
    --------
    >>> confidence(np.array([0.0, -2.0])).round(3).tolist()
    [0.5, 0.881]
    >>> confidence(np.array([[0.1, 0.7, 0.2]])).tolist()
    [0.7]
    """
    known = scores[np.isfinite(scores)]
    are_shares = bool(known.size) and known.min() >= 0 and known.max() <= 1
    if scores.ndim == 1:
        if are_shares and 0 < threshold < 1:
            return np.where(scores > threshold, scores, 1 - scores)
        return np.asarray(1 / (1 + np.exp(-np.abs(scores - threshold))))
    if are_shares and np.allclose(np.nansum(scores, axis=1), 1):
        return np.asarray(scores.max(axis=1))
    return np.asarray(1 / np.exp(scores - scores.max(axis=1, keepdims=True)).sum(axis=1))


def _by_rows(net: scalar.MLP | scalar.Layer, points: Array) -> Array:
    """The answers of a network that is called on one row, to all rows at once."""
    first = net(points[0])

    def column(k: int) -> Tensor:
        return vectorize(lambda x, y: net([x, y])[k] if isinstance(first, list) else net([x, y]))(*points.T)

    return np.stack([column(k).numpy() for k in range(len(first) if isinstance(first, list) else 1)], axis=1)


@contextlib.contextmanager
def evaluating(model: Any) -> Iterator[None]:
    """Within it, every part of the model is in evaluation mode; afterwards, each in its own again."""
    parts = [part for _, part in model.named_modules()] if isinstance(model, Module) else []
    modes = [part.training for part in parts]
    try:
        for part in parts:
            part.training = False
        yield
    finally:
        for part, mode in zip(parts, modes, strict=True):
            part.training = mode


def paint_regions(
    ax: Axes, model: Callable[[Any], Any], horizontal: Array, vertical: Array, threshold: float = 0.0
) -> list[Any]:
    """Fill the region of each class, paler where the model is less sure, with a line where the answer changes.

    The model is asked at a grid of points.
    """
    grid = np.stack(np.meshgrid(horizontal, vertical), axis=-1)
    scores = scores_of(model, grid.reshape(-1, 2))
    margin = margins(scores, threshold).reshape(*grid.shape[:2], -1)
    painted: list[Any] = []
    for k in range(margin.shape[-1]):
        field = np.ma.masked_invalid(margin[..., k])  # a net that diverged answers nan
        if field.count() and field.max() > 0:
            area = style.AREAS[k % len(style.AREAS)]
            painted.append(ax.contourf(horizontal, vertical, field, levels=[0, field.max()], colors=[area], zorder=0))
            if field.min() < 0:
                line = ax.contour(
                    horizontal, vertical, field, levels=[0], colors=[style.ink(ax)], linewidths=1.2, zorder=1
                )
                painted.append(line)
    if painted:
        sure = np.ma.masked_invalid(confidence(scores, threshold).reshape(grid.shape[:2]))
        paper = [to_rgba(ax.get_facecolor(), share) for share in _PAPER]
        # Above the areas, below the line.
        painted.append(ax.contourf(horizontal, vertical, sure, levels=_LEVELS, colors=paper, zorder=0.5))
    return painted


def _confidence_bar(ax: Axes) -> None:
    """The scale of the confidence, on grey, because each class has its own colour."""
    paper = np.array(to_rgb(ax.get_facecolor()))
    colors = ListedColormap([share * paper + (1 - share) * 0.5 for share in _PAPER])
    scale = ScalarMappable(BoundaryNorm((0.45, *_LEVELS[1:]), len(_PAPER)), colors)
    bar = ax.figure.colorbar(scale, ax=ax, fraction=0.046, pad=0.03)
    bar.set_ticks(_LEVELS[1:-1], labels=[f"{level:.0%}" for level in _LEVELS[1:-1]])
    bar.set_label("confidence of the answer")


def _span(column: Array, resolution: int) -> Array:
    low, high = float(column.min()), float(column.max())
    margin = 0.1 * (high - low) or 1.0
    return np.linspace(low - margin, high + margin, resolution)


def _activation(name: str, points: Array) -> tuple[Array, Array]:
    x = Tensor(points)
    method = getattr(x, name, None)
    if not callable(method):
        raise ArgumentError(f"there is no activation {name!r}: choose among {', '.join(ACTIVATIONS)}")
    y = method()
    y.sum().backward()
    return y.data, x.grad


def _panels(count: int) -> Any:
    import matplotlib.pyplot as plt

    columns = min(count, 4)
    rows = -(-count // columns)
    size = (3.0 * columns, 2.6 * rows)
    panels = plt.subplots(rows, columns, figsize=size, squeeze=False, sharex=True, layout="constrained")[1].reshape(-1)
    for unused in panels[count:]:
        unused.remove()
    return panels[:count]
