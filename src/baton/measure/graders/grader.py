"""What a grader gives, what it must be, and what becomes of one that is not."""

import asyncio
from typing import Protocol

from msgspec import Struct

from baton.measure.datasets.prompt import Prompt
from baton.types.errors import BudgetExceeded, ProofError
from baton.types.verdict import Answer


class OutOfBudget(ProofError):
    """Nothing more can be set aside, and nothing is under way."""

    code = "out_of_budget"


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


async def graded_safely(grader: Grader, prompt: Prompt, answer: Answer, reference: Answer | None) -> Grading:
    """A grader that crashes has given no grade; that is counted, and the sanity check speaks of it."""
    try:
        found = await grader.grade(prompt, answer, reference)
    except (ProofError, BudgetExceeded, asyncio.CancelledError):
        raise
    except Exception as error:  # noqa: BLE001 - whatever it is, it is no grade
        return Grading(None, f"the grader crashed: {type(error).__name__}: {error}", formed=False)
    if found.score is not None and not 0.0 <= found.score <= 1.0:
        return Grading(None, f"the grader gave {found.score!r}: a grade lies between 0 and 1", cost=found.cost)
    return found
