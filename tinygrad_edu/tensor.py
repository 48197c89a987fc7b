"""`Tensor`: one ndarray a node.

It works like `Value`: every operation is one node, and NumPy does the arithmetic on whole arrays. Broadcasting is new:
it copies numbers, so the gradients of the copies must be added up (`operations.broadcasting.unbroadcast`).
"""

import functools
import operator
import sys
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, cast

import numpy as np

from tinygrad_edu import functions, numpy_protocol
from tinygrad_edu.compositions import arrangements, linear_algebra
from tinygrad_edu.errors import (
    ArgumentError,
    BackwardError,
    DTypeError,
    IndexingError,
    ShapeError,
    TinygradEduError,
    UnsupportedError,
)
from tinygrad_edu.graph import anomaly, modes
from tinygrad_edu.graph import node as graph
from tinygrad_edu.graph.clock import CLOCK
from tinygrad_edu.graph.modes import MODES, WATCH
from tinygrad_edu.graph.node import NO_PARAMS, Node, data_of
from tinygrad_edu.graph.recorded_backward import recorded_gradients
from tinygrad_edu.indexed_updates import At
from tinygrad_edu.operations import shapes as shape_rules
from tinygrad_edu.operations.arrays import VOCABULARY
from tinygrad_edu.operations.broadcasting import added, common_shape, copied_axes, gradient_dtype
from tinygrad_edu.operations.elementwise import install
from tinygrad_edu.operations.operation import ArrayOperation, Operation
from tinygrad_edu.operations.row import Elementwise, fill_arrays
from tinygrad_edu.speed.freed_memory import keep_freed_memory
from tinygrad_edu.speed.written_backward import array_gradients
from tinygrad_edu.support.arguments import shortened, shown
from tinygrad_edu.support.ascii import for_output
from tinygrad_edu.support.calls import explains_calls
from tinygrad_edu.support.numpy_warnings import raise_in_operations, warn_at_users_line
from tinygrad_edu.support.other_libraries import explain_absent
from tinygrad_edu.support.types import Array, DTypeLike

ndarray = np.ndarray


