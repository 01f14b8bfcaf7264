"""One request, from the door and back to it: read, decide, call, write, record."""

import asyncio
from collections.abc import AsyncGenerator, Mapping

import msgspec

from baton.call.send import send
from baton.call.transport import Outgoing, Upstream
from baton.flow.arrival import Arrival, Reply
from baton.flow.house import House
from baton.flow.run import Run
from baton.protocol.request import read_request
from baton.protocol.splice import splice
from baton.protocol.voice import Voice, voice_of
from baton.protocol.watch import Watch
from baton.types.card import ModelCard
from baton.types.errors import BatonError, UpstreamCut, UpstreamEmpty, UpstreamFault, UpstreamNotJson, UpstreamStatus
from baton.types.money import Usage, usd_text
from baton.types.outcome import Ending
from baton.types.request import Request

JSON = {"content-type": "application/json"}
EVENTS = {"content-type": "text/event-stream; charset=utf-8", "cache-control": "no-cache"}
ASK_FOR_USAGE = b'{"include_usage":true}'
LEFT_STATUS = 499
"""What the ledger notes when the caller left before the answer (the status that nginx uses)."""


async def serve(arrival: Arrival, house: House) -> Reply:
    """Never raises, but for cancellation: every error is written in the caller's dialect."""
    run = house.begin(arrival)
    try:
        return await answer(arrival, house, run)
    except BatonError as error:
        return _refusal(run, error, voice_of(arrival.dialect))


async def answer(arrival: Arrival, house: House, run: Run) -> Reply:
    """The way of a request. Raises BatonError; whatever happens is recorded, a stream when it is over."""
    voice = voice_of(arrival.dialect)
    try:
        request = run.request = read_request(arrival.dialect, arrival.body, arrival.headers)
        decision = house.decide(run, request, arrival.caller)
        card = house.card(decision.model)
        upstream = await _ask(house, run, request, arrival.headers, card)
        if request.stream:
            return Reply(200, EVENTS | run.headers(whole=False), stream=_relay(house, run, upstream, card, voice))
        body = await _whole(house, run, upstream, card, voice)
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
    run.finish(house.sink, "ok", 200)
    return Reply(200, JSON | run.headers(whole=True), body)


async def _ask(house: House, run: Run, request: Request, headers: Mapping[str, str], card: ModelCard) -> Upstream:
    """The head of the model's answer. A fault, or a caller who leaves while waiting, is an attempt as well."""
    endpoint = house.endpoints.of(card.provider, request.dialect)
    outgoing = Outgoing(endpoint.url, endpoint.headers(headers), _body_for(card, request), card.id, card.provider)
    run.simulated = endpoint.provider.simulated
    run.asking()
    try:
        upstream = await send(house.transport, outgoing, stream=request.stream)
    except UpstreamFault as fault:
        run.attempted(card, fault.upstream_status, None, fault)
        raise
    except asyncio.CancelledError:
        run.attempted(card, 0, None, None)
        raise
    run.answering()
    return upstream


def _adds_usage(request: Request) -> bool:
    """Chat Completions streams tell usage only when asked; Baton asks, and takes the extra chunk out again."""
    return request.dialect == "openai-chat" and not request.include_usage


def _body_for(card: ModelCard, request: Request) -> bytes:
    """The caller's own bytes; only `model`, Baton's own member, and where usage would be missing the wish for it."""
    changed: dict[str, bytes | None] = {"model": msgspec.json.encode(card.upstream)}
    if "baton" in request.members:
        changed["baton"] = None
    if request.stream and _adds_usage(request):
        changed["stream_options"] = ASK_FOR_USAGE
    return splice(request.members, changed)


