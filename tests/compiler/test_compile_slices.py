"""Slices that fill an array: their gradients are joined in one line, and are those of the eager step."""

import numpy as np
import pytest

import tinygrad_edu
from tinygrad_edu import Tensor

FILLED = {
    "rows": (lambda x: sum((row * row).sum() * (i + 1.0) for i, row in enumerate(x * 2.0)), "np.stack("),
    "columns": (lambda x: sum((y * y).sum() for y in np.split(x * 2.0, 3, axis=1)), "np.concatenate("),
    "columns by dots": (
        lambda x: ((y := x * 2.0)[..., :1] ** 2).sum() + (y[..., 1] * 3.0).sum() + (y[..., 2:] ** 3).sum(),
        "",  # one of the three takes the axis away
    ),
    "columns by dots alone": (
        lambda x: ((y := x * 2.0)[..., :1] ** 2).sum() + (y[..., 1:] ** 3).sum(),
        "np.concatenate(",
    ),
    "rows by dots": (lambda x: ((y := x * 2.0)[:2, ...] ** 2).sum() + (y[2:, ...] ** 3).sum(), "np.concatenate("),
    "rows of a leaf": (lambda x: (x[0] * x[1]).sum() + (x[2] * x[-1]).sum(), "np.stack("),
    "inner axis": (lambda x: ((x * 2.0)[:, 0:2] ** 2).sum() + (x * 2.0)[:, 0].sum(), ""),
}
OTHERS = {
    "a gap": lambda x: (y := x * 2.0)[0].sum() + (y[2] * y[3]).sum(),
    "twice": lambda x: (y := x * 2.0)[0].sum() + (y[0] * y[1]).sum() + y[2:].sum(),
    "overlap": lambda x: ((y := x * 2.0)[:3] ** 2).sum() + (y[1:] ** 2).sum(),
    "rows and columns": lambda x: ((y := x * 2.0)[:2] ** 2).sum() + (y[:, 1] ** 3).sum() + y[2:].sum(),
    "and the whole": lambda x: ((y := x * 2.0) ** 2).sum() + sum((row * 3.0).sum() for row in y),
    "by an array": lambda x: ((y := x * 2.0)[np.array([0, 0, 2])] ** 2).sum() + y[1].sum(),
    "steps": lambda x: ((y := x * 2.0)[::2] ** 2).sum() + y[1::2].sum(),
    "ellipsis and new axes": lambda x: ((y := x * 2.0)[..., 0] ** 2).sum() + y[None, 1].sum() + y[1:2, 0:1].sum(),
}
CASES = {name: f for name, (f, _) in FILLED.items()} | OTHERS


@pytest.mark.parametrize("name", CASES)
def test_gradients_are_those_of_the_eager_step(name):
    def gradient(array):
        x = Tensor(array)
        loss = CASES[name](x)
        loss.backward()
        return loss, x.grad

    compiled = tinygrad_edu.compile(gradient)
    for seed in range(3):
        array = np.random.default_rng(seed).standard_normal((4, 3))
        (loss, gx), (compiled_loss, compiled_gx) = gradient(array), compiled(array)
        np.testing.assert_allclose(compiled_loss.data, loss.data, rtol=1e-13)
        np.testing.assert_allclose(compiled_gx, gx, rtol=1e-13)
    if name in FILLED:
        assert FILLED[name][1] in compiled.source


INDICES = {
    "a column": ((slice(None), 0), "np.s_[:, 0]"),
    "rows": (slice(1, 3), "np.s_[1:3]"),
    "a step": ((..., slice(None, None, 2)), "np.s_[..., ::2]"),
    "a tuple of places": ((slice(None), (0, 2)), "np.s_[:, (0, 2)]"),
    "a tuple of places alone": (((0, 2),), "((0, 2),)"),
}


@pytest.mark.parametrize(("index", "text"), INDICES.values(), ids=INDICES)
def test_the_source_writes_an_index_as_numpy_does_and_runs(index, text):
    def gradient(array):
        x = Tensor(array)
        (x[index] * x[index]).mean().backward()
        return x.grad

    array = np.random.default_rng(0).standard_normal((4, 3))
    compiled = tinygrad_edu.compile(gradient)
    expected = gradient(array)
    np.testing.assert_allclose(compiled(array), expected, rtol=1e-13)
    assert text in compiled.source
    assert "slice(" not in compiled.source
    there = {}
    exec(compiled.source, there)  # noqa: S102
    np.testing.assert_allclose(there["gradient"](array), expected, rtol=1e-13)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_the_source_writes_a_number_where_all_entries_are_the_same(dtype):
    def gradient(array):
        x = Tensor(array)
        np.tanh(x).mean().backward()
        return x.grad

    array = np.linspace(-1, 1, 8, dtype=dtype)
    compiled = tinygrad_edu.compile(gradient)
    expected = gradient(array)
    assert np.array_equal(compiled(array), expected)
    assert "0.125 * (1 - " in compiled.source
    there = {}
    exec(compiled.source, there)  # noqa: S102
    found = there["gradient"](array)
    assert found.dtype == dtype
    assert np.array_equal(found, expected)


@pytest.mark.parametrize(
    ("index", "is_whole"),
    [
        (np.s_[:], True),
        (np.s_[:4], True),
        (np.s_[0:, :9], True),
        (np.s_[-4:], True),
        (np.s_[::-1], False),
        (np.s_[:, ::-1], False),
        (np.s_[:3], False),
        (np.s_[0], False),
    ],
)
def test_a_slice_that_takes_everything_is_left_out(index, is_whole):
    x = Tensor(np.arange(12.0).reshape(4, 3))

    def step():
        x.grad = None
        y = x[index] * np.arange(1.0, 4.0)
        loss = (y * y).sum()
        loss.backward()
        x.data = x.data - 0.125 * x.grad  # the slice of the leaf must not become a view of what is overwritten
        return loss, y

    data = x.data.copy()
    program = tinygrad_edu.compile(step)
    for _ in range(3):
        x.data = data
        expected = [r.data.copy() for r in step()] + [x.grad.copy(), x.data.copy()]
        x.data = data
        found = [r.data.copy() for r in program()] + [x.grad.copy(), x.data.copy()]
        for a, b in zip(expected, found, strict=True):
            np.testing.assert_array_equal(a, b)
        data = x.data.copy()
    assert ("scatter" in program.source) is not is_whole
