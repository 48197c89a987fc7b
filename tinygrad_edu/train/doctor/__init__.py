"""`doctor`: watches a training run and says what is wrong with it."""

from tinygrad_edu.train.doctor.cure import Cure
from tinygrad_edu.train.doctor.examination import Examination, Trial
from tinygrad_edu.train.doctor.finding import Finding
from tinygrad_edu.train.doctor.watch import Doctor, doctor

__all__ = ["Cure", "Doctor", "Examination", "Finding", "Trial", "doctor"]
