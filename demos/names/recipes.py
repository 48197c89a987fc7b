"""The recipes of the trained models, as functions that may run in processes side by side."""

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from demos.names import batchnorm, letters, mlp, training, transformer, wavenet
from tinygrad_edu import data, nn

STEPS, QUICK_STEPS = 200_000, 2_000
TRANSFORMER_STEPS, QUICK_TRANSFORMER_STEPS = 2_000, 40
SAMPLES = 10


class Recipe(NamedTuple):
    """A net, the number of letters that it sees, and the share of the steps after which the rate drops."""

    make: Callable[[np.random.Generator], nn.Module]
    width: int
    drop: float = 0.5


RECIPES = {
    "MLP": Recipe(mlp.make, mlp.WIDTH),
    "scaled": Recipe(mlp.make_scaled, mlp.WIDTH),
    "BatchNorm": Recipe(batchnorm.make, mlp.WIDTH),
    "WaveNet": Recipe(wavenet.make, wavenet.WIDTH, 0.75),
}
WAYS = ("WaveNet", "transformer", "BatchNorm", "scaled", "MLP")  # the long ones first: they run side by side


def learn(way: str, *, quick: bool, rng: np.random.Generator) -> dict[str, Any]:
    """Train a model.

    Returns
    -------
    dict : ``curve``, the mean loss of each 500 steps; ``train``, ``validation`` or ``test``, losses afterwards;
        ``names`` that it makes up; and its weights, as ``net.`` and their name.
    """
    train = _transformer if way == "transformer" else partial(_by_windows, RECIPES[way])
    found = train(quick=quick, rng=rng)
    net, model = found.pop("net"), found.pop("model")
    names = [letters.draw(model, rng) for _ in range(SAMPLES)]
    weights = {f"net.{name}": array for name, array in net.state_dict().items()}
    return found | {"names": ", ".join(names)} | weights


def _by_windows(recipe: Recipe, *, quick: bool, rng: np.random.Generator) -> dict[str, Any]:
    parts, steps = letters.parts(), QUICK_STEPS if quick else STEPS
    net = recipe.make(rng)
    curve = training.by_windows(net, recipe.width, parts.train, steps=steps, drop=recipe.drop, rng=rng)
    loss = partial(training.loss_of, net, recipe.width)
    model = training.model(net, recipe.width)
    losses = {"train": loss(parts.train), "validation": loss(parts.validation)}
    return {"curve": curve, **losses, "net": net, "model": model}


def _transformer(*, quick: bool, rng: np.random.Generator) -> dict[str, Any]:
    names = data.names()
    rng.shuffle(names)
    test, rest = names[: transformer.HELD_OUT], names[transformer.HELD_OUT :]
    net = transformer.make(rng)
    steps = QUICK_TRANSFORMER_STEPS if quick else TRANSFORMER_STEPS
    curve = transformer.learn(net, rest, steps=steps, rng=rng)
    return {"curve": curve, "test": transformer.loss_of(net, test), "net": net, "model": transformer.model(net)}


def size(way: str) -> int:
    """The number of weights; of the transformer, without the last layer, as makemore counts them."""
    rng = np.random.default_rng(0)
    if way != "transformer":
        return sum(p.size for p in RECIPES[way].make(rng).parameters())
    net = transformer.make(rng)
    return sum(p.size for p in net.parameters()) - net.head.weight.size
