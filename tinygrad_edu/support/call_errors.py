"""A call that does not fit a function: one sentence that shows what it takes, what was given, and what to write."""

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
    "batch_size": "size",
    "negative_slope": "slope",
}
_ADVICE = {
    "MLP": "the units of all layers are one list, as in MLP(2, [16, 16, 1])",
    "Value.backward": "it starts with 1, and the graph stays; for another gradient, write (gradient * L).backward()",
    "Tensor.backward": "the graph stays as long as a variable holds it, so a second backward() adds to the gradients",
    "Optimizer.zero_grad": "it has no settings: gradients become None, or 0 for Values",
    "Module.zero_grad": "it has no settings: gradients become None, or 0 for Values",
    "ravel": "for one row of each sample, write x.reshape(len(x), -1), which keeps the first axis",
    "draw": "to write a file, write viz.draw(…).save('x.svg')",
}


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
