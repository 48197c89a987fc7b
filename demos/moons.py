"""Moons: two interleaved half circles, and a small net that learns to separate them.

A net 2-16-16-1 with ReLU learns 400 points by mini-batches on the binary cross-entropy, and is tested on 100 more.
With --scalar, a net with the same layers learns 100 points on Value, one number per node.
"""

from typing import Any

import numpy as np

import viz
from demos._options import Out, Quick, Scalar, Seed
from demos._pictures import Folder, graph
from demos._training import progress, stoppable
from tinygrad_edu import Tensor, Value, data, nn, optim
from tinygrad_edu.train import History, Snapshots, accuracy, fit
from viz.plots.plots import plot_boundary, plot_history, scores_of

SIZES = [16, 16, 1]
NOISE = 0.15
POINTS, SCALAR_POINTS = 500, 125
EPOCHS, QUICK_EPOCHS = 100, 10
BATCH = 40
RATE = 0.02

Sets = tuple[Any, Any, Any, Any]


def run(*, scalar: Scalar = False, quick: Quick = False, seed: Seed = 0, out: Out = "out") -> None:
    """Train, print how well the net does, and write the pictures."""
    folder = Folder(out)
    points, nodes = (SCALAR_POINTS, "Value") if scalar else (POINTS, "Tensor")
    print(f"Moons: a net 2-16-16-1 learns 80 % of {points} points, on {nodes}, and is tested on the others.")
    model, history = train(scalar=scalar, epochs=QUICK_EPOCHS if quick else EPOCHS, seed=seed)
    print(history.stopped)
    if history.epochs:
        last = {name: numbers[-1] for name, numbers in history.items()}
        print(f"training:   loss {last['loss']:.4f}, accuracy {last['accuracy']:.3f}")
        print(f"validation: loss {last['val_loss']:.4f}, accuracy {last['val_accuracy']:.3f}")
        _pictures(folder, model, history)


def train(*, scalar: bool = False, epochs: int = EPOCHS, seed: int = 0) -> tuple[Any, History]:
    """Train the net, on Tensor or on Value, and return it with its history. Ctrl-C ends the training early."""
    rng = np.random.default_rng(seed)
    X, y = data.moons(SCALAR_POINTS if scalar else POINTS, noise=NOISE, rng=seed)
    X, X_val, y, y_val = data.train_test_split(X, y, test_size=0.2, rng=seed)
    net = nn.MLP(2, SIZES, activation="relu", rng=rng)
    if scalar:
        twin = nn.scalar.MLP.from_tensor(net)
        return twin, _train_on_values(twin, (X, X_val, y, y_val), epochs, rng)
    history = fit(
        net,
        X,
        y,
        loss=_loss,
        optimizer=optim.Adam(net.parameters(), lr=RATE),
        epochs=epochs,
        batch_size=BATCH,
        validation=(X_val, y_val),
        metrics="accuracy",
        callbacks=[Snapshots(every=2)],
        rng=rng,
    )
    return net, history


def _train_on_values(net: Any, sets: Sets, epochs: int, rng: np.random.Generator) -> History:
    """What `fit` does, written out for single numbers."""
    X, X_val, y, y_val = sets
    history = History(net, X, y)
    optimizer = optim.Adam(net.parameters(), lr=RATE)
    with stoppable(history):
        for _ in progress(epochs, "moons"):
            total = 0.0
            for X_batch, y_batch in data.batches(X, y, BATCH, rng=rng):
                loss = _scalar_loss(net, X_batch, y_batch)
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                total += loss.data * len(X_batch)
            scores, val_scores = scores_of(net, X), scores_of(net, X_val)
            numbers = {"loss": total / len(X), "accuracy": accuracy(scores, y)}
            val_loss = _loss(Tensor(val_scores), y_val).item()
            history.add(numbers | {"val_loss": val_loss, "val_accuracy": accuracy(val_scores, y_val)})
    return history


def _loss(outputs: Any, y: Any) -> Any:
    return nn.functional.binary_cross_entropy_with_logits(outputs.reshape(-1), y)


def _scalar_loss(net: Any, X: Any, y: Any) -> Value:
    """The same of single numbers: -log of the probability that the logit z gives to the label is softplus(±z)."""
    losses = []
    for x, label in zip(X.tolist(), y.tolist(), strict=True):
        z = net(x)
        losses.append((-z if label else z).softplus())
    return sum(losses) / len(losses)


def _pictures(folder: Folder, model: Any, history: History) -> None:
    X, y = history.X, history.y
    folder.draw("moons_loss.png", plot_history, history, title="Moons: loss")
    folder.draw("moons_boundary.png", plot_boundary, model, X, y, resolution=80, title="Moons: what the net answers")
    if isinstance(model, nn.MLP):
        folder.write("moons_graph.svg", graph(model, _loss(model(X), y)).save)
        folder.write("moons.gif", lambda path: viz.animate_training(history, path))
    else:
        folder.write("moons_graph.svg", graph(model, _scalar_loss(model, X[:1], y[:1])).save)
