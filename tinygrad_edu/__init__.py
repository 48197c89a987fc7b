"""An automatic-differentiation engine that you can see through.

`Value` is one number a node, in pure Python; `Tensor` one array a node, on NumPy. Both record a graph as ordinary
Python runs, and ``backward()`` walks it from the result to the leaves by the chain rule.

>>> from tinygrad_edu import Value
>>> a, b = Value(2.0, "a"), Value(-3.0, "b")
>>> L = (a * b + 10).tanh()
>>> L.backward()
>>> round(a.grad, 6), round(b.grad, 6)
(-0.004023, 0.002682)
"""

import importlib
from typing import TYPE_CHECKING, Any

from tinygrad_edu.errors import TinygradEduError
from tinygrad_edu.modes import detect_anomaly, no_grad, recording
from tinygrad_edu.value import Value, dot

if TYPE_CHECKING:
    from tinygrad_edu.compiler import compile, vectorize
    from tinygrad_edu.gradient_check import GradientMismatch, gradcheck
    from tinygrad_edu.serialization import load, save
    from tinygrad_edu.tensor import Tensor
    from tinygrad_edu.transforms import grad, hessian, hvp, jacobian, value_and_grad
    from tinygrad_edu.user_operations import operation

__version__ = "0.1.0"

# Everything that needs NumPy is imported when it is first asked for: a Value works where there is none.
_LATE = {
    "Tensor": "tensor",
    "grad": "transforms",
    "value_and_grad": "transforms",
    "jacobian": "transforms",
    "hessian": "transforms",
    "hvp": "transforms",
    "gradcheck": "gradient_check",
    "GradientMismatch": "gradient_check",
    "operation": "user_operations",
    "compile": "compiler",
    "vectorize": "compiler",
    "save": "serialization",
    "load": "serialization",
}
_SUBPACKAGES = ("nn", "optim", "train", "data")

__all__ = [
    "GradientMismatch",
    "Tensor",
    "TinygradEduError",
    "Value",
    "compile",
    "detect_anomaly",
    "dot",
    "grad",
    "gradcheck",
    "hessian",
    "hvp",
    "jacobian",
    "load",
    "no_grad",
    "operation",
    "recording",
    "save",
    "value_and_grad",
    "vectorize",
]


def __getattr__(name: str) -> Any:
    if name in _SUBPACKAGES:
        return importlib.import_module(f"{__name__}.{name}")
    if name not in _LATE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found = getattr(importlib.import_module(f"{__name__}.{_LATE[name]}"), name)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__, *_SUBPACKAGES})
