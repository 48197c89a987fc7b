"""Files that are written whole or not at all."""

import contextlib
import os
import threading
from pathlib import Path

from tinygrad_edu.errors import TinygradEduError


class FileError(TinygradEduError, OSError):
    """A file that cannot be written."""


def write(path: str | os.PathLike[str], content: bytes) -> None:
    """Make ``content`` the file at ``path``, replacing an older one at once.

    Raises
    ------
    FileError : it cannot be written. What was there before is there still.
    """
    target = Path(path)
    draft = target.with_name(f".{target.name}.{os.getpid()}-{threading.get_ident()}")
    try:
        if target.is_dir():
            raise IsADirectoryError(0, "it is a folder")
        draft.write_bytes(content)
        draft.replace(target)
    except OSError as error:
        raise FileError(f"{str(target)!r} cannot be written ({error.strerror}): name another file") from None
    finally:
        with contextlib.suppress(OSError):  # what went wrong has been said
            draft.unlink(missing_ok=True)
