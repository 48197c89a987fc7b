import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.random_programs import tensor_graphs, value_graphs
from tinygrad_edu import Tensor, Value
from viz.explain.quiz import questions, quiz, read_number, same
from viz.formulas.expression import parse
from viz.steps.trace import trace


def asked(root):
    """The questions by the name of the node that they ask about, the last one where there are several."""
    told = trace(root)
    return {told.names[told.steps[q.step].input]: q for q in questions(told)}


def named(question, value):
    mistake = question.judge(value)
    return mistake if isinstance(mistake, bool) else mistake.name


@given(st.one_of(value_graphs(), tensor_graphs()))
def test_the_answer_is_right_and_every_mistake_is_recognised_as_itself(root):
    told = trace(root)
    for question in questions(told):
        step = told.steps[question.step]
        after = step.after if question.index is None else step.after[question.index]
        assert question.answer == after
        assert question.judge(question.answer) is True
        for mistake in question.mistakes:
            assert question.judge(mistake.value) is mistake
        json.dumps(question.to_dict(), allow_nan=False)


def test_every_backward_step_is_asked_for_unless_its_answer_is_not_finite():
    assert len(questions(trace(parse("tanh(a*b + 10)", {"a": 2, "b": -3})))) == 4
    assert questions(trace(parse("log(a)", {"a": 0}))) == []


# --- the known mistakes, in the numbers that a learner would give -------------------------------------------------


def test_forgot_the_incoming_gradient():
    question = asked(parse("5 * tanh(a*b + 10)", {"a": 2, "b": -2}))["v5"]
    assert question.answer == pytest.approx(5 * (1 - math.tanh(6) ** 2))
    assert named(question, 1 - math.tanh(6) ** 2) == "forgot the incoming gradient"


def test_wrong_sign():
    question = asked(parse("3 * (a - b)", {"a": 2, "b": 5}))["b"]
    assert (question.answer, named(question, 3)) == (-3.0, "wrong sign")


def test_forgot_to_accumulate_and_dropped_a_path():
    question = asked(parse("a*b + 7*a", {"a": 2, "b": 5}))["a"]
    assert question.answer == 12.0
    told = trace(parse("a*b + 7*a", {"a": 2, "b": 5}))
    step = told.steps[question.step]
    assert named(question, step.contribution) == "forgot to accumulate"
    assert named(question, step.before) == "dropped a path"


def test_of_three_paths_an_earlier_one_is_missed():
    question = asked(parse("a*2 + a*3 + a*5", {"a": 1}))["a"]
    told = trace(parse("a*2 + a*3 + a*5", {"a": 1}))
    earlier = [step.contribution for step in told.backward[1:] if step.input == 0][:2]
    assert question.answer == 10.0
    assert [named(question, 10.0 - share) for share in earlier] == ["dropped a path"] * 2


def test_used_the_input_instead_of_the_output():
    question = asked(parse("exp(a)", {"a": 2}))["a"]
    assert (question.answer, named(question, 2)) == (math.exp(2), "used the input instead of the output")
    question = asked(parse("tanh(a)", {"a": 0.5}))["a"]
    assert named(question, 1 - 0.5**2) == "used the input instead of the output"


def test_used_the_output_instead_of_the_input_and_the_wrong_input():
    assert named(asked(parse("sin(a)", {"a": 1}))["a"], math.cos(math.sin(1))) == "used the output instead of the input"
    assert named(asked(parse("a * b", {"a": 2, "b": 5}))["a"], 2) == "took the wrong input"


def test_forgot_the_local_derivative():
    assert named(asked(parse("3 * (a * b)", {"a": 2, "b": 7}))["a"], 3) == "forgot the local derivative"


def test_a_number_that_means_nothing_is_only_wrong():
    assert named(asked(parse("a * b", {"a": 2, "b": 5}))["a"], 123.4) is False


def test_a_mistake_in_an_entry_of_a_tensor_is_recognised():
    X = Tensor([[1.0, 2.0], [3.0, 4.0]], requires_grad=False, label="X")
    W = Tensor([[1.0, -1.0], [0.5, 2.0]], label="W")
    question = asked(((X @ W) * 3).sum())["W"]
    assert (question.index, question.answer) == ((1, 0), 18.0)
    assert question.prompt.text.endswith("What does ∂L/∂W[1, 0] become?")
    assert named(question, 6.0) == "forgot the incoming gradient"
    assert named(question, -18.0) == "wrong sign"


def test_the_prompt_has_digits_enough_to_find_the_answer():
    question = asked(parse("tanh(a)", {"a": 4}))["a"]
    assert question.prompt.text == "L = tanh(a), where a = 4, L = 0.9993293, and ∂L/∂L = 1. What does ∂L/∂a become?"
    assert question.judge(1 - 0.9993293**2) is True


def test_a_question_about_one_of_several_uses_says_so_and_knows_the_whole_gradient():
    first, second = (q for q in questions(trace(parse("a*b + 7*a", {"a": 2, "b": 5}))) if "∂L/∂a" in q.prompt.text)
    assert first.prompt.text.endswith("What does ∂L/∂a become with 1 of its 2 uses counted?")
    assert second.prompt.text.endswith("So far ∂L/∂a = 7. What does ∂L/∂a become?")
    whole = first.judge(12.0)
    assert whole.name == "counted later uses too"
    assert (
        whole.hint
        == "that is the whole gradient, as the last step leaves it; so far 1 of 2 uses have given their share"
    )


