"""A fifth list of programs, written without sight of the doctor's rules: faults that people reported in public.

The form is that of the other blind lists: ``program(seed, faulty)`` gives the doctor that watched, and an error of the
trained net; less is better. The faults were drawn from public reports of "loss does not decrease", "accuracy stuck",
"loss is NaN", "predicts a constant" and "validation worse than training", the frequent causes more often than the rare
ones. A docstring names the report that its program follows. The causes and the symptoms come from the report and from
the author's own measurements of the runs: losses, sizes of weights and of gradients, units that are dead or saturated,
and whether another rate alone repairs the run. The doctor's findings were never looked at.
"""

import functools
import random
from collections.abc import Callable
from typing import Any

import numpy as np

from tests.faults.program import BlindList, Reader, binary, standardized, watched_fit
from tinygrad_edu import Tensor, data, nn, no_grad, optim, train
from tinygrad_edu.nn import scalar

F = nn.functional
LIST = BlindList()
FIFTH, PROGRAMS, HEALTHY = LIST.register, LIST.programs, LIST.healthy_runs
fault, healthy, ERRORS = LIST.fault, LIST.healthy_with_error, LIST.errors

Rows = tuple[Any, Any]
Split = tuple[Rows, Rows]


# --- data ---


def split(X: Any, y: Any, n: int) -> Split:
    """The first n rows to train on, the others to test on."""
    return (X[:n], y[:n]), (X[n:], y[n:])


def scaled_targets(train_rows: Rows, test_rows: Rows) -> Split:
    """The targets with mean 0 and variance 1 in the training rows."""
    scale = data.Standardizer().fit(train_rows[1])
    return (train_rows[0], scale.transform(train_rows[1])), (test_rows[0], scale.transform(test_rows[1]))


def figures(seed: int, n: int = 600, n_test: int = 300) -> Split:
    """Digits of 8 × 8 pixels from 0 to 1, as rows."""
    X, y = data.digits()
    rows = np.random.default_rng([seed, 5]).permutation(len(X))[: n + n_test]
    return split(X[rows] / 16, y[rows], n)


def pictures(seed: int, n: int = 600) -> Split:
    """The same as standardized pictures of one channel."""
    (X, y), (X_test, y_test) = figures(seed, n)
    X, X_test = (X - X.mean()) / X.std(), (X_test - X.mean()) / X.std()
    return (X.reshape(-1, 1, 8, 8), y), (X_test.reshape(-1, 1, 8, 8), y_test)


def bottles(seed: int, n: int = 400) -> Split:
    """Three wines, by alcohol, magnesium, hue and proline, in their own units."""
    rng = np.random.default_rng([seed, 6])
    z = rng.normal(size=(n + 200, 4))
    scores = np.column_stack([z[:, 0] + z[:, 2], z[:, 2] - 1.5 * z[:, 0] * z[:, 1], z[:, 3] - z[:, 2]])
    return split(z * [0.8, 14, 0.2, 310] + [13, 100, 0.96, 750], scores.argmax(1), n)


def flats(seed: int, n: int = 400) -> Split:
    """Prices in euros, as a column, of five standardized properties."""
    rng = np.random.default_rng([seed, 7])
    X = rng.normal(size=(n + 200, 5))
    price = 320_000 + 70_000 * X[:, 0] + 45_000 * np.maximum(X[:, 1], 0) + 30_000 * X[:, 2] * (X[:, 3] > 0)
    return split(X, (price + rng.normal(0, 8_000, n + 200))[:, None], n)


def consumption(seed: int, n: int = 300) -> Split:
    """A smooth curve of six standardized inputs, with targets of about mean 0 and variance 1, as a column."""
    rng = np.random.default_rng([seed, 8])
    X = rng.normal(size=(n + 200, 6))
    y = np.sin(X[:, 0]) + 0.5 * X[:, 1] * X[:, 2] + 0.4 * X[:, 3] + rng.normal(0, 0.05, n + 200)
    return split(X, y[:, None], n)


def arms(seed: int, n: int = 400) -> Split:
    """Two spiral arms of one and a half turns, standardized."""
    X, y = data.spirals(n + 200, noise=0.02, rng=seed, turns=1.5)
    return split(X / X.std(0), y, n)


def crescents(seed: int, n: int = 300) -> Split:
    """Two moons, standardized, with labels as a column of floats."""
    X, y = data.moons(n + 200, noise=0.12, rng=seed)
    return split((X - X.mean(0)) / X.std(0), y.astype(float)[:, None], n)


def weather(seed: int, n: int = 1200) -> Split:
    """Twelve temperatures in kelvin, and whether the second six are warmer than the first six."""
    rng = np.random.default_rng([seed, 9])
    X = 288 + rng.normal(0, 6, (n + 200, 12, 1))
    return split(X, (X[:, 6:].mean((1, 2)) > X[:, :6].mean((1, 2))).astype(int), n)


def sentences(seed: int, n: int = 300, words: int = 20) -> Split:
    """Ten words, each with its tag: the kind of the word, or of the word before after the words 0 to 4."""
    rng = np.random.default_rng([seed, 10])
    kinds, X = rng.integers(0, 4, words), rng.integers(0, words, (n + 200, 10))
    before = np.column_stack([X[:, :1], X[:, :-1]])
    return split(X, np.where(before < 5, kinds[before], kinds[X]), n)


def opinions(seed: int, n: int = 800, words: int = 60) -> Split:
    """Eight words, and whether their scores sum to more than 0."""
    rng = np.random.default_rng([seed, 11])
    scores, X = rng.normal(size=words), rng.integers(0, words, (n + 200, 8))
    return split(X, (scores[X].sum(1) > 0).astype(int), n)


def topics(seed: int, n: int = 500) -> Split:
    """Ten inputs, and which of six rare topics each row has; several are possible."""
    rng = np.random.default_rng([seed, 12])
    X = rng.normal(size=(n + 300, 10))
    return split(X, (X @ rng.normal(size=(10, 6)) > 4.0).astype(float), n)


def defaults(seed: int, n: int = 1000, share: float = 0.06) -> Split:
    """Who does not pay back: a few per cent of the rows, which overlap with the others; labels as a column."""
    rng = np.random.default_rng([seed, 13])
    y = (rng.uniform(size=n + 1000) < share).astype(float)
    return split(rng.normal(size=(n + 1000, 6)) + 0.7 * y[:, None], y[:, None], n)


def patients(seed: int, n: int) -> Split:
    """A table of twenty inputs. Two of them matter, and one label in six is wrong."""
    rng = np.random.default_rng([seed, 14])
    X = rng.normal(size=(n + 500, 20))
    y = (X[:, 0] + X[:, 1] > 0) ^ (rng.uniform(size=n + 500) < 1 / 6)
    return split(X, y.astype(int), n)


