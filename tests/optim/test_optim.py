"""Optimizers: PyTorch's rules step by step, one text for floats, arrays and nodes, state, and bad input."""

import copy
import math

import numpy as np
import pytest

import tinygrad_edu
from tinygrad_edu import Tensor, Value, nn, optim
from tinygrad_edu.errors import ArgumentError, DTypeError, ShapeError, StaleGraphError
from tinygrad_edu.support.state_dict import StateDictError

# Every option by itself, and those that act on each other together.
SETTINGS = {
    "SGD": [
        {},
        {"lr": 0.1},
        {"lr": 0.1, "weight_decay": 0.3},
        {"lr": 0.1, "momentum": 0.9},
        {"lr": 0.1, "momentum": 0.9, "dampening": 0.4},
        {"lr": 0.1, "momentum": 0.9, "nesterov": True},
        {"lr": 0.1, "momentum": 0.9, "weight_decay": 0.3, "dampening": 0.2},
        {"lr": 0.1, "momentum": 0.9, "weight_decay": 0.3, "nesterov": True},
        {"lr": 0.01, "momentum": 0.9, "weight_decay": 0.3, "maximize": True},
    ],
    "Adam": [
        {},
        {"lr": 0.1, "betas": (0.8, 0.95)},
        {"lr": 0.1, "betas": (0.0, 0.0)},
        {"lr": 0.1, "eps": 0.1},
        {"lr": 0.1, "weight_decay": 0.3},
        {"lr": 0.1, "amsgrad": True},
        {"lr": 0.1, "amsgrad": True, "weight_decay": 0.3, "betas": (0.5, 0.6)},
    ],
    "AdamW": [{}, {"maximize": True}, {"lr": 0.1}, {"lr": 0.1, "weight_decay": 0.3, "amsgrad": True, "eps": 1e-3}],
    "RMSprop": [
        {},
        {"lr": 0.1, "alpha": 0.5},
        {"eps": 0.1},
        {"weight_decay": 0.3},
        {"momentum": 0.9},
        {"centered": True},
        {"centered": True, "momentum": 0.9, "weight_decay": 0.3, "alpha": 0.9},
    ],
    "Adadelta": [{}, {"lr": 0.5, "rho": 0.7, "eps": 1e-3, "weight_decay": 0.3}],
    "Adamax": [{}, {"lr": 0.1, "betas": (0.8, 0.95), "eps": 0.1, "weight_decay": 0.3}],
    "NAdam": [
        {},
        {"lr": 0.1, "betas": (0.8, 0.95), "weight_decay": 0.3, "momentum_decay": 0.01},
        {"lr": 0.1, "weight_decay": 0.3, "decoupled_weight_decay": True},
    ],
    "RAdam": [
        {},
        {"lr": 0.1, "betas": (0.8, 0.95), "weight_decay": 0.3, "eps": 0.1},
        {"lr": 0.1, "weight_decay": 0.3, "decoupled_weight_decay": True},
    ],
    "Rprop": [{}, {"lr": 0.1, "etas": (0.3, 1.5), "step_sizes": (0.01, 0.2)}],
    "ASGD": [{}, {"lr": 0.1, "lambd": 0.1, "alpha": 0.5, "t0": 20.0, "weight_decay": 0.3}],
    "Adagrad": [
        {},
        {"lr": 0.1, "lr_decay": 0.01},
        {"lr": 0.1, "weight_decay": 0.3},
        {"lr": 0.1, "initial_accumulator_value": 0.5, "eps": 0.1},
        {"lr": 0.1, "lr_decay": 0.01, "weight_decay": 0.3},
    ],
}
CASES = [
    pytest.param(name, options, id=f"{name}-{'-'.join(options) or 'defaults'}")
    for name, all_options in SETTINGS.items()
    for options in all_options
]
SHAPES = ((3, 2), (2,), ())


def starts():
    rng = np.random.default_rng(7)
    return [rng.normal(size=shape) for shape in SHAPES]


def gradients(steps=100):
    """Random ones; the second parameter gets its first at step 3, and none at all in some later steps."""
    rng = np.random.default_rng(8)
    for step in range(steps):
        drawn = [rng.normal(size=shape) for shape in SHAPES]
        yield [drawn[0], None if step < 3 or step % 7 == 5 else drawn[1], drawn[2]]


@pytest.fixture
def counts_in_float64(torch):
    """PyTorch keeps the counts and products of an optimizer in its default type."""
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


