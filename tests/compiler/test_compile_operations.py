"""Every operation of the tables, compiled: values and gradients, first and second order, on other numbers."""

import itertools

import numpy as np
import pytest

import tinygrad_edu
from tinygrad_edu import Tensor, Value, nn
from tinygrad_edu.compiler.errors import RecordingError
from tinygrad_edu.graph.node import data_of
from tinygrad_edu.operations import decompositions, windows
from tinygrad_edu.operations.elementwise import TABLE
from tinygrad_edu.operations.losses import CROSS_ENTROPY
from tinygrad_edu.operations.matrices import COFACTOR, COFACTOR_CHANGE, LINEAR
from tinygrad_edu.operations.normalization import NORMALIZE, RMS_NORMALIZE
from tinygrad_edu.operations.operation import ARRAY_TABLE
from tinygrad_edu.operations.shapes import SCATTER_ADD
from tinygrad_edu.tensor import CAST, record


def numbers(seed, *shape, low=-2.0, high=2.0):
    return np.random.default_rng(seed).uniform(low, high, shape)


POSITIVE, INSIDE, ABOVE = {"low": 0.1, "high": 3.0}, {"low": -0.9, "high": 0.9}, {"low": 1.1, "high": 3.0}
RANGES = {
    **dict.fromkeys(["log", "log2", "log10", "sqrt", "cbrt", "pow", "reciprocal", "log1p"], POSITIVE),
    **dict.fromkeys(["arcsin", "arccos", "arctanh"], INSIDE),
    "arccosh": ABOVE,
}
LABELS = {0: np.array([0, 2, 1]), 1: np.array([2, 2, 0])}


def index(x):
    """An index that depends on the numbers: the places of the greatest entries of each row."""
    return data_of(x).argmax(axis=-1)


