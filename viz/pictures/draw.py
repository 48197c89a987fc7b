"""`draw`: a graph as a picture.

The elements of the SVG have an ``id`` that is the same for every folding and direction:

- ``node-3``: ``topological_order(root)[3]``,
- ``edge-3-1``: the arrow to it from its ``inputs[1]``,
- ``module-2``: ``module_calls(order).calls[2]``, as a cluster or folded,
- ``loop-5``: ``groups_of(modules).groups[5]``, as a cluster or folded, ``loop-5-0-3`` its turns from 0 to 3 as a box.
"""

import os
import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from numbers import Integral
from pathlib import Path
from typing import Any, Literal, NamedTuple, Protocol

from tinygrad_edu.errors import ArgumentError, DTypeError
from tinygrad_edu.graph.node import Node, topological_order
from tinygrad_edu.support.arguments import shown
from tinygrad_edu.support.ascii import for_output
from tinygrad_edu.support.calls import explains_calls
from tinygrad_edu.support.files import write
from viz.formulas.numbers import counted, printable
from viz.pictures import captions, dot, program, render
from viz.pictures.palette import THEMES, Theme
from viz.steps.modules import Call, Modules
from viz.steps.repeats import Box, Group, Groups, Turns, groups_of
from viz.steps.trace_data import TraceData

Direction = Literal["LR", "TB"]
Item = Node | Box

_ARROWS_PER_NODE = 2  # with more of them, a picture that had to be folded is folded further: it would be unreadable
_LONGEST = 25_000  # ranks that the arrows pass in all: of more, no picture is drawn
_DESCRIBED = 60  # up to so many nodes are described one by one


class Checked(Protocol):
    """What a picture needs of an audit: the nodes whose derivative is wrong, each with a sentence."""

    @property
    def complaints(self) -> dict[Node, str]: ...


