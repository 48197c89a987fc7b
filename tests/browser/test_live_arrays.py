"""Changing the entries of arrays on the page: both passes are computed anew, as Python computes them."""

import numpy as np
import pytest

from tests.browser.graphs import HOSTILE, batch, layer
from tests.browser.test_arrays import lit, pick_operation
from tests.browser.test_page import pick, text, violations
from tests.browser.waiting import until
from tinygrad_edu import Tensor, nn, operation, recording
from tinygrad_edu.graph.node import topological_order
from viz.explain.why import why
from viz.formulas.numbers import number_text
from viz.pages.player import player
from viz.steps.trace import trace


def place(root, label):
    return next(k for k, node in enumerate(topological_order(root)) if node.label == label)


def changed(root, entries):
    """The trace of the graph with other numbers in its leaves: {label: {index: number}}; the program runs anew."""
    made = {}
    for node in topological_order(root):
        if node.operation is None:
            data = node.data.copy()
            for index, x in entries.get(node.label, {}).items():
                data[index] = x
            made[node] = Tensor(data, requires_grad=node.requires_grad, label=node.label)
        else:
            made[node] = node.operation(*[made[x] for x in node.inputs], **node.params)
    return trace(made[root])


def numbers(page):
    """Values and gradients of all nodes, as lists of their entries."""
    return page.evaluate(
        """player.film.nodes.map((_, k) => [player.film.numbers.value(k), player.film.numbers.gradient(k)]
           .map((x) => x && Array.from(x.data)))"""
    )


def agree(page, film):
    for (value, gradient), x, gx in zip(numbers(page), film.values, film.gradients, strict=True):
        np.testing.assert_allclose(value, x.ravel(), 1e-12, 1e-12)
        if gx is not None:
            np.testing.assert_allclose(gradient, gx.ravel(), 1e-12, 1e-12)


def field(page, name):
    return page.locator(f"#entries input[aria-label='{name}']")


def test_the_page_computes_what_python_computes(opened):
    for root in (layer(), batch()):
        agree(opened(player(root), "#step=999"), trace(root))


def test_typing_an_entry_changes_everything_that_depends_on_it(opened):
    root = layer()
    page = opened(player(root), "#step=999")
    pick(page, "W")
    field(page, "W[0,1]").fill("1,5")
    film = changed(root, {"W": {(0, 1): 1.5}})
    agree(page, film)
    assert text(page, "#changes li") == "W[0,1] −0.22 → 1.5 · reset"
    shown = number_text(float(film.values[-1]))
    until(page, f"document.querySelector('.node.root .value').textContent === '{shown}'")  # it is out of sight
    field(page, "W[0,1]").fill("no number")
    assert field(page, "W[0,1]").get_attribute("aria-invalid") == "true"
    agree(page, film)
    page.click("#changes button")
    agree(page, trace(root))
    assert page.locator("#changes li").count() == 0


def test_arrow_keys_and_dragging_change_an_entry(opened):
    root = layer()
    page = opened(player(root), "#step=999")
    pick(page, "b")
    field(page, "b[1]").focus()
    page.keyboard.press("ArrowUp")
    page.keyboard.press("Shift+ArrowDown")
    agree(page, changed(root, {"b": {(1,): -0.59}}))
    box = field(page, "b[0]").bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + 20, y)
    page.mouse.move(x + 40, y)
    page.mouse.up()
    agree(page, changed(root, {"b": {(0,): 0.55, (1,): -0.59}}))
    page.locator("#range").fill("0.7")
    agree(page, changed(root, {"b": {(0,): 0.7, (1,): -0.59}}))
    page.click("#reset-one")
    agree(page, changed(root, {"b": {(1,): -0.59}}))
    assert violations(page) == []
    page.evaluate("document.activeElement.blur()")
    page.keyboard.press("r")
    agree(page, trace(root))


def test_a_link_shares_the_changed_entries(opened):
    root = layer()
    page = opened(player(root), "#step=5&W=1:2.5;4:-1&b=nonsense;9:4;1:x")
    agree(page, changed(root, {"W": {(0, 1): 2.5, (2, 0): -1.0}}))
    page.evaluate(f"player.leaves.set({place(root, 'b')}, 0.25, 1)")
    until(page, "location.hash.endsWith('&W=1:2.5;4:-1&b=1:0.25')")
    page.evaluate("player.descent.step()")
    until(page, "location.hash.includes('&W=~')")
    before = numbers(page)
    again = opened(player(root), page.evaluate("location.hash"))
    assert numbers(again) == before
    again.evaluate("location.hash = '#step=5&W=~%%%'")
    until(again, "player.count === 5")


