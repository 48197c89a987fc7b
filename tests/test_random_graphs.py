"""Random whole programs against a naive reference: the same steps, replayed on complex arrays for each derivative.

Hypothesis plays the user: it makes leaves, computes, differentiates from anywhere and again, changes data in every way
that there is, turns recording off, drops nodes, and looks. After each step the gradients of all leaves are those of the
reference, which knows nothing of graphs; or the error is the one that the step deserved.
"""

from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, initialize, multiple, rule

from tests.domains import absolute, pick, re
from tests.oracles import close, complex_step, second_order
from tinygrad_edu import Tensor, Value, dot, no_grad
from tinygrad_edu.errors import BackwardError, StaleGraphError
from tinygrad_edu.graph.node import topological_order


class Step(NamedTuple):
    """What is done to nodes or numbers alike; where the reference needs other words, ``on_arrays`` has them."""

    apply: object
    on_arrays: object = None
    kink: object = None  # what is zero at a kink: results near to one are not kept

    def reference(self, *xs):
        return (self.on_arrays or self.apply)(*xs)


UNARY = {
    "tanh": Step(np.tanh),
    "sin": Step(np.sin),
    "exp": Step(lambda x: np.exp(-x * x)),
    "sqrt": Step(lambda x: np.sqrt(1 + x * x)),
    "log": Step(lambda x: np.log(x * x + 2.0)),
    "reciprocal": Step(lambda x: 1 / (2 + np.sin(x))),
    "-x": Step(lambda x: -x),
    "3 - x": Step(lambda x: 3 - x),
    "x * x": Step(lambda x: x * x),
    "x + x": Step(lambda x: x + x),
    "x**3": Step(lambda x: (0.5 * x) ** 3),
    "x / x": Step(lambda x: (x + 9) / (x + 9)),
    "relu": Step(lambda x: x.relu(), lambda x: pick(re(x) > 0, x, 0 * x), re),
    "abs": Step(abs, absolute, re),
    "sigmoid": Step(lambda x: x.sigmoid(), lambda x: 1 / (1 + np.exp(-x))),
}
BINARY = {
    "+": Step(lambda a, b: a + b),
    "-": Step(lambda a, b: a - b),
    "*": Step(lambda a, b: a * b),
    "/": Step(lambda a, b: a / (b * b + 1)),
    "a * b + a": Step(lambda a, b: a * b + a),
    "maximum": Step(lambda a, b: a.maximum(b), lambda a, b: pick(re(a) > re(b), a, b), lambda a, b: re(a) - re(b)),
    "hypot": Step(lambda a, b: np.hypot(a, b + 9), lambda a, b: np.sqrt(a * a + (b + 9) ** 2)),
}
SHAPES = {
    "sum": Step(lambda x: x.sum(axis=-1)),
    "mean": Step(lambda x: np.mean(x, axis=0, keepdims=True)),
    "sum of all": Step(np.sum),
    "prod": Step(lambda x: np.prod(np.sin(x), axis=-1)),
    "var": Step(lambda x: np.var(x, axis=-1), lambda x: np.mean((x - x.mean(-1, keepdims=True)) ** 2, axis=-1)),
    "softmax": Step(lambda x: x.softmax(axis=-1), lambda x: np.exp(x) / np.sum(np.exp(x), axis=-1, keepdims=True)),
    "T": Step(lambda x: x.T),
    "ravel": Step(lambda x: x.reshape(-1)),
    "flip": Step(lambda x: np.flip(x, 0)),
    "x[0]": Step(lambda x: x[0]),
    "x[[0, 0]]": Step(lambda x: x[[0, -1, 0]]),
    "x[..., None]": Step(lambda x: x[..., None]),
    "slice": Step(lambda x: x[..., ::-2]),
    "cumsum": Step(lambda x: np.cumsum(x, axis=0)),
    "twice": Step(lambda x: np.concatenate([x, x], axis=0)),
    "broadcast": Step(lambda x: np.broadcast_to(x, (2, *x.shape))),
    "x @ x.T": Step(lambda x: x @ x.T / 4),
}
JOINS = {
    "@": Step(lambda a, b: a @ b / 2),
    "concatenate": Step(lambda a, b: np.concatenate([a, b], axis=-1)),
    "stack": Step(lambda a, b: np.stack([a, b])),
    "einsum": Step(lambda a, b: np.einsum("...i,...i->...", a, b)),
    "where": Step(
        lambda a, b: np.where(a > b, a, b * 2),
        lambda a, b: pick(re(a) > re(b), a, b * 2),
        lambda a, b: re(a) - re(b),
    ),
}


LEAVES = [(), (1,), (2,), (3,), (2, 3), (3, 2), (2, 2), (1, 3), (2, 1)]


class Entry:
    """A node, and how the reference comes to the same numbers."""

    def __init__(self, node, uses, value):
        self.node = node
        self.uses = uses  # (leaf, version) of all that it was computed from
        self.value = value  # of the leaves' arrays and of what is known already: the numbers

    def __call__(self, *leaves):
        return self.numbers(leaves, {})

    def numbers(self, leaves, memo):
        if id(self) not in memo:
            memo[id(self)] = np.asarray(self.value(leaves, memo))
        return memo[id(self)]


