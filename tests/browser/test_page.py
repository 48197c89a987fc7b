"""The player's page in a real browser, opened from a file and without a network."""

import json
from pathlib import Path

import pytest

from tests.browser.graphs import HOSTILE, batch, faulty, hostile, layer, neuron, scalar_net
from tests.browser.waiting import until
from tinygrad_edu.graph.node import topological_order
from viz.explain.audit import audit
from viz.explain.quiz import questions, read_number
from viz.formulas.numbers import number_text
from viz.pages.player import player


def count(page):
    return page.evaluate("player.count")


def length(page):
    return page.evaluate("player.film.length")


def text(page, selector):
    return page.locator(selector).text_content()


def violations(page):
    """What axe-core finds wrong with the page: each rule and the elements that break it."""
    api = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe-playwright-python is missing")
    if not page.evaluate("'axe' in window"):
        page.evaluate(api.Axe().axe_script)
    found = page.evaluate("axe.run({ resultTypes: ['violations'] }).then(({ violations }) => violations)")
    return [(rule["id"], [node["html"] for node in rule["nodes"]]) for rule in found]


def gradients(page):
    """What stands in the gradient's place of each node, by node."""
    return page.evaluate(
        "Object.fromEntries([...document.querySelectorAll('.node .grad')]"
        ".map((grad) => [grad.parentNode.id, grad.textContent]))"
    )


def pick(page, label):
    page.evaluate("(label) => player.pick(player.film.nodes.findIndex((node) => node.label === label))", label)


def number(written):
    return float(written.replace("−", "-"))


def picture(page):
    """Everything that the graph and the panel show, but for what is spoken: nothing is before the first step.

    The graph is fitted to its room when the browser reports the room's size, after the next frame is laid out.
    """
    frames = "(done) => requestAnimationFrame(() => requestAnimationFrame(done))"
    page.evaluate(f"() => new Promise({frames})")
    return page.evaluate("[scene, formula, sentence, inspector, table].map((part) => part.outerHTML).join()")


# --- the first view -------------------------------------------------------------------------------------------------


def test_a_wide_graph_opens_where_stepping_begins_and_fit_shows_all_of_it_at_any_size(opened):
    page = opened(player(batch()), width=1400, height=900)
    shown = (
        "[0, player.film.root].map((i) => { const b = document.getElementById(`node-${i}`).getBoundingClientRect();"
        " const s = document.getElementById('graph').getBoundingClientRect();"
        " return b.left >= s.left && b.right <= s.right && b.top >= s.top && b.bottom <= s.bottom; })"
    )
    assert page.evaluate(shown) == [True, False]
    page.click("#fit")
    assert page.evaluate(shown) == [True, True]
    page.set_viewport_size({"width": 1000, "height": 700})
    until(page, f"({shown}).every(Boolean)")


def test_the_texts_of_a_box_lie_within_it(opened):
    page = opened(player(batch()), "#step=99")
    page.evaluate("player.graph.fit()")
    outside = page.evaluate(
        "[...document.querySelectorAll('.node:not([hidden])')].flatMap((g) => [...g.querySelectorAll('text')]"
        ".filter((t) => t.getBBox().width > g.querySelector('.box').getBBox().width - 8).map((t) => t.textContent))"
    )
    assert outside == []
    assert (
        page.evaluate("[...document.querySelectorAll('.value, .grad')].filter((t) => /….*…/.test(t.textContent))") == []
    )


# --- moving --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("make", [neuron, lambda: scalar_net(2, [3, 1])])
def test_at_the_end_every_gradient_is_the_engines(opened, make):
    root = make()
    page = opened(player(root))
    assert set(gradients(page).values()) == {""}
    for _ in range(length(page)):
        page.keyboard.press("ArrowRight")
    root.backward()
    order = topological_order(root)
    expected = {f"node-{i}": number_text(node.grad) for i, node in enumerate(order) if node.requires_grad}
    assert gradients(page) == expected


def test_the_inspector_shows_every_gradient_in_full(opened):
    root = neuron()
    page = opened(player(root), "#step=99")
    root.backward()
    for i, node in enumerate(topological_order(root)):
        page.evaluate(f"player.pick({i})")
        shown = page.locator("#inspector dd", has_text="arrived").text_content().split()[0]
        assert number(shown) == node.grad