def _comparison(sign: str, compare: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    def method(self: "Tensor", other: Any) -> Any:
        a, b = data_of(self), data_of(other)
        try:
            return compare(a, b)
        except TinygradEduError:
            raise
        except (TypeError, ValueError):
            kind = ShapeError if hasattr(other, "shape") and other.shape != self.shape else DTypeError
            given = f"one of shape {other.shape}" if kind is ShapeError else shown(other)
            raise kind(f"a Tensor of shape {self.shape} cannot be compared by {sign} with {given}") from None

    return method


class Tensor(Node):
    """An array that remembers how it was computed.

    Parameters
    ----------
    data : number, nested sequence or array; copied.
    dtype : as in ``numpy.asarray``. Python floats become float64; float32 data stays float32, and so do gradients.
    requires_grad : whether a leaf collects a gradient. Integer and boolean data never does.
    label : name in pictures and messages.

    Attributes
    ----------
    data : ndarray. Read-only on a node that an operation made; a leaf's may be written to, and assigned. An array of
        another type of floats gives the leaf that type.
    grad : ndarray of the same shape and dtype, or None before any backward.
    op, inputs : what made the node; ``""`` and ``()`` on a leaf.

    Notes
    -----
    Every operation is a method and a NumPy function: ``t.sum(axis=0)`` and ``np.sum(t, axis=0)`` are the same, and
    ``array * t`` is a Tensor too. Bare arrays and numbers in an expression are constants. Names, kinks and defaults
    follow NumPy where it has the function, else PyTorch.

    Examples
    --------
    >>> W = Tensor([[1.0, 2.0], [3.0, 4.0]], label="W")
    >>> L = np.sum(np.array([1.0, -1.0]) @ W)
    >>> L.backward()
    >>> L.item(), W.grad.tolist()
    (-4.0, [[1.0, 1.0], [-1.0, -1.0]])
    """

    __slots__ = ("_checksum", "_grad", "_label", "_origin", "_params", "_times_borrowed", "inputs", "requires_grad")
    __array_priority__ = 1000

    inputs: tuple["Tensor", ...]
    requires_grad: bool

    def __init__(
        self, data: Any, *, dtype: DTypeLike | None = None, requires_grad: bool = True, label: str = ""
    ) -> None:
        array = _array(data, dtype)
        self._data = _own(array, data)
        self._grad: Any = None
        self.operation = None
        self.inputs = ()
        self.requires_grad = requires_grad and array.dtype.kind == "f"
        self.stamp = CLOCK.now
        self._checksum: int | None = None
        self._times_borrowed = 0
        if label:
            self.label = label
        if WATCH.active and MODES.recorder is not None:
            MODES.recorder.on_leaf(self, data)

    # --- what it holds ---

    @property
    def data(self) -> Array:
        """The array."""
        if WATCH.active and MODES.recorder is not None:
            return cast("Array", data_of(self))
        array: Array = self._data
        if self.operation is not None:
            array.flags.writeable = False
            return array
        self.detect_writes()
        if self._checksum is None:
            self._checksum = checksum(array)
            _BORROWED[:] = [True]
        self._times_borrowed += 1
        return array

    @data.setter
    def data(self, data: Any) -> None:
        if self.operation is not None:
            raise ArgumentError(
                f"the data of {graph.describe(self)} is computed, so it cannot be assigned: assign to a leaf"
            )
        if WATCH.active and MODES.recorder is not None:
            MODES.recorder.on_data_write(self)
        if data is self._data:  # `t.data -= …` has read the array, changed it, and assigns it
            if self._times_borrowed == 1:
                self._checksum, self._times_borrowed = None, 0
        else:
            array = _converted(data, _float_type(data, self.dtype), f"the data of {graph.describe(self)}")
            if array.shape != self.shape:
                raise ShapeError(
                    f"the data of {graph.describe(self)} has shape {self.shape}, but was assigned an array of shape "
                    f"{array.shape}: make a new Tensor for another shape"
                )
            if array.dtype != self.dtype and self._grad is not None:
                grad = self.grad
                self._grad = grad.astype(array.dtype)  # a gradient has the type of its data
            self._data = _own(array, data)
            self._checksum, self._times_borrowed = None, 0
        self.stamp = CLOCK.tick()

    def detect_writes(self) -> None:
        """Set a new time if the array that `data` handed out has been written to."""
        if self._checksum is not None:
            now = checksum(self._data)
            if now != self._checksum:
                self._checksum = now
                self.stamp = CLOCK.tick()
            memory = self._data if self._data.base is None else self._data.base  # what a view refers to
            if sys.getrefcount(self._data) <= 2 + (memory is self._data) and sys.getrefcount(memory) <= 3:
                self._checksum, self._times_borrowed = None, 0  # there is no other reference to it

    def update(self, array: Array, now: int | None = None) -> None:
        """Take ``array`` as the new data of a leaf, without a copy. For optimizers; ``now`` is the time of the step."""
        if array is self._data and self._checksum is not None:  # written in place, while it is borrowed
            self._checksum = checksum(array)
        else:
            self._data = np.asarray(array)  # without axes, NumPy's arithmetic gives a scalar
            self._checksum, self._times_borrowed = None, 0
        self.stamp = CLOCK.tick() if now is None else now

    @property
    def grad(self) -> Any:
        """∂root/∂self after ``root.backward()``: an array (a Tensor with ``create_graph=True``); None before any."""
        if WATCH.active and MODES.recorder is not None:
            MODES.recorder.on_grad_read(self)
        if self._grad.__class__ is tuple:  # from the backward pass, and perhaps shared with another node
            self._grad = self._grad[0].copy()
        return self._grad

    @grad.setter
    def grad(self, grad: Any) -> None:
        if WATCH.active and MODES.recorder is not None:
            MODES.recorder.on_grad_write(self)
        new: Any
        if isinstance(grad, Tensor):
            new = grad if grad.dtype == self.dtype else grad.astype(self.dtype)
        else:
            new = None if grad is None else _converted(grad, self.dtype, f"the gradient of {graph.describe(self)}")
        if new is not None and new.shape != self.shape:
            raise ShapeError(f"a gradient has the shape of its data, {self.shape}, but was given {new.shape}")
        # `t.grad *= …` assigns the array that it has read. Any other array is copied: it belongs to the caller.
        copied = isinstance(new, ndarray) and grad is not self._grad and np.may_share_memory(new, grad)
        self._grad = new.copy() if copied else new

    @property
    def shape(self) -> tuple[int, ...]:
        """Length of each axis."""
        return self._data.shape

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return self._data.ndim

    @property
    def size(self) -> int:
        """Number of entries."""
        return self._data.size

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of the entries."""
        return self._data.dtype

    def item(self) -> float:
        """The one number, as Python's own."""
        if self.size != 1:
            raise ShapeError(
                f"item() takes a Tensor of one element, but this one has shape {self.shape}: index or reduce it first"
            )
        return data_of(self).item()

    def numpy(self) -> Array:
        """A copy of the array, free of the graph."""
        return data_of(self).copy(order="K")

    def __dlpack__(self, **options: Any) -> Any:
        """The array for another library, such as ``torch.from_dlpack(t.detach())``: a copy, without the graph.

        Raises
        ------
        BufferError : the Tensor requires a gradient, which would be lost without a word.
        """
        if self.requires_grad:
            raise BufferError("a Tensor that requires a gradient would lose it in another library: pass t.detach()")
        return self.numpy().__dlpack__(**options)

    def __dlpack_device__(self) -> tuple[int, int]:
        """The processor's memory, as DLPack numbers it."""
        return data_of(self).__dlpack_device__()

    def tolist(self) -> Any:
        """The array as nested lists of Python numbers."""
        return data_of(self).tolist()

    def detach(self) -> "Tensor":
        """The same numbers as a new leaf that requires no gradient."""
        return Tensor(data_of(self), requires_grad=False, label=self.label)

    def astype(self, dtype: DTypeLike) -> "Tensor":
        """The same numbers in another floating type, with the gradient flowing back in this one."""
        kind = _dtype(dtype)
        if kind.kind != "f":
            return Tensor(data_of(self).astype(kind), requires_grad=False)
        return record(CAST, (self,), {"dtype": kind})

    # --- backward ---

    @explains_calls
    def backward(self, gradient: Any = None, *, create_graph: bool = False) -> None:
        """Compute ∂self/∂node for every node that self depends on, by the chain rule.

        Parameters
        ----------
        gradient : ∂L/∂self, of self's shape; required unless self has one element, where it is 1.
        create_graph : make the gradients nodes, which can be differentiated again.

        Notes
        -----
        Gradients of leaves accumulate: a second call adds the same amounts again. Those of interior nodes are the
        latest call's. No gradient shares memory with another or with any data. Infinite slopes are no errors here,
        even within ``np.errstate(all="raise")``, which holds in the forward pass: `detect_anomaly` finds them.

        Raises
        ------
        BackwardError : no gradient is needed here, or ``gradient`` is missing or of another shape.
        StaleGraphError : the data of a leaf was changed after an operation had used it.
        """
        if not self.requires_grad:
            raise graph.nothing_to_differentiate(self)
        seed = self._seed(gradient)
        if WATCH.before_backward:
            modes.notify("before_backward", self)
        if create_graph:
            start = seed if isinstance(seed, Tensor) else self.constant_like(seed)
            with np.errstate(all="ignore"):
                grads = cast("dict[Tensor, Any]", recorded_gradients(self, self.fit_gradient(start, self)))
        else:
            grads = array_gradients(self, data_of(seed).astype(self.dtype) if isinstance(seed, Tensor) else seed)
        for node, gx in grads.items():
            if node.operation is not None:
                node._grad = gx if create_graph else (gx,)
            elif node._grad is None:
                node._grad = gx
            else:
                node._grad = _accumulated(node.grad, gx)
        if WATCH.after_backward:
            modes.notify("after_backward", self)

    def _seed(self, gradient: Any) -> Any:
        if gradient is None:
            if self._data.ndim == 0 and self.operation is not None:
                return _one(self._data.dtype)
            if self.size != 1:
                raise BackwardError(
                    f"backward() from a Tensor of shape {self.shape} needs its gradient: reduce it to one number, for "
                    "instance with .sum() or .mean(), or pass backward(gradient) of that shape"
                )
            return np.ones(self.shape, gradient_dtype(self.dtype))
        dtype = gradient_dtype(self.dtype)
        seed = gradient if isinstance(gradient, Tensor) else _array(gradient, dtype).copy()
        if seed.shape != self.shape:
            raise BackwardError(
                f"backward(gradient) needs the shape of the Tensor, {self.shape}, but was given {seed.shape}"
            )
        return seed

    def __copy__(self) -> "Tensor":
        self.detect_writes()
        twin = super().__copy__()
        twin._data = self._data.copy()
        if isinstance(self.grad, ndarray):
            twin._grad = self.grad.copy()
        twin._checksum, twin._times_borrowed = None, 0
        return twin

    def constant_like(self, data: Any) -> "Tensor":
        if isinstance(data, float | int) and self.dtype.kind == "f":
            data = np.asarray(data, self.dtype)  # a bare number does not turn float32 into float64
        return Tensor(data, requires_grad=False)

    def fresh_order(self, *, leaves: bool = True) -> list["Tensor"]:
        if not _BORROWED:
            return cast("list[Tensor]", graph.topological_order(self, fresh=True, leaves=leaves))
        order = cast("list[Tensor]", graph.topological_order(self))
        for node in order:  # inputs come first
            if node._checksum is not None:
                node.detect_writes()
            for x in node.inputs:
                if x.stamp > node.stamp:
                    raise graph.stale(node, x)
        return order

    def fit_gradient(self, gx: Node, node: Node) -> "Tensor":
        tensor = cast("Tensor", gx)
        if tensor.shape != self.shape:
            shape, full = self.shape, common_shape(tensor.shape, self.shape, node.op)
            tensor = tensor.broadcast_to(full) if tensor.shape != full else tensor
            axes = copied_axes(shape, full)
            tensor = tensor.sum(axis=axes).reshape(shape) if axes else tensor
        return tensor if tensor.dtype == self.dtype else tensor.astype(self.dtype)

    def _record(self, operation: Operation, xs: Sequence[Any], params: Mapping[str, Any]) -> Any:
        inputs = tuple([x if x.__class__ is Tensor else _operand(x, self, operation) for x in xs])
        return record(operation, inputs, params)

    # --- Python's protocols ---

    def __eq__(self, other: object) -> Any:
        return data_of(self) == data_of(other)

    def __ne__(self, other: object) -> Any:
        return data_of(self) != data_of(other)

    __lt__ = _comparison("<", operator.lt)
    __le__ = _comparison("<=", operator.le)
    __gt__ = _comparison(">", operator.gt)
    __ge__ = _comparison(">=", operator.ge)

    __hash__ = object.__hash__  # identity: a graph keeps nodes in sets

    def __len__(self) -> int:
        if not self.ndim:
            raise DTypeError("len() of a Tensor of shape (): it is a single number")
        return self.shape[0]

    def __iter__(self) -> Iterator["Tensor"]:
        if not self.ndim:
            raise DTypeError("a Tensor of shape () cannot be iterated over: it is a single number")
        return (self[i] for i in range(self.shape[0]))

    def __bool__(self) -> bool:
        if self.size != 1:
            raise ShapeError(
                f"the truth of a Tensor of shape {self.shape} is ambiguous: use (t > 0).any() or (t > 0).all()"
            )
        return bool(data_of(self).item())

    def __float__(self) -> float:
        return graph.plain_float(self, float(self.item()))

    def __int__(self) -> int:
        return int(self.item())

    def __round__(self, digits: int | None = None) -> float:
        """The rounded number of a Tensor that holds one; `np.round` rounds each entry."""
        return round(self.item(), digits)

    def __setitem__(self, index: Any, value: Any) -> None:
        """Write into a leaf that needs no gradient; within `no_grad` into any leaf."""
        free = MODES.no_grad or not (self.requires_grad or getattr(value, "requires_grad", False))
        if self.operation is not None or not free:
            raise UnsupportedError(
                "a Tensor's entries cannot be assigned where a gradient is needed: the graph would not know of it, so "
                "make a new node by t.at[index].set(x), .add(x) or .multiply(x), or write to .data of a leaf"
            )
        data = data_of(self).copy()
        try:
            data[_index(index)] = data_of(value)
        except IndexError as error:
            raise IndexingError(f"a Tensor of shape {self.shape} was indexed with {shown(index)}: {error}") from None
        except ValueError as error:
            raise ShapeError(f"entries of a Tensor of shape {self.shape} were assigned: {error}") from None
        self.data = data

    @property
    def at(self) -> At:
        """``t.at[index].add(x)``, ``.set(x)`` and ``.multiply(x)`` give new nodes, as in JAX."""
        return At(self)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Array:
        if self.requires_grad:
            raise UnsupportedError(
                "a Tensor that requires a gradient was given to code for plain arrays, which would lose the gradient: "
                "join Tensors with np.stack([...]) or np.array([...], like=t), use a function that Tensor supports, "
                "or, where only the numbers are meant, pass t.numpy()"
            )
        return np.array(data_of(self), dtype=dtype)

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **keywords: Any) -> Any:
        return numpy_protocol.call_ufunc(ufunc, method, inputs, keywords)

    def __array_function__(self, func: Any, types: Any, args: Any, keywords: Any) -> Any:
        return numpy_protocol.call_function(func, args, keywords)

    @for_output
    def __repr__(self) -> str:
        body = np.array2string(self._data, separator=", ", prefix="Tensor(", precision=6, threshold=60)
        notes = "" if self.dtype == np.float64 else f", dtype={self.dtype}"
        notes += f", label={self.label!r}" if self.label else ""
        if self.operation is not None:
            notes += f", op={self.op}"
        elif not self.requires_grad:
            notes += ", requires_grad=False"
        return f"Tensor({body}{notes})"

    def _facts(self) -> dict[str, str]:
        grad = self.grad._data if isinstance(self.grad, Tensor) else self.grad
        arrays = {"data": self._data} | ({} if grad is None else {"grad": grad})
        shown = {name: np.array2string(array, precision=6, threshold=60) for name, array in arrays.items()}
        return {"shape": f"{self.shape} {self.dtype}"} | shown

    # --- operations: a method and a NumPy function are the same function ---

    @property
    def T(self) -> "Tensor":
        """The axes in reverse order."""
        return functions.transpose(self)

    reshape = functions.reshape
    ravel = flatten = functions.ravel
    transpose = functions.transpose
    swapaxes = functions.swapaxes
    moveaxis = functions.moveaxis
    squeeze = functions.squeeze
    expand_dims = functions.expand_dims
    broadcast_to = functions.broadcast_to
    flip = functions.flip
    roll = functions.roll
    repeat = functions.repeat
    tile = functions.tile
    pad = arrangements.pad
    split = functions.split
    diagonal = functions.diagonal
    trace = functions.trace
    tril = functions.tril
    triu = functions.triu
    take_along_axis = functions.take_along_axis
    sort = functions.sort

    sum = functions.sum
    mean = functions.mean
    prod = functions.prod
    var = functions.var
    std = functions.std
    max = functions.max
    min = functions.min
    logsumexp = functions.logsumexp
    cumsum = functions.cumsum
    argmax = functions.argmax
    argmin = functions.argmin
    softmax = functions.softmax
    log_softmax = functions.log_softmax

    matmul = functions.matmul
    dot = functions.dot
    inner = functions.inner
    outer = functions.outer
    norm = linear_algebra.norm
    det = functions.det
    inv = functions.inv
    solve = functions.solve

    def __matmul__(self, other: Any) -> "Tensor":
        return functions.matmul(self, other)

    def __rmatmul__(self, other: Any) -> "Tensor":
        return functions.matmul(other, self)

    def __getitem__(self, index: Any) -> "Tensor":
        try:
            return record(shape_rules.GETITEM, (self,), {"index": _index(index)})
        except IndexError as error:
            raise IndexingError(f"a Tensor of shape {self.shape} was indexed with {shown(index)}: {error}") from None


