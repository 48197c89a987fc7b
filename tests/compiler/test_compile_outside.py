"""What a compiled function reads from outside of itself: when it changes, the numbers change, as they do in eager."""

import functools
import importlib
import json
import random
import statistics
import sys
from dataclasses import dataclass
from types import SimpleNamespace

import numpy as np
import pytest

import tinygrad_edu
from tinygrad_edu import Tensor, Value, nn, optim
from tinygrad_edu.compiler import RecordingError
from tinygrad_edu.compiler.record.outside import look_outside

X = np.array([[0.5, -1.0], [2.0, 3.0]])
SCALE, MODE, FLAG, TABLE, WEIGHT = 2.0, "double", True, np.array([1.0, 2.0]), Tensor([1.0, 2.0])
HERE = sys.modules[__name__]


def helper(x):
    return x * SCALE + TABLE


def chosen(x):
    return x * 2 if MODE == "double" else x * 3


def scaled_by(x, owner):
    return x * owner.scale


class Rate:
    shared = 3.0
    table = np.ones(2)

    def __init__(self):
        self.own = 2.0

    @property
    def product(self):
        return self.own * self.shared

    def times(self, x):
        return x * self.product


@dataclass(slots=True)
class Slotted:
    scale: float = 2.0


class Scaled(nn.Module):
    def __init__(self, n=2, seed=0):
        self.linear = nn.Linear(n, 2, rng=seed)
        self.scale, self.squared = 2.0, False

    def forward(self, x):
        y = self.linear(x) * self.scale
        return y * y if self.squared else y


def with_setter():
    factor = 5.0

    def times(x):
        return x * factor

    def put(number):
        nonlocal factor
        factor = number

    return times, put


def world():
    """Everything that the functions below read, new for each test."""
    times, put = with_setter()
    return SimpleNamespace(
        slotted=Slotted(),
        settings=SimpleNamespace(scale=2.0, table=np.ones(2), inner=SimpleNamespace(z=1.0)),
        rate=Rate(),
        net=Scaled(),
        drop=nn.Dropout(0.5, rng=0),
        arrays=[np.ones(2), np.full(2, 3.0)],
        options={"k": 2.0},
        times=times,
        put=put,
        partial=functools.partial(scaled_by, owner=SimpleNamespace(scale=2.0)),
    )