def bits(seed: int, n: int = 300) -> Split:
    """Eight bits, and whether at least two of the last three are 1, as a column."""
    X = np.random.default_rng([seed, 15]).integers(0, 2, (n + 200, 8, 1)).astype(float)
    return split(X, (X[:, -3:].sum(1) > 1.5).astype(float), n)


# --- errors of outputs ---


def misses(outputs: Any, y: Any) -> float:
    """Share of the labels that are not the largest logit, or that are not the sign of the one logit."""
    if outputs.shape[-1] == 1:
        return float(np.mean((outputs[..., 0] > 0) != (np.reshape(y, outputs.shape[:-1]) > 0.5)))
    return float(np.mean(outputs.argmax(-1) != y))


def misses_of_shares(outputs: Any, y: Any) -> float:
    """Share of the labels on the other side of a probability of a half."""
    return float(np.mean((outputs > 0.5) != (np.reshape(y, outputs.shape) > 0.5)))


def misses_by_class(outputs: Any, y: Any) -> float:
    """The mean over the two classes of the share of rows with the wrong sign."""
    said, true = outputs.reshape(-1) > 0, np.reshape(y, -1) > 0.5
    return float((np.mean(~said[true]) + np.mean(said[~true])) / 2)


def relative(outputs: Any, y: Any) -> float:
    """Mean squared error over the variance."""
    y = np.reshape(y, outputs.shape)
    error = float(np.mean((outputs - y) ** 2) / np.mean((y - y.mean(0)) ** 2))
    return error if np.isfinite(error) else np.inf


# --- loops ---


def measured(model: Any, test: Rows, error: Callable[[Any, Any], float]) -> float:
    """The error on the test rows in evaluation mode."""
    return error(train.predict(model, test[0]), test[1])


def by_hand(
    model: Any,
    optimizer: Any,
    rows: Split,
    loss: Callable[[Any, Any], Any] = F.cross_entropy,
    *,
    epochs: int = 20,
    batch: int = 32,
    seed: int = 0,
    error: Callable[[Any, Any], float] = misses,
    clip: float | None = None,
    schedule: Any = None,
) -> tuple[Any, float]:
    """The loop as people write it, with a test after every epoch."""
    rng = np.random.default_rng(seed)
    with train.doctor(model, optimizer) as doctor:
        for _ in range(epochs):
            model.train()
            for X, y in data.batches(*rows[0], batch, rng):
                value = loss(model(X), y)
                optimizer.zero_grad()
                value.backward()
                if clip is not None:
                    optim.clip_grad_norm_(model.parameters(), clip)
                optimizer.step()
                if schedule is not None:
                    schedule.step()
            model.eval()
            with no_grad():
                loss(model(rows[1][0]), rows[1][1])
    return doctor, measured(model, rows[1], error)


def by_fit(
    model: Any,
    optimizer: Any,
    rows: Split,
    loss: Callable[[Any, Any], Any] = F.cross_entropy,
    *,
    epochs: int = 20,
    batch: int | None = 32,
    seed: int = 0,
    error: Callable[[Any, Any], float] = misses,
    **options: Any,
) -> tuple[Any, float]:
    """The same with `fit`; the options are its options."""
    chosen = {"epochs": epochs, "batch_size": batch, "rng": seed}
    return watched_fit(model, optimizer, *rows, loss, error, **chosen, **options)


# --- nets ---


class Tagger(nn.Module):
    """Words → vectors → a recurrent net → logits of four tags for every word."""

    def __init__(self, words: int, seed: int) -> None:
        self.embed = nn.Embedding(words, 16, rng=seed)
        self.gru = nn.GRU(16, 24, batch_first=True, rng=seed)
        self.head = nn.Linear(24, 4, rng=seed)

    def forward(self, x: Any) -> Any:
        return self.head(self.gru(self.embed(x))[0])


class BagOfWords(nn.Module):
    """The mean of the words' vectors, and a head."""

    def __init__(self, words: int, seed: int) -> None:
        self.embed, self.head = nn.Embedding(words, 16, rng=seed), nn.Linear(16, 2, rng=seed)

    def forward(self, x: Any) -> Any:
        return self.head(self.embed(x).mean(1))


class Attention(nn.Module):
    """Words and places → vectors → one block of a transformer → the mean → logits."""

    def __init__(self, words: int, seed: int) -> None:
        self.embed, self.place = nn.Embedding(words, 16, rng=seed), nn.Embedding(8, 16, rng=seed + 1)
        self.block = nn.TransformerEncoderLayer(16, 2, 32, dropout=0.0, batch_first=True, rng=seed)
        self.head = nn.Linear(16, 2, rng=seed)

    def forward(self, x: Any) -> Any:
        return self.head(self.block(self.embed(x) + self.place(np.arange(8))).mean(1))


def convolutional(seed: int) -> nn.Sequential:
    """A small convolutional net for the pictures."""
    return nn.Sequential(
        nn.Conv2d(1, 12, 3, rng=seed), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(108, 10, rng=seed)
    )


# --- rates and steps ---


@fault("rate too high", "dead relu, exploding, vanishing, never changes")
def adam_rate_of_one(seed: int, faulty: bool) -> Any:
    """The report of a denoiser whose loss is NaN (IMC_Denoise): its initial rate was 1 instead of 0.001."""
    model = convolutional(seed)
    optimizer = optim.Adam(model.parameters(), lr=1.0 if faulty else 0.003)
    return by_hand(model, optimizer, pictures(seed), epochs=15, seed=seed)


@fault("rate too high", "saturated")
def tagger_rate(seed: int, faulty: bool) -> Any:
    """The report of a sequence tagger: fine at a rate of 0.001, the loss rises again at 0.1 (sequence_tagging)."""
    model = Tagger(20, seed)
    optimizer = optim.Adam(model.parameters(), lr=0.5 if faulty else 0.01)
    return by_hand(model, optimizer, sentences(seed), tag_loss, epochs=15, seed=seed)


def tag_loss(logits: Any, tags: Any) -> Any:
    """Cross-entropy over all words of all rows."""
    return F.cross_entropy(logits.reshape(-1, 4), np.reshape(tags, -1))


@fault("rate too high", "exploding, dead relu, vanishing, never changes")
def momentum_and_large_rate(seed: int, faulty: bool) -> Any:
    """The report "why will the train loss be NaN" (pFedMe), of a large rate; here all units of a layer die instead."""
    model = nn.MLP(6, [48, 48, 1], rng=seed)
    optimizer = optim.SGD(model.parameters(), lr=0.5 if faulty else 0.02, momentum=0.9)
    return by_fit(model, optimizer, consumption(seed, 600), F.mse_loss, epochs=60, seed=seed, error=relative)


