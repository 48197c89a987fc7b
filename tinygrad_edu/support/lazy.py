"""Names of a package that are imported when they are first used, as in PEP 562."""

import sys
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from typing import Any


def lazy_names(
    package: str, modules: Mapping[str, str], submodules: Sequence[str] = ()
) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """``__getattr__`` and ``__dir__`` of a package whose modules are imported late.

    A type checker and an editor cannot follow this: for them, the package imports the same names under
    ``TYPE_CHECKING``. They must not see ``__getattr__``, because then every name would seem to exist.

    Parameters
    ----------
    package : the package's ``__name__``.
    modules : for each module in it, the names that the package takes from it, with spaces between them.
    submodules : modules and packages in it that are public names.

    Returns
    -------
    tuple of the two functions. ``dir()`` shows all public names, also those that are not imported yet. Python uses it
    to suggest a name when one is misspelt.

    Examples
    --------
    >>> __getattr__, __dir__ = lazy_names("tinygrad_edu", {"transforms": "grad hvp"}, ["nn"])
    >>> __getattr__("grad").__module__
    'tinygrad_edu.transforms'
    """
    homes = {name: module for module, names in modules.items() for name in names.split()}

    def find(name: str) -> Any:
        if name in submodules:
            return import_module(f"{package}.{name}")
        if name not in homes:
            from tinygrad_edu.support.other_libraries import advice  # here, because only an error needs it

            raise AttributeError(f"module {package!r} has no attribute {name!r}{advice(package, name)}")
        found = getattr(import_module(f"{package}.{homes[name]}"), name)
        setattr(sys.modules[package], name, found)
        return found

    def public() -> list[str]:
        here = vars(sys.modules[package])
        return sorted({*here["__all__"], *(name for name in here if name.startswith("__"))})

    return find, public
