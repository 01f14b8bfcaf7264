"""Walks the cascade of a decision: asks its arms in their order, checks what they say, escalates where nothing holds.

Every call reserves, costs and is recorded like any other; the caller sees one answer, the first that convinces. What
`escalate_to` says is given as it comes: a cascade is no trust hierarchy, and its last rung is believed, but where its
answer fails a check it is marked (`x-baton-unchecked`). So is an answer that is given because nobody better could be
asked: the stronger models failed, or the budget has no more.
"""

from typing import TYPE_CHECKING

import msgspec
from msgspec import Raw, Struct
from msgspec.structs import replace

from baton.check.verifiers.rederives import groups_of
from baton.decide.cascade import UNCOUNTED, next_of
from baton.flow.answer_checks import Found, Given, checked, given_of
from baton.flow.house import House
from baton.flow.passage import Relay
from baton.flow.run import Run, told_of
from baton.protocol.logprobs import without_logprobs
from baton.types.card import split_arm
from baton.types.cascade import CascadePlan, CascadeStep
from baton.types.decision import CascadeAnswer, CheckResult
from baton.types.errors import (
    BatonError,
    EscalationLimited,
    HandoffRefused,
    LimitReached,
    NoEligibleModel,
    UpstreamFault,
    UpstreamNotJson,
)
from baton.types.events import AnswerMessage
from baton.types.request import Request
from baton.types.verdict import Answer

if TYPE_CHECKING:
    from baton.flow.attempts import Answered, Attempts

NOTHING_FOUND = Found(())
EMPTY = Answer("")
CAPPED = "nothing could be asked, and the key may not go up to a dearer model: its escalation limit is reached"
AGREEMENT, LAST = "rederives", "escalation"
ONE = Raw(b"1")


class _Tried(Struct):
    """One arm that was asked; `answered` and `given` None where it failed, and `fault` says how."""

    arm: str
    quorum: int
    cost: int
    answered: "Answered | None" = None
    given: Given | None = None
    found: Found = NOTHING_FOUND
    fault: str = ""

    @property
    def counts(self) -> bool:
        return self.given is not None and self.found.passed


