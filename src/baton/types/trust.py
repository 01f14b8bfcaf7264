"""What an answer is worth, and why it was or was not let through. The labels of the trust hierarchy, as values.

Two questions are kept apart. *Is it right?* is answered by verdicts, and summed up as `Assurance`. *Did untrusted text
have a hand in it?* is `tainted`: verification never clears it. What is tainted may be content of an answer; it may
never add a step to a plan, pick a tool or a model, set a recipient, or raise a budget.
"""

from enum import IntEnum

from msgspec import Struct, field

from baton.types.verdict import Verdict


class Assurance(IntEnum):
    """The strongest evidence for a value. The order is a default: what counts is the measured rate of false accepts."""

    NONE = 0
    SHAPE = 1
    """It has the form that was asked for, and nothing more is known."""
    JUDGED = 2
    """A model judged it by a rubric."""
    AGREED = 3
    """Another model came to the same, without having seen it."""
    GROUNDED = 4
    """What it says stands in the sources."""
    EXECUTED = 5
    """It was run, or computed again."""

    @property
    def word(self) -> str:
        return self.name.lower()


class FalseAccepts(Struct, frozen=True):
    """How often a check let wrong values through, for one task type, subordinate and check.

    `bound` is the upper end of the one-sided 95 % Clopper-Pearson interval; nothing measured is a bound of 1.
    """

    accepted: int = 0
    """Wrong values that it let through."""
    wrong: int = 0
    """Wrong values that it saw."""
    bound: float = 1.0


class Finding(Struct, frozen=True):
    """What one check of a contract found, what its passing is worth, and what it has cost in nano-dollars."""

    verdict: Verdict
    assurance: Assurance
    false_accepts: FalseAccepts = field(default_factory=FalseAccepts)
    cost: int = 0


class Refused(Struct, frozen=True):
    """A value that was not let through. The value itself is not in here, and goes nowhere."""

    origin: str
    findings: tuple[Finding, ...]
    reason: str
    """What was wrong, in words that the one who tries again can act on; never the refused text."""
    actionable: bool = False
    """Whoever made the value can mend it by the reason alone: a field that is missing, a test that fails."""
