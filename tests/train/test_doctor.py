"""`train.doctor`: planted faults are found, healthy runs are left in peace."""

import collections
import functools
import threading
from pathlib import Path

import numpy as np
import pytest

import tinygrad_edu
from tests.train.healthy_runs import setup
from tests.train.planted_faults import FAULTS
from tinygrad_edu import Tensor, TinygradEduError, Value, data, nn, no_grad, optim, train
from tinygrad_edu.data import data_folder
from tinygrad_edu.errors import ArgumentError
from tinygrad_edu.graph import modes
from tinygrad_edu.graph.listeners import Observer
from tinygrad_edu.graph.modes import MODES, WATCH, observing
from tinygrad_edu.train.doctor.finding import Grade, Rule

F = nn.functional
SEEDS = 3  # `python -m tests.faults` takes twenty
HEALTHY = 40  # and two hundred
BLOCKS = 4

pytestmark = pytest.mark.filterwarnings("ignore:.*encountered:RuntimeWarning")  # planted infinities


def watched(run):
    """Run under a doctor."""
    with train.doctor(run.net, run.optimizer) as doctor:
        run.run()
    return doctor


class CaughtError(Exception):
    """The run need not go on."""


def catches(fault, seed):
    """Whether a run with the fault is told from a healthy one, by the fault's name."""

    def tell(finding):
        if finding.name == fault.partition(" | ")[0]:
            raise CaughtError

    run = FAULTS[fault](seed)
    try:
        with train.doctor(run.net, run.optimizer, tell=tell):
            run.run()
    except CaughtError:
        return True
    return False


def names(doctor):
    return [finding.name for finding in doctor.findings]


# --- the two promises ---


@pytest.mark.parametrize("fault", FAULTS)
def test_a_planted_fault_is_caught(fault):
    missed = [seed for seed in range(SEEDS) if not catches(fault, seed)]
    assert not missed, f"missed with the seeds {missed}"


@pytest.mark.parametrize("block", range(BLOCKS))
def test_healthy_runs_give_no_alarm(block):
    size = HEALTHY // BLOCKS
    for seed in range(block * size, (block + 1) * size):
        doctor = watched(setup(seed))
        assert not doctor.findings, f"seed {seed}: {doctor}"
        assert doctor.steps == 120


@functools.cache
def _pictures():
    X, y = data.mnist(split="test")
    return X[:300].reshape(300, -1) / 255, y[:300]


@pytest.mark.parametrize("optimizer", ["sgd", "momentum", "adam"])
@pytest.mark.parametrize("activation", ["relu", "sigmoid"])
def test_mnist_is_left_in_peace_when_scaled_and_only_then(optimizer, activation):
    if not (data_folder() / "mnist").is_dir():
        pytest.skip("needs the MNIST files")
    X, y = _pictures()
    run = setup(0, task="digits", activation=activation, optimizer=optimizer, depth=1)
    run.X, run.y = X, y
    layers = run.net.layers
    layers[0] = nn.Linear(784, layers[0].out_features, rng=run.rng)
    run.optimizer = type(run.optimizer)(run.net.parameters(), lr=run.optimizer.lr)
    assert not watched(run).findings
    run.X = run.X * 255
    assert not watched(run).findings  # BatchNorm takes the results of the first layer
    run.net = nn.Sequential(nn.Linear(784, 16, rng=0), *layers[2:-1], nn.Linear(16, 10, rng=1))
    run.net = nn.Sequential(*[layer for layer in run.net.layers if not isinstance(layer, nn.BatchNorm1d)])
    run.optimizer = type(run.optimizer)(run.net.parameters(), lr=run.optimizer.lr)
    learns = activation == "sigmoid" and optimizer != "momentum"
    assert ("inputs not normalized" in names(watched(run))) is not learns


# --- healthy runs that look odd ---


def _net(seed=0, *sizes):
    return nn.MLP(2, [*(sizes or (8, 1))], activation="tanh", rng=seed)


def _moons():
    X, y = data.moons(64, noise=0.1, rng=0)
    return X, y.reshape(-1, 1).astype(float)


