"""Model 5, a transformer: each position looks at all before it, and learns at which to look (Vaswani et al., 2017).

A row is a whole name: 16 tokens are the input, and the 16 that follow are predicted, all at once. No position sees a
later one. The positions after the end of a name have the target −1, which the loss ignores.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from demos.names.letters import ALPHABET, END, LONGEST, TOKENS, Model
from demos.names.training import descend
from tinygrad_edu import nn, no_grad, optim

F = nn.functional
PLACES = LONGEST + 1
FEATURES, HEADS, BLOCKS = 64, 4, 4
NOTHING = -1  # the target of a position after the end
MAX_RATE = 4e-3
HELD_OUT = 1000  # names, drawn again for each seed as makemore does


class Transformer(nn.Module):
    """A vector for the letter plus one for its position, four blocks of attention and MLP, a score for each token."""

    def __init__(self, rng: np.random.Generator) -> None:
        self.letters = nn.Embedding(TOKENS, FEATURES, rng=rng)
        self.places = nn.Embedding(PLACES, FEATURES, rng=rng)
        self.blocks = nn.ModuleList(
            nn.TransformerEncoderLayer(
                FEATURES, HEADS, 4 * FEATURES, 0.0, "gelu", batch_first=True, norm_first=True, rng=rng
            )
            for _ in range(BLOCKS)
        )
        self.norm = nn.LayerNorm(FEATURES)
        self.head = nn.Linear(FEATURES, TOKENS, bias=False, rng=rng)

    def forward(self, tokens: Any) -> Any:
        x = self.letters(tokens) + self.places.weight[: tokens.shape[1]]
        for block in self.blocks:
            x = block(x, is_causal=True)
        return self.head(self.norm(x))


def make(rng: np.random.Generator) -> Transformer:
    """The net, with matrices from N(0, 0.02²), in float32."""
    net = Transformer(rng)
    for name, parameter in net.named_parameters():
        if parameter.ndim == 2:
            nn.init.normal_(parameter, std=0.02, rng=rng)
        elif name.endswith("bias"):
            nn.init.zeros_(parameter)
    return net.astype(np.float32)


def rows(names: Sequence[str]) -> tuple[Any, Any]:
    """The inputs and the targets, both of shape (n, 16).

    >>> X, y = rows(["emma"])
    >>> X[0, :6].tolist(), y[0, :6].tolist()
    ([0, 5, 13, 13, 1, 0], [5, 13, 13, 1, 0, -1])
    """
    X, y = np.zeros((len(names), PLACES), int), np.full((len(names), PLACES), NOTHING)
    for i, name in enumerate(names):
        tokens = ALPHABET.encode(END + name + END)
        X[i, : len(name) + 1], y[i, : len(name) + 1] = tokens[:-1], tokens[1:]
    return X, y


def loss(net: Transformer, X: Any, y: Any) -> Any:
    """The mean of −log(chance of the token that came), over all positions up to the end of each name."""
    return F.cross_entropy(net(X).reshape(-1, TOKENS), y.reshape(-1), ignore_index=NOTHING)


def learn(net: Transformer, names: Sequence[str], *, steps: int, rng: np.random.Generator) -> list[float]:
    """Train with AdamW, whose rate rises and falls once."""
    optimizer = optim.AdamW(net.parameters(), lr=MAX_RATE, betas=(0.9, 0.99), weight_decay=0.01)
    schedule = optim.lr_scheduler.OneCycleLR(optimizer, max_lr=MAX_RATE, total_steps=steps + 1, cycle_momentum=False)
    return descend(net, lambda X, y: loss(net, X, y), rows(names), optimizer, schedule, steps, rng)


def loss_of(net: Transformer, names: Sequence[str]) -> float:
    """The mean loss on other names."""
    with no_grad():
        return loss(net, *rows(names)).item()


def model(net: Transformer) -> Model:
    """The net as a language model."""

    def chances(name: str) -> Any:
        with no_grad():
            scores = net(ALPHABET.encode(END + name)[None, :PLACES])[0, -1]
            return F.softmax(scores).numpy()

    return chances
