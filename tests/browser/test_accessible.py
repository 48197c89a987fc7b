"""Each page in each of its states: what axe-core finds wrong for a screen reader, a keyboard, or weak eyes."""

import numpy as np
import pytest

from tests.browser.graphs import hostile, layer, neuron, samples, sequential, training_step
from tests.browser.test_page import violations
from tinygrad_edu import Value, data, nn
from viz.films.animate import animate_backprop
from viz.pages.player import player
from viz.pages.playground import playground

LINE = "document.getElementById('line-9').focus()"
ENTRY = "[...document.querySelectorAll('#inspector .heat')].at(-1).firstChild.dispatchEvent(new Event('click'))"
TRAIN = "for (let i = 0; i < 30; i += 1) playground.history.advance(); playground.changed()"
FORK = "playground.seek(10); playground.change({ kind: 'setting', name: 'lr', value: 0.2 });" + TRAIN
HIDE = "playground.change({ kind: 'hide', layer: 0, unit: 1, value: true })"
WIRE = "playground.lightWire(playground.network.wires[0], 40, 90)"


def answered(text):
    return f"answer.value = '{text}'; asks.requestSubmit()"


def moons_playground():
    return playground(nn.MLP(2, [4, 3, 1], "tanh", rng=0), *data.moons(60, noise=0.15, rng=1))


def classes_playground():
    rng = np.random.default_rng(0)
    X = rng.standard_normal((60, 4)) + 2 * np.eye(4)[np.arange(60) % 3]
    net = nn.MLP(4, [5, 3], "tanh", rng=0)
    return playground(net, X, np.arange(60) % 3, choices={"activation": ["tanh", "relu"]})


class Film:
    """The page of an animation, saved as the other pages are."""

    def __init__(self, theme):
        self.theme = theme

    def save(self, path):
        animate_backprop(Value(2.0, "a") * Value(3.0, "b"), path, theme=self.theme)


# Of each page what makes it, and its states: a name, and what leads there from the state before.
PAGES = {
    "player of numbers": (
        lambda theme: player(neuron(), notes={2: "a note"}),
        {
            "start": "",
            "forward, with a note": "player.seek(2)",
            "seed": "player.seek(player.film.seed + 1)",
            "backward": "player.seek(9)",
            "end": "player.seek(99)",
            "keys": "player.switchKeys()",
            "changed leaf": "player.pick(1); player.leaves.set(1, -2)",
            "gradient steps": "for (let k = 0; k < 5; k += 1) player.descent.step()",
            "found": "search.value = 'x'; search.dispatchEvent(new Event('input'))",
            "lecture": "player.pick(null); player.switchLecture()",
            "quiz": "player.switchLecture(); player.switchQuiz()",
            "wrong answer": answered("12345"),
            "no number": answered("abc"),
            "shown answer": "reveal.click()",
        },
    ),
    "player of arrays": (
        lambda theme: player(layer()),
        {
            "start": "",
            "forward": "player.seek(1)",
            "backward": "player.seek(8)",
            "array of an operation": "player.seek(99); player.pick(2)",
            "chain rule of an entry": ENTRY,
            "entries of a leaf": "player.pick(1)",
            "changed entry": "player.leaves.set(1, 2.5, 3)",
            "quiz": "player.switchQuiz()",
        },
    ),
    "network view": (
        lambda theme: player(sequential()),
        {
            "start": "player.switchNetwork()",
            "forward": "player.seek(3)",
            "gradients": "player.seek(99); shows.value = 'gradient'; shows.dispatchEvent(new Event('change'))",
            "neuron": "document.querySelectorAll('.neuron')[3].dispatchEvent(new Event('click'))",
            "lecture": "player.switchLecture()",
        },
    ),
    "folds": (
        lambda theme: player(samples()),
        {"one turn": "player.seek(300)", "folded": "player.graph.foldAll()", "open": "player.graph.foldAll()"},
    ),
    "faults": (
        lambda theme: player(hostile()),
        {"start": "", "end": "player.seek(99)", "accused": "audit.click()"},
    ),
    "program": (
        lambda theme: player(training_step()),
        {"start": "", "line": LINE, "keys": "help.click()", "last line": "pick(lines.length - 1)"},
    ),
    "playground": (
        lambda theme: moons_playground(),
        {
            "start": "",
            "playing": "playground.play()",
            "paused": "playground.pause()",
            "forked": FORK,
            "hidden neuron": HIDE,
            "card of a unit": "playground.pickUnit(0, 1)",
            "card of a sample": "playground.pick(4)",
            "wire": WIRE,
            "help": "playground.help()",
            "logarithmic": "playground.switchScale()",
            "link": "playground.share()",
            "other data": "playground.controls.choose('circles')",
        },
    ),
    "playground of classes": (
        lambda theme: classes_playground(),
        {"start": "", "a sample in another plane": "playground.showPlane(2); playground.pick(4)", "trained": TRAIN},
    ),
    "film": (Film, {"start": "", "end": "step(99)", "playing": "start()"}),
}


# axe-core leaves out what is written on shapes, so the contrast on them is computed here.
FAINT = """() => {
  const pen = Object.assign(document.createElement('canvas'), { width: 1, height: 1 })
    .getContext('2d', { willReadFrequently: true });
  const luminance = (colour) => {
    pen.fillStyle = colour;
    pen.fillRect(0, 0, 1, 1);
    const shares = [...pen.getImageData(0, 0, 1, 1).data].map((x) => x / 255);
    const [r, g, b] = shares.map((x) => (x <= 0.04045 ? x / 12.92 : ((x + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  return [...document.querySelectorAll(':is(.node, .neuron) text')].flatMap((text) => {
    const shape = text.closest('.node, .neuron').querySelector('.box, circle, polygon, path');
    const [x, y] = [text, shape].map((element) => luminance(getComputedStyle(element).fill));
    const contrast = (Math.max(x, y) + 0.05) / (Math.min(x, y) + 0.05);
    const isSeen = text.textContent.trim() && text.checkVisibility();
    return isSeen && contrast < 4.5 ? [`${text.textContent}: contrast ${contrast}`] : [];
  });
}"""


@pytest.mark.parametrize(("scheme", "width"), [("light", 1366), ("dark", 390)])
@pytest.mark.parametrize("name", PAGES)
def test_axe_finds_nothing_in_any_state(opened, name, scheme, width):
    make, states = PAGES[name]
    page = opened(make(scheme), width=width, height=844, scheme=scheme)
    seen, wrong = "", {}
    for state, action in states.items():
        page.evaluate(f"() => {{ {action}; return new Promise((done) => setTimeout(requestAnimationFrame, 0, done)) }}")
        before, seen = seen, page.evaluate("document.body.outerHTML")
        assert seen != before, f"nothing on the page says that it is in the state {state!r}"
        wrong[state] = violations(page) + page.evaluate(FAINT)
        if not page.evaluate("document.documentElement.scrollWidth <= innerWidth"):
            wrong[state].append("it scrolls sideways")
    assert {state: found for state, found in wrong.items() if found} == {}
