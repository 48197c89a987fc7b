"""Settings that are numbers: what passes, as what, and how the rest is refused."""

import math
import re

import numpy as np
import pytest

from tinygrad_edu import Tensor, Value, nn, optim, save, train
from tinygrad_edu.errors import ArgumentError, TinygradEduError
from tinygrad_edu.support.arguments import at_least_zero, fraction, positive, proportion, whole_number


@pytest.mark.parametrize("given", [3, np.int64(3), np.uint8(3)])
def test_whole_numbers_of_any_kind_pass_as_ints(given):
    found = whole_number("n", given)
    assert type(found) is int
    assert found == 3


@pytest.mark.parametrize("given", [0, -1, 2.0, "3", None, True, np.array([3])])
def test_what_is_no_number_of_things_is_refused(given):
    with pytest.raises(
        ArgumentError, match=f"n must be a whole number, at least 1, but was given {re.escape(repr(given))}"
    ):
        whole_number("n", given)


@pytest.mark.parametrize("check", [at_least_zero, positive, fraction, proportion])
@pytest.mark.parametrize("given", [0.5, np.float32(0.5), np.float64(0.5), np.array(0.5), Tensor(0.5).detach()])
def test_numbers_of_any_kind_pass_as_floats(check, given):
    found = check("x", given)
    assert type(found) is float
    assert found == 0.5


@pytest.mark.parametrize("check", [at_least_zero, positive, fraction, proportion])
@pytest.mark.parametrize("node", [Tensor(0.5), Value(0.5)], ids=["Tensor", "Value"])
def test_a_setting_that_would_lose_its_gradient_is_refused(check, node):
    with pytest.raises(ArgumentError, match=r"x takes a plain number.*needs a gradient: pass its number"):
        check("x", node)


@pytest.mark.parametrize(
    "use",
    [
        lambda x, p: nn.functional.huber_loss(x, 2 * x, delta=p),
        lambda x, p: nn.functional.cross_entropy(x, np.array([0, 1]), label_smoothing=p),
        lambda x, p: optim.l2_penalty([x], p),
        lambda x, p: nn.LayerNorm(2, eps=p)(x),
    ],
    ids=["huber_loss", "label_smoothing", "l2_penalty", "LayerNorm"],
)
def test_no_setting_drops_a_gradient(use):
    with pytest.raises(ArgumentError, match="needs a gradient"):
        use(Tensor(np.eye(2)), Tensor(0.3))


@pytest.mark.parametrize(
    ("check", "where", "refused"),
    [
        (at_least_zero, "at least 0", [-0.1]),
        (positive, "above 0", [-0.1, 0]),
        (fraction, "at least 0 and below 1", [-0.1, 1]),
        (proportion, "at least 0 and at most 1", [-0.1, 1.1]),
    ],
)
def test_numbers_out_of_range_and_other_things_are_refused(check, where, refused):
    others = [math.nan, math.inf, "0.5", None, 1j, 10**400, [0.5], np.array([0.1, 0.2])]
    for given in [*refused, *others]:
        with pytest.raises(ArgumentError, match=f"x must be a number, {where}, but was given"):
            check("x", given)


def test_a_rate_of_numpys_leaves_float32_as_it_is():
    p = Tensor(np.ones(2, np.float32))
    optimizer = optim.SGD([p], lr=np.float64(0.1))
    assert type(optimizer.lr) is float
    p.grad = np.full(2, 3.0, np.float32)
    optim.clip_grad_norm_([p], np.float64(1.0))
    assert p.grad.dtype == np.float32


def test_the_sizes_of_a_net_may_come_from_a_generator():
    net = nn.MLP(2, (n for n in (16, 1)))
    assert [layer.out_features for layer in net.layers] == [16, 1]


@pytest.mark.parametrize(
    "wrong",
    [
        lambda net: optim.SGD(net, lr=0.1),
        lambda net: optim.SGD(net.parameters(), lr=net),
        lambda net: save("a", net),
        lambda net: net.load_state_dict(net),
        lambda net: optim.lr_scheduler.StepLR(net, 10),
        lambda net: train.fit(net, [], [], loss=nn.functional.mse_loss, optimizer=net),
        lambda net: nn.init.zeros_(net),
    ],
)
def test_what_takes_several_lines_is_named_by_its_type(wrong):
    with pytest.raises(TinygradEduError, match=r"^.* was given an object of the type MLP$"):
        wrong(nn.MLP(2, [3, 1]))
