"""A compiled function's program as a graph: a node for each line and each input, an arrow for each name that is read.

The elements of the picture have an ``id``: ``node-3`` is ``nodes[3]`` of the `Listing`, ``edge-3-1`` the arrow to it
from what it reads second, ``section-backward`` the frame around a section.
"""

import ast
import textwrap
from collections.abc import Iterator
from typing import Any, NamedTuple, Protocol

from tinygrad_edu.errors import ArgumentError
from viz.formulas.numbers import one_line
from viz.pictures import dot
from viz.pictures.palette import Theme

_WIDE, _LINES = 36, 2  # characters and lines of a box's code
_NAME_SIZE = 17  # points, of a name that is alone in its box
_TANGLE = 25_000  # ranks that the arrows pass in all: of more, no picture is drawn
_CONSTANT = 100  # characters of an array that is written out
_DESCRIBED = 60  # up to so many lines are described one by one


class Compiled(Protocol):
    """The part of a compiled function that is needed here, so that `tinygrad_edu.compile` is not imported.

    ``source`` is the program as text, ``program`` the same as data, ``listing`` the body of the source line by line,
    and ``numbers`` what each variable of the program is.
    """

    @property
    def source(self) -> str: ...
    @property
    def program(self) -> Any: ...
    @property
    def listing(self) -> list[tuple[str, Any]]: ...
    @property
    def numbers(self) -> dict[Any, Any]: ...


class Line(NamedTuple):
    """An input or a line of the program, which is a node of its graph.

    ``name`` is the variable that it computes, ``code`` its text, and ``about`` its shape. ``reads`` are the nodes whose
    names are in it. ``var`` is its variable in the program, if there is one.
    """

    name: str
    kind: str  # "argument", "parameter", "state", "constant", "line" or "return"
    code: str
    about: str
    section: str
    reads: tuple[int, ...]
    var: Any = None

    @property
    def is_setting(self) -> bool:
        """Whether it is a number that an optimizer keeps, such as its learning rate."""
        return self.kind == "state" and not self.about


class Listing(NamedTuple):
    """The lines of a program, in order: constants, inputs, the body."""

    name: str
    nodes: list[Line]
    fixed: tuple[str, ...] = ()  # what the function read when it was recorded, and the program has as constants

    def edges(self) -> Iterator[tuple[int, int, int]]:
        """The reader, the place among what it reads, and what is read."""
        for i, node in enumerate(self.nodes):
            for place, read in enumerate(node.reads):
                yield i, place, read

    def arrows(self) -> Iterator[tuple[int, int, int]]:
        """The edges that a picture shows: those from the settings would cover all others."""
        return (edge for edge in self.edges() if not self.nodes[edge[2]].is_setting)

    def words(self, i: int) -> str:
        """A node in a sentence or two: what it is, and what becomes of it."""
        node = self.nodes[i]
        said = f"{node.name}, {node.kind}" if node.section == "" and node.kind != "return" else node.code
        said += f": {node.about}" if node.about else ""
        readers = ["its update" if other.name == node.name else other.name for other in self.nodes if i in other.reads]
        return f"{said}. Read by {_enumerated(readers)}." if readers else f"{said}."


def is_compiled(x: Any) -> bool:
    """Whether it is a function made by `tinygrad_edu.compile`, or such a method of an object.

    Only its type is checked, because a function that was not called yet raises when asked for its program.
    """
    kind = type(getattr(x, "__func__", x))
    return hasattr(kind, "listing") and hasattr(kind, "program")


def listing(compiled: Compiled, max_nodes: int) -> Listing:
    """Read the program of the latest call.

    It reads the text, because only the text has the names of the inputs and the updates in place.

    Raises
    ------
    CompileError : the function was not called yet.
    ArgumentError : the program has more than ``max_nodes`` lines and inputs.
    """
    compiled = getattr(compiled, "__func__", compiled)
    rows = compiled.listing
    tree = ast.parse(compiled.source).body
    function = tree[-1]
    assert isinstance(function, ast.FunctionDef)
    nodes = [*_constants(tree), *_inputs(compiled.program, function.args)]
    count = len(nodes) + sum(_is_code(text) for text, _ in rows)
    if count > max_nodes:
        raise ArgumentError(
            f"a picture shows up to {max_nodes:,} nodes, but {function.name} has {count:,} lines and inputs: compile a "
            "part of it, or read its source"
        )
    latest = {node.name: i for i, node in enumerate(nodes)}
    section = ""
    for text, line in rows:
        if text in ("# forward", "# backward", "# update"):  # another comment is a remark
            section = text.removeprefix("# ")
        elif _is_code(text):
            var = compiled.program.result if line is None else line.out
            node = _line(text, section, latest)._replace(var=getattr(var, "var", var))
            latest[node.name] = len(nodes)
            nodes.append(node)
    return Listing(function.name, nodes, tuple(map(str, getattr(compiled, "fixed", ()))))


def _is_code(text: str) -> bool:
    return bool(text) and not text.startswith("#")


def _constants(tree: list[ast.stmt]) -> Iterator[Line]:
    """The arrays that the source writes out above the function."""
    for statement in tree:
        if isinstance(statement, ast.Assign) and isinstance(statement.targets[0], ast.Name):
            code = one_line(ast.unparse(statement), _CONSTANT)
            yield Line(statement.targets[0].id, "constant", code, "", "", ())


_KINDS = {"Argument": "argument", "Data": "parameter"}  # by where an input comes from


