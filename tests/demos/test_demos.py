import itertools
import math
import os
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from demos import __main__ as command_line
from demos import _catalogue, _options, backprop, moons, operation, playground, tour, xor
from demos._comparison import Comparison
from demos._pictures import Folder
from demos._training import stoppable
from tinygrad_edu import nn, optim
from tinygrad_edu.errors import FileError
from tinygrad_edu.train import History

ROOT = Path(__file__).resolve().parents[2]
NAMES = [*_catalogue.summaries()]
WITHOUT_PICTURES = {"engine"}


def pictures(folder):
    """The files of a folder, each of which is what its suffix says."""
    for path in folder.iterdir():
        if path.suffix in (".png", ".gif"):
            with Image.open(path) as picture:
                picture.load()
        else:
            assert path.read_text(encoding="utf-8").lstrip().lower().startswith(("<svg", "<!doctype html"))
    return {path.name for path in folder.iterdir()}


# --- the command line ---


def test_every_demo_is_listed_with_what_it_is(capsys):
    assert {"backprop", "moons", "operation", "tour", "xor"} <= {*NAMES}
    assert command_line.main(["--help"]) == 0
    listed = capsys.readouterr().out
    for name, summary in _catalogue.summaries().items():
        assert summary.endswith(".")
        assert f"  {name} " in listed
        assert summary in listed


@pytest.mark.parametrize("name", NAMES)
def test_every_demo_has_help_and_says_where_pictures_go(name, capsys):
    with pytest.raises(SystemExit) as left:
        command_line.main([name, "--help"])
    assert left.value.code == 0
    said = capsys.readouterr().out
    assert f"python -m demos {name}" in said
    assert ("--out" in said) == (name not in WITHOUT_PICTURES)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("xro", "there is no demo called 'xro': did you mean xor?"),
        ("mooons", "did you mean moons?"),
        ("qqq", "choose one of backprop, "),
        ("_options", "there is no demo called '-options'"),
    ],
)
def test_an_unknown_demo_is_answered_in_a_sentence(given, said, capsys):
    assert command_line.main([given]) == 2
    error = capsys.readouterr().err
    assert said in error
    assert len(error.splitlines()) == 1


def test_without_a_name_it_is_the_tour(monkeypatch):
    seen = []

    def run(*, quick: _options.Quick = False):
        seen.append(quick)

    monkeypatch.setattr(tour, "run", run)
    assert command_line.main([]) == command_line.main(["--quick"]) == 0
    assert seen == [False, True]


def test_options_come_from_the_parameters_of_run(capsys):
    def run(*, scalar: _options.Scalar = False, seed: _options.Seed = 7, out: _options.Out = "out"):
        raise AssertionError

    parser = _options.parser(run, "name", "what it is")
    assert vars(parser.parse_args([])) == {"scalar": False, "seed": 7, "out": "out"}
    given = ["--scalar", "--seed", "3", "--out", "x"]
    assert vars(parser.parse_args(given)) == {"scalar": True, "seed": 3, "out": "x"}
    for wrong in ("three", "-1", "1.5", "4294967296"):
        with pytest.raises(SystemExit):
            parser.parse_args([f"--seed={wrong}"])
        assert (
            f"argument --seed: expected a whole number from 0 to 4294967295, not '{wrong}'" in capsys.readouterr().err
        )


