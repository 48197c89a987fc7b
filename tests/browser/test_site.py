"""The documentation site in a real browser: every page, opened from its file and without a network.

The site is the folder of the environment variable ``TINYGRAD_EDU_SITE``. Without it, the site is built once.
"""

import os
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import unquote, urldefrag, urlsplit

import pytest

pytestmark = pytest.mark.xdist_group("site")  # one process visits the pages for all of these tests
ROOT = Path(__file__).resolve().parents[2]
WIDE, NARROW = {"width": 1366, "height": 768}, {"width": 390, "height": 844}
OF_EACH_KIND = [
    "index.html",
    "learn/index.html",
    "learn/01-a-number-that-remembers.html",
    "learn/04-a-net-that-learns-moons.html",
    "how-to/coming-from.html",
    "how-to/embed-a-page.html",
    "gallery.html",
    "reference/tinygrad_edu.convert.html",
    "how-it-works/rows.html",
]
_LOOK = """() => ({
  links: [...document.querySelectorAll("a[href]")].map((link) => link.href),
  ids: [...document.querySelectorAll("[id], a[name]")].map((element) => element.id || element.name),
  broken: [...document.images].filter((image) => image.complete && !image.naturalWidth).map((image) => image.src),
  notebooks: [...document.querySelectorAll("a.download-notebook")].map((link) => link.href),
  frames: document.querySelectorAll("iframe").length,
  unshown: [...document.querySelectorAll(".cell_output pre")].map((output) => output.textContent)
    .filter((text) => /^\\s*<(Figure|Axes)|IProgress|Warning: /.test(text)),
  headings: document.querySelectorAll("h1").length,
})"""
# What sticks out of the window, except in a box that scrolls. The page itself cuts off what is too wide.
_TOO_WIDE = """() => {
  const scrolls = (element) => element.matches(".bd-main *") &&
    (["auto", "scroll"].includes(getComputedStyle(element).overflowX) || scrolls(element.parentElement));
  const out = [...document.querySelectorAll("article.bd-article *")]
    .filter((element) => element.getBoundingClientRect().right > innerWidth + 1 && !scrolls(element))
    .map((element) => element.outerHTML.slice(0, 100));
  if (document.documentElement.scrollWidth > innerWidth) out.push("the page scrolls sideways");
  return out.slice(0, 5);
}"""


@dataclass
class Visit:
    """What a page showed, said and asked for."""

    look: dict
    said: list = field(default_factory=list)
    failed: list = field(default_factory=list)  # requests, also those that leave the site
    too_wide: dict = field(default_factory=dict)  # by the width of the window


