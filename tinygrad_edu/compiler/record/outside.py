"""What a function reads from outside of itself, found before it is recorded.

Global variables and closures, those of the functions that it calls, attributes of objects, the contents of lists and
dicts, and the parts of modules. Python reports no read of a global variable, so the search goes by names: what
a reached function's code names is taken to be read. Too much is found rather than too little: each thing found costs a
look at every call, and a thing overlooked would be a number of yesterday.
"""

import array
import dis
import functools
import random
import re
import sys
import sysconfig
import types
import weakref
from collections import ChainMap, UserDict, UserList, deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from tinygrad_edu.compiler.errors import RecordingError
from tinygrad_edu.compiler.guards import ABSENT, Contents, Guard, Held, Items, is_plain
from tinygrad_edu.compiler.program import CHECK, Line, Program
from tinygrad_edu.compiler.sources import Gradient
from tinygrad_edu.graph.node import Node
from tinygrad_edu.nn.module import Module
from tinygrad_edu.support.arguments import shortened
from tinygrad_edu.support.ascii import for_output

_GENERATORS = np.random.Generator, np.random.RandomState, random.Random
_FUNCTIONS: Any = types.FunctionType | types.MethodType | functools.partial


def look_outside(function: Any, arguments: Sequence[Any]) -> tuple[list[Guard], set[str]]:
    """Everything that the function may read, as it is now, and all names in its code.

    ``arguments`` are the objects that it was given.
    """
    names: set[str] = set()
    asked: set[str] = set()
    while True:
        search = _Search(names, asked)
        search.meet(None, "", function, "")
        for x in arguments:
            search.meet(None if is_plain(x) else Held(x), "items", x, "an argument")
        if search.names == names:  # an attribute's name may be in a function that was reached later
            return search.guards, names
        names, asked = search.names, search.asked


