"""Arrays as heat maps, and the network view."""

import itertools

import pytest

from tests.browser.graphs import batch, layer, neuron, samples, scalar_net, sequential
from tests.browser.test_page import pick, text, violations
from tests.browser.waiting import until
from tinygrad_edu import Tensor
from viz.formulas.numbers import number_text
from viz.pages.player import player
from viz.steps.trace import trace


def lit(page):
    """The titles of the entries that are lit, map by map."""
    return page.evaluate(
        "[...document.querySelectorAll('.maps .heat')].map((map) =>"
        " [...map.querySelectorAll('.lit title')].map((title) => title.textContent.split(' = ')[0]))"
    )


def point(page, entry):
    """Point at an entry of the result, which is the last map."""
    page.locator(".maps .heat").last.locator("rect").nth(entry).hover()


def pick_operation(page, op):
    page.evaluate("(op) => player.pick(player.film.nodes.findIndex((node) => node.op === op))", op)


def test_an_entry_of_a_product_lights_its_row_and_its_column(opened):
    page = opened(player(layer()), "#step=99")
    pick_operation(page, "matmul")
    point(page, 3)
    assert lit(page) == [["X[1,0]", "X[1,1]", "X[1,2]"], ["W[0,1]", "W[1,1]", "W[2,1]"], []]
    film = trace(layer())
    value = film.values[next(k for k in film.operations if film.order[k].op == "matmul")][1, 1]
    assert text(page, ".maps + .lens").endswith(f"= {number_text(value)}")


def test_a_broadcast_entry_and_a_sum_light_what_makes_them(opened):
    page = opened(player(layer()), "#step=99")
    pick_operation(page, "add")
    point(page, 3)
    assert lit(page) == [["v2[1,1]"], ["b[1]"], []]
    x = Tensor([[1.0, 2.0], [3.0, 4.0]], label="x")
    page = opened(player((x.sum(axis=0) * [1.0, 2.0]).sum()), "#step=99")
    pick_operation(page, "sum")
    point(page, 1)
    assert lit(page) == [["x[0,1]", "x[1,1]"], []]


def test_boxes_have_heat_maps_white_at_zero(opened):
    x = Tensor([[-1.0, 0.0, 2.0]], label="x")
    page = opened(player((x * 3).sum()), "#step=99")
    classes = (
        "[...document.querySelectorAll('#node-0 .map')[0].querySelectorAll('path')].map((p) => p.getAttribute('class'))"
    )
    assert page.evaluate(classes) == ["cell v minus3", "cell v plus0", "cell v plus6"]
    assert page.locator("#node-0 .map").count() == 2  # the value's and the gradient's
    page.keyboard.press("Home")
    assert page.locator("#node-0 .map").count() == 1


def test_arrays_without_axes_are_shown_as_numbers(opened):
    page = opened(player(layer()), "#step=99")
    for k in range(page.evaluate("player.film.nodes.length")):
        page.evaluate(f"player.pick({k})")
    assert text(page, "#inspected") == "L"


def test_a_nan_in_an_array_is_red(opened):
    x = Tensor([[1.0, float("nan")]], label="x")
    page = opened(player((x * 3).sum()), "#step=99")
    assert page.locator("#node-0 .cell.bad").count() == 1  # in the value; the gradient is 3
    pick(page, "x")
    assert page.locator("#inspector .cell.bad").count() >= 1


@pytest.mark.parametrize(
    ("make", "columns"),
    [
        (batch, [2, 16, 16, 1]),
        (sequential, [2, 4, 3, 1]),
        (lambda: scalar_net(2, [3, 1]), [2, 3, 1]),
        (samples, [2, 4, 4, 1]),
    ],
    ids=["MLP", "Sequential", "scalar", "scalar-batch"],
)
def test_the_network_view_shows_the_neurons_in_columns(opened, make, columns):
    page = opened(player(make()), "#step=9999")
    page.keyboard.press("n")
    assert page.evaluate("player.network.columns.map((column) => column.neurons.length)") == columns
    assert page.locator(".neuron").count() == sum(columns)
    expected = sum(a * b for a, b in itertools.pairwise(columns))
    assert page.locator(".wire").count() == expected
    assert page.locator(".wire.positive, .wire.negative").count() == expected
    until(page, "location.hash.endsWith('&view=network')")
    assert violations(page) == []
    page.keyboard.press("n")
    assert page.locator("#net").is_hidden()


