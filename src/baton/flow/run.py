"""The record of one request while it runs. Whatever happens, `finish` emits exactly one `Finished`."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Protocol

from msgspec.structs import replace

from baton.flow.arrival import Arrival
from baton.flow.passage import Passage
from baton.flow.spending import Hold, accounts_of
from baton.protocol.images import Bytes
from baton.protocol.limit_headers import refusal_headers
from baton.protocol.plausible import usage_fault
from baton.types.card import ModelCard
from baton.types.decision import CascadeAnswer, CheckResult, Decision
from baton.types.errors import BatonError, LimitReached, Overloaded, UpstreamAway, UpstreamStatus
from baton.types.money import Price, Usage, usd_text
from baton.types.outcome import Attempt, Content, Ending, Finished
from baton.types.request import Request
from baton.types.session import Session

NO_USAGE = Usage()
NO_IMAGES: Bytes = {}
NO_HEADERS: Mapping[str, str] = {}
OK = 200
OF_A_MODEL = frozenset({"x-baton-model", "x-baton-provider"})


class Sink(Protocol):
    """Listens to finished requests: the ledger, later shadow and drift. Must return at once and never raise."""

    def put(self, finished: Finished) -> None: ...


class Run:
    """`monotonic` and `now` are clocks in seconds (durations, Unix time)."""

    request: Request | None = None
    decision: Decision | None = None
    reference: ModelCard | None = None
    simulated = False
    keep_content = False
    passage: Passage | None = None
    continues = b""
    """JSON: the id of the answer that the request goes on from, as the caller gave it."""
    resumes = False
    """A stream that breaks off is to be continued by another model."""
    hold: Hold | None = None
    """What is set aside for the request, where anything limits the caller."""
    noted: Awaitable[int | None] | None = None
    """Where it is being written down for the other replicas."""
    session: Session | None = None
    """The conversation that it goes on with."""
    drawn: float | None = None
    """0..1, by chance: whether it is compared. Drawn once, however often it is decided."""
    ticket: int | None = None
    """Its number in the traffic of its key, where the share that goes up is limited."""
    images: Bytes = NO_IMAGES
    """Images that were fetched for it."""
    cost = 0
    """Nano-dollars over all attempts: what was asked was paid, also where it failed."""
    held_s: float | None = None
    """How long a stream was held, from its arrival on."""
    _asked_at = 0.0
    _head_at = 0.0
    _waited_s = 0.0
    _tokens = 0
    _finished = False
    _baseline_of: tuple[Price, Usage] | None = None
    _baseline = 0
    _given = -1
    """Which attempt the caller's answer is from: the last one, unless a cascade kept an earlier one."""

    def __init__(self, request_id: str, arrival: Arrival, now: float, monotonic: Callable[[], float]) -> None:
        self.request_id = request_id
        self.caller = arrival.caller
        self.dialect = arrival.dialect
        self._arrival = arrival
        self.at = now
        self._monotonic = monotonic
        self._begun = monotonic()
        self._attempts: list[Attempt] = []
        self._answer: list[bytes] = []

    def arrived(self, arrival: Arrival) -> None:
        """Hooks have made another request of it; this one is what is kept."""
        self._arrival = arrival

    def handed_off(self, passage: Passage) -> None:
        """The conversation has been made ready for the model that was decided on."""
        self.passage = passage
        if passage.handoff is not None and self.decision is not None:
            self.decision = replace(self.decision, handoff=passage.handoff)

    def turned_to(self, card: ModelCard, effort: str) -> None:
        """Another rung of a cascade is asked."""
        assert self.decision is not None
        self.decision = replace(self.decision, model=card.id, provider=card.provider, effort=effort, handoff=None)

    def gave(self, passage: Passage, effort: str, place: int) -> None:
        """The answer of attempt `place` is the one that the caller gets."""
        self._given = place
        self.turned_to(passage.card, effort)
        self.handed_off(passage)

    def paid(self, cost: int) -> None:
        """For what is no attempt: a judge of answers."""
        self.cost += cost

    def held(self) -> None:
        """A held stream begins to be told."""
        self.held_s = self._monotonic() - self._begun

    def asking(self) -> float:
        """A model is about to be asked. The moment, for `attempted`, where several are asked at once."""
        self._asked_at = self._head_at = self._monotonic()
        return self._asked_at

    def answering(self, *, simulated: bool | None = None) -> None:
        """The first byte of the answer is there; `simulated` where it is known only now."""
        if simulated is not None:
            self.simulated = simulated
        self._head_at = self._monotonic()

    def keep(self, piece: bytes) -> None:
        """Part of the answer, kept only where the content rules let it."""
        if self.keep_content:
            self._answer.append(piece)

    def answered(
        self,
        card: ModelCard,
        status: int,
        usage: Usage | None,
        flagged: BatonError | None = None,
        asked_at: float | None = None,
    ) -> None:
        """One call has ended well. What it says of its tokens may be wrong all the same: then it is not believed."""
        fault = usage_fault(usage, card)
        self.attempted(card, status, usage if fault is None else None, flagged or fault, asked_at=asked_at)

    def attempted(
        self,
        card: ModelCard,
        status: int,
        usage: Usage | None,
        fault: BatonError | None,
        *,
        guess: Usage | None = None,
        asked_at: float | None = None,
    ) -> None:
        """One call has ended, well or not. `guess`: the best that is known of its tokens where it told nothing."""
        counted = self._counted(status, usage or guess)
        self._tokens += counted.input + counted.output
        ended = self._monotonic()
        began = self._asked_at if asked_at is None else asked_at
        self._waited_s += ended - began
        cost = card.price.cost(counted)
        self.cost += cost
        self._attempts.append(
            Attempt(
                model=card.id,
                provider=card.provider,
                status=status,
                fault="" if fault is None else fault.code,
                duration_s=ended - began,
                first_byte_s=max(0.0, self._head_at - began),
                usage=usage or NO_USAGE,
                usage_known=usage is not None,
                cost=cost,
            )
        )

    def _counted(self, status: int, usage: Usage | None) -> Usage:
        """Where a model that answered told nothing, what was watched of its answer is the best that is known."""
        if usage is None and status == OK and self.hold is not None:
            usage = self.hold.used()
        return usage or NO_USAGE

    def answered_again(self, card: ModelCard) -> None:
        """By the response cache: nobody was asked, and nothing paid."""
        self._attempts.append(Attempt(card.id, "cache", OK, "", 0.0, 0.0, NO_USAGE, usage_known=True, cost=0))

    @property
    def attempts(self) -> tuple[Attempt, ...]:
        """Those that are over."""
        return tuple(self._attempts)

    @property
    def usage(self) -> Usage:
        return self._attempts[self._given].usage if self._attempts else NO_USAGE

    @property
    def baseline_cost(self) -> int:
        if self.reference is None:
            return 0
        price, usage = self.reference.price, self.usage
        if self._baseline_of != (price, usage):  # the record asks for it, and the headers
            self._baseline_of, self._baseline = (price, usage), price.cost(usage)
        return self._baseline

    def finish(self, sink: Sink, ending: Ending, status: int, error: str = "") -> None:
        """Emit the record; later calls do nothing, so that the first ending is the one that counts."""
        if self._finished:
            return
        self._finished = True
        duration = self._monotonic() - self._begun
        request = self.request
        task_id = request.wish.task_id if request is not None else None
        if self.hold is not None:
            self.hold.settle(self.cost, self._tokens)
        sink.put(
            Finished(
                request_id=self.request_id,
                task_id=task_id or self.request_id,
                at=self.at,
                dialect=self._arrival.dialect,
                key=self._arrival.caller.name,
                status=status,
                ending=ending,
                error=error,
                stream=request is not None and request.stream,
                simulated=self.simulated,
                duration_s=duration,
                overhead_s=max(0.0, duration - self._waited_s),
                usage=self.usage,
                cost=self.cost,
                baseline_cost=self.baseline_cost,
                attempts=self.attempts,
                decision=self.decision,
                accounts=accounts_of(self.caller, request),
                upstream_dialect="" if self.passage is None else self.passage.dialect,
                content=Content(self._arrival.body, b"".join(self._answer)) if self.keep_content else None,
            )
        )

    def headers_of_refusal(self, error: BatonError) -> dict[str, str]:
        """Those of an answer that is an error: when to come back, and how the account stands.

        A model is named only where one was asked.
        """
        headers = self.headers(whole=False)
        if not self._attempts:
            headers = {name: value for name, value in headers.items() if name not in OF_A_MODEL}
        if isinstance(error, LimitReached):
            return headers | refusal_headers(self.dialect, error, self.at)
        if isinstance(error, UpstreamStatus | UpstreamAway | Overloaded) and error.retry_after is not None:
            headers["retry-after"] = error.retry_after
        return headers

    def headers(self, *, whole: bool, first: Mapping[str, str] = NO_HEADERS) -> dict[str, str]:
        """Baton's own response headers, after `first`; costs only where the answer is whole and its usage known."""
        headers = {**first, "x-baton-request-id": self.request_id}
        if (decision := self.decision) is None:
            return headers
        headers["x-baton-model"] = decision.model
        headers["x-baton-provider"] = decision.provider
        headers["x-baton-route"] = decision.route
        headers["x-baton-task-type"] = decision.task_type
        headers["x-baton-proof"] = printable(decision.proof)
        headers["x-baton-reason"] = printable(decision.reason)
        if decision.effort:
            headers["x-baton-effort"] = decision.effort
        if decision.cascade:
            headers |= cascade_headers(decision.cascade)
        if self.held_s is not None:
            headers["x-baton-held-s"] = f"{self.held_s:.3f}"
        if decision.handoff is not None:
            headers["x-baton-handoff"] = decision.handoff.header()
        if self.simulated:
            headers["x-baton-simulated"] = "true"
        if self.hold is not None:
            headers |= self.hold.headers(self._arrival.dialect)
        if whole and self._attempts and self._attempts[self._given].usage_known:
            headers["x-baton-cost-usd"] = usd_text(self.cost)
            headers["x-baton-baseline-cost-usd"] = usd_text(self.baseline_cost)
        return headers


def cascade_headers(answers: Sequence[CascadeAnswer]) -> dict[str, str]:
    headers = {"x-baton-cascade": printable(told_of(answers))}
    if (unchecked := unchecked_of(answers)) is not None:
        headers["x-baton-unchecked"] = printable(f"{unchecked.check}: {unchecked.reason}")
    return headers


def unchecked_of(answers: Sequence[CascadeAnswer]) -> CheckResult | None:
    """The check that the answer which was given all the same has failed."""
    return next((failed for one in answers if one.given and (failed := _failed_of(one)) is not None), None)


def told_of(answers: Sequence[CascadeAnswer]) -> str:
    """Who was asked, and which check each of them failed: `a/small failed refusal, b/large`."""
    told = ((one.model, _failed_of(one)) for one in answers)
    return ", ".join(model if failed is None else f"{model} failed {failed.check}" for model, failed in told)


def _failed_of(one: CascadeAnswer) -> CheckResult | None:
    return next((check for check in one.checks if check.outcome == "failed"), None)


def printable(text: str) -> str:
    """Printable ASCII in one line: a prompt that a reason quotes cannot break out of a header."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(c if c.isascii() and c.isprintable() else "?" for c in text)
