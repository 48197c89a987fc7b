"""Run a notebook that is a Python script of `# %%` cells, as Jupyter or VS Code would, and keep its pictures.

The format is the "percent format" of jupytext. A cell with the tag ``parameters`` sets defaults, and those that `run`
is given replace them, as papermill does it.
"""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from demos._pictures import Folder

MARKER = re.compile(r"^# %%(?P<about>.*)\n", re.MULTILINE)


class Cell(NamedTuple):
    """A cell of a notebook: the words after its marker, its text, and the line of the file where it begins."""

    about: str
    text: str
    line: int

    @property
    def is_text(self) -> bool:
        """Whether it is Markdown, not code."""
        return "[markdown]" in self.about

    @property
    def heading(self) -> str:
        """The heading of its section, of a Markdown cell that begins one; else empty."""
        found = re.match(r"# ## (.*)", self.text) if self.is_text else None
        return found[1] if found else ""


def cells(path: Path) -> Iterator[Cell]:
    """The cells of the script at ``path``."""
    source = path.read_text(encoding="utf-8")
    marks = [*MARKER.finditer(source)]
    ends = [*(mark.start() for mark in marks[1:]), len(source)]
    for mark, end in zip(marks, ends, strict=True):
        yield Cell(mark["about"], source[mark.end() : end], source.count("\n", 0, mark.end()))


def run(path: Path, folder: Folder, **parameters: Any) -> dict[str, Any]:
    """Run all cells in order, print each heading, and write each cell's pictures; return the names they define."""
    import matplotlib.pyplot as plt

    names: dict[str, Any] = {"__name__": "__main__"}
    picture, count = "", 0
    before = plt.get_backend()
    plt.switch_backend("agg")  # no window opens
    try:
        for cell in cells(path):
            if cell.heading:
                count += 1
                picture = f"{path.stem}_{re.sub(r'[^a-z0-9]+', '_', cell.heading.lower()).strip('_')}"
                heading = f"{count}. {cell.heading}"
                print(f"\n{heading}\n{'=' * len(heading)}")
            if not cell.is_text:
                shown = _execute(cell, path, names)
                _write_pictures(folder, picture, shown)
            if "parameters" in cell.about:
                names |= parameters
    finally:
        plt.close("all")
        plt.switch_backend(before)
    return names


def _execute(cell: Cell, path: Path, names: dict[str, Any]) -> Any:
    """Run a cell; return the value of its last line if that is an expression."""
    tree = ast.increment_lineno(ast.parse(cell.text), cell.line)
    last = None
    if tree.body and isinstance(tree.body[-1], ast.Expr):
        last = ast.Expression(tree.body.pop().value)
    exec(compile(tree, path, "exec"), names)  # noqa: S102
    return eval(compile(last, path, "eval"), names) if last else None  # noqa: S307


def _write_pictures(folder: Folder, name: str, shown: Any) -> None:
    """Write the figures that a cell drew, and a drawing that it gave."""
    import matplotlib.pyplot as plt

    saves = [plt.figure(number).savefig for number in plt.get_fignums()]
    if hasattr(shown, "save"):
        saves.append(shown.save)
    for i, save in enumerate(saves, 1):
        folder.write(f"{name}{f'_{i}' if i > 1 else ''}.png", save)
    plt.close("all")
