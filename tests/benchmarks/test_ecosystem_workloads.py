"""The workloads with other libraries, with little work: what they measure, and their bars."""

import pytest

from . import ecosystem_workloads
from .timing import Effort

LOOK = Effort(seconds=0, rounds=2, homework=1)


def test_the_digits_are_held_to_scikit_learn(monkeypatch):
    pytest.importorskip("sklearn", reason="scikit-learn is not installed")
    monkeypatch.setattr(ecosystem_workloads, "EPOCHS", 1)
    (row,) = ecosystem_workloads.digits(LOOK)
    assert [bar.limit for bar in row.bars] == [1, 1]
    assert all("accuracy" in cell for cell in row.cells.values())


def test_a_sweep_is_held_to_a_loop_with_joblib(monkeypatch):
    pytest.importorskip("joblib", reason="joblib is not installed")
    monkeypatch.setattr(ecosystem_workloads, "by_joblib", lambda: sum(range(1000)))
    monkeypatch.setattr(ecosystem_workloads, "by_sweep", lambda: sum(range(1000)))
    (row,) = ecosystem_workloads.sweeps(LOOK)
    assert [bar.limit for bar in row.bars] == [1.05]


def test_a_scanned_step_is_held_to_one_by_hand(monkeypatch):
    pytest.importorskip("jax", reason="JAX is not installed")
    monkeypatch.setattr(ecosystem_workloads, "STEPS", 10)
    (row,) = ecosystem_workloads.scanned(LOOK)
    assert [bar.limit for bar in row.bars] == [1.25]
