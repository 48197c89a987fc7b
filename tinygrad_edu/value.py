"""`Value`: one float a node, in pure Python.

A `Value` is used like a number. Every operation gives a new Value that knows its inputs, and `Value.backward` walks
from the result to the leaves::

    a, b = Value(2.0, "a"), Value(-3.0, "b")
    L = (a * b + 10).tanh()
    L.backward()
    a.grad                       # ∂L/∂a = (1 - L²) · b
"""

import math
import operator
from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast

from tinygrad_edu.errors import ArgumentError, DTypeError, ShapeError, UnsupportedError
from tinygrad_edu.graph import anomaly, modes
from tinygrad_edu.graph import node as graph
from tinygrad_edu.graph.clock import CLOCK
from tinygrad_edu.graph.modes import MODES, WATCH
from tinygrad_edu.graph.node import NO_PARAMS, Node, data_of
from tinygrad_edu.graph.recorded_backward import recorded_gradients
from tinygrad_edu.operations.elementwise import NUMPY_NAMES, TABLE, install
from tinygrad_edu.operations.operation import Operation
from tinygrad_edu.operations.row import Elementwise
from tinygrad_edu.speed.scalar_order import scalar_order
from tinygrad_edu.speed.scalar_walk import written_walk
from tinygrad_edu.speed.shared_inputs import SharedInputs
from tinygrad_edu.support.arguments import shown
from tinygrad_edu.support.ascii import for_output
from tinygrad_edu.support.calls import explains_calls

Number = float | int


