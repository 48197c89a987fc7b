import contextlib
import json
import os
import random
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tinygrad_edu import Tensor, load, nn, optim, save, train
from tinygrad_edu.data import moons, xor
from tinygrad_edu.errors import ArgumentError, DTypeError, FileError, ShapeError
from tinygrad_edu.optim import lr_scheduler

ROOT = Path(__file__).parents[2]
cross_entropy = nn.functional.cross_entropy


def _net(seed=0, sizes=(8, 2)):
    return nn.MLP(2, list(sizes), activation="tanh", rng=np.random.default_rng(seed))


def _run(net=None, *, epochs=5, lr=0.1, rows=8, **options):
    net = net or _net()
    X, y = xor(repeats=rows)
    optimizer = optim.SGD(net.parameters(), lr=lr)
    return net, train.fit(net, X, y, loss=cross_entropy, optimizer=optimizer, epochs=epochs, **options)


class TestFit:
    def test_takes_the_steps_of_a_hand_written_loop(self):
        X, y = xor()
        net, twin = _net(), _net()
        optimizer = optim.SGD(twin.parameters(), lr=0.1)
        losses = []
        for _ in range(20):
            loss = cross_entropy(twin(X), y)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
        net, history = _run(net, epochs=20, rows=1)
        assert history["loss"] == losses
        for p, q in zip(net.parameters(), twin.parameters(), strict=True):
            np.testing.assert_array_equal(p.data, q.data)

    def test_same_seed_same_numbers(self):
        runs = [_run(batch_size=3, rng=7)[1]["loss"] for _ in range(2)]
        assert runs[0] == runs[1]
        assert runs[0] != _run(batch_size=3, rng=8)[1]["loss"]

    def test_measures_metrics_in_evaluation_mode(self):
        X, y = xor()
        net = nn.Sequential(_net(), nn.Dropout(0.5, rng=np.random.default_rng(0)))
        optimizer = optim.Adam(net.parameters())
        history = train.fit(
            net, X, y, loss=cross_entropy, optimizer=optimizer, epochs=2, metrics="accuracy", validation=(X, y)
        )
        assert set(history) == {"loss", "lr", "accuracy", "val_loss", "val_accuracy"}
        assert history["accuracy"] == history["val_accuracy"]
        assert net.training

    def test_the_loss_of_an_epoch_weighs_a_short_last_batch_by_its_size(self):
        X, y = xor(repeats=2)
        net = _net()
        optimizer = optim.SGD(net.parameters(), lr=0.0)
        whole = cross_entropy(net(X), y).item()
        history = train.fit(net, X, y, loss=cross_entropy, optimizer=optimizer, epochs=1, batch_size=3, rng=0)
        assert history["loss"][0] == pytest.approx(whole, rel=1e-12)

    def test_a_schedule_steps_once_an_epoch(self):
        net = _net()
        X, y = xor()
        optimizer = optim.SGD(net.parameters(), lr=1.0)
        schedule = lr_scheduler.ExponentialLR(optimizer, gamma=0.5)
        history = train.fit(net, X, y, loss=cross_entropy, optimizer=optimizer, epochs=3, schedule=schedule)
        assert history["lr"] == [1.0, 0.5, 0.25]

    def test_ctrl_c_gives_the_history_so_far(self):
        class Interrupt(train.Callback):
            def on_epoch(self, run):
                if run.epoch == 3:
                    raise KeyboardInterrupt

        _, history = _run(epochs=9, callbacks=[Interrupt()])
        assert len(history["loss"]) == 2
        assert "interrupted" in history.stopped

    def test_stops_when_the_loss_is_no_longer_a_number(self):
        X = np.linspace(1, 2, 10).reshape(-1, 1)
        net = nn.Linear(1, 1)
        optimizer = optim.SGD(net.parameters(), lr=100.0)
        with np.errstate(all="ignore"):
            history = train.fit(net, X, 3 * X, loss=nn.functional.mse_loss, optimizer=optimizer, epochs=500)
        assert not np.isfinite(history["loss"][-1])
        assert np.isfinite(history["loss"][:-1]).all()
        assert "learning rate" in history.stopped

    @pytest.mark.parametrize(
        ("options", "error", "words"),
        [
            ({"epochs": 0}, ArgumentError, "epochs must be a whole number, at least 1, but was given 0"),
            ({"epochs": 2.5}, ArgumentError, "epochs must be a whole number"),
            ({"batch_size": 0}, ArgumentError, "batch_size must be a whole number, at least 1, but was given 0"),
            ({"metrics": "acuracy"}, ArgumentError, "no metric 'acuracy'"),
            ({"metrics": 3}, DTypeError, "such as metrics='accuracy', but was given 3"),
            ({"validation": (1, 2, 3)}, ArgumentError, "validation=(X, y), but was given tuple of 3"),
            ({"validation": 0.2}, ArgumentError, "validation=(X, y), but was given 0.2"),
            ({"validation": ([1], [])}, ShapeError, "1 validation samples and 0 targets"),
            ({"validation": ([], [])}, ArgumentError, "at least one validation sample"),
            ({"callbacks": train.EarlyStopping()}, DTypeError, "fit takes a list, callbacks=[…]"),
            ({"callbacks": [train.EarlyStopping]}, DTypeError, "but was given the class EarlyStopping"),
            ({"callbacks": ["stop"]}, DTypeError, "such as train.EarlyStopping(), but was given 'stop'"),
            ({"schedule": 0.5}, DTypeError, "such as optim.lr_scheduler.StepLR(optimizer, step_size=10), but was"),
            ({"schedule": lr_scheduler.StepLR}, DTypeError, "fit takes a schedule of its optimizer"),
            ({"rng": "seed"}, DTypeError, "rng must be a numpy.random.Generator, a seed or None"),
        ],
    )
    def test_bad_arguments(self, options, error, words):
        net = _net()
        before = net.state_dict()
        with pytest.raises(error) as caught:
            _run(net, **options)
        assert words in str(caught.value)
        for name, array in net.state_dict().items():
            np.testing.assert_array_equal(array, before[name])

    @pytest.mark.parametrize(
        ("parts", "error", "words"),
        [
            ({"loss": "cross_entropy"}, DTypeError, "such as nn.functional.cross_entropy, but was given loss="),
            (
                {"loss": lambda outputs, y: 3.0},
                DTypeError,
                "a loss function must return a Tensor or a Value, but it gave 3.0",
            ),
            ({"optimizer": "adam"}, DTypeError, "such as optim.SGD(net.parameters(), lr=0.1), but was given 'adam'"),
            ({"optimizer": optim.SGD}, DTypeError, "fit takes an optimizer of the model's parameters"),
            ({"optimizer": optim.SGD(_net().parameters())}, ArgumentError, "make the optimizer after the model"),
            ({"model": lambda x: x}, DTypeError, "fit trains a Module, such as nn.MLP(2, [8, 2])"),
            ({"model": nn.MLP}, DTypeError, "fit trains a Module"),
        ],
    )
    def test_parts_that_do_not_fit(self, parts, error, words):
        net = _net()
        X, y = xor()
        given = {"model": net, "loss": cross_entropy, "optimizer": optim.SGD(net.parameters(), lr=0.1)} | parts
        with pytest.raises(error) as caught:
            train.fit(given.pop("model"), X, y, **given)
        assert words in str(caught.value)

    def test_schedules_and_optimizers_that_fit_cannot_step(self):
        net = _net()
        X, y = xor()
        optimizer, other = (optim.SGD(net.parameters(), lr=0.1) for _ in range(2))

        def fit(**parts):
            return train.fit(net, X, y, **({"loss": cross_entropy, "optimizer": optimizer} | parts))

        with pytest.raises(DTypeError, match=r"give train\.ReduceLROnPlateau\(\) among the callbacks"):
            fit(schedule=lr_scheduler.ReduceLROnPlateau(optimizer))
        with pytest.raises(ArgumentError, match="the schedule belongs to another optimizer"):
            fit(schedule=lr_scheduler.StepLR(other, step_size=1))
        with pytest.raises(DTypeError, match=r"optimizer\.step\(lambda: loss\(net\(X\), y\)\)"):
            fit(optimizer=optim.BacktrackingLineSearch(net.parameters()))

    def test_a_name_that_a_history_lacks(self):
        _, history = _run()
        with pytest.raises(KeyError) as caught:
            history["los"]
        assert str(caught.value) == "there is no 'los' in this history, which has loss, lr"
        assert history.get("los") is None
        assert "los" not in history

    def test_predictions_of_no_rows_have_the_shape_of_some(self):
        assert train.predict(_net(), np.ones((0, 2))).shape == (0, 2)

    def test_needs_a_target_for_each_sample(self):
        net = _net()
        with pytest.raises(ShapeError, match="4 samples and 3 targets"):
            train.fit(net, np.ones((4, 2)), np.ones(3), loss=cross_entropy, optimizer=optim.SGD(net.parameters(), lr=1))


