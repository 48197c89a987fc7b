"""`audit`: every local derivative of a graph, checked against the slope of its operation at the user's own values.

The slope is found by differences, at several widths, which also show how exact it is. A derivative is called wrong only
if the slope is exact enough and differs. At a kink (relu at 0, max at a tie) and at the edge of a domain (sqrt at 0)
there is no slope to compare with; such a derivative is undecidable.
"""

import itertools
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np

from tinygrad_edu.graph.node import Node
from tinygrad_edu.operations.broadcasting import unbroadcast
from tinygrad_edu.operations.row import Elementwise
from tinygrad_edu.support.ascii import for_output
from tinygrad_edu.value import Value
from viz.formulas.blackboard import index_text
from viz.formulas.numbers import number_text
from viz.steps.as_json import json_number
from viz.steps.steps import derivative_on_floats, own_params
from viz.steps.tables import wrapped
from viz.steps.trace import Trace, graph_of

RIGHT, WRONG, UNDECIDABLE = "right", "wrong", "undecidable"

TOLERANCE = 1e-5  # relative: a derivative that is wrong by 0.1 % is far outside
_SAMPLE = 32  # entries of a larger array that are checked one by one
_DIRECTIONS = 2  # and so many directions in which all entries change together


@dataclass(frozen=True)
class Finding:
    """The result for one local derivative, ∂node/∂input.

    Attributes
    ----------
    node, position, input : the node's id, which of its inputs, and that one's id.
    verdict : "right", "wrong" or "undecidable".
    analytic, numeric : the derivative by the operation, and the slope: where it is wrong, at its worst entry.
    index : the entry of the input; None of a Value, and where all entries changed together.
    checked, undecided : how many numbers were compared, and how many of them could not be decided.
    sentence : the finding in words.
    """

    node: int
    position: int
    input: int
    verdict: str
    analytic: float
    numeric: float
    index: tuple[int, ...] | None
    checked: int
    undecided: int
    sentence: str

    def to_dict(self) -> dict[str, Any]:
        """The finding as plain data."""
        return vars(self) | {
            "analytic": json_number(self.analytic),
            "numeric": json_number(self.numeric),
            "index": None if self.index is None else list(self.index),
        }


@dataclass(eq=False)
class Audit:
    """The findings on a graph, in the order of the backward pass; made by `audit`."""

    trace: Trace
    findings: Sequence[Finding]

    @property
    def first(self) -> Finding | None:
        """The first wrong derivative that the backward pass meets."""
        return next((finding for finding in self.findings if finding.verdict == WRONG), None)

    @property
    def complaints(self) -> dict[Node, str]:
        """The nodes whose derivative is wrong, each with a sentence: what a picture paints red."""
        wrong = [finding for finding in self.findings if finding.verdict == WRONG]
        return {self.trace.order[finding.node]: finding.sentence for finding in reversed(wrong)}

    def to_dict(self) -> dict[str, Any]:
        """The findings as plain data, and ``first``, the place of the first wrong one in their list, or null."""
        first = None if self.first is None else self.findings.index(self.first)
        return {"findings": [finding.to_dict() for finding in self.findings], "first": first}

    @for_output
    def __repr__(self) -> str:
        counts = {v: sum(f.verdict == v for f in self.findings) for v in (RIGHT, WRONG, UNDECIDABLE)}
        title = f"{len(self.findings)} local derivatives: {', '.join(f'{n} {v}' for v, n in counts.items() if n)}"
        others = [f for f in self.findings if f.verdict != RIGHT or f.undecided]
        lines = [wrapped(f"  {f.sentence}", 80, 4) for f in sorted(others, key=lambda f: f.verdict != WRONG)]
        return "\n".join([title, *lines])


