"""Changing numbers on the page: dragging, typing, arrow keys, links, gradient steps."""

import numpy as np
import pytest

from demos.backprop import expression
from tests.browser.graphs import HOSTILE, layer, neuron, scalar_net
from tests.browser.test_page import count, text
from tests.browser.waiting import until
from tinygrad_edu import Tensor, Value, operation
from tinygrad_edu.graph.node import topological_order
from viz.formulas.numbers import number_text
from viz.pages.player import player


def place(root, label):
    return next(k for k, node in enumerate(topological_order(root)) if node.label == label)


def shown(page):
    """The value and the gradient in each box."""
    return page.evaluate(
        "[...document.querySelectorAll('.node:not(.folded)')].map((g) =>"
        " [g.querySelector('.value').textContent, g.querySelector('.grad')?.textContent ?? ''])"
    )


def expected(**changes):
    """What the boxes of the neuron show at the end, with other numbers in some leaves."""
    numbers = {"x1": 2.0, "w1": -3.0, "x2": 0.5, "w2": 1.0, "b": 6.2} | changes
    x1, w1, x2, w2, b = (Value(x, name) for name, x in numbers.items())
    out = (x1 * w1 + x2 * w2 + b).tanh() * x2
    out.backward()
    return [[number_text(node.data), number_text(node.grad)] for node in topological_order(out)]


def drag(page, k, dx):
    box = page.locator(f"#node-{k} .box").bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + dx / 2, y)
    page.mouse.move(x + dx, y)
    page.mouse.up()


def test_dragging_a_leaf_changes_its_number_and_all_that_depends_on_it(opened):
    root = neuron()
    page = opened(player(root), "#step=99")
    view = page.evaluate("player.graph.view")
    drag(page, place(root, "w1"), 40)
    w1 = page.evaluate(f"player.film.numbers.value({place(root, 'w1')})")
    assert w1 == pytest.approx(-2.5)
    assert shown(page) == expected(w1=w1)
    assert page.evaluate("player.graph.view") == view
    assert text(page, "#changes li") == "w1 −3 → −2.5 · reset"
    page.click("#changes button")
    assert shown(page) == expected()


def test_the_first_change_shows_both_passes(opened):
    root = neuron()
    page = opened(player(root))
    drag(page, place(root, "x1"), 20)
    assert count(page) == page.evaluate("player.film.length")
    assert text(page, "#losses") == f"out = {text(page, '.node.root .value')} after the whole forward pass"


def test_typing_arrows_and_the_slider_change_the_picked_leaf(opened):
    root = neuron()
    page = opened(player(root), "#step=99")
    k = place(root, "b")
    page.click(f"#node-{k} .name")
    page.fill("#number", "-1,5")
    assert shown(page) == expected(b=-1.5)
    page.fill("#number", "-")
    assert page.locator("#number").get_attribute("aria-invalid") == "true"
    assert shown(page) == expected(b=-1.5)
    page.press("#number", "ArrowUp")
    assert page.evaluate(f"player.film.numbers.value({k})") == pytest.approx(-1.4)
    page.locator("#range").fill("0.5")
    assert shown(page) == expected(b=0.5)
    page.click("#reset-one")
    assert shown(page) == expected()
    page.locator(f"#node-{k}").focus()
    page.keyboard.press("Shift+ArrowDown")
    assert shown(page) == expected(b=5.2)
    page.keyboard.press("7")
    assert page.locator("#number").input_value() == "7"
    assert shown(page) == expected(b=7.0)


def test_formulas_sentences_and_the_table_follow(opened):
    root = neuron()
    page = opened(player(root), "#step=13")
    page.evaluate(f"player.leaves.set({place(root, 'b')}, 0)")
    step = player(root).trace.steps[12]
    assert step.sentence.text != text(page, "#sentence")
    local = page.evaluate("player.film.steps[12].local")
    assert number_text(local) in text(page, "#sentence")
    assert number_text(local) in text(page, "#formula")
    row = page.locator("#table tr[aria-current] td").last.text_content()
    assert row == text(page, "#sentence")