# --- recording --------------------------------------------------------------------------------------------------

_BORROWED: list[bool] = []  # not empty once the array of any leaf was handed out: then writes are looked for
_DATA = operator.attrgetter("_data")
_new = cast("Callable[[type[Tensor]], Tensor]", object.__new__)


def record(operation: Operation, inputs: tuple[Tensor, ...], params: Mapping[str, Any] = NO_PARAMS) -> Tensor:
    """The node that ``operation`` makes of ``inputs``."""
    watched, forward, count = WATCH.active, operation.forward, len(inputs)
    try:
        if watched:
            y = _forward_watched(operation, inputs, params)
        elif count == 1:  # named arguments cost half as much as a list of them
            y = forward(inputs[0]._data, **params) if params else forward(inputs[0]._data)
        elif params or count != 3:
            y = forward(*map(_DATA, inputs), **params)
        else:
            y = forward(inputs[0]._data, inputs[1]._data, inputs[2]._data)
    except RuntimeWarning as warning:
        y = _forward_again(operation, inputs, params, warning)
    except ValueError as error:
        # The sentence repeats NumPy's message. For a user's own operation, the traceback shows the user's line.
        raise _explain(operation, inputs, error) from None if operation.returns_fresh_arrays else error
    if y.__class__ is not ndarray:
        y = _array(y)
    if _BORROWED:
        _detect_writes(inputs)
    for x in inputs:
        if x.requires_grad:
            break
    else:
        return _constant_result(operation, inputs, params, y) if watched or WATCH.on_constant else _leaf(y)
    if watched and MODES.no_grad:
        return _constant_result(operation, inputs, params, y)
    node = _new(Tensor)
    node._data = y
    node._grad = node._checksum = None
    node.operation = operation
    node.inputs = inputs
    node.requires_grad = True
    node._params = params
    node._marks = ()  # a missing attribute would cost more
    node.stamp = CLOCK.now
    if watched:
        anomaly.on_node(node)
    return node