def _outputs_first(outputs, targets):
    return train.confusion_matrix(targets, outputs)


class TestMetrics:
    def test_take_lists_and_tensors(self):
        outputs, labels = [[0.1, 2.0], [3.0, 0.2]], [1, 1]
        for given in (outputs, Tensor(outputs)):
            assert train.accuracy(given, labels) == 0.5
            assert train.confusion_matrix(labels, given).tolist() == [[0, 0], [1, 1]]
        assert train.mean_squared_error([1.0, 2.0], Tensor([1.0, 4.0])) == 2.0

    def test_names_are_no_labels(self):
        for metric in (train.accuracy, _outputs_first):
            with pytest.raises(DTypeError, match="needs labels that are numbers, but was given <U1"):
                metric(np.array([0.5, -0.5]), np.array(["a", "b"]))

    @pytest.mark.parametrize("metric", [train.accuracy, _outputs_first])
    def test_need_a_label_for_each_row(self, metric):
        with pytest.raises(ShapeError, match=r"one label for each row, .* pass integer labels of shape \(2,\)"):
            metric(np.ones((2, 3)), [0, 1, 2])
        with pytest.raises(ArgumentError, match="needs at least one row, but was given none"):
            metric(np.ones((0, 3)), np.ones(0, int))

    @pytest.mark.parametrize("labels", [[0, 3], [-1, 0], [0.0, 1.0]])
    def test_a_confusion_matrix_has_a_place_for_each_class(self, labels):
        with pytest.raises(ArgumentError, match="needs labels that are integers from 0 to 1, but was given"):
            train.confusion_matrix(labels, np.ones((2, 2)), classes=2)


