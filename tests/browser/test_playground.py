"""The playground in a real browser, opened from a file and without a network."""

import numpy as np
import pytest

from tests.browser.test_page import violations
from tests.browser.waiting import until
from tinygrad_edu import compile as compile_
from tinygrad_edu import data, nn, optim
from viz.formulas.numbers import number_text
from viz.pages.playground import playground

STATE = (
    "Object.fromEntries(Object.entries(playground.history.now.state).map(([k, x]) => [k, x?.data ? [...x.data] : x]))"
)


def moons(n=60):
    return data.moons(n, noise=0.15, rng=1)


def small(**keywords):
    X, y = moons()
    net = nn.MLP(2, [5, 3, 1], "tanh", rng=0)
    keywords.setdefault("optimizer", optim.Adam(net.parameters(), lr=0.03))
    return playground(net, X, y, **keywords)


@pytest.fixture(scope="module")
def plain():
    X, y = moons()
    net = nn.MLP(2, [5, 3, 1], "tanh", rng=0)
    return playground(net, X, y, optimizer=optim.SGD(net.parameters(), lr=0.3, momentum=0.9))


def advance(page, steps):
    page.evaluate(
        f"() => {{ for (let i = 0; i < {steps}; i += 1) playground.history.advance(); playground.changed(); }}"
    )


def state(page):
    return page.evaluate(STATE)


def shown_step(page):
    until(page, "document.getElementById('step').textContent === String(playground.history.now.step)")
    return int(page.inner_text("#step"))


def drag(page, start, end):
    page.mouse.move(*start)
    page.mouse.down()
    page.mouse.move((start[0] + end[0]) / 2, (start[1] + end[1]) / 2)
    page.mouse.move(*end)
    page.mouse.up()


def place(page, selector, at):
    """A place within an element, on the screen."""
    box = page.locator(selector).bounding_box()
    return box["x"] + at[0], box["y"] + at[1]


def sample_place(page, index):
    at = page.evaluate(
        f"playground.plane.pixel(playground.history.now.data.rows[{index}]).map((x) => x / playground.plane.ratio)"
    )
    return place(page, "#points", at)


def lone_sample(page):
    """A sample with no other one near to it."""
    return page.evaluate("""() => {
      const at = playground.history.now.data.rows.map((row) => playground.plane.pixel(row));
      const away = (p, q) => Math.hypot(p[0] - q[0], p[1] - q[1]);
      const alone = at.map((p) => Math.min(...at.filter((q) => q !== p).map((q) => away(p, q))));
      return alone.indexOf(Math.max(...alone));
    }""")


# --- training ---


def make_optimizer(name, net):
    return {
        "sgd": lambda: optim.SGD(net.parameters(), lr=0.1),
        "momentum": lambda: optim.SGD(net.parameters(), lr=0.05, momentum=0.9, weight_decay=1e-3),
        "adam": lambda: optim.Adam(net.parameters(), lr=0.01),
    }[name]()


@pytest.mark.parametrize("name", ["sgd", "momentum", "adam"])
def test_after_100_steps_the_parameters_are_those_of_python(opened, name):
    X, y = data.moons(400, noise=0.2, rng=0)
    net = nn.MLP(2, [16, 16, 1], "tanh", rng=np.random.default_rng(0))
    optimizer = make_optimizer(name, net)
    page = opened(playground(net, X, y, optimizer=optimizer, validation=0))
    advance(page, 100)
    found = state(page)
    targets = y.astype(float)

    @compile_
    def step(X, y):
        optimizer.zero_grad()
        loss = nn.functional.binary_cross_entropy_with_logits(net(X)[:, 0], y)
        loss.backward()
        optimizer.step()
        return loss

    for _ in range(100):
        step(X, targets)
    names = [part + str(k + 1) for k in range(3) for part in "Wb"]
    for name, parameter in zip(names, net.parameters(), strict=True):
        np.testing.assert_allclose(found[name], parameter.data.ravel(), 0, 1e-9, err_msg=name)


