"""Initial weights: PyTorch's gains and bounds, statistics of large draws, seeds, bad input."""

import math

import numpy as np
import pytest

from tinygrad_edu import Tensor, nn
from tinygrad_edu.errors import ArgumentError, DTypeError, ShapeError
from tinygrad_edu.nn import init

ROWS, COLUMNS = 400, 250  # inputs and units
# Name, options, standard deviation, whether uniform.
DRAWS = [
    ("xavier_uniform_", {}, math.sqrt(2 / 650), True),
    ("xavier_normal_", {}, math.sqrt(2 / 650), False),
    ("xavier_normal_", {"gain": 5 / 3}, 5 / 3 * math.sqrt(2 / 650), False),
    ("kaiming_uniform_", {}, math.sqrt(2 / 400), True),
    ("kaiming_uniform_", {"a": math.sqrt(5)}, math.sqrt(1 / 3 / 400), True),
    ("kaiming_normal_", {}, math.sqrt(2 / 400), False),
    ("kaiming_normal_", {"mode": "fan_out", "nonlinearity": "relu"}, math.sqrt(2 / 250), False),
    ("kaiming_normal_", {"nonlinearity": "tanh"}, 5 / 3 / math.sqrt(400), False),
    ("kaiming_normal_", {"a": 0.1}, math.sqrt(2 / 1.01 / 400), False),
    ("normal_", {"mean": 0.0, "std": 0.3}, 0.3, False),
    ("uniform_", {"a": -0.3, "b": 0.3}, 0.3 / math.sqrt(3), True),
]


@pytest.mark.parametrize(("name", "options", "std", "uniform"), DRAWS)
def test_draws_have_the_spread_that_the_formula_says(name, options, std, uniform):
    W = Tensor(np.zeros((ROWS, COLUMNS)))
    assert getattr(init, name)(W, rng=np.random.default_rng(0), **options) is W
    entries = W.data.ravel()
    assert abs(entries.mean()) < 5 * std / math.sqrt(entries.size)
    assert entries.std() == pytest.approx(std, rel=0.01)
    bound = math.sqrt(3) * std
    if uniform:
        assert 0.999 * bound < np.abs(entries).max() <= bound
        assert np.histogram(entries, 4, (-bound, bound))[0] / entries.size == pytest.approx([0.25] * 4, abs=0.01)
    else:
        within = (np.abs(entries) < std).mean(), (np.abs(entries) < 2 * std).mean()
        assert within == pytest.approx((0.6827, 0.9545), abs=0.005)


@pytest.mark.parametrize(("name", "options", "std", "uniform"), DRAWS[:9])
def test_the_spread_is_pytorchs(torch, name, options, std, uniform):
    theirs = torch.empty(COLUMNS, ROWS, dtype=torch.float64)  # its weights are transposed
    torch.manual_seed(0)
    getattr(torch.nn.init, name)(theirs, **options)
    assert theirs.std().item() == pytest.approx(std, rel=0.01)


@pytest.mark.parametrize("name", ["linear", "identity", "sigmoid", "tanh", "relu", "selu", "leaky_relu"])
def test_gains_are_pytorchs(torch, name):
    theirs = 1.0 if name == "identity" else torch.nn.init.calculate_gain(name)
    assert init.calculate_gain(name) == pytest.approx(theirs, rel=1e-15)


def test_the_gain_of_a_slope_is_pytorchs(torch):
    assert init.calculate_gain("leaky_relu", 0.3) == pytest.approx(torch.nn.init.calculate_gain("leaky_relu", 0.3))


def test_a_linear_layer_starts_as_pytorchs():
    layer = nn.Linear(ROWS, COLUMNS, rng=0)
    bound = 1 / math.sqrt(ROWS)
    for p in (layer.weight, layer.bias):
        assert np.abs(p.data).max() <= bound
        assert p.data.std() == pytest.approx(bound / math.sqrt(3), rel=0.1)


@pytest.mark.parametrize("shape", [(5, 3), (3, 5), (4, 4), (1, 6)])
def test_orthogonal_rows_or_columns(shape):
    W = init.orthogonal_(Tensor(np.zeros(shape)), gain=2.0, rng=0).data
    product = W @ W.T if shape[0] <= shape[1] else W.T @ W
    np.testing.assert_allclose(product, 4 * np.eye(min(shape)), atol=1e-13)


def test_orthogonal_matrices_come_from_all_directions():
    """QR alone would fix the signs: every first entry negative."""
    rng = np.random.default_rng(0)
    firsts = [init.orthogonal_(Tensor(np.zeros((3, 3))), rng=rng).data[0, 0] for _ in range(400)]
    assert np.mean(np.array(firsts) > 0) == pytest.approx(0.5, abs=0.08)


def test_constants():
    p = Tensor(np.full((2, 3), 7.0, np.float32))
    assert init.zeros_(p).tolist() == [[0.0] * 3] * 2
    assert init.ones_(p).tolist() == [[1.0] * 3] * 2
    assert init.constant_(p, 0.25).tolist() == [[0.25] * 3] * 2
    assert p.dtype == np.float32


@pytest.mark.parametrize("name", ["xavier_uniform_", "kaiming_normal_", "orthogonal_", "uniform_", "normal_"])
def test_the_same_seed_gives_the_same_numbers(name):
    drawn = [
        getattr(init, name)(Tensor(np.zeros((2, 3))), rng=rng).tolist() for rng in (4, np.random.default_rng(4), None)
    ]
    assert drawn[0] == drawn[1] != drawn[2]
    old = [init.normal_(Tensor([0.0]), rng=np.random.RandomState(4)).tolist() for _ in range(2)]
    assert old[0] == old[1] == np.random.RandomState(4).normal(size=1).tolist()


@pytest.mark.parametrize(
    ("make", "error", "text"),
    [
        (
            lambda: init.xavier_normal_(Tensor([1.0, 2.0])),
            ShapeError,
            r"two axes or more, but was given .* \(2,\): fill",
        ),
        (lambda: init.kaiming_normal_(Tensor(np.zeros((0, 2)))), ShapeError, r"\(0, 2\)"),
        (lambda: init.orthogonal_(Tensor(np.zeros((2, 2, 2)))), ShapeError, r"\(2, 2, 2\)"),
        (
            lambda: init.kaiming_normal_(Tensor([[1.0]]), mode="fan"),
            ArgumentError,
            "'fan_in' or 'fan_out', but .* 'fan'",
        ),
        (lambda: init.calculate_gain("rleu"), ArgumentError, "no gain for 'rleu': choose one of linear,"),
        (lambda: init.zeros_(Tensor([1, 2])), DTypeError, "weights are floats, but the Tensor given holds int64"),
        (lambda: init.zeros_(None), DTypeError, "fills a Tensor, such as layer.weight, but was given None"),
        (
            lambda: init.xavier_normal_(nn.Linear(2, 1)),
            DTypeError,
            r"such as layer\.weight, but was given Linear\(2 → 1\)",
        ),
        (lambda: init.normal_(np.ones(2)), DTypeError, "fills a Tensor"),
        (
            lambda: init.normal_(Tensor([1.0]), std=-1),
            ArgumentError,
            "std must be a number, at least 0, but was given -1",
        ),
        (lambda: init.uniform_(Tensor([1.0]), 2, 1), ArgumentError, "numbers a <= b, but was given a=2 and b=1"),
        (lambda: init.normal_(Tensor([1.0]), rng=0.5), DTypeError, r"but was given 0\.5: numpy\.random\.default_rng"),
    ],
)
def test_bad_input_is_named(make, error, text):
    with pytest.raises(error, match=text):
        make()
