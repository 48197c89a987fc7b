"""Numbers in JavaScript are written as Python writes them, ties to even included."""

import math

import numpy as np

from tinygrad_edu.javascript import library
from viz.formulas.notation import number_text

EDGES = [
    0.0,
    -0.0,
    1.0,
    -1.0,
    0.5,
    1e-4,
    9.9999e-5,
    99999.5,
    999999.5,
    1e6,
    1e21,
    1e-7,
    123456.5,
    2.5,
    12344.5,
    12345.5,
]
EDGES += [
    0.00012345,
    0.00012355,
    1234.5,
    1235.5,
    0.0625,
    1.0625,
    1.1875,
    1000.5,
    1001.5,
    999.95,
    9999.5,
    99.995,
    0.99995,
]
EDGES += [math.inf, -math.inf, math.nan, 5e-324, 1.7976931348623157e308, 12345.678, -0.00134095, 1e-5, 100000.5]


def numbers():
    """Doubles of every size, with many ties among them."""
    rng = np.random.default_rng(1)
    bits = rng.integers(0, 2**64, 4000, dtype=np.uint64, endpoint=False).view(np.float64)
    usual = rng.standard_normal(6000) * 10.0 ** rng.integers(-6, 8, 6000)
    ties = rng.integers(0, 4_000_000, 6000) / 2.0 ** rng.integers(0, 12, 6000)
    large_ties = (rng.integers(1000, 10000, 2000) + 0.5) * 10.0 ** rng.integers(3, 15, 2000)
    return np.concatenate([EDGES, bits, usual, ties, large_ties, -ties])


def test_every_number_is_written_as_in_python(node):
    xs = numbers()
    for digits in (3, 4, 6):
        written = node(
            library("numbers") + "\nconst main = ({ xs, digits }) => xs.map((x) => numberText(x, digits));",
            {"xs": xs, "digits": digits},
        )
        expected = [number_text(x, digits) for x in xs.tolist()]
        wrong = [(x, a, b) for x, a, b in zip(xs, written, expected, strict=True) if a != b]
        assert wrong == []
