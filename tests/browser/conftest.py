"""The browser of the tests, and pages that fail a test when anything goes wrong on them."""

import pytest

from tests.browser import chromium


def pytest_collection_modifyitems(items):
    for item in items:
        if "browser" in getattr(item, "fixturenames", ()):
            item.add_marker("browser")


@pytest.fixture(scope="session")
def browser():
    """Chromium: a test that asks for it is marked ``browser``, and skipped where Chromium or Playwright is missing."""
    api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    if chromium.executable() is None:
        pytest.skip("there is no Chromium: name one in TINYGRAD_EDU_CHROMIUM")
    with api.sync_playwright() as playwright:
        browser = chromium.launch(playwright)
        yield browser
        browser.close()


@pytest.fixture
def opened(browser, tmp_path):
    """``opened(player)`` opens its saved page, without a network; at the end of the test its console must be empty."""
    said, contexts = [], []

    def open_page(player, fragment="", *, width=1280, height=800, scheme="light"):
        path = tmp_path / "player.html"
        player.save(path)
        page = new_page(width, height, scheme)
        page.goto(path.as_uri() + fragment)
        return page

    def new_page(width=1280, height=800, scheme="light"):
        context = browser.new_context(viewport={"width": width, "height": height}, color_scheme=scheme, offline=True)
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: said.append(message.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        page.on("dialog", lambda dialog: (said.append(f"dialog: {dialog.message}"), dialog.dismiss()))
        return page

    open_page.new_page = new_page
    open_page.said = said
    yield open_page
    for context in contexts:
        context.close()
    assert said == []
