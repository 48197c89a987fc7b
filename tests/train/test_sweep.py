"""Sweeps: in processes and on a Dask cluster, whole, resumed, with killed workers and with runs that fail."""

import functools
import os
import signal
import threading
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("joblib", reason="joblib is not installed")

from matplotlib.figure import Figure

import viz
from tinygrad_edu import nn, optim
from tinygrad_edu.data import xor
from tinygrad_edu.errors import ArgumentError, DTypeError
from tinygrad_edu.train import Results, SweptRun, fit, sweep
from tinygrad_edu.train.sweeps.results import FailedRunError
from tinygrad_edu.train.sweeps.settings import key_of, stable
from tinygrad_edu.train.sweeps.stored import decoded, encoded

GRID = {"lr": [0.05, 0.5], "hidden": [4, 8]}


def learn(lr, hidden, rng):
    """A History, as `fit` gives it."""
    X, y = xor()
    net = nn.MLP(2, [hidden, 2], activation="tanh", rng=rng)
    optimizer = optim.SGD(net.parameters(), lr=lr)
    return fit(net, X, y, loss=nn.functional.cross_entropy, optimizer=optimizer, epochs=20, metrics="accuracy", rng=rng)


def draw(n, rng):
    return {"mean": rng.normal(size=n).mean(), "numbers": rng.normal(size=(2, n)), "words": "drawn"}


def noted(n, folder, rng):
    """Leaves a mark for each call."""
    Path(folder, f"{n}-{os.getpid()}-{threading.get_ident()}.call").touch()
    return draw(n, rng)


def killed_once(n, folder, rng):
    """Kills its process at the first call with n = 3."""
    mark = Path(folder, "killed")
    if n == 3 and not mark.exists():
        mark.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    Path(folder, f"{n}.{os.getpid()}.{rng.integers(1 << 30)}").touch()
    return draw(n, np.random.default_rng(n))


def deadly(n, rng):
    if n == 2:
        os.kill(os.getpid(), signal.SIGKILL)
    return {"n": n}


def stumbling(n, rng):
    if n == 2:
        raise ZeroDivisionError("n is two")
    return {"n": n}


def files(folder):
    return {path.name: path.read_bytes() for path in folder.glob("*.safetensors")}


def test_the_results_are_those_of_a_loop():
    results = sweep(learn, GRID, seeds=[0, 7], jobs=2)
    assert len(results) == 8
    for run in results:
        history = learn(**run.setting, rng=np.random.default_rng(run.seed))
        assert run.outcome == history.to_dict() | {"stopped": history.stopped}
    assert [run.seed for run in results] == [0, 7] * 4
    assert [run.setting for run in results[::2]] == [
        *({"lr": 0.05, "hidden": hidden} for hidden in (4, 8)),
        *({"lr": 0.5, "hidden": hidden} for hidden in (4, 8)),
    ]


def test_a_restart_runs_only_what_is_missing(tmp_path):
    call = functools.partial(noted, folder=str(tmp_path))
    kept = tmp_path / "kept"
    first = sweep(call, {"n": [2, 3]}, seeds=2, folder=kept, jobs=1)
    assert len([*tmp_path.glob("*.call")]) == 2  # a mark for each n: the process is the same
    before = files(kept)
    assert len(before) == 4
    for mark in tmp_path.glob("*.call"):
        mark.unlink()
    second = sweep(call, {"n": [2, 3, 4]}, seeds=2, folder=kept, jobs=1)
    assert {mark.name.partition("-")[0] for mark in tmp_path.glob("*.call")} == {"4"}
    assert {name: content for name, content in files(kept).items() if name in before} == before
    for old, new in zip(first, second, strict=False):
        assert old.setting == new.setting
        np.testing.assert_array_equal(old.outcome["numbers"], new.outcome["numbers"])
        assert old.outcome["mean"] == new.outcome["mean"]


def test_a_damaged_file_is_a_missing_one(tmp_path):
    sweep(draw, {"n": [2]}, seeds=1, folder=tmp_path, jobs=1)
    ((name, content),) = files(tmp_path).items()
    (tmp_path / name).write_bytes(content[:-3])
    sweep(draw, {"n": [2]}, seeds=1, folder=tmp_path, jobs=1)
    assert files(tmp_path) == {name: content}


