"""Changes of a forked run: what a fix does to the recorded steps, each with its line of code."""

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from tinygrad_edu import nn, optim
from tinygrad_edu.tensor import Tensor
from tinygrad_edu.train.doctor.tape import Fork, Instruction, Make, Pass, Tape
from tinygrad_edu.train.doctor.task import LAYERS, VIEWS

ACTIVATIONS = ("relu", "sigmoid", "tanh", "softplus", "softmax", "exp", "leaky_relu", "gelu", "silu", "elu")


class Change(NamedTuple):
    """A change of a run: what it is called, its line of code, and what it does to a fork."""

    name: str
    code: str
    apply: Callable[[Fork], None]


def _setting(name: str, code: str, **attributes: Any) -> Change:
    """A change that sets these attributes of a fork."""

    def apply(fork: Fork) -> None:
        for attribute, value in attributes.items():
            setattr(fork, attribute, value)

    return Change(name, code, apply)


# --- of the steps ---


def reset_gradients() -> Change:
    """Reset the gradients before every pass, and step after it."""
    name = "the gradients reset before each backward pass"
    return _setting(name, "{optimizer}.zero_grad()", zero_grad=True, always_step=True)


def scale_rate(factor: float) -> Change:
    """Multiply the learning rate."""
    return _setting(f"the learning rate times {factor:g}", f"{{optimizer}}.lr *= {factor:g}", rate=factor)


def set_rate(lr: float) -> Change:
    """Use this learning rate at every step."""

    def apply(fork: Fork) -> None:
        fork.rate = None
        if fork.optimizer is not None:
            fork.optimizer.lr = lr

    return Change(f"the learning rate {lr:g}", f"{{optimizer}}.lr = {lr:g}", apply)


def set_decay(decay: float) -> Change:
    """Use another weight decay."""

    def apply(fork: Fork) -> None:
        fork.optimizer.weight_decay = decay

    return Change(f"the weight decay {decay:g}", f"{{optimizer}}.weight_decay = {decay:g}", apply)


def all_parameters() -> Change:
    """Give all parameters of the net to the optimizer, and step after every pass."""

    def apply(fork: Fork) -> None:
        old = fork.optimizer
        settings = {name: getattr(old, name) for name in old.hyperparameters}
        fork.optimizer = type(old)(list(fork.parameters.values()), **settings)
        fork.zero_grad, fork.always_step = True, True

    return Change("all parameters in the optimizer", "{optimizer} = optim.…({net}.parameters(), …)", apply)


def with_adam() -> Change:
    """Adam with the rate 0.01 instead of the optimizer."""

    def apply(fork: Fork) -> None:
        fork.optimizer = optim.Adam(list(fork.parameters.values()), lr=0.01)
        fork.rate, fork.always_step, fork.zero_grad = None, True, True

    return Change("Adam with the rate 0.01", "{optimizer} = optim.Adam({net}.parameters(), lr=0.01)", apply)


# --- of the initial weights ---


def set_weights(state: Any) -> Change:
    """Begin with these weights, by name."""

    def apply(fork: Fork) -> None:
        for name, p in fork.parameters.items():
            if name in state:
                value = getattr(state[name], "_data", state[name])
                p.data = float(value) if isinstance(p.raw, float) else np.array(value, dtype=p.raw.dtype)

    return Change("other initial weights", "{net}.load_state_dict(weights)", apply)


def fresh_weights() -> Change:
    """Begin with Kaiming's weights, and biases of 0."""

    def apply(fork: Fork) -> None:
        rng = np.random.default_rng(0)
        for p in fork.parameters.values():
            if isinstance(p, Tensor) and p.ndim == 2:
                nn.init.kaiming_uniform_(p, rng=rng)
            elif isinstance(p, Tensor) and p.ndim == 1 and not np.all(p.raw == 1):
                nn.init.zeros_(p)

    return Change("fresh weights of the usual size", "nn.init.kaiming_uniform_(layer.weight)", apply)


# --- of the graph: each recorded pass is changed where its own graph says, because passes may differ ---


