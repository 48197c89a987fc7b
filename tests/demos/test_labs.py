"""The labs: each from the command line on the real data, and what the new ones are made of."""

import ast
import importlib.util
import itertools
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pytest
from PIL import Image

from demos import __main__ as command_line
from demos import (
    _by_hand,
    _catalogue,
    _notebook,
    _three_ways,
    _xor_choices,
    cifar,
    deepnets,
    lecture,
    moons_armijo,
    rosenbrock,
)
from demos._comparison import Comparison
from demos._pictures import Folder
from tinygrad_edu import Value, gradcheck, optim
from tinygrad_edu.errors import ArgumentError

ROOT = Path(__file__).resolve().parents[2]
REAL = Path(os.environ.get("TINYGRAD_EDU_DATA", ROOT.parent / "shared" / "data"))
real_mnist = pytest.mark.skipif(not (REAL / "mnist").is_dir(), reason="needs the MNIST files")
real_names = pytest.mark.skipif(not (REAL / "names").is_dir(), reason="needs the list of names")
real_cars_and_cats = pytest.mark.skipif(not (REAL / "cifar10-car-cat").is_dir(), reason="needs the CIFAR-10 files")
LECTURE = [
    *("a_walk_downhill", "the_learning_rate", "activations_and_their_derivatives", "losses_and_what_logits_are"),
    *("backprop_on_the_chain_a_z_y_j", "the_range_of_learning_rates", "early_stopping", "schedules", "l1_against_l2"),
    *("weight_decay_is_not_l2_under_adam", "dropout", "max_norm", "when_to_stop"),
    "fifty_epochs_and_a_fault_in_the_lecture_s_code",
]
PICTURES = {
    "xor": {"xor_loss.png", "xor_boundary.png", "xor_graph.svg", "xor_choices.png"},
    "moons-armijo": {
        *("moons_armijo_loss.png", "moons_armijo_steps.png", "moons_armijo_boundaries.png"),
        "moons_armijo.gif",
    },
    "lecture": {f"lecture_{what}.png" for what in LECTURE},
    "cifar": {f"cifar_{what}.png" for what in ("accuracy", "curves", "agreement", "confusion", "samples")},
    "rosenbrock": {f"rosenbrock_{what}.png" for what in ("paths", "error", "rounding")},
    "mnist": {f"mnist_{what}.png" for what in ("sgd", "adam", "larger", "confusion", "samples")},
    "deepnets": {f"deepnets_{what}.png" for what in ("norms", "ratios", "tapered")},
    "cnn": {f"cnn_{what}.png" for what in ("accuracy", "filters", "maps", "patches", "confusion", "wrong")},
    "gpt": {*(f"gpt_{what}.png" for what in ("loss", "attention", "letters", "names", "head")), "gpt_head.html"},
    "sequences": {f"sequences_{what}.png" for what in ("adding", "copying", "gradient", "letters")},
    "names": {
        *(f"names_{what}.png" for what in ("bigrams", "bigram_net", "activations", "gradients", "ratios")),
        *("names_losses.png", "names_letters.png"),
    },
}
DATA = {
    "gpt": real_names,
    "names": real_names,
    "cifar": real_cars_and_cats,
    "mnist": real_mnist,
    "deepnets": real_mnist,
    "cnn": real_mnist,
}


@pytest.mark.parametrize("name", [pytest.param(name, marks=DATA.get(name, ())) for name in PICTURES])
def test_from_the_shell_every_lab_does_its_quick_run_without_a_display(name, tmp_path):
    hidden = ("DISPLAY", "WAYLAND_DISPLAY", "MPLBACKEND")
    environment = {key: value for key, value in os.environ.items() if key not in hidden}
    command = [sys.executable, "-W", "error", "-m", "demos", name, "--quick", "--out", str(tmp_path / "out")]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert "differs" not in done.stdout
    assert {path.name for path in (tmp_path / "out").iterdir()} == PICTURES[name]
    for path in (tmp_path / "out").glob("*.png"):
        with Image.open(path) as picture:
            assert len(picture.convert("RGB").getcolors(1 << 24)) > 5  # not an empty sheet


