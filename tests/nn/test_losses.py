"""Losses with all their settings beside PyTorch's, compiled too, and what they refuse."""

import numpy as np
import pytest

import tinygrad_edu
from tests.oracles import like_torch
from tinygrad_edu import Tensor, nn
from tinygrad_edu.errors import ArgumentError, DTypeError, ShapeError, TinygradEduError

F = nn.functional
RNG = np.random.default_rng(0)
X, Y, Z = (RNG.standard_normal((6, 4)) for _ in range(3))
P, Q = RNG.uniform(0.05, 0.95, (2, 6, 4))
LABELS = np.array([0, 3, 1, 1, 2, 0])
SHARES = RNG.dirichlet(np.ones(4), 6)
IMAGES, PIXELS = RNG.standard_normal((2, 4, 3, 2)), RNG.integers(0, 4, (2, 3, 2))
WEIGHTS = np.array([0.5, 1.0, 2.0, 0.1])
SIGNS = np.array([1, -1, 1, 1, -1, -1])

# The loss, the leaves, the targets, its settings: those that are arrays become tensors for PyTorch.
LOSSES = [
    ("cross_entropy", (X,), (LABELS,), {"weight": WEIGHTS}),
    ("cross_entropy", (X,), (LABELS,), {"ignore_index": 1}),
    ("cross_entropy", (X,), (np.where(LABELS == 1, -100, LABELS),), {}),
    ("cross_entropy", (X,), (LABELS,), {"label_smoothing": 0.1}),
    ("cross_entropy", (X,), (LABELS,), {"weight": WEIGHTS, "ignore_index": 0, "label_smoothing": 0.2}),
    ("cross_entropy", (X,), (SHARES,), {"weight": WEIGHTS, "label_smoothing": 0.2}),
    ("cross_entropy", (IMAGES,), (PIXELS,), {}),
    ("cross_entropy", (IMAGES,), (PIXELS,), {"weight": WEIGHTS, "ignore_index": 2, "label_smoothing": 0.3}),
    ("cross_entropy", (IMAGES[..., 0],), (SHARES[:6].reshape(2, 3, 4).transpose(0, 2, 1),), {"weight": WEIGHTS}),
    ("nll_loss", (X,), (LABELS,), {"weight": WEIGHTS, "ignore_index": 3}),
    ("nll_loss", (IMAGES,), (PIXELS,), {}),
    ("binary_cross_entropy_with_logits", (X,), (Q,), {"pos_weight": WEIGHTS}),
    ("binary_cross_entropy_with_logits", (X,), (Q,), {"weight": P, "pos_weight": np.array(3.0)}),
    ("binary_cross_entropy", (P,), (Q,), {}),
    ("binary_cross_entropy", (P,), (Q,), {"weight": WEIGHTS}),
    ("kl_div", (X, P), (), {}),
    ("kl_div", (X,), (np.round(Q),), {}),
    ("kl_div", (X, Y), (), {"log_target": True}),
    ("cosine_embedding_loss", (X, Y), (SIGNS,), {"margin": 0.2}),
    ("cosine_embedding_loss", (X[0], Y[0]), (np.array(1),), {}),
    ("triplet_margin_loss", (X, Y, Z), (), {}),
    ("triplet_margin_loss", (X, Y, Z), (), {"margin": 0.5, "p": 1.0, "swap": True}),
    ("smooth_l1_loss", (X, Y), (), {"beta": 0.7}),
    ("smooth_l1_loss", (X, Y), (), {"beta": 0.0}),
    ("gaussian_nll_loss", (X, Y, P), (), {}),
    ("gaussian_nll_loss", (X, Y, P[:, :1] - 0.05), (), {"full": True, "eps": 0.5}),
]
IDS = [f"{name} {settings}"[:80] for name, _, _, settings in LOSSES]