class _Search:
    """One walk over what can be reached, by attributes that have one of the names."""

    def __init__(self, names: Iterable[str], asked: Iterable[str]) -> None:
        self.names = set(names)
        self.asked = set(asked)  # attributes that may be absent: texts in code that calls `hasattr` or `getattr`
        self.guards: list[Guard] = []
        self.seen: set[int] = set()
        self.places: set[tuple[int, Any]] = set()

    def meet(self, owner: Any, name: Any, value: Any, called: str) -> None:
        """A place and its contents."""
        if isinstance(value, types.ModuleType):
            if not _of_libraries(value.__name__) and id(value) not in self.seen:  # it may hold itself
                self.seen.add(id(value))
                self._attributes(value, vars(value), value.__name__)
            return
        if owner is not None:
            if (id(owner), name) in self.places:
                return
            self.places.add((id(owner), name))
            self.guards.append(Guard(owner, name, value, called))
        if isinstance(value, Node) and "requires_grad" in self.names:
            self.guards.append(Guard(value, "requires_grad", value.requires_grad, f"{called}.requires_grad"))
        if is_plain(value) or isinstance(value, Node | np.ndarray | np.generic) or id(value) in self.seen:
            return
        self.seen.add(id(value))
        if isinstance(value, _GENERATORS) and owner is None:
            self.guards.append(Guard(Held(value), "items", value, called))
        self._open(value, called)

    def _open(self, value: Any, called: str) -> None:
        """Search in what the value holds, or in what it calls."""
        if isinstance(value, types.BuiltinMethodType):  # such as `random.random`, imported by its name
            if not isinstance(value.__self__, types.ModuleType | None):
                self.meet(None, "", value.__self__, called)
        elif isinstance(value, _CONTAINERS):
            self._items(value, called)
        elif isinstance(value, weakref.ref):
            self.meet(None, "", value(), called)
        elif isinstance(value, array.array | bytearray | memoryview):
            self.guards.append(Guard(Held(value), "items", Contents(value), called))
        elif isinstance(value, Iterator):
            self._iterator(value, called)
        elif isinstance(value, _FUNCTIONS):
            self._function(value, called)
        elif isinstance(value, type):
            self._class(value, {})
        else:
            self._object(value, called)

    def _items(self, items: Any, called: str) -> None:
        whole = Items(items)
        if not isinstance(items, tuple | frozenset):
            self.guards.append(Guard(Held(items), "items", whole, called))
        if whole.plain:
            return
        for key, x in items.items() if isinstance(items, Mapping) else enumerate(items):
            if not is_plain(x) and not isinstance(x, Node):  # there may be very many of these
                self._held(x, f"{called}[{key!r}]")

    def _held(self, x: Any, called: str) -> None:
        """Something that stays where it is: only an array's numbers, or what an object holds, may change."""
        self.meet(Held(x) if isinstance(x, np.ndarray) else None, "items", x, called)

    def _iterator(self, iterator: Any, called: str) -> None:
        kind = type(iterator).__module__
        if kind != "_io" and (kind in ("builtins", "itertools") or _of_libraries(kind)):
            raise RecordingError(
                f"a compiled function that goes on with the iterator {called} would have what it gives at this call at "
                "every other: take the next where the function is called, and pass what it gives as an argument"
            )

    def _function(self, function: Any, called: str) -> None:
        if isinstance(function, functools.partial):
            for part in (function.func, function.args, function.keywords):
                self.meet(None, "", part, called)
            return
        if isinstance(function, types.MethodType):
            self.meet(None, "", function.__self__, called)
            function = function.__func__
        self.meet(None, "", getattr(function, "__wrapped__", None), called)
        if not isinstance(function, types.FunctionType):
            return
        if _of_libraries(function.__module__):
            for cell in function.__closure__ or ():  # such as `grad(f)`, which calls f
                if _is_filled(cell) and callable(cell.cell_contents):
                    self.meet(None, "", cell.cell_contents, called)
            return
        for name in ("__code__", "__defaults__"):  # a notebook's autoreload exchanges them
            self.guards.append(Guard(function, name, getattr(function, name), f"{called}.{name}"))
        self._named_in(function, called)
        if function.__kwdefaults__:
            self.meet(function, "__kwdefaults__", function.__kwdefaults__, called)
        for default in (*(function.__defaults__ or ()), *(function.__kwdefaults__ or {}).values()):
            self._held(default, "a default")

    def _named_in(self, function: types.FunctionType, called: str) -> None:
        """Global variables, those of functions around it, and modules that the function's code names."""
        code, everywhere = function.__code__, function.__globals__
        names = _names(code)
        self.names |= names
        self.asked |= names if names & {"hasattr", "getattr"} else names & {"training"}
        self._attributes(function, vars(function), called)
        for name in sorted(_global_names(code) & everywhere.keys()):
            self.meet(everywhere, name, everywhere[name], name)
        for name, cell in zip(code.co_freevars, function.__closure__ or (), strict=True):
            if _is_filled(cell):
                self.meet(cell, "cell_contents", cell.cell_contents, name)
        for name in _imported(code) & sys.modules.keys():
            self.meet(None, "", sys.modules[name], name)

    def _object(self, x: Any, called: str) -> None:
        kind = type(x)
        if kind.__module__.startswith("tinygrad_edu") or isinstance(x, functools._lru_cache_wrapper):
            self.meet(None, "", x.__dict__.get("__wrapped__"), called)  # a compiled function, or one with a memory
        own = _held_by(x)
        for name in {"data", "maps"} & own.keys():  # read by the code of the library
            if isinstance(x, UserDict | UserList | ChainMap):
                self.meet(x, name, own[name], called)
        if not _of_libraries(kind.__module__):
            self._class(kind, own)
            self._shared(x, own, called)
            self._absent(x, own, called)
        elif kind.__module__.startswith("tinygrad_edu.nn"):  # a layer is read by its own code
            code = getattr(getattr(kind, "forward", kind.__call__), "__code__", None)
            self.names |= _names(code) if code is not None else set()
            if "training" in self.asked:  # the class has it until the mode is set
                own = {"training": x.training} | own
        elif kind.__module__.startswith("tinygrad_edu"):
            settings = getattr(kind, "hyperparameters", ())  # of an optimizer that the function itself reads
            own = {name: own[name] for name in {"lr", "params", *settings} & own.keys()}
        self._methods(x, called)
        kept = ("state",) if hasattr(kind, "hyperparameters") else ()  # an optimizer's is fetched at every call
        self._attributes(x, {name: part for name, part in own.items() if name not in kept}, called)

    def _attributes(self, owner: Any, own: Any, called: str) -> None:
        for name in [name for name in own if name in self.names]:
            self.meet(owner, name, own[name], f"{called}.{name}")

    def _shared(self, x: Any, own: Any, called: str) -> None:
        """What the object has from its class until it is given its own: ``x.rate = 0.1`` leaves the class as it was."""
        for base in type(x).__mro__:
            if not _of_libraries(base.__module__):
                data = {name: part for name, part in vars(base).items() if not hasattr(type(part), "__get__")}
                self._attributes(x, {name: part for name, part in data.items() if name not in own}, called)

    def _methods(self, x: Any, called: str) -> None:
        """The methods that the object has from its class until it is given its own: ``x.forward = …``."""
        own = getattr(x, "__dict__", None)
        if own is None:
            return
        methods: set[str] = set()
        for base in type(x).__mro__:
            if not _of_libraries(base.__module__):
                methods |= {name for name, part in vars(base).items() if isinstance(part, _METHOD)} & self.names
            elif base.__module__.startswith("tinygrad_edu"):
                methods |= vars(base).keys() & {"forward", "step"}  # of a layer, an optimizer and a schedule
        for name in sorted(methods):
            if name in own:
                self.meet(x, name, own[name], f"{called}.{name}")
            if isinstance(x, Module) and name == "forward":  # one look for all modules
                self.guards.append(Guard(Module, "_replaced", Module._replaced, "forward"))
            elif name not in own:
                self.guards.append(Guard(own, name, ABSENT, f"{called}.{name}"))

    def _absent(self, x: Any, own: Any, called: str) -> None:
        """What the code asks for, and the object does not have so far."""
        if hasattr(type(x), "__getattr__"):
            return
        for name in sorted(self.asked - own.keys()):
            if not any(name in vars(base) for base in type(x).__mro__):
                self.guards.append(Guard(x, name, ABSENT, f"{called}.{name}"))

    def _class(self, kind: type, own: Any) -> None:
        """The attributes of a class that objects share, and its methods."""
        for base in kind.__mro__:
            if _of_libraries(base.__module__):
                continue
            for name, x in list(vars(base).items()):
                if isinstance(x, types.MemberDescriptorType | types.GetSetDescriptorType) or name in own:
                    continue
                if name in self.names or _is_called_unnamed(name):
                    inner = _getter(x) or getattr(x, "__func__", x)
                    kept = getattr(base, name, None)
                    if kept is x or kept is inner:  # not made again each time, as a method of the class is
                        self.meet(base, name, kept, f"{base.__name__}.{name}")
                    self.meet(None, "", inner, f"{base.__name__}.{name}")