def _comparison(compare: Callable[[float, float], bool]) -> Callable[["Value", "Value | Number"], bool]:
    return lambda self, other: compare(_data_of(self), _data_of(other))


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

    # One or two inputs are stored in the node itself. A tuple would be one more object for the garbage collector.
    # "__dict__" is for what few nodes have: a label, parameters, and attributes of one's own, as in ``p.m = 0.0``.
    # The collector visits every slot of every node, so a slot for each of these would cost more.
    __slots__ = ("__dict__", "_grad", "_left", "_mark", "_right")

    _grad: Any  # a float; a Value after `backward(create_graph=True)`; None after PyTorch's zero_grad
    _left: Any  # a Value, `SharedInputs`, or None
    _right: Any
    _mark: Any  # how far the latest `scalar_order` came with it

    def __init__(self, data: Number, label: str = "", _op: str = "") -> None:
        self._data = data if data.__class__ is float else _float(data)
        self._grad = 0.0
        self.operation = None
        self._left = self._right = self._mark = None
        self.stamp = CLOCK.now
        if label or _op:
            if _op or isinstance(label, tuple | list | set | Node):
                given = (label, _op) if _op else label
                raise DTypeError(
                    f"Value(data, label) takes a name as its second argument, but was given {shown(given)}: a node "
                    "gets its inputs from an operation, such as a + b, a.tanh() or one made by tinygrad_edu.operation"
                )
            self.label = label
        if WATCH.active and MODES.recorder is not None:
            MODES.recorder.on_leaf(self, data)

    @property  # type: ignore[override]
    def inputs(self) -> tuple["Value", ...]:
        """The operands of the operation that made the node, in order."""
        left, right = self._left, self._right
        if left.__class__ is SharedInputs:
            return tuple(left.nodes) if right is None else (*left.nodes, *right.nodes, left._bias)
        return () if left is None else (left,) if right is None else (left, right)

    @inputs.setter
    def inputs(self, nodes: tuple["Value", ...]) -> None:
        if self.operation is not None and self.operation.is_weighted_sum:
            n = len(nodes) // 2
            self._left, self._right = SharedInputs(nodes[:n], nodes[-1]), SharedInputs(nodes[n:-1])
        elif len(nodes) > 2:
            self._left, self._right = SharedInputs(nodes), None
        else:
            self._left, self._right = (*nodes, None, None)[:2]

    @property
    def requires_grad(self) -> bool:
        """True: every Value takes a gradient, but for the constants in an expression."""
        return True

    @requires_grad.setter
    def requires_grad(self, _: bool) -> None:
        raise UnsupportedError(
            "a Value always takes a gradient: to freeze it, leave it out of the optimizer's parameters; to keep it out "
            "of the graph, compute with its number, x.data"
        )

    @property
    def data(self) -> float:
        """The number."""
        return data_of(self) if WATCH.active else self._data

    @data.setter
    def data(self, number: Number) -> None:
        if self.operation is not None:
            raise ArgumentError(
                f"the data of {graph.describe(self)} is computed, so it cannot be assigned: assign to a leaf"
            )
        if WATCH.active and MODES.recorder is not None:
            MODES.recorder.on_data_write(self)
        self._data = number if number.__class__ is float else _float(number)
        CLOCK.now = self.stamp = CLOCK.now + 1  # `Clock.tick`, whose call would be a sixth of `p.data -= step`

    @property
    def grad(self) -> Any:
        """∂root/∂self after ``root.backward()``: a float (a Value with ``create_graph=True``); 0.0 before any."""
        if WATCH.active and MODES.recorder is not None:
            MODES.recorder.on_grad_read(self)
        return self._grad

    @grad.setter
    def grad(self, grad: Any) -> None:
        if WATCH.active and MODES.recorder is not None:
            MODES.recorder.on_grad_write(self)
        if grad.__class__ is not float and grad is not None and not isinstance(grad, Value):
            grad = _float(grad, "the gradient of a Value is")
        self._grad = grad

    def item(self) -> float:
        """The number, as `Tensor.item` gives it: what is computed with it is not part of the graph.

        Examples
        --------
        >>> (Value(3.0) * 2).item()
        6.0
        """
        return float(data_of(self))

    @explains_calls
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
        if WATCH.before_backward:
            modes.notify("before_backward", self)
        if create_graph:
            self._backward_recorded()
        else:
            self._backward_plain()
        if WATCH.after_backward:
            modes.notify("after_backward", self)

    def _backward_plain(self) -> None:
        order, leaves = scalar_order(self)
        # The gradients of this pass are summed first, then added to the leaves: two calls give exactly twice one call.
        before = [(leaf, leaf._grad) for leaf in leaves if leaf.requires_grad]
        for node in order:
            node._grad = 0.0
        self._grad = 1.0
        try:
            walk(order)
        except BaseException:
            for leaf, grad in before:
                leaf._grad = grad
            raise
        for leaf, grad in before:
            if grad is not None:  # after PyTorch's zero_grad it may be None
                leaf._grad += grad

    def _backward_recorded(self) -> None:
        for node, grad in cast("dict[Value, Value]", recorded_gradients(self, Constant(1.0))).items():
            kept = node._grad if node.operation is None else None
            untouched = kept is None or (kept.__class__ is float and kept == 0)
            node._grad = grad if untouched else node._grad + grad

    def fresh_order(self, *, leaves: bool = True) -> "list[Value]":
        return scalar_order(self)[0]

    def constant_like(self, data: Any) -> "Constant":
        return Constant(data)

    def _record(self, operation: Operation, xs: Sequence[Any], params: Mapping[str, Any]) -> "Value":
        inputs = tuple([x if isinstance(x, Value) else Constant(x) for x in xs])
        forward: Callable[..., Any] = operation.on_floats if isinstance(operation, Elementwise) else operation.forward
        return record(operation, forward, inputs, params)

    __lt__ = _comparison(operator.lt)
    __le__ = _comparison(operator.le)
    __gt__ = _comparison(operator.gt)
    __ge__ = _comparison(operator.ge)

    def __float__(self) -> float:
        return graph.plain_float(self, self.item())

    def __int__(self) -> int:
        """The integer part. No gradient flows through it."""
        return int(self.item())

    __trunc__ = __int__

    def __round__(self, digits: int | None = None) -> float:
        """The rounded number. No gradient flows through it."""
        return round(self.item(), digits)

    def __bool__(self) -> bool:
        return bool(_data_of(self))

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **keywords: Any) -> Any:
        """``np.exp(v)`` is ``v.exp()``, so that a derivative written for arrays serves scalars too."""
        name = ufunc.__name__
        row = TABLE.get(NUMPY_NAMES.get(name, name)) or _COMPARISONS.get(name) or _OF_ENTRIES.get(name)
        if "out" in keywords:
            raise UnsupportedError(
                f"np.{name} of a Value cannot write into an array, as in a *= v, which would lose its graph: make the "
                "array a Tensor, and write a new one, t = t * 2"
            )
        if row is None or method != "__call__" or keywords:
            what = name if method == "__call__" else f"{name}.{method}"
            raise UnsupportedError(
                f"np.{what} has no derivative here, so it does not take Values: write it with operators and "
                "the methods of Value, or use a Tensor"
            )
        if any(getattr(x, "ndim", 0) for x in inputs):
            raise DTypeError(
                f"np.{ufunc.__name__} was given a Value and an array: use a Tensor instead of the Value, "
                "or the array's numbers one by one"
            )
        return row(*[x if isinstance(x, Value) else _float(x) for x in inputs])

    def __array_function__(self, function: Any, types: Any, args: Any, keywords: Any) -> Any:
        """``np.where(v > 0, v, 0)`` and the like keep the graph: see `value_functions`."""
        from tinygrad_edu.value_functions import call_function  # here, because a Value works without NumPy

        return call_function(function, args, keywords)

    @for_output
    def __repr__(self) -> str:
        label = f", label={self.label!r}" if self.label else ""
        grad = (self._grad._data if isinstance(self._grad, Value) else self._grad) or 0.0
        return f"{type(self).__name__}(data={self._data:.6g}, grad={grad:.6g}{label})"

    def _facts(self) -> dict[str, str]:
        grad = self._grad._data if isinstance(self._grad, Value) else self._grad
        return {"data": repr(self._data), "grad": repr(grad)}

    # What NumPy calls on each entry of an array of objects, besides the rows.
    def conjugate(self) -> "Value":
        """The number itself, because it is real."""
        return self.identity()

    def fabs(self) -> "Value":
        """The absolute value."""
        return self.abs()

    def radians(self) -> "Value":
        """Degrees as radians."""
        return self * (math.pi / 180)

    def degrees(self) -> "Value":
        """Radians as degrees."""
        return self * (180 / math.pi)

    deg2rad, rad2deg = radians, degrees

    # micrograd's names, for programs that draw a graph or walk it by hand.
    def _backward(self) -> None:
        if self.operation is not None:
            self.operation.backward_floats(self)

    @property
    def _prev(self) -> set["Value"]:
        return set(self.inputs)

    @property
    def _op(self) -> str:
        return "" if self.operation is None else self.operation.symbol


