"""Where the player's boxes, edges and module frames stand: Graphviz's ``dot``, from left to right.

Up to `WHOLE` nodes are laid out at once. In a larger graph every module is laid out by itself, as a box of known size
in the picture of the module around it; the time then grows with the number of modules, not with the square of
the number of nodes. A module in which more nodes than that stand side by side is sealed: it is only ever seen folded.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from tinygrad_edu.errors import ArgumentError
from viz.pictures.render import render
from viz.steps.modules import Call, Modules

WHOLE = 500
_LABELLED = 80  # up to so many edges get room for their local derivative
_LENGTH = 1000  # of all edges together, in nodes passed by, that dot has to care for
_TITLE = 24  # height of a module's title
_MARGIN = 12
_SEALED = 46.0  # height of a module that is never seen into

Size = tuple[float, float]
Box = tuple[float, float, float, float]
Point = tuple[float, float]


class Placement(NamedTuple):
    """Boxes ``(left, top, width, height)`` of nodes and module calls, Bézier points and label spots of edges.

    What lies in a sealed module call has no place.
    """

    nodes: dict[int, Box]
    clusters: dict[int, Box]
    edges: dict[int, list[Point]]
    labels: dict[int, Point]
    sealed: set[int]

    def to_dict(self) -> dict[str, Any]:
        """The placement as JSON has it."""
        parts = {name: part for name, part in self._asdict().items() if name != "sealed"}
        rounded = {name: {str(i): _rounded(at) for i, at in part.items()} for name, part in parts.items()}
        return rounded | {"sealed": sorted(self.sealed)}


def _rounded(at: Any) -> Any:
    return round(at, 1) if isinstance(at, float) else [_rounded(x) for x in at]


def place(sizes: Sequence[Size], edges: Sequence[tuple[int, int]], modules: Modules) -> Placement:
    """Place nodes of the given ``sizes``, joined by ``edges``, within frames around the module calls.

    Raises
    ------
    ArgumentError : more than `WHOLE` nodes stand in no module, so that folding cannot help.
    """
    home = [call.index if call.parent else -1 for call in modules.home]
    parents = [call.parent.index if call.parent and call.parent.parent else -1 for call in modules.calls]
    if len(sizes) <= WHOLE:
        return _dot(dict(enumerate(sizes)), dict(enumerate(edges)), _nest(home, modules.calls, parents))
    return _by_modules(sizes, edges, home, parents, modules.calls)


def too_many(count: int) -> ArgumentError:
    """The error for so many nodes that lie in no module."""
    return ArgumentError(
        f"the player shows up to {WHOLE} nodes side by side, but was given {count} that lie in no "
        "module: give it a smaller part of the graph, or build it of nn modules, which fold"
    )


class _Frame(NamedTuple):
    """A module's frame, for dot: what stands directly in it."""

    call: int
    title: str
    nodes: list[int]
    frames: list["_Frame"]


def _nest(home: Sequence[int], calls: Sequence[Call], parents: Sequence[int]) -> _Frame:
    frames = [_Frame(i, call.scope.title or call.scope.name, [], []) for i, call in enumerate(calls)]
    whole = _Frame(-1, "", [], [])
    for i, parent in enumerate(parents):
        (frames[parent] if parent >= 0 else whole).frames.append(frames[i])
    for node, call in enumerate(home):
        (frames[call] if call >= 0 else whole).nodes.append(node)
    return whole


# --- one run of dot ---------------------------------------------------------------------------------------------


def _short(sizes: Mapping[int, Size], edges: Mapping[int, tuple[int, int]]) -> dict[int, tuple[int, int]]:
    """The edges without the longest ones, if they are too long in all.

    A node used by every link of a long chain has edges past all of them. To keep those apart, dot works for hours.
    Each node keeps its shortest edge, so that it stands before one that uses it.
    """
    level = dict.fromkeys(sizes, 0)
    for a, b in sorted(edges.values(), key=lambda edge: edge[1]):
        level[b] = max(level[b], level[a] + 1)
    kept: dict[int, tuple[int, int]] = {}
    joined: set[int] = set()
    left = _LENGTH
    for k, (a, b) in sorted(edges.items(), key=lambda item: level[item[1][1]] - level[item[1][0]]):
        left -= level[b] - level[a] - 1
        if left >= 0 or a not in joined:
            kept[k] = (a, b)
            joined.add(a)
    return kept


def _dot(sizes: Mapping[int, Size], edges: Mapping[int, tuple[int, int]], whole: _Frame) -> Placement:
    """Lay everything out in one run."""
    roomy = len(edges) <= _LABELLED
    edges = _short(sizes, edges)
    lines = ['digraph{rankdir=LR;nodesep=.28;node[shape=box,fixedsize=true,label=""];']
    lines.append('ranksep=.32;edge[fontsize=11,label="000000"];' if roomy else "ranksep=.8;")
    lines += [f"{i}[width={w / 72:.3f},height={h / 72:.3f}];" for i, (w, h) in sizes.items()]
    _write_frames(whole, lines)
    lines += [f"{a}->{b}[comment={k}];" for k, (a, b) in edges.items()]
    found = json.loads(render("\n".join([*lines, "}"]), "json"))
    top = float(found["bb"].split(",")[3])
    placement = Placement({}, {}, {}, {}, set())
    for thing in found.get("objects", ()):
        if thing["name"].startswith("cluster_"):
            left, low, right, high = map(float, thing["bb"].split(","))
            placement.clusters[int(thing["name"][8:])] = (left, top - high, right - left, high - low)
        elif "pos" in thing:
            x, y = map(float, thing["pos"].split(","))
            w, h = sizes[int(thing["name"])]
            placement.nodes[int(thing["name"])] = (x - w / 2, top - y - h / 2, w, h)
    for edge in found.get("edges", ()):
        k = int(edge["comment"])
        placement.edges[k] = _points(edge["pos"], top)
        if "lp" in edge:
            x, y = map(float, edge["lp"].split(","))
            placement.labels[k] = (x, top - y)
    return placement


