"""The command line: `python -m demos [NAME] [options]`."""

import io
import os
import sys
from collections.abc import Sequence

from demos import _catalogue, _options
from tinygrad_edu import TinygradEduError
from tinygrad_edu.support.ascii import ERRORS

STOPPED = 130  # what a shell reports of a program that Ctrl-C ended
CUT_SHORT = 141  # and of one whose output is no longer read
USAGE = """usage: python -m demos [NAME] [options]

Without a name, it runs the tour. `python -m demos NAME --help` lists the options of one; in a REPL, the same is
`from demos import NAME; NAME.run()`, with underscores for hyphens.
"""


def main(arguments: Sequence[str]) -> int:
    """Run the demo that the command line names; 0 unless something failed or a reproduced figure is off."""
    if arguments and arguments[0] in ("-h", "--help"):
        print(f"{USAGE}\n{_catalogue.listing()}")
        return 0
    named = bool(arguments) and not arguments[0].startswith("-")
    name, options = (arguments[0], arguments[1:]) if named else ("tour", arguments)
    try:
        demo = _catalogue.load(name)
        parsed = _options.parser(demo.run, name, (demo.__doc__ or "").strip()).parse_args(options)
        result = demo.run(**vars(parsed))
        sys.stdout.flush()
    except TinygradEduError as error:
        print(f"demos: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("\ndemos: stopped", file=sys.stderr)
        return STOPPED
    except BrokenPipeError:  # the reader of the pipe, such as head, has ended
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return CUT_SHORT
    return 0 if result is None or result.agrees else 1


if __name__ == "__main__":
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors=ERRORS)  # a file or a pipe may have no sign for a derivative
    sys.exit(main(sys.argv[1:]))
