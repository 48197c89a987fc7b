"""What Value and Tensor share: the order of a graph, the modes, and where a node was made."""

import operator
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

import tinygrad_edu
from tinygrad_edu import Tensor, Value, detect_anomaly, nn, no_grad, recording
from tinygrad_edu.errors import AnomalyError, ShapeError, StaleGraphError, TinygradEduError, UnsupportedError
from tinygrad_edu.graph import modes
from tinygrad_edu.graph.modes import MODES, WATCH
from tinygrad_edu.graph.node import topological_order

KINDS = pytest.mark.parametrize("make", [Value, Tensor])


@KINDS
def test_a_number_is_formatted_as_a_number(make):
    loss = make(1.23456)
    assert f"{loss:.3f}" == "1.235"
    assert f"{loss:>8.2g}" == "     1.2"
    assert f"{loss}" == str(loss)


def test_several_numbers_are_not():
    with pytest.raises(ShapeError, match=r"one element, but this one has shape \(2,\)"):
        f"{Tensor([1.0, 2.0]):.3f}"


# Order


@KINDS
def test_inputs_come_before_what_is_made_of_them(make):
    a, b = make(2.0, label="a"), make(3.0, label="b")
    m = a * b
    y = (m + a).tanh() * m.exp()
    order = topological_order(y)
    assert order[-1] is y
    assert len(order) == len(set(order)) == 7
    for i, node in enumerate(order):
        assert set(node.inputs) <= set(order[:i])
    assert [n.label or n.op for n in order] == ["a", "b", "mul", "add", "tanh", "exp", "mul"]


@KINDS
def test_every_node_is_visited_once_however_many_paths_there_are(make):
    a = y = make(1.0)
    for _ in range(60):
        y = y + y
    assert len(topological_order(y)) == 61
    y.backward()
    assert a.grad == 2.0**60


@KINDS
def test_a_node_used_a_hundred_times(make):
    a = make(2.0)
    y = sum(a * i for i in range(100))
    y.backward()
    assert a.grad == 4950.0
    z = a
    for _ in range(99):
        z = z * a
    a.grad = None if make is Tensor else 0.0
    z.backward()
    assert a.grad == pytest.approx(100 * 2.0**99, rel=1e-13)


# no_grad


@KINDS
def test_within_no_grad_nothing_is_recorded(make):
    a = make(2.0)
    with no_grad():
        y = a * 3
        assert (float(y), y.requires_grad, y.op, y.inputs) == (6.0, False, "", ())
        with no_grad():
            pass
        assert not (a * 3).requires_grad
    assert (a * 3).requires_grad
    z = a * y
    z.backward()
    assert a.grad == 6.0


@KINDS
def test_an_augmented_assignment_within_no_grad_writes_to_a_parameter(make):
    p, step = make(2.0), make(0.5)
    given = p
    with no_grad():
        p += 1
        p -= step
        p *= 4.0
        p /= make(2.0)
    assert p is given
    assert (p.item(), p.op) == (5.0, "")


@KINDS
def test_an_augmented_assignment_elsewhere_makes_a_node(make):
    start = make(2.0)
    total = start
    total += make(3.0)
    assert (start.item(), total.item(), total.op) == (2.0, 5.0, "add")
    with no_grad():
        total -= 1.0  # no leaf
    assert (start.item(), total.item()) == (2.0, 4.0)


@KINDS
@pytest.mark.parametrize("step", [operator.isub, operator.iadd, operator.imul, operator.itruediv])
def test_a_step_that_would_silently_train_nothing_is_refused(make, step):
    p = make(2.0)
    p.label = "w"
    assert step(p, 0.5) is not p  # before any backward it is an expression like any other
    (p * p).backward()
    with pytest.raises(UnsupportedError, match=r"leaf labelled 'w' has a gradient, .* write p\.data .= …"):
        step(p, 0.1 * p.grad)
    assert step(p, make(0.5)).op  # by a node: a new node
    with no_grad():
        assert step(p, 0.1 * p.grad) is p


