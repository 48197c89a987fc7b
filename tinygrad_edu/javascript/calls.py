"""Which functions of NumPy a program may call in JavaScript, and in which order they take their arguments."""

from typing import Any

import numpy as np

MASKS_ONLY = frozenset({"bitwise_and", "bitwise_or", "bitwise_xor", "invert"})
REDUCED = {
    "add": "sum",
    "maximum": "max",
    "minimum": "min",
    "multiply": "prod",
    "logical_and": "all",
    "logical_or": "any",
}

# NumPy's order of the parameters after the array. Those of `OPTIONS` are passed by name, as one object.
OPTIONS: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(("sum", "prod"), ("axis", "dtype", "out", "keepdims", "initial", "where")),
    **dict.fromkeys(("max", "min", "amax", "amin"), ("axis", "out", "keepdims", "initial", "where")),
    **dict.fromkeys(("any", "all"), ("axis", "out", "keepdims", "where")),
    "mean": ("axis", "dtype", "out", "keepdims", "where"),
    **dict.fromkeys(("var", "std"), ("axis", "dtype", "out", "ddof", "keepdims", "where", "mean", "correction")),
    **dict.fromkeys(("argmax", "argmin"), ("axis", "out", "keepdims")),
    "argsort": ("axis", "kind", "order", "stable"),
    **dict.fromkeys(("cumsum", "cumprod"), ("axis", "dtype", "out")),
}
KNOWN_OPTIONS = frozenset({"axis", "keepdims", "initial", "ddof"})
RENAMED = {"var": "variance", "amax": "max", "amin": "min", "matrix_transpose": "swapaxes"}
# Other functions, and their parameters after the array in NumPy's order. JavaScript has those before the bar.
_POSITIONAL = {
    "reshape": "shape | order copy",
    "ravel": "| order",
    "flatten": "| order",
    "transpose": "axes",
    "swapaxes": "axis1 axis2",
    "moveaxis": "source destination",
    "expand_dims": "axis",
    "squeeze": "axis",
    "broadcast_to": "shape | subok",
    "concatenate": "axis | out dtype casting",
    "stack": "axis | out dtype casting",
    "flip": "axis",
    "roll": "shift axis",
    "repeat": "repeats axis",
    "tile": "reps",
    "pad": "pad_width | mode",
    "tril": "k",
    "triu": "k",
    "diagonal": "offset axis1 axis2",
    "take_along_axis": "indices axis | mode",
    "where": "x y",
    "clip": "min max | out",
    "astype": "dtype | order casting subok copy",
    "copy": "| order",
    "dot": "b | out",
    "erf": "",
    "erfc": "",
    "ndtr": "",
    "scatter": "index shape",
    "scatter_add": "index shape",
    "one_hot": "classes dtype",
}
POSITIONAL = {name: tuple(text.replace("|", "").split()) for name, text in _POSITIONAL.items()}
# The functions of `operations.windows`, which take their settings by name, and what they are called in JavaScript.
WINDOWS = {name: name for name in ("convolve", "convolve_input", "convolve_weight", "take_windows", "add_windows")}
WINDOWS |= {"largest": "largest_of_window", "winners_of": "winners_of", "pick": "pick", "put": "put"}
# Values of other parameters that change nothing here.
HARMLESS: dict[str, tuple[Any, ...]] = {
    "order": ("C", "K"),
    "copy": (True, False),
    "casting": ("unsafe", "same_kind"),
    "subok": (True, False),
    "mode": ("constant", "raise"),
    "kind": ("stable",),
    "stable": (True,),
    "keepdims": (False,),
}


def bound(name: str, args: tuple[Any, ...], keywords: dict[str, Any]) -> dict[str, Any] | str:
    """The arguments after the array by their names, in NumPy's order; or the name of one that has no JavaScript."""
    parameters = OPTIONS[name] if name in OPTIONS else POSITIONAL[name]
    known = KNOWN_OPTIONS if name in OPTIONS else frozenset(_POSITIONAL[name].partition("|")[0].split())
    found = {}
    for parameter, value in {**dict(zip(parameters, args, strict=False)), **keywords}.items():
        if value is None or value is np._NoValue:
            continue
        if parameter in known:
            found[parameter] = value
        elif not (isinstance(value, str | bool) and value in HARMLESS.get(parameter, ())):
            return parameter
    return found
