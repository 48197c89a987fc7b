"""A lecture in sections: functions that run where a notebook defines them, or one after the other from the shell.

A section is a function that prints, and returns what there is to see: a picture, or a `Comparison` and a picture. It
may have the keyword parameters ``quick`` and ``seed``.
"""

import builtins
import inspect
from collections.abc import Callable
from io import BytesIO
from typing import Any

from matplotlib.figure import Figure

from demos._comparison import Comparison
from demos._pictures import Folder

Section = Callable[..., Any]


class Sections:
    """The sections of a lecture, in order; an instance, called with a title, is the decorator that adds one.

    Parameters
    ----------
    name : of the lecture, which the names of its pictures begin with.
    live : run each section where it is defined, as a notebook and a script do, and show what it returns.

    Examples
    --------
    >>> section = Sections("lecture", live=True)
    >>> @section("Hello, world")
    ... def hello(*, seed: int = 3):
    ...     print("seed", seed)
    <BLANKLINE>
    1. Hello, world
    ===============
    seed 3
    """

    def __init__(self, name: str, *, live: bool) -> None:
        self.name = name
        self.live = live
        self.functions: dict[str, Section] = {}

    def __call__(self, title: str) -> Callable[[Section], Section]:
        def add(function: Section) -> Section:
            self.functions[title] = function
            if self.live:
                self._show(title)
            return function

        return add

    def run(self, folder: Folder, **options: Any) -> Comparison:
        """Run all, write their pictures, and return all that they compared."""
        compared = Comparison("figure")
        for title in self.functions:
            for seen in self._results(title, options):
                if isinstance(seen, Comparison):
                    compared.rows += seen.rows
                else:
                    self._write(folder, title, seen)
        return compared

    def _results(self, title: str, options: dict[str, Any]) -> list[Any]:
        """Print the heading, call, and print what was compared."""
        function = self.functions[title]
        heading = f"{[*self.functions].index(title) + 1}. {title}"
        print(f"\n{heading}\n{'=' * len(heading)}")
        taken = {name: options[name] for name in inspect.signature(function).parameters if name in options}
        result = function(**taken)
        results = [seen for seen in (result if isinstance(result, tuple) else (result,)) if seen is not None]
        for seen in results:
            if isinstance(seen, Comparison):
                print(seen)
        return results

    def _write(self, folder: Folder, title: str, picture: Any) -> None:
        save = picture.savefig if isinstance(picture, Figure) else picture.save
        folder.write(f"{self.name}_{self.functions[title].__name__}.png", save)

    def _show(self, title: str) -> None:
        for seen in self._results(title, {}):
            if isinstance(seen, Comparison):
                continue
            if hasattr(builtins, "__IPYTHON__"):
                from IPython.display import display

                display(_image(seen) if isinstance(seen, Figure) else seen)
            else:
                self._write(Folder("out"), title, seen)


def _image(figure: Figure) -> Any:
    """The figure as a notebook shows it: pyplot, which would do that, does not know it."""
    from IPython.display import Image

    content = BytesIO()
    figure.savefig(content, format="png")
    return Image(content.getvalue())


def panels(columns: int, rows: int = 1, *, width: float = 4.6, height: float = 3.8) -> tuple[Figure, Any]:
    """A figure of several panels, and these as a list."""
    figure = Figure(figsize=(width * columns, height * rows), dpi=110, layout="constrained")
    return figure, [*figure.subplots(rows, columns, squeeze=False).reshape(-1)]
