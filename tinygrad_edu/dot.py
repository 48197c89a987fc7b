"""`dot`: a whole weighted sum as one node."""

import operator
from collections.abc import Callable, Iterable, Sequence
from typing import Any, cast

from tinygrad_edu.errors import DTypeError, ShapeError
from tinygrad_edu.graph.modes import WATCH
from tinygrad_edu.operations.operation import GENERATED, EachInput, Operation
from tinygrad_edu.speed.readings import Readings
from tinygrad_edu.speed.shared_inputs import SharedInputs
from tinygrad_edu.value import Constant, Number, Value, record

_new = cast("Callable[[type[Value]], Value]", object.__new__)


class Dot(Operation):
    """``y = w0·x0 + w1·x1 + … + b`` of the inputs ``(w0, w1, …, x0, x1, …, b)``.

    The gradient of a weight is ``gy`` times its input, and the gradient of an input is ``gy`` times its weight: `GX`,
    where ``partner`` is the other one of the two. Below a ReLU that is off, ``gy`` is 0 and all gradients are 0.
    """

    name = "dot"
    symbol = "w·x + b"
    is_weighted_sum = True
    GX = "gy * partner"

    def forward(self, *xs: float, **_: Any) -> float:
        n = len(xs) // 2
        return sum(map(operator.mul, xs[:n], xs[n:]), xs[-1])

    def __init__(self) -> None:
        pull = eval(compile(f"lambda gy, partner: {self.GX}", GENERATED, "eval"))  # noqa: S307 the text above

        def gx(i: int, gy: Any, y: Any, *xs: Any) -> Any:
            n = len(xs) // 2
            return gy if i == 2 * n else pull(gy, xs[i + n if i < n else i - n])

        self.gx_arrays = EachInput(gx)
        scope: dict[str, Any] = {}
        text = _DOT_BACKWARD.format(gw=self.GX.replace("partner", "x"), gx=self.GX.replace("partner", "w"))
        exec(compile(text, GENERATED, "exec"), scope)  # noqa: S102 made of the text above
        self.backward_floats = scope["backward"]  # type: ignore[method-assign]

    def local_derivative(self, i: int) -> str:
        return f"x{i}'s partner"


_DOT_BACKWARD = """
def backward(node):
    gy = node._grad
    if not gy and node._data - node._data == 0.0:  # 0 times numbers that are all finite, or the sum would not be
        return
    weights = node._left
    inputs = node._right
    for node_w, x in zip(weights.nodes, inputs.data):
        node_w._grad += {gw}
    if inputs.requires_grad:
        for node_x, w in zip(inputs.nodes, weights.data):
            node_x._grad += {gx}
    weights._bias._grad += gy
"""
DOT = Dot()


def dot(weights: Sequence[Value | Number], inputs: Sequence[Value | Number], bias: Value | Number = 0.0) -> Value:
    """Compute ``y = Σᵢ wᵢ·xᵢ + b`` as a single node.

    A neuron of n weights is then one node instead of 2n: quicker, and a picture that shows neurons.

    Raises
    ------
    ShapeError : the numbers of weights and inputs differ.

    Examples
    --------
    >>> w = [Value(1.0), Value(-2.0)]
    >>> y = dot(w, [3.0, 4.0], bias=0.5)
    >>> y.backward()
    >>> y.data, [p.grad for p in w]
    (-4.5, [3.0, 4.0])
    """
    if len(weights) != len(inputs):
        raise ShapeError(f"dot() needs as many weights as inputs, but was given {len(weights)} and {len(inputs)}")
    if not WATCH.active:
        neuron, seen = _WEIGHTS.of(weights, bias), _INPUTS.of(inputs)
        if neuron.requires_grad:
            return weighted_sums([neuron], seen)[0]
    else:
        neuron, seen = shared_inputs(weights, bias), shared_inputs(inputs)
    nodes = (*neuron.nodes, *seen.nodes, neuron._bias)
    return record(DOT, DOT.forward, nodes)


def shared_inputs(numbers: Sequence[Value | Number], bias: Value | Number | None = None) -> SharedInputs:
    """`SharedInputs` of Values and bare numbers, which become constants."""
    if not (bias is None or isinstance(bias, Value)):
        bias = Constant(bias)
    try:
        return SharedInputs(numbers, bias)
    except AttributeError:  # there is a bare number among them
        return SharedInputs([x if isinstance(x, Value) else Constant(x) for x in numbers], bias)


_WEIGHTS, _INPUTS = Readings(shared_inputs), Readings(shared_inputs)


def weighted_sums(neurons: Iterable[SharedInputs], inputs: SharedInputs) -> list[Value]:
    """The `dot` of each neuron's weights and bias with the same inputs.

    Each neuron has as many weights as there are inputs, one of them at least needs a gradient, and no mode is active.
    """
    sums = []
    xs, stamp, mul = inputs.data, inputs.stamp, operator.mul
    for weights in neurons:
        node = _new(Value)
        node._data = sum(map(mul, weights.data, xs), weights._bias._data)
        node._grad = 0.0
        node.operation = DOT
        node._left = weights
        node._right = inputs
        node._mark = None
        node.stamp = stamp if stamp < weights.stamp else weights.stamp
        node._marks = ()
        sums.append(node)
    if sums and sums[0]._data.__class__ is not float:
        raise DTypeError("a weighted sum is of Values and numbers, but was given a Tensor: use nn.Linear, or x.item()")
    return sums