@fault("rate too low", "too few steps, never changes")
def rate_of_a_hundred_thousandth(seed: int, faulty: bool) -> Any:
    """The note "loss and accuracy get stuck in Keras": the rate went from 0.00001 to 0.1."""
    model = nn.MLP(64, [48, 10], activation="tanh", rng=seed)
    optimizer = optim.SGD(model.parameters(), lr=1e-5 if faulty else 0.1, momentum=0.9)
    return by_hand(model, optimizer, figures(seed), epochs=15, seed=seed)


@fault("too few steps", "rate too low, batch size")
def five_steps(seed: int, faulty: bool) -> Any:
    """Reports of "low accuracy" whose answer is: train for longer. The batch is the whole set: an epoch is a step."""
    model = nn.MLP(4, [32, 3], rng=seed)
    optimizer = optim.Adam(model.parameters(), lr=0.01)
    rows = standardized(*bottles(seed))
    return by_fit(model, optimizer, rows, epochs=5 if faulty else 40, batch=None if faulty else 32, seed=seed)


# --- scales ---


@fault("inputs not normalized", "dead relu, exploding")
def wines_in_their_units(seed: int, faulty: bool) -> Any:
    """The course example of Boston's houses: inputs of quite different ranges go into the net as they are."""
    model = nn.MLP(4, [32, 3], rng=seed)
    optimizer = optim.Adam(model.parameters(), lr=0.01)
    rows = bottles(seed)
    return by_fit(model, optimizer, rows if faulty else standardized(*rows), epochs=40, seed=seed)


@fault("inputs not normalized", "saturated, vanishing, rate too high")
def pixels_up_to_255(seed: int, faulty: bool) -> Any:
    """The report "loss is proportional to the rate" on MNIST: the pixels go up to 255, and the units are sigmoids."""
    model = nn.MLP(64, [32, 10], activation="sigmoid", rng=seed)
    optimizer = optim.SGD(model.parameters(), lr=0.5, momentum=0.9)
    (X, y), (X_test, y_test) = figures(seed)
    rows = ((X * 255, y), (X_test * 255, y_test)) if faulty else standardized((X, y), (X_test, y_test))
    return by_hand(model, optimizer, rows, epochs=15, seed=seed)


@fault("inputs not normalized", "saturated, vanishing")
def temperatures_in_kelvin(seed: int, faulty: bool) -> Any:
    """Reports of recurrent nets that predict a constant until their series is normalized."""
    model = Reader(nn.RNN(1, 16, batch_first=True, rng=seed), nn.Linear(16, 2, rng=seed))
    optimizer = optim.Adam(model.parameters(), lr=0.003)
    rows = weather(seed)
    mean, deviation = (0, 1) if faulty else (rows[0][0].mean(), rows[0][0].std())
    rows = tuple([((X - mean) / deviation, y) for X, y in rows])
    return by_hand(model, optimizer, rows, epochs=30, seed=seed)


@fault("targets not scaled, rate too low", "too few steps, dead relu")
def prices_in_euros(seed: int, faulty: bool) -> Any:
    """The question "should we normalize target data": with Adam the outputs creep from 0 to the mean of 250,000."""
    model = nn.MLP(5, [32, 32, 1], rng=seed)
    optimizer = optim.Adam(model.parameters(), lr=0.005)
    rows = flats(seed)
    rows = rows if faulty else scaled_targets(*rows)
    return by_fit(model, optimizer, rows, F.mse_loss, epochs=40, seed=seed, error=relative)


@fault("targets not scaled, rate too high", "exploding, NaN, dead relu")
def prices_in_euros_with_sgd(seed: int, faulty: bool) -> Any:
    """The report "cost too high" on house prices: the inputs were normalized, the targets were left in thousands."""
    model = nn.MLP(5, [24, 1], rng=seed)
    optimizer = optim.SGD(model.parameters(), lr=0.03, momentum=0.9)
    rows = flats(seed)
    rows = tuple([(X, y / 1000) for X, y in rows]) if faulty else scaled_targets(*rows)
    return by_hand(model, optimizer, rows, F.mse_loss, epochs=40, seed=seed, error=relative)


# --- outputs and losses ---


@fault("output activation", "dead relu")
def relu_on_the_output(seed: int, faulty: bool) -> Any:
    """The report "loss values do not change" on y = 2x − 1: there is a ReLU after the last layer too."""
    rng = np.random.default_rng([seed, 16])
    x = rng.uniform(-2, 2, (260, 1))
    rows = split(x, (2 * x - 1 + rng.normal(0, 0.1, x.shape)) / 2.5, 60)
    last = [nn.ReLU()] if faulty else []
    model = nn.Sequential(
        nn.Linear(1, 16, rng=seed), nn.ReLU(), nn.Linear(16, 8, rng=seed), nn.ReLU(), nn.Linear(8, 1, rng=seed), *last
    )
    optimizer = optim.Adam(model.parameters(), lr=0.01)
    return by_hand(model, optimizer, rows, F.mse_loss, epochs=100, batch=16, seed=seed, error=relative)


@fault("output activation", "no gradient, never changes, wrong axis, vanishing")
def softmax_of_one_unit(seed: int, faulty: bool) -> Any:
    """The report "Keras LSTM model not learning binary sequence": the one output is the softmax of itself, 1."""
    last = nn.Softmax() if faulty else nn.Sigmoid()
    model = Reader(nn.LSTM(1, 12, batch_first=True, rng=seed), nn.Sequential(nn.Linear(12, 1, rng=seed), last))
    optimizer = optim.Adam(model.parameters(), lr=0.02)
    return by_fit(model, optimizer, bits(seed), binary, epochs=20, seed=seed, error=misses_of_shares)


@fault("wrong loss, output activation, labels", "saturated")
def one_sigmoid_for_ten_digits(seed: int, faulty: bool) -> Any:
    """The report "too low accuracy on MNIST": one sigmoid and binary cross-entropy for the labels 0 to 9."""
    rows = standardized(*figures(seed))
    if not faulty:
        model = nn.MLP(64, [32, 10], rng=seed)
        return by_hand(model, optim.Adam(model.parameters(), lr=0.003), rows, epochs=15, seed=seed)
    one = nn.Sequential(nn.Linear(64, 32, rng=seed), nn.ReLU(), nn.Linear(32, 1, rng=seed), nn.Sigmoid())
    rows = tuple([(X, y.astype(float)[:, None]) for X, y in rows])
    optimizer = optim.Adam(one.parameters(), lr=0.003)
    return by_hand(
        one, optimizer, rows, binary, epochs=15, seed=seed, error=lambda p, y: float(np.mean(p.round() != y))
    )


