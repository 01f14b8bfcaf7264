"""What is passed through and metered: embeddings, images, audio, rerank, moderations, files, batches.

Nothing is decided here: the model that the caller names says the provider, and the body goes on as it came, but for the
model's name. Usage is read where an answer tells it, and recorded as for every request.
"""

import asyncio
from collections.abc import AsyncGenerator
from math import ceil

import msgspec
from msgspec import Raw, Struct
from msgspec.structs import replace

from baton.call.send import send
from baton.call.transport import Upstream
from baton.decide.estimate import BYTES_PER_TOKEN
from baton.flow.arrival import Arrival, Reply
from baton.flow.hooks import HookCall
from baton.flow.house import House
from baton.flow.run import Run
from baton.flow.spending import refuse_route
from baton.flow.where_to import ROUTE, Destination, destination, with_price
from baton.protocol.multipart import field_span, is_multipart
from baton.protocol.request import read_members
from baton.protocol.splice import splice
from baton.protocol.usage import usage_in_events, usage_of
from baton.protocol.voice import voice_of
from baton.protocol.wish import NO_WISH, read_wish
from baton.spend.estimate import Asked
from baton.types.decision import Decision
from baton.types.errors import BatonError, MalformedBody, UpstreamFault, UpstreamNotJson, UpstreamStatus
from baton.types.money import Usage
from baton.types.outcome import Ending
from baton.types.request import Facts, Request

JSON_TYPE = "application/json"
EVENTS_TYPE = "text/event-stream"
TAIL_BYTES = 64 * 1024
"""The end of a stream, where its usage is told."""
LEFT_STATUS = 499
PASSED_HEADERS = ("content-type", "content-disposition", "cache-control")
MODEL = "model"
TEXT = msgspec.json.Decoder(str)


class Way(Struct, frozen=True):
    """Where the caller came in: `path` from after `/v1`, percent-encoded; `query` as it came."""

    method: str
    path: str
    query: str = ""

    @property
    def family(self) -> str:
        """`embeddings`, `images`, ...: what the ledger files it under."""
        return self.path.split("/")[1]

    @property
    def is_download(self) -> bool:
        return self.path.endswith("/content")


class Body(Struct, frozen=True):
    """`span` is where the model's name stands in a form; a JSON body has `members` instead."""

    model: str = ""
    stream: bool = False
    members: dict[str, Raw] | None = None
    span: tuple[int, int] | None = None


async def pass_on(arrival: Arrival, way: Way, house: House) -> Reply:
    """Never raises, but for cancellation: errors are written as OpenAI writes them."""
    run = house.begin(arrival)
    run.keep_content = False
    try:
        return await _answer(arrival, way, house, run)
    except BatonError as error:
        return _refusal(run, error)


async def _answer(arrival: Arrival, way: Way, house: House, run: Run) -> Reply:
    try:
        body = _read(arrival)
        if house.hooks.before and body.members is not None:
            arrival = replace(arrival, body=await house.hooks.before_call(_hook_call(run, way, body, arrival)))
            body = _read(arrival)
        wish = read_wish((body.members or {}).get("baton"), arrival.headers) if _has_wish(arrival, body) else NO_WISH
        run.request = Request("openai-chat", body.model, body.stream, {}, wish, Facts())
        to = destination(house.config.snapshot, arrival, body.model)
        to = await asyncio.to_thread(with_price, to)
        run.decision = _decision(run, way, body, to)
        run.reference = to.card
        run.simulated = to.provider.simulated
        await _set_aside(house, run, arrival, to)
        upstream = await _ask(house, run, arrival, way, body, to)
        if _is_whole(upstream, way):
            return await _whole(house, run, upstream, to, _sent(arrival, to))
        pieces = _relay(house, run, upstream, to, _sent(arrival, to))
        await anext(pieces)  # from here on it ends in good order, also where nobody ever reads it
        return Reply(200, _passed(upstream) | _headers(run, to), stream=pieces)
    except BatonError as error:
        ending: Ending = "upstream_fault" if isinstance(error, UpstreamFault) else "rejected"
        run.finish(house.sink, ending, error.status, error.code)
        raise
    except asyncio.CancelledError:
        run.finish(house.sink, "cancelled", LEFT_STATUS, "client_left")
        raise
    except BaseException:
        run.finish(house.sink, "internal_error", BatonError.status, BatonError.code)
        raise