@pytest.mark.parametrize(("name", "options"), CASES)
@pytest.mark.usefixtures("counts_in_float64")
def test_a_hundred_steps_equal_pytorchs(torch, name, options):
    theirs = [torch.tensor(start, requires_grad=True) for start in starts()]
    mine = [Tensor(start) for start in starts()]
    their_optimizer = getattr(torch.optim, name)(theirs, **options)
    optimizer = getattr(optim, name)(mine, **options)
    for gs in gradients():
        for p, q, g in zip(mine, theirs, gs, strict=True):
            p.grad = g
            q.grad = None if g is None else torch.tensor(g)
        optimizer.step()
        their_optimizer.step()
        for p, q in zip(mine, theirs, strict=True):
            np.testing.assert_allclose(p.numpy(), q.detach().numpy(), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(("name", "options"), CASES)
@pytest.mark.usefixtures("counts_in_float64")
def test_steps_with_a_schedule_equal_pytorchs(torch, name, options):
    theirs, mine = (
        [torch.tensor(start, requires_grad=True) for start in starts()],
        [Tensor(start) for start in starts()],
    )
    their_optimizer = getattr(torch.optim, name)(theirs, **options)
    optimizer = getattr(optim, name)(mine, **options)
    their_schedule = torch.optim.lr_scheduler.ExponentialLR(their_optimizer, gamma=0.7)
    schedule = optim.lr_scheduler.ExponentialLR(optimizer, gamma=0.7)
    for gs in gradients(12):
        for p, q, g in zip(mine, theirs, gs, strict=True):
            p.grad = g
            q.grad = None if g is None else torch.tensor(g)
        for step in (optimizer.step, their_optimizer.step, schedule.step, their_schedule.step):
            step()
        for p, q in zip(mine, theirs, strict=True):
            np.testing.assert_allclose(p.numpy(), q.detach().numpy(), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(("name", "options"), CASES)
def test_compiled_steps_equal_eager_ones(name, options):
    def trained(compiled):
        leaves = [Tensor(start) for start in starts()]
        optimizer = getattr(optim, name)(leaves, **options)
        schedule = optim.lr_scheduler.StepLR(optimizer, 4, 0.5)

        def step(goal):
            optimizer.zero_grad()
            loss = sum(((p - goal) ** 2).sum() for p in leaves)
            loss.backward()
            optimizer.step()
            return loss

        step = tinygrad_edu.compile(step) if compiled else step
        for goal in np.random.default_rng(3).normal(size=(10, 1)):
            step(goal)
            schedule.step()
        return [p.numpy() for p in leaves]

    for a, b in zip(trained(compiled=True), trained(compiled=False), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-11, atol=1e-13)


@pytest.mark.parametrize(("name", "options"), CASES)
def test_values_step_as_tensors_do(name, options):
    values = [[Value(x) for x in start.ravel().tolist()] for start in starts()]
    tensors = [Tensor(start) for start in starts()]
    over_values = getattr(optim, name)([v for group in values for v in group], **options)
    over_tensors = getattr(optim, name)(tensors, **options)
    rng = np.random.default_rng(9)
    for _ in range(30):
        for group, tensor in zip(values, tensors, strict=True):
            tensor.grad = rng.normal(size=tensor.shape)
            for value, g in zip(group, np.ravel(tensor.grad).tolist(), strict=True):
                value.grad = g
        over_values.step()
        over_tensors.step()
    for group, tensor in zip(values, tensors, strict=True):
        assert all(type(v.data) is float for v in group)
        np.testing.assert_allclose([v.data for v in group], tensor.numpy().ravel(), rtol=1e-13, atol=1e-15)


@pytest.mark.parametrize(("name", "options"), CASES)
def test_the_rule_records_on_nodes(name, options):
    """The same text, given nodes: same numbers, and the new parameter depends on the old one and on the gradient."""
    optimizer = getattr(optim, name)([Tensor([0.0])], **options)
    rng = np.random.default_rng(10)
    p = rng.normal(size=(2, 3))
    node, state, states = Tensor(p), {}, {}
    for _ in range(3):
        g = rng.normal(size=(2, 3))
        gradient = Tensor(g)
        node = optimizer.update(node, gradient, states)
        p = optimizer.update(p, g, state)
    np.testing.assert_allclose(node.numpy(), p, rtol=1e-14, atol=1e-15)
    node.sum().backward()
    assert np.abs(gradient.grad).max() > 0 or name == "Rprop"  # which knows signs alone


@pytest.mark.parametrize("name", SETTINGS)
def test_gradients_are_never_written_to(name):
    for options in SETTINGS[name]:
        p = Tensor([1.0, 2.0])
        optimizer = getattr(optim, name)([p], **options)
        for _ in range(3):
            p.grad = [3.0, -1.0]
            held = p.grad
            optimizer.step()
            assert held.tolist() == [3.0, -1.0]
        held[:] = math.nan  # nor does the state hold on to them
        p.grad = [3.0, -1.0]
        optimizer.step()
        assert np.isfinite(p.data).all()


@pytest.mark.parametrize("name", SETTINGS)
def test_float32_stays_float32(name):
    for options in SETTINGS[name]:
        p = Tensor(np.ones((2, 2), np.float32))
        optimizer = getattr(optim, name)([p], **options)
        for _ in range(2):
            p.grad = np.full((2, 2), 0.5, np.float32)
            optimizer.step()
        assert p.dtype == np.float32
        assert {e.dtype for e in optimizer.state[0].values() if isinstance(e, np.ndarray)} <= {np.dtype(np.float32)}


def test_centered_rmsprop_never_divides_by_the_root_of_a_negative_number():
    """Equal gradients have no spread: rounding made it -1e-17, whose root is nan."""
    for p, g in ((Tensor([1.0, 2.0, 3.0]), [0.1, 0.37, 1e5]), (Value(1.0), 0.1)):
        optimizer = optim.RMSprop([p], centered=True)
        for _ in range(500):
            p.grad = g
            optimizer.step()
        assert np.isfinite(p.data).all()


# --- the step and the graph ---------------------------------------------------------------------------------------


def test_a_graph_that_was_made_before_a_step_is_refused():
    for p in (Tensor(2.0), Value(2.0)):
        loss = p * p
        loss.backward()
        optim.SGD([p], lr=0.1).step()
        with pytest.raises(StaleGraphError):
            loss.backward()


def test_writing_to_an_array_that_was_handed_out_before_a_step_is_still_noticed():
    p = Tensor([1.0, 2.0])
    held = p.data
    p.grad = [1.0, 1.0]
    optim.SGD([p], lr=0.1).step()
    assert held.tolist() == p.tolist() == [0.9, 1.9]  # the same array, as in PyTorch
    loss = (p * p).sum()
    held[0] = 5.0
    with pytest.raises(StaleGraphError):
        loss.backward()


def test_a_step_writes_to_nothing_but_its_parameters():
    source = np.array([1.0, 2.0])
    p = Tensor(source)
    twin, copied, deep = Tensor(p), p.detach(), copy.deepcopy(p)
    p.grad = [1.0, 1.0]
    optim.SGD([p], lr=0.1).step()
    assert source.tolist() == twin.tolist() == copied.tolist() == deep.tolist() == [1.0, 2.0]


def test_parameters_without_a_gradient_stay():
    p, q = Tensor([1.0]), Tensor([1.0])
    p.grad = [1.0]
    optimizer = optim.Adam([p, q])
    optimizer.step()
    assert q.tolist() == [1.0]
    assert optimizer.state[1] == {}


def test_gradients_that_are_nodes_are_taken_for_their_numbers():
    x, v = Tensor([2.0]), Value(2.0)
    (x**3).sum().backward(create_graph=True)
    (v**3).backward(create_graph=True)
    optim.SGD([x, v], lr=0.1).step()
    assert x.data[0] == v.data == pytest.approx(0.8)
    assert type(v.data) is float


def test_zero_grad():
    x, v = Tensor([2.0]), Value(2.0)
    (x * x).sum().backward()
    (v * v).backward()
    optim.SGD([x, v]).zero_grad()
    assert x.grad is None
    assert v.grad == 0.0


def test_the_rate_may_change_between_steps():
    x = Value(0.0)
    optimizer = optim.SGD([x], lr=1.0)
    for lr in (1.0, 0.5, 0.0):
        x.grad = -1.0
        optimizer.lr = lr
        optimizer.step()
    assert x.data == 1.5


# --- state --------------------------------------------------------------------------------------------------------


def trained(name, options, p, steps, optimizer=None):
    optimizer = optimizer or getattr(optim, name)(p, **options)
    for step in range(steps):
        rng = np.random.default_rng(step)
        for q in p:
            g = rng.normal(size=getattr(q, "shape", ()))
            q.grad = float(g) if isinstance(q, Value) else g
        optimizer.step()
    return optimizer


@pytest.mark.parametrize(("name", "options"), CASES)
@pytest.mark.parametrize("make", [lambda: [Tensor([[1.0, 2.0]]), Tensor(3.0)], lambda: [Value(1.0), Value(2.0)]])
def test_a_state_goes_on_bit_for_bit(name, options, make, tmp_path):
    from tinygrad_edu import load, save

    p, q = make(), make()
    first = trained(name, options, p, 5)
    save(tmp_path / "state", first.state_dict())
    second = getattr(optim, name)(q)
    second.load_state_dict(load(tmp_path / "state"))
    for a, b in zip(p, q, strict=True):
        b.data = a.data
    trained(name, options, p, 5, first)
    trained(name, options, q, 5, second)
    assert [np.asarray(a.data).tobytes() for a in p] == [np.asarray(b.data).tobytes() for b in q]
    assert repr(first) == repr(second)


def test_a_state_shares_nothing_with_the_optimizer():
    p = [Tensor([1.0])]
    optimizer = trained("Adam", {}, p, 1)
    state = optimizer.state_dict()
    kept = {name: np.copy(entry) for name, entry in state.items()}
    optimizer.load_state_dict(state)
    trained("Adam", {}, p, 3, optimizer)
    assert all((kept[name] == state[name]).all() for name in state)


@pytest.mark.parametrize(
    "name",
    [*("SGD", "Adam", "AdamW", "RMSprop", "Adagrad", "Adadelta", "Adamax", "NAdam", "RAdam", "Rprop", "ASGD", "Muon")],
)
def test_averages_get_the_precision_of_parameters_that_became_float64(name):
    settings = {"momentum": 0.9, "lr": 0.1} if name in ("SGD", "RMSprop") else {}
    p = Tensor(np.ones((2, 3), np.float32))
    optimizer = getattr(optim, name)([p], **settings)
    p.grad = np.full((2, 3), 0.5)
    optimizer.step()
    p.data = p.data.astype(np.float64)
    p.grad = np.full((2, 3), 1 / 3)
    optimizer.step()
    arrays = {key: e for key, e in optimizer.state[0].items() if isinstance(e, np.ndarray)}
    assert {key: e.dtype for key, e in arrays.items()} == dict.fromkeys(arrays, np.dtype(np.float64))
    assert arrays


def test_a_state_that_does_not_fit_names_everything_and_changes_nothing():
    p = [Tensor([1.0, 2.0]), Tensor(3.0)]
    optimizer = trained("Adam", {"lr": 0.5}, p, 2)
    before = optimizer.state_dict()
    state = dict(before)
    del state["state.0.exp_avg"], state["eps"]
    state |= {"lr": 0.1, "state.1.exp_avg_sq": np.zeros(3), "state.7.exp_avg": np.zeros(2), "momentum": 0.9}
    with pytest.raises(StateDictError) as error:
        optimizer.load_state_dict(state)
    for text in (
        "eps is missing",
        "state.0.exp_avg is missing",
        "state.7.exp_avg is surplus",
        "momentum is surplus",
        "state.1.exp_avg_sq has the shape (3,), but () is needed",
    ):
        assert text in str(error.value)
    assert repr(before) == repr(optimizer.state_dict())


@pytest.mark.parametrize(
    ("setting", "text"),
    [
        ({"lr": "fast"}, "lr must be a setting such as 0.1, but is 'fast'"),
        ({"lr": None}, "lr must be a setting such as 0.1, but is None"),
        ({"betas": 0.9}, r"betas must be a setting such as \(0.9, 0.999\), but is 0.9"),
        ({"betas": np.zeros(3)}, r"betas must be a setting such as \(0.9, 0.999\), but is \(0.0, 0.0, 0.0\)"),
    ],
)
def test_settings_of_another_kind_are_refused(setting, text):
    optimizer = optim.Adam([Tensor([1.0])], lr=0.1)
    before = optimizer.state_dict()
    with pytest.raises(StateDictError, match=text):
        optimizer.load_state_dict(before | setting)
    assert optimizer.state_dict() == before


# --- backtracking -------------------------------------------------------------------------------------------------


def armijo(f, df, x, first=1.0, shrink=0.5, c=1e-4, floor=1e-10, fallback=1e-6):
    """The textbook's, in plain NumPy."""
    g = df(x)
    s = first
    while f(x - s * g) > f(x) - c * s * (g @ g):
        s *= shrink
        if s < floor:
            s = fallback
            break
    return x - s * g, s


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"lr": 0.3},
        {"shrink": 0.9},
        {"c": 0.5},
        {"floor": 1e-2, "fallback": 1e-3},
        {"lr": 0.125, "shrink": 0.1, "c": 0.9, "floor": 1e-3, "fallback": 1e-5},
    ],
)
def test_backtracking_takes_the_textbooks_steps(options):
    def rosenbrock(x):
        return (1 - x[0]) ** 2 + 100 * (x[1] - x[0] ** 2) ** 2

    def slope(x):
        return np.array([-2 * (1 - x[0]) - 400 * x[0] * (x[1] - x[0] ** 2), 200 * (x[1] - x[0] ** 2)])

    x = np.array([-1.2, 1.0])
    tensor, values = Tensor(x), [Value(-1.2), Value(1.0)]
    over_tensor = optim.BacktrackingLineSearch([tensor], **options)
    over_values = optim.BacktrackingLineSearch(values, **options)
    renamed = {("first" if name == "lr" else name): number for name, number in options.items()}
    for _ in range(40):
        before = rosenbrock(x)
        x, s = armijo(rosenbrock, slope, x, **renamed)
        loss = over_tensor.step(lambda: rosenbrock(tensor))
        over_values.step(lambda: rosenbrock(values))
        assert over_tensor.step_size == over_values.step_size == s
        np.testing.assert_allclose(loss.item(), before, rtol=1e-9)
        np.testing.assert_allclose(tensor.data, x, rtol=1e-9)
        np.testing.assert_allclose([v.data for v in values], x, rtol=1e-9)


