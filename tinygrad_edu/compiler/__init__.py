"""`compile` and `vectorize`: a function is recorded once and runs afterwards as a straight-line NumPy program.

A call goes through these files in this order:

1. `compile.py` finds the program for the shapes and types of the arguments. `guards.py` says whether it still holds.
2. `recording.py` makes a new one. `record/` runs the function on placeholders (`traced`), a `recorder` notes every
   NumPy call, and `outside` finds what the function reads outside of its arguments. The result is a `program.py`:
   lines, inputs (`sources.py`) and results. `views.py` says which lines share memory.
3. `rewrite/` makes it faster: dead code is removed, parameters are placed in one block of memory (`layout`) and updated
   by one call (`flat_updates`), and a layer and its bias become one product (`affine`).
4. `write/` prints it: `source` as a person would write it, `emit` line by line.
5. `run/` runs it: `codegen` turns lines into calls that write into preallocated `buffers`, `frame` adds the code around
   them, and a `machine` holds all of this.
6. `checks.py` compares the new program with the recorded call, and with an eager call at its first replay.

`vectorize.py` runs a function of scalars over whole columns, with the help of `compile`.
"""

from tinygrad_edu.compiler.compile import Compiled, compile  # noqa: A004 the contract's name
from tinygrad_edu.compiler.errors import CompileError, CompileWarning, RecordingError, ReplayError
from tinygrad_edu.compiler.vectorize import Vectorized, vectorize

__all__ = [
    "CompileError",
    "CompileWarning",
    "Compiled",
    "RecordingError",
    "ReplayError",
    "Vectorized",
    "compile",
    "vectorize",
]
