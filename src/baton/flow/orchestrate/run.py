"""One run, from the request to an answer that holds: plan, delegate, verify, compose. On one screen.

Whatever runs out - money, calls, tokens, time, models - ends in a partial answer that names what is open.
"""

import asyncio
import re
import time
from collections.abc import Callable, Mapping

import msgspec
from msgspec import Struct, field
from msgspec.structs import replace

from baton.check.constraints import constraints_of
from baton.check.library import LIBRARY, Named
from baton.check.rates import Rates
from baton.flow.orchestrate.asking import Models
from baton.flow.orchestrate.compose import Composed, as_they_are, composed, open_points
from baton.flow.orchestrate.delegate import delegate
from baton.flow.orchestrate.desk import Desk
from baton.flow.orchestrate.graph import OVER, carry_out
from baton.flow.orchestrate.journal import RunJournal
from baton.flow.orchestrate.planner import PLAN, alone, made_plan, refuse_bad, with_kept
from baton.flow.orchestrate.work import Part, Unresolved, Work
from baton.spend.branch import Branch
from baton.types.errors import BatonError, LimitReached, PlanRefused, RunLimited
from baton.types.money import usd_from_nano
from baton.types.orchestration import Outcome
from baton.types.plan import Constraint, Plan, RunLimits
from baton.types.trust import Assurance

DOCUMENT_NAME = re.compile(r"[\w.+-][\w .+/-]{0,99}")
MAX_REQUEST_CHARS = 8_000
MAX_DOCUMENTS = 200
COMPOSE_SHARE = 0.9
"""Of the time of a run that its sub-tasks may take: the rest is for the answer."""


CALLS = frozenset({"call", "fault"})
NOTHING = Composed("", (), ())


class Order(Struct, frozen=True):
    """What a run is asked. `contracts` stand beside those of the library, and win over them."""

    request: str
    limits: RunLimits
    documents: Mapping[str, str] = field(default_factory=dict)
    plan: Plan | None = None
    contracts: Mapping[str, Named] = field(default_factory=dict)
    keep: tuple[Constraint, ...] = ()
    require: Assurance = Assurance.NONE
    """Raises what every contract asks for."""


async def carry_run(
    order: Order,
    models: Models,
    journal: RunJournal,
    rates: Rates | None = None,
    clock: Callable[[], float] = time.monotonic,
) -> Outcome:
    """Raises PlanRefused for what cannot be begun; after that there is always an outcome."""
    refuse_order(order)
    desk = Desk(models, Branch(f"run {journal.run_id}", order.limits, clock), journal, clock)
    desk.branch.restore(sum(step.cost for step in journal.steps), sum(step.kind in CALLS for step in journal.steps))
    work = Work(order.request, order.documents, _contracts(order), _kept(order), order.limits, desk, rates or Rates())
    said_by_caller = work.keep
    try:
        async with asyncio.timeout(desk.branch.seconds_left):
            work, plan = await _planned(work, order.plan)
    except (TimeoutError, LimitReached, RunLimited) as limit:
        return await _ended(work, {"plan": Part("plan", Unresolved("plan", _why(limit)))}, NOTHING, said_by_caller)
    parts = await carry_out(
        plan.tasks,
        lambda task, given: delegate(work, task, given),
        width=order.limits.width,
        seconds=desk.branch.seconds_left * COMPOSE_SHARE,
    )
    try:
        async with asyncio.timeout(desk.branch.seconds_left):
            text = await composed(work, plan, parts)
    except (TimeoutError, LimitReached, RunLimited) as limit:
        text = as_they_are(work, plan, parts, _why(limit))
    return await _ended(work, parts, text, said_by_caller)


async def _ended(work: Work, parts: Mapping[str, Part], text: Composed, keep: tuple[Constraint, ...]) -> Outcome:
    outcome = _outcome(work, parts, text, keep)
    journal, seconds = work.desk.journal, work.desk.branch.seconds
    await journal.write("answer", "answer", msgspec.to_builtins(outcome), seconds=seconds)
    return outcome


