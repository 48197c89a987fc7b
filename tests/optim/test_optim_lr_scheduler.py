"""Schedules: PyTorch's rates step by step, Keras' where PyTorch has none, state, and bad input."""

import math

import numpy as np
import pytest

from tinygrad_edu import Value, load, optim, save
from tinygrad_edu.errors import ArgumentError, DTypeError
from tinygrad_edu.optim import lr_scheduler
from tinygrad_edu.support.state_dict import StateDictError

LIKE_PYTORCH = [
    ("LambdaLR", {"lr_lambda": lambda step: 1 / (1 + step)}),
    ("ExponentialLR", {"gamma": 0.9}),
    ("StepLR", {"step_size": 3}),
    ("StepLR", {"step_size": 4, "gamma": 0.7}),
    ("MultiStepLR", {"milestones": [2, 5, 5, 20], "gamma": 0.5}),
    ("MultiStepLR", {"milestones": []}),
    ("LinearLR", {}),
    ("LinearLR", {"start_factor": 0.2, "end_factor": 0.7, "total_iters": 9}),
    ("CosineAnnealingLR", {"T_max": 25}),
    ("CosineAnnealingLR", {"T_max": 10, "eta_min": 0.01}),
    ("ConstantLR", {}),
    ("ConstantLR", {"factor": 0.5, "total_iters": 7}),
    ("PolynomialLR", {}),
    ("PolynomialLR", {"total_iters": 20, "power": 2.5}),
    ("MultiplicativeLR", {"lr_lambda": lambda step: 1 - 0.5 / (1 + step)}),
    ("CosineAnnealingWarmRestarts", {"T_0": 7}),
    ("CosineAnnealingWarmRestarts", {"T_0": 3, "T_mult": 2, "eta_min": 0.01}),
    ("CyclicLR", {"base_lr": 0.01, "max_lr": 0.2, "step_size_up": 4}),
    ("CyclicLR", {"base_lr": 0.01, "max_lr": 0.2, "step_size_up": 4, "step_size_down": 7, "mode": "triangular2"}),
    ("CyclicLR", {"base_lr": 0.01, "max_lr": 0.2, "step_size_up": 5, "mode": "exp_range", "gamma": 0.9}),
    ("CyclicLR", {"base_lr": 0.01, "max_lr": 0.2, "step_size_up": 5, "cycle_momentum": False}),
    ("OneCycleLR", {"max_lr": 0.5, "total_steps": 30}),
    ("OneCycleLR", {"max_lr": 0.5, "total_steps": 31, "pct_start": 0.25, "div_factor": 10, "final_div_factor": 7}),
    ("OneCycleLR", {"max_lr": 0.5, "total_steps": 30, "base_momentum": 0.2, "max_momentum": 0.9}),
    ("OneCycleLR", {"max_lr": 0.5, "total_steps": 30, "cycle_momentum": False}),
]
OPTIMIZERS = {"SGD": {"lr": 0.1, "momentum": 0.9}, "Adam": {"lr": 0.03}}


def mine(optimizer="SGD"):
    return getattr(optim, optimizer)([Value(1.0)], **OPTIMIZERS[optimizer])


def theirs(torch, optimizer="SGD"):
    return getattr(torch.optim, optimizer)([torch.zeros(1, requires_grad=True)], **OPTIMIZERS[optimizer])


def settings_of(optimizer):
    """The rate, and the momentum, of either library's optimizer."""
    group = optimizer.param_groups[0] if hasattr(optimizer, "param_groups") else vars(optimizer)
    return [group["lr"], group["betas"][0] if "betas" in group else group["momentum"]]


