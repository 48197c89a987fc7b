"""The lab `gpt`: each way to compute it against the published figures and against the others."""

import os
import random
import sys
from pathlib import Path

import numpy as np
import pytest

from demos import _gpt_runs, _gpt_scalar, _gpt_tensor, gpt
from demos._plain_value import PlainValue
from tinygrad_edu import Value, gradcheck, no_grad

ROOT = Path(__file__).resolve().parents[2]
REAL = Path(os.environ.get("TINYGRAD_EDU_DATA", ROOT.parent / "shared" / "data"))
pytestmark = pytest.mark.skipif(not (REAL / "names").is_dir(), reason="needs the list of names")
TOKENS = [26, 4, 12, 12, 0, 26]


def small(kind=_gpt_scalar.PUBLISHED):
    return _gpt_scalar.ScalarGPT(kind, random.Random(3))


def test_it_has_the_published_number_of_weights():
    assert len(small().parameters()) == 4192


@pytest.mark.parametrize(("way", "steps"), [("plain class", 2), ("Value", 15)])
def test_on_scalars_the_first_losses_are_the_published_ones_to_the_last_digit(way, steps):
    names = _gpt_runs.shuffled()
    step, _, _ = _gpt_runs.learner(way, _gpt_scalar.ScalarGPT(_gpt_runs.KINDS[way], names.rng))
    assert [step(tokens) for tokens in names.tokens[:steps]] == gpt.published()["losses"][:steps]


def test_with_dot_the_first_losses_are_the_published_ones_but_for_rounding():
    names = _gpt_runs.shuffled()
    step, _, _ = _gpt_runs.learner("dot", _gpt_scalar.ScalarGPT(_gpt_scalar.WITH_DOT, names.rng))
    losses = [step(tokens) for tokens in names.tokens[:3]]
    np.testing.assert_allclose(losses, gpt.published()["losses"][:3], rtol=1e-12)


@pytest.mark.parametrize(("way", "steps"), [("Tensor", 60), ("compiled", 300)])
def test_on_tensors_it_is_the_published_run_but_for_rounding(way, steps):
    learned = _gpt_runs.learn(way, steps=steps)
    np.testing.assert_allclose(learned.losses, gpt.published()["losses"][:steps], rtol=1e-8)
    assert len(learned.names) == 20
    assert all(name.isalpha() and name.islower() for name in learned.names)


def test_all_ways_have_the_same_loss_and_gradients():
    reference = small(_gpt_scalar.PLAIN)
    loss = reference.loss(TOKENS)
    loss.backward()
    gradients = np.array([weight.grad for weight in reference.parameters()])
    for kind in (_gpt_scalar.PUBLISHED, _gpt_scalar.WITH_DOT):
        twin = small(kind)
        again = twin.loss(TOKENS)
        again.backward()
        assert again.data == pytest.approx(loss.data, rel=1e-12)
        np.testing.assert_allclose([w.grad for w in twin.parameters()], gradients, rtol=1e-9, atol=1e-12)
    net = _gpt_tensor.TensorGPT.like(small())
    again = net.loss(*_gpt_tensor.padded(TOKENS))
    again.backward()
    assert again.item() == pytest.approx(loss.data, rel=1e-12)
    found = np.concatenate(
        [(p.grad if name in _gpt_tensor.TABLES else p.grad.T).reshape(-1) for name, p in net.named_parameters()]
    )
    np.testing.assert_allclose(found, gradients, rtol=1e-9, atol=1e-12)


def test_what_stands_behind_a_name_changes_nothing():
    net = _gpt_tensor.TensorGPT.like(small())
    now, shares = _gpt_tensor.padded(TOKENS)
    assert (shares > 0).sum() == len(TOKENS) - 1
    loss = net.loss(now, shares).item()
    now[len(TOKENS) :] = 7
    assert net.loss(now, shares).item() == pytest.approx(loss, rel=1e-14)


def test_a_name_longer_than_the_block_is_cut_in_every_way():
    tokens = [26, *range(20), 26]
    scalar = small()
    with no_grad():
        loss = scalar.loss(tokens).data
    assert _gpt_tensor.TensorGPT.like(scalar).loss(*_gpt_tensor.padded(tokens)).item() == pytest.approx(loss, rel=1e-12)


def test_the_attention_looks_back_alone_and_sums_to_one():
    weights = _gpt_tensor.attention_of(_gpt_tensor.TensorGPT.like(small()), TOKENS)
    assert weights.shape == (4, 6, 6)
    np.testing.assert_allclose(weights.sum(axis=-1), 1)
    assert (weights[:, ~np.tri(6, dtype=bool)] == 0).all()


def test_all_ways_sample_the_same_names():
    net = _gpt_tensor.TensorGPT.like(small())
    scalar = [small().sample(random.Random(seed)) for seed in range(2)]
    assert scalar == [_gpt_tensor.sample(net, random.Random(seed)) for seed in range(2)]


def test_the_one_head_of_scalars_is_the_head_of_the_net():
    net = _gpt_tensor.TensorGPT.like(small())
    tokens = TOKENS[:3]
    output, weight = gpt.one_head(net, tokens)
    x = _gpt_tensor.normalize(_gpt_tensor.normalize(net.token[np.array(tokens)] + net.position[:3]))
    head = net.attention(x)[0, -1] @ (x @ net.value)[:, 0]
    head.backward()
    assert output.data == pytest.approx(head.item(), rel=1e-12)
    output.backward()
    assert weight.grad == pytest.approx(net.query.grad[0, 0], rel=1e-9)


def test_the_published_log_is_a_log():
    assert gradcheck(_gpt_scalar.published_log, Value(0.3)).checked == 1


def test_the_plain_class_has_the_gradients_of_value():
    numbers = 0.7, -1.3

    def f(a, b):
        return ((a * b - 2 / (a + 3)) * -1).exp() + (b * b).log() * a.relu() - a**-0.5

    plain = [PlainValue(number) for number in numbers]
    own = [Value(number) for number in numbers]
    f(*plain).backward()
    f(*own).backward()
    assert [x.grad for x in plain] == pytest.approx([x.grad for x in own], rel=1e-12)


def test_each_way_can_be_timed():
    assert {way: _gpt_runs.seconds_a_step(way, steps=1) > 0 for way in ("dot", "compiled")} == {
        "dot": True,
        "compiled": True,
    }


def test_the_plain_class_leaves_the_limit_of_recursion_as_it_was():
    """It is the limit of the whole process: with a high one, deep recursion elsewhere ends the process."""
    limit = sys.getrecursionlimit()
    x = y = PlainValue(1.0)
    for _ in range(2 * limit):
        y = y + 1
    y.backward()
    assert (x.grad, sys.getrecursionlimit()) == (1.0, limit)
