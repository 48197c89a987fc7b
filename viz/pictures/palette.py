"""The colours and shapes of a picture of a graph, light and dark.

The hues are those of Okabe and Ito, *Color Universal Design* (2008), which the colour-blind tell apart. Each kind of
node also has its own shape, so that nothing is shown by colour alone.
"""

from typing import NamedTuple


class Style(NamedTuple):
    """How a kind of node looks: Graphviz's shape and style, and the colours of area and line."""

    shape: str
    style: str
    fill: str
    line: str


class Theme(NamedTuple):
    """The colours of a picture. ``modules`` are the areas of nested clusters, by turns."""

    paper: str
    ink: str
    quiet: str
    gradient: str
    modules: tuple[str, str]
    frame: str
    kinds: dict[str, Style]


_LOOKS = {
    "leaf": ("box", "filled,rounded"),
    "parameter": ("box", "filled,diagonals"),
    "constant": ("note", "filled"),
    "operation": ("box", "filled"),
    "root": ("box", "filled"),
    "module": ("box3d", "filled"),
    "wrong": ("box", "filled"),
}


def _kinds(**colours: str) -> dict[str, Style]:
    """Styles from ``"fill line"`` of each kind."""
    return {kind: Style(*_LOOKS[kind], *pair.split()) for kind, pair in colours.items()}


THEMES = {
    "light": Theme(
        paper="#ffffff",
        ink="#1b1f24",
        quiet="#57606a",
        gradient="#a33c00",
        modules=("#f3f5f7", "#e6eaee"),
        frame="#8a939d",
        kinds=_kinds(
            leaf="#cfe7f7 #0072b2",
            parameter="#fbe3ae #996600",
            constant="#e3e3e3 #6e6e6e",
            operation="#ffffff #444c56",
            root="#b9e6d6 #00694d",
            module="#ecd9e6 #8a4f74",
            wrong="#fde0e1 #b3141d",
        ),
    ),
    "dark": Theme(
        paper="#14171c",
        ink="#eef1f4",
        quiet="#a9b3be",
        gradient="#ffa366",
        modules=("#1d2229", "#262c35"),
        frame="#6b7683",
        kinds=_kinds(
            leaf="#0f3d5c #56b4e9",
            parameter="#4a3700 #e6b422",
            constant="#3a3f46 #9aa3ad",
            operation="#20262e #c3cad2",
            root="#064432 #35c69b",
            module="#472a3e #d79bc0",
            wrong="#551a1e #ff8a8f",
        ),
    ),
}
