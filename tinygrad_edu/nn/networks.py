"""Networks of layers: `Sequential`, `MLP`; lists and dicts of modules."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any

from tinygrad_edu.errors import ArgumentError
from tinygrad_edu.nn.activations import activation_of, refuse_class
from tinygrad_edu.nn.init import Rng, generator
from tinygrad_edu.nn.layers import Linear
from tinygrad_edu.nn.module import Module
from tinygrad_edu.nn.sizes import layer_widths
from tinygrad_edu.support.arguments import shown
from tinygrad_edu.support.types import DTypeLike
from tinygrad_edu.tensor import Tensor


class Sequential(Module):
    """Modules (or functions) one after the other.

    Attributes
    ----------
    layers : list of them. Indexing, ``len`` and iteration of the Sequential are the list's.

    Examples
    --------
    >>> from tinygrad_edu import nn
    >>> net = nn.Sequential(nn.Linear(2, 8), nn.ReLU(), nn.Dropout(0.2), nn.Linear(8, 1))
    >>> net
    Sequential                       33 parameters
    ├─ layers.0: Linear(2 → 8)       24
    ├─ layers.1: ReLU                 0
    ├─ layers.2: Dropout(p=0.2)       0
    └─ layers.3: Linear(8 → 1)        9
    """

    def __init__(self, *layers: Callable[[Any], Any]) -> None:
        for i, layer in enumerate(layers):
            if not callable(layer):
                raise ArgumentError(
                    f"Sequential takes modules or functions, one after another, but argument {i} is {shown(layer)}"
                )
            refuse_class(f"Sequential: argument {i}", layer)
        self.layers = list(layers)

    def forward(self, x: Any) -> Any:
        """What the last layer makes of it."""
        for layer in self.layers:
            x = layer(x)
        return x

    def __len__(self) -> int:
        return len(self.layers)

    def __iter__(self) -> Iterator[Callable[[Any], Any]]:
        return iter(self.layers)

    def __getitem__(self, index: int) -> Callable[[Any], Any]:
        return self.layers[index]


class ModuleList(Module):
    """A list of modules. Its parts are called ``0``, ``1``, …, as in PyTorch.

    Parameters
    ----------
    modules : the modules, in order.

    Notes
    -----
    A plain list in an attribute does as well: its modules are found, too. PyTorch: ``torch.nn.ModuleList``.

    Examples
    --------
    >>> from tinygrad_edu import nn
    >>> class Net(nn.Module):
    ...     def __init__(self):
    ...         self.blocks = nn.ModuleList([nn.Linear(2, 2), nn.Linear(2, 2)])
    >>> list(Net().state_dict())
    ['blocks.0.weight', 'blocks.0.bias', 'blocks.1.weight', 'blocks.1.bias']
    """

    def __init__(self, modules: Iterable[Module] = ()) -> None:
        self.extend(modules)

    def append(self, module: Module) -> "ModuleList":
        """Add a module at the end; return the list."""
        setattr(self, str(len(self)), _a_module("ModuleList", module))
        return self

    def extend(self, modules: Iterable[Module]) -> "ModuleList":
        """Add modules at the end; return the list."""
        for module in modules:
            self.append(module)
        return self

    def __len__(self) -> int:
        return len(self.children_by_name())

    def __iter__(self) -> Iterator[Module]:
        return iter(self.children_by_name().values())

    def __getitem__(self, index: Any) -> Any:
        found = list(self)[index]
        return ModuleList(found) if isinstance(index, slice) else found

    def __setitem__(self, index: int, module: Module) -> None:
        setattr(self, str(range(len(self))[index]), _a_module("ModuleList", module))


class ModuleDict(Module):
    """Modules by name.

    Parameters
    ----------
    modules : a dict of them.

    Notes
    -----
    A plain dict in an attribute does as well: its modules are found, too. PyTorch: ``torch.nn.ModuleDict``.

    Examples
    --------
    >>> from tinygrad_edu import nn
    >>> parts = nn.ModuleDict({"up": nn.Linear(1, 2)})
    >>> parts["down"] = nn.Linear(2, 1, bias=False)
    >>> list(parts.state_dict())
    ['up.weight', 'up.bias', 'down.weight']
    """

    def __init__(self, modules: Mapping[str, Module] | None = None) -> None:
        for name, module in (modules or {}).items():
            self[name] = module

    def __setitem__(self, name: str, module: Module) -> None:
        if hasattr(type(self), name) or name.startswith("_"):
            raise ArgumentError(f"ModuleDict: a module cannot be called {name!r}, which is a name of its own")
        setattr(self, name, _a_module("ModuleDict", module))

    def __getitem__(self, name: str) -> Module:
        return self.children_by_name()[name]

    def __len__(self) -> int:
        return len(self.children_by_name())

    def __iter__(self) -> Iterator[str]:
        return iter(self.children_by_name())

    def __contains__(self, name: object) -> bool:
        return name in self.children_by_name()

    def keys(self) -> Iterable[str]:
        """The names."""
        return self.children_by_name().keys()

    def values(self) -> Iterable[Module]:
        """The modules."""
        return self.children_by_name().values()

    def items(self) -> Iterable[tuple[str, Module]]:
        """Names and modules."""
        return self.children_by_name().items()


def _a_module(name: str, given: Any) -> Module:
    refuse_class(name, given)
    if not isinstance(given, Module):
        raise ArgumentError(f"{name} holds modules, but was given {shown(given)}")
    return given


class MLP(Module):
    """A multilayer perceptron: `Linear` layers with an activation between them, and none after the last.

    Parameters
    ----------
    n_in : number of inputs.
    sizes : number of units of each layer; the last one gives the outputs.
    activation : a name ("relu", "tanh", "sigmoid", "leaky_relu", "elu", "selu", "gelu", "silu", "softplus",
        "identity"), or a module or function, such as ``nn.LeakyReLU(0.1)``.
    dtype : of the parameters, by default float64.
    rng : a `numpy.random.Generator`, a seed, or None.

    Attributes
    ----------
    layers : list of `Linear`.
    activation : the function between them.

    Notes
    -----
    The interface follows micrograd's ``MLP``; `nn.scalar.MLP` is the same over Values.

    Examples
    --------
    >>> from tinygrad_edu import nn
    >>> nn.MLP(2, [16, 16, 1], activation="relu")
    MLP(2 → 16 → 16 → 1, relu)      337 parameters
    ├─ layers.0: Linear(2 → 16)      48
    ├─ layers.1: Linear(16 → 16)    272
    └─ layers.2: Linear(16 → 1)      17
    """

    def __init__(
        self,
        n_in: int,
        sizes: Sequence[int],
        activation: str | Callable[[Any], Any] = "relu",
        *,
        dtype: DTypeLike | None = None,
        rng: Rng = None,
    ) -> None:
        widths = layer_widths(n_in, sizes)
        source = generator(rng)
        self.layers = [Linear(*pair, dtype=dtype, rng=source) for pair in pairwise(widths)]
        self.activation = activation_of(activation)
        self._name = activation if isinstance(activation, str) else getattr(activation, "__name__", "")

    def forward(self, x: Tensor) -> Tensor:
        """The outputs, of shape (…, sizes[-1])."""
        for layer in self.layers[:-1]:
            x = self.activation(layer(x))
        return self.layers[-1](x)

    def extra_repr(self) -> str:
        widths = " → ".join(str(n) for n in (self.layers[0].in_features, *(f.out_features for f in self.layers)))
        return f"{widths}, {self._name}" if self._name else widths
