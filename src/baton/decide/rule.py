"""Explicit rules: which of the eligible models stand for choice. The seed's routing table is written in these words."""

from collections.abc import Callable, Sequence
from typing import get_args

from msgspec import Struct

from baton.decide.arm import Arm
from baton.types.card import ModelCard, Tier
from baton.types.decision import Candidate

TIERS_UPWARD: tuple[Tier, ...] = ("local", "small", "mid", "frontier")
assert set(TIERS_UPWARD) == set(get_args(Tier))

POLICY = "policy"


class Ranked(Struct, frozen=True, gc=False):
    """An eligible arm, and what is expected of it."""

    arm: Arm
    candidate: Candidate
    named_only: bool = False
    """Nothing is known of this step of effort: it stands for choice only where a ladder or a rule names it."""

    @property
    def card(self) -> ModelCard:
        return self.arm.card


class Chosen(Struct, frozen=True, gc=False):
    """The models that a rule puts up for choice, and why these. Never empty when there was an eligible model."""

    models: tuple[Ranked, ...]
    why: str


def apply_rule(rule: str, eligible: Sequence[Ranked], reference: str) -> Chosen:
    """`rule` is a word of `RULES` or the name of an arm. One that finds nothing falls upward, towards the reference."""
    named = RULES.get(rule)
    if named is not None:
        return named([one for one in eligible if not one.named_only], reference)
    exact = tuple(one for one in eligible if one.arm.name == rule)
    return Chosen(exact, f"rule names {rule}") if exact else _reference(eligible, reference, f"{rule} is not eligible")


def _cheapest(eligible: Sequence[Ranked], _reference_id: str) -> Chosen:
    best = min(eligible, key=_by_cost)
    return Chosen((best,), "rule `cheapest`: the cheapest capable model")


def _local(eligible: Sequence[Ranked], reference: str) -> Chosen:
    local = [one for one in eligible if one.card.tier == "local"]
    if local:
        return Chosen((min(local, key=_by_cost),), "rule `local`: the cheapest capable local model")
    return Chosen(_cheapest(eligible, reference).models, "rule `local`: no local model is eligible, so the cheapest")


def _code(eligible: Sequence[Ranked], reference: str) -> Chosen:
    made_for = tuple(one for one in eligible if "code" in one.card.specialities)
    if made_for:
        return Chosen(made_for, "rule `code`: a model made for code")
    return _tier("frontier")(eligible, reference)


def _tier(tier: Tier) -> Callable[[Sequence[Ranked], str], Chosen]:
    start = TIERS_UPWARD.index(tier)
    order = (*TIERS_UPWARD[start:], *reversed(TIERS_UPWARD[:start]))

    def choose(eligible: Sequence[Ranked], _reference_id: str) -> Chosen:
        """The tier itself, else the next one above that has an eligible model, else the next below."""
        for name in order:
            found = [one for one in eligible if one.arm.card.tier == name]
            if found:
                # A specialist serves the types it was made for; a general tier is not filled up with it.
                general = tuple([one for one in found if not one.arm.card.specialities])
                why = f"rule `{tier}`" if name == tier else f"rule `{tier}`: none eligible, so tier {name}"
                return Chosen(general or tuple(found), why)
        return Chosen((), f"rule `{tier}`")

    return choose


def _reference(eligible: Sequence[Ranked], reference: str, note: str = "") -> Chosen:
    exact = tuple(one for one in eligible if one.arm.name == reference)
    prefix = f"{note}: " if note else ""
    if exact:
        return Chosen(exact, f"{prefix}the reference of the task type")
    best = max(eligible, key=lambda one: (one.candidate.quality, -one.candidate.cost))
    return Chosen((best,), f"{prefix}reference {reference} is not eligible, so the best of what is")


def _policy(eligible: Sequence[Ranked], reference: str) -> Chosen:
    adequate = tuple(one for one in eligible if one.candidate.meets_floor)
    if adequate:
        return Chosen(adequate, "policy: every eligible model that meets the floor")
    return _reference(eligible, reference, "policy: no eligible model is known to meet the floor")


def _by_cost(one: Ranked) -> tuple[int, float, str]:
    return (one.candidate.cost, -one.candidate.quality, one.arm.name)


RULES: dict[str, Callable[[Sequence[Ranked], str], Chosen]] = {
    "cheapest": _cheapest,
    "local": _local,
    "code": _code,
    "small": _tier("small"),
    "mid": _tier("mid"),
    "frontier": _tier("frontier"),
    "reference": _reference,
    POLICY: _policy,
}
