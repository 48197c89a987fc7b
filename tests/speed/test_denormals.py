"""Denormal numbers as zeros, for a while."""

import platform
import threading

import numpy as np
import pytest

import tinygrad_edu
from tinygrad_edu import flush_denormals, nn, optim
from tinygrad_edu.speed import denormals

TINY = np.full(3, 1e-40, np.float32)
KNOWN = platform.machine() == "x86_64" and platform.libc_ver()[0] == "glibc"


def is_flushed():
    return bool((TINY * np.float32(0.5) == 0).all())


def test_it_says_whether_denormals_are_zeros_and_ends_with_its_block():
    assert not is_flushed()
    with flush_denormals() as flushed:
        assert flushed == is_flushed() == KNOWN
        with flush_denormals() as again:
            assert again == flushed
        assert is_flushed() == KNOWN
    assert not is_flushed()


def test_an_error_ends_it_too():
    with pytest.raises(ZeroDivisionError), flush_denormals():
        _ = 1 / 0
    assert not is_flushed()


def test_on_a_processor_that_is_not_known_nothing_changes(monkeypatch):
    monkeypatch.setattr(denormals.platform, "machine", lambda: "arm64")
    with flush_denormals() as flushed:
        assert not flushed
        assert not is_flushed()


def test_threads_that_ran_before_are_left_alone():
    go, seen = threading.Event(), []

    def look():
        go.wait()
        seen.append(is_flushed())

    other = threading.Thread(target=look)
    other.start()
    with flush_denormals():
        go.set()
        other.join()
    assert seen == [False]


def test_rounding_of_normal_numbers_stays_and_so_do_numpys_warnings():
    x = np.random.default_rng(0).standard_normal(1000)
    expected = np.tanh(x) * 0.1 + x / 3
    with flush_denormals():
        found = np.tanh(x) * 0.1 + x / 3
        with pytest.warns(RuntimeWarning, match="divide by zero"):
            np.ones(1) / np.zeros(1)
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("compiled", [False, True])
def test_training_is_the_same_where_no_number_is_tiny(compiled):
    def losses():
        net = nn.MLP(3, [4, 1], "tanh", rng=0)
        optimizer = optim.Adam(net.parameters(), lr=0.01)

        def step(X):
            loss = (net(X) ** 2).mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            return loss

        run = tinygrad_edu.compile(step) if compiled else step
        return [run(np.arange(6.0).reshape(2, 3)).item() for _ in range(20)]

    expected = losses()
    with flush_denormals():
        assert losses() == expected
