"""Thirty faulty training programs that were published as real bugs, rebuilt small from their descriptions.

The source is where the fault was seen; data, sizes and settings are adapted to a run of a second, so that the fault
does harm and the repaired program learns.
"""

import copy
from typing import Any

import numpy as np

from tests.faults import program as p
from tests.faults.program import Data, Training, accuracy_of_probabilities, drawn, net, r2
from tinygrad_edu import nn, optim

F = nn.functional
PUBLISHED = p.Register(())
LOCALIZE, CRIME, FD = "Wardat-ISU/DeepLocalize, ", "dlfaults/deepcrime, ", "ArabelaTso/DeepFD, "
UMLAUT, DEFECTS, LINT = "BerkeleyHCI/umlaut, ", "mohmehmo/defects4ml, bugs/", "neuralint/neuralint, "
CHECK = "OrderLab/TrainCheck-Evaluation-Workloads, pytorch-forum-"


def _mse(outputs: Any, y: Any) -> Any:
    return ((outputs - y) ** 2).mean()


@PUBLISHED("rate too high", "dead relu, exploding, NaN", LOCALIZE + "FacialKeypointsDetection")
def adam_rate_too_high(rng: Any, fixed: bool) -> Training:
    rows, columns = np.mgrid[:8, :8]

    def pictures(n: int) -> Any:
        spots = rng.uniform(0, 7, (n, 2))
        distance = (rows - spots[:, :1, None]) ** 2 + (columns - spots[:, 1:, None]) ** 2
        return np.exp(-distance / (2 * 1.2**2)).reshape(n, 64), spots / 3.5 - 1

    X, y = pictures(300)
    model = net(rng, 64, 50, nn.ReLU(), 100, nn.ReLU(), 2)
    made = optim.Adam(model.parameters(), lr=0.002 if fixed else 0.5)
    return Training(model, made, X, y, F.mse_loss, 40, rng, 32, pictures(200), r2)


@PUBLISHED("dropout", "", UMLAUT + "user_eval/eval_a.py")
def dropout_too_high(rng: Any, fixed: bool) -> Training:
    d = p.digits(rng)
    parts = [part for _ in range(3) for part in (24, nn.ReLU(), nn.Dropout(0.1 if fixed else 0.8, rng=rng))]
    model = net(rng, 64, *parts, 10)
    return d.train(model, optim.Adam(model.parameters(), lr=0.003), 25, 32)


@PUBLISHED("mode", "", UMLAUT + "its catalogue")
def evaluates_in_training_mode(rng: Any, fixed: bool) -> Training:
    d = p.moons(rng)
    model = net(rng, 2, 12, nn.ReLU(), nn.Dropout(0.5, rng=rng), 12, nn.ReLU(), nn.Dropout(0.5, rng=rng), 2)
    return d.train(model, optim.Adam(model.parameters(), lr=0.01), 60, 20, switches_modes=fixed)


@PUBLISHED("NaN", "", UMLAUT + "umserver/errors.py")
def holes_in_the_data(rng: Any, fixed: bool) -> Training:
    from sklearn.datasets import load_breast_cancer

    X, y = load_breast_cancer(return_X_y=True)
    order = rng.permutation(len(X))
    X, y = X[order], y[order]
    X = (X - X[:350].mean(0)) / X[:350].std(0)
    holes = rng.choice(350, 11, replace=False)
    test = X[350:], y[350:]
    X, y = X[:350].copy(), y[:350]
    X[holes, rng.integers(0, 30, 11)] = np.nan
    if fixed:
        whole = np.isfinite(X).all(1)
        X, y = X[whole], y[whole]
    model = net(rng, 30, 16, nn.ReLU(), 2)
    return Training(model, optim.Adam(model.parameters(), lr=0.003), X, y, F.cross_entropy, 5, rng, 32, test)


@PUBLISHED("init, saturated", "exploding", CRIME + "operators/weights_operators.py")
def huge_initial_weights(rng: Any, fixed: bool) -> Training:
    d = p.digits(rng, 300)
    model = net(rng, 64, 32, nn.Tanh(), 32, nn.Tanh(), 10, std=3.0)
    if fixed:
        for layer in p.linears(model):
            nn.init.xavier_uniform_(layer.weight, rng=rng)
    return d.train(model, optim.SGD(model.parameters(), lr=0.05), 20, 32)


