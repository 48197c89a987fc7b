"""Operations on arrays, as methods and through NumPy's functions: values, gradients, gradients of gradients."""

import re

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from tests.domains import ANSWERS, FUNCTIONS, NONE, Call, Function
from tests.oracles import check_first, check_second, check_torch, close
from tinygrad_edu import Tensor, grad, hessian, jacobian, no_grad, numpy_protocol
from tinygrad_edu.errors import ArgumentError, DTypeError, ShapeError, UnsupportedError
from tinygrad_edu.graph.node import topological_order
from tinygrad_edu.operations.operation import ARRAY_TABLE

CALLS = [pytest.param(name, call, id=f"{name} {call}") for name, f in FUNCTIONS.items() for call in f.calls]


def drawn(f: Function, call: Call):
    rng = np.random.default_rng(len(str(call)))
    return [f.draw(rng, shape) for shape in call.shapes]


def has_method(f: Function):
    return f.method != NONE and not f.joins


def bound(function, f: Function, call: Call):
    """The function of arrays alone, as the call has it."""
    if f.joins:
        return lambda *xs: function(xs, *call.args, **call.keywords)
    return lambda *xs: function(*xs, *call.args, **call.keywords)


def test_every_operation_on_arrays_has_a_domain():
    assert set(ARRAY_TABLE) <= {f.row or name for name, f in FUNCTIONS.items()}


def test_every_numpy_function_has_a_domain():
    assert {f.__name__ for f in numpy_protocol.NUMPY} <= {*FUNCTIONS, *(f.__name__ for f in ANSWERS)}


@pytest.mark.parametrize(("name", "call"), CALLS)
def test_first_order(name, call):
    f = FUNCTIONS[name]
    y = check_first(bound(f.function, f, call), bound(f.reference or f.function, f, call), drawn(f, call))
    assert (f.row or name) in {node.op for node in topological_order(y)}


@pytest.mark.parametrize(("name", "call"), CALLS)
def test_second_order(name, call):
    f = FUNCTIONS[name]
    check_second(bound(f.function, f, call), bound(f.reference or f.function, f, call), drawn(f, call))


@pytest.mark.parametrize(("name", "call"), [p for p in CALLS if has_method(FUNCTIONS[p.values[0]])])
def test_the_method_is_the_function(name, call):
    f = FUNCTIONS[name]
    xs = drawn(f, call)
    leaf, *others = map(Tensor, xs)
    y = getattr(leaf, f.method or name)(*others, *call.args, **call.keywords)
    expected = bound(f.function, f, call)(*map(Tensor, xs))
    np.testing.assert_array_equal(y.data, expected.data)
    assert y.op == expected.op


@pytest.mark.parametrize(("name", "call"), CALLS)
def test_views_that_are_not_contiguous(name, call):
    f = FUNCTIONS[name]
    function = bound(f.function, f, call)

    def of_views(*xs):
        return function(*[np.flip(x).T for x in xs])

    reference = bound(f.reference or f.function, f, call)
    xs = [np.flip(x.T).copy() for x in drawn(f, call)]
    check_first(of_views, lambda *xs: reference(*[np.flip(x).T for x in xs]), xs)


@pytest.mark.parametrize(("name", "call"), [p for p in CALLS if p.values[0] != "astype"])
def test_float32_stays_float32(name, call):
    f = FUNCTIONS[name]
    function, xs = bound(f.function, f, call), drawn(f, call)
    singles, doubles = [Tensor(x, dtype=np.float32) for x in xs], [Tensor(np.float32(x), dtype=float) for x in xs]
    y, expected = function(*singles), function(*doubles)
    assert y.dtype == np.float32
    close(y.data, expected.data, 1e-4)
    for root in (y, expected):
        root.backward(np.ones(root.shape))
    for single, double in zip(singles, doubles, strict=True):
        assert single.grad.dtype == np.float32
        close(single.grad, double.grad, 1e-4)
    again = [Tensor(x, dtype=np.float32) for x in xs]
    function(*again).backward(np.ones(y.shape), create_graph=True)
    assert {leaf.grad.dtype for leaf in again} == {np.dtype(np.float32)}


