"""Reading files that may be compressed, damaged, or built to fill the memory."""

import contextlib
import gzip
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO, BinaryIO, cast

from tinygrad_edu.data._errors import unreadable

GZIP = b"\x1f\x8b"
CHUNK = 1 << 20


@contextlib.contextmanager
def open_data(path: Path) -> Iterator[BinaryIO]:
    """Open a file for reading; whether it is gzip is told by its first bytes, not by its name.

    Raises
    ------
    DataFileError : on leaving the block, where the compressed data turned out to be damaged.
    """
    with path.open("rb") as file:
        compressed = file.read(len(GZIP)) == GZIP
        file.seek(0)
        stream = cast("BinaryIO", gzip.GzipFile(fileobj=file)) if compressed else file
        try:
            yield stream
        except (EOFError, gzip.BadGzipFile, zlib.error) as error:
            raise unreadable(path, f"is truncated or damaged ({error})") from error


def read_bounded(stream: IO[bytes], size: int) -> bytearray:
    """Return what is left of the stream, or its first ``size + 1`` bytes if it is longer than ``size``.

    Read in pieces, since one ``read(n)`` allocates n bytes, however few there are. A gzip stream that is
    no longer than ``size`` is read to its end, where its checksum is.
    """
    content = bytearray()
    while piece := stream.read(min(CHUNK, size + 1 - len(content))):
        content += piece
    return content
