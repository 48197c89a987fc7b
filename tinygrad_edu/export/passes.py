"""Forward passes of a net, recorded to be compared."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from tinygrad_edu.errors import TinygradEduError
from tinygrad_edu.graph.node import of_no_tensor, topological_order
from tinygrad_edu.nn import Module
from tinygrad_edu.tensor import Tensor

INPUT, OUTPUT = "input", "output"


class ExportError(TinygradEduError, TypeError):
    """The other format has no counterpart for something in a net."""


class Pass(NamedTuple):
    """A forward pass: its input as the net got it and as an array, its nodes in order, and its result."""

    given: Any
    x: Any
    nodes: Sequence[Any]
    y: Tensor


def forward_pass(net: Module, x: Any) -> Pass:
    """Run the net in evaluation mode; afterwards its modules have their old modes."""
    training = {name: module.training for name, module in net.named_modules()}
    net.eval()
    try:
        given = Tensor(x, requires_grad=True, label=INPUT) if x.dtype.kind == "f" else x
        y = net(given)
    finally:
        for name, module in net.named_modules():
            module.training = training[name]
    if not isinstance(y, Tensor):
        raise ExportError(f"to_onnx: the net must give one Tensor, but {of_no_tensor(y)}")
    return Pass(given, x, topological_order(y), y)


def other_data(x: Any) -> Any:
    """Other data of the same shape and range."""
    return (x.min() + x.max() - x)[::-1].astype(x.dtype) + (np.asarray(0.125, x.dtype) if x.dtype.kind == "f" else 0)
