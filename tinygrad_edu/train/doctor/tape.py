"""`Tape`: records the first steps of a run. `Fork`: repeats them on a copy of the net and the optimizer."""

import copy
import math
from collections.abc import Callable, Container, Mapping
from typing import Any, NamedTuple

import numpy as np

from tinygrad_edu.errors import ArgumentError
from tinygrad_edu.graph.modes import MODES
from tinygrad_edu.graph.node import Node
from tinygrad_edu.optim import Optimizer
from tinygrad_edu.train.doctor.course import Course, gradient

Make = Callable[[list[Any]], Any]  # makes a node of those before it in the order

KEPT = 64  # backward passes
BYTES = 2**26  # of the batches that are kept


class Instruction(NamedTuple):
    """A node of a recorded graph: a parameter by name, a constant, or an operation with the indices of its inputs."""

    name: str
    constant: Node | None
    operation: Any
    inputs: tuple[int, ...]
    params: Mapping[str, Any]

    @property
    def op(self) -> str:
        """The name of the operation; "" for a parameter or a constant."""
        return "" if self.operation is None else self.operation.name


class Pass(NamedTuple):
    """A backward pass, and what happened until the next one.

    Attributes
    ----------
    graph : the nodes in topological order, without their numbers.
    kept : the parameters that still had the gradient of an earlier pass when this one began.
    steps : the learning rates of the steps that followed.
    loss : its number.
    """

    graph: list[Instruction]
    kept: frozenset[str]
    steps: list[float]
    loss: float

    def last(self, ops: Container[str]) -> int:
        """The index of the last node that one of these operations made; −1 if there is none."""
        return max((i for i, x in enumerate(self.graph) if x.op in ops), default=-1)


class Tape:
    """Records the graphs of the first backward passes, their batches included, and the state before them.

    Attributes
    ----------
    passes : what was recorded.
    start : copies of the parameters at the start, by name.
    optimizer : a copy of the optimizer at the start, with these copies as its parameters; None if none is known.
    """

    def __init__(self, course: Course, optimizer: Any) -> None:
        self.passes: list[Pass] = []
        self.start: dict[str, Any] = {name: copy.copy(p) for name, p in course.parameters.items()}
        self._names = {p: name for name, p in course.parameters.items()}
        self._parameters = course.parameters
        self._bytes = 0
        self.optimizer: Any = None
        if isinstance(optimizer, Optimizer):
            memo: dict[int, Any] = {id(p): self.start[name] for name, p in course.parameters.items()}
            self.optimizer = copy.deepcopy(optimizer, memo)

    def record_pass(self, root: Node, order: list[Node]) -> None:
        """Record a backward pass that begins."""
        if len(self.passes) >= KEPT or self._bytes > BYTES:
            return
        places = {node: i for i, node in enumerate(order)}
        graph = [self._instruction(node, places) for node in order]
        held = {name: gradient(p) for name, p in self._parameters.items()}
        kept = frozenset(name for name, g in held.items() if g is not None and np.any(g))
        loss = float(np.reshape(root.raw, -1)[0]) if np.size(root.raw) == 1 else math.nan
        self.passes.append(Pass(graph, kept, [], loss))

    def _instruction(self, node: Node, places: Mapping[Node, int]) -> Instruction:
        if node.operation is None:
            name = self._names.get(node, "")
            if not name:
                self._bytes += np.size(node.raw) * 8
            return Instruction(name, None if name else node, None, (), {})
        params = {key: {} if key == "memo" else value for key, value in node.params.items()}
        return Instruction("", None, node.operation, tuple([places[x] for x in node.inputs]), params)

    def record_step(self, optimizer: Any) -> None:
        """Record a step of an optimizer."""
        if self.passes:
            self.passes[-1].steps.append(float(optimizer.lr))


def with_passes(tape: Tape | None, need: str) -> Tape:
    """The tape, if it has a pass; ``need`` begins the error if not."""
    if tape is None:
        raise ArgumentError(
            f"{need} the first steps of the run: watch it with train.doctor(net, optimizer, examine=True)"
        )
    if not tape.passes:
        raise ArgumentError(f"{need} at least one step, but no backward pass was recorded")
    return tape


class Fork:
    """A copy of the net and the optimizer as they were at the start of a tape, which repeats the recorded steps.

    Attributes
    ----------
    parameters : by name.
    optimizer : of these parameters.
    losses : of the passes so far.
    rate : multiplies the recorded learning rates; None to keep the optimizer's own.
    zero_grad : True to reset the gradients before every pass; None to do as the run did.
    always_step : whether a step follows every pass; if not, steps are where the run took them.
    replace : gives, for the fork and a recorded pass, the indices of the nodes that become others, each with a function
        that makes the node of those before it; None to keep all.
    unit : each loss is multiplied with it, so that losses of scaled targets can be compared.
    """

    def __init__(self, tape: Tape) -> None:
        self.tape = tape
        memo: dict[int, Any] = {}
        self.parameters = {name: memo.setdefault(id(p), copy.copy(p)) for name, p in tape.start.items()}
        self.optimizer = copy.deepcopy(tape.optimizer, memo)
        self.losses: list[float] = []
        self.rate: float | None = 1.0
        self.zero_grad: bool | None = None
        self.always_step = False
        self.replace: Callable[[Fork, Pass], Mapping[int, Make]] | None = None
        self.unit = 1.0

    def run(self, passes: int, *, only: int | None = None) -> None:
        """Repeat the recorded passes until there are ``passes``, from the first on; or ``only`` the one at an index."""
        observers, MODES.observers = MODES.observers, ()
        try:
            with np.errstate(all="ignore"):
                for i in range(passes):
                    self._pass(self.tape.passes[i % len(self.tape.passes) if only is None else only], i)
        finally:
            MODES.observers = observers

    def _pass(self, recorded: Pass, number: int) -> None:
        kept = recorded.kept if number and self.zero_grad is None else frozenset()
        for name, p in self.parameters.items():
            if name not in kept:
                p.grad = 0.0 if isinstance(p.raw, float) else None
        loss = self.forward(recorded)
        self.losses.append(self.unit * float(np.reshape(loss.raw, -1)[0]))
        loss.backward()
        if self.optimizer is None:
            return
        for rate in recorded.steps or ([self.optimizer.lr] if self.always_step else []):
            if self.rate is not None:
                self.optimizer.lr = rate * self.rate
            self.optimizer.step()

    def forward(self, recorded: Pass) -> Any:
        """The loss of a recorded pass, with this fork's parameters."""
        nodes: list[Any] = []
        others = {} if self.replace is None else self.replace(self, recorded)
        for i, instruction in enumerate(recorded.graph):
            make = others.get(i)
            nodes.append(self.node(instruction, nodes) if make is None else make(nodes))
        return nodes[-1]

    def node(self, instruction: Instruction, nodes: list[Any]) -> Any:
        """The node that an instruction makes of those so far."""
        if instruction.name:
            return self.parameters[instruction.name]
        if instruction.constant is not None:
            return instruction.constant
        xs = [nodes[i] for i in instruction.inputs]
        params = {key: {} if key == "memo" else value for key, value in instruction.params.items()}
        return xs[0]._record(instruction.operation, xs, params)
