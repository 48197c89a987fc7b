"""A formula as a tree, from which every form of it is written: text, LaTeX, MathML, and words.

>>> a, b, L = Name("a"), Name("b"), Name("L")
>>> step = Relation((Partial(L, a), Infix("*", Partial(L, L), b), Number(-3.0)), ("+=", "="))
>>> step.text
'∂L/∂a += ∂L/∂L · b = −3'
>>> step.words
'the gradient of a grows by the gradient of L times b, which is minus 3'
"""

from dataclasses import dataclass, field
from functools import cached_property

from viz.formulas import notation

_STRENGTHS = {"|": 1, "&": 2, "+": 4, "-": 4, "*": 5, "⊙": 5, "@": 5, "/": 5, "**": 7}
_COMPARISON, _PRODUCT, _ATOM = 3, 5, 9


@dataclass(frozen=True)
class Formula:
    """A node of the tree. ``strength`` says how strongly it binds: a weaker part needs parentheses."""

    strength = _ATOM
    signed = False  # whether it starts with a minus
    is_quotient = False
    is_name = False  # of a node or of its gradient

    @cached_property
    def text(self) -> str:
        """The formula as plain Unicode text."""
        return notation.TEXT.write(self)

    @cached_property
    def latex(self) -> str:
        """The formula in LaTeX's mathematical mode."""
        return notation.LATEX.write(self)

    @cached_property
    def words(self) -> str:
        """The formula as a screen reader speaks it."""
        return " ".join(notation.WORDS.write(self).split())

    @cached_property
    def mathml(self) -> str:
        """The formula as a MathML ``<math>`` element, every label escaped."""
        return f"<math>{notation.MATHML.write(self)}</math>"

    def to_dict(self) -> dict[str, str]:
        """Every form, by name."""
        return {"text": self.text, "latex": self.latex, "words": self.words, "mathml": self.mathml}


@dataclass(frozen=True)
class Number(Formula):
    """A number in figures, with as many significant digits."""

    value: float
    digits: int = field(default=4, compare=False)

    @property
    def signed(self) -> bool:  # type: ignore[override]
        return notation.number_text(self.value).startswith("−")


@dataclass(frozen=True)
class Name(Formula):
    """The name of a node, a parameter or a constant."""

    label: str
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
    def signed(self) -> bool:  # type: ignore[override]
        return self.left.signed

    @property
    def is_quotient(self) -> bool:  # type: ignore[override]
        return self.symbol == "/"


@dataclass(frozen=True)
class Negative(Formula):
    """Minus something."""

    inner: Formula
    strength = _PRODUCT
    signed = True


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
    """A sign that stands by itself in a `Row`."""

    symbol: str


@dataclass(frozen=True)
class Row(Formula):
    """Parts in a row, spaces among them as prose."""

    parts: tuple[Formula, ...]
    strength = 0


@dataclass(frozen=True)
class Relation(Formula):
    """A chain of equalities: ``y = 2 · 3 = 6``."""

    parts: tuple[Formula, ...]
    signs: tuple[str, ...]
    strength = 0
