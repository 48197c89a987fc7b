"""The net of the lab `cifar` by hand: forward, backward and descent in plain NumPy, each gradient derived on paper.

A layer computes z = h W + b from n rows h, and all layers but the last give max(z, 0). The loss J is the mean
cross-entropy between softmax(z) of the last layer and the labels. From the loss back to the input:

    ∂J/∂z = (softmax(z) − onehot(labels)) / n     at the last layer
    ∂J/∂W = hᵀ ∂J/∂z                              h are the rows that came into the layer
    ∂J/∂b = Σ ∂J/∂z                               over the n rows, since each was given the same b
    ∂J/∂h = ∂J/∂z Wᵀ
    ∂J/∂z = ∂J/∂h where z > 0, else 0             at the layer below, after its ReLU
"""

from collections.abc import Iterable
from typing import Any

import numpy as np


class Net:
    """The net, trained by gradient descent with momentum and weight decay.

    Parameters
    ----------
    parameters : W of shape (inputs, outputs) and b of shape (outputs,) of each layer, in turn. They are copied.
    lr, momentum, weight_decay : as in `optim.SGD`.
    """

    def __init__(self, parameters: Iterable[Any], lr: float, momentum: float, weight_decay: float) -> None:
        self.parameters = [p.copy() for p in parameters]
        self.velocities = [np.zeros_like(p) for p in self.parameters]
        self.lr, self.momentum, self.weight_decay = lr, momentum, weight_decay

    def layers(self) -> list[tuple[Any, Any]]:
        """W and b of each layer."""
        return [*zip(self.parameters[::2], self.parameters[1::2], strict=True)]

    def forward(self, X: Any) -> list[Any]:
        """The input of each layer, and last the net's answer."""
        *hidden, (W, b) = self.layers()
        passed = [X]
        for V, c in hidden:
            passed.append(np.maximum(passed[-1] @ V + c, 0))
        return [*passed, passed[-1] @ W + b]

    def scores(self, X: Any) -> Any:
        """The net's answers, shape (n, classes)."""
        return self.forward(X)[-1]

    def loss(self, X: Any, y: Any) -> float:
        """The mean cross-entropy."""
        return cross_entropy(self.scores(X), y)

    def gradients(self, X: Any, y: Any) -> tuple[float, list[Any]]:
        """The loss, and its gradient by each parameter."""
        *inputs, z = self.forward(X)
        loss = cross_entropy(z, y)
        gz = softmax(z)
        gz[np.arange(len(y)), y] -= 1
        gz /= len(y)
        found: list[Any] = []
        for h, (W, _) in zip(reversed(inputs), reversed(self.layers()), strict=True):
            found = [h.T @ gz, gz.sum(axis=0), *found]
            gz = (gz @ W.T) * (h > 0)  # h = max(z, 0) is positive where z is; the input layer does not need it
        return loss, found

    def step(self, X: Any, y: Any) -> float:
        """One step of descent; the loss before it."""
        loss, gradients = self.gradients(X, y)
        for p, v, g in zip(self.parameters, self.velocities, gradients, strict=True):
            v *= self.momentum
            v += g + self.weight_decay * p
            p -= self.lr * v
        return loss


def softmax(z: Any) -> Any:
    """exp(z) / Σ exp(z) of each row; the row's maximum is subtracted first, so that no exp overflows."""
    e = np.exp(z - z.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def cross_entropy(z: Any, y: Any) -> float:
    """The mean of −log softmax(z)[label]."""
    shifted = z - z.max(axis=1, keepdims=True)
    return float(np.mean(np.log(np.exp(shifted).sum(axis=1)) - shifted[np.arange(len(y)), y]))


def gradient_error(net: Net, X: Any, y: Any, *, entries: int, step: float, rng: np.random.Generator) -> float:
    """How far the gradients are from central differences: ‖a − n‖ / (‖a‖ + ‖n‖) over random entries of each parameter.

    The worst of the parameters counts. It is about 1e-8 if all gradients are right, and near 1 for a wrong formula.
    """
    worst = 0.0
    for p, gradient in zip(net.parameters, net.gradients(X, y)[1], strict=True):
        chosen = rng.choice(p.size, min(entries, p.size), replace=False)
        numeric = np.array([_slope(net, X, y, p.reshape(-1), i, step) for i in chosen])
        analytic = gradient.reshape(-1)[chosen]
        distance = np.linalg.norm(analytic - numeric)
        worst = max(worst, float(distance / (np.linalg.norm(analytic) + np.linalg.norm(numeric))))
    return worst


def _slope(net: Net, X: Any, y: Any, flat: Any, i: int, step: float) -> float:
    """(J(p + h) − J(p − h)) / 2h for the entry ``i`` of a parameter; ``flat`` is a view of it."""
    here = flat[i]
    flat[i] = here + step
    above = net.loss(X, y)
    flat[i] = here - step
    below = net.loss(X, y)
    flat[i] = here
    return (above - below) / (2 * step)
