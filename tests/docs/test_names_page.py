"""docs/names.md says what the docstrings say."""

import importlib.util
from pathlib import Path

DOCS = Path(__file__).parents[2] / "docs"


def test_the_page_of_names_is_up_to_date():
    spec = importlib.util.spec_from_file_location("names", DOCS / "names.py")
    names = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(names)
    assert (DOCS / "names.md").read_text(encoding="utf-8") == names.page(), "run `python docs/names.py`"
