"""Letters as numbers, and what a language model is: a function of the letters so far to the chances of the next one.

Each name ends with a dot. The dot is token 0, the letters are tokens 1 to 26. A model that is given nothing but dots
starts a name; a model that draws a dot has finished one.
"""

import random
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any, NamedTuple

import numpy as np

from tinygrad_edu import data

END = "."
ALPHABET = data.Alphabet(END + "abcdefghijklmnopqrstuvwxyz")
TOKENS = len(ALPHABET)
LONGEST = 15  # letters of the longest name
SHUFFLE = 42  # the lecture's seed: with it the three parts are the lecture's, name by name

Model = Callable[[str], Any]  # the letters so far → the chances of each next token, shape (27,), which sum to 1


class Parts(NamedTuple):
    """The names to learn from (80 %), to compare nets on (10 %), and to touch only once (10 %)."""

    train: list[str]
    validation: list[str]
    test: list[str]


@cache
def parts() -> Parts:
    """The list of names, shuffled and cut as in the lecture."""
    names = data.names()
    random.Random(SHUFFLE).shuffle(names)
    first, second = int(0.8 * len(names)), int(0.9 * len(names))
    return Parts(names[:first], names[first:second], names[second:])


def windows(names: Sequence[str], width: int) -> tuple[Any, Any]:
    """For each letter of each name, and for its final dot: the ``width`` tokens before it, and its own token.

    >>> X, y = windows(["emma"], 3)
    >>> [ALPHABET.decode(before) + " " + ALPHABET.decode([token]) for before, token in zip(X, y, strict=True)]
    ['... e', '..e m', '.em m', 'emm a', 'mma .']
    """
    counts = np.array([len(name) + 1 for name in names])  # windows of each name
    tokens = ALPHABET.encode("".join(END * width + name + END for name in names))
    before = width * np.repeat(np.arange(len(names)), counts)  # windows that would reach from one name into the next
    rows = np.lib.stride_tricks.sliding_window_view(tokens, width + 1)[np.arange(counts.sum()) + before]
    return rows[:, :-1], rows[:, -1]


def draw(model: Model, rng: np.random.Generator) -> str:
    """Make up a name: ask for the chances of the next token, draw one, append it, ask again."""
    name = ""
    while len(name) < 2 * LONGEST:
        chances = model(name)
        letter = ALPHABET.decode([rng.choice(TOKENS, p=chances / chances.sum())])
        if letter == END:
            break
        name += letter
    return name