@pytest.fixture(scope="session")
def site(browser, tmp_path_factory):
    """The folder of the built site."""
    built = os.environ.get("TINYGRAD_EDU_SITE")
    if built:
        assert Path(built, "index.html").is_file(), f"TINYGRAD_EDU_SITE has no index.html: {built}"
        return Path(built).resolve()
    for package in ("jupytext", "myst_nb", "sphinx"):
        pytest.importorskip(package, reason="the extra `docs` is not installed")
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "docs", str(folder)]
    done = subprocess.run(command, cwd=ROOT, text=True, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture(scope="session")
def page(browser):
    """One page without a network, for all tests of this file."""
    context = browser.new_context(viewport=WIDE, offline=True)
    yield context.new_page()
    context.close()


@pytest.fixture(scope="session")
def visits(site, page):
    """Every page of the site, visited once: the name of its file and what was seen."""
    seen, said, failed = {}, [], []
    page.on("console", lambda message: message.type in ("error", "warning") and said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("requestfailed", lambda request: failed.append(request.url))
    page.on("request", lambda request: is_local(request.url) or failed.append(request.url))
    for path in sorted(site.rglob("*.html")):
        if "_static" in path.parts:
            continue
        page.set_viewport_size(WIDE)
        page.goto(path.as_uri())
        visit = seen[path.relative_to(site).as_posix()] = Visit(page.evaluate(_LOOK))
        for size in (WIDE, NARROW):
            page.set_viewport_size(size)
            visit.too_wide[size["width"]] = page.evaluate(_TOO_WIDE)
        visit.said, visit.failed = [*said], [*failed]
        said.clear()
        failed.clear()
    return seen


def is_local(address):
    return urlsplit(address).scheme in ("file", "data", "blob", "about")


def path_of(address):
    """The file of a ``file:`` address."""
    return Path(unquote(urlsplit(address).path))


def test_the_site_has_all_its_parts(visits):
    lessons = [name for name in visits if name.startswith("learn/") and name != "learn/index.html"]
    assert len(lessons) == 12
    assert {*OF_EACH_KIND} <= {*visits}
    assert all(visit.look["headings"] == 1 for name, visit in visits.items() if name in OF_EACH_KIND)


def test_no_page_has_errors_on_its_console(visits):
    assert {name: visit.said for name, visit in visits.items() if visit.said} == {}


def test_every_file_that_a_page_asks_for_is_there_and_none_is_on_the_network(visits):
    assert {name: visit.failed for name, visit in visits.items() if visit.failed} == {}
    assert {name: visit.look["broken"] for name, visit in visits.items() if visit.look["broken"]} == {}


@pytest.mark.parametrize("width", [390, 1366])
def test_no_page_is_wider_than_the_window(visits, width):
    assert {name: visit.too_wide[width] for name, visit in visits.items() if visit.too_wide[width]} == {}


def test_a_player_follows_the_theme_of_the_site(site, page):
    page.emulate_media(color_scheme="light")
    page.goto((site / "learn" / "01-a-number-that-remembers.html").as_uri())
    frame = page.frame_locator("iframe.tinygrad-edu-page")
    for theme in ("light", "dark"):
        page.evaluate("(theme) => { document.documentElement.dataset.theme = theme; }", theme)  # as the site's button
        frame.locator(f"html[data-theme={theme}] >> nth=0").wait_for(state="attached", timeout=10_000)


def test_the_search_finds_a_name_without_a_network(site, page):
    page.goto((site / "search.html").as_uri() + "?q=gradcheck")
    page.locator("#search-results li a").first.wait_for(timeout=10_000)


def test_every_link_within_the_site_leads_to_a_place_that_exists(site, visits):
    missing = []
    for name, visit in visits.items():
        for link in {*visit.look["links"]}:
            address, fragment = urldefrag(link)
            if urlsplit(address).scheme != "file":
                continue
            path = path_of(address)
            target = visits.get(path.relative_to(site).as_posix()) if path.is_relative_to(site) else None
            there = path.is_file() if target is None else not fragment or unquote(fragment) in target.look["ids"]
            if not there:
                missing.append((name, link))
    assert missing == []


def test_every_lesson_is_a_notebook_for_download(visits):
    nbformat = pytest.importorskip("nbformat", reason="nbformat is missing: the extra `docs` installs it")
    for name, visit in visits.items():
        lesson = name.startswith("learn/") and name != "learn/index.html"
        addresses = {*visit.look["notebooks"]}
        assert len(addresses) == lesson, name
        for address in addresses:
            notebook = nbformat.read(path_of(address), as_version=4)
            nbformat.validate(notebook)
            assert any(cell.cell_type == "code" for cell in notebook.cells)
            assert notebook.cells[0].source.startswith("# ")


def test_every_plot_shows_itself_and_no_cell_warns(visits):
    assert {name: visit.look["unshown"] for name, visit in visits.items() if visit.look["unshown"]} == {}


def test_every_lesson_shows_a_page_to_play_with(visits):
    lessons = {name: visit for name, visit in visits.items() if name.startswith("learn/") and name[6].isdigit()}
    assert [name for name, visit in lessons.items() if not visit.look["frames"]] == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", OF_EACH_KIND)
def test_axe_finds_no_serious_violation(site, page, name, scheme):
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe-playwright-python is missing")
    page.emulate_media(color_scheme=scheme)
    page.goto((site / name).as_uri())
    assert page.evaluate("document.documentElement.dataset.theme") == scheme
    found = axe.Axe().run(page, context=".bd-article").response["violations"]
    serious = [rule for rule in found if rule["impact"] in ("serious", "critical")]
    assert [(rule["id"], [node["html"] for node in rule["nodes"]]) for rule in serious] == []
