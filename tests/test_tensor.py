"""`Tensor`: an array that remembers how it was computed. (Its operations are in test_functions and test_rules.)"""

import copy
import gc
import itertools
import pickle
import subprocess
import sys
import weakref
from pathlib import Path
from unittest import mock

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.figure import Figure

import tinygrad_edu
from tests.random_programs import tensor_graphs
from tinygrad_edu import Tensor, Value, no_grad, operation
from tinygrad_edu.errors import (
    ArgumentError,
    BackwardError,
    DTypeError,
    IndexingError,
    ShapeError,
    StaleGraphError,
    TinygradEduError,
    UnsupportedError,
)
from tinygrad_edu.graph.node import topological_order
from tinygrad_edu.operations.losses import CROSS_ENTROPY
from tinygrad_edu.optim import SGD
from tinygrad_edu.speed import written_backward
from tinygrad_edu.speed.recomputed_gradient import RecomputedGradient

REPOSITORY = Path(__file__).parent.parent


# What it holds


@pytest.mark.parametrize(
    ("data", "dtype", "shape", "differentiable"),
    [
        (2.0, "f8", (), True),
        (2, "i8", (), False),
        (True, "?", (), False),
        ([1.0, 2.0], "f8", (2,), True),
        ([[1, 2], [3, 4]], "i8", (2, 2), False),
        ((1, 2.5), "f8", (2,), True),
        (np.ones((2, 3), "f4"), "f4", (2, 3), True),
        (np.ones(2, "f2"), "f2", (2,), True),
        (np.array([True, False]), "?", (2,), False),
        (np.uint8([1, 2]), "u1", (2,), False),
        (np.float32(1.5), "f4", (), True),
        ([], "f8", (0,), True),
        (np.zeros((0, 3)), "f8", (0, 3), True),
        (Tensor([1.0, 2.0]), "f8", (2,), True),
        ([Tensor(1), 2.0], "f8", (2,), True),
        (range(3), "i8", (3,), False),
    ],
)
def test_a_leaf(data, dtype, shape, differentiable):
    t = Tensor(data, label="t")
    assert (t.dtype, t.shape, t.ndim, t.size) == (np.dtype(dtype), shape, len(shape), np.prod(shape, dtype=int))
    assert (t.requires_grad, t.grad, t.op, t.inputs, t.label) == (differentiable, None, "", (), "t")
    assert type(t.data) is np.ndarray


def test_dtype_and_requires_grad_can_be_asked_for():
    assert Tensor([1, 2], dtype=np.float32).dtype == np.float32
    assert Tensor([1, 2], dtype=float).requires_grad
    assert not Tensor([1.0, 2.0], requires_grad=False).requires_grad
    assert not Tensor([1, 2], requires_grad=True).requires_grad


def test_what_it_was_made_of_is_copied():
    x = np.array([1.0, 2.0])
    t, again = Tensor(x), Tensor(x[::-1])
    x[0] = 9.0
    assert t.tolist() == [1.0, 2.0]
    assert again.tolist() == [2.0, 1.0]
    twin = Tensor(t)
    twin.data[0] = 5.0
    assert t.tolist() == [1.0, 2.0]


def test_copies_and_conversions():
    t = Tensor([[1.0, 2.0], [3.0, 4.0]], label="t")
    array = t.numpy()
    array[0, 0] = 9.0
    assert t.tolist() == [[1.0, 2.0], [3.0, 4.0]]
    detached = (t * 2).detach()
    assert (detached.op, detached.requires_grad, detached.tolist()) == ("", False, [[2.0, 4.0], [6.0, 8.0]])
    assert t.T.tolist() == [[1.0, 3.0], [2.0, 4.0]]
    assert Tensor([2.5]).item() == 2.5
    assert type(Tensor([2.5]).item()) is float
    half = t.astype(np.float32)
    half.sum().backward()
    assert (half.dtype, t.grad.dtype, t.grad.tolist()) == (np.float32, np.float64, [[1.0, 1.0], [1.0, 1.0]])
    assert not t.astype(int).requires_grad


def test_it_is_a_sequence_of_its_rows():
    t = Tensor([[1.0, 2.0], [3.0, 4.0]])
    first, second = t
    (first * second).sum().backward()
    assert t.grad.tolist() == [[3.0, 4.0], [1.0, 2.0]]
    assert len(t) == 2


def test_it_reads_well():
    assert repr(Tensor([1.0, 2.0])) == "Tensor([1., 2.])"
    assert repr(Tensor(np.float32([1.0]), label="b")) == "Tensor([1.], dtype=float32, label='b')"
    assert repr(Tensor([1, 2])) == "Tensor([1, 2], dtype=int64, requires_grad=False)"
    assert repr(Tensor([1.0]) * 2) == "Tensor([2.], op=mul)"


def test_hash_is_identity():
    t, u = Tensor([1.0, 2.0]), Tensor([1.0, 2.0])
    assert len({t, u, t}) == 2


# Numbers and arrays beside it


