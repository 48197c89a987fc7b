"""`vectorize`: a function of one sample over columns gives what a loop over the samples gives."""

import random
import re
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

import tinygrad_edu
import viz
from tinygrad_edu import Tensor, Value, nn
from tinygrad_edu.compiler import CompileError, RecordingError
from tinygrad_edu.errors import AnomalyError

RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(20, 2)), np.sign(RNG.normal(size=20))


def in_a_loop(function, columns, parameters):
    """The mean over the samples and its gradients, one Value at a time."""
    for p in parameters:
        p.grad = 0.0
    samples = zip(*(column.tolist() for column in columns), strict=True)
    losses = [function(*map(Value, sample)) for sample in samples]
    (sum(losses, Value(0.0)) / len(losses)).backward()
    gradients = [p.grad for p in parameters]
    for p in parameters:
        p.grad = 0.0
    return [loss.data for loss in losses], gradients


def assert_like_a_loop(function, columns, parameters):
    expected, gradients = in_a_loop(function, columns, parameters)
    compiled = tinygrad_edu.vectorize(function)
    losses = compiled(*columns)
    losses.mean().backward()
    np.testing.assert_allclose(losses.numpy(), expected, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose([p.grad for p in parameters], gradients, rtol=1e-11, atol=1e-12)
    return compiled


@pytest.mark.parametrize("fused", [True, False])
@pytest.mark.parametrize("activation", ["relu", "tanh"])
def test_a_net_of_scalars_becomes_matrix_products(fused, activation):
    net = nn.scalar.MLP(2, [5, 4, 1], activation=activation, rng=random.Random(0), fused=fused)

    def sample_loss(x1, x2, y):
        return (1 - y * net([x1, x2])).relu()

    compiled = assert_like_a_loop(sample_loss, (X[:, 0], X[:, 1], Y), net.parameters())
    for line in ("@ W1 + b1 ", "z2 = a1 @ W2 + b2 ", "z3 = a2 @ W3 + b3 ", "dW2 = a1.T @ dz2 "):
        assert line in compiled.source


def test_training_goes_on_from_the_values_as_they_are():
    net = nn.scalar.MLP(2, [4, 1], activation="tanh", rng=random.Random(1))
    parameters = net.parameters()
    compiled = tinygrad_edu.vectorize(lambda x1, x2, y: (net([x1, x2]) - y) ** 2)
    losses = []
    for _ in range(30):
        for p in parameters:
            p.grad = 0.0
        loss = compiled(X[:, 0], X[:, 1], Y).mean()
        loss.backward()
        for p in parameters:
            p.data -= 0.1 * p.grad
        losses.append(loss.item())
    assert losses == sorted(losses, reverse=True)


def test_a_first_call_without_gradients_serves_others_with_them():
    w = Value(2.0, "w")
    compiled = tinygrad_edu.vectorize(lambda x: w * x)
    with tinygrad_edu.no_grad():
        assert not compiled(Y).requires_grad
    compiled(Y).sum().backward()
    assert w.grad == pytest.approx(Y.sum())


def test_anomalies_of_samples_are_found():
    w = Value(1.0, "w")
    compiled = tinygrad_edu.vectorize(lambda x: (w * x).log())
    assert compiled([1.0, 0.0]).tolist() == [0.0, -np.inf]
    with tinygrad_edu.detect_anomaly(), pytest.raises(AnomalyError, match=r"(?s)produced -inf .*vectorize\.py, line"):
        compiled([1.0, 0.0])


def test_drawing_within_is_refused():
    own = random.Random(0)
    with pytest.raises(RecordingError, match="draws random numbers from own"):
        tinygrad_edu.vectorize(lambda x: x * own.random())(Y)


def test_columns_may_be_named():
    compiled = tinygrad_edu.vectorize(lambda x, y: x - y * 2)
    assert compiled(Y, y=X[:, 0]).tolist() == compiled(y=X[:, 0], x=Y).tolist() == (Y - X[:, 0] * 2).tolist()


def test_gradients_accumulate_over_calls():
    w = Value(2.0, "w")
    compiled = tinygrad_edu.vectorize(lambda x: w * x)
    for _ in range(2):
        compiled(X[:, 0]).sum().backward()
    assert w.grad == pytest.approx(2 * X[:, 0].sum())


def test_columns_that_require_gradients_get_them():
    w = Value(2.0, "w")
    compiled = tinygrad_edu.vectorize(lambda x, y: (w * x - y) ** 2)
    x = Tensor(X[:, 0])
    compiled(x, Y).sum().backward()
    np.testing.assert_allclose(x.grad, 2 * (2.0 * X[:, 0] - Y) * 2.0)


def test_a_number_outside_that_changes_is_seen():
    factor = 2.0
    compiled = tinygrad_edu.vectorize(lambda x: x * factor)
    assert compiled(np.ones(2)).tolist() == [2.0, 2.0]
    factor = 3.0
    assert compiled(np.ones(2)).tolist() == [3.0, 3.0]


class Rated:
    def __init__(self):
        self.rate = 2.0
        self.weights = [Value(1.0, "u"), Value(2.0, "v")]


def test_what_is_reached_through_objects_and_helpers_is_seen():
    owner, table = Rated(), [1.0, 2.0]

    def helper(x):
        return x * owner.weights[0] * owner.rate + table[1]

    compiled = tinygrad_edu.vectorize(lambda x: helper(x))
    changes = [
        lambda: setattr(owner, "rate", 3.0),
        lambda: table.append(0.5),
        lambda: table.__setitem__(1, 7.0),
        lambda: owner.weights.__setitem__(0, Value(5.0, "w")),
        lambda: setattr(owner.weights[0], "data", 6.0),
    ]
    for change in changes:
        change()
        assert compiled(np.array([1.0, 2.0])).tolist() == [helper(1.0).data, helper(2.0).data]
    compiled(Y).sum().backward()
    assert owner.weights[0].grad == pytest.approx(3.0 * Y.sum())


def test_another_net_under_the_same_name_gets_the_gradients():
    net = nn.scalar.MLP(2, [3, 1], activation="tanh", rng=random.Random(0))
    compiled = tinygrad_edu.vectorize(lambda x1, x2: net([x1, x2]) ** 2)
    compiled(X[:, 0], X[:, 1]).sum().backward()
    net = nn.scalar.MLP(2, [3, 1], activation="tanh", rng=random.Random(1))
    compiled(X[:, 0], X[:, 1]).sum().backward()
    assert all(p.grad for p in net.parameters())


def test_counting_within_is_refused():
    seen = []

    def sample(x):
        seen.append(1)
        return x * 2

    with pytest.raises(RecordingError, match="sample changes seen, which is outside of it"):
        tinygrad_edu.vectorize(sample)(Y)
    assert seen == []


def test_its_program_can_be_seen_and_saved(tmp_path):
    w = Value(2.0, "w")
    compiled = tinygrad_edu.vectorize(lambda x, y: (w * x - y) ** 2)
    compiled(X[:, 0], Y)
    assert next(line for _, line in compiled.listing if line is not None) in compiled.program.lines
    forward = viz.draw(compiled)
    assert "<Drawing of sample: " in repr(forward)
    compiled(X[:, 0], Y).mean().backward()
    assert len(viz.draw(compiled).svg) > len(forward.svg)
    assert "dv1 = " in viz.player(compiled).html
    compiled.save_source(tmp_path / "sample.py")
    run = subprocess.run([sys.executable, str(tmp_path / "sample.py")], capture_output=True, text=True, check=True)
    assert re.fullmatch(r"\[array\(\[.*\]\)\]\s*", run.stdout)


_UNARY = ("tanh", "sigmoid", "relu", "exp", "softplus", "square", "neg")
_BINARY = ("add", "sub", "mul", "maximum")


@given(
    program=st.lists(st.tuples(st.sampled_from(_UNARY + _BINARY), st.integers(0, 99), st.integers(0, 99)), max_size=12)
)
@example(program=[("mul", 0, 2), ("mul", 1, 3), ("add", 5, 6), ("sub", 7, 4)])
@example(program=[("mul", 0, 0), ("add", 5, 5)])
@example(program=[("mul", 2, 3), ("mul", 5, 0), ("mul", 2, 1), ("sub", 6, 7)])
def test_random_programs(program):
    parameters = [Value(0.5, "u"), Value(-0.7, "v"), Value(0.3, "w")]

    def function(x, y):
        known = [x, y, *parameters]
        for name, i, j in program:
            a, b = known[i % len(known)], known[j % len(known)]
            known.append(getattr(a, name)(b) if name in _BINARY else getattr(a, name)())
            if name == "exp":
                known[-1] = known[-1].tanh()
        return sum(known[5:], x * parameters[0]) * 0.25

    assert_like_a_loop(function, (X[:5, 0], X[:5, 1]), parameters)


def test_misuse_is_a_sentence():
    w = Value(1.0, "w")
    with pytest.raises(RecordingError, match="a choice"):
        tinygrad_edu.vectorize(lambda x: x if x > 0 else w * x)(Y)
    with pytest.raises(RecordingError, match="returns one Value"):
        tinygrad_edu.vectorize(lambda x: [x, w])(Y)
    with pytest.raises(CompileError, match="does not depend on the arguments"):
        tinygrad_edu.vectorize(lambda x: w * 2)(Y)
    with pytest.raises(CompileError, match=r"columns of one length, but was given \(20,\), \(3,\)"):
        tinygrad_edu.vectorize(lambda x, y: w * x * y)(Y, Y[:3])
    with pytest.raises(CompileError, match=r"runs over columns of numbers, but x is \['a'\]: pass an array of shape"):
        tinygrad_edu.vectorize(lambda x: w * x)(["a"])
    for bad in ("b", None):
        with pytest.raises(CompileError, match=f"runs over columns of numbers, but y is {bad!r}: pass"):
            tinygrad_edu.vectorize(lambda x, y: w * x * y)(Y, bad)
    with pytest.raises(CompileError, match="no source before its first call"):
        _ = tinygrad_edu.vectorize(lambda x: x).source
    with pytest.raises(CompileError, match="takes a function"):
        tinygrad_edu.vectorize(3)
    compiled = tinygrad_edu.vectorize(lambda x: w * x)
    with pytest.raises(RecordingError, match="is compiled already"):
        tinygrad_edu.compile(lambda x: compiled(x).sum())(Y)
