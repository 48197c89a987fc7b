"""Write docs/names.md, the public names with the first sentence of each docstring: `python docs/names.py`."""

import importlib
import inspect
import re
from pathlib import Path
from types import ModuleType

PAGE = Path(__file__).parent / "names.md"
HEAD = """# The names

All public names, one per line. `help(name)` says more: the equation, shapes, errors, the source, an example. Written by
`python docs/names.py`.
"""
MODULES = {
    "tinygrad_edu": "the engine",
    "tinygrad_edu.nn": "layers and networks",
    "tinygrad_edu.nn.functional": "activations and losses",
    "tinygrad_edu.nn.init": "initial weights",
    "tinygrad_edu.nn.scalar": "networks over `Value`",
    "tinygrad_edu.optim": "optimizers",
    "tinygrad_edu.optim.lr_scheduler": "schedules of the learning rate",
    "tinygrad_edu.train": "training",
    "tinygrad_edu.data": "data",
    "tinygrad_edu.convert": "states from PyTorch and to PyTorch",
    "tinygrad_edu.export": "nets for other programs",
    "tinygrad_edu.sklearn": "nets as scikit-learn estimators",
    "viz": "pictures, pages, plots and films",
}


def page() -> str:
    """The text of the page."""
    parts = [HEAD]
    for name, subject in MODULES.items():
        module = importlib.import_module(name)
        rows = [f"| `{public}` | {first_line(getattr(module, public))} |" for public in public_names(module)]
        parts.append(f"\n## {name}: {subject}\n\n| name | what |\n| --- | --- |\n" + "\n".join(rows) + "\n")
    return "".join(parts)


def public_names(module: ModuleType) -> list[str]:
    """The classes and functions in a module's ``__all__``, or else those that are defined in it."""
    own = [name for name, x in vars(module).items() if getattr(x, "__module__", None) == module.__name__]
    names = getattr(module, "__all__", None) or [name for name in own if not name.startswith("_")]
    kinds = (getattr(module, name) for name in names)
    return sorted(
        (name for name, x in zip(names, kinds, strict=True) if inspect.isroutine(x) or inspect.isclass(x)),
        key=str.lower,
    )


def first_line(x: object) -> str:
    """The first sentence of its docstring, for a cell of a table."""
    paragraph = (inspect.getdoc(x) or "").split("\n\n")[0].replace("\n", " ")
    return re.split(r"(?<=\.) (?=[A-Z`])", paragraph)[0].replace("``", "`").replace("|", r"\|")


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
