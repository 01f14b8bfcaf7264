"""Events of a Responses stream -> canonical events; a whole answer is read as the items that are in it."""

from collections.abc import Iterator

import msgspec
from msgspec import Raw, Struct

from baton.protocol.event_reader import EventReader
from baton.protocol.openai_responses.item_read import ITEM, NULL, OpenItem
from baton.protocol.openai_responses.tables import FAULTS, IMAGE_FAULT, INCOMPLETE, STATUS_STOPS, USAGE
from baton.protocol.plausible import read_counts
from baton.protocol.sse import SseData
from baton.types.events import (
    Event,
    FaultKind,
    OpaqueEvent,
    Start,
    Stop,
    StopReason,
    StreamFault,
    UsageUpdate,
)
from baton.types.parts import Origin

DONE = b"[DONE]"
BEGINNINGS = frozenset({"response.created", "response.in_progress", "response.queued"})
ENDS = frozenset({"response.completed", "response.incomplete", "response.failed", "response.cancelled"})
PROGRESS = ("_call.", "_list_tools.", "_call_code.", "_call_arguments.", "_call_command.", "_output_content.")
"""Events that tell how a tool of the provider's gets on: its item says everything in the end."""


class _Error(Struct):
    message: str | None = None
    type: str | None = None
    code: str | int | None = None


class _Event(Struct):
    type: str = ""
    response: Raw = NULL
    item: Raw = NULL
    output_index: int = 0
    content_index: int | None = None
    summary_index: int | None = None
    delta: Raw = NULL
    text: str | None = None
    refusal: str | None = None
    arguments: str | None = None
    input: str | None = None
    part: Raw = NULL
    annotation: Raw = NULL
    error: _Error | None = None
    message: str | None = None
    code: str | int | None = None


class _Incomplete(Struct):
    reason: str | None = None


class Response(Struct):
    """A whole answer, or the frame of a streamed one."""

    id: str | None = None
    model: str | None = None
    status: str | None = None
    output: list[Raw] | None = None
    usage: Raw = NULL
    error: _Error | None = None
    incomplete_details: _Incomplete | None = None
    object: str | None = None


_TEXT = msgspec.json.Decoder(str)
_EVENT = msgspec.json.Decoder(_Event)
_RESPONSE = msgspec.json.Decoder(Response)


