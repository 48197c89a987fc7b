"""What a notebook shows of a Value, a Tensor and a Module when it is the last line of a cell."""

from html.parser import HTMLParser

import numpy as np
import pytest

from tinygrad_edu import Tensor, Value, nn

HOSTILE = "<img src=x onerror=alert(1)>&\"'</table>"


class _Table(HTMLParser):
    """The texts of a table's rows, its caption, and every element that is in it."""

    def __init__(self, text):
        super().__init__()
        self.rows, self.elements, self.open = [], [], []
        self.feed(text)
        self.close()
        assert not self.open

    def handle_starttag(self, tag, attrs):
        self.elements.append(tag)
        self.open.append(tag)
        if tag in ("tr", "caption"):
            self.rows.append([])

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.rows[-1].append(data)


def table(node):
    return _Table(node._repr_html_())


def test_a_value_shows_its_numbers_in_full():
    a = Value(0.1, "a")
    y = a * 3
    y.backward()
    assert table(a).rows == [["Value a"], ["data", "0.1"], ["grad", "3.0"]]
    assert table(y).rows == [["Value"], ["data", repr(0.1 * 3)], ["grad", "1.0"], ["made by", "mul of a, 3.0"]]


def test_a_recorded_gradient_is_shown_as_its_number():
    x, t = Value(3.0), Tensor(3.0)
    (x * x).backward(create_graph=True)
    (t * t).backward(create_graph=True)
    assert ["grad", "6.0"] in table(x).rows
    assert ["grad", "6."] in table(t).rows


def test_a_tensor_shows_its_shape_and_no_gradient_before_a_backward():
    W = Tensor([[1.0, 2.0]], label="W")
    assert table(W).rows == [["Tensor W"], ["shape", "(1, 2) float64"], ["data", "[[1. 2.]]"]]
    (W * W).sum().backward()
    assert table(W).rows[-1] == ["grad", "[[2. 4.]]"]


def test_a_large_tensor_is_cut():
    assert len(Tensor(np.zeros((1000, 1000)))._repr_html_()) < 2000


@pytest.mark.parametrize("make", [Value, lambda x, label: Tensor(x, label=label)])
def test_a_label_is_text(make):
    shown = table(make(1.0, label=HOSTILE))
    assert shown.rows[0][0].endswith(HOSTILE)
    assert set(shown.elements) <= {"table", "caption", "tr", "th", "td", "pre"}


def test_a_module_shows_its_tree_and_counts():
    net = nn.Sequential(nn.Linear(2, 3), nn.ReLU())
    assert table(net).rows == [
        ["module", "parameters"],
        [net._title(), "9"],
        ["├─ layers.0: Linear(2 → 3)", "9"],
        ["└─ layers.1: ReLU", "0"],
    ]


def test_a_modules_description_is_text():
    class Named(nn.Module):
        def extra_repr(self):
            return HOSTILE

    shown = table(Named())
    assert shown.rows[1][0] == f"Named({HOSTILE})"
    assert set(shown.elements) <= {"table", "tr", "th", "td", "pre"}


def test_special_numbers_are_shown():
    assert ["data", "nan"] in table(Value(float("nan"))).rows
    assert ["data", "inf"] in table(Tensor(float("inf"))).rows
