"""A policy, ready to decide. Order: explicit request > rules > certificate > objective; everything is explained.

The objective among the models that a rule puts up is `100 * quality - lambda * USD per 1,000 tasks`. After it come the
gate (a hard request goes up), the session (a conversation stays where its cache is) and the cascade (cheap first, and
a look at the answer).
"""

from collections.abc import Mapping, Sequence

from msgspec import Struct
from msgspec.structs import replace

from baton.decide.difficulty import Reading
from baton.decide.eligible import Demands, exclusion_of
from baton.decide.estimate import Expected, expected_cost
from baton.decide.explain import counterfactual, passed_through_reason, reason_of
from baton.decide.gate import Raised, lets_through, raised, sent_by_certificate
from baton.decide.quality import Qualities
from baton.decide.rank import Ranking, Standing
from baton.decide.readings import Readings
from baton.decide.roads import Asker, taken
from baton.decide.routes import Routing
from baton.decide.rule import POLICY, Chosen, Ranked, apply_rule
from baton.decide.said import Said
from baton.decide.session import Course, course_of, settled
from baton.decide.task_type import Found, TaskTypeRules
from baton.decide.terms import Terms, terms_of
from baton.types.card import ModelCard
from baton.types.cascade import CascadePlan
from baton.types.decision import Decision, Exclusion, GoingUp, PolicySnapshot, Upgrade
from baton.types.errors import NoEligibleModel, NotAllowed
from baton.types.request import Caller, Request
from baton.types.session import Session
from baton.types.task import Route, TaskType

NOBODY: Mapping[str, str] = {}


class Choice(Struct, frozen=True, gc=False):
    """What stands after every step of a decision, with the words for it."""

    best: Ranked
    runner_up: Ranked | None
    why: tuple[str, ...]
    upgraded: Upgrade = ""
    flips_when: str | None = None
    """Where it was not the objective that decided in the end."""
    plan: CascadePlan | None = None
    cost: int | None = None
    """Expected nano-dollars, where they are not those of `best` alone."""


