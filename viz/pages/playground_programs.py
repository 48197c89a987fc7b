"""The programs of a playground: a net's training step, its losses and what each neuron sees, as JavaScript.

The user's net and optimizer are copied before anything is recorded. The recorded step is the one that Python would run.
"""

import copy
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tinygrad_edu import compile as compile_
from tinygrad_edu import nn
from tinygrad_edu.compiler.sources import Attribute, Data, Gradient, Setting
from tinygrad_edu.errors import ArgumentError
from tinygrad_edu.javascript.emit import Script
from tinygrad_edu.javascript.literals import literal
from tinygrad_edu.javascript.rows import number
from tinygrad_edu.javascript.sizes import for_any_size
from tinygrad_edu.optim import Optimizer

Loss = Callable[[Any, Any], Any]
_SIZES = 37, 41, 53  # numbers of samples for which each program is recorded
# Where an optimizer leaves a rule out because its setting is 0, the rule is recorded at this value and has a slider.
_SWITCHED_ON = {"momentum": 0.5, "weight_decay": 1e-3}


@dataclass
class Setup:
    """What trains: the user's own objects, and the form of their data."""

    net: nn.Module
    loss: Loss
    optimizer: Optimizer
    X: Any
    y: Any


@dataclass
class Programs:
    """The programs of one net."""

    text: str  # JavaScript: an expression that gives them
    layers: list[dict[str, Any]]
    parameters: list[str]
    settings: dict[str, float]
    listing: list[str]


def programs_of(setup: Setup) -> Programs:
    """Record what the playground of a net runs.

    Raises
    ------
    CompileError : the net, the loss or the optimizer calls something that has no JavaScript.
    ArgumentError : the first step is another program than those that follow.
    """
    memo: dict[int, Any] = {}
    net, optimizer = copy.deepcopy((setup.net, setup.optimizer), memo)
    inverse = {id(copied): original for original, copied in _originals(memo, setup)}
    for name, value in _SWITCHED_ON.items():
        if getattr(optimizer, name, None) == 0:
            setattr(optimizer, name, value)

    def step(X: Any, y: Any) -> Any:
        optimizer.zero_grad()
        loss = setup.loss(net(X), y)
        loss.backward()
        optimizer.step()
        return loss

    def evaluate(X: Any, y: Any) -> Any:
        outputs = net(X)
        return setup.loss(outputs, y), outputs

    def look(X: Any) -> Any:
        return [*stages(net, X)]

    def explain(X: Any, y: Any) -> Any:
        found = [*stages(net, X)]
        loss = setup.loss(found[-1], y)
        loss.backward()
        return [loss, *(part for stage in found for part in (stage, stage.grad))]

    net.train()
    trained = [_recorded(step, *_batch(setup, n), twice=True) for n in _SIZES]
    shown, _ = _recorded(step, setup.X, setup.y)
    listing = _in_columns([text for text, _ in shown.listing]) + _helpers(shown.source)
    step_script = trained[0][1]
    values = {name: _value_now(source, inverse) for source, name in step_script.state_names.items()}
    net.eval()
    evaluated = [_recorded(evaluate, *_batch(setup, n)) for n in _SIZES]
    looked = [_recorded(look, _batch(setup, n)[0]) for n in _SIZES]
    explained = [_recorded(explain, *_batch(setup, n)) for n in _SIZES]
    texts = [
        f"{name}: {_program([script for _, script in part], step_script, inverse)}"
        for name, part in (("step", trained), ("evaluate", evaluated), ("look", looked), ("explain", explained))
    ]
    text = f"{{\ninitialState: () => ({_state(step_script, values, inverse)}),\n" + ",\n".join(texts) + "\n}"
    return Programs(
        text,
        _layers(net, step_script),
        [name for source, name in step_script.state_names.items() if isinstance(source, Data)],
        _settings(optimizer, step_script, values),
        listing,
    )


def _in_columns(lines: list[str]) -> list[str]:
    """The lines of a program with their shapes nearer to the code: the page has less room than an editor."""
    parts = [re.split(r" {2,}(?=# )", text, maxsplit=1) for text in lines]
    width = min(38, max(len(code) for code, *shape in parts if shape))
    return [f"{code:<{width}}  {shape[0]}" if shape else code for code, *shape in parts]


def _helpers(source: str) -> list[str]:
    """The functions that are printed before a program, to be shown after it."""
    *functions, _ = re.findall(r"^def .*\n(?:(?: .*)?\n)*", source, re.MULTILINE)
    return [line for text in functions for line in ("", "# helpers", *text.rstrip().splitlines())]


# --- recording ------------------------------------------------------------------------------------------------------


def _originals(memo: dict[int, Any], setup: Setup) -> Iterator[tuple[Any, Any]]:
    """Each of the user's objects with its copy."""
    stack: list[Any] = [setup.net, setup.optimizer]
    seen: set[int] = set()
    while stack:
        x = stack.pop()
        if id(x) in seen:
            continue
        seen.add(id(x))
        if id(x) in memo:
            yield x, memo[id(x)]
        if isinstance(x, dict):
            stack += x.values()
        elif isinstance(x, list | tuple):
            stack += x
        elif isinstance(x, nn.Module | Optimizer):
            stack += vars(x).values()