def _loop(net, optimizer, loss_of, steps=120):
    with train.doctor(net, optimizer) as doctor:
        for _ in range(steps):
            optimizer.zero_grad()
            loss_of().backward()
            optimizer.step()
    return doctor


def test_accumulation_over_many_passes_before_the_first_step_is_healthy():
    net = _net()
    X, y = _moons()
    optimizer = optim.SGD(net.parameters(), lr=0.1)
    with train.doctor(net, optimizer) as doctor:
        for _ in range(70):
            F.binary_cross_entropy_with_logits(net(X), y).backward()
    assert not doctor.findings


def test_a_rate_of_zero_and_no_step_are_two_faults():
    X, y = _moons()
    for optimizer_of, name in (
        (lambda net: optim.SGD(net.parameters(), lr=0.0), "learning rate of 0"),
        (lambda net: optim.SGD(_net().parameters(), lr=0.1), "parameters that never change"),
    ):
        net = _net()
        optimizer = optimizer_of(net)
        with train.doctor(net, optimizer) as doctor:
            for _ in range(210):
                loss = F.binary_cross_entropy_with_logits(net(X), y)
                net.zero_grad()
                loss.backward()
                optimizer.step()
        assert names(doctor) == [name]


def _by_hand(net, steps, between=lambda: None, step=lambda: None):
    """A loop in which something stands between the backward pass and the step."""
    X, y = _moons()
    with train.doctor(net) as doctor:
        for _ in range(steps):
            F.binary_cross_entropy_with_logits(net(X), y).backward()
            between()
            step()
    return doctor


@pytest.mark.parametrize("optimizer_of", [lambda ps: optim.SGD(ps, lr=0.1), lambda ps: optim.Adam(ps, lr=0.1)])
def test_zero_grad_between_backward_and_step_is_named(optimizer_of):
    net = _net()
    optimizer = optimizer_of(net.parameters())
    doctor = _by_hand(net, 5, optimizer.zero_grad, optimizer.step)
    (finding,) = doctor.findings
    assert (finding.name, finding.step) == ("parameters that never change", 3)
    assert finding.sentence.startswith("zero_grad() is called between backward() and step()")
    assert "before loss.backward(), or after optimizer.step()" in finding.fix


def test_an_optimizer_of_another_net_may_step_while_the_gradients_are_reset():
    net, other = _net(), _net()
    critic = optim.SGD(other.parameters(), lr=0.1)
    assert not _by_hand(net, 9, net.zero_grad, critic.step).findings


def test_a_loop_that_only_renames_is_told_when_its_watch_ends():
    net = _net()

    def step():
        for p in net.parameters():
            p = p - 0.1 * p.grad
        net.zero_grad()

    doctor = _by_hand(net, 20, step=step)
    (finding,) = doctor.findings
    assert (finding.name, finding.step) == ("parameters that never change", 20)
    assert "p = p - … only gives the name p to a new node" in finding.fix


def test_accumulation_over_micro_batches_is_healthy():
    (X, y), net = _moons(), _net()
    optimizer = optim.SGD(net.parameters(), lr=0.1)
    with train.doctor(net, optimizer) as doctor:
        for step in range(120):
            part = slice(16 * (step % 4), 16 * (step % 4 + 1))
            (F.binary_cross_entropy_with_logits(net(X[part]), y[part]) / 4).backward()
            if step % 4 == 3:
                optimizer.step()
                optimizer.zero_grad()
    assert not doctor.findings


def test_two_losses_and_two_optimizers_that_take_turns_are_healthy():
    """As in adversarial training: the one's backward pass leaves gradients on the other, which are reset in time."""
    (X, _), maker, judge = _moons(), _net(0, 8, 2), _net(1)
    both = nn.Sequential(maker, judge)
    optimizers = [optim.Adam(part.parameters(), lr=0.005) for part in (maker, judge)]
    rng = np.random.default_rng(0)
    with train.doctor(both) as doctor:
        for step in range(200):
            noise, turn = rng.normal(size=(64, 2)), step % 2
            optimizers[turn].zero_grad()
            made = maker(noise)
            if turn:
                logits = np.concatenate([judge(made.detach()), judge(X)])
                F.binary_cross_entropy_with_logits(logits, np.repeat([[0.0], [1.0]], 64, 0)).backward()
            else:
                F.binary_cross_entropy_with_logits(judge(made), np.ones((64, 1))).backward()
            optimizers[turn].step()
    assert not doctor.findings


