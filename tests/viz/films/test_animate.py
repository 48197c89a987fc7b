import itertools
import json
import re
import subprocess

import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import Image

from tinygrad_edu import Tensor, Value, nn
from tinygrad_edu.errors import ArgumentError, FileError, ShapeError
from viz.films import film, training_film
from viz.films.animate import MOST_STEPS, animate_backprop
from viz.films.network_panel import NetworkPanel, weights_of
from viz.films.training_film import animate_training
from viz.pictures.palette import THEMES
from viz.steps.trace import trace


def expression():
    a, b = Value(2.0, "a"), Value(-3.0, "b")
    return (a * b + 10).tanh()


class Line:
    """A model of points in the plane: x₀ beyond a place."""

    def __init__(self, place):
        self.place = place

    def __call__(self, points):
        return points[:, 0] - self.place

    def state_dict(self):
        return {"place": self.place}

    def load_state_dict(self, state):
        self.place = state["place"]


class Run(dict):
    """A history of a line that moves from 0 to 1."""

    def __init__(self, epochs):
        super().__init__(loss=[1 / (k + 1) for k in range(epochs)])
        self.model = Line(1.0)
        self.X = np.array([[0.0, 0.0], [0.2, 1.0], [1.0, 0.0], [1.0, 1.0]])
        self.y = np.array([0, 0, 1, 1])
        self.snapshots = [(epoch, {"place": epoch / epochs}) for epoch in range(epochs + 1)]


def pictures(path):
    with Image.open(path) as gif:
        for k in range(gif.n_frames):
            gif.seek(k)
            yield np.asarray(gif.convert("RGB"))


def page_data(path):
    return json.loads(re.search(r'id="data">(\{.*\})</script>', path.read_text()).group(1))


@pytest.mark.parametrize("data", ["Value", "Tensor"])
def test_backprop_has_a_picture_for_each_step(tmp_path, data):
    X = Tensor([[1.0, -2.0], [3.0, 0.5]], label="X")
    root = expression() if data == "Value" else ((X @ X).relu() * 2.0).mean()
    animate_backprop(root, tmp_path / "x.gif")
    shown = [*pictures(tmp_path / "x.gif")]
    assert len(shown) == len(trace(root).steps)
    assert all((one != other).any() for one, other in itertools.pairwise(shown))


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_ground_of_a_picture_has_the_colour_of_the_page(tmp_path, theme):
    animate_backprop(expression(), tmp_path / "x.gif", theme=theme)
    paper = THEMES[theme].paper
    assert {"#" + bytes(picture[0, 0]).hex() for picture in pictures(tmp_path / "x.gif")} == {paper}


def test_backprop_page_says_the_sentence_of_each_step(tmp_path):
    root = expression()
    animate_backprop(root, tmp_path / "x.html", fps=2)
    data = page_data(tmp_path / "x.html")
    steps = trace(root).steps
    assert data["fps"] == 2
    assert [frame["caption"].split(": ", 1)[1] for frame in data["frames"]] == [str(step) for step in steps]


def test_backprop_leaves_the_graph_alone(tmp_path):
    a = Value(2.0, "a")
    L = a * a
    animate_backprop(L, tmp_path / "x.gif")
    assert (a.grad, L.grad) == (0.0, 0.0)


def test_backprop_shows_any_label_as_text(tmp_path):
    label = "$x^2$ </script><img src=x onerror=alert(1)> 🙂\n日本"
    animate_backprop(Value(2.0, label).exp(), tmp_path / "x.html")
    page = (tmp_path / "x.html").read_text()
    assert page.count("</script>") == 2
    assert "<img src=x" not in page


def test_page_forbids_network_and_inline_handlers(tmp_path):
    animate_backprop(expression(), tmp_path / "x.html")
    page = (tmp_path / "x.html").read_text()
    assert "default-src 'none'; img-src data:;" in page
    assert "http" not in page.replace("http-equiv", "")


def test_training_shows_each_snapshot_and_restores_the_model(tmp_path):
    run = Run(epochs=4)
    animate_training(run, tmp_path / "run.html")
    captions = [frame["caption"] for frame in page_data(tmp_path / "run.html")["frames"]]
    assert captions[0] == "before training"
    assert captions[-1] == "epoch 4: loss 0.2500"
    assert len(captions) == 5
    assert run.model.place == 1.0


