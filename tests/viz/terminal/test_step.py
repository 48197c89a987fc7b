import contextlib
import fcntl
import os
import pty
import re
import select
import struct
import subprocess
import sys
import termios
import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import viz
from tests.random_programs import value_graphs
from tinygrad_edu import Tensor, Value
from viz.__main__ import main
from viz.formulas.numbers import width_of
from viz.steps.trace import trace
from viz.terminal.step import Stepper

ROOT = Path(__file__).parents[3]
EXPRESSION = ("tanh(a*b + 10)", "a=2", "b=-3")
# Ctrl-C reaches whom the terminal belongs to. (With preexec_fn, subprocess would fork beside NumPy's threads.)
TAKE_THE_TERMINAL = (
    "import fcntl, os, sys, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0); os.execv(sys.argv[1], sys.argv[1:])"
)
RIGHT, LEFT, HOME, END, ESCAPE = "\x1b[C", "\x1b[D", "\x1b[H", "\x1bOF", "\x1b"


def stepper(root=None):
    a, b = Value(2.0, "a"), Value(-3.0, "b")
    return Stepper(trace((a * b + 10).tanh() if root is None else root))


# --- moving -------------------------------------------------------------------------------------------------------


@given(value_graphs(), st.data())
def test_wherever_one_goes_the_gradients_are_those_of_that_step(root, data):
    walker = stepper(root)
    for _ in range(4):
        place = data.draw(st.integers(0, len(walker.trace.steps) - 1))
        walker.go(place)
        fresh = stepper(root)
        fresh.go(place)
        known = {k: g for k, g in walker.gradients.items() if g is not None}
        assert repr(known) == repr(fresh.gradients) or known == fresh.gradients
        assert walker.screen(80, 50) == fresh.screen(80, 50)


def test_beyond_either_end_one_stays_at_the_end():
    walker = stepper()
    walker.go(-1)
    assert walker.place == 0
    walker.go(99)
    assert walker.place == 7


@pytest.mark.parametrize(
    ("start", "where", "place"), [(0, "v4", 1), (3, "v4", 4), (0, "a", 6), (0, "L", 2), (7, "6", 5)]
)
def test_a_jump_to_a_node_stays_in_the_phase_if_it_can(start, where, place):
    walker = stepper()
    walker.go(start)
    assert walker.jump(where) == ""
    assert walker.place == place


@pytest.mark.parametrize(
    ("where", "says"),
    [
        ("x", "there is no node or step 'x': the nodes are a, b, v2, 10, v4, L"),
        ("99", "there is no node or step '99': the nodes are a, b, v2, 10, v4, L"),
        ("10", "10 is a constant: no step leads to it"),
    ],
)
def test_a_jump_to_nowhere_says_why_not(where, says):
    walker = stepper()
    assert (walker.jump(where), walker.place) == (says, 0)


# --- the screen ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("columns", [80, 40])
def test_the_screen_fits_the_window_and_shows_what_the_step_says(columns):
    walker = stepper()
    for place, step in enumerate(walker.trace.steps):
        walker.go(place)
        screen = walker.screen(columns, 24)
        assert len(screen.splitlines()) <= 24
        assert max(map(width_of, screen.splitlines())) <= columns
        flat = " ".join(screen.split())
        assert step.equation.text in flat
        assert step.numbers is None or step.numbers.text in flat


def test_a_window_of_few_lines_keeps_the_step_and_the_keys():
    walker = stepper()
    walker.go(6)
    lines = walker.screen(80, 8).splitlines()
    assert len(lines) == 8
    assert lines[2] == "∂L/∂a += ∂L/∂v2 · b"
    assert lines[-1].endswith("q quit")


def test_in_the_forward_pass_what_comes_later_is_not_told():
    walker = stepper()
    walker.go(1)
    assert "used by L = tanh(v4)\n" in walker.screen(80, 24)
    walker.go(2)
    assert "L = tanh(v4) = 0.9993" in walker.screen(80, 24)


def test_of_very_many_gradients_the_latest_are_listed():
    walker = stepper(sum(Value(1.0, f"x{i}") for i in range(300)))
    walker.go(10**6)
    screen = " ".join(walker.screen(80, 500).split())
    assert len(re.findall(r"= 1,? (?=∂|…)", screen.partition("so far")[2])) == 100
    assert "∂L/∂x50 = 1, … n next" in screen


def test_an_entry_of_a_tensor_is_explained_where_one_stands():
    W = Tensor(np.ones((2, 2)), label="W")
    walker = stepper((W * 3).sum())
    walker.jump("W")
    walker.go(len(walker.trace.steps))
    assert walker.why("1, 0").splitlines()[0] == "∂L/∂W[1,0] = 3: 1 entry that it flows into"
    assert "pass index= with 2 integers" in walker.why("7")
    assert "invalid literal" in walker.why("x")


# --- in a terminal ------------------------------------------------------------------------------------------------


