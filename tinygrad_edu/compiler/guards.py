"""Guards: what must be as it was recorded, or the function is recorded again."""

import operator
from collections.abc import Callable, Mapping, Sequence, Set
from typing import Any, NamedTuple

from tinygrad_edu.tensor import checksum


class Contents:
    """An array that the function read while it was recorded, and did not hand to the program."""

    def __init__(self, array: Any) -> None:
        self.array = array
        self.checksum = checksum(array)

    def differs(self, array: Any) -> bool:
        """Whether it is another array, or holds other numbers."""
        return array is not self.array or checksum(array) != self.checksum


class Items:
    """A list, tuple, set or dict as it was: the numbers and names in it, or the very objects."""

    def __init__(self, items: Any) -> None:
        inner = items.values() if isinstance(items, Mapping) else items
        self.plain = all(map(is_plain, inner))
        self.items = items.copy() if hasattr(items, "copy") else items

    def differs(self, items: Any) -> bool:
        """Whether there are others in it now."""
        if len(items) != len(self.items):
            return True
        if isinstance(items, Set):
            return bool(items != self.items) or {*map(_exactly, items)} != {*map(_exactly, self.items)}
        if isinstance(items, Mapping):
            if any(map(operator.is_not, items, self.items)) and list(items) != list(self.items):
                return True
            items, known = items.values(), self.items.values()
        else:
            known = self.items
        return any(map(operator.is_not, items, known)) and not all(map(is_exactly, items, known))


class Held:
    """A place for an object that cannot be replaced, only changed."""

    def __init__(self, items: Any) -> None:
        self.items = items


ABSENT = object()  # the value of a place that was not there, though the code may ask for it

PRESENT = object()  # the value of a place that holds something, whatever it is: a gradient that is not None


class SameAs(NamedTuple):
    """Another place, which has the same number."""

    owner: Any
    name: Any


class Guard(NamedTuple):
    """``value`` at a place: the attribute ``name`` of an object, or an entry of a dict, a list or a tuple.

    A number or a name must be equal; of anything else it must be the same object. With the name "", a dict must be
    empty. ``value`` may be `Contents`, the `Items` of a container, or a `SameAs`. ``called`` is what a message
    calls the place.
    """

    owner: Any
    name: Any
    value: Any
    called: str = ""

    def now(self) -> Any:
        """The present contents of the place."""
        return _at(self.owner, self.name)

    def has_changed(self) -> bool:
        """Whether it is not what it was."""
        if self.name == "":
            return bool(self.owner)
        try:
            now = self.now()
        except (AttributeError, LookupError, ValueError):  # it is gone
            return self.value is not ABSENT
        if self.value is PRESENT:
            return now is None
        value = _at(*self.value) if isinstance(self.value, SameAs) else self.value
        if isinstance(value, Contents | Items):
            return value.differs(now)
        return not is_exactly(now, value)

    def test(self, named: Callable[[Any, str], str]) -> str:
        """An expression that is true if it has changed; ``named`` gives a name to an object."""
        if self.name == "":
            return named(self.owner, "state")
        if self.value is ABSENT and isinstance(self.owner, dict):
            return f"{self.name!r} in {named(self.owner, 'entries')}"
        if self.value is ABSENT:
            return f"{named(hasattr, 'hasattr')}({named(self.owner, 'owner')}, {self.name!r})"
        here, value = _text(self.owner, self.name, named), self.value
        if isinstance(value, Contents | Items):
            return f"{named(value, 'recorded')}.differs({here})"
        if isinstance(value, SameAs):
            return f"{here} != {_text(value.owner, value.name, named)}"
        if value is PRESENT:
            return f"{here} is None"
        if value is None or isinstance(value, bool):
            return f"{here} is not {value}"
        known = named(value, _word(self.name))
        other = f"{here} is not {known}"
        return f"{other} and not {named(is_exactly, 'is_same')}({here}, {known})" if is_plain(value) else other


def changed(guards: Sequence[Guard]) -> Callable[[], bool]:
    """A quick look at all of them: whether one has changed."""

    def named(x: Any, name: str) -> str:
        return known.setdefault(id(x), (f"{name}{len(known)}", x))[0]

    known: dict[int, tuple[str, Any]] = {}
    text = " or ".join(f"({guard.test(named)})" for guard in guards) or "False"
    quick = eval(f"lambda: {text}", dict(known.values()))  # noqa: S307 the text made above

    def look() -> bool:
        try:
            return bool(quick())
        except (AttributeError, LookupError, ValueError):
            return any(guard.has_changed() for guard in guards)

    return look


def is_plain(x: Any) -> bool:
    """Whether it is a number, a text, or nothing."""
    return x is None or type(x) in (bool, int, float, str, bytes, complex)


def is_exactly(x: Any, y: Any) -> bool:
    """Whether it is the same object, or the same number or text: 2 is not 2.0, and 0.0 not -0.0."""
    return x is y or (is_plain(x) and type(x) is type(y) and _exactly(x) == _exactly(y))


def _exactly(x: Any) -> Any:
    return (type(x), repr(x)) if isinstance(x, float | complex) else (type(x), x)


def _at(owner: Any, name: Any) -> Any:
    return owner[name] if isinstance(owner, dict | list | tuple) else getattr(owner, name)


def _text(owner: Any, name: Any, named: Callable[[Any, str], str]) -> str:
    return place_text(named(owner, f"{type(owner).__name__.lower()}_"), owner, name, named)


def place_text(here: str, owner: Any, name: Any, named: Callable[[Any, str], str]) -> str:
    """The expression of a place of the object that is called ``here``; ``named`` gives a name to a key."""
    if not isinstance(owner, dict | list | tuple):
        return f"{here}.{name}"
    return f"{here}[{name!r}]" if isinstance(name, str | int) else f"{here}[{named(name, 'key')}]"


def _word(name: Any) -> str:
    return f"{name}_" if isinstance(name, str) and name.isidentifier() else "thing"
