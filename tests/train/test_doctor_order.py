"""The doctor's order of causes and consequences, and runs that learn although something about them is unusual."""

import numpy as np
import pytest

from tests.train.test_doctor_rules import watched
from tinygrad_edu import Tensor, data, nn, no_grad, optim, train
from tinygrad_edu.train.doctor.finding import Grade
from tinygrad_edu.train.doctor.rules import RULES

F = nn.functional

pytestmark = pytest.mark.filterwarnings("ignore:.*encountered:RuntimeWarning")


def moons(n=100):
    return data.moons(n, noise=0.1, rng=0)


def wave(noise=0.0, n=200):
    rng = np.random.default_rng(0)
    x = rng.uniform(-2, 2, (n, 1))
    return x, np.sin(2 * x) + noise * rng.standard_normal(x.shape)


# --- the order ---


def test_no_rule_names_an_earlier_grade_among_what_explains_it():
    grades = {rule.name: rule.grade for rule in RULES}
    for rule in RULES:
        earlier = [name for name in rule.explained_by if grades.get(name, rule.grade) < rule.grade]
        stands_apart = {other.name for other in RULES if other.stands_apart}
        assert not {*earlier} - stands_apart, f"{rule.name}: the grade of {earlier} says it already"


def test_each_grade_explains_the_later_ones():
    """Inputs of thousands saturate the tanh and stop the descent, but only the inputs are named."""
    X, y = moons()
    net = nn.MLP(2, [16, 2], activation="tanh", rng=0)
    names = watched(net, lambda _: F.cross_entropy(net(1000 * X), y), 250, optim.SGD(net.parameters(), lr=0.01))
    assert names == ["inputs not normalized"]


def test_a_fault_of_the_evaluation_explains_nothing_about_the_training():
    X, y = moons()
    net = nn.Sequential(nn.Linear(2, 16, rng=0), nn.ReLU(), nn.Dropout(0.1, rng=0), nn.Linear(16, 2, rng=1))

    def loss_of(step):
        with no_grad():
            net(X)
        return F.cross_entropy(net(X), y)

    names = watched(net, loss_of, 30, optim.SGD(net.parameters(), lr=500.0))
    assert sorted(names) == ["learning rate too high", "training mode during evaluation"]


def test_what_a_run_did_at_first_is_withdrawn_if_it_learns_its_task():
    X, y = moons()
    net = nn.MLP(2, [16, 2], rng=0)
    optimizer = optim.Adam(net.parameters(), lr=5.0)
    told = []
    with train.doctor(net, optimizer, tell=told.append) as doctor:
        for step in range(300):
            optimizer.lr = 5.0 if step < 5 else 0.1
            optimizer.zero_grad()
            F.cross_entropy(net(X), y).backward()
            optimizer.step()
    assert [finding.name for finding in told] == ["learning rate too high"]
    assert doctor.findings == []
    assert doctor.notes == ["'learning rate too high' was said at step 2, but the run has learned its task."]


@pytest.mark.parametrize(("step", "said"), [(1, ["dead ReLUs"]), (5, ["learning rate too high"])])
def test_units_that_die_later_are_explained_by_the_rate(step, said):
    X, y = moons()
    net = nn.MLP(2, [16, 2], rng=0)
    if step == 1:
        net.layers[0].bias.data[...] = -20.0
    optimizer = optim.SGD(net.parameters(), lr=0.1 if step == 1 else 300.0)
    assert watched(net, lambda _: F.cross_entropy(net(X), y), 120, optimizer) == said


@pytest.mark.parametrize("lr", [1e-7, 0.002])
def test_steps_of_adam_are_short_because_of_the_rate_and_not_because_a_gradient_fades(lr):
    x, y = wave()
    net = nn.MLP(1, [64, 64, 1], activation="sigmoid", rng=0)
    names = watched(net, lambda _: F.mse_loss(net(x), y), 250, optim.Adam(net.parameters(), lr=lr))
    assert names == (["learning rate too low"] if lr < 1e-6 else [])