@pytest.mark.parametrize(
    ("name", "call"), [p for p in CALLS if len(p.values[1].shapes) > 1 and p.values[0] not in ("linear", "scatter_add")]
)
def test_float32_beside_float64(name, call):
    """The result is as wide as NumPy makes it; each gradient is as wide as its data."""
    f = FUNCTIONS[name]
    xs = [x.astype(np.float32) if i == 0 else x for i, x in enumerate(map(np.asarray, drawn(f, call)))]
    check_first(bound(f.function, f, call), bound(f.reference or f.function, f, call), xs, rtol=1e-5)


# Functions whose answer is plain


@pytest.mark.parametrize(
    ("function", "ask"),
    [pytest.param(f, ask, id=f"{f.__name__} {i}") for f in ANSWERS for i, ask in enumerate(ANSWERS[f])],
)
def test_answers_are_those_for_the_array(function, ask):
    x = np.array([[0.0, -1.5, 2.0], [2.0, 0.0, 0.5]])
    answer, expected = ask(function, Tensor(x)), ask(function, x)
    assert type(answer) is type(expected)
    np.testing.assert_array_equal(answer, expected)


@pytest.mark.parametrize(
    "ask",
    [
        lambda x: x.argmax(),
        lambda x: x.argmin(axis=1),
        lambda x: x > 0,
        lambda x: x <= x * 2,
        lambda x: 1.0 < x,  # noqa: SIM300 the reflected one
        lambda x: np.array([0.0, 1.0, 2.0]) >= x,
        lambda x: x == x * 1,
        lambda x: x != 0.5,
        lambda x: np.isfinite(x),
        lambda x: np.logical_and(x > 0, x),
        lambda x: x.shape,
        lambda x: x.ndim,
        lambda x: x.size,
        lambda x: x.dtype,
        lambda x: x.tolist(),
        lambda x: len(x),
        lambda x: x[0, 0].item(),
        no_grad()(lambda x: float(x[0, 2])),
        lambda x: int(x[0, 2]),
        lambda x: bool(x[0, 0]),
    ],
)
def test_questions_about_a_tensor_are_answered_as_for_the_array(ask):
    x = np.array([[0.0, -1.5, 2.0], [2.0, 0.0, 0.5]])
    answer, expected = ask(Tensor(x)), ask(x)
    assert type(answer) is type(expected)
    np.testing.assert_array_equal(answer, expected)


# What has no derivative is refused by name, and never answered with an array that has lost its graph


@pytest.mark.parametrize(
    ("name", "ask"),
    [
        ("add.reduce", np.add.reduce),
        ("multiply.outer", lambda t: np.multiply.outer(t, t)),
        ("fft.fft", np.fft.fft),
        ("linalg.eig", np.linalg.eig),
        ("average", np.average),
        ("copyto", lambda t: np.copyto(np.zeros((2, 2)), t)),
        ("sum", lambda t: np.sum(t, dtype=np.float32)),
        ("sum", lambda t: np.sum(t, where=np.array([True, False]))),
        ("mean", lambda t: np.mean(t, out=np.zeros(()))),
        ("max", lambda t: np.max(t, initial=0.0)),
        ("exp", lambda t: np.exp(t, where=np.array([True, False]))),
        ("add", lambda t: np.add(np.zeros((2, 2)), t, out=np.zeros((2, 2)))),
        ("pad", lambda t: np.pad(t, 1, mode="mean")),
        ("norm", lambda t: np.linalg.norm(t, 3)),
        ("norm", lambda t: np.linalg.norm(t, 0, axis=0)),
        ("linalg.svd", lambda t: np.linalg.svd(t[:1])),
        ("linalg.qr", lambda t: np.linalg.qr(t[:, :1], mode="complete")),
        ("quantile", lambda t: np.quantile(t, 0.5, method="nearest")),
        ("histogram", np.histogram),
        ("interp", lambda t: np.interp(t, t[0], t[0], period=2.0)),
        ("gradient", lambda t: np.gradient(t, [0.0, 1.0], axis=0)),
        ("where", lambda t: np.where(t)),
    ],
)
def test_an_unsupported_function_is_refused_by_its_name(name, ask):
    with pytest.raises(UnsupportedError, match=rf"^(np\.)?(linalg\.)?{re.escape(name)}\b") as info:
        ask(Tensor([[1.0, 2.0], [3.0, 4.0]]))
    assert isinstance(info.value, TypeError)


