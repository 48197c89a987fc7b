"""`Value`: one float a node, in pure Python.

A `Value` is used like a number. Every operation gives a new one that remembers its inputs, and `Value.backward`
walks from the result back to the leaves::

    a, b = Value(2.0, "a"), Value(-3.0, "b")
    L = (a * b + 10).tanh()
    L.backward()
    a.grad                       # ∂L/∂a = (1 - L²) · b
"""

import functools
import operator
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, ClassVar, cast

from tinygrad_edu.errors import ArgumentError, DTypeError, ShapeError, UnsupportedError
from tinygrad_edu.graph import modes
from tinygrad_edu.graph import node as graph
from tinygrad_edu.graph.modes import MODES, WATCH
from tinygrad_edu.graph.node import CLOCK, Node
from tinygrad_edu.operations.elementwise import (
    CONSTANTS,
    FLOATS,
    GENERATED,
    NUMPY_NAMES,
    TABLE,
    EachInput,
    Elementwise,
    Operation,
    float_source,
    install,
)

Number = float | int


class Value(Node):
    """A float that remembers how it was computed.

    Parameters
    ----------
    data : a number.
    label : name in pictures and messages.

    Attributes
    ----------
    data : float. A leaf's may be assigned; if an operation has used it, that makes its graph stale: see `backward`.
    grad : ∂root/∂self after ``root.backward()``; 0.0 before any.
    op, inputs : name and operands of the operation that made it, in order; ``""`` and ``()`` on a leaf.

    Notes
    -----
    ``+ - * / **``, unary ``-`` and ``abs`` work with numbers on either side; ``< <= > >=`` compare data;
    ``==`` and ``hash`` are identity. Arithmetic is IEEE 754 throughout: ``Value(1) / 0`` is inf and
    ``Value(-1).sqrt()`` is nan, as they are for a `Tensor`. The interface follows micrograd's ``Value``.

    Examples
    --------
    >>> a, b = Value(2.0, "a"), Value(-3.0, "b")
    >>> L = a * b + a**2
    >>> L.backward()
    >>> L.data, a.grad, b.grad
    (-2.0, 1.0, 2.0)
    """

    # One or two inputs stand in the node itself: a tuple for them would be as much again for the collector to walk.
    __slots__ = ("_left", "_right", "grad")

    _left: Any  # a Value, `Operands`, or None
    _right: Any
    _bias = None  # what `Operands` may have
    requires_grad: ClassVar[bool] = True  # type: ignore[misc]

    def __init__(self, data: Number, label: str = "") -> None:
        self._data = _float(data)
        self.grad: Any = 0.0
        self.operation = None
        self._left = self._right = None
        self.stamp = CLOCK.now
        if label:
            self.label = label
        if WATCH.active and MODES.recorder is not None:
            MODES.recorder.new_leaf(self, data)

    @property  # type: ignore[override]
    def inputs(self) -> tuple["Value", ...]:
        """The operands of the operation that made the node, in order."""
        left, right = self._left, self._right
        if left.__class__ is Operands:
            return tuple(left.nodes) if right is None else (*left.nodes, *right.nodes, left._bias)
        return () if left is None else (left,) if right is None else (left, right)

    @inputs.setter
    def inputs(self, nodes: tuple["Value", ...]) -> None:
        n = len(nodes) // 2
        if self.operation is DOT:
            self._left, self._right = Operands(nodes[:n], nodes[-1]), Operands(nodes[n:-1])
        elif len(nodes) > 2:
            self._left, self._right = Operands(nodes), None
        else:
            self._left, self._right = (*nodes, None, None)[:2]

    @property
    def data(self) -> float:
        """The number."""
        return modes.data_of(self)  # type: ignore[no-any-return]

    @data.setter
    def data(self, number: Number) -> None:
        if self.operation is not None:
            raise ArgumentError(
                f"the data of {graph.describe(self)} is computed, so it cannot be assigned: assign to a leaf"
            )
        if WATCH.active and MODES.recorder is not None:
            MODES.recorder.assign(self)
        self._data = _float(number)
        self.stamp = CLOCK.tick()

    def item(self) -> float:
        """The number, as `Tensor.item` gives it: what is computed with it is not part of the graph.

        Examples
        --------
        >>> (Value(3.0) * 2).item()
        6.0
        """
        return float(modes.data_of(self))

    def backward(self, *, create_graph: bool = False) -> None:
        """Compute ∂self/∂node for every node that self depends on, by the chain rule.

        Gradients of leaves accumulate: a second call adds the same amounts again. Those of interior nodes
        are the latest call's. With ``create_graph`` the gradients are nodes, which can be differentiated again.

        Raises
        ------
        StaleGraphError : the data of a node was changed after an operation had used it.
        BackwardError : nothing here requires a gradient.

        Examples
        --------
        >>> x = Value(3.0)
        >>> (x**3).backward(create_graph=True)
        >>> first = x.grad
        >>> x.grad = 0.0
        >>> first.backward()
        >>> first.data, x.grad
        (27.0, 18.0)
        """
        if not self.requires_grad:
            raise graph.nothing_to_differentiate(self)
        if WATCH.active:
            modes.tell("before_backward", self)
        if create_graph:
            self._backward_recorded()
        else:
            self._backward_plain()
        if WATCH.active:
            modes.tell("after_backward", self)

    def _backward_plain(self) -> None:
        order, leaves = _order(self)
        # A pass is summed up by itself before it is added to a leaf: two calls give exactly twice one call.
        before = [(leaf, leaf.grad) for leaf in leaves if leaf.requires_grad]
        for node in order:
            node.grad = 0.0
        self.grad = 1.0
        try:
            _walk(order)
        except BaseException:
            for leaf, grad in before:
                leaf.grad = grad
            raise
        for leaf, grad in before:
            if grad is not None:  # which PyTorch's zero_grad leaves
                leaf.grad += grad

    def _backward_recorded(self) -> None:
        for node, grad in graph.recorded_gradients(self, Constant(1.0)).items():
            kept = node.grad if node.operation is None else None
            untouched = kept is None or (kept.__class__ is float and kept == 0)
            node.grad = grad if untouched else node.grad + grad

    def _fresh_order(self) -> "list[Value]":
        return _order(self)[0]

    def _constant(self, data: Any) -> "Constant":
        return Constant(data)

    def _record(self, operation: Operation, xs: Sequence[Any], params: Mapping[str, Any]) -> "Value":
        inputs = tuple([x if isinstance(x, Value) else Constant(x) for x in xs])
        forward: Callable[..., Any] = operation.on_floats if isinstance(operation, Elementwise) else operation.forward
        node = _node(operation, _float(_forward(operation, forward, inputs, **params)), inputs)
        if params:
            node._params = params
        return node

    def __lt__(self, other: "Value | Number") -> bool:
        return _data_of(self) < _data_of(other)

    def __le__(self, other: "Value | Number") -> bool:
        return _data_of(self) <= _data_of(other)

    def __gt__(self, other: "Value | Number") -> bool:
        return _data_of(self) > _data_of(other)

    def __ge__(self, other: "Value | Number") -> bool:
        return _data_of(self) >= _data_of(other)

    def __float__(self) -> float:
        return graph.plain_float(self, self.item())

    def __bool__(self) -> bool:
        return bool(_data_of(self))

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **keywords: Any) -> Any:
        """``np.exp(v)`` is ``v.exp()``, so that a derivative written for arrays serves scalars too."""
        name = ufunc.__name__
        row = TABLE.get(NUMPY_NAMES.get(name, name)) or _COMPARISONS.get(name)
        if row is None or method != "__call__" or keywords:
            what = name if method == "__call__" else f"{name}.{method}"
            raise UnsupportedError(f"np.{what} has no derivative here, so it is not for Values: use float(v)")
        if any(getattr(x, "ndim", 0) for x in inputs):
            raise DTypeError(
                f"np.{ufunc.__name__} was given a Value and an array: use a Tensor in place of the Value, "
                "or the array's numbers one by one"
            )
        return row(*[x if isinstance(x, Value) else _float(x) for x in inputs])

    def __repr__(self) -> str:
        label = f", label={self.label!r}" if self.label else ""
        grad = (self.grad._data if isinstance(self.grad, Value) else self.grad) or 0.0
        return f"{type(self).__name__}(data={self._data:.6g}, grad={grad:.6g}{label})"

    def _facts(self) -> dict[str, str]:
        grad = self.grad._data if isinstance(self.grad, Value) else self.grad
        return {"data": repr(self._data), "grad": repr(grad)}

    # micrograd's names, which its graph-drawing programs read.
    @property
    def _prev(self) -> set["Value"]:
        return set(self.inputs)

    @property
    def _op(self) -> str:
        return "" if self.operation is None else self.operation.symbol


