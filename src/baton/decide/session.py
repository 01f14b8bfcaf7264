"""A conversation stays on its model, unless leaving saves more than the prompt cache is worth, or it gets harder.

- Leaving pays when `(what the old model costs a step - what the new one will) * steps > what the new one pays once`:
  it has to read what lay in the old one's cache, at its full or write price. How many steps will come is not known; as
  many as there were so far are expected (at least one), the usual guess for what has no typical length.
- It goes up when tools keep failing, or the caller says that an answer was wrong, to the next rung that is better, and
  does not come down again: what was too hard once is not tried again on the model that failed.
- Calls that a client makes on the side (titles, tags, ...) go to the cheapest model, and move nothing. Where caller or
  key has declared what is wanted, no sentence of a prompt sends it below that.
"""

from collections.abc import Sequence

from msgspec import Struct

from baton.decide.background import background_of
from baton.decide.complaint import complains
from baton.decide.rule import Ranked
from baton.decide.said import Said
from baton.types.decision import GoingUp, Upgrade
from baton.types.money import TOKENS_PER_PRICE
from baton.types.request import Caller, Facts, Request, Wish
from baton.types.session import Session

FAILURES = 2
"""Failed results of tools in one turn that say that the model is out of its depth; one failure is part of the work."""


class Settled(Struct, frozen=True, gc=False):
    """`upgraded`: the request would go up, or is up because it did; with `going_up` `none` it does not."""

    to: Ranked
    why: str
    upgraded: Upgrade = ""


class Course(Struct, frozen=True, gc=False):
    """What of a request tells how its conversation goes."""

    side: str = ""
    """The sort of call on the side that it is."""
    declared: bool = False
    """Request or key say of which type it is, or how good the answer has to be."""
    trouble: str = ""
    """Why it is harder than was thought."""

    @property
    def to_cheapest(self) -> bool:
        return bool(self.side) and not self.declared


def course_of(request: Request, caller: Caller, said: Said | None = None) -> Course:
    """`said`: what was read of its facts before."""
    side = background_of(request, said)
    if side is not None and side.sort != "compaction":  # that one goes on as the memory of the conversation
        told = f"{side.sort} call" + (f" of {side.client}" if side.client else "")
        return Course(told, _declares(request.wish) or _declares(caller))
    return Course(trouble=_trouble(request.facts, said))


def _declares(one: Wish | Caller) -> bool:
    return any(given is not None for given in (one.task_type, one.floor, one.min_quality))


def settled(
    session: Session | None, best: Ranked, eligible: Sequence[Ranked], course: Course, going_up: GoingUp, reference: str
) -> Settled | None:
    """None: `best`, what rule, objective and gate have chosen, stands. `eligible` from the cheapest to the dearest."""
    if course.to_cheapest:
        cheapest = eligible[0]
        cheaper = cheapest.candidate.cost < best.candidate.cost
        return Settled(cheapest, f"{course.side}: nobody waits for its wit, so the cheapest") if cheaper else None
    current = _current(session, eligible)
    if course.side or session is None or current is None:
        return None
    up, why = None, "it went up before, and stays there"
    if course.trouble and session.steps:
        up, why = _above(current, best, eligible), f"{course.trouble}, so up"
    if up is None and session.upgrades and current.candidate.cost > best.candidate.cost:
        up = current
    if up is not None:
        return _raised(up, best, eligible, why, going_up, reference)
    too_weak = current.candidate.quality < best.candidate.quality and not current.candidate.meets_floor
    stays = "" if current is best or too_weak else _staying_pays(session, current, best)
    return Settled(current, stays) if stays else None


def _trouble(facts: Facts, said: Said | None) -> str:
    if facts.tool_errors >= FAILURES:
        return f"{facts.tool_errors} results of tools tell of failures"
    says = not facts.tool_results and complains(facts, said)  # in a tool loop he has said it before it began
    return "the caller says that the last answer was wrong" if says else ""


def _current(session: Session | None, eligible: Sequence[Ranked]) -> Ranked | None:
    if session is None:
        return None
    return next((one for one in eligible if (one.card.id, one.arm.step) == (session.model, session.effort)), None)


def _above(current: Ranked, best: Ranked, eligible: Sequence[Ranked]) -> Ranked | None:
    """The cheapest rung that is dearer and better than the one that failed, and no worse than what was chosen."""
    for one in eligible:
        dearer = one.candidate.cost > current.candidate.cost
        better = one.candidate.quality > max(current.candidate.quality, best.candidate.quality - 1e-9)
        if dearer and (better or one is best) and one is not current and not one.named_only:
            return one
    return None


def _raised(
    up: Ranked, best: Ranked, eligible: Sequence[Ranked], why: str, going_up: GoingUp, reference: str
) -> Settled:
    if going_up == "none":
        return Settled(best, f"{why}, but this key may not go up any more", "session")
    if going_up == "reference":
        top = next((one for one in eligible if one.arm.name == reference), up)
        return Settled(top, f"{why}; this key may only go to the reference", "session")
    return Settled(up, f"{why} to {up.arm.name}", "session" if up.candidate.cost > best.candidate.cost else "")


def _staying_pays(session: Session, current: Ranked, best: Ranked) -> str:
    """Why it stays; empty where it leaves. Costs in nano-dollars; that of `current` has its cached prefix in it."""
    price, cached = best.card.price, session.cached_tokens
    read = price.input if price.cache_read is None else price.cache_read
    write = price.input if price.cache_write is None else price.cache_write
    warm = best.candidate.cost - cached * (price.input - read) // TOKENS_PER_PRICE
    once = cached * (max(write, price.input) - read) // TOKENS_PER_PRICE
    steps = max(1, session.steps)
    saved = (current.candidate.cost - warm) * steps
    if saved > once:
        return ""
    if saved <= 0:
        return f"the conversation is on {current.arm.name}, and leaving saves nothing"
    return (
        f"the conversation is on {current.arm.name}: leaving would save less than its {cached} cached tokens are worth"
    )
