"""What `Value` and `Tensor` share: the node, the order of a graph, the recorded backward pass, the modes.

Running ordinary Python records a graph. With ``L = tanh(a * b)`` there are four nodes::

    a ──┐
        ├── × ── tanh (L)        L.inputs == (m,), m.inputs == (a, b)
    b ──┘

Backprop puts the nodes in an order in which each stands behind its inputs (`topological_order`), gives the
last one the gradient 1, and walks the order backwards. When a node's turn comes, everything that uses it has
had its turn, so its gradient is complete and can be handed on to its inputs.
"""

import contextlib
import functools
import itertools
import math
import os
import sys
import threading
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, Self, TypeVar, cast

from tinygrad_edu.errors import AnomalyError, BackwardError, StaleGraphError, UnsupportedError
from tinygrad_edu.rules import ElementwiseMethods, Operation

F = TypeVar("F", bound=Callable[..., Any])

NO_PARAMS: Mapping[str, Any] = {}


class Mark(NamedTuple):
    """A module's call, noted on the node that it returned: what lies between ``inputs`` and the node is its."""

    scope: "Scope"
    inputs: tuple[Any, ...]


class Scope:
    """What a picture needs to know of a module: ``name`` in its parent, and a ``title`` such as ``Linear(2 → 8)``."""

    __slots__ = ("name", "title")

    def __init__(self, name: str = "", title: str = "") -> None:
        self.name = name
        self.title = title

    def __repr__(self) -> str:
        return f"<scope {self.name}: {self.title}>"


class Node(ElementwiseMethods):
    """One number or array in a graph: its data, the operation that made it, and the operation's inputs in order."""

    __slots__ = (
        "__weakref__",
        "_data",
        "_label",
        "_marks",
        "_origin",
        "_params",
        "inputs",
        "operation",
        "stamp",
    )
    # _label, _marks, _origin and _params are left unset until there is something to put there.

    _data: Any
    _label: str
    _marks: tuple[tuple["Scope", tuple[Any, ...]], ...]
    _origin: tuple[str, int]
    _params: Mapping[str, Any]
    grad: Any
    inputs: tuple["Node", ...]
    operation: Operation | None
    stamp: int  # when the data was last written: see `Clock`
    requires_grad: bool

    @property
    def op(self) -> str:
        """Name of the operation that made the node; "" on a leaf."""
        return "" if self.operation is None else self.operation.name

    @property
    def params(self) -> Mapping[str, Any]:
        """The operation's parameters, for instance ``{"axis": 0}``."""
        return getattr(self, "_params", NO_PARAMS)

    @property
    def label(self) -> str:
        """The node's name in pictures and messages."""
        return getattr(self, "_label", "")

    @label.setter
    def label(self, text: str) -> None:
        self._label = str(text)

    @property
    def marks(self) -> tuple[Mark, ...]:
        """The module calls that returned this node, the innermost first."""
        return tuple(Mark(*pair) for pair in getattr(self, "_marks", ()))

    @property
    def origin(self) -> tuple[str, int] | None:
        """File and line that made the node, where they were recorded: see `recording`."""
        return getattr(self, "_origin", None)

    def __copy__(self) -> Self:
        """A node with data and a gradient of its own, made of the same inputs."""
        twin = object.__new__(type(self))
        twin.__setstate__(cast("tuple[None, dict[str, Any]]", self.__getstate__()))
        twin.stamp = self.stamp
        return twin

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        """The whole graph up to this node, copied without recursion. A leaf is a graph of one node."""
        nodes: list[Node] = []
        stack: list[Node] = [self]
        while stack:
            node = stack.pop()
            if id(node) not in memo:
                memo[id(node)] = node.__copy__()
                nodes.append(node)
                stack.extend(node.inputs)
                if isinstance(node.grad, Node):
                    stack.append(node.grad)
        for node in nodes:
            twin = memo[id(node)]
            twin.inputs = tuple([memo[id(x)] for x in node.inputs])
            if isinstance(node.grad, Node):
                twin.grad = memo[id(node.grad)]
            if node.marks:
                twin._marks = tuple([Mark(m.scope, tuple([memo.get(id(x), x) for x in m.inputs])) for m in node.marks])
        return cast("Self", memo[id(self)])

    def __setstate__(self, state: tuple[None, dict[str, Any]]) -> None:
        for name, x in state[1].items():
            setattr(self, name, x)
        self.stamp = CLOCK.now  # the time of the process that pickled it means nothing in this one

    def __reduce_ex__(self, protocol: Any) -> Any:
        if self.operation is not None:
            raise UnsupportedError(
                f"a graph cannot be pickled, but {describe(self)} is part of one: pickle its .data, or the leaves"
            )
        return super().__reduce_ex__(protocol)

    def _constant(self, data: Any) -> "Node":
        """A node of the same kind that holds ``data`` and needs no gradient."""
        raise NotImplementedError

    def _fresh_order(self) -> Sequence["Node"]:
        """The `topological_order` up to this node; `StaleGraphError` if data was written after it was used."""
        return topological_order(self, fresh=True)

    def _fit(self, gx: "Node") -> "Node":
        """The gradient ``gx`` brought to this node's shape: un-broadcast."""
        return gx

    def _record(self, operation: Operation, xs: Sequence[Any], params: Mapping[str, Any]) -> Any:
        """The node that results from ``operation`` on ``xs``."""
        raise NotImplementedError

    def _facts(self) -> dict[str, str]:
        """What a notebook shows of the node: its data and its gradient, in a line or in a block of them."""
        raise NotImplementedError

    def _repr_html_(self) -> str:
        """The node as a table, for notebooks."""
        from html import escape  # here, because only a notebook needs it

        named = [x.label or _brief(x._data) for x in self.inputs[:6]] + ["…"] * (len(self.inputs) > 6)
        facts = {"made by": f"{self.op} of {', '.join(named)}"} if self.operation else {}
        cells = "".join(
            f'<tr><th>{name}</th><td><pre style="margin: 0; text-align: left">{escape(fact)}</pre></td></tr>'
            for name, fact in (self._facts() | facts).items()
        )
        return f"<table><caption>{escape(f'{type(self).__name__} {self.label}'.strip())}</caption>{cells}</table>"


