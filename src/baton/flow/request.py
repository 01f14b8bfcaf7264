"""One request, from the door and back to it: read, decide, carry, call, write, record."""

import asyncio

from baton.call.cache import Kept
from baton.flow.arrival import Arrival, Reply
from baton.flow.attempts import Answered, Attempts
from baton.flow.cached import HEADER as CACHE
from baton.flow.cached import replayed
from baton.flow.house import House
from baton.flow.passage import Relay
from baton.flow.run import Run, unchecked_of
from baton.flow.screen import Screen
from baton.flow.telling import EVENTS, LEFT_STATUS, Telling, cost_note
from baton.protocol.request import read_request
from baton.protocol.voice import Voice, voice_of
from baton.state.redis_keep import recalled
from baton.types.errors import BatonError, LimitReached, UpstreamFault, UpstreamStatus
from baton.types.outcome import Ending

JSON = {"content-type": "application/json"}


async def serve(arrival: Arrival, house: House) -> Reply:
    """Never raises, but for cancellation: every error is written in the caller's dialect."""
    run = house.begin(arrival)
    try:
        return await answer(arrival, house, run)
    except BatonError as error:
        return _refusal(run, error, voice_of(arrival.dialect))


async def answer(arrival: Arrival, house: House, run: Run) -> Reply:
    """The way of a request. Raises BatonError; whatever happens is recorded, a stream when it is over."""
    attempts: Attempts | None = None
    try:
        arrival = await recalled(house.life.keep, lambda arrival=arrival: house.answers.continued(arrival))  # type: ignore[misc]
        run.continues = arrival.continues
        run.request = read_request(arrival.dialect, arrival.body, arrival.headers, arrival.placed)
        screen = Screen(house, run, arrival)
        request = run.request
        if screen.looks:
            arrival, request = await screen.before(request)
        if house.sessions.may_know(request):
            run.session = await house.sessions.of(run.caller, request)
        attempts = Attempts(house, run, request, arrival)
        answered = await attempts.first_good()
        if answered.kept is not None:
            return _again(house, run, answered)
        if answered.begun is not None:
            pieces = Telling(house, run, attempts, answered, screen).pieces()
            await anext(pieces)  # from here on it ends in good order, also where nobody ever reads it
            return Reply(200, _headers(run, attempts, EVENTS, whole=False), stream=pieces)
        if run.request.stream:
            return await _held(house, run, attempts, answered, screen)
        body = await _whole(run, attempts, answered, screen)
    except BatonError as error:
        _failed(house, run, attempts, error)
        raise
    except asyncio.CancelledError:
        _left(attempts)
        run.finish(house.sink, "cancelled", LEFT_STATUS, "client_left")
        raise
    except BaseException:
        _left(attempts)
        run.finish(house.sink, "internal_error", BatonError.status, BatonError.code)
        raise
    house.ended_well(run)
    return Reply(200, _headers(run, attempts, JSON, whole=True), body)


async def _whole(run: Run, attempts: Attempts, answered: Answered, screen: Screen) -> bytes:
    body = await screen.after(answered.asked.card.id, answered.body)
    run.keep(body)
    _share(run, attempts, Kept(body, stream=False, model=answered.asked.card.id))
    return body


async def _held(house: House, run: Run, attempts: Attempts, answered: Answered, screen: Screen) -> Reply:
    """A stream that a cascade held until it was checked: told at once, and over for the record."""
    shows = run.request is not None and run.request.wish.show_cost
    note = cost_note(run, answered.asked.card, run.usage, run.cost) if shows else b""
    told = await screen.after(answered.asked.card.id, answered.body + note + answered.end)
    run.keep(told)
    kept = Kept(told, stream=True, model=answered.asked.card.id)
    _share(run, attempts, kept)
    run.held()
    house.ended_well(run)
    return Reply(200, _headers(run, attempts, EVENTS, whole=True), stream=replayed(kept))


def _share(run: Run, attempts: Attempts, kept: Kept) -> None:
    """With those who wait for the same answer, or ask for it later; but none that failed a check."""
    if attempts.flight is None:
        return
    if run.decision is None or unchecked_of(run.decision.cascade) is None:
        attempts.flight.keep(kept)
    attempts.flight.leave()


def _again(house: House, run: Run, answered: Answered) -> Reply:
    """An answer from the cache: nobody was asked, and nothing paid."""
    kept = answered.kept
    assert kept is not None
    if kept.model != answered.passage.card.id:  # a cascade went on from there
        run.turned_to(house.card(kept.model), "")
    run.answered_again(house.card(kept.model))
    run.finish(house.sink, "ok", 200)
    headers = run.headers(whole=True) | {CACHE: "hit"}
    if kept.stream:
        return Reply(200, EVENTS | headers, stream=replayed(kept))
    return Reply(200, JSON | headers, kept.body)


def _headers(run: Run, attempts: Attempts, first: dict[str, str], *, whole: bool) -> dict[str, str]:
    headers = run.headers(whole=whole, first=first)
    if attempts.flight is not None:
        headers[CACHE] = "miss"
    return headers


def _failed(house: House, run: Run, attempts: Attempts | None, error: BatonError) -> None:
    if attempts is not None and attempts.flight is not None and isinstance(error, UpstreamFault):
        attempts.flight.fail(error)
    _left(attempts)
    if isinstance(error, LimitReached):
        house.tell_limit(run, error)
    ending: Ending = "upstream_fault" if isinstance(error, UpstreamFault) else "rejected"
    run.finish(house.sink, ending, error.status, error.code)


def _left(attempts: Attempts | None) -> None:
    """Whoever waits for the same answer asks for himself."""
    if attempts is not None and attempts.flight is not None:
        attempts.flight.leave()


def _refusal(run: Run, error: BatonError, voice: Voice) -> Reply:
    """An error as the caller's dialect writes it; a provider's own error text in that dialect goes on as it came."""
    body = voice.write_error(error, run.request_id)
    if isinstance(error, UpstreamStatus) and isinstance(run.passage, Relay):
        body = error.body or body
    return Reply(error.status, JSON | run.headers_of_refusal(error), body)
