"""Model 4, a net like WaveNet: eight letters, joined two by two in three layers (van den Oord et al., 2016).

The MLP puts all its letters into one layer at once. Here letters become pairs, pairs become fours, fours become the
whole: shape (n, 8, 24) → (n, 4, 48) → (n, 4, 128) → (n, 2, 256) → (n, 2, 128) → (n, 1, 256) → (n, 1, 128).
"""

from typing import Any

import numpy as np

from demos.names.letters import TOKENS
from tinygrad_edu import nn

WIDTH = 8
FEATURES, HIDDEN = 24, 128


class Pairs(nn.Module):
    """Join each two places: shape (n, places, features) becomes (n, places / 2, 2 · features)."""

    def forward(self, x: Any) -> Any:
        n, places, features = x.shape
        return x.reshape(n, places // 2, 2 * features)


class Fuse(nn.Module):
    """Linear, BatchNorm and tanh at each place; the mean of a unit is over the batch and over the places."""

    def __init__(self, inputs: int, rng: np.random.Generator) -> None:
        self.linear = nn.Linear(inputs, HIDDEN, bias=False)
        self.norm = nn.BatchNorm1d(HIDDEN)
        nn.init.normal_(self.linear.weight, std=inputs**-0.5, rng=rng)

    def forward(self, x: Any) -> Any:
        y = self.linear(x)
        return self.norm(y.reshape(-1, HIDDEN)).reshape(y.shape).tanh()


def make(rng: np.random.Generator) -> nn.Sequential:
    """The net, in float32."""
    net = nn.Sequential(
        nn.Embedding(TOKENS, FEATURES, rng=rng),
        *(Pairs(), Fuse(2 * FEATURES, rng)),
        *(Pairs(), Fuse(2 * HIDDEN, rng)),
        *(Pairs(), Fuse(2 * HIDDEN, rng)),
        nn.Flatten(),
        nn.Linear(HIDDEN, TOKENS),
    )
    last = net.layers[-1]
    nn.init.normal_(last.weight, std=0.1 * HIDDEN**-0.5, rng=rng)
    nn.init.zeros_(last.bias)
    return net.astype(np.float32)