@pytest.mark.parametrize(
    ("instead", "ask"),
    [
        (r"np\.broadcast_to", lambda t: np.copyto(np.zeros((2, 2)), t)),
        (r"t\.at\[index\]", lambda t: np.put_along_axis(t, np.array([[0]]), 1.0, 1)),
        (r"eigh", np.linalg.eig),
        (r"cos\(angles\)", np.fft.fft),
        (r"t\.max\(\) - t\.min\(\)", np.ptp),
        (r"np\.zeros_like\(t\), because a Tensor holds real numbers", np.imag),
        (r"np\.where\(t < 0, np\.pi, 0\.0\)", np.angle),
        (r"t itself, because", np.real_if_close),
    ],
)
def test_what_is_unsupported_says_what_to_use_instead(instead, ask):
    with pytest.raises(UnsupportedError, match=instead):
        ask(Tensor([[1.0, 2.0], [3.0, 4.0]]))


@pytest.mark.parametrize(
    "lose",
    [
        np.array,
        np.asarray,
        np.float64,
        lambda t: np.array([t, t]),
        lambda t: np.sum([t, t]),
        lambda t: np.asarray(t, dtype=np.float32),
        lambda t: np.zeros(2).__setitem__(slice(None), t),
        lambda t: np.zeros(2).__iadd__(t),
        lambda t: Tensor([t, t]),
        lambda t: t.add([t, t]),
    ],
)
def test_code_for_plain_arrays_cannot_lose_a_gradient(lose):
    with pytest.raises((UnsupportedError, DTypeError), match=r"gradient|takes no out="):
        lose(Tensor([1.0, 2.0]))


def test_a_tensor_that_needs_no_gradient_goes_anywhere_as_an_array():
    t = Tensor([1.0, 2.0], requires_grad=False)
    np.testing.assert_array_equal(np.asarray(t), [1.0, 2.0])
    assert np.asarray(t, dtype=np.float32).dtype == np.float32
    assert not np.shares_memory(np.asarray(t), t)


def test_an_array_takes_a_constant_tensor_in_place():
    t = Tensor([1.0, 2.0], requires_grad=False)
    array = np.ones((2, 2))
    array[0] += t
    array *= t
    assert array.tolist() == [[2.0, 6.0], [1.0, 2.0]]
    assert type(array) is np.ndarray
    with no_grad():
        array[1] -= Tensor([1.0, 2.0]) * 2
    assert array.tolist() == [[2.0, 6.0], [-1.0, -2.0]]
    integers = np.ones(2, dtype=int)
    with pytest.raises(TypeError, match="Cannot cast ufunc 'add' output"):
        integers += t


def test_an_array_that_would_take_a_gradient_in_place_says_what_to_write():
    t, array = Tensor([1.0, 2.0]), np.ones(2)
    with pytest.raises(UnsupportedError, match=r"as in a \+= t, which would lose its gradient: write a = a \+ t, or"):
        array += t
    with pytest.raises(UnsupportedError, match=r"write a = a / t, or, .* alone are meant, a /= t\.numpy\(\)"):
        array /= t
    with pytest.raises(UnsupportedError, match=r"np\.exp of a Tensor takes no out=: the result is a new Tensor"):
        np.exp(t, out=array)
    assert array.tolist() == [1.0, 1.0]


# Beside PyTorch, where slopes have no limit or there are several

TIES = np.array([[1.0, 2.0, 2.0], [0.0, 0.0, 0.0], [-1.0, 3.0, 0.0]])

EYE = -4 * np.eye(3)