@dataclass(eq=False)
class Drawing:
    """A picture of a graph as it was when it was drawn; it shows itself in a notebook.

    Attributes
    ----------
    source : in Graphviz's language DOT.
    title : the root's name and how much is shown.
    description : every node in words, for a screen reader.
    """

    source: str
    title: str
    description: str

    @property
    def svg(self) -> str:
        """The picture as the text of an ``<svg>`` element."""
        return render.accessible_svg(self.source, f"Computation graph of {self.title}", self.description)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the picture to ``path``, as SVG, PNG or PDF by its suffix.

        Raises
        ------
        ArgumentError : another suffix.
        FileError : the file cannot be written. An older file of that name is then unchanged.
        """
        given = os.fspath(path) if isinstance(path, str | os.PathLike) else path
        kind = Path(given).suffix.lower().removeprefix(".") if isinstance(given, str) else ""
        if kind not in ("svg", "png", "pdf"):
            raise ArgumentError(
                f"a drawing is saved as .svg, .png or .pdf, but was given {given!r}: end the name with one of these"
            )
        write(path, self.svg.encode() if kind == "svg" else render.render(self.source, kind))

    def graphviz(self) -> Any:
        """The same picture as a ``Source`` of the `graphviz` package, for programs that use it.

        Examples
        --------
        >>> from tinygrad_edu import Value
        >>> print(draw(Value(2.0, "a")).graphviz().source.partition(" ")[0])
        digraph
        """
        import graphviz

        return graphviz.Source(self.source)

    def _repr_svg_(self) -> str:
        return self.svg

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        return {"image/svg+xml": self.svg, "text/plain": repr(self)}

    @for_output
    def __repr__(self) -> str:
        return f"<Drawing of {self.title}>"


@explains_calls
def draw(
    root: "Node | program.Compiled",
    *,
    depth: int | None = None,
    collapse: bool | int = False,
    direction: Direction = "LR",
    theme: Literal["light", "dark"] = "light",
    max_nodes: int = 500,
    audit: Checked | None = None,
) -> Drawing:
    """Draw the graph of ``root``: every node that it depends on, once, with an arrow for every operand.

    An operation is a box, a leaf has round corners, a module's parameter has cut corners, a constant is a sheet of
    paper, and the root has a double frame. Each shows the operation's symbol, its name, its data, and after a backward
    pass its gradient. The name is the label. An input without a label has the name of the caller's variable, and other
    nodes have names such as ``v3``, as in `trace` and `player`. Operands enter at ``x₀``, ``x₁``, … if their order
    matters. An nn module is a frame around its nodes or, if it is folded, a block. An arrow to a block shows the number
    of its nodes if it is drawn for several.

    For a compiled function, the program of its latest call is drawn: a box for each line and each input, with an arrow
    for each name that is read, and frames around the forward pass, the backward pass and the update.

    Parameters
    ----------
    root : Value or Tensor, or a function made by `tinygrad_edu.compile`.
    depth : how many levels of nested `nn` modules to look into. Deeper modules are folded: each is one box.
        With 0 the outermost modules are boxes; without ``depth`` all are open.
    collapse : whether to fold what loops repeat, such as the samples of a batch, the steps of a recurrent net, or equal
        layers. With True each repetition is one box "step ×20". With a number, this turn (counted from 0) is drawn in
        full, between a box for the turns before it and one for the turns after it.
    direction : ``"LR"``, from left to right, or ``"TB"``, from the top down.
    theme : ``"light"`` or ``"dark"``.
    max_nodes : if more would be shown, modules are folded first, from the innermost.
    audit : ``viz.audit(root)``, to paint operations with a wrong derivative red, with a thick frame.

    Raises
    ------
    ArgumentError : more than ``max_nodes`` remain when all is folded, the arrows are too long to be followed, or an
        argument is none of the above.
    CompileError : the compiled function was not called yet.
    DTypeError : ``root`` is neither a node nor a compiled function.

    Notes
    -----
    A Value's gradient is 0.0 before any backward, too. It is shown on the inputs of a node that has a gradient.
    A leaf whose data was written after it had been used, as by ``optimizer.step()``, is drawn as it is now and says
    "changed since": the nodes that depend on it still hold the numbers of the forward pass.

    Examples
    --------
    >>> from tinygrad_edu import Value
    >>> a, b = Value(2.0, "a"), Value(-3.0, "b")
    >>> L = (a * b + 10).tanh()
    >>> draw(L)
    <Drawing of L: 6 nodes, 5 edges>
    """
    if not isinstance(root, Node) and not program.is_compiled(root):
        raise DTypeError(f"draw() shows the graph of a Value or a Tensor, but was given {_advise(root)}")
    _check(depth, collapse, direction, theme, max_nodes)
    if not isinstance(root, Node):
        if depth is not None or audit is not None or collapse is not False:
            raise ArgumentError(
                "a program has no modules to fold, no loops and no audit: draw it without depth, collapse and audit"
            )
        lines = program.listing(root, max_nodes)
        source = program.source(lines, direction, THEMES[theme], code=True)
        return Drawing(source, program.title(lines), program.description(lines))
    order = topological_order(root)
    told = TraceData(order, [node.raw for node in order], [None] * len(order))
    told.name_inputs(sys._getframe(2).f_locals)  # of the caller: between is the function that `explains_calls` makes
    modules = told.modules
    groups = groups_of(modules, repeats=collapse is not False)
    turn = None if isinstance(collapse, bool) else collapse
    seen = _fold(modules, groups, modules.deepest if depth is None else depth, turn, max_nodes)
    return _Picture(told, seen, direction, THEMES[theme], {} if audit is None else audit.complaints).drawing()


def _check(depth: int | None, collapse: bool | int, direction: str, theme: str, max_nodes: int) -> None:
    for what, given, known in (("direction", direction, ("LR", "TB")), ("theme", theme, tuple(THEMES))):
        if given not in known:
            raise ArgumentError(
                f"{what} is one of {', '.join(known)}, but was given {shown(given)}: choose one of them"
            )
    for what, count, least in (("depth", depth, 0), ("collapse", collapse, 0), ("max_nodes", max_nodes, 1)):
        if count is not None and (not isinstance(count, Integral) or count < least):
            raise ArgumentError(f"{what} is a whole number, but was given {shown(count)}: pass {least} or more")


def _advise(given: Any) -> str:
    name = type(given).__name__
    kind = f"an {name}" if name == "ndarray" or name[0] in "aeioAEIO" else f"a {name}"
    if callable(given):
        return f"{kind}: call it first, and draw what it returns"
    if isinstance(given, list | tuple):
        return f"{kind} of {len(given)}: draw one of them, or their sum"
    return f"{kind}, which has none: compute with Values or Tensors, and draw the result"


# --- what is shown ------------------------------------------------------------------------------------------------


class _Arrow(NamedTuple):
    """An arrow to a node from its operand at ``place``, or to a folded box from all its ``operands`` in ``tail``."""

    tail: Item
    head: Item
    place: int
    operands: set[Node]


class _Seen:
    """The visible part of a graph at a depth, with this turn of each repetition."""

    def __init__(self, modules: Modules, groups: Groups, depth: int, turn: int | None) -> None:
        self.modules = modules
        self.groups = groups
        self.depth = depth
        self.boxes = groups.boxes(depth, turn)
        self.shown = groups.shown(modules.order, self.boxes)
        self.drawn_as = dict(zip(modules.order, self.shown, strict=True))

    def items(self) -> list[Item]:
        """The nodes and folded boxes, each once, after all that they use."""
        return [*dict.fromkeys(item for item in reversed(self.shown) if item is not None)][::-1]

    def arrows(self) -> list[_Arrow]:
        """The arrows. There is none from a leaf into a box that contains it, if the leaf is also drawn outside."""
        uses = iter(self.groups.uses)
        to_nodes: list[_Arrow] = []
        to_boxes: dict[tuple[Item, Box], _Arrow] = {}
        for node, head in self.drawn_as.items():
            for place, x in enumerate(node.inputs):
                tail = self.drawn_as[x]
                is_bundled = self.boxes[next(uses)] is not None and tail is x
                if tail is None or head is None or tail is head or is_bundled:
                    continue
                if isinstance(head, Node):
                    to_nodes.append(_Arrow(tail, head, place, {x}))
                else:
                    to_boxes.setdefault((tail, head), _Arrow(tail, head, 0, set())).operands.add(x)
        return [*to_nodes, *to_boxes.values()]

    def frames(self, i: int) -> list[Group]:
        """The open modules and repetitions around node ``i``, or its box: around all of its visible uses."""
        item = self.shown[i]
        around = [group for group in self.groups.around[i] if not isinstance(item, Node) or self.boxes[group] is None]
        first, *others = (group.path() if group else [] for group in around)
        common = [frame for frame in first if all(frame in other for other in others)]
        return [frame for frame in common if self.boxes[frame] is None and frame.number is None]


def _fold(modules: Modules, groups: Groups, depth: int, turn: int | None, max_nodes: int) -> _Seen:
    """The visible part at the given depth, or at a smaller one if the picture would be too large."""
    asked = min(depth, modules.deepest)
    count = len(modules.order)
    can_fold = groups.groups or count <= max_nodes
    for folded in range(asked, -1, -1) if can_fold else ():
        seen = _Seen(modules, groups, folded, turn)
        count = len(seen.items())
        if count <= max_nodes and (folded in (asked, 0) or len(seen.arrows()) <= _ARROWS_PER_NODE * max_nodes):
            return seen
    given = f"a picture shows up to {max_nodes:,} nodes, but this graph has {len(modules.order):,}"
    advice = "draw a part of it, fold what loops repeat with collapse=True, or raise max_nodes"
    if modules.calls:
        raise ArgumentError(f"{given}, and {count:,} are left when every module in it is folded: {advice}")
    raise ArgumentError(f"{given}: build it of nn modules, which fold, {advice}")


# --- the picture --------------------------------------------------------------------------------------------------


class _Picture:
    """A graph, as far as it is ``seen``, written in DOT."""

    def __init__(
        self, told: TraceData, seen: _Seen, direction: Direction, theme: Theme, complaints: Mapping[Node, str]
    ) -> None:
        self.modules = modules = told.modules
        self.names = {  # a constant number is called by its figures, which its face has anyway
            node: "" if told.figures(k) else name
            for k, (node, name) in enumerate(zip(told.order, told.names, strict=True))
        }
        self.seen = seen
        self.root = modules.order[-1]
        self.direction = direction
        self.theme = theme
        self.gradients = captions.gradients(modules.order)
        self.changed = captions.changed(modules.order)
        self.shown = seen.shown
        self.counts = Counter(self.shown)
        places = ((seen.drawn_as.get(node), says) for node, says in complaints.items())
        self.complaints = {item: says for item, says in places if item is not None}
        self.parameters = modules.parameter_counts(seen.depth)
        self.items = seen.items()
        self.arrows = seen.arrows()
        self.kinds = {node: told.nodes[i].kind for i, node in enumerate(modules.order) if self.shown[i] is node}
        self.ids: dict[Item, str] = {node: f"node-{i}" for i, node in enumerate(modules.order)}
        self.ids |= {call: f"module-{call.index}" for call in modules.calls}
        for item in self.counts:
            if isinstance(item, Turns):
                self.ids[item] = f"loop-{item.repetition.index}-{item.first}-{item.last}"
        self.titles = _titles(modules.calls)

    def drawing(self) -> Drawing:
        """The picture, and what is said of it."""
        title = f"{captions.name(self.root, self.names)}: {counted(len(self.shown), 'node')}"
        hidden = len(self.shown) - len(self.kinds)
        if hidden:
            folded = "folded box" if any(isinstance(item, Turns) for item in self.counts) else "folded module"
            title += f" ({hidden:,} of them in {counted(len(self.items) - len(self.kinds), folded)})"
        title += f", {counted(len(self.arrows), 'edge')}"
        return Drawing(self._source(), title, self._description())

    def _description(self) -> str:
        lines = [f"To be read {'from left to right' if self.direction == 'LR' else 'from the top down'}."]
        if self.changed:
            names = ", ".join(captions.name(node, self.names) for node in self.modules.order if node in self.changed)
            lines.append(f"Changed since the forward pass: {names}. What was computed of it is out of date.")
        if len(self.items) <= _DESCRIBED:
            lines += (f"{printable(' '.join(self._words(item).split()))}." for item in self.items)
        return "\n".join(lines)

    def _words(self, item: Item) -> str:
        if isinstance(item, Node):
            gradient = self.gradients.get(item)
            words = captions.words(item, self.names, self.kinds[item], gradient, is_changed=item in self.changed)
        elif isinstance(item, Turns):
            words = f"folded {item.title}\n{counted(self.counts[item], 'node')}"
        else:
            words = captions.module_words(self.titles[item], item, self.parameters[item])
        return f"{words}\n{self.complaints[item]}" if item in self.complaints else words

    # --- DOT ---

    def _source(self) -> str:
        sheet = dot.Sheet(self.direction, self.theme, 11, "0.06,0.03", 0.3, 0.45, "fontsize=9 arrowsize=0.7")
        return dot.digraph(sheet, [*self._clusters(), *map(self._arrow, self.arrows)], self._effort())

    def _effort(self) -> str:
        ranks = dot.ranks(self.items, ((arrow.tail, arrow.head) for arrow in self.arrows))
        length = sum(ranks[arrow.head] - ranks[arrow.tail] - 1 for arrow in self.arrows)
        refusal = (
            f"in this graph the arrows pass {length:,} others in all, so no picture of it can be read (for instance, "
            "one node is used in every term of a long sum): draw a part of it"
        )
        return dot.effort(length, _LONGEST, refusal)

    def _clusters(self) -> Iterator[str]:
        """The nodes, those of a group in its cluster, and the cluster in that of the group around it."""
        paths: dict[Item, list[Group]] = {}
        for i, item in enumerate(self.shown):
            if item is not None and item not in paths:
                paths[item] = self.seen.frames(i)
        order = {item: k for k, item in enumerate(self.items)}
        entered: list[Group] = []
        for item in sorted(paths, key=lambda item: ([group.index for group in paths[item]], order[item])):
            path = paths[item]
            while entered != path[: len(entered)]:
                entered.pop()
                yield "}"
            for group in path[len(entered) :]:
                yield self._cluster(group, len(entered))
                entered.append(group)
            yield self._node(item)
        yield from ["}"] * len(entered)

    def _cluster(self, group: Group, level: int) -> str:
        if group.call is not None:
            title, name = self.titles[group.call], self.ids[group.call]
        else:
            turn = next(turn.number for turn in group.turns if self.seen.boxes[turn] is None)
            title, name = f"{group.noun} {(turn or 0) + 1} of {len(group.turns)}", f"loop-{group.index}"
        tip = f" tooltip={dot.tooltip(title)}"
        return dot.frame(str(group.index), name, "module", title, self.theme, level, tip)

    def _node(self, item: Item) -> str:
        last = item is self.shown[-1]
        if isinstance(item, Node):
            kind = self.kinds[item]
            gradient, is_changed = self.gradients.get(item), item in self.changed
            name = self.names[item]
            face = captions.face(item, name, gradient, self.theme, self.direction, is_changed=is_changed)
            look = " margin=0" if captions.is_ordered(item) else ""  # arrows end at the edge
            look += " penwidth=2 peripheries=2" if last else ""
        else:
            kind = "module"
            if isinstance(item, Turns):
                face = captions.turns_face(item.title, counted(self.counts[item], "node"), self.theme)
            else:
                face = captions.module_face(self.titles[item], item, self.parameters[item], self.theme)
            look = ' margin="0.12,0.1"' + " penwidth=2" * last
        style = self.theme.kinds[kind]
        wrong = item in self.complaints
        colours = self.theme.kinds["wrong" if wrong else "root" if last else kind]
        kind, look = (f"{kind} wrong", f"{look.replace(' penwidth=2', '')} penwidth=4") if wrong else (kind, look)
        words = self._words(item)
        return dot.box(self.ids[item], kind, style, face, words, colours=colours, look=look)

    def _arrow(self, arrow: _Arrow) -> str:
        tail, head = self.ids[arrow.tail], self.ids[arrow.head]
        if not isinstance(arrow.head, Node):
            return dot.arrow(tail, head, **({"label": f"{len(arrow.operands):,}"} if len(arrow.operands) > 1 else {}))
        port = f":x{arrow.place}:{'w' if self.direction == 'LR' else 'n'}" if captions.is_ordered(arrow.head) else ""
        return dot.arrow(tail, head, port, id=f"edge-{head.removeprefix('node-')}-{arrow.place}")


def _titles(calls: Sequence[Call]) -> dict[Call, str]:
    """What each call is called; the calls of one module are numbered."""
    of_module: dict[int, list[Call]] = {}
    for call in calls:
        of_module.setdefault(id(call.scope), []).append(call)
    titles = {}
    for twins in of_module.values():
        for turn, call in enumerate(twins, 1):
            suffix = f", call {turn} of {len(twins)}" if len(twins) > 1 else ""
            titles[call] = captions.title(call) + suffix
    return titles
