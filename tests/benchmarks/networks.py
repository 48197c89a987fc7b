"""Nets that courses teach after the MLP, beside the same in PyTorch: one text builds both, with the same weights."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from .claims import COMPILED, OWN, TORCH, at_most, cells
from .report import Row
from .timing import Effort, race

NETWORKS = "One training step of other nets, float32"


@dataclass(frozen=True)
class Net:
    """A net as a function of the library's `nn`, its batch, and how many times PyTorch's time it may take."""

    label: str
    build: Callable[[Any], Any]
    x: Any
    y: Any
    eager: float
    compiled: float


def images(nn: Any) -> Any:
    """Two convolutions and two pools on MNIST."""
    return nn.Sequential(
        *(nn.Conv2d(1, 8, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(8, 16, 3), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Flatten(), nn.Linear(400, 10)),
    )


def transformer(nn: Any) -> Any:
    """makemore's: four blocks of 64 features and 4 heads over 16 characters."""

    class Transformer(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.characters, self.places = nn.Embedding(27, 64), nn.Embedding(16, 64)
            block = partial(nn.TransformerEncoderLayer, batch_first=True, norm_first=True)
            self.blocks = nn.ModuleList([block(64, 4, 256, 0.0, "gelu") for _ in range(4)])
            self.norm, self.head = nn.LayerNorm(64), nn.Linear(64, 27, bias=False)

        def forward(self, x: Any) -> Any:
            x = self.characters(x) + self.places.weight
            for block in self.blocks:
                x = block(x, src_mask=causal(nn), is_causal=True)
            return self.head(self.norm(x)).reshape(-1, 27)

    return Transformer()


def causal(nn: Any) -> Any:
    """The mask that PyTorch wants beside ``is_causal``."""
    return nn.Transformer.generate_square_subsequent_mask(16) if hasattr(nn, "Transformer") else None


def wavenet(nn: Any) -> Any:
    """makemore's WaveNet: eight characters, joined two by two, with BatchNorm."""

    class Pair(nn.Module):
        def forward(self, x: Any) -> Any:
            n, steps, features = x.shape
            return x.reshape(n, steps // 2, 2 * features)

    class Block(nn.Module):
        def __init__(self, features: int) -> None:
            super().__init__()
            self.linear, self.norm = nn.Linear(2 * features, 128, bias=False), nn.BatchNorm1d(128)

        def forward(self, x: Any) -> Any:
            y = self.linear(x)
            return self.norm(y.reshape(-1, 128)).reshape(*y.shape).tanh()

    parts = [part for features in (24, 128, 128) for part in (Pair(), Block(features))]
    return nn.Sequential(nn.Embedding(27, 24), *parts, nn.Flatten(), nn.Linear(128, 27))


def lstm_by_hand(nn: Any) -> Any:
    """Forty steps of a cell that is written out."""

    class Hand(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.from_input, self.from_state = nn.Linear(32, 256), nn.Linear(64, 256, bias=False)
            self.head = nn.Linear(64, 10)

        def forward(self, x: Any) -> Any:
            h = c = x[0] @ self.zeros
            for t in range(len(x)):
                z = self.from_input(x[t]) + self.from_state(h)
                i, f, g, o = z[:, :64], z[:, 64:128], z[:, 128:192], z[:, 192:]
                c = f.sigmoid() * c + i.sigmoid() * g.tanh()
                h = o.sigmoid() * c.tanh()
            return self.head(h)

    net = Hand()
    net.register_buffer("zeros", zeros(nn, 32, 64))
    return net


def zeros(nn: Any, *shape: int) -> Any:
    """An array of either library."""
    array = np.zeros(shape, np.float32)
    if not hasattr(nn, "Transformer"):
        return array
    import torch

    return torch.tensor(array)


def lstm(nn: Any) -> Any:
    """`nn.LSTM` over forty steps."""

    class Last(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.lstm, self.head = nn.LSTM(32, 64), nn.Linear(64, 10)

        def forward(self, x: Any) -> Any:
            outputs, _ = self.lstm(x)
            return self.head(outputs[-1])

    return Last()


RNG = np.random.default_rng(0)
SEQUENCES = RNG.standard_normal((40, 32, 32)).astype(np.float32), RNG.integers(0, 10, 32)
NETS = {
    "cnn": Net(
        "MNIST, two convolutions, batch 64",
        images,
        RNG.standard_normal((64, 1, 28, 28)).astype(np.float32),
        RNG.integers(0, 10, 64),
        *(2.0, 1.6),
    ),
    "transformer": Net(
        "makemore's transformer, batch 32",
        transformer,
        RNG.integers(0, 27, (32, 16)),
        RNG.integers(0, 27, 512),
        *(1.5, 1.2),
    ),
    "wavenet": Net(
        "makemore's WaveNet with BatchNorm, batch 32",
        wavenet,
        RNG.integers(0, 27, (32, 8)),
        RNG.integers(0, 27, 32),
        *(1.2, 1.2),
    ),
    "lstm-by-hand": Net("an LSTM by hand, 40 steps, batch 32", lstm_by_hand, *SEQUENCES, *(1.2, 0.5)),
    "lstm": Net("nn.LSTM, 40 steps, batch 32", lstm, *SEQUENCES, *(3.0, 1.2)),
}
TRANSPOSED = ("Linear", "LSTM", "MultiheadAttention")  # whose weights are (inputs, outputs) here


def own(net: Net, prepare: Callable[[Any], Any] = lambda step: step) -> tuple[Callable[[], Any], Any]:
    """A training step of this project, and the net."""
    from tinygrad_edu import nn, optim

    module = net.build(nn).astype(np.float32)
    optimizer = optim.SGD(module.parameters(), lr=0.01)

    def train(x: Any, y: Any) -> Any:
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(module(x), y)
        loss.backward()
        optimizer.step()
        return loss

    return partial(prepare(train), net.x, net.y), module


def torch_eager(net: Net, like: Any) -> Callable[[], Any]:
    """A training step of PyTorch, with the weights of ``like``."""
    import torch

    torch.set_num_threads(1)
    module = net.build(torch.nn)
    module.load_state_dict({name: torch.tensor(array) for name, array in layout_of_torch(like).items()})
    optimizer = torch.optim.SGD(module.parameters(), lr=0.01)
    x, y = torch.tensor(net.x), torch.tensor(net.y)

    def step() -> float:
        optimizer.zero_grad()
        loss = torch.nn.functional.cross_entropy(module(x), y)
        loss.backward()
        optimizer.step()
        return loss.item()

    return step


def layout_of_torch(module: Any) -> dict[str, Any]:
    """The state with PyTorch's names and shapes."""
    turned = {name for name, part in module.named_modules() if type(part).__name__ in TRANSPOSED}
    return {
        name.removeprefix("layers."): array.T.copy() if array.ndim == 2 and name.rpartition(".")[0] in turned else array
        for name, array in module.state_dict().items()
    }


def network(name: str, effort: Effort) -> list[Row]:
    """A training step, eager and compiled, beside PyTorch eager."""
    import tinygrad_edu

    net = NETS[name]
    eager, module = own(net)
    theirs = torch_eager(net, module)
    compiled, _ = own(net, tinygrad_edu.compile)
    timing = race({TORCH: theirs, OWN: eager, COMPILED: compiled}, seconds=effort.seconds, least=effort.rounds)
    bars = at_most(net.eager, TORCH, timing), at_most(net.compiled, TORCH, timing, COMPILED)
    return [Row(NETWORKS, net.label, cells(timing, TORCH), bars)]