def test_it_plays_pauses_and_learns(opened, plain):
    page = opened(plain)
    assert float(page.inner_text("#training")) > 0
    page.keyboard.press("Space")
    until(page, "playground.history.now.step > 300")
    page.click("#play")
    assert page.get_attribute("#play", "aria-label") == "Play"
    assert shown_step(page) > 300
    assert float(page.inner_text("#accuracy")) > 0.8
    before = shown_step(page)
    page.keyboard.press("ArrowRight")
    assert shown_step(page) == before + 1
    page.keyboard.press("ArrowLeft")
    assert shown_step(page) == before
    page.click("#first")
    assert shown_step(page) == 0


def test_a_loss_that_is_not_finite_stops_it_and_is_said(opened):
    X, y = moons()
    net = nn.MLP(2, [5, 1], "relu", rng=0)

    def loss(z, y):
        return nn.functional.mse_loss(z[:, 0], y)

    page = opened(playground(net, X, y, loss=loss, optimizer=optim.SGD(net.parameters(), lr=1e6)))
    page.click("#play")
    until(page, "!playground.playing && playground.history.now.step > 0")
    assert "Go back on the timeline" in page.inner_text("#said")
    page.locator("#when").fill("0")
    assert page.inner_text("#said") == ""


# --- the timeline ---


def test_every_step_is_returned_to_exactly(opened, plain):
    page = opened(plain)
    seen = []
    for _ in range(35):
        seen.append(state(page))
        advance(page, 1)
    for step in (0, 1, 9, 10, 17, 34, 3):
        page.evaluate(f"playground.seek({step})")
        now = state(page)
        assert {k: v for k, v in now.items() if not k.endswith("_grad")} == {
            k: v for k, v in seen[step].items() if not k.endswith("_grad")
        }


def test_a_change_at_an_earlier_step_forks(opened, plain):
    page = opened(plain)
    advance(page, 40)
    first = state(page)
    page.locator("#when").fill("20")
    assert shown_step(page) == 20
    at_20 = state(page)
    page.locator("#setting-lr").evaluate(
        "(slider) => { slider.value = 900; slider.dispatchEvent(new Event('input')); }"
    )
    assert page.evaluate("playground.history.runs.length") == 2
    advance(page, 20)
    until(page, "document.querySelectorAll('#runs button').length === 2")
    labels = page.locator("#runs button").all_inner_texts()
    assert labels[1].startswith("fork at 20: learning rate 0.3 → ")
    assert state(page) != first
    page.locator("#runs button").first.click()
    assert state(page) == first
    page.locator("#runs button").nth(1).click()
    page.evaluate("playground.seek(20)")
    assert {k: v for k, v in state(page).items() if k != "lr"} == {k: v for k, v in at_20.items() if k != "lr"}
    page.evaluate("playground.seek(5)")
    assert page.evaluate("playground.history.run.number") == 1


def test_a_change_at_the_end_goes_on_in_the_same_run(opened, plain):
    page = opened(plain)
    advance(page, 10)
    page.evaluate("playground.change({ kind: 'setting', name: 'momentum', value: 0.5 })")
    advance(page, 10)
    assert page.evaluate("playground.history.runs.length") == 1
    page.evaluate("playground.seek(9)")
    assert page.evaluate("playground.history.now.state.momentum") == 0.9
    page.evaluate("playground.seek(12)")
    assert page.evaluate("playground.history.now.state.momentum") == 0.5


# --- touching ---


def test_a_wire_is_dragged_and_the_weight_changes(opened, plain):
    page = opened(plain)
    wire = page.evaluate("(() => { const { curve, index } = playground.network.wires[2]; return [curve, index]; })()")
    (x0, y0, *_, x1, y1), index = wire
    middle = place(page, "#net", ((x0 + x1) / 2, (y0 + y1) / 2))
    page.mouse.move(*middle)
    page.wait_for_selector("#tip:not([hidden])")
    name = page.inner_text("#tip").splitlines()[0]
    lit = page.evaluate("[playground.network.lit.layer.weight, playground.network.lit.index]")
    before = state(page)[lit[0]][lit[1]]
    drag(page, middle, (middle[0] + 60, middle[1]))
    after = state(page)[lit[0]][lit[1]]
    assert after > before
    assert f"w = {number_text(after)} " in page.inner_text("#tip")
    assert name.startswith("layers.")
    assert index >= 0


