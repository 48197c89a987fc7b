"""Faulty programs that were written after the rules were finished, without looking at them or running them before.

They are bugs that people meet: most are from lists of common mistakes. The first score on them, before anything was
changed because of them, stands in ``docs/doctor.md``.
"""

from typing import Any

import numpy as np

from tests.faults import program as p
from tests.faults.program import Training, accuracy_of_probabilities, net, r2, usual_step
from tinygrad_edu import data, nn, optim

F = nn.functional
AFTERWARDS = p.Register((5,))


def _table(name: str, rng: Any, scaled: bool = True) -> p.Data:
    """A table of scikit-learn's, shuffled and split."""
    from sklearn import datasets

    X, y = getattr(datasets, f"load_{name}")(return_X_y=True)
    X, y = X.astype(float), y
    order = rng.permutation(len(X))
    X, y = X[order], y[order]
    n = 2 * len(X) // 3
    if scaled:
        deviation = X[:n].std(0)
        X = (X - X[:n].mean(0)) / np.where(deviation > 0, deviation, 1)
    return p.Data(X[:n], y[:n], X[n:], y[n:], rng)


def _diabetes(rng: Any, scaled: bool) -> p.Data:
    d = _table("diabetes", rng)
    mean, deviation = (d.y.mean(), d.y.std()) if scaled else (0.0, 1.0)
    y, y_test = ((v.reshape(-1, 1) - mean) / deviation for v in (d.y.astype(float), d.y_test.astype(float)))
    return p.Data(d.X, y, d.X_test, y_test, rng)


@AFTERWARDS("rate too high", "exploding, NaN, dead relu, saturated")
def iris_at_a_rate_of_twenty(rng: Any, fixed: bool) -> Training:
    d = _table("iris", rng)
    model = net(rng, 4, 16, nn.ReLU(), 3)
    return d.train(model, optim.SGD(model.parameters(), lr=0.1 if fixed else 20.0), 20, 16)


@AFTERWARDS("rate too high, momentum", "exploding, NaN, dead relu, saturated")
def momentum_that_never_fades(rng: Any, fixed: bool) -> Training:
    d = _diabetes(rng, scaled=True)
    model = net(rng, 10, 32, nn.Tanh(), 1)
    made = optim.SGD(model.parameters(), lr=0.02 if fixed else 0.5, momentum=0.9 if fixed else 0.99)
    return d.train(model, made, 12, 32, F.mse_loss, r2)


@AFTERWARDS("rate too low")
def adam_at_a_millionth(rng: Any, fixed: bool) -> Training:
    d = p.digits(rng)
    model = net(rng, 64, 32, nn.ReLU(), 10)
    return d.train(model, optim.Adam(model.parameters(), lr=0.003 if fixed else 1e-6), 10, 16)


@AFTERWARDS("schedule, rate too low")
def warm_up_longer_than_the_run(rng: Any, fixed: bool) -> Training:
    d = p.moons(rng)
    model = net(rng, 2, 16, nn.Tanh(), 2)
    made = optim.SGD(model.parameters(), lr=0.5)
    length = 50 if fixed else 100_000
    schedule = optim.lr_scheduler.LambdaLR(made, lambda step: min(1.0, (step + 1) / length))
    return d.train(model, made, 30, 16, after_update=lambda _: schedule.step())


@AFTERWARDS("schedule, rate too low")
def a_tenth_every_epoch(rng: Any, fixed: bool) -> Training:
    d = p.digits(rng)
    model = net(rng, 64, 32, nn.ReLU(), 10)
    made = optim.SGD(model.parameters(), lr=0.05 if fixed else 0.01)
    schedule = optim.lr_scheduler.StepLR(made, 8 if fixed else 1, gamma=0.1)
    run = d.train(model, made, 15, 16)
    run.after_epoch = lambda *_: schedule.step()
    return run


@AFTERWARDS("zero_grad", "rate too high, exploding, NaN, dead relu, saturated")
def gradients_never_reset(rng: Any, fixed: bool) -> Training:
    d = _diabetes(rng, scaled=True)
    model = net(rng, 10, 16, nn.ReLU(), 1)
    run = d.train(model, optim.SGD(model.parameters(), lr=0.01), 30, 32, F.mse_loss, r2)
    if not fixed:
        run.zero_grad = lambda: None
    return run