def test_values_appear_as_the_forward_pass_goes(opened):
    root = neuron()
    page = opened(player(root))
    order = topological_order(root)
    shown = [text(page, f"#node-{i} .value") for i in range(len(order))]
    assert shown == ["·" if node.inputs else number_text(node.data) for node in order]
    operations = [i for i, node in enumerate(order) if node.inputs]
    for i in operations:
        page.keyboard.press("ArrowRight")
        assert text(page, f"#node-{i} .value") == number_text(order[i].data)
        assert page.locator(f"#node-{i}.on-forward").count() == 1
        assert page.locator(".edge.on-forward").count() == len(order[i].inputs)


def test_walking_back_undoes_every_step(opened):
    page = opened(player(neuron()))
    seen = []
    for _ in range(length(page)):
        seen.append(picture(page))
        page.keyboard.press("ArrowRight")
    for before in reversed(seen):
        page.keyboard.press("ArrowLeft")
        assert picture(page) == before
    assert count(page) == 0
    assert page.locator("#back").is_disabled()


def test_a_gradient_fills_up_as_its_uses_give(opened):
    root = neuron()
    page = opened(player(root), "#step=99")
    order = topological_order(root)
    x2 = next(i for i, node in enumerate(order) if node.label == "x2")
    box = page.evaluate(f"player.graph.place.nodes[{x2}][2] - 14")
    widths = set()
    for _ in range(length(page)):
        widths.add(float(page.locator(f"#node-{x2} .level").get_attribute("width")) / box)
        page.keyboard.press("ArrowLeft")
    assert sorted(round(width, 2) for width in widths) == [0.0, 0.5, 1.0]


def test_a_backward_step_lights_its_edge_and_writes_the_local_derivative(opened):
    film = player(neuron())
    page = opened(film)
    steps = json.loads(json.dumps(film.trace.to_dict()))["steps"]
    for k, step in enumerate(steps):
        if step["kind"] != "backward":
            continue
        page.evaluate(f"player.seek({k + 1})")
        edge = f"#edge-{step['node']}-{step['position']}"
        assert page.locator(f"{edge}.on-backward").count() == 1
        assert text(page, f"{edge} text") == number_text(step["local"]["value"])
        assert page.locator(f"#node-{step['input']}.on-backward").count() == 1
        assert text(page, "#sentence") == step["sentence"]["text"]
        assert text(page, "#spoken") == f"Step {k + 1}: {step['sentence']['words']}"
        page.evaluate(f"player.seek({k})")
        assert text(page, f"{edge} text") == ""


def test_keys_buttons_slider_and_address_say_the_same(opened):
    page = opened(player(neuron()), "#step=7")
    last = length(page)
    assert count(page) == 7
    for press, expected in (("End", last), ("Home", 0), ("ArrowRight", 1)):
        page.keyboard.press(press)
        assert count(page) == expected
        until(page, f"location.hash === '#step={expected}'")
        assert page.locator("#slider").input_value() == str(expected)
    page.keyboard.press("b")
    assert text(page, "#where").endswith("backward pass")
    for button, expected in (("#last", last), ("#back", last - 1), ("#first", 0), ("#next", 1)):
        page.click(button)
        assert count(page) == expected
    page.locator("#slider").fill("4")
    assert count(page) == 4
    page.evaluate("location.hash = '#step=5'")
    until(page, "player.count === 5")
    page.evaluate("location.hash = '#step=99999'")
    until(page, f"player.count === {last}")


def test_an_address_that_is_typed_just_before_the_page_writes_its_own_is_followed(opened):
    page = opened(player(neuron()), "#step=7")
    until(page, "!player.address.waits")
    page.evaluate("location.hash = '#step=5'; player.seek(2)")
    until(page, "player.count === 5")
    page.evaluate("player.seek(6)")
    until(page, "location.hash === '#step=6'")


def test_back_to_the_start_before_the_next_frame_is_no_error(opened):
    page = opened(player(neuron()))
    page.evaluate("player.seek(5); player.seek(0); new Promise((done) => requestAnimationFrame(done))")
    assert count(page) == 0


