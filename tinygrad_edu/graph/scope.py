"""Which module's call made a node: what pictures need to draw a box around a layer."""

from typing import Any, NamedTuple


class Mark(NamedTuple):
    """A module's call, noted on the node that it returned.

    The nodes between ``inputs`` and this node belong to the call.
    """

    scope: "Scope"
    inputs: tuple[Any, ...]


class Scope:
    """A module as a picture shows it: its ``name`` in its parent, and a ``title`` such as ``Linear(2 → 8)``."""

    __slots__ = ("name", "title")

    def __init__(self, name: str = "", title: str = "") -> None:
        self.name = name
        self.title = title

    def __repr__(self) -> str:
        return f"<scope {self.name}: {self.title}>"