@pytest.mark.parametrize("number", [2, 2.0, True])
def test_python_s_numbers_keep_float32(number):
    t = Tensor(np.float32([1.0, 2.0]))
    for y in (t + number, number - t, t * number, number / t, t**number, number**t, t.maximum(number)):
        assert y.dtype == np.float32
    y.sum().backward()
    assert t.grad.dtype == np.float32


@pytest.mark.parametrize("other", [np.float64(2.0), np.array([2.0, 3.0]), np.ones((2, 1)), np.int64(2), [2.0, 3.0]])
def test_arrays_on_either_side_are_constants(other):
    x = np.array([1.0, 2.0])
    for apply in (
        lambda a, b: a + b,
        lambda a, b: a - b,
        lambda a, b: a * b,
        lambda a, b: a / b,
        lambda a, b: a**b,
    ):
        t = Tensor(x)
        y, z = apply(t, other), apply(other, t)
        assert type(y) is type(z) is Tensor
        np.testing.assert_array_equal(y.data, apply(x, np.asarray(other)))
        np.testing.assert_array_equal(z.data, apply(np.asarray(other), x))
        constants = [node for root in (y, z) for node in root.inputs if node is not t]
        assert not any(c.requires_grad for c in constants)


def test_matrix_products_with_arrays_on_either_side():
    A, t = np.array([[1.0, 2.0], [3.0, 4.0]]), Tensor([1.0, -1.0])
    assert (A @ t).tolist() == [-1.0, -1.0]
    assert (t @ A).tolist() == [-2.0, -2.0]


def test_integers_beside_floats_get_no_gradient():
    t, n = Tensor([1.0, 2.0]), Tensor([3, 4])
    y = (t * n).sum()
    y.backward()
    assert (t.grad.tolist(), n.grad) == ([3.0, 4.0], None)
    assert not (n * 2.5 + n / 2).requires_grad
    assert (n * 2.5).dtype == np.float64
    assert (n + 1).dtype == np.int64


# Backward


def test_a_second_backward_gives_exactly_twice():
    w, x = Tensor(np.linspace(-1, 1, 6).reshape(2, 3)), Tensor([[0.1], [0.7], [-0.3]])
    m = (w @ x).tanh()
    y = (m * m.exp()).sum() + w.sum() * 0.1
    y.backward()
    once = [t.grad.copy() for t in (w, x, m, y)]
    y.backward()
    np.testing.assert_array_equal(w.grad, 2 * once[0])
    np.testing.assert_array_equal(x.grad, 2 * once[1])
    np.testing.assert_array_equal(m.grad, once[2])  # an interior node's is the latest call's
    assert y.grad == once[3] == 1.0


@st.composite
def _chains(draw):
    """The root of a graph in which most operations are elementwise, and some nodes are used again."""
    nodes = [Tensor([[0.5, -1.0], [2.0, 0.25]]) * 1.5]
    steps = [Tensor.relu, Tensor.tanh, Tensor.exp, Tensor.square, lambda x: x @ x, lambda x: x * 0.5, lambda x: x + x]
    for _ in range(draw(st.integers(1, 8))):
        nodes.append(draw(st.sampled_from(steps))(draw(st.sampled_from(nodes[-3:]))))
    return np.sum(np.stack(draw(st.lists(st.sampled_from(nodes), min_size=1, max_size=3))), axis=0)


@given(st.one_of(tensor_graphs(), _chains()))
def test_large_gradients_that_have_flowed_on_are_computed_again(root):
    def gradients(large):
        with mock.patch.object(written_backward, "LARGE", large):
            for node in topological_order(root):
                node.grad = None
            root.backward(np.ones(root.shape))
            return [node.grad for node in topological_order(root)]

    for kept, computed in zip(gradients(1 << 60), gradients(0), strict=True):
        assert (kept is None) == (computed is None)
        if kept is not None:
            assert (kept.shape, kept.dtype, kept.tobytes()) == (computed.shape, computed.dtype, computed.tobytes())


@pytest.mark.parametrize(
    "view", [lambda W: W.T, lambda W: W[1:], lambda W: W.reshape(-1, 64), operation(lambda x: x, lambda gy, y, x: gy)]
)
def test_large_gradients_are_those_of_the_forward_pass_after_a_step_in_place(view):
    W = Tensor(np.full((128, 128), 0.5))
    optimizer = SGD([W], lr=0.1)
    x = view(W)
    x.square().sum().backward()
    optimizer.step()
    np.testing.assert_array_equal(x.grad, np.ones(x.shape))


def test_large_gradients_behind_an_activation_are_let_go():
    W1, W2 = Tensor(np.full((100, 100), 0.1)), Tensor(np.full((100, 100), 0.1))
    x = W1 @ W2
    y, z = x.relu(), x.exp()
    loss = (y @ W1).tanh().sum() + (z * 2 + z).sum()
    loss.backward()
    product = loss.inputs[0].inputs[0].inputs[0]
    assert (product.op, type(product._grad[0])) == ("matmul", RecomputedGradient)
    assert type(x._grad[0]) is np.ndarray  # two operations handed something to it
    chain = list(itertools.accumulate(range(2_000), lambda y, _: y.tanh(), initial=x * 1.0))
    chain[-1].sum().backward()
    assert all(node.grad.shape == (100, 100) for node in chain)
    T = (y @ W1).data
    np.testing.assert_allclose(product.grad, 1 - np.tanh(T) ** 2)
    assert product.grad is product.grad
    product.grad[0] = 7.0
    assert (product.grad[0] == 7.0).all()
    gc.collect()
    gc.disable()
    try:
        del x, y, z, loss, product
        assert gc.collect() == 0
    finally:
        gc.enable()


