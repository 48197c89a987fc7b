"""`doctor`: watches a training run and says what is wrong with it."""

from tinygrad_edu.train.doctor.finding import Finding
from tinygrad_edu.train.doctor.watch import Doctor, doctor

__all__ = ["Doctor", "Finding", "doctor"]
