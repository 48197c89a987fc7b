"""Standardising features."""

from typing import Self

import numpy as np

from tinygrad_edu.errors import ArgumentError, DTypeError, ShapeError
from tinygrad_edu.support.types import Array, ArrayLike, FloatArray


class Standardizer:
    """Shift and scale every feature to mean 0 and variance 1, as scikit-learn's ``StandardScaler`` does.

    ``z = (x - mean_) / scale_`` with the mean and the population deviation (divisor n) of the rows given to
    `fit`. Features are whatever follows the first axis. A constant feature has ``scale_`` 1, so that it
    becomes 0 and not nan. Statistics are float64; float32 data stays float32.

    Fit on the training rows alone: statistics that have seen the test rows leak them into training.

    Attributes
    ----------
    mean_, var_, scale_ : float64, in the shape of one row; set by `fit`.

    References
    ----------
    Chan, Golub, LeVeque, "Algorithms for computing the sample variance", 1983: the corrected two-pass
    formula, and the bound on its error below which a feature counts as constant.

    Examples
    --------
    >>> import numpy as np
    >>> from tinygrad_edu.data import Standardizer
    >>> X_train, X_test = np.array([[1.0, 5.0], [3.0, 5.0]]), np.array([[4.0, 6.0]])
    >>> standardizer = Standardizer()
    >>> standardizer.fit_transform(X_train).tolist()
    [[-1.0, 0.0], [1.0, 0.0]]
    >>> standardizer.transform(X_test).tolist()
    [[2.0, 1.0]]
    """

    mean_: FloatArray
    var_: FloatArray
    scale_: FloatArray

    def fit(self, X: ArrayLike) -> Self:
        """Take the statistics of the rows of X, shape (n, ...).

        Raises
        ------
        ShapeError : X has no rows, or is a single column without its axis.
        DTypeError : X does not hold real numbers.
        ArgumentError : X holds a nan, an infinity, or numbers whose squares overflow. Nothing is changed then.
        """
        X = np.asarray(X)
        if X.dtype.kind not in "fiub":
            raise DTypeError(f"Standardizer: expected numbers, got {X.dtype}: convert it, as X.astype(float) does")
        if X.ndim < 2 or len(X) == 0:
            raise ShapeError(
                f"Standardizer: expected X of shape (n, features) with n at least 1, got {X.shape}; "
                "X.reshape(-1, 1) makes a column of a single feature"
            )
        n = len(X)
        with np.errstate(over="ignore", invalid="ignore"):  # reported below, with the feature
            mean = X.mean(axis=0, dtype=np.float64)
            rest = X - mean
            var = ((rest * rest).sum(axis=0) - rest.sum(axis=0) ** 2 / n) / n
        bad = np.argwhere(~np.isfinite(var))
        if bad.size:
            raise ArgumentError(
                f"Standardizer: feature {tuple(bad[0].tolist())} has no finite variance: "
                "it holds a nan, an infinity or numbers too large to square"
            )
        constant = var <= n * np.finfo(np.float64).eps * var + (n * mean * np.finfo(np.float64).eps) ** 2
        self.mean_, self.var_ = mean, var
        self.scale_ = np.where(constant, 1.0, np.sqrt(np.where(constant, 1.0, var)))
        return self

    def transform(self, X: ArrayLike) -> Array:
        """Return ``(X - mean_) / scale_``, a new array."""
        Z = self._rows(X)
        Z -= self.mean_
        Z /= self.scale_
        return Z

    def fit_transform(self, X: ArrayLike) -> Array:
        """Return ``fit(X).transform(X)``."""
        return self.fit(X).transform(X)

    def inverse_transform(self, Z: ArrayLike) -> Array:
        """Return ``Z * scale_ + mean_``, a new array: what `transform` was given."""
        X = self._rows(Z)
        X *= self.scale_
        X += self.mean_
        return X

    def _rows(self, X: ArrayLike) -> Array:
        """Return a floating copy of X, having checked that it fits the statistics."""
        if not hasattr(self, "mean_"):
            raise ArgumentError("Standardizer: there are no statistics yet; call fit(X_train) first")
        X = np.asarray(X)
        if X.ndim == 0 or X.shape[1:] != self.mean_.shape:
            raise ShapeError(f"Standardizer: expected rows of shape {self.mean_.shape}, as given to fit, got {X.shape}")
        return X.astype(X.dtype if X.dtype.kind == "f" else np.float64)
