"""Rules of the doctor beside what looks like their fault and is none."""

import numpy as np
import pytest

from tinygrad_edu import Tensor, data, nn, no_grad, optim, train
from tinygrad_edu.train.doctor.course import Course

F = nn.functional


def watched(net, loss_of, steps=120, optimizer=None):
    """What the doctor says of a run whose loss is a function of the step."""
    optimizer = optimizer or optim.Adam(net.parameters(), lr=0.01)
    with train.doctor(net, optimizer) as doctor:
        for step in range(steps):
            loss = loss_of(step)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    assert not [note for note in doctor.notes if "failed" in note]
    return [finding.name for finding in doctor.findings]


# --- inputs ---


@pytest.mark.parametrize("kind", [nn.RNN, nn.LSTM, nn.GRU])
@pytest.mark.parametrize("coded", [False, True], ids=["numbers", "embedded"])
def test_the_zeros_that_a_recurrent_layer_begins_with_are_no_inputs(kind, coded):
    rng = np.random.default_rng(0)
    codes = rng.integers(0, 8, (64, 5))
    y = (codes[:, -2:].sum(1) > 7).astype(int)
    table = nn.Embedding(8, 4, rng=0)
    cell, head = kind(4 if coded else 1, 8, batch_first=True, rng=0), nn.Linear(8, 2, rng=1)
    net = nn.ModuleList([table, cell, head] if coded else [cell, head])
    x = (codes[:, :, None] - 3.5) / 2

    def loss_of(step):
        outputs, _ = cell(table(codes) if coded else x)
        return F.cross_entropy(head(outputs[:, -1]), y)

    assert watched(net, loss_of) == []


def test_inputs_that_are_all_zero_are_seen_in_a_recurrent_net_too():
    cell, head = nn.RNN(1, 8, batch_first=True, rng=0), nn.Linear(8, 2, rng=1)
    X, y = np.zeros((64, 5, 1)), np.arange(64) % 2

    def loss_of(step):
        return F.cross_entropy(head(cell(X)[0][:, -1]), y)

    assert "inputs that are all equal" in watched(nn.ModuleList([cell, head]), loss_of)


def test_recurrent_weights_that_meet_only_zeros_are_named():
    rng = np.random.default_rng(0)
    cell, head = nn.GRU(1, 8, batch_first=True, rng=0), nn.Linear(8, 2, rng=1)
    X = rng.normal(size=(64, 5, 1))
    y = (X.sum((1, 2)) > 0).astype(int)

    def said(place):
        net = nn.ModuleList([cell, head])
        return watched(net, lambda _: F.cross_entropy(head(cell(X)[0][:, place]), y))

    assert (said(0), said(-1)) == (["recurrent weights without effect"], [])


@pytest.mark.parametrize("tested", ["all rows", "the others", "nothing"])
def test_the_same_slice_at_every_step_is_named_only_if_the_loss_of_all_rows_is_looked_at(tested):
    X, y = data.digits()
    X, y = X[:400] / 16, y[:400]
    net = nn.MLP(64, [32, 10], rng=0)
    optimizer = optim.Adam(net.parameters(), lr=0.01)
    with train.doctor(net, optimizer) as doctor:
        for step in range(120):
            loss = F.cross_entropy(net(X[:20]), y[:20])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            if tested != "nothing" and step % 40 == 39:
                first = 0 if tested == "all rows" else 20
                with no_grad():
                    F.cross_entropy(net(X[first:]), y[first:])
    names = [finding.name for finding in doctor.findings]
    assert names == ["the same batch at every step"] * (tested == "all rows")


@pytest.mark.parametrize("kept", [False, True], ids=["taken in the loop", "a variable"])
def test_the_first_batch_of_a_list_at_every_step_is_named_unless_it_is_a_variable(kept):
    X, y = data.digits()
    loader = [(X[i : i + 20], y[i : i + 20]) for i in range(0, 400, 20)]
    rows = loader[0] if kept else None
    net = nn.MLP(64, [16, 10], rng=0)
    optimizer = optim.Adam(net.parameters(), lr=0.01)
    with train.doctor(net, optimizer) as doctor:
        for _ in range(120):
            inputs, labels = rows or next(iter(loader))
            loss = F.cross_entropy(net(inputs / (1 if kept else 16)), labels)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    assert [finding.name for finding in doctor.findings] == ["the same batch at every step"] * (not kept)


