"""Trees: lists, tuples, dicts and dataclasses of leaves, nested in any way. A leaf is anything else."""

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any


def leaves_of(tree: Any) -> list[Any]:
    """The leaves of the tree in order.

    Examples
    --------
    >>> leaves_of({"W": 1.0, "layers": [2.0, (3.0, 4.0)]})
    [1.0, 2.0, 3.0, 4.0]
    """
    parts = _parts(tree)
    return [tree] if parts is None else [leaf for part in parts for leaf in leaves_of(part)]


def tree_like(tree: Any, leaves: Sequence[Any]) -> Any:
    """The tree with other leaves: equally many, in the order of `leaves_of`.

    Examples
    --------
    >>> tree_like({"W": 1.0, "layers": [2.0, (3.0, 4.0)]}, "abcd")
    {'W': 'a', 'layers': ['b', ('c', 'd')]}
    """
    rest = iter(leaves)
    return _rebuilt(tree, lambda _: next(rest))


def map_tree(function: Callable[[Any], Any], tree: Any) -> Any:
    """The tree with each leaf replaced by ``function(leaf)``.

    Examples
    --------
    >>> map_tree(lambda x: 2 * x, [1.0, {"b": 3.0}])
    [2.0, {'b': 6.0}]
    """
    return _rebuilt(tree, function)


def _is_record(tree: Any) -> bool:
    return dataclasses.is_dataclass(tree) and not isinstance(tree, type)


def _parts(tree: Any) -> list[Any] | None:
    """The branches of the tree, or None for a leaf."""
    if isinstance(tree, dict):
        return list(tree.values())
    if isinstance(tree, list | tuple):
        return list(tree)
    if _is_record(tree):
        return [getattr(tree, field.name) for field in dataclasses.fields(tree)]
    return None


def _rebuilt(tree: Any, leaf: Callable[[Any], Any]) -> Any:
    if isinstance(tree, dict):
        return type(tree)({key: _rebuilt(part, leaf) for key, part in tree.items()})
    if isinstance(tree, tuple) and hasattr(tree, "_fields"):  # a named tuple
        return type(tree)(*[_rebuilt(part, leaf) for part in tree])
    if isinstance(tree, list | tuple):
        return type(tree)([_rebuilt(part, leaf) for part in tree])
    if _is_record(tree):
        changed = {field.name: _rebuilt(getattr(tree, field.name), leaf) for field in dataclasses.fields(tree)}
        return dataclasses.replace(tree, **changed)
    return leaf(tree)
