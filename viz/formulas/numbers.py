"""Numbers and labels as every view writes them, and how wide a text is."""

import math
import unicodedata
from collections.abc import Sequence


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


def as_shown(x: float, digits: int = 4) -> float:
    """The number that a reader sees.

    >>> as_shown(2 / 3), as_shown(40079.4)
    (0.6667, 40079.0)
    """
    return float(number_text(x, digits).replace("−", "-"))


def printable(text: str) -> str:
    r"""The text on one line and free of control characters, which could take over a terminal.

    >>> print(printable("a\n\x1b[2Jb"))
    a\n\x1b[2Jb
    """
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def one_line(text: str, longest: int = 24) -> str:
    """The `printable` text, cut where it is too long; a label of the default length fits into a formula.

    >>> one_line("a label of some length", 12)
    'a label of …'
    """
    line = printable(text[: longest + 1])
    return line if len(line) <= longest else f"{line[: longest - 1]}…"


def counted(n: int, what: str) -> str:
    """A number of things.

    >>> counted(1, "box"), counted(1234, "box"), counted(2, "node")
    ('1 box', '1,234 boxes', '2 nodes')
    """
    return f"{n:,} {what}" if n == 1 else f"{n:,} {what}{'es' if what.endswith('x') else 's'}"


def entry_name(name: str, index: Sequence[int]) -> str:
    """The name of an array's entry.

    >>> entry_name("W", (0, 1))
    'W[0,1]'
    """
    return f"{name}[{','.join(map(str, index))}]" if len(index) else name


def width_of(text: str) -> int:
    """How many columns of a terminal the text takes."""
    return sum(0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)
