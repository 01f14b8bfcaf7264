"""What a grader gives, and what it must be."""

from typing import Protocol

from msgspec import Struct

from baton.measure.datasets.prompt import Prompt
from baton.types.verdict import Answer


class Grading(Struct, frozen=True):
    """`score` 0..1, None where the grader could not tell: that is no 0, it is counted and left out.

    `formed`: the answer had the form that was asked for. `cost`: nano-dollars that the grader itself spent.
    """

    score: float | None
    reason: str
    formed: bool = True
    cost: int = 0
    flipped: bool = False
    """A judge of pairs preferred the other answer once both had changed places."""


class Grader(Protocol):
    """`id` is kind, hash of prompts, and judge model: another id is another grader, and its grades are others."""

    id: str
    relative: bool
    """Grades compare with the reference's answer; the reference itself has .5."""

    async def grade(self, prompt: Prompt, answer: Answer, reference: Answer | None = None) -> Grading:
        """Raises BudgetExceeded or UnknownModel where it asks a model. What an answer holds never raises."""
        ...
