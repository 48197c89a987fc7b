"""Imports go one way: from a layer to the layers below it, without circles. `docs/architecture.md` lists the layers."""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = ("tinygrad_edu", "viz", "demos")

# The layer of a module: that of the longest entry that its name starts with.
LAYERS = {
    "tinygrad_edu.errors": 0,
    "tinygrad_edu.support": 0,
    "tinygrad_edu.operations": 1,
    "tinygrad_edu.graph": 2,
    "tinygrad_edu.speed": 2,
    "tinygrad_edu.value": 3,
    "tinygrad_edu.value_functions": 3,
    "tinygrad_edu.dot": 3,
    "tinygrad_edu.tensor": 3,
    "tinygrad_edu.functions": 3,
    "tinygrad_edu.compositions": 3,
    "tinygrad_edu.indexed_updates": 3,
    "tinygrad_edu.numpy_protocol": 3,
    "tinygrad_edu.javascript": 3,
    "tinygrad_edu.transforms": 4,
    "tinygrad_edu.gradient_check": 4,
    "tinygrad_edu.custom_operation": 4,
    "tinygrad_edu.serialization": 4,
    "tinygrad_edu.data": 4,
    "tinygrad_edu.nn": 4,
    "tinygrad_edu.optim": 4,
    "tinygrad_edu.compiler": 5,
    "tinygrad_edu.javascript.array_rows": 5,
    "tinygrad_edu.javascript.emit": 5,
    "tinygrad_edu.javascript.expressions": 5,
    "tinygrad_edu.javascript.literals": 5,
    "tinygrad_edu.javascript.sizes": 5,
    "tinygrad_edu.train": 5,
    "tinygrad_edu.sklearn": 5,
    "tinygrad_edu.convert": 5,
    "tinygrad_edu.export": 5,
    "tinygrad_edu": 5,  # the package itself: it exports names of all of its layers
    "viz": 6,
    "demos": 7,
}
# A package whose ``__init__`` only names what its modules offer. What is imported from it, it imports when asked.
FACADES = ("tinygrad_edu",)


class Import(NamedTuple):
    """``importer`` needs ``imported``: at once, or late (in a function, or for a type checker alone)."""

    importer: str
    imported: str
    late: bool


@cache
def modules() -> dict[str, Path]:
    return {
        ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path
        for package in PACKAGES
        for path in sorted((ROOT / package).rglob("*.py"))
    }


def is_type_checking(test: ast.expr) -> bool:
    return ast.unparse(test) in ("TYPE_CHECKING", "typing.TYPE_CHECKING")


def statements(body: list[ast.stmt], late: bool = False) -> Iterator[tuple[ast.Import | ast.ImportFrom, bool]]:
    """Every import statement, and whether it runs later than its module, or only for a type checker."""
    for statement in body:
        if isinstance(statement, ast.Import | ast.ImportFrom):
            yield statement, late
        function = isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef)
        typing = isinstance(statement, ast.If) and is_type_checking(statement.test)
        for name in ("body", "handlers", "orelse", "finalbody"):
            part = [x for x in getattr(statement, name, []) if isinstance(x, ast.stmt | ast.ExceptHandler)]
            if part:
                yield from statements(part, late or function or (typing and name == "body"))


def imported_names(module: str, statement: ast.Import | ast.ImportFrom) -> Iterator[str]:
    if isinstance(statement, ast.Import):
        yield from (alias.name for alias in statement.names)
        return
    base = statement.module or ""
    if statement.level:
        is_package = modules()[module].name == "__init__.py"
        parts = module.split(".")
        parts = parts[: len(parts) - statement.level + is_package]
        base = ".".join([*parts, *filter(None, [base])])
    for alias in statement.names:
        inner = f"{base}.{alias.name}"
        yield inner if inner in modules() else base


