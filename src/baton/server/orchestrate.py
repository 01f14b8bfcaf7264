"""Orchestrated runs over HTTP: as a model named `baton/orchestrate` in three dialects, and as runs of their own.

A stream stays strictly in its dialect's shape: while the run is under way it says nothing, in well-formed events, and
the text comes when it has been verified. Progress has a stream of its own.
"""

import asyncio
import re
import time
from collections.abc import AsyncGenerator
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct, field

from baton.flow.arrival import Reply
from baton.flow.orchestrate.run import Order
from baton.flow.orchestrate.runs import Live, runs_of, shown_step, trace_of
from baton.protocol.dialects import Reply as Speaking
from baton.protocol.dialects import grammar_of
from baton.protocol.request import read_members
from baton.protocol.voice import voice_of
from baton.server.visit import Visit, json_reply
from baton.types.card import Dialect
from baton.types.conversation import Conversation
from baton.types.errors import BatonError, MalformedBody, UnverifiedResult
from baton.types.events import AnswerMessage, Event, PartEnd, Start, Stop, TextDelta, UsageUpdate
from baton.types.money import Usage, usd_text
from baton.types.orchestration import Outcome
from baton.types.parts import Origin, TextPart
from baton.types.plan import Constraint, Plan
from baton.types.trust import Assurance

MODEL = "baton/orchestrate"
MARK = MODEL.encode()
ESCAPED = b"baton\\/orchestrate"
KEEP_ALIVE_S = 10.0
PING = b'event: ping\ndata: {"type": "ping"}\n\n'
EARLIER = "conversation"
"""The document that holds the turns before the last one."""
IDS: dict[Dialect, str] = {"openai-chat": "chatcmpl-", "openai-responses": "resp_", "anthropic": "msg_"}
NANO = 1e9
NUMBER = re.compile(rb'"sequence_number":(\d+)')
"""Inside a text its quotes would be escaped."""

Dollars = Annotated[float, Meta(ge=0, le=1_000_000)]


class Wish(Struct, frozen=True, forbid_unknown_fields=True):
    """The `baton` object of such a request."""

    budget_usd: Dollars | None = None
    seconds: Annotated[float, Meta(ge=0, le=86_400)] | None = None
    require: str = "none"
    strict: bool = False
    documents: dict[str, str] = field(default_factory=dict)
    plan: Plan | None = None
    keep: tuple[Constraint, ...] = ()
    model: str = ""


def asks_for_run(body: bytes) -> bool:
    """Whether `model` is that of runs; cheap for everybody else."""
    if MARK not in body and ESCAPED not in body:
        return False
    raw = read_members(body).get("model")
    return raw is not None and msgspec.json.decode(raw) == MODEL


async def answer(visit: Visit, dialect: Dialect) -> Reply:
    """Raises BatonError for what cannot be begun."""
    members = read_members(visit.body)
    wish = _wish(members.get("baton"))
    conversation = grammar_of(dialect).read(members, Origin())
    order = _order(visit, conversation, wish)
    runs = runs_of(visit.house)
    live = await runs.begin(
        visit.house, visit.caller, order, own=wish.model, idempotency=visit.headers.get("idempotency-key")
    )
    raw = members.get("stream")
    if raw is not None and msgspec.json.decode(raw) is True:
        headers = {"content-type": "text/event-stream", "x-baton-run-id": live.run_id}
        return Reply(200, headers, stream=_streamed(live, dialect, wish))
    outcome = await live.outcome()
    _refuse_unverified(outcome, wish)
    body = msgspec.json.decode(grammar_of(dialect).write_answer(_message(outcome, live), _speaking(live, dialect)).body)
    return json_reply({**body, "baton": _shown(outcome)}, 200, _headers(outcome))


async def show_run(visit: Visit) -> Reply:
    runs, run_id = runs_of(visit.house), visit.params["id"]
    record = await runs.find(visit.caller, run_id)
    return json_reply(trace_of(record, await asyncio.to_thread(runs.store.steps, run_id)))


async def follow_run(visit: Visit) -> Reply:
    """Server-sent events: one `step` for each row of the journal, as it is written, and `end`."""
    runs, run_id = runs_of(visit.house), visit.params["id"]
    await runs.find(visit.caller, run_id)

    async def told() -> AsyncGenerator[bytes, None]:
        async for step in runs.steps(visit.caller, run_id):
            yield b"event: step\ndata: %s\n\n" % msgspec.json.encode(shown_step(step))
        record = await runs.find(visit.caller, run_id)
        yield b"event: end\ndata: %s\n\n" % msgspec.json.encode({"run_id": run_id, "status": record.status})

    return Reply(200, {"content-type": "text/event-stream", "x-baton-run-id": run_id}, stream=told())


async def resume_run(visit: Visit) -> Reply:
    live = await runs_of(visit.house).resume(visit.house, visit.caller, visit.params["id"])
    outcome = await live.outcome()
    return json_reply(msgspec.to_builtins(outcome), 200, _headers(outcome))


# --- what is asked ---------------------------------------------------------------------------------


def _wish(raw: msgspec.Raw | None) -> Wish:
    try:
        return Wish() if raw is None else msgspec.json.decode(raw, type=Wish)
    except (msgspec.DecodeError, RecursionError) as error:
        raise MalformedBody(f"`baton` of a run takes {', '.join(Wish.__struct_fields__)}: {error}", "baton") from error


