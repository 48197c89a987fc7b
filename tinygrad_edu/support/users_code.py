"""Where the user's program called the library: the innermost frame outside of this package and NumPy."""

import functools
import os
import sys
import types
from pathlib import Path

import numpy as np

_LIBRARIES = f"{Path(__file__).parents[1]}{os.sep}", f"{Path(np.__file__).parent}{os.sep}"


@functools.cache
def _is_ours(file: str) -> bool:
    return file.startswith(_LIBRARIES)


def users_frame() -> types.FrameType:
    """The innermost frame outside this package and NumPy."""
    frame = sys._getframe(1)
    while frame.f_back is not None and _is_ours(frame.f_code.co_filename):
        frame = frame.f_back
    return frame


def users_place() -> tuple[str, int]:
    """File and line of the innermost frame outside this package and NumPy."""
    frame = users_frame()
    return frame.f_code.co_filename, frame.f_lineno


def users_level() -> int:
    """How far up the stack the user's line is, for `warnings.warn`."""
    frame, level = sys._getframe(1), 1
    while frame.f_back is not None and _is_ours(frame.f_code.co_filename):
        frame, level = frame.f_back, level + 1
    return level
