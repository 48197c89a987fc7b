"""`player`: a graph's passes as one HTML file, to be played, stepped through and asked, offline.

The page is a template, style sheets and scripts (``viz/pages/assets``) with the data of a `Trace` in the middle.
Python computes names, numbers, formulas and the mistakes of the quiz; the scripts only show them.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, overload

import numpy as np

from tinygrad_edu.errors import ArgumentError
from tinygrad_edu.graph.node import Node
from tinygrad_edu.value import Value
from viz.explain.audit import RIGHT, Audit, Finding
from viz.explain.quiz import NEAR, questions
from viz.explain.why import why
from viz.pages.page import Page, embedded
from viz.pages.program_page import ProgramPage
from viz.pictures.placement import Size, place
from viz.pictures.program import Compiled, is_compiled, listing
from viz.steps.as_json import FEW
from viz.steps.trace import Trace, trace

_SHOWN = 500  # so many nodes are shown before modules are folded
_EXPLAINED = 500  # gradients, and what they cost: each is a walk through all steps
_EXPLAINED_STEPS = 200_000
_ASKED = 1000  # steps
_TERMS = 8  # of the sum that a gradient is


class Player(Page):
    """The page of a graph; made by `player`.

    Attributes
    ----------
    trace : the `Trace` that it plays.
    title : what the page is called.
    findings : what an audit found of derivatives that are not right.
    """

    template = "player.html"
    styles = ("page.css", "player.css")
    scripts = ("geometry.js", "graph.js", "film.js", "panel.js", "inspector.js", "table.js", "quiz.js", "main.js")

    def __init__(self, trace: Trace, findings: Sequence[Finding] = ()) -> None:
        super().__init__(f"Backprop of {trace.names[-1]}, step by step")
        self.trace = trace
        self.findings = findings

    def parts(self) -> dict[str, str]:
        return {"data": embedded(_data(self.trace) | {"audit": [finding.to_dict() for finding in self.findings]})}

    def __repr__(self) -> str:
        return f"<player of {self.trace.names[-1]}: {len(self.trace.steps)} steps; .save('backprop.html') writes it>"


@overload
def player(root: Node, gradient: Any = None, *, audit: Audit | None = None) -> Player: ...
@overload
def player(root: Compiled) -> ProgramPage: ...
def player(root: Any, gradient: Any = None, *, audit: Audit | None = None) -> Player | ProgramPage:
    """Step through the forward and the backward pass of a graph, in a browser or a notebook.

    Of a compiled function, the program of its latest call stands beside its graph: a line lights its node, what it
    reads and what reads it, and a node its line.

    Parameters
    ----------
    root, gradient : as in `trace`; or a function made by `tinygrad_edu.compile` alone.
    audit : ``viz.audit(root)``, to have the wrong derivatives painted red and explained.

    Raises
    ------
    ArgumentError : ``root`` has no graph, too much of it stands side by side to be shown, or the audit
        is of another graph.
    CompileError : the compiled function was not called yet.

    Examples
    --------
    >>> from tinygrad_edu import Value
    >>> a, b = Value(2.0, "a"), Value(-3.0, "b")
    >>> player((a * b + 10).tanh())
    <player of L: 8 steps; .save('backprop.html') writes it>
    """
    if is_compiled(root):
        if gradient is not None or audit is not None:
            raise ArgumentError(
                "a program has no gradient to start from and no audit: pass the compiled function alone"
            )
        return ProgramPage(listing(root, _SHOWN))
    film = trace(root, gradient)
    if audit is None:
        return Player(film)
    if audit.trace.order[-1] is not film.order[-1]:
        raise ArgumentError("player() needs the audit of the graph that it shows: pass audit=viz.audit(root)")
    return Player(film, [finding for finding in audit.findings if finding.verdict != RIGHT])


# --- the data in the page ---------------------------------------------------------------------------------------


def _data(film: Trace) -> dict[str, Any]:
    record = film.to_dict()
    record |= {part: list(map(_slim, record[part])) for part in ("nodes", "steps")}
    modules = film.modules
    edges = [(x, node["id"]) for node in record["nodes"] for x in node["inputs"]]
    placement = place([_size(node, film.kind) for node in record["nodes"]], edges, modules)
    parents = [call.parent.index if call.parent and call.parent.parent else -1 for call in modules.calls]
    home = [call.index if call.parent else -1 for call in modules.home]
    return {
        "trace": record,
        "place": placement.to_dict(),
        "modules": [
            {"title": call.scope.title or call.scope.name, "parent": parent, "count": count}
            for call, parent, count in zip(modules.calls, parents, _counts(home, parents), strict=True)
        ],
        "home": home,
        "folded": _folded(home, parents),
        "quiz": {"questions": _questions(film), "near": NEAR},
        "why": _explanations(film),
    }


# The forms of a formula that the page shows. Without the others it is half as large.
_SHOWN_FORMS = {
    "equation": ("text", "words", "mathml"),
    "numbers": ("mathml",),
    "sentence": ("text", "words"),
    "local": ("text", "value"),
    "expression": ("text",),
    "prompt": ("text",),
}


def _slim(record: Mapping[str, Any]) -> dict[str, Any]:
    """A node, a step or a question, with those forms of its formulas that the page shows."""
    slim = dict(record)
    if slim.get("source"):
        slim["source"] |= {"file": Path(slim["source"]["file"]).name}  # its folder is nobody else's business
    for key, forms in _SHOWN_FORMS.items():
        if slim.get(key) is not None:
            slim[key] = {form: slim[key][form] for form in forms}
    return slim


def _questions(film: Trace) -> list[dict[str, Any]]:
    """The quiz of a graph that somebody may want to walk through."""
    return [_slim(question.to_dict()) for question in questions(film)] if len(film.steps) <= _ASKED else []


def _explanations(film: Trace) -> dict[int, dict[str, Any]]:
    """`why` of each entry of the small Tensors, or of each leaf among Values: of as many as takes no time to notice."""
    room = min(_EXPLAINED, _EXPLAINED_STEPS // len(film.steps))
    found: dict[int, dict[str, Any]] = {}
    for k, (node, gradient) in enumerate(zip(film.order, film.gradients, strict=True)):
        if gradient is None or (isinstance(node, Value) and node.operation) or getattr(gradient, "size", 1) > FEW:
            continue
        indices = [None] if isinstance(node, Value) else [*np.ndindex(gradient.shape)]
        room -= len(indices)
        if room < 0:
            break
        found[k] = {_key(index): why(node, film, index=index, top=_TERMS).to_dict() for index in indices}
    return found


def _key(index: tuple[int, ...] | None) -> str:
    return ",".join(map(str, index or ()))


def _size(node: Mapping[str, Any], kind: str) -> Size:
    """Width and height of a node's box, with room for its name, its value and its gradient."""
    if node["role"] == "constant" and not node["label"] and not node["shape"]:
        return max(8.1 * len(node["name"]) + 16, 44.0), 32.0
    shape = "×".join(map(str, node["shape"] or ()))
    numbers = max(18, len(shape) + 16) if kind == "Tensor" and shape else 9  # a range has some 15 characters
    width = max(8.1 * (len(node["name"]) + len(node["symbol"]) + 2), 7.4 * numbers)
    width += 32 if node["parameter"] or node["root"] else 20  # the corners are cut off
    return min(width, 216.0), 42.0 if node["role"] == "constant" else 64.0


def _counts(home: Sequence[int], parents: Sequence[int]) -> list[int]:
    """How many nodes lie in each module, in the modules within it too."""
    counts = [0] * len(parents)
    for call in home:
        while call >= 0:
            counts[call] += 1
            call = parents[call]
    return counts


def _folded(home: Sequence[int], parents: Sequence[int]) -> list[int]:
    """The modules that are folded at first: the innermost, as many levels as it takes to show no more than `_SHOWN`."""
    if len(home) <= _SHOWN:
        return []
    levels = [0] * len(parents)
    for c in range(len(parents)):
        at = c
        while parents[at] >= 0:
            levels[c] += 1
            at = parents[at]
    around = [-1 if call < 0 else levels[call] for call in home]

    def shown(depth: int) -> int:
        """How many boxes there are when the modules from level ``depth`` on are folded."""
        return sum(level < depth for level in around) + sum(level == depth for level in levels)

    depth = next((d for d in range(max(levels, default=0), 0, -1) if shown(d) <= _SHOWN), 0)
    return [c for c, level in enumerate(levels) if level >= depth]
