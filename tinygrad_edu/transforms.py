"""Functions in, derivative functions out: `grad`, `value_and_grad`, `jacobian`, `hessian`, `hvp`.

They differentiate functions of floats, which run on Values, and functions of arrays, which run on Tensors. An argument
may also be a tree: a list, tuple, dict or dataclass of floats and arrays, nested in any way. Plain numbers in give
plain numbers out. Transforms nest freely, because a gradient is a node wherever an outer derivative may need it::

    grad(grad(f))(2.0)           # the inner gradient is recorded: the outer one differentiates it
    grad(f)(Value(2.0))          # a Value in, a Value out: the graph goes on
    grad(f)(x)                   # f reads a parameter W: the result is a node, and its backward() reaches W
"""

import contextlib
from collections.abc import Callable, Iterator, Sequence
from typing import Any, cast

import numpy as np

from tinygrad_edu.errors import ArgumentError, BackwardError, DTypeError, ShapeError
from tinygrad_edu.graph import node as graph
from tinygrad_edu.graph.modes import MODES, no_grad
from tinygrad_edu.graph.node import Node
from tinygrad_edu.graph.recorded_backward import recorded_gradients
from tinygrad_edu.speed.written_backward import array_gradients
from tinygrad_edu.support.arguments import shown
from tinygrad_edu.support.trees import leaves_of, map_tree, tree_like
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
    except ValueError as error:  # NumPy's, which hides what happened: setting an array element with a sequence
        if isinstance(error.__cause__, BackwardError):
            raise error.__cause__ from None
        raise
    finally:
        MODES.arguments = outside


# --- arguments ------------------------------------------------------------------------------------------------------


class _Differentiated:
    """What a call differentiates by: the trees that were given, their leaves, and a node for each leaf."""

    def __init__(self, args: Sequence[Any], argnum: int | tuple[int, ...], name: str) -> None:
        self.argnum = argnum
        numbers = (argnum,) if isinstance(argnum, int) else argnum
        if any(not -len(args) <= i < len(args) for i in numbers):
            raise ArgumentError(
                f"{name} was to differentiate by argument {argnum}, but the function was called with {len(args)} of "
                "them"
            )
        args = [_as_tree(x) for x in args]
        on_arrays = any(isinstance(x, np.ndarray | Tensor) for x in leaves_of(list(args)))
        self.trees = [args[i] for i in numbers]
        self.leaves = leaves_of(self.trees)
        self.nodes = [_argument(x, name, on_arrays=on_arrays) for x in self.leaves]
        self.call = list(args)
        for i, tree in zip(numbers, tree_like(self.trees, self.nodes), strict=True):
            self.call[i] = tree

    def packed(self, grads: Sequence[Any]) -> Any:
        """The gradients, one for each leaf, as the arguments are built; for one argument alone, no tuple around it."""
        plain = [_like_given(g, x) for g, x in zip(grads, self.leaves, strict=True)]
        trees = tree_like(self.trees, plain)
        return trees[0] if isinstance(self.argnum, int) else tuple(trees)

    def outlives(self, root: Node) -> bool:
        """Whether a gradient of ``root`` must be a node: something else than this call may differentiate it.

        So it is if an argument was a node, if an outer transform's argument leads to ``root``, or if the function read
        a parameter: a leaf that requires a gradient and is none of the arguments.
        """
        if any(isinstance(x, Node) for x in self.leaves) or graph.is_differentiated(root):
            return True
        if MODES.no_grad:
            return False
        mine = set(self.nodes)
        return any(x.operation is None and x.requires_grad and x not in mine for x in graph.topological_order(root))


def _as_tree(x: Any) -> Any:
    """A list or tuple of plain numbers is read as an array; other containers are trees."""
    if isinstance(x, list) or (isinstance(x, tuple) and not hasattr(x, "_fields")):
        leaves = leaves_of(x)
        if leaves and all(isinstance(leaf, float | int | np.number) for leaf in leaves):
            with contextlib.suppress(ValueError):  # rows of several lengths are a tree
                return np.asarray(x)
    return x


def _argument(x: Any, name: str, *, on_arrays: bool) -> Node:
    """A new node for the argument ``x``. Where the function reaches ``x`` in another way, ``x`` is a constant.

    Beside arrays a float becomes a Tensor without axes, since a graph is of Values or of Tensors. A node that records
    nothing, because it is a constant or within `no_grad`, becomes a leaf: its slope is not 0 for that.
    """
    if isinstance(x, Node):
        if x.requires_grad and not MODES.no_grad:
            return x.identity()
        x = x.raw
    if isinstance(x, float | int) and not isinstance(x, bool):
        return Tensor(float(x)) if on_arrays else Value(x)
    tensor = Tensor(x)
    if not tensor.requires_grad:
        raise DTypeError(
            f"{name} differentiates by floating-point arguments, but was given {tensor.dtype} data: use floats, "
            "for instance x.astype(float)"
        )
    return tensor


