"""The steps of a trace: what each is about, its numbers, and its sentence."""

import math
from collections.abc import Callable, Container, Mapping, Sequence
from functools import cached_property
from typing import Any, ClassVar, NamedTuple

import numpy as np

from tinygrad_edu.graph.node import Node
from tinygrad_edu.operations.broadcasting import unbroadcast
from tinygrad_edu.operations.row import Elementwise
from tinygrad_edu.support.ascii import for_output
from viz.formulas import blackboard
from viz.formulas.numbers import as_shown
from viz.formulas.tree import Formula, Infix, Name, Number, Prose, Relation, Row, tint
from viz.steps.as_json import single, to_json
from viz.steps.trace_data import TraceData


class Flow(NamedTuple):
    """A gradient that flows from a node to one of its inputs: what a backward step shows."""

    node: int
    position: int
    input: int
    contribution: Any
    before: Any
    after: Any


def own_params(node: Node) -> Mapping[str, Any]:
    """The operation's parameters, with a copy of what it remembers from its forward pass: that is the graph's."""
    params = node.params
    return {**params, "memo": dict(params["memo"])} if "memo" in params else params


def derivative_on_floats(node: Node, i: int) -> Callable[..., Any]:
    """A Value's derivative by its input ``i``, ``gx(gy, y, *xs, **params)``. A user's may give an int, or an array."""
    operation = node.operation
    assert operation is not None
    return (operation.gx_floats if isinstance(operation, Elementwise) else operation.gx_arrays)[i]


def same_figures(x: float, y: float) -> bool:
    """Whether two numbers are the same, apart from the last bits of a float."""
    return math.isclose(x, y, rel_tol=1e-12, abs_tol=1e-300) or (math.isnan(x) and math.isnan(y))


class Step:
    """One step of a trace.

    Attributes
    ----------
    index : its place in the list of steps.
    node : the id of the node that it is about.
    target : the id of the node that gets a value or a gradient in this step.
    """

    kind: ClassVar[str]
    equation: Formula
    numbers: Formula | None
    sentence: Formula

    def __init__(self, trace: TraceData, index: int, node: int) -> None:
        self.trace = trace
        self.index = index
        self.node = self.target = node

    @property
    def number(self) -> int:
        """Its number for people, who count from 1."""
        return self.index + 1

    def to_dict(self) -> dict[str, Any]:
        """The step as plain data."""
        return {
            "step": self.index,
            "kind": self.kind,
            "node": self.node,
            "equation": self.equation.to_dict(),
            "numbers": None if self.numbers is None else self.numbers.to_dict(),
            "sentence": self.sentence.to_dict(),
        }

    @for_output
    def __str__(self) -> str:
        return self.sentence.text

    @for_output
    def __repr__(self) -> str:
        return f"<{self.kind} step {self.number}: {self.sentence.text}>"


class Forward(Step):
    """A node gets its value."""

    kind = "forward"

    @property
    def value(self) -> Any:
        """What the node gets."""
        return self.trace.values[self.node]

    @cached_property
    def equation(self) -> Formula:  # type: ignore[override]
        """``m = a · b``."""
        return Relation((tint("value", self.trace.name_of(self.node)), self._expression), ("=",))

    @property
    def _expression(self) -> Formula:
        expression = self.trace.nodes[self.node].expression
        assert expression is not None  # a forward step is an operation's
        return expression

    @cached_property
    def _figures(self) -> list[Number] | None:
        """The inputs as numbers; None where the node or one of them holds more than one."""
        ids = [self.trace.ids[x] for x in self.trace.order[self.node].inputs]
        figures = [x for k in ids if (x := single(self.trace.values[k], f"v{k}")) is not None]
        return None if len(figures) < len(ids) or single(self.value) is None else figures

    @property
    def _is_exact(self) -> bool:
        """Whether the equation in figures is true as it is shown, and not only up to rounding."""
        node, figures, result = self.trace.order[self.node], self._figures, single(self.value)
        if figures is None or result is None:
            return True
        if isinstance(node.operation, Elementwise) and isinstance(self.value, float):
            computed = node.operation.on_floats(*(as_shown(x.value) for x in figures), **node.params)
            return same_figures(computed, as_shown(self.value))
        return all(x.is_exact for x in (*figures, result))

    @cached_property
    def numbers(self) -> Relation | None:  # type: ignore[override]
        """``2 · (−3) = −6``; None where a Tensor holds more than one."""
        operation = self.trace.order[self.node].operation
        if self._figures is None or operation is None:
            return None
        computed = blackboard.forward(operation, self._figures, self.trace.order[self.node].params)
        value = tint("value", single(self.value, f"v{self.node}"))
        return Relation((computed, value), ("=" if self._is_exact else "≈",), ("result",))

    @cached_property
    def sentence(self) -> Formula:  # type: ignore[override]
        """``m = a · b = 2 · (−3) = −6``."""
        if self.numbers is None or self._figures is None:
            return Row((self.equation, Prose(f", of shape {blackboard.shape_text(self.value.shape)}")))
        inserted = "=" if all(x.is_exact for x in self._figures) else "≈"
        parts = (self.trace.name_of(self.node), self._expression, *self.numbers.parts)
        return Relation(parts, ("=", inserted, *self.numbers.signs), ("", "inserted", "result"))

    def to_dict(self) -> dict[str, Any]:
        """The step as plain data."""
        return super().to_dict() | {"value": to_json(self.value)}