CONVOLUTION = {"stride": (1, 2), "padding": ((1, 1), (0, 0)), "dilation": (1, 1), "groups": 1}
POOL = {"size": (2, 2), "stride": (1, 2), "padding": ((0, 0), (0, 0)), "dilation": (1, 1)}
WINNERS = np.array([[[[0, 3], [1, 2], [1, 1], [0, 3]]]])
ARRAYS = {
    "sum": (lambda x: x.sum(axis=1), (3, 4)),
    "mean": (lambda x: x.mean(axis=(0, 1)), (3, 4)),
    "prod": (lambda x: x.prod(axis=0, keepdims=True), (3, 4)),
    "var": (lambda x: x.var(axis=1, ddof=1), (3, 4)),
    "std": (lambda x: x.std(), (3, 4)),
    "max": (lambda x: x.max(axis=1), (3, 4)),
    "min": (lambda x: x.min(axis=0, keepdims=True), (3, 4)),
    "logsumexp": (lambda x: x.logsumexp(axis=1), (3, 4)),
    "softmax": (lambda x: x.softmax(axis=0), (3, 4)),
    "log_softmax": (lambda x: x.log_softmax(), (3, 4)),
    "cumsum": (lambda x: x.cumsum(axis=1), (3, 4)),
    "cumprod": (lambda x: np.cumprod(x, axis=1), (3, 4)),
    "reshape": (lambda x: x.reshape(4, 3), (3, 4)),
    "transpose": (lambda x: x.transpose(2, 0, 1), (2, 3, 4)),
    "broadcast_to": (lambda x: x.broadcast_to((2, 3, 4)), (3, 1)),
    "flip": (lambda x: x.flip(0), (3, 4)),
    "roll": (lambda x: x.roll(2, 1), (3, 4)),
    "repeat": (lambda x: x.repeat(2, axis=0), (3, 4)),
    "tile": (lambda x: x.tile((2, 1)), (3, 4)),
    "pad": (lambda x: x.pad(1), (3, 4)),
    "concatenate": (lambda x, z: np.concatenate([x, z, x], axis=1), (3, 4), (3, 2)),
    "stack": (lambda x, z: np.stack([x, z]), (3, 4), (3, 4)),
    "tril": (lambda x: x.tril(), (3, 4)),
    "triu": (lambda x: x.triu(1), (3, 4)),
    "diagonal": (lambda x: x.diagonal(), (3, 4)),
    "getitem": (lambda x: x[np.arange(3), index(x)] * x[1:, ::2].sum(), (3, 4)),
    "scatter_add": (lambda x: SCATTER_ADD(x, index=(np.array([0, 0, 2]),), shape=(4, 2)), (3, 2)),
    "take_along_axis": (lambda x: x.take_along_axis(np.argsort(data_of(x), axis=1), axis=1), (3, 4)),
    "sort": (lambda x: x.sort(axis=0), (3, 4)),
    "matmul": (lambda x, z: x @ z, (2, 3, 4), (4, 5)),
    "linear": (lambda x, w, b: record(LINEAR, (x, w, b)), (3, 4), (4, 2), (2,)),
    "einsum": (lambda x, z: np.einsum("ij,jk->ki", x, z), (3, 4), (4, 2)),
    "norm": (lambda x: np.linalg.norm(x, axis=1), (3, 4)),
    "det": (lambda x: np.linalg.det(x), (3, 3)),
    "cofactor": (lambda x: COFACTOR(x), (3, 3)),
    "cofactor_change": (lambda x, z: COFACTOR_CHANGE(x, z), (3, 3), (3, 3)),
    "logabsdet": (lambda x: decompositions.LOGABSDET(x), (2, 3, 3)),
    "cholesky": (lambda x: np.linalg.cholesky(x @ np.swapaxes(x, -1, -2) + np.eye(3)), (2, 3, 4)),
    "eigh": (lambda x: decompositions.EIGH(x + np.swapaxes(x, -1, -2)), (2, 3, 3)),
    "svd": (lambda x: decompositions.SVD(x), (4, 3)),
    "qr": (lambda x: decompositions.QR(x), (4, 3)),
    "pinv": (lambda x: np.linalg.pinv(x), (4, 3)),
    "inv": (lambda x: np.linalg.inv(x), (3, 3)),
    "solve": (lambda x, z: np.linalg.solve(x, z), (3, 3), (3, 2)),
    "conv": (lambda x, w: windows.CONV(x, w, **CONVOLUTION), (2, 3, 5, 4), (4, 3, 2, 2)),
    "conv_input": (lambda x, w: windows.CONV_INPUT(x, w, lengths=(5, 4), **CONVOLUTION), (2, 4, 6, 2), (4, 3, 2, 2)),
    "conv_weight": (lambda x, z: windows.CONV_WEIGHT(x, z, size=(2, 2), **CONVOLUTION), (2, 3, 5, 4), (2, 4, 6, 2)),
    "windows": (lambda x: windows.WINDOWS(x, **POOL), (2, 3, 5, 4)),
    "fold": (lambda x: windows.FOLD(x, lengths=(5, 4), **POOL), (4, 2, 3, 4, 2)),
    "max_pool": (lambda x: windows.MAX_POOL(x, **POOL), (2, 3, 5, 4)),
    "pick": (lambda x: windows.PICK(x, winners=WINNERS, **POOL), (1, 1, 5, 4)),
    "put": (lambda x: windows.PUT(x, winners=WINNERS, lengths=(5, 4), **POOL), (1, 1, 4, 2)),
    "astype": (lambda x: x.astype(np.float32), (3, 4)),
    "normalize": (lambda x: record(NORMALIZE, (x,), {"axes": (0, 2), "eps": 1e-5}), (3, 4, 2)),
    "rms_normalize": (lambda x: record(RMS_NORMALIZE, (x,), {"axes": (-1,), "eps": 1e-5}), (3, 4, 2)),
    "cross_entropy": (lambda x: record(CROSS_ENTROPY, (x,), {"labels": index(x), "memo": {}}), (3, 4)),
}


def arrays(name, seed, shapes):
    return [numbers(10 * seed + i, *shape, **RANGES.get(name, {})) for i, shape in enumerate(shapes)]


def with_gradients(f):
    """A function of arrays: what f gives, and the gradients of a weighted sum of it."""

    def run(*xs):
        leaves = [Tensor(x) for x in xs]
        y = f(*leaves)
        (y * weights(y.shape)).sum().backward()
        return y, [x.grad for x in leaves]

    return run


def weights(shape):
    return np.cos(np.arange(np.prod(shape, dtype=int))).reshape(shape)


def twice_differentiated(f):
    def run(*xs):
        leaves = [Tensor(x) for x in xs]
        y = f(*leaves)
        (y * weights(y.shape)).sum().backward(create_graph=True)
        first = [x.grad for x in leaves]
        for x in leaves:
            x.grad = None
        slope = sum((g * weights(g.shape)).sum() for g in first if isinstance(g, Tensor))
        if slope.requires_grad:
            slope.backward()
        return y, [None if x.grad is None else x.grad * 1 for x in leaves]

    return run


def plain(tree):
    if isinstance(tree, list | tuple):
        return [plain(part) for part in tree]
    return tree.numpy() if isinstance(tree, Tensor) else tree


