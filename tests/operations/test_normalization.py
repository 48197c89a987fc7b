"""Means by products with ones beside NumPy's own, and what normalization keeps from its forward pass."""

import numpy as np
import pytest

from tinygrad_edu import Tensor, nn
from tinygrad_edu.operations.normalization import mean_over

SHAPES = [(3, 4), (64, 32), (31, 66), (128, 96), (2, 3, 5), (32, 16, 64), (8, 9, 5, 8), (3, 1500), (1, 7), (7, 1), (5,)]
ORDERS = {"rows": lambda x: x, "columns": np.asfortranarray, "turned": lambda x: x.T, "every other": lambda x: x[::2]}


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize("shape", SHAPES)
def test_a_mean_is_that_of_numpy_over_whatever_axes(shape, dtype, order):
    x = ORDERS[order](np.random.default_rng(0).standard_normal(shape).astype(dtype))
    ndim = len(shape)
    for axes in [(-1,), (0,), (ndim - 1,), tuple(range(ndim)), tuple(range(ndim - 1)) or (0,), (0, ndim - 1)[:ndim]]:
        found, expected = mean_over(x, axes), np.mean(x.astype(float), axis=axes, keepdims=True)
        assert found.shape == expected.shape
        assert found.dtype == dtype
        np.testing.assert_allclose(found, expected, rtol=0, atol=8 * np.finfo(dtype).eps * np.abs(x).max())


@pytest.mark.parametrize("bad", [np.inf, -np.inf, np.nan])
@pytest.mark.parametrize("axes", [(1,), (0,)])
def test_a_mean_is_not_finite_where_numpys_is_not(axes, bad):
    x = np.ones((64, 40))
    x[3, 5] = bad
    np.testing.assert_array_equal(mean_over(x, axes), np.mean(x, axis=axes, keepdims=True))


@pytest.mark.parametrize(
    "layer", [nn.LayerNorm(4), nn.RMSNorm(4), nn.GroupNorm(1, 4), nn.BatchNorm1d(4)], ids=lambda layer: repr(layer)[:9]
)
def test_float16_does_not_overflow(layer):
    rng = np.random.default_rng(0)
    numbers = (rng.standard_normal((6, 4)) * 200).astype(np.float16)
    layer.astype(np.float16)
    x = Tensor(numbers)
    y = layer(x)
    (y * y[::-1]).sum().backward()
    grad, layer = x.grad, layer.astype(np.float64)
    exact = Tensor(numbers.astype(float))
    z = layer(exact)
    (z * z[::-1]).sum().backward()
    assert (y.dtype, grad.dtype) == (np.float16, np.float16)
    np.testing.assert_allclose(y.data, z.data, rtol=2e-3, atol=2e-3)
    np.testing.assert_allclose(grad, exact.grad, rtol=0, atol=2e-2 * np.abs(exact.grad).max())
