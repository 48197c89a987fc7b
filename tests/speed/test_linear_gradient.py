"""The gradient of a linear layer for its input, by a product that BLAS reads without transposing the weight."""

import numpy as np
import pytest

from tinygrad_edu.operations import matrices


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(("n", "inputs", "outputs"), [(10, 784, 30), (64, 784, 100), (500, 784, 100), (3, 64, 64)])
def test_the_turned_product_is_the_plain_one(n, inputs, outputs, dtype):
    """Not to the bit: BLAS adds in another order. Both are within the error that rounding allows a sum."""
    rng = np.random.default_rng(0)
    gy, weight = rng.normal(size=(n, outputs)).astype(dtype), rng.normal(size=(inputs, outputs)).astype(dtype)
    assert weight.size >= matrices._LARGE
    quick = matrices.LINEAR.gx_arrays[0](gy, None, None, weight, None)
    exact = gy.astype(np.float64) @ weight.T.astype(np.float64)
    allowed = outputs * np.finfo(dtype).eps * (np.abs(gy) @ np.abs(weight.T))
    for product in (quick, gy @ weight.T):
        assert product.dtype == dtype
        assert (np.abs(product - exact) <= allowed).all()