def test_long_training_is_thinned_out_evenly(tmp_path, monkeypatch):
    monkeypatch.setattr(training_film, "MOST_EPOCHS", 6)
    animate_training(Run(epochs=13), tmp_path / "run.html")
    captions = [frame["caption"] for frame in page_data(tmp_path / "run.html")["frames"]]
    assert [caption.split(":")[0] for caption in captions[1:]] == [f"epoch {k}" for k in (3, 5, 8, 10, 13)]


def test_runs_side_by_side_move_in_step(tmp_path):
    slow, quick = Run(epochs=4), Run(epochs=2)
    quick["rate"] = [0.5, 1e-6]
    slow["rate"] = [0.1] * 4
    animate_training({"slow": slow, "quick": quick}, tmp_path / "runs.html", said=["loss", "rate"])
    captions = [frame["caption"] for frame in page_data(tmp_path / "runs.html")["frames"]]
    assert captions[0] == "slow, before training; quick, before training"
    assert captions[1] == "slow, epoch 1: loss 1.000, rate 0.1000; quick, epoch 1: loss 1.000, rate 0.5000"
    # The run that is over stays as it ended.
    assert captions[4] == "slow, epoch 4: loss 0.2500, rate 0.1000; quick, epoch 2: loss 0.5000, rate 1.000e-06"
    assert len(captions) == 5
    assert slow.model.place == quick.model.place == 1.0
    animate_training(slow, tmp_path / "one.gif")
    animate_training({"slow": slow, "quick": quick}, tmp_path / "two.gif")
    one, two = (next(pictures(tmp_path / name)) for name in ("one.gif", "two.gif"))
    assert two.shape == (one.shape[0], one.shape[1] * 3 // 2, 3)


def test_a_run_whose_first_snapshot_is_late_shows_that_one(tmp_path):
    early, late = Run(epochs=3), Run(epochs=3)
    del late.snapshots[:3]
    animate_training({"early": early, "late": late}, tmp_path / "runs.html")
    captions = [frame["caption"] for frame in page_data(tmp_path / "runs.html")["frames"]]
    assert captions[0] == "early, before training; late, epoch 3: loss 0.3333"


def test_training_says_what_the_history_holds(tmp_path):
    with pytest.raises(ArgumentError, match="the history has no 'rate' to be shown: it holds loss"):
        animate_training(Run(epochs=1), tmp_path / "run.gif", said=["rate"])
    with pytest.raises(ArgumentError, match="at least one history"):
        animate_training({}, tmp_path / "run.gif")
    assert not [*tmp_path.iterdir()]


def test_training_needs_snapshots_of_a_model_in_the_plane(tmp_path):
    with pytest.raises(ArgumentError, match="needs a history with snapshots"):
        animate_training({"loss": [1.0]}, tmp_path / "run.gif")
    run = Run(epochs=1)
    run.X = np.zeros((4, 3))
    with pytest.raises(ShapeError, match="points in the plane"):
        animate_training(run, tmp_path / "run.gif")
    assert not [*tmp_path.iterdir()]


def test_backprop_of_a_long_graph_is_refused(tmp_path):
    x = Value(1.0)
    y = sum((x for _ in range(MOST_STEPS)), Value(0.0))
    with pytest.raises(ArgumentError, match=f"shows up to {MOST_STEPS} steps, but this graph has"):
        animate_backprop(y, tmp_path / "x.gif")


@pytest.mark.parametrize("name", ["x.png", "x", "gif"])
def test_other_suffixes_are_refused(tmp_path, name):
    with pytest.raises(ArgumentError, match=r"as \.gif, \.mp4 or \.html, but was given the path"):
        animate_backprop(expression(), tmp_path / name)
    assert not [*tmp_path.iterdir()]


@pytest.mark.parametrize("fps", [0, -1, 51, float("nan")])
def test_other_speeds_are_refused(tmp_path, fps):
    with pytest.raises(ArgumentError, match="above 0 and up to 50"):
        animate_backprop(expression(), tmp_path / "x.gif", fps=fps)


def test_a_missing_folder_is_named(tmp_path):
    with pytest.raises(FileError, match="there is no folder"):
        animate_backprop(expression(), tmp_path / "none" / "x.gif")


def test_ffmpeg_gets_every_picture(tmp_path, monkeypatch):
    """On a machine without ffmpeg too: a placeholder notes what it was given."""
    given = {}

    def ffmpeg(command, input, **_):  # noqa: A002 subprocess.run's name
        given.update(size=command[command.index("-s") + 1], bytes=len(input))
        film.Path(command[-1]).write_bytes(b"film")
        return subprocess.CompletedProcess(command, 0, b"", b"")

    monkeypatch.setattr(film.shutil, "which", lambda _: "/usr/bin/ffmpeg")
    monkeypatch.setattr(film.subprocess, "run", ffmpeg)
    root = expression()
    animate_backprop(root, tmp_path / "x.mp4")
    width, height = map(int, given["size"].split("x"))
    assert given["bytes"] == width * height * 3 * len(trace(root).steps)
    assert (tmp_path / "x.mp4").read_bytes() == b"film"


@pytest.mark.skipif(film.ffmpeg() is None, reason="ffmpeg is not installed")
def test_ffmpeg_writes_a_film(tmp_path):
    animate_backprop(expression(), tmp_path / "x.mp4")
    assert (tmp_path / "x.mp4").read_bytes()[4:8] == b"ftyp"


def test_when_ffmpeg_fails_nothing_is_left(tmp_path, monkeypatch):
    monkeypatch.setattr(film.shutil, "which", lambda _: "/usr/bin/ffmpeg")
    failed = subprocess.CompletedProcess([], 1, b"", b"no such encoder")
    monkeypatch.setattr(film.subprocess, "run", lambda *_, **__: failed)
    with pytest.raises(FileError, match="could not write the animation: no such encoder"):
        animate_backprop(expression(), tmp_path / "x.mp4")
    assert not [*tmp_path.iterdir()]


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_a_film_has_a_dark_form(tmp_path, theme):
    made = [
        animate_backprop(expression(), tmp_path / "x.html", theme=theme),
        animate_training(Run(epochs=2), tmp_path / "run.html", theme=theme),
    ]
    for film_of in made:
        assert page_data(film_of.path)["theme"] == theme
        pixels = np.asarray(film_of.frames[-1].picture.convert("L"))
        assert (np.median(pixels[:20]) > 200) == (theme == "light")


def test_another_theme_is_refused(tmp_path):
    with pytest.raises(ArgumentError, match="theme is one of 'light', 'dark', not 'blue'"):
        animate_training(Run(epochs=1), tmp_path / "run.gif", theme="blue")
    assert not [*tmp_path.iterdir()]


def test_a_film_has_more_pixels_than_it_is_wide(tmp_path):
    made = animate_backprop(expression(), tmp_path / "x.gif")
    assert f'<img width="{made.frames[0].picture.width // film.DENSITY}"' in made._repr_html_()
    assert page_data(animate_backprop(expression(), tmp_path / "x.html").path)["density"] == film.DENSITY == 2


def test_the_film_shows_the_net_of_a_run(tmp_path):
    X, y = np.array([[0.0, 0.0], [0.2, 1.0], [1.0, 0.0], [1.0, 1.0]]), np.array([0, 0, 1, 1])
    plain, run = Run(epochs=1), Run(epochs=1)
    run.model, run.X, run.y = nn.MLP(2, [3, 1], rng=0), X, y
    start = run.model.state_dict()
    run.snapshots = [(0, start), (1, {name: -array for name, array in start.items()})]
    without, made = (animate_training(one, tmp_path / "x.gif").frames for one in (plain, run))
    assert made[0].picture.width * 2 == without[0].picture.width * 3
    first, last = (np.asarray(frame.picture.convert("RGB"))[:, 960:1740] for frame in made)
    assert (first != last).any()
    for name, array in run.model.state_dict().items():
        np.testing.assert_array_equal(array, start[name])


@pytest.mark.parametrize("net", [nn.MLP(2, [3, 1], rng=0), nn.Sequential(nn.Linear(2, 3), nn.Tanh(), nn.Linear(3, 1))])
def test_the_wires_are_the_weights_of_the_net(net):
    tables = weights_of(net)
    assert [table.shape for table in tables] == [(2, 3), (3, 1)]
    assert weights_of(lambda x: x) == []
    panel = NetworkPanel(Figure().subplots(), tables, 2.0)
    flat = np.concatenate([table.reshape(-1) for table in tables])
    np.testing.assert_allclose(panel.wires.get_linewidths(), 2 * np.abs(flat))
    scalar = nn.scalar.MLP.from_tensor(nn.MLP(2, [3, 1], rng=0))
    for table, other in zip(weights_of(scalar), weights_of(nn.MLP(2, [3, 1], rng=0)), strict=True):
        np.testing.assert_array_equal(table, other)
