"""How a formula is written: as plain text, as MathML, and in words for a screen reader.

Each `Notation` walks the tree of a formula (`viz.formulas.tree`) and gives a string. The base class holds what they
share: where a parenthesis is needed. A label comes from the user and may hold anything; each notation escapes it.
"""

import html
import math
import re
import unicodedata
from typing import ClassVar

from viz.formulas import tree
from viz.formulas.numbers import number_text
from viz.formulas.tree import (
    Apply,
    Choice,
    Formula,
    Given,
    Infix,
    Name,
    Negative,
    Number,
    Partial,
    Prose,
    Raised,
    Relation,
    Row,
    Sign,
    Tinted,
)

_SUPERSCRIPTS = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")
_GREEK = {
    unicodedata.name(letter).rpartition(" ")[2].lower(): letter  # {"alpha": "α", …}, by LaTeX's names
    for letter in "αβγδεζηθκμνξπρστφχψω"
} | {"lambda": "λ"}
# A name as a blackboard has it: a letter, Latin or Greek, and an index: W1, theta_2, v13; not loss.
_INDEXED = re.compile(rf"([A-Za-z]|{'|'.join(_GREEK)})(?:_?(\d+))?")


# How each sign is written in text, in words and in MathML.
_SIGNS = {
    "+": ("+", "plus", "+"),
    "-": ("−", "minus", "−"),
    "−": ("−", "minus", "−"),
    "*": ("·", "times", "·"),
    "·": ("·", "times", "·"),
    "⊙": ("⊙", "times, entry by entry,", "⊙"),
    "@": ("@", "times", "\u2062"),  # on a blackboard, matrices are written side by side
    "/": ("/", "over", "/"),
    "<": ("<", "is less than", "<"),
    ">": (">", "is greater than", ">"),
    "<=": ("≤", "is at most", "≤"),
    ">=": ("≥", "is at least", "≥"),
    "==": ("=", "is", "="),
    "=": ("=", "is", "="),
    "≈": ("≈", "is about", "≈"),
    "+=": ("+=", "grows by", "+="),
    "&": ("and", "and", "∧"),
    "|": ("or", "or", "∨"),
    "Σ": ("Σ", "the sum of", "∑"),
    "(": ("(", "the quantity", "("),
    ")": (")", ",", ")"),
}
_SPOKEN_FUNCTIONS = {"sqrt": "the square root of", "abs": "the absolute value of", "σ": "sigmoid of"}
_SPOKEN_MARKS = {"ᵀ": " transposed", "⁻ᵀ": " inverted and transposed", "⁻¹": " inverted"}


class Notation:
    """A way of writing formulas: for each kind of part a method with its name, such as ``infix`` for an `Infix`."""

    column: ClassVar[int]  # of the table of signs
    bars = False  # whether a quotient is written as a fraction, which needs no parentheses

    def write(self, f: Formula) -> str:
        """The formula as a string."""
        text: str = getattr(self, type(f).__name__.lower())(f)
        return text

    def number(self, f: Number) -> str:
        return number_text(f.value, f.digits)

    def name(self, f: Name) -> str:
        return f.label

    def sign_of(self, symbol: str) -> str:
        """An operator in this notation."""
        return _SIGNS[symbol][self.column]

    def left(self, f: Infix) -> str:
        """The left operand, in parentheses where it binds more weakly than the operator."""
        if f.symbol != "**":
            return self.operand(f.left, f.strength)
        return self.operand(f.left, f.strength + 1, signed=True)

    def right(self, f: Infix) -> str:
        """The right operand: in parentheses also where it starts with a minus, or would be read from the left."""
        from_the_left = f.symbol in ("-", "/") or f.right.is_quotient
        return self.operand(f.right, f.strength + from_the_left, signed=True)

    def operand(self, f: Formula, strength: int, *, signed: bool = False) -> str:
        """A part, in parentheses if it binds less strongly than ``strength``, or if ``signed`` and it has a minus."""
        text = self.write(f)
        if f.strength < strength and not (self.bars and f.is_quotient):
            return self.parentheses(text)
        return self.guarded(text, f) if signed else text

    def base(self, f: Raised) -> str:
        """What a raised sign belongs to; a gradient, which has two names, is in parentheses."""
        text = self.operand(f.inner, 9)
        is_partial = isinstance(f.inner.inner if isinstance(f.inner, Tinted) else f.inner, Partial)
        return self.parentheses(text) if is_partial else text

    def guarded(self, text: str, f: Formula) -> str:
        """The text of ``f``, in parentheses if it starts with a minus."""
        return self.parentheses(text) if f.signed else text

    def parentheses(self, text: str) -> str:
        return f"({text})"

    def relation_sign(self, f: Relation, k: int) -> str:
        """Sign ``k`` of a relation."""
        return self.sign_of(f.signs[k])

    def tinted(self, f: Tinted) -> str:
        return self.write(f.inner)

    def infix(self, f: Infix) -> str:
        return f"{self.left(f)} {self.sign_of(f.symbol)} {self.right(f)}"

    def sign(self, f: Sign) -> str:
        return self.sign_of(f.symbol)

    def row(self, f: Row) -> str:
        return "".join(map(self.write, f.parts))

    def relation(self, f: Relation) -> str:
        rest = (f" {self.relation_sign(f, k)} {self.write(part)}" for k, part in enumerate(f.parts[1:]))
        return self.write(f.parts[0]) + "".join(rest)

    def choice(self, f: Choice) -> str:
        return f"{self.write(f.yes)} if {self.write(f.test)} else {self.write(f.no)}"

    def prose(self, f: Prose) -> str:
        return f.says