def test_a_link_shares_numbers_step_and_view(opened):
    root = neuron()
    page = opened(player(root), "#step=14&w1=-2.87&b=5")
    assert count(page) == 14
    assert page.evaluate(f"player.film.numbers.value({place(root, 'w1')})") == -2.87
    page.evaluate("player.leaves.reset()")
    until(page, "location.hash === '#step=14'")
    page.evaluate(f"player.leaves.set({place(root, 'x1')}, 3.25)")
    until(page, "location.hash === '#step=14&x1=3.25'")
    page.evaluate("location.hash = '#step=99&x2=1&x1=nonsense'")
    until(page, "player.count === player.film.length")
    assert shown(page) == expected(x2=1.0)


def test_gradient_steps_lead_down_and_back(opened):
    root = neuron()
    page = opened(player(root), "#step=99")
    losses = [root.data]
    for _ in range(4):
        page.keyboard.press("g")
        losses.append(page.evaluate("player.film.numbers.value(player.film.root)"))
    assert losses == sorted(losses, reverse=True)
    assert len(set(losses)) == 5
    assert "after 4 of 4 steps" in text(page, "#losses")
    page.locator("#history").fill("1")
    assert page.evaluate("player.film.numbers.value(player.film.root)") == losses[1]
    page.click("#curve", position={"x": 8, "y": 20})
    assert shown(page) == expected()
    page.keyboard.press("g")
    assert page.evaluate("player.descent.states.length") == 2  # a step from there drops the later ones
    page.locator("#rate").fill("0")
    assert text(page, "#eta") == "1"
    page.click(f"#node-{place(root, 'w1')} .name")
    page.uncheck("#takes-part")
    before = page.evaluate(f"player.film.numbers.value({place(root, 'w1')})")
    page.click("#descend")
    assert page.evaluate(f"player.film.numbers.value({place(root, 'w1')})") == before


def test_an_operation_of_ones_own_is_fixed_and_says_why(opened):
    cube = operation(lambda x: x**3, lambda gy, y, x: gy * 3 * x**2, name="cube")
    a, b = Value(2.0, "a"), Value(3.0, "b")
    root = cube(a) * b
    page = opened(player(root), "#step=99")
    page.click(f"#node-{place(root, 'a')} .name")
    assert "an operation of your own, in Python" in text(page, "#inspector .unsure")
    assert page.locator("#editor").is_hidden()
    page.evaluate(f"player.leaves.set({place(root, 'a')}, 5)")
    assert page.evaluate("player.film.numbers.value(player.film.root)") == 24
    page.evaluate(f"player.leaves.set({place(root, 'b')}, 10)")
    assert page.evaluate("player.film.numbers.value(player.film.root)") == 80


def test_a_number_that_overflows_is_red_and_its_operation_is_named(opened):
    a = Value(1.0, "a")
    root = a.exp() * 2 + 1
    page = opened(player(root), "#step=99")
    assert page.locator("#audit").is_hidden()
    page.evaluate("player.leaves.set(0, 1000)")
    assert "exp(a) makes the first inf" in text(page, "#audit")
    assert page.locator(".value.odd").count() == 3
    page.evaluate("player.leaves.reset()")
    assert page.locator("#audit").is_hidden()


def test_leaves_with_hostile_labels_can_be_changed(opened):
    a, b = Value(1.0, HOSTILE[0]), Value(2.0, HOSTILE[1])
    page = opened(player((a * b).tanh()), "#step=99")
    page.evaluate("player.leaves.set(0, 0.25)")
    page.evaluate("player.pick(0)")
    assert HOSTILE[0][:10] in text(page, "#changes")
    until(page, "location.hash.includes('=0.25')")
    page.reload()
    assert page.evaluate("player.film.numbers.value(0)") == 0.25


