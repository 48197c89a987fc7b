"""One sample's pass through a small net, as a page of the player that the playground opens with its own numbers."""

import base64
import zlib
from typing import Any

from tinygrad_edu import nn
from tinygrad_edu.operations.elementwise import TABLE
from tinygrad_edu.value import Value
from viz.pages.player import Player
from viz.steps.trace import trace

_MOST = 80  # parameters of a net whose passes can be read step by step


class _SamplePage(Player):
    """The player of a sample. Its numbers come with the link, so the page asks with them, and no text is sent."""

    def data(self) -> dict[str, Any]:
        data = super().data()
        questions = [{"step": question["step"]} for question in data["quiz"]["questions"]]
        return data | {"quiz": data["quiz"] | {"questions": questions}}


def sample_player(net: Any, row: list[float], target: float, names: list[str]) -> Player | None:
    """The player of the loss of one sample, with a net of single numbers; None where the net is too large for one.

    The loss is the binary cross-entropy of one logit.
    """
    if not isinstance(net, nn.MLP) or net._name not in TABLE or sum(p.size for p in net.parameters()) > _MOST:
        return None
    twin = nn.scalar.MLP.from_tensor(net)
    for k, layer in enumerate(twin.layers):
        for j, neuron in enumerate(layer.neurons):
            for i, p in enumerate(neuron.parameters()):
                p.label = f"W{k + 1}[{i},{j}]" if i < len(neuron.w) else f"b{k + 1}[{j}]"
    logit = twin([Value(x, name) for x, name in zip(row, names, strict=True)])
    logit.label = "logit"
    loss = logit.bce_with_logits(Value(target, "y"))
    loss.label = "loss"
    return _SamplePage(trace(loss))


def packed(page: Player) -> str:
    """The page, compressed and in base64, which a browser can unpack."""
    return base64.b64encode(zlib.compress(page.html.encode(), 9)).decode()
