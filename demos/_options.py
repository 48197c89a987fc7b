"""The options of a demo: the keyword parameters of its `run`, so that the shell and the REPL always agree.

A parameter's annotation has the text for `--help`, as ``Annotated[int, "number of epochs"]``. Its default is the
option's, and one that is False by default becomes a switch. Those that many demos have are written here, once.
"""

import argparse
import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, get_args, get_type_hints

MOST = 2**32 - 1  # the greatest seed that NumPy's older generators take

Out = Annotated[str | Path, "folder for the pictures, made if it is not there"]
Quick = Annotated[bool, "seconds instead of the full run; too short for the published figures"]
Scalar = Annotated[bool, "train a smaller set on Value alone, one number per node"]
Seed = Annotated[int, "seed of every random choice"]


def parser(run: Callable[..., Any], name: str, description: str) -> argparse.ArgumentParser:
    """Return the argument parser whose options are the parameters of ``run``."""
    result = argparse.ArgumentParser(
        prog=f"python -m demos {name}",
        description=description,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    hints = get_type_hints(run, include_extras=True)
    for parameter in inspect.signature(run).parameters.values():
        _add(result, parameter.name, parameter.default, *get_args(hints[parameter.name])[:2])
    return result


def _add(result: argparse.ArgumentParser, name: str, default: Any, kind: Any, text: str) -> None:
    flag = f"--{name.replace('_', '-')}"
    if kind is bool:
        result.add_argument(flag, action="store_true", help=text)
    else:
        convert = {int: _whole_number, float: float}.get(kind, str)
        result.add_argument(flag, type=convert, default=default, help=f"{text} (default: {default})")


def _whole_number(text: str) -> int:
    if not text.isdecimal() or int(text) > MOST:
        raise argparse.ArgumentTypeError(f"expected a whole number from 0 to {MOST}, not {text!r}")
    return int(text)
