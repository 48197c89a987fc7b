"""The exceptions of the library: each is also the built-in type that fits."""

from tinygrad_edu.support.ascii import printable


class TinygradEduError(Exception):
    """Base class of every exception that the library raises on purpose."""

    def __str__(self) -> str:
        return printable(super().__str__())

    def __repr__(self) -> str:
        return printable(super().__repr__())


class ShapeError(TinygradEduError, ValueError):
    """Shapes that do not fit together."""


class IndexingError(TinygradEduError, IndexError):
    """An index that a Tensor of this shape cannot be asked for."""


class DTypeError(TinygradEduError, TypeError):
    """Data of a type that the operation cannot work on."""


class ArgumentError(TinygradEduError, ValueError):
    """An argument outside of what the function accepts."""


class CallError(TinygradEduError, TypeError):
    """A call with missing, surplus or unknown arguments."""


class BackwardError(TinygradEduError, RuntimeError):
    """A backward pass that has no meaning: no gradient needed, or not from a scalar."""


class StaleGraphError(BackwardError):
    """Data was changed after the forward pass had used it, so the gradients would be wrong."""


class AnomalyError(TinygradEduError, ArithmeticError):
    """A NaN or an infinity, found under ``detect_anomaly()``."""


class UnsupportedError(TinygradEduError, TypeError):
    """A NumPy function, or a way of calling it, that a node cannot be differentiated through."""


class LostGradientWarning(UserWarning):
    """A node that needs a gradient became a plain float, so the gradient ends there."""


class FileError(TinygradEduError, OSError):
    """A file or a folder that cannot be written."""