class Walk:
    """For one request. `answer` is called once."""

    def __init__(self, attempts: "Attempts", house: House, run: Run, plan: CascadePlan) -> None:
        assert run.request is not None
        assert run.decision is not None
        self._attempts = attempts
        self._house = house
        self._run = run
        self._request = run.request
        self._plan = plan
        self._reason = run.decision.reason
        self._difficulty = run.decision.difficulty or 0.0
        self._tried: list[_Tried] = []

    async def answer(self) -> "Answered":
        """Raises what `Attempts.first_good` raises."""
        plan = self._plan
        if (self._request.stream and not plan.hold) or wants_several(self._request):
            return await self._escalated()
        while (step := next_of(plan, self._groups(), self._difficulty)).act == "ask":
            try:
                self._tried.append(await self._ask(plan.steps[step.step]))
            except LimitReached as error:
                return self._instead(error, self._agreement(-1))
        if step.act == "keep":
            return self._given(step.step, self._agreement(step.step))
        return await self._escalated()

    async def _ask(self, step: CascadeStep) -> _Tried:
        """A fault is the failure of this arm alone. Raises LimitReached where a budget has no more."""
        run, before = self._run, self._run.cost
        try:
            answered = await self._attempts.rung(step.arm, hold=True)
            given = given_of(self._read(answered), answered.tool_fault)
        except (UpstreamFault, HandoffRefused) as error:
            return _Tried(step.arm, step.quorum, run.cost - before, fault=error.code)
        found = await checked(self._request, given, step.checks, self._plan, self._house.judges)
        run.paid(found.cost)
        return _Tried(step.arm, step.quorum, run.cost - before, answered, given, found)

    def _read(self, answered: "Answered") -> AnswerMessage:
        made = answered.made
        if isinstance(made, AnswerMessage):
            return made
        if not isinstance(answered.passage, Relay) or made is None:
            raise UpstreamNotJson("the answer cannot be read")
        return answered.passage.read(made, stream=self._request.stream)

    def _groups(self) -> list[int]:
        return groups_of([one.given.answer if one.given is not None and one.counts else None for one in self._tried])

    # --- the end of the road -------------------------------------------------------------------------

    def _given(self, place: int, more: dict[int, CheckResult]) -> "Answered":
        tried = self._tried[place]
        answered = tried.answered
        assert answered is not None
        passage = answered.passage
        if isinstance(passage, Relay) and passage.logprobs:
            stream = self._request.stream
            answered.body = without_logprobs(passage.dialect, answered.body, stream=stream)
        _, effort = split_arm(tried.arm, self._house.config.snapshot.cards)
        self._attempts.give(answered, effort)
        self._note([_told(one, more.get(index), given=index == place) for index, one in enumerate(self._tried)])
        return answered

    async def _escalated(self) -> "Answered":
        for one in self._tried:
            self._attempts.bar(split_arm(one.arm, self._house.config.snapshot.cards)[0], "its answer did not convince")
        before, more = self._run.cost, self._agreement(-1)
        going_up = self._house.escalations.may_escalate(self._run) if self._tried else "allowed"
        if going_up == "none":
            return self._instead(EscalationLimited(CAPPED), more)
        try:
            answered = await self._from_above(self._reference() if going_up == "reference" else self._plan.escalate_to)
        except (UpstreamFault, HandoffRefused, NoEligibleModel, LimitReached) as error:
            return self._instead(error, more)
        told = [_told(one, more.get(index)) for index, one in enumerate(self._tried)]
        found = await self._marks(answered)
        model = answered.passage.card.id
        self._note([*told, CascadeAnswer(model, found.results, self._run.cost - before, given=True)])
        return answered

    def _reference(self) -> str:
        """Of the task type, where it may be asked."""
        decision = self._run.decision
        assert decision is not None
        reference = self._house.policy.reference_of(decision.task_type).id
        eligible = any(one.model == reference and not one.effort for one in decision.candidates)
        return reference if eligible else self._plan.escalate_to

    async def _from_above(self, arm: str) -> "Answered":
        """By `arm`; where it fails, by whom the policy puts up next."""
        try:
            return await self._attempts.rung(arm, hold=False)
        except (UpstreamFault, HandoffRefused):
            return await self._attempts.first_good()

    def _instead(self, error: BatonError, more: dict[int, CheckResult]) -> "Answered":
        """The newest answer that may be shown at all, marked; what was wrong above where there is none."""
        refuses = self._house.tools.refuses(self._run.decision.route if self._run.decision is not None else "")
        for place in reversed(range(len(self._tried))):
            one = self._tried[place]
            shown = one.given is not None and one.given.answer != EMPTY
            if shown and not (refuses and one.given is not None and one.given.tool_fault is not None):
                why = CheckResult(LAST, "failed", f"nobody better could be asked: {error.code}")
                return self._given(place, more | {place: more.get(place, why)})
        raise error

    async def _marks(self, answered: "Answered") -> Found:
        """What the checks that cost nothing find of a whole answer of the last rung."""
        if answered.begun is not None or answered.made is None:
            return NOTHING_FOUND
        try:
            given = given_of(self._read(answered))
        except UpstreamNotJson:
            return NOTHING_FOUND
        return await checked(self._request, given, (), self._plan, {})

    def _agreement(self, kept: int) -> dict[int, CheckResult]:
        """By place: how the answers that had to agree with others did."""
        groups = self._groups()
        found = {}
        for place, (one, group) in enumerate(zip(self._tried, groups, strict=True)):
            if one.quorum > 1 and group != UNCOUNTED:
                votes = groups.count(group)
                same = f"{votes} of {len(groups)} answers say the same"
                held = kept >= 0 and group == groups[kept]
                found[place] = CheckResult(AGREEMENT, "passed" if held else "failed", same)
        return found

    def _note(self, answers: list[CascadeAnswer]) -> None:
        decision = self._run.decision
        assert decision is not None
        self._run.decision = replace(
            decision,
            cascade=tuple(answers),
            plan=self._plan,
            reason=f"{self._reason}; cascade: {told_of(answers)}",
            upgraded="cascade" if len(answers) > len(self._tried) > 0 else decision.upgraded,
        )


def wants_several(request: Request) -> bool:
    """Several answers at once, of which a cascade could only look at the first."""
    members = request.members
    if request.dialect == "gemini":
        config = members.get("generationConfig") or members.get("generation_config")
        return config is not None and _several_candidates(config)
    return request.dialect == "openai-chat" and bytes(members.get("n", ONE)) not in {b"1", b"null"}


def _several_candidates(config: Raw) -> bool:
    try:
        inside = msgspec.json.decode(config, type=dict[str, Raw])
    except msgspec.DecodeError:  # the model's server is who says what is wrong with it
        return False
    return bytes(inside.get("candidateCount") or inside.get("candidate_count") or ONE) not in {b"1", b"null"}


def _told(one: _Tried, more: CheckResult | None = None, *, given: bool = False) -> CascadeAnswer:
    results = one.found.results if one.given is not None else (CheckResult("fault", "failed", one.fault),)
    return CascadeAnswer(one.arm, (*results, more) if more is not None else results, one.cost, given)
