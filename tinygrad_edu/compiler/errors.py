"""What can go wrong when a function is recorded or replayed."""

from tinygrad_edu.errors import TinygradEduError


class CompileError(TinygradEduError, RuntimeError):
    """A function that cannot be turned into a program, or a program that cannot be run."""


class RecordingError(CompileError):
    """Something in the function would give each replay the numbers of the call that was recorded."""


class DisturbedError(RecordingError):
    """Another thread has changed what was being recorded."""


class CompileWarning(UserWarning):
    """A compiled function runs more slowly than it could: its program was wrong, or is recorded again and again."""


class ReplayError(CompileError):
    """A line of the program failed: the message has its source."""
