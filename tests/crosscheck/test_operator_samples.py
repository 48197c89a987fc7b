"""PyTorch's own operator samples: the inputs that its developers test each operator with, first and second order."""

import os
import warnings

import numpy as np
import pytest

from tests.crosscheck.operators import OPERATORS, NoCounterpartError
from tests.oracles import like_torch
from tinygrad_edu import Tensor

MOST = None if os.environ.get("HYPOTHESIS_PROFILE") == "thorough" else 12  # samples of one operator


@pytest.fixture(scope="session")
def op_db(torch):
    """The table of operators in PyTorch's own tests, by the name and, where there is one, the variant."""
    pytest.importorskip("expecttest", reason="PyTorch's test tables need expecttest")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from torch.testing._internal.common_methods_invocations import op_db as table
    return {f"{info.name} {info.variant_test_name}".rstrip(): info for info in table}


def mine(torch, x):
    """PyTorch's argument as this project takes it."""
    if isinstance(x, torch.Tensor):
        array = x.detach().numpy().copy()
        return Tensor(array) if x.requires_grad else array
    if isinstance(x, list | tuple):
        return type(x)(mine(torch, part) for part in x)
    return {k: mine(torch, v) for k, v in x.items()} if isinstance(x, dict) else x


def leaves(kind, tree):
    """The Tensors of ``kind`` in nested arguments that need a gradient."""
    if isinstance(tree, kind):
        return [tree] if tree.requires_grad else []
    parts = tree.values() if isinstance(tree, dict) else tree if isinstance(tree, list | tuple) else ()
    return [leaf for part in parts for leaf in leaves(kind, part)]


def samples_of(torch, info, most):
    torch.manual_seed(0)
    for i, sample in enumerate(info.sample_inputs("cpu", torch.float64, requires_grad=True)):
        if i == most:
            return
        yield sample


def compare(torch, info, name, sample):
    """Compare one sample; False if it has no counterpart here."""
    theirs = (sample.input, tuple(sample.args), dict(sample.kwargs))
    ours = mine(torch, theirs)
    try:
        y = OPERATORS[name](ours[0], *ours[1], **ours[2])
    except NoCounterpartError:
        return False
    peer_y = info.op(theirs[0], *theirs[1], **theirs[2])
    like_torch(np.asarray(y.data if isinstance(y, Tensor) else y), peer_y, 1e-10)
    mine_leaves, peers = leaves(Tensor, ours), leaves(torch.Tensor, theirs)
    if not (isinstance(y, Tensor) and y.requires_grad):
        assert not peer_y.requires_grad or all(not p.numel() or not p.grad_fn for p in peers)
        return True
    weights = np.random.default_rng(0).uniform(0.5, 1.5, y.shape)
    y.backward(weights, create_graph=True)
    first = [leaf.grad for leaf in mine_leaves]
    peer_first = torch.autograd.grad(peer_y, peers, torch.tensor(weights), create_graph=True, allow_unused=True)
    for leaf, gx, peer in zip(mine_leaves, first, peer_first, strict=True):
        zero = torch.zeros(leaf.shape, dtype=torch.float64)
        like_torch(np.zeros(leaf.shape) if gx is None else gx.data, zero if peer is None else peer, 1e-9)
        leaf.grad = None
    slope = sum((gx.tanh().sum() for gx in first if gx is not None), Tensor(0.0))
    peer_slope = sum(gx.tanh().sum() for gx in peer_first if gx is not None)
    if not (isinstance(peer_slope, torch.Tensor) and peer_slope.requires_grad):
        return True
    peer_second = torch.autograd.grad(peer_slope, peers, allow_unused=True)
    if slope.requires_grad:
        slope.backward()
    for leaf, peer in zip(mine_leaves, peer_second, strict=True):
        zero = torch.zeros(leaf.shape, dtype=torch.float64)
        like_torch(np.zeros(leaf.shape) if leaf.grad is None else leaf.grad, zero if peer is None else peer, 1e-8)
    return True


@pytest.mark.parametrize("name", sorted(OPERATORS))
def test_an_operator_on_pytorch_s_samples(name, torch, op_db):
    info = op_db[name]
    with np.errstate(all="ignore"):
        compared = [compare(torch, info, name, sample) for sample in samples_of(torch, info, MOST)]
    assert any(compared)
