import numpy as np
import pytest

from demos import __main__ as command_line
from demos import pitfalls
from demos.pitfalls import FAULTS, HEALTHY, LIMIT, Moment, Twin, breadth_first, first_difference
from tinygrad_edu import Tensor
from tinygrad_edu.errors import ArgumentError


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def learner(monkeypatch):
    """Answers at a terminal."""

    def sit_down(*answers):
        waiting = list(answers)
        monkeypatch.setattr(pitfalls, "_on_a_terminal", lambda: True)
        monkeypatch.setattr("builtins.input", lambda _: waiting.pop(0))
        return waiting

    return sit_down


def test_two_healthy_twins_never_differ():
    with pytest.raises(AssertionError, match=f"did not differ in {LIMIT} steps"):
        first_difference(Twin(HEALTHY, 0), Twin(HEALTHY, 0))


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_the_backward_pass_of_a_few_lines_is_the_engines(seed):
    twin = Twin(HEALTHY, seed)
    moment = twin.look()
    twin.loss(twin.net(twin.X), twin.y).backward()
    for name, p in twin.net.named_parameters():
        np.testing.assert_allclose(moment.grads[name], p.grad, rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize(
    ("name", "step", "differ"),
    [
        ("rate", 2, {"loss", "h", "W1", "b1", "W2", "b2", "W3", "b3"}),
        ("logits", 1, {"loss", "h", "W1", "b1", "W2", "b2", "W3", "b3"}),
        ("zero-grad", 2, {"W1", "b1", "W2", "b2", "W3", "b3"}),
        ("accumulate", 1, {"h", "W1", "b1"}),
        ("broadcast", 1, {"b1", "b2", "b3"}),
        ("order", 1, {"W1", "b1"}),
    ],
)
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_the_twins_differ_where_the_fault_is(name, step, differ, seed):
    found, healthy, faulty = first_difference(Twin(HEALTHY, seed), Twin(FAULTS[name], seed))
    seen = {key for key in healthy.grads if not pitfalls._same(healthy.grads[key], faulty.grads[key])}
    seen |= set() if pitfalls._same(healthy.loss, faulty.loss) else {"loss"}
    assert (found, seen) == (step, differ)


def test_every_fault_is_tested_and_has_its_wrong_line():
    assert [*FAULTS] == ["rate", "logits", "zero-grad", "accumulate", "broadcast", "order"]
    for fault in FAULTS.values():
        code = fault.faulty if isinstance(fault.faulty, str) else pitfalls.inspect.getsource(fault.faulty)
        assert code.count("WRONG") == 1


def test_breadth_first_is_by_distance_from_the_root():
    a = Tensor(2.0, label="a")
    b = a.exp()
    root = b + b.sin().cos()
    assert [node.op or node.label for node in breadth_first(root)] == ["add", "exp", "cos", "a", "sin"]


def test_without_a_terminal_each_question_is_answered_by_the_demo(capsys):
    assert command_line.main(["pitfalls", "--quick"]) == 0
    said = capsys.readouterr().out
    for fault in FAULTS.values():
        assert fault.diagnosis in said
    assert said.count("What is wrong with the faulty twin?") == said.count("Diagnosis: ") == 6
    assert (
        "the library refuses the first step: a gradient has the shape of its data, (8,), but was given (60, 8)" in said
    )
    assert said.count("The doctor (train.doctor) says:") == 3
    for name in ("learning rate too high", "probabilities given to a with-logits loss", "missing zero_grad"):
        assert f"    {name} (step " in said
    assert "    nothing" not in said


def test_the_diagnosis_is_asked_before_it_is_told(learner, capsys):
    waiting = learner("nonsense", "9", "3")
    pitfalls.run(fault="zero-grad", quick=True)
    said = capsys.readouterr().out
    assert not waiting
    assert said.index("What is wrong") < said.index("Right.") < said.index("Diagnosis: zero_grad is missing")
    assert "1 of 1 diagnoses were right." in said


def test_a_wrong_diagnosis_is_said_to_be_wrong(learner, capsys):
    learner("order")
    pitfalls.run(fault="accumulate", quick=True)
    said = capsys.readouterr().out
    assert "No, not that the engine walks the graph in the wrong order." in said
    assert "0 of 1 diagnoses were right." in said


def test_enter_or_the_end_of_the_input_is_to_be_told(learner, monkeypatch, capsys):
    learner("")
    pitfalls.run(fault="rate", quick=True)

    def ended(_):
        raise EOFError

    monkeypatch.setattr("builtins.input", ended)
    pitfalls.run(fault="rate", quick=True)
    said = capsys.readouterr().out
    assert said.count("Diagnosis: the learning rate is far too high") == 2
    assert "Right." not in said
    assert "No, not" not in said


def test_the_order_is_the_seeds(monkeypatch):
    seen = []
    monkeypatch.setattr(pitfalls, "tell", lambda fault, *_: seen.append(fault) or ({"healthy": [1.0]}, None))
    for seed in (0, 0, 1):
        pitfalls.run(quick=True, seed=seed)
    assert seen[:6] == seen[6:12] != seen[12:]
    assert {fault.diagnosis for fault in seen[12:]} == {fault.diagnosis for fault in FAULTS.values()}


@pytest.mark.parametrize("name", ["rate", "logits", "zero-grad"])
def test_the_cure_of_a_loops_fault_is_shown_and_is_the_healthy_run(name, capsys, tmp_path):
    pitfalls.run(fault=name, quick=True)
    said = capsys.readouterr().out
    assert "The cured run equals the healthy one, bit for bit." in said
    assert (tmp_path / "out" / f"pitfalls_{name}_cure.png").stat().st_size > 1000


def test_an_unknown_fault_is_answered_in_a_sentence():
    with pytest.raises(ArgumentError, match="no fault called 'rates': choose one of rate, logits, "):
        pitfalls.run(fault="rates")


def test_only_what_differs_is_marked(capsys):
    a = Moment(0.5, {"W": np.ones((2, 2)), "b": np.ones(2)})
    pitfalls.show(3, a, Moment(0.5, {"W": np.ones((2, 2)), "b": np.ones((4, 2))}))
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "Up to step 2 all numbers are the same. At step 3 the twins differ:"
    assert [line.split()[0:3:2] for line in lines if line.endswith("<-")] == [["norm", "b's"], ["shape", "b's"]]
