"""`to_onnx`: the graph of a net's forward pass as an ONNX file.

The net is run three times: on the example, on other data of the same shape, and on a larger batch. What differs in the
second run depends on the data and cannot be a constant; what differs in the third depends on the batch's size.
"""

import os
from typing import Any

import numpy as np

from tinygrad_edu.errors import ArgumentError
from tinygrad_edu.export.onnx_graph import Graph
from tinygrad_edu.export.passes import ExportError, forward_pass, other_data
from tinygrad_edu.graph.node import Node
from tinygrad_edu.nn import Module
from tinygrad_edu.support.arguments import shown
from tinygrad_edu.support.files import write


def to_onnx(net: Module, example: Any, path: str | os.PathLike[str]) -> None:
    """Write a net's forward pass, in evaluation mode, as an ONNX file.

    Parameters
    ----------
    net : a Module of one input.
    example : an input array with the batch as its first axis. The file's batch axis is dynamic: "batch". Integers, such
        as tokens, are an integer input.
    path : of the file. An older file is replaced only if the new one is complete.

    Raises
    ------
    ExportError : an operation has no counterpart in ONNX, or depends on the data in a way that no graph expresses. The
        message names the operation and the module that called it. Nothing is written.
    ArgumentError : the example is no array that the net can be called with, or holds integers where floats are needed.

    Notes
    -----
    The file has the input "input", the output "output", the net's dtype and operator set 18: https://onnx.ai.

    Examples
    --------
    >>> import tempfile, onnxruntime
    >>> from tinygrad_edu import nn
    >>> net = nn.MLP(2, [8, 3], dtype=np.float32)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = os.path.join(folder, "net.onnx")
    ...     to_onnx(net, np.zeros((1, 2), np.float32), path)
    ...     session = onnxruntime.InferenceSession(path)
    >>> session.run(None, {"input": np.ones((5, 2), np.float32)})[0].shape
    (5, 3)
    """
    try:
        import onnx
    except ModuleNotFoundError as error:
        raise ImportError('to_onnx needs the package onnx: pip install "tinygrad_edu[onnx]"') from error

    x = _checked(net, example)
    forward_pass(net, x)  # if it does not fit the net, the error tells its own shape
    if len(x) == 1:  # many sizes are 1: with 2, those that depend on the batch differ
        x = np.concatenate([x, x[::-1]])
    runs = [forward_pass(net, given) for given in (x, other_data(x), np.concatenate([other_data(x), x[:1]]))]
    try:
        model = Graph(onnx, x, runs).model()
        onnx.checker.check_model(model, full_check=True)
    except (ExportError, onnx.shape_inference.InferenceError):
        if x.dtype.kind == "f" or not any(np.array_equal(node.raw, x) for node in runs[0].nodes):
            raise
        raise ArgumentError(
            f"to_onnx: the net computes with floats, but the example holds {x.dtype}: pass example.astype(float)"
        ) from None
    write(path, model.SerializeToString())


def _checked(net: Any, example: Any) -> Any:
    """The example as an array that the net can be called with."""
    if not isinstance(net, Module) or isinstance(example, str | os.PathLike):
        raise ArgumentError(
            f"to_onnx(net, example, path) takes them in this order, but was given {shown(net)} as the net and "
            f"{shown(example)} as the example"
        )
    x = np.asarray(example.data if isinstance(example, Node) else example)
    if x.ndim < 1 or not len(x):
        raise ArgumentError(f"to_onnx takes an example with at least one sample, but was given shape {x.shape}")
    return x
