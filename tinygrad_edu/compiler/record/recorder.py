"""Recording: a function is run once, with `Traced` arrays as its numbers. The result is a program.

Numbers come from the arguments, from leaves of graphs (parameters; whatever Tensors and Values the function reaches),
and from attributes such as a learning rate. While the recording lasts, a leaf or an attribute that is touched shows a
traced array to the thread that records, and keeps its own numbers (`watched`). What the function has stored there is
the program's to write.
"""

import contextlib
import threading
import weakref
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from tinygrad_edu.compiler.errors import RecordingError
from tinygrad_edu.compiler.guards import PRESENT, Guard
from tinygrad_edu.compiler.program import (
    CALL,
    CHECK,
    DRAW,
    MATH,
    METHOD,
    PYTHON,
    UFUNC,
    Line,
    Var,
    mapped,
    variables,
)
from tinygrad_edu.compiler.record import backward, scalars
from tinygrad_edu.compiler.record.array_operations import BACKWARD, FORWARD
from tinygrad_edu.compiler.record.local_names import LocalNames
from tinygrad_edu.compiler.record.randomness import Randomness
from tinygrad_edu.compiler.record.schedules import record_schedule
from tinygrad_edu.compiler.record.traced import Traced, is_traced, is_variable, users_line, value_of
from tinygrad_edu.compiler.record.updates import record_step
from tinygrad_edu.compiler.record.watched import (
    gradient_of,
    show_attribute,
    showing_stand_ins,
    true_data,
    true_gradient,
)
from tinygrad_edu.compiler.sources import Argument, Attribute, Data, Gradient, Source
from tinygrad_edu.compiler.write import runtime
from tinygrad_edu.graph.modes import MODES, WATCH
from tinygrad_edu.graph.node import Node
from tinygrad_edu.operations.operation import Operation
from tinygrad_edu.support.users_code import users_place
from tinygrad_edu.value import Value

_SECTIONS = ("", "forward", "backward", "update")


