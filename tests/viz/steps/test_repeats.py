"""`viz.steps.repeats`: module calls, and the turns of loops."""

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given

from tests.browser.graphs import recurrent, recurrent_layer, samples
from tinygrad_edu import Value, nn
from tinygrad_edu.graph.node import topological_order
from viz.steps.modules import module_calls
from viz.steps.repeats import groups_of


def found(root, **keywords):
    return groups_of(module_calls(topological_order(root)), **keywords)


def loops(root):
    """What is repeated on the outside, and how many turns there are."""
    return [(group.noun, len(group.turns)) for group in found(root).groups if group.turns and group.parent is None]


def chain(n):
    x = y = Value(0.5, "x")
    for _ in range(n):
        y = y.sin()
    return y + x


def ten_layers():
    net = nn.Sequential(*(layer for i in range(10) for layer in (nn.Linear(4, 4, rng=i), nn.Tanh())))
    return net(np.ones((2, 4))).sum()


@pytest.mark.parametrize(
    ("make", "expected"),
    [
        (samples, ("sample", 4)),
        (recurrent, ("step", 20)),
        (recurrent_layer, ("step", 20)),
        (lambda: chain(30), ("step", 30)),
    ],
    ids=["samples", "recurrent", "recurrent-layer", "chain"],
)
def test_a_loop_is_found_with_its_turns(make, expected):
    assert loops(make()) == [expected]


def test_a_loop_in_a_sequence_of_equal_layers_is_in_the_sequence():
    groups = found(ten_layers()).groups
    (loop,) = [group for group in groups if group.turns]
    assert (len(loop.turns), loop.parent.call.scope.title.split("(")[0]) == (10, "Sequential")


def test_a_leaf_of_one_turn_is_in_it_and_one_of_all_turns_in_each():
    root = recurrent()
    groups = found(root)
    (loop,) = [group for group in groups.groups if group.turns]
    of = {node.label: groups.around[i] for i, node in enumerate(topological_order(root)) if node.label}
    assert of["x7"] == (loop.turns[7],)
    assert {*of["w"]} == {*of["u"]} == {*of["b"]} == {*loop.turns}


def test_a_few_equal_operations_are_no_loop():
    assert loops(chain(11)) == []
    assert loops(sum(Value(float(i)) * 2 for i in range(3))) == []
    assert not any(group.turns for group in found(samples(), repeats=False).groups)


def test_turns_are_alike_in_their_modules():
    groups = found(samples()).groups
    (loop,) = [group for group in groups if group.turns and group.parent is None]
    inner = [[group for group in groups if group.call and group.parent is turn] for turn in loop.turns]
    (first,) = inner[0]
    assert all(mlp.first_like is first for (mlp,) in inner)


@st.composite
def programs(draw):
    """A graph of random operations on earlier nodes, with a loop in the middle."""
    nodes = [Value(0.5, "a"), Value(0.25, "b")]

    def grow(count, choices):
        for op, i, j in choices[:count]:
            x, y = nodes[i % len(nodes)], nodes[j % len(nodes)]
            nodes.append({0: lambda x=x, y=y: x * y, 1: lambda x=x, y=y: x + y, 2: lambda x=x: x.sin()}[op]())

    choice = st.tuples(st.integers(0, 2), st.integers(0, 50), st.integers(0, 50))
    grow(20, draw(st.lists(choice, max_size=20)))
    for _ in range(draw(st.integers(0, 8))):
        nodes.append((nodes[-1] * nodes[0] + nodes[-2]).sin())
    grow(20, draw(st.lists(choice, min_size=1, max_size=20)))
    return sum(nodes)


@given(programs())
def test_a_folded_group_is_never_both_before_and_after_another_box(root):
    order = topological_order(root)
    groups = found(root)
    ids = {node: i for i, node in enumerate(order)}
    for folded in groups.groups:

        def box(i, folded=folded):
            group = groups.home[i]
            return folded if group and folded in group.lineage() else i

        needs = {}
        for i, node in enumerate(order):
            for x in node.inputs:
                if x.operation is not None and box(ids[x]) != box(i):
                    needs.setdefault(box(i), set()).add(box(ids[x]))
        done, waiting = set(), set(map(box, (i for i, node in enumerate(order) if node.operation is not None)))
        while waiting:
            ready = {item for item in waiting if needs.get(item, set()) <= done}
            assert ready
            done |= ready
            waiting -= ready