def test_backtracking_leaves_the_gradients_of_its_step():
    x = Tensor([1.0])
    x.grad = [100.0]
    optim.BacktrackingLineSearch([x]).step(lambda: (x * x).sum())
    assert x.grad.tolist() == [2.0]


def test_backtracking_puts_everything_back_when_the_loss_fails():
    x, calls = Tensor([1.0]), []

    def loss_of():
        calls.append(x.tolist())
        if len(calls) == 3:
            raise KeyboardInterrupt
        return (x**4).sum()

    with pytest.raises(KeyboardInterrupt):
        optim.BacktrackingLineSearch([x]).step(loss_of)
    assert calls[2] != [1.0]
    assert x.tolist() == [1.0]


def test_backtracking_says_that_it_calls_backward_itself():
    x = Value(1.0)

    def loss_of():
        loss = x * x
        loss.backward()
        return loss

    with pytest.raises(ArgumentError, match=r"only compute the loss"):
        optim.BacktrackingLineSearch([x]).step(loss_of)
    assert x.data == 1.0


def test_backtracking_falls_back_where_the_loss_is_no_number():
    x = Value(1.0)
    optimizer = optim.BacktrackingLineSearch([x])
    optimizer.step(lambda: x * 2 if x.data == 1.0 else x * math.nan)
    assert optimizer.step_size == 1e-6
    assert x.data == 1 - 2e-6


