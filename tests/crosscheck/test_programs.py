"""Random whole programs on arrays of several types: eager, compiled and printed, at several calls with new data.

A program is a list of steps. A step takes two of the arrays so far, by index, and a constant; steps that NumPy or the
engine refuses are left out by both sides alike.
"""

import numpy as np
from hypothesis import example, given
from hypothesis import strategies as st

from tests.crosscheck.agreement import assert_agree
from tests.crosscheck.ways import CALLS, compiled_and_printed
from tinygrad_edu import Tensor
from tinygrad_edu.errors import TinygradEduError

CONSTANTS = (0, 1, 2, -1, 0.5, 0.1, 3.0, True)
STEPS = {
    "a + b": lambda a, b, c: a + b,
    "a - b": lambda a, b, c: a - b,
    "a * b": lambda a, b, c: a * b,
    "a * c": lambda a, b, c: a * c,
    "c + a": lambda a, b, c: c + a,
    "a / (b² + 1)": lambda a, b, c: a / (b * b + 1),
    "a > b": lambda a, b, c: a > b,
    "(a > c) * b": lambda a, b, c: (a > c) * b,
    "where(a > c, a, b)": lambda a, b, c: np.where(a > c, a, b),
    "where(a > b, a, c · b)": lambda a, b, c: np.where(a > b, a, c * b),
    "maximum": lambda a, b, c: np.maximum(a, b),
    "maximum(a, c)": lambda a, b, c: np.maximum(a, c),
    "clip": lambda a, b, c: np.clip(a, -1, 1),
    "tanh": lambda a, b, c: np.tanh(a),
    "exp(-a²)": lambda a, b, c: np.exp(-a * a),
    "abs": lambda a, b, c: abs(a),
    "a**2": lambda a, b, c: a**2,
    "a @ b": lambda a, b, c: a @ b,
    "a.T": lambda a, b, c: a.T,
    "a[0]": lambda a, b, c: a[0],
    "a[::-1]": lambda a, b, c: a[::-1],
    "a[[0, 0, 1]]": lambda a, b, c: a[[0, 0, 1]],
    "a[:, None]": lambda a, b, c: a[:, None],
    "a[a > c]": lambda a, b, c: a * (a > c),
    "sum": lambda a, b, c: a.sum(axis=-1),
    "mean": lambda a, b, c: a.mean(axis=0, keepdims=True),
    "max": lambda a, b, c: a.max(axis=0),
    "softmax": lambda a, b, c: np.exp(a - a.max(axis=-1, keepdims=True)),
    "reshape": lambda a, b, c: a.reshape(-1),
    "concatenate": lambda a, b, c: np.concatenate([a, b, a]),
    "stack": lambda a, b, c: np.stack([a, b]),
    "cumsum": lambda a, b, c: np.cumsum(a, axis=0),
    "broadcast": lambda a, b, c: np.broadcast_to(a, (2, *a.shape)),
}
PROGRAMS = st.lists(
    st.tuples(
        st.sampled_from(sorted(STEPS)), st.integers(0, 99), st.integers(0, 99), st.sampled_from(range(len(CONSTANTS)))
    ),
    min_size=1,
    max_size=8,
)
KINDS = st.lists(st.sampled_from(["float64", "float32", "int64", "bool"]), min_size=2, max_size=2)
SHAPES = st.lists(st.sampled_from([(), (1,), (3,), (3, 3), (1, 3), (3, 1), (2, 3), (0, 3)]), min_size=2, max_size=2)
SIZE = 5_000  # numbers in an array: programs that grow more are cut off
ERRORS = (TinygradEduError, ValueError, TypeError, IndexError)


def run(program, arrays):
    """The arrays and nodes that the program makes; an array that is no float takes part as plain NumPy."""
    known = [Tensor(x) if x.dtype.kind == "f" else x for x in arrays]
    leaves = list(known)
    for name, i, j, k in program:
        a, b = known[i % len(known)], known[j % len(known)]
        y = STEPS[name](a, b, CONSTANTS[k])
        known.append(y)
    return leaves, known


def that_fit(program, arrays):
    """The steps of the program that can be computed with these arrays."""
    kept = []
    for step in program:
        try:
            with np.errstate(all="ignore"):
                known = run([*kept, step], arrays)[1]
        except ERRORS:
            continue
        if np.size(getattr(known[-1], "data", known[-1])) <= SIZE:
            kept.append(step)
    return kept


def passes_of(program):
    def passes(x, y):
        leaves, known = run(program, (x, y))
        totals = [node.sum() for node in known[2:] if isinstance(node, Tensor) and node.requires_grad]
        if totals:
            sum(totals[1:], totals[0]).backward()
        grads = [leaf.grad for leaf in leaves if isinstance(leaf, Tensor)]
        return [*known[2:], *grads]

    return passes


def data_for(kinds, shapes, seed):
    rng = np.random.default_rng(seed)
    return tuple(np.asarray(rng.normal(size=s) * 2).astype(kind) for kind, s in zip(kinds, shapes, strict=True))


@given(program=PROGRAMS, kinds=KINDS, shapes=SHAPES)
@example(program=[("c + a", 0, 0, 4)], kinds=["int64", "bool"], shapes=[(3,), (3,)])
@example(program=[("a @ b", 0, 1, 0), ("where(a > b, a, c · b)", 2, 1, 5)], kinds=["float64"] * 2, shapes=[(3, 3)] * 2)
@example(program=[("a > b", 0, 1, 0), ("a**2", 2, 0, 0)], kinds=["float64"] * 2, shapes=[()] * 2)
@example(
    program=[("a @ b", 0, 1, 0), ("where(a > c, a, b)", 2, 0, 0), ("tanh", 3, 0, 0)],
    kinds=["float64"] * 2,
    shapes=[(3, 3)] * 2,
)
def test_compiled_and_printed(program, kinds, shapes):
    calls = [data_for(kinds, shapes, seed) for seed in range(CALLS)]
    program = that_fit(program, calls[0])
    if not program:
        return
    passes = passes_of(program)
    *results, printed = compiled_and_printed(passes, calls)
    rtol = 3e-4 if "float32" in kinds else 1e-11
    for i, (xs, result) in enumerate(zip([*calls, calls[-1]], [*results, printed], strict=True)):
        with np.errstate(all="ignore"):
            expected = passes(*xs)
        for k, (found, wanted) in enumerate(zip(result, expected, strict=True)):
            if wanted is None:
                assert found is None
            else:
                assert_agree(found, wanted, f"call {i}, result {k}", rtol=rtol, scale=1.0)
