"""CIFAR-10: small photographs in ten classes."""

import os
import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Literal

import numpy as np

from tinygrad_edu.data._download import RemoteFile, fetch
from tinygrad_edu.data._errors import DataNotFoundError, fetching, unreadable
from tinygrad_edu.data._files import open_data, read_bounded
from tinygrad_edu.data._folder import data_folder, find
from tinygrad_edu.errors import ArgumentError
from tinygrad_edu.support.types import ByteArray, IntArray

CIFAR10_CLASSES = (
    "airplane",
    "automobile",
    "bird",
    "cat",
    "deer",
    "dog",
    "frog",
    "horse",
    "ship",
    "truck",
)
REMOTE = RemoteFile(
    "cifar-10-binary.tar.gz",
    170_052_171,
    "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd",
    ("https://www.cs.toronto.edu/~kriz/", "https://cave.cs.toronto.edu/kriz/"),
)
SPLITS = {"train": tuple(f"data_batch_{i}.bin" for i in range(1, 6)), "test": ("test_batch.bin",)}
ROW = 1 + 3 * 32 * 32  # the label, then the red, the green and the blue plane
MAX_ROWS = 60_000  # the whole of CIFAR-10
MAX_ARCHIVE = MAX_ROWS * ROW + (8 << 20)  # and its readme, and padding
OCTAL = re.compile(rb" *([0-7]+)[ \0]*")


def cifar10(
    root: str | os.PathLike[str] | None = None,
    *,
    split: Literal["train", "test"] = "train",
    classes: Sequence[str | int] | int | None = None,
    download: bool = False,
) -> tuple[ByteArray, IntArray]:
    """Read CIFAR-10 from its official binary version.

    The files may be inside ``cifar-10-binary.tar.gz`` (or ``.tar``) or extracted, each gzip or not. They
    are looked for in the folders of ``root`` whose names begin with ``cifar10``, in the order of the
    alphabet, and in ``root`` itself; in each, the extracted files come before the archive.

    Parameters
    ----------
    root : folder to look in; `data_folder` if not given.
    split : "train", the five training batches, 50,000 pictures, or "test", the test batch, 10,000.
    classes : names or numbers of the classes to keep; all ten if not given.
    download : where no files are found, fetch the archive (162 MB) into ``root/cifar10`` (extra ``data``); it must have
        the published checksum.

    Returns
    -------
    X : ndarray of uint8, shape (n, 32, 32, 3): rows, columns and red, green, blue from 0 to 255, as matplotlib draws
        them. Bytes wrap around when they overflow, so scale them first: ``X / 255``.
    y : ndarray of int, shape (n,): position of the picture's class in ``classes``, or in `CIFAR10_CLASSES` where that
        is None.

    Raises
    ------
    DataNotFoundError : the files are missing, and ``download`` is false.
    DataFileError : a file is truncated, damaged or something else. A batch may have any number of whole rows.
    ArgumentError : a class is unknown, given twice, or has no picture in the files.
    DownloadError : no mirror gave the archive; calling again resumes where the download stopped.

    References
    ----------
    Krizhevsky, "Learning multiple layers of features from tiny images", 2009.

    Examples
    --------
    ``cifar10(classes=["automobile", "cat"], download=True)`` is all it takes. To show the format, a file
    of two black pictures, an automobile and a cat:

    >>> import pathlib, tempfile
    >>> from tinygrad_edu.data import cifar10
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     rows = bytes([1]) + bytes(3072) + bytes([3]) + bytes(3072)
    ...     _ = (pathlib.Path(folder) / "test_batch.bin").write_bytes(rows)
    ...     X, y = cifar10(folder, split="test", classes=["automobile", "cat"])
    >>> X.shape, y.tolist()
    ((2, 32, 32, 3), [0, 1])
    """
    if split not in SPLITS:
        raise ArgumentError(f'cifar10: split must be "train" or "test", not {split!r}')
    wanted = _class_numbers(CIFAR10_CLASSES if classes is None else classes)
    where, batches = _read(data_folder() if root is None else Path(root), SPLITS[split], download)
    present = np.unique(np.concatenate([rows[:, 0] for rows in batches]))
    if not present.size:
        raise unreadable(where, f"has no rows: expected {ROW:,} bytes for each picture")
    if classes is not None and not np.isin(wanted, present).all():
        names = ", ".join(CIFAR10_CLASSES[label] for label in present)
        raise ArgumentError(f"cifar10: not all of classes={classes!r} are in {where}, which has {names}")
    return _pictures(batches, wanted)


def _class_numbers(classes: Sequence[str | int] | int) -> list[int]:
    if isinstance(classes, str) or not isinstance(classes, Iterable):  # a name's letters are no classes
        classes = [classes]
    numbers = [CIFAR10_CLASSES.index(c) if c in CIFAR10_CLASSES else c for c in classes]
    if not numbers or any(number not in range(10) for number in numbers) or len(set(numbers)) < len(numbers):
        raise ArgumentError(
            f"cifar10: classes must be different numbers from 0 to 9 or names among "
            f"{', '.join(CIFAR10_CLASSES)}, not {classes!r}"
        )
    return [int(number) for number in numbers]


