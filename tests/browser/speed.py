"""How long a step of the player takes to redraw: ``python -m tests.browser.speed``.

Every step of a graph of some 500 nodes, all on screen, is made in a frame of its own. Reported are the time in which
the scripts, the styles and the layout of a step are done, and the time from frame to frame.
"""

import statistics
import tempfile
from pathlib import Path

from tests.browser.chromium import launch
from tests.browser.graphs import scalar_net
from viz.pages.player import player

_MEASURE = """async () => {
  const work = [], frames = [];
  player.seek(0);
  player.graph.fit();
  let last = await new Promise(requestAnimationFrame);
  for (let s = 0; s < player.film.length; s += 1) {
    const began = performance.now();
    player.step(1);
    document.body.getBoundingClientRect();
    work.push(performance.now() - began);
    const now = await new Promise(requestAnimationFrame);
    frames.push(now - last);
    last = now;
  }
  return {nodes: player.film.nodes.length, work, frames};
}"""


def main() -> None:
    """Measure, and print a line for each quantity."""
    from playwright.sync_api import sync_playwright  # here, because the tests of doctests import every module

    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        path = Path(folder, "speed.html")
        player(scalar_net(3, [10, 9, 3])).save(path)
        browser = launch(playwright)
        page = browser.new_page(viewport={"width": 1280, "height": 800})
        page.goto(path.as_uri())
        found = page.evaluate(_MEASURE)
        browser.close()
    print(f"{found['nodes']} nodes, {len(found['work'])} steps, milliseconds a step")
    for name in ("work", "frames"):
        times = sorted(found[name])
        p99 = times[int(0.99 * len(times))]
        print(f"{name:7} median {statistics.median(times):5.1f}  99 % below {p99:5.1f}  longest {times[-1]:5.1f}")


if __name__ == "__main__":
    main()
