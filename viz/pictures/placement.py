"""Where the boxes, edges and module frames of a small graph are, by Graphviz's ``dot``, from left to right."""

import json
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from viz.pictures.render import render
from viz.steps.modules import Call, Modules

_LABELLED = 80  # up to so many edges get room for their local derivative
_LENGTH = 1000  # of all edges of dot together: how many nodes they pass

Size = tuple[float, float]
Box = tuple[float, float, float, float]
Point = tuple[float, float]


class Placement(NamedTuple):
    """Boxes ``(left, top, width, height)`` of nodes and module calls, Bézier points and label spots of edges."""

    nodes: dict[int, Box]
    clusters: dict[int, Box]
    edges: dict[int, list[Point]]
    labels: dict[int, Point]

    def to_dict(self) -> dict[str, Any]:
        """The placement as JSON has it."""
        return {name: {str(i): _rounded(at) for i, at in part.items()} for name, part in self._asdict().items()}


def _rounded(at: Any) -> Any:
    return round(at, 1) if isinstance(at, float) else [_rounded(x) for x in at]


def place(sizes: Sequence[Size], edges: Sequence[tuple[int, int]], modules: Modules) -> Placement:
    """Place nodes of the given ``sizes``, joined by ``edges``, within frames around the module calls."""
    home = [call.index if call.parent else -1 for call in modules.home]
    parents = [call.parent.index if call.parent and call.parent.parent else -1 for call in modules.calls]
    return _dot(dict(enumerate(sizes)), dict(enumerate(edges)), _nest(home, modules.calls, parents))


class _Frame(NamedTuple):
    """A module's frame, for dot, with what is directly in it."""

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


def _short(sizes: Mapping[int, Size], edges: Mapping[int, tuple[int, int]]) -> dict[int, tuple[int, int]]:
    """The edges without the longest ones, if they are too long in all.

    A node that every node of a long chain uses has edges past all of them. To keep these apart, dot needs hours.
    Each node keeps its shortest edge, so that it comes before a node that uses it.
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
    """Run dot once."""
    roomy = len(edges) <= _LABELLED
    edges = _short(sizes, edges)
    lines = ['digraph{rankdir=LR;nodesep=.28;node[shape=box,fixedsize=true,label=""];']
    lines.append('ranksep=.32;edge[fontsize=11,label="000000"];' if roomy else "ranksep=.8;")
    lines += [f"{i}[width={w / 72:.3f},height={h / 72:.3f}];" for i, (w, h) in sizes.items()]
    _write_frames(whole, lines)
    lines += [f"{a}->{b}[comment={k}];" for k, (a, b) in edges.items()]
    found = json.loads(render("\n".join([*lines, "}"]), "json"))
    top = float(found["bb"].split(",")[3])
    placement = Placement({}, {}, {}, {})
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
    """The points of a curve, with the arrow's tip instead of the last."""
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
