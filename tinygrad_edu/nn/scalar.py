"""Networks of single numbers, over `Value`: every weight is a node that can be looked at. They need no NumPy.

The interface is micrograd's: a network is called on a list of numbers, or on a row of an array.

>>> import random
>>> from tinygrad_edu.nn import scalar
>>> net = scalar.MLP(2, [4, 1], activation="tanh", rng=random.Random(0))
>>> loss = (net([1.0, -2.0]) - 1) ** 2
>>> loss.backward()
>>> len(net.parameters()), net.layers[0].neurons[0].w[0].grad != 0
(17, True)
"""

import math
import random
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from tinygrad_edu.dot import dot, shared_inputs, weighted_sums
from tinygrad_edu.errors import ArgumentError, DTypeError, ShapeError
from tinygrad_edu.graph.clock import CLOCK
from tinygrad_edu.graph.modes import WATCH
from tinygrad_edu.graph.node import Node
from tinygrad_edu.nn.activations import activation_of, identity
from tinygrad_edu.nn.module import Module
from tinygrad_edu.nn.sizes import layer_widths
from tinygrad_edu.speed.shared_inputs import SharedInputs
from tinygrad_edu.support.arguments import shown, whole_number
from tinygrad_edu.value import Constant, Value

if TYPE_CHECKING:
    import tinygrad_edu.nn.networks

Number = Value | float
Rng = random.Random | int | None


def _source(rng: Any) -> Any:
    """What to draw from; without an ``rng`` the module `random` itself, which ``random.seed`` starts."""
    if rng is None or rng is random:  # as a Layer hands it on to its Neurons
        return random
    if isinstance(rng, int):
        return random.Random(rng)
    if not isinstance(rng, random.Random):
        raise DTypeError(
            f"rng must be a random.Random, a seed or None, but was given {shown(rng)}: random.Random(0) makes one"
        )
    return rng


def _numbers(part: Module, x: Any) -> Sequence[Any]:
    """The inputs one by one; a row of an array, which arrives as a Tensor, as plain numbers."""
    if x.__class__ is list:
        return x
    if isinstance(x, Node) and not isinstance(x, Value):
        row: Any = x.data
        if row.ndim != 1:
            raise ShapeError(
                f"{part._title()} takes one row of numbers, but was given an array of shape {row.shape}: call it for "
                "each row, [net(row) for row in X]"
            )
        if x.requires_grad:
            raise DTypeError(
                f"{part._title()} computes with Values, through which no gradient gets to the Tensor it was given: "
                "pass a list of Values, or x.detach()"
            )
        return list(row) if hasattr(row, "_recorder") else row.tolist()  # of `compile`, or an array
    if isinstance(x, str) or not hasattr(x, "__len__"):
        raise ArgumentError(f"{part._title()} is called on a list of numbers, but was given {shown(x)}")
    return x


class _ScalarModule(Module):
    """A module over Values: a list of numbers stays a list."""

    def _as_input(self, x: Any) -> Any:
        return x if x.__class__ is list else super()._as_input(x)


class Neuron(_ScalarModule):
    """``activation(w₁·x₁ + w₂·x₂ + … + b)``.

    Parameters
    ----------
    n_in : number of inputs.
    activation : a name, as for `nn.MLP`, or a function of a Value.
    fused : whether the weighted sum is one node (`dot`), or every product and sum a node of its own.
    rng : a `random.Random`, a seed, or None for the module `random`.

    Attributes
    ----------
    w : list of Values, at first uniform on ±1/√n_in, as `nn.Linear` starts.
    b : Value, drawn likewise.

    Examples
    --------
    >>> from tinygrad_edu.nn import scalar
    >>> neuron = scalar.Neuron(2, activation="relu", rng=0)
    >>> neuron.w[0].data, neuron.w[1].data, neuron.b.data = 3.0, -1.0, 0.5
    >>> neuron([1.0, 2.0]).data
    1.5
    """

    def __init__(
        self, n_in: int, activation: str | Callable[[Any], Any] = "relu", *, fused: bool = True, rng: Rng = None
    ) -> None:
        source, bound = _source(rng), 1 / math.sqrt(whole_number("n_in", n_in))
        self.w = [Value(source.uniform(-bound, bound), f"w{i}") for i in range(n_in)]
        self.b = Value(source.uniform(-bound, bound), "b")
        self.activation = activation_of(activation)
        self.fused = fused

    def __setattr__(self, name: str, value: Any) -> None:
        super().__setattr__(name, value)
        CLOCK.tick()  # what a layer knows of its neurons is out of date

    def forward(self, x: Sequence[Number] | SharedInputs) -> Value:
        """The neuron's output."""
        inputs = x if isinstance(x, SharedInputs) else shared_inputs(_numbers(self, x))
        if len(inputs.nodes) != len(self.w):
            numbers = "1 number" if len(self.w) == 1 else f"{len(self.w)} numbers"
            raise ShapeError(f"{self._title()} takes {numbers}, but was given {len(inputs.nodes)}")
        if self.fused:
            return self.activation(dot(self.w, inputs.nodes, self.b))
        return self.activation(sum((w * xi for w, xi in zip(self.w, inputs.nodes, strict=True)), self.b))

    def parameters(self) -> list[Value]:
        """The weights, then the bias."""
        return [*self.w, self.b]

    def extra_repr(self) -> str:
        return f"{len(self.w)}{_suffix(self.activation)}"


