"""Which demos there are: the modules and the packages of this package whose names begin with a letter."""

import ast
import difflib
import importlib
from pathlib import Path
from types import ModuleType

from tinygrad_edu import TinygradEduError


class UnknownDemoError(TinygradEduError, LookupError):
    """A name that is not a demo's."""


def summaries() -> dict[str, str]:
    """Every demo's name and the first line of its docstring, read without importing any."""
    here = Path(__file__).parent
    files = {path.stem: path for path in here.glob("*.py")} | {
        path.parent.name: path for path in here.glob("*/__init__.py")
    }
    shown = {name: files[name] for name in sorted(files) if not name.startswith("_")}
    return {name.replace("_", "-"): _first_line(path) for name, path in shown.items()}


def listing() -> str:
    """The same as lines of text."""
    names = summaries()
    width = max(map(len, names))
    return "\n".join(f"  {name:<{width}}  {summary}" for name, summary in names.items())


def load(name: str) -> ModuleType:
    """Import the demo ``name``."""
    name = name.replace("_", "-")
    names = summaries()
    if name in names:
        return importlib.import_module(f"demos.{name.replace('-', '_')}")
    close = difflib.get_close_matches(name, names, n=1)
    advice = f"did you mean {close[0]}?" if close else f"choose one of {', '.join(names)}"
    raise UnknownDemoError(f"there is no demo called {name!r}: {advice}")


def _first_line(path: Path) -> str:
    docstring = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
    return docstring.partition("\n")[0]
