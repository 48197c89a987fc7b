"""`Results`: what a sweep found, one row per run."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple, overload

import numpy as np

from tinygrad_edu.errors import ArgumentError, TinygradEduError
from tinygrad_edu.support.ascii import for_output
from tinygrad_edu.support.notebook import table
from tinygrad_edu.train.callbacks import mode_of


class FailedRunError(TinygradEduError, RuntimeError):
    """The result of a run that failed was asked for."""


class SweptRun(NamedTuple):
    """One run of a sweep.

    Attributes
    ----------
    setting : the arguments that it was called with.
    seed : of its rng.
    outcome : its numbers, lists of numbers (one per epoch), arrays and text, by name; empty if it failed.
    failure : the traceback of its error; "" if there was none.
    """

    setting: dict[str, Any]
    seed: int
    outcome: dict[str, Any]
    failure: str = ""

    def result(self) -> dict[str, Any]:
        """The outcome of a run that did not fail.

        Raises
        ------
        FailedRunError : it failed; the error has its traceback.
        """
        if self.failure:
            raise FailedRunError(f"the run {words(self.setting)}, seed={self.seed} failed:\n{self.failure}")
        return self.outcome

    @property
    def reason(self) -> str:
        """The last line of the traceback, which names the error."""
        return self.failure.strip().rpartition("\n")[2]

    def last(self, name: str) -> float:
        """The number of that name; of a list, the last epoch's; NaN if there is none."""
        found = self.outcome.get(name, np.nan)
        if isinstance(found, list | np.ndarray) and np.ndim(found) == 1 and len(found):
            found = found[-1]
        return float(found) if isinstance(found, int | float | np.number) else np.nan


class Results(Sequence[SweptRun]):
    """The runs of a sweep, in the order of the settings and their seeds.

    Examples
    --------
    >>> slow, quick = SweptRun({"lr": 0.1}, 0, {"loss": [2.0, 1.0]}), SweptRun({"lr": 1.0}, 0, {"loss": [2.0, 0.5]})
    >>> results = Results([slow, quick])
    >>> results.best("loss")
    {'lr': 1.0}
    >>> results.curves("loss")
    {'lr=0.1': [[2.0, 1.0]], 'lr=1.0': [[2.0, 0.5]]}
    """

    def __init__(self, runs: Iterable[SweptRun]) -> None:
        self.runs = list(runs)

    @overload
    def __getitem__(self, index: int) -> SweptRun: ...
    @overload
    def __getitem__(self, index: slice) -> "Results": ...
    def __getitem__(self, index: int | slice) -> "SweptRun | Results":
        return Results(self.runs[index]) if isinstance(index, slice) else self.runs[index]

    def __len__(self) -> int:
        return len(self.runs)

    def __iter__(self) -> Iterator[SweptRun]:
        return iter(self.runs)

    @property
    def failures(self) -> list[SweptRun]:
        """The runs that failed, each with its traceback in ``failure``."""
        return [run for run in self.runs if run.failure]

    def settings(self) -> list[tuple[dict[str, Any], list[SweptRun]]]:
        """Each setting with the runs of its seeds that did not fail."""
        groups: list[tuple[dict[str, Any], list[SweptRun]]] = []
        for run in self.runs:
            if not groups or groups[-1][0] != run.setting:
                groups.append((run.setting, []))
            groups[-1][1].extend([] if run.failure else [run])
        return groups

    def names(self) -> list[str]:
        """The numbers that the runs gave, one each or one per epoch."""
        found = dict.fromkeys(name for run in self.runs for name in run.outcome)
        return [name for name in found if any(not np.isnan(run.last(name)) for run in self.runs)]

    def _check(self, name: str) -> None:
        if name not in {name for run in self.runs for name in run.outcome}:
            known = ", ".join(self.names()) or "none: every run failed, see failures"
            raise ArgumentError(f"these results have no {name!r}: the numbers of the runs are {known}")

    def best(self, name: str, mode: str | None = None) -> dict[str, Any]:
        """The setting whose last ``name`` is best: the median over its seeds.

        Parameters
        ----------
        name : of a number that the runs gave.
        mode : "min" or "max"; by default "max" for an accuracy, else "min".

        Raises
        ------
        ArgumentError : no run has a number of that name.
        """
        self._check(name)
        sign = -1.0 if mode_of(mode, name, "best") == "max" else 1.0
        scores = [
            (sign * float(np.median(numbers)), k)
            for k, (_, runs) in enumerate(self.settings())
            if (numbers := [run.last(name) for run in runs]) and not np.isnan(numbers).any()
        ]
        if not scores:
            raise ArgumentError(f"no setting has a {name!r} that is a number in all of its runs")
        return dict(self.settings()[min(scores)[1]][0])

    def curves(self, name: str) -> dict[str, list[list[float]]]:
        """For each setting, as text, the numbers of its runs, one per epoch: what `viz.plot_bands` draws.

        Runs of a setting that ended at different epochs are cut to the shortest.
        """
        self._check(name)
        found = {}
        for setting, runs in self.settings():
            columns = [np.asarray(run.outcome[name], float).reshape(-1) for run in runs if name in run.outcome]
            if columns:
                epochs = min(map(len, columns))
                found[words(setting)] = [column[:epochs].tolist() for column in columns]
        return found

    def to_pandas(self) -> Any:
        """A DataFrame with one row per run: its setting, its seed, the last number of each name, and why it failed."""
        try:
            import pandas as pd
        except ImportError as error:
            raise ImportError('to_pandas needs pandas: pip install "tinygrad_edu[sweep]"') from error
        return pd.DataFrame(self._rows())

    def _rows(self) -> list[dict[str, Any]]:
        names = self.names()
        rows = [run.setting | {"seed": run.seed} | {name: run.last(name) for name in names} for run in self.runs]
        if self.failures:
            for row, run in zip(rows, self.runs, strict=True):
                row["failure"] = run.reason
        return rows

    @for_output
    def __repr__(self) -> str:
        failures, names = self.failures, ", ".join(self.names())
        failed = f", {len(failures)} failed (the first with {failures[0].reason})" if failures else ""
        numbers = f": {names}" if names else ""
        return f"<Results of {len(self.settings())} settings, {len(self.runs)} runs{failed}{numbers}>"

    def _repr_html_(self) -> str:
        rows = self._rows()
        return table(list(rows[0]) if rows else [], [[_cell(value) for value in row.values()] for row in rows])


def words(setting: dict[str, Any]) -> str:
    """A setting as text.

    Examples
    --------
    >>> words({"lr": 0.1, "optimizer": "Adam"})
    'lr=0.1, optimizer=Adam'
    """
    return ", ".join(f"{name}={_cell(value)}" for name, value in setting.items())


def _cell(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.6g}" if value != round(value, 1) else repr(value)
    return str(getattr(value, "__name__", value))
