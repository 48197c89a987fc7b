"""Tables and the page `docs/benchmarks.md`, from rows and the bars that they must reach."""

import os
import platform
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from importlib.metadata import version
from itertools import groupby
from pathlib import Path
from statistics import median, quantiles

PEERS = ("numpy", "micrograd", "mygrad", "autograd", "torch", "jax")


@dataclass(frozen=True)
class Bar:
    """A figure to reach: the median of `samples` at most, or at least, `limit`."""

    claim: str
    samples: Sequence[float]
    limit: float
    at_least: bool = False
    unit: str = "×"

    @property
    def measured(self) -> float:
        return median(self.samples)

    @property
    def met(self) -> bool:
        return self.measured >= self.limit if self.at_least else self.measured <= self.limit

    def cells(self) -> list[str]:
        """Claim, measured (with quartiles, where there are several samples), bar, met."""
        shown = figure(self.measured)
        if len(self.samples) > 1:
            low, _, high = quantiles(self.samples, n=4)
            shown += f" ({figure(low)} … {figure(high)})"
        sign = "≥" if self.at_least else "≤"
        verdict = "yes" if self.met else "NO"
        return [self.claim, f"{shown} {self.unit}", f"{sign} {self.limit:g} {self.unit}", verdict]


@dataclass(frozen=True)
class Row:
    """One line of the table `table`: a label, a cell for each column, and the bars set for it."""

    table: str
    label: str
    cells: dict[str, str]
    bars: tuple[Bar, ...] = ()


def figure(number: float) -> str:
    """Three significant digits, never in powers of ten: 0.0123, 1.23, 1234."""
    return f"{number:.3g}" if abs(number) < 999.5 else f"{number:.0f}"


def duration(seconds: float) -> str:
    """A time in the unit that fits it."""
    for unit, size in (("s", 1.0), ("ms", 1e-3), ("µs", 1e-6)):
        if seconds >= size:
            return f"{figure(seconds / size)} {unit}"
    return f"{figure(seconds / 1e-9)} ns"


def tables(rows: Iterable[Row]) -> str:
    """Every table, then the bars, as Markdown that reads well in a terminal."""
    rows = list(rows)
    parts = []
    for title, group in groupby(rows, key=lambda row: row.table):
        lines = list(group)
        columns = list(dict.fromkeys(column for row in lines for column in row.cells))
        body = [[row.label, *(row.cells.get(column, "") for column in columns)] for row in lines]
        parts.append(f"## {title}\n\n{_markdown(['', *columns], body)}")
    bars = [[row.label, *bar.cells()] for row in rows for bar in row.bars]
    parts.append(f"## Bars\n\n{_markdown(['', 'tinygrad_edu', 'measured', 'bar', 'met'], bars)}")
    return "\n".join(parts)


def page(rows: Iterable[Row]) -> str:
    """The text of `docs/benchmarks.md`."""
    versions = ", ".join(f"{name} {version(name)}" for name in PEERS)
    return (
        "# Benchmarks\n\n"
        f"Written by `python -m tests.benchmarks --write` on {date.today().isoformat()}, in one run.\n\n"
        f"- Python {platform.python_version()}, {versions}\n"
        f"- {processor()}, {os.cpu_count()} cores, {platform.system()}; one thread for every peer\n"
        "- The last table has the bars, which are the project's goals. Measured is the median (and the quartiles).\n"
        "  `compiled` and `vectorize` are also this project.\n"
        "- A step is a whole training step: zero the gradients, forward, loss, backward, update.\n"
        "- Times are CPU times of the process, medians over many rounds. In each round every peer runs once, in a\n"
        "  new order. After the dot is the ratio to the time of the first column, the median of the rounds' ratios\n"
        "  (quartiles in brackets). The MNIST runs use several processes, so their time is wall-clock time.\n"
        "- The programs are in `tests/benchmarks/`. A test checks that they give the same losses and weights.\n\n"
        f"{tables(rows)}"
    )


def processor() -> str:
    """The processor's name, if the system knows it."""
    if sys.platform == "linux":
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _markdown(header: Sequence[str], body: Sequence[Sequence[str]]) -> str:
    widths = [max(map(len, column)) for column in zip(header, *body, strict=True)]
    lines = [header, ["-" * width for width in widths], *body]
    return "".join(
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) + " |\n"
        for line in lines
    )
