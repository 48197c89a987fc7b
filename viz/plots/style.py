"""How a plot looks: colours that the colour-blind tell apart, and never colour alone.

The colours are those of Okabe and Ito, *Color Universal Design* (2008). Each comes with its own dash and marker, and
areas with their own lightness, so that a print in grey says the same.
"""

import io
from contextlib import AbstractContextManager
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from viz.pictures.palette import THEMES

COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00", "#000000")
DASHES = ("-", "--", "-.", ":", (0, (5, 1)), (0, (3, 1, 1, 1, 1, 1)), (0, (1, 1)))
MARKERS = ("o", "^", "s", "D", "v", "P", "X")
# Light to dark: a region's class shows without its colour.
AREAS = ("#CFE4F4", "#F4C49A", "#9FCEBA", "#C595B4", "#7A9FB8", "#A88A42", "#7C7C7C")
INK = "#222222"
GRID = "#DDDDDD"


def line(i: int, points: int = 0) -> dict[str, Any]:
    """Keywords of ``Axes.plot`` for the ``i``-th line: colour, dash and marker, some eight markers along ``points``."""
    k = i % len(COLORS)
    style: dict[str, Any] = {"color": COLORS[k], "linestyle": DASHES[k], "linewidth": 1.8}
    if points:
        step = max(1, points // 8)
        style |= {"marker": MARKERS[k], "markersize": 5, "markevery": (step * i // 3 % step, step)}
    return style


def themed(theme: str) -> AbstractContextManager[None]:
    """Within it, new figures are ``"light"`` or ``"dark"``."""
    look = THEMES[theme]
    ink = INK if theme == "light" else look.ink
    colors: dict[Any, Any] = dict.fromkeys(("figure.facecolor", "axes.facecolor", "legend.facecolor"), look.paper)
    colors |= dict.fromkeys(("text.color", "axes.edgecolor", "axes.labelcolor", "xtick.color", "ytick.color"), ink)
    return mpl.rc_context(colors)


def ink(ax: Axes) -> Any:
    """The colour in which the Axes writes."""
    return ax.xaxis.label.get_color()


class Sheet(Figure):
    """A figure of several panels, which a notebook shows when it is the last value of a cell."""

    def _repr_png_(self) -> bytes:
        picture = io.BytesIO()
        self.savefig(picture, format="png")
        return picture.getvalue()


def axes_or_new(ax: Axes | None) -> Axes:
    """``ax``, or the Axes of a new pyplot figure, which `plt.show` then shows."""
    if ax is not None:
        return ax
    import matplotlib.pyplot as plt  # chooses a backend, so only when it is needed

    return plt.subplots(layout="constrained")[1]


def count_along_x(ax: Axes) -> None:
    """Put the ticks of the horizontal axis at whole numbers: there is no epoch 1.5."""
    locator = ax.xaxis.get_major_locator()
    if isinstance(locator, MaxNLocator):  # not on a logarithmic axis
        locator.set_params(integer=True, min_n_ticks=1)


def tidy(ax: Axes, *, title: str = "", x: str = "", y: str = "", grid: bool = True) -> None:
    """Label the axes and remove lines that show no numbers."""
    ax.set(title=title, xlabel=x, ylabel=y)
    ax.spines[["top", "right"]].set_visible(False)
    ax.set_axisbelow(True)
    if grid:
        ax.grid(color=ink(ax), alpha=0.15, linewidth=0.8)
