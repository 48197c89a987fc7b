"""The printed program, run as it is: to check what people read, and to replace a faulty fast program."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from tinygrad_edu.compiler.program import Returned
from tinygrad_edu.compiler.run.interpreter import copied, delivered, fetched, store
from tinygrad_edu.compiler.sources import Argument, Setting
from tinygrad_edu.compiler.write.source import Readable


class Printed:
    """The text of a program as a function of the arguments, which stores what the program writes."""

    def __init__(self, readable: Readable, arguments: Sequence[Argument]) -> None:
        self.readable = readable
        self.program = readable.program
        self.arguments = arguments
        namespace: dict[str, Any] = {}
        exec(readable.text(with_locals=True), namespace)  # noqa: S102 the text made by `write`
        namespace.update(readable.writer.constants)  # the arrays and generators that the text names
        self.function = namespace[self.program.name]

    def run(self, *leaves: Any) -> Any:
        """One call."""
        given = {
            self.readable.names.of[var]: copied(fetched(source, self.arguments, leaves))
            for var, source in self.program.inputs.items()
            if not isinstance(source, Setting)
        }
        with np.errstate(all="ignore"):
            known, result = self.function(**given)
        returned = _delivered(self.program.result, result)
        store(self.program, lambda var: known[self.readable.names.of[var]], leaves)
        return returned


def _delivered(tree: Any, result: Any) -> Any:
    """The result as the function would have returned it."""
    if isinstance(tree, Returned):
        return delivered(result, tree.kind)
    if type(tree) in (tuple, list):
        return type(tree)([_delivered(part, x) for part, x in zip(tree, result, strict=True)])
    if type(tree) is dict:
        return {key: _delivered(part, result[key]) for key, part in tree.items()}
    return tree
