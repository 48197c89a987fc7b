"""How each operation is written in ONNX. Elementwise ones follow from the text of their row."""

import ast
import math
from collections.abc import Callable
from typing import Any

import numpy as np

from tinygrad_edu.operations.floats import CONSTANTS

_CAPITALIZED = "abs sign sqrt exp log sin cos tan sinh cosh tanh erf sigmoid softplus softsign relu where"  # in ONNX
_DIRECT = {
    **{name: name.capitalize() for name in _CAPITALIZED.split()},
    **{f"arc{name}": f"A{name}" for name in ("sin", "cos", "tan", "sinh", "cosh", "tanh")},
    "maximum": "Max",
    "minimum": "Min",
}
_OPERATORS: dict[type[ast.AST], str] = {
    ast.Add: "Add",
    ast.Sub: "Sub",
    ast.Mult: "Mul",
    ast.Div: "Div",
    ast.Pow: "Pow",
    ast.Gt: "Greater",
    ast.Lt: "Less",
    ast.GtE: "GreaterOrEqual",
    ast.LtE: "LessOrEqual",
}
# Operations that ONNX does not have, written with those that it has.
_COMPOSED = {
    "expm1": "exp(x) - 1",
    "log1p": "log(1 + x)",
    "exp2": "exp(0.6931471805599453 * x)",
    "log2": "log(x) / 0.6931471805599453",
    "log10": "log(x) / 2.302585092994046",
    "cbrt": "sign(x) * abs(x) ** 0.3333333333333333",
    "erfc": "1 - erf(x)",
    "ndtr": "0.5 + 0.5 * erf(0.7071067811865476 * x)",
    "hypot": "sqrt(x * x + y * y)",
    "logaddexp": "maximum(x, y) + log(1 + exp(-abs(x - y)))",
}


def elementwise(graph: Any, inputs: list[str]) -> str:
    """The text of the operation's row, term by term."""
    row = graph.node.operation
    names = dict(zip(row.input_names, inputs, strict=True))
    params = {name: graph.same(name) for name in row.defaults}
    if row.name in _DIRECT and not params:
        return str(graph.add(_DIRECT[row.name], *inputs))
    return _Terms(graph, names | params).write(row.y_text)


class _Terms:
    """Writes an expression; ``words`` are names of ONNX values, and numbers."""

    def __init__(self, graph: Any, words: dict[str, Any]) -> None:
        self.graph = graph
        self.words = words

    def write(self, text: str) -> str:
        return self._value(ast.parse(text, mode="eval").body)

    def _value(self, term: ast.expr) -> str:
        graph = self.graph
        if isinstance(term, ast.Constant):
            return str(graph.number(term.value))
        if isinstance(term, ast.Name):
            return self._word(term.id)
        if isinstance(term, ast.UnaryOp):
            value = self._value(term.operand)
            return str(graph.add("Neg", value)) if isinstance(term.op, ast.USub) else value
        if isinstance(term, ast.BinOp):
            return str(graph.add(_OPERATORS[type(term.op)], self._value(term.left), self._value(term.right)))
        if isinstance(term, ast.Compare):
            kind = _OPERATORS[type(term.ops[0])]
            return str(graph.add(kind, self._value(term.left), self._value(term.comparators[0])))
        if isinstance(term, ast.Call) and isinstance(term.func, ast.Name):
            return self._call(term.func.id, [self._value(x) for x in term.args])
        raise graph.fail(f"its formula has {ast.unparse(term)}")

    def _word(self, name: str) -> str:
        value = self.words.get(name, CONSTANTS.get(name))
        if value is None:
            raise self.graph.fail(f"its formula has {name}")
        if isinstance(value, str):
            return value
        if isinstance(value, np.ndarray | bool | np.bool_):
            return str(self.graph.constant(np.asarray(value)))
        return str(self.graph.number(value))

    def _call(self, name: str, args: list[str]) -> str:
        if name in _DIRECT:
            return str(self.graph.add(_DIRECT[name], *args))
        if name not in _COMPOSED:
            raise self.graph.fail(f"ONNX has no {name}")
        return _Terms(self.graph, dict(zip("xy", args, strict=False))).write(_COMPOSED[name])