def test_a_figure_that_is_off_ends_in_failure(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(xor, "PUBLISHED", ("0.004158", *xor.PUBLISHED[1:]))
    assert command_line.main(["xor", "--quick", "--out", str(tmp_path)]) == 1
    assert "differs" in capsys.readouterr().out


def test_from_the_shell_a_demo_is_silent_but_for_what_it_says(tmp_path):
    command = [sys.executable, "-m", "demos", "xor", "--quick", "--out", str(tmp_path / "out")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stderr == ""
    assert "   0.004159  0.004159" in done.stdout
    for name in pictures(tmp_path / "out"):
        assert f"wrote {tmp_path / 'out' / name}" in done.stdout


def test_where_a_sign_cannot_be_written_ascii_stands_for_it(tmp_path):
    for command in (["demos", "backprop", "--out", str(tmp_path)], ["viz", "--text", "a*b", "a=2", "b=3"]):
        environment = os.environ | {"PYTHONIOENCODING": "ascii"}
        done = subprocess.run(
            [sys.executable, "-m", *command], cwd=ROOT, env=environment, capture_output=True, check=True
        )
        assert b"a * b" in done.stdout
        assert b"?" not in done.stdout
        assert done.stderr == b""


@pytest.mark.skipif(os.name != "posix", reason="closes the other end of a pipe")
def test_a_reader_that_has_seen_enough_ends_a_demo_without_a_word(tmp_path):
    command = [sys.executable, "-u", "-m", "demos", "backprop", "--out", str(tmp_path)]
    run = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    run.stdout.close()
    assert run.stderr.read() == b""
    run.stderr.close()
    assert run.wait() == command_line.CUT_SHORT


# --- the table published | measured ---


@pytest.mark.parametrize(
    ("published", "measured", "within", "agrees"),
    [
        ("0.004159", 0.00415949, None, True),
        ("0.004159", 0.0041596, None, False),
        ("3.2164e-05", 3.21642e-05, None, True),
        ("3.2164e-05", 3.2165e-05, None, False),
        ("1.0", 1.0, None, True),
        ("0.86", 0.88, 0.03, True),
        ("0.86", 0.90, 0.03, False),
        ("0.86", 0.1, math.inf, True),
        ("0.86", math.nan, 0.03, False),
        ("0.86", math.nan, None, False),
    ],
)
def test_a_figure_agrees_to_the_last_digit_or_within_a_tolerance(published, measured, within, agrees):
    table = Comparison()
    table.add("figure", published, measured, within)
    assert table.agrees is agrees
    assert ("differs" in str(table)) is not agrees


def test_a_table_is_aligned_and_sums_up():
    table = Comparison("run")
    table.add("plain descent", "3.216465854863436e-05", 3.216465854863436e-05)
    table.add("test", "0.917", 0.9, within=0.03)
    table.add("on other data", "0.48", 0.73, within=math.inf)
    assert str(table).splitlines() == [
        "run                        published               measured",
        "plain descent  3.216465854863436e-05  3.216465854863436e-05",
        "test                           0.917                  0.900  (within 0.03)",
        "on other data                   0.48                   0.73  (not judged)",
        "All 2 figures agree.",
    ]
    assert repr(table) == "<Comparison: All 2 figures agree.>"


@pytest.mark.parametrize(
    ("figures", "verdict"),
    [
        ([], "No figure is judged."),
        ([("0.5", math.inf)], "No figure is judged."),
        ([("0.5", None)], "The figure agrees to the last digit."),
        ([("0.5", 0.1)], "The figure agrees."),
        ([("0.4", None)], "The figure does not agree."),
        ([("0.5", None), ("0.5", math.inf)], "The figure agrees to the last digit."),
        ([("0.5", None), ("0.5", None)], "All 2 figures agree to the last digit."),
        ([("0.5", None), ("0.4", 0.01)], "1 of 2 figures agree."),
    ],
)
def test_the_verdict_is_a_sentence_of_one_figure_or_of_several(figures, verdict):
    table = Comparison("figure")
    for published, within in figures:
        table.add("figure", published, 0.5, within=within)
    assert str(table).splitlines()[-1] == verdict


def test_a_goal_is_reached_from_above():
    table = Comparison("figure")
    table.add("accuracy", "0.99", 0.9914, least=True)
    assert table.agrees
    assert str(table).splitlines()[1:] == ["accuracy       0.99    0.9914  (at least)", "The figure agrees."]
    table.add("accuracy", "0.99", 0.98996, least=True)
    assert not table.agrees


# --- the folder ---


def test_a_folder_that_cannot_be_is_found_out_before_the_training(tmp_path, monkeypatch, capsys):
    (tmp_path / "file").touch()
    monkeypatch.setattr(xor, "train", lambda **_: pytest.fail("trained first"))
    for taken in ("file", "file/below"):
        assert command_line.main(["xor", "--out", str(tmp_path / taken)]) == 2
        assert "name another folder, --out FOLDER" in capsys.readouterr().err


def test_a_folder_without_permission_is_an_error(tmp_path, monkeypatch):
    monkeypatch.setattr("os.access", lambda *_: False)
    with pytest.raises(FileError, match="not writable"):
        Folder(tmp_path)


# --- the demos ---


def test_xor_reproduces_the_ten_losses_of_the_lab(tmp_path, capsys):
    table = xor.run(out=tmp_path)
    assert len(table.rows) == 11
    assert table.agrees
    assert "All 11 figures agree to the last digit." in capsys.readouterr().out
    assert pictures(tmp_path) == {"xor_loss.png", "xor_boundary.png", "xor_graph.svg", "xor_choices.png"}


def test_xor_on_value_reproduces_them_too(tmp_path):
    table = xor.run(scalar=True, quick=True, out=tmp_path)
    assert [(row.published, row.shown) for row in table.rows] == [("0.004159", "0.004159")]
    assert pictures(tmp_path) == {"xor_loss.png", "xor_boundary.png", "xor_graph.svg"}


def test_xor_with_another_seed_compares_nothing(tmp_path, capsys):
    table = xor.run(quick=True, seed=1, out=tmp_path)
    assert not table.rows
    assert "loss 0." in capsys.readouterr().out


def test_moons_are_told_apart(tmp_path, capsys):
    model, history = moons.train(epochs=30)
    assert isinstance(model, nn.MLP)
    assert history["val_accuracy"][-1] > 0.97
    assert len(history["loss"]) == len(history["val_loss"]) == len(history["accuracy"]) == 30
    assert capsys.readouterr().err == ""  # no progress bar where there is no terminal


@pytest.mark.parametrize("scalar", [False, True])
def test_moons_write_their_pictures(scalar, tmp_path, monkeypatch):
    monkeypatch.setattr(moons, "QUICK_EPOCHS", 2)
    moons.run(scalar=scalar, quick=True, out=tmp_path)
    expected = {"moons_loss.png", "moons_boundary.png", "moons_graph.svg"}
    assert pictures(tmp_path) == expected if scalar else expected | {"moons.gif"}


def test_the_same_seed_gives_the_same_numbers():
    runs = [moons.train(epochs=2, seed=seed)[1] for seed in (3, 3, 4)]
    assert dict(runs[0]) == dict(runs[1]) != dict(runs[2])


@pytest.mark.parametrize(("demo", "optimizer"), [(xor, optim.SGD), (moons, optim.Adam)])
@pytest.mark.parametrize("scalar", [False, True])
def test_ctrl_c_returns_the_model_and_the_history_so_far(demo, optimizer, scalar, monkeypatch):
    steps = 0

    def interrupted(self):
        nonlocal steps
        steps += 1
        if steps == 31:
            raise KeyboardInterrupt

    monkeypatch.setattr(optimizer, "step", interrupted)
    model, history = demo.train(scalar=scalar, epochs=100)
    assert isinstance(model, nn.scalar.MLP if scalar else nn.MLP)
    assert 0 < history.epochs <= 30
    assert history.stopped == f"interrupted in epoch {history.epochs + 1}"


def test_ctrl_c_in_the_first_epoch_leaves_an_empty_history_and_no_pictures(tmp_path, monkeypatch, capsys):
    def interrupted(*_, **__):
        history = History()
        with stoppable(history):
            raise KeyboardInterrupt
        return None, history

    monkeypatch.setattr(moons, "train", interrupted)
    moons.run(out=tmp_path)
    assert "interrupted in epoch 1" in capsys.readouterr().out
    assert not pictures(tmp_path)


def test_ctrl_c_in_xor_leaves_out_its_other_runs(tmp_path, monkeypatch, capsys):
    steps = itertools.count()

    def interrupted(self):
        if next(steps) == 30:
            raise KeyboardInterrupt

    monkeypatch.setattr(optim.SGD, "step", interrupted)
    assert not xor.run(quick=True, out=tmp_path).rows
    assert "interrupted in epoch 31" in capsys.readouterr().out
    assert pictures(tmp_path) == {"xor_loss.png", "xor_boundary.png", "xor_graph.svg"}


def test_backprop_prints_each_product_and_writes_its_pictures(tmp_path, capsys):
    backprop.run(out=tmp_path)
    said = capsys.readouterr().out
    assert "0.7864 · (−3) ≈ −2.359" in said
    assert "∂L/∂a = −1.573, ∂L/∂b = 1.573, ∂L/∂c = 0.7864" in said
    assert pictures(tmp_path) == {"backprop.svg", "backprop.gif", "backprop.html"}


def test_operation_is_checked_and_its_wrong_twin_found(tmp_path, capsys):
    operation.run(out=tmp_path)
    said = capsys.readouterr().out
    assert "gradcheck passed: 9 derivatives" in said
    assert "gradcheck says: points[0]: backprop gives" in said
    assert pictures(tmp_path) == {"operation.svg"}


def test_the_tour_shows_all_and_compares_xor(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(moons, "QUICK_EPOCHS", 2)
    assert tour.run(quick=True, out=tmp_path).agrees
    said = capsys.readouterr().out
    for heading in ("1. Backprop", "2. XOR", "3. Moons", "seconds. The pictures are in"):
        assert heading in said
    assert {"backprop.html", "xor_boundary.png", "moons.gif"} <= pictures(tmp_path)


@pytest.mark.parametrize("at_a_terminal", [False, True])
def test_the_playground_is_one_page(tmp_path, capsys, monkeypatch, at_a_terminal):
    opened = []
    monkeypatch.setattr("webbrowser.open", opened.append)
    monkeypatch.setattr("sys.stdout.isatty", lambda: at_a_terminal)
    playground.run(out=tmp_path)
    assert opened == [(tmp_path / "playground.html").as_uri()] * at_a_terminal
    assert pictures(tmp_path) == {"playground.html"}
    assert (tmp_path / "playground.html").stat().st_size < 400_000
    assert "press Space" in capsys.readouterr().out
