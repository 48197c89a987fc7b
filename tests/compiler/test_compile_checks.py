"""`compile` checks itself: a fault of its code generator, or a number that moves between calls, is never silent."""

import math
import queue
import re
import time
import types
import warnings

import numpy as np
import pytest

import tinygrad_edu
from tinygrad_edu import Tensor, Value, nn, optim
from tinygrad_edu.compiler import CompileError, CompileWarning
from tinygrad_edu.compiler.errors import ReplayError
from tinygrad_edu.compiler.program import Var
from tinygrad_edu.compiler.run.buffers import Arrays
from tinygrad_edu.compiler.run.codegen import Codegen
from tinygrad_edu.compiler.run.frame import Frame
from tinygrad_edu.compiler.write.emit import Writer
from tinygrad_edu.errors import ArgumentError
from tinygrad_edu.graph.node import data_of

X = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
Y = np.array([0, 1, 1, 0])


def training(prepare):
    # The gradient of a bias before BatchNorm is only rounding. Adam would make full steps of it.
    net = nn.Sequential(nn.Linear(2, 4, bias=False, rng=0), nn.BatchNorm1d(4), nn.ReLU(), nn.Linear(4, 2, rng=1))
    optimizer = optim.Adam(net.parameters(), lr=0.1)

    @prepare
    def step(x, y):
        loss = nn.functional.cross_entropy(net(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss

    def numbers():
        state = [entry for part in optimizer.state for entry in part.values()]
        return [*net.state_dict().values(), *(p.grad for p in net.parameters()), *state]

    return step, numbers


# --- faults in the generator ---------------------------------------------------------------------------------------


def other_operand(pen, ufunc, args, out):
    return original_call(pen, ufunc, [args[0], *args[:1] * (len(args) - 1)], out)


original_call = Codegen.call


def nothing_is_kept(arrays, number, line, operands):
    """Take over the memory of an operand, whoever reads it later."""
    operands = [x for x in operands if isinstance(x, Var) and x in arrays.blocks]
    same = [x for x in operands if (x.shape, x.dtype) == (line.out.shape, line.out.dtype)]
    return same[0] if same and line.out not in arrays.stores else None


def updates_are_lost(frame, source, old, name):
    return []


def gradients_are_lost(frame, source, leaf, var):
    return "pass"


def first_result_is_negated(frame):
    rows = original_epilogue(frame)
    return [*rows[:-1], rows[-1].replace("return ", "return -1 * ")]


original_epilogue = Frame.epilogue

FAULTS = {
    "another operand": (Codegen, "call", other_operand),
    "memory taken too early": (Arrays, "reusable", nothing_is_kept),
    "an update that is lost": (Frame, "_new_data", updates_are_lost),
    "a gradient that is lost": (Frame, "_new_gradient", gradients_are_lost),
    "a crash": (Arrays, "reusable", lambda *_: 1 / 0),
    "another result": (Frame, "epilogue", first_result_is_negated),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_in_the_fast_program_costs_speed_and_not_truth(fault, monkeypatch):
    (step, own), (eager, expected) = training(tinygrad_edu.compile), training(lambda f: f)
    if fault == "an update that is lost":
        W, V = Tensor([1.0, 2.0], label="W"), Tensor([1.0, 2.0])

        def change(leaf):
            def run(x, y):
                leaf.data = leaf.data * 0.9
                return (leaf * 2.0).sum()

            return run

        step, own, eager, expected = tinygrad_edu.compile(change(W)), lambda: [W.data], change(V), lambda: [V.data]
    owner, name, planted = FAULTS[fault]
    if fault == "an update that is lost":  # which writes whole updates elsewhere
        monkeypatch.setattr("tinygrad_edu.compiler.run.machine.place_updates", lambda layout, names: None)
    monkeypatch.setattr(owner, name, planted)
    with pytest.warns(CompileWarning, match=r"the fast program of (step|run) is wrong: .* the printed source is run"):
        step(X, Y)
    eager(X, Y)
    for _ in range(3):
        np.testing.assert_allclose(step(X, Y).item(), eager(X, Y).item(), rtol=1e-12)
    for a, b in zip(own(), expected(), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-12)
    assert step.optimized_source == step.source


def test_the_warning_names_the_line_and_both_numbers(monkeypatch):
    monkeypatch.setattr(Codegen, "call", other_operand)
    compiled = tinygrad_edu.compile(lambda x, y: x + 2 * y)
    with pytest.warns(
        CompileWarning, match=r"the result\[0, 0\] is 2\.0 in the function and .*test_compile_checks.py, "
    ):
        compiled(np.zeros((1, 1)), np.ones((1, 1)))


def wrong_sign(writer, line):
    text = original_computed(writer, line)
    text.text = text.text.replace(" + ", " - ")
    return text


original_computed = Writer._computed


def test_a_fault_in_both_makes_the_function_eager(monkeypatch):
    monkeypatch.setattr(Writer, "_computed", wrong_sign)
    monkeypatch.setattr(Codegen, "call", other_operand)
    compiled = tinygrad_edu.compile(lambda x: x * 2.0 + 1.0)
    with pytest.warns(CompileWarning, match="the program of f is wrong: .* the function itself is called from now on"):
        assert np.array_equal(compiled(X), X * 2 + 1)
    for k in range(3):
        assert np.array_equal(compiled(X + k), (X + k) * 2 + 1)
    with pytest.raises(CompileError, match="has no source that gives its numbers"):
        _ = compiled.source


def test_a_fault_in_the_printed_source_refuses_the_source(monkeypatch):
    monkeypatch.setattr(Writer, "_computed", wrong_sign)
    compiled = tinygrad_edu.compile(lambda x: x * 2.0 + 1.0)
    with pytest.warns(CompileWarning, match="the printed source of f is wrong"):
        compiled(X)
    for _ in range(2):
        assert np.array_equal(compiled(X), X * 2 + 1)
    with pytest.raises(CompileError, match="has no source that gives its numbers"):
        _ = compiled.source


# --- the second call --------------------------------------------------------------------------------------------------


def test_a_number_that_moves_with_every_call_is_found_at_the_second():
    clock = types.SimpleNamespace(now=time.perf_counter_ns)
    scale = 3.0
    compiled = tinygrad_edu.compile(lambda x: x * scale * clock.now())
    compiled(X + 1)
    with pytest.raises(
        CompileError, match=r"the result\[\d, \d\] is .* in the function and .* in the program"
    ) as error:
        compiled(X + 1)
    assert "scale = 3.0 (closure)" in str(error.value)


def test_the_numbers_of_the_function_are_kept_when_they_differ():
    own = Tensor([1.0], label="W")

    def halved(x):
        own.data = own.data * float(np.random.RandomState(time.perf_counter_ns() % 2**31).rand())
        return own * x

    compiled = tinygrad_edu.compile(halved)
    compiled(np.ones(1))
    before = own.data.copy()
    with pytest.raises(CompileError, match=r"is .* in the function"):
        compiled(np.ones(1))
    assert not np.array_equal(own.data, before)


@pytest.mark.parametrize(("verify", "calls"), [("first", 2), ("always", 4), ("never", 1)])
def test_when_the_function_itself_is_called(verify, calls, capsys):
    @tinygrad_edu.compile(verify=verify)
    def printing(x):
        print("called")
        return x * 2

    for _ in range(4):
        assert np.array_equal(printing(X), X * 2)
    assert capsys.readouterr().out == "called\n" * calls


def test_settings_are_checked():
    with pytest.raises(ArgumentError, match='verify must be "first", "always" or "never"'):
        tinygrad_edu.compile(lambda x: x, verify="sometimes")
    with pytest.raises(ArgumentError, match="keep must be a whole number"):
        tinygrad_edu.compile(lambda x: x, keep=0)


def test_the_second_call_of_a_training_step_changes_its_state_once():
    (step, own), (eager, expected) = training(tinygrad_edu.compile(verify="always")), training(lambda f: f)
    for _ in range(5):
        assert step(X, Y).item() == pytest.approx(eager(X, Y).item(), rel=1e-12)
    for a, b in zip(own(), expected(), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-12)


def test_a_second_call_that_raises_changes_nothing():
    step, numbers = training(tinygrad_edu.compile)
    step(X, Y)
    before = [np.copy(x) for x in numbers()]
    with pytest.raises(ArgumentError, match="labels must lie between 0 and 1"):
        step(X, Y + 5)
    assert all(np.array_equal(a, b) for a, b in zip(numbers(), before, strict=True))


def test_gradients_that_are_nothing_but_rounding_are_no_fault():
    net = nn.Sequential(nn.Linear(2, 5, rng=0, dtype=np.float32), nn.BatchNorm1d(5, dtype=np.float32))
    optimizer = optim.Adam(net.parameters(), lr=0.1)  # which makes full steps of them

    @tinygrad_edu.compile
    def step(x):
        loss = (net(x) ** 3).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss

    x = np.random.default_rng(0).normal(size=(40, 2)).astype(np.float32)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for _ in range(4):
            step(x)


# --- what is recorded again -------------------------------------------------------------------------------------------


def test_recording_at_every_call_warns_once_with_the_reason():
    box = types.SimpleNamespace(rate=0.0)
    compiled = tinygrad_edu.compile(lambda x: x * box.rate)

    def call_often():
        for i in range(12):
            box.rate = float(i)
            assert np.array_equal(compiled(X), X * i)

    with pytest.warns(CompileWarning, match=r"because box\.rate changed") as caught:
        call_often()
    assert len(caught) == 1


T = [0]


def test_an_attributes_name_is_no_global_variable():
    W = Tensor(np.eye(2))
    compiled = tinygrad_edu.compile(lambda x: x @ W.T)
    compiled(X)
    machine = compiled._latest
    for _ in range(3):
        T.append(1)
        compiled(X)
    assert compiled._latest is machine


# --- the contract ---------------------------------------------------------------------------------------------------

TEMPERATURE = 2.0


def test_what_is_fixed_is_listed_and_printed():
    names = ("a", 1)
    box = types.SimpleNamespace(rate=0.5)
    compiled = tinygrad_edu.compile(lambda x: x / TEMPERATURE * box.rate * names[1])
    compiled(X)
    assert sorted(map(str, compiled.fixed)) == [
        "TEMPERATURE = 2.0 (global)",
        "box.rate = 0.5 (attribute)",
        "names = ('a', 1) (closure)",
    ]
    assert "# fixed when recorded: TEMPERATURE = 2.0 (global)\n" in compiled.source


def test_the_sizes_of_a_layer_are_not_listed_as_fixed():
    net = nn.Sequential(nn.Linear(3, 4, rng=0), nn.ReLU(), nn.Linear(4, 2, bias=False, rng=1))
    compiled = tinygrad_edu.compile(lambda x: net(x))
    compiled(np.ones((2, 3)))
    assert compiled.fixed == []


def test_a_compiled_function_within_another_is_part_of_it():
    W = Tensor([1.0, 2.0], label="W")
    inner = tinygrad_edu.compile(lambda x: (W * x * TEMPERATURE).sum())

    @tinygrad_edu.compile
    def outer(x):
        W.grad = None
        loss = inner(x) ** 2
        loss.backward()
        return loss

    for scale in (1.0, 2.0, 3.0):
        assert outer(np.full(2, scale)).item() == (scale * 6) ** 2
        assert np.array_equal(W.grad, np.full(2, 2 * scale * 6 * scale * 2))


def test_a_derivative_follows_what_its_function_reads():
    box = types.SimpleNamespace(c=2.0)
    slope = tinygrad_edu.compile(tinygrad_edu.grad(lambda x: (x**2).sum() * box.c))
    for c in (2.0, 2.0, 3.0):
        box.c = c
        assert np.array_equal(slope(X), 2 * X * c)


@pytest.mark.parametrize("name", ["ExponentialLR", "StepLR", "LambdaLR", "CosineAnnealingLR", "ReduceLROnPlateau"])
def test_a_schedule_may_step_within(name):
    settings = {"StepLR": (2,), "ExponentialLR": (0.9,), "LambdaLR": (lambda k: 0.8**k,), "CosineAnnealingLR": (10,)}

    def make(prepare):
        W = Tensor([1.0, -2.0], label="W")
        optimizer = optim.SGD([W], lr=0.1)
        schedule = getattr(optim.lr_scheduler, name)(optimizer, *settings.get(name, ()))

        def step(x):
            loss = ((W * x) ** 2).sum()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step(*([loss.item()] if name == "ReduceLROnPlateau" else []))
            return loss

        return prepare(step), W, optimizer, schedule

    own, eager = make(tinygrad_edu.compile), make(lambda f: f)
    for _ in range(6):
        assert own[0](np.ones(2)).item() == eager[0](np.ones(2)).item()
        assert (own[2].lr, own[3].last_epoch) == (eager[2].lr, eager[3].last_epoch)
    assert np.array_equal(own[1].data, eager[1].data)
    assert "lr = schedule" in own[0].source
    own[3].last_epoch = 0  # a schedule that is set back is followed, too
    own[0](np.ones(2))
    assert own[3].last_epoch == 1


CYCLES = {
    "SGD": lambda p: optim.SGD(p, lr=0.1, momentum=0.9),
    "RMSprop": lambda p: optim.RMSprop(p, lr=0.1, momentum=0.9),
    "Adam": lambda p: optim.Adam(p, lr=0.1),
    "AdamW": lambda p: optim.AdamW(p, lr=0.1),
    "Adamax": lambda p: optim.Adamax(p, lr=0.1),
    "NAdam": lambda p: optim.NAdam(p, lr=0.1),
    "RAdam": lambda p: optim.RAdam(p, lr=0.1),
    "two groups": lambda p: optim.Adam([{"params": [*p]}, {"params": [Tensor(1.0)], "lr": 0.5}], lr=0.1),
}


@pytest.mark.parametrize("within", [True, False], ids=["within", "after"])
@pytest.mark.parametrize("name", CYCLES)
def test_a_cycle_of_the_momentum_is_followed_by_one_program(name, within):
    def make(prepare):
        W = Tensor([1.0, -2.0], label="W")
        optimizer = CYCLES[name]([W])
        schedule = optim.lr_scheduler.OneCycleLR(optimizer, max_lr=0.2, total_steps=12)

        def step(x):
            loss = ((W * x) ** 2).sum()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            if within:
                schedule.step()
            return loss

        return prepare(step), W, optimizer, schedule

    own, eager = make(tinygrad_edu.compile), make(lambda f: f)
    momenta = set()
    for _ in range(10):
        for step, _, _, schedule in (own, eager):
            step(np.ones(2))
            if not within:
                schedule.step()
        np.testing.assert_allclose(own[1].data, eager[1].data, rtol=1e-12)
        cycled = [(optimizer.lr, getattr(optimizer, *optimizer.cycled)) for optimizer in (own[2], eager[2])]
        assert cycled[0] == cycled[1]
        momenta.add(cycled[0][1])
    assert len(momenta) > 5
    assert own[0]._recorded_in_a_row == 0
    assert repr(own[0]) == "<compiled step, 1 program>"


def test_states_are_neither_taken_nor_loaded_within():
    net = nn.Linear(2, 2)
    optimizer = optim.SGD(net.parameters(), lr=0.1)
    state = net.state_dict()
    for function in (net.state_dict, optimizer.state_dict):
        with pytest.raises(CompileError, match=r"state_dict\(\) cannot be compiled"):
            tinygrad_edu.compile(lambda x, f=function: (f(), net(x))[1])(X)
    with pytest.raises(CompileError, match=r"load_state_dict\(\) cannot be compiled"):
        tinygrad_edu.compile(lambda x: (net.load_state_dict(state), net(x))[1])(X)


# --- wrong code of the past -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "f",
    [
        lambda y: y * 0.9 + 0.05,
        lambda y: (y > 0) * 0.5,
        lambda y: y / 3,
        lambda y: y**0.5,
        lambda y: y + np.float32(0.1),
        lambda y: np.maximum(y, 0.5),
        lambda y: (y > 0) * np.float64(0.1) - y,
        lambda y: y * True + 1,
        lambda y: y**2,
        lambda y: (y < -1) | (y == 300),
        lambda y: y.std().astype(np.float32) + y,
        lambda y: y.mean().copy(),
    ],
)
@pytest.mark.parametrize("kind", [int, bool, np.uint8, np.float32, np.float16])
def test_constants_have_the_type_in_which_the_operation_computes(f, kind):
    compiled, y = tinygrad_edu.compile(f), np.ones(100).astype(kind)
    if kind is bool:
        y = y.astype(np.int8) > 0
    if kind is bool and f(y.astype(int)).dtype.kind == "i":
        return  # NumPy has no difference of booleans
    try:
        expected = f(y)
    except TypeError:
        return
    for _ in range(3):
        found = compiled(y)
        assert found.dtype == expected.dtype
        assert np.array_equal(found, expected)


def test_a_mask_that_is_read_twice():
    W = Tensor(np.random.default_rng(0).normal(size=(4, 5)))

    def f(x):
        h = x @ W
        W.grad = None
        loss = np.tanh(np.where(h > 0, h, 0.1 * h)).sum()
        loss.backward()
        return loss

    x, compiled = np.random.default_rng(1).normal(size=(6, 4)), tinygrad_edu.compile(f)
    for k in (1.0, 2.0, -1.0):
        found = compiled(k * x).item(), W.grad.copy()
        assert found[0] == f(k * x).item()
        np.testing.assert_allclose(found[1], W.grad, rtol=1e-12)


class Power:
    """A user's setting, which compares and hashes by its number."""

    def __init__(self, n):
        self.n = n

    def __eq__(self, other):
        return self.n == other.n

    def __hash__(self):
        return hash(self.n)


@pytest.mark.parametrize(
    ("values", "f"),
    [
        ((Power(2), Power(2.0), Power(True)), lambda x, p: x * p.n),
        ((0j, complex(0.0, -0.0)), lambda x, z: x * 0 + np.copysign(1.0, z.imag)),
        ((range(1), range(0, 1, 5)), lambda x, r: x * r.step),
        ((2, 2.0, True), lambda x, n: x * n),
    ],
)
def test_arguments_that_are_equal_and_not_the_same(values, f):
    compiled, x = tinygrad_edu.compile(f), np.arange(3)
    for _ in range(2):
        for value in values:
            found, expected = compiled(x, value), f(x, value)
            assert found.dtype == expected.dtype
            assert np.array_equal(found, expected)


@pytest.mark.parametrize("make", [optim.Adam, lambda ps: optim.SGD(ps, lr=0.1, momentum=0.9)])
def test_a_state_of_no_axes_may_be_loaded(make):
    def run(prepare):
        W = Tensor(2.0, label="W")
        optimizer = make([W])

        @prepare
        def step(x):
            loss = (W * x) ** 2
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            return loss

        for i in range(6):
            if i % 2:
                optimizer.load_state_dict(optimizer.state_dict())
            step(np.asarray(1.5))
        return W.data

    np.testing.assert_allclose(run(tinygrad_edu.compile), run(lambda f: f), rtol=1e-12)


def named(name, *arguments):
    """A function of that name, of arguments of these names."""
    body = " + ".join(f"np.tanh({a}) * {i + 1}" for i, a in enumerate(arguments))
    space = {"np": np}
    exec(f"def {name}({', '.join(arguments)}):\n    return ({body}) * np.maximum({arguments[0]}, 0.5)", space)  # noqa: S102
    return space[name]


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("a1", ["a1", "x"]),
        ("bind", ["self", "bind"]),
        ("run", ["Outdated", "ndarray", "float64_"]),
        ("tanh_", ["tanh_", "maximum_", "full_float64_0_5"]),
        ("locals", ["locals", "max", "abs"]),
        ("c1", ["c1", "c2", "args"]),
        ("math", ["np_", "x_0", "x_T_"]),
        ("f", ["f", "mul1", "add1", "buffer"]),
        ("Tensor", ["Value", "tensor", "keywords"]),
    ],
)
def test_names_that_the_generated_text_uses_itself(name, arguments):
    f = named(name, *arguments)
    compiled = tinygrad_edu.compile(f)
    rng = np.random.default_rng(0)
    for _ in range(3):
        given = [rng.normal(size=3) for _ in arguments]
        assert np.array_equal(compiled(*given), f(*given))
        assert np.array_equal(compiled(**dict(zip(arguments, given, strict=True))), f(*given))


def test_a_file_of_the_source_imports_what_its_inputs_need(tmp_path):
    compiled = tinygrad_edu.compile(lambda x: x * 2)
    compiled(np.ones(2))
    compiled.save_source(tmp_path / "program.py")
    text = (tmp_path / "program.py").read_text()
    space = {"__name__": "__main__"}
    exec(text, space)  # noqa: S102
    assert text.count("import numpy as np") == 1


def test_the_source_of_a_function_that_returns_a_dict():
    def f(x):
        return {"a": x * 2, "b": [x + 1, (x,)], 3: "text"}

    compiled = tinygrad_edu.compile(f)
    compiled(X)
    space = {}
    exec(compiled.source, space)  # noqa: S102
    found, expected = space["f"](X), f(X)
    assert np.array_equal(found["a"], expected["a"])
    assert np.array_equal(found["b"][0], expected["b"][0])
    assert found[3] == "text"


def test_values_in_a_step_are_compared_too():
    def make(prepare):
        w = Value(0.5, "w")
        optimizer = optim.SGD([w], lr=0.1, momentum=0.9)

        @prepare
        def step(x):
            loss = (w * x - 1.0) ** 2
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            return loss

        return [step(Value(1.0)).data for _ in range(5)]

    assert make(tinygrad_edu.compile(verify="always")) == make(lambda f: f)


