"""How a formula is written: as plain text, as LaTeX, as MathML, and in words for a screen reader.

Each `Notation` walks the tree of a formula (`viz.formulas.tree`) and gives a string. The base class holds what the four
share: where a parenthesis is needed. A label comes from the user and may hold anything; each notation escapes it.
"""

import html
import math
import re
import unicodedata
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from viz.formulas import tree

_SUPERSCRIPTS = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")
_GREEK = {
    unicodedata.name(letter).rpartition(" ")[2].lower(): letter  # {"alpha": "α", …}, by LaTeX's names
    for letter in "αβγδεζηθκμνξπρστφχψω"
} | {"lambda": "λ"}
_COMMANDS = {letter: f"\\{name}" for name, letter in _GREEK.items()}
# A name as a blackboard has it: a letter, Latin or Greek, and an index: W1, theta_2, v13; not loss.
_INDEXED = re.compile(rf"([A-Za-z]|{'|'.join(_GREEK)})(?:_?(\d+))?")


def number_text(x: float, digits: int = 4) -> str:
    """A number as every view shows it: four significant digits, whole numbers below a million in full.

    >>> [number_text(x) for x in (2.0, -0.00134095, 12345.678, 1e-7, float("-inf"))]
    ['2', '−0.001341', '12346', '1e−7', '−inf']
    """
    size = abs(x)
    if size == 0:
        return "0"
    if x != x or math.isinf(x):
        text = str(x)
    elif size < 1e6 and x == int(x):
        text = f"{x:.0f}"
    elif 1e-4 <= size < 1e6:
        text = f"{x:.{digits}g}"
        text = f"{x:.0f}" if "e" in text else text  # four digits of 12345.678 do not reach the point
    else:
        mantissa, exponent = f"{x:.{digits - 1}e}".split("e")
        text = f"{mantissa.rstrip('0').rstrip('.')}e{int(exponent)}"
    return text.replace("-", "−")


def printable(text: str) -> str:
    r"""The text on one line and free of control characters, which could take over a terminal.

    >>> print(printable("a\n\x1b[2Jb"))
    a\n\x1b[2Jb
    """
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def shorten(label: str, most: int = 24) -> str:
    """The label, cut to a length that fits into a formula."""
    return label if len(label) <= most else f"{label[: most - 1]}…"


def width_of(text: str) -> int:
    """How many columns of a terminal the text takes."""
    return sum(0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)


# How each sign is written in text, in LaTeX, in words and in MathML.
_SIGNS = {
    "+": ("+", "+", "plus", "+"),
    "-": ("−", "-", "minus", "−"),
    "−": ("−", "-", "minus", "−"),
    "*": ("·", r"\cdot", "times", "·"),
    "·": ("·", r"\cdot", "times", "·"),
    "⊙": ("⊙", r"\odot", "times, entry by entry,", "⊙"),
    "@": ("@", r"\,", "times", "\u2062"),  # on a blackboard, matrices stand side by side
    "/": ("/", "/", "over", "/"),
    "<": ("<", "<", "is less than", "<"),
    ">": (">", ">", "is greater than", ">"),
    "<=": ("≤", r"\le", "is at most", "≤"),
    ">=": ("≥", r"\ge", "is at least", "≥"),
    "==": ("=", "=", "is", "="),
    "=": ("=", "=", "is", "="),
    "+=": ("+=", r"\mathrel{+}=", "grows by", "+="),
    "&": ("and", r"\wedge", "and", "∧"),
    "|": ("or", r"\vee", "or", "∨"),
    "Σ": ("Σ", r"\sum", "the sum of", "∑"),
    "(": ("(", "(", "the quantity", "("),
    ")": (")", ")", ",", ")"),
}
_LATEX_FUNCTIONS = frozenset(["sin", "cos", "tan", "sinh", "cosh", "tanh", "exp", "log", "max", "min", "det"])
_SPOKEN_FUNCTIONS = {"sqrt": "the square root of", "abs": "the absolute value of", "σ": "sigmoid of"}
_SPOKEN_MARKS = {"ᵀ": " transposed", "⁻ᵀ": " inverted and transposed", "⁻¹": " inverted"}


