"""The command line: `python -m demos [NAME] [options]`."""

import ast
import difflib
import importlib
import sys
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType

from demos import _options
from tinygrad_edu import TinygradEduError

STOPPED = 130  # what a shell reports of a program that Ctrl-C ended


class UnknownDemoError(TinygradEduError, LookupError):
    """A name that is not a demo's."""


def summaries() -> dict[str, str]:
    """Every demo's name and what it is, read without importing any."""
    files = sorted(path for path in Path(__file__).parent.glob("*.py") if not path.name.startswith("_"))
    return {path.stem.replace("_", "-"): _first_line(path) for path in files}


def load(name: str) -> ModuleType:
    """Import the demo ``name``."""
    name = name.replace("_", "-")
    names = summaries()
    if name in names:
        return importlib.import_module(f"demos.{name.replace('-', '_')}")
    close = difflib.get_close_matches(name, names, n=1)
    advice = f"did you mean {close[0]}?" if close else f"choose one of {', '.join(names)}"
    raise UnknownDemoError(f"there is no demo called {name!r}: {advice}")


def main(arguments: Sequence[str]) -> int:
    """Run the demo that the command line names; 0 unless something failed or a reproduced figure is off."""
    if arguments and arguments[0] in ("-h", "--help"):
        print(_overview())
        return 0
    named = bool(arguments) and not arguments[0].startswith("-")
    name, options = (arguments[0], arguments[1:]) if named else ("tour", arguments)
    try:
        demo = load(name)
        parsed = _options.parser(demo.run, name, (demo.__doc__ or "").strip()).parse_args(options)
        result = demo.run(**vars(parsed))
    except TinygradEduError as error:
        print(f"demos: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("\ndemos: stopped", file=sys.stderr)
        return STOPPED
    return 0 if result is None or result.agrees else 1


def _overview() -> str:
    names = summaries()
    width = max(map(len, names))
    return "\n".join(
        [
            "usage: python -m demos [NAME] [options]",
            "",
            "Without a name, the tour. `python -m demos NAME --help` lists the options of one; in a REPL, the same is",
            "`from demos import NAME; NAME.run()`, with underscores for hyphens.",
            "",
            *(f"  {name:<{width}}  {summary}" for name, summary in names.items()),
        ]
    )


def _first_line(path: Path) -> str:
    docstring = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
    return docstring.partition("\n")[0]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
