"""The printed page of a graph of Tensors: arrays to fill in, and their solutions."""

import re

import numpy as np

from tests.browser.graphs import HOSTILE, batch, layer, sequential
from tinygrad_edu import Tensor, nn
from viz.formulas.numbers import number_text
from viz.pages.player import player
from viz.steps.trace import trace

BLANK = "__________"


def printed(opened, root):
    page = opened(player(root), "#step=5", scheme="dark")
    page.evaluate("window.dispatchEvent(new Event('beforeprint'))")
    page.emulate_media(media="print")
    return page


def tables(page, item):
    """The cells of each table of the items, as arrays of texts."""
    rows = "(table) => [...table.rows].map((row) => [...row.cells].map((cell) => cell.textContent))"
    return page.evaluate(f"[...document.querySelectorAll('#worksheet {item} table')].map({rows})")


def made(film):
    """The array that each step makes."""
    return [film.values[step.node] if step.kind == "forward" else step.after for step in film.steps]


def texts(array):
    return [[number_text(float(x)) for x in row] for row in np.atleast_2d(array)]


def test_small_arrays_are_blank_tables_with_their_shapes_and_the_solutions_have_the_numbers(opened):
    root = layer()
    page, film = printed(opened, root), trace(root)
    arrays = [x for x in made(film) if x.ndim]
    blanks = tables(page, "> ol")
    assert [np.shape(table) for table in blanks] == [np.atleast_2d(x).shape for x in arrays]
    assert {cell for table in blanks for row in table for cell in row} == {""}
    assert page.locator("#worksheet > ol .shape").all_text_contents() == ["×".join(map(str, x.shape)) for x in arrays]
    assert tables(page, ".solutions") == [texts(x) for x in arrays]
    loss = number_text(float(film.values[film.root]))
    assert page.locator("#worksheet > ol li").nth(4).text_content().endswith(BLANK)
    assert page.locator("#worksheet .solutions li").nth(4).text_content().endswith(f" = {loss}")
    given = [x for x, node in zip(film.values, film.order, strict=True) if node.operation is None and x.ndim]
    assert tables(page, ".given") == [texts(x) for x in given]


def test_a_table_of_a_gradient_is_the_sum_so_far(opened):
    X = Tensor([[1.0, 2.0], [3.0, -1.0]], label="X")
    root = ((X @ X) * X).sum()
    assert tables(printed(opened, root), ".solutions")[-1] == texts(trace(root).gradients[0])


def test_of_larger_arrays_some_entries_are_asked_for_in_single_numbers(opened):
    root = batch()
    page, film = printed(opened, root), trace(root)
    asked = page.locator("#worksheet > ol li")
    solved = page.locator("#worksheet .solutions li")
    blanks = 0
    for k, array in enumerate(made(film)):
        if film.steps[k].kind == "seed":
            continue
        questions, answers = (items.nth(k).locator("p").all_text_contents() for items in (asked, solved))
        assert len(answers) == min(3, array.size)
        for question, answer in zip(questions, answers, strict=True):
            assert question == answer if "given" in question else question.count(BLANK) == 1
            blanks += BLANK in question
            index = re.match(r"\S*?(?:\[([\d,]*)\])? ", answer).group(1) or ""
            written = number_text(float(array[tuple(map(int, filter(None, index.split(","))))]))
            before, _, after = question.partition(BLANK)
            assert answer == (question if "given" in question else f"{before}{written}{after}")
            assert written in answer
    assert blanks > 20


def test_an_array_is_asked_for_as_a_whole_only_if_all_that_it_is_made_of_is_known(opened):
    whole = printed(opened, sequential())
    assert whole.locator("#worksheet > ol p").count() == 0
    X, W = Tensor(np.ones((5, 4)), label="X"), Tensor(np.ones((4, 1)), label="W")
    page = printed(opened, ((X @ W) ** 2).sum())
    assert page.locator("#worksheet table").count() == 0
    assert page.locator("#worksheet > ol li").nth(0).locator("p").count() == 3
    said = page.locator("#worksheet > p").text_content()
    assert "X of shape 5×4, W of shape 4×1" in said
    assert "Of a large array, some entries are asked for" in said


def test_what_takes_too_long_to_be_written_out_is_given(opened):
    X, W = (Tensor(np.ones(shape), label=label) for shape, label in (((400, 50), "X"), ((50, 8), "W")))
    asked = printed(opened, ((X @ W) ** 2).sum()).locator("#worksheet > ol li")
    assert asked.nth(0).locator("p").all_text_contents()[0] == "v2[0,0] = 50 is given"
    assert asked.last.locator("p").all_text_contents()[0] == "∂L/∂W[0,0] = 40000 is given"
    too_many_to_compute = (Tensor(np.ones((500, 500)), label="X") * 2).sum()
    asked = printed(opened, too_many_to_compute).locator("#worksheet > ol li")
    assert asked.nth(1).locator("p").all_text_contents() == ["L = 500000 is given"]


def test_the_sum_of_an_entry_comes_to_the_entry(opened):
    root = ((nn.MLP(2, [8, 1], "tanh", rng=0)(Tensor(np.arange(8.0).reshape(4, 2), label="X"))) ** 2).sum()
    found = printed(opened, root).locator("#worksheet .solutions p").all_text_contents()
    sums = [re.split(r"\s[=≈]\s", text.replace("−", "-")) for text in found if "·" in text]
    assert len(sums) > 10
    for _, products, value in sums:
        total = sum(np.prod([float(x.strip("()")) for x in term.split("·")]) for term in products.split(" + "))
        np.testing.assert_allclose(total, float(value), rtol=2e-3)


def test_the_whole_graph_is_on_the_paper_and_the_page_is_as_before_afterwards(opened):
    page = printed(opened, batch())
    boxes = """[...document.querySelectorAll('.node:not([hidden]) .box')].map((box) => {
      const [b, s] = [box, document.getElementById('graph')].map((x) => x.getBoundingClientRect());
      return b.left >= s.left && b.right <= s.right && b.top >= s.top && b.bottom <= s.bottom;
    })"""
    on_paper = page.evaluate(f"document.querySelector('.stage').style.width = '640px', {boxes}")
    assert len(on_paper) > 10
    assert all(on_paper)
    page.evaluate("window.dispatchEvent(new Event('afterprint'))")
    assert page.get_attribute("#graph", "viewBox") is None
    assert page.locator("#worksheet *").count() == 0


def test_hostile_labels_are_text(opened):
    leaves = [Tensor(np.full((2, 2), 2.0), label=label) for label in HOSTILE]
    page = printed(opened, (leaves[0] @ leaves[1] + leaves[2] - leaves[3]).sum())
    assert HOSTILE[0][:20] in page.locator("#worksheet .given").text_content()
    assert page.locator("#worksheet img, #worksheet script").count() == 0