def _write_frames(frame: _Frame, lines: list[str]) -> None:
    """Subgraphs within subgraphs, without recursion."""
    stack: list[_Frame | None] = [*frame.frames]
    while stack:
        inner = stack.pop()
        if inner is None:
            lines.append("}")
            continue
        # The title is the page's business; here it only takes up as much room.
        lines.append(f'subgraph cluster_{inner.call}{{margin=12;label="{"0" * min(len(inner.title) + 2, 40)}";')
        lines.append(" ".join(f"{i};" for i in inner.nodes))
        stack.append(None)
        stack += inner.frames


def _points(pos: str, top: float) -> list[Point]:
    """The points of a curve, with the arrow's tip in place of the last."""
    tip: Point | None = None
    points: list[Point] = []
    for part in pos.split():
        if part.startswith("e,"):
            x, y = part[2:].split(",")
            tip = (float(x), top - float(y))
        else:
            x, y = part.split(",")
            points.append((float(x), top - float(y)))
    if tip:
        points[-1] = tip
    return points


# --- module by module -------------------------------------------------------------------------------------------


def _by_modules(
    sizes: Sequence[Size],
    edges: Sequence[tuple[int, int]],
    home: Sequence[int],
    parents: Sequence[int],
    calls: Sequence[Call],
) -> Placement:
    """Lay every module out by itself, the innermost first, then put the pictures into one another."""
    depth = {-1: 0}
    for c in _outermost_first(parents):
        depth[c] = depth[parents[c]] + 1
    inside: dict[int, dict[int, Size]] = {c: {} for c in depth}  # by module: its nodes, and ~c for a module in it
    for i, size in enumerate(sizes):
        inside[home[i]][i] = size
    joined = _edges_by_module(edges, home, parents, depth)
    placed: dict[int, Placement] = {}
    for c in sorted(depth, key=lambda c: -depth[c]):
        if len(inside[c]) > WHOLE and c < 0:
            raise too_many(len(inside[c]))
        if len(inside[c]) > WHOLE:
            inside[parents[c]][~c] = (_title_width(calls[c].scope.title), _SEALED)
            continue
        placed[c] = _dot(inside[c], joined.get(c, {}), _Frame(-1, "", list(inside[c]), []))
        if c >= 0:
            inside[parents[c]][~c] = _outer_size(placed[c], calls[c].scope.title)
    return _assemble(placed, joined, parents)


def _outermost_first(parents: Sequence[int]) -> list[int]:
    inner: dict[int, list[int]] = {}
    for c, parent in enumerate(parents):
        inner.setdefault(parent, []).append(c)
    order = [-1]
    for c in order:  # grows while it is walked
        order += inner.get(c, [])
    return order[1:]


def _edges_by_module(
    edges: Sequence[tuple[int, int]], home: Sequence[int], parents: Sequence[int], depth: Mapping[int, int]
) -> dict[int, dict[int, tuple[int, int]]]:
    """Each edge, in the module that holds both its ends, between what stands for the ends there; twins once."""
    joined: dict[int, dict[int, tuple[int, int]]] = {}
    seen: set[tuple[int, int]] = set()
    for k, (a, b) in enumerate(edges):
        (x, p), (y, q) = (a, home[a]), (b, home[b])
        while p != q:
            if depth[p] >= depth[q]:
                x, p = ~p, parents[p]
            else:
                y, q = ~q, parents[q]
        if x != y and ((x, y) not in seen or (x >= 0 and y >= 0)):
            seen.add((x, y))
            joined.setdefault(p, {})[k] = (x, y)
    return joined


def _outer_size(placement: Placement, title: str) -> Size:
    right = max(x + w for x, _, w, _ in placement.nodes.values())
    bottom = max(y + h for _, y, _, h in placement.nodes.values())
    return max(right + 2 * _MARGIN, _title_width(title)), bottom + 2 * _MARGIN + _TITLE


def _title_width(title: str) -> float:
    return 8.1 * min(len(title) + 2, 40) + 16


def _assemble(
    placed: Mapping[int, Placement], joined: Mapping[int, Mapping[int, tuple[int, int]]], parents: Sequence[int]
) -> Placement:
    whole = Placement({}, {}, {}, {}, set())
    offsets: dict[int, Point] = {-1: (0.0, 0.0)}
    for c in [-1, *_outermost_first(parents)]:
        if c not in placed and c in whole.clusters:
            whole.sealed.add(c)
        if c not in placed or c not in offsets:  # sealed, or in one that is
            continue
        dx, dy = offsets[c]
        for i, (x, y, w, h) in placed[c].nodes.items():
            box = (x + dx, y + dy, w, h)
            if i >= 0:
                whole.nodes[i] = box
            else:
                whole.clusters[~i] = box
                offsets[~i] = (box[0] + _MARGIN, box[1] + _MARGIN + _TITLE)
        for k, points in placed[c].edges.items():
            if min(joined[c][k]) >= 0:  # a curve to a module's box does not end at the node in it
                whole.edges[k] = [(x + dx, y + dy) for x, y in points]
    return whole
