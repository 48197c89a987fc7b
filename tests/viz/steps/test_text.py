import io
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.random_programs import tensor_graphs, value_graphs
from tinygrad_edu import Tensor, Value
from viz.formulas.numbers import width_of
from viz.steps.steps import Forward
from viz.steps.tables import MOST, brief, in_black, in_color, painter, tables
from viz.steps.trace import trace
from viz.terminal.step import Stepper

# --- golden texts -------------------------------------------------------------------------------------------------


def tanh_of_line():
    a, b = Value(2.0, "a"), Value(-3.0, "b")
    return (a * b + 10).tanh()


TANH_OF_LINE = """\
given  a = 2, b = −3

forward
step  node  formula   in numbers   value
   1  v2    a · b     2 · (−3)        −6
   2  v4    v2 + 10   −6 + 10          4
   3  L     tanh(v4)  tanh(4)     0.9993

backward
step  flow     local derivative  incoming · local              gradient
   4  L                                                               1
   5  L → v4   1 − L²            1 · 0.001341 = 0.001341       0.001341
   6  v4 → v2  1                 0.001341 · 1 = 0.001341       0.001341
   7  v2 → a   b                 0.001341 · (−3) = −0.004023  −0.004023
   8  v2 → b   a                 0.001341 · 2 = 0.002682       0.002682

gradients  ∂L/∂a = −0.004023, ∂L/∂b = 0.002682"""


def neuron_with_penalty():
    w, x = Value(0.5, "w"), Value(-1.0, "x")
    h = (w * x).relu()
    h.label = "h"
    loss = (h - 1) ** 2 + w * w
    loss.label = "loss"
    return loss


NEURON_WITH_PENALTY = """\
given  w = 0.5, x = −1

forward
step  node  formula   in numbers  value
   1  v2    w · x     0.5 · (−1)   −0.5
   2  h     relu(v2)  relu(−0.5)      0
   3  v5    h − 1     0 − 1          −1
   4  v7    v5²       (−1)²           1
   5  v8    w · w     0.5 · 0.5    0.25
   6  loss  v7 + v8   1 + 0.25     1.25

backward
step  flow       local derivative    incoming · local  gradient
   7  loss                                                    1
   8  loss → v7  1                   1 · 1 = 1                1
   9  loss → v8  1                   1 · 1 = 1                1
  10  v8 → w     w                   1 · 0.5 = 0.5          0.5
  11  v8 → w     w                   1 · 0.5 = 0.5      0.5 → 1
  12  v7 → v5    2 · v5              1 · (−2) = −2           −2
  13  v5 → h     1                   −2 · 1 = −2             −2
  14  h → v2     1 if v2 > 0 else 0  −2 · 0 = 0               0
  15  v2 → w     x                   0 · (−1) = 0         1 → 1
  16  v2 → x     w                   0 · 0.5 = 0              0

gradients  ∂loss/∂w = 1, ∂loss/∂x = 0"""


def regression():
    X = Tensor([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]], requires_grad=False, label="X")
    Z = X @ Tensor([[1.0], [-1.0]], label="W") + Tensor([0.5], label="b")
    Z.label = "Z"
    return (Z * Z).mean()


REGRESSION = """\
given  X (3,2) = [[1, 2], [3, 4], [5, 6]], W (2,1) = [[1], [−1]], b (1,) = [0.5]

forward
step  node  formula   shape                     value
   1  v2    X @ W     (3,1)        [[−1], [−1], [−1]]
   2  Z     v2 + b    (3,1)  [[−0.5], [−0.5], [−0.5]]
   3  v5    Z · Z     (3,1)  [[0.25], [0.25], [0.25]]
   4  L     mean(v5)  ()                         0.25

backward
step  vector-Jacobian product               shapes                      gradient
   5  ∂L/∂L = 1                                                                1
   6  ∂L/∂v5 += ∂L/∂L / n, spread over      (3,1) ← ()                all 0.3333
        what was averaged
   7  ∂L/∂Z += ∂L/∂v5 ⊙ Z                   (3,1) += (3,1) ⊙ (3,1)   all −0.1667
   8  ∂L/∂Z += ∂L/∂v5 ⊙ Z                   (3,1) += (3,1) ⊙ (3,1)   all −0.3333
   9  ∂L/∂v2 += ∂L/∂Z                       (3,1) += (3,1)           all −0.3333
  10  ∂L/∂b += ∂L/∂Z, summed over axis 0    (1,) ← (3,1)                    [−1]
  11  ∂L/∂W += Xᵀ @ ∂L/∂v2                  (2,1) += (2,3) @ (3,1)  [[−3], [−4]]

gradients  ∂L/∂W = [[−3], [−4]], ∂L/∂b = [−1]"""

