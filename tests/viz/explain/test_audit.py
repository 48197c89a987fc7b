import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import viz
from tests.domains import FUNCTIONS, ROWS
from tests.random_programs import tensor_graphs, value_graphs
from tests.test_functions import CALLS, bound, drawn
from tinygrad_edu import Tensor, Value, nn, operation
from tinygrad_edu.errors import ArgumentError, StaleGraphError
from tinygrad_edu.nn import functional
from tinygrad_edu.operations.elementwise import TABLE
from viz.explain.audit import audit
from viz.pictures.palette import THEMES

square = operation(lambda x: x * x, lambda gy, y, x: gy * 2 * x, name="square")
too_steep = operation(lambda x: x * x, lambda gy, y, x: gy * 2.002 * x, name="too_steep")


def verdicts(root):
    return [finding.verdict for finding in audit(root).findings]


# --- what is right is not called wrong ----------------------------------------------------------------------------


@given(st.one_of(value_graphs(), tensor_graphs()))
def test_no_operation_of_the_library_is_called_wrong(root):
    assert "wrong" not in verdicts(root)


@pytest.mark.parametrize(("name", "call"), CALLS)
def test_every_operation_on_arrays_is_right(name, call):
    f = FUNCTIONS[name]
    leaves = list(map(Tensor, drawn(f, call)))
    y = bound(f.function, f, call)(*leaves)
    if y.requires_grad:
        assert set(verdicts(y)) == {"right"}, str(audit(y))


@pytest.mark.parametrize("name", ROWS)
def test_every_row_is_right_within_its_domain(name):
    row, domain = TABLE[name], ROWS[name]
    rng = np.random.default_rng(1)
    for params in domain.params:
        for _ in range(20):
            xs = [rng.uniform(low, high) for low, high in domain.intervals]
            if abs(domain.kink(*xs)) > 0.05:
                findings = audit(row(*map(Value, xs), **row.defaults | params))
                assert {finding.verdict for finding in findings.findings} == {"right"}, str(findings)


@pytest.mark.parametrize(("name", "xs"), [(name, edge[0]) for name, row in ROWS.items() for edge in row.edges])
def test_no_row_is_called_wrong_at_its_edges(name, xs):
    row = TABLE[name]
    assert "wrong" not in verdicts(row(*map(Value, xs), **row.defaults))


@pytest.mark.parametrize("x", [1e-12, 1e-6, 1e6, 1e12])
@pytest.mark.parametrize("name", ["tanh", "log", "sqrt", "softplus", "sin", "reciprocal", "square", "relu", "log1p"])
def test_numbers_near_to_nothing_and_far_from_it_are_not_called_wrong(name, x):
    assert "wrong" not in verdicts(TABLE[name](Value(x)))


# --- what is wrong is found ---------------------------------------------------------------------------------------


def wrong_by(share, name):
    """The operation of a row, with a derivative that is wrong by that share."""
    row = TABLE[name]
    return operation(
        lambda *xs: row.on_floats(*xs, **row.defaults),
        lambda gy, y, *xs: tuple((1 + share) * gx(gy, y, *xs, **row.defaults) for gx in row.gx_floats),
        name=name,
    )


_FLAT = {"sign", "select", "floor", "ceil", "trunc", "rint", "floor_divide"}  # no share of zero is wrong


@pytest.mark.parametrize("name", [name for name in ROWS if name not in _FLAT])
def test_a_derivative_that_is_wrong_by_a_thousandth_is_found(name):
    domain = ROWS[name]
    xs = [low + share * (high - low) for share, (low, high) in zip((0.77, 0.6), domain.intervals, strict=False)]
    graph = wrong_by(1e-3, name)(*map(Value, xs))
    found = [finding for finding in audit(graph).findings if finding.analytic]
    assert found
    assert {finding.verdict for finding in found} == {"wrong"}, str(audit(graph))


def test_the_first_wrong_operation_is_named():
    a = Value(3.0, "a")
    inner = too_steep(a)
    outer = too_steep(square(inner).tanh() + 1)
    result = audit(outer)
    assert set(result.complaints) == {outer, inner}
    assert result.first.node == len(result.trace.order) - 1
    assert str(result).splitlines()[:2] == [
        "5 local derivatives: 3 right, 2 wrong",
        "  too_steep (L) by v5 is wrong: its derivative gives 4.004, but the slope is 4",
    ]
    assert "too_steep (v1) by a is wrong: its derivative gives 6.006, but the slope is 6" in str(result)


def test_one_wrong_entry_of_a_tensor_is_found_and_named():
    def derivative(gy, y, x):
        gx = gy * 2 * x
        gx[1, 2] *= 1.001
        return gx

    almost = operation(lambda x: x * x, derivative, name="almost")
    x = Tensor(np.arange(1.0, 7.0).reshape(2, 3), label="x")
    result = audit(almost(x))
    assert result.first.index == (1, 2)
    assert result.first.sentence.startswith("almost (L) by x[1, 2] is wrong: its derivative gives 1")


def test_a_wrong_entry_of_a_large_tensor_is_found_by_moving_all_together():
    def derivative(gy, y, x):
        gx = gy * np.cos(x)
        gx[0] *= 2
        return gx

    almost = operation(np.sin, derivative, name="almost")
    result = audit(almost(Tensor(np.linspace(0.5, 1, 2000))))
    assert result.first.verdict == "wrong"
    assert result.first.index is None


