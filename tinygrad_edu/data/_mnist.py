"""MNIST: handwritten digits."""

import os
from pathlib import Path
from typing import Literal

import numpy as np

from tinygrad_edu.data._download import RemoteFile, located
from tinygrad_edu.data._errors import DataFileError, unreadable
from tinygrad_edu.data._folder import data_folder
from tinygrad_edu.data._idx import read_idx
from tinygrad_edu.errors import ArgumentError
from tinygrad_edu.support.types import ByteArray, IntArray

# PyTorch's mirror and TensorFlow's: the authors' own site has been closed to downloads for years.
MIRRORS = (
    "https://ossci-datasets.s3.amazonaws.com/mnist/",
    "https://storage.googleapis.com/cvdf-datasets/mnist/",
)
FILES = {  # size and SHA-256, packed by gzip
    "train-images-idx3-ubyte": (9_912_422, "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609"),
    "train-labels-idx1-ubyte": (28_881, "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c"),
    "t10k-images-idx3-ubyte": (1_648_877, "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6"),
    "t10k-labels-idx1-ubyte": (4_542, "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6"),
}
REMOTE = {name: RemoteFile(f"{name}.gz", size, sha256, MIRRORS) for name, (size, sha256) in FILES.items()}
SPLITS = {"train": ("train", 60_000), "test": ("t10k", 10_000)}  # beginning of the file names, number of pictures


def mnist(
    root: str | os.PathLike[str] | None = None,
    *,
    split: Literal["train", "test"] = "train",
    download: bool = False,
) -> tuple[ByteArray, IntArray]:
    """Read MNIST from its official files, gzip or not.

    Parameters
    ----------
    root : folder that holds the files, itself or in a folder ``mnist``; `data_folder` if not given.
    split : "train", 60,000 pictures, or "test", 10,000.
    download : fetch the files that are missing into ``root/mnist`` (extra ``data``), after which they must have the
        published checksums. Files that are there are never touched.

    Returns
    -------
    X : ndarray of uint8, shape (n, 28, 28): ink, 0 to 255. Bytes wrap around when they overflow, so scale them first:
        ``X.reshape(len(X), -1) / 255``.
    y : ndarray of int, shape (n,): the digit.

    Raises
    ------
    DataNotFoundError : a file is missing, and ``download`` is false.
    DataFileError : a file is truncated, damaged or something else. Fewer pictures than the official number are
        accepted, so that a test can use a small file.
    DownloadError : no mirror gave the file; calling again resumes where the download stopped.

    References
    ----------
    LeCun, Bottou, Bengio, Haffner, "Gradient-based learning applied to document recognition", 1998.

    Examples
    --------
    ``mnist(download=True)`` is all it takes. To show the format, a file of two blank pictures:

    >>> import pathlib, tempfile
    >>> from tinygrad_edu.data import mnist
    >>> with tempfile.TemporaryDirectory() as name:
    ...     folder = pathlib.Path(name)
    ...     header = bytes([0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 28, 0, 0, 0, 28])
    ...     _ = (folder / "t10k-images-idx3-ubyte").write_bytes(header + bytes(2 * 28 * 28))
    ...     _ = (folder / "t10k-labels-idx1-ubyte").write_bytes(bytes([0, 0, 8, 1, 0, 0, 0, 2, 7, 2]))
    ...     X, y = mnist(folder, split="test")
    >>> X.shape, y.tolist()
    ((2, 28, 28), [7, 2])
    """
    if split not in SPLITS:
        raise ArgumentError(f'mnist: split must be "train" or "test", not {split!r}')
    folder = data_folder() if root is None else Path(root)
    prefix, most = SPLITS[split]
    images = located("mnist", REMOTE[f"{prefix}-images-idx3-ubyte"], folder, download)
    labels = located("mnist", REMOTE[f"{prefix}-labels-idx1-ubyte"], folder, download)
    X, y = read_idx(images, (28, 28), most), read_idx(labels, (), most)
    if len(X) != len(y):
        raise DataFileError(
            f"{images} holds {len(X):,} pictures, but {labels} {len(y):,} labels; replace both by a fresh download"
        )
    if y.max(initial=0) > 9:
        raise unreadable(labels, f"holds the label {y.max()}: expected digits 0 to 9")
    return X, y.astype(np.int64)
