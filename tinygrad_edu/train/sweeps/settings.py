"""The settings of a sweep, and the text that identifies a run after a restart."""

import functools
import hashlib
import inspect
import itertools
import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

import numpy as np

from tinygrad_edu.errors import ArgumentError, DTypeError
from tinygrad_edu.support.arguments import shown


class Task(NamedTuple):
    """One run of a sweep."""

    number: int  # in the order of the results
    setting: dict[str, Any]
    seed: int
    key: str  # "" if no files are written


def settings_of(grid: Mapping[str, Iterable[Any]] | Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """All settings: every combination of a dict of lists, or the dicts of a list as they are.

    Raises
    ------
    DTypeError : the grid is neither of these.
    ArgumentError : it has no settings, or gives rng.

    Examples
    --------
    >>> settings_of({"lr": [0.1, 1.0], "hidden": [8]})
    [{'lr': 0.1, 'hidden': 8}, {'lr': 1.0, 'hidden': 8}]
    """
    if isinstance(grid, Mapping):
        for name, values in grid.items():
            if isinstance(values, str) or not isinstance(values, Iterable):
                raise DTypeError(f"sweep: the grid needs a list of values for {name!r}, but was given {shown(values)}")
        settings = [dict(zip(grid, values, strict=True)) for values in itertools.product(*grid.values())]
    else:
        listed = list(grid) if isinstance(grid, Iterable) else [grid]
        if not all(isinstance(setting, Mapping) for setting in listed):
            raise DTypeError(
                'sweep: the grid names the arguments of run, as in {"lr": [0.1, 1.0]}, but was given ' + shown(grid)
            )
        settings = [dict(setting) for setting in listed]
    if not settings:
        raise ArgumentError("sweep: the grid has no settings")
    for setting in settings:
        if "rng" in setting:
            raise ArgumentError("sweep gives each run its rng: leave it out of the grid, and choose seeds=…")
    return settings


def check_signature(run: Callable[..., Any], settings: Iterable[Mapping[str, Any]]) -> None:
    """Raise an error if ``run`` cannot take the names of each setting and ``rng``."""
    try:
        signature = inspect.signature(run)
    except ValueError:
        return  # some functions written in C have none
    for names in dict.fromkeys((*setting, "rng") for setting in settings):
        try:
            signature.bind(**dict.fromkeys(names))
        except TypeError:
            raise ArgumentError(
                "sweep calls run with the names of the grid and with rng, so it needs a function such as "
                f"def run({', '.join(names)}): …, but its signature is {signature}"
            ) from None


def seeds_of(seeds: int | Iterable[int]) -> list[int]:
    """``range(seeds)``, or the seeds of a list."""
    found = list(range(seeds)) if isinstance(seeds, int | np.integer) else [int(seed) for seed in seeds]
    if not found or len({*found}) != len(found) or min(found) < 0:
        raise ArgumentError(f"sweep: seeds must be a number of seeds, or different seeds from 0 up, not {shown(seeds)}")
    return found


def key_of(run: Callable[..., Any], setting: Mapping[str, Any], seed: int) -> str:
    """The name of a run's file: it depends on the function's name, what `partial` binds, the setting and the seed."""
    text = json.dumps([stable(run), stable(setting)], sort_keys=True)
    return f"{hashlib.sha256(text.encode()).hexdigest()[:16]}-seed-{seed}"


def stable(value: Any) -> Any:
    """The value in types that JSON has, the same in every process and on every day.

    Raises
    ------
    DTypeError : it cannot be written so.

    Examples
    --------
    >>> stable((1, np.float64(0.5), {"size": None}))
    [1, 0.5, {'size': None}]
    >>> stable(np.tanh)
    'numpy.tanh'
    >>> stable(object())
    Traceback (most recent call last):
        ...
    tinygrad_edu.errors.DTypeError: sweep identifies a run by its setting, which may hold numbers, text, functions,
    and lists, tuples and dicts of these, but was given an object of the type object
    """
    if isinstance(value, np.generic):
        return value.item()
    if value is None or isinstance(value, str | bool | int | float):
        return value
    if isinstance(value, functools.partial):
        return [stable(value.func), stable(value.args), stable(value.keywords)]
    if isinstance(value, Mapping):
        return {str(name): stable(part) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [stable(part) for part in value]
    if isinstance(value, np.ufunc):
        return f"numpy.{value.__name__}"
    if inspect.isroutine(value) or inspect.isclass(value):
        return f"{value.__module__}.{value.__qualname__}"
    raise DTypeError(
        "sweep identifies a run by its setting, which may hold numbers, text, functions, and lists, tuples and "
        f"dicts of these, but was given an object of the type {type(value).__name__}"
    )
