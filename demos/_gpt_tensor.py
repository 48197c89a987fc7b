"""The small GPT on Tensors: one matrix per node, all positions of a name at once."""

import random
from collections.abc import Callable, Mapping, Sequence
from functools import cache
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
TABLES = ("token", "position")
POSITIONS = np.arange(BLOCK)
normalize = nn.RMSNorm(WIDTH, eps=1e-5, elementwise_affine=False)


class TensorGPT(nn.Module):
    """The same transformer, whose weights are matrices.

    Parameters
    ----------
    weights : arrays by name. The two tables have a row for each token and each position; the others multiply rows of
        numbers from the right, ``x @ W``, so they are the transposes of those of a `ScalarGPT`.
    """

    def __init__(self, weights: Mapping[str, Any]) -> None:
        for name, array in weights.items():
            setattr(self, name, Tensor(array, label=name))

    @classmethod
    def like(cls, gpt: ScalarGPT) -> "TensorGPT":
        """The net with the weights that the other has now."""
        arrays = {name: np.array([[w.data for w in row] for row in matrix]) for name, matrix in gpt.weights.items()}
        return cls({name: array if name in TABLES else array.T for name, array in arrays.items()})

    def forward(self, tokens: Any) -> Tensor:
        """The scores of each next token, shape (n, 27), of n tokens."""
        x = normalize(self.token[tokens] + self.position[: len(tokens)])
        x = x + self.attend(normalize(x))
        x = x + F.relu(normalize(x) @ self.widen) @ self.narrow
        return x @ self.head

    def attend(self, x: Tensor) -> Tensor:
        """Attention of all heads."""
        mixed = self.attention(x) @ by_head(x @ self.value)  # (heads, n, 4)
        return mixed.transpose(1, 0, 2).reshape(len(x), WIDTH) @ self.join

    def attention(self, x: Tensor) -> Tensor:
        """The weights: entry (h, i, j) says how much position i looks at position j in head h."""
        query, key = by_head(x @ self.query), by_head(x @ self.key)
        fits = query @ key.transpose(0, 2, 1) / HEAD_WIDTH**0.5
        return F.softmax(fits + later(len(x)), axis=-1)

    def loss(self, tokens: Any, shares: Any) -> Tensor:
        """The mean of −log(probability of the next token). What does not count has the share 0: see `padded`."""
        return -(F.log_softmax(self(tokens), axis=-1) * shares).sum()


def by_head(x: Tensor) -> Tensor:
    """Shape (n, 16) as (heads, n, 4)."""
    return x.reshape(len(x), HEADS, HEAD_WIDTH).transpose(1, 0, 2)


@cache
def later(n: int) -> Any:
    """The mask that is added to the scores: −∞ where a position would look at a later one."""
    return np.triu(np.full((n, n), -np.inf), k=1)


def padded(tokens: Sequence[int]) -> tuple[Any, Any]:
    """The tokens of a name, shape (16,), and the shares in the loss, shape (16, 27).

    At each position of a name of n letters, the token that comes next has the share 1/(n + 1), and all others 0. Every
    name has arrays of the same shape, so one compiled program serves them all. No position looks at a later one, so
    tokens after the name change nothing.
    """
    n = min(BLOCK, len(tokens) - 1)
    row, shares = np.array([*tokens, *[END] * BLOCK][: BLOCK + 1]), np.zeros((BLOCK, TOKENS))
    shares[POSITIONS[:n], row[1 : n + 1]] = 1 / n
    return row[:-1], shares


def stepper(net: TensorGPT, *, compiled: bool) -> Callable[[Sequence[int]], float]:
    """A function that takes one training step on the tokens of a name, and returns the loss before the step."""
    optimizer = optim.Adam(net.parameters(), lr=RATE, betas=(BETA1, BETA2), eps=EPS)
    schedule = optim.lr_scheduler.LinearLR(optimizer, start_factor=1.0, end_factor=0.0, total_iters=STEPS)

    def step(tokens: Any, shares: Any) -> Tensor:
        loss = net.loss(tokens, shares)
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