@pytest.mark.filterwarnings("ignore:reduction. 'mean' divides the total loss")  # PyTorch advises batchmean
@pytest.mark.parametrize("reduction", ["mean", "sum", "none", "batchmean"])
@pytest.mark.parametrize(("name", "xs", "targets", "settings"), LOSSES, ids=IDS)
def test_a_loss_is_pytorchs(torch, name, xs, targets, settings, reduction):
    if reduction == "batchmean" and name != "kl_div":
        reduction = "mean"
    leaves, ts = [Tensor(x) for x in xs], [torch.tensor(x, requires_grad=True) for x in xs]
    theirs = {key: torch.tensor(x) if isinstance(x, np.ndarray) else x for key, x in settings.items()}
    y = getattr(F, name)(*leaves, *targets, reduction=reduction, **settings)
    z = getattr(torch.nn.functional, name)(*ts, *map(torch.tensor, targets), reduction=reduction, **theirs)
    like_torch(y.data, z, 1e-12)
    weights = np.cos(np.arange(y.size)).reshape(y.shape)
    y.backward(weights)
    z.backward(torch.tensor(weights))
    for leaf, t in zip(leaves, ts, strict=True):
        like_torch(leaf.grad, t.grad, 1e-11)


@pytest.mark.parametrize(("name", "xs", "targets", "settings"), LOSSES, ids=IDS)
def test_a_loss_compiles(name, xs, targets, settings):
    def loss_of(*arrays):
        leaves = [Tensor(x) for x in arrays[: len(xs)]]
        loss = getattr(F, name)(*leaves, *arrays[len(xs) :], **settings)
        loss.backward()
        return loss, [leaf.grad for leaf in leaves]

    if any((t == -100).any() for t in targets):  # a compiled step must be told that there may be some
        settings = settings | {"ignore_index": -1}
        targets = tuple(np.where(t == -100, -1, t) for t in targets)
    compiled = tinygrad_edu.compile(loss_of)
    for shift in (0.0, 0.01, 0.0):
        arrays = [x + shift for x in xs]
        loss, gradients = loss_of(*arrays, *targets)
        compiled_loss, compiled_gradients = compiled(*arrays, *targets)
        np.testing.assert_allclose(compiled_loss.data, loss.data, rtol=1e-12)
        for found, expected in zip(compiled_gradients, gradients, strict=True):
            np.testing.assert_allclose(found, expected, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (lambda: F.cross_entropy(X, LABELS, weight=np.ones(3)), ShapeError, "one number for each of the 4 classes"),
        (lambda: F.cross_entropy(X, LABELS, label_smoothing=1.5), ArgumentError, "label_smoothing must be a number"),
        (lambda: F.cross_entropy(X, LABELS * 0, ignore_index=0), ArgumentError, "all 6 labels are 0 or weigh 0"),
        (lambda: F.cross_entropy(X, LABELS - 1), ArgumentError, "labels must lie between 0 and 3"),
        (lambda: F.cross_entropy(IMAGES, PIXELS[:, 0]), ShapeError, "they must have the shape (2, 3, 2)"),
        (lambda: F.binary_cross_entropy(X, Q), ArgumentError, "predictions must be probabilities"),
        (lambda: F.binary_cross_entropy(P, X), ArgumentError, "targets must lie between 0 and 1"),
        (
            lambda: F.binary_cross_entropy(P, Q, weight=np.ones(3)),
            ShapeError,
            "do not broadcast to losses of",
        ),
        (lambda: F.gaussian_nll_loss(X, Y, -P), ArgumentError, "variances must not be negative"),
        (lambda: F.gaussian_nll_loss(X, Y, P[:3]), ShapeError, "were given variances of shape (3, 4)"),
        (lambda: F.cosine_embedding_loss(X, Y, SIGNS[:2]), ShapeError, "were given targets of shape (2,)"),
        (lambda: F.cosine_embedding_loss(X, Y, SIGNS * 2), ArgumentError, "targets must be -1 or 1"),
        (lambda: F.triplet_margin_loss(X, Y, Z[:2]), ShapeError, "predictions of shape (6, 4) were given"),
        (lambda: F.kl_div(X, P, "rows"), ArgumentError, "reduction must be"),
        (lambda: F.one_hot([0, 3], 3), ArgumentError, "labels must lie between 0 and 2, but were given from 0 to 3"),
        (lambda: F.one_hot([0.5]), DTypeError, "one_hot takes integers"),
        (lambda: F.one_hot(np.zeros((0,), int)), ArgumentError, "num_classes must be given"),
    ],
)
def test_bad_input_is_refused_in_one_sentence(call, error, text):
    with pytest.raises(error) as info:
        call()
    assert isinstance(info.value, TinygradEduError)
    assert text in str(info.value)


