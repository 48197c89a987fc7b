"""Rosenbrock's valley: gradient descent, momentum and Adam, the homework's end points reproduced to every digit.

From (-4, -2), 100,000 steps down f(x, y) = (1 - x)² + 100 (y - x²)², whose minimum (1, 1) is in a long curved valley.
Descent and momentum use the gradient that the engine derives. The homework's Adam has its own update and a
gradient that was derived by hand. Here both are written as in the homework: a custom optimizer and a custom operation.
The same optimizer then walks with the engine's gradient: the two gradients differ in their last digits only, and a
picture shows how that difference grows. With --seed the walk begins at a point drawn from the square from -2 to 2.
"""

import math
from collections.abc import Callable
from functools import partial
from typing import Annotated, Any, ClassVar, NamedTuple

import numpy as np

import tinygrad_edu
from demos._comparison import Comparison
from demos._options import Out
from demos._pictures import Folder
from demos._training import progress
from tinygrad_edu import Value, operation, optim
from viz import plot_log_error, plot_trajectories

START = (-4.0, -2.0)
REACH = 2.0  # of another start: from -2 to 2 in x and y
STEPS = 100_000
EVERY, FIRST = 20, 500  # a picture shows every twentieth step, and all of the first, which are long

Quick = Annotated[bool, "walk with Adam at the rate 1e-2 alone"]
StartSeed = Annotated[int, f"seed of a random start point; 0 is the homework's own, {START}"]
Make = Callable[[list[Value]], optim.Optimizer]
Function = Callable[[Any, Any], Any]


def rosenbrock(x: Any, y: Any) -> Any:
    """f(x, y) = (1 - x)² + 100 (y - x²)²."""
    return (1 - x) ** 2 + 100 * (y - x**2) ** 2


def gradient(gy: Any, f: Any, x: Any, y: Any) -> tuple[Any, Any]:
    """∂f/∂x and ∂f/∂y times ``gy``, computed in the order in which the homework wrote them."""
    return gy * (-2 * (1 - x) - 400 * x * (y - x**2)), gy * (200 * (y - x**2))


by_hand = operation(rosenbrock, gradient, name="rosenbrock")


class HomeworkAdam(optim.Optimizer):
    """Adam as the homework has it: epsilon is inside of the root.

    ::

        v  ← gamma · v + (1 − gamma) · g              mean of the gradients
        g2 ← beta · g2 + (1 − beta) · g · g           of their squares
        p  ← p − lr · v̂ / √(ĝ2 + eps)                 v̂ = v / (1 − gammaᵗ), ĝ2 = g2 / (1 − betaᵗ)
    """

    hyperparameters: ClassVar[tuple[str, ...]] = ("lr", "gamma", "beta", "eps")
    entries: ClassVar[tuple[str, ...]] = ("step", "v", "g2")

    def __init__(self, params: list[Value], lr: float, gamma: float = 0.9, beta: float = 0.99) -> None:
        super().__init__(params, lr)
        self.gamma, self.beta, self.eps = gamma, beta, 1e-8

    def update(self, p: Any, g: Any, state: dict[str, Any]) -> Any:
        """One step of one parameter."""
        step = state["step"] = state.get("step", 0) + 1
        v = state["v"] = self.gamma * state.get("v", 0.0) + (1 - self.gamma) * g
        g2 = state["g2"] = self.beta * state.get("g2", 0.0) + (1 - self.beta) * g * g
        v_hat, g2_hat = v / (1 - self.gamma**step), g2 / (1 - self.beta**step)
        return p - self.lr * (v_hat / (g2_hat + self.eps) ** 0.5)


class Way(NamedTuple):
    """How to walk: an optimizer, and the function with its gradient."""

    make: Make
    function: Function = rosenbrock


ADAM_RATES = ("1e-4", "1e-3", "1e-2")
WAYS = {
    "descent, 1e-4": Way(partial(optim.SGD, lr=1e-4)),
    "momentum 0.9, 1e-4": Way(partial(optim.SGD, lr=1e-4, momentum=0.9)),
    "momentum 0.9, 1e-3": Way(partial(optim.SGD, lr=1e-3, momentum=0.9)),
    **{f"Adam, {rate}": Way(partial(HomeworkAdam, lr=float(rate)), by_hand) for rate in ADAM_RATES},
    **{f"Adam, {rate}, engine's gradient": Way(partial(HomeworkAdam, lr=float(rate))) for rate in ADAM_RATES},
}
# The homework's f, x and y at the end, as far as it gives them.
PUBLISHED = {
    "descent, 1e-4": ("3.216465854863436e-05", "0.99433318", "0.98867571"),
    "momentum 0.9, 1e-4": ("2.0850579801122868e-26",),
    "momentum 0.9, 1e-3": ("nan",),
    "Adam, 1e-4": ("2.4411637529060323e-08", "0.99999479", "1.00000519"),
    "Adam, 1e-3": ("3.1256313541136063e-07", "1.00001807", "0.99998026"),
    "Adam, 1e-2": ("9.230096545900223e-06", "1.00005344", "0.99980312"),
}
ON_ROUNDING = """
The two gradients of Adam are the same formula, but their operations have another order. Each operation rounds its
result to 53 bits, so after a while the two walks are about 10⁻¹⁶ apart. Near the bottom of the valley, Adam does not
settle: it jumps back and forth, by about the learning rate. There the difference grows with every jump. Within a few
hundred steps, the two walks are as far apart as the jumps are long. f is small for both, but its digits depend on every
rounding: they are only reproduced if every operation is done in the same order.
"""


