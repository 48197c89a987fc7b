"""The pictures of a demo, and the folder that they are written to."""

import os
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

import viz
from tinygrad_edu import Value
from tinygrad_edu.errors import FileError
from tinygrad_edu.graph.node import Node
from tinygrad_edu.train import predicted_classes

VOWELS = "aeiouy"


class Folder:
    """A folder for pictures, which prints the name of each new file.

    Raises
    ------
    FileError : it cannot be made or written to. This is checked here, before any training.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        try:
            self.path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise FileError(
                f"the pictures cannot go to {str(path)!r} ({error.strerror}): name another folder, --out FOLDER"
            ) from None
        if not os.access(self.path, os.W_OK):
            raise FileError(
                f"the pictures cannot go to {str(path)!r} (not writable): name another folder, --out FOLDER"
            )

    def write(self, name: str, save: Callable[[Path], object]) -> Path:
        """Have ``save(path)`` write the file ``name``, and say where it is."""
        path = self.path / name
        save(path)
        print(f"wrote {path}")
        return path

    def draw(self, name: str, plot: Callable[..., object], *arguments: Any, title: str, **keywords: Any) -> None:
        """Write the figure ``drawn(plot, *arguments, title=title, **keywords)``."""
        self.write(name, drawn(plot, *arguments, title=title, **keywords).savefig)


def graph(model: Any, loss: Node) -> viz.Drawing:
    """The graph of the model's loss, with the gradients that are its own; of Values, each layer is one box."""
    loss.label = "loss"
    model.zero_grad()
    loss.backward()
    return viz.draw(loss, depth=1 if isinstance(loss, Value) else None)


def drawn(plot: Callable[..., object], *arguments: Any, title: str, **keywords: Any) -> Figure:
    """The figure that ``plot(*arguments, ax=ax, **keywords)`` draws, which is not known to pyplot."""
    figure = Figure(figsize=(6.4, 4.8), dpi=120, layout="constrained")
    ax = figure.subplots()
    plot(*arguments, ax=ax, **keywords)
    ax.set_title(title)
    return figure


def letters_in_plane(vectors: Any, letters: Iterable[str], title: str) -> Figure:
    """The vectors of the letters in the plane in which they differ most (PCA)."""
    rows = vectors - vectors.mean(axis=0)
    _, _, axes = np.linalg.svd(rows, full_matrices=False)
    points = rows @ axes[:2].T
    figure = Figure(figsize=(6.4, 5.4), dpi=120, layout="constrained")
    ax = figure.subplots()
    for letter, (x, y) in zip(letters, points, strict=True):
        look = {"weight": "bold", "color": "#D55E00"} if letter in VOWELS else {"color": "#0072B2"}
        ax.text(x, y, letter, ha="center", va="center", fontsize=14, **look)
    low, high, margin = points.min(axis=0), points.max(axis=0), 0.1 * np.ptp(points, axis=0)
    (left, bottom), (right, top) = low - margin, high + margin
    ax.set(xlim=(left, right), ylim=(bottom, top), xlabel="first direction", ylabel="second direction", title=title)
    return figure


def answers(
    pictures: Any, y: Any, scores: Any, names: Sequence[str], *, right: int = 16, wrong: int = 16, title: str
) -> Figure:
    """Some pictures that a classifier gets right and some that it gets wrong, with its answers."""
    guesses = predicted_classes(scores)
    chosen = [np.flatnonzero((guesses == y) == truth)[:count] for truth, count in ((True, right), (False, wrong))]
    shown = np.concatenate(chosen)
    labels, said = ([names[k] for k in column[shown]] for column in (y, guesses))
    return viz.plot_samples(pictures[shown], labels, said, title=title)