def _accumulated(grad: Any, gx: Any) -> Any:
    try:
        return added(grad, gx)
    except RuntimeWarning:
        return warn_at_users_line("backward()", added, grad, gx)


def _constant_result(operation: Operation, inputs: tuple[Tensor, ...], params: Mapping[str, Any], y: Any) -> Tensor:
    """A result that requires no gradient, in the graph only within `recording`; the observers are told of it."""
    anomaly.on_constant(operation, y, inputs)
    node = _leaf(y)
    if MODES.constants and not MODES.no_grad and MODES.recorder is None:
        node.operation, node.inputs, node._params, node._marks = operation, inputs, params, ()
        anomaly.on_node(node)
    if WATCH.on_constant:
        modes.notify("on_constant", operation, inputs, node)
    return node


def _detect_writes(inputs: tuple[Tensor, ...]) -> None:
    for x in inputs:
        if x._checksum is not None:
            x.detect_writes()


def _leaf(y: Any) -> Tensor:
    """A result that requires no gradient. Like every leaf it does not share its array."""
    return constant(y if getattr(y, "base", None) is None else y.copy())


def constant(array: Any) -> Tensor:
    """A Tensor that requires no gradient. ``array`` is not copied, so nothing else may write into it."""
    node = _new(Tensor)
    node._data = array if array.__class__ is ndarray else _array(array)
    node._grad = node._checksum = node.operation = None
    node.inputs = ()
    node.requires_grad = False
    node._times_borrowed = 0
    node.stamp = CLOCK.now
    return node