class Text(Notation):
    """Plain Unicode text: ``∂L/∂a += ∂L/∂v3 · (1 − L²)``."""

    column = 0

    def partial(self, f: Partial) -> str:
        return f"∂{self.name(f.root)}/∂{self.name(f.of)}"

    def infix(self, f: Infix) -> str:
        if f.symbol != "**":
            return super().infix(f)
        exponent = self.write(f.right)
        if exponent.isdigit():
            return self.left(f) + exponent.translate(_SUPERSCRIPTS)
        return f"{self.left(f)}^{self.right(f)}"

    def negative(self, f: Negative) -> str:
        return f"−{self.operand(f.inner, f.strength)}"

    def apply(self, f: Apply) -> str:
        arguments = ", ".join(map(self.write, f.arguments))
        if f.function == "sqrt":
            return f"√{self.operand(f.arguments[0], 9, signed=True)}"
        return f"|{arguments}|" if f.function == "abs" else f"{f.function}({arguments})"

    def given(self, f: Given) -> str:
        return f"{f.keyword}={self.write(f.value)}"

    def raised(self, f: Raised) -> str:
        return self.base(f) + f.mark


class Words(Notation):
    """Words that a screen reader speaks: ``a receives 2 times minus 3, which is minus 6``."""

    column = 1

    def number(self, f: Number) -> str:
        text = super().number(f).replace("−", "minus ")
        if not math.isfinite(f.value):
            return text.replace("inf", "infinity").replace("nan", "not a number")
        mantissa, e, exponent = text.partition("e")
        return f"{mantissa} times 10 to the {exponent}" if e else text

    def partial(self, f: Partial) -> str:
        return f"the gradient of {self.name(f.of)}"

    def left(self, f: Infix) -> str:
        text = super().left(f)
        return f"{text}," if text.startswith("the quantity ") else text

    def right(self, f: Infix) -> str:
        return self.operand(f.right, f.strength + (f.symbol in ("-", "/")))  # "times minus 3" needs no parentheses

    def infix(self, f: Infix) -> str:
        if f.symbol != "**":
            return super().infix(f)
        exponent = self.right(f)
        powers = {"2": "squared", "3": "cubed"}
        return f"{self.left(f)} {powers.get(exponent, f'to the power {exponent}')}"

    def negative(self, f: Negative) -> str:
        return f"minus {self.operand(f.inner, f.strength)}"

    def apply(self, f: Apply) -> str:
        name = _SPOKEN_FUNCTIONS.get(f.function, f"{f.function.replace('_', ' ')} of")
        settings = [self.write(x) for x in f.arguments if isinstance(x, Given)]
        inputs = [self.operand(x, 5) for x in f.arguments if not isinstance(x, Given)]
        return ", ".join([f"{name} {' and '.join(inputs)}", *settings])

    def given(self, f: Given) -> str:
        return f"{f.keyword.replace('_', ' ')} {self.write(f.value)}"

    def raised(self, f: Raised) -> str:
        return self.operand(f.inner, 9) + _SPOKEN_MARKS[f.mark]

    def row(self, f: Row) -> str:
        return re.sub(r"\s+([,;.])", r"\1", " ".join(map(self.write, f.parts))).rstrip(",")

    def relation(self, f: Relation) -> str:
        """``y is 2 times 3, which is 6``."""
        text, chained = self.write(f.parts[0]), not f.parts[0].is_name
        for k, part in enumerate(f.parts[1:]):
            text += f"{', which' * chained} {self.relation_sign(f, k)} {self.write(part)}"
            chained = True
        return text

    def parentheses(self, text: str) -> str:
        return f"the quantity {text}"


