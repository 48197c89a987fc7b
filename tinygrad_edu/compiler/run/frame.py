"""The code around a program's lines: it checks the guards, reads the inputs, and stores the results."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tinygrad_edu.compiler.guards import Guard, place_text
from tinygrad_edu.compiler.program import Returned, Var
from tinygrad_edu.compiler.record.names import identifier
from tinygrad_edu.compiler.rewrite.layout import Layout
from tinygrad_edu.compiler.run.codegen import Codegen
from tinygrad_edu.compiler.run.interpreter import add_gradient
from tinygrad_edu.compiler.sources import Argument, ArgumentGradient, Attribute, Data, Gradient
from tinygrad_edu.graph.clock import CLOCK
from tinygrad_edu.tensor import Tensor, constant
from tinygrad_edu.value import Value


class Outdated(Exception):  # noqa: N818 no error: the function is recorded again
    """Something that the program was recorded for has changed."""


@dataclass
class Signature:
    """The arguments of a call as one flat sequence, however they were nested."""

    arguments: Sequence[Argument]
    nodes: set[int]  # positions of those that are Tensors or Values
    plain: Sequence[tuple[tuple[int, ...], Any]]  # shapes and dtypes, if all are arrays and nothing else is passed


class Frame:
    """Writes the code; ``objects`` maps the names in it to the objects that they mean."""

    def __init__(self, codegen: Codegen, layout: Layout, signature: Signature, bind: Callable[[], None]) -> None:
        self.codegen = codegen
        self.program = codegen.program
        self.names = codegen.names
        self.layout = layout
        self.signature = signature
        self.bind = bind
        self.objects: dict[str, Any] = {}
        self.arguments = [*map(self._argument, signature.arguments)]  # the names of arrays and numbers
        self.parameters = [  # of these, or of the nodes that hold them
            self.names.reserve(f"{name}_leaf") if i in signature.nodes else name
            for i, name in enumerate(self.arguments)
        ]

    # --- names ---

    def _argument(self, source: Argument) -> str:
        for var, known in self.program.inputs.items():
            if known == source:
                return self.names.of[var]
        return self.names.reserve(identifier(f"unused_{source.words()}"))

    def _object(self, x: Any, name: str) -> str:
        """The name of an object in the text."""
        for known, y in self.objects.items():
            if y is x:
                return known
        unique = self.names.reserve(name)
        self.objects[unique] = x
        return unique

    def _leaf(self, var: Var | None, leaf: Any) -> str:
        return self._object(leaf, f"{self.names.of[var]}_leaf" if var in self.names.of else "leaf")

    def _reach(self, source: Attribute) -> str:
        owner = source.owner
        return place_text(self._object(owner, type(owner).__name__.lower()), owner, source.name, self._object)

    # --- before the lines ---

    def prologue(self, guards: Sequence[Guard]) -> list[str]:
        """Guards, then inputs. Inputs in the program's own memory must still be there."""
        changes = [*self._other_forms(), *(guard.test(self._object) for guard in guards)]
        outdated = f"    raise {self._object(Outdated, 'Outdated')}"
        rows = [f"if {' or '.join(changes)}:", outdated] if changes else []
        moved = []
        for var, source in self.program.inputs.items():
            name, here = self.names.of[var], self._place(var, source)
            if var in self.layout.given and isinstance(source, Data | Attribute):
                moved.append(f"{here} is not {name}")
            elif here:
                rows.append(f"{name} = {here}")
            if isinstance(source, Gradient) and isinstance(source.leaf, Tensor):
                rows += [f"if {name}.__class__ is not {self._object(np.ndarray, 'ndarray')}:", outdated]
            elif isinstance(source, Gradient):  # of a Value: a node, if the backward pass was recorded
                rows += [f"if isinstance({name}, {self._object(Value, 'Value')}):", outdated]
        for x, inner in self.layout.copied.items():
            rows.append(f"{self._object(np.copyto, 'copyto')}({self.names.of[inner]}, {self.names.of[x]})")
        return [*rows, f"if {' or '.join(moved)}:", f"    {self._object(self.bind, 'bind')}()"] if moved else rows

    def _place(self, var: Var, source: Any) -> str:
        """The expression that gives an input; "" for a parameter of the function."""
        if isinstance(source, Argument):
            i = self.signature.arguments.index(source)
            return f"{self.parameters[i]}._data" if i in self.signature.nodes else ""
        if isinstance(source, Attribute):
            return self._reach(source)
        return f"{self._leaf(var, source.leaf)}.{'_data' if isinstance(source, Data) else 'grad'}"

    def _other_forms(self) -> list[str]:
        """Tests whether plain arrays among the arguments have other shapes or types than the recorded ones."""
        if not self.signature.plain:
            return []
        tests, array = [], self._object(np.ndarray, "ndarray")
        for x, (shape, dtype) in zip(self.arguments, self.signature.plain, strict=True):
            kind = self._object(dtype, f"{dtype.name}_")
            tests += [f"{x}.__class__ is not {array}", f"{x}.shape != {shape}", f"{x}.dtype is not {kind}"]
        return tests

    # --- after the lines ---

    def epilogue(self) -> list[str]:
        """What is stored, and the result."""
        rows = [f"{self.names.of[home]}[...] = {self.names.of[var]}" for var, home in self.layout.left]
        old = {source: var for var, source in self.program.inputs.items()}
        stamped = []
        for source, var in self.program.writes:
            name = "None" if var is None else self.names.of[var]
            if isinstance(source, Data):
                rows += self._new_data(source, old[source], name)
                stamped.append(f"{self._leaf(old[source], source.leaf)}.stamp")
            elif isinstance(source, Gradient):
                rows.append(self._new_gradient(source, old.get(Data(source.leaf), var), var))
            elif isinstance(source, ArgumentGradient):
                add = self._object(add_gradient, "add_gradient")
                rows.append(f"{add}({self.parameters[source.position]}, {name})")
            else:
                rows += self._new_attribute(source, old.get(source), var)
        if stamped:
            rows.append(f"{' = '.join(stamped)} = {self._object(CLOCK.tick, 'tick')}()")
        return [*rows, f"return {self._result(self.program.result)}"]

    def _new_data(self, source: Data, old: Var, name: str) -> list[str]:
        home = self.names.of[old]
        if not isinstance(source.leaf, Tensor):
            return [f"{self._leaf(old, source.leaf)}._data = {name}"]
        return [] if name == home else [f"{home}[...] = {name}"]

    def _new_gradient(self, source: Gradient, leaf: Var | None, var: Var | None) -> str:
        name = "None" if var is None else self.names.of[var]
        place = self._leaf(leaf, source.leaf)
        if not isinstance(source.leaf, Tensor):
            return f"{place}._grad = {name}"
        if var in self.codegen.arrays.stores:  # a tuple: `Tensor.grad` makes a copy of the array when it is read
            return f"{place}._grad = {self._object((self.codegen.arrays.stores[var].array,), f'{name}_uncopied')}"
        if var is not None:
            return f"{place}._grad = ({name if var.shape else f'np.asarray({name})'},)"
        return f"{place}._grad = None"

    def _new_attribute(self, source: Attribute, old: Var | None, var: Var | None) -> list[str]:
        name, stores = "None" if var is None else self.names.of[var], self.codegen.arrays.stores
        if old is not None and old in stores:
            there = var in stores and stores[var].array is stores[old].array
            return [] if there else [f"{self.names.of[old]}[...] = {name}"]
        return [f"{self._reach(source)} = {name if var is None or not var.shape else f'np.array({name})'}"]

    def _result(self, tree: Any) -> str:
        if isinstance(tree, Returned):
            name = self.names.of[tree.var]
            is_array = tree.var.shape or tree.var in self.codegen.arrays.stores  # one without axes is an array, too
            value = f"{name}.copy()" if is_array else name
            made = {"Tensor": (constant, "tensor"), "Value": (Value, "Value")}.get(tree.kind)
            return f"{self._object(*made)}({value})" if made else value
        if type(tree) in (tuple, list):  # a named tuple is a constant
            inner = ", ".join(map(self._result, tree))
            if type(tree) is list:
                return f"[{inner}]"
            return f"({inner},)" if len(tree) == 1 else f"({inner})"
        if type(tree) is dict:
            return f"{{{', '.join(f'{k!r}: {self._result(part)}' for k, part in tree.items())}}}"
        return self._object(tree, "constant")
