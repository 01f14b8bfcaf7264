"""Baton's own endpoints: a dry run, a decision with its reasons, a grade for an answer, the report."""

import asyncio
import time

import msgspec
from msgspec import Struct

from baton.flow.arrival import Reply
from baton.flow.dry_run import DRY_RUN_ID, shown
from baton.protocol.request import read_request
from baton.record.queries import decision_of, report
from baton.server.visit import Visit, json_reply
from baton.types.card import Dialect
from baton.types.errors import MalformedBody, NotFound
from baton.types.outcome import Grade


async def dry_run(visit: Visit) -> Reply:
    """The decision for a Chat Completions or Messages body, with no model called and nothing recorded."""
    dialect: Dialect = "anthropic" if "anthropic-version" in visit.headers else "openai-chat"
    decision = visit.house.policy.decide(read_request(dialect, visit.body, visit.headers), visit.caller, DRY_RUN_ID)
    return json_reply(shown(decision))


async def show_decision(visit: Visit) -> Reply:
    visit.house.ledger.flush()
    ledger, id_ = visit.house.ledger, visit.params["id"]
    found = decision_of(ledger.path, id_)
    if found is None and ledger.place != ledger.path:  # another replica made it
        found = await asyncio.to_thread(decision_of, ledger.place, id_)
    if found is None:
        raise NotFound(f"no decision with id {visit.params['id']!r} is in the ledger", "id")
    return json_reply(shown(found))


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
    visit.house.ledger.grade(Grade(given.request_id, given.score, given.grader, given.reason, time.time()))
    return json_reply({"accepted": given.request_id}, 202)


async def show_report(visit: Visit) -> Reply:
    visit.house.ledger.flush()
    return json_reply(await asyncio.to_thread(report, visit.house.ledger.place))
