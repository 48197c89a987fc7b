"""``python -m viz "tanh(a*b + 10)" a=2 b=-3``: an expression's two passes, step by step in the terminal."""

import argparse
import io
import os
import sys
from collections.abc import Sequence

from tinygrad_edu.errors import ArgumentError, TinygradEduError
from tinygrad_edu.support.ascii import ERRORS
from viz.explain.quiz import quiz
from viz.formulas.expression import parse
from viz.pages.player import player
from viz.steps.trace import trace
from viz.terminal.step import step

_EXAMPLE = 'python -m viz "tanh(a*b + 10)" a=2 b=-3'


def main(arguments: Sequence[str]) -> int:
    """Run the command; 2 if its arguments are refused."""
    options, words = _sorted(arguments)
    # After "--", because an expression may start with a minus, which argparse takes for an option.
    given = _parser().parse_args([*options, "--", *words])
    if given.expression is None:
        _parser().error("an expression is missing")
    try:
        root = parse(given.expression, _settings(given.settings))
        if given.html:
            player(root).save(given.html)
            print(f"{given.html} is written: open it in a browser")
        elif given.text:
            print(trace(root))
        else:
            (quiz if given.quiz else step)(root)
        sys.stdout.flush()
    except TinygradEduError as error:
        print(f"viz: {error}", file=sys.stderr)
        return 2
    except BrokenPipeError:  # the reader of the pipe, such as head, has ended
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0


def _sorted(arguments: Sequence[str]) -> tuple[list[str], list[str]]:
    """The options, each with its value, and the other words."""
    options: list[str] = []
    words: list[str] = []
    for i, word in enumerate(arguments):
        takes_this = i > 0 and arguments[i - 1] == "--html"
        is_option = takes_this or word in ("-h", "--help", "--text", "--quiz", "--html") or word.startswith("--html=")
        (options if is_option else words).append(word)
    return options, words


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m viz",
        usage=f"python -m viz [--text | --quiz | --html FILE] EXPRESSION [NAME=NUMBER ...]\n\nfor instance: {_EXAMPLE}",
        description="Step through the forward and the backward pass of an expression.",
    )
    parser.add_argument(
        "expression", nargs="?", help="numbers, names, + - * / ** and functions such as tanh, exp, relu"
    )
    parser.add_argument("settings", nargs="*", metavar="NAME=NUMBER", help="the number of each name")
    views = parser.add_mutually_exclusive_group()
    views.add_argument("--text", action="store_true", help="print all steps, as without a terminal")
    views.add_argument("--quiz", action="store_true", help="be asked for each gradient")
    views.add_argument("--html", metavar="FILE", help="write a page in which the numbers can be changed")
    return parser


def _settings(words: Sequence[str]) -> dict[str, float]:
    """``a=2 b=-3`` as a dictionary."""
    settings: dict[str, float] = {}
    for word in words:
        name, equals, number = word.partition("=")
        try:
            settings[name] = float(number)
        except ValueError:
            equals = ""
        if not equals or not name.isidentifier():
            raise ArgumentError(f"a number is given to a name as in a=2, without spaces, but this was {word!r}")
    return settings


if __name__ == "__main__":
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors=ERRORS)  # a file or a pipe may have no sign for a derivative
    sys.exit(main(sys.argv[1:]))
