"""The IDX format, in which MNIST is published."""

import struct
from math import prod
from pathlib import Path

import numpy as np

from tinygrad_edu.data._errors import DataFileError, unreadable
from tinygrad_edu.data._files import open_data, read_bounded
from tinygrad_edu.support.types import ByteArray

UNSIGNED_BYTE = 8


def read_idx(path: Path, item_shape: tuple[int, ...], max_items: int) -> ByteArray:
    """Read an IDX file of unsigned bytes, gzip or not.

    The file begins with the bytes 0, 0, 8 (for unsigned bytes) and the number of axes; the size of each
    axis follows as four bytes, big-endian, and then the data in C order.

    Returns
    -------
    ndarray of uint8, shape (n, *item_shape), n at most ``max_items``

    Raises
    ------
    DataFileError : the file is truncated, damaged, has bytes left over, or holds something else.
    """
    ndim = 1 + len(item_shape)
    magic = bytes([0, 0, UNSIGNED_BYTE, ndim])
    with open_data(path) as stream:
        start = stream.read(4)
        if start != magic:
            raise _wrong(path, f"to begin with the bytes {magic.hex(' ')}", start.hex(" ") or "an empty file")
        sizes = stream.read(4 * ndim)
        if len(sizes) < 4 * ndim:
            raise _wrong(path, f"the sizes of {ndim} axes", "the end of the file")
        shape: tuple[int, ...] = struct.unpack(f">{ndim}I", sizes)
        if shape[1:] != item_shape or shape[0] > max_items:
            raise _wrong(path, f"at most {max_items:,} items of shape {item_shape}", f"an array of shape {shape}")
        content = read_bounded(stream, prod(shape))
    if len(content) != prod(shape):
        found = "more" if len(content) > prod(shape) else f"{len(content):,}"
        raise _wrong(path, f"{prod(shape):,} bytes of data", found)
    return np.frombuffer(content, dtype=np.uint8).reshape(shape)


def _wrong(path: Path, expected: str, found: str) -> DataFileError:
    return unreadable(path, f"is truncated, damaged or no such IDX file: expected {expected}, found {found}")
