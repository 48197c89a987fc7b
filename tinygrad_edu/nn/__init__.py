"""Neural networks: modules, their initial weights, losses.

- `Module`, and those made of it: `Linear`, `Sequential`, `MLP`, `Dropout`, `Flatten`, `LayerNorm`, `BatchNorm1d`,
  `Embedding`, and the activations.
- `nn.functional`: activations and losses as functions. `nn.init`: initial weights.
- `nn.scalar`: networks of single numbers, over `Value`. It needs no NumPy.

>>> import numpy as np
>>> from tinygrad_edu import nn
>>> net = nn.MLP(2, [16, 16, 1], activation="relu", rng=np.random.default_rng(0))
>>> net(np.zeros((5, 2))).shape
(5, 1)
"""

from typing import TYPE_CHECKING

from tinygrad_edu.support.lazy import lazy_names

if TYPE_CHECKING:
    from tinygrad_edu.nn import functional, init, scalar
    from tinygrad_edu.nn.activations import (
        ELU,
        GELU,
        GLU,
        SELU,
        Hardtanh,
        Identity,
        LeakyReLU,
        LogSoftmax,
        Mish,
        ReLU,
        ReLU6,
        Sigmoid,
        SiLU,
        Softmax,
        Softplus,
        Softsign,
        Tanh,
    )
    from tinygrad_edu.nn.convolution import Conv1d, Conv2d, ConvTranspose2d
    from tinygrad_edu.nn.layers import Dropout, Dropout2d, Embedding, Flatten, Linear, PReLU
    from tinygrad_edu.nn.module import Module
    from tinygrad_edu.nn.networks import MLP, Sequential
    from tinygrad_edu.nn.normalization import BatchNorm1d, BatchNorm2d, GroupNorm, LayerNorm, RMSNorm
    from tinygrad_edu.nn.pooling import AdaptiveAvgPool2d, AvgPool1d, AvgPool2d, MaxPool1d, MaxPool2d
else:  # imported when first asked for: `nn.scalar` works where there is no NumPy
    __getattr__, __dir__ = lazy_names(
        __name__,
        {
            "activations": "ELU GELU GLU SELU Hardtanh Identity LeakyReLU LogSoftmax Mish ReLU ReLU6 SiLU "
            "Sigmoid Softmax Softplus Softsign Tanh",
            "convolution": "Conv1d Conv2d ConvTranspose2d",
            "layers": "Dropout Dropout2d Embedding Flatten Linear PReLU",
            "module": "Module",
            "networks": "MLP Sequential",
            "normalization": "BatchNorm1d BatchNorm2d GroupNorm LayerNorm RMSNorm",
            "pooling": "AdaptiveAvgPool2d AvgPool1d AvgPool2d MaxPool1d MaxPool2d",
        },
        submodules=("functional", "init", "scalar"),
    )

__all__ = [
    "ELU",
    "GELU",
    "GLU",
    "MLP",
    "SELU",
    "AdaptiveAvgPool2d",
    "AvgPool1d",
    "AvgPool2d",
    "BatchNorm1d",
    "BatchNorm2d",
    "Conv1d",
    "Conv2d",
    "ConvTranspose2d",
    "Dropout",
    "Dropout2d",
    "Embedding",
    "Flatten",
    "GroupNorm",
    "Hardtanh",
    "Identity",
    "LayerNorm",
    "LeakyReLU",
    "Linear",
    "LogSoftmax",
    "MaxPool1d",
    "MaxPool2d",
    "Mish",
    "Module",
    "PReLU",
    "RMSNorm",
    "ReLU",
    "ReLU6",
    "Sequential",
    "SiLU",
    "Sigmoid",
    "Softmax",
    "Softplus",
    "Softsign",
    "Tanh",
    "functional",
    "init",
    "scalar",
]
