"""What a newcomer gets wrong in a call of `sweep` is said in one sentence before any run starts."""

import functools

import numpy as np
import pytest

from tinygrad_edu.errors import ArgumentError, DTypeError
from tinygrad_edu.train import Results, SweptRun, sweep

pytest.importorskip("joblib", reason="joblib is not installed")


def without_rng(lr):
    return {"loss": lr}


def of_another_name(rate, rng):
    return {"loss": rate}


def takes_nothing():
    return {}


def with_defaults(lr, rng, epochs=3):
    return {"loss": lr}


def of_any_name(**settings):
    return {"loss": settings["lr"]}


def gives_nothing(lr, rng):
    pass


def fails(lr, rng):
    if lr > 0.5:
        raise ZeroDivisionError("the rate is one")
    return {"loss": lr}


@pytest.mark.parametrize("run", [without_rng, of_another_name, takes_nothing])
def test_a_run_that_cannot_take_the_grid_and_rng_is_refused(run, tmp_path):
    with pytest.raises(ArgumentError, match=r"def run\(lr, rng\): …, but its signature is \(.*\)$"):
        sweep(run, {"lr": [0.1, 1.0]}, folder=tmp_path / "runs")
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize("grid", [[{"lr": 0.1, "hidden": 8}], {"lr": [0.1], "hidden": [8]}])
def test_the_sentence_has_all_names_of_the_grid(grid):
    with pytest.raises(ArgumentError, match=r"def run\(lr, hidden, rng\): …"):
        sweep(fails, grid)


@pytest.mark.parametrize(
    "run", [with_defaults, of_any_name, functools.partial(with_defaults, epochs=5), np.random.default_rng]
)
def test_other_ways_to_take_the_names_are_fine(run):
    if run is np.random.default_rng:
        with pytest.raises(ArgumentError, match=r"def run\(lr, rng\)"):
            sweep(run, {"lr": [0.1]})
    else:
        assert sweep(run, {"lr": [0.1]}, seeds=1, jobs=1).best("loss") == {"lr": 0.1}


@pytest.mark.parametrize("run", [{"lr": [0.1]}, [0.1], None])
def test_the_run_comes_before_the_grid(run):
    with pytest.raises(DTypeError, match=r'the function and then the grid, as in train\.sweep\(run, {"lr": \[0\.1'):
        sweep(run, fails)


@pytest.mark.parametrize("grid", [[0.1, 1.0], np.array([0.1, 1.0]), 0.1, None, "lr", fails, [("lr", 0.1)]])
def test_a_grid_without_names_is_refused(grid):
    with pytest.raises(DTypeError, match=r'names the arguments of run, as in {"lr": \[0\.1, 1\.0\]}, but was given'):
        sweep(fails, grid)


def test_a_run_that_returns_nothing_says_so():
    (run,) = sweep(gives_nothing, {"lr": [0.1]}, seeds=1, jobs=1)
    assert run.failure.rstrip().endswith(
        "a run returns a History, or a dict of numbers by name such as {'loss': 0.1}, but this one returned None"
    )


def test_the_results_show_why_the_first_run_failed():
    results = sweep(fails, {"lr": [0.1, 1.0]}, seeds=2, jobs=1)
    assert repr(results) == (
        "<Results of 2 settings, 4 runs, 2 failed (the first with ZeroDivisionError: the rate is one): loss>"
    )
    assert repr(Results([SweptRun({"lr": 0.1}, 0, {}, "Traceback\nE: no\n")])) == (
        "<Results of 1 settings, 1 runs, 1 failed (the first with E: no)>"
    )
