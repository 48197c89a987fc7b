"""Faults that were invented while the rules were written: each rule without a published program has one here."""

from typing import Any

import numpy as np

from tests.faults import program as p
from tests.faults.program import Training, accuracy_of_probabilities, drawn, net, r2
from tinygrad_edu import nn, optim

F = nn.functional
INVENTED = p.Register(())


def _digits(rng: Any, *parts: Any) -> tuple[Any, Any]:
    d = p.digits(rng, 300, 200)
    return d, net(rng, 64, *(parts or (32, nn.ReLU(), 10)))


def _run(rng: Any, epochs: int = 15, lr: float = 0.005, **options: Any) -> Training:
    d, model = _digits(rng)
    return d.train(model, optim.Adam(model.parameters(), lr=lr), epochs, 32, F.cross_entropy, **options)


@INVENTED("ascent")
def minus_before_the_loss(rng: Any, fixed: bool) -> Training:
    run = _run(rng)
    run.optimizer = optim.SGD(run.net.parameters(), lr=0.1)
    run.loss = F.cross_entropy if fixed else lambda outputs, y: -F.cross_entropy(outputs, y)
    return run


@INVENTED("ascent", "rate too high, NaN, exploding")
def gradient_added(rng: Any, fixed: bool) -> Training:
    run = _run(rng)
    rate = -0.1 if fixed else 0.1

    def step(run: Training, X: Any, y: Any) -> None:
        loss = run.loss(run.net(X), y)
        run.net.zero_grad()
        loss.backward()
        for q in run.net.parameters():
            q.data += rate * q.grad

    run.step, run.optimizer = step, None
    return run


@INVENTED("frozen")
def frozen_from_the_start(rng: Any, fixed: bool) -> Training:
    d = p.circles(rng)
    model = net(rng, 2, 4, nn.ReLU(), 4, nn.ReLU(), 4, nn.ReLU(), 2)
    if not fixed:
        for layer in model.layers[:-1]:
            for q in layer.parameters():
                q.requires_grad = False
    if fixed:
        model = net(rng, 2, 16, nn.ReLU(), 2)
    return d.train(model, optim.Adam(model.parameters(), lr=0.01), 30, 20)


@INVENTED("inputs all equal", "dead relu")
def pixels_divided_as_integers(rng: Any, fixed: bool) -> Training:
    run = _run(rng)
    if not fixed:
        run.X = (run.X * 16).astype(int) // 255
        run.X = run.X.astype(float)
    return run


@INVENTED("same batch", "overfitting")
def first_batch_for_ever(rng: Any, fixed: bool) -> Training:
    run = _run(rng, 150)
    X, y = run.X, run.y
    run.test = X, y
    if fixed:
        run.epochs = 15
    else:
        run.X, run.y, run.batch = X[:32], y[:32], None
    return run


@INVENTED("output activation, wrong loss")
def softmax_of_one_output(rng: Any, fixed: bool) -> Training:
    d = p.moons(rng)
    model = net(rng, 2, 16, nn.ReLU(), 1, nn.Sigmoid() if fixed else nn.Softmax())
    made = optim.Adam(model.parameters(), lr=0.01)
    return d.with_columns().train(model, made, 20, 20, p.binary, accuracy_of_probabilities)


@INVENTED("output activation")
def relu_on_the_logits(rng: Any, fixed: bool) -> Training:
    d, model = _digits(rng, *((32, nn.ReLU(), 10) if fixed else (32, nn.ReLU(), 10, nn.ReLU())))
    return d.train(model, optim.SGD(model.parameters(), lr=0.3), 15, 32)


@INVENTED("hidden activation")
def softmax_between_layers(rng: Any, fixed: bool) -> Training:
    d, model = _digits(rng, 32, nn.ReLU() if fixed else nn.Softmax(), 10)
    return d.train(model, optim.Adam(model.parameters(), lr=0.005), 15, 32)


@INVENTED("labels", "wrong loss")
def classes_minus_one_and_one(rng: Any, fixed: bool) -> Training:
    d = p.moons(rng)
    model = net(rng, 2, 16, nn.Tanh(), 1, nn.Sigmoid())
    y = p.column(d.y) if fixed else 2 * p.column(d.y) - 1
    made = optim.Adam(model.parameters(), lr=0.01)
    test = d.X_test, p.column(d.y_test)
    return Training(model, made, d.X, y, p.binary, 20, rng, 20, test, accuracy_of_probabilities)


@INVENTED("labels")
def only_the_parity_is_left(rng: Any, fixed: bool) -> Training:
    run = _run(rng)
    if not fixed:
        run.y, run.test = run.y % 2, (run.test[0], run.test[1] % 2)
    return run


@INVENTED("imbalance")
def one_row_in_twenty(rng: Any, fixed: bool) -> Training:
    y = (rng.random(400) < 0.06).astype(int)
    X = rng.normal(size=(400, 2)) + 1.2 * y[:, None]
    if fixed:
        rare, frequent = np.flatnonzero(y), np.flatnonzero(y == 0)
        rows = np.concatenate([frequent, rng.choice(rare, len(frequent))])
        X, y = X[rows], y[rows]
    model = net(rng, 2, 8, nn.ReLU(), 2)
    return Training(model, optim.Adam(model.parameters(), lr=0.003), X, y, F.cross_entropy, 20, rng, 32)


@INVENTED("sorted rows")
def digits_in_order(rng: Any, fixed: bool) -> Training:
    run = _run(rng, 20, shuffles=fixed)
    order = np.argsort(run.y, kind="stable")
    run.X, run.y = run.X[order], run.y[order]
    return run


