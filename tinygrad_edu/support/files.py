"""Files that are written whole or not at all."""

import contextlib
import os
import threading
from pathlib import Path

from tinygrad_edu.errors import FileError


def write(path: str | os.PathLike[str], content: bytes) -> None:
    """Make ``content`` the file at ``path``, replacing an older one in one moment.

    It is written under another name beside its place and then renamed, so that at every moment, even that of a power
    cut, the old file or the new one is there, whole.

    Raises
    ------
    FileError : it cannot be written. What was there before is there still.

    Examples
    --------
    >>> write("no/such/folder/a.txt", b"a")
    Traceback (most recent call last):
        ...
    tinygrad_edu.errors.FileError: 'no/such/folder/a.txt' cannot be written (No such file or directory): name a file in
    a folder that exists and that you may write to
    """
    place = Path(path).resolve()  # a link stays one: what it points to is replaced
    draft = place.with_name(f".{place.name}.{os.getpid()}-{threading.get_ident()}")
    try:
        if place.is_dir():
            raise IsADirectoryError(0, "it is a folder")
        with draft.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(place)
    except OSError as error:
        raise FileError(
            f"{os.fspath(path)!r} cannot be written ({error.strerror or error}): name a file in a folder that exists "
            "and that you may write to"
        ) from None
    finally:
        with contextlib.suppress(OSError):  # what went wrong has been said
            draft.unlink(missing_ok=True)
