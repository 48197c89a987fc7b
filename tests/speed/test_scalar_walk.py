"""The written-out walk over a graph of Values beside the plain one: the same bits."""

import struct

from hypothesis import given
from hypothesis import strategies as st

from tests.random_programs import value_graphs, weighted_sum_graphs
from tinygrad_edu import Value
from tinygrad_edu.speed.scalar_walk import written_walk
from tinygrad_edu.value import walk_each


def gradients(walk, order):
    for node in order:
        node.grad = 0.0
    order[-1].grad = 1.0
    walk(order)
    return [struct.pack("d", node.grad) for node in order]


@given(st.one_of(value_graphs(), weighted_sum_graphs()))
def test_whole_graphs(root):
    order = root.fresh_order()
    assert gradients(written_walk(), order) == gradients(walk_each, order)


def test_numbers_at_the_edge():
    a, b = Value(float("inf")), Value(-0.0)
    order = (a * b + b * b + a).fresh_order()
    assert gradients(written_walk(), order) == gradients(walk_each, order)