def audit(root: Node) -> Audit:
    """Check every local derivative in the graph of ``root`` numerically, at the values that the graph holds.

    Returns
    -------
    An `Audit`, to be printed: it names each wrong derivative, the one that the backward pass meets first at the top.
    ``viz.draw(root, audit=…)`` and ``viz.player(root, audit=…)`` paint them red.

    Raises
    ------
    ArgumentError, BackwardError, StaleGraphError : there is no graph to check: see `trace`.

    Examples
    --------
    >>> from tinygrad_edu import operation
    >>> square = operation(lambda x: x * x, lambda gy, y, x: gy * 3 * x, name="square")
    >>> audit(square(Value(2.0, "a")).tanh() + Value(0.0, "b").relu())
    5 local derivatives: 3 right, 1 wrong, 1 undecidable
      square (v1) by a is wrong: its derivative gives 6, but the slope is 4
      relu (v4) by b is undecidable: a kink, with the slope 0 on the left and 1 on the right
    """
    order = graph_of(root)
    told = Trace(order, [node.raw for node in order], [None] * len(order), [])
    edges = [(k, i) for k in reversed(told.operations) for i, x in enumerate(order[k].inputs) if x.requires_grad]
    with np.errstate(all="ignore"):
        return Audit(told, [_finding(told, k, i) for k, i in edges])


# --- one derivative -----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Verdict:
    """Whether a derivative is right, the two numbers that were compared, and the reason if it is undecidable."""

    verdict: str
    analytic: float
    numeric: float
    index: tuple[int, ...] | None = None
    reason: str = ""


def _finding(told: Trace, k: int, i: int) -> Finding:
    node, x = told.nodes[k], told.nodes[told.nodes[k].inputs[i]]
    try:
        verdicts = list(_of_floats(node.node, i) if isinstance(node.node, Value) else _of_arrays(node.node, i))
    except Exception as error:  # a user's derivative may raise anything
        verdicts = [_Verdict(WRONG, math.nan, math.nan, None, f"it raised {type(error).__name__}: {error}")]
    # Worst first; of the wrong ones, the one with the largest error.
    found = max(verdicts, key=lambda v: (v.verdict == WRONG, v.verdict == RIGHT, _distance(v)), default=None)
    if found is None:
        found = _Verdict(RIGHT, 0.0, 0.0, None, "there is nothing in it")
    undecided = sum(v.verdict == UNDECIDABLE for v in verdicts)
    entry = f"{x.name}[{index_text(found.index)}]" if found.index else x.name
    sentence = f"{node.node.op} ({node.name}) by {entry} is {found.verdict}: {_reason(found)}"
    if undecided and found.verdict != UNDECIDABLE:
        sentence += f"; {undecided} of {len(verdicts)} entries are undecidable"
    return Finding(
        k, i, x.id, found.verdict, found.analytic, found.numeric, found.index, len(verdicts), undecided, sentence
    )


def _distance(v: _Verdict) -> float:
    distance = abs(v.analytic - v.numeric)
    return distance if distance == distance else math.inf


def _reason(v: _Verdict) -> str:
    if v.reason:
        return v.reason
    but = "but" if v.verdict == WRONG else "and"
    return f"its derivative gives {number_text(v.analytic)}, {but} the slope is {number_text(v.numeric)}"


def _of_floats(node: Any, i: int) -> Iterator[_Verdict]:
    operation, xs, params = node.operation, [x.raw for x in node.inputs], node.params
    forward = operation.on_floats if isinstance(operation, Elementwise) else operation.forward
    gx = derivative_on_floats(node, i)
    y = float(forward(*xs, **params))

    def move(t: float) -> tuple[float, float]:
        moved = float(forward(*xs[:i], xs[i] + t, *xs[i + 1 :], **params))
        return moved - y, max(abs(moved), abs(y))

    yield _judged(move, float(gx(1.0, y, *xs, **params)), abs(xs[i]))


def _of_arrays(node: Any, i: int) -> Iterator[_Verdict]:
    """The entries one by one, or a sample of them; and of many, directions in which all change together."""
    operation, params = node.operation, own_params(node)
    xs = [x.raw.astype(float) if x.raw.dtype.kind == "f" else x.raw for x in node.inputs]
    rng = np.random.default_rng(0)
    y = np.asarray(operation.forward(*xs, **params))
    weights = rng.uniform(0.5, 1.5, y.shape)  # so that no error can hide in a sum
    gx = unbroadcast(operation.gx_arrays[i](weights, y, *xs, **params), xs[i], node.op)
    entries = np.arange(xs[i].size)
    directions: list[tuple[tuple[int, ...] | None, Any]] = []
    if entries.size > _SAMPLE:
        entries = np.sort(rng.choice(entries, _SAMPLE, replace=False))
        directions = [(None, rng.uniform(0.5, 1.5, gx.shape)) for _ in range(_DIRECTIONS)]
    for flat in entries:
        onehot = np.zeros(gx.shape)
        onehot.flat[flat] = 1
        directions.append((tuple(map(int, np.unravel_index(flat, gx.shape))), onehot))
    for index, direction in directions:

        def move(t: float, direction: Any = direction) -> tuple[float, float]:
            moved = np.asarray(operation.forward(*xs[:i], xs[i] + t * direction, *xs[i + 1 :], **params))
            changed = moved != y
            change = np.sum(weights[changed] * (moved - y)[changed])
            return float(change), float(np.sum(np.abs(moved[changed]) + np.abs(y[changed])))

        size = float(np.mean(np.abs(xs[i])) if index is None else abs(xs[i][index]))
        yield replace(_judged(move, float(np.sum(gx * direction)), size), index=index)


