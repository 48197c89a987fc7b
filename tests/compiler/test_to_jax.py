"""Compiled steps as functions of JAX: the same numbers, under jit, scan, vmap and a sharding over devices."""

import os
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest

import tinygrad_edu
from tinygrad_edu import Tensor, nn, optim
from tinygrad_edu.compiler.errors import CompileError
from tinygrad_edu.data import moons, xor
from tinygrad_edu.errors import ArgumentError

jax = pytest.importorskip("jax", reason="JAX is not installed")
ROOT = Path(__file__).parents[2]
F32 = {"dtype": np.float32}
STEPS = 100


@pytest.fixture(autouse=True)
def float32_by_default():
    """JAX as it is when it is imported: another test of the same process may have let it use float64."""
    before = jax.config.jax_enable_x64
    jax.config.update("jax_enable_x64", False)
    yield
    jax.config.update("jax_enable_x64", before)


def training_step(net, optimizer, loss=nn.functional.cross_entropy):
    @tinygrad_edu.compile
    def step(X, y):
        value = loss(net(X), y)
        optimizer.zero_grad()
        value.backward()
        optimizer.step()
        return value

    return step


def of_xor(optimizer="SGD", dtype=np.float32, **options):
    X, y = xor()
    net = nn.MLP(2, [8, 8, 2], activation="tanh", rng=0, dtype=dtype)
    return net, getattr(optim, optimizer)(net.parameters(), **options), X.astype(dtype), y


def of_moons():
    X, y = moons(64, noise=0.1, rng=0)
    net = nn.MLP(2, [16, 16, 2], activation="relu", rng=1, **F32)
    return net, optim.SGD(net.parameters(), lr=0.1, momentum=0.9), X.astype(np.float32), y


def of_pictures():
    rng = np.random.default_rng(0)
    X, y = rng.uniform(size=(10, 784)).astype(np.float32), rng.integers(10, size=10)
    net = nn.MLP(784, [30, 10], activation="sigmoid", rng=1, **F32)
    return net, optim.SGD(net.parameters(), lr=0.1), X, y


def of_layers():
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(12, 5)), rng.integers(3, size=12)
    net = nn.Sequential(
        *(nn.Linear(5, 8, rng=rng), nn.LayerNorm(8), nn.GELU(), nn.Linear(8, 8, rng=rng)),
        *(nn.BatchNorm1d(8), nn.SiLU(), nn.Linear(8, 3, rng=rng)),
    )
    return net, optim.SGD(net.parameters(), lr=0.05), X, y


def of_images():
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(6, 2, 6, 6)).astype(np.float32), rng.integers(3, size=6)
    net = nn.Sequential(
        *(nn.Conv2d(2, 4, 3, padding=1, rng=rng, **F32), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Conv2d(4, 4, 2, groups=2, rng=rng, **F32), nn.Tanh(), nn.AvgPool2d(2)),
        *(nn.Flatten(), nn.Linear(4, 3, rng=rng, **F32)),
    )
    return net, optim.SGD(net.parameters(), lr=0.02), X, y


TASKS = {
    "CNN": of_images,
    "xor": lambda: of_xor(lr=0.1),
    "moons": of_moons,
    "MNIST net": of_pictures,
}


@pytest.mark.parametrize("name", TASKS)
def test_a_hundred_steps_agree_with_numpy(name):
    net, optimizer, X, y = TASKS[name]()
    step = training_step(net, optimizer)
    step(X, y)
    exported = step.to_jax()
    params, state = exported.params, exported.state
    fast = jax.jit(exported)
    for _ in range(STEPS):
        expected = step(X, y).item()
        params, state, loss = fast(params, state, X, y)
        assert float(loss) == pytest.approx(expected, abs=1e-6, rel=1e-5)
    for label, p in net.named_parameters():
        assert params[label].dtype == np.float32
        np.testing.assert_allclose(params[label], p.numpy(), atol=1e-6 * max(1, abs(p.numpy()).max()), rtol=0)


@pytest.fixture
def wide():
    """JAX with numbers of 64 bits."""
    jax.config.update("jax_enable_x64", True)
    yield
    jax.config.update("jax_enable_x64", False)


