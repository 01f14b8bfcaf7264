"""Canonical events -> chunks of a Gemini stream; a whole answer is their fold.

Words go out as they come; a call goes out whole, when it has ended, with its signature on it.
"""

import base64
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import msgspec
from msgspec import Raw, Struct
from msgspec.structs import replace

from baton.protocol.arguments import as_object, free_text_arguments
from baton.protocol.custom_tools import FreeTextCalls
from baton.protocol.dialects import Reply
from baton.protocol.gemini.parts import SIGNATURE
from baton.protocol.gemini.tables import FAULT_WORDS, STOP_WORDS, STOPS, UNFINISHED, wire_usage
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
from baton.types.parts import (
    AudioPart,
    DocumentPart,
    ImagePart,
    OpaquePart,
    Part,
    PrivateEntry,
    ServerToolPart,
)

Piece = dict[str, Any]

KEPT_BY_STORE = "private state: kept for its origin, this caller's field is not sealed for it"
NOT_SHOWN = "reasoning is not shown to this caller"
FOREIGN_PART = "a part that this dialect cannot show"
FOREIGN_STOP = "no such finish reason: {0!r} is written as {1!r}"
CUT = "the answer ended without its end"
TEXT, THOUGHT, OTHER = "text", "thought", "other"


class _Open(Struct):
    """A part that has begun. `piece` is what will be written when it ends; words are written at once."""

    kind: str
    name: str = ""
    id: str = ""
    custom: bool = False
    arguments: list[str] = []
    piece: Piece | None = None
    entries: list[PrivateEntry] = []


