"""NumPy's functions on Values: they compute with the Values as objects, so that every result keeps its graph.

NumPy hands a function that is no ufunc to `Value.__array_function__`. `clip` is a row of the table. Every other
function runs on arrays of objects, in which NumPy computes with the operators of the Values themselves.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from tinygrad_edu.errors import DTypeError, TinygradEduError, UnsupportedError
from tinygrad_edu.graph.node import Node


def call_function(function: Callable[..., Any], args: Sequence[Any], keywords: Mapping[str, Any]) -> Any:
    """What ``function(*args, **keywords)`` gives: a Value, or an array of objects that holds Values.

    Raises
    ------
    UnsupportedError : NumPy's function takes no objects.

    Examples
    --------
    >>> from tinygrad_edu import Value
    >>> x = Value(3.0)
    >>> np.where(x > 1, x**2, x).op
    'pow'
    """
    if function is np.clip:
        return _clip(*args, **keywords)
    objects = {name: _as_objects(x) for name, x in keywords.items()}
    try:
        y = function(*map(_as_objects, args), **objects)
    except TinygradEduError:
        raise
    except (TypeError, AttributeError, np.linalg.LinAlgError):
        raise UnsupportedError(
            f"np.{function.__name__} does not compute with Values: write it with operators and the methods of "
            "Value, or use a Tensor"
        ) from None
    return y.item() if isinstance(y, np.ndarray) and y.dtype.kind == "O" and not y.ndim else y


def _clip(v: Any, a_min: Any = None, a_max: Any = None, *, min: Any = None, max: Any = None) -> Any:  # noqa: A002 NumPy's names
    low, high = (new if old is None else old for old, new in ((a_min, min), (a_max, max)))
    if not isinstance(v, Node):
        raise DTypeError(f"np.clip takes plain limits, but was given {v!r} between Values: use minimum and maximum")
    return v.clip(low, high)


def _as_objects(x: Any) -> Any:
    """A Value as an array of objects without axes; NumPy would ask it again what to do."""
    if isinstance(x, Node):
        array = np.empty((), object)
        array[()] = x
        return array
    return type(x)(map(_as_objects, x)) if type(x) in (list, tuple) else x
