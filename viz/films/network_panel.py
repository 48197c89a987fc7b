"""A net as neurons in columns, joined by wires as thick as their weights: a panel of the film of a training run."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection

from tinygrad_edu import nn
from tinygrad_edu.support.types import Array
from viz.plots import style

_SHOWN = 16  # neurons of a column
_THICKEST = 4.0  # in points


def weights_of(model: Any) -> list[Array]:
    """The weights of each layer, shape (inputs, outputs), of an `MLP` or a `Sequential`; empty for others."""
    if isinstance(model, nn.scalar.MLP):
        return [np.array([[w.data for w in neuron.w] for neuron in layer.neurons]).T for layer in model.layers]
    if not isinstance(model, nn.MLP | nn.Sequential):
        return []
    found = [layer.weight.data for layer in model.layers if isinstance(layer, nn.Linear)]
    chained = all(before.shape[1] == after.shape[0] for before, after in pairwise(found))
    return found if chained else []


class NetworkPanel:
    """The neurons, which stay, and the wires, which follow the weights. The thickest wire is the weight ``largest``."""

    def __init__(self, ax: Axes, weights: Sequence[Array], largest: float) -> None:
        self.largest = largest or 1.0
        widths = [len(weights[0]), *(table.shape[1] for table in weights)]
        columns = [np.arange(min(n, _SHOWN)) - (min(n, _SHOWN) - 1) / 2 for n in widths]
        lines = [
            [(c, y), (c + 1, other)]
            for c, (left, right) in enumerate(pairwise(columns))
            for y in left
            for other in right
        ]
        self.wires = LineCollection(lines, zorder=1)
        ax.add_collection(self.wires)
        for c, (heights, n) in enumerate(zip(columns, widths, strict=True)):
            look: dict[str, Any] = {"color": ax.get_facecolor(), "edgecolors": style.ink(ax), "zorder": 2}
            ax.scatter(np.full(len(heights), c), heights, s=110, **look)
            if n > _SHOWN:
                ax.text(c, heights[-1] + 0.8, f"and {n - _SHOWN} more", ha="center", color=style.ink(ax), fontsize=8)
        ends = max(len(heights) for heights in columns) / 2 + 0.6
        ax.set(xlim=(-0.3, len(weights) + 0.3), ylim=(-ends, ends), title="weights: solid above 0, dashed below")
        ax.title.set_fontsize(10)
        ax.set_axis_off()
        self.show(weights)

    def show(self, weights: Sequence[Array]) -> None:
        """Show these weights."""
        shown = np.concatenate([table[:_SHOWN, :_SHOWN].reshape(-1) for table in weights])
        shares = np.minimum(np.nan_to_num(np.abs(shown) / self.largest), 1.0)
        self.wires.set_linewidth((_THICKEST * shares).tolist())
        self.wires.set_color([style.COLORS[int(w < 0)] for w in shown])
        self.wires.set_linestyle(["--" if w < 0 else "-" for w in shown])