def assert_same(found, expected):
    if isinstance(expected, list):
        assert len(found) == len(expected)
        for a, b in zip(found, expected, strict=True):
            assert_same(a, b)
    elif expected is None:
        assert found is None
    else:
        found, expected = np.asarray(found), np.asarray(expected)
        assert found.shape == expected.shape
        assert found.dtype == expected.dtype
        eps = np.finfo(expected.dtype).eps
        np.testing.assert_allclose(found, expected, rtol=64 * eps, atol=64 * eps)


def compare(run, name, shapes):
    compiled = tinygrad_edu.compile(run)
    for seed in (0, 1, 2, 0):
        xs = arrays(name, seed, shapes)
        with np.errstate(all="ignore"):
            assert_same(plain(compiled(*xs)), plain(run(*xs)))
    assert len(compiled._machines) == 1


def elementwise(row):
    def f(*xs):
        if row.name == "select":
            return row(*xs, condition=data_of(xs[0]) > data_of(xs[1]))
        if row.name == "clip":
            return xs[0].clip(-1.0, 1.0)
        return row(*xs, **row.defaults)

    return f


def elementwise_on_values(row):
    def f(*xs):
        if row.name == "select":
            return row(*xs, condition=True)
        return xs[0].clip(-1.0, 1.0) if row.name == "clip" else row(*xs, **row.defaults)

    return f


@pytest.mark.parametrize("order", [with_gradients, twice_differentiated])
@pytest.mark.parametrize("name", TABLE)
def test_elementwise(name, order):
    row = TABLE[name]
    compare(order(elementwise(row)), name, [(3, 4), (4,)][: len(row.gx_texts)])


@pytest.mark.parametrize("name", TABLE)
def test_elementwise_on_values(name):
    """Both the fast program and the printed one: a program that differs warns, and a warning is an error here."""
    f = elementwise_on_values(TABLE[name])

    def run(*xs):
        y = f(*xs)
        (y * 0.5).backward()
        return y

    compiled = tinygrad_edu.compile(run)
    for seed in (0, 1, 2, 0):
        numbers_given = [float(x) for x in arrays(name, seed, [(), ()][: len(TABLE[name].gx_texts)])]
        found, expected = [[Value(x) for x in numbers_given] for _ in range(2)]
        assert_same(compiled(*found).data, run(*expected).data)
        assert_same([x.grad for x in found], [x.grad for x in expected])


EDGES = [0.0, -0.0, 0.5, -0.5, 1.5, -2.5, 7.0, -7.0, np.inf, -np.inf, np.nan]


@pytest.mark.parametrize("name", ["floor", "ceil", "trunc", "rint", "floor_divide", "remainder", "fmod"])
def test_steps_of_values_at_the_edges(name):
    row = TABLE[name]
    compiled = tinygrad_edu.compile(lambda *xs: row(*xs))
    for pair in [(2.5, 1.5), *itertools.product(EDGES, EDGES)]:  # recorded where Python's own operators do not raise
        xs = pair[: len(row.gx_texts)]
        found, expected = (f(*map(Value, xs)).data for f in (compiled, row))
        assert type(found) is float
        assert_same(found, expected)
        assert np.isnan(expected) or np.signbit(found) == np.signbit(expected)


@pytest.mark.parametrize("order", [with_gradients, twice_differentiated])
@pytest.mark.parametrize("name", sorted(ARRAY_TABLE))
def test_on_arrays(name, order):
    f, *shapes = ARRAYS[name]  # a KeyError: a new operation needs an entry above
    compare(order(f), name, shapes)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("rows", [2, 200, 10_000])
def test_a_relu_gives_no_gradient_where_its_input_is_nan_of_either_sign(dtype, rows):
    def slope(x, shift):
        return tinygrad_edu.grad(lambda x: (nn.functional.relu(x - shift) ** 2).sum())(x)

    tiny = np.finfo(dtype).smallest_subnormal
    row = np.array([np.inf, np.nan, -np.nan, 1.0, -1.0, 0.0, -0.0, tiny, -tiny, np.inf, -np.inf], dtype)
    x, shift = np.tile(row, (rows, 1)), np.zeros((rows, row.size), dtype)
    shift[:, 0] = np.inf  # inf - inf is a NaN whose sign bit is set on some processors
    compiled = tinygrad_edu.compile(slope)
    with np.errstate(all="ignore"):
        for _ in range(2):  # recorded, and replayed
            assert np.array_equal(compiled(x, shift), slope(x, shift))
    assert "right_shift_" in compiled.optimized_source


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_relu_before_a_pool_gives_no_gradient_where_its_input_is_not_positive(dtype):
    def slope(x):
        return tinygrad_edu.grad(lambda x: (nn.MaxPool2d(2)(nn.functional.relu(x * 2.0)) ** 2).sum())(x)

    compiled = tinygrad_edu.compile(slope)
    for seed in range(3):
        x = np.random.default_rng(seed).standard_normal((2, 3, 8, 8)).astype(dtype)
        x[0, 0, 0] = [-np.inf, np.nan, 0.0, -0.0, 1.0, -1.0, 2.0, -np.nan]
        assert np.array_equal(compiled(x), slope(x), equal_nan=True)
    assert "right_shift_" in compiled.optimized_source


