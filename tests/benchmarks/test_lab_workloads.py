"""The workloads of the labs and the views, on little data: what they measure, and which bars they hold it to."""

from functools import partial

import pytest

from demos import _gpt_runs, mnist, rosenbrock
from tinygrad_edu import data

from . import epochs, lab_workloads
from .timing import Effort

LOOK = Effort(seconds=0, rounds=2, homework=1)


@pytest.mark.parametrize(("optimizer", "limit"), [("SGD", 0.45), ("Adam", 0.7)])
def test_an_epoch_is_held_to_pytorch_and_to_a_loop_by_hand(optimizer, limit, monkeypatch):
    pytest.importorskip("torch", exc_type=ModuleNotFoundError)
    monkeypatch.setattr(epochs, "homework", partial(epochs.homework, pictures=50))
    (row,) = lab_workloads.epoch(optimizer, limit, LOOK)
    assert row.label == optimizer
    assert len(row.cells) == 5
    assert [bar.limit for bar in row.bars] == [limit, 1.05, 1.05]
    assert {len(bar.samples) for bar in row.bars} == {2}


def test_a_run_under_the_doctor_is_held_to_the_run_alone(monkeypatch):
    monkeypatch.setattr(lab_workloads, "WATCHED_STEPS", 20)
    (row,) = lab_workloads.watched(LOOK)
    assert row.label == "784-128-10, Adam, batch 64, 20 steps"
    (bar,) = row.bars
    assert (bar.limit, len(bar.samples)) == (1.05, 2)


def test_rosenbrock_is_held_to_seconds(monkeypatch):
    monkeypatch.setattr(rosenbrock, "STEPS", 50)
    (row,) = lab_workloads.walks(LOOK)
    assert row.label == "Rosenbrock, 150 steps"
    (bar,) = row.bars
    assert (bar.limit, bar.unit, len(bar.samples)) == (10, "s", 2)


@pytest.mark.parametrize(("given", "limits"), [(1, []), (30, [180])])
def test_the_homework_is_held_to_its_bar_in_full_alone(given, limits, monkeypatch):
    asked = []
    monkeypatch.setattr(mnist, "train_all", lambda *, epochs: asked.append(epochs))
    (row,) = lab_workloads.homework(Effort(seconds=0, rounds=1, homework=given))
    assert asked == [given]
    assert row.label == f"MNIST, 13 runs of {given} epochs side by side"
    assert [bar.limit for bar in row.bars] == limits


def test_without_the_digits_the_homework_is_not_measured(monkeypatch, tmp_path):
    monkeypatch.setenv("TINYGRAD_EDU_DATA", str(tmp_path))
    monkeypatch.setattr(mnist, "train_all", lambda *, epochs: data.mnist(tmp_path))
    (row,) = lab_workloads.homework(LOOK)
    assert [*row.cells.values()] == ["not measured: no MNIST here"]
    assert not row.bars


def test_every_way_of_the_gpt_is_held_to_the_plain_class(monkeypatch):
    asked = []
    monkeypatch.setattr(_gpt_runs, "shuffled", lambda: None)
    monkeypatch.setattr(_gpt_runs, "fresh_seconds_a_step", lambda way, *, steps: asked.append(way) or 1.0)
    (row,) = lab_workloads.gpt(LOOK)
    assert asked == [*_gpt_runs.WAYS] * 2
    assert [*row.cells] == ["plain class", "Value", "dot", "Tensor", "compiled"]
    assert [(bar.limit, bar.measured) for bar in row.bars] == [(limit, 1.0) for limit in (0.4, 0.12, 1 / 150, 1 / 800)]


def test_without_the_names_the_gpt_is_not_measured(monkeypatch, tmp_path):
    monkeypatch.setenv("TINYGRAD_EDU_DATA", str(tmp_path))
    (row,) = lab_workloads.gpt(LOOK)
    assert [*row.cells.values()] == ["not measured: no names here"]
    assert not row.bars


def test_a_trace_is_held_to_the_backward_pass_of_the_same_graph(monkeypatch):
    pytest.importorskip("micrograd")
    monkeypatch.setattr(lab_workloads, "TRACED", 2)
    (row,) = lab_workloads.views(LOOK)
    assert [*row.cells] == ["backward pass", "viz.trace"]
    assert [bar.limit for bar in row.bars] == [3]