def _forward_watched(operation: Operation, inputs: tuple[Tensor, ...], params: Mapping[str, Any]) -> Any:
    if MODES.recorder is not None:
        return MODES.recorder.record(operation, inputs, params)
    if not MODES.anomaly:
        return operation.forward(*[x._data for x in inputs], **params)
    with np.errstate(all="ignore"):  # the place is reported, not a warning
        return operation.forward(*[x._data for x in inputs], **params)


def _forward_again(
    operation: Operation, inputs: tuple[Tensor, ...], params: Mapping[str, Any], warning: RuntimeWarning
) -> Any:
    """The forward pass once more, after NumPy's warning in it, which is then given at the user's line."""
    if not operation.returns_fresh_arrays:
        raise warning  # by a user's own operation, where the user wants errors
    return warn_at_users_line(operation.name, _forward_watched, operation, inputs, params)


def _explain(operation: Operation, inputs: Sequence[Tensor], error: Exception) -> TinygradEduError:
    given = ", ".join(f"{x.label + ' ' if x.label else ''}{x.shape}" for x in inputs)
    kind = ArgumentError if isinstance(error, np.linalg.LinAlgError) else ShapeError
    if operation.name == "einsum" and "broadcast" in str(error):
        return kind(
            f"einsum of {given}: a letter must have the same length wherever it stands, in the subscripts of all arrays"
        )
    if str(error).startswith("operands could not be broadcast"):
        return kind(
            f"{operation.name} of {given}: these shapes do not broadcast. Compare the axes from the last to the first: "
            "two axes must have the same length, or one of them the length 1. Reshape or transpose one of the arrays"
        )
    if "negative integer powers" in str(error):
        return DTypeError(
            f"{operation.name} of integers to a negative power is no integer: use floats, x.astype(float)"
        )
    return kind(f"{operation.name} of {given}: {error}")


