"""Where the runs of a sweep are computed: in processes of this machine, or by the workers of a Dask cluster."""

import signal
import traceback
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, wait
from concurrent.futures.process import BrokenProcessPool
from typing import Any, NamedTuple

import numpy as np

from tinygrad_edu.train.sweeps.settings import Task, stable
from tinygrad_edu.train.sweeps.stored import encoded

ATTEMPTS = 3  # if the process of a run dies this often, the run has failed: it kills the process itself
ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
ENVIRONMENT = {**ONE_THREAD, "TQDM_DISABLE": "1"}  # the bars of single runs would overwrite the bar of the sweep


class Done(NamedTuple):
    """A run that has ended: its outcome as bytes, or why it failed."""

    task: Task
    content: bytes
    failure: str


def attempt(run: Callable[..., Any], task: Task) -> Done:
    """Call ``run`` here and now. An exception becomes the text of its traceback."""
    try:
        outcome = run(**task.setting, rng=np.random.default_rng(task.seed))
        return Done(task, encoded(outcome, stable(task.setting) if task.key else None, task.seed), "")
    except Exception as error:
        below = error.__traceback__.tb_next if error.__traceback__ else None
        return Done(task, b"", "".join(traceback.format_exception(error.with_traceback(below))))


def on_this_machine(run: Callable[..., Any], tasks: Sequence[Task], jobs: int) -> Iterator[Done]:
    """The runs as they end, ``jobs`` at a time, each process on one thread.

    Each process has an executor of its own, so if one is killed, only its own run is lost. That run is repeated.
    """
    waiting, idle = deque(tasks), [_process() for _ in range(min(jobs, len(tasks)))]
    busy: dict[Any, tuple[Any, Task]] = {}
    deaths: Counter[int] = Counter()
    try:
        while waiting or busy:
            while idle and waiting:
                process, task = idle.pop(), waiting.popleft()
                busy[process.submit(attempt, run, task)] = process, task
            for future in wait(busy, return_when=FIRST_COMPLETED).done:
                process, task = busy.pop(future)
                error = future.exception()
                if not isinstance(error, BrokenProcessPool):
                    idle.append(process)
                    yield future.result() if error is None else Done(task, b"", _traceback(error))
                    continue
                process.shutdown(kill_workers=True)
                idle.append(_process())
                deaths[task.number] += 1
                if deaths[task.number] < ATTEMPTS:
                    waiting.appendleft(task)
                else:
                    yield Done(task, b"", f"the process of this run ended {ATTEMPTS} times: {error}")
    finally:
        for process in [*idle, *(process for process, _ in busy.values())]:
            process.shutdown(kill_workers=True)


def _process() -> Any:
    try:
        from joblib.externals.loky.process_executor import ProcessPoolExecutor
    except ModuleNotFoundError as error:
        raise ImportError('sweep needs joblib: pip install "tinygrad_edu[sweep]"') from error
    return ProcessPoolExecutor(1, initializer=_ignore_ctrl_c, env=ENVIRONMENT)


def _ignore_ctrl_c() -> None:
    """Only the parent process handles Ctrl-C; it ends the others."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def on_cluster(client: Any, run: Callable[..., Any], tasks: Sequence[Task]) -> Iterator[Done]:
    """The runs as they end on the workers of a `distributed.Client`. Dask repeats those of a worker that is lost."""
    import distributed

    futures = {client.submit(attempt, run, task, pure=False): task for task in tasks}
    ended: Any = distributed.as_completed(futures)  # type: ignore[no-untyped-call]
    try:
        for future in ended:
            task = futures.pop(future)
            if future.status in ("cancelled", "lost"):  # the cluster was restarted
                again = client.submit(attempt, run, task, pure=False)
                futures[again] = task
                ended.add(again)
            elif future.status == "error":
                yield Done(task, b"", _traceback(future.exception()))
            else:
                yield future.result()
            future.release()
    finally:
        client.cancel(list(futures))


def _traceback(error: BaseException) -> str:
    """The text of an error outside of the run, such as a function that cannot be sent to a process."""
    return "".join(traceback.format_exception(error))