def _inputs(program: Any, arguments: ast.arguments) -> Iterator[Line]:
    from tinygrad_edu.compiler.write.emit import shape_comment
    from tinygrad_edu.compiler.write.source import parameters

    names = [argument.arg for argument in arguments.args]
    given = [f"={ast.unparse(default)}" for default in arguments.defaults]
    given = [""] * (len(names) - len(given)) + given
    for var, name, default in zip(parameters(program), names, given, strict=True):
        kind = _KINDS.get(type(program.inputs[var]).__name__, "state")
        yield Line(name, kind, name + default, shape_comment(var), "", (), var)


def _line(text: str, section: str, latest: dict[str, int]) -> Line:
    code, _, about = text.partition("  # ")
    code = code.rstrip()
    statement = ast.parse(code).body[0]
    if isinstance(statement, ast.Return):
        return Line("return", "return", code, "", "", _reads(statement, latest))
    if isinstance(statement, ast.AugAssign):
        return Line(ast.unparse(statement.target), "line", code, about, section, _reads(statement, latest))
    assert isinstance(statement, ast.Assign)
    target = statement.targets[0]
    if isinstance(target, ast.Subscript):  # the whole array is written, and nothing of it read
        target = target.value
    return Line(ast.unparse(target), "line", code, about, section, _reads(statement.value, latest))


def _reads(tree: ast.AST, latest: dict[str, int]) -> tuple[int, ...]:
    """What is read, in the order of the text, each once."""
    names = [part for part in ast.walk(tree) if isinstance(part, ast.Name)]
    names.sort(key=lambda name: name.col_offset)
    return tuple(dict.fromkeys(latest[name.id] for name in names if name.id in latest))


def _enumerated(names: list[str]) -> str:
    names = [*dict.fromkeys(names)]
    return " and ".join(filter(None, [", ".join(names[:-1]), names[-1]]))


# --- the picture --------------------------------------------------------------------------------------------------

_LOOKS = {"argument": "leaf", "state": "constant", "line": "operation", "return": "root"}


def _look(node: Line) -> str:
    """The kind of node, as the palette has it."""
    return _LOOKS.get(node.kind, node.kind)


def title(program: Listing) -> str:
    """The program's name and its size."""
    return f"{program.name}: {len(program.nodes):,} nodes, {sum(1 for _ in program.arrows()):,} edges"


def description(program: Listing) -> str:
    """Every line in words, for a screen reader."""
    if len(program.nodes) > _DESCRIBED:
        return "An arrow leads from what is read to the line that reads it."
    return "\n".join(map(program.words, range(len(program.nodes))))


def source(program: Listing, direction: str, theme: Theme, *, code: bool) -> str:
    """The program's graph in Graphviz's language DOT; the boxes of lines show their ``code``, or their names alone."""
    sheet = dot.Sheet(direction, theme, 11 if code else _NAME_SIZE, "0.08,0.04", 0.25, 0.35, "arrowsize=0.6")
    boxes = []
    for i, section in enumerate(_sections(program)):
        opening = section and dot.frame(section, f"section-{section}", "section", section, theme)
        boxes.append((opening, _box(program, i, theme, code)))
    arrows = [dot.arrow(f"node-{read}", f"node-{i}", id=f"edge-{i}-{place}") for i, place, read in program.arrows()]
    return dot.digraph(sheet, [*dot.joined(boxes), *arrows], _effort(program))


def _sections(program: Listing) -> list[str]:
    """The frame of each node. A state is in the frame of the one section that reads it, so that no arrow is long.

    The settings have a separate frame without arrows, because half of the lines read them.
    """
    readers: dict[int, set[str]] = {}
    for i, _, read in program.edges():
        readers.setdefault(read, set()).add(program.nodes[i].section)
    sections = []
    for i, node in enumerate(program.nodes):
        only = readers.get(i, set()) if node.kind == "state" else set()
        sections.append("settings" if node.is_setting else only.pop() if len(only) == 1 else node.section)
    return sections


def _effort(program: Listing) -> str:
    """Straight arrows, where they are so long in all that Graphviz would bend them around boxes for minutes.

    Raises
    ------
    ArgumentError : they are longer still.
    """
    ranks = dot.ranks(range(len(program.nodes)), ((read, i) for i, _, read in program.edges()))
    length = sum(ranks[i] - ranks[read] for i, _, read in program.arrows())
    refusal = (
        f"the arrows of {program.name} pass {length:,} ranks in all, so they could not be followed: compile a "
        "part of it, or read its source"
    )
    return dot.effort(length, _TANGLE, refusal, " splines=line")


def _box(program: Listing, i: int, theme: Theme, code: bool) -> str:
    node = program.nodes[i]
    style = theme.kinds[_look(node)]
    parts = [f"<B>{dot.markup(node.name)}</B>"]
    if code and node.kind in ("line", "return"):
        text = node.code.removeprefix(node.name).removeprefix("[...]").removeprefix(" =").strip()
        rows = textwrap.wrap(text, _WIDE, max_lines=_LINES, placeholder=" …")
        parts.append("<BR/>".join(dot.markup(row, _WIDE) for row in rows))
    if node.about:
        parts.append(dot.font(dot.markup(node.about), POINT_SIZE=9 if code else 11, COLOR=theme.quiet))
    face = dot.table(*map(dot.cell, filter(None, parts)))
    return dot.box(f"node-{i}", _look(node), style, face, program.words(i))