def test_the_network_shows_activations_of_the_chosen_sample_and_gradients(opened):
    root = batch()
    film = trace(root)
    page = opened(player(root), "#step=9999&view=network")
    hidden = next(k for k in film.operations if film.order[k].op == "relu")
    for sample in (0, 7):
        page.fill("#sample", str(sample))
        shown = page.locator(".neuron text").nth(2).text_content()
        assert shown == number_text(float(film.values[hidden][sample, 0]), 3)
    page.select_option("#shows", "gradient")
    weight = next(k for k, node in enumerate(film.order) if node.label.endswith("weight"))
    title = page.locator(".wire title").first.text_content()
    assert title.endswith(f"gradient {number_text(float(film.gradients[weight][0, 0]))}")


def test_the_step_is_lit_in_the_network_too_and_a_weight_can_be_changed_there(opened):
    page = opened(player(scalar_net(2, [3, 1])), "#view=network")
    for _ in range(page.evaluate("player.film.length")):
        page.keyboard.press("ArrowRight")
        if page.locator(".wire.lit").count():
            break
    assert page.locator(".wire.lit").count() == 1
    page.keyboard.press("End")
    page.locator(".wire").first.dispatch_event("click")
    assert page.locator("#editor").is_visible()
    before = page.locator(".neuron text").all_text_contents()
    page.fill("#number", "2.5")
    assert page.locator(".neuron text").all_text_contents() != before


@pytest.mark.parametrize("make", [sequential, samples], ids=["Sequential", "scalar-batch"])
def test_every_step_of_a_layer_lights_a_neuron_or_a_wire(opened, make):
    page = opened(player(make()), "#view=network")
    layers = page.evaluate("player.film.nodes.map((node) => node.module.length > 0)")
    targets = page.evaluate("player.film.steps.map((step) => player.film.target(step))")
    names = page.evaluate("player.film.nodes.map((node) => node.op)")
    for k in range(0, len(targets), 7 if len(targets) > 100 else 1):
        page.evaluate(f"player.seek({k + 1})")
        if layers[targets[k]] and names[targets[k]] not in ("mul", "add"):  # a product in a neuron is its wire's
            assert page.locator(".neuron.lit, .wire.lit").count() >= 1, names[targets[k]]


def test_the_sample_of_the_network_is_the_turn_of_the_loop(opened):
    page = opened(player(samples()), "#step=9999&view=network")
    title = "document.querySelector('.cluster:not([hidden]) text').textContent"
    page.fill("#sample", "2")
    assert page.evaluate(title) == "sample 3 of 4"
    assert [page.locator(".neuron text").nth(k).text_content() for k in (0, 1)] == ["0", "1"]
    page.locator("#sample").blur()
    page.keyboard.press("n")
    page.locator(".turn:visible", has_text="›").click()
    assert page.locator("#sample").input_value() == "3"
    page.keyboard.press("n")
    page.evaluate("player.seek(player.network.columns[1].neurons[0].parts[0][0])")
    first = "player.film.steps.findIndex((s) => s.node === player.network.columns[1].neurons[0].nodes[1])"
    page.evaluate(f"player.seek({first} + 1)")
    assert page.locator("#sample").input_value() == "1"
    assert page.locator(".neuron.lit").count() == 1


def test_the_numbers_of_neurons_lie_in_their_circles(opened):
    page = opened(player(samples()), "#step=9999&view=network")
    for sample in range(4):
        page.evaluate(f"player.network.choose({sample})")
        widths = page.evaluate("[...document.querySelectorAll('.neuron text')].map((t) => t.getBBox().width)")
        assert max(widths) <= 48


def test_a_graph_without_a_net_has_no_network_view(opened):
    page = opened(player(neuron()))
    page.keyboard.press("n")
    assert page.locator("#network").is_hidden()
    assert page.locator("#net").is_hidden()