def mark(node: Node, scope: Scope, inputs: tuple[Any, ...]) -> None:
    """Note that a call of the module with this scope turned ``inputs`` into ``node``."""
    node._marks = (*getattr(node, "_marks", ()), (scope, inputs))


# --- order --------------------------------------------------------------------------------------------------


def topological_order(root: Node, *, fresh: bool = False, leaves: bool = True) -> list[Node]:
    """Every node that ``root`` depends on, once, each behind its inputs; ``root`` is the last.

    Left operands come before right ones, as Python evaluates them. Iterative, so a chain of a million nodes is no
    deeper than any other. With ``fresh``, a node whose data was written after another had used it raises
    `StaleGraphError`. Without ``leaves``, those are left out.

    Examples
    --------
    >>> from tinygrad_edu import Value
    >>> a = Value(2.0, "a")
    >>> [node.op or node.label for node in topological_order(a * a + a.exp())]
    ['a', 'mul', 'exp', 'add']
    """
    order: list[Node] = []
    entered: set[Node] = set()
    stack: list[Node | None] = [root]
    oldest, newest = root.stamp, root.stamp  # of the nodes that operations made; of all
    while stack:
        node = stack.pop()
        if node is None:  # the node below has all its inputs behind it
            order.append(stack.pop())  # type: ignore[arg-type]
            continue
        if node in entered:
            continue
        entered.add(node)
        stamp = node.stamp
        if stamp > newest:
            newest = stamp
        inputs = node.inputs
        if not inputs:
            order.append(node)
            continue
        if stamp < oldest:
            oldest = stamp
        stack.append(node)
        stack.append(None)
        for x in reversed(inputs):  # the stack turns them round again
            if x not in entered:
                if leaves or x.inputs:
                    stack.append(x)
                elif x.stamp > newest:
                    newest = x.stamp
    if fresh and newest > oldest:  # something was written since the first operation: it may be one of the inputs
        check_fresh(order)
    return order