# --- clipping, penalties, constraints -----------------------------------------------------------------------------


@pytest.mark.parametrize("limit", [0.1, 3.0, 1e6])
def test_clipping_by_norm_is_pytorchs(torch, limit):
    mine, theirs = [Tensor(s) for s in starts()], [torch.tensor(s, requires_grad=True) for s in starts()]
    values = [Value(0.0) for s in starts() for _ in np.ravel(s)]
    for p, q, g in zip(mine, theirs, starts(), strict=True):
        p.grad, q.grad = 5 * g, torch.tensor(5 * g)
    for v, g in zip(values, np.concatenate([np.ravel(p.grad) for p in mine]).tolist(), strict=True):
        v.grad = g
    norm = optim.clip_grad_norm_(mine, limit)
    assert norm == pytest.approx(torch.nn.utils.clip_grad_norm_(theirs, limit).item(), rel=1e-14)
    assert optim.clip_grad_norm_(values, limit) == pytest.approx(norm, rel=1e-14)
    for p, q in zip(mine, theirs, strict=True):
        np.testing.assert_allclose(p.grad, q.grad.numpy(), rtol=1e-14)
    flat = np.concatenate([np.ravel(p.grad) for p in mine])
    np.testing.assert_allclose([v.grad for v in values], flat, rtol=1e-14)


def test_clipping_by_value_is_pytorchs(torch):
    g = np.array([0.5, -7.0, 3.0, math.nan, math.inf])
    p, q, values = Tensor(np.zeros(5)), torch.zeros(5, dtype=torch.float64, requires_grad=True), [Value(0.0)] * 0
    p.grad, q.grad = g, torch.tensor(g)
    for x in g.tolist():
        values.append(Value(0.0))
        values[-1].grad = x
    optim.clip_grad_value_([p, *values, Tensor([1.0])], 2.0)
    torch.nn.utils.clip_grad_value_([q], 2.0)
    np.testing.assert_array_equal(p.grad, q.grad.numpy())
    np.testing.assert_array_equal([v.grad for v in values], q.grad.numpy())


def test_penalties():
    W, b = Tensor([[3.0, -4.0]]), Tensor([2.0])
    values = [Value(x) for x in (3.0, -4.0, 2.0)]
    assert optim.l1_penalty([W, b], 0.1).item() == pytest.approx(0.9)
    assert optim.l2_penalty([W, b], 0.1).item() == pytest.approx(2.9)
    assert optim.l1_penalty(values, 0.1).data == pytest.approx(0.9)
    optim.l2_penalty(values, 0.1).backward()
    assert [v.grad for v in values] == pytest.approx([0.6, -0.8, 0.4])


def test_the_l2_penalty_is_weight_decay_of_twice_its_strength_under_sgd_and_not_under_adamw():
    def after(optimizer_of, strength):
        p = Tensor([3.0, -4.0])
        optimizer = optimizer_of([p])
        for _ in range(5):
            optimizer.zero_grad()
            ((p - 1) ** 2).sum().backward()
            optim.l2_penalty([p], strength).backward()
            optimizer.step()
        return p.numpy()

    for make, equal in ((optim.SGD, True), (optim.Adam, True), (optim.AdamW, False)):
        by_penalty = after(lambda params, make=make: make(params, lr=0.1, weight_decay=0.0), 0.2)
        by_decay = after(lambda params, make=make: make(params, lr=0.1, weight_decay=0.4), 0.0)
        assert np.allclose(by_penalty, by_decay, rtol=1e-12) == equal


