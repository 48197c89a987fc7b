"""Formulas with holes: what a page fills with the names and the numbers of one step.

A page that computes writes its formulas again when a number changes. It gets each form of a formula as a template: a
list in which plain texts and holes alternate. A hole is text, too::

    n:y          the name of the node that the step is about; n:x0 that of its first input
    v:y          the value of that node, in figures; v:x0 that of its first input
    incoming     a number of the step: incoming, local, contribution, before or after
    ~result      "=", or "≈" where the equation is only true up to rounding; ~inserted beside the inputs in figures
    ?v:x0 | ;    the text between ? and | if that number has a minus, otherwise the text between | and ;

Steps that differ only in their nodes share one template.
"""

import re
from collections.abc import Callable

from viz.formulas.notation import MathML, Notation, Text, Words
from viz.formulas.numbers import printable
from viz.formulas.tree import Formula, Name, Number, Relation

_OPEN, _CLOSE = "\ue000", "\ue001"  # no label has them: `printable` writes such characters as escapes
_HOLE = re.compile(f"{_OPEN}([^{_CLOSE}]*){_CLOSE}")

Template = list[str]
Place = Callable[[int], str]


class _WithHoles(Notation):
    """A notation that leaves holes. ``place`` says how the step calls a node: ``y``, ``x0``, or "" for another one."""

    comma = ""  # after a part in conditional parentheses

    def __init__(self, place: Place) -> None:
        self.place = place

    def hole(self, f: Number) -> str:
        """The hole for a number, or "" where it stays as it is."""
        if f.source[:1] != "v":
            return f.source
        place = self.place(int(f.source[1:]))
        return place and f"v:{place}"

    def number(self, f: Number) -> str:
        hole = self.hole(f)
        return _marked(hole) if hole else super().number(f)

    def name(self, f: Name) -> str:
        place = "" if f.node is None else self.place(f.node)
        return _marked(f"n:{place}") if place else super().name(f)

    def guarded(self, text: str, f: Formula) -> str:
        first = f.leading
        hole = self.hole(first) if isinstance(first, Number) else ""
        if not hole:
            return super().guarded(text, f)
        return f"{_marked(f'?{hole}')}{self.parentheses(text)}{self.comma}{_marked('|')}{text}{_marked(';')}"

    def relation_sign(self, f: Relation, k: int) -> str:
        decided_by = f.decided_by[k] if f.decided_by else ""
        return self.rounded_sign(_marked(f"~{decided_by}")) if decided_by else super().relation_sign(f, k)

    def rounded_sign(self, hole: str) -> str:
        """The hole for "=" or "≈"."""
        return hole


class _Text(_WithHoles, Text):
    pass


class _Words(_WithHoles, Words):
    comma = ","


class _MathML(_WithHoles, MathML):
    def rounded_sign(self, hole: str) -> str:
        return f"<mo>{hole}</mo>"


_NOTATIONS: dict[str, Callable[[Place], Notation]] = {"text": _Text, "words": _Words, "mathml": _MathML}


def template(formula: Formula, form: str, place: Place) -> Template:
    """The formula in the form "text", "words" or "mathml": texts at the even places, holes at the odd ones.

    >>> a, b = Name("a", 0), Name("b", 1)
    >>> from viz.formulas.tree import Infix
    >>> template(Infix("*", a, b), "text", lambda node: f"x{node}")
    ['', 'n:x0', ' · ', 'n:x1', '']
    """
    written = _NOTATIONS[form](place).write(formula)
    if form == "words":
        written = " ".join(written.split())
    return _HOLE.split(f"<math>{written}</math>" if form == "mathml" else written)


def _marked(hole: str) -> str:
    return f"{_OPEN}{hole}{_CLOSE}"


def name_in_mathml(name: str) -> str:
    """A node's name as MathML has it: what a page puts into the holes for names."""
    return MathML().name(Name(printable(name)))
