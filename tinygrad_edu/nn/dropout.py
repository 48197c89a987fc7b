"""Dropout, as a function and as modules: `Dropout`, `Dropout2d`."""

from typing import Any

from tinygrad_edu import functions
from tinygrad_edu.graph import modes
from tinygrad_edu.nn.activations import array_of
from tinygrad_edu.nn.init import Rng, generator
from tinygrad_edu.nn.module import Module
from tinygrad_edu.support.arguments import fraction


def dropout(
    x: Any, p: float = 0.5, training: bool = True, *, rng: Rng = None, shape: tuple[int, ...] | None = None
) -> Any:
    """In training, ``x / (1 − p)`` with each entry set to 0 with probability p; else ``x``. See `nn.Dropout`.

    With a ``shape`` that broadcasts to that of ``x``, whole parts are dropped together.

    Examples
    --------
    >>> from tinygrad_edu import Tensor
    >>> dropout(Tensor([1.0, 1.0, 1.0, 1.0]), p=0.75, rng=0).tolist()
    [0.0, 0.0, 0.0, 0.0]
    """
    p = fraction("dropout: p", p)
    if not training or p == 0:
        return x
    x = array_of(x)
    kept = modes.draw(generator(rng).random, x.shape if shape is None else shape) >= p
    return functions.where(kept, x * (1 / (1 - p)), 0.0)


class Dropout(Module):
    """In training, each entry is set to 0 with probability p, and the others are divided by 1 − p.

    Parameters
    ----------
    p : from 0 up to, and without, 1.
    rng : a `numpy.random.Generator`, a seed, or None. Every call draws from it.

    Notes
    -----
    Afterwards, ``module.eval()``, it does nothing: the division keeps the mean (Srivastava et al., 2014).

    Examples
    --------
    >>> import numpy as np
    >>> from tinygrad_edu import nn
    >>> drop = nn.Dropout(0.5, rng=np.random.default_rng(0))
    >>> drop(np.ones(6)).tolist()
    [2.0, 0.0, 0.0, 0.0, 2.0, 2.0]
    >>> drop.eval()(np.ones(6)).tolist()
    [1.0, 1.0, 1.0, 1.0, 1.0, 1.0]
    """

    def __init__(self, p: float = 0.5, *, rng: Rng = None) -> None:
        self.p = fraction("Dropout: p", p)
        self.rng = generator(rng)

    def forward(self, x: Any) -> Any:
        """``x``, with entries dropped in training."""
        return dropout(x, self.p, training=self.training, rng=self.rng)

    def extra_repr(self) -> str:
        return f"p={self.p:g}"


class Dropout2d(Dropout):
    """In training, whole channels are set to 0 with probability p, and the others are divided by 1 − p.

    Neighbouring pixels are so alike that dropping single ones hardly changes an image (Tompson et al., 2014).

    Parameters
    ----------
    p, rng : as for `Dropout`.

    Raises
    ------
    ShapeError : when called with x that has not the shape (n, channels, height, width) or (channels, height, width).

    Notes
    -----
    PyTorch: ``torch.nn.Dropout2d``.

    Examples
    --------
    >>> import numpy as np
    >>> from tinygrad_edu import nn
    >>> nn.Dropout2d(0.5, rng=0)(np.ones((1, 3, 1, 2))).tolist()
    [[[[2.0, 2.0]], [[0.0, 0.0]], [[0.0, 0.0]]]]
    """

    def forward(self, x: Any) -> Any:
        """``x``, with channels dropped in training."""
        if x.ndim not in (3, 4):
            raise self._wrong_shape("(n, channels, height, width)", x)
        return dropout(x, self.p, training=self.training, rng=self.rng, shape=(*x.shape[:-2], 1, 1))