@PUBLISHED("labels", "overfitting", CRIME + "operators/training_data_operators.py")
def labels_half_wrong(rng: Any, fixed: bool) -> Training:
    d = p.digits(rng)
    y = d.y.copy()
    if not fixed:
        wrong = rng.choice(400, 240, replace=False)
        y[wrong] = rng.integers(0, 10, 240)
    model = net(rng, 64, 64, nn.ReLU(), 10)
    made = optim.Adam(model.parameters(), lr=0.003)
    return Training(model, made, d.X, y, F.cross_entropy, 20 if fixed else 60, rng, 32, d.test)


@PUBLISHED("labels", "imbalance", LOCALIZE + "StackOverflow/59325381")
def labels_scaled_like_pixels(rng: Any, fixed: bool) -> Training:
    d = p.digits(rng)

    def loss(outputs: Any, y: Any) -> Any:
        return F.cross_entropy(outputs, y if fixed else (y / 255).astype(int))

    model = net(rng, 64, 64, nn.ReLU(), 10)
    return d.train(model, optim.Adam(model.parameters(), lr=0.003), 15, 32, loss)


@PUBLISHED("labels", "", LOCALIZE + "StackOverflow/59325381, the reshaping of its labels")
def labels_that_broadcast(rng: Any, fixed: bool) -> Training:
    d = drawn(rng, lambda n: rng.uniform(-2, 2, (n, 1)), lambda X: np.sin(2 * X[:, 0]), 120, 120)
    y, y_test = (d.y.reshape(-1, 1), d.y_test.reshape(-1, 1)) if fixed else (d.y, d.y_test)
    model = net(rng, 1, 16, nn.Tanh(), 1)
    return Training(model, optim.Adam(model.parameters(), lr=0.01), d.X, y, _mse, 200, rng, 30, (d.X_test, y_test), r2)


@PUBLISHED("init, dead relu", "", LINT + "Synthetic Samples/TF_lenet_non_zeros_biases.py")
def large_negative_biases(rng: Any, fixed: bool) -> Training:
    d = p.moons(rng)
    model = net(rng, 2, 16, nn.ReLU(), 16, nn.ReLU(), 2)
    for layer in p.linears(model):
        nn.init.constant_(layer.bias, 0.0 if fixed else -4.0)
    return d.train(model, optim.SGD(model.parameters(), lr=0.1, momentum=0.9), 60, 20)


@PUBLISHED("metric", "", DEFECTS + "097", visible=False)
def logits_cut_at_one_half(rng: Any, fixed: bool) -> Training:
    """Only the accuracy that is printed afterwards is wrong; the training is right."""
    from sklearn.datasets import load_iris

    X, y = load_iris(return_X_y=True)
    order = rng.permutation(len(X))
    X, y = (X[order] - X.mean(0)) / X.std(0), y[order]
    model = net(rng, 4, 16, nn.ReLU(), 3)

    def cut(outputs: Any, labels: Any) -> float:
        return float(np.mean(np.all((outputs > 0.5) == p.onehot(labels, 3), axis=1)))

    made = optim.Adam(model.parameters(), lr=0.01)
    quality = p.accuracy if fixed else cut
    return Training(model, made, X[:100], y[:100], F.cross_entropy, 40, rng, 16, (X[100:], y[100:]), quality)


@PUBLISHED("wrong loss, rate too low, too few steps", "", LOCALIZE + "StackOverflow/31556268")
def mae_on_xor(rng: Any, fixed: bool) -> Training:
    X = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
    y = np.array([[0.0], [1.0], [1.0], [0.0]])
    model = net(rng, 2, 4, nn.Sigmoid(), 1, nn.Sigmoid())
    for layer in p.linears(model):
        nn.init.xavier_uniform_(layer.weight, rng=rng)
        nn.init.zeros_(layer.bias)
    if fixed:
        made: Any = optim.Adam(model.parameters(), lr=0.05)
        return Training(model, made, X, y, F.mse_loss, 2000, rng, quality=accuracy_of_probabilities)
    made = optim.SGD(model.parameters(), lr=0.05, momentum=0.11)
    return Training(model, made, X, y, F.l1_loss, 1000, rng, quality=accuracy_of_probabilities)


@PUBLISHED("wrong loss", "", DEFECTS + "083")
def negative_loss_weights(rng: Any, fixed: bool) -> Training:
    d = drawn(rng, lambda n: rng.normal(size=(n, 5)), lambda X: X + rng.normal(0, 0.01, X.shape), 100, 100)
    weights = rng.normal(size=(100, 5))

    def loss(outputs: Any, y: Any) -> Any:
        errors = abs(outputs - y)
        return errors.mean() if fixed else (errors * weights).mean()

    model = net(rng, 5, 5)
    return Training(model, optim.SGD(model.parameters(), lr=0.05), d.X, d.y, loss, 300, rng, quality=r2)


