"""The nodes of a forward pass as nodes of an ONNX graph."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from tinygrad_edu.export.onnx_operations import ARRAYS, elementwise
from tinygrad_edu.export.passes import INPUT, OUTPUT, ExportError, Pass
from tinygrad_edu.operations.row import Elementwise

OPSET = 18


class Graph:
    """An ONNX graph under construction.

    ``batch`` is the number of samples in the first two runs; the third has one more.
    """

    def __init__(self, onnx: Any, x: Any, runs: Sequence[Pass]) -> None:
        self.onnx = onnx
        self.x = x
        self.first, self.other, self.larger = runs
        self.batch = len(x)
        self.rows: list[Any] = []
        self.constants: dict[str, Any] = {}
        self.names: dict[int, str] = {}
        self.node: Any = None  # the one that is being written
        self.twins: tuple[Any, Any] = (None, None)
        self._compare_structure()

    # --- building blocks, which the operations use ---

    def fail(self, why: str) -> ExportError:
        """An error that names the operation and the module that called it."""
        marks = self.node.marks if self.node is not None else ()
        within = f" in {marks[0].scope.title}" if marks and hasattr(marks[0].scope, "title") else ""
        return ExportError(f"to_onnx: {self.node.op}{within} cannot be written: {why}")

    def add(self, kind: str, *inputs: str, outputs: int = 1, **attributes: Any) -> str:
        """Add an ONNX node; the name of its output."""
        name = f"v{len(self.rows)}"
        names = [name] if outputs == 1 else [f"{name}_{k}" for k in range(outputs)]
        self.rows.append(self.onnx.helper.make_node(kind, list(inputs), names, **attributes))
        return names[0]

    def constant(self, array: Any) -> str:
        """The name of an array in the file."""
        array = np.asarray(array)
        for name, known in self.constants.items():
            if known.dtype == array.dtype and known.shape == array.shape and known.tobytes() == array.tobytes():
                return name
        name = f"c{len(self.constants)}"
        self.constants[name] = array
        return name

    def integers(self, numbers: Sequence[int]) -> str:
        """A vector of integers."""
        return self.constant(np.array(numbers, np.int64))

    def number(self, value: float) -> str:
        """A number in the type of the node that is being written."""
        return self.constant(np.asarray(value, self.node.dtype))

    def onnx_type(self, dtype: Any) -> int:
        """ONNX's number of a type."""
        return int(self.onnx.helper.np_dtype_to_tensor_dtype(np.dtype(dtype)))

    def shape(self, sizes: Sequence[int], larger: Sequence[int]) -> str:
        """A shape as a vector, in which what grows with the batch is computed from the input."""
        if tuple(sizes) == tuple(larger):
            return self.integers(sizes)
        parts = []
        for size, more in zip(sizes, larger, strict=True):
            if size == more:
                parts.append(self.integers([size]))
                continue
            each, rest = divmod(size, self.batch)
            if rest or each * (self.batch + 1) != more:
                raise self.fail(f"a length is {size} of {self.batch} samples, and {more} of {self.batch + 1}")
            batch = self.add("Shape", INPUT, start=0, end=1)
            parts.append(batch if each == 1 else self.add("Mul", batch, self.integers([each])))
        return parts[0] if len(parts) == 1 else self.add("Concat", *parts, axis=0)

    def same(self, name: str) -> Any:
        """A parameter of the operation that must not depend on data or batch; or the graph's integer input."""
        values = [node.params[name] for node in (self.node, *self.twins)]
        if any(isinstance(value, np.ndarray) for value in values) and self.is_input(values[0]):
            return INPUT
        if not (_equal(values[0], values[1]) and _equal(values[0], values[2])):
            raise self.fail(f"its {name} depends on the data, which a graph of fixed operations cannot express")
        return values[0]

    def is_input(self, array: Any) -> bool:
        """Whether this is the net's integer input."""
        return self.x.dtype.kind in "iu" and np.shape(array) == self.x.shape and bool((array == self.x).all())

    # --- the model ---

    def _compare_structure(self) -> None:
        lengths = {len(run.nodes) for run in (self.first, self.other, self.larger)}
        trio = zip(self.first.nodes, self.other.nodes, self.larger.nodes, strict=False)
        if len(lengths) > 1 or any(len({a.op, b.op, c.op}) > 1 for a, b, c in trio):
            raise ExportError("to_onnx: the net runs other operations for other data or for another number of samples")

    def model(self) -> Any:
        """The finished model."""
        helper = self.onnx.helper
        for node, *twins in zip(self.first.nodes, self.other.nodes, self.larger.nodes, strict=True):
            self.node, self.twins = node, (twins[0], twins[1])
            self.names[id(node)] = self._leaf() if node.operation is None else self._operation()
        self.rows.append(helper.make_node("Identity", [self.names[id(self.first.y)]], [OUTPUT]))
        sides = []
        for name, array, more in ((INPUT, self.x, self.larger.x), (OUTPUT, self.first.y.data, self.larger.y.data)):
            axes = ["batch" if a != b else a for a, b in zip(array.shape, more.shape, strict=True)]
            sides.append(helper.make_tensor_value_info(name, self.onnx_type(array.dtype), axes))
        stored = [self.onnx.numpy_helper.from_array(array, name) for name, array in self.constants.items()]
        graph = helper.make_graph(self.rows, "net", [sides[0]], [sides[1]], stored)
        return helper.make_model(
            graph, opset_imports=[helper.make_opsetid("", OPSET)], producer_name="tinygrad_edu", ir_version=9
        )

    def _leaf(self) -> str:
        node, (other, larger) = self.node, self.twins
        if node is self.first.given:
            return INPUT
        if node.data.shape == larger.data.shape:
            if not (_equal(node.data, other.data) and _equal(node.data, larger.data)):
                raise ExportError("to_onnx: an array that the net computes outside of the graph depends on the data")
            return ""  # written where it is used, in the type that it has there
        if len(np.unique(node.data)) != 1:
            raise ExportError(
                f"to_onnx: an array of shape {node.shape} grows with the batch, and its entries are not all equal"
            )
        value = self.constant(np.full((1,) * node.ndim, node.data.flat[0]))
        return self.add("Expand", value, self.shape(node.shape, larger.data.shape))

    def _operation(self) -> str:
        node = self.node
        inputs = [self._input(x) for x in node.inputs]
        if isinstance(node.operation, Elementwise):
            return elementwise(self, inputs)
        write = ARRAYS.get(node.op)
        if write is None:
            raise self.fail("ONNX has no counterpart")
        return write(self, *inputs)

    def _input(self, x: Any) -> str:
        name = self.names[id(x)]
        if name:
            return name
        numbers = x.data
        if numbers.dtype.kind == "f" and self.node.dtype.kind == "f" and self.node.op != "astype":
            numbers = numbers.astype(self.node.dtype)
        return self.constant(numbers)


def _equal(a: Any, b: Any) -> bool:
    """Whether two parameters are the same, arrays entry by entry."""
    if isinstance(a, tuple | list) and isinstance(b, tuple | list):
        return len(a) == len(b) and all(map(_equal, a, b))
    if isinstance(a, np.ndarray) or isinstance(b, np.ndarray):
        return np.shape(a) == np.shape(b) and bool(np.array_equal(a, b, equal_nan=np.asarray(a).dtype.kind == "f"))
    return bool(a == b)
