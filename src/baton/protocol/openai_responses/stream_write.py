"""Canonical events -> events of a Responses stream; a whole answer is what their last one holds."""

import hashlib
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import msgspec
from msgspec import Raw, Struct
from msgspec.structs import replace

from baton.protocol.custom_tools import FreeTextCalls
from baton.protocol.dialects import Reply
from baton.protocol.openai_responses.echo import repeated
from baton.protocol.openai_responses.item_write import PREFIXES, Draft, ItemKind, Wire, own_reasoning
from baton.protocol.openai_responses.items import DIALECT
from baton.protocol.openai_responses.tables import (
    FAULT_CODES,
    FAULT_TYPES,
    INCOMPLETE_WORDS,
    OTHER_CODE,
    OTHER_TYPE,
    UNFINISHED,
    WHOLE,
    wire_usage,
)
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

ID_CHARS = 32
ANNOTATIONS = frozenset({"file_citation", "url_citation", "container_file_citation", "file_path"})
KEPT_BY_STORE = "private state: kept for its origin, this caller's dialect has no field for it"
NOT_SHOWN = "reasoning is not shown to this caller"
FOREIGN_PART = "a part that this dialect cannot show"
FOREIGN_STOP = "no such reason: {0!r} is written as {1!r}"
CUT = "the answer ended without its end"


class _Details(Struct):
    explanation: str | None = None


class _Annotation(Struct):
    type: str = ""
    url_citation: dict[str, Raw] | None = None
    """Chat Completions puts what it says of the address one level deeper."""


