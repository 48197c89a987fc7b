"""An automatic-differentiation engine that you can see through.

`Value` is one number per node, in pure Python; `Tensor` one array per node, on NumPy. Both record a graph as ordinary
Python runs, and ``backward()`` walks it from the result to the leaves by the chain rule.

>>> from tinygrad_edu import Value
>>> a, b = Value(2.0, "a"), Value(-3.0, "b")
>>> L = (a * b + 10).tanh()
>>> L.backward()
>>> round(a.grad, 6), round(b.grad, 6)
(-0.004023, 0.002682)
"""

from typing import TYPE_CHECKING

from tinygrad_edu.dot import dot
from tinygrad_edu.errors import TinygradEduError
from tinygrad_edu.graph.modes import detect_anomaly, no_grad, recording
from tinygrad_edu.support.lazy import lazy_names
from tinygrad_edu.value import Value

if TYPE_CHECKING:
    from tinygrad_edu import convert, data, export, nn, optim, train
    from tinygrad_edu.compiler.compile import compile
    from tinygrad_edu.compiler.vectorize import vectorize
    from tinygrad_edu.custom_operation import operation
    from tinygrad_edu.gradient_check import GradientMismatch, gradcheck
    from tinygrad_edu.serialization import load, save
    from tinygrad_edu.speed.denormals import flush_denormals
    from tinygrad_edu.tensor import Tensor
    from tinygrad_edu.transforms import grad, hessian, hvp, jacobian, value_and_grad
else:  # what needs NumPy is imported when it is first asked for: a Value works where there is none
    __getattr__, __dir__ = lazy_names(
        __name__,
        {
            "compiler.compile": "compile",
            "compiler.vectorize": "vectorize",
            "gradient_check": "GradientMismatch gradcheck",
            "serialization": "load save",
            "speed.denormals": "flush_denormals",
            "tensor": "Tensor",
            "transforms": "grad hessian hvp jacobian value_and_grad",
            "custom_operation": "operation",
        },
        submodules=("convert", "data", "export", "nn", "optim", "train"),
    )

__version__ = "0.1.0"

__all__ = [
    "GradientMismatch",
    "Tensor",
    "TinygradEduError",
    "Value",
    "compile",
    "convert",
    "data",
    "detect_anomaly",
    "dot",
    "export",
    "flush_denormals",
    "grad",
    "gradcheck",
    "hessian",
    "hvp",
    "jacobian",
    "load",
    "nn",
    "no_grad",
    "operation",
    "optim",
    "recording",
    "save",
    "train",
    "value_and_grad",
    "vectorize",
]