def skip(ops: tuple[str, ...], code: str = "{net}.layers[-1] = nn.Identity()") -> Change:
    """Leave out the activation between the last layer and the loss."""

    def replace(fork: Fork, recorded: Pass) -> dict[int, Make]:
        last = _last_activation(recorded, ops)
        return {last: lambda nodes: nodes[recorded.graph[last].inputs[0]]}

    return _setting(f"no {' or '.join(ops)} before the loss", code, replace=replace)


def _last_activation(recorded: Pass, ops: tuple[str, ...]) -> int:
    """The index of the last of these operations after the last layer; −1 if there is none."""
    last = recorded.last(ops)
    return last if last > recorded.last(LAYERS) else -1


def other_output_activation(tape: Tape) -> Change | None:
    """No activation after the last layer where there is one, else a sigmoid or a softmax; None for losses of logits."""
    first = tape.passes[0]
    if _last_activation(first, ACTIVATIONS) >= 0:
        return skip(ACTIVATIONS)._replace(name="no activation after the last layer")
    if first.last(LAYERS) < 0 or first.last(("cross_entropy", "bce_with_logits", "log_softmax", "logsumexp")) >= 0:
        return None

    def replace(fork: Fork, recorded: Pass) -> dict[int, Make]:
        last = recorded.last(LAYERS)

        def activated(nodes: list[Any]) -> Any:
            answers = fork.node(recorded.graph[last], nodes)
            several = np.ndim(answers.raw) > 1 and answers.raw.shape[-1] > 1
            return nn.functional.softmax(answers) if several else answers.sigmoid()

        return {last: activated}

    code = "{net} = nn.Sequential(*{net}.layers, nn.Sigmoid())"
    return _setting("a sigmoid or a softmax after the last layer", code, replace=replace)


def insert_relu() -> Change:
    """Put a ReLU after every layer but the last."""

    def replace(fork: Fork, recorded: Pass) -> dict[int, Make]:
        def rectified(layer: Instruction, nodes: list[Any]) -> Any:
            return fork.node(layer, nodes).relu()

        layers = [i for i, x in enumerate(recorded.graph) if x.op in LAYERS]
        return {i: partial(rectified, recorded.graph[i]) for i in layers[:-1]}

    return _setting("a ReLU between the layers", "nn.ReLU()  # between the layers of {net}", replace=replace)


def divide_loss(rows: int) -> Change:
    """Divide the loss by the number of rows."""

    def replace(fork: Fork, recorded: Pass) -> dict[int, Make]:
        loss = recorded.graph[-1]
        return {len(recorded.graph) - 1: lambda nodes: fork.node(loss, nodes) / float(rows)}

    return _setting(f"the loss divided by {rows} rows", "loss = loss / len(X)", replace=replace)


def drop_minus() -> Change:
    """Leave out the minus at the end of the loss."""

    def replace(fork: Fork, recorded: Pass) -> dict[int, Make]:
        loss = recorded.graph[-1]
        return {len(recorded.graph) - 1: lambda nodes: nodes[loss.inputs[0]]} if loss.op == "neg" else {}

    return _setting("the loss without its minus", "loss.backward()  # without a minus", replace=replace)


# --- of the data ---


def change_inputs(function: Callable[[Any], Any], name: str, code: str) -> Change:
    """Apply a function to the rows that enter the first layer."""

    def replace(fork: Fork, recorded: Pass) -> dict[int, Make]:
        return {i: partial(_constant, function, rows) for i, rows in _inputs(recorded)}

    return _setting(name, code, replace=replace)


def _constant(function: Callable[[Any], Any], data: Any, nodes: list[Any]) -> Tensor:
    """The node of a constant's data with the function applied; those before it are of no effect."""
    return Tensor(function(data), requires_grad=False)


def _inputs(recorded: Pass) -> list[tuple[int, Any]]:
    """The constants that layers take, each with its index."""
    constants = [(i, np.asarray(x.constant.raw)) for i, x in enumerate(recorded.graph) if x.constant is not None]
    return [(i, rows) for i, rows in constants if _feeds(recorded, i)]