class Policy:
    """Compiled once per snapshot; `decide` is then a pure function of its arguments."""

    def __init__(self, snapshot: PolicySnapshot) -> None:
        self.snapshot = snapshot
        self._rules = TaskTypeRules(snapshot.task_types, snapshot.classifier)
        self._routes = {route.name: route for route in snapshot.routes}
        self._routing = Routing(snapshot)
        self._qualities = Qualities(snapshot)
        self._references = {name: self._reference(one) for name, one in snapshot.task_types.items()}
        self._readings = Readings(snapshot.learned)
        self._ranking = Ranking(snapshot, self._qualities, self._references)

    def decide(
        self,
        request: Request,
        caller: Caller,
        decision_id: str,
        barred: Mapping[str, str] = NOBODY,
        *,
        session: Session | None = None,
        going_up: GoingUp = "allowed",
    ) -> Decision:
        """`barred`: models that the conversation cannot be carried to, with the reason.

        Raises UnknownModel, NotAllowed, NoEligibleModel, or RequestError for an unknown task type.
        """
        asked = self.snapshot.aliases.get(request.model, request.model)
        said = Said(request.facts)
        found, route = self._found(request, caller, asked, said)
        task_type = self.snapshot.task_types[found.name]
        demands = Demands(request.facts, request.wish, caller, route, task_type, barred)
        if asked in self.snapshot.cards and route.strategy == "pass":
            return self._pass_through(self.snapshot.cards[asked], demands, found, request, decision_id)
        terms = terms_of(request, asked, caller, route, task_type)
        asks = _Asked(request, demands, terms, found, session, going_up, course_of(request, caller, said), said)
        return self._choose(asks, decision_id)

    def _found(self, request: Request, caller: Caller, asked: str, said: Said) -> tuple[Found, Route]:
        """Nothing is guessed where the asked model serves anyhow: the task type is for the books then."""
        named = asked in self.snapshot.cards
        found = self._rules.find(request.wish, caller, request.facts, said, guess=not named)
        route = self._routing.of(request.model, asked, found.name, caller)
        if named and route.strategy != "pass" and found.source == "default":
            found = self._rules.find(request.wish, caller, request.facts, said)
            route = self._routing.of(request.model, asked, found.name, caller)
        return found, route

    def task_type(self, request: Request, caller: Caller) -> str:
        """Raises RequestError when the declared type is not in the config."""
        return self._rules.find(request.wish, caller, request.facts).name

    def reference_of(self, task_type: str) -> ModelCard:
        return self.snapshot.cards[self._references[task_type]]

    def route_named(self, name: str) -> Route:
        """Of a decision of this policy."""
        return self._routes[name]

    def _pass_through(
        self, card: ModelCard, demands: Demands, found: Found, request: Request, decision_id: str
    ) -> Decision:
        excluded = exclusion_of(card, demands)
        if excluded is not None and excluded.reason in {"key", "allow_list"}:
            raise NotAllowed(f"model {card.id!r} is not allowed here: {excluded.detail}", "model")
        reference = self.reference_of(found.name)
        expected = Expected(demands.task_type.output_tokens)
        return Decision(
            id=decision_id,
            model=card.id,
            provider=card.provider,
            route=demands.route.name,
            task_type=found.name,
            task_type_source=found.source,
            rule="pass",
            asked=request.model,
            floor=demands.task_type.floor,
            min_quality=demands.task_type.min_quality,
            lambda_=demands.task_type.lambda_,
            expected_cost=expected_cost(card, request.facts, expected),
            reason=passed_through_reason(card.id, request.model),
            counterfactual=counterfactual(
                reference.id, expected_cost(reference, request.facts, expected), None, None, 0.0
            ),
        )

    def _choose(self, asked: "_Asked", decision_id: str) -> Decision:
        terms, demands = asked.terms, asked.demands
        name = asked.found.name
        reading = self._readings.of(asked.said, name)
        reference = self._references[name]
        ranked = self._ranking.of(asked.request, demands, terms, reading.gains, asked.session)
        standing = self._proven_there(ranked, name, terms, reading, reference)
        if not standing.eligible:
            listed = "; ".join(f"{one.model}: {one.detail}" for one in standing.excluded[:8])
            raise NoEligibleModel(f"no configured model can serve this request: {listed}", "model")
        choice = self._chosen(asked, standing, reading, reference)
        best = choice.best
        certificate = self._qualities.whole(name, terms) or self._qualities.certificate(name, best.arm.name, terms)
        expected = Expected(demands.task_type.output_tokens)
        return Decision(
            id=decision_id,
            model=best.card.id,
            provider=best.card.provider,
            route=demands.route.name,
            task_type=name,
            task_type_source=asked.found.source,
            rule=terms.rule,
            asked=asked.request.model,
            floor=terms.floor,
            min_quality=terms.min_quality,
            lambda_=terms.lambda_,
            expected_cost=best.candidate.cost if choice.cost is None else choice.cost,
            reason=reason_of(asked.found, choice.why, best, choice.runner_up, choice.cost),
            candidates=tuple(one.candidate for one in standing.eligible),
            excluded=standing.excluded,
            counterfactual=counterfactual(
                reference,
                expected_cost(self.snapshot.cards[reference], demands.facts, expected),
                best.candidate,
                None if choice.runner_up is None else choice.runner_up.candidate,
                terms.lambda_,
                choice.flips_when,
            ),
            difficulty=reading.difficulty,
            proof="none" if certificate is None else certificate.name,
            effort=best.arm.step,
            plan=choice.plan,
            upgraded=choice.upgraded,
            session=asked.session,
            side=asked.course.side,
        )

    def _proven_there(
        self, standing: Standing, task_type: str, terms: Terms, reading: Reading, reference: str
    ) -> Standing:
        """Where the reference cannot serve, a gate has nobody to send to: who is behind one is no candidate then."""
        if not self.snapshot.certificates or any(one.arm.name == reference for one in standing.eligible):
            return standing
        kept, excluded = [], [*standing.excluded]
        for one in standing.eligible:
            certificate = self._qualities.certificate(task_type, one.arm.name, terms)
            if certificate is None or lets_through(certificate, reading):
                kept.append(one)
            else:
                detail = f"too hard for {certificate.name}, and its reference {reference} cannot serve"
                excluded.append(Exclusion(one.arm.name, "uncertified", detail))
        return Standing(kept, tuple(excluded))

    def _chosen(self, asked: "_Asked", standing: Standing, reading: Reading, reference: str) -> Choice:
        """Rule and objective first, then what may send the request up."""
        choice = _by_rule(asked.terms.rule, standing.eligible, reference)
        by_table = self._by_table(asked, choice, reading, reference)
        if by_table is not None and asked.going_up != "allowed":
            choice = _kept_down(choice, by_table, standing.eligible, asked.going_up, reference)
        choice = self._gone_up(asked, choice, standing.eligible, reading, reference)
        if by_table is not None and choice.plan is None and choice.best.candidate.cost > by_table.candidate.cost:
            choice = replace(choice, upgraded=choice.upgraded or "prompt")
        sent = self._sent(asked, choice.best, standing.eligible, reading, reference)
        if sent is None:
            return choice
        # Whatever came before, and whatever limit a key has: the cheap rung is proven for the rest only.
        return Choice(sent.to, choice.best, (*choice.why, sent.why), "gate", sent.flips_when)

    def _by_table(self, asked: "_Asked", choice: Choice, reading: Reading, reference: str) -> Ranked | None:
        """What rule and table alone would give, where the prompt itself makes it a dearer model and a limit watches."""
        demands = asked.demands
        if reading.gains is None or (demands.route.escalation or demands.task_type.escalation) is None:
            return None
        plain = self._ranking.of(asked.request, demands, asked.terms, None, asked.session)
        best = _by_rule(asked.terms.rule, plain.eligible, reference).best
        return best if best.candidate.cost < choice.best.candidate.cost else None

    def _gone_up(
        self, asked: "_Asked", choice: Choice, eligible: Sequence[Ranked], reading: Reading, reference: str
    ) -> Choice:
        if not asked.course.to_cheapest:
            choice = self._gated(asked, choice, eligible, reading, reference)
        if choice.upgraded:
            return choice
        choice = _in_session(asked, choice, eligible, reference)
        settled_so = choice.upgraded or asked.course.to_cheapest
        if settled_so:
            return choice
        held = self._within_gates(asked, eligible, reading, reference)
        return _cascaded(asked, choice, held, reading, self._measured(asked))

    def _within_gates(
        self, asked: "_Asked", eligible: Sequence[Ranked], reading: Reading, reference: str
    ) -> Sequence[Ranked]:
        """Without those that a proven gate does not let this request through to: no cascade asks them either."""
        if not self.snapshot.certificates:
            return eligible
        return [one for one in eligible if self._sent(asked, one, eligible, reading, reference) is None]

    def _sent(
        self, asked: "_Asked", best: Ranked, eligible: Sequence[Ranked], reading: Reading, reference: str
    ) -> Raised | None:
        """Where a proven gate sends the request from there, if one does."""
        certificate = self._qualities.certificate(asked.found.name, best.arm.name, asked.terms)
        if certificate is None or certificate.serves != "gate":
            return None
        return sent_by_certificate(certificate, best, eligible, reading, reference)

    def _measured(self, asked: "_Asked") -> CascadePlan | None:
        """A road that was found best on graded answers is no rule of the operator's: it stands in for none."""
        learned = self.snapshot.learned
        if learned is None or asked.terms.rule != POLICY:
            return None
        return learned.cascades.get(asked.found.name)

    def _gated(
        self, asked: "_Asked", choice: Choice, eligible: Sequence[Ranked], reading: Reading, reference: str
    ) -> Choice:
        certificate = self._qualities.certificate(asked.found.name, choice.best.arm.name, asked.terms)
        if certificate is not None and certificate.serves == "gate":
            return choice  # its own threshold holds, and is looked at last
        up = raised(choice.best, eligible, reading, asked.terms.gate)
        if up is None:
            return choice
        if asked.going_up == "none":
            stays = f"{up.why}, but this key may not go up any more"
            return Choice(choice.best, up.to, (*choice.why, stays), "gate", "room under the key's escalation limit")
        if asked.going_up == "reference":
            top = next((one for one in eligible if one.arm.name == reference), up.to)
            only = f"{up.why}; this key may only go to the reference"
            return Choice(top, choice.best, (*choice.why, only), "gate", up.flips_when)
        return Choice(up.to, choice.best, (*choice.why, up.why), "gate", up.flips_when)

    def _reference(self, task_type: TaskType) -> str:
        """The configured reference; else the model thought best, and of several the one with the dearest output."""
        if task_type.reference is not None:
            return task_type.reference
        known = [
            (self._qualities.of(card, None, task_type.name).quality, card.price.output, card.id)
            for card in self.snapshot.cards.values()
        ]
        return max(known)[2] if known else ""