def test_parts_of_two_purposes_are_no_batches():
    X, y = data.moons(200, noise=0.1, rng=0)
    parts = [(X[:40], y[:40]), (X[40:], y[40:])]
    net = nn.MLP(2, [16, 2], rng=0)
    optimizer = optim.Adam(net.parameters(), lr=0.01)
    with train.doctor(net, optimizer) as doctor:
        for _ in range(120):
            loss = F.cross_entropy(net(parts[0][0]), parts[0][1])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    assert doctor.findings == []


def test_a_batch_that_is_learned_on_purpose_is_left_in_peace():
    X, y = data.moons(200, noise=0.1, rng=0)
    few, labels = X[:20], y[:20]
    net = nn.MLP(2, [16, 2], rng=0)
    optimizer = optim.Adam(net.parameters(), lr=0.01)
    with train.doctor(net, optimizer) as doctor:
        for _ in range(120):
            loss = F.cross_entropy(net(few), labels)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    assert doctor.findings == []


# --- gradients and rates ---


def test_small_first_gradients_are_no_fault_where_the_loss_falls():
    X, y = data.moons(100, noise=0.1, rng=0)
    net = nn.MLP(2, [16, 16, 16, 2], activation="tanh", rng=0)
    for p in net.layers[0].parameters():
        p.data *= 30  # saturated: hardly a gradient passes, but the others learn

    assert "vanishing gradients" not in watched(net, lambda _: F.cross_entropy(net(X), y))


@pytest.mark.parametrize("steps", [40, 120, 250])
def test_a_rate_that_is_too_low_is_seen_in_short_runs_too(steps):
    X, y = data.moons(100, noise=0.1, rng=0)
    net = nn.MLP(2, [16, 2], rng=0)
    optimizer = optim.SGD(net.parameters(), lr=1e-6)
    assert watched(net, lambda _: F.cross_entropy(net(X), y), steps, optimizer) == ["learning rate too low"]


@pytest.mark.parametrize("steps", [600, 240], ids=["ends", "lasts"])
def test_a_warm_up_is_too_slow_only_if_the_run_ends_before_it(steps):
    X, y = data.moons(100, noise=0.1, rng=0)
    net = nn.MLP(2, [16, 2], rng=0)
    optimizer = optim.SGD(net.parameters(), lr=1e-9)

    def loss_of(step):
        optimizer.lr = 1e-7 * (step + 1) if step < 250 else 0.1
        return F.cross_entropy(net(X), y)

    assert watched(net, loss_of, steps, optimizer) == ([] if steps == 600 else ["warm-up longer than the run"])


@pytest.mark.parametrize("written", ["picked", "nll", "factor"])
def test_a_likelihood_that_falls_is_ascent(written):
    X, y = data.moons(100, noise=0.1, rng=0)
    y = y.astype(int)

    def run(right):
        net = nn.MLP(2, [16, 2], rng=0)
        sign = 1.0 if right else -1.0
        losses = {
            "picked": lambda log_p: -sign * log_p[np.arange(100), y].mean(),
            "nll": lambda log_p: sign * F.nll_loss(log_p, y),
            "factor": lambda log_p: log_p[np.arange(100), y].sum() * (-sign / 100),
        }
        optimizer = optim.SGD(net.parameters(), lr=0.1)
        return watched(net, lambda _: losses[written](F.log_softmax(net(X))), 100, optimizer)

    assert "gradient ascent" in run(right=False)
    assert run(right=True) == []


# --- what enters the loss ---


def test_a_softmax_along_the_batch_is_named_and_one_along_the_classes_is_not():
    X, y = data.moons(100, noise=0.1, rng=0)
    for axis, said in ((0, ["softmax over the batch"]), (1, [])):
        net = nn.MLP(2, [16, 2], rng=0)
        names = watched(net, lambda _: F.nll_loss(F.log_softmax(net(X), axis=axis), y))  # noqa: B023 used at once
        assert names == said


def test_similarities_may_be_normalized_along_both_axes():
    rng = np.random.default_rng(0)
    a, b = nn.Linear(4, 4, rng=0), nn.Linear(4, 4, rng=1)
    X = rng.normal(size=(40, 4))
    pairs = np.arange(40)

    def loss_of(step):
        z = a(X) @ b(X + 0.1).T
        picked = F.log_softmax(z, axis=0)[pairs, pairs] + F.log_softmax(z, axis=1)[pairs, pairs]
        return -picked.mean()

    assert watched(nn.ModuleList([a, b]), loss_of) == []


