"""Every error of the packages is the library's, and the built-in one that fits."""

import builtins
import importlib
import pkgutil

import demos
import tinygrad_edu
import viz
from tinygrad_edu import TinygradEduError

BUILTIN = {error for error in vars(builtins).values() if isinstance(error, type) and issubclass(error, Exception)}


def error_classes():
    """The classes by that name which the modules define."""
    for package in (tinygrad_edu, viz, demos):
        for found in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            if found.name.endswith("__main__"):
                continue
            for name, thing in vars(importlib.import_module(found.name)).items():
                if isinstance(thing, type) and name.endswith("Error") and thing.__module__ == found.name:
                    yield thing


def test_every_error_is_the_librarys_and_a_builtin_one():
    found = {*error_classes()} - {TinygradEduError}
    assert len(found) > 15
    for error in found:
        assert issubclass(error, TinygradEduError), error
        assert (BUILTIN - {Exception}) & {*error.__mro__}, error
        assert error.__doc__.rstrip().endswith(".")
