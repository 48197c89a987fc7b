"""`compile`: ``h += …`` writes into an array, and whoever else holds the array sees it."""

import numpy as np
import pytest

import tinygrad_edu
from tests.compiler.test_compile import step_of
from tinygrad_edu import Tensor, nn, optim
from tinygrad_edu.compiler import RecordingError

ONES = np.ones(2)


def bump(v):
    v += 1.0


def through_a_function(x):
    h = x * 2
    bump(h)
    return h


def in_a_loop(x):
    pieces = [x * 2, x * 3]
    for h in pieces:
        h *= 10
    return pieces[0] + pieces[1]


def by_another_name(x):
    a = x * 2
    b = a
    b += 1
    return a


def back_and_forth(x):
    h = x * 2
    before = h * 1
    h -= x
    h **= 2
    h /= 4
    return h, before


def kept_by_a_tensor(x):
    h = x * 2
    t = Tensor(h)
    h += 1
    return (t * 1.0 + h).numpy()


def single(x):
    h = x.astype(np.float32)
    h += np.float64(0.1) * x
    return h


@pytest.mark.parametrize(
    "f", [through_a_function, in_a_loop, by_another_name, back_and_forth, kept_by_a_tensor, single]
)
def test_arrays_are_written_in_place(f):
    compiled = tinygrad_edu.compile(f)
    for x in (ONES, 3 * ONES, -ONES):
        np.testing.assert_array_equal(compiled(x), f(x))
        assert np.asarray(compiled(x)).dtype == np.asarray(f(x)).dtype


def test_data_that_has_another_name():
    def run(mode):
        p = Tensor([1.0, 2.0])

        def step(x):
            loss = (p * x).sum()
            loss.backward()
            w = p.data
            w -= 0.1 * p.grad
            p.grad *= 0.5
            return loss

        f = mode(step)
        for _ in range(3):
            f(ONES)
        return np.stack([p.data, p.grad])

    np.testing.assert_allclose(run(tinygrad_edu.compile), run(lambda f: f), rtol=1e-12)


def test_no_two_gradients_are_one_array():
    def run(mode):
        a, b = Tensor([1.0, 2.0]), Tensor([3.0, 4.0])

        def step(x):
            loss = ((a + b) * x).sum()
            loss.backward()
            a.grad *= 2.0
            return loss

        mode(step)(ONES)
        return np.stack([a.grad, b.grad])

    np.testing.assert_array_equal(run(tinygrad_edu.compile), run(lambda f: f))


def test_data_given_to_a_parameter_is_its_own():
    def run(mode):
        p = Tensor([1.0, 2.0])

        def step(x):
            h = x * 2
            p.data = h
            h += 1
            return h * p

        return mode(step)(ONES).data, p.data

    np.testing.assert_array_equal(run(tinygrad_edu.compile), run(lambda f: f))


def of_a_view(x):
    a = x * 2
    b = a.T
    b *= 2
    return a


def of_a_part(x):
    a = x * 2
    b = a[:1]
    b += 1
    return a


def of_the_whole(x):
    a = x * 2
    b = a[:1]
    a += 1
    return b


@pytest.mark.parametrize("f", [of_a_view, of_a_part, of_the_whole])
def test_writing_into_memory_that_two_arrays_share_is_refused(f):
    with pytest.raises(RecordingError, match=r"shares with another array.*copy.*test_compile_in_place.py, line"):
        tinygrad_edu.compile(f)(ONES)


def test_writing_into_an_argument_is_refused():
    def f(x):
        x += 1
        return x

    x = ONES.copy()
    with pytest.raises(RecordingError, match="writes into its argument x"):
        tinygrad_edu.compile(f)(x)
    np.testing.assert_array_equal(x, ONES)


def test_what_does_not_fit_fails_as_ever():
    with pytest.raises(ValueError, match="broadcast"):
        tinygrad_edu.compile(lambda x: through(x, np.ones((3, 2))))(ONES)
    with pytest.raises(TypeError, match="Cannot cast"):
        tinygrad_edu.compile(lambda x: through(x, 0.5))(np.array([1, 2]))


def through(x, other):
    h = x * 2
    h += other
    return h


def test_running_means_are_still_written():
    def run(mode):
        net = nn.BatchNorm1d(2)
        f = mode(lambda x: net(x))
        for k in range(3):
            f(np.arange(8.0).reshape(4, 2) * (k + 1))
        return np.stack([net.running_mean, net.running_var])

    np.testing.assert_allclose(run(tinygrad_edu.compile), run(lambda f: f), rtol=1e-12)


def test_optimizers_are_still_recorded_once():
    p = Tensor([1.0, 2.0])
    f = tinygrad_edu.compile(step_of(p, optim.Adam([p])))
    f(ONES)
    source = f.source
    f(ONES)
    assert f.source == source


VIEWS = {
    "data": lambda w: w.data,
    "rows of the data": lambda w: w.data[1:],
    "the transposed data": lambda w: w.data.T,
    "a node": lambda w: w.T,
    "an entry": lambda w: w[0],
}


def taken_before_a_step(take, use):
    w = Tensor([[1.0, 2.0], [3.0, 4.0]], label="w")
    optimizer = optim.SGD([w], lr=0.1)

    def step():
        taken = take(w)
        optimizer.zero_grad()
        (w * w).sum().backward()
        optimizer.step()
        return use(taken)

    return step


@pytest.mark.parametrize("use", [lambda v: v, lambda v: v * 2, lambda v: {"taken": v}])
@pytest.mark.parametrize("name", VIEWS)
def test_a_view_of_a_parameter_is_refused_after_a_step_that_overwrites_it(name, use):
    step = tinygrad_edu.compile(taken_before_a_step(VIEWS[name], use))
    with pytest.raises(RecordingError, match=r"took w or a view of it.*before an optimizer's step.*test_compile_in_pl"):
        step()


@pytest.mark.parametrize("name", [name for name in VIEWS if "data" in name])
def test_a_copy_of_a_parameter_may_be_used_after_a_step(name):
    def take(w):
        return VIEWS[name](w).copy()

    own, eager = (mode(taken_before_a_step(take, lambda v: v * 2)) for mode in (tinygrad_edu.compile, lambda f: f))
    for _ in range(3):
        np.testing.assert_array_equal(own(), eager())


def test_a_view_of_the_numbers_between_two_steps_is_refused_too():
    w = Tensor([[1.0, 2.0]], label="w")
    optimizer = optim.SGD([w], lr=0.1)

    def two_steps():
        for _ in range(2):
            taken = w.data.T
            optimizer.zero_grad()
            (w * w).sum().backward()
            optimizer.step()
        return taken * 1

    with pytest.raises(RecordingError, match="took w or a view of it"):
        tinygrad_edu.compile(two_steps)()