# --- the request -------------------------------------------------------------------------------


def _read(arrival: Arrival) -> Body:
    content_type = arrival.headers.get("content-type", "")
    if not arrival.body:
        return Body()
    if is_multipart(content_type):
        span = field_span(arrival.body, content_type, MODEL)
        return Body(model="" if span is None else _form_text(arrival.body[span[0] : span[1]]), span=span)
    members = read_members(arrival.body)
    model = members.get(MODEL)
    stream = bytes(members.get("stream", b"false")) == b"true"
    return Body(model="" if model is None else _json_text(model), stream=stream, members=members)


def _hook_call(run: Run, way: Way, body: Body, arrival: Arrival) -> HookCall:
    """Of JSON alone: files and forms go on as they came."""
    return HookCall(
        run.request_id, run.caller.name, way.family, arrival.dialect, body.model, body.stream, Facts(), arrival.body
    )


def _form_text(value: bytes) -> str:
    try:
        return value.decode()
    except UnicodeDecodeError as error:
        raise MalformedBody("the field `model` of the form is not UTF-8", MODEL) from error


def _json_text(raw: Raw) -> str:
    try:
        return TEXT.decode(raw)
    except ValueError as error:
        raise MalformedBody("`model` must be a string: provider/model, a model id, or an alias", MODEL) from error


def _has_wish(arrival: Arrival, body: Body) -> bool:
    return "baton" in (body.members or {}) or any(name.startswith("x-baton-") for name in arrival.headers)


def _body_for(arrival: Arrival, body: Body, upstream: str) -> bytes:
    """The caller's own bytes; only the model's name, and Baton's own member."""
    if body.span is not None and upstream != body.model:
        begin, end = body.span
        return arrival.body[:begin] + upstream.encode() + arrival.body[end:]
    if body.members is None:
        return arrival.body
    changed: dict[str, bytes | None] = {"baton": None} if "baton" in body.members else {}
    if body.model and upstream != body.model:
        changed[MODEL] = msgspec.json.encode(upstream)
    return splice(body.members, changed) if changed else arrival.body


def _decision(run: Run, way: Way, body: Body, to: Destination) -> Decision:
    return Decision(
        id=run.request_id,
        model=to.card.id,
        provider=to.provider.name,
        route=ROUTE,
        task_type=way.family,
        task_type_source="default",
        rule="pass",
        asked=body.model,
        floor=0.0,
        min_quality=None,
        lambda_=0.0,
        expected_cost=0,
        reason=f"passed through to {to.provider.name}: {to.reason}",
    )


async def _set_aside(house: House, run: Run, arrival: Arrival, to: Destination) -> None:
    """What the body may cost as input: nothing else is known. Raises NotAllowed, BudgetExceeded or RateLimited."""
    assert run.decision is not None
    refuse_route(run.caller, run.decision)
    tokens = _sent(arrival, to).input
    run.hold = await house.spending.open(run.request_id, run.caller, Asked(to.card.price, tokens, 0, 0))
    if house.life.replicas is not None:
        await house.life.replicas.dispatching(run, to.card, tokens)


def _sent(arrival: Arrival, to: Destination) -> Usage:
    """The best that is known of a call that told nothing."""
    return Usage(input=ceil(len(arrival.body) / BYTES_PER_TOKEN) if to.priced else 0)


