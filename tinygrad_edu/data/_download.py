"""Fetching published files: checked, and never half there."""

import importlib
import os
import sys
from functools import partial
from pathlib import Path
from typing import IO, Any, NamedTuple

from tinygrad_edu.data._errors import DataNotFoundError, DownloadError, MissingExtraError, fetching
from tinygrad_edu.data._folder import find


class RemoteFile(NamedTuple):
    """A published file, the same on each of its mirrors."""

    name: str
    size: int
    sha256: str
    mirrors: tuple[str, ...]


def located(who: str, remote: RemoteFile, root: Path, download: bool) -> Path:
    """Return the file in ``root/who`` or in ``root``, gzip or not; ``download`` fetches one that is missing."""
    plain = remote.name.removesuffix(".gz")
    found = find([root / who, root], plain, f"{plain}.gz")
    if found or download:
        return found or fetch(remote, root / who)
    raise DataNotFoundError(
        f"{who}: found no {' or '.join(sorted({plain, remote.name}))} in {root / who} or {root}; {fetching(who)} "
        "fetches it, TINYGRAD_EDU_DATA or root= names the folder that has it"
    )


def fetch(remote: RemoteFile, folder: Path) -> Path:
    """Download a file into a folder, from the first mirror that has it, and return its path.

    pooch renames the file into place only when its checksum is right. What came before a download was
    interrupted, even by a kill, waits beside it in a ``.part`` file, and the next call asks for the rest.

    Raises
    ------
    DownloadError : no mirror gave the right file, or it could not be written.
    MissingExtraError : pooch is not installed.
    """
    try:
        pooch = importlib.import_module("pooch")
    except ImportError as error:
        raise MissingExtraError(
            f'downloading {remote.name} needs pooch: pip install "tinygrad_edu[data]" installs it'
        ) from error
    resume = partial(_resume, part=folder / f"{remote.name}.part", size=remote.size)
    reasons = []
    for mirror in remote.mirrors:
        try:
            path = pooch.retrieve(
                f"{mirror}{remote.name}",
                known_hash=f"sha256:{remote.sha256}",
                fname=remote.name,
                path=folder,
                downloader=resume,
            )
        except (OSError, ValueError) as error:  # the network's are OSErrors, a wrong checksum a ValueError
            reasons.append(f"{mirror}: {error}")
        else:
            return Path(path)
    raise DownloadError(
        f"could not download {remote.name} to {folder} ({'; '.join(reasons)}): call again to resume, "
        "or put the file there yourself"
    )


def _resume(url: str, output_file: str, _pooch: object, *, part: Path, size: int) -> None:
    """Complete the ``.part`` file and hand it over as ``output_file``: a downloader for pooch."""
    part.touch()
    # Not in append mode: two processes then write the same bytes to the same places, and do no harm.
    with part.open("r+b") as stream:
        if stream.seek(0, os.SEEK_END) > size:
            stream.seek(0)
        if stream.tell() < size:
            _append(url, stream)
        received = stream.tell()
        stream.truncate()
    if received != size:
        part.unlink()
        raise ValueError(f"expected {size:,} bytes, received {received:,}")
    part.replace(output_file)


def _append(url: str, stream: IO[bytes]) -> None:
    def start_over_if_whole(response: Any, **_: object) -> None:
        if response.status_code == 200:  # the server does not know ranges: 206 would be the rest alone
            stream.seek(0)

    # "identity": a server that compresses on the way counts the range in other bytes.
    pooch = importlib.import_module("pooch")
    pooch.HTTPDownloader(
        progressbar=sys.stderr.isatty(),
        chunk_size=1 << 16,
        headers={"Range": f"bytes={stream.tell()}-", "Accept-Encoding": "identity"},
        hooks={"response": start_over_if_whole},
    )(url, stream, None)
