"""Canonical events -> events of a Messages stream; a whole answer is their fold.

Blocks are written one after the other: what arrives for a later part while an earlier one is open waits for its end.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import msgspec
from msgspec import Raw
from msgspec.structs import replace

from baton.protocol.anthropic.tables import FAULT_WORDS, STOP_WORDS, UNFINISHED, wire_usage
from baton.protocol.arguments import as_object
from baton.protocol.custom_tools import FreeTextCalls
from baton.protocol.dialects import Reply
from baton.protocol.sse import write_frame
from baton.protocol.tool_ids import fit
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
from baton.types.handoff import Action, Entry, HandoffReport
from baton.types.money import Usage
from baton.types.parts import OpaquePart, PrivateEntry, ServerToolPart

WireEvent = dict[str, Any]

KEPT_BY_STORE = "private state: kept for its origin, this caller's dialect has no field for it"
LAST_WORDS = "private state: kept for its origin, an answer that ends with words ends with them"
NOT_SHOWN = "reasoning is not shown to this caller"
FOREIGN_PART = "a part that this dialect cannot show"
FOREIGN_STOP = "no such stop reason: {0!r} is written as {1!r}"
NO_CALLS = "the upstream said that it called tools, and called none"
CUT = "the answer ended without its end"

DIRECT = {"type": "direct"}
"""Who called the tool: the model itself, and not a program that it runs at the vendor's."""
NO_USAGE: dict[str, Any] = {
    "cache_creation": None,
    "inference_geo": None,
    "output_tokens_details": None,
    "server_tool_use": None,
    "service_tier": None,
}
"""Members that every answer has there, and of which only the vendor could say more."""


