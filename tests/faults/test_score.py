"""The doctor on a few programs of each list; `python -m tests.faults` runs all of them."""

import pytest

from tests.faults import healthy, page
from tests.faults.afterwards import AFTERWARDS
from tests.faults.again import AGAIN
from tests.faults.blind import PROGRAMS
from tests.faults.examples import EXAMPLES, run
from tests.faults.invented import INVENTED
from tests.faults.program import watch
from tests.faults.published import PUBLISHED
from tests.faults.score import Result, judge, total
from tests.faults.truth import CLAIMS
from tinygrad_edu.train.doctor.finding import anchor
from tinygrad_edu.train.doctor.rules import RULES

NAMES = {rule.name for rule in RULES} | {"loss summed over the batch"}
QUICK = {  # of each list those that take little time and differ in kind
    "adam-rate-too-high": PUBLISHED,
    "holes-in-the-data": PUBLISHED,
    "huge-initial-weights": PUBLISHED,
    "labels-scaled-like-pixels": PUBLISHED,
    "negative-loss-weights": PUBLISHED,
    "optimizer-of-a-copy": PUBLISHED,
    "sum-in-place-of-mean": PUBLISHED,
    "two-epochs": PUBLISHED,
    "minus-before-the-loss": INVENTED,
    "digits-in-order": INVENTED,
    "iris-softmax-twice": AFTERWARDS,
    "reset-after-backward": AFTERWARDS,
    "logarithm-of-a-plain-output": AGAIN,
    "norm-clipped-to-a-ten-thousandth": AGAIN,
}
KINDS = (
    "regression",
    "tiny-data",
    "counts",
    "embeddings",
    "adversarial",
    "fine-tuning-a-head",
    "policy-gradient",
    "noise",
)


@pytest.mark.parametrize("name", QUICK)
def test_a_cause_is_named_and_the_repaired_program_is_left_in_peace(name):
    program = QUICK[name].programs[name]
    faulty, repaired = judge(program, 0, fixed=False), judge(program, 0, fixed=True)
    assert faulty.named, faulty.said
    assert faulty.true == len(faulty.said), faulty.said
    assert not repaired.said


@pytest.mark.parametrize("name", ["sgd-rate-too-low", "two-linear-units-in-the-middle", "relu-on-signed-regression"])
def test_a_fault_does_harm(name):
    faulty, repaired = (PUBLISHED.programs[name].build(0, fixed) for fixed in (False, True))
    faulty.run()
    repaired.run()
    assert faulty.score() < repaired.score() - 0.3


@pytest.mark.parametrize("name", ["softmax_twice", "rate_too_low", "embedding_left_out", "same_batch_each_step"])
def test_a_fault_of_the_unseen_programs_does_harm(name):
    (_, faulty), (_, repaired) = (PROGRAMS[name](0, fault) for fault in (True, False))
    assert faulty > repaired + 0.1


@pytest.mark.parametrize("kind", KINDS)
def test_a_healthy_kind_gives_no_alarm(kind):
    assert not watch(healthy.build(kind, 100)).findings


@pytest.mark.parametrize("name", EXAMPLES)
def test_each_example_of_the_page_runs_and_shows_its_finding(name):
    found = [finding.name for finding in run(EXAMPLES[name]).findings]
    assert name in found, found


def test_every_finding_has_its_claim_its_example_and_its_section():
    assert set(EXAMPLES) == set(CLAIMS) == NAMES
    written = page.PAGE.read_text(encoding="utf-8")
    sections = {anchor(line.removeprefix("### ")) for line in written.splitlines() if line.startswith("### ")}
    assert {anchor(name) for name in NAMES} <= sections


def test_every_rule_says_what_would_make_it_wrong():
    for rule in RULES:
        text = " ".join((rule.__doc__ or "").split())
        assert "would make it wrong" in text or "makes it wrong" in text or "Nothing" in text, rule.name


def test_the_score_counts_what_it_says():
    results = [
        Result("a", 0, False, ("NaN", "overfitting"), True, 1, 0.0),
        Result("b", 0, False, (), False, 0, 0.0),
        Result("a", 0, True, ("NaN",), False, 0, 0.0),
        Result("b", 0, True, (), False, 0, 0.0),
    ]
    score = total(results)
    assert (score.recall, score.precision) == (0.5, 1 / 3)
    assert str(score) == (
        "detected 1 of 2, a cause named in 1 (recall 0.50), 1 of 3 findings true (precision 0.33), "
        "1 alarms in 2 repaired runs"
    )
