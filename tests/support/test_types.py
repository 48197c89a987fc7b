import importlib
import inspect
import pydoc

import pytest

import tinygrad_edu
from tinygrad_edu import Tensor, nn, train

PACKAGES = ["", ".nn", ".nn.functional", ".nn.init", ".optim", ".optim.lr_scheduler", ".train", ".data"]


def signatures(module):
    for name in module.__all__ if hasattr(module, "__all__") else dir(module):
        thing = getattr(module, name)
        members = [thing, *(vars(thing).values() if inspect.isclass(thing) else ())]
        for member in members:
            function = member.fget if isinstance(member, property) else member
            if callable(function) and not inspect.ismodule(function):
                try:
                    yield name, str(inspect.signature(function))
                except ValueError:  # written in C
                    continue


@pytest.mark.parametrize("package", PACKAGES)
def test_signatures_show_short_names_of_types(package):
    found = list(signatures(importlib.import_module(f"tinygrad_edu{package}")))
    assert found
    assert not [(name, text) for name, text in found if "numpy.ndarray[" in text or "numpy._typing" in text]


@pytest.mark.parametrize("thing", [train.fit, Tensor, nn.Linear, tinygrad_edu.data.batches])
def test_help_is_readable(thing):
    text = pydoc.plain(pydoc.render_doc(thing))
    assert "numpy.ndarray[" not in text
    assert "numpy._typing" not in text


def test_a_signature_names_arrays_shortly():
    assert "X: Array, y: Array" in str(inspect.signature(train.fit))
    assert "dtype: DTypeLike | None = None" in str(inspect.signature(nn.Linear))
