"""`compile`: the same numbers as eager, whatever changes between the calls; and what it refuses."""

import contextlib
import copy
import gc
import math
import re
import resource
import subprocess
import sys
import threading
from collections import OrderedDict
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinygrad_edu
from tinygrad_edu import Tensor, TinygradEduError, Value, nn, optim
from tinygrad_edu.compiler import CompileError, CompileWarning, RecordingError, ReplayError
from tinygrad_edu.errors import AnomalyError, ArgumentError, FileError

X = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
Y = np.array([0, 1, 1, 0])
OPTIMIZERS = {
    "plain": lambda ps, lr: optim.SGD(ps, lr=lr),
    "momentum": lambda ps, lr: optim.SGD(ps, lr=lr, momentum=0.9, dampening=0.1, weight_decay=1e-3),
    "nesterov": lambda ps, lr: optim.SGD(ps, lr=lr, momentum=0.9, nesterov=True),
    "adam": lambda ps, lr: optim.Adam(ps, lr=lr, weight_decay=1e-2),
    "amsgrad": lambda ps, lr: optim.Adam(ps, lr=lr, amsgrad=True),
    "adamw": lambda ps, lr: optim.AdamW(ps, lr=lr),
    "rmsprop": lambda ps, lr: optim.RMSprop(ps, lr=lr, momentum=0.5, centered=True),
    "adagrad": lambda ps, lr: optim.Adagrad(ps, lr=lr, lr_decay=1e-2),
}


def step_of(p, optimizer):
    """A training step of one parameter, with the loss Σ p² x."""

    def step(x):
        optimizer.zero_grad()
        loss = (p * p * x).sum()
        loss.backward()
        optimizer.step()
        return loss

    return step


class Training:
    """A net, its optimizer and one training step, eager or compiled; the same numbers from the same seed."""

    def __init__(self, compiled, make=OPTIMIZERS["plain"], net=None, lr=0.1):
        self.net = net or nn.MLP(2, [8, 8, 2], activation="relu", rng=0)
        self.optimizer = make(self.net.parameters(), lr)
        self.step = tinygrad_edu.compile(self.one_step) if compiled else self.one_step

    def one_step(self, X, y):
        loss = nn.functional.cross_entropy(self.net(X), y)
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        return loss

    def numbers(self):
        return [p.numpy() for p in self.net.parameters()]


def assert_close(found, expected, rtol=1e-12):
    for a, b in zip(found, expected, strict=True):
        np.testing.assert_allclose(a, b, rtol=rtol, atol=rtol)


# --- a training step --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_training_is_that_of_eager(name):
    own, eager = Training(True, OPTIMIZERS[name]), Training(False, OPTIMIZERS[name])
    for i in range(50):
        a, b = own.step(X, Y), eager.step(X, Y)
        np.testing.assert_allclose(a.item(), b.item(), rtol=1e-12)
        if i % 10 == 0:
            own.optimizer.lr *= 0.7
            eager.optimizer.lr *= 0.7
    assert_close(own.numbers(), eager.numbers())
    assert_close([p.grad for p in own.net.parameters()], [p.grad for p in eager.net.parameters()])


@given(
    name=st.sampled_from(sorted(OPTIMIZERS)),
    sizes=st.lists(st.integers(1, 5), min_size=1, max_size=3),
    activation=st.sampled_from(["relu", "tanh", "sigmoid", "gelu", "leaky_relu"]),
    rows=st.integers(1, 6),
    seed=st.integers(0, 99),
)
def test_random_nets_and_optimizers(name, sizes, activation, rows, seed):
    rng = np.random.default_rng(seed)
    data = rng.normal(size=(rows, 3)), rng.integers(0, sizes[-1], rows)
    sides = [
        Training(c, OPTIMIZERS[name], nn.MLP(3, sizes, activation=activation, rng=seed), lr=0.01) for c in (True, False)
    ]
    for _ in range(50):
        for side in sides:
            side.step(*data)
    assert_close(sides[0].numbers(), sides[1].numbers(), rtol=1e-8)


