"""What `Value` and `Tensor` share: the node, and the order of the nodes in a graph.

Running ordinary Python records a graph. With ``L = tanh(a * b)`` there are four nodes::

    a ──┐
        ├── × ── tanh (L)        L.inputs == (m,), m.inputs == (a, b)
    b ──┘

Backprop puts the nodes in an order in which each node comes after its inputs (`topological_order`). It gives the last
node the gradient 1 and walks the order from the end to the start. When it reaches a node, it has already passed all
nodes that use it. So the node's gradient is complete and can be handed on to the inputs.
"""

import operator
import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Self, cast

from tinygrad_edu.errors import BackwardError, LostGradientWarning, StaleGraphError, UnsupportedError
from tinygrad_edu.graph.clock import CLOCK
from tinygrad_edu.graph.modes import MODES, WATCH
from tinygrad_edu.graph.scope import Mark, Scope
from tinygrad_edu.operations.elementwise import ElementwiseMethods
from tinygrad_edu.operations.operation import Operation
from tinygrad_edu.support.arguments import shown

NO_PARAMS: Mapping[str, Any] = {}


def data_of(x: Any) -> Any:
    """The data of a node; what is no node is returned as it is.

    While `compile` records a call, the data is a placeholder that notes what is computed with it.
    """
    if not isinstance(x, Node):
        return x
    if WATCH.active and MODES.recorder is not None:
        return MODES.recorder.data(x)
    return x._data


def raw_of(x: Any) -> Any:
    """The data of a node as it is stored, even while `compile` records; what is no node is returned as it is."""
    return x._data if isinstance(x, Node) else x


def _has_gradient(node: "Node") -> bool:
    grad = node.grad
    return grad is not None and not (grad.__class__ is float and grad == 0)


def _in_place(symbol: str, combine: Callable[[Any, Any], Any]) -> Any:
    """Make the method for ``p -= step``, which does what it does in PyTorch.

    Under `no_grad` it writes to the leaf; elsewhere it makes a new node. Outside of `no_grad`, a step by plain numbers
    from a leaf that has a gradient raises an error: the user wants to train ``p``, and a new node would not do that.
    """

    def method(self: "Node", other: Any) -> Any:
        if self.operation is not None or not self.requires_grad:
            return NotImplemented
        if not MODES.no_grad:
            if isinstance(other, Node) or not _has_gradient(self):
                return NotImplemented
            raise UnsupportedError(
                f"{describe(self)} has a gradient, and outside of no_grad() p {symbol}= … would not change it: write "
                f"p.data {symbol}= …, or do it within no_grad(); where a new node is meant, write p = p {symbol} …"
            )
        result = combine(data_of(self), data_of(other))
        kind = getattr(self, "dtype", None)  # p stays of its type, as with NumPy
        self.data = result if kind is None or result.dtype == kind else result.astype(kind)
        return self

    return method


