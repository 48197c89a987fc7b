"""The text of a program in `jax.numpy`: a pure function that takes and gives back parameters and state."""

import inspect
import operator
import re
import textwrap
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from tinygrad_edu.compiler.errors import CompileError
from tinygrad_edu.compiler.program import DRAW, INDEX, METHOD, PYTHON, UFUNC, Line, Program, Var
from tinygrad_edu.compiler.record.names import Names
from tinygrad_edu.compiler.sources import Argument, ArgumentGradient, Data, Gradient, Setting
from tinygrad_edu.compiler.write.emit import Text, Writer, statements
from tinygrad_edu.compiler.write.runtime import HELPERS
from tinygrad_edu.compiler.write.source import SECTIONS, commented, literal, parameters, result_text

# The helpers that a program calls, in JAX.
_HELPERS = {
    "erf": "jax.scipy.special.erf({0})",
    "erfc": "jax.scipy.special.erfc({0})",
    "ndtr": "jax.scipy.special.ndtr({0})",
    "logaddexp": "jnp.logaddexp({0}, {1})",
    "sign": "jnp.sign({0})",
    "scatter": "jnp.zeros({2}, {0}.dtype).at[{1}].set({0})",
    "scatter_add": "jnp.zeros({2}, {0}.dtype).at[{1}].add({0})",
    "one_hot": "jnp.eye({1}, dtype={2})[{0}]",
}
# Functions whose text, in JAX, is printed before the program.
_ON_WINDOWS = (
    *("take_windows", "add_windows", "convolve", "convolve_input", "convolve_weight"),
    *("largest", "winners_of", "pick", "put"),
)
_NO_COPIES = ("ascontiguousarray", "copy", "require")  # of arrays that nothing changes
_COMMENTS = 60


class JaxText:
    """The text of a program as a function ``(params, state, *args) -> (params, state, result)``.

    Attributes
    ----------
    params, state : for each key, the variable that has its value first, and the source of this value.
    source : the text.
    """

    def __init__(self, program: Program, names: Names, arguments: Sequence[Argument]) -> None:
        self.program = program
        self.writer = JaxWriter(program, names)
        self.names = names
        self.params: dict[str, tuple[str, Any]] = {}
        self.state: dict[str, tuple[str, Any]] = {}
        self.settings: dict[str, Any] = {}
        read = {source: names.of[var] for var, source in program.inputs.items()}
        self.arguments = [read.get(source, source.words()) for source in arguments]
        for var in parameters(program):
            self._place(names.of[var], program.inputs[var])
        learns = any(isinstance(source, Data) for source, _ in program.writes)
        self.writes = [(source, var) for source, var in program.writes if self._is_kept(source, var, learns)]
        self._complete_state()
        self.source = self._text()

    def _place(self, name: str, source: Any) -> None:
        """Say where an input comes from."""
        if isinstance(source, Setting):
            self.settings[name] = source.value
        elif isinstance(source, Data):
            label = source.leaf.label
            self.params[label if label and label not in self.params else name] = name, source
        elif not isinstance(source, Argument):
            self.state[name] = name, source

    def _is_kept(self, source: Any, var: Var | None, learns: bool) -> bool:
        """Whether the function returns it. New gradients are left out if parameters are updated.

        Without an update they are the purpose of the function, and gradients that it adds to are read by the next call.
        """
        is_new = isinstance(source, Gradient | ArgumentGradient) and source not in self._read()
        return var is not None and not (learns and is_new)

    def _complete_state(self) -> None:
        """A source that is written and not read becomes state too, unless it always equals a part of the state."""
        known = {source for _, source in (*self.params.values(), *self.state.values())}
        written = {var for source, var in self.writes if source in known}
        for source, var in self.writes:
            if var is not None and source not in known and var not in written:
                written.add(var)
                known.add(source)
                name = f"{self.names.of[var]}_kept"
                self.state[name] = name, source

    def key_of(self, source: Any) -> tuple[bool, str] | None:
        """Whether it is a parameter, and its key; of state that always equals another, the other's key."""
        for is_parameter, places in ((True, self.params), (False, self.state)):
            for key, (_, place) in places.items():
                if place == source:
                    return is_parameter, key
        var = next((var for place, var in self.writes if place == source), None)
        twin = next((place for place, other in self.writes if other is var and place != source), None)
        return None if var is None or twin is None else self.key_of(twin)

    # --- the text ---

    def _text(self) -> str:
        body = [*self._unpacked("params", self.params), *self._unpacked("state", self.state)]
        body += [f"{name} = {value!r}" for name, value in self.settings.items()]
        body += self._lines()
        body += ["", "# what the next step begins with", *self._packed("params", self.params)]
        body += self._packed("state", self.state)
        body.append(f"return params, state, {result_text(self.program, self.writer)}")
        head = f"def {self.program.name}({', '.join(['params', 'state', *self.arguments])}):"
        text = "\n".join(
            [*textwrap.wrap(head, 110, subsequent_indent=" " * 8), textwrap.indent("\n".join(body), "    ")]
        )
        constants = "".join(f"{name} = {literal(value)}\n" for name, value in self.writer.constants.items())
        uses = {
            "base64": "import base64",
            "math": "import math",
            "jax": "import jax",
            "jnp": "import jax.numpy as jnp",
            "np": "import numpy as np",
        }
        helpers = _windows_source(self.writer.on_windows)
        whole = constants + helpers + text
        imports = [line for name, line in uses.items() if re.search(rf"(?<![\w.]){re.escape(name)}\.", whole)]
        return "\n".join(imports) + "\n\n" + (constants and constants + "\n") + "\n" + helpers + text + "\n"

    def _lines(self) -> list[str]:
        written = [*statements(self.program, self.writer)]
        rows: list[str] = []
        for section in SECTIONS:
            found = [(line, text) for line, text in written if line.section == section]
            if not found:
                continue
            rows += ["", f"# {section}", *(commented(text, line, _COMMENTS) for line, text in found)]
        return rows

    def _unpacked(self, what: str, places: dict[str, tuple[str, Any]]) -> list[str]:
        return [f'{name} = {what}["{key}"]' for key, (name, source) in places.items() if source in self._read()]

    def _read(self) -> set[Any]:
        return {*self.program.inputs.values()}

    def _packed(self, what: str, places: dict[str, tuple[str, Any]]) -> list[str]:
        new = dict(self.writes)
        pairs = [
            f'"{key}": {self.writer.operand(new[source]).text}' for key, (_, source) in places.items() if source in new
        ]
        if not pairs:
            return []
        text = f"{what} = {{**{what}, {', '.join(pairs)}}}"
        return textwrap.wrap(text, 108, subsequent_indent="    ", break_long_words=False, break_on_hyphens=False)


