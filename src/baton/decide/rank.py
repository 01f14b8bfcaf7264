"""Every arm of the config, for one request: eligible with what is expected of it, or excluded with the reason."""

from collections.abc import Collection, Mapping

from msgspec import Struct

from baton.decide.arm import Arm, arms_of, sets_effort
from baton.decide.eligible import Demands, below, exclusion_of, hurdle_of
from baton.decide.estimate import tokens_expected, utility
from baton.decide.quality import Figure, Qualities
from baton.decide.rule import Ranked
from baton.decide.terms import Terms
from baton.types.card import ModelCard
from baton.types.certificate import Certificate
from baton.types.decision import Candidate, Exclusion, PolicySnapshot
from baton.types.money import Usage
from baton.types.request import Request
from baton.types.session import Session
from baton.types.task import TaskType

FLOOR_SLACK = 1e-9


class Standing(Struct, frozen=True, gc=False):
    """`eligible` from the cheapest to the dearest."""

    eligible: list[Ranked]
    excluded: tuple[Exclusion, ...]


class _Place(Struct, frozen=True, gc=False):
    """An arm on one task type: all that is the same for every request."""

    arm: Arm
    never: Exclusion | None
    """Below the safety floor, or demoted."""
    unlisted: bool
    """Another step of this model is a rung."""
    figure: Figure
    """Without what the prompt itself says."""
    named_only: bool
    output: int
    """Tokens expected of an answer."""


class Ranking:
    """Compiled once per snapshot."""

    def __init__(self, snapshot: PolicySnapshot, qualities: Qualities, references: Mapping[str, str]) -> None:
        self._qualities = qualities
        self._references = references
        self._cards = snapshot.cards
        self._proven = snapshot.mode != "rules"
        self._demoted = {(one.task_type, one.model): one.reason for one in snapshot.demoted}
        self._steps = any(card.efforts for card in snapshot.cards.values())
        self._places = {
            one.name: tuple(self._place(arm, one) for card in snapshot.cards.values() for arm in arms_of(card))
            for one in snapshot.task_types.values()
        }

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
        needed = terms.needed(self._qualities.of(self._cards[reference], None, name, gains).quality) - FLOOR_SLACK
        proven = self._proven and self._qualities.whole(name, terms) is None
        own_effort = self._steps and sets_effort(request.dialect, request.members)
        hurdle = hurdle_of(demands)
        allowed = demands.facts.max_output or 0
        on = _Request(tokens_expected(demands.facts), allowed, terms.lambda_, needed, gains, session)
        eligible: list[Ranked] = []
        excluded: list[Exclusion] = []
        for place in self._places[name]:
            arm = place.arm
            if arm.effort is not None and own_effort:
                continue
            against = (None if hurdle.clears(arm.card) else exclusion_of(arm.card, demands)) or place.never
            if against is not None:
                if arm.effort is None:
                    excluded.append(against)
                continue
            if place.unlisted:
                continue
            certificate = self._qualities.certificate(name, arm.name, terms)
            if proven and certificate is None and arm.name != reference:
                least = "" if terms.min_quality is None else f" and quality {terms.min_quality:.4g}"
                detail = f"no certificate for {name!r} at floor {terms.floor:.4g}{least}"
                excluded.append(Exclusion(arm.name, "uncertified", detail))
                continue
            eligible.append(self._ranked(place, certificate, name, on))
        eligible.sort(key=_by_cost)
        return Standing(eligible, tuple(excluded))

    def _ranked(self, place: _Place, certificate: Certificate | None, task_type: str, on: "_Request") -> Ranked:
        arm, card, figure, output = place.arm, place.arm.card, place.figure, place.output
        if on.gains is not None:
            figure = self._qualities.of(card, arm.effort, task_type, on.gains)
        if 0 < on.max_output < output:
            output = on.max_output
        if on.session is not None and on.session.model == card.id and on.session.cached_tokens:
            cost = card.price.cost(Usage(on.tokens, output, min(on.session.cached_tokens, on.tokens)))
        else:
            cost = card.price.plain(on.tokens, output)
        quality = figure.quality
        candidate = Candidate(
            card.id,
            quality,
            figure.evidence if certificate is None else "certified",
            cost,
            utility(quality, cost, on.lambda_),
            certificate is not None or quality >= on.needed,
            arm.step,
            figure.bound,
            figure.n,
        )
        return Ranked(arm, candidate, place.named_only)

    def _never(self, card: ModelCard, task_type: TaskType) -> Exclusion | None:
        found = below(card, task_type, self._cards)
        if found is not None or card.id == self._references[task_type.name]:
            return found
        reason = self._demoted.get((task_type.name, card.id))
        return None if reason is None else Exclusion(card.id, "demoted", reason)

    def _place(self, arm: Arm, task_type: TaskType) -> _Place:
        figure = self._qualities.of(arm.card, arm.effort, task_type.name)
        return _Place(
            arm,
            self._never(arm.card, task_type),
            _unlisted(arm, task_type.ladder),
            figure,
            named_only=arm.effort is not None and not figure.own and arm.name not in task_type.ladder,
            output=round((figure.output_tokens or task_type.output_tokens) * arm.output_factor),
        )


class _Request(Struct, frozen=True, gc=False):
    """What of one request every model is ranked by."""

    tokens: int
    max_output: int
    """As the caller allows; 0: he says nothing."""
    lambda_: float
    needed: float
    """The least quality that meets the floor."""
    gains: Mapping[str, float] | None
    session: Session | None


def _by_cost(one: Ranked) -> tuple[int, str]:
    return (one.candidate.cost, one.arm.name)


def _unlisted(arm: Arm, ladder: Collection[str]) -> bool:
    """A ladder says which arms are its rungs: what it does not name is none of them."""
    return bool(ladder) and arm.name not in ladder