class Constant(Value):
    """A number in an expression: a leaf that collects no gradient."""

    __slots__ = ()

    @property
    def requires_grad(self) -> bool:
        """False."""
        return False

    @requires_grad.setter
    def requires_grad(self, _: bool) -> None:
        raise UnsupportedError("a constant takes no gradient: make a Value of the number")

    @property
    def grad(self) -> float:
        """Always 0.0. What the backward pass adds is dropped."""
        return 0.0

    @grad.setter
    def grad(self, _: Any) -> None:
        return

    _grad = grad

    @for_output
    def __repr__(self) -> str:
        return f"Constant({self._data:.6g})"


_COMPARISONS = {  # by NumPy's names: a NumPy number on the left calls them
    "less": operator.lt,
    "less_equal": operator.le,
    "greater": operator.gt,
    "greater_equal": operator.ge,
    "equal": operator.eq,
    "not_equal": operator.ne,
}

_OF_ENTRIES = {name: vars(Value)[name] for name in ("conjugate", "fabs", "deg2rad", "rad2deg", "radians", "degrees")}

_new = cast("Callable[[type[Value]], Value]", object.__new__)


def record(
    operation: Operation,
    forward: Callable[..., float],
    inputs: tuple[Value, ...],
    params: Mapping[str, Any] = NO_PARAMS,
) -> Value:
    """The node that ``operation`` makes of ``inputs``, in any mode and with constants among them."""
    if WATCH.active and MODES.recorder is not None:
        y = _float(MODES.recorder.record(operation, inputs, params))
    else:
        y = _float(forward(*[x._data for x in inputs], **params))
    if MODES.no_grad or not any(x.requires_grad for x in inputs):
        if WATCH.active:
            anomaly.on_constant(operation, y, inputs)
        return Constant(y)
    node = _new(Value)
    node._data = y
    node._grad = 0.0
    node.operation = operation
    node.inputs = inputs
    node._mark = None
    node.stamp = CLOCK.now
    node._marks = ()
    if params:
        node._params = params
    if WATCH.active:
        anomaly.on_node(node)
    return node


def walk(order: list[Value]) -> None:
    """Hand the gradient of each node on to its inputs, from the last node to the first."""
    if not WATCH.active:
        written_walk()(order)
    elif MODES.recorder is not None:
        MODES.recorder.walk(order)
    else:
        walk_each(order)


