"""The fifth list: its faults do harm, and its healthy runs end with a small error."""

import numpy as np
import pytest

from tests.faults.fifth import ERRORS, PROGRAMS


@pytest.mark.parametrize(
    "name", ["pixels_up_to_255", "prices_in_euros_with_sgd", "column_minus_row", "tested_with_dropout", "all_negative"]
)
def test_a_fault_does_harm(name):
    with np.errstate(all="ignore"):
        (_, faulty), (_, repaired) = (PROGRAMS[name](0, fault) for fault in (True, False))
    assert faulty > 2 * repaired
    assert repaired < 0.25


@pytest.mark.parametrize("kind", ["adversaries", "policy_gradient", "fine_tuned_head", "two_optimizers"])
def test_a_healthy_run_ends_with_a_small_error(kind):
    assert ERRORS[kind](0)[1] < 0.1
