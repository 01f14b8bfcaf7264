"""Chunks of a Chat Completions stream -> canonical events; a whole answer is read as one chunk that holds it all."""

from collections.abc import Iterator
from typing import Any

import msgspec
from msgspec import Raw, Struct

from baton.protocol.arguments import is_complete
from baton.protocol.event_reader import EventReader
from baton.protocol.openai_chat.read import REASONING_MEMBERS
from baton.protocol.openai_chat.tables import FAULTS, FAULTS_BY_STATUS, STOPS, USAGE
from baton.protocol.plausible import read_counts
from baton.protocol.sse import SseData
from baton.protocol.tool_ids import made_up
from baton.types.events import (
    Event,
    ExtraDelta,
    FaultKind,
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
)
from baton.types.parts import Origin, PrivateEntry, PrivateKind

NULL = Raw(b"null")
DONE = b"[DONE]"


class _Function(Struct):
    name: str | None = None
    arguments: str | dict[str, Any] | None = None
    input: str | None = None


class _ToolCall(Struct):
    index: int | None = None
    id: str | None = None
    type: str | None = None
    function: _Function | None = None
    custom: _Function | None = None


class _Said(Struct):
    """A delta, or the message of a whole answer."""

    content: str | list[dict[str, Any]] | None = None
    refusal: str | None = None
    reasoning_content: str | None = None
    reasoning: str | None = None
    reasoning_details: Raw = NULL
    tool_calls: list[_ToolCall] | None = None
    function_call: _Function | None = None
    annotations: list[Raw] | None = None
    audio: Raw = NULL


class _Choice(Struct):
    index: int = 0
    delta: _Said | None = None
    message: _Said | None = None
    finish_reason: str | None = None
    logprobs: Raw = NULL


class Chunk(Struct):
    id: str | None = None
    model: str | None = None
    choices: list[_Choice] | None = None
    usage: Raw = NULL
    error: Raw = NULL


CHUNK = msgspec.json.Decoder(Chunk)


class _Error(Struct):
    message: str | None = None
    type: str | None = None
    code: str | int | None = None


class _Call(Struct):
    """A call that is being told. It starts once its name is known."""

    part: int
    id: str
    name: str
    custom: bool
    started: bool = False
    ended: bool = False
    arguments: list[str] = []


class ChunkGrammar:
    """The chunks of one answer. `prefix_hash` goes on the private state that is found."""

    def __init__(self, origin: Origin, prefix_hash: str) -> None:
        self._origin = origin
        self._prefix_hash = prefix_hash
        self._id: str | None = None
        self._parts = 0
        self._text: int | None = None
        self._refusing = False
        self._thinking: int | None = None
        self._thought: dict[str, list[str]] = {}
        self._details: list[bytes] = []
        self._calls: list[_Call] = []
        self._by_index: dict[int, _Call] = {}
        self._refused = False

    def chunk(self, chunk: Chunk) -> Iterator[Event]:
        if self._id is None and (chunk.id is not None or chunk.choices):
            self._id = chunk.id or ""
            yield Start(self._id, chunk.model or "")
        for choice in chunk.choices or ():
            if choice.index == 0:
                yield from self._choice(choice)
            else:
                yield OpaqueEvent("openai-chat", f"choices[{choice.index}]", msgspec.json.encode(choice.finish_reason))
        if chunk.usage != NULL:
            yield UsageUpdate(read_counts(USAGE, chunk.usage), bytes(chunk.usage))
        if chunk.error != NULL:
            yield fault(bytes(chunk.error))

    def _choice(self, choice: _Choice) -> Iterator[Event]:
        said = choice.delta or choice.message
        if said is not None:
            yield from self._said(said)
        if choice.logprobs != NULL:
            yield OpaqueEvent("openai-chat", "logprobs", bytes(choice.logprobs))
        if choice.finish_reason:
            yield from self._end_all()
            yield self._stop(choice.finish_reason)

    def _said(self, said: _Said) -> Iterator[Event]:
        yield from self._thoughts(said)
        if isinstance(said.content, str):
            yield from self._say(said.content, refusal=False)
        elif said.content:
            yield from self._say_pieces(said.content)
        if said.refusal:
            yield from self._say(said.refusal, refusal=True)
        for annotation in said.annotations or ():
            if self._text is not None:
                yield ExtraDelta(self._text, "annotations", bytes(annotation))
        yield from self._calls_of(said)
        if said.audio != NULL:
            yield OpaqueEvent("openai-chat", "audio", bytes(said.audio))

    def _thoughts(self, said: _Said) -> Iterator[Event]:
        for name in REASONING_MEMBERS:
            text = getattr(said, name)
            if text:
                yield from self._think(name, text)
        if said.reasoning_details != NULL:
            yield from self._think("", "")
            self._details.extend(bytes(item) for item in msgspec.json.decode(said.reasoning_details, type=list[Raw]))

    def _calls_of(self, said: _Said) -> Iterator[Event]:
        calls = said.tool_calls or ()
        listed = len(calls) > 1 and all(call.index is None for call in calls)
        for position, call in enumerate(calls):
            yield from self._call(position if listed else call.index, call)
        if said.function_call is not None:
            yield from self._call(0, _ToolCall(0, function=said.function_call))

    # --- words ---------------------------------------------------------------------------------

    def _say(self, text: str, *, refusal: bool) -> Iterator[Event]:
        if self._text is not None and self._refusing != refusal:
            yield from self._end_text()
        if self._text is None:
            if not text:
                return
            yield from self._end_thinking()
            self._text, self._refusing = self._new_part(), refusal
            self._refused = self._refused or refusal
        if text:
            yield TextDelta(self._text, text, refusal)

    def _say_pieces(self, pieces: list[dict[str, Any]]) -> Iterator[Event]:
        """Content as a list, as some compatible servers send it: texts, and thinking as a list of texts."""
        for piece in pieces:
            if piece.get("type") == "thinking" and isinstance(piece.get("thinking"), list):
                for thought in piece["thinking"]:
                    yield from self._think("reasoning_content", str(thought.get("text", "")))
            elif isinstance(piece.get("text"), str):
                yield from self._say(piece["text"], refusal=False)
            else:
                yield OpaqueEvent("openai-chat", str(piece.get("type", "content")), msgspec.json.encode(piece))

    def _think(self, member: str, text: str) -> Iterator[Event]:
        if self._thinking is None:
            yield from self._end_text()
            self._thinking = self._new_part()
            yield ReasoningDelta(self._thinking, "")
        if text:
            # Servers that fill both members say the same in both: it is shown once.
            if not any(self._thought[name] for name in self._thought if name != member):
                yield ReasoningDelta(self._thinking, text)
            self._thought.setdefault(member, []).append(text)

    def _end_text(self) -> Iterator[Event]:
        if self._text is not None:
            yield PartEnd(self._text)
            self._text = None

    def _end_thinking(self) -> Iterator[Event]:
        if self._thinking is None:
            return
        part, self._thinking = self._thinking, None
        for member, pieces in self._thought.items():
            payload = "".join(pieces).encode("utf-8", "surrogatepass")
            yield PrivateState(self._entry("reasoning_text", payload, part, member))
        if self._details:
            yield PrivateState(self._entry("reasoning_details", b"[" + b",".join(self._details) + b"]", part, ""))
        self._thought, self._details = {}, []
        yield PartEnd(part)

    def _entry(self, kind: PrivateKind, payload: bytes, part: int, member: str) -> PrivateEntry:
        return PrivateEntry(kind, payload, "openai-chat", self._origin, self._prefix_hash, part, id=member)

    # --- calls ---------------------------------------------------------------------------------

    def _call(self, index: int | None, delta: _ToolCall) -> Iterator[Event]:
        inner = delta.function or delta.custom or _Function()
        call = self._known(index, delta, inner)
        if call is None:
            yield from self._end_text()
            yield from self._end_thinking()
            yield from self._end_complete_calls()
            custom = delta.type == "custom"
            id_ = delta.id or made_up("answer", self._id, len(self._calls))
            call = _Call(self._new_part(), id_, inner.name or "", custom)
            self._calls.append(call)
            if index is not None:
                self._by_index[index] = call
        elif not call.name and inner.name:
            call.name = inner.name
        yield from self._tell(call, inner)

    def _known(self, index: int | None, delta: _ToolCall, inner: _Function) -> _Call | None:
        """The call that this delta goes on with. A new id on a known index is a new call (some servers reuse it)."""
        call = self._by_index.get(index) if index is not None else (self._calls[-1] if self._calls else None)
        if call is None or call.ended:
            return None
        if delta.id and delta.id != call.id and (inner.name or index is None):
            return None
        if index is None and inner.name and not delta.id and is_complete("".join(call.arguments)):
            return None
        return call

    def _tell(self, call: _Call, inner: _Function) -> Iterator[Event]:
        text = inner.input if call.custom else inner.arguments
        if isinstance(text, dict):
            text = msgspec.json.encode(text).decode()
        if not call.started and call.name:
            call.started = True
            yield ToolCallStart(call.part, call.id, call.name, "custom" if call.custom else "function")
            if call.arguments:
                yield ToolArgumentsDelta(call.part, "".join(call.arguments))
        if text:
            call.arguments.append(text)
            if call.started:
                yield ToolArgumentsDelta(call.part, text)

    def _end_complete_calls(self) -> Iterator[Event]:
        """A call whose arguments are a whole object has said everything: later deltas cannot belong to it."""
        for call in self._calls:
            if not call.ended and call.started and not call.custom and is_complete("".join(call.arguments)):
                call.ended = True
                yield PartEnd(call.part)

    # --- end -----------------------------------------------------------------------------------

    def _end_all(self) -> Iterator[Event]:
        yield from self._end_thinking()
        yield from self._end_text()
        for call in self._calls:
            if call.ended:
                continue
            call.ended = True
            if not call.started:
                yield ToolCallStart(call.part, call.id, call.name)
                yield ToolArgumentsDelta(call.part, "".join(call.arguments))
            yield PartEnd(call.part)

    def _stop(self, word: str) -> Stop:
        reason = STOPS.get(word.lower(), "unknown")
        if reason == "end" and self._calls:
            # A forced call ends with `stop` at OpenAI, and some servers never say anything else.
            reason = "tool_calls"
        elif reason == "end" and self._refused:
            reason = "refusal"
        return Stop(reason, word)

    def _new_part(self) -> int:
        part, self._parts = self._parts, self._parts + 1
        return part


class Reader(EventReader):
    unit = "a chunk"
    cut_short = "the stream ended without a finish reason"

    def __init__(self, origin: Origin, prefix_hash: str) -> None:
        super().__init__(SseData())
        self._grammar = ChunkGrammar(origin, prefix_hash)

    def read(self, piece: bytes) -> Iterator[Event]:
        return iter(()) if piece.strip() == DONE else self._grammar.chunk(CHUNK.decode(piece))


def fault(raw: bytes) -> StreamFault:
    """The `error` member: an object as OpenAI sends it, or a bare text."""
    if raw[:1] == b'"':
        return StreamFault("server", msgspec.json.decode(raw, type=str), 502)
    error = msgspec.json.decode(raw, type=_Error)
    word = error.type or str(error.code or "")
    kind: FaultKind = "server"
    status = 502
    if word in FAULTS:
        kind, status = FAULTS[word]
    elif isinstance(error.code, int) and error.code in FAULTS_BY_STATUS:
        kind, status = FAULTS_BY_STATUS[error.code], error.code
    return StreamFault(kind, error.message or "", status, word)
