"""Nets over sequences, compiled: training is that of the eager step."""

import re
from collections import Counter

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

import tinygrad_edu
from tests.compiler.test_compile import OPTIMIZERS, Training, assert_close
from tinygrad_edu import Tensor, nn, optim

CLASSES, STEPS = 3, 9
CELLS = {
    "tanh": lambda z, c: (np.tanh(z), c),
    "relu": lambda z, c: (nn.functional.relu(z), c),
    "gated": lambda z, c: gated(*np.split(z, 4, axis=-1), c),
}
INPUTS = {
    "rows": lambda x: [x[t] for t in range(STEPS)],
    "some rows": lambda x: [x[t] for t in range(1, STEPS)],
    "the last row first": lambda x: [x[t] for t in reversed(range(STEPS))],
    "every other row": lambda x: [x[t % 2] for t in range(STEPS)],
    "columns": lambda x: [np.swapaxes(x, 0, 1)[:, t] for t in range(STEPS)],
    "computed": lambda x: [x[t] * 0.5 for t in range(STEPS)],
    "rows of a computed array": lambda x: list(x * 0.5),
}
OUTPUTS = {
    "the last": lambda states: states[-1],
    "the mean": lambda states: np.stack(states).mean(axis=0),
    "stacked along another axis": lambda states: np.stack(states, axis=1).mean(axis=1),
    "the mean without the first": lambda states: np.stack(states[1:]).mean(axis=0),
    "their sum": lambda states: sum(states),
}


def gated(i, f, g, o, c):
    c = f.sigmoid() * c + i.sigmoid() * g.tanh()
    return o.sigmoid() * c.tanh(), c


class ByHand(nn.Module):
    """A recurrent net in plain operations."""

    def __init__(self, features, hidden, cell="tanh", inputs="rows", outputs="the last", dtype=np.float64):
        width = 4 * hidden if cell == "gated" else hidden
        self.cell, self.inputs, self.outputs = CELLS[cell], INPUTS[inputs], OUTPUTS[outputs]
        self.from_input = nn.Linear(features, width, dtype=dtype, rng=0)
        self.from_state = nn.Linear(hidden, width, bias=False, dtype=dtype, rng=1)
        self.head = nn.Linear(hidden, CLASSES, dtype=dtype, rng=2)

    def forward(self, x):
        return self.head(self.outputs(self.states(x)))

    def states(self, x):
        h = c = np.zeros((x.shape[1], self.from_state.weight.shape[0]), x.dtype)
        states = []
        for part in self.inputs(x):
            h, c = self.cell(self.from_input(part) + self.from_state(h), c)
            states.append(h)
        return states


def sequences(rows, features, dtype=np.float64, seed=0):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(STEPS, rows, features)).astype(dtype), rng.integers(0, CLASSES, rows)


def assert_training_is_that_of_eager(make, rows, features, optimizer="plain", calls=4):
    own, eager = (Training(compiled, OPTIMIZERS[optimizer], make(), lr=0.01) for compiled in (True, False))
    for seed in range(calls):
        batch = sequences(rows, features, seed=seed)
        np.testing.assert_allclose(own.step(*batch).item(), eager.step(*batch).item(), rtol=1e-10)
    assert_close(own.numbers(), eager.numbers(), rtol=1e-9)
    assert_close([p.grad for p in own.net.parameters()], [p.grad for p in eager.net.parameters()], rtol=1e-9)


@given(
    cell=st.sampled_from(sorted(CELLS)),
    inputs=st.sampled_from(sorted(INPUTS)),
    outputs=st.sampled_from(sorted(OUTPUTS)),
    rows=st.sampled_from([1, 2, 5, 200]),
    hidden=st.sampled_from([1, 4, 16, 64]),
    optimizer=st.sampled_from(["plain", "nesterov", "adam"]),
)
@example("gated", "rows", "the mean", 5, 16, "plain")
@example("relu", "columns", "the mean without the first", 5, 16, "plain")
@example("tanh", "every other row", "stacked along another axis", 200, 4, "adam")
def test_training_over_a_sequence_is_that_of_eager(cell, inputs, outputs, rows, hidden, optimizer):
    make = lambda: ByHand(4, hidden, cell, inputs, outputs)  # noqa: E731
    assert_training_is_that_of_eager(make, rows, 4, optimizer)


