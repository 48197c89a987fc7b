"""Every row of the elementwise table, on floats, on arrays and on nodes: one text, three readings, one derivative."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from tests.domains import NEAR, ROWS
from tests.oracles import check_first, check_second, check_torch, close, complex_step, like_torch, second_order
from tinygrad_edu import Tensor, Value, numpy_protocol
from tinygrad_edu.errors import ArgumentError
from tinygrad_edu.operations.elementwise import TABLE
from tinygrad_edu.operations.floats import CONSTANTS, FLOATS
from tinygrad_edu.operations.text import float_source

CASES = [pytest.param(name, params, id=f"{name} {params or ''}") for name in ROWS for params in ROWS[name].params]
EDGES = [pytest.param(name, *edge, id=f"{name} {edge[0]}") for name in ROWS for edge in ROWS[name].edges]


def test_every_row_has_a_domain():
    assert set(TABLE) == set(ROWS)


def applied(name, params):
    """The row and its reference as functions of the inputs alone."""
    row, domain = TABLE[name], ROWS[name]
    return (lambda *xs: row(*xs, **params)), (lambda *xs: domain.reference(*xs, **params))


def full(name, params):
    return TABLE[name].defaults | dict(params)


def drawn(name, shapes, seed=0):
    """Arrays in the row's domain, none of whose entries meet at a kink, a tie or a pole."""
    domain, rng = ROWS[name], np.random.default_rng(seed)
    while True:
        xs = [rng.uniform(*interval, shape) for interval, shape in zip(domain.intervals, shapes, strict=True)]
        if np.all(np.abs(domain.kink(*xs)) > NEAR):
            return xs


# On floats


@pytest.mark.parametrize(("name", "params"), CASES)
@given(draw=st.data())
def test_value(name, params, draw):
    """Values and derivatives of both orders of a Value."""
    domain = ROWS[name]
    xs = [draw.draw(st.floats(*interval)) for interval in domain.intervals]
    assume(abs(domain.kink(*xs)) > NEAR)
    function, reference = applied(name, full(name, params))
    arrays = [np.array(x) for x in xs]
    leaves = [Value(x) for x in xs]
    y = function(*leaves)
    assert type(y.data) is float
    close(y.data, reference(*arrays), 1e-13)
    y.backward(create_graph=True)
    first = [leaf.grad for leaf in leaves]
    close([gx.data for gx in first], complex_step(reference, arrays), 1e-12)
    for leaf in leaves:
        leaf.grad = 0.0
    slope = sum(gx * v for gx, v in zip(first, (0.7, -1.3), strict=False))
    if slope.requires_grad:
        slope.backward()
    vs = [np.array(v) for v, _ in zip((0.7, -1.3), xs, strict=False)]
    scale = max(abs(gx.data) for gx in first)
    close([leaf.grad for leaf in leaves], second_order(reference, arrays, 1.0, vs), 1e-7, scale)


SPECIAL = (0.0, -0.0, 0.5, -0.5, 1.0, -1.0, 2.0, -3.0, 1e-320, 1e4, -1e4, 1e308, -1e308, math.inf, -math.inf, math.nan)


@pytest.mark.parametrize(("name", "params"), CASES)
def test_floats_are_ieee_as_arrays_are(name, params):
    """At zeros, infinities, nan and overflows a Value's numbers are a Tensor's, where Python would raise."""
    row, params = TABLE[name], full(name, params)
    for xs in itertools.product(SPECIAL, repeat=len(row.input_names)):
        if name == "pow" and xs == (-math.inf, 0.5):  # NumPy takes ** 0.5 as sqrt, which IEEE 754 has not
            continue
        values, tensors = [Value(x) for x in xs], [Tensor(x) for x in xs]
        with np.errstate(all="ignore"):
            y, expected = row(*values, **params), row(*tensors, **params)
            expected.backward()
        y.backward()
        np.testing.assert_allclose(y.data, expected.data, rtol=1e-14, err_msg=f"{name}{xs}")
        gradients, expected_gradients = [v.grad for v in values], [t.grad for t in tensors]
        np.testing.assert_allclose(gradients, expected_gradients, rtol=1e-13, err_msg=f"the gradients of {name}{xs}")


@pytest.mark.parametrize("name", TABLE)
def test_the_formula_that_a_learner_reads_is_the_derivative(name):
    row = TABLE[name]
    (x, *others) = drawn(name, [()] * len(row.input_names))
    leaves = [Value(float(x)) for x in (x, *others)]
    y = row(*leaves, **row.defaults)
    y.backward()
    names = dict(zip(row.input_names, [leaf.data for leaf in leaves], strict=True)) | row.defaults | {"y": y.data}
    for i, leaf in enumerate(leaves):
        text = row.local_derivative(i)
        assert "gy" not in text
        assert eval(float_source(text), FLOATS | CONSTANTS | names) == pytest.approx(leaf.grad, rel=1e-15)  # noqa: S307