def test_a_gradient_step_moves_the_arrays_that_learn(opened):
    root = layer()
    page = opened(player(root), "#step=999")
    film = trace(root)
    for _ in range(3):
        page.click("#descend")
        steps = {
            node.label: dict(np.ndenumerate(node.data - 0.1 * gradient))
            for node, gradient in zip(film.order, film.gradients, strict=True)
            if node.operation is None and node.requires_grad
        }
        film = changed(film.order[-1], steps)
        np.testing.assert_allclose(
            page.evaluate("single(player.film.numbers.value(player.film.root))"), film.values[-1], 1e-9
        )
    page.locator("#history").fill("0")
    agree(page, trace(root))


def test_what_python_alone_computes_stays_and_the_rest_lives(opened):
    def halves(x):
        return np.array([float(v) / 2 for v in x])

    half = operation(halves, lambda gy, y, x: gy / 2, name="half")
    a, b = Tensor([1.0, 2.0], label="a"), Tensor([3.0, -1.0], label="b")
    page = opened(player((half(a) * b).sum()), "#step=999")
    pick(page, "a")
    assert page.locator("#editor").is_hidden()
    assert "depends on it" in text(page, "#inspector .unsure")
    pick_operation(page, "half")
    assert "an operation of your own, in Python" in text(page, "#inspector .unsure")
    pick(page, "b")
    field(page, "b[1]").fill("4")
    a_gradient = page.evaluate(
        "Array.from(player.film.numbers.gradient(player.film.nodes.find((n) => n.name === 'a').id).data)"
    )
    assert a_gradient == [1.5, 2.0]


def test_a_recording_shows_what_was_done_with_a_bare_array_and_its_entries_can_be_changed(opened):
    X = np.array([[1.0, 2.0, 4.0], [3.0, 5.0, 4.0]])
    norm = nn.LayerNorm(3)
    with recording():
        L = (norm(X) ** 2).mean()
    page = opened(player(L), "#step=99")
    assert page.evaluate("player.film.nodes.slice(0, 2).map(({ name, op }) => name + op)") == ["X", "v1normalize"]
    assert page.locator("#node-1 .word").all_text_contents() == ["value"]  # nobody asks for its gradient
    page.evaluate("player.leaves.set(0, 7, 1)")
    X[0, 1] = 7.0
    (norm(X) ** 2).mean().backward()
    page.evaluate("player.pick(player.film.nodes.findIndex(({ op }) => op === 'normalize'))")
    assert "a constant collects none" in page.locator("#inspector").text_content()
    found = page.evaluate("[...player.film.numbers.gradient(2).data]")
    np.testing.assert_allclose(found, norm.weight.grad, 1e-11)


def test_a_large_determinant_freezes_what_its_gradient_depends_on(opened):
    m, c = Tensor(np.eye(3) + 0.1, label="M"), Tensor([1.0, 2.0], label="c")
    page = opened(player(np.linalg.det(m) * c.sum()), "#step=999")
    pick(page, "M")
    assert "that this page cannot compute" in text(page, "#inspector .unsure")
    pick(page, "c")
    field(page, "c[0]").fill("5")
    det = float(np.linalg.det(m.data))
    gradient = page.evaluate(
        "Array.from(player.film.numbers.gradient(player.film.nodes.find((n) => n.name === 'M').id).data)"
    )
    np.testing.assert_allclose(gradient, 7.0 * det * np.linalg.inv(m.data).T.ravel())


def test_an_entry_of_a_gradient_opens_its_chain_rule(opened):
    root = layer()
    page = opened(player(root), "#step=999")
    pick(page, "W")
    page.locator("#inspector .cells button").nth(2).click()
    W = next(node for node in topological_order(root) if node.label == "W")
    expected = why(W, trace(root), index=(1, 0))
    rows = page.locator("#inspector .lens + .sum tbody tr").all()
    shown = [row.locator("td").all_text_contents() for row in rows]
    assert [row[3] for row in shown] == [number_text(term.product) for term in expected.terms]
    assert all(row[2].startswith("X[") for row in shown)
    pick(page, "X")
    field(page, "X[3,1]").fill("2")
    pick(page, "W")
    page.locator("#inspector .cells button").nth(2).click()
    gradient = changed(root, {"X": {(3, 1): 2.0}}).gradients[place(root, "W")][1, 0]
    assert f"= {number_text(float(gradient))} is the sum of" in text(page, "#inspector .lens:has(+ table)")