def _operand(x: Any, like: Tensor, operation: Operation) -> Tensor:
    """A number or an array in an expression with ``like``, as a constant."""
    if isinstance(x, Tensor):
        return x
    if isinstance(x, Node):
        raise DTypeError(
            f"{operation.name} was given a Tensor of shape {like.shape} and {type(x).__name__}: a graph is of Values "
            "(one number each) or of Tensors (arrays), so use one of them throughout"
        )
    if x.__class__ is float or x.__class__ is int:
        try:
            kind = like.dtype if like.dtype.kind == "f" else np.result_type(like.dtype, x)
            return Tensor(np.asarray(x, kind), requires_grad=False)
        except OverflowError as error:
            raise DTypeError(
                f"{operation.name} was given an integer that is too large ({error}): use a float"
            ) from None
    return Tensor(x, requires_grad=False)


def _float_type(given: Any, usual: np.dtype[Any]) -> np.dtype[Any]:
    """The type of a leaf that takes over ``given``: another type of floats is meant, integers and lists are not."""
    kind = getattr(given, "dtype", usual)
    return kind if kind.kind == usual.kind == "f" and not hasattr(given, "_recorder") else usual


def _own(array: Array, given: Any) -> Array:
    """The array that was made of ``given``; a copy if both may share memory."""
    return array.copy() if np.may_share_memory(array, given) else array