def test_gradients_of_two_roots_add_up_in_the_leaves_alone():
    a = Tensor([3.0])
    m = a * a
    (m * 2).backward()
    (m + 1).backward()
    assert (a.grad.tolist(), m.grad.tolist()) == ([18.0], [1.0])


def test_a_gradient_that_was_read_stays_as_it_was():
    a = Tensor([3.0])
    (a * a).backward()
    before = a.grad
    (a * a).backward()
    assert (before.tolist(), a.grad.tolist()) == ([6.0], [12.0])


@pytest.mark.parametrize("leaf", [5.0, [5.0], [[5.0]]])
def test_a_leaf_s_own_backward(leaf):
    a = Tensor(leaf)
    a.backward()
    a.backward()
    assert type(a.grad) is np.ndarray
    assert a.grad.tolist() == np.full(np.shape(leaf), 2.0).tolist()


@pytest.mark.parametrize(
    "gradient", [[1.0, -2.0], (1, -2), np.array([1.0, -2.0]), Tensor([1.0, -2.0]), np.float32([1, -2])]
)
def test_backward_from_an_array_takes_its_gradient(gradient):
    a = Tensor(np.float32([3.0, 4.0]))
    for root in (a * a, a):
        a.grad = None
        root.backward(gradient)
        assert a.grad.dtype == root.grad.dtype == np.float32
        assert a.grad.tolist() == ([6.0, -16.0] if root is not a else [1.0, -2.0])


def test_gradients_of_numbers_are_arrays():
    a = Tensor(2.0)
    y = a * a + a
    y.backward()
    y.backward()
    for t in topological_order(y):
        if t.requires_grad:
            assert type(t.grad) is np.ndarray
            assert t.grad.shape == ()


def test_derivatives_of_every_order():
    x = Tensor([2.0, 3.0])
    y = (x**5).sum()
    derivatives = []
    for _ in range(5):
        y.backward(create_graph=True)
        derivatives.append(x.grad.tolist())
        y, x.grad = x.grad.sum(), None
    assert derivatives == [[80, 405], [160, 540], [240, 540], [240, 360], [120, 120]]


def test_recorded_gradients_accumulate_too():
    x = Tensor([0.0, 1.0])
    (x * x).sum().backward(create_graph=True)
    (x * 3).sum().backward(create_graph=True)
    g, x.grad = x.grad, None
    g.sum().backward()
    assert (g.tolist(), x.grad.tolist()) == ([3.0, 5.0], [2.0, 2.0])


def test_a_gradient_can_be_a_node_of_the_graph():
    x, v = Tensor([1.0, 2.0]), Tensor([3.0, 4.0])
    (x**3).backward(v * v, create_graph=True)
    g, x.grad = x.grad, None
    g.sum().backward()  # Σ 3x²v²
    assert (x.grad.tolist(), v.grad.tolist()) == ([54.0, 192.0], [18.0, 96.0])


# A leaf whose data was changed after an operation had used it


def subtract(w):
    w.data -= 0.5


def assign(w):
    w.data = [7.0, 8.0]


def assign_one(w):
    w.data[0] = 7.0


def write_all(w):
    w.data[...] = 7.0


def sort_in_place(w):
    w.data[::-1].sort()


def optimizer_s_update(w):
    w.update(w.numpy() - 0.5)


CHANGES = [subtract, assign, assign_one, write_all, sort_in_place, optimizer_s_update]


@pytest.mark.parametrize("create_graph", [False, True])
@pytest.mark.parametrize("change", CHANGES)
def test_a_change_after_the_forward_pass_is_noticed(change, create_graph):
    w, b = Tensor([1.0, 2.0], label="w"), Tensor([0.1, 0.2])
    y = (w * w + b).sum()
    change(w)
    with pytest.raises(StaleGraphError, match="the data of a leaf labelled 'w' was changed after mul had used it"):
        y.backward(create_graph=create_graph)
    assert w.grad is b.grad is y.grad is None
    (w * w + b).sum().backward(create_graph=create_graph)  # run again, as the message says
    np.testing.assert_array_equal(w.grad.tolist(), 2 * w.numpy())


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_before_the_forward_pass_is_none_of_its_business(change):
    w = Tensor([1.0, 2.0])
    change(w)
    y = (w * w).sum()
    change_elsewhere = Tensor([1.0, 2.0])
    change(change_elsewhere)
    y.backward()
    np.testing.assert_array_equal(w.grad, 2 * w.numpy())