def test_a_killed_process_costs_only_its_run(tmp_path):
    results = sweep(functools.partial(killed_once, folder=str(tmp_path)), {"n": range(1, 9)}, seeds=1, jobs=2)
    assert not results.failures
    calls = [path.name.partition(".")[0] for path in tmp_path.iterdir() if path.name != "killed"]
    assert sorted(calls) == [str(n) for n in range(1, 9)]  # no other run was repeated
    assert [run.last("mean") for run in results] == [draw(n, np.random.default_rng(n))["mean"] for n in range(1, 9)]


def test_a_run_that_kills_its_process_each_time_has_failed():
    results = sweep(deadly, {"n": [1, 2, 3]}, seeds=1, jobs=1)
    assert [bool(run.failure) for run in results] == [False, True, False]
    assert "ended 3 times" in results[1].failure


def test_a_failure_is_recorded_and_repeated(tmp_path):
    results = sweep(stumbling, {"n": [1, 2, 3]}, seeds=1, folder=tmp_path, jobs=1)
    assert [run.last("n") for run in results][::2] == [1, 3]
    (failed,) = results.failures
    assert failed.failure.rstrip().endswith("ZeroDivisionError: n is two")
    assert "in stumbling" in failed.failure
    (text,) = tmp_path.glob("*.failed.txt")
    assert text.read_text() == failed.failure
    with pytest.raises(FailedRunError, match=r"the run n=2, seed=0 failed:\n(.|\n)*n is two"):
        failed.result()
    again = sweep(stumbling, {"n": [2]}, seeds=1, folder=tmp_path, jobs=1)
    assert len(again.failures) == 1
    assert results.to_pandas()["failure"].tolist() == ["", "ZeroDivisionError: n is two", ""]


def test_what_is_no_number_is_a_failure_of_its_run():
    (run,) = sweep(lambda rng: {"net": nn.Linear(1, 1)}, [{}], seeds=1, jobs=1)
    assert "give net.state_dict() instead of a net" in run.failure
    (run,) = sweep(lambda rng: 3, [{}], seeds=1, jobs=1)
    assert "such as {'loss': 0.1}, but this one returned 3" in run.failure


def test_an_outcome_survives_as_it_was():
    outcome = {
        "a": 0.1,
        "b": [1, None, True, float("inf")],
        "c": "array:0",
        "d": {"x": np.arange(6, dtype=np.float32).reshape(2, 3), "y": [np.float64(3), np.array(2)]},
    }
    found = decoded(encoded(outcome, {}, 0))
    assert encoded(outcome, {}, 0) == encoded(found, {}, 0)
    np.testing.assert_equal(found, outcome)
    assert found["d"]["x"].dtype == np.float32


def test_a_run_is_known_by_its_function_its_setting_and_its_seed():
    keys = {
        key_of(run, setting, seed)
        for run in (draw, noted, functools.partial(draw, n=3), functools.partial(draw, n=4))
        for setting in ({"n": 3}, {"n": 3.5}, {"n": (3, 4)}, {"n": "3"})
        for seed in (0, 1)
    }
    assert len(keys) == 32
    assert key_of(draw, {"a": 1, "b": 2}, 0) == key_of(draw, {"b": 2, "a": 1}, 0)
    with pytest.raises(DTypeError, match="but was given an object of the type Linear"):
        stable({"net": nn.Linear(1, 1)})


def test_a_grid_that_cannot_be_is_refused():
    with pytest.raises(DTypeError, match="needs a list of values for 'lr'"):
        sweep(draw, {"lr": 0.1})
    with pytest.raises(ArgumentError, match="no settings"):
        sweep(draw, [])
    with pytest.raises(ArgumentError, match="leave it out of the grid"):
        sweep(draw, {"rng": [0]})
    with pytest.raises(ArgumentError, match="different seeds"):
        sweep(draw, {"n": [1]}, seeds=[1, 1])


# --- Dask ---


@pytest.fixture(scope="module")
def cluster():
    distributed = pytest.importorskip("distributed", reason="distributed is not installed")
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, processes=True, dashboard_address=":0", silence_logs=50
    ) as cluster:
        yield cluster


