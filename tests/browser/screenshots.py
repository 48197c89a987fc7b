"""The pictures of the player in the documentation: ``python -m tests.browser.screenshots`` makes them anew."""

import tempfile
from pathlib import Path

from tests.browser.chromium import launch
from tests.browser.graphs import neuron, scalar_net, training_step
from viz.pages.player import player

FOLDER = Path(__file__).resolve().parent.parent.parent / "docs" / "images"
_WINDOW = {"width": 1280, "height": 760}
_LOW = {"width": 1280, "height": 640}


def shots():
    """Name, graph, step, window, colours, and what is done on the page before the picture is taken."""
    line = "[...document.querySelectorAll('.body [role=option]')].find((x) => x.textContent.startsWith('dz1')).focus()"
    return [
        ("light", neuron(), 13, _WINDOW, "light", []),
        ("dark", neuron(), 13, _WINDOW, "dark", []),
        ("folded", scalar_net(2, [24, 24, 1], fused=True), 800, _WINDOW, "light", []),
        ("program", training_step(), 0, _LOW, "light", [line]),
    ]


def main() -> None:
    """Write ``docs/images/player-*.png``."""
    from playwright.sync_api import sync_playwright  # here, because the tests of doctests import every module

    FOLDER.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        browser = launch(playwright)
        for name, root, step, window, scheme, actions in shots():
            path = Path(folder, f"{name}.html")
            player(root).save(path)
            page = browser.new_page(viewport=window, color_scheme=scheme)
            page.goto(f"{path.as_uri()}#step={step}")
            for action in actions:
                page.evaluate(action)
            picture = FOLDER / f"player-{name}.png"
            page.screenshot(path=picture)
            print(picture)
            page.close()
        browser.close()


if __name__ == "__main__":
    main()