# --- xor ---


def test_a_linear_model_never_gets_below_the_loss_of_a_coin():
    found = _xor_choices.learn(_xor_choices.LINEAR, epochs=3000, seed=42)
    assert found.losses.min() >= np.log(2) - 1e-12
    assert found.losses[-1] == pytest.approx(np.log(2), abs=1e-9)
    assert found.accuracy < 1


def test_equal_initial_weights_stay_equal():
    net = _xor_choices.learn(_xor_choices.Choice(init="zero"), epochs=200, seed=42).net
    for layer in net.layers:
        np.testing.assert_array_equal(layer.weight.data, 0)


def test_the_learning_rate_is_too_low_good_or_too_high():
    low, good, high = (
        _xor_choices.learn(_xor_choices.Choice(rate=rate), epochs=1000, seed=42) for rate in (0.001, 0.1, 5)
    )
    assert good.losses[-1] < 0.002 < low.losses[-1] < low.losses[0]
    assert high.losses[-1] > high.losses[0]


# --- cifar ---


def small_problem(dtype=np.float64):
    rng = np.random.default_rng(3)
    parameters = [rng.standard_normal(shape).astype(dtype) for shape in ((5, 4), (4,), (4, 3), (3,), (3, 2), (2,))]
    return parameters, rng.standard_normal((20, 5)).astype(dtype), rng.integers(0, 2, 20)


def test_the_gradients_by_hand_are_those_of_central_differences():
    parameters, X, y = small_problem()
    net = _by_hand.Net(parameters, 0.1, 0.0, 0.0)
    assert _by_hand.gradient_error(net, X, y, entries=20, step=1e-5, rng=np.random.default_rng(0)) < 1e-8


@pytest.mark.parametrize("k", range(6))
def test_one_wrong_gradient_is_found(k, monkeypatch):
    parameters, X, y = small_problem()
    net = _by_hand.Net(parameters, 0.1, 0.0, 0.0)
    loss, gradients = net.gradients(X, y)
    gradients[k] = gradients[k] * 1.001
    monkeypatch.setattr(net, "gradients", lambda X, y: (loss, gradients))
    assert _by_hand.gradient_error(net, X, y, entries=20, step=1e-5, rng=np.random.default_rng(0)) > cifar.RIGHT


def test_the_gradient_check_leaves_the_parameters_as_they_were():
    parameters, X, y = small_problem()
    net = _by_hand.Net(parameters, 0.1, 0.0, 0.0)
    _by_hand.gradient_error(net, X, y, entries=20, step=1e-5, rng=np.random.default_rng(0))
    for before, after in zip(parameters, net.parameters, strict=True):
        np.testing.assert_array_equal(before, after)


def trained(make, setting, dtype):
    parameters, X, y = small_problem(dtype)
    net = make(parameters, **setting._asdict())
    losses = [net.step(X, y) for _ in range(30)]
    return losses, net


def held_to_each_other(make, setting):
    losses, net = trained(make, setting, np.float64)
    by_hand, reference = trained(_by_hand.Net, setting, np.float64)
    np.testing.assert_allclose(losses, by_hand, rtol=1e-12)
    assert cifar.difference(net.parameters, reference.parameters) < 1e-12
    _, X, _ = small_problem()
    np.testing.assert_allclose(net.scores(X), reference.scores(X), rtol=1e-10, atol=1e-12)
    assert {p.dtype for p in trained(make, setting, np.float32)[1].parameters} == {np.dtype(np.float32)}


@pytest.mark.parametrize("setting", cifar.PUBLISHED, ids=str)
def test_engine_and_hand_make_the_same_steps(setting):
    held_to_each_other(_three_ways.Engine, setting)


@pytest.mark.parametrize("setting", cifar.PUBLISHED, ids=str)
def test_pytorch_and_hand_make_the_same_steps(setting, torch):
    held_to_each_other(_three_ways.PyTorch, setting)


