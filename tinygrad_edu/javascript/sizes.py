"""One script for any number of samples, made of the scripts of three numbers.

A program is recorded for arrays of given shapes. Recorded for three numbers of samples, it gives three texts that are
the same except for numbers that depend on the number of samples: shapes, and factors such as 1 / n. Each is replaced
by an expression in ``n`` that gives all three, bit for bit. If there is none, the script is refused.
"""

import re
from collections.abc import Iterator, Mapping

from tinygrad_edu.compiler.errors import CompileError

_NUMBER = re.compile(r"(?<![\w.$])-?\d+(?:\.\d+)?(?:e[+-]?\d+)?(?![\w.])")


def for_any_size(texts: Mapping[int, str]) -> str:
    """The text in which ``n`` is the number of samples.

    Parameters
    ----------
    texts : the texts of the same program, by the number of samples that each was recorded for; three of them.

    Raises
    ------
    CompileError : they differ in more than numbers, or a number depends on ``n`` in another way than those known here.

    Examples
    --------
    >>> for_any_size({n: f"full([{n}, 3], {1 / n})" for n in (5, 7, 11)})
    'full([n, 3], (1.0 / n))'
    """
    sizes, parts = [*texts], [_NUMBER.split(text) for text in texts.values()]
    if any(part != parts[0] for part in parts):
        raise CompileError(
            "the program is another one for another number of samples: use functions that treat samples alike"
        )
    numbers = zip(*(_NUMBER.findall(text) for text in texts.values()), strict=True)
    made = [_expression(sizes, found) for found in numbers]
    return "".join(text for pair in zip(parts[0], [*made, ""], strict=True) for text in pair)


def _expression(sizes: list[int], found: tuple[str, ...]) -> str:
    if len({*found}) == 1:
        return found[0]
    for text, values in _forms(sizes, [float(x) for x in found]):
        if values == [float(x) for x in found]:
            return text
    raise CompileError(
        f"a number of the program depends on how many samples there are ({', '.join(found)} for "
        f"{', '.join(map(str, sizes))} samples) in a way that has no JavaScript: a mean over the samples has one"
    )


def _forms(sizes: list[int], numbers: list[float]) -> Iterator[tuple[str, list[float]]]:
    """Expressions in n, each with its three values."""
    n, x = sizes[0], numbers[0]
    yield "n", [float(size) for size in sizes]
    if x == int(x):
        step = int(x) // n
        yield f"({step} * n)", [float(step * size) for size in sizes]
        yield f"(n + {int(x) - n})", [float(size + int(x) - n) for size in sizes]
    for total in (round(x * n), x * n):
        yield f"({float(total)!r} / n)", [total / size for size in sizes]
    for above in range(1, 5) if x else ():
        whole = round(above / (x * n))
        yield f"({above}.0 / (n * {whole}))", [above / (size * whole) if whole else 0.0 for size in sizes]
        yield f"({above}.0 / (n - 1))", [above / (size - 1) for size in sizes]
    yield f"({x / n!r} * n)", [x / n * size for size in sizes]
    yield "(n / (n - 1))", [size / (size - 1) for size in sizes]
