"""`compile`: the recorded graph, written out as the NumPy program that one would write by hand, and run.

- `recording` runs a function once, on stand-ins (`traced`) with which a `recorder` notes every NumPy call: a `program`;
  of an optimizer's step, see `updates`; of the gradients of Values, `watched`.
- `outside` finds what the function reads elsewhere, and `guards` look at it at every call.
- `names` and `emit` print it.
- `optimize`, `layout`, `affine` and `flat_updates` rewrite it for speed. `codegen` turns its lines into calls that
  write into `buffers`, `frame` adds what stands around them, and a `machine` runs the whole.
- `replay` keeps programs for the shapes that a function has met, and calls them.
- `vectorizer` runs a function of scalars over whole columns.
"""

from tinygrad_edu.compiler.compile import Compiled, compile  # noqa: A004 the contract's name
from tinygrad_edu.compiler.errors import CompileError, RecordingError, ReplayError
from tinygrad_edu.compiler.vectorize import Vectorized, vectorize

__all__ = ["CompileError", "Compiled", "RecordingError", "ReplayError", "Vectorized", "compile", "vectorize"]
