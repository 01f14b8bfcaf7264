"""Cascades and limits of going up, as a route or a task type of the file has them."""

from baton.config.names import Names
from baton.config.problems import Problems, joined
from baton.config.shape import CascadeEntry, EscalationEntry
from baton.types.cascade import CascadePlan, CascadeStep
from baton.types.task import EscalationLimit

AGREEING = 2


def cascade_of(
    entry: CascadeEntry | None, task_type: str, reference: str | None, path: str, names: Names, problems: Problems
) -> CascadePlan | None:
    """`task_type` is empty for a route; `reference`: who is escalated to where the file does not say."""
    if entry is None:
        return None
    where = joined(path, "cascade")
    cheap = names.rungs(entry.models, f"{where}.models")
    strong = reference if entry.escalate_to is None else names.arm(entry.escalate_to, f"{where}.escalate_to")
    if strong is None:
        problems.add(where, "has no `escalate_to`: name the model that answers when none of `models` convinces")
        return None
    arms = list(cheap)
    if entry.agree_with is not None:
        arms.insert(1, names.arm(entry.agree_with, f"{where}.agree_with"))
    for arm in arms:
        if arms.count(arm) > 1 or arm == strong:
            problems.add(where, f"names {arm!r} twice: an answer that is asked for again says nothing new")
            return None
    quorum = entry.agree or (AGREEING if entry.agree_with is not None else 1)
    if quorum > len(arms):
        problems.add(f"{where}.agree", f"is {quorum}, but only {len(arms)} are asked: so many can never agree")
        return None
    return CascadePlan(
        task_type,
        tuple(CascadeStep(arm, entry.checks, quorum) for arm in arms),
        strong,
        skip_above=entry.skip_above,
        share_kept=entry.share_kept,
        hold=entry.hold,
        min_logprob=entry.min_logprob,
    )


def limit_of(entry: EscalationEntry | None) -> EscalationLimit | None:
    return None if entry is None else EscalationLimit(entry.limit, entry.window, entry.on_cap)