def _windows_source(names: set[str]) -> str:
    """The text of the functions on windows that are called, and of those that they call."""
    if not names:
        return ""
    from tinygrad_edu.compiler.write import jax_windows

    found: set[str] = set()
    waiting = list(names)
    while waiting:
        name = waiting.pop()
        found.add(name)
        code = inspect.getsource(getattr(jax_windows, name))
        waiting += [other for other in _ON_WINDOWS if f"{other}(" in code and other not in found]
    texts = [inspect.getsource(getattr(jax_windows, name)) for name in _ON_WINDOWS if name in found]
    plain = "\n\n".join(texts).replace(": Any", "").replace(" -> Any", "")
    return re.sub(r"  # noqa.*", "", plain) + "\n\n"


class JaxWriter(Writer):
    """Writes lines with the functions of `jax.numpy`."""

    def __init__(self, program: Program, names: Names) -> None:
        super().__init__(names)
        self.on_windows: set[str] = set()
        self.made = {line.out: line for line in program.lines}
        settings = {var: source.value for var, source in program.inputs.items() if isinstance(source, Setting)}
        self.powers = {var for var, value in settings.items() if 0 < value < 1}

    def expression(self, line: Line) -> Text:
        accurate = self._one_minus_a_power(line)
        if accurate is not None:
            return accurate
        _refuse(line)
        if line.kind == INDEX and isinstance(line.args[1], list):
            line = replace(line, args=(line.args[0], np.array(line.args[1])))
        name = getattr(line.function, "__name__", line.function)
        if line.function in HELPERS:
            if name in _ON_WINDOWS:
                self.on_windows.add(name)
                return _in_jax(self.call(name, line.args, line.keywords))
            args = [self.operand(x).text for x in line.args]
            return _in_jax(Text(_HELPERS[name].format(*args)))
        if name in _NO_COPIES:
            return self.operand(line.args[0])
        return _in_jax(super().expression(line))

    def operand(self, x: Any) -> Text:
        return _in_jax(super().operand(x))

    def number(self, name: str, args: Any) -> Text:
        """A function of single numbers, which are arrays of no axes in JAX."""
        texts = ", ".join(x.text for x in args)
        return Text(f"jnp.{name}({texts})")

    def _one_minus_a_power(self, line: Line) -> Text | None:
        """``1 - beta ** t`` without cancellation: in float32, the difference would lose four of its seven digits."""
        if line.kind != PYTHON or line.function is not operator.sub or line.args[0] != 1:
            return None
        power = self.made.get(line.args[1]) if isinstance(line.args[1], Var) else None
        if power is None or power.function is not operator.pow or power.args[0] not in self.powers:
            return None
        beta, t = (self.operand(x) for x in power.args)
        return Text(f"-jnp.expm1({t.text} * math.log({beta.text}))", 8)


def _in_jax(text: Text) -> Text:
    """NumPy's names in JAX. 64-bit integers become JAX's default integers, because JAX has them only on request."""
    words = re.sub(r"(?<![\w.])np\.int64\b", "int", text.text)
    return Text(re.sub(r"(?<![\w.])np\.", "jnp.", words), text.binds)


def _refuse(line: Line) -> None:
    """Raise if JAX has nothing like the function of this line."""
    import jax
    import jax.numpy as jnp

    function, name = line.function, getattr(line.function, "__name__", str(line.function))
    where = f" ({line.origin[0]}, line {line.origin[1]})" if line.origin[0] else ""
    if line.kind == DRAW:
        raise CompileError(
            f"to_jax: the function draws random numbers by {name}{where}, which a pure function cannot: leave Dropout "
            "out, net.eval(), or pass the numbers as an argument"
        )
    home: Any = jnp
    if line.kind == METHOD:
        home = jax.Array
    elif "linalg" in (getattr(function, "__module__", None) or ""):
        home = jnp.linalg
    known = (
        line.kind in (INDEX, PYTHON, "math")
        or (function in HELPERS and name in (*_HELPERS, *_ON_WINDOWS))
        or name in _NO_COPIES
        or (name == "reduce" and hasattr(jnp, function.__self__.__name__))
        or (function not in HELPERS and hasattr(home, name))
    )
    if not known or (line.kind == UFUNC and name != "reduce" and line.keywords):
        raise CompileError(f"to_jax: jax.numpy has no {name} as the function uses it{where}")
