"""Lists that `dot` has read before: the same bits as when it reads them each time, and never old data."""

import gc
import weakref

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tinygrad_edu import Value, dot
from tinygrad_edu.dot import shared_inputs
from tinygrad_edu.graph.node import topological_order
from tinygrad_edu.speed.readings import Readings

NUMBERS = st.lists(st.floats(-2, 2), min_size=3, max_size=3)


def network(rows, samples):
    """A layer that is called sample by sample, and a penalty on its weights."""
    weights = [[Value(number) for number in row] for row in rows]
    total = Value(0.5)
    for sample in samples:
        xs = [Value(number) for number in sample]
        units = [dot(row, xs).tanh() for row in weights]
        total = total + dot(units, units, total)
    total = total + dot(weights[0], weights[0]) + dot(weights[0], weights[1], weights[0][0])
    total.backward()
    return total, [p.grad for row in weights for p in row]


@given(st.lists(NUMBERS, min_size=2, max_size=4), st.lists(NUMBERS, min_size=1, max_size=4))
def test_networks(rows, samples):
    quick, grads = network(rows, samples)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Readings, "of", lambda self, nodes, bias=None: shared_inputs(nodes, bias))
        plain, expected = network(rows, samples)
    assert repr((quick.data, grads)) == repr((plain.data, expected))
    # Sums of one row have one constant as their bias. But for that, the graphs are the same.
    kept, read_anew = ([node.op for node in topological_order(root) if node.op] for root in (quick, plain))
    assert kept == read_anew


def test_a_list_is_read_once():
    w, x = [Value(1.0), Value(2.0)], [Value(3.0), Value(4.0)]
    first, second = dot(w, x), dot(w, x)
    assert first._left is second._left
    assert first._right is second._right


def test_a_list_is_read_again_after_a_write():
    w, x = [Value(1.0), Value(2.0)], [Value(3.0), Value(4.0)]
    first = dot(w, x)
    w[1].data = 5.0
    assert (first.data, dot(w, x).data) == (11.0, 23.0)


def test_a_list_that_was_changed_is_read_again():
    w, x = [Value(1.0), Value(2.0)], [Value(3.0), Value(4.0)]
    first = dot(w, x)
    w[1] = Value(5.0)
    x.append(Value(1.0))
    w.append(Value(1.0))
    assert (first.data, dot(w, x).data) == (11.0, 24.0)
    assert len(first.inputs) == 5


def test_a_number_that_is_also_the_data_of_a_bias_is_no_bias():
    w, x, b = [Value(1.0)], [Value(3.0)], Value(0.25)
    first, second = dot(w, x, b), dot(w, x, b.data)
    (first + second).backward()
    assert b.grad == 1.0
    assert second.inputs[-1] is not b


def test_a_reading_keeps_no_graph_alive():
    w, h = [Value(1.0), Value(2.0)], [Value(3.0).exp(), Value(4.0)]
    below = weakref.ref(h[0])
    y = dot(w, h)
    gc.disable()
    try:
        del h, y
        assert below() is None
    finally:
        gc.enable()


def test_only_so_many_readings_are_noted():
    readings = Readings(shared_inputs, most=2)
    kept = [readings.of([Value(1.0)]) for _ in range(5)]
    assert len(readings._by_first_node) <= 2
    assert readings.of(kept[-1].nodes) is kept[-1]
