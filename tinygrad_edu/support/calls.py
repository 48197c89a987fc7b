"""A decorator for functions whose wrong calls are explained; it is small, because `Value` loads it."""

import functools
from collections.abc import Callable
from typing import Any, TypeVar, cast

F = TypeVar("F", bound=Callable[..., Any])


def explains_calls(function: F) -> F:
    """The function; an error of Python's about missing, surplus or unknown arguments becomes a `CallError`.

    Examples
    --------
    >>> @explains_calls
    ... def noise(size, rng=None): ...
    >>> noise(3, seed=0)
    Traceback (most recent call last):
        ...
    tinygrad_edu.errors.CallError: noise(size, rng=None) was called with (3, seed=0):
        got an unexpected keyword argument 'seed'; write rng= instead of seed=
    """

    @functools.wraps(function)
    def call(*args: Any, **keywords: Any) -> Any:
        try:
            return function(*args, **keywords)
        except TypeError as error:
            if error.__traceback__ is None or error.__traceback__.tb_next is not None:  # within the function
                raise
            from tinygrad_edu.support.call_errors import call_error  # here, because it is rarely needed

            raise call_error(function.__qualname__, function, args, keywords) from None

    return cast("F", call)
