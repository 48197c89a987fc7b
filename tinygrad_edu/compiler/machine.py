"""A program made ready to run: its arrays in place, its inputs fetched and its results delivered."""

import contextvars
import functools
import linecache
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from tinygrad_edu.compiler import optimize, scalars
from tinygrad_edu.compiler.codegen import Careful, Codegen, Hoisting, call
from tinygrad_edu.compiler.emit import Writer
from tinygrad_edu.compiler.errors import ReplayError
from tinygrad_edu.compiler.guards import Guard
from tinygrad_edu.compiler.layout import Layout
from tinygrad_edu.compiler.names import Names, identifier
from tinygrad_edu.compiler.program import CHECK, MATH, PYTHON, UFUNC, Line, Program, Returned, Var, mapped
from tinygrad_edu.compiler.source import Readable
from tinygrad_edu.compiler.sources import Argument, ArgumentGradient, Attribute, Data, Gradient
from tinygrad_edu.compiler.updates import with_numbers
from tinygrad_edu.graph import CLOCK, Node
from tinygrad_edu.rules import FLOATS
from tinygrad_edu.tensor import Tensor, constant
from tinygrad_edu.value import Value

LONG = 20_000  # lines: a function longer than that takes Python long to compile


class Outdated(Exception):  # noqa: N818 no error: the function is recorded anew
    """Something that the program was recorded for has changed."""