PEERS = {
    "sum": (lambda x: x.sum(axis=(0, 1)), lambda torch, x: x.sum((0, 1))),
    "mean": (lambda x: x.mean(axis=1, keepdims=True), lambda torch, x: x.mean(1, keepdim=True)),
    "prod, of zeros too": (lambda x: x.prod(axis=1), lambda torch, x: x.prod(1)),
    "prod of all": (lambda x: x.prod(), lambda torch, x: x.prod()),
    "var": (lambda x: x.var(axis=1, ddof=1), lambda torch, x: x.var(1, correction=1)),
    "std, of equal numbers too": (lambda x: x.std(axis=1), lambda torch, x: x.std(1, correction=0)),
    "max, shared": (lambda x: x.max(axis=1), lambda torch, x: x.amax(1)),
    "max of several axes": (lambda x: x.max(axis=(0, 1)), lambda torch, x: x.amax((0, 1))),
    "max of all": (lambda x: x.max(), lambda torch, x: x.max()),
    "min, shared": (lambda x: x.min(axis=0, keepdims=True), lambda torch, x: x.amin(0, keepdim=True)),
    "cumsum": (lambda x: x.cumsum(axis=1), lambda torch, x: x.cumsum(1)),
    "sort, stable": (lambda x: x.sort(axis=1), lambda torch, x: x.sort(dim=1, stable=True).values),
    "logsumexp": (lambda x: x.logsumexp(axis=1), lambda torch, x: x.logsumexp(1)),
    "softmax": (lambda x: x.softmax(axis=0), lambda torch, x: x.softmax(0)),
    "log_softmax": (lambda x: x.log_softmax(axis=1), lambda torch, x: x.log_softmax(1)),
    "norm of order 1": (lambda x: np.linalg.norm(x, 1, axis=1), lambda torch, x: torch.linalg.vector_norm(x, 1, dim=1)),
    "norm of order 4": (lambda x: np.linalg.norm(x, 4, axis=1), lambda torch, x: torch.linalg.vector_norm(x, 4, dim=1)),
    "norm of order inf": (
        lambda x: np.linalg.norm(x, np.inf, axis=1),
        lambda torch, x: torch.linalg.vector_norm(x, np.inf, dim=1),
    ),
    "repeated indices": (lambda x: x[[0, 0, 2], [1, 1, 0]], lambda torch, x: x[[0, 0, 2], [1, 1, 0]]),
    "mask": (lambda x: x[TIES > 0], lambda torch, x: x[torch.tensor(TIES > 0)]),
    "x @ x": (lambda x: x @ x, lambda torch, x: x @ x),
    "einsum": (lambda x: np.einsum("ij,kj->ik", x, x), lambda torch, x: torch.einsum("ij,kj->ik", x, x)),
    "inv": (lambda x: np.linalg.inv(x - EYE.astype(x.dtype)), lambda torch, x: torch.linalg.inv(x - torch.tensor(EYE))),
    "det": (lambda x: np.linalg.det(x - EYE.astype(x.dtype)), lambda torch, x: torch.linalg.det(x - torch.tensor(EYE))),
    "pad": (lambda x: np.pad(x, ((1, 0), (0, 2))), lambda torch, x: torch.nn.functional.pad(x, (0, 2, 1, 0))),
    "where": (lambda x: np.where(TIES > 0, x, x * x), lambda torch, x: torch.where(torch.tensor(TIES > 0), x, x * x)),
}


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("name", PEERS)
def test_beside_pytorch(torch, name, dtype):
    mine, theirs = PEERS[name]
    rtol = 1e-12 if dtype is np.float64 else 2e-5
    for x in (TIES, np.random.default_rng(0).standard_normal((3, 3))):
        check_torch(torch, mine, lambda x: theirs(torch, x), [x.astype(dtype)], rtol)


def test_the_norm_of_zeros_has_the_slope_zero(torch):
    for order in (2, 1, 3, 4, np.inf):
        check_torch(
            torch,
            lambda x, order=order: np.linalg.norm(x, order, axis=1),
            lambda x, order=order: torch.linalg.vector_norm(x, order, dim=1),
            [TIES],
            second=False,  # PyTorch's is nan
        )


@pytest.mark.parametrize("x", [[1e4, -1e4, 0.0], [-1e4, -1e4, -1e4], [0.0, -np.inf, 1.0], [1e4, 1e4, 1e4]])
@pytest.mark.parametrize("name", ["logsumexp", "softmax", "log_softmax"])
def test_softmax_and_its_kin_neither_overflow_nor_underflow(torch, name, x):
    check_torch(
        torch, lambda x: getattr(x, name)(axis=0), lambda x: getattr(x, name)(0), [np.array(x)], 1e-14, second=False
    )


