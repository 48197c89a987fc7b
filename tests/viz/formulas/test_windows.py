"""What the views say of a convolution and of pooling: the window, the stride, the margin, the shapes."""

import numpy as np
import pytest

from tinygrad_edu import nn
from viz import draw, trace


def convolved(layer, *shape):
    return layer(np.random.default_rng(0).standard_normal(shape)).sum()


@pytest.mark.parametrize(
    ("layer", "shape", "words"),
    [
        (nn.Conv2d(1, 2, 3, bias=False, rng=0), (1, 1, 5, 5), "window 3×3, stride 1"),
        (nn.Conv2d(1, 2, 3, stride=2, padding=1, bias=False, rng=0), (1, 1, 5, 5), "window 3×3, stride 2, padding 1"),
        (
            nn.Conv2d(2, 2, (3, 1), (2, 1), (1, 0), (1, 2), 2, bias=False, rng=0),
            (1, 2, 5, 5),
            "window 3×1, stride 2×1, padding 1×0, dilation 1×2, groups 2",
        ),
        (nn.Conv1d(1, 2, 4, padding="same", bias=False, rng=0), (1, 1, 6), "window 4, stride 1, padding (1, 2)"),
    ],
    ids=["plain", "stride and padding", "all settings", "uneven padding"],
)
def test_a_convolution_says_its_window(layer, shape, words):
    y = convolved(layer, *shape)
    formula = next(record for record in trace(y).nodes if record.node.op == "conv").expression
    assert formula.text == f"Σ window(v0) ⊙ weight, {words}"
    source = draw(y).source
    assert all(word.replace(" ", "=", 1) in source for word in words.split(", ") if "(" not in word and ")" not in word)
    assert "groups=1" not in source


def test_pooling_says_its_window():
    y = convolved(nn.Sequential(nn.Conv2d(1, 1, 1, bias=False, rng=0), nn.MaxPool2d(2)), 1, 1, 4, 4)
    formula = next(record for record in trace(y).nodes if record.node.op == "max_pool").expression
    assert formula.text == "the largest entry of each window of v2, window 2×2, stride 2"
    assert "window=2×2" in draw(y).source


def test_the_gradients_of_a_convolution_are_told_in_words():
    steps = trace(convolved(nn.Conv2d(1, 2, 3, rng=0), 1, 1, 5, 5)).steps
    equations = [step.equation.text for step in steps if step.kind == "backward"]
    assert "∂L/∂weight += Σ ∂L/∂v2 · window(v0)" in equations


def test_the_title_of_a_layer_keeps_its_settings():
    net = nn.Sequential(nn.Conv2d(1, 2, 3, stride=2, padding=1, rng=0))
    assert "layers.0: Conv2d(1 → 2, 3×3, stride 2, padding 1)" in draw(convolved(net, 1, 1, 5, 5)).source
