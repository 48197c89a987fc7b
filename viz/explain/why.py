"""`why`: where a gradient comes from, as a sum of products.

Between Values, a gradient is a sum over the paths from the root to the node: along each path, the local derivatives
are multiplied. An entry of a Tensor's gradient is a sum over the entries that it flows into: of each, its own gradient
times the local derivative.
"""

import heapq
import math
import operator
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from tinygrad_edu.errors import ArgumentError, TinygradEduError
from tinygrad_edu.graph.node import Node, describe
from tinygrad_edu.operations.row import Elementwise
from tinygrad_edu.speed.written_backward import array_gradients
from tinygrad_edu.support.arguments import shown
from tinygrad_edu.support.ascii import for_output
from tinygrad_edu.support.types import Array
from tinygrad_edu.tensor import Tensor
from tinygrad_edu.value import Value
from viz.formulas.numbers import entry_name, number_text
from viz.steps.as_json import json_number
from viz.steps.steps import Backward
from viz.steps.trace import Trace, trace

TOP = 10  # so many terms of the sum are given, the largest first


@dataclass(frozen=True)
class Path:
    """A path from the root to the node: the steps along it, the local derivative of each, and their product."""

    trace: Trace
    steps: tuple[Backward, ...]
    factors: tuple[float, ...]
    product: float

    @property
    def nodes(self) -> list[int]:
        """The ids of the nodes on the way, the root first."""
        return [self.trace.root, *(step.input for step in self.steps)]

    @property
    def cells(self) -> tuple[str, str]:
        """The product in figures, if it has several factors, and the way."""
        names = [self.trace.names[k] for k in self.nodes]
        return _product(self.factors) if len(self.factors) > 1 else "", " → ".join(_abridged(names))

    def to_dict(self) -> dict[str, Any]:
        """The path as plain data."""
        return {
            "nodes": self.nodes,
            "steps": [step.index for step in self.steps],
            "factors": list(map(json_number, self.factors)),
            "product": json_number(self.product),
        }


@dataclass(frozen=True)
class Term:
    """What one entry contributes: its own gradient, times its derivative by the entry in question.

    Attributes
    ----------
    step : the backward step in which it does.
    index : which entry of the step's node.
    incoming, local, product : its gradient, the local derivative, and the one times the other.
    factor : the local derivative by name: ``X[0,3]``, ``∂Z[0,1]/∂W[3,1]``.
    """

    step: Backward
    index: tuple[int, ...]
    incoming: float
    local: float
    product: float
    factor: str

    @property
    def cells(self) -> tuple[str, str]:
        """The product in figures, and in names."""
        trace = self.step.trace
        entry = entry_name(trace.names[self.step.node], self.index)
        return _product((self.incoming, self.local)), f"∂{trace.names[trace.root]}/∂{entry} · {self.factor}"

    def to_dict(self) -> dict[str, Any]:
        """The term as plain data."""
        return {
            "step": self.step.index,
            "node": self.step.node,
            "index": list(self.index),
            "incoming": json_number(self.incoming),
            "local": json_number(self.local),
            "product": json_number(self.product),
            "factor": self.factor,
        }


def _product(factors: Sequence[float]) -> str:
    texts = [number_text(factor) for factor in factors]
    texts[1:] = [f"({text})" if text.startswith("−") else text for text in texts[1:]]
    return " · ".join(_abridged(texts))


def _abridged(items: Sequence[str]) -> Sequence[str]:
    """The first and the last of many."""
    return [*items[:6], "…", *items[-5:]] if len(items) > 12 else items


