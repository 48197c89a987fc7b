"""A trace as text: the forward steps and then the backward ones, in two tables.

The tables fit the width that they are given. Where that is too little for columns, each step is a sentence, which says
the same; so a window of 40 columns shows everything, too.
"""

import os
import shutil
import sys
import textwrap
from collections.abc import Callable, Iterable, Sequence
from itertools import zip_longest
from typing import Any, NamedTuple, TextIO

from viz.formulas.blackboard import shape_text
from viz.formulas.numbers import number_text, width_of
from viz.steps.as_json import is_finite
from viz.steps.passes import Passes
from viz.steps.steps import Backward, Forward, Seed, Step
from viz.steps.trace_data import TracedNode

MOST = 400  # steps of a phase that are printed; of more, the first and the last ones
_GAP = "  "
_TIE = "\u00a0"  # a space at which no line ends
_NARROW = 16  # no column is made less wide to fit a line

Paint = Callable[[str, str], str]

_STYLES = {"title": "1", "value": "36", "gradient": "35", "bad": "1;31"}


def in_color(text: str, style: str) -> str:
    """The text in a terminal's colours."""
    return f"\x1b[{_STYLES[style]}m{text}\x1b[0m" if style else text


def in_black(text: str, style: str) -> str:
    """The text as it is."""
    return text


def painter(stream: TextIO) -> Paint:
    """Colours where the stream is a terminal that has them, unless NO_COLOR (no-color.org) asks for none."""
    plain = not stream.isatty() or os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb"
    return in_black if plain else in_color


def for_stdout(trace: Passes) -> str:
    """The tables for where ``print`` writes: as wide as the terminal, or 80 columns where there is none."""
    columns = shutil.get_terminal_size().columns if sys.stdout.isatty() else 80
    return tables(trace, width=columns, paint=painter(sys.stdout))


def tables(trace: Passes, *, width: int = 80, paint: Paint = in_black) -> str:
    """The steps of a trace in two tables of at most ``width`` columns.

    Examples
    --------
    >>> from tinygrad_edu import Value
    >>> from viz.steps.trace import trace
    >>> a, b = Value(2.0, "a"), Value(-3.0, "b")
    >>> print(tables(trace((a * b + 10).tanh())))
    given  a = 2, b = −3
    <BLANKLINE>
    forward
    step  node  formula   in numbers   value
       1  v2    a · b     2 · (−3)        −6
       2  v4    v2 + 10   −6 + 10          4
       3  L     tanh(v4)  tanh(4)     0.9993
    <BLANKLINE>
    backward
    step  flow     local derivative  incoming · local              gradient
       4  L                                                               1
       5  L → v4   1 − L²            1 · 0.001341 = 0.001341       0.001341
       6  v4 → v2  1                 0.001341 · 1 = 0.001341       0.001341
       7  v2 → a   b                 0.001341 · (−3) = −0.004023  −0.004023
       8  v2 → b   a                 0.001341 · 2 = 0.002682       0.002682
    <BLANKLINE>
    gradients  ∂L/∂a = −0.004023, ∂L/∂b = 0.002682
    """
    forward, backward = _OF_NUMBERS if trace.kind == "Value" else _OF_ARRAYS
    leaves = [node for node in trace.nodes if node.role != "operation" and trace.figures(node.id) is None]
    results = [f"{trace.partial(x.id).text} = {brief(x.gradient)}" for x in leaves if x.role == "leaf"]
    parts = [
        _listed("given", [_given(x) for x in leaves], width),
        "\n".join([paint("forward", "title"), *_table(trace.forward, forward, width, paint)]),
        "\n".join([paint("backward", "title"), *_table(trace.backward, backward, width, paint)]),
        _listed("gradients", results, width),
        _warning(trace, width, paint),
    ]
    return "\n\n".join(filter(None, parts))


def _listed(title: str, items: Sequence[str], width: int) -> str:
    items = [*items[:MOST], f"… and {len(items) - MOST} more"] if len(items) > MOST else items
    return wrapped(f"{title}  {enumerated(items)}", width, len(title) + 2)


def enumerated(items: Iterable[str]) -> str:
    """The items in a row; `wrapped` keeps the short ones in one piece."""
    return ", ".join(item.replace(" ", _TIE) if len(item) <= 24 else item for item in items)


def wrapped(text: str, width: int, indent: int) -> str:
    """The text on lines of ``width`` columns, all but the first one indented."""
    lines = textwrap.fill(text, width, subsequent_indent=" " * indent, break_on_hyphens=False)
    return lines.replace(_TIE, " ")


def _warning(trace: Passes, width: int, paint: Paint) -> str:
    """Where the first NaN or infinity came from."""
    bad = next((step for step in trace.steps if not is_finite(outcome(step))), None)
    if bad is None:
        return ""
    return paint(wrapped(f"! NaN or infinity, first in step {bad.number}: {bad.sentence.text}", width, 2), "bad")


def outcome(step: Step) -> Any:
    """The data that the step brings about."""
    return step.value if isinstance(step, Forward) else step.after  # type: ignore[attr-defined]


# --- cells --------------------------------------------------------------------------------------------------------