def test_a_line_search_may_call_the_model_in_training_mode():
    X, y = _moons()
    net = nn.Sequential(nn.Linear(2, 8, rng=0), nn.BatchNorm1d(8), nn.Tanh(), nn.Linear(8, 1, rng=1))
    optimizer = optim.BacktrackingLineSearch(net.parameters())
    with train.doctor(net, optimizer) as doctor:
        for _ in range(60):
            optimizer.step(lambda: F.binary_cross_entropy_with_logits(net(X), y))
    assert not doctor.findings
    assert doctor.steps == 60


def test_one_layer_may_begin_at_zero_and_so_may_the_last_of_several():
    X, y = _moons()
    for net in (nn.Linear(2, 1), _net()):
        for p in (net if isinstance(net, nn.Linear) else net.layers[-1]).parameters():
            nn.init.zeros_(p)
        doctor = _loop(
            net, optim.SGD(net.parameters(), lr=0.5), lambda net=net: F.binary_cross_entropy_with_logits(net(X), y)
        )
        assert not doctor.findings


def test_frozen_parameters_and_a_shared_layer_are_healthy():
    (X, y), net = _moons(), _net(0, 8, 8, 8, 1)
    net.layers[2] = net.layers[1]
    for p in net.layers[0].parameters():
        p.requires_grad = False
    doctor = _loop(net, optim.Adam(net.parameters(), lr=0.01), lambda: F.binary_cross_entropy_with_logits(net(X), y))
    assert not doctor.findings


@pytest.mark.parametrize("forget", ["net", "optimizer"])
def test_freezing_in_mid_training_and_thawing_later_is_healthy(forget):
    """The advice for a parameter that does not change would be what was just done: requires_grad = False."""
    (X, y), net = _moons(), _net(0, 8, 8, 1)
    optimizer = optim.Adam(net.parameters(), lr=0.01)
    first = net.layers[0].parameters()
    with train.doctor(net, optimizer) as doctor:
        for step in range(180):
            if step in (60, 120):
                for p in first:
                    p.requires_grad = step == 120
            (net if forget == "net" else optimizer).zero_grad()
            F.binary_cross_entropy_with_logits(net(X), y).backward()
            optimizer.step()
    assert not doctor.findings, str(doctor)


def test_fine_tuning_only_the_head_of_a_trained_net_is_healthy():
    (X, y), net = _moons(), _net(0, 8, 8, 1)

    def loss():
        return F.binary_cross_entropy_with_logits(net(X), y)

    _loop(net, optim.Adam(net.parameters(), lr=0.05), loss, steps=300)
    head = net.layers[-1]
    for reset in (False, True):
        if reset:
            nn.init.xavier_uniform_(head.weight, rng=1)
        doctor = _loop(net, optim.Adam(head.parameters(), lr=0.01), loss)
        assert not doctor.findings, str(doctor)


def test_fine_tuning_with_a_small_rate_is_healthy():
    (X, y), net = _moons(), _net()

    def loss():
        return F.binary_cross_entropy_with_logits(net(X), y)

    _loop(net, optim.Adam(net.parameters(), lr=0.05), loss, steps=300)
    assert not _loop(net, optim.SGD(net.parameters(), lr=1e-7), loss, steps=300).findings


def test_labels_that_cannot_be_learned_are_nobodys_fault():
    rng = np.random.default_rng(0)
    net = _net()

    def loss():  # other rows each time: the same rows with other labels would be a fault
        return F.binary_cross_entropy_with_logits(net(rng.normal(size=(64, 2))), rng.integers(0, 2, (64, 1)) * 1.0)

    assert not _loop(net, optim.SGD(net.parameters(), lr=0.1), loss, 400).findings


def test_outer_sums_and_pairwise_distances_are_no_broadcast_labels():
    X, net = np.random.default_rng(0).normal(size=(20, 2)), _net(0, 8, 2)
    targets = np.random.default_rng(1).normal(size=(20, 20))

    def loss():
        z = net(X)
        distances = ((z.reshape(20, 1, 2) - z.reshape(1, 20, 2)) ** 2).sum(-1)
        return ((distances - targets) ** 2).mean()

    assert not _loop(net, optim.Adam(net.parameters(), lr=0.01), loss).findings


