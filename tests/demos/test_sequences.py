"""The lab `sequences`: what its nets are asked for, and the gradient over time."""

import numpy as np
import pytest

from demos import sequences
from tinygrad_edu import Tensor, nn


def test_the_sum_is_that_of_the_two_marked_numbers():
    x, sums = sequences.adding(50, np.random.default_rng(0))
    assert x.shape == (50, sequences.NUMBERS, 2)
    half = sequences.NUMBERS // 2
    assert (x[:, :half, 1].sum(axis=1) == 1).all()
    assert (x[:, half:, 1].sum(axis=1) == 1).all()
    np.testing.assert_allclose((x[..., 0] * x[..., 1]).sum(axis=1, keepdims=True), sums, rtol=1e-6)


def test_the_answer_1_has_the_error_of_two_uniform_numbers():
    """A sixth: Bai et al. print 0.1767."""
    assert sequences.error_of_one() == pytest.approx(1 / 6, abs=4e-3)


def test_the_pattern_is_wanted_at_the_end():
    x, letters = sequences.copying(20, np.random.default_rng(0))
    given, copied = x.argmax(axis=-1), sequences.COPIED
    np.testing.assert_array_equal(given[:, :copied], letters[:, -copied:])
    assert (letters[:, :-copied] == sequences.BLANK).all()
    assert (given[:, -copied:] == sequences.SIGNAL).all()
    assert sequences.loss_without_memory(letters) == pytest.approx(sequences.CHANCE["copying"], rel=1e-12)


def test_without_memory_ten_letters_have_the_published_loss(monkeypatch):
    monkeypatch.setattr(sequences, "COPIED", 10)
    monkeypatch.setattr(sequences, "WAIT", 100)
    _, letters = sequences.copying(4, np.random.default_rng(0))
    assert sequences.loss_without_memory(letters) == pytest.approx(10 * np.log(8) / (100 + 20), rel=1e-12)


@pytest.mark.parametrize(("steps", "points"), [(5, 5), (40, 37), (1000, 976)])
def test_a_short_run_shows_a_curve_and_not_one_point(steps, points):
    lines = sequences._curves("adding", {"RNN": np.ones(steps)}).axes[0].lines
    assert len(lines[0].get_xdata()) == points


def test_what_counts_as_right():
    sums = np.array([[1.0], [0.5]])
    found = np.zeros((2, 7, 1))
    found[:, -1, 0] = 1.07, 0.6
    assert sequences.right_sums(found, sums) == 0.5
    _, letters = sequences.copying(3, np.random.default_rng(0))
    assert sequences.right_letters(np.eye(10)[letters], letters) == 1
    assert sequences.right_letters(np.eye(10)[letters * 0], letters) == 0


@pytest.mark.parametrize("kind", sequences.KINDS)
def test_the_gradient_over_time_is_that_of_the_layer(kind):
    """A change of the memory before the first step changes the loss as the gradient says."""
    x, y = sequences.adding(3, np.random.default_rng(0))
    x = x[:, -6:]
    reader = sequences.make_reader("adding", kind, 0)
    norms = sequences.gradient_over_time(reader, x, y)
    assert norms.shape == (6,)
    assert (norms > 0).all()
    memory = Tensor(np.zeros((1, 3, 32), np.float32))
    states, _ = reader.layer(x[:, 1:], _after_one_step(reader, x, memory))
    nn.functional.mse_loss(reader.answer(states[:, -1]), y).backward()
    assert np.linalg.norm(memory.grad) == pytest.approx(norms[0], rel=1e-4)


def _after_one_step(reader, x, added):
    """The layer's state after the first step, to whose memory ``added`` is added."""
    _, state = reader.layer(x[:, :1])
    if isinstance(state, tuple):
        c = state[1].detach()
        return _h_of(reader, x, c + added), c + added
    return state.detach() + added


def _h_of(reader, x, c):
    """The state h of an LSTM that follows from c after the first step."""
    z = x[:, 0] @ reader.layer.weight_ih_l0.numpy() + reader.layer.bias_ih_l0.numpy() + reader.layer.bias_hh_l0.numpy()
    return c.tanh() * (1 / (1 + np.exp(-z[:, 96:])))


def test_a_few_steps_of_training_lower_the_loss():
    losses = sequences.learn(sequences.make_reader("copying", "GRU", 0), sequences.TASKS["copying"], 20, 0)
    assert losses[-5:].mean() < losses[:5].mean()