_FORWARD = Neuron.forward


def _are_alike(neurons: list[Neuron]) -> bool:
    """Whether they differ in nothing but their weights, and none has a forward of its own."""
    usual = [n for n in neurons if n.fused and getattr(n.forward, "__func__", None) is _FORWARD and type(n.w) is list]
    return len(usual) == len(neurons) and len({(len(n.w), n.activation) for n in neurons}) == 1


class _Reading:
    """The weights of neurons that are alike, read once for many samples; of others, none."""

    __slots__ = ("lists", "n_in", "neurons", "stamp", "weights")

    def __init__(self, neurons: list[Neuron]) -> None:
        self.stamp = CLOCK.now
        self.neurons = list(neurons)
        weights = [shared_inputs(n.w, n.b) for n in neurons] if _are_alike(neurons) else []
        self.weights = weights if all(w.requires_grad for w in weights) else []
        self.lists = [w.nodes for w in self.weights]
        self.n_in = len(self.lists[0]) if self.lists else 0

    def __reduce__(self) -> tuple[Any, ...]:
        return type(None), ()  # a copy reads for itself: the stamp means nothing elsewhere

    def holds(self, neurons: list[Neuron]) -> bool:
        """Whether it would be the same now: no data was written anywhere, and no weight exchanged."""
        if self.stamp != CLOCK.now or self.neurons != neurons or Neuron.forward is not _FORWARD:
            return False
        return not self.lists or self.lists == [neuron.w for neuron in neurons]


class Layer(_ScalarModule):
    """Neurons side by side, which all see the same inputs.

    Parameters
    ----------
    n_in, n_out : numbers of inputs and of neurons.
    activation, fused, rng : as for `Neuron`.

    Attributes
    ----------
    neurons : list of `Neuron`.

    Notes
    -----
    Called on a list of numbers it gives a list of Values, or the one Value where there is one neuron: micrograd's
    convention.

    Examples
    --------
    >>> from tinygrad_edu.nn import scalar
    >>> len(scalar.Layer(2, 3)([1.0, 2.0]))
    3
    """

    def __init__(
        self,
        n_in: int,
        n_out: int,
        activation: str | Callable[[Any], Any] = "relu",
        *,
        fused: bool = True,
        rng: Rng = None,
    ) -> None:
        source = _source(rng)
        count = whole_number("n_out", n_out)
        self.neurons = [Neuron(n_in, activation, fused=fused, rng=source) for _ in range(count)]
        for j, neuron in enumerate(self.neurons):
            for p in neuron.parameters():
                p.label = f"n{j}.{p.label}"

    _reading: "_Reading | None" = None

    def forward(self, x: Sequence[Number]) -> Any:
        """The outputs of the neurons."""
        inputs = shared_inputs(_numbers(self, x))  # read once for all of them
        weights = self._weights(len(inputs.nodes))
        if weights:
            outputs = list(map(self.neurons[0].activation, weighted_sums(weights, inputs)))
        else:
            outputs = [neuron.forward(inputs) for neuron in self.neurons]
        return outputs[0] if len(outputs) == 1 else outputs

    def _weights(self, n_in: int) -> list[SharedInputs]:
        """The weights of neurons that differ in nothing else, so that their sums can be taken together; else none."""
        if WATCH.active:
            return []
        reading = self._reading
        if reading is None or not reading.holds(self.neurons):
            reading = self._reading = _Reading(self.neurons)
        return reading.weights if reading.n_in == n_in else []

    def parameters(self) -> list[Value]:
        """Those of each neuron in turn."""
        return [p for neuron in self.neurons for p in neuron.parameters()]

    def extra_repr(self) -> str:
        first = self.neurons[0]
        return f"{len(first.w)} → {len(self.neurons)}{_suffix(first.activation)}"


