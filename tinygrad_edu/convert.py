"""States of nets from PyTorch and to PyTorch: names are mapped, and weights with another layout are transposed.

`nn.Linear` here has its weight as ``(in_features, out_features)``, PyTorch's is the other way round. Every other layer
keeps PyTorch's layout. Which weights are transposed is decided by the kind of the layer, never by the shape.
"""

import os
import re
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from tinygrad_edu.errors import ArgumentError
from tinygrad_edu.nn import Module
from tinygrad_edu.serialization import load
from tinygrad_edu.support.arguments import shown
from tinygrad_edu.support.state_dict import FORMAT, StateDictError, refuse, shape_of

COUNTER = "num_batches_tracked"  # PyTorch's norms count their batches, and use the number only where momentum=None


def from_torch(source: Any, net: Module, *, names: Mapping[str, str] | None = None) -> None:
    """Load a PyTorch module's parameters and buffers into ``net``.

    Parameters
    ----------
    source : a ``torch.nn.Module``; its ``state_dict()``; or the path of a safetensors file that PyTorch wrote.
    net : takes the numbers over, in its own dtypes.
    names : PyTorch's name for each name of ``net.state_dict()`` that is not found without it.

    Notes
    -----
    Entries are matched by name, without "layers.": ``layers.0.weight`` matches ``0.weight``. If the names do not match,
    layers are paired in order. Then both sides need the same number of layers, and the entries of each pair the same
    last names and shapes. In a file, only numbers such as "0." and "2." give an order.

    Raises
    ------
    StateDictError : entries are missing, surplus or of another shape, or the file was written by `tinygrad_edu.save`,
        whose weights are not transposed. Each problem is named, and nothing is changed.

    Examples
    --------
    >>> from tinygrad_edu import nn
    >>> layer = nn.Linear(2, 3)
    >>> weight, bias = np.arange(6.0).reshape(3, 2), np.zeros(3)  # as PyTorch has them
    >>> from_torch({"weight": weight, "bias": bias}, layer)
    >>> layer.weight.shape, bool((layer.weight.data == weight.T).all())
    ((2, 3), True)
    """
    given = {name: _array(x) for name, x in _entries(source).items()}
    layout = _Layout(net)
    pairs, problems = layout.paired(given, names or {})
    state = {}
    for ours, theirs in pairs.items():
        array, wanted = given[theirs], layout.shapes[ours]
        if array.shape != wanted:
            hint = ", transposed already: is it a state of this library?" if array.shape == wanted[::-1] else ""
            problems.append(f"{theirs} has the shape {array.shape}, but {wanted} is needed for {ours}{hint}")
        state[ours] = array.T if ours in layout.transposed else array
    refuse(type(net).__name__, problems)
    net.load_state_dict(state)


def to_torch(net: Module, module: Any = None, *, names: Mapping[str, str] | None = None) -> Any:
    """The state of ``net`` as PyTorch has it; or, with a PyTorch module, that module with the state loaded.

    Parameters
    ----------
    net : of `nn`.
    module : a ``torch.nn.Module`` of the same structure, into which the state is loaded; see `from_torch` for how names
        are found. Without it, "layers." is left out of the names, as ``torch.nn.Sequential`` names its parts.
    names : PyTorch's name for each name of ``net.state_dict()`` that is not found without it.

    Returns
    -------
    dict of ``torch.Tensor`` by name, or ``module``.

    Raises
    ------
    StateDictError : ``module`` has other entries or shapes. Each problem is named, and nothing is changed.
    """
    try:
        import torch
    except ModuleNotFoundError as error:
        raise ImportError(
            "convert.to_torch makes PyTorch tensors, but PyTorch is not installed: see pytorch.org"
        ) from error
    layout, state = _Layout(net), net.state_dict()
    arrays = {name: np.array(x.T if name in layout.transposed else x, order="C") for name, x in state.items()}
    if module is None:
        return {(names or {}).get(name, _short(name)): torch.from_numpy(array) for name, array in arrays.items()}
    theirs = {name: tuple(x.shape) for name, x in module.state_dict().items()}
    pairs, problems = layout.paired({name: np.empty(shape) for name, shape in theirs.items()}, names or {})
    for mine, other in pairs.items():
        if arrays[mine].shape != theirs[other]:
            problems.append(f"{other} has the shape {theirs[other]}, but {mine} gives {arrays[mine].shape}")
    refuse(type(module).__name__, problems)
    module.load_state_dict({other: torch.from_numpy(arrays[mine]) for mine, other in pairs.items()}, strict=False)
    return module