@cache
def imports() -> frozenset[Import]:
    return frozenset(
        Import(module, name, late)
        for module, path in modules().items()
        for statement, late in statements(ast.parse(path.read_text(encoding="utf-8")).body)
        for name in imported_names(module, statement)
        if name in modules() and name != module
    )


def circles(pairs: set[tuple[str, str]]) -> set[frozenset[str]]:
    """Groups of modules, each of which leads to every other one of its group."""
    reach: dict[str, set[str]] = {}
    below: dict[str, set[str]] = {}
    for importer, imported in pairs:
        below.setdefault(importer, set()).add(imported)
    for start in below:
        seen: set[str] = set()
        stack = list(below[start])
        while stack:
            module = stack.pop()
            if module not in seen:
                seen.add(module)
                stack += below.get(module, ())
        reach[start] = seen
    return {
        frozenset(other for other in seen if start in reach.get(other, ()))
        for start, seen in reach.items()
        if start in seen
    }


def layer(module: str) -> int:
    parts = module.split(".")
    return next(LAYERS[name] for n in range(len(parts), 0, -1) if (name := ".".join(parts[:n])) in LAYERS)


def listed(found: set[frozenset[str]]) -> str:
    return "; ".join(" ↔ ".join(sorted(circle)) for circle in found)


def test_every_module_has_a_layer():
    assert all(layer(module) >= 0 for module in modules())
    assert all(any(module.startswith(name) for module in modules()) for name in LAYERS)


def test_no_circles_when_modules_are_loaded():
    found = circles({(i.importer, i.imported) for i in imports() if not i.late})
    assert not found, f"import circles: {listed(found)}"


def test_no_circles_with_the_imports_in_functions_and_for_type_checkers():
    found = circles({(i.importer, i.imported) for i in imports() if i.importer not in FACADES})
    assert not found, f"late import circles: {listed(found)}"


def test_imports_go_down():
    climbs = {
        (i.importer, i.imported)
        for i in imports()
        if i.importer not in FACADES and i.imported not in FACADES and layer(i.imported) > layer(i.importer)
    }
    assert not climbs, f"imports from a layer above: {sorted(climbs)}"


# Where the slot `Node._data` is read: in the engine and in inner loops. `Node.raw` there took 2 % of an XOR step.
READ_THE_SLOT = (
    *("tinygrad_edu.graph", "tinygrad_edu.operations", "tinygrad_edu.speed"),
    *("tinygrad_edu.value", "tinygrad_edu.tensor", "tinygrad_edu.dot", "tinygrad_edu.compiler.run.machine"),
    *("tinygrad_edu.nn.layers", "tinygrad_edu.nn.losses", "tinygrad_edu.optim.optimizer"),
)


def test_other_modules_read_the_data_of_a_node_by_its_public_name():
    found = {
        f"{module}, line {node.lineno}"
        for module, path in modules().items()
        if not module.startswith(READ_THE_SLOT)
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Attribute) and node.attr == "_data" and isinstance(node.ctx, ast.Load)
    }
    assert not found, f"read node.raw, not node._data: {sorted(found)}"


@pytest.mark.parametrize(
    ("pairs", "expected"),
    [
        ({("a", "b"), ("b", "c")}, set()),
        ({("a", "b"), ("b", "a"), ("b", "c")}, {frozenset("ab")}),
        ({("a", "b"), ("b", "c"), ("c", "a"), ("d", "a")}, {frozenset("abc")}),
    ],
)
def test_circles_are_found(pairs, expected):
    assert circles(pairs) == expected


def test_late_imports_are_told_from_those_at_once():
    body = ast.parse(
        "import a\nif TYPE_CHECKING:\n import b\nelse:\n import c\ndef f():\n import d\nclass C:\n import e\n"
    )
    assert [(s.names[0].name, late) for s, late in statements(body.body)] == [
        ("a", False),
        ("b", True),
        ("c", False),
        ("d", True),
        ("e", False),
    ]