class Emitter:
    """Events in, wire events out."""

    def __init__(self, reply: Reply) -> None:
        self._reply = reply
        self._free_text = FreeTextCalls(reply.custom_tools)
        self._start: Start | None = None
        self._usage: Usage | None = None
        self._stop: Stop | None = None
        self._begun = False
        self._over = False
        self._open: int | None = None
        self._block: WireEvent | None = None
        """The block of the open part; `_told` once its start has been written (thinking waits for a word of it)."""
        self._told = False
        self._blocks = 0
        self._content_blocks: dict[int, int] = {}
        """Part -> its place among the blocks that are not carriers: what an anchor means to who reads the echo."""
        self._waiting: dict[int, list[Event]] = {}
        self._signed: dict[int, list[PrivateEntry]] = {}
        self._carried: list[PrivateEntry] = []
        """Written before the next block: clients take the last block for the answer, which no carrier may hide."""
        self._ends_with_words = False
        self._called = False
        self._writers: dict[type, Callable[[Any], Iterator[WireEvent]]] = {
            TextDelta: self._text,
            ReasoningDelta: self._reasoning,
            ToolCallStart: self._call,
            ToolArgumentsDelta: self._arguments,
            WholePart: self._whole,
            ExtraDelta: self._extra,
            PrivateState: self._state,
            PartEnd: self._part_end,
        }
        self._notes: list[Entry] = []

    def take(self, event: Event) -> Iterator[WireEvent]:
        if self._over:
            return
        if isinstance(event, Start):
            self._start = event
        elif isinstance(event, UsageUpdate):
            self._usage = event.usage
        elif isinstance(event, StreamFault):
            yield from self._fail(event)
        elif isinstance(event, Stop):
            self._stop = event
        elif isinstance(event, OpaqueEvent):
            self._note(f"answer.{event.name}", "degraded", FOREIGN_PART)
        else:
            yield from self._part_event(event)

    def take_all(self, events: Iterable[Event]) -> Iterator[WireEvent]:
        for event in self._free_text.pass_on(events):
            yield from self.take(event)

    def end(self) -> Iterator[WireEvent]:
        """What closes the message; an error where the events had no Stop."""
        if self._over:
            return
        if self._open is not None:
            yield from self._close()
        for part in sorted(self._waiting):
            yield from self._flush(part)
            if self._open is not None:
                yield from self._close()
        if not self._ends_with_words:
            yield from self._carriers()
        elif self._carried:
            self._note("answer.private", "withheld", LAST_WORDS)
        if self._stop is None:
            yield from self._fail(StreamFault("cut", CUT))
            return
        yield from self._begin()
        yield self._last(self._stop)
        yield {"type": "message_stop"}
        self._over = True

    def report(self) -> HandoffReport:
        return HandoffReport(tuple(self._notes))

    # --- message -------------------------------------------------------------------------------

    def _begin(self) -> Iterator[WireEvent]:
        if self._begun:
            return
        self._begun = True
        start, usage = self._start or Start(), self._usage
        counts = wire_usage(Usage(self._reply.input_tokens, 0) if usage is None else usage)
        message: WireEvent = {
            "id": self._reply.id or start.id,
            "type": "message",
            "role": "assistant",
            "model": self._reply.model,
            "content": [],
            "stop_reason": None,
            "stop_sequence": None,
            "stop_details": None,
            "container": None,
            "usage": NO_USAGE | counts,
        }
        yield {"type": "message_start", "message": message}

    def _last(self, stop: Stop) -> WireEvent:
        word = STOP_WORDS.get(stop.reason)
        if stop.reason == "end" and self._called:
            word = "tool_use"
        elif stop.reason == "tool_calls" and not self._called:
            word = "end_turn"
            self._note("answer.stop_reason", "degraded", NO_CALLS)
        elif word is None or stop.reason in {"compaction", "malformed_call", "recitation"}:
            word = word or UNFINISHED
            self._note("answer.stop_reason", "degraded", FOREIGN_STOP.format(stop.raw or stop.reason, word))
        delta: WireEvent = {
            "stop_reason": word,
            "stop_sequence": stop.sequence,
            "stop_details": None,
            "container": None,
        }
        if stop.details and word == "refusal":
            delta["stop_details"] = Raw(stop.details)
        counts = {"output_tokens": 0} if self._usage is None else wire_usage(self._usage)
        return {"type": "message_delta", "delta": delta, "usage": counts}

    def _fail(self, fault: StreamFault) -> Iterator[WireEvent]:
        self._over = True
        yield {"type": "error", "error": {"type": FAULT_WORDS[fault.kind], "message": fault.message}}

    # --- blocks --------------------------------------------------------------------------------

    def _part_event(self, event: Event) -> Iterator[WireEvent]:
        part = event.entry.anchor if isinstance(event, PrivateState) else _part_of(event)
        if isinstance(event, PrivateState) and (part < 0 or (part != self._open and part not in self._waiting)):
            self._private(event.entry)
            return
        if self._open is not None and part != self._open:
            self._waiting.setdefault(part, []).append(event)
            return
        yield from self._write(event)
        while self._open is None and self._waiting:
            yield from self._flush(next(iter(self._waiting)))

    def _flush(self, part: int) -> Iterator[WireEvent]:
        for event in self._waiting.pop(part, ()):
            yield from self._write(event)

    def _write(self, event: Event) -> Iterator[WireEvent]:
        writer = self._writers.get(type(event))
        if writer is not None:
            yield from writer(event)

    def _text(self, event: TextDelta) -> Iterator[WireEvent]:
        if event.text:
            yield from self._opened(event.part, {"type": "text", "text": "", "citations": []})
            yield self._delta({"type": "text_delta", "text": event.text})

    def _arguments(self, event: ToolArgumentsDelta) -> Iterator[WireEvent]:
        if event.text:
            yield self._delta({"type": "input_json_delta", "partial_json": event.text})

    def _state(self, event: PrivateState) -> Iterator[WireEvent]:
        self._private(event.entry)
        yield from ()

    def _opened(self, part: int, block: WireEvent) -> Iterator[WireEvent]:
        self._open_silently(part, block)
        if self._told or self._block is None:
            return
        yield from self._begin()
        yield from self._carriers()
        self._told = True
        self._ends_with_words = self._block.get("type") == "text"
        self._content_blocks[part] = len(self._content_blocks)
        yield {"type": "content_block_start", "index": self._blocks, "content_block": self._block}

    def _open_silently(self, part: int, block: WireEvent) -> None:
        if self._open is None:
            self._open, self._block, self._told = part, block, False

    def _close(self) -> Iterator[WireEvent]:
        part, block = self._open, self._block
        signed = self._signed.pop(part, []) if part is not None else []
        if not self._told and signed and block is not None and part is not None:
            if signed[0].dialect == "anthropic" and signed[0].kind == "redacted":
                self._block = {"type": "redacted_thinking", "data": signed.pop(0).payload.decode()}
            yield from self._opened(part, block)
        for entry in signed[:1]:
            yield self._delta({"type": "signature_delta", "signature": self._signature(entry)})
        if self._told:
            yield {"type": "content_block_stop", "index": self._blocks}
            self._blocks += 1
        self._open, self._block, self._told = None, None, False
        self._carried.extend(signed[1:])

    def _delta(self, delta: WireEvent) -> WireEvent:
        return {"type": "content_block_delta", "index": self._blocks, "delta": delta}

    def _reasoning(self, event: ReasoningDelta) -> Iterator[WireEvent]:
        if not self._reply.show_reasoning:
            self._note(f"answer.parts[{event.part}]", "withheld", NOT_SHOWN)
            return
        block = {"type": "thinking", "thinking": "", "signature": ""}
        self._open_silently(event.part, block)
        if event.text:
            yield from self._opened(event.part, block)
            yield self._delta({"type": "thinking_delta", "thinking": event.text})

    def _call(self, event: ToolCallStart) -> Iterator[WireEvent]:
        self._called = True
        name = self._reply.tool_names.get(event.name, event.name)
        block = {"type": "tool_use", "id": fit(event.id, "anthropic"), "name": name, "input": {}, "caller": DIRECT}
        yield from self._opened(event.part, block)

    def _whole(self, event: WholePart) -> Iterator[WireEvent]:
        value = event.value
        if isinstance(value, OpaquePart | ServerToolPart) and value.dialect == "anthropic":
            yield from self._opened(event.part, msgspec.json.decode(value.json))
        else:
            self._note(f"answer.parts[{event.part}]", "degraded", FOREIGN_PART)

    def _extra(self, event: ExtraDelta) -> Iterator[WireEvent]:
        if event.name == "citations" and self._open == event.part:
            yield self._delta({"type": "citations_delta", "citation": Raw(event.json)})
        else:
            self._note(f"answer.parts[{event.part}].{event.name}", "degraded", FOREIGN_PART)

    def _part_end(self, event: PartEnd) -> Iterator[WireEvent]:
        if self._open == event.part:
            yield from self._close()

    def _note(self, path: str, action: Action, reason: str) -> None:
        entry = Entry(path, action, reason)
        if entry not in self._notes:
            self._notes.append(entry)

    # --- private state -------------------------------------------------------------------------

    def _private(self, entry: PrivateEntry) -> None:
        """State of the open thinking block is its signature; any other waits for the next gap between blocks."""
        own = self._reply.show_reasoning and entry.dialect == "anthropic" and entry.kind in {"signature", "redacted"}
        if self._reply.seal is None and not own:
            self._note("answer.private", "withheld", KEPT_BY_STORE)
        elif self._open is not None and entry.anchor == self._open and self._is_thinking():
            self._signed.setdefault(self._open, []).append(entry)
        else:
            self._carried.append(entry)

    def _is_thinking(self) -> bool:
        return self._block is not None and self._block.get("type") == "thinking"

    def _signature(self, entry: PrivateEntry) -> str:
        if entry.dialect == "anthropic" and entry.kind == "signature":
            return entry.payload.decode("utf-8", "surrogatepass")
        return "" if self._reply.seal is None else self._reply.seal(entry, False)

    def _carriers(self) -> Iterator[WireEvent]:
        carried, self._carried = self._carried, []
        for entry in carried:
            yield from self._carrier(entry)

    def _carrier(self, entry: PrivateEntry) -> Iterator[WireEvent]:
        """A thinking block without text, for state of a part that has no field for it."""
        if self._reply.seal is None:
            return
        yield from self._begin()
        anchor = self._content_blocks.get(entry.anchor, -1)
        sealed = self._reply.seal(replace(entry, anchor=anchor), True)
        block = {"type": "thinking", "thinking": "", "signature": ""}
        yield {"type": "content_block_start", "index": self._blocks, "content_block": block}
        yield self._delta({"type": "signature_delta", "signature": sealed})
        yield {"type": "content_block_stop", "index": self._blocks}
        self._blocks += 1


