"""`Module`: a part of a network, with its parameters and the parts that it is made of.

Parameters and parts are found where they are: in the attributes. Nothing needs to be registered, and a subclass
need not call ``super().__init__()``.
"""

import functools
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import groupby
from typing import Any, TypeVar

from tinygrad_edu.errors import DTypeError, ShapeError
from tinygrad_edu.graph.modes import MODES, WATCH, not_while_compiling, notify
from tinygrad_edu.graph.node import Node, describe, of_a_tuple
from tinygrad_edu.graph.scope import Scope
from tinygrad_edu.support.arguments import shown
from tinygrad_edu.support.ascii import for_output
from tinygrad_edu.support.attributes import give_own_dict
from tinygrad_edu.support.calls import explain_init, explains_calls
from tinygrad_edu.support.other_libraries import explain_absent
from tinygrad_edu.support.state_dict import FORMAT, differences, problems_of, refuse, shape_of
from tinygrad_edu.value import Constant, Value

M = TypeVar("M", bound="Module")
_OF_TENSORS = ("shape", "ndim", "dtype", "size", "reshape", "T")


class Module:
    """Base class of networks and of their parts.

    A subclass sets attributes and defines ``forward``; calling the module calls ``forward``.

    - A Tensor or a Value in an attribute is a parameter, an ndarray is a buffer (such as a running mean), a Module is
      a part. They are found in lists, tuples and dicts too. Attributes whose names start with an underscore are the
      module's own business.
    - A parameter takes new numbers through its ``data``; in its attribute only another leaf that learns may follow it.
    - A parameter whose ``requires_grad`` is False is frozen: it stays in `state_dict` and leaves `parameters`.
    - An ndarray that the module is called with arrives in ``forward`` as a Tensor that needs no gradient.

    Attributes
    ----------
    training : whether the module behaves as in training, see `train` and `eval`.

    Examples
    --------
    >>> import numpy as np
    >>> from tinygrad_edu import Tensor, nn
    >>> class Scale(nn.Module):
    ...     def __init__(self):
    ...         self.factor = Tensor(2.0)
    ...
    ...     def forward(self, x):
    ...         return x * self.factor
    >>> net = nn.Sequential(nn.Linear(3, 4), Scale())
    >>> [(name, p.shape) for name, p in net.named_parameters()]
    [('layers.0.weight', (3, 4)), ('layers.0.bias', (4,)), ('layers.1.factor', ())]
    """

    training: bool = True
    _scope: Scope | None = None
    _replaced = 0  # how often a module was given a forward of its own, or lost it: compiled functions look at it
    _hooks: "tuple[ForwardHook, ...]" = ()

    def _no_forward(self, *_: Any, **__: Any) -> Any:
        raise NotImplementedError(f"{type(self).__name__} has no forward(): define there what calling it computes")

    forward: Callable[..., Any] = _no_forward

    def __init_subclass__(cls, **keywords: Any) -> None:
        super().__init_subclass__(**keywords)
        explain_init(cls)

    def __setattr__(self, name: str, value: Any) -> None:
        before = self.__dict__.get(name)
        if isinstance(before, Node) and not _may_follow(before, value):
            kind = describe(value) if isinstance(value, Node) else f"the type {type(value).__name__}"
            raise DTypeError(
                f"{self._title()}: {name} is a parameter, but was given {kind}, which does not learn: write to its "
                f"data, .{name}.data -= … or .{name}.data = …, or give a new Tensor"
            )
        super().__setattr__(name, value)
        if name == "forward":
            Module._replaced += 1

    def __delattr__(self, name: str) -> None:
        super().__delattr__(name)
        if name == "forward":
            Module._replaced += 1

    def __call__(self, *inputs: Any, **keywords: Any) -> Any:
        scope = self._scope
        if WATCH.active or keywords or scope is None or len(inputs) != 1 or self._hooks:
            return self._called(inputs, keywords)
        (x,) = inputs
        if not isinstance(x, Node):
            x = self._as_input(x)
            inputs = (x,)
        if isinstance(x, Node):
            y = self._forward_of(inputs) if x.__class__ is Value else self.forward(x)
            # This is what `_note` does for one node in and one out: the call would take longer.
            if isinstance(y, Node) and y is not x and y.operation is not None:
                y._marks += ((scope, inputs),)
            else:
                _note(y, scope, inputs)
        else:  # a list of Values, say
            y = self._forward_of(inputs)
            _note(y, scope, inputs)
        if WATCH.on_module_call:
            notify("on_module_call", self, y)
        return y

    def _called(self, inputs: tuple[Any, ...], keywords: dict[str, Any]) -> Any:
        scope = self._scope or self._introduce()
        inputs = tuple([x if isinstance(x, Node) else self._as_input(x) for x in inputs])
        if WATCH.active and MODES.recorder is not None:
            MODES.recorder.on_module_call(self)
        y = self._forward_of(inputs, **keywords)
        for hook in self._hooks:
            changed = hook.function(self, inputs, y)
            y = y if changed is None else changed
        _note(y, scope, inputs)
        if WATCH.on_module_call:
            notify("on_module_call", self, y)
        return y

    def _forward_of(self, inputs: tuple[Any, ...], **keywords: Any) -> Any:
        """What `forward` gives; if an input is no Tensor where it must be one, the error says so."""
        try:
            return self.forward(*inputs, **keywords)
        except (AttributeError, DTypeError) as error:
            if advice := self._advice_on_a_tuple(inputs):
                raise DTypeError(advice) from None
            if isinstance(error, DTypeError):
                raise
            if not any(error.obj is x and not isinstance(x, Module) for x in inputs) or error.name not in _OF_TENSORS:
                raise
            raise DTypeError(
                f"{self._title()} takes Tensors or arrays, but was given {shown(error.obj)}: pass an array of numbers"
            ) from None

    def _advice_on_a_tuple(self, inputs: tuple[Any, ...]) -> str:
        """What to do about a tuple of Tensors that a layer of the library was called with; "" if there is none.

        A module with parts, or one of the user's own, may take a tuple: the error is then about something else.
        """
        x = inputs[0] if inputs else None
        own = not type(self).__module__.startswith(__package__) or self.children()
        if own or not isinstance(x, tuple) or not any(isinstance(part, Node) for part in x):
            return ""
        return f"{self._title()} was given a tuple: {of_a_tuple(x)}"

    def _as_input(self, x: Any) -> Any:
        """An ndarray, or a list of numbers, as a Tensor; anything else as it is."""
        if hasattr(x, "__array_function__"):
            return _as_tensor(x)
        return _listed(x) if x.__class__ is list and x else x

    # --- what it consists of ---

    def _members(self) -> Iterator[tuple[str, Any]]:
        """The parts, parameters and buffers in the attributes."""
        for name, value in vars(self).items():
            if not name.startswith("_"):
                yield from _found(name, value)

    def _walk(self, prefix: str = "", seen: set[int] | None = None) -> Iterator[tuple[str, str, Any]]:
        """Every part, parameter and buffer below, once: the name of what it is in with a dot, its own name, itself."""
        seen = seen or {id(self)}
        for name, member in self._members():
            if id(member) not in seen:
                seen.add(id(member))
                yield prefix, name, member
                if isinstance(member, Module):
                    yield from member._walk(f"{prefix}{name}.", seen)

    def _state(self) -> dict[str, Any]:
        """The parameters, the frozen ones too, and the buffers."""
        return {prefix + name: member for prefix, name, member in self._walk() if not isinstance(member, Module)}

    def _introduce(self) -> Scope:
        """Give the parts the names that pictures show, and the parameters their dotted names as labels."""
        give_own_dict(self)
        for prefix, name, member in self._walk():
            path = prefix + name
            if isinstance(member, Module):
                give_own_dict(member)
                member._scope = member._scope or Scope("", member._title())
                member._scope.name = member._scope.name or name
            elif isinstance(member, Node) and _may_label(member, path):
                member.label = path
        self._scope = self._scope or Scope("", self._title())
        return self._scope

    def named_modules(self) -> list[tuple[str, "Module"]]:
        """All parts with their dotted names, and first the module itself, named ""."""
        parts = [(prefix + name, member) for prefix, name, member in self._walk() if isinstance(member, Module)]
        return [("", self), *parts]

    def named_parameters(self) -> list[tuple[str, Any]]:
        """The parameters with their dotted names, each once; not the frozen ones."""
        self._introduce()
        return [(name, member) for name, member in self._state().items() if _learns(member)]

    def parameters(self) -> list[Any]:
        """The parameters: what an optimizer takes.

        Examples
        --------
        >>> from tinygrad_edu import nn
        >>> layer = nn.Linear(3, 2)
        >>> [p.label for p in layer.parameters()]
        ['weight', 'bias']
        >>> layer.bias.requires_grad = False  # freezes it
        >>> [p.label for p in layer.parameters()]
        ['weight']
        """
        return [p for _, p in self.named_parameters()]

    @explains_calls
    def zero_grad(self) -> None:
        """Forget the parameters' gradients, to which ``backward()`` would add; also those of frozen parameters.

        An optimizer would apply the last gradient of a parameter that was frozen in mid-training again and again.
        """
        if self._scope is None:
            self._introduce()
        for _, _, p in self._walk():
            if isinstance(p, Value):
                p.grad = 0.0
            elif isinstance(p, Node) and (p.requires_grad or p.grad is not None):
                p.grad = None

    def modules(self) -> "list[Module]":
        """The module itself and all its parts, at any depth.

        Examples
        --------
        >>> from tinygrad_edu import nn
        >>> [type(module).__name__ for module in nn.Sequential(nn.Linear(2, 1), nn.ReLU()).modules()]
        ['Sequential', 'Linear', 'ReLU']
        """
        return [module for _, module in self.named_modules()]

    def children(self) -> "list[Module]":
        """The parts that it holds itself, each once; not those within them."""
        return list({id(x): x for x in self.children_by_name().values()}.values())

    def children_by_name(self) -> "dict[str, Module]":
        """The parts that it holds itself, by the names of their attributes."""
        return {name: x for name, x in self._members() if isinstance(x, Module)}

    def apply(self: M, function: "Callable[[Module], object]") -> M:
        """Call the function with every part, the inner ones first, and with the module itself; return the module.

        Examples
        --------
        >>> from tinygrad_edu import nn
        >>> def start_at_zero(module):
        ...     if isinstance(module, nn.Linear):
        ...         nn.init.zeros_(module.weight)
        >>> nn.Sequential(nn.Linear(2, 1)).apply(start_at_zero).layers[0].weight.tolist()
        [[0.0], [0.0]]
        """
        for child in self.children():
            child.apply(function)
        function(self)
        return self

    def register_buffer(self, name: str, array: Any) -> None:
        """Set an attribute to an array that is part of the state and does not learn: ``self.name = np.asarray(array)``.

        Examples
        --------
        >>> from tinygrad_edu import nn
        >>> layer = nn.Linear(1, 1)
        >>> layer.register_buffer("seen", [0.0, 0.0])
        >>> list(layer.state_dict())
        ['weight', 'bias', 'seen']
        """
        setattr(self, name, _tensors().np.array(array))

    def register_forward_hook(self, hook: Callable[["Module", tuple[Any, ...], Any], Any]) -> "ForwardHook":
        """Call ``hook(module, inputs, output)`` after every ``forward``; what it returns, if not None, is the output.

        Returns
        -------
        ForwardHook : its ``remove()`` ends it.

        Notes
        -----
        A compiled function refuses a module that has a hook. PyTorch: ``register_forward_hook``.

        Examples
        --------
        >>> import numpy as np
        >>> from tinygrad_edu import nn
        >>> layer, seen = nn.Linear(3, 2), []
        >>> hook = layer.register_forward_hook(lambda module, inputs, output: seen.append(output.shape))
        >>> y = layer(np.ones((5, 3)))
        >>> hook.remove()
        >>> y = layer(np.ones((7, 3)))
        >>> seen
        [(5, 2)]
        """
        added = ForwardHook(self, hook)
        self._hooks = (*self._hooks, added)
        return added

    def astype(self: M, dtype: Any) -> M:
        """Give all parameters and buffers of floats another type of floats; return the module.

        Examples
        --------
        >>> import numpy as np
        >>> from tinygrad_edu import nn
        >>> {p.dtype.name for p in nn.MLP(2, [3, 1]).astype(np.float32).parameters()}
        {'float32'}
        """
        from tinygrad_edu.nn.parameters import float_type  # here, because modules of Values need no NumPy

        kind = float_type(dtype)
        for module in self.modules():
            for name, value in list(vars(module).items()):
                if not name.startswith("_"):
                    converted = _converted(value, kind)
                    if converted is not value:
                        setattr(module, name, converted)
        return self

    # --- state ---

    def state_dict(self) -> dict[str, Any]:
        """Copies of all parameters, frozen ones too, and buffers, by dotted names.

        They are arrays (floats, where Values are the parameters), as `tinygrad_edu.save` takes them.

        Examples
        --------
        >>> from tinygrad_edu import nn
        >>> {name: array.shape for name, array in nn.Linear(3, 2).state_dict().items()}
        {'weight': (3, 2), 'bias': (2,)}
        """
        not_while_compiling("state_dict()")
        return {name: _copied(member) for name, member in self._state().items()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take over copies of all parameters and buffers from ``state``, by dotted names.

        Raises
        ------
        StateDictError : entries are missing, surplus, or have another shape or no numbers. Each is named, and nothing
            has changed.

        Examples
        --------
        >>> from tinygrad_edu import nn
        >>> net, twin = nn.Linear(3, 2), nn.Linear(3, 2)
        >>> twin.load_state_dict(net.state_dict())
        >>> bool((net.weight == twin.weight).all())
        True
        """
        not_while_compiling("load_state_dict()")
        mine = self._state()
        problems = differences(mine, state)
        for name in mine.keys() & state.keys():
            problems += problems_of(name, state[name], shape_of(mine[name]))
        refuse(self._title(), problems + self._maybe_transposed(state))
        for name, member in mine.items():
            _assign(member, state[name])

    def _transposed_weights(self) -> tuple[str, ...]:
        """The module's own weights that PyTorch keeps the other way round: those of recurrent nets and attention."""
        return tuple(name for name in vars(self) if name.startswith(("weight_ih", "weight_hh", "in_proj_weight")))

    def transposed_in_pytorch(self) -> list[str]:
        """The names of the weights that PyTorch keeps the other way round: those of `Linear`, say."""
        return [
            f"{path}.{name}".lstrip(".")
            for path, module in self.named_modules()
            for name in module._transposed_weights()
        ]

    def _maybe_transposed(self, state: Mapping[str, Any]) -> list[str]:
        """What a file of another library may hold transposed: it would not be seen in a square weight."""
        written_by = getattr(state, "format", FORMAT)
        if written_by == FORMAT:
            return []
        weights = [(name, shape_of(state[name])) for name in self.transposed_in_pytorch() if name in state]
        who = "PyTorch wrote the file" if written_by == "pt" else "the file does not say who wrote it"
        return [
            f"{name} may be transposed, because {who}: use convert.from_torch(path, net), or, if it is not, "
            "load_state_dict(dict(state))"
            for name, shape in weights
            if written_by == "pt" or shape == shape[::-1]
        ]

    # --- modes ---

    def train(self: M, mode: bool = True) -> M:
        """Switch this module and all its parts to training, which changes `Dropout` and `BatchNorm1d`."""
        for _, module in self.named_modules():
            module.training = mode
        return self

    def eval(self: M) -> M:
        """Switch this module and all its parts to evaluation; return the module."""
        return self.train(False)

    # --- how it shows itself ---

    def extra_repr(self) -> str:
        """The text in parentheses after the name of the class."""
        return ""

    def _title(self) -> str:
        extra = self.extra_repr()
        return f"{type(self).__name__}({extra})" if extra else type(self).__name__

    def _wrong_shape(self, expected: str, x: Any) -> ShapeError:
        """The error for an input that has not the expected shape."""
        return ShapeError(f"{self._title()} takes inputs of shape {expected}, but was given {x.shape}")

    def _count(self) -> int:
        return sum(getattr(member, "size", 1) for member in self._state().values() if isinstance(member, Node))

    def _rows(self, indent: str = "", times: int = 1) -> Iterator[tuple[str, int]]:
        """A line and a number of parameters for each part; neighbours that look alike share a line."""
        parts = [(name, member) for name, member in self._members() if isinstance(member, Module)]
        groups = [[*group] for _, group in groupby(parts, lambda part: (part[1]._title(), part[1]._count()))]
        for group in groups:
            (name, part), last, count = group[0], group is groups[-1], times * len(group)
            names = name if len(group) == 1 else f"{name} … {group[-1][0]}"
            yield f"{indent}{'└─' if last else '├─'} {names}: {part._title()}", part._count() * count
            yield from part._rows(f"{indent}{'   ' if last else '│  '}", count)

    @for_output
    def __repr__(self) -> str:
        total = self._count()
        rows = [(self._title(), total), *self._rows()]
        width, digits = max(len(text) for text, _ in rows), len(f"{total:,}")
        first, *others = (f"{text:<{width}}  {count:>{digits},}" for text, count in rows)
        return "\n".join([f"{first} parameter{'s' * (total != 1)}", *others]) if total else self._title()

    def _repr_html_(self) -> str:
        """The tree as a table, for notebooks."""
        from html import escape  # here, because only a notebook needs it

        cells = "".join(
            f'<tr><td><pre style="margin: 0; text-align: left">{escape(text)}</pre></td><td>{count:,}</td></tr>'
            for text, count in [(self._title(), self._count()), *self._rows()]
        )
        return f"<table><tr><th>module</th><th>parameters</th></tr>{cells}</table>"


class ForwardHook:
    """A function that a module calls after its ``forward``, until `remove`."""

    def __init__(self, module: Module, function: Callable[..., Any]) -> None:
        self.module = module
        self.function = function

    def remove(self) -> None:
        """Call it no more."""
        self.module._hooks = tuple([hook for hook in self.module._hooks if hook is not self])


@functools.cache
def _tensors() -> Any:
    from tinygrad_edu import tensor

    return tensor


def _listed(x: list[Any]) -> Any:
    """A list of numbers, nested or not, as a Tensor; a list of anything else as it is."""
    first: Any = x
    while isinstance(first, list) and first:
        first = first[0]
    return _tensors().Tensor(x, requires_grad=False) if isinstance(first, int | float) else x


def _as_tensor(x: Any) -> Any:
    """An ndarray, or what NumPy takes for one, as a constant Tensor."""
    tensor = _tensors()
    if x.__class__ is tensor.ndarray and x.dtype.kind == "f":
        return tensor.constant(x.copy())
    return tensor.Tensor(x, requires_grad=False)


def _note(y: Any, scope: Scope, inputs: tuple[Any, ...]) -> None:
    """Mark the nodes in ``y`` as what a call made of ``inputs``: for pictures. What it only handed on is not."""
    given, made = _nodes_in(inputs), _nodes_in((y,))
    handed_on = set(given)
    marks = ((scope, tuple(given) or inputs),)  # the one tuple for all of them tells calls apart
    if not handed_on.isdisjoint(made):
        made = [node for node in made if node not in handed_on]
    for node in made:
        if node.operation is not None:
            node._marks += marks


_VALUES = {Value, Constant}


def _nodes_in(xs: Iterable[Any]) -> list[Node]:
    """The nodes among them, in lists and tuples too."""
    found: list[Node] = []
    for x in xs:
        if isinstance(x, Node):
            found.append(x)
        elif isinstance(x, (list, tuple)):
            found += x if _VALUES.issuperset(map(type, x)) else _nodes_in(x)  # of many Values, not one by one
    return found


def _found(name: str, value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, Module) or type(value).__name__ == "ndarray":
        yield name, value
    elif isinstance(value, Node):
        if value.operation is None:
            yield name, value
    elif isinstance(value, list | tuple):
        for i, x in enumerate(value):
            yield from _found(f"{name}.{i}", x)
    elif isinstance(value, dict):
        for key, x in value.items():
            yield from _found(f"{name}.{key}", x)


def _may_follow(parameter: Node, value: Any) -> bool:
    """Whether ``value`` in its place takes nothing from `parameters`: ``w = w - step`` would, and ``w = None`` may."""
    if not _learns(parameter) or parameter.operation is not None:
        return isinstance(value, Node | None)
    return value is None or (_learns(value) and value.operation is None)


def _may_label(member: Node, path: str) -> bool:
    """Whether the label is none, or an earlier name that has become longer. One of the user's own stays."""
    return not member.label or (not isinstance(member, Value) and path.endswith(f".{member.label}"))


def _learns(member: Any) -> bool:
    return isinstance(member, Node) and member.requires_grad


def _converted(value: Any, kind: Any) -> Any:
    """The value of an attribute, whose Tensors and arrays of floats have the type from now on."""
    if isinstance(value, Node) and value.operation is None and getattr(value.data, "dtype", kind).kind == "f":
        if not isinstance(value, Value):
            value.data = value.data.astype(kind)
    elif type(value).__name__ == "ndarray" and value.dtype.kind == "f":
        return value.astype(kind)
    elif isinstance(value, list):
        value[:] = [_converted(x, kind) for x in value]
    elif isinstance(value, tuple):
        converted = [_converted(x, kind) for x in value]
        return value if all(a is b for a, b in zip(converted, value, strict=True)) else tuple(converted)
    elif isinstance(value, dict):
        value.update({key: _converted(x, kind) for key, x in value.items()})
    return value


def _copied(member: Any) -> Any:
    data = member.raw if isinstance(member, Node) else member
    return data if isinstance(data, float) else data.copy()


def _assign(member: Any, given: Any) -> None:
    if isinstance(member, Value):
        member.data = float(given)
    elif isinstance(member, Node):
        numbers = given.data if isinstance(given, Node) else given
        member.data = numbers.astype(member.data.dtype) if hasattr(numbers, "astype") else numbers
    else:
        member[...] = given


explain_absent(Module)
