"""Training runs as an animation, epoch by epoch: the decision boundary and the loss."""

from collections.abc import Mapping, Sequence
from itertools import cycle
from pathlib import Path
from typing import Any, Literal

import numpy as np
from matplotlib.axes import Axes
from matplotlib.contour import ContourSet
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from tinygrad_edu.errors import ArgumentError
from viz.films.film import DENSITY, Film, Frame, check, photographed, write_film
from viz.films.network_panel import NetworkPanel, weights_of
from viz.plots import style
from viz.plots.plots import paint_regions, plot_boundary, plot_history
from viz.plots.training_plots import plot_curves

MOST_EPOCHS = 60


def animate_training(
    history: Any,
    path: str | Path,
    *,
    said: Sequence[str] = ("loss",),
    fps: float = 10.0,
    theme: Literal["light", "dark"] = "light",
) -> Film:
    """Write a training run, or several side by side, as an animation: the decision boundary, the net, the loss so far.

    The net is shown for an `nn.MLP`, an `nn.Sequential` and an `nn.scalar.MLP`: its neurons, and wires as thick as the
    weights.

    Parameters
    ----------
    history : of the run of a classifier of points in the plane. It has ``history["loss"]``, one number per epoch;
        ``model``; ``X`` and ``y``, the points and their classes; and ``snapshots``, pairs of an epoch and the model's
        ``state_dict()`` after it. The model is not changed. For several runs, the histories by name: ``{"SGD": …,
        "Adam": …}``; they are shown side by side, epoch by epoch.
    path : ends in ``.gif``, ``.mp4`` (needs ffmpeg, or the extra ``video``) or ``.html`` (a page with a slider and
        a choice of speed).
    said : which of the history's numbers are written above the picture.
    fps : pictures a second. At most `MOST_EPOCHS` snapshots are shown, evenly spread.
    theme : ``"light"`` or ``"dark"``.

    Returns
    -------
    Film : shows itself in a notebook.

    Raises
    ------
    ArgumentError : another suffix or theme, or a history without snapshots, or without one of the numbers ``said``.
    ShapeError : the data are not points in the plane.
    FileError : the file cannot be written.
    """
    file = check(path, fps, theme)
    several = isinstance(history, Mapping) and not hasattr(history, "snapshots")
    histories: Mapping[str, Any] = history if several else {"": history}
    for one in histories.values():
        _check(one, said)
    if not histories:
        raise ArgumentError("animate_training needs at least one history, but was given none")
    kept = [(one.model, one.model.state_dict()) for one in histories.values()]
    epochs = sorted({epoch for one in histories.values() for epoch, _ in one.snapshots})
    try:
        with style.themed(theme):
            picture = _Picture(histories, said)
            frames = [picture.frame(epoch) for epoch in _spread(epochs, MOST_EPOCHS)]
    finally:
        for model, state in kept:
            model.load_state_dict(state)
    return write_film(frames, file, title="Training", fps=fps, theme=theme)


def _check(history: Any, said: Sequence[str]) -> None:
    if not getattr(history, "snapshots", None):
        raise ArgumentError(
            "animate_training needs a history with snapshots of the model, but this one has none: train with "
            "fit(..., callbacks=[Snapshots()])"
        )
    for name in ("loss", *said):
        if name not in history:
            raise ArgumentError(f"the history has no {name!r} to be shown: it holds {', '.join(history)}")


class _Picture:
    """A panel for each run, and one for the losses of all."""

    def __init__(self, histories: Mapping[str, Any], said: Sequence[str]) -> None:
        nets = [history for history in histories.values() if weights_of(history.model)]
        count = len(histories)
        # The net of one run is next to its boundary, the nets of several runs are below theirs.
        columns, rows = (count + 1 + bool(nets), 1) if count == 1 else (count + 1, 1 + bool(nets))
        size = (4.5 * columns, 4.2 * rows)
        self.figure = Figure(figsize=size, dpi=100 * DENSITY, layout="constrained")
        axes = self.figure.subplots(rows, columns, squeeze=False)
        boundaries, below, curves = axes[0, :count], axes[-1, :count] if rows > 1 else axes[0, count:-1], axes[0, -1]
        for ax in axes[1:].reshape(-1):
            ax.set_axis_off()
        if len(histories) == 1:
            plot_history(*histories.values(), ax=curves)
        else:
            plot_curves({name: history["loss"] for name, history in histories.items()}, ax=curves)
        look: dict[str, Any] = {"marker": "o", "markersize": 9, "markeredgecolor": style.ink(curves), "zorder": 5}
        self.panels: list[_Panel] = []
        for (name, history), ax, color in zip(histories.items(), boundaries, cycle(style.COLORS), strict=False):
            dot = curves.plot([], [], color=color, **look)[0]
            self.panels.append(_Panel(name, history, said, ax, dot))
        for panel, ax in zip(self.panels, below, strict=False):
            panel.add_network(ax)
        photographed(self.figure, "")
        self.figure.set_layout_engine("none")  # once is enough, and it takes longer than the rest

    def frame(self, epoch: int) -> Frame:
        """The picture of an epoch."""
        captions = [panel.show(epoch) for panel in self.panels]
        return photographed(self.figure, "; ".join(captions))


class _Panel:
    """One run: the points, and what changes from epoch to epoch: the regions, the title, and a dot on the loss."""

    def __init__(self, name: str, history: Any, said: Sequence[str], ax: Axes, dot: Line2D) -> None:
        self.name, self.history, self.said, self.ax, self.dot = name, history, said, ax, dot
        self.network: NetworkPanel | None = None
        plot_boundary(history.model, history.X, history.y, ax=ax, resolution=2)
        ax.set_title(f"{name}\nepoch" if name else "epoch")
        self.horizontal, self.vertical = (np.linspace(low, high, 100) for low, high in (ax.get_xlim(), ax.get_ylim()))
        self.regions = [c for c in ax.collections if isinstance(c, ContourSet)]

    def add_network(self, ax: Axes) -> None:
        """Show the net on these Axes too, if its weights are known."""
        model = self.history.model
        tables = []
        for _, state in self.history.snapshots:
            model.load_state_dict(state)
            tables += [table.copy() for table in weights_of(model)]
        if tables:
            sizes = np.concatenate([np.abs(table).reshape(-1) for table in tables])
            self.network = NetworkPanel(ax, weights_of(model), float(sizes[np.isfinite(sizes)].max(initial=0.0)))

    def show(self, epoch: int) -> str:
        """Show the model as it was at the epoch, or at the last kept one before it; the caption."""
        known = [snapshot for snapshot in self.history.snapshots if snapshot[0] <= epoch]
        epoch, state = known[-1] if known else self.history.snapshots[0]
        self.history.model.load_state_dict(state)
        if self.network:
            self.network.show(weights_of(self.history.model))
        for region in self.regions:
            region.remove()
        self.regions = paint_regions(self.ax, self.history.model, self.horizontal, self.vertical)
        caption = "before training"
        if epoch:
            numbers = [f"{name} {self.history[name][epoch - 1]:#.4g}" for name in self.said]
            self.dot.set_data([epoch], [self.history["loss"][epoch - 1]])
            caption = f"epoch {epoch}: {', '.join(numbers)}"
        self.ax.set_title(f"{self.name}\n{caption}" if self.name else caption)
        return f"{self.name}, {caption}" if self.name else caption


def _spread(items: Sequence[int], most: int) -> list[int]:
    """At most so many of the items, evenly spread, with the first and the last."""
    if len(items) <= most:
        return list(items)
    return [items[round(k * (len(items) - 1) / (most - 1))] for k in range(most)]
