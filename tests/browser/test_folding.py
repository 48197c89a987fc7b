"""Folding in the player's page: modules, and the turns of a loop."""

import pytest

from tests.browser.graphs import HOSTILE, recurrent, recurrent_layer, samples, scalar_net
from tests.browser.test_page import text
from tests.browser.waiting import until
from tinygrad_edu import Value
from viz.formulas.numbers import number_text
from viz.pages.player import player

_GRAPHS = {"samples": samples, "recurrent": recurrent, "recurrent-layer": recurrent_layer}

# Every edge that is drawn, with the boxes at its ends.
_BACKWARDS = """() => {
  const { graph } = player;
  const ends = new Plan(graph.folding, graph.nodes, graph.edges, graph.place).ends;
  const box = (key) => (key.startsWith('node') ? graph.at[Number(key.split('-')[1])] : graph.foldedAt.get(key));
  return [...ends.values()].filter(([a, b]) => box(a)[0] + box(a)[2] > box(b)[0]);
}"""

_OVERLAPPING = """() => {
  const boxes = [...document.querySelectorAll('.node:not([hidden]) .box')].map((box) => box.getBoundingClientRect());
  const hit = (a, b) => a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom;
  return boxes.flatMap((a, i) => boxes.slice(i + 1).filter((b) => hit(a, b))).length;
}"""

_IN_SIGHT = """() => {
  const stage = document.getElementById('graph').getBoundingClientRect();
  return [...document.querySelectorAll('.node:not([hidden]) .box')].map((box) => box.getBoundingClientRect())
    .filter((b) => b.left >= stage.left && b.right <= stage.right)
    .filter((b) => b.top >= stage.top && b.bottom <= stage.bottom).length;
}"""


def shown(page):
    """The names of the folded boxes that are seen."""
    return sorted(page.locator(".node.folded:visible .name").all_text_contents())


def repetition(page):
    """The outermost repetition."""
    return page.evaluate("player.graph.folding.groups.findIndex((group) => group.turns)")


@pytest.mark.parametrize("name", _GRAPHS)
def test_large_graphs_open_so_that_they_can_be_read_on_a_laptop(opened, name):
    page = opened(player(_GRAPHS[name]()), "#step=30", width=1366, height=768)
    sizes = page.evaluate(
        "[...document.querySelectorAll('#scene g:not([hidden]) > text')].filter((t) => t.textContent)"
        ".map((t) => parseFloat(getComputedStyle(t).fontSize) * player.graph.view[2])"
    )
    assert min(sizes) >= 11
    assert page.evaluate(_IN_SIGHT) == page.locator(".node:visible").count() > 2


@pytest.mark.parametrize("name", _GRAPHS)
def test_in_every_state_each_box_stands_after_those_that_it_needs(opened, name):
    page = opened(player(_GRAPHS[name]()))
    assert page.evaluate(_BACKWARDS) == []
    loop = repetition(page)
    moves = [f"toggle({loop})"] * 2 + [
        f"chooseTurn({loop}, 2)",
        "foldAll()",
        f"toggle({loop})",
        f"chooseTurn({loop}, 99)",
    ]
    groups = page.evaluate("player.graph.folding.groups.map((group, g) => (player.graph.folding.isTurn(g) ? -1 : g))")
    moves += [f"toggle({g})" for g in groups[:12] if g >= 0]
    for move in [*moves, f"open({loop}, 'all')", "foldAll()", "foldAll()"]:
        page.evaluate(f"player.graph.{move}")
        assert page.evaluate(_BACKWARDS) == [], move
        assert page.evaluate(_OVERLAPPING) == 0, move
        assert page.evaluate(_IN_SIGHT) > 0, move


def test_of_a_batch_one_sample_is_seen_with_the_parameters_in_its_module(opened):
    root = samples()
    page = opened(player(root), "#step=9999")
    loop = repetition(page)
    assert shown(page) == ["MLP(2 → 4 → 4 → 1, tanh)", "samples 2–4"]
    assert page.locator(".node.parameter:visible").count() == 0
    page.evaluate(f"player.graph.chooseTurn({loop}, 1)")
    assert shown(page) == ["MLP(2 → 4 → 4 → 1, tanh)", "sample 1", "samples 3–4"]
    assert page.locator(".cluster:visible text").first.text_content() == "sample 2 of 4"
    page.locator(".node.folded:visible", has_text="MLP").press("Enter")
    page.locator(".node.folded:visible", has_text="Layer(2").press("Enter")
    inside = (
        "([name, title]) => { const box = (e) => e.getBoundingClientRect();"
        " const frame = box([...document.querySelectorAll('.cluster:not([hidden])')]"
        "   .find((c) => c.querySelector('text').textContent.startsWith(title)));"
        " const node = player.film.nodes.findIndex((n) => n.name === name);"
        " const at = box(document.querySelector(`#node-${node} .box`));"
        " return at.left >= frame.left && at.right <= frame.right"
        "   && at.top >= frame.top && at.bottom <= frame.bottom; }"
    )
    assert page.evaluate(inside, ["layers.0.n0.w0", "Layer(2"])