class Graphs(RuleBasedStateMachine):
    """What Values and Tensors have in common."""

    entries = Bundle("entries")
    leaves = Bundle("leaves")

    def __init__(self):
        super().__init__()
        self.made = []  # the leaves, in order; then their data, versions and gradients as they ought to be
        self.data = []
        self.versions = []
        self.expected = []

    # The reference

    def new_leaf(self, node):
        i = len(self.made)
        self.made.append(Entry(node, {(i, 0)}, lambda leaves, memo: leaves[i]))
        self.data.append(self.array(node))
        self.versions.append(0)
        self.expected.append(np.zeros_like(self.data[i]))
        return self.made[i]

    def changed(self, leaf):
        """What was computed from the leaf is stale from now on; the leaf itself is not."""
        ((i, version),) = leaf.uses
        self.versions[i] = version + 1
        leaf.uses = {(i, version + 1)}
        self.data[i] = self.array(leaf.node)

    def stale(self, entry):
        return any(self.versions[i] != version for i, version in entry.uses)

    def taken(self, step, *operands):
        """The step, on nodes and in the reference; where NumPy refuses the shapes, nodes do."""
        nodes = [x.node for x in operands]
        numbers = [self.array(node) for node in nodes]
        try:
            step.reference(*numbers)
        except (ValueError, IndexError):
            with pytest.raises((ValueError, IndexError)):
                step.apply(*nodes)
            return multiple()
        if step.kink is not None and np.min(np.abs(step.kink(*numbers))) < 1e-3:
            return multiple()
        entry = Entry(
            step.apply(*nodes),
            set().union(*(x.uses for x in operands)),
            lambda leaves, memo: step.reference(*[x.numbers(leaves, memo) for x in operands]),
        )
        self.agree(entry)
        small = np.all(np.abs(self.array(entry.node)) < 30) and np.size(self.array(entry.node)) <= 24
        return entry if small else multiple()

    def agree(self, entry):
        if not self.stale(entry):
            close(self.array(entry.node), entry(*self.data), 1e-12)

    def check_gradients(self):
        for leaf, expected in zip(self.made, self.expected, strict=True):
            close(self.grad(leaf.node), expected, 1e-10)

    # What a user does

    @rule(target=entries, step=st.sampled_from(list(UNARY)), x=entries)
    def unary(self, step, x):
        return self.taken(UNARY[step], x)

    @rule(target=entries, step=st.sampled_from(list(BINARY)), a=entries, b=entries)
    def binary(self, step, a, b):
        return self.taken(BINARY[step], a, b)

    @rule(target=entries, x=entries)
    def without_recording(self, x):
        with no_grad():
            node = np.tanh(x.node)
        assert not node.requires_grad
        array = self.array(node)
        return Entry(node, set(), lambda leaves, memo: array)

    @rule(root=entries, seed=st.integers(0, 9), quietly=st.booleans())
    def backward(self, root, seed, quietly):
        weights = self.weights(root.node, seed)
        if self.refused(root, weights):
            return
        if quietly:
            with no_grad():
                self.differentiate(root.node, weights)
        else:
            self.differentiate(root.node, weights)
        for i, gx in enumerate(complex_step(root, self.data, weights)):
            self.expected[i] = self.expected[i] + gx
        self.check_gradients()

    def refused(self, root, weights, **keywords):
        """Whether there is no gradient, or a wrong one, to be had from here; then this is said, and nothing is done."""
        error = StaleGraphError if self.stale(root) else None if root.uses else BackwardError
        if error is not None:
            with pytest.raises(error):
                self.differentiate(root.node, weights, **keywords)
            self.check_gradients()
        return error is not None

    @rule(root=entries, seed=st.integers(0, 9))
    def differentiate_twice(self, root, seed):
        weights = self.weights(root.node, seed)
        if self.refused(root, weights, create_graph=True):
            return
        kept = [self.forget(leaf.node) for leaf in self.made]
        self.differentiate(root.node, weights, create_graph=True)
        first = [self.forget(leaf.node) for leaf in self.made]
        exact = complex_step(root, self.data, weights)
        rng = np.random.default_rng(seed)
        vs = [rng.uniform(-1, 1, x.shape) for x in self.data]
        slope = 0.0
        for gx, expected, v in zip(first, exact, vs, strict=True):
            if isinstance(gx, Value | Tensor):
                close(self.array(gx), expected, 1e-10)
                slope = slope + self.inner(gx, v)
        if getattr(slope, "requires_grad", False):
            slope.backward()
        scale = max(float(np.max(np.abs(gx))) for gx in exact)
        for leaf, expected in zip(self.made, second_order(root, self.data, weights, vs), strict=True):
            close(self.grad(leaf.node), expected, 1e-6, max(1.0, scale))
        for leaf, grad in zip(self.made, kept, strict=True):
            leaf.node.grad = grad
        self.check_gradients()

    @rule(leaf=leaves)
    def zero_grad(self, leaf):
        self.forget(leaf.node)
        i = self.made.index(leaf)
        self.expected[i] = np.zeros_like(self.data[i])

    @rule(x=entries)
    def look(self, x):
        assert repr(x.node)
        assert topological_order(x.node)[-1] is x.node
        close(x.node.data, self.array(x.node), 0)
        self.agree(x)

    @rule(x=consumes(entries))
    def drop(self, x):
        """Nothing is left of the node but what other nodes hold."""
        if x not in self.made:
            x.node = None


