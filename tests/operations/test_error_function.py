"""The error function of float32 arrays beside SciPy's in double precision."""

import numpy as np
import pytest
import scipy.special

from tinygrad_edu.operations.arrays import VOCABULARY
from tinygrad_edu.operations.error_function import SINGLE

X = np.concatenate([np.linspace(-12, 12, 100_001), np.geomspace(1e-30, 1, 1001)]).astype(np.float32)


@pytest.mark.parametrize("name", ["erf", "erfc", "ndtr"])
def test_the_relative_error_is_small(name):
    exact = getattr(scipy.special, name)(X.astype(float))
    found = VOCABULARY[name](X)
    assert found.dtype == np.float32
    large = np.abs(exact) > 1e-6
    np.testing.assert_allclose(found[large], exact[large], rtol=2e-6)
    np.testing.assert_allclose(found, exact, rtol=2e-5, atol=1e-38)


@pytest.mark.parametrize("name", ["erf", "erfc", "ndtr"])
def test_edges_and_parts(name):
    edges = np.array([np.inf, -np.inf, np.nan, 0.0, -0.0, 1e30, -1e30], np.float32)
    np.testing.assert_array_equal(SINGLE[name](edges), getattr(scipy.special, name)(edges))
    whole = SINGLE[name](X[:100_000].reshape(10, 100, 100))
    np.testing.assert_array_equal(whole.ravel()[-100:], SINGLE[name](X[99_900:100_000]))
    assert SINGLE[name](np.float32(0.5)).shape == ()
    assert SINGLE[name](X[::2][:0]).shape == (0,)


def test_the_error_function_never_leaves_its_range():
    near_four = np.linspace(3, 5, 100_001).astype(np.float32)
    for x in (near_four, -near_four):
        assert np.abs(SINGLE["erf"](x)).max() == 1
        assert SINGLE["erfc"](x).min() >= 0
        assert SINGLE["erfc"](x).max() <= 2
