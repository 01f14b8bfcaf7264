"""Events of a Messages stream -> canonical events; a whole answer is read as the events that would tell it."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import msgspec
from msgspec import Raw, Struct

from baton.protocol.anthropic.blocks import SERVER_CALLS, SERVER_RESULT_SUFFIX
from baton.protocol.anthropic.tables import FAULTS, STOPS, USAGE, WireUsage
from baton.protocol.event_reader import EventReader
from baton.protocol.plausible import IMPOSSIBLE
from baton.protocol.sse import SseData
from baton.types.events import (
    Event,
    ExtraDelta,
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
from baton.types.parts import OpaquePart, Origin, PrivateEntry, PrivateKind, ServerToolPart

NULL = Raw(b"null")
QUIET = frozenset({"ping", "message_stop"})


class _Delta(Struct):
    type: str = ""
    text: str | None = ""
    thinking: str | None = ""
    partial_json: str | None = ""
    signature: str | None = ""
    citation: Raw = NULL
    stop_reason: str | None = None
    stop_sequence: str | None = None
    stop_details: Raw = NULL


class _Error(Struct):
    type: str = ""
    message: str = ""


class _Event(Struct):
    type: str = ""
    index: int = 0
    message: Raw = NULL
    content_block: Raw = NULL
    delta: Raw = NULL
    usage: Raw = NULL
    error: _Error | None = None


class Block(Struct):
    type: str = ""
    id: str = ""
    name: str = ""
    text: str | None = ""
    thinking: str | None = ""
    signature: str | None = ""
    data: str = ""
    tool_use_id: str = ""
    input: Raw = NULL
    citations: list[Raw] | None = None


class Message(Struct):
    """A whole answer, or the beginning of a streamed one."""

    id: str = ""
    model: str = ""
    content: list[Raw] = []
    stop_reason: str | None = None
    stop_sequence: str | None = None
    stop_details: Raw = NULL
    usage: Raw = NULL
    type: str = ""
    error: _Error | None = None


_EVENT = msgspec.json.Decoder(_Event)
_DELTA = msgspec.json.Decoder(_Delta)
_BLOCK = msgspec.json.Decoder(Block)
_MESSAGE = msgspec.json.Decoder(Message)


class _Open(Struct):
    """A block that has begun and not ended."""

    part: int
    block: Block
    json: bytes
    signature: list[str]
    arguments: list[str]
    merged: dict[str, Any]


class MessageGrammar:
    """The events of one answer, in the order of the wire. `prefix_hash` goes on the private state that is found."""

    def __init__(self, origin: Origin, prefix_hash: str) -> None:
        self._origin = origin
        self._prefix_hash = prefix_hash
        self._open: dict[int, _Open] = {}
        self._parts = 0
        self._usage = WireUsage()

    def begin(self, raw: bytes) -> Iterator[Event]:
        message = _MESSAGE.decode(raw)
        yield Start(message.id, message.model)
        yield from self._used(bytes(message.usage))

    def block_start(self, index: int, raw: bytes) -> Iterator[Event]:
        block = _BLOCK.decode(raw)
        opened = self._open[index] = _Open(self._parts, block, raw, [block.signature or ""], [], {})
        self._parts += 1
        part = opened.part
        if block.type == "text":
            yield TextDelta(part, block.text or "")
            for citation in block.citations or ():
                yield ExtraDelta(part, "citations", bytes(citation))
        elif block.type in {"thinking", "redacted_thinking"}:
            yield ReasoningDelta(part, block.thinking or "")
        elif block.type == "tool_use":
            yield ToolCallStart(part, block.id, block.name)

    def block_delta(self, index: int, raw: bytes) -> Iterator[Event]:
        delta = _DELTA.decode(raw)
        opened = self._open.get(index)
        if opened is None:
            yield StreamFault("malformed", f"a delta for block {index}, which is not open", 502)
            return
        reader = DELTAS.get(delta.type)
        if reader is None:
            _merge(opened.merged, msgspec.json.decode(raw))
        else:
            yield from reader(opened, delta)

    def block_stop(self, index: int) -> Iterator[Event]:
        opened = self._open.pop(index, None)
        if opened is None:
            return
        block, part = opened.block, opened.part
        if block.type == "thinking":
            yield from self._private(part, "signature", "".join(opened.signature))
        elif block.type == "redacted_thinking":
            yield from self._private(part, "redacted", block.data)
        elif block.type == "tool_use":
            if not opened.arguments and block.input != NULL:
                yield ToolArgumentsDelta(part, bytes(block.input).decode())
        elif block.type != "text":
            value = _whole(opened)
            yield WholePart(part, value)
            if block.type == "compaction":
                yield from self._private(part, "compaction", value.json.decode())
        yield PartEnd(part)

    def end(self, delta: _Delta | Message, usage: bytes) -> Iterator[Event]:
        yield from self._used(usage)
        if delta.stop_reason is not None:
            details = b"" if delta.stop_details == NULL else bytes(delta.stop_details)
            reason = STOPS.get(delta.stop_reason, "unknown")
            yield Stop(reason, delta.stop_reason, delta.stop_sequence, details)

    def _used(self, raw: bytes) -> Iterator[Event]:
        if raw != bytes(NULL):
            try:
                self._usage = self._usage.later(USAGE.decode(raw))
            except msgspec.ValidationError:
                yield UsageUpdate(IMPOSSIBLE, raw)
            else:
                yield UsageUpdate(self._usage.usage(), raw)

    def _private(self, part: int, kind: PrivateKind, payload: str) -> Iterator[Event]:
        if payload:
            data = payload.encode("utf-8", "surrogatepass")
            yield PrivateState(PrivateEntry(kind, data, "anthropic", self._origin, self._prefix_hash, part))


class Reader(EventReader):
    def __init__(self, origin: Origin, prefix_hash: str) -> None:
        super().__init__(SseData())
        self._grammar = MessageGrammar(origin, prefix_hash)

    def read(self, piece: bytes) -> Iterator[Event]:
        event = _EVENT.decode(piece)
        if event.type == "content_block_delta":
            yield from self._grammar.block_delta(event.index, bytes(event.delta))
        elif event.type == "content_block_start":
            yield from self._grammar.block_start(event.index, bytes(event.content_block))
        elif event.type == "content_block_stop":
            yield from self._grammar.block_stop(event.index)
        elif event.type == "message_start":
            yield from self._grammar.begin(bytes(event.message))
        elif event.type == "message_delta":
            yield from self._grammar.end(_DELTA.decode(event.delta), bytes(event.usage))
        elif event.type == "error":
            yield fault(event.error or _Error())
        elif event.type not in QUIET:
            yield OpaqueEvent("anthropic", event.type, piece)


def fault(error: _Error) -> StreamFault:
    kind, status = FAULTS.get(error.type, ("server", 502))
    return StreamFault(kind, error.message, status, error.type)


def whole_answer(body: bytes, origin: Origin, prefix_hash: str) -> Iterator[Event]:
    """The events that would tell this answer. Raises msgspec.DecodeError."""
    message = _MESSAGE.decode(body)
    if message.type == "error":
        yield fault(message.error or _Error())
        return
    grammar = MessageGrammar(origin, prefix_hash)
    yield Start(message.id, message.model)
    for index, block in enumerate(message.content):
        yield from grammar.block_start(index, bytes(block))
        yield from grammar.block_stop(index)
    yield from grammar.end(message, bytes(message.usage))


# --- deltas ------------------------------------------------------------------------------------


def _text(opened: _Open, delta: _Delta) -> Iterable[Event]:
    return (TextDelta(opened.part, delta.text or ""),)


def _thinking(opened: _Open, delta: _Delta) -> Iterable[Event]:
    return (ReasoningDelta(opened.part, delta.thinking or ""),)


def _signature(opened: _Open, delta: _Delta) -> Iterable[Event]:
    opened.signature.append(delta.signature or "")
    return ()


def _arguments(opened: _Open, delta: _Delta) -> Iterable[Event]:
    text = delta.partial_json or ""
    if text:
        opened.arguments.append(text)
    return (ToolArgumentsDelta(opened.part, text),) if text and opened.block.type == "tool_use" else ()


def _citation(opened: _Open, delta: _Delta) -> Iterable[Event]:
    return (ExtraDelta(opened.part, "citations", bytes(delta.citation)),)


DELTAS: dict[str, Callable[[_Open, _Delta], Iterable[Event]]] = {
    "text_delta": _text,
    "thinking_delta": _thinking,
    "signature_delta": _signature,
    "input_json_delta": _arguments,
    "citations_delta": _citation,
}


def _merge(into: dict[str, Any], delta: dict[str, Any]) -> None:
    """A delta of an unknown kind: its texts are appended to those before, its other members replace them."""
    for name, value in delta.items():
        if name == "type":
            continue
        before = into.get(name)
        into[name] = before + value if isinstance(before, str) and isinstance(value, str) else value


def _whole(opened: _Open) -> ServerToolPart | OpaquePart:
    """The block as a whole message would hold it."""
    block = opened.block
    json = opened.json
    if opened.arguments or opened.merged:
        members = msgspec.json.decode(json, type=dict[str, Any])
        if opened.arguments:
            members["input"] = Raw("".join(opened.arguments).encode())
        json = msgspec.json.encode(members | opened.merged)
    if block.type in SERVER_CALLS or block.type.endswith(SERVER_RESULT_SUFFIX):
        call = block.id or block.tool_use_id
        return ServerToolPart(json, "anthropic", block.name or block.type.removesuffix(SERVER_RESULT_SUFFIX), call)
    return OpaquePart(json, "anthropic", block.type)
