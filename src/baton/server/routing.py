"""Baton's own endpoints: a dry run, a decision with its reasons, a grade for an answer, the report."""

import asyncio
import time

import msgspec
from msgspec import Struct

from baton.flow.arrival import Reply
from baton.flow.dry_run import DRY_RUN_ID, shown
from baton.protocol.request import read_request
from baton.record.database import Place
from baton.record.queries import decision_of, key_of, report
from baton.server.visit import Visit, json_reply
from baton.types.card import Dialect
from baton.types.errors import MalformedBody, NotFound
from baton.types.outcome import Grade
from baton.types.request import Caller


async def dry_run(visit: Visit) -> Reply:
    """The decision for a Chat Completions or Messages body, with no model called and nothing recorded.

    A conversation that the gateway knows is on its model here too; the limit of going up is not looked at.
    """
    dialect: Dialect = "anthropic" if "anthropic-version" in visit.headers else "openai-chat"
    request = read_request(dialect, visit.body, visit.headers)
    session = await visit.house.sessions.of(visit.caller, request)
    decision = visit.house.policy.decide(request, visit.caller, DRY_RUN_ID, session=session)
    return json_reply(shown(decision))


async def show_decision(visit: Visit) -> Reply:
    """To the caller whose request it was; where nobody needs a key, to everybody."""
    visit.house.ledger.flush()
    place = await _place_of(visit, visit.params["id"])
    found = None if place is None else await asyncio.to_thread(decision_of, place, visit.params["id"])
    if found is None:
        raise NotFound(f"no decision of yours with id {visit.params['id']!r} is in the ledger", "id")
    return json_reply(shown(found))


async def _place_of(visit: Visit, request_id: str) -> Place | None:
    """Which ledger has a request of this caller; None when none has."""
    ledger = visit.house.ledger
    for place in dict.fromkeys((ledger.path, ledger.place)):  # another replica may have made it
        key = await asyncio.to_thread(key_of, place, request_id)
        if key is not None:
            return place if visit.caller.name in {key, Caller().name} else None
    return None


class Feedback(Struct, frozen=True, forbid_unknown_fields=True):
    request_id: str
    score: float
    grader: str = "feedback"
    reason: str = ""


async def take_feedback(visit: Visit) -> Reply:
    """A score 0..1 for a request id (which is the decision id too)."""
    try:
        given = msgspec.json.decode(visit.body, type=Feedback)
    except (ValueError, RecursionError) as error:
        raise MalformedBody(f"feedback must be {{request_id, score, grader?, reason?}}: {error}") from error
    if not 0.0 <= given.score <= 1.0:
        raise MalformedBody(f"`score` must lie between 0 and 1, not {given.score!r}", "score")
    if visit.caller.name != Caller().name:
        visit.house.ledger.flush()
        if await _place_of(visit, given.request_id) is None:
            raise NotFound(f"no request of yours with id {given.request_id!r} is in the ledger", "request_id")
    visit.house.ledger.grade(Grade(given.request_id, given.score, given.grader, given.reason, time.time()))
    return json_reply({"accepted": given.request_id}, 202)


async def show_report(visit: Visit) -> Reply:
    visit.house.ledger.flush()
    return json_reply(await asyncio.to_thread(report, visit.house.ledger.place))
