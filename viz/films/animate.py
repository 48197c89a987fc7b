"""A backward pass as an animation, step by step."""

import sys
import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.font_manager import findfont, get_font
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch
from matplotlib.path import Path as Curve

from tinygrad_edu.errors import ArgumentError
from tinygrad_edu.graph.node import Node
from viz.films.film import DENSITY, Film, Frame, check, photographed, write_film
from viz.formulas.blackboard import shape_text
from viz.formulas.numbers import number_text
from viz.pictures.palette import THEMES, Theme
from viz.pictures.placement import Placement, place
from viz.steps.as_json import single
from viz.steps.steps import Backward, Forward, Step
from viz.steps.tables import outcome
from viz.steps.trace import Trace, trace
from viz.steps.trace_data import TracedNode

MOST_STEPS = 200

_FONT = "DejaVu Sans"  # matplotlib brings it along
_DPI, _WIDEST = 110, 1400  # of the picture as it is shown, in pixels
_LETTER, _LINE = 6.4, 15.0  # of a text of 10 points
_STRIP = 3.6 * _LINE  # above the graph, for the caption


def animate_backprop(
    root: Node, path: str | Path, *, fps: float = 1.0, theme: Literal["light", "dark"] = "light"
) -> Film:
    """Write the forward and the backward pass of a graph as an animation.

    The picture is the graph, with the nodes and the edge of the step lit, values and gradients as they arrive, and
    the step's sentence below.

    Parameters
    ----------
    root : the result that the gradients are of.
    path : ends in ``.gif``, ``.mp4`` (needs ffmpeg, or the extra ``video``) or ``.html`` (a page with a slider and
        a choice of speed).
    fps : steps a second.
    theme : ``"light"`` or ``"dark"``.

    Returns
    -------
    Film : shows itself in a notebook.

    Raises
    ------
    ArgumentError : another suffix or theme, or more than `MOST_STEPS` steps.
    FileError : the file cannot be written.

    Examples
    --------
    >>> from tinygrad_edu import Value
    >>> a = Value(2.0, "a")
    >>> animate_backprop(a * a, "x.png")
    Traceback (most recent call last):
        ...
    tinygrad_edu.errors.ArgumentError: an animation is written as .gif, .mp4 or .html, but was given the path 'x.png'
    """
    file = check(path, fps, theme)
    told = trace(root)
    told.name_inputs(sys._getframe(1).f_locals)
    if len(told.steps) > MOST_STEPS:
        raise ArgumentError(
            f"animate_backprop shows up to {MOST_STEPS} steps, but this graph has {len(told.steps)}: animate a part of "
            "it, or use viz.player, which folds modules"
        )
    picture = _GraphPicture(told, THEMES[theme])
    frames, title = [picture.frame(step) for step in told.steps], f"Backprop of {told.names[-1]}"
    return write_film(frames, file, title=title, fps=fps, theme=theme, dpi=picture.figure.dpi / DENSITY)


