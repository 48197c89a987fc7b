"""Optimizers, for Values and Tensors alike; what goes with them: schedules, clipping, penalties, constraints.

Names, defaults and update rules are PyTorch's.

>>> from tinygrad_edu import Tensor, optim
>>> x = Tensor([3.0, -2.0])
>>> optimizer = optim.SGD([x], lr=0.1, momentum=0.9)
>>> for _ in range(200):
...     optimizer.zero_grad()
...     (x * x).sum().backward()
...     optimizer.step()
>>> bool((abs(x.data) < 1e-3).all())
True
"""

from typing import TYPE_CHECKING

from tinygrad_edu.optim import lr_scheduler
from tinygrad_edu.optim.adaptive import Adagrad, Adam, AdamW, RMSprop
from tinygrad_edu.optim.clipping import clip_grad_norm_, clip_grad_value_
from tinygrad_edu.optim.constraints import max_norm_, unit_norm_
from tinygrad_edu.optim.descent import SGD
from tinygrad_edu.optim.further import ASGD, Adadelta, Adamax, Muon, NAdam, RAdam, Rprop
from tinygrad_edu.optim.lbfgs import LBFGS
from tinygrad_edu.optim.line_search import BacktrackingLineSearch
from tinygrad_edu.optim.optimizer import Optimizer
from tinygrad_edu.optim.parameters import parameters_to_vector, vector_to_parameters
from tinygrad_edu.optim.penalties import l1_penalty, l2_penalty
from tinygrad_edu.support.other_libraries import missing

if not TYPE_CHECKING:  # a type checker would take it for every name
    __getattr__ = missing(__name__)

__all__ = [
    "ASGD",
    "LBFGS",
    "SGD",
    "Adadelta",
    "Adagrad",
    "Adam",
    "AdamW",
    "Adamax",
    "BacktrackingLineSearch",
    "Muon",
    "NAdam",
    "Optimizer",
    "RAdam",
    "RMSprop",
    "Rprop",
    "clip_grad_norm_",
    "clip_grad_value_",
    "l1_penalty",
    "l2_penalty",
    "lr_scheduler",
    "max_norm_",
    "parameters_to_vector",
    "unit_norm_",
    "vector_to_parameters",
]
