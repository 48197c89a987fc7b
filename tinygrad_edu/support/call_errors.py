"""A call that does not fit a function: one sentence that shows what it takes, what was given, and what to write."""

import functools
import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from tinygrad_edu.errors import CallError
from tinygrad_edu.support.arguments import shown

# The name that other libraries give to an argument, and the name here.
_NAMES_HERE = {
    "dim": "axis",
    "dims": "axis",
    "keepdim": "keepdims",
    "seed": "rng",
    "random_state": "rng",
    "learning_rate": "lr",
}
_ADVICE = {
    "MLP": "the units of all layers are one list, as in MLP(2, [16, 16, 1])",
    "Value.backward": "it starts with 1, and the graph stays; for another gradient, write (gradient * L).backward()",
    "draw": "to write a file, write viz.draw(…).save('x.svg')",
}


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
            called = type(self) if type(self).__init__ is init else cls  # a subclass may call it from its own
            raise call_error(called.__name__, function, (self, *args), keywords) from None

    cls.__init__ = init  # type: ignore[misc]


def is_about_the_call(error: TypeError) -> bool:
    """Whether Python raised the error because the arguments do not fit, before the function ran."""
    return error.__traceback__ is not None and error.__traceback__.tb_next is None


def call_error(name: str, function: Callable[..., Any], args: Sequence[Any], keywords: Mapping[str, Any]) -> CallError:
    """The error of a call of ``function`` that does not fit."""
    signature = inspect.signature(function)
    try:
        signature.bind(*args, **keywords)
        reason = "the arguments do not fit"
    except TypeError as error:
        reason = str(error)
    parameters = [p.replace(annotation=p.empty) for p in signature.parameters.values()]
    if parameters and parameters[0].name == "self":
        parameters, args = parameters[1:], args[1:]
    names = {p.name for p in parameters}
    advice = [
        f"write {here}= instead of {given}="
        for given, here in _NAMES_HERE.items()
        if given in keywords and given not in names and here in names
    ]
    takes = inspect.Signature(parameters)
    given = ", ".join([*map(shown, args), *(f"{k}={shown(x)}" for k, x in keywords.items())])
    ending = "; ".join([reason, *(advice or filter(None, [_ADVICE.get(name, "")]))])
    return CallError(f"{name.rpartition('.')[2]}{takes} was called with ({given}): {ending}")
