"""All peers are the same program: from the same start, the same losses and the same weights."""

from functools import partial

import numpy as np
import pytest

from tinygrad_edu.support.arguments import as_number

from . import classifiers, epochs, moons

STEPS = 5
PEERS = {
    "tinygrad_edu": classifiers.tinygrad_eager,
    "tinygrad_edu.compiler": classifiers.tinygrad_compiled,
    "torch": classifiers.torch_eager,
    "jax": classifiers.jax_jit,
    "mygrad": classifiers.mygrad_eager,
    "autograd": classifiers.hips_autograd,
}


def importable(package):
    pytest.importorskip(package, exc_type=ModuleNotFoundError)


def train(peer):
    return [as_number(peer.step()) for _ in range(STEPS)], [array for layer in peer.layers() for array in layer]


def assert_same_training(peer, reference, dtype):
    losses, arrays = train(peer)
    expected_losses, expected_arrays = train(reference)
    rtol = 1e-12 if dtype == np.float64 else 1e-4
    np.testing.assert_allclose(losses, expected_losses, rtol=rtol)
    assert losses[-1] < losses[0]
    for array, expected in zip(arrays, expected_arrays, strict=True):
        assert array.dtype == expected.dtype == dtype
        np.testing.assert_allclose(array, expected, rtol=rtol, atol=rtol * np.abs(expected).max())


@pytest.mark.parametrize("package", PEERS)
def test_peers_train_the_xor_net_alike(package):
    importable(package)
    task = classifiers.xor(repeats=3)
    assert_same_training(PEERS[package](task), classifiers.numpy_xor(task), np.float64)


@pytest.mark.parametrize("package", PEERS)
@pytest.mark.parametrize("sizes", [(20, 7, 5), (20, 9, 8, 7, 6, 5)])
def test_peers_train_nets_of_any_depth_alike_in_float32(package, sizes):
    importable(package)
    task = classifiers.mnist_shaped(sizes, batch=6)
    assert_same_training(PEERS[package](task), classifiers.numpy_layers(task), np.float32)


@pytest.mark.parametrize("program", [moons.Scalars, moons.WeightedSums, moons.Columns])
def test_micrograds_program_gives_the_same_numbers_over_both_engines(program):
    importable("micrograd")
    from micrograd.engine import Value as MicrogradValue

    from tinygrad_edu import Value

    X, y = moons.points(10)
    reference, peer = moons.Scalars(MicrogradValue, X, y), program(Value, X, y)
    expected = [reference.step() for _ in range(STEPS)]
    assert expected[-1] < expected[0]
    assert [peer.step() for _ in range(STEPS)] == pytest.approx(expected, rel=1e-12)
    weights = [p.data for p in reference.parameters]
    assert [p.data for p in peer.parameters] == pytest.approx(weights, rel=1e-12)


@pytest.mark.parametrize("optimizer", epochs.OPTIONS)
def test_an_epoch_is_the_same_with_fit_in_a_loop_and_in_pytorch(optimizer):
    importable("torch")
    task = epochs.homework(pictures=95)
    loop = epochs.by_loop(task, optimizer)
    assert loop.loss < np.log(10) * 1.5
    for program, rtol in (
        (epochs.by_fit, 0),
        (epochs.by_compiled_loop, 1e-4),
        (partial(epochs.by_fit, compiled=True), 1e-4),
        (epochs.torch_eager, 1e-4),
    ):
        trained = program(task, optimizer)
        assert trained.loss == pytest.approx(loop.loss, rel=rtol)
        for (W, b), (V, c), (start, _) in zip(trained.layers, loop.layers, task.layers, strict=True):
            np.testing.assert_allclose(W, V, rtol=rtol, atol=rtol * np.abs(V).max())
            np.testing.assert_allclose(b, c, rtol=rtol, atol=rtol * np.abs(c).max())
            assert not np.array_equal(W, start)


def test_both_programs_by_hand_give_the_same_numbers():
    task = classifiers.xor(repeats=3)
    assert_same_training(classifiers.numpy_layers(task), classifiers.numpy_xor(task), np.float64)


def test_the_gradient_by_hand_is_the_slope_of_the_loss():
    # The common reference is checked too: a complex step needs no second writing of the backward pass.
    task = classifiers.xor(repeats=1)
    peer = classifiers.numpy_xor(task)
    peer.step()
    h = 1e-20
    for layer, (after, before) in enumerate(zip(peer.layers(), task.layers, strict=True)):
        for part in (0, 1):
            gradient = (before[part] - after[part]) / task.rate
            for index in np.ndindex(before[part].shape):
                layers = [[array.astype(complex) for array in pair] for pair in task.start()]
                layers[layer][part][index] += 1j * h
                slope = complex_loss(layers, task).imag / h
                assert gradient[index] == pytest.approx(slope, rel=1e-10, abs=1e-14)


def complex_loss(layers, task):
    z = task.X
    for i, (W, b) in enumerate(layers):
        z = (z if i == 0 else np.where(z.real > 0, z, 0)) @ W + b
    logp = z - np.log(np.exp(z).sum(axis=1, keepdims=True))
    return -np.mean(logp[np.arange(len(task.y)), task.y])


def test_tasks_are_not_written_to():
    task = classifiers.xor(repeats=1)
    classifiers.numpy_xor(task).step()
    assert all(
        np.array_equal(W, V) for (W, _), (V, _) in zip(task.layers, classifiers.xor(repeats=1).layers, strict=True)
    )
