"""The ways to compute a function of arrays and its gradients."""

import builtins
import inspect

import numpy as np

import tinygrad_edu
from tinygrad_edu import Tensor

CALLS = 3  # of a compiled function: recorded, checked, replayed


def eager(function, xs, weights=None):
    """``y`` and the gradient of Σ weights · y to each input, by Tensors. Without ``y`` that needs a gradient: None."""
    leaves = [Tensor(x, requires_grad=x.dtype.kind == "f") for x in xs]
    with np.errstate(all="ignore"):
        y = function(*leaves)
        if isinstance(y, Tensor) and y.requires_grad:
            y.backward(_ones(y) if weights is None else weights)
    return [y, *(leaf.grad for leaf in leaves)]


def _ones(y):
    return np.ones(y.shape, y.dtype)


def recorded(function, xs, weights):
    """What `eager` gives, by a backward pass that is a graph itself."""
    leaves = [Tensor(x, requires_grad=x.dtype.kind == "f") for x in xs]
    with np.errstate(all="ignore"):
        y = function(*leaves)
        y.backward(weights, create_graph=True)
    return [y, *(leaf.grad for leaf in leaves)]


def step_of(function, weights):
    """A function of arrays that returns what `eager` gives: what `compile` is given."""

    def step(*xs):
        leaves = [Tensor(x, requires_grad=x.dtype.kind == "f") for x in xs]
        y = function(*leaves)
        if isinstance(y, Tensor) and y.requires_grad:
            y.backward(weights)
        return [y, *(leaf.grad for leaf in leaves)]

    return step


def compiled_and_printed(step, calls):
    """Call the compiled ``step`` on each tuple of ``calls``, and run the printed source on the last.

    Returns the results of all calls in order, with that of the source as the last.
    """
    compiled = tinygrad_edu.compile(step)
    with np.errstate(all="ignore"):
        results = [compiled(*xs) for xs in calls]
        scope = {}
        exec(builtins.compile(compiled.source, "<printed source>", "exec"), scope)  # noqa: S102 the text that is tested
        return [*results, _called(scope[step.__name__], step, calls[-1])]


def _called(printed, step, xs):
    """Call the printed function, which has the arguments of ``step`` that it reads; *xs are x_0, x_1, …"""
    names = list(inspect.signature(step).parameters)
    if inspect.signature(step).parameters[names[0]].kind is inspect.Parameter.VAR_POSITIONAL:
        names = [f"{names[0]}_{i}" for i in range(len(xs))]
    given = dict(zip(names, xs, strict=True))
    return printed(*[given[name] for name in inspect.signature(printed).parameters])
