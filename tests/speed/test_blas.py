"""Products some rows at a time, and memory at the beginning of a line of the cache."""

import numpy as np
import pytest

from tinygrad_edu.speed import blas


@pytest.mark.parametrize(
    ("n", "k", "m", "rows"),
    [
        (64, 784, 100, 12),
        (10, 784, 512, 2),
        (10, 256, 128, 10),
        (500, 784, 100, 500),
        (10, 2000, 512, 10),
        (0, 9, 0, 0),
    ],
)
def test_how_many_rows_at_a_time(n, k, m, rows, monkeypatch):
    monkeypatch.setattr(blas, "multiplies_in_place", lambda: True)
    assert blas.rows_at_once(n, k, m, 4) == rows
    monkeypatch.setattr(blas, "multiplies_in_place", lambda: False)
    assert blas.rows_at_once(n, k, m, 4) == n


@pytest.mark.parametrize(("threads", "goto", "in_place"), [("1", "", True), ("4", "1", False), ("", "1", True)])
def test_products_are_left_to_several_threads(threads, goto, in_place, monkeypatch):
    config = {"Build Dependencies": {"blas": {"name": "scipy-openblas"}}, "SIMD Extensions": {"found": ["X86_V4"]}}
    monkeypatch.setattr(np, "show_config", lambda mode: config)
    monkeypatch.setenv("OPENBLAS_NUM_THREADS", threads)
    monkeypatch.setenv("GOTO_NUM_THREADS", goto)
    assert blas.multiplies_in_place.__wrapped__() == in_place
    config["SIMD Extensions"]["found"] = ["X86_V3"]
    assert not blas.multiplies_in_place.__wrapped__()
