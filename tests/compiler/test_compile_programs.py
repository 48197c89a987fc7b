"""Random whole programs, compiled against eager: on Tensors and on Values, values and gradients."""

import numpy as np
from hypothesis import example, given
from hypothesis import strategies as st

import tinygrad_edu
from tinygrad_edu import Tensor, Value
from tinygrad_edu.operations.elementwise import TABLE

# Every row that is finite and smooth enough on all numbers; the others stand behind one that brings them in range.
_INSIDE = ("arcsin", "arccos", "arctanh")
_POSITIVE = ("log", "log2", "log10", "log1p", "sqrt", "cbrt", "reciprocal")
_GROWING = ("exp", "exp2", "expm1", "sinh", "cosh", "tan", "square")
_UNARY = [name for name, row in TABLE.items() if len(row.gx_texts) == 1 and name not in ("arccosh", "clip")]
_BINARY = ["add", "sub", "mul", "maximum", "minimum", "hypot", "logaddexp", "arctan2"]
_SHAPED = ["sum0", "mean1", "max1", "T", "matmul", "softmax", "where", "getitem", "concatenate", "cumsum"]

STEPS = st.tuples(st.sampled_from(_UNARY + _BINARY), st.integers(0, 99), st.integers(0, 99))
TENSOR_STEPS = st.tuples(st.sampled_from(_UNARY + _BINARY + _SHAPED), st.integers(0, 99), st.integers(0, 99))


def elementwise(name, a, b):
    if name in _BINARY:
        return getattr(a, name)(b)
    if name in _INSIDE:
        a = a.tanh() * 0.9
    elif name in _POSITIVE:
        a = a * a + 0.5
    elif name in _GROWING:
        a = a.tanh()
    return getattr(a, name)()


def shaped(name, a, b):
    """Operations on arrays of shape (3, 3) that give that shape again."""
    return {
        "sum0": lambda: a.sum(axis=0) * 0.3 + b,
        "mean1": lambda: a.mean(axis=1, keepdims=True) * b,
        "max1": lambda: a - a.max(axis=1, keepdims=True),
        "T": lambda: a.T,
        "matmul": lambda: a @ b * 0.3,
        "softmax": lambda: a.softmax(axis=1),
        "where": lambda: np.where(a > b, a, b * 0.5),
        "getitem": lambda: a[::-1, np.array([2, 0, 0])],
        "concatenate": lambda: np.concatenate([a[:1], b[1:]]),
        "cumsum": lambda: a.cumsum(axis=0) * 0.5,
    }[name]()


@given(program=st.lists(TENSOR_STEPS, max_size=10))
@example(program=[("T", 0, 0), ("add", 3, 0), ("T", 4, 0), ("mul", 4, 5)])
@example(program=[("relu", 0, 0), ("relu", 3, 0), ("sub", 3, 3), ("where", 3, 1)])
def test_on_tensors(program):
    weight = Tensor(np.random.default_rng(5).normal(size=(3, 3)), label="weight")

    def function(x, y):
        a, b = Tensor(x), Tensor(y)
        known = [a, b, weight]
        for name, i, j in program:
            p, q = known[i % len(known)], known[j % len(known)]
            known.append(shaped(name, p, q) if name in _SHAPED else elementwise(name, p, q))
        result = sum((t.sum() for t in known[3:]), (a * weight).sum())
        weight.grad = None
        result.backward()
        return result, a.grad, b.grad, weight.grad, known[-1]

    compiled = tinygrad_edu.compile(function)
    for seed in range(3):
        x, y = np.random.default_rng(seed).normal(size=(2, 3, 3))
        with np.errstate(all="ignore"):
            for found, expected in zip(compiled(x, y), function(x, y), strict=True):
                found, expected = (getattr(t, "data", t) if isinstance(t, Tensor) else t for t in (found, expected))
                if expected is None:
                    assert found is None
                    continue
                scale = np.abs(expected).max(initial=1.0)
                np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-12 * scale)


@given(program=st.lists(STEPS, max_size=12))
@example(program=[("mul", 0, 0), ("maximum", 2, 2), ("abs", 3, 0)])
def test_on_values(program):
    weight = Value(0.75, "weight")

    def function(a, b):
        known = [a, b, weight]
        for name, i, j in program:
            known.append(elementwise(name, known[i % len(known)], known[j % len(known)]))
        result = sum(known[3:], a * weight)
        weight.grad = 0.0
        result.backward()
        return result

    compiled = tinygrad_edu.compile(function)
    for seed in range(3):
        numbers = np.random.default_rng(seed).normal(size=2).tolist()
        found, expected = [[Value(x) for x in numbers] for _ in range(2)]
        y = compiled(*found)
        slope = weight.grad
        np.testing.assert_allclose(y.data, function(*expected).data, rtol=1e-13)
        np.testing.assert_allclose([x.grad for x in found], [x.grad for x in expected], rtol=1e-12, atol=1e-14)
        np.testing.assert_allclose(slope, weight.grad, rtol=1e-12, atol=1e-14)
