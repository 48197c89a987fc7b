"""docs/architecture.md: its table "To add something, edit these files", carried out in a copy of the project."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
ROWS = {cells[0]: cells[1] for cells in re.findall(r"^\| (an? [\w ]+) \| ([^|]*) \|", PAGE, flags=re.MULTILINE)}


class Change:
    """What is added: for each file the text before which new text goes ("" is the end), and a program that uses it."""

    def __init__(self, edits, program):
        self.edits = edits
        self.program = program


CHANGES = {
    "an elementwise operation": Change(
        {
            "tinygrad_edu/operations/elementwise.py": (
                '    sin = Unary("sin(x)"',
                '    versine = Unary("1 - cos(x)", gx="gy * sin(x)")\n',
            ),
            "tests/domains.py": (
                '    "hypot": Row(',
                '    "versine": Row(lambda x: 1 - np.cos(x), torch=lambda torch, x: 1 - x.cos()),\n',
            ),
        },
        """
        import math, subprocess, sys
        import numpy as np
        import viz
        from tinygrad_edu import Tensor, Value, compile, grad, gradcheck
        x = Value(2.0, "x")
        y = x.versine()
        y.backward()
        sine, cosine = math.sin(2.0), math.cos(2.0)
        assert (y.data, x.grad, grad(grad(lambda x: x.versine()))(2.0)) == (1 - cosine, sine, cosine)
        assert np.allclose(Tensor([2.0]).versine().data, [1 - cosine])
        assert np.allclose(compile(lambda x: x.versine())(Tensor([2.0])).data, [1 - cosine])
        assert gradcheck(lambda x: x.versine(), 0.5).checked == 1
        assert "versine" in viz.draw(y).source
        test = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/operations/test_rules.py"]
        subprocess.run([*test, "-k", "versine and not beside_pytorch"], check=True)
        """,
    ),
    "an optimizer": Change(
        {
            "tinygrad_edu/optim/descent.py": (
                "",
                '\n\nclass HalfSGD(Optimizer):\n    """``p ← p − lr / 2 · g``."""\n\n'
                "    def update(self, p, g, state):\n        p -= self.lr / 2 * g\n        return p\n",
            ),
            "tinygrad_edu/optim/__init__.py": (
                "from tinygrad_edu.optim.line_search",
                "from tinygrad_edu.optim.descent import HalfSGD\n",
            ),
        },
        """
        from tinygrad_edu import Tensor, compile, optim
        p = Tensor([1.0, -2.0])
        optimizer = optim.HalfSGD([p], lr=0.5)
        @compile
        def step(x):
            loss = (p * p * x).sum()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            return loss
        import numpy as np
        for _ in range(3):
            step(np.ones(2))
        assert p.data.tolist() == [0.125, -0.25], p.data
        """,
    ),
    "a schedule": Change(
        {
            "tinygrad_edu/optim/lr_scheduler.py": (
                "",
                '\n\nclass HarmonicLR(LRScheduler):\n    """``lr = base_lr / (1 + step)``."""\n\n'
                "    def rate(self, step):\n        return self.base_lr / (1 + step)\n",
            )
        },
        """
        from tinygrad_edu import Tensor, optim
        optimizer = optim.SGD([Tensor([1.0])], lr=1.0)
        schedule = optim.lr_scheduler.HarmonicLR(optimizer)
        schedule.step()
        assert optimizer.lr == 0.5
        """,
    ),
    "a layer": Change(
        {
            "tinygrad_edu/nn/layers.py": (
                "",
                '\n\nclass Scale(Module):\n    """``y = x · weight``."""\n\n    def __init__(self):\n'
                "        super().__init__()\n        self.weight = Tensor(1.0)\n\n"
                "    def forward(self, x):\n        return x * self.weight\n",
            ),
            "tinygrad_edu/nn/__init__.py": ('            "layers": "', None),
        },
        """
        import numpy as np
        from tinygrad_edu import nn
        layer = nn.Scale()
        layer(np.ones(3)).sum().backward()
        assert (layer.weight.grad.item(), [*layer.state_dict()]) == (3.0, ["weight"])
        """,
    ),
    "a view": Change(
        {
            "viz/explain/census.py": (
                "",
                '"""How often each operation occurs."""\n\nfrom collections import Counter\n\n'
                "from viz.steps.trace import trace\n\n\n"
                'def census(root):\n    """Count the operations of the forward pass."""\n'
                "    return Counter(node.op for node in trace(root).order if node.op)\n",
            ),
            "viz/__init__.py": ('            "explain.why": ', '            "explain.census": "census",\n'),
        },
        """
        import viz
        from tinygrad_edu import Value
        x = Value(2.0)
        assert viz.census(x * x + x * 3) == {"mul": 2, "add": 1}
        """,
    ),
    "a lab": Change(
        {
            "demos/hello.py": (
                "",
                '"""Hello: the smallest lab."""\n\nfrom demos._options import Quick\n\n\n'
                'def run(*, quick: Quick = False) -> None:\n    """Print a greeting."""\n    print("hello", quick)\n',
            )
        },
        """
        import subprocess, sys
        done = subprocess.run([sys.executable, "-m", "demos", "hello", "--quick"], capture_output=True, text=True)
        assert done.stdout == "hello True\\n", done.stderr
        """,
    ),
}


def test_each_row_is_tried():
    assert {*ROWS} == {*CHANGES}


@pytest.mark.parametrize("what", CHANGES)
def test_the_files_named_are_all_that_must_be_edited(what, tmp_path):
    change = CHANGES[what]
    for package in ("tinygrad_edu", "viz", "demos", "tests"):
        shutil.copytree(ROOT / package, tmp_path / package, ignore=shutil.ignore_patterns("__pycache__"))
    for name, (before, text) in change.edits.items():
        assert any(named in name for named in re.findall(r"`([\w/.]+)`", ROWS[what])), name
        edit(tmp_path / name, before, text)
    program = "\n".join(line[8:] for line in change.program.splitlines())
    done = subprocess.run([sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def edit(path, before, text):
    """Put ``text`` before the first place where ``before`` stands, or at the end; None adds a name to a list there."""
    old = path.read_text(encoding="utf-8") if path.exists() else ""
    if text is None:
        new = old.replace(before, f"{before}Scale ", 1)
    else:
        new = old.replace(before, text + before, 1) if before else old + text
    assert new != old
    path.write_text(new, encoding="utf-8")
