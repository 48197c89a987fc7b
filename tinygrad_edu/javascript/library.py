"""The scripts of this folder, as text."""

from functools import cache
from importlib import resources

from tinygrad_edu.errors import ArgumentError

# In the order in which they are joined: a script stands after those that it uses.
SCRIPTS = ("vocabulary", "numbers", "tape")


@cache
def script(name: str) -> str:
    """The text of ``name.js``."""
    return resources.files("tinygrad_edu.javascript").joinpath(f"{name}.js").read_text(encoding="utf-8")


def library(*names: str) -> str:
    """The named scripts, joined in an order in which they work.

    >>> library("vocabulary").splitlines()[0]
    '// The words of the operation table that JavaScript lacks, or defines otherwise than NumPy.'
    """
    unknown = set(names) - set(SCRIPTS)
    if unknown:
        raise ArgumentError(f"the scripts are {', '.join(SCRIPTS)}, but {', '.join(sorted(unknown))} was asked for")
    return "\n".join(script(name) for name in SCRIPTS if name in names)