def test_a_click_on_the_heat_map_of_a_large_gradient_opens_its_chain_rule(opened):
    page = opened(player(batch()), "#step=999")
    page.evaluate("player.pick(player.film.nodes.find((node) => node.shape.join() === '2,16').id)")
    page.locator("#inspector .heat").last.locator("rect").nth(18).click()
    listed = page.locator("#inspector .lens + .sum tbody tr")
    assert listed.count() >= 3
    total = page.evaluate(
        """(() => { const k = player.picked; const sum = chainRule(player.film, k, 18);
           return [sum.gradient, sum.terms.reduce((x, { product }) => x + product, sum.remainder)]; })()"""
    )
    assert total[0] == pytest.approx(total[1])


def last_map(page, entry):
    page.locator(".maps .heat").last.locator("rect").nth(entry).hover()


def test_a_convolution_lights_its_window_and_a_pool_what_it_compares(opened):
    rng = np.random.default_rng(0)
    x = Tensor(rng.normal(size=(1, 1, 4, 4)).round(1), label="x")
    w = Tensor(rng.normal(size=(1, 1, 2, 2)).round(1), label="w")
    root = nn.functional.max_pool2d(nn.functional.conv2d(x, w), 2, stride=1).sum()
    page = opened(player(root), "#step=999")
    pick_operation(page, "conv")
    last_map(page, 4)
    assert lit(page)[0] == [f"x[0,0,{i},{j}]" for i, j in ((1, 1), (1, 2), (2, 1), (2, 2))]
    assert len(lit(page)[1]) == 4
    assert "·" in text(page, ".maps + .lens")
    pick_operation(page, "max_pool")
    last_map(page, 0)
    assert [len(part) for part in lit(page)] == [4, 0]
    assert "= the largest of" in text(page, ".maps + .lens")


def test_a_mean_is_said_in_numbers_and_rounding_is_marked(opened):
    x = Tensor([[1.0, 2.0], [0.123456, 3.0]], label="x")
    page = opened(player((x.mean(axis=1) * 2.0).sum()), "#step=999")
    pick_operation(page, "mean")
    last_map(page, 0)
    assert text(page, ".maps + .lens").endswith("[0] = (1 + 2) / 2 = 1.5")
    last_map(page, 1)
    assert text(page, ".maps + .lens").endswith("[1] = (0.1235 + 3) / 2 ≈ 1.562")


def test_a_wire_of_the_network_opens_its_entry(opened):
    page = opened(player(batch()), "#step=999&view=network")
    page.locator(".wire").nth(3).dispatch_event("click")
    weight = page.evaluate("player.network.wires[3].weight")
    assert page.evaluate("[player.leaves.shown, player.leaves.at]") == [weight["node"], weight["offset"]]
    before = page.locator(".neuron text").all_text_contents()
    page.fill("#number", "3")
    assert page.locator(".neuron text").all_text_contents() != before


@pytest.mark.parametrize(
    ("make", "entry", "sources"),
    [
        (lambda x, y: np.concatenate([x, y]), 7, [[], ["y[0,1]"]]),
        (lambda x, y: x.T, 2, [["x[0,1]"]]),
        (lambda x, y: x.reshape(3, 2), 3, [["x[1,0]"]]),
        (lambda x, y: x[::-1, 1:], 1, [["x[1,2]"]]),
        (lambda x, y: x + y, 4, [["x[1,1]"], ["y[0,1]"]]),
        (lambda x, y: x.max(axis=1), 1, [["x[1,0]", "x[1,1]", "x[1,2]"]]),
        (lambda x, y: x.cumsum(axis=1), 1, [["x[0,0]", "x[0,1]"]]),
        (lambda x, y: x.softmax(axis=-1), 0, [["x[0,0]", "x[0,1]", "x[0,2]"]]),
    ],
    ids=["concatenate", "transpose", "reshape", "index", "broadcast", "max", "cumsum", "softmax"],
)
def test_an_entry_lights_what_moved_or_went_into_it(opened, make, entry, sources):
    x = Tensor([[1.0, -2.0, 3.0], [0.5, 4.0, -1.0]], label="x")
    y = Tensor([[2.0, 0.25, -3.0]], label="y")
    result = make(x, y)
    page = opened(player((result * 2.0).sum()), "#step=999")
    page.evaluate(f"player.pick(player.film.nodes.find((node) => node.op === '{result.op}').id)")
    last_map(page, entry)
    assert lit(page)[:-1] == sources


