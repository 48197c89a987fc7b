"""tinygrad_edu.data: toy sets, file readers, downloads, splits, batches, standardising."""

import functools
import gzip
import hashlib
import io
import os
import struct
import subprocess
import sys
import tarfile
import threading
import tracemalloc
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tinygrad_edu import data
from tinygrad_edu.data import _cifar10, _download, _mnist
from tinygrad_edu.data._download import RemoteFile, fetch
from tinygrad_edu.errors import ArgumentError, DTypeError, ShapeError, TinygradEduError

# A gzip file holds the time. The names of tests are made of it, and all processes of a run must find the same names.
zipped = functools.partial(gzip.compress, mtime=0)
REPOSITORY = Path(__file__).parents[2]


# Importing


def test_importing_is_light():
    heavy = {"sklearn", "scipy", "pooch", "requests", "matplotlib", "graphviz", "tqdm"}
    code = f"import sys, tinygrad_edu.data; print(sorted({heavy} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], cwd=REPOSITORY, capture_output=True, text=True)
    assert (done.stdout.strip(), done.stderr) == ("[]", "")


@pytest.mark.parametrize("name", ["moons", "circles", "blobs", "digits"])
def test_a_missing_scikit_learn_names_the_extra(name, monkeypatch):
    monkeypatch.setitem(sys.modules, "sklearn.datasets", None)
    with pytest.raises(data.MissingExtraError, match=rf'{name} needs scikit-learn.*"tinygrad_edu\[demos\]"') as info:
        getattr(data, name)()
    assert isinstance(info.value, ImportError)
    assert isinstance(info.value, TinygradEduError)


# Toy sets


def test_xor_repeats_the_table():
    X, y = data.xor(500)
    assert X.shape == (2000, 2)
    assert (X.dtype, y.dtype) == (np.float64, np.int64)
    np.testing.assert_array_equal(y, X[:, 0] != X[:, 1])
    np.testing.assert_array_equal(X[:8], np.concatenate([data.xor()[0]] * 2))
    with pytest.raises(ArgumentError, match="xor: repeats must be a whole number, at least 1, but was given 0"):
        data.xor(0)


def test_moons_are_those_of_scikit_learn():
    from sklearn.datasets import make_moons

    X, y = make_moons(500, noise=0.2, random_state=42)
    for rng in (42, np.int32(42), np.random.RandomState(42)):
        X_ours, y_ours = data.moons(500, noise=0.2, rng=rng)
        np.testing.assert_array_equal(X_ours, X)
        np.testing.assert_array_equal(y_ours, y)


def test_circles_blobs_and_digits_are_those_of_scikit_learn():
    from sklearn import datasets

    pairs = [
        (
            data.circles(60, 0.1, 7, factor=0.3),
            datasets.make_circles(60, noise=0.1, random_state=7, factor=0.3),
        ),
        (data.blobs(60, 3, centers=4, rng=7), datasets.make_blobs(60, 3, centers=4, random_state=7)),
        (data.digits(), datasets.load_digits(return_X_y=True)),
    ]
    for ours, theirs in pairs:
        np.testing.assert_array_equal(ours[0], theirs[0])
        np.testing.assert_array_equal(ours[1], theirs[1])
        assert (ours[0].dtype, ours[1].dtype) == (np.float64, np.int64)


RANDOM_SETS = {
    "moons": functools.partial(data.moons, 40, 0.1),
    "circles": functools.partial(data.circles, 40, 0.1),
    "spirals": functools.partial(data.spirals, 40, 0.1),
    "blobs": functools.partial(data.blobs, 40),
    "split": functools.partial(data.train_test_split, np.arange(40), np.arange(40), 0.5),
    "batches": lambda rng: next(iter(data.batches(np.arange(40), np.arange(40), 40, rng=rng))),
}


@pytest.mark.parametrize("name", RANDOM_SETS)
def test_a_generator_decides_everything_and_moves_on(name):
    make = RANDOM_SETS[name]
    rng, same = np.random.default_rng(3), np.random.default_rng(3)
    first, second = make(rng=rng)[0], make(rng=rng)[0]
    np.testing.assert_array_equal(make(rng=same)[0], first)
    np.testing.assert_array_equal(make(rng=same)[0], second)
    assert not np.array_equal(first, second)
    assert rng.random() == same.random()
    np.testing.assert_array_equal(make(rng=5)[0], make(rng=5)[0])
    assert not np.array_equal(make(rng=None)[0], make(rng=None)[0])


@pytest.mark.parametrize("name", RANDOM_SETS)
def test_a_wrong_rng_is_refused(name):
    with pytest.raises(DTypeError, match=r"rng must be a numpy.random.Generator.* not 'seed'"):
        RANDOM_SETS[name](rng="seed")
    with pytest.raises(ArgumentError, match=r"between 0 and 2\*\*32 - 1, not -1"):
        RANDOM_SETS[name](rng=-1)


