"""Where data files are kept."""

import os
import sys
from collections.abc import Iterable
from pathlib import Path


def data_folder() -> Path:
    """Return the folder where data files are looked for and downloaded to.

    It is ``$TINYGRAD_EDU_DATA`` where that is set, and otherwise ``tinygrad_edu`` in the platform's cache
    folder: ``%LOCALAPPDATA%`` on Windows, ``~/Library/Caches`` on macOS, ``$XDG_CACHE_HOME`` or
    ``~/.cache`` elsewhere. The folder need not exist.

    Examples
    --------
    >>> import os
    >>> from tinygrad_edu.data import data_folder
    >>> before = os.environ.get("TINYGRAD_EDU_DATA")
    >>> os.environ["TINYGRAD_EDU_DATA"] = "lectures/data"
    >>> data_folder().as_posix()
    'lectures/data'
    >>> _ = os.environ.pop("TINYGRAD_EDU_DATA")
    >>> data_folder().name
    'tinygrad_edu'
    >>> if before is not None: os.environ["TINYGRAD_EDU_DATA"] = before
    """
    chosen = os.environ.get("TINYGRAD_EDU_DATA")
    return Path(chosen).expanduser() if chosen else _cache() / "tinygrad_edu"


def _cache() -> Path:
    platform: str = sys.platform  # typed as str, so that mypy checks all three branches
    if platform == "win32":
        local = os.environ.get("LOCALAPPDATA")
        return Path(local) if local else Path.home() / "AppData" / "Local"
    if platform == "darwin":
        return Path.home() / "Library" / "Caches"
    xdg = Path(os.environ.get("XDG_CACHE_HOME", ""))
    # The XDG specification: a relative path is invalid and to be ignored.
    return xdg if xdg.is_absolute() else Path.home() / ".cache"


def find(folders: Iterable[Path], *names: str) -> Path | None:
    """Return the first of the named files in the first folder that has one."""
    return next((file for folder in folders for name in names if (file := folder / name).is_file()), None)
