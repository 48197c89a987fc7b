"""`vectorize`: a function written for one sample, in scalars, run over whole columns.

The function is run once on Values, and its graph is read level by level. Values that are computed alike, from the same
inputs, become the columns of one matrix: sums of products over the same inputs become a matrix product, ``relu`` of
each of its columns one ``relu``. The result is a function of arrays, which `compile` writes out and runs.
"""

import contextlib
import functools
import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from tinygrad_edu.compiler.compile import Compiled
from tinygrad_edu.compiler.errors import CompileError, RecordingError
from tinygrad_edu.compiler.guards import changed
from tinygrad_edu.compiler.program import Line, Program
from tinygrad_edu.compiler.record.names import identifier
from tinygrad_edu.compiler.record.outside import arrays_in, look_outside, outside_guards, refuse_side_effects
from tinygrad_edu.compiler.record.randomness import Randomness
from tinygrad_edu.compiler.record.recorder import Recorder
from tinygrad_edu.compiler.record.schedules import record_schedule
from tinygrad_edu.compiler.record.traced import users_line
from tinygrad_edu.compiler.record.updates import record_step
from tinygrad_edu.compiler.sources import Argument
from tinygrad_edu.graph.modes import MODES, no_grad
from tinygrad_edu.graph.node import topological_order
from tinygrad_edu.graph.recorded_backward import recorded_gradients
from tinygrad_edu.operations.matrices import LINEAR
from tinygrad_edu.operations.operation import EachInput, Operation
from tinygrad_edu.tensor import Tensor, record
from tinygrad_edu.value import Constant, Value

_LINEAR = frozenset({"add", "sub", "neg", "mul", "dot"})
Column = tuple[int, int]  # a block, and one of its columns


# --- reading the graph ----------------------------------------------------------------------------------------------


@dataclass
class Row:
    """A sum of products: coefficients (with signs) and what they multiply, and terms without it."""

    products: list[tuple[int, Value | None, Value]]
    terms: list[tuple[int, Value]]


@dataclass
class Step:
    """One block: ``operation`` on operands, each of which is columns of a block, or scalars, one for each column."""

    operation: Operation | None  # None: a matrix product
    params: Any
    operands: list[Any]
    width: int
    row: list[Row]


