"""A program: straight lines of NumPy calls, one after another, on named arrays and numbers.

A line is ``out = function(*args, **keywords)``. Its operands are `Var`, or constants: numbers, and arrays that are read
when the line runs.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    import numpy as np


class Var:
    """One array or number of a program: its shape and type, and a good name for it."""

    __slots__ = ("dtype", "hint", "section", "shape")

    def __init__(self, value: Any, hint: str = "", section: str = "") -> None:
        self.hint = hint
        self.section = section  # of the line that computes it
        self.shape: tuple[int, ...] = getattr(value, "shape", ())
        self.dtype: np.dtype[Any] | None = getattr(value, "dtype", None)  # None: a number of Python's own

    def __repr__(self) -> str:
        return f"<{self.hint or 'var'} {self.shape} {self.dtype}>"


# How a line calls its function; the text that it becomes follows from that alone.
UFUNC, CALL, METHOD, INDEX, DRAW, CHECK = "ufunc", "call", "method", "index", "draw", "check"
PYTHON, MATH = "python", "math"  # on single numbers: an operator, and a function by its name in `rules.FLOATS`


_NESTED = frozenset((tuple, list, dict, slice))


@dataclass(eq=False, slots=True)
class Line:
    """``out = function(*args, **keywords)``, in one of the sections "forward", "backward" and "update".

    ``kind`` is a ufunc, another NumPy function, a method of the first argument (``function`` is its name), an index
    ``args[0][args[1]]``, an operator on Python's numbers, a draw from a random generator, or a check. Lines with the
    same ``group`` belong to one operation.
    """

    out: Var
    kind: str
    function: Any
    args: tuple[Any, ...]
    keywords: dict[str, Any] = field(default_factory=dict)
    section: str = "forward"
    group: int = 0
    origin: tuple[str, int] = ("", 0)  # the user's file and line

    def run(self, args: Sequence[Any]) -> Any:
        """What the line gives for these values."""
        if self.kind == METHOD:
            return getattr(args[0], self.function)(*args[1:], **self.keywords)
        return self.function(*args, **self.keywords)

    def reads(self) -> Iterator[Var]:
        """What the line works on."""
        for x in self.args:
            if x.__class__ is Var:
                yield x
            elif x.__class__ in _NESTED:
                yield from variables(x)
        if self.keywords:
            yield from variables(tuple(self.keywords.values()))


class Returned(NamedTuple):
    """One value that the function returned: a variable, and whether it came as a Tensor, a Value or neither."""

    var: Any
    kind: str


def variables(tree: Any) -> Iterator[Var]:
    """The variables in nested tuples, lists, dicts and slices."""
    if isinstance(tree, Var):
        yield tree
    elif isinstance(tree, tuple | list):
        for part in tree:
            yield from variables(part)
    elif isinstance(tree, dict):
        yield from variables(tuple(tree.values()))
    elif isinstance(tree, slice):
        yield from variables((tree.start, tree.stop, tree.step))


def mapped(tree: Any, change: Callable[[Any], Any]) -> Any:
    """The tree with each leaf changed."""
    if isinstance(tree, Returned):
        return tree._replace(var=change(tree.var))
    if type(tree) in (tuple, list):
        return type(tree)([mapped(part, change) for part in tree])
    if type(tree) is dict:
        return {key: mapped(part, change) for key, part in tree.items()}
    if isinstance(tree, slice):
        return slice(*(mapped(part, change) for part in (tree.start, tree.stop, tree.step)))
    return change(tree)


def with_values(tree: Any, value_of: Callable[[Returned], Any]) -> Any:
    """The tree of what a function returned, with a value for each `Returned`."""
    if isinstance(tree, Returned):
        return value_of(tree)
    if type(tree) in (tuple, list):
        return type(tree)([with_values(part, value_of) for part in tree])
    if type(tree) is dict:
        return {key: with_values(part, value_of) for key, part in tree.items()}
    return tree


@dataclass(eq=False)
class Program:
    """Lines in order, with their inputs and the places where results are stored.

    ``inputs`` says for each variable where its value comes from at every run. ``writes`` says what is stored where
    after the last line. ``result`` is the tree of what the function returned, with variables in it.
    """

    name: str
    inputs: dict[Var, Any]
    lines: list[Line]
    writes: list[tuple[Any, Var | None]]
    result: Any

    def outputs(self) -> list[Var]:
        """What must be computed."""
        return [*variables(self.result), *(var for _, var in self.writes if var is not None)]
