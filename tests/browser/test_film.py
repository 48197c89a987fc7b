"""The page of an animation in a real browser, opened from a file and without a network."""

import pytest

from tests.browser.graphs import hostile, neuron
from tinygrad_edu import Value
from viz.films.animate import animate_backprop
from viz.steps.trace import trace


@pytest.fixture
def film(opened, tmp_path):
    """``film(root)`` opens the animation of the graph."""

    def open_film(root, width=1280, **keywords):
        animate_backprop(root, tmp_path / "film.html", **keywords)
        page = opened.new_page(width, 844)
        page.emulate_media(reduced_motion="reduce")
        page.goto((tmp_path / "film.html").as_uri())
        return page

    return open_film


def shown(page):
    return page.inner_text("#caption").split(": ", 1)[1], page.get_attribute("#picture", "src")


def test_keys_step_to_the_end_and_back(film):
    root = neuron()
    steps = trace(root).steps
    page = film(root)
    forth = [shown(page)]
    for _ in steps[1:]:
        page.keyboard.press("ArrowRight")
        forth.append(shown(page))
    assert [caption for caption, _ in forth] == [str(step) for step in steps]
    assert len({picture for _, picture in forth}) == len(steps)
    page.keyboard.press("ArrowRight")
    assert shown(page) == forth[-1]
    for before in forth[-2::-1]:
        page.keyboard.press("ArrowLeft")
        assert shown(page) == before


def test_the_slider_and_the_buttons_lead_to_the_same_pictures(film):
    page = film(neuron())
    page.fill("#slider", "3")
    third = shown(page)
    assert page.inner_text("#count").startswith("4 / ")
    page.click("#next")
    page.click("#back")
    assert shown(page) == third


def test_play_can_be_paused(film):
    page = film(neuron(), fps=0.1)
    page.click("#play")
    assert page.inner_text("#play") == "Pause"
    page.click("#play")
    assert page.inner_text("#play") == "Play"
    assert page.input_value("#slider") == "0"


def test_play_runs_to_the_end_and_stops_there(film):
    page = film(neuron(), fps=50)
    page.click("#play")
    page.get_by_role("button", name="Play").wait_for()
    assert page.input_value("#slider") == page.get_attribute("#slider", "max")


def test_hostile_labels_are_text(film):
    root = hostile()
    page = film(root)
    page.keyboard.press("ArrowRight")
    assert shown(page)[0] == str(trace(root).steps[1])
    assert page.locator("img").count() == 1


def test_the_speed_can_be_chosen_also_while_it_plays(film):
    page = film(neuron(), fps=0.02)  # 50 s a picture
    page.clock.install()
    page.reload()
    page.click("#play")
    page.clock.run_for(20_000)
    assert page.input_value("#slider") == "0"
    page.select_option("#speed", "4")
    page.clock.run_for(13_000)
    assert page.input_value("#slider") == "1"
    page.focus("#speed")
    page.keyboard.press("ArrowLeft")
    assert page.input_value("#slider") == "1"


def test_a_picture_is_as_wide_as_half_its_pixels_and_the_page_has_its_colours(film):
    page = film(neuron(), theme="dark")
    page.locator("#picture[width]").wait_for()
    natural = page.evaluate("document.getElementById('picture').naturalWidth")
    assert int(page.get_attribute("#picture", "width")) == natural // 2
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(20, 23, 28)"


def chain(length):
    x = Value(0.5, "x")
    for _ in range(length):
        x = x.tanh()
    return x


LETTERS = "film.letters * picture.width / (picture.naturalWidth / film.density)"


@pytest.mark.parametrize(("make", "natural"), [(neuron, 15), (lambda: chain(16), 7)])
def test_on_a_phone_the_letters_can_be_read_and_the_node_of_the_step_is_in_view(film, make, natural):
    page = film(make(), width=390)
    for _ in range(page.evaluate("film.frames.length")):
        page.locator("#picture").evaluate("(picture) => picture.decode().then(fit)")
        left, top, right, bottom, x, y = page.evaluate("""(() => {
          const [s, p] = [stage, picture].map((element) => element.getBoundingClientRect());
          const [x, y] = film.frames[at].at;
          return [s.left, s.top, s.right, s.bottom, p.left + x * p.width, p.top + y * p.height];
        })()""")
        assert left + 30 <= x <= right - 30
        assert top <= y <= bottom
        page.keyboard.press("ArrowRight")
    assert page.evaluate("film.letters") < natural + 1
    assert page.evaluate(LETTERS) >= 13.9
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert page.locator("#play").bounding_box()["y"] < 800
    page.set_viewport_size({"width": 1280, "height": 844})
    width = page.locator("#picture").evaluate("(picture) => picture.decode().then(() => picture.getAttribute('width'))")
    assert int(width) == page.evaluate("Math.floor(picture.naturalWidth / film.density)")
