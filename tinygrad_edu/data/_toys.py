"""Small sets that need no file: points in the plane, and scikit-learn's 8x8 digits."""

import importlib
from types import ModuleType
from typing import Any

import numpy as np

from tinygrad_edu.data._errors import MissingExtraError
from tinygrad_edu.data._random import Rng, random_source, random_state
from tinygrad_edu.errors import ArgumentError
from tinygrad_edu.support.arguments import at_least_zero, whole_number
from tinygrad_edu.support.calls import explains_calls
from tinygrad_edu.support.types import FloatArray, IntArray

Points = tuple[FloatArray, IntArray]


def xor(repeats: int = 1) -> Points:
    """Return the XOR table, the smallest set that no linear model separates.

    Parameters
    ----------
    repeats : how often the four rows follow each other.

    Returns
    -------
    X : ndarray, shape (4 * repeats, 2).
    y : ndarray of int, shape (4 * repeats,): ``x0 XOR x1``.

    Examples
    --------
    >>> from tinygrad_edu.data import xor
    >>> X, y = xor()
    >>> X.tolist(), y.tolist()
    ([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]], [0, 1, 1, 0])
    """
    repeats = whole_number("xor: repeats", repeats)
    table = np.array([[0, 0], [0, 1], [1, 0], [1, 1]])
    y = table[:, 0] ^ table[:, 1]
    return np.tile(table.astype(np.float64), (repeats, 1)), np.tile(y.astype(np.int64), repeats)


@explains_calls
def moons(n_samples: int = 100, noise: float | None = None, rng: Rng = None) -> Points:
    """Return two interleaved half circles: scikit-learn's ``make_moons`` (extra ``demos``).

    Parameters
    ----------
    n_samples : number of points, half of them in each moon.
    noise : standard deviation of the Gaussian noise that is added; None adds none.
    rng : a Generator, a RandomState, a seed, or None. ``moons(500, noise=0.2, rng=42)`` gives the points of
        ``make_moons(500, noise=0.2, random_state=42)``.

    Returns
    -------
    X : ndarray, shape (n_samples, 2).
    y : ndarray of int, shape (n_samples,): 0 for the upper moon, 1 for the lower.

    Examples
    --------
    >>> from tinygrad_edu.data import moons
    >>> X, y = moons(500, noise=0.2, rng=42)
    >>> X.shape, y[:4].tolist()
    ((500, 2), [1, 0, 1, 0])
    """
    return _points("moons", n_samples, noise=noise, random_state=random_state(rng))


@explains_calls
def circles(n_samples: int = 100, noise: float | None = None, rng: Rng = None, *, factor: float = 0.8) -> Points:
    """Return a circle inside another: scikit-learn's ``make_circles`` (extra ``demos``).

    Parameters
    ----------
    n_samples : number of points, half of them on each circle.
    noise : standard deviation of the Gaussian noise that is added; None adds none.
    rng : a Generator, a RandomState, a seed, or None. A seed means what scikit-learn's ``random_state`` means.
    factor : radius of the inner circle; that of the outer one is 1.

    Returns
    -------
    X : ndarray, shape (n_samples, 2).
    y : ndarray of int, shape (n_samples,): 0 for the outer circle, 1 for the inner.

    Examples
    --------
    >>> import numpy as np
    >>> from tinygrad_edu.data import circles
    >>> X, y = circles(6, rng=np.random.default_rng(0), factor=0.5)
    >>> np.hypot(X[:, 0], X[:, 1]).round(3).tolist() == np.where(y == 0, 1.0, 0.5).tolist()
    True
    """
    return _points("circles", n_samples, noise=noise, random_state=random_state(rng), factor=factor)


