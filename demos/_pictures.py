"""The pictures of a demo, and the folder that they are written to."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

import viz
from tinygrad_edu import Value
from tinygrad_edu.errors import FileError
from tinygrad_edu.graph.node import Node


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