class Emitter:
    """Events in, chunks out."""

    def __init__(self, reply: Reply) -> None:
        self._reply = reply
        self._free_text = FreeTextCalls(reply.custom_tools)
        self._id = reply.id
        self._open: dict[int, _Open] = {}
        self._last = ""
        self._signed = False
        """Kind of the piece that was written last, and whether it is signed: words go on with it, or begin anew."""
        self._places: dict[int, int] = {}
        """Part -> its place among the parts that are not carriers, as who reads the echo counts them."""
        self._count = 0
        self._usage: Usage | None = None
        self._stop: Stop | None = None
        self._over = False
        self._notes: list[Entry] = []
        self._writers: dict[type, Callable[[Any], Iterator[Piece]]] = {
            TextDelta: self._text,
            ReasoningDelta: self._reasoning,
            PartEnd: self._part_end,
            PrivateState: self._state,
            OpaqueEvent: self._opaque,
            StreamFault: self._fail,
        }

    def take_all(self, events: Iterable[Event]) -> Iterator[Piece]:
        for event in self._free_text.pass_on(events):
            if not self._over:
                yield from self._take(event)

    def end(self) -> Iterator[Piece]:
        """The last chunk, with finish reason and usage; an error where the events had no Stop."""
        if self._over:
            return
        for part in sorted(self._open):
            yield from self._part_end(PartEnd(part))
        if self._stop is None:
            yield from self._fail(StreamFault("cut", CUT))
            return
        self._over = True
        # SDKs take a chunk without content for a broken answer.
        last = self._chunk({"content": _content({"text": ""}), "finishReason": self._word(self._stop), "index": 0})
        yield last | ({} if self._usage is None else {"usageMetadata": wire_usage(self._usage)})

    def report(self) -> HandoffReport:
        return HandoffReport(tuple(self._notes))

    def _take(self, event: Event) -> Iterator[Piece]:
        writer = self._writers.get(type(event))
        if writer is not None:
            yield from writer(event)
        elif isinstance(event, Start):
            self._id = self._reply.id or event.id
        elif isinstance(event, UsageUpdate):
            self._usage = event.usage
        elif isinstance(event, Stop):
            self._stop = event
        elif isinstance(event, ToolCallStart):
            self._open[event.part] = _Open(OTHER, event.name, event.id, event.kind == "custom")
        elif isinstance(event, ToolArgumentsDelta):
            if event.part in self._open:
                self._open[event.part].arguments.append(event.text)
        elif isinstance(event, WholePart):
            self._open[event.part] = _Open(OTHER, piece=self._whole(event))
        elif isinstance(event, ExtraDelta):
            self._note(f"answer.parts[{event.part}].{event.name}", "degraded", FOREIGN_PART)

    # --- by kind of event ----------------------------------------------------------------------

    def _text(self, event: TextDelta) -> Iterator[Piece]:
        self._open.setdefault(event.part, _Open(TEXT))
        if event.text:
            yield self._say(event.part, TEXT, {"text": event.text})

    def _reasoning(self, event: ReasoningDelta) -> Iterator[Piece]:
        if not self._reply.show_reasoning:
            self._note(f"answer.parts[{event.part}]", "withheld", NOT_SHOWN)
            return
        self._open.setdefault(event.part, _Open(THOUGHT))
        if event.text:
            yield self._say(event.part, THOUGHT, {"text": event.text, "thought": True})

    def _whole(self, event: WholePart) -> Piece | None:
        piece = _piece_of(event.value)
        if piece is None:
            self._note(f"answer.parts[{event.part}]", "degraded", FOREIGN_PART)
        return piece

    def _part_end(self, event: PartEnd) -> Iterator[Piece]:
        part = self._open.pop(event.part, None)
        if part is None or part.kind != OTHER:
            return
        piece = _call(part, self._reply) if part.name else part.piece
        entries = part.entries
        if piece is not None:
            if entries and (signature := self._signature(entries[0], carrier=False)):
                piece, entries = piece | {SIGNATURE: signature}, entries[1:]
            yield self._say(event.part, OTHER, piece)
        for entry in entries:
            yield from self._carrier(entry)

    def _state(self, event: PrivateState) -> Iterator[Piece]:
        entry = event.entry
        if entry.dialect == "gemini" and entry.kind == "reasoning_text":
            return  # the words are the state
        if self._reply.seal is None and not _is_own(entry):
            self._note("answer.private", "withheld", KEPT_BY_STORE)
            return
        part = self._open.get(entry.anchor)
        if part is None:
            yield from self._carrier(entry)
        elif part.kind == OTHER:
            part.entries.append(entry)
        else:
            thought = {"thought": True} if part.kind == THOUGHT else {}
            piece = {"text": ""} | thought | {SIGNATURE: self._signature(entry, carrier=False)}
            yield self._say(entry.anchor, part.kind, piece)

    def _opaque(self, event: OpaqueEvent) -> Iterator[Piece]:
        if event.dialect == "gemini" and not event.name.startswith(("candidates", "promptFeedback")):
            yield self._chunk({"content": _content({"text": ""}), "index": 0, event.name: Raw(event.json)})
        else:
            self._note(f"answer.{event.name}", "degraded", FOREIGN_PART)

    def _fail(self, fault: StreamFault) -> Iterator[Piece]:
        self._over = True
        code, status = FAULT_WORDS[fault.kind]
        yield {"error": {"code": code, "message": fault.message, "status": status}}

    # --- private state -------------------------------------------------------------------------

    def _signature(self, entry: PrivateEntry, *, carrier: bool) -> str:
        if _is_own(entry):
            return entry.payload.decode("utf-8", "surrogatepass")
        return "" if self._reply.seal is None else self._reply.seal(entry, carrier)

    def _carrier(self, entry: PrivateEntry) -> Iterator[Piece]:
        """An empty part, for state of a part that is not there to bear it."""
        if _is_own(entry):
            yield self._say(-1, TEXT, {"text": "", SIGNATURE: self._signature(entry, carrier=False)})
            return
        if not self._reply.show_reasoning:
            self._note("answer.private", "withheld", KEPT_BY_STORE)
            return
        placed = replace(entry, anchor=self._places.get(entry.anchor, -1))
        signature = self._signature(placed, carrier=True)
        if signature:
            self._last = ""
            yield self._chunk({"content": _content({"text": "", "thought": True, SIGNATURE: signature}), "index": 0})

    # --- chunks --------------------------------------------------------------------------------

    def _say(self, part: int, kind: str, piece: Piece) -> Piece:
        joins = kind != OTHER and kind == self._last and not (self._signed and piece["text"])
        if not joins:
            self._count += 1
        if part >= 0:
            self._places.setdefault(part, self._count - 1)
        self._last, self._signed = kind, SIGNATURE in piece
        return self._chunk({"content": _content(piece), "index": 0})

    def _chunk(self, candidate: Piece) -> Piece:
        return {"candidates": [candidate], "modelVersion": self._reply.model, "responseId": self._id}

    def _word(self, stop: Stop) -> str:
        if STOPS.get(stop.raw) == stop.reason:
            return stop.raw
        word = STOP_WORDS.get(stop.reason)
        if word is None:
            word = UNFINISHED
            self._note("answer.finishReason", "degraded", FOREIGN_STOP.format(stop.raw or stop.reason, word))
        return word

    def _note(self, path: str, action: Action, reason: str) -> None:
        entry = Entry(path, action, reason)
        if entry not in self._notes:
            self._notes.append(entry)