def test_lecture_mode_hides_what_is_beside_the_graph(opened):
    page = opened(player(neuron()), "#step=14", width=1920, height=1080)
    page.keyboard.press("l")
    assert page.locator("aside").is_hidden()
    size = "parseFloat(getComputedStyle(document.querySelector('#formula math')).fontSize)"
    assert page.evaluate(size) >= 40
    page.keyboard.press("l")
    assert page.locator("aside").is_visible()


def test_notes_are_shown_and_playing_pauses_at_stops(opened):
    root = neuron()
    x2 = next(node for node in topological_order(root) if node.label == "x2")
    page = opened(player(root, notes={3: "Here two paths meet.", x2: "Used twice."}, stops=[3]))
    page.select_option("#speed", "16")
    page.click("#play")
    until(page, "player.count === 3 && !player.timer")
    assert text(page, "#note") == "Here two paths meet."
    step = page.evaluate(f"player.film.arrivals[{place(root, 'x2')}][0] + 1")
    page.evaluate(f"player.seek({step})")
    assert text(page, "#note") == "Used twice."


def test_a_thousand_nodes_are_computed_within_a_frame(opened):
    page = opened(player(scalar_net(3, [10, 9, 3])), "#step=9999")
    assert page.evaluate("player.film.numbers.canChange(player.leaves.list[0])")
    k = page.evaluate("player.leaves.list[0]")
    before = shown(page)
    page.evaluate(f"player.leaves.set({k}, 3)")
    assert shown(page) != before


def test_the_number_travels_along_its_edge(opened):
    page = opened(player(neuron()), "#step=9")
    page.keyboard.press("ArrowRight")
    until(page, "document.querySelector('#motion .pill.backward')")
    until(page, "document.querySelector('#motion text').textContent === '0.3174'")
    page.emulate_media(reduced_motion="reduce")
    page.keyboard.press("ArrowRight")
    assert page.evaluate("document.querySelectorAll('#motion .pill').length") == 0


@pytest.mark.parametrize("root", [neuron, expression])
def test_the_travelling_number_leaves_the_numbers_of_the_input_in_sight(opened, root):
    page = opened(player(root()))
    steps, covered = page.evaluate("""() => {
      const { film, graph, motion } = player;
      let steps = 0, covered = 0;
      for (const [k, [input]] of film.edges.entries()) {
        if (!graph.wires[k]) continue;
        for (const back of [false, true]) {
          steps += 1;
          const place = motion.pill(k, ["−0.7864 × −1.234", "0.7864"], back);
          const box = graph.boxes[input].g.querySelector(".box").getBoundingClientRect();
          for (let t = 0; t <= 1; t += 0.05) {
            place(t);
            covered += motion.layer.lastChild.querySelector("rect").getBoundingClientRect().left < box.right - 3;
          }
        }
      }
      return [steps, covered];
    }""")
    assert steps >= 10
    assert covered == 0


def test_a_key_that_this_graph_has_no_use_for_says_so(opened):
    page = opened(player(expression()))
    page.keyboard.press("n")
    assert text(page, "#note") == "This graph has no layers of neurons."
    assert page.is_visible("#note")
    page.keyboard.press("f")
    assert text(page, "#note") == "This graph has no modules to fold."
    page.evaluate("for (const k of player.leaves.list) player.descent.choose(k, false)")
    page.keyboard.press("g")
    assert text(page, "#note") == "No leaf takes part in a gradient step."
    page.keyboard.press("ArrowRight")
    assert page.is_hidden("#note")


def test_at_first_each_leaf_that_can_be_changed_is_marked_and_results_are_those_of_the_whole_pass(opened):
    page = opened(player(expression()))
    assert page.locator(".node.invites").count() == page.evaluate("player.leaves.list.length") == 3
    assert page.locator(".node.invites .handle").evaluate_all(
        "(all) => all.map((x) => getComputedStyle(x).opacity)"
    ) == (["1"] * 3)
    assert text(page, ".invitation") == "drag or type any leaf"
    assert text(page, "#where").endswith("no step done yet")
    assert text(page, "#losses") == "L = 0.4621 after the whole forward pass"
    assert text(page, "#steps-title") == "All steps of both passes"


