"""Training that is never silently wrong: metrics, freezing, histories, checkpoints, Ctrl-C in the middle of a step."""

import functools
import json
import os
import signal
import stat
import struct
import subprocess
import sys

import numpy as np
import pytest
from matplotlib.figure import Figure

import viz
from tinygrad_edu import Tensor, Value, load, nn, optim, save, train
from tinygrad_edu.data import xor
from tinygrad_edu.errors import ArgumentError, DTypeError, FileError
from tinygrad_edu.optim import lr_scheduler
from tinygrad_edu.serialization import WeightsFileError, WeightsNotFoundError
from tinygrad_edu.support import files
from tinygrad_edu.support.interrupts import CtrlCWaits
from tinygrad_edu.train.metrics import named_metrics

F = nn.functional


# --- metrics ---


@pytest.mark.parametrize("shape", [(4,), (4, 1)])
@pytest.mark.parametrize("dtype", [np.int64, np.uint8, np.int8])
def test_integers_are_classes_not_logits(shape, dtype):
    given = np.array([3, 1, 2, 0], dtype=dtype).reshape(shape)
    assert train.accuracy(given, np.array([3, 1, 2, 0])) == 1.0
    assert train.predicted_classes(given).tolist() == [3, 1, 2, 0]
    assert train.confusion_matrix(np.array([3, 1, 2, 0]), given).tolist() == np.eye(4, dtype=int).tolist()


def test_booleans_are_classes_and_floats_are_logits():
    assert train.accuracy(np.array([True, False]), np.array([1, 0])) == 1.0
    assert train.accuracy(np.array([3.0, 1.0, -2.0]), np.array([1, 1, 0])) == 1.0


@pytest.mark.parametrize("metric", [train.accuracy, lambda outputs, targets: train.confusion_matrix(targets, outputs)])
@pytest.mark.parametrize("labels", [[1, -1], [0, 3], [1.0, np.nan], [0.5, 1.0]])
def test_labels_that_no_logit_can_predict_are_refused(metric, labels):
    for outputs in (np.array([3.0, -1.0]), np.array([[3.0], [-1.0]])):
        with pytest.raises(
            ArgumentError, match="one number per row is a logit of the classes 0 and 1, but the labels are"
        ):
            metric(outputs, np.array(labels))


def test_a_label_is_a_whole_number():
    assert train.accuracy(np.eye(3)[[2, 0]], np.array([2.0, 1.0])) == 0.5
    with pytest.raises(ArgumentError, match=r"needs labels that are whole numbers, but was given 0\.5 to 1\.0"):
        train.accuracy(np.eye(3)[[2, 0]], np.array([0.5, 1.0]))


@pytest.mark.parametrize("dtype", [np.uint8, np.int8, np.float16, bool])
def test_squared_errors_fit_into_no_small_type(dtype):
    outputs, targets = np.array([0, 1]).astype(dtype), np.array([1, 1]).astype(dtype)
    assert train.mean_squared_error(outputs, targets) == 0.5
    if dtype is not bool:
        assert train.mean_squared_error(outputs * dtype(100), targets * dtype(0)) == 5000.0


def test_a_gradient_in_float16_is_not_taken_for_an_infinite_one():
    X, y = xor()
    net = nn.MLP(2, [4, 2], rng=0).astype(np.float16)

    class Large(train.Callback):
        def on_epoch(self, run):
            for p in net.parameters():
                p.grad = np.full(p.shape, 300.0, np.float16)

    callbacks = [Large(), train.GradientFlow(), train.GradientConverged(1e9)]
    sgd = optim.SGD(net.parameters(), lr=0.0)
    history = train.fit(net, X, y, loss=F.cross_entropy, optimizer=sgd, epochs=3, callbacks=callbacks)
    assert history.epochs == 1
    assert history["grad_norm.layers.0.weight"] == [300 * 8**0.5]


