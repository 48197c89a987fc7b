"""Where an optimizer walks: paths on the contours of a function of two numbers, and slices through a net's loss."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes

from tinygrad_edu.errors import ArgumentError, ShapeError
from tinygrad_edu.graph.modes import no_grad
from tinygrad_edu.support.arguments import as_number
from tinygrad_edu.support.types import Array, ArrayLike
from viz.plots import style


def plot_trajectories(
    f: Callable[[Array, Array], Array],
    paths: Mapping[str, ArrayLike],
    *,
    xlim: tuple[float, float],
    ylim: tuple[float, float],
    minimum: tuple[float, float] | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Plot the walks of optimizers on the contours of ``f(x, y)``, which are spaced by its logarithm.

    Parameters
    ----------
    f : function of two arrays of one shape, with values that are not negative.
    paths : for each name the points of a walk, shape (n, 2); points that are not finite are left out.
    xlim, ylim : the part of the plane to show.
    minimum : a point to mark.
    ax : where to draw; a new figure if not given.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> ax = plot_trajectories(lambda x, y: x**2 + y**2, {"descent": [[2, 1], [1, 0.5]]}, xlim=(-3, 3), ylim=(-3, 3),
    ...                        ax=Figure().subplots())
    >>> ax.get_legend().get_texts()[0].get_text()
    'descent'
    """
    ax = style.axes_or_new(ax)
    x, y = np.meshgrid(np.linspace(*xlim, 241), np.linspace(*ylim, 241))
    with np.errstate(all="ignore"):
        heights = np.log10(np.maximum(f(x, y), 1e-12))
    filled = ax.contourf(x, y, heights, levels=14, cmap="Greys", alpha=0.55)
    ax.figure.colorbar(filled, ax=ax, label="log₁₀ f(x, y)", fraction=0.046)
    ax.contour(x, y, heights, levels=14, colors="white", linewidths=0.6)
    for i, (name, path) in enumerate(paths.items()):
        points = np.asarray(path, dtype=float)
        if points.ndim != 2 or points.shape[1] != 2:
            raise ShapeError(f"a path has the shape (n, 2), but that of {name!r} has {points.shape}")
        points = points[np.isfinite(points).all(axis=1)]
        ax.plot(points[:, 0], points[:, 1], label=name, **style.line(i, len(points)))
    if minimum is not None:
        ax.plot(*minimum, marker="*", markersize=15, color=style.INK, linestyle="", label="minimum")
    style.tidy(ax, x="x", y="y", grid=False)
    ax.set(xlim=xlim, ylim=ylim)
    ax.legend(framealpha=0.9)
    return ax


def plot_log_error(
    errors: Mapping[str, Sequence[float]], *, every: int = 1, label: str = "error", ax: Axes | None = None
) -> Axes:
    """Plot how errors fall, on logarithmic axes for both the error and the step.

    Parameters
    ----------
    errors : for each name the errors of a run, at every ``every``-th step.
    label : of the vertical axis.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> plot_log_error({"descent": [1.0, 0.1, 0.01]}, ax=Figure().subplots()).get_yscale()
    'log'
    """
    ax = style.axes_or_new(ax)
    for i, (name, column) in enumerate(errors.items()):
        values = np.asarray(column, dtype=float)
        steps = np.arange(len(values)) * every + 1
        shown = np.isfinite(values) & (values > 0)
        ax.plot(steps[shown], values[shown], label=name, **style.line(i, int(shown.sum())))
    style.tidy(ax, x="step", y=label)
    ax.set(xscale="log", yscale="log")
    ax.legend(frameon=False)
    return ax


@dataclass(frozen=True)
class Landscape:
    """A slice of a loss surface.

    Attributes
    ----------
    a, b : (n,) distances along the two directions; (0, 0) is the model as it is.
    losses : (n, n), ``losses[j, i]`` at ``a[i]``, ``b[j]``.
    path : (k, 2) the snapshots of the training, projected on the slice.
    """

    a: Array
    b: Array
    losses: Array
    path: Array


