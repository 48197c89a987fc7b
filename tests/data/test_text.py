"""tinygrad_edu.data: names, text and alphabets."""

import gzip
import hashlib
import os
from pathlib import Path

import numpy as np
import pytest

from tinygrad_edu import data
from tinygrad_edu.data import _download, _text
from tinygrad_edu.errors import ArgumentError, DTypeError

real_names = pytest.mark.skipif(
    not (Path(os.environ.get("TINYGRAD_EDU_DATA", "")) / "names" / "names.txt").is_file(), reason="needs names.txt"
)


@real_names
def test_the_names_are_those_of_the_course():
    found = data.names()
    assert len(found) == 32_033
    assert found[:3] == ["emma", "olivia", "ava"]
    assert max(map(len, found)) == 15
    assert len(data.Alphabet.of(found)) == 26
    content = (data.data_folder() / "names" / "names.txt").read_bytes()
    assert hashlib.sha256(content).hexdigest() == _text.NAMES.sha256
    assert len(content) == _text.NAMES.size


@pytest.mark.parametrize("place", ["names.txt", "names/names.txt"])
def test_names_are_found_in_the_folder_or_below(place, tmp_path):
    (tmp_path / place).parent.mkdir(exist_ok=True)
    (tmp_path / place).write_text(" emma \n\nzoë")
    assert data.names(tmp_path) == data.names(tmp_path / place) == ["emma", "zoë"]


def test_names_may_be_compressed(tmp_path):
    (tmp_path / "names.txt.gz").write_bytes(gzip.compress(b"ava\n", mtime=0))
    assert data.names(tmp_path) == ["ava"]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"\xff\xfe", "is no text in UTF-8"),
        (b"", "holds no name"),
        (b" \n \n", "holds no name"),
        (gzip.compress(b"ava", mtime=0)[:-5], "is truncated or damaged"),
    ],
)
def test_what_holds_no_names_is_refused(content, said, tmp_path):
    (tmp_path / "names.txt").write_bytes(content)
    with pytest.raises(data.DataFileError, match=said):
        data.names(tmp_path)


def test_what_is_missing_is_said_with_the_way_to_get_it(tmp_path):
    with pytest.raises(data.DataNotFoundError, match=r"data\.names\(download=True\)\" fetches it"):
        data.names(tmp_path)
    with pytest.raises(data.DataNotFoundError, match=r"data\.text\(download=True\)\" fetches Tiny Shakespeare"):
        data.text(tmp_path / "input.txt")


def test_missing_files_are_downloaded_into_their_folders(monkeypatch, tmp_path):
    def fetched(remote, folder):
        folder.mkdir(parents=True, exist_ok=True)
        (folder / remote.name).write_text("ava\n")
        return folder / remote.name

    for module in (_download, _text):
        monkeypatch.setattr(module, "fetch", fetched)
    monkeypatch.setenv("TINYGRAD_EDU_DATA", str(tmp_path))
    assert data.names(download=True) == ["ava"]
    assert (tmp_path / "names" / "names.txt").is_file()
    codes, alphabet = data.text(download=True)
    assert alphabet.decode(codes) == "ava\n"
    assert (tmp_path / "text" / "input.txt").is_file()
    with pytest.raises(ArgumentError, match=r"fetches input.txt, but the path names poem.txt"):
        data.text(tmp_path / "poem.txt", download=True)


def test_a_text_comes_back_from_its_codes(tmp_path):
    (tmp_path / "a.txt").write_text("Größe\n\tx", encoding="utf-8")
    codes, alphabet = data.text(tmp_path / "a.txt")
    assert codes.dtype == np.int64
    assert alphabet.decode(codes) == "Größe\n\tx"
    assert [*alphabet] == sorted({*"Größe\n\tx"})
    (tmp_path / "b.txt").write_text("")
    with pytest.raises(data.DataFileError, match="is empty"):
        data.text(tmp_path / "b.txt")


def test_an_alphabet_refuses_what_is_not_in_it():
    letters = data.Alphabet("abc")
    with pytest.raises(ArgumentError, match=r"the characters \['d', 'e'\] are not in the alphabet 'abc'"):
        letters.encode("added")
    with pytest.raises(DTypeError, match="encodes text, but was given int"):
        letters.encode(3)
    with pytest.raises(ArgumentError, match="codes go from 0 to 2, but -1 to 1 were given"):
        letters.decode([1, -1])
    for wrong in ("aba", "", ["ab"], [1]):
        with pytest.raises(ArgumentError, match="Alphabet takes"):
            data.Alphabet(wrong)
