"""`Finding`: what the doctor says, and `Rule`: what finds it."""

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

from tinygrad_edu.support.ascii import for_output
from tinygrad_edu.support.notebook import table

if TYPE_CHECKING:
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
    step : the backward pass at which it was found, from 1 on.
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


class Said(NamedTuple):
    """What a rule says when it has found its fault."""

    sentence: str
    evidence: str
    fix: str = ""  # if it differs from the rule's
    code: str = ""  # likewise
    name: str = ""  # likewise
    explained_by: tuple[str, ...] | None = None  # likewise


class Rule:
    """Base class of rules: each knows one fault, watches for it, and says it once.

    A subclass names the fault and its fix, and overrides the methods that it needs. Each returns None while the rule
    is not sure. The docstring says when the rule is sure, and what would make it wrong.

    Attributes
    ----------
    code : the fix as a line of code; ``{net}`` and ``{optimizer}`` are replaced by the program's names.
    explained_by : findings that explain the same evidence. If one of them was made, the rule is silent. If one is made
        later, it replaces the rule's finding.
    alone : whether it is silent after any other finding.
    """

    name: ClassVar[str]
    fix: ClassVar[str]
    code: ClassVar[str] = ""
    confidence: ClassVar[float] = 0.95
    explained_by: ClassVar[tuple[str, ...]] = ()
    alone: ClassVar[bool] = False

    def before(self, visit: "Visit") -> Said | None:
        """At every backward pass, before the gradients of the parameters change."""
        return None

    def after(self, visit: "Visit") -> Said | None:
        """At every backward pass, when all gradients are there."""
        return None

    def look(self, visit: "Visit") -> Said | None:
        """As `after`, at the passes that are looked at closely: the first ones, then every tenth."""
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