@AFTERWARDS("never changes")
def reset_after_backward(rng: Any, fixed: bool) -> Training:
    d = _table("iris", rng)
    model = net(rng, 4, 16, nn.ReLU(), 3)

    def step(run: Training, X: Any, y: Any) -> None:
        loss = run.loss(run.net(X), y)
        loss.backward()
        if fixed:
            run.optimizer.step()
            run.optimizer.zero_grad()
        else:
            run.optimizer.zero_grad()
            run.optimizer.step()

    return d.train(model, optim.Adam(model.parameters(), lr=0.01), 20, 16, step=step)


@AFTERWARDS("missing from the optimizer, frozen")
def new_head_after_the_optimizer(rng: Any, fixed: bool) -> Training:
    d = _table("wine", rng)
    model = net(rng, 13, 16, nn.ReLU(), 5)
    made = optim.Adam(model.parameters(), lr=0.01)
    model.layers[-1] = nn.Linear(16, 3, rng=rng)
    if fixed:
        made = optim.Adam(model.parameters(), lr=0.01)
    return d.train(model, made, 20, 16)


@AFTERWARDS("no gradient, frozen")
def features_through_numpy(rng: Any, fixed: bool) -> Training:
    d = p.circles(rng)

    class Net(nn.Module):
        def __init__(self) -> None:
            self.first, self.second = nn.Linear(2, 6, rng=rng), nn.Linear(6, 2, rng=rng)

        def forward(self, x: Any) -> Any:
            h = np.tanh(self.first(x))
            return self.second(h if fixed else h.numpy())

    model = Net()
    return d.train(model, optim.Adam(model.parameters(), lr=0.03), 30, 16)


@AFTERWARDS("output activation, targets not scaled")
def sigmoid_for_a_blood_value(rng: Any, fixed: bool) -> Training:
    d = _diabetes(rng, scaled=fixed)
    parts: list[Any] = [10, 16, nn.ReLU(), 1] + ([] if fixed else [nn.Sigmoid()])
    model = net(rng, *parts)
    return d.train(model, optim.Adam(model.parameters(), lr=0.01), 20, 32, F.mse_loss, r2)


@AFTERWARDS("output activation")
def tanh_as_probability(rng: Any, fixed: bool) -> Training:
    d = p.moons(rng)
    model = net(rng, 2, 12, nn.Tanh(), 1, nn.Sigmoid() if fixed else nn.Tanh())
    made = optim.SGD(model.parameters(), lr=0.3)
    return d.with_columns().train(model, made, 25, 20, p.binary, accuracy_of_probabilities)


@AFTERWARDS("targets not scaled")
def diabetes_as_it_comes(rng: Any, fixed: bool) -> Training:
    d = _diabetes(rng, scaled=fixed)
    model = net(rng, 10, 16, nn.ReLU(), 1)
    return d.train(model, optim.Adam(model.parameters(), lr=0.003), 20, 32, F.mse_loss, r2)


@AFTERWARDS("inputs not normalized", "saturated, dead relu, rate too high")
def wine_as_it_comes(rng: Any, fixed: bool) -> Training:
    d = _table("wine", rng, scaled=fixed)
    model = net(rng, 13, 16, nn.Tanh(), 3)
    return d.train(model, optim.SGD(model.parameters(), lr=0.1), 20, 16)


@AFTERWARDS("inputs not normalized", "rate too low")
def currents_in_amperes(rng: Any, fixed: bool) -> Training:
    d = _table("iris", rng)
    size = 1.0 if fixed else 1e-5
    d = p.Data(d.X * size, d.y, d.X_test * size, d.y_test, rng)
    model = net(rng, 4, 16, nn.ReLU(), 3)
    return d.train(model, optim.SGD(model.parameters(), lr=0.1), 25, 16)