@given(n=st.integers(1, 60), arms=st.integers(1, 5), turns=st.floats(0.1, 3))
def test_spirals_lie_on_their_arms(n, arms, turns):
    if arms > n:
        with pytest.raises(ArgumentError, match="a point for each"):
            data.spirals(n, arms=arms)
        return
    X, y = data.spirals(n, rng=0, arms=arms, turns=turns)
    counts = np.bincount(y, minlength=arms)
    assert counts.max() - counts.min() <= 1
    t = np.hypot(*X.T)
    np.testing.assert_array_less(0, t)
    np.testing.assert_array_less(t, 1 + 1e-12)
    turned = np.exp(2j * np.pi * (turns * t + y / arms)) * t
    np.testing.assert_allclose(X[:, 0] + 1j * X[:, 1], turned, atol=1e-12)


def test_spirals_noise_is_a_deviation():
    clean, noisy = data.spirals(20_000, rng=0)[0], data.spirals(20_000, noise=0.1, rng=0)[0]
    np.testing.assert_allclose((noisy - clean).std(axis=0), 0.1, rtol=0.03)
    with pytest.raises(ArgumentError, match=r"spirals: noise must be a number, at least 0, but was given -0\.1"):
        data.spirals(10, noise=-0.1)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: data.xor(2.5), "xor: repeats must be a whole number"),
        (lambda: data.moons(0), "moons: The 'n_samples' parameter of make_moons must be an int"),
        (lambda: data.moons(noise=-1), "moons: The 'noise' parameter"),
        (lambda: data.circles(factor=2), "circles: The 'factor' parameter"),
        (lambda: data.blobs(centers=0), "blobs: The 'centers' parameter"),
        (lambda: data.spirals(2.5), "spirals: n_samples must be a whole number"),
        (lambda: data.spirals(arms=0), "spirals: arms must be a whole number, at least 1, but was given 0"),
        (lambda: data.spirals(3, arms=4), "spirals: expected a point for each arm, not 4 arms of 3 points"),
        (lambda: data.spirals(noise="much"), "spirals: noise must be a number"),
    ],
)
def test_toys_refuse_what_makes_no_set(make, words):
    with pytest.raises(ArgumentError, match=words):
        make()


# Splitting


@given(
    n=st.integers(2, 300),
    test_size=st.one_of(st.floats(0.01, 0.99), st.integers(1, 299)),
    seed=st.integers(0, 99),
)
@example(n=500, test_size=0.2, seed=42)
def test_the_split_is_that_of_scikit_learn(n, test_size, seed):
    from sklearn.model_selection import train_test_split

    X, y = np.random.default_rng(0).normal(size=(n, 3)), np.arange(n)
    try:
        expected = train_test_split(X, y, test_size=test_size, random_state=seed)
    except ValueError:
        with pytest.raises(ArgumentError, match=f"test_size={test_size} of {n} rows"):
            data.train_test_split(X, y, test_size, rng=seed)
        return
    for part, theirs in zip(data.train_test_split(X, y, test_size, rng=seed), expected, strict=True):
        np.testing.assert_array_equal(part, theirs)


def test_the_split_refuses_what_does_not_fit():
    X = np.zeros((10, 2))
    for wrong in (0, 10, -1, 0.0, 1.0, 2.5, -0.2, "a fifth", np.nan, None):
        with pytest.raises(ArgumentError, match="leaves an empty set"):
            data.train_test_split(X, np.arange(10), wrong)
    with pytest.raises(ShapeError, match=r"\(10, 2\) and \(9,\)"):
        data.train_test_split(X, np.arange(9))
    with pytest.raises(ShapeError, match=r"\(\) and \(\)"):
        data.train_test_split(1.0, 2.0)
    with pytest.raises(ArgumentError, match=r"at least two rows, one for each set, got \(1, 2\)"):
        data.train_test_split(X[:1], [0])


# Batches