@INVENTED("sorted rows")
def wave_in_order(rng: Any, fixed: bool) -> Training:
    X = np.sort(rng.uniform(-2, 2, (200, 1)), axis=0)
    model = net(rng, 1, 16, nn.Tanh(), 1)
    made = optim.SGD(model.parameters(), lr=0.1)
    return Training(model, made, X, 3 * X + np.sin(2 * X), F.mse_loss, 30, rng, 10, shuffles=fixed, quality=r2)


@INVENTED("targets not scaled", "rate too low")
def incomes(rng: Any, fixed: bool) -> Training:
    d = drawn(rng, lambda n: rng.normal(size=(n, 4)), lambda X: 30000 + 9000 * np.tanh(X[:, :2].sum(1)), 200, 50)
    mean, deviation = (30000.0, 6000.0) if fixed else (0.0, 1.0)
    y, y_test = ((v.reshape(-1, 1) - mean) / deviation for v in (d.y, d.y_test))
    model = net(rng, 4, 16, nn.ReLU(), 1)
    made = optim.Adam(model.parameters(), lr=0.01)
    return Training(model, made, d.X, y, F.mse_loss, 30, rng, 20, (d.X_test, y_test), r2)


@INVENTED("mode")
def never_back_to_training(rng: Any, fixed: bool) -> Training:
    d, model = _digits(rng, 32, nn.BatchNorm1d(32), nn.ReLU(), nn.Dropout(0.2, rng=p.seed_of(rng)), 10)
    run = d.train(model, optim.Adam(model.parameters(), lr=0.005), 15, 32)
    if not fixed:
        run.after_epoch = lambda run, _: run.net.eval()
    return run


@INVENTED("batch norm")
def statistics_that_stand_still(rng: Any, fixed: bool) -> Training:
    d = p.digits(rng, 300, 200)
    norm = nn.BatchNorm1d(32, momentum=0.1 if fixed else 0.0005)
    model = net(rng, 64, 32, norm, nn.ReLU(), 10)
    made = optim.Adam(model.parameters(), lr=0.01)
    return Training(model, made, d.X * 16, d.y, F.cross_entropy, 20, rng, 32, (d.X_test * 16, d.y_test))


@INVENTED("decay")
def decay_of_one(rng: Any, fixed: bool) -> Training:
    run = _run(rng, 20)
    run.optimizer = optim.SGD(run.net.parameters(), lr=0.1, weight_decay=1e-4 if fixed else 1.0)
    return run


@INVENTED("clipping", "rate too low")
def clipped_to_a_thousandth(rng: Any, fixed: bool) -> Training:
    run = _run(rng, 25)
    run.optimizer = optim.SGD(run.net.parameters(), lr=0.2)
    run.before_update = lambda run: optim.clip_grad_norm_(run.net.parameters(), 5.0 if fixed else 0.001)
    return run


@INVENTED("schedule", "rate too low")
def fades_in_ten_steps(rng: Any, fixed: bool) -> Training:
    run = _run(rng, 25)
    run.optimizer = optim.SGD(run.net.parameters(), lr=0.2)
    schedule = optim.lr_scheduler.ExponentialLR(run.optimizer, 0.99 if fixed else 0.5)
    run.after_update = lambda _: schedule.step()
    return run


@INVENTED("wrong loss")
def class_numbers_as_targets(rng: Any, fixed: bool) -> Training:
    run = _run(rng, 15)
    if not fixed:
        run.net.layers[-1] = nn.Linear(32, 1, rng=run.rng)
        run.optimizer = optim.SGD(run.net.parameters(), lr=0.01)
        run.y, run.loss, run.test = p.column(run.y), F.mse_loss, None
        run.quality = r2
    return run


@INVENTED("wrong loss")
def binary_loss_after_softmax(rng: Any, fixed: bool) -> Training:
    d, model = _digits(rng, 32, nn.ReLU(), 10, nn.Softmax())
    made = optim.Adam(model.parameters(), lr=0.005)
    loss = p.categorical if fixed else p.binary
    return Training(model, made, d.X, p.onehot(d.y), loss, 15, rng, 32, (d.X_test, p.onehot(d.y_test)))


@INVENTED("labels", "overfitting")
def shuffled_apart(rng: Any, fixed: bool) -> Training:
    run = _run(rng, 60)
    if fixed:
        run.epochs = 15
    else:
        run.y = run.rng.permutation(run.y)
    return run


@INVENTED("no biases")
def ring_without_biases(rng: Any, fixed: bool) -> Training:
    """The middle must be told from a point opposite, but a net without biases is odd or the same along a ray."""
    X = rng.uniform(-1, 1, (200, 1))
    y = (np.abs(X[:, 0]) < 0.5).astype(int)
    model = net(rng, 1, 16, nn.ReLU(), 2, bias=fixed)
    return Training(model, optim.Adam(model.parameters(), lr=0.02), X, y, F.cross_entropy, 60, rng, 20)


@INVENTED("init", "saturated, rate too high, exploding")
def weights_from_zero_to_one(rng: Any, fixed: bool) -> Training:
    d, model = _digits(rng, 32, nn.ReLU(), 32, nn.ReLU(), 10)
    if not fixed:
        for layer in p.linears(model):
            nn.init.normal_(layer.weight, std=2.0, rng=rng)
    return d.train(model, optim.SGD(model.parameters(), lr=0.05), 20, 32)
