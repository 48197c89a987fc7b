"""The ASCII form of text views, for output that cannot show Unicode: no sign ever turns into a question mark."""

import codecs
import unicodedata
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


def ascii_form(view: Any) -> str:
    """The text of a view, such as a `Trace` or an `Explanation`, in ASCII signs alone.

    Examples
    --------
    >>> from tinygrad_edu import Value
    >>> import viz
    >>> a = Value(-3.0, "a")
    >>> print(viz.ascii_form(viz.why(a, a * a)).splitlines()[0])
    dL/da = -6: 2 paths
    """
    return "".join(sign if sign.isascii() else _replaced(sign) for sign in str(view))


def _replaced(sign: str) -> str:
    """ASCII signs that say the same, or at least the name of the sign."""
    if sign in SIGNS:
        return SIGNS[sign]
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