async def _whole(house: House, run: Run, upstream: Upstream, card: ModelCard, voice: Voice) -> bytes:
    """A whole answer that is one JSON object; anything else is a fault."""
    try:
        body = await upstream.read(house.max_answer_bytes)
        usage = _usage_of(body, card, voice)
    except UpstreamFault as fault:
        run.attempted(card, upstream.status, None, fault)
        raise
    except asyncio.CancelledError:
        upstream.abort()
        run.attempted(card, upstream.status, None, None)
        raise
    run.keep(body)
    run.attempted(card, upstream.status, usage, None)
    return body


def _usage_of(body: bytes, card: ModelCard, voice: Voice) -> Usage | None:
    who = f"model {card.id!r} at provider {card.provider!r}"
    if not body:
        raise UpstreamEmpty(f"{who} answered 200 with an empty body", model=card.id, provider=card.provider)
    try:
        return voice.read_usage(body)
    except (msgspec.DecodeError, RecursionError) as error:
        text = f"{who} answered 200 with something that is not its JSON: {error}"
        raise UpstreamNotJson(text, model=card.id, provider=card.provider, upstream_status=200) from error


async def _relay(
    house: House, run: Run, upstream: Upstream, card: ModelCard, voice: Voice
) -> AsyncGenerator[bytes, None]:
    """The stream as the model wrote it; one without its end gets a typed error event, never a made-up stop."""
    request = run.request
    assert request is not None
    watch = voice.watch(hide_usage=_adds_usage(request), hold_end=request.wish.show_cost)
    fault: UpstreamFault | None = None
    left = True
    try:
        async for piece in _pieces(upstream, watch):
            run.keep(piece)
            yield piece
        fault = _cut(watch, card)
        if fault is not None and not watch.error_event:
            yield voice.write_error_event(fault, run.request_id)
        elif request.wish.show_cost:
            yield voice.write_note(_note(run, card, watch.usage()))
        if held := watch.end():
            yield held
        left = False
    except UpstreamFault as raised:
        fault = raised
        left = False
        yield voice.write_error_event(fault, run.request_id)
    finally:
        if left or fault is not None:
            upstream.abort()
        run.attempted(card, upstream.status, watch.usage(), fault)
        if fault is not None:
            run.finish(house.sink, "upstream_fault", 200, fault.code)
        elif left:
            run.finish(house.sink, "cancelled", LEFT_STATUS, "client_left")
        else:
            run.finish(house.sink, "ok", 200)


async def _pieces(upstream: Upstream, watch: Watch) -> AsyncGenerator[bytes, None]:
    async for chunk in upstream.chunks():
        if ready := watch.feed(chunk):
            yield ready
    if rest := watch.finish():
        yield rest


def _cut(watch: Watch, card: ModelCard) -> UpstreamFault | None:
    """What is wrong with a stream that the upstream closed in good order."""
    who = f"model {card.id!r} at provider {card.provider!r}"
    if watch.error_event:
        return UpstreamFault(f"{who} reported an error inside its stream", model=card.id, provider=card.provider)
    if not watch.complete:
        text = f"{who} ended its stream without an end: what was sent so far is not a whole answer"
        return UpstreamCut(text, model=card.id, provider=card.provider)
    return None


def _note(run: Run, card: ModelCard, usage: Usage | None) -> bytes:
    note: dict[str, object] = {"request_id": run.request_id, "model": card.id, "simulated": run.simulated}
    if usage is not None:
        note["cost_usd"] = usd_text(card.price.cost(usage))
        if run.reference is not None:
            note["baseline_cost_usd"] = usd_text(run.reference.price.cost(usage))
    return msgspec.json.encode(note)


def _refusal(run: Run, error: BatonError, voice: Voice) -> Reply:
    """An error as the caller's dialect writes it; a provider's own error text goes on as it came."""
    headers = JSON | run.headers(whole=False)
    body = voice.write_error(error, run.request_id)
    if isinstance(error, UpstreamStatus):
        body = error.body or body
        if error.retry_after is not None:
            headers["retry-after"] = error.retry_after
    return Reply(error.status, headers, body)