class Notation:
    """A way of writing formulas: a method for each kind of node in the tree."""

    column: ClassVar[int]  # of the table of signs
    bars = False  # whether a quotient is written as a fraction, which needs no parentheses

    def write(self, f: "tree.Formula") -> str:
        """The formula as a string."""
        return getattr(self, type(f).__name__.lower())(f)  # type: ignore[no-any-return]

    def sign_of(self, symbol: str) -> str:
        """An operator in this notation."""
        return _SIGNS[symbol][self.column]

    def left(self, f: "tree.Infix") -> str:
        """The left operand, in parentheses where it binds more weakly than the operator."""
        power = f.symbol == "**"
        return self.operand(f.left, f.strength, also=power and (f.left.signed or f.left.strength <= f.strength))

    def right(self, f: "tree.Infix") -> str:
        """The right operand: in parentheses also where it starts with a minus, or would be read from the left."""
        from_the_left = f.symbol in ("-", "/") or f.right.is_quotient
        return self.operand(f.right, f.strength + from_the_left, also=f.right.signed)

    def operand(self, f: "tree.Formula", strength: int, *, also: bool = False) -> str:
        """A part, in parentheses if it binds less strongly than ``strength``."""
        text = self.write(f)
        weak = f.strength < strength and not (self.bars and f.is_quotient)
        return self.parentheses(text) if also or weak else text

    def parentheses(self, text: str) -> str:
        return f"({text})"

    def infix(self, f: "tree.Infix") -> str:
        return f"{self.left(f)} {self.sign_of(f.symbol)} {self.right(f)}"

    def sign(self, f: "tree.Sign") -> str:
        return self.sign_of(f.symbol)

    def row(self, f: "tree.Row") -> str:
        return "".join(map(self.write, f.parts))

    def relation(self, f: "tree.Relation") -> str:
        rest = zip(f.signs, f.parts[1:], strict=True)
        return self.write(f.parts[0]) + "".join(f" {self.sign_of(sign)} {self.write(part)}" for sign, part in rest)


class Text(Notation):
    """Plain Unicode text: ``∂L/∂a += ∂L/∂v3 · (1 − L²)``."""

    column = 0

    def number(self, f: "tree.Number") -> str:
        return number_text(f.value, f.digits)

    def name(self, f: "tree.Name") -> str:
        return f.label

    def partial(self, f: "tree.Partial") -> str:
        return f"∂{f.root.label}/∂{f.of.label}"

    def infix(self, f: "tree.Infix") -> str:
        if f.symbol != "**":
            return super().infix(f)
        exponent = self.write(f.right)
        if exponent.isdigit():
            return self.left(f) + exponent.translate(_SUPERSCRIPTS)
        return f"{self.left(f)}^{self.right(f)}"

    def negative(self, f: "tree.Negative") -> str:
        return f"−{self.operand(f.inner, f.strength)}"

    def apply(self, f: "tree.Apply") -> str:
        arguments = ", ".join(map(self.write, f.arguments))
        if f.function == "sqrt":
            return f"√{self.operand(f.arguments[0], 9, also=f.arguments[0].signed)}"
        return f"|{arguments}|" if f.function == "abs" else f"{f.function}({arguments})"

    def given(self, f: "tree.Given") -> str:
        return f"{f.keyword}={self.write(f.value)}"

    def raised(self, f: "tree.Raised") -> str:
        return self.operand(f.inner, 9, also=type(f.inner).__name__ == "Partial") + f.mark

    def choice(self, f: "tree.Choice") -> str:
        return f"{self.write(f.yes)} if {self.write(f.test)} else {self.write(f.no)}"

    def prose(self, f: "tree.Prose") -> str:
        return f.says


