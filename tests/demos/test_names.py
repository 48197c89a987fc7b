"""The lab `names`: its parts against what the lectures printed, and its quick run."""

import os
from pathlib import Path

import numpy as np
import pytest

from demos.names import batchnorm, bigram, by_hand, letters, recipes, training, transformer
from tinygrad_edu import data, nn

ROOT = Path(__file__).resolve().parents[2]
REAL = Path(os.environ.get("TINYGRAD_EDU_DATA", ROOT.parent / "shared" / "data"))
pytestmark = pytest.mark.skipif(not (REAL / "names").is_dir(), reason="needs the list of names")


def test_the_parts_are_those_of_the_lecture():
    assert [len(letters.windows(part, 3)[1]) for part in letters.parts()] == [182_625, 22_655, 22_866]
    X, y = letters.windows(letters.parts().train, 8)
    decode = letters.ALPHABET.decode
    assert [decode(before) for before in X[:8]] == [
        *("........", ".......y", "......yu", ".....yuh", "....yuhe", "...yuhen", "..yuheng", "........")
    ]
    assert decode(y[:8]) == "yuheng.d"


def test_the_published_loss_of_the_bigrams_comes_from_sums_in_float32():
    found = data.names()
    N = bigram.counts(found)
    assert bigram.loss_in_float32(N, found) == 2.4543561935424805
    assert bigram.loss(bigram.chances(N), found) == pytest.approx(2.454576820115704, abs=1e-12)


def test_the_bigram_net_comes_to_the_counted_table():
    few = data.names()[:300]
    P, losses = bigram.learn(few, 3000, np.random.default_rng(0), penalty=0.0)
    X, y = letters.windows(few, 1)
    N = bigram.counts(few)
    with np.errstate(divide="ignore", invalid="ignore"):
        best = -np.log((N / N.sum(axis=1, keepdims=True))[X[:, 0], y]).mean()
    assert best < losses[-1] < best + 0.02
    np.testing.assert_allclose(P.sum(axis=1), 1)


@pytest.mark.parametrize(
    ("way", "weights"), [("MLP", 11_897), ("BatchNorm", 12_097), ("WaveNet", 76_579), ("transformer", 202_816)]
)
def test_the_nets_have_as_many_weights_as_the_published_ones(way, weights):
    assert recipes.size(way) == weights


def test_the_first_loss_is_that_of_a_net_that_knows_nothing_where_the_weights_are_scaled():
    some = letters.parts().validation[:200]
    losses = {
        way: training.loss_of(recipes.RECIPES[way].make(np.random.default_rng(0)), recipes.RECIPES[way].width, some)
        for way in recipes.RECIPES
    }
    assert losses.pop("MLP") > 15
    np.testing.assert_allclose([*losses.values()], np.log(27), atol=0.1)


@pytest.mark.parametrize("exercise", by_hand.SOLUTIONS)
def test_the_exercise_takes_its_solution_and_no_gradient_that_is_wrong_by_a_thousandth(exercise):
    solution = by_hand.SOLUTIONS[exercise]
    assert by_hand.check(exercise, solution).right
    assert not by_hand.check(exercise, lambda *xs: 1.001 * solution(*xs)).right
    assert "the shape should be" in by_hand.check(exercise, lambda *xs: 0.0).words


def test_the_deep_nets_follow_from_the_seed_alone():
    for norm in (False, True):
        one, other = (batchnorm.deep(np.random.default_rng(0), norm=norm).state_dict() for _ in range(2))
        for name, array in one.items():
            np.testing.assert_array_equal(array, other[name], err_msg=name)


def test_batchnorm_keeps_the_deviation_from_layer_to_layer():
    found = {}
    for norm in (False, True):
        rng = np.random.default_rng(0)
        net = batchnorm.deep(rng, norm=norm)
        statistics = batchnorm.watch(net, letters.parts().train[:500], steps=3, rng=rng)
        found[norm] = [float(a.std()) for a in statistics.activations]
        assert statistics.ratios.shape == (3, 6)
        assert [g.shape for g in statistics.gradients] == [(32, 100)] * 5
    assert found[False][-1] < 0.7 * found[False][0]
    np.testing.assert_allclose(found[True], 0.63, atol=0.03)


def test_no_place_of_the_transformer_sees_a_later_one():
    net = transformer.make(np.random.default_rng(0))
    X, _ = transformer.rows(["emma", "emily"])
    one, other = net(X).numpy()
    np.testing.assert_allclose(one[:3], other[:3], atol=1e-6)
    assert np.abs(one[3:] - other[3:]).max() > 1e-4


def test_a_transformer_in_a_compiled_step_learns(monkeypatch):
    monkeypatch.setattr(training, "EVERY", 10)
    rng = np.random.default_rng(0)
    net = transformer.make(rng)
    curve = transformer.learn(net, data.names()[:200], steps=20, rng=rng)
    assert curve[1] < curve[0] < np.log(27) + 0.1
    assert isinstance(letters.draw(transformer.model(net), rng), str)


def test_the_wavelike_net_takes_statistics_over_batch_and_places():
    net = recipes.RECIPES["WaveNet"].make(np.random.default_rng(0))
    assert net(np.zeros((4, 8), int)).shape == (4, 27)
    assert sum(isinstance(part, nn.BatchNorm1d) for part in net.modules()) == 3