# --- unusual runs that learn ---


@pytest.mark.parametrize("optimizer", ["adam", "sgd"])
def test_large_inputs_are_named_where_the_net_does_not_learn_from_them(optimizer):
    X, y = data.digits()
    net = nn.MLP(64, [32, 10], rng=0)
    made = optim.Adam(net.parameters(), lr=0.002) if optimizer == "adam" else optim.SGD(net.parameters(), lr=0.1)
    names = watched(net, lambda _: F.cross_entropy(net(X[:400] * 16), y[:400]), 250, made)
    assert names == (["inputs not normalized"] if optimizer == "sgd" else [])


@pytest.mark.parametrize("factor", [1.0, 2.0])
def test_noise_around_the_ends_of_tanh_is_no_target_out_of_range(factor):
    x, y = wave(noise=0.1)
    net = nn.Sequential(nn.Linear(1, 16, rng=0), nn.Tanh(), nn.Linear(16, 1, rng=1), nn.Tanh())
    names = watched(net, lambda _: F.mse_loss(net(x), factor * y), 300, optim.Adam(net.parameters(), lr=0.03))
    assert names == ["output activation that does not fit"] * (factor > 1)


@pytest.mark.parametrize("offset", [0.0, 3000.0])
def test_large_targets_that_are_mostly_noise_are_not_called_too_large(offset):
    rng = np.random.default_rng(0)
    X, y = rng.standard_normal((200, 3)), 40 * rng.standard_normal((200, 1)) + offset
    net = nn.MLP(3, [16, 1], rng=0)
    names = watched(net, lambda _: F.mse_loss(net(X), y), 150, optim.Adam(net.parameters(), lr=0.01))
    assert names == ["targets not scaled"] * (offset > 0)


def test_a_loss_that_grows_with_its_targets_is_not_called_divergence():
    """As in Q-learning, where the targets are made of the net's own answers."""
    rng = np.random.default_rng(0)
    net = nn.MLP(3, [16, 1], rng=0)

    def loss_of(step):
        X = rng.standard_normal((32, 3))
        return F.mse_loss(net(X), X[:, :1] * min(5.0, 0.1 + 0.1 * step))

    assert watched(net, loss_of, 200, optim.Adam(net.parameters(), lr=0.1)) == []


@pytest.mark.parametrize("kind", ["a series", "sorted"])
def test_rows_of_a_series_may_keep_their_order(kind):
    t = np.arange(0, 48, 0.12)
    y = (np.sin(t) if kind == "a series" else np.linspace(-1, 1, len(t)))[:, None]
    X = np.concatenate([y, y**2], 1)
    net = nn.MLP(2, [16, 1], rng=0)

    def loss_of(step):
        start = 8 * (step % 50)
        return F.mse_loss(net(X[start : start + 8]), y[start : start + 8])

    assert watched(net, loss_of, 300) == ["rows sorted by their targets"] * (kind == "sorted")


def test_a_step_may_add_up_one_pass_for_each_class():
    rng = np.random.default_rng(0)
    net = nn.MLP(2, [16, 1], rng=0)
    optimizer = optim.Adam(net.parameters(), lr=0.01)
    with train.doctor(net, optimizer) as doctor:
        for _ in range(200):
            optimizer.zero_grad()
            for label in (0.0, 1.0):
                X = rng.standard_normal((16, 2)) + 2 * label
                F.binary_cross_entropy_with_logits(net(X), np.full((16, 1), label)).backward()
            optimizer.step()
    assert doctor.findings == []


@pytest.mark.parametrize("tested", [True, False])
def test_a_set_that_is_split_into_training_and_test_rows_has_no_rows_left_over(tested):
    X, y = moons(400)
    net = nn.MLP(2, [16, 2], rng=0)
    optimizer = optim.Adam(net.parameters(), lr=0.01)
    with train.doctor(net, optimizer) as doctor:
        for _ in range(120):
            loss = F.cross_entropy(net(X[:80]), y[:80])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            if tested:
                train.predict(net, X[80:])
    assert doctor.findings == []


