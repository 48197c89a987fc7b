"""Splitting a set into training and test rows."""

from math import ceil

import numpy as np

from tinygrad_edu.data._random import Rng, random_source
from tinygrad_edu.errors import ArgumentError, ShapeError
from tinygrad_edu.support.calls import explains_calls
from tinygrad_edu.support.types import Array, ArrayLike


@explains_calls
def train_test_split(
    X: ArrayLike, y: ArrayLike, test_size: float = 0.25, rng: Rng = None
) -> tuple[Array, Array, Array, Array]:
    """Split rows at random into a training and a test set, as scikit-learn does.

    One permutation of the rows is drawn; its first ``ceil(test_size * n)`` rows are the test set, the rest
    the training set.

    Parameters
    ----------
    X, y : arrays of shapes (n, …).
    test_size : share of the rows between 0 and 1, or their number as an int.
    rng : a Generator, a RandomState, a seed, or None. ``rng=42`` gives the rows of scikit-learn's ``random_state=42``.

    Returns
    -------
    X_train, X_test, y_train, y_test : copies.

    Raises
    ------
    ShapeError : X and y have different numbers of rows.
    ArgumentError : one of the two sets would be empty.

    Examples
    --------
    >>> import numpy as np
    >>> from tinygrad_edu.data import train_test_split
    >>> X_train, X_test, y_train, y_test = train_test_split(np.eye(5), np.arange(5), test_size=0.2, rng=42)
    >>> y_train.tolist(), y_test.tolist()
    ([4, 2, 0, 3], [1])
    """
    X, y = np.asarray(X), np.asarray(y)
    if X.ndim == 0 or X.shape[:1] != y.shape[:1]:
        raise ShapeError(f"train_test_split: expected a row of y for each row of X, got {X.shape} and {y.shape}")
    n = len(X)
    if n < 2:
        raise ArgumentError(f"train_test_split: expected at least two rows, one for each set, got {X.shape}")
    n_test = 0
    if isinstance(test_size, int | np.integer):
        n_test = int(test_size)
    elif isinstance(test_size, float | np.floating) and 0 < test_size < 1:
        n_test = ceil(test_size * n)
    if not 0 < n_test < n:
        raise ArgumentError(
            f"train_test_split: test_size={test_size!r} of {n} rows leaves an empty set: expected a share "
            f"between 0 and 1, or a number of rows from 1 to {n - 1}"
        )
    rows = random_source(rng).permutation(n)
    test, train = rows[:n_test], rows[n_test:]
    return X[train], X[test], y[train], y[test]