def walk_each(order: list[Value]) -> None:
    """What `walk` does, node by node; with `detect_anomaly` each gradient is checked."""
    for node in reversed(order):
        if node.operation is not None:
            node.operation.backward_floats(node)
            if MODES.anomaly:
                for i, x in enumerate(node.inputs):
                    anomaly.check_gradient(node, i, x._grad)


def _float(data: Any, holds: str = "a Value holds") -> float:
    """``data`` as a float, if it is one number; ``holds`` begins the message if it is none."""
    if data.__class__ is float:
        return data
    if data.__class__ is not int:
        if hasattr(data, "_recorder"):  # a placeholder of `compile`
            return data
        if getattr(data, "shape", ()) and not isinstance(data, Node):
            raise ShapeError(
                f"{holds} one number, but was given an array of shape {data.shape}: use a Tensor for arrays"
            )
        number = hasattr(data, "__float__") or hasattr(data, "__index__")
        if isinstance(data, str | bytes | Node) or not number or _kind(data) not in "fiubO":
            raise DTypeError(f"{holds} one number, but was given {shown(data)}: pass a float or an int")
    try:
        return float(data)
    except OverflowError:
        raise DTypeError(
            f"{holds} one number, but was given one that is too large for a float: pass one up to 1.8e308"
        ) from None
    except (TypeError, ValueError) as error:
        raise DTypeError(f"{holds} one number, but was given {shown(data)} ({error}): pass a float or an int") from None


def _kind(data: Any) -> str:
    """NumPy's letter for the type of an array or of one of its numbers; "f" for what is not NumPy's."""
    return str(getattr(getattr(data, "dtype", None), "kind", "f"))


def _data_of(other: Any) -> float:
    return data_of(other) if isinstance(other, Value) else _float(other)


# --- methods and operators, one for each row of the table -------------------------------------------------------

_NUMBERS = (float, int)


def _unary(row: Elementwise) -> Any:
    """The method of a row with one input."""

    def with_parameters(self: Value, *args: float, **keywords: float) -> Value:
        return self._record(row, (self,), row.bind(args, keywords))

    forward: Any = None

    def method(self: Value) -> Value:
        nonlocal forward
        if self.__class__ is not Value or WATCH.active:
            return record(row, row.on_floats, (self,))
        if forward is None:  # to read it from the row each time would take as long as the sum of two floats
            forward = row.on_floats
        node = _new(Value)
        node._data = forward(self._data)
        node._grad = 0.0
        node.operation = row
        node._left = self
        node._right = node._mark = None
        node.stamp = CLOCK.now
        node._marks = ()
        return node

    return with_parameters if row.defaults else method


def _binary(row: Elementwise) -> tuple[Any, Any]:
    """The method of a row with two inputs, and the one that Python calls for ``2.0 + v``."""

    def with_parameters(self: Value, other: Any, **keywords: float) -> Value:
        return self._record(row, (self, other), row.bind((), keywords))

    forward: Any = None

    def method(self: Value, other: Any) -> Any:
        nonlocal forward
        if other.__class__ is not Value or WATCH.active:
            if self.__class__ is not Value or other.__class__ not in _NUMBERS or WATCH.active:
                return general(self, other)
            other = Constant(other)
        if forward is None:
            forward = row.on_floats
        node = _new(Value)
        node._data = forward(self._data, other._data)
        node._grad = 0.0
        node.operation = row
        node._left = self
        node._right = other
        node._mark = None
        node.stamp = CLOCK.now
        node._marks = ()
        return node

    def general(self: Value, other: Any, *, reflected: bool = False) -> Any:
        if not isinstance(other, Value):
            if isinstance(other, Node) or (hasattr(other, "shape") and other.shape):
                raise DTypeError(_no_mixing(row, other))
            if not hasattr(other, "__float__"):
                return NotImplemented
            other = Constant(other)
        pair = (other, self) if reflected else (self, other)
        return record(row, row.on_floats, pair)

    def reflected(self: Value, other: Any) -> Any:
        return method(Constant(other), self) if other.__class__ in _NUMBERS else general(self, other, reflected=True)

    return (with_parameters, None) if row.defaults else (method, reflected)


def _no_mixing(row: Elementwise, other: Any) -> str:
    return (
        f"{row.name} was given a Value and {type(other).__name__} of shape {other.shape}: a graph is of Values "
        "(one number each) or of Tensors (arrays), so use one of them throughout"
    )


install(Value, _unary, _binary)