class Plan:
    """The blocks that a graph of scalars becomes."""

    def __init__(self, root: Value, arguments: Sequence[Value]) -> None:
        self.arguments = list(arguments)
        self.order = topological_order(root)
        self.users: dict[int, int] = {}
        for node in self.order:
            for x in node.inputs:
                self.users[id(x)] = self.users.get(id(x), 0) + 1
        self.batched = {id(x) for x in arguments}
        for node in self.order:
            if any(id(x) in self.batched for x in node.inputs):
                self.batched.add(id(node))
        if id(root) not in self.batched:
            raise CompileError(
                "vectorize: the result does not depend on the arguments, so there is nothing to run over their "
                "columns: call the function itself"
            )
        self.groups: list[tuple[list[Value], tuple[int, ...]]] = []  # parameters, array by array
        self.names: list[str] = []
        self.position: dict[Any, int] = {}
        self.rows: dict[int, Row] = {}
        self.absorbed: set[int] = set()
        self._find_rows()
        self.column: dict[int, Column] = {id(x): (0, i) for i, x in enumerate(arguments)}
        self.widths = [len(self.arguments)]
        self.steps: list[Step] = []
        self._build()
        self.result = self.column[id(root)]

    def _find_rows(self) -> None:
        for node in reversed(self.order):
            if id(node) in self.batched and node.op in _LINEAR and id(node) not in self.absorbed:
                row, inside = self._expanded(node)
                if sum(coefficient is not None for _, coefficient, _ in row.products) >= 2:
                    self.rows[id(node)] = row
                    self.absorbed |= inside

    def _expanded(self, root: Any) -> tuple[Row, set[int]]:
        """The node as a sum of products, and the nodes that are only parts of this sum."""
        row, inside = Row([], []), set()
        stack: list[tuple[int, Any]] = [(1, root)]
        while stack:
            sign, node = stack.pop()
            if id(node) not in self.batched:
                row.terms.append((sign, node))
                continue
            pairs = self._products(node)
            whole = node is root or self.users[id(node)] == 1
            if not whole or (node.op not in _LINEAR) or (node.op in ("mul", "dot") and pairs is None):
                row.products.append((sign, None, node))
                continue
            if node is not root:
                inside.add(id(node))
            if pairs is not None:
                row.products += [(sign, w, x) for w, x in pairs[0]]
                row.terms += [(sign, b) for b in pairs[1]]
            else:
                last = -sign if node.op in ("sub", "neg") else sign
                parts = [(sign, node.inputs[0]), (last, node.inputs[-1])][-len(node.inputs) :]
                stack += parts[::-1]
        return row, inside

    def _products(self, node: Any) -> tuple[list[tuple[Value, Value]], list[Value]] | None:
        """``mul`` and ``dot`` as products of a scalar with what runs over samples, if they are such."""
        if node.op == "mul":
            pairs, rest = [node.inputs], []
        elif node.op == "dot":
            n = len(node.inputs) // 2
            pairs, rest = list(zip(node.inputs[:n], node.inputs[n : 2 * n], strict=True)), [node.inputs[-1]]
        else:
            return None
        sorted_pairs = []
        for a, b in pairs:
            if (id(a) in self.batched) == (id(b) in self.batched):
                return None
            sorted_pairs.append((b, a) if id(a) in self.batched else (a, b))
        return None if any(id(b) in self.batched for b in rest) else (sorted_pairs, rest)

    # --- blocks ---

    def _build(self) -> None:
        level: dict[int, int] = {id(x): 0 for x in self.arguments}
        layers: dict[int, list[Any]] = {}
        for node in self.order:
            if id(node) not in self.batched or id(node) in self.absorbed or id(node) in level:
                continue
            row = self.rows.get(id(node))
            inputs = [x for _, _, x in row.products] if row else [x for x in node.inputs if id(x) in self.batched]
            level[id(node)] = 1 + max(level[id(x)] for x in inputs)
            layers.setdefault(level[id(node)], []).append(node)
        for depth in sorted(layers):
            groups: dict[Any, list[Any]] = {}
            for node in layers[depth]:
                groups.setdefault(self._alike(node), []).append(node)
            for nodes in groups.values():
                self._block(nodes)

    def _alike(self, node: Any) -> Any:
        """What nodes have in common that can be columns of one block."""
        row = self.rows.get(id(node))
        if row:
            return ("row", *sorted(self.column[id(x)] for _, _, x in row.products))
        operands = [self.column[id(x)][0] if id(x) in self.batched else "scalar" for x in node.inputs]
        return (node.op, repr(sorted(node.params.items())), *operands)

    def _block(self, nodes: list[Any]) -> None:
        number = len(self.widths)
        self.widths.append(len(nodes))
        rows = [self.rows[id(node)] for node in nodes if id(node) in self.rows]
        if rows:
            for row in rows:
                row.products.sort(key=lambda product: self.column[id(product[2])])
            atoms = [self.column[id(x)] for _, _, x in rows[0].products]
            step = Step(None, {}, [atoms], len(nodes), rows)
        else:
            operands = [
                [self.column[id(node.inputs[i])] for node in nodes]
                if id(first) in self.batched
                else [node.inputs[i] for node in nodes]
                for i, first in enumerate(nodes[0].inputs)
            ]
            step = Step(nodes[0].operation, nodes[0].params, operands, len(nodes), [])
        self.steps.append(step)
        for j, node in enumerate(nodes):
            self.column[id(node)] = number, j

    # --- the function of arrays ---

    def group(self, values: list[Value], shape: tuple[int, ...], name: str) -> int:
        """The number of the array that holds these parameters."""
        key = tuple(map(id, values)), shape
        if key not in self.position:
            self.position[key] = len(self.groups)
            self.groups.append((values, shape))
            same = sum(known.rstrip("0123456789") == name for known in self.names)
            self.names.append(f"{name}{same + 1}")
        return self.position[key]

    def __call__(self, arrays: Sequence[Any], columns: Sequence[Any]) -> Tensor:
        """The whole as operations on Tensors: ``arrays`` hold the parameters."""
        blocks: list[Any] = [columns]
        scalars = _Scalars(self, arrays, len(columns[0]))
        for step in self.steps:
            if step.operation is None:
                blocks.append(self._product(step, blocks, scalars))
            else:
                operands = [self._operand(x, blocks, scalars) for x in step.operands]
                blocks.append(step.operation(*operands, **step.params))
        block, j = self.result
        whole = blocks[block]
        return whole[j] if block == 0 else whole[:, j] if whole.shape[1] > 1 else whole.reshape(-1)

    def _product(self, step: Step, blocks: list[Any], scalars: "_Scalars") -> Tensor:
        x = _columns(step.operands[0], blocks)
        weights = scalars.matrix([[(sign, w) for sign, w, _ in row.products] for row in step.row])
        terms = [row.terms for row in step.row]
        extra = [[row[i] if i < len(row) else (1, 0.0) for row in terms] for i in range(max(map(len, terms)))]
        if not extra:
            return x @ weights
        y = record(
            LINEAR,
            tuple(v if isinstance(v, Tensor) else Tensor(v) for v in (x, weights, scalars.vector(extra[0], "b"))),
        )
        for entries in extra[1:]:
            y = y + scalars.vector(entries, "b")
        return y

    def _operand(self, x: list[Any], blocks: list[Any], scalars: "_Scalars") -> Any:
        if isinstance(x[0], tuple):
            return _columns(x, blocks)
        if all(isinstance(v, Constant) and v.raw == x[0].raw for v in x):
            return x[0].raw
        return scalars.vector([(1, v) for v in x], "v")