@PUBLISHED(
    "missing output activation, missing nonlinearity, rate too high, init", "NaN", LOCALIZE + "StackOverflow/48385830"
)
def no_softmax_large_weights(rng: Any, fixed: bool) -> Training:
    d = p.digits(rng)
    parts = (30, nn.Sigmoid(), 10, nn.Softmax()) if fixed else (30, 10)
    model = net(rng, 64, *parts, std=1.0)
    for layer in p.linears(model):
        nn.init.normal_(layer.bias, rng=rng)
    made = optim.SGD(model.parameters(), lr=0.5 if fixed else 3.0)
    test = d.X_test, p.onehot(d.y_test)
    epochs = 30 if fixed else 4
    return Training(model, made, d.X, p.onehot(d.y), p.categorical, epochs, rng, 10, test)


@PUBLISHED("net too small", "", LOCALIZE + "StackOverflow/45442843")
def one_hidden_unit(rng: Any, fixed: bool) -> Training:
    d = p.circles(rng)
    model = net(rng, 2, 16 if fixed else 1, nn.Sigmoid(), 2)
    return d.train(model, optim.RMSprop(model.parameters(), lr=0.02), 80, 20)


@PUBLISHED("missing from the optimizer, frozen", "", CHECK + "84911, its second program")
def only_the_last_layer_in_the_optimizer(rng: Any, fixed: bool) -> Training:
    d = p.circles(rng)
    width = 8 if fixed else 4
    model = net(rng, 2, width, nn.ReLU(), width, nn.ReLU(), 2)
    return d.train(model, optim.Adam((model if fixed else model[-1]).parameters(), lr=0.01), 60, 20)


@PUBLISHED("never changes", "", "OrderLab/TrainCheck-Evaluation-Workloads, x-jxmnop-ddp-out-of-sync")
def optimizer_of_a_copy(rng: Any, fixed: bool) -> Training:
    d = p.moons(rng)
    model = net(rng, 2, 16, nn.Tanh(), 2)
    made = optim.Adam((model if fixed else copy.deepcopy(model)).parameters(), lr=0.01)
    run = d.train(model, made, 60, 20, zero_grad=model.zero_grad)
    run.checks, run.epochs = 1, 59  # no evaluation on the way
    return run


@PUBLISHED("overfitting, too little data", "", DEFECTS + "023, its number of epochs")
def overfitting_few_points(rng: Any, fixed: bool) -> Training:

    def wave(X: Any) -> Any:
        return np.sin(2 * X) + rng.normal(0, 0.3, X.shape)

    d = drawn(rng, lambda n: rng.uniform(-2, 2, (n, 1)), wave, 200 if fixed else 12, 200)
    model = net(rng, 1, 64, nn.Tanh(), 64, nn.Tanh(), 1)
    made = optim.Adam(model.parameters(), lr=0.01)
    epochs, batch = (200, 50) if fixed else (1500, None)
    return d.train(model, made, epochs, batch, F.mse_loss, r2)


@PUBLISHED("inputs not normalized, output activation", "", LOCALIZE + "StackOverflow/55328966")
def pixels_to_255_with_sigmoids(rng: Any, fixed: bool) -> Training:
    d = p.digits(rng)
    size = 1 if fixed else 255
    model = net(rng, 64, 64, nn.ReLU(), 32, nn.ReLU(), 10, nn.Softmax() if fixed else nn.Sigmoid())
    made = optim.SGD(model.parameters(), lr=0.2 if fixed else 0.05)
    test = d.X_test * size, p.onehot(d.y_test)
    return Training(model, made, d.X * size, p.onehot(d.y), p.categorical, 20, rng, 32, test)


@PUBLISHED("rate too high", "NaN, dead relu, exploding", LOCALIZE + "StackOverflow/48934338")
def rate_too_high_sgd_regression(rng: Any, fixed: bool) -> Training:
    X = np.arange(0, 5, 0.1).reshape(-1, 1)
    model = net(rng, 1, 50, nn.ReLU(), 30, nn.ReLU(), 1)
    made = optim.SGD(model.parameters(), lr=0.0005 if fixed else 0.1)
    y = 5 * X**2 + rng.normal(size=X.shape) ** 3
    return Training(model, made, X, y, F.mse_loss, 300, rng, 32, (X, 5 * X**2), r2)


