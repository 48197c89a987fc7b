"""Model 3, BatchNorm: each unit's numbers, over the batch, get mean 0 and variance 1 (Ioffe & Szegedy, 2015).

The first layer has no bias, because BatchNorm subtracts the mean, and the bias with it. On one hidden layer it gains
nothing. `deep` has five hidden layers; without BatchNorm, these need weights of exactly the right width.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from demos.names.letters import TOKENS, windows
from demos.names.mlp import FEATURES, HIDDEN, WIDTH
from demos.names.training import BATCH, RATE
from tinygrad_edu import nn, optim

MOMENTUM = 0.001  # a batch of 32 says little about the mean over all names, so its share in the running mean is small
DEEP, DEEP_HIDDEN = 5, 100


def make(rng: np.random.Generator) -> nn.Sequential:
    """The MLP with BatchNorm before its tanh, in float32."""
    net = nn.Sequential(
        nn.Embedding(TOKENS, FEATURES, rng=rng),
        nn.Flatten(),
        nn.Linear(WIDTH * FEATURES, HIDDEN, bias=False),
        nn.BatchNorm1d(HIDDEN, momentum=MOMENTUM),
        nn.Tanh(),
        nn.Linear(HIDDEN, TOKENS),
    )
    hidden, last = net.layers[2], net.layers[-1]
    nn.init.normal_(hidden.weight, std=5 / 3 / (WIDTH * FEATURES) ** 0.5, rng=rng)
    nn.init.normal_(last.weight, std=0.01, rng=rng)
    nn.init.zeros_(last.bias)
    return net.astype(np.float32)


# --- five hidden layers, with and without ---


def deep(rng: np.random.Generator, *, norm: bool) -> nn.Sequential:
    """An MLP with five hidden layers, in float32. All its weights have the variance 1 / inputs."""
    layers: list[Any] = [nn.Embedding(TOKENS, FEATURES, rng=rng), nn.Flatten()]
    inputs = WIDTH * FEATURES
    for units in [DEEP_HIDDEN] * DEEP + [TOKENS]:
        layers.append(nn.Linear(inputs, units, bias=not norm))
        nn.init.normal_(layers[-1].weight, std=inputs**-0.5, rng=rng)
        if norm:
            layers.append(nn.BatchNorm1d(units))
        else:
            nn.init.zeros_(layers[-1].bias)
        layers += [nn.Tanh()]
        inputs = units
    layers.pop()  # no tanh after the last
    layers[-1].weight.data *= 0.1  # all letters are about as likely at first
    return nn.Sequential(*layers).astype(np.float32)


class Statistics(NamedTuple):
    """The numbers inside a net at its latest step, and how large its updates were at each step."""

    activations: list[Any]  # of each tanh
    gradients: list[Any]  # the loss's by them
    ratios: Any  # log10 of (deviation of the update / deviation of the weights), shape (steps, layers)


def watch(net: nn.Sequential, names: Sequence[str], *, steps: int, rng: np.random.Generator) -> Statistics:
    """Train by SGD with the rate 0.1, and look inside. The steps are not compiled."""
    X, y = windows(names, WIDTH)
    matrices = [layer.weight for layer in net if isinstance(layer, nn.Linear)]
    optimizer = optim.SGD(net.parameters(), lr=RATE)
    ratios = []
    for _ in range(steps):
        rows = rng.integers(len(X), size=BATCH)
        outputs = [X[rows]]
        for layer in net:
            outputs.append(layer(outputs[-1]))
        loss = nn.functional.cross_entropy(outputs[-1], y[rows])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        ratios.append([np.log10(RATE * W.grad.std() / W.data.std()) for W in matrices])
    tanhs = [a for layer, a in zip(net, outputs[1:], strict=True) if isinstance(layer, nn.Tanh)]
    return Statistics([a.data for a in tanhs], [a.grad for a in tanhs], np.array(ratios))
