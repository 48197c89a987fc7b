"""The pictures in a notebook that is not trusted, where no page is shown."""

import base64
from html.parser import HTMLParser
from xml.etree import ElementTree

import numpy as np
import pytest

from tests.browser.graphs import HOSTILE, neuron, training_step
from tinygrad_edu import compile as compile_
from tinygrad_edu import data, nn
from viz.pages.player import player
from viz.pages.playground import playground

SVG = "{http://www.w3.org/2000/svg}"
X, Y = data.moons(40, noise=0.1, rng=0)


class _Images(HTMLParser):
    """The pictures within the ``div`` that remains: its text and the attributes of each ``img``."""

    def __init__(self, text):
        super().__init__()
        self.images, self.inside = [], False
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.inside = self.inside or dict(attrs).get("class") == "tinygrad-edu-still"
        if tag == "img" and self.inside:
            self.images.append(dict(attrs))


def drawn(page):
    """The one picture of a page, as its words and its SVG."""
    (image,) = _Images(page._repr_html_()).images
    kind, content = image["src"].split(",", 1)
    assert kind == "data:image/svg+xml;base64"
    return image["alt"], ElementTree.fromstring(base64.b64decode(content))


def count(svg, tag, **attributes):
    return sum(all(x.get(k) == v for k, v in attributes.items()) for x in svg.iter(SVG + tag))


def test_a_program_is_shown_as_its_graph():
    page = player(training_step())
    alt, svg = drawn(page)
    assert alt.startswith("Graph of step: 27 nodes")
    assert {x.get("id") for x in svg.iter(SVG + "g")} >= {f"node-{i}" for i in range(len(page.listing.nodes))}


def test_a_program_too_large_to_be_read_has_no_picture():
    def long(x):
        parts = [x]
        for _ in range(70):
            parts.append(np.tanh(parts[-1]))
        return parts

    compiled = compile_(long)
    compiled(np.ones(3))
    assert _Images(player(compiled)._repr_html_()).images == []


def test_a_playground_is_shown_as_its_samples_and_its_net():
    page = playground(nn.MLP(2, [4, 1], "tanh", rng=0), X, Y)
    alt, svg = drawn(page)
    assert alt == "Playground of MLP 2 → 4 → 1, tanh: its samples and weights before training"
    assert count(svg, "circle", r="4") == len(page.data["train"]["y"]) == 30
    labels = page.data["train"]["labels"]
    assert count(svg, "circle", r="4", fill="#d55e00") == labels.count(0)
    assert count(svg, "circle", r="7") == 2 + 4 + 1
    weights = np.concatenate([table.ravel() for table in page.weights])
    assert count(svg, "line") == 2 * 4 + 4 * 1
    assert count(svg, "line", **{"stroke-dasharray": "5 3"}) == (weights < 0).sum()
    assert [x.text for x in svg.iter(SVG + "text")] == ["samples: x₁, x₂", "MLP 2 → 4 → 1, tanh"]
    widths = [float(x.get("stroke-width")) for x in svg.iter(SVG + "line")]
    np.testing.assert_allclose(widths, 3 * np.abs(weights) / np.abs(weights).max(), atol=0.006)


def test_the_picture_has_the_weights_of_the_page_also_when_the_net_was_trained_since():
    net = nn.MLP(2, [4, 1], "tanh", rng=0)
    page = playground(net, X, Y)
    before = page.still()
    for p in net.parameters():
        p.data = p.data + 1.0
    assert page.still() == before


class _Own(nn.Module):
    def __init__(self):
        self.inner = nn.Linear(2, 1, rng=0)

    def forward(self, x):
        return self.inner(np.tanh(x))


class _Doubled(nn.Module):
    def forward(self, x):
        return np.concatenate([x, x], axis=1)


@pytest.mark.parametrize(
    "net", [_Own(), nn.Sequential(nn.Linear(2, 3, rng=0), _Doubled(), nn.Linear(6, 1, rng=0))], ids=["own", "between"]
)
def test_of_a_net_that_is_no_chain_of_layers_only_the_samples_are_shown(net):
    _, svg = drawn(playground(net, X, Y))
    assert count(svg, "circle", r="4") == 30
    assert count(svg, "line") == count(svg, "circle", r="7") == 0


def test_weights_that_are_no_numbers_leave_a_picture():
    net = nn.MLP(2, [2, 1], "tanh", rng=0)
    page = playground(net, X, Y)
    page.weights[0][0, 0], page.weights[0][1, 1] = np.nan, np.inf
    _, svg = drawn(page)
    widths = [float(x.get("stroke-width")) for x in svg.iter(SVG + "line")]
    assert len(widths) == 6
    assert np.isfinite(widths).all()
    assert max(widths) <= 3


def test_names_are_text():
    X = np.random.default_rng(0).standard_normal((20, 3))
    page = playground(nn.MLP(3, [2, 1], rng=0), X, np.arange(20) % 2, names=HOSTILE[:3])
    page.data["planes"][0]["name"] = HOSTILE[1]
    _, svg = drawn(page)
    assert f"samples: {HOSTILE[1]}" in [x.text for x in svg.iter(SVG + "text")]
    assert count(svg, "script") == 0


def test_a_small_graph_is_shown_too():
    (image,) = _Images(player(neuron())._repr_html_()).images
    assert image["src"].startswith("data:image/png;base64,")
