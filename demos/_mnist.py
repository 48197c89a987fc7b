"""What the labs on MNIST share: the digits, and the options of a training run."""

from functools import cache
from typing import Any

import numpy as np

from tinygrad_edu import data, nn

QUICK_PICTURES = 2_000
# Options of `fit`: each step is compiled, and accuracy is measured on the test pictures alone.
OPTIONS: dict[str, Any] = {
    "loss": nn.functional.cross_entropy,
    "metrics": "accuracy",
    "measure_training": False,
    "compiled": True,
}


@cache
def digits(*, quick: bool = False) -> tuple[Any, Any, Any, Any]:
    """Pictures for training and for the test as rows of 784 numbers from 0 to 1 in float32, and the digits of both."""
    most = QUICK_PICTURES if quick else None
    X, y = data.mnist(split="train")
    X_test, y_test = data.mnist(split="test")
    rows, test_rows = ((pictures[:most].reshape(-1, 784) / 255).astype(np.float32) for pictures in (X, X_test))
    return rows, test_rows, y[:most], y_test[:most]