class Latex(Notation):
    r"""LaTeX's mathematical mode: ``\frac{\partial L}{\partial a} \mathrel{+}= -3 \cdot \left(1 - L^{2}\right)``."""

    column = 1
    bars = True

    def number(self, f: "tree.Number") -> str:
        text = number_text(f.value, f.digits).replace("−", "-")
        if not math.isfinite(f.value):
            return text.replace("inf", r"\infty").replace("nan", r"\mathrm{nan}")
        mantissa, e, exponent = text.partition("e")
        return rf"{mantissa} \cdot 10^{{{exponent}}}" if e else text

    def name(self, f: "tree.Name") -> str:
        indexed = _INDEXED.fullmatch(f.label)
        if indexed:
            letter = _COMMANDS.get(_GREEK.get(indexed[1], ""), indexed[1])
            return f"{letter}_{{{indexed[2]}}}" if indexed[2] else letter
        return _COMMANDS.get(f.label) or self.upright(f.label)

    def upright(self, word: str) -> str:
        return rf"\mathrm{{{word}}}" if word.isascii() and word.isalnum() else self.quoted(word)

    def quoted(self, text: str) -> str:
        special = {"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "…": r"\ldots{}"}
        escaped = "".join(special.get(c, f"\\{c}" if c in "{}$&#_%" else c) for c in text)
        return rf"\text{{{escaped}}}"

    def partial(self, f: "tree.Partial") -> str:
        return rf"\frac{{\partial {self.name(f.root)}}}{{\partial {self.name(f.of)}}}"

    def infix(self, f: "tree.Infix") -> str:
        if f.symbol == "/":
            return rf"\frac{{{self.write(f.left)}}}{{{self.write(f.right)}}}"
        return f"{self.left(f)}^{{{self.write(f.right)}}}" if f.symbol == "**" else super().infix(f)

    def negative(self, f: "tree.Negative") -> str:
        return f"-{self.operand(f.inner, f.strength)}"

    def apply(self, f: "tree.Apply") -> str:
        arguments = ", ".join(map(self.write, f.arguments))
        if f.function in ("sqrt", "abs"):
            return rf"\sqrt{{{arguments}}}" if f.function == "sqrt" else rf"\left|{arguments}\right|"
        if f.function in _LATEX_FUNCTIONS:
            return rf"\{f.function}\left({arguments}\right)"
        name = r"\sigma" if f.function == "σ" else self.upright(f.function)
        return rf"{name}\left({arguments}\right)"

    def given(self, f: "tree.Given") -> str:
        return f"{self.upright(f.keyword)}={self.write(f.value)}"

    def raised(self, f: "tree.Raised") -> str:
        mark = f.mark.replace("ᵀ", r"\top").replace("⁻", "-").replace("¹", "1")
        return f"{{{self.operand(f.inner, 9, also=type(f.inner).__name__ == 'Partial')}}}^{{{mark}}}"

    def choice(self, f: "tree.Choice") -> str:
        yes, test, no = self.write(f.yes), self.write(f.test), self.write(f.no)
        return rf"\begin{{cases}} {yes} & \text{{if }} {test} \\ {no} & \text{{else}} \end{{cases}}"

    def prose(self, f: "tree.Prose") -> str:
        return self.quoted(f.says) if f.says.strip() else " "

    def row(self, f: "tree.Row") -> str:
        return re.sub(" +", " ", " ".join(map(self.write, f.parts)))

    def parentheses(self, text: str) -> str:
        return rf"\left({text}\right)"


class Words(Notation):
    """Words that a screen reader speaks: ``a receives 2 times minus 3, which is minus 6``."""

    column = 2

    def number(self, f: "tree.Number") -> str:
        text = number_text(f.value, f.digits).replace("−", "minus ")
        if not math.isfinite(f.value):
            return text.replace("inf", "infinity").replace("nan", "not a number")
        mantissa, e, exponent = text.partition("e")
        return f"{mantissa} times 10 to the {exponent}" if e else text

    def name(self, f: "tree.Name") -> str:
        return f.label

    def partial(self, f: "tree.Partial") -> str:
        return f"the gradient of {f.of.label}"

    def left(self, f: "tree.Infix") -> str:
        text = super().left(f)
        return f"{text}," if text.startswith("the quantity ") else text

    def right(self, f: "tree.Infix") -> str:
        return self.operand(f.right, f.strength + (f.symbol in ("-", "/")))  # "times minus 3" needs no parentheses

    def infix(self, f: "tree.Infix") -> str:
        if f.symbol != "**":
            return super().infix(f)
        exponent = self.right(f)
        powers = {"2": "squared", "3": "cubed"}
        return f"{self.left(f)} {powers.get(exponent, f'to the power {exponent}')}"

    def negative(self, f: "tree.Negative") -> str:
        return f"minus {self.operand(f.inner, f.strength)}"

    def apply(self, f: "tree.Apply") -> str:
        name = _SPOKEN_FUNCTIONS.get(f.function, f"{f.function.replace('_', ' ')} of")
        settings = [self.write(x) for x in f.arguments if type(x).__name__ == "Given"]
        inputs = [self.operand(x, 5) for x in f.arguments if type(x).__name__ != "Given"]
        return ", ".join([f"{name} {' and '.join(inputs)}", *settings])

    def given(self, f: "tree.Given") -> str:
        return f"{f.keyword.replace('_', ' ')} {self.write(f.value)}"

    def raised(self, f: "tree.Raised") -> str:
        return self.operand(f.inner, 9) + _SPOKEN_MARKS[f.mark]

    def choice(self, f: "tree.Choice") -> str:
        return f"{self.write(f.yes)} if {self.write(f.test)} else {self.write(f.no)}"

    def prose(self, f: "tree.Prose") -> str:
        return f.says

    def row(self, f: "tree.Row") -> str:
        return re.sub(r"\s+([,;.])", r"\1", " ".join(map(self.write, f.parts))).rstrip(",")

    def relation(self, f: "tree.Relation") -> str:
        """``y is 2 times 3, which is 6``."""
        text, chained = self.write(f.parts[0]), not f.parts[0].is_name
        for sign, part in zip(f.signs, f.parts[1:], strict=True):
            text += f"{', which' * chained} {self.sign_of(sign)} {self.write(part)}"
            chained = True
        return text

    def parentheses(self, text: str) -> str:
        return f"the quantity {text}"


class MathML(Notation):
    """MathML Core, which browsers typeset without a library."""

    column = 3
    bars = True

    def element(self, tag: str, text: str) -> str:
        return f"<{tag}>{html.escape(text)}</{tag}>"

    def sign_of(self, symbol: str) -> str:
        return self.element("mo", super().sign_of(symbol))

    def number(self, f: "tree.Number") -> str:
        text = number_text(f.value, f.digits)
        if not math.isfinite(f.value):
            return self.element("mn", text.replace("inf", "∞"))
        mantissa, e, exponent = text.partition("e")
        if not e:
            return self.element("mn", text)
        power = f"<msup><mn>10</mn>{self.element('mn', exponent)}</msup>"
        return f"<mrow>{self.element('mn', mantissa)}<mo>·</mo>{power}</mrow>"

    def name(self, f: "tree.Name") -> str:
        indexed = _INDEXED.fullmatch(f.label)
        if not indexed:
            return self.element("mi", f.label)
        letter = self.element("mi", _GREEK.get(indexed[1], indexed[1]))
        return f"<msub>{letter}<mn>{indexed[2]}</mn></msub>" if indexed[2] else letter

    def partial(self, f: "tree.Partial") -> str:
        above, below = (f"<mrow><mo>∂</mo>{self.name(name)}</mrow>" for name in (f.root, f.of))
        return f"<mfrac>{above}{below}</mfrac>"

    def infix(self, f: "tree.Infix") -> str:
        if f.symbol == "/":
            return f"<mfrac><mrow>{self.write(f.left)}</mrow><mrow>{self.write(f.right)}</mrow></mfrac>"
        if f.symbol == "**":
            return f"<msup><mrow>{self.left(f)}</mrow><mrow>{self.write(f.right)}</mrow></msup>"
        return f"<mrow>{super().infix(f)}</mrow>"

    def negative(self, f: "tree.Negative") -> str:
        return f"<mrow><mo>−</mo>{self.operand(f.inner, f.strength)}</mrow>"

    def apply(self, f: "tree.Apply") -> str:
        arguments = "<mo>,</mo>".join(map(self.write, f.arguments))
        if f.function == "sqrt":
            return f"<msqrt>{arguments}</msqrt>"
        if f.function == "abs":
            return f"<mrow><mo>|</mo>{arguments}<mo>|</mo></mrow>"
        return f"<mrow>{self.element('mi', f.function)}{self.parentheses(arguments)}</mrow>"

    def given(self, f: "tree.Given") -> str:
        return f"<mrow>{self.element('mi', f.keyword)}<mo>=</mo>{self.write(f.value)}</mrow>"

    def raised(self, f: "tree.Raised") -> str:
        inner = self.operand(f.inner, 9, also=type(f.inner).__name__ == "Partial")
        mark = f.mark.replace("ᵀ", "⊤").replace("⁻", "−").replace("¹", "1")
        return f"<msup><mrow>{inner}</mrow>{self.element('mo', mark)}</msup>"

    def choice(self, f: "tree.Choice") -> str:
        yes, test, no = (f"<mtd>{self.write(part)}</mtd>" for part in (f.yes, f.test, f.no))
        rows = f"<mtr>{yes}<mtd><mtext>if </mtext></mtd>{test}</mtr><mtr>{no}<mtd><mtext>else</mtext></mtd></mtr>"
        return f"<mrow><mo>{{</mo><mtable>{rows}</mtable></mrow>"

    def prose(self, f: "tree.Prose") -> str:
        if not f.says.strip():
            return ""
        return self.element("mtext", re.sub(r"^\s|\s$", "\u00a0", f.says))  # a browser drops plain spaces there

    def row(self, f: "tree.Row") -> str:
        return f"<mrow>{super().row(f)}</mrow>"

    def relation(self, f: "tree.Relation") -> str:
        return f"<mrow>{super().relation(f)}</mrow>"

    def parentheses(self, text: str) -> str:
        return f"<mrow><mo>(</mo>{text}<mo>)</mo></mrow>"


TEXT, LATEX, WORDS, MATHML = Text(), Latex(), Words(), MathML()