def test_max_norm_shortens_only_what_is_longer_and_leaves_the_rest_to_the_bit():
    start = np.random.default_rng(0).normal(size=(4, 6)) * np.array([0.1, 0.2, 0.5, 1, 2, 0])
    p = Tensor(start)
    optim.max_norm_([p], 1.0)
    lengths, before = np.linalg.norm(p.data, axis=0), np.linalg.norm(start, axis=0)
    np.testing.assert_allclose(lengths, np.minimum(before, 1.0), rtol=1e-14)
    np.testing.assert_array_equal(p.data[:, before <= 1], start[:, before <= 1])


def test_unit_norm_along_an_axis_or_over_all():
    for axis in (0, 1, None):
        p = Tensor(np.random.default_rng(0).normal(size=(4, 3)))
        optim.unit_norm_([p], axis=axis)
        np.testing.assert_allclose(np.linalg.norm(p.data, axis=axis), 1.0, rtol=1e-14)
    zeros = Tensor(np.zeros((2, 2), np.float32))
    optim.unit_norm_([zeros])
    assert (zeros.tolist(), zeros.dtype) == ([[0.0, 0.0], [0.0, 0.0]], np.float32)


def test_constraints_take_values_as_one_vector():
    w = [Value(3.0), Value(4.0)]
    optim.max_norm_(w, 10.0)
    assert [v.data for v in w] == [3.0, 4.0]
    optim.max_norm_(w, 1.0)
    assert math.hypot(*(v.data for v in w)) == pytest.approx(1.0)


def test_a_constraint_makes_an_earlier_graph_stale():
    p = Tensor([[3.0], [4.0]])
    loss = (p * p).sum()
    optim.max_norm_([p], 1.0)
    with pytest.raises(StaleGraphError):
        loss.backward()


# --- bad input ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda p: optim.SGD([]), "was given no parameters"),
        (lambda p: optim.SGD(p, lr=-0.1), r"lr must be a number, at least 0, but was given -0\.1"),
        (lambda p: optim.Adam(p, lr=math.nan), "lr must be a number"),
        (lambda p: optim.Adam(p, lr="0.1"), "lr must be a number, at least 0, but was given '0.1'"),
        (lambda p: optim.SGD(p, momentum=-1), "momentum must be"),
        (lambda p: optim.SGD(p, weight_decay=-1), "weight_decay must be"),
        (lambda p: optim.SGD(p, momentum=0.9, dampening="no"), "dampening must be"),
        (lambda p: optim.SGD(p, nesterov=True), "nesterov needs momentum"),
        (lambda p: optim.SGD(p, momentum=0.9, dampening=0.1, nesterov=True), "nesterov needs momentum"),
        (lambda p: optim.Adam(p, betas=(1.0, 0.9)), r"betas\[0\] must be"),
        (lambda p: optim.Adam(p, betas=(0.9, -0.1)), r"betas\[1\] must be"),
        (lambda p: optim.Adam(p, betas=0.9), "betas must be two numbers"),
        (lambda p: optim.Adam(p, eps=0), "eps must be a number, above 0"),
        (lambda p: optim.RMSprop(p, alpha=1.5), "alpha must be"),
        (lambda p: optim.Adagrad(p, lr_decay=-1), "lr_decay must be"),
        (lambda p: optim.BacktrackingLineSearch(p, shrink=1.0), "shrink must be"),
        (lambda p: optim.BacktrackingLineSearch(p, lr=0), "lr must be a number, above 0"),
        (lambda p: optim.SGD([p[0], p[0]]), "given the same parameter twice"),
        (lambda p: optim.SGD([p[0] * 2]), "a leaf that holds floats, but number 0 is the result of mul"),
        (lambda p: optim.SGD([Tensor([1, 2])]), "a leaf that holds floats"),
        (lambda p: setattr(optim.SGD(p), "lr", "fast"), "lr must be a number, at least 0, but was given 'fast'"),
        (lambda p: setattr(optim.Adam(p), "lr", None), "lr must be a number, at least 0, but was given None"),
        (lambda p: setattr(optim.SGD(p), "lr", -3), "lr must be a number, at least 0, but was given -3"),
        (lambda p: setattr(optim.SGD(p), "lr", p[0] * [1.0, 2.0]), "lr must be a number, at least 0, but was given Te"),
        (lambda p: setattr(optim.SGD(p), "learning_rate", 3), r"SGD: the learning rate is lr, write optimizer\.lr = 3"),
        (lambda p: optim.clip_grad_norm_(p, 0), "max_norm must be"),
        (lambda p: optim.clip_grad_value_(p, -1), "clip_value must be"),
        (lambda p: optim.l1_penalty([], 0.1), "no parameters"),
        (lambda p: optim.l2_penalty(p, -0.1), "strength must be"),
        (lambda p: optim.max_norm_(p, -1), "limit must be"),
    ],
)
def test_bad_settings_are_named(make, text):
    with pytest.raises(ArgumentError, match=text):
        make([Tensor([1.0])])


def test_a_rate_becomes_a_plain_float():
    optimizer = optim.SGD([Tensor([1.0])])
    for rate in (np.float64(0.25), np.array(0.25), Tensor(0.25).detach()):
        optimizer.lr = rate
        assert (type(optimizer.lr), optimizer.lr) == (float, 0.25)


@pytest.mark.parametrize(
    ("params", "text"),
    [
        (Tensor([1.0]), r"takes a list of parameters, such as net\.parameters\(\), but was given Tensor"),
        (nn.Linear(2, 1), "takes a list of parameters"),
        (None, "takes a list of parameters"),
        ([{}], "takes a list of parameters"),
        ([np.zeros(2)], "a parameter is a Tensor or a Value, but number 0 is"),
        ("weights", "number 0 is 'w'"),
    ],
)
def test_what_is_no_list_of_parameters_is_named(params, text):
    with pytest.raises(DTypeError, match=text):
        optim.SGD(params)


