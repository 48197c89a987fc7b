"""Saving and loading: bit for bit, whole or not at all, and never a guess about a damaged file."""

import os
import signal
import stat
import subprocess
import sys
import threading

import numpy as np
import pytest
import safetensors.numpy
from hypothesis import example, given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from tinygrad_edu import Tensor, Value, load, nn, optim, save, serialization
from tinygrad_edu.errors import DTypeError, FileError, TinygradEduError
from tinygrad_edu.serialization import WeightsFileError, WeightsNotFoundError

NUMBERS = hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=4).flatmap(
    lambda shape: st.sampled_from(
        ["f2", "f4", "f8", ">f4", ">i8", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "?"]
    ).flatmap(lambda dtype: hnp.arrays(dtype, shape))
)


@given(st.dictionaries(st.text(max_size=8).filter(lambda name: name != "__metadata__"), NUMBERS, max_size=4))
@example({"": np.zeros(()), "é\n.0": np.zeros((0, 3))})
@example({"nan": np.array([np.nan, -np.nan, np.inf, -0.0, 5e-324])})
def test_arrays_come_back_bit_for_bit(tmp_path_factory, state):
    path = tmp_path_factory.mktemp("saved") / "state"
    save(path, state)
    loaded = load(path)
    assert loaded.keys() == state.keys()
    for name, array in state.items():
        native = array.astype(array.dtype.newbyteorder("="))
        assert (loaded[name].dtype, loaded[name].shape) == (native.dtype, array.shape)
        assert loaded[name].tobytes() == native.tobytes()
        assert loaded[name].flags.writeable


def test_layouts_are_of_no_effect(tmp_path):
    X = np.arange(24.0).reshape(4, 6)
    views = {
        "F": np.asfortranarray(X),
        "T": X.T,
        "slice": X[::2, 1::2],
        "reversed": X[::-1],
        "copies": np.broadcast_to(X, (2, 4, 6)),
    }
    save(tmp_path / "views", views)
    for name, array in load(tmp_path / "views").items():
        np.testing.assert_array_equal(array, views[name])


def test_what_holds_numbers_is_saved(tmp_path):
    state = {
        "tensor": Tensor([1.0, 2.0]),
        "value": Value(3.0),
        "int": 4,
        "flag": True,
        "pair": (0.9, 0.99),
        "list": [1, 2],
    }
    save(tmp_path / "state", state)
    loaded = load(tmp_path / "state")
    assert {name: array.tolist() for name, array in loaded.items()} == {
        "tensor": [1.0, 2.0],
        "value": 3.0,
        "int": 4,
        "flag": True,
        "pair": [0.9, 0.99],
        "list": [1, 2],
    }


def test_other_readers_understand_the_file(tmp_path):
    save(tmp_path / "state", {"a": np.arange(3)})
    np.testing.assert_array_equal(safetensors.numpy.load_file(tmp_path / "state")["a"], np.arange(3))


def test_a_model_and_its_optimizer_go_on_as_if_nothing_had_happened(tmp_path):
    def run(net, optimizer, steps):
        for k in range(steps):
            X = np.random.default_rng(k).normal(size=(6, 2))
            optimizer.zero_grad()
            nn.functional.mse_loss(net(X), X[:, :1]).backward()
            optimizer.step()

    def make(seed):
        net = nn.Sequential(nn.Linear(2, 4, rng=seed), nn.BatchNorm1d(4), nn.ReLU(), nn.Linear(4, 1, rng=seed))
        return net, optim.Adam(net.parameters(), lr=0.01)

    first, second = make(0), make(1)
    run(*first, 5)
    save(tmp_path / "net", first[0].state_dict())
    save(tmp_path / "optimizer", first[1].state_dict())
    second[0].load_state_dict(load(tmp_path / "net"))
    second[1].load_state_dict(load(tmp_path / "optimizer"))
    run(*first, 5)
    run(*second, 5)
    a, b = first[0].state_dict(), second[0].state_dict()
    assert {name: array.tobytes() for name, array in a.items()} == {name: array.tobytes() for name, array in b.items()}


# --- whole or not at all ------------------------------------------------------------------------------------------


def test_a_failed_save_leaves_the_old_file_and_nothing_else(tmp_path, monkeypatch):
    path = tmp_path / "state"
    save(path, {"a": np.ones(2)})

    def fail(_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(FileError, match=r"cannot be written .*No space left on device"):
        save(path, {"a": np.zeros(2)})
    assert [p.name for p in tmp_path.iterdir()] == ["state"]
    assert load(path)["a"].tolist() == [1.0, 1.0]


def test_an_interrupt_leaves_nothing_half_written(tmp_path, monkeypatch):
    def interrupt(_):
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", interrupt)
    with pytest.raises(KeyboardInterrupt):
        save(tmp_path / "state", {"a": np.zeros(2)})
    assert list(tmp_path.iterdir()) == []


def test_a_killed_process_leaves_a_whole_file(tmp_path):
    """Either the old one or the new one, at whatever moment it dies."""
    program = (
        "import sys, itertools, numpy as np\n"
        "from tinygrad_edu import save\n"
        "for k in itertools.count():\n"
        "    save(sys.argv[1], {'k': np.full(100_000, k)})\n"
        "    print(k, flush=True)\n"
    )
    path = tmp_path / "state"
    for moment in range(5):
        with subprocess.Popen([sys.executable, "-c", program, str(path)], stdout=subprocess.PIPE, text=True) as process:
            for _ in range(moment + 1):
                line = process.stdout.readline()
            process.send_signal(signal.SIGKILL)
            process.wait()
        k = load(path)["k"]
        assert (k == k[0]).all()
        assert k[0] >= int(line)


def test_the_file_may_be_read_by_whom_the_folder_allows(tmp_path):
    before = os.umask(0o022)
    try:
        save(tmp_path / "state", {"a": np.ones(2)})
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "state").stat().st_mode) == 0o644