def test_a_hidden_unit_stays_silent_while_it_trains(opened, plain):
    page = opened(plain)
    advance(page, 5)
    page.get_by_role("button", name="hidden 1, unit 2").click()
    page.get_by_role("button", name="Hide this unit").click()
    advance(page, 5)
    assert np.reshape(state(page)["W2"], (5, 3))[1].tolist() == [0, 0, 0]
    page.get_by_role("button", name="Show this unit").click()
    assert np.all(np.reshape(state(page)["W2"], (5, 3))[1])


def test_a_weight_is_typed(opened, plain):
    page = opened(plain)
    page.get_by_role("button", name="hidden 2, unit 1").click()
    field = page.locator("#card .weights input").nth(3)
    field.fill("1.25")
    field.press("Enter")
    assert np.reshape(state(page)["W2"], (5, 3))[3, 0] == 1.25


def test_a_sample_is_dragged_added_and_opened(opened, plain):
    page = opened(plain)
    index = lone_sample(page)
    start = sample_place(page, index)
    before = page.evaluate(f"playground.history.now.data.rows[{index}]")
    middle = place(page, "#points", (page.locator("#points").bounding_box()["width"] / 2,) * 2)
    drag(page, start, middle)
    assert page.evaluate(f"playground.history.now.data.rows[{index}]") != before
    moved = sample_place(page, index)
    assert abs(moved[0] - middle[0]) + abs(moved[1] - middle[1]) < 2
    drag(page, moved, (3, 3))  # out of the plane: it stays at the edge
    drag(page, sample_place(page, index), (start[0] + 5, start[1]))
    count = page.evaluate("playground.history.now.data.count")
    page.mouse.dblclick(*place(page, "#points", (6, 6)))
    assert page.evaluate("playground.history.now.data.count") == count + 1
    advance(page, 3)  # with another number of samples than before
    page.mouse.click(*sample_place(page, index))
    assert page.inner_text("#card h3") == f"sample {index}"
    assert page.locator("#units .gradient").count() == 9
    page.get_by_role("button", name="Close").click()
    assert page.locator("#units .number").count() == 0


def test_a_sample_says_its_logit_and_the_probability(opened, plain):
    page = opened(plain)
    logits, losses = [], []
    for index in (0, 1):
        page.evaluate(f"playground.pick({index})")
        z, loss, label = page.evaluate(f"""() => {{
          const {{ state, data }} = playground.history.now;
          const one = [np.array([{index}], [1], "int64")];
          const [loss, ...parts] = PROGRAMS[0].explain(state, np.getitem(data.X, one), np.getitem(data.y, one));
          return [parts.at(-2).data[0], loss, data.labels[{index}]];
        }}""")
        said = page.inner_text("#card p >> nth=0")
        best = int(z > 0)
        verdict = "right" if best == label else f"wrong: the sample is of class {label}"
        assert said == (
            f"The net gives the logit {number_text(z)}: probability {number_text(1 / (1 + np.exp(-z)), 3)} of class 1. "
            f"Its answer, class {best}, is {verdict}. Loss {number_text(loss)}."
        )
        logits.append(z)
        losses.append(loss)
    assert logits[0] != logits[1]


def test_several_logits_are_said_with_their_softmax(opened):
    rng = np.random.default_rng(0)
    X, y = rng.standard_normal((60, 2)) + 2 * np.eye(3)[np.arange(60) % 3, :2], np.arange(60) % 3
    page = opened(playground(nn.MLP(2, [4, 3], "tanh", rng=0), X, y))
    page.evaluate("playground.pick(5)")
    z, label = page.evaluate("""() => {
      const { state, data } = playground.history.now;
      const one = [np.array([5], [1], "int64")];
      const parts = PROGRAMS[0].explain(state, np.getitem(data.X, one), np.getitem(data.y, one));
      return [[...parts.at(-2).data], data.labels[5]];
    }""")
    shares = np.exp(z) / np.exp(z).sum()
    said = page.inner_text("#card p >> nth=0")
    assert f"probabilities {', '.join(number_text(p, 3) for p in shares)} (softmax)" in said
    assert f"Its answer, class {np.argmax(z)}, is {'right' if np.argmax(z) == label else 'wrong'}" in said


