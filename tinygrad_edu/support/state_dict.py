"""What ``state_dict`` and ``load_state_dict`` of modules, optimizers and schedulers share."""

from collections.abc import Iterable, Mapping
from typing import Any

from tinygrad_edu.errors import TinygradEduError
from tinygrad_edu.support.arguments import shown


class StateDictError(TinygradEduError, ValueError):
    """A state that does not fit what it is loaded into."""


FORMAT = "tinygrad_edu"  # in a file's metadata: which library wrote it; PyTorch's users write "pt"


class LoadedState(dict[str, Any]):
    """The arrays of a file by name. ``format`` says which library wrote it; "" if the file does not say."""

    def __init__(self, arrays: Mapping[str, Any], format: str) -> None:  # noqa: A002 the word of the file's own header
        super().__init__(arrays)
        self.format = format


def shape_of(x: Any) -> tuple[int, ...]:
    """The shape of an array or a Tensor; () of a number or a Value."""
    return tuple(getattr(x, "shape", ()))


def problems_of(name: str, given: Any, shape: tuple[int, ...]) -> list[str]:
    """What is wrong with an entry that should hold numbers of this shape: an empty list, or one problem."""
    kind = "f" if isinstance(given, float | int) else getattr(getattr(given, "dtype", None), "kind", "")
    if not kind or kind not in "fiub":
        return [f"{name} must hold numbers, but is {shown(given)}"]
    if shape_of(given) != shape:
        return [f"{name} has the shape {shape_of(given)}, but {shape} is needed"]
    return []


def differences(wanted: Iterable[str], given: Mapping[str, Any]) -> list[str]:
    """The entries that are missing, and those that are surplus."""
    if not isinstance(given, Mapping):
        raise StateDictError(
            "a state is a dict of numbers by name, as state_dict() and load(path) give it, but was given "
            f"{shown(given)}"
        )
    wanted = list(wanted)
    return [f"{name} is missing" for name in wanted if name not in given] + [
        f"{name} is surplus" for name in given if name not in wanted
    ]


def refuse(owner: str, problems: Iterable[str]) -> None:
    """Raise an error that names every problem, if there is one."""
    found = sorted(problems)
    if found:
        raise StateDictError(f"the state does not fit {owner}, and nothing was loaded: {'; '.join(found)}")