class Constant(Value):
    """A number in an expression: a leaf that collects no gradient."""

    __slots__ = ()
    requires_grad: ClassVar[bool] = False  # type: ignore[misc]

    @property
    def grad(self) -> float:
        """Always 0.0: the backward pass may add to it, and nothing is kept."""
        return 0.0

    @grad.setter
    def grad(self, _: Any) -> None:
        return

    def __repr__(self) -> str:
        return f"Constant({self._data:.6g})"


_requires_grad, _stamp = operator.attrgetter("requires_grad"), operator.attrgetter("stamp")


class Operands:
    """Nodes that operations have in common: the backward pass enters them once, and their data is read once.

    All neurons of a layer see the same inputs, and a neuron has the same weights and ``bias`` for every sample.
    """

    __slots__ = ("_bias", "data", "nodes", "requires_grad", "stamp")

    _left = _right = None  # to `_order` it is a node without operands, until it looks more closely

    def __init__(self, nodes: Sequence[Value | Number], bias: Value | Number | None = None) -> None:
        self.stamp = CLOCK.now  # before the data is read: what is written later makes stale what is made of it
        try:
            self.nodes: list[Any] = list(nodes)
            self.data = [x._data for x in self.nodes]
        except AttributeError:  # a bare number among them
            self.nodes = [x if isinstance(x, Value) else Constant(x) for x in nodes]
            self.data = [x._data for x in self.nodes]
        self._bias: Any = bias if bias is None or isinstance(bias, Value) else Constant(bias)
        self.requires_grad = any(map(_requires_grad, self.nodes))

    def __len__(self) -> int:
        return len(self.nodes)

    def __getitem__(self, i: int) -> Value:
        return self.nodes[i]  # type: ignore[no-any-return]

    def __reduce__(self) -> tuple[Any, ...]:
        return Operands, (self.nodes, self._bias)  # a copy reads for itself: the stamp means nothing elsewhere