class _Scalars:
    """Numbers that are the same for all samples, as arrays: parameters, constants, and what is computed from them."""

    def __init__(self, plan: Plan, arrays: Sequence[Any], count: int) -> None:
        self.plan = plan
        self.arrays = arrays
        self.known: dict[int, Any] = {}

    def matrix(self, entries: list[list[tuple[int, Any]]]) -> Any:
        """The matrix with a column for each of the lists."""
        shape = len(entries), len(entries[0])
        flat = [entry for row in entries for entry in row]
        return self._signed(self._array([w for _, w in flat], shape, "W"), flat, shape)

    def vector(self, entries: list[tuple[int, Any]], name: str) -> Any:
        """The vector of these signs and scalars."""
        return self._signed(self._array([b for _, b in entries], (len(entries),), name), entries, (len(entries),))

    def _signed(self, array: Any, entries: list[tuple[int, Any]], shape: tuple[int, ...]) -> Any:
        signs = np.array([float(sign) for sign, _ in entries]).reshape(shape).T
        return array if (signs == 1).all() else array * signs

    def _array(self, numbers: list[Any], shape: tuple[int, ...], name: str) -> Any:
        plain = [1.0 if x is None else x.raw if isinstance(x, Constant) else x for x in numbers]
        if all(isinstance(x, float) for x in plain):
            return np.array(plain).reshape(shape).T
        if all(isinstance(x, Value) and x.operation is None for x in plain):
            number = self.plan.group(plain, shape, name)  # type: ignore[arg-type]
            return self.arrays[number] if number < len(self.arrays) else np.zeros(shape[::-1])
        return np.stack([self.scalar(x) for x in plain]).reshape(shape).T

    def scalar(self, x: Any) -> Any:
        """One number as a Tensor without axes; computed from parameters by the operations of its graph."""
        if isinstance(x, float | Constant):
            return Tensor(np.asarray(getattr(x, "raw", x)), requires_grad=False)
        for node in topological_order(x) if id(x) not in self.known else ():
            if id(node) in self.known or isinstance(node, Constant):
                continue
            if node.operation is None:
                self.known[id(node)] = self._array([node], (), "p")
            elif node.op == "dot":
                xs, n = [self.scalar(v) for v in node.inputs], len(node.inputs) // 2
                self.known[id(node)] = sum((w * v for w, v in zip(xs[:n], xs[n:-1], strict=True)), xs[-1])
            else:
                self.known[id(node)] = node.operation(*map(self.scalar, node.inputs), **node.params)
        return self.known[id(x)]