def test_a_held_array_is_watched():
    w = Tensor([1.0, 2.0])
    held = w.data
    y = (w * w).sum()
    y.backward()
    held[0] = 5.0
    with pytest.raises(StaleGraphError):
        y.backward()
    y = (w * w).sum()
    w.data -= 1.0  # the same array, in between
    held[1] = 9.0
    z = (w * w).sum()
    z.backward()
    assert w.grad.tolist() == [2.0 + 8.0, 4.0 + 18.0]
    with pytest.raises(StaleGraphError):
        y.backward()


def test_a_look_at_the_data_changes_nothing():
    w = Tensor([1.0, 2.0])
    y = (w * w).sum()
    assert w.data[0] == 1.0
    assert w.data.max() == 2.0
    print(w, w.data)
    y.backward()
    assert w.data.sum() == 3.0
    y.backward()
    assert w.grad.tolist() == [4.0, 8.0]


def test_a_training_loop_may_write_to_the_data_in_every_step():
    w = Tensor([4.0, -2.0])
    for step in range(20):
        loss = (w * w).sum()
        w.grad = None
        loss.backward()
        if step % 2:
            w.data -= 0.1 * w.grad
        else:
            w.data[:] = w.data - 0.1 * w.grad
    np.testing.assert_allclose(w.data, [4.0 * 0.8**20, -2.0 * 0.8**20], rtol=1e-12)


@pytest.mark.parametrize("change", [subtract, write_all, optimizer_s_update, lambda w: setattr(w, "data", 7.0)])
def test_the_data_of_a_number_stays_an_array(change):
    w = Tensor(2.0)
    change(w)
    change(w)
    (w * w).backward()
    assert type(w.data) is np.ndarray
    assert w.grad == 2 * w.item()


def test_data_of_another_shape_or_kind_is_refused():
    w = Tensor(np.float32([1.0, 2.0]), label="w")
    with pytest.raises(
        ShapeError, match=r"the data of a leaf labelled 'w' has shape \(2,\), but was assigned .* \(3,\)"
    ):
        w.data = [1.0, 2.0, 3.0]
    w.data = [3.0, 4.0]
    assert w.dtype == np.float32


def test_computed_data_is_read_only():
    w = Tensor([1.0, 2.0])
    y = w * 2
    with pytest.raises(ValueError, match="read-only"):
        y.data[0] = 5.0
    with pytest.raises(ArgumentError, match="the data of the result of mul is computed, so it cannot be assigned"):
        y.data = [1.0, 2.0]
    with pytest.raises(UnsupportedError, match="a Tensor's entries cannot be assigned"):
        w[0] = 1.0
    w.data[0] = 5.0
    assert y.tolist() == [2.0, 4.0]


# What goes into a graph stays as it was


def test_arrays_written_to_after_the_forward_pass_change_nothing():
    X, i, mask, lo = np.array([1.0, 2.0, 3.0]), np.array([0, 1, 1]), np.array([True, False, True]), np.zeros(3)
    rows, listed, repeats, labels = np.array([[2, 0, 1]]), [0, 0, 2], np.array([1, 2, 0]), np.array([0])
    w = Tensor([1.0, 2.0, 3.0])
    parts = [
        w * X,
        X @ w,
        w[i],
        w[listed],
        w[mask],
        np.where(mask, w, X),
        w.select(X, condition=mask),
        w.clip(lo, 2.5),
        np.take_along_axis(w.reshape(1, 3), rows, 1),
        np.repeat(w, repeats),
        CROSS_ENTROPY(w.reshape(1, 3), labels=labels.copy(), memo={}),
    ]
    y = sum(part.sum() for part in parts)
    y.backward()
    before, w.grad = w.grad, None
    for array in (X, i, mask, lo, rows, repeats):
        array[...] = 0
    listed[:] = [1, 1, 1]
    y.backward()
    np.testing.assert_array_equal(w.grad, before)
    w.grad = None
    y.backward(create_graph=True)
    np.testing.assert_allclose(w.grad.data, before, rtol=1e-15)


def test_what_is_computed_without_a_gradient_has_an_array_of_its_own():
    X, w = Tensor([[1.0, 2.0], [3.0, 4.0]], requires_grad=False), Tensor([1.0, 1.0])
    y = (X * w).sum()
    for view in (X.T, X[0], X.reshape(-1), np.broadcast_to(X, (2, 2, 2)), np.flip(X)):
        view.data[...] = 100.0
    with no_grad():
        w[:1].data[0] = 100.0
    y.backward()
    assert w.grad.tolist() == [4.0, 6.0]
    assert X.tolist() == [[1.0, 2.0], [3.0, 4.0]]


def arrays_of(root, *others):
    nodes = [*topological_order(root), *others]
    gradients = [(f"grad of {n.op or n.label}", n.grad) for n in nodes if n.requires_grad]
    return gradients, [(f"data of {n.op or n.label}", n._data) for n in nodes]


