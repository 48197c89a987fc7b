"""`History`: what a training run measured, one number per epoch for each name."""

from collections.abc import Iterator, Mapping
from typing import Any

from tinygrad_edu.errors import ArgumentError, TinygradEduError
from tinygrad_edu.support.arguments import as_number, whole_number
from tinygrad_edu.support.ascii import for_output
from tinygrad_edu.support.notebook import table


class UnknownColumnError(TinygradEduError, KeyError):
    """A history has no numbers of this name."""

    __str__ = for_output(Exception.__str__)  # KeyError's own puts the sentence into quotes


class History(Mapping[str, list[float]]):
    """Numbers by name and epoch: ``history["loss"][-1]`` is the last epoch's loss.

    Attributes
    ----------
    stopped : why the run ended, in a sentence; "" while it runs.
    snapshots : list of (epoch, state): the model's `state_dict` after some epochs, where a `Snapshots` callback took
        them.
    model, X, y : what was trained, and the data: a plot of the run needs only its history.

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
        self._epochs: dict[str, list[int]] = {}
        self.model = model
        self.X = X
        self.y = y
        self.stopped = ""
        self.snapshots: list[tuple[int, dict[str, Any]]] = []

    def add(self, numbers: Mapping[str, float], epoch: int | None = None) -> None:
        """Add an epoch's numbers, or more numbers of the latest epoch.

        Parameters
        ----------
        numbers : by name.
        epoch : the epoch of the numbers, from 1 on. By default it is the latest epoch if that has none of these names
            yet, or else the next one.

        Raises
        ------
        ArgumentError : the history already has a number of that epoch, or of a later one.

        Examples
        --------
        >>> history = History()
        >>> for epoch in range(1, 4):
        ...     history.add({"loss": 1 / epoch})
        ...     if epoch % 2 == 0:
        ...         history.add({"auc": 0.8})
        >>> history.epochs, history.epochs_of("auc")
        (3, [2])
        """
        last = self.epochs
        if epoch is None:
            epoch = max(last, 1) if not any(last in self._epochs.get(name, ()) for name in numbers) else last + 1
        for name in numbers:
            if self._epochs.get(name, [0])[-1] >= whole_number("History: epoch", epoch):
                raise ArgumentError(f"the history has {name!r} of epoch {self._epochs[name][-1]} already, not {epoch}")
        for name, number in numbers.items():
            self._columns.setdefault(name, []).append(as_number(number))
            self._epochs.setdefault(name, []).append(epoch)

    def epochs_of(self, name: str) -> list[int]:
        """The epochs of the numbers of this name, in their order."""
        self[name]  # raises for an unknown name
        return list(self._epochs[name])

    @property
    def epochs(self) -> int:
        """The latest epoch that has numbers; 0 before the first."""
        return max((epochs[-1] for epochs in self._epochs.values()), default=0)

    def to_dict(self) -> dict[str, list[float]]:
        """The numbers as plain lists."""
        return {name: list(column) for name, column in self._columns.items()}

    def state_dict(self) -> dict[str, Any]:
        """The numbers and the snapshots, as a `Checkpoint` keeps them."""
        numbers = {f"numbers.{name}": column for name, column in self.to_dict().items()}
        epochs = {f"epochs.{name}": list(epochs) for name, epochs in self._epochs.items()}
        taken = {f"snapshots.{epoch}.{name}": entry for epoch, state in self.snapshots for name, entry in state.items()}
        return numbers | epochs | taken

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Load what `state_dict` returned."""
        self._columns, self._epochs = {}, {}
        snapshots: dict[int, dict[str, Any]] = {}
        for key, entry in state.items():
            kind, _, name = key.partition(".")
            if kind == "numbers":
                self._columns[name] = list(entry)
            elif kind == "epochs":
                self._epochs[name] = [int(epoch) for epoch in entry]
            else:
                epoch, _, name = name.partition(".")
                snapshots.setdefault(int(epoch), {})[name] = entry
        for name, column in self._columns.items():  # an older state has no epochs
            self._epochs.setdefault(name, list(range(1, len(column) + 1)))
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

    def _cells(self) -> list[list[str]]:
        """The rows of the table: the first epochs and the last; a cell is empty if there is no number."""
        numbers = {name: dict(zip(self._epochs[name], self._columns[name], strict=True)) for name in self}
        last = self.epochs
        shown = range(1, last + 1) if last <= 20 else [*range(1, 6), 0, *range(last - 4, last + 1)]
        return [
            [str(epoch), *(f"{numbers[name][epoch]:.4g}" if epoch in numbers[name] else "" for name in self)]
            if epoch
            else ["…"] * (len(self) + 1)
            for epoch in shown
        ]

    def _repr_html_(self) -> str:
        return table(["epoch", *self], self._cells(), note=self.stopped)

    @for_output
    def __str__(self) -> str:
        widths = [max(8, len(name)) for name in self]
        lines = ["epoch  " + "  ".join(f"{name:>{w}}" for name, w in zip(self, widths, strict=True))]
        for epoch, *cells in self._cells():
            row = "  ".join(f"{cell:>{w}}" for cell, w in zip(cells, widths, strict=True))
            lines.append("    …" if epoch == "…" else f"{epoch:>5}  {row}".rstrip())
        return "\n".join([*lines, *([self.stopped] if self.stopped else [])])

    @for_output
    def __repr__(self) -> str:
        last = ", ".join(f"{name}={column[-1]:.4g}" for name, column in self._columns.items() if column)
        epochs = "1 epoch" if self.epochs == 1 else f"{self.epochs} epochs"
        ended = "" if self.stopped.startswith("finished") else self.stopped
        return f"<History of {epochs}{': ' if last else ''}{last}{'; ' if ended else ''}{ended}>"
