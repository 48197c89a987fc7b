"""Run the labs in full and write docs/labs.md with their tables and pictures: `python docs/labs.py`.

All of them take about ten minutes on two processors. `python docs/labs.py mnist cifar` runs only these, and keeps the
sections of the others.
"""

import math
import platform
import re
import sys
import tempfile
from collections.abc import Sequence
from datetime import date
from pathlib import Path

import numpy as np
from PIL import Image

from demos import _catalogue
from demos._comparison import Comparison, Row

PAGE = Path(__file__).parent / "labs.md"
IMAGES = Path(__file__).parent / "images" / "labs"
LABS = (
    "xor",
    "moons-armijo",
    "lecture",
    "cifar",
    "rosenbrock",
    "mnist",
    "deepnets",
    "cnn",
    "gpt",
    "sequences",
    "names",
)
COLORS = 128  # of a picture: enough for plots, and a third of the bytes
HEAD = """# The labs

Classroom labs, run in full: the published figures next to the measured ones, and the pictures. `python -m demos NAME`
runs one of them, and fails if a figure is off. `python docs/labs.py` writes this page.
"""


def main(names: Sequence[str]) -> int:
    """Run the labs of these names, or all, and write the page; 0 if every figure agrees."""
    if not {*names} <= {*LABS}:
        print(f"usage: python docs/labs.py [{'] ['.join(LABS)}]", file=sys.stderr)
        return 2
    agrees = True
    for name in names or LABS:
        with tempfile.TemporaryDirectory() as folder:
            table = _catalogue.load(name).run(out=folder)
            pictures = _kept(name, Path(folder))
        sections = _sections() | {name: section(name, table, pictures)}
        agrees = agrees and table.agrees
        PAGE.write_text("\n".join([HEAD, *(sections[lab] for lab in LABS if lab in sections)]), encoding="utf-8")
    return 0 if agrees else 1


def section(name: str, table: Comparison, pictures: Sequence[Path]) -> str:
    """The section of a lab."""
    versions = f"Python {platform.python_version()}, NumPy {np.__version__}"
    rows = [f"| {row.what} | {row.published} | {row.shown} | {_judged(row)} |" for row in table.rows]
    shown = [f"![{path.stem.replace('_', ' ')}]({path.relative_to(PAGE.parent).as_posix()})\n" for path in pictures]
    head = f"| {table.what} | published | measured | |"
    lines = [f"## {name}\n", f"{_catalogue.summaries()[name]} Measured on {date.today()} with {versions}.\n"]
    return "\n".join([*lines, head, "| --- | ---: | ---: | --- |", *rows, "", *shown])


def _judged(row: Row) -> str:
    if not row.agrees:
        return "differs"
    if row.least:
        return "at least"
    if row.within is None:
        return "to the last digit"
    return "not judged" if row.within == math.inf else f"within {row.within:g}"


def _sections() -> dict[str, str]:
    """The sections of the page so far, by lab."""
    if not PAGE.exists():
        return {}
    parts = re.split(r"^(?=## )", PAGE.read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]
    return {part.partition("\n")[0].removeprefix("## "): part.rstrip("\n") + "\n" for part in parts}


def _kept(name: str, folder: Path) -> list[Path]:
    """Replace the lab's older pictures by these."""
    IMAGES.mkdir(parents=True, exist_ok=True)
    prefix = name.replace("-", "_")
    for old in IMAGES.glob(f"{prefix}_*.png"):
        old.unlink()
    kept = []
    for path in sorted(folder.glob("*.png"), key=lambda path: path.stat().st_mtime_ns):
        with Image.open(path) as picture:
            picture.convert("RGB").quantize(COLORS, dither=Image.Dither.NONE).save(IMAGES / path.name, optimize=True)
        kept.append(IMAGES / path.name)
    return kept


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
