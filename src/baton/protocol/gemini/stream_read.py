"""Chunks of a Gemini stream -> canonical events; a whole answer is read as one chunk that holds it all."""

import re
from collections.abc import Iterator

import msgspec
from msgspec import Raw, Struct

from baton.protocol.event_reader import EventReader
from baton.protocol.gemini.names import Members, members_of
from baton.protocol.gemini.parts import PartList
from baton.protocol.gemini.tables import FAULTS, STOPS, USAGE
from baton.protocol.plausible import read_counts
from baton.protocol.sse import SseData
from baton.protocol.tool_ids import made_up
from baton.types.events import (
    Event,
    OpaqueEvent,
    PartEnd,
    PrivateState,
    ReasoningDelta,
    Start,
    Stop,
    StreamFault,
    TextDelta,
    ToolArgumentsDelta,
    ToolCallStart,
    UsageUpdate,
    WholePart,
)
from baton.types.parts import Origin, Part, PrivateEntry, PrivateKind, ReasoningPart, TextPart, ToolCallPart

NOT_AN_ANSWER = "an object that has no member of an answer"
TAIL_BYTES = 8_192
BARE_ERROR = re.compile(rb'(?m)^[\[,]?\s*(\{\s*"error"\s*:.*)', re.DOTALL)
"""An error that breaks into a stream comes as plain JSON, outside of all events."""
NULL = b"null"


class Chunk(Struct, rename="camel"):
    candidates: list[Raw] | None = None
    prompt_feedback: Raw = Raw(NULL)
    usage_metadata: Raw = Raw(NULL)
    model_version: str | None = None
    response_id: str | None = None
    error: Raw = Raw(NULL)

    def is_answer(self) -> bool:
        raws = (self.prompt_feedback, self.usage_metadata, self.error)
        said = self.candidates is not None or self.response_id is not None or self.model_version is not None
        return said or any(bytes(raw) != NULL for raw in raws)


CHUNK = msgspec.json.Decoder(Chunk)


class _Error(Struct):
    message: str = ""
    status: str = ""
    code: int | None = None


class _Feedback(Struct, rename="camel"):
    block_reason: str | None = None


