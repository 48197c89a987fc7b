"""Cures: for a fault that can be undone, the cured run equals the healthy run bit for bit."""

import copy

import numpy as np
import pytest

from tests.train import planted_faults
from tests.train.healthy_runs import binary, build, setup
from tinygrad_edu import Tensor, TinygradEduError, data, nn, optim, train

F = nn.functional
STEPS = 30

pytestmark = pytest.mark.filterwarnings("ignore:.*encountered:RuntimeWarning")  # planted infinities


def losses_and_weights(run):
    """The losses of the run, and its weights afterwards."""
    losses = []
    loss_of = run.loss

    def noted(outputs, y):
        loss = loss_of(outputs, y)
        losses.append(loss.item())
        return loss

    run.loss, run.evaluate, run.steps = noted, False, STEPS
    run.run()
    return losses, {name: p.data.copy() for name, p in run.net.named_parameters()}


def cured(run, name, steps=STEPS, **settings):
    """The cure of the finding with that name, in a run of so many steps that is recorded."""
    run.evaluate, run.steps = False, steps
    with train.doctor(run.net, run.optimizer, examine=True) as doctor:
        run.run()
    return doctor.cure(name, **settings)


def assert_the_same(cure, healthy, rows=STEPS):
    losses, weights = losses_and_weights(healthy)
    assert cure.cured[:rows] == losses[:rows]
    if len(cure.cured) == len(losses):
        for name, p in cure.parameters.items():
            np.testing.assert_array_equal(p.data, weights[name])


SEEDS = [0, 1, 2]


@pytest.mark.parametrize("seed", SEEDS)
def test_missing_zero_grad(seed):
    cure = cured(planted_faults.no_zero_grad(seed), "missing zero_grad")
    assert cure.exact
    assert_the_same(cure, setup(seed))


@pytest.mark.parametrize("seed", SEEDS)
def test_a_rate_too_high(seed):
    """The usual fix is a tenth of the rate; with the healthy rate the run is the healthy one."""
    healthy = setup(seed, task="moons", optimizer="sgd", layers=(), depth=2)
    run = setup(seed, task="moons", optimizer="sgd", layers=(), depth=2, scale=1000)
    cure = cured(run, "learning rate too high", lr=healthy.optimizer.lr)
    assert_the_same(cure, healthy)


@pytest.mark.parametrize("seed", SEEDS)
def test_a_rate_too_low(seed):
    healthy = setup(seed, task="moons", optimizer="adam", layers=(), depth=1)
    run = setup(seed, task="moons", optimizer="adam", layers=(), depth=1, scale=1e-5)
    cure = cured(run, "learning rate too low", steps=240, lr=healthy.optimizer.lr)
    assert len(cure.cured) == 64
    assert_the_same(cure, healthy)


@pytest.mark.parametrize("seed", SEEDS)
def test_parameters_missing_from_the_optimizer(seed):
    def adam(run):
        run.optimizer = optim.Adam(run.net.parameters(), lr=0.01)
        return run

    cure = cured(planted_faults.missing_from_the_optimizer(seed), "parameter missing from the optimizer")
    assert cure.exact
    assert_the_same(cure, adam(setup(seed)))


@pytest.mark.parametrize("seed", SEEDS)
def test_an_optimizer_of_another_net(seed):
    run = setup(seed)
    other = build(run.rng, run.X.shape[1], 8, 1, 1, "tanh")
    run.optimizer = optim.SGD(other.parameters(), lr=0.1)
    healthy = setup(seed)
    build(healthy.rng, healthy.X.shape[1], 8, 1, 1, "tanh")  # draws as much
    healthy.optimizer = optim.SGD(healthy.net.parameters(), lr=0.1)
    run.zero_grad = True
    run.optimizer.zero_grad = run.net.zero_grad
    assert_the_same(cured(run, "parameters that never change"), healthy)


@pytest.mark.parametrize("plant", [planted_faults.no_step, planted_faults.step_that_only_renames])
def test_no_step(plant):
    assert_the_same(cured(plant(0), "parameters that never change"), setup(0))


@pytest.mark.parametrize("seed", SEEDS)
def test_softmax_twice(seed):
    run, healthy = (setup(seed, task="blobs") for _ in range(2))
    for each in (run, healthy):
        planted_faults._at_least_two(each, seed)
        each.loss = F.cross_entropy
    run.loss = lambda outputs, y: F.cross_entropy(F.softmax(outputs), y)
    assert_the_same(cured(run, "softmax before cross-entropy"), healthy)