# --- operations on whole arrays --------------------------------------------------------------------------------------

ARRAYS: dict[str, Callable[..., str]] = {}


def _writes(*names: str) -> Callable[[Callable[..., str]], Callable[..., str]]:
    def keep(write: Callable[..., str]) -> Callable[..., str]:
        ARRAYS.update(dict.fromkeys(names, write))
        return write

    return keep


def _axes(graph: Any) -> list[int]:
    axis, ndim = graph.same("axis"), graph.node.inputs[0].ndim
    axes = range(ndim) if axis is None else axis if isinstance(axis, tuple) else (axis,)
    return [int(a) % ndim for a in axes]


_REDUCTIONS = {name: f"Reduce{name.capitalize()}" for name in ("sum", "mean", "max", "min", "prod")}
_REDUCTIONS["norm"] = "ReduceL2"


@_writes(*_REDUCTIONS)
def _reduce(graph: Any, x: str) -> str:
    kind, keep = _REDUCTIONS[graph.node.op], int(graph.same("keepdims"))
    return str(graph.add(kind, x, graph.integers(_axes(graph)), keepdims=keep))


@_writes("var", "std")
def _spread(graph: Any, x: str) -> str:
    axes = _axes(graph)
    counts = {math.prod(node.inputs[0].shape[a] for a in axes) for node in (graph.node, *graph.twins)}
    if len(counts) > 1:
        raise graph.fail("it goes over the samples of the batch")
    (n,) = counts
    centred = graph.add("Sub", x, graph.add("ReduceMean", x, graph.integers(axes), keepdims=1))
    total = graph.add("ReduceSumSquare", centred, graph.integers(axes), keepdims=int(graph.same("keepdims")))
    variance = graph.add("Div", total, graph.number(n - graph.same("ddof")))
    return str(variance if graph.node.op == "var" else graph.add("Sqrt", variance))


@_writes("normalize")
def _normalize(graph: Any, x: str) -> str:
    axes = graph.integers(list(graph.same("axes")))
    return _rms_normalize(graph, graph.add("Sub", x, graph.add("ReduceMean", x, axes, keepdims=1)))


@_writes("rms_normalize")
def _rms_normalize(graph: Any, x: str) -> str:
    axes = graph.integers(list(graph.same("axes")))
    square = graph.add("ReduceMean", graph.add("Mul", x, x), axes, keepdims=1)
    return str(graph.add("Div", x, graph.add("Sqrt", graph.add("Add", square, graph.number(graph.same("eps"))))))


@_writes("logsumexp")
def _logsumexp(graph: Any, x: str) -> str:
    axes = graph.integers(_axes(graph))
    largest = graph.add("ReduceMax", x, axes, keepdims=1)
    total = graph.add("ReduceSum", graph.add("Exp", graph.add("Sub", x, largest)), axes, keepdims=1)
    y = graph.add("Add", graph.add("Log", total), largest)
    return str(y if graph.same("keepdims") else graph.add("Squeeze", y, axes))


@_writes("softmax", "log_softmax")
def _softmax(graph: Any, x: str) -> str:
    axes = _axes(graph)
    if len(axes) != 1:
        raise graph.fail("ONNX takes it along one axis")
    return str(graph.add("Softmax" if graph.node.op == "softmax" else "LogSoftmax", x, axis=axes[0]))


@_writes("matmul")
def _matmul(graph: Any, a: str, b: str) -> str:
    return str(graph.add("MatMul", a, b))


@_writes("linear")
def _linear(graph: Any, x: str, weight: str, bias: str) -> str:
    return str(graph.add("Add", graph.add("MatMul", x, weight), bias))


