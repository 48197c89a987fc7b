"""Recurrent layers: `RNN`, `LSTM`, `GRU`, and their cells, which make one step.

A step takes the input x and the state h of the step before. All steps use the same weights. PyTorch stores the weights
as (gates · hidden_size, inputs); here they are (inputs, gates · hidden_size), as `Linear` has them: ``x @ weight``.
"""

import math
from typing import Any, ClassVar

import numpy as np

from tinygrad_edu import functions
from tinygrad_edu.errors import ShapeError
from tinygrad_edu.nn.dropout import dropout
from tinygrad_edu.nn.init import Rng, generator
from tinygrad_edu.nn.layers import linear
from tinygrad_edu.nn.module import Module
from tinygrad_edu.nn.parameters import uniform
from tinygrad_edu.support.arguments import fraction, one_of, whole_number
from tinygrad_edu.support.types import DTypeLike
from tinygrad_edu.tensor import Tensor

State = tuple[Tensor, ...]  # h, or h and c


class _Recurrent(Module):
    """What cells and layers share: the sizes, and how the parameters start."""

    gates: ClassVar[int] = 1
    states: ClassVar[int] = 1
    biases_add_up: ClassVar[bool] = True  # whether a step only adds what comes from the inputs and from the state

    def _set_sizes(self, input_size: int, hidden_size: int) -> None:
        name = type(self).__name__
        self.input_size = whole_number(f"{name}: input_size", input_size)
        self.hidden_size = whole_number(f"{name}: hidden_size", hidden_size)

    def step(self, a: Tensor, b: Tensor, state: State) -> State:
        """The new state, from what the inputs add to the gates, what the state adds, and the state."""
        raise NotImplementedError

    def _add_parameters(self, inputs: int, suffix: str, bias: bool, dtype: DTypeLike | None, rng: Any) -> None:
        width, bound = self.gates * self.hidden_size, 1 / math.sqrt(self.hidden_size)
        shapes: dict[str, Any] = {"weight_ih": (inputs, width), "weight_hh": (self.hidden_size, width)}
        shapes |= {"bias_ih": width, "bias_hh": width} if bias else {}
        for name, shape in shapes.items():
            setattr(self, name + suffix, uniform(bound, shape, dtype, name + suffix, rng))

    def _parameters_of(self, suffix: str) -> list[Any]:
        """The weights of inputs and state, and their biases or None."""
        return [getattr(self, name + suffix, None) for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")]

    def _start(self, given: Any, shape: tuple[int, ...], dtype: Any) -> State:
        """The state before the first step: zeros, or what was given, checked."""
        if given is None:
            zeros = Tensor(np.zeros(shape, dtype), requires_grad=False)
            return (zeros,) * self.states
        found = tuple(given) if self.states > 1 and isinstance(given, tuple | list) else (given,)
        wanted = "two states, h and c," if self.states > 1 else "a state"
        shapes = [getattr(x, "shape", None) for x in found]
        if shapes != [shape] * self.states:
            raise ShapeError(f"{self._title()} takes {wanted} of shape {shape}, but was given {shapes}")
        return tuple(x if isinstance(x, Tensor) else Tensor(x, requires_grad=False) for x in found)

    def extra_repr(self) -> str:
        return f"{self.input_size} → {self.hidden_size}"


# --- kinds of steps -------------------------------------------------------------------------------------------------


class _Plain(_Recurrent):
    nonlinearity: str

    def step(self, a: Tensor, b: Tensor, state: State) -> State:
        return ((a + b).relu() if self.nonlinearity == "relu" else (a + b).tanh(),)


class _LongShortTerm(_Recurrent):
    gates, states = 4, 2

    def step(self, a: Tensor, b: Tensor, state: State) -> State:
        n, z = self.hidden_size, a + b
        i, f, g, o = (z[..., k * n : (k + 1) * n] for k in range(4))
        c = f.sigmoid() * state[1] + i.sigmoid() * g.tanh()
        return o.sigmoid() * c.tanh(), c


class _Gated(_Recurrent):
    gates, biases_add_up = 3, False

    def step(self, a: Tensor, b: Tensor, state: State) -> State:
        (h,), n = state, self.hidden_size
        both = (a[..., : 2 * n] + b[..., : 2 * n]).sigmoid()
        r, z = both[..., :n], both[..., n:]
        new = (a[..., 2 * n :] + r * b[..., 2 * n :]).tanh()
        return (new + z * (h - new),)


# --- cells ----------------------------------------------------------------------------------------------------------


class _Cell(_Recurrent):
    """One step."""

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        bias: bool = True,
        dtype: DTypeLike | None = None,
        *,
        rng: Rng = None,
    ) -> None:
        self._set_sizes(input_size, hidden_size)
        self._add_parameters(self.input_size, "", bias, dtype, generator(rng))

    def forward(self, x: Tensor, state: Any = None) -> Any:
        """The state after one step."""
        if x.ndim not in (1, 2) or x.shape[-1] != self.input_size:
            raise self._wrong_shape(f"(n, {self.input_size})", x)
        start = self._start(state, (*x.shape[:-1], self.hidden_size), x.dtype)
        w_x, w_h, b_x, b_h = self._parameters_of("")
        new = self.step(linear(x, w_x, b_x), linear(start[0], w_h, b_h), start)
        return new if self.states > 1 else new[0]


