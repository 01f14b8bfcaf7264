"""The whole answer is the fold of its events, and an answer can be told as events again."""

from collections.abc import Iterable, Iterator, Sequence

import msgspec
from msgspec.structs import replace

from baton.types.events import (
    AnswerMessage,
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
from baton.types.parts import Part, PrivateEntry, ReasoningPart, TextPart, ToolCallPart


class Fold:
    """Takes events one by one; `answer()` is the answer so far."""

    def __init__(self) -> None:
        self._start = Start()
        self._drafts: dict[int, _Draft] = {}
        self._private: list[PrivateEntry] = []
        self._opaque: list[OpaqueEvent] = []
        self._stop: Stop | None = None
        self._usage: UsageUpdate | None = None
        self._fault: StreamFault | None = None

    def add(self, event: Event) -> None:
        if isinstance(event, TextDelta | ReasoningDelta | ToolArgumentsDelta | ToolCallStart | WholePart | ExtraDelta):
            self._draft(event.part).add(event)
        elif isinstance(event, PrivateState):
            self._private.append(event.entry)
        elif isinstance(event, UsageUpdate):
            self._usage = event
        elif isinstance(event, OpaqueEvent):
            self._opaque.append(event)
        else:
            self._add_frame(event)

    def answer(self) -> AnswerMessage:
        order = sorted(self._drafts)
        place = {index: position for position, index in enumerate(order)}
        return AnswerMessage(
            id=self._start.id,
            model=self._start.model,
            parts=tuple(self._drafts[index].part() for index in order),
            private=tuple(replace(entry, anchor=place.get(entry.anchor, -1)) for entry in self._private),
            stop=self._stop,
            usage=None if self._usage is None else self._usage.usage,
            usage_raw=b"" if self._usage is None else self._usage.raw,
            fault=self._fault,
            opaque=tuple(self._opaque),
        )

    def _draft(self, part: int) -> "_Draft":
        draft = self._drafts.get(part)
        if draft is None:
            draft = self._drafts[part] = _Draft()
        return draft

    def _add_frame(self, event: Start | Stop | StreamFault | PartEnd) -> None:
        if isinstance(event, Start):
            self._start = event
        elif isinstance(event, Stop):
            self._stop = event
        elif isinstance(event, StreamFault) and self._fault is None:
            self._fault = event


class _Draft:
    """One part under construction: what it is, and the pieces of its text."""

    def __init__(self) -> None:
        self.kind: Part = TextPart("")
        self.pieces: list[str] = []
        self.extra: dict[str, list[bytes]] = {}

    def add(
        self, event: TextDelta | ReasoningDelta | ToolArgumentsDelta | ToolCallStart | WholePart | ExtraDelta
    ) -> None:
        if isinstance(event, TextDelta):
            if event.refusal and isinstance(self.kind, TextPart):
                self.kind = TextPart("", refusal=True)
            self.pieces.append(event.text)
        elif isinstance(event, ReasoningDelta):
            self.kind = ReasoningPart()
            self.pieces.append(event.text)
        elif isinstance(event, ToolArgumentsDelta):
            self.pieces.append(event.text)
        elif isinstance(event, ExtraDelta):
            self.extra.setdefault(event.name, []).append(event.json)
        elif isinstance(event, WholePart):
            self.kind = event.value
        else:
            ids = {"item": event.item_id} if event.item_id else {}
            self.kind = ToolCallPart(event.id, event.name, "", event.kind, ids)

    def part(self) -> Part:
        text = "".join(self.pieces)
        extra = {name: b"[" + b",".join(values) + b"]" for name, values in self.extra.items()}
        if isinstance(self.kind, TextPart | ReasoningPart):
            text = self.kind.text + text
            return replace(self.kind, text=text, extra=self.kind.extra | extra)
        if isinstance(self.kind, ToolCallPart):
            arguments = self.kind.arguments + text
            return replace(self.kind, arguments=arguments, extra=self.kind.extra | extra)
        return self.kind


def fold(events: Iterable[Event]) -> AnswerMessage:
    folded = Fold()
    for event in events:
        folded.add(event)
    return folded.answer()


def unfold(answer: AnswerMessage) -> Iterator[Event]:
    """Events whose fold is the answer: each part begins, is told whole, and ends, with its private state inside."""
    yield Start(answer.id, answer.model)
    for index, part in enumerate(answer.parts):
        yield from _part_events(index, part, answer.private)
        for entry in answer.private:
            if entry.anchor == index:
                yield PrivateState(entry)
        yield PartEnd(index)
    for entry in answer.private:
        if not 0 <= entry.anchor < len(answer.parts):
            yield PrivateState(entry)
    yield from answer.opaque
    if answer.usage is not None:
        yield UsageUpdate(answer.usage, answer.usage_raw)
    if answer.stop is not None:
        yield answer.stop
    if answer.fault is not None:
        yield answer.fault


def _part_events(index: int, part: Part, private: Sequence[PrivateEntry]) -> Iterator[Event]:
    if isinstance(part, TextPart):
        yield TextDelta(index, part.text, part.refusal)
    elif isinstance(part, ReasoningPart):
        ids = (entry.id for entry in private if entry.anchor == index and entry.kind == "encrypted")
        yield ReasoningDelta(index, part.text, next(ids, ""))
    elif isinstance(part, ToolCallPart):
        yield ToolCallStart(index, part.id, part.name, part.kind, part.ids.get("item", ""))
        yield ToolArgumentsDelta(index, part.arguments)
    else:
        yield WholePart(index, part)
        return
    for name, values in part.extra.items():
        for value in msgspec.json.decode(values, type=list[msgspec.Raw]):
            yield ExtraDelta(index, name, bytes(value))
