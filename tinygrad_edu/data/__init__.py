"""Data for the labs: NumPy arrays in, NumPy arrays out.

- Toy sets: `xor`, `moons`, `spirals`, `circles`, `blobs`, and the small pictures of `digits`.
- Pictures from their official files: `mnist` and `cifar10`.
- Text by characters: `names`, `text`, and an `Alphabet`.
- Preparing data for training: `train_test_split`, `Standardizer`, `batches`.

Every random choice takes an ``rng``: a `numpy.random.Generator`, or an int, which means what
``random_state`` means to scikit-learn, so that published figures can be reproduced row by row.
"""

from typing import TYPE_CHECKING

from tinygrad_edu.data._batches import Batches, batches
from tinygrad_edu.data._cifar10 import CIFAR10_CLASSES, cifar10
from tinygrad_edu.data._errors import DataFileError, DataNotFoundError, DownloadError, MissingExtraError
from tinygrad_edu.data._folder import data_folder
from tinygrad_edu.data._mnist import mnist
from tinygrad_edu.data._random import Rng
from tinygrad_edu.data._split import train_test_split
from tinygrad_edu.data._standardizer import Standardizer
from tinygrad_edu.data._text import Alphabet, names, text
from tinygrad_edu.data._toys import blobs, circles, digits, moons, spirals, xor
from tinygrad_edu.support.other_libraries import missing

if not TYPE_CHECKING:  # a type checker would take it for every name
    __getattr__ = missing(__name__)

__all__ = [
    "CIFAR10_CLASSES",
    "Alphabet",
    "Batches",
    "DataFileError",
    "DataNotFoundError",
    "DownloadError",
    "MissingExtraError",
    "Rng",
    "Standardizer",
    "batches",
    "blobs",
    "cifar10",
    "circles",
    "data_folder",
    "digits",
    "mnist",
    "moons",
    "names",
    "spirals",
    "text",
    "train_test_split",
    "xor",
]
