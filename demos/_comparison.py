"""`Comparison`: published figures next to those that a demo measured."""

import math
from typing import NamedTuple


class Row(NamedTuple):
    """One figure."""

    what: str
    published: str
    measured: float
    within: float | None
    least: bool = False

    @property
    def shown(self) -> str:
        """The measured figure, written like the published one; with two digits more if that is a goal."""
        if self.least:
            return f"{self.measured:.{len(self.published.partition('.')[2]) + 2}f}"
        return _written_like(self.published, self.measured)

    @property
    def agrees(self) -> bool:
        """Whether the two are the same, to the last digit or within the tolerance, or the measured one is no lower."""
        if self.least:
            return self.measured >= float(self.published)
        if self.within is None:
            return self.shown == self.published
        return abs(self.measured - float(self.published)) <= self.within


class Comparison:
    """A table published | measured.

    Parameters
    ----------
    what : head of the first column, which names the rows.

    Examples
    --------
    >>> table = Comparison("epoch")
    >>> table.add("500", "0.004159", 0.00415871)
    >>> table.add("1000", "0.001368", 0.00151)
    >>> print(table)
    epoch  published  measured
    500     0.004159  0.004159
    1000    0.001368  0.001510  differs
    1 of 2 figures agree.
    >>> table.agrees
    False
    """

    def __init__(self, what: str = "") -> None:
        self.what = what
        self.rows: list[Row] = []

    def add(
        self, what: object, published: str, measured: float, within: float | None = None, *, least: bool = False
    ) -> None:
        """Add a figure.

        Parameters
        ----------
        what : names the figure.
        published : the figure as it was printed: "0.860" promises three digits.
        measured : what this run gave.
        within : greatest difference that passes; without it, every published digit must be reproduced, and with
            ``math.inf`` the two are only shown side by side.
        least : the published figure is a goal: what is measured must not be below it.
        """
        self.rows.append(Row(str(what), published, float(measured), within, least))

    @property
    def agrees(self) -> bool:
        """Whether every figure agrees."""
        return all(row.agrees for row in self.rows)

    def __repr__(self) -> str:
        return f"<Comparison: {self._verdict()}>"

    def __str__(self) -> str:
        head = (self.what, "published", "measured")
        rows = [(row.what, row.published, row.shown) for row in self.rows]
        first, left, right = (max(map(len, column)) for column in zip(head, *rows, strict=True))
        remarks = ["", *map(_remark, self.rows)]
        lines = [
            f"{what:<{first}}  {published:>{left}}  {measured:>{right}}{remark}"
            for (what, published, measured), remark in zip([head, *rows], remarks, strict=True)
        ]
        return "\n".join([*lines, self._verdict()])

    def _verdict(self) -> str:
        judged = [row for row in self.rows if row.within != math.inf]
        good, count = sum(row.agrees for row in judged), len(judged)
        if not count:
            return "No figure is judged."
        if good < count:
            return f"{good} of {count} figures agree." if count > 1 else "The figure does not agree."
        exact = " to the last digit" if all(row.within is None and not row.least for row in judged) else ""
        return f"All {count} figures agree{exact}." if count > 1 else f"The figure agrees{exact}."


def _remark(row: Row) -> str:
    if not row.agrees:
        return "  differs"
    if row.least:
        return "  (at least)"
    if row.within == math.inf:
        return "  (not judged)"
    return "" if row.within is None else f"  (within {row.within:g})"


def _written_like(text: str, number: float) -> str:
    """``number`` with as many digits as ``text``, and an exponent if that has one."""
    mantissa, exponent, _ = text.partition("e")
    digits = len(mantissa.partition(".")[2])
    return f"{number:.{digits}{'e' if exponent else 'f'}}"
