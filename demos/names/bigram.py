"""Model 1, bigrams: the next letter depends only on the one before it. Counting and learning give the same table.

Counting: N[i, j] is how often token j follows token i. Each row of N + 1, divided by its sum, is a row of chances. The
1 keeps a pair that never occurred from being impossible.

Learning: a table W of 27·27 numbers, at first random. Softmax of a row of W is a row of chances. Gradient descent on
the mean of −log(chance of the token that came) leads to the counted table, since no other table has a smaller loss.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

import tinygrad_edu
from demos.names.letters import ALPHABET, END, TOKENS, Model, windows
from tinygrad_edu import nn, optim

RATE = 50.0  # each row gets a small share of the gradient, so a step has to be large
PENALTY = 0.01  # of the mean of W²: the net's counterpart of the 1 that is added to each count


def counts(names: Sequence[str]) -> Any:
    """How often each token follows each other one, shape (27, 27)."""
    X, y = windows(names, 1)
    N = np.zeros((TOKENS, TOKENS), int)
    np.add.at(N, (X[:, 0], y), 1)
    return N


def chances(N: Any) -> Any:
    """The counts, one added to each, as chances: each row sums to 1."""
    return (N + 1) / (N + 1).sum(axis=1, keepdims=True)


def loss(P: Any, names: Sequence[str]) -> float:
    """The mean of −log(chance that P gave to the token that came)."""
    X, y = windows(names, 1)
    return float(-np.log(P[X[:, 0], y]).mean())


def loss_in_float32(N: Any, names: Sequence[str]) -> float:
    """The same as the lecture computes it: every number has 7 digits, and so has each sum on the way.

    The sum ends at 560,000, where float32 steps by 1/16. The rounding of 228,146 additions moves the loss in its fourth
    digit after the point.
    """
    X, y = windows(names, 1)
    P = chances(N.astype(np.float32))
    total = np.cumsum(np.log(P[X[:, 0], y]), dtype=np.float32)[-1]
    return float(-total / np.float32(len(y)))


def model(P: Any) -> Model:
    """The table as a language model."""
    return lambda name: P[ALPHABET.encode((END + name)[-1])[0]]


def learn(names: Sequence[str], steps: int, rng: np.random.Generator, penalty: float = PENALTY) -> tuple[Any, Any]:
    """Learn the table by gradient descent on all pairs at once.

    Returns
    -------
    P : the chances, shape (27, 27).
    losses : of each step, the penalty included, as the lecture prints them.
    """
    X, y = windows(names, 1)
    pairs, often = np.unique(np.stack([X[:, 0], y]), axis=1, return_counts=True)
    share = often / len(y)  # of each pair that occurs: 627 instead of 228,146 rows
    net = nn.Embedding(TOKENS, TOKENS, rng=rng)  # row i of its weight is W[i]
    optimizer = optim.SGD(net.parameters(), lr=RATE)

    @tinygrad_edu.compile
    def step() -> Any:
        log_chances = nn.functional.log_softmax(net(pairs[0]))[np.arange(len(share)), pairs[1]]
        objective = -(log_chances * share).sum() + penalty * (net.weight * net.weight).mean()
        optimizer.zero_grad()
        objective.backward()
        optimizer.step()
        return objective

    losses = [step().item() for _ in range(steps)]
    return nn.functional.softmax(net.weight).numpy(), losses
