"""What a newcomer gets wrong with the doctor is said in one sentence."""

import warnings

import numpy as np
import pytest

import viz
from tinygrad_edu import data, nn, no_grad, optim, train
from tinygrad_edu.errors import ArgumentError, DTypeError

F = nn.functional
ORDER = r"takes the net and then its optimizer, as in train\.doctor\(net, optimizer\), but was given"
USE = "use it as: with train.doctor(net, optimizer) as doctor"


def parts():
    net = nn.MLP(2, [8, 2], rng=0)
    return net, optim.SGD(net.parameters(), lr=0.1), *data.moons(60, noise=0.1, rng=0)


def test_the_net_comes_first():
    net, optimizer, X, y = parts()
    for given in ((optimizer, net), (optimizer,), (3,), ("net",), (np.ones(3), optimizer), ([X], optimizer)):
        with pytest.raises(DTypeError, match=ORDER):
            train.doctor(*given)
    for model in (net, net.parameters(), tuple(net.parameters()), net.parameters()[0]):
        train.doctor(model, optimizer)
    with train.doctor((p for p in net.parameters()), optimizer) as doctor:
        F.cross_entropy(net(X), y).backward()
    assert doctor.steps == 1


def test_a_doctor_that_never_watched_says_how_to_use_it():
    net, optimizer, X, y = parts()
    doctor = train.doctor(net, optimizer)
    F.cross_entropy(net(X), y).backward()
    optimizer.step()
    for text in (str(doctor), repr(doctor), doctor._repr_html_()):
        assert USE in text
    for ask in (doctor.examine, lambda: doctor.cure("missing zero_grad")):
        with pytest.raises(ArgumentError, match="use it as: with train"):
            ask()
    with doctor:
        F.cross_entropy(net(X), y).backward()
    assert USE not in str(doctor)


def _forward_only(steps, *, step=True, grad=True):
    net, optimizer, X, y = parts()
    with train.doctor(net, optimizer) as doctor:
        for _ in range(steps):
            if grad:
                F.cross_entropy(net(X), y)
            else:
                with no_grad():
                    net(X)
            optimizer.zero_grad()
            if step:
                optimizer.step()
    return doctor


def test_a_forgotten_backward_is_a_finding():
    doctor = _forward_only(5)
    (finding,) = doctor.findings
    assert (finding.name, finding.step) == ("no backward pass", 0)
    assert finding.code == "loss.backward()  # before optimizer.step()"
    assert "5 times" in finding.evidence
    assert str(doctor).count("backpropagated") == 1


@pytest.mark.parametrize("run", [{"step": False}, {"grad": False}, {"grad": False, "step": False}])
def test_a_net_that_is_only_looked_at_lacks_no_backward(run):
    assert not _forward_only(5, **run).findings


def test_a_loss_of_another_net_is_no_forgotten_backward():
    net, optimizer, X, y = parts()
    other = nn.MLP(2, [8, 2], rng=0)
    with train.doctor(net, optimizer) as doctor:
        for _ in range(5):
            net(X)
            F.cross_entropy(other(X), y).backward()
            optimizer.step()
    assert "no backward pass" not in [finding.name for finding in doctor.findings]


@pytest.mark.parametrize("kind", ["inputs", "targets", "both"])
@pytest.mark.parametrize("columns", [1, 2])
@pytest.mark.parametrize("loss_of", [F.mse_loss, F.l1_loss, F.binary_cross_entropy_with_logits])
def test_constant_numbers_make_no_warning(kind, columns, loss_of):
    X, _ = data.moons(60, noise=0.1, rng=0)
    y = np.random.default_rng(0).random((60, columns))
    X, y = (np.ones_like(X) if kind != "targets" else X), (np.full_like(y, 0.5) if kind != "inputs" else y)
    net = nn.MLP(2, [8, columns], rng=0)
    optimizer = optim.SGD(net.parameters(), lr=0.1)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with train.doctor(net, optimizer) as doctor:
            for step in range(220):
                rows = slice(20 * (step % 3), 20 * (step % 3) + 20)
                loss = loss_of(net(X[rows]), y[rows])
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
    assert not [note for note in doctor.notes if "failed" in note]


def test_targets_whose_means_cancel_make_no_warning():
    noise = np.random.default_rng(0).normal(size=(20, 1)) * 0.4
    net = nn.MLP(2, [8, 2], rng=0)
    optimizer = optim.SGD(net.parameters(), lr=0.01)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with train.doctor(net, optimizer) as doctor:
            for step in range(220):
                y = (1.0 if step // 3 % 2 else -1.0) + noise
                loss = F.mse_loss(net(np.ones((20, 2)) * step / 100), np.concatenate([y, -y], axis=1))
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
    assert not [note for note in doctor.notes if "failed" in note]


def test_a_cure_has_a_short_repr_and_is_what_plot_cure_takes():
    net, optimizer, X, y = parts()
    with train.doctor(net, optimizer, examine=True) as doctor:
        for _ in range(20):
            F.cross_entropy(net(X), y).backward()
            optimizer.step()
    cure = doctor.cure("missing zero_grad")
    assert repr(cure) == (
        f"<Cure of missing zero_grad: after 20 steps, the loss is {cure.cured[-1]:.4g} instead of "
        f"{cure.as_it_was[-1]:.4g}>"
    )
    for given in (doctor, doctor.findings[0], doctor.findings):
        with pytest.raises(DTypeError, match=r"takes a cure, as in plot_cure\(doctor\.cure\(finding\)\)"):
            viz.plot_cure(given)
