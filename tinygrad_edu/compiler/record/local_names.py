"""Notes the local variables of functions when they return: the best names for the variables of a program."""

import contextlib
import inspect
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import types

_PATIENCE = 200_000  # events; a function that makes more of them needs no names
_TEXTBOOK = "tinygrad_edu.optim.clipping", "tinygrad_edu.optim.constraints"


class LocalNames:
    """Within it, notes the functions that return. It does nothing if a profiler is running."""

    def __init__(self) -> None:
        self.wanted: dict[types.CodeType, dict[str, Any]] = {}
        self.words: dict[Any, str] = {}  # a variable, and what a function between backward and update calls it
        self.patience = _PATIENCE
        self.free = False

    @contextlib.contextmanager
    def locals_of(self, *functions: Any) -> Iterator[dict[str, Any]]:
        """The local variables of these functions, as they returned; those of the innermost first."""
        found: dict[str, Any] = {}
        codes = [getattr(inspect.unwrap(getattr(f, "__func__", f)), "__code__", None) for f in functions]
        self.wanted |= {code: found for code in codes if code is not None}
        try:
            yield found
        finally:
            for code in codes:
                self.wanted.pop(code, None)  # type: ignore[arg-type]

    def __enter__(self) -> None:
        self.free = sys.getprofile() is None
        if self.free:
            sys.setprofile(self._notice)

    def _notice(self, frame: Any, event: str, _: Any) -> None:
        self.patience -= 1
        if not self.patience:
            sys.setprofile(None)
        if event == "return" and frame.f_code in self.wanted:
            found = self.wanted[frame.f_code]
            found.update({name: x for name, x in frame.f_locals.items() if name not in found})
        elif event == "return" and frame.f_globals.get("__name__") in _TEXTBOOK:
            self.words.update({x.variable: name for name, x in frame.f_locals.items() if hasattr(x, "_recorder")})

    def __exit__(self, *_: object) -> None:
        if self.free:
            sys.setprofile(None)
