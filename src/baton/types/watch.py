"""What watching tells the rest of the house: how each model of a task type stands, and every change of it."""

from typing import Any, Literal

from msgspec import Struct, field

SubjectState = Literal["watched", "suspended", "testing", "alarmed"]
"""`watched`: serves where the policy lets it. `suspended`: demoted, until a hold is over. `testing`: still demoted, and
compared with the reference for a new pass. `alarmed`: a reference whose own quality fell; nothing is promoted."""


class Transition(Struct, frozen=True):
    """One change of state, with its reason: a row of `policy_log`. `model` may be empty where a task type is meant."""

    at: float
    """Unix seconds."""
    task_type: str
    model: str
    before: str
    after: str
    reason: str
    detail: dict[str, Any] = field(default_factory=dict)
    """Figures: the monitor, its e-value and threshold, how many values it saw, the probable cause."""
    number: int = 0
    """Given by the ledger."""


class Compared(Struct, frozen=True):
    """A shadow: two answers to one request, graded 0..1 by the same grader. `rate`: the chance that it was drawn."""

    request_id: str
    at: float
    """Unix seconds of the request."""
    task_type: str
    model: str
    reference: str
    served: str
    model_grade: float
    reference_grade: float
    rate: float
    grader: str
    cost: int
    """Nano-dollars of what was asked for it beyond the caller's own answer, judges too."""
    model_cost: int = 0
    """Nano-dollars of the answer itself; beside it what the reference's has cost."""
    reference_cost: int = 0
