"""An operation on arrays as JavaScript: what an operation of one graph computes, and its derivatives.

A node of Tensors becomes what `rows_source` makes of a row of the table::

    { y: (x0, x1) => np.matmul(x0, x1),
      gx: [(gy, y, x0, x1) => …, …] }

``y`` takes the inputs' arrays, ``gx`` takes the incoming gradient, the result and the inputs. A gradient is not yet
summed over broadcast axes. The operation's own functions run once, on placeholders that write down each NumPy call, so
every derivative is still written once. The shapes and the parameters are those of the node.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from tinygrad_edu.compiler.errors import CompileError, RecordingError
from tinygrad_edu.compiler.program import Program, Returned
from tinygrad_edu.compiler.record.randomness import Randomness
from tinygrad_edu.compiler.record.recorder import Recorder
from tinygrad_edu.compiler.record.traced import is_variable, value_of
from tinygrad_edu.compiler.rewrite import optimize
from tinygrad_edu.compiler.sources import Argument
from tinygrad_edu.javascript.emit import Script
from tinygrad_edu.operations.operation import Operation
from tinygrad_edu.tensor import Tensor


def array_row(node: Tensor) -> str:
    """The entry of a node: an object with ``y`` and ``gx``. It needs the object ``np``: see `library.arrays`.

    Parameters
    ----------
    node : the Tensor that an operation made. ``gx`` has null for integers; for floats that collect no gradient it has a
        function where there is one, so that a page can show which entries make an entry.

    Raises
    ------
    CompileError : the operation, or a number type, has no JavaScript, or the operation chooses by its numbers.

    Examples
    --------
    >>> print(array_row(Tensor([1.0, 2.0]) * Tensor([3.0, 4.0])))
    { y: (x0, x1) => np.multiply(x0, x1), gx: [
      (gy, y, x0, x1) => np.multiply(gy, x1),
      (gy, y, x0, x1) => np.multiply(gy, x0),
    ] }
    """
    operation = node.operation
    assert operation is not None
    xs = {f"x{i}": x.raw for i, x in enumerate(node.inputs)}
    y = _written(operation.name, xs, lambda recorder, xs: recorder.compute(operation, xs, _params(node)), node.raw)
    given = {"gy": np.ones_like(node.raw), "y": node.raw, **xs}
    gx = []
    for i, x in enumerate(node.inputs):
        try:
            gx.append(_written(operation.name, given, _backward(operation, i, node)) if x.dtype.kind == "f" else "null")
        except Exception:
            if x.requires_grad:
                raise
            gx.append("null")
    listed = "".join(f"\n  {text}," for text in gx)
    return f"{{ y: {y}, gx: [{listed}\n] }}"


def _params(node: Tensor) -> dict[str, Any]:
    """The operation's parameters, with an empty memory if it has one."""
    return {**node.params, "memo": {}} if "memo" in node.params else dict(node.params)


def _backward(operation: Operation, i: int, node: Tensor) -> Callable[[Recorder, Sequence[Any]], Any]:
    def gx(recorder: Recorder, given: Sequence[Any]) -> Any:
        gy, y, *xs = given
        params = _params(node)
        if "memo" in params:
            recorder.compute(operation, xs, params)  # the derivative reads what the forward pass stores
        return recorder.derivative(operation, i)(gy, y, *xs, **params)

    return gx


def _written(
    name: str, given: dict[str, Any], compute: Callable[[Recorder, Sequence[Any]], Any], expected: Any = None
) -> str:
    """``compute`` as a JavaScript function of the named arrays."""
    recorder = Recorder(Randomness())
    arguments = [Argument(key) for key in given]
    with recorder.active():
        xs = [recorder.input(source, x, source.name) for source, x in zip(arguments, given.values(), strict=True)]
        found = compute(recorder, xs)
    if recorder.drawn:
        raise RecordingError(f"{name} draws random numbers, which a page does not have")
    if expected is not None and not _same(value_of(found), expected):
        raise CompileError(f"{name} gives another result at each call: a page cannot repeat it")
    result = Returned(found.variable, "plain") if is_variable(found) else np.asarray(value_of(found))
    program = Program(name, recorder.inputs, recorder.lines, [], result)
    program = optimize.without_dead_code(optimize.simplified(program))
    names = {line.out: line.out.hint or f"t{k}" for k, line in enumerate(program.lines)}
    return Script(program, names, arguments, {}).arrow()


def _same(a: Any, b: Any) -> bool:
    """Whether two results only differ by rounding, because a compiled step adds in another order."""
    a, b = np.asarray(a), np.asarray(b)
    return a.shape == b.shape and bool(np.allclose(a, b, 1e-5, 1e-8, equal_nan=True))