@pytest.mark.parametrize("scaled", [True, False])
def test_test_rows_in_their_own_units_are_named_although_some_columns_fit(scaled):
    rng = np.random.default_rng(0)
    raw = rng.standard_normal((300, 5)) * [1, 1, 2, 50, 1] + [0.5, 2, 4, 700, 2]
    y = (raw[:, 0] > 0.5).astype(int)
    X = (raw - raw.mean(0)) / raw.std(0)
    net = nn.MLP(5, [16, 2], rng=0)

    def loss_of(step):
        with no_grad():
            net((X if scaled else raw)[200:])
        return F.cross_entropy(net(X[:200]), y[:200])

    assert watched(net, loss_of, 60) == ["test inputs on another scale"] * (not scaled)


# --- guesses from what is left of the loss ---


def evaluated(net, train_rows, test_rows, steps, every=10, optimizer=None):
    """What is said of a run that is tested in between."""
    rng = np.random.default_rng(0)

    def loss_of(step):
        if step % every == 0:
            net.eval()
            with no_grad():
                F.cross_entropy(net(test_rows[0]), test_rows[1])
            net.train()
        rows = rng.permutation(len(train_rows[0]))[:32]
        return F.cross_entropy(net(train_rows[0][rows]), train_rows[1][rows])

    return watched(net, loss_of, steps, optimizer)


@pytest.mark.parametrize("norm", [True, False])
def test_wrong_labels_are_not_told_from_a_training_loss_that_other_things_raise(norm):
    rng = np.random.default_rng(0)
    X, y = data.digits()
    wrong = np.where(rng.random(600) < 0.5, rng.integers(0, 10, 600), y[:600])
    layers = [nn.Linear(64, 32, rng=0), *([nn.BatchNorm1d(32)] if norm else []), nn.ReLU(), nn.Linear(32, 10, rng=1)]
    names = evaluated(nn.Sequential(*layers), (X[:600] / 16, wrong), (X[600:900] / 16, y[600:900]), 300)
    assert names == ["training labels that are wrong"] * (not norm)


@pytest.mark.parametrize(("n", "said"), [(30, ["overfitting"]), (400, [])])
def test_a_net_that_is_worse_than_a_constant_answer_on_other_rows_has_overfitted(n, said):
    rng = np.random.default_rng(0)
    X = rng.standard_normal((800, 20))
    y = (X[:, 0] + 0.5 * rng.standard_normal(800) > 0).astype(int)
    net = nn.MLP(20, [64, 2], rng=0)
    steps = 400 if n == 30 else 60
    assert evaluated(net, (X[:n], y[:n]), (X[400:], y[400:]), steps) == said


def test_a_run_that_diverges_has_not_overfitted():
    rng = np.random.default_rng(0)
    X = rng.standard_normal((600, 12))
    y = (X[:, 0] > 0).astype(int)
    net = nn.MLP(12, [32, 2], rng=0)
    optimizer = optim.SGD(net.parameters(), lr=0.2, momentum=1.0)
    assert "overfitting" not in evaluated(net, (X[:400], y[:400]), (X[400:], y[400:]), 200, optimizer=optimizer)


@pytest.mark.parametrize("shuffled", ["training", "test"])
def test_labels_that_the_first_epoch_can_predict_belong_to_their_rows(shuffled):
    rng = np.random.default_rng(0)
    X, y = data.digits()
    y_train, y_test = (
        rng.permutation(part) if shuffled == name else part
        for name, part in (("training", y[:600]), ("test", y[600:900]))
    )
    net = nn.MLP(64, [128, 10], rng=0)
    optimizer = optim.Adam(net.parameters(), lr=0.01)
    with train.doctor(net, optimizer) as doctor:
        train.fit(
            *(net, X[:600] / 16, y_train),
            loss=F.cross_entropy,
            optimizer=optimizer,
            epochs=60 if shuffled == "training" else 8,
            batch_size=30,
            validation=(X[600:900] / 16, y_test),
            rng=0,
            progress=False,
        )
    names = [finding.name for finding in doctor.findings]
    assert names == ["labels that do not belong to their rows"] * (shuffled == "training")