class TestCallbacks:
    def test_early_stopping_restores_the_best_weights(self):
        stopping = train.EarlyStopping(patience=2, restore_best_weights=True)
        snapshots = train.Snapshots()
        net, history = _run(epochs=200, lr=60.0, callbacks=[stopping, snapshots])
        best = int(np.argmin(history["loss"])) + 1
        assert history.epochs == best + 2
        assert f"the best was epoch {best}" in history.stopped
        for name, array in dict(history.snapshots)[best].items():
            np.testing.assert_array_equal(net.state_dict()[name], array)

    @pytest.mark.parametrize(("monitor", "best"), [("accuracy", max), ("loss", min)])
    def test_early_stopping_knows_the_best_number(self, monitor, best):
        stopping = train.EarlyStopping(patience=30, monitor=monitor)
        _, history = _run(epochs=30, lr=1.0, metrics="accuracy", callbacks=[stopping])
        assert stopping.best == best(history[monitor])
        assert stopping.best_epoch == history[monitor].index(stopping.best) + 1

    def test_reduce_on_plateau_follows_pytorchs(self):
        torch = pytest.importorskip("torch")
        numbers = [3.0, 2.0, 2.5, 2.1, 2.2, 1.0, 1.5, 1.4, 1.3, 1.2]
        theirs = torch.optim.SGD([torch.zeros(1)], lr=1.0)
        schedule = torch.optim.lr_scheduler.ReduceLROnPlateau(theirs, factor=0.5, patience=1, threshold=0.0)
        net = _net()
        run = train.Run(net, optim.SGD(net.parameters(), lr=1.0), train.History(), 10, None)
        mine = train.ReduceLROnPlateau(factor=0.5, patience=1)
        mine.on_start(run)
        for number in numbers:
            run.numbers = {"loss": number}
            mine.on_epoch(run)
            schedule.step(number)
            assert run.optimizer.lr == theirs.param_groups[0]["lr"]

    def test_reduce_on_plateau_can_watch_what_should_rise(self):
        net = _net()
        run = train.Run(net, optim.SGD(net.parameters(), lr=1.0), train.History(), 10, None)
        plateau = train.ReduceLROnPlateau(factor=0.5, patience=0, monitor="val_accuracy")
        plateau.on_start(run)
        lrs = []
        for number in (0.3, 0.5, 0.8, 0.8, 0.7, 0.9):
            run.numbers = {"val_accuracy": number}
            plateau.on_epoch(run)
            lrs.append(run.optimizer.lr)
        assert lrs == [1.0, 1.0, 1.0, 0.5, 0.25, 0.25]

    def test_a_callback_serves_one_run_after_another(self):
        def callbacks():
            return [
                train.EarlyStopping(patience=2, restore_best_weights=True),
                train.ReduceLROnPlateau(patience=1),
                train.LossConverged(1e-9),
            ]

        used = callbacks()
        _run(epochs=30, lr=30.0, callbacks=used)
        (net, again), (twin, fresh) = (
            _run(_net(seed=5), epochs=30, lr=30.0, callbacks=some) for some in (used, callbacks())
        )
        assert again.to_dict() == fresh.to_dict()
        assert again.stopped == fresh.stopped
        np.testing.assert_array_equal(net.layers[0].weight.data, twin.layers[0].weight.data)

    @pytest.mark.parametrize(
        ("make", "words"),
        [
            (lambda: train.EarlyStopping(patience=0), "patience must be a whole number, at least 1, but was given 0"),
            (lambda: train.EarlyStopping(min_delta=-1), "min_delta must be"),
            (lambda: train.EarlyStopping(mode="maximum"), "mode must be 'min' or 'max', but was given 'maximum'"),
            (lambda: train.ReduceLROnPlateau(factor=1.5), "factor must be"),
            (lambda: train.ReduceLROnPlateau(patience=-1), "patience must be"),
            (lambda: train.ReduceLROnPlateau(min_lr=-1), "min_lr must be"),
            (lambda: train.ReduceLROnPlateau(mode="maximum"), "mode must be"),
            (lambda: train.GradientConverged(-1), "tolerance must be"),
            (lambda: train.LossConverged("1e-3"), "tolerance must be a number, at least 0, but was given '1e-3'"),
            (lambda: train.Snapshots(0), "every must be a whole number, at least 1, but was given 0"),
            (lambda: train.Checkpoint("run.ckpt", every=0), "every must be a whole number"),
        ],
    )
    def test_bad_settings_are_refused_before_the_first_step(self, make, words):
        net = _net()
        before = net.state_dict()
        with pytest.raises(ArgumentError) as caught:
            _run(net, callbacks=[make()])
        assert words in str(caught.value)
        for name, array in net.state_dict().items():
            np.testing.assert_array_equal(array, before[name])

    def test_convergence(self):
        _, history = _run(epochs=500, callbacks=[train.LossConverged(1e-3)])
        losses = history["loss"]
        assert abs(losses[-1] - losses[-2]) < 1e-3 <= min(abs(np.diff(losses[:-1])))
        _, history = _run(epochs=500, lr=0.5, callbacks=[train.GradientConverged(0.2)])
        assert "gradient's norm" in history.stopped

    def test_gradient_flow_records_a_norm_for_each_weight(self):
        net, history = _run(callbacks=[train.GradientFlow()])
        name, p = net.named_parameters()[0]
        assert history[f"grad_norm.{name}"][-1] == pytest.approx(float(np.sqrt((p.grad**2).sum())), rel=1e-12)