def step(optimizer, scheduler, *metric):
    optimizer.step()
    scheduler.step(*metric)


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize(("name", "options"), LIKE_PYTORCH)
def test_thirty_steps_equal_pytorchs(torch, name, options, optimizer):
    a, b = mine(optimizer), theirs(torch, optimizer)
    first = getattr(lr_scheduler, name)(a, **options)
    second = getattr(torch.optim.lr_scheduler, name)(b, **options)
    for _ in range(29):
        np.testing.assert_allclose(settings_of(a), settings_of(b), rtol=1e-12, atol=1e-16)
        step(a, first)
        step(b, second)
    np.testing.assert_allclose(settings_of(a), settings_of(b), rtol=1e-12, atol=1e-16)


def test_schedules_in_sequence_and_at_once_equal_pytorchs(torch):
    for milestones, at_once in (([4, 15], False), (None, True)):
        a, b = mine(), theirs(torch)

        def parts(of, optimizer):
            return [of.ConstantLR(optimizer, 0.25, 9), of.ExponentialLR(optimizer, 0.9), of.StepLR(optimizer, 3, 0.5)]

        of = torch.optim.lr_scheduler
        if at_once:
            first = lr_scheduler.ChainedScheduler(parts(lr_scheduler, a))
            second = of.ChainedScheduler(parts(of, b))
        else:
            first = lr_scheduler.SequentialLR(a, parts(lr_scheduler, a), milestones)
            second = of.SequentialLR(b, parts(of, b), milestones)
        for _ in range(26):
            assert first.get_last_lr() == pytest.approx(second.get_last_lr(), rel=1e-12)
            step(a, first)
            step(b, second)


def test_schedules_of_schedules_refuse_others():
    a, b = mine(), mine()
    constant, exponential = lr_scheduler.ConstantLR(a), lr_scheduler.ExponentialLR(a, 0.9)
    with pytest.raises(ArgumentError, match="takes one milestone less than schedules, but was given 2 and 2"):
        lr_scheduler.SequentialLR(a, [constant, exponential], [2, 4])
    with pytest.raises(ArgumentError, match="SequentialLR takes schedules of its optimizer"):
        lr_scheduler.SequentialLR(b, [constant, exponential], [2])
    with pytest.raises(ArgumentError, match="ChainedScheduler takes schedules of its optimizer"):
        lr_scheduler.ChainedScheduler([])
    with pytest.raises(ArgumentError, match="CyclicLR: mode must be 'triangular'"):
        lr_scheduler.CyclicLR(a, 0.1, 1.0, mode="square")


