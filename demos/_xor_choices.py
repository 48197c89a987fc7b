"""What the lab `xor` discusses: how the learning rate, the initial weights and the depth decide what is learned.

Every run is the lab's except for one choice. Only the four rows are learned: repeated rows have the same mean loss.
"""

from collections.abc import Iterable
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

import tinygrad_edu
from tinygrad_edu import data, nn, optim
from tinygrad_edu.train import accuracy, predict, sweep
from viz.plots import style
from viz.plots.plots import plot_boundary

WIDTH = 8
SMALL = 0.01
INITS = ("zero", "small", "He", "Xavier")


class Choice(NamedTuple):
    """A run: the lab's own, unless said otherwise."""

    rate: float = 0.1
    init: str = "He"
    depth: int = 2  # hidden layers; 0 is a linear model


class Learned(NamedTuple):
    """The result of a run: the loss of every epoch, the net, and its share of right answers."""

    losses: Any
    net: nn.MLP
    accuracy: float


CHOICES = {
    "learning rate": {f"{rate:g}": Choice(rate=rate) for rate in (0.001, 0.01, 0.1, 0.5, 1, 2, 5)},
    "initial weights": {init: Choice(init=init) for init in INITS},
    "hidden layers": {str(depth): Choice(depth=depth) for depth in range(5)},
}
LINEAR = Choice(depth=0)


def initial_net(init: str, depth: int, seed: int) -> nn.MLP:
    """The net as the lab draws it: standard normal numbers layer by layer, scaled, and biases 0.

    The scale is √(2 / inputs) for He, √(2 / (inputs + outputs)) for Xavier, 0.01 for small, and 0 for zero.
    """
    net = nn.MLP(2, [*[WIDTH] * depth, 2], activation="relu")
    source = np.random.RandomState(seed)
    for layer in net.layers:
        scales = {
            "zero": 0.0,
            "small": SMALL,
            "He": np.sqrt(2 / layer.in_features),
            "Xavier": np.sqrt(2 / (layer.in_features + layer.out_features)),
        }
        layer.weight.data = source.randn(*layer.weight.shape) * scales[init]
        nn.init.zeros_(layer.bias)
    return net


def learn(choice: Choice, epochs: int, seed: int) -> Learned:
    """Train one net by full batches."""
    X, y = data.xor()
    net = initial_net(choice.init, choice.depth, seed)
    optimizer = optim.SGD(net.parameters(), lr=choice.rate)

    @tinygrad_edu.compile
    def step(X: Any, y: Any) -> Any:
        loss = nn.functional.cross_entropy(net(X), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss

    losses = np.array([float(step(X, y)) for _ in range(epochs)])
    return Learned(losses, net, accuracy(predict(net, X), y))


def study(epochs: int, seed: int) -> dict[Choice, Learned]:
    """Learn with every choice, in a sweep."""
    choices = list(dict.fromkeys(choice for group in CHOICES.values() for choice in group.values()))
    call = partial(_run, epochs=epochs, seed=seed)
    runs = sweep(call, [{"choice": choice} for choice in choices], seeds=[seed], title="XOR choices")
    found = {}
    for choice, run in zip(choices, runs, strict=True):
        net = initial_net(choice.init, choice.depth, seed)
        net.load_state_dict(run.result()["weights"])
        found[choice] = Learned(run.outcome["loss"], net, run.outcome["accuracy"])
    return found


def _run(choice: Choice, *, epochs: int, seed: int, rng: np.random.Generator) -> dict[str, Any]:
    learned = learn(choice, epochs, seed)  # the lab's weights come from NumPy's older generator, by the seed
    return {"loss": learned.losses, "accuracy": learned.accuracy, "weights": learned.net.state_dict()}


def described(found: dict[Choice, Learned]) -> Iterable[str]:
    """The study in lines: the last loss and the share of right answers under each choice."""
    for what, group in CHOICES.items():
        yield f"{what:<16}{'loss':>10}  accuracy"
        for name, choice in group.items():
            yield f"  {name:<14}{found[choice].losses[-1]:>10.6f}  {found[choice].accuracy:>8.2f}"
    yield "Without hidden layers the model is linear: its loss stays at ln 2 = 0.693147: no line separates the rows."


def picture(found: dict[Choice, Learned]) -> Figure:
    """The losses under every choice, and the answers of the linear model, as one figure."""
    figure = Figure(figsize=(9.6, 8.0), dpi=120, layout="constrained")
    *panels, last = figure.subplots(2, 2).reshape(-1)
    for ax, (what, group) in zip(panels, CHOICES.items(), strict=True):
        _losses(ax, {name: found[choice].losses for name, choice in group.items()})
        ax.set_title(f"By {what}")
        ax.legend(frameon=False, title=what, fontsize=8)
    X, y = data.xor()
    plot_boundary(found[LINEAR].net, X, y, ax=last, resolution=60)
    last.set_title(f"A linear model: loss {found[LINEAR].losses[-1]:.4f}, accuracy {found[LINEAR].accuracy:.2f}")
    return figure


def _losses(ax: Axes, losses: dict[str, Any]) -> None:
    for i, (name, numbers) in enumerate(losses.items()):
        ax.plot(np.arange(1, len(numbers) + 1), numbers, label=name, **style.line(i))
    style.tidy(ax, x="epoch", y="loss")
    ax.set(xscale="log", yscale="log")