@pytest.mark.parametrize("detached", [True, False], ids=["cut", "whole"])
def test_a_loss_of_which_only_the_penalty_learns(detached):
    X, y = data.moons(100, noise=0.1, rng=0)
    net = nn.MLP(2, [16, 2], rng=0)

    def loss_of(step):
        logits = net(X)
        error = F.cross_entropy(logits.detach() if detached else logits, y)
        return error + optim.l2_penalty(net.parameters(), 1e-4)

    assert watched(net, loss_of) == (["outputs cut from the loss"] if detached else [])


def test_rows_with_another_label_each_time_are_named():
    X, y = data.moons(100, noise=0.1, rng=0)
    rng = np.random.default_rng(0)
    net = nn.MLP(2, [16, 2], rng=0)
    assert watched(net, lambda _: F.cross_entropy(net(X[rng.permutation(100)]), y)) == [
        "labels that change from epoch to epoch"
    ]


def test_answers_that_are_drawn_and_places_in_the_batch_are_no_changing_labels():
    X, _ = data.moons(100, noise=0.1, rng=0)
    rng = np.random.default_rng(0)
    net = nn.MLP(2, [16, 2], rng=0)

    def reward(step):
        log_p = F.log_softmax(net(X))
        action = (rng.random(100) < 0.5).astype(int)
        return -(log_p[np.arange(100), action] * rng.normal(size=100)).mean()

    assert "labels that change from epoch to epoch" not in watched(net, reward)
    net = nn.MLP(2, [16, 4], rng=0)

    def places(step):
        rows = rng.permutation(100)[:50]
        return F.cross_entropy(net(X[rows]) @ net(X[rows] + 0.5).T, np.arange(50))

    assert "labels that change from epoch to epoch" not in watched(net, places)


@pytest.mark.parametrize("ordered", [True, False])
def test_numbers_of_classes_are_told_from_grades_by_their_inputs(ordered):
    rng = np.random.default_rng(1)
    y = rng.integers(0, 6, 240)
    centres = np.linspace(-4, 4, 6)[:, None] * [1.0, 0.5] if ordered else 4 * rng.normal(size=(6, 2))
    X = centres[y] + 0.4 * rng.normal(size=(240, 2))
    net = nn.MLP(2, [32, 1], rng=0)
    names = watched(net, lambda _: F.mse_loss(net(X).reshape(-1), y.astype(float)), 300)
    assert names == ([] if ordered else ["distance between class numbers"])


@pytest.mark.parametrize("rows", [2, 16])
def test_batch_norm_needs_rows(rows):
    X, y = data.moons(200, noise=0.1, rng=0)
    rng = np.random.default_rng(0)
    net = nn.Sequential(nn.Linear(2, 16, rng=0), nn.BatchNorm1d(16), nn.ReLU(), nn.Linear(16, 2, rng=1))

    def loss_of(step):
        batch = rng.permutation(200)[:rows]
        return F.cross_entropy(net(X[batch]), y[batch])

    assert watched(net, loss_of, 300) == (["BatchNorm of too few rows"] if rows == 2 else [])


# --- what the optimizer holds ---


@pytest.mark.parametrize("trained", [True, False])
def test_an_embedding_that_the_optimizer_does_not_hold(trained):
    rng = np.random.default_rng(0)
    codes = rng.integers(0, 60, (200, 4))
    y = (rng.normal(size=60)[codes].mean(1) > 0).astype(int)
    table, head = nn.Embedding(60, 4, rng=0), nn.Linear(4, 2, rng=1)
    if trained:
        table.weight.data *= 0.3  # as a table that was loaded

    def loss_of(step):
        return F.cross_entropy(head(table(codes).mean(axis=1)), y)

    names = watched(nn.ModuleList([table, head]), loss_of, optimizer=optim.Adam(head.parameters(), lr=0.01))
    assert names == ([] if trained else ["parameter missing from the optimizer"])


def test_a_target_that_is_computed_is_no_output_cut_from_the_loss():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(60, 2))
    net = nn.MLP(2, [16, 1], rng=0)

    def loss_of(step):
        later = Tensor(0.9 * net(X + 0.1).data, requires_grad=False)
        return F.mse_loss(net(X), later)

    assert "outputs cut from the loss" not in watched(net, loss_of)


