"""The long cross-examination draws more than one round of cases for a test."""

from hypothesis import given
from hypothesis import strategies as st

from tests.crosscheck import __main__ as long


def test_every_round_draws_new_cases(monkeypatch):
    monkeypatch.setattr(long, "ROUND", 5)
    drawn = []

    @given(number=st.integers(0, 10**9))
    def test(number):
        drawn.append(number)

    examination = long.Examination("numbers", test)
    for seed in range(3):
        examination.run(seed)
    assert examination.cases == len(drawn) == 15
    assert len({*drawn}) > 5
    assert not examination.failure