def test_a_confusion_matrix_takes_the_targets_first_as_scikit_learn_does():
    metrics = pytest.importorskip("sklearn.metrics")
    rng = np.random.default_rng(0)
    targets, predictions = rng.integers(0, 4, (2, 50))
    expected = metrics.confusion_matrix(targets, predictions)
    np.testing.assert_array_equal(train.confusion_matrix(targets, predictions), expected)
    np.testing.assert_array_equal(train.confusion_matrix(targets, np.eye(4)[predictions]), expected)
    for old in (np.eye(4)[predictions], np.eye(4, dtype=int)[predictions]):
        with pytest.warns(DeprecationWarning, match=r"write confusion_matrix\(targets, outputs\)"):
            np.testing.assert_array_equal(train.confusion_matrix(old, targets), expected)


def test_a_negative_class_is_not_counted_at_the_other_end():
    with pytest.raises(ArgumentError, match="an output is of class -1"):
        train.confusion_matrix(np.array([0, 1]), np.array([-1, 1]))


def test_metrics_have_names_of_their_own():
    class Share:
        def __call__(self, outputs, targets):
            return 0.5

    def least(outputs, targets, power=1):
        return float(np.min(outputs**power))

    functions = [lambda o, t: 1.0, lambda o, t: 2.0, functools.partial(least, power=2), least, Share()]
    found = named_metrics([*functions, "accuracy", "accuracy"])
    assert [*found] == ["metric", "metric_2", "least", "least_2", "Share", "accuracy", "accuracy_2"]
    assert (found["metric"](0, 0), found["metric_2"](0, 0)) == (1.0, 2.0)


@pytest.mark.parametrize("name", ["loss", "lr", "val_loss", "val_accuracy"])
def test_a_metric_with_a_name_that_is_taken_is_refused(name):
    with pytest.raises(ArgumentError, match=f"a metric cannot be called '{name}'"):
        named_metrics({name: train.accuracy})
    with pytest.raises(DTypeError, match="the metric 'auc' must be a function"):
        named_metrics({"auc": 3})


# --- freezing ---


@pytest.mark.parametrize("forget", ["net", "optimizer"])
@pytest.mark.parametrize("kind", [optim.SGD, optim.Adam])
def test_a_weight_frozen_in_mid_training_stays_as_it_is_and_learns_again_later(forget, kind):
    net = nn.MLP(2, [4, 1], rng=0)
    optimizer = kind(net.parameters(), lr=0.1)
    X, y = np.ones((3, 2)), np.zeros((3, 1))

    def step():
        (net if forget == "net" else optimizer).zero_grad()
        F.mse_loss(net(X), y).backward()
        optimizer.step()

    step()
    weight = net.layers[0].weight
    weight.requires_grad = False
    frozen = weight.data.copy()
    for _ in range(3):
        step()
    np.testing.assert_array_equal(weight.data, frozen)
    weight.requires_grad = True
    step()
    assert (weight.data != frozen).any()


# --- histories ---


def every_third(run_epochs=7):
    class Sometimes(train.Callback):
        def on_epoch(self, run):
            if run.epoch % 3 == 0:
                run.numbers["auc"] = run.epoch / 10

    X, y = xor()
    net = nn.MLP(2, [4, 2], rng=0)
    sgd = optim.SGD(net.parameters())
    return train.fit(net, X, y, loss=F.cross_entropy, optimizer=sgd, epochs=run_epochs, callbacks=[Sometimes()])


def test_a_history_knows_the_epoch_of_each_number(tmp_path):
    history = every_third()
    assert (history["auc"], history.epochs_of("auc")) == ([0.3, 0.6], [3, 6])
    assert history.epochs_of("loss") == [*range(1, 8)]
    assert str(history).splitlines()[3].split()[-1] == "0.3"
    assert viz.plot_history(history, "auc", ax=Figure().subplots()).lines[0].get_xdata().tolist() == [3, 6]
    again = train.History()
    again.load_state_dict(history.state_dict())
    assert again.epochs_of("auc") == [3, 6]
    older = {name: column for name, column in history.state_dict().items() if not name.startswith("epochs.")}
    again.load_state_dict(older)
    assert again.epochs_of("auc") == [1, 2]