CHANGES = {
    "a helper's number": (lambda w, x: helper(x), lambda w, put: put(HERE, "SCALE", 7.0)),
    "a helper's array": (lambda w, x: helper(x), lambda w, put: put(HERE, "TABLE", np.array([4.0, 5.0]))),
    "an array that a helper reads": (lambda w, x: x * helper(0.0)[0], lambda w, put: TABLE.__setitem__(0, 9.0)),
    "a helper": (lambda w, x: helper(x), lambda w, put: put(HERE, "helper", lambda x: x * 100)),
    "a name": (lambda w, x: chosen(x), lambda w, put: put(HERE, "MODE", "triple")),
    "a flag": (lambda w, x: x if FLAG else -x, lambda w, put: put(HERE, "FLAG", False)),
    "a Tensor": (lambda w, x: x * WEIGHT, lambda w, put: put(HERE, "WEIGHT", Tensor([4.0, 5.0]))),
    "a helper's closure": (lambda w, x: w.times(x), lambda w, put: w.put(6.0)),
    "an attribute": (lambda w, x: x * w.settings.scale, lambda w, put: put(w.settings, "scale", 8.0)),
    "an attribute that a helper reads": (
        lambda w, x: scaled_by(x, w.settings),
        lambda w, put: put(w.settings, "scale", 8.0),
    ),
    "a slot": (lambda w, x: x * w.slotted.scale, lambda w, put: put(w.slotted, "scale", 8.0)),
    "an array's numbers in an attribute": (
        lambda w, x: x * w.settings.table,
        lambda w, put: w.settings.table.__setitem__(0, 8.0),
    ),
    "an array in an attribute": (
        lambda w, x: x * w.settings.table,
        lambda w, put: put(w.settings, "table", np.array([3.0, 5.0])),
    ),
    "an attribute's attribute": (lambda w, x: x * w.settings.inner.z, lambda w, put: put(w.settings.inner, "z", 4.0)),
    "an object in an attribute": (
        lambda w, x: x * w.settings.inner.z,
        lambda w, put: put(w.settings, "inner", SimpleNamespace(z=3.0)),
    ),
    "an attribute that goes": (
        lambda w, x: x * getattr(w.settings, "scale", 1.0) * w.settings.inner.z,
        lambda w, put: delattr(w.settings, "scale"),
    ),
    "an array in a list": (lambda w, x: x + w.arrays[0], lambda w, put: w.arrays.__setitem__(0, np.full(2, 5.0))),
    "the numbers of an array in a list": (lambda w, x: x + w.arrays[1], lambda w, put: w.arrays[1].__setitem__(0, -5)),
    "a longer list": (lambda w, x: sum(w.arrays, x), lambda w, put: w.arrays.append(np.ones(2))),
    "an entry of a dict": (lambda w, x: x * w.options["k"], lambda w, put: w.options.update(k=3.0)),
    "a number behind a property": (lambda w, x: w.rate.times(x), lambda w, put: put(w.rate, "own", 5.0)),
    "a number of a class": (lambda w, x: w.rate.times(x), lambda w, put: put(Rate, "shared", 7.0)),
    "an object's own number instead of its class's": (
        lambda w, x: w.rate.times(x),
        lambda w, put: put(w.rate, "shared", 7.0),
    ),
    "an object's own array instead of its class's": (
        lambda w, x: x * w.rate.table,
        lambda w, put: put(w.rate, "table", np.full(2, 7.0)),
    ),
    "a partial's object": (
        lambda w, x: w.partial(x),
        lambda w, put: put(w.partial.keywords["owner"], "scale", 7.0),
    ),
    "a module's number": (lambda w, x: w.net(x), lambda w, put: put(w.net, "scale", 3.0)),
    "a module's flag": (lambda w, x: w.net(x), lambda w, put: put(w.net, "squared", True)),
    "a module's weight": (lambda w, x: w.net(x), lambda w, put: put(w.net.linear, "weight", Tensor(np.ones((2, 2))))),
    "a module's layer": (lambda w, x: w.net(x), lambda w, put: put(w.net, "linear", nn.Linear(2, 2, rng=5))),
    "a net": (lambda w, x: w.net(x), lambda w, put: put(w, "net", Scaled(seed=3))),
    "the rate of a dropout": (
        lambda w, x: np.mean(w.drop(x[0, 0] * np.ones(2000)) == 0) > 0.7,
        lambda w, put: put(w.drop, "p", 0.9),
    ),
}


@pytest.mark.parametrize("what", CHANGES)
def test_what_changes_outside_is_seen(what, monkeypatch):
    monkeypatch.setattr(HERE, "TABLE", np.array([1.0, 2.0]))
    function, change = CHANGES[what]
    w = world()
    compiled = tinygrad_edu.compile(lambda x: function(w, x))
    before = [np.array(getattr(y, "data", y)) for y in (compiled(X), compiled(X), function(w, X))]
    change(w, monkeypatch.setattr)
    after = [np.array(getattr(y, "data", y)) for y in (compiled(X), function(w, X))]
    assert all(np.array_equal(y, before[0]) for y in before)
    assert np.array_equal(*after)
    assert not np.array_equal(before[0], after[0])


def test_other_modules_are_looked_at_and_libraries_are_not(tmp_path, monkeypatch):
    (tmp_path / "my_settings.py").write_text("RATE = 2.0\n\n\ndef rated(x):\n    return x * RATE\n")
    monkeypatch.syspath_prepend(tmp_path)
    mine = importlib.import_module("my_settings")
    compiled = tinygrad_edu.compile(lambda x: mine.rated(x) + statistics.mean([1.0, 2.0]) * len(json.dumps("x")))
    assert np.array_equal(compiled(X), X * 2 + 4.5)
    mine.RATE = 3.0
    assert np.array_equal(compiled(X), X * 3 + 4.5)
    assert len(look_outside(compiled.__wrapped__, [])[0]) < 10