def _read(root: Path, names: tuple[str, ...], download: bool) -> tuple[Path, list[ByteArray]]:
    """Find and read the batches; return where they were, and the rows of each."""
    for folder in [*sorted(root.glob("cifar10*")), root]:
        for extracted in (folder, folder / "cifar-10-batches-bin"):
            files = [file for name in names if (file := find([extracted], name, f"{name}.gz"))]
            if len(files) == len(names):
                return extracted, [_read_file(file) for file in files]
        archive = find([folder], REMOTE.name, REMOTE.name.removesuffix(".gz"))
        if archive:
            return archive, _read_archive(archive, names)
    if download:
        archive = fetch(REMOTE, root / "cifar10")
        return archive, _read_archive(archive, names)
    raise DataNotFoundError(
        f"cifar10: found neither {REMOTE.name} nor {', '.join(names)} in {root} or {root / 'cifar10*'}; "
        f"{fetching('cifar10')} fetches the archive, TINYGRAD_EDU_DATA or root= names the folder that has it"
    )


def _read_file(path: Path) -> ByteArray:
    with open_data(path) as stream:
        return _rows(memoryview(read_bounded(stream, MAX_ROWS * ROW)), str(path))


def _read_archive(path: Path, names: tuple[str, ...]) -> list[ByteArray]:
    # Unpacked whole but bounded: a few megabytes of gzip can hold many gigabytes.
    with open_data(path) as stream:
        content = memoryview(read_bounded(stream, MAX_ARCHIVE))
    if len(content) > MAX_ARCHIVE:
        raise unreadable(path, f"is not CIFAR-10: it unpacks to more than {MAX_ARCHIVE:,} bytes")
    batches = {name: _rows(batch, f"{name} in {path}") for name, batch in _members(content, path) if name in names}
    missing = [name for name in names if name not in batches]
    if missing:
        raise unreadable(path, f"is truncated or no CIFAR-10 binary archive: {', '.join(missing)} missing")
    return [batches[name] for name in names]


def _members(content: memoryview, path: Path) -> Iterator[tuple[str, memoryview]]:
    """Yield the name, without its folders, and the bytes of each file in a tar archive.

    A header of 512 bytes has the name at 0, the size at 124, a checksum at 148 and the type at 156; the data
    follows in whole blocks of 512. Not tarfile, which knows every dialect: archives made to harm it bring it
    to recurse, to overflow or to walk in circles.
    """
    at = 0
    while any(header := bytes(content[at : at + 512])):
        size, checksum = OCTAL.fullmatch(header, 124, 136), OCTAL.fullmatch(header, 148, 156)
        actual = sum(header[:148]) + 8 * ord(" ") + sum(header[156:])
        if not size or not checksum or int(checksum[1], 8) != actual:
            problem = f"is truncated, damaged or no tar archive: expected the header of a file at byte {at:,}"
            raise unreadable(path, problem)
        name = header[:100].partition(b"\0")[0].rpartition(b"/")[2].decode("ascii", "replace")
        start = at + 512
        end = start + int(size[1], 8)
        if end > len(content):
            raise unreadable(path, f"is truncated: {name} ends early")
        if header[156] in b"0\0":
            yield name, content[start:end]
        at = start + -(-(end - start) // 512) * 512


def _rows(content: memoryview, where: str) -> ByteArray:
    """Check the rows of one batch: label, red plane, green plane, blue plane."""
    if len(content) % ROW or len(content) > MAX_ROWS * ROW:
        expected = f"at most {MAX_ROWS:,} whole rows of {ROW:,} bytes"
        problem = f"is truncated or no CIFAR-10 batch: expected {expected}, found {len(content):,} bytes"
        raise unreadable(where, problem)
    rows = np.frombuffer(content, dtype=np.uint8).reshape(-1, ROW)
    foreign = np.flatnonzero(rows[:, 0] >= len(CIFAR10_CLASSES))
    if foreign.size:
        row = foreign[0]
        found = f"row {row} begins with the label {rows[row, 0]}, expected 0 to 9"
        raise unreadable(where, f"is damaged or no CIFAR-10 batch: {found}")
    return rows


def _pictures(batches: list[ByteArray], wanted: list[int]) -> tuple[ByteArray, IntArray]:
    """Take the rows of the wanted classes apart into pictures and positions in ``wanted``."""
    kept = [np.isin(rows[:, 0], wanted) for rows in batches]
    n = sum(int(keep.sum()) for keep in kept)
    X, y = np.empty((n, 32, 32, 3), np.uint8), np.empty(n, np.int64)
    position = np.zeros(len(CIFAR10_CLASSES), np.int64)
    position[wanted] = np.arange(len(wanted))
    end = 0
    for batch, keep in zip(batches, kept, strict=True):
        rows = batch[keep]
        start, end = end, end + len(rows)
        X[start:end] = rows[:, 1:].reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1)
        y[start:end] = position[rows[:, 0]]
    return X, y