@dataclass(eq=False)
class Explanation:
    """A gradient as a sum of products, the largest first; made by `why`.

    Attributes
    ----------
    gradient : the number to explain, as ``backward()`` gives it.
    terms : the largest of its terms: each a `Path` or a `Term`.
    count : how many terms there are in all.
    shown : the sum of `terms`.
    remainder, rounding : what is missing from ``shown`` to ``gradient``, to the last bit:
        ``math.fsum([shown, remainder, rounding]) == gradient``. A float's difference to another may need two floats;
        ``rounding`` is the second one, and mostly 0.
    """

    trace: Trace
    node: int
    index: tuple[int, ...] | None
    gradient: float
    terms: tuple[Path | Term, ...]
    count: int

    def __post_init__(self) -> None:
        self.shown = _sum([term.product for term in self.terms])
        self.remainder, self.rounding = difference(self.gradient, self.shown)

    @for_output
    def __repr__(self) -> str:
        name = entry_name(self.trace.names[self.node], self.index or ())
        title = f"∂{self.trace.names[self.trace.root]}/∂{name} = {number_text(self.gradient)}"
        if not self.count:
            return f"{title}: every local derivative on its way is 0"
        kinds = ("path", "paths") if self.index is None else ("entry that it flows into", "entries that it flows into")
        rows = [(number_text(term.product), *term.cells) for term in self.terms]
        left_out = self.count - len(self.terms)
        if left_out or self.remainder:
            rest = f"the other {_counted(left_out)}" if left_out else "rounding"
            rows.append((number_text(self.remainder), "", rest))
        first, second = (max(len(row[column]) for row in rows) for column in (0, 1))
        lines = [
            f"  {total:>{first}} {'=' if product else ' '} {product:<{second}}  {says}" for total, product, says in rows
        ]
        return "\n".join([f"{title}: {_counted(self.count)} {kinds[self.count > 1]}", *lines])

    def to_dict(self) -> dict[str, Any]:
        """The explanation as plain data.

        ``kind`` ("paths" or "entries"), ``node`` and ``index`` say what is explained. ``gradient``, ``shown``,
        ``remainder`` and ``rounding`` are numbers as in `viz.trace`. ``count`` is a string, because it may be too large
        for a number. ``terms`` is a list of `Path.to_dict` or of `Term.to_dict`.
        """
        return {
            "kind": "paths" if self.index is None else "entries",
            "node": self.node,
            "index": None if self.index is None else list(self.index),
            "gradient": json_number(self.gradient),
            "count": _counted(self.count),
            "terms": [term.to_dict() for term in self.terms],
            "shown": json_number(self.shown),
            "remainder": json_number(self.remainder),
            "rounding": json_number(self.rounding),
        }


def _counted(n: int) -> str:
    """A count in words; of more than 10^15, its order of magnitude.

    >>> _counted(1234), _counted(2**60)
    ('1,234', 'about 10^18')
    """
    return f"{n:,}" if n.bit_length() < 50 else f"about 10^{int(n.bit_length() * math.log10(2))}"


def _sum(numbers: Sequence[float]) -> float:
    try:
        return math.fsum(numbers)
    except (OverflowError, ValueError):  # infinities of both signs, or a sum that is too large
        return sum(numbers)


def difference(a: float, b: float) -> tuple[float, float]:
    """``a - b`` as a float and the error of that float, which is one too (Knuth's TwoSum).

    >>> difference(1.0, 1e-20)
    (1.0, -1e-20)
    """
    total = a - b
    part = total - a
    error = (a - (total - part)) - (b + part)
    return total, error if math.isfinite(error) else 0.0