@pytest.mark.parametrize(
    "compute",
    [
        lambda a, b: a + b,
        lambda a, b: (a + b) - a,
        lambda a, b: (a.reshape(4).reshape(2, 2) + b).T,
        lambda a, b: np.concatenate([a, b]) + np.concatenate([b, a]),
        lambda a, b: (+a)[0] + (+b).sum(axis=0),
        lambda a, b: np.where(np.eye(2) > 0, a, b).astype(np.float64),
        lambda a, b: np.broadcast_to(a, (3, 2, 2)) + b,
        lambda a, b: np.stack([a, a, b]).max(axis=0),
        lambda a, b: a @ a + b @ b,
    ],
)
def test_gradients_share_memory_with_nothing(compute):
    a, b = Tensor([[1.0, 2.0], [3.0, 4.0]], label="a"), Tensor([[5.0, 6.0], [7.0, 8.0]], label="b")
    m = compute(a, b)
    y = m + 0.0
    seed = np.ones(y.shape)
    for _ in range(2):
        y.backward(seed)
        gradients, data = arrays_of(y)
        for (one, x), (other, z) in itertools.combinations([*gradients, *data, ("the seed", seed)], 2):
            if one in dict(data) and other in dict(data):
                continue  # the data of a view is a view
            assert not np.shares_memory(x, z), f"{one} and {other}"


def test_a_leaf_s_own_gradient_is_not_the_seed():
    for seed in (np.array([1.0, 2.0]), Tensor([1.0, 2.0])):
        a = Tensor([0.0, 0.0])
        a.backward(seed)
        assert not np.shares_memory(a.grad, seed)


def test_a_gradient_that_is_assigned_is_copied():
    a, b, g = Tensor([1.0]), Tensor([1.0]), np.array([2.0])
    a.grad = b.grad = g
    a.grad *= 0.5
    assert (a.grad.tolist(), b.grad.tolist(), g.tolist()) == ([1.0], [2.0], [2.0])
    a.grad = None
    assert a.grad is None
    with pytest.raises(ShapeError, match=r"a gradient has the shape of its data, \(1,\), but was given \(2,\)"):
        a.grad = [1.0, 2.0]


# Size and memory


def test_a_deep_chain_is_differentiated_copied_and_freed_without_recursion():
    a = y = Tensor([1.0, 2.0])
    for _ in range(50_000):
        y = y + 1.0
    y.sum().backward()
    assert a.grad.tolist() == [1.0, 1.0]
    below = weakref.ref(y.inputs[0])
    twin = copy.deepcopy(y)
    del y
    assert below() is None
    assert twin.tolist() == [50_001.0, 50_002.0]


def test_a_training_step_leaves_no_cyclic_garbage():
    rng = np.random.default_rng(0)
    X, labels = rng.standard_normal((8, 3)), rng.integers(0, 2, 8)
    W, b = Tensor(rng.standard_normal((3, 2))), Tensor(np.zeros(2))
    gc.collect()
    gc.disable()
    try:
        for _ in range(100):
            loss = CROSS_ENTROPY((X @ W + b).relu(), labels=labels, memo={}) + (W * W).sum().sqrt()
            W.grad = b.grad = None
            loss.backward()
            W.data -= 0.1 * W.grad
            b.update(b.numpy() - 0.1 * b.grad)
        node = weakref.ref(loss)
        del loss
        assert node() is None
        assert gc.collect() == 0
    finally:
        gc.enable()


# Copies


def test_a_deep_copy_of_leaves_is_independent():
    w = Tensor([1.0, 2.0], label="w")
    (w * w).sum().backward()
    held = w.data
    model = {"w": w, "again": w, "frozen": Tensor([1, 2])}
    twin = copy.deepcopy(model)
    v = twin["w"]
    assert twin["again"] is v
    assert (v.label, v.requires_grad, v.tolist(), v.grad.tolist()) == ("w", True, [1.0, 2.0], [2.0, 4.0])
    assert not twin["frozen"].requires_grad
    held[0] = 9.0
    v.data -= 1.0
    v.grad *= 0.0
    (v * 3).sum().backward()
    assert (w.tolist(), w.grad.tolist()) == ([9.0, 2.0], [2.0, 4.0])
    assert (v.tolist(), v.grad.tolist()) == ([0.0, 1.0], [3.0, 3.0])


def test_a_deep_copy_of_a_graph_is_a_graph_of_its_own():
    w = Tensor([[1.0, 2.0], [3.0, 4.0]], label="w")
    y = (w @ w.T).tanh().sum(axis=0).max()
    y.backward(create_graph=True)
    twin = copy.deepcopy(y)
    order, twins = topological_order(y), topological_order(twin)
    assert [n.op for n in order] == [n.op for n in twins]
    assert not set(order) & set(twins)
    (v,) = [n for n in twins if n.label == "w"]
    np.testing.assert_array_equal(v.grad.data, w.grad.data)
    g, v.grad = v.grad, None
    g.sum().backward()
    assert isinstance(w.grad, Tensor)
    with pytest.raises(ValueError, match="read-only"):
        twin.data[...] = 0.0


def test_a_stale_graph_s_copy_is_stale():
    w = Tensor([1.0, 2.0])
    held = w.data
    y = (w * w).sum()
    held[0] = 5.0
    twin = copy.deepcopy(y)
    with pytest.raises(StaleGraphError):
        twin.backward()


def test_a_shallow_copy_has_data_of_its_own():
    w = Tensor([1.0, 2.0])
    v = copy.copy(w)
    v.data -= 1.0
    assert w.tolist() == [1.0, 2.0]
    copy.copy(w * 3).sum().backward()
    assert w.grad.tolist() == [3.0, 3.0]


