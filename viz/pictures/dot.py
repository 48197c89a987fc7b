"""Text in Graphviz's language DOT. Every label is shown as it is, whatever it contains."""

import html
from collections.abc import Iterable, Iterator
from typing import NamedTuple, TypeVar

from tinygrad_edu.errors import ArgumentError
from viz.formulas.numbers import one_line, printable
from viz.pictures.palette import Style, Theme

FONT = "DejaVu Sans,Verdana,Geneva,sans-serif"  # the first two are equally wide, so a text fits its box in both
T = TypeVar("T")
_LONG = 1_000  # ranks that the arrows pass in all: more are drawn with less effort


def tooltip(text: str) -> str:
    r"""A string of DOT that is shown as ``text``, over several lines where it has them.

    Graphviz reads escapes such as ``\N`` twice in it, and entities such as ``&lt;`` once.

    >>> print(tooltip('say "x"'))
    "say \"x\""
    """
    lines = [printable(line).replace("\\", r"\\\\").replace("&", "&amp;") for line in text.split("\n")]
    return '"' + "\\n".join(lines).replace('"', r"\"") + '"'


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


# --- a whole picture ----------------------------------------------------------------------------------------------


class Sheet(NamedTuple):
    """What the boxes and arrows of a picture have in common: sizes in points, gaps in inches."""

    direction: str
    theme: Theme
    font_size: float
    margin: str
    node_gap: float
    rank_gap: float
    arrow: str


def digraph(sheet: Sheet, body: Iterable[str], look: str = "") -> str:
    """A whole picture: the sheet, and the boxes, frames and arrows of its ``body``."""
    ink, quiet, paper = sheet.theme.ink, sheet.theme.quiet, sheet.theme.paper
    text = f'fontname="{FONT}" fontsize={sheet.font_size} fontcolor="{ink}"'
    lines = [
        "digraph {",
        f'rankdir={sheet.direction} bgcolor="{paper}" nodesep={sheet.node_gap} ranksep={sheet.rank_gap}{look}',
        text,
        f'node [{text} margin="{sheet.margin}" width=0 height=0]',
        f'edge [fontname="{FONT}" fontcolor="{quiet}" color="{quiet}" {sheet.arrow}]',
    ]
    return "\n".join([*lines, *body, "}"])


def box(
    name: str, kind: str, style: Style, face: str, words: str, *, colours: Style | None = None, look: str = ""
) -> str:
    """A node with an HTML-like label; its tooltip says the ``words``; ``colours`` replace the style's."""
    fill, line = (colours or style).fill, (colours or style).line
    return (
        f'"{name}" [id="{name}" class="{kind}" shape={style.shape} style="{style.style}"{look} '
        f'fillcolor="{fill}" color="{line}" label=<{face}> tooltip={tooltip(words)}]'
    )


def frame(cluster: str, name: str, kind: str, title: str, theme: Theme, level: int = 0, look: str = "") -> str:
    """The opening of a frame around some nodes; a line with "}" closes it."""
    return (
        f'subgraph "cluster_{cluster}" {{ id="{name}" class="{kind}" margin=10 style="filled,rounded" '
        f'fillcolor="{theme.modules[level % 2]}" color="{theme.frame}" labeljust=l '
        f"label=<<B>{markup(title, longest=64)}</B>>{look}"
    )


def arrow(tail: str, head: str, port: str = "", **attributes: str) -> str:
    """An arrow from one node to another, to a port of it where one is named."""
    given = " ".join(f'{name}="{value}"' for name, value in attributes.items())
    return f'"{tail}" -> "{head}"{port}' + (f" [{given}]" if given else "")


def ranks(items: Iterable[T], arrows: Iterable[tuple[T, T]]) -> dict[T, int]:
    """The column of each item, at least one after those of the items from which arrows lead to it.

    >>> ranks("abc", [("a", "b"), ("b", "c"), ("a", "c")])
    {'a': 1, 'b': 2, 'c': 3}
    """
    tails: dict[T, list[T]] = {}
    for tail, head in arrows:
        tails.setdefault(head, []).append(tail)
    found: dict[T, int] = {}
    for item in items:  # folded modules may use each other: then one of them has no rank yet
        found[item] = 1 + max((found.get(tail, 0) for tail in tails.get(item, ())), default=0)
    return found


def effort(length: int, most: int, refusal: str, look: str = "") -> str:
    """Attributes for less effort if arrows pass many ranks, because Graphviz would take minutes.

    Raises
    ------
    ArgumentError : they pass more than ``most`` ranks in all; the error gives the ``refusal``.
    """
    if length > most:
        raise ArgumentError(refusal)
    return f"{look} nslimit=1 nslimit1=1" if length > _LONG else ""


def joined(body: Iterable[tuple[str, str]]) -> Iterator[str]:
    """The lines of boxes ``(frame, box)``, those of a frame within it; "" is no frame."""
    frames: dict[str, list[str]] = {}
    for opening, line in body:
        frames.setdefault(opening, []).append(line)
    for opening, lines in frames.items():
        yield from ([opening, *lines, "}"] if opening else lines)
