"""Where the compiler puts arrays: other orders in memory, and the same numbers."""

import copy
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinygrad_edu
from tests.compiler.test_compile import OPTIMIZERS, Training, assert_close
from tinygrad_edu import Tensor, nn, optim
from tinygrad_edu.compiler.run.buffers import Memory
from tinygrad_edu.errors import ArgumentError
from tinygrad_edu.speed import blas

NARROW, EDGE, WIDE = 10, 63, 64


def data(rows, columns, classes, dtype=np.float64, seed=0):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(rows, columns)).astype(dtype), rng.integers(0, classes, rows)


@pytest.mark.parametrize("copied", [lambda a: a.copy(), lambda a: a.copy("F"), lambda a: a.copy(order="K")])
def test_a_copy_in_another_order_has_the_bits_of_the_function(copied):
    """The mean over a transposed array and over its copy are rounded differently."""
    rng = np.random.default_rng(0)
    W, x = Tensor(rng.normal(size=(20, 20))), rng.normal(size=(16, 4, 20))

    def mean(x):
        return np.mean(copied((Tensor(x) @ W).swapaxes(1, 2).data), axis=(0, 2))

    compiled = tinygrad_edu.compile(mean)
    assert compiled(x).tobytes() == mean(x).tobytes()
    assert "mean" in compiled.source  # which is refused if it does not give the same bits
    np.testing.assert_allclose(compiled(x), mean(x), rtol=1e-12, atol=1e-15)


def test_batch_normalization_of_a_transposed_array_compiles_to_its_source():
    norm, x = nn.BatchNorm1d(20), np.random.default_rng(0).normal(size=(16, 4, 20))
    linear = nn.Linear(20, 20, bias=False, rng=0)
    step = tinygrad_edu.compile(lambda x: norm(linear(x).swapaxes(1, 2)).swapaxes(1, 2).sum())
    step(x)
    step(x)
    assert "running_mean +=" in step.source


def twins(sizes, columns, dtype=np.float64, optimizer="plain", **options):
    """The same training, compiled and eager."""
    nets = [nn.MLP(columns, sizes, dtype=dtype, rng=0, **options) for _ in range(2)]
    return [Training(compiled, OPTIMIZERS[optimizer], net) for compiled, net in zip((True, False), nets, strict=True)]


@given(
    columns=st.sampled_from([3, 20, WIDE, 200]),
    sizes=st.lists(st.sampled_from([2, NARROW, EDGE, WIDE, 100]), min_size=1, max_size=4),
    rows=st.sampled_from([1, 2, NARROW, WIDE, 100]),  # as many, too, as a weight has rows
    activation=st.sampled_from(["relu", "tanh", "gelu", "softplus"]),
    optimizer=st.sampled_from(["plain", "nesterov", "adam"]),
)
def test_in_whatever_order_layers_are_stored_training_is_that_of_eager(columns, sizes, rows, activation, optimizer):
    own, eager = twins(sizes, columns, optimizer=optimizer, activation=activation)
    for seed in range(4):
        batch = data(rows, columns, sizes[-1], seed=seed)
        np.testing.assert_allclose(own.step(*batch).item(), eager.step(*batch).item(), rtol=1e-10)
    assert_close(own.numbers(), eager.numbers(), rtol=1e-8)
    assert_close([p.grad for p in own.net.parameters()], [p.grad for p in eager.net.parameters()], rtol=1e-8)


@pytest.mark.parametrize("bias", [None, np.ones(WIDE), Tensor(np.ones(WIDE))])
def test_a_product_with_a_constant_matrix_stands_between_layers(bias):
    def training(compiled):
        first, last = nn.Linear(20, WIDE, rng=0), nn.Linear(WIDE, 2, rng=1)
        return Training(compiled, net=nn.Sequential(first, nn.ReLU(), Mixed(copy.copy(bias)), nn.Tanh(), last))

    own, eager = training(True), training(False)
    for seed in range(3):
        batch = data(5, 20, 2, seed=seed)
        np.testing.assert_allclose(own.step(*batch).item(), eager.step(*batch).item(), rtol=1e-12)
    assert_close(own.numbers(), eager.numbers())


# --- values from before an update, and from after it -----------------------------------------------------------------


def results(make, calls=4):
    """What eager and compiled calls return, looked at after the last."""
    pairs = []
    for compiled in (False, True):
        function = tinygrad_edu.compile(make()) if compiled else make()
        pairs.append([function(np.array([1.0, 3.0])) for _ in range(calls)])
    return pairs


def assert_equal_results(make):
    eager, own = results(make)
    for expected, found in zip(eager, own, strict=True):
        for a, b in zip(expected, found, strict=True):
            a, b = (x.numpy() if isinstance(x, Tensor) else x for x in (a, b))
            np.testing.assert_allclose(b, a, rtol=1e-12)


def updating(p, take, after=lambda p, before: (before,)):
    """A training step that takes something of the parameter before its update, and something after it."""
    optimizer = optim.SGD([p], lr=0.1)

    def step(x):
        optimizer.zero_grad()
        (p * x).sum().backward()
        before = take(p)
        optimizer.step()
        return after(p, before)

    return step


@pytest.mark.parametrize("data", [0.5, [1.0, 2.0], [[1.0, 2.0], [3.0, 4.0]]])
@pytest.mark.parametrize(
    "take",
    [
        lambda p: p * 1.0,
        lambda p: p.data.copy(),
        lambda p: p.reshape(-1, 1).detach(),
        lambda p: p.data.T.copy(),
        lambda p: (p * 1.0).T.data.copy(),
        lambda p: (p * 1.0).reshape(-1) * 1.0,
    ],
)
def test_a_value_from_before_an_update_stays_what_it_was(take, data):
    assert_equal_results(lambda: updating(Tensor(data), take))


@pytest.mark.parametrize("data", [0.5, [1.0, 2.0]])
def test_results_are_not_the_memory_of_parameters(data):
    step = tinygrad_edu.compile(updating(Tensor(data), lambda p: p * 2.0, lambda p, before: (before, p * 1.0)))
    kept = [step(np.array([1.0, 3.0])) for _ in range(3)]
    copies = [[x.numpy().copy() for x in pair] for pair in kept]
    step(np.array([1.0, 3.0]))
    for pair, others in zip(kept, copies, strict=True):
        for x, other in zip(pair, others, strict=True):
            assert np.array_equal(x.numpy(), other)


def test_a_gradient_that_equals_another_parameter_is_not_its_memory():
    def gradients(compiled):
        p, q = Tensor(2.0), Tensor(3.0)
        optimizer = optim.SGD([p, q], lr=0.1)

        def step(x):
            optimizer.zero_grad()
            loss = p * q
            loss.backward()
            optimizer.step()
            return loss * x

        step = tinygrad_edu.compile(step) if compiled else step
        for _ in range(3):
            step(np.ones(1))
            yield p.grad.item(), q.grad.item()

    assert [*gradients(True)] == [*gradients(False)]


def test_parameters_may_change_places():
    def swapping():
        p, q = Tensor([1.0, 2.0]), Tensor([3.0, 4.0])

        def step(x):
            p.data, q.data = q.data * 1.0, p.data * 1.0
            return p * x, q * x

        return step

    assert_equal_results(swapping)


@pytest.mark.parametrize("data", [0.5, [1.0, 2.0]])
def test_parameters_that_are_updated_together_may_be_returned(data):
    def stepping():
        ps = [Tensor(data), Tensor(data)]
        optimizer = optim.SGD(ps, lr=0.1, momentum=0.9)

        def step(x):
            optimizer.zero_grad()
            (ps[0] * ps[1] * x).sum().backward()
            optimizer.step()
            return ps[0] * 1.0, ps[1].data.copy()

        return step

    assert_equal_results(stepping)


def test_parameters_that_are_updated_together_may_change_places_afterwards():
    def stepping():
        ps = [Tensor([1.0, 2.0]), Tensor([3.0, 4.0])]
        optimizer = optim.SGD(ps, lr=0.1)

        def step(x):
            before = [p * 2.0 for p in ps]
            optimizer.zero_grad()
            (ps[0] * ps[1] * x).sum().backward()
            optimizer.step()
            ps[0].data, ps[1].data = ps[1].data * 1.0, ps[0].data * 1.0
            return before

        return step

    assert_equal_results(stepping)


@pytest.mark.parametrize(
    "new",
    [
        lambda data, x: np.array([[0.0, -1.0], [1.0, 0.5]]) @ data,
        lambda data, x: data @ data * 0.1,
        lambda data, x: data + data.T * x,
        lambda data, x: data * data[:, :1],
        lambda data, x: data[::-1] + x,
    ],
)
def test_an_update_may_read_what_it_overwrites_otherwise_than_entry_by_entry(new):
    def stepping():
        p = Tensor([[1.0, 2.0], [3.0, 5.0]])

        def step(x):
            turned, before = p.data.T, p.data.T * 1.0
            p.data = new(p.data, x)
            return p.data - before, p.data - turned

        return step

    assert_equal_results(stepping)


@pytest.mark.parametrize(
    "look",
    [
        np.atleast_2d,
        np.flipud,
        np.real,
        np.matrix_transpose,
        np.diag,
        lambda a: np.rollaxis(a, 1),
        lambda a: np.einsum("ij->ji", a),
        lambda a: np.einsum("ii->i", a),
        lambda a: np.nan_to_num(a, copy=False),
        lambda a: np.diag(np.flipud(np.exp(a))),
    ],
)
def test_memory_is_kept_for_whatever_looks_into_it(look):
    def looking():
        def f(x):
            a = np.outer(x, x) * 2.0
            seen = look(a)
            return np.exp((a + 1.0) * 0.1), seen.sum(), seen * 3.0

        return f

    assert_equal_results(looking)


@pytest.mark.parametrize("look", [np.flipud, np.atleast_2d, lambda a: np.einsum("ij->ji", a)])
def test_what_is_seen_of_a_parameter_before_its_update_stays_what_it_was(look):
    data = [[1.0, 2.0], [3.0, 4.0]]
    assert_equal_results(lambda: updating(Tensor(data), lambda p: look(p.data * 1.0)))
    assert_equal_results(lambda: updating(Tensor(data), lambda p: look(p.data * 1.0), lambda p, seen: (p.data - seen,)))


class Turned(nn.Module):
    """Its gradients come as a view, by an addition at indices, and by a sum."""

    def __init__(self):
        rng = np.random.default_rng(0)
        self.table, self.W, self.b = (Tensor(rng.standard_normal(shape)) for shape in ((5, 3), (2, 3), (2,)))

    def forward(self, x):
        return self.table[(x[:, 0] > 0).astype(int)] @ self.W.T + self.b


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_parameters_are_updated_by_one_call_though_some_gradients_must_be_copied(optimizer):
    own, eager = (Training(compiled, OPTIMIZERS[optimizer], Turned()) for compiled in (True, False))
    for seed in range(4):
        batch = data(6, 2, 2, np.float64, seed=seed)
        own.step(*batch)
        eager.step(*batch)
        assert_close(own.numbers(), eager.numbers())


def test_a_step_of_adam_takes_one_square_root_for_all_parameters():
    own = Training(True, OPTIMIZERS["adam"], Turned())
    own.step(*data(6, 2, 2, np.float64))
    code = own.step.optimized_source
    assert len(re.findall(r"^    \w+\[\.\.\.\] = ", code, re.MULTILINE)) == 2
    assert len(re.findall(r"^    sqrt_\(", code, re.MULTILINE)) == 1


# --- layers ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("activation", [None, nn.ReLU, nn.Tanh])
@pytest.mark.parametrize("biases", [(True, True, True), (False, True, True), (True, False, True)])
def test_linear_layers_may_follow_one_another(biases, activation, dtype):
    """What one layer computes may lie beside the column of ones of the next."""

    def training(compiled):
        layers = []
        for i, bias in enumerate(biases):
            layers += [activation()] if i and activation else []
            layers.append(nn.Linear(*widths[i : i + 2], bias=bias, dtype=dtype, rng=i))
        return Training(compiled, net=nn.Sequential(*layers))

    for widths in [(3, 64, 2, 2), (3, 1, 70, 2), (70, 65, 63, 3), (2, 64, 64, 64), (70, 70, 70, 1)]:
        for rows in (1, 7, 65):
            own, eager = training(True), training(False)
            for seed in range(3):
                batch = data(rows, widths[0], widths[-1], dtype, seed=seed)
                own.step(*batch)
                eager.step(*batch)
            close = {"rtol": 1e-9} if dtype is np.float64 else {"rtol": 1e-4, "atol": 1e-5}
            for mine, other in zip(own.numbers(), eager.numbers(), strict=True):
                np.testing.assert_allclose(mine, other, **close)


class Mixed(nn.Module):
    """The columns of the input mixed by a matrix that is not trained, nor kept."""

    def __init__(self, bias):
        self.bias = bias

    def forward(self, x):
        mixed = x @ np.tri(x.shape[1])
        return mixed if self.bias is None else mixed + self.bias


def test_wide_layers_are_computed_row_by_row_and_narrow_ones_column_by_column():
    own, _ = twins([WIDE, EDGE, 2], 20, np.float32, activation="relu")
    own.step(*data(4, 20, 2, np.float32))
    code = own.step.optimized_source
    orders = dict(re.findall(r'^(z\d) = np\.empty\(\(4, \d+\), np\.float32(, order="F")?\)', code, re.MULTILINE))
    assert orders == {"z1": "", "z2": ', order="F"', "z3": ', order="F"'}


@pytest.mark.parametrize("copied", [True, False])  # the pictures, to stand beside a column of ones
def test_a_large_product_may_be_made_some_rows_at_a_time(copied, monkeypatch):
    monkeypatch.setattr(blas, "multiplies_in_place", lambda: True)
    rows, sizes = (20, [300, 256, 128, 2]) if copied else (67, [100, 2])
    own, eager = twins(sizes, 784, np.float32, activation="relu")
    for seed in range(3):
        batch = data(rows, 784, 2, np.float32, seed=seed)
        np.testing.assert_allclose(own.step(*batch).item(), eager.step(*batch).item(), rtol=1e-5)
    for p, q in zip(own.numbers(), eager.numbers(), strict=True):
        np.testing.assert_allclose(p, q, rtol=1e-3, atol=1e-6)
    assert len(re.findall(r"\bdot_\(\w+\[\w+_rows\]", own.step.optimized_source)) == (3 if copied else 1)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("shape", [(70, 50), (7, 11, 50), (3, 4, 5, 64)])
@pytest.mark.parametrize("axis", [(-1,), (0,), (0, 1), (0, 1, 2), (1, 2), (0, 2)])
@pytest.mark.parametrize("total", [np.sum, np.mean])
@pytest.mark.parametrize("keepdims", [False, True])
def test_a_sum_over_the_last_axis_or_all_others_is_a_product_with_ones(total, keepdims, axis, shape, dtype):
    axis = tuple(i for i in axis if i < len(shape))
    compiled = tinygrad_edu.compile(lambda x: total(x * 2.0, axis=axis, keepdims=keepdims) + 1.0)
    for seed in range(3):  # recorded, compared, and replayed
        x = np.random.default_rng(seed).standard_normal(shape).astype(dtype)
        found = compiled(x)
        np.testing.assert_allclose(found, total(2 * x, axis=axis, keepdims=keepdims) + 1, rtol=1e-4, atol=1e-5)
        assert found.dtype == dtype
    last = len(shape) - 1
    by_product = {i % len(shape) for i in axis} in ({last}, {*range(last)})
    assert ("dot_(" in compiled.optimized_source) == by_product


def test_sums_of_long_rows_and_of_views_are_numpys_own():
    for sums in (lambda x: (x * 2.0).sum(axis=-1), lambda x: np.transpose(x * 2.0, (0, 2, 1)).sum(axis=-1)):
        compiled = tinygrad_edu.compile(sums)
        x = np.random.default_rng(0).standard_normal((2, 3, 2000))
        for _ in range(3):
            np.testing.assert_allclose(compiled(x), sums(x), rtol=1e-12)
        assert "dot_(" not in compiled.optimized_source


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_mean_by_a_product_is_kept_as_long_as_a_view_of_it_is_read(dtype):
    def training(compiled):
        layers = nn.Linear(5, 64, dtype=dtype, rng=0), nn.BatchNorm1d(64), nn.LayerNorm(64), nn.Linear(64, 2, rng=1)
        return Training(compiled, net=nn.Sequential(*layers).astype(dtype))

    own, eager = training(True), training(False)
    for seed in range(4):
        batch = data(64, 5, 2, dtype, seed=seed)
        own.step(*batch)
        eager.step(*batch)
    assert "divide_(" in own.step.optimized_source
    for mine, other in zip(own.numbers(), eager.numbers(), strict=True):
        np.testing.assert_allclose(mine, other, rtol=1e-4, atol=1e-5)


def test_targets_are_not_checked_where_a_sum_in_another_order_is_compared():
    weights = Tensor(np.random.default_rng(0).standard_normal((64, 64)))

    def loss(x, y):
        z = x @ weights
        z = z - z.mean(axis=0, keepdims=True)
        of_zero = z.mean(axis=0)  # it is a rounding error, so the order of its sum decides it
        return nn.functional.binary_cross_entropy_with_logits(z.mean(axis=1), np.maximum(y, 0.0)), of_zero

    compiled = tinygrad_edu.compile(loss)
    for seed in range(3):
        rng = np.random.default_rng(seed)
        x, y = rng.standard_normal((64, 64)), rng.integers(0, 2, 64).astype(float)
        np.testing.assert_allclose(compiled(x, y)[0].item(), loss(x, y)[0].item(), rtol=1e-12)
    with pytest.raises(ArgumentError, match="targets must lie between 0 and 1"):
        compiled(x, y + 0.5)


@pytest.mark.parametrize("bad", [np.inf, -np.inf, np.nan])
def test_a_sum_as_a_product_keeps_infinities(bad):
    compiled = tinygrad_edu.compile(lambda x: (x * 2.0).sum(axis=-1))
    x = np.ones((64, 64))
    x[3, 5] = bad
    for _ in range(3):
        np.testing.assert_array_equal(compiled(x), (x * 2.0).sum(axis=-1))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_parameters_begin_with_a_line_of_the_cache(dtype):
    own, _ = twins([3, 2], 5, dtype)
    for _ in range(2):  # recorded, and replayed
        own.step(*data(4, 5, 2, dtype))
    assert own.net.parameters()[0].data.ctypes.data % 64 == 0


def test_every_array_of_a_program_begins_with_a_line_of_the_cache():
    memory = Memory()
    blocks = [memory.allocate(size) for size in (1, 100, 1000)]
    assert all(block.ctypes.data % 64 == 0 for block in blocks)
    assert [block.size for block in blocks] == [1, 100, 1000]
