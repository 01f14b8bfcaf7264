"""The attempts of one request: as long as the caller has seen nothing, a fault means that somebody else is asked.

Which model comes next is a decision like the first one, with those that failed barred; how often, and whether at all,
is the retry policy's matter (`call/retry.py`).
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence

from msgspec import Struct
from msgspec.structs import replace

from baton.call.cache import Flight, Kept
from baton.call.calls import Asked, Call
from baton.call.hedge import hedged
from baton.call.retry import Effort, Step
from baton.decide.estimate import tokens_expected
from baton.flow.arrival import Arrival
from baton.flow.cascade import Walk
from baton.flow.house import House
from baton.flow.passage import AnswerStream, Passage, Relay, Translation, who
from baton.flow.resume import CONTINUE, ResumableStream
from baton.flow.run import Run
from baton.flow.tool_policy import HeldStream, tool_fault
from baton.protocol.effort import with_effort
from baton.protocol.logprobs import asking_for_logprobs
from baton.protocol.plausible import believed
from baton.spend.meter import tokens_in
from baton.state.redis_keep import recalled
from baton.types.card import ModelCard, split_arm
from baton.types.cascade import CascadePlan
from baton.types.decision import Decision
from baton.types.errors import HandoffRefused, NoEligibleModel, UpstreamAway, UpstreamFault, UpstreamMalformed
from baton.types.events import AnswerMessage
from baton.types.money import Usage
from baton.types.request import Request

AnyStream = AnswerStream | HeldStream
NEED_BYTES = frozenset({"ollama"})
"""Dialects in which an image cannot be named by its address."""
PASSED = "pass"
"""The rule of a decision that nothing was chosen in."""


class Begun(Struct, frozen=True):
    """A stream whose first bytes for the caller are there."""

    stream: AnyStream
    first: bytes
    rest: AsyncIterator[bytes]


class Answered(Struct):
    """A good answer: `body` of a whole one, `begun` of a stream, which its owner ends, or one from the cache."""

    called: Asked | None
    passage: Passage
    body: bytes = b""
    begun: Begun | None = None
    kept: Kept | None = None
    resumed: bool = False
    """Another model had begun it."""
    asked_at: float | None = None
    made: AnswerMessage | bytes | None = None
    """The same answer for whoever keeps or checks it, where it is whole."""
    tool_fault: UpstreamFault | None = None
    """Of a held answer: what is wrong with its calls of tools."""
    place: int = -1
    """Which attempt of the request it was."""
    end: bytes = b""
    """Of a held stream: its end, which stands behind `body`."""
    _broke: UpstreamFault | None = None

    @property
    def asked(self) -> Asked:
        assert self.called is not None
        return self.called

    @property
    def stream(self) -> AnyStream:
        assert self.begun is not None
        return self.begun.stream

    def broke(self, fault: UpstreamFault) -> None:
        """The connection failed under the stream."""
        self._broke = fault

    def fault(self) -> UpstreamFault | None:
        """What was wrong with the stream, once it is over."""
        return self._broke or self.stream.fault()

    def drop(self, fault: UpstreamFault | None) -> None:
        """The call is over before its end."""
        self.asked.upstream.abort()
        self.asked.ended(fault, left=fault is None)


class Attempts:
    """For one request. `first_good` is called once."""

    def __init__(self, house: House, run: Run, request: Request, arrival: Arrival) -> None:
        self._house = house
        self._run = run
        self._request = request
        self._arrival = arrival
        self._effort: Effort = house.calls.effort()
        self._barred = dict(house.calls.barred())
        self._holds = False
        """Answers are held until they are checked: nothing is settled, and streams are read to their end."""
        self._walked = False
        self._fault: UpstreamFault | None = None
        self._refusal: HandoffRefused | None = None
        self.flight: Flight | None = None
        """The request's part in the response cache."""

    async def first_good(self) -> Answered:
        """Raises the last fault when everything that may be tried has failed."""
        while True:
            card, passage = await self._next()
            if self._effort.attempts == 0 and (kept := await self._kept(card, passage)) is not None:
                return Answered(None, passage, kept.body, kept=kept)
            if (plan := self._plan()) is not None:
                return await Walk(self, self._house, self._run, plan).answer()
            answered = await self._of_model(card, passage)
            if answered is not None:
                return answered

    async def rung(self, arm: str, *, hold: bool) -> Answered:
        """The answer of one arm of a cascade, and of nobody else; `hold`: whole, and not settled yet.

        Raises UpstreamFault, HandoffRefused, LimitReached.
        """
        house, run = self._house, self._run
        model, effort = split_arm(arm, house.config.snapshot.cards)
        card = house.card(model)
        self._effort = house.calls.effort()
        self._holds = hold
        try:
            run.turned_to(card, effort)
            passage = await self._passage(card, concrete=False)
            run.handed_off(passage)
            answered = await self._of_model(card, passage, rungs=True)
        except UpstreamFault as fault:
            self.bar(card.id, f"asked, and failed: {fault.code}")
            raise
        finally:
            self._holds = False
        if answered is None:
            assert self._fault is not None
            raise self._fault
        return answered

    def give(self, answered: Answered, effort: str) -> None:
        """A held answer is the one that the caller gets."""
        self._run.gave(answered.passage, effort, answered.place)
        self._run.simulated = self._house.config.snapshot.providers[answered.asked.card.provider].simulated
        self._house.carrier.settle(self._run, answered.passage, answered.made)

    def _plan(self) -> CascadePlan | None:
        """Once for a request: whoever is asked after a cascade is asked alone."""
        decision = self._run.decision
        if self._walked or decision is None or decision.plan is None:
            return None
        self._walked = True
        return decision.plan

    async def _of_model(self, card: ModelCard, passage: Passage, *, rungs: bool | None = None) -> Answered | None:
        """None where another model is to be asked. Raises the fault that nobody else can help with.

        `rungs`: whether another one may be; None: where one is left.
        """
        call = self._call(card, passage)
        step = Step("here")
        while step.move != "rung":
            try:
                return await self._attempt(passage, call)
            except UpstreamFault as fault:
                self._fault = fault
                others = self._has_rungs(card) if rungs is None else rungs
                step = self._house.calls.after(fault, call, self._effort, rungs=others)
                if step.move == "give_up":
                    raise
                if step.wait_s:
                    await asyncio.sleep(step.wait_s)
        assert self._fault is not None
        self.bar(card.id, f"asked, and failed: {self._fault.code}")
        return None

    def bar(self, model: str, why: str) -> None:
        """It is not asked again for this request."""
        self._barred[model] = why

    async def go_on(self, answered: Answered, fault: UpstreamFault, book: Callable[[], None]) -> Answered | None:
        """Another model that continues a stream from its exact text; None where that cannot be.

        `book` is called before anybody else is asked: it books what the stream has cost so far.
        """
        begun, passage = answered.begun, answered.passage
        if begun is None or not isinstance(begun.stream, ResumableStream) or not isinstance(passage, Translation):
            return None
        text = begun.stream.text_so_far()
        if not text:
            return None
        step = self._house.calls.after(
            fault, self._call(passage.card, passage), self._effort, rungs=self._has_rungs(passage.card)
        )
        if step.move == "give_up":
            return None
        if step.move == "rung":
            self.bar(passage.card.id, f"asked, and failed: {fault.code}")
        await asyncio.sleep(step.wait_s)
        book()
        try:
            return await self._continuation(begun.stream, text, None if step.move == "rung" else passage.card)
        except (NoEligibleModel, HandoffRefused, UpstreamFault):
            return None  # what came first is what the caller is told

    async def _continuation(self, stream: ResumableStream, text: str, same: ModelCard | None) -> Answered:
        run, house = self._run, self._house
        card = same or house.card(house.decide(run, self._request, self._arrival.caller, self._barred).model)
        passage = house.carrier.continuation(run, self._request, card, text)
        run.handed_off(passage)
        asked, asked_at = await self._ask(self._call(card, passage))
        stream.go_on(passage.reader(), asked.card)
        begun = Begun(stream, b"", asked.upstream.chunks())
        return Answered(asked, passage, begun=begun, resumed=True, asked_at=asked_at)

    def _call(self, card: ModelCard, passage: Passage) -> Call:
        request = self._request
        return Call(
            card, passage.dialect, passage.body, self._arrival.headers, stream=request.stream,
            priority=request.wish.priority, sticky="" if self._run.session is None else self._run.session.id,
        )  # fmt: skip

    # --- which model -------------------------------------------------------------------------------

    async def _kept(self, card: ModelCard, passage: Passage) -> Kept | None:
        """An answer to the same request. Whoever gets none asks the model, for himself and for those who wait."""
        house = self._house
        if not house.caches or self.flight is not None:
            return None
        sent = house.endpoints.of(card.provider, passage.dialect).headers(self._arrival.headers)
        self.flight = house.caches.flight(self._run, self._request, card, passage, sent)
        if self.flight is None:
            return None
        await self.flight.join()
        return self.flight.hit

    async def _next(self) -> tuple[ModelCard, Passage]:
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
                passage = await self._passage(card, concrete=concrete)
            except HandoffRefused as refusal:
                if concrete:
                    raise
                self._refusal = refusal
                self._barred[card.id] = refusal.message
            else:
                run.handed_off(passage)
                return card, passage

    async def _passage(self, card: ModelCard, *, concrete: bool) -> Passage:
        """The way to this model, with the step of effort that was decided on. Raises HandoffRefused, MediaRefused."""
        house, run, decision = self._house, self._run, self._run.decision
        assert decision is not None
        run.resumes = self._request.stream and not self._holds and self._resumes(decision)
        request = with_effort(self._request, decision.effort)
        if decision.effort and request is self._request:
            run.decision = replace(decision, effort="")  # the caller has chosen himself
        await self._fetch_images(card)
        passage = await recalled(house.life.keep, lambda: house.carrier.passage(run, request, card, concrete=concrete))
        plan = decision.plan
        if self._holds and plan is not None and plan.min_logprob is not None:
            return self._asking_for_logprobs(passage, card)
        return passage

    def _asking_for_logprobs(self, passage: Passage, card: ModelCard) -> Passage:
        if not self._house.carrier.takes(self._request, card, "logprobs"):
            return passage
        body = asking_for_logprobs(passage.dialect, passage.body)
        if body is None:
            return passage
        return replace(passage, body=body, logprobs=True) if isinstance(passage, Relay) else replace(passage, body=body)

    async def _fetch_images(self, card: ModelCard) -> None:
        """For a model that must be given the bytes of images. Raises MediaRefused."""
        house, run = self._house, self._run
        if not house.media.fetches or run.images or "image" not in self._request.facts.needs:
            return
        if house.carrier.dialect_of(self._request, card) in NEED_BYTES:
            run.images = await house.media.fetch(house.carrier.image_addresses(self._request))

    def _resumes(self, decision: Decision) -> bool:
        """Never where calls of tools may be refused: what is refused must not have been told before."""
        if self._house.tools.refuses(decision.route):
            return False
        wished = self._request.wish.resume or self._house.policy.route_named(decision.route).resume
        return wished == CONTINUE

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
        """One call; where the route hedges and the first is slower than most, a second one beside it."""
        calls = self._house.calls
        after_s = calls.hedge_after_s(call, self._effort) if self._hedges() else None
        if after_s is None:
            return await self._one(passage, call)
        return await hedged(
            lambda: self._one(passage, call),
            lambda: self._one(passage, call, beside=True) if calls.may_hedge() else None,
            after_s,
            self._lost,
        )

    def _hedges(self) -> bool:
        decision = self._run.decision
        return decision is not None and self._house.policy.route_named(decision.route).hedge

    def _lost(self, late: Answered) -> None:
        """The other one was faster; what this one was sent is paid all the same."""
        late.drop(None)
        if late.begun is not None:
            self._run.attempted(
                late.asked.card, late.asked.upstream.status, None, None, guess=self._sent(), asked_at=late.asked_at
            )

    def _sent(self, held: Sequence[bytes] = ()) -> Usage:
        """The best guess where a model told nothing: what it was sent, and what came of its answer."""
        return Usage(input=tokens_expected(self._request.facts), output=tokens_in(b"".join(held)))

    async def _one(self, passage: Passage, call: Call, *, beside: bool = False) -> Answered:
        """A fault, or a caller who leaves while waiting, is an attempt as well. `beside`: another call is under way."""
        run = self._run
        asked, asked_at = await self._ask(call, beside=beside)
        stream: AnyStream | None = None
        usage: Usage | None = None
        held: list[bytes] = []
        try:
            if call.stream:
                stream = self._stream(passage)
                if self._holds:
                    return self._collected(
                        asked, passage, stream, await self._to_its_end(asked, stream, held), asked_at
                    )
                return Answered(asked, passage, begun=await _begin(asked, stream), asked_at=asked_at)
            body, usage, made = passage.whole(await asked.upstream.read(self._house.max_answer_bytes))
            return self._whole(asked, Answered(asked, passage, body, asked_at=asked_at), usage, made)
        except UpstreamFault as fault:  # an answer that is refused is paid all the same
            _drop(asked, fault)
            usage = believed(usage if stream is None else stream.usage(), asked.card)
            guess = self._sent(held) if held else None
            run.attempted(asked.card, asked.upstream.status, usage, fault, guess=guess, asked_at=asked_at)
            raise
        except BaseException:
            _drop(asked, None)
            run.attempted(asked.card, asked.upstream.status, None, None, guess=self._sent(held), asked_at=asked_at)
            raise

    async def _to_its_end(self, asked: Asked, stream: AnyStream, held: list[bytes]) -> bytes:
        """A whole stream but for its end; `held` is what came of it so far. Raises UpstreamFault, StoppedByBudget."""
        hold, size = self._run.hold, 0
        async for chunk in asked.upstream.chunks():
            if ready := stream.feed(chunk):
                asked.spoke()
                held.append(ready)
                size += len(ready)
                if hold is not None and hold.passed(ready):
                    await hold.extend()
            if stream.broken or size > self._house.max_answer_bytes:
                break
        else:
            held.append(stream.finish())
        if size > self._house.max_answer_bytes:
            text = f"{who(asked.card)} streams more than the {self._house.max_answer_bytes} bytes that are held"
            raise UpstreamMalformed(text, model=asked.card.id, provider=asked.card.provider)
        if (fault := stream.fault()) is not None:
            raise fault
        return b"".join(held)

    def _collected(self, asked: Asked, passage: Passage, stream: AnyStream, body: bytes, asked_at: float) -> Answered:
        made = stream.made()
        if made is None:
            text = f"{who(asked.card)} streams more than can be checked"
            raise UpstreamMalformed(text, model=asked.card.id, provider=asked.card.provider)
        answered = Answered(asked, passage, body, asked_at=asked_at, end=stream.end())
        return self._whole(asked, answered, stream.usage(), made)

    def _stream(self, passage: Passage) -> AnyStream:
        if self._holds:
            return passage.stream()
        if self._run.resumes and isinstance(passage, Translation):
            return passage.stream(ResumableStream)
        return self._house.tools.stream(self._run, self._request, passage, passage.stream())

    async def _ask(self, call: Call, *, beside: bool = False) -> tuple[Asked, float]:
        """The head of a good answer, and when it was asked for."""
        run, house = self._run, self._house
        if run.caller.path or run.caller.routes:
            await house.spending.before(run, call.card, beside=beside)
        if house.life.replicas is not None:
            await house.life.replicas.dispatching(run, call.card, tokens_expected(self._request.facts))
        asked_at = run.asking()
        try:
            asked = await house.calls.ask(call, self._effort)
        except UpstreamAway:
            raise  # nothing was sent
        except UpstreamFault as fault:
            run.attempted(call.card, fault.upstream_status, None, fault, asked_at=asked_at)
            raise
        except asyncio.CancelledError:
            run.attempted(call.card, 0, None, None, guess=self._sent(), asked_at=asked_at)
            raise
        run.answering(simulated=house.config.snapshot.providers[asked.card.provider].simulated)
        return asked, asked_at

    def _whole(self, asked: Asked, answered: Answered, usage: Usage | None, made: AnswerMessage | bytes) -> Answered:
        """A whole answer, noted. Raises a fault where the route refuses its calls of tools."""
        house, run, passage = self._house, self._run, answered.passage
        if self._holds:
            flagged = answered.tool_fault = tool_fault(self._request, passage, made, stream=self._request.stream)
        else:
            flagged = house.tools.whole(run, self._request, passage, made)
        asked.ended()
        run.answered(asked.card, asked.upstream.status, usage, flagged, answered.asked_at)
        answered.made, answered.place = made, len(run.attempts) - 1
        if not self._holds:
            house.carrier.settle(run, passage, made)
        return answered


async def _begin(asked: Asked, stream: AnyStream) -> Begun:
    """A fault before the first bytes for the caller is told apart from one after them."""
    chunks = asked.upstream.chunks()
    first = b""
    async for chunk in chunks:
        first = stream.feed(chunk)
        if stream.broken and (fault := stream.fault()) is not None:
            raise fault
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
