"""`compile`: what a function reads through operators and containers, and by exactly which number it is guarded."""

import array
import collections
import itertools
import types

import numpy as np
import pytest

import tinygrad_edu
from tinygrad_edu import Tensor, nn
from tinygrad_edu.compiler import RecordingError

ONES = np.ones(2)


class Scaled:
    """A user's class that only operators read."""

    def __init__(self):
        self.inner = 2.0
        self.parts = {"rate": 3.0}

    def __getitem__(self, i):
        return self.inner + i

    def __mul__(self, x):
        return x * self.inner

    def __len__(self):
        return int(self.inner)

    def __iter__(self):
        return iter([self.inner, 1.0])

    def __contains__(self, x):
        return x == self.inner

    def __bool__(self):
        return self.inner > 2.5

    def __enter__(self):
        return self.inner

    def __exit__(self, *_):
        return None

    def __getattr__(self, name):
        return self.__dict__["parts"][name]


def entered(x, scaled):
    with scaled as k:
        return x * k


OPERATORS = {
    "item": lambda x, s: s[0] * x,
    "times": lambda x, s: (s * 2.0) * x,
    "length": lambda x, s: x * len(s),
    "iteration": lambda x, s: sum(k * x for k in s),
    "membership": lambda x, s: x * 2 if 2.0 in s else x * 3,
    "truth": lambda x, s: x * 2 if s else x * 3,
    "with": entered,
}


@pytest.mark.parametrize("name", OPERATORS)
def test_what_an_operator_reads(name):
    scaled = Scaled()
    f = lambda x: OPERATORS[name](x, scaled)  # noqa: E731
    compiled = tinygrad_edu.compile(f)
    for inner in (2.0, 7.0, 1.0):
        scaled.inner = inner
        np.testing.assert_array_equal(compiled(ONES), f(ONES))


def test_what_stands_behind_an_attribute():
    scaled = Scaled()
    f = lambda x: x * scaled.rate  # noqa: E731
    compiled = tinygrad_edu.compile(f)
    for rate in (3.0, 5.0):
        scaled.parts["rate"] = rate
        np.testing.assert_array_equal(compiled(ONES), f(ONES))


def proxied():
    inner = {"k": 2.0}
    return types.MappingProxyType(inner), lambda: inner.update(k=3.0)


def chained():
    inner = {"k": 2.0}
    return collections.ChainMap({}, inner), lambda: inner.update(k=3.0)


def queued():
    queue = collections.deque([2.0])
    return queue, lambda: queue.__setitem__(0, 3.0)


def of_users():
    own = collections.UserDict(k=2.0)
    return own, lambda: own.update(k=3.0)


def of_users_list():
    own = collections.UserList([2.0])
    return own, lambda: own.__setitem__(0, 3.0)


def of_bytes():
    numbers = array.array("d", [2.0])
    return numbers, lambda: numbers.__setitem__(0, 3.0)


@pytest.mark.parametrize("make", [proxied, chained, queued, of_users, of_users_list, of_bytes])
def test_what_lies_in_a_container(make):
    container, change = make()
    key = "k" if isinstance(container, collections.abc.Mapping) else 0
    f = lambda x: x * container[key]  # noqa: E731
    compiled = tinygrad_edu.compile(f)
    np.testing.assert_array_equal(compiled(ONES), 2 * ONES)
    change()
    np.testing.assert_array_equal(compiled(ONES), 3 * ONES)


def test_an_attribute_of_a_function():
    def g(x):
        return x * g.scale

    g.scale = 2.0
    compiled = tinygrad_edu.compile(lambda x: g(x))
    np.testing.assert_array_equal(compiled(ONES), 2 * ONES)
    g.scale = 3.0
    np.testing.assert_array_equal(compiled(ONES), 3 * ONES)


@pytest.mark.parametrize("make", [itertools.count, lambda: iter([1.0, 2.0]), lambda: (k for k in (1.0, 2.0))])
def test_an_iterator_is_refused(make):
    iterator = make()
    with pytest.raises(RecordingError, match=r"goes on with the iterator iterator.*pass what it gives as an argument"):
        tinygrad_edu.compile(lambda x: x * next(iterator))(ONES)


def test_long_lists_of_objects():
    layers = [nn.Linear(2, 2, rng=i) for i in range(70)]
    layers[40:40] = [nn.LeakyReLU(0.5)]

    def f(x):
        for layer in layers:
            x = layer(x)
        return x

    compiled, x = tinygrad_edu.compile(f), np.ones((3, 2))
    np.testing.assert_allclose(compiled(x).data, f(x).data)
    layers[3].weight = Tensor(np.eye(2) * 3)
    np.testing.assert_allclose(compiled(x).data, f(x).data)
    layers[40].slope = layers[40].negative_slope = 0.9
    np.testing.assert_allclose(compiled(x).data, f(x).data)


K = 2


@pytest.mark.parametrize("numbers", [(2, 2.0), (1, True), (0.0, -0.0), (0, False), (2.0, 2)])
def test_equal_numbers_that_are_not_the_same(numbers, monkeypatch):
    table = [0]
    f = lambda x: (x * K, np.copysign(x, table[0]))  # noqa: E731
    compiled, x = tinygrad_edu.compile(f), np.array([1, 2])
    for number in numbers:
        monkeypatch.setitem(globals(), "K", number)
        table[0] = number
        for found, expected in zip(compiled(x), f(x), strict=True):
            assert found.dtype == expected.dtype
            np.testing.assert_array_equal(np.copysign(1, found), np.copysign(1, expected))


def test_zeros_of_numpy_that_differ_in_sign():
    f = lambda x: (np.copysign(x, np.float32(0.0)), np.copysign(x, np.float32(-0.0)))  # noqa: E731
    x = ONES.astype(np.float32)
    compiled = tinygrad_edu.compile(f)
    for _ in range(2):
        np.testing.assert_array_equal(compiled(x), f(x))