class Emitter:
    """Events in, wire events out. Each part of the answer is an item of its own."""

    def __init__(self, reply: Reply) -> None:
        self._reply = reply
        self._free_text = FreeTextCalls(reply.custom_tools)
        self._id = reply.id
        self._repeated = repeated(reply.echo)
        self._begun = False
        self._over = False
        self._stop: Stop | None = None
        self._usage: Usage | None = None
        self._sequence = 0
        self._drafts: dict[int, Draft] = {}
        self._output: dict[int, Wire | Raw] = {}
        self._places: dict[int, int] = {}
        """Part -> its place among the items that are not carriers: what an anchor means to who reads the echo."""
        self._carried: list[PrivateEntry] = []
        self._phases: dict[int, str] = {}
        self._refused = False
        self._notes: list[Entry] = []
        self._writers: dict[type, Callable[[Any], Iterator[Wire]]] = {
            Start: self._start,
            TextDelta: self._text,
            ReasoningDelta: self._reasoning,
            ToolCallStart: self._call,
            ToolArgumentsDelta: self._arguments,
            WholePart: self._whole,
            ExtraDelta: self._extra,
            PrivateState: self._private,
            PartEnd: self._part_end,
            StreamFault: self._fail,
        }

    def take_all(self, events: Iterable[Event]) -> Iterator[Wire]:
        for event in self._free_text.pass_on(events):
            if not self._over:
                yield from map(self._numbered, self._take(event))

    def end(self) -> Iterator[Wire]:
        """What closes the response; an error where the events had no Stop."""
        if not self._over:
            yield from map(self._numbered, self._end())

    def report(self) -> HandoffReport:
        return HandoffReport(tuple(self._notes))

    def _take(self, event: Event) -> Iterator[Wire]:
        writer = self._writers.get(type(event))
        if writer is not None:
            yield from writer(event)
        elif isinstance(event, UsageUpdate):
            self._usage = event.usage
        elif isinstance(event, Stop):
            self._stop = event
        elif isinstance(event, OpaqueEvent):
            self._note(f"answer.{event.name}", "degraded", FOREIGN_PART)

    def _numbered(self, event: Wire) -> Wire:
        number, self._sequence = self._sequence, self._sequence + 1
        return event | {"sequence_number": number}

    # --- the response --------------------------------------------------------------------------

    def _start(self, event: Start) -> Iterator[Wire]:
        self._id = self._id or event.id
        yield from self._begin()

    def _begin(self) -> Iterator[Wire]:
        if not self._begun:
            self._begun = True
            self._id = self._id or "resp_" + self._made_up("")
            for kind in ("response.created", "response.in_progress"):
                yield {"type": kind, "response": self._response("in_progress")}

    def _end(self) -> Iterator[Wire]:
        for part in sorted(self._drafts):
            yield from self._close(part)
        yield from self._explained()
        for entry in self._carried:
            yield from self._carrier(entry)
        if self._stop is None:
            yield from self._fail(StreamFault("cut", CUT))
            return
        yield from self._begin()
        self._over = True
        reason = self._incomplete_reason(self._stop)
        if reason:
            response = self._response("incomplete") | {"incomplete_details": {"reason": reason}}
            yield {"type": "response.incomplete", "response": response}
        else:
            yield {"type": "response.completed", "response": self._response("completed")}

    def _incomplete_reason(self, stop: Stop) -> str:
        """Empty: the answer is whole. A refusal in words is OpenAI's own way to refuse."""
        if stop.reason in WHOLE or (stop.reason == "refusal" and self._refused):
            return ""
        word = INCOMPLETE_WORDS.get(stop.reason)
        if word is None or stop.reason in {"context_window", "recitation"}:
            word = word or UNFINISHED
            self._note("answer.incomplete_details", "degraded", FOREIGN_STOP.format(stop.raw or stop.reason, word))
        return word

    def _explained(self) -> Iterator[Wire]:
        """The vendor's explanation of a refusal without words, as the words that it lacks."""
        stop = self._stop
        if stop is None or stop.reason != "refusal" or self._refused or not stop.details:
            return
        explanation = msgspec.json.decode(stop.details, type=_Details).explanation
        if explanation:
            part = 1 + max((*self._places, -1))
            yield from self._text(TextDelta(part, explanation, refusal=True))
            yield from self._close(part)

    def _fail(self, fault: StreamFault) -> Iterator[Wire]:
        """The response fails, and an error event says so once more: clients look for the one or the other."""
        yield from self._begin()
        self._over = True
        error = {"code": FAULT_CODES.get(fault.kind, OTHER_CODE), "message": fault.message}
        yield {"type": "response.failed", "response": self._response("failed") | {"error": error}}
        said = {"code": fault.raw or fault.kind, "message": fault.message, "param": None}
        yield {"type": "error"} | said | {"error": {"type": FAULT_TYPES.get(fault.kind, OTHER_TYPE)} | said}

    def _response(self, status: str) -> Wire:
        return {
            "id": self._id,
            "object": "response",
            "created_at": self._reply.created,
            "completed_at": self._reply.created if status == "completed" else None,
            "status": status,
            "error": None,
            "incomplete_details": None,
            "model": self._reply.model,
            "output": [self._output[index] for index in sorted(self._output)],
            **self._repeated,
            "usage": None if self._usage is None else wire_usage(self._usage),
        }

    # --- parts ---------------------------------------------------------------------------------

    def _text(self, event: TextDelta) -> Iterator[Wire]:
        if not event.text:
            return
        draft = self._drafts.get(event.part)
        if draft is None:
            self._refused = self._refused or event.refusal
            draft = Draft("message", refusal=event.refusal, phase=self._phases.get(event.part, ""))
            yield from self._open(event.part, draft)
        yield from draft.say(event.text)

    def _reasoning(self, event: ReasoningDelta) -> Iterator[Wire]:
        draft = self._drafts.get(event.part)
        if draft is None:
            draft = self._drafts[event.part] = Draft("reasoning", event.item_id)
        if not self._reply.show_reasoning:
            self._note(f"answer.parts[{event.part}]", "withheld", NOT_SHOWN)
        elif event.text:
            if not draft.shown:
                yield from self._open(event.part, draft)
            yield from draft.think(event.text)

    def _call(self, event: ToolCallStart) -> Iterator[Wire]:
        kind: ItemKind = "custom_tool_call" if event.kind == "custom" else "function_call"
        name = self._reply.tool_names.get(event.name, event.name)
        draft = Draft(kind, event.item_id, call_id=fit(event.id, DIALECT), name=name)
        yield from self._open(event.part, draft)

    def _arguments(self, event: ToolArgumentsDelta) -> Iterator[Wire]:
        draft = self._drafts.get(event.part)
        if draft is not None and event.text:
            yield draft.argue(event.text)

    def _whole(self, event: WholePart) -> Iterator[Wire]:
        value = event.value
        if not isinstance(value, OpaquePart | ServerToolPart) or value.dialect != DIALECT:
            self._note(f"answer.parts[{event.part}]", "degraded", FOREIGN_PART)
            return
        yield from self._begin()
        index = self._new_index(event.part)
        item = self._output[index] = Raw(value.json)
        for kind in ("response.output_item.added", "response.output_item.done"):
            yield {"type": kind, "output_index": index, "item": item}

    def _extra(self, event: ExtraDelta) -> Iterator[Wire]:
        draft = self._drafts.get(event.part)
        annotation = _annotation(event.json) if event.name == "annotations" else None
        if draft is not None and draft.kind == "message" and annotation is not None:
            yield draft.annotate(annotation)
        else:
            self._note(f"answer.parts[{event.part}].{event.name}", "degraded", FOREIGN_PART)

    def _part_end(self, event: PartEnd) -> Iterator[Wire]:
        yield from self._close(event.part)

    def _open(self, part: int, draft: Draft) -> Iterator[Wire]:
        yield from self._begin()
        self._drafts[part] = draft
        draft.index = self._new_index(part)
        draft.id = draft.id or PREFIXES[draft.kind] + self._made_up(draft.index)
        yield from draft.begin()

    def _close(self, part: int) -> Iterator[Wire]:
        draft = self._drafts.pop(part, None)
        if draft is None or (not draft.shown and draft.entry is None):
            return
        if not draft.shown:
            yield from self._open(part, draft)
            self._drafts.pop(part)
        draft.phase = self._phases.get(part, draft.phase)
        yield from draft.end()
        self._output[draft.index] = draft.item()

    def _new_index(self, part: int) -> int:
        self._places[part] = len(self._places)
        return len(self._places) - 1

    def _made_up(self, place: object) -> str:
        text = repr((self._id, self._reply.created, place))
        return hashlib.sha256(text.encode()).hexdigest()[:ID_CHARS]

    def _note(self, path: str, action: Action, reason: str) -> None:
        entry = Entry(path, action, reason)
        if entry not in self._notes:
            self._notes.append(entry)

    # --- private state -------------------------------------------------------------------------

    def _private(self, event: PrivateState) -> Iterator[Wire]:
        entry = event.entry
        draft = self._drafts.get(entry.anchor)
        thinking = draft is not None and draft.kind == "reasoning" and draft.entry is None
        if entry.dialect == DIALECT and entry.kind in {"phase", "item_id", "compaction"}:
            if entry.kind == "phase":
                self._phases[entry.anchor] = entry.payload.decode()
        elif draft is not None and thinking and own_reasoning(entry) and (not draft.shown or draft.id == entry.id):
            draft.entry, draft.id = entry, entry.id
        elif self._reply.seal is None:
            self._note("answer.private", "withheld", KEPT_BY_STORE)
        elif draft is not None and thinking:
            draft.entry, draft.sealed = entry, self._reply.seal(entry, False)
        else:
            self._carried.append(entry)
        yield from ()

    def _carrier(self, entry: PrivateEntry) -> Iterator[Wire]:
        """A reasoning item without text, for state of a part that has no field for it."""
        if self._reply.seal is None:
            return
        yield from self._begin()
        sealed = self._reply.seal(replace(entry, anchor=self._places.get(entry.anchor, -1)), True)
        index = len(self._output)
        draft = Draft("reasoning", PREFIXES["reasoning"] + self._made_up(index), index, entry=entry, sealed=sealed)
        yield from draft.begin()
        yield from draft.end()
        self._output[index] = draft.item()


