"""Backprop by hand, as an exercise that checks itself: the gradients of cross-entropy and of BatchNorm, each in a line.

Write a function, and have it checked against the engine:

    from demos.names import by_hand
    by_hand.check("cross-entropy", lambda logits, targets: …)     # ∂loss/∂logits, shape (n, 27)
    by_hand.check("BatchNorm", lambda gy, x, gain: …)             # ∂loss/∂x, shape (n, features)

The loss is the mean over the n rows. BatchNorm is ``y = gain · (x − mean) / √(var + 1e-5) + bias``, with mean and
variance (1/n) over the rows, and ``gy`` is ∂loss/∂y. The solutions are at the end of this file: first try it yourself.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from tinygrad_edu import Tensor, nn

EPS = 1e-5
RIGHT = 1e-12


class Verdict(NamedTuple):
    """Whether a gradient is right, its greatest difference from the engine's, and a sentence."""

    right: bool
    difference: float
    words: str

    def __str__(self) -> str:
        return self.words


def check(exercise: str, function: Callable[..., Any]) -> Verdict:
    """Compare what ``function`` gives with the gradient that the engine finds.

    >>> print(check("cross-entropy", lambda logits, targets: logits).words.partition(". ")[0])
    Not yet: entry [6, 21] should be 0.0408, but is 2.8716
    >>> check("cross-entropy", cross_entropy_gradient).right
    True
    """
    given, expected, hint = EXERCISES[exercise](np.random.default_rng(1))
    found = np.asarray(function(*given), float)
    if found.shape != expected.shape:
        return Verdict(False, np.inf, f"Not yet: the shape should be {expected.shape}, but is {found.shape}.")
    differences = np.abs(found - expected)
    worst = np.unravel_index(differences.argmax(), expected.shape)
    if differences[worst] <= RIGHT:
        return Verdict(True, float(differences[worst]), f"Right: the greatest difference is {differences[worst]:.0e}.")
    at = ", ".join(map(str, worst))
    return Verdict(
        False,
        float(differences[worst]),
        f"Not yet: entry [{at}] should be {expected[worst]:.4f}, but is {found[worst]:.4f}. {hint}",
    )


def _cross_entropy(rng: np.random.Generator) -> tuple[tuple[Any, ...], Any, str]:
    logits, targets = Tensor(rng.normal(size=(8, 27))), rng.integers(27, size=8)
    nn.functional.cross_entropy(logits, targets).backward()
    hint = "The gradient of a row sums to 0: what one entry gets, the others lose."
    return (logits.data, targets), logits.grad, hint


def _batch_norm(rng: np.random.Generator) -> tuple[tuple[Any, ...], Any, str]:
    x, gy, norm = Tensor(rng.normal(size=(8, 5))), rng.normal(size=(8, 5)), nn.BatchNorm1d(5, eps=EPS)
    norm.weight.data = rng.normal(1, 0.1, size=5)
    norm(x).backward(gy)
    hint = "x changes y in three ways: by itself, through the mean, and through the variance."
    return (gy, x.data, norm.weight.data), x.grad, hint


EXERCISES = {"cross-entropy": _cross_entropy, "BatchNorm": _batch_norm}


# --- the solutions ---


def cross_entropy_gradient(logits: Any, targets: Any) -> Any:
    """The chances, less 1 at the token that came: (softmax(logits) − onehot(targets)) / n."""
    gradient = np.exp(logits - logits.max(axis=1, keepdims=True))
    gradient /= gradient.sum(axis=1, keepdims=True)
    gradient[np.arange(len(targets)), targets] -= 1
    return gradient / len(targets)


def batch_norm_gradient(gy: Any, x: Any, gain: Any) -> Any:
    """Gain / σ · (gy − mean(gy) − z · mean(gy · z)), with z = (x − mean) / σ: one term for each way."""
    deviation = np.sqrt(x.var(axis=0) + EPS)
    z = (x - x.mean(axis=0)) / deviation
    return gain / deviation * (gy - gy.mean(axis=0) - z * (gy * z).mean(axis=0))


SOLUTIONS: dict[str, Callable[..., Any]] = {"cross-entropy": cross_entropy_gradient, "BatchNorm": batch_norm_gradient}