@fault("activation twice", "rate too low, too few steps")
def softmax_before_cross_entropy(seed: int, faulty: bool) -> Any:
    """The fix "there was a softmax before a cross-entropy loss, I removed the softmax" (graph_neural_net)."""
    last = [nn.Softmax()] if faulty else []
    model = nn.Sequential(nn.Linear(64, 32, rng=seed), nn.ReLU(), nn.Linear(32, 10, rng=seed), *last)
    optimizer = optim.SGD(model.parameters(), lr=0.1)
    return by_hand(model, optimizer, standardized(*figures(seed)), epochs=15, seed=seed)


@fault("activation twice", "output activation, saturated")
def sigmoid_twice_on_topics(seed: int, faulty: bool) -> Any:
    """Reports of probabilities that never go below a half: a sigmoid, and a loss that has its own."""
    last = [nn.Sigmoid()] if faulty else []
    model = nn.Sequential(nn.Linear(10, 32, rng=seed), nn.ReLU(), nn.Linear(32, 6, rng=seed), *last)
    optimizer = optim.Adam(model.parameters(), lr=0.01)
    loss = F.binary_cross_entropy_with_logits
    return by_fit(model, optimizer, topics(seed), loss, epochs=30, seed=seed, error=distance_from_labels)


def distance_from_labels(logits: Any, y: Any) -> float:
    """How far the probabilities are from the labels, in the mean."""
    return float(np.mean(np.abs(1 / (1 + np.exp(-logits)) - y)))


# --- the loop ---


@fault("zero_grad", "exploding")
def gradients_never_cleared(seed: int, faulty: bool) -> Any:
    """The report "this linear regression demo cannot work well": the gradients have to be set to zero by hand."""
    rng = np.random.default_rng([seed, 17])
    X = rng.normal(size=(400, 3))
    (X, y), test = split(X, X @ [[1.0], [-2.0], [0.5]] + 1 + rng.normal(0, 0.1, (400, 1)), 200)
    model = nn.Linear(3, 1, rng=seed)
    optimizer = optim.SGD(model.parameters(), lr=0.1)
    with train.doctor(model, optimizer) as doctor:
        for _ in range(30):
            for rows, targets in data.batches(X, y, 25, rng):
                if not faulty:
                    optimizer.zero_grad()
                F.mse_loss(model(rows), targets).backward()
                optimizer.step()
    return doctor, measured(model, test, relative)


@fault("labels", "wrong loss")
def column_minus_row(seed: int, faulty: bool) -> Any:
    """Reports of a regression that predicts the mean: (n, 1) minus (n,) is a table of n × n differences."""
    model = nn.MLP(6, [48, 1], activation="tanh", rng=seed)
    optimizer = optim.Adam(model.parameters(), lr=0.01)
    rows = consumption(seed)
    rows = tuple([(X, y[:, 0]) for X, y in rows]) if faulty else rows
    return by_hand(model, optimizer, rows, squares, epochs=60, seed=seed, error=relative)


def squares(outputs: Any, y: Any) -> Any:
    """The mean squared error as people write it."""
    return ((outputs - y) ** 2).mean()


@fault("labels", "overfitting")
def rows_shuffled_without_labels(seed: int, faulty: bool) -> Any:
    """Reports of chance accuracy after a shuffle: the pictures were shuffled, the labels were not."""
    (X, y), test = standardized(*figures(seed))
    if faulty:
        X = X[np.random.default_rng(seed).permutation(len(X))]
    model = nn.MLP(64, [32, 10], rng=seed)
    return by_fit(model, optim.Adam(model.parameters(), lr=0.003), ((X, y), test), epochs=20, seed=seed)


@fault("labels")
def classes_numbered_again_for_the_test(seed: int, faulty: bool) -> Any:
    """Reports of good training and bad validation: each part numbers its classes in the order in which they appear."""
    (X, y), (X_test, y_test) = standardized(*bottles(seed))
    if faulty:
        y_test = (y_test + 1) % 3  # in the test rows, the class 2 comes first
    model = nn.MLP(4, [32, 3], rng=seed)
    rows = (X, y), (X_test, y_test)
    return by_fit(model, optim.Adam(model.parameters(), lr=0.01), rows, epochs=30, seed=seed, metrics="accuracy")


@fault("sorted rows")
def one_class_after_the_other(seed: int, faulty: bool) -> Any:
    """The note "why shuffle your data": the rows are sorted by their labels and are taken in this order."""
    (X, y), test = figures(seed)
    order = np.argsort(y, kind="stable")
    model, rng = nn.MLP(64, [32, 10], rng=seed), np.random.default_rng(seed)
    optimizer = optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    with train.doctor(model, optimizer) as doctor:
        for _ in range(15):
            model.train()
            rows = order if faulty else rng.permutation(order)
            for i in range(0, len(rows), 30):
                loss = F.cross_entropy(model(X[rows[i : i + 30]]), y[rows[i : i + 30]])
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
            model.eval()
            with no_grad():
                F.cross_entropy(model(test[0]), test[1])
    return doctor, measured(model, test, misses)


@fault("mode", "dropout")
def tested_with_dropout(seed: int, faulty: bool) -> Any:
    """Reports of a bad test accuracy: `eval` was forgotten, and units are dropped in the test too."""
    rows, rng = standardized(*figures(seed)), np.random.default_rng(seed)
    model = nn.Sequential(
        nn.Linear(64, 64, rng=seed), nn.ReLU(), nn.Dropout(0.6, rng=seed), nn.Linear(64, 64, rng=seed), nn.ReLU(),
        nn.Dropout(0.6, rng=seed), nn.Linear(64, 10, rng=seed),
    )  # fmt: skip
    optimizer = optim.Adam(model.parameters(), lr=0.005)
    with train.doctor(model, optimizer) as doctor:
        for _ in range(20):
            model.train()
            for X, y in data.batches(*rows[0], 32, rng):
                optimizer.zero_grad()
                F.cross_entropy(model(X), y).backward()
                optimizer.step()
            if not faulty:
                model.eval()
            with no_grad():
                outputs = model(rows[1][0])
                F.cross_entropy(outputs, rows[1][1])
    return doctor, misses(outputs.numpy(), rows[1][1])


# --- the net ---