def test_the_printed_page_is_a_worksheet_with_solutions(opened, tmp_path):
    root = neuron()
    page = opened(player(root), "#step=99", scheme="dark")
    page.evaluate("window.dispatchEvent(new Event('beforeprint'))")
    page.emulate_media(media="print")
    blanks = page.locator("#worksheet > ol li")
    solutions = page.locator("#worksheet .solutions li")
    steps = player(root).trace.steps
    assert blanks.count() == solutions.count() == len(steps)
    assert solutions.all_text_contents() == [step.sentence.text for step in steps]
    assert blanks.first.text_content().endswith("__________")
    assert set(page.locator(".node .grad").all_text_contents()) == {""}
    assert page.locator("aside").is_hidden()
    assert len(page.pdf()) > 10_000
    page.evaluate("window.dispatchEvent(new Event('afterprint'))")
    page.emulate_media(media="screen")
    assert shown(page) == expected()
    assert page.locator("#worksheet").is_hidden()


def test_in_a_notebook_the_page_follows_its_theme_and_lets_the_wheel_scroll(opened):
    film = player(neuron())
    page = opened.new_page(900, 700, "light")
    body = f'<body data-jp-theme-light="false"><div style="height: 300px"></div>{film._repr_html_()}'
    page.set_content(f"<!doctype html>{body}<div style='height: 2000px'></div>")
    frame = page.frames[1]
    frame.wait_for_selector("#node-0")
    until(frame, "document.documentElement.dataset.theme === 'dark'")
    page.evaluate("document.body.dataset.jpThemeLight = 'true'")
    until(frame, "document.documentElement.dataset.theme === 'light'")
    assert page.locator(".tinygrad-edu-still").is_hidden()
    scale = frame.evaluate("player.graph.view[2]")
    page.mouse.move(200, 500)
    page.mouse.wheel(0, 200)
    until(page, "window.scrollY > 0")
    assert frame.evaluate("player.graph.view[2]") == scale
    frame.evaluate("player.leaves.set(player.leaves.list[0], 1.5)")
    assert frame.evaluate("player.film.numbers.value(player.leaves.list[0])") == 1.5


@pytest.mark.parametrize("width", [390, 683, 1366])
def test_the_first_view_has_the_leaves_and_the_invitation_in_sight(opened, width):
    page = opened(player(neuron()), width=width, height=768)
    outside = """(selector) => [...document.querySelectorAll(selector)].filter((part) => {
      const [a, b] = [part.getBoundingClientRect(), document.getElementById("graph").getBoundingClientRect()];
      return a.left < b.left || a.right > b.right || a.top < b.top || a.bottom > b.bottom;
    }).length"""
    assert page.evaluate(outside, ".invitation, #node-0, #node-1") == 0


def test_a_change_that_four_digits_do_not_show_is_shown_in_full(opened):
    page = opened(player(neuron()))
    page.evaluate(f"player.leaves.set({place(neuron(), 'w1')}, -3.000001)")
    assert text(page, "#changes") == "w1 −3 → −3.000001 · reset"


def test_the_first_hint_says_what_can_be_done(opened):
    page = opened(player(neuron()))
    assert text(page, "#sentence").endswith("or drag a leaf sideways to change its number.")
    assert text(page, "#hint").startswith("Drag a leaf (x1, w1, x2, …) sideways, or click it and type.")
    page = opened(player(layer()))
    assert text(page, "#sentence").endswith("or click a leaf to change its numbers.")
    page = opened(player(Tensor(np.ones(200_001), label="x").sum()))  # too many numbers to be changed
    assert text(page, "#sentence").endswith("Press → to compute the first operation.")