class Recorder:
    """The program of one call as it grows."""

    def __init__(self, randomness: Randomness) -> None:
        self.randomness = randomness
        self.schedules: dict[int, Any] = {}  # a schedule as a function, one for each
        self.thread = threading.get_ident()
        self.lines: list[Line] = []
        self.inputs: dict[Var, Source] = {}
        self.nodes: list[tuple[Var, Any]] = []  # which variable is whose data: for names
        self.labels: list[tuple[Var, str]] = []
        self.made_by: dict[Var, tuple[str, list[Var | None]]] = {}  # an operation's name, and its inputs
        self.gradients_of: dict[Var, Var] = {}  # a gradient, and the variable that it is the gradient of
        self.created: dict[int, Node] = {}  # made during the recording
        self.leaves: dict[int, tuple[Node, Any, Any, Traced, Any]] = {}
        self.shown: dict[int, dict[str, Any]] = {}  # what leaves and owners of attributes show to this thread
        self.shadows: dict[int, dict[str, Any]] = {}  # the same of an optimizer's dicts, which cannot show anything
        self.overwritten: dict[int, list[tuple[str, np.ndarray]]] = {}  # by an optimizer's step: see `overwrites`
        self.cleared: set[int] = set()  # leaves whose gradient was set before it was read
        self.asked: set[int] = set()  # leaves whose gradient was read before it was set
        self.disturbed = ""  # what another thread has changed during the recording
        self.arguments: dict[int, str] = {}  # Tensors and Values that were passed, by name
        self.with_gradient: dict[int, str] = {}  # placeholders for those that have a gradient already
        self.owners: dict[int, Any] = {}  # by an optimizer's dict: the parameter that it is the state of
        self.remembered: dict[int, dict[str, Any]] = {}  # an optimizer's
        self.started: list[tuple[Attribute, Any]] = []  # entries that an optimizer had not made yet
        self.shared_counters: dict[tuple[int, str], tuple[dict[str, Any], Traced]] = {}  # equal step counts
        self.words: dict[Var, tuple[str, list[Var]]] = {}  # what an update rule calls it, and for which parameters
        self.replacements: dict[Var, Var] = {}  # which remembered variable it replaces
        self.outside: set[int] = set()  # the identities of what the function finds outside of itself
        self.constants: set[Var] = set()  # numbers that belong to the program
        self.fresh: set[Var] = set()  # arrays of constants that are returned
        self.shared: dict[Any, Var] | None = None  # numbers that are computed once, by what computes them
        self.local_names = LocalNames()
        self.attributes: dict[tuple[int, Any], tuple[Attribute, Any, Any]] = {}
        self.flags: list[Guard] = []
        self.alive: list[weakref.ref[Traced]] = []
        self.drawn: dict[int, tuple[Any, Any]] = {}  # generators that the program draws from, and their states before
        self.section = "forward"
        self.group = 0

    def in_other_thread(self) -> bool:
        """Whether the caller is another thread, which uses a leaf that is being recorded: it computes as usual."""
        return threading.get_ident() != self.thread

    # --- lines ---

    def apply(self, kind: str, function: Any, args: Sequence[Any], keywords: Mapping[str, Any] | None = None) -> Any:
        """Call the function on the values of this call, and write down the line."""
        if kind in (UFUNC, PYTHON, MATH) and not keywords:
            return self._apply_to_operands(kind, function, args)
        keywords = keywords or {}
        values = mapped(tuple(args), value_of)
        given = {key: mapped(x, value_of) for key, x in keywords.items()}
        if kind == METHOD:
            x = values[0] if isinstance(values[0], np.ndarray | np.generic) else np.asarray(values[0])
            value = getattr(x, function)(*values[1:], **given)
        else:
            value = function(*values, **given)
        if isinstance(value, tuple | list):
            raise RecordingError(
                f"np.{function.__name__} gives several arrays at once, which cannot be compiled: call a function that "
                f"gives one ({users_line()})"
            )
        if self.in_other_thread():
            return value
        operands = mapped(tuple(args), self.read), mapped(dict(keywords), self.read)
        if not any(True for _ in variables(operands)) and not self._reads_outside(operands):
            return self._traced(None, value)
        return self.emit(kind, function, args, dict(keywords), value)

    def _apply_to_operands(self, kind: str, function: Any, args: Sequence[Any]) -> Any:
        """`apply` where each argument is an array or a number: there may be a million such lines."""
        values = [x.value if x.__class__ is Traced else x for x in args]
        value = (scalars.careful(function) if kind == MATH else function)(*values)
        if value.__class__ is complex and kind == PYTHON:
            raise RecordingError(
                f"a negative number to the power of a fraction is a complex number ({users_line()}): write abs(x) ** p"
            )
        if self.in_other_thread():
            return value
        operands = tuple([self.read(x) if x.__class__ is Traced else x for x in args])
        section = self.section
        variable = False
        for x in operands:
            if x.__class__ is Var:
                variable = True
                if x.section != section and _SECTIONS.index(x.section) > _SECTIONS.index(section):
                    section = x.section
        if not variable and not self._reads_outside(operands):
            return self._traced(None, value)
        out = Var(value, "", section)
        if self.shared is not None and kind != UFUNC:
            known = self.shared.setdefault((kind, function, *map(_known_by, operands)), out)
            if known is not out:
                return self._traced(known, value)
        self.lines.append(Line(out, kind, function, operands, _NOTHING, section, self.group, users_place()))
        if self.constants and kind != UFUNC and all(x in self.constants for x in operands if x.__class__ is Var):
            self.constants.add(out)
        return self._traced(out, value)

    @contextlib.contextmanager
    def sharing_numbers(self) -> Iterator[None]:
        """Within it, what is computed from the same numbers is computed once."""
        self.shared = {}
        try:
            yield
        finally:
            self.shared = None

    def emit(self, kind: str, function: Any, args: Sequence[Any], keywords: dict[str, Any], value: Any) -> Traced:
        """Write down a line whose value is known already."""
        operands = tuple(mapped(tuple(args), self.read))
        named = {key: mapped(x, self.read) for key, x in keywords.items()}
        # A line that uses a gradient comes after the gradients, and one that uses a new parameter after the update.
        section = max([self.section, *(x.section for x in variables((operands, named)))], key=_SECTIONS.index)
        out = Var(value, "", section)
        self.lines.append(Line(out, kind, function, operands, named, section, self.group, users_place()))
        return self._traced(out, value)

    def operand(self, x: Any) -> Any:
        if not isinstance(x, Traced):
            return x
        if x._recorder is not self:
            raise RecordingError(
                f"a value of an earlier call was kept and is used again: pass it as an argument ({users_line()})"
            )
        return x.value if x.variable is None else x.variable

    def read(self, x: Any) -> Any:
        """The `operand` that a line or the result reads: not a parameter as it was before an optimizer's step."""
        if self.overwritten and isinstance(x, Traced) and isinstance(x.value, np.ndarray):
            self._refuse_overwritten(x.value)
        return self.operand(x)

    def _reads_outside(self, tree: Any) -> bool:
        """Whether an array from outside of the function is in it, or a view of one: the next run reads it again."""
        if isinstance(tree, tuple | list):
            return any(map(self._reads_outside, tree))
        if isinstance(tree, dict):
            return self._reads_outside(tuple(tree.values()))
        return tree.__class__ is np.ndarray and tree.ndim > 0 and bool({id(tree), id(tree.base)} & self.outside)

    def _traced(self, var: Var | None, value: Any) -> Traced:
        traced = Traced(self, var, value)
        self.alive.append(weakref.ref(traced))
        return traced

    def overwrite(self, x: Traced, new: Traced) -> None:
        """``x += …``: from now on it is ``new``, for all who hold it; but what copied it keeps what it was."""
        source = None if x.variable is None else self.inputs.get(x.variable)
        if isinstance(source, Argument):
            raise RecordingError(
                f"the function writes into its argument {source.words()}, which a replay would not do: write "
                f"x = x + … instead of x += … ({users_line()})"
            )
        others = [y for y in self.kept() if y is not x and isinstance(y.value, np.ndarray)]
        if any(np.may_share_memory(y.value, x.value) for y in others):
            raise RecordingError(
                "writing into memory that an array shares with another array cannot be compiled: write x = x + … in "
                f"place of x += …, or make a .copy() of a transposed, reshaped or sliced array first ({users_line()})"
            )
        was = self._twin(x)
        for key, (leaf, data, before, traced, grad) in self.leaves.items():
            if leaf.raw is x and traced is not x:
                leaf._data = was
            self.leaves[key] = (leaf, data, before, was if traced is x else traced, was if grad is x else grad)
        for place, (attribute, value, traced) in self.attributes.items():
            if traced is x:
                self.attributes[place] = attribute, value, was
        x.variable, x.value = new.variable, new.value

    def overwrites(self, leaf: Any, before: Any) -> None:
        """Note that an optimizer's step changes the array of the leaf in place: `read` refuses it from now on."""
        if isinstance(before, Traced) and isinstance(before.value, np.ndarray) and leaf.raw is not before:
            there = self.overwritten.setdefault(id(_owner(before.value)), [])
            there.append((leaf.label or "a parameter", before.value))

    def _refuse_overwritten(self, array: np.ndarray) -> None:
        for label, before in self.overwritten.get(id(_owner(array)), ()):  # parameters may share one array
            if np.may_share_memory(array, before):
                raise RecordingError(
                    f"the function took {label} or a view of it, such as w.T or w[0], before an optimizer's step, "
                    f"which writes in place, and uses it afterwards ({users_line()}): take it again after the step, or "
                    "copy it before, w.data.copy()"
                )

    def _twin(self, x: Any) -> Any:
        """Another array with the same numbers."""
        is_array = isinstance(x, Traced) and isinstance(x.value, np.ndarray)
        return self._traced(x.variable, x.value.copy()) if is_array else x

    def input(self, source: Source, value: Any, hint: str = "") -> Traced:
        """A variable whose value is fetched from outside at every run."""
        var = Var(value, hint)
        self.inputs[var] = source
        return self._traced(var, value)

    @contextlib.contextmanager
    def operation(self, section: str | None = None) -> Iterator[None]:
        """The lines that follow belong together."""
        before, self.group = self.section, self.group + 1
        self.section = section or self.section
        try:
            yield
        finally:
            self.section = before

    # --- what the engine asks while MODES.recorder is set ---

    def data(self, node: Any) -> Any:
        """The data of a node: traced, unless it is a constant that this very call has made."""
        if node.operation is None and node.raw.__class__ is not Traced and id(node) not in self.created:
            if id(node) not in self.leaves:
                self._lift(node)
            elif isinstance(node.raw, np.ndarray):  # this call has assigned an array from outside
                node._data = self.emit(CALL, np.array, (node.raw,), {}, node.raw.copy())
        return node.raw

    def _lift(self, leaf: Any) -> None:
        if id(leaf) in self.arguments:
            name = self.arguments[id(leaf)]
            raise RecordingError(
                f"{name} is passed as an argument, and the function reaches it by itself, too, or by an optimizer "
                f"({users_line()}): leave it out of the arguments, so that the function reaches it in one way"
            )
        traced = self.input(Data(leaf), leaf.raw, leaf.label)
        self.nodes.append((self.operand(traced), leaf))
        before = grad = gradient_of(leaf)
        if grad is not None and not isinstance(grad, Node) and _keeps_gradient(leaf):
            grad = self.input(Gradient(leaf), grad, f"{leaf.label}_grad")
        self.leaves[id(leaf)] = (leaf, leaf.raw, before, traced, grad)
        self.shown[id(leaf)] = {}
        leaf._data = traced
        leaf._grad = grad
        if not isinstance(leaf, Value):
            leaf._checksum = None
            self.flags.append(Guard(leaf, "requires_grad", leaf.requires_grad))

    def on_leaf(self, leaf: Any, data: Any) -> None:
        """A leaf was made while recording: of an array of the user's it keeps no copy, so that the program reads it."""
        self.created[id(leaf)] = leaf
        if isinstance(data, np.ndarray) and data.ndim and data.dtype == leaf.raw.dtype:
            leaf._data = data
            if data.dtype.kind == "f" and self._reads_outside(data):
                leaf._data = self._traced(None, data)
                return
        leaf._data = self._twin(leaf.raw)

    def on_data_write(self, leaf: Any) -> None:
        """The data of a leaf is assigned."""
        self.data(leaf)

    def on_grad_read(self, leaf: Any) -> None:
        """The gradient of a node is read: what it was before matters, unless it was assigned by then."""
        if leaf.operation is None:
            self.data(leaf)
            self._refuse_known_gradient(leaf)
            if id(leaf) not in self.cleared:
                self.asked.add(id(leaf))

    def on_grad_write(self, leaf: Any) -> None:
        """The gradient of a node is assigned: what it was before does not matter, unless it was read by then."""
        if leaf.operation is None:
            self.data(leaf)
            self._refuse_known_gradient(leaf)
            if id(leaf) not in self.asked:
                self.cleared.add(id(leaf))

    def _refuse_known_gradient(self, stand_in: Any) -> None:
        if id(stand_in) in self.with_gradient:
            raise RecordingError(
                f"the argument {self.with_gradient[id(stand_in)]} has a gradient already, which the function reads or "
                f"assigns ({users_line()}): clear it where the function is called, or leave it out of the arguments"
            )

    def record(self, operation: Operation, inputs: tuple[Any, ...], params: Mapping[str, Any]) -> Any:
        """What `tensor.record` does, line by line."""
        data = [self.data(x) for x in inputs]
        if not any(x.__class__ is Traced for x in data) and not (params and is_traced(tuple(params.values()))):
            return operation.forward(*data, **params)
        self.group += 1
        y = self.compute(operation, data, params)
        if is_variable(y):
            self.made_by[y.variable] = operation.name, [x.variable if isinstance(x, Traced) else None for x in data]
        return y

    def on_node(self, node: Any) -> None:
        """An operation has made the node: its data's variable is to be named after it."""
        if is_variable(node.raw):
            self.nodes.append((node.raw.variable, node))

    def call(self, function: Callable[..., Any], *args: Any) -> Any:
        """A function that is one line of the program: one of `runtime`'s."""
        return self.apply(CALL, function, args)

    def special(self, name: str, x: Any) -> Any:
        """A function of `scipy.special`."""
        return self.call(getattr(runtime, name), x)

    def walk(self, order: list[Any]) -> None:
        """What the backward pass through Values does, line by line."""
        with self.operation("backward"):
            backward.walk(self, order)

    def compute(self, operation: Operation, xs: Sequence[Any], params: Mapping[str, Any]) -> Any:
        """The forward pass of an operation on traced arrays."""
        special = FORWARD.get(operation)
        if special is not None:
            return special(self, *xs, **params)
        if operation.is_one_call:
            return self.apply(CALL, operation.forward, xs, params)
        if all(value_of(x).__class__ is float for x in xs):
            return scalars.forward(operation, xs, params)
        return operation.forward(*xs, **params)

    def setting(self, owner: Any, name: Any, *, flags: bool = False) -> Any:
        """An attribute (or an entry) as an input of every run: a learning rate, a step count, a running mean."""
        key = (id(owner), name)
        if key not in self.attributes:
            source = Attribute(owner, name)
            value = self.now(source)
            traced = self.input(source, value, _hint(owner, name)) if _is_number_or_array(value) or flags else value
            self.attributes[key] = (source, value, traced)
            self.show(owner, name, traced)
        return self.now(self.attributes[key][0])

    def show(self, owner: Any, name: Any, value: Any) -> None:
        """Show ``value`` in this place, to this thread alone."""
        if isinstance(owner, dict):
            self.shadow(owner)[name] = value
        elif isinstance(getattr(type(owner), name, None), property):  # β₁, which is a part of the betas
            show_attribute(owner, "betas", owner.betas)
            setattr(owner, name, value)
        else:
            show_attribute(owner, name, value)

    def shadow(self, entries: dict[str, Any]) -> dict[str, Any]:
        """What this thread sees of a dict: a copy, with placeholders in it."""
        return self.shadows.setdefault(id(entries), dict(entries))

    def now(self, source: Attribute) -> Any:
        """What this thread sees in the place."""
        return self.shadow(source.owner)[source.name] if isinstance(source.owner, dict) else source.get()

    def on_module_call(self, module: Any) -> None:
        """A module is called: its arrays (running means) are inputs, and its mode belongs to the program."""
        if module._hooks:
            raise RecordingError(
                f"{type(module).__name__} has a forward hook, which a replay would not call: remove() it before "
                "the compiled function is called"
            )
        self.flags.append(Guard(module, "_hooks", ()))
        if _reads_its_mode(module):
            self.flags.append(Guard(module, "training", module.training))
        for name, value in vars(module).items():
            if isinstance(value, np.ndarray) and not name.startswith("_"):
                self.setting(module, name)

    def on_optimizer_step(self, optimizer: Any) -> None:
        """What `Optimizer.step` does, line by line."""
        record_step(self, optimizer)

    def on_schedule_step(self, scheduler: Any, *args: Any) -> None:
        """What the ``step`` of a schedule does, line by line."""
        record_schedule(self, scheduler, args)

    def refuse(self, what: str) -> None:
        """Something that no program can repeat."""
        raise RecordingError(
            f"{what} cannot be compiled, because a program would have the state of the recorded call at every other: "
            f"do it where the function is called ({users_line()})"
        )

    def draw(self, method: Callable[..., Any], *args: Any, **keywords: Any) -> Any:
        """Numbers from a random generator: every run draws new ones."""
        generator = getattr(method, "__self__", None)
        self.randomness.before_draw(generator)
        if generator is not None:
            self.drawn.setdefault(id(generator), (generator, generator.bit_generator.state))
        numbers = method(*args, **keywords)
        self.randomness.after_draw(generator)
        return self.emit(DRAW, method, args, keywords, numbers)

    def check(self, function: Callable[..., None], *args: Any) -> None:
        """Something that raises if the numbers of a run are not what they should be."""
        function(*mapped(args, value_of))
        self.emit(CHECK, function, args, {}, None)

    def array_gradients(self, root: Any, seed: Any) -> dict[Any, Any]:
        """What `array_backward.array_gradients` does, line by line."""
        with self.operation("backward"):
            grads = backward.array_gradients(self, root, seed if isinstance(seed, Traced) else self._traced(None, seed))
        return {x: gx if x.operation else self._twin(gx) for x, gx in grads.items()}  # no two are one array

    def derivative(self, operation: Operation, i: int) -> Callable[..., Any]:
        """The derivative for input ``i``, on traced arrays."""
        return BACKWARD.get(operation) or operation.gx_arrays[i]

    # --- afterwards ---

    def touched(self) -> list[Source]:
        """The places that the function has met: it may have changed them, and a program may."""
        leaves = [leaf for leaf, *_ in self.leaves.values()]
        gradients = [Gradient(leaf) for leaf in leaves if _keeps_gradient(leaf)]
        return [*map(Data, leaves), *gradients, *(source for source, _, _ in self.attributes.values())]

    def restore(self) -> list[tuple[Source, Any]]:
        """Put back what was replaced; what the function left there: traced arrays, or None for a cleared gradient."""
        writes: list[tuple[Source, Any]] = []
        for leaf, data, before, traced, traced_grad in self.leaves.values():
            grad, cleared = gradient_of(leaf), id(leaf) in self.cleared
            if true_data(leaf) is not data or (_keeps_gradient(leaf) and true_gradient(leaf) is not before):
                self.disturbed = leaf.label or "a parameter"  # another thread has assigned to it
            if leaf.raw is not traced:
                writes.append((Data(leaf), leaf.raw))
            if (grad is not traced_grad and _keeps_gradient(leaf)) or (cleared and grad is None):
                writes.append((Gradient(leaf), grad))
            if (before is None or isinstance(before, Node)) and (
                id(leaf) in self.asked or (grad is not before and not cleared)
            ):
                # Another time, there may be a gradient to read or to add to.
                self.flags.append(Guard(leaf, "_grad", before))
            elif id(leaf) in self.asked and before is not None:
                self.flags.append(Guard(leaf, "_grad", PRESENT))
        for state in self.remembered.values():
            shown = self.shadow(state)
            made = [name for name in shown if name not in state and (id(state), name) not in self.attributes]
            writes += [(Attribute(state, name), shown[name]) for name in made]
        writes += [
            (source, left) for source, _, traced in self.attributes.values() if (left := self.now(source)) is not traced
        ]
        self.put_back()
        for source, value, _ in self.attributes.values():
            in_dict = isinstance(source.owner, dict)  # without the entries that an optimizer had not made yet
            if (source.owner.get(source.name, value) if in_dict else source.get()) is not value:
                self.disturbed = str(source.name)
        return writes

    def put_back(self) -> None:
        """Show the true numbers again; twice does no harm."""
        self.shown.clear()
        self.shadows.clear()

    def forget(self) -> None:
        """Forget the graph: what is alive afterwards has another owner."""
        self.labels = [(var, node.label) for var, node in self.nodes if node.label]
        self.nodes.clear()
        self.created.clear()
        self.leaves.clear()
        self.attributes.clear()
        self.remembered.clear()
        self.shared_counters.clear()

    def kept(self) -> list[Traced]:
        """The traced arrays that are still alive."""
        return [x for x in (ref() for ref in self.alive) if x is not None]

    @contextlib.contextmanager
    def active(self) -> Iterator[None]:
        """Record what this thread computes."""
        if MODES.recorder is not None:
            raise RecordingError("a compiled function was called while another is being recorded: call the plain one")
        WATCH.add(1)
        MODES.recorder = self
        try:
            with np.errstate(all="ignore"), showing_stand_ins():
                try:
                    yield
                finally:
                    self.put_back()
        finally:
            MODES.recorder = None
            WATCH.add(-1)


def _keeps_gradient(leaf: Any) -> bool:
    """Whether a gradient that is stored in it stays there: not in the constants of an expression."""
    return leaf.requires_grad or not isinstance(leaf, Value)


def _reads_its_mode(module: Any) -> bool:
    """Whether a module may behave otherwise in evaluation; not those of the library that never ask."""
    code = getattr(type(module).forward, "__code__", None)
    return code is None or "training" in code.co_names or not type(module).__module__.startswith("tinygrad_edu.nn")


def _hint(owner: Any, name: Any) -> str:
    """The best name for an attribute: one of a module begins with the module's name."""
    scope = getattr(getattr(owner, "_scope", None), "name", "")
    return f"{scope}.{name}" if scope else str(name)


def _owner(array: np.ndarray) -> Any:
    """What holds the memory of an array: the array itself, or the one that it is a view of."""
    return array if array.base is None else array.base


def _known_by(x: Any) -> Any:
    return x if x.__class__ is Var else (x.__class__, repr(x))  # 0.0 and -0.0 are equal, and are not the same


_NOTHING: dict[str, Any] = {}  # the keywords of most lines


def _is_number_or_array(value: Any) -> bool:
    return isinstance(value, float | int | np.ndarray | np.generic) and not isinstance(value, bool)
