"""Checks of a program: it must give what the function gave, from the same state.

`State` copies everything that a call may change, and puts it back. `first_difference` compares two results. Numbers
must be equal bit for bit, or differ by no more than rounding: a program may add the terms of a sum in another order.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from tinygrad_edu.compiler.guards import is_exactly, is_plain
from tinygrad_edu.compiler.program import CHECK, UFUNC, Line, Program, Returned, Var
from tinygrad_edu.compiler.record.watched import gradient_of
from tinygrad_edu.compiler.run.interpreter import Change, evaluated
from tinygrad_edu.compiler.sources import Argument, ArgumentGradient, Attribute, Data, Gradient, Setting
from tinygrad_edu.graph.clock import CLOCK
from tinygrad_edu.graph.node import Node, raw_of
from tinygrad_edu.tensor import Tensor

UNITS = 256  # units in the last place, of the largest entry, that two orders of a sum may differ by
MOVES = 32  # and so many times what rounding moves an entry: an optimizer may turn a tiny gradient into a full step
PASSES = 3  # in which each line is moved by a random rounding error
_GONE = object()


# --- the state that a call may change --------------------------------------------------------------------------------


class _Entry(NamedTuple):
    held: Any  # the object in the place
    copy: Any  # a copy of its numbers


class State:
    """The contents of each place, and the states of the random generators."""

    def __init__(self, places: Sequence[Any], leaves: Sequence[Any], generators: Sequence[Any]) -> None:
        self.leaves = leaves
        self.entries: dict[Any, _Entry] = {}
        for source in places:
            held = _held(source, leaves)
            self.entries[source] = _Entry(held, held.copy() if isinstance(held, np.ndarray) else held)
        self.generators = [(generator, generator.bit_generator.state) for generator in generators]

    def restore(self) -> None:
        """Put everything back."""
        for source, (held, copy) in self.entries.items():
            now = _held(source, self.leaves)
            same = now is held
            if isinstance(held, np.ndarray) and held.tobytes() != copy.tobytes():
                same = False
                held[...] = copy
            if not same:
                _put(source, held, self.leaves)
        for generator, state in self.generators:
            generator.bit_generator.state = state


def _held(source: Any, leaves: Sequence[Any]) -> Any:
    """The present contents of a place."""
    if isinstance(source, ArgumentGradient):
        return gradient_of(leaves[source.position])
    try:
        return source.get()
    except (AttributeError, LookupError):
        return _GONE


def _put(source: Any, held: Any, leaves: Sequence[Any]) -> None:
    if isinstance(source, Attribute):
        if held is not _GONE:
            source.set(held)
        elif isinstance(source.owner, dict):
            source.owner.pop(source.name, None)
        elif hasattr(source.owner, source.name):
            delattr(source.owner, source.name)
        return
    leaf = leaves[source.position] if isinstance(source, ArgumentGradient) else source.leaf
    if not isinstance(source, Data):
        leaf._grad = held
    elif isinstance(leaf, Tensor):
        leaf.update(held)
    else:
        leaf._data = held
        leaf.stamp = CLOCK.tick()


# --- comparing -------------------------------------------------------------------------------------------------------


class Difference(NamedTuple):
    """The first quantity that differs, both numbers, and the variable of the program."""

    what: str
    expected: Any
    found: Any
    var: Var | None

    def words(self) -> str:
        """The numbers, and their index in an array."""
        a, b = self.expected, self.found
        if isinstance(a, np.ndarray) and isinstance(b, np.ndarray) and a.shape == b.shape and a.dtype == b.dtype:
            unequal = np.argwhere(~((a == b) | ((a != a) & (b != b))))
            if len(unequal) and a.ndim:
                worst = max(map(tuple, unequal), key=lambda i: _distance(a[i], b[i]))
                at = ", ".join(map(str, worst))
                x, y = a[worst].item(), b[worst].item()
                return f"{self.what}[{at}] is {x!r} in the function and {y!r} in the program"
        return f"{self.what} is {_brief(a)} in the function and {_brief(b)} in the program"


def _distance(a: Any, b: Any) -> float:
    with np.errstate(all="ignore"):
        distance = float(abs(a * 1.0 - b * 1.0))
    return distance if distance == distance else float("inf")


def _brief(x: Any) -> str:
    if isinstance(x, np.ndarray):
        return f"an array of shape {x.shape} and type {x.dtype}" if x.ndim else f"{x.item()!r} ({x.dtype})"
    if isinstance(x, np.generic):
        return f"{x.item()!r} ({x.dtype})"
    return "absent" if x is _GONE else f"{x!r:.80}"


Quantity = tuple[str, Any, Var | None]  # what it is called, its value, and the variable that computes it


def quantities(program: Program, result: Any, state: State) -> list[Quantity]:
    """Everything that a call has given: the returned values first, then what it left in each place."""
    computed = dict(program.writes)
    left = [(called(source), state.entries[source].copy, computed.get(source)) for source in state.entries]
    return [*_parts(program.result, result, "the result"), *left]


def _parts(tree: Any, result: Any, name: str) -> Iterator[Quantity]:
    if isinstance(tree, Returned):
        yield name, result, tree.var
    elif type(tree) in (tuple, list) and type(result) is type(tree) and len(tree) == len(result):
        for i, (part, x) in enumerate(zip(tree, result, strict=True)):
            yield from _parts(part, x, f"{name}[{i}]")
    elif type(tree) is dict and type(result) is dict and list(tree) == list(result):
        for key, part in tree.items():
            yield from _parts(part, result[key], f"{name}[{key!r}]")
    else:
        yield name, result, None


def called(source: Any) -> str:
    """A place in words."""
    if isinstance(source, Data):
        return source.leaf.label or "a parameter"
    if isinstance(source, Gradient):
        return f"the gradient of {source.leaf.label or 'a parameter'}"
    if isinstance(source, ArgumentGradient):
        return f"the gradient of argument {source.position + 1}"
    if isinstance(source.owner, dict):
        return f"the entry {source.name!r} of an optimizer's state"
    return f"{type(source.owner).__name__}.{source.name}"


def first_difference(
    expected: Sequence[Quantity], found: Sequence[Quantity], moved: Callable[[], dict[Var, Any]] | None
) -> Difference | None:
    """The first quantity that differs by more than rounding; with ``moved`` None, by anything at all."""
    if len(expected) != len(found):
        return Difference("the number of returned values", len(expected), len(found), None)
    movement: dict[Var, Any] | None = None
    for (what, a, var), (_, b, _) in zip(expected, found, strict=True):
        if not _is_alike(a, b):
            return Difference(what, raw_of(a), raw_of(b), var)
        a, b = raw_of(a), raw_of(b)
        if _is_equal(a, b):
            continue
        if moved is None or not _is_number(a):
            return Difference(what, a, b, var)
        if _is_close(a, b, 0.0):
            continue
        movement = moved() if movement is None else movement
        if var not in movement or not _is_close(a, b, movement[var]):
            return Difference(what, a, b, var)
    return None


def _is_alike(a: Any, b: Any) -> bool:
    """Whether both are of one kind: a Tensor, a Value, an array, a number."""
    if isinstance(a, Node) or isinstance(b, Node):
        return type(a) is type(b) and _is_alike(a.raw, b.raw)
    if isinstance(a, np.ndarray | np.generic) and isinstance(b, np.ndarray | np.generic):
        return a.shape == b.shape and a.dtype == b.dtype and (type(a) is type(b) or not a.shape)
    return type(a) is type(b) or _number_type(a) is _number_type(b) is not None


def _number_type(x: Any) -> Any:
    """Python's type of a single number that is Python's own, or NumPy's of the same size: None for anything else."""
    if isinstance(x, np.generic | np.ndarray):
        return {"float64": float, "int64": int, "bool": bool}.get(x.dtype.name) if not x.shape else None
    return type(x) if type(x) in (float, int, bool) else None