class RNNCell(_Plain, _Cell):
    """One step of a recurrent net: ``h' = tanh(x @ weight_ih + bias_ih + h @ weight_hh + bias_hh)`` (Elman, 1990).

    Parameters
    ----------
    input_size, hidden_size, bias, dtype, rng : as for `LSTMCell`.
    nonlinearity : "tanh" or "relu".

    Attributes
    ----------
    weight_ih, weight_hh : Tensors of shape (input_size, hidden_size) and (hidden_size, hidden_size), the transposes of
        PyTorch's.
    bias_ih, bias_hh : Tensors of shape (hidden_size,).

    Notes
    -----
    Called with x of shape (n, input_size) and h of shape (n, hidden_size), by default zeros; gives the new h. PyTorch:
    ``torch.nn.RNNCell``.

    Examples
    --------
    >>> import numpy as np
    >>> from tinygrad_edu import nn
    >>> cell = nn.RNNCell(3, 5, rng=0)
    >>> h = cell(np.ones((2, 3)))
    >>> cell(np.ones((2, 3)), h).shape
    (2, 5)
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        bias: bool = True,
        nonlinearity: str = "tanh",
        dtype: DTypeLike | None = None,
        *,
        rng: Rng = None,
    ) -> None:
        self.nonlinearity = one_of(f"{type(self).__name__}: nonlinearity", nonlinearity, "tanh", "relu")
        super().__init__(input_size, hidden_size, bias, dtype, rng=rng)


class LSTMCell(_LongShortTerm, _Cell):
    """One step of a long short-term memory (Hochreiter & Schmidhuber, 1997).

    ::

        i, f, g, o = x @ weight_ih + bias_ih + h @ weight_hh + bias_hh      four parts, of hidden_size each
        c' = σ(f) · c + σ(i) · tanh(g)
        h' = σ(o) · tanh(c')

    Parameters
    ----------
    input_size, hidden_size : numbers of inputs and of hidden units.
    bias : False leaves the biases out.
    dtype : of the parameters, by default float64.
    rng : a `numpy.random.Generator`, a seed, or None.

    Attributes
    ----------
    weight_ih, weight_hh : Tensors of shape (input_size, 4 · hidden_size) and (hidden_size, 4 · hidden_size), the
        transposes of PyTorch's, with the gates in its order i, f, g, o.
    bias_ih, bias_hh : Tensors of shape (4 · hidden_size,).

    Notes
    -----
    Called with x of shape (n, input_size) and the state (h, c), by default zeros; gives the new (h, c). PyTorch:
    ``torch.nn.LSTMCell``.

    Examples
    --------
    >>> import numpy as np
    >>> from tinygrad_edu import nn
    >>> h, c = nn.LSTMCell(3, 5, rng=0)(np.ones((2, 3)))
    >>> h.shape, c.shape
    ((2, 5), (2, 5))
    """


class GRUCell(_Gated, _Cell):
    """One step of a gated recurrent unit (Cho et al., 2014), with the gates in PyTorch's order r, z, n.

    ::

        r = σ(a_r + b_r),   z = σ(a_z + b_z),   n = tanh(a_n + r · b_n)
        h' = (1 − z) · n + z · h

    where a is ``x @ weight_ih + bias_ih`` and b is ``h @ weight_hh + bias_hh``, three parts of hidden_size each.

    Parameters
    ----------
    input_size, hidden_size, bias, dtype, rng : as for `LSTMCell`.

    Attributes
    ----------
    weight_ih, weight_hh : Tensors of shape (input_size, 3 · hidden_size) and (hidden_size, 3 · hidden_size), the
        transposes of PyTorch's.
    bias_ih, bias_hh : Tensors of shape (3 · hidden_size,).

    Notes
    -----
    Called with x of shape (n, input_size) and h, by default zeros; gives the new h. PyTorch: ``torch.nn.GRUCell``.

    Examples
    --------
    >>> import numpy as np
    >>> from tinygrad_edu import nn
    >>> nn.GRUCell(3, 5, rng=0)(np.ones((2, 3))).shape
    (2, 5)
    """


# --- layers ---------------------------------------------------------------------------------------------------------


class _Layers(_Recurrent):
    """Layers of cells over whole sequences."""

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        dtype: DTypeLike | None = None,
        *,
        rng: Rng = None,
    ) -> None:
        self._set_sizes(input_size, hidden_size)
        self.num_layers = whole_number(f"{type(self).__name__}: num_layers", num_layers)
        self.batch_first = batch_first
        self.dropout = fraction(f"{type(self).__name__}: dropout", dropout)
        self.rng = generator(rng)
        for k in range(self.num_layers):
            self._add_parameters(self.hidden_size if k else self.input_size, f"_l{k}", bias, dtype, self.rng)

    def forward(self, x: Tensor, state: Any = None) -> Any:
        """The outputs of the last layer at every step, and the last state of every layer."""
        if x.ndim not in (2, 3) or x.shape[-1] != self.input_size:
            axes = "n, steps" if self.batch_first else "steps, n"
            raise self._wrong_shape(f"({axes}, {self.input_size})", x)
        swapped = self.batch_first and x.ndim == 3
        if not x.shape[1 if swapped else 0]:
            raise ShapeError(
                f"{self._title()} was given an empty sequence: there is no step in inputs of shape {x.shape}"
            )
        x = functions.swapaxes(x, 0, 1) if swapped else x
        start = self._start(state, (self.num_layers, *x.shape[1:-1], self.hidden_size), x.dtype)
        last = []
        for k in range(self.num_layers):
            if k and self.dropout:
                x = dropout(x, self.dropout, self.training, rng=self.rng)
            x, end = self._layer(x, f"_l{k}", tuple(s[k] for s in start))
            last.append(end)
        ends = tuple(functions.stack(states) for states in zip(*last, strict=True))
        return functions.swapaxes(x, 0, 1) if swapped else x, ends if self.states > 1 else ends[0]

    def _layer(self, x: Tensor, suffix: str, state: State) -> tuple[Tensor, State]:
        """The outputs of one layer at every step, and its last state."""
        w_x, w_h, b_x, b_h = self._parameters_of(suffix)
        if self.biases_add_up and b_x is not None and b_h is not None:
            b_x, b_h = b_x + b_h, None
        from_inputs = linear(x, w_x, b_x)  # of all steps at once
        outputs = []
        for a in from_inputs:
            state = self.step(a, linear(state[0], w_h, b_h), state)
            outputs.append(state[0])
        return functions.stack(outputs), state

    def extra_repr(self) -> str:
        parts = [f"{self.input_size} → {self.hidden_size}"]
        parts += [f"{self.num_layers} layers"] if self.num_layers > 1 else []
        return ", ".join([*parts, "batch first"] if self.batch_first else parts)


class RNN(_Plain, _Layers):
    """A recurrent net over whole sequences: at every step, `RNNCell` of the input and of the state before.

    Parameters
    ----------
    input_size, hidden_size, num_layers, bias, batch_first, dropout, dtype, rng : as for `LSTM`.
    nonlinearity : "tanh" or "relu".

    Attributes
    ----------
    weight_ih_l0, weight_hh_l0, bias_ih_l0, bias_hh_l0, weight_ih_l1, … : as in `RNNCell`, for each layer.

    Raises
    ------
    ShapeError : when called with another number of features, an empty sequence, or a state of another shape.

    Notes
    -----
    Called with x and the state before the first step, (num_layers, n, hidden_size), by default zeros. Gives the last
    layer's outputs at every step and the last state of every layer. PyTorch: ``torch.nn.RNN``, in one direction.

    Examples
    --------
    >>> import numpy as np
    >>> from tinygrad_edu import nn
    >>> outputs, last = nn.RNN(3, 5, batch_first=True, rng=0)(np.ones((2, 7, 3)))
    >>> outputs.shape, last.shape
    ((2, 7, 5), (1, 2, 5))
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        nonlinearity: str = "tanh",
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        dtype: DTypeLike | None = None,
        *,
        rng: Rng = None,
    ) -> None:
        self.nonlinearity = one_of(f"{type(self).__name__}: nonlinearity", nonlinearity, "tanh", "relu")
        super().__init__(input_size, hidden_size, num_layers, bias, batch_first, dropout, dtype, rng=rng)