def test_a_cluster_gives_the_same_bytes_though_a_worker_is_killed_and_the_client_restarted(cluster, tmp_path):
    from distributed import Client

    grid = {"n": range(1, 9)}
    undisturbed = tmp_path / "undisturbed"
    sweep(functools.partial(killed_once, folder=str(tmp_path)), grid, seeds=1, folder=undisturbed, jobs=1)
    assert (tmp_path / "killed").exists()
    (tmp_path / "killed").unlink()  # now a worker of the cluster is killed

    here = tmp_path / "cluster"
    call = functools.partial(killed_once, folder=str(tmp_path))
    with Client(cluster) as client:  # the first half, and then the client is gone
        sweep(call, {"n": range(1, 5)}, seeds=1, folder=here, client=client)
    assert (tmp_path / "killed").exists()
    half = files(here)
    assert len(half) == 4
    with Client(cluster) as client:
        results = sweep(call, grid, seeds=1, folder=here, client=client)
    assert not results.failures
    assert files(here) == files(undisturbed)
    assert files(here).items() > half.items()


def slow_start(n, folder, rng):
    """Says that it runs, and waits for a file."""
    Path(folder, f"running-{n}").touch()
    while not Path(folder, "go").exists():
        threading.Event().wait(0.01)
    return {"n": n}


def test_a_cluster_that_is_restarted_meanwhile_repeats_what_it_lost(cluster, tmp_path):
    from distributed import Client

    with Client(cluster) as client:
        restarted = threading.Thread(target=restart_once_running, args=(client, tmp_path))
        restarted.start()
        results = sweep(functools.partial(slow_start, folder=str(tmp_path)), {"n": [1, 2, 3]}, seeds=1, client=client)
        restarted.join()
    assert [run.last("n") for run in results] == [1, 2, 3]


def restart_once_running(client, folder):
    while not any(folder.glob("running-*")):
        threading.Event().wait(0.01)
    client.restart()
    (folder / "go").touch()


def test_a_failure_on_a_cluster_has_its_traceback(cluster):
    from distributed import Client

    with Client(cluster) as client:
        results = sweep(stumbling, {"n": [1, 2, 3]}, seeds=1, client=client)
        (failed,) = results.failures
        assert "ZeroDivisionError: n is two" in failed.failure


# --- the table ---


def swept(**columns):
    return Results(
        SweptRun({"lr": lr}, seed, {"loss": [3.0, loss]} | columns)
        for lr, losses in ((0.1, [1.0, 2.0]), (1.0, [1.2, 1.3]), (10.0, [0.1, np.nan]))
        for seed, loss in enumerate(losses)
    )


def test_the_best_setting_has_the_best_median_over_its_seeds():
    assert swept().best("loss") == {"lr": 1.0}
    assert swept().best("loss", "max") == {"lr": 0.1}
    accuracies = Results(SweptRun({"lr": lr}, 0, {"val_accuracy": [lr]}) for lr in (0.1, 0.9, 0.5))
    assert accuracies.best("val_accuracy") == {"lr": 0.9}
    with pytest.raises(ArgumentError, match="no 'los': the numbers of the runs are loss"):
        swept().best("los")


def test_the_table_has_a_row_a_run():
    table = swept(words="text").to_pandas()
    assert table.columns.tolist() == ["lr", "seed", "loss"]
    assert table["loss"].tolist()[:4] == [1.0, 2.0, 1.2, 1.3]
    html = swept()._repr_html_()
    assert html.count("<tr>") == 7


def test_bands_and_parallel_coordinates_are_drawn_of_the_results():
    ax = viz.plot_bands(swept(), ax=Figure().subplots())
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["lr=0.1", "lr=1.0", "lr=10.0"]
    assert ax.lines[0].get_ydata().tolist() == [3.0, 1.5]
    ax = viz.plot_parallel(swept(), "loss", ax=Figure().subplots())
    lines = [
        line.get_ydata()
        for line in ax.lines
        if len(line.get_xdata()) == 2 and line.get_xdata()[0] != line.get_xdata()[1]
    ]
    assert len(lines) == 5  # the run without a number is left out
    assert min(line[-1] for line in lines) == 0
    assert max(line[-1] for line in lines) == 1
    with pytest.raises(ArgumentError, match="no run has a 'val_accuracy'"):
        viz.plot_parallel(swept())
