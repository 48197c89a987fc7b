"""Text in Graphviz's language DOT: whatever a label contains, it is shown as it is."""

import html

from viz.formulas.notation import printable


def quoted(text: str) -> str:
    r"""A string of DOT.

    >>> print(quoted('say "x"'))
    "say \"x\""
    """
    return '"' + text.replace('"', r"\"") + '"'


def tooltip(text: str) -> str:
    r"""A string of DOT that is shown as ``text``, over several lines where it has them.

    Graphviz reads escapes such as ``\N`` twice in it, and entities such as ``&lt;`` once.
    """
    lines = [printable(line).replace("\\", r"\\\\").replace("&", "&amp;") for line in text.split("\n")]
    return quoted("\\n".join(lines))


def one_line(text: str, longest: int) -> str:
    """``text`` on one line, cut where it is too long.

    >>> one_line("a label of some length", 12)
    'a label of …'
    """
    line = printable(text[: longest + 1])
    return line if len(line) <= longest else line[: longest - 1] + "…"


def markup(text: str, longest: int = 32) -> str:
    r"""``text`` on one line of an HTML-like label, where Graphviz reads escapes such as ``\N``, too.

    >>> print(markup("<b>"), markup("a" * 40, longest=5))
    &lt;b&gt; aaaa…
    """
    return html.escape(one_line(text, longest)).replace("\\", r"\\")


def table(*rows: str, **attributes: object) -> str:
    """An HTML-like table without lines, of rows of `cell`."""
    look = {"BORDER": 0, "CELLBORDER": 0, "CELLSPACING": 0, "CELLPADDING": 1} | attributes
    return f"<TABLE{_attributes(look)}>{''.join(f'<TR>{row}</TR>' for row in rows)}</TABLE>"


def cell(content: str, **attributes: object) -> str:
    """A cell of an HTML-like table, of markup."""
    return f"<TD{_attributes(attributes)}>{content}</TD>"


def font(content: str, **attributes: object) -> str:
    """Markup in another size or colour."""
    return content and f"<FONT{_attributes(attributes)}>{content}</FONT>"


def _attributes(attributes: dict[str, object]) -> str:
    return "".join(f' {name.replace("_", "-")}="{value}"' for name, value in attributes.items())