@pytest.mark.parametrize("seed", SEEDS)
def test_sigmoid_twice(seed):
    run, healthy = (setup(seed, task="moons") for _ in range(2))
    for each in (run, healthy):
        planted_faults._one_output(each)
        each.loss = binary
    run.loss = lambda outputs, y: F.binary_cross_entropy_with_logits(F.sigmoid(outputs.reshape(-1)), y)
    assert_the_same(cured(run, "probabilities given to a with-logits loss"), healthy)


@pytest.mark.parametrize("seed", SEEDS)
def test_labels_that_broadcast(seed):
    healthy = setup(seed, task="wave")
    healthy.loss = lambda outputs, y: ((outputs - y) ** 2).mean()
    cure = cured(planted_faults.broadcast_labels(seed), "labels of the wrong shape that broadcast")
    assert_the_same(cure, healthy)


def test_inputs_of_another_size():
    run, healthy = (setup(1, task="moons", optimizer="adam", layers=(), depth=1) for _ in range(2))
    run.X = run.X * 256
    assert_the_same(cured(run, "inputs not normalized", inputs=lambda x: x / 256), healthy)


@pytest.mark.parametrize(
    ("name", "plant"),
    [
        ("dead ReLUs", planted_faults.dead_relus),
        ("saturated sigmoids", planted_faults.saturated),
        ("all-equal initial weights", planted_faults.equal_weights),
        ("exploding gradients", planted_faults.exploding),
        ("vanishing gradients", planted_faults.vanishing_sigmoids),
    ],
)
def test_initial_weights(name, plant):
    """A healthy run is one of the same net that begins with other weights."""
    run = plant(0)
    healthy = copy.deepcopy(run)
    healthy.net, healthy.optimizer = copy.deepcopy((run.net, run.optimizer))
    rng = np.random.default_rng(7)
    weights = {}
    for key, p in healthy.net.named_parameters():
        weights[key] = p.data[...] = rng.normal(0, 0.3, p.shape)
    cure = cured(run, name, weights=weights)
    assert_the_same(cure, healthy)


def test_a_sum_in_place_of_a_mean():
    run, healthy = (setup(2, task="plane", optimizer="sgd", layers=(), depth=1) for _ in range(2))
    run.batch = healthy.batch = None
    run.optimizer.lr = healthy.optimizer.lr = 0.5
    run.loss = lambda outputs, y: ((outputs - y) ** 2).sum() / outputs.shape[1]
    run.loss = lambda outputs, y: F.mse_loss(outputs, y, reduction="sum")
    n = len(run.X)
    healthy.loss = lambda outputs, y: F.mse_loss(outputs, y, reduction="sum") / float(n)
    assert_the_same(cured(run, "loss summed over the batch"), healthy)


def test_targets_that_are_not_scaled():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(64, 2))
    y = 5000 + 800 * X @ [[1.0], [-1.0]]
    net = nn.MLP(2, [16, 1], rng=0)
    optimizer = optim.SGD(net.parameters(), lr=1e-9)
    with train.doctor(net, optimizer, examine=True) as doctor:
        for _ in range(120):
            optimizer.zero_grad()
            F.mse_loss(net(X), y).backward()
            optimizer.step()
    doctor.findings.append(train.Finding("targets not scaled", "", "", "", 1))
    cure = doctor.cure("targets not scaled")
    assert cure.exact
    assert cure.cured[0] < 0.1 * cure.as_it_was[0]


POINTS, NUMBERS = data.spirals(32, rng=0)
ONE_HOT = np.eye(2)[NUMBERS]
CHANGED = {  # the loss of a faulty run and of its healthy twin, from two layers and what is in front of them
    "no nonlinearity between layers": (
        lambda a, b, front: F.mse_loss(front * b(a(POINTS)), ONE_HOT),
        lambda a, b, front: F.mse_loss(front * b(a(POINTS).relu()), ONE_HOT),
    ),
    "softmax before cross-entropy": (
        lambda a, b, front: F.cross_entropy((front * b(a(POINTS).relu())).softmax(), NUMBERS),
        lambda a, b, front: F.cross_entropy(front * b(a(POINTS).relu()), NUMBERS),
    ),
    "loss summed over the batch": (
        lambda a, b, front: F.mse_loss(front * b(a(POINTS)), ONE_HOT, reduction="sum"),
        lambda a, b, front: F.mse_loss(front * b(a(POINTS)), ONE_HOT, reduction="sum") / 32.0,
    ),
    "gradient ascent": (
        lambda a, b, front: -F.mse_loss(front * b(a(POINTS)), ONE_HOT),
        lambda a, b, front: F.mse_loss(front * b(a(POINTS)), ONE_HOT),
    ),
    "inputs not normalized": (
        lambda a, b, front: F.mse_loss(front * b(a(POINTS)), ONE_HOT),
        lambda a, b, front: F.mse_loss(front * b(a((POINTS - POINTS.mean(0)) / POINTS.std(0))), ONE_HOT),
    ),
    "targets not scaled": (
        lambda a, b, front: ((front * b(a(POINTS)) - ONE_HOT) ** 2).mean(),
        lambda a, b, front: ((front * b(a(POINTS)) - (ONE_HOT - 0.5) / 0.5) ** 2).mean(),
    ),
}


