"""Every call of `tests.domains.FUNCTIONS` on new data: eager, recorded, compiled and printed, of both orders."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from tests.crosscheck.agreement import assert_agree
from tests.crosscheck.drawing import LAYOUTS
from tests.crosscheck.ways import CALLS, compiled_and_printed, eager, recorded, step_of
from tests.domains import FUNCTIONS
from tests.test_functions import CALLS as DOMAIN_CALLS
from tests.test_functions import bound
from tinygrad_edu import Tensor, hvp

CASES = st.sampled_from([parameters.values for parameters in DOMAIN_CALLS])


@st.composite
def inputs(draw, f, call, dtype=np.float64):
    """Arrays in the function's domain, each in some layout of memory."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    layouts = [LAYOUTS[draw(st.sampled_from(sorted(LAYOUTS)))] for _ in call.shapes]
    drawn = [np.asarray(f.draw(rng, shape)) for shape in call.shapes]
    kinds = [dtype if x.dtype.kind == "f" else x.dtype for x in drawn]
    return tuple(layout(x.astype(kind)) for layout, x, kind in zip(layouts, drawn, kinds, strict=True))


def weights_for(y):
    return np.asarray(np.random.default_rng(3).uniform(0.5, 2.0, y.shape), y.dtype)


@given(case=CASES, data=st.data(), dtype=st.sampled_from([np.float64, np.float32]))
def test_compiled_and_printed(case, data, dtype):
    name, call = case
    f = FUNCTIONS[name]
    function = bound(f.function, f, call)
    calls = [data.draw(inputs(f, call, dtype)) for _ in range(CALLS)]
    weights = weights_for(function(*map(Tensor, calls[0])))
    *results, printed = compiled_and_printed(step_of(function, weights), calls)
    rtol = 1e-11 if dtype is np.float64 else 2e-4
    for xs, result in zip([*calls, calls[-1]], [*results, printed], strict=True):
        for found, expected in zip(result, eager(function, xs, weights), strict=True):
            assert_agree(found, expected, f"{name} {call}", rtol=rtol)


@given(case=CASES, data=st.data())
def test_the_recorded_backward_pass(case, data):
    name, call = case
    f = FUNCTIONS[name]
    function = bound(f.function, f, call)
    xs = data.draw(inputs(f, call))
    weights = weights_for(function(*map(Tensor, xs)))
    for found, expected in zip(recorded(function, xs, weights), eager(function, xs, weights), strict=True):
        assert_agree(found, expected, f"{name} {call}", rtol=1e-10, scale=1.0)


@given(case=CASES, data=st.data())
def test_the_hessian_is_symmetric(case, data):
    """u · (H v) = v · (H u): the second pass differentiates what the first recorded."""
    name, call = case
    f = FUNCTIONS[name]
    function = bound(f.function, f, call)
    x, *others = data.draw(inputs(f, call))
    if x.dtype.kind != "f" or not x.ndim:  # hvp gives a number to the function as a Value
        return
    weights = weights_for(function(Tensor(x), *map(Tensor, others)))

    def total(leaf):
        return (function(leaf, *others) * weights).sum()

    u, v = np.random.default_rng(4).standard_normal((2, *x.shape))
    one, other = (float(np.sum(a * np.asarray(hvp(total, x, b)))) for a, b in ((u, v), (v, u)))
    assert_agree(one, other, f"{name} {call}", rtol=1e-9, scale=1.0)