class MathML(Notation):
    """MathML Core, which browsers typeset without a library."""

    column = 2
    bars = True

    def element(self, tag: str, text: str) -> str:
        return f"<{tag}>{html.escape(text)}</{tag}>"

    def sign_of(self, symbol: str) -> str:
        return self.element("mo", super().sign_of(symbol))

    def number(self, f: Number) -> str:
        text = super().number(f)
        if not math.isfinite(f.value):
            return self.element("mn", text.replace("inf", "∞"))
        mantissa, e, exponent = text.partition("e")
        if not e:
            return self.element("mn", text)
        power = f"<msup><mn>10</mn>{self.element('mn', exponent)}</msup>"
        return f"<mrow>{self.element('mn', mantissa)}<mo>·</mo>{power}</mrow>"

    def name(self, f: Name) -> str:
        indexed = _INDEXED.fullmatch(f.label)
        if not indexed:
            return self.element("mi", f.label)
        letter = self.element("mi", _GREEK.get(indexed[1], indexed[1]))
        return f"<msub>{letter}<mn>{indexed[2]}</mn></msub>" if indexed[2] else letter

    def partial(self, f: Partial) -> str:
        above, below = (f"<mrow><mo>∂</mo>{self.name(name)}</mrow>" for name in (f.root, f.of))
        return f"<mfrac>{above}{below}</mfrac>"

    def infix(self, f: Infix) -> str:
        if f.symbol == "/":
            return f"<mfrac><mrow>{self.write(f.left)}</mrow><mrow>{self.write(f.right)}</mrow></mfrac>"
        if f.symbol == "**":
            return f"<msup><mrow>{self.left(f)}</mrow><mrow>{self.write(f.right)}</mrow></msup>"
        return f"<mrow>{super().infix(f)}</mrow>"

    def negative(self, f: Negative) -> str:
        return f"<mrow><mo>−</mo>{self.operand(f.inner, f.strength)}</mrow>"

    def apply(self, f: Apply) -> str:
        arguments = "<mo>,</mo>".join(map(self.write, f.arguments))
        if f.function == "sqrt":
            return f"<msqrt>{arguments}</msqrt>"
        if f.function == "abs":
            return f"<mrow><mo>|</mo>{arguments}<mo>|</mo></mrow>"
        return f"<mrow>{self.element('mi', f.function)}{self.parentheses(arguments)}</mrow>"

    def given(self, f: Given) -> str:
        return f"<mrow>{self.element('mi', f.keyword)}<mo>=</mo>{self.write(f.value)}</mrow>"

    def raised(self, f: Raised) -> str:
        mark = f.mark.replace("ᵀ", "⊤").replace("⁻", "−").replace("¹", "1")
        return f"<msup><mrow>{self.base(f)}</mrow>{self.element('mo', mark)}</msup>"

    def choice(self, f: Choice) -> str:
        yes, test, no = (f"<mtd>{self.write(part)}</mtd>" for part in (f.yes, f.test, f.no))
        rows = f"<mtr>{yes}<mtd><mtext>if </mtext></mtd>{test}</mtr><mtr>{no}<mtd><mtext>else</mtext></mtd></mtr>"
        return f"<mrow><mo>{{</mo><mtable>{rows}</mtable></mrow>"

    def prose(self, f: Prose) -> str:
        if not f.says.strip():
            return ""
        return self.element("mtext", re.sub(r"^\s|\s$", "\u00a0", f.says))  # a browser drops plain spaces there

    def row(self, f: Row) -> str:
        return f"<mrow>{super().row(f)}</mrow>"

    def relation(self, f: Relation) -> str:
        return f"<mrow>{super().relation(f)}</mrow>"

    def tinted(self, f: Tinted) -> str:
        return f'<mrow class="{f.role}">{self.write(f.inner)}</mrow>'

    def parentheses(self, text: str) -> str:
        return f"<mrow><mo>(</mo>{text}<mo>)</mo></mrow>"


tree.WRITERS.update(text=Text().write, words=Words().write, mathml=MathML().write)