@pytest.mark.parametrize("name", ["SGD", "Adam", "AdamW", "RMSprop", "Adagrad", "layers"])
def test_every_optimizer_and_the_norms_are_the_same_in_float64(name, wide):
    # In float32, what divides by the size of small gradients and deviations makes their rounding large.
    net, rule, X, y = of_layers() if name == "layers" else of_xor(name, np.float64, lr=0.01)
    step = training_step(net, rule)
    step(X, y)
    exported = step.to_jax()
    params, state = exported.params, exported.state
    fast = jax.jit(exported)
    for _ in range(STEPS):
        expected = step(X, y).item()
        params, state, loss = fast(params, state, X, y)
        assert float(loss) == pytest.approx(expected, abs=1e-12)
    for label, p in net.named_parameters():
        np.testing.assert_allclose(params[label], p.numpy(), atol=1e-9)


@pytest.mark.parametrize("optimizer", ["Adam", "AdamW", "RMSprop", "Adagrad"])
def test_the_losses_of_every_optimizer_agree_in_float32(optimizer):
    net, rule, X, y = of_xor(optimizer, lr=0.01)
    step = training_step(net, rule)
    step(X, y)
    exported = step.to_jax()
    params, state = exported.params, exported.state
    fast = jax.jit(exported)
    for _ in range(STEPS):
        params, state, loss = fast(params, state, X, y)
        assert float(loss) == pytest.approx(step(X, y).item(), abs=1e-6)


def test_a_scan_is_the_same_as_steps_one_by_one():
    net, optimizer, X, y = of_xor(lr=0.1)
    step = training_step(net, optimizer)
    step(X, y)
    exported = step.to_jax()

    def body(carry, _):
        params, state, loss = exported(*carry, X, y)
        return (params, state), loss

    (params, _), losses = jax.jit(lambda carry: jax.lax.scan(body, carry, length=STEPS))(
        (exported.params, exported.state)
    )
    expected = [step(X, y).item() for _ in range(STEPS)]
    np.testing.assert_allclose(losses, expected, atol=1e-6)
    for label, p in net.named_parameters():
        np.testing.assert_allclose(params[label], p.numpy(), atol=2e-6)


def test_vmap_trains_many_nets_at_once():
    net, optimizer, X, y = of_xor(lr=0.1)
    step = training_step(net, optimizer)
    step(X, y)
    exported = step.to_jax()
    rng = np.random.default_rng(3)
    many = {key: rng.normal(size=(5, *p.shape)).astype(np.float32) for key, p in exported.params.items()}
    together = jax.jit(jax.vmap(exported, in_axes=(0, None, None, None), out_axes=(0, None, 0)))(
        many, exported.state, X, y
    )
    for k in range(5):
        alone = exported({key: p[k] for key, p in many.items()}, exported.state, X, y)
        np.testing.assert_allclose(together[2][k], alone[2], rtol=1e-5)
        for key, p in alone[0].items():
            np.testing.assert_allclose(together[0][key][k], p, atol=1e-6)


SHARDED = """
import jax, numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec
from tests.compiler.test_to_jax import of_moons, training_step
net, optimizer, X, y = of_moons()
step = training_step(net, optimizer)
step(X, y)
exported = step.to_jax()
mesh = Mesh(np.array(jax.devices()), ("batch",))
rows, whole = NamedSharding(mesh, PartitionSpec("batch")), NamedSharding(mesh, PartitionSpec())
fast = jax.jit(exported, in_shardings=(whole, whole, rows, rows), out_shardings=(whole, whole, whole))
params, state, spread = exported.params, exported.state, [jax.device_put(array, rows) for array in (X, y)]
assert len(spread[0].sharding.device_set) == 8
for _ in range(100):
    expected = step(X, y).item()
    params, state, loss = fast(params, state, *spread)
    assert abs(float(loss) - expected) < 1e-6, (float(loss), expected)
for label, p in net.named_parameters():
    np.testing.assert_allclose(params[label], p.numpy(), atol=2e-6)
print("same on", len(jax.devices()), "devices")
"""


def test_eight_devices_give_the_same_numbers():
    environment = os.environ | {"XLA_FLAGS": "--xla_force_host_platform_device_count=8", "JAX_PLATFORMS": "cpu"}
    done = subprocess.run([sys.executable, "-c", SHARDED], cwd=ROOT, env=environment, capture_output=True, text=True)
    assert done.stdout == "same on 8 devices\n", done.stderr


def test_the_source_stands_alone(wide):
    net, optimizer, X, y = of_layers()
    step = training_step(net, optimizer)
    step(X, y)
    exported = step.to_jax()
    namespace = {}
    exec(exported.source, namespace)  # noqa: S102
    assert "tinygrad_edu" not in exported.source
    alone, again = (f(exported.params, exported.state, X, y) for f in (namespace["step"], exported))
    assert float(alone[2]) == float(again[2])