class Machine:
    """A program, the text that runs, and the arrays that it runs on."""

    def __init__(
        self,
        program: Program,
        names: Callable[[], Names],
        arguments: Sequence[Argument],
        guards: Sequence[Guard],
        owners: dict[int, Any],
        plain: Sequence[tuple[tuple[int, ...], Any]],
        nodes: set[int],
        given: Sequence[Any],
    ) -> None:
        self.recorded = given  # copies of the recorded call's arguments
        self.nodes = nodes  # positions of arguments that are Tensors or Values
        self.careful = False
        self.plain = plain  # shapes and dtypes, if the arguments are arrays and nothing else
        self.context = contextvars.copy_context()
        self.context.run(np.seterr, all="ignore")  # infinities are an answer here as in a backward pass
        self.recorded_program = program
        program = with_numbers(program)
        self.named = names
        self.arguments = list(arguments)
        self.guards = guards
        self.objects: dict[str, Any] = {"Outdated": Outdated, "tensor": constant, "Value": Value, "tick": CLOCK.tick}
        self.file = f"<compiled {program.name} {id(self):x}>"
        self.places: list[tuple[Any, Any]] = []
        if len(program.lines) > LONG:
            self.program = program
            self.text = "# too long to be written out: its lines are run one by one\n"
            self.lines: dict[int, Line | None] = {}
            self._run = self._one_by_one
            return
        self.program = _optimized(program)
        self.names = names().copy()
        self._assemble(Layout(self.program, owners))

    @functools.cached_property
    def readable(self) -> Readable:
        """The program as it is printed."""
        return Readable(self.recorded_program, self.named())

    def _one_by_one(self, *leaves: Any) -> Any:
        """Run a program that would make too long a text."""
        if any(guard.has_changed() for guard in self.guards):
            raise Outdated
        values = {var: _fetched(source, self.arguments, leaves) for var, source in self.program.inputs.items()}

        def known(x: Any) -> Any:
            return values[x] if isinstance(x, Var) else x

        for line in self.program.lines:
            args = [values[x] if x.__class__ is Var else mapped(x, known) for x in line.args]
            if line.kind in (PYTHON, MATH):
                values[line.out] = scalars.compute(line, args)
            else:
                given = replace(line, keywords=mapped(line.keywords, known)) if line.keywords else line
                values[line.out] = call(given, args)
        left = [(source, var, None if var is None else copied(values[var])) for source, var in self.program.writes]
        result = _delivered(self.program.result, values)
        commit(left, leaves)
        return result

    def bind(self) -> None:
        """Move what the program updates into its own memory, wherever it is now."""
        for source, array in self.places:
            now = source.leaf._data if isinstance(source, Data) else source.get()
            if now is array:
                continue
            if np.shape(now) != array.shape or now.dtype != array.dtype:
                raise Outdated
            array[...] = now
            if isinstance(source, Data):
                source.leaf._data = array
            else:
                source.set(array)

    # --- text ---

    def _assemble(self, layout: Layout, writer: type[Writer] = Hoisting) -> None:
        layout.fuse_updates()
        layout.fuse_affine()
        given = layout.given
        for var in [*given, *(line.out for line in layout.program.lines)]:
            self.names.give(var, var.hint or "whole", number=not var.hint)
        for x, inner in layout.copied.items():
            self.names.give(inner, f"{self.names.of[x]}_")
        self.places = layout.placed
        self.program = self._in_place(layout)
        self.copied = layout.copied
        codegen = Codegen(self.program, self.names, given, layout.column_major, {var for var, _ in self.left}, writer)
        codegen.run()
        self.codegen = codegen
        body = [*self._prologue(given), *codegen.body, *self._epilogue(codegen)]
        names = ", ".join(self._parameter(i) for i in range(len(self.arguments)))
        lines = [f"def {self.program.name}({names}):", *(f"    {text}" for text, _ in body)]
        head = [*codegen.arrays.allocations, "", ""]
        self.text = "\n".join([*head, *lines]) + "\n"
        self.lines = {len(head) + 2 + i: line for i, (_, line) in enumerate(body)}
        namespace = codegen.arrays.namespace | codegen.writer.constants | self.objects
        namespace |= FLOATS if writer is Careful else {}
        namespace |= {f.__name__: f for f in codegen.writer.helpers}
        namespace |= {self.names.of[var]: array for var, array in given.items()}
        code = compile("\n" * len(head) + "\n".join(lines), self.file, "exec")
        exec(code, namespace)  # noqa: S102 the text made above
        self._run = namespace[self.program.name]
        linecache.cache[self.file] = (len(self.text), None, self.text.splitlines(True), self.file)

    def _argument(self, source: Argument) -> str:
        for var, known in self.program.inputs.items():
            if known == source:
                return self.names.of[var]
        return identifier("_".join(map(str, ("unused", source.name, *source.path))))

    def _parameter(self, i: int) -> str:
        """The function's parameter: an array, or the node that holds it."""
        name = self._argument(self.arguments[i])
        return f"{name}_leaf" if i in self.nodes else name

    def _object(self, x: Any, name: str) -> str:
        """A name by which the text reaches an object."""
        for known, y in self.objects.items():
            if y is x:
                return known
        unique, k = name, 1
        taken = {*self.names.of.values(), *self.objects, *self.codegen.arrays.namespace, *self.codegen.writer.constants}
        while unique in taken:
            k += 1
            unique = f"{name}{k}"
        self.objects[unique] = x
        return unique

    def _leaf(self, var: Var | None, leaf: Any) -> str:
        return self._object(leaf, f"{self.names.of[var]}_leaf" if var in self.names.of else "leaf")

    def _reach(self, source: Attribute) -> str:
        owner = self._object(source.owner, type(source.owner).__name__.lower())
        if isinstance(source.owner, dict | list):
            key = source.name if isinstance(source.name, str | int) else None
            return f"{owner}[{key!r}]" if key is not None else f"{owner}[{self._object(source.name, 'key')}]"
        return f"{owner}.{source.name}"

    def _prologue(self, given: dict[Var, Any]) -> list[tuple[str, Line | None]]:
        changes = [*self._other_forms(), *(guard.test(self._object) for guard in self.guards)]
        rows = [f"if {' or '.join(changes)}:", "    raise Outdated"] if changes else []
        moved = []
        for var, source in self.program.inputs.items():
            name = self.names.of[var]
            if isinstance(source, Argument):
                rows += [f"{name} = {name}_leaf._data"] if self.arguments.index(source) in self.nodes else []
            elif isinstance(source, Attribute):
                here = self._reach(source)
                moved += [f"{here} is not {name}"] if var in given else []
                rows += [] if var in given else [f"{name} = {here}"]
            elif isinstance(source, Data):
                leaf = self._leaf(var, source.leaf)
                moved += [f"{leaf}._data is not {name}"] if var in given else []
                rows += [] if var in given else [f"{name} = {leaf}._data"]
            elif isinstance(source, Gradient):
                leaf = self._leaf(var, source.leaf)
                rows += [f"{name} = {leaf}.grad"]
                rows += [f"if {name} is None:", "    raise Outdated"] if isinstance(source.leaf, Tensor) else []
        rows += [f"copyto({self.names.of[inner]}, {self.names.of[x]})" for x, inner in self.copied.items()]
        if self.copied:
            self.objects["copyto"] = np.copyto
        if moved:
            self.objects["bind"] = self.bind
            rows += [f"if {' or '.join(moved)}:", "    bind()"]
        return [(row, None) for row in rows]

    def _other_forms(self) -> list[str]:
        """Tests whether arguments that are plain arrays have another form than those recorded."""
        if not self.plain:
            return []
        self.objects |= {"ndarray": np.ndarray}
        tests = []
        for source, (shape, dtype) in zip(self.arguments, self.plain, strict=True):
            x = self._argument(source)
            kind = self._object(dtype, f"{dtype.name}_")
            tests += [f"{x}.__class__ is not ndarray", f"{x}.shape != {shape}", f"{x}.dtype is not {kind}"]
        return tests

    def _in_place(self, layout: Layout) -> Program:
        """Updates come last, and write where the old value stood unless somebody still reads that."""
        program, given = layout.program, layout.given
        old = {source: var for var, source in program.inputs.items() if var in given}
        targets = {var: old[source] for source, var in program.writes if var is not None and source in old}
        targets = {var: home for var, home in targets.items() if var is not home} | layout.moved
        last = _tail(program.lines, set(targets))
        safe = all(line.kind in (UFUNC, PYTHON) for line in last)  # nothing can fail after the first of them
        results = set(_result_variables(program.result))
        rest = [line for line in program.lines if line not in last]
        for number, line in enumerate(last):
            if line.out not in targets:
                continue
            var, home = line.out, targets[line.out]
            later = {x for other in last[number + 1 :] for x in other.reads()}
            double = sum(other is var for _, other in program.writes) > 1
            if safe and home not in later and var not in results and not double and _writes_into(line):
                given[var] = given[home]
                self.names.of[var] = self.names.of[home]
        self.left = [(var, home) for var, home in layout.moved.items() if var not in given]
        return replace(program, lines=[*rest, *last])

    def _epilogue(self, codegen: Codegen) -> list[tuple[str, Line | None]]:
        rows = [f"{self.names.of[home]}[...] = {self.names.of[var]}" for var, home in self.left]
        stamped = []
        stores = codegen.arrays.stores
        old = {source: var for var, source in self.program.inputs.items()}
        for source, var in self.program.writes:
            name = "None" if var is None else self.names.of[var]
            if isinstance(source, Data) and isinstance(source.leaf, Tensor):
                home = self.names.of[old[source]]
                leaf = self._leaf(old[source], source.leaf)
                rows += [] if name == home else [f"{home}[...] = {name}"]
                stamped.append(leaf)
            elif isinstance(source, Data):
                leaf = self._leaf(old[source], source.leaf)
                rows.append(f"{leaf}._data = {name}")
                stamped.append(leaf)
            elif isinstance(source, Gradient):
                leaf = self._leaf(old.get(Data(source.leaf), var), source.leaf)
                tensor = isinstance(source.leaf, Tensor)
                if tensor and var in stores:  # a tuple, of which `Tensor.grad` makes a copy when it is read
                    self.objects[f"{name}_lent"] = (stores[var].array,)
                    name = f"{name}_lent"
                elif tensor and var is not None:
                    name = f"({name if var.shape else f'np.asarray({name})'},)"
                rows.append(f"{leaf}.{'_grad' if tensor else 'grad'} = {name}")
            elif isinstance(source, ArgumentGradient):
                self.objects["add_gradient"] = add_gradient
                rows.append(f"add_gradient({self._parameter(source.position)}, {name})")
            elif var in stores and source in old and stores[var].array is stores.get(old[source], stores[var]).array:
                pass
            elif source in old and old[source] in stores:
                rows.append(f"{self.names.of[old[source]]}[...] = {name}")
            else:
                rows.append(f"{self._reach(source)} = {name if var is None or not var.shape else f'np.array({name})'}")
        if stamped:
            rows.append(f"{' = '.join(f'{leaf}.stamp' for leaf in stamped)} = tick()")
        result = self._result(self.program.result, codegen)
        return [*((row, None) for row in rows), (f"return {result}", None)]

    def _result(self, tree: Any, codegen: Codegen) -> str:
        if isinstance(tree, Returned):
            name = self.names.of[tree.var]
            value = f"{name}.copy()" if tree.var.shape else name
            return {"Tensor": f"tensor({value})", "Value": f"Value({value})"}.get(tree.kind, value)
        if isinstance(tree, tuple | list):
            inner = ", ".join(self._result(part, codegen) for part in tree)
            if isinstance(tree, list):
                return f"[{inner}]"
            return f"({inner},)" if len(tree) == 1 else f"({inner})"
        if isinstance(tree, dict):
            return f"{{{', '.join(f'{k!r}: {self._result(part, codegen)}' for k, part in tree.items())}}}"
        return self._object(tree, "constant")

    # --- running ---

    def run(self, *leaves: Any) -> Any:
        """One call of the function."""
        try:
            return self.context.run(self._run, *leaves)
        except Outdated:
            raise
        except Exception as error:
            if self._is_outdated():
                raise Outdated from None
            known = isinstance(error, ArithmeticError | ValueError)
            if not known or self.careful or any(line.kind not in (PYTHON, MATH) for line in self.program.lines):
                raise self._explained(error) from error
            # Nothing was stored yet: the same lines once more, with inf and nan where Python's numbers raise.
            self.careful = True
            self._assemble(Layout(self.program, {}), Careful)
            return self.run(*leaves)

    def _is_outdated(self) -> bool:
        """Whether a guard has changed, or an input is gone."""
        try:
            for source in self.program.inputs.values():
                if isinstance(source, Attribute):
                    source.get()
        except (AttributeError, LookupError):
            return True
        return any(guard.has_changed() for guard in self.guards)

    def _explained(self, error: Exception) -> Exception:
        traceback, number = error.__traceback__, 0
        while traceback is not None:
            if traceback.tb_frame.f_code.co_filename == self.file:
                number = traceback.tb_lineno
            traceback = traceback.tb_next
        line = self.lines.get(number)
        if line is not None and line.kind == CHECK:
            return error
        text = linecache.getline(self.file, number).strip()
        where = ", which comes from {}, line {}".format(*line.origin) if line is not None else ""
        return ReplayError(f"{self.program.name} failed at the line `{text}`{where}: {type(error).__name__}: {error}")

    def input_values(self) -> dict[Var, Any]:
        """What the readable program's parameters are now; for arguments, what they were when it was recorded."""
        values = {}
        for var, source in self.readable.program.inputs.items():
            if isinstance(source, Argument):
                values[var] = self.recorded[self.arguments.index(source)]
            elif isinstance(source, Data):
                values[var] = source.leaf._data
            elif isinstance(source, Attribute):
                values[var] = source.get()
            elif isinstance(source, Gradient):
                values[var] = source.leaf.grad
        return values


