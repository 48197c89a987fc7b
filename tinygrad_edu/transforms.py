"""Functions in, derivative functions out: `grad`, `value_and_grad`, `jacobian`, `hessian`, `hvp`.

They work on functions of floats, which run on Values, and on functions of arrays, which run on Tensors; plain numbers
in give plain numbers out. They nest freely, because a gradient is a node wherever an outer transform needs its
derivative::

    grad(grad(f))(2.0)           # the inner gradient is recorded: the outer one differentiates it
    grad(f)(Value(2.0))          # a Value in, a Value out: its graph goes on
"""

import contextlib
from collections.abc import Callable, Iterator, Sequence
from typing import Any, cast

import numpy as np

from tinygrad_edu.errors import ArgumentError, DTypeError, ShapeError
from tinygrad_edu.graph import node as graph
from tinygrad_edu.graph.modes import MODES, no_grad
from tinygrad_edu.graph.node import Node
from tinygrad_edu.graph.recorded_backward import recorded_gradients
from tinygrad_edu.speed.written_backward import array_gradients
from tinygrad_edu.tensor import Tensor
from tinygrad_edu.value import Value

Function = Callable[..., Any]


@contextlib.contextmanager
def _recorded() -> Iterator[None]:
    """Record within it, even inside `no_grad`: a derivative needs the recording."""
    outside, MODES.no_grad = MODES.no_grad, 0
    try:
        yield
    finally:
        MODES.no_grad = outside


@contextlib.contextmanager
def _running(arguments: Sequence[Node]) -> Iterator[None]:
    outside = MODES.arguments
    MODES.arguments = (*outside, *arguments)
    try:
        with _recorded():
            yield
    finally:
        MODES.arguments = outside


def _argument(x: Any, name: str) -> Node:
    """A new node for the argument ``x``. Where the function reaches ``x`` in another way, ``x`` is a constant."""
    if isinstance(x, Node):
        return x.identity()
    if isinstance(x, float | int) and not isinstance(x, bool):
        return Value(x)
    tensor = Tensor(x)
    if not tensor.requires_grad:
        raise DTypeError(
            f"{name} differentiates by floating-point arguments, but was given {tensor.dtype} data: use floats, "
            "for instance x.astype(float)"
        )
    return tensor


def _split(args: Sequence[Any], argnum: int | tuple[int, ...], name: str) -> tuple[list[Any], list[Node], list[Any]]:
    """The call's arguments with nodes in place of those to differentiate by; these nodes; what was given for them."""
    numbers = (argnum,) if isinstance(argnum, int) else argnum
    if any(not -len(args) <= i < len(args) for i in numbers):
        raise ArgumentError(
            f"{name} was to differentiate by argument {argnum}, but the function was called with {len(args)} of them"
        )
    given = [args[i] for i in numbers]
    nodes = [_argument(x, name) for x in given]
    call = list(args)
    for i, node in zip(numbers, nodes, strict=True):
        call[i] = node
    return call, nodes, given


def _outlives(node: Node, given: Sequence[Any]) -> bool:
    """Whether a result must stay a node: an argument was one, or an outer transform's argument leads to it."""
    return any(isinstance(x, Node) for x in given) or graph.is_differentiated(node)


def _gradients(root: Node, seed: Any, wrt: Sequence[Node], *, record: bool) -> list[Any]:
    """∂root/∂x for each x, times the seed: nodes if they are recorded, else plain numbers; ``.grad`` is untouched."""
    if record:
        with np.errstate(all="ignore"):  # infinite slopes are allowed
            grads: dict[Any, Any] = dict(recorded_gradients(root, root.constant_like(seed)))
        return [grads.get(x, x.constant_like(_zero(x))) for x in wrt]
    if isinstance(root, Tensor):
        grads = dict(array_gradients(root, seed))
        return [grads.get(x, _zero(x)) for x in wrt]
    with no_grad():
        grads = dict(recorded_gradients(root, root.constant_like(seed)))
    return [grads[x]._data if x in grads else 0.0 for x in wrt]


def value_and_grad(f: Function, argnum: int | tuple[int, ...] = 0) -> Function:
    """Make the function that gives ``(f(x), ∂f/∂x)``.

    Parameters
    ----------
    f : function of floats or arrays that gives one number.
    argnum : which argument to differentiate by; for a tuple of them the gradients are a tuple.

    Examples
    --------
    >>> value_and_grad(lambda x, y: x * x * y)(3.0, 2.0)
    (18.0, 12.0)
    """
    _check_function(f, "grad")

    def value_and_gradient(*args: Any, **keywords: Any) -> tuple[Any, Any]:
        call, nodes, given = _split(args, argnum, "grad")
        with _running(nodes):
            y = f(*call, **keywords)
        if not isinstance(y, Node):
            _check_constant(y, "grad")
            return y, _packed(list(map(_zero, nodes)), argnum)
        if np.size(y._data) != 1:
            raise ShapeError(
                f"grad differentiates a function that gives one number, but this one gave shape {y._data.shape}: "
                "reduce it, for instance with .sum(), or use jacobian"
            )
        record = _outlives(y, given)
        seed = 1.0 if isinstance(y, Value) else np.ones_like(y._data)
        grads = _gradients(y, seed, nodes, record=record) if y.requires_grad else list(map(_zero, nodes))
        return (y if record else _plain(y)), _packed(grads, argnum)

    return _named(value_and_gradient, f, "value_and_grad")


