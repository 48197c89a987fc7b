"""DOT → SVG, PNG or PDF, by the Graphviz that pygraphviz's wheels carry: no `dot` program is needed."""

import contextlib
import functools
import importlib.util
import os
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

_LOCK = threading.Lock()  # Graphviz keeps its state in globals
_PNG_DPI = 144
_NAMESPACES = ("{http://www.w3.org/2000/svg}", "{http://www.w3.org/1999/xlink}")


def render(source: str, kind: str) -> bytes:
    """Lay the DOT source out, and give the picture as Graphviz writes it.

    Parameters
    ----------
    source : DOT.
    kind : one of Graphviz's output formats, such as ``"svg"``, ``"png"``, ``"pdf"`` or ``"json"``.
    """
    with _LOCK:
        _warm_up()
        return _draw(source, kind)


def accessible_svg(source: str, title: str, description: str) -> str:
    """Lay the DOT source out as an SVG that says to a screen reader what it shows.

    A ``tooltip`` of the source becomes the ``<title>`` of its node or cluster, which browsers show. Everything
    else that Graphviz calls a title is a name that users need not read.
    """
    svg = ElementTree.fromstring(render(source, "svg"))
    for element in svg.iter():
        for namespace in _NAMESPACES:
            element.tag = element.tag.removeprefix(namespace)
            if namespace + "title" in element.attrib:
                element.set("title", element.attrib.pop(namespace + "title"))
    for group in [*svg.iter("g")]:
        _use_tooltip(group)
    _lift_titles(svg)
    svg.set("xmlns", "http://www.w3.org/2000/svg")
    svg.set("role", "img")
    svg.set("style", "max-width: 100%; height: auto")
    for tag, text in (("desc", description), ("title", title)):
        element = ElementTree.Element(tag)
        element.text = text
        svg.insert(0, element)
    return ElementTree.tostring(svg, encoding="unicode")


def _use_tooltip(group: ElementTree.Element) -> None:
    """Put the tooltip, which Graphviz writes as ``<g><a title="…">shapes</a></g>``, where browsers look for it."""
    name = group.find("title")
    if name is None:
        return
    group.remove(name)
    for anchored in group.findall("g"):
        anchor = anchored.find("a")
        if anchor is not None:
            name.text = anchor.get("title")
            at = [*group].index(anchored)
            group[at : at + 1] = [name, *anchor]


def _lift_titles(svg: ElementTree.Element) -> None:
    """Put the titles of the clusters above the arrows that cross them, on a ground of the cluster's colour."""
    titles = ElementTree.Element("g", {"class": "titles", "pointer-events": "none"})
    for group in svg.iter("g"):
        area = group.find("path")  # a rounded box
        if area is None or not group.get("class", "").startswith("cluster"):
            continue
        ground = {"stroke": area.get("fill", "none"), "stroke-width": "5", "stroke-linejoin": "round"}
        for text in group.findall("text"):
            group.remove(text)
            text.attrib |= ground | {"paint-order": "stroke"}
            titles.append(text)
    if len(titles):
        svg.findall("g")[-1].append(titles)


def _draw(source: str, kind: str) -> bytes:
    import pygraphviz

    graph = pygraphviz.AGraph(string=source)
    picture: bytes = graph.draw(format=kind, prog="dot", args=f"-Gdpi={_PNG_DPI}" if kind == "png" else "")
    return picture


@functools.cache
def _warm_up() -> None:
    """Let Graphviz find fonts: matplotlib's and the system's, because a minimal Linux has none.

    The fontconfig in the wheel warns of what it does not know in a newer system's settings. That says nothing to
    the user, and only happens here, so standard error is closed for that time.
    """
    settings = ("FONTCONFIG_FILE", "FONTCONFIG_PATH")
    if sys.platform != "linux" or any(name in os.environ for name in settings):
        return
    with tempfile.TemporaryDirectory() as folder, _silence():
        path = Path(folder, "fonts.conf")
        path.write_text(_font_settings(), encoding="utf-8")
        os.environ["FONTCONFIG_FILE"] = str(path)
        try:
            _draw("digraph { a }", "svg")
        finally:
            del os.environ["FONTCONFIG_FILE"]


def _font_settings() -> str:
    """Where the fonts are. A font of coloured pictures has one size: its emoji are scaled to that of the text."""
    matplotlib = importlib.util.find_spec("matplotlib")
    bundled = Path(matplotlib.origin or "").parent / "mpl-data/fonts/ttf" if matplotlib else Path()
    return f"""<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig>
  <dir>/usr/share/fonts</dir><dir>/usr/local/share/fonts</dir><dir prefix="xdg">fonts</dir><dir>~/.fonts</dir>
  <dir>{bundled}</dir>
  <selectfont>
    <rejectfont><glob>{bundled}/*</glob></rejectfont>
    <acceptfont><glob>{bundled}/DejaVu*</glob></acceptfont>
  </selectfont>
  <match target="font">
    <test name="outline"><bool>false</bool></test>
    <edit name="pixelsizefixupfactor" mode="assign">
      <divide><name target="pattern">pixelsize</name><name target="font">pixelsize</name></divide>
    </edit>
    <edit name="matrix" mode="assign">
      <times>
        <name>matrix</name>
        <matrix>
          <name>pixelsizefixupfactor</name><double>0</double><double>0</double><name>pixelsizefixupfactor</name>
        </matrix>
      </times>
    </edit>
  </match>
  <cachedir prefix="xdg">fontconfig</cachedir>
</fontconfig>
"""


@contextlib.contextmanager
def _silence() -> Iterator[None]:
    """Send what C code writes to standard error nowhere."""
    try:
        kept = os.dup(2)
    except OSError:  # there is no standard error
        yield
        return
    try:
        with Path(os.devnull).open("wb") as nowhere:
            os.dup2(nowhere.fileno(), 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
