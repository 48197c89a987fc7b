"""Texts for output that cannot show Unicode: a sign turns into others that say the same, never into a question mark."""

import codecs
import functools
import sys
from collections.abc import Callable
from typing import Any

SIGNS = {
    "−": "-",
    "·": "*",
    "×": "x",
    "÷": "/",
    "→": "->",
    "←": "<-",
    "↦": "->",
    "∂": "d",
    "∇": "grad ",
    "σ": "sigmoid",
    "Σ": "sum",
    "∑": "sum",
    "√": "sqrt",
    "∞": "inf",
    "≈": "~=",
    "≤": "<=",
    "≥": ">=",
    "≠": "!=",
    "‖": "||",
    "…": "...",
    "–": "-",
    "—": "-",
    "✓": "ok",
    "✗": "x",
    "ᵀ": "^T",
    "│": "|",
    "├": "|",
    "└": "`",
    "─": "-",
    "█": "#",
    "▁": ".",
}
ERRORS = "viz.ascii"  # name of the handler that `open` and `reconfigure` take as errors=


def in_ascii(text: str) -> str:
    """The text in ASCII signs alone.

    Examples
    --------
    >>> in_ascii("∂L/∂a ≈ −6")
    'dL/da ~= -6'
    """
    return "".join(sign if sign.isascii() else _replaced(sign) for sign in text)


def printable(text: str) -> str:
    """The text in signs that standard output can show: all of them, where it is encoded in UTF-8."""
    encoding = getattr(sys.stdout, "encoding", None)
    if text.isascii() or not encoding:
        return text
    try:
        return text.encode(encoding, ERRORS).decode(encoding)
    except (LookupError, UnicodeError):  # an encoding that Python does not know
        return in_ascii(text)


def for_output(method: Callable[[Any], str]) -> Callable[[Any], str]:
    """Make a ``__str__`` or ``__repr__`` whose text is `printable`."""

    @functools.wraps(method)
    def printed(self: Any) -> str:
        return printable(method(self))

    return printed


def say(text: str = "") -> None:
    """Print the text in signs that standard output can show."""
    print(printable(text))


def _replaced(sign: str) -> str:
    """ASCII signs that say the same, or at least the name of the sign."""
    if sign in SIGNS:
        return SIGNS[sign]
    import unicodedata  # here, because few outputs need it

    plain = unicodedata.normalize("NFKD", sign).encode("ascii", "ignore").decode()
    if plain:  # an index or a power as a digit, a letter without its accent
        prefix = "^" if "SUPERSCRIPT" in unicodedata.name(sign, "") else ""
        return prefix + plain
    name = unicodedata.name(sign, "")
    if name.startswith("GREEK"):
        return name.split()[-1].lower()
    return f"\\u{ord(sign):04x}"


def _handler(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return "".join(map(_replaced, error.object[error.start : error.end])), error.end


codecs.register_error(ERRORS, _handler)