@pytest.mark.parametrize("zeros", [True, False], ids=["relu", "softmax"])
def test_a_number_of_which_a_logarithm_is_taken_is_no_logit(zeros):
    X, y = data.moons(100, noise=0.1, rng=0)
    net = nn.MLP(2, [16, 2], rng=0)

    def loss_of(step):
        p = F.relu(net(X)) if zeros else F.softmax(net(X))
        return -np.log(p[np.arange(100), y] + 1e-9).mean()

    names = watched(net, loss_of)
    assert "ReLU before a loss of logits" not in names
    assert zeros or names == []


def test_clipping_and_decay_explain_a_slow_run():
    X, y = data.moons(100, noise=0.1, rng=0)
    net = nn.MLP(2, [16, 2], rng=0)
    optimizer = optim.SGD(net.parameters(), lr=0.1)
    with train.doctor(net, optimizer) as doctor:
        for _ in range(250):
            optimizer.zero_grad()
            F.cross_entropy(net(X), y).backward()
            optim.clip_grad_norm_(net.parameters(), 1e-6)
            optimizer.step()
    assert [finding.name for finding in doctor.findings] == ["gradient clipping too strong"]


@pytest.mark.parametrize("even", [True, False], ids=["a grid", "rows at random"])
def test_the_grid_of_a_plot_may_be_wider_than_the_training_rows(even):
    rng = np.random.default_rng(0)
    X = rng.uniform(-1, 1, (60, 2))
    points = np.linspace(-9, 9, 15)
    elsewhere = np.stack(np.meshgrid(points, points), -1).reshape(-1, 2) if even else rng.uniform(-9, 9, (225, 2))
    net = nn.MLP(2, [16, 1], activation="tanh", rng=0)
    optimizer = optim.Adam(net.parameters(), lr=0.02)
    with train.doctor(net, optimizer) as doctor:
        for _ in range(100):
            loss = F.mse_loss(net(X), X[:, :1] ** 2)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        train.predict(net, elsewhere)
    assert [finding.name for finding in doctor.findings] == ["test inputs on another scale"] * (not even)


@pytest.mark.parametrize("norm", [nn.BatchNorm1d, nn.LayerNorm, None], ids=["batch", "layer", "none"])
def test_large_inputs_do_no_harm_where_the_first_results_are_normalized(norm):
    X, y = data.moons(200, noise=0.1, rng=0)
    layers = [nn.Linear(2, 16, rng=0), *([norm(16)] if norm else []), nn.ReLU(), nn.Linear(16, 2, rng=1)]
    net = nn.Sequential(*layers)
    names = watched(net, lambda _: F.cross_entropy(net(100 * X + 100), y), 60)
    assert ("inputs not normalized" in names) is (norm is not nn.BatchNorm1d)  # LayerNorm leaves the mean


# --- causes and their consequences ---


def test_a_cause_that_is_found_later_takes_the_place_of_its_consequence():
    X, y = data.moons(200, noise=0.1, rng=0)
    net = nn.Sequential(nn.Linear(2, 16, rng=0), nn.ReLU(), nn.Dropout(0.1, rng=0), nn.Linear(16, 2, rng=1))
    optimizer = optim.SGD(net.parameters(), lr=500.0)
    net.eval()
    told = []
    with train.doctor(net, optimizer, tell=told.append) as doctor:
        for _ in range(30):
            optimizer.zero_grad()
            F.cross_entropy(net(X), y).backward()
            optimizer.step()
    assert [finding.name for finding in doctor.findings] == ["evaluation mode during training"]
    assert told[0].name == "learning rate too high"


def test_a_nan_of_one_operation_is_said_beside_a_rate_that_is_too_high():
    X, y = data.moons(100, noise=0.1, rng=0)
    net = nn.MLP(2, [16, 2], rng=0)
    optimizer = optim.SGD(net.parameters(), lr=500.0)

    def loss_of(step):
        loss = F.cross_entropy(net(X), y)
        return loss + np.log((net(X) * 0).sum()) if step == 40 else loss

    with np.errstate(all="ignore"):
        assert watched(net, loss_of, 45, optimizer) == ["learning rate too high", "NaN"]