def test_a_derivative_that_raises_or_has_another_shape_is_wrong():
    def fails(gy, y, x):
        raise ZeroDivisionError("division by zero")

    result = audit(operation(lambda x: x * x, fails, name="fails")(Value(1.0, "a")))
    assert result.first.sentence == "fails (L) by a is wrong: it raised ZeroDivisionError: division by zero"
    misshapen = operation(lambda x: x * 2, lambda gy, y, x: np.ones(7), name="misshapen")
    assert "ShapeError" in audit(misshapen(Tensor([1.0, 2.0]))).first.sentence


def test_a_nan_where_there_is_a_slope_is_wrong():
    lost = operation(lambda x: x * x, lambda gy, y, x: math.nan, name="lost")
    assert verdicts(lost(Value(2.0))) == ["wrong"]


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_a_picture_paints_it_red_and_says_why(theme):
    wrong = too_steep(Value(3.0, "a"))
    root = wrong.tanh() * 2
    picture = viz.draw(root, audit=audit(root), theme=theme)
    (red,) = [line for line in picture.source.splitlines() if "wrong" in line and "penwidth=4" in line]
    assert THEMES[theme].kinds["wrong"].fill in red
    assert "its derivative gives 6.006, but the slope is 6" in picture.svg
    assert "wrong" not in viz.draw(root, audit=audit(Value(1.0) * 2)).source


def test_a_folded_module_is_red_if_something_in_it_is_wrong():
    net = nn.Sequential(nn.Linear(2, 2), Squared())
    root = net(Tensor([[1.0, 2.0]])).sum()
    picture = viz.draw(root, audit=audit(root), depth=0)
    (red,) = [line for line in picture.source.splitlines() if "penwidth=4" in line]
    assert 'class="module wrong"' in red


class Squared(nn.Module):
    def forward(self, x):
        return too_steep(x)


# --- what cannot be decided ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "root",
    [
        Value(0.0, "a").relu(),
        abs(Value(0.0, "a")),
        Value(1.0, "a").clip(0.0, 1.0),
        Value(0.0, "a").leaky_relu(),
        Value(0.0, "a").sqrt(),
        Value(0.0, "a").log(),
        1 / Value(0.0, "a"),
        Value(0.0, "a").cbrt(),
        Value(math.nan, "a").exp(),
        Value(math.inf, "a") * 2,
        Tensor([0.0], label="a").relu(),
        Tensor([2.0, 2.0], label="a").max(),
    ],
)
def test_a_kink_or_an_edge_is_undecidable(root):
    assert set(verdicts(root)) == {"undecidable"}


def test_a_tie_is_undecidable_for_both():
    a, b = Value(1.0, "a"), Value(1.0, "b")
    assert verdicts(a.maximum(b)) == ["undecidable", "undecidable"]
    assert "a kink, with the slope 0 on the left and 1 on the right" in audit(a.maximum(b)).findings[0].sentence


def test_near_a_kink_it_is_decided():
    assert verdicts(Value(1e-5).relu()) == ["right"]
    assert verdicts(Value(-1e-5).relu()) == ["right"]


def test_a_kink_in_some_entries_does_not_hide_the_others():
    x = Tensor([[-1.0, 0.0], [0.0, 2.0]], label="x")
    (finding,) = audit(x.relu()).findings
    assert (finding.verdict, finding.checked, finding.undecided) == ("right", 4, 2)
    assert finding.sentence.endswith("; 2 of 4 entries are undecidable")


# --- the rest -----------------------------------------------------------------------------------------------------


def test_float32_is_checked_in_float64():
    x = Tensor(np.float32([0.1, 0.2]), label="x")
    assert verdicts(x.tanh() * x) == ["right"] * 3


def test_a_fused_loss_is_right_and_its_memory_untouched():
    logits = Tensor(np.arange(6.0).reshape(2, 3), label="x") * 0.5
    loss = functional.cross_entropy(logits, np.array([0, 2]))
    before = loss.params["memo"]["parts"]
    assert verdicts(loss) == ["right", "right"]
    assert loss.params["memo"]["parts"] is before


def test_nothing_in_the_graph_is_changed():
    a = Value(2.0, "a")
    a.grad = 7.0
    root = a * a
    audit(root)
    assert (a.grad, a.data, root.grad) == (7.0, 2.0, 0.0)


def test_an_empty_tensor_is_right():
    assert set(verdicts(Tensor(np.zeros((0, 3))).sum())) == {"right"}


def test_the_data_of_an_audit_is_plain():
    result = audit(too_steep(Value(3.0, "a")) + Value(0.0, "b").log())
    data = json.loads(json.dumps(result.to_dict(), allow_nan=False))
    assert [finding["verdict"] for finding in data["findings"]] == [*["undecidable"] * 3, "wrong"]
    assert data["first"] == 3
    assert data["findings"][3]["analytic"] == pytest.approx(6.006)


def test_what_has_no_graph_is_refused():
    with pytest.raises(ArgumentError, match="the leaf 'a' has no graph"):
        audit(Value(1.0, "a"))
    x = Tensor([1.0], label="x")
    root = x * x
    x.data = [2.0]
    with pytest.raises(StaleGraphError):
        audit(root)
