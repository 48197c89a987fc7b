"""Runs side by side in processes, each on one thread: NumPy's own threads would only be in each other's way."""

import multiprocessing
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from typing import Any, TypeVar

from tqdm import tqdm

T = TypeVar("T")


def side_by_side(function: Callable[..., T], settings: Sequence[Any], *, what: str, **options: Any) -> list[T]:
    """``[function(setting, **options) for setting in settings]``, as many at a time as there are processors.

    They are started in this order: put the long ones first, so that no processor waits for the last. ``what`` names
    the progress bar.
    """
    one_thread = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    os.environ.update(one_thread)  # the processes read it when they load NumPy
    with (
        ProcessPoolExecutor(mp_context=multiprocessing.get_context("spawn")) as pool,
        tqdm(total=len(settings), desc=what, unit="run", disable=None, leave=False) as bar,
    ):
        futures = [pool.submit(function, setting, **options) for setting in settings]
        for future in futures:
            future.add_done_callback(lambda _: bar.update())
        return [future.result() for future in futures]
