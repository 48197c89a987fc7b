"""micrograd's moons demo: 100 points, a net 2-16-16-1, hinge loss and L2, every weight updated each step."""

import math
import random
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from time import process_time
from typing import Any
from unittest import mock

from .claims import MICROGRAD, OWN

Point = tuple[float, float]

DOT, COLUMNS = "tinygrad_edu, dot", "tinygrad_edu, vectorize"
PENALTY = 1e-4
RATE = 0.1


def points(count: int = 100, noise: float = 0.1) -> tuple[list[Point], list[int]]:
    """Two half circles that reach into each other, with Gaussian noise; labels +1 and -1."""
    rng = random.Random(0)
    X, y = [], []
    for i in range(count):
        angle = math.pi * rng.random()
        outer = i % 2 == 0
        centre = (math.cos(angle), math.sin(angle)) if outer else (1 - math.cos(angle), 0.5 - math.sin(angle))
        X.append((centre[0] + rng.gauss(0, noise), centre[1] + rng.gauss(0, noise)))
        y.append(1 if outer else -1)
    return X, y


@dataclass
class Scalars:
    """micrograd's program, engine for engine the same: its own `nn` over the Value class that is given."""

    engine: type
    X: list[Point]
    y: list[int]

    def __post_init__(self) -> None:
        import micrograd.nn

        random.seed(1337)
        # micrograd's nn names Value where it makes weights, and there only.
        with mock.patch.object(micrograd.nn, "Value", self.engine):
            self.model = micrograd.nn.MLP(2, [16, 16, 1])
        self.parameters = self.model.parameters()

    def step(self) -> float:
        return self.descend(self.loss())

    def loss(self) -> Any:
        inputs = [list(map(self.engine, x)) for x in self.X]
        scores = list(map(self.model, inputs))
        losses = [(1 + -yi * score).relu() for yi, score in zip(self.y, scores, strict=True)]
        return sum(losses) * (1.0 / len(losses)) + PENALTY * sum(p * p for p in self.parameters)

    def descend(self, loss: Any) -> float:
        self.model.zero_grad()
        loss.backward()
        for p in self.parameters:
            p.data -= RATE * p.grad
        return loss.data


class Columns(Scalars):
    """The same mathematics, written for one sample and run over the columns: `vectorize`."""

    def __post_init__(self) -> None:
        import numpy as np

        import tinygrad_edu
        from tinygrad_edu import nn

        super().__post_init__()
        start = [p.data for p in self.parameters]
        self.dot = tinygrad_edu.dot
        self.model = net = nn.scalar.MLP(2, [16, 16, 1], activation="relu")
        self.parameters = list(net.parameters())
        for parameter, number in zip(self.parameters, start, strict=True):
            parameter.data = number
        self.losses = tinygrad_edu.vectorize(lambda x1, x2, y: (1 - y * net([x1, x2])).relu())
        self.columns = [*np.array(self.X).T.copy(), np.array(self.y, float)]

    def step(self) -> float:
        for p in self.parameters:
            p.grad = 0.0
        loss = self.losses(*self.columns).mean()
        loss.backward()
        penalty = PENALTY * self.dot(self.parameters, self.parameters)
        penalty.backward()
        for p in self.parameters:
            p.data -= RATE * p.grad
        return loss.item() + penalty.data


class WeightedSums(Scalars):
    """The same mathematics with every weighted sum as one node: `nn.scalar` and `dot`."""

    def __post_init__(self) -> None:
        from tinygrad_edu import dot, nn

        super().__post_init__()
        start = [p.data for p in self.parameters]
        self.dot = dot
        self.model = nn.scalar.MLP(2, [16, 16, 1], activation="relu")
        self.parameters = list(self.model.parameters())
        for parameter, number in zip(self.parameters, start, strict=True):
            parameter.data = number

    def step(self) -> float:
        scores = [self.model(x) for x in self.X]
        losses = [(1 - yi * score).relu() for yi, score in zip(self.y, scores, strict=True)]
        loss = sum(losses) / len(losses) + PENALTY * self.dot(self.parameters, self.parameters)
        return self.descend(loss)


def _micrograd() -> Scalars:
    from micrograd.engine import Value

    return Scalars(Value, *points())


def _own(program: type[Scalars]) -> Scalars:
    from tinygrad_edu import Value

    return program(Value, *points())


PROGRAMS: dict[str, Callable[[], Scalars]] = {
    MICROGRAD: _micrograd,
    OWN: partial(_own, Scalars),
    DOT: partial(_own, WeightedSums),
    COLUMNS: partial(_own, Columns),
}


def seconds_a_step(name: str) -> float:
    """The processor time of a step of a program: the mean, with the collector's share."""
    program = PROGRAMS[name]()
    program.step()
    steps = 4 if name == MICROGRAD else 30
    start = process_time()
    for _ in range(steps):
        program.step()
    return (process_time() - start) / steps