EPOCHS = 100
RUN = f"""
import sys
import numpy as np
from tinygrad_edu import nn, optim, save, train
from tinygrad_edu.data import xor
from tinygrad_edu.optim import lr_scheduler

X, y = xor(repeats=20)
rng = np.random.default_rng(3)
net = nn.Sequential(nn.MLP(2, [6, 2], rng=rng), nn.Dropout(0.1, rng=rng))
optimizer = optim.Adam(net.parameters(), lr=0.01)
history = train.fit(
    net, X, y, loss=nn.functional.cross_entropy, optimizer=optimizer, epochs={EPOCHS}, batch_size=7, rng=rng,
    schedule=lr_scheduler.ExponentialLR(optimizer, gamma=0.97),
    callbacks=[train.EarlyStopping(patience=100, restore_best_weights=True), train.Checkpoint(sys.argv[1])],
)
save(sys.argv[2], net.state_dict())
print(repr(history["loss"]))
"""


def _start(checkpoint, result):
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.Popen(
        [sys.executable, "-c", RUN, str(checkpoint), str(result)], stdout=subprocess.PIPE, env=environment
    )


def _killed_at_work(process, checkpoint, delay):
    """Kill the process so long after it has first saved; False if it was done before."""
    before = checkpoint.stat().st_mtime_ns if checkpoint.exists() else 0
    while process.poll() is None and (not checkpoint.exists() or checkpoint.stat().st_mtime_ns == before):
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(timeout=0.001)
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(timeout=delay)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    return process.returncode == -signal.SIGKILL