def test_logits_that_lie_between_0_and_1_are_not_taken_for_probabilities():
    X, y = _moons()
    net = nn.Linear(2, 1, rng=0)
    net.weight.data[...], net.bias.data[...] = 0.01, 0.5
    doctor = _loop(net, optim.SGD(net.parameters(), lr=1e-3), lambda: F.binary_cross_entropy_with_logits(net(X), y), 60)
    assert not doctor.findings


def test_some_dead_relus_are_healthy():
    (X, y), net = _moons(), nn.MLP(2, [16, 1], activation="relu", rng=0)
    net.layers[0].bias.data[:8] = -20
    doctor = _loop(net, optim.Adam(net.parameters(), lr=0.01), lambda: F.binary_cross_entropy_with_logits(net(X), y))
    assert not doctor.findings


def test_one_forward_pass_before_the_training_is_no_evaluation():
    X, y = _moons()
    net = nn.Sequential(nn.Linear(2, 8, rng=0), nn.Dropout(0.2, rng=0), nn.Linear(8, 1, rng=1))
    with train.doctor(net) as doctor:
        with no_grad():
            net(X)
        for _ in range(3):
            F.binary_cross_entropy_with_logits(net(X), y).backward()
    assert not doctor.findings


def test_a_step_that_is_broken_off_is_no_evaluation():
    X, y = _moons()
    net = nn.Sequential(nn.Linear(2, 8, rng=0), nn.Dropout(0.2, rng=0), nn.Linear(8, 1, rng=1))
    with train.doctor(net) as doctor:
        for step in range(3):
            loss = F.binary_cross_entropy_with_logits(net(X), y)
            if step == 2:
                break
            loss.backward()
    assert not doctor.findings


def test_outputs_that_are_kept_and_never_trained_on_are_evaluation():
    X, y = _moons()
    net = nn.Sequential(nn.Linear(2, 8, rng=0), nn.Dropout(0.2, rng=0), nn.Linear(8, 1, rng=1))
    with train.doctor(net) as doctor:
        F.binary_cross_entropy_with_logits(net(X), y).backward()
        outputs = [net(X[:8]) for _ in range(2)]
    assert len(outputs) == 2
    assert names(doctor) == ["training mode during evaluation"]


# --- what it says ---


def test_a_finding_has_a_sentence_its_evidence_and_the_fix():
    run = FAULTS["missing zero_grad | no_zero_grad"](0)
    told = []
    with train.doctor(run.net, run.optimizer, tell=told.append) as doctor:
        run.run()
    (finding,) = doctor.findings
    assert told == [finding]
    assert finding.step == 4
    assert finding.sentence.endswith(".")
    assert "6 of 6 parameters" in finding.evidence
    assert "optimizer.zero_grad()" in finding.fix
    assert str(doctor) == str(finding)
    assert str(finding).splitlines()[0].startswith("missing zero_grad (step 4): the gradients are not reset")
    assert repr(doctor) == "<Doctor: 120 steps, 1 finding>"


def test_a_healthy_run_is_said_to_be_healthy():
    assert str(watched(setup(0))) == "The doctor has watched 120 steps and found nothing wrong."


def _line_that_ends(comment):
    lines = Path(__file__).read_text(encoding="utf-8").splitlines()
    return next(i for i, line in enumerate(lines, 1) if line.endswith(comment))


def test_nan_comes_with_the_operation_and_the_line():
    w = Tensor([1.0, 0.0], label="w")
    with train.doctor([w]) as doctor:
        y = w * 1.0
        loss = np.log(y).sum()  # the log of zero
        loss.backward()
    (finding,) = doctor.findings
    assert finding.sentence.startswith(
        f"log ({__file__}, line {_line_that_ends('# the log of zero')}) made the first -inf"
    )
    assert "mul of shape (2,) in [0, 1]" in finding.evidence


