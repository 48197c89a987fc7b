"""`compile`: gradients that are read, cleared, kept and passed in, whoever has left them."""

import threading

import numpy as np
import pytest

import tinygrad_edu
from tinygrad_edu import Tensor, Value, nn, optim
from tinygrad_edu.compiler import RecordingError
from tinygrad_edu.nn import scalar

ONES = np.ones(2)


def both(make):
    """What `make` returns for the plain function and for the compiled one."""
    return make(lambda f: f), make(tinygrad_edu.compile)


def assert_same(make):
    expected, found = both(make)
    np.testing.assert_allclose(found, expected, rtol=1e-12)


@pytest.mark.parametrize("how", ["optimizer", "attribute", "after"])
def test_gradients_of_values_are_cleared_first(how):
    def run(mode):
        w = Value(1.0)
        optimizer = optim.SGD([w], lr=0.1)

        def step(x):
            if how == "optimizer":
                optimizer.zero_grad()
            if how == "attribute":
                w.grad = 0.0
            loss = (w * x) ** 2
            if how == "after":
                optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            return loss

        f, seen = mode(step), []
        for _ in range(3):
            f(1.0)
            seen.append(w.data)
        return seen

    assert_same(run)


def test_a_network_of_values_clears_its_gradients_first():
    def run(mode):
        net = scalar.MLP(2, [3, 1], rng=0)

        def step(x):
            net.zero_grad()
            loss = net([x, 1.0]) ** 2
            loss.backward()
            for p in net.parameters():
                p.data = p.data - 0.05 * p.grad
            return loss

        f = mode(step)
        return [f(1.0).data for _ in range(4)]

    assert_same(run)


@pytest.mark.parametrize("make", [lambda: Tensor([1.0, 2.0]), lambda: Value(1.5)])
def test_a_gradient_is_read_before_the_data(make):
    def run(mode):
        p = make()
        f, seen = mode(lambda x: (p.grad * x).sum() if isinstance(p, Tensor) else p.grad * x), []
        for g in (1.0, 5.0, -2.0):
            p.grad = g * ONES if isinstance(p, Tensor) else g
            seen.append(float(f(ONES) if isinstance(p, Tensor) else f(2.0)))
        return seen

    assert_same(run)


@pytest.mark.parametrize("clip", [optim.clip_grad_norm_, optim.clip_grad_value_])
@pytest.mark.parametrize("kind", [Tensor, Value])
def test_gradients_made_outside_are_clipped_and_used(kind, clip):
    def run(mode):
        p = Tensor([3.0, 4.0]) if kind is Tensor else Value(3.0)
        optimizer = optim.SGD([p], lr=1.0)

        def step(k):
            clip([p], 1.0)
            optimizer.step()
            return p * k

        f = mode(step)
        for g in (3.0, 40.0, 0.1):
            p.grad = np.array([g, 1.0]) if kind is Tensor else g
            f(ONES if kind is Tensor else 1.0)
        return p.data

    assert_same(run)


def test_a_gradient_is_scaled_before_more_is_added():
    def run(mode):
        p = Tensor([1.0, 2.0])
        p.grad = ONES

        def step(x):
            p.grad = p.grad * 0.5
            loss = (p * x).sum()
            loss.backward()
            return loss

        f = mode(step)
        for _ in range(4):
            f(ONES)
        return p.grad

    assert_same(run)


def test_what_was_accumulated_outside_counts_in_a_step_that_clears_at_its_end():
    def run(mode):
        p = Tensor([1.0, 2.0])
        optimizer = optim.SGD([p], lr=0.1)

        def step(x):
            loss = (p * x).sum()
            loss.backward()
            optimizer.step()
            optimizer.zero_grad()
            return loss

        f = mode(step)
        f(ONES)
        f(ONES)
        (p * 100).sum().backward()
        f(ONES)
        f(ONES)
        return p.data

    assert_same(run)


def test_a_gradient_that_is_thrown_away_unread_is_thrown_away_at_every_call():
    def run(mode):
        p = Tensor([1.0, 2.0])

        def step(x):
            loss = (p * x).sum()
            loss.backward()
            p.grad = None
            return loss

        f = mode(step)
        f(ONES)
        p.grad = ONES
        f(ONES)
        return [p.grad is None]

    assert_same(run)


def test_the_gradient_of_a_frozen_parameter_is_read_at_every_call():
    def run(mode):
        p = Tensor([1.0, 2.0])
        p.grad = ONES
        p.requires_grad = False
        optimizer, seen = optim.SGD([p], lr=0.1), []

        def step(x):
            optimizer.step()
            return p * x

        f = mode(step)
        for g in (ONES, ONES, 5 * ONES, None, ONES):
            p.grad = g
            seen.append(f(ONES).data)
        return seen

    assert_same(run)


def test_the_gradient_of_an_argument():
    def run(mode):
        def slope(x):
            (x * x).sum().backward()
            return x.grad * 2

        f, x = mode(slope), Tensor([1.0, 2.0])
        first = f(x)
        return [first, x.grad]

    assert_same(run)