@PUBLISHED("inputs not normalized", "", LOCALIZE + "StackOverflow/39525358")
def raw_features_batch_of_one(rng: Any, fixed: bool) -> Training:
    mean, deviation = np.array([50.0, 300.0, 20000.0]), np.array([20.0, 100.0, 8000.0])

    def targets(X: Any) -> Any:
        return p.column(((X - mean) / deviation).sum(1) > 0)

    d = drawn(rng, lambda n: rng.normal(mean, deviation, (n, 3)), targets, 80, 200)
    if fixed:
        d = standardized(d)
    model = net(rng, 3, 12, nn.ReLU(), 3, nn.ReLU(), 1)
    for layer in p.linears(model):
        nn.init.uniform_(layer.weight, -0.05, 0.05, rng=rng)
        nn.init.zeros_(layer.bias)
    return d.train(model, optim.Adam(model.parameters(), lr=0.001), 30, 1, F.binary_cross_entropy_with_logits)


@PUBLISHED(
    "output activation, missing output activation, inputs not normalized",
    "dead relu, NaN",
    LOCALIZE + "StackOverflow/44066044",
)
def relu_as_probability(rng: Any, fixed: bool) -> Training:
    deviation = 10.0 ** (np.arange(11) % 4)

    def targets(X: Any) -> Any:
        return p.column(((X[:, :3] - 50) / deviation[:3]).sum(1) > 0)

    d = drawn(rng, lambda n: rng.normal(50, deviation, (n, 11)), targets, 200, 200)
    if fixed:
        d = standardized(d)
    model = net(rng, 11, 12, nn.ReLU(), 12, nn.ReLU(), 1, nn.Sigmoid() if fixed else nn.ReLU(), std=0.05)
    return d.train(model, optim.Adam(model.parameters(), lr=0.001), 60, 5, p.binary, accuracy_of_probabilities)


@PUBLISHED("output activation, hidden activation", "dead relu", FD + "42514960")
def relu_autoencoder(rng: Any, fixed: bool) -> Training:
    mix = rng.normal(size=(3, 8))
    X = rng.normal(size=(500, 3)) @ mix + rng.normal(0, 0.05, (500, 8))
    X /= np.abs(X).max(0)
    a = nn.Tanh if fixed else nn.ReLU
    model = net(rng, 8, 16, a(), 3, a(), 16, a(), 8, a())
    made = optim.Adam(model.parameters(), lr=0.005)
    return Training(model, made, X[:300], X[:300], F.mse_loss, 60, rng, 32, (X[300:], X[300:]), r2)


@PUBLISHED("output activation", "dead relu", LOCALIZE + "StackOverflow/48251943")
def relu_on_signed_regression(rng: Any, fixed: bool) -> Training:

    def targets(X: Any) -> Any:
        return np.tanh(X[:, :1] - 0.7 * X[:, 1:]) + rng.normal(0, 0.05, (len(X), 1))

    d = drawn(rng, lambda n: rng.normal(size=(n, 2)), targets, 200, 200)
    model = net(rng, 2, 4, nn.ReLU(), 1, nn.Tanh() if fixed else nn.ReLU())
    return d.train(model, optim.SGD(model.parameters(), lr=0.05), 50, 10, F.mse_loss, r2)


@PUBLISHED("rate too low", "", CRIME + "operators/hyperparams_operators.py")
def sgd_rate_too_low(rng: Any, fixed: bool) -> Training:
    d = p.digits(rng)
    model = net(rng, 64, 32, nn.ReLU(), 10)
    return d.train(model, optim.SGD(model.parameters(), lr=0.3 if fixed else 0.0001), 25, 32)


@PUBLISHED("activation twice", "", LINT + "Synthetic Samples/TF_lenet_bin_wrong_loss_inputs.py")
def sigmoid_into_logits_loss(rng: Any, fixed: bool) -> Training:
    d = p.circles(rng)
    parts: list[Any] = [2, 16, nn.Tanh(), 1] + ([] if fixed else [nn.Sigmoid()])
    model = net(rng, *parts)

    def minus_loss(outputs: Any, y: Any) -> float:
        return -float(F.binary_cross_entropy_with_logits(outputs, y).item())

    loss = F.binary_cross_entropy_with_logits
    return d.with_columns().train(model, optim.SGD(model.parameters(), lr=0.5), 60, 20, loss, minus_loss)