def test_the_warm_up_equals_pytorchs_two_schedules_in_sequence(torch):
    a, b = mine(), theirs(torch)
    first = lr_scheduler.CosineAnnealingLR(a, T_max=20, eta_min=0.01, warmup_steps=6, start_factor=0.25)
    of = torch.optim.lr_scheduler
    parts = [of.LinearLR(b, start_factor=0.25, total_iters=6), of.CosineAnnealingLR(b, T_max=20, eta_min=0.01)]
    second = of.SequentialLR(b, parts, milestones=[6])
    for _ in range(26):
        assert settings_of(a) == pytest.approx(settings_of(b), rel=1e-12)
        step(a, first)
        b.step()
        second.step()


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"factor": 0.5, "patience": 2},
        {"patience": 1, "cooldown": 3},
        {"patience": 1, "threshold": 0.2},
        {"patience": 1, "threshold": 0.1, "threshold_mode": "abs"},
        {"patience": 0, "mode": "max"},
        {"patience": 0, "mode": "max", "threshold": 0.3, "threshold_mode": "abs"},
        {"patience": 0, "min_lr": 0.02},
        {"patience": 0, "factor": 0.9, "eps": 0.005},
    ],
)
@pytest.mark.parametrize("shift", [0.0, -2.0])
def test_reducing_on_a_plateau_equals_pytorchs(torch, options, shift):
    if shift and options.get("threshold") == 0.2:
        options = options | {"threshold": 1e-3}  # with 0.2, PyTorch takes worse negative metrics for improvements
    a, b = mine(), theirs(torch)
    first = lr_scheduler.ReduceLROnPlateau(a, **options)
    second = torch.optim.lr_scheduler.ReduceLROnPlateau(b, **options)
    rng = np.random.default_rng(0)
    for k in range(80):
        metric = math.nan if k % 19 == 7 else shift + 1 / (1 + k // 10) + 0.1 * rng.random()
        step(a, first, metric)
        step(b, second, metric)
        assert settings_of(a) == pytest.approx(settings_of(b), rel=1e-12)


def test_a_plateau_takes_a_node_as_metric():
    optimizer = mine()
    scheduler = lr_scheduler.ReduceLROnPlateau(optimizer, patience=0, factor=0.5)
    for _ in range(2):
        scheduler.step(Value(1.0))
    assert optimizer.lr == 0.05


def test_exponential_decay_is_keras():
    """initial_learning_rate * decay_rate ** (step / decay_steps), or with the integer quotient if in stairs."""
    smooth = lr_scheduler.ExponentialLR(mine(), gamma=0.96, decay_steps=7)
    stairs = lr_scheduler.ExponentialLR(mine(), gamma=0.96, decay_steps=7, staircase=True)
    for k in (0, 1, 6, 7, 20, 21):
        assert smooth.rate(k) == pytest.approx(0.1 * 0.96 ** (k / 7), rel=1e-15)
        assert stairs.rate(k) == pytest.approx(0.1 * 0.96 ** (k // 7), rel=1e-15)


def test_piecewise_constant_rates_are_keras():
    """Keras' own example: 1.0 for the first 100001 steps, 0.5 for the next 10000, and then 0.1."""
    optimizer = mine()
    schedule = lr_scheduler.PiecewiseConstantLR(optimizer, boundaries=[100_000, 110_000], values=[1.0, 0.5, 0.1])
    assert optimizer.lr == 1.0
    rates = [schedule.rate(k) for k in (0, 100_000, 100_001, 110_000, 110_001)]
    assert rates == [1.0, 1.0, 0.5, 0.5, 0.1]


SCHEDULES = {
    "lambda": lambda o: lr_scheduler.LambdaLR(o, lambda step: 0.5**step),
    "exponential": lambda o: lr_scheduler.ExponentialLR(o, gamma=0.9),
    "step": lambda o: lr_scheduler.StepLR(o, step_size=3),
    "milestones": lambda o: lr_scheduler.MultiStepLR(o, milestones=[2, 9]),
    "piecewise": lambda o: lr_scheduler.PiecewiseConstantLR(o, boundaries=[4], values=[0.3, 0.1]),
    "linear": lr_scheduler.LinearLR,
    "cosine": lambda o: lr_scheduler.CosineAnnealingLR(o, T_max=10, warmup_steps=8),
    "one cycle": lambda o: lr_scheduler.OneCycleLR(o, max_lr=0.5, total_steps=20),
    "plateau": lambda o: lr_scheduler.ReduceLROnPlateau(o, patience=1),
}


@pytest.mark.parametrize("name", SCHEDULES)
def test_a_saved_schedule_goes_on_to_the_bit(tmp_path, name):
    def run(optimizer, scheduler, steps):
        rates = []
        for _ in range(steps):
            scheduler.step(*([0.5] if name == "plateau" else []))
            rates.append((optimizer.lr, optimizer.momentum))
        return rates

    a, b = mine(), optim.SGD([Value(1.0)], lr=7.0, momentum=0.1)
    first, second = SCHEDULES[name](a), SCHEDULES[name](b)
    run(a, first, 7)
    save(tmp_path / "optimizer", a.state_dict())
    save(tmp_path / "scheduler", first.state_dict())
    b.load_state_dict(load(tmp_path / "optimizer"))
    second.load_state_dict(load(tmp_path / "scheduler"))
    assert (a.lr, a.momentum) == (b.lr, b.momentum)
    assert run(a, first, 9) == run(b, second, 9)


def test_a_state_that_does_not_fit_is_named_and_changes_nothing():
    scheduler = lr_scheduler.StepLR(mine(), step_size=3)
    with pytest.raises(
        StateDictError, match=r"StepLR.*base_lr is missing; best is surplus; last_epoch must hold numbers"
    ):
        scheduler.load_state_dict({"last_epoch": "three", "best": 1.0})
    assert scheduler.state_dict() == {"last_epoch": 0, "base_lr": 0.1, "last_lr": 0.1, "chained": 0}


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda o: lr_scheduler.StepLR(o, step_size=0), "step_size must be a whole number, at least 1"),
        (lambda o: lr_scheduler.StepLR(o, step_size=2.5), "step_size must be"),
        (lambda o: lr_scheduler.ExponentialLR(o, gamma=-0.5), "gamma must be a number, above 0"),
        (lambda o: lr_scheduler.MultiStepLR(o, milestones=[5, 2]), r"milestones must rise, but were given as \[5, 2\]"),
        (lambda o: lr_scheduler.MultiStepLR(o, milestones=[5.5]), "each of the milestones must be a whole number"),
        (lambda o: lr_scheduler.CosineAnnealingLR(o, 5, warmup_steps=-1), "warmup_steps must be .* at least 0"),
        (lambda o: lr_scheduler.PiecewiseConstantLR(o, [5], [0.1]), "one value more than boundaries"),
        (lambda o: lr_scheduler.PiecewiseConstantLR(o, [5], [0.1, -1]), "a learning rate must be"),
        (lambda o: lr_scheduler.CosineAnnealingLR(o, T_max=-1), "T_max must be"),
        (lambda o: lr_scheduler.LinearLR(o, start_factor=-1), "start_factor must be"),
        (lambda o: lr_scheduler.OneCycleLR(o, max_lr=0, total_steps=5), "max_lr must be"),
        (lambda o: lr_scheduler.OneCycleLR(o, max_lr=1, total_steps=5, pct_start=1.5), "pct_start must be"),
        (lambda o: lr_scheduler.OneCycleLR(optim.Adagrad(o.params), 1, 5), "Adagrad has no momentum to cycle"),
        (lambda o: lr_scheduler.OneCycleLR(o, 1, 5).rate(6), "step 6 is past the cycle, which has total_steps=5"),
        (
            lambda o: lr_scheduler.ReduceLROnPlateau(o, mode="least"),
            "mode must be 'min' or 'max', but was given 'least'",
        ),
        (lambda o: lr_scheduler.ReduceLROnPlateau(o, threshold_mode="%"), "threshold_mode must be"),
        (lambda o: lr_scheduler.ReduceLROnPlateau(o, factor=1.0), "factor must be"),
        (lambda o: lr_scheduler.ReduceLROnPlateau(o, patience=-1), "patience must be a whole number, at least 0"),
        (lambda o: lr_scheduler.ReduceLROnPlateau(o, cooldown=0.5), "cooldown must be a whole number, at least 0"),
    ],
)
def test_bad_settings_are_named(make, text):
    with pytest.raises(ArgumentError, match=text):
        make(mine())


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (
            lambda o: lr_scheduler.LambdaLR(o, 0.5),
            "LambdaLR takes a function of the number of steps",
        ),
        (lambda o: lr_scheduler.MultiStepLR(o, 30), r"milestones must be a list of steps, such as \[30, 60\], .* 30"),
    ],
)
def test_settings_of_another_type_are_named(make, text):
    with pytest.raises(DTypeError, match=text):
        make(mine())


def test_a_schedule_tells_where_it_is():
    scheduler = lr_scheduler.StepLR(mine(), step_size=1, gamma=0.5)
    scheduler.step()
    assert repr(scheduler) == "<StepLR after 1 step: lr=0.05>"


def test_only_optimizers_are_scheduled():
    with pytest.raises(DTypeError, match=r"StepLR takes an optimizer, but was given 0\.1"):
        lr_scheduler.StepLR(0.1, step_size=1)