@real_cars_and_cats
def test_without_pytorch_the_other_two_train(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    assert [*_three_ways.ways()] == ["by hand", "tinygrad_edu"]
    result = cifar.train(cifar.Setting(0.01), epochs=1, quick=True)
    assert [*result.accuracies] == ["by hand", "tinygrad_edu"]
    assert result.differences["tinygrad_edu"][0] < cifar.SAME


@real_cars_and_cats
def test_the_pictures_are_normalised_by_the_training_pictures_alone():
    photos = cifar.pictures(quick=True)
    assert photos.X.shape == (800, 768)
    assert photos.X_val.shape == (200, 768)
    np.testing.assert_allclose(photos.X.mean(axis=0), 0, atol=1e-12)
    np.testing.assert_allclose(photos.X.std(axis=0), 1)
    assert abs(photos.X_val.mean()) > 1e-6
    assert photos.test.shape == (1000, 16, 16, 3)
    assert 0 <= photos.test.min() < photos.test.max() <= 1


# --- lecture ---


def test_the_lecture_is_a_script_of_cells_under_headings():
    found = [*_notebook.cells(lecture.NOTEBOOK)]
    assert all(line.startswith("#") or not line for cell in found if cell.is_text for line in cell.text.splitlines())
    assert len([cell for cell in found if cell.heading]) == len(LECTURE) + 4  # four sections draw nothing
    assert sum("parameters" in cell.about for cell in found) == 1
    for before, after in itertools.pairwise(found):
        assert not (before.is_text and after.is_text), f"nothing is done under {before.text!r}"


def test_the_lecture_uses_public_names_alone():
    tree = ast.parse(lecture.NOTEBOOK.read_text(encoding="utf-8"))
    imported = [node for node in ast.walk(tree) if isinstance(node, ast.Import | ast.ImportFrom)]
    modules = {alias.name for node in imported if isinstance(node, ast.Import) for alias in node.names}
    modules |= {node.module for node in imported if isinstance(node, ast.ImportFrom)}
    assert modules == {"matplotlib.pyplot", "numpy", "viz", "tinygrad_edu"}
    attributes = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    assert not {name for name in attributes if name.startswith("_")} - {"__init__"}


def test_the_lecture_is_a_plain_script_too(monkeypatch, capsys):
    """Run as Python runs any script, it prints what `python -m demos lecture` prints under the headings."""
    source = lecture.NOTEBOOK.read_text(encoding="utf-8").replace("quick = False", "quick = True")
    names = {"__name__": "__main__"}
    exec(compile(source, "lecture", "exec"), names)  # noqa: S102
    plt.close("all")
    assert lecture.compare(names["figures"]).agrees
    assert "W[0, 0]: backprop gives" in capsys.readouterr().out


NOTEBOOK = """# %% [markdown]
# # Title

# %% tags=["parameters"]
seed = 0

# %% [markdown]
# ## A line, and a bar

# %%
import matplotlib.pyplot as plt
plt.figure(); plt.plot([1, 2, seed]);
f, ax = plt.subplots(); ax.bar([1], [2]);

# %%
seen = seed + 1
seen

# %%
1 / 0
"""


def test_a_notebook_runs_cell_by_cell_and_an_error_names_its_line(tmp_path, capsys):
    (tmp_path / "talk.py").write_text(NOTEBOOK.partition("\n# %%\n1 / 0")[0])
    (tmp_path / "wrong.py").write_text(NOTEBOOK)
    names = _notebook.run(tmp_path / "talk.py", Folder(tmp_path / "out"), seed=7)
    assert (names["seed"], names["seen"]) == (7, 8)
    assert capsys.readouterr().out.startswith("\n1. A line, and a bar\n====================\n")
    assert {path.name for path in (tmp_path / "out").iterdir()} == {
        "talk_a_line_and_a_bar.png",
        "talk_a_line_and_a_bar_2.png",
    }
    with pytest.raises(ZeroDivisionError) as raised:
        _notebook.run(tmp_path / "wrong.py", Folder(tmp_path / "out"))
    assert raised.traceback[-1].lineno + 1 == 1 + NOTEBOOK.splitlines().index("1 / 0")
    assert not plt.get_fignums()


# --- from a REPL ---


def test_a_way_to_learn_the_moons_that_there_is_not_is_refused():
    with pytest.raises(ArgumentError, match="in the ways 'fixed' and 'armijo', not 'armijjo'"):
        moons_armijo.train("armijjo", epochs=1)


@real_cars_and_cats
def test_a_setting_may_be_written_as_three_numbers():
    plain, named = (cifar.train(setting, epochs=1, quick=True) for setting in ((0.01, 0.0, 0.0), cifar.Setting(0.01)))
    assert plain.losses == named.losses


# --- Ctrl-C ---


def test_ctrl_c_ends_a_comparison_of_two_runs(tmp_path, monkeypatch, capsys):
    def interrupted(self):
        raise KeyboardInterrupt

    monkeypatch.setattr(optim.SGD, "step", interrupted)
    assert command_line.main(["moons-armijo", "--quick", "--out", str(tmp_path)]) == command_line.STOPPED
    said = capsys.readouterr()
    assert "fixed rate 0.1: interrupted in epoch 1" in said.out
    assert said.err == "\ndemos: stopped\n"
    assert not [*tmp_path.iterdir()]


@real_mnist
def test_ctrl_c_in_the_tapered_net_keeps_what_was_measured(tmp_path, monkeypatch, capsys):
    def interrupted(self):
        raise KeyboardInterrupt

    monkeypatch.setattr(optim.Adam, "step", interrupted)
    assert deepnets.run(quick=True, out=tmp_path).agrees
    assert "784-512-256-128-64-10: interrupted in epoch 1" in capsys.readouterr().out
    assert {path.name for path in tmp_path.iterdir()} == {"deepnets_norms.png", "deepnets_ratios.png"}


ENDLESS = r"""
import os
import threading
from tinygrad_edu.train import sweep

def endless(setting, rng):
    os.write(1, f"{setting}\n".encode())  # whole lines, whoever writes at the same time
    threading.Event().wait()

if __name__ == "__main__":
    sweep(endless, {"setting": range(9)}, seeds=1)
"""


@pytest.mark.skipif(os.name != "posix", reason="sends a signal to a group of processes")
def test_ctrl_c_ends_runs_side_by_side_at_once(tmp_path):
    (tmp_path / "endless.py").write_text(ENDLESS)
    run = subprocess.Popen(
        [sys.executable, tmp_path / "endless.py"],
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,  # as a shell does: a group of its own
    )
    assert run.stdout.readline().strip().isdecimal()
    os.killpg(run.pid, signal.SIGINT)
    out, error = run.communicate(timeout=120)  # which is when nobody holds the other end of the pipes any more
    assert run.returncode == -signal.SIGINT
    assert error.count("Traceback") == 1  # the parent's
    assert "8\n" not in out


# --- the seeds ---


@pytest.mark.parametrize("name", PICTURES)
def test_every_lab_has_the_same_four_options(name, capsys):
    with pytest.raises(SystemExit):
        command_line.main([name, "--help"])
    said = capsys.readouterr().out
    assert all(option in said for option in ("--help", "--quick", "--seed", "--out"))


def test_rosenbrock_walks_from_the_homeworks_start_or_from_one_drawn():
    assert rosenbrock.start_point(0) == rosenbrock.START
    drawn = {rosenbrock.start_point(seed) for seed in range(1, 6)}
    assert len(drawn) == 5
    assert all(abs(number) <= rosenbrock.REACH for point in drawn for number in point)
    assert rosenbrock.start_point(3) == rosenbrock.start_point(3)


def test_from_another_start_nothing_published_is_compared(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(rosenbrock, "STEPS", 100)
    assert not rosenbrock.run(seed=3, out=tmp_path).rows
    assert "The published figures are for the start (-4.0, -2.0)." in capsys.readouterr().out
    assert len(rosenbrock.run(out=tmp_path).rows) == 20


@pytest.mark.parametrize(("name", "exact", "close"), [("moons-armijo", 4, 0), ("rosenbrock", 8, 2)])
def test_what_takes_seconds_is_reproduced_in_the_quick_run_too(name, exact, close, tmp_path):
    table = _catalogue.load(name).run(quick=True, out=tmp_path)
    assert [row.within for row in table.rows] == [None] * exact + [1e-3] * close
    assert table.agrees


def test_the_gradient_of_rosenbrock_by_hand_is_that_of_the_engine():
    for x, y in ((-4.0, -2.0), (0.3, 1.7), (1.0, 1.0)):
        a, b, c, d = Value(x), Value(y), Value(x), Value(y)
        rosenbrock.by_hand(a, b).backward()
        rosenbrock.rosenbrock(c, d).backward()
        assert (a.grad, b.grad) == pytest.approx((c.grad, d.grad), rel=1e-12)
    assert gradcheck(rosenbrock.by_hand, Value(0.3), Value(1.7)).checked == 2


# --- docs/labs.md ---


@pytest.fixture
def writer(tmp_path, monkeypatch):
    """The program docs/labs.py, which writes into a temporary folder, of labs that take no time."""
    spec = importlib.util.spec_from_file_location("labs", ROOT / "docs" / "labs.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setattr(module, "PAGE", tmp_path / "labs.md")
    monkeypatch.setattr(module, "IMAGES", tmp_path / "images")
    monkeypatch.setattr(_catalogue, "load", _Lab)
    return module


class _Lab:
    """A lab that measures 1 where its name is published as having one letter x."""

    def __init__(self, name):
        self.name = name

    def run(self, *, out):
        table = Comparison("letter")
        table.add("x", "1", self.name.count("x"))
        Image.new("RGB", (4, 4)).save(out / Path(f"{self.name.replace('-', '_')}_loss.png"))
        return table


def test_the_page_of_the_labs_has_the_tables_and_the_pictures(writer, tmp_path):
    assert writer.main([]) == 1  # only xor has an x
    page = (tmp_path / "labs.md").read_text()
    assert re.findall("^## (.*)$", page, re.MULTILINE) == [*writer.LABS]
    assert "| x | 1 | 1 | to the last digit |" in page
    assert "| x | 1 | 0 | differs |" in page
    assert "![moons armijo loss](images/moons_armijo_loss.png)" in page


@pytest.mark.parametrize("names", [["--help"], ["xor", "moon"]])
def test_what_is_no_lab_is_answered_with_the_labs_there_are(names, writer, tmp_path, capsys):
    assert writer.main(names) == 2
    assert "[xor] [moons-armijo] [lecture]" in capsys.readouterr().err
    assert not [*tmp_path.iterdir()]


def test_one_lab_can_be_written_anew(writer, tmp_path):
    writer.main(["xor", "mnist"])
    before = (tmp_path / "labs.md").read_text()
    (tmp_path / "images" / "xor_old.png").touch()
    assert writer.main(["xor"]) == 0
    assert (tmp_path / "labs.md").read_text() == before
    assert {path.name for path in (tmp_path / "images").iterdir()} == {"xor_loss.png", "mnist_loss.png"}


def test_the_page_shows_every_lab_and_every_figure_agrees():
    page = (ROOT / "docs" / "labs.md").read_text(encoding="utf-8")
    assert re.findall("^## (.*)$", page, re.MULTILINE) == [*PICTURES]
    assert "differs" not in page
    shown = {ROOT / "docs" / path for path in re.findall(r"\]\((images/labs/.*?)\)", page)}
    assert shown == {*(ROOT / "docs" / "images" / "labs").iterdir()}
    assert {path.name for path in shown} == {name for names in PICTURES.values() for name in names if "png" in name}