def test_one_parameter_by_itself_is_clipped_constrained_and_penalized():
    """And not its entries, which iterating over a Tensor gives."""
    W = Tensor([[3.0], [4.0]])
    W.grad = [[3.0], [4.0]]
    assert optim.clip_grad_norm_(W, 1.0) == 5.0
    assert W.grad == pytest.approx(np.array([[0.6], [0.8]]), rel=1e-5)
    optim.clip_grad_value_(W, 0.7)
    assert W.grad == pytest.approx(np.array([[0.6], [0.7]]), rel=1e-5)
    optim.max_norm_(W, 1.0)
    assert W.data == pytest.approx(np.array([[0.6], [0.8]]))
    assert optim.l2_penalty(W, 1.0).item() == pytest.approx(1.0)
    optim.unit_norm_(W, axis=1)
    assert W.tolist() == [[1.0], [1.0]]


@pytest.mark.parametrize(
    "use",
    [
        lambda net: optim.clip_grad_norm_(net, 1.0),
        lambda net: optim.clip_grad_value_(net, 1.0),
        lambda net: optim.max_norm_(net, 1.0),
        lambda net: optim.unit_norm_(net),
        lambda net: optim.l1_penalty(net, 1.0),
        lambda net: optim.l2_penalty(net, 1.0),
    ],
)
def test_a_module_is_no_list_of_parameters(use):
    with pytest.raises(DTypeError, match=r"_ takes a list of .*net\.parameters\(\), but|penalty takes a list"):
        use(nn.Linear(2, 1))


@pytest.mark.parametrize(
    ("given", "text"),
    [
        (3.0, r"BacktrackingLineSearch\.step\(\) takes a function that computes the loss .* but was given 3\.0"),
        (Tensor(1.0), "takes a function that computes the loss"),
        (lambda: None, r"the function given to step\(\) must return the loss as a node, but returned None"),
        (lambda: 3.0, r"must return the loss as a node, but returned 3\.0"),
    ],
)
def test_backtracking_needs_a_function_that_returns_the_loss(given, text):
    with pytest.raises(DTypeError, match=text):
        optim.BacktrackingLineSearch([Tensor([1.0])]).step(given)


def test_values_are_optimized_where_there_is_no_numpy(run_without_numpy):
    run_without_numpy(
        """
        from tinygrad_edu import Value, optim
        from tinygrad_edu.nn import scalar
        for name in ("SGD", "Adam", "AdamW", "RMSprop", "Adagrad"):
            net = scalar.MLP(2, [4, 1], rng=0)
            optimizer = getattr(optim, name)(net.parameters(), lr=0.01)
            schedule = optim.lr_scheduler.ExponentialLR(optimizer, gamma=0.9)
            for _ in range(2):
                loss = sum(((net(x) - y) ** 2 for x, y in (([0, 1], 1), ([1, 1], 0))), Value(0.0))
                optimizer.zero_grad()
                loss.backward()
                optim.clip_grad_norm_(net.parameters(), 1.0)
                optimizer.step()
                schedule.step()
        optim.Adam(net.parameters(), amsgrad=True).step()
        optim.BacktrackingLineSearch(net.parameters()).step(lambda: net([0.0, 1.0]) ** 2)
        optim.max_norm_(net.parameters(), 0.5)
        """
    )


def test_an_array_that_nobody_holds_any_more_is_no_longer_watched():
    p = Tensor([1.0, 2.0])
    assert p.data.tolist() == [1.0, 2.0]  # a look, which must not make every later step slower
    assert p._checksum is not None
    view = p.data[:1]
    (p * p).sum().backward()
    assert p._checksum is not None
    view[0] = 7.0
    del view
    loss = (p * p).sum()
    assert p._checksum is None
    assert loss.item() == 53.0


def test_the_gradient_of_a_leaf_by_itself_is_its_own():
    for _ in range(2):
        x = Tensor(2.0)
        x.backward()
        assert x.grad == 1.0
        x.grad += 5  # not a number that others share


def test_an_update_between_forward_and_backward_is_noticed_wherever_the_leaf_stands():
    for position in range(3):
        ws = [Tensor(np.ones((2, 2))) for _ in range(3)]
        loss = ((np.ones((2, 2)) @ ws[0] @ ws[1]) * ws[2]).sum()
        ws[position].grad = np.ones((2, 2))
        optim.SGD([ws[position]]).step()
        with pytest.raises(StaleGraphError):
            loss.backward()
        assert all(w.grad is None for i, w in enumerate(ws) if i != position)


def test_a_chain_and_a_graph_with_branches_are_walked_alike():
    """A net without branches has a shorter walk; a step before backward is noticed on both."""
    X = np.random.default_rng(0).normal(size=(5, 3))
    net = nn.MLP(3, [4, 2], rng=0)
    (net(X) ** 2.0).sum().backward()
    plain = [p.grad for p in net.parameters()]
    net.zero_grad()
    h = net(X)
    (h * h).sum().backward()  # the same node twice
    for p, g in zip(net.parameters(), plain, strict=True):
        np.testing.assert_allclose(p.grad, g, rtol=1e-13, atol=1e-15)
    for loss in ((net(X) ** 2.0).sum(), (net(X) * net(X)).sum()):
        optim.SGD([net.layers[0].bias]).step()
        with pytest.raises(StaleGraphError, match=r"layers\.0\.bias"):
            loss.backward()


# --- groups, directions, vectors ------------------------------------------------------------------------------------


def two_groups(library, parameters, **options):
    first, second, third = parameters
    groups = [{"params": [first, third]}, {"params": [second], "lr": 0.01, "weight_decay": 0.2}]
    return library.SGD(groups, lr=0.1, momentum=0.9, **options)


