"""The form of a call: what a program is recorded for. Calls of one form share a program."""

from typing import Any

import numpy as np

from tinygrad_edu.compiler.errors import RecordingError
from tinygrad_edu.tensor import Tensor
from tinygrad_edu.value import Value


def form_of(tree: Any, leaves: list[Any]) -> Any:
    """What a program is recorded for: the nesting, shapes and dtypes; the numbers themselves go to ``leaves``."""
    kind = tree.__class__
    if kind is np.ndarray:
        leaves.append(tree)
        return tree.shape, tree.dtype.str
    if kind is tuple or kind is list:
        return kind, *[form_of(part, leaves) for part in tree]
    if kind is float:
        leaves.append(tree)
        return float
    if kind is dict:
        return dict, *[(key.__class__, key, _exactly(key), form_of(part, leaves)) for key, part in tree.items()]
    if isinstance(tree, Tensor):
        leaves.append(tree)
        return "Tensor", tree.shape, tree.dtype.char, tree.requires_grad, tree._grad is None
    if isinstance(tree, Value):
        leaves.append(tree)
        return kind, tree._grad.__class__ is float and tree._grad == 0
    if isinstance(tree, np.ndarray | np.generic):
        leaves.append(tree)
        return kind.__name__, tree.shape, tree.dtype
    try:
        hash(tree)
    except TypeError:
        raise RecordingError(
            f"a compiled function takes arrays, Tensors, Values, numbers, and tuples, lists and dicts of them, but was "
            f"given {kind.__name__}: pass the arrays that it holds"
        ) from None
    return "constant", kind, tree, _exactly(tree)


def _exactly(tree: Any) -> Any:
    """What tells apart objects that are equal and not the same: 2 and 2.0 in a dataclass, 0j and -0j, two ranges."""
    kind = type(tree)
    if tree is None or kind in (bool, int, str) or getattr(kind, "__hash__", None) is object.__hash__:
        return None
    held = getattr(tree, "__dict__", None)
    return repr(tree), tuple([(name, type(x), repr(x)) for name, x in held.items()]) if held else None
