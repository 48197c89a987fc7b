"""What is measured, and the bars: each workload runs in a process of its own, on one thread."""

import gc
import os
import subprocess
import sys
import tracemalloc
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from statistics import median
from tempfile import TemporaryDirectory
from time import process_time

from . import classifiers, ecosystem_workloads, lab_workloads, moons, networks, operations
from .claims import AUTOGRAD, COMPILED, HAND, JAX, MICROGRAD, MYGRAD, OWN, TORCH, at_most, cells, faster
from .classifiers import Peer, Task
from .report import Bar, Row, duration, figure
from .timing import Effort, Timing, in_fresh_process, race

SCALARS = "One step of micrograd's moons demo, on scalars"
ARRAYS = "One training step, on arrays"
RECORDING = "Recording and writing out a training step: its first compiled call"
IMPORTS = "Import, in a fresh interpreter"
MEMORY = "Peak memory of training: parameters, gradients and one step"
GARBAGE = "Cyclic garbage after 100 steps, collector off"


@dataclass(frozen=True)
class Classifier:
    """A net, its data, the NumPy program written for it, and what is expected beside whom."""

    label: str
    task: Callable[[], Task]
    by_hand: Callable[[Task], Peer]
    bars: Callable[[Timing], tuple[Bar, ...]]
    compiled: dict[str, float]  # how many times each peer's time the compiled step may take


def small_bars(limit: float) -> Callable[[Timing], tuple[Bar, ...]]:
    return lambda timing: (at_most(limit, HAND, timing), faster(2, TORCH, timing), faster(2, MYGRAD, timing))


def large_bars(limit: float) -> Callable[[Timing], tuple[Bar, ...]]:
    return lambda timing: (at_most(limit, HAND, timing), at_most(1, TORCH, timing))