def _content(piece: Piece) -> Piece:
    return {"parts": [piece], "role": "model"}


def _is_own(entry: PrivateEntry) -> bool:
    return entry.dialect == "gemini" and entry.kind == "thought_signature"


def _call(part: _Open, reply: Reply) -> Piece:
    arguments = "".join(part.arguments)
    args = free_text_arguments(arguments).encode() if part.custom else as_object(arguments)[0]
    if b"\n" in args or b"\r" in args:  # an event is one line
        args = msgspec.json.format(args, indent=-1)
    name = reply.tool_names.get(part.name, part.name)
    return {"functionCall": {"name": name, "args": Raw(args), "id": fit(part.id, "gemini")}}


def _piece_of(part: Part) -> Piece | None:
    if isinstance(part, OpaquePart | ServerToolPart):
        return dict(msgspec.json.decode(part.json, type=dict[str, Raw])) if part.dialect == "gemini" else None
    if isinstance(part, ImagePart | AudioPart | DocumentPart):
        data = part.data
        if isinstance(part, DocumentPart) and part.text:
            data = base64.b64encode(part.text.encode()).decode()
        if data:
            return {"inlineData": {"mimeType": part.media_type, "data": data}}
    return None


class Writer:
    def __init__(self, reply: Reply) -> None:
        self._emitter = Emitter(reply)

    def write(self, events: Iterable[Event]) -> bytes:
        return b"".join(write_frame(msgspec.json.encode(chunk)) for chunk in self._emitter.take_all(events))

    def finish(self) -> bytes:
        return b"".join(write_frame(msgspec.json.encode(chunk)) for chunk in self._emitter.end())

    def report(self) -> HandoffReport:
        return self._emitter.report()


def whole_response(events: Iterable[Event], reply: Reply) -> tuple[Piece, HandoffReport]:
    """The response that the stream of these events would tell; an error object where it would end in one."""
    emitter = Emitter(reply)
    parts: list[Piece] = []
    response: Piece = {}
    for chunk in (*emitter.take_all(events), *emitter.end()):
        if "error" in chunk:
            return chunk, emitter.report()
        candidate = chunk["candidates"][0]
        before = response.get("candidates", [{}])[0]
        response |= chunk | {"candidates": [before | candidate | {"content": {"parts": parts, "role": "model"}}]}
        _add_piece(parts, candidate["content"]["parts"][0])
    return response, emitter.report()


def _add_piece(parts: list[Piece], piece: Piece) -> None:
    """Words go on with the words before them; a signature without words is that of the words before it."""
    last = parts[-1] if parts else {}
    words = "text" in piece
    open_ = words and "text" in last and SIGNATURE not in last and last.get("thought") == piece.get("thought")
    if open_ and not (SIGNATURE in piece and piece["text"]):
        parts[-1] = last | piece | {"text": last["text"] + piece["text"]}
    elif not parts or not words or piece["text"] or SIGNATURE in piece:
        parts.append(piece)