class Seed(Step):
    """The backward pass begins: the root's gradient by itself is one."""

    kind = "seed"
    before = None

    @property
    def after(self) -> Any:
        """The root's gradient."""
        return self.trace.gradients[self.trace.root]

    @cached_property
    def equation(self) -> Formula:  # type: ignore[override]
        """``∂L/∂L = 1``."""
        given = single(self.after, "after") or Prose(f"given, of shape {blackboard.shape_text(self.after.shape)}")
        return Relation((tint("gradient", self.trace.partial(self.node)), tint("gradient", given)), ("=",))

    numbers = None

    @cached_property
    def sentence(self) -> Formula:  # type: ignore[override]
        """The equation in a few words."""
        return Row((Prose("the backward pass starts with "), self.equation))

    def to_dict(self) -> dict[str, Any]:
        """The step as plain data."""
        return super().to_dict() | {"before": None, "after": to_json(self.after)}


class Backward(Step):
    """A gradient flows from a node to one of its inputs.

    Attributes
    ----------
    position, input : which of the node's inputs, and its id.
    incoming : the gradient of the node, complete by now.
    contribution : what is added to the input's gradient.
    before, after : the input's gradient; ``before`` is None where nothing had arrived.
    """

    kind = "backward"

    def __init__(self, trace: TraceData, index: int, flow: Flow, nonzero: Container[str] | None = None) -> None:
        super().__init__(trace, index, flow.node)
        self.flow = flow
        self.position = flow.position
        self.input = self.target = flow.input
        self.contribution = flow.contribution
        self.before = flow.before
        self.after = flow.after
        self.incoming = trace.gradients[flow.node]
        self.nonzero = nonzero  # inputs that are not 0, if other ones than at present

    def derivative(self, gy: Any, *, y: Any = None, xs: Sequence[Any] | None = None) -> Any:
        """What the edge makes of a gradient ``gy``, before un-broadcasting; at other ``y`` and ``xs`` if given."""
        node, values = self.trace.order[self.node], self.trace.values
        xs = [values[self.trace.ids[x]] for x in node.inputs] if xs is None else xs
        y = values[self.node] if y is None else y
        if isinstance(self.incoming, float):
            return float(derivative_on_floats(node, self.position)(gy, y, *xs, **node.params))
        assert node.operation is not None
        with np.errstate(all="ignore"):
            return np.asarray(node.operation.gx_arrays[self.position](gy, y, *xs, **own_params(node)))

    def arriving(self, gy: Any, **wrong: Any) -> Any:
        """What the input gets of a gradient ``gy``, in its own shape; `derivative` says what ``y`` and ``xs`` are."""
        flow = self.derivative(gy, **wrong)
        op = self.trace.order[self.node].op
        return flow if isinstance(flow, float) else unbroadcast(flow, self.contribution, op)

    @cached_property
    def local(self) -> Any:
        """The local derivative ∂node/∂input; None where it is a matrix that is too large to write out."""
        if isinstance(self.incoming, float):
            return self.derivative(1.0)
        operation = self.trace.order[self.node].operation
        if isinstance(operation, Elementwise) or self.incoming.size == self.contribution.size == 1:
            return self.derivative(np.ones_like(self.incoming))
        return None

    @cached_property
    def product(self) -> Any:
        """Incoming times local, before un-broadcasting."""
        if isinstance(self.incoming, float):
            return self.contribution
        return self.derivative(self.incoming)

    @property
    def summed_axes(self) -> list[int]:
        """The axes of the product that un-broadcasting adds up."""
        if isinstance(self.incoming, float):
            return []
        shape, full = self.contribution.shape, self.product.shape
        lead = len(full) - len(shape)
        return [a for a, n in enumerate(full) if a < lead or (n != 1 and shape[a - lead] == 1)]

    @cached_property
    def local_formula(self) -> Formula:
        """The local derivative in names: ``1 − L²``."""
        return blackboard.local_derivative(self._edge)

    @property
    def _edge(self) -> blackboard.Edge:
        trace, record = self.trace, self.trace.nodes[self.node]
        assert record.node.operation is not None
        params = record.node.params.items()
        settings = {k: Number(float(v), digits=12) if isinstance(v, float | int) else Name(k) for k, v in params}
        xs = record.inputs
        names = ["x"] if len(xs) == 1 else [f"x{i}" for i in range(len(xs))]
        nonzero = self.nonzero
        if nonzero is None:
            nonzero = [name for name, k in zip(names, xs, strict=True) if np.all(trace.values[k])]
        terms = list(map(trace.term, xs))
        return blackboard.Edge(record.node.operation, self.position, trace.term(self.node), terms, settings, nonzero)

    @cached_property
    def equation(self) -> Formula:  # type: ignore[override]
        """``∂L/∂a += ∂L/∂m · b``; of Tensors, ``∂L/∂W += Xᵀ @ ∂L/∂Z``."""
        return Relation((tint("gradient", self.trace.partial(self.input)), self._flowing), ("+=",))

    @cached_property
    def _flowing(self) -> Formula:
        incoming = tint("gradient", self.trace.partial(self.node))
        if isinstance(self.incoming, float):
            return Infix("*", incoming, tint("local", self.local_formula))
        gxs = [self.trace.partial(k) for k in self.trace.nodes[self.node].inputs]
        product = blackboard.pulled_back(self._edge, incoming, gxs)
        if not self.summed_axes or product.text.startswith("Σ"):
            return product
        axes = f"axis {self.summed_axes[0]}" if len(self.summed_axes) == 1 else f"axes {tuple(self.summed_axes)}"
        return Row((product, Prose(f", summed over {axes}")))

    @cached_property
    def numbers(self) -> Relation | None:  # type: ignore[override]
        """``−2 · (−3) = 6``; None where a Tensor holds more than one."""
        named = {"incoming": self.incoming, "local": self.local, "contribution": self.contribution}
        parts = [part for name, x in named.items() if x is not None and (part := single(x, name))]
        if len(parts) < len(named):
            return None
        incoming, local, product = parts
        is_exact = same_figures(as_shown(incoming.value) * as_shown(local.value), as_shown(product.value))
        computed = Infix("*", tint("gradient", incoming), tint("local", local))
        return Relation((computed, tint("gradient", product)), ("=" if is_exact else "≈",), ("result",))

    @cached_property
    def sentence(self) -> Formula:  # type: ignore[override]
        """``a receives −2 · (−3) = 6; with 1 from before, that makes 7``."""
        receives = (self.trace.name_of(self.input), Prose(" receives "))
        if self.numbers is None:
            shape = blackboard.shape_text(self.contribution.shape)
            return Row((*receives, self._flowing, Prose(f", of shape {shape}")))
        if self.before is None:
            return Row((*receives, self.numbers))
        before, after = single(self.before, "before"), single(self.after, "after")
        assert before is not None
        assert after is not None
        return Row((*receives, self.numbers, Prose("; with "), before, Prose(" from before, that makes "), after))

    @property
    def shapes(self) -> str | None:
        """The shapes in the equation, ``(784,30) += (784,10) @ (10,30)``; None of Values."""
        if isinstance(self.incoming, float):
            return None
        operation, i = self._edge[:2]
        to, gy = blackboard.shape_text(self.contribution.shape), blackboard.shape_text(self.incoming.shape)
        if self.summed_axes:
            return f"{to} ← {gy}"
        if isinstance(operation, Elementwise):
            entry_by_entry = isinstance(self._flowing, Infix) and self._flowing.symbol == "⊙"
            return f"{to} += {gy}" + f" ⊙ {gy}" * entry_by_entry
        shapes = {f"x{k}": self.trace.values[x].shape for k, x in enumerate(self.trace.nodes[self.node].inputs)}
        shapes |= {"y": self.incoming.shape, "gy": self.incoming.shape}
        product = blackboard.product_of_shapes(operation.local_derivative(i), shapes)
        return f"{to} += {product}" if product else f"{to} ← {gy}"

    def to_dict(self) -> dict[str, Any]:
        """The step as plain data."""
        return super().to_dict() | {
            "position": self.position,
            "input": self.input,
            "incoming": to_json(self.incoming),
            "local": self.local_formula.to_dict() | {"value": to_json(self.local)},
            "product": to_json(self.product),
            "summed_axes": self.summed_axes,
            "contribution": to_json(self.contribution),
            "before": to_json(self.before),
            "after": to_json(self.after),
            "shapes": self.shapes,
        }