@pytest.mark.parametrize(("lr", "said"), [(0.01, ["too few steps"]), (0.5, [])])
def test_a_short_run_is_called_too_short_only_if_it_has_hardly_learned(lr, said):
    X, y = moons()
    net = nn.MLP(2, [16, 2], rng=2)
    assert watched(net, lambda _: F.cross_entropy(net(X), y), 30, optim.SGD(net.parameters(), lr=lr)) == said


@pytest.mark.parametrize("autoencoder", [True, False])
def test_two_units_that_compress_are_no_net_that_is_too_small(autoencoder):
    X, _ = data.digits()
    X = X[:300] / 16
    rng = np.random.default_rng(0)
    net = nn.Sequential(nn.Linear(64, 2, rng=0), nn.Tanh(), nn.Linear(2, 64 if autoencoder else 10, rng=1))
    y = X if autoencoder else 0.3 * rng.standard_normal((300, 10)) + np.sin(7 * X[:, 20:30] * X[:, 30:40] * 9)
    names = watched(net, lambda _: F.mse_loss(net(X), y), 400, optim.Adam(net.parameters(), lr=0.02))
    assert names == ["net too small"] * (not autoencoder)


@pytest.mark.parametrize("shifted", [True, False])
def test_a_net_without_biases_does_harm_if_it_is_no_better_than_a_constant_answer(shifted):
    rng = np.random.default_rng(0)
    X = rng.standard_normal((200, 2))
    y = X[:, :1] + (4.0 if shifted else 0.0) + rng.standard_normal((200, 1))
    net = nn.Linear(2, 1, bias=False, rng=0)
    names = watched(net, lambda _: F.mse_loss(net(X), y), 300, optim.Adam(net.parameters(), lr=0.03))
    assert names == ["no biases"] * shifted


@pytest.mark.parametrize("curved", [True, False])
def test_linear_layers_in_a_row_do_no_harm_where_a_plane_is_all_there_is(curved):
    rng = np.random.default_rng(0)
    X = rng.standard_normal((200, 2))
    y = (X[:, :1] * X[:, 1:] if curved else X[:, :1]) + rng.standard_normal((200, 1))
    net = nn.Sequential(nn.Linear(2, 16, rng=0), nn.Linear(16, 1, rng=1))
    names = watched(net, lambda _: F.mse_loss(net(X), y), 250)
    assert names == ["no nonlinearity between layers"] * curved


@pytest.mark.parametrize("start", [0.02, 0.5])
def test_a_rate_that_fades_early_does_no_harm_if_something_was_learned(start):
    X, y = moons()
    net = nn.MLP(2, [16, 2], rng=0)
    optimizer = optim.SGD(net.parameters(), lr=start)

    def loss_of(step):
        optimizer.lr = start * 0.9**step
        return F.cross_entropy(net(X), y)

    assert watched(net, loss_of, 150, optimizer) == ["learning rate that fades too early"] * (start < 0.1)


def test_a_logarithm_of_zero_is_named_beside_a_fault_of_the_loop():
    X, y = moons()
    net = nn.MLP(2, [16, 2], rng=0)
    optimizer = optim.SGD(net.parameters(), lr=0.01)
    with train.doctor(net, optimizer) as doctor:
        for step in range(20):
            loss = F.cross_entropy(net(X), y)
            (loss + (Tensor(0.0) * net(X)).sum().log() if step == 15 else loss).backward()
            optimizer.step()
    assert [finding.name for finding in doctor.findings] == ["missing zero_grad", "NaN"]


def test_grades_are_in_the_order_in_which_they_explain():
    assert [*Grade] == sorted(Grade)
    assert Grade.SHOWN < Grade.MEASURED < Grade.BEHAVIOR < Grade.LEFT_OVER < Grade.UNFINISHED
