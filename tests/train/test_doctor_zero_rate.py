"""A learning rate of 0 is named, unless a schedule starts or ends there."""

import pytest

from tinygrad_edu import data, nn, optim, train

F = nn.functional


def watched(rate_at, steps, *, kind=optim.SGD, examine=False):
    """A run whose learning rate is a function of the step."""
    X, y = data.moons(100, noise=0.1, rng=0)
    net = nn.MLP(2, [16, 2], rng=0)
    opt = kind(net.parameters(), lr=0.1)
    with train.doctor(net, opt, examine=examine) as doctor:
        for step in range(steps):
            opt.lr = rate_at(step)
            loss = F.cross_entropy(net(X), y)
            opt.zero_grad()
            loss.backward()
            opt.step()
    assert not [note for note in doctor.notes if "failed" in note]
    return doctor


def names(doctor):
    return [finding.name for finding in doctor.findings]


@pytest.mark.parametrize("kind", [optim.SGD, optim.Adam])
@pytest.mark.parametrize("steps", [10, 20, 300])
def test_a_rate_that_is_0_from_the_start_is_named(kind, steps):
    doctor = watched(lambda step: 0.0, steps, kind=kind)
    assert names(doctor) == ["learning rate of 0"]
    assert doctor.findings[0].code == "opt.lr = 0.01"


@pytest.mark.parametrize(("good", "steps"), [(40, 340), (300, 340)])
def test_a_rate_that_falls_to_0_at_once_is_named(good, steps):
    doctor = watched(lambda step: 0.5 if step < good else 0.0, steps)
    assert names(doctor) == ["learning rate of 0"]
    assert doctor.findings[0].code == "opt.lr = 0.5"
    assert f"at the last {steps - good} of {steps} steps" in doctor.findings[0].evidence


def test_a_decay_that_reaches_0_long_before_the_end_is_named():
    assert names(watched(lambda step: max(0.0, 0.5 - step / 100), 200)) == ["learning rate of 0"]


@pytest.mark.parametrize(
    ("rate_at", "steps"),
    [
        (lambda step: 0.01 * step, 60),  # a warm-up that starts at 0
        (lambda step: step // 250, 500),  # the same, one rate per epoch
        (lambda step: 0.5 * (1 - step / 119), 120),  # a decay that ends at 0
        (lambda step: 0.5 * (1 - step // 40 / 2), 120),  # the same, one rate per epoch
        (lambda step: 0.5 if step < 100 else 0.0, 120),  # too short to be sure
    ],
)
def test_a_schedule_that_starts_or_ends_at_0_is_left_in_peace(rate_at, steps):
    assert names(watched(rate_at, steps)) == []


def test_a_rate_of_0_beside_groups_with_rates_of_their_own_is_left_in_peace():
    X, y = data.moons(100, noise=0.1, rng=0)
    net = nn.MLP(2, [16, 2], rng=0)
    opt = optim.SGD([{"params": net.parameters(), "lr": 0.5}], lr=0.0)
    with train.doctor(net, opt) as doctor:
        for _ in range(60):
            loss = F.cross_entropy(net(X), y)
            opt.zero_grad()
            loss.backward()
            opt.step()
    assert names(doctor) == []


def test_a_rate_of_0_is_cured_with_the_rate_before_or_a_usual_one():
    began = watched(lambda step: 0.0, 60, examine=True).cure("learning rate of 0")
    assert began.code == "opt.lr = 0.01"
    assert began.cured[-1] < began.as_it_was[-1]
    fell = watched(lambda step: 0.5 if step < 20 else 0.0, 60, examine=True).cure("learning rate of 0")
    assert fell.code == "opt.lr = 0.5"
    assert fell.cured[-1] < fell.as_it_was[-1]


@pytest.mark.parametrize("rate", [1e-9, 0.5])
def test_a_short_run_is_said_to_be_too_short_to_judge_the_rate(rate):
    few = "It judges whether the learning rate is too low after 30 steps: these were too few."
    assert few in str(watched(lambda step: rate, 20))
    assert few not in str(watched(lambda step: 0.5, 60))


@pytest.mark.parametrize(("rate_at", "found"), [(lambda epoch: 0.0, True), (lambda epoch: 0.1 * epoch, False)])
def test_a_rate_of_0_is_seen_in_compiled_steps_too(rate_at, found):
    X, y = data.moons(100, noise=0.1, rng=0)
    net = nn.MLP(2, [8, 2], rng=0)
    optimizer = optim.SGD(net.parameters(), lr=0.1)
    schedule = optim.lr_scheduler.LambdaLR(optimizer, lambda epoch: 10 * rate_at(epoch))
    doctor = train.doctor()
    settings = {"loss": F.cross_entropy, "optimizer": optimizer, "schedule": schedule, "callbacks": [doctor]}
    train.fit(net, X, y, **settings, epochs=5, batch_size=25, compiled=True, rng=0)
    assert names(doctor) == ["learning rate of 0"] * found
    assert doctor.steps == 20
