"""Build the documentation site: `python -m docs [FOLDER]`. The default folder is out/docs.

The notebooks run while the site is built, and a warning is an error. The extra `docs` installs what this needs.
"""

import sys
from pathlib import Path

SOURCES = Path(__file__).parent


def main(arguments: list[str]) -> int:
    """Build the site into the folder that the command line names; 0 if there was no warning."""
    if arguments and arguments[0].startswith("-"):
        print(__doc__)
        return 0 if arguments[0] in ("-h", "--help") else 2
    try:
        from sphinx.cmd.build import main as build
    except ModuleNotFoundError:
        sys.exit('python -m docs needs Sphinx: pip install -e ".[docs]" installs it')
    folder = Path(arguments[0]) if arguments else Path("out/docs")
    return build(["--fail-on-warning", "--keep-going", "-b", "html", str(SOURCES), str(folder)])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
