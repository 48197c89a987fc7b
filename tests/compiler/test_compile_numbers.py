"""`Compiled.numbers`: what a view shows of a program, which changes nothing."""

import numpy as np

from tests.browser.graphs import training_step
from tinygrad_edu import Tensor, nn, optim
from tinygrad_edu import compile as compile_


def test_the_numbers_are_those_that_the_next_call_computes():
    step = training_step(optim.Adam)
    numbers = step.numbers
    loss = float(numbers[step.program.result.var])
    state = {name: x.copy() for name, x in step.script.state().items() if isinstance(x, np.ndarray)}
    assert float(step(np.arange(8.0).reshape(4, 2), np.array([0, 1, 1, 0])).data) == loss
    changed = [
        name for name, x in step.script.state().items() if isinstance(x, np.ndarray) and (x != state[name]).any()
    ]
    assert changed  # by the call, and not by the look


def test_looking_uses_up_no_random_numbers_and_stores_nothing():
    dropout, w = nn.Dropout(0.5, rng=np.random.default_rng(3)), Tensor(np.ones(4), label="w")

    @compile_
    def step(x):
        loss = (dropout(w * x)).sum()
        w.grad = None
        loss.backward()
        return loss

    step(np.arange(4.0))
    state = dropout.rng.bit_generator.state
    first, second = (float(step.numbers[step.program.result.var]) for _ in range(2))
    assert first == second
    assert dropout.rng.bit_generator.state == state
    assert float(step(np.arange(4.0)).data) == first
