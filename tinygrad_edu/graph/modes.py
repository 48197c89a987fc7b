"""Modes: switches that change, in one thread, how a graph is recorded and walked.

`no_grad`, `recording` and `detect_anomaly` are for users. An `Observer` follows a run, and `compile` uses a `Recorder`.
A forward pass checks one number, ``WATCH.active``: while no thread is in a mode, modes cost nothing else. Observers are
counted apart, for each event: they change nothing, so an observed pass takes the fast paths too.
"""

import contextlib
import functools
import threading
from collections.abc import Callable, Generator, Iterable, Iterator
from typing import Any, TypeVar, cast

from tinygrad_edu.graph.listeners import Observer, Recorder

F = TypeVar("F", bound=Callable[..., Any])


class _Modes(threading.local):
    no_grad = 0
    recording = 0
    constants = 0
    anomaly = 0
    derivative = 0
    arguments: tuple[Any, ...] = ()  # what the running transforms differentiate by
    recorder: Recorder | None = None  # while `compile` records a call
    observers: tuple[Observer, ...] = ()


MODES = _Modes()


class Watch:
    """How many modes all threads are in, and how many observers they tell of each event."""

    def __init__(self) -> None:
        self.active = 0
        self.on_module_call = self.before_backward = self.after_backward = 0
        self.on_optimizer_step = self.on_constant = 0
        self._lock = threading.Lock()

    def add(self, change: int, counts: Iterable[str] = ("active",)) -> None:
        """Count a mode that is entered (1) or left (-1), or an observer of these events."""
        with self._lock:
            for name in counts:
                setattr(self, name, getattr(self, name) + change)


WATCH = Watch()


@contextlib.contextmanager
def observing(observer: Observer) -> Iterator[None]:
    """Within it, ``observer`` is told what happens in this thread.

    It is not told of calls that `compile` records or replays: a recording has no numbers, and a replay has no nodes.

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
    start_observing(observer)
    try:
        yield
    finally:
        stop_observing(observer)


def start_observing(observer: Observer) -> None:
    """Tell ``observer`` from now on what happens in this thread."""
    MODES.observers = (*MODES.observers, observer)
    WATCH.add(1, observer.events())


def stop_observing(observer: Observer) -> None:
    """Tell it no more."""
    MODES.observers = tuple([other for other in MODES.observers if other is not observer])
    WATCH.add(-1, observer.events())


def notify(event: str, *what: Any) -> None:
    """Tell the observers, by the method named ``event``."""
    if MODES.recorder is None:
        for observer in MODES.observers:
            getattr(observer, event)(*what)


def not_while_compiling(what: str) -> None:
    """Raise if `compile` records in this thread: a program cannot repeat ``what``."""
    if WATCH.active and MODES.recorder is not None:
        MODES.recorder.refuse(what)


def check(function: Callable[..., None], *data: Any) -> None:
    """Call ``function``, which raises if the numbers are wrong. A compiled call checks them each time."""
    if WATCH.active and MODES.recorder is not None:
        MODES.recorder.check(function, *data)
    else:
        function(*data)


def draw(method: Callable[..., Any], *args: Any) -> Any:
    """Random numbers from a method of a generator. A compiled call draws new ones each time."""
    if WATCH.active and MODES.recorder is not None:
        return MODES.recorder.draw(method, *args)
    return method(*args)


_CO_GENERATOR = 0x20  # of `inspect`, which takes too long to import


class _AlsoWithoutParentheses(type):
    """``with no_grad:`` is ``with no_grad():``. A mode only counts, so it may be left by another object."""

    def __enter__(cls) -> Any:
        return cls().__enter__()

    def __exit__(cls, *error: object) -> None:
        cls().__exit__(*error)


class _Mode(contextlib.ContextDecorator, metaclass=_AlsoWithoutParentheses):
    """A context manager and decorator that switches modes on in its own thread; it may be nested and re-used."""

    _names: tuple[str, ...]

    def __new__(cls, function: Callable[..., Any] | None = None) -> Any:
        """The mode; or, as a decorator without parentheses, the function that runs within it."""
        mode = super().__new__(cls)
        return mode if function is None else mode(function)

    def __call__(self, function: F) -> F:
        """Run the function within the mode. A generator is in the mode while it runs, not while it waits."""
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

    As in PyTorch, ``p -= step`` writes there to the data of a parameter; elsewhere it makes a new node.

    Examples
    --------
    >>> from tinygrad_edu import Value, no_grad
    >>> x = Value(3.0)
    >>> with no_grad():
    ...     y = x * 2
    ...     x -= 0.5
    >>> y.data, y.inputs, x.data, x.op
    (6.0, (), 2.5, '')
    """

    _names = ("no_grad",)


class recording(_Mode):  # noqa: N801 reads as what it does
    """Within it, each new node remembers its file and line, and operations on constants are in the graph too.

    The file and line are ``node.origin``. The operations on constant arrays need no gradient, but show for instance how
    data were normalized. Pictures use both. They take time and memory.

    Examples
    --------
    >>> from tinygrad_edu import Tensor, Value
    >>> with recording():
    ...     y = Value(3.0) * 2
    ...     scaled = Tensor([2.0, 4.0], requires_grad=False) / 2
    >>> y.origin[1]
    2
    >>> scaled.op, scaled.requires_grad
    ('div', False)
    """

    _names = ("recording", "constants")


class recording_lines(_Mode):  # noqa: N801 like its siblings
    """Within it, each new node remembers the file and line that made it; the graph does not change."""

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
    """Within it, a user's derivative runs on nodes, and to make a float of one is an error: `graph.plain_float`."""

    _names = ("derivative",)
