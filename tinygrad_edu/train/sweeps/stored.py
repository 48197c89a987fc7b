"""The outcome of a run as the bytes of a safetensors file: arrays as tensors, everything else in a JSON header."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import safetensors
import safetensors.numpy

from tinygrad_edu.errors import DTypeError
from tinygrad_edu.graph.node import Node
from tinygrad_edu.support.arguments import shown
from tinygrad_edu.train.history import History

_ARRAY = "array:"  # before the name of a tensor, in the header


def encoded(outcome: Any, setting: Any, seed: int) -> bytes:
    """The outcome of a run as bytes: the same bytes for the same outcome.

    Raises
    ------
    DTypeError : the run gave no History and no dict, or something in it is no number, text or array.
    """
    if isinstance(outcome, History):
        outcome = {**outcome.to_dict(), "stopped": outcome.stopped}
    if not isinstance(outcome, Mapping):
        raise DTypeError(
            "sweep: a run returns a History, or a dict of numbers by name such as {'loss': 0.1}, but this one returned "
            + shown(outcome)
        )
    arrays: dict[str, Any] = {}
    header = json.dumps({"setting": setting, "seed": seed, "outcome": _plain(outcome, arrays)})
    return safetensors.numpy.save(arrays, metadata={"run": header})


def decoded(content: bytes) -> dict[str, Any]:
    """The outcome, from the bytes that `encoded` made; tuples are lists now."""
    size = int.from_bytes(content[:8], "little")
    header = json.loads(json.loads(content[8 : 8 + size])["__metadata__"]["run"])
    arrays = safetensors.numpy.load(content)
    outcome: dict[str, Any] = _restored(header["outcome"], arrays)
    return outcome


def read(path: Path) -> dict[str, Any] | None:
    """The outcome in a file; None if there is no such file, or it is damaged."""
    try:
        return decoded(path.read_bytes())
    except (OSError, ValueError, KeyError, safetensors.SafetensorError):
        return None


def _plain(value: Any, arrays: dict[str, Any]) -> Any:
    """The value in types that JSON has; its arrays go to ``arrays``."""
    if isinstance(value, Node):
        value = value.data
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, np.ndarray):
        if value.dtype.kind not in "fiub":
            raise DTypeError(f"sweep: a run gave an array of {value.dtype}, which cannot be saved: give numbers")
        name = f"{len(arrays)}"
        arrays[name] = np.ascontiguousarray(value).reshape(value.shape)
        return _ARRAY + name
    if isinstance(value, str):
        return "text:" + value
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, list | tuple):
        return [_plain(part, arrays) for part in value]
    if isinstance(value, Mapping) and all(isinstance(name, str) for name in value):
        return {name: _plain(part, arrays) for name, part in value.items()}
    raise DTypeError(
        "sweep: a run gives numbers, text, arrays, and lists and dicts by name of these, but gave "
        f"{shown(value)}: give net.state_dict() instead of a net"
    )


def _restored(value: Any, arrays: Mapping[str, Any]) -> Any:
    if isinstance(value, str):
        kind, _, rest = value.partition(":")
        return arrays[rest] if kind + ":" == _ARRAY else rest
    if isinstance(value, list):
        return [_restored(part, arrays) for part in value]
    if isinstance(value, dict):
        return {name: _restored(part, arrays) for name, part in value.items()}
    return value