_COMPARISONS = {  # by NumPy's names, which a number of NumPy on the left calls them by
    "less": operator.lt,
    "less_equal": operator.le,
    "greater": operator.gt,
    "greater_equal": operator.ge,
    "equal": operator.eq,
    "not_equal": operator.ne,
}

_new = cast("Callable[[type[Value]], Value]", object.__new__)


def _node(operation: Operation, y: float, inputs: tuple[Value, ...]) -> Value:
    """The node that ``operation`` makes of ``inputs``, in any mode and with constants among them."""
    if MODES.no_grad or not any(x.requires_grad for x in inputs):
        return Constant(y)
    node = _new(Value)
    node._data = y
    node.grad = 0.0
    node.operation = operation
    node.inputs = inputs
    node.stamp = CLOCK.now
    node._marks = ()
    if WATCH.active:
        modes.note(node)
    return node


def _forward(operation: Operation, forward: Callable[..., float], inputs: Sequence[Value], **params: Any) -> float:
    if WATCH.active and MODES.recorder is not None:
        return MODES.recorder.record(operation, inputs, params)  # type: ignore[no-any-return]
    return forward(*[x._data for x in inputs], **params)


def _order(root: Value) -> tuple[list[Value], list[Value]]:
    """The `graph.topological_order` up to ``root``, and the leaves in it; `StaleGraphError` as there."""
    order, leaves, oldest = _depth_first(root)
    if max(map(_stamp, leaves)) > oldest:  # written since the first operation: it may be an input
        graph.check_fresh(order)
    return order, leaves