def test_nan_of_the_backward_pass_comes_with_its_operation():
    w = Tensor([4.0, 0.0], label="w")
    with train.doctor([w]) as doctor:
        np.sqrt(w).sum().backward()
    (finding,) = doctor.findings
    assert finding.sentence.startswith(f"the backward pass of sqrt with w ({__file__}, line ")
    assert "inf" in finding.sentence


def test_nan_in_a_parameter_or_in_the_data_is_told_from_one_that_was_computed():
    w = Tensor([1.0, np.nan], label="w")
    with train.doctor([w]) as doctor:
        (w * 2).sum().backward()
    assert doctor.findings[0].sentence.startswith("the parameter w is no longer finite")
    w = Tensor([1.0, 2.0], label="w")
    with train.doctor([w]) as doctor:
        (w * np.array([np.inf, 1.0])).sum().backward()
    assert doctor.findings[0].sentence == "the data that the net is given is not finite."
    assert "isfinite" in doctor.findings[0].fix


@pytest.mark.parametrize("cause", ["root_of_zero", "hole_in_the_data"])
def test_nan_is_not_blamed_on_the_learning_rate(cause):
    for seed in range(5):
        assert names(watched(FAULTS[f"NaN | {cause}"](seed))) == ["NaN"]


def test_in_a_net_of_values_it_sees_parameters_losses_and_nan():
    net = nn.scalar.MLP(2, [4, 1], activation="tanh", rng=0)
    X, y = data.xor()
    optimizer = optim.SGD(net.parameters(), lr=0.05)
    with train.doctor(net, optimizer) as doctor:
        for _ in range(10):
            loss = sum((net(x) - t) ** 2 for x, t in zip(X.tolist(), y.tolist(), strict=True))
            loss.backward()
            optimizer.step()
        (net(X[0].tolist()) * 0).log().backward()
    assert names(doctor) == ["missing zero_grad", "NaN"]
    assert doctor.findings[1].sentence.startswith(f"log ({__file__}, line ")


# --- how it watches ---


def test_the_run_is_the_same_to_the_last_bit():
    run, twin = setup(3), setup(3)
    watched(run)
    twin.run()
    for p, q in zip(run.net.parameters(), twin.net.parameters(), strict=True):
        np.testing.assert_array_equal(p.data, q.data)


def test_another_models_backward_pass_is_none_of_its_business():
    (X, y), net, other = _moons(), _net(), _net(1)
    with train.doctor(net) as doctor:
        F.mse_loss(other(X), y).backward()
        assert doctor.steps == 0
        F.mse_loss(net(X), y).backward()
    assert doctor.steps == 1


def test_it_is_a_callback_of_fit_too():
    X, y = data.xor(8)
    net = _net(0, 8, 2)
    doctor = train.Doctor()
    optimizer = optim.Adam(net.parameters(), lr=0.01)
    train.fit(net, X * 1000, y, loss=F.cross_entropy, optimizer=optimizer, epochs=5, callbacks=[doctor])
    assert names(doctor)[0] == "inputs not normalized"
    assert doctor.steps == 5
    assert not MODES.observers


def test_fit_inside_its_block_is_watched():
    X, y = data.xor(8)
    net = nn.Sequential(_net(0, 8, 8), nn.Dropout(0.1, rng=0), nn.Linear(8, 2, rng=0))
    optimizer = optim.Adam(net.parameters(), lr=0.01)
    with train.doctor(net, optimizer) as doctor:
        train.fit(
            net, X, y, loss=F.cross_entropy, optimizer=optimizer, epochs=150, metrics="accuracy", validation=(X, y)
        )
    assert not doctor.findings
    assert doctor.steps == 150


def test_an_error_in_the_run_ends_the_watch():
    net = _net()
    before = WATCH.active

    def broken(outputs, y):
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        train.fit(
            net,
            *_moons(),
            loss=broken,
            optimizer=optim.SGD(net.parameters(), lr=0.1),
            epochs=2,
            callbacks=[train.Doctor()],
        )
    assert not MODES.observers
    assert (WATCH.active, WATCH.before_backward, MODES.recording) == (before, 0, 0)