def test_a_leaf_can_be_pickled_and_a_graph_says_that_it_cannot():
    w = Tensor(np.float32([1.0, 2.0]), label="w")
    (w * w).sum().backward()
    for _ in range(3):
        w.data -= 1.0
    program = f"import pickle; v = pickle.loads({pickle.dumps(w)!r}); (v * v).sum().backward(); print(v, v.grad)"
    run = subprocess.run([sys.executable, "-c", program], cwd=REPOSITORY, capture_output=True, text=True, check=True)
    assert run.stdout == "Tensor([-2., -1.], dtype=float32, label='w') [-2.  2.]\n"
    with pytest.raises(UnsupportedError, match="a graph cannot be pickled, but the result of sum is part of one"):
        pickle.dumps((w * w).sum())


# Bad input: one sentence that shows what was given


def ones(*shape):
    return Tensor(np.ones(shape))


KINDS = r"a Tensor holds floats, integers or booleans, but was given "


@pytest.mark.parametrize(
    ("kind", "sentence", "wrong"),
    [
        (DTypeError, KINDS + "'abc'", lambda: Tensor("abc")),
        (DTypeError, KINDS + "None", lambda: Tensor(None)),
        (
            DTypeError,
            r"dtype must be .*'float32', but was given 'flaot'$",
            lambda: Tensor(1, dtype="flaot"),
        ),
        (DTypeError, KINDS + "'x'", lambda: setattr(ones(2), "grad", "x")),
        (DTypeError, KINDS + "'x'", lambda: setattr(ones(2), "data", "x")),
        (DTypeError, KINDS + "'3'", lambda: setattr(ones(), "grad", "3")),
        (DTypeError, KINDS + "'3'", lambda: setattr(ones(), "data", "3")),
        (DTypeError, KINDS + "'3'", lambda: Tensor("3", dtype=float)),
        (DTypeError, KINDS + r"\['1', '2'\]", lambda: Tensor(["1", "2"], dtype=float)),
        (DTypeError, KINDS + "None", lambda: Tensor(None, dtype=float)),
        (DTypeError, KINDS + r"\[1.0, None\]", lambda: Tensor([1.0, None], dtype=float)),
        (DTypeError, r"add was given an integer that is too large", lambda: ones(1) + 10**400),
        (DTypeError, r"mul was given an integer that is too large", lambda: Tensor(np.ones(1, np.int8)) * 300),
        (DTypeError, KINDS + "1j", lambda: setattr(ones(), "grad", 1j)),
        (DTypeError, KINDS + r"array\(\[0.\+1.j\]\)", lambda: setattr(ones(1), "data", np.array([1j]))),
        (DTypeError, KINDS + r"Value\(data=1", lambda: setattr(ones(), "grad", Value(1.0))),
        (DTypeError, KINDS + r"Value\(data=1", lambda: setattr(ones(), "data", Value(1.0))),
        (DTypeError, KINDS + "None", lambda: setattr(ones(), "data", None)),
        (ShapeError, r"a gradient has the shape of its data, \(2,\), but was given \(5,\)",
         lambda: setattr(ones(2), "grad", ones(5))),
        (DTypeError, r"the data of a leaf is of the type int64, which cannot hold what was assigned, \[0.5, 0.7\]",
         lambda: setattr(Tensor([1, 2]), "data", [0.5, 0.7])),
        (DTypeError, r"the gradient of a leaf is of the type int64, which cannot hold",
         lambda: setattr(Tensor(1), "grad", 0.5)),
        (DTypeError, r"the data of a leaf is of the type int8, which cannot hold what was assigned, 300",
         lambda: setattr(Tensor(1, dtype=np.int8), "data", 300)),
        (DTypeError, r"a Tensor holds numbers, but was given 300: .*out of bounds", lambda: Tensor(300, dtype=np.int8)),
        (DTypeError, KINDS + r"\[1j\] \(complex128\)", lambda: Tensor([1j])),
        (DTypeError, KINDS + r"\['1', '2'\]", lambda: Tensor(["1", "2"])),
        (DTypeError, KINDS + r"\[1.0\] \(complex128\)", lambda: Tensor([1.0], dtype=complex)),
        (DTypeError, KINDS + r"Value\(data=1", lambda: Tensor(Value(1.0))),
        (
            ShapeError,
            r"a Tensor needs numbers in a regular shape, but was given \[\[1.0, 2.0\],",
            lambda: Tensor([[1.0, 2.0], [3.0]]),
        ),
        (
            DTypeError,
            r"a Tensor of the list \[Value.* would lose the gradients of its Values",
            lambda: Tensor([Value(1.0)]),
        ),
        (DTypeError, r"a Tensor of the list \[Tensor.* would lose the gradients", lambda: Tensor([[ones()]])),
        (DTypeError, r"mul was given a Tensor of shape \(1,\) and Value", lambda: ones(1) * Value(1.0)),
        (DTypeError, r"mul was given a Value and Tensor of shape \(1,\)", lambda: Value(1.0) * ones(1)),
        (DTypeError, KINDS + "'x'", lambda: ones(1) + "x"),
        (DTypeError, KINDS + "None", lambda: ones(1) - None),
        (
            ShapeError,
            r"add of x \(2,\), \(3,\): these shapes do not broadcast. .* Reshape or transpose one of the arrays$",
            lambda: Tensor([1.0, 2.0], label="x") + np.ones(3),
        ),
        (DTypeError, "an axis is an integer, a tuple .* but was given 'rows'$", lambda: ones(2).mean(axis="rows")),
        (DTypeError, r"an axis is an integer, .* was given \(0, 1.5\)$", lambda: np.sum(ones(2, 3), axis=(0, 1.5))),
        (IndexingError, r"a Tensor of shape \(3, 2\) was indexed with 'x': only integers", lambda: ones(3, 2)["x"]),
        (IndexError, r"a Tensor of shape \(3, 2\) was indexed with 7: .* out of bounds", lambda: ones(3, 2)[7]),
        (DTypeError, r"a Tensor of shape \(2,\) cannot be compared by < with 'x'$", lambda: ones(2) < "x"),
        (DTypeError, r"a Tensor of shape \(2,\) cannot be compared by >= with None$", lambda: ones(2) >= None),
        (ShapeError, r"a Tensor .* cannot be compared by > with one of shape \(3,\)$", lambda: ones(2) > np.ones(3)),
        (UnsupportedError, r"np\.sum .* with dtype=: sum\(x, axis=None,", lambda: np.sum(ones(2), axis=0, dtype=float)),
        (ShapeError, r"matmul: the shapes \(2, 3\) and \(2, 3\) do not fit", lambda: ones(2, 3) @ ones(2, 3)),
        (ShapeError, r"matmul: the shapes \(\) and \(3,\)", lambda: ones() @ np.ones(3)),
        (ShapeError, r"matmul of \(2, 2, 3\), \(3, 3, 2\)", lambda: ones(2, 2, 3) @ ones(3, 3, 2)),
        (ShapeError, r"sum of \(2, 3\): axis 5 is out of bounds", lambda: ones(2, 3).sum(axis=5)),
        (
            ShapeError,
            r"reshape: 6 entries of shape \(2, 3\) do not fit the shape \(4, 2\)",
            lambda: ones(2, 3).reshape(4, 2),
        ),
        (ShapeError, r"reshape: 6 entries .* \(-1, -1\)", lambda: ones(2, 3).reshape(-1, -1)),
        (ShapeError, r"axis \(0, 2\) is out of range for an array of 2 axes", lambda: ones(2, 3).transpose(0, 2)),
        (ShapeError, r"transpose .* 2 axes of shape \(2, 3\) once,.* \(0, 0\)$", lambda: ones(2, 3).transpose(0, 0)),
        (
            ShapeError,
            r"transpose takes each of the 3 axes .* such as transpose\(2, 1, 0\), .* swapaxes\(-2, -1\) swaps two$",
            lambda: ones(2, 3, 4).transpose(-2, -1),
        ),
        (ShapeError, r"swapaxes of \(2, 3\): axis 2 is out of range", lambda: ones(2, 3).swapaxes(0, 2)),
        (ShapeError, r"axis 4 is out of range", lambda: np.moveaxis(ones(2, 3), 4, 0)),
        (ShapeError, r"moveaxis: 2 axes do not fit 1 places", lambda: np.moveaxis(ones(2, 3), (0, 1), 0)),
        (ShapeError, r"concatenate of \(2, 3\), \(2, 2\)", lambda: np.concatenate([ones(2, 3), ones(2, 2)])),
        (ShapeError, r"stack of \(3,\), \(2,\)", lambda: np.stack([ones(3), ones(2)])),
        (ShapeError, r"max of \(0,\): zero-size", lambda: Tensor([]).max()),
        (ShapeError, r"einsum 'ij,jk' names 2 operands, but was given 1", lambda: np.einsum("ij,jk", ones(2, 2))),
        (ShapeError, r"einsum '...i->i' has no '...' on the right", lambda: np.einsum("...i->i", ones(2, 2))),
        (ShapeError, r"einsum of \(2, 3\), \(2, 2\)", lambda: np.einsum("ij,jk", ones(2, 3), ones(2, 2))),
        (ArgumentError, r"inv of \(2, 2\): Singular matrix", lambda: np.linalg.inv(ones(2, 2))),
        (ArgumentError, r"det of \(2, 3\): .*square", lambda: np.linalg.det(ones(2, 3))),
        (
            BackwardError,
            r"backward\(\) from a Tensor of shape \(2,\) needs its gradient",
            lambda: (ones(2) * 2).backward(),
        ),
        (
            BackwardError,
            r"backward\(gradient\) needs the shape of the Tensor, \(2,\), but was given \(3,\)",
            lambda: ones(2).backward(np.ones(3)),
        ),
        (
            BackwardError,
            r"backward\(\) starts from a node that needs no gradient \(a leaf labelled 'n'\)",
            lambda: Tensor([1], label="n").backward(),
        ),
        (BackwardError, r"backward\(\) starts from a node that needs no", lambda: (Tensor([1]) * 2.5).backward()),
        (ShapeError, r"item\(\) takes a Tensor of one element, but this one has shape \(2,\)", lambda: ones(2).item()),
        (ShapeError, r"item\(\) takes a Tensor of one element", lambda: float(ones(2))),
        (ShapeError, r"the truth of a Tensor of shape \(2,\) is ambiguous", lambda: bool(ones(2))),
        (TypeError, r"len\(\) of a Tensor of shape \(\)", lambda: len(ones())),
        (TypeError, r"a Tensor of shape \(\) cannot be iterated over", lambda: list(ones())),
        (UnsupportedError, r"a Tensor's entries cannot be assigned", lambda: ones(1).__setitem__(0, 2.0)),
    ],
)  # fmt: skip
def test_bad_input_is_answered_in_a_sentence(kind, sentence, wrong):
    with pytest.raises(kind, match=rf"^{sentence}") as info:
        wrong()
    assert isinstance(info.value, TinygradEduError)
    assert "\n" not in str(info.value)