def _why(limit: Exception) -> str:
    return OVER if isinstance(limit, TimeoutError) else f"limit: {limit.code}" if isinstance(limit, BatonError) else ""


async def _planned(work: Work, given: Plan | None) -> tuple[Work, Plan]:
    nothing_delegated = False
    if given is not None:
        plan = with_kept(given, work.keep)
        refuse_bad(work, plan)
        await work.desk.journal.write("plan", PLAN, {"plan": msgspec.to_builtins(plan)})
    else:
        plan, nothing_delegated = await made_plan(work)
    if nothing_delegated:
        work = replace(work, alone=True)
        plan = alone(work)
        await work.desk.journal.write("plan", PLAN, {"plan": msgspec.to_builtins(plan), "alone": True})
    return replace(work, keep=plan.constraints), plan


def refuse_order(order: Order) -> None:
    """Raises PlanRefused for an order that cannot be begun, before anything is spent."""
    if not order.request.strip():
        raise PlanRefused("there is no request: say what is to be done")
    if len(order.request) > MAX_REQUEST_CHARS:
        raise PlanRefused(
            f"the request has {len(order.request)} characters, and {MAX_REQUEST_CHARS} are read: give long texts as "
            "documents"
        )
    if order.limits.money <= 0 or order.limits.seconds <= 0 or order.limits.calls <= 0 or order.limits.depth <= 0:
        raise PlanRefused("a run needs money, time, calls and a depth above 0: nothing was asked")
    if len(order.documents) > MAX_DOCUMENTS:
        raise PlanRefused(f"there are {len(order.documents)} documents, and {MAX_DOCUMENTS} are taken")
    size = sum(len(text.encode()) for text in order.documents.values())
    if size > order.limits.document_bytes:
        raise PlanRefused(f"the documents have {size} bytes, and {order.limits.document_bytes} are taken")
    for name in order.documents:
        if not DOCUMENT_NAME.fullmatch(name) or name == "request":
            raise PlanRefused(f"a document is called {name[:60]!r}: letters, digits, space and .+-_/ only, at most 100")


def _contracts(order: Order) -> dict[str, Named]:
    known = {**LIBRARY, **order.contracts}
    return {
        name: replace(one, contract=replace(one.contract, require=max(one.contract.require, order.require)))
        for name, one in known.items()
    }


def _kept(order: Order) -> tuple[Constraint, ...]:
    """What the caller names, and what he says plainly in his request."""
    given = {one.id for one in order.keep}
    said = {one.text for one in order.keep}
    found = (one for one in constraints_of(order.request) if one.text not in said)
    return (*order.keep, *(replace(one, id=f"request-{one.id}" if one.id in given else one.id) for one in found))


def _outcome(work: Work, parts: Mapping[str, Part], text: Composed, keep: tuple[Constraint, ...]) -> Outcome:
    """`keep` are constraints in the caller's own words; those of the planner are named by their ids alone."""
    values = [part.verified for part in parts.values() if part.verified is not None]
    open_now = {one.value.id: one.value.reason for one in parts.values() if isinstance(one.value, Unresolved)}
    for lost in text.broken:
        open_now[f"constraint {lost.id}"] = f"not kept: {lost.text}" if lost in keep else "not kept"
    branch = work.desk.branch
    return Outcome(
        run_id=work.desk.journal.run_id,
        status="partial" if open_now or not values else "complete",
        assurance=min((one.assurance for one in values), default=Assurance.NONE).word,
        text="\n".join(piece for piece in (text.text, open_points(open_now)) if piece),
        claims=text.claims,
        unresolved=open_now,
        cost_usd=usd_from_nano(branch.spent),
        baseline_cost_usd=usd_from_nano(work.desk.baseline),
        verdicts=tuple(one for part in parts.values() for one in part.verdicts),
        tainted=any(one.tainted for one in values),
        simulated=work.desk.simulated,
        notes=(*(note for part in parts.values() for note in part.notes), *text.notes),
        calls=branch.calls,
        seconds=branch.seconds,
    )
