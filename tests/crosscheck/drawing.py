"""Random inputs: shapes that broadcast, layouts of memory, types of numbers, and special numbers."""

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

SPECIAL = (0.0, -0.0, 1.0, -1.0, 0.5, 1e-300, 1e300, np.inf, -np.inf, np.nan)
LAYOUTS = {
    "contiguous": lambda x: x,
    "reversed": lambda x: np.flip(np.flip(x).copy()),
    "transposed": lambda x: x.T.copy().T,
    "every second": lambda x: np.repeat(x[..., None], 2, axis=-1)[..., 0],
    "read-only": lambda x: _read_only(x.copy()),
}


def _read_only(x):
    x.flags.writeable = False
    return x


@st.composite
def broadcastable(draw, count, *, most_axes=3, least=0):
    """``count`` shapes that broadcast together; an axis may have no entries."""
    shapes = draw(npst.mutually_broadcastable_shapes(num_shapes=count, max_dims=most_axes, min_side=least, max_side=4))
    return shapes.input_shapes


@st.composite
def arrays(draw, shape, low, high, *, dtype=np.float64, special=False):
    """An array of numbers between ``low`` and ``high``, in some layout; with ``special``, some of `SPECIAL` in it."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    x = rng.uniform(low, high, shape)
    if special and x.size:
        mask = rng.random(shape) < 0.4
        x = np.where(mask, rng.choice(SPECIAL, shape), x)
    with np.errstate(over="ignore"):
        x = np.asarray(x, dtype)
    layout = LAYOUTS[draw(st.sampled_from(sorted(LAYOUTS)))]
    return layout(x)