@pytest.mark.parametrize("compiled", [False, True])
def test_groups_with_settings_of_their_own_are_pytorchs(torch, compiled):
    theirs = [torch.tensor(start, requires_grad=True) for start in starts()]
    mine = [Tensor(start) for start in starts()]
    their_optimizer, optimizer = two_groups(torch.optim, theirs), two_groups(optim, mine)
    schedule = optim.lr_scheduler.StepLR(optimizer, 4, 0.5)
    their_schedule = torch.optim.lr_scheduler.StepLR(their_optimizer, 4, 0.5)

    def step(*gradients):
        optimizer.zero_grad()
        sum((p * g).sum() for p, g in zip(mine, gradients, strict=True)).backward()
        optimizer.step()

    step = tinygrad_edu.compile(step) if compiled else step
    rng = np.random.default_rng(0)
    for i in range(12):
        gs = [rng.normal(size=shape) for shape in SHAPES]
        step(*gs)
        for q, g in zip(theirs, gs, strict=True):
            q.grad = torch.tensor(g)
        their_optimizer.step()
        schedule.step()
        their_schedule.step()
        assert schedule.get_last_lr() == pytest.approx(their_schedule.get_last_lr(), rel=1e-15)
        if i == 6:
            optimizer.param_groups[0]["momentum"] = their_optimizer.param_groups[0]["momentum"] = 0.5
        for p, q in zip(mine, theirs, strict=True):
            np.testing.assert_allclose(p.numpy(), q.detach().numpy(), rtol=1e-12, atol=1e-12)


def test_settings_of_all_groups_and_of_one():
    a, b = Tensor([1.0]), Tensor([1.0])
    optimizer = optim.Adam([{"params": [a], "lr": 0.5}, {"params": b, "eps": 0.1}], lr=0.1)
    assert optimizer.params == [a, b]
    first, second = optimizer.param_groups
    optimizer.lr, optimizer.eps = 0.2, 0.3
    assert (first["lr"], second["lr"], first["eps"], second["eps"]) == (1.0, 0.2, 0.3, 0.1)
    first["lr"] = 0.4
    optimizer.lr = 0.1
    assert (first["lr"], second["lr"]) == (0.2, 0.1)
    assert (first["params"], list(second)[:2], len(second)) == ([a], ["params", "lr"], 6)
    with pytest.raises(KeyError):
        first["rate"]
    with pytest.raises(ArgumentError, match="a group has no setting 'rate'"):
        first["rate"] = 0.1
    with pytest.raises(ArgumentError, match="was given the same parameter twice"):
        optim.SGD([{"params": [a]}, {"params": [a]}])
    with pytest.raises(ArgumentError, match="was given no parameters"):
        optim.SGD([{"params": []}])
    with pytest.raises(ArgumentError, match="a group has no setting 'rate': there are lr, momentum"):
        optim.SGD([{"params": [a], "rate": 0.1}])


def test_a_state_of_groups_goes_on_bit_for_bit():
    runs = []
    for _ in range(2):
        parameters = [Tensor(start) for start in starts()]
        runs.append((parameters, two_groups(optim, parameters)))
    (mine, optimizer), (others, other) = runs
    all_gradients = list(gradients(20))
    for i, gs in enumerate(all_gradients):
        for p, q, g in zip(mine, others, gs, strict=True):
            p.grad = q.grad = g
        optimizer.step()
        if i == 9:
            other.load_state_dict(optimizer.state_dict())
            for p, q in zip(mine, others, strict=True):
                q.data = p.numpy()
        elif i > 9:
            other.step()
            for p, q in zip(mine, others, strict=True):
                np.testing.assert_array_equal(q.data, p.data)


def test_muon_is_pytorchs_but_for_its_bfloat16(torch):
    rng = np.random.default_rng(0)
    start = rng.normal(size=(6, 4))
    mine, theirs = Tensor(start), torch.tensor(start.T.copy(), requires_grad=True)
    optimizer, their_optimizer = optim.Muon([mine], lr=0.1), torch.optim.Muon([theirs], lr=0.1)
    for _ in range(5):
        g = rng.normal(size=(6, 4))
        mine.grad, theirs.grad = g, torch.tensor(g.T.copy())
        optimizer.step()
        their_optimizer.step()
    np.testing.assert_allclose(mine.data.T, theirs.detach().numpy(), atol=0.02)
    x = optimizer._orthogonal(rng.normal(size=(5, 3)))
    singular_values = np.linalg.svd(x, compute_uv=False)
    assert (np.abs(singular_values - 1) < 0.35).all()


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"lr": 0.3, "max_iter": 5},
        {"history_size": 2, "max_iter": 12, "max_eval": 7},
        {"line_search_fn": "strong_wolfe"},
        {"line_search_fn": "strong_wolfe", "lr": 0.01, "max_iter": 6},
        {"line_search_fn": "strong_wolfe", "lr": 40.0, "max_iter": 3, "history_size": 2},
    ],
    ids=["plain", "short", "little memory", "line search", "line search from near", "line search from far"],
)
@pytest.mark.parametrize("kind", [Tensor, Value])
def test_lbfgs_is_pytorchs(torch, kind, options):
    start = [-1.2, 1.0, 0.7]
    xs = [Value(x) for x in start] if kind is Value else [Tensor(start[:2]), Tensor(start[2])]
    ts = [torch.tensor(start[:2], dtype=torch.float64, requires_grad=True), torch.tensor(start[2], dtype=torch.float64)]
    ts[1].requires_grad_()

    def valley(x, y, z):
        return 3 * (y - x * x) ** 2 + (1 - x) ** 2 + z * z * 0.5 + x * z * 0.1

    def closure_of(optimizer, coordinates):
        def closure():
            optimizer.zero_grad()
            loss = valley(*coordinates())
            loss.backward()
            return loss

        return closure

    optimizer, peer = optim.LBFGS(xs, **options), torch.optim.LBFGS(ts, **options)
    mine = closure_of(optimizer, lambda: xs if kind is Value else (xs[0][0], xs[0][1], xs[1]))
    theirs = closure_of(peer, lambda: (ts[0][0], ts[0][1], ts[1]))
    for _ in range(3):
        loss, their_loss = optimizer.step(mine), peer.step(theirs)
        assert loss.item() == pytest.approx(their_loss.item(), rel=1e-10, abs=1e-12)
        np.testing.assert_allclose(
            optim.parameters_to_vector(xs),
            torch.nn.utils.parameters_to_vector(ts).detach().numpy(),
            rtol=1e-10,
            atol=1e-10,
        )