def test_it_plays_to_the_end_and_stops(opened):
    page = opened(player(neuron()))
    page.select_option("#speed", "16")
    page.locator("#speed").blur()
    page.keyboard.press("Space")
    assert text(page, "#play span") == "Pause"
    until(page, "player.count === player.film.length")
    until(page, "document.querySelector('#play span').textContent === 'Play'")
    page.click("#play")  # from the beginning again
    until(page, "player.count > 0 && player.count < player.film.length")
    page.click("#play")
    assert text(page, "#play span") == "Play"


def test_a_key_pressed_in_a_field_is_the_fields(opened):
    page = opened(player(neuron()))
    page.keyboard.press("/")
    page.keyboard.type("bdq")
    page.keyboard.press("Home")
    page.keyboard.press("ArrowRight")
    assert page.locator("#search").input_value() == "bdq"
    assert count(page) == 0


# --- looking -------------------------------------------------------------------------------------------------------


def test_numbers_are_written_as_everywhere(opened):
    page = opened(player(neuron()))
    numbers = [
        0.0,
        -0.0,
        2.0,
        -0.00134095,
        12345.678,
        1e-7,
        -1.5e300,
        999999.0,
        1e6,
        9999.96,
        0.99996,
        123456.7,
        5e-324,
    ]
    assert page.evaluate("(xs) => xs.map((x) => numberText(x))", numbers) == [number_text(x) for x in numbers]


def test_the_inspector_lists_what_each_use_gave(opened):
    root = neuron()
    page = opened(player(root), "#step=99")
    order = topological_order(root)
    page.click(f"#node-{next(i for i, node in enumerate(order) if node.label == 'x2')} .box")
    assert text(page, "#inspected") == "x2"
    rows = page.locator("#inspector h3:has-text('Used 2 times') + table tbody tr")
    gave = [number(rows.nth(k).locator("td").last.text_content()) for k in range(rows.count())]
    root.backward()
    x2 = next(node for node in order if node.label == "x2")
    assert len(gave) == 2
    assert sum(gave) == pytest.approx(x2.grad, rel=1e-3)
    page.keyboard.press("Escape")
    assert text(page, "#inspected") != "x2"


def test_the_source_line_is_shown_where_it_was_recorded(opened):
    page = opened(player(neuron()), "#step=1")
    assert "n = x1 * w1 + x2 * w2 + b" in text(page, "#inspector")


def test_search_finds_labels_and_operations(opened):
    page = opened(player(neuron()))
    page.keyboard.press("/")
    page.keyboard.type("tanh")
    assert text(page, "#found") == "1 found"
    assert page.locator(".node.found").count() == 1
    page.keyboard.press("Enter")
    assert "tanh" in text(page, "#inspector")
    page.fill("#search", "w")
    assert text(page, "#found") == "2 found"
    page.keyboard.press("Escape")
    assert page.locator(".node.found").count() == 0


def test_pan_and_zoom(opened):
    page = opened(player(neuron()))
    scale = "player.graph.view[2]"
    before = page.evaluate(scale)
    page.mouse.move(300, 300)
    page.mouse.wheel(0, -300)
    until(page, f"{scale} > {before}")
    x = page.evaluate("player.graph.view[0]")
    page.mouse.move(60, 120)
    page.mouse.down()
    page.mouse.move(100, 120)
    page.mouse.up()
    assert page.evaluate("player.graph.view[0]") == pytest.approx(x + 40)
    page.keyboard.press("0")
    assert page.evaluate(scale) == pytest.approx(before)
    page.keyboard.press("+")
    assert page.evaluate(scale) > before


def test_modules_fold_and_unfold(opened):
    page = opened(player(scalar_net(2, [3, 1])), "#step=20")
    outside = page.evaluate("player.graph.folding.around.filter((groups) => groups.includes(-1)).length")
    nodes = page.locator(".node:not(.folded):visible")
    everything = nodes.count()
    page.keyboard.press("f")
    assert nodes.count() == outside
    assert page.locator(".node.folded:visible").count() == 1
    assert page.locator(".edge:visible").count() == 4  # from the two inputs, and to the square with its exponent
    page.locator(".node.folded:visible").press("Enter")
    assert page.locator(".node.folded:visible").count() == 2  # the layers
    assert page.locator(".cluster:visible").first.get_attribute("aria-expanded") == "true"
    page.locator(".cluster:visible").first.press("Enter")
    assert page.locator(".node.folded:visible").count() == 1
    page.keyboard.press("f")
    assert nodes.count() == everything


