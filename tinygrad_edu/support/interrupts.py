"""Ctrl-C that waits until a piece of work is finished."""

import _signal  # type: ignore[import-not-found]  # `signal` converts to enums, which takes a tenth of a small step
from signal import SIGINT
from types import FrameType
from typing import Any


class CtrlCWaits:
    """Within it, Ctrl-C is only noted. At the end of the block, it does what it usually does.

    Only the main thread of a program can change what a signal does, and only it receives one. Elsewhere nothing
    changes.

    Examples
    --------
    >>> with CtrlCWaits():
    ...     both_or_none = [1, 2]
    """

    __slots__ = ("_before", "_noted")

    def __enter__(self) -> None:
        self._noted: tuple[int, FrameType | None] | None = None
        self._before: Any = _signal.getsignal(SIGINT)
        if not callable(self._before):  # it is ignored, or the system handles it
            self._before = None
            return
        try:
            _signal.signal(SIGINT, self._note)
        except ValueError:  # this is not the main thread
            self._before = None

    def _note(self, number: int, frame: FrameType | None) -> None:
        self._noted = number, frame

    def __exit__(self, *_: object) -> None:
        if self._before is not None:
            _signal.signal(SIGINT, self._before)
            if self._noted is not None:
                self._before(*self._noted)