@AFTERWARDS("activation twice")
def iris_softmax_twice(rng: Any, fixed: bool) -> Training:
    d = _table("iris", rng)
    model = net(rng, 4, 16, nn.ReLU(), 3, *([] if fixed else [nn.Softmax()]))
    return d.train(model, optim.SGD(model.parameters(), lr=0.1), 20, 16)


@AFTERWARDS("activation twice")
def cancer_sigmoid_twice(rng: Any, fixed: bool) -> Training:
    d = _table("breast_cancer", rng)
    model = net(rng, 30, 8, nn.ReLU(), 1, *([] if fixed else [nn.Sigmoid()]))
    loss = F.binary_cross_entropy_with_logits
    return d.with_columns().train(model, optim.Adam(model.parameters(), lr=0.005), 10, 32, loss)


@AFTERWARDS("labels")
def rows_sorted_without_their_labels(rng: Any, fixed: bool) -> Training:
    d = _table("breast_cancer", rng)
    model = net(rng, 30, 32, nn.ReLU(), 32, nn.ReLU(), 2)
    run = d.train(model, optim.Adam(model.parameters(), lr=0.005), 10 if fixed else 60, 16)
    if not fixed:
        run.X = run.X[np.argsort(run.X[:, 0])]
    return run


@AFTERWARDS("labels", "overfitting")
def two_labels_in_five_flipped(rng: Any, fixed: bool) -> Training:
    d = _table("breast_cancer", rng)
    y = d.y.copy()
    flipped = rng.random(len(y)) < (0.0 if fixed else 0.4)
    y[flipped] = 1 - y[flipped]
    model = net(rng, 30, 16, nn.ReLU(), 2)
    d = p.Data(d.X, y, d.X_test, d.y_test, rng)
    return d.train(model, optim.Adam(model.parameters(), lr=0.003), 15, 16)


@AFTERWARDS("labels")
def absolute_error_of_a_table(rng: Any, fixed: bool) -> Training:
    d = _diabetes(rng, scaled=True)
    y, y_test = (v if fixed else v.reshape(-1) for v in (d.y, d.y_test))
    model = net(rng, 10, 16, nn.Tanh(), 1)
    made = optim.Adam(model.parameters(), lr=0.01)
    test = d.X_test, y_test
    return Training(model, made, d.X, y, lambda a, b: abs(a - b).mean(), 20, rng, 32, test, r2)


@AFTERWARDS("labels, wrong loss")
def hinge_with_zeros(rng: Any, fixed: bool) -> Training:
    """The hinge loss takes −1 and 1, and was given 0 and 1."""
    d = _table("breast_cancer", rng)
    model = net(rng, 30, 8, nn.ReLU(), 1)

    def loss(scores: Any, y: Any) -> Any:
        return (1 - scores * (2 * y - 1 if fixed else y)).relu().mean()

    return d.with_columns().train(model, optim.SGD(model.parameters(), lr=0.1), 15, 32, loss)


@AFTERWARDS("sorted rows")
def wine_bottle_by_bottle(rng: Any, fixed: bool) -> Training:
    d = _table("wine", rng)
    order = np.argsort(d.y, kind="stable")
    model = net(rng, 13, 16, nn.ReLU(), 3)
    run = d.train(model, optim.SGD(model.parameters(), lr=0.1, momentum=0.9), 15, 16, shuffles=fixed)
    run.X, run.y = run.X[order], run.y[order]
    return run


@AFTERWARDS("imbalance")
def one_fraud_in_thirty(rng: Any, fixed: bool) -> Training:
    y = (np.arange(600) % 30 == 0).astype(int)
    X = rng.normal(size=(600, 5)) + y[:, None] * np.array([1.0, 0.8, 0, 0, 0])
    if fixed:
        rows = np.concatenate([np.flatnonzero(y == 0), rng.choice(np.flatnonzero(y), 580)])
        X, y = X[rows], y[rows]
    model = net(rng, 5, 1)
    made = optim.SGD(model.parameters(), lr=0.1)
    return Training(model, made, X, p.column(y), F.binary_cross_entropy_with_logits, 12, rng, 32)