class ChunkGrammar:
    """The chunks of one answer. `prefix_hash` goes on the private state that is found."""

    def __init__(self, origin: Origin, prefix_hash: str) -> None:
        self._origin = origin
        self._prefix_hash = prefix_hash
        self._id: str | None = None
        self._parts = 0
        self._calls = 0
        self._open: int | None = None
        self._thinking = False
        self._said: list[str] = []

    def chunk(self, data: bytes) -> Iterator[Event]:
        chunk = CHUNK.decode(data)
        if not chunk.is_answer():
            raise ValueError(NOT_AN_ANSWER)
        if self._id is None and bytes(chunk.error) == NULL:
            self._id = chunk.response_id or ""
            yield Start(self._id, chunk.model_version or "")
        if bytes(chunk.usage_metadata) != NULL:
            yield UsageUpdate(read_counts(USAGE, chunk.usage_metadata), bytes(chunk.usage_metadata))
        for place, raw in enumerate(chunk.candidates or ()):
            yield from self._candidate(members_of(bytes(raw), f"candidates[{place}]"))
        if bytes(chunk.prompt_feedback) != NULL:
            yield from self._feedback(bytes(chunk.prompt_feedback), blocked=not chunk.candidates)
        if bytes(chunk.error) != NULL:
            yield fault(bytes(chunk.error))

    def _candidate(self, fields: Members) -> Iterator[Event]:
        if index := fields.count("index"):
            yield OpaqueEvent("gemini", f"candidates[{index}]", msgspec.json.encode(fields.text("finishReason")))
            return
        content = fields.fields("content")
        if content is not None:
            for raw in content.items("parts"):
                yield from self._part(raw)
        word, message, ratings = fields.text("finishReason"), fields.raw("finishMessage"), fields.raw("safetyRatings")
        for name in OTHERS:
            value = fields.raw(name)
            if value:
                yield OpaqueEvent("gemini", name, value)
        if word:
            yield from self._close()
            reason = STOPS.get(word, "unknown")
            if reason == "end" and self._calls:
                reason = "tool_calls"
            # Ratings say something only where they are why the answer ended.
            why = {"finishMessage": message, "safetyRatings": ratings if reason == "content_filter" else b""}
            said = {name: Raw(value) for name, value in why.items() if value}
            yield Stop(reason, word, details=msgspec.json.encode(said) if said else b"")

    def _feedback(self, raw: bytes, *, blocked: bool) -> Iterator[Event]:
        reason = msgspec.json.decode(raw, type=_Feedback).block_reason
        if reason and blocked:
            yield Stop("content_filter", reason, details=raw)
        elif reason:
            yield OpaqueEvent("gemini", "promptFeedback", raw)

    # --- parts ---------------------------------------------------------------------------------

    def _part(self, raw: bytes) -> Iterator[Event]:
        read = PartList(self._origin, join=False)
        read.read(raw, "")
        part, entry = read.parts[0], next(iter(read.private), None)
        signature = None if entry is None else entry.payload
        if isinstance(part, TextPart | ReasoningPart):
            yield from self._words(part, signature)
            return
        yield from self._close()
        index = self._new_part()
        if isinstance(part, ToolCallPart):
            yield from self._call(index, part)
        else:
            yield WholePart(index, _placeless(part))
        if signature is not None:
            yield self._state("thought_signature", signature, index)
        yield PartEnd(index)

    def _words(self, part: TextPart | ReasoningPart, signature: bytes | None) -> Iterator[Event]:
        """A signature without words belongs to the words before it; words with one are a part of their own."""
        thinking = isinstance(part, ReasoningPart)
        signed = signature is not None
        begins = (part.text or signed) and (thinking != self._thinking or (signed and part.text))
        if self._open is not None and begins:
            yield from self._close()
        if self._open is None:
            if not part.text and signature is None:
                return
            self._open, self._thinking, self._said = self._new_part(), thinking, []
            yield self._delta("")
        if part.text:
            self._said.append(part.text)
            yield self._delta(part.text)
        if signature is not None:
            index, self._open = self._open, None
            yield self._state("thought_signature", signature, index)
            yield PartEnd(index)

    def _delta(self, text: str) -> Event:
        assert self._open is not None
        return ReasoningDelta(self._open, text) if self._thinking else TextDelta(self._open, text)

    def _call(self, index: int, part: ToolCallPart) -> Iterator[Event]:
        id_ = part.id or made_up("answer", self._prefix_hash, self._id, self._calls)
        self._calls += 1
        yield ToolCallStart(index, id_, part.name)
        yield ToolArgumentsDelta(index, part.arguments)

    def _close(self) -> Iterator[Event]:
        """Visible thinking that bears no signature is itself what only its maker may get back."""
        if self._open is None:
            return
        index, self._open = self._open, None
        if self._thinking:
            yield self._state("reasoning_text", "".join(self._said).encode("utf-8", "surrogatepass"), index)
        yield PartEnd(index)

    def _state(self, kind: PrivateKind, payload: bytes, index: int) -> Event:
        return PrivateState(PrivateEntry(kind, payload, "gemini", self._origin, self._prefix_hash, index))

    def _new_part(self) -> int:
        part, self._parts = self._parts, self._parts + 1
        return part


OTHERS = ("citationMetadata", "groundingMetadata", "urlContextMetadata", "logprobsResult", "avgLogprobs")
"""Members of a candidate that no other dialect has, in their own right."""


def _placeless(part: Part) -> Part:
    """Paths are places in requests."""
    return msgspec.structs.replace(part, path="")


class Reader(EventReader):
    unit = "a chunk"
    cut_short = "the stream ended without a finish reason"

    def __init__(self, origin: Origin, prefix_hash: str) -> None:
        super().__init__(SseData())
        self._grammar = ChunkGrammar(origin, prefix_hash)
        self._tail = b""

    def read(self, piece: bytes) -> Iterator[Event]:
        return self._grammar.chunk(piece)

    def feed(self, data: bytes) -> list[Event]:
        self._tail = (self._tail + data)[-TAIL_BYTES:]
        return super().feed(data)

    def cut(self) -> StreamFault:
        return self._bare_error() or super().cut()

    def _bare_error(self) -> StreamFault | None:
        found = BARE_ERROR.search(self._tail)
        if found is None:
            return None
        try:
            return fault(bytes(msgspec.json.decode(found[1].rstrip(b"] \r\n\t"), type=dict[str, Raw])["error"]))
        except (ValueError, RecursionError):
            return None


def fault(raw: bytes) -> StreamFault:
    """The `error` member of a chunk or of a body."""
    error = msgspec.json.decode(raw, type=_Error)
    kind, status = FAULTS.get(error.status, ("server", error.code or 502))
    return StreamFault(kind, error.message, status, error.status)