def brief(data: Any, most: int = 30) -> str:
    """Data in at most ``most`` characters: the numbers themselves, or the range of an array.

    >>> import numpy as np
    >>> brief(-2.0), brief(np.array([[1.0, 0.5]])), brief(np.arange(60.0)), brief(None)
    ('−2', '[[1, 0.5]]', '0 … 59', '—')
    """
    if data is None:
        return "—"
    if isinstance(data, float):
        return number_text(data)
    if not data.size:
        return "empty"
    text = _entries(data.tolist()) if data.size <= most else ""
    if 0 < len(text) <= most:
        return text
    least, largest = number_text(float(data.min())), number_text(float(data.max()))
    return f"all {least}" if least == largest else f"{least} … {largest}"


def _given(node: TracedNode) -> str:
    shape = "" if isinstance(node.value, float) or node.value.ndim == 0 else f" {shape_text(node.value.shape)}"
    return f"{node.name}{shape} = {brief(node.value)}"


def _entries(data: Any) -> str:
    return f"[{', '.join(map(_entries, data))}]" if isinstance(data, list) else number_text(float(data))


def _flow(step: Step) -> str:
    names = step.trace.names
    return f"{names[step.node]} → {names[step.input]}" if isinstance(step, Backward) else names[step.node]


def _gradient(step: Step) -> str:
    before = step.before if isinstance(step, Backward) else None
    after = brief(outcome(step), 24)
    return f"{brief(before)} → {after}" if isinstance(before, float) else after


class Column(NamedTuple):
    """A column: its title, what it says of a step, whether it may be wrapped, its alignment and its style."""

    title: str
    says: Callable[[Any], str]
    elastic: bool = False
    align: str = "<"
    style: str = ""


_STEP = Column("step", lambda step: str(step.number), align=">")
_NODE = Column("node", lambda step: step.trace.names[step.node])
_FORMULA = Column("formula", lambda step: step.trace.nodes[step.node].expression.text, elastic=True)
_VALUE = Column("value", lambda step: brief(step.value, 24), align=">", style="value")
_GRADIENT = Column("gradient", _gradient, align=">", style="gradient")
_OF_NUMBERS = (
    (_STEP, _NODE, _FORMULA, Column("in numbers", lambda step: step.numbers.parts[0].text, elastic=True), _VALUE),
    (
        _STEP,
        Column("flow", _flow),
        Column("local derivative", lambda step: _of_backward(step, "local_formula"), elastic=True),
        Column("incoming · local", lambda step: _of_backward(step, "numbers"), elastic=True),
        _GRADIENT,
    ),
)
_OF_ARRAYS = (
    (_STEP, _NODE, _FORMULA, Column("shape", lambda step: shape_text(step.value.shape)), _VALUE),
    (
        _STEP,
        Column("vector-Jacobian product", lambda step: step.equation.text, elastic=True),
        Column("shapes", lambda step: getattr(step, "shapes", ""), elastic=True),
        _GRADIENT,
    ),
)


def _of_backward(step: Step, name: str) -> str:
    return getattr(step, name).text if isinstance(step, Backward) else ""


# --- tables -------------------------------------------------------------------------------------------------------


def _table(steps: Sequence[Step], columns: Sequence[Column], width: int, paint: Paint) -> list[str]:
    """The lines of a table; of sentences, where the columns do not fit."""
    shown = [*steps[: MOST // 2], *steps[len(steps) - MOST // 2 :]] if len(steps) > MOST else steps
    rows = [[column.says(step) for column in columns] for step in shown]
    widths = _fitted([[column.title for column in columns], *rows], columns, width)
    if widths is None:
        lines = [_sentence(step, width) for step in shown]
    else:
        lines = [_row([column.title for column in columns], columns, widths, in_black)]
        lines += [_row(row, columns, widths, paint) for row in rows]
    left_out = len(steps) - len(shown)
    if left_out:
        lines.insert(len(lines) - MOST // 2, f"… {left_out} steps left out: the trace's .steps has them")
    return lines


def _fitted(rows: Sequence[Sequence[str]], columns: Sequence[Column], width: int) -> list[int] | None:
    """The width of each column, the elastic ones made narrower until all fit; None if they cannot."""
    widths = [max(map(width_of, cells)) for cells in zip(*rows, strict=True)]
    surplus = sum(widths) + len(_GAP) * (len(widths) - 1) - width
    while surplus > 0:
        widest = max((w, i) for i, w in enumerate(widths) if columns[i].elastic)[1]
        if widths[widest] <= _NARROW:
            return None
        widths[widest] -= 1
        surplus -= 1
    return widths


def _row(cells: Sequence[str], columns: Sequence[Column], widths: Sequence[int], paint: Paint) -> str:
    """The cells side by side; where one takes several lines, those of the others stay empty."""
    wrapped_cells = [
        [cell] if width_of(cell) <= size else textwrap.wrap(cell, size, subsequent_indent=_GAP)
        for cell, size in zip(cells, widths, strict=True)
    ]
    lines = zip_longest(*wrapped_cells, fillvalue="")
    return "\n".join(_line(line, columns, widths, paint) for line in lines)


def _line(cells: Sequence[str], columns: Sequence[Column], widths: Sequence[int], paint: Paint) -> str:
    padded = []
    for cell, column, size in zip(cells, columns, widths, strict=True):
        space = " " * (size - width_of(cell))
        bad = column.style and ("nan" in cell or "inf" in cell)
        text = paint(cell, "bad" if bad else column.style)
        padded.append(space + text if column.align == ">" else text + space)
    return _GAP.join(padded).rstrip()


def _sentence(step: Step, width: int) -> str:
    says = step.sentence.text
    if step.numbers is None and not isinstance(step, Seed):
        says += f": {brief(outcome(step))}"
    return wrapped(f"{step.number:>4}  {says}", width, 6)
