"""What is measured with other libraries: scikit-learn's digits, a sweep, a step scanned in JAX."""

import time
import warnings
from functools import partial
from statistics import mean, stdev
from typing import Any

import numpy as np

from .claims import COMPILED, OWN, at_most, cells
from .report import Bar, Row, figure
from .timing import Effort, Timing, race

DIGITS = "scikit-learn's digits: 100 hidden units, 50 epochs of Adam in batches of 200, five seeds"
SWEEPS = "A sweep of twelve runs of a second, two at a time: the time on the wall"
SCANNED = "A training step in jax.lax.scan: XOR, 4 rows, 2-8-8-2, float32"
SKLEARN, OWN_NET, JOBLIB, SWEEP = "MLPClassifier", "NetClassifier", "a loop with joblib", "train.sweep"
HAND, EXPORTED = "JAX by hand", f"{COMPILED}, to_jax"
EPOCHS, RUN_SECONDS, STEPS = 50, 1.0, 10_000


def digits(_: Effort) -> list[Row]:
    """Accuracy and fit time beside scikit-learn's own net, with the same settings."""
    from sklearn.datasets import load_digits
    from sklearn.model_selection import train_test_split
    from sklearn.neural_network import MLPClassifier

    from tinygrad_edu.sklearn import NetClassifier

    X, y = load_digits(return_X_y=True)
    scores: dict[str, list[float]] = {SKLEARN: [], OWN_NET: []}
    timing = Timing({SKLEARN: [], OWN_NET: []})
    for seed in range(5):
        X_train, X_test, y_train, y_test = train_test_split(X / 16, y, random_state=seed, stratify=y)
        models: dict[str, Any] = {
            SKLEARN: MLPClassifier((100,), alpha=0, max_iter=EPOCHS, n_iter_no_change=EPOCHS, random_state=seed),
            OWN_NET: NetClassifier((100,), epochs=EPOCHS, patience=None, random_state=seed),
        }
        for name, model in models.items():
            start = time.process_time()
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # that all epochs were used
                model.fit(X_train, y_train)
            timing.rounds[name].append(time.process_time() - start)
            scores[name].append(model.score(X_test, y_test))
    spread = max(stdev(numbers) for numbers in scores.values())
    behind = mean(scores[SKLEARN]) - mean(scores[OWN_NET])
    bars = (
        at_most(1, SKLEARN, timing, OWN_NET),
        Bar(f"{OWN_NET}: accuracy behind {SKLEARN}, in spreads of the seeds", [behind / spread], 1),
    )
    accuracies = {
        name: f"{cell}, accuracy {figure(mean(scores[name]))}" for name, cell in cells(timing, SKLEARN).items()
    }
    return [Row(DIGITS, "test accuracy and fit time", accuracies, bars)]


def wait(setting: int, rng: np.random.Generator) -> dict[str, float]:
    """A run that takes as long on a busy machine as on an idle one."""
    import tinygrad_edu.train  # noqa: F401  every run trains something, whoever starts it

    time.sleep(RUN_SECONDS)
    return {"loss": float(rng.normal())}


def by_joblib() -> None:
    """What somebody writes who has no `sweep`."""
    from joblib import Parallel, delayed
    from joblib.externals.loky import get_reusable_executor

    Parallel(2)(delayed(wait)(k, np.random.default_rng(seed)) for k in range(6) for seed in range(2))
    get_reusable_executor().shutdown(wait=True)  # each round starts its processes, as a sweep does


def by_sweep() -> None:
    """The same with `sweep`, one file per run."""
    import tempfile

    from tinygrad_edu.train import sweep

    with tempfile.TemporaryDirectory() as folder:
        sweep(wait, {"setting": range(6)}, seeds=2, jobs=2, folder=folder, progress=False)


def sweeps(effort: Effort) -> list[Row]:
    """What files, failures that are caught, and processes that are watched cost."""
    timing = Timing({JOBLIB: [], SWEEP: []})
    for _ in range(effort.rounds):
        for name, program in ((JOBLIB, by_joblib), (SWEEP, by_sweep)):
            start = time.perf_counter()
            program()
            timing.rounds[name].append(time.perf_counter() - start)
    return [Row(SWEEPS, "waiting runs", cells(timing, JOBLIB), (at_most(1.05, JOBLIB, timing, SWEEP),))]


def scanned(effort: Effort) -> list[Row]:
    """The exported step beside one that is written in JAX by hand."""
    import jax
    import jax.numpy as jnp

    import tinygrad_edu
    from tinygrad_edu import nn, optim
    from tinygrad_edu.data import xor

    X, y = xor()
    X = X.astype(np.float32)
    net = nn.MLP(2, [8, 8, 2], dtype=np.float32, rng=0)
    optimizer = optim.SGD(net.parameters(), lr=0.1)

    @tinygrad_edu.compile
    def step(X: Any, y: Any) -> Any:
        loss = nn.functional.cross_entropy(net(X), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss

    step(X, y)
    exported = step.to_jax()

    def own(carry: Any, _: Any) -> Any:
        params, state, loss = exported(*carry, X, y)
        return (params, state), loss

    def loss_of(layers: Any) -> Any:
        h = X
        for W, b in layers[:-1]:
            h = jnp.maximum(h @ W + b, 0)
        W, b = layers[-1]
        return -jnp.mean(jax.nn.log_softmax(h @ W + b)[jnp.arange(len(y)), y])

    def hand(layers: Any, _: Any) -> Any:
        loss, gradients = jax.value_and_grad(loss_of)(layers)
        return jax.tree.map(lambda p, g: p - 0.1 * g, layers, gradients), loss

    start = [(layer.weight.numpy(), layer.bias.numpy()) for layer in net.layers]
    runs = {
        HAND: partial(jax.jit(lambda carry: jax.lax.scan(hand, carry, length=STEPS)[1]), start),
        EXPORTED: partial(
            jax.jit(lambda carry: jax.lax.scan(own, carry, length=STEPS)[1]), (exported.params, exported.state)
        ),
    }
    timing = race(
        {name: lambda run=run: run().block_until_ready() for name, run in runs.items()},
        seconds=effort.seconds,
        least=effort.rounds,
    )
    each = Timing({name: [seconds / STEPS for seconds in rounds] for name, rounds in timing.rounds.items()})
    return [Row(SCANNED, OWN, cells(each, HAND), (at_most(1.25, HAND, each, EXPORTED),))]
