"""Optimizers in compiled functions: one program from the first step on, written as a textbook writes the rule."""

import re

import numpy as np
import pytest

import tinygrad_edu
from tests.test_compile import OPTIMIZERS, Training, X, Y
from tinygrad_edu import Tensor, Value, optim

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
