"""`NetRegressor`: a net that scikit-learn takes for a regressor."""

from typing import Any

import numpy as np
from sklearn.base import RegressorMixin
from sklearn.utils.validation import validate_data

from tinygrad_edu.errors import ShapeError
from tinygrad_edu.sklearn.net import DTYPES, NetEstimator
from tinygrad_edu.support.types import Array


class NetRegressor(RegressorMixin, NetEstimator):  # type: ignore[misc]  # scikit-learn has no types
    """A regressor: the net's outputs are the predictions, one number per sample or several.

    Parameters and attributes are those of `NetClassifier`, without ``classes_`` and ``class_weight``. The default loss
    is ``mse_loss``; a ``loss(predictions, targets)`` is given both with shape (n, outputs). ``early_stopping`` watches
    the validation loss.

    Notes
    -----
    The targets are not scaled. If they are far from 1 in size, wrap the regressor in scikit-learn's
    ``TransformedTargetRegressor(regressor, transformer=StandardScaler())``.

    Examples
    --------
    >>> X = np.linspace(-1, 1, 100).reshape(-1, 1)
    >>> y = X[:, 0] ** 2
    >>> model = NetRegressor(net=(32,), lr=0.01, batch_size=20, random_state=0).fit(X, y)
    >>> model.predict(X).shape, model.score(X, y) > 0.98
    ((100,), True)
    """

    _default_loss = "mse_loss"

    def fit(self, X: Any, y: Any) -> "NetRegressor":
        """Train on samples ``X``, shape (n, features), and numbers ``y``, shape (n,) or (n, outputs)."""
        goes_on = self.warm_start and hasattr(self, "net_")
        X, targets = self._checked(X, y, goes_on=goes_on)
        self._train(X, targets, epochs=self.epochs)
        return self

    def partial_fit(self, X: Any, y: Any) -> "NetRegressor":
        """Train for one more epoch, on these samples."""
        X, targets = self._checked(X, y, goes_on=hasattr(self, "net_"))
        self._fit(X, targets, epochs=1)
        return self

    def predict(self, X: Any) -> Array:
        """The prediction for each sample: a number, or a row of numbers if the targets were rows."""
        outputs = self._outputs(X)
        return outputs.reshape(len(outputs), *self._target_shape)

    def _checked(self, X: Any, y: Any, *, goes_on: bool) -> tuple[Array, Array]:
        """Check samples and targets, and build the net if it is new. The targets get the shape (n, outputs)."""
        X, y = validate_data(self, X, y, dtype=DTYPES, multi_output=True, y_numeric=True, reset=not goes_on)
        y = np.asarray(y, X.dtype)
        if not goes_on:
            self._target_shape = y.shape[1:]
            self._begin(int(np.prod(y.shape[1:])), X.dtype)
        elif y.shape[1:] != self._target_shape:
            raise ShapeError(
                f"NetRegressor was made for targets of shape (n, {self._target_shape}), but was given {y.shape}"
            )
        return X, y.reshape(len(y), -1)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags
