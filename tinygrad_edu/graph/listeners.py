"""Who may listen while a graph is recorded and walked: observers, and the recorder of `compile`."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

Node = Any  # `graph.node` imports this module, so this module cannot import it


class Observer:
    """Base class of observers. While one is `observing`, its methods are called at model calls, passes and steps.

    An event that no observer has a method for costs nothing.
    """

    def on_module_call(self, module: Any, y: Any) -> None:
        """A module's call returned ``y``."""

    def before_backward(self, root: Node) -> None:
        """A backward pass from ``root`` is about to add to the gradients of leaves."""

    def after_backward(self, root: Node) -> None:
        """The backward pass from ``root`` has left its gradients."""

    def on_optimizer_step(self, optimizer: Any) -> None:
        """A step of the optimizer is about to change its parameters."""

    def on_constant(self, operation: Any, inputs: tuple[Any, ...], y: Any) -> None:
        """An operation gave the constant ``y``: none of its inputs needs a gradient, or `no_grad` is on."""

    def events(self) -> list[str]:
        """The events that it has a method for."""
        return [event for event in EVENTS if getattr(type(self), event) is not getattr(Observer, event)]


EVENTS = ("on_module_call", "before_backward", "after_backward", "on_optimizer_step", "on_constant")


class Recorder(Protocol):
    """What the engine calls while `compile` records a call: ``MODES.recorder``, if it is set.

    The engine then computes on placeholders for arrays and numbers. The recorder makes them, and notes what is done
    with them. It does the forward and the backward pass instead of the engine.
    """

    # What happened. A recorder notes it.

    def on_leaf(self, leaf: Node, data: Any) -> None:
        """A leaf was made of ``data``."""

    def on_node(self, node: Node) -> None:
        """An operation made the node."""

    def on_data_write(self, leaf: Node) -> None:
        """The data of the leaf is about to be assigned."""

    def on_grad_read(self, leaf: Node) -> None:
        """The gradient of the node is about to be read."""

    def on_grad_write(self, leaf: Node) -> None:
        """The gradient of the node is about to be assigned."""

    def on_module_call(self, module: Any) -> None:
        """A module is about to be called."""

    def on_optimizer_step(self, optimizer: Any) -> None:
        """An optimizer steps. The recorder does the step."""

    def on_schedule_step(self, scheduler: Any, *args: Any) -> None:
        """A schedule of the learning rate steps. The recorder does the step."""

    def refuse(self, what: str) -> None:
        """Raise: ``what`` cannot be part of a compiled function."""

    # What the engine asks for. A recorder answers.

    def data(self, node: Node) -> Any:
        """The data of the node, or a placeholder for it."""

    def record(self, operation: Any, inputs: tuple[Node, ...], params: Mapping[str, Any]) -> Any:
        """The forward pass of the operation."""

    def walk(self, order: list[Node]) -> None:
        """The backward pass on Values, in the reverse of ``order``."""

    def array_gradients(self, root: Node, seed: Any) -> dict[Node, Any]:
        """The backward pass on arrays: `graph.array_backward.array_gradients`."""

    def draw(self, method: Callable[..., Any], *args: Any) -> Any:
        """Random numbers, which a compiled call draws again each time."""

    def check(self, function: Callable[..., None], *args: Any) -> None:
        """Call ``function``, which raises if the numbers are wrong. A compiled call calls it each time."""

    def apply(self, kind: str, function: Any, args: Sequence[Any]) -> Any:
        """Call ``function`` on placeholders, as one line of the program."""