def _array(data: Any, dtype: DTypeLike | None = None) -> Array:
    """``data`` as an array of floats, integers or booleans."""
    if isinstance(data, Tensor):
        data = data_of(data)
    elif isinstance(data, list | tuple):
        data = _plain_nested(data)
    if hasattr(data, "_recorder"):  # the placeholder for an array while `compile` records
        return data if dtype is None or data.dtype == dtype else data.astype(dtype)
    try:
        array = np.asarray(data)
        if dtype is not None and not isinstance(data, Node) and _holds_numbers(array):
            array = np.asarray(data, dtype)  # of a text, None or a complex number NumPy would make a float, too
    except (ValueError, TypeError, OverflowError) as error:
        raise _not_an_array(data, dtype, error) from None
    if array.dtype.kind not in "fiub":
        given = f"{shortened(data)} ({array.dtype})"
        raise DTypeError(f"a Tensor holds floats, integers or booleans, but was given {given}: {_advice(data)}")
    return array


def _holds_numbers(array: Array) -> bool:
    """Whether the entries are real numbers, if need be of Python's own types, such as a large integer or a fraction."""
    if array.dtype.kind != "O":
        return array.dtype.kind in "fiub"
    return all(hasattr(x, "__float__") or hasattr(x, "__index__") for x in array.flat)


def _converted(data: Any, dtype: np.dtype[Any], what: str) -> Array:
    """``data`` as an array of this type, for a place that has it already; fractions are not lost without a word."""
    array = _array(data)
    if array.dtype == dtype:
        return array
    with np.errstate(invalid="ignore"):  # nan cannot become an integer
        converted = array.astype(dtype)
    if dtype.kind != "f" and not hasattr(array, "_recorder") and not np.array_equal(converted, array):
        raise DTypeError(
            f"{what} is of the type {dtype}, which cannot hold what was assigned, {shown(data)}: make a Tensor of "
            "another type"
        )
    return converted


