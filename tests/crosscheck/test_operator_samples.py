"""PyTorch's own operator samples: the inputs that its developers test each operator with, first and second order."""

import os
import warnings

import numpy as np
import pytest

from tests.crosscheck.no_counterpart import WITHOUT, NoCounterpartError
from tests.crosscheck.operators import OPERATORS
from tests.crosscheck.operators_of_matrices import same_signs
from tests.oracles import like_torch
from tinygrad_edu import Tensor

MOST = None if os.environ.get("HYPOTHESIS_PROFILE") == "thorough" else 4  # compared samples of one operator

# PyTorch's second derivative of a norm at 0 is nan; here it is 0, like the first.
FIRST_ORDER_ALONE = {"linalg.norm subgradients_at_zero"}


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


def samples_of(torch, info):
    torch.manual_seed(0)
    kind = torch.float64 if torch.float64 in info.dtypes else torch.int64
    return info.sample_inputs("cpu", kind, requires_grad=info.supports_autograd and kind is torch.float64)


def result_of(name, y):
    """A result as a list of arrays, up to what an operator leaves open: the signs of eigenvectors."""
    y = same_signs(name, y)
    return list(y) if isinstance(y, list | tuple) else [y]


def compare(torch, info, name, sample):
    """Compare one sample; False if it has no counterpart here."""
    theirs = (sample.input, tuple(sample.args), dict(sample.kwargs))
    ours = mine(torch, theirs)
    try:
        ys = result_of(name, OPERATORS[name](ours[0], *ours[1], **ours[2]))
    except NoCounterpartError:
        return False
    # PyTorch's further results are indices.
    peers = result_of(name, called(info, theirs))[: len(ys)]
    for y, peer in zip(ys, peers, strict=True):
        like_torch(
            np.asarray(y.data if isinstance(y, Tensor) else y),
            peer if isinstance(peer, torch.Tensor) else torch.tensor(peer, dtype=torch.float64),
            1e-10,
        )
    compare_gradients(torch, ys, peers, leaves(Tensor, ours), leaves(torch.Tensor, theirs), name in FIRST_ORDER_ALONE)
    return True


def called(info, sample):
    """PyTorch's operator, of symmetric or triangular matrices where its own tests make them so."""
    x, args, options = sample
    wrapper = info.gradcheck_wrapper
    return wrapper(info.op, x, *args, **options) if wrapper else info.op(x, *args, **options)


def scored(torch, ys, peers):
    """Σ weights · y over all results that have a gradient, here and in PyTorch; None without any."""
    rng = np.random.default_rng(0)
    weights = [rng.uniform(0.5, 1.5, y.shape) for y in ys]
    mine_of = [(y * w).sum() for y, w in zip(ys, weights, strict=True) if isinstance(y, Tensor) and y.requires_grad]
    peer_of = [
        (y * torch.tensor(w)).sum()
        for y, w in zip(peers, weights, strict=True)
        if isinstance(y, torch.Tensor) and y.requires_grad
    ]
    return sum(mine_of[1:], mine_of[0]) if mine_of else None, sum(peer_of) if peer_of else None


def compare_gradients(torch, ys, peers, leaves, peer_leaves, first_order_alone):
    """Compare the gradients of the first and of the second order."""
    score, peer_score = scored(torch, ys, peers)
    if score is not None:
        score.backward(create_graph=True)
    first = [leaf.grad for leaf in leaves]
    peer_first = gradients_of(torch, peer_score, peer_leaves, create_graph=True)
    for leaf, gx, peer in zip(leaves, first, peer_first, strict=True):
        like_torch(np.zeros(leaf.shape) if gx is None else gx.data, peer, 1e-9)
        leaf.grad = None
    if first_order_alone:
        return
    slope = sum((gx.tanh().sum() for gx in first if gx is not None), Tensor(0.0))
    if slope.requires_grad:
        slope.backward()
    peer_second = gradients_of(torch, sum(gx.tanh().sum() for gx in peer_first), peer_leaves)
    for leaf, peer in zip(leaves, peer_second or (), strict=peer_second is not None):
        like_torch(np.zeros(leaf.shape) if leaf.grad is None else leaf.grad, peer, 1e-8)


def gradients_of(torch, y, leaves, **options):
    """PyTorch's gradients, zeros where there is none; None if it has no derivative of its derivative."""
    if not (isinstance(y, torch.Tensor) and y.requires_grad):
        return [torch.zeros_like(leaf) for leaf in leaves]
    try:
        return torch.autograd.grad(y, leaves, allow_unused=True, materialize_grads=True, **options)
    except RuntimeError as error:
        if "is not implemented" not in str(error):
            raise
        return None


def test_every_operator_is_compared_or_has_a_reason_not_to_be(op_db):
    assert not OPERATORS.keys() & WITHOUT.keys()
    assert set(op_db) - OPERATORS.keys() - WITHOUT.keys() == set()


@pytest.mark.filterwarnings("ignore::UserWarning:torch")  # of its old names, and of what takes it longer
@pytest.mark.parametrize("name", sorted(OPERATORS))
def test_an_operator_on_pytorch_s_samples(name, torch, op_db):
    compared = 0
    with np.errstate(all="ignore"):
        for sample in samples_of(torch, op_db[name]):
            compared += compare(torch, op_db[name], name, sample)
            if compared == MOST:
                break
    assert compared
