"""The small GPT on scalars: one number per node, one token at a time."""

import math
import random
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any, NamedTuple

from demos._plain_value import PlainValue
from tinygrad_edu import Value, dot, no_grad, operation

WIDTH, HEADS, BLOCK = 16, 4, 16
HEAD_WIDTH = WIDTH // HEADS
LETTERS = 26
END = LETTERS  # the token before the first letter of a name and after its last
TOKENS = LETTERS + 1
SHAPES = {
    "token": (TOKENS, WIDTH),
    "position": (BLOCK, WIDTH),
    "head": (TOKENS, WIDTH),
    "query": (WIDTH, WIDTH),
    "key": (WIDTH, WIDTH),
    "value": (WIDTH, WIDTH),
    "join": (WIDTH, WIDTH),
    "widen": (4 * WIDTH, WIDTH),
    "narrow": (WIDTH, 4 * WIDTH),
}  # rows and columns of the matrices, in the order in which they are drawn
SPREAD = 0.08  # of the first weights
RATE, BETA1, BETA2, EPS = 0.01, 0.85, 0.99, 1e-8
STEPS = 1000
TEMPERATURE = 0.5

Row = list[Any]
Matrix = list[Row]


def _sum_of_products(a: Sequence[Any], b: Sequence[Any]) -> Any:
    return sum(x * y for x, y in zip(a, b, strict=True))


# The published class multiplies by the local derivative 1 / x. The engine divides: gy / x. Both are right, and they
# differ in the last digit, so the published digits need the published rounding.
published_log = operation(math.log, lambda gy, y, x: gy * (1 / x), name="log", formula="1 / x")


class Kind(NamedTuple):
    """The operations of a GPT on scalars."""

    number: Callable[[float], Any] = Value
    weighted_sum: Callable[[Sequence[Any], Sequence[Any]], Any] = _sum_of_products
    log: Callable[[Any], Any] = Value.log
    without_graph: Callable[[], AbstractContextManager[Any]] = no_grad


PLAIN = Kind(PlainValue, log=PlainValue.log, without_graph=nullcontext)
PUBLISHED = Kind(log=published_log)
WITH_DOT = Kind(weighted_sum=dot)


class ScalarGPT:
    """A transformer with one layer, whose weights are single numbers.

    Parameters
    ----------
    kind : which scalars, and how they are summed up.
    rng : source of the weights, which are drawn row by row.
    """

    def __init__(self, kind: Kind, rng: random.Random) -> None:
        self.kind = kind
        self.weights: dict[str, Matrix] = {
            name: [[kind.number(rng.gauss(0, SPREAD)) for _ in range(columns)] for _ in range(rows)]
            for name, (rows, columns) in SHAPES.items()
        }

    def parameters(self) -> Row:
        """All weights, in the order in which they were drawn."""
        return [weight for matrix in self.weights.values() for row in matrix for weight in row]

    def logits(self, token: int, position: int, keys: Matrix, values: Matrix) -> Row:
        """The scores of the next token. The keys and values of this position are added to those of the earlier ones."""
        rows = zip(self.weights["token"][token], self.weights["position"][position], strict=True)
        x = self.normalize([t + p for t, p in rows])
        x = self.add(self.attend(self.normalize(x), keys, values), x)
        wide = [unit.relu() for unit in self.linear("widen", self.normalize(x))]
        x = self.add(self.linear("narrow", wide), x)
        return self.linear("head", x)

    def attend(self, x: Row, keys: Matrix, values: Matrix) -> Row:
        """Attention: each head takes the mean of the values, weighted by how well the keys fit its query."""
        query = self.linear("query", x)
        keys.append(self.linear("key", x))
        values.append(self.linear("value", x))
        joined = []
        for first in range(0, WIDTH, HEAD_WIDTH):
            part = slice(first, first + HEAD_WIDTH)
            weights = self.softmax([self.fit(query[part], key[part]) for key in keys])
            joined += [
                self.kind.weighted_sum(weights, column) for column in zip(*(v[part] for v in values), strict=True)
            ]
        return self.linear("join", joined)

    def fit(self, query: Row, key: Row) -> Any:
        """How well a key fits a query: query · key / √n."""
        return self.kind.weighted_sum(query, key) / HEAD_WIDTH**0.5

    def linear(self, name: str, x: Row) -> Row:
        """The matrix of this name times x."""
        return [self.kind.weighted_sum(row, x) for row in self.weights[name]]

    def normalize(self, x: Row) -> Row:
        """RMSNorm without gain: x / √(mean(x²) + 1e-5)."""
        scale = (self.kind.weighted_sum(x, x) / len(x) + 1e-5) ** -0.5
        return [number * scale for number in x]

    def softmax(self, logits: Row) -> Row:
        """Numbers from 0 to 1 that sum to 1."""
        largest = max(logit.data for logit in logits)
        powers = [(logit - largest).exp() for logit in logits]
        total = sum(powers)
        return [power * total**-1 for power in powers]  # each has its own factor, as published: it decides the rounding

    def add(self, a: Row, b: Row) -> Row:
        """The sum, entry by entry."""
        return [x + y for x, y in zip(a, b, strict=True)]

    def loss(self, tokens: Sequence[int]) -> Any:
        """The mean of −log(probability of the next token) over the positions of a name."""
        keys: Matrix = []
        values: Matrix = []
        losses = []
        for position in range(min(BLOCK, len(tokens) - 1)):
            chances = self.softmax(self.logits(tokens[position], position, keys, values))
            losses.append(-self.kind.log(chances[tokens[position + 1]]))
        return sum(losses) * (1 / len(losses))

    def sample(self, rng: random.Random) -> list[int]:
        """Draw a name, letter by letter."""
        keys: Matrix = []
        values: Matrix = []
        token, letters = END, []
        with self.kind.without_graph():
            for position in range(BLOCK):
                logits = self.logits(token, position, keys, values)
                chances = self.softmax([logit / TEMPERATURE for logit in logits])
                token = rng.choices(range(TOKENS), weights=[chance.data for chance in chances])[0]
                if token == END:
                    break
                letters.append(token)
        return letters


class Adam:
    """Adam as published with the GPT: in plain floats, with a rate that falls to 0 in a straight line."""

    def __init__(self, parameters: Row) -> None:
        self.parameters = parameters
        self.m = [0.0] * len(parameters)
        self.v = [0.0] * len(parameters)
        self.steps = 0

    def step(self) -> None:
        """Change each parameter, and reset its gradient."""
        rate = RATE * (1 - self.steps / STEPS)
        self.steps += 1
        mean, square = 1 - BETA1**self.steps, 1 - BETA2**self.steps
        m, v = self.m, self.v
        for i, p in enumerate(self.parameters):
            g = p.grad
            m[i] = BETA1 * m[i] + (1 - BETA1) * g
            v[i] = BETA2 * v[i] + (1 - BETA2) * g**2
            p.data -= rate * (m[i] / mean) / ((v[i] / square) ** 0.5 + EPS)
            p.grad = 0.0