@pytest.mark.parametrize("name", CHANGED)
def test_each_pass_is_changed_where_its_own_graph_says(name):
    """In every second pass, more nodes come before the layers."""
    faulty, healthy = CHANGED[name]

    def run(loss_of):
        a, b = nn.Linear(2, 4, rng=0), nn.Linear(4, 2, rng=1)
        parameters = [*a.parameters(), *b.parameters()]
        optimizer = optim.SGD(parameters, lr=0.01)
        losses = []
        with train.doctor(parameters, optimizer, examine=True) as doctor:
            for step in range(6):
                loss = loss_of(a, b, (a.weight * 0.0).sum() + 1.0 if step % 2 else 1.0)
                losses.append(loss.item())
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
        return doctor, losses

    doctor, _ = run(faulty)
    doctor.findings.append(train.Finding(name, "", "", "", 1))
    unit = 0.25 if name == "targets not scaled" else 1.0  # the losses are in the units of the run
    np.testing.assert_allclose(doctor.cure(name).cured, np.multiply(unit, run(healthy)[1]), rtol=1e-12)


def test_a_minus_before_the_loss():
    run, healthy = (setup(0, task="blobs", optimizer="sgd", layers=(), depth=1) for _ in range(2))
    loss = run.loss
    run.loss = lambda outputs, y: -loss(outputs, y)
    assert_the_same(cured(run, "gradient ascent", steps=64), healthy)


def test_a_fault_outside_of_the_steps_is_said_to_be():
    run = planted_faults.hole_in_the_data(0)
    with train.doctor(run.net, run.optimizer, examine=True) as doctor:
        run.run()
    with pytest.raises(TinygradEduError, match=r"'NaN' cannot be cured by repeating the recorded steps"):
        doctor.cure("NaN")
    with pytest.raises(TinygradEduError, match="cure has no setting 'speed': use lr, weights, weight_decay, inputs"):
        doctor.cure("NaN", speed=3)
    with pytest.raises(TinygradEduError, match="the doctor has not found 'dead ReLUs'; it has found NaN"):
        doctor.cure("dead ReLUs")


def test_without_a_recording_it_says_what_it_needs():
    run = planted_faults.no_zero_grad(0)
    with train.doctor(run.net, run.optimizer) as doctor:
        run.run()
    for ask in (doctor.examine, lambda: doctor.cure("missing zero_grad")):
        with pytest.raises(TinygradEduError, match=r"watch it with train\.doctor\(net, optimizer, examine=True\)"):
            ask()


def test_a_run_that_clips_is_not_exact_and_says_so():
    run = planted_faults.no_zero_grad(0)
    step, net = run.optimizer.step, run.net
    run.optimizer.step = lambda: (optim.clip_grad_norm_(net.parameters(), 1e-3), step())
    assert not cured(run, "missing zero_grad").exact


def test_a_net_of_values_is_cured_too():
    X, y = data.xor()

    def loop(net, optimizer, zero_grad):
        losses = []
        for _ in range(10):
            loss = sum((net(x) - t) ** 2 for x, t in zip(X.tolist(), y.tolist(), strict=True))
            losses.append(loss.data)
            if zero_grad:
                optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        return losses

    def made():
        net = nn.scalar.MLP(2, [4, 1], activation="tanh", rng=0)
        return net, optim.SGD(net.parameters(), lr=0.05)

    net, optimizer = made()
    with train.doctor(net, optimizer, examine=True) as doctor:
        loop(net, optimizer, zero_grad=False)
    assert doctor.cure(doctor.findings[0]).cured == loop(*made(), zero_grad=True)


# --- experiments ---