async def _ask(house: House, run: Run, arrival: Arrival, way: Way, body: Body, to: Destination) -> Upstream:
    endpoint = house.endpoints.pass_through(to.provider.name)
    path = way.path + (f"?{way.query}" if way.query else "")
    content = _body_for(arrival, body, to.card.upstream)
    run.asking()
    try:
        outgoing = await endpoint.outgoing(to.card, path, content, arrival.headers, way.method)
        upstream = await send(house.transport, outgoing, stream=False)
    except UpstreamFault as fault:
        run.attempted(to.card, fault.upstream_status, None, fault)
        raise
    except asyncio.CancelledError:
        run.attempted(to.card, 0, None, None, guess=_sent(arrival, to))
        raise
    run.answering()
    return upstream


# --- the answer --------------------------------------------------------------------------------


def _is_whole(upstream: Upstream, way: Way) -> bool:
    return upstream.headers.get("content-type", "").startswith(JSON_TYPE) and not way.is_download


async def _whole(house: House, run: Run, upstream: Upstream, to: Destination, sent: Usage) -> Reply:
    try:
        body = await upstream.read(house.max_answer_bytes)
        usage = _usage_of(body, to)
    except UpstreamFault as fault:
        run.attempted(to.card, upstream.status, None, fault)
        raise
    except asyncio.CancelledError:
        upstream.abort()
        run.attempted(to.card, upstream.status, None, None, guess=sent)
        raise
    run.attempted(to.card, upstream.status, usage, None)
    run.finish(house.sink, "ok", upstream.status)
    return Reply(upstream.status, _passed(upstream) | _headers(run, to), body)


def _usage_of(body: bytes, to: Destination) -> Usage | None:
    try:
        return usage_of(body)
    except (ValueError, RecursionError) as error:
        who = f"model {to.card.id!r} at provider {to.provider.name!r}"
        text = f"{who} answered 200 with something that is not its JSON: {error}"
        raise UpstreamNotJson(text, model=to.card.id, provider=to.provider.name, upstream_status=200) from error


async def _relay(
    house: House, run: Run, upstream: Upstream, to: Destination, sent: Usage
) -> AsyncGenerator[bytes, None]:
    """Nothing, then the bytes as they come. A fault ends event streams with an error event; others are broken off."""
    events = upstream.headers.get("content-type", "").startswith(EVENTS_TYPE)
    fault: UpstreamFault | None = None
    left = True
    tail = b""
    try:
        yield b""
        async for chunk in upstream.chunks():
            if events:
                tail = (tail + chunk)[-TAIL_BYTES:]
            yield chunk
        left = False
    except UpstreamFault as raised:
        fault = raised
        left = False
        if not events:
            raise
        yield voice_of("openai-chat").write_error_event(raised, run.request_id)
    finally:
        if left or fault is not None:
            upstream.abort()
        run.attempted(to.card, upstream.status, usage_in_events(tail), fault, guess=sent if left else None)
        if fault is not None:
            run.finish(house.sink, "upstream_fault", 200, fault.code)
        elif left:
            run.finish(house.sink, "cancelled", LEFT_STATUS, "client_left")
        else:
            run.finish(house.sink, "ok", 200)


def _passed(upstream: Upstream) -> dict[str, str]:
    return {name: upstream.headers[name] for name in PASSED_HEADERS if name in upstream.headers}


def _headers(run: Run, to: Destination) -> dict[str, str]:
    """Nothing is said of a baseline, for nothing was chosen; nothing of a cost whose price is not known."""
    headers = run.headers(whole=to.priced)
    headers.pop("x-baton-baseline-cost-usd", None)
    return headers


def _refusal(run: Run, error: BatonError) -> Reply:
    body = voice_of("openai-chat").write_error(error, run.request_id)
    if isinstance(error, UpstreamStatus):
        body = error.body or body
    return Reply(error.status, {"content-type": JSON_TYPE} | run.headers_of_refusal(error), body)
