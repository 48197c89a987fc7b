"""Optimizers in compiled functions: one program from the first step on, written as a textbook writes the rule."""

import re

import numpy as np
import pytest

import tinygrad_edu
from tests.compiler.test_compile import OPTIMIZERS, Training, X, Y, step_of
from tinygrad_edu import Tensor, Value, nn, optim
from tinygrad_edu.compiler.errors import CompileError, RecordingError

TEXTBOOK = {
    "momentum": (
        lambda ps: optim.SGD(ps, lr=0.1, momentum=0.9),
        ["velocity_W1[...] = momentum * velocity_W1 + dW1", "W1 -= lr * velocity_W1"],
    ),
    "nesterov": (
        lambda ps: optim.SGD(ps, lr=0.1, momentum=0.9, nesterov=True, weight_decay=1e-3),
        [
            "g_W1 = dW1 + weight_decay * W1",
            "velocity_W1[...] = momentum * velocity_W1 + g_W1",
            "W1 -= lr * (g_W1 + momentum * velocity_W1)",
        ],
    ),
    "adam": (
        lambda ps: optim.Adam(ps, lr=0.1),
        [
            "t = t + 1",
            "m_W1[...] = beta1 * m_W1 + (1 - beta1) * dW1",
            "v_W1[...] = beta2 * v_W1 + (1 - beta2) * dW1 * dW1",
            "spread = (1 - beta2**t) ** 0.5",
            "rate = lr * spread / (1 - beta1**t)",
            "W1 -= rate * m_W1 / (np.sqrt(v_W1) + eps * spread)",
            "return loss, t",
        ],
    ),
    "amsgrad": (
        lambda ps: optim.Adam(ps, lr=0.1, amsgrad=True),
        [
            "v_max_W1[...] = np.maximum(v_W1, v_max_W1)",
            "W1 -= rate * m_W1 / (np.sqrt(v_max_W1) + eps * spread)",
        ],
    ),
    "adamw": (
        lambda ps: optim.AdamW(ps, lr=0.1),
        ["W1[...] = (1 - lr * weight_decay) * W1 - rate * m_W1 / (np.sqrt(v_W1) + eps * spread)"],
    ),
    "rmsprop": (
        lambda ps: optim.RMSprop(ps, lr=0.1),
        ["v_W1[...] = alpha * v_W1 + (1 - alpha) * dW1 * dW1", "W1 -= lr * (dW1 / (np.sqrt(v_W1) + eps))"],
    ),
    "centered": (
        lambda ps: optim.RMSprop(ps, lr=0.1, momentum=0.5, centered=True),
        ["mean_W1[...] = alpha * mean_W1 + (1 - alpha) * dW1", "W1 -= lr * velocity_W1"],
    ),
    "adagrad": (
        lambda ps: optim.Adagrad(ps, lr=0.1),
        ["s_W1 += dW1 * dW1", "rate = lr / (1 + (t - 1) * lr_decay)", "W1 -= rate * dW1 / (np.sqrt(s_W1) + eps)"],
    ),
}


@pytest.mark.parametrize("name", TEXTBOOK)
def test_an_update_reads_like_a_textbook(name):
    make, lines = TEXTBOOK[name]
    own = Training(True, lambda ps, lr: make(ps))
    own.step(X, Y)
    source = own.step.source
    for line in lines:
        assert re.search(rf"^    {re.escape(line)}( |$)", source, re.MULTILINE), line
    assert not re.search(r"\b(add|pow|divide|subtract|array)\d", source)


def test_the_source_says_why_adam_is_written_as_it_is():
    own = Training(True, lambda ps, lr: optim.Adam(ps, lr=lr))
    own.step(X, Y)
    update = own.step.source.partition("# update")[2]
    assert update.lstrip().startswith("# the step is lr * m_hat / (sqrt(v_hat) + eps), m_hat = m / (1 - beta1**t)")
    assert "return loss, t  # a number cannot change in place: it is returned" in update