class MLP(_ScalarModule):
    """A multilayer perceptron over Values: activations between its layers, none after the last.

    Parameters
    ----------
    n_in : number of inputs.
    sizes : number of neurons of each layer; the last one gives the outputs.
    activation, fused, rng : as for `Neuron`.

    Attributes
    ----------
    layers : list of `Layer`.

    Examples
    --------
    >>> from tinygrad_edu.nn import scalar
    >>> scalar.MLP(2, [16, 16, 1])
    MLP(2 → 16 → 16 → 1, relu)                               337 parameters
    ├─ layers.0: Layer(2 → 16, relu)                          48
    │  └─ neurons.0 … neurons.15: Neuron(2, relu)             48
    ├─ layers.1: Layer(16 → 16, relu)                        272
    │  └─ neurons.0 … neurons.15: Neuron(16, relu)           272
    └─ layers.2: Layer(16 → 1)                                17
       └─ neurons.0: Neuron(16)                               17
    """

    def __init__(
        self,
        n_in: int,
        sizes: Sequence[int],
        activation: str | Callable[[Any], Any] = "relu",
        *,
        fused: bool = True,
        rng: Rng = None,
    ) -> None:
        widths, source = layer_widths(n_in, sizes), _source(rng)
        *hidden, last = pairwise(widths)
        self.layers = [Layer(*pair, activation, fused=fused, rng=source) for pair in hidden]
        self.layers.append(Layer(*last, identity, fused=fused, rng=source))

    @classmethod
    def from_tensor(cls, mlp: "tinygrad_edu.nn.networks.MLP", *, fused: bool = True) -> "MLP":
        """The same network, with the same numbers, as a `nn.MLP` over Tensors.

        Examples
        --------
        >>> import numpy as np
        >>> from tinygrad_edu import nn
        >>> net = nn.MLP(2, [8, 1], rng=0)
        >>> twin = nn.scalar.MLP.from_tensor(net)
        >>> bool(abs(net(np.array([1.0, 2.0])).item() - twin([1.0, 2.0]).data) < 1e-12)
        True
        """
        sizes = [layer.out_features for layer in mlp.layers]
        made = cls(mlp.layers[0].in_features, sizes, mlp.activation, fused=fused, rng=0)  # the seed is of no effect
        for layer, given in zip(made.layers, mlp.layers, strict=True):
            bias = [0.0] * given.out_features if given.bias is None else given.bias.tolist()
            for neuron, w, b in zip(layer.neurons, given.weight.T.tolist(), bias, strict=True):
                for p, number in zip(neuron.parameters(), [*w, b], strict=True):
                    p.data = number
        return made

    def forward(self, x: Sequence[Number]) -> Any:
        """The outputs: a list of Values, or the one Value of a single output."""
        h: Any = [xi if isinstance(xi, Value) else Constant(xi) for xi in _numbers(self, x)]
        for layer in self.layers:
            h = layer(h if isinstance(h, list) else [h])
        return h

    def parameters(self) -> list[Value]:
        """Those of each layer in turn."""
        return [p for layer in self.layers for p in layer.parameters()]

    def extra_repr(self) -> str:
        first = self.layers[0].neurons[0]
        widths = [len(first.w), *(len(layer.neurons) for layer in self.layers)]
        return f"{' → '.join(map(str, widths))}{_suffix(first.activation)}"


def _suffix(activation: Callable[[Any], Any]) -> str:
    name = getattr(activation, "__name__", type(activation).__name__)
    return "" if activation is identity else f", {name}"
