"""Everything a person looks at: pictures, steps, explanations and plots of what `tinygrad_edu` records.

>>> import viz
>>> from tinygrad_edu import Value
>>> a = Value(2.0, "a")
>>> viz.draw(a * a)
<Drawing of mul: 2 nodes, 2 edges>
"""

import importlib
import sys
from types import ModuleType
from typing import TYPE_CHECKING, Any

from tinygrad_edu.graph import recording

if TYPE_CHECKING:
    from viz.animate import animate_backprop, animate_training
    from viz.draw import Drawing, draw
    from viz.player import player
    from viz.plots import plot_activations, plot_boundary, plot_history
    from viz.trace import Trace, trace
    from viz.why import Explanation, why

# The module of each name. It is imported when the name is first asked for, so that a picture of a graph does not
# wait for matplotlib.
_LATE = {
    "Drawing": "draw",
    "Explanation": "why",
    "Trace": "trace",
    "animate_backprop": "animate",
    "animate_training": "animate",
    "draw": "draw",
    "player": "player",
    "plot_activations": "plots",
    "plot_boundary": "plots",
    "plot_history": "plots",
    "trace": "trace",
    "why": "why",
}

__all__ = [
    "Drawing",
    "Explanation",
    "Trace",
    "animate_backprop",
    "animate_training",
    "draw",
    "player",
    "plot_activations",
    "plot_boundary",
    "plot_history",
    "recording",
    "trace",
    "why",
]


class _Package(ModuleType):
    """Where a function bears the name of its module, ``viz.draw`` stays the function when the module is imported."""

    def __setattr__(self, name: str, value: Any) -> None:
        if isinstance(value, ModuleType) and name in _LATE:
            value = getattr(value, name)
        super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Package


def __getattr__(name: str) -> Any:
    if name not in _LATE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found = getattr(importlib.import_module(f"{__name__}.{_LATE[name]}"), name)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