def why(node: Node, root: Node | Trace, *, index: Any = None, top: int = TOP) -> Explanation:
    """Explain the gradient ∂root/∂node as a sum of products.

    Parameters
    ----------
    node : a leaf, or any other node that ``root`` depends on.
    root : where the backward pass starts, or its `Trace`.
    index : of a Tensor's entry; not needed where it has only one.
    top : how many terms to give; the sum of the others is given as one number.

    Returns
    -------
    The explanation, to be printed. Of a Value it has the paths from the root: the largest products are found by
    dynamic programming over the graph, never by listing all paths. Of a Tensor it has the entries that this entry
    flows into, through broadcasting, matrix products, reductions, softmax, indexing and all other operations.

    Raises
    ------
    ArgumentError : ``root`` does not depend on ``node``; the index is missing or out of range.

    Examples
    --------
    >>> a, b = Value(2.0, "a"), Value(-3.0, "b")
    >>> why(a, a * b + a**2)
    ∂L/∂a = 1: 2 paths
       4 = 1 · 4     L → v4 → a
      −3 = 1 · (−3)  L → v2 → a
    >>> W = Tensor([[1.0, 2.0], [3.0, 4.0]], label="W")
    >>> X = np.array([[5.0, 6.0], [7.0, 8.0]])
    >>> why(W, (X @ W).sum(), index=(0, 1))
    ∂L/∂W[0,1] = 12: 2 entries that it flows into
      7 = 1 · 7  ∂L/∂v2[1,1] · v0[1,0]
      5 = 1 · 5  ∂L/∂v2[0,1] · v0[0,0]
    """
    told = root if isinstance(root, Trace) else trace(root)
    k = _place(node, told)
    if isinstance(node, Value):
        if index is not None:
            raise ArgumentError(f"index= is for an entry of a Tensor: a Value has one gradient, but index={index!r}")
        return _paths(told, k, top)
    assert isinstance(node, Tensor)
    return _entries(told, k, _checked(index, node), top)


def _place(node: Any, told: Trace) -> int:
    if not isinstance(node, Node):
        raise ArgumentError(f"why() needs a Value or a Tensor to explain the gradient of, but was given {shown(node)}")
    k = told.ids.get(node)
    if k is None:
        raise ArgumentError(
            f"why() was given {describe(node)}, which is no part of the graph of the root, so its gradient is 0: "
            "the order is why(leaf, root)"
        )
    if not node.requires_grad:
        raise ArgumentError(f"why() was given {describe(node)}, a constant: nothing flows to it")
    return k


def _checked(index: Any, node: Tensor) -> tuple[int, ...]:
    if index is None and node.size == 1:
        return (0,) * node.ndim
    given = (index,) if isinstance(index, int) else index
    indices: tuple[int, ...] = ()
    try:
        indices = tuple(map(operator.index, given))
        inside = len(indices) == node.ndim and all(-n <= i < n for i, n in zip(indices, node.shape, strict=True))
    except TypeError:
        inside = False
    if not inside:
        raise ArgumentError(
            f"why() explains one entry: {describe(node)} has shape {node.shape}, so pass index= with {node.ndim} "
            f"integers within it, but it was {index!r}"
        )
    return tuple([i % n for i, n in zip(indices, node.shape, strict=True)])


# --- paths --------------------------------------------------------------------------------------------------------


class _Partial(NamedTuple):
    """The first part of a path: its product, the step that it ends with, and the part before that."""

    product: float
    local: float
    step: Backward | None
    before: "_Partial | None"


def _size(part: "_Partial | Term") -> float:
    """How large the product is: a NaN is larger than all."""
    return abs(part.product) if part.product == part.product else math.inf


def _paths(told: Trace, k: int, top: int) -> Explanation:
    """Largest products to each node, from the root on: they extend the largest ones to the nodes that use it."""
    leads = _leading_to(told, k)
    best: dict[int, list[_Partial]] = {told.root: [_Partial(1.0, 1.0, None, None)]}
    counts = {told.root: 1}
    for step in told.flows:
        if step.input not in leads:
            continue
        longer = [_Partial(part.product * step.local, step.local, step, part) for part in best[step.node]]
        best[step.input] = heapq.nlargest(top, best.get(step.input, []) + longer, key=_size)
        counts[step.input] = counts.get(step.input, 0) + counts[step.node]
    return Explanation(told, k, None, told.gradients[k], tuple(_path(told, part) for part in best[k]), counts[k])


def _leading_to(told: Trace, k: int) -> set[int]:
    """The nodes that depend on node ``k``, and itself."""
    leads = {k}
    for j in told.operations:
        if any(told.ids[x] in leads for x in told.order[j].inputs):
            leads.add(j)
    return leads