def test_a_thousand_steps_stay_together():
    own, eager = Training(True), Training(False)
    for _ in range(1000):
        a, b = own.step(X, Y), eager.step(X, Y)
    np.testing.assert_allclose(a.item(), b.item(), rtol=1e-9)
    assert_close(own.numbers(), eager.numbers(), rtol=1e-9)


def test_a_schedule_a_loaded_state_and_a_frozen_parameter_are_honoured():
    own, eager = Training(True), Training(False)
    schedules = [optim.lr_scheduler.StepLR(side.optimizer, step_size=2, gamma=0.5) for side in (own, eager)]
    start = {name: array * 1.5 for name, array in own.net.state_dict().items()}
    for i in range(9):
        for side, schedule in zip((own, eager), schedules, strict=True):
            if i == 3:
                side.net.load_state_dict(start)
            if i == 5:
                side.net.parameters()[0].requires_grad = False
            side.step(X, Y)
            schedule.step()
    assert_close(own.numbers(), eager.numbers())


def test_an_optimizers_loaded_state_and_changed_setting_are_honoured():
    own, eager = Training(True, OPTIMIZERS["momentum"]), Training(False, OPTIMIZERS["momentum"])
    states = []
    for i in range(9):
        for side in (own, eager):
            if i == 2:
                states.append(side.optimizer.state_dict())
            if i == 5:
                side.optimizer.load_state_dict(states[0])
            if i == 7:
                side.optimizer.momentum = 0.5
            side.step(X, Y)
    assert_close(own.numbers(), eager.numbers())


def test_gradients_accumulate_without_zero_grad():
    W, V = Tensor([[1.0, 2.0]], label="W"), Tensor([[1.0, 2.0]])

    def add(leaf):
        def run(x):
            ((x @ leaf.T) ** 2).sum().backward()
            return leaf * 1

        return run

    own = tinygrad_edu.compile(add(W))
    for _ in range(3):
        own(X)
        add(V)(X)
        np.testing.assert_allclose(W.grad, V.grad)


# --- other functions ----------------------------------------------------------------------------------------------


def test_a_forward_pass_is_the_same_to_the_last_bit():
    net = nn.Sequential(nn.Linear(2, 5, rng=0), nn.Tanh(), nn.LayerNorm(5), nn.Linear(5, 1, rng=1))
    forward = tinygrad_edu.compile(lambda x: net(x))
    for seed in range(3):
        x = np.random.default_rng(seed).normal(size=(4, 2))
        assert np.array_equal(forward(x).numpy(), net(x).numpy())


def test_arguments_may_be_called_like_what_the_program_needs():
    net = nn.MLP(2, [3, 2], activation="relu", rng=0)
    optimizer = optim.SGD(net.parameters(), lr=0.1)

    def step(tensor, ndarray, dot_, tick, bind, copyto, Outdated):
        loss = nn.functional.cross_entropy(net(tensor) * dot_ + tick, ndarray) * bind + copyto + Outdated
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss

    compiled, start = tinygrad_edu.compile(step), net.state_dict()
    found = [compiled(X, Y, 2.0, 3.0, 4.0, 5.0, 6.0).item() for _ in range(3)]
    net.load_state_dict(start)
    expected = [step(X, Y, 2.0, 3.0, 4.0, 5.0, 6.0).item() for _ in range(3)]
    np.testing.assert_allclose(found, expected, rtol=1e-12)


def test_value_and_grad_and_hessian():
    def f(x):
        return (np.maximum(x, 0.5) ** 3).sum() * x[0]

    x = np.array([0.2, 1.5, 0.7])
    for transform in (tinygrad_edu.grad, tinygrad_edu.hessian):
        compiled = tinygrad_edu.compile(transform(f))
        for scale in (1.0, -2.0, 0.3):
            np.testing.assert_allclose(compiled(scale * x), transform(f)(scale * x), rtol=1e-12, atol=1e-12)
    compiled = tinygrad_edu.compile(tinygrad_edu.value_and_grad(f))
    value, slope = compiled(x)
    np.testing.assert_allclose(value, tinygrad_edu.value_and_grad(f)(x)[0])
    np.testing.assert_allclose(compiled(2 * x)[1], tinygrad_edu.grad(f)(2 * x))
    assert slope.shape == x.shape


