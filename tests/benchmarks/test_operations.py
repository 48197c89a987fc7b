"""The operations of the benchmarks compute what their peers compute, and are held to their bars."""

from dataclasses import replace

import numpy as np
import pytest

from . import operations
from .timing import FULL

LOOK = replace(FULL, seconds=0, rounds=2)


def as_arrays(found):
    parts = found if isinstance(found, tuple) else (found,)
    return [np.asarray(part.detach() if hasattr(part, "detach") else part) for part in parts]


@pytest.mark.parametrize("made", [operations.products, operations.functions])
def test_both_sides_of_a_race_give_the_same_numbers(torch, made):
    for race in made():
        own, peer = as_arrays(race.own()), as_arrays(race.peer())
        assert {x.dtype for x in own} == {np.dtype(np.float32)}, race.label
        for x, y in zip(own, peer, strict=True):
            np.testing.assert_allclose(x, y, rtol=2e-5, atol=2e-5, err_msg=race.label)


def test_every_operation_is_held_to_its_bar(torch):
    rows = [row for made in (operations.products, operations.functions) for row in operations.races(made, LOOK)]
    assert [bar.limit for row in rows for bar in row.bars] == [1.2, 1.3, 1.2, 1.2, 1.2, 5, 5, 5]


def test_updates_are_held_to_the_plain_class(monkeypatch):
    monkeypatch.setattr(operations, "WEIGHTS", 3)
    (row,) = operations.updates(LOOK)
    assert (row.label, [*row.cells]) == ("3 parameters", ["plain class", "Value"])
    assert [bar.limit for bar in row.bars] == [1.2]