def test_the_table_of_this_test_names_no_operation_that_is_gone():
    assert CAST.name in ARRAYS
    assert set(ARRAYS) == set(ARRAY_TABLE)


def test_what_takes_several_arrays_from_numpy_is_refused():
    with pytest.raises(RecordingError, match=r"np\.eigh gives several arrays at once, which cannot be compiled"):
        tinygrad_edu.compile(lambda x: np.linalg.eigh(x)[0])(numbers(0, 3, 3))


@pytest.mark.parametrize("plain", [False, True], ids=["Tensor", "array"])
def test_the_sign_and_the_logarithm_of_a_determinant_are_compiled(plain):
    def both(x):
        leaf = x if plain else Tensor(x)
        sign, logabsdet = np.linalg.slogdet(leaf)
        if plain:
            return [sign, logabsdet]
        logabsdet.sum().backward()
        return [sign, logabsdet, leaf.grad]

    compiled = tinygrad_edu.compile(both)
    for seed in range(4):
        x = numbers(seed, 2, 3, 3)
        for found, expected in zip(compiled(x), both(x), strict=True):
            np.testing.assert_allclose(data_of(found), data_of(expected), rtol=1e-12)
    assert "det_sign" in compiled.source


@pytest.mark.parametrize("name", [name for name, row in TABLE.items() if len(row.gx_arrays) == 1 and not row.defaults])
def test_a_row_of_an_array_without_axes_has_its_gradient(name):
    def step(x):
        leaf = Tensor(x)
        y = TABLE[name](leaf)
        y.backward()
        return [y, leaf.grad]

    compiled = tinygrad_edu.compile(step)
    with np.errstate(all="ignore"):
        for number in (0.5, 0.25, 0.75):
            for found, expected in zip(compiled(np.array(number)), step(np.array(number)), strict=True):
                found, expected = (x.data if isinstance(x, Tensor) else x for x in (found, expected))
                assert (found.dtype, found.shape) == (expected.dtype, expected.shape)
                np.testing.assert_allclose(found, expected, rtol=1e-13)


@pytest.mark.parametrize(
    "exponent", [2, 0.5, np.int32(2), np.float32(2), np.float64(0.5), np.array(2), np.uint8(2)], ids=repr
)
@pytest.mark.parametrize("kind", ["float32", "int8", "bool"])
@pytest.mark.parametrize("shape", [(), (3,)], ids=str)
def test_a_power_is_numpy_s_for_every_kind_of_exponent(exponent, kind, shape):
    def power(x):
        return [x**exponent, (x > 0) ** exponent]

    compiled = tinygrad_edu.compile(power)
    for number in (1, 0, 3):
        x = np.full(shape, number).astype(kind)
        for found, expected in zip(compiled(x), power(x), strict=True):
            assert found.dtype == expected.dtype
            np.testing.assert_array_equal(found, expected)


CHOICES = {
    "one of two comparisons": lambda x, y: np.where(x > 0.5, y > 0, x < 0),
    "a comparison or a number": lambda x, y: np.where(x < 0.5, True, y > 0),
    "by its own mask, turned around": lambda x, y: np.where((m := (x > 0) | (y > 0.5))[::-1], False, m),
    "of an array and the same, turned around": lambda x, y: np.where(y > 0, (z := x * 2)[::-1], z),
    "of an array and one of its entries": lambda x, y: np.where(y > 0, (z := x * 2)[3], z),
}


@pytest.mark.parametrize("name", CHOICES)
def test_a_choice_is_that_of_numpy(name):
    own = tinygrad_edu.compile(CHOICES[name])
    for seed in range(3):
        x, y = np.random.default_rng(seed).normal(size=(2, 64))
        np.testing.assert_array_equal(own(x, y), CHOICES[name](x, y))