def test_boxes_do_not_overlap_however_much_is_folded(opened):
    page = opened(player(scalar_net(2, [3, 2])))
    overlapping = """() => {
      const shown = [...document.querySelectorAll('.node:not([hidden]) .box')];
      const boxes = shown.map((box) => box.getBoundingClientRect());
      const hit = (a, b) => a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom;
      return boxes.flatMap((a, i) => boxes.slice(i + 1).filter((b) => hit(a, b))).length;
    }"""
    modules = page.evaluate("player.graph.folding.groups.length")
    for module in range(modules):
        assert page.evaluate(overlapping) == 0
        page.evaluate(f"player.graph.toggle({module})")
    assert page.evaluate(overlapping) == 0


def test_a_folded_module_stands_for_what_is_in_it(opened):
    page = opened(player(scalar_net(2, [3, 1])), "#step=5")
    page.keyboard.press("f")
    assert page.locator(".node.folded.on-forward:visible").count() == 1
    page.evaluate("player.pick(player.film.steps[4].node)")  # found by search, say: then it must be seen
    assert page.locator(".node.picked:visible:not(.folded)").count() == 1


def test_a_large_graph_opens_folded(opened):
    film = player(scalar_net(2, [16, 16, 1]))
    page = opened(film)
    assert len(film.trace.nodes) > 500
    assert page.locator(".node:visible").count() < 60
    page.keyboard.press("End")
    assert count(page) == len(film.trace.steps)


def test_light_and_dark(opened):
    paper = "getComputedStyle(document.body).backgroundColor"
    page = opened(player(neuron()), scheme="dark")
    dark = page.evaluate(paper)
    page.keyboard.press("d")
    page.keyboard.press("d")
    assert text(page, "#theme") == "Theme: light"
    assert page.evaluate(paper) == "rgb(255, 255, 255)" != dark
    assert opened(player(neuron())).evaluate(paper) == "rgb(255, 255, 255)"


def test_what_an_audit_finds_wrong_is_painted_red_and_named(opened):
    root = faulty()
    audited = audit(root)
    page = opened(player(root, audit=audited))
    wrong = page.locator(".node.wrong")
    assert wrong.get_attribute("id") == f"node-{audited.first.node}"
    assert page.evaluate("getComputedStyle(document.querySelector('.node.wrong .box')).stroke") == "rgb(179, 20, 29)"
    assert text(page, "#audit") == audited.first.sentence
    page.click("#audit")
    assert text(page, "#inspector .warning") == audited.first.sentence
    undecidable = page.locator(".node.undecidable")
    assert undecidable.count() == 1
    undecidable.locator(".box").click()
    assert "undecidable" in text(page, "#inspector .unsure")
    page.keyboard.press("End")
    assert wrong.count() == 1
    assert violations(page) == []


def test_a_graph_without_a_fault_has_no_red(opened):
    root = neuron()
    page = opened(player(root, audit=audit(root)))
    assert page.locator(".node.wrong").count() == 0
    assert page.locator("#audit").is_hidden()


# --- safety --------------------------------------------------------------------------------------------------------


def test_labels_are_text(opened):
    film = player(hostile())
    page = opened(film)
    for _ in range(length(page)):
        page.keyboard.press("ArrowRight")
    assert page.locator("img, script:not([type])").count() == 1  # the page's own script
    for i, node in enumerate(film.trace.order):
        page.evaluate(f"player.pick({i})")
        if node.label:
            assert node.label in text(page, "#inspector")
    assert {node.label for node in film.trace.order if node.label} == set(HOSTILE)


def test_what_is_not_finite_is_marked(opened):
    page = opened(player(hostile()))
    bad = page.locator(".node .value.odd")
    assert bad.all_text_contents() == ["nan"]
    page.keyboard.press("End")
    assert bad.all_text_contents() == ["nan"] * 4
    assert "NaN" in text(page, "#inspector .warning")


def test_the_policy_forbids_network_and_inline_handlers(opened):
    page = opened(player(neuron()))
    page.evaluate("document.body.insertAdjacentHTML('beforeend', '<img src=x onerror=\"window.ran = 1\">')")
    page.evaluate("document.body.append(Object.assign(document.createElement('script'), {text: 'window.ran = 1'}))")
    assert page.evaluate("fetch('https://example.org').catch(() => 'refused')") == "refused"
    assert page.evaluate("window.ran === undefined")
    assert len(opened.said) >= 3
    assert all("Content Security Policy" in said or "violates" in said for said in opened.said)
    opened.said.clear()


