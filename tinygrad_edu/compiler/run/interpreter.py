"""Runs a program line by line, if it is too long to be compiled as one function; and stores results."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from tinygrad_edu.compiler.program import DRAW, MATH, PYTHON, Line, Program, Returned, Var, mapped
from tinygrad_edu.compiler.record import scalars
from tinygrad_edu.compiler.sources import Argument, ArgumentGradient, Attribute, Data, Gradient, Setting
from tinygrad_edu.graph.node import Node
from tinygrad_edu.tensor import Tensor, constant
from tinygrad_edu.value import Value


def one_by_one(program: Program, arguments: Sequence[Argument], leaves: Sequence[Any]) -> Any:
    """Run each line, store what the program writes, and return what the function returned."""
    values = evaluated(program, arguments, leaves)
    left = [(source, var, None if var is None else copied(values[var])) for source, var in program.writes]
    result = delivered(program.result, values)
    commit(left, leaves)
    return result


def _unchanged(line: Line, args: Sequence[Any], y: Any) -> Any:
    return y


def evaluated(
    program: Program,
    arguments: Sequence[Argument],
    leaves: Sequence[Any],
    changed: Callable[[Line, Sequence[Any], Any], Any] = _unchanged,
) -> dict[Var, Any]:
    """The value of every variable, line by line; ``changed`` is called on what each line gives."""
    return computed(
        program, {var: fetched(source, arguments, leaves) for var, source in program.inputs.items()}, changed
    )


def computed(
    program: Program, given: Mapping[Var, Any], changed: Callable[[Line, Sequence[Any], Any], Any] = _unchanged
) -> dict[Var, Any]:
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
        values[line.out] = changed(line, args, y)
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
    if isinstance(source, Argument):
        x = leaves[arguments.index(source)]
        return x.raw if isinstance(x, Node) else x
    if isinstance(source, Data):
        return source.leaf.raw
    if isinstance(source, Setting):
        return source.value
    return source.get() if isinstance(source, Attribute) else source.leaf.grad


def copied(x: Any) -> Any:
    """The value, in its own memory."""
    return x.copy() if isinstance(x, np.ndarray) else x


def delivered(tree: Any, values: dict[Var, Any]) -> Any:
    """The result as the function would have returned it."""
    if isinstance(tree, Returned):
        x = copied(values[tree.var])
        return constant(x) if tree.kind == "Tensor" else Value(x) if tree.kind == "Value" else x
    if isinstance(tree, tuple | list):
        return type(tree)([delivered(part, values) for part in tree])
    if isinstance(tree, dict):
        return {key: delivered(part, values) for key, part in tree.items()}
    return tree