def test_labels_that_number_the_outputs_are_compared_with_those_outputs(opened):
    X, y = moons()
    y = y + 1  # of three outputs the first has no sample
    net = nn.MLP(2, [4, 3], "tanh", rng=0)
    page = opened(playground(net, X, y, loss=nn.functional.cross_entropy, validation=0))
    answers = np.argmax(net(X).data, axis=1)
    assert len({*answers}) > 1
    assert page.inner_text("#accuracy") == f"{np.mean(answers == y):.3f}"
    assert page.inner_text("#accuracy-of") == "training accuracy"
    assert page.is_hidden("#dots")
    for answer in {*answers}:
        i = int(np.argmax(answers == answer))
        page.evaluate(f"playground.pick({i})")
        name = f"class {answer}" if answer else "an output without a class"
        verdict = "right" if answer == y[i] else f"wrong: the sample is of class {y[i]}"
        assert f"(softmax). Its answer, {name}, is {verdict}." in page.inner_text("#card p >> nth=0")


def test_outputs_that_are_no_logits_are_said_as_they_are(opened):
    X, y = moons()

    def loss(z, y):
        return nn.functional.mse_loss(z[:, 0], y)

    page = opened(playground(nn.MLP(2, [3, 1], "tanh", rng=0), X, y, loss=loss))
    page.evaluate("playground.pick(0)")
    said = page.inner_text("#card p >> nth=0")
    assert said.startswith("The net gives ")
    assert "logit" not in said
    assert "probability" not in said


def test_the_page_says_whose_accuracy_it_is_which_samples_are_pale_and_what_a_step_computes(opened, plain):
    page = opened(plain)
    assert page.inner_text("#accuracy-of") == "validation accuracy"
    assert page.inner_text("#dots").split() == ["training", "validation", "(pale)"]
    code = page.inner_text("#listing")
    assert "np.s_[:, 0]" in code
    assert "slice(" not in code
    assert "def scatter(x, index, shape):" in code
    assert "np.full(" not in code
    assert page.locator("#listing .update", has_text="return").count() == 1  # a remark does not end its section


def test_the_labels_of_the_loss_plot_are_beside_its_curves(opened, plain):
    page = opened(plain, width=1366, height=768)
    advance(page, 60)
    first, right, width = page.evaluate("""() => {
      const xs = [], ends = [], context = CanvasRenderingContext2D.prototype, { lineTo, fillText } = context;
      context.lineTo = function (...given) { xs.push(given[0]); lineTo.apply(this, given); };
      context.fillText = function (...given) { ends.push(given[1]); fillText.apply(this, given); };
      playground.chart.draw(playground.history);
      Object.assign(context, { lineTo, fillText });
      return [Math.min(...xs), Math.max(...ends), playground.chart.canvas.clientWidth];
    }""")
    assert right < first
    assert width > 190


def test_a_sample_opens_in_the_player_with_the_numbers_of_now(opened, plain):
    page = opened(plain)
    advance(page, 30)
    page.evaluate("playground.pick(7)")
    loss = page.evaluate("""() => {
      const { now } = playground.history;
      const one = [np.array([7], [1], "int64")];
      return PROGRAMS[0].explain(now.state, np.getitem(now.data.X, one), np.getitem(now.data.y, one))[0];
    }""")
    with page.expect_popup() as popup:
        page.get_by_role("button", name="Step through its backprop").click()
    there = popup.value
    there.on("pageerror", lambda error: opened.said.append(str(error)))
    there.wait_for_selector("#graph")
    there.keyboard.press("End")
    value = there.evaluate("player.film.numbers.value(player.film.nodes.length - 1)")
    assert value == pytest.approx(loss, rel=1e-9)


def test_the_quiz_of_a_sample_asks_with_the_numbers_of_the_page(opened, plain):
    page = opened(plain.sample)
    assert page.evaluate("player.quiz.questions.size > 50")
    for change in ("", "player.leaves.set(0, 0.3)"):
        page.evaluate(f"() => {{ {change} }}")
        page.evaluate("player.quiz.on = false; player.seek(0); player.switchQuiz()")
        logit, loss = page.evaluate(
            "['logit', 'loss'].map((name) => player.film.nodes.find((x) => x.name === name).id)"
        )
        local = page.evaluate(f"player.film.numbers.gradient({logit})")
        assert f"logit = {number_text(page.evaluate(f'player.film.numbers.value({logit})'), 7)}" in page.inner_text(
            "#question"
        )
        assert page.evaluate("player.film.steps[player.count - 1].node") == loss
        page.fill("#answer", str(local))
        page.keyboard.press("Enter")
        assert page.inner_text("#verdict").startswith("Right")


