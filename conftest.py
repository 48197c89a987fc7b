"""What the README's doctest needs."""

import contextlib
import tempfile

import pytest


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item):
    """Run the README's snippets, which write files, in a temporary folder."""
    if item.path.name != "README.md":
        return (yield)
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
        return (yield)