def check_fresh(order: Sequence[Node]) -> None:
    """Raise `StaleGraphError` if the data of a node was written after another had used it."""
    for node in order:
        for x in node.inputs:
            if x.stamp > node.stamp:
                raise stale(node, x)


def describe(node: Node) -> str:
    """A few words that tell a reader which node is meant."""
    what = f"the result of {node.op}" if node.operation else "a leaf"
    return f"{what} labelled {node.label!r}" if node.label else what


def stale(node: Node, x: Node) -> StaleGraphError:
    """The error that says that ``x`` was changed after ``node`` had used it."""
    return StaleGraphError(
        f"the data of {describe(x)} was changed after {node.op}{_at(node)} had used it, so its gradient would be "
        "wrong: run the forward pass again before backward()"
    )


class Clock:
    """Counts the changes of data, so that a graph notices when it has become stale.

    A leaf carries the time at which its data was last written, every other node the time at which it was made.
    Along an edge the time never falls, unless the input was written after the node had used it.
    """

    def __init__(self) -> None:
        self.now = 0
        self._ticks = itertools.count(1)
        self._lock = threading.Lock()

    def tick(self) -> int:
        """A new time, later than every earlier one."""
        with self._lock:  # `now` must never go back
            self.now = next(self._ticks)
            return self.now


CLOCK = Clock()


# --- modes: no_grad, recording, detect_anomaly ------------------------------------------------------------------


class Observer:
    """Base class of what is told, while it is `observing`, of the model's calls and of backward passes."""

    def called(self, module: Any, y: Any) -> None:
        """A module's call returned ``y``."""

    def before_backward(self, root: Node) -> None:
        """A backward pass from ``root`` is about to add to the gradients of leaves."""

    def after_backward(self, root: Node) -> None:
        """The backward pass from ``root`` has left its gradients."""


class _Modes(threading.local):
    no_grad = 0
    recording = 0
    anomaly = 0
    derivative = 0
    recorder: Any = None  # what `compile` listens with, while it records a call
    observers: tuple[Observer, ...] = ()


MODES = _Modes()


class Watch:
    """Whether any thread is in any mode: the one thing that a forward pass looks at when none is."""

    def __init__(self) -> None:
        self.active = 0
        self._lock = threading.Lock()

    def add(self, change: int) -> None:
        """Count a mode that is entered (1) or left (-1)."""
        with self._lock:
            self.active += change


WATCH = Watch()


@contextlib.contextmanager
def observing(observer: Observer) -> Iterator[None]:
    """Within it, ``observer`` is told of what happens in this thread.

    A call that `compile` records is not told of, nor its replays: one has no numbers, the other no nodes.

    Examples
    --------
    >>> from tinygrad_edu import Value
    >>> class Counter(Observer):
    ...     count = 0
    ...     def after_backward(self, root):
    ...         self.count += 1
    >>> counter = Counter()
    >>> with observing(counter):
    ...     (Value(3.0) * 2).backward()
    >>> counter.count
    1
    """
    MODES.observers = (*MODES.observers, observer)
    WATCH.add(1)
    try:
        yield
    finally:
        MODES.observers = tuple([other for other in MODES.observers if other is not observer])
        WATCH.add(-1)


def tell(event: str, *what: Any) -> None:
    """Tell the observers, by the method named ``event``."""
    if MODES.recorder is None:
        for observer in MODES.observers:
            getattr(observer, event)(*what)


def data_of(node: "Node") -> Any:
    """The node's data; while a call is recorded by `compile`, a stand-in that notes what is computed with it."""
    if WATCH.active and MODES.recorder is not None:
        return MODES.recorder.data(node)
    return node._data