def xor(rows: int, bars: Callable[[Timing], tuple[Bar, ...]], compiled: dict[str, float]) -> Classifier:
    task = partial(classifiers.xor, rows // 4)
    return Classifier(f"XOR, {rows} rows, float64", task, classifiers.numpy_xor, bars, compiled)


def pictures(
    sizes: tuple[int, ...], batch: int, bars: Callable[[Timing], tuple[Bar, ...]], compiled: dict[str, float]
) -> Classifier:
    label = f"{'-'.join(map(str, sizes))}, batch {batch}, float32"
    task = partial(classifiers.mnist_shaped, sizes, batch)
    return Classifier(label, task, classifiers.numpy_layers, bars, compiled)


CLASSIFIERS = {
    "xor-4": xor(4, small_bars(1.5), {HAND: 0.6, JAX: 1, TORCH: 1 / 5}),
    "xor-2000": xor(2000, large_bars(1.05), {HAND: 0.4, JAX: 2}),
    "mnist-30": pictures((784, 30, 10), 10, small_bars(1.35), {HAND: 0.85, JAX: 1, TORCH: 1 / 3}),
    "mnist-100": pictures((784, 100, 10), 64, large_bars(1.25), {HAND: 1}),
    "mnist-deep": pictures((784, 512, 256, 128, 64, 10), 10, large_bars(1.1), {HAND: 0.9}),
}


def classifier(net: Classifier, effort: Effort) -> list[Row]:
    """A training step of every peer."""
    task = net.task()
    peers = {
        HAND: net.by_hand,
        OWN: classifiers.tinygrad_eager,
        COMPILED: classifiers.tinygrad_compiled,
        TORCH: classifiers.torch_eager,
        JAX: classifiers.jax_jit,
        MYGRAD: classifiers.mygrad_eager,
        AUTOGRAD: classifiers.hips_autograd,
    }
    steps = {name: make(task).step for name, make in peers.items()}
    timing = race(steps, seconds=effort.seconds, least=effort.rounds)
    compiled = [at_most(limit, beside, timing, COMPILED) for beside, limit in net.compiled.items()]
    return [Row(ARRAYS, net.label, cells(timing, HAND), (*net.bars(timing), *compiled))]


def recording(effort: Effort) -> list[Row]:
    """What a first call costs beside the step itself: the function recorded, its program written and loaded."""
    task = classifiers.xor(1)
    seconds = []
    for _ in range(3 * effort.rounds):
        step = classifiers.tinygrad_compiled(task).step
        start = process_time()
        step()
        seconds.append(process_time() - start)
    bar = Bar("first call", [1e3 * s for s in seconds], 20, unit="ms")
    return [Row(RECORDING, "XOR, 4 rows", {COMPILED: duration(median(seconds))}, (bar,))]


def scalars(effort: Effort) -> list[Row]:
    """micrograd's moons demo, each program in a process of its own, as its users run it."""
    timing = Timing({name: [] for name in moons.PROGRAMS})
    for _ in range(effort.rounds):
        for name, rounds in timing.rounds.items():
            rounds.append(in_fresh_process(moons.seconds_a_step, name))
    gentle = sys.version_info >= (3, 13)  # the collector, which takes most of micrograd's time
    bars = (
        faster(8 if gentle else 12, MICROGRAD, timing),
        faster(55 if gentle else 80, MICROGRAD, timing, own=moons.DOT),
        faster(1000, MICROGRAD, timing, own=moons.COLUMNS),
    )
    return [Row(SCALARS, "garbage collector on", cells(timing, MICROGRAD), bars)]


def imports(effort: Effort) -> list[Row]:
    """What the import statements cost, each in a fresh interpreter."""
    numpy, package, value = "import numpy", "import tinygrad_edu", "from tinygrad_edu import Value"
    # The package itself loads its array half late, so what a first training step needs is a row of its own.
    training = "from tinygrad_edu import Tensor, nn, optim; nn.MLP, nn.functional, optim.SGD"
    hidden = "import sys; sys.modules['numpy'] = None"
    runs = {numpy: ("", numpy), package: ("", package), training: ("", training), value: (hidden, value)}
    timing = Timing({name: [] for name in runs})
    with TemporaryDirectory() as bytecode:
        for before, statement in runs.values():
            import_seconds(before, statement, bytecode)  # an installed package is compiled already
        for _ in range(3 * effort.rounds):
            for name, (before, statement) in runs.items():
                timing.rounds[name].append(import_seconds(before, statement, bytecode))
    bars = {
        package: (Bar("time beside import numpy", timing.ratios(package, numpy), 0.6),),
        value: (Bar("time of its own", [1e3 * seconds for seconds in timing.rounds[value]], 30, unit="ms"),),
    }
    labels = {value: f"{value} (NumPy hidden)"}
    shown = cells(timing, numpy)
    return [Row(IMPORTS, labels.get(name, name), {"time": shown[name]}, bars.get(name, ())) for name in runs]


def import_seconds(before: str, statement: str, bytecode: str) -> float:
    """The time that the statement takes, with Python's bytecode kept in the folder ``bytecode``."""
    lines = (
        before,
        "from time import process_time",
        "start = process_time()",
        statement,
        "print(process_time() - start)",
    )
    program = "\n".join(lines)
    environment = {name: x for name, x in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    environment["PYTHONPYCACHEPREFIX"] = bytecode
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, env=environment)
    return float(run.stdout)


def memory(_: Effort) -> list[Row]:
    """The peak of training beside NumPy by hand."""
    rows = []
    for net in CLASSIFIERS.values():
        task = net.task()
        by_hand, own = peak_bytes(net.by_hand, task), peak_bytes(classifiers.tinygrad_eager, task)
        bar = Bar(f"peak beside {HAND}", [own / by_hand], 1.3)
        shown = {HAND: f"{figure(by_hand / 1e3)} kB", OWN: f"{figure(own / 1e3)} kB · {figure(own / by_hand)}"}
        # Below this the Python objects of the network itself are what is weighed, and no array.
        rows.append(Row(MEMORY, net.label, shown, (bar,) if by_hand > 100e3 else ()))
    return rows


def peak_bytes(make: Callable[[Task], Peer], task: Task) -> int:
    make(task).step()  # what is set up once for good belongs to no network
    gc.collect()
    tracemalloc.start()
    peer = make(task)
    tracemalloc.reset_peak()  # to draw the first weights is no part of a training step
    for _ in range(3):
        peer.step()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak


def garbage(_: Effort) -> list[Row]:
    """What only the cyclic collector can free: nothing, if a graph dies by reference counting alone."""
    from tinygrad_edu import Value

    X, y = moons.points()
    steps = {
        "moons on Value": moons.Scalars(Value, X, y).step,
        "moons on Value, dot": moons.WeightedSums(Value, X, y).step,
        "XOR, 4 rows, on Tensor": classifiers.tinygrad_eager(classifiers.xor(1)).step,
        "XOR, 4 rows, compiled": classifiers.tinygrad_compiled(classifiers.xor(1)).step,
        "moons, vectorize": moons.Columns(Value, X, y).step,
    }
    rows = []
    for label, step in steps.items():
        count = unreachable_objects(step)
        bar = Bar("objects in cycles", [count], 0, unit="objects")
        rows.append(Row(GARBAGE, label, {OWN: f"{count} objects"}, (bar,)))
    return rows


def unreachable_objects(step: Callable[[], object]) -> int:
    gc.collect()
    gc.disable()
    try:
        for _ in range(100):
            step()
        return gc.collect()
    finally:
        gc.enable()


WORKLOADS: dict[str, Callable[[Effort], list[Row]]] = {
    "moons": scalars,
    **{name: partial(classifier, net) for name, net in CLASSIFIERS.items()},
    **{name: partial(networks.network, name) for name in networks.NETS},
    "products": partial(operations.races, operations.products),
    "functions": partial(operations.races, operations.functions),
    "recording": recording,
    "import": imports,
    "memory": memory,
    "garbage": garbage,
    "epoch-sgd": partial(lab_workloads.epoch, "SGD", 0.45),
    "epoch-adam": partial(lab_workloads.epoch, "Adam", 0.7),
    "doctor": lab_workloads.watched,
    "rosenbrock": lab_workloads.walks,
    "mnist-homework": lab_workloads.homework,
    "gpt": lab_workloads.gpt,
    "updates": operations.updates,
    "trace": lab_workloads.views,
    "sklearn-digits": ecosystem_workloads.digits,
    "sweep": ecosystem_workloads.sweeps,
    "jax-scan": ecosystem_workloads.scanned,
}


def run(name: str, effort: Effort) -> list[Row]:
    """Measure one workload; called by name, so that a new process can be told which."""
    return WORKLOADS[name](effort)
