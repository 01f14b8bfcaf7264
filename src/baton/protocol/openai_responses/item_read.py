"""One output item of a Responses answer as it is told: what was streamed of it, and what only its end says."""

from collections.abc import Callable, Iterator

import msgspec
from msgspec import Raw, Struct

from baton.protocol.openai_responses.items import BETWEEN_THOUGHTS, DIALECT, qualified
from baton.protocol.openai_responses.tables import CALL_ITEMS, SERVER_ITEMS
from baton.protocol.tool_ids import made_up
from baton.types.events import (
    Event,
    ExtraDelta,
    PartEnd,
    PrivateState,
    ReasoningDelta,
    TextDelta,
    ToolArgumentsDelta,
    ToolCallStart,
    WholePart,
)
from baton.types.parts import OpaquePart, Origin, PrivateEntry, PrivateKind, ServerToolPart

NULL = Raw(b"null")
STREAMED = CALL_ITEMS | {"message", "reasoning"}
"""Items that are told piece by piece; all others are whole when they are done."""


class _Content(Struct):
    type: str = ""
    text: str | None = None
    refusal: str | None = None
    annotations: list[Raw] | None = None


class Item(Struct):
    type: str = ""
    id: str | None = None
    call_id: str | None = None
    name: str | None = None
    namespace: str | None = None
    arguments: str | None = None
    input: str | None = None
    phase: str | None = None
    content: list[_Content] | None = None
    summary: list[_Content] | None = None
    encrypted_content: str | None = None


ITEM = msgspec.json.Decoder(Item)


class _Told(Struct):
    """One part of the item: its number among the answer's parts, and what was said of it."""

    part: int
    text: str = ""
    refusal: bool = False
    annotated: bool = False


class OpenItem:
    """`new_part` gives the number of the answer's next part. A message has one part per content part."""

    def __init__(self, item: Item, new_part: Callable[[], int], origin: Origin, prefix_hash: str) -> None:
        self._item = item
        self._new_part = new_part
        self._origin = origin
        self._prefix_hash = prefix_hash
        self._told: dict[int, _Told] = {}
        self._phased = False
        self._thought_of = -1
        self.refused = False

    @property
    def is_call(self) -> bool:
        return self._item.type in CALL_ITEMS

    @property
    def is_known(self) -> bool:
        return self._item.type in STREAMED

    def begin(self) -> Iterator[Event]:
        item = self._item
        if item.type == "message":
            return
        part = self._part(0).part
        if item.type == "reasoning":
            yield ReasoningDelta(part, "", item.id or "")
        elif self.is_call:
            id_ = item.call_id or made_up("answer", part)
            name = qualified(item.namespace or "", item.name or "")
            custom = item.type == "custom_tool_call"
            yield ToolCallStart(part, id_, name, "custom" if custom else "function", item.id or "")

    def end(self, item: Item | None, raw: bytes) -> Iterator[Event]:
        """`item` is the finished one, with `raw` its own bytes; None when the stream never said that it was done."""
        done = item or self._item
        if done.type == "message":
            yield from self._end_message(done)
        elif done.type == "reasoning":
            yield from self._end_reasoning(done, raw)
        elif self.is_call:
            yield from self.argue_whole((done.arguments if done.arguments is not None else done.input) or "")
        elif raw:
            yield from self._end_whole(done, raw)
        for place in sorted(self._told):
            yield PartEnd(self._told[place].part)

    # --- what is streamed ----------------------------------------------------------------------

    def say(self, place: int, text: str, *, refusal: bool) -> Iterator[Event]:
        told = self._told.get(place)
        if told is None:
            told = self._part(place)
            yield from self._phase(self._item, told.part)
        told.refusal = refusal
        self.refused = self.refused or refusal
        told.text += text
        yield TextDelta(told.part, text, refusal)

    def say_whole(self, place: int, text: str, *, refusal: bool) -> Iterator[Event]:
        """The rest of the text, where it is longer than what was streamed of it."""
        rest = self._rest(place, text)
        if rest or place not in self._told:
            yield from self.say(place, rest, refusal=refusal)

    def annotate(self, place: int, annotation: bytes) -> Iterator[Event]:
        told = self._told.get(place)
        if told is not None:
            told.annotated = True
            yield ExtraDelta(told.part, "annotations", annotation)

    def think(self, place: int, text: str) -> Iterator[Event]:
        """Summaries of one item are one text, with a blank line between them."""
        told = self._part(0)
        if self._thought_of not in {-1, place} and text:
            text = BETWEEN_THOUGHTS + text
        if text:
            self._thought_of = place
            told.text += text
            yield ReasoningDelta(told.part, text)

    def think_whole(self, place: int, text: str) -> Iterator[Event]:
        if place > self._thought_of:
            yield from self.think(place, text)

    def argue(self, text: str) -> Iterator[Event]:
        told = self._part(0)
        if text:
            told.text += text
            yield ToolArgumentsDelta(told.part, text)

    def argue_whole(self, text: str) -> Iterator[Event]:
        """Some servers send arguments only when they are done."""
        yield from self.argue(self._rest(0, text))

    # --- what only the end says ----------------------------------------------------------------

    def _end_message(self, item: Item) -> Iterator[Event]:
        for place, content in enumerate(item.content or ()):
            refusal = content.type == "refusal"
            yield from self.say_whole(place, (content.refusal if refusal else content.text) or "", refusal=refusal)
            told = self._told[place]
            for annotation in () if told.annotated else content.annotations or ():
                yield ExtraDelta(told.part, "annotations", bytes(annotation))
        if 0 in self._told:
            yield from self._phase(item, self._told[0].part)

    def _end_reasoning(self, item: Item, raw: bytes) -> Iterator[Event]:
        told = self._part(0)
        if not told.text:
            text = BETWEEN_THOUGHTS.join(piece.text or "" for piece in item.summary or item.content or ())
            if text:
                yield ReasoningDelta(told.part, text)
        # Without one of these the item stands only for what the provider itself has stored.
        if raw and (item.encrypted_content or item.content):
            yield PrivateState(self._entry("encrypted", raw, told.part, item.id or ""))

    def _end_whole(self, item: Item, raw: bytes) -> Iterator[Event]:
        part = self._part(0).part
        if item.type in SERVER_ITEMS:
            yield WholePart(part, ServerToolPart(raw, DIALECT, item.type, item.call_id or item.id or ""))
            return
        yield WholePart(part, OpaquePart(raw, DIALECT, item.type))
        if item.type == "compaction":
            yield PrivateState(self._entry("compaction", raw, part, item.id or ""))

    def _phase(self, item: Item, part: int) -> Iterator[Event]:
        if item.phase and not self._phased:
            self._phased = True
            yield PrivateState(self._entry("phase", item.phase.encode(), part, ""))

    def _entry(self, kind: PrivateKind, payload: bytes, part: int, id_: str) -> PrivateEntry:
        return PrivateEntry(kind, payload, DIALECT, self._origin, self._prefix_hash, part, id=id_)

    def _part(self, place: int) -> _Told:
        told = self._told.get(place)
        if told is None:
            told = self._told[place] = _Told(self._new_part())
        return told

    def _rest(self, place: int, whole: str) -> str:
        told = self._told.get(place)
        if told is None:
            return whole
        return whole[len(told.text) :] if whole.startswith(told.text) else ""
