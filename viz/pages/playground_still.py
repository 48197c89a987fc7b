"""The picture of a playground for a notebook that shows no page: the samples, and the net with its weights."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise, product
from typing import Any
from xml.etree.ElementTree import Element, SubElement, tostring

import numpy as np

from tinygrad_edu.support.types import Array
from viz.pictures.palette import THEMES

_CLASSES = ("#d55e00", "#0072b2", "#00795a", "#8f4a7c", "#7a5b00", "#444c56")  # as in playground.css
_SAMPLES, _UNITS = 500, 16  # at most so many are drawn
_SIDE, _TOP, _LEFT, _STEP = 300, 40, 380, 110  # of the square of the samples, and of the columns of the net
_THICKEST = 3.0


def still_svg(data: Mapping[str, Any], weights: Sequence[Array]) -> str:
    """An SVG of the samples in the first plane, and of the net if there are ``weights``, of shape (inputs, units)."""
    look = THEMES["light"]
    if any(before.shape[1] != after.shape[0] for before, after in pairwise(weights)):
        weights = ()  # between the layers is another module, so the wires would lead to other units
    width, height = (_LEFT + _STEP * len(weights) + 40 if weights else _SIDE + 40), _TOP + _SIDE + 20
    size = {"viewBox": f"0 0 {width} {height}", "width": str(width), "height": str(height)}
    svg = Element("svg", {"xmlns": "http://www.w3.org/2000/svg", "font-family": "sans-serif", "font-size": "14"} | size)
    SubElement(svg, "rect", width="100%", height="100%", fill=look.paper)
    _text(svg, 20, f"samples: {data['planes'][0]['name']}")
    SubElement(svg, "rect", x="20", y=str(_TOP), width=f"{_SIDE}", height=f"{_SIDE}", fill="none", stroke=look.frame)
    svg.extend([*_samples(data)])
    if weights:
        _text(svg, _LEFT - 20, data["programs"][0]["subtitle"])
        svg.extend([*_net(weights)])
    return tostring(svg, encoding="unicode")


def _text(svg: Element, x: float, text: str) -> None:
    SubElement(svg, "text", x=f"{x}", y="26", fill=THEMES["light"].ink).text = text


def _samples(data: Mapping[str, Any]) -> Iterator[Element]:
    plane, X = data["planes"][0], np.array(data["train"]["X"])
    points = (X - plane["mean"]) @ np.array(plane["axes"]).T
    low, high = points.min(axis=0), points.max(axis=0)
    shares = (points - low) / np.where(high > low, high - low, 1.0)
    every = -(-len(points) // _SAMPLES)
    for (x, y), label in [*zip(shares, data["train"]["labels"], strict=True)][::every]:
        place = {"cx": f"{30 + (_SIDE - 20) * x:.1f}", "cy": f"{_TOP + _SIDE - 10 - (_SIDE - 20) * y:.1f}"}
        yield Element("circle", place, r="4", fill=_CLASSES[label], stroke=THEMES["light"].paper)


def _net(weights: Sequence[Array]) -> Iterator[Element]:
    """Wires as thick as the weights, blue above 0, orange and dashed below, and the units upon them."""
    widths = [len(weights[0]), *(table.shape[1] for table in weights)]
    columns = [[*_heights(min(n, _UNITS))] for n in widths]
    weights = [np.where(np.isfinite(table), table, 0.0) for table in weights]
    largest = max(float(np.abs(table).max(initial=0.0)) for table in weights) or 1.0
    for c, ((left, right), table) in enumerate(zip(pairwise(columns), weights, strict=True)):
        x1, x2 = f"{_LEFT + _STEP * c}", f"{_LEFT + _STEP * (c + 1)}"
        for (i, y), (j, other) in product(enumerate(left), enumerate(right)):
            w = float(table[i, j])
            wire = Element("line", x1=x1, y1=f"{y:.1f}", x2=x2, y2=f"{other:.1f}", stroke=_CLASSES[int(w >= 0)])
            wire.set("stroke-width", f"{_THICKEST * abs(w) / largest:.2f}")
            if w < 0:
                wire.set("stroke-dasharray", "5 3")
            yield wire
    look = THEMES["light"]
    for c, heights in enumerate(columns):
        for y in heights:
            yield Element("circle", cx=f"{_LEFT + _STEP * c}", cy=f"{y:.1f}", r="7", fill=look.paper, stroke=look.ink)


def _heights(count: int) -> Iterator[float]:
    return (_TOP + _SIDE * (i + 0.5) / count for i in range(count))