# --- accessibility -------------------------------------------------------------------------------------------------


def test_everything_is_reached_by_the_keyboard(opened):
    page = opened(player(neuron()), "#step=3")
    reached = set()
    for _ in range(60):
        page.keyboard.press("Tab")
        reached.add(page.evaluate("document.activeElement.id"))
    controls = {"search", "theme", "help", "first", "back", "play", "next", "last", "slider", "speed", "fit"}
    assert controls <= reached
    page.keyboard.press("j")
    assert page.get_by_role("button", name="Unpin").count() == 1
    assert "value" in text(page, "#spoken")
    page.get_by_role("button", name="Unpin").press("Enter")
    assert page.get_by_role("button", name="Unpin").count() == 0


def test_the_table_of_steps_is_a_table(opened):
    film = player(scalar_net(2, [8, 8, 1]))
    page = opened(film, "#step=300")
    table = page.get_by_role("table", name="All steps")
    assert table.get_attribute("aria-rowcount") == str(len(film.trace.steps) + 1)
    current = table.locator("[aria-current=step]")
    assert current.get_attribute("aria-rowindex") == "301"
    assert film.trace.steps[299].sentence.text in current.text_content()
    table.get_by_role("button", name="Go to step 290").click()
    assert count(page) == 290
    table.get_by_role("button", name="Later steps").click()
    assert count(page) == 301


def test_a_narrow_window_shows_everything_without_scrolling_sideways(opened):
    page = opened(player(layer()), "#step=8", width=400)
    assert page.evaluate("document.documentElement.scrollWidth") <= 400
    assert page.locator("#play").is_visible()


# --- notebooks -----------------------------------------------------------------------------------------------------


def test_it_plays_in_a_notebooks_frame(opened, tmp_path):
    notebook = tmp_path / "notebook.html"
    notebook.write_text(f"<!doctype html><title>n</title>{player(hostile())._repr_html_()}", encoding="utf-8")
    page = opened.new_page()
    page.goto(notebook.as_uri())
    frame = page.frame_locator("iframe")
    frame.locator("#next").click()
    assert frame.locator("#where").text_content().startswith("Step 1 of")
    frame.locator("#last").click()
    assert frame.locator(".node .grad").first.text_content() != ""


# --- asking --------------------------------------------------------------------------------------------------------


def test_an_entry_of_a_gradient_is_shown_as_its_sum(opened):
    root = layer()
    page = opened(player(root), "#step=99")
    pick(page, "W")
    page.get_by_role("button", name="gradient of W at 1,1").click()
    assert page.locator(".cells button[aria-pressed=true]").count() == 1
    rows = page.locator("#inspector p.lens + table tbody tr")
    assert rows.count() == 4  # the rows of X
    assert "X[0,1] = " in rows.filter(has_text="v2[0,1]").text_content()
    gives = [number(rows.nth(k).locator("td").last.text_content()) for k in range(4)]
    root.backward()
    W = next(node for node in topological_order(root) if node.label == "W")
    assert sum(gives) == pytest.approx(W.grad[1, 1], rel=1e-3)
    page.keyboard.press("Home")
    page.keyboard.press("b")
    assert page.locator(".cells button").count() == 0  # the gradient has not arrived yet


def test_a_gradient_is_shown_as_the_sum_over_its_paths(opened):
    page = opened(player(neuron()), "#step=99")
    pick(page, "x2")
    paths = page.locator("td.way")
    assert paths.count() == 2
    assert page.locator("#inspector h3", has_text="Why: the sum over 2 paths").count() == 1
    paths.nth(1).locator("button").click()
    assert page.locator(".edge.on-path").count() == 5
    page.keyboard.press("ArrowLeft")
    assert page.locator(".edge.on-path").count() == 0


# --- the quiz ------------------------------------------------------------------------------------------------------


def answer(page, written):
    page.fill("#answer", written)
    page.keyboard.press("Enter")
    return text(page, "#verdict")


