"""From the text of a row to Python functions."""

import ast
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar


class _WithCalls(ast.NodeTransformer):
    """``/`` and ``**`` become calls of ``divide`` and ``power``: Python's own raise where IEEE has inf and nan."""

    names: ClassVar[dict[type[ast.operator], str]] = {ast.Div: "divide", ast.Pow: "power"}

    def visit_BinOp(self, node: ast.BinOp) -> ast.expr:
        self.generic_visit(node)
        name = self.names.get(type(node.op))
        return ast.Call(ast.Name(name, ast.Load()), [node.left, node.right], []) if name else node


class _ForFloats(_WithCalls):
    """A choice evaluates one side only.

    ``maximum(x, 0.0)`` of bare names and numbers is a choice, too: a call would take longer than the rest of ReLU.
    """

    def visit_Call(self, node: ast.Call) -> ast.expr:
        self.generic_visit(node)
        match node:
            case ast.Call(ast.Name("where"), [test, yes, no]):
                return ast.IfExp(test, yes, no)
            case ast.Call(ast.Name("maximum"), [ast.Name() as a, (ast.Name() | ast.Constant()) as b]):
                return _parse(f"{a.id} if {a.id} > {ast.unparse(b)} or {a.id} != {a.id} else {ast.unparse(b)}")
        return node


class _ForArrays(_WithCalls):
    """``**`` becomes a call of ``power``, which knows small whole powers."""

    names: ClassVar[dict[type[ast.operator], str]] = {ast.Pow: "power"}


class _WithoutGy(ast.NodeTransformer):
    """The derivative for an incoming gradient of one, with the ones multiplied out."""

    def visit_Name(self, node: ast.Name) -> ast.expr:
        return ast.Constant(1) if node.id == "gy" else node

    def visit_BinOp(self, node: ast.BinOp) -> ast.expr:
        self.generic_visit(node)
        if isinstance(node.op, ast.Mult):
            if _is_one(node.left):
                return node.right
            if isinstance(node.left, ast.UnaryOp) and _is_one(node.left.operand):
                return ast.UnaryOp(ast.USub(), node.right)
        return node


def _is_one(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value == 1


def _parse(text: str) -> ast.expr:
    return ast.parse(text, mode="eval").body


def float_source(text: str) -> str:
    """The text as Python that computes on floats with the names of `FLOATS`."""
    return ast.unparse(_ForFloats().visit(_parse(text)))


def source_with_calls(text: str) -> str:
    """The text with calls of ``divide`` and ``power`` instead of operators."""
    return ast.unparse(_WithCalls().visit(_parse(text)))


def array_source(text: str) -> str:
    """The text as Python that computes on arrays with the names of `operations.arrays`."""
    return ast.unparse(_ForArrays().visit(_parse(text))) if "**" in text else text


def without_gy(text: str) -> str:
    """The derivative for an incoming gradient of one: ``gy * (1 - y * y)`` becomes ``1 - y * y``."""
    return ast.unparse(_WithoutGy().visit(_parse(text)))


def names_in(text: str) -> set[str]:
    """The names that the text uses."""
    return {node.id for node in ast.walk(_parse(text)) if isinstance(node, ast.Name)}


def function_of(arguments: Sequence[str], text: str, vocabulary: Mapping[str, Any]) -> Any:
    """The function of these arguments that a row's text describes; ``vocabulary`` says what its words mean."""
    code = compile(f"lambda {', '.join(arguments)}: {text}", f"{__file__}: {text}", "eval")
    return eval(code, {"__name__": __name__, **vocabulary})  # noqa: S307 the rows below, never a user's text
