"""Single operations on arrays beside the same in NumPy or PyTorch, and updates of scalars beside a plain class."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from .claims import HAND, OWN, TORCH, at_most, cells
from .report import Row
from .timing import Effort, Step, race

OPERATIONS = "One operation, float32"
UPDATES = "An update of single numbers: p.data -= rate * p.grad; p.grad = 0"
PRODUCT, BACKWARD, LIKE_PYTORCH, UPDATE = 1.2, 1.3, 5, 1.2  # how many times the peer's time each may take
WEIGHTS = 4192  # as many as the published GPT has
PLAIN, VALUE = "plain class", "Value"


class Race(NamedTuple):
    """An operation here and elsewhere: functions that return what they compute."""

    label: str
    own: Callable[[], Any]
    peer: Callable[[], Any]
    beside: str = HAND
    limit: float = PRODUCT


def _arrays(*shapes: tuple[int, ...]) -> list[np.ndarray]:
    rng = np.random.default_rng(0)
    return [rng.standard_normal(shape).astype(np.float32) for shape in shapes]


def products() -> list[Race]:
    """Products of arrays with more than two axes, forward and backward."""
    from tinygrad_edu import Tensor, nn

    x, w, g = _arrays((32, 16, 64), (64, 192), (32, 16, 192))
    X, W = Tensor(x), Tensor(w)
    y = X @ W
    flat, flat_g = x.reshape(-1, 64), g.reshape(-1, 192)

    def backward() -> tuple[Any, Any]:
        X.grad = W.grad = None
        y.backward(g)
        return X.grad, W.grad

    layer = nn.Linear(64, 192, rng=0).astype(np.float32)
    weight, bias = layer.weight.numpy(), layer.bias.numpy()
    a, b = _arrays((8, 1, 64, 32), (4, 32, 48))
    A, B = Tensor(a), Tensor(b)
    p, q = _arrays((256, 256), (256, 256))
    P, Q = Tensor(p), Tensor(q)
    return [
        Race("(32, 16, 64) @ (64, 192)", lambda: X @ W, lambda: x @ w),
        Race(
            "its backward pass, beside two flattened products",
            backward,
            lambda: ((flat_g @ w.T).reshape(x.shape), flat.T @ flat_g),
            limit=BACKWARD,
        ),
        Race("nn.Linear(64, 192) of (32, 16, 64)", lambda: layer(X), lambda: x @ weight + bias),
        Race("(8, 1, 64, 32) @ (4, 32, 48)", lambda: A @ B, lambda: a @ b),
        Race(
            "einsum('ij,jk->ik') of 256 × 256, beside optimize=True",
            lambda: np.einsum("ij,jk->ik", P, Q),
            lambda: np.einsum("ij,jk->ik", p, q, optimize=True),
        ),
    ]


def functions() -> list[Race]:
    """Functions of each entry that are slow where they are computed one by one."""
    import torch

    from tinygrad_edu import Tensor, nn

    torch.set_num_threads(1)
    (x,) = _arrays((512, 256))
    X, theirs = Tensor(x), torch.tensor(x, requires_grad=True)
    gelu = torch.nn.functional.gelu
    return [
        Race("erf of 512 × 256", X.erf, lambda: torch.erf(theirs), TORCH, LIKE_PYTORCH),
        Race("GELU of 512 × 256", lambda: nn.functional.gelu(X), lambda: gelu(theirs), TORCH, LIKE_PYTORCH),
        Race("x**3 of 512 × 256", lambda: X**3, lambda: theirs**3, TORCH, LIKE_PYTORCH),
    ]


def races(made: Callable[[], list[Race]], effort: Effort) -> list[Row]:
    """Each operation beside its peer."""
    rows = []
    for label, own, peer, beside, limit in made():
        timing = race({beside: peer, OWN: own}, seconds=effort.seconds / 4, least=effort.rounds)
        rows.append(Row(OPERATIONS, label, cells(timing, beside), (at_most(limit, beside, timing),)))
    return rows


def update(number: Callable[[float], Any]) -> Step:
    """Change every parameter by hand, as lectures do."""
    parameters = [number(0.5) for _ in range(WEIGHTS)]

    def step() -> None:
        for p in parameters:
            p.data -= 0.1 * p.grad
            p.grad = 0

    return step


def updates(effort: Effort) -> list[Row]:
    """Parameters of one number each, of the plain class and of this project."""
    from demos._plain_value import PlainValue
    from tinygrad_edu import Value

    timing = race({PLAIN: update(PlainValue), VALUE: update(Value)}, seconds=effort.seconds / 4, least=effort.rounds)
    bar = at_most(UPDATE, PLAIN, timing, VALUE)
    return [Row(UPDATES, f"{WEIGHTS:,} parameters", cells(timing, PLAIN), (bar,))]
