"""A policy, ready to decide. Order: explicit request > rules > objective; everything is explained.

The objective among the models that a rule puts up is `100 * quality - lambda * USD per 1,000 tasks`.
A floor, a lambda or a preset in the request (or on the key) opens the choice to every rung that meets the floor.
"""

import difflib
from collections.abc import Mapping

from msgspec import Struct

from baton.decide.eligible import Demands, exclusion_of, matches_any
from baton.decide.estimate import expected_cost, quality_of, utility
from baton.decide.explain import counterfactual, passed_through_reason, reason_of
from baton.decide.rule import POLICY, Ranked, apply_rule
from baton.decide.task_type import Found, TaskTypeRules
from baton.types.card import ModelCard
from baton.types.decision import Candidate, Decision, Exclusion, PolicySnapshot
from baton.types.errors import NoEligibleModel, NotAllowed, UnknownModel
from baton.types.request import Caller, Request
from baton.types.task import Route, TaskType

AUTO = "auto"
PRESETS: dict[str, float | None] = {"auto": None, "auto:cost": 10.0, "auto:quality": 0.0}
"""Model names that ask Baton to choose, with the lambda they stand for."""

FLOOR_SLACK = 1e-9
NOBODY: Mapping[str, str] = {}


class Terms(Struct, frozen=True):
    """What holds for one request after request, key, route and task type were laid over each other."""

    rule: str
    floor: float
    min_quality: float | None
    lambda_: float


class Policy:
    """Compiled once per snapshot; `decide` is then a pure function of its arguments."""

    def __init__(self, snapshot: PolicySnapshot) -> None:
        self.snapshot = snapshot
        self._rules = TaskTypeRules(snapshot.task_types)
        self._routes = {route.name: route for route in snapshot.routes}
        self._references = {name: _reference_of(one, snapshot.cards) for name, one in snapshot.task_types.items()}

    def decide(
        self, request: Request, caller: Caller, decision_id: str, barred: Mapping[str, str] = NOBODY
    ) -> Decision:
        """`barred`: models that the conversation cannot be carried to, with the reason.

        Raises UnknownModel, NotAllowed, NoEligibleModel, or RequestError for an unknown task type.
        """
        found = self._rules.find(request.wish, caller, request.facts)
        task_type = self.snapshot.task_types[found.name]
        asked = self.snapshot.aliases.get(request.model, request.model)
        route = self._route(request.model, asked, found.name, caller)
        demands = Demands(request.facts, request.wish, caller, route, task_type, barred)
        if asked in self.snapshot.cards and route.strategy == "pass":
            return self._pass_through(self.snapshot.cards[asked], demands, found, request, decision_id)
        terms = _terms(request, asked, caller, route, task_type)
        return self._choose(demands, terms, found, request, decision_id)

    def task_type(self, request: Request, caller: Caller) -> str:
        """Raises RequestError when the declared type is not in the config."""
        return self._rules.find(request.wish, caller, request.facts).name

    def reference_of(self, task_type: str) -> ModelCard:
        return self.snapshot.cards[self._references[task_type]]

    def task_type_of(self, request: Request, caller: Caller) -> str:
        """Raises RequestError for a declared type that is not in the config."""
        return self._rules.find(request.wish, caller, request.facts).name

    def route_named(self, name: str) -> Route:
        """Of a decision of this policy."""
        return self._routes[name]

    def _route(self, name: str, asked: str, task_type: str, caller: Caller) -> Route:
        choosable = asked in PRESETS or asked in self.snapshot.cards
        for route in self.snapshot.routes:
            by_name = matches_any(name, route.model) or matches_any(asked, route.model)
            if route.model and not by_name:
                continue
            if route.strategy == "pass" and asked not in self.snapshot.cards:
                continue
            if not route.model and not choosable:
                continue
            if route.task_type and task_type not in route.task_type:
                continue
            if route.key and caller.name not in route.key:
                continue
            if not route.model and route.strategy == "auto" and asked not in PRESETS:
                continue
            return route
        raise UnknownModel(self._unknown(name), "model")

    def _unknown(self, name: str) -> str:
        names = [*PRESETS, *self.snapshot.aliases, *self.snapshot.cards]
        near = difflib.get_close_matches(name, names, n=3, cutoff=0.5)
        hint = f"did you mean {' or '.join(near)}?" if near else "GET /v1/models lists the names"
        return f"model {name!r} is not configured: {hint}"

    def _pass_through(
        self, card: ModelCard, demands: Demands, found: Found, request: Request, decision_id: str
    ) -> Decision:
        excluded = exclusion_of(card, demands)
        if excluded is not None and excluded.reason in {"key", "allow_list"}:
            raise NotAllowed(f"model {card.id!r} is not allowed here: {excluded.detail}", "model")
        reference = self.reference_of(found.name)
        output = demands.task_type.output_tokens
        cost = expected_cost(card, request.facts, output)
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
            expected_cost=cost,
            reason=passed_through_reason(card.id, request.model),
            counterfactual=counterfactual(reference, expected_cost(reference, request.facts, output), None, None, 0.0),
        )

    def _choose(self, demands: Demands, terms: Terms, found: Found, request: Request, decision_id: str) -> Decision:
        eligible, excluded = self._rank(demands, terms, found.name)
        if not eligible:
            listed = "; ".join(f"{one.model}: {one.detail}" for one in excluded[:8])
            raise NoEligibleModel(f"no configured model can serve this request: {listed}", "model")
        reference = self.reference_of(found.name)
        chosen = apply_rule(terms.rule, eligible, reference.id)
        ordered = sorted(chosen.models, key=lambda one: (-one.candidate.utility, one.candidate.cost, one.card.id))
        best, runner_up = ordered[0], ordered[1].candidate if len(ordered) > 1 else None
        output = demands.task_type.output_tokens
        return Decision(
            id=decision_id,
            model=best.card.id,
            provider=best.card.provider,
            route=demands.route.name,
            task_type=found.name,
            task_type_source=found.source,
            rule=terms.rule,
            asked=request.model,
            floor=terms.floor,
            min_quality=terms.min_quality,
            lambda_=terms.lambda_,
            expected_cost=best.candidate.cost,
            reason=reason_of(found, chosen.why, best.candidate, runner_up),
            candidates=tuple(one.candidate for one in eligible),
            excluded=excluded,
            counterfactual=counterfactual(
                reference,
                expected_cost(reference, request.facts, output),
                best.candidate,
                runner_up,
                terms.lambda_,
            ),
        )

    def _rank(self, demands: Demands, terms: Terms, name: str) -> tuple[list[Ranked], tuple[Exclusion, ...]]:
        needed = _needed_quality(terms, quality_of(self.reference_of(name), name)[0])
        eligible: list[Ranked] = []
        excluded: list[Exclusion] = []
        for card in self.snapshot.cards.values():
            exclusion = exclusion_of(card, demands)
            if exclusion is not None:
                excluded.append(exclusion)
                continue
            quality, evidence = quality_of(card, name)
            cost = expected_cost(card, demands.facts, demands.task_type.output_tokens)
            value = utility(quality, cost, terms.lambda_)
            eligible.append(
                Ranked(card, Candidate(card.id, quality, evidence, cost, value, quality >= needed - FLOOR_SLACK))
            )
        eligible.sort(key=lambda one: (one.candidate.cost, one.card.id))
        return eligible, tuple(excluded)