def standardize_inputs(tape: Tape) -> Change:
    """Standardize the features with the mean and the deviation of all recorded batches."""
    rows = [rows for recorded in tape.passes for _, rows in _inputs(recorded) if np.ndim(rows) == 2]
    whole = np.concatenate(rows) if rows else np.zeros((1, 1))
    whole = whole[np.isfinite(whole).all(1)]
    mean, deviation = whole.mean(0), whole.std(0)
    deviation = np.where(deviation > 0, deviation, 1.0)
    return change_inputs(
        lambda x: (x - mean) / deviation, "standardized inputs", "X = (X - X_train.mean(0)) / X_train.std(0)"
    )


def _feeds(recorded: Pass, i: int) -> bool:
    """Whether a layer takes the constant at that index, directly or through views."""
    places = {i}
    for k, x in enumerate(recorded.graph):
        if x.operation is None or x.inputs[0] not in places:
            continue
        if x.op in LAYERS:
            return True
        if x.op in VIEWS:
            places.add(k)
    return False


def fit_target_shapes() -> Change:
    """Give a constant of shape (n,) the shape (n, 1) where it meets predictions of that shape."""

    def replace(fork: Fork, recorded: Pass) -> dict[int, Make]:
        return {i: partial(_fitted, fork, x) for i, x in enumerate(recorded.graph) if len(x.inputs) == 2}

    return _setting("targets of the predictions' shape", "y = y.reshape(-1, 1)", replace=replace)


def _fitted(fork: Fork, instruction: Instruction, nodes: list[Any]) -> Any:
    """The node of two inputs, after a constant of shape (n,) among them was given the shape (n, 1) of the other."""
    a, b = (nodes[k] for k in instruction.inputs)
    answers, target = (a, b) if a.requires_grad else (b, a)
    n = len(target.raw) if np.ndim(target.raw) else 0
    if a.requires_grad == b.requires_grad or n < 2 or {np.shape(a.raw), np.shape(b.raw)} != {(n,), (n, 1)}:
        return fork.node(instruction, nodes)
    fitting = Tensor(np.reshape(target.raw, np.shape(answers.raw)), requires_grad=False)
    xs = [fitting if x is target else x for x in (a, b)]
    return xs[0]._record(instruction.operation, xs, instruction.params)


def scale_targets(tape: Tape) -> Change | None:
    """Standardize the targets that the answers are subtracted from; None if a loss has no such difference.

    The losses are multiplied back, so that they are in the units of the run.
    """
    found = [target for recorded in tape.passes if (target := _target(recorded)) is not None]
    powers = {target.power for target in found}
    if len(found) < len(tape.passes) or len(powers) > 1:
        return None
    whole = np.concatenate([np.ravel(target.numbers) for target in found]).astype(float)
    middle, deviation = float(whole.mean()), float(whole.std()) or 1.0

    def replace(fork: Fork, recorded: Pass) -> dict[int, Make]:
        target = _target(recorded)
        return {} if target is None else {target.place: partial(_constant, scaled, target.numbers)}

    def scaled(numbers: Any) -> Any:
        return (numbers - middle) / deviation

    code = "y = (y - y_train.mean(0)) / y_train.std(0)"
    return _setting("standardized targets", code, replace=replace, unit=deviation ** powers.pop())


class _Target(NamedTuple):
    """The targets in a graph, and the power to which the loss raises their difference from the answers."""

    place: int
    numbers: Any
    power: int


def _target(recorded: Pass) -> _Target | None:
    graph = recorded.graph
    for x in graph:
        squares = x.op == "pow" or (x.op == "mul" and x.inputs[0] == x.inputs[1])
        if not squares and x.op != "abs":
            continue
        difference = graph[_seen_through_views(graph, x.inputs[0])]
        if difference.op != "sub":
            continue
        for k in (_seen_through_views(graph, k) for k in difference.inputs):
            constant = graph[k].constant
            if isinstance(constant, Tensor) and constant.size > 1 and not _feeds(recorded, k):
                return _Target(k, np.asarray(constant.raw), 2 if squares else 1)
    return None


def _seen_through_views(graph: list[Instruction], i: int) -> int:
    while graph[i].op in VIEWS:
        i = graph[i].inputs[0]
    return i