def _is_number(x: Any) -> bool:
    return isinstance(x, float | np.ndarray | np.generic) and np.asarray(x).dtype.kind in "fc"


def _is_equal(a: Any, b: Any) -> bool:
    if isinstance(a, np.ndarray | np.generic | float) or isinstance(b, np.ndarray | np.generic):
        a, b = np.asarray(a), np.asarray(b)
        return a.tobytes() == b.tobytes() or np.array_equal(a, b, equal_nan=a.dtype.kind in "fc")
    return a is b or (is_exactly(a, b) if is_plain(a) else type(a) is type(b))


def _is_close(a: Any, b: Any, movement: Any) -> bool:
    a, b = np.asarray(a), np.asarray(b)
    with np.errstate(all="ignore"):
        finite = np.abs(a[np.isfinite(a)])
        scale = finite.max() if finite.size else 0.0
        allowed = UNITS * np.finfo(a.dtype).eps * scale + MOVES * movement
        same = (a == b) | ((a != a) & (b != b)) | (np.abs(a - b) <= allowed)
    return bool(np.all(same))


# --- what rounding may do --------------------------------------------------------------------------------------------


def rounding_moves(program: Program, arguments: Sequence[Argument], before: State) -> dict[Var, Any]:
    """How far each variable moves when every line of the program is off by a rounding error, from the state before."""
    rng = np.random.default_rng(0)
    # Without the checks of targets: a target of 1.0 may be above 1 by a rounding error.
    program = replace(program, lines=[line for line in program.lines if line.kind != CHECK])
    runs = []
    for number in range(PASSES + 1):
        before.restore()
        with np.errstate(all="ignore"):
            runs.append(evaluated(program, arguments, before.leaves, _off(rng) if number else None))
    before.restore()
    exact, others = runs[0], runs[1:]
    with np.errstate(all="ignore"):
        return {
            var: np.max([np.nan_to_num(np.abs(other[var] - y)) for other in others], axis=0)
            for var, y in exact.items()
            if _is_number(y)
        }


