"""What a notebook shows of the results: as HTML, as a picture, as progress."""

import importlib.util
import io
import shutil
import sys
from html.parser import HTMLParser
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

import viz
from tinygrad_edu import Tensor, Value, gradcheck, nn, optim, train
from tinygrad_edu.data import xor
from tinygrad_edu.support import progress
from viz.films import film


class Tags(HTMLParser):
    def __init__(self, html):
        super().__init__()
        self.open, self.seen, self.text = [], [], ""
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.seen.append((tag, dict(attrs)))
        if tag not in ("img", "br"):
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data


def shown(thing):
    tags = Tags(thing._repr_html_())
    assert not tags.open
    assert "script" not in {tag for tag, _ in tags.seen}
    return tags


def trained(**options):
    X, y = xor()
    net = nn.MLP(2, [4, 2], activation="tanh", rng=0)
    optimizer = optim.SGD(net.parameters(), lr=0.5)
    return train.fit(net, X, y, loss=nn.functional.cross_entropy, optimizer=optimizer, **options)


def test_a_history_is_a_table():
    tags = shown(trained(epochs=30, metrics="accuracy"))
    assert [attrs for tag, attrs in tags.seen].count({}) > 12
    assert "epoch" in tags.text
    assert "accuracy" in tags.text
    assert "…" in tags.text
    assert "finished 30 epochs" in tags.text


def test_a_trace_is_a_table_of_its_steps():
    a, b = Value(2.0, "<a>"), Value(3.0, "b")
    told = viz.trace(a * b + a)
    tags = shown(told)
    assert len([tag for tag, _ in tags.seen if tag == "tr"]) == len(told.steps) + 1
    assert "<a>" in tags.text  # as text, not as a tag
    long = Value(1.0)
    for _ in range(300):
        long = long + 1.0
    assert "more steps" in shown(viz.trace(long)).text


def test_a_doctor_and_a_finding_are_tables():
    X, y = xor()
    net = nn.MLP(2, [4, 2], rng=0)
    optimizer = optim.SGD(net.parameters(), lr=0.1)
    with train.doctor(net, optimizer) as doctor:
        for _ in range(5):  # zero_grad is missing
            nn.functional.cross_entropy(net(X), y).backward()
            optimizer.step()
    assert "missing zero_grad" in shown(doctor).text
    assert "evidence" in shown(doctor.findings[0]).text


def test_a_report_of_gradcheck_and_a_module_are_tables():
    assert "derivatives checked" in shown(gradcheck(lambda x: (x * x).sum(), Tensor([1.0, 2.0]))).text
    assert "Linear" in shown(nn.MLP(2, [3, 1])).text


def test_the_results_of_a_sweep_are_a_table():
    results = train.Results([train.SweptRun({"lr": 0.1, "name": "<b>"}, 0, {"loss": 1.0})])
    assert "<b>" in shown(results).text


@pytest.mark.parametrize("suffix", [".gif", ".html"])
def test_an_animation_shows_itself(suffix, tmp_path):
    a = Value(2.0, "a")
    made = viz.animate_backprop(a * a, tmp_path / f"film{suffix}")
    tags = shown(made)
    source = dict(tags.seen)["img"]["src"]
    assert source.startswith("data:image/gif;base64,")
    assert "Backprop of" in tags.text
    assert repr(made).startswith("<Film of")


def test_an_mp4_needs_no_ffmpeg_of_the_system(tmp_path, monkeypatch):
    pytest.importorskip("imageio_ffmpeg", reason="imageio-ffmpeg is not installed")
    monkeypatch.setattr(shutil, "which", lambda name: None)
    made = viz.animate_training(trained(epochs=3, callbacks=[train.Snapshots()]), tmp_path / "film.mp4")
    assert (tmp_path / "film.mp4").read_bytes()[4:8] == b"ftyp"
    assert dict(shown(made).seen)["video"]["src"].startswith("data:video/mp4;base64,")


def test_without_any_ffmpeg_it_is_said_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setattr(shutil, "which", lambda name: None)
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    assert film.ffmpeg() is None
    with pytest.raises(OSError, match=r"install it, by pip install .tinygrad_edu\[video\]"):
        viz.animate_backprop(Value(1.0) * 2, tmp_path / "film.mp4")


def test_figures_of_several_panels_show_themselves():
    figure = viz.plot_samples(np.zeros((2, 4, 4)), ["7", "1"], ["7", "2"])
    with Image.open(io.BytesIO(figure._repr_png_())) as picture:
        assert picture.format == "PNG"


@pytest.fixture
def notebook(monkeypatch):
    """A program that runs in the kernel of a notebook."""
    shell = SimpleNamespace(kernel=object())
    monkeypatch.setitem(sys.modules, "IPython", SimpleNamespace(get_ipython=lambda: shell))


def test_fit_shows_its_progress_in_a_notebook(notebook, monkeypatch):
    from tqdm import auto

    bars = []

    class Bar(auto.tqdm):
        def __init__(self, *args, **keywords):
            bars.append((self, keywords["disable"]))
            super().__init__(*args, file=io.StringIO(), **keywords)

    monkeypatch.setattr(auto, "tqdm", Bar)
    trained(epochs=3)
    assert [(bar.n, disabled) for bar, disabled in bars] == [(3, False)]
    trained(epochs=3, progress=False)
    assert len(bars) == 1


def test_elsewhere_there_is_no_notebook():
    assert not progress.in_notebook()
