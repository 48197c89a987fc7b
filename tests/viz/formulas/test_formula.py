import ast
import math
import re
import xml.etree.ElementTree as ElementTree

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.domains import FUNCTIONS
from tests.test_functions import bound, drawn
from tinygrad_edu import Tensor, Value
from tinygrad_edu.operations.elementwise import TABLE
from viz.formulas.numbers import number_text, printable, width_of
from viz.formulas.tree import (
    Apply,
    Choice,
    Given,
    Infix,
    Name,
    Negative,
    Number,
    Partial,
    Prose,
    Raised,
    Relation,
    Row,
    Sign,
)
from viz.steps.trace import trace

a, b, W = Name("a"), Name("b"), Name("W")
ROOT = Name("loss")

# --- each part in each notation -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("formula", "text", "words"),
    [
        (Number(-3.0), "−3", "minus 3"),
        (Number(1.25e-7), "1.25e−7", "1.25 times 10 to the minus 7"),
        (Number(math.inf), "inf", "infinity"),
        (Number(-math.inf), "−inf", "minus infinity"),
        (Number(math.nan), "nan", "not a number"),
        (Name("W1"), "W1", "W1"),
        (Name("theta_2"), "theta_2", "theta_2"),
        (Name("α"), "α", "α"),
        (ROOT, "loss", "loss"),
        (Name("a b_c"), "a b_c", "a b_c"),
        (Partial(ROOT, W), "∂loss/∂W", "the gradient of W"),
        (Infix("*", a, Number(-3.0)), "a · (−3)", "a times minus 3"),
        (Infix("-", a, Negative(b)), "a − (−b)", "a minus minus b"),
        (Infix("/", a, Infix("*", b, W)), "a / (b · W)", "a over the quantity b times W"),
        (Infix("*", a, Infix("/", Number(1), b)), "a · (1 / b)", "a times 1 over b"),
        (Infix("**", a, Number(2)), "a²", "a squared"),
        (Infix("**", a, Number(-1)), "a^(−1)", "a to the power minus 1"),
        (Infix("**", Number(-2.0), Number(3)), "(−2)³", "the quantity minus 2, cubed"),
        (Infix("**", Infix("+", a, b), Number(2)), "(a + b)²", "the quantity a plus b, squared"),
        (Infix("⊙", a, b), "a ⊙ b", "a times, entry by entry, b"),
        (Infix("@", Raised(W, "ᵀ"), a), "Wᵀ @ a", "W transposed times a"),
        (Raised(Partial(ROOT, a), "ᵀ"), "(∂loss/∂a)ᵀ", "the gradient of a transposed"),
        (Choice(Infix(">", a, b), a, b), "a if a > b else b", "a if a is greater than b else b"),
        (Apply("sqrt", (a,)), "√a", "the square root of a"),
        (Apply("sqrt", (Infix("+", a, b),)), "√(a + b)", "the square root of the quantity a plus b"),
        (Apply("abs", (a,)), "|a|", "the absolute value of a"),
        (Apply("σ", (a,)), "σ(a)", "sigmoid of a"),
        (Apply("max", (a, b)), "max(a, b)", "max of a and b"),
        (Apply("sum", (a, Given("axis", Number(0)))), "sum(a, axis=0)", "sum of a, axis 0"),
        (Row((a, Prose(" to the winner"))), "a to the winner", "a to the winner"),
        (Row((Sign("Σ"), Prose(" "), a)), "Σ a", "the sum of a"),
        (Relation((a, b, Number(2)), ("=", "=")), "a = b = 2", "a is b, which is 2"),
    ],
)  # fmt: skip
def test_each_part_in_each_notation(formula, text, words):
    assert formula.text == text
    assert formula.words == words
    ElementTree.fromstring(formula.mathml)


@pytest.mark.parametrize(
    ("x", "text"),
    [
        *[(0.0, "0"), (-0.0, "0"), (9999.7, "10000"), (999999.4, "999999"), (1e6, "1e6"), (123456789.0, "1.235e8")],
        *[(1 / 3, "0.3333"), (1e-4, "0.0001"), (9.9e-5, "9.9e−5"), (1e-300, "1e−300")],
    ],
)  # fmt: skip
def test_numbers_are_of_four_digits_and_without_noughts_at_the_end(x, text):
    assert number_text(x) == text


# --- parentheses --------------------------------------------------------------------------------------------------

_TREES = st.recursive(
    st.integers(-4, 4).map(lambda n: Number(float(n))),
    lambda part: st.one_of(
        st.builds(Infix, st.sampled_from("+-*/"), part, part),
        st.builds(Infix, st.just("**"), part, st.integers(0, 3).map(lambda n: Number(float(n)))),
        st.builds(Negative, part),
    ),
    max_leaves=8,
)


def value_of(tree):
    match tree:
        case Number(value):
            return value
        case Negative(inner):
            return -value_of(inner)
        case Infix(symbol, left, right):
            return eval(f"({value_of(left)}) {symbol} ({value_of(right)})")  # noqa: S307 numbers and signs of the strategy
    raise AssertionError(tree)


@given(_TREES)
@example(Infix("**", Infix("**", Number(2.0), Number(3)), Number(2)))
@example(Infix("**", Negative(Number(2.0)), Number(2)))
@example(Infix("-", Number(1.0), Infix("-", Number(2.0), Number(3.0))))
@example(Negative(Infix("+", Number(1.0), Number(2.0))))
def test_the_text_means_what_the_tree_means(tree):
    source = tree.text.replace("·", "*").replace("−", "-")
    source = re.sub("[⁰¹²³]", lambda power: f"**{'⁰¹²³'.index(power[0])}", source)
    try:
        expected = value_of(tree)
    except (ZeroDivisionError, OverflowError):
        return
    assert eval(source) == pytest.approx(expected)  # noqa: S307


# --- every operation ----------------------------------------------------------------------------------------------


def check_words(words):
    assert not set(words) & set("∂·⊙⁻²√ᵀ←→|*^"), words


def check(formula):
    if formula is not None:
        check_words(formula.words)
        ElementTree.fromstring(formula.mathml)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_every_operation_on_arrays_can_be_told_in_every_notation(name):
    f = FUNCTIONS[name]
    for call in f.calls:
        leaves = [Tensor(x, label=label) for label, x in zip("XYZ", drawn(f, call), strict=False)]
        y = bound(f.function, f, call)(*leaves)
        for step in trace(y.sum()).steps:
            for formula in (step.equation, step.numbers, step.sentence, getattr(step, "local_formula", None)):
                check(formula)


@pytest.mark.parametrize("name", TABLE)
def test_every_row_can_be_told_in_every_notation(name):
    row = TABLE[name]
    xs = [Value(0.5, "a"), Value(0.75, "b")][: len(row.gx_texts)]
    for step in trace(row(*xs, **row.defaults)).steps:
        for formula in (step.equation, step.numbers, step.sentence, getattr(step, "local_formula", None)):
            check(formula)


# --- labels -------------------------------------------------------------------------------------------------------


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=12))
def test_a_label_may_be_anything(label):
    name = Name(printable(label))
    formula = Relation((Partial(name, name), Infix("*", name, Number(1))), ("+=",))
    ElementTree.fromstring(formula.mathml)
    assert formula.text.isprintable()
    assert len(formula.text.splitlines()) == 1
    ast.literal_eval(repr(formula.words))


def test_the_width_of_a_text_is_in_columns():
    assert (width_of("abc"), width_of("日本"), width_of("é")) == (3, 4, 1)