@_writes("einsum")
def _einsum(graph: Any, *xs: str) -> str:
    return str(graph.add("Einsum", *xs, equation=graph.same("subscripts")))


@_writes("cumsum")
def _cumsum(graph: Any, x: str) -> str:
    return str(graph.add("CumSum", x, graph.constant(np.array(_axes(graph)[0], np.int64))))


@_writes("reshape", "broadcast_to")
def _reshape(graph: Any, x: str) -> str:
    kind = "Reshape" if graph.node.op == "reshape" else "Expand"
    return str(graph.add(kind, x, graph.shape(graph.node.shape, graph.twins[1].shape)))


@_writes("transpose")
def _transpose(graph: Any, x: str) -> str:
    axes = graph.same("axes")
    order = range(graph.node.ndim)[::-1] if axes is None else axes
    return str(graph.add("Transpose", x, perm=[int(a) % graph.node.ndim for a in order]))


@_writes("concatenate")
def _concatenate(graph: Any, *xs: str) -> str:
    return str(graph.add("Concat", *xs, axis=int(graph.same("axis"))))


@_writes("stack")
def _stack(graph: Any, *xs: str) -> str:
    axis = int(graph.same("axis")) % graph.node.ndim
    return str(graph.add("Concat", *(graph.add("Unsqueeze", x, graph.integers([axis])) for x in xs), axis=axis))


@_writes("astype")
def _cast(graph: Any, x: str) -> str:
    return str(graph.add("Cast", x, to=graph.onnx_type(graph.same("dtype"))))


@_writes("pad")
def _pad(graph: Any, x: str) -> str:
    before, after = zip(*graph.same("pad_width"), strict=True)
    return str(graph.add("Pad", x, graph.integers([*before, *after])))


@_writes("tril", "triu")
def _triangle(graph: Any, x: str) -> str:
    k = graph.constant(np.array(graph.same("k"), np.int64))
    return str(graph.add("Trilu", x, k, upper=int(graph.node.op == "triu")))


@_writes("flip")
def _flip(graph: Any, x: str) -> str:
    axes = _axes(graph)
    return _sliced(graph, x, [(a, None, None, -1) for a in axes])


@_writes("tile")
def _tile(graph: Any, x: str) -> str:
    reps = graph.same("reps")
    reps = reps if isinstance(reps, tuple) else (reps,)
    missing = graph.node.inputs[0].ndim - len(reps)
    if missing < 0:
        x = graph.add("Unsqueeze", x, graph.integers(range(-missing)))
    return str(graph.add("Tile", x, graph.integers([*(1,) * max(missing, 0), *reps])))


# --- indexing --------------------------------------------------------------------------------------------------------

_END = np.iinfo(np.int64).max


def _sliced(graph: Any, x: str, slices: list[tuple[int, Any, Any, Any]]) -> str:
    """``x[start:stop:step]`` along some axes."""
    rows = []
    for axis, start, stop, step in slices:
        step = 1 if step is None else step
        first, last = (0, _END) if step > 0 else (_END, -_END)
        rows.append((first if start is None else start, last if stop is None else stop, axis, step))
    return str(graph.add("Slice", x, *(graph.integers(column) for column in zip(*rows, strict=True))))


@_writes("getitem")
def _getitem(graph: Any, x: str) -> str:
    index = graph.same("index")
    if isinstance(index, str):  # the net's integer input: rows of an embedding
        return str(graph.add("Gather", x, index, axis=0))
    parts = _written_out(graph, index)
    axis = 0
    slices: list[tuple[int, Any, Any, Any]] = []
    gathers: list[tuple[int, Any]] = []
    squeezed: list[int] = []
    added: list[int] = []
    for part in parts:
        if part is None:
            added.append(axis - len(squeezed) + len(added))
            continue
        if isinstance(part, np.ndarray):
            gathers.append((axis, part))
        elif not isinstance(part, slice):
            slices.append((axis, part, part + 1 if part != -1 else None, 1))
            squeezed.append(axis)
        elif part != slice(None):
            slices.append((axis, part.start, part.stop, part.step))
        axis += 1
    if slices:
        x = _sliced(graph, x, slices)
    for place, numbers in gathers:
        x = graph.add("Gather", x, graph.constant(numbers), axis=place)
    if squeezed:
        x = graph.add("Squeeze", x, graph.integers(squeezed))
    if added:
        x = graph.add("Unsqueeze", x, graph.integers(added))
    return x