def _getter(x: Any) -> Any:
    """The function that a property calls; None of anything else."""
    return x.fget if isinstance(x, property) else x.func if isinstance(x, functools.cached_property) else None


_METHOD: Any = types.FunctionType | staticmethod | classmethod
_CONTAINERS: Any = list | tuple | dict | set | frozenset | deque | types.MappingProxyType
_is_called_unnamed = re.compile(  # methods that code calls without their names
    r"forward|__[ri]?(add|sub|mul|truediv|floordiv|mod|divmod|pow|matmul|and|or|xor|lshift|rshift)__"
    r"|__(call|eq|ne|lt|le|gt|ge|neg|pos|abs|invert|float|int|index|bool|complex|round|enter|exit)__"
    r"|__(getitem|missing|len|iter|next|reversed|contains|getattr|getattribute|get|array|array_ufunc|array_function)__"
).fullmatch


def _held_by(x: Any) -> dict[str, Any]:
    """An object's own attributes, those in slots too."""
    members = [pair for base in type(x).__mro__ for pair in vars(base).items()]
    slots = [name for name, part in members if isinstance(part, types.MemberDescriptorType)]
    return {name: getattr(x, name) for name in slots if hasattr(x, name)} | getattr(x, "__dict__", {})


def _names(code: types.CodeType) -> set[str]:
    """Global variables and attributes that the code names, in functions within it and for `getattr` too."""
    inner = [part for part in code.co_consts if isinstance(part, types.CodeType)]
    texts = [part for part in code.co_consts if isinstance(part, str) and part.isidentifier()]
    return {*code.co_names, *texts}.union(*map(_names, inner))


@functools.cache
def _global_names(code: types.CodeType) -> set[str]:
    """Global variables that the code names, in functions within it too; attributes of the same name are none."""
    found = {line.argval for line in dis.get_instructions(code) if line.opname in ("LOAD_GLOBAL", "LOAD_NAME")}
    if found & {"globals", "vars", "eval", "exec"}:  # a text may name one
        found |= _names(code)
    return found.union(*(_global_names(part) for part in code.co_consts if isinstance(part, types.CodeType)))


@functools.cache
def _imported(code: types.CodeType) -> set[str]:
    """Modules that the code imports."""
    return {line.argval for line in dis.get_instructions(code) if line.opname == "IMPORT_NAME"}


@functools.cache
def _of_libraries(module: str | None) -> bool:
    """Whether the module is Python's own or installed: what it reads does not change."""
    if module is None or module == "__main__":
        return False
    if module.partition(".")[0] in ("tinygrad_edu", "numpy"):
        return True
    file = getattr(sys.modules.get(module), "__file__", None) if module in sys.modules else ""
    return file is None or file.startswith(_INSTALLED)


_INSTALLED = tuple(sysconfig.get_path(where) for where in ("stdlib", "platstdlib", "purelib", "platlib"))


def _is_filled(cell: Any) -> bool:
    try:
        _ = cell.cell_contents
    except ValueError:  # not yet assigned
        return False
    return True


