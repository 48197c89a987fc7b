"""The scripts of this folder, as text."""

from functools import cache
from importlib import resources

from tinygrad_edu.errors import ArgumentError
from tinygrad_edu.javascript.ufuncs import ufuncs_source

# Plain scripts, in the order in which they are joined: a script comes after those that it uses.
SCRIPTS = ("vocabulary", "numbers", "tape", "array_tape")
# The parts of the object ``np``, which has what a compiled program calls. They need the vocabulary.
ARRAYS = ("ndarray", "choices", "reductions", "shapes", "indexing", "products", "windows", "random", "state")

_OFFERED = """
    add_windows all any arange argmax argmin argsort argument array asarray astype broadcast_to clip concatenate
    convolve convolve_input convolve_weight copyState cumprod cumsum decoded diagonal dot einsum empty expand_dims eye
    flip full getitem largest_of_window matmul max mean memory min moveaxis NDArray one_hot pad PCG64 pick prod put
    ravel repeat reshape result roll scatter_add squeeze stack std store sum swapaxes take_along_axis take_windows tile
    transpose tril triu variance where unbroadcast winners_of withMemory
"""
OFFERED = tuple(_OFFERED.split())


@cache
def script(name: str) -> str:
    """The text of ``name.js``."""
    return resources.files("tinygrad_edu.javascript").joinpath(f"{name}.js").read_text(encoding="utf-8")


def library(*names: str) -> str:
    """The named scripts, joined in an order in which they work.

    Parameters
    ----------
    names : of "vocabulary", "numbers", "tape" and "array_tape", which needs the text of `arrays`.

    Raises
    ------
    ArgumentError : there is no such script.

    Examples
    --------
    >>> library("vocabulary").splitlines()[0]
    '// The words of the operation table that JavaScript lacks, or defines in another way than NumPy.'
    """
    unknown = set(names) - set(SCRIPTS)
    if unknown:
        raise ArgumentError(f"the scripts are {', '.join(SCRIPTS)}, but {', '.join(sorted(unknown))} was asked for")
    return "\n".join(script(name) for name in SCRIPTS if name in names)


@cache
def arrays() -> str:
    """The vocabulary and the object ``np``: NumPy's functions, as far as compiled programs need them."""
    parts = "\n".join([*map(script, ARRAYS), ufuncs_source()])
    return (
        f"{library('vocabulary')}\nconst np = (() => {{\n{parts}\n"
        f"return {{ ...ufuncs, {', '.join(OFFERED)} }};\n}})();\n"
    )
