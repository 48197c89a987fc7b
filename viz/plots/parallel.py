"""A sweep as parallel coordinates: an axis for each choice, a line for each run, coloured by what it reached."""

import math
from collections.abc import Sequence
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize

from tinygrad_edu.errors import ArgumentError
from tinygrad_edu.train import Results
from tinygrad_edu.train.sweeps.results import words
from viz.plots import style

_SPREAD = 0.06  # how far runs of the same choice are drawn apart, as a part of the axis


def plot_parallel(results: Results, label: str = "val_accuracy", *, ax: Axes | None = None) -> Axes:
    """Plot each run of a sweep as a line over its choices, to the last ``label`` that it reached.

    Each choice has a vertical axis, with its values from the smallest to the largest, evenly spaced. Lines are light to
    dark by the number on the last axis, so that a print in grey says the same.

    Parameters
    ----------
    results : of `train.sweep`. Runs that failed are left out.
    label : which of their numbers is on the last axis.

    Raises
    ------
    ArgumentError : no run has such a number.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> from tinygrad_edu.train import Results, SweptRun
    >>> runs = [SweptRun({"lr": lr, "hidden": 8}, 0, {"loss": [loss]}) for lr, loss in ((0.1, 1.0), (1.0, 0.5))]
    >>> ax = plot_parallel(Results(runs), "loss", ax=Figure().subplots())
    >>> [tick.get_text() for tick in ax.get_xticklabels()]
    ['lr', 'hidden', 'loss']
    """
    shown = [run for run in results if not math.isnan(run.last(label))]
    if not shown:
        raise ArgumentError(f"no run has a {label!r} to be plotted: there are {', '.join(results.names()) or 'none'}")
    ax = style.axes_or_new(ax)
    names = list(dict.fromkeys(name for run in shown for name in run.setting))
    columns = [_places([run.setting.get(name) for run in shown]) for name in names]
    reached = np.array([run.last(label) for run in shown])
    low, high = float(reached.min()), float(reached.max())
    scale = Normalize(low, high if high > low else low + 1)
    colors = mpl.colormaps["cividis_r"]
    nudge = np.linspace(-_SPREAD / 2, _SPREAD / 2, len(shown)) if len(shown) > 1 else np.zeros(1)
    heights = [np.array([ticks[text] for text in texts]) + nudge for ticks, texts in columns]
    rows = np.array([*heights, scale(reached)]).T
    for height, number in sorted(zip(rows.tolist(), reached.tolist(), strict=True), key=lambda pair: pair[1]):
        ax.plot(range(len(names) + 1), height, color=colors(scale(number)), linewidth=1.5, alpha=0.85)
    for k, (ticks, _) in enumerate(columns):
        _axis(ax, k, ticks)
    _axis(ax, len(names), {f"{number:.4g}": float(scale(number)) for number in np.linspace(low, high, 5)})
    style.tidy(ax, grid=False)
    ax.spines[:].set_visible(False)
    ax.set(yticks=[], xlim=(-0.3, len(names) + 0.5), ylim=(-0.1, 1.1))
    ax.set_xticks(range(len(names) + 1), [*names, label])
    ax.figure.colorbar(ScalarMappable(scale, colors), ax=ax, label=label)
    return ax


def _places(values: Sequence[Any]) -> tuple[dict[str, float], list[str]]:
    """The place of each value on its axis, from 0 to 1, and the text of each run's value."""
    texts = [words({"": value})[1:] for value in values]
    pairs = dict(zip(texts, values, strict=True))
    plain = all(isinstance(value, int | float) for value in values)
    order = sorted(pairs, key=lambda text: pairs[text]) if plain else list(pairs)
    places = np.linspace(0, 1, len(order)).tolist() if len(order) > 1 else [0.5]
    return dict(zip(order, places, strict=True)), texts


def _axis(ax: Axes, k: int, ticks: dict[str, float]) -> None:
    ax.axvline(k, color=style.INK, linewidth=1)
    box = {"facecolor": "white", "edgecolor": "none", "alpha": 0.8, "pad": 1}
    for text, height in ticks.items():
        ax.annotate(text, (k, height), (4, 0), textcoords="offset points", va="center", fontsize=8, bbox=box, zorder=5)
