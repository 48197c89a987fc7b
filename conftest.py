"""What the README's doctest needs, and what all tests leave behind."""

import contextlib
import signal
import sys
import tempfile

import pytest


def pytest_configure():
    """Make Ctrl-C work: a shell starts what runs in its background with that signal ignored, and tests send it."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


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