def _depth_first(root: Value) -> tuple[list[Value], list[Value], int]:
    """What `_order` gives, and when the oldest of what operations made was made.

    The order of `graph.topological_order` in half the time, because it knows how a Value keeps its inputs.
    """
    order: list[Value] = []
    leaves: list[Value] = []
    stack: list[Any] = [root]
    entered = {None}  # None is the right of a node with one input, and the bias of operands that have none
    oldest = root.stamp  # of the nodes that operations made
    put, push, pop, enter = order.append, stack.append, stack.pop, entered.add
    while stack:
        node = pop()
        if node is None:  # the node below has all its inputs behind it
            put(pop())
            continue
        while node not in entered:
            enter(node)
            left = node._left
            if left is None:
                if node.__class__ is Operands:
                    stack.extend(reversed(node.nodes))
                else:
                    leaves.append(node)
                    put(node)
                break
            if node.stamp < oldest:
                oldest = node.stamp
            right = node._right
            if right in entered:
                if left in entered and left._bias in entered:
                    put(node)
                    break
                below = left._left if right is None else None
                if below is not None and below in entered and below._bias in entered and left._right in entered:
                    # A neuron's sum under its activation, say: it goes before the node, and neither needs the stack.
                    oldest = left.stamp if left.stamp < oldest else oldest
                    enter(left)
                    put(left)
                    put(node)
                    break
                right = None  # it need not be waited for
            push(node)
            push(None)
            if left._bias not in entered:
                push(left._bias)
            if right is not None:
                push(right)
            node = left  # down along the left
    return order, leaves, oldest


def _walk(order: list[Value]) -> None:
    if MODES.recorder is not None:
        MODES.recorder.walk(order)
        return
    if MODES.anomaly:
        _walk_watched(order)
        return
    for node in reversed(order):
        operation = node.operation
        if operation is not None:
            operation.backward_floats(node)


def _walk_watched(order: list[Value]) -> None:
    for node in reversed(order):
        if node.operation is not None:
            node.operation.backward_floats(node)
            for i, x in enumerate(node.inputs):
                modes.check_gradient(node, i, x.grad)


def _float(data: Any) -> float:
    if data.__class__ is int:
        return float(data)
    if data.__class__ is float or hasattr(data, "_recorder"):  # or the stand-in of `compile`
        return data  # type: ignore[no-any-return]
    number = hasattr(data, "__float__") or hasattr(data, "__index__")
    if isinstance(data, str | bytes | Node) or not number:
        raise DTypeError(f"a Value holds one number, but was given {data!r}: pass a float or an int")
    try:
        return float(data)
    except TypeError:
        raise ShapeError(
            f"a Value holds one number, but was given an array of shape {data.shape}: use a Tensor for arrays"
        ) from None


def _data_of(other: Any) -> float:
    return modes.data_of(other) if isinstance(other, Value) else _float(other)


# --- methods and operators, one for each row of the table -------------------------------------------------------


_NUMBERS = (float, int)
# Written out, so that an addition costs one call and not three. `x0` and `x1` are the row's own names.
_MAKER = """
def made(row, general):
    def method({operands}):
{start}
        node = new(Value)
        node._data = {y}
        node.grad = 0.0
        node.operation = row
        node._left = self
        node._right = {right}
        node.stamp = CLOCK.now
        node._marks = ()
        return node
    return method
"""
_UNARY = """
        if self.__class__ is not Value or WATCH.active:
            return general(self)
        x = self._data
"""
_BINARY = """
        if other.__class__ is not Value or WATCH.active:
            if self.__class__ is not Value or other.__class__ not in NUMBERS or WATCH.active:
                return general(self, other)
            other = Constant(other)
        x0 = self._data
        x1 = other._data
"""


@functools.cache
def _maker(start: str, y: str) -> Callable[[Elementwise, Any], Any]:
    """What makes the method of a row that computes ``y``; what is not the usual case that leaves to ``general``."""
    names = {"Value": Value, "Constant": Constant, "WATCH": WATCH, "CLOCK": CLOCK, "new": _new, "NUMBERS": _NUMBERS}
    scope = FLOATS | CONSTANTS | names
    operands, right = ("self", None) if start is _UNARY else ("self, other", "other")
    source = _MAKER.format(operands=operands, start=start, y=y, right=right)
    exec(compile(source, GENERATED, "exec"), scope)  # noqa: S102 a row of the table, never a user's text
    return scope["made"]  # type: ignore[no-any-return]