def loss_landscape(
    model: Any,
    loss: Callable[[Any], Any],
    *,
    snapshots: Sequence[tuple[int, Mapping[str, Array]]] = (),
    radius: float = 1.0,
    resolution: int = 25,
    rng: np.random.Generator | int | None = 0,
) -> Landscape:
    """Compute ``loss(model)`` on a plane through its weights. Biases are not moved, and the model is not changed.

    Without snapshots the plane's directions are normal noise. The noise of every neuron is scaled to the norm of the
    neuron's weights ("filter normalisation"), so that nets of different scale can be compared. With snapshots they are
    the two along which the training moved most, because random directions hardly show the path. Both methods are from
    Li et al., 2018, "Visualizing the loss landscape of neural nets".

    Parameters
    ----------
    model : a Module.
    loss : ``loss(model)`` gives one number.
    snapshots : ``history.snapshots``; their path is projected on the plane, which is made large enough for it.
    radius : how far to go, in units of the norm of the weights.
    resolution : points along each direction.

    Examples
    --------
    >>> from tinygrad_edu import nn
    >>> net = nn.Linear(2, 1, rng=np.random.default_rng(0))
    >>> X = np.ones((4, 2))
    >>> loss_landscape(net, lambda m: (m(X) ** 2).mean(), resolution=5).losses.shape
    (5, 5)
    """
    if resolution < 3 or radius <= 0:
        raise ArgumentError(
            f"loss_landscape needs radius > 0 and resolution >= 3, but was given {radius} and {resolution}"
        )
    rng = np.random.default_rng(rng)
    here = model.state_dict()
    weights = [name for name, p in model.named_parameters() if p.ndim > 1]
    moves = [{name: state[name] - here[name] for name in weights} for _, state in snapshots]
    first, second = _principal(moves, here) if len(moves) > 2 else (_noise(here, weights, rng) for _ in range(2))
    path = _projected(moves, first, second)
    reach = np.maximum(radius, 1.15 * np.abs(path).max(axis=0, initial=0.0))
    a, b = (np.linspace(-r, r, resolution) for r in reach)
    losses = np.empty((resolution, resolution))
    try:
        with no_grad(), np.errstate(all="ignore"):
            for j, i in np.ndindex(losses.shape):
                moved = {name: here[name] + a[i] * first[name] + b[j] * second[name] for name in weights}
                model.load_state_dict(here | moved)
                losses[j, i] = as_number(loss(model))
    finally:
        model.load_state_dict(here)
    return Landscape(a, b, losses, path)


def _noise(here: Mapping[str, Array], weights: Sequence[str], rng: np.random.Generator) -> dict[str, Array]:
    """Normal noise, each neuron's scaled to the norm of its own weights."""
    direction = {}
    for name in weights:
        noise = rng.standard_normal(here[name].shape)
        scale = np.linalg.norm(here[name], axis=0, keepdims=True) / np.linalg.norm(noise, axis=0, keepdims=True)
        direction[name] = np.asarray(noise * scale, dtype=here[name].dtype)
    return direction


def _flat(direction: Mapping[str, Array]) -> Array:
    return np.concatenate([part.reshape(-1) for part in direction.values()])


def _principal(moves: Sequence[Mapping[str, Array]], here: Mapping[str, Array]) -> list[dict[str, Array]]:
    """The two directions along which the moves differ most, as long as the weights are."""
    length = np.linalg.norm(_flat({name: here[name] for name in moves[0]}))
    _, _, components = np.linalg.svd(np.stack([_flat(move) for move in moves]), full_matrices=False)
    ends = np.cumsum([part.size for part in moves[0].values()])
    return [
        {
            name: chunk.reshape(part.shape).astype(part.dtype)
            for (name, part), chunk in zip(moves[0].items(), np.split(component * length, ends[:-1]), strict=True)
        }
        for component in components[:2]
    ]


def _projected(moves: Sequence[Mapping[str, Array]], first: Mapping[str, Array], second: Mapping[str, Array]) -> Array:
    """The coordinates on the plane that come nearest to each move."""
    if not moves:
        return np.empty((0, 2))
    plane = np.stack([_flat(first), _flat(second)], axis=1)
    away = np.stack([_flat(move) for move in moves], axis=1)
    return np.asarray(np.linalg.lstsq(plane, away, rcond=None)[0]).T


def plot_landscape(landscape: Landscape, *, ax: Axes | None = None) -> Axes:
    """Plot the contours of a `loss_landscape`, the model in the middle, and the path of its training.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> a = np.linspace(-1, 1, 5)
    >>> bowl = Landscape(a, a, a[:, None] ** 2 + a**2, np.empty((0, 2)))
    >>> plot_landscape(bowl, ax=Figure().subplots()).get_xlabel()
    'first direction'
    """
    ax = style.axes_or_new(ax)
    shown = np.where(np.isfinite(landscape.losses), landscape.losses, np.nanmax(landscape.losses))
    filled = ax.contourf(landscape.a, landscape.b, shown, levels=20, cmap="viridis")
    ax.contour(landscape.a, landscape.b, shown, levels=20, colors="white", linewidths=0.4)
    ax.figure.colorbar(filled, ax=ax, label="loss")
    if len(landscape.path):
        ax.plot(*landscape.path.T, color="white", linewidth=2.6)
        ax.plot(*landscape.path.T, color=style.COLORS[1], linewidth=1.4, marker=".", label="training, projected")
        ax.legend(framealpha=0.9)
    ax.plot(0, 0, marker="*", markersize=14, color="white", markeredgecolor=style.INK)
    style.tidy(ax, x="first direction", y="second direction", grid=False)
    return ax