def _columns(places: list[Column], blocks: list[Any]) -> Any:
    """These columns beside each other: the block itself where they are all of it."""
    block, first = places[0]
    numbers = [j for _, j in places]
    if block == 0 or any(other != block for other, _ in places):
        columns = [blocks[0][j] if b == 0 else blocks[b][:, j] for b, j in places]
        return np.stack(columns, axis=1) if len(columns) > 1 else columns[0].reshape((len(columns[0]), 1))
    if numbers == list(range(first, first + len(numbers))):
        return blocks[block] if len(numbers) == blocks[block].shape[1] else blocks[block][:, first : numbers[-1] + 1]
    return blocks[block][:, np.array(numbers)]


# --- calling ----------------------------------------------------------------------------------------------------------


class Parameters(Tensor):
    """The numbers of many Values as one array; a gradient that arrives here goes on to each of them."""

    __slots__ = ("values",)

    def __init__(self, values: list[Value], shape: tuple[int, ...]) -> None:
        self.values: list[Value] = []
        super().__init__(np.array([v.raw for v in values]).reshape(shape).T)
        self.values = values

    @property
    def _grad(self) -> None:
        return None

    @_grad.setter
    def _grad(self, gx: Any) -> None:
        if gx is None or not self.values:
            return
        gx = gx[0] if isinstance(gx, tuple) else gx
        for value, g in zip(self.values, getattr(gx, "raw", gx).T.ravel().tolist(), strict=True):
            value.grad += g


class Samples(Operation):
    """The vectorized function as one operation on the parameters and the columns."""

    symbol = "Σ"
    returns_fresh_arrays = False

    def __init__(self, name: str, plan: Plan, needed: tuple[bool, ...]) -> None:
        self.name = name
        self.plan = plan
        self.needed = (True,) * len(plan.groups) + needed
        columns = [x.label for x in plan.arguments]
        self.run = Compiled(_signed(self._result, name, [*plan.names, *columns]))
        self.run_back = Compiled(_signed(self._gradients, name, [f"d{name}", *plan.names, *columns]))
        self.gx_arrays = EachInput(self._gx)

    @functools.cached_property
    def gx_nodes(self) -> EachInput:
        """What `gx_arrays` is, on nodes."""
        return EachInput(self._gx_node)

    def _result(self, *xs: Any) -> Any:
        k = len(self.plan.groups)
        tensors = [Tensor(x, requires_grad=needed) for x, needed in zip(xs, self.needed, strict=True)]
        return self.plan(tensors[:k], tensors[k:])

    def _gradients(self, gy: Any, *xs: Any) -> Any:
        k = len(self.plan.groups)
        tensors = [Tensor(x, requires_grad=needed) for x, needed in zip(xs, self.needed, strict=True)]
        self.plan(tensors[:k], tensors[k:]).backward(gy)
        return [x.grad for x in tensors if x.requires_grad]

    def forward(self, *xs: Any, memo: Any) -> Any:
        """The result for every sample."""
        return self.run(*xs).raw

    def _gx(self, i: int, gy: Any, y: Any, *xs: Any, memo: dict[str, Any]) -> Any:
        if memo.get("gy") is not gy:  # all gradients come at once, and are asked for one by one
            memo["gy"], memo["gx"] = gy, iter(self.run_back(gy, *xs))
            memo["gx"] = {j: next(memo["gx"]) for j, needed in enumerate(self.needed) if needed}
        return memo["gx"][i]

    def _gx_node(self, i: int, gy: Any, y: Any, *xs: Any, memo: Any) -> Any:
        k = len(self.plan.groups)
        return recorded_gradients(self.plan(xs[:k], xs[k:]), gy)[xs[i]]