@pytest.mark.parametrize(
    ("name", "xs", "mine", "theirs"),
    [
        ("normalize", (X,), {}, {}),
        ("normalize", (X,), {"p": 1.0, "axis": 0}, {"p": 1.0, "dim": 0}),
        ("normalize", (X * 0,), {}, {}),
        ("cosine_similarity", (X, Y), {}, {}),
        ("cosine_similarity", (X[:, None], Y[:1, :, None]), {}, {}),  # the axis has one entry in the first
        ("cosine_similarity", (IMAGES, IMAGES[::-1].copy()), {"axis": -1, "eps": 2.0}, {"dim": -1, "eps": 2.0}),
    ],
)
def test_vectors_are_compared_as_pytorch_does(torch, name, xs, mine, theirs):
    leaves, ts = [Tensor(x) for x in xs], [torch.tensor(x, requires_grad=True) for x in xs]
    y, z = getattr(F, name)(*leaves, **mine), getattr(torch.nn.functional, name)(*ts, **theirs)
    like_torch(y.data, z, 1e-12)
    y.backward(np.ones(y.shape))
    z.backward(torch.ones_like(z))
    for leaf, t in zip(leaves, ts, strict=True):
        like_torch(leaf.grad, t.grad, 1e-11)


def test_one_hot_is_pytorchs(torch):
    for labels, classes in ((LABELS, -1), (LABELS, 6), (PIXELS, 4)):
        np.testing.assert_array_equal(
            F.one_hot(labels, classes).data, torch.nn.functional.one_hot(torch.tensor(labels), classes).numpy()
        )
    assert F.one_hot([0, 2]).dtype == np.int64


def test_certain_probabilities_that_are_wrong_cost_a_hundred_as_in_pytorch(torch):
    p, q = Tensor([0.0, 1.0, 0.0]), torch.tensor([0.0, 1.0, 0.0], dtype=torch.float64, requires_grad=True)
    y = F.binary_cross_entropy(p, [1, 0, 0], reduction="none")
    z = torch.nn.functional.binary_cross_entropy(q, torch.tensor([1.0, 0, 0], dtype=torch.float64), reduction="none")
    np.testing.assert_array_equal(y.data, z.detach().numpy())
    y.sum().backward()
    z.sum().backward()
    np.testing.assert_allclose(p.grad, q.grad.numpy(), rtol=1e-8)  # PyTorch's 1e-12 is a float32


@pytest.mark.parametrize(
    ("name", "setting"),
    [("binary_cross_entropy", "weight")] + [("binary_cross_entropy_with_logits", w) for w in ("weight", "pos_weight")],
)
def test_weights_of_losses_may_be_learned_too(name, setting):
    loss = getattr(F, name)
    report = tinygrad_edu.gradcheck(lambda w: loss(P, Q, **{setting: w}), WEIGHTS)
    assert report.checked


@pytest.mark.parametrize("name", ["cross_entropy", "nll_loss"])
def test_weights_of_classes_have_no_gradient_as_in_pytorch(name):
    with pytest.raises(ArgumentError, match=f"{name} has no derivative by the weights of the classes"):
        getattr(F, name)(Tensor(X), LABELS, weight=Tensor(WEIGHTS))
