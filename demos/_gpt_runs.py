"""Training runs of the small GPT in each way, and how long a step takes. Each may run in a separate process."""

import multiprocessing
import random
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from time import process_time
from typing import Any, NamedTuple

import numpy as np

from demos import _gpt_scalar as scalar
from demos import _gpt_tensor as tensor
from tinygrad_edu import data

PUBLISHED_SEED = 42
SAMPLES = 20
KINDS = {"plain class": scalar.PLAIN, "Value": scalar.PUBLISHED, "dot": scalar.WITH_DOT}
WAYS = (*KINDS, "Tensor", "compiled")
PLAIN_WAY = WAYS[0]
BARS = {"Value": 0.4, "dot": 0.12, "Tensor": 1 / 150, "compiled": 1 / 800}  # of the plain class's time


class Learned(NamedTuple):
    """What a run gave: the loss of each step, the names sampled after the last, and the weights."""

    losses: list[float]
    names: list[str]
    weights: dict[str, Any]


class Names(NamedTuple):
    """The list of names in the order in which they are learned, and the generator that shuffled it."""

    tokens: list[list[int]]
    alphabet: data.Alphabet
    rng: random.Random


def shuffled(seed: int = PUBLISHED_SEED) -> Names:
    """The names, as tokens between two END tokens."""
    names = data.names()
    rng = random.Random(seed)
    rng.shuffle(names)
    alphabet = data.Alphabet.of(names)
    return Names([[scalar.END, *alphabet.encode(name).tolist(), scalar.END] for name in names], alphabet, rng)


def learner(way: str, gpt: Any) -> tuple[Callable[[list[int]], float], Callable[[random.Random], list[int]], Any]:
    """The functions that take a training step and that sample a name in this way, and the model."""
    if way in KINDS:
        adam = scalar.Adam(gpt.parameters())

        def step(tokens: list[int]) -> float:
            loss = gpt.loss(tokens)
            loss.backward()
            adam.step()
            return float(loss.data)

        return step, gpt.sample, gpt
    net = tensor.TensorGPT.like(gpt)
    return tensor.stepper(net, compiled=way == "compiled"), lambda rng: tensor.sample(net, rng), net


def learn(way: str, *, steps: int, seed: int = PUBLISHED_SEED) -> Learned:
    """Train for so many steps, and sample."""
    names = shuffled(seed)
    step, sample, model = learner(way, scalar.ScalarGPT(KINDS.get(way, scalar.PUBLISHED), names.rng))
    losses = [step(names.tokens[i % len(names.tokens)]) for i in range(steps)]
    sampled = [names.alphabet.decode(sample(names.rng)) for _ in range(SAMPLES)]
    net = model if isinstance(model, tensor.TensorGPT) else tensor.TensorGPT.like(model)
    return Learned(losses, sampled, net.state_dict())


def seconds_a_step(way: str, *, steps: int, rounds: int = 1) -> float:
    """Processor time of a training step: the median over the rounds of the mean over the first names.

    The ways on arrays take 50 times as many steps, because theirs are short; they repeat the names.
    """
    names = shuffled()
    step, _, _ = learner(way, scalar.ScalarGPT(KINDS.get(way, scalar.PUBLISHED), names.rng))
    step(names.tokens[0])
    step(names.tokens[0])
    timed = names.tokens[:steps] * (1 if way in KINDS else 50)
    times = []
    for _ in range(rounds):
        start = process_time()
        for tokens in timed:
            step(tokens)
        times.append((process_time() - start) / len(timed))
    return float(np.median(times))


def fresh_seconds_a_step(way: str, *, steps: int) -> float:
    """The same, measured in a process that has done nothing else: Python's collector visits what a process has made."""
    with ProcessPoolExecutor(max_workers=1, mp_context=multiprocessing.get_context("spawn")) as pool:
        return pool.submit(partial(seconds_a_step, way, steps=steps)).result()
