"""The groups of a graph that a picture can fold: module calls, and what is repeated in them.

A loop in the user's program leaves the same operations many times in the graph: once for each sample of a batch, for
each step of a recurrent net, for each of ten equal layers. This module finds them. With ``h = tanh(w * x[t] + u * h)``
in a loop of 20 turns::

    ×, ×, +, tanh, ×, ×, +, tanh, …      the operations, each after its inputs
    [×, ×, +, tanh] 20 times             a `Group` of 20 turns

What is directly in a module call, its operations and the calls in it, is written as one list, each after its inputs.
A group is a part of such a list. So nothing that is between two nodes of a group is outside of the group, and
a folded group is never both before and after another box.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from tinygrad_edu.graph.node import Node
from viz.steps.modules import Call, Modules, Nested

_TURNS = 3  # of fewer, each is shown
_NODES = 12  # a repetition of fewer operations needs no folding
_LONGEST = 400  # items of a turn

Item = int | Call  # an operation by its index in the graph, or a call


@dataclass(eq=False, repr=False, slots=True)
class Group(Nested):
    """A module call, a repetition (it has turns), or one turn of a repetition."""

    parent: "Group | None"
    call: Call | None = None
    noun: str = ""  # of a repetition: what it repeats
    turns: list["Group"] = field(default_factory=list)
    number: int | None = None  # of a turn: its place in the repetition
    index: int = -1
    like: "Group | None" = None  # of what is in a later turn: the group at this place in the first one

    def to_dict(self) -> dict[str, Any]:
        """The group as JSON has it."""
        record: dict[str, Any] = {"parent": self.parent.index if self.parent else -1, "like": self.first_like.index}
        if self.turns:
            return record | {"noun": self.noun, "turns": [turn.index for turn in self.turns]}
        return record | ({"title": self.call.scope.title or self.call.scope.name} if self.call else {})

    @property
    def first_like(self) -> "Group":
        """The group at the same place in the first turn of all repetitions around it."""
        group = self
        while group.like is not None:
            group = group.like
        return group

    def path(self) -> list["Group"]:
        """The groups that one passes on the way in, this one being the last."""
        return [*self.lineage()][::-1]


@dataclass(eq=False, repr=False, slots=True)
class Turns:
    """Turns of a repetition that a picture draws as one box: from the first to the last, numbered from 0."""

    repetition: Group
    first: int
    last: int

    @property
    def title(self) -> str:
        """``step ×20`` of all turns, ``steps 2–20`` or ``step 2`` of some; numbered from 1."""
        noun, turns = self.repetition.noun, self.repetition.turns
        if self.last - self.first + 1 == len(turns):
            return f"{noun} ×{len(turns)}"
        if self.first == self.last:
            return f"{noun} {self.first + 1}"
        return f"{noun}{'s' * noun.isalpha()} {self.first + 1}–{self.last + 1}"


Box = Call | Turns  # what is folded


class Groups(NamedTuple):
    """The groups of a graph, each after the one around it.

    ``around[i]`` are the groups in which node ``i`` is needed; None is the whole graph. For an operation, it is the
    group that it belongs to; for a leaf, there is one for each use.
    """

    groups: list[Group]
    around: list[tuple[Group | None, ...]]
    home: list[Group | None]  # of an operation: the group that it belongs to
    uses: list[Group | None]  # of each edge, in the order of the nodes and their inputs: where its start is needed

    def boxes(self, depth: int, turn: int | None) -> dict[Group | None, Box | None]:
        """What each group is drawn in when modules in ``depth`` others are folded; None where it is seen.

        Of a repetition the given ``turn`` is seen, or its last one if it has fewer; with None it is one box.
        """
        boxes: dict[Group | None, Box | None] = {None: None}
        levels: dict[Group | None, int] = {None: 0}
        sides: dict[tuple[Group, int], Turns] = {}
        for group in self.groups:  # each comes after the one around it
            level = levels[group.parent]
            levels[group] = level + (group.call is not None)
            box = boxes[group.parent]
            if box is None and group.call is not None and level == depth:
                box = group.call
            elif box is None and group.turns and turn is None:
                box = Turns(group, 0, len(group.turns) - 1)
            elif box is None and group.number is not None and group.parent is not None and turn is not None:
                chosen, last = min(turn, len(group.parent.turns) - 1), len(group.parent.turns) - 1
                side = (group.number > chosen) - (group.number < chosen)
                if side:
                    ends = (0, chosen - 1) if side < 0 else (chosen + 1, last)
                    box = sides.setdefault((group.parent, side), Turns(group.parent, *ends))
            boxes[group] = box
        return boxes

    def shown(self, order: Sequence[Node], boxes: Mapping[Group | None, Box | None]) -> "list[Node | Box | None]":
        """What stands for each node: itself, or its box; None for a leaf that only several boxes share."""
        shown: list[Node | Box | None] = []
        for node, around in zip(order, self.around, strict=True):
            found = {boxes[group] for group in around}
            shown.append(node if None in found else found.pop() if len(found) == 1 else None)
        return shown

    def to_dict(self) -> dict[str, Any]:
        """The groups as JSON has them, by their index; -1 is the whole graph."""
        return {
            "groups": [group.to_dict() for group in self.groups],
            "home": [-1 if group is None else group.index for group in self.home],
            "uses": [-1 if group is None else group.index for group in self.uses],
        }


def groups_of(modules: Modules, *, repeats: bool = True) -> Groups:
    """Find the groups of a graph.

    Parameters
    ----------
    modules : the module calls of the graph.
    repeats : False finds the calls alone.
    """
    found = _Finder(modules, repeats=repeats)
    _liken(found.groups)
    return _uses(modules, found.groups, found.home)


def _liken(groups: Sequence[Group]) -> None:
    """Note on the groups of every turn the groups at the same place in the first turn."""
    inner: dict[Group, list[Group]] = {}
    for group in groups:
        if group.parent:
            inner.setdefault(group.parent, []).append(group)
    for group in groups:
        waiting = [(turn, group.turns[0]) for turn in group.turns[1:]]
        while waiting:
            one, first = waiting.pop()
            one.like = first
            waiting += zip(inner.get(one, ()), inner.get(first, ()), strict=False)


def _items_by_call(modules: Modules) -> dict[Call, list[Item]]:
    """What is directly in each call: its operations, and the calls in it at the place of their last node."""
    whole = next(c for call in modules.home for c in call.lineage() if c.parent is None)
    items: dict[Call, list[Item]] = {whole: [], **{call: [] for call in modules.calls}}
    last: dict[Call, int] = {}
    for i, (node, home) in enumerate(zip(modules.order, modules.home, strict=True)):
        if node.operation is not None:
            items[home].append(i)
            last.update(dict.fromkeys(home.lineage(), i))
    for call in modules.calls:
        if call in last and call.parent is not None:
            items[call.parent].append(call)
    for inside in items.values():
        inside.sort(key=lambda item: (last[item], 1) if isinstance(item, Call) else (item, 0))
    return items


def _needs(modules: Modules) -> dict[Item, dict[Item, None]]:
    """For each item, those beside it that it needs: the inputs of its nodes."""
    ids = {node: i for i, node in enumerate(modules.order)}
    needs: dict[Item, dict[Item, None]] = {}
    for i, node in enumerate(modules.order):
        for x in node.inputs:
            if x.operation is None:
                continue
            a, b = _side_by_side(modules, ids[x], i)
            if a != b:
                needs.setdefault(b, {})[a] = None
    return needs


def _side_by_side(modules: Modules, i: int, j: int) -> tuple[Item, Item]:
    """The two items that hold these nodes in the innermost call around both."""
    if modules.home[i] is modules.home[j]:
        return i, j
    one: list[Item] = [*modules.home[i].path(), i]
    other: list[Item] = [*modules.home[j].path(), j]
    return next((a, b) for a, b in zip(one, other, strict=False) if a != b)


class _Finder:
    """Walks through the calls, from the inside to find what is alike, from the outside to number the groups."""

    def __init__(self, modules: Modules, *, repeats: bool) -> None:
        self.modules = modules
        self.needs = _needs(modules)
        self.repeats = repeats
        self.groups: list[Group] = []
        self.home: dict[Item, Group | None] = {}
        self.sizes: dict[Item, int] = {}
        self.kinds: dict[Item, int] = {}
        self.items = _items_by_call(modules)
        self.runs: dict[bytes, tuple[int, int, int] | None] = {}
        known: dict[tuple[object, ...], int] = {}
        for call in sorted(self.items, key=lambda call: -len(call.path())):
            items = self.items[call] = _deep_first(self.items[call], self.needs)
            for item in items:
                if not isinstance(item, Call):
                    self.sizes[item] = 1
                    self.kinds[item] = known.setdefault((modules.order[item].op,), len(known))
            self.sizes[call] = sum(self.sizes[item] for item in items)
            self.kinds[call] = known.setdefault((call.scope.title, *(self.kinds[item] for item in items)), len(known))
        whole = next(call for call in self.items if call.parent is None)
        self._enter(self.items[whole], None)

    def _enter(self, items: Sequence[Item], around: Group | None) -> None:
        """Make the groups of the items that are side by side in ``around``, and of all that is in them."""
        waiting: list[tuple[Sequence[Item], Group | None]] = [(items, around)]
        while waiting:
            items, around = waiting.pop()
            run = self._run(items) if self.repeats else None
            if run is None:
                for item in items:
                    self.home[item] = around
                    if isinstance(item, Call):
                        waiting.append((self.items[item], self._add(Group(around, item))))
                continue
            start, length, turns = run
            stop = start + length * turns
            blocks = [items[k : k + length] for k in range(start, stop, length)]
            group = self._add(Group(around, noun=self._noun(blocks, _call(around))))
            for block in blocks:
                turn = self._add(Group(group))
                turn.number = len(group.turns)
                group.turns.append(turn)
                waiting.append((block, turn))
            waiting += [(items[:start], around), (items[stop:], around)]

    def _add(self, group: Group) -> Group:
        group.index = len(self.groups)
        self.groups.append(group)
        return group

    def _run(self, items: Sequence[Item]) -> tuple[int, int, int] | None:
        """The repetition that holds most nodes: where it starts, items a turn, turns."""
        if len(items) < _TURNS or sum(self.sizes[item] for item in items) < _NODES:
            return None
        kinds = np.array([self.kinds[item] for item in items])
        known = kinds.tobytes()  # every turn of a repetition is cut alike, and each only once
        if known not in self.runs:
            self.runs[known] = self._longest(items, kinds)
        return self.runs[known]

    def _longest(self, items: Sequence[Item], kinds: "np.ndarray[Any, Any]") -> tuple[int, int, int] | None:
        sizes = np.cumsum([0, *(self.sizes[item] for item in items)])
        best, most = None, _NODES - 1
        for length in range(1, min(len(items) // _TURNS, _LONGEST) + 1):
            for start, stop in _stretches(kinds[:-length] == kinds[length:], (_TURNS - 1) * length):
                if sizes[stop + length] - sizes[start] <= most:
                    continue
                run = self._fitted(items, start, length, stop + length)
                if run and sizes[run[0] + length * run[2]] - sizes[run[0]] > most:
                    best, most = run, int(sizes[run[0] + length * run[2]] - sizes[run[0]])
        return best

    def _fitted(self, items: Sequence[Item], start: int, length: int, stop: int) -> tuple[int, int, int] | None:
        """The repetition in a stretch, cut into turns from which as few nodes as possible are used outside."""
        place = {item: k for k, item in enumerate(items[start:stop])}
        inner = [[place[x] for x in self.needs.get(item, ()) if x in place] for item in place]

        last_use = [0] * len(inner)
        for k, inputs in enumerate(inner):
            for x in inputs:
                last_use[x] = k

        def leaving(first: int) -> int:
            """How many items of the second turn others use, if the first turn begins at ``first``."""
            low, high = first + length, first + 2 * length
            return sum(use >= high for use in last_use[low:high])

        slack = min(length, len(inner) - _TURNS * length + 1)
        first = min(range(slack), key=lambda k: (leaving(k), k)) if length < len(inner) // 2 else 0
        turns = (len(inner) - first) // length
        wires = [
            [sorted(x - k for x in inner[k] if x >= low) for k in range(low, low + length)]
            for low in range(first, first + turns * length, length)
        ]
        runs = [*_stretches(np.array([wires[t] == wires[t + 1] for t in range(turns - 1)], dtype=bool))]
        from_turn, to_turn = max(runs, key=lambda run: run[1] - run[0], default=(0, 0))
        count = to_turn - from_turn + 1
        return (start + first + from_turn * length, length, count) if count >= _TURNS else None

    def _noun(self, blocks: Sequence[Sequence[Item]], call: Call | None) -> str:
        """What a turn is called: by its module, a sample if sums alone join the turns, a step if more does."""
        before, block = {*blocks[-2]}, blocks[-1]
        joints = [item for item in block if any(x in before for x in self.needs.get(item, ()))]
        if not joints and len(block) == 1:
            (item,) = block
            return item.scope.title if isinstance(item, Call) else self.modules.order[item].op
        if not joints and call is not None:
            return "neuron" if call.scope.title.startswith("Layer(") else "part"
        sums = all(not isinstance(item, Call) and self.modules.order[item].op == "add" for item in joints)
        return "sample" if sums and call is None and len(block) > 1 else "step"


def _call(group: Group | None) -> Call | None:
    """The module call that a group is, or is in."""
    return next((around.call for around in group.lineage() if around.call), None) if group else None


def _deep_first(items: Sequence[Item], needs: Mapping[Item, Mapping[Item, None]]) -> list[Item]:
    """The items, each after those that it needs, and right after the last of them: the longest way in comes first."""
    place = {item: k for k, item in enumerate(items)}
    depth: dict[Item, int] = {}
    inner = {item: [x for x in needs.get(item, ()) if x in place] for item in items}
    for item in items:
        depth[item] = 1 + max((depth.get(x, 0) for x in inner[item]), default=0)
    used = {x for inputs in inner.values() for x in inputs}
    order: dict[Item, None] = {}
    entered: set[Item] = set()
    stack: list[tuple[Item, bool]] = [(item, False) for item in reversed(items) if item not in used]
    while stack:
        item, is_done = stack.pop()
        if is_done:
            order[item] = None
        elif item not in entered:
            entered.add(item)
            stack.append((item, True))
            stack += [(x, False) for x in sorted(inner[item], key=lambda x: (depth[x], -place[x]))]
    return [*order, *(item for item in items if item not in order)]


def _stretches(true: "np.ndarray[Any, Any]", least: int = 1) -> Iterator[tuple[int, int]]:
    """Where a row of truth values is true without a gap, for ``least`` places or more: from, to."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], true, [False]]).astype(np.int8)))
    starts, stops = edges[::2], edges[1::2]
    long = stops - starts >= least
    yield from zip(starts[long].tolist(), stops[long].tolist(), strict=True)


def _uses(modules: Modules, groups: list[Group], found: Mapping[Item, Group | None]) -> Groups:
    """The groups with what is in them."""
    ids = {node: i for i, node in enumerate(modules.order)}
    home = [found.get(i) for i in range(len(modules.order))]
    uses: list[Group | None] = []
    around: list[dict[Group | None, None]] = [{} for _ in modules.order]
    for i, node in enumerate(modules.order):
        if node.operation is not None:
            around[i] = {home[i]: None}
        for x in node.inputs:
            k = ids[x]
            use = found[_outermost_given(modules.home[i], x, i)] if x.operation is None else home[k]
            uses.append(use)
            if x.operation is None:
                around[k][use] = None
    around[-1] = around[-1] or {None: None}  # a leaf alone
    return Groups(groups, [tuple(of_node) for of_node in around], home, uses)


def _outermost_given(call: Call, x: Node, i: int) -> Item:
    """The item that was given ``x``: the outermost call around node ``i`` that was, or else the node."""
    item: Item = i
    for around in call.lineage():
        if around.parent is not None and x in around.given:
            item = around
    return item
