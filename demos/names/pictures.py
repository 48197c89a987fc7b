"""The pictures of the lab."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure

import viz
from demos._pictures import drawn
from demos.names.batchnorm import Statistics
from demos.names.letters import ALPHABET
from demos.names.training import EVERY
from viz.plots.style import line

SMOOTHING = 40  # the running mean is over this part of a curve


def bigrams(N: Any) -> Figure:
    """How often each token follows each other one."""
    figure = Figure(figsize=(8, 7.4), dpi=120, layout="constrained")
    ax = figure.subplots()
    shown = ax.imshow(np.log10(N + 1), cmap="Blues")
    letters = ["·", *[*ALPHABET][1:]]
    ax.set(xticks=range(len(letters)), yticks=range(len(letters)), xticklabels=letters, yticklabels=letters)
    ax.set(xlabel="the next letter", ylabel="a letter", title="How often one letter follows another (·: start, end)")
    figure.colorbar(shown, ax=ax, label="log10(count + 1)", fraction=0.04)
    return figure


def losses(curves: Mapping[str, Sequence[float]], bigram: float) -> Figure:
    """The running mean of each model's training loss, and the loss of the counted bigrams."""
    figure = Figure(figsize=(7.2, 4.8), dpi=120, layout="constrained")
    ax = figure.subplots()
    for i, (name, curve) in enumerate(curves.items()):
        width = max(1, len(curve) // SMOOTHING)
        smooth = np.convolve(curve, np.ones(width) / width, mode="valid")
        steps = EVERY * np.arange(width, len(curve) + 1)
        ax.plot(steps, smooth, label=name, **line(i, len(steps)))
    ax.axhline(bigram, color="grey", linestyle=":", label="bigrams, counted")
    ax.set(xscale="log", ylim=(1.7, 3.4), xlabel="step", ylabel="loss, running mean", title="The models")
    ax.grid(alpha=0.2)
    ax.legend(frameon=False)
    return figure


def histograms(kind: str, label: str, found: Mapping[str, Sequence[Any]]) -> Figure:
    """How the numbers of each layer are distributed, one panel per net."""
    figure = Figure(figsize=(4.6 * len(found), 3.6), dpi=120, layout="constrained")
    panels = figure.subplots(1, len(found), squeeze=False)[0]
    for ax, (title, layers) in zip(panels, found.items(), strict=True):
        reach = max(float(np.abs(numbers).max()) for numbers in layers)
        for k, numbers in enumerate(layers):
            density, edges = np.histogram(numbers, bins=60, range=(-reach, reach), density=True)
            style = line(k)
            ax.plot((edges[1:] + edges[:-1]) / 2, density, label=f"layer {k + 1}: σ = {numbers.std():.2g}", **style)
        ax.set(title=title, xlabel=label, ylabel="density")
        ax.locator_params(axis="x", nbins=5)
        ax.legend(frameon=False, fontsize=8)
    figure.suptitle(kind)
    return figure


def ratios(found: Mapping[str, Statistics]) -> Figure:
    """How large the update of each matrix is, compared with the matrix."""
    figure = Figure(figsize=(4.8 * len(found), 3.8), dpi=120, layout="constrained")
    panels = figure.subplots(1, len(found), sharey=True, squeeze=False)[0]
    for ax, (title, statistics) in zip(panels, found.items(), strict=True):
        for k, column in enumerate(statistics.ratios.T):
            ax.plot(column, label=f"matrix {k + 1}", linewidth=0.8, color=line(k)["color"])
        ax.axhline(-3, color="black", linestyle="--", linewidth=1)
        ax.set(title=title, xlabel="step", ylabel="log10(σ of update / σ of weights)")
        ax.legend(frameon=False, fontsize=8, ncols=2)
    figure.suptitle("Update : data. About −3 (dashed) is healthy at a full rate")
    return figure


def net_loss(losses: Sequence[float], counted: float) -> Figure:
    """The losses of the bigram net, which approach that of the counted table."""
    figure = drawn(viz.plot_curves, {"learned": losses}, unit="step", title="The bigram net learns the counts")
    figure.axes[0].axhline(counted, color="grey", linestyle=":", label="counted")
    figure.axes[0].legend(frameon=False)
    return figure
