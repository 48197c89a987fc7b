"""Every page at 200 % zoom and on a phone: nothing is cut off, and everything can be reached and touched."""

import pytest

from tests.browser.graphs import batch, faulty, layer, neuron, sequential, training_step
from tinygrad_edu import Value, data, nn, optim
from viz.explain.audit import audit
from viz.films.animate import animate_backprop
from viz.pages.player import player
from viz.pages.playground import playground

# What a zoom of 200 % leaves of a laptop's and of a large screen's window.
ZOOMED = [(683, 384), (960, 540)]
PHONE = {"width": 390, "height": 844}


def audited():
    root = faulty()
    return player(root, audit=audit(root))


def moons():
    X, y = data.moons(60, noise=0.15, rng=1)
    net = nn.MLP(2, [6, 4, 1], "tanh", rng=0)
    choices = {"widths": [[6, 4], [8]], "activation": ["tanh", "relu"]}
    return playground(net, X, y, optimizer=optim.Adam(net.parameters(), lr=0.03), choices=choices)


class Animated:
    """An animation, saved like a page."""

    def save(self, path):
        animate_backprop(Value(2.0, "a") * Value(3.0, "b"), path)


# What is opened, at which address, and what is done there.
PAGES = {
    "first view": (lambda: player(neuron()), "", ""),
    "changed": (lambda: player(neuron()), "#step=99&w1=-2&x1=1", "player.pick(1); player.descent.step()"),
    "quiz": (lambda: player(neuron()), "", "document.getElementById('quiz').click()"),
    "keys": (lambda: player(neuron()), "#step=3", "player.switchKeys()"),
    "lecture": (lambda: player(neuron()), "#step=13", "player.switchLecture()"),
    "audit": (audited, "#step=5", ""),
    "batch": (lambda: player(batch()), "#step=20", ""),
    "entries": (lambda: player(layer()), "#step=99", "player.pick(1)"),
    "network": (lambda: player(sequential()), "#step=22", "player.switchNetwork()"),
    "program": (lambda: player(training_step()), "", "document.querySelectorAll('.body [role=option]')[6].focus()"),
    "playground": (moons, "", "playground.step(1); playground.pick(4); playground.help()"),
    "film": (Animated, "", ""),
}

# Controls that another element covers when they are scrolled into sight, and what sticks out of the window or its box.
_WRONG = """() => {
  const name = (element) => element && `${element.tagName} ${element.id} ${element.textContent.trim().slice(0, 30)}`;
  const isSeen = (element) =>
    element.checkVisibility({ visibilityProperty: true }) && !element.closest(".unseen, svg, math");
  const wrong = [];
  if (document.documentElement.scrollWidth > innerWidth) wrong.push("the page scrolls sideways");
  for (const control of [...document.querySelectorAll("button, input, select")].filter(isSeen)) {
    control.scrollIntoView({ block: "center", inline: "center" });
    const { x, y, width, height } = control.getBoundingClientRect();
    const top = document.elementFromPoint(x + width / 2, y + height / 2);
    if (!control.contains(top)) wrong.push(`${name(control)} is under ${name(top)}`);
  }
  for (const element of [...document.querySelectorAll("body *")].filter(isSeen)) {
    const { overflowX, overflowY, textOverflow } = getComputedStyle(element);
    const isWider = element.scrollWidth > element.clientWidth + 1;
    const isHigher = element.scrollHeight > element.clientHeight + 2;
    if (overflowX === "hidden" && textOverflow !== "ellipsis" && isWider) wrong.push(`${name(element)} is cut`);
    if (overflowY === "hidden" && isHigher) wrong.push(`${name(element)} is cut below`);
  }
  return wrong;
}"""
# Controls that are smaller than a fingertip. A label belongs to its control.
_SMALL = """() => [...document.querySelectorAll("button, input, select")]
  .filter((control) => control.checkVisibility({ visibilityProperty: true }) && !control.closest(".unseen"))
  .map((control) => [control, (control.closest("label") ?? control).getBoundingClientRect()])
  .filter(([control, { width, height }]) => height < 43.5 || (control.matches("button") && width < 43.5))
  .map(([control, { width, height }]) => `${control.id} ${control.textContent}: ${width} by ${height}`)"""


def arrived(page, act):
    page.wait_for_load_state()
    if act:
        page.evaluate(f"() => {{ {act} }}")
    page.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
    return page


@pytest.mark.parametrize("size", ZOOMED)
@pytest.mark.parametrize("name", PAGES)
def test_at_200_percent_nothing_is_cut_off_and_every_control_can_be_reached(opened, name, size):
    make, fragment, act = PAGES[name]
    page = arrived(opened(make(), fragment, width=size[0], height=size[1]), act)
    assert page.evaluate(_WRONG) == []


@pytest.mark.parametrize("name", [name for name in PAGES if name != "lecture"])  # a phone has no button for lectures
def test_on_a_phone_every_control_is_as_large_as_a_fingertip(opened, name):
    make, fragment, act = PAGES[name]
    page = arrived(opened(make(), fragment, **PHONE), act)
    assert page.evaluate(_SMALL) == []
    assert page.evaluate(_WRONG) == []
