"""What `NetClassifier` and `NetRegressor` share: building the net and the optimizer, and training them."""

import warnings
from collections.abc import Callable, Sequence
from numbers import Integral
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import train_test_split
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted, validate_data

from tinygrad_edu import nn, optim
from tinygrad_edu.errors import ArgumentError
from tinygrad_edu.support.arguments import shown
from tinygrad_edu.support.types import Array
from tinygrad_edu.train import EarlyStopping, History, fit, predict

NetBuilder = Callable[[int, int, np.random.Generator], nn.Module]
DTYPES = (np.float64, np.float32)  # other numbers become float64, as in scikit-learn's own estimators


class NetEstimator(BaseEstimator):  # type: ignore[misc]  # scikit-learn has no types
    """Base class: a net, its loss and its optimizer as parameters; a subclass says what the targets are."""

    def __init__(
        self,
        net: Sequence[int] | NetBuilder = (100,),
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
    ) -> None:
        self.net = net
        self.activation = activation
        self.loss = loss
        self.optimizer = optimizer
        self.lr = lr
        self.weight_decay = weight_decay
        self.epochs = epochs
        self.batch_size = batch_size
        self.tol = tol
        self.patience = patience
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.warm_start = warm_start
        self.compiled = compiled
        self.progress = progress
        self.random_state = random_state

    _default_loss = ""
    _metric: tuple[str, ...] = ()
    _monitor = "val_loss"  # what early stopping watches

    # --- making the parts ---

    def _begin(self, n_out: int, dtype: Any) -> None:
        """Build a net and an optimizer, and begin a history."""
        self._rng = np.random.default_rng(check_random_state(self.random_state).randint(2**31))
        self.net_ = self._built(n_out, dtype)
        self.optimizer_ = self._optimizer_of(self.net_.parameters())
        self.history_ = History()

    def _built(self, n_out: int, dtype: Any) -> Any:
        if not callable(self.net):
            sizes = [self.net] if isinstance(self.net, Integral) else [*self.net]
            return nn.MLP(self.n_features_in_, [*sizes, n_out], self.activation, dtype=dtype, rng=self._rng)
        net = self.net(self.n_features_in_, n_out, self._rng)
        if not isinstance(net, nn.Module):
            raise ArgumentError(
                f"{type(self).__name__}: net(n_in, n_out, rng) must build a Module, but gave {shown(net)}"
            )
        return net

    def _optimizer_of(self, parameters: list[Any]) -> Any:
        if isinstance(self.optimizer, optim.Optimizer):
            raise ArgumentError(
                f"{type(self).__name__} makes the optimizer itself, but was given one of other parameters: give a name "
                'such as "Adam", or a function such as functools.partial(optim.SGD, momentum=0.9)'
            )
        rules = {name: rule for name in optim.__all__ if _steps_once(rule := getattr(optim, name))}
        make = rules.get(self.optimizer) if isinstance(self.optimizer, str) else self.optimizer
        if not callable(make):
            known = ", ".join(rules)
            raise ArgumentError(f"{type(self).__name__}: there is no optimizer {self.optimizer!r}: take one of {known}")
        given = {"lr": self.lr} if self.lr is not None else {}
        return make(parameters, **given, **({"weight_decay": self.weight_decay} if self.weight_decay else {}))

    def _loss_function(self) -> Callable[..., Any]:
        loss = self.loss if self.loss is not None else self._default_loss
        found = getattr(nn.functional, loss, None) if isinstance(loss, str) else loss
        if not callable(found):
            known = ", ".join(name for name in nn.functional.__all__ if name.endswith(("_loss", "entropy", "logits")))
            raise ArgumentError(f"{type(self).__name__}: there is no loss {loss!r}: take a function, or one of {known}")
        return found

    # --- training ---

    def _train(self, X: Array, y: Array, *, epochs: int, stratify: Array | None = None) -> None:
        """Train ``net_``, and add what was measured to ``history_``."""
        validation = None
        callbacks: list[Any] = []
        if self.early_stopping:
            seed = int(self._rng.integers(2**31))
            X, X_val, y, y_val = train_test_split(
                X, y, test_size=self.validation_fraction, random_state=seed, stratify=stratify
            )
            validation = X_val, y_val
        if self.patience is not None:
            callbacks.append(
                EarlyStopping(
                    self.patience,
                    monitor=self._monitor if self.early_stopping else "loss",
                    min_delta=self.tol,
                    restore_best_weights=bool(self.early_stopping),
                )
            )
        self._fit(X, y, epochs=epochs, validation=validation, callbacks=callbacks, compiled=self.compiled)

    def _fit(self, X: Array, y: Array, **options: Any) -> None:
        history = fit(
            self.net_,
            X,
            y,
            loss=self._training_loss(),
            optimizer=self.optimizer_,
            batch_size=None if self.batch_size is None else min(self.batch_size, len(X)),
            metrics=self._metric if options.get("validation") else (),
            measure_training=False,
            rng=self._rng,
            progress=self.progress,
            **options,
        )
        before = self.history_.epochs
        for name, column in history.items():
            for epoch, number in zip(history.epochs_of(name), column, strict=True):
                self.history_.add({name: number}, before + epoch)
        self.history_.stopped = history.stopped
        if not history.stopped.startswith(("finished", "stopped early")):
            warnings.warn(f"{type(self).__name__}: {history.stopped}", ConvergenceWarning, stacklevel=4)

    def _training_loss(self) -> Callable[..., Any]:
        return self._loss_function()

    # --- after training ---

    @property
    def n_iter_(self) -> int:
        """How many epochs the net was trained."""
        return self.history_.epochs

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "net_")

    def _outputs(self, X: Any) -> Array:
        check_is_fitted(self)
        return predict(self.net_, validate_data(self, X, dtype=DTYPES, reset=False))


def _steps_once(rule: Any) -> bool:
    """Whether this is an optimizer that steps once for each loss, as training does."""
    is_optimizer = isinstance(rule, type) and issubclass(rule, optim.Optimizer)
    return is_optimizer and rule not in (optim.Optimizer, optim.BacktrackingLineSearch)
