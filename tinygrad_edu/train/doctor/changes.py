"""Changes of a forked run: what a fix does to the recorded steps, each with its line of code."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from tinygrad_edu import nn, optim
from tinygrad_edu.tensor import Tensor
from tinygrad_edu.train.doctor.tape import Fork, Instruction, Pass
from tinygrad_edu.train.doctor.task import LAYERS, VIEWS


class Change(NamedTuple):
    """A change of a run: what it is called, its line of code, and what it does to a fork."""

    name: str
    code: str
    apply: Callable[[Fork], None]


def reset_gradients() -> Change:
    """Reset the gradients before every pass, and step after it."""

    def apply(fork: Fork) -> None:
        fork.zero_grad, fork.always_step = True, True

    return Change("the gradients reset before each backward pass", "{optimizer}.zero_grad()", apply)


def scale_rate(factor: float) -> Change:
    """Multiply the learning rate."""

    def apply(fork: Fork) -> None:
        fork.rate = factor

    return Change(f"the learning rate times {factor:g}", f"{{optimizer}}.lr *= {factor:g}", apply)


def set_rate(lr: float) -> Change:
    """Use this learning rate at every step."""

    def apply(fork: Fork) -> None:
        fork.rate = None
        if fork.optimizer is not None:
            fork.optimizer.lr = lr

    return Change(f"the learning rate {lr:g}", f"{{optimizer}}.lr = {lr:g}", apply)


def own_parameters() -> Change:
    """Give the optimizer all parameters of the net, and step after every pass."""

    def apply(fork: Fork) -> None:
        old = fork.optimizer
        settings = {name: getattr(old, name) for name in old.hyperparameters}
        fork.optimizer = type(old)(list(fork.parameters.values()), **settings)
        fork.zero_grad, fork.always_step = True, True

    return Change("all parameters in the optimizer", "{optimizer} = optim.…({net}.parameters(), …)", apply)


def skip(ops: tuple[str, ...], code: str = "{net}.layers[-1] = nn.Identity()") -> Change:
    """Leave out the activation between the last layer and the loss."""

    def apply(fork: Fork) -> None:
        last = _last_activation(fork.tape.passes[0], ops)

        def replace(i: int, instruction: Instruction, nodes: list[Any]) -> Any:
            return nodes[instruction.inputs[0]] if i == last else None

        fork.replace = replace

    return Change(f"no {' or '.join(ops)} before the loss", code, apply)


def _last_activation(recorded: Pass, ops: tuple[str, ...]) -> int:
    """The place of the last of these operations after the last layer; −1 if there is none."""
    names = [x.operation.name if x.operation is not None else "" for x in recorded.graph]
    start = max((i for i, name in enumerate(names) if name in LAYERS), default=0)
    return max((i for i, name in enumerate(names) if i > start and name in ops), default=-1)


def fit_target_shapes() -> Change:
    """Give a constant of shape (n,) the shape (n, 1) where it meets predictions of that shape."""

    def apply(fork: Fork) -> None:
        def replace(i: int, instruction: Instruction, nodes: list[Any]) -> Any:
            if instruction.operation is None or len(instruction.inputs) != 2:
                return None
            a, b = (nodes[k] for k in instruction.inputs)
            if a.requires_grad == b.requires_grad:
                return None
            target = b if a.requires_grad else a
            shapes = {np.shape(a._data), np.shape(b._data)}
            n = len(target._data) if np.ndim(target._data) else 0
            if n < 2 or shapes != {(n,), (n, 1)}:
                return None
            answers = a if a.requires_grad else b
            fitting = Tensor(np.reshape(target._data, np.shape(answers._data)), requires_grad=False)
            xs = [fitting if x is target else x for x in (a, b)]
            return xs[0]._record(instruction.operation, xs, instruction.params)

        fork.replace = replace

    return Change("targets of the predictions' shape", "y = y.reshape(-1, 1)", apply)


def change_inputs(function: Callable[[Any], Any], name: str, code: str) -> Change:
    """Apply a function to the rows that enter the first layer."""

    def apply(fork: Fork) -> None:
        def replace(i: int, instruction: Instruction, nodes: list[Any]) -> Any:
            constant = instruction.constant
            if constant is None or not _enters_a_layer(fork, i):
                return None
            return Tensor(function(np.asarray(constant._data)), requires_grad=False)

        fork.replace = replace

    return Change(name, code, apply)


def standardize_inputs(fork_of: Any) -> Change:
    """Standardize the features by all recorded batches."""
    rows = [x for p in fork_of.passes for x in _inputs(p)]
    whole = np.concatenate(rows) if rows else np.zeros((1, 1))
    whole = whole[np.isfinite(whole).all(1)]
    mean, deviation = whole.mean(0), whole.std(0)
    deviation = np.where(deviation > 0, deviation, 1.0)
    return change_inputs(
        lambda x: (x - mean) / deviation, "standardized inputs", "X = (X - X_train.mean(0)) / X_train.std(0)"
    )


def _inputs(recorded: Pass) -> list[Any]:
    return [
        np.asarray(x.constant._data)
        for i, x in enumerate(recorded.graph)
        if x.constant is not None and _feeds(recorded, i) and np.ndim(x.constant._data) == 2
    ]


def _feeds(recorded: Pass, i: int) -> bool:
    """Whether a layer takes the constant at that place, seen through views."""
    places = {i}
    for k, x in enumerate(recorded.graph):
        if x.operation is None or x.inputs[0] not in places:
            continue
        if x.operation.name in LAYERS:
            return True
        if x.operation.name in VIEWS:
            places.add(k)
    return False


def _enters_a_layer(fork: Fork, i: int) -> bool:
    graph = fork.tape.passes[0].graph
    return i < len(graph) and _feeds(fork.tape.passes[0], i)


def set_weights(state: Any) -> Change:
    """Begin with these weights, by name."""

    def apply(fork: Fork) -> None:
        for name, p in fork.parameters.items():
            if name in state:
                value = getattr(state[name], "_data", state[name])
                p.data = float(value) if isinstance(p._data, float) else np.array(value, dtype=p._data.dtype)

    return Change("other initial weights", "{net}.load_state_dict(weights)", apply)


def fresh_weights(seed: int = 0) -> Change:
    """Begin with Kaiming's weights, and biases of 0."""

    def apply(fork: Fork) -> None:
        rng = np.random.default_rng(seed)
        for p in fork.parameters.values():
            if isinstance(p, Tensor) and p.ndim == 2:
                nn.init.kaiming_uniform_(p, rng=rng)
            elif isinstance(p, Tensor) and p.ndim == 1 and not np.all(p._data == 1):
                nn.init.zeros_(p)

    return Change("fresh weights of the usual size", "nn.init.kaiming_uniform_(layer.weight)", apply)