class Node(ElementwiseMethods):
    """One number or array in a graph: its data, the operation that made it, and the operation's inputs in order."""

    __slots__ = ("__weakref__", "_data", "_marks", "operation", "stamp")
    # _label, _origin and _params stay unset until there is something to store. Value and Tensor store them, and their
    # inputs, in different ways.

    _data: Any
    _label: str
    _marks: tuple[tuple[Scope, tuple[Any, ...]], ...]
    _origin: tuple[str, int]
    _params: Mapping[str, Any]
    data: Any
    grad: Any
    inputs: tuple["Node", ...]
    operation: Operation | None
    item: Callable[[], float]
    stamp: int  # when the data was last written: see `Clock`
    requires_grad: bool

    # The data as it is stored: a float, an array that must not be written to, or a placeholder of `compile`. ``data``
    # is for users: it checks what it returns, and `compile` notes the read. The innermost loops read the slot itself.
    raw: Any = property(operator.attrgetter("_data"))

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
        label = str(text)
        if not label.isascii():  # half of a pair of code units is no text, and no file or page can hold it
            label = label.encode("utf-8", "replace").decode("utf-8")
        self._label = label  # type: ignore[misc]  # each kind of node stores it in its own way

    @property
    def marks(self) -> tuple[Mark, ...]:
        """The module calls that returned this node, the innermost first."""
        return tuple(Mark(*pair) for pair in getattr(self, "_marks", ()))

    @property
    def origin(self) -> tuple[str, int] | None:
        """File and line that made the node, or None: see `recording`."""
        return getattr(self, "_origin", None)

    def __format__(self, spec: str) -> str:
        """The number in the format ``spec``: ``f"{loss:.3f}"``. Without a format, the same as `str`."""
        return format(self.item(), spec) if spec else str(self)

    def __copy__(self) -> Self:
        """A node with the same inputs, and with its own copy of data and gradient."""
        twin = object.__new__(type(self))
        twin.__setstate__(cast("tuple[dict[str, Any] | None, dict[str, Any]]", self.__getstate__()))
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

    def __setstate__(self, state: tuple[dict[str, Any] | None, dict[str, Any]]) -> None:
        for name, x in {**(state[0] or {}), **state[1]}.items():
            setattr(self, name, x)
        self.stamp = CLOCK.now  # times of another process mean nothing here

    def __reduce_ex__(self, protocol: Any) -> Any:
        if self.operation is not None:
            raise UnsupportedError(
                f"a graph cannot be pickled, but {describe(self)} is part of one: pickle its .data, or the leaves"
            )
        return super().__reduce_ex__(protocol)

    def constant_like(self, data: Any) -> "Node":
        """A node of the same kind that holds ``data`` and needs no gradient."""
        raise NotImplementedError

    def fresh_order(self, *, leaves: bool = True) -> Sequence["Node"]:
        """The `topological_order` up to this node; `StaleGraphError` if data was written after it was used."""
        raise NotImplementedError

    def fit_gradient(self, gx: "Node", node: "Node") -> "Node":
        """The gradient ``gx`` that flows from ``node``, brought to this node's shape: un-broadcast."""
        return gx

    def _record(self, operation: Operation, xs: Sequence[Any], params: Mapping[str, Any]) -> Any:
        """The node that results from ``operation`` on ``xs``."""
        raise NotImplementedError

    __iadd__ = _in_place("+", operator.add)
    __isub__ = _in_place("-", operator.sub)
    __imul__ = _in_place("*", operator.mul)
    __itruediv__ = _in_place("/", operator.truediv)

    def _facts(self) -> dict[str, str]:
        """What a notebook shows of the node: its data and its gradient as text."""
        raise NotImplementedError

    def _repr_html_(self) -> str:
        """The node as a table, for notebooks."""
        from html import escape  # here, because only a notebook needs it

        named = [x.label or brief(x._data) for x in self.inputs[:6]] + ["…"] * (len(self.inputs) > 6)
        facts = {"made by": f"{self.op} of {', '.join(named)}"} if self.operation else {}
        cells = "".join(
            f'<tr><th>{name}</th><td><pre style="margin: 0; text-align: left">{escape(fact)}</pre></td></tr>'
            for name, fact in (self._facts() | facts).items()
        )
        return f"<table><caption>{escape(f'{type(self).__name__} {self.label}'.strip())}</caption>{cells}</table>"


def nothing_to_differentiate(root: Node) -> BackwardError:
    """The error that says that ``root`` cannot be the start of a backward pass."""
    why = "nothing it was made of requires one, or it was made under no_grad() or by a compiled function"
    if getattr(getattr(root._data, "dtype", None), "kind", "f") in "iub":
        why = "it holds integers, which take none: make the Tensors of floats, Tensor([1.0, 2.0]) or dtype=float"
    return BackwardError(f"backward() starts from a node that needs no gradient ({describe(root)}): {why}")


def brief(data: Any) -> str:
    """The data in a few words."""
    if isinstance(data, float) or data.size <= 6:
        return str(data)
    return f"array of shape {data.shape} in [{data.min():g}, {data.max():g}]"


def place_of(node: Node) -> str:
    """Where the node was made, in parentheses, if that was recorded."""
    return f" ({node.origin[0]}, line {node.origin[1]})" if node.origin else ""