@pytest.mark.parametrize("order", [0.5, 0.9, -0.5, -1.0])
def test_norms_of_an_order_below_one_have_the_slope_zero_at_zero(torch, order):
    for x in (TIES, np.array([[0.0, 1.0, -2.0]]), np.zeros((1, 2))):
        check_torch(
            torch,
            lambda x: np.linalg.norm(x, order, axis=1),
            lambda x: torch.linalg.vector_norm(x, order, dim=1),
            [x],
            second=False,
        )


SINGULAR = {
    "rank 1": np.array([[1.0, 2.0, 3.0], [2.0, 4.0, 6.0], [-1.0, -2.0, -3.0]]),
    "rank 2": np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0], [7.0, 8.0, 9.0]]),
    "2 by 2": np.array([[1.0, 2.0], [2.0, 4.0]]),
    "zero": np.zeros((2, 2)),
    "one number": np.zeros((1, 1)),
}


@pytest.mark.parametrize("x", SINGULAR.values(), ids=SINGULAR)
def test_the_second_derivative_of_a_determinant_exists_at_a_singular_matrix(x):
    """The determinant is a sum of products, so central differences of its exact slope are exact up to rounding."""
    exact = hessian(np.linalg.det)(x)
    for i, j in np.ndindex(x.shape):
        step = np.zeros_like(x)
        step[i, j] = 0.5
        slope = (grad(np.linalg.det)(x + step) - grad(np.linalg.det)(x - step)) / 1.0
        np.testing.assert_allclose(exact[i, j], slope, atol=1e-12)


def _eigenvectors(x):
    return np.linalg.eigh((x + x.T) / 2)[1]


def _left_singular_vectors(x):
    return np.linalg.svd(x, full_matrices=False)[0]


@pytest.mark.parametrize("vectors", [_eigenvectors, _left_singular_vectors])
def test_the_second_derivative_by_vectors_exists_where_the_gradient_is_zero(vectors):
    """At the minimum of Σ (v − v₀)² the Hessian is 2 Jᵀ J, with J the Jacobian of the vectors."""
    x = np.random.default_rng(0).standard_normal((3, 3))
    target = vectors(x)
    exact = hessian(lambda x: ((vectors(x) - target) ** 2).sum())(x)
    columns = jacobian(vectors)(x).reshape(9, 9)
    assert np.abs(exact).max() > 0.1
    np.testing.assert_allclose(exact.reshape(9, 9), 2 * columns.T @ columns, rtol=1e-9, atol=1e-12)


# Where NumPy broadcasts nothing, shapes that do not fit are refused


@pytest.mark.parametrize(
    "product",
    [
        lambda f, a, b: f(np.inner)(a, np.ones((2, 3))),
        lambda f, a, b: f(np.inner)(np.ones((2, 3)), a),
        lambda f, a, b: f(np.dot)(a, b),
        lambda f, a, b: f(np.dot)(a, np.ones((3, 2))),
        lambda f, a, b: f(np.matmul)(a, np.ones((3, 2))),
        lambda f, a, b: f(np.tensordot)(a, np.ones((3, 2)), 1),
        lambda f, a, b: f(np.tensordot)(b, a, ((1,), (1,))),
    ],
)
def test_what_a_product_sums_over_is_as_long_in_both(product):
    a, b = np.ones((2, 1)), np.ones((2, 3, 2))
    with pytest.raises(ValueError, match=r"."):
        product(lambda f: f, a, b)
    with pytest.raises(ShapeError, match=r"\(2, 1\)"):
        product(lambda f: f, Tensor(a), b)


@pytest.mark.parametrize(
    "ask", [np.tril, np.triu, lambda t: np.split(t, 1), lambda t: np.swapaxes(t, 0, 0), lambda t: np.sort(t, axis=0)]
)
def test_an_axis_that_a_single_number_does_not_have_is_refused(ask):
    with pytest.raises(ShapeError):
        ask(Tensor(2.0))