# --- after the recording --------------------------------------------------------------------------------------------


def outside_guards(found: Sequence[Guard], lines: Iterable[Line], fetched: set[tuple[int, Any]]) -> Iterator[Guard]:
    """Guards on what was found, but on what the program fetches itself.

    An array that the program works on is read where it is; of others, the contents were used while it was recorded.
    A check of labels reads them, but it is a copy that the program works on.
    """
    read = [x for line in lines if line.kind != CHECK for x in line.args if isinstance(x, np.ndarray) and x.ndim]
    alive = {id(x) for x in read} | {id(x.base) for x in read}
    for guard in found:
        if (id(guard.owner), guard.name) in fetched:
            continue
        if isinstance(guard.value, np.ndarray) and not (id(guard.value) in alive and guard.value.ndim):
            guard = guard._replace(value=Contents(guard.value))
        yield guard


def arrays_in(found: Sequence[Guard]) -> list[tuple[str, Contents]]:
    """What is called what, and holds which numbers, before the function runs."""
    return [(guard.called, Contents(guard.value)) for guard in found if isinstance(guard.value, np.ndarray)]


def refuse_side_effects(found: Sequence[Guard], arrays: Sequence[tuple[str, Contents]], name: str) -> None:
    """Refuse a function that writes, counts or collects outside of itself; numbers and lists are put back.

    If it makes something there once, where nothing was, this is no side effect: the next call records it again.
    """
    written = [called for called, before in arrays if before.differs(before.array)]
    if written:
        raise RecordingError(
            f"{name} writes into {', '.join(written)}, which is outside of it; a replay would not do that: compute a "
            "new array, and return it"
        )
    changed = [guard for guard in found if _is_overwritten(guard)]
    if changed:
        put_back(changed)
        what = ", ".join(dict.fromkeys(guard.called for guard in changed))
        raise RecordingError(
            f"{name} changes {what}, which is outside of it; a replay would not do that: return the new value, and "
            "store it where the function is called"
        )


def _is_overwritten(guard: Guard) -> bool:
    if not guard.has_changed():
        return False
    if isinstance(guard.value, Items):
        before, now = guard.value.items, guard.now()
        return not isinstance(before, Mapping) or any(now.get(key, _GONE) is not x for key, x in before.items())
    return guard.value is not None and is_plain(guard.value)


_GONE = object()


def put_back(found: Iterable[Guard]) -> None:
    """Restore what has changed since it was found."""
    for guard in found:
        if guard.value is ABSENT or not guard.has_changed():
            continue
        items = guard.owner.items if isinstance(guard.owner, Held) else None
        if isinstance(items, list | deque | dict | set):
            items.clear()
            (items.update if isinstance(items, dict | set) else items.extend)(guard.value.items)
        elif isinstance(guard.owner, dict | list):
            guard.owner[guard.name] = guard.value
        elif items is None:
            setattr(guard.owner, guard.name, guard.value)


GRADIENT = "gradient"


class Fixed(NamedTuple):
    """Something that the function read when it was recorded, and that the program has as a constant."""

    name: str
    value: Any
    place: str  # "global", "closure", "attribute", "item" or "gradient"

    def words(self) -> str:
        """``temperature = 2.0 (global)``."""
        return f"{self.name} = {shortened(self.value)} ({self.place})"

    @for_output
    def __str__(self) -> str:
        return self.words()


def fixed_values(found: Iterable[Guard]) -> list[Fixed]:
    """The numbers, texts and tuples of them among what was found; of arrays, those whose numbers were used."""
    values: dict[str, Fixed] = {}
    for guard in found:
        if _is_shown(guard.value) and not str(guard.name).startswith("_"):
            values.setdefault(guard.called, Fixed(guard.called, guard.value, _place(guard)))
    return list(values.values())


def missing_gradients(guards: Iterable[Guard], program: Program) -> list[Fixed]:
    """The gradients that did not exist yet and that the function adds to: the next call finds them."""
    added = {id(source.leaf) for source, var in program.writes if isinstance(source, Gradient) and var is not None}
    found = [guard.owner for guard in guards if guard.name == "_grad" and guard.value is None]
    return [Fixed(f"{leaf.label or 'a parameter'}.grad", None, GRADIENT) for leaf in found if id(leaf) in added]


def _is_shown(value: Any) -> bool:
    if type(value) in (tuple, list, dict):
        return len(value) > 0 and Items(value).plain
    return is_plain(value) and value is not None


def _place(guard: Guard) -> str:
    if isinstance(guard.owner, types.CellType):
        return "closure"
    if isinstance(guard.owner, dict):
        return "global"
    return "item" if isinstance(guard.owner, Held) else "attribute"
