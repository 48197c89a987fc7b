"""What is measured of the labs and the views: epochs, `fit` itself, Rosenbrock, the homework's nets, a trace."""

from contextlib import nullcontext
from functools import partial
from statistics import median
from time import perf_counter, process_time

from . import epochs, moons
from .claims import COMPILED, OWN, TORCH, at_most, cells
from .classifiers import mnist_shaped
from .report import Bar, Row, duration
from .timing import Effort, Timing, race

EPOCH = f"An epoch of {epochs.PICTURES // epochs.BATCH:,} steps: 784-30-10, sigmoid, batch 10, float32"
LABS = "Labs"
DOCTOR = "A training run alone, and watched by the doctor"
GPT = "A training step of the published GPT"
VIEWS = "A trace beside the backward pass"

LOOP, FIT = f"{OWN}, loop", f"{OWN}, fit"
COMPILED_LOOP, COMPILED_FIT = f"{COMPILED} loop", f"{COMPILED} fit"
OVERHEAD = 1.05
WATCHED, WATCHED_STEPS, WATCHED_ROWS = f"{OWN}, doctor", 1000, 6400
WALK_SECONDS, HOMEWORK_SECONDS = 10, 180
HOMEWORK_EPOCHS = 30
GPT_STEPS = 6
TRACED = 160  # points of the moons demo: a graph of 100,000 nodes


def epoch(optimizer: str, limit: float, effort: Effort) -> list[Row]:
    """An epoch with `fit`, in a loop by hand and in PyTorch."""
    task = epochs.homework()
    programs = {
        TORCH: epochs.torch_eager,
        LOOP: epochs.by_loop,
        FIT: epochs.by_fit,
        COMPILED_LOOP: epochs.by_compiled_loop,
        COMPILED_FIT: partial(epochs.by_fit, compiled=True),
    }
    steps = {name: partial(program, task, optimizer) for name, program in programs.items()}
    timing = race(steps, seconds=effort.seconds, least=effort.rounds)
    bars = (
        at_most(limit, TORCH, timing, COMPILED_FIT),
        at_most(OVERHEAD, LOOP, timing, FIT),
        at_most(OVERHEAD, COMPILED_LOOP, timing, COMPILED_FIT),
    )
    return [Row(EPOCH, optimizer, cells(timing, TORCH), bars)]


def watched(effort: Effort) -> list[Row]:
    """A run of a thousand steps with Adam, alone and under `train.doctor`."""
    from tinygrad_edu import nn, optim, train

    task = mnist_shaped((784, 128, 10), WATCHED_ROWS)

    def run(doctor: bool) -> None:
        net = nn.MLP(784, [128, 10], rng=0, dtype=task.X.dtype)
        optimizer = optim.Adam(net.parameters(), lr=0.001)
        with train.doctor(net, optimizer) if doctor else nullcontext():
            for i in range(WATCHED_STEPS):
                rows = slice(i * 64 % WATCHED_ROWS, i * 64 % WATCHED_ROWS + 64)
                loss = nn.functional.cross_entropy(net(task.X[rows]), task.y[rows])
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()

    timing = race({OWN: partial(run, False), WATCHED: partial(run, True)}, seconds=effort.seconds, least=effort.rounds)
    bar = at_most(OVERHEAD, OWN, timing, WATCHED)
    return [Row(DOCTOR, f"784-128-10, Adam, batch 64, {WATCHED_STEPS:,} steps", cells(timing, OWN), (bar,))]


def walks(effort: Effort) -> list[Row]:
    """Rosenbrock by plain descent, momentum and Adam, 100,000 steps each."""
    from demos import rosenbrock

    ways = [rosenbrock.WAYS[name] for name in ("descent, 1e-4", "momentum 0.9, 1e-4", "Adam, 1e-3")]
    seconds = []
    for _ in range(effort.rounds):
        start = process_time()
        for way in ways:
            rosenbrock.walk(way, rosenbrock.STEPS)
        seconds.append(process_time() - start)
    steps = len(ways) * rosenbrock.STEPS
    bar = Bar("processor time", seconds, WALK_SECONDS, unit="s")
    return [Row(LABS, f"Rosenbrock, {steps:,} steps", {OWN: duration(median(seconds))}, (bar,))]


def homework(effort: Effort) -> list[Row]:
    """The thirteen MNIST runs, as many at a time as there are processors: the time on the wall.

    In a quick look an epoch each, and without the bar, which is for all thirty.
    """
    from demos import mnist
    from tinygrad_edu.data import DataNotFoundError

    label = f"MNIST, {len(mnist.SETTINGS)} runs of {effort.homework} epochs side by side"
    start = perf_counter()
    try:
        mnist.train_all(epochs=effort.homework)
    except DataNotFoundError:
        return [Row(LABS, label, {OWN: "not measured: no MNIST here"})]
    seconds = perf_counter() - start
    bars = (Bar("time on the wall", [seconds], HOMEWORK_SECONDS, unit="s"),)
    return [Row(LABS, label, {OWN: duration(seconds)}, bars if effort.homework == HOMEWORK_EPOCHS else ())]


def gpt(effort: Effort) -> list[Row]:
    """A step of the small GPT in each way, beside the plain scalar class, each in a process of its own."""
    from demos import _gpt_runs
    from tinygrad_edu.data import DataNotFoundError

    label = "GPT of 4,192 weights, one name per step"
    try:
        _gpt_runs.shuffled()
    except DataNotFoundError:
        return [Row(LABS, label, {OWN: "not measured: no names here"})]
    timing = Timing({way: [] for way in _gpt_runs.WAYS})
    for _ in range(effort.rounds):
        for way, rounds in timing.rounds.items():
            rounds.append(_gpt_runs.fresh_seconds_a_step(way, steps=GPT_STEPS))
    bars = tuple(at_most(limit, _gpt_runs.PLAIN_WAY, timing, way) for way, limit in _gpt_runs.BARS.items())
    return [Row(GPT, label, cells(timing, _gpt_runs.PLAIN_WAY), bars)]


def views(effort: Effort) -> list[Row]:
    """Every step of a scalar net's forward and backward pass as plain data."""
    import viz
    from tinygrad_edu import Value
    from tinygrad_edu.graph.node import topological_order

    loss = moons.Scalars(Value, *moons.points(TRACED)).loss()
    nodes = len(topological_order(loss))
    backward, traced = "backward pass", "viz.trace"
    timing = race(
        {backward: loss.backward, traced: partial(viz.trace, loss)}, seconds=effort.seconds, least=effort.rounds
    )
    bars = (at_most(3, backward, timing, traced),)
    return [Row(VIEWS, f"{nodes:,} Values", cells(timing, backward), bars)]
