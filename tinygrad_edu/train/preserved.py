"""Keep the state of a model and an optimizer, including random generators, and restore it."""

import contextlib
from collections.abc import Iterator
from typing import Any

import numpy as np


def generators_of(model: Any) -> dict[str, np.random.Generator]:
    """The random generators that the model's modules draw from, by module and attribute."""
    return {
        f"{name}.{attribute}": value
        for name, module in model.named_modules()
        for attribute, value in vars(module).items()
        if isinstance(value, np.random.Generator)
    }


@contextlib.contextmanager
def preserved(model: Any, optimizer: Any) -> Iterator[None]:
    """Within it, anything may happen to the two. Afterwards they are the same as before, bit for bit."""
    weights, settings = model.state_dict(), optimizer.state_dict()
    gradients = [(p, p.grad) for p in model.parameters()]
    modes = [(module, module.training) for _, module in model.named_modules()]
    states = [(generator, generator.bit_generator.state) for generator in generators_of(model).values()]
    try:
        yield
    finally:
        model.load_state_dict(weights)
        optimizer.load_state_dict(settings)
        for p, grad in gradients:
            p.grad = grad
        for module, training in modes:
            module.training = training
        for generator, state in states:
            generator.bit_generator.state = state
