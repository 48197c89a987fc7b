"""The written-out backward pass beside the plain one: the same bits."""

import numpy as np
import pytest
from hypothesis import given

from tests.domains import FUNCTIONS, ROWS
from tests.random_programs import tensor_graphs
from tests.test_functions import bound, drawn
from tinygrad_edu import Tensor
from tinygrad_edu.graph import array_backward
from tinygrad_edu.operations.elementwise import TABLE
from tinygrad_edu.operations.matrices import LINEAR
from tinygrad_edu.speed import written_backward
from tinygrad_edu.tensor import record


def assert_same_bits(root, seed):
    plain, quick = (module.array_gradients(root, seed.copy()) for module in (array_backward, written_backward))
    assert plain.keys() == quick.keys()
    for node, gx in plain.items():
        other = quick[node].copy()  # a recomputed gradient gives its numbers by copy()
        assert (gx.shape, gx.dtype, gx.tobytes()) == (other.shape, other.dtype, other.tobytes())


@given(tensor_graphs())
def test_whole_graphs(root):
    assert_same_bits(root, np.ones(root.shape, root.dtype))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("size", [3, 10_000])
@pytest.mark.parametrize("name", [name for name in ROWS if name != "sign"])
def test_every_row(name, size, dtype):
    rng = np.random.default_rng(0)
    leaves = [Tensor(rng.uniform(*interval, (2, size)).astype(dtype)) for interval in ROWS[name].intervals]
    y = TABLE[name](*[x * 1.0 for x in leaves], **TABLE[name].defaults)
    assert_same_bits(y, rng.standard_normal(y.shape).astype(dtype))


@pytest.mark.parametrize("name", FUNCTIONS)
def test_every_operation_on_arrays(name):
    f = FUNCTIONS[name]
    for call in f.calls:
        leaves = [Tensor(x) for x in drawn(f, call)]
        y = bound(f.function, f, call)(*leaves)
        assert_same_bits(y, np.ones(y.shape))


@pytest.mark.parametrize("shape", [(), (1,), (6,)])
@pytest.mark.parametrize("n", [1, 3])
def test_a_linear_operation_whose_bias_broadcasts(n, shape):
    rng = np.random.default_rng(0)
    x, weight, bias = (Tensor(rng.standard_normal(s)) for s in ((n, 4), (4, 6), shape))
    y = record(LINEAR, (x * 1.0, weight, bias))
    assert_same_bits(y, rng.standard_normal(y.shape))
    y.backward(np.ones(y.shape))
    assert [p.grad.shape for p in (weight, bias)] == [(4, 6), shape]