def _off(rng: Any) -> Change:
    def off(line: Line, args: Sequence[Any], y: Any) -> Any:
        if not _is_number(y):
            return y
        kind = np.asarray(y).dtype
        # A mask of -inf is exact, and -inf ± inf is NaN.
        magnitude = np.nan_to_num(_magnitude(line, args, y), posinf=0.0)
        error = 8 * np.finfo(kind).eps * rng.uniform(-1, 1, np.shape(y)) * magnitude
        moved = y + error.astype(kind) if isinstance(error, np.ndarray) else y + error
        return moved.astype(kind) if isinstance(moved, np.ndarray | np.generic) else moved

    return off


def _magnitude(line: Line, args: Sequence[Any], y: Any) -> Any:
    """The size of the terms that the line adds up: its rounding error may be larger than its result tells."""
    if line.kind != UFUNC:
        arrays = [x for x in args if isinstance(x, np.ndarray) and x.dtype.kind == "f"]
        inputs = [np.abs(x).max(where=np.isfinite(x), initial=0.0) for x in arrays]
        return np.maximum(np.abs(y), max(inputs, default=0.0))
    if line.function is np.matmul or getattr(line.function, "__self__", None) is np.add:
        return replace(line, args=()).run([np.abs(x) for x in args])
    terms = args if line.function in (np.add, np.subtract) else []
    return np.maximum.reduce([np.abs(y), *(np.broadcast_to(np.abs(x), np.shape(y)) for x in terms)])


def state_places(program: Program, touched: Sequence[Any]) -> list[Any]:
    """Every place that the function or the program may change, each once."""
    sources = [*touched, *program.inputs.values(), *(source for source, _ in program.writes)]
    return [source for source in dict.fromkeys(sources) if not isinstance(source, Argument | Setting)]