def test_sample_numbers_are_those_of_python(opened):
    X, y = moons()
    net = nn.MLP(2, [5, 3, 1], "tanh", rng=0)
    page = opened(playground(net, X, y, validation=0))
    loss, *_ = page.evaluate("""() => {
      const { now } = playground.history;
      const one = [np.array([7], [1], "int64")];
      return PROGRAMS[0].explain(now.state, np.getitem(now.data.X, one), np.getitem(now.data.y, one));
    }""")
    expected = nn.functional.binary_cross_entropy_with_logits(net(X[7:8])[:, 0], y[7:8].astype(float))
    assert loss == pytest.approx(float(expected.data), rel=1e-13)


@pytest.mark.parametrize("kind", ["moons", "circles", "xor", "spirals", "blobs", "own"])
def test_other_data_are_chosen_and_trained_on(opened, plain, kind):
    page = opened(plain)
    page.click(f'#sets button[data-kind="{kind}"]')
    advance(page, 3)
    assert page.evaluate("playground.spec.kind") == kind
    assert page.evaluate("Number.isFinite(playground.history.measure().loss)")


def test_batches_train_on_some_samples_and_are_exact_too(opened, plain):
    page = opened(plain)
    page.evaluate("playground.change({ kind: 'batch', value: 7 })")
    advance(page, 25)
    there = state(page)
    page.evaluate("playground.seek(3)")
    page.evaluate("playground.seek(25)")
    assert state(page) == there


def test_a_new_seed_begins_anew_with_other_weights(opened, plain):
    page = opened(plain)
    first = state(page)
    advance(page, 3)
    page.keyboard.press("n")
    assert shown_step(page) == 0
    second = state(page)
    assert second["W1"] != first["W1"]
    assert sorted(second["W1"]) == sorted(first["W1"])


def test_other_nets_are_chosen(opened):
    page = opened(small(choices={"widths": [[5, 3], [4]], "activation": ["tanh", "relu"]}))
    assert page.evaluate("PROGRAMS.length") == 4
    page.get_by_role("button", name="relu").click()
    page.get_by_role("button", name="4", exact=True).click()
    advance(page, 5)
    assert page.inner_text("#subtitle") == "MLP 2 → 4 → 1, relu"
    assert page.locator("#units button").count() == 7


# --- the link ---


def test_a_link_leads_to_the_same_state(opened, plain):
    page = opened(plain)
    advance(page, 12)
    page.evaluate("playground.change({ kind: 'setting', name: 'lr', value: 0.123 })")
    advance(page, 5)
    page.evaluate("playground.change({ kind: 'hide', layer: 0, unit: 1, value: true })")
    page.evaluate("playground.change({ kind: 'point', index: 3, row: [0.25, 0.5] })")
    advance(page, 8)
    page.evaluate("playground.seek(10)")
    page.evaluate("playground.seek(25)")
    page.click("#share")
    there, fragment = state(page), page.evaluate("location.hash")
    other = opened(plain, fragment)
    until(other, "playground.replay === null && playground.history.now.step === 25")
    assert state(other) == there


@pytest.mark.parametrize("fragment", ["#run=", "#run=AAAA", "#run=bm90IGpzb24", "#step=4", "#run=eyJuZXQiOjk5fQ"])
def test_a_link_that_says_nothing_sound_is_left_alone(opened, plain, fragment):
    page = opened(plain, fragment)
    assert shown_step(page) == 0


# --- other nets and data ---


