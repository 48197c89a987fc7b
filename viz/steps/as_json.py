"""Numbers and arrays as plain data for JSON, and the one number in them as a formula."""

import math
from typing import Any

import numpy as np

from viz.formulas.tree import Number

FEW = 64  # an array of no more entries is given entry by entry


def to_json(data: Any, few: int = FEW) -> Any:
    """A number or an array as plain data: see `viz.trace`. Up to ``few`` entries are given one by one."""
    if data is None or isinstance(data, float | int):
        return data if data is None else json_number(float(data))
    record = {"shape": list(data.shape), "dtype": str(data.dtype)}
    if data.size <= few:
        return record | {"values": _nested(data.tolist())}
    summary = {name: json_number(float(getattr(data, name)())) for name in ("min", "mean", "max")}
    return record | summary


def json_number(x: float) -> float | str:
    """The number, or the name of what JSON has no number for."""
    return x if math.isfinite(x) else str(x)


def _nested(entries: Any) -> Any:
    if isinstance(entries, list):
        return [_nested(x) for x in entries]
    return json_number(entries) if isinstance(entries, float) else entries


def is_finite(data: Any) -> bool:
    """Whether the data holds neither a NaN nor an infinity; None holds neither."""
    if data is None or isinstance(data, float):
        return data is None or math.isfinite(data)
    return data.dtype.kind != "f" or bool(np.isfinite(data).all())


def single(data: Any, source: str = "") -> Number | None:
    """The one number that the data holds, as a formula; None if it holds another count of them."""
    if isinstance(data, float):
        return Number(data, source=source)
    return Number(float(data.item()), source=source) if data.size == 1 else None
