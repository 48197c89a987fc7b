"""A program that is ready to run, with its arrays, its inputs and its results."""

import contextvars
import functools
import linecache
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from tinygrad_edu.compiler.errors import ReplayError
from tinygrad_edu.compiler.guards import Guard
from tinygrad_edu.compiler.program import CHECK, MATH, PYTHON, Line, Program, Var
from tinygrad_edu.compiler.record.names import Names
from tinygrad_edu.compiler.rewrite import optimize
from tinygrad_edu.compiler.rewrite.affine import fuse_affine
from tinygrad_edu.compiler.rewrite.columns import copy_columns
from tinygrad_edu.compiler.rewrite.flat_updates import fuse_updates, place_updates
from tinygrad_edu.compiler.rewrite.layout import Layout
from tinygrad_edu.compiler.rewrite.settings import with_numbers
from tinygrad_edu.compiler.rewrite.transposes import copy_transposes
from tinygrad_edu.compiler.run.codegen import Careful, Codegen, Hoisting
from tinygrad_edu.compiler.run.frame import Frame, Outdated, Signature
from tinygrad_edu.compiler.run.interpreter import fetched, one_by_one
from tinygrad_edu.compiler.run.printed import Printed
from tinygrad_edu.compiler.sources import Attribute, Data, Setting
from tinygrad_edu.compiler.write.emit import Writer
from tinygrad_edu.compiler.write.runtime import FASTER
from tinygrad_edu.compiler.write.source import Readable
from tinygrad_edu.operations.floats import FLOATS

LONG = 20_000  # lines: a function longer than that takes Python long to compile