def test_a_single_number_is_not_iterable_for_numpy_and_matplotlib():
    t = Tensor([3.0, 1.0], requires_grad=False)
    assert not np.iterable(t[0])
    assert Figure().subplots().hist(t, bins=2)[0].tolist() == [1.0, 1.0]


def test_a_transpose_of_a_matrix_that_changes_nothing_warns():
    for axes in ((0, 1), (-2, -1)):
        with pytest.warns(UserWarning, match=r"changes nothing: as in NumPy, .* Write x\.T to swap the two") as warned:
            assert ones(2, 3).transpose(*axes).shape == (2, 3)
        assert warned[0].filename == __file__
    assert ones(2, 3).transpose((0, 1)).shape == np.transpose(ones(2, 3), (0, 1)).shape == (2, 3)
    assert ones(2, 3).transpose(1, 0).shape == ones(2, 3).transpose(-1, 0).shape == (3, 2)


def test_a_gradient_of_another_type_takes_that_of_the_data():
    for numbers in ([1, 2], np.array([1, 2]), np.array([1.0, 2.0]), Tensor([1.0, 2.0])):
        p = Tensor(np.zeros(2, np.float32))
        p.grad = numbers
        assert p.grad.dtype == np.float32
        assert np.asarray(getattr(p.grad, "data", p.grad)).tolist() == [1.0, 2.0]
    n = Tensor([1, 2])
    n.data = [3.0, 4.0]  # whole numbers
    assert (n.dtype, n.tolist()) == (np.int64, [3, 4])


