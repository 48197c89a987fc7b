"""What the README promises beside its snippets, which run as doctests."""

import re
from pathlib import Path

import pytest

from demos._catalogue import summaries

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(\w*)\n(.*?)^```$", README, flags=re.MULTILINE | re.DOTALL)


def test_two_commands_do_all_their_own_set_up():
    commands = [text for language, text in BLOCKS if language == "sh" and "python3 -m venv" in text]
    assert [len(command.splitlines()) for command in commands] == [1, 1]
    tour, tests = commands
    assert "-m demos" in tour
    assert "-m pytest" in tests


def test_every_snippet_runs_as_a_doctest():
    snippets = [text for language, text in BLOCKS if language == "python"]
    assert len(snippets) > 5
    for snippet in snippets:
        assert snippet.startswith(">>> "), snippet


@pytest.mark.parametrize("link", re.findall(r"\]\((?!https?://)([^)#]+)", README))
def test_links_lead_somewhere(link):
    assert (ROOT / link).is_file()


def test_every_demo_named_exists():
    named = re.findall(r"^\| `([\w-]+)` \|", README, flags=re.MULTILINE)
    assert named
    assert {*named} <= {*summaries()}
