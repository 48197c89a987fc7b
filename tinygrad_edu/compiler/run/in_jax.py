"""A compiled program as a JAX function, with its first parameters and state."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from tinygrad_edu.compiler.errors import CompileError
from tinygrad_edu.compiler.program import Program
from tinygrad_edu.compiler.record.names import Names
from tinygrad_edu.compiler.sources import Argument, Attribute, Data, Gradient
from tinygrad_edu.compiler.write.jax import JaxText
from tinygrad_edu.errors import ArgumentError


class JaxFunction:
    """A pure function ``(params, state, *args) -> (params, state, result)`` in `jax.numpy`.

    Attributes
    ----------
    source : its text, which runs on its own.
    params : the parameters as they are now: arrays by their labels, such as "layers.0.weight".
    state : everything else that a call changes or that may change between calls, such as the momentum of an optimizer
        and its learning rate.
    """

    def __init__(self, program: Program, names: Names, arguments: Sequence[Argument]) -> None:
        try:
            import jax
        except ModuleNotFoundError as error:
            raise ImportError('to_jax needs JAX: pip install "tinygrad_edu[jax]"') from error
        self._text = JaxText(program, names, arguments)  # refuses what JAX does not have
        wide = any(var.dtype == np.float64 for line in program.lines for var in (line.out, *line.reads()))
        if wide and not jax.config.jax_enable_x64:  # type: ignore[attr-defined]
            raise CompileError(
                "to_jax: the program computes in float64, which JAX would silently make float32: build the net with "
                'dtype=np.float32 and call it with float32, or run jax.config.update("jax_enable_x64", True)'
            )
        self.source = self._text.source
        self.params = {key: _array(_now(source)) for key, (_, source) in self._text.params.items()}
        self.state = {key: _array(_now(source)) for key, (_, source) in self._text.state.items()}
        namespace: dict[str, Any] = {}
        exec(compile(self.source, f"<{program.name} in JAX>", "exec"), namespace)  # noqa: S102 the project's own text
        self._function = namespace[program.name]
        self.__name__ = program.name

    def __call__(self, *given: Any) -> Any:
        names = self._text.arguments
        if len(given) != 2 + len(names) or not isinstance(given[0], Mapping):
            raise ArgumentError(
                f"{self.__name__} in JAX is a pure function of {', '.join(['params', 'state', *names])}: write "
                f"params, state, result = f({', '.join(['f.params', 'f.state', *names])}), and give params and state "
                "to the next call"
            )
        return self._function(*given)

    def restore(self, params: Mapping[str, Any], state: Mapping[str, Any]) -> None:
        """Write parameters and state back to the net and the optimizer that the function was recorded with."""
        for source in {source for source, _ in self._text.writes}:
            found = self._text.key_of(source)
            if found is None or not isinstance(source, Data | Attribute | Gradient):
                continue
            is_parameter, key = found
            given = np.array((params if is_parameter else state)[key])
            is_array = source.holds_array() if isinstance(source, Attribute) else hasattr(source.leaf, "dtype")
            value = given if given.ndim or is_array else given.item()
            if isinstance(source, Attribute):
                source.set(value)
            elif isinstance(source, Gradient):
                source.leaf.grad = value
            else:
                source.leaf.data = value

    def __repr__(self) -> str:
        return f"<{self.__name__} in JAX: {len(self.params)} parameters, {len(self.state)} entries of state>"


def _now(source: Any) -> Any:
    """The present value of a source; zeros for a missing gradient."""
    now = source.get()
    return np.zeros_like(source.leaf.raw) if now is None else now


def _array(value: Any) -> Any:
    """An array for JAX. A Python number stays one, because it takes the dtype of the arrays that it is used with."""
    import jax.numpy as jnp

    return value if isinstance(value, int | float) else jnp.array(value)