class _Asked(Struct, frozen=True, gc=False):
    """One request with everything that was found out about it before a model is chosen."""

    request: Request
    demands: Demands
    terms: Terms
    found: Found
    session: Session | None
    going_up: GoingUp
    course: Course
    said: Said


def _in_session(asked: _Asked, choice: Choice, eligible: Sequence[Ranked], reference: str) -> Choice:
    found = settled(asked.session, choice.best, eligible, asked.course, asked.going_up, reference)
    if found is None:
        return choice
    settled_so = replace(choice, why=(*choice.why, found.why), upgraded=found.upgraded)
    if found.to is choice.best:
        return settled_so
    flips = "no call on the side" if asked.course.side else "a conversation of its own"
    return replace(settled_so, best=found.to, runner_up=choice.best, flips_when=flips)


def _cascaded(
    asked: _Asked, choice: Choice, eligible: Sequence[Ranked], reading: Reading, measured: CascadePlan | None
) -> Choice:
    demands, terms = asked.demands, asked.terms
    plan = demands.route.cascade or demands.task_type.cascade or measured
    if plan is None:
        return choice
    asker = Asker(asked.request.stream, terms.floor, terms.lambda_, reading.difficulty or 0.0)
    road = taken(plan, choice.best, eligible, asker)
    if road is None:
        return choice
    return replace(
        choice,
        best=road.best,
        runner_up=road.instead,
        why=(*choice.why, road.why),
        flips_when=road.flips_when,
        plan=road.plan,
        cost=road.cost,
    )


def _by_rule(rule: str, eligible: Sequence[Ranked], reference: str) -> Choice:
    chosen: Chosen = apply_rule(rule, eligible, reference)
    ordered = sorted(chosen.models, key=_by_worth)
    return Choice(ordered[0], ordered[1] if len(ordered) > 1 else None, (chosen.why,))


def _kept_down(
    choice: Choice, by_table: Ranked, eligible: Sequence[Ranked], going_up: GoingUp, reference: str
) -> Choice:
    """What a prompt may still bring about whose key is at its limit."""
    wants = f"the prompt itself asks for {choice.best.arm.name}"
    to, why = by_table.arm.name, f"{wants}, but this key may not go up any more"
    if going_up == "reference":
        to, why = reference, f"{wants}; this key may only go to the reference"
    best = next((one for one in eligible if one.arm.name == to), choice.best)
    return Choice(best, choice.best, (*choice.why, why), "prompt", "room under the key's escalation limit")


def _by_worth(one: Ranked) -> tuple[float, int, str]:
    return (-one.candidate.utility, one.candidate.cost, one.arm.name)