def _like_given(gradient: Any, given: Any) -> Any:
    """The gradient of a float is a float, whatever it was computed with."""
    if isinstance(given, float | int) and isinstance(gradient, np.ndarray) and not gradient.ndim:
        return gradient.item()
    return gradient


# --- results --------------------------------------------------------------------------------------------------------


def _holds_values(y: Any) -> bool:
    """Whether ``y`` is an array of objects, which is how NumPy keeps several Values."""
    return isinstance(y, np.ndarray) and y.dtype.kind == "O"


def _result(y: Any) -> Any:
    """What the function gave. NumPy keeps Values in arrays of objects: one with a single Value is that Value."""
    return y.item() if _holds_values(y) and y.size == 1 else y


def _zero(x: Node) -> Any:
    return 0.0 if isinstance(x, Value) else np.zeros_like(x.raw)


def _check_constant(y: Any, name: str) -> None:
    """A function may give a plain number, which depends on nothing; but a forgotten ``return`` is no number."""
    if not isinstance(y, float | int | np.number | np.ndarray) or _holds_values(y):
        raise DTypeError(
            f"{name} differentiates a function that gives a number or an array, but this one gave {y!r}: return the "
            "result"
        )


def _check_function(f: Any, name: str) -> None:
    if not callable(f):
        raise ArgumentError(f"{name} takes a function, but was given {shown(f)}: call it as {name}(f)(x)")


def _plain(y: Node) -> Any:
    return y.raw if isinstance(y, Value) or y.raw.ndim else y.raw.item()


def _named(function: Function, f: Function, what: str) -> Function:
    function.__name__ = function.__qualname__ = f"{what}({getattr(f, '__name__', 'f')})"
    return function


def _gradients(root: Node, seed: Any, wrt: Sequence[Node], *, record: bool) -> list[Any]:
    """∂root/∂x for each x, times the seed: nodes if they are recorded, else plain numbers; ``.grad`` is untouched."""
    if not root.requires_grad:
        return list(map(_zero, wrt))
    if record:
        with np.errstate(all="ignore"):  # infinite slopes are allowed
            grads: dict[Any, Any] = dict(recorded_gradients(root, root.constant_like(seed)))
        return [grads.get(x, x.constant_like(_zero(x))) for x in wrt]
    if isinstance(root, Tensor):
        grads = dict(array_gradients(root, seed))
        return [grads.get(x, _zero(x)) for x in wrt]
    with no_grad():
        grads = dict(recorded_gradients(root, root.constant_like(seed)))
    return [grads[x].raw if x in grads else 0.0 for x in wrt]


def _seed(y: Node) -> Any:
    return 1.0 if isinstance(y, Value) else np.ones_like(y.raw)


# --- transforms -----------------------------------------------------------------------------------------------------


def value_and_grad(f: Function, argnum: int | tuple[int, ...] = 0) -> Function:
    """Make the function that gives ``(f(x), ∂f/∂x)``.

    Parameters
    ----------
    f : function that gives one number. Its arguments are floats, arrays, or trees of them: lists, tuples, dicts and
        dataclasses, nested in any way. A list or tuple of plain numbers is read as an array. Beside an array, a float
        becomes a Tensor without axes.
    argnum : which argument to differentiate by; for a tuple of them the gradients are a tuple.

    Returns
    -------
    function. The gradient is built as the argument is: an array for an array, a dict for a dict. It holds plain
    numbers, or nodes if something outside of the call may differentiate it: if an argument is a node, and if ``f``
    reads a parameter (a leaf that requires a gradient), so that ``backward()`` of what is computed with the gradient
    reaches it. Within `no_grad` a parameter alone gives plain numbers.

    Examples
    --------
    >>> value_and_grad(lambda x, y: x * x * y)(3.0, 2.0)
    (18.0, 12.0)
    >>> value_and_grad(lambda p: p["a"] * p["b"])({"a": 3.0, "b": 2.0})
    (6.0, {'a': 2.0, 'b': 3.0})
    """
    _check_function(f, "grad")

    def value_and_gradient(*args: Any, **keywords: Any) -> tuple[Any, Any]:
        by = _Differentiated(args, argnum, "grad")
        with _running(by.nodes):
            y = _result(f(*by.call, **keywords))
        if not isinstance(y, Node):
            _check_constant(y, "grad")
            return y, by.packed(list(map(_zero, by.nodes)))
        if np.size(y.raw) != 1:
            raise ShapeError(
                f"grad differentiates a function that gives one number, but this one gave shape {y.raw.shape}: "
                "reduce it, for instance with .sum(), or use jacobian"
            )
        record = by.outlives(y)
        return (y if record else _plain(y)), by.packed(_gradients(y, _seed(y), by.nodes, record=record))

    return _named(value_and_gradient, f, "value_and_grad")