class LSTM(_LongShortTerm, _Layers):
    """Long short-term memory over whole sequences: at every step, `LSTMCell` of the input and of the state before.

    Parameters
    ----------
    input_size, hidden_size : numbers of inputs and of hidden units.
    num_layers : the outputs of one layer are the inputs of the next.
    bias : False leaves the biases out.
    batch_first : whether sequences have the shape (n, steps, features) instead of (steps, n, features).
    dropout : the probability with which an output of a layer but the last is set to 0 in training.
    dtype : of the parameters, by default float64.
    rng : a `numpy.random.Generator`, a seed, or None.

    Attributes
    ----------
    weight_ih_l0, weight_hh_l0, bias_ih_l0, bias_hh_l0, weight_ih_l1, … : as in `LSTMCell`, for each layer.

    Raises
    ------
    ShapeError : when called with another number of features, an empty sequence, or a state of another shape.

    Notes
    -----
    Called with x and the state (h, c) before the first step, each (num_layers, n, hidden_size), by default zeros. Gives
    the last layer's outputs at every step and the last (h, c) of every layer. PyTorch: ``torch.nn.LSTM``, in one
    direction and without projections.

    Examples
    --------
    >>> import numpy as np
    >>> from tinygrad_edu import nn
    >>> outputs, (h, c) = nn.LSTM(3, 5, num_layers=2, rng=0)(np.ones((7, 2, 3)))
    >>> outputs.shape, h.shape
    ((7, 2, 5), (2, 2, 5))
    """


class GRU(_Gated, _Layers):
    """Gated recurrent units over whole sequences: at every step, `GRUCell` of the input and of the state before.

    Parameters
    ----------
    input_size, hidden_size, num_layers, bias, batch_first, dropout, dtype, rng : as for `LSTM`.

    Attributes
    ----------
    weight_ih_l0, weight_hh_l0, bias_ih_l0, bias_hh_l0, weight_ih_l1, … : as in `GRUCell`, for each layer.

    Notes
    -----
    Called with x and the state before the first step, (num_layers, n, hidden_size), by default zeros. Gives the last
    layer's outputs at every step and the last state of every layer. PyTorch: ``torch.nn.GRU``, in one direction.

    Examples
    --------
    >>> import numpy as np
    >>> from tinygrad_edu import nn
    >>> outputs, last = nn.GRU(3, 5, rng=0)(np.ones((7, 2, 3)))
    >>> outputs.shape, last.shape
    ((7, 2, 5), (1, 2, 5))
    """
