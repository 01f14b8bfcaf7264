"""What one run works with, and what it makes: values that its steps hand on to each other."""

from collections.abc import Mapping
from typing import Any

from msgspec import Struct, field

from baton.check.library import Named
from baton.check.rates import Rates
from baton.check.verified import Verified
from baton.flow.orchestrate.desk import Desk
from baton.types.orchestration import PartVerdict
from baton.types.plan import Constraint, RunLimits
from baton.types.trust import Refused


class Work(Struct, frozen=True):
    """`documents` by name: untrusted text, which only sub-tasks read."""

    request: str
    documents: Mapping[str, str]
    contracts: Mapping[str, Named]
    keep: tuple[Constraint, ...]
    limits: RunLimits
    desk: Desk
    rates: Rates = field(default_factory=Rates)
    alone: bool = False
    """Nothing is delegated: there was no plan that could be carried out."""


class Unresolved(Struct, frozen=True):
    """`reason` is in our own words: nothing of what was refused is in it."""

    id: str
    reason: str


class Part(Struct, frozen=True):
    """What became of a sub-task."""

    id: str
    value: Verified[Any] | Unresolved
    verdicts: tuple[PartVerdict, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def verified(self) -> Verified[Any] | None:
        return self.value if isinstance(self.value, Verified) else None


def plain_reason(refused: Refused) -> str:
    """Why, in words that no model has written: which check, never what was found."""
    failed = next((one.verdict for one in refused.findings if one.verdict.passed is not True), None)
    if failed is None:
        return "the evidence for it is less than the contract asks for"
    return f"{failed.verifier}: {'not passed' if failed.ran else 'could not be checked'}"


def verdicts_of(part: str, model: str, findings: tuple[Any, ...]) -> tuple[PartVerdict, ...]:
    return tuple(
        PartVerdict(
            part,
            model,
            one.verdict.verifier,
            one.verdict.passed is True,
            one.assurance.word,
            one.false_accepts.bound,
        )
        for one in findings
    )
