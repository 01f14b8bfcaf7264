"""Every arm of the config, for one request: eligible with what is expected of it, or excluded with the reason."""

from collections.abc import Collection, Mapping

from msgspec import Struct

from baton.decide.arm import Arm, arms_of, sets_effort
from baton.decide.eligible import Demands, below, exclusion_of
from baton.decide.estimate import Expected, expected_cost, utility
from baton.decide.quality import Qualities
from baton.decide.rule import Ranked
from baton.decide.terms import Terms
from baton.types.card import ModelCard
from baton.types.certificate import Certificate
from baton.types.decision import Candidate, Exclusion, PolicySnapshot
from baton.types.request import Request
from baton.types.session import Session

FLOOR_SLACK = 1e-9


class Standing(Struct, frozen=True):
    """`eligible` from the cheapest to the dearest."""

    eligible: list[Ranked]
    excluded: tuple[Exclusion, ...]


class Ranking:
    """Compiled once per snapshot."""

    def __init__(self, snapshot: PolicySnapshot, qualities: Qualities, references: Mapping[str, str]) -> None:
        self._arms = tuple(arm for card in snapshot.cards.values() for arm in arms_of(card))
        self._qualities = qualities
        self._references = references
        self._cards = snapshot.cards
        self._proven = snapshot.mode != "rules"
        self._demoted = {(one.task_type, one.model): one.reason for one in snapshot.demoted}

    def of(
        self,
        request: Request,
        demands: Demands,
        terms: Terms,
        gains: Mapping[str, float] | None,
        session: Session | None,
    ) -> Standing:
        """`gains`: what the prompt itself says of each model, as the quality it loses to the reference."""
        name = demands.task_type.name
        reference = self._references[name]
        needed = terms.needed(self._qualities.of(self._cards[reference], None, name, gains).quality)
        proven = self._proven and self._qualities.whole(name, terms) is None
        own_effort = sets_effort(request.dialect, request.members)
        eligible: list[Ranked] = []
        excluded: list[Exclusion] = []
        last: tuple[str, Exclusion | None] = ("", None)
        for arm in self._arms:
            if arm.effort is not None and own_effort:
                continue
            if last[0] != arm.card.id:
                last = (arm.card.id, self._unfit(arm.card, demands, reference))
            if last[1] is not None:
                if arm.effort is None:
                    excluded.append(last[1])
                continue
            if _unlisted(arm, demands.task_type.ladder):
                continue  # another step of this model is a rung
            certificate = self._qualities.certificate(name, arm.name, terms)
            if proven and certificate is None and arm.name != reference:
                least = "" if terms.min_quality is None else f" and quality {terms.min_quality:.4g}"
                detail = f"no certificate for {name!r} at floor {terms.floor:.4g}{least}"
                excluded.append(Exclusion(arm.name, "uncertified", detail))
                continue
            eligible.append(self._ranked(arm, demands, terms, gains, session, certificate, needed))
        eligible.sort(key=lambda one: (one.candidate.cost, one.arm.name))
        return Standing(eligible, tuple(excluded))

    def _unfit(self, card: ModelCard, demands: Demands, reference: str) -> Exclusion | None:
        found = exclusion_of(card, demands) or below(card, demands, self._cards)
        if found is not None or not self._demoted or card.id == reference:
            return found
        reason = self._demoted.get((demands.task_type.name, card.id))
        return None if reason is None else Exclusion(card.id, "demoted", reason)

    def _ranked(
        self,
        arm: Arm,
        demands: Demands,
        terms: Terms,
        gains: Mapping[str, float] | None,
        session: Session | None,
        certificate: Certificate | None,
        needed: float,
    ) -> Ranked:
        name = demands.task_type.name
        figure = self._qualities.of(arm.card, arm.effort, name, gains)
        cached = session.cached_tokens if session is not None and session.model == arm.card.id else 0
        output = figure.output_tokens or demands.task_type.output_tokens
        cost = expected_cost(arm.card, demands.facts, Expected(round(output * arm.output_factor), cached))
        candidate = Candidate(
            model=arm.card.id,
            quality=figure.quality,
            evidence=figure.evidence if certificate is None else "certified",
            cost=cost,
            utility=utility(figure.quality, cost, terms.lambda_),
            meets_floor=certificate is not None or figure.quality >= needed - FLOOR_SLACK,
            effort=arm.step,
            bound=figure.bound,
            n=figure.n,
        )
        named = arm.effort is not None and not figure.own and arm.name not in demands.task_type.ladder
        return Ranked(arm, candidate, named)


def _unlisted(arm: Arm, ladder: Collection[str]) -> bool:
    """A ladder says which arms are its rungs: what it does not name is none of them."""
    return bool(ladder) and arm.name not in ladder
