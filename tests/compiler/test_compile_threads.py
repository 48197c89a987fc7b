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