class Walk(NamedTuple):
    """A run: where it ended, the points at every twentieth step with their heights, and the path for a picture."""

    x: float
    y: float
    f: float
    points: Any
    heights: Any
    path: Any


def run(*, quick: Quick = False, seed: StartSeed = 0, out: Out = "out") -> Comparison:
    """Walk, print published and measured end points side by side, and write the pictures."""
    folder = Folder(out)
    start = start_point(seed)
    ways = {name: way for name, way in WAYS.items() if not (quick and name.startswith(("Adam, 1e-4", "Adam, 1e-3")))}
    print(f"Rosenbrock: {STEPS:,} steps from ({start[0]:.4g}, {start[1]:.4g}) in each of {len(ways)} ways.")
    walks = {name: walk(way, STEPS, start) for name, way in ways.items()}
    for name, end in walks.items():
        remark = "  overflowed: the rate is too high for momentum here" if math.isnan(end.f) else ""
        print(f"{name:<31} f = {end.f:<25} at ({end.x:.8f}, {end.y:.8f}){remark}")
    table = compare(walks) if start == START else Comparison()
    print(table if table.rows else f"The published figures are for the start {START}.")
    print(ON_ROUNDING)
    _pictures(folder, walks)
    _rounding_picture(folder, walks)
    return table


def start_point(seed: int) -> tuple[float, float]:
    """The homework's start for 0, and one drawn at random for any other seed."""
    x, y = np.random.default_rng(seed).uniform(-REACH, REACH, 2).tolist() if seed else START
    return x, y


def walk(way: Way, steps: int = STEPS, start: tuple[float, float] = START) -> Walk:
    """Take the steps; each is compiled to straight-line Python."""
    x, y = (Value(number, label) for number, label in zip(start, "xy", strict=True))
    optimizer = way.make([x, y])

    @tinygrad_edu.compile
    def step() -> Value:
        height = way.function(x, y)
        optimizer.zero_grad()
        height.backward()
        optimizer.step()
        return height

    points, path = [], []
    for i in progress(steps, "Rosenbrock"):
        here = x.data, y.data
        if i % EVERY == 0:
            points.append(here)
        if i % EVERY == 0 or i < FIRST:
            path.append(here)
        step()
    heights = [_height(*point) for point in points]
    return Walk(x.data, y.data, _height(x.data, y.data), np.array(points), np.array(heights), np.array(path))


def _height(x: float, y: float) -> float:
    return float(rosenbrock(np.float64(x), np.float64(y)))


def compare(walks: dict[str, Walk]) -> Comparison:
    """The published figures, and those of the walks."""
    table = Comparison("figure")
    for name, figures in PUBLISHED.items():
        if end := walks.get(name):
            for what, published in zip("fxy", figures, strict=False):
                table.add(f"{name}: {what}", published, getattr(end, what))
    for name, figures in PUBLISHED.items():
        if end := walks.get(f"{name}, engine's gradient"):
            for what, published in zip("xy", figures[1:], strict=True):
                table.add(f"{name}, engine's gradient: {what}", published, getattr(end, what), within=1e-3)
    return table


def _pictures(folder: Folder, walks: dict[str, Walk]) -> None:
    shown = {name: end for name, end in walks.items() if not math.isnan(end.f) and "engine" not in name}
    paths = {name: end.path for name, end in shown.items()}
    limits = {"xlim": (-5.0, 5.0), "ylim": (-5.0, 20.0), "minimum": (1.0, 1.0)}
    title = "Rosenbrock's valley"
    folder.draw("rosenbrock_paths.png", plot_trajectories, rosenbrock, paths, title=title, **limits)
    errors = {name: end.heights for name, end in shown.items()}
    title = "How fast the error falls"
    folder.draw("rosenbrock_error.png", plot_log_error, errors, every=EVERY, label="f(x, y)", title=title)


def _rounding_picture(folder: Folder, walks: dict[str, Walk]) -> None:
    """How far apart the walks with the two gradients are."""
    distances = {}
    for name in (f"Adam, {rate}" for rate in ADAM_RATES):
        if name in walks:
            distances[name] = np.linalg.norm(walks[name].points - walks[f"{name}, engine's gradient"].points, axis=1)
    if not any(column.any() for column in distances.values()):
        print("In so few steps, the two gradients of Adam led to the same points.")
        return
    title = "One formula, two orders of rounding"
    label = "distance of the two walks"
    folder.draw("rosenbrock_rounding.png", plot_log_error, distances, every=EVERY, label=label, title=title)
