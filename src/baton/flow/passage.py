"""How one request goes to one model, and how its answer comes back: as bytes, or through the canonical conversation."""

from msgspec import Struct

from baton.protocol.dialects import Reply, StreamReader, StreamWriter, grammar_of
from baton.protocol.fold import Fold, fold
from baton.protocol.guard import Guard, guarded, whole_fault
from baton.protocol.stop_cut import StopCut, cut_answer
from baton.protocol.voice import Voice
from baton.protocol.watch import Watch
from baton.types.card import Dialect, ModelCard
from baton.types.errors import (
    Reason,
    UpstreamCut,
    UpstreamEmpty,
    UpstreamFault,
    UpstreamMalformed,
    UpstreamNotJson,
    UpstreamReported,
)
from baton.types.events import AnswerMessage, Event, FaultKind, StreamFault, UsageUpdate
from baton.types.handoff import HandoffReport
from baton.types.money import Usage
from baton.types.parts import Origin

# --- the caller's dialect: bytes go on as they are -----------------------------------------------


class Relay(Struct, frozen=True, gc=False):
    """`whole` gives the answer for the caller, its usage, and the same answer for whoever keeps it; or a fault."""

    dialect: Dialect
    body: bytes
    voice: Voice
    card: ModelCard
    handoff: HandoffReport | None
    origin: Origin
    hide_usage: bool
    hold_end: bool
    prefix_hash: str | None = None
    """Of the conversation, where the answer is to be remembered although the caller gets its bytes."""
    logprobs: bool = False
    """Log-probabilities were asked for that the caller did not ask for."""

    def whole(self, body: bytes) -> tuple[bytes, Usage | None, bytes]:
        refuse_empty(body, self.card)
        try:
            usage = self.voice.read_usage(body)
            fault = whole_fault(self.dialect, body)
        except (ValueError, RecursionError) as error:
            text = f"{who(self.card)} answered 200 with something that is not its JSON: {error}"
            raise UpstreamNotJson(text, model=self.card.id, provider=self.card.provider, upstream_status=200) from error
        if fault is not None:
            raise named(fault, self.card)
        return body, usage, body

    def read(self, made: bytes, *, stream: bool) -> AnswerMessage:
        """The answer that was relayed. Raises UpstreamNotJson."""
        grammar, prefix = grammar_of(self.dialect), self.prefix_hash or ""
        if not stream:
            return grammar.read_answer(made, self.origin, prefix)
        reader = grammar.stream_reader(self.origin, prefix)
        return fold([*reader.feed(made), *reader.finish()])

    def stream(self) -> "RelayedStream":
        return RelayedStream(
            self.voice.watch(hide_usage=self.hide_usage, hold_end=self.hold_end), self.dialect, self.card
        )


class RelayedStream:
    """The watch over bytes that go on as they are.

    The life of a stream, here and below: 1. `feed` takes what arrived and gives what goes on; 2. `finish` gives the
    rest when the upstream has closed; 3. `fault` says what was wrong with it, `told` whether the caller has seen that
    in the stream; 4. `end` closes it; 5. `made` is the whole answer for whoever keeps it, None when it was too long.
    """

    def __init__(self, watch: Watch, dialect: Dialect, card: ModelCard) -> None:
        self._watch = watch
        self._dialect: Dialect = dialect
        self._card = card
        self.feed = watch.feed
        self.finish = watch.finish
        self.end = watch.end
        self.usage = watch.usage
        self.made = watch.whole

    def fault(self) -> UpstreamFault | None:
        if self._watch.error_event:
            return named(self._reported(), self._card)
        fault = self._watch.fault()
        return None if fault is None else named(fault, self._card)

    @property
    def told(self) -> bool:
        return self._watch.error_event

    @property
    def broken(self) -> bool:
        """Nothing that comes can mend it: the upstream need not be read to its end."""
        return self._watch.broken is not None

    def _reported(self) -> StreamFault:
        """The error event, read as the dialect means it."""
        reader = grammar_of(self._dialect).stream_reader(Origin(), "")
        events = [*reader.feed(self._watch.whole() or b""), *reader.finish()]
        found = next((event for event in events if isinstance(event, StreamFault)), None)
        return found or StreamFault("server", "an error inside its stream")


# --- another dialect: read, and written again ----------------------------------------------------


