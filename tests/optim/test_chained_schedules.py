"""Several things that set one optimizer's rate: schedules, a plateau, an assignment. PyTorch is the reference."""

import pytest

from tinygrad_edu import Value, optim
from tinygrad_edu.optim import lr_scheduler

PAIRS = [
    (lambda L, o: L.StepLR(o, step_size=3, gamma=0.5), lambda L, o: L.LinearLR(o, 0.1, 1.0, 4)),
    (lambda L, o: L.LinearLR(o, 0.1, 1.0, 4), lambda L, o: L.StepLR(o, step_size=3, gamma=0.5)),
    (lambda L, o: L.ExponentialLR(o, gamma=0.9), lambda L, o: L.MultiStepLR(o, milestones=[2, 5], gamma=0.1)),
    (lambda L, o: L.CosineAnnealingLR(o, T_max=5, eta_min=1e-4), lambda L, o: L.StepLR(o, step_size=6, gamma=0.5)),
    (lambda L, o: L.StepLR(o, step_size=2, gamma=0.5), lambda L, o: L.CosineAnnealingLR(o, T_max=3, eta_min=0.01)),
    (lambda L, o: L.ExponentialLR(o, gamma=0.9), lambda L, o: L.LambdaLR(o, lambda step: 1 / (1 + step))),
]
SINGLE = [first for first, _ in PAIRS] + [PAIRS[-1][1]]


class Theirs:
    """PyTorch's optimizer, with its rate as ``lr``."""

    def __init__(self, torch, lr):
        self.sgd = torch.optim.SGD([torch.nn.Parameter(torch.ones(1))], lr=lr)

    @property
    def lr(self):
        return self.sgd.param_groups[0]["lr"]

    @lr.setter
    def lr(self, lr):
        self.sgd.param_groups[0]["lr"] = lr

    def step(self):
        self.sgd.step()


class Ours(optim.SGD):
    def __init__(self, lr):
        super().__init__([Value(1.0)], lr=lr)
        self.sgd = self


def run(optimizer, module, makers, steps=13, change=None, plateau=False):
    schedules = [make(module, optimizer.sgd) for make in makers]
    if plateau:
        watcher = module.ReduceLROnPlateau(optimizer.sgd, factor=0.5, patience=1)
    rates = [optimizer.lr]
    for step in range(steps):
        optimizer.step()
        for schedule in schedules:
            schedule.step()
        if plateau:
            watcher.step(1.0)
        if change is not None and step == change:
            optimizer.lr = 0.3
        rates.append(optimizer.lr)
    return rates


@pytest.mark.parametrize("pair", PAIRS)
def test_two_schedules_of_one_optimizer_chain_as_in_pytorch(pair, torch):
    theirs = run(Theirs(torch, 0.1), torch.optim.lr_scheduler, pair)
    assert run(Ours(0.1), lr_scheduler, pair) == pytest.approx(theirs, rel=1e-10)


@pytest.mark.parametrize("make", SINGLE)
@pytest.mark.parametrize("options", [{"change": 0}, {"change": 4}, {"plateau": True}])
def test_a_rate_set_by_hand_or_on_a_plateau_is_followed_as_in_pytorch(make, options, torch):
    theirs = run(Theirs(torch, 0.1), torch.optim.lr_scheduler, [make], **options)
    assert run(Ours(0.1), lr_scheduler, [make], **options) == pytest.approx(theirs, rel=1e-10)


@pytest.mark.parametrize("pair", PAIRS)
def test_a_chain_that_is_saved_goes_on_where_it_was(pair):
    whole = run(Ours(0.1), lr_scheduler, pair)
    first, second = Ours(0.1), Ours(0.1)
    before = [make(lr_scheduler, first) for make in pair]
    for _ in range(6):
        for schedule in before:
            schedule.step()
    after = [make(lr_scheduler, second) for make in pair]
    second.load_state_dict(first.state_dict())
    for schedule, kept in zip(after, before, strict=True):
        schedule.load_state_dict(kept.state_dict())
    rates = [second.lr]
    for _ in range(7):
        for schedule in after:
            schedule.step()
        rates.append(second.lr)
    assert rates == whole[6:]


def test_a_chained_rate_never_falls_below_zero():
    """PyTorch's does here, and a step at a negative rate climbs."""
    pair = [lambda L, o: L.CosineAnnealingLR(o, T_max=5, eta_min=0.01), lambda L, o: L.StepLR(o, 2, gamma=0.1)]
    assert min(run(Ours(0.1), lr_scheduler, pair)) == 0.0


def test_alone_a_schedule_gives_its_formula_to_the_last_digit():
    optimizer = Ours(0.1)
    schedule = lr_scheduler.ExponentialLR(optimizer, gamma=0.97)
    for step in range(1, 100):
        schedule.step()
        assert optimizer.lr == schedule.rate(step)


def test_a_state_from_before_schedules_chained_is_still_read():
    schedule = lr_scheduler.StepLR(Ours(0.1), step_size=2, gamma=0.5)
    schedule.load_state_dict({"last_epoch": 4, "base_lr": 0.4})
    assert schedule.optimizer.lr == 0.1
    assert not schedule.chained


@pytest.mark.parametrize(
    ("mode", "threshold_mode", "best", "worse", "better"),
    [
        ("min", "rel", -100.0, -99.999, -101.0),
        ("max", "rel", -100.0, -100.001, -99.0),
        ("min", "rel", 100.0, 100.001, 99.0),
        ("max", "rel", 100.0, 99.999, 101.0),
        ("min", "abs", -1.0, -0.99, -2.0),
        ("max", "abs", -1.0, -1.01, 0.0),
    ],
)
def test_a_worse_metric_is_no_improvement_whatever_its_sign(mode, threshold_mode, best, worse, better):
    plateau = lr_scheduler.ReduceLROnPlateau(Ours(1.0), mode=mode, threshold_mode=threshold_mode, patience=5)
    plateau.step(best)
    plateau.step(worse)
    assert (plateau.best, plateau.num_bad_epochs) == (best, 1)
    plateau.step(better)
    assert (plateau.best, plateau.num_bad_epochs) == (better, 0)


def test_a_first_metric_that_is_no_number_is_no_best():
    plateau = lr_scheduler.ReduceLROnPlateau(Ours(1.0), patience=5)
    plateau.step(float("nan"))
    assert plateau.num_bad_epochs == 1
    plateau.step(3.0)
    assert plateau.best == 3.0
