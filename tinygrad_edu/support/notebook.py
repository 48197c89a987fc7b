"""HTML that a notebook shows instead of a repr: tables whose texts are escaped."""

from collections.abc import Iterable, Sequence
from html import escape


def table(head: Sequence[str], rows: Iterable[Sequence[object]], *, caption: str = "", note: str = "") -> str:
    """A table of texts, with a caption above and a note below.

    Examples
    --------
    >>> table(["epoch", "loss"], [(1, "0.5 < 1")])
    '<table><tr><th>epoch</th><th>loss</th></tr><tr><td>1</td><td>0.5 &lt; 1</td></tr></table>'
    """
    top = f"<caption>{escape(caption)}</caption>" if caption else ""
    titles = "<tr>" + "".join(f"<th>{escape(title)}</th>" for title in head) + "</tr>" if head else ""
    body = "".join("<tr>" + "".join(f"<td>{escape(str(x))}</td>" for x in row) + "</tr>" for row in rows)
    return f"<table>{top}{titles}{body}</table>" + (f"<p>{escape(note)}</p>" if note else "")
