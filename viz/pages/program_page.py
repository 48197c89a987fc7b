"""The page of a compiled function: its program beside its graph, where a line lights its node, and the reverse."""

import html
from collections.abc import Iterator

from viz.pages.page import Page, embedded
from viz.pictures.palette import THEMES
from viz.pictures.program import Listing, description, source, title
from viz.pictures.render import accessible_svg


class ProgramPage(Page):
    """The page of a compiled function; made by `player`.

    Attributes
    ----------
    listing : the lines and inputs of the program, which are the nodes of its graph.
    """

    template = "program.html"
    styles = ("page.css", "program.css")
    scripts = ("program.js",)

    def __init__(self, listing: Listing) -> None:
        super().__init__(f"The program of {listing.name}, line by line")
        self.listing = listing

    def parts(self) -> dict[str, str]:
        words = [*map(self.listing.words, range(len(self.listing.nodes)))]
        data = {"edges": [*self.listing.edges()], "words": words}
        return {"lines": "".join(_rows(self.listing)), "graph": _graph(self.listing), "data": embedded(data)}

    def __repr__(self) -> str:
        lines = sum(node.kind in ("line", "return") for node in self.listing.nodes)
        return f"<player of {self.listing.name}: {lines} lines; .save('program.html') writes it>"


def _rows(listing: Listing) -> Iterator[str]:
    """The program as rows of a list: the constants, the function's head with an entry for each input, the body."""
    numbered = [*enumerate(listing.nodes)]
    for i, node in numbered:
        if node.kind == "constant":
            yield _row(_option(i, node.code))
    for what in listing.fixed:
        yield _row(html.escape(f"# fixed when recorded: {what}"), "comment")
    head = (_option(i, node.code) for i, node in numbered if node.kind in ("argument", "parameter", "state"))
    yield _row(f"def {html.escape(listing.name)}({', '.join(head)}):", "head")
    section = ""
    for i, node in numbered:
        if node.section != section:
            section = node.section
            yield _row(f"# {html.escape(section)}" if section else "", "comment")
        if node.kind in ("line", "return"):
            about = f'<span class="about">{html.escape(node.about)}</span>' * bool(node.about)
            yield _row(_option(i, node.code) + about, "body")


def _row(content: str, kind: str = "") -> str:
    return f'<div class="row {kind}">{content}</div>\n'


def _option(i: int, code: str) -> str:
    return (
        f'<span role="option" id="line-{i}" aria-selected="false" tabindex="{-1 if i else 0}">'
        f"{html.escape(code)}</span>"
    )


def _graph(listing: Listing) -> str:
    """The picture, with names for the lines that stand beside it, and without the size that its style gives it.

    The page's policy allows no style in an element; its style sheet has the size, and the colours of both themes.
    """
    dot = source(listing, "LR", THEMES["light"], code=False)
    svg = accessible_svg(dot, f"Graph of {title(listing)}", description(listing))
    return svg.replace('style="max-width: 100%; height: auto"', 'id="graph"', 1)
