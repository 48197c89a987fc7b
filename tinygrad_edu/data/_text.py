"""Text by characters: the list of names, files of text, and an alphabet that makes integers of characters."""

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np

from tinygrad_edu.data._download import RemoteFile, fetch, located
from tinygrad_edu.data._errors import DataFileError, DataNotFoundError, fetching, unreadable
from tinygrad_edu.data._files import open_data, read_bounded
from tinygrad_edu.data._folder import data_folder
from tinygrad_edu.errors import ArgumentError, DTypeError
from tinygrad_edu.support.ascii import for_output
from tinygrad_edu.support.types import IntArray

MOST_BYTES = 1 << 28  # of a text file: more is not for this engine
NAMES = RemoteFile(
    "names.txt",
    228_145,
    "0a30b5557f192f32ab962680889aac5f6fda0f4cecf40a6d0b5694f58ea8cc4d",
    ("https://raw.githubusercontent.com/karpathy/makemore/master/",),
)
SHAKESPEARE = RemoteFile(
    "input.txt",
    1_115_394,
    "86c4e6aa9db7c042ec79f339dcb96d42b0075e16b8fc2e86bf0ca57e2dc565ed",
    ("https://raw.githubusercontent.com/karpathy/char-rnn/master/data/tinyshakespeare/",),
)

PathLike = str | os.PathLike[str]


class Alphabet:
    """Characters in a fixed order: each has its place as its code.

    Parameters
    ----------
    characters : each once, in any order; the codes follow this order.

    Raises
    ------
    ArgumentError : a character occurs twice, or there is none.

    Examples
    --------
    >>> letters = Alphabet("abc")
    >>> letters.encode("cab"), letters.decode([2, 0, 1]), len(letters)
    (array([2, 0, 1]), 'cab', 3)
    """

    def __init__(self, characters: Iterable[str]) -> None:
        self.characters = tuple(characters)
        self._codes = {character: code for code, character in enumerate(self.characters)}
        if not self.characters or any(not isinstance(c, str) or len(c) != 1 for c in self.characters):
            raise ArgumentError(f"an Alphabet takes single characters, such as 'abc', but was given {self.characters}")
        if len(self._codes) != len(self.characters):
            raise ArgumentError("an Alphabet takes each character once: pass sorted(set(text))")

    @classmethod
    def of(cls, texts: str | Iterable[str]) -> "Alphabet":
        """The sorted characters of a text, or of several.

        Examples
        --------
        >>> Alphabet.of(["emma", "ava"]).characters
        ('a', 'e', 'm', 'v')
        """
        return cls(sorted(set("".join(texts))))

    def encode(self, text: str) -> IntArray:
        """The codes of the characters.

        Raises
        ------
        ArgumentError : a character is not in the alphabet.
        """
        if not isinstance(text, str):
            raise DTypeError(f"an Alphabet encodes text, but was given {type(text).__name__}")
        unknown = sorted({*text} - self._codes.keys())
        if unknown:
            raise ArgumentError(f"the characters {unknown} are not in the alphabet {''.join(self.characters)!r}")
        return np.array([self._codes[character] for character in text], dtype=np.int64)

    def decode(self, codes: Iterable[int]) -> str:
        """The text with these codes.

        Raises
        ------
        ArgumentError : a code is not from 0 to ``len(alphabet) - 1``.
        """
        found = [int(code) for code in codes]
        if any(not 0 <= code < len(self) for code in found):
            raise ArgumentError(f"codes go from 0 to {len(self) - 1}, but {min(found)} to {max(found)} were given")
        return "".join([self.characters[code] for code in found])

    def __len__(self) -> int:
        return len(self.characters)

    def __iter__(self) -> Iterator[str]:
        return iter(self.characters)

    @for_output
    def __repr__(self) -> str:
        return f"Alphabet({''.join(self.characters)!r})"


def names(root: PathLike | None = None, *, download: bool = False) -> list[str]:
    r"""Read the list of given names, ``names.txt``, one name per line.

    Parameters
    ----------
    root : folder that holds the file, itself or in a folder ``names``, or the file; `data_folder` if not given.
    download : fetch the file into ``root/names`` if it is missing (extra ``data``): 32,033 names in lower case.

    Returns
    -------
    list of str : the lines in their order, without the spaces around them; empty lines are left out.

    Raises
    ------
    DataNotFoundError : the file is missing, and ``download`` is false.
    DataFileError : it is no text in UTF-8, or holds no name.

    References
    ----------
    The list of the course "makemore", of https://www.ssa.gov.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     _ = (pathlib.Path(folder) / "names.txt").write_text("emma\nolivia\n")
    ...     names(folder)
    ['emma', 'olivia']
    """
    folder = data_folder() if root is None else Path(root)
    path = folder if folder.is_file() else located("names", NAMES, folder, download)
    found = [line.strip() for line in _read(path).splitlines() if line.strip()]
    if not found:
        raise DataFileError(f"{path} holds no name: expected one per line")
    return found


def text(path: PathLike | None = None, *, download: bool = False) -> tuple[IntArray, Alphabet]:
    """Read a text as the codes of its characters.

    Parameters
    ----------
    path : the file, in UTF-8; without it, ``input.txt`` in the folder ``text`` of `data_folder`.
    download : fetch Tiny Shakespeare (1,115,394 characters, 65 of them different) if there is no file (extra ``data``).

    Returns
    -------
    codes : ndarray of int, one for each character.
    alphabet : the characters that occur, sorted: ``alphabet.decode(codes)`` is the text.

    Raises
    ------
    DataNotFoundError : the file is missing, and ``download`` is false.
    DataFileError : it is no text in UTF-8, or it is empty.

    References
    ----------
    Tiny Shakespeare: Karpathy, "The unreasonable effectiveness of recurrent neural networks", 2015.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = pathlib.Path(folder) / "poem.txt"
    ...     _ = file.write_text("a rose")
    ...     codes, alphabet = text(file)
    >>> codes, alphabet
    (array([1, 0, 4, 3, 5, 2]), Alphabet(' aeors'))
    """
    place = data_folder() / "text" / SHAKESPEARE.name if path is None else Path(path)
    if not place.is_file():
        if not download:
            raise DataNotFoundError(f"text: there is no file {place}; {fetching('text')} fetches Tiny Shakespeare")
        if path is not None and place.name != SHAKESPEARE.name:
            raise ArgumentError(f"text: download=True fetches {SHAKESPEARE.name}, but the path names {place.name}")
        place = fetch(SHAKESPEARE, place.parent)
    content = _read(place)
    if not content:
        raise DataFileError(f"{place} is empty: expected a text")
    alphabet = Alphabet.of(content)
    return alphabet.encode(content), alphabet


def _read(path: Path) -> str:
    with open_data(path) as stream:
        content = bytes(read_bounded(stream, MOST_BYTES))
    if len(content) > MOST_BYTES:
        raise unreadable(path, f"is longer than {MOST_BYTES:,} bytes")
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise unreadable(path, f"is no text in UTF-8 ({error.reason} at byte {error.start:,})") from None
