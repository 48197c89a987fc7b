"""What can go wrong with files, downloads and optional packages."""

from tinygrad_edu.errors import TinygradEduError


class DataFileError(TinygradEduError, ValueError):
    """A data file that is truncated, damaged or of another kind."""


def unreadable(what: object, problem: str) -> DataFileError:
    """Return the error that says what is wrong with a file, or a part of one, and what to do."""
    return DataFileError(f"{what} {problem}; replace the file by a fresh download")


def fetching(name: str) -> str:
    """The line for the shell that fetches a data set."""
    return f'python -c "from tinygrad_edu import data; data.{name}(download=True)"'


class DataNotFoundError(TinygradEduError, FileNotFoundError):
    """A data file that is in none of the folders where it may be."""


class DownloadError(TinygradEduError, OSError):
    """No mirror gave the file with the right checksum."""


class MissingExtraError(TinygradEduError, ImportError):
    """An optional package that this function needs is not installed."""
