"""The sixth list's programs: a fault harms, its repair helps, and healthy programs train well."""

import numpy as np
import pytest

from tests.faults.sixth import FINE, HEALTHY, PROGRAMS

HARMED = (
    "adam_with_the_rate_of_sgd",
    "sigmoid_before_a_loss_of_logits",
    "weights_of_zero",
    "embedding_left_out",
)
WELL_TRAINED = "seven_points", "early_stopping", "curve_by_lbfgs", "logistic_regression", "physics_informed"


@pytest.mark.parametrize("name", HARMED)
def test_a_repaired_twin_errs_far_less(name):
    with np.errstate(all="ignore"):
        faulty, repaired = (PROGRAMS[name](0, is_faulty)[1] for is_faulty in (True, False))
    assert repaired < 0.1
    assert faulty > 2 * repaired


@pytest.mark.parametrize("name", WELL_TRAINED)
def test_a_healthy_program_errs_little(name):
    assert FINE[name](0)[1] < 0.05


def test_the_list_has_as_many_faults_as_healthy_kinds():
    assert len(PROGRAMS) == len(HEALTHY) == 26