def _written_out(graph: Any, index: Any) -> list[Any]:
    """An index with a part for each axis: a slice, a whole number or an array; and None for a new axis."""
    parts = list(index) if isinstance(index, tuple) else [index]
    used = sum(part is not None and part is not Ellipsis for part in parts)
    where = next((k for k, part in enumerate(parts) if part is Ellipsis), len(parts))
    parts[where : where + 1] = [slice(None)] * (graph.node.inputs[0].ndim - used)
    arrays = [np.asarray(part) for part in parts if isinstance(part, np.ndarray | list)]
    others = any(part is None or isinstance(part, int | np.integer) for part in parts)
    if len(arrays) > 1 or (arrays and (others or arrays[0].dtype.kind not in "iu")):
        raise graph.fail("ONNX takes one array of whole numbers as an index, and otherwise only slices")
    return [_plain(part) for part in parts]


def _plain(part: Any) -> Any:
    if part is None or isinstance(part, slice):
        return part
    return int(part) if np.ndim(part) == 0 else np.asarray(part, np.int64)


# --- windows ---------------------------------------------------------------------------------------------------------


def _window_attributes(graph: Any) -> dict[str, Any]:
    before, after = zip(*graph.same("padding"), strict=True)
    return {
        "strides": [*graph.same("stride")],
        "pads": [*before, *after],
        "dilations": [*graph.same("dilation")],
    }


@_writes("conv")
def _conv(graph: Any, x: str, weight: str) -> str:
    return str(graph.add("Conv", x, weight, group=int(graph.same("groups")), **_window_attributes(graph)))


@_writes("conv_input")
def _conv_transpose(graph: Any, x: str, weight: str) -> str:
    attributes, group = _window_attributes(graph), int(graph.same("groups"))
    lengths, places, sizes = (node.shape[2:] for node in (graph.node, *graph.node.inputs))
    axes = zip(lengths, places, sizes, graph.same("stride"), graph.same("dilation"), graph.same("padding"), strict=True)
    extra = [n - (s * (places - 1) + d * (k - 1) + 1 - sum(margin)) for n, places, k, s, d, margin in axes]
    return str(graph.add("ConvTranspose", x, weight, group=group, output_padding=extra, **attributes))


@_writes("max_pool")
def _max_pool(graph: Any, x: str) -> str:
    return str(graph.add("MaxPool", x, kernel_shape=[*graph.same("size")], **_window_attributes(graph)))


@_writes("windows")
def _windows(graph: Any, x: str) -> str:
    """Each entry of the window as a slice with strides, one after the other along a new first axis."""
    size, attributes = graph.same("size"), _window_attributes(graph)
    dims = len(size)
    first = graph.node.inputs[0].ndim - dims
    pads = attributes["pads"]
    if any(pads):
        x = graph.add("Pad", x, graph.integers([*(0,) * first, *pads[:dims], *(0,) * first, *pads[dims:]]))
    counts = graph.node.shape[-dims:]
    parts = []
    for offset in np.ndindex(*size):
        slices = []
        for k in range(dims):
            start, step = offset[k] * attributes["dilations"][k], attributes["strides"][k]
            slices.append((first + k, start, start + step * (counts[k] - 1) + 1, step))
        parts.append(graph.add("Unsqueeze", _sliced(graph, x, slices), graph.integers([0])))
    return str(graph.add("Concat", *parts, axis=0))
