"""When two results agree: the same type of numbers, shape, infinities and NaNs, and finite numbers up to rounding."""

import numpy as np

from tinygrad_edu import Tensor, Value


def plain(x):
    """The numbers of a node, an array or a number, as an array."""
    return np.asarray(x.data if isinstance(x, Tensor | Value) else x)


def assert_agree(found, expected, what, *, rtol=1e-11, scale=0.0, like=True):
    """Assert that ``found`` is ``expected`` up to rounding.

    A finite number may differ by ``rtol`` of itself, of ``scale`` and of the largest finite number beside it. With
    ``like``, shape and dtype must be the same.
    """
    found, expected = plain(found), plain(expected)
    if like:
        assert (found.shape, found.dtype) == (expected.shape, expected.dtype), what
    else:
        assert found.shape == expected.shape, what
    finite = np.isfinite(expected)
    np.testing.assert_array_equal(np.isfinite(found), finite, err_msg=what)
    np.testing.assert_array_equal(found[~finite], expected[~finite], err_msg=what)
    largest = np.max(np.abs(expected[finite]), initial=scale)
    np.testing.assert_allclose(found[finite], expected[finite], rtol=rtol, atol=rtol * largest, err_msg=what)
