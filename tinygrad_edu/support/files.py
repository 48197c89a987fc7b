"""Files that are never incomplete."""

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
    """Write ``content`` to the file at ``path``. An older file is replaced in one moment.

    The content is written to a draft in the same folder, and then the draft is renamed. So the whole old file or the
    whole new file exists at every moment, even when the power fails. The permissions of an older file are kept. Drafts
    of processes that were killed are removed.

    Raises
    ------
    FileError : the file cannot be written. The old file has not changed.

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
        place = Path(path).resolve()  # a link stays a link: the file that it points to is replaced
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
            with contextlib.suppress(OSError, ValueError):  # the first error is the one to report
                draft.unlink(missing_ok=True)


def _remove_old_drafts(place: Path) -> None:
    """Remove the drafts of processes that were killed."""
    with contextlib.suppress(OSError):
        for draft in place.parent.iterdir():
            found = re.fullmatch(rf"\.{re.escape(place.name)}\.(\d+)-\d+", draft.name)
            if found and time.time() - draft.stat().st_mtime > FORGOTTEN and not _runs(int(found[1])):
                draft.unlink(missing_ok=True)


def _runs(pid: int) -> bool:
    """Whether there is a process of this number, as far as the system says."""
    if os.name != "posix":
        return False  # the age of its draft must be enough
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except (OSError, OverflowError):
        return True
    return True
