"""Three implementations of one training step: by hand, by this engine, and by PyTorch if it is installed.

Each is made of the same initial parameters and the same setting, and has ``step(X, y)``, ``scores(X)`` and
``parameters``: W of shape (inputs, outputs) and b of each layer, in turn.
"""

import importlib.util
from collections.abc import Sequence
from typing import Any

import tinygrad_edu
from demos._by_hand import Net
from tinygrad_edu import nn, optim
from tinygrad_edu.support.arguments import as_number
from tinygrad_edu.train import predict


class Engine:
    """The engine's own modules and optimizer; the step is compiled."""

    def __init__(self, parameters: Sequence[Any], **setting: float) -> None:
        sizes = [b.size for b in parameters[1::2]]
        self.net = nn.MLP(len(parameters[0]), sizes, activation="relu", dtype=parameters[0].dtype)
        self.net.load_state_dict(dict(zip(self.net.state_dict(), parameters, strict=True)))
        optimizer = optim.SGD(self.net.parameters(), **setting)

        @tinygrad_edu.compile
        def step(X: Any, y: Any) -> Any:
            loss = nn.functional.cross_entropy(self.net(X), y)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            return loss

        self.step = lambda X, y: as_number(step(X, y))

    def scores(self, X: Any) -> Any:
        """The net's answers."""
        return predict(self.net, X)

    @property
    def parameters(self) -> list[Any]:
        """The parameters as arrays."""
        return [p.numpy() for p in self.net.parameters()]


class PyTorch:
    """The same in PyTorch, whose Linear keeps its weight as (outputs, inputs)."""

    def __init__(self, parameters: Sequence[Any], **setting: float) -> None:
        import torch

        torch.set_num_threads(1)
        layers: list[Any] = []
        for W, b in zip(parameters[::2], parameters[1::2], strict=True):
            linear = torch.nn.utils.skip_init(torch.nn.Linear, *W.shape, dtype=torch.from_numpy(W).dtype)
            linear.load_state_dict({"weight": torch.from_numpy(W.T.copy()), "bias": torch.from_numpy(b.copy())})
            layers += [linear, torch.nn.ReLU()]
        self.torch = torch
        self.net = torch.nn.Sequential(*layers[:-1])
        self.optimizer = torch.optim.SGD(self.net.parameters(), **setting)

    def step(self, X: Any, y: Any) -> float:
        """One step of descent; the loss before it."""
        torch = self.torch
        loss = torch.nn.functional.cross_entropy(self.net(torch.from_numpy(X)), torch.from_numpy(y))
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        return loss.item()

    def scores(self, X: Any) -> Any:
        """The net's answers."""
        with self.torch.no_grad():
            return self.net(self.torch.from_numpy(X)).numpy()

    @property
    def parameters(self) -> list[Any]:
        """The parameters as arrays."""
        return [p.detach().numpy().T for p in self.net.parameters()]


def ways() -> dict[str, Any]:
    """The implementations that are available here, by name."""
    found: dict[str, Any] = {"by hand": Net, "tinygrad_edu": Engine}
    return found | {"PyTorch": PyTorch} if importlib.util.find_spec("torch") else found