def test_numbers_of_one_epoch_may_be_added_one_after_the_other():
    history = train.History()
    for epoch in range(3):
        history.add({"loss": epoch})
        history.add({"val_loss": epoch})
    assert history.epochs == 3
    assert history.epochs_of("val_loss") == [1, 2, 3]
    history.add({"auc": 0.5}, epoch=2)
    with pytest.raises(ArgumentError, match="has 'loss' of epoch 3 already, not 2"):
        history.add({"loss": 1.0}, epoch=2)
    with pytest.raises(ArgumentError, match="History: epoch must be a whole number"):
        history.add({"loss": 1.0}, epoch=0)


# --- modes ---


@pytest.mark.parametrize("kind", [train.EarlyStopping, train.ReduceLROnPlateau])
def test_a_number_that_is_not_known_needs_a_mode(kind):
    with pytest.raises(ArgumentError, match=f"{kind.__name__} does not know whether 'val_auc' should fall or rise"):
        kind(monitor="val_auc")
    with pytest.raises(ArgumentError, match="mode must be 'min' or 'max', but was given 'up'"):
        kind(monitor="val_auc", mode="up")
    for options in ({"monitor": "val_auc", "mode": "max"}, {"monitor": "val_accuracy"}, {"monitor": "loss"}, {}):
        kind(**options)


# --- the range of rates ---


def test_a_rate_from_behind_the_first_rise_is_not_suggested():
    from tinygrad_edu.train.lr_range import _steepest

    lrs = np.geomspace(1e-4, 10, 200)
    fall = 1.0 - 0.5 / (1 + (0.03 / lrs) ** 2)
    spike = 3 * np.exp(-((np.log(lrs / 2.5)) ** 2) / 0.02)  # and a steep fall behind it
    assert 0.005 < _steepest(lrs, np.array([fall + spike]), np.ones((1, 200))) < 0.1


def test_the_rate_suggested_for_a_net_that_diverges_is_below_where_it_does():
    rng = np.random.default_rng(0)
    X = rng.standard_normal((256, 4))
    y = X @ np.array([[1.0], [-2.0], [0.5], [0.0]])
    net = nn.Linear(4, 1, rng=0)
    sgd = optim.SGD(net.parameters(), lr=0.1)
    found = train.lr_range_test(net, X, y, loss=F.mse_loss, optimizer=sgd, lr_min=1e-4, lr_max=100, steps=150)
    assert 1e-3 < found.suggestion < 1


# --- checkpoints ---


def resumable(path, **changes):
    options = {"epochs": 2, "activation": "tanh", "kind": optim.SGD, "gamma": 0.5, "batch_size": 4, "rng": 3, "rows": 4}
    options |= {"schedule": True, "loss": F.cross_entropy} | changes
    X, y = xor(repeats=options["rows"])
    net = nn.MLP(2, [4, 2], activation=options["activation"], rng=0)
    optimizer = options["kind"](net.parameters(), lr=0.1)
    schedule = lr_scheduler.StepLR(optimizer, step_size=1, gamma=options["gamma"]) if options["schedule"] else None
    passed = {name: options[name] for name in ("loss", "epochs", "batch_size", "rng")}
    return train.fit(net, X, y, optimizer=optimizer, schedule=schedule, callbacks=[train.Checkpoint(path)], **passed)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"kind": optim.Adagrad}, "another optimizer: SGD, and here Adagrad"),
        ({"activation": "relu"}, "another model: MLP.2 → 4 → 2, tanh. 22 parameters, and here MLP.2 → 4 → 2, relu. 22"),
        ({"gamma": 0.25}, "another schedule: gamma=0.5, and here gamma=0.25"),
        ({"batch_size": 8}, "another batch size: 4, and here 8"),
        ({"rng": 4}, "another seed"),
        ({"rows": 8}, "another number of samples: 16, and here 32"),
        ({"schedule": False}, "other callbacks or modules|another schedule"),
        ({"loss": F.nll_loss}, "another loss: cross_entropy, and here nll_loss"),
    ],
)
def test_a_run_that_is_set_up_in_another_way_does_not_go_on(changes, said, tmp_path):
    path = tmp_path / "run.safetensors"
    resumable(path)
    before = path.read_bytes()
    with pytest.raises(train.CheckpointError, match=said):
        resumable(path, epochs=4, **changes)
    assert path.read_bytes() == before
    assert resumable(path, epochs=4).epochs == 4