def _unary(row: Elementwise) -> Any:
    def with_parameters(self: Value, *args: float, **keywords: float) -> Value:
        return self._record(row, (self,), row.bind(args, keywords))

    def general(self: Value) -> Value:
        return _node(row, _forward(row, row.on_floats, (self,)), (self,))

    if row.defaults:
        return with_parameters
    # A text that calls something is compiled when it is first used: all of them would take as long as the rest of the
    # import, and beside that call one more does not count.
    calls = "(" in row.y_text.replace("maximum(", "")
    return _maker(_UNARY, "row.on_floats(x)" if calls else float_source(row.y_text))(row, general)


def _binary(row: Elementwise) -> tuple[Any, Any]:
    def general(self: Value, other: Any, *, reflected: bool = False) -> Any:
        if not isinstance(other, Value):
            if isinstance(other, Node) or (hasattr(other, "shape") and other.shape):
                raise DTypeError(_no_mixing(row, other))
            if not hasattr(other, "__float__"):
                return NotImplemented
            other = Constant(other)
        pair = (other, self) if reflected else (self, other)
        return _node(row, _forward(row, row.on_floats, pair), pair)

    def mirrored(self: Value, other: Any) -> Any:
        return method(Constant(other), self) if other.__class__ in _NUMBERS else general(self, other, reflected=True)

    if row.defaults:
        return lambda self, other, **keywords: self._record(row, (self, other), row.bind((), keywords)), None
    method = _maker(_BINARY, float_source(row.y_text))(row, general)
    return method, mirrored


def _no_mixing(row: Elementwise, other: Any) -> str:
    return (
        f"{row.name} was given a Value and {type(other).__name__} of shape {other.shape}: a graph is of Values "
        "(one number each) or of Tensors (arrays), so use one of them throughout"
    )


install(Value, _unary, _binary)

# --- a weighted sum as one node -----------------------------------------------------------------------------------


class Dot(Operation):
    """``y = w0·x0 + w1·x1 + … + b`` of the inputs ``(w0, w1, …, x0, x1, …, b)``.

    What flows to a weight is ``gy`` times its input, and to an input ``gy`` times its weight: `GX`, in which
    ``partner`` is the other of the two. Behind a ReLU that is off, ``gy`` is 0 and nothing flows to any.
    """

    name = "dot"
    symbol = "w·x + b"
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
    gy = node.grad
    if not gy and node._data - node._data == 0.0:  # 0 times numbers that are all finite, or the sum would not be
        return
    weights = node._left
    inputs = node._right
    for node_w, x in zip(weights.nodes, inputs.data):
        node_w.grad += {gw}
    if inputs.requires_grad:
        for node_x, w in zip(inputs.nodes, weights.data):
            node_x.grad += {gx}
    weights._bias.grad += gy
"""
DOT = Dot()


def dot(weights: Sequence[Value | Number], inputs: Sequence[Value | Number], bias: Value | Number = 0.0) -> Value:
    """Compute ``y = Σᵢ wᵢ·xᵢ + b`` as a single node.

    A neuron of n weights is then one node in place of 2n: quicker, and a picture that shows neurons.

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
    neuron, seen = Operands(weights, bias), Operands(inputs)
    if neuron.requires_grad and not WATCH.active:
        return weighted_sums([neuron], seen)[0]
    nodes = (*neuron.nodes, *seen.nodes, neuron._bias)
    return _node(DOT, _forward(DOT, DOT.forward, nodes), nodes)


def weighted_sums(neurons: Iterable[Operands], inputs: Operands) -> list[Value]:
    """The `dot` of each neuron's weights and bias with the inputs that all of them see.

    Each has as many weights as there are inputs, and some that need a gradient; no mode is active.
    """
    sums = []
    xs, stamp, mul = inputs.data, inputs.stamp, operator.mul
    for weights in neurons:
        node = _new(Value)
        node._data = sum(map(mul, weights.data, xs), weights._bias._data)
        node.grad = 0.0
        node.operation = DOT
        node._left = weights
        node._right = inputs
        node.stamp = stamp if stamp < weights.stamp else weights.stamp
        node._marks = ()
        sums.append(node)
    if sums and sums[0]._data.__class__ is not float:
        raise DTypeError("a weighted sum is of Values and numbers, but was given a Tensor: use nn.Linear, or x.item()")
    return sums