@pytest.mark.parametrize(
    "join",
    [
        lambda t, x: np.append(t, x),
        lambda t, x: np.append(x, t),
        lambda t, x: np.outer(t, x),
        lambda t, x: np.outer(x, t),
        lambda t, x: np.kron(t, x),
        lambda t, x: np.dot(t, x),
        lambda t, x: np.inner(x, t),
        lambda t, x: np.tensordot(t, x, 1),
        lambda t, x: np.convolve(t, x),
        lambda t, x: np.interp(t, x, x),
        lambda t, x: np.cross(t, x),
        lambda t, x: np.where([True, False, True], t, x),
        lambda t, x: np.concatenate([t, x]),
        lambda t, x: np.stack([t, x]),
        lambda t, x: np.hstack([t, x]),
        lambda t, x: np.meshgrid(t, x)[1] * t,
        lambda t, x: np.einsum("i,j->ij", t, x),
        lambda t, x: np.trapezoid(t, x),
        lambda t, x: np.maximum(t, x),
        lambda t, x: t + x,
    ],
)
def test_a_list_beside_a_tensor_is_an_array(join):
    x = [1.0, 2.5, 4.0]
    t = Tensor([0.5, -1.0, 2.0])
    y = join(t, x)
    np.testing.assert_allclose(y.data, join(Tensor(t.data), np.array(x)).data)
    assert y.requires_grad


def test_a_number_is_appended_to_a_tensor():
    t = Tensor([[1.0, 2.0]])
    assert np.append(t, 3.0).tolist() == np.append(t.data, 3.0).tolist()
    np.append(t, 3.0).sum().backward()
    assert t.grad.tolist() == [[1.0, 1.0]]


def test_full_like_keeps_the_gradient_of_its_fill():
    x = Tensor([1.0, 2.0])
    np.full_like(x, x[0] * 3).sum().backward()
    assert x.grad.tolist() == [6.0, 0.0]
    assert np.full_like(x, 2).tolist() == [2.0, 2.0]
    assert np.full_like(x, x[0], dtype=int).dtype == int


# float16 ends at 65504 and counts by ones only up to 2048: sums are computed in float32, as PyTorch computes them

HALVES = {
    "mean": (lambda x: x.mean(), lambda x: x.mean()),
    "sum over rows": (lambda x: x.sum(axis=0), lambda x: x.sum(0)),
    "var": (lambda x: (x * 300).var(), lambda x: (x * 300).var(correction=0)),
    "std": (lambda x: (x * 300).std(), lambda x: (x * 300).std(correction=0)),
    "norm": (np.linalg.norm, lambda x: x.float().norm().half()),
    "max": (lambda x: x.max(), lambda x: x.amax()),
    "softmax": (lambda x: x.softmax(axis=0), lambda x: x.softmax(0)),
    "log_softmax": (lambda x: x.log_softmax(axis=0), lambda x: x.log_softmax(0)),
    "logsumexp": (lambda x: x.logsumexp(axis=0), lambda x: x.float().logsumexp(0).half()),
    "a bias": (lambda x: (np.ones((70000, 2), np.float16) * x[:1]).mean(axis=0), lambda x: x[0].clone()),
}


@pytest.mark.parametrize("name", HALVES)
def test_sums_in_float16_are_those_of_pytorch(torch, name):
    mine, theirs = HALVES[name]
    x = np.tile(np.array([[1.0, 0.0], [1.0, 1.0]], np.float16), (35000, 1))
    check_torch(torch, mine, theirs, [x], rtol=2e-3, second=False)


def test_nan_is_left_out_or_replaced_and_nothing_flows_through_it():
    for f, expected in (
        (np.nansum, [0.0, 1.0, 1.0]),
        (np.nanmean, [0.0, 0.5, 0.5]),
        (lambda x: np.nan_to_num(x, nan=5.0).sum(), [0.0, 1.0, 1.0]),
        (lambda x: np.fmax(x, 0.5).sum(), [0.0, 1.0, 1.0]),
    ):
        x = Tensor([np.nan, 1.0, 2.0])
        y = f(x)
        assert y.item() == f(x.numpy())
        y.backward()
        assert x.grad.tolist() == expected


@pytest.mark.parametrize("f", [np.linalg.cholesky, np.linalg.eigh, np.linalg.eigvalsh])
def test_a_matrix_that_is_not_symmetric_is_refused_where_numpy_reads_one_triangle(f):
    with pytest.raises(ArgumentError, match=r"takes symmetric matrices: make one"):
        f(Tensor([[4.0, 0.0], [1.0, 3.0]]))


