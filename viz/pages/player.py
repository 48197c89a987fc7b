"""`player`: a graph's passes as one HTML file that works offline: play, step through, take a quiz.

The page is a template, style sheets and scripts (``viz/pages/assets``) with the data of a `Trace` in the middle.
Python writes the names, the formulas as templates, and the mistakes of the quiz. The page computes the numbers of a
graph of Values by the rows of the operation table in JavaScript, so that a learner can change them.
"""

import html
import sys
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, overload

from tinygrad_edu.errors import ArgumentError
from tinygrad_edu.graph.node import Node
from tinygrad_edu.javascript import library, rows_source
from tinygrad_edu.javascript.library import arrays
from tinygrad_edu.support.arguments import shown
from tinygrad_edu.support.ascii import for_output
from viz.explain.audit import RIGHT, Audit, Finding
from viz.pages.array_numbers import ArrayNumbers, array_numbers
from viz.pages.page import Page, embedded, picture
from viz.pages.player_data import LARGE_BOXES, SHOWN, check_size, page_data, rows_of
from viz.pages.program_page import ProgramPage, numbers_of
from viz.pictures.draw import draw
from viz.pictures.program import Compiled, is_compiled, listing
from viz.pictures.render import render
from viz.steps.trace import Trace, trace

_OF_ARRAYS = {"array_numbers.js", "entries.js", "chain_rule.js"}  # what only a graph of Tensors calls


class Player(Page):
    """The page of a graph; made by `player`.

    Attributes
    ----------
    trace : the `Trace` that it plays.
    title : of the page.
    findings : an audit's findings about derivatives that are not right.
    """

    template = "player.html"
    styles = ("page.css", "heat.css", "player.css")
    scripts: Sequence[str] = (
        *("data.js", "formulas.js", "numbers.js", "array_numbers.js", "film.js", "paths.js"),  # what is known
        *("entries.js", "chain_rule.js", "elements.js", "heat.js", "array_view.js"),  # of arrays
        *("geometry.js", "layers.js", "folding.js", "plan.js"),  # the positions of boxes
        *("graph.js", "folded.js", "motion.js", "network.js"),  # the stage
        *("grid.js", "leaves.js", "descent.js"),  # what changes numbers
        *("panel.js", "inspector.js", "table.js", "arithmetic.js", "quiz.js", "address.js"),  # the panels next to it
        *("theme.js", "worksheet.js", "main.js"),
    )

    def __init__(
        self,
        trace: Trace,
        findings: Sequence[Finding] = (),
        notes: Mapping[int | Node, str] | None = None,
        stops: Iterable[int] = (),
    ) -> None:
        check_size(trace)
        super().__init__(f"Backprop of {trace.names[-1]}")
        self.trace = trace
        self.findings = findings
        self.notes = _notes(trace, notes or {})
        self.stops = _stops(trace, stops)
        if trace.kind == "Value":
            self.scripts = [name for name in self.scripts if name not in _OF_ARRAYS]

    @cached_property
    def _arrays(self) -> ArrayNumbers | None:
        return array_numbers(self.trace) if self.trace.kind == "Tensor" else None

    def engine(self) -> str:
        """The operations that the graph uses, in JavaScript."""
        if self.trace.kind == "Value":
            return f"{library('vocabulary', 'numbers', 'tape')}\n{rows_source(rows_of(self.trace))}"
        if self._arrays is None:
            return library("numbers")
        return f"{arrays()}\n{library('numbers', 'array_tape')}\n{self._arrays.source()}"

    def data(self) -> dict[str, Any]:
        """What the scripts know of the graph, as plain data."""
        given = {"audit": [finding.to_dict() for finding in self.findings], "notes": self.notes, "stops": self.stops}
        return page_data(self.trace, self._arrays) | given

    def parts(self) -> dict[str, str]:
        return {"subtitle": html.escape(_subtitle(self.trace)), "data": embedded(self.data())}

    def still(self) -> str:
        """A picture of the graph for a notebook that shows no page, if the graph is small enough."""
        if len(self.trace.order) > LARGE_BOXES:
            return ""
        drawing = draw(self.trace.order[-1])
        return picture(render(drawing.source, "png"), "image/png", drawing.title)

    @for_output
    def __repr__(self) -> str:
        return f"<player of {self.trace.names[-1]}: {len(self.trace.steps)} steps; .save('backprop.html') writes it>"