def test_an_object_among_the_arguments_is_looked_at():
    compiled = tinygrad_edu.compile(scaled_by)
    owner = SimpleNamespace(scale=2.0)
    owner_of_it = Rate()
    owner_of_it.scale = 3.0
    assert compiled(X, owner_of_it)[0, 0] == 1.5
    owner_of_it.scale = 4.0
    assert compiled(X, owner_of_it)[0, 0] == 2.0
    with pytest.raises(RecordingError, match="was given SimpleNamespace"):  # which has no hash
        compiled(X, owner)


def test_a_cell_of_a_notebook_that_is_run_again_trains_the_new_net():
    def cell(seed):
        model = nn.MLP(2, [2], rng=seed)
        return model, optim.SGD(model.parameters(), lr=0.1)

    model, optimizer = cell(0)

    @tinygrad_edu.compile
    def step(x, y):
        loss = nn.functional.cross_entropy(model(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss

    y = np.array([0, 1])
    step(X, y)
    step(X, y)
    old = [p.numpy() for p in model.parameters()]
    first, (model, optimizer) = model, cell(1)
    start = [p.numpy() for p in model.parameters()]
    step(X, y)
    assert all(np.array_equal(p.data, a) for p, a in zip(first.parameters(), old, strict=True))
    assert not any(np.array_equal(p.data, a) for p, a in zip(model.parameters(), start, strict=True))


def test_nothing_is_recorded_anew_as_long_as_nothing_changes():
    w = world()
    w.net = nn.Sequential(nn.Linear(2, 3, rng=0), nn.BatchNorm1d(3), nn.ReLU(), nn.Dropout(0.5, rng=0), Scaled(3))
    optimizer = optim.Adam(w.net.parameters())

    @tinygrad_edu.compile
    def step(x):
        loss = (w.net(helper(x)) ** 2).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss * w.options["k"] * w.arrays[0].sum() * w.rate.product

    step(X)
    step(X)
    machine = step._latest
    for _ in range(4):
        step(X)
    assert step._latest is machine


# --- side effects -------------------------------------------------------------------------------------------------

COUNTER, SEEN = 0, []


def test_a_function_that_counts_or_collects_is_refused_and_changes_nothing():
    def collect(x):
        SEEN.append("x")
        return x * 2

    def total(x):
        global COUNTER
        COUNTER += 1
        return x * 2

    rate = Rate()

    def change(x):
        rate.own += 1
        return x * 2

    def shadow(x):
        rate.shared += 1
        return x * 2

    faults = ((collect, "SEEN"), (total, "COUNTER"), (change, "rate.own"), (shadow, "rate.shared"))
    for function, what in faults:
        with pytest.raises(RecordingError, match=rf"^{function.__name__} changes {what}, which is outside of it"):
            tinygrad_edu.compile(function)(X)
    assert (SEEN, COUNTER, rate.own, rate.shared) == ([], 0, 2.0, 3.0)


def test_what_is_made_at_the_first_call_is_no_side_effect():
    made = SimpleNamespace(W=None)

    @tinygrad_edu.compile
    def forward(x):
        if made.W is None:
            made.W = Tensor(np.eye(2))
        return x @ made.W

    for _ in range(3):
        assert np.array_equal(forward(X).numpy(), X)
    made.W.data = np.eye(2) * 2
    assert np.array_equal(forward(X).numpy(), 2 * X)


def test_the_first_call_of_a_net_is_recorded_for_good():
    net = nn.Sequential(nn.Linear(2, 3, rng=0), nn.Tanh(), Scaled(3))
    forward = tinygrad_edu.compile(lambda x: net(x))
    forward(X)
    machine = forward._latest
    forward(X)
    assert forward._latest is machine
    neuron = nn.scalar.MLP(2, [3, 1], activation="tanh", rng=random.Random(0))
    scalar = tinygrad_edu.compile(lambda a, b: neuron([a, b]))
    scalar(Value(1.0), Value(2.0))
    machine = scalar._latest
    scalar(Value(3.0), Value(4.0))
    assert scalar._latest is machine


def test_numbers_drawn_past_the_recorder_are_refused_and_given_back():
    rng, own = np.random.default_rng(0), random.Random(0)
    sources = {
        "rng": lambda x: x + rng.normal(size=2),
        "own": lambda x: x * own.random(),
        "np.random": lambda x: x + np.random.normal(size=2),  # noqa: NPY002 what people write
        "the module random": lambda x: x * random.random(),
    }
    for called, function in sources.items():
        before = rng.bit_generator.state, own.getstate(), random.getstate()
        with pytest.raises(RecordingError, match=f"draws random numbers from {called}, .* pass them as an argument"):
            tinygrad_edu.compile(function)(X)
        assert before == (rng.bit_generator.state, own.getstate(), random.getstate())


def test_a_generator_among_the_arguments_is_refused():
    with pytest.raises(RecordingError, match="draws random numbers from an argument"):
        tinygrad_edu.compile(lambda x, rng: x + rng.normal(size=2))(X, np.random.default_rng(0))


def test_a_layer_that_draws_shares_its_generator_with_whoever_calls():
    rng, twin = np.random.default_rng(0), np.random.default_rng(0)
    drop = nn.Dropout(0.5, rng=rng)
    other = nn.Dropout(0.5, rng=twin)
    compiled = tinygrad_edu.compile(lambda x: drop(x) * (rng is not None))
    for _ in range(4):
        assert np.array_equal(compiled(X), other(X))
        assert rng.normal() == twin.normal()


def test_a_dict_that_is_filled_once_is_a_cache_and_one_that_counts_is_refused():
    cache, counts = {}, {"n": 0}

    def cached(x):
        if "W" not in cache:
            cache["W"] = Tensor(np.eye(2))
        return x @ cache["W"]

    def counted(x):
        counts["n"] += 1
        return x * 2

    forward = tinygrad_edu.compile(cached)
    assert all(np.array_equal(forward(X).numpy(), X) for _ in range(3))
    with pytest.raises(RecordingError, match="counted changes counts"):
        tinygrad_edu.compile(counted)(X)
    assert counts == {"n": 0}


def test_an_array_outside_is_neither_replaced_nor_written():
    owner = SimpleNamespace(mean=np.zeros(2))
    mean = owner.mean

    def replaced(x):
        owner.mean = 0.9 * owner.mean + 0.1 * x.mean(axis=0)
        return owner.mean * 1

    def written(x):
        owner.mean[:] = 0.5
        return x * owner.mean

    def added(x):
        owner.mean += x.mean(axis=0)
        return x * 1

    with pytest.raises(RecordingError, match=r"keeps .* outside of itself"):
        tinygrad_edu.compile(replaced)(X)
    assert owner.mean is mean
    with pytest.raises(RecordingError, match=r"written writes into owner\.mean, which is outside of it"):
        tinygrad_edu.compile(written)(X)
    with pytest.raises(RecordingError, match=r"np\.add cannot be compiled in this form: call it without out="):
        tinygrad_edu.compile(added)(X)


@pytest.mark.parametrize("learns", [True, False])
def test_labels_outside_may_be_written_to_and_exchanged(learns):
    x = np.array([[0.5, -1.0], [2.0, 3.0], [1.0, 1.0]])
    labels = np.array([0, 1, 1])

    def make():
        net = nn.Linear(2, 3, rng=0)
        optimizer = optim.SGD(net.parameters(), lr=0.1)

        def step(x):
            loss = nn.functional.cross_entropy(net(x), labels)
            if learns:
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
            return loss

        return step

    compiled, eager = tinygrad_edu.compile(make()), make()
    for change in (None, None, "write", None, "exchange", None):
        if change == "write":
            labels[:] = 2
        elif change == "exchange":
            labels = np.array([2, 1, 0])
        assert compiled(x).item() == pytest.approx(eager(x).item(), rel=1e-12)


LINEAR_IN_WEIGHTS = {
    "product": lambda w, A: (w * A).sum(),
    "a view": lambda w, A: (w * A[::-1]).sum(),
    "another axis": lambda w, A: (np.ones((2, 3)) * w * A[None, :]).sum(),
    "quotient": lambda w, A: (w / A).sum(),
    "power": lambda w, A: (w**A).sum(),
    "matmul": lambda w, A: w @ A,
    "outer": lambda w, A: np.outer(w, A).sum(),
    "einsum": lambda w, A: np.einsum("i,i->", w, A),
    "cumsum": lambda w, A: (np.cumsum(w) * A).sum(),
    "a Tensor": lambda w, A: (w * Tensor(A, requires_grad=False)).sum(),
    "a constant, twice": lambda w, A: (w * (Tensor(A, requires_grad=False) * 2) + w * A).sum(),
    "weights of a loss": lambda w, A: nn.functional.binary_cross_entropy_with_logits(w, np.ones(3), weight=A),
    "prelu": lambda w, A: nn.functional.prelu(-w * np.ones((2, 3)), A).sum(),
}


@pytest.mark.parametrize("loss", LINEAR_IN_WEIGHTS.values(), ids=LINEAR_IN_WEIGHTS.keys())
def test_a_gradient_follows_an_array_outside_that_is_written_to(loss):
    w, weights = Tensor([0.5, 1.5, 2.0]), np.array([1.0, 1.5, 2.5])

    def step():
        w.grad = None
        y = loss(w, weights)
        y.backward()
        return y, w.grad

    compiled = tinygrad_edu.compile(step)
    for change in (None, None, None, 4.0, None, 7.0):
        if change:
            weights[0] = change
        y, gradient = compiled()
        expected_y, expected = step()
        assert y.item() == pytest.approx(expected_y.item(), rel=1e-12)
        np.testing.assert_allclose(gradient, expected, rtol=1e-12)


class Scaling(nn.Module):
    def __init__(self):
        self.w = Tensor([1.0, 2.0])

    def scaled(self, x):
        return x * self.w

    def forward(self, x):
        return self.scaled(x)


@pytest.mark.parametrize("make", [lambda: nn.Linear(2, 1, rng=0), Scaling], ids=["layer of the library", "own layer"])
def test_a_method_that_an_object_is_given_replaces_the_one_of_its_class(make):
    layer = make()
    net = nn.Sequential(layer, nn.ReLU())
    compiled = tinygrad_edu.compile(lambda x: net(x).sum())

    def agree():
        assert compiled(X).item() == pytest.approx(net(X).sum().item(), rel=1e-12)

    for _ in range(3):
        agree()
    for factor in (2.0, 3.0):
        layer.forward = lambda x, factor=factor: x * layer.parameters()[0].sum() * factor
        agree()
        agree()
    del layer.forward
    agree()
    if isinstance(layer, Scaling):
        layer.scaled = lambda x: x * layer.w * 5.0
        agree()


def test_a_step_that_an_optimizer_is_given_replaces_its_own():
    w = Tensor([1.0, 2.0])
    optimizer = optim.SGD([w], lr=0.1)

    @tinygrad_edu.compile
    def step(x):
        optimizer.zero_grad()
        loss = (x * w).sum()
        loss.backward()
        optimizer.step()
        return loss

    for _ in range(3):
        step(X)
    before = w.numpy()
    optimizer.step = lambda: None
    step(X)
    np.testing.assert_array_equal(w.numpy(), before)


def assigned_again(s, x, start):
    s.data = start
    s.data = x * 2


def assigned_and_read(s, x, start):
    s.data = start * 3
    s.data = (s * 2 + x).data


def assigned_and_trained(s, x, start):
    s.data = start * 3
    s.grad = None
    (s * s * x).sum().backward()
    optim.SGD([s], lr=0.1).step()


@pytest.mark.parametrize("change", [assigned_again, assigned_and_read, assigned_and_trained])
def test_a_parameter_that_is_assigned_an_array_from_outside_may_be_read_and_assigned_again(change):
    def made(compiled):
        s, start = Tensor(np.arange(3.0) + 5), np.arange(3.0)

        def step(x):
            y = s * x
            change(s, x, start)
            return y

        return tinygrad_edu.compile(step) if compiled else step, s, start

    (own, s, start), (eager, t, other) = made(True), made(False)
    for i in range(4):
        start += i // 2
        other += i // 2
        np.testing.assert_array_equal(own(np.full(3, 1.0 + i)).data, eager(np.full(3, 1.0 + i)).data)
        np.testing.assert_array_equal(s.data, t.data)
