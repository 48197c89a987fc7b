"""Random programs on Values and on Tensors, as Hypothesis strategies: what they give is the root of a graph."""

import numpy as np
from hypothesis import strategies as st

from tinygrad_edu import Tensor, Value
from tinygrad_edu.dot import shared_inputs, weighted_sums
from tinygrad_edu.errors import ShapeError
from tinygrad_edu.operations.elementwise import TABLE

_NUMBERS = st.floats(-3, 3).map(lambda x: round(x, 3))


@st.composite
def value_graphs(draw, names=tuple(TABLE), most=12):
    """The root of a graph of Values; any row of the table may be in it, and any node may be used again."""
    nodes = [Value(draw(_NUMBERS), f"x{i}") for i in range(draw(st.integers(1, 3)))]
    for _ in range(draw(st.integers(1, most))):
        row = TABLE[draw(st.sampled_from(names))]
        operands = [draw(st.sampled_from(nodes)) for _ in row.gx_texts]
        if len(operands) == 2 and draw(st.integers(0, 5)) == 0:
            operands[1] = draw(_NUMBERS)
        nodes.append(row(*operands, **row.defaults))
    return nodes[-1] if nodes[-1].inputs else nodes[-1] * nodes[0]


@st.composite
def weighted_sum_graphs(draw, most=8):
    """The root of a graph of weighted sums that have operands in common, as those of a network's layers have."""
    nodes = [Value(draw(_NUMBERS), f"x{i}") for i in range(3)] + [Value(1.0) * draw(_NUMBERS)]
    shared = []
    for _ in range(draw(st.integers(1, most))):
        some = st.sampled_from(nodes)
        shared += [shared_inputs([draw(some), draw(some), draw(_NUMBERS)], bias=draw(some))]
        shared += [shared_inputs([draw(some) for _ in range(3)], bias=draw(_NUMBERS))]
        weights, inputs = draw(st.sampled_from(shared)), draw(st.sampled_from(shared))
        nodes += weighted_sums([weights, draw(st.sampled_from(shared))], inputs)
        nodes[-2:] = [nodes[-2].relu(), nodes[-1] * draw(some)]
    return nodes[-1]


_SHAPES = [(), (3,), (1, 3), (2, 1), (2, 3), (3, 2)]
_STEPS = {
    **{
        name: lambda a, b, name=name: getattr(a, name)() for name in ("tanh", "exp", "relu", "square", "sin", "sigmoid")
    },
    "+": lambda a, b: a + b,
    "-": lambda a, b: a - b,
    "*": lambda a, b: a * b,
    "maximum": lambda a, b: a.maximum(b),
    "scaled": lambda a, b: 0.5 * a,
    "@": lambda a, b: a @ b,
    "sum": lambda a, b: a.sum(axis=-1),
    "mean": lambda a, b: a.mean(axis=0, keepdims=True),
    "max": lambda a, b: a.max(axis=-1),
    "softmax": lambda a, b: a.softmax(axis=-1),
    "T": lambda a, b: a.T,
    "ravel": lambda a, b: a.reshape(-1),
    "row": lambda a, b: a[0],
    "picked": lambda a, b: a[[0, 0, 1]],
    "concatenate": lambda a, b: np.concatenate([a, b, a]),
    "cumsum": lambda a, b: a.cumsum(axis=0),
}


@st.composite
def tensor_graphs(draw, most=8):
    """A Tensor of one element, computed from small arrays of mixed shapes; steps that do not fit are left out."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    dtype = draw(st.sampled_from([np.float64, np.float32]))
    shapes = draw(st.lists(st.sampled_from(_SHAPES), min_size=1, max_size=3))
    nodes = [Tensor(rng.standard_normal(s).astype(dtype), label=f"x{i}") for i, s in enumerate(shapes)]
    for step in draw(st.lists(st.sampled_from(sorted(_STEPS)), min_size=1, max_size=most)):
        a, b = (draw(st.sampled_from(nodes)) for _ in range(2))
        try:
            nodes.append(_STEPS[step](a, b))
        except (ShapeError, IndexError, ValueError):
            continue
    return (nodes[-1] * nodes[-1]).sum() + nodes[-1].mean()