def check(function: Callable[..., object], *data: Any) -> None:
    """Call ``function``, which raises if the numbers are not what they should be; `compile` checks them every time."""
    if WATCH.active and MODES.recorder is not None:
        MODES.recorder.check(function, *data)
    else:
        function(*data)


def draw(method: Callable[..., Any], *args: Any) -> Any:
    """Random numbers from a generator's method; what `compile` makes draws anew every time."""
    if WATCH.active and MODES.recorder is not None:
        return MODES.recorder.draw(method, *args)
    return method(*args)


_CO_GENERATOR = 0x20  # of `inspect`, which takes too long to import


class _Mode(contextlib.ContextDecorator):
    """A context manager and decorator that switches modes on in its own thread; it may be nested and re-used."""

    _names: tuple[str, ...]

    def __call__(self, function: F) -> F:
        """The function, run within the mode; a generator is within it while it runs, and not while it waits."""
        code = getattr(function, "__code__", None)
        if code is None or not code.co_flags & _CO_GENERATOR:
            return super().__call__(function)

        @functools.wraps(function)
        def steps(*args: Any, **keywords: Any) -> Generator[Any, Any, Any]:
            generator = function(*args, **keywords)
            sent = None
            while True:
                with self:
                    try:
                        item = generator.send(sent)
                    except StopIteration as end:
                        return end.value
                sent = yield item

        return cast("F", steps)

    def __enter__(self) -> "_Mode":
        WATCH.add(1)
        for name in self._names:
            setattr(MODES, name, getattr(MODES, name) + 1)
        return self

    def __exit__(self, *_: object) -> None:
        for name in self._names:
            setattr(MODES, name, getattr(MODES, name) - 1)
        WATCH.add(-1)


class no_grad(_Mode):  # noqa: N801 PyTorch's name
    """Within it, in this thread, operations record nothing: results are constants. Also a decorator.

    Examples
    --------
    >>> from tinygrad_edu import Value, no_grad
    >>> with no_grad():
    ...     y = Value(3.0) * 2
    >>> y.data, y.inputs
    (6.0, ())
    """

    _names = ("no_grad",)


class recording(_Mode):  # noqa: N801 reads as what it does
    """Within it, each new node remembers the file and line that made it (``node.origin``).

    Examples
    --------
    >>> from tinygrad_edu import Value
    >>> with recording():
    ...     y = Value(3.0) * 2
    >>> y.origin[1]
    2
    """

    _names = ("recording",)


class detect_anomaly(_Mode):  # noqa: N801 PyTorch's name
    """Within it, a NaN or an infinity raises at the operation that first produces it, forward or backward.

    The message names the operation, its operands, and the file and line that called it. Follows PyTorch's
    ``torch.autograd.detect_anomaly``, and watches the forward pass as well.

    Examples
    --------
    >>> from tinygrad_edu import Value, detect_anomaly
    >>> with detect_anomaly():  # doctest: +ELLIPSIS
    ...     Value(0.0, "a").log()
    Traceback (most recent call last):
        ...
    tinygrad_edu.errors.AnomalyError: log produced -inf from a=0.0 (<doctest ...>, line 2)
    """

    _names = ("anomaly", "recording")


class recording_derivative(_Mode):  # noqa: N801 like its siblings
    """Within it, a user's derivative runs on nodes, and turning one into a float is an error: see `plain_float`."""

    _names = ("derivative",)


def plain_float(node: Node, number: float) -> float:
    """``float(node)``, which gives up the graph: refused where that would make a derivative silently wrong."""
    if WATCH.active and MODES.derivative:
        raise BackwardError(
            "a derivative that is being recorded turned a node into a float, so its own derivative would be lost: "
            "write it with operators, methods and NumPy's functions (np.exp, not math.exp)"
        )
    return number


def note(node: Node) -> None:
    """What the active modes want to know of a node that was just made."""
    if MODES.recorder is not None and not isinstance(node._data, float):
        MODES.recorder.made(node)
        return  # what anomalies there are is for the numbers to say, which come later
    if MODES.recording:
        node._origin = _caller()
    if MODES.anomaly:
        bad = _produced(node)
        if bad is not None:
            operands = ", ".join(f"{x.label or f'input {i}'}={_brief(x._data)}" for i, x in enumerate(node.inputs))
            raise AnomalyError(f"{node.op} produced {bad} from {operands}{_at(node)}")


