"""Training: `fit`, callbacks, metrics, the doctor and sweeps. A loop written by hand is as easy."""

from typing import TYPE_CHECKING

from tinygrad_edu.support.other_libraries import missing
from tinygrad_edu.train.callbacks import (
    Callback,
    EarlyStopping,
    GradientConverged,
    GradientFlow,
    LossConverged,
    ReduceLROnPlateau,
    Run,
    Snapshots,
)
from tinygrad_edu.train.checkpoint import Checkpoint, CheckpointError
from tinygrad_edu.train.doctor import Cure, Doctor, Examination, Finding, Trial, doctor
from tinygrad_edu.train.fit import fit, predict
from tinygrad_edu.train.history import History
from tinygrad_edu.train.lr_range import LRRange, lr_range_test
from tinygrad_edu.train.metrics import accuracy, confusion_matrix, mean_squared_error, predicted_classes
from tinygrad_edu.train.sweeps.results import Results, SweptRun
from tinygrad_edu.train.sweeps.sweep import sweep

if not TYPE_CHECKING:  # a type checker would take it for every name
    __getattr__ = missing(__name__)

__all__ = [
    "Callback",
    "Checkpoint",
    "CheckpointError",
    "Cure",
    "Doctor",
    "EarlyStopping",
    "Examination",
    "Finding",
    "GradientConverged",
    "GradientFlow",
    "History",
    "LRRange",
    "LossConverged",
    "ReduceLROnPlateau",
    "Results",
    "Run",
    "Snapshots",
    "SweptRun",
    "Trial",
    "accuracy",
    "confusion_matrix",
    "doctor",
    "fit",
    "lr_range_test",
    "mean_squared_error",
    "predict",
    "predicted_classes",
    "sweep",
]
