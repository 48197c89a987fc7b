"""Where a program's inputs come from, and where it stores what it has computed."""

from typing import Any

import numpy as np


class Source:
    """A place: two are the same place if they are of one kind and name the same thing."""

    __slots__ = ()

    def key(self) -> tuple[Any, ...]:
        """What is named."""
        raise NotImplementedError

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and self.key() == other.key()

    def __hash__(self) -> int:
        return hash((type(self), self.key()))


class Argument(Source):
    """The function's argument, or the part of it at ``path``."""

    __slots__ = ("name", "path")

    def __init__(self, name: str, path: tuple[Any, ...] = ()) -> None:
        self.name = name
        self.path = path

    def key(self) -> tuple[Any, ...]:
        return self.name, self.path

    def at(self, part: Any) -> "Argument":
        """The part of this at ``part``."""
        return Argument(self.name, (*self.path, part))

    def words(self) -> str:
        """Its name in a program."""
        return "_".join(map(str, (self.name, *self.path)))


class ArgumentGradient(Source):
    """The gradient of the Tensor or Value that is passed as this argument."""

    __slots__ = ("position",)

    def __init__(self, position: int) -> None:
        self.position = position

    def key(self) -> tuple[Any, ...]:
        return (self.position,)


class _OfLeaf(Source):
    __slots__ = ("leaf",)

    def __init__(self, leaf: Any) -> None:
        self.leaf = leaf

    def key(self) -> tuple[Any, ...]:
        return (id(self.leaf),)


class Data(_OfLeaf):
    """The data of a leaf."""

    __slots__ = ()

    def get(self) -> Any:
        """What it is now."""
        return self.leaf.raw


class Gradient(_OfLeaf):
    """The gradient of a leaf."""

    __slots__ = ()

    def get(self) -> Any:
        """What it is now."""
        return self.leaf.grad


class Attribute(Source):
    """An attribute of an object, or an entry of a dict."""

    __slots__ = ("name", "owner")

    def __init__(self, owner: Any, name: Any) -> None:
        self.owner = owner
        self.name = name

    def key(self) -> tuple[Any, ...]:
        return id(self.owner), self.name

    def get(self) -> Any:
        """What it is now."""
        return self.owner[self.name] if isinstance(self.owner, dict) else getattr(self.owner, self.name)

    def holds_array(self) -> bool:
        """Whether there is an array now."""
        owner = self.owner
        now = owner.get(self.name) if isinstance(owner, dict) else getattr(owner, self.name, None)
        return isinstance(now, np.ndarray)

    def set(self, value: Any) -> None:
        """Replace it."""
        if isinstance(self.owner, dict):
            self.owner[self.name] = value
        else:
            setattr(self.owner, self.name, value)


class Setting(Source):
    """A number that an optimizer was made with: it belongs to the program, which is another one when it changes."""

    __slots__ = ("name", "owner", "value")

    def __init__(self, owner: Any, name: str, value: float) -> None:
        self.owner = owner
        self.name = name
        self.value = value

    def key(self) -> tuple[Any, ...]:
        return id(self.owner), self.name, self.value

    def get(self) -> float:
        """The number."""
        return self.value


ORDER = (Argument, Data, Gradient, Attribute, Setting)  # of a program's parameters
