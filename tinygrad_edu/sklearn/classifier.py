"""`NetClassifier`: a net that scikit-learn takes for a classifier."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from sklearn.base import ClassifierMixin
from sklearn.utils import column_or_1d, compute_class_weight
from sklearn.utils.multiclass import check_classification_targets, type_of_target
from sklearn.utils.validation import validate_data

from tinygrad_edu import Tensor
from tinygrad_edu.errors import ArgumentError, ShapeError
from tinygrad_edu.sklearn.net import DTYPES, NetEstimator
from tinygrad_edu.support.types import Array


class NetClassifier(ClassifierMixin, NetEstimator):  # type: ignore[misc]  # scikit-learn has no types
    """A classifier: the net's outputs are logits, one per class, and ``softmax(logits)`` are the probabilities.

    Parameters
    ----------
    net : sizes of the hidden layers of an `nn.MLP`, such as ``(100,)``; or a function ``net(n_in, n_out, rng)`` that
        builds a Module.
    activation : between the layers, as `nn.MLP` takes it. A builder chooses its own.
    loss : a name in `nn.functional`, or a function ``loss(logits, labels)``. By default ``cross_entropy``.
    optimizer : a name in `optim`, or a function ``optimizer(params, lr=…)`` that makes one, such as
        ``functools.partial(optim.SGD, momentum=0.9)``.
    lr : learning rate; None for the optimizer's own default.
    weight_decay : passed to the optimizer if it is not 0.
    epochs : passes over the data, at most.
    batch_size : samples per step; all of them, if None.
    tol, patience : training ends when the loss (with ``early_stopping``, the validation accuracy) has not improved by
        more than ``tol`` for ``patience`` epochs. ``patience=None`` trains for all epochs.
    early_stopping : keep a part of the data for validation, and go back to the weights of the best epoch.
    validation_fraction : the part of the data that ``early_stopping`` keeps, the same of each class.
    warm_start : another `fit` continues with the existing net and optimizer.
    compiled : train by `tinygrad_edu.compile`. Switch it off for a net that cannot be compiled.
    progress : show a progress bar.
    random_state : a seed, a RandomState or None: decides weights and order of the samples.
    class_weight : weights of the classes in the loss: a dict by class, "balanced", or None. The loss of a batch is then
        ``Σ wᵢ lossᵢ / Σ wᵢ``, as in PyTorch.

    Attributes
    ----------
    net_, optimizer_ : the trained net, and the optimizer that trained it.
    history_ : `train.History` of the training.
    classes_ : the classes, in the order of the net's outputs.
    n_features_in_, feature_names_in_ : of the samples in `fit`.
    n_iter_ : epochs trained.

    Notes
    -----
    Defaults are those of scikit-learn's ``MLPClassifier``, without its L2 penalty.

    Examples
    --------
    >>> from sklearn.datasets import make_moons
    >>> from sklearn.model_selection import cross_val_score
    >>> X, y = make_moons(200, noise=0.1, random_state=0)
    >>> model = NetClassifier(net=(16, 16), lr=0.01, batch_size=50, random_state=0)
    >>> bool(cross_val_score(model, X, y, cv=3).mean() > 0.95)
    True
    """

    def __init__(
        self,
        net: Any = (100,),
        *,
        activation: str | Callable[[Any], Any] = "relu",
        loss: str | Callable[..., Any] | None = None,
        optimizer: str | Callable[..., Any] = "Adam",
        lr: float | None = 0.001,
        weight_decay: float = 0.0,
        epochs: int = 200,
        batch_size: int | None = 200,
        tol: float = 1e-4,
        patience: int | None = 10,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        warm_start: bool = False,
        compiled: bool = True,
        progress: bool = False,
        random_state: Any = None,
        class_weight: Mapping[Any, float] | str | None = None,
    ) -> None:
        super().__init__(
            net,
            activation=activation,
            loss=loss,
            optimizer=optimizer,
            lr=lr,
            weight_decay=weight_decay,
            epochs=epochs,
            batch_size=batch_size,
            tol=tol,
            patience=patience,
            early_stopping=early_stopping,
            validation_fraction=validation_fraction,
            warm_start=warm_start,
            compiled=compiled,
            progress=progress,
            random_state=random_state,
        )
        self.class_weight = class_weight

    _default_loss = "cross_entropy"
    _metric = ("accuracy",)
    _monitor = "val_accuracy"

    def fit(self, X: Any, y: Any) -> "NetClassifier":
        """Train on samples ``X``, shape (n, features), and their classes ``y``, shape (n,)."""
        goes_on = self.warm_start and hasattr(self, "net_")
        X, y = self._checked(X, y, reset=not goes_on)
        classes = np.unique(y)
        if not goes_on:
            self.classes_ = classes
        labels = self._labels(y)
        if not goes_on:
            self._begin(len(classes), X.dtype)
        self._weights = self._class_weights(y, X.dtype)
        self._train(X, labels, epochs=self.epochs, stratify=labels)
        return self

    def partial_fit(self, X: Any, y: Any, classes: Any = None) -> "NetClassifier":
        """Train for one more epoch, on these samples. The first call has to name all ``classes``."""
        first = not hasattr(self, "net_")
        X, y = self._checked(X, y, reset=first)
        if first:
            if classes is None:
                raise ArgumentError("partial_fit: the first call needs classes=[…], all classes that can occur")
            self.classes_ = np.unique(classes)
        elif classes is not None and not np.array_equal(self.classes_, np.unique(classes)):
            raise ArgumentError(f"partial_fit: classes were {self.classes_} in the first call, but are {classes} now")
        labels = self._labels(y)
        if first:
            self._begin(len(self.classes_), X.dtype)
        if isinstance(self.class_weight, str):
            raise ArgumentError(
                'class_weight="balanced" needs the frequencies of the classes, which partial_fit does not know: give a '
                "dict"
            )
        self._weights = self._class_weights(y, X.dtype)
        self._fit(X, labels, epochs=1)
        return self

    def predict(self, X: Any) -> Any:
        """The most probable class of each sample."""
        outputs = self._outputs(X)
        return self.classes_[outputs.argmax(axis=1)]

    def predict_proba(self, X: Any) -> Array:
        """The probability of each class, shape (n, classes): ``softmax(logits)``."""
        return np.asarray(np.exp(self.predict_log_proba(X)))

    def predict_log_proba(self, X: Any) -> Any:
        """The logarithms of the probabilities, with all their digits."""
        return Tensor(self._outputs(X), requires_grad=False).log_softmax().numpy()

    def _checked(self, X: Any, y: Any, *, reset: bool) -> tuple[Array, Any]:
        X, y = validate_data(self, X, y, dtype=DTYPES, multi_output=True, reset=reset)
        check_classification_targets(y)
        kind = type_of_target(y)
        if kind.startswith("multilabel") or kind.endswith("multioutput"):
            raise ShapeError(f"NetClassifier takes one class per sample, but was given targets of shape {y.shape}")
        return X, column_or_1d(y, warn=True)

    def _labels(self, y: Any) -> Array:
        """The numbers of the classes."""
        unknown = np.setdiff1d(y, self.classes_)
        if len(unknown):
            raise ArgumentError(f"the net was made for the classes {self.classes_}, but y has {unknown} too")
        return np.asarray(np.searchsorted(self.classes_, y))

    def _class_weights(self, y: Any, dtype: Any) -> Array | None:
        """The weight of each class; the classes that are not in ``y`` have 1 under "balanced"."""
        if self.class_weight is None:
            return None
        present = np.unique(y)
        weights = np.ones(len(self.classes_), dtype)
        known = self.classes_ if isinstance(self.class_weight, Mapping) else present
        weights[np.searchsorted(self.classes_, known)] = compute_class_weight(self.class_weight, classes=known, y=y)
        return weights

    def _training_loss(self) -> Callable[..., Any]:
        loss = self._loss_function()
        if self._weights is None:
            return loss
        weights = Tensor(self._weights, requires_grad=False)

        def weighted(logits: Any, labels: Any) -> Any:
            of_samples = weights[labels]
            return (loss(logits, labels, reduction="none") * of_samples).sum() / of_samples.sum()

        return weighted