def test_equal_singular_values_and_eigenvalues_have_a_slope_themselves():
    x = Tensor(np.eye(3))
    np.linalg.norm(x, "nuc").backward()
    np.testing.assert_allclose(x.grad, np.eye(3), atol=1e-15)
    x = Tensor(np.eye(3))
    np.linalg.eigvalsh(x).sum().backward()
    np.testing.assert_allclose(x.grad, np.eye(3), atol=1e-15)


# Hypothesis: shapes, axes and indices that nobody thought of

reductions = st.sampled_from(["sum", "mean", "prod", "var", "std", "max", "min", "logsumexp"])
shapes = npst.array_shapes(min_dims=0, max_dims=4, max_side=3)


@given(name=reductions, shape=shapes, draw=st.data())
def test_reductions_along_any_axes(name, shape, draw):
    axis = draw.draw(st.none() | npst.valid_tuple_axes(len(shape), min_size=min(1, len(shape))))
    keepdims = draw.draw(st.booleans())
    f = FUNCTIONS[name]
    call = Call((shape,), (), {"axis": axis, "keepdims": keepdims})
    assume(name != "std" or np.prod([shape[a] for a in axis or range(len(shape))]) > 1)  # else a kink
    check_second(bound(f.function, f, call), bound(f.reference or f.function, f, call), drawn(f, call))


@given(shape=npst.array_shapes(min_dims=1, max_dims=3, max_side=4), draw=st.data())
def test_any_index(shape, draw):
    index = draw.draw(
        npst.basic_indices(shape, allow_newaxis=True)
        | npst.integer_array_indices(shape, result_shape=npst.array_shapes(max_dims=2, max_side=3))
        | npst.arrays(bool, shape)
    )
    x = np.random.default_rng(0).standard_normal(shape)
    check_first(lambda x: x[index], lambda x: np.asarray(x[index]), [x])
    check_second(lambda x: np.sin(x[index]), lambda x: np.asarray(np.sin(x[index])), [x])


@given(
    stacks=npst.mutually_broadcastable_shapes(num_shapes=2, max_dims=2, max_side=3),
    n=st.tuples(*[st.integers(0, 3)] * 3),
)
def test_products_of_any_stacks_of_matrices(stacks, n):
    a, b = stacks.input_shapes
    rng = np.random.default_rng(0)
    xs = [rng.standard_normal((*a, n[0], n[1])), rng.standard_normal((*b, n[1], n[2]))]
    check_second(np.matmul, np.matmul, xs)


@given(
    shapes=npst.mutually_broadcastable_shapes(num_shapes=3, max_dims=3, min_side=0, max_side=3),
    width=st.sampled_from([4, 8]),
)
def test_broadcasting_in_every_direction(shapes, width):
    rng = np.random.default_rng(0)
    xs = [rng.uniform(0.5, 2.0, shape).astype(f"f{width}") for shape in shapes.input_shapes]

    def f(a, b, c):
        return a * b / c + np.where(np.ones(shapes.result_shape, bool), a, b) - c

    check_first(f, f, xs, rtol=1e-11 if width == 8 else 1e-4)


@pytest.mark.parametrize(("function", "scale"), [(np.quantile, 1.0), (np.percentile, 100.0)])
def test_the_share_of_a_quantile_has_a_gradient(torch, function, scale):
    x, q = np.random.default_rng(0).standard_normal((5, 3)), np.array([0.1, 0.62])
    leaf, t = Tensor(scale * q), torch.tensor(q, requires_grad=True)
    function(x, leaf, axis=0).sum().backward()
    torch.quantile(torch.tensor(x), t, dim=0).sum().backward()
    close(scale * leaf.grad, t.grad.numpy(), 1e-12)


def test_no_differences_are_the_array_itself_and_joins_nothing():
    x = Tensor(np.arange(6.0).reshape(2, 3))
    np.testing.assert_array_equal(np.diff(x, 0, prepend=1.0).data, np.diff(x.data, 0, prepend=1.0))
    with pytest.raises(ArgumentError, match="n must be 0 or more, but is -1"):
        np.diff(x, -1)
