"""Operations on arrays, as methods and through NumPy's functions: values, gradients, gradients of gradients."""

import numpy as np
import pytest

from tests.domains import ANSWERS, FUNCTIONS, Call, Function
from tests.oracles import check_first, check_second
from tinygrad_edu import functions
from tinygrad_edu.graph import topological_order
from tinygrad_edu.rules import ARRAY_TABLE

CALLS = [pytest.param(name, call, id=f"{name} {call}") for name, f in FUNCTIONS.items() for call in f.calls]


def drawn(f: Function, call: Call):
    rng = np.random.default_rng(len(str(call)))
    return [f.draw(rng, shape) for shape in call.shapes]


def bound(function, f: Function, call: Call):
    """The function of arrays alone, as the call has it."""
    if f.joins:
        return lambda *xs: function(xs, *call.args, **call.keywords)
    return lambda *xs: function(*xs, *call.args, **call.keywords)


def test_every_operation_on_arrays_has_a_domain():
    assert set(ARRAY_TABLE) <= {f.row or name for name, f in FUNCTIONS.items()}


def test_every_numpy_function_has_a_domain():
    assert {f.__name__ for f in functions.NUMPY} <= {*FUNCTIONS, *(f.__name__ for f in ANSWERS)}


@pytest.mark.parametrize(("name", "call"), CALLS)
def test_first_order(name, call):
    f = FUNCTIONS[name]
    y = check_first(bound(f.function, f, call), bound(f.reference or f.function, f, call), drawn(f, call))
    assert (f.row or name) in {node.op for node in topological_order(y)}


@pytest.mark.parametrize(("name", "call"), CALLS)
def test_second_order(name, call):
    f = FUNCTIONS[name]
    check_second(bound(f.function, f, call), bound(f.reference or f.function, f, call), drawn(f, call))
