"""Which module call each node of a graph belongs to, and what stands for a node when calls are folded.

A module notes on the node that it returns what it was given (`tinygrad_edu.graph.node.Mark`): what is between belongs
to that call. With ``hidden = linear(x)``, ``y = relu(hidden)`` and a Sequential around both::

    x ── linear ── relu (y)        Sequential ⊃ Linear ∋ W, b, linear
    W ──┤                          Sequential ⊃ ReLU   ∋ relu
    b ──┘                          x is in none: it was given to the Linear, and to the Sequential

The graph is walked once, from the root. A node is in the calls of the nodes that use it, except in those that it
was given to, and opens the calls that returned it. So the calls form a tree, and no module is asked for anything.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Self

from tinygrad_edu.graph.node import Node
from tinygrad_edu.graph.scope import Mark, Scope


class Nested:
    """What may be inside of another of its kind."""

    __slots__ = ("parent",)
    parent: Self | None

    def lineage(self) -> Iterator[Self]:
        """Go outwards: this one, the one around it, and so on."""
        around: Self | None = self
        while around is not None:
            yield around
            around = around.parent


@dataclass(eq=False, repr=False, slots=True)
class Call(Nested):
    """One call of a module. The one without a parent is no module's: it is the whole graph."""

    scope: Scope
    given: frozenset[Node]
    parent: "Call | None"
    outputs: list[Node] = field(default_factory=list)
    index: int = 0

    def path(self) -> list["Call"]:
        """The module calls that one passes on the way in from the whole graph, this one being the last."""
        return [*self.lineage()][-2::-1]


class Modules(NamedTuple):
    """The module calls of a graph.

    Node ``order[i]`` belongs to the call ``home[i]``, and is used by nodes in the calls ``users[i]``. There are several
    users where calls share a node, as two calls of one module share its weights. ``calls`` are in the order of the
    graph.
    """

    order: Sequence[Node]
    calls: list[Call]
    home: list[Call]
    users: list[tuple[Call, ...]]

    @property
    def deepest(self) -> int:
        """How many calls are inside each other at most."""
        return max((len(call.path()) for call in self.calls), default=0)

    def is_parameter(self, i: int) -> bool:
        """Whether node ``i`` is a leaf that learns, and that a module uses without having been given it."""
        node = self.order[i]
        return node.operation is None and node.requires_grad and any(call.parent for call in self.users[i])

    def parameter_counts(self, depth: int) -> dict[Call, int]:
        """How many numbers learn in each call that is folded at this depth."""
        # For each call that cannot be seen into, the folded one that it is, or is in.
        boxes = {call: path[depth] for call in self.calls if len(path := call.path()) > depth}
        counts = dict.fromkeys(boxes.values(), 0)
        for i, (node, users) in enumerate(zip(self.order, self.users, strict=True)):
            if self.is_parameter(i):
                for box in {boxes[call] for call in users if call in boxes}:
                    counts[box] += getattr(node, "size", 1)
        return counts


def module_calls(order: Sequence[Node]) -> Modules:
    """Find the module calls in a graph, given in topological order."""
    whole = Call(Scope(), frozenset(), None)
    if not any(node.marks for node in order):
        return Modules(order, [], [whole] * len(order), [(whole,)] * len(order))
    found: dict[tuple[int, int], Call] = {}
    used_in: dict[Node, tuple[Call, ...]] = {order[-1]: (whole,)}
    home: list[Call] = []
    users: list[tuple[Call, ...]] = []
    for node in reversed(order):
        around = used_in.pop(node)
        call = _home(around)
        for mark in reversed(node.marks):
            call = _enter(mark, node, call, found)
        users.append(around)
        home.append(call)
        for x in node.inputs:
            outside = call if call is whole else _leave(call, x)
            known = used_in.get(x, ())
            if outside not in known:
                used_in[x] = (*known, outside)
    calls = [*found.values()][::-1]
    for index, call in enumerate(calls):
        call.index = index
    return Modules(order, calls, home[::-1], users[::-1])


def _enter(mark: Mark, node: Node, call: Call, found: dict[tuple[int, int], Call]) -> Call:
    """Where one is in the call that ``mark`` notes on ``node``, coming from ``call``."""
    if any(x is node for x in mark.inputs):  # it returned what it was given: nothing is between
        return call
    key = id(mark.scope), id(mark.inputs)  # a call with several outputs notes one tuple on all of them
    entered = found.get(key)
    if entered is None:
        entered = found[key] = Call(mark.scope, frozenset(_nodes(mark.inputs)), call)
    elif entered in call.lineage():
        return call
    elif entered.parent is not None:
        entered.parent = _home((entered.parent, call))
    entered.outputs.append(node)
    return entered


def _nodes(inputs: tuple[Any, ...]) -> Iterator[Node]:
    """The nodes in what a module was given, be it lists of them."""
    stack = [*inputs]
    while stack:
        given = stack.pop()
        if isinstance(given, Node):
            yield given
        elif isinstance(given, list | tuple):
            stack += given


def _leave(call: Call, x: Node) -> Call:
    """The call that the input ``x`` of a node in ``call`` is in: outside of every call that was given it."""
    outside = call
    for around in call.lineage():
        if x in around.given and around.parent is not None:
            outside = around.parent
    return outside


def _home(users: tuple[Call, ...]) -> Call:
    """The call that a node used in these belongs to: the innermost, or what holds them if there are several."""
    if len(users) == 1:
        return users[0]
    outer = {call for user in users for call in user.lineage() if call is not user}
    first, *others = (user for user in users if user not in outer)
    for other in others:
        around = {*other.lineage()}
        first = next(call for call in first.lineage() if call in around)
    return first