def test_a_large_leaf_can_be_changed_and_a_larger_one_cannot(opened):
    x = Tensor(np.ones((400, 500)), label="x")
    page = opened(player((x**2).sum()), "#step=999")
    pick(page, "x")
    assert "rows 0–7 of 400" in text(page, "#entries .turns")
    page.click("#entries .turns button:has-text('↓')")
    field(page, "x[8,0]").fill("3")
    assert page.evaluate("single(player.film.numbers.value(player.film.root))") == 200_008
    page = opened(player(Tensor(np.ones((401, 500)), label="x").sum()), "#step=999")
    pick(page, "x")
    assert page.locator("#editor").is_hidden()
    assert "too many numbers" in text(page, "#inspector .unsure")


def test_a_nan_typed_by_way_of_a_division_is_red_and_named(opened):
    x, y = Tensor([1.0, 2.0], label="x"), Tensor([1.0, 4.0], label="y")
    page = opened(player((x / y).sum()), "#step=999")
    assert page.locator("#audit").is_hidden()
    pick(page, "y")
    field(page, "y[1]").fill("0")
    assert "makes the first NaN or infinity" in text(page, "#audit")
    pick_operation(page, "div")
    assert page.locator(".node.picked .cell.bad").count() >= 1
    assert page.locator(".node.picked .value.odd").count() == 1


def test_what_is_out_of_sight_follows_when_the_hand_rests(opened):
    page = opened(player(batch()), "#step=999")
    page.evaluate("player.graph.zoom(4)")
    page.evaluate("player.leaves.set(player.leaves.list[0], 5, 0)")
    until(
        page,
        """player.film.nodes.every((node, i) => !player.graph.boxes[i] || player.graph.anchor[i] !== null ||
           node.role === 'constant' ||
           player.graph.boxes[i].value.textContent.startsWith(boxed(player.film.numbers.value(i)).slice(0, 8)))""",
    )


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1366, 390])
def test_axe_finds_nothing_in_the_grid_the_maps_and_the_chain_rule(opened, scheme, width):
    page = opened(player(batch()), "#step=999", scheme=scheme, width=width)
    page.evaluate("player.pick(player.film.nodes.find((node) => node.shape.join() === '16,16').id)")
    page.locator("#inspector .heat").last.focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowRight")
    assert page.evaluate("player.inspector.cell") == 17
    assert violations(page) == []
    page.evaluate("player.leaves.set(player.picked, 2, 9)")
    pick_operation(page, "linear")
    page.locator(".maps .heat").last.focus()
    page.keyboard.press("ArrowDown")
    assert len(lit(page)[0]) == 2
    assert violations(page) == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_the_view_stays_where_it_is_while_a_number_is_changed(opened):
    page = opened(player(batch()), "#step=999")
    page.evaluate("player.pick(player.film.root)")
    page.evaluate("player.graph.zoom(3)")
    view = page.evaluate("player.graph.view")
    page.evaluate("player.leaves.set(player.leaves.list[0], 5, 0)")
    assert page.evaluate("player.graph.view") == view


def test_a_choice_that_the_program_made_is_named(opened):
    x = Tensor([1.0, -2.0], label="x")
    page = opened(player(np.where(x.data > 0, x, 0.1 * x).sum()), "#step=999")
    pick_operation(page, "select")
    assert "keeps the choice between the two sides that your program made" in text(page, "#inspector .unsure")


def test_labels_of_arrays_stay_text(opened):
    leaves = [Tensor([1.0, 2.0, 3.0, 4.0, 5.0], label=label) for label in HOSTILE]
    page = opened(player((leaves[0] * leaves[1] + leaves[2] - leaves[3]).sum()), "#step=999")
    for k in range(page.evaluate("player.film.nodes.length")):
        page.evaluate(f"player.pick({k})")
        page.evaluate(f"player.leaves.set({k}, 2.5, 1)")
    assert page.locator("#entries img, #changes img, #inspector script").count() == 0