@pytest.mark.parametrize(("lr", "name"), [(0.02, "targets not scaled"), (3.0, "learning rate too high")])
def test_large_targets_are_named_where_the_rate_is_usual(lr, name):
    x = np.linspace(-2, 2, 100)[:, None]
    net = nn.MLP(1, [16, 1], rng=0)
    with np.errstate(all="ignore"):
        found = watched(net, lambda _: F.mse_loss(net(x), 1000 * x**2), 60, optim.SGD(net.parameters(), lr=lr))
    assert found == [name]


def test_a_sum_that_is_multiplied_with_one_over_the_rows_is_a_mean():
    x = np.linspace(-2, 2, 100)[:, None]
    for factor, name in ((1.0, "loss summed over the batch"), (0.01, "learning rate too high")):
        net = nn.MLP(1, [16, 1], rng=0)
        optimizer = optim.SGD(net.parameters(), lr=5.0)
        with np.errstate(all="ignore"):
            found = watched(net, lambda _, f=factor, n=net: ((n(x) - np.sin(x)) ** 2).sum() * f, 60, optimizer)
        assert found[0] == name


# --- passes, axes and scales that only look wrong ---


def test_a_pass_for_the_gradient_of_the_inputs_is_no_part_of_a_step():
    X, y = data.moons(100, noise=0.1, rng=0)
    net = nn.MLP(2, [16, 2], rng=0)
    optimizer = optim.Adam(net.parameters(), lr=0.01)
    with train.doctor(net, optimizer) as doctor:
        for _ in range(60):
            x = Tensor(X)
            F.cross_entropy(net(x), y).backward()
            optimizer.zero_grad()
            F.cross_entropy(net(X + 0.05 * np.sign(x.grad)), y).backward()
            optimizer.step()
            optimizer.zero_grad()
    assert doctor.findings == []


def test_two_losses_that_take_turns_are_no_parts_of_a_step():
    X, y = data.moons(100, noise=0.1, rng=0)
    net = nn.MLP(2, [16, 2], rng=0)
    optimizer = optim.Adam(net.parameters(), lr=0.01)
    with train.doctor(net, optimizer) as doctor:
        for _ in range(60):
            (net(X) ** 2).mean().backward()  # only looked at
            optimizer.zero_grad()
            F.cross_entropy(net(X), y).backward()
            optimizer.step()
            optimizer.zero_grad()
    assert doctor.findings == []


@pytest.mark.parametrize("each_step", [True, False], ids=["a target a step", "a target a sample"])
def test_a_recurrent_layer_that_takes_the_steps_first_is_left_in_peace(each_step):
    rng = np.random.default_rng(0)
    X = rng.standard_normal((6, 20, 1))
    y = (X.cumsum(0)[:, :, 0] > 0).astype(int)
    cell, head = nn.RNN(1, 8, rng=0), nn.Linear(8, 2, rng=1)

    def loss_of(step):
        outputs = head(cell(X)[0])
        return F.cross_entropy(outputs.reshape(-1, 2), y.ravel()) if each_step else F.cross_entropy(outputs[-1], y[-1])

    assert watched(nn.ModuleList([cell, head]), loss_of) == []


@pytest.mark.parametrize("factor", [1.0, 255.0])
def test_an_evaluation_on_other_rows_of_the_same_scale_is_left_in_peace(factor):
    X, y = data.digits()
    net = nn.MLP(64, [32, 10], rng=0)

    def loss_of(step):
        with no_grad():
            net(X[500:700] / 16 * factor + 0.1)
        return F.cross_entropy(net(X[:500] / 16), y[:500])

    assert watched(net, loss_of, 60) == ["test inputs on another scale"] * (factor > 1)


@pytest.mark.parametrize("rows", [300, 40])
def test_a_batchnorm_that_always_gets_all_rows_may_forget_the_last_batch(rows):
    X, y = data.moons(300, noise=0.1, rng=0)
    net = nn.Sequential(nn.Linear(2, 16, rng=0), nn.BatchNorm1d(16, momentum=0.99), nn.ReLU(), nn.Linear(16, 2, rng=1))
    rng = np.random.default_rng(0)

    def loss_of(step):
        chosen = rng.permutation(300)[:rows] if rows < 300 else slice(None)
        return F.cross_entropy(net(X[chosen]), y[chosen])

    assert watched(net, loss_of, 60) == ["BatchNorm statistics that do not follow"] * (rows < 300)