def test_a_negative_number_to_a_fraction_is_nan_even_where_it_overflows():
    with np.errstate(all="ignore"):
        for x, p in ((-1e300, 3.7), (-1e-300, -3.7), (-1e300, -3.7), (-2.0, 0.5)):
            assert math.isnan((Value(x) ** p).data)
            assert math.isnan((Tensor(x) ** p).item())


@pytest.mark.parametrize("name", ["elu", "selu", "softplus", "softsign", "hardtanh", "relu", "leaky_relu"])
def test_second_derivatives_at_zero_are_those_of_pytorch(torch, name):
    peer = getattr(torch.nn.functional, name)
    for x in (0.0, -0.0):
        check_torch(torch, lambda x: getattr(x, name)(), peer, [np.array([x, 1.0, -1.0])])
    value = Value(0.0)
    getattr(value, name)().backward(create_graph=True)
    slope, value.grad = value.grad, 0.0
    if slope.requires_grad:
        slope.backward()
    t = torch.tensor(0.0, requires_grad=True)
    (g,) = torch.autograd.grad(peer(t), t, create_graph=True)
    assert value.grad == (torch.autograd.grad(g, t)[0].item() if g.requires_grad else 0.0)


# On arrays


@pytest.mark.parametrize(("name", "params"), CASES)
@given(draw=st.data())
def test_tensor(name, params, draw):
    """Values and gradients of a Tensor of any shape, broadcast in any direction."""
    shapes = draw.draw(npst.mutually_broadcastable_shapes(num_shapes=len(ROWS[name].intervals), max_dims=2, max_side=3))
    function, reference = applied(name, full(name, params))
    xs = drawn(name, shapes.input_shapes, seed=draw.draw(st.integers(0, 99)))
    check_first(function, lambda *xs: reference(*xs).real if xs[0].dtype.kind == "f" else reference(*xs), xs)


@pytest.mark.parametrize(("name", "params"), CASES)
@pytest.mark.parametrize("shapes", [[(2, 3), (3,)], [(), (2,)], [(2, 1), (1, 3)], [(0, 2), (2,)]], ids=str)
def test_tensor_second_order(name, params, shapes):
    function, reference = applied(name, full(name, params))
    check_second(function, reference, drawn(name, shapes[: len(ROWS[name].intervals)]))


@pytest.mark.parametrize(("name", "params"), CASES)
@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.float16])
def test_many_entries_fare_as_a_few_do(name, params, dtype):
    """What is done in bulk gives every entry what it gets among a few; so do infinities, nan and negative zeros."""
    row, n, rng = TABLE[name], 600, np.random.default_rng(0)
    xs = [rng.uniform(*interval, (n, 2)).astype(dtype).T[0] for interval in ROWS[name].intervals]
    gy = rng.choice(np.array([1.5, -2.0, -0.0, np.inf, -np.inf, np.nan], dtype), n)
    condition = rng.random(n) < 0.5

    def gradients(part):
        given = {"condition": condition[part]} if "condition" in row.defaults else full(name, params)
        leaves = [Tensor(x[part]) for x in xs]
        row(*leaves, **given).backward(gy[part])
        return [leaf.grad for leaf in leaves]

    with np.errstate(all="ignore"):
        whole, parts = gradients(slice(0, n)), [gradients(slice(i, i + 100)) for i in range(0, n, 100)]
    for gx, expected in zip(whole, zip(*parts, strict=True), strict=True):
        assert gx.dtype == dtype
        np.testing.assert_allclose(gx, np.concatenate(expected), rtol=10 * np.finfo(dtype).eps)


@pytest.mark.parametrize("name", TABLE)
def test_float32_stays_float32(name):
    row = TABLE[name]
    xs = drawn(name, [(2, 3), (3,)][: len(row.input_names)])
    singles, doubles = [Tensor(x, dtype=np.float32) for x in xs], [Tensor(np.float32(x), dtype=float) for x in xs]
    y, expected = (row(*leaves, **row.defaults) for leaves in (singles, doubles))
    for root in (y, expected):
        root.sum().backward(create_graph=True)
    assert y.dtype == np.float32
    close(y.data, expected.data, 1e-5)
    for single, double in zip(singles, doubles, strict=True):
        assert single.grad.dtype == np.float32
        close(single.grad.data, double.grad.data, 1e-4)


@pytest.mark.parametrize(
    ("name", "dtype"),
    # The reciprocal of an integer is a fraction here, where NumPy has 0.
    [
        case
        for case in itertools.product(sorted(numpy_protocol.UFUNCS), ("f8", "f4", "i8"))
        if case != ("reciprocal", "i8")
    ],
)
def test_numpy_ufuncs_answer_with_their_own_values_and_dtypes(name, dtype):
    ufunc, row = getattr(np, name), numpy_protocol.UFUNCS[name]
    xs = [x.astype(dtype) for x in drawn(row.name, [(2, 3), (3,)][: len(row.input_names)])]
    if row.name == "arccosh" or dtype == "i8":
        xs = [np.abs(x) + 1 for x in xs]
    tensors = [Tensor(x) for x in xs]
    with np.errstate(all="ignore"):
        y, expected = ufunc(*tensors), ufunc(*xs)
    assert isinstance(y, Tensor)
    assert y.requires_grad == (dtype != "i8")
    assert y.dtype == expected.dtype
    np.testing.assert_allclose(y.data, expected, rtol=1e-6 if dtype == "f4" else 1e-13)


