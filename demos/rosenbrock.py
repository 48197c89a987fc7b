"""Rosenbrock's valley: gradient descent, momentum and Adam, the homework's end points reproduced to every digit.

From (-4, -2), 100,000 steps down f(x, y) = (1 - x)² + 100 (y - x²)², whose minimum (1, 1) lies in a long curved valley.
The gradients are the engine's own, through a graph of Values; the step is compiled to straight-line Python. With
--seed the walk begins at a point drawn from the square from -2 to 2.
"""

import math
from collections.abc import Callable
from typing import Annotated, Any, NamedTuple

import numpy as np

import tinygrad_edu
from demos._comparison import Comparison
from demos._options import Out
from demos._pictures import Folder, drawn
from demos._training import progress
from tinygrad_edu import Value, optim
from viz.plots.landscape import plot_log_error, plot_trajectories

START = (-4.0, -2.0)
REACH = 2.0  # of another start: from -2 to 2 in x and y
STEPS = 100_000
EVERY, FIRST = 20, 500  # a picture shows every twentieth step, and all of the first, which are long

Quick = Annotated[bool, "leave out the runs with Adam"]
StartSeed = Annotated[int, f"seed of a random start point; 0 is the homework's own, {START}"]
Make = Callable[[list[Value]], optim.Optimizer]
RUNS: dict[str, Make] = {
    "descent, 1e-4": lambda params: optim.SGD(params, lr=1e-4),
    "momentum 0.9, 1e-4": lambda params: optim.SGD(params, lr=1e-4, momentum=0.9),
    "momentum 0.9, 1e-3": lambda params: optim.SGD(params, lr=1e-3, momentum=0.9),
    "Adam, 1e-4": lambda params: optim.Adam(params, lr=1e-4, betas=(0.9, 0.99)),
    "Adam, 1e-3": lambda params: optim.Adam(params, lr=1e-3, betas=(0.9, 0.99)),
    "Adam, 1e-2": lambda params: optim.Adam(params, lr=1e-2, betas=(0.9, 0.99)),
}


class Walk(NamedTuple):
    """A run: where it ended, and points and heights on the way."""

    x: float
    y: float
    f: float
    path: Any
    heights: Any


def run(*, quick: Quick = False, seed: StartSeed = 0, out: Out = "out") -> Comparison:
    """Walk, print published and measured end points beside each other, and write the pictures."""
    folder = Folder(out)
    start = start_point(seed)
    runs = {name: make for name, make in RUNS.items() if not (quick and "Adam" in name)}
    print(f"Rosenbrock: {STEPS:,} steps from ({start[0]:.4g}, {start[1]:.4g}) by each of {len(runs)} optimizers.")
    walks = {name: walk(make, STEPS, start) for name, make in runs.items()}
    for name, end in walks.items():
        remark = "  overflowed: the rate is too high for momentum here" if math.isnan(end.f) else ""
        print(f"{name:<20} f = {end.f:<25} at ({end.x:.8f}, {end.y:.8f}){remark}")
    table = compare(walks) if start == START else Comparison()
    print(table if table.rows else f"The published figures are for the start {START}.")
    _pictures(folder, walks)
    return table


def start_point(seed: int) -> tuple[float, float]:
    """The homework's start for 0, and one drawn at random for any other seed."""
    x, y = np.random.default_rng(seed).uniform(-REACH, REACH, 2).tolist() if seed else START
    return x, y


def rosenbrock(x: Any, y: Any) -> Any:
    """f(x, y) = (1 - x)² + 100 (y - x²)²."""
    return (1 - x) ** 2 + 100 * (y - x**2) ** 2


def walk(make: Make, steps: int = STEPS, start: tuple[float, float] = START) -> Walk:
    """Take the steps with the optimizer that ``make`` gives for the two parameters."""
    x, y = (Value(number, label) for number, label in zip(start, "xy", strict=True))
    optimizer = make([x, y])

    @tinygrad_edu.compile
    def step() -> Value:
        height = rosenbrock(x, y)
        optimizer.zero_grad()
        height.backward()
        optimizer.step()
        return height

    points, heights = [], []
    for i in progress(steps, "Rosenbrock"):
        if i % EVERY == 0:
            heights.append(_height(x.data, y.data))
        if i % EVERY == 0 or i < FIRST:
            points.append((x.data, y.data))
        step()
    return Walk(x.data, y.data, _height(x.data, y.data), np.array(points), np.array(heights))


def _height(x: float, y: float) -> float:
    return float(rosenbrock(np.float64(x), np.float64(y)))


def compare(walks: dict[str, Walk]) -> Comparison:
    """The published figures beside those of the walks."""
    table = Comparison("figure")
    descent, momentum, diverged = list(walks.values())[:3]
    table.add("descent, 1e-4: f", "3.216465854863436e-05", descent.f)
    table.add("descent, 1e-4: x", "0.99433318", descent.x)
    table.add("descent, 1e-4: y", "0.98867571", descent.y)
    table.add("momentum 0.9, 1e-4: f", "2.0850579801122868e-26", momentum.f)
    table.add("momentum 0.9, 1e-3: f", "nan", diverged.f)
    for name, end in list(walks.items())[3:]:
        table.add(f"{name}: x", "1.0", end.x, within=1e-3)
        table.add(f"{name}: y", "1.0", end.y, within=1e-3)
    return table


def _pictures(folder: Folder, walks: dict[str, Walk]) -> None:
    shown = {name: end for name, end in walks.items() if not math.isnan(end.f)}
    paths = {name: end.path for name, end in shown.items()}
    limits = {"xlim": (-5.0, 5.0), "ylim": (-5.0, 20.0), "minimum": (1.0, 1.0)}
    title = "Rosenbrock's valley"
    trajectories = drawn(plot_trajectories, rosenbrock, paths, title=title, **limits)
    folder.write("rosenbrock_paths.png", trajectories.savefig)
    errors = {name: end.heights for name, end in shown.items()}
    falling = drawn(plot_log_error, errors, every=EVERY, label="f(x, y)", title="How fast the error falls")
    folder.write("rosenbrock_error.png", falling.savefig)
