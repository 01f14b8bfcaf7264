"""What an orchestrated run comes to, and the rows of its journal. Money in nano-dollars unless a name says USD."""

from typing import Any, Literal

from msgspec import Struct, field

RunStatus = Literal["running", "complete", "partial", "failed"]
"""`failed`: it never came to an answer; the error is told instead."""

StepKind = Literal["plan", "call", "fault", "verified", "refused", "unresolved", "note", "answer"]


class Step(Struct, frozen=True):
    """One row of a journal. `key` names what was done, so that a run which is resumed knows it again."""

    kind: StepKind
    key: str
    at: float
    seconds: float = 0.0
    cost: int = 0
    body: dict[str, Any] = field(default_factory=dict)
    number: int = 0


class RunRecord(Struct, frozen=True):
    """One run, as the journal has it. `request` and `result` are JSON."""

    run_id: str
    owner: str
    """The name of the key that asked."""
    at: float
    digest: str
    """Of everything that the run was asked: who resumes must ask the same."""
    version: str
    """Of the code that plans, delegates and checks."""
    request: str
    status: RunStatus = "running"
    result: str = ""
    idempotency: str | None = None


class TracedClaim(Struct, frozen=True):
    """A number, date, quote, name or address of the answer, and the ids of the parts that it stands in.

    `request` among them: the caller said it himself.
    """

    kind: str
    text: str
    parts: tuple[str, ...]


class PartVerdict(Struct, frozen=True):
    """What one check found of one part. `false_accept_bound` is 1 where nothing was measured."""

    part: str
    model: str
    check: str
    passed: bool
    assurance: str
    false_accept_bound: float = 1.0
    cost_usd: float = 0.0


class Outcome(Struct, frozen=True):
    """The answer of a run. `text` holds nothing that was not let through; what is open is named in `unresolved`."""

    run_id: str
    status: RunStatus
    assurance: str
    text: str
    claims: tuple[TracedClaim, ...] = ()
    unresolved: dict[str, str] = field(default_factory=dict)
    cost_usd: float = 0.0
    baseline_cost_usd: float = 0.0
    """What the sub-tasks would have cost, had the orchestrator's own model done each of them once."""
    verdicts: tuple[PartVerdict, ...] = ()
    tainted: bool = False
    """Untrusted text had a hand in it."""
    simulated: bool = False
    notes: tuple[str, ...] = ()
    """Why something was not delegated, or not composed."""
    calls: int = 0
    seconds: float = 0.0