@fault("init", "saturated, overfitting")
def normal_weights_of_deviation_one(seed: int, faulty: bool) -> Any:
    """The report "same prediction every time": the weights are standard normal, whatever the width."""
    model = nn.MLP(64, [100, 100, 10], activation="tanh", rng=seed)
    for layer in model.layers if faulty else []:
        nn.init.normal_(layer.weight, std=1.0, rng=seed)
    optimizer = optim.SGD(model.parameters(), lr=0.02, momentum=0.9)
    return by_hand(model, optimizer, standardized(*figures(seed)), epochs=12, seed=seed)


class Halves(nn.Module):
    """A body and a head; between them the graph may be cut."""

    def __init__(self, seed: int, cut: bool) -> None:
        self.body = nn.Sequential(nn.MLP(2, [48, 48], activation="silu", rng=seed), nn.SiLU())
        self.head, self.cut = nn.Linear(48, 2, rng=seed), cut

    def forward(self, x: Any) -> Any:
        h = self.body(x)
        return self.head(Tensor(h.numpy()) if self.cut else h)


@fault("no gradient", "never changes, frozen")
def features_taken_out_as_an_array(seed: int, faulty: bool) -> Any:
    """Reports of weights that do not change: in `forward` the features become an array, and a Tensor again."""
    model = Halves(seed, faulty)
    return by_hand(model, optim.Adam(model.parameters(), lr=0.01), arms(seed), epochs=60, seed=seed)


@fault("missing nonlinearity, hidden activation", "net too small")
def xor_of_linear_values(seed: int, faulty: bool) -> Any:
    """The question "why does my network for XOR always output 0.5", with Values."""
    X, y = data.xor()
    points, signs = X.tolist(), (2 * y - 1).tolist()
    model = scalar.MLP(2, [6, 1], activation=(lambda v: v) if faulty else "tanh", rng=random.Random(seed))
    optimizer = optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    with train.doctor(model, optimizer) as doctor:
        for _ in range(150):
            loss = sum([(model(x) - sign) ** 2 for x, sign in zip(points, signs, strict=True)]) / 4
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    return doctor, float(np.mean([(model(x).data - sign) ** 2 for x, sign in zip(points, signs, strict=True)]))


@fault("vanishing, hidden activation", "never changes")
def five_layers_of_sigmoids(seed: int, faulty: bool) -> Any:
    """The question "four hidden layers with the sigmoid, not learning": binary vectors to real numbers."""
    rng = np.random.default_rng([seed, 18])
    X = rng.integers(0, 2, (800, 10)) * 2.0 - 1
    y = X @ rng.normal(size=(10, 1)) + X[:, :1] * X[:, 1:2] + X[:, 2:3] * X[:, 3:4]
    rows = split(X, y / y.std(), 600)
    model = nn.MLP(10, [32, 32, 32, 32, 32, 1], activation="sigmoid" if faulty else "tanh", rng=seed)
    optimizer = optim.SGD(model.parameters(), lr=0.03, momentum=0.9)
    return by_hand(model, optimizer, rows, F.mse_loss, epochs=40, seed=seed, error=relative)


# --- too much and too little ---


@fault("decay")
def penalty_larger_than_the_loss(seed: int, faulty: bool) -> Any:
    """The question "how important is the balance of a loss": with weight decay the loss jumps from 0.3 to 22."""
    model = nn.MLP(6, [48, 1], activation="tanh", rng=seed)
    optimizer = optim.SGD(model.parameters(), lr=0.05, momentum=0.9, weight_decay=0.3 if faulty else 1e-5)
    return by_fit(model, optimizer, consumption(seed, 600), F.mse_loss, epochs=60, seed=seed, error=relative)


@fault("overfitting")
def large_net_for_few_patients(seed: int, faulty: bool) -> Any:
    """The question "validation accuracy is dropping" while training accuracy goes to 0.98 (cell images).

    The repaired program has more rows, a smaller net, weight decay and fewer epochs.
    """
    rows = patients(seed, 80 if faulty else 2000)
    model = nn.MLP(20, [128, 128, 2] if faulty else [8, 2], rng=seed)
    optimizer = optim.AdamW(model.parameters(), lr=0.003, weight_decay=0.0 if faulty else 0.1)
    return by_fit(model, optimizer, rows, epochs=100 if faulty else 8, seed=seed, error=log_loss)


def log_loss(logits: Any, y: Any) -> float:
    """The cross-entropy on the test rows."""
    return F.cross_entropy(logits, y).item()


@fault("imbalance")
def all_negative(seed: int, faulty: bool) -> Any:
    """The question "why does my MLP only learn the bias": nearly all of the labels are 0."""
    rows = defaults(seed)
    weight = 1.0 if faulty else (1 - rows[0][1].mean()) / rows[0][1].mean()
    model = nn.MLP(6, [8, 1], rng=seed)
    optimizer = optim.Adam(model.parameters(), lr=0.003)
    loss = functools.partial(F.binary_cross_entropy_with_logits, pos_weight=np.array([weight]))
    return by_hand(model, optimizer, rows, loss, epochs=15, seed=seed, error=misses_by_class)


# --- rarer ones ---


@fault("schedule, rate too low", "too few steps, never changes")
def rate_down_at_every_step(seed: int, faulty: bool) -> Any:
    """The report "learning rate becomes 0" (torchvision); here a schedule for epochs steps after every batch."""
    model = nn.MLP(2, [48, 48, 2], activation="silu", rng=seed)
    optimizer = optim.Adam(model.parameters(), lr=0.01)
    steps_per_epoch = 1 if faulty else 10
    schedule = optim.lr_scheduler.StepLR(optimizer, 30 * steps_per_epoch, gamma=0.1)
    return by_hand(model, optimizer, arms(seed), epochs=60, seed=seed, schedule=schedule)


@fault("ascent, wrong loss", "exploding, saturated")
def likelihood_without_its_minus(seed: int, faulty: bool) -> Any:
    """The report "loss doesn't decrease?" (skip-gram): the solution is to flip the sign. With Values."""
    rng = np.random.default_rng([seed, 19])
    X = rng.normal(size=(130, 2))
    y = X[:, 0] - X[:, 1] > 0.2
    points, labels = X.tolist(), y.tolist()
    model = scalar.Neuron(2, activation="sigmoid", rng=random.Random(seed))
    optimizer = optim.SGD(model.parameters(), lr=0.5)
    with train.doctor(model, optimizer) as doctor:
        for _ in range(60):
            shares = [model(x) for x in points[:30]]
            chances = [p if label else 1 - p for p, label in zip(shares, labels, strict=False)]
            likelihood = sum([(p + 1e-9).log() for p in chances]) / 30
            optimizer.zero_grad()
            (likelihood if faulty else -likelihood).backward()
            optimizer.step()
    return doctor, float(
        np.mean([(model(x).data > 0.5) != label for x, label in zip(points[30:], labels[30:], strict=True)])
    )