def _signed(function: Any, name: str, names: list[str]) -> Any:
    """The function with these names for its arguments."""

    def named(*xs: Any) -> Any:
        return function(*xs)

    named.__name__ = name
    parameters = [inspect.Parameter(x, inspect.Parameter.POSITIONAL_ONLY) for x in names]
    named.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    return named


class Vectorized:
    """A function of scalars that runs over columns.

    Attributes
    ----------
    source : the program for all samples, with its backward pass, as NumPy that a person would write.
    """

    def __init__(self, function: Callable[..., Any]) -> None:
        functools.update_wrapper(self, function)
        self._function = function
        self._samples: dict[Any, Samples] = {}
        self._has_changed: Callable[[], bool] = bool  # what lies outside of the function
        self._latest: Samples | None = None

    def __call__(self, *columns: Any, **named: Any) -> Tensor:
        if MODES.recorder is not None:
            raise RecordingError(
                f"{self.__name__} is compiled already ({users_line()}): call it outside of a compiled function"  # type: ignore[attr-defined]
            )
        if named:
            columns = inspect.signature(self._function).bind(*columns, **named).args
        count, arrays = _columns_given(self._function, self.__name__, columns)  # type: ignore[attr-defined]
        needed = tuple(x.requires_grad for x in arrays)
        if self._has_changed():
            self._samples.clear()
        samples = self._samples.get(needed)
        if samples is None:
            samples = self._samples[needed] = self._planned(count, needed)
        self._latest = samples
        parameters = [Parameters(values, shape) for values, shape in samples.plan.groups]
        return record(samples, (*parameters, *arrays), {"memo": {}})

    def _planned(self, count: int, needed: tuple[bool, ...]) -> Samples:
        found, words = look_outside(self._function, ())
        name = identifier(self.__name__.replace("<lambda>", "")) or "sample"  # type: ignore[attr-defined]
        randomness, arrays = Randomness(found, words), arrays_in(found)
        samples = Samples(name, plan(self._function, count, randomness), needed)
        randomness.refuse_missed(name)
        refuse_side_effects(found, arrays, name)
        self._has_changed = changed([*outside_guards(found, (), set())])
        return samples

    def _shown(self) -> Compiled:
        """The gradient's program where a gradient was asked for, else the function's alone."""
        if self._latest is None:
            raise CompileError(f"{self.__name__} has no source before its first call: call it with columns")  # type: ignore[attr-defined]
        back = self._latest.run_back
        return back if back._latest is not None else self._latest.run

    @property
    def source(self) -> str:
        """The program for all samples: the gradient's where one was asked for, else the function's alone."""
        return self._shown().source

    @property
    def optimized_source(self) -> str:
        """The same program as it is run."""
        return self._shown().optimized_source

    @property
    def program(self) -> Program:
        """The same program as data."""
        return self._shown().program

    @property
    def listing(self) -> list[tuple[str, Line | None]]:
        """The body of `source`, line by line, each with the line of `program` that it prints: what a view shows."""
        return self._shown().listing

    def save_source(self, path: str | Path) -> None:
        """Write `source` with inputs and a main: see `Compiled.save_source`."""
        self._shown().save_source(path)

    def __repr__(self) -> str:
        return f"<vectorized {self.__name__}>"  # type: ignore[attr-defined]


