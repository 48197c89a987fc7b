"""Files that are written whole or not at all."""

import contextlib
import os
import re
import stat
import threading
import time
from pathlib import Path

from tinygrad_edu.errors import FileError

FORGOTTEN = 60  # seconds after which a draft is no longer being written


def write(path: str | os.PathLike[str], content: bytes) -> None:
    """Make ``content`` the file at ``path``, replacing an older one in one moment.

    It is written under another name beside its place and then renamed, so that at every moment, even that of a power
    cut, the old file or the new one is there, whole. An older file's permissions are kept, and drafts that a killed
    process left are removed.

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
    draft: Path | None = None
    try:
        place = Path(path).resolve()  # a link stays one: what it points to is replaced
        draft = place.with_name(f".{place.name}.{os.getpid()}-{threading.get_ident()}")
        if place.is_dir():
            raise IsADirectoryError(0, "it is a folder")
        with draft.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        if place.exists():
            draft.chmod(stat.S_IMODE(place.stat().st_mode))
        draft.replace(place)
        _remove_old_drafts(place)
    except (OSError, ValueError, RuntimeError) as error:  # the last two: a NUL in the path, links in a circle
        raise FileError(
            f"{os.fspath(path)!r} cannot be written ({getattr(error, 'strerror', None) or error}): name a file in a "
            "folder that exists and that you may write to"
        ) from None
    finally:
        if draft is not None:
            with contextlib.suppress(OSError, ValueError):  # what went wrong has been said
                draft.unlink(missing_ok=True)


def _remove_old_drafts(place: Path) -> None:
    """Remove what processes that were killed left beside the file."""
    with contextlib.suppress(OSError):
        for draft in place.parent.iterdir():
            found = re.fullmatch(rf"\.{re.escape(place.name)}\.(\d+)-\d+", draft.name)
            if found and time.time() - draft.stat().st_mtime > FORGOTTEN and not _runs(int(found[1])):
                draft.unlink(missing_ok=True)


def _runs(pid: int) -> bool:
    """Whether there is a process of this number, as far as can be told."""
    if os.name != "posix":
        return False  # the age of its draft has to do
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except (OSError, OverflowError):
        return True
    return True
