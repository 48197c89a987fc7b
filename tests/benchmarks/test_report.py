"""The harness itself: verdicts, figures, and a race that treats all peers alike."""

import gc

import pytest

from .report import Bar, Row, duration, figure, tables
from .timing import Timing, race


@pytest.mark.parametrize(
    ("samples", "limit", "at_least", "met"),
    [
        ([1.0, 1.2, 9.0], 1.3, False, True),
        ([1.0, 1.4, 1.5], 1.3, False, False),
        ([1.3], 1.3, False, True),
        ([1.0, 2.1, 9.0], 2, True, True),
        ([1.9, 1.9, 9.0], 2, True, False),
    ],
)
def test_a_bar_is_met_by_the_median(samples, limit, at_least, met):
    assert Bar("speed", samples, limit, at_least).met is met


def test_a_ratio_is_taken_round_by_round():
    timing = Timing({"own": [2.0, 30.0, 4.0], "peer": [1.0, 10.0, 4.0]})
    assert timing.ratios("own", "peer") == [2.0, 3.0, 1.0]
    assert timing.seconds("own") == 4.0


def test_a_race_gives_every_peer_the_same_rounds_and_the_collector_as_asked():
    seen = {"a": [], "b": []}
    steps = {name: lambda calls=calls: calls.append(gc.isenabled()) for name, calls in seen.items()}
    timing = race(steps, seconds=0, least=3, collector=False)
    assert [len(rounds) for rounds in timing.rounds.values()] == [3, 3]
    assert len(seen["a"]) == len(seen["b"])
    assert seen["a"][-1] is False
    assert gc.isenabled()


def test_the_collector_is_on_again_after_a_step_that_fails():
    calls = []

    def step():
        calls.append(None)
        if len(calls) > 5:
            raise RuntimeError("diverged")

    with pytest.raises(RuntimeError, match="diverged"):
        race({"a": step}, seconds=0, least=3, collector=False)
    assert gc.isenabled()


def test_tables_show_each_row_and_then_each_bar_with_its_verdict():
    rows = [
        Row(
            "Speed",
            "small",
            {"peer": "1 ms", "own": "2 ms · 2"},
            (Bar("time beside peer", [1.9, 2.0, 2.1], 1.3),),
        ),
        Row("Speed", "large", {"peer": "1 s", "own": "1 s · 1"}),
    ]
    assert tables(rows) == (
        "## Speed\n\n"
        "|       | peer | own      |\n"
        "| ----- | ---- | -------- |\n"
        "| small | 1 ms | 2 ms · 2 |\n"
        "| large | 1 s  | 1 s · 1  |\n"
        "\n"
        "## Bars\n\n"
        "|       | tinygrad_edu     | measured        | bar     | met |\n"
        "| ----- | ---------------- | --------------- | ------- | --- |\n"
        "| small | time beside peer | 2 (1.9 … 2.1) × | ≤ 1.3 × | NO  |\n"
    )


def test_rows_of_one_table_may_have_different_columns():
    rows = [Row("Labs", "watched", {"own": "1 s", "doctor": "2 s · 2"}), Row("Labs", "walk", {"own": "3 s"})]
    assert "| watched | 1 s | 2 s · 2 |\n| walk    | 3 s |         |\n" in tables(rows)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(2.5, "2.5 s"), (0.0123, "12.3 ms"), (4.56e-5, "45.6 µs"), (3e-9, "3 ns"), (1234.0, "1234 s")],
)
def test_durations(seconds, text):
    assert duration(seconds) == text


def test_figures_have_three_digits_and_no_exponent():
    assert [figure(x) for x in (0.5, 12.345, 1234.5, 999.6)] == ["0.5", "12.3", "1234", "1000"]
