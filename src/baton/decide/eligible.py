"""Eligibility before ranking: what cannot serve a request is excluded with a reason, never ranked low."""

from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase

from msgspec import Struct

from baton.decide.estimate import tokens_at_most
from baton.decide.rule import TIERS_UPWARD
from baton.types.card import Capability, ModelCard, arm_name
from baton.types.decision import Exclusion
from baton.types.request import Caller, Facts, Wish
from baton.types.task import Route, TaskType


class Demands(Struct, frozen=True, gc=False):
    """Everything that can exclude a model from one request."""

    facts: Facts
    wish: Wish
    caller: Caller
    route: Route
    task_type: TaskType
    barred: Mapping[str, str] = {}
    """Models that the conversation cannot be carried to, with the reason."""


class Hurdle(Struct, frozen=True, gc=False):
    """The demands as most models are held against them, read once for all of them."""

    needs: frozenset[Capability]
    input_tokens: int
    max_output: int
    named: bool
    """Somebody names models that may be asked, or may not."""

    def clears(self, card: ModelCard) -> bool:
        """Nothing excludes it; else `exclusion_of` says whether and why."""
        return not (
            self.named
            or self.input_tokens > card.context_window
            or self.max_output > card.max_output
            or (self.needs and not self.needs <= card.capabilities)
        )


def hurdle_of(demands: Demands) -> Hurdle:
    facts = demands.facts
    lists = (demands.caller.models, demands.route.models, demands.wish.models, demands.task_type.ladder, demands.barred)
    return Hurdle(facts.needs, tokens_at_most(facts), facts.max_output or 0, any(lists))


def exclusion_of(card: ModelCard, demands: Demands) -> Exclusion | None:
    """The first reason why this model cannot serve the request, or None."""
    return _not_allowed(card, demands) or _not_capable(card, demands)


def below(card: ModelCard, task_type: TaskType, cards: Mapping[str, ModelCard]) -> Exclusion | None:
    """The safety floor of the task type, by the order of its ladder where it has one, else by tier."""
    lowest, ladder = task_type.never_below, task_type.ladder
    if lowest is None or card.id == lowest:
        return None
    if card.id in ladder and lowest in ladder:
        under = ladder.index(card.id) < ladder.index(lowest)
    else:
        under = _height(card.tier) < _height(cards[lowest].tier if lowest in cards else lowest)
    detail = f"{task_type.name!r} is never served below {lowest!r}"
    return Exclusion(card.id, "safety_floor", detail) if under else None


def _height(tier: str) -> int:
    return TIERS_UPWARD.index(tier)


def matches_any(name: str, patterns: Iterable[str]) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in patterns)


def _not_allowed(card: ModelCard, demands: Demands) -> Exclusion | None:
    if demands.caller.models and not matches_any(card.id, demands.caller.models):
        return Exclusion(card.id, "key", f"key {demands.caller.name!r} does not allow it")
    if demands.route.models and not matches_any(card.id, demands.route.models):
        return Exclusion(card.id, "allow_list", f"route {demands.route.name!r} does not list it")
    if demands.wish.models and not matches_any(card.id, demands.wish.models):
        return Exclusion(card.id, "allow_list", "the request does not list it")
    ladder = demands.task_type.ladder
    if ladder and card.id not in ladder and not any(arm_name(card.id, step) in ladder for step in card.efforts):
        return Exclusion(card.id, "ladder", f"not a rung of the ladder of {demands.task_type.name!r}")
    return None


def _not_capable(card: ModelCard, demands: Demands) -> Exclusion | None:
    facts = demands.facts
    if card.id in demands.barred:
        return Exclusion(card.id, "handoff", demands.barred[card.id])
    if missing := facts.needs - card.capabilities:
        return Exclusion(card.id, "capability", f"lacks {', '.join(sorted(missing))}")
    needed = tokens_at_most(facts)
    if needed > card.context_window:
        return Exclusion(
            card.id, "context_window", f"needs up to {needed} tokens of input, the window has {card.context_window}"
        )
    if facts.max_output is not None and facts.max_output > card.max_output:
        detail = f"the caller allows {facts.max_output} output tokens, the model {card.max_output}"
        return Exclusion(card.id, "output_limit", detail)
    return None