def commit(left: Sequence[tuple[Any, Var | None, Any]], leaves: Sequence[Any]) -> None:
    """Store what a call leaves behind."""
    for source, _, value in left:
        if isinstance(source, Data):
            if isinstance(source.leaf, Tensor):
                source.leaf.update(value)
            else:
                source.leaf.data = value
        elif isinstance(source, Gradient):
            source.leaf.grad = value
        elif isinstance(source, ArgumentGradient):
            leaf = leaves[source.position]
            leaf.grad = value if leaf.grad is None else leaf.grad + value
        elif isinstance(source, Attribute):
            source.set(value)


def _fetched(source: Any, arguments: Sequence[Argument], leaves: Sequence[Any]) -> Any:
    """The value of an input now."""
    if isinstance(source, Argument):
        x = leaves[arguments.index(source)]
        return x._data if isinstance(x, Node) else x
    if isinstance(source, Data):
        return source.leaf._data
    return source.get() if isinstance(source, Attribute) else source.leaf.grad


def copied(x: Any) -> Any:
    """The value, in memory of its own."""
    return x.copy() if isinstance(x, np.ndarray) else x


def _delivered(tree: Any, values: dict[Var, Any]) -> Any:
    """The result as the function would have returned it."""
    if isinstance(tree, Returned):
        x = copied(values[tree.var])
        return constant(x) if tree.kind == "Tensor" else Value(x) if tree.kind == "Value" else x
    if isinstance(tree, tuple | list):
        return type(tree)([_delivered(part, values) for part in tree])
    if isinstance(tree, dict):
        return {key: _delivered(part, values) for key, part in tree.items()}
    return tree


def add_gradient(leaf: Any, gx: Any) -> None:
    """Add to the gradient of a Tensor or Value that was passed as an argument."""
    if isinstance(gx, np.ndarray | np.generic):
        gx = np.array(gx)
    leaf.grad = gx if leaf.grad is None else leaf.grad + gx


def _tail(lines: Sequence[Line], targets: set[Var]) -> list[Line]:
    """The lines that compute new values of what is updated, and all that depend on these."""
    reached = set(targets)
    tail = []
    for line in lines:
        if line.out in targets or any(var in reached for var in line.reads()):
            reached.add(line.out)
            tail.append(line)
    return tail


def _writes_into(line: Line) -> bool:
    return isinstance(line.function, np.ufunc) and bool(line.out.shape)


def _result_variables(tree: Any) -> list[Var]:
    if isinstance(tree, Returned):
        return [tree.var]
    if isinstance(tree, tuple | list):
        return [var for part in tree for var in _result_variables(part)]
    if isinstance(tree, dict):
        return _result_variables(tuple(tree.values()))
    return []


def _optimized(program: Program) -> Program:
    for improve in (optimize.without_repetition, optimize.simplified, optimize.without_dead_code):
        program = improve(program)
    return program
