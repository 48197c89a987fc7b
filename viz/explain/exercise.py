"""`check_answer`: a learner's gradient of a node, judged as the `quiz` judges it. For exercises in notebooks."""

from dataclasses import dataclass
from html import escape

from tinygrad_edu.errors import ArgumentError
from tinygrad_edu.graph.node import Node, describe
from tinygrad_edu.support.ascii import for_output
from viz.explain.quiz import Question, questions
from viz.formulas.numbers import number_text
from viz.steps.trace import trace


@dataclass(frozen=True)
class Verdict:
    """What `check_answer` says: whether the answer is right, and a sentence. It shows itself in a notebook."""

    is_right: bool
    sentence: str

    @for_output
    def __repr__(self) -> str:
        return self.sentence

    def _repr_html_(self) -> str:
        colour = "#116329" if self.is_right else "#953800"
        return f'<p style="border-left: 4px solid {colour}; padding: 0.3em 0.8em">{escape(self.sentence)}</p>'


def check_answer(answer: float | None, node: Node, root: Node) -> Verdict:
    """Judge ``answer`` as the gradient ∂root/∂node.

    Parameters
    ----------
    answer : the learner's number; three figures are enough. None asks the question.
    node : a node that ``root`` depends on. Of a Tensor the question asks for one entry.
    root : the result that is differentiated.

    Returns
    -------
    Verdict. A wrong answer is compared with the known mistakes, such as a forgotten local derivative or a wrong sign,
    and the sentence gives the hint that belongs to the mistake.

    Raises
    ------
    ArgumentError : no gradient flows from ``root`` to ``node``, or it cannot be worked out by hand.

    Examples
    --------
    >>> from tinygrad_edu import Value
    >>> a, b = Value(2.0, "a"), Value(-3.0, "b")
    >>> L = a * b
    >>> check_answer(-3, a, L)
    Right: ∂L/∂a = −3.
    >>> check_answer(2, a, L).is_right
    False
    """
    told = trace(root)
    place = {id(other): i for i, other in enumerate(told.order)}.get(id(node))
    asked = [question for question in questions(told) if told.steps[question.step].input == place]  # type: ignore[attr-defined]
    if place is None or not asked:
        raise ArgumentError(f"there is no question about the gradient of {describe(node)}: it gets none from the root")
    question = asked[-1]  # the step that completes the gradient
    name = told.partial(place).text
    if answer is None:
        return Verdict(False, f"{question.prompt.text} Put your number instead of None, and run the cell again.")
    return _verdict(question, float(answer), name)


def _verdict(question: Question, answer: float, name: str) -> Verdict:
    judged = question.judge(answer)
    if judged is True:
        return Verdict(True, f"Right: {name} = {number_text(question.answer)}.")
    if judged is False:
        return Verdict(False, f"{number_text(answer)} is not {name}. {question.prompt.text}")
    hint = f"{judged.hint[0].upper()}{judged.hint[1:]}."
    return Verdict(False, f"{number_text(answer)} is not {name}: {judged.name}. {hint}")
