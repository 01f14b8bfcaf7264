"""The attempts of one request: as long as the caller has seen nothing, a fault means that somebody else is asked.

Which model comes next is a decision like the first one, with those that failed barred; how often, and whether at all,
is the retry policy's matter (`call/retry.py`).
"""

import asyncio
from collections.abc import AsyncIterator

from msgspec import Struct

from baton.call.calls import Asked, Call
from baton.call.retry import Effort, Step
from baton.flow.arrival import Arrival
from baton.flow.house import House
from baton.flow.passage import AnswerStream, Passage
from baton.flow.run import Run
from baton.types.card import ModelCard
from baton.types.errors import HandoffRefused, NoEligibleModel, UpstreamAway, UpstreamFault
from baton.types.request import Request

PASSED = "pass"
"""The rule of a decision that nothing was chosen in."""


class Begun(Struct, frozen=True):
    """A stream whose first bytes for the caller are there."""

    stream: AnswerStream
    first: bytes
    rest: AsyncIterator[bytes]


class Answered(Struct, frozen=True):
    """A good answer: `body` of a whole one, `begun` of a stream, which its owner ends."""

    asked: Asked
    passage: Passage
    body: bytes = b""
    begun: Begun | None = None


class Attempts:
    """For one request. `first_good` is called once."""

    def __init__(self, house: House, run: Run, request: Request, arrival: Arrival) -> None:
        self._house = house
        self._run = run
        self._request = request
        self._arrival = arrival
        self._effort: Effort = house.calls.effort()
        self._barred = dict(house.calls.barred())
        self._fault: UpstreamFault | None = None
        self._refusal: HandoffRefused | None = None

    async def first_good(self) -> Answered:
        """Raises the last fault when everything that may be tried has failed."""
        while True:
            card, passage = self._next()
            call = Call(
                card, passage.dialect, passage.body, self._arrival.headers, stream=self._request.stream,
                priority=self._request.wish.priority,
            )  # fmt: skip
            step = Step("here")
            while step.move != "rung":
                try:
                    return await self._attempt(passage, call)
                except UpstreamFault as fault:
                    self._fault = fault
                    step = self._house.calls.after(fault, call, self._effort, rungs=self._has_rungs(card))
                    if step.move == "give_up":
                        raise
                    if step.wait_s:
                        await asyncio.sleep(step.wait_s)
            assert self._fault is not None
            self._barred[card.id] = f"asked, and failed: {self._fault.code}"

    # --- which model -------------------------------------------------------------------------------

    def _next(self) -> tuple[ModelCard, Passage]:
        """The model that is asked, and the way to it. One that the conversation cannot be carried to is passed over."""
        house, run = self._house, self._run
        while True:
            try:
                decision = house.decide(run, self._request, self._arrival.caller, self._barred)
            except NoEligibleModel as error:
                raise self._nobody(error) from error
            card = house.card(decision.model)
            concrete = decision.rule == PASSED
            try:
                passage = house.carrier.passage(run, self._request, card, concrete=concrete)
            except HandoffRefused as refusal:
                if concrete:
                    raise
                self._refusal = refusal
                self._barred[card.id] = refusal.message
            else:
                run.handed_off(passage)
                return card, passage

    def _nobody(self, error: NoEligibleModel) -> Exception:
        """What to tell where nobody is left: the fault that came, the loss that would come, or when to come back."""
        if self._fault is not None:
            return self._fault
        if self._refusal is not None:
            return HandoffRefused(error.message, error.param)
        if self._barred:
            return UpstreamAway(error.message, model="", provider="", retry_after="1")
        return error

    def _has_rungs(self, card: ModelCard) -> bool:
        decision = self._run.decision
        assert decision is not None
        left = (one.model for one in decision.candidates if one.model != card.id)
        return any(model not in self._barred for model in left)

    # --- one attempt -------------------------------------------------------------------------------

    async def _attempt(self, passage: Passage, call: Call) -> Answered:
        """A fault, or a caller who leaves while waiting, is an attempt as well."""
        run, house = self._run, self._house
        run.asking()
        try:
            asked = await house.calls.ask(call, self._effort)
        except UpstreamAway:
            raise  # nothing was sent
        except UpstreamFault as fault:
            run.attempted(call.card, fault.upstream_status, None, fault)
            raise
        except asyncio.CancelledError:
            run.attempted(call.card, 0, None, None)
            raise
        run.answering(simulated=house.config.snapshot.providers[asked.card.provider].simulated)
        try:
            if call.stream:
                return Answered(asked, passage, begun=await _begin(asked, passage.stream()))
            return await self._whole(asked, passage)
        except UpstreamFault as fault:
            _drop(asked, fault)
            run.attempted(asked.card, asked.upstream.status, None, fault)
            raise
        except BaseException:
            _drop(asked, None)
            run.attempted(asked.card, asked.upstream.status, None, None)
            raise

    async def _whole(self, asked: Asked, passage: Passage) -> Answered:
        """A whole answer that is one JSON object; anything else is a fault."""
        house, run = self._house, self._run
        body, usage, made = passage.whole(await asked.upstream.read(house.max_answer_bytes))
        asked.ended()
        run.keep(body)
        run.attempted(asked.card, asked.upstream.status, usage, None)
        house.carrier.settle(run, passage, made)
        return Answered(asked, passage, body)


async def _begin(asked: Asked, stream: AnswerStream) -> Begun:
    """A fault before the first bytes for the caller is told apart from one after them."""
    chunks = asked.upstream.chunks()
    first = b""
    async for chunk in chunks:
        first = stream.feed(chunk)
        if first:
            break
    else:
        first = stream.finish()
        if (fault := stream.fault()) is not None:
            raise fault
    if stream.told and (fault := stream.fault()) is not None:
        raise fault
    asked.spoke()
    return Begun(stream, first, chunks)


def _drop(asked: Asked, fault: UpstreamFault | None) -> None:
    asked.upstream.abort()
    asked.ended(fault, left=fault is None)