@KINDS
def test_a_parameter_written_to_within_no_grad_makes_its_graph_stale(make):
    p = make(2.0)
    y = p * p
    with no_grad():
        p -= 1.0
    with pytest.raises(StaleGraphError, match="changed after mul"):
        y.backward()


def test_a_parameter_keeps_its_shape_within_no_grad():
    p = Tensor([1.0, 2.0])
    with no_grad(), pytest.raises(ShapeError, match=r"shape \(2,\), but was assigned"):
        p += np.ones((2, 2))
    assert p.tolist() == [1.0, 2.0]


@KINDS
def test_no_grad_ends_with_an_error(make):
    a = make(2.0)
    with pytest.raises(ZeroDivisionError), no_grad():
        1 / 0
    assert (a * 3).requires_grad


@KINDS
def test_backward_works_within_no_grad(make):
    a = make(2.0)
    y = a * a
    with no_grad():
        y.backward()
    assert a.grad == 4.0


@KINDS
def test_no_grad_as_a_decorator(make):
    a = make(2.0)

    @no_grad()
    def evaluate(x, *, scale):
        """Evaluates."""
        return a * x * scale

    assert (evaluate.__name__, evaluate.__doc__) == ("evaluate", "Evaluates.")
    assert float(evaluate(3.0, scale=2)) == 12.0
    assert not evaluate(3.0, scale=2).requires_grad
    assert (a * 3).requires_grad


@KINDS
def test_no_grad_decorates_generators(make):
    a = make(2.0)

    @no_grad()
    def batches(n):
        """Batches."""
        for i in range(n):
            more = yield a * i
            assert more in (None, "more")
        return "done"

    @no_grad()
    def all_batches():
        return (yield from batches(2))

    outside = []
    for y in batches(3):
        assert not y.requires_grad
        outside.append((a * 3).requires_grad)  # the loop's own body is not within it
    assert outside == [True] * 3
    generator = all_batches()
    next(generator)
    generator.send("more")
    with pytest.raises(StopIteration) as info:
        next(generator)
    assert (info.value.value, batches.__doc__) == ("done", "Batches.")
    assert WATCH.active == 0


def test_one_no_grad_can_be_used_again():
    mode, a = no_grad(), Value(2.0)
    for _ in range(2):
        with mode, mode:
            assert not (a * 3).requires_grad
        assert (a * 3).requires_grad


@KINDS
def test_no_grad_holds_in_its_own_thread_alone(make):
    a, inside, done, results = make(2.0), threading.Event(), threading.Event(), {}

    def evaluate():
        with no_grad():
            inside.set()
            assert done.wait(10)
            results["there"] = (a * 3).requires_grad

    thread = threading.Thread(target=evaluate)
    thread.start()
    assert inside.wait(10)
    results["here"] = (a * 3).requires_grad
    done.set()
    thread.join()
    assert results == {"here": True, "there": False}
    assert (WATCH.active, MODES.no_grad) == (0, 0)


@KINDS
def test_threads_build_and_differentiate_their_own_graphs(make):
    def train(seed):
        w = make(float(seed))
        for _ in range(200):
            loss = (w * w + 1.0).log()
            w.grad = 0.0 if make is Value else None
            loss.backward()
            w.data -= 0.1 * w.grad
        return w.item()

    expected = [train(seed) for seed in range(1, 5)]
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(train, range(1, 5))) == expected


# recording


@KINDS
def test_recording_remembers_where_a_node_was_made(make):
    with recording():
        y = make(2.0) * 3  # this line
    assert y.origin == (__file__, line_of("# this line"))
    assert (y * 3).origin is None


