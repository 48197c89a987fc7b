"""Where the boxes, edges and module frames of a small graph are, by Graphviz's ``dot``, from left to right."""

import json
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from viz.pictures.dot import ranks
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
    lines = ['digraph{rankdir=LR;nodesep=.28;node[shape=box,fixedsize=true,label=""];']
    lines.append('ranksep=.32;edge[fontsize=11,label="000000"];' if len(edges) <= _LABELLED else "ranksep=.8;")
    lines += [f"{i}[width={w / 72:.3f},height={h / 72:.3f}];" for i, (w, h) in enumerate(sizes)]
    lines += _frames(modules)
    lines += [f"{a}->{b}[comment={k}];" for k, (a, b) in _short(len(sizes), edges)]
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


def _short(count: int, edges: Sequence[tuple[int, int]]) -> list[tuple[int, tuple[int, int]]]:
    """The edges with their numbers, without the longest ones, if they are too long in all.

    A node that every node of a long chain uses has edges past all of them. To keep these apart, dot needs hours.
    Each node keeps its shortest edge, so that it comes before a node that uses it.
    """
    level = ranks(range(count), edges)
    kept: list[tuple[int, tuple[int, int]]] = []
    joined: set[int] = set()
    left = _LENGTH
    for k, (a, b) in sorted(enumerate(edges), key=lambda edge: level[edge[1][1]] - level[edge[1][0]]):
        left -= level[b] - level[a] - 1
        if left >= 0 or a not in joined:
            kept.append((k, (a, b)))
            joined.add(a)
    return kept


def _frames(modules: Modules) -> Iterator[str]:
    """The calls as subgraphs within subgraphs, each with the nodes that are directly in it; without recursion."""
    calls: dict[Call | None, list[Call]] = {}
    nodes: dict[Call, list[int]] = {}
    for call in modules.calls:
        calls.setdefault(call.parent, []).append(call)
    for i, home in enumerate(modules.home):
        nodes.setdefault(home, []).append(i)
    waiting: list[Call | None] = [call for call in modules.calls if call.parent and call.parent.parent is None]
    while waiting:
        inner = waiting.pop()
        if inner is None:
            yield "}"
            continue
        # The title is the page's business; here it only takes up as much room.
        room = "0" * min(len(inner.scope.title or inner.scope.name) + 2, 40)
        yield f'subgraph cluster_{inner.index}{{margin=12;label="{room}";'
        yield " ".join(f"{i};" for i in nodes.get(inner, ()))
        waiting += [None, *calls.get(inner, ())]


def _points(pos: str, top: float) -> list[Point]:
    """The points of a curve, with the arrow's tip instead of the last."""
    tip: Point | None = None
    points: list[Point] = []
    for part in pos.split():
        *is_tip, x, y = part.split(",")  # the tip is written as e,x,y
        point = float(x), top - float(y)
        if is_tip:
            tip = point
        else:
            points.append(point)
    if tip:
        points[-1] = tip
    return points
