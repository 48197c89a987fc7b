"""Output that cannot show Unicode: what is printed uses the signs that it has, and no question marks."""

import io
import os
import subprocess
import sys

import pytest

from tinygrad_edu import Value
from tinygrad_edu.errors import ArgumentError
from tinygrad_edu.support import ascii as signs

VIEWS = """
import sys
import warnings

import numpy as np

import tinygrad_edu as te
import viz
from tinygrad_edu import Tensor, Value, nn, optim, train

a, b = Value(-3.0, "α"), Value(2.0, "b")
L = (a * b).sigmoid() * 1e-30 + a.tanh() / b
W = Tensor([[1.0, -2.0]], label="Ω")
y = (W @ W.T).sum()
net = nn.Sequential(nn.Embedding(3, 2), nn.Flatten(), nn.Linear(4, 2), nn.GLU())
history = train.History()
doctor = train.doctor(nn.Linear(2, 1, rng=0))


def shown(view):
    print(view)
    print(repr(view))
    sys.displayhook(view)


shown(viz.trace(L))
for step in viz.trace(L).steps:
    shown(step)
for view in (viz.trace(y), viz.why(a, L), viz.why(W, y, index=(0, 1)), viz.audit(L), viz.audit(y)):
    shown(view)
for view in (viz.explode(W @ W.T), viz.draw(L)):
    shown(view)
for view in (a, L, W, y, net, doctor, history, viz.check_answer(1.0, a, L), te.gradcheck(lambda x: x * x, 2.0)):
    shown(view)
for view in (te.operation(lambda x: x, lambda gy, y, x: gy, symbol="∘"), optim.SGD([a]), viz.player(L)):
    shown(view)
step = te.compile(lambda x, y: np.tanh(x) * y)
step(np.ones(2), np.ones(2))
print(step.source, step, [str(what) for what in step.fixed])
refused = 0
for fault in (
    lambda: nn.functional.scaled_dot_product_attention(np.ones(3), np.ones(3), np.ones(3)),
    lambda: train.sweep(lambda rng: {}, {"rng": [1]}),
    lambda: Tensor(np.ones(2), label="日本") @ Tensor(np.ones(3)),
    lambda: viz.why(b, a),
    lambda: Value("−3"),
    lambda: history["naïve ∂"],
):
    try:
        fault()
    except te.TinygradEduError as error:
        refused += 1
        print(error, repr(error), error.args and str(error))
assert refused == 6, refused
viz.step(L)
from viz.terminal import keyboard
keyboard.show("∂L/∂a")
L.label = "ends"
viz.quiz(L)
raise te.TinygradEduError("∂L/∂a is −6 …")
"""


@pytest.mark.parametrize("encoding", ["ascii", "cp1252", "ascii:replace", "utf-8"])
def test_every_view_message_and_question_is_printed_with_the_signs_that_there_are(encoding):
    world = os.environ | {"PYTHONIOENCODING": encoding, "PYTHONPATH": os.pathsep.join(sys.path), "COLUMNS": "80"}
    done = subprocess.run([sys.executable, "-c", VIEWS], env=world, input=b"\n\nq\n", capture_output=True, check=False)
    name = encoding.partition(":")[0]
    out, errors = done.stdout.decode(name), done.stderr.decode(name)
    assert "UnicodeEncodeError" not in errors
    assert errors.rstrip().endswith({"utf-8": "∂L/∂a is −6 …", "cp1252": "dL/da is -6 …"}.get(name, "dL/da is -6 ..."))
    assert "?" not in out.replace("become?", "")
    assert "to find. Enter shows the answer" in out


def test_a_stream_without_an_encoding_gets_everything(monkeypatch):
    monkeypatch.setattr(sys, "stdout", io.StringIO())
    assert signs.printable("∂") == "∂"
    monkeypatch.setattr(sys, "stdout", None)
    assert str(ArgumentError("∂")) == "∂"


def test_a_sign_that_the_encoding_has_stays(monkeypatch):
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(io.BytesIO(), encoding="cp1252"))
    assert signs.printable("a · b → −6 €") == "a · b -> -6 €"
    assert repr(Value(1.0, "ω")) == "Value(data=1, grad=0, label='omega')"
