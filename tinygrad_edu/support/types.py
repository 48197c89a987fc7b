"""Types with short names, so that signatures in ``help()`` and in tooltips stay readable.

A type checker sees NumPy's own types. Python itself sees only a name, because NumPy's types print as half a screen
of text.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Array = npt.NDArray[Any]
    FloatArray = npt.NDArray[np.float64]
    IntArray = npt.NDArray[np.int64]
    ByteArray = npt.NDArray[np.uint8]
    ArrayLike = npt.ArrayLike
    DTypeLike = npt.DTypeLike
    Rng = np.random.Generator | np.random.RandomState | int | None
else:

    def _named(name: str, meaning: str) -> type:
        return type(name, (), {"__module__": "builtins", "__doc__": meaning})  # a builtin prints without its module

    Array = _named("Array", "A NumPy array.")
    FloatArray = _named("FloatArray", "A NumPy array of float64.")
    IntArray = _named("IntArray", "A NumPy array of int64.")
    ByteArray = _named("ByteArray", "A NumPy array of uint8.")
    ArrayLike = _named("ArrayLike", "What NumPy makes an array of: an array, a number, or nested sequences of numbers.")
    DTypeLike = _named("DTypeLike", "What NumPy takes for a type of numbers, such as ``float`` or ``'float32'``.")
    Rng = _named("Rng", "A random generator of NumPy, a seed, or None for a new seed each time.")
