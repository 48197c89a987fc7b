"""Plots of what a training run did: bands over seeds, confusion, samples, gradients and activations layer by layer."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from tinygrad_edu.errors import ArgumentError, DTypeError, ShapeError
from tinygrad_edu.graph.modes import no_grad
from tinygrad_edu.support.arguments import shown
from tinygrad_edu.support.types import Array, ArrayLike
from tinygrad_edu.train import Results
from viz.plots import style
from viz.plots.plots import evaluating


def _refuse_without_names(takes: str, given: Any) -> None:
    if not isinstance(given, Mapping):
        raise DTypeError(f"{takes}, but was given {shown(given)}")


def plot_curves(
    curves: Mapping[str, Sequence[float]],
    *,
    label: str = "loss",
    unit: str = "epoch",
    log: bool = False,
    ax: Axes | None = None,
) -> Axes:
    """Plot one number per epoch, or per step, for each of several runs.

    Parameters
    ----------
    curves : the numbers by the name of the run, as many of each as it had epochs.
    label : of the vertical axis.
    unit : of the horizontal axis, such as "epoch" or "step".
    log : make it logarithmic.

    Examples
    --------
    >>> ax = plot_curves({"SGD": [3.0, 2.0, 1.5], "Adam": [2.5, 1.0]}, ax=Figure().subplots())
    >>> [text.get_text() for text in ax.get_legend().get_texts()]
    ['SGD', 'Adam']
    """
    _refuse_without_names("plot_curves takes a dict of numbers by name, such as {'SGD': losses}", curves)
    ax = style.axes_or_new(ax)
    for i, (name, numbers) in enumerate(curves.items()):
        ax.plot(range(1, len(numbers) + 1), numbers, label=name, **style.line(i, len(numbers)))
    style.tidy(ax, x=unit, y=label)
    style.count_along_x(ax)
    if log:
        ax.set_yscale("log")
    ax.legend(frameon=False)
    return ax


def plot_bands(
    runs: Mapping[str, Sequence[Sequence[float]]] | Results,
    *,
    label: str = "loss",
    log: bool = False,
    ax: Axes | None = None,
) -> Axes:
    """Plot for each name the median of several runs, with a band from the smallest to the largest.

    Parameters
    ----------
    runs : for each name the runs, one per seed: one number per epoch, all of the same length. Or the `train.Results`
        of a sweep, whose settings are the names.
    label : of the vertical axis; of Results, also which of their numbers is plotted.
    log : make it logarithmic.

    Examples
    --------
    >>> ax = plot_bands({"SGD": [[3.0, 2.0], [4.0, 1.0]]}, ax=Figure().subplots())
    >>> ax.lines[0].get_ydata().tolist()
    [3.5, 1.5]
    """
    if isinstance(runs, Results):
        runs = runs.curves(label)
    _refuse_without_names("plot_bands takes a dict of runs by name, such as {'SGD': [losses, losses]}", runs)
    ax = style.axes_or_new(ax)
    medians = {}
    for i, (name, curves) in enumerate(runs.items()):
        if len({len(curve) for curve in curves}) != 1:
            raise ShapeError(f"plot_bands takes runs of one length, but those of {name!r} differ: cut them to the same")
        numbers = np.asarray(curves, dtype=float)
        epochs = np.arange(1, numbers.shape[1] + 1)
        ax.fill_between(epochs, numbers.min(axis=0), numbers.max(axis=0), color=style.COLORS[i % 7], alpha=0.2, lw=0)
        medians[name] = np.median(numbers, axis=0)
    return plot_curves(medians, label=label, log=log, ax=ax)


def plot_confusion(counts: ArrayLike, labels: Sequence[str] = (), *, ax: Axes | None = None) -> Axes:
    """Plot a confusion matrix with its counts, as `tinygrad_edu.train.confusion_matrix` gives it.

    A cell's colour is its share of the samples of its actual class; the bar beside the plot is the scale.

    Parameters
    ----------
    counts : ``counts[i, j]`` samples of class ``i`` were predicted as ``j``.
    labels : names of the classes; their numbers by default.

    Raises
    ------
    ShapeError : the counts are no square matrix, or not as many labels as classes.

    Examples
    --------
    >>> ax = plot_confusion([[9, 1], [2, 8]], ["car", "cat"], ax=Figure().subplots())
    >>> [text.get_text() for text in ax.texts]
    ['9', '1', '2', '8']
    """
    ax = style.axes_or_new(ax)
    matrix = np.asarray(counts)
    if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1]:
        raise ShapeError(
            f"plot_confusion needs a square matrix of counts, but was given shape {matrix.shape}: pass "
            "confusion_matrix(y, predictions)"
        )
    if len(labels) not in (0, len(matrix)):
        raise ShapeError(
            f"plot_confusion needs a name for each class, but was given {len(labels)} labels for {len(matrix)} "
            "classes; of predictions and targets, pass confusion_matrix(y, predictions)"
        )
    names = list(labels) or [str(k) for k in range(len(matrix))]
    shares = matrix / np.maximum(matrix.sum(axis=1, keepdims=True), 1)
    cells = ax.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    ax.figure.colorbar(cells, ax=ax, label="share of the actual class", fraction=0.046)
    for i, j in np.ndindex(matrix.shape):
        color = "white" if shares[i, j] > 0.5 else style.INK
        ax.text(j, i, f"{matrix[i, j]}", ha="center", va="center", color=color)
    style.tidy(ax, x="predicted", y="actual", grid=False)
    ax.set_xticks(range(len(names)), names)
    ax.set_yticks(range(len(names)), names)
    return ax


def plot_samples(
    pictures: ArrayLike,
    labels: Sequence[Any],
    predictions: Sequence[Any] | None = None,
    *,
    columns: int = 8,
    title: str = "",
) -> Figure:
    """Plot pictures with their classes and their predicted classes; a wrong answer is framed and marked with ✗.

    All pictures have one scale. Numbers from 0 to 1 and bytes keep their range, so that black is 0 and white is 1 or
    255. Of other numbers, the smallest (or 0, if none is negative) is black and the largest is white.

    Parameters
    ----------
    pictures : (n, height, width) in grey, or (n, height, width, 3) in colour.
    labels : names or numbers of the classes, one per picture.
    predictions : a model's answers, one per picture; without them, only the labels are shown.
    columns : pictures per row.
    title : of the whole figure.

    Raises
    ------
    ShapeError : the pictures have another shape, or there is not one label (and one prediction) for each.

    Examples
    --------
    >>> figure = plot_samples(np.zeros((2, 4, 4)), ["7", "1"], ["7", "2"])
    >>> [ax.get_title() for ax in figure.axes]
    ['7 ✓', '2 ✗ (1)']
    >>> [ax.get_title() for ax in plot_samples(np.zeros((2, 8, 8)), [7, 1]).axes]
    ['7', '1']
    """
    pictures = np.asarray(pictures)
    _check_samples(pictures, labels, predictions)
    answers = labels if predictions is None else predictions
    low, high = _grey_range(pictures)
    rows = -(-len(pictures) // columns)
    width = min(columns, len(pictures))
    figure = style.Sheet(figsize=(1.25 * width, 1.5 * rows + 0.4 * bool(title)), dpi=120, layout="constrained")
    panels = np.atleast_1d(figure.subplots(rows, width)).reshape(-1)
    for ax in panels[len(pictures) :]:
        ax.remove()
    for ax, picture, label, answer in zip(panels, pictures, labels, answers, strict=False):
        right = label == answer
        ax.imshow((picture - low) / (high - low), cmap="gray", vmin=0, vmax=1)
        text = label if predictions is None else f"{answer} ✓" if right else f"{answer} ✗ ({label})"
        ax.set_title(f"{text}", fontsize=8)
        ax.set(xticks=[], yticks=[])
        ax.spines[:].set(visible=not right, color=style.COLORS[1], linewidth=2.5)
    if title:
        figure.suptitle(title)
    return figure


def _check_samples(pictures: Array, labels: Sequence[Any], predictions: Sequence[Any] | None) -> None:
    if not (pictures.ndim == 3 or (pictures.ndim == 4 and pictures.shape[-1] == 3)) or not pictures.size:
        raise ShapeError(
            "plot_samples takes pictures of shape (n, height, width) or (n, height, width, 3), but was "
            f"given shape {pictures.shape}: of rows of 64 numbers, pass X.reshape(-1, 8, 8)"
        )
    if len(pictures) != len(labels):
        raise ShapeError(
            f"plot_samples needs a label for each picture, but was given {len(pictures)} pictures, {len(labels)} labels"
        )
    if predictions is not None and len(predictions) != len(pictures):
        raise ShapeError(
            f"plot_samples needs a prediction for each picture, but was given {len(pictures)} pictures, "
            f"{len(predictions)} predictions"
        )


def _grey_range(pictures: Array) -> tuple[float, float]:
    """The numbers that are black and white."""
    if pictures.dtype == np.uint8:
        return 0.0, 255.0
    known = pictures[np.isfinite(pictures)]
    low, high = (float(known.min()), float(known.max())) if known.size else (0.0, 1.0)
    low = min(0.0, low)
    if low == 0 and high <= 1:
        return 0.0, 1.0
    return low, high if high > low else low + 1


def plot_gradient_norms(norms: Mapping[str, Mapping[str, float]], *, ax: Axes | None = None) -> Axes:
    """Plot the gradient's norm layer by layer, from the input to the output, on a logarithmic axis.

    Parameters
    ----------
    norms : for each net the norms of its layers, by their names, in order.

    Raises
    ------
    ArgumentError : something else, such as a net.

    Examples
    --------
    >>> ax = plot_gradient_norms({"sigmoid": {"1": 1e-5, "2": 1e-2}, "ReLU": {"1": 0.5, "2": 0.6}},
    ...                          ax=Figure().subplots())
    >>> len(ax.lines)
    2
    """
    if not isinstance(norms, Mapping) or not all(isinstance(layers, Mapping) for layers in norms.values()):
        raise ArgumentError(
            "plot_gradient_norms needs the norms of each net's layers by name, but was given "
            f"{type(norms).__name__}: pass {{'net': norms}} with norms[name] = np.linalg.norm(p.grad) for name, p in "
            "net.named_parameters()"
        )
    ax = style.axes_or_new(ax)
    names: list[str] = []
    for i, (net, layers) in enumerate(norms.items()):
        names = list(layers)
        ax.plot(range(len(names)), list(layers.values()), label=net, **style.line(i, len(names)))
    style.tidy(ax, x="layer, from the input on", y="norm of the gradient")
    ax.set_xticks(range(len(names)), names)
    ax.set_yscale("log")
    ax.legend(frameon=False)
    return ax


def plot_activation_histograms(model: Any, X: Array, *, bins: int = 40) -> Figure:
    """Plot how the outputs of each layer of a `Sequential` or `MLP` are distributed.

    Bars at the ends of a sigmoid's range are saturated units; a bar at 0 after a ReLU shows units that are off.

    Examples
    --------
    >>> from tinygrad_edu import nn
    >>> net = nn.Sequential(nn.Linear(2, 4), nn.Tanh())
    >>> [ax.get_title() for ax in plot_activation_histograms(net, np.ones((3, 2))).axes]
    ['layers.0 Linear(2 → 4)', 'layers.1 Tanh']
    """
    layers = getattr(model, "layers", None)
    if not layers:
        raise ArgumentError("plot_activation_histograms needs a model made of layers, such as nn.Sequential or nn.MLP")
    outputs, y = [], X
    with evaluating(model), no_grad():
        for layer in layers:
            y = layer(y)
            outputs.append(y.numpy().reshape(-1))
    figure = style.Sheet(figsize=(2.6 * len(outputs), 2.6), dpi=120, layout="constrained")
    panels = np.atleast_1d(figure.subplots(1, len(outputs)))
    for k, (ax, values) in enumerate(zip(panels, outputs, strict=True)):
        ax.hist(values, bins=bins, color=style.COLORS[0])
        style.tidy(ax, title=f"layers.{k} {layers[k]._title()}", x="output", y="units" if not k else "")
        ax.title.set_fontsize(8)
    return figure


def plot_lr_range(found: Any, *, ax: Axes | None = None) -> Axes:
    """Plot a `tinygrad_edu.train.lr_range_test`: the smoothed loss against the learning rate, and the suggestion.

    Examples
    --------
    >>> from tinygrad_edu.train import LRRange
    >>> found = LRRange(np.geomspace(1e-3, 1, 4), np.array([[3.0, 2.0, 1.0, 9.0]]), 1e-2)
    >>> plot_lr_range(found, ax=Figure().subplots()).get_xscale()
    'log'
    """
    ax = style.axes_or_new(ax)
    finite = np.isfinite(found.losses).any(axis=0)
    lrs, losses = found.lrs[finite], found.losses[:, finite]
    low, middle, high = (f(losses, axis=0) for f in (np.nanmin, np.nanmedian, np.nanmax))
    ax.fill_between(lrs, low, high, color=style.COLORS[0], alpha=0.2, lw=0, label=f"{len(losses)} seeds")
    ax.plot(lrs, middle, label="median", **style.line(0))
    if np.isfinite(found.suggestion):
        ax.axvline(found.suggestion, label=f"falls fastest: {found.suggestion:.2g}", **style.line(1))
    style.tidy(ax, x="learning rate", y="loss, smoothed")
    ax.set_xscale("log")
    ax.legend(frameon=False)
    return ax


def plot_cure(cure: Any, *, log: bool = False, ax: Axes | None = None) -> Axes:
    """Plot the losses of a run with a fault, and of the same steps with the fix, and show the changed line of code.

    Parameters
    ----------
    cure : what `tinygrad_edu.train.Doctor.cure` gives.
    log : make the axis of the loss logarithmic.

    Examples
    --------
    >>> from tinygrad_edu.train import Cure, Finding
    >>> finding = Finding("missing zero_grad", "…", "…", "…", 4)
    >>> cure = Cure(finding, "reset gradients", "optimizer.zero_grad()", [1.0, 2.0], [1.0, 0.5], {}, True)
    >>> ax = plot_cure(cure, ax=Figure().subplots())
    >>> [text.get_text() for text in ax.get_legend().get_texts()]
    ['as it was', 'cured']
    """
    if not hasattr(cure, "as_it_was"):
        raise DTypeError(f"plot_cure takes a cure, as in plot_cure(doctor.cure(finding)), but was given {shown(cure)}")
    ax = plot_curves({"as it was": cure.as_it_was, "cured": cure.cured}, unit="step", log=log, ax=ax)
    ax.legend(frameon=False, ncols=2, loc="upper center", bbox_to_anchor=(0.5, -0.12))
    ax.set_title(f"{cure.finding.name}: {cure.change}", fontsize=10)
    both = np.array([cure.as_it_was, cure.cured], dtype=float)
    finite = np.flatnonzero(np.isfinite(both).all(axis=0))
    if finite.size:  # the changed line is between the curves
        step = int(finite[2 * len(finite) // 3])
        low, high = sorted(both[:, step])
        height = float(np.sqrt(low * high)) if log and low > 0 else (low + high) / 2
        box = {"facecolor": "white", "edgecolor": style.GRID, "pad": 3}
        ax.text(step + 1, height, cure.code, family="monospace", fontsize=8, ha="center", va="center", bbox=box)
    return ax
