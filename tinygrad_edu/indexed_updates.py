"""``t.at[index]``: what an assignment to some entries would give, as a new node. The names are JAX's."""

from typing import Any

import numpy as np

from tinygrad_edu.errors import ArgumentError
from tinygrad_edu.functions import broadcast_to, ravel, snapshot, where
from tinygrad_edu.graph.node import data_of
from tinygrad_edu.operations.shapes import SCATTER_ADD


class IndexedUpdate:
    """``t.at[index]``, which has the methods `add`, `set` and `multiply`."""

    def __init__(self, tensor: Any, index: Any) -> None:
        self._tensor = tensor
        self._index = (
            tuple(snapshot(data_of(i)) for i in index) if isinstance(index, tuple) else snapshot(data_of(index))
        )

    def _numbers(self) -> Any:
        """For each entry that the index picks, its number in the flattened array."""
        return np.arange(self._tensor.size).reshape(self._tensor.shape)[self._index]

    def add(self, x: Any) -> Any:
        """``t`` with ``x`` added at the index; at a repeated index everything is added.

        Examples
        --------
        >>> from tinygrad_edu import Tensor
        >>> t, x = Tensor([1.0, 2.0, 3.0]), Tensor([10.0, 20.0])
        >>> y = t.at[[0, 0]].add(x)
        >>> y.backward([1.0, 0.0, 0.0])
        >>> y.tolist(), x.grad.tolist()
        ([31.0, 2.0, 3.0], [1.0, 1.0])
        """
        shape = np.shape(self._numbers())
        return self._tensor + SCATTER_ADD(
            broadcast_to(self._part(x), shape), index=self._index, shape=self._tensor.shape
        )

    def set(self, x: Any) -> Any:
        """``t`` with ``x`` at the index; at a repeated index the last one counts, and only it has a gradient.

        Examples
        --------
        >>> from tinygrad_edu import Tensor
        >>> t, x = Tensor([1.0, 2.0, 3.0]), Tensor(5.0)
        >>> y = t.at[1:].set(x)
        >>> y.sum().backward()
        >>> y.tolist(), t.grad.tolist(), x.grad.tolist()
        ([1.0, 5.0, 5.0], [1.0, 0.0, 0.0], 2.0)
        """
        numbers = np.asarray(self._numbers())
        source = np.full(self._tensor.size, -1)
        source[numbers.ravel()] = np.arange(numbers.size)
        source = source.reshape(self._tensor.shape)
        if not numbers.size:
            return +self._tensor
        return where(source >= 0, ravel(broadcast_to(self._part(x), numbers.shape))[source], self._tensor)

    def multiply(self, x: Any) -> Any:
        """``t`` with the entries at the index multiplied by ``x``; the index names each entry once.

        Examples
        --------
        >>> from tinygrad_edu import Tensor
        >>> Tensor([1.0, 2.0, 3.0]).at[:2].multiply(10.0).tolist()
        [10.0, 20.0, 3.0]
        """
        numbers = np.asarray(self._numbers())
        if np.unique(numbers).size != numbers.size:
            raise ArgumentError(
                "t.at[index].multiply(x) takes an index that names each entry once: this one repeats some"
            )
        return self.set(self._tensor[self._index] * x)

    def _part(self, x: Any) -> Any:
        return x if hasattr(x, "_record") else np.asarray(x, self._tensor.dtype)


class At:
    """``t.at``, which waits for its index."""

    def __init__(self, tensor: Any) -> None:
        self._tensor = tensor

    def __getitem__(self, index: Any) -> IndexedUpdate:
        return IndexedUpdate(self._tensor, index)
