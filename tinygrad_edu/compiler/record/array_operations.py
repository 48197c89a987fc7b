"""Operations whose own code writes into arrays or branches by numbers: how they run on traced arrays."""

import operator
from collections.abc import Callable
from typing import Any

import numpy as np

from tinygrad_edu.compiler.program import CALL, INDEX
from tinygrad_edu.compiler.record.traced import Traced, is_variable
from tinygrad_edu.compiler.write import runtime
from tinygrad_edu.operations import decompositions, matrices
from tinygrad_edu.operations import shapes as shape_rules
from tinygrad_edu.operations.losses import CROSS_ENTROPY
from tinygrad_edu.operations.operation import Operation


def _getitem(recorder: Any, x: Any, *, index: Any) -> Any:
    """Also of an array that is a constant: NumPy would read the numbers of a traced index."""
    return x[index] if isinstance(x, Traced) else recorder.apply(INDEX, operator.getitem, (x, index))


def _scatter_add(recorder: Any, x: Any, *, index: Any, shape: Any) -> Any:
    function = runtime.scatter if shape_rules.is_basic(index) else runtime.scatter_add
    return recorder.apply(CALL, function, (x, index, tuple(shape)))


def _one_line(function: Callable[..., Any]) -> Callable[..., Any]:
    """Of an operation in which NumPy gives several arrays at once: its function as a single line of the program."""
    return lambda recorder, *xs: recorder.call(function, *xs)


def _called(name: str, x: Any) -> Any:
    x.variable.hint = name
    return x


def _cross_entropy(_: Any, x: Any, *, labels: Any, memo: dict[str, Any]) -> Any:
    shifted = _called("shifted", x - np.maximum.reduce(x, axis=-1, keepdims=True))
    exp = _called("exp", np.exp(shifted))
    total = _called("total", np.add.reduce(exp, axis=-1, keepdims=True))
    memo["softmax"] = _called("p", exp / total)
    return np.add.reduce(np.log(total[:, 0]) - shifted[np.arange(len(labels)), labels]) / len(labels)


def _cross_entropy_gx(gy: Any, y: Any, x: Any, *, labels: Any, memo: dict[str, Any]) -> Any:
    identity = np.eye(x.shape[1], dtype=x.dtype)
    onehot = x._recorder.apply(INDEX, operator.getitem, (identity, labels))
    gx = (memo["softmax"] - onehot) / len(labels)
    return gx if not is_variable(gy) and gy.value == 1 else gx * gy


FORWARD: dict[Operation, Callable[..., Any]] = {
    shape_rules.GETITEM: _getitem,
    shape_rules.SCATTER_ADD: _scatter_add,
    matrices.COFACTOR: _one_line(matrices.cofactor),
    matrices.COFACTOR_CHANGE: _one_line(matrices.cofactor_change),
    decompositions.LOGABSDET: _one_line(decompositions.logabsdet),
    decompositions.EIGH: _one_line(decompositions.eigh_packed),
    decompositions.SVD: _one_line(decompositions.svd_packed),
    decompositions.QR: _one_line(decompositions.qr_packed),
    CROSS_ENTROPY: _cross_entropy,
}
BACKWARD: dict[Operation, Callable[..., Any]] = {CROSS_ENTROPY: _cross_entropy_gx}