@given(n=st.integers(1, 50), size=st.integers(1, 60), drop_last=st.booleans())
def test_batches_hold_every_row_once(n, size, drop_last):
    X, y = np.arange(3 * n, dtype=np.float32).reshape(n, 3)[:, ::-1], np.arange(n)
    if drop_last and size > n:
        with pytest.raises(ArgumentError, match=f"{n} rows, fewer than size={size}"):
            data.batches(X, y, size, drop_last=True)
        return
    loader = data.batches(X, y, size, rng=np.random.default_rng(0), drop_last=drop_last)
    for _ in range(2):
        pairs = list(loader)
        assert len(pairs) == len(loader)
        seen = np.concatenate([y_batch for _, y_batch in pairs])
        assert len(seen) == len(np.unique(seen)) == (n // size * size if drop_last else n)
        for X_batch, y_batch in pairs:
            assert X_batch.dtype == np.float32
            assert X_batch.flags.c_contiguous
            assert X_batch.flags.writeable
            np.testing.assert_array_equal(X_batch, X[y_batch])
        assert {len(y_batch) for _, y_batch in pairs[:-1]} <= {size}


def test_every_pass_is_shuffled_anew_and_draws_one_permutation():
    rng = np.random.default_rng(1)
    loader = data.batches(np.arange(30), np.arange(30), 7, rng=np.random.default_rng(1))
    for _ in range(3):
        np.testing.assert_array_equal(np.concatenate([y for _, y in loader]), rng.permutation(30))


def test_batches_are_copies():
    X, y = np.arange(4.0), np.arange(4)
    for X_batch, y_batch in data.batches(X, y, 4):
        X_batch[:], y_batch[:] = -1, -1
    assert X.tolist() == y.tolist() == [0, 1, 2, 3]


def test_batches_complain_when_they_are_made():
    with pytest.raises(ShapeError, match=r"\(3, 2\) and \(4,\)"):
        data.batches(np.zeros((3, 2)), np.zeros(4), 2)
    with pytest.raises(ShapeError, match=r"\(\) and \(\)"):
        data.batches(1.0, 2.0, 2)
    with pytest.raises(ArgumentError, match="X has no rows"):
        data.batches([], [], 2)
    for size in (0, -1, 2.5, "2", True):
        with pytest.raises(ArgumentError, match=f"batches: size must be .* but was given {size!r}"):
            data.batches([1, 2], [1, 2], size)


def test_batches_show_how_many_there_are():
    assert repr(data.batches(np.zeros((5, 2)), np.zeros(5), 2)) == "<3 batches of 2 of 5 rows>"


# Standardizing

columns = st.one_of(
    st.lists(st.floats(-1e6, 1e6), min_size=4, max_size=4),
    st.floats(-1e6, 1e6).map(lambda x: [x] * 4),  # constant
    st.floats(-1e6, 1e6).map(lambda x: [x, x, x, np.nextafter(x, np.inf)]),  # constant but for rounding
)


@given(st.lists(columns, min_size=1, max_size=4), st.sampled_from([np.float64, np.float32]))
def test_standardizer_agrees_with_scikit_learn(lists, dtype):
    from sklearn.preprocessing import StandardScaler

    X = np.array(lists).T.astype(dtype)
    ours, theirs = data.Standardizer(), StandardScaler()
    Z, expected = ours.fit_transform(X), theirs.fit_transform(X)
    assert Z.dtype == expected.dtype == dtype
    np.testing.assert_array_equal(ours.scale_ == 1, theirs.scale_ == 1)
    np.testing.assert_allclose(ours.mean_, theirs.mean_, rtol=1e-13, atol=1e-300)
    np.testing.assert_allclose(ours.scale_, theirs.scale_, rtol=1e-9)
    tolerance = 1e-9 if dtype == np.float64 else 1e-5
    np.testing.assert_allclose(Z, expected, rtol=tolerance, atol=tolerance)
    back = ours.inverse_transform(Z)
    np.testing.assert_allclose(back, X, rtol=tolerance, atol=tolerance * (1 + np.abs(X).max()))


def test_standardizer_reproduces_the_moons_lab_bit_for_bit():
    from sklearn.preprocessing import StandardScaler

    X_train, X_test, *_ = data.train_test_split(*data.moons(500, 0.2, rng=42), 0.2, rng=42)
    theirs, ours = StandardScaler().fit(X_train), data.Standardizer().fit(X_train)
    np.testing.assert_array_equal(ours.transform(X_train), theirs.transform(X_train))
    np.testing.assert_array_equal(ours.transform(X_test), theirs.transform(X_test))


def test_standardizer_takes_pictures_of_bytes():
    X = np.random.default_rng(0).integers(0, 256, (50, 4, 5, 3), dtype=np.uint8)
    X[:, 0, 0, 0] = 7
    before = X.copy()
    Z = data.Standardizer().fit_transform(X)
    np.testing.assert_array_equal(X, before)
    assert Z.dtype == np.float64
    assert not Z[:, 0, 0, 0].any()
    np.testing.assert_allclose(Z.mean(axis=0), 0, atol=1e-14)
    np.testing.assert_allclose(Z.std(axis=0).ravel()[1:], 1)


def test_standardizer_refuses_what_does_not_fit():
    standardizer = data.Standardizer()
    with pytest.raises(ArgumentError, match=r"call fit\(X_train\) first"):
        standardizer.transform([[1.0]])
    for X in ([1.0, 2.0], np.zeros((0, 3))):
        with pytest.raises(ShapeError, match=r"shape \(n, features\)"):
            standardizer.fit(X)
    for X in ([["a"]], [[1j]]):
        with pytest.raises(DTypeError, match="Standardizer: expected numbers, got"):
            standardizer.fit(X)
    standardizer.fit([[1.0, 2.0], [3.0, 5.0]])
    for bad in (np.nan, np.inf, 1e300):
        with pytest.raises(ArgumentError, match=r"feature \(1,\) has no finite variance"):
            standardizer.fit([[1.0, bad], [2.0, -bad]])
    assert standardizer.mean_.tolist() == [2.0, 3.5]
    with pytest.raises(ShapeError, match=r"rows of shape \(2,\), as given to fit, got \(1, 3\)"):
        standardizer.transform([[1.0, 2.0, 3.0]])


# The folder


@pytest.mark.parametrize(
    ("platform", "variables", "expected"),
    [
        ("linux", {}, "home/.cache/tinygrad_edu"),
        ("linux", {"XDG_CACHE_HOME": "/xdg"}, "/xdg/tinygrad_edu"),
        ("linux", {"XDG_CACHE_HOME": "relative"}, "home/.cache/tinygrad_edu"),
        ("darwin", {"XDG_CACHE_HOME": "/xdg"}, "home/Library/Caches/tinygrad_edu"),
        ("win32", {}, "home/AppData/Local/tinygrad_edu"),
        ("win32", {"LOCALAPPDATA": "local"}, "local/tinygrad_edu"),
        ("darwin", {"TINYGRAD_EDU_DATA": "~/set"}, "home/set"),
        ("linux", {"TINYGRAD_EDU_DATA": ""}, "home/.cache/tinygrad_edu"),
    ],
)
def test_data_folder_follows_the_platform(platform, variables, expected, monkeypatch):
    for name in ("XDG_CACHE_HOME", "LOCALAPPDATA", "TINYGRAD_EDU_DATA"):
        monkeypatch.delenv(name, raising=False)
    for name, value in (variables | {"HOME": "home"}).items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(sys, "platform", platform)
    assert data.data_folder() == Path(expected)


# Reading MNIST: small files in the official format


def idx(array: np.ndarray) -> bytes:
    return bytes([0, 0, 8, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape) + array.tobytes()


PICTURES = np.random.default_rng(0).integers(0, 256, (3, 28, 28), dtype=np.uint8)
DIGITS = np.array([7, 0, 9], np.uint8)
IMAGES_NAME, LABELS_NAME = "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"


def write_mnist(folder: Path, images: bytes = idx(PICTURES), labels: bytes = idx(DIGITS)) -> None:
    folder.mkdir(exist_ok=True, parents=True)
    (folder / IMAGES_NAME).write_bytes(images)
    (folder / LABELS_NAME).write_bytes(labels)


def test_mnist_reads_pictures_and_labels(tmp_path, monkeypatch):
    write_mnist(tmp_path / "mnist")
    monkeypatch.setenv("TINYGRAD_EDU_DATA", str(tmp_path))
    for root in (tmp_path, str(tmp_path), tmp_path / "mnist", None):
        X, y = data.mnist(root, split="test")
        np.testing.assert_array_equal(X, PICTURES)
        np.testing.assert_array_equal(y, DIGITS)
        assert (X.dtype, y.dtype) == (np.uint8, np.int64)
        assert X.flags.c_contiguous
        assert X.flags.writeable


def test_mnist_tells_gzip_by_the_content(tmp_path):
    write_mnist(tmp_path, images=zipped(idx(PICTURES)))  # compressed under the name of the plain file
    (tmp_path / LABELS_NAME).rename(tmp_path / f"{LABELS_NAME}.gz")  # and the reverse
    X, y = data.mnist(tmp_path, split="test")
    np.testing.assert_array_equal(X, PICTURES)
    np.testing.assert_array_equal(y, DIGITS)


def test_mnist_says_where_it_looked(tmp_path):
    with pytest.raises(data.DataNotFoundError, match=r"train-images-idx3-ubyte.*mnist\(download=True\)") as info:
        data.mnist(tmp_path / "nowhere")
    assert str(tmp_path / "nowhere" / "mnist") in str(info.value)
    assert isinstance(info.value, FileNotFoundError)
    with pytest.raises(ArgumentError, match="not 'valid'"):
        data.mnist(tmp_path, split="valid")


@pytest.mark.parametrize(
    ("images", "labels", "match"),
    [
        (b"", idx(DIGITS), "found an empty file"),
        (b"<!DOCTYPE html>", idx(DIGITS), "begin with the bytes 00 00 08 03, found 3c 21 44 4f"),
        (idx(DIGITS), idx(DIGITS), "found 00 00 08 01"),
        (idx(PICTURES)[:9], idx(DIGITS), "the sizes of 3 axes, found the end of the file"),
        (idx(PICTURES)[:-1], idx(DIGITS), "2,352 bytes of data, found 2,351"),
        (idx(PICTURES) + b"\0", idx(DIGITS), "2,352 bytes of data, found more"),
        (
            idx(PICTURES[:, :27]),
            idx(DIGITS),
            r"items of shape \(28, 28\), found an array of shape \(3, 27, 28\)",
        ),
        (idx(PICTURES[:2]), idx(DIGITS), "2 pictures, but .* 3 labels"),
        (idx(PICTURES), idx(DIGITS + 1), "the label 10: expected digits 0 to 9"),
        (zipped(idx(PICTURES))[:-1], idx(DIGITS), "truncated or damaged"),
        (zipped(idx(PICTURES))[:-8] + bytes(8), idx(DIGITS), "CRC check failed"),
        (zipped(idx(PICTURES))[:40] + bytes(99), idx(DIGITS), "truncated or damaged"),
    ],
)
def test_mnist_refuses_other_files(images, labels, match, tmp_path):
    write_mnist(tmp_path, images, labels)
    with pytest.raises(data.DataFileError, match=match) as info:
        data.mnist(tmp_path, split="test")
    assert isinstance(info.value, ValueError)
    assert str(tmp_path) in str(info.value)
    assert "\n" not in str(info.value)


# Reading CIFAR-10: small files in the official format


def cifar_rows(labels: list[int], seed: int = 0) -> bytes:
    pixels = np.random.default_rng(seed).integers(0, 256, (len(labels), 3072), dtype=np.uint8)
    return np.hstack([np.array(labels, np.uint8).reshape(-1, 1), pixels]).tobytes()


BATCHES = {f"data_batch_{i}.bin": cifar_rows([i - 1, 3], seed=i) for i in (3, 1, 2, 5, 4)}
BATCHES["test_batch.bin"] = cifar_rows([9, 1, 3])


def cifar_tar(batches: dict[str, bytes], tar_format: int = tarfile.USTAR_FORMAT) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tar_format) as archive:
        for name, content in ({"batches.meta.txt": b"airplane\n"} | batches).items():
            member = tarfile.TarInfo(f"cifar-10-batches-bin/{name}")
            member.size = len(content)
            member.mtime = 0.5  # not whole: the pax format then writes a header of its own
            archive.addfile(member, io.BytesIO(content))
    return buffer.getvalue()


def write_extracted(folder: Path, compress=bytes, suffix: str = "") -> None:
    folder.mkdir(parents=True)
    for name, content in BATCHES.items():
        (folder / f"{name}{suffix}").write_bytes(compress(content))


def write_archive(folder: Path, content: bytes, name: str = "cifar-10-binary.tar.gz") -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(content)


LAYOUTS = {
    "archive": lambda root: write_archive(root / "cifar10", zipped(cifar_tar(BATCHES))),
    "archive of a subset": lambda root: write_archive(root / "cifar10-few", zipped(cifar_tar(BATCHES))),
    "archive in root": lambda root: write_archive(root, zipped(cifar_tar(BATCHES, tarfile.PAX_FORMAT))),
    "plain tar": lambda root: write_archive(root, cifar_tar(BATCHES, tarfile.GNU_FORMAT), "cifar-10-binary.tar"),
    "extracted": lambda root: write_extracted(root / "cifar10" / "cifar-10-batches-bin"),
    "extracted into root": lambda root: write_extracted(root / "x"),
    "gzip by file": lambda root: write_extracted(root / "cifar10", zipped, ".gz"),
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_cifar10_reads_every_layout(layout, tmp_path, monkeypatch):
    LAYOUTS[layout](tmp_path)
    monkeypatch.setenv("TINYGRAD_EDU_DATA", str(tmp_path))
    X, y = data.cifar10(tmp_path / "x" if layout == "extracted into root" else None)
    assert (X.shape, X.dtype, y.dtype) == ((10, 32, 32, 3), np.uint8, np.int64)
    assert X.flags.c_contiguous
    assert X.flags.writeable
    assert y.tolist() == [0, 3, 1, 3, 2, 3, 3, 3, 4, 3]  # the batches in their order, not the archive's
    rows = np.frombuffer(BATCHES["data_batch_2.bin"], np.uint8).reshape(2, 3073)
    for red_green_blue in range(3):
        plane = rows[:, 1 + 1024 * red_green_blue :][:, :1024].reshape(2, 32, 32)
        np.testing.assert_array_equal(X[2:4, :, :, red_green_blue], plane)


def test_cifar10_takes_the_whole_set_before_a_subset(tmp_path):
    write_archive(tmp_path / "cifar10-cats", zipped(cifar_tar({"test_batch.bin": cifar_rows([3])})))
    assert data.cifar10(tmp_path, split="test")[1].tolist() == [3]
    LAYOUTS["archive"](tmp_path)
    assert data.cifar10(tmp_path, split="test")[1].tolist() == [9, 1, 3]


@pytest.mark.parametrize(
    ("classes", "expected"),
    [
        (["automobile", "cat"], [0, 1]),
        (["cat", "automobile"], [1, 0]),
        ([3, "automobile"], [1, 0]),
        (np.array([3, 1]), [1, 0]),
        ("cat", [0]),
        (3, [0]),
        (None, [9, 1, 3]),
    ],
)
def test_cifar10_keeps_classes_and_numbers_them_anew(classes, expected, tmp_path):
    LAYOUTS["archive"](tmp_path)
    X, y = data.cifar10(tmp_path, split="test", classes=classes)
    assert y.tolist() == expected
    rows = np.frombuffer(BATCHES["test_batch.bin"], np.uint8).reshape(3, 3073)
    np.testing.assert_array_equal(X[-1, 0, :, 0], rows[2, 1:33])


def test_cifar10_refuses_classes_that_are_not_there(tmp_path):
    LAYOUTS["archive"](tmp_path)
    for classes in ([], ["kitten"], [10], [-1], [3, "cat"], [1.5], "c", 1.5):
        with pytest.raises(ArgumentError, match="classes must be different numbers from 0 to 9 or names"):
            data.cifar10(tmp_path, classes=classes)
    with pytest.raises(ArgumentError, match=r"\['dog'\] are in .*, which has automobile, cat, truck"):
        data.cifar10(tmp_path, split="test", classes=["dog"])


def test_cifar10_says_where_it_looked(tmp_path):
    (tmp_path / "data_batch_1.bin").write_bytes(BATCHES["data_batch_1.bin"])  # one of five is no training set
    with pytest.raises(
        data.DataNotFoundError, match=r"cifar-10-binary.*data_batch_5.*cifar10\(download=True\)"
    ) as info:
        data.cifar10(tmp_path)
    assert str(tmp_path) in str(info.value)
    with pytest.raises(ArgumentError, match="not 'valid'"):
        data.cifar10(tmp_path, split="valid")


def member_header(name: str, size: bytes, kind: bytes = b"0") -> bytes:
    """Return a tar header with the given twelve bytes for the size, and a right checksum."""
    header = name.encode().ljust(100, b"\0") + b"0000644\0" * 3 + size + b"00000000000\0" + b" " * 8 + kind
    header = header.ljust(512, b"\0")
    return header[:148] + b"%06o\0 " % sum(header) + header[156:]


@pytest.mark.parametrize(
    ("content", "match"),
    [
        (b"", "truncated or no CIFAR-10 binary archive: test_batch.bin missing"),
        (b"<!DOCTYPE html>" * 99, "no tar archive: expected the header of a file at byte 0"),
        (zipped(b"<!DOCTYPE html>"), "no tar archive"),
        (cifar_tar(BATCHES)[:-12_000], "truncated: test_batch.bin ends early"),
        (zipped(cifar_tar(BATCHES))[:-1000], "truncated or damaged"),
        (zipped(cifar_tar(BATCHES))[:-8] + bytes(8), "CRC check failed"),
        (cifar_tar(BATCHES).replace(b"batches.meta", b"batches.mega"), "header of a file at byte 0"),
        (cifar_tar({"data_batch_1.bin": b""}), "test_batch.bin missing"),
        (cifar_tar({"test_batch.bin": b""}), "has no rows"),
        (cifar_tar({"test_batch.bin": cifar_rows([1, 2])[:-1]}), "rows of 3,073 bytes, found 6,145 bytes"),
        (cifar_tar({"test_batch.bin": cifar_rows([1, 10])}), "row 1 begins with the label 10, expected 0 to 9"),
        (member_header("test_batch.bin", b"\xff" * 12), "no tar archive"),  # -1: walks in circles, if believed
        (member_header("test_batch.bin", b"\x80" + b"\xff" * 11), "no tar archive"),  # 2**88 - 1
        (member_header("x", b"77777777777\0"), "x ends early"),
        (member_header("x", b"77777777777\0", b"x"), "x ends early"),
        (member_header("x", b"00000000000\0", b"L") * 5000, "test_batch.bin missing"),  # not 5000 levels deep
        (member_header("test_batch.bin", b"00000000000\0", b"5"), "test_batch.bin missing"),
    ],
)
def test_cifar10_refuses_other_files(content, match, tmp_path):
    write_archive(tmp_path, content)
    with pytest.raises(data.DataFileError, match=match) as info:
        data.cifar10(tmp_path, split="test")
    assert str(tmp_path) in str(info.value)
    assert "\n" not in str(info.value)


# Hostile files


def peak_memory(read) -> int:
    """Return the bytes that a read allocated at most, having seen it fail."""
    tracemalloc.start()
    try:
        with pytest.raises(data.DataFileError):
            read()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("compress", [bytes, gzip.compress])
def test_a_header_allocates_nothing(compress, tmp_path):
    write_mnist(tmp_path, compress(bytes([0, 0, 8, 3]) + struct.pack(">3I", 10_000, 28, 28)))
    assert peak_memory(lambda: data.mnist(tmp_path, split="test")) < 4 << 20
    write_mnist(tmp_path, compress(bytes([0, 0, 8, 3]) + b"\xff" * 12))
    assert peak_memory(lambda: data.mnist(tmp_path, split="test")) < 1 << 20


def test_a_gzip_bomb_is_not_unpacked(tmp_path):
    write_mnist(tmp_path, labels=zipped(idx(DIGITS) + bytes(64 << 20)))
    assert peak_memory(lambda: data.mnist(tmp_path, split="test")) < 1 << 20


def test_an_archive_bomb_is_not_unpacked(tmp_path, monkeypatch):
    monkeypatch.setattr(_cifar10, "MAX_ARCHIVE", 2 << 20)
    write_archive(tmp_path, zipped(cifar_tar({"junk": bytes(64 << 20)} | BATCHES)))
    assert peak_memory(lambda: data.cifar10(tmp_path)) < 8 << 20


@st.composite
def damage(draw, content: bytes, places: tuple[int, ...]) -> bytes:
    """Cut, flip, insert and remove bytes, for choice near the places where the structure is."""
    damaged = bytearray(content)
    for _ in range(draw(st.integers(0, 4))):
        near = st.builds(lambda place, shift: place + shift, st.sampled_from(places), st.integers(0, 40))
        at = draw(st.one_of(near, st.integers(0, len(content))))
        new = draw(st.binary(max_size=12))
        removed = draw(st.sampled_from([0, len(new), 1, 100, len(content)]))
        damaged[at : at + removed] = new
    return bytes(damaged)


@pytest.fixture(scope="module")
def scratch(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("fuzz")


@given(damage(idx(PICTURES), (0, 4)), damage(idx(DIGITS), (0, 4)), st.booleans())
@settings(deadline=None)
def test_fuzzed_mnist_is_valid_or_refused(scratch, images, labels, compressed):
    write_mnist(scratch, zipped(images) if compressed else images, labels)
    check_mnist(scratch)


@given(damage(zipped(idx(PICTURES)), (0, 2, 10)), damage(zipped(idx(DIGITS)), (0, 2, 10)))
@settings(deadline=None)
def test_fuzzed_compressed_mnist_is_valid_or_refused(scratch, images, labels):
    write_mnist(scratch, images, labels)
    check_mnist(scratch)


def check_mnist(root: Path) -> None:
    try:
        X, y = data.mnist(root, split="test")
    except data.DataFileError:
        return
    assert X.shape == (len(y), 28, 28)
    assert set(y.tolist()) <= set(range(10))


TAR = cifar_tar({"test_batch.bin": cifar_rows([1])}, tarfile.PAX_FORMAT)
HEADERS = tuple(range(0, len(TAR), 512))


def with_right_checksums(archive: bytes) -> bytes:
    """Return the archive with a right checksum in every block, so that damaged headers are believed."""
    blocks = [archive[at : at + 512] for at in HEADERS]
    sums = [sum(block[:148]) + 8 * 32 + sum(block[156:]) for block in blocks]
    return b"".join(
        block[:148] + b"%06o\0 " % total + block[156:] if block[257:262] == b"ustar" else block
        for block, total in zip(blocks, sums, strict=True)
    )


@given(
    damage(TAR, tuple(at + field for at in HEADERS for field in (0, 124, 156, 257, 345, 483))),
    st.booleans(),
    st.sampled_from([bytes, gzip.compress]),
)
@settings(deadline=None, max_examples=300)
def test_fuzzed_archives_are_valid_or_refused(scratch, archive, believed, compress):
    write_archive(scratch / "cifar10", compress(with_right_checksums(archive) if believed else archive))
    check_cifar10(scratch)


@given(damage(zipped(TAR), (0, 2, 10)))
@settings(deadline=None)
def test_fuzzed_compressed_archives_are_valid_or_refused(scratch, archive):
    write_archive(scratch / "cifar10", archive)
    check_cifar10(scratch)


@given(damage(BATCHES["test_batch.bin"], (0, 3073, 6146)))
@settings(deadline=None)
def test_fuzzed_batches_are_valid_or_refused(tmp_path_factory, batch):
    root = tmp_path_factory.getbasetemp() / "fuzzed-batches"
    write_archive(root, batch, "test_batch.bin")
    check_cifar10(root)


def check_cifar10(root: Path) -> None:
    try:
        X, y = data.cifar10(root, split="test")
    except data.DataFileError:
        return
    assert X.shape == (len(y), 32, 32, 3)
    assert len(y) > 0
    assert set(y.tolist()) <= set(range(10))


# Downloading, from a server that knows ranges or not, and that hangs up


class Mirror(BaseHTTPRequestHandler):
    content = b""
    knows_ranges = True
    hangs_up_after: int | None = None
    asked: list[str | None]

    def do_GET(self) -> None:
        asked = self.headers["Range"]
        self.server.asked.append(asked)
        if self.path != "/official/file.gz":
            self.send_error(404)
            return
        start = int(asked.removeprefix("bytes=").removesuffix("-")) if self.knows_ranges else 0
        body = self.content[start:]
        self.send_response(206 if self.knows_ranges else 200)
        if self.knows_ranges:
            self.send_header("Content-Range", f"bytes {start}-{len(self.content) - 1}/{len(self.content)}")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body[: self.hangs_up_after])

    def log_message(self, *args: object) -> None:
        """Keep the test's output clean."""


CONTENT = np.random.default_rng(0).bytes(300_000)


@pytest.fixture
def mirror(monkeypatch) -> Iterator[ThreadingHTTPServer]:
    pytest.importorskip("pooch").get_logger().setLevel("ERROR")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")

    class OfThisTest(Mirror):
        content = CONTENT

    with ThreadingHTTPServer(("127.0.0.1", 0), OfThisTest) as server:
        server.handler, server.asked = OfThisTest, []
        server.url = f"http://127.0.0.1:{server.server_port}/"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def names_in(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


def remote(server, *folders: str, content: bytes = CONTENT) -> RemoteFile:
    mirrors = tuple(server.url + folder for folder in folders or ["official/"])
    return RemoteFile("file.gz", len(content), hashlib.sha256(content).hexdigest(), mirrors)


def test_fetch_leaves_the_file_and_nothing_else(mirror, tmp_path):
    path = fetch(remote(mirror, "gone/", "official/"), tmp_path / "new" / "folder")
    assert path == tmp_path / "new" / "folder" / "file.gz"
    assert path.read_bytes() == CONTENT
    assert names_in(path.parent) == ["file.gz"]
    assert mirror.asked == ["bytes=0-"] * 2


@pytest.mark.parametrize("knows_ranges", [True, False])
def test_an_interrupted_download_resumes(knows_ranges, mirror, tmp_path):
    mirror.handler.knows_ranges = knows_ranges
    mirror.handler.hangs_up_after = 200_000
    with pytest.raises(data.DownloadError, match=r"could not download file.gz to .*: call again to resume"):
        fetch(remote(mirror), tmp_path)
    assert names_in(tmp_path) == ["file.gz.part"]
    arrived = (tmp_path / "file.gz.part").stat().st_size
    assert arrived > 0
    mirror.handler.hangs_up_after = None
    assert fetch(remote(mirror), tmp_path).read_bytes() == CONTENT
    assert mirror.asked == ["bytes=0-", f"bytes={arrived}-"]
    assert names_in(tmp_path) == ["file.gz"]


@pytest.mark.parametrize("knows_ranges", [True, False])
@pytest.mark.parametrize("size", [0, 1, 200_000, 300_000, 300_001])
def test_what_a_killed_download_left_is_used(size, knows_ranges, mirror, tmp_path):
    mirror.handler.knows_ranges = knows_ranges
    (tmp_path / "file.gz.part").write_bytes((CONTENT + b"more")[:size])
    assert fetch(remote(mirror), tmp_path).read_bytes() == CONTENT
    assert names_in(tmp_path) == ["file.gz"]
    assert mirror.asked == ([] if size == 300_000 else [f"bytes={size % 300_001}-"])


def test_two_downloads_at_once_do_no_harm(mirror, tmp_path):
    file = remote(mirror, "official/", "official/")
    with ThreadPoolExecutor() as pool:
        paths = list(pool.map(fetch, [file, file], [tmp_path, tmp_path]))
    assert paths == [tmp_path / "file.gz"] * 2
    assert paths[0].read_bytes() == CONTENT
    assert names_in(tmp_path) == ["file.gz"]


def test_a_wrong_file_is_never_kept(mirror, tmp_path):
    (tmp_path / "file.gz.part").write_bytes(b"garbage")
    with pytest.raises(data.DownloadError, match="does not match"):
        fetch(remote(mirror), tmp_path)
    assert names_in(tmp_path) == []
    mirror.handler.knows_ranges, mirror.handler.content = False, b"<html>Please log in to this network</html>"
    with pytest.raises(data.DownloadError, match="expected 300,000 bytes, received 42"):
        fetch(remote(mirror), tmp_path)
    assert names_in(tmp_path) == []


def test_a_folder_that_cannot_be_made_is_named(mirror, tmp_path):
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(data.DownloadError, match=r"could not download file.gz to .*file/sub"):
        fetch(remote(mirror), tmp_path / "file" / "sub")


def test_a_missing_pooch_names_the_extra(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "pooch", None)
    with pytest.raises(data.MissingExtraError, match=r'needs pooch.*"tinygrad_edu\[data\]"'):
        data.mnist(tmp_path, download=True)


def test_mnist_and_cifar10_download_what_is_missing(monkeypatch, tmp_path):
    fetched = []

    def fetch_instead(file: RemoteFile, folder: Path) -> Path:
        fetched.append(file.name)
        folder.mkdir(exist_ok=True)
        content = cifar_tar(BATCHES) if "cifar" in file.name else idx(PICTURES if "images" in file.name else DIGITS)
        (folder / file.name).write_bytes(zipped(content))
        return folder / file.name

    monkeypatch.setattr(_download, "fetch", fetch_instead)
    monkeypatch.setattr(_cifar10, "fetch", fetch_instead)
    (tmp_path / LABELS_NAME).write_bytes(idx(DIGITS))
    for _ in range(2):
        assert data.mnist(tmp_path, split="test", download=True)[1].tolist() == DIGITS.tolist()
        assert data.cifar10(tmp_path, split="test", download=True)[1].tolist() == [9, 1, 3]
    assert fetched == [f"{IMAGES_NAME}.gz", "cifar-10-binary.tar.gz"]
    assert data.mnist(tmp_path, split="test")[1].tolist() == DIGITS.tolist()
    assert data.cifar10(tmp_path, split="test")[1].tolist() == [9, 1, 3]


def test_the_remote_files_are_the_ones_that_are_looked_for():
    assert [file.name for file in _mnist.REMOTE.values()] == [f"{name}.gz" for name in _mnist.REMOTE]
    for file in [*_mnist.REMOTE.values(), _cifar10.REMOTE]:
        assert len(bytes.fromhex(file.sha256)) == 32
        assert all(url.startswith("https://") and url.endswith("/") for url in file.mirrors)


# The real pictures

REAL = Path(os.environ.get("TINYGRAD_EDU_DATA") or REPOSITORY.parent / "shared" / "data")
real_mnist = pytest.mark.skipif(not (REAL / "mnist").is_dir(), reason="needs the MNIST files")
real_cars_and_cats = pytest.mark.skipif(not (REAL / "cifar10-car-cat").is_dir(), reason="needs the CIFAR-10 files")


@real_mnist
@pytest.mark.parametrize(
    ("split", "n", "images_md5", "labels_md5"),
    [
        ("train", 60_000, "6bbc9ace898e44ae57da46a324031adb", "a25bea736e30d166cdddb491f175f624"),
        ("test", 10_000, "2646ac647ad5339dbf082846283269ea", "27ae3e4e09519cfbb04c329615203637"),
    ],
)
def test_real_mnist_is_the_original(split, n, images_md5, labels_md5):
    X, y = data.mnist(REAL, split=split)
    assert (X.shape, y.shape) == ((n, 28, 28), (n,))
    # Written back, what was read is the published file, byte for byte.
    assert hashlib.md5(idx(X)).hexdigest() == images_md5
    assert hashlib.md5(idx(y.astype(np.uint8))).hexdigest() == labels_md5


@real_cars_and_cats
@pytest.mark.parametrize(("split", "n"), [("train", 10_000), ("test", 2_000)])
def test_real_cars_and_cats(split, n):
    X, y = data.cifar10(REAL, split=split, classes=["automobile", "cat"])
    assert X.shape == (n, 32, 32, 3)
    assert np.bincount(y).tolist() == [n // 2, n // 2]
    # Natural pictures: neighbours are alike along both axes and in colour. A wrong layout would not be.
    Z = X[:500].astype(np.float64)
    for axis in (1, 2, 3):
        assert np.abs(np.diff(Z, axis=axis)).mean() < 0.4 * Z.std()
    with pytest.raises(ArgumentError, match="which has automobile, cat"):
        data.cifar10(REAL, split="test", classes=["dog"])