def test_of_large_arrays_an_elementwise_step_asks_for_one_entry_with_its_numbers():
    x = Tensor(np.arange(20.0).reshape(5, 4), label="x")
    scale = Tensor(np.arange(1.0, 5.0), requires_grad=False, label="scale")
    question = asked(((x * scale).tanh() * 2).sum())["x"]
    assert question.index == (0, 0)
    assert question.prompt.text == (
        "v2 = x · scale, where x[0, 0] = 0, scale[0] = 1, v2[0, 0] = 0, and ∂L/∂v2[0, 0] = 2. "
        "What does ∂L/∂x[0, 0] become?"
    )
    assert question.answer == 2.0


def test_a_step_that_sums_large_arrays_is_not_asked_about():
    x = Tensor(np.ones((4, 4)), label="x")
    assert [question.prompt.text.partition(",")[0] for question in questions(trace((x * 2).sum()))] == ["v2 = x · 2"]
    assert questions(trace(x.sum())) == []


def test_where_nothing_can_be_asked_the_quiz_says_why(capsys):
    x = Tensor(np.ones((4, 4)), label="x")
    quiz((x @ x).sum())
    assert "each step takes arrays of more than 12 numbers" in capsys.readouterr().out
    quiz(parse("log(a)", {"a": 0}))
    assert "no gradient of this graph is a finite number" in capsys.readouterr().out


def test_every_number_that_is_needed_stands_in_the_question():
    x = Tensor([[1.0, 2.0], [3.0, 4.0]], label="x")
    question = asked((x @ x).sum())["x"]
    assert (
        "where x = [[1, 2], [3, 4]], v1 = [[7, 10], [15, 22]], and ∂L/∂v1 = [[1, 1], [1, 1]]." in question.prompt.text
    )


def test_an_empty_tensor_is_not_asked_about():
    x = Tensor(np.zeros((0, 3)), label="x")
    assert questions(trace(x.sum())) == []


# --- reading an answer --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "value", "slack"),
    [
        ("0.0013", 0.0013, 5e-5),
        ("-0.0013", -0.0013, 5e-5),
        ("−12", -12.0, 0.5),
        ("0.001", 0.001, 0.0),
        ("3", 3.0, 0.0),
        ("2 * -3", -6.0, 0.0),
        ("1 - 0.5**2", 0.75, 0.0),
        ("0,25", 0.25, 0.005),
        (".5", 0.5, 0.0),
        ("1e-3", 0.001, 0.0),
    ],
)
def test_a_number_is_read_with_the_precision_that_it_was_given_with(line, value, slack):
    assert read_number(line) == pytest.approx((value, slack))


def test_a_number_rounded_to_two_digits_is_right():
    assert same(*[0.0013, 0.001341], slack=5e-5)
    assert not same(0.001, 0.001341)
    assert same(0.0, 0.0)


# --- in the terminal ----------------------------------------------------------------------------------------------


def played(monkeypatch, capsys, *lines, root=None):
    given_lines = iter(lines)

    def read(prompt):
        line = next(given_lines, None)
        if line is None:
            raise EOFError
        return line

    monkeypatch.setattr("builtins.input", read)
    quiz(parse("a * b", {"a": 2, "b": 5}) if root is None else root)
    return capsys.readouterr().out


def test_a_quiz_to_the_end(monkeypatch, capsys):
    printed = played(monkeypatch, capsys, "5", "open(1)", "-2", "2")
    assert printed == (
        "2 gradients to find. Enter shows the answer, q ends the quiz.\n"
        "\n"
        "1. L = a · b, where a = 2, b = 5, L = 10, and ∂L/∂L = 1. What does ∂L/∂a become?\n"
        "   Right.\n"
        "   a receives 1 · 5 = 5\n"
        "\n"
        "2. L = a · b, where a = 2, b = 5, L = 10, and ∂L/∂L = 1. What does ∂L/∂b become?\n"
        "   Answer with a number such as -0.25, or with an expression such as 2 * -3.\n"
        "   Not yet (wrong sign): look at the sign of the local derivative a.\n"
        "   Right.\n"
        "   b receives 1 · 2 = 2\n"
        "\n"
        "1 of 2 right at the first try\n"
    )


@pytest.mark.parametrize("last", ["q", None])
def test_the_quiz_can_be_left_and_an_answer_be_shown(monkeypatch, capsys, last):
    printed = played(monkeypatch, capsys, "", *([last] if last else []))
    assert "   It is 5.\n   a receives 1 · 5 = 5\n" in printed
    assert printed.endswith("0 of 2 right at the first try\n")


def test_what_has_no_finite_gradient_has_no_quiz(monkeypatch, capsys):
    assert played(monkeypatch, capsys, root=parse("log(a)", {"a": 0})) == (
        "There is nothing to ask: no gradient of this graph is a finite number.\n"
    )


def test_a_label_cannot_break_out_of_the_prompt():
    x = Value(2.0, "\x1b[2J<b>")
    (question,) = questions(trace(x * 3))
    assert "\x1b" not in question.prompt.text
    assert "<b>" not in question.prompt.mathml