class Translation(Struct, frozen=True):
    """`origin` and `prefix_hash` are put on the private state of the answer; `reply` says how the caller is told."""

    dialect: Dialect
    body: bytes
    caller_dialect: Dialect
    card: ModelCard
    handoff: HandoffReport
    origin: Origin
    prefix_hash: str
    reply: Reply
    stop: tuple[str, ...] = ()
    """Sequences that the answer is cut at here."""

    def whole(self, body: bytes) -> tuple[bytes, Usage | None, AnswerMessage]:
        refuse_empty(body, self.card)
        try:
            answer = grammar_of(self.dialect).read_answer(body, self.origin, self.prefix_hash)
        except UpstreamNotJson as error:
            error.model, error.provider, error.upstream_status = self.card.id, self.card.provider, 200
            raise
        answer = guarded(answer, self.card.context_window)
        if answer.fault is not None:
            raise named(answer.fault, self.card)
        if answer.stop is None:
            text = f"{who(self.card)} answered 200 with an answer that does not say how it ended"
            raise UpstreamCut(text, model=self.card.id, provider=self.card.provider, upstream_status=200)
        if self.stop:
            answer = cut_answer(answer, self.stop)
        rendered = grammar_of(self.caller_dialect).write_answer(answer, self.reply)
        return rendered.body, answer.usage, answer

    def reader(self) -> StreamReader:
        return grammar_of(self.dialect).stream_reader(self.origin, self.prefix_hash)

    def stream(self, kind: "type[TranslatedStream] | None" = None) -> "TranslatedStream":
        writer = grammar_of(self.caller_dialect).stream_writer(self.reply)
        cut = StopCut(self.stop) if self.stop else None
        return (kind or TranslatedStream)(self.reader(), writer, self.card, cut)


class TranslatedStream:
    """After a cut the upstream is read to its end: only then it tells what it used."""

    def __init__(self, reader: StreamReader, writer: StreamWriter, card: ModelCard, cut: StopCut | None) -> None:
        self._cut = cut
        self._guard = Guard(card.context_window)
        self._reader = reader
        self._writer = writer
        self._card = card
        self._fold = Fold()
        self._fault: StreamFault | None = None
        self._usage: Usage | None = None

    def feed(self, chunk: bytes) -> bytes:
        return self._write(self._reader.feed(chunk))

    def finish(self) -> bytes:
        return self._write(self._reader.finish())

    def fault(self) -> UpstreamFault | None:
        return None if self._fault is None else named(self._fault, self._card)

    @property
    def told(self) -> bool:
        return self._fault is not None

    @property
    def broken(self) -> bool:
        return self._fault is not None

    def end(self) -> bytes:
        return self._writer.finish()

    def usage(self) -> Usage | None:
        return self._usage

    def made(self) -> AnswerMessage:
        return self._fold.answer()

    def _write(self, events: list[Event]) -> bytes:
        if not events:
            return b""
        events = list(self._guard.pass_on(events))
        if self._cut is not None:
            events = list(self._cut.pass_on(events))
        for event in events:
            self._fold.add(event)
            if isinstance(event, StreamFault):
                self._fault = self._fault or event
            elif isinstance(event, UsageUpdate):
                self._usage = event.usage
        return self._writer.write(events)


Passage = Relay | Translation
"""`dialect` is the one that the model is asked in; `handoff` None when the caller's own bytes go on."""

AnswerStream = RelayedStream | TranslatedStream


# --- faults ----------------------------------------------------------------------------------------


REASONS: dict[FaultKind, Reason] = {
    "authentication": "key",
    "permission": "key",
    "billing": "quota",
    "not_found": "model",
    "too_large": "context_length",
    "rate_limit": "rate_limit",
    "overloaded": "overloaded",
    "timeout": "timeout",
    "server": "provider",
}


def who(card: ModelCard) -> str:
    return f"model {card.id!r} at provider {card.provider!r}"


def refuse_empty(body: bytes, card: ModelCard) -> None:
    if not body:
        raise UpstreamEmpty(f"{who(card)} answered 200 with an empty body", model=card.id, provider=card.provider)


def named(fault: StreamFault, card: ModelCard) -> UpstreamFault:
    """A fault that came inside an answer, as the exception that the rest of the house knows."""
    if fault.kind == "cut":
        text = f"{who(card)} ended its stream without an end: what was sent so far is not a whole answer"
        return UpstreamCut(text, model=card.id, provider=card.provider)
    if fault.kind == "malformed":
        return UpstreamMalformed(f"{who(card)}: {fault.message}", model=card.id, provider=card.provider)
    if fault.kind == "empty":
        return UpstreamEmpty(f"{who(card)}: {fault.message}", model=card.id, provider=card.provider)
    error = UpstreamReported(
        f"{who(card)} reported an error: {fault.message}",
        model=card.id,
        provider=card.provider,
        upstream_status=fault.status,
        body=b"",
    )
    error.status = fault.status
    error.reason = REASONS.get(fault.kind, "")
    error.detail = fault.message
    return error
