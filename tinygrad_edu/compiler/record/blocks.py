"""`Plan`: a graph of scalars, read as blocks. A block is a matrix whose columns are Values that are computed alike.

The graph is read level by level. Sums of products over the same inputs become a matrix product, and ``relu`` of each
of its columns becomes one ``relu``.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tinygrad_edu.compiler.errors import CompileError
from tinygrad_edu.graph.node import topological_order
from tinygrad_edu.operations.matrices import LINEAR
from tinygrad_edu.operations.operation import Operation
from tinygrad_edu.tensor import Tensor, record
from tinygrad_edu.value import Constant, Value

_LINEAR = frozenset({"add", "sub", "neg", "mul", "dot"})
Column = tuple[int, int]  # a block, and one of its columns


@dataclass
class Row:
    """A sum of products: coefficients (with signs) and what they multiply, and terms without it."""

    products: list[tuple[int, Value | None, Value]]
    terms: list[tuple[int, Value]]


@dataclass
class Step:
    """One block: ``operation`` on operands. Each operand is columns of a block, or scalars, one for each column."""

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