def check_gradient(node: Node, i: int, gx: Any) -> None:
    """Under `detect_anomaly`, raise if the gradient ``gx`` from ``node`` to its input ``i`` is not finite."""
    bad = _not_finite(gx._data if isinstance(gx, Node) else gx)
    if bad is not None:
        x = node.inputs[i]
        raise AnomalyError(
            f"the backward pass of {node.op} produced {bad} for {x.label or f'input {i}'}={_brief(x._data)}{_at(node)}"
        )


def _produced(node: Node) -> str | None:
    """The NaN or infinity that the node's operation has produced, as text.

    A NaN in a leaf is reported where it is first used; an infinity there may be meant, and is passed on in silence.
    """
    bad = _not_finite(node._data)
    if bad is None:
        return None
    if _has_nan(node._data):
        return None if any(x.operation is not None and _has_nan(x._data) for x in node.inputs) else "nan"
    return bad if all(_not_finite(x._data) is None for x in node.inputs) else None


def _has_nan(data: Any) -> bool:
    return bool(data != data) if isinstance(data, float) else bool((data != data).any())


def _not_finite(data: Any) -> str | None:
    """The first number in ``data`` that is a NaN or an infinity, as text."""
    if isinstance(data, float):
        return None if data - data == 0 else str(data)
    if data.dtype.kind != "f":
        return None
    bad = data.ravel()
    bad = bad[(bad != bad) | (abs(bad) == math.inf)]
    return str(bad[0]) if bad.size else None


def _brief(data: Any) -> str:
    if isinstance(data, float) or data.size <= 6:
        return str(data)
    return f"array of shape {data.shape} in [{data.min():g}, {data.max():g}]"


def _at(node: Node) -> str:
    return f" ({node.origin[0]}, line {node.origin[1]})" if node.origin else ""


_PACKAGE = f"{Path(__file__).parent}{os.sep}"


def _caller() -> tuple[str, int]:
    """File and line of the innermost frame outside this package."""
    frame = sys._getframe(2)
    while frame.f_back is not None and frame.f_code.co_filename.startswith(_PACKAGE):
        frame = frame.f_back
    return frame.f_code.co_filename, frame.f_lineno


# --- the recorded backward pass -----------------------------------------------------------------------------


def need_gradient(root: Node) -> None:
    """Raise unless ``root`` can be the start of a backward pass."""
    if not root.requires_grad:
        raise BackwardError(
            f"backward() starts from a node that needs no gradient ({describe(root)}): nothing it was made of "
            "requires one, or it was made under no_grad()"
        )


def recorded_gradients(root: Node, seed: Node) -> dict[Node, Node]:
    """The backward pass as a graph: for each node that ``root`` depends on, its gradient as a node.

    The derivatives are the same text as everywhere, read with nodes in place of numbers, so what they compute is
    recorded and can be differentiated again.
    """
    grads = {root: seed}
    watched, MODES.anomaly = MODES.anomaly, 0  # what is looked at is each gradient, not the steps of its derivative
    try:
        for node in reversed(root._fresh_order()):
            gy = grads.get(node)
            if gy is None or node.operation is None:
                continue
            for i, x in enumerate(node.inputs):
                if x.requires_grad:
                    gx = node.operation.gx_nodes[i](gy, node, *node.inputs, **node.params)
                    gx = x._fit(gx if isinstance(gx, Node) else x._constant(gx))
                    if watched:
                        check_gradient(node, i, gx)
                    grads[x] = grads[x] + gx if x in grads else gx
    finally:
        MODES.anomaly = watched
    return grads


def leaves(order: Sequence[Node]) -> Iterator[Node]:
    """The leaves that collect gradients."""
    return (node for node in order if node.operation is None and node.requires_grad)
