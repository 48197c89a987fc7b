"""Runs a program line by line, if it is too long to be compiled as one function; and stores results."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from tinygrad_edu.compiler.program import DRAW, MATH, PYTHON, Line, Program, Var, mapped, with_values
from tinygrad_edu.compiler.record import scalars
from tinygrad_edu.compiler.sources import Argument, ArgumentGradient, Attribute, Data, Gradient, Setting
from tinygrad_edu.graph.node import raw_of
from tinygrad_edu.tensor import Tensor, constant
from tinygrad_edu.value import Value


def one_by_one(program: Program, arguments: Sequence[Argument], *leaves: Any) -> Any:
    """Run each line, store what the program writes, and return what the function returned."""
    values = evaluated(program, arguments, leaves)
    result = with_values(program.result, lambda part: delivered(values[part.var], part.kind))
    store(program, values.__getitem__, leaves)
    return result


Change = Callable[[Line, Sequence[Any], Any], Any]  # of what a line gives: called with the line, its operands and that


def evaluated(
    program: Program, arguments: Sequence[Argument], leaves: Sequence[Any], changed: Change | None = None
) -> dict[Var, Any]:
    """The value of every variable, line by line."""
    given = {var: fetched(source, arguments, leaves) for var, source in program.inputs.items()}
    return computed(program, given, changed)


def computed(program: Program, given: Mapping[Var, Any], changed: Change | None = None) -> dict[Var, Any]:
    """The value of every variable, from those of the inputs."""
    values = dict(given)

    def known(x: Any) -> Any:
        return values[x] if isinstance(x, Var) else x

    for line in program.lines:
        args = [values[x] if x.__class__ is Var else mapped(x, known) for x in line.args]
        if line.kind in (PYTHON, MATH):
            y = scalars.compute(line, args)
        else:
            called = replace(line, keywords=mapped(line.keywords, known)) if line.keywords else line
            y = called.run(args)
        values[line.out] = y if changed is None else changed(line, args, y)
    return values


def computed_for_view(program: Program, given: Mapping[Var, Any]) -> dict[Var, Any]:
    """The same for a picture or a page: it does not change the states of random generators."""
    settings = {var: source.value for var, source in program.inputs.items() if isinstance(source, Setting)}
    generators = [line.function.__self__.bit_generator for line in program.lines if line.kind == DRAW]
    states = [generator.state for generator in generators]
    try:
        with np.errstate(all="ignore"):
            return computed(program, {**settings, **given})
    finally:
        for generator, state in zip(generators, states, strict=True):
            generator.state = state


def store(program: Program, value_of: Callable[[Var], Any], leaves: Sequence[Any]) -> None:
    """Store what the program writes; all values are copied first, so that none is one that was just stored."""
    commit([(source, var, None if var is None else copied(value_of(var))) for source, var in program.writes], leaves)


def commit(left: Sequence[tuple[Any, Var | None, Any]], leaves: Sequence[Any]) -> None:
    """Store what a call has computed for parameters, gradients and state."""
    for source, _, value in left:
        if isinstance(source, Data):
            if isinstance(source.leaf, Tensor):
                source.leaf.update(value)
            else:
                source.leaf.data = value
        elif isinstance(source, Gradient):
            source.leaf.grad = value
        elif isinstance(source, ArgumentGradient):
            add_gradient(leaves[source.position], value)
        elif isinstance(source, Attribute):
            source.set(np.asarray(value) if source.holds_array() else value)  # of no axes, arithmetic makes a scalar


def add_gradient(leaf: Any, gx: Any) -> None:
    """Add to the gradient of a Tensor or Value that was passed as an argument."""
    if isinstance(gx, np.ndarray | np.generic):
        gx = np.array(gx)
    leaf.grad = gx if leaf.grad is None else leaf.grad + gx


def fetched(source: Any, arguments: Sequence[Argument], leaves: Sequence[Any]) -> Any:
    """The value of an input now."""
    return raw_of(leaves[arguments.index(source)]) if isinstance(source, Argument) else source.get()


def copied(x: Any) -> Any:
    """The value, in its own memory."""
    return x.copy() if isinstance(x, np.ndarray) else x


def delivered(x: Any, kind: str) -> Any:
    """A value as the function would have returned it."""
    x = copied(x)
    return constant(x) if kind == "Tensor" else Value(x) if kind == "Value" else x
