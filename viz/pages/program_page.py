"""The page of a compiled function: its program next to its graph. A selected line highlights its node, and back."""

import html
from collections.abc import Hashable, Iterator, Sequence
from typing import Any

import numpy as np

from tinygrad_edu.javascript import library
from tinygrad_edu.support.ascii import for_output
from viz.formulas.numbers import number_text
from viz.pages.page import Page, embedded, picture
from viz.pictures.palette import THEMES
from viz.pictures.program import Compiled, Listing, description, source, title
from viz.pictures.render import accessible_svg
from viz.steps.as_json import FEW, is_finite, to_json

_MAPPED = 10_000  # entries of the largest array that has a heat map
_NUMBERS = 100_000  # in all arrays of a page; of more, only small ones have heat maps
_DRAWN = 60  # lines and inputs of a program whose still picture can be read


class ProgramPage(Page):
    """The page of a compiled function; made by `player`.

    Attributes
    ----------
    listing : the lines and inputs of the program, which are the nodes of its graph.
    numbers : for each of them its number or array; None where it has none.
    """

    template = "program.html"
    styles = ("page.css", "heat.css", "program.css")
    scripts = ("data.js", "elements.js", "heat.js", "theme.js", "program.js")

    def __init__(self, listing: Listing, numbers: Sequence[Any]) -> None:
        super().__init__(f"The program of {listing.name}, line by line")
        self.listing = listing
        self.numbers = numbers

    def engine(self) -> str:
        return library("numbers")

    def parts(self) -> dict[str, str]:
        words = [*map(self.listing.words, range(len(self.listing.nodes)))]
        names = [node.name for node in self.listing.nodes]
        few = _MAPPED if sum(np.size(x) for x in self.numbers) <= _NUMBERS else FEW
        data = {"edges": [*self.listing.edges()], "words": words, "names": names}
        data |= {"numbers": [None if x is None else to_json(_plain(x), few) for x in self.numbers]}
        lines = "".join(_rows(self.listing, self.numbers))
        # The page's policy allows no style in an element; its style sheet has the size, and the colours of both themes.
        graph = _svg(self.listing).replace('style="max-width: 100%; height: auto"', 'id="graph"', 1)
        return {"lines": lines, "graph": graph, "data": embedded(data)}

    def still(self) -> str:
        """A picture of the program's graph for a notebook that shows no page, if the program is small enough."""
        if len(self.listing.nodes) > _DRAWN:
            return ""
        return picture(_svg(self.listing).encode(), "image/svg+xml", f"Graph of {title(self.listing)}")

    @for_output
    def __repr__(self) -> str:
        lines = sum(node.kind in ("line", "return") for node in self.listing.nodes)
        return f"<player of {self.listing.name}: {lines} lines; .save('program.html') writes it>"


def numbers_of(compiled: Compiled, listing: Listing) -> list[Any]:
    """What each line and input of the program gives for the arguments of the recorded call.

    A vectorized function does not store its arguments, so its page shows the lines without numbers.
    """
    values = getattr(getattr(compiled, "__func__", compiled), "numbers", {})
    return [values.get(node.var) if isinstance(node.var, Hashable) else None for node in listing.nodes]


def _plain(x: Any) -> Any:
    return x if isinstance(x, float | int) else np.asarray(x)


def _brief(x: Any) -> str:
    """A number or the range of an array, in a few characters."""
    array = np.asarray(x)
    if x is None or array.dtype.kind not in "fiu" or not array.size:
        return ""
    if array.size == 1:
        return number_text(float(array.item()))
    bad = array[~np.isfinite(array)]
    if bad.size:
        return f"has {number_text(float(bad[0]))}"
    least, largest = (number_text(float(x), 3) for x in (array.min(), array.max()))
    return f"all {least}" if least == largest else f"{least} … {largest}"


def _rows(listing: Listing, numbers: Sequence[Any]) -> Iterator[str]:
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
            text = _brief(numbers[i])
            odd = "" if numbers[i] is None or is_finite(_plain(numbers[i])) else " odd"
            number = f'<span class="number{odd}">{html.escape(text)}</span>' * bool(text)
            yield _row(_option(i, node.code) + about + number, "body")


def _row(content: str, kind: str = "") -> str:
    return f'<div class="row {kind}">{content}</div>\n'


def _option(i: int, code: str) -> str:
    return (
        f'<span role="option" id="line-{i}" aria-selected="false" tabindex="{-1 if i else 0}">'
        f"{html.escape(code)}</span>"
    )


def _svg(listing: Listing) -> str:
    dot = source(listing, "LR", THEMES["light"], code=False)
    return accessible_svg(dot, f"Graph of {title(listing)}", description(listing))