def _subtitle(trace: Trace) -> str:
    """The file, the leaves and the last operation: ``neuron.py · x1, x2, w1, w2, b → tanh``."""
    names = [trace.names[node.id] for node in trace.nodes if node.role == "leaf"]
    leaves = ", ".join(names if len(names) <= 6 else [*names[:3], "…", names[-1]])
    source = trace.nodes[trace.root].source
    file = f"{Path(source['file']).name} · " if source else ""
    return f"{file}{leaves} → {trace.order[-1].op}"


def _notes(trace: Trace, notes: Mapping[int | Node, str]) -> dict[str, dict[int, str]]:
    """The captions by the index of a step, and by the id of a node."""
    found: dict[str, dict[int, str]] = {"steps": {}, "nodes": {}}
    if not isinstance(notes, Mapping):
        raise ArgumentError(f"notes is a dict, such as {{1: 'the first step'}}, but was given {shown(notes)}")
    for key, text in notes.items():
        if isinstance(key, Node):
            if key not in trace.ids:
                raise ArgumentError(f"a note is for a node of the graph, but {key!r} is not in it")
            found["nodes"][trace.ids[key]] = str(text)
        else:
            found["steps"][_step(trace, key, "a note")] = str(text)
    return found


def _stops(trace: Trace, stops: Iterable[int]) -> list[int]:
    if not isinstance(stops, Iterable):
        raise ArgumentError(f"stops is a list of steps, such as [3, 5], but was given {shown(stops)}")
    return sorted({_step(trace, stop, "a stop") for stop in stops})


def _step(trace: Trace, number: Any, what: str) -> int:
    """The index of a step that is given by its number, which counts from 1."""
    if not isinstance(number, int) or not 1 <= number <= len(trace.steps):
        raise ArgumentError(f"{what} is for a step from 1 to {len(trace.steps)}, but was given {shown(number)}")
    return number - 1


@overload
def player(
    root: Node,
    gradient: Any = None,
    *,
    audit: Audit | None = None,
    notes: Mapping[int | Node, str] | None = None,
    stops: Iterable[int] = (),
) -> Player: ...
@overload
def player(root: Compiled) -> ProgramPage: ...
def player(
    root: Any,
    gradient: Any = None,
    *,
    audit: Audit | None = None,
    notes: Mapping[int | Node, str] | None = None,
    stops: Iterable[int] = (),
) -> Player | ProgramPage:
    """Step through the forward and the backward pass of a graph, in a browser or a notebook.

    In a graph of Values every leaf can be changed in the page: values, gradients and formulas follow at once, and
    gradient steps can be taken. The page computes with the rows of the operation table. An operation of your own,
    whose text is Python, keeps its recorded number, and so do the leaves that it depends on.

    Inputs without a label get the names of the caller's variables that hold them.

    Printed, the page is a worksheet: the graph, the steps with blanks, and the solutions on the next page. Of an array
    of more than 16 entries, some entries are asked for.

    For a compiled function, the page shows the program of its latest call next to its graph. A selected line highlights
    its node, the lines that it reads, and the lines that read it. A selected node highlights its line.

    Parameters
    ----------
    root, gradient : as in `trace`; or only a function made by `tinygrad_edu.compile`.
    audit : ``viz.audit(root)``, to have the wrong derivatives painted red and explained.
    notes : captions ``{step or node: text}``. The one of a step is shown when that step is done, the one of a node
        when the node gets its value or a gradient. Steps are counted from 1, as the page counts them.
    stops : numbers of steps at which playing pauses.

    Raises
    ------
    ArgumentError : ``root`` has no graph, too many of its nodes are side by side, the audit is of another
        graph, or a note or a stop is for no step or node of it.
    CompileError : the compiled function was not called yet.

    Examples
    --------
    >>> from tinygrad_edu import Value
    >>> a, b = Value(2.0, "a"), Value(-3.0, "b")
    >>> player((a * b + 10).tanh())
    <player of L: 8 steps; .save('backprop.html') writes it>
    """
    if is_compiled(root):
        if gradient is not None or audit is not None or notes or stops:
            raise ArgumentError(
                "a program has no gradient to start from, no audit, notes or stops: pass the compiled function alone"
            )
        lines = listing(root, SHOWN)
        return ProgramPage(lines, numbers_of(root, lines))
    if isinstance(gradient, str | Path):
        raise ArgumentError(f"player() writes no file by itself: write viz.player(…).save({str(gradient)!r})")
    film = trace(root, gradient)
    film.name_inputs(sys._getframe(1).f_locals)
    if audit is None:
        return Player(film, notes=notes, stops=stops)
    if audit.trace.order[-1] is not film.order[-1]:
        raise ArgumentError("player() needs the audit of the graph that it shows: pass audit=viz.audit(root)")
    return Player(film, [finding for finding in audit.findings if finding.verdict != RIGHT], notes, stops)