def test_without_a_seed_a_run_goes_on(tmp_path):
    path = tmp_path / "run.safetensors"
    resumable(path, rng=None)
    assert resumable(path, rng=None, epochs=3).epochs == 3


def test_every_flipped_bit_of_a_checkpoint_is_noticed(tmp_path):
    path = tmp_path / "run.safetensors"
    resumable(path)
    whole = path.read_bytes()
    rng = np.random.default_rng(0)
    begin = whole.index(b'"__metadata__"') if b"__metadata__" in whole else 0
    remark = range(begin, whole.index(b"}", begin) + 1)  # who wrote the file: not part of the run
    for place in [place for place in rng.integers(8, len(whole), 150).tolist() if place not in remark]:
        damaged = bytearray(whole)
        damaged[place] ^= 1 << int(rng.integers(8))
        path.write_bytes(damaged)
        with pytest.raises((train.CheckpointError, WeightsFileError)):
            resumable(path, epochs=3)


# --- files ---


@pytest.mark.skipif(os.name != "posix", reason="file modes")
def test_a_file_that_is_replaced_keeps_its_mode(tmp_path):
    path = tmp_path / "net.safetensors"
    save(path, {"a": np.ones(2)})
    path.chmod(0o600)
    save(path, {"a": np.zeros(2)})
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_drafts_of_processes_that_were_killed_are_removed(tmp_path):
    path = tmp_path / "net.safetensors"
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    old, fresh, mine, other = (
        tmp_path / f".{name}"
        for name in (
            f"net.safetensors.{gone.pid}-1",
            f"net.safetensors.{gone.pid}-2",
            f"net.safetensors.{os.getpid()}-1",
            f"other.safetensors.{gone.pid}-1",
        )
    )
    for draft in (old, fresh, mine, other):
        draft.write_bytes(b"half")
    for draft in (old, mine, other):
        os.utime(draft, (0, 0))
    save(path, {"a": np.ones(2)})
    assert not old.exists()
    assert fresh.exists()
    assert other.exists()
    assert mine.exists() == (os.name == "posix")


def test_paths_that_no_file_can_have_are_errors_of_the_library(tmp_path):
    with pytest.raises(FileError, match="cannot be written"):
        save("nul\0.safetensors", {"a": np.ones(1)})
    with pytest.raises(WeightsNotFoundError, match="there is no file"):
        load("nul\0.safetensors")
    with pytest.raises(FileError, match="cannot be written"):
        files.write(tmp_path / ("x" * 300), b"")


@pytest.mark.skipif(os.name != "posix", reason="symbolic links")
def test_links_in_a_circle_are_errors_of_the_library(tmp_path):
    loop = tmp_path / "loop"
    loop.symlink_to(loop)
    with pytest.raises(FileError, match="cannot be written"):
        save(loop, {"a": np.ones(1)})
    with pytest.raises(WeightsNotFoundError, match="there is no file"):
        load(loop)
    with pytest.raises((FileError, train.CheckpointError)):
        resumable(loop / "run")


# --- types of numbers in files ---


def write_entry(path, kind, shape, raw):
    header = json.dumps({"a": {"dtype": kind, "shape": shape, "data_offsets": [0, len(raw)]}}).encode()
    header += b" " * (-len(header) % 8)
    path.write_bytes(struct.pack("<Q", len(header)) + header + raw)


