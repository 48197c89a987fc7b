"""Peers timed beside each other: the same rounds for all, so that noise hits all alike.

The clock is the process's own CPU time. With one thread it runs as the clock on the wall does on an idle machine,
and on a busy one it does not count what others take: the wall's quartiles lie up to a factor of five apart there.
"""

import gc
import math
import multiprocessing
import random
from collections.abc import Callable, Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from statistics import median
from time import process_time

Step = Callable[[], object]

# A block shorter than this drowns in the resolution of the clock and the jitter of the scheduler.
SHORTEST_BLOCK = 2e-3


@dataclass(frozen=True)
class Effort:
    """How long to measure: a race lasts `seconds`, and has at least `rounds` rounds."""

    seconds: float
    rounds: int
    homework: int  # epochs of the thirteen MNIST runs


FULL, QUICK = Effort(seconds=8, rounds=9, homework=30), Effort(seconds=1, rounds=3, homework=1)


@dataclass(frozen=True)
class Timing:
    """Seconds a step: for each peer one number a round."""

    rounds: dict[str, list[float]]

    def seconds(self, name: str) -> float:
        """Median over the rounds."""
        return median(self.rounds[name])

    def ratios(self, name: str, beside: str) -> list[float]:
        """How many times as long `name` takes as `beside`, round by round: a slow second cancels out."""
        return [own / other for own, other in zip(self.rounds[name], self.rounds[beside], strict=True)]


def race(steps: Mapping[str, Step], *, seconds: float, least: int, collector: bool = True) -> Timing:
    """Time every step in turn, in a new order each round, for `seconds` and at least `least` rounds."""
    settle_allocator()
    length = _block_length(steps)
    rounds: dict[str, list[float]] = {name: [] for name in steps}
    order, shuffle = list(steps), random.Random(0).shuffle
    # What the harness imported for the other peers is no burden that this peer's collector should carry.
    gc.collect()
    gc.freeze()
    if not collector:
        gc.disable()
    try:
        end, done = process_time() + seconds, 0
        while done < least or process_time() < end:
            shuffle(order)
            for name in order:
                rounds[name].append(_block(steps[name], length))
                gc.collect()  # one peer's garbage must not fall into the next one's time
            done += 1
    finally:
        gc.enable()
        gc.unfreeze()
    return Timing(rounds)


def in_fresh_process(function: Callable[..., float], *arguments: object) -> float:
    """What a function gives in a process that has done nothing else: the collector visits what a process has made."""
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        return pool.submit(function, *arguments).result()


def settle_allocator() -> None:
    """Bring malloc into the state of a program that has freed one large array.

    Until then glibc hands the top of the heap back to the system after each step and takes it again in the
    next, which doubles the time of a step with arrays of 100 kB: in some processes, and not in others.
    """
    bytearray(31 << 20)  # the largest size that raises both thresholds


def _block(step: Step, length: int) -> float:
    # The untimed step warms the caches, and leaves behind the graph that the first timed one clears away.
    step()
    start = process_time()
    for _ in range(length):
        step()
    return (process_time() - start) / length


def _block_length(steps: Mapping[str, Step]) -> int:
    for step in steps.values():
        step()  # compiles, allocates, imports
    quickest = min(_block(step, 1) for step in steps.values())
    return math.ceil(SHORTEST_BLOCK / quickest)
