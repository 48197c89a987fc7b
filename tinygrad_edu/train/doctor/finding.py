"""`Finding`: what the doctor says, and `Rule`: what finds it."""

import re
from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

from tinygrad_edu.support.ascii import for_output
from tinygrad_edu.support.notebook import table

if TYPE_CHECKING:
    from tinygrad_edu.graph.node import Node
    from tinygrad_edu.train.doctor.course import Course
    from tinygrad_edu.train.doctor.visit import Visit

PAGE = "docs/doctor.md"


@dataclass(frozen=True)
class Finding:
    """Something that is wrong with a training run.

    Attributes
    ----------
    name : of the fault, such as "missing zero_grad".
    sentence : what is wrong.
    evidence : the numbers that show it.
    fix : what to do.
    step : the backward pass at which it was found, from 1 on; 0 if there was none.
    code : the fix as a line of code, with this program's names of the net and the optimizer where they are known.
    confidence : how sure the rule is, from 0 to 1. A fault that the graph itself shows has 0.95 or more. A fault that
        the losses suggest has less.
    page : where the finding is explained.
    """

    name: str
    sentence: str
    evidence: str
    fix: str
    step: int
    code: str = ""
    confidence: float = 1.0

    @property
    def page(self) -> str:
        """Where the finding is explained: the page's file, and the section's anchor."""
        return f"{PAGE}#{anchor(self.name)}"

    @for_output
    def __str__(self) -> str:
        lines = [f"{self.name} (step {self.step}): {self.sentence}", f"evidence: {self.evidence}", f"fix: {self.fix}"]
        if self.code:
            lines.append(f"code: {self.code}")
        lines.append(f"confidence: {self.confidence:.0%}, explained in {self.page}")
        return "\n  ".join(lines)

    def _repr_html_(self) -> str:
        rows = [("what", self.sentence), ("evidence", self.evidence), ("fix", self.fix), ("code", self.code)]
        rows += [("confidence", f"{self.confidence:.0%}"), ("explained in", self.page)]
        return table([], [row for row in rows if row[1]], caption=f"{self.name} (step {self.step})")


def anchor(name: str) -> str:
    """The anchor of a heading, as Markdown viewers make it."""
    return re.sub(r"[^\w\- ]", "", name.lower()).replace(" ", "-")


def few(names: list[str]) -> str:
    """The first names of a list, and how many more there are."""
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")


class Grade(IntEnum):
    """What a finding rests on. A finding explains all findings of later grades, so these are not made beside it.

    A run mostly has one fault, and the fault has consequences. The order goes from what can be the only cause to what
    can be the consequence of anything.
    """

    SHOWN = 1  # by the program itself: an operation, a shape, or numbers that cannot be right
    MEASURED = 2  # a setting or a size that is far from what is usual, in a run that does not learn well
    BEHAVIOR = 3  # what the units, the gradients or the losses do: most faults above have such a consequence
    LEFT_OVER = 4  # a cause that is likely because the run does badly and nothing above explains it
    UNFINISHED = 5  # the run does badly, and might only be too short


class Said(NamedTuple):
    """What a rule says when it has found its fault."""

    sentence: str
    evidence: str
    fix: str = ""  # if it differs from the rule's
    code: str = ""  # likewise
    name: str = ""  # likewise
    explained_by: tuple[str, ...] | None = None  # likewise
    grade: Grade | None = None  # likewise


class Rule:
    """Base class of rules: each knows one fault, watches for it, and says it once.

    A subclass names the fault and its fix, and overrides the methods that it needs. Each returns None while the rule
    is not sure, and is declared to return None if it only takes notes. The docstring says when the rule is sure, and
    what would make it wrong. A number or None that a rule keeps begins as a class attribute, below the settings.

    Attributes
    ----------
    code : the fix as a line of code; ``{net}`` and ``{optimizer}`` are replaced by the program's names.
    grade : what the finding rests on; a finding of an earlier grade explains it.
    stands_apart : whether it explains nothing about the training before it, as a fault that harms only evaluations.
    refutable : whether a run that learns its task in the end shows that the fault did no harm. It is true of all rules
        about behavior.
    explained_by : findings of the same or a later grade that explain the same evidence. If a finding that explains it
        was made, the rule is silent. If one is made later, it replaces the rule's finding.
    """

    name: ClassVar[str]
    fix: ClassVar[str]
    code: ClassVar[str] = ""
    confidence: ClassVar[float] = 0.95
    grade: ClassVar[Grade] = Grade.SHOWN
    stands_apart: ClassVar[bool] = False
    refutable: ClassVar[bool] = False
    explained_by: ClassVar[tuple[str, ...]] = ()
    seen = 0  # how often the rule has seen its fault

    def in_a_row(self, fault: object) -> int:
        """How often in a row the rule has seen its fault, this time included."""
        self.seen = self.seen + 1 if fault else 0
        return self.seen

    def before(self, visit: "Visit") -> Said | None:
        """At the first passes, and from shortly before each close look, before the gradients of parameters change."""
        return None

    def after(self, visit: "Visit") -> Said | None:
        """At the same passes as `before`, when all gradients are there."""
        return None

    def look(self, visit: "Visit") -> Said | None:
        """As `after`, at the passes that are looked at closely: the first ones, then every tenth, later fewer."""
        return None

    def elsewhere(self, root: "Node") -> Said | None:
        """At a backward pass that does not reach the watched parameters, before it begins."""
        return None

    def on_step(self, optimizer: Any) -> Said | None:
        """When a step of an optimizer begins."""
        return None

    def on_call(self, model: Any, y: Any) -> Said | None:
        """When the model was called and gave ``y``."""
        return None

    def judge(self, course: "Course") -> Said | None:
        """At the passes 200, 400, 800, …, and when the watch ends: what the course of the run shows."""
        return None

    def finish(self, course: "Course") -> Said | None:
        """When the watch ends, after `judge`."""
        return None