@fault("wrong reduction, rate too high", "exploding, NaN, saturated")
def sum_over_all_pixels(seed: int, faulty: bool) -> Any:
    """The question "why is the loss 1e5" (fcn): the loss is a sum over the pixels, and the rate is for a mean."""
    (X, _), (X_test, _) = figures(seed)
    model = nn.MLP(64, [48, 24, 48, 64], activation="tanh", rng=seed)
    optimizer = optim.SGD(model.parameters(), lr=1.0, momentum=0.9)
    loss = functools.partial(F.mse_loss, reduction="sum" if faulty else "mean")
    return by_hand(model, optimizer, ((X, X), (X_test, X_test)), loss, epochs=40, seed=seed, error=relative)


@fault("NaN")
def one_missing_number(seed: int, faulty: bool) -> Any:
    """Lists of reasons for a loss of NaN: one cell of the table is missing, and is NaN."""
    (X, y), test = consumption(seed)
    if faulty:
        X[137, 2] = np.nan
    model = nn.MLP(6, [48, 1], activation="tanh", rng=seed)
    optimizer = optim.Adam(model.parameters(), lr=0.01)
    return by_hand(model, optimizer, ((X, y), test), F.mse_loss, epochs=60, seed=seed, error=relative)


# --- healthy runs ---


@healthy
def curve_with_validation(seed: int) -> Any:
    """A regression with `fit`, its validation loss and a schedule."""
    model = nn.MLP(6, [48, 48, 1], activation="tanh", rng=seed)
    optimizer = optim.Adam(model.parameters(), lr=0.01)
    schedule = optim.lr_scheduler.ExponentialLR(optimizer, 0.95)
    rows = consumption(seed, 600)
    return by_fit(model, optimizer, rows, F.mse_loss, epochs=40, seed=seed, error=relative, schedule=schedule)


@healthy
def twenty_points(seed: int) -> Any:
    """A parabola through twenty points, all in one batch."""
    rng = np.random.default_rng([seed, 20])
    x = np.concatenate([np.linspace(-1.5, 1.5, 20), rng.uniform(-1.4, 1.4, 100)])[:, None]
    rows = split(x, x**2 - 0.75 + rng.normal(0, 0.03, x.shape), 20)
    model = nn.MLP(1, [12, 1], activation="tanh", rng=seed)
    optimizer = optim.Adam(model.parameters(), lr=0.02)
    return by_hand(model, optimizer, rows, F.mse_loss, epochs=400, batch=20, seed=seed, error=relative)


@healthy
def warm_up(seed: int) -> Any:
    """The rate rises for 30 steps, and falls along a cosine afterwards."""
    model = nn.MLP(64, [48, 10], rng=seed)
    optimizer = optim.Adam(model.parameters(), lr=0.005)
    steps = 15 * 19
    schedule = optim.lr_scheduler.CosineAnnealingLR(optimizer, steps, warmup_steps=30)
    return by_hand(model, optimizer, figures(seed), epochs=15, seed=seed, schedule=schedule)


@healthy
def nesterov(seed: int) -> Any:
    """Digits with Nesterov's momentum."""
    model = nn.MLP(64, [32, 10], rng=seed)
    optimizer = optim.SGD(model.parameters(), lr=0.05, momentum=0.9, nesterov=True)
    return by_fit(model, optimizer, figures(seed), epochs=12, seed=seed, metrics="accuracy")


@healthy
def bag_of_words(seed: int) -> Any:
    """Opinions by the mean of learned vectors."""
    model = BagOfWords(60, seed)
    return by_hand(model, optim.Adam(model.parameters(), lr=0.02), opinions(seed), epochs=12, seed=seed)


@healthy
def temperatures_by_rnn(seed: int) -> Any:
    """Whether a series is warmer at its end, in standard units."""
    model = Reader(nn.RNN(1, 16, batch_first=True, rng=seed), nn.Linear(16, 2, rng=seed))
    rows = tuple([((X - 288) / 6, y) for X, y in weather(seed)])
    optimizer = optim.NAdam(model.parameters(), lr=0.005)
    schedule = optim.lr_scheduler.ExponentialLR(optimizer, 0.9, decay_steps=38)
    return by_hand(model, optimizer, rows, epochs=30, seed=seed, schedule=schedule)


@healthy
def sine_by_lstm(seed: int) -> Any:
    """The next number of a sine of any phase, with `fit`."""
    rng = np.random.default_rng([seed, 21])
    t = rng.uniform(0, 2 * np.pi, (400, 1)) + 0.5 * np.arange(13)
    waves = np.sin(t) + rng.normal(0, 0.03, t.shape)
    rows = split(waves[:, :12, None], waves[:, 12:], 250)
    model = Reader(nn.LSTM(1, 12, batch_first=True, rng=seed), nn.Linear(12, 1, rng=seed))
    optimizer = optim.Adam(model.parameters(), lr=0.01)
    return by_fit(model, optimizer, rows, F.mse_loss, epochs=25, seed=seed, error=relative)


@healthy
def small_transformer(seed: int) -> Any:
    """Opinions by one block of attention."""
    model = Attention(60, seed)
    optimizer = optim.AdamW(model.parameters(), lr=0.003, weight_decay=0.01)
    return by_hand(model, optimizer, opinions(seed, 3000), epochs=6, seed=seed, clip=1.0)


@healthy
def adversaries(seed: int) -> Any:
    """A linear generator and a critic learn in turns; the error is the distance of the means and deviations."""
    rng = np.random.default_rng([seed, 22])
    critic = nn.MLP(2, [16, 16, 1], activation="leaky_relu", rng=seed)
    generator = nn.Linear(2, 2, rng=seed)
    first = optim.Adam(generator.parameters(), lr=0.005, betas=(0.5, 0.99))
    second = optim.Adam(critic.parameters(), lr=0.02, betas=(0.5, 0.99))
    loss, ones, zeros = F.binary_cross_entropy_with_logits, np.ones((128, 1)), np.zeros((128, 1))
    with train.doctor(generator, first) as doctor:
        for _ in range(800):
            real, made = rng.normal([1.0, -1.0], 0.5, (128, 2)), generator(rng.normal(size=(128, 2)))
            second.zero_grad()
            (loss(critic(real), 0.9 * ones) + loss(critic(made.detach()), zeros)).backward()
            second.step()
            first.zero_grad()
            loss(critic(generator(rng.normal(size=(128, 2)))), ones).backward()
            first.step()
    made = generator(rng.normal(size=(2000, 2))).numpy()
    return doctor, float(np.abs(made.mean(0) - [1.0, -1.0]).mean() + np.abs(made.std(0) - 0.5).mean())