class Machine:
    """A program, the text that runs, and the arrays that it runs on."""

    def __init__(
        self,
        program: Program,
        names: Callable[[], Names],
        signature: Signature,
        guards: Sequence[Guard],
        owners: dict[int, Any],
        given: Sequence[Any],
        places: Sequence[Any],
        generators: Sequence[Any],
        fixed: Sequence[Any],
    ) -> None:
        self.changeable = places  # every place that the function or the program may change
        self.generators = generators  # from which the program draws
        self.fixed = fixed  # what the function read when it was recorded
        self.verified = False  # whether a replay was compared with an eager call
        self.eager = False  # whether no program gives what the function gives
        self.misprinted = ""  # in which quantity the printed source is wrong
        self.recorded = given  # copies of the recorded call's arguments
        self.signature = signature
        self.plain = signature.plain
        self.careful = False
        self.context = contextvars.copy_context()
        self.context.run(np.seterr, all="ignore")  # infinities are results here, as in a backward pass
        self.recorded_program = program
        program = with_numbers(program)
        self.named = names
        self.guards = guards
        self.file = f"<compiled {program.name} {id(self):x}>"
        self.places: list[tuple[Any, Any]] = []
        self.is_long = len(program.lines) > LONG
        if self.is_long:
            self.program = program
            self.text = "# too long to be written out: its lines are run one by one\n"
            self.lines: dict[int, Line | None] = {}
            self._run = self._guarded(functools.partial(one_by_one, program, signature.arguments))
            return
        self.program = _optimized(program)
        self.names = names().copy()
        try:
            self._assemble(Layout(self.program, owners))
        except Exception as error:
            self.text, self.lines = "", {}
            self._run = functools.partial(_failed, error)

    @functools.cached_property
    def readable(self) -> Readable:
        """The program as it is printed."""
        return Readable(self.recorded_program, self.named(), [what.words() for what in self.fixed])

    @functools.cached_property
    def printed(self) -> Printed:
        """The program as it is printed, ready to be run."""
        return Printed(self.readable, self.signature.arguments)

    def use_printed(self) -> None:
        """Run the printed program from now on."""
        self.text = self.readable.text()
        self.lines = {}
        self._run, self.plain = self._guarded(self.printed.run), []

    def _guarded(self, run: Callable[..., Any]) -> Callable[..., Any]:
        """The function, which looks at the guards first."""

        def guarded(*leaves: Any) -> Any:
            if any(guard.has_changed() for guard in self.guards):
                raise Outdated
            return run(*leaves)

        return guarded

    def is_outdated(self) -> bool:
        """Whether a guard has changed, or an input is gone."""
        try:
            for source in self.program.inputs.values():
                if isinstance(source, Attribute):
                    source.get()
        except (AttributeError, LookupError):
            return True
        return any(guard.has_changed() for guard in self.guards)

    def bind(self) -> None:
        """Move the arrays that the program updates into its own memory, from wherever they are now."""
        for source, array in self.places:
            now = source.get()
            if now is array:
                continue
            if np.shape(now) != array.shape or np.asarray(now).dtype != array.dtype:
                raise Outdated
            array[...] = now
            if isinstance(source, Data):
                source.leaf._data = array
            else:
                source.set(array)

    # --- text ---

    def _assemble(self, layout: Layout, writer: type[Writer] = Hoisting) -> None:
        self._arrange(layout)
        codegen = Codegen(
            self.program, self.names, layout.given, layout.column_major, {var for var, _ in layout.left}, writer
        )
        codegen.run()
        frame = Frame(codegen, layout, self.signature, self.bind)
        before, after = frame.prologue(self.guards), frame.epilogue()
        body = [*((row, None) for row in before), *codegen.body, *((row, None) for row in after)]
        lines = [f"def {self.program.name}({', '.join(frame.parameters)}):", *(f"    {text}" for text, _ in body)]
        head = [*codegen.arrays.allocations, "", ""]
        self.text = "\n".join([*head, *lines]) + "\n"
        self.lines = {len(head) + 2 + i: line for i, (_, line) in enumerate(body)}
        namespace = codegen.arrays.namespace | codegen.writer.constants | frame.objects
        namespace |= FLOATS if writer is Careful else {}
        namespace |= {f.__name__: FASTER.get(f, f) for f in codegen.writer.helpers}
        namespace |= {self.names.of[var]: array for var, array in layout.given.items()}
        code = compile("\n" * len(head) + "\n".join(lines), self.file, "exec")
        exec(code, namespace)  # noqa: S102 the text made above
        self._run = namespace[self.program.name]
        linecache.cache[self.file] = (len(self.text), None, self._with_origins(), self.file)

    def _with_origins(self) -> list[str]:
        """The text as tracebacks and NumPy's warnings show it: each line with the user's line that it comes from."""
        shown = self.text.splitlines()
        for number, line in self.lines.items():
            if line is not None and line.origin[0]:
                shown[number - 1] += "  # {}, line {}".format(*line.origin)
        return [f"{text}\n" for text in shown]

    def _arrange(self, layout: Layout) -> None:
        """Place the arrays in memory, and name the variables that have no name yet."""
        fuse_updates(layout)
        fuse_affine(layout)
        copy_transposes(layout)
        copy_columns(layout)
        for var in [*layout.given, *(line.out for line in layout.program.lines)]:
            self.names.give(var, var.hint or "whole", number=not var.hint)
        for x, inner in layout.copied.items():
            self.names.give(inner, f"{self.names.of[x]}_")
        place_updates(layout, self.names)
        self.places, self.program = layout.placed, layout.program

    # --- running ---

    def run(self, *leaves: Any) -> Any:
        """One call of the function."""
        try:
            return self.context.run(self._run, *leaves)
        except Outdated:
            raise
        except Exception as error:
            if self.is_outdated():
                raise Outdated from None
            known = isinstance(error, ArithmeticError | ValueError)
            if not known or self.careful or any(line.kind not in (PYTHON, MATH) for line in self.program.lines):
                raise self._explained(error) from error
            # Nothing was stored yet: the same lines once more, with inf and nan where Python's numbers raise.
            self.careful = True
            self._assemble(Layout(self.program, {}), Careful)
            return self.run(*leaves)

    def _explained(self, error: Exception) -> Exception:
        traceback, number = error.__traceback__, 0
        while traceback is not None:
            if traceback.tb_frame.f_code.co_filename == self.file:
                number = traceback.tb_lineno
            traceback = traceback.tb_next
        line = self.lines.get(number)
        if line is not None and line.kind == CHECK:
            return error
        text = self.text.splitlines()[number - 1].strip() if number else ""
        where = ", which comes from {}, line {}".format(*line.origin) if line is not None else ""
        return ReplayError(f"{self.program.name} failed at the line `{text}`{where}: {type(error).__name__}: {error}")

    def input_values(self) -> dict[Var, Any]:
        """What the readable program's parameters are now; for arguments, what they were when it was recorded."""
        return {
            var: fetched(source, self.signature.arguments, self.recorded)
            for var, source in self.readable.program.inputs.items()
            if not isinstance(source, Setting)
        }


def _failed(error: Exception, *_: Any) -> Any:
    raise error


def _optimized(program: Program) -> Program:
    for improve in (optimize.without_repetition, optimize.simplified, optimize.without_dead_code):
        program = improve(program)
    return program
