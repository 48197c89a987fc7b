"""Functions and classes whose wrong calls are explained; the module is small, because `Value` loads it."""

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
            if not is_about_the_call(error):
                raise
            from tinygrad_edu.support.call_errors import call_error  # here, because it is rarely needed

            raise call_error(function.__qualname__, function, args, keywords) from None

    return cast("F", call)


def explain_init(cls: type) -> None:
    """Let an ``__init__`` that ``cls`` defines name the class that was called, which may have inherited it."""
    function = vars(cls).get("__init__")
    if function is None:
        return

    @functools.wraps(function)
    def init(self: Any, *args: Any, **keywords: Any) -> None:
        try:
            function(self, *args, **keywords)
        except TypeError as error:
            if not is_about_the_call(error):
                raise
            from tinygrad_edu.support.call_errors import call_error  # here, because it is rarely needed

            called = type(self) if type(self).__init__ is init else cls  # a subclass may call it from its own
            raise call_error(called.__name__, function, (self, *args), keywords) from None

    cls.__init__ = init  # type: ignore[misc]


def is_about_the_call(error: TypeError) -> bool:
    """Whether Python raised the error because the arguments do not fit, before the function ran."""
    return error.__traceback__ is not None and error.__traceback__.tb_next is None