@pytest.mark.parametrize("layer", [nn.RNN, nn.LSTM, nn.GRU])
@pytest.mark.parametrize("layers", [1, 2])
def test_training_of_a_layer_over_sequences_is_that_of_eager(layer, layers):
    class Last(nn.Module):
        def __init__(self):
            self.over_steps, self.head = layer(4, 16, layers, rng=0), nn.Linear(16, CLASSES, rng=1)

        def forward(self, x):
            return self.head(self.over_steps(x)[0][-1])

    assert_training_is_that_of_eager(Last, 5, 4)


def copied(net, rows, features, dtype=np.float32):
    """How many lines of the program copy transposed matrices, slices, and others."""
    training = Training(True, net=net)
    training.step(*sequences(rows, features, dtype))
    return Counter(re.findall(r"^    \w+\[\.\.\.\] = (\D+)\d*$", training.step.optimized_source, re.MULTILINE))


@pytest.mark.parametrize("cell", ["tanh", "gated"])
def test_a_transposed_weight_that_all_steps_read_is_copied_once(cell):
    assert copied(ByHand(32, 64, cell), 16, 32)["transpose"] == 1


@pytest.mark.parametrize("hidden", [64, 600])
@pytest.mark.parametrize("rows", [1, 16])
def test_columns_that_several_lines_read_are_copied_if_their_rows_are_apart_and_short(rows, hidden):
    found = copied(ByHand(4, hidden, "gated"), rows, 4)
    assert found["getitem"] == (3 * STEPS if rows > 1 and hidden == 64 else 0)  # the tanh reads its columns once


def test_gates_and_their_gradients_are_stored_row_by_row_as_the_matrix_that_they_are_columns_of():
    training = Training(True, net=ByHand(32, 64, "gated", dtype=np.float32))
    training.step(*sequences(16, 32, np.float32))
    by_columns = re.findall(r'= np.empty\(\((\d+), (\d+)\), np.float32, order="F"\)', training.step.optimized_source)
    assert {int(columns) for _, columns in by_columns} <= {1, CLASSES}


def test_few_steps_are_left_as_they_are(monkeypatch):
    monkeypatch.setitem(INPUTS, "rows", lambda x: [x[t] for t in range(3)])
    assert not copied(ByHand(32, 64), 16, 32)


# --- arrays of steps that are also something else ---------------------------------------------------------------------


def test_states_that_are_returned_are_not_the_memory_of_the_program():
    net = ByHand(4, 16)
    step = tinygrad_edu.compile(lambda x: net.states(x))
    expected = [[h.numpy().copy() for h in net.states(sequences(5, 4, seed=seed)[0])] for seed in range(4)]
    found = [step(sequences(5, 4, seed=seed)[0]) for seed in range(4)]
    for states, others in zip(found, expected, strict=True):
        assert_close([h.numpy() for h in states], others)


def test_a_state_in_the_middle_may_replace_an_array_that_the_program_reads():
    def training(compiled):
        net = ByHand(4, 16)
        start = Tensor(np.zeros((5, 16)), requires_grad=False)
        optimizer = optim.SGD(net.parameters(), lr=0.1)

        def step(x, y):
            h, states = start, []
            for part in x:
                h = np.tanh(net.from_input(part) + net.from_state(h))
                states.append(h)
            loss = nn.functional.cross_entropy(net.head(np.stack(states).mean(axis=0)), y)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            start.data = states[4].data
            return loss

        return tinygrad_edu.compile(step) if compiled else step, net, start

    (own, net, start), (eager, other, other_start) = training(True), training(False)
    for seed in range(4):
        batch = sequences(5, 4, seed=seed)
        np.testing.assert_allclose(own(*batch).item(), eager(*batch).item(), rtol=1e-12)
    assert_close([start.numpy(), *net.state_dict().values()], [other_start.numpy(), *other.state_dict().values()])


@pytest.mark.parametrize(
    "read", [lambda h: h * 2, lambda h: np.stack([h]).mean(axis=0), lambda h: np.stack([h])[0] * 2]
)
def test_a_layer_may_read_what_replaces_an_array_of_the_program(read):
    def training(compiled):
        net, head = nn.Linear(4, 16, rng=0), nn.Linear(16, CLASSES, rng=1)
        start = Tensor(np.zeros((5, 16)), requires_grad=False)
        optimizer = optim.SGD([*net.parameters(), *head.parameters()], lr=0.1)

        def step(x, y):
            h = np.tanh(net(x[0]) + start)
            loss = nn.functional.cross_entropy(head(read(h)), y)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            start.data = h.data
            return loss

        return tinygrad_edu.compile(step) if compiled else step, [start, *net.parameters(), *head.parameters()]

    (own, numbers), (eager, others) = training(True), training(False)
    for seed in range(4):
        batch = sequences(5, 4, seed=seed)
        np.testing.assert_allclose(own(*batch).item(), eager(*batch).item(), rtol=1e-12)
    assert_close([x.numpy() for x in numbers], [x.numpy() for x in others])


