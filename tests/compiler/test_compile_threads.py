"""`compile` in several threads: recordings wait for each other, and other threads read true numbers meanwhile."""

import os
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest

import tinygrad_edu
from tinygrad_edu import Tensor, nn, optim
from tinygrad_edu.compiler.record.watched import _Attribute

ROOT = Path(__file__).parents[2]
X = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])


@pytest.fixture
def quick_switches():
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


@pytest.mark.usefixtures("quick_switches")
def test_two_threads_compile_functions_over_one_net():
    net = nn.MLP(2, [4, 2], rng=0)
    parameters = net.parameters()
    start = [p.numpy() for p in parameters]
    faults = []

    def work(k):
        try:
            for i in range(4):
                forward = tinygrad_edu.compile(lambda x, c=float(k * 10 + i): net(x).sum() * c)
                for _ in range(3):
                    assert np.isclose(forward(X).item(), net(X).sum().item() * (k * 10 + i))
        except BaseException as error:
            faults.append(error)

    threads = [threading.Thread(target=work, args=(k,)) for k in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not faults
    for p, before in zip(parameters, start, strict=True):
        assert type(p._data) is np.ndarray
        assert np.array_equal(p.data, before)


def test_another_thread_reads_and_computes_as_ever():
    W = Tensor([1.0, 2.0], label="W")
    W.grad = np.array([5.0, 6.0])
    optimizer = optim.SGD([W], lr=0.25)
    inside, leave = threading.Event(), threading.Event()

    @tinygrad_edu.compile
    def step(x):
        loss = (W * x).sum()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if not leave.is_set():
            inside.set()
            leave.wait(20)
        return loss

    thread = threading.Thread(target=step, args=(np.ones(2),))
    thread.start()
    inside.wait(20)
    data, grad, product, rate = W.data.copy(), W.grad.copy(), (W * 2).numpy(), f"{float(optimizer.lr):.2f}"
    leave.set()
    thread.join()
    assert data.tolist() == [1.0, 2.0]
    assert grad.tolist() == [5.0, 6.0]
    assert product.tolist() == [2.0, 4.0]
    assert rate == "0.25"
    assert W.data.tolist() == [0.75, 1.75]


def test_another_thread_reads_true_numbers_in_attributes():
    net = nn.Sequential(nn.Linear(2, 3, rng=0), nn.BatchNorm1d(3))
    norm = net.layers[1]
    optimizer = optim.Adam(net.parameters(), lr=0.25)
    schedule = optim.lr_scheduler.OneCycleLR(optimizer, max_lr=1.0, total_steps=10)
    inside, leave = threading.Event(), threading.Event()

    @tinygrad_edu.compile
    def step(x):
        loss = (net(x) ** 2).sum()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
        if not leave.is_set():
            inside.set()
            leave.wait(20)
        return loss

    def look():
        first = optimizer.state[0]
        numbers = [optimizer.lr, *optimizer.betas, schedule.last_epoch]
        arrays = [norm.running_mean, norm.running_var, *(x for x in first.values() if not isinstance(x, float))]
        states = [net.state_dict(), optimizer.state_dict(), vars(optimizer), vars(norm)]
        return numbers, [x.copy() for x in arrays], [*first], states

    rng = np.random.default_rng(0)
    for _ in range(2):  # the second time, the optimizer remembers something
        inside.clear()
        leave.clear()
        thread = threading.Thread(target=step, args=(rng.normal(size=(4 + len(optimizer.state[0]), 2)),))
        before = look()
        thread.start()
        assert inside.wait(20)
        numbers, arrays, names, states = look()
        leave.set()
        thread.join()
        assert [type(x) for x in numbers] == [float, float, float, int]
        assert (numbers, names) == (before[0], before[2])
        for now, x in zip(arrays, before[1], strict=True):
            assert type(now) is np.ndarray
            assert np.array_equal(now, x)
        kinds = {type(x).__name__ for state in states for x in state.values()}
        assert "Traced" not in kinds
        assert optimizer.lr != numbers[0]
    assert not any(isinstance(x, _Attribute) for kind in (nn.BatchNorm1d, optim.Adam) for x in vars(kind).values())


def test_what_another_thread_changes_meanwhile_is_followed():
    W = Tensor([1.0, 2.0], label="W")
    optimizer = optim.SGD([W], lr=0.25)
    done = threading.Event()

    @tinygrad_edu.compile
    def step(x):
        loss = (W * x).sum()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if not done.is_set():
            done.set()
            thread = threading.Thread(target=setattr, args=(optimizer, "lr", 0.5))
            thread.start()
            thread.join()
        return loss

    step(np.ones(2))
    assert optimizer.lr == 0.5
    assert W.data.tolist() == [0.5, 1.5]


def test_a_function_sees_what_its_own_step_left_in_attributes():
    W = Tensor([1.0, 2.0], label="W")
    norm = nn.BatchNorm1d(2)
    optimizer = optim.SGD([W], lr=0.25, momentum=0.5)
    grouped = optim.SGD([{"params": [W]}], lr=0.25, momentum=0.5)

    def step(x):
        for each in (optimizer, grouped):
            loss = (W * norm(x)).sum()
            each.zero_grad()
            loss.backward()
            each.step()
        velocities = [each.state[0]["momentum_buffer"] * 2.0 for each in (optimizer, grouped)]
        return [*velocities, norm.running_var * 2.0, norm.running_mean * 2.0]

    def run(prepare):
        W.data, norm.running_mean, norm.running_var = [1.0, 2.0], np.zeros(2), np.ones(2)
        for each in (optimizer, grouped):
            each.state[0].clear()
        made, rng = prepare(step), np.random.default_rng(0)
        return [made(rng.normal(size=(4, 2))) for _ in range(4)]

    for found, expected in zip(run(tinygrad_edu.compile), run(lambda f: f), strict=True):
        for x, y in zip(found, expected, strict=True):
            np.testing.assert_allclose(x, y, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("error", [KeyboardInterrupt, ZeroDivisionError, SystemExit])
def test_every_way_out_puts_everything_back(error):
    net = nn.Sequential(nn.Linear(2, 3, rng=0), nn.BatchNorm1d(3))
    optimizer = optim.Adam(net.parameters(), lr=0.1)

    @tinygrad_edu.compile
    def step(x):
        loss = net(x).sum()
        loss.backward()
        optimizer.step()
        raise error

    with pytest.raises(error):
        step(X)
    assert all(type(p._data) is np.ndarray and p.grad is None for p in net.parameters())
    assert optimizer.lr == 0.1
    assert optimizer.state == [{} for _ in net.parameters()]
    assert type(net.layers[1].running_mean) is np.ndarray


FORK = """
import os
import threading

import numpy as np

import tinygrad_edu
from tinygrad_edu import Tensor, optim

W = Tensor([1.0, 2.0], label="W")
optimizer = optim.SGD([W], lr=0.25)
inside, leave = threading.Event(), threading.Event()

@tinygrad_edu.compile
def step(x):
    loss = (W * x).sum()
    loss.backward()
    optimizer.step()
    if not leave.is_set():
        inside.set()
        leave.wait(20)
    return loss

thread = threading.Thread(target=step, args=(np.ones(2),))
thread.start()
inside.wait(20)
child = os.fork()
if not child:
    good = W.data.tolist() == [1.0, 2.0] and optimizer.lr == 0.25
    double = tinygrad_edu.compile(lambda x: W * x)
    os._exit(0 if good and double(np.ones(2)).data.tolist() == [1.0, 2.0] else 1)
leave.set()
thread.join()
assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
assert W.data.tolist() == [0.75, 1.75]
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork")
def test_a_fork_in_the_middle_of_a_recording_inherits_true_numbers():
    """In a process of its own: other libraries that tests have loaded warn of every fork."""
    command = [sys.executable, "-W", "ignore", "-c", FORK]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
