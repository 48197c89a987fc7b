"""Runs side by side in processes, each on one thread: NumPy's own threads would only be in each other's way."""

import contextlib
import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from typing import Any, TypeVar

from tqdm import tqdm

T = TypeVar("T")


def side_by_side(function: Callable[..., T], settings: Sequence[Any], *, what: str, **options: Any) -> list[T]:
    """``[function(setting, **options) for setting in settings]``, as many at a time as there are processors.

    They are started in this order: put the long ones first, so that no processor waits for the last. ``what`` names
    the progress bar. Ctrl-C ends them all.
    """
    one_thread = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    os.environ.update(one_thread)  # the processes read it when they load NumPy
    others = {*multiprocessing.active_children()}
    with (
        ProcessPoolExecutor(mp_context=multiprocessing.get_context("spawn")) as pool,
        tqdm(total=len(settings), desc=what, unit="run", disable=None, leave=False) as bar,
    ):
        try:
            with _deaf_to_ctrl_c():
                futures = [pool.submit(function, setting, **options) for setting in settings]
            for future in futures:
                future.add_done_callback(lambda _: bar.update())
            return [future.result() for future in futures]
        except BaseException:  # without this, the pool would first finish what is under way
            pool.shutdown(wait=False, cancel_futures=True)
            for process in {*multiprocessing.active_children()} - others:
                process.terminate()
            raise


@contextlib.contextmanager
def _deaf_to_ctrl_c() -> Iterator[None]:
    """Within it, processes are started that never hear of Ctrl-C: it is their parent who answers it, once."""
    if threading.current_thread() is not threading.main_thread():  # where Python changes no handler
        yield
        return
    handler = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, handler)
