"""What a program's variables are called: as the user calls them, else as a blackboard would.

``z1 = X @ W1 + b1`` and ``a1`` for what a layer computes, ``dz1`` for the gradient of ``z1``.
"""

import keyword
import re
from typing import TYPE_CHECKING, Any

from tinygrad_edu.compiler.program import PYTHON, Line, Program, Var
from tinygrad_edu.compiler.sources import ORDER, Data, Gradient
from tinygrad_edu.compiler.write.runtime import HELPERS

if TYPE_CHECKING:
    from tinygrad_edu.compiler.record.recorder import Recorder

_ACTIVATIONS = frozenset(
    "relu leaky_relu elu selu silu gelu gelu_tanh sigmoid tanh softplus".split()  # noqa: SIM905 one line reads better
)
_LETTER = {"linear": "z", "matmul": "z", "softmax": "p", **dict.fromkeys(_ACTIVATIONS, "a")}
_ROUTINE = {"greater": "mask", "less": "mask", "equal": "mask", "getitem": "picked", "maximum.reduce": "top"}
TAKEN = {"np", "math", "operator", "base64", "abs", "bool", "float", "int", "locals", "max", "min", "print", "slice"}
TAKEN |= {f.__name__ for f in HELPERS}  # what the text of a program may mean


def identifier(text: str) -> str:
    """The text as a Python name; "" if no part of it can be in one."""
    name = re.sub(r"\W+", "_", text).strip("_")
    if not name or name[0].isdigit() or keyword.iskeyword(name):
        name = f"v_{name}" if name else ""
    return name


class Names:
    """A name for each variable, none twice."""

    def __init__(self, program: str = "") -> None:
        self.of: dict[Var, str] = {}
        self.chosen: set[Var] = set()  # by people, or as they would
        self._used = {*TAKEN, program}
        self._numbers: dict[str, int] = {}  # the last number that a name was given

    def copy(self) -> "Names":
        """The same names, to which others may be added."""
        other = Names()
        other.of, other._used, other._numbers = dict(self.of), set(self._used), dict(self._numbers)
        other.chosen = set(self.chosen)
        return other

    def reserve(self, name: str) -> str:
        """A name for something else than a variable: this one, or a longer one if it is used already."""
        while name in self._used:
            name += "_"
        self._used.add(name)
        return name

    def give(self, var: Var, name: str, *, number: bool = False) -> None:
        """Call the variable by this name, or by this name and the first number that is free."""
        if var in self.of or not name:
            return
        k = self._numbers.get(name, 0) + 1
        unique = f"{name}1" if number and k == 1 else name if k == 1 else f"{name}{k}"
        while unique in self._used:
            k += 1
            unique = f"{name}{k}"
        self._numbers[name] = k
        self._used.add(unique)
        self.of[var] = unique


def name_variables(recorder: "Recorder", program: Program, local: dict[Var, str]) -> Names:
    """Names from arguments, labels and the function's own variables; then by what computes a variable."""
    names = Names(program.name)
    _name_inputs(recorder, program, names)
    for var, label in recorder.labels:
        names.give(var, identifier(label))
    for var, name in local.items():
        names.give(var, identifier(name))
    for line in program.lines:
        _name_layer(recorder, names, line)
    _name_gradients(recorder, names)
    for var, word in _words(recorder, names).items():
        names.give(var, f"new_{word}" if var in recorder.replacements else word)
    for var, word in recorder.local_names.words.items():
        names.give(var, word)
    _name_gradients(recorder, names)  # by what has got a name in between
    for var in recorder.gradients_of:
        names.give(var, "dy")
    names.chosen = {*names.of}
    for line in program.lines:
        names.give(line.out, identifier(line.out.hint))
        names.give(line.out, _routine(line), number=True)
    return names


def _name_gradients(recorder: "Recorder", names: Names) -> None:
    """``dW1``, and ``dW1_`` for a part of it."""
    last = {target: var for var, target in recorder.gradients_of.items()}
    for target, var in last.items():
        if target in names.of:
            names.give(var, f"d{names.of[target]}")
    for var, target in recorder.gradients_of.items():
        if target in names.of:
            names.give(var, f"d{names.of[target]}_")


def _name_inputs(recorder: "Recorder", program: Program, names: Names) -> None:
    roles = _roles(recorder)
    of_leaf: dict[int, Var] = {}
    words: dict[Var, str] = {}
    for var, source in sorted(program.inputs.items(), key=lambda item: ORDER.index(type(item[1]))):
        leaf = getattr(source, "leaf", None)
        label = getattr(leaf, "label", "") or var.hint
        if isinstance(source, Data):
            of_leaf[id(leaf)] = var
            # Modules label their parameters "layers.0.weight": a blackboard has W1.
            if label.split(".")[-1] in ("", "weight", "bias") and var in roles:
                names.give(var, roles[var])
        owner = recorder.owners.get(id(getattr(source, "owner", None)))
        if id(owner) in of_leaf:  # what an optimizer remembers of a parameter
            words = words or {old: _words(recorder, names).get(new, "") for new, old in recorder.replacements.items()}
            label = words.get(var) or f"{label}_{names.of[of_leaf[id(owner)]]}"
        label = identifier(re.sub(r"^layers\.(\d+)\.(\w+)", r"\2_\1", label))  # Sequential's "layers.1.weight"
        if isinstance(source, Gradient):
            label = f"{names.of.get(of_leaf[id(leaf)], label) if id(leaf) in of_leaf else label or 'p'}_grad"
        names.give(var, label or "p", number=not label)


def _words(recorder: "Recorder", names: Names) -> dict[Var, str]:
    """What update rules call their variables: ``m_W1``; a number that serves all parameters, ``t``."""
    several = len({owner for _, owners in recorder.words.values() for owner in owners}) > 1
    found = {}
    for var, (word, owners) in recorder.words.items():
        own = several and len(owners) == 1
        suffix = f"_{names.of[owners[0]]}" if (own or var.shape) and owners[0] in names.of else ""
        found[var] = identifier(f"{word}{suffix}")
    return found


def _roles(recorder: "Recorder") -> dict[Var, str]:
    """Weights and biases, numbered in the order in which layers use them."""
    roles: dict[Var, str] = {}
    layer = 0
    for operation, xs in recorder.made_by.values():
        if operation == "linear" and xs[1] is not None and xs[1] not in roles:
            layer += 1
            roles[xs[1]] = f"W{layer}"
            if xs[2] is not None:
                roles[xs[2]] = f"b{layer}"
    return roles


def _name_layer(recorder: "Recorder", names: Names, line: Line) -> None:
    if line.out not in recorder.made_by:
        return
    operation, xs = recorder.made_by[line.out]
    letter = _LETTER.get(operation)
    if letter is None:
        names.give(line.out, identifier(operation), number=True)
        return
    before = names.of.get(xs[0], "") if xs[0] is not None else ""
    if letter in "ap" and re.fullmatch(r"z\d+", before):
        names.give(line.out, letter + before[1:])
    names.give(line.out, letter, number=True)


def _routine(line: Line) -> str:
    function: Any = line.function
    if isinstance(function, str):
        return function
    name = getattr(function, "__name__", "t")
    if name == "add" and line.kind == PYTHON:
        return "subtotal"  # of a sum of numbers that is too long for one line
    if name == "reduce":
        return _ROUTINE.get(f"{function.__self__.__name__}.reduce", "total")
    return _ROUTINE.get(name, identifier(name) or "t")
