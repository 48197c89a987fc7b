"""Products some rows at a time, and memory at the beginning of a line of the cache."""

import numpy as np
import pytest

from tinygrad_edu import Tensor, nn
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


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(("n", "k", "m"), [(64, 784, 100), (10, 784, 512), (13, 300, 400), (2, 3, 4)])
def test_a_product_in_parts_is_the_product(n, k, m, dtype, monkeypatch):
    monkeypatch.setattr(blas, "multiplies_in_place", lambda: True)
    rng = np.random.default_rng(0)
    a, b, c = (rng.normal(size=shape).astype(dtype) for shape in ((n, k), (k, m), (n, m)))
    for x, y in ((a, b), (a.T, c), (a[::-1], b)):
        product = blas.product(x, y)
        assert (product.shape, product.dtype) == ((x @ y).shape, dtype)
        np.testing.assert_allclose(product, x @ y, rtol=0, atol=1e-4 if dtype is np.float32 else 1e-12)


@pytest.mark.parametrize("layer", [nn.Linear(784, 100, rng=0), nn.Linear(784, 100, bias=False, rng=0)])
def test_the_gradients_of_a_wide_layer_are_those_of_its_rows(layer, monkeypatch):
    monkeypatch.setattr(blas, "multiplies_in_place", lambda: True)
    X, target = np.random.default_rng(1).normal(size=(64, 784)), np.random.default_rng(2).normal(size=(64, 100))

    def gradient(batches):
        layer.zero_grad()
        for rows, wanted in batches:
            ((layer(rows) - wanted) ** 2).sum().backward()
        return layer.weight.grad

    by_rows = gradient([(X[i : i + 1], target[i : i + 1]) for i in range(64)])
    np.testing.assert_allclose(gradient([(X, target)]), by_rows, rtol=1e-9)


@pytest.mark.parametrize("size", [10, 10_000])
def test_an_array_that_nobody_holds_any_more_is_no_longer_looked_after(size):
    t = Tensor(np.zeros(size))
    view = t.data[1:]
    t.detect_writes()
    assert t._checksum is not None
    now = t.stamp
    view[0] = 1.0
    t.detect_writes()
    assert t.stamp > now
    del view
    t.detect_writes()
    assert t._checksum is None
