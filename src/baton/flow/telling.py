"""A stream on its way to the caller: from its first byte for him to its record."""

import asyncio
from collections.abc import AsyncGenerator

import msgspec

from baton.decide.estimate import tokens_expected
from baton.flow.attempts import Answered, Attempts
from baton.flow.cached import Recorder
from baton.flow.house import House
from baton.flow.run import Run
from baton.flow.screen import Screen
from baton.protocol.plausible import believed
from baton.protocol.voice import voice_of
from baton.spend.meter import tokens_in
from baton.types.card import ModelCard
from baton.types.errors import BatonError, LimitReached, Overloaded, UpstreamFault
from baton.types.events import AnswerMessage
from baton.types.money import Usage, usd_text

EVENTS = {"content-type": "text/event-stream; charset=utf-8", "cache-control": "no-cache"}
STOPPING = "Baton is stopping and could not wait for the end of this answer: ask again"
CHARS_PER_TOKEN = 4
LEFT_STATUS = 499
"""What the ledger notes when the caller left before the answer (the status that nginx uses)."""


class Telling:
    def __init__(self, house: House, run: Run, attempts: Attempts, answered: Answered, screen: Screen) -> None:
        assert run.request is not None
        self._house = house
        self._run = run
        self._request = run.request
        self._attempts = attempts
        self._answered = answered
        self._screen = screen
        self._voice = voice_of(run.request.dialect)
        self._recorder = None if attempts.flight is None else Recorder(answered.asked.card.id)
        self._fault: UpstreamFault | None = None
        self._ended: BatonError | None = None
        """Why Baton itself ended the stream."""
        self._left = True
        self._booked = False
        """What the model that broke off has cost is in the record."""
        self._said_before = 0
        """Tokens of output that others have said before."""

    async def pieces(self) -> AsyncGenerator[bytes, None]:
        """Nothing, and then the stream as the caller reads it; whatever ends it, attempt and ending are recorded."""
        try:
            yield b""
            async for piece in self._held() if self._screen.holds else self._all():
                self._note_told(piece)
                yield piece
            self._left = False
        except asyncio.CancelledError:
            if not self._house.life.stopping:
                raise
            yield self._voice.write_error_event(Overloaded(STOPPING), self._run.request_id)
        except BatonError as error:  # a budget has no more, or a hook refuses
            self._ended = error
            yield self._voice.write_error_event(error, self._run.request_id)
        finally:
            self._over()

    async def _all(self) -> AsyncGenerator[bytes, None]:
        """Every piece with its end. Where another model goes on, that is noted between the pieces."""
        while True:
            async for piece in self._of_one():
                yield piece
            self._fault = self._answered.fault()
            if self._fault is None or not await self._go_on(self._fault):
                break
            self._fault = None
            yield self._voice.write_note(msgspec.json.encode({"resumed_by": self._answered.asked.card.id}))
        if last := self._ending():
            yield last
        if self._fault is None and not self._screen.holds:
            await self._screen.after(self._answered.asked.card.id, None)

    async def _held(self) -> AsyncGenerator[bytes, None]:
        """The whole stream at once, as the hooks let it go; of one that broke off nothing, for no hook has seen it."""
        whole = b"".join([piece async for piece in self._all()])
        if self._fault is not None:
            yield self._voice.write_error_event(self._fault, self._run.request_id)
            return
        yield await self._screen.after(self._answered.asked.card.id, whole)

    async def _of_one(self) -> AsyncGenerator[bytes, None]:
        """What one model says, but for the end. A fault of the connection is kept for `Answered.fault`."""
        stream, begun, hold = self._answered.stream, self._answered.begun, self._run.hold
        assert begun is not None
        if begun.first:
            if hold is not None and hold.passed(begun.first):
                await hold.extend()
            yield begun.first
        try:
            async for chunk in begun.rest:
                if ready := stream.feed(chunk):
                    if hold is not None and hold.passed(ready):
                        await hold.extend()
                    yield ready
                if stream.broken:
                    return
        except UpstreamFault as fault:
            self._answered.broke(fault)
            return
        if ready := stream.finish():
            yield ready

    async def _go_on(self, fault: UpstreamFault) -> bool:
        """Let another model continue; what came before is then over."""
        before = self._answered
        again = await self._attempts.go_on(before, fault, lambda: self._book(fault))
        if again is None:
            return False
        before.drop(fault)
        self._said_before += self._seen()
        self._answered, self._booked = again, False
        return True

    def _ending(self) -> bytes:
        """The end as the model made it; a typed error where it made none, never a made-up stop."""
        stream = self._answered.stream
        if self._fault is not None:
            return stream.end() if stream.told else self._voice.write_error_event(self._fault, self._run.request_id)
        note = b""
        if self._request.wish.show_cost:
            usage = stream.usage()
            card = self._answered.asked.card
            note = cost_note(self._run, card, usage, None if usage is None else self._run.cost + card.price.cost(usage))
        return note + stream.end()

    # --- the record ----------------------------------------------------------------------------------

    def _note_told(self, piece: bytes) -> None:
        self._run.keep(piece)
        if self._recorder is not None:
            self._recorder.add(piece)

    def _over(self) -> None:
        asked, stream, run, fault = self._answered.asked, self._answered.stream, self._run, self._fault
        well = fault is None and self._ended is None and not self._left
        if not well:
            asked.upstream.abort()
        asked.ended(fault, left=fault is None and not well)
        self._share(well=well)
        if not well:
            self._book(fault)
            self._finish_badly(fault)
            return
        made = stream.made()
        flagged = self._house.tools.ended(run, self._request, self._answered.passage, made)
        run.answered(asked.card, asked.upstream.status, stream.usage(), flagged, self._answered.asked_at)
        if not self._answered.resumed:
            self._house.carrier.settle(run, self._answered.passage, made)
        self._house.ended_well(run)

    def _book(self, fault: UpstreamFault | None) -> None:
        """The attempt of a model that did not come to its end."""
        if self._booked:
            return
        self._booked = True
        answered, asked = self._answered, self._answered.asked
        usage = believed(answered.stream.usage(), asked.card)
        self._run.attempted(
            asked.card, asked.upstream.status, usage, fault, guess=self._guess(), asked_at=answered.asked_at
        )

    def _guess(self) -> Usage:
        """What a stream that told no usage has used: its input as expected, and as much output as was seen of it."""
        if self._run.hold is not None:
            return self._run.hold.used()
        return Usage(input=tokens_expected(self._request.facts), output=self._seen())

    def _seen(self) -> int:
        """Tokens of output that the model that speaks has said."""
        made = self._answered.stream.made()
        if isinstance(made, AnswerMessage):
            said = sum(len(getattr(part, "text", "")) for part in made.parts) // CHARS_PER_TOKEN
            return max(0, said - self._said_before)
        return tokens_in(made) if isinstance(made, bytes) else 0

    def _finish_badly(self, fault: UpstreamFault | None) -> None:
        run, sink = self._run, self._house.sink
        if fault is not None:
            run.finish(sink, "upstream_fault", 200, fault.code)
        elif self._ended is not None:
            if isinstance(self._ended, LimitReached):
                self._house.tell_limit(run, self._ended)
            run.finish(sink, "rejected", 200, self._ended.code)
        else:
            run.finish(sink, "cancelled", LEFT_STATUS, "client_left")

    def _share(self, *, well: bool) -> None:
        """With those who wait for the same answer."""
        flight = self._attempts.flight
        if flight is None or self._recorder is None:
            return
        kept = self._recorder.kept() if well and not self._answered.resumed else None
        if kept is not None:
            flight.keep(kept)
        flight.leave()


def cost_note(run: Run, card: ModelCard, usage: Usage | None, cost: int | None) -> bytes:
    """One more event of the stream: who answered, and what the request has cost in nano-dollars, all calls counted."""
    note: dict[str, object] = {"request_id": run.request_id, "model": card.id, "simulated": run.simulated}
    if usage is not None and cost is not None:
        note["cost_usd"] = usd_text(cost)
        if run.reference is not None:
            note["baseline_cost_usd"] = usd_text(run.reference.price.cost(usage))
    return voice_of(run.dialect).write_note(msgspec.json.encode(note))