@PUBLISHED("hidden activation, vanishing, init, rate too low", "", LOCALIZE + "StackOverflow/39217567")
def small_sigmoids_in_a_row(rng: Any, fixed: bool) -> Training:
    X = (np.arange(256)[:, None] >> np.arange(8) & 1).astype(float)
    y = np.abs(X - np.column_stack([np.zeros(256), X[:, :-1]]))
    if fixed:
        model = net(rng, 8, 32, nn.ReLU(), 32, nn.ReLU(), 8, nn.Sigmoid())
        for layer in p.linears(model):
            nn.init.kaiming_normal_(layer.weight, rng=rng)
            nn.init.zeros_(layer.bias)
        made: Any = optim.Adam(model.parameters(), lr=0.01)
    else:
        model = net(rng, 8, 8, nn.Sigmoid(), 8, nn.Sigmoid(), 8, nn.Sigmoid(), std=0.05)
        made = optim.SGD(model.parameters(), lr=0.01)
    return Training(model, made, X, y, F.mse_loss, 150, rng, 50, quality=accuracy_of_probabilities)


@PUBLISHED("wrong reduction", "rate too high, NaN, saturated, exploding", DEFECTS + "001, its reduction alone")
def sum_in_place_of_mean(rng: Any, fixed: bool) -> Training:

    def targets(X: Any) -> Any:
        return np.sin(X[:, :1]) + X[:, 1:2] - X[:, 2:] / 2

    def loss(outputs: Any, y: Any) -> Any:
        squares = (outputs - y) ** 2
        return squares.mean() if fixed else squares.sum()

    d = drawn(rng, lambda n: rng.normal(size=(n, 3)), targets, 200, 200)
    model = net(rng, 3, 16, nn.Tanh(), 1)
    return d.train(model, optim.SGD(model.parameters(), lr=0.05), 60, 50, loss, r2)


@PUBLISHED("too few steps", "", FD + "37213388")
def two_epochs(rng: Any, fixed: bool) -> Training:
    d = p.digits(rng, 1000)
    model = net(rng, 64, 64, nn.ReLU(), nn.Dropout(0.2, rng=rng), 10)
    return d.train(model, optim.Adam(model.parameters(), lr=0.001), 25 if fixed else 2, 64)


@PUBLISHED("missing nonlinearity, net too small", "", LOCALIZE + "Averaging_Neural_Networks/keras_net.py")
def two_linear_units_in_the_middle(rng: Any, fixed: bool) -> Training:
    d = drawn(rng, lambda n: rng.uniform(-1, 1, (n, 2)), lambda X: X[:, :1] * X[:, 1:], 200, 200)
    model = net(rng, 2, 16, nn.ReLU(), 1) if fixed else net(rng, 2, 2, 1)
    return d.train(model, optim.RMSprop(model.parameters(), lr=0.005), 80, 20, F.mse_loss, r2)


@PUBLISHED("too few steps, batch size", "", CRIME + "mutations.py")
def whole_set_as_one_batch(rng: Any, fixed: bool) -> Training:
    d = p.digits(rng, 1000)
    model = net(rng, 64, 64, nn.ReLU(), 10)
    return d.train(model, optim.SGD(model.parameters(), lr=0.1, momentum=0.9), 12, 32 if fixed else 1000)


def standardized(d: Data) -> Data:
    """The data with each feature standardized by the training rows."""
    mean, deviation = d.X.mean(0), d.X.std(0)
    return Data((d.X - mean) / deviation, d.y, (d.X_test - mean) / deviation, d.y_test, d.rng)


# Which of UMLAUT, AutoTrainer, DeepLocalize and DeepFD diagnosed the original: DeepFD's Benchmark/Evaluation.xlsx.
DIAGNOSED = {
    "labels-scaled-like-pixels": "DeepFD",
    "mae-on-xor": "UMLAUT, DeepFD",
    "no-softmax-large-weights": "UMLAUT, AutoTrainer, DeepLocalize, DeepFD",
    "one-hidden-unit": "UMLAUT, DeepFD",
    "pixels-to-255-with-sigmoids": "UMLAUT, AutoTrainer, DeepFD",
    "rate-too-high-sgd-regression": "UMLAUT, DeepFD",
    "raw-features-batch-of-one": "DeepFD",
    "relu-as-probability": "UMLAUT",
    "relu-autoencoder": "none of four",
    "relu-on-signed-regression": "none of four",
    "small-sigmoids-in-a-row": "none of four",
    "two-epochs": "none of four",
}
PUBLISHED.programs.update(
    {name: PUBLISHED.programs[name]._replace(published=tools) for name, tools in DIAGNOSED.items()}
)