def test_recording_finds_the_user_s_line_through_numpy():
    t = Tensor([[1.0, 2.0]])
    with recording():
        made = [
            np.exp(t),
            np.sum(t),
            np.concatenate([t, t]),
            np.linalg.norm(t),
            np.ones(2) * t,
            np.einsum("ij->", t),
            t.sum(),
            t[0],
            t.T,
        ]
    lines = {node.origin for node in made}
    assert {file for file, _ in lines} == {__file__}
    assert [node.origin[1] for node in made] == list(range(line_of("np.exp(t),"), line_of("np.exp(t),") + len(made)))


def test_recording_knows_a_user_s_file_beside_the_package_from_the_package():
    beside = str(Path(tinygrad_edu.__file__).parent) + "_lab.py"
    with recording():
        y = eval(compile("\n\na * 2", beside, "eval"), {"a": Value(2.0)})  # noqa: S307
    assert y.origin == (beside, 3)


def test_origin_is_the_users_line_where_numpys_own_python_calls_an_operation():
    values = np.array([Value(1.0), Value(2.0)])
    with recording():
        y = np.sum(values)  # NumPy adds
    assert y.origin == (__file__, line_of("# NumPy adds"))


def operations(root):
    return [node.op for node in topological_order(root) if node.op]


def normalized():
    """The loss of a net whose first layer normalizes a bare array."""
    net = nn.Sequential(nn.LayerNorm(3), nn.Linear(3, 2, rng=0))
    x = Tensor(np.arange(12.0).reshape(4, 3) ** 2, requires_grad=False)
    return net, (net(x - x.mean(axis=0)) ** 2).mean()


def test_recording_keeps_the_operations_on_constant_arrays():
    _, plain = normalized()
    with recording():
        _, recorded = normalized()
    with recording(), detect_anomaly():
        _, watched = normalized()
    assert operations(plain) == ["mul", "add", "linear", "pow", "mean"]
    assert operations(recorded) == operations(watched) == ["mean", "sub", "normalize", *operations(plain)]
    assert all(node.origin[0] == __file__ for node in topological_order(recorded) if node.op)


@pytest.mark.parametrize("mode", [no_grad, detect_anomaly, modes.recording_lines])
def test_other_modes_do_not_keep_the_operations_on_constant_arrays(mode):
    with mode():
        y = Tensor([1.0, 2.0], requires_grad=False) * 2
    assert (y.op, y.inputs) == ("", ())
    with recording(), no_grad():
        y = Tensor([1.0, 2.0], requires_grad=False) * 2
    assert (y.op, y.inputs) == ("", ())


@pytest.mark.parametrize("create_graph", [False, True])
def test_the_operations_on_constant_arrays_change_no_gradient(create_graph):
    net, plain = normalized()
    plain.backward(create_graph=create_graph)
    with recording():
        other, recorded = normalized()
        recorded.backward(create_graph=create_graph)
    for p, q in zip(net.parameters(), other.parameters(), strict=True):
        np.testing.assert_array_equal(getattr(p.grad, "data", p.grad), getattr(q.grad, "data", q.grad))
    constant = next(node for node in topological_order(recorded) if node.op == "normalize")
    assert constant.grad is None
    assert not constant.requires_grad


def test_recording_keeps_that_labels_became_rows_of_a_one():
    labels = np.array([0, 2, 1])
    with recording():
        rows = nn.functional.one_hot(labels, 3).astype(float)
        loss = (rows @ Tensor(np.ones((3, 2)))).sum()
    assert operations(loss) == ["one_hot", "astype", "matmul", "sum"]
    np.testing.assert_array_equal(rows.data, np.eye(3)[labels])
    assert nn.functional.one_hot(labels, 3).op == ""


def line_of(text):
    lines = Path(__file__).read_text(encoding="utf-8").splitlines()
    return next(i for i, line in enumerate(lines, 1) if text in line)


# detect_anomaly


HERE = rf"\({__file__}, line \d+\)$"