def test_an_epsilon_beside_large_gradients_is_left_in_peace():
    x = np.linspace(-2, 2, 100)[:, None]
    net = nn.MLP(1, [16, 1], activation="tanh", rng=0)
    optimizer = optim.Adam(net.parameters(), lr=0.02, eps=1e-3)
    assert watched(net, lambda _: F.mse_loss(net(x), np.sin(2 * x)), 300, optimizer) == []


def test_targets_that_drift_are_not_sorted():
    rng = np.random.default_rng(0)
    net = nn.MLP(2, [16, 1], rng=0)

    def loss_of(step):
        X = rng.standard_normal((32, 2))
        return F.mse_loss(net(X), X[:, :1] + 0.05 * step)

    assert "rows sorted by their targets" not in watched(net, loss_of, 300, optim.SGD(net.parameters(), lr=1e-3))


@pytest.mark.parametrize("low", [0, -1])
def test_a_hinge_loss_of_two_signs_may_leave_out_rows(low):
    X, y = data.moons(100, noise=0.1, rng=0)
    t = np.where(y == 1, 1, low)[:, None]
    net = nn.MLP(2, [16, 1], rng=0)
    mask = np.arange(100)[:, None] % 2
    found = watched(net, lambda _: ((1 - net(X) * t).relu() * mask).mean())
    assert found == ["hinge loss of labels 0 and 1"] * (low == 0)


@pytest.mark.parametrize("steps", [50, 100_000])
def test_a_warm_up_that_ends_is_left_in_peace(steps):
    X, y = data.moons(100, noise=0.1, rng=0)
    net = nn.MLP(2, [16, 2], rng=0)
    optimizer = optim.SGD(net.parameters(), lr=0.1)

    def loss_of(step):
        optimizer.lr = 0.1 * min(1.0, (step + 1) / steps)
        return F.cross_entropy(net(X), y)

    assert watched(net, loss_of, 120, optimizer) == ["warm-up longer than the run"] * (steps > 120)


# --- modes ---


@pytest.mark.parametrize("use", ["detached", "without gradient", "never"])
def test_what_a_generator_makes_for_a_critic_is_no_evaluation(use):
    rng = np.random.default_rng(0)
    maker = nn.Sequential(nn.Linear(3, 8, rng=0), nn.BatchNorm1d(8), nn.ReLU(), nn.Linear(8, 2, rng=0))
    critic = nn.MLP(2, [8, 1], rng=1)
    first, second = (optim.Adam(net.parameters(), lr=0.003) for net in (maker, critic))
    with train.doctor(maker, first) as doctor:
        for _ in range(60):
            if use == "without gradient":
                with no_grad():
                    made = maker(rng.normal(size=(16, 3)))
            else:
                made = maker(rng.normal(size=(16, 3))).detach()
            rows = rng.normal(size=(16, 2)) if use == "never" else made
            second.zero_grad()
            F.binary_cross_entropy_with_logits(critic(rows), np.zeros((16, 1))).backward()
            second.step()
            first.zero_grad()
            F.binary_cross_entropy_with_logits(critic(maker(rng.normal(size=(16, 3)))), np.ones((16, 1))).backward()
            first.step()
    assert [finding.name for finding in doctor.findings] == ["training mode during evaluation"] * (use == "never")


# --- nets of Values ---


def values_run(net, outputs, rows, steps=60):
    def loss_of(step):
        return sum((outputs(x) - y) ** 2 for x, y in rows) / len(rows)

    return watched(net, loss_of, steps, optim.Adam(net.parameters(), lr=0.05))


def test_values_show_their_targets_inputs_and_weights():
    rows = [([a, b], a * b) for a in (-1.0, 1.0) for b in (-1.0, 1.0)]
    net = nn.scalar.MLP(2, [6, 1], activation="tanh", rng=0)
    assert values_run(net, net, rows) == []
    net = nn.scalar.MLP(2, [6, 1], activation="tanh", rng=0)
    assert values_run(net, lambda x: net(x).sigmoid(), rows) == ["output activation that does not fit"]
    net = nn.scalar.MLP(2, [6, 1], activation="tanh", rng=0)
    for p in net.parameters():
        p.data = 0.5
    assert values_run(net, net, rows) == ["all-equal initial weights"]


