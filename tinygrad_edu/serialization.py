"""`save` and `load`: named arrays in a safetensors file, which holds only numbers and no code."""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import safetensors
import safetensors.numpy

from tinygrad_edu.errors import ArgumentError, DTypeError, TinygradEduError
from tinygrad_edu.graph.modes import not_while_compiling
from tinygrad_edu.graph.node import Node
from tinygrad_edu.support.arguments import shown
from tinygrad_edu.support.files import write
from tinygrad_edu.support.state_dict import FORMAT, LoadedState

KINDS = {  # safetensors' names of NumPy's types
    **{f"F{8 * size}": f"<f{size}" for size in (2, 4, 8)},
    **{f"I{8 * size}": f"<i{size}" for size in (1, 2, 4, 8)},
    **{f"U{8 * size}": f"<u{size}" for size in (1, 2, 4, 8)},
    "BOOL": "?",
    "C64": "<c8",
}

PathLike = str | os.PathLike[str]


class WeightsFileError(TinygradEduError, ValueError):
    """A file that is not a complete safetensors file."""


class WeightsNotFoundError(TinygradEduError, FileNotFoundError):
    """There is no file of that name."""


def save(path: PathLike, state: Mapping[str, Any]) -> None:
    """Write named arrays, such as ``model.state_dict()``, to a safetensors file.

    Parameters
    ----------
    path : the file. An older file is replaced only if the new one is complete.
    state : names to arrays, Tensors, Values, numbers, or tuples of numbers. Numbers become arrays of shape ().

    Raises
    ------
    DTypeError : ``state`` is not a dict, an entry does not hold numbers, or a name is not text. Nothing is written.
    ArgumentError : the name of the file ends like that of another format, such as .npz or .pt.
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
    if str(path).lower().endswith((".npz", ".npy", ".pt", ".pth", ".pkl")):
        raise ArgumentError(
            f"save writes a safetensors file, but was given the name {str(path)!r}: end it with .safetensors"
        )
    arrays = {name: _array(name, entry) for name, entry in state.items()}
    write(path, safetensors.numpy.save(arrays, metadata={"format": FORMAT}))


def _array(name: Any, entry: Any) -> Any:
    array = np.asarray(entry.raw if isinstance(entry, Node) else entry, order="C")
    if not isinstance(name, str) or name == "__metadata__":
        raise DTypeError(f"save: a name must be text, and not '__metadata__', but {name!r} was given")
    if not name.isascii() and name != name.encode("utf-8", "replace").decode("utf-8"):
        raise DTypeError(f"save: a name must be text, but {name!r} holds half of a pair of code units")
    if array.dtype.kind not in "fiub" or array.dtype.itemsize > 8:
        raise DTypeError(f"save: entry {name!r} must hold numbers of at most 64 bits, but holds {array.dtype}")
    return array.astype(array.dtype.newbyteorder("="), copy=False)


def load(path: PathLike) -> dict[str, Any]:
    """Read the named arrays of a safetensors file.

    Returns
    -------
    dict : names, in alphabetical order, to new arrays, bit for bit as they were saved. NumPy has no type BF16: such
        numbers become float32, which holds each of them exactly.

    Raises
    ------
    WeightsNotFoundError : there is no such file.
    WeightsFileError : the file is truncated, damaged, of another kind, or holds numbers of a type that NumPy does not
        have, such as F8.

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
        found = dict(sorted(safetensors.deserialize(content)))  # type: ignore[no-untyped-call]
        arrays = {name: _numbers(name, entry) for name, entry in found.items()}
    except OSError as error:
        raise WeightsNotFoundError(f"load: {os.fspath(path)!r} cannot be read ({error.strerror or error})") from None
    except (safetensors.SafetensorError, ValueError, KeyError, TypeError) as error:
        if isinstance(error, WeightsFileError):
            raise
        raise WeightsFileError(
            f"load: {os.fspath(path)!r} is not a complete safetensors file ({error}): give a file that save() wrote"
        ) from None
    return LoadedState(arrays, _format_of(content))


def _format_of(content: bytes) -> str:
    """Which library wrote the file, if it says so: "pt" is PyTorch."""
    size = int.from_bytes(content[:8], "little")
    return str(json.loads(content[8 : 8 + size]).get("__metadata__", {}).get("format", ""))


def _numbers(name: str, entry: Mapping[str, Any]) -> Any:
    """The array of an entry of the file."""
    kind, shape = entry["dtype"], entry["shape"]
    if kind == "BF16":  # the upper half of a float32
        halves = np.frombuffer(entry["data"], dtype="<u2").astype(np.uint32) << 16
        return halves.view(np.float32).reshape(shape)
    if kind not in KINDS:
        raise WeightsFileError(
            f"load: entry {name!r} holds numbers of type {kind}, which NumPy does not have: it reads "
            f"{', '.join(KINDS)}, and BF16 as float32"
        )
    return np.frombuffer(entry["data"], dtype=KINDS[kind]).astype(KINDS[kind].lstrip("<")).reshape(shape)