def test_a_sum_that_also_has_other_terms_is_left_as_it_is():
    def gradient(compiled):
        w = Tensor(np.random.default_rng(0).normal(size=(6, 6)))

        def step(x):
            h = x[0] * 0.0
            for part in x:
                h = np.tanh(part + h @ w)
            w.grad = None
            (h.sum() + (w * w).sum()).backward()
            return w.grad * 1.0

        return tinygrad_edu.compile(step) if compiled else step

    own, eager = gradient(True), gradient(False)
    for seed in range(3):
        x = sequences(4, 6, seed=seed)[0]
        np.testing.assert_allclose(own(x), eager(x), rtol=1e-10)


# --- joined -----------------------------------------------------------------------------------------------------------


AXES = {"first": {}, "second": {"axis": 1}, "last": {"axis": -1}, "none": {"axis": None}}


@pytest.mark.parametrize("join", [np.stack, np.concatenate])
@pytest.mark.parametrize("axis", AXES)
@pytest.mark.parametrize("dtypes", [(np.float32, np.float32), (np.float32, np.float64), (np.int64, np.float64)])
def test_arrays_are_joined_as_numpy_joins_them(join, axis, dtypes):
    join = np.concatenate if axis == "none" else join

    def f(x, y):
        return join([x * 2, y * 2, x * 3], **AXES[axis]) * 2

    own = tinygrad_edu.compile(f)
    for i in range(1, 4):
        x, y = (np.arange(6, dtype=dtype).reshape(2, 3) * i for dtype in dtypes)
        found = own(x, y)
        assert found.dtype == f(x, y).dtype
        assert np.array_equal(found, f(x, y))


PARTS = {  # a function, and how many joins are left
    "stacked": (lambda x: np.stack([x * 2, x * 3]) * 5, 0),
    "rows of different numbers": (lambda x: np.concatenate([x * 2, x.sum(axis=0, keepdims=True), x @ x.T @ x]) * 5, 0),
    "one part": (lambda x: np.stack([x * 2]) * 5, 0),
    "and read before": (lambda x: np.stack([y := x * 2, y * 3, y[::-1] + 1]) * 5, 0),
    "and read after the whole": (lambda x: (y := x * 2, z := np.stack([y, x * 3]) * 5, z.sum() + y * 7)[1:], 0),
    "returned": (lambda x: (y := x * 2, np.stack([y, x * 3])), 1),
    "a view of it returned": (lambda x: ((y := x * 2)[1:], np.stack([y, x * 3]) * 5), 1),
    "the whole returned": (lambda x: np.stack([x * 2, x * 3]), 0),
    "twice the same": (lambda x: np.stack([y := x * 2, y]) * 5, 1),
    "in two joins": (lambda x: np.stack([y := x * 2, x * 3]) * 5 + np.stack([y, x * 4]) * 7, 1),
    "an argument": (lambda x: np.stack([x, x * 3]) * 5, 1),
    "a constant": (lambda x: np.stack([x * 2, np.ones((3, 4))]) * 5, 1),
    "a view": (lambda x: np.stack([(x * 2)[::-1], x * 3]) * 5, 1),
    "a choice": (lambda x: np.stack([np.where(x > 1, x, 0.0), x * 3]) * 5, 1),
    "a join of columns": (
        lambda x: np.stack([np.concatenate([x * 2, x * 3], axis=1), np.ones((3, 8)) * x[0, 0]]),
        1,
    ),
    "a join of rows": (lambda x: np.concatenate([np.concatenate([x * 2, x * 3]), x * 4]) * 5, 1),
    "of two types": (lambda x: np.stack([x > 1, x * 3]) * 5, 1),
}


@pytest.mark.parametrize("name", PARTS)
def test_rows_of_a_join_are_computed_in_their_places(name):
    f, left = PARTS[name]
    own = tinygrad_edu.compile(f)
    for seed in range(3):
        x = np.random.default_rng(seed).normal(size=(3, 4)) + 1
        for a, b in zip(*(y if isinstance(y, tuple) else (y,) for y in (own(x), f(x))), strict=True):
            np.testing.assert_array_equal(a, b)
    assert len(re.findall(r"\b(np\.)?(stack|concatenate)_?\(", own.optimized_source)) == left