class TestCheckpoint:
    def test_a_run_killed_at_fifty_moments_ends_with_the_same_bytes(self, tmp_path):
        whole = _start(tmp_path / "whole.ckpt", tmp_path / "whole")
        printed, _ = whole.communicate(timeout=60)
        assert whole.returncode == 0
        moments = random.Random(0)
        kills = runs = 0
        while kills < 50:
            runs += 1
            checkpoint, result = tmp_path / f"{runs}.ckpt", tmp_path / f"{runs}"
            while kills < 50 and _killed_at_work(_start(checkpoint, result), checkpoint, moments.uniform(0, 0.1)):
                kills += 1
                assert json.loads(bytes(load(checkpoint)["run"]))["epoch"] <= EPOCHS
            last = _start(checkpoint, result)
            output, _ = last.communicate(timeout=60)
            assert output == printed
            assert result.read_bytes() == (tmp_path / "whole").read_bytes()

    @pytest.mark.parametrize("place", [0, 1, 2, 3])
    def test_what_callbacks_remember_goes_on_wherever_the_checkpoint_stands_among_them(self, place, tmp_path):
        class Interrupt(train.Callback):
            def on_epoch(self, run):
                if run.epoch == 9:
                    raise KeyboardInterrupt

        def run(path, *others):
            callbacks = [
                train.EarlyStopping(6, restore_best_weights=True),
                train.ReduceLROnPlateau(factor=0.5, patience=1),
                train.Snapshots(3),
            ]
            callbacks.insert(place, train.Checkpoint(path))
            return _run(epochs=40, lr=8.0, rng=0, callbacks=[*callbacks, *others])

        _, interrupted = run(tmp_path / "run.ckpt", Interrupt())
        assert interrupted.epochs == 8
        (net, resumed), (twin, whole) = run(tmp_path / "run.ckpt"), run(tmp_path / "whole.ckpt")
        assert len(set(whole["lr"])) > 2
        assert resumed.to_dict() == whole.to_dict()
        assert resumed.stopped == whole.stopped
        assert (tmp_path / "run.ckpt").read_bytes() == (tmp_path / "whole.ckpt").read_bytes()
        assert [epoch for epoch, _ in resumed.snapshots] == [epoch for epoch, _ in whole.snapshots]
        pairs = [
            (net.state_dict(), twin.state_dict()),
            *((a, b) for (_, a), (_, b) in zip(resumed.snapshots, whole.snapshots, strict=True)),
        ]
        for mine, theirs in pairs:
            assert {name: array.tobytes() for name, array in mine.items()} == {
                name: array.tobytes() for name, array in theirs.items()
            }

    def test_of_another_run_changes_nothing(self, tmp_path):
        path = tmp_path / "run.ckpt"
        _run(callbacks=[train.Checkpoint(path)])
        net = _net(sizes=(5, 2))
        before = net.state_dict()
        with pytest.raises(train.CheckpointError, match=r"another model: .* 42 parameters, and here .* 27 parameters"):
            _run(net, callbacks=[train.Checkpoint(path)])
        for name, array in net.state_dict().items():
            np.testing.assert_array_equal(array, before[name])

    def test_of_a_run_with_other_callbacks_is_refused(self, tmp_path):
        for k, (first, second) in enumerate([([], [train.EarlyStopping()]), ([train.EarlyStopping()], [])]):
            path = tmp_path / f"{k}.ckpt"
            _run(callbacks=[*first, train.Checkpoint(path)])
            with pytest.raises(train.CheckpointError, match="with other callbacks or modules"):
                _run(callbacks=[*second, train.Checkpoint(path)])

    def test_a_folder_that_is_not_there_is_found_out_before_the_first_step(self, tmp_path):
        net = _net()
        before = net.state_dict()
        with pytest.raises(FileError, match="there is no such folder"):
            _run(net, callbacks=[train.Checkpoint(tmp_path / "missing" / "run.ckpt")])
        for name, array in net.state_dict().items():
            np.testing.assert_array_equal(array, before[name])

    @pytest.mark.parametrize(
        "run", [None, [1.0, 2.0], np.zeros(0, np.uint8), np.frombuffer(b'{"epoch": 3}', np.uint8), [91, 93]]
    )
    def test_a_file_that_is_no_checkpoint(self, run, tmp_path):
        path = tmp_path / "weights"
        save(path, _net().state_dict() | ({} if run is None else {"run": np.asarray(run)}))
        with pytest.raises(train.CheckpointError, match="no checkpoint"):
            _run(callbacks=[train.Checkpoint(path)])