def test_experiments_do_not_change_the_run():
    run, twin = setup(3), setup(3)
    run.optimizer.lr = twin.optimizer.lr = 1e-9
    with train.doctor(run.net, run.optimizer, examine=True) as doctor:
        run.run()
    twin.run()
    assert doctor.examination is not None
    for p, q in zip(run.net.parameters(), twin.net.parameters(), strict=True):
        np.testing.assert_array_equal(p.data, q.data)
        assert (p.grad is None) == (q.grad is None)
    assert run.optimizer.lr == twin.optimizer.lr
    assert run.rng.random() == twin.rng.random()


def test_experiments_find_what_helps_and_say_what_they_cost():
    run = setup(0, task="digits", optimizer="sgd", layers=(), depth=1, scale=1e-5)
    with train.doctor(run.net, run.optimizer, examine=True) as doctor:
        run.run()
    helping = {trial.name for trial in doctor.examination.trials if trial.helped}
    assert "Adam with the rate 0.01" in helping
    assert "standardized inputs" not in helping
    assert "forward and backward passes; the run had 120. The run was not changed." in str(doctor)


def test_experiments_try_another_activation_at_the_output():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(64, 2))
    y = X @ [[1.0], [-1.0]]
    net = nn.Sequential(nn.Linear(2, 8, rng=0), nn.Tanh(), nn.Linear(8, 1, rng=1), nn.ReLU())
    trials = _trials(net, optim.Adam(net.parameters(), lr=0.01), lambda: F.mse_loss(net(X), y))
    assert trials["no activation after the last layer"].helped
    assert "a sigmoid or a softmax after the last layer" not in trials


def test_experiments_try_a_sigmoid_where_the_loss_takes_probabilities():
    X, y = data.moons(64, noise=0.1, rng=0)
    y = y.reshape(-1, 1).astype(float)
    net = nn.MLP(2, [8, 1], rng=0)

    def loss():
        p = np.clip(net(X), 1e-3, 1 - 1e-3)
        return -(y * np.log(p) + (1 - y) * np.log(1 - p)).mean()

    trials = _trials(net, optim.SGD(net.parameters(), lr=0.1), loss)
    assert trials["a sigmoid or a softmax after the last layer"].helped


@pytest.mark.parametrize("loss_of", [F.mse_loss, F.l1_loss], ids=["squared", "absolute"])
def test_experiments_try_scaled_targets_and_give_the_loss_in_the_units_of_the_run(loss_of):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(64, 2))
    y = 5000 + 800 * X @ [[1.0], [-1.0]]
    net = nn.MLP(2, [16, 1], rng=0)
    trials = _trials(net, optim.Adam(net.parameters(), lr=0.05), lambda: loss_of(net(X), y), steps=64)
    scaled = trials["standardized targets"]
    assert scaled.helped
    twin = nn.MLP(2, [16, 1], rng=0)
    optimizer, losses = optim.Adam(twin.parameters(), lr=0.05), []
    for _ in range(60):
        loss = loss_of(twin(X), (y - y.mean()) / y.std())
        losses.append(loss.item() * y.std() ** (2 if loss_of is F.mse_loss else 1))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    np.testing.assert_allclose(scaled.loss, np.mean(losses[-6:]), rtol=1e-6)


def test_losses_of_logits_have_no_targets_to_scale_and_no_activation_to_add():
    X, y = data.moons(64, noise=0.1, rng=0)
    net = nn.MLP(2, [8, 2], rng=0)
    trials = _trials(net, optim.SGD(net.parameters(), lr=0.1), lambda: F.cross_entropy(net(X), y))
    assert not {"standardized targets", "a sigmoid or a softmax after the last layer"} & {*trials}


def _trials(net, optimizer, loss_of, steps=20):
    """The experiments on a run, by name."""
    with train.doctor(net, optimizer, examine=True) as doctor:
        for _ in range(steps):
            loss = loss_of()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    return {trial.name: trial for trial in doctor.examine().trials}


def test_one_batch_that_cannot_be_learned_points_at_the_net():
    w = Tensor(np.zeros((3, 2)))
    X, y = np.zeros((8, 3)), np.arange(8) % 2
    optimizer = optim.SGD([w], lr=0.1)
    with train.doctor([w], optimizer, examine=True) as doctor:
        for _ in range(5):
            optimizer.zero_grad()
            F.cross_entropy(Tensor(X, requires_grad=False) @ w, y).backward()
            optimizer.step()
    assert "One batch alone cannot be learned" in str(doctor.examination)
