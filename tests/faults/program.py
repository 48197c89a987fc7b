"""`Program`: a training program that can be built with its fault and without, and what a diagnosis should name."""

import functools
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from tinygrad_edu import data, nn, no_grad, train

F = nn.functional
Array = Any
Rows = tuple[Array, Array]
CHECKS = 20  # evaluations in a run


@dataclass
class Training:
    """A net, its data and its loop, ready to run; a program changes what its fault is about."""

    net: Any
    optimizer: Any
    X: Array
    y: Array
    loss: Callable[[Any, Any], Any]
    epochs: int
    rng: Any
    batch: int | None = None  # all rows in their order if None
    test: tuple[Array, Array] | None = None
    quality: Callable[[Any, Array], float] | None = None  # of outputs and targets
    checks: int = CHECKS
    switches_modes: bool = True
    shuffles: bool = True
    zero_grad: Any = None  # the optimizer's by default
    test_loss: Callable[[Any, Any], Any] | None = None  # the same as the loss by default
    step: Callable[["Training", Any, Any], None] | None = None  # the usual one by default
    before_update: Callable[["Training"], Any] | None = None  # of a usual step, after backward
    after_update: Callable[["Training"], Any] | None = None
    after_epoch: Callable[["Training", int], None] | None = None

    def run(self) -> None:
        """The loop, as a person writes it."""
        every = max(1, self.epochs // self.checks)
        step = self.step or usual_step
        for epoch in range(self.epochs):
            for X, y in self._batches():
                step(self, X, y)
            if self.test is not None and (epoch + 1) % every == 0:
                self.evaluate()
            if self.after_epoch is not None:
                self.after_epoch(self, epoch)

    def _batches(self) -> Any:
        if self.batch is None:
            return [(self.X, self.y)]
        if self.shuffles:
            return data.batches(self.X, self.y, self.batch, self.rng)
        starts = range(0, len(self.X), self.batch)
        return [(self.X[i : i + self.batch], self.y[i : i + self.batch]) for i in starts]

    def evaluate(self) -> None:
        """The loss of the test rows."""
        assert self.test is not None
        if self.switches_modes:
            self.net.eval()
        with no_grad():
            (self.test_loss or self.loss)(self.net(self.test[0]), self.test[1])
        if self.switches_modes:
            self.net.train()

    def score(self) -> float:
        """How good the net is on the test rows."""
        X, y = self.test or (self.X, self.y)
        self.net.eval()
        with no_grad(), np.errstate(all="ignore"):
            outputs = self.net(X).numpy()
        return (self.quality or accuracy)(outputs, y)


def usual_step(run: Training, X: Array, y: Array) -> None:
    loss = run.loss(run.net(X), y)
    (run.zero_grad or run.optimizer.zero_grad)()
    loss.backward()
    if run.before_update is not None:
        run.before_update(run)
    run.optimizer.step()
    if run.after_update is not None:
        run.after_update(run)


class Program(NamedTuple):
    """A program and the truth about it."""

    name: str
    causes: tuple[str, ...]  # what a diagnosis should name
    symptoms: tuple[str, ...]  # true consequences of the causes
    build: Callable[[int, bool], Training | train.Doctor]  # of a seed, and of whether the fault is repaired
    source: str = ""
    visible: bool = True  # whether a run shows the fault at all
    published: str = ""  # which research tools diagnosed the original


def watch(run: Training | train.Doctor, **options: Any) -> train.Doctor:
    """The doctor after the run; a program with a loop of its own gives the doctor that watched it."""
    if isinstance(run, train.Doctor):
        doctor = run
    else:
        with np.errstate(all="ignore"), train.doctor(run.net, run.optimizer, **options) as doctor:
            run.run()
    assert not any("failed" in note for note in doctor.notes), doctor.notes
    return doctor


class Register:
    """A list of programs, filled by a decorator.

    With ``stream``, numbers that belong to this list, a program gets a generator made of them and the seed.
    """

    def __init__(self, stream: tuple[int, ...] | None = None) -> None:
        self.stream = stream
        self.programs: dict[str, Program] = {}

    def __call__(self, causes: str, symptoms: str = "", source: str = "", *, visible: bool = True) -> Any:
        def register(program: Callable[[Any, bool], Training]) -> Callable[[Any, bool], Training]:
            name = program.__name__.replace("_", "-")

            def build(seed: int, fixed: bool) -> Training:
                return program(seed if self.stream is None else np.random.default_rng([seed, *self.stream]), fixed)

            self.programs[name] = Program(name, _names(causes), _names(symptoms), build, source, visible)
            return program

        return register


def seed_of(rng: np.random.Generator) -> int:
    """The seed from which a `Register` made the run's generator."""
    return int(rng.bit_generator.seed_seq.entropy[0])  # type: ignore[attr-defined]


class BlindList:
    """Faulty programs that give the doctor and the error of the net, and healthy runs; decorators fill both."""

    def __init__(self) -> None:
        self.register = Register()
        self.programs: dict[str, Callable[[int, bool], Any]] = {}  # those of the register, with their errors
        self.healthy_runs: dict[str, Callable[[int], train.Doctor]] = {}
        self.errors: dict[str, Callable[[int], tuple[train.Doctor, float]]] = {}  # with the nets' errors

    def fault(self, causes: str, symptoms: str = "") -> Any:
        """Put a program of a seed and of whether it is faulty into the list, with its repaired twin."""

        def note(program: Callable[[int, bool], Any]) -> Callable[[int, bool], Any]:
            @functools.wraps(program)
            def build(seed: int, fixed: bool) -> Any:
                with np.errstate(all="ignore"):
                    return program(seed, not fixed)[0]

            self.register(causes, symptoms)(build)
            self.programs[program.__name__] = program
            return program

        return note

    def healthy(self, program: Callable[[int], train.Doctor]) -> Callable[[int], train.Doctor]:
        """Put a healthy run of a seed into the list."""
        self.healthy_runs[program.__name__.replace("_", "-")] = program
        return program

    def healthy_with_error(self, program: Callable[[int], Any]) -> Callable[[int], Any]:
        """Put a healthy run into the list that gives the doctor and the error of the net."""

        @functools.wraps(program)
        def run(seed: int) -> Any:
            return program(seed)[0]

        self.healthy(run)
        self.errors[program.__name__] = program
        return program


def _names(text: str) -> tuple[str, ...]:
    return tuple([name.strip() for name in text.split(",") if name.strip()])


@dataclass
class Data:
    """Rows to train on, rows to test on."""

    X: Array
    y: Array
    X_test: Array
    y_test: Array
    rng: Any = field(repr=False)

    @property
    def test(self) -> tuple[Array, Array]:
        return self.X_test, self.y_test

    def train(
        self,
        net: Any,
        optimizer: Any,
        epochs: int,
        batch: int | None,
        loss: Any = F.cross_entropy,
        quality: Any = None,
        **options: Any,
    ) -> Training:
        """A run on these rows; the options are those of `Training`."""
        return Training(net, optimizer, self.X, self.y, loss, epochs, self.rng, batch, self.test, quality, **options)

    def with_columns(self) -> "Data":
        """The same with labels as columns of floats."""
        return Data(self.X, column(self.y), self.X_test, column(self.y_test), self.rng)


def watched_fit(
    model: Any, optimizer: Any, rows: Rows, test: Rows, loss: Any, error: Callable[[Any, Any], float], **options: Any
) -> tuple[train.Doctor, float]:
    """`fit` under the doctor, and the error of the net on the test rows; the options are those of `fit`."""
    with train.doctor(model, optimizer) as doctor:
        train.fit(model, *rows, loss=loss, optimizer=optimizer, validation=test, progress=False, **options)
    return doctor, error(train.predict(model, test[0]), test[1])


def standardized(train_rows: Rows, test_rows: Rows) -> tuple[Rows, Rows]:
    """The inputs with mean 0 and variance 1 in the training rows."""
    scale = data.Standardizer().fit(train_rows[0])
    return (scale.transform(train_rows[0]), train_rows[1]), (scale.transform(test_rows[0]), test_rows[1])


# --- qualities ---


def accuracy(outputs: Array, y: Array) -> float:
    """Share of the rows whose largest output is their class, or whose one output has its sign."""
    if outputs.shape[-1] == 1:
        return float(np.mean((outputs.reshape(-1) > 0) == (np.reshape(y, -1) > 0.5)))
    return float(np.mean(outputs.argmax(1) == (y.argmax(1) if np.ndim(y) == 2 else y)))


def accuracy_of_probabilities(outputs: Array, y: Array) -> float:
    """The same of outputs that are probabilities."""
    return float(np.mean((outputs > 0.5) == (np.reshape(y, outputs.shape) > 0.5)))


def r2(outputs: Array, y: Array) -> float:
    """Share of the variance that is explained."""
    y = np.reshape(y, outputs.shape)
    error = float(np.mean((outputs - y) ** 2) / np.mean((y - y.mean(0)) ** 2))
    return 1 - error if np.isfinite(error) else -np.inf


# --- losses of probabilities ---


def categorical(p: Any, Y: Array) -> Any:
    """Cross-entropy of probabilities with one-hot targets."""
    p = np.clip(p / p.sum(1, keepdims=True), 1e-7, 1 - 1e-7)
    return -(Y * np.log(p)).sum(1).mean()


def binary(p: Any, y: Array) -> Any:
    """Binary cross-entropy of probabilities."""
    p = np.clip(p, 1e-7, 1 - 1e-7)
    return -(y * np.log(p) + (1 - y) * np.log(1 - p)).mean()


# --- nets ---


class Reader(nn.Module):
    """A recurrent net whose last output goes through a head."""

    def __init__(self, body: Any, head: Any) -> None:
        self.body, self.head = body, head

    def forward(self, x: Any) -> Any:
        return self.head(self.body(x)[0][:, -1])


def net(rng: Any, *parts: Any, std: float | None = None, bias: bool = True) -> nn.Sequential:
    """A net of sizes and layers: ``net(rng, 2, 16, nn.ReLU(), 2)``; weights normal with ``std`` if it is given."""
    layers: list[Any] = []
    width = parts[0]
    for part in parts[1:]:
        if isinstance(part, int):
            layer = nn.Linear(width, part, bias=bias, rng=rng)
            if std is not None:
                nn.init.normal_(layer.weight, std=std, rng=rng)
                nn.init.zeros_(layer.bias)
            layers.append(layer)
            width = part
        else:
            layers.append(part)
    return nn.Sequential(*layers)


def linears(model: Any) -> list[nn.Linear]:
    """Its Linear layers."""
    return [layer for _, layer in model.named_modules() if isinstance(layer, nn.Linear)]


# --- data ---


def digits(rng: Any, n: int = 400, n_test: int = 400) -> Data:
    """Ten classes: pictures of 8 × 8 pixels from 0 to 1."""
    X, y = data.digits()
    rows = rng.permutation(len(X))[: n + n_test]
    X, y = X[rows] / 16, y[rows]
    return Data(X[:n], y[:n], X[n:], y[n:], rng)


def moons(rng: Any, n: int = 200, n_test: int = 200) -> Data:
    X, y = data.moons(n + n_test, noise=0.1, rng=rng)
    X = (X - [0.5, 0.25]) / [0.87, 0.5]
    return _shuffled(rng, X, y, n)


def circles(rng: Any, n: int = 200, n_test: int = 200) -> Data:
    X, y = data.circles(n + n_test, noise=0.08, rng=rng, factor=0.4)
    return _shuffled(rng, X * 1.4, y, n)


def _shuffled(rng: Any, X: Array, y: Array, n: int) -> Data:
    rows = rng.permutation(len(X))
    X, y = X[rows], y[rows]
    return Data(X[:n], y[:n], X[n:], y[n:], rng)


def drawn(rng: Any, inputs: Callable[[int], Array], targets: Callable[[Array], Array], n: int, n_test: int) -> Data:
    """Inputs drawn for so many rows, and targets made of them."""
    X, X_test = inputs(n), inputs(n_test)
    return Data(X, targets(X), X_test, targets(X_test), rng)


def onehot(y: Array, classes: int = 10) -> Array:
    return np.eye(classes)[y]


def column(y: Array) -> Array:
    """Labels as a column of floats."""
    return np.reshape(y, (-1, 1)).astype(float)
