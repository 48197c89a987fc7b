"""What a gradient is compared with: derivatives by the complex step, of functions written without the engine."""

import numpy as np

from tinygrad_edu import Tensor

STEP = 1e-20
WIDTH = 3e-6


def complex_step(f, xs, weights=1.0):
    """∂(Σ weights · f)/∂x for every entry of every x, exact to the last digits.

    For an analytic f, ``Im f(x + ih) / h`` is f'(x) + O(h²), and nothing is subtracted, so that h may be as small as
    it likes (Squire and Trapp, 1998).
    """
    grads = []
    for k, x in enumerate(xs):
        gx = np.zeros(x.shape)
        for index in np.ndindex(x.shape):
            moved = [np.array(a, complex) for a in xs]
            moved[k][index] += 1j * STEP
            gx[index] = np.sum(weights * np.imag(f(*moved))) / STEP
        grads.append(gx)
    return grads


def second_order(f, xs, weights, vs):
    """The derivative of the gradients of ``Σ weights · f`` along ``vs``: central differences of exact slopes."""
    ahead, behind = (
        complex_step(f, [x + side * WIDTH * v for x, v in zip(xs, vs, strict=True)], weights) for side in (1, -1)
    )
    return [(a - b) / (2 * WIDTH) for a, b in zip(ahead, behind, strict=True)]


def close(actual, expected, rtol, scale=1.0):
    """Assert that the arrays agree to ``rtol`` of the larger of ``expected`` and ``scale``."""
    expected = np.asarray(expected)
    largest = max(scale, float(np.max(np.abs(expected), initial=0.0)))
    np.testing.assert_allclose(actual, expected, rtol=rtol, atol=rtol * largest)


def check_first(function, reference, xs, seed=0, rtol=1e-11):
    """Values, gradients, their shapes and dtypes."""
    leaves = [Tensor(x) for x in xs]
    y = function(*leaves)
    expected = np.asarray(reference(*xs))
    assert isinstance(y, Tensor)
    assert (y.shape, y.dtype) == (expected.shape, expected.dtype)
    close(y.data, expected, 0.1 * rtol)
    weights = np.random.default_rng(seed).standard_normal(y.shape)
    y.backward(weights)
    for leaf, expected_gx in zip(leaves, complex_step(reference, xs, weights), strict=True):
        assert type(leaf.grad) is np.ndarray
        assert (leaf.grad.shape, leaf.grad.dtype) == (leaf.shape, leaf.dtype)
        close(leaf.grad, expected_gx, rtol)
    return y


def check_second(function, reference, xs, seed=0):
    """Gradients of gradients, which ``backward(create_graph=True)`` makes possible."""
    rng = np.random.default_rng(seed)
    leaves = [Tensor(x) for x in xs]
    y = function(*leaves)
    weights = rng.standard_normal(y.shape)
    vs = [rng.standard_normal(x.shape) for x in xs]
    y.backward(weights, create_graph=True)
    first = [leaf.grad for leaf in leaves]
    for gx, expected in zip(first, complex_step(reference, xs, weights), strict=True):
        assert isinstance(gx, Tensor)
        close(gx.data, expected, 1e-11)
    for leaf in leaves:
        leaf.grad = None
    slope = sum((gx * v).sum() for gx, v in zip(first, vs, strict=True))
    if slope.requires_grad:  # else the gradients are constant
        slope.backward()
    scale = max(float(np.max(np.abs(gx.data), initial=0.0)) for gx in first)
    for leaf, expected in zip(leaves, second_order(reference, xs, weights, vs), strict=True):
        close(np.zeros(leaf.shape) if leaf.grad is None else leaf.grad, expected, 1e-7, scale)


def check_torch(torch, mine, theirs, xs, rtol=1e-12, second=True):
    """Values, gradients and their gradients beside PyTorch's, kinks and ties included, in the inputs' own dtypes."""
    rng = np.random.default_rng(0)
    leaves, peers = [Tensor(x) for x in xs], [torch.tensor(x, requires_grad=True) for x in xs]
    with np.errstate(all="ignore"):
        y = mine(*leaves)
    peer_y = theirs(*peers)
    like_torch(y.data, peer_y, rtol)
    weights = rng.standard_normal(y.shape).astype(y.dtype)
    y.backward(weights, create_graph=second)
    first = [leaf.grad for leaf in leaves]
    peer_first = torch.autograd.grad(peer_y, peers, torch.tensor(weights), create_graph=second)
    for gx, peer_gx in zip(first, peer_first, strict=True):
        like_torch(gx.data if second else gx, peer_gx, rtol)
    if not second:
        return
    for leaf in leaves:
        leaf.grad = None
    vs = [rng.standard_normal(x.shape).astype(x.dtype) for x in xs]
    with np.errstate(all="ignore"):
        slope = sum((gx * v).sum() for gx, v in zip(first, vs, strict=True))
    peer_slope = sum((gx * torch.tensor(v)).sum() for gx, v in zip(peer_first, vs, strict=True))
    if slope.requires_grad:
        slope.backward()
    peer_second = (
        torch.autograd.grad(peer_slope, peers, allow_unused=True) if peer_slope.requires_grad else [None] * len(peers)
    )
    for leaf, x, gx in zip(leaves, xs, peer_second, strict=True):
        like_torch(
            np.zeros_like(x) if leaf.grad is None else leaf.grad, torch.zeros(x.shape) if gx is None else gx, 10 * rtol
        )


def like_torch(array, tensor, rtol):
    """Assert that they agree, to ``rtol`` of the largest number and of one."""
    expected = tensor.detach().numpy(force=True)
    finite = np.abs(expected[np.isfinite(expected)])
    assert array.shape == expected.shape
    np.testing.assert_allclose(array, expected, rtol=rtol, atol=rtol * max(1.0, float(finite.max(initial=0.0))))