def test_arguments_may_be_nested_and_named():
    def f(pair, *, scale, more):
        return {"sum": pair[0] + pair[1] * scale, "list": [more["a"] * 2, 7]}

    compiled = tinygrad_edu.compile(f)
    for i in (1.0, 2.0, 3.0):
        found = compiled((X * i, X), scale=i, more={"a": X})
        expected = f((X * i, X), scale=i, more={"a": X})
        assert np.array_equal(found["sum"], expected["sum"])
        assert np.array_equal(found["list"][0], expected["list"][0])
        assert found["list"][1] == 7
    assert len(compiled._machines) == 1


def test_tensors_as_arguments_get_their_gradients():
    @tinygrad_edu.compile
    def f(a, b):
        (a * b).sum().backward()
        return a * b

    for i in range(3):
        a, b = Tensor([1.0, 2.0 + i]), Tensor([3.0, 4.0])
        f(a, b)
        assert a.grad.tolist() == [3.0, 4.0]
        assert b.grad.tolist() == [1.0, 2.0 + i]


def test_other_shapes_and_dtypes_are_recorded_anew_and_eight_are_kept():
    net = nn.MLP(2, [3, 2], rng=0)
    forward = tinygrad_edu.compile(lambda x: net(x))
    for n in range(1, 9):
        x = np.ones((n, 2))
        assert np.array_equal(forward(x).numpy(), net(x).numpy())
    with pytest.warns(CompileWarning, match=r"called with 9 kinds of arguments .*, and keeps 8 programs.*keep="):
        forward(np.ones((9, 2)))
    for n in range(10, 12):  # one warning is enough
        forward(np.ones((n, 2)))
    assert len(forward._machines) == 8
    assert forward(np.ones((2, 2), np.float32)).shape == (2, 2)
    assert len(forward._machines) == 8


def test_the_mode_of_a_module_belongs_to_the_program():
    net = nn.Sequential(nn.Linear(2, 6, rng=0), nn.BatchNorm1d(6), nn.Dropout(0.5, rng=np.random.default_rng(1)))
    twin = nn.Sequential(nn.Linear(2, 6, rng=0), nn.BatchNorm1d(6), nn.Dropout(0.5, rng=np.random.default_rng(1)))
    forward = tinygrad_edu.compile(lambda x: net(x))
    for i in range(6):
        for module in (net, twin):
            module.train(i % 4 < 2)
        np.testing.assert_allclose(forward(X).numpy(), twin(X).numpy(), rtol=1e-12)
    for name, array in net.state_dict().items():
        np.testing.assert_allclose(array, twin.state_dict()[name], rtol=1e-12)


@pytest.mark.parametrize("calls", [1, 2])
def test_what_a_module_counts_stays_an_array_and_belongs_to_its_state(calls):
    nets = [nn.Sequential(nn.Linear(2, 3, rng=0), nn.BatchNorm1d(3), nn.Linear(3, 2, rng=1)) for _ in range(2)]
    own = Training(True, net=nets[0])
    for _ in range(calls):
        own.step(X, Y)
    counted = nets[0].layers[1].num_batches_tracked
    assert isinstance(counted, np.ndarray)
    assert counted == calls
    nets[1].load_state_dict(nets[0].state_dict())
    assert nets[1].layers[1].num_batches_tracked == calls


def test_dropout_is_drawn_anew_and_keeps_the_mean():
    drop = nn.Dropout(0.25, rng=np.random.default_rng(0))
    forward = tinygrad_edu.compile(lambda x: drop(x))
    draws = np.array([forward(np.ones(100)) for _ in range(200)])
    assert abs((draws == 0).mean() - 0.25) < 0.02
    assert abs(draws.mean() - 1) < 0.02
    assert len(np.unique(draws, axis=0)) == 200


# --- what may not leak, and what may not be stale ---------------------------------------------------------------