REGRESSION_IN_40_COLUMNS = """\
given  X (3,2) = [[1, 2], [3, 4], [5,
       6]], W (2,1) = [[1], [−1]],
       b (1,) = [0.5]

forward
   1  v2 = X @ W, of shape (3,1): [[−1],
      [−1], [−1]]
   2  Z = v2 + b, of shape (3,1):
      [[−0.5], [−0.5], [−0.5]]
   3  v5 = Z · Z, of shape (3,1):
      [[0.25], [0.25], [0.25]]
   4  L = mean(v5), of shape (): 0.25

backward
   5  the backward pass starts with
      ∂L/∂L = 1
   6  v5 receives ∂L/∂L / n, spread over
      what was averaged, of shape (3,1):
      [[0.3333], [0.3333], [0.3333]]
   7  Z receives ∂L/∂v5 ⊙ Z, of shape
      (3,1): all −0.1667
   8  Z receives ∂L/∂v5 ⊙ Z, of shape
      (3,1): all −0.3333
   9  v2 receives ∂L/∂Z, of shape (3,1):
      all −0.3333
  10  b receives ∂L/∂Z, summed over axis
      0, of shape (1,): [−1]
  11  W receives Xᵀ @ ∂L/∂v2, of shape
      (2,1): [[−3], [−4]]

gradients  ∂L/∂W = [[−3], [−4]],
           ∂L/∂b = [−1]"""


@pytest.mark.parametrize(
    ("make", "columns", "expected"),
    [
        (tanh_of_line, 80, TANH_OF_LINE),
        (neuron_with_penalty, 80, NEURON_WITH_PENALTY),
        (regression, 80, REGRESSION),
        (regression, 40, REGRESSION_IN_40_COLUMNS),
    ],
)
def test_the_tables_of_small_graphs(make, columns, expected):
    assert tables(trace(make()), width=columns) == expected


# --- any graph ----------------------------------------------------------------------------------------------------


@given(st.one_of(value_graphs(), tensor_graphs()), st.sampled_from([40, 60, 80, 120]))
def test_no_line_is_wider_than_the_window(root, columns):
    lines = tables(trace(root), width=columns).splitlines()
    assert max(map(width_of, lines)) <= columns


@given(value_graphs())
def test_each_number_of_a_step_is_the_same_in_every_view(root):
    told = trace(root)
    rows = dict(re.findall(r"^ *(\d+)  (.*)$", tables(told, width=1000), re.MULTILINE))
    stepper = Stepper(told)
    for step, data in zip(told.steps, told.to_dict()["steps"], strict=True):
        stepper.go(step.index)
        screen = stepper.screen(1000, 100)
        outcome = brief(step.value if isinstance(step, Forward) else step.after)
        assert rows[str(step.number)].endswith(outcome)
        assert outcome in screen
        if step.numbers is None:
            continue
        assert data["numbers"]["text"] == step.numbers.text
        assert step.numbers.text in screen
        for number in re.split(" [=≈] ", step.numbers.text):
            assert number in rows[str(step.number)]
        assert step.numbers.text in step.sentence.text


def test_of_very_many_steps_the_first_and_the_last_are_shown():
    x = Value(1.0, "x")
    y = x
    for _ in range(1000):
        y = y + 1
    lines = tables(trace(y)).splitlines()
    assert "… 600 steps left out: the trace's .steps has them" in lines
    assert "… 601 steps left out: the trace's .steps has them" in lines
    assert len([line for line in lines if re.match(r" *\d+  ", line)]) == 2 * MOST


def test_of_very_many_leaves_some_are_listed():
    total = sum(Value(1.0, f"x{i}") for i in range(500))
    given_leaves, *_, gradients = tables(trace(total)).split("\n\n")
    assert " ".join(given_leaves.split()).endswith("x398 = 1, x399 = 1, … and 100 more")
    assert " ".join(gradients.split()).endswith("… and 100 more")


def test_nan_and_infinity_are_marked_and_their_origin_is_named():
    x = Value(0.0, "x")
    text = tables(trace(x.log() * 0 + 1), paint=in_color)
    assert "\x1b[1;31m−inf\x1b[0m" in text
    assert text.endswith("\x1b[1;31m! NaN or infinity, first in step 1: v1 = log(x) = log(0) = −inf\x1b[0m")


def test_a_label_of_wide_or_control_characters_leaves_the_columns_aligned():
    x = Value(2.0, "日本\x1b[31m")
    lines = tables(trace(x * 3 + 1)).splitlines()
    assert "\x1b" not in "".join(lines)
    table = lines[3:6]
    assert len({width_of(line) for line in table}) == 1


# --- in few figures -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (2.5, "2.5"),
        (None, "—"),
        (np.array(3.0), "3"),
        (np.array([[1.0, np.nan], [-np.inf, 0.5]]), "[[1, nan], [−inf, 0.5]]"),
        (np.arange(100.0), "0 … 99"),
        (np.full(100, 0.5), "all 0.5"),
        (np.zeros((0, 3)), "empty"),
        (np.array([True, False]), "[1, 0]"),
    ],
)
def test_data_in_few_figures(data, text):
    assert brief(data) == text


# --- colour -------------------------------------------------------------------------------------------------------


class Screen(io.StringIO):
    def isatty(self):
        return True


def test_colours_are_for_terminals_alone(monkeypatch):
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)
    assert painter(Screen()) is in_color
    assert painter(io.StringIO()) is in_black
    monkeypatch.setenv("NO_COLOR", "1")
    assert painter(Screen()) is in_black
    monkeypatch.setenv("NO_COLOR", "")
    assert painter(Screen()) is in_color
    monkeypatch.setenv("TERM", "dumb")
    assert painter(Screen()) is in_black


def test_printing_a_trace_prints_its_tables(capsys):
    print(trace(tanh_of_line()))
    assert capsys.readouterr().out == TANH_OF_LINE + "\n"
    assert repr(trace(tanh_of_line())) == "<trace of L: 3 forward and 5 backward steps; print() shows them>"