def _annotation(json: bytes) -> Raw | None:
    """None when it is no annotation of this dialect's."""
    try:
        found = msgspec.json.decode(json, type=_Annotation)
    except msgspec.ValidationError:
        return None
    if found.url_citation is not None:
        return Raw(msgspec.json.encode({"type": found.type} | found.url_citation))
    return Raw(json) if found.type in ANNOTATIONS else None


class Writer:
    def __init__(self, reply: Reply) -> None:
        self._emitter = Emitter(reply)

    def write(self, events: Iterable[Event]) -> bytes:
        return b"".join(_frame(event) for event in self._emitter.take_all(events))

    def finish(self) -> bytes:
        return b"".join(_frame(event) for event in self._emitter.end())

    def report(self) -> HandoffReport:
        return self._emitter.report()


def _frame(event: Wire) -> bytes:
    data = msgspec.json.encode(event)
    if b"\n" in data:  # some member is somebody's own bytes, with line ends between its tokens
        data = msgspec.json.format(data, indent=-1)
    return write_frame(data, event["type"])


def whole_response(events: Iterable[Event], reply: Reply) -> tuple[Wire, HandoffReport]:
    """The response that the stream of these events would end with."""
    emitter = Emitter(reply)
    response: Wire = {}
    for event in (*emitter.take_all(events), *emitter.end()):
        response = event.get("response", response)
    return response, emitter.report()