def _batch(setup: Setup, n: int) -> tuple[Any, Any]:
    """The user's samples, repeated until there are so many."""
    index = np.arange(n) % len(setup.X)
    return setup.X[index], setup.y[index]


def _recorded(function: Callable[..., Any], *args: Any, twice: bool = False) -> tuple[Any, Script]:
    compiled = compile_(function)
    compiled(*args)
    first = compiled.source
    if twice:
        compiled(*args)
        if compiled.source != first:
            raise ArgumentError(
                "the first step of this optimizer is another one than those that follow, so a playground cannot show "
                "it: set dampening=0"
            )
    return compiled, compiled.script


def _program(scripts: Sequence[Script], step: Script, inverse: dict[int, Any]) -> str:
    """A function of the step's state and the arguments, for any number of samples.

    A program has its own names for the parts of the step's state. What the step does not read belongs to the program.
    """
    script = scripts[0]
    text = for_any_size({n: s.function("n") for n, s in zip(_SIZES, scripts, strict=True)})
    read = [source for source in script.program.inputs.values() if source in script.state_names]
    names = {script.state_names[source]: source for source in read}
    own = {name: _value_now(source, inverse) for name, source in names.items() if source not in step.state_names}
    kept = ", ".join(f"{name}: {_text(script, value)}" for name, value in own.items())
    places = {name: f"own.{name}" if name in own else f"state.{step.state_names[names[name]]}" for name in names}
    given = "state" if script is step else f"{{ {', '.join(f'{name}: {place}' for name, place in places.items())} }}"
    arguments = ", ".join(script.parameters)
    return (
        f"(() => {{\nconst own = {{ {kept} }};\n{text}"
        f"return (state, {arguments}) =>\n"
        f"  {script.function_name}({given}, {script.parameters[0]}.shape[0], {arguments});\n}})()"
    )


def _text(script: Script, value: Any) -> str:
    return number(value) if isinstance(value, bool | int | float) else literal(value)


def _value_now(source: Any, inverse: dict[int, Any]) -> Any:
    """The value in the user's own object that belongs to the copy's; None if there is none yet."""
    if isinstance(source, Data):
        return inverse.get(id(source.leaf), source.leaf).data
    if not isinstance(source, Setting | Attribute):
        return None
    owner = inverse.get(id(source.owner), source.owner)
    if isinstance(source, Setting):  # it may have been switched on for the recording
        own = getattr(owner, source.name, source.value)
        return own if isinstance(own, int | float) else source.value
    return owner.get(source.name) if isinstance(owner, dict) else getattr(owner, source.name, None)


def _state(script: Script, values: dict[str, Any], inverse: dict[int, Any]) -> str:
    """The state before the first step, as the text of an object."""
    entries = []
    for name, now in script.state().items():
        value = values[name]
        if value is None:  # what the optimizer does not remember yet
            value = np.zeros_like(now) if isinstance(now, np.ndarray) else 0.0
        entries.append(f"{name}: {_text(script, value)}")
    for generator, name in script.generators:
        bits = inverse.get(id(generator), generator).bit_generator.state["state"]
        entries.append(f'{name}: new np.PCG64("{bits["state"]}", "{bits["inc"]}")')
    return "{ " + ",\n".join(entries) + " }"


# --- the net ----------------------------------------------------------------------------------------------------------


def stages(net: Any, X: Any) -> Iterator[Any]:
    """What the units of each layer give, with their activation; the last is the net's output."""
    if isinstance(net, nn.MLP):
        for layer in net.layers[:-1]:
            X = net.activation(layer(X))
            yield X
        yield net.layers[-1](X)
        return
    if isinstance(net, nn.Sequential):
        layers = [*net]
        for k, layer in enumerate(layers):
            X = layer(X)
            if k + 1 == len(layers) or isinstance(layers[k + 1], nn.Linear):
                yield X
        return
    yield net(X)


def linears(net: Any) -> list[Any]:
    """The layers of a net that is drawn: none of another form."""
    layers = net.layers if isinstance(net, nn.MLP | nn.Sequential) else ()
    return [layer for layer in layers if isinstance(layer, nn.Linear)]


def _layers(net: Any, script: Script) -> list[dict[str, Any]]:
    """For each layer of units: how many there are, and what their weights are called in the state."""
    names = {id(source.leaf): name for source, name in script.state_names.items() if isinstance(source, Data)}
    gradients = {id(source.leaf): name for source, name in script.state_names.items() if isinstance(source, Gradient)}
    return [
        {
            "units": layer.out_features,
            "inputs": layer.in_features,
            "weight": names[id(layer.weight)],
            "bias": names.get(id(layer.bias), ""),
            "gradient": gradients.get(id(layer.weight), ""),
            "label": layer.weight.label or names[id(layer.weight)],
        }
        for layer in linears(net)
    ]


def _settings(optimizer: Any, script: Script, values: dict[str, Any]) -> dict[str, float]:
    """The optimizer's numbers that the step reads, by their names in the state."""
    return {
        name: float(values[name])
        for source, name in script.state_names.items()
        if (isinstance(source, Setting) or (isinstance(source, Attribute) and source.name == "lr"))
        and source.owner is optimizer
        and isinstance(values[name], int | float)
    }
