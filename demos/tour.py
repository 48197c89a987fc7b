"""Tour: the project in under a minute: backprop step by step, XOR, moons.

It runs the demos backprop, xor and moons, one after the other, and says where their pictures are.
"""

import time

from demos import backprop, moons, xor
from demos._catalogue import listing
from demos._comparison import Comparison
from demos._options import Out, Quick, Seed


def run(*, quick: Quick = False, seed: Seed = xor.LAB_SEED, out: Out = "out") -> Comparison:
    """Run the three demos; the comparison is that of XOR."""
    start = time.perf_counter()
    _heading("1. Backprop, step by step")
    backprop.run(out=out)
    _heading("2. XOR, the classic NumPy lab")
    comparison = xor.run(quick=quick, seed=seed, out=out)
    _heading("3. Moons")
    moons.run(quick=quick, seed=seed, out=out)
    seconds = time.perf_counter() - start
    print(
        f"\nThat took {seconds:.0f} seconds. The pictures are in {out}: open backprop.html in a browser to step through"
    )
    print(f"the expression yourself. Go on with `python -m demos NAME`, where NAME is one of\n\n{listing()}")
    return comparison


def _heading(text: str) -> None:
    print(f"\n{text}\n{'=' * len(text)}")
