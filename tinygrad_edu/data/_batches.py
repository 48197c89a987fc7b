"""Mini-batches."""

from collections.abc import Iterator

import numpy as np

from tinygrad_edu.data._random import Rng, random_source
from tinygrad_edu.errors import ArgumentError, ShapeError
from tinygrad_edu.support.arguments import whole_number
from tinygrad_edu.support.calls import explains_calls
from tinygrad_edu.support.types import Array, ArrayLike


class Batches:
    """The mini-batches of a set; every pass over them is shuffled again. Made by `batches`.

    An object and not a generator, which would be spent after the first epoch and, kept outside of the loop
    over epochs, silently train no more.
    """

    __slots__ = ("X", "drop_last", "rng", "size", "y")

    def __init__(self, X: ArrayLike, y: ArrayLike, size: int, rng: Rng = None, drop_last: bool = False) -> None:
        self.X, self.y = np.asarray(X), np.asarray(y)
        if self.X.ndim == 0 or self.X.shape[:1] != self.y.shape[:1]:
            raise ShapeError(f"batches: expected a row of y for each row of X, got {self.X.shape} and {self.y.shape}")
        self.size = whole_number("batches: size", size)
        self.rng, self.drop_last = random_source(rng), drop_last
        if not len(self):
            rows = f"{len(self.X)} rows, fewer than size={size} with drop_last=True" if drop_last else "no rows"
            raise ArgumentError(f"batches: there is no batch to make, for X has {rows}")

    def __repr__(self) -> str:
        return f"<{len(self)} batches of {self.size} of {len(self.X)} rows>"

    def __len__(self) -> int:
        n = len(self.X)
        return n // self.size if self.drop_last else -(-n // self.size)

    def __iter__(self) -> Iterator[tuple[Array, Array]]:
        order = self.rng.permutation(len(self.X))
        for start in range(0, len(self) * self.size, self.size):
            rows = order[start : start + self.size]
            # A sixth faster than X[rows], which matters when batches are small.
            yield self.X.take(rows, axis=0), self.y.take(rows, axis=0)


@explains_calls
def batches(X: ArrayLike, y: ArrayLike, size: int, rng: Rng = None, drop_last: bool = False) -> Batches:
    """Shuffle a set and cut it into mini-batches.

    Parameters
    ----------
    X, y : arrays of shapes (n, …).
    size : rows in a batch; the last one has what is left over.
    rng : a Generator, a RandomState, a seed, or None. Each pass draws one permutation of the n rows from it.
    drop_last : leave the last batch out if it is smaller than the others.

    Returns
    -------
    Batches : iterates over pairs of new contiguous arrays; ``len`` is the number of batches in a pass.

    Raises
    ------
    ShapeError : X and y have different numbers of rows.
    ArgumentError : ``size`` is no positive whole number, or there would be no batch.

    Examples
    --------
    >>> import numpy as np
    >>> from tinygrad_edu.data import batches
    >>> X, y = np.arange(10).reshape(5, 2), np.arange(5)
    >>> loader = batches(X, y, size=2, rng=np.random.default_rng(0))
    >>> for epoch in range(2):
    ...     print(*[y_batch.tolist() for X_batch, y_batch in loader])
    [2, 4] [3, 0] [1]
    [4, 1] [2, 0] [3]
    """
    return Batches(X, y, size, rng, drop_last)
