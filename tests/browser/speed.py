"""How fast the player is: ``python -m tests.browser.speed``.

- Every step of a graph of some 500 nodes, all on screen, is made in a frame of its own. Reported are the time in which
  the scripts, the styles and the layout of a step are done, and the time from frame to frame.
- A leaf of a graph of some 1,000 nodes is changed, and an entry of a weight of a 2-16-16-1 net on 400 points: the time
  to compute both passes, and to show all that follows.
- Pages of some 20,000 nodes are opened, a net and a loop: the time until the first picture.
- A graph of as many nodes in which nothing can be folded is refused.
"""

import statistics
import tempfile
import time
from pathlib import Path

import numpy as np

from tests.browser.chromium import launch
from tests.browser.graphs import scalar_net
from tinygrad_edu import Value, data, nn
from tinygrad_edu.errors import ArgumentError
from viz.pages.player import player

_MEASURE = """async () => {
  const work = [], frames = [];
  player.seek(0);
  player.graph.folding.openTo(Infinity, "all");
  player.graph.arrange();
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


_CHANGE = """() => {
  const computed = [], shown = [];
  const leaf = player.leaves.list.find((k) => player.film.nodes[k].collects);
  player.pick(leaf);
  player.seek(player.film.length);
  for (let i = 0; i < 60; i += 1) {
    let began = performance.now();
    player.film.numbers.run();
    computed.push(performance.now() - began);
    began = performance.now();
    player.leaves.set(leaf, i / 50, 0);
    document.body.getBoundingClientRect();
    shown.push(performance.now() - began);
  }
  return {nodes: player.film.nodes.length, computed, shown};
}"""


def moons_loss():
    """The loss of a net with two layers of 16 units on 400 points."""
    X, y = data.moons(400, noise=0.2, rng=0)
    net = nn.MLP(2, [16, 16, 1], activation="tanh", rng=0)
    return ((net(X) - y.reshape(-1, 1)) ** 2).mean()


def opened(browser, folder, root):
    """The open page of a graph, and the seconds until it was there."""
    path = Path(folder, "speed.html")
    player(root).save(path)
    page = browser.new_page(viewport={"width": 1280, "height": 800})
    began = time.perf_counter()
    page.goto(path.as_uri())
    page.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
    return page, time.perf_counter() - began


def report(name, times):
    """A line with the shortest, the median and the slow end of some times in milliseconds."""
    times = sorted(times)
    p99 = times[int(0.99 * len(times))]
    median = statistics.median(times)
    ends = f"99 % below {p99:6.1f}  longest {times[-1]:6.1f} ms"
    print(f"  {name:10} shortest {times[0]:6.1f}  median {median:6.1f}  {ends}")


def loop(turns):
    """A loop of equal operations."""
    y = Value(0.5)
    for _ in range(turns):
        y = y.sin()
    return y


def refused():
    """The seconds until a graph of 20,000 nodes without modules and loops is refused."""
    rng = np.random.default_rng(0)
    nodes = [Value(0.5), Value(0.25)]
    for kind, i, j in rng.integers(0, (3, 50, 50), (20_000, 3)):
        x, y = nodes[-1 - i % len(nodes)], nodes[-1 - j % len(nodes)]
        nodes.append((x * y, x + y, x.sin())[kind])
    began = time.perf_counter()
    try:
        player(sum(nodes[-60:]))
    except ArgumentError:
        return time.perf_counter() - began
    raise AssertionError("it was not refused")


def main() -> None:
    """Measure, and print a line for each quantity."""
    from playwright.sync_api import sync_playwright  # here, because the tests of doctests import every module

    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        browser = launch(playwright)
        page, _ = opened(browser, folder, scalar_net(3, [10, 9, 3]))
        found = page.evaluate(_MEASURE)
        print(f"a step, {found['nodes']} nodes on screen")
        for name in ("work", "frames"):
            report(name, found[name])
        for what, root in (("leaf", scalar_net(4, [14, 13, 8])), ("entry, 400 points", moons_loss())):
            page, _ = opened(browser, folder, root)
            found = page.evaluate(_CHANGE)
            print(f"a changed {what}, {found['nodes']} nodes")
            for name in ("computed", "shown"):
                report(name, found[name])
        for name, root in (("a net", scalar_net(20, [70, 70, 1])), ("a loop", loop(20_000))):
            page, seconds = opened(browser, folder, root)
            print(f"opening a page of {page.evaluate('player.film.nodes.length')} nodes, {name}: {seconds:.2f} s")
        browser.close()
    print(f"refusing a graph that is too large: {refused():.2f} s")


if __name__ == "__main__":
    main()