def test_a_gradient_that_an_argument_has_already_is_refused():
    def slope(x):
        (x * x).sum().backward()
        return x.grad * 2

    x = Tensor([1.0, 2.0])
    f = tinygrad_edu.compile(slope)
    f(x)
    with pytest.raises(RecordingError, match="x has a gradient already"):
        f(x)


@pytest.mark.parametrize("kind", [Tensor, Value])
def test_a_parameter_that_is_an_argument_too_is_refused(kind):
    w = Tensor([1.0, 2.0], label="w") if kind is Tensor else Value(1.0, "w")
    optimizer = optim.SGD([w], lr=0.1)

    def step(w, x):
        loss = (w * x).sum() if kind is Tensor else w * x
        loss.backward()
        optimizer.step()
        return loss

    with pytest.raises(RecordingError, match="w is passed as an argument, and the function reaches it by itself"):
        tinygrad_edu.compile(step)(w, ONES if kind is Tensor else 1.0)
    assert w.grad is None if kind is Tensor else w.grad == 0.0


def test_new_data_for_an_argument_is_refused():
    def step(params, x):
        loss = sum((p * x).sum() for p in params)
        loss.backward()
        for p in params:
            p.data = p.data - 0.1 * p.grad
        return loss

    with pytest.raises(RecordingError, match="changes the data of its argument params_0"):
        tinygrad_edu.compile(step)([Tensor([1.0, 2.0]), Tensor([3.0, 4.0])], ONES)


def test_no_grad_is_part_of_a_call():
    def run(mode):
        p = Tensor([1.0, 2.0])

        def step(x):
            loss = (p * x).sum()
            if loss.requires_grad:
                loss.backward()
            return loss

        f, seen = mode(step), []
        for quiet in (True, False, True, False):
            with tinygrad_edu.no_grad() if quiet else tinygrad_edu.recording():
                f(ONES)
            seen.append(ONES * 0 if p.grad is None else p.grad.copy())
        return seen

    assert_same(run)


def test_gradients_of_a_layer_as_a_number_to_watch():
    net = nn.Linear(2, 1, rng=0)
    plain = lambda k: k * sum((p.grad**2).sum() for p in net.parameters())  # noqa: E731
    f = tinygrad_edu.compile(plain)
    for scale in (1.0, 2.0, 3.0):
        net.zero_grad()
        (net(np.ones((1, 2))) * scale).sum().backward()
        np.testing.assert_allclose(f(np.ones(1)), plain(np.ones(1)))


@pytest.mark.parametrize("make", [lambda: Tensor([1.0, 2.0]), lambda: Value(1.5)])
def test_data_is_assigned_before_it_is_read(make):
    def run(mode):
        p = make()

        def step(x):
            p.data = x * 2
            p.data = p.data + x
            return p * x

        f, seen = mode(step), []
        for k in (1.0, 2.0):
            seen += [f(ONES * k if isinstance(p, Tensor) else k).data, p.data]
            p.data = p.data * 0
        return seen

    assert_same(run)


class Meanwhile:
    """What another thread does while a function is recorded, ``times`` times; afterwards nothing."""

    def __init__(self, work, times=1):
        self.work, self.times = work, times

    def __call__(self):
        if self.times:
            self.times -= 1
            thread = threading.Thread(target=self.work)
            thread.start()
            thread.join()


@pytest.mark.parametrize("kind", [Tensor, Value])
@pytest.mark.parametrize("what", ["data", "grad"])
def test_what_another_thread_assigns_meanwhile_is_no_part_of_the_program(kind, what):
    p = Tensor([1.0, 2.0]) if kind is Tensor else Value(1.0)
    number = (lambda k: k * ONES) if kind is Tensor else float
    meanwhile = Meanwhile(lambda: setattr(p, what, number(5)))

    def f(x):
        y = p * x + p.grad if what == "grad" and kind is Value else p * x
        meanwhile()
        return y

    compiled = tinygrad_edu.compile(f)
    np.testing.assert_array_equal(compiled(number(1)).data, f(number(1)).data)
    np.testing.assert_array_equal(getattr(p, what), number(5))
    setattr(p, what, number(9))
    np.testing.assert_array_equal(compiled(number(1)).data, f(number(1)).data)
    np.testing.assert_array_equal(getattr(p, what), number(9))
    assert not compiled.program.writes


def test_a_thread_that_never_rests_is_named():
    p = Tensor([1.0, 2.0], label="w")
    meanwhile = Meanwhile(lambda: setattr(p, "data", 5 * ONES), times=10**6)

    def f(x):
        y = p * x
        meanwhile()
        return y

    with pytest.raises(RecordingError, match="another thread changed w while f was recorded"):
        tinygrad_edu.compile(f)(ONES)
    np.testing.assert_array_equal(p.data, 5 * ONES)


@pytest.mark.parametrize("kind", [Tensor, Value])
def test_a_gradient_may_become_a_node(kind):
    def run(mode):
        p = kind([1.0, 2.0]) if kind is Tensor else kind(1.0)
        number = (lambda k: k * ONES) if kind is Tensor else float
        f, seen = mode(lambda x: p.grad * x), []
        for grad in (number(1), kind(number(5)), number(3)):
            p.grad = grad
            y = f(number(2))
            seen.append(getattr(y, "data", y) * 1.0 if isinstance(y, kind) else y)
        return seen

    assert_same(run)
