"""The windows of a convolution or of a pooling in words: their size, their stride, their margin."""

from collections.abc import Mapping, Sequence
from typing import Any

from tinygrad_edu.graph.node import Node
from viz.formulas.tree import Apply, Formula, Infix, Prose, Row, Sign


def shown_params(node: Node) -> Mapping[str, Any]:
    """The parameters of a node's operation; of one that moves a window, as a reader needs them.

    The size of a convolution's window is that of its weight. A padding of 0, a dilation of 1 and one group go unsaid.

    Examples
    --------
    >>> from tinygrad_edu import Tensor, nn
    >>> import numpy as np
    >>> x, weight = np.ones((1, 1, 8, 8)), Tensor(np.ones((2, 1, 3, 3)))
    >>> dict(shown_params(nn.functional.conv2d(x, weight, stride=2, padding=1)))
    {'window': '3×3', 'stride': '2', 'padding': '1'}
    """
    params = node.params
    if "dilation" not in params:
        return params
    size = params["size"] if "size" in params else node.inputs[1].raw.shape[2:]
    ends = [pair[0] if pair[0] == pair[1] else pair for pair in params["padding"]]
    words = {
        "window": "×".join(map(str, size)),
        "stride": _times(params["stride"]),
        "padding": _times(ends),
        "dilation": _times(params["dilation"]),
        "groups": str(params.get("groups", 1)),
    }
    usual = {"padding": "0", "dilation": "1", "groups": "1"}
    kept = {name: word for name, word in words.items() if word != usual.get(name)}
    return kept | {name: x for name, x in params.items() if name not in (*words, "size")}


def _times(numbers: Sequence[Any]) -> str:
    """One number where all are the same."""
    return str(numbers[0]) if len(set(numbers)) == 1 else "×".join(map(str, numbers))


def _listed(settings: Mapping[str, Any]) -> Prose:
    return Prose("".join(f", {name} {x}" for name, x in settings.items() if isinstance(x, str)))


def convolution(x: Formula, weight: Formula, **settings: Any) -> Formula:
    """``Σ window(x) ⊙ weight, window 3×3, stride 2``."""
    return Row((Sign("Σ"), Prose(" "), Infix("⊙", Apply("window", (x,)), weight), _listed(settings)))


def largest(x: Formula, **settings: Any) -> Formula:
    """``the largest entry of each window of x, window 2×2, stride 2``."""
    return Row((Prose("the largest entry of each window of "), x, _listed(settings)))