def grad(f: Function, argnum: int | tuple[int, ...] = 0) -> Function:
    """Make the function that gives the gradient ∂f/∂x, built as the argument is. See `value_and_grad`.

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

    One backward pass for each entry of ``f(x)``. Where ``f`` gives a tree (a list, tuple, dict or dataclass), so is the
    result, with a Jacobian for each leaf; where ``x`` is a tree, each of these is a tree of Jacobians.

    Examples
    --------
    >>> import numpy as np
    >>> A = np.array([[1.0, 2.0], [3.0, 4.0]])
    >>> jacobian(lambda x: A @ x)(np.array([5.0, 6.0]))
    array([[1., 2.],
           [3., 4.]])
    >>> jacobian(lambda x: [x**2, x**3])(2.0)
    [4.0, 12.0]
    """
    _check_function(f, "jacobian")

    def matrix(*args: Any, **keywords: Any) -> Any:
        by = _Differentiated(args, argnum, "jacobian")
        with _running(by.nodes):
            y = f(*by.call, **keywords)
        return map_tree(lambda part: _rows(_result(part), by), y)

    return _named(matrix, f, "jacobian")


def _rows(y: Any, by: _Differentiated) -> Any:
    """The Jacobian of one array or number: for each argument's leaf the gradients of all entries, stacked."""
    if not isinstance(y, Node) and not _holds_values(y):
        _check_constant(y, "jacobian")
        shape = np.shape(y)
        return by.packed([np.zeros(shape + np.shape(x.raw)) if shape else _zero(x) for x in by.nodes])
    if isinstance(y, Value) or (isinstance(y, Tensor) and not y.ndim):
        return by.packed(_gradients(y, _seed(y), by.nodes, record=by.outlives(y)))
    with _recorded():
        entries = [y[i] for i in np.ndindex(y.shape)]
    record = any(by.outlives(entry) for entry in entries if isinstance(entry, Node))
    rows = [_entry_gradients(entry, by, record=record) for entry in entries]
    return by.packed([_stacked([row[k] for row in rows], y, x) for k, x in enumerate(by.nodes)])


def _entry_gradients(entry: Any, by: _Differentiated, *, record: bool) -> list[Any]:
    if isinstance(entry, Node):
        return _gradients(entry, _seed(entry), by.nodes, record=record)
    _check_constant(entry, "jacobian")  # a plain number among Values
    return list(map(_zero, by.nodes))


def _stacked(rows: list[Any], y: Any, x: Node) -> Any:
    """The gradients of all entries of ``y`` as one array, of nodes if they are nodes."""
    shape = y.shape + np.shape(x.raw)
    if rows and not isinstance(rows[0], np.ndarray | np.generic | float):  # Tensors, or what `compile` listens with
        if isinstance(rows[0], Value):
            return np.array(rows, dtype=object).reshape(shape)
        return cast("Any", np.stack)(rows).reshape(shape)
    return np.array(rows, dtype=float if _holds_values(y) else y.dtype).reshape(shape)


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

    Costs about two gradients, whatever the length of ``x`` (Pearlmutter, 1994). ``v`` is built as ``x`` is.

    Examples
    --------
    >>> import numpy as np
    >>> hvp(lambda x: x[0] ** 2 * x[1], np.array([3.0, 2.0]), np.array([1.0, 0.0]))
    array([4., 6.])
    """
    x, v = _as_tree(x), _as_tree(v)
    shapes, given = ([np.shape(getattr(leaf, "_data", leaf)) for leaf in leaves_of(tree)] for tree in (x, v))
    if shapes != given:
        one = len(shapes) == len(given) == 1
        raise ShapeError(
            f"hvp needs v of the shape of x, {shapes[0] if one else shapes}, but was given {given[0] if one else given}"
        )

    def along(point: Any) -> Any:
        slopes = zip(leaves_of(grad(f)(point)), leaves_of(v), strict=True)
        return sum(_total(slope * direction) for slope, direction in slopes)

    return grad(along)(x)


def _total(product: Any) -> Any:
    return product.sum() if hasattr(product, "sum") else product
