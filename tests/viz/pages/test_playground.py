"""What a playground is made of, and what it refuses. `tests/browser/test_playground.py` tries it in Chromium."""

import re

import numpy as np
import pytest

from tinygrad_edu import data, nn, optim
from tinygrad_edu.errors import ArgumentError, ShapeError
from viz.pages.playground import playground

X, Y = data.moons(40, noise=0.1, rng=0)


def small(**keywords):
    return playground(nn.MLP(2, [4, 1], "tanh", rng=0), X, Y, **keywords)


def test_the_users_net_and_optimizer_stay_as_they_are():
    net = nn.Sequential(nn.Linear(2, 4, rng=0), nn.BatchNorm1d(4), nn.Dropout(0.2, rng=0), nn.Linear(4, 1, rng=1))
    optimizer = optim.SGD(net.parameters(), lr=0.1)
    before = {name: np.array(x) for name, x in net.state_dict().items()}
    drawn = net.layers[2].rng.bit_generator.state
    playground(net, X, Y, optimizer=optimizer)
    assert all(np.array_equal(x, before[name]) for name, x in net.state_dict().items())
    assert net.layers[2].rng.bit_generator.state == drawn
    assert (optimizer.momentum, optimizer.weight_decay, optimizer.state) == (0.0, 0.0, [{} for _ in optimizer.params])
    assert all(p.grad is None for p in net.parameters())


def test_the_page_of_the_moons_has_less_than_400_kilobytes():
    points, labels = data.moons(400, noise=0.2, rng=0)
    page = playground(nn.MLP(2, [16, 16, 1], "tanh", rng=0), points, labels)
    assert len(page.html.encode()) < 400_000


def test_the_policy_allows_the_pages_own_scripts_alone():
    policy = re.search(r'Content-Security-Policy" content="([^"]+)"', small().html).group(1)
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "http" not in policy


def test_the_page_says_where_it_was_made():
    assert re.search(r"test_playground\.py, line \d+", small().html)


def test_settings_of_the_optimizer_are_those_of_the_user():
    net = nn.MLP(2, [4, 1], rng=0)
    page = playground(net, X, Y, optimizer=optim.SGD(net.parameters(), lr=0.2))
    assert page.programs[0].settings == {"lr": 0.2, "momentum": 0.0, "weight_decay": 0.0}


@pytest.mark.parametrize("y", [Y, Y[:, None], 2 * Y - 1, Y + 1.0, np.array(["no", "yes"])[Y], Y.astype(bool)])
def test_any_two_labels_are_taken(y):
    page = playground(nn.MLP(2, [4, 1], "tanh", rng=0), X, y, validation=0)
    assert page.data["train"]["y"] == Y.tolist()
    assert page.data["form"]["targets"] == [0.0, 1.0]
    assert (page.data["form"]["center"], page.data["form"]["slope"]) == (0.0, 0.5)


def test_outputs_are_logits_where_the_loss_is_a_cross_entropy():
    X, y = data.moons(40, noise=0.1, rng=0)
    signs = 2 * y - 1

    def entropy(z, y):
        return nn.functional.binary_cross_entropy_with_logits(z[:, 0], y)

    def logistic(z, y):
        return np.log1p(np.exp(-z[:, 0] * y)).mean()

    def weighted(z, y):
        return nn.functional.binary_cross_entropy_with_logits(z[:, 0], y) * 2.0

    def reads_logits(outputs, y, **given):
        return playground(nn.MLP(2, [3, outputs], rng=0), X, y, **given).data["form"]["logits"]

    assert reads_logits(1, y)
    assert reads_logits(1, y[:, None])
    assert reads_logits(2, y)
    assert reads_logits(1, y, loss=entropy)
    assert reads_logits(1, signs, loss=logistic)
    assert not reads_logits(1, y, loss=weighted)
    assert not reads_logits(2, y, loss=lambda z, y: nn.functional.cross_entropy(z, y) * 2.0)


def test_outputs_that_the_loss_compares_with_the_targets_are_read_so():
    page = small(loss=lambda z, y: nn.functional.mse_loss(z[:, 0], y))
    assert (page.data["form"]["center"], page.data["form"]["slope"]) == (0.5, 3.0)
    signed = playground(nn.MLP(2, [4, 1], rng=0), X, 2.0 * Y[:, None] - 1, loss=nn.functional.hinge_loss)
    assert (signed.data["form"]["center"], signed.data["form"]["targets"]) == (0.0, [-1.0, 1.0])


@pytest.mark.parametrize(
    ("arguments", "keywords", "error", "message"),
    [
        ((X[:, 0], Y), {}, ShapeError, r"samples of shape \(n, inputs\)"),
        ((X, Y[:-1]), {}, ShapeError, "a label for each of the 40 samples"),
        ((np.full_like(X, np.nan), Y), {}, ArgumentError, "finite samples"),
        ((X, np.arange(40)), {}, ArgumentError, "2 to 6 classes"),
        ((X, np.arange(40) % 3), {}, ArgumentError, "a net with 1 outputs tells 2 classes apart, not 3"),
        ((X, Y), {"validation": (X, Y + 1)}, ArgumentError, "the labels are 0, 1, but 2 was given, too"),
        ((X, Y), {"validation": 1.5}, ArgumentError, "a share from 0 up to 1"),
        ((X, Y), {"validation": (X[:, :1], Y)}, ShapeError, "validation must be like X and y"),
        ((X, Y), {"choices": {"depth": [1]}}, ArgumentError, "choices are widths and activation"),
        ((X, Y), {"optimizer": "adam"}, ArgumentError, "one of tinygrad_edu.optim"),
    ],
)
def test_what_cannot_be_shown_is_refused(arguments, keywords, error, message):
    with pytest.raises(error, match=message):
        playground(nn.MLP(2, [4, 1], "tanh", rng=0), *arguments, **keywords)


def test_an_optimizer_of_another_net_is_refused():
    with pytest.raises(ArgumentError, match="none of the net's parameters"):
        small(optimizer=optim.SGD(nn.MLP(2, [1], rng=0).parameters()))


def test_a_first_step_that_differs_is_refused():
    net = nn.MLP(2, [4, 1], rng=0)
    with pytest.raises(ArgumentError, match="set dampening=0"):
        playground(net, X, Y, optimizer=optim.SGD(net.parameters(), lr=0.1, momentum=0.9, dampening=0.5))


def test_choices_need_a_multilayer_perceptron():
    with pytest.raises(ArgumentError, match="choices are of nets like"):
        playground(nn.Sequential(nn.Linear(2, 1, rng=0)), X, Y, choices={"widths": [[3]]})


LABELS_ABOVE = 0.5


def test_the_program_of_a_step_is_shown_with_its_functions_whatever_was_fixed():
    def loss(z, y):
        return nn.functional.binary_cross_entropy_with_logits(z[:, 0], y > LABELS_ABOVE)

    for page in (small(), small(loss=loss)):
        assert page.html.count("# helpers") == 1
        assert "def scatter(x, index, shape):" in page.html