def _order(visit: Visit, conversation: Conversation, wish: Wish) -> Order:
    if wish.require.upper() not in Assurance.__members__:
        raise MalformedBody(f"`require` is one of {', '.join(one.word for one in Assurance)}", "baton.require")
    said = [(turn.role, _text(turn.parts)) for turn in conversation.turns]
    system = [text for role, text in said if role == "system"]
    rest = [(role, text) for role, text in said if role != "system"]
    if not rest or rest[-1][0] != "user":
        raise MalformedBody("a run begins with what a user asks: let the last message be his", "messages")
    documents = dict(wish.documents)
    if len(rest) > 1:
        documents[EARLIER] = "\n\n".join(f"{role}: {text}" for role, text in rest[:-1])
    config = visit.house.config.orchestrator
    limits = config.limits(wish.budget_usd, wish.seconds)
    request = "\n\n".join((*system, rest[-1][1]))
    return Order(request, limits, documents, wish.plan, {}, wish.keep, Assurance[wish.require.upper()])


def _text(parts: tuple[Any, ...]) -> str:
    """Raises MalformedBody for what is no text: a run reads texts, and documents by name."""
    if not all(isinstance(part, TextPart) for part in parts):
        raise MalformedBody("a run reads text only: give documents as texts in `baton.documents`", "messages")
    return "\n".join(part.text for part in parts)


# --- what is answered ------------------------------------------------------------------------------


def _refuse_unverified(outcome: Outcome, wish: Wish) -> None:
    if wish.strict and outcome.status != "complete":
        open_points = "; ".join(f"{name}: {reason}" for name, reason in outcome.unresolved.items())
        raise UnverifiedResult(
            f"run {outcome.run_id} is partial, and `strict` wants all of it or nothing: {open_points}"
        )


def _shown(outcome: Outcome) -> dict[str, Any]:
    shown: dict[str, Any] = msgspec.to_builtins(outcome)
    shown.pop("text")
    return shown


def _headers(outcome: Outcome) -> dict[str, str]:
    headers = {
        "x-baton-run-id": outcome.run_id,
        "x-baton-status": outcome.status,
        "x-baton-assurance": outcome.assurance,
        "x-baton-cost-usd": usd_text(round(outcome.cost_usd * NANO)),
    }
    return headers | ({"x-baton-simulated": "true"} if outcome.simulated else {})


def _usage(live: Live) -> Usage:
    calls = [step.body for step in live.journal.steps if step.kind in {"call", "fault"}]
    return Usage(
        input=sum(body.get("input_tokens", 0) for body in calls),
        output=sum(body.get("output_tokens", 0) for body in calls),
    )


def _message(outcome: Outcome, live: Live) -> AnswerMessage:
    identity = outcome.run_id
    return AnswerMessage(identity, MODEL, (TextPart(outcome.text),), stop=Stop("end"), usage=_usage(live))


def _speaking(live: Live, dialect: Dialect) -> Speaking:
    return Speaking(model=MODEL, id=f"{IDS[dialect]}{live.run_id}", created=int(time.time()))


async def _streamed(live: Live, dialect: Dialect, wish: Wish) -> AsyncGenerator[bytes, None]:
    voice = _Voice(live, dialect)
    yield voice.say(Start(f"{IDS[dialect]}{live.run_id}", MODEL))
    waiting = asyncio.ensure_future(live.outcome())
    try:
        while not (await asyncio.wait({waiting}, timeout=KEEP_ALIVE_S))[0]:
            yield voice.nothing()
        outcome = await waiting
        _refuse_unverified(outcome, wish)
    except BatonError as error:
        yield voice_of(dialect).write_error_event(error, live.run_id)
        return
    finally:
        waiting.cancel()
    yield voice.say(TextDelta(0, outcome.text), PartEnd(0), UsageUpdate(_usage(live)), Stop("end"))
    yield voice_of(dialect).write_note(msgspec.json.encode(_shown(outcome))) + voice.end()


class _Voice:
    """A stream of one dialect that can also say nothing, in events that are well-formed and numbered as the others."""

    def __init__(self, live: Live, dialect: Dialect) -> None:
        speaking = _speaking(live, dialect)
        self._writer = grammar_of(dialect).stream_writer(speaking)
        self._dialect = dialect
        chunk = {"id": speaking.id, "object": "chat.completion.chunk", "created": speaking.created, "model": MODEL}
        choice = {"index": 0, "delta": {}, "finish_reason": None}
        self._empty = b"data: %s\n\n" % msgspec.json.encode({**chunk, "choices": [choice]})
        self._progress = b""
        self._added = 0
        self._last = -1

    def say(self, *events: Event) -> bytes:
        return self._numbered(self._writer.write(events))

    def end(self) -> bytes:
        return self._numbered(self._writer.finish())

    def nothing(self) -> bytes:
        if self._dialect == "anthropic":
            return PING
        if self._dialect == "openai-chat":
            return self._empty
        self._added += 1
        self._last += 1
        return NUMBER.sub(b'"sequence_number":%d' % self._last, self._progress)

    def _numbered(self, said: bytes) -> bytes:
        """Events of the Responses API carry their number: those that said nothing have one too."""
        if self._dialect != "openai-responses":
            return said
        said = NUMBER.sub(lambda found: b'"sequence_number":%d' % (int(found[1]) + self._added), said)
        if numbers := NUMBER.findall(said):
            self._last = int(numbers[-1])
        if not self._progress:
            self._progress = said[said.rindex(b"event: response.in_progress") :]
        return said