class Terminal:
    """A pseudo-terminal with the stepper in it."""

    def __init__(self, *arguments, columns=80, lines=24, command=("-m", "viz"), **environment):
        self.master, slave = pty.openpty()
        self.resize(columns, lines)
        inherited = {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "LINES", "NO_COLOR")}
        self.before = termios.tcgetattr(slave)
        self.process = subprocess.Popen(
            [sys.executable, "-c", TAKE_THE_TERMINAL, sys.executable, *command, *arguments],
            stdin=slave,
            stdout=slave,
            stderr=slave,
            env={**inherited, "TERM": "xterm", "PYTHONPATH": str(ROOT), **environment},
            start_new_session=True,
        )
        self.slave = slave
        self.output = ""

    def resize(self, columns, lines):
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))

    @property
    def screen(self):
        """What was written last, without colours."""
        return re.sub(r"\x1b\[[\d;]*m", "", self.output.rpartition("\x1b[2J")[2]).replace("\r", "")

    def until(self, shown):
        """Wait until the screen shows the text."""
        deadline = time.monotonic() + 30
        while shown not in self.screen:
            assert time.monotonic() < deadline, f"{shown!r} did not come: {self.screen}"
            self.read()
        return self.screen

    def read(self):
        if select.select([self.master], [], [], 0.5)[0]:
            with contextlib.suppress(OSError):  # the other side is closed
                self.output += os.read(self.master, 65536).decode()

    def press(self, keys, shown):
        os.write(self.master, keys.encode())
        return self.until(shown)

    def end(self, keys=""):
        """Press the last keys; the status with which the program ends."""
        os.write(self.master, keys.encode())
        deadline = time.monotonic() + 30
        while self.process.poll() is None:
            assert time.monotonic() < deadline, f"the program did not end: {self.screen}"
            self.read()
        self.read()
        assert termios.tcgetattr(self.slave) == self.before, "the terminal is left as it was found"
        return self.process.returncode

    def close(self):
        self.process.kill()
        self.process.wait()
        os.close(self.slave)
        os.close(self.master)


@pytest.fixture
def open_terminal():
    """Start the stepper in a pseudo-terminal; whatever happens, it does not outlive the test."""
    with contextlib.ExitStack() as terminals:

        def start(*arguments, **options):
            return terminals.enter_context(contextlib.closing(Terminal(*arguments, **options)))

        yield start


def test_the_keys_lead_through_both_passes_and_back(open_terminal):
    terminal = open_terminal(*EXPRESSION)
    terminal.until("forward pass, step 1 of 8")
    assert "v2 = a · b" in terminal.until("q quit")
    terminal.press("n", "forward pass, step 2 of 8")
    terminal.press(RIGHT, "step 3 of 8")
    terminal.press(" ", "backward pass, step 4 of 8")
    terminal.press("\r", "∂L/∂v4 += ∂L/∂L · (1 − L²)")
    terminal.press("b", "step 4 of 8")
    terminal.press(LEFT, "step 3 of 8")
    terminal.press("r", "backward pass, step 4 of 8")
    terminal.press(END, "step 8 of 8")
    assert "∂L/∂b: — → 0.002682" in terminal.until("q quit")
    terminal.press("n", "step 8 of 8")
    terminal.press("f", "forward pass, step 1 of 8")
    terminal.press("Z", "step 1 of 8")
    assert terminal.end("q") == 0


def test_jump_and_why_in_the_terminal(open_terminal):
    terminal = open_terminal(*EXPRESSION)
    terminal.until("q quit")
    terminal.press("j", "jump to which node or step? _")
    terminal.press("ax", "jump to which node or step? ax_")
    terminal.press("\x7f", "jump to which node or step? a_")
    terminal.press("\r", "backward pass, step 7 of 8")
    terminal.press("w", "any key goes back")
    assert "−0.004023 = 0.001341 · 1 · (−3)  L → v4 → v2 → a" in terminal.screen
    terminal.press("x", "backward pass, step 7 of 8")
    terminal.press("jnowhere\r", "there is no node or step 'nowhere'")
    terminal.press("j" + ESCAPE, "q quit")
    assert terminal.end(ESCAPE) == 0


def test_control_c_and_the_end_of_the_input_leave_the_terminal_as_it_was(open_terminal):
    for keys in ("\x03", "\x04"):
        terminal = open_terminal(*EXPRESSION)
        terminal.until("q quit")
        assert terminal.end(keys) == 0
        assert terminal.output.endswith("\x1b[?25h\x1b[?1049l")


def test_a_window_of_40_columns_and_one_that_changes(open_terminal):
    terminal = open_terminal(*EXPRESSION, columns=40)
    screen = terminal.until("quit")
    assert max(map(width_of, screen.splitlines())) <= 40
    terminal.resize(90, 30)
    terminal.until("n next · b back · j jump · f forward pass · r backward pass · w why · q quit")
    assert terminal.end("q") == 0


def test_a_label_in_another_alphabet_can_be_typed(open_terminal):
    terminal = open_terminal("ß*2", "ß=3")
    terminal.until("q quit")
    terminal.press("jß\r", "∂L/∂ß += ∂L/∂L · 2")
    assert terminal.end("q") == 0


