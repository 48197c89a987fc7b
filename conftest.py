"""What the README's doctest needs, and what all tests leave behind."""

import contextlib
import sys
import tempfile

import pytest


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item):
    """Run the README's snippets, which write files, in a temporary folder."""
    if item.path.name != "README.md":
        return (yield)
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
        return (yield)


@pytest.fixture(autouse=True)
def _close_figures():
    """Close what pyplot keeps open: it would count the figures of all tests, and warn."""
    yield
    if "matplotlib.pyplot" in sys.modules:
        sys.modules["matplotlib.pyplot"].close("all")