def divide_loss(rows: int) -> Change:
    """Divide the loss by the number of rows."""

    def apply(fork: Fork) -> None:
        def replace(i: int, instruction: Instruction, nodes: list[Any]) -> Any:
            graph = fork.tape.passes[0].graph
            if i != len(graph) - 1 or instruction.operation is None:
                return None
            return fork._node(instruction, nodes) / float(rows)

        fork.replace = replace

    return Change(f"the loss divided by {rows} rows", "loss = loss / len(X)", apply)


def set_decay(decay: float) -> Change:
    """Use another weight decay."""

    def apply(fork: Fork) -> None:
        fork.optimizer.weight_decay = decay

    return Change(f"the weight decay {decay:g}", f"{{optimizer}}.weight_decay = {decay:g}", apply)


def drop_minus() -> Change:
    """Leave out the minus at the end of the loss."""

    def apply(fork: Fork) -> None:
        def replace(i: int, instruction: Instruction, nodes: list[Any]) -> Any:
            last = i == len(fork.tape.passes[0].graph) - 1
            is_minus = instruction.operation is not None and instruction.operation.name == "neg"
            return nodes[instruction.inputs[0]] if last and is_minus else None

        fork.replace = replace

    return Change("the loss without its minus", "loss.backward()  # without a minus", apply)


def insert_relu() -> Change:
    """Put a ReLU behind every layer but the last."""

    def apply(fork: Fork) -> None:
        graph = fork.tape.passes[0].graph
        layers = [i for i, x in enumerate(graph) if x.operation is not None and x.operation.name in LAYERS]

        def replace(i: int, instruction: Instruction, nodes: list[Any]) -> Any:
            return fork._node(instruction, nodes).relu() if i in layers[:-1] else None

        fork.replace = replace

    return Change("a ReLU between the layers", "nn.ReLU()  # between the layers of {net}", apply)


def with_adam() -> Change:
    """Adam in place of the optimizer, with its default rate."""

    def apply(fork: Fork) -> None:
        fork.optimizer = optim.Adam(list(fork.parameters.values()), lr=0.01)
        fork.rate, fork.always_step, fork.zero_grad = None, True, True

    return Change("Adam with the rate 0.01", "{optimizer} = optim.Adam({net}.parameters(), lr=0.01)", apply)
