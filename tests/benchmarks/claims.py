"""The peers' names, and what is said of a race: cells of a table, and bars beside a peer."""

from statistics import median

from .report import Bar, duration, figure
from .timing import Timing

HAND, OWN, TORCH, JAX = "NumPy by hand", "tinygrad_edu", "PyTorch eager", "jax.jit"
MYGRAD, AUTOGRAD, MICROGRAD = "mygrad", "autograd", "micrograd"
COMPILED = "tinygrad_edu, compiled"


def at_most(limit: float, beside: str, timing: Timing, own: str = OWN) -> Bar:
    claim = f"time beside {beside}" if own == OWN else f"{own}: time beside {beside}"
    return Bar(claim, timing.ratios(own, beside), limit)


def faster(factor: float, than: str, timing: Timing, own: str = OWN) -> Bar:
    claim = f"faster than {than}" if own == OWN else f"{own}: faster than {than}"
    return Bar(claim, timing.ratios(than, own), factor, at_least=True)


def cells(timing: Timing, reference: str) -> dict[str, str]:
    """Each peer's time, and how many times the reference's that is."""
    shown = {
        name: f"{duration(timing.seconds(name))} · {figure(median(timing.ratios(name, reference)))}"
        for name in timing.rounds
    }
    return shown | {reference: duration(timing.seconds(reference))}