def test_there_are_colours_in_a_terminal_and_none_where_they_are_not_wanted(open_terminal):
    terminal = open_terminal(*EXPRESSION)
    terminal.until("q quit")
    terminal.end("q")
    assert "\x1b[1m" in terminal.output
    terminal = open_terminal("--text", *EXPRESSION)
    assert terminal.end() == 0
    assert "\x1b[35m" in terminal.output
    terminal = open_terminal("--text", *EXPRESSION, NO_COLOR="1")
    assert terminal.end() == 0
    assert "∂L/∂a = −0.004023" in terminal.output
    assert "\x1b" not in terminal.output


def test_a_terminal_that_cannot_move_its_cursor_shows_the_text_view(open_terminal):
    terminal = open_terminal(*EXPRESSION, TERM="dumb")
    assert terminal.end() == 0
    assert "gradients  ∂L/∂a = −0.004023, ∂L/∂b = 0.002682" in terminal.output
    assert "\x1b" not in terminal.output


def test_the_stepper_works_from_a_repl(open_terminal):
    code = "import viz; from tinygrad_edu import Tensor; W = Tensor([[1.0, 2.0]], label='W'); viz.step((W * 3).sum())"
    terminal = open_terminal(command=("-c", code))
    terminal.until("q quit")
    terminal.press("jW\r", "∂L/∂W += ∂L/∂v2 · 3")
    terminal.press("w", "which entry of shape (1, 2), for instance 0,0? _")
    terminal.press("0,1\r", "∂L/∂W[0,1] = 3: 1 entry that it flows into")
    terminal.press("x", "q quit")
    assert terminal.end("q") == 0


# --- the command --------------------------------------------------------------------------------------------------


def test_without_a_terminal_the_text_view_is_printed(capsys):
    assert main(EXPRESSION) == 0
    printed = capsys.readouterr().out
    a, b = Value(2.0, "a"), Value(-3.0, "b")
    assert printed == f"{viz.trace((a * b + 10).tanh())}\n"
    assert main(["--text", *EXPRESSION]) == 0
    assert capsys.readouterr().out == printed


def test_an_expression_may_begin_with_a_minus(capsys):
    assert main(["-a * 2", "a=-3"]) == 0
    assert "∂L/∂a = −2" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (
            ["a + c(1)", "a=1"],
            "viz: there is no function c: take one of Value's, such as tanh, exp or relu\n  a + c(1)\n",
        ),
        (["a"], "viz: a has no number: give it one, as in a=2\n  a\n  ^\n"),
        (["a", "a=1"], "viz: the leaf 'a' has no graph: a view needs the result of an operation\n"),
        (["a * 2a", "a=1"], "viz: this is not an expression: invalid decimal literal, write a product as 2*a\n"),
        (["1 + 2"], "viz: backward() starts from a node that needs no gradient"),
        (["a * 2", "a", "=", "1"], "viz: a number is given to a name as in a=2, without spaces, but this was 'a'\n"),
        (["a * 2", "a=two"], "viz: a number is given to a name as in a=2, without spaces, but this was 'a=two'\n"),
        (["a * 2", "2=1"], "viz: a number is given to a name as in a=2, without spaces, but this was '2=1'\n"),
    ],
)
def test_what_is_refused_is_refused_in_a_sentence(arguments, says, capsys):
    assert main(arguments) == 2
    assert capsys.readouterr().err.startswith(says)


def test_nan_and_infinity_may_be_given(capsys):
    assert main(["log(a) + b", "a=0", "b=nan"]) == 0
    assert "! NaN or infinity, first in step 1: v1 = log(a) = log(0) = −inf" in capsys.readouterr().out


def test_help_shows_an_example(capsys):
    with pytest.raises(SystemExit) as stopped:
        main(["--help"])
    assert stopped.value.code == 0
    assert 'python -m viz "tanh(a*b + 10)" a=2 b=-3' in capsys.readouterr().out


def test_without_an_expression_the_usage_is_shown(capsys):
    with pytest.raises(SystemExit) as stopped:
        main([])
    assert stopped.value.code == 2
    assert capsys.readouterr().err.endswith("error: an expression is missing\n")


def test_a_reader_that_has_seen_enough_ends_the_command_quietly():
    command = f"{sys.executable} -m viz --text 'tanh(a*b + 10)' a=2 b=-3 | true"
    ended = subprocess.run(
        ["bash", "-o", "pipefail", "-c", command], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert ended.stderr == ""


def test_the_command_writes_a_page(tmp_path, capsys):
    path = tmp_path / "out.html"
    assert main(["tanh(a*b)", "a=2", "b=-3", "--html", str(path)]) == 0
    assert capsys.readouterr().out == f"{path} is written: open it in a browser\n"
    assert "Math.tanh" in path.read_text(encoding="utf-8")
    assert main(["--html", str(tmp_path / "out.txt"), "a*a", "a=2"]) == 2
    assert "a page is saved as .html" in capsys.readouterr().err