def test_an_index_that_is_out_of_range_is_an_index_error():
    with pytest.raises(IndexError, match="index 5 is out of bounds for axis 0 with size 2"):
        Tensor([1.0, 2.0])[5]
    with pytest.raises(IndexError, match="too many indices"):
        Tensor([1.0, 2.0])[0, 0]


def test_data_of_another_type_of_floats_gives_the_leaf_that_type():
    p = Tensor([1.0, 2.0])
    p.grad = [3.0, 4.0]
    p.data = p.data.astype(np.float32)
    assert p.dtype == p.grad.dtype == (p * 2).dtype == np.float32
    p.data = [1, 2]  # numbers without a type of floats take the leaf's
    assert p.dtype == np.float32
    p.data = np.array([1, 2])
    assert p.dtype == np.float32


@pytest.mark.parametrize("size", [10, 10_000])
def test_an_array_that_nobody_holds_any_more_is_no_longer_checked(size):
    t = Tensor(np.zeros(size))
    view = t.data[1:]
    t.detect_writes()
    assert t._checksum is not None
    now = t.stamp
    view[0] = 1.0
    t.detect_writes()
    assert t.stamp > now
    del view
    t.detect_writes()
    assert t._checksum is None


# --- other libraries ---


def test_a_detached_tensor_goes_to_another_library_by_dlpack(torch):
    t = Tensor(np.arange(6.0).reshape(2, 3))
    theirs = torch.from_dlpack(t.detach())
    assert theirs.tolist() == t.data.tolist()
    theirs[0, 0] = 9.0  # a copy: it changes nothing here
    assert t.data[0, 0] == 0.0
    np.testing.assert_array_equal(np.from_dlpack((t * 2).detach()), t.data * 2)
    assert torch.from_dlpack(Tensor(np.array([1, 2]))).tolist() == [1, 2]
    with pytest.raises(BufferError, match=r"would lose it in another library: pass t\.detach\(\)"):
        torch.from_dlpack(t)


@pytest.mark.parametrize("compiled", [False, True])
@pytest.mark.parametrize("numbers", [[1, 2], [True, False]])
@pytest.mark.parametrize("factor", [2.5, 2])
def test_integers_that_are_told_to_need_a_gradient_are_refused_and_not_rounded(numbers, factor, compiled):
    t = Tensor(numbers)
    t.requires_grad = True

    def step():
        (t * factor).sum().backward()

    with pytest.raises(DTypeError, match=r"fractions.* Tensor\(x.astype\(float\)\)"):
        (tinygrad_edu.compile(step) if compiled else step)()
    assert t.grad is None