# --- order --------------------------------------------------------------------------------------------------


def topological_order(root: Node, *, fresh: bool = False, leaves: bool = True) -> list[Node]:
    """Every node that ``root`` depends on, once, each after its inputs; ``root`` is the last.

    Left operands come before right ones, as Python evaluates them. It does not recurse, so a chain of a million nodes
    is no problem. With ``fresh`` it raises `StaleGraphError` if the data of a node was written after another node had
    used it. With ``leaves=False`` the leaves are left out.

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
    oldest, newest = root.stamp, root.stamp  # the oldest node with inputs, the newest of all nodes
    while stack:
        node = stack.pop()
        if node is None:  # all inputs of the node below it in the stack are in the order now
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
        for x in reversed(inputs):  # the stack reverses them again
            if x not in entered:
                if leaves or x.inputs:
                    stack.append(x)
                elif x.stamp > newest:
                    newest = x.stamp
    if fresh and newest > oldest:  # a leaf was written after the first operation: it may be an input
        check_fresh(order)
    return order


def check_fresh(order: Sequence[Node]) -> None:
    """Raise `StaleGraphError` if the data of a node was written after another had used it."""
    for node in order:
        for x in node.inputs:
            if x.stamp > node.stamp:
                raise stale(node, x)


def is_differentiated(node: Node) -> bool:
    """Whether a transform that runs in this thread differentiates by something that ``node`` depends on."""
    return bool(MODES.arguments) and not set(MODES.arguments).isdisjoint(topological_order(node))


def plain_float(node: Node, number: float) -> float:
    """``float(node)``, which leaves the graph: refused inside of `grad`, and a warning where a gradient gets lost.

    Python shows the warning once for each line. Printing, formatting and comparing a node do not come here.
    """
    if MODES.derivative or (not MODES.no_grad and is_differentiated(node)):
        what = "a derivative that is being recorded" if MODES.derivative else "a function that is being differentiated"
        raise BackwardError(
            f"{what} turned a node into a float, so its own derivative would be lost: write it with operators, methods "
            "and NumPy's functions (x.sin() or np.sin(x), not math.sin(x)), and where only the number is meant, x.data"
        )
    if node.requires_grad and not MODES.no_grad:
        warnings.warn(
            f"{describe(node)} became a plain float here, which has no gradient. To print or keep the number, write "
            "x.item(). In a formula, write np.tanh(x), not math.tanh(x), and np.stack, not an array of floats",
            LostGradientWarning,
            stacklevel=3,
        )
    return number


def describe(node: Node) -> str:
    """A few words that tell a reader which node is meant."""
    what = f"the result of {node.op}" if node.operation else "a leaf"
    return f"{what} labelled {node.label!r}" if node.label else what


def of_a_tuple(given: tuple[Any, ...]) -> str:
    """What to do about a tuple where one array must be: mostly a recurrent net, or attention, returned it."""
    marks = given[0].marks if given and isinstance(given[0], Node) else ()
    if not marks or len(given) != 2:
        return f"pass one of its {len(given)} entries, such as x[0]"
    title = marks[-1][0].title.partition("(")[0]
    second = {"LSTMCell": "c", "MultiheadAttention": "weights"}.get(title, "state")
    first = "h" if title == "LSTMCell" else "outputs"
    call = f"{first}, _ = {title.lower()}(x)"
    return f"{title} returns ({first}, {second}): use {call}, or put lambda pair: pair[0] after it in nn.Sequential"


def of_no_tensor(given: Any) -> str:
    """What a net gave that had to give one Tensor, for a message."""
    return f"gave a tuple: {of_a_tuple(given)}" if isinstance(given, tuple) else f"gave {shown(given)}"


def stale(node: Node, x: Node) -> StaleGraphError:
    """The error that says that ``x`` was changed after ``node`` had used it."""
    return StaleGraphError(
        f"the data of {describe(x)} was changed after {node.op}{place_of(node)} had used it, so its gradient would be "
        "wrong: run the forward pass again before backward()"
    )
