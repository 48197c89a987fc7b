"""`sweep`: a function called for each setting and seed, in processes or on a cluster."""

import itertools
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from tinygrad_edu.errors import DTypeError
from tinygrad_edu.support.arguments import shown, whole_number
from tinygrad_edu.support.files import write
from tinygrad_edu.support.progress import progress_bar
from tinygrad_edu.train.sweeps.results import Results, SweptRun
from tinygrad_edu.train.sweeps.settings import Task, check_signature, key_of, seeds_of, settings_of
from tinygrad_edu.train.sweeps.stored import decoded, read
from tinygrad_edu.train.sweeps.workers import Done, on_cluster, on_this_machine


def sweep(
    run: Callable[..., Any],
    grid: Mapping[str, Iterable[Any]] | Iterable[Mapping[str, Any]],
    *,
    seeds: int | Iterable[int] = 5,
    folder: str | os.PathLike[str] | None = None,
    client: Any = None,
    jobs: int | None = None,
    progress: bool | None = None,
    title: str = "sweep",
) -> Results:
    """Call ``run(**setting, rng=…)`` for every setting and seed, many at a time, and collect the results.

    Parameters
    ----------
    run : a function of the names of the grid and of ``rng``, such as ``def run(lr, rng)``. It returns a `History`, or a
        dict by name of numbers, lists (one number per epoch), arrays and text. ``rng`` is a new
        ``np.random.default_rng(seed)``.
    grid : a dict of lists: every combination of their entries is a setting; or a list of settings, each a dict.
    seeds : how many, from 0 up; or the seeds themselves.
    folder : each finished run is written to a file in it. Another call with this folder runs only what is missing.
        Without it, the results are only in memory.
    client : a `distributed.Client`: the runs go to its Dask cluster. Without it, they go to processes of this machine,
        each on one thread.
    jobs : processes at a time; by default as many as there are processors.
    progress : show a progress bar; by default on a terminal and in a notebook.
    title : of the progress bar.

    Returns
    -------
    Results : a table, one row per run. A run that raised an error is in it with its traceback, and did not stop the
        others.

    Raises
    ------
    ArgumentError : run cannot take the names of the grid and ``rng``; or the grid has no settings.
    DTypeError : run is no function, or the grid does not name its arguments.

    Notes
    -----
    - The runs start in the order of the grid: put long ones first.
    - A file is never incomplete. A later call finds it by the name of ``run``, the arguments that `functools.partial`
      binds to it, the setting and the seed. It does not see a change in the code of ``run``: take another folder then.
    - A run that failed is repeated by another call with the same folder. Its traceback is in a text file there.
    - A process or worker that is killed costs only its current run, which is repeated. A run whose process ends three
      times has failed.

    Examples
    --------
    >>> def run(lr, rng):
    ...     x = rng.normal()
    ...     losses = []
    ...     for _ in range(3):
    ...         x -= lr * 2 * x
    ...         losses.append(x * x)
    ...     return {"loss": losses}
    >>> results = sweep(run, {"lr": [0.1, 0.4]}, seeds=2, jobs=1)
    >>> results
    <Results of 2 settings, 4 runs: loss>
    >>> results.best("loss")
    {'lr': 0.4}
    """
    if not callable(run):
        raise DTypeError(
            'sweep takes the function and then the grid, as in train.sweep(run, {"lr": [0.1, 1.0]}), but the function '
            f"is {shown(run)}"
        )
    settings = settings_of(grid)
    check_signature(run, settings)
    if jobs is not None:
        whole_number("sweep: jobs", jobs)
    place = None if folder is None else Path(folder)
    tasks = [
        Task(k, setting, seed, "" if place is None else key_of(run, setting, seed))
        for k, (setting, seed) in enumerate(itertools.product(settings, seeds_of(seeds)))
    ]
    if place is not None:
        place.mkdir(parents=True, exist_ok=True)
    found = _earlier(tasks, place)
    missing = [task for task in tasks if task.number not in found]
    with progress_bar(progress, total=len(tasks), initial=len(found), desc=title, unit="run", leave=False) as bar:
        for done in _ended(run, missing, client, jobs):
            found[done.task.number] = _kept(done, tasks[done.task.number], place)
            bar.update()
    return Results(found[task.number] for task in tasks)


def _earlier(tasks: Sequence[Task], folder: Path | None) -> dict[int, SweptRun]:
    """The runs that an earlier call finished."""
    found = {}
    for task in tasks if folder is not None else ():
        outcome = read(Path(folder, f"{task.key}.safetensors"))  # type: ignore[arg-type]
        if outcome is not None:
            found[task.number] = SweptRun(task.setting, task.seed, outcome)
    return found


def _ended(run: Callable[..., Any], tasks: Sequence[Task], client: Any, jobs: int | None) -> Iterable[Done]:
    if not tasks:
        return ()
    if client is not None:
        return on_cluster(client, run, tasks)
    return on_this_machine(run, tasks, jobs or os.cpu_count() or 1)


def _kept(done: Done, task: Task, folder: Path | None) -> SweptRun:
    """The run as a row of the results; it is also written to a file."""
    if folder is not None:
        failure = folder / f"{task.key}.failed.txt"
        if done.failure:
            write(failure, done.failure.encode())
        else:
            write(folder / f"{task.key}.safetensors", done.content)
            failure.unlink(missing_ok=True)
    return SweptRun(task.setting, task.seed, {} if done.failure else decoded(done.content), done.failure)
