"""The packages whose names are imported late: what `dir` shows, type checkers read and misspelling gives."""

import ast
import importlib
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGES = ("tinygrad_edu", "tinygrad_edu.nn", "viz")


@pytest.mark.parametrize("name", PACKAGES)
def test_each_name_is_what_a_type_checker_takes_it_for(name):
    package = importlib.import_module(name)
    tree = ast.parse(Path(package.__file__).read_text(encoding="utf-8"))
    imports = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    found = {alias.name: node.module for node in imports for alias in node.names}
    assert {*package.__all__} <= {*found}
    for public in package.__all__:
        home = importlib.import_module(found[public])
        assert getattr(package, public) is getattr(home, public)


@pytest.mark.parametrize("name", PACKAGES)
def test_dir_shows_what_is_public_and_nothing_else(name):
    package = importlib.import_module(name)
    assert [public for public in dir(package) if not public.startswith("__")] == sorted(package.__all__)
    assert {"__doc__", "__all__", "__file__"} <= {*dir(package)}


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("import tinygrad_edu; tinygrad_edu.Tensr", "'tinygrad_edu' has no attribute 'Tensr'. Did you mean: 'Tensor'?"),
        (
            "from tinygrad_edu import nn; nn.Liner",
            "'tinygrad_edu.nn' has no attribute 'Liner'. Did you mean: 'Linear'?",
        ),
        ("import viz; viz.plot_histery", "'viz' has no attribute 'plot_histery'. Did you mean: 'plot_history'?"),
    ],
)
def test_a_misspelt_name_is_told_what_was_meant(code, words):
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stderr.rstrip().endswith(f"AttributeError: module {words}")


def test_a_name_is_imported_when_it_is_asked_for():
    code = (
        "import sys, tinygrad_edu as t; print('numpy' in sys.modules, 'Tensor' in vars(t)); "
        "t.Tensor; print('numpy' in sys.modules, 'Tensor' in vars(t))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False False\nTrue True\n"
