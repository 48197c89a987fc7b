"""Where the user's program called the library: the innermost frame outside of this package and NumPy."""

import functools
import os
import sys
import types

_PACKAGE = f"{__file__.rsplit(os.sep, 2)[0]}{os.sep}"


@functools.cache
def _is_ours(file: str) -> bool:
    numpy = sys.modules.get("numpy")  # a Value works without it
    return file.startswith(_PACKAGE) or (numpy is not None and file.startswith(f"{numpy.__path__[0]}{os.sep}"))


def _frame_and_level() -> tuple[types.FrameType, int]:
    """The user's frame, and how far up the stack it is from the function that asks one of the functions below."""
    frame, level = sys._getframe(2), 1
    while frame.f_back is not None and _is_ours(frame.f_code.co_filename):
        frame, level = frame.f_back, level + 1
    return frame, level


def users_frame() -> types.FrameType:
    """The innermost frame outside this package and NumPy."""
    return _frame_and_level()[0]


def users_level() -> int:
    """How far up the stack the user's line is, for `warnings.warn`."""
    return _frame_and_level()[1]


def users_place() -> tuple[str, int]:
    """File and line of the innermost frame outside this package and NumPy."""
    frame = users_frame()
    return frame.f_code.co_filename, frame.f_lineno