def test_the_buttons_of_a_loop_choose_a_turn_by_mouse_and_by_key(opened):
    page = opened(player(recurrent()), "#step=60")
    loop = repetition(page)
    if page.locator(f"#folded-{loop}:visible").count():
        page.click(f"#folded-{loop}")
    title = page.locator(f"#module-{loop} text")
    assert title.text_content() == "step 1 of 20"
    page.locator(".turn:visible", has_text="›").click()
    assert title.text_content() == "step 2 of 20"
    page.locator(".turn:visible", has_text="›").press("Enter")
    assert title.text_content() == "step 3 of 20"
    page.locator(f"#after-{loop}").press("Enter")
    page.click(f"#before-{loop}")
    page.locator(".turn:visible", has_text="‹").press("Enter")
    assert title.text_content() == "step 2 of 20"
    page.locator(".turn:visible", has_text="all").press("Enter")
    assert title.text_content() == "step ×20"
    assert page.locator(".node.folded:visible").count() == 0


def test_a_folded_box_shows_value_gradient_and_how_far_both_passes_are(opened):
    root = recurrent()
    page = opened(player(root))
    page.evaluate("player.graph.foldAll(); player.graph.folding.openTo(0, 'box'); player.graph.arrange()")
    box = page.locator(".node.folded:visible")
    assert text(page, ".node.folded:not([hidden]) .name") == "step ×20"
    width = float(box.locator(".box").get_attribute("width")) - 16

    def done(name):
        return float(box.locator(f".done.{name}").get_attribute("width")) / width

    assert (done("forward"), done("backward")) == (0, 0)
    page.evaluate("player.seek(50)")
    assert done("forward") == pytest.approx(0.5, abs=0.01)
    page.keyboard.press("End")
    assert (done("forward"), done("backward")) == pytest.approx((1, 1), abs=0.001)
    root.backward()
    last = root.inputs[0].inputs[0]
    assert box.locator(".value").text_content() == number_text(last.data)
    assert box.locator(".grad").text_content() == number_text(last.grad)
    assert f"value {number_text(last.data)}" in box.get_attribute("aria-label")


def test_an_arrow_that_stands_for_several_bears_no_derivative_of_one(opened):
    page = opened(player(samples()), "#step=9999")
    labels = page.evaluate(
        "player.film.edges.map((_, k) => [player.graph.drawnAs.filter((s) => s === k).length,"
        " player.graph.wires[k]?.text.textContent ?? '']).filter(([n]) => n > 0)"
    )
    assert {text == "" for n, text in labels if n > 1} == {True}
    assert any(text for n, text in labels if n == 1)


@pytest.mark.parametrize("width", [390, 1366])
def test_the_buttons_of_a_loop_are_in_sight(opened, width):
    page = opened(player(recurrent()), "#step=9999", width=width, height=844)
    loop = repetition(page)
    page.evaluate(f"player.graph.open({loop}, 'open')")
    key = page.locator(".turn:visible", has_text="›").bounding_box()
    assert 0 <= key["x"] < width - key["width"]


def test_what_is_picked_is_seen_in_its_turn(opened):
    page = opened(player(recurrent()), "#step=60")
    page.evaluate("player.pick(player.film.nodes.findIndex((node) => node.name === 'x7'))")
    assert page.locator(".node.picked:visible:not(.folded)").count() == 1
    assert page.locator(".cluster:visible text").first.text_content() == "step 8 of 20"


def test_what_would_show_too_many_boxes_is_refused_in_words(opened):
    page = opened(player(recurrent(200)))
    loop = repetition(page)
    page.evaluate(f"player.graph.open({loop}, 'all')")
    assert "too many" in text(page, "#note")
    assert page.locator(".node:visible").count() < 60


def test_a_net_of_many_nodes_opens_folded_and_plays(opened):
    page = opened(player(scalar_net(2, [16, 16, 1])))
    assert page.locator(".node:visible").count() <= 60
    for step in range(0, 1800, 300):  # a step within a box lights it
        page.evaluate(f"player.seek({step + 1})")
        assert page.locator(".node.on-forward:visible, .node.on-backward:visible").count() >= 1


def test_hostile_names_of_modules_stay_texts(opened):
    root = samples()
    film = player(root)
    for call in film.trace.modules.calls:
        call.scope.title = HOSTILE[1] + HOSTILE[2]
    page = opened(film, "#step=20")
    page.evaluate("player.graph.foldAll(); player.graph.foldAll()")
    until(page, "document.querySelector('.cluster')")
    assert page.evaluate("document.querySelectorAll('img, #graph script').length") == 0


def test_a_chain_of_many_equal_operations_opens_as_one_box(opened):
    y = Value(0.5, "x")
    for _ in range(700):
        y = y.sin()
    page = opened(player(y), "#step=9999")
    assert any(name.startswith(("step", "steps")) for name in shown(page))