def test_of_a_compiled_step_it_sees_the_losses_and_says_so():
    X, y = data.xor(8)
    net = _net(0, 8, 2)
    optimizer = optim.SGD(net.parameters(), lr=0.1)
    doctor = train.Doctor()
    train.fit(net, X, y, loss=F.cross_entropy, optimizer=optimizer, epochs=3, callbacks=[doctor], compiled=True)
    assert doctor.steps == 3
    assert "The step is compiled, so it has no graph: the doctor sees only the losses and the weights" in str(doctor)


def test_a_rate_that_is_too_high_is_seen_in_a_compiled_step():
    X, y = _moons()
    net = _net(0, 8, 8, 1)
    optimizer = optim.SGD(net.parameters(), lr=1000.0)
    doctor = train.Doctor()
    loss = F.binary_cross_entropy_with_logits
    train.fit(net, X, y, loss=loss, optimizer=optimizer, epochs=30, callbacks=[doctor], compiled=True)
    assert names(doctor) == ["learning rate too high"]


def test_a_compiled_step_in_a_loop_by_hand_is_said_to_be_unseen():
    X, y = _moons()
    net = _net()
    optimizer = optim.SGD(net.parameters(), lr=0.1)

    @tinygrad_edu.compile
    def step(X, y):
        loss = F.binary_cross_entropy_with_logits(net(X), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss

    for _ in range(3):
        step(X, y)
    with train.doctor(net, optimizer) as doctor:
        for _ in range(3):
            step(X, y)
    assert "the step is compiled" in str(doctor)


# --- what a user does by mistake ---


def test_a_doctor_that_watches_cannot_be_entered_again():
    doctor = train.doctor(_net())
    with doctor, pytest.raises(TinygradEduError, match="this doctor is watching already: make a second one"), doctor:
        pass
    assert not MODES.observers


def test_two_doctors_of_one_net_say_so():
    net = _net()
    with train.doctor(net), train.doctor(net) as second:
        F.mse_loss(net(_moons()[0]), _moons()[1]).backward()
    assert "Another doctor watches the same net: both say the same." in str(second)


@pytest.mark.parametrize("error", [KeyboardInterrupt, ZeroDivisionError])
def test_a_loop_that_is_broken_off_is_said_to_be(error):
    net = _net()
    doctor = train.doctor(net)

    def loop():
        with doctor:
            F.mse_loss(net(_moons()[0]), _moons()[1]).backward()
            raise error

    with pytest.raises(error):
        loop()
    assert f"The loop ended with {error.__name__} at step 1: the findings are about the steps before." in str(doctor)


def test_a_net_that_grows_and_an_optimizer_that_is_exchanged_are_noted():
    (X, y), net = _moons(), _net(0, 8, 8, 1)
    first, second = (optim.SGD(net.parameters(), lr=0.1) for _ in range(2))
    with train.doctor(net, first) as doctor:
        for optimizer in (first, second):
            optimizer.zero_grad()
            F.binary_cross_entropy_with_logits(net(X), y).backward()
            optimizer.step()
        net.layers[1] = nn.Linear(8, 8, rng=0)
    assert "The net has got new parameters since the watch began (layers.1.weight, layers.1.bias)" in str(doctor)
    assert "changed by another optimizer than the one that the doctor was given." in str(doctor)


def test_no_steps_and_a_loss_that_is_never_backpropagated_are_said():
    net = _net()
    with train.doctor(net) as doctor:
        pass
    assert str(doctor).startswith("The doctor has seen no backward pass")
    with train.doctor(net) as doctor:
        for _ in range(4):
            F.mse_loss(net(_moons()[0]), _moons()[1])
    assert "The net was called 4 times, but no loss was backpropagated" in str(doctor)


def test_the_code_of_a_fix_has_the_programs_own_names():
    model = _net()
    adam = optim.Adam(model.parameters(), lr=0.01)
    with train.doctor(model, adam) as doctor:
        for _ in range(6):
            F.mse_loss(model(_moons()[0]), _moons()[1]).backward()
            adam.step()
    (finding,) = doctor.findings
    assert finding.code == "adam.zero_grad()  # before loss.backward()"
    assert finding.page == "docs/doctor.md#missing-zero_grad"
    assert 0.9 < finding.confidence <= 1


def test_a_rule_that_fails_does_not_end_the_run():
    class Broken(Rule):
        name, fix = "broken", ""

        def before(self, visit):
            raise ZeroDivisionError("by chance")

    net = _net()
    with train.doctor(net) as doctor:
        doctor._rules.append(Broken())
        doctor._by_moment.clear()
        for _ in range(2):
            F.mse_loss(net(_moons()[0]), _moons()[1]).backward()
    assert doctor.steps == 2
    assert doctor.notes == ["The rule for 'broken' failed, and was left out: ZeroDivisionError: by chance"]


@pytest.mark.parametrize(("grade", "names"), [(Grade.SHOWN, []), (Grade.LEFT_OVER, ["learning rate too high"])])
@pytest.mark.parametrize("fails_at", [2, 60])
def test_a_rule_that_fails_might_have_found_the_cause_of_later_grades(grade, names, fails_at):
    class Broken(Rule):
        name, fix = "broken", ""

        def before(self, visit):
            if visit.step == fails_at:
                raise ZeroDivisionError("by chance")

    Broken.grade = grade
    X, y = _moons()
    net = _net()
    optimizer = optim.SGD(net.parameters(), lr=1000.0)
    with np.errstate(all="ignore"), train.doctor(net, optimizer) as doctor:
        doctor._rules.append(Broken())
        doctor._by_moment.clear()
        for _ in range(80):
            loss = F.mse_loss(net(X), y)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    assert any("failed" in note for note in doctor.notes)
    assert [finding.name for finding in doctor.findings] == names


@pytest.mark.parametrize("kind", [list, tuple])
def test_it_takes_one_optimizer_only(kind):
    net = _net()
    one, other = (optim.SGD([p], lr=0.1) for p in net.parameters()[:2])
    with pytest.raises(ArgumentError, match="takes one optimizer, and got"):
        train.doctor(net, kind([one, other]))
    with pytest.raises(ArgumentError, match="learning rate"):
        train.doctor(net, object())


def test_it_may_be_used_again():
    run = FAULTS["missing zero_grad | no_zero_grad"](0)
    doctor = train.doctor(run.net, run.optimizer)
    for _ in range(2):
        with doctor:
            run.run()
        assert names(doctor) == ["missing zero_grad"]


def test_without_a_model_it_says_what_it_needs():
    with (
        pytest.raises(TinygradEduError, match=r"a doctor needs a model to watch: train\.doctor\(net, optimizer\)"),
        train.doctor(),
    ):
        pass


# --- the engine's observers ---


class Diary(Observer):
    def __init__(self):
        self.entries = []

    def on_module_call(self, module, y):
        self.entries.append(("called", type(module).__name__, y.shape))

    def before_backward(self, root):
        self.entries.append(("before", root.op))

    def after_backward(self, root):
        self.entries.append(("after", root.op))


def test_observers_are_told_of_calls_and_backward_passes_in_their_order():
    layer, diary = nn.Linear(2, 3), Diary()
    with observing(diary):
        layer(np.ones((5, 2))).sum().backward()
        Value(2.0).exp().backward()
        (Value(2.0) * 3).backward(create_graph=True)
    layer(np.ones((5, 2))).sum().backward()
    assert diary.entries == [
        ("called", "Linear", (5, 3)),
        *[("before", "sum"), ("after", "sum")],
        *[("before", "exp"), ("after", "exp")],
        *[("before", "mul"), ("after", "mul")],
    ]


def test_gradients_change_between_before_and_after():
    seen = collections.defaultdict(list)
    x = Tensor([3.0])

    class Gradients(Observer):
        def before_backward(self, root):
            seen["before"].append(x.grad)

        def after_backward(self, root):
            seen["after"].append(x.grad.tolist())

    with observing(Gradients()):
        (x * x).sum().backward()
    assert seen == {"before": [None], "after": [[6.0]]}


def test_observers_may_be_nested_and_end_in_any_order():
    first, second = Diary(), Diary()
    a, b = observing(first), observing(second)
    a.__enter__()
    b.__enter__()
    Value(1.0).exp().backward()
    a.__exit__(None, None, None)
    Value(1.0).exp().backward()
    b.__exit__(None, None, None)
    Value(1.0).exp().backward()
    assert (len(first.entries), len(second.entries)) == (2, 4)
    assert not MODES.observers
    assert (WATCH.before_backward, WATCH.after_backward) == (0, 0)


def test_observers_are_told_of_calls_with_values_and_of_constants():
    seen = []

    class Calls(Observer):
        def on_module_call(self, module, y):
            seen.append(type(module).__name__)

        def on_constant(self, operation, inputs, y):
            seen.append(operation.name)

    with observing(Calls()):
        nn.scalar.MLP(2, [3, 1], rng=0)([1.0, 2.0])
        nn.ReLU()(np.ones((1, 2)))
    assert seen == ["Layer", "Layer", "MLP", "relu", "ReLU"]


def test_an_observed_pass_takes_the_fast_paths():
    active = WATCH.active
    with observing(Diary()):
        assert (WATCH.active, WATCH.on_module_call, WATCH.on_optimizer_step) == (active, 1, 0)
    assert WATCH.on_module_call == 0


def test_observers_are_of_their_own_thread():
    diary = Diary()
    with observing(diary):
        other = threading.Thread(target=lambda: Value(1.0).exp().backward())
        other.start()
        other.join()
    assert not diary.entries


def test_a_base_observer_does_nothing():
    with observing(Observer()):
        layer = nn.Linear(2, 1, rng=0)
        layer(np.ones((1, 2))).sum().backward()
    assert layer.bias.grad.tolist() == [1.0]
    assert modes.MODES.observers == ()


def test_of_passes_that_are_only_counted_it_is_told_less():
    net = nn.MLP(3, [8, 1], rng=0)
    optimizer = optim.SGD(net.parameters(), lr=1e-3)
    told = []
    with train.doctor(net, optimizer) as doctor:
        for step in range(1, 41):
            if WATCH.on_module_call:
                told.append(step)
            loss = net(np.eye(3)).square().mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    assert told == [*range(1, 12), *range(18, 22), *range(28, 32), *range(38, 41)]  # two passes before each look
    assert doctor.steps == 40
    assert (WATCH.on_module_call, WATCH.before_backward) == (0, 0)


def test_an_evaluation_between_passes_that_are_only_counted_is_seen():
    net = nn.Sequential(nn.Linear(3, 8), nn.Dropout(0.5), nn.Linear(8, 1))
    optimizer = optim.SGD(net.parameters(), lr=1e-3)
    with train.doctor(net, optimizer) as doctor:
        for step in range(1, 20):
            loss = net(np.eye(3)).square().mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            if step == 14:
                with no_grad():
                    net(np.ones((2, 3)))
    assert names(doctor) == ["training mode during evaluation"]


def test_a_nan_in_a_pass_that_is_only_counted_is_found_with_its_line():
    net = nn.MLP(3, [8, 1], rng=0)
    optimizer = optim.SGD(net.parameters(), lr=1e-4)
    with train.doctor(net, optimizer) as doctor, np.errstate(all="ignore"):
        for step in range(1, 411):
            shift = Tensor(-100.0 if step == 410 else 100.0, requires_grad=False)
            loss = (net(np.eye(3)) + shift).log().mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    (finding,) = [f for f in doctor.findings if f.name == "NaN"]
    assert finding.step == 410
    assert "log (" in finding.sentence
    assert "test_doctor.py, line" in finding.sentence


def test_parameters_of_one_name_are_all_watched():
    """The layers of a list of parameters name them alike."""
    X, y = data.spirals(32, rng=0)
    first, second = nn.Linear(2, 4, rng=0), nn.Linear(4, 2, rng=1)
    optimizer = optim.SGD(second.parameters(), lr=0.1)
    parameters = [*first.parameters(), *second.parameters()]
    with train.doctor(parameters, optimizer) as doctor:
        for _ in range(60):
            loss = F.cross_entropy(second(first(X).relu()), y)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    (finding,) = doctor.findings
    assert finding.name == "parameter missing from the optimizer"
    assert finding.evidence.startswith("weight 0, bias 1 did not change")
    assert finding.code == "optimizer = optim.Adam(net.parameters(), lr=0.001)"