@AFTERWARDS("dropout")
def nineteen_of_twenty_dropped(rng: Any, fixed: bool) -> Training:
    d = p.digits(rng)
    model = net(rng, 64, 32, nn.ReLU(), nn.Dropout(0.2 if fixed else 0.95, rng=rng), 10)
    return d.train(model, optim.Adam(model.parameters(), lr=0.003), 10, 16)


@AFTERWARDS("mode")
def batch_norm_while_evaluating(rng: Any, fixed: bool) -> Training:
    d = p.digits(rng)
    model = net(rng, 64, 32, nn.BatchNorm1d(32), nn.ReLU(), 10)
    return d.train(model, optim.Adam(model.parameters(), lr=0.003), 10, 16, switches_modes=fixed)


@AFTERWARDS("mode")
def evaluation_mode_before_the_loop(rng: Any, fixed: bool) -> Training:
    d = p.digits(rng)
    model = net(rng, 64, 32, nn.BatchNorm1d(32), nn.ReLU(), nn.Dropout(0.3, rng=rng), 10)
    run = d.train(model, optim.Adam(model.parameters(), lr=0.003), 10, 16, switches_modes=fixed)
    if not fixed:
        model.eval()
    return run


@AFTERWARDS("decay")
def adam_with_a_decay_of_one_half(rng: Any, fixed: bool) -> Training:
    d = p.digits(rng)
    model = net(rng, 64, 32, nn.ReLU(), 10)
    return d.train(model, optim.Adam(model.parameters(), lr=0.003, weight_decay=1e-4 if fixed else 0.5), 12, 16)


@AFTERWARDS("decay, wrong loss")
def penalty_of_ten(rng: Any, fixed: bool) -> Training:
    d = _table("breast_cancer", rng)
    model = net(rng, 30, 8, nn.Tanh(), 2)

    def loss(outputs: Any, y: Any) -> Any:
        penalty = optim.l2_penalty([model[0].weight, model[2].weight], 1e-4 if fixed else 10.0)
        return F.cross_entropy(outputs, y) + penalty

    return d.train(model, optim.SGD(model.parameters(), lr=0.02), 15, 16, loss=loss)


@AFTERWARDS("clipping, rate too low")
def values_clipped_to_nothing(rng: Any, fixed: bool) -> Training:
    d = p.digits(rng)
    model = net(rng, 64, 32, nn.ReLU(), 10)
    run = d.train(model, optim.SGD(model.parameters(), lr=0.2), 12, 16)
    run.before_update = lambda run: optim.clip_grad_value_(run.net.parameters(), 1.0 if fixed else 1e-5)
    return run


@AFTERWARDS("init", "dead relu, vanishing")
def everything_begins_at_zero(rng: Any, fixed: bool) -> Training:
    d = _table("wine", rng)
    model = net(rng, 13, 16, nn.Tanh(), 3)
    if not fixed:
        for q in model.parameters():
            nn.init.zeros_(q)
    return d.train(model, optim.SGD(model.parameters(), lr=0.1), 15, 16)


@AFTERWARDS("hidden activation, vanishing", "rate too low")
def seven_sigmoids(rng: Any, fixed: bool) -> Training:
    d = p.digits(rng)
    parts = [part for _ in range(7) for part in (24, nn.ReLU() if fixed else nn.Sigmoid())]
    model = net(rng, 64, *parts, 10)
    if fixed:
        for layer in p.linears(model):
            nn.init.kaiming_normal_(layer.weight, rng=rng)
    return d.train(model, optim.Adam(model.parameters(), lr=0.001), 12, 16)


@AFTERWARDS("init, vanishing", "rate too low")
def tiny_weights_in_a_deep_net(rng: Any, fixed: bool) -> Training:
    d = _table("wine", rng)
    parts = [part for _ in range(4) for part in (16, nn.Tanh())]
    model = net(rng, 13, *parts, 3, std=None if fixed else 0.01)
    return d.train(model, optim.SGD(model.parameters(), lr=0.2), 30, 16)


@AFTERWARDS("missing nonlinearity")
def spirals_without_activations(rng: Any, fixed: bool) -> Training:
    X, y = data.spirals(rng=p.seed_of(rng))
    model = net(rng, 2, *((32, nn.ReLU(), 32, nn.ReLU(), 3) if fixed else (32, 32, 3)))
    return Training(model, optim.Adam(model.parameters(), lr=0.01), X, y, F.cross_entropy, 20, rng, 32)