def test_a_link_stays_a_link(tmp_path):
    (tmp_path / "real").mkdir()
    link = tmp_path / "link"
    link.symlink_to(tmp_path / "real" / "state")
    save(link, {"a": np.ones(2)})
    assert link.is_symlink()
    assert load(tmp_path / "real" / "state")["a"].tolist() == [1.0, 1.0]


def test_several_threads_write_one_file(tmp_path):
    path = tmp_path / "state"
    threads = [threading.Thread(target=save, args=(path, {"a": np.full(50_000, k)})) for k in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    a = load(path)["a"]
    assert (a == a[0]).all()
    assert len(list(tmp_path.iterdir())) == 1


# --- bad input ----------------------------------------------------------------------------------------------------


def test_what_is_no_state_is_named(tmp_path):
    net = nn.Linear(2, 1)
    for path, state in ((tmp_path / "net", net), (net, str(tmp_path / "net"))):
        with pytest.raises(DTypeError, match=r"a dict of numbers by name, such as net\.state_dict\(\), but was given"):
            save(path, state)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("place", ["missing/state", ".", "file/state"])
def test_a_place_that_cannot_be_written_is_named(tmp_path, place):
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(FileError, match=r"'.*' cannot be written \(.*name a file in a folder that exists"):
        save(tmp_path / place, {"a": np.ones(2)})
    assert [p.name for p in tmp_path.iterdir()] == ["file"]


@pytest.mark.parametrize(
    ("state", "text"),
    [
        ({"a": "text"}, "entry 'a' must hold numbers of at most 64 bits, but holds <U4"),
        ({"a": np.array([1j])}, "holds complex128"),
        ({"a": np.array([None])}, "holds object"),
        ({1: np.ones(2)}, "a name must be text, .* but 1 was given"),
        ({"__metadata__": np.ones(2)}, "'__metadata__' was given"),
    ],
)
def test_what_holds_no_numbers_is_named_and_nothing_is_written(tmp_path, state, text):
    with pytest.raises(DTypeError, match=text):
        save(tmp_path / "state", {"first": np.ones(2)} | state)
    assert list(tmp_path.iterdir()) == []


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(WeightsNotFoundError, match=r"there is no file '.*nowhere'"):
        load(tmp_path / "nowhere")
    with pytest.raises(FileNotFoundError, match="is a folder: name a file in it"):
        load(tmp_path)


def whole():
    return safetensors.numpy.save({"a": np.arange(6.0), "b": np.ones((2, 2), np.float32)})


@pytest.mark.parametrize("length", [0, 1, 7, 8, 9, 60, len(whole()) - 9, len(whole()) - 1])
def test_a_truncated_file_is_refused(tmp_path, length):
    (tmp_path / "state").write_bytes(whole()[:length])
    with pytest.raises(WeightsFileError, match="is not a complete safetensors file"):
        load(tmp_path / "state")


@pytest.mark.parametrize(
    "content", [b"\x80\x04}\x94.", b"PK\x03\x04" + bytes(60), b"{}", "résumé".encode() * 9, bytes(8), whole() + b"x"]
)
def test_a_file_of_another_kind_is_refused(tmp_path, content):
    (tmp_path / "state").write_bytes(content)
    with pytest.raises(
        WeightsFileError,
        match=r"load: '.*state' is not a complete safetensors file \(.*\): give a file that save\(\) wrote",
    ):
        load(tmp_path / "state")


@given(st.data())
def test_a_mutated_file_is_refused_or_read_and_nothing_else(tmp_path_factory, data):
    content = bytearray(whole())
    for _ in range(data.draw(st.integers(1, 3))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    path = tmp_path_factory.mktemp("mutated") / "state"
    path.write_bytes(content)
    try:
        arrays = load(path)
    except TinygradEduError:
        return
    assert all(isinstance(array, np.ndarray) for array in arrays.values())


def test_errors_are_the_builtin_ones_too():
    assert issubclass(serialization.WeightsFileError, ValueError)
    assert issubclass(serialization.WeightsNotFoundError, FileNotFoundError)


def test_a_path_is_text():
    with pytest.raises(DTypeError, match=r"^load takes the path of a file, but was given 3$"):
        load(3)


def test_names_come_back_in_alphabetical_order(tmp_path):
    names = [f"layers.{i}.weight" for i in (3, 11, 0, 7)] + ["b", "a"]
    save(tmp_path / "w.safetensors", {name: np.ones(2) for name in names})
    assert list(load(tmp_path / "w.safetensors")) == sorted(names)