class _GraphPicture:
    """The picture of a graph on matplotlib, one point of a font to a unit, and what changes in it from step to step."""

    def __init__(self, told: Trace, theme: Theme) -> None:
        self.theme = theme
        self.told = told
        ends = [(x, node.id, position) for node in told.nodes for position, x in enumerate(node.inputs)]
        self.edge_of = {(node, position): k for k, (_, node, position) in enumerate(ends)}
        sizes = [_size(node) for node in told.nodes]
        placement = place(sizes, [(x, node) for x, node, _ in ends], told.modules)
        self.figure, self.ax, self.columns = _canvas(placement, theme)
        self.edges = {k: self._edge(points) for k, points in placement.edges.items()}
        self.places = {k: self._share(*placement.nodes[k]) for k in placement.nodes}
        self.boxes = [self._box(node, placement) for node in told.nodes]
        self.values = [self._line(node, placement, 1, self.theme.ink) for node in told.nodes]
        self.gradients = [self._line(node, placement, 2, self.theme.gradient) for node in told.nodes]
        self.caption = self._text(
            4, 4 - _STRIP, "", self.theme.ink, horizontalalignment="left", verticalalignment="top"
        )

    def frame(self, step: Step) -> Frame:
        """The picture at a step, which comes after the one asked for before."""
        lit = {step.node}
        edges: list[int] = []
        if isinstance(step, Forward):
            lit |= {*self.told.nodes[step.node].inputs}
            edges = [self.edge_of[step.node, i] for i in range(len(self.told.nodes[step.node].inputs))]
            self.values[step.node].set_text(_brief(step.value))
        else:
            lit.add(step.target)
            edges = [self.edge_of[step.node, step.position]] if isinstance(step, Backward) else []
            self.gradients[step.target].set_text(f"grad {_brief(outcome(step))}")
        self._light(lit, edges, back=isinstance(step, Backward))
        sentence = str(step)
        heading = f"step {step.number} of {len(self.told.steps)}, {step.kind}"
        self.caption.set_text(_drawable("\n".join([heading, *textwrap.wrap(sentence, self.columns)[:2]])))
        return photographed(self.figure, f"{heading}: {sentence}", self.places[step.target])

    def _share(self, left: float, top: float, width: float, height: float) -> tuple[float, float]:
        """The middle of a box, as shares of the picture's width and height."""
        (x0, x1), (y1, y0) = self.ax.get_xlim(), self.ax.get_ylim()
        x, y = (left + width / 2 - x0) / (x1 - x0), (top + height / 2 - y0) / (y1 - y0)
        return round(x, 3), round(y, 3)

    def _light(self, nodes: set[int], edges: Sequence[int], *, back: bool) -> None:
        for k, box in enumerate(self.boxes):
            box.set(linewidth=3.0 if k in nodes else 1.0)
        for k, edge in self.edges.items():
            lit = k in edges
            edge.set_arrowstyle("<|-" if lit and back else "-|>")
            edge.set(linewidth=3.0 if lit else 1.0, color=self.theme.gradient if lit and back else self.theme.ink)

    def _edge(self, points: Sequence[tuple[float, float]]) -> FancyArrowPatch:
        curve = Curve(points, [Curve.MOVETO, *[Curve.CURVE4] * (len(points) - 1)])
        arrow = FancyArrowPatch(path=curve, arrowstyle="-|>", mutation_scale=10, shrinkA=0, shrinkB=0)
        self.ax.add_patch(arrow)
        return arrow

    def _box(self, node: TracedNode, placement: Placement) -> FancyBboxPatch:
        left, top, width, height = placement.nodes[node.id]
        look = self.theme.kinds[node.kind]
        corner = "round,pad=0,rounding_size=6" if "rounded" in look.style else "square,pad=0"
        box = FancyBboxPatch((left, top), width, height, boxstyle=corner, facecolor=look.fill, edgecolor=look.line)
        self._text(
            left + width / 2, top + 0.7 * _LINE, f"{node.symbol}  {node.name}".strip(), self.theme.ink, weight="bold"
        )
        self.ax.add_patch(box)
        return box

    def _line(self, node: TracedNode, placement: Placement, k: int, color: str) -> Any:
        left, top, width, _ = placement.nodes[node.id]
        value = _brief(node.value)
        known = k == 1 and node.node.operation is None and value != node.name
        return self._text(left + width / 2, top + (k + 0.75) * _LINE, value if known else "", color)

    def _text(self, x: float, y: float, text: str, color: str, **keywords: Any) -> Any:
        place = {"horizontalalignment": "center", "verticalalignment": "center"} | keywords
        look: dict[str, Any] = {"fontsize": 10, "family": _FONT, "zorder": 3}
        look["parse_math"] = False  # a $ in a label is a dollar
        return self.ax.text(x, y, _drawable(text), color=color, **look, **place)


def _canvas(placement: Placement, theme: Theme) -> tuple[Figure, Axes, int]:
    """A figure as large as the graph with room for the caption above, its Axes, and how many letters fit in a line."""
    width = max(480.0, *(x + w for x, _, w, _ in placement.nodes.values())) + 16
    height = max(y + h for _, y, _, h in placement.nodes.values()) + _STRIP + 8
    dpi = DENSITY * min(_DPI, _WIDEST * 72 / width)
    figure = Figure(figsize=(width / 72, height / 72), dpi=dpi, facecolor=theme.paper)
    ax = figure.add_axes((0, 0, 1, 1))
    ax.set(xlim=(-8, width - 8), ylim=(height - _STRIP, -_STRIP))
    ax.set_axis_off()
    return figure, ax, int(width / _LETTER)


def _size(node: TracedNode) -> tuple[float, float]:
    value, gradient = _brief(node.value), _brief(node.gradient)
    longest = max(len(f"{node.symbol}  {node.name}") * 1.1, len(value), len(f"grad {gradient}") if gradient else 0)
    lines = 1 + (value != node.name) + bool(gradient)
    return longest * _LETTER + 20, lines * _LINE + 6


def _brief(data: Any) -> str:
    """One number, or the shape of many."""
    if data is None:
        return ""
    number = single(data)
    return number_text(number.value) if number else shape_text(data.shape)


def _drawable(text: str) -> str:
    """The text, with a box for what matplotlib's font cannot show and would warn of."""
    font = get_font(findfont(_FONT))
    return "".join(c if c == "\n" or font.get_char_index(ord(c)) else "□" for c in text)