def test_the_line_search_of_lbfgs_ends_in_rosenbrocks_valley(torch):
    """Every evaluation is PyTorch's: the places at which the loss was asked for are the same."""
    asked, theirs = [], []
    x, t = Tensor([-1.2, 1.0]), torch.tensor([-1.2, 1.0], dtype=torch.float64, requires_grad=True)

    def run(p, optimizer, places):
        def closure():
            optimizer.zero_grad()
            places.append(p.tolist())
            loss = 100 * (p[1] - p[0] * p[0]) ** 2 + (1 - p[0]) ** 2
            loss.backward()
            return loss

        for _ in range(4):
            optimizer.step(closure)

    run(x, optim.LBFGS([x], line_search_fn="strong_wolfe"), asked)
    run(t, torch.optim.LBFGS([t], line_search_fn="strong_wolfe"), theirs)
    assert len(asked) == len(theirs)
    np.testing.assert_allclose(asked, theirs, rtol=1e-6, atol=1e-9)
    np.testing.assert_allclose(x.data, 1, atol=1e-3)


def test_lbfgs_refuses_another_line_search():
    with pytest.raises(ArgumentError, match="line_search_fn must be 'strong_wolfe' or None, but was given 'armijo'"):
        optim.LBFGS([Tensor([1.0])], line_search_fn="armijo")


def test_parameters_as_a_vector_and_back():
    net = nn.MLP(2, [3, 1], rng=0)
    vector = optim.parameters_to_vector(net.parameters())
    assert vector.shape == (13,)
    optim.vector_to_parameters(vector * 2, net.parameters())
    np.testing.assert_array_equal(optim.parameters_to_vector(net.parameters()), vector * 2)
    values = [Value(1.0), Value(2.0)]
    optim.vector_to_parameters([3.0, 4.0], values)
    assert optim.parameters_to_vector(values).tolist() == [3.0, 4.0]
    with pytest.raises(ShapeError, match=r"13 numbers are needed, but a vector of shape \(12,\) was given"):
        optim.vector_to_parameters(vector[1:], net.parameters())


def test_clipping_refuses_a_norm_that_is_not_finite_if_asked_to():
    p = Tensor([1.0])
    p.grad = [math.inf]
    with pytest.raises(ArgumentError, match="the norm of the gradients is inf"):
        optim.clip_grad_norm_([p], 1.0, error_if_nonfinite=True)
    assert p.grad.tolist() == [math.inf]
    with np.errstate(invalid="ignore"):  # infinity times 0
        assert optim.clip_grad_norm_([p], 1.0, norm_type=math.inf) == math.inf


@pytest.mark.parametrize("norm_type", [1.0, 2.0, 3.0, math.inf])
def test_clipping_by_other_norms_is_pytorchs(torch, norm_type):
    mine, theirs = [Tensor(s) for s in starts()], [torch.tensor(s, requires_grad=True) for s in starts()]
    for p, q, g in zip(mine, theirs, next(gradients(1)), strict=True):
        g = np.ones(p.shape) if g is None else g
        p.grad, q.grad = g, torch.tensor(g)
    norm = optim.clip_grad_norm_(mine, 0.5, norm_type=norm_type)
    assert norm == pytest.approx(float(torch.nn.utils.clip_grad_norm_(theirs, 0.5, norm_type=norm_type)), rel=1e-12)
    for p, q in zip(mine, theirs, strict=True):
        np.testing.assert_allclose(p.grad, q.grad.numpy(), rtol=1e-12)


@pytest.mark.parametrize("size", [1e200, 1e-200, 3.0])
def test_lengths_of_values_neither_overflow_nor_vanish(size):
    for constrain, length in ((optim.unit_norm_, 1.0), (lambda v: optim.max_norm_(v, 0.5 * size), 0.5 * size)):
        weights = [Value(size), Value(-size), Value(0.0)]
        constrain(weights)
        root = length / math.sqrt(2)
        assert [p.data for p in weights] == pytest.approx([root, -root, 0.0], rel=1e-12)
    p = Value(0.0)
    p.grad = 1e200
    assert optim.clip_grad_norm_([p], 1.0, norm_type=3.0) == math.inf  # as for a Tensor, and as in PyTorch
    optim.unit_norm_([zero := Value(0.0)])
    assert zero.data == 0.0


@pytest.mark.parametrize(("dtype", "size"), [(np.float16, 300.0), (np.float32, 1e30)])
def test_norms_of_large_numbers_do_not_overflow(dtype, size):
    w = Tensor(np.full((4, 2), size, dtype))
    w.grad = np.full((4, 2), size, dtype)
    optim.unit_norm_([w])
    np.testing.assert_allclose(w.data, 0.5, rtol=1e-3)
    for order in (1.0, 3.0, math.inf):
        assert optim.clip_grad_norm_([w], 1e9 * size, norm_type=order) == pytest.approx(
            size * 8 ** (1 / order), rel=1e-3
        )
    assert optim.clip_grad_norm_([w], 1e-3 * size) == pytest.approx(size * 8**0.5, rel=1e-3)
    np.testing.assert_allclose(w.grad, 1e-3 * size / 8**0.5, rtol=2e-3)
    assert w.dtype == w.grad.dtype == dtype


EMPTY = (
    "ASGD",
    "Adadelta",
    "Adagrad",
    "Adam",
    "AdamW",
    "Adamax",
    "LBFGS",
    "Muon",
    "NAdam",
    "RAdam",
    "RMSprop",
    "Rprop",
    "SGD",
)


@pytest.mark.parametrize("shape", [(0, 3), (3, 0), (0, 0)])
@pytest.mark.parametrize("name", EMPTY)
def test_a_matrix_without_entries_is_a_parameter_too(name, shape):
    p = Tensor(np.zeros(shape))
    optimizer = getattr(optim, name)([p], lr=0.1)
    for _ in range(2):

        def closure():
            optimizer.zero_grad()
            loss = (p * p).sum()
            loss.backward()
            return loss

        if name == "LBFGS":
            optimizer.step(closure)
        else:
            closure()
            optimizer.step()
    assert p.shape == shape
    assert optim.clip_grad_norm_([p], 1.0, norm_type=math.inf) == 0.0