def _advice(data: Any) -> str:
    if isinstance(data, Node):
        return "compute with Values or with Tensors throughout, or pass its number, x.data"
    if data is None:
        return "a function without return gives None"
    if callable(data):
        return "call it, and pass what it returns"
    return "pass numbers, a list of them or an array"


def _dtype(dtype: Any) -> np.dtype[Any]:
    """NumPy's type of numbers of this name."""
    try:
        return np.dtype(dtype)
    except TypeError:
        raise DTypeError(
            f"dtype must be a type of numbers, such as float or 'float32', but was given {dtype!r:.60}"
        ) from None


def _not_an_array(data: Any, dtype: Any, error: Exception) -> TinygradEduError:
    try:
        _dtype(dtype)
    except DTypeError as wrong:
        return wrong
    if "inhomogeneous" in str(error):
        return ShapeError(
            f"a Tensor needs numbers in a regular shape, but was given {shortened(data)}: make its rows equally long"
        )
    return DTypeError(f"a Tensor holds numbers, but was given {shortened(data)}: {error}")


def _plain_nested(data: Any) -> Any:
    """Nested sequences with the constant Tensors in them as arrays."""
    for x in data:
        if isinstance(x, Node) and x.requires_grad:
            if isinstance(data, tuple) and x.marks:
                raise DTypeError(f"a Tensor is one array, but was given a tuple: {graph.of_a_tuple(data)}")
            raise DTypeError(
                f"a Tensor of the list {shortened(data)} would lose the gradients of its {type(x).__name__}s: join "
                "Tensors with np.stack, or take the numbers alone with float(x) or x.numpy()"
            )
    return [_plain_nested(x) if isinstance(x, list | tuple) else data_of(x) for x in data]


def checksum(array: Array) -> int:
    """A number that tells whether the array was written to."""
    return zlib.crc32(np.ascontiguousarray(array).data)


@functools.cache
def _one(dtype: np.dtype[Any]) -> Array:
    one = np.ones((), gradient_dtype(dtype))
    one.flags.writeable = False
    return one


def _index(index: Any) -> Any:
    if isinstance(index, tuple):
        return tuple(map(_index, index))
    return functions.snapshot(data_of(index))


def _cast(x: Any, *, dtype: np.dtype[Any]) -> Any:
    return x.astype(dtype)


def _cast_gx(gy: Any, y: Any, x: Any, *, dtype: np.dtype[Any]) -> Any:
    return gy.astype(x.dtype)


CAST = ArrayOperation("astype", _cast, _cast_gx, formula="gy")


# --- methods and operators, one for each row of the table -------------------------------------------------------


def _unary(row: Elementwise) -> Any:
    def method(self: Tensor) -> Tensor:
        return record(row, (self,), NO_PARAMS)

    def with_parameters(self: Tensor, *args: float, **keywords: float) -> Tensor:
        return record(row, (self,), row.bind(args, keywords))

    return with_parameters if row.defaults else method


def _binary(row: Elementwise) -> tuple[Any, Any]:
    def method(self: Tensor, other: Any, **keywords: Any) -> Tensor:
        if other.__class__ is not Tensor:
            other = _operand(other, self, row)
        return record(row, (self, other), row.bind((), keywords) if row.defaults else NO_PARAMS)

    def mirrored(self: Tensor, other: Any) -> Tensor:
        return record(row, (_operand(other, self, row), self))

    return method, mirrored


def _clip_with_limits(clip: Any) -> Any:
    """The method ``clip``, which takes limits that need a gradient, too."""

    @functools.wraps(clip)
    def method(self: Tensor, *limits: Any, **named: Any) -> Tensor:
        if any(isinstance(limit, Node) and limit.requires_grad for limit in (*limits, *named.values())):
            clipped: Tensor = np.clip(self, *limits, **named)
            return clipped
        plain: Tensor = clip(self, *limits, **named)
        return plain

    return method


keep_freed_memory()
raise_in_operations()
fill_arrays(VOCABULARY)
install(Tensor, _unary, _binary)
Tensor.clip = _clip_with_limits(Tensor.clip)


explain_absent(Tensor)
