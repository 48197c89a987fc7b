"""Random programs on arrays, forward and backward, in JavaScript and in Python."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.random_programs import _SHAPES, _STEPS
from tinygrad_edu import Tensor
from tinygrad_edu import compile as compile_
from tinygrad_edu.errors import ShapeError
from tinygrad_edu.javascript.library import arrays

PROGRAMS = 50


@st.composite
def programs(draw, most=8):
    """The shapes of the arrays, and steps: the name of a step and the places of its operands among what is there."""
    shapes = draw(st.lists(st.sampled_from(_SHAPES), min_size=1, max_size=3))
    place = st.integers(0, 20)
    steps = draw(st.lists(st.tuples(st.sampled_from(sorted(_STEPS)), place, place), min_size=1, max_size=most))
    return shapes, steps, draw(st.integers(0, 2**32 - 1))


def function_of(steps):
    """What a program computes: a loss and the gradients of its arrays. Steps that do not fit are left out."""

    def program(*given):
        leaves = [Tensor(x) for x in given]
        nodes = [*leaves]
        for name, i, j in steps:
            a, b = nodes[i % len(nodes)], nodes[j % len(nodes)]
            try:
                nodes.append(_STEPS[name](a, b))
            except (ShapeError, IndexError, ValueError):
                continue
        loss = (nodes[-1] * nodes[-1]).sum() + sum((x * x).mean() for x in leaves)
        loss.backward()
        return [loss, *[leaf.grad for leaf in leaves]]

    return program


def test_random_programs_agree(node):
    blocks, expected = [], []

    @settings(max_examples=PROGRAMS)
    @given(programs())
    def collect(program):
        shapes, steps, seed = program
        rng = np.random.default_rng(seed)
        given_arrays = [rng.standard_normal(shape) for shape in shapes]
        compiled = compile_(function_of(steps))
        with np.errstate(all="ignore"):
            results = compiled(*given_arrays)
        script = compiled.script
        texts = [f"np.array({x.ravel().tolist()}, {list(x.shape)})" for x in given_arrays]
        call = f"{script.function_name}(initialState(), {', '.join(texts)})"
        blocks.append(f"() => {{ {script.functions()}\nreturn {call}; }}")
        expected.append([np.asarray(x.data if isinstance(x, Tensor) else x).ravel() for x in results])

    collect()
    main = f"const main = () => [{', '.join(blocks)}].map((f) => f().map((x) => [...(x.data ?? [x])]));"
    for found, there in zip(node(arrays() + main), expected, strict=True):
        for numbers, array in zip(found, there, strict=True):
            np.testing.assert_allclose(np.asarray(numbers, float), array, 1e-9, 1e-12)
