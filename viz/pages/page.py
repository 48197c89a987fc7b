"""What the project's pages share: one file that works offline, its policy, its colours, its place in a notebook."""

import base64
import hashlib
import html
import json
import os
import re
import tempfile
import webbrowser
from collections.abc import Sequence
from functools import cached_property
from importlib import resources
from pathlib import Path
from string import Template
from typing import Any

from tinygrad_edu.errors import ArgumentError
from tinygrad_edu.support.files import write
from viz.pictures.palette import THEMES

_NOTEBOOK_HEIGHT = 640
_IN_NOTEBOOK = """
.tinygrad-edu-page { border: 0; }
.tinygrad-edu-page + .tinygrad-edu-still { display: none; }
"""
# JupyterLab says by an attribute of the body whether it is light. The frames are told, now and whenever it changes.
_TELL_THEME = """
(() => {
  const frames = () => document.querySelectorAll("iframe.tinygrad-edu-page");
  const tell = () => {
    const light = document.body.dataset.jpThemeLight;
    if (light === undefined) return;
    const theme = light === "true" ? "light" : "dark";
    for (const frame of frames()) frame.contentWindow?.postMessage({ theme }, "*"); // null while a cell is made anew
  };
  for (const frame of frames()) frame.addEventListener("load", tell);
  new MutationObserver(tell).observe(document.body, { attributeFilter: ["data-jp-theme-light"] });
  tell();
})();
"""


class Page:
    """One HTML file, made of the files in ``viz/pages/assets``. It shows itself in a notebook.

    A subclass names the ``template`` of the body, the ``styles`` and the ``scripts``. ``page.html`` is the frame around
    them, the same for all pages.

    Its content security policy allows these scripts and styles, by their hashes, and nothing else: no network, no
    inline handlers.

    Attributes
    ----------
    title : of the page.
    """

    template: str
    styles: Sequence[str]
    scripts: Sequence[str]
    policy: str = "img-src 'none'"  # what else it may show

    def __init__(self, title: str) -> None:
        self.title = title

    def parts(self) -> dict[str, str]:
        """The parts that fill the template, as HTML, and the ``data`` for the scripts."""
        raise NotImplementedError

    def engine(self) -> str:
        """JavaScript that the scripts use and that is not in ``viz/pages/assets``."""
        return ""

    def opens(self) -> "Sequence[Page]":
        """The pages that this one contains and opens: its policy allows their scripts and styles too."""
        return ()

    @cached_property
    def style(self) -> str:
        """The style sheet."""
        return _colours() + "".join(map(_asset, self.styles))

    @cached_property
    def script(self) -> str:
        """The scripts, joined."""
        return '"use strict";\n' + "\n".join([self.engine(), *map(_asset, self.scripts)])

    @cached_property
    def html(self) -> str:
        """The whole page."""
        style, script = self.style, self.script
        allowed = [self, *self.opens()]
        places = {"title": html.escape(self.title)} | self.parts()
        return Template(_asset("page.html")).substitute(
            places,
            policy=self.policy,
            body=Template(_asset(self.template)).substitute(places),
            style=style,
            style_hash="' '".join(_hash(page.style) for page in allowed),
            script=script,
            script_hash="' '".join(_hash(page.script) for page in allowed),
        )

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the page to ``path``: all of it, or nothing.

        Raises
        ------
        ArgumentError : a suffix other than ``.html``.
        FileError : the file cannot be written. An older file of that name is then unchanged.
        """
        if Path(path).suffix.lower() != ".html":
            raise ArgumentError(f"a page is saved as .html, but was given {str(path)!r}: end the name with .html")
        write(path, self.html.encode())

    def show(self) -> None:
        """Open the page in the browser, from a file in the folder for temporary files."""
        with tempfile.NamedTemporaryFile("w", suffix=".html", encoding="utf-8", delete=False) as file:
            file.write(self.html)
        webbrowser.open(Path(file.name).as_uri())

    def still(self) -> str:
        """An ``<img>`` that is shown if the page cannot be shown; "" for none."""
        return ""

    def _repr_html_(self) -> str:
        """The page in a separate frame, which has no access to the notebook around it.

        The page follows JupyterLab's theme. In a notebook that is not trusted, JupyterLab removes the frame, the style
        and the script: what remains is the picture and the sentence.
        """
        return (
            f"<style>{_IN_NOTEBOOK}</style>"
            f'<iframe class="tinygrad-edu-page" srcdoc="{html.escape(self.html)}" title="{html.escape(self.title)}" '
            f'sandbox="allow-scripts allow-downloads" width="100%" height="{_NOTEBOOK_HEIGHT}"></iframe>'
            f'<div class="tinygrad-edu-still">{self.still()}'
            "<p>This notebook is not trusted, so the page is not shown. Trust it, or run the cell.</p>"
            f"</div><script>{_TELL_THEME}</script>"
        )


def picture(content: bytes, kind: str, alt: str) -> str:
    """A picture as an ``<img>``, which a notebook shows without trusting it; ``kind`` is such as "image/png"."""
    return f'<img alt="{html.escape(alt)}" src="{data_url(content, kind)}">'


def data_url(content: bytes, kind: str) -> str:
    """The content of a file as an address, so that a page needs no second file."""
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"


def embedded(data: Any) -> str:
    """JSON that stays within its ``<script>`` element, whatever the labels are."""
    text = json.dumps(data, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    text = re.sub("[\ud800-\udfff]", lambda half: f"\\u{ord(half[0]):04x}", text)  # half a pair cannot be written
    return text.replace("<", r"\u003c").replace("\u2028", r"\u2028").replace("\u2029", r"\u2029")


def _asset(name: str) -> str:
    return resources.files("viz.pages").joinpath("assets", name).read_text(encoding="utf-8")


def _colours() -> str:
    """The colours of the pictures that `draw` makes, as CSS variables."""
    light, dark = THEMES["light"], THEMES["dark"]
    pairs = {"paper": (light.paper, dark.paper), "ink": (light.ink, dark.ink), "quiet": (light.quiet, dark.quiet)}
    pairs["backward"] = (light.gradient, dark.gradient)
    for kind, style in light.kinds.items():
        pairs[kind] = (style.fill, dark.kinds[kind].fill)
        pairs[f"{kind}-line"] = (style.line, dark.kinds[kind].line)
    lines = "".join(f"  --{name}: light-dark({', '.join(pair)});\n" for name, pair in pairs.items())
    return f":root {{\n{lines}}}\n"


def _hash(text: str) -> str:
    """The text as a content security policy names it."""
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"