def test_bf16_is_read_as_float32(tmp_path, torch):
    numbers = torch.tensor([[1.0, -2.5, 3e38], [float("inf"), 1e-40, -0.0]], dtype=torch.bfloat16)
    raw = numbers.view(torch.int16).numpy().tobytes()
    write_entry(tmp_path / "a", "BF16", [2, 3], raw)
    found = load(tmp_path / "a")["a"]
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, numbers.float().numpy())


@pytest.mark.parametrize("kind", ["F8_E4M3", "F8_E5M2"])
def test_a_type_that_numpy_does_not_have_is_named(kind, tmp_path):
    write_entry(tmp_path / "a", kind, [2], b"\x01\x02")
    with pytest.raises(WeightsFileError, match=f"'a' holds numbers of type {kind}, which NumPy does not have"):
        load(tmp_path / "a")


@pytest.mark.parametrize("dtype", ["f2", "f4", "f8", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "?"])
def test_every_type_comes_back_as_it_was(dtype, tmp_path):
    array = np.arange(6).reshape(2, 3).astype(dtype)
    save(tmp_path / "a", {"a": array, "none": array[:0], "one": array[0, 1]})
    found = load(tmp_path / "a")
    for name, expected in {"a": array, "none": array[:0], "one": array[0, 1]}.items():
        np.testing.assert_array_equal(found[name], expected)
        assert found[name].dtype == array.dtype
        assert found[name].shape == np.shape(expected)
        assert found[name].flags.writeable


# --- Ctrl-C ---


@pytest.mark.skipif(os.name != "posix", reason="sends a signal to itself")
@pytest.mark.parametrize("kind", [Value, Tensor])
def test_ctrl_c_in_the_middle_of_a_step_waits_until_all_parameters_have_changed(kind):
    class Interrupted(optim.SGD):
        def update(self, p, g, state):
            os.kill(os.getpid(), signal.SIGINT)
            return super().update(p, g, state)

    params = [kind(1.0), kind(2.0), kind(3.0)]
    for p in params:
        p.grad = 1.0 if kind is Value else np.array(1.0)
    optimizer = Interrupted(params, lr=0.5)
    with pytest.raises(KeyboardInterrupt):
        optimizer.step()
    assert [float(p.data) for p in params] == [0.5, 1.5, 2.5]
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


@pytest.mark.skipif(os.name != "posix", reason="sends a signal to itself")
def test_ctrl_c_waits_once_for_waits_within_waits():
    reached = []

    def interrupted():
        with CtrlCWaits():
            with CtrlCWaits():
                os.kill(os.getpid(), signal.SIGINT)
                reached.append("inner")
            reached.append("outer")

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert reached == ["inner", "outer"]


@pytest.mark.skipif(os.name != "posix", reason="sends a signal to itself")
@pytest.mark.parametrize("compiled", [False, True])
def test_after_ctrl_c_in_a_step_of_fit_all_parameters_are_at_the_same_step(compiled):
    X, y = xor()
    net, twin = nn.MLP(2, [4, 2], rng=0), nn.MLP(2, [4, 2], rng=0)

    class Interrupts(train.Callback):
        def on_step(self, run):
            if run.epoch == 2:
                os.kill(os.getpid(), signal.SIGINT)

    histories = []
    for model, callbacks, epochs in ((net, [Interrupts()], 9), (twin, [], 3)):
        optimizer = optim.SGD(model.parameters(), lr=0.5)
        options = {"loss": F.cross_entropy, "optimizer": optimizer, "compiled": compiled}
        histories.append(train.fit(model, X, y, epochs=epochs, callbacks=callbacks, **options))
    assert histories[0].stopped == "interrupted in epoch 3"
    for p, q in zip(net.parameters(), twin.parameters(), strict=True):
        np.testing.assert_array_equal(p.data, q.data)
