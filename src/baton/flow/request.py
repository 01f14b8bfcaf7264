"""One request, from the door and back to it: read, decide, carry, call, write, record."""

import asyncio
from collections.abc import AsyncGenerator

import msgspec

from baton.flow.arrival import Arrival, Reply
from baton.flow.attempts import Answered, Attempts
from baton.flow.house import House
from baton.flow.passage import Relay
from baton.flow.run import Run
from baton.protocol.request import read_request
from baton.protocol.voice import Voice, voice_of
from baton.types.card import ModelCard
from baton.types.errors import BatonError, Overloaded, UpstreamAway, UpstreamFault, UpstreamStatus
from baton.types.money import Usage, usd_text
from baton.types.outcome import Ending

JSON = {"content-type": "application/json"}
EVENTS = {"content-type": "text/event-stream; charset=utf-8", "cache-control": "no-cache"}
STOPPING = "Baton is stopping and could not wait for the end of this answer: ask again"
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
    try:
        arrival = house.answers.continued(arrival)
        request = run.request = read_request(arrival.dialect, arrival.body, arrival.headers, arrival.placed)
        attempts = Attempts(house, run, request, arrival)
        answered = await attempts.first_good()
        if answered.begun is not None:
            stream = _relay(house, run, attempts, answered)
            await anext(stream)  # from here on it ends in good order, also where nobody ever reads it
            return Reply(200, EVENTS | run.headers(whole=False), stream=stream)
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
    return Reply(200, JSON | run.headers(whole=True), answered.body)


async def _relay(house: House, run: Run, attempts: Attempts, answered: Answered) -> AsyncGenerator[bytes, None]:
    """Nothing, and then the stream as the caller reads it; whatever ends it, attempt and ending are recorded."""
    assert run.request is not None
    voice = voice_of(run.request.dialect)
    fault: UpstreamFault | None = None
    left = True
    try:
        yield b""
        while True:
            async for piece in _told(answered):
                run.keep(piece)
                yield piece
            fault = answered.fault()
            again = None if fault is None else await _again(run, attempts, answered, fault)
            if again is None:
                break
            answered = again
            yield voice.write_note(_resumed(answered))
        if last := _ending(run, answered, fault, voice):
            run.keep(last)
            yield last
        left = False
    except asyncio.CancelledError:
        if not house.life.stopping:
            raise
        yield voice.write_error_event(Overloaded(STOPPING), run.request_id)
    finally:
        _over(house, run, answered, fault, left=left)


async def _again(run: Run, attempts: Attempts, answered: Answered, fault: UpstreamFault) -> Answered | None:
    """Another model that goes on with the stream; what came before is then over."""
    again = await attempts.go_on(answered, fault)
    if again is not None:
        answered.drop(fault)
        run.attempted(answered.asked.card, answered.asked.upstream.status, None, fault)
    return again


def _over(house: House, run: Run, answered: Answered, fault: UpstreamFault | None, *, left: bool) -> None:
    asked, stream = answered.asked, answered.stream
    if left or fault is not None:
        asked.upstream.abort()
    asked.ended(fault, left=left)
    run.attempted(asked.card, asked.upstream.status, stream.usage(), fault)
    if fault is not None:
        run.finish(house.sink, "upstream_fault", 200, fault.code)
    elif left:
        run.finish(house.sink, "cancelled", LEFT_STATUS, "client_left")
    else:
        if not answered.resumed:
            house.carrier.settle(run, answered.passage, stream.made())
        run.finish(house.sink, "ok", 200)


async def _told(answered: Answered) -> AsyncGenerator[bytes, None]:
    """Everything but the end of the stream. A fault of the connection is kept for `answered.fault`."""
    stream, begun = answered.stream, answered.begun
    assert begun is not None
    if begun.first:
        yield begun.first
    try:
        async for chunk in begun.rest:
            if ready := stream.feed(chunk):
                yield ready
    except UpstreamFault as fault:
        answered.broke(fault)
        return
    if ready := stream.finish():
        yield ready


def _ending(run: Run, answered: Answered, fault: UpstreamFault | None, voice: Voice) -> bytes:
    """The end as the model made it; a typed error where it made none, never a made-up stop."""
    stream = answered.stream
    if fault is not None:
        return stream.end() if stream.told else voice.write_error_event(fault, run.request_id)
    assert run.request is not None
    note = b""
    if run.request.wish.show_cost:
        note = voice.write_note(_note(run, answered.asked.card, stream.usage()))
    return note + stream.end()


def _resumed(answered: Answered) -> bytes:
    return msgspec.json.encode({"resumed_by": answered.asked.card.id})


def _note(run: Run, card: ModelCard, usage: Usage | None) -> bytes:
    note: dict[str, object] = {"request_id": run.request_id, "model": card.id, "simulated": run.simulated}
    if usage is not None:
        note["cost_usd"] = usd_text(card.price.cost(usage))
        if run.reference is not None:
            note["baseline_cost_usd"] = usd_text(run.reference.price.cost(usage))
    return msgspec.json.encode(note)


def _refusal(run: Run, error: BatonError, voice: Voice) -> Reply:
    """An error as the caller's dialect writes it; a provider's own error text in that dialect goes on as it came."""
    headers = JSON | run.headers(whole=False)
    body = voice.write_error(error, run.request_id)
    if isinstance(error, UpstreamStatus) and isinstance(run.passage, Relay):
        body = error.body or body
    if isinstance(error, UpstreamStatus | UpstreamAway | Overloaded) and error.retry_after is not None:
        headers["retry-after"] = error.retry_after
    return Reply(error.status, headers, body)
