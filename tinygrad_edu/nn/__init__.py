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
    from tinygrad_edu.nn.attention import MultiheadAttention, TransformerEncoderLayer
    from tinygrad_edu.nn.convolution import Conv1d, Conv2d, ConvTranspose2d
    from tinygrad_edu.nn.dropout import Dropout, Dropout2d
    from tinygrad_edu.nn.layers import Embedding, Flatten, Linear, PReLU
    from tinygrad_edu.nn.module import Module
    from tinygrad_edu.nn.networks import MLP, ModuleDict, ModuleList, Sequential
    from tinygrad_edu.nn.normalization import BatchNorm1d, BatchNorm2d, GroupNorm, LayerNorm, RMSNorm
    from tinygrad_edu.nn.pooling import AdaptiveAvgPool2d, AvgPool1d, AvgPool2d, MaxPool1d, MaxPool2d
    from tinygrad_edu.nn.recurrent import GRU, LSTM, RNN, GRUCell, LSTMCell, RNNCell
else:  # imported when first asked for: `nn.scalar` works where there is no NumPy
    __getattr__, __dir__ = lazy_names(
        __name__,
        {
            "activations": "ELU GELU GLU SELU Hardtanh Identity LeakyReLU LogSoftmax Mish ReLU ReLU6 SiLU "
            "Sigmoid Softmax Softplus Softsign Tanh",
            "attention": "MultiheadAttention TransformerEncoderLayer",
            "convolution": "Conv1d Conv2d ConvTranspose2d",
            "dropout": "Dropout Dropout2d",
            "layers": "Embedding Flatten Linear PReLU",
            "module": "Module",
            "networks": "MLP ModuleDict ModuleList Sequential",
            "normalization": "BatchNorm1d BatchNorm2d GroupNorm LayerNorm RMSNorm",
            "pooling": "AdaptiveAvgPool2d AvgPool1d AvgPool2d MaxPool1d MaxPool2d",
            "recurrent": "GRU GRUCell LSTM LSTMCell RNN RNNCell",
        },
        submodules=("functional", "init", "scalar"),
    )

__all__ = [
    "ELU",
    "GELU",
    "GLU",
    "GRU",
    "LSTM",
    "MLP",
    "RNN",
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
    "GRUCell",
    "GroupNorm",
    "Hardtanh",
    "Identity",
    "LSTMCell",
    "LayerNorm",
    "LeakyReLU",
    "Linear",
    "LogSoftmax",
    "MaxPool1d",
    "MaxPool2d",
    "Mish",
    "Module",
    "ModuleDict",
    "ModuleList",
    "MultiheadAttention",
    "PReLU",
    "RMSNorm",
    "RNNCell",
    "ReLU",
    "ReLU6",
    "Sequential",
    "SiLU",
    "Sigmoid",
    "Softmax",
    "Softplus",
    "Softsign",
    "Tanh",
    "TransformerEncoderLayer",
    "functional",
    "init",
    "scalar",
]