# Kinks, ties and poles


@pytest.mark.parametrize(("name", "xs", "gxs"), EDGES)
def test_edges_of_values(name, xs, gxs):
    row = TABLE[name]
    leaves = [Value(x) for x in xs]
    row(*leaves, **row.defaults).backward()
    np.testing.assert_allclose([leaf.grad for leaf in leaves], gxs, rtol=1e-14)


@pytest.mark.parametrize(("name", "xs", "gxs"), EDGES)
def test_edges_of_tensors(name, xs, gxs):
    row = TABLE[name]
    for create_graph in (False, True):
        leaves = [Tensor(x) for x in xs]
        with np.errstate(all="ignore"):
            row(*leaves, **row.defaults).backward(create_graph=create_graph)
        gradients = [leaf.grad.data if create_graph else leaf.grad for leaf in leaves]
        np.testing.assert_allclose(gradients, gxs, rtol=1e-14)


def peer(torch, name, params):
    own = ROWS[name].torch
    if own is not None:
        return lambda *xs: own(torch, *xs, **params)
    return getattr(torch, name)


@pytest.mark.parametrize(("name", "xs", "gxs"), EDGES)
def test_edges_are_those_of_pytorch(torch, name, xs, gxs):
    leaves = [torch.tensor(x, dtype=torch.float64, requires_grad=True) for x in xs]
    peer(torch, name, TABLE[name].defaults)(*leaves).backward()
    for leaf, gx in zip(leaves, gxs, strict=True):
        like_torch(np.array(gx), torch.zeros(()) if leaf.grad is None else leaf.grad, 1e-14)


@pytest.mark.parametrize(("name", "params"), CASES)
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_beside_pytorch(torch, name, params, dtype):
    params = full(name, params)
    function, _ = applied(name, params)
    xs = [x.astype(dtype) for x in drawn(name, [(2, 3), (3,)][: len(ROWS[name].intervals)])]
    check_torch(torch, function, peer(torch, name, params), xs, rtol=1e-12 if dtype is np.float64 else 1e-4)


# Parameters


@pytest.mark.parametrize("x", [Value(-2.0), Tensor([-2.0])], ids=["Value", "Tensor"])
def test_parameters_by_position_and_by_name(x):
    assert x.leaky_relu().item() == -0.02
    assert x.leaky_relu(0.5).item() == -1.0
    assert x.leaky_relu(slope=0.5).item() == -1.0
    assert x.clip(-1, 1).item() == -1.0
    assert x.clip(max=-3.0).item() == -3.0
    assert x.elu(alpha=2.0).item() == pytest.approx(2 * math.expm1(-2.0), rel=1e-15)


@pytest.mark.parametrize("make", [Value, Tensor])
def test_wrong_parameters_are_named(make):
    with pytest.raises(ArgumentError, match=r"leaky_relu\(\) takes slope=0.01, but was given \(0.1, 0.2\)"):
        make(1.0).leaky_relu(0.1, 0.2)
    with pytest.raises(ArgumentError, match=r"leaky_relu\(\) takes slope=0.01, but was given \(negative_slope=0.1\)"):
        make(1.0).leaky_relu(negative_slope=0.1)
    with pytest.raises(ArgumentError, match=r"leaky_relu\(\) has no derivative by slope, so it takes a plain number"):
        make(1.0).leaky_relu(make(0.1))


def test_limits_that_broadcast_leave_the_gradient_its_shape():
    x = Tensor([[1.0, 5.0, 9.0]])
    x.clip(min=np.zeros((4, 3)), max=np.full((4, 3), 6.0)).sum().backward()
    assert x.grad.tolist() == [[4.0, 4.0, 0.0]]


CORNERS = [0.0, -0.0, 1.0, -1.0, 0.5, -2.0, 3.0, 1e-300, -1e-300, 5e-324, 1e300, 710.0, -745.2, -6.1, 1e4, 1e-8, -1e-8]
CORNERS += [math.inf, -math.inf, math.nan]


@pytest.mark.parametrize("name", TABLE)
def test_floats_answer_at_edges_as_numpy_does(name):
    # Among them (-1e-300) ** -745.2, at which Python raises OverflowError and NumPy gives nan.
    row = TABLE[name]
    defaults = row.defaults.values()
    with np.errstate(all="ignore"):
        for xs in itertools.product(CORNERS, repeat=len(row.gx_texts)):
            y = row.on_floats(*xs, *defaults)
            arrays = [*map(np.float64, xs)]
            np.testing.assert_allclose(y, row.forward(*arrays, *defaults), 1e-13, 1e-320, err_msg=str(xs))
            for on_floats, on_arrays in zip(row.gx_floats, row.gx_arrays, strict=True):
                gx = on_arrays(np.float64(1.0), np.float64(y), *arrays, *defaults)
                np.testing.assert_allclose(on_floats(1.0, y, *xs, *defaults), gx, 1e-12, 1e-320, err_msg=str(xs))
