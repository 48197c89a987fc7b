"""Addition at an index, number by number, gives the bits of NumPy's own."""

import numpy as np
import pytest

from tinygrad_edu.operations.shapes import add_at

RNG = np.random.default_rng(0)


@pytest.mark.parametrize("kind", [np.int8, np.uint8, np.int64, np.uint64])
@pytest.mark.parametrize("dtypes", [("e", "e"), ("f", "f"), ("d", "d"), ("f", "d"), ("d", "f")])
@pytest.mark.parametrize(
    ("rows", "places", "rest"),
    [(27, (70,), (16,)), (5, (4, 30), (3, 7)), (3, (600,), (1,)), (9, (), (700,)), (4, (2,), (3,))],
)
def test_the_bits_are_those_of_numpy(rows, places, rest, dtypes, kind):
    low = -rows if np.issubdtype(kind, np.signedinteger) else 0
    index = RNG.integers(low, rows, places).astype(kind)
    x = RNG.standard_normal((*places, *rest)).astype(dtypes[1])
    y = RNG.standard_normal((rows, *rest)).astype(dtypes[0])
    expected = y.copy()
    np.add.at(expected, index, x)
    add_at(y, index, x)
    assert y.tobytes() == expected.tobytes()


def test_other_orders_in_memory_and_other_indices():
    x = np.asfortranarray(RNG.standard_normal((60, 20)))
    index = RNG.integers(0, 8, 60)
    for y in (np.zeros((8, 20)), np.zeros((20, 8)).T, np.zeros((16, 20))[::2]):
        expected = y.copy()
        np.add.at(expected, index, x)
        add_at(y, index, x)
        np.testing.assert_array_equal(y, expected)
    y, z = np.zeros((60, 20)), np.zeros((60, 20))
    rows, columns = RNG.integers(0, 20, (2, 600))
    add_at(y, (rows, columns), x.reshape(-1)[:600])
    np.add.at(z, (rows, columns), x.reshape(-1)[:600])
    np.testing.assert_array_equal(y, z)


@pytest.mark.parametrize("place", [27, -28])
def test_a_place_that_does_not_exist_is_refused(place):
    index = np.zeros(70, int)
    index[3] = place
    with pytest.raises(IndexError):
        add_at(np.zeros((27, 16)), index, np.ones((70, 16)))
