"""A line search: how far to go along a direction (Nocedal & Wright, *Numerical Optimization*, algorithms 3.5 and 3.6).

It ends where the strong Wolfe conditions hold: the loss has fallen enough for the distance, and the slope has become
flat enough. It first goes on until a good distance must lie between two places, and then narrows the two. Every guess
is the minimum of the cubic through two places and their slopes. Constants and guards are PyTorch's.
"""

import math
from collections.abc import Callable
from typing import Any, NamedTuple

ENOUGH = 1e-4  # the loss must fall by this share of the first slope
FLAT = 0.9  # share of the first slope that may remain


class Place(NamedTuple):
    """A distance along the direction, with the loss, its gradient there, and its slope along the direction."""

    t: float
    loss: float
    gradient: Any
    slope: float


def strong_wolfe(
    at: Callable[[float], Place], start: Place, t: float, most: int, size: float, tolerance: float
) -> Place:
    """The place to go to.

    Parameters
    ----------
    at : evaluates the loss at a distance.
    start : the place with the distance 0.
    t : the first distance to try.
    most : number of tries after that.
    size : the largest entry of the direction; a parameter's change below ``tolerance`` is none.
    """
    before, now = start, at(t)
    for tries in range(most):
        if _is_too_high(now, start) or (tries > 1 and now.loss >= before.loss):
            break
        if _is_flat(now, start):
            return now
        if now.slope >= 0:
            break
        t = _cubic_minimum(before, now, now.t + 0.01 * (now.t - before.t), 10 * now.t)
        before, now = now, at(t)
    else:
        return start if start.loss <= now.loss else now
    return _narrowed(at, start, [before, now], most - tries, size, tolerance)


def _is_too_high(place: Place, start: Place) -> bool:
    return place.loss > start.loss + ENOUGH * place.t * start.slope


def _is_flat(place: Place, start: Place) -> bool:
    return abs(place.slope) <= -FLAT * start.slope


def _narrowed(
    at: Callable[[float], Place], start: Place, ends: list[Place], tries: int, size: float, tolerance: float
) -> Place:
    """The lower of the two ends, after they have been moved towards each other."""
    low = 0 if ends[0].loss <= ends[1].loss else 1
    was_near = False
    for _ in range(tries):
        left, right = sorted((ends[0].t, ends[1].t))
        if (right - left) * size < tolerance:
            break
        t = _cubic_minimum(ends[0], ends[1], left, right)
        margin = 0.1 * (right - left)
        is_near = min(right - t, t - left) < margin
        if is_near and (was_near or t >= right or t <= left):  # twice at an end: too little progress
            t = right - margin if abs(t - right) < abs(t - left) else left + margin
            is_near = False
        was_near = is_near
        now = at(t)
        if _is_too_high(now, start) or now.loss >= ends[low].loss:
            ends[1 - low] = now
            low = 0 if ends[0].loss <= ends[1].loss else 1
            continue
        if not _is_flat(now, start) and now.slope * (ends[1 - low].t - ends[low].t) >= 0:
            ends[1 - low] = ends[low]
        ends[low] = now
        if _is_flat(now, start):
            break
    return ends[low]


def _cubic_minimum(a: Place, b: Place, least: float, most: float) -> float:
    """Where the cubic through both places, with their slopes, is lowest; the middle if it is nowhere."""
    a, b = (a, b) if a.t <= b.t else (b, a)
    c = a.slope + b.slope - 3 * (a.loss - b.loss) / (a.t - b.t)
    square = c * c - a.slope * b.slope
    if not square >= 0:
        return (least + most) / 2
    root = math.sqrt(square)
    t = b.t - (b.t - a.t) * ((b.slope + root - c) / (b.slope - a.slope + 2 * root))
    return min(max(t, least), most)