def _path(told: Trace, part: _Partial) -> Path:
    product = part.product
    steps: list[Backward] = []
    factors: list[float] = []
    while part.step is not None and part.before is not None:
        steps.append(part.step)
        factors.append(part.local)
        part = part.before
    return Path(told, tuple(steps[::-1]), tuple(factors[::-1]), product)


# --- entries ------------------------------------------------------------------------------------------------------


def _entries(told: Trace, k: int, index: tuple[int, ...], top: int) -> Explanation:
    uses = [step for step in told.flows if step.input == k]
    terms: list[Term] = []
    count = 0
    for step in uses:
        column = local_column(step, index)
        products = step.incoming * column
        there = np.flatnonzero(column)
        count += len(there)
        sizes = np.abs(np.nan_to_num(products.ravel()[there], nan=np.inf))
        for flat in there[np.argsort(-sizes, kind="stable")[:top]]:
            at = tuple(int(i) for i in np.unravel_index(flat, column.shape))
            numbers = (float(step.incoming[at]), float(column[at]), float(products[at]))
            terms.append(Term(step, at, *numbers, _factor(step, index, at)))
    terms = heapq.nlargest(top, terms, key=_size)
    return Explanation(told, k, index, float(told.gradients[k][index]), tuple(terms), count)


def local_column(step: Backward, index: tuple[int, ...]) -> Array:
    """The derivative of every entry of the step's node by one entry of its input: ∂y[…]/∂x[index]."""
    onehot = np.zeros(step.contribution.shape, step.contribution.dtype)
    onehot[index] = 1
    if isinstance(step.trace.order[step.node].operation, Elementwise):
        local: Array = np.broadcast_to(step.local, step.incoming.shape).copy()
        local[np.broadcast_to(onehot, local.shape) == 0] = 0
        return local
    column = _by_the_derivative_of_the_derivative(step, onehot)
    if column is not None and np.isclose(np.sum(step.incoming * column), step.contribution[index], 1e-4, 1e-6):
        return column
    return _entry_by_entry(step, index)


def _by_the_derivative_of_the_derivative(step: Backward, onehot: Array) -> Array | None:
    """A column of the Jacobian J: gx = Jᵀ gy is linear in gy, and its derivative the other way is J again.

    None where a user's derivative cannot be differentiated.
    """
    node, values = step.trace.order[step.node], step.trace.values
    assert node.operation is not None
    gy = Tensor(step.incoming)
    y, *xs = (Tensor(values[step.trace.ids[x]], requires_grad=False) for x in (node, *node.inputs))
    try:
        gx = node.operation.gx_nodes[step.position](gy, y, *xs, **node.params)
        gx = xs[step.position].fit_gradient(gx, node)
        return array_gradients(gx, onehot)[gy] if gx.requires_grad else None
    except (TinygradEduError, TypeError, ValueError):
        return None


def _entry_by_entry(step: Backward, index: tuple[int, ...]) -> Array:
    """The same column, with one backward pass for each entry of the node."""
    column: Array = np.zeros_like(step.incoming)
    for at in np.ndindex(column.shape):
        gy = np.zeros_like(step.incoming)
        gy[at] = 1
        column[at] = step.arriving(gy)[index]
    return column


def _factor(step: Backward, index: tuple[int, ...], at: tuple[int, ...]) -> str:
    """The local derivative by name: an entry of the other factor in a product, otherwise ∂y[…]/∂x[…]."""
    trace, node = step.trace, step.trace.order[step.node]
    names = [trace.names[trace.ids[x]] for x in node.inputs]
    i = step.position
    if node.op in ("matmul", "linear") and i < 2 and all(x.raw.ndim == 2 for x in node.inputs[:2]):
        other = (index[1], at[1]) if i == 0 else (at[0], index[0])
        return entry_name(names[1 - i], other)
    return f"∂{entry_name(trace.names[step.node], at)}/∂{entry_name(names[i], index)}"