def _needed_quality(terms: Terms, reference_quality: float) -> float:
    return max(terms.floor * reference_quality, terms.min_quality or 0.0)


def _terms(request: Request, asked: str, caller: Caller, route: Route, task_type: TaskType) -> Terms:
    wish = request.wish
    preset = PRESETS.get(asked)
    lambda_ = _first(wish.lambda_, preset, caller.lambda_, route.lambda_, task_type.lambda_)
    floor = _first(wish.floor, caller.floor, route.floor, task_type.floor)
    min_quality = _first(wish.min_quality, caller.min_quality, route.min_quality, task_type.min_quality)
    wished = (wish.lambda_, preset, caller.lambda_, wish.floor, caller.floor, wish.min_quality, caller.min_quality)
    rule = route.rule or task_type.rule
    if wish.audience == "internal" and task_type.rule_internal is not None and route.rule is None:
        rule = task_type.rule_internal
    if any(value is not None for value in wished):
        rule = POLICY
    assert lambda_ is not None
    assert floor is not None
    return Terms(rule, floor, min_quality, lambda_)


def _first(*values: float | None) -> float | None:
    return next((value for value in values if value is not None), None)


def _reference_of(task_type: TaskType, cards: dict[str, ModelCard]) -> str:
    """The configured reference; else the model assumed best, and of several the one with the dearest output."""
    if task_type.reference is not None:
        return task_type.reference
    if not cards:
        return ""
    return max(cards.values(), key=lambda card: (quality_of(card, task_type.name)[0], card.price.output, card.id)).id