def _zero(x: Node) -> Any:
    return 0.0 if isinstance(x, Value) else np.zeros_like(x._data)


def _check_constant(y: Any, name: str) -> None:
    """A function may give a plain number, which depends on nothing; but a forgotten ``return`` is no number."""
    if not isinstance(y, float | int | np.number | np.ndarray):
        raise DTypeError(
            f"{name} differentiates a function that gives a number or an array, but this one gave {y!r}: return the "
            "result"
        )


def _check_function(f: Any, name: str) -> None:
    if not callable(f):
        raise ArgumentError(f"{name} takes a function, but was given {f!r}: call it as {name}(f)(x)")


def _plain(y: Node) -> Any:
    return y._data if isinstance(y, Value) or y._data.ndim else y._data.item()


def _packed(grads: Sequence[Any], argnum: int | tuple[int, ...]) -> Any:
    return grads[0] if isinstance(argnum, int) else tuple(grads)


def _named(function: Function, f: Function, what: str) -> Function:
    function.__name__ = function.__qualname__ = f"{what}({getattr(f, '__name__', 'f')})"
    return function


def grad(f: Function, argnum: int | tuple[int, ...] = 0) -> Function:
    """Make the function that gives the gradient ∂f/∂x, of the argument's shape.

    Examples
    --------
    >>> grad(lambda x: x**3)(2.0)
    12.0
    >>> grad(grad(lambda x: x**3))(2.0)
    12.0
    >>> import numpy as np
    >>> grad(lambda x: (x**2).sum())(np.array([1.0, 2.0]))
    array([2., 4.])
    """
    both = value_and_grad(f, argnum)

    def gradient(*args: Any, **keywords: Any) -> Any:
        return both(*args, **keywords)[1]

    return _named(gradient, f, "grad")


def jacobian(f: Function, argnum: int = 0) -> Function:
    """Make the function that gives ``J[i, j] = ∂f(x)[i] / ∂x[j]``, of shape ``f(x).shape + x.shape``.

    One backward pass for each entry of ``f(x)``. For a function of a float that gives a list, a list.

    Examples
    --------
    >>> import numpy as np
    >>> A = np.array([[1.0, 2.0], [3.0, 4.0]])
    >>> jacobian(lambda x: A @ x)(np.array([5.0, 6.0]))
    array([[1., 2.],
           [3., 4.]])
    """
    _check_function(f, "jacobian")

    def matrix(*args: Any, **keywords: Any) -> Any:
        call, (x,), given = _split(args, argnum, "jacobian")
        with _running([x]):
            y = f(*call, **keywords)
        if isinstance(y, list | tuple):
            return [_row(part, x, given) for part in y]
        if not isinstance(y, Tensor):
            return _row(y, x, given)
        with _recorded():
            entries = [y[i] for i in np.ndindex(y.shape)]
        rows = [_row(entry, x, given) for entry in entries]
        shape = y.shape + x._data.shape
        if rows and not isinstance(rows[0], np.ndarray | np.generic | float):  # Tensors, or what `compile` listens with
            return cast("Any", np.stack)(rows).reshape(shape)
        return np.array(rows, dtype=y.dtype).reshape(shape)

    return _named(matrix, f, "jacobian")


def _row(y: Any, x: Node, given: Sequence[Any]) -> Any:
    if not isinstance(y, Node):
        _check_constant(y, "jacobian")
        return _zero(x)
    if not y.requires_grad:
        return _zero(x)
    seed = 1.0 if isinstance(y, Value) else np.ones_like(y._data)
    return _gradients(y, seed, [x], record=_outlives(y, given))[0]


def hessian(f: Function, argnum: int = 0) -> Function:
    """Make the function that gives ``H[i, j] = ∂²f / ∂x[i] ∂x[j]``: the `jacobian` of the `grad`.

    Examples
    --------
    >>> import numpy as np
    >>> hessian(lambda x: x[0] ** 2 * x[1])(np.array([3.0, 2.0]))
    array([[4., 6.],
           [6., 0.]])
    """
    return _named(jacobian(grad(f, argnum), argnum), f, "hessian")


def hvp(f: Function, x: Any, v: Any) -> Any:
    """Compute the Hessian of ``f`` at ``x`` times the vector ``v``, without the Hessian: ∇(∇f · v).

    Costs about two gradients, whatever the length of ``x`` (Pearlmutter, 1994).

    Examples
    --------
    >>> import numpy as np
    >>> hvp(lambda x: x[0] ** 2 * x[1], np.array([3.0, 2.0]), np.array([1.0, 0.0]))
    array([4., 6.])
    """
    if np.shape(getattr(x, "_data", x)) != np.shape(getattr(v, "_data", v)):
        raise ShapeError(
            f"hvp needs v of the shape of x, {np.shape(getattr(x, '_data', x))}, but was given "
            f"{np.shape(getattr(v, '_data', v))}"
        )

    def along(point: Any) -> Any:
        product = grad(f)(point) * v
        return product if isinstance(product, Value) else product.sum()

    return grad(along)(x)
