"""Sanity of a grader: what blocks every conclusion from its grades, and why.

Pure rules over counts; `measure/` collects them. The rules come from a real table of public results in which a strong
model has 3 % on one subject of four-way questions: a fault of the parser, which a ladder would take for a discovery.
"""

import math
from collections.abc import Mapping
from typing import Literal

from msgspec import Struct, field

from baton.stats.intervals import clopper_pearson

Rule = Literal["parse_failures", "gold", "shuffled", "below_chance", "reference_below_cheapest"]

MOST_PARSE_FAILURES = 0.02
LEAST_GOLD = 0.98
SIGMAS = 3.0
MOST_BELOW_CHEAPEST = 0.15
LEVEL = 0.99
"""Confidence with which a model must be below chance, or the reference below the cheapest, to be an accusation."""


class Tally(Struct, frozen=True):
    """Grades of one kind of answer: how many, and their sum (each 0..1)."""

    n: int
    total: float

    def __post_init__(self) -> None:
        if self.n < 0 or not 0 <= self.total <= self.n:  # also refuses NaN
            raise ValueError(f"{self.total!r} points of {self.n!r} answers: need 0 <= points <= answers")

    @property
    def mean(self) -> float:
        return self.total / self.n


class GraderEvidence(Struct, frozen=True):
    """What is known of one grader on one task type. What is None or empty was not examined."""

    models: Mapping[str, Tally] = field(default_factory=dict)
    reference: str | None = None
    cheapest: str | None = None
    chance: float | None = None
    """Score of an answer drawn at random, such as .25 for four-way questions."""
    graded: int | None = None
    parse_failures: int | None = None
    """Of `graded` answers, those in which the grader found nothing to grade."""
    gold: Tally | None = None
    """The known right answers, graded."""
    shuffled: Tally | None = None
    """Right answers of other prompts, graded."""


class Fault(Struct, frozen=True):
    rule: Rule
    text: str


class SanityReport(Struct, frozen=True):
    """`faults` block every conclusion; `unexamined` rules had nothing to look at."""

    faults: tuple[Fault, ...]
    unexamined: tuple[Rule, ...]

    @property
    def sound(self) -> bool:
        return not self.faults


def examine(evidence: GraderEvidence) -> SanityReport:
    """All rules: parse failures <= 2 %; gold >= .98; shuffled <= chance + 3 sigma; no model below chance; the reference
    at most 15 points below the cheapest. The last two only where luck does not explain it (99 %, exact intervals).
    """
    verdicts: dict[Rule, Fault | Literal["unexamined"] | None] = {
        "parse_failures": _parse_failures(evidence),
        "gold": _gold(evidence),
        "shuffled": _shuffled(evidence),
        "below_chance": _below_chance(evidence),
        "reference_below_cheapest": _reference_below_cheapest(evidence),
    }
    return SanityReport(
        tuple(verdict for verdict in verdicts.values() if isinstance(verdict, Fault)),
        tuple(rule for rule, verdict in verdicts.items() if verdict == "unexamined"),
    )


def _parse_failures(evidence: GraderEvidence) -> Fault | Literal["unexamined"] | None:
    if not evidence.graded or evidence.parse_failures is None:
        return "unexamined"
    if not 0 <= evidence.parse_failures <= evidence.graded:
        raise ValueError(f"{evidence.parse_failures!r} parse failures of {evidence.graded!r} answers: need 0..answers")
    share = evidence.parse_failures / evidence.graded
    if share <= MOST_PARSE_FAILURES:
        return None
    return Fault("parse_failures", f"nothing to grade in {share:.1%} of {evidence.graded} answers (most: 2 %)")


def _gold(evidence: GraderEvidence) -> Fault | Literal["unexamined"] | None:
    if evidence.gold is None or not evidence.gold.n:
        return "unexamined"
    if evidence.gold.mean >= LEAST_GOLD:
        return None
    return Fault("gold", f"the known right answers score {evidence.gold.mean:.3f} of {evidence.gold.n} (least: .98)")


def _shuffled(evidence: GraderEvidence) -> Fault | Literal["unexamined"] | None:
    if evidence.shuffled is None or not evidence.shuffled.n or evidence.chance is None:
        return "unexamined"
    chance = _chance(evidence)
    most = chance + SIGMAS * math.sqrt(chance * (1 - chance) / evidence.shuffled.n)
    if evidence.shuffled.mean <= most:
        return None
    return Fault("shuffled", f"answers to other prompts score {evidence.shuffled.mean:.3f} (most: {most:.3f})")


def _below_chance(evidence: GraderEvidence) -> Fault | Literal["unexamined"] | None:
    if not any(tally.n for tally in evidence.models.values()) or evidence.chance is None:
        return "unexamined"
    chance = _chance(evidence)
    below = [
        f"{model} has {tally.mean:.3f} of {tally.n}"
        for model, tally in sorted(evidence.models.items())
        if tally.n and clopper_pearson(math.ceil(tally.total), tally.n, LEVEL).high < chance
    ]
    return Fault("below_chance", f"below the {chance:g} of chance: {', '.join(below)}") if below else None


def _reference_below_cheapest(evidence: GraderEvidence) -> Fault | Literal["unexamined"] | None:
    reference, cheapest = (evidence.models.get(name or "") for name in (evidence.reference, evidence.cheapest))
    if reference is None or cheapest is None or not reference.n or not cheapest.n:
        return "unexamined"
    gap = cheapest.mean - reference.mean
    apart = (
        clopper_pearson(math.ceil(reference.total), reference.n, LEVEL).high
        < clopper_pearson(math.floor(cheapest.total), cheapest.n, LEVEL).low
    )
    if gap <= MOST_BELOW_CHEAPEST or not apart:
        return None
    text = f"the reference {evidence.reference} has {reference.mean:.3f}, {gap:.3f} below the cheapest (most: .15)"
    return Fault("reference_below_cheapest", text)


def _chance(evidence: GraderEvidence) -> float:
    if evidence.chance is None or not 0 <= evidence.chance < 1:
        raise ValueError(f"chance is {evidence.chance!r}: need the score of a random answer, at least 0 and below 1")
    return evidence.chance
