"""Lists of parameters, checked."""

from collections.abc import Iterable
from itertools import chain
from typing import Any

from tinygrad_edu.errors import ArgumentError, DTypeError, ShapeError
from tinygrad_edu.graph.node import Node, data_of, describe
from tinygrad_edu.support.arguments import shown


def nodes_of(params: Any, name: str) -> list[Any]:
    """The Tensors and Values in ``params``; a single one counts as a list."""
    if isinstance(params, Node):
        return [params]
    if not isinstance(params, Iterable):
        raise _no_list(params, name)
    found = list(params)
    for i, p in enumerate(found):
        if not isinstance(p, Node):
            raise DTypeError(f"{name}: a parameter is a Tensor or a Value, but number {i} is {shown(p)}")
    return found


def _no_list(params: Any, name: str) -> DTypeError:
    return DTypeError(f"{name} takes a list of parameters, such as net.parameters(), but was given {shown(params)}")


def groups_of(params: Any, name: str, settings: tuple[str, ...]) -> tuple[Any, list[dict[str, Any]]]:
    """All parameters, and the groups if ``params`` is a list of dicts, which may have these settings."""
    if not isinstance(params, Iterable) or isinstance(params, Node):
        return params, []
    found = list(params)
    if not found or not all(isinstance(group, dict) for group in found):
        return found, []
    groups = [{**group, "params": nodes_of(group.get("params"), name)} for group in found]
    for setting in chain.from_iterable(groups):
        if setting not in ("params", *settings):
            raise ArgumentError(f"{name}: a group has no setting {setting!r}: there are {', '.join(settings)}")
    return [p for group in groups for p in group["params"]], groups


def leaves_of(params: Any, name: str) -> list[Any]:
    """The parameters that an optimizer may change: at least one, each a leaf that holds floats, each once."""
    if isinstance(params, Node):
        raise _no_list(params, name)
    found = nodes_of(params, name)
    if not found:
        raise ArgumentError(
            f"{name} was given no parameters: is net.parameters() empty, or an iterator used up? A parameter is no "
            "array, but a Tensor of floats in an attribute of a Module, such as Tensor([1.0, 2.0])"
        )
    for i, p in enumerate(found):
        if p.operation is not None or getattr(getattr(p, "dtype", None), "kind", "f") != "f":
            raise ArgumentError(
                f"{name}: a parameter is a leaf that holds floats, but number {i} is {describe(p)}: {shown(p)}"
            )
    if len({*found}) < len(found):
        twice = next(p for i, p in enumerate(found) if p in {*found[:i]})
        raise ArgumentError(
            f"{name} was given the same parameter twice, and would change it twice a step: {shown(twice)}"
        )
    return found


def parameters_to_vector(params: Iterable[Any]) -> Any:
    """All numbers of the parameters, one after another, as an array.

    Notes
    -----
    PyTorch: ``torch.nn.utils.parameters_to_vector``.

    Examples
    --------
    >>> from tinygrad_edu import Tensor
    >>> parameters_to_vector([Tensor([[1.0, 2.0]]), Tensor(3.0)]).tolist()
    [1.0, 2.0, 3.0]
    """
    import numpy as np  # here, because Values are optimized without NumPy

    return np.concatenate([np.ravel(data_of(p)) for p in nodes_of(params, "parameters_to_vector")])


def vector_to_parameters(vector: Any, params: Iterable[Any]) -> None:
    """Write the numbers of a vector into the parameters, in the order of `parameters_to_vector`.

    Raises
    ------
    ShapeError : there are more or fewer numbers than the parameters hold. Nothing has changed.

    Notes
    -----
    PyTorch: ``torch.nn.utils.vector_to_parameters``.

    Examples
    --------
    >>> from tinygrad_edu import Tensor
    >>> W = Tensor([[1.0, 2.0]])
    >>> vector_to_parameters([3.0, 4.0], [W])
    >>> W.tolist()
    [[3.0, 4.0]]
    """
    import numpy as np

    found = nodes_of(params, "vector_to_parameters")
    numbers, sizes = np.asarray(vector), [getattr(p, "size", 1) for p in found]
    if numbers.shape != (sum(sizes),):
        raise ShapeError(
            f"vector_to_parameters: {sum(sizes)} numbers are needed, but a vector of shape {numbers.shape} was given"
        )
    for p, part in zip(found, np.split(numbers, np.cumsum(sizes)[:-1]), strict=True):
        p.data = part.reshape(p.shape).astype(p.dtype) if hasattr(p, "dtype") else float(part[0])