def test_the_quiz_hides_every_gradient_until_it_is_found(opened):
    root = neuron()
    film = player(root)
    asked = questions(film.trace)
    page = opened(film)
    page.click("#quiz")
    for question in asked:
        step = film.trace.steps[question.step]
        assert count(page) == question.step + 1
        assert text(page, "#question") == question.prompt.text
        hidden = "" if step.before is None else number_text(step.before)
        assert text(page, f"#node-{step.input} .grad") == hidden
        assert page.evaluate("document.activeElement.id") == "answer"
        for mistake in question.mistakes:
            assert answer(page, repr(mistake.value)) == f"Not yet: {mistake.name}; {mistake.hint}."
        assert answer(page, "") != ""
        assert answer(page, "banana").startswith("Answer with a number")
        assert page.locator("#sentence").text_content() == ""
        assert answer(page, f"{question.answer:.3g}").startswith("Right")
        assert text(page, f"#node-{step.input} .grad") == number_text(step.after)
        assert text(page, "#sentence") == step.sentence.text
        page.keyboard.press("Enter")  # on to the next
    root.backward()
    assert gradients(page) == {
        f"node-{i}": number_text(node.grad) for i, node in enumerate(film.trace.order) if node.requires_grad
    }


def test_the_quiz_shows_an_answer_and_is_stepped_through(opened):
    film = player(layer())
    asked = questions(film.trace)
    page = opened(film)
    page.keyboard.press("q")
    page.click("#reveal")
    assert text(page, "#verdict") == f"It is {number_text(asked[0].answer)}."
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")  # past a question that was not answered
    assert text(page, "#question") == asked[2].prompt.text
    page.keyboard.press("ArrowLeft")
    assert text(page, "#question") == asked[1].prompt.text
    page.click("#quiz")
    assert page.locator("#asks").is_hidden()
    assert text(page, "#sentence") != ""


def test_the_quiz_reads_numbers_as_the_terminal_does(opened):
    page = opened(player(neuron()))
    for line in (
        "−0.0013",
        "2 * -3",
        "0,5",
        "12",
        "-.25",
        "7",
        "1e-3",
        "0.30",
        "2 * (-3)",
        "-2**2",
        "2**-1",
        "tanh(0.5)*(1+2)/3",
    ):
        given = page.evaluate("(line) => readNumber(line)", line)
        assert (given["number"], given["slack"]) == pytest.approx(read_number(line)), line
    for line in ("", "banana", "2 *", "1 2", "alert(1)", "constructor", "(1", "1)", "Math.PI", "exp"):
        assert page.evaluate("(line) => Number.isNaN(readNumber(line).number)", line), line


def test_the_quiz_keeps_a_score_and_saves_it(opened):
    root = neuron()
    page = opened(player(root))
    page.click("#quiz")
    first, second = questions(player(root).trace)[:2]
    page.fill("#answer", "1000")
    page.click("#asks button[type=submit]")
    page.fill("#answer", repr(first.answer))
    page.click("#asks button[type=submit]")
    assert text(page, "#score") == "0 of 1 right at the first try"
    page.click("#asks button[type=submit]")  # on to the next
    page.fill("#answer", f"{second.answer} * 1")
    page.click("#asks button[type=submit]")
    assert text(page, "#score") == "1 of 2 right at the first try"
    with page.expect_download() as download:
        page.click("#save-score")
    saved = json.loads(Path(download.value.path()).read_text(encoding="utf-8"))
    assert (saved["answered"], saved["right"]) == (2, 1)
    assert saved["answers"][0] == {"step": first.step + 1, "tries": 2, "right_at_first_try": False}


def test_the_quiz_asks_about_the_numbers_that_the_learner_chose(opened):
    root = neuron()
    page = opened(player(root), "#b=1&x1=1")
    page.click("#quiz")
    assert "b = 1" in text(page, "#question") or "out = " in text(page, "#question")
    answer = page.evaluate("player.film.steps[player.count - 1].after")
    page.fill("#answer", repr(answer))
    page.click("#asks button[type=submit]")
    assert text(page, "#verdict").startswith("Right")


def test_the_steps_ahead_keep_their_numbers_to_themselves_in_a_quiz(opened):
    page = opened(player(neuron()))
    page.click("#quiz")
    rows = page.locator("#table tr.backward")
    assert not any("=" in row for row in rows.all_text_contents()[1:])  # but the seed, which is given
    assert text(page, "#formula") == ""
    assert text(page, "#spoken").endswith("become?")
