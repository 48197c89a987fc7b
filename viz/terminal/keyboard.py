"""A terminal's keyboard, key by key, and its screen."""

import contextlib
import os
import shutil
import sys
from collections.abc import Callable, Iterator

from tinygrad_edu.support.ascii import printable

_LOOK_AGAIN = 0.25  # seconds after which the size of the window is looked at again
_REST_OF_A_KEY = 0.05  # seconds within which the rest of an arrow key's code comes

_CODES = {"[C": "right", "[D": "left", "[A": "up", "[B": "down", "[H": "home", "[F": "end"}
_CODES |= {"O" + code[1]: name for code, name in _CODES.items()} | {"[1~": "home", "[4~": "end"}
_CONTROLS = {"\r": "enter", "\n": "enter", "\x7f": "backspace", "\x08": "backspace", "\x04": "quit", "\x1b": "escape"}


def is_interactive() -> bool:
    """Whether there is a keyboard and a screen on which the cursor can be moved."""
    return sys.stdin.isatty() and sys.stdout.isatty() and os.environ.get("TERM") != "dumb"


def show(text: str) -> None:
    """Fill the screen with the text."""
    sys.stdout.write("\x1b[H\x1b[2J" + printable(text))
    sys.stdout.flush()


if sys.platform == "win32":
    import msvcrt

    _WINDOWS_CODES = {"M": "right", "K": "left", "H": "up", "P": "down", "G": "home", "O": "end"}

    @contextlib.contextmanager
    def keyboard() -> Iterator[Callable[[Callable[[], None]], str]]:
        """Read single keys: a function that draws the screen by its argument, and waits for the next key."""
        os.system("")  # makes the console understand escape sequences

        def key(draw: Callable[[], None]) -> str:
            draw()
            char = msvcrt.getwch()
            if char == "\x03":
                raise KeyboardInterrupt
            return _WINDOWS_CODES.get(msvcrt.getwch(), "") if char in "\x00\xe0" else _CONTROLS.get(char, char)

        with _other_screen():
            yield key

else:
    import select
    import termios
    import tty

    @contextlib.contextmanager
    def keyboard() -> Iterator[Callable[[Callable[[], None]], str]]:
        """Read single keys: a function that draws the screen by its argument, and waits for the next key.

        The screen is drawn again if the window changes, and not while more keys wait. At the end, the terminal is as it
        was before, even after an error.
        """
        stream = sys.stdin.fileno()
        before = termios.tcgetattr(stream)

        def key(draw: Callable[[], None]) -> str:
            drawn = None
            while not select.select([stream], [], [], _LOOK_AGAIN if drawn else 0)[0]:
                size = shutil.get_terminal_size()
                if size != drawn:
                    drawn = size
                    draw()
            return _read(stream)

        try:
            tty.setcbreak(stream)
            with _other_screen():
                yield key
        finally:
            termios.tcsetattr(stream, termios.TCSADRAIN, before)

    def _read(stream: int) -> str:
        data = os.read(stream, 1)
        if not data:
            return "quit"
        while True:  # a character may be of several bytes
            with contextlib.suppress(UnicodeDecodeError):
                char = data.decode()
                break
            data += os.read(stream, 1)
        if char != "\x1b":
            return _CONTROLS.get(char, char)
        code = ""
        while select.select([stream], [], [], _REST_OF_A_KEY)[0]:
            code += os.read(stream, 1).decode(errors="replace")
            if (code[-1].isalpha() and code != "O") or code.endswith("~"):
                break
        return _CODES.get(code, "") if code else "escape"


@contextlib.contextmanager
def _other_screen() -> Iterator[None]:
    """The terminal's second screen, so that the text on the first one is kept."""
    sys.stdout.write("\x1b[?1049h\x1b[?25l")
    try:
        yield
    finally:
        sys.stdout.write("\x1b[?25h\x1b[?1049l")
        sys.stdout.flush()
