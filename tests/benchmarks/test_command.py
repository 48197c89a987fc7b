"""`python -m tests.benchmarks`: what it refuses, and its exit status."""

import pytest

from . import __main__ as command
from .report import Bar, Row


@pytest.fixture
def measured(monkeypatch):
    """Run the command as if every workload had measured this figure, against a bar of 1.3."""
    monkeypatch.setattr(command, "PEERS", ("numpy",))
    for name in command.THREADS:
        monkeypatch.setenv(name, "1")  # the command sets them; this puts back what was there before

    def run(figure, *arguments):
        row = Row("Speed", "small", {"own": "1 ms"}, (Bar("time beside peer", [figure], 1.3),))
        monkeypatch.setattr(command, "measure", lambda name, effort: [row])
        monkeypatch.setattr("sys.argv", ["benchmarks", *arguments])
        return command.main()

    return run


@pytest.mark.parametrize(("figure", "status"), [(1.2, 0), (1.4, 1)])
def test_the_exit_status_tells_whether_every_bar_was_met(measured, capsys, figure, status):
    assert measured(figure, "--only", "xor-4") == status
    assert ("NO" in capsys.readouterr().out) is bool(status)


def test_the_page_is_written_from_a_whole_measurement(measured, monkeypatch, tmp_path):
    monkeypatch.setattr(command, "PAGE", tmp_path / "benchmarks.md")
    monkeypatch.setattr(command, "page", lambda rows: f"{len(rows)} rows")
    assert measured(1.2, "--write") == 0
    assert command.PAGE.read_text(encoding="utf-8") == f"{len(command.WORKLOADS)} rows"


@pytest.mark.parametrize("arguments", [("--quick", "--write"), ("--only", "xor-4", "--write")])
def test_a_page_from_less_is_refused(measured, capsys, arguments):
    with pytest.raises(SystemExit):
        measured(1.2, *arguments)
    assert "--write needs the whole measurement" in capsys.readouterr().err


def test_an_unknown_workload_is_refused_with_the_names_of_those_there_are(measured, capsys):
    with pytest.raises(SystemExit):
        measured(1.2, "--only", "mnist")
    assert "mnist-30" in capsys.readouterr().err


def test_peers_that_are_not_installed_are_named(measured, monkeypatch, capsys):
    monkeypatch.setattr(command, "PEERS", ("numpy", "no_such_engine"))
    assert measured(1.2) == 2
    assert "not installed: no_such_engine; run: pip install" in capsys.readouterr().err
