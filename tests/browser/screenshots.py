"""The pictures of the pages in the documentation: ``python -m tests.browser.screenshots`` makes them anew."""

import tempfile
from pathlib import Path

from tests.browser.chromium import launch
from tests.browser.graphs import layer, neuron, samples, scalar_net, training_step
from tinygrad_edu import data, nn, optim
from viz.pages.player import player
from viz.pages.playground import playground

FOLDER = Path(__file__).resolve().parent.parent.parent / "docs" / "images"
_WINDOW = {"width": 1366, "height": 768}
_LOW = {"width": 1280, "height": 640}


def shots():
    """Name, graph, step, window, colours, and what is done on the page before the picture is taken."""
    line = "[...document.querySelectorAll('.body [role=option]')].find((x) => x.textContent.startsWith('dz1')).focus()"
    change = "player.pick(3); player.leaves.set(3, -2.5); for (let k = 0; k < 9; k += 1) player.descent.step()"
    entry = "document.querySelectorAll('.maps .heat')[2].querySelectorAll('rect')[3].dispatchEvent(new Event('click'))"
    return [
        ("light", neuron(), 13, _WINDOW, "light", []),
        ("dark", neuron(), 13, _WINDOW, "dark", []),
        ("live", neuron(), 99, _WINDOW, "light", [change]),
        ("network", scalar_net(2, [4, 4, 1]), 120, _WINDOW, "light", ["player.switchNetwork()"]),
        ("arrays", layer(), 99, _WINDOW, "light", ["player.pick(2)", entry]),
        ("folded", samples(), 300, _WINDOW, "light", []),
        ("program", training_step(), 0, _LOW, "light", [line]),
    ]


# A run of 220 steps, and another one that forks from it at step 90 with a higher rate.
_FORK = """
  const train = (steps) => {
    for (let i = 0; i < steps; i += 1) {
      playground.history.advance();
      if (i % 5 === 0) playground.history.measure();
    }
  };
  train(220);
  playground.seek(90);
  playground.change({ kind: "setting", name: "lr", value: 0.12 });
  train(130);
  playground.changed();
"""


def photograph_playground(browser, folder) -> None:
    """Write ``docs/images/playground-*.png``."""
    X, y = data.moons(400, noise=0.2, rng=0)
    net = nn.MLP(2, [6, 4, 1], activation="tanh", rng=0)
    choices = {"activation": ["tanh", "relu", "gelu"]}
    path = Path(folder, "playground.html")
    playground(net, X, y, optimizer=optim.Adam(net.parameters(), lr=0.03), choices=choices).save(path)
    for scheme in ("light", "dark"):
        page = browser.new_page(viewport={"width": 1366, "height": 768}, color_scheme=scheme)
        page.goto(path.as_uri())
        page.evaluate(f"() => {{ {_FORK} }}")
        page.wait_for_timeout(500)
        page.screenshot(path=FOLDER / f"playground-{scheme}.png")
        print(FOLDER / f"playground-{scheme}.png")
        page.close()


def main() -> None:
    """Write ``docs/images/player-*.png`` and ``playground-*.png``."""
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
        photograph_playground(browser, folder)
        browser.close()


if __name__ == "__main__":
    main()