def test_the_source_reads_well():
    w = Tensor(np.zeros(2, np.float32), label="w")
    optimizer = optim.SGD([w], lr=0.5)

    @tinygrad_edu.compile
    def step(x):
        loss = ((np.tanh(w) - x) ** 2).sum()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss

    step(np.ones(2, np.float32))
    text = step.to_jax().source
    assert text.startswith("import jax.numpy as jnp\n")
    assert 'w = params["w"]' in text
    assert 'lr = state["lr"]' in text
    assert 'params = {**params, "w": w}' in text
    assert textwrap.dedent(text).isascii()


def test_the_learning_rate_is_state_that_a_schedule_may_change():
    net, optimizer, X, y = of_xor(lr=0.1)
    step = training_step(net, optimizer)
    step(X, y)
    exported = step.to_jax()
    params, _, _ = jax.jit(exported)(exported.params, exported.state | {"lr": 0.0}, X, y)
    for key, p in exported.params.items():
        np.testing.assert_array_equal(params[key], p)


def test_what_was_learned_in_jax_comes_back():
    net, optimizer, X, y = of_xor("Adam", lr=0.01)
    twin_net, twin_optimizer, _, _ = of_xor("Adam", lr=0.01)
    step, twin = training_step(net, optimizer), training_step(twin_net, twin_optimizer)
    step(X, y), twin(X, y)
    exported = step.to_jax()
    params, state = exported.params, exported.state
    for _ in range(10):
        params, state, _ = exported(params, state, X, y)
        twin(X, y)
    exported.restore(params, state)
    assert [entry["step"] for entry in optimizer.state] == [entry["step"] for entry in twin_optimizer.state]
    for _ in range(10):
        assert step(X, y).item() == pytest.approx(twin(X, y).item(), abs=1e-6)


def test_gradients_alone_are_state():
    net = nn.MLP(2, [4, 1], rng=0, **F32)

    @tinygrad_edu.compile
    def gradients(X):
        net.zero_grad()
        loss = (net(X) ** 2).mean()
        loss.backward()
        return loss

    X = np.random.default_rng(0).normal(size=(6, 2)).astype(np.float32)
    gradients(X)
    exported = gradients.to_jax()
    _, state, _ = jax.jit(exported)(exported.params, exported.state, X)
    found = {array.shape: np.asarray(array) for array in state.values()}
    for p in net.parameters():
        np.testing.assert_allclose(found[p.shape], p.grad, atol=1e-6)


def test_gradients_that_are_added_to_are_state(wide):
    net, optimizer, X, y = of_xor(lr=0.1, dtype=np.float64)

    @tinygrad_edu.compile
    def step(X, y):
        loss = nn.functional.cross_entropy(net(X), y)
        loss.backward()
        optimizer.step()
        return loss

    step(X, y)
    with pytest.raises(CompileError, match=r"to_jax: the function adds to .*: call it once more, or clear"):
        step.to_jax()
    step(X, y)
    exported = step.to_jax()
    params, state, found = exported.params, exported.state, []
    for _ in range(5):
        params, state, loss = exported(params, state, X, y)
        found.append(float(loss))
    expected = [step(X, y).item() for _ in range(5)]
    np.testing.assert_allclose(found, expected, rtol=1e-5)
    grads = [p.grad.copy() for p in net.parameters()]
    net.zero_grad()
    exported.restore(params, state)
    for p, grad in zip(net.parameters(), grads, strict=True):
        np.testing.assert_allclose(p.grad, grad, rtol=1e-4, atol=1e-6)


def test_a_call_without_parameters_and_state_says_how_to_call():
    net, optimizer, X, y = of_xor(lr=0.1)
    step = training_step(net, optimizer)
    step(X, y)
    exported = step.to_jax()
    with pytest.raises(ArgumentError, match=r"write params, state, result = f\(f\.params, f\.state, X, y\)"):
        exported(X, y)


def test_float64_is_refused_where_jax_would_make_it_float32():
    f = tinygrad_edu.compile(lambda x: np.tanh(x) * 2)
    f(np.zeros(3))
    with pytest.raises(CompileError, match=r"computes in float64, which JAX would silently make float32"):
        f.to_jax()


def test_random_numbers_are_refused_and_named():
    net = nn.Sequential(nn.Linear(2, 4, **F32), nn.Dropout(0.5, rng=0))
    f = tinygrad_edu.compile(lambda x: net(x))
    f(np.zeros((3, 2), np.float32))
    with pytest.raises(CompileError, match="draws random numbers by random"):
        f.to_jax()