def _bits(net, optimizer, generator):
    arrays = {**net.state_dict(), **{f"o.{k}": np.asarray(v) for k, v in optimizer.state_dict().items()}}
    gradients = [None if p.grad is None else p.grad.tobytes() for p in net.parameters()]
    return {k: v.tobytes() for k, v in arrays.items()}, gradients, str(generator.bit_generator.state)


def test_lr_range_test_leaves_everything_as_it_was():
    X, y = xor(repeats=10)
    rng = np.random.default_rng(0)
    net = nn.Sequential(nn.MLP(2, [8, 2], rng=rng), nn.Dropout(0.2, rng=rng)).eval()
    optimizer = optim.Adam(net.parameters(), lr=0.123)
    cross_entropy(net(X), y).backward()
    optimizer.step()
    before = _bits(net, optimizer, rng)
    found = train.lr_range_test(net, X, y, loss=cross_entropy, optimizer=optimizer, steps=80, seeds=2)
    assert _bits(net, optimizer, rng) == before
    assert not net.training
    assert found.losses.shape == (2, 80)
    assert found.lrs[0] < found.suggestion < found.lrs[-1]


@pytest.mark.parametrize("seed", range(5))
def test_lr_range_test_suggests_nothing_for_a_net_that_has_learned(seed):
    """The losses of its batches differ, and where the hard ones come first it looks as if the loss fell."""
    X, y = moons(200, noise=0.3, rng=seed)
    net = _net(seed)
    optimizer = optim.Adam(net.parameters(), lr=0.02)
    fresh = train.lr_range_test(net, X, y, loss=cross_entropy, optimizer=optimizer, batch_size=8)
    assert np.isfinite(fresh.suggestion)
    train.fit(net, X, y, loss=cross_entropy, optimizer=optimizer, epochs=100, batch_size=20, rng=seed)
    trained = train.lr_range_test(net, X, y, loss=cross_entropy, optimizer=optimizer, batch_size=8)
    assert np.isnan(trained.suggestion)
    assert "does not clearly fall" in str(trained)


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"optimizer": optim.SGD}, "lr_range_test takes an optimizer of the model's .* but was given <class"),
        ({"loss": lambda outputs, y: 3.0}, r"a loss function must return .*, but it gave 3\.0"),
    ],
)
def test_lr_range_test_of_what_cannot_be_trained(wrong, words):
    net = _net()
    parts = {"loss": cross_entropy, "optimizer": optim.SGD(net.parameters())} | wrong
    with pytest.raises(DTypeError, match=words):
        train.lr_range_test(net, *xor(repeats=16), **parts)


def test_lr_range_test_of_an_impossible_range():
    net = _net()
    X, y = xor()
    with pytest.raises(ArgumentError, match="lr_min < lr_max"):
        train.lr_range_test(
            net, X, y, loss=cross_entropy, optimizer=optim.SGD(net.parameters(), lr=1), lr_min=1, lr_max=0.1
        )
