"""What every test module shares: Hypothesis profiles, the place of the real pictures, PyTorch as an oracle."""

import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

_PICTURES = Path(__file__).resolve().parent.parent.parent / "shared" / "data"
if _PICTURES.is_dir():
    os.environ.setdefault("TINYGRAD_EDU_DATA", str(_PICTURES))

# The same examples in every run, so that a failure is a change of the code. HYPOTHESIS_PROFILE=thorough looks for more.
settings.register_profile("quick", derandomize=True, deadline=None, max_examples=20, database=None)
settings.register_profile(
    "thorough", deadline=None, max_examples=500, print_blob=True, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "quick"))


@pytest.fixture(scope="session")
def torch():
    """PyTorch: a test that asks for it is marked ``oracle``, and skipped where PyTorch is missing.

    There is no other way to use it in a test, so that ``pytest -m oracle`` runs them all and shows if one was skipped.
    """
    module = pytest.importorskip("torch", reason="torch is not installed")
    module.set_num_threads(1)
    return module


@pytest.fixture(scope="session")
def run_without_numpy():
    """Run a program in an interpreter where NumPy cannot be imported; it fails if the program does."""

    def run(program):
        hidden = "import sys\nsys.modules['numpy'] = None\n" + textwrap.dedent(program)
        done = subprocess.run([sys.executable, "-c", hidden], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run


@pytest.hookimpl(tryfirst=True)  # before -m selects by marker
def pytest_collection_modifyitems(items):
    for item in items:
        if "torch" in getattr(item, "fixturenames", ()):
            item.add_marker("oracle")
