"""`Finding`: what the doctor says, and `Rule`: what finds it."""

from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

from tinygrad_edu.train.doctor.visit import Visit


@dataclass(frozen=True)
class Finding:
    """Something that is wrong with a training run.

    Attributes
    ----------
    name : of the fault, such as "missing zero_grad".
    sentence : what is wrong.
    evidence : the numbers that show it.
    fix : what to do.
    step : the backward pass at which it was found, from 1 on.
    """

    name: str
    sentence: str
    evidence: str
    fix: str
    step: int

    def __str__(self) -> str:
        return f"{self.name} (step {self.step}): {self.sentence}\n  evidence: {self.evidence}\n  fix: {self.fix}"


class Said(NamedTuple):
    """What a rule has to say of its fault."""

    sentence: str
    evidence: str
    fix: str = ""  # if it is another than the rule's


class Rule:
    """Base class of rules: each knows one fault, watches for it, and says it once.

    A subclass names the fault and its fix, and overrides the moments that it needs. Each returns None while the rule
    is not sure; its docstring says when it is, and why a healthy run does not come to that.
    """

    name: ClassVar[str]
    fix: ClassVar[str]

    def before(self, visit: Visit) -> Said | None:
        """At every backward pass, before the gradients of the parameters change."""
        return None

    def after(self, visit: Visit) -> Said | None:
        """At every backward pass, when all gradients are there."""
        return None

    def look(self, visit: Visit) -> Said | None:
        """As `after`, at the passes that are looked at closely: the first ones, then every tenth."""
        return None

    def stepped(self, optimizer: Any) -> Said | None:
        """When a step of an optimizer begins."""
        return None

    def called(self, model: Any, y: Any) -> Said | None:
        """When the model was called."""
        return None

    def finish(self) -> Said | None:
        """When the watch ends."""
        return None
