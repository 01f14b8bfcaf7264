"""A stream that breaks off is continued by another model from the exact text, where the caller asked for that.

Only words can be continued: where a call of a tool has begun, or nothing was said yet, the fault is told. The caller
sees the place: a note between the events names the model that goes on, and why.
"""

from collections.abc import Iterator

from msgspec.structs import replace

from baton.flow.passage import TranslatedStream
from baton.protocol.dialects import StreamReader
from baton.types.card import ModelCard
from baton.types.conversation import Conversation, Turn
from baton.types.events import (
    Event,
    ExtraDelta,
    PartEnd,
    PrivateState,
    ReasoningDelta,
    Start,
    StreamFault,
    TextDelta,
    ToolArgumentsDelta,
    ToolCallStart,
    WholePart,
)
from baton.types.handoff import Target
from baton.types.parts import ReasoningPart, TextPart

CONTINUE = "continue"
GO_ON = "Your last message was cut off. Go on exactly where it stops, in the same words, and repeat nothing of it."
PATH = "resumed"
PART_EVENTS = (TextDelta, ToolCallStart, ToolArgumentsDelta, WholePart, PartEnd, ExtraDelta)


class ResumableStream(TranslatedStream):
    """Faults are not written: whoever reads it may let another model go on, or tells them himself."""

    resumed = False
    _last = 0
    """The part that is gone on with."""
    _placed: dict[int, int] | None = None
    """Parts of the model that goes on -> parts of the answer; None before there is one."""

    @property
    def told(self) -> bool:
        return False

    def text_so_far(self) -> str:
        """Empty when the answer cannot be continued."""
        answer = self.made()
        parts = answer.parts
        if answer.stop is not None or not parts or type(parts[-1]) is not TextPart:
            return ""
        if not all(type(part) in {TextPart, ReasoningPart} for part in parts):
            return ""
        return "".join(part.text for part in parts if type(part) is TextPart)

    def go_on(self, reader: StreamReader, card: ModelCard) -> None:
        """What is fed from now on comes from another model, and follows the words that are there."""
        self._reader, self._card, self._fault, self._usage = reader, card, None, None
        self._last = len(self.made().parts) - 1
        self._placed = {}
        self.resumed = True

    def _write(self, events: list[Event]) -> bytes:
        for event in events:
            if isinstance(event, StreamFault):
                self._fault = self._fault or event
        said: list[Event] = [event for event in events if not isinstance(event, StreamFault)]
        return super()._write(said if self._placed is None else list(self._continued(said, self._placed)))

    def _continued(self, events: list[Event], placed: dict[int, int]) -> Iterator[Event]:
        """The first part goes on in the last one; thinking and private state of the new model are not shown."""
        for event in events:
            if isinstance(event, Start | ReasoningDelta | PrivateState):
                continue
            if isinstance(event, PartEnd) and event.part not in placed:
                continue
            if isinstance(event, PART_EVENTS):
                place = placed.setdefault(event.part, self._last + len(placed))
                yield replace(event, part=place)
            else:
                yield event


def continued(conversation: Conversation, text: str, target: Target) -> Conversation:
    """The conversation with what was said so far, for a model that is to go on from there."""
    turns = [*conversation.turns, Turn("assistant", (TextPart(text, path=PATH),), path=PATH)]
    if target.dialect != "anthropic" or not target.prefill:
        turns.append(Turn("user", (TextPart(GO_ON, path=f"{PATH}.go_on"),), path=f"{PATH}.go_on"))
    return replace(conversation, turns=tuple(turns))