@explains_calls
def blobs(
    n_samples: int = 100,
    n_features: int = 2,
    *,
    centers: int = 3,
    cluster_std: float = 1.0,
    rng: Rng = None,
) -> Points:
    """Return round Gaussian clusters: scikit-learn's ``make_blobs`` (extra ``demos``).

    Parameters
    ----------
    n_samples : number of points, shared out evenly among the clusters.
    n_features : dimension of the space.
    centers : number of clusters; their centres are drawn uniformly from [-10, 10] in each coordinate.
    cluster_std : standard deviation of each cluster.
    rng : a Generator, a RandomState, a seed, or None. A seed means what scikit-learn's ``random_state`` means.

    Returns
    -------
    X : ndarray, shape (n_samples, n_features).
    y : ndarray of int, shape (n_samples,): number of the cluster.

    Examples
    --------
    >>> from tinygrad_edu.data import blobs
    >>> X, y = blobs(9, centers=3, rng=0)
    >>> X.shape, sorted(y.tolist())
    ((9, 2), [0, 0, 0, 1, 1, 1, 2, 2, 2])
    """
    X, y = _points(
        "blobs", n_samples, n_features, centers=centers, cluster_std=cluster_std, random_state=random_state(rng)
    )
    return X, y.astype(np.int64)


def digits() -> Points:
    """Return 1,797 handwritten digits of 8x8 pixels: scikit-learn's ``load_digits`` (extra ``demos``).

    Returns
    -------
    X : ndarray, shape (1797, 64): ink from 0 to 16; ``X.reshape(-1, 8, 8)`` are the pictures.
    y : ndarray of int, shape (1797,): the digit.

    Examples
    --------
    >>> from tinygrad_edu.data import digits
    >>> X, y = digits()
    >>> X.shape, X.max(), y[:5].tolist()
    ((1797, 64), np.float64(16.0), [0, 1, 2, 3, 4])
    """
    X, y = _sklearn("digits").load_digits(return_X_y=True)
    return X, y.astype(np.int64)


@explains_calls
def spirals(
    n_samples: int = 100,
    noise: float | None = None,
    rng: Rng = None,
    *,
    arms: int = 2,
    turns: float = 1.0,
) -> Points:
    """Return spiral arms that wind around each other, a set that takes a deep net to separate.

    Point ``t`` in (0, 1] of arm ``k`` lies at radius ``t`` and at the angle ``2π (turns * t + k / arms)``.

    Parameters
    ----------
    n_samples : number of points, shared out among the arms as evenly as it goes.
    noise : standard deviation of the Gaussian noise that is added; None adds none.
    rng : a Generator, a RandomState, a seed, or None. It draws the order of the points, then the noise.
    arms : number of arms, which are the classes.
    turns : how often each arm winds around the origin.

    Returns
    -------
    X : ndarray, shape (n_samples, 2).
    y : ndarray of int, shape (n_samples,): number of the arm.

    Examples
    --------
    >>> import numpy as np
    >>> from tinygrad_edu.data import spirals
    >>> X, y = spirals(300, noise=0.02, rng=np.random.default_rng(0), arms=3)
    >>> X.shape, np.bincount(y).tolist()
    ((300, 2), [100, 100, 100])
    """
    arms, n_samples = whole_number("spirals: arms", arms), whole_number("spirals: n_samples", n_samples)
    if arms > n_samples:
        raise ArgumentError(f"spirals: expected a point for each arm, not {arms} arms of {n_samples} points")
    if noise is not None:
        noise = at_least_zero("spirals: noise", noise)
    source = random_source(rng)
    points = source.permutation(n_samples)
    y = points % arms
    t = (points // arms + 1) / -(-n_samples // arms)
    angle = 2 * np.pi * (turns * t + y / arms)
    X = t[:, None] * np.stack([np.cos(angle), np.sin(angle)], axis=1)
    if noise is not None:
        X += source.normal(scale=noise, size=X.shape)
    return X, y.astype(np.int64)


def _points(name: str, *sizes: int, **settings: Any) -> Points:
    """The points that scikit-learn makes; what it says of wrong settings, as an error of this library."""
    make = getattr(_sklearn(name), f"make_{name}")
    try:
        X, y = make(*sizes, **settings)
    except ValueError as error:
        raise ArgumentError(f"{name}: {error}") from None
    return X, y


def _sklearn(caller: str) -> ModuleType:
    try:
        return importlib.import_module("sklearn.datasets")
    except ImportError as error:
        raise MissingExtraError(
            f'{caller} needs scikit-learn: pip install "tinygrad_edu[demos]" installs it'
        ) from error