class _Layout:
    """The entries of a net's state: which are transposed in PyTorch, and the shapes that they have there."""

    def __init__(self, net: Module) -> None:
        if not isinstance(net, Module):
            raise ArgumentError(f"convert works on a Module of tinygrad_edu.nn, but was given {shown(net)}")
        self.transposed = {*net.transposed_in_pytorch()}
        state = net.state_dict()
        self.shapes = {name: shape_of(x)[::-1] if name in self.transposed else shape_of(x) for name, x in state.items()}

    def paired(self, given: Mapping[str, Any], names: Mapping[str, str]) -> tuple[dict[str, str], list[str]]:
        """PyTorch's name for each of ours, and what is wrong."""
        counts = any(name.endswith(COUNTER) for name in self.shapes)
        theirs = {name: x for name, x in given.items() if counts or not name.endswith(COUNTER)}
        unknown = [f"names: there is no {name} in the net" for name in names if name not in self.shapes]
        unknown += [f"names: there is no {name} in PyTorch's state" for name in names.values() if name not in theirs]
        short = {_short(name): name for name in theirs}
        found = {name: names.get(name, short.get(_short(name), "")) for name in self.shapes}
        if not unknown and not names and ("" in found.values() or len(theirs) != len(found)):
            found = self._in_order(theirs) or found
        used = set(found.values())
        missing = [f"{name} is missing" for name, other in found.items() if not other]
        surplus = [f"{name} is surplus" for name in theirs if name not in used]
        return {name: other for name, other in found.items() if other in theirs}, [*unknown, *missing, *surplus]

    def _in_order(self, theirs: Mapping[str, Any]) -> dict[str, str]:
        """The layers one after another, if they fit in their entries' names and shapes; {} if not."""
        ours, others = _by_layer(self.shapes), _in_sequence(_by_layer(theirs))
        if len(ours) != len(others):
            return {}
        pairs: dict[str, str] = {}
        for mine, other in zip(ours.values(), others.values(), strict=True):
            if mine.keys() != other.keys():
                return {}
            pairs |= {mine[last]: other[last] for last in mine}
        fits = all(self.shapes[name] == shape_of(theirs[other]) for name, other in pairs.items())
        return pairs if fits else {}


def _by_layer(names: Iterable[str]) -> dict[str, dict[str, str]]:
    """For each layer its entries, by their last names."""
    layers: dict[str, dict[str, str]] = {}
    for name in names:
        layer, _, last = name.rpartition(".")
        layers.setdefault(layer, {})[last] = name
    return layers


def _in_sequence(layers: dict[str, dict[str, str]]) -> dict[str, dict[str, str]]:
    """The layers in the order of their numbers, because a file sorts them as text, 10 before 2.

    If they have no such numbers, the order is that of the module. A file with such layers is not paired in order,
    because it is sorted by name. It is recognized by this: its layers do not begin with their weight.
    """
    if len({re.sub(r"\d+", "#", layer) for layer in layers}) == 1:
        return dict(sorted(layers.items(), key=lambda pair: [int(n) for n in re.findall(r"\d+", pair[0])]))
    is_file = list(layers) == sorted(layers) and any(
        [*layer] == sorted(layer) and len(layer) > 1 for layer in layers.values()
    )
    return {} if is_file else layers


def _short(name: str) -> str:
    return ".".join(part for part in name.split(".") if part != "layers")


def _entries(source: Any) -> Mapping[str, Any]:
    """The entries of a module, of a state, or of a file."""
    if isinstance(source, str | os.PathLike):
        state = load(source)
        if getattr(state, "format", "") == FORMAT:
            raise StateDictError(
                f"{os.fspath(source)!r} was written by tinygrad_edu.save, not by PyTorch: use "
                "net.load_state_dict(tinygrad_edu.load(path))"
            )
        return state
    if isinstance(source, Module):
        raise ArgumentError("from_torch takes a module of PyTorch first, and then the net: from_torch(module, net)")
    state = source.state_dict() if hasattr(source, "state_dict") else source
    if not isinstance(state, Mapping):
        raise ArgumentError(
            f"from_torch takes a torch.nn.Module, its state_dict(), or a path, but was given {shown(source)}"
        )
    return state


def _array(x: Any) -> Any:
    """A tensor or an array as an array; bfloat16, which NumPy does not have, as float32."""
    if hasattr(x, "detach"):
        x = x.detach().cpu()
        return x.float().numpy() if str(x.dtype) == "torch.bfloat16" else x.numpy()
    return np.asarray(x)
