"""Moons with a line search: a fixed learning rate against backtracking, four published accuracies reproduced.

A net 2-16-1 with ReLU learns 400 of 500 moons with the binary cross-entropy, in 300 full-batch epochs. It does so
twice: by gradient descent at the fixed rate 0.1, and by gradient descent with a line search. The search tries the step
1.0 first and halves it until the loss has fallen enough (Armijo's condition). The weights start as PyTorch drew them in
the lab.
"""

import json
from functools import partial
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

import viz
from demos._comparison import Comparison
from demos._options import Out, Seed
from demos._pictures import Folder
from demos._training import progress, stoppable
from tinygrad_edu import data, nn, optim
from tinygrad_edu.errors import ArgumentError
from tinygrad_edu.train import History, accuracy, predict
from viz.plots import style
from viz.plots.plots import plot_boundary
from viz.plots.training_plots import plot_curves

WEIGHTS = Path(__file__).parent / "reference" / "moons_initial_weights.json"
POINTS, NOISE, LAB_SEED = 500, 0.2, 42
RATE = 0.1
EPOCHS = 300
EVERY, QUICK_EVERY = 5, 30  # epochs from one picture of the animation to the next
TITLES = {"fixed": f"fixed rate {RATE}", "armijo": "backtracking"}
# Accuracy on the training and on the test points.
PUBLISHED = {"fixed": ("0.8650", "0.8600"), "armijo": ("0.9800", "0.9800")}


class Points(NamedTuple):
    """The standardised points and their labels, for training and for the test."""

    X: Any
    X_test: Any
    y: Any
    y_test: Any


Quick = Annotated[bool, "fewer pictures in the animation, which takes longer than all the training"]


def run(*, quick: Quick = False, seed: Seed = LAB_SEED, out: Out = "out") -> Comparison:
    """Train both, print published and measured accuracies side by side, and write the pictures."""
    folder = Folder(out)
    points = load(seed)
    print(f"Moons: a net 2-16-1 learns {len(points.X)} points by full batches, with and without a line search.")
    histories = {}
    for name, title in TITLES.items():
        histories[name] = history = train(name, points, every=QUICK_EVERY if quick else EVERY)
        if history.epochs < EPOCHS:
            print(f"{title}: {history.stopped}")
            raise KeyboardInterrupt  # there is nothing to compare
        print(f"{title}: {history.stopped}, loss {history['loss'][-1]:.4f}")
    table = compare(histories, points) if seed == LAB_SEED else Comparison()
    print(table if table.rows else f"The published figures are for seed {LAB_SEED}.")
    _pictures(folder, histories, points)
    return table


def compare(histories: dict[str, History], points: Points) -> Comparison:
    """The published accuracies, and those of the two nets."""
    table = Comparison("accuracy")
    for name, history in histories.items():
        parts = zip(("training", "test"), points[:2], points[2:], PUBLISHED[name], strict=True)
        for part, X, y, published in parts:
            table.add(f"{TITLES[name]}, {part}", published, accuracy(predict(history.model, X), y))
    return table


def load(seed: int = LAB_SEED) -> Points:
    """The lab's points: 80 % to learn, 20 % to test, standardised by the mean and deviation of the 80 %."""
    X, y = data.moons(POINTS, noise=NOISE, rng=seed)
    X, X_test, y, y_test = data.train_test_split(X, y, test_size=0.2, rng=seed)
    scaler = data.Standardizer().fit(X)
    return Points(scaler.transform(X).astype(np.float32), scaler.transform(X_test).astype(np.float32), y, y_test)


def train(name: str, points: Points | None = None, epochs: int = EPOCHS, every: int = EVERY) -> History:
    """Train the net the ``fixed`` or the ``armijo`` way.

    The history has the loss and the step size of each epoch, and a snapshot after every ``every`` epochs.
    """
    if name not in TITLES:
        raise ArgumentError(f"the moons are learned in the ways {' and '.join(map(repr, TITLES))}, not {name!r}")
    points = points or load()
    model = initial_net(name)
    history = History(model, points.X, points.y)
    descent = optim.SGD(model.parameters(), lr=RATE)
    search = optim.BacktrackingLineSearch(model.parameters())
    targets = points.y.astype(np.float32).reshape(-1, 1)

    def loss_of() -> Any:
        return nn.functional.binary_cross_entropy_with_logits(model(points.X), targets)

    with stoppable(history):
        history.snapshots.append((0, model.state_dict()))
        for _ in progress(epochs, TITLES[name]):
            if name == "armijo":
                loss = search.step(loss_of)
            else:
                loss = loss_of()
                descent.zero_grad()
                loss.backward()
                descent.step()
            history.add({"loss": loss.item(), "step size": search.step_size or RATE})
            if history.epochs % every == 0:
                history.snapshots.append((history.epochs, model.state_dict()))
    return history


def initial_net(name: str) -> nn.Sequential:
    """The net with the weights that the lab's model of that name started from."""
    drawn_by_pytorch = json.loads(WEIGHTS.read_text(encoding="utf-8"))[name]
    weights = {key: np.array(numbers, dtype=np.float32) for key, numbers in drawn_by_pytorch.items()}
    net = nn.Sequential(nn.Linear(2, 16, dtype=np.float32), nn.ReLU(), nn.Linear(16, 1, dtype=np.float32))
    net.load_state_dict(  # PyTorch keeps a weight as (out, in)
        {f"layers.{key}": array.T if key.endswith("weight") else array for key, array in weights.items()}
    )
    return net


def _pictures(folder: Folder, histories: dict[str, History], points: Points) -> None:
    losses = {TITLES[name]: history["loss"] for name, history in histories.items()}
    folder.draw("moons_armijo_loss.png", plot_curves, losses, label="binary cross-entropy", log=True, title="Loss")
    folder.draw("moons_armijo_steps.png", _steps, histories, title="Accepted step sizes")
    folder.write("moons_armijo_boundaries.png", _boundaries(histories, points).savefig)
    named = {TITLES[name]: history for name, history in histories.items()}
    folder.write("moons_armijo.gif", partial(viz.animate_training, named, said=("loss", "step size")))


def _steps(histories: dict[str, History], ax: Axes) -> None:
    for i, (name, history) in enumerate(histories.items()):
        look = {"color": style.COLORS[i], "marker": style.MARKERS[i], "markersize": 4, "linestyle": ""}
        ax.plot(range(1, history.epochs + 1), history["step size"], label=TITLES[name], **look)
    style.tidy(ax, x="epoch", y="step size")
    ax.set_yscale("log", base=2)
    ax.legend(frameon=False)


def _boundaries(histories: dict[str, History], points: Points) -> Figure:
    figure = Figure(figsize=(9.6, 4.4), dpi=120, layout="constrained")
    panels = figure.subplots(1, 2)
    for ax, (name, history) in zip(panels, histories.items(), strict=True):
        plot_boundary(history.model, points.X_test, points.y_test, ax=ax)
        right = accuracy(predict(history.model, points.X_test), points.y_test)
        ax.set_title(f"{TITLES[name]}: test accuracy {right:.4f}")
    return figure