@pytest.mark.parametrize(
    ("message", "compute"),
    [
        (r"log produced -inf from a=0.0 ", lambda: Value(0.0, "a").log()),
        (r"log produced -inf from a=0.0 ", lambda: Tensor(0.0, label="a").log()),
        (r"div produced nan from a=0.0, input 1=0.0 ", lambda: Value(0.0, "a") / 0),
        (r"sqrt produced nan from w=\[ 1. -1.\] ", lambda: Tensor([1.0, -1.0], label="w").sqrt()),
        (
            r"exp produced inf from input 0=array of shape \(10,\) in \[800, 800\] ",
            lambda: Tensor(np.full(10, 800.0)).exp(),
        ),
        (r"mul produced inf from input 0=1e\+200, input 1=1e\+200 ", lambda: Value(1e200) * 1e200),
        (r"mul produced nan from a=nan, input 1=2.0 ", lambda: Value(float("nan"), "a") * 2),
        (r"add produced nan from x=\[nan\], input 1=2.0 ", lambda: Tensor([np.nan], label="x") + 2),
        (r"sub produced nan from a=inf, input 1=inf ", lambda: Value(float("inf"), "a") - float("inf")),
        (r"mean produced nan from input 0=\[ inf -inf\] ", lambda: Tensor([np.inf, -np.inf]).mean()),
        (r"log produced -inf from c=0.0 ", lambda: Tensor(0.0, requires_grad=False, label="c").log()),
        (r"log produced -inf from input 0=0 ", lambda: Tensor(0).log()),
        (r"log produced -inf from a=0.0 ", no_grad()(lambda: Tensor(0.0, label="a").log())),
        (r"log produced -inf from a=0.0 ", no_grad()(lambda: Value(0.0, "a").log())),
        (r"div produced inf from a=1.0, input 1=0.0 ", no_grad()(lambda: Value(1.0, "a") / 0)),
    ],
)
def test_an_anomaly_is_raised_where_it_is_produced(message, compute):
    with detect_anomaly(), pytest.raises(AnomalyError, match="^" + message + HERE) as info:
        compute()
    assert isinstance(info.value, ArithmeticError)
    assert isinstance(info.value, TinygradEduError)
    with np.errstate(all="ignore"):
        compute()  # and not otherwise


@pytest.mark.parametrize("create_graph", [False, True])
@pytest.mark.parametrize(
    ("message", "compute"),
    [
        (r"the backward pass of sqrt produced inf for a=0.0 ", lambda: Value(0.0, "a").sqrt()),
        (
            r"the backward pass of sqrt produced inf for a=\[0. 1.\] ",
            lambda: Tensor([0.0, 1.0], label="a").sqrt().sum(),
        ),
        (r"the backward pass of pow produced inf for x=0.0 ", lambda: Value(0.0, "x") ** 0.5),
    ],
)
def test_an_anomaly_of_the_backward_pass(message, compute, create_graph):
    with detect_anomaly():
        y = compute()
        with pytest.raises(AnomalyError, match="^" + message + HERE):
            y.backward(create_graph=create_graph)
    (leaf,) = [node for node in topological_order(y) if node.label]
    assert leaf.grad in (None, 0.0)


def test_infinities_that_were_put_in_on_purpose_are_no_anomaly():
    scores, mask = Tensor([[1.0, 2.0], [3.0, 4.0]]), np.array([[True, False], [True, True]])
    with detect_anomaly():
        y = np.where(mask, scores, -np.inf).softmax(axis=1)
        y[0].sum().backward()
    assert np.isfinite(scores.grad).all()


def test_anomalies_are_looked_for_in_this_thread_alone():
    def elsewhere():
        return Value(0.0).log().data

    with detect_anomaly(), ThreadPoolExecutor(1) as pool:
        assert pool.submit(elsewhere).result() == -np.inf
    assert (WATCH.active, MODES.anomaly, MODES.recording) == (0, 0, 0)


# Labels


@KINDS
def test_a_label_is_text_whatever_is_given(make):
    a = make(1.0, label="w")
    a.label = float("nan")
    assert a.label == "nan"
    y = a * 2
    assert y.label == ""
    y.label = "<b>"
    assert (y.label, a.label) == ("<b>", "nan")