def test_gradients_that_were_there_are_called_after_their_parameters():
    net = nn.MLP(3, [4, 1], rng=0)
    optimizer = optim.SGD(net.parameters(), lr=0.1)

    @tinygrad_edu.compile
    def step(x):
        loss = (net(x) ** 2).mean()
        loss.backward()
        optimizer.step()
        return loss

    for _ in range(3):
        step(np.ones((5, 3)))
    assert re.search(r"^    W1_grad (\+=|= W1_grad \+) ", step.source, re.MULTILINE)
    assert "weight" not in step.source


def test_a_norm_over_many_gradients_is_summed_in_subtotals():
    net = nn.MLP(3, [4, 4, 1], rng=0)
    optimizer = optim.SGD(net.parameters(), lr=0.1)

    @tinygrad_edu.compile
    def step(x):
        loss = (net(x) ** 2).mean()
        loss.backward()
        optim.clip_grad_norm_(net.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()
        return loss

    for _ in range(3):
        step(np.ones((5, 3)))
    assert re.search(r"^    squares = subtotal\d \+ .*\n    norm = squares\*\*0.5$", step.source, re.MULTILINE)
    assert not re.search(r"\badd\d", step.source)


@pytest.mark.parametrize("make", [optim.Adam, optim.SGD])
def test_the_shapes_of_a_section_stand_in_one_column(make):
    own = Training(True, lambda ps, lr: make(ps, lr=lr))
    own.step(X, Y)
    update = own.step.source.partition("# update")[2]
    assert len({line.index("  # (") for line in update.splitlines() if "  # (" in line}) == 1


def test_settings_are_arguments_with_defaults():
    own = Training(True, lambda ps, lr: optim.Adam(ps, betas=(0.8, 0.99)))
    own.step(X, Y)
    assert "beta1=0.8, beta2=0.99, eps=1e-08):" in " ".join(own.step.source.split())
    assert "beta1" not in own.step.optimized_source


@pytest.mark.parametrize("name", [name for name in OPTIMIZERS if name != "momentum"])
def test_one_program_serves_from_the_first_step_on(name):
    own, eager = Training(True, OPTIMIZERS[name]), Training(False, OPTIMIZERS[name])
    own.step(X, Y)
    machine = own.step._latest
    eager.step(X, Y)
    for _ in range(5):
        for mine, others in zip(own.optimizer.state, eager.optimizer.state, strict=True):
            assert mine.keys() == others.keys()
            for entry, x in mine.items():
                assert type(x) is type(others[entry])
                np.testing.assert_allclose(x, others[entry], rtol=1e-12, atol=1e-15)
        own.step(X, Y)
        eager.step(X, Y)
    assert own.step._latest is machine


def test_a_first_step_that_differs_has_a_program_of_its_own():
    own = Training(True, OPTIMIZERS["momentum"])  # dampening spares the first gradient
    machines = set()
    for _ in range(4):
        own.step(X, Y)
        machines.add(id(own.step._latest))
    assert len(machines) == 2
    assert "share = 1 - dampening" in own.step.source


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_updates_of_values_are_those_of_eager_to_the_last_bit(name):
    def make():
        w, b = Value(0.5, "w"), Value(-0.25, "b")
        optimizer = OPTIMIZERS[name]([w, b], 0.1)

        def step(x, y):
            loss = (w * x + b - y) ** 2
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            return loss

        return (w, b), optimizer, step

    (own, mine, step), (eager, other, reference) = make(), make()
    step = tinygrad_edu.compile(step)
    for i in range(20):
        x = float(np.sin(i))
        assert step(Value(x), Value(2 * x)).data == reference(Value(x), Value(2 * x)).data
        assert [p.data for p in own] == [p.data for p in eager]
        assert mine.state == other.state
    assert "np." not in step.source


def test_a_parameter_that_joins_later_counts_its_own_steps():
    def make(compiled):
        a, b = Tensor([1.0, 2.0], label="a"), Tensor([3.0, 4.0], label="b")
        b.requires_grad = False
        optimizer = optim.Adam([a, b], lr=0.1)

        def step(x):
            loss = (a * a * x + b * b).sum()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            return loss

        return a, b, optimizer, tinygrad_edu.compile(step) if compiled else step

    sides = [make(True), make(False)]
    for i in range(8):
        for _, b, optimizer, step in sides:
            b.requires_grad = i >= 3
            step(np.array([1.0, 2.0]))
            if i == 5:  # both count alike from here on
                optimizer.state[1]["step"] = optimizer.state[0]["step"]
    for mine, other in zip(sides[0][:2], sides[1][:2], strict=True):
        np.testing.assert_allclose(mine.data, other.data, rtol=1e-12)
    assert sides[0][2].state[1]["step"] == sides[1][2].state[1]["step"] == 8.0


def test_state_that_is_emptied_starts_anew():
    own, eager = Training(True, OPTIMIZERS["adam"]), Training(False, OPTIMIZERS["adam"])
    empty = own.optimizer.state_dict()
    for i in range(6):
        for side in (own, eager):
            if i == 3:
                side.optimizer.load_state_dict(empty)
            side.step(X, Y)
    for mine, other in zip(own.numbers(), eager.numbers(), strict=True):
        np.testing.assert_allclose(mine, other, rtol=1e-10)


BETWEEN = {
    "norm": lambda ps: optim.clip_grad_norm_(ps, 0.1),
    "norm below": lambda ps: optim.clip_grad_norm_(ps, 1e6),
    "value": lambda ps: optim.clip_grad_value_(ps, 0.01),
}
AFTER = {"max": lambda ps: optim.max_norm_(ps, 0.3), "unit": lambda ps: optim.unit_norm_(ps)}
PENALTY = {"l1": lambda ps: optim.l1_penalty(ps, 1e-2), "l2": lambda ps: optim.l2_penalty(ps, 1e-2)}


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("name", [*BETWEEN, *AFTER, *PENALTY])
def test_clipping_constraints_and_penalties_within_a_step(name, dtype):
    def make():
        net = nn.MLP(2, [8, 2], activation="relu", rng=0, dtype=dtype)
        optimizer = optim.SGD(net.parameters(), lr=0.5)
        weights = [p for p in net.parameters() if p.ndim == 2]

        def step(x, y):
            loss = nn.functional.cross_entropy(net(x), y) + (PENALTY[name](weights) if name in PENALTY else 0.0)
            optimizer.zero_grad()
            loss.backward()
            norm = BETWEEN[name](net.parameters()) if name in BETWEEN else None
            optimizer.step()
            if name in AFTER:
                AFTER[name](weights)
            return loss, norm

        return net, step

    (own, step), (eager, reference) = make(), make()
    step = tinygrad_edu.compile(step)
    tolerance = 1e-12 if dtype == np.float64 else 1e-5
    for scale in (1, 4, 0.5, 3):
        found, expected = step((X * scale).astype(dtype), Y), reference((X * scale).astype(dtype), Y)
        assert type(found[1]) is type(expected[1])
        if found[1] is not None:
            assert found[1] == pytest.approx(expected[1], rel=tolerance)
    for p, q in zip(own.parameters(), eager.parameters(), strict=True):
        assert p.dtype == dtype
        np.testing.assert_allclose(p.data, q.data, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("name", [*BETWEEN, *AFTER, *PENALTY])
def test_clipping_constraints_and_penalties_of_values(name):
    def make():
        ps = [Value(3.0, "w"), Value(-4.0, "b")]
        optimizer = optim.SGD(ps, lr=0.1)

        def step(x):
            loss = (ps[0] * x + ps[1]) ** 2 + (PENALTY[name](ps) if name in PENALTY else 0.0)
            optimizer.zero_grad()
            loss.backward()
            norm = BETWEEN[name](ps) if name in BETWEEN else None
            optimizer.step()
            if name in AFTER:
                AFTER[name](ps)
            return loss, norm

        return ps, step

    (own, step), (eager, reference) = make(), make()
    step = tinygrad_edu.compile(step)
    for x in (1.0, 2.0, -3.0):
        found, expected = step(Value(x)), reference(Value(x))
        assert (found[0].data, found[1]) == (expected[0].data, expected[1])
        assert [p.data for p in own] == [p.data for p in eager]
    assert "np." not in step.source


def test_clipping_reads_like_a_textbook():
    W = Tensor([1.0, 2.0], label="W")

    @tinygrad_edu.compile
    def step(x):
        (W * x).sum().backward()
        optim.clip_grad_norm_([W], 2.0)
        W.data -= 0.1 * W.grad
        return W * 1

    step(np.ones(2))
    assert "norm = np.sum(dW * dW).item() ** 0.5" in step.source
    assert "factor = 2.0 / max(norm + 1e-06, 2.0)" in step.source


class Counting(optim.Optimizer):
    """A user's rule: it looks for its entries in other ways, and decides by its settings."""

    hyperparameters = ("lr", "decay", "every", "name")
    entries = ("count", "total")

    def __init__(self, params, lr, decay=0.5, every=2, name="x"):
        super().__init__(params, lr)
        self.decay, self.every, self.name = decay, every, name

    def update(self, p, g, state):
        if "total" not in state:
            state["total"] = g * 0.0
        count = state["count"] = state.get("count", 0.0) + 1
        if self.decay > 0 and self.every:
            for _ in range(self.every):
                g = g * (1 - self.decay)
        state["total"] = state["total"] + g
        return p - self.lr * state["total"] / count


def test_a_users_rule_may_decide_by_its_settings():
    make = lambda ps, lr: Counting(ps, lr)  # noqa: E731
    own, eager = Training(True, make), Training(False, make)
    for i in range(8):
        for side in (own, eager):
            if i == 4:
                side.optimizer.every = 3
            if i == 6:
                side.optimizer.decay = 0.0
            side.step(X, Y)
    for mine, other in zip(own.numbers(), eager.numbers(), strict=True):
        np.testing.assert_allclose(mine, other, rtol=1e-10)


def test_the_source_overwrites_nothing_that_is_seen_afterwards():
    start = np.array([[1.0, 2.0], [3.0, 4.0]])
    p = Tensor(start, label="p")
    optimizer = optim.SGD([p], lr=0.1)

    @tinygrad_edu.compile
    def step(x):
        (p * x).sum().backward()
        turned = p.data.T * 1.0
        optimizer.step()
        return p.data - turned

    expected = step(np.ones(2))
    namespace = {}
    exec(step.source, namespace)  # noqa: S102
    weights = start.copy()
    assert np.array_equal(namespace["step"](np.ones(2), weights, 0.1), expected)
    assert np.array_equal(weights, p.data)


def test_the_source_reads_what_it_overwrites_beforehand():
    W = Tensor([1.0, 2.0], label="W")

    @tinygrad_edu.compile
    def step(x):
        before = W.data
        W.data = W.data * x
        return np.exp(before * 2) + W.data

    expected = step(np.array([1.0, 3.0]))
    namespace = {}
    exec(step.source, namespace)  # noqa: S102
    weights = np.array([1.0, 2.0])
    assert np.array_equal(namespace["step"](np.array([1.0, 3.0]), weights), expected)
    assert np.array_equal(weights, W.data)


def test_an_argument_that_is_a_list_of_numbers_is_named_where_recording_fails():
    net = nn.MLP(2, [3, 1], rng=0)
    step = tinygrad_edu.compile(lambda X, y: ((net(X) - y) ** 2).mean())
    with pytest.raises(RecordingError, match=r"X was given as a list, .*: pass np\.array\(X\)"):
        step([[1.0, 2.0], [3.0, 4.0]], np.ones((2, 1)))
    total = tinygrad_edu.compile(lambda xs: xs[0] * xs[1] + xs[2])
    assert [total([1.0, 2.0, 3.0]), total([2.0, 2.0, 3.0])] == [5.0, 7.0]


def adding_step(W, optimizer):
    """A step that forgets `zero_grad`."""

    @tinygrad_edu.compile
    def step(x):
        loss = ((x @ W) ** 2).mean()
        loss.backward()
        optimizer.step()
        return loss

    return step


def test_the_source_keeps_a_gradient_that_it_adds_to():
    x, start = np.array([[1.0, -2.0], [0.5, 3.0]]), np.array([[1.0], [2.0]])
    W = Tensor(start, label="W")
    step = adding_step(W, optim.SGD([W], lr=0.1))
    losses = [step(x).item() for _ in range(5)]
    namespace = {}
    exec(step.source, namespace)  # noqa: S102
    weights, gradient = start.copy(), np.zeros((2, 1))
    assert [namespace["step"](x, weights, gradient, 0.1) for _ in range(5)] == pytest.approx(losses, rel=1e-12)
    assert len(set(losses)) == 5
    np.testing.assert_allclose(weights, W.data, rtol=1e-12)
    np.testing.assert_allclose(gradient, W.grad, rtol=1e-12)
    assert "W_grad += x.T @" in step.source


def test_the_source_returns_the_gradient_of_a_single_number_that_it_adds_to():
    w = Tensor(2.0, label="w")
    optimizer = optim.SGD([w], lr=0.1)

    @tinygrad_edu.compile
    def step(x):
        loss = (w * x) ** 2
        loss.backward()
        optimizer.step()
        return loss

    losses = [step(np.array(0.5)).item() for _ in range(4)]
    namespace = {}
    exec(step.source, namespace)  # noqa: S102
    weight, gradient, found = 2.0, 0.0, []
    for _ in range(4):
        loss, weight, gradient = namespace["step"](np.array(0.5), weight, gradient, 0.1)
        found.append(float(loss))
    assert found == pytest.approx(losses, rel=1e-12)


def test_a_gradient_that_does_not_exist_yet_is_among_what_is_fixed():
    W = Tensor([[1.0], [2.0]], label="W")
    step = adding_step(W, optim.SGD([W], lr=0.1))
    step(np.ones((2, 2)))
    assert "# fixed when recorded: W.grad = None (gradient)\n" in step.source
    with pytest.raises(CompileError, match=r"javascript: the function adds to W\.grad, and there was no gradient yet"):
        _ = step.javascript
    step(np.ones((2, 2)))
    assert "fixed" not in step.source
    assert "W_grad: " in step.javascript.rpartition("np.store(")[2]


def test_parameters_that_are_exchanged_are_trained_from_then_on():
    first, second = Tensor([1.0]), Tensor([5.0])
    optimizer = optim.SGD([first], lr=0.1)

    @tinygrad_edu.compile
    def step(x):
        loss = ((first + second) * x).sum()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss

    for _ in range(3):
        step(np.ones(1))
    before, second.grad = first.data.copy(), None
    optimizer.params = [second]
    for _ in range(3):
        step(np.ones(1))
    assert first.data == before
    np.testing.assert_allclose(second.data, 5 - 0.3)


class _Remembers(optim.Optimizer):
    """Its subclasses ask in different ways for an entry that the first step makes."""

    hyperparameters = ("lr",)
    entries = ("m", "first")

    def update(self, p, g, state):
        m = state.get("m", 0.0) + g
        first = self.first(g, state)
        state.update(m=m, first=first)
        return p - self.lr * (m + first)


class _ByNone(_Remembers):
    def first(self, g, state):
        first = state.get("first", None)
        return g if first is None else first


class _ByIn(_Remembers):
    def first(self, g, state):
        return state["first"] if "first" in state else g * 1


class _ByGradient(_Remembers):
    def first(self, g, state):
        return state.get("first", g)


class _ByRate(_Remembers):
    def first(self, g, state):
        return state.get("first", self.lr) * 1.5 * g


class _ByLength(_Remembers):
    def first(self, g, state):
        return state["first"] if len(state) == 2 else g * 1


@pytest.mark.parametrize("kind", [_ByNone, _ByIn, _ByGradient, _ByRate, _ByLength], ids=lambda kind: kind.__name__)
def test_an_entry_that_the_first_step_makes_is_read_by_the_later_ones(kind):
    def trained(compiled):
        p = Tensor([1.0, 2.0])
        step = step_of(p, kind([p], lr=0.1))
        step = tinygrad_edu.compile(step) if compiled else step
        for i in range(5):
            step(np.array([1.0 + i, 2.0]))
        return p.numpy()

    np.testing.assert_allclose(trained(compiled=True), trained(compiled=False), rtol=1e-12)