def test_results_inputs_and_gradients_are_nobody_elses():
    own = Training(True)
    forward = tinygrad_edu.compile(lambda x: (own.net(x), x * 1, x))
    x = X.copy()
    first = forward(x)
    kept = [np.array(part if isinstance(part, np.ndarray) else part.numpy()) for part in first]
    first[1][...] = 99
    x[...] = 77
    forward(X + 1)
    again = forward(X)
    for part, expected in zip(again, kept, strict=True):
        assert np.array_equal(part if isinstance(part, np.ndarray) else part.numpy(), expected)
    own.step(X, Y)
    own.step(X, Y)
    W = own.net.parameters()[0]
    before = W.grad
    copy = before.copy()
    own.step(X + 1, Y)
    assert np.array_equal(before, copy)
    assert not np.array_equal(W.grad, copy)


def test_parameters_written_in_place_or_assigned_are_seen():
    W = Tensor(np.ones((2, 2)), label="W")
    optimizer = optim.SGD([W], lr=0.0)

    @tinygrad_edu.compile
    def step(x):
        y = (x @ W).sum()
        optimizer.zero_grad()
        y.backward()
        optimizer.step()
        return y

    assert step(X).item() == 8
    assert step(X).item() == 8
    W.data -= 0.5
    assert step(X).item() == 4
    W.data = np.full((2, 2), 2.0)
    assert step(X).item() == 16


SCALE = 2.0
TABLE = np.array([1.0, 2.0])


def test_global_numbers_and_arrays_that_change_are_seen(monkeypatch):
    compiled = tinygrad_edu.compile(lambda x: x * SCALE + TABLE * TABLE.sum())
    module = sys.modules[__name__]

    def expected():
        return X * module.SCALE + module.TABLE * module.TABLE.sum()

    assert np.array_equal(compiled(X), expected())
    assert np.array_equal(compiled(X), expected())
    monkeypatch.setattr(module, "SCALE", 3.0)
    assert np.array_equal(compiled(X), expected())
    monkeypatch.setattr(module, "TABLE", np.array([5.0, 6.0]))
    assert np.array_equal(compiled(X), expected())
    module.TABLE[0] = -1.0
    assert np.array_equal(compiled(X), expected())


def test_an_array_in_a_closure_is_read_where_it_is():
    offset = np.array([1.0, 2.0])
    compiled = tinygrad_edu.compile(lambda x: x + offset)
    compiled(X)
    offset[0] = 10.0
    assert compiled(X)[0, 0] == 10.0


def test_threads_share_one_function():
    net = nn.MLP(2, [16, 2], rng=0)
    forward = tinygrad_edu.compile(lambda x: net(x))
    wrong = []

    def work(seed):
        rng = np.random.default_rng(seed)
        for _ in range(50):
            x = rng.normal(size=(int(rng.integers(1, 4)), 2))
            if not np.allclose(forward(x).numpy(), net(x).numpy(), rtol=1e-12):
                wrong.append(x)

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_a_copy_trains_for_itself():
    own = Training(True)
    own.step(X, Y)
    twin = copy.deepcopy(own)
    before = own.numbers()
    twin.step(X, Y)
    assert all(np.array_equal(a, b) for a, b in zip(own.numbers(), before, strict=True))
    own.step(X, Y)
    assert_close(own.numbers(), twin.numbers())


def test_replay_allocates_nothing_that_grows():
    own = Training(True)
    for _ in range(100):
        own.step(X, Y)
    gc.collect()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for _ in range(10_000):
        own.step(X, Y)
    assert gc.collect() == 0
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before <= 256  # kB: a page or two of the allocator's


# --- errors -------------------------------------------------------------------------------------------------------


def test_a_function_that_raises_halfway_changes_nothing():
    own = Training(True, OPTIMIZERS["momentum"])
    start = own.numbers()

    @tinygrad_edu.compile
    def step(X, y):
        own.one_step(X, y)
        raise ZeroDivisionError("halfway")

    for _ in range(2):
        with pytest.raises(ZeroDivisionError, match="halfway"):
            step(X, Y)
    assert all(np.array_equal(a, b) for a, b in zip(own.numbers(), start, strict=True))
    assert own.optimizer.state == [{}] * 6
    assert all(p.grad is None for p in own.net.parameters())


def test_a_replay_that_fails_changes_nothing():
    own = Training(True)
    for _ in range(3):
        own.step(X, Y)
    start = own.numbers()
    for labels in (np.array([0, 1, 2, 0]), np.array([0, -1, 1, 0])):
        with pytest.raises(ArgumentError, match="labels must lie between 0 and 1"):
            own.step(X, labels)
    assert all(np.array_equal(a, b) for a, b in zip(own.numbers(), start, strict=True))


