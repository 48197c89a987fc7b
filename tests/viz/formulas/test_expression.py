import contextlib
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tinygrad_edu import Value
from tinygrad_edu.graph.node import topological_order
from viz.formulas.expression import FUNCTIONS, ExpressionError, parse


def refused(text, **values):
    with pytest.raises(ExpressionError) as caught:
        parse(text, values)
    says, line, caret = str(caught.value).splitlines()
    return says, line[2 : caret.index("^") + 1]


def test_an_expression_is_the_graph_that_python_would_record():
    root = parse("tanh(a*b + 10) - a**2 / -b", {"a": 2, "b": -3})
    a, b = Value(2.0, "a"), Value(-3.0, "b")
    expected = (a * b + 10).tanh() - a**2 / -b
    shape = [(node.op, node.label, node.data) for node in topological_order(expected)]
    assert [(node.op, node.label, node.data) for node in topological_order(root)] == shape


def test_a_name_is_one_leaf_however_often_it_stands_there():
    root = parse("a*a + a", {"a": 3})
    root.backward()
    (leaf,) = {node for node in topological_order(root) if node.label == "a"}
    assert leaf.grad == 7.0


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("2 * (a + 1)", 6.0),
        ("+a", 2.0),
        ("-a ** 2", -4.0),
        ("2 ** 3 ** 2 * a", 1024.0),
        ("leaky_relu(-a, 0.1)", -0.2),
        ("leaky_relu(-a, slope=0.5)", -1.0),
        ("clip(a, -1, 1)", 1.0),
        ("maximum(a, 3)", 3.0),
        ("1e400 * a", math.inf),
        ("a / 0", math.inf),
        ("  a\n + 1  ", 3.0),
    ],
)
def test_what_an_expression_computes(text, value):
    assert parse(text, {"a": 2}).data == pytest.approx(value)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_every_function_is_that_of_value(name):
    names = ["a", "b"][: len(FUNCTIONS[name].gx_texts)]
    root = parse(f"{name}({', '.join(names)})", dict(zip(names, (0.5, 0.25), strict=False)))
    assert root.op == name


@pytest.mark.parametrize(
    ("text", "says", "up_to"),
    [
        (
            "a + __import__('os')",
            "there is no function __import__: take one of Value's, such as tanh, exp or relu",
            "a + _",
        ),
        (
            "a + open('x').read()",
            "there is no function of that form: take one of Value's, such as tanh, exp or relu",
            "a + o",
        ),
        ("a.data", "only numbers, names, + - * / ** and functions of Value are understood", "a"),
        ("a + b[0]", "only numbers, names, + - * / ** and functions of Value are understood", "a + b"),
        ("a + 'x'", "a number was expected here", "a + '"),
        ("a + True", "a number was expected here", "a + T"),
        ("a + 1j", "a number was expected here", "a + 1"),
        ("[a for a in a]", "only numbers, names, + - * / ** and functions of Value are understood", "["),
        ("lambda: a", "only numbers, names, + - * / ** and functions of Value are understood", "l"),
        ("a if a else a", "only numbers, names, + - * / ** and functions of Value are understood", "a"),
        ("a < 1", "only numbers, names, + - * / ** and functions of Value are understood", "a"),
        ("a // 2", "only numbers, names, + - * / ** and functions of Value are understood", "a"),
        ("not a", "only numbers, names, + - * / ** and functions of Value are understood", "n"),
        ("a ^ 2", "^ is not a power: write a**2", "a ^ 2"),
        ("sigmod(a)", "there is no function sigmod: did you mean sigmoid?", "s"),
        ("ln(a)", "there is no function ln: did you mean log?", "l"),
        ("max(a, 1)", "there is no function max: did you mean maximum?", "m"),
        ("a + tanh", "tanh is a function: write tanh(…)", "a + t"),
        ("a + c", "c has no number: give it one, as in c=2", "a + c"),
        ("maximum(a)", "maximum takes 2 arguments, but was given 1", "m"),
        ("tanh()", "tanh takes 1 argument, but was given 0", "t"),
        ("tanh(*a)", "tanh takes 1 argument, but was given 1", "t"),
        ("clip(a, a)", "a number was expected here", "clip(a, a"),
        ("", "the expression is empty: write one such as tanh(a*b + 10)", ""),
        ("ä + é.x + a", "only numbers, names, + - * / ** and functions of Value are understood", "ä + é"),
        ("1" + "0" * 400 + " * a", "this number is too large for a float", "1"),
    ],
)
def test_anything_else_is_refused_with_a_caret_under_the_place(text, says, up_to):
    assert refused(text, a=2, ä=1) == (says, up_to)


@pytest.mark.parametrize("text", ["a +", "(a", "2a", "a = 2", "import os", "a\x00", "1" * 5000, "a b"])
def test_what_is_no_expression_is_refused(text):
    says, _ = refused(text, a=2)
    assert says.startswith("this is not an expression: ")


def test_parameters_that_a_function_does_not_have_are_refused():
    assert refused("tanh(a, 2)", a=1)[0] == "tanh() takes no parameters, but was given (2.0)"
    assert refused("leaky_relu(a, sloop=2)", a=1)[0] == "leaky_relu() takes slope=0.01, but was given (sloop=2.0)"


def test_a_number_without_a_name_in_the_expression_is_refused():
    assert refused("a * 2", a=1, b=2)[0] == "b was given a number, but is not in the expression"


@pytest.mark.parametrize("text", ["(" * 300 + "a" + ")" * 300, "-" * 5000 + "a", "+".join(["a"] * 20_000)])
def test_a_text_that_nests_too_deeply_is_refused_in_a_sentence(text):
    with pytest.raises(ExpressionError):
        parse(text, {"a": 1})


@given(st.text(alphabet=st.sampled_from("ab12.()+-*/^,'[]{}:=<>! \n\tlambdexptnh"), max_size=30))
def test_any_text_gives_a_graph_or_an_expression_error(text):
    with contextlib.suppress(ExpressionError):
        assert isinstance(parse(text, {"a": 1.5, "b": -2.0}), Value)