def test_several_classes_and_inputs_are_shown_in_planes(opened):
    rng = np.random.default_rng(0)
    X = rng.standard_normal((60, 4)) + 2 * np.eye(4)[np.arange(60) % 3]
    net = nn.Sequential(
        nn.Linear(4, 6, rng=0), nn.BatchNorm1d(6), nn.ReLU(), nn.Dropout(0.1, rng=0), nn.Linear(6, 3, rng=1)
    )
    page = opened(playground(net, X, np.arange(60) % 3))
    assert page.locator("#plane option").count() == 7
    page.select_option("#plane", "2")
    advance(page, 60)
    until(page, "Number(document.getElementById('accuracy').textContent) > 0.6")
    assert page.is_hidden("#sets")


def test_a_module_of_another_kind_has_no_network_but_trains(opened):
    class Net(nn.Module):
        def __init__(self):
            self.inner = nn.Linear(2, 1, rng=0)

        def forward(self, x):
            return self.inner(np.tanh(x))

    X, y = moons()
    page = opened(playground(Net(), X, y))
    advance(page, 5)
    assert shown_step(page) == 5


def test_of_a_wide_layer_some_units_are_shown_and_it_is_said(opened):
    X, y = moons()
    page = opened(playground(nn.MLP(2, [40, 1], rng=0), X, y))
    assert page.locator("#heads span").all_inner_texts() == ["inputs", "hidden 1: 18 of 40", "output"]
    assert page.locator("#units button").count() == 2 + 18 + 1


def test_hostile_names_are_text(opened):
    X, y = moons()
    name = "<img src=x onerror=alert(1)>"
    page = opened(playground(nn.MLP(2, [3, 1], rng=0), X, y, names=[name, "</script>"]))
    assert page.locator("img").count() == 0
    page.get_by_role("button", name="input " + name).click()
    assert name in page.inner_text("#card h3")


# --- looks ---


def test_in_a_notebook_it_has_the_notebooks_colours(opened, plain):
    page = opened.new_page()
    page.set_content(f'<!doctype html><body data-jp-theme-light="true">{plain._repr_html_()}')
    frame = page.frames[1]
    frame.wait_for_selector("#units button")
    light = frame.evaluate("playground.colours.paper")
    page.evaluate("document.body.dataset.jpThemeLight = 'false'")
    until(frame, f"playground.colours.paper.join() !== '{','.join(map(str, light))}'")
    assert frame.evaluate("document.documentElement.dataset.theme") == "dark"


def test_the_noise_of_ones_own_samples_cannot_be_changed(opened, plain):
    page = opened(plain)
    assert page.locator("#noise").is_disabled()
    assert page.inner_text("output[for=noise]") == "not for yours"
    assert "Choose another set" in page.get_attribute("#noise-row", "title")
    page.get_by_role("button", name="circles").click()
    until(page, "!document.getElementById('noise').disabled")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_is_wrong_on_a_large_screen(opened, plain, scheme):
    page = opened(plain, width=1920, height=1080, scheme=scheme)
    advance(page, 20)
    page.evaluate("playground.pick(4)")
    page.click("#help")
    assert violations(page) == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_the_losses_have_a_logarithmic_scale(opened, plain):
    page = opened(plain)
    advance(page, 60)
    heights = """() => {
      const heights = [], real = CanvasRenderingContext2D.prototype.lineTo;
      CanvasRenderingContext2D.prototype.lineTo = function (x, y) { heights.push(y); return real.call(this, x, y); };
      playground.chart.draw(playground.history);
      CanvasRenderingContext2D.prototype.lineTo = real;
      const { canvas } = playground.chart;
      return [heights, canvas.clientHeight, playground.chart.range(playground.history), playground.history.run.train];
    }"""
    _, _, (bottom, _), _ = page.evaluate(heights)
    assert bottom == 0
    page.click("#log")
    assert page.locator("#log").get_attribute("aria-pressed") == "true"
    drawn, height, (bottom, top), losses = page.evaluate(heights)
    assert 0 < bottom <= min(losses)
    expected = [height - 8 - (height - 16) * np.log(loss / bottom) / np.log(top / bottom) for loss in losses]
    assert [y for y in drawn if any(abs(y - e) < 1e-6 for e in expected)]
    assert min(drawn) >= 8 - 1e-9
    assert max(drawn) <= height - 8 + 1e-9
    page.click("#log")
    assert page.locator("#log").get_attribute("aria-pressed") == "false"
