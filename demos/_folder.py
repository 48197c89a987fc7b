"""`Folder`: where a demo writes its pictures."""

import os
from collections.abc import Callable
from pathlib import Path

from tinygrad_edu import TinygradEduError


class OutputError(TinygradEduError, OSError):
    """A folder that cannot be written to."""


class Folder:
    """A folder for pictures, which says what is put into it.

    Raises
    ------
    OutputError : it cannot be made or written to. That is found out here, before any training.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        try:
            self.path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise OutputError(
                f"the pictures cannot go to {str(path)!r} ({error.strerror}): name another folder, --out FOLDER"
            ) from None
        if not os.access(self.path, os.W_OK):
            raise OutputError(
                f"the pictures cannot go to {str(path)!r} (not writable): name another folder, --out FOLDER"
            )

    def write(self, name: str, save: Callable[[Path], object]) -> Path:
        """Have ``save(path)`` write the file ``name``, and say where it is."""
        path = self.path / name
        save(path)
        print(f"wrote {path}")
        return path