@AFTERWARDS("net too small")
def digits_through_two_units(rng: Any, fixed: bool) -> Training:
    d = p.digits(rng)
    model = net(rng, 64, 32 if fixed else 1, nn.ReLU(), 10)
    return d.train(model, optim.Adam(model.parameters(), lr=0.005), 15, 16)


@AFTERWARDS("overfitting, too little data")
def twenty_pictures(rng: Any, fixed: bool) -> Training:
    d = p.digits(rng, 400 if fixed else 20)
    model = net(rng, 64, 64, nn.ReLU(), 64, nn.ReLU(), 10)
    return d.train(model, optim.Adam(model.parameters(), lr=0.005), 8 if fixed else 200, 16)


@AFTERWARDS("ascent, wrong loss")
def the_minus_was_forgotten(rng: Any, fixed: bool) -> Training:
    d = _table("iris", rng)
    model = net(rng, 4, 16, nn.ReLU(), 3, nn.Softmax())
    sign = -1.0 if fixed else 1.0

    def loss(outputs: Any, Y: Any) -> Any:
        return sign * (Y * np.log(outputs + 1e-9)).sum(1).mean()

    test = d.X_test, p.onehot(d.y_test, 3)
    return Training(model, optim.Adam(model.parameters(), lr=0.01), d.X, p.onehot(d.y, 3), loss, 20, rng, 16, test)


@AFTERWARDS("wrong reduction, rate too high", "exploding, NaN, dead relu, saturated")
def cross_entropy_summed(rng: Any, fixed: bool) -> Training:
    d = p.digits(rng)
    model = net(rng, 64, 32, nn.ReLU(), 10)

    def loss(outputs: Any, y: Any) -> Any:
        return F.cross_entropy(outputs, y, reduction="mean" if fixed else "sum")

    return d.train(model, optim.SGD(model.parameters(), lr=0.2), 10, 64, loss)


@AFTERWARDS("too few steps")
def three_epochs_of_moons(rng: Any, fixed: bool) -> Training:
    d = p.moons(rng)
    model = net(rng, 2, 16, nn.ReLU(), 2)
    return d.train(model, optim.Adam(model.parameters(), lr=0.003), 60 if fixed else 3, 20)


@AFTERWARDS("NaN", "saturated, rate too high, exploding")
def logarithm_of_nothing(rng: Any, fixed: bool) -> Training:
    d = _table("breast_cancer", rng)
    model = net(rng, 30, 8, nn.ReLU(), 1, nn.Sigmoid())
    model[2].weight.data *= 1.0 if fixed else 400.0
    loss = p.binary if fixed else lambda q, y: -(y * np.log(q) + (1 - y) * np.log(1 - q)).mean()
    return d.with_columns().train(model, optim.SGD(model.parameters(), lr=0.1), 10, 32, loss, accuracy_of_probabilities)


@AFTERWARDS("noise in the inputs", "")
def inputs_drowned_in_noise(rng: Any, fixed: bool) -> Training:
    """What was meant as augmentation is five times as strong as the signal."""
    d = _table("iris", rng)
    model = net(rng, 4, 16, nn.ReLU(), 3)

    def step(run: Training, X: Any, y: Any) -> None:
        usual_step(run, X + rng.normal(0, 0.1 if fixed else 5.0, X.shape), y)

    return d.train(model, optim.Adam(model.parameters(), lr=0.01), 25, 16, step=step)


@AFTERWARDS("wrong loss")
def squared_error_of_the_kind_of_wine(rng: Any, fixed: bool) -> Training:
    d = _table("digits", rng)
    d = p.Data(d.X[:400], d.y[:400], d.X_test[:200], d.y_test[:200], rng)
    model = net(rng, 64, 16, nn.ReLU(), 10 if fixed else 1)
    made = optim.SGD(model.parameters(), lr=0.05 if fixed else 0.001)
    if fixed:
        return d.train(model, made, 15, 16)
    return d.with_columns().train(model, made, 15, 16, F.mse_loss, r2)
