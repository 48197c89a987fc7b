"""The small GPT on Tensors: one matrix per node, all positions of a name at once."""

import random
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

import tinygrad_edu
from demos._gpt_scalar import (
    BETA1,
    BETA2,
    BLOCK,
    END,
    EPS,
    HEAD_WIDTH,
    HEADS,
    RATE,
    STEPS,
    TEMPERATURE,
    TOKENS,
    WIDTH,
    ScalarGPT,
)
from tinygrad_edu import Tensor, nn, no_grad, optim

F = nn.functional


class TensorGPT(nn.Module):
    """The same transformer, whose weights are matrices.

    Parameters
    ----------
    weights : the matrices by name, as a `ScalarGPT` has them, or arrays.
    """

    def __init__(self, weights: Mapping[str, Any]) -> None:
        for name, matrix in weights.items():
            setattr(self, name, Tensor(np.array(matrix, dtype=np.float64), label=name))

    @classmethod
    def like(cls, gpt: ScalarGPT) -> "TensorGPT":
        """The net with the weights that the other has now."""
        return cls({name: [[w.data for w in row] for row in matrix] for name, matrix in gpt.weights.items()})

    def forward(self, tokens: Any) -> Tensor:
        """The scores of each next token, shape (n, 27), of n tokens."""
        x = normalize(self.token[tokens] + self.position[: len(tokens)])
        x = x + self.attend(normalize(x))
        x = x + F.relu(normalize(x) @ self.widen.T) @ self.narrow.T
        return x @ self.head.T

    def attend(self, x: Tensor) -> Tensor:
        """Attention of all heads."""
        mixed = self.attention(x) @ by_head(x @ self.value.T)  # (heads, n, 4)
        return mixed.transpose(1, 0, 2).reshape(len(x), WIDTH) @ self.join.T

    def attention(self, x: Tensor) -> Tensor:
        """The weights: entry (h, i, j) says how much position i looks at position j in head h."""
        query, key = by_head(x @ self.query.T), by_head(x @ self.key.T)
        fits = query @ key.transpose(0, 2, 1) / HEAD_WIDTH**0.5
        return F.softmax(fits + later(len(x)), axis=-1)

    def loss(self, tokens: Any, targets: Any, shares: Any) -> Tensor:
        """The mean of −log(probability of the next token). Each position has a share, which is 0 after the name."""
        log_chances = F.log_softmax(self(tokens), axis=-1)[np.arange(len(tokens)), targets]
        return -(log_chances * shares).sum()


def normalize(x: Tensor) -> Tensor:
    """RMSNorm without gain: x / √(mean(x²) + 1e-5)."""
    return x * ((x * x).mean(axis=-1, keepdims=True) + 1e-5) ** -0.5


def by_head(x: Tensor) -> Tensor:
    """Shape (n, 16) as (heads, n, 4)."""
    return x.reshape(len(x), HEADS, HEAD_WIDTH).transpose(1, 0, 2)


def later(n: int) -> Any:
    """The mask that is added to the scores: −∞ where a position would look at a later one."""
    return np.triu(np.full((n, n), -np.inf), k=1)


def padded(tokens: Sequence[int]) -> tuple[Any, Any, Any]:
    """The tokens of a name, those that come next, and the shares of the positions in the loss; each 16 numbers.

    Every name then has arrays of the same shape, so one compiled program serves them all. No position looks at a later
    one, so tokens after the name change nothing.
    """
    n = min(BLOCK, len(tokens) - 1)
    now, following, shares = np.full(BLOCK, END), np.full(BLOCK, END), np.zeros(BLOCK)
    now[:n], following[:n], shares[:n] = tokens[:n], tokens[1 : n + 1], 1 / n
    return now, following, shares


def stepper(net: TensorGPT, *, compiled: bool) -> Callable[[Sequence[int]], float]:
    """A function that takes one training step on the tokens of a name, and returns the loss before the step."""
    optimizer = optim.Adam(net.parameters(), lr=RATE, betas=(BETA1, BETA2), eps=EPS)
    schedule = optim.lr_scheduler.LinearLR(optimizer, start_factor=1.0, end_factor=0.0, total_iters=STEPS)

    def step(tokens: Any, targets: Any, shares: Any) -> Tensor:
        loss = net.loss(tokens, targets, shares)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss

    program = tinygrad_edu.compile(step) if compiled else step

    def learn(tokens: Sequence[int]) -> float:
        loss = program(*padded(tokens))
        schedule.step()
        return loss.item()

    return learn


def sample(net: TensorGPT, rng: random.Random) -> list[int]:
    """Draw a name, letter by letter."""
    tokens = [END]
    with no_grad():
        while len(tokens) <= BLOCK:
            chances = F.softmax(net(np.array(tokens))[-1] / TEMPERATURE, axis=-1)
            tokens.append(rng.choices(range(TOKENS), weights=chances.data.tolist())[0])
            if tokens[-1] == END:
                return tokens[1:-1]
    return tokens[1:]


def attention_of(net: TensorGPT, tokens: Sequence[int]) -> Any:
    """The attention of each head on a name: shape (heads, n, n)."""
    x = normalize(net.token[np.array(tokens)] + net.position[: len(tokens)])
    return net.attention(normalize(x)).data