class ResponseGrammar:
    """The events of one answer. `prefix_hash` goes on the private state that is found."""

    def __init__(self, origin: Origin, prefix_hash: str) -> None:
        self._origin = origin
        self._prefix_hash = prefix_hash
        self._started = False
        self._items: dict[int, OpenItem] = {}
        self._ended: set[int] = set()
        self._parts = 0
        self._called = False
        self._refused = False

    def event(self, data: bytes) -> Iterator[Event]:
        event = _EVENT.decode(data)
        kind = event.type
        if kind in BEGINNINGS:
            yield from self._start(_RESPONSE.decode(event.response))
        elif kind in ENDS:
            response = _RESPONSE.decode(event.response)
            response.status = response.status or kind.removeprefix("response.")
            yield from self.response(response)
        elif kind == "response.output_item.added":
            yield from self._added(event.output_index, bytes(event.item))
        elif kind == "response.output_item.done":
            yield from self._done(event.output_index, bytes(event.item))
        elif kind == "error":
            yield fault(event.error or _Error(event.message, None, event.code))
        elif event.output_index in self._items and (name := kind.removeprefix("response.")) != kind:
            yield from self._inside(self._items[event.output_index], name, event, data)
        elif not any(mark in kind for mark in PROGRESS):
            yield OpaqueEvent("openai-responses", kind, data)

    def response(self, response: Response) -> Iterator[Event]:
        """The end: what was not told before is told now."""
        yield from self._start(response)
        for index, raw in enumerate(response.output or ()):
            if index not in self._ended:
                yield from self._done(index, bytes(raw))
        for index in sorted(self._items):
            yield from self._close(index, None)
        if response.usage != NULL:
            yield UsageUpdate(read_counts(USAGE, response.usage), bytes(response.usage))
        if response.status == "failed" or response.error is not None:
            yield fault(response.error or _Error())
        elif response.status is not None or response.output is not None:
            yield self._stop(response)

    def _start(self, response: Response) -> Iterator[Event]:
        if not self._started:
            self._started = True
            yield Start(response.id or "", response.model or "")

    def _stop(self, response: Response) -> Stop:
        if response.status == "incomplete":
            reason = response.incomplete_details.reason if response.incomplete_details is not None else None
            return Stop(INCOMPLETE.get(reason or "", "incomplete"), reason or "incomplete")
        status = response.status or "completed"
        found: StopReason = STATUS_STOPS.get(status, "unknown")
        if found == "end" and self._called:
            found = "tool_calls"
        elif found == "end" and self._refused:
            found = "refusal"
        return Stop(found, status)

    # --- items ---------------------------------------------------------------------------------

    def _added(self, index: int, raw: bytes) -> Iterator[Event]:
        if index in self._items:
            yield from self._close(index, None)
        item = self._items[index] = OpenItem(ITEM.decode(raw), self._new_part, self._origin, self._prefix_hash)
        self._called = self._called or item.is_call
        yield from item.begin()

    def _done(self, index: int, raw: bytes) -> Iterator[Event]:
        if index not in self._items:
            yield from self._added(index, raw)
        yield from self._close(index, raw)

    def _close(self, index: int, raw: bytes | None) -> Iterator[Event]:
        item = self._items.pop(index)
        self._ended.add(index)
        yield from item.end(None if raw is None else ITEM.decode(raw), raw or b"")
        self._refused = self._refused or item.refused

    def _inside(self, item: OpenItem, name: str, event: _Event, data: bytes) -> Iterator[Event]:
        place = event.content_index if event.summary_index is None else event.summary_index
        words = _TEXT.decode(event.delta) if bytes(event.delta)[:1] == b'"' else ""
        whole = event.text if event.text is not None else event.refusal
        if name in {"output_text.delta", "refusal.delta"}:
            yield from item.say(place or 0, words, refusal=name == "refusal.delta")
        elif name in {"output_text.done", "refusal.done"}:
            yield from item.say_whole(place or 0, whole or "", refusal=name == "refusal.done")
        elif name in {"reasoning_summary_text.delta", "reasoning_text.delta"}:
            yield from item.think(place or 0, words)
        elif name in {"reasoning_summary_text.done", "reasoning_text.done"}:
            yield from item.think_whole(place or 0, whole or "")
        elif name in {"function_call_arguments.delta", "custom_tool_call_input.delta"}:
            yield from item.argue(words)
        elif name in {"function_call_arguments.done", "custom_tool_call_input.done"}:
            yield from item.argue_whole(event.arguments if event.arguments is not None else event.input or "")
        elif name == "output_text.annotation.added":
            yield from item.annotate(place or 0, bytes(event.annotation))
        elif name.split(".", 1)[0] not in {"content_part", "reasoning_summary_part"} and item.is_known:
            yield OpaqueEvent("openai-responses", f"response.{name}", data)

    def _new_part(self) -> int:
        part, self._parts = self._parts, self._parts + 1
        return part


class Reader(EventReader):
    def __init__(self, origin: Origin, prefix_hash: str) -> None:
        super().__init__(SseData())
        self._grammar = ResponseGrammar(origin, prefix_hash)

    def read(self, piece: bytes) -> Iterator[Event]:
        """Nothing is told after the end: a failed response is followed by an error event, or follows one."""
        return iter(()) if self.over or piece.strip() == DONE else self._grammar.event(piece)


def fault(error: _Error) -> StreamFault:
    """The code says more than the type, where both are known."""
    words = [str(word) for word in (error.code, error.type) if word]
    kind: FaultKind = "server"
    status = 502
    for word in words:
        if word in FAULTS:
            kind, status = FAULTS[word]
            break
        if IMAGE_FAULT in word:
            kind, status = "invalid_request", 400
            break
    return StreamFault(kind, error.message or "", status, words[0] if words else "")


def whole_answer(body: bytes, origin: Origin, prefix_hash: str) -> Iterator[Event]:
    """The events that would tell this answer. Raises msgspec.DecodeError."""
    yield from ResponseGrammar(origin, prefix_hash).response(_RESPONSE.decode(body))