def _part_of(event: Event) -> int:
    found: int = getattr(event, "part", -1)
    return found


class Writer:
    def __init__(self, reply: Reply) -> None:
        self._emitter = Emitter(reply)

    def write(self, events: Iterable[Event]) -> bytes:
        return b"".join(_frame(event) for event in self._emitter.take_all(events))

    def finish(self) -> bytes:
        return b"".join(_frame(event) for event in self._emitter.end())

    def report(self) -> HandoffReport:
        return self._emitter.report()


def _frame(event: WireEvent) -> bytes:
    return write_frame(msgspec.json.encode(event), event["type"])


def whole_message(events: Iterable[Event], reply: Reply) -> tuple[WireEvent, HandoffReport]:
    """The message that the stream of these events would tell; an error object where it would end in one."""
    emitter = Emitter(reply)
    message: WireEvent = {}
    blocks: list[WireEvent] = []
    for event in (*emitter.take_all(events), *emitter.end()):
        kind = event["type"]
        if kind == "error":
            message = event
        elif kind == "message_start":
            message = event["message"]
        elif kind == "content_block_start":
            blocks.append(dict(event["content_block"]))
        elif kind == "content_block_delta":
            _add_delta(blocks[event["index"]], event["delta"])
        elif kind == "message_delta":
            used = message["usage"] | event["usage"]
            message |= event["delta"] | {"usage": used, "content": [_settled(block) for block in blocks]}
    return message, emitter.report()


def _add_delta(block: WireEvent, delta: WireEvent) -> None:
    kind = delta["type"]
    if kind == "text_delta":
        block["text"] += delta["text"]
    elif kind == "thinking_delta":
        block["thinking"] += delta["thinking"]
    elif kind == "signature_delta":
        block["signature"] = delta["signature"]
    elif kind == "input_json_delta":
        block["arguments"] = block.get("arguments", "") + delta["partial_json"]
    elif kind == "citations_delta":
        block["citations"] = [*(block.get("citations") or ()), delta["citation"]]


def _settled(block: WireEvent) -> WireEvent:
    arguments = block.pop("arguments", None)
    return block if arguments is None else block | {"input": Raw(as_object(arguments)[0])}
