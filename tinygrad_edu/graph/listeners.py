"""What may listen while a graph is recorded and walked."""

from typing import Any


class Observer:
    """Base class of what is told, while it is `observing`, of the model's calls, of backward passes and of steps."""

    def called(self, module: Any, y: Any) -> None:
        """A module's call returned ``y``."""

    def before_backward(self, root: Any) -> None:
        """A backward pass from ``root`` is about to add to the gradients of leaves."""

    def after_backward(self, root: Any) -> None:
        """The backward pass from ``root`` has left its gradients."""

    def stepped(self, optimizer: Any) -> None:
        """A step of the optimizer is about to change its parameters."""
