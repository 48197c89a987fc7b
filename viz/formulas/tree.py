"""A formula as a tree, from which every form of it is written: text, MathML, and words.

>>> a, b, L = Name("a"), Name("b"), Name("L")
>>> step = Relation((Partial(L, a), Infix("*", Partial(L, L), b), Number(-3.0)), ("+=", "="))
>>> step.text
'∂L/∂a += ∂L/∂L · b = −3'
>>> step.words
'the gradient of a grows by the gradient of L times b, which is minus 3'

How each part is written is the business of a notation (`viz.formulas.notation`).
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from viz.formulas.numbers import as_shown, number_text

_STRENGTHS = {"|": 1, "&": 2, "+": 4, "-": 4, "*": 5, "⊙": 5, "@": 5, "/": 5, "**": 7}
_COMPARISON, _PRODUCT, _ATOM = 3, 5, 9


WRITERS: dict[str, Callable[["Formula"], str]] = {}  # by form: "text", "words", "mathml"; `notation` adds them


@dataclass(frozen=True)
class Formula:
    """A node of the tree. ``strength`` says how strongly it binds: a weaker part needs parentheses."""

    strength = _ATOM
    is_quotient = False
    is_name = False  # of a node or of its gradient

    @property
    def leading(self) -> "Formula | None":
        """The part at the left end that may show a minus: a number, or a `Negative`."""
        return None

    @property
    def signed(self) -> bool:
        """Whether it starts with a minus."""
        first = self.leading
        return isinstance(first, Negative) or (isinstance(first, Number) and number_text(first.value).startswith("−"))

    @cached_property
    def text(self) -> str:
        """The formula as plain Unicode text."""
        return WRITERS["text"](self)

    @cached_property
    def words(self) -> str:
        """The formula as a screen reader speaks it."""
        return " ".join(WRITERS["words"](self).split())

    @cached_property
    def mathml(self) -> str:
        """The formula as a MathML ``<math>`` element, every label escaped."""
        return f"<math>{WRITERS['mathml'](self)}</math>"

    def to_dict(self) -> dict[str, str]:
        """Every form, by name."""
        return {"text": self.text, "words": self.words, "mathml": self.mathml}


@dataclass(frozen=True)
class Number(Formula):
    """A number in figures, with as many significant digits.

    ``source`` says which part of a step it is, such as ``x0``. A page then writes it again when it changes.
    """

    value: float
    digits: int = field(default=4, compare=False)
    source: str = field(default="", compare=False)

    @property
    def leading(self) -> "Formula | None":
        return self

    @property
    def is_exact(self) -> bool:
        """Whether the figures that are shown are the number itself, apart from the last bits of a float.

        >>> Number(0.1 + 0.2).is_exact, Number(2 / 3).is_exact, Number(40079.4).is_exact
        (True, False, False)
        """
        x = self.value
        return not math.isfinite(x) or math.isclose(as_shown(x, self.digits), x, rel_tol=1e-12)


@dataclass(frozen=True)
class Name(Formula):
    """The name of a node, a parameter or a constant; ``node`` is the node's id."""

    label: str
    node: int | None = field(default=None, compare=False)
    is_name = True


@dataclass(frozen=True)
class Partial(Formula):
    """The gradient ∂root/∂of."""

    root: Name
    of: Name
    is_name = True


@dataclass(frozen=True)
class Infix(Formula):
    """Two operands and the operator between them, by its Python symbol; ``⊙`` is the product entry by entry."""

    symbol: str
    left: Formula
    right: Formula

    @property
    def strength(self) -> int:  # type: ignore[override]
        return _STRENGTHS.get(self.symbol, _COMPARISON)

    @property
    def leading(self) -> Formula | None:
        return self.left.leading

    @property
    def is_quotient(self) -> bool:  # type: ignore[override]
        return self.symbol == "/"


@dataclass(frozen=True)
class Negative(Formula):
    """Minus something."""

    inner: Formula
    strength = _PRODUCT

    @property
    def leading(self) -> Formula | None:
        return self


@dataclass(frozen=True)
class Apply(Formula):
    """A function of arguments."""

    function: str
    arguments: tuple[Formula, ...]


@dataclass(frozen=True)
class Given(Formula):
    """A parameter and its setting: ``axis=0``."""

    keyword: str
    value: Formula


@dataclass(frozen=True)
class Raised(Formula):
    """A name with a raised sign: a transposed or an inverse."""

    inner: Formula
    mark: str


@dataclass(frozen=True)
class Choice(Formula):
    """One of two, by a test."""

    test: Formula
    yes: Formula
    no: Formula
    strength = 0


@dataclass(frozen=True)
class Prose(Formula):
    """Words in the middle of a formula."""

    says: str


@dataclass(frozen=True)
class Sign(Formula):
    """A single sign in a `Row`."""

    symbol: str


@dataclass(frozen=True)
class Row(Formula):
    """Parts in a row, spaces among them as prose."""

    parts: tuple[Formula, ...]
    strength = 0


@dataclass(frozen=True)
class Relation(Formula):
    """A chain of equalities: ``y = 2 · 3 = 6``; ``≈`` where the figures that are shown are rounded.

    ``decided_by`` says of each sign what decides between ``=`` and ``≈``: "result", "inserted", or "" for nothing.
    """

    parts: tuple[Formula, ...]
    signs: tuple[str, ...]
    decided_by: tuple[str, ...] = field(default=(), compare=False)
    strength = 0


@dataclass(frozen=True)
class Tinted(Formula):
    """A part with a colour that says what it is: "value", "gradient" or "local"."""

    inner: Formula
    role: str

    @property
    def strength(self) -> int:  # type: ignore[override]
        return self.inner.strength

    @property
    def leading(self) -> Formula | None:
        return self.inner.leading

    @property
    def is_quotient(self) -> bool:  # type: ignore[override]
        return self.inner.is_quotient

    @property
    def is_name(self) -> bool:  # type: ignore[override]
        return self.inner.is_name


def tint(role: str, formula: Any) -> Any:
    """The formula in the colour of ``role``; None stays None."""
    return None if formula is None else Tinted(formula, role)