@pytest.mark.parametrize(
    "function",
    [lambda x, y: x / y, lambda x, y: x // y, lambda x, y: x % y, lambda x, y: y**x],
    ids=["/", "//", "%", "**"],
)
def test_a_recording_that_divides_by_zero_has_its_source(function):
    compiled = tinygrad_edu.compile(lambda x, y: function(Value(x), Value(y)))
    for x, y in ((-1.0, 0.0), (1.0, 2.0), (-1.0, 0.0)):
        np.testing.assert_array_equal(compiled(x, y).data, function(Value(x), Value(y)).data)
    assert "def f(x, y):" in compiled.source


@pytest.mark.parametrize(
    "function",
    [lambda k: 1.0 / k, lambda k: 1.0 // k, lambda k: 1.0 % k, lambda k: k**-1.0, lambda k: (1e200 + k) ** 2.0],
    ids=["/", "//", "%", "0 ** -1", "overflow"],
)
@pytest.mark.parametrize("arrays", [True, False])
def test_python_s_own_numbers_raise_as_they_do_in_python(function, arrays):
    """Unlike those of Values and arrays, which are inf or nan."""

    def scaled(x, k):
        return x * function(k)

    x, fault = (np.ones(2) if arrays else Value(1.0)), 0.0
    with pytest.raises(ArithmeticError) as raised:
        scaled(x, fault)
    with pytest.raises(type(raised.value), match=re.escape(str(raised.value))):
        tinygrad_edu.compile(scaled)(x, fault)
    if function(-1e200) != 0.0:  # otherwise it raises everywhere
        compiled = tinygrad_edu.compile(scaled)
        for k in (-1e200, -2e200):
            np.testing.assert_array_equal(data_of(compiled(x, k)), data_of(scaled(x, k)))
        with pytest.raises(ReplayError, match=f"{type(raised.value).__name__}: {re.escape(str(raised.value))}"):
            compiled(x, fault)
        np.testing.assert_array_equal(data_of(compiled(x, -1e200)), data_of(scaled(x, -1e200)))


def test_python_s_numbers_raise_beside_values_that_do_not():
    compiled = tinygrad_edu.compile(lambda v, k: v / 0.0 + v * (1.0 / k))
    for k in (1.0, 2.0):
        assert compiled(Value(1.0), k).data == math.inf
    with pytest.raises(ReplayError, match="ZeroDivisionError"):
        compiled(Value(1.0), 0.0)
    assert compiled(Value(-1.0), 2.0).data == -math.inf


def test_a_complex_number_of_python_s_is_refused():
    with pytest.raises(CompileError, match=r"a negative number to the power of a fraction is a complex number"):
        tinygrad_edu.compile(lambda x, k: x * k**0.5)(X, -1.0)


def test_floating_point_faults_are_no_errors_in_a_compiled_function_whatever_errstate_says():
    seen = queue.SimpleQueue()

    def logarithm(x):
        seen.put(np.geterr()["divide"])
        return np.log(x)

    with np.errstate(all="raise"):
        compiled = tinygrad_edu.compile(logarithm)
        for _ in range(3):
            assert compiled(np.zeros(2)).tolist() == [-math.inf] * 2
        with pytest.raises(FloatingPointError):
            Tensor([0.0]).log()  # a forward pass of its own heeds it
        root = Tensor([0.0]).sqrt().sum()
        root.backward()  # and a backward pass allows infinite slopes
    assert [seen.get(), seen.get(), seen.empty()] == ["ignore", "ignore", True]


def test_a_warning_of_numpy_s_shows_the_user_s_line():
    compiled = tinygrad_edu.compile(lambda x: np.nanmean(x, axis=0) + 1.0)
    x = np.full((2, 2), np.nan)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for _ in range(3):
            compiled(x)
    (last,) = [w for w in caught if w.filename.startswith("<compiled")][-1:]
    text = warnings.formatwarning(last.message, last.category, last.filename, last.lineno)
    assert "Mean of empty slice" in text
    assert f"# {__file__}, line " in text


def test_a_masked_attention_whose_key_bias_gets_rounding_errors_alone_is_not_taken_for_wrong():
    """The gradient of this bias is 0, since softmax does not see a shift; Adam makes a whole step of its rounding."""
    net = nn.TransformerEncoderLayer(16, 2, 32, 0.0, batch_first=True, norm_first=True, rng=0).astype(np.float32)
    optimizer = optim.AdamW(net.parameters(), lr=1e-3)

    @tinygrad_edu.compile
    def step(x):
        loss = (net(x, is_causal=True) ** 2).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss

    rng = np.random.default_rng(0)
    for _ in range(3):  # a warning or an error if the program is taken for wrong
        step(rng.standard_normal((8, 6, 16)).astype(np.float32))
