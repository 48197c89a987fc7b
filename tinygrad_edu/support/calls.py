"""Functions and classes whose wrong calls are explained; the module is small, because `Value` loads it."""

import functools
from collections.abc import Callable, Sequence
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
    return cast("F", _explained(function, lambda _: function.__qualname__))


def explain_init(cls: type) -> None:
    """Let an ``__init__`` that ``cls`` defines name the class that was called, which may have inherited it."""
    function = vars(cls).get("__init__")
    if function is None:
        return

    def called(args: Sequence[Any]) -> str:
        kinds = type(args[0]).__mro__ if args else ()
        having = [kind for kind in kinds if kind.__init__ is init]  # type: ignore[misc]
        return (having or [cls])[0].__name__  # not the object's own class if its ``__init__`` calls this one

    init = cls.__init__ = _explained(function, called)  # type: ignore[misc]


def _explained(function: Callable[..., Any], called: Callable[[Sequence[Any]], str]) -> Callable[..., Any]:
    """The function with its wrong calls explained; ``called`` gives its name in the message, from the arguments."""

    @functools.wraps(function)
    def call(*args: Any, **keywords: Any) -> Any:
        try:
            return function(*args, **keywords)
        except TypeError as error:
            if not is_about_the_call(error):
                raise
            from tinygrad_edu.support.call_errors import call_error  # here, because it is rarely needed

            raise call_error(called(args), function, args, keywords) from None

    return call


def is_about_the_call(error: TypeError) -> bool:
    """Whether Python raised the error because the arguments do not fit, before the function ran."""
    return error.__traceback__ is not None and error.__traceback__.tb_next is None