def test_a_table_of_values_may_be_split_by_a_slice():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(130, 2))
    points, targets = X.tolist(), (X[:, 0] - X[:, 1]).tolist()
    net = nn.scalar.Neuron(2, activation="identity", rng=0)
    optimizer = optim.SGD(net.parameters(), lr=0.1)
    with train.doctor(net, optimizer) as doctor:
        for _ in range(60):
            loss = sum((net(x) - y) ** 2 for x, y in zip(points[:30], targets, strict=False)) / 30
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    assert doctor.findings == []


@pytest.mark.parametrize(
    ("activation", "power", "names"),
    [
        ("identity", 2, ["no nonlinearity between layers"]),
        ("identity", 1, []),  # a line is enough
        ("tanh", 2, []),
    ],
)
def test_layers_of_values_that_only_multiply_and_add(activation, power, names):
    net = nn.scalar.MLP(1, [6, 1], activation=activation, rng=0)
    rows = [([x / 5], (x / 5) ** power) for x in range(-5, 6)]
    assert values_run(net, net, rows, 150) == names


def test_one_linear_layer_of_values_lacks_no_nonlinearity():
    net = nn.scalar.Neuron(1, activation="identity", rng=0)
    assert values_run(net, net, [([x / 5], (x / 5) ** 2) for x in range(-5, 6)], 150) == []


@pytest.mark.parametrize(("sign", "names"), [(1, ["gradient ascent"]), (-1, [])])
def test_a_likelihood_of_values_has_to_grow(sign, names):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(20, 2))
    net = nn.scalar.Neuron(2, activation="sigmoid", rng=0)

    def loss_of(step):
        shares = [(net([a, b]), a > b) for a, b in X.tolist()]
        likelihood = sum((p if label else 1 - p).log() for p, label in shares) / 20
        return likelihood if sign > 0 else -likelihood

    assert watched(net, loss_of, 60, optim.SGD(net.parameters(), lr=0.5)) == names


def test_a_likelihood_that_is_weighted_with_costs_may_be_minimized():
    rng = np.random.default_rng(0)
    net = nn.scalar.Neuron(1, activation="sigmoid", rng=0)

    def loss_of(step):
        chances = []
        for x in rng.choice([-1.0, 1.0], 8):
            p = net([float(x)])
            acts = rng.uniform() < p.data
            chances.append((p if acts else 1 - p).log() * (0.1 if acts == (x > 0) else 1.0))
        return sum(chances) / 8

    assert watched(net, loss_of, 150, optim.SGD(net.parameters(), lr=0.3)) == []


def test_the_logarithm_of_another_number_may_be_minimized():
    net = nn.scalar.Neuron(1, activation="identity", rng=0)
    rows = [([x / 5], x / 10) for x in range(-5, 6)]

    def loss_of(step):
        return sum(((net(x) - y) ** 2 + 0.1).log() for x, y in rows) / len(rows)

    assert watched(net, loss_of, 60, optim.SGD(net.parameters(), lr=0.02)) == []


def test_a_generator_of_values_may_minimize_the_likelihood_of_a_critic():
    rng = np.random.default_rng(0)
    maker, critic = nn.scalar.Neuron(1, activation="identity", rng=0), nn.scalar.Neuron(1, activation="sigmoid", rng=1)

    def loss_of(step):
        return sum((1 - critic([maker([z])])).log() for z in rng.normal(size=8).tolist()) / 8

    assert watched(maker, loss_of, 100, optim.SGD(maker.parameters(), lr=0.5)) == []


# --- what all rules use ---


def test_a_visit_knows_what_changed_since_the_visit_before():
    """The first visit follows no other, also in a process in which no array was written to yet."""
    w, b = Tensor([1.0]), Tensor([0.0])
    course = Course({"w": w, "b": b})
    assert course.begin_visit(1) == (False, set())
    assert course.begin_visit(2) == (True, set())
    w.data = np.array([2.0])
    assert course.begin_visit(3) == (True, {"w"})
    b.data = np.array([1.0])
    assert course.begin_visit(7) == (False, {"b"})


def test_a_loss_of_an_unknown_kind_is_above_and_below_nothing():
    course = Course({})
    course.losses += [1.0] * 10
    assert not course.stays_above(0.0)
    assert not course.ratio() < 1.0
    assert course.record.labels is None
    assert np.isnan(course.record.guess())
