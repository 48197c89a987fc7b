"""`History`: what a training run measured, one number an epoch under each name."""

from collections.abc import Iterator, Mapping
from typing import Any

from tinygrad_edu.errors import TinygradEduError
from tinygrad_edu.support.arguments import as_number
from tinygrad_edu.support.notebook import table


class UnknownColumnError(TinygradEduError, KeyError):
    """A name under which a history has no numbers."""

    __str__ = Exception.__str__  # KeyError's own puts the sentence into quotes


class History(Mapping[str, list[float]]):
    """Numbers by name and epoch: ``history["loss"][-1]`` is the last epoch's loss.

    Attributes
    ----------
    stopped : str
        Why the run ended, in a sentence; "" while it runs.
    snapshots : list of (epoch, state)
        The model's `state_dict` after some epochs, where a `Snapshots` callback took them.
    model, X, y
        What was trained, and on what: a plot of the run needs no more than its history.

    Examples
    --------
    >>> history = History()
    >>> history.add({"loss": 0.7, "accuracy": 0.5})
    >>> history.add({"loss": 0.4, "accuracy": 0.9})
    >>> history["loss"], len(history), history.epochs
    ([0.7, 0.4], 2, 2)
    >>> print(history)
    epoch      loss  accuracy
        1       0.7       0.5
        2       0.4       0.9
    """

    def __init__(self, model: Any = None, X: Any = None, y: Any = None) -> None:
        self._columns: dict[str, list[float]] = {}
        self.model = model
        self.X = X
        self.y = y
        self.stopped = ""
        self.snapshots: list[tuple[int, dict[str, Any]]] = []

    def add(self, numbers: Mapping[str, float]) -> None:
        """Append an epoch's numbers."""
        for name, number in numbers.items():
            self._columns.setdefault(name, []).append(as_number(number))

    @property
    def epochs(self) -> int:
        """How many epochs it holds."""
        return max(map(len, self._columns.values()), default=0)

    def to_dict(self) -> dict[str, list[float]]:
        """The numbers as plain lists."""
        return {name: list(column) for name, column in self._columns.items()}

    def state_dict(self) -> dict[str, Any]:
        """The numbers and the snapshots, as a `Checkpoint` keeps them."""
        return {f"numbers.{name}": column for name, column in self.to_dict().items()} | {
            f"snapshots.{epoch}.{name}": entry for epoch, state in self.snapshots for name, entry in state.items()
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take over what `state_dict` gave."""
        self._columns = {}
        snapshots: dict[int, dict[str, Any]] = {}
        for key, entry in state.items():
            kind, _, name = key.partition(".")
            if kind == "numbers":
                self._columns[name] = list(entry)
            else:
                epoch, _, name = name.partition(".")
                snapshots.setdefault(int(epoch), {})[name] = entry
        self.snapshots = sorted(snapshots.items())

    def __getitem__(self, name: str) -> list[float]:
        if name not in self._columns:
            known = ", ".join(self) or "nothing yet"
            raise UnknownColumnError(f"there is no {name!r} in this history, which has {known}")
        return self._columns[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._columns)

    def __len__(self) -> int:
        return len(self._columns)

    def _shown(self) -> tuple[list[str], list[int]]:
        """The columns with a number for each epoch, and the rows: the first, the last, and -1 for those between."""
        names = [name for name, column in self._columns.items() if len(column) == self.epochs]
        rows = range(self.epochs) if self.epochs <= 20 else [*range(5), -1, *range(self.epochs - 5, self.epochs)]
        return names, list(rows)

    def _repr_html_(self) -> str:
        names, shown = self._shown()
        rows = [
            ["…"] * (len(names) + 1) if i < 0 else [str(i + 1), *(f"{self._columns[name][i]:.4g}" for name in names)]
            for i in shown
        ]
        return table(["epoch", *names], rows, note=self.stopped)

    def __str__(self) -> str:
        names, shown = self._shown()
        widths = [max(8, len(name)) for name in names]
        lines = ["epoch  " + "  ".join(f"{name:>{w}}" for name, w in zip(names, widths, strict=True))]
        for i in shown:
            cells = (f"{self._columns[name][i]:>{w}.4g}" for name, w in zip(names, widths, strict=True))
            lines.append("    …" if i < 0 else f"{i + 1:>5}  " + "  ".join(cells))
        return "\n".join([*lines, *([self.stopped] if self.stopped else [])])

    def __repr__(self) -> str:
        last = ", ".join(f"{name}={column[-1]:.4g}" for name, column in self._columns.items() if column)
        epochs = "1 epoch" if self.epochs == 1 else f"{self.epochs} epochs"
        ended = "" if self.stopped.startswith("finished") else self.stopped
        return f"<History of {epochs}{': ' if last else ''}{last}{'; ' if ended else ''}{ended}>"