def test_an_error_in_a_replay_names_the_line():
    compiled = tinygrad_edu.compile(lambda x: np.linalg.inv(x))
    for _ in range(2):
        compiled(np.eye(2))
    with pytest.raises(ReplayError, match=r"np\.linalg\.inv\(x\).*test_compile\.py, line \d+: LinAlgError: Singular"):
        compiled(np.zeros((2, 2)))


REFUSED = {
    "branch": (lambda x: x if x.sum() > 0 else -x, "a choice .* write it with np.where, .*"),
    "tensor branch": (lambda x: Tensor(x) if Tensor(x).sum() else Tensor(x) * 2, "a choice .* np.where, .*"),
    "smaller": (lambda x: min(x.sum(), 1.0), r"min\(\) cannot be compiled, because it chooses .* np.minimum .*"),
    "largest": (lambda x: max(v.data for v in [Value(x.sum()), Value(0.0)]), r"max\(\) cannot be compiled, .*"),
    "float": (lambda x: float(x.sum()) * x, "taking a Python number out .*"),
    "tensor float": (lambda x: float(Tensor(x).sum()) * x, "taking a Python number out .*"),
    "math": (lambda x: math.exp(x.sum()), "taking a Python number out .* NumPy's functions, .*"),
    "list": (lambda x: x.tolist(), "reading an array's numbers .* NumPy's functions, .*"),
    "plain array": (lambda x: np.asarray(x), "reading an array's numbers .* pass numbers as .* not as a list"),
    "format": (lambda x: f"{x}", "printing an array .* return it, and print it where the function is called"),
    "print": (lambda x: print(Tensor(x).sum()), "printing an array .*"),
    "write": (lambda x: x.__setitem__(0, 1.0), "writing into an array .* make a new one with np.where .*"),
    "mask": (lambda x: x[x > 0], r"the entries where a mask is True .* np.where\(mask, x, 0\)"),
    "tensor mask": (lambda x: Tensor(x)[x > 0], "the entries where a mask is True .*"),
    "unique": (lambda x: np.unique(x), "np.unique .* the length of its result differs .*"),
    "places": (lambda x: np.where(x > 0), "np.where .* the length of its result differs .*"),
    "several": (lambda x: np.linalg.svd(x), "np.svd gives several arrays at once, .*"),
    "outer": (lambda x: np.add.outer(x, x), "np.add cannot be compiled in this form: call it without out=.*"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused(name):
    f, message = REFUSED[name]
    with pytest.raises(RecordingError, match=rf"^{message} \(.*test_compile\.py, line \d+\)$"):
        tinygrad_edu.compile(f)(X)


def test_what_an_array_does_not_have_is_named():
    with pytest.raises(AttributeError, match=r"an array in a compiled function has no attribute 'foo' \(.*line \d+\)$"):
        tinygrad_edu.compile(lambda x: x.foo)(X)


@pytest.mark.parametrize("result", [None, 3.0, "text"])
def test_a_function_that_computes_nothing_is_refused(result):
    with pytest.raises(RecordingError, match="returned nothing that is computed from its arguments or parameters"):
        tinygrad_edu.compile(lambda x: result)(X)


class Pair(NamedTuple):
    a: Any
    b: Any


@dataclass
class Record:
    a: Any


class Row(list):
    pass


@pytest.mark.parametrize("make", [lambda y: Pair(y, 2), Record, lambda y: Row([y]), lambda y: OrderedDict(a=y)])
@pytest.mark.parametrize("place", [lambda x: x, lambda x: [x]])
def test_computed_values_in_an_object_of_another_type_are_refused(make, place):
    with pytest.raises(RecordingError, match=r"returned an object of the type \w+ that holds computed values: return"):
        tinygrad_edu.compile(lambda x: place(make((x * 2).sum())))(X)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("make", [lambda y: Pair(y, 2), Record, lambda y: Row([y]), lambda y: OrderedDict(a=y)])
def test_an_object_that_held_computed_values_before_the_call_is_a_constant(make):
    kept = make(Tensor([1.0, 2.0]) * 2)
    step = tinygrad_edu.compile(lambda x: [kept, x * 2])
    for _ in range(4):
        assert step(X)[0] is kept


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("constant", [Pair(1, 2), Row([1]), OrderedDict(a=1)])
def test_a_constant_keeps_its_type_in_a_result(constant):
    step = tinygrad_edu.compile(lambda x: [constant, x * 2])
    for _ in range(4):
        kept, _ = step(X)
        assert type(kept) is type(constant)
        assert kept == constant
    assert "return [" in step.source


def test_what_is_kept_outside_is_refused():
    history = []
    net = nn.MLP(2, [2], rng=0)

    @tinygrad_edu.compile
    def step(X, y):
        loss = nn.functional.cross_entropy(net(X), y)
        history.append(loss)
        return loss

    with pytest.raises(RecordingError, match=r"^step changes history, which is outside of it; .* return the new"):
        step(X, Y)
    assert history == []
    net.last = None

    @tinygrad_edu.compile
    def keep(X, y):
        loss = nn.functional.cross_entropy(net(X), y)
        net.last = loss
        return loss

    with pytest.raises(RecordingError, match=r"keeps loss outside of itself .* return it"):
        keep(X, Y)
    assert net.last is None


def test_other_misuse_is_a_sentence():
    with pytest.raises(CompileError, match="takes a function"):
        tinygrad_edu.compile(3)
    compiled = tinygrad_edu.compile(lambda x: x * 2)
    with pytest.raises(CompileError, match="no source before its first call"):
        _ = compiled.source
    with pytest.raises(RecordingError, match="takes arrays, Tensors"):
        compiled({1, 2})
    with pytest.raises(CompileError, match="takes a function, but was given <class"):
        tinygrad_edu.compile(nn.Linear)
    for transform in (tinygrad_edu.grad, tinygrad_edu.jacobian, tinygrad_edu.hessian):
        with pytest.raises(RecordingError, match=r"as in compile\(grad\(f\)\)"):
            transform(compiled)(np.ones(3))
    with pytest.raises(RecordingError, match=r"as in compile\(grad\(f\)\)"):
        tinygrad_edu.grad(lambda a: compiled(a * 2))(1.0)
    outer = tinygrad_edu.compile(lambda x: compiled(x) + 1)
    assert np.array_equal(outer(X), X * 2 + 1)  # the inner function is part of the outer one
    assert issubclass(CompileError, TinygradEduError)


def test_numbers_of_an_interior_node_are_part_of_the_program():
    net = nn.MLP(2, [8, 2], rng=0)

    def accuracy(X, y):
        z = net(X)
        return np.mean(np.argmax(z.data, axis=1) == y), (z.numpy().argmax(1) == y).mean(), z.data * 2

    compiled = tinygrad_edu.compile(accuracy)
    for labels in (Y, 1 - Y, Y):
        for found, expected in zip(
            compiled(X * (1 + labels[0]), labels), accuracy(X * (1 + labels[0]), labels), strict=True
        ):
            assert np.array_equal(found, expected)
    with pytest.raises(RecordingError, match="writing into an array"):
        tinygrad_edu.compile(lambda x: (Tensor(x) * 2).data.__setitem__(0, 0.0))(X)


# --- the source ---------------------------------------------------------------------------------------------------


def test_the_source_reads_like_a_textbook():
    own = Training(True)
    own.step(X, Y)
    source = own.step.source
    for line in (
        "z1 = X @ W1 + b1",
        "a1 = np.maximum(z1, 0.0)",
        "dz1 = np.where(z1 > 0.0, da1, 0.0)",
        "dW1 = X.T @ dz1",
        "db1 = dz1.sum(axis=0)",
        "W1 -= lr * dW1",
        "return loss",
    ):
        assert re.search(rf"^    {re.escape(line)}( |$)", source, re.MULTILINE), line
    assert re.findall(r"# (forward|backward|update)", source) == ["forward", "backward", "update"]
    assert re.search(r"dW1 = .*# \(2, 8\)", source)
    assert "out=" in own.step.optimized_source
    for text, line in own.step.listing:
        assert text in source
        assert line is None or line in own.step.program.lines


def test_the_source_of_a_large_layer_reads_like_that_of_a_small_one():
    own = Training(True, net=nn.MLP(2, [64, 64, 2], activation="relu", rng=0))
    own.step(X, Y)
    assert re.search(r"^    da1 = dz2 @ W2\.T ", own.step.source, re.MULTILINE)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_the_saved_source_runs_with_numpy_alone_and_gives_the_same_numbers(name, tmp_path):
    own = Training(True, OPTIMIZERS[name])
    own.step(X, Y)
    own.step(X, Y)
    path = tmp_path / "step.py"
    own.step.save_source(path)
    expected = own.step(X, Y).item()
    hide = "import sys, runpy; sys.modules['tinygrad_edu'] = None; runpy.run_path(sys.argv[1], run_name='__main__')"
    run = subprocess.run(
        [sys.executable, "-c", hide, str(path)], capture_output=True, text=True, check=True, cwd=tmp_path
    )
    assert float(re.search(r"[-\d.e]+", run.stdout.replace("np.float64(", ""))[0]) == pytest.approx(expected, rel=1e-12)


# --- Values -------------------------------------------------------------------------------------------------------


def test_a_function_of_values_becomes_python_on_math_alone():
    w = Value(0.5, "w")

    def f(a, b):
        return ((a * b + 10).tanh() * w).relu() + (a.sigmoid() / b) ** 2

    compiled = tinygrad_edu.compile(f)
    for a, b in ((2.0, -3.0), (-1.0, 0.5), (0.0, 1.0)):
        w.data += 0.25
        assert compiled(Value(a), Value(b)).data == f(Value(a), Value(b)).data
    assert "math.tanh" in compiled.source
    assert "np" not in compiled.source
    assert len(compiled._machines) == 1


def test_a_scalar_training_step():
    def make():
        w, b = Value(0.5, "w"), Value(-0.25, "b")

        def step(x, y):
            loss = (w * x + b - y) ** 2
            w.grad = b.grad = 0.0
            loss.backward()
            for p in (w, b):
                p.data -= 0.1 * p.grad
            return loss

        return (w, b), step

    (own, step), (eager, reference) = make(), make()
    step = tinygrad_edu.compile(step)
    for x in (1.0, -2.0, 0.5, 3.0):
        assert step(Value(x), Value(2 * x)).data == reference(Value(x), Value(2 * x)).data
        assert [p.data for p in own] == [p.data for p in eager]
        assert [p.grad for p in own] == [p.grad for p in eager]


def test_numbers_at_the_edge_are_those_of_eager():
    compiled = tinygrad_edu.compile(lambda a: 1 / a + a.exp() + a.log())
    for a in (1.0, 0.0, 800.0, -1.0, 2.0):
        np.testing.assert_equal(compiled(Value(a)).data, (1 / Value(a) + Value(a).exp() + Value(a).log()).data)


def test_a_branch_on_a_value_is_refused():
    with pytest.raises(RecordingError, match=r"a choice .* of Values with relu, maximum or minimum"):
        tinygrad_edu.compile(lambda a: a if a > 0 else -a)(Value(1.0))
    with pytest.raises(RecordingError, match=r"Python number out .* x.exp\(\) instead of math.exp\(x\)"):
        tinygrad_edu.compile(lambda a: a * math.exp(a))(Value(1.0))


DEEP = 100_000  # a hundred times what Python allows of recursion


def test_a_chain_of_many_values():
    def f(x):
        for _ in range(DEEP):
            x = x + 1.0
        x.backward()
        return x

    compiled = tinygrad_edu.compile(f, verify="never")
    for start in (0.5, 1.5):
        x = Value(start)
        assert compiled(x).data == DEEP + start
        assert x.grad == 1.0


def test_a_chain_of_many_tensors():
    W = Tensor([1.0, 2.0], label="W")

    def f(x):
        y = W
        for _ in range(DEEP):
            y = y + x
        W.grad = None
        y.sum().backward()
        return y

    compiled = tinygrad_edu.compile(f, verify="never")
    for x in (np.array([0.5, 1.0]), np.array([1.0, -2.0])):
        assert compiled(x).tolist() == (W.data + DEEP * x).tolist()
        assert W.grad.tolist() == [1.0, 1.0]


@pytest.mark.parametrize("length", [5_000, 15_000])
def test_long_programs_run_as_text_or_line_by_line(length):
    def f(x):
        for _ in range(length):
            x = np.tanh(x) + 1.0
        return x

    compiled = tinygrad_edu.compile(f)
    for x in (X, -X):
        np.testing.assert_allclose(compiled(x), f(x), rtol=1e-12)


# --- anomalies ----------------------------------------------------------------------------------------------------


def test_an_anomaly_is_found_at_its_operation_before_and_after_recording():
    own, eager = Training(True), Training(False)
    for i in range(4):
        context = tinygrad_edu.detect_anomaly() if i in (0, 2) else contextlib.nullcontext()
        with context:
            a = own.step(X, Y)
        b = eager.step(X, Y)
        np.testing.assert_allclose(a.item(), b.item(), rtol=1e-12)
        assert a.inputs == ()
    assert_close(own.numbers(), eager.numbers())
    weights = own.numbers()
    with (
        tinygrad_edu.detect_anomaly(),
        pytest.raises(AnomalyError, match=r"linear produced nan .*test_compile\.py, line"),
    ):
        own.step(np.full_like(X, np.nan), Y)
    assert all(np.array_equal(a, b) for a, b in zip(own.numbers(), weights, strict=True))


def test_an_anomaly_of_a_backward_pass_is_found():
    def f(x):
        t = Tensor(x)
        np.sqrt(t).sum().backward()
        return t.grad, {"y": [t * 2]}

    compiled = tinygrad_edu.compile(f)
    with np.errstate(all="ignore"):
        assert compiled(np.zeros(2))[0].tolist() == [np.inf, np.inf]
        with tinygrad_edu.detect_anomaly(), pytest.raises(AnomalyError, match="backward pass of sqrt produced inf"):
            compiled(np.zeros(2))
        with tinygrad_edu.detect_anomaly():
            grad, rest = compiled(np.ones(2))
    assert grad.tolist() == [0.5, 0.5]
    assert rest["y"][0].inputs == ()
    scalar = tinygrad_edu.compile(lambda a: a.log())
    with tinygrad_edu.detect_anomaly():
        assert scalar(Value(1.0)).inputs == ()
        with pytest.raises(AnomalyError, match="log produced -inf"):
            scalar(Value(0.0))


@pytest.mark.parametrize("weight_decay", [0.0, 0.1])
def test_eager_steps_go_on_with_the_gradients_of_a_replay(weight_decay):
    def trained(prepare):
        p = Tensor([[1.0, 2.0], [3.0, 4.0]])
        optimizer = optim.SGD([p], lr=0.1, weight_decay=weight_decay)
        backward = prepare(lambda x: (p * p * x).sum().backward())
        backward(2.0)
        backward(2.0)
        optimizer.step()
        backward(3.0)
        (p * p).sum().backward()
        return p.tolist(), p.grad.tolist()

    assert trained(tinygrad_edu.compile) == trained(lambda function: function)


def test_a_source_that_cannot_be_written_leaves_what_was_there(tmp_path):
    double = tinygrad_edu.compile(lambda x: x * 2)
    double(np.ones(2))
    with pytest.raises(FileError, match="cannot be written"):
        double.save_source(tmp_path / "no folder" / "double.py")
    assert list(tmp_path.iterdir()) == []


def test_a_constant_that_is_returned_belongs_to_its_call_alone():
    fixed = np.ones(2)

    def parts(x):
        return [x + 1, np.zeros(2), Tensor(np.eye(2)), fixed]

    compiled = tinygrad_edu.compile(parts)
    for i in range(4):
        found = compiled(np.full(2, float(i)))
        for result, expected in zip(found, parts(np.full(2, float(i))), strict=True):
            np.testing.assert_array_equal(getattr(result, "data", result), getattr(expected, "data", expected))
        found[1][...] = 5.0
        found[2].data = found[2].data + 5.0
        assert found[3] is fixed  # which the function itself returns each time
        fixed += 1
