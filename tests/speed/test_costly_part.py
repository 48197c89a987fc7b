"""Rows that compute their costly part once and piece by piece give the bits of their text."""

import gc

import numpy as np
import pytest

from tinygrad_edu import Tensor, no_grad
from tinygrad_edu.operations.elementwise import TABLE
from tinygrad_edu.speed.costly_part import LARGE, CostlyPart

ROWS = [name for name, row in TABLE.items() if row.costly]
RNG = np.random.default_rng(0)


def plain(row):
    """The two passes that the texts describe."""
    return row.on_arrays(("x",), row.y_text), row.on_arrays(("gy", "y", "x"), row.gx_texts[0])


def assert_same_bits(a, b):
    assert (a.shape, a.dtype, a.tobytes()) == (b.shape, b.dtype, b.tobytes())


def test_both_texts_contain_the_part():
    assert "gelu" in ROWS
    for name in ROWS:
        row = TABLE[name]
        assert row.costly in row.y_text
        assert row.costly in row.gx_texts[0]


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize("shape", [(), (3,), (LARGE,), (7, 11_003), (2, 3, 33_333)])
@pytest.mark.parametrize("name", ROWS)
def test_the_bits_are_those_of_the_texts(name, shape, dtype):
    row, both = TABLE[name], CostlyPart(TABLE[name])
    forward, gx = plain(row)
    x = np.asarray(RNG.standard_normal(shape) * 4, dtype)
    x.reshape(-1)[: min(4, x.size)] = [0.0, -0.0, 60.0, -60.0][: x.size]
    gy = np.asarray(RNG.standard_normal(shape), dtype)
    y = both.forward(x)
    assert_same_bits(np.asarray(y), np.asarray(forward(x)))
    for _ in range(2):  # the second time, the part is computed again
        assert_same_bits(np.asarray(both.gx(gy, y, x)), np.asarray(gx(gy, y, x)))


@pytest.mark.parametrize("name", ROWS)
def test_arrays_with_gaps_and_gradients_of_other_shapes_and_types(name):
    row, both = TABLE[name], CostlyPart(TABLE[name])
    forward, gx = plain(row)
    wide = RNG.standard_normal((300, 200)).astype(np.float32)
    for x in (wide[:, ::2], wide.T, wide[::-1]):
        np.testing.assert_array_equal(both.forward(x), forward(x))
    y = both.forward(wide)
    for gy in (np.float32(2.0), RNG.standard_normal(200), np.asfortranarray(wide), wide.astype(np.float64)):
        y = both.forward(wide)
        np.testing.assert_array_equal(both.gx(gy, y, wide), gx(gy, y, wide))


def test_what_was_kept_is_freed_with_the_result_and_after_its_use():
    both = CostlyPart(TABLE["gelu"])
    x = np.zeros(LARGE)
    y, other = both.forward(x), both.forward(x)
    assert len(both.kept) == 2
    both.gx(x, y, x)
    assert len(both.kept) == 1
    del other
    assert not both.kept
    with no_grad():
        y = both.forward(x)
    assert not both.kept


def test_a_part_is_taken_only_for_the_result_that_it_was_kept_for():
    both = CostlyPart(TABLE["gelu"])
    x = np.linspace(-3, 3, LARGE)
    y = both.forward(x)
    copied = y.copy()
    _, gx = plain(TABLE["gelu"])
    np.testing.assert_array_equal(both.gx(x, copied, x), gx(x, copied, x))
    np.testing.assert_array_equal(both.gx(x, y, x), gx(x, y, x))


def test_tensors_free_it_without_the_collector():
    x = Tensor(np.ones((LARGE, 2)))
    kept = TABLE["gelu"].forward.__self__.kept
    gc.disable()
    try:
        loss = (x * 2.0).gelu().sum()
        assert len(kept) == 1
        del loss
        assert not kept
    finally:
        gc.enable()
