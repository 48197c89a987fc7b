"""How quickly the playground trains and draws: ``python -m tests.browser.playground_speed``.

A net 2-16-16-1 on 400 moons. Reported are the work of a frame (5 steps, the boundary on a grid of 60×60, drawing), the
time from frame to frame while it plays for ten seconds, and how long after opening the first frame is there.
"""

import statistics
import tempfile
from pathlib import Path

from tests.browser.chromium import launch
from tinygrad_edu import data, nn, optim
from viz.pages.playground import playground

_FIRST = """async () => {
  while (!playground.first) await new Promise(requestAnimationFrame);
  return playground.first;
}"""
_WORK = """async () => {
  const work = [];
  for (let k = 0; k < 300; k += 1) {
    await new Promise(requestAnimationFrame);
    playground.playing = true;
    const began = performance.now();
    for (let i = 0; i < 5; i += 1) playground.history.advance();
    playground.render(k % 6 === 0, k % 3 === 0);
    work.push(performance.now() - began);
    playground.playing = false;
  }
  return work;
}"""
_PLAY = """async () => {
  const frames = [];
  playground.seek(0);
  playground.play();
  const start = await new Promise(requestAnimationFrame);
  for (let last = start; last - start < 10000; ) {
    const now = await new Promise(requestAnimationFrame);
    frames.push(now - last);
    last = now;
  }
  playground.pause();
  return frames;
}"""


def main() -> None:
    """Measure, and print a line for each quantity."""
    from playwright.sync_api import sync_playwright  # here, because the tests of doctests import every module

    X, y = data.moons(400, noise=0.2, rng=0)
    net = nn.MLP(2, [16, 16, 1], "tanh", rng=0)
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        path = Path(folder, "playground.html")
        playground(net, X, y, optimizer=optim.SGD(net.parameters(), lr=0.1, momentum=0.9), validation=0).save(path)
        browser = launch(playwright)
        page = browser.new_page(viewport={"width": 1366, "height": 768})
        page.goto(path.as_uri())
        first = page.evaluate(_FIRST)
        report("work", page.evaluate(_WORK)[50:])
        frames = page.evaluate(_PLAY)
        browser.close()
    report("frames", frames)
    print(
        f"{1000 * len(frames) / sum(frames):.1f} frames a second for 10 s; first frame after {first:.0f} ms; ", end=""
    )
    print(f"{path.name}: {len(playground(net, X, y).html) / 1000:.0f} KB")


def report(name: str, times: list[float]) -> None:
    """A line with the quantiles of some milliseconds."""
    ordered = sorted(times)
    middle, p99 = statistics.median(ordered), ordered[int(0.99 * len(ordered))]
    print(f"{name:7} milliseconds: median {middle:5.1f}  99 % below {p99:5.1f}  longest {ordered[-1]:5.1f}")


if __name__ == "__main__":
    main()
