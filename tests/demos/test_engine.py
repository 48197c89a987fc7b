"""`demos.engine`: the engine on one page computes what `Value` computes, bit for bit."""

import inspect

import pytest
from hypothesis import given

from demos import engine
from tests.random_programs import value_graphs
from tinygrad_edu import Value
from tinygrad_edu.graph.node import topological_order
from tinygrad_edu.operations.elementwise import TABLE


def in_the_small_engine(root):
    """The graph of Values up to ``root``, recorded again: a node of the small engine for each Value, in order."""
    nodes = {}
    for value in topological_order(root):
        if value.operation is None:
            nodes[value] = engine.Node(value.data)
        else:
            nodes[value] = engine.record(value.operation, *[nodes[x] for x in value.inputs], **value.params)
    return nodes


def bits(x):
    return float(x).hex()


def assert_same_bits(root):
    nodes = in_the_small_engine(root)
    for _ in range(2):  # gradients of leaves add up
        root.backward()
        engine.backward(nodes[root])
    for value, node in nodes.items():
        assert bits(node.data) == bits(value.data)
        if value.requires_grad:
            assert bits(node.grad) == bits(value.grad)


@given(value_graphs())
def test_random_graphs_have_the_same_bits(root):
    assert_same_bits(root)


@pytest.mark.parametrize("name", TABLE)
@pytest.mark.parametrize("xs", [(0.3, -0.7), (1.5, 2.0), (-0.4, 0.0)])
def test_every_row_has_the_same_bits(name, xs):
    row = TABLE[name]
    inputs = [Value(x) for x in xs[: len(row.gx_texts)]]
    assert_same_bits(row(*inputs, **row.defaults) * inputs[0])


def test_the_orders_are_the_same():
    a, b = Value(2.0), Value(3.0)
    root = (a * b + b) * (a - b).exp() + a
    nodes = in_the_small_engine(root)
    assert engine.topological_order(nodes[root]) == [*nodes.values()]


def test_operators_take_numbers_on_both_sides():
    x = engine.Node(3.0)
    y = 2 * x - x / 4 + 1 - (-x) ** 2
    engine.backward(y)
    assert (y.data, x.grad) == (6 - 0.75 + 1 - 9, 2 - 0.25 - 6)


def test_a_deep_chain_needs_no_recursion():
    x = y = engine.Node(1.0)
    for _ in range(5_000):
        y = y + 1
    engine.backward(y)
    assert (y.data, x.grad) == (5_001.0, 1.0)


def test_the_engine_stays_short(capsys):
    parts = engine._parts()
    assert len(parts) == 5
    lines = [line for part in parts for line in part.splitlines() if line.strip()]
    assert len(lines) <= 75
    engine.run()
    printed = capsys.readouterr().out
    assert all(part in printed for part in parts)
    assert "bit for bit those of Value" in printed
    assert inspect.getsource(engine.backward) in printed