def _columns_given(function: Callable[..., Any], name: str, columns: Sequence[Any]) -> tuple[int, list[Tensor]]:
    """The columns as Tensors of one length; a number stands for a column of it."""
    arrays = [x if isinstance(x, Tensor) else _numbers(function, name, i, x) for i, x in enumerate(columns)]
    lengths = {x.shape[0] for x in arrays if len(x.shape) == 1}
    if len(lengths) != 1 or any(len(x.shape) > 1 for x in arrays):
        shapes = ", ".join(str(x.shape) for x in arrays) or "nothing"
        raise CompileError(
            f"{name} runs over columns of one length, but was given {shapes}: pass an array of shape (n,) for each "
            "argument"
        )
    n = lengths.pop()
    full = [x if len(x.shape) else np.broadcast_to(getattr(x, "raw", x), (n,)) for x in arrays]
    return len(columns), [x if isinstance(x, Tensor) else Tensor(x, requires_grad=False) for x in full]


def _numbers(function: Callable[..., Any], name: str, place: int, x: Any) -> Any:
    with contextlib.suppress(TypeError, ValueError):
        if x is not None:  # of which NumPy makes a nan
            return np.asarray(x, float)
    names = [*inspect.signature(function).parameters]
    argument = names[place] if place < len(names) else f"argument {place + 1}"
    raise CompileError(
        f"{name} runs over columns of numbers, but {argument} is {x!r:.60}: pass an array of shape (n,) or a number"
    )


def plan(function: Callable[..., Any], count: int, randomness: Randomness) -> Plan:
    """Run the function on one sample, and read its graph."""
    recorder = Recorder(randomness, record_step, record_schedule)
    names = [*inspect.signature(function).parameters][:count]
    names += [f"x{i}" for i in range(len(names), count)]
    without, MODES.no_grad = MODES.no_grad, 0  # the plan serves calls that need gradients, too
    with recorder.active():
        try:
            arguments = []
            for name in names:
                value = Value(0.0, name)
                value._data = recorder.input(Argument(name), 0.5, name)
                arguments.append(value)
            result = function(*arguments)
            if not isinstance(result, Value):
                raise RecordingError(
                    f"vectorize takes a function that returns one Value, but {function.__name__} returned "
                    f"{type(result).__name__}: return the sample's loss or output"
                )
            made = Plan(result, arguments)
        finally:
            writes = recorder.restore()
            MODES.no_grad = without
    if writes:
        raise RecordingError(
            f"vectorize takes a function that computes, but {function.__name__} changes a Value: call backward() and "
            "update outside of it"
        )
    columns = [Tensor(np.full(2, 0.5), requires_grad=False) for _ in arguments]
    with no_grad(), np.errstate(all="ignore"):
        made((), columns)  # which arrays of parameters there are shows when they are asked for
    return made


def vectorize(function: Callable[..., Any]) -> Vectorized:
    """Make a function that is written for one sample, with Values, run over columns.

    Parameters
    ----------
    function : takes Values, one for each column, and returns one Value. The Values that it is made of (a
        ``nn.scalar.MLP``, say) are its parameters.

    Returns
    -------
    A function of columns: arrays or Tensors of shape (n,). It gives a Tensor of shape (n,), and ``backward()`` from
    there brings gradients to the Values.

    Raises
    ------
    RecordingError : the function branches on a Value, or returns something else than a Value.
    CompileError : the columns are not of one length.

    Examples
    --------
    >>> from tinygrad_edu import Value
    >>> w, b = Value(2.0, "w"), Value(1.0, "b")
    >>> @vectorize
    ... def square_error(x, y):
    ...     return (w * x + b - y) ** 2
    >>> losses = square_error([0.0, 1.0], [1.0, 2.0])
    >>> losses.tolist()
    [0.0, 1.0]
    >>> losses.mean().backward()
    >>> w.grad, b.grad
    (1.0, 1.0)
    """
    if not callable(function):
        raise CompileError(f"vectorize takes a function, but was given {function!r}")
    return Vectorized(function)
