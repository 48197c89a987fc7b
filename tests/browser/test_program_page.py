"""The page of a compiled function in a real browser: a line lights its node, a node its line."""

import numpy as np
import pytest

from tests.browser.graphs import training_step
from tests.browser.test_page import violations
from tinygrad_edu import compile as compile_
from tinygrad_edu import optim
from viz.formulas.numbers import number_text
from viz.pages.player import player


@pytest.fixture
def step():
    return player(training_step())


def lit(page, how="lit"):
    """What is lit in the list and in the graph, as numbers of nodes."""
    found = page.evaluate(f"[...document.querySelectorAll('main .{how}')].map((element) => element.id)")
    return tuple({int(i.split("-")[1]) for i in found if i.startswith(what)} for what in ("line-", "node-"))


def expected(step, i):
    return set(step.listing.nodes[i].reads), {k for k, node in enumerate(step.listing.nodes) if i in node.reads}


def test_a_line_lights_its_node_with_what_it_reads_and_what_reads_it(opened, step):
    page = opened(step)
    i = next(i for i, node in enumerate(step.listing.nodes) if node.name == "a1")
    page.click(f"#line-{i}")
    reads, readers = expected(step, i)
    assert lit(page) == ({i}, {i})
    assert lit(page, "read") == (reads, reads)
    assert lit(page, "reader") == (readers, readers)
    assert page.locator(".edge.read").count() == len(reads)
    assert page.locator(".edge.reader").count() == len(readers)
    assert page.inner_text("#said") == step.listing.words(i)
    assert page.get_attribute(f"#line-{i}", "aria-selected") == "true"


def test_a_node_lights_its_line(opened, step):
    page = opened(step)
    for i in range(len(step.listing.nodes)):
        page.click(f"#node-{i}")
        assert lit(page) == ({i}, {i})
    assert page.evaluate("document.activeElement.id") == f"line-{i}"


def test_the_pointer_lights_for_a_moment(opened, step):
    page = opened(step)
    page.click("#line-0")
    page.hover("#node-9")
    assert lit(page) == ({9}, {9})
    page.hover("h1")
    assert lit(page) == ({0}, {0})


def test_the_keys_walk_through_the_lines_as_soon_as_the_page_is_there(opened, step):
    page = opened(step)
    last = len(step.listing.nodes) - 1
    moves = {"ArrowUp": 0, "ArrowDown": 1, "End": last, "ArrowRight": last, "ArrowLeft": last - 1, "Home": 0}
    for key, i in moves.items():
        page.keyboard.press(key)
        assert lit(page) == ({i}, {i})
    page.keyboard.press("Escape")
    assert lit(page) == (set(), set())
    assert page.locator("[role=option][tabindex='0']").count() == 1


def test_zoom_and_fit(opened, step):
    page = opened(step)
    width = "document.getElementById('graph').getBoundingClientRect().width"
    page.click("#fit")
    fitting = page.evaluate(width)
    page.click("#zoom-in")
    assert page.evaluate(width) == pytest.approx(fitting * 1.3, abs=0.1)
    page.click("#fit")
    assert page.evaluate(width) == pytest.approx(fitting, abs=0.1)


def test_fit_shows_all_of_a_tall_graph_in_a_low_window(opened):
    page = opened(player(training_step(optim.Adam)), width=1400, height=500)
    inside = (
        "(({ scrollHeight: h, clientHeight, scrollWidth: w, clientWidth }) => [h <= clientHeight, w <= clientWidth])"
    )
    stage = "(document.querySelector('.stage'))"
    assert page.evaluate(inside + stage) == [False, True]
    page.click("#fit")
    assert page.evaluate(inside + stage) == [True, True]


def test_the_numbers_of_a_line_and_of_what_it_reads_are_shown(opened, step):
    page = opened(step)
    i = next(i for i, node in enumerate(step.listing.nodes) if node.name == "z1")
    page.click(f"#line-{i}")
    names = page.locator("#maps figcaption").all_text_contents()
    assert names == ["z1 4×3", "X 4×2", "W1 2×3", "b1 3"]
    model = step.numbers[i]
    page.locator("#maps .heat").first.locator("rect").nth(5).hover()
    assert page.locator("#maps title").all_text_contents() == [f"z1[1,2] = {number_text(float(model[1, 2]))}"]
    loss = next(i for i, node in enumerate(step.listing.nodes) if node.name == "loss")
    assert page.locator(f".row:has(#line-{loss}) .number").text_content() == number_text(float(step.numbers[loss]))
    page.click(f"#line-{loss}")
    assert page.locator("#maps .plain").first.text_content() == number_text(float(step.numbers[loss]))


def test_a_line_under_the_pointer_stays_there(opened, step):
    page = opened(step)
    row = page.locator("#line-12")
    before = row.bounding_box()
    row.hover()
    assert row.bounding_box() == before


def test_the_theme_and_the_keys_have_buttons(opened, step):
    page = opened(step)
    page.keyboard.press("d")
    assert page.evaluate("document.documentElement.dataset.theme") == "dark"
    assert page.inner_text("#theme") == "Theme: dark"
    page.keyboard.press("?")
    assert page.locator("#keys").is_visible()
    assert violations(page) == []
    page.click("#theme")
    assert page.evaluate("getComputedStyle(document.documentElement).colorScheme") == "light"


def test_a_nan_in_a_line_is_red(opened):
    def spread(x, y):
        ratio = x / y
        return ratio.max() - ratio.min()

    ratio = compile_(spread)
    with np.errstate(all="ignore"):
        ratio(np.array([1.0, 0.0]), np.array([2.0, 0.0]))
    page = opened(player(ratio))
    assert page.locator(".number.odd").first.text_content() == "has nan"
    page.keyboard.press("End")
    assert page.locator("#maps .odd").count() >= 1