class ValueGraphs(Graphs):
    entries = Graphs.entries
    leaves = Graphs.leaves

    @initialize(targets=(entries, leaves), x=st.floats(-2, 2))
    def first_leaf(self, x):
        return self.new_leaf(Value(x))

    @rule(targets=(entries, leaves), x=st.floats(-2, 2))
    def another_leaf(self, x):
        return self.new_leaf(Value(x))

    @rule(leaf=leaves, x=st.floats(0.1, 0.2))
    def change(self, leaf, x):
        leaf.node.data -= x
        self.changed(leaf)

    @rule(target=entries, a=entries, b=entries, bias=st.floats(-1, 1))
    def dot(self, a, b, bias):
        return self.taken(Step(lambda a, b: dot([a, 0.5], [b, a], bias), lambda a, b: a * b + 0.5 * a + bias), a, b)

    def array(self, node):
        return np.array(node.data)

    def grad(self, leaf):
        return leaf.grad

    def forget(self, leaf):
        grad, leaf.grad = leaf.grad, 0.0
        return grad

    def weights(self, node, seed):
        return 1.0

    def differentiate(self, node, weights, **keywords):
        node.backward(**keywords)

    def inner(self, gx, v):
        return gx * float(v)


class TensorGraphs(Graphs):
    entries = Graphs.entries
    leaves = Graphs.leaves

    def __init__(self):
        super().__init__()
        self.held = {}

    @initialize(targets=(entries, leaves), shape=st.sampled_from(LEAVES), seed=st.integers(0, 99))
    def first_leaf(self, shape, seed):
        return self.new_leaf(Tensor(np.random.default_rng(seed).uniform(-2, 2, shape)))

    @rule(targets=(entries, leaves), shape=st.sampled_from(LEAVES), seed=st.integers(0, 99))
    def another_leaf(self, shape, seed):
        return self.new_leaf(Tensor(np.random.default_rng(seed).uniform(-2, 2, shape)))

    @rule(target=entries, step=st.sampled_from(list(SHAPES)), x=entries)
    def shaped(self, step, x):
        return self.taken(SHAPES[step], x)

    @rule(target=entries, step=st.sampled_from(list(JOINS)), a=entries, b=entries)
    def joined(self, step, a, b):
        return self.taken(JOINS[step], a, b)

    @rule(target=entries, x=entries, seed=st.integers(0, 9))
    def beside_an_array(self, x, seed):
        array = np.random.default_rng(seed).uniform(-1, 1, np.shape(x.node)[-1:])
        constant = array.copy()
        entry = self.taken(Step(lambda x: array * x - array, lambda x: constant * x - constant), x)
        array[...] = np.nan  # what was copied does not change
        return entry

    @rule(
        leaf=leaves,
        how=st.sampled_from(["subtract", "assign", "write", "update", "write to what is held"]),
        by=st.floats(0.1, 0.2),
    )
    def change(self, leaf, how, by):
        node = leaf.node
        if how == "subtract":
            node.data -= by
        elif how == "assign":
            node.data = node.numpy() - by
        elif how == "write":
            node.data[...] = node.numpy() - by
        elif how == "update":
            node.update(node.numpy() - by)
        else:
            self.held.get(node, np.zeros(1))[...] -= by
        self.changed_if(leaf)

    def changed_if(self, leaf):
        """An array that was held no longer counts once the leaf has been given another."""
        if not np.array_equal(leaf.node.numpy(), self.data[self.made.index(leaf)]):
            self.changed(leaf)

    @rule(leaf=leaves)
    def hold(self, leaf):
        self.held[leaf.node] = leaf.node.data

    def array(self, node):
        return node.numpy()

    def grad(self, leaf):
        return np.zeros(leaf.shape) if leaf.grad is None else leaf.grad

    def forget(self, leaf):
        grad, leaf.grad = leaf.grad, None
        return grad

    def weights(self, node, seed):
        return np.random.default_rng(seed).uniform(-1, 1, node.shape)

    def differentiate(self, node, weights, **keywords):
        node.backward(weights, **keywords)

    def inner(self, gx, v):
        return (gx * v).sum()


TestValueGraphs = ValueGraphs.TestCase
TestTensorGraphs = TensorGraphs.TestCase
TestValueGraphs.settings = TestTensorGraphs.settings = settings(
    max_examples=3 * settings().max_examples, stateful_step_count=40
)