# --- the slope ----------------------------------------------------------------------------------------------------

_EPSILON = float(np.finfo(float).eps)


class _Slope(NamedTuple):
    """The slope at one width: its value, how far rounding may have moved it, and what it is on either side."""

    value: float
    noise: float
    left: float
    right: float
    kinked: bool


def _judged(move: Callable[[float], tuple[float, float]], analytic: float, size: float) -> _Verdict:
    """Compare ``analytic`` with the slope of what changes by ``move(t)[0]`` when the input moves by t.

    ``move(t)[1]`` is how large the numbers are whose difference that is.
    """
    slopes: list[_Slope] = []
    for slope in filter(None, (_slope(move, width) for width in _widths(size))):
        slopes.append(slope)
        scale = max(abs(analytic), abs(slope.value))
        fine = slope.noise <= 1e-4 * scale or scale <= 10 * slope.noise  # no wrong number hides in the noise
        near = abs(analytic - slope.value) <= TOLERANCE * scale + slope.noise
        if fine and near and math.isfinite(scale) and not slope.kinked:
            return _Verdict(RIGHT, analytic, slope.value)
    smooth = [slope for slope in slopes if not slope.kinked]
    for slope, other in itertools.pairwise(smooth):
        apart, noise = abs(slope.value - other.value), slope.noise + other.noise
        agree = apart <= 0.01 * max(abs(slope.value), abs(other.value)) + 10 * noise
        off = min(abs(analytic - slope.value), abs(analytic - other.value))
        if agree and not 10 * (apart + noise) > off:  # `off` may be NaN, which is off
            return _Verdict(WRONG, analytic, other.value)
    if len(slopes) > len(smooth):
        kink = next(slope for slope in slopes if slope.kinked)
        sides = f"{number_text(kink.left)} on the left and {number_text(kink.right)} on the right"
        return _Verdict(UNDECIDABLE, analytic, kink.value, reason=f"a kink, with the slope {sides}")
    reason = "its slope is not sure" if slopes else "it has no finite slope there, or on one side only"
    return _Verdict(UNDECIDABLE, analytic, math.nan, reason=reason)


def _slope(move: Callable[[float], tuple[float, float]], width: float) -> _Slope | None:
    """The slope by differences over ``width`` and over half of it, whose leading errors cancel (Richardson)."""
    try:
        (far, large), (near, _), (close, _), (back, _) = (move(t * width) for t in (1, 0.5, -0.5, -1))
    except (ArithmeticError, ValueError):  # a user's function may raise where it has no value
        return None
    right, left = 2 * near / width, -2 * close / width
    wide, narrow = (far - back) / (2 * width), (right + left) / 2
    value, noise = (4 * narrow - wide) / 3, 8 * _EPSILON * large / width
    if not math.isfinite(value):
        return None
    # The two sides come together as the width shrinks, unless there is a kink.
    apart = abs(right - left)
    kinked = apart > 0.75 * abs(far + back) / width and apart > max(1e3 * noise, 1e-3 * max(abs(right), abs(left)))
    return _Slope(value, noise, left, right, kinked)


def _widths(size: float) -> Iterator[float]:
    """Widths of the differences, the likeliest first: in units of one, and of the number itself."""
    scale = max(size, 1.0)
    yield from (scale * 1e-3, scale * 1e-4, scale * 1e-5)
    if 0 < size < 1:
        yield from (size * 1e-2, size * 1e-3)
    elif size > 1:
        yield from (width for width in (1e-2, 1e-3) if width > 1e5 * _EPSILON * size)