@healthy
def policy_gradient(seed: int) -> Any:
    """A bandit with four arms. Each of three situations has one best arm; the error is the lost reward."""
    rng = np.random.default_rng([seed, 23])
    rewards = np.array([[1.0, 0.2, 0.0, 0.1], [0.0, 0.1, 1.0, 0.3], [0.2, 1.0, 0.1, 0.0]])
    model = nn.MLP(3, [16, 4], activation="tanh", rng=seed)
    optimizer = optim.Adam(model.parameters(), lr=0.02)
    with train.doctor(model, optimizer) as doctor:
        for _ in range(250):
            situations = rng.integers(0, 3, 64)
            log_shares = F.log_softmax(model(np.eye(3)[situations]))
            arms_pulled = [rng.choice(4, p=p / p.sum()) for p in np.exp(log_shares.numpy())]
            reward = rewards[situations, arms_pulled] + rng.normal(0, 0.1, 64)
            loss = -(log_shares[np.arange(64), arms_pulled] * (reward - reward.mean())).mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    best = train.predict(model, np.eye(3)).argmax(1)
    return doctor, float(1 - rewards[np.arange(3), best].mean())


@healthy
def fine_tuned_head(seed: int) -> Any:
    """A body has learned the ten digits; a new head on it learns even or odd, and the body is not trained any more."""
    (X, y), (X_test, y_test) = standardized(*figures(seed, 900))
    body = nn.Sequential(nn.Linear(64, 64, rng=seed), nn.ReLU(), nn.Linear(64, 48, rng=seed), nn.ReLU())
    whole = nn.Sequential(body, nn.Linear(48, 10, rng=seed))
    before = optim.Adam(whole.parameters(), lr=0.003)
    train.fit(whole, X, y, loss=F.cross_entropy, optimizer=before, epochs=8, batch_size=32, rng=seed, progress=False)
    for p in body.parameters():
        p.requires_grad = False
    model = nn.Sequential(body, nn.Linear(48, 2, rng=seed + 1))
    rows = (X, y % 2), (X_test, y_test % 2)
    return by_hand(model, optim.Adam(model[1].parameters(), lr=0.003), rows, epochs=12, seed=seed)


@healthy
def autoencoder(seed: int) -> Any:
    """Digits through 24 numbers."""
    (X, _), (X_test, _) = figures(seed, 1200)
    model = nn.Sequential(
        nn.MLP(64, [48, 24], activation="tanh", rng=seed), nn.MLP(24, [48, 64], activation="tanh", rng=seed)
    )
    optimizer = optim.Adam(model.parameters(), lr=0.005)
    return by_hand(model, optimizer, ((X, X), (X_test, X_test)), F.mse_loss, epochs=30, seed=seed, error=relative)


@healthy
def convolution_with_batch_norm(seed: int) -> Any:
    """Pictures, with normalized channels."""
    model = nn.Sequential(
        nn.Conv2d(1, 8, 3, rng=seed), nn.BatchNorm2d(8), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(),
        nn.Linear(72, 10, rng=seed),
    )  # fmt: skip
    optimizer = optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
    return by_fit(model, optimizer, pictures(seed), epochs=8, seed=seed)


@healthy
def a_little_dropout(seed: int) -> Any:
    """Digits with a fifth of the units dropped."""
    model = nn.Sequential(
        nn.Linear(64, 64, rng=seed), nn.ReLU(), nn.Dropout(0.2, rng=seed), nn.Linear(64, 10, rng=seed)
    )
    return by_hand(model, optim.Adam(model.parameters(), lr=0.005), figures(seed), epochs=15, seed=seed)


@healthy
def weight_decay(seed: int) -> Any:
    """Wines in standard units, with AdamW."""
    model = nn.MLP(4, [24, 3], rng=seed)
    optimizer = optim.AdamW(model.parameters(), lr=0.01, weight_decay=0.01)
    return by_fit(model, optimizer, standardized(*bottles(seed, 800)), epochs=25, seed=seed)


@healthy
def early_stopping(seed: int) -> Any:
    """Patients, until the validation loss has not improved for five epochs."""
    model = nn.MLP(20, [16, 2], rng=seed)
    optimizer = optim.AdamW(model.parameters(), lr=0.002, weight_decay=0.05)
    stop = train.EarlyStopping(patience=5, restore_best_weights=True)
    return by_fit(model, optimizer, patients(seed, 3000), epochs=40, seed=seed, callbacks=[stop])


@healthy
def few_but_clear_positives(seed: int) -> Any:
    """One row in ten is positive, and lies apart from the others."""
    rng = np.random.default_rng([seed, 24])
    y = (rng.uniform(size=900) < 0.1).astype(float)
    rows = split(rng.normal(size=(900, 4)) + 2.5 * y[:, None], y[:, None], 600)
    model = nn.MLP(4, [16, 1], rng=seed)
    optimizer, loss = optim.Adam(model.parameters(), lr=0.01), F.binary_cross_entropy_with_logits
    return by_hand(model, optimizer, rows, loss, epochs=15, seed=seed, error=misses_by_class)


@healthy
def class_weights(seed: int) -> Any:
    """Three classes of quite different numbers of rows; the loss weighs them."""
    rng = np.random.default_rng([seed, 25])
    y = rng.choice(3, 1000, p=[0.7, 0.2, 0.1])
    X = rng.normal(size=(1000, 3)) + 2.5 * np.eye(3)[y]
    model = nn.MLP(3, [16, 3], rng=seed)
    loss = functools.partial(F.cross_entropy, weight=np.array([0.5, 1.7, 3.3]))
    return by_hand(model, optim.Adam(model.parameters(), lr=0.01), split(X, y, 700), loss, epochs=12, seed=seed)


@healthy
def label_smoothing(seed: int) -> Any:
    """Digits whose labels are 0.9 and a little for the other classes."""
    model = nn.MLP(64, [48, 10], activation="gelu", rng=seed)
    loss = functools.partial(F.cross_entropy, label_smoothing=0.1)
    return by_fit(model, optim.Adam(model.parameters(), lr=0.005), figures(seed), loss, epochs=15, seed=seed)


@healthy
def several_labels(seed: int) -> Any:
    """Which of five properties a row has, each with its own sigmoid."""
    rng = np.random.default_rng([seed, 26])
    X = rng.normal(size=(900, 8))
    rows = split(X, (X @ rng.normal(size=(8, 5)) > 0).astype(float), 600)
    model = nn.MLP(8, [32, 5], rng=seed)
    optimizer, loss = optim.Adam(model.parameters(), lr=0.01), F.binary_cross_entropy_with_logits
    error = misses_of_signs
    return by_hand(model, optimizer, rows, loss, epochs=15, seed=seed, error=error)


