"""NumPy's warnings of overflows and divisions by zero, at the line of the user's program.

NumPy names the line of the innermost Python function, which is one of an operation. So a filter turns the warning into
an error there. That costs nothing as long as there is none. Whoever calls the operation catches the error, and
`warn_at_users_line` computes the result again.
"""

import warnings
from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np

from tinygrad_edu.support.users_code import users_level

T = TypeVar("T")


def raise_in_operations() -> None:
    """Let NumPy's warnings be errors within the functions of operations, and nowhere else."""
    warnings.filterwarnings(
        "error",
        message="(divide by zero|overflow|underflow|invalid value) encountered",
        category=RuntimeWarning,
        module=r"tinygrad_edu\.(operations|speed)\.",
    )


def warn_at_users_line(what: str, compute: Callable[..., T], *args: Any, **keywords: Any) -> T:
    """The result of ``compute``; what NumPy finds in it is warned of at the user's line, where NumPy would warn."""
    found: dict[str, int] = {}
    modes: Any = {kind: "call" for kind, mode in np.geterr().items() if mode == "warn"}
    with np.errstate(call=found.__setitem__, **modes):
        result = compute(*args, **keywords)
    for kind in found:
        warnings.warn(f"{kind} encountered in {what}", RuntimeWarning, stacklevel=users_level())
    return result
