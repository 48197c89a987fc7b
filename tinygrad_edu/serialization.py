"""`save` and `load`: named arrays in a safetensors file, which holds numbers only and can run nothing."""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import safetensors
import safetensors.numpy

from tinygrad_edu.errors import DTypeError, TinygradEduError
from tinygrad_edu.graph.modes import not_while_compiling
from tinygrad_edu.graph.node import Node
from tinygrad_edu.support.arguments import shown
from tinygrad_edu.support.files import write
from tinygrad_edu.support.state_dict import FORMAT, LoadedState

PathLike = str | os.PathLike[str]


class WeightsFileError(TinygradEduError, ValueError):
    """A file that is no whole safetensors file."""


class WeightsNotFoundError(TinygradEduError, FileNotFoundError):
    """There is no file of that name."""


def save(path: PathLike, state: Mapping[str, Any]) -> None:
    """Write named arrays, such as ``model.state_dict()``, to a safetensors file.

    Parameters
    ----------
    path : where to; an earlier file is replaced in one moment, or not at all.
    state : names to arrays, Tensors, Values, numbers, or tuples of numbers. Numbers become arrays of shape ().

    Raises
    ------
    DTypeError : ``state`` is no dict, an entry holds no numbers, or a name is not text. Nothing is written.
    FileError : the directory is missing, or cannot be written to.

    Notes
    -----
    The format: https://huggingface.co/docs/safetensors. Other libraries read it too.

    Examples
    --------
    >>> import tempfile, os
    >>> from tinygrad_edu import load, nn, save
    >>> net, twin = nn.MLP(2, [8, 1]), nn.MLP(2, [8, 1])
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = os.path.join(folder, "net.safetensors")
    ...     save(path, net.state_dict())
    ...     twin.load_state_dict(load(path))
    >>> bool((net.layers[0].weight == twin.layers[0].weight).all())
    True
    """
    not_while_compiling("save()")
    if not isinstance(state, Mapping):
        raise DTypeError(
            f"save(path, state) takes a dict of numbers by name, such as net.state_dict(), but was given {shown(state)}"
        )
    arrays = {name: _array(name, entry) for name, entry in state.items()}
    write(path, safetensors.numpy.save(arrays, metadata={"format": FORMAT}))


def _array(name: Any, entry: Any) -> Any:
    array = np.asarray(entry._data if isinstance(entry, Node) else entry, order="C")
    if not isinstance(name, str) or name == "__metadata__":
        raise DTypeError(f"save: a name must be text, and not '__metadata__', but {name!r} was given")
    if array.dtype.kind not in "fiub" or array.dtype.itemsize > 8:
        raise DTypeError(f"save: entry {name!r} must hold numbers of at most 64 bits, but holds {array.dtype}")
    return array.astype(array.dtype.newbyteorder("="), copy=False)


def load(path: PathLike) -> dict[str, Any]:
    """Read the named arrays of a safetensors file.

    Returns
    -------
    dict : names to new arrays, bit for bit as they were saved.

    Raises
    ------
    WeightsNotFoundError : there is no such file.
    WeightsFileError : the file is truncated, damaged, or of another kind.

    Examples
    --------
    >>> from tinygrad_edu import load
    >>> load("nowhere.safetensors")
    Traceback (most recent call last):
        ...
    tinygrad_edu.serialization.WeightsNotFoundError: load: there is no file 'nowhere.safetensors'
    """
    not_while_compiling("load()")
    if not isinstance(path, str | os.PathLike):
        raise DTypeError(f"load takes the path of a file, but was given {shown(path)}")
    place = Path(path)
    if place.is_dir():
        raise WeightsNotFoundError(f"load: {os.fspath(path)!r} is a folder: name a file in it")
    if not place.is_file():
        raise WeightsNotFoundError(f"load: there is no file {os.fspath(path)!r}")
    try:
        content = place.read_bytes()
        found = safetensors.numpy.load(content)
    except (safetensors.SafetensorError, ValueError, KeyError, TypeError) as error:
        raise WeightsFileError(
            f"load: {os.fspath(path)!r} is no whole safetensors file ({error}): save() writes them"
        ) from None
    return LoadedState({name: np.array(array) for name, array in found.items()}, _format_of(content))


def _format_of(content: bytes) -> str:
    """Who wrote the file, where it says so: "pt" is PyTorch."""
    size = int.from_bytes(content[:8], "little")
    return str(json.loads(content[8 : 8 + size]).get("__metadata__", {}).get("format", ""))