def misses_of_signs(logits: Any, y: Any) -> float:
    """Share of the labels that are not the sign of their logit."""
    return float(np.mean((logits > 0) != (y > 0.5)))


@healthy
def gradients_of_four_batches(seed: int) -> Any:
    """The gradients of four small batches are added up before a step."""
    rows, rng = figures(seed), np.random.default_rng(seed)
    model = nn.MLP(64, [32, 10], rng=seed)
    optimizer = optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    with train.doctor(model, optimizer) as doctor:
        for _ in range(15):
            for i, (X, y) in enumerate(data.batches(*rows[0], 8, rng)):
                (F.cross_entropy(model(X), y) / 4).backward()
                if i % 4 == 3:
                    optimizer.step()
                    optimizer.zero_grad()
    return doctor, measured(model, rows[1], misses)


@healthy
def clipped_gradients(seed: int) -> Any:
    """Tags by a recurrent net, with the norm of the gradient at most 1."""
    model = Tagger(20, seed)
    return by_hand(
        model, optim.Adam(model.parameters(), lr=0.01), sentences(seed), tag_loss, epochs=12, seed=seed, clip=1.0
    )


@healthy
def two_optimizers(seed: int) -> Any:
    """The body has one optimizer, the head another."""
    rows, rng = crescents(seed), np.random.default_rng(seed)
    model = nn.Sequential(nn.MLP(2, [24, 24], rng=seed), nn.ReLU(), nn.Linear(24, 1, rng=seed))
    slow, fast = optim.Adam(model[0].parameters(), lr=0.005), optim.SGD(model[2].parameters(), lr=0.05, momentum=0.9)
    with train.doctor(model[0], slow) as doctor:
        for _ in range(40):
            for X, y in data.batches(*rows[0], 32, rng):
                slow.zero_grad()
                fast.zero_grad()
                F.binary_cross_entropy_with_logits(model(X), y).backward()
                slow.step()
                fast.step()
    return doctor, measured(model, rows[1], misses)


@healthy
def quasi_newton(seed: int) -> Any:
    """L-BFGS on all rows at once."""
    (X, y), test = consumption(seed, 600)
    model = nn.MLP(6, [16, 1], activation="tanh", rng=seed)
    optimizer = optim.LBFGS(model.parameters(), max_iter=10, line_search_fn="strong_wolfe")

    def closure() -> Any:
        optimizer.zero_grad()
        loss = F.mse_loss(model(X), y) + optim.l2_penalty(model.parameters(), 1e-4)
        loss.backward()
        return loss

    with train.doctor(model, optimizer) as doctor:
        for _ in range(15):
            optimizer.step(closure)
    return doctor, measured(model, test, relative)


@healthy
def cosine_restarts(seed: int) -> Any:
    """The rate falls along a cosine and jumps up again, three times."""
    model = nn.MLP(2, [48, 48, 2], activation="silu", rng=seed)
    optimizer = optim.Adam(model.parameters(), lr=0.01)
    schedule = optim.lr_scheduler.CosineAnnealingWarmRestarts(optimizer, 20)
    return by_fit(model, optimizer, arms(seed), epochs=60, seed=seed, schedule=schedule)


@healthy
def net_of_values(seed: int) -> Any:
    """Two moons with Values and a hinge loss, in batches of twenty rows."""
    rows, test = crescents(seed, 100)
    points, signs = rows[0].tolist(), (2 * rows[1][:, 0] - 1).tolist()
    model, order = scalar.MLP(2, [8, 8, 1], activation="tanh", rng=random.Random(seed)), random.Random(seed)
    optimizer = optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    places = [*range(100)]
    with train.doctor(model, optimizer) as doctor:
        for _ in range(18):
            order.shuffle(places)
            for i in range(0, 100, 20):
                losses = [(1 - signs[k] * model(points[k])).relu() for k in places[i : i + 20]]
                optimizer.zero_grad()
                (sum(losses) / 20).backward()
                optimizer.step()
    outputs = np.array([[model(x).data] for x in test[0].tolist()])
    return doctor, misses(outputs, test[1])


@healthy
def neuron_of_values(seed: int) -> Any:
    """One linear neuron finds a line."""
    rng = np.random.default_rng([seed, 27])
    x = rng.uniform(-1, 1, 60)
    y = 1.5 * x - 0.5 + rng.normal(0, 0.05, 60)
    model = scalar.Neuron(1, activation="identity", rng=random.Random(seed))
    optimizer = optim.SGD(model.parameters(), lr=0.1)
    with train.doctor(model, optimizer) as doctor:
        for _ in range(80):
            loss = sum([(model([a]) - b) ** 2 for a, b in zip(x[:30].tolist(), y[:30].tolist(), strict=True)]) / 30
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    return doctor, relative(np.array([model([a]).data for a in x[30:].tolist()]), y[30:])


@healthy
def compiled_step(seed: int) -> Any:
    """Digits with `fit` and a compiled step."""
    model = nn.MLP(64, [32, 10], rng=seed)
    optimizer = optim.Adam(model.parameters(), lr=0.005)
    return by_fit(model, optimizer, figures(seed), epochs=12, batch=30, seed=seed, compiled=True)


@healthy
def logistic_regression(seed: int) -> Any:
    """One linear layer and a loss with a sigmoid, on all rows at once."""
    rng = np.random.default_rng([seed, 28])
    X = rng.normal(size=(600, 5))
    y = (rng.uniform(size=600) < 1 / (1 + np.exp(-4 * X @ [1.0, -1.0, 0.5, 0.0, 2.0]))).astype(float)
    model = nn.Linear(5, 1, rng=seed)
    optimizer, loss = optim.SGD(model.parameters(), lr=1.0), F.binary_cross_entropy_with_logits
    return by_hand(model, optimizer, split(X, y[:, None], 400), loss, epochs=100, batch=400, seed=seed)


@healthy
def least_squares(seed: int) -> Any:
    """One linear layer and SGD, on ten standardized inputs."""
    rng = np.random.default_rng([seed, 29])
    X = rng.normal(size=(500, 10))
    rows = split(X, X @ rng.normal(0, 0.3, (10, 1)) + rng.normal(0, 0.2, (500, 1)), 300)
    model = nn.Linear(10, 1, rng=seed)
    optimizer = optim.SGD(model.parameters(), lr=0.03)
    return by_hand(model, optimizer, rows, F.mse_loss, epochs=20, batch=20, seed=seed, error=relative)
