"""Free-text tools where the upstream only has functions: its calls are turned back before the caller sees them."""

from collections.abc import Iterable, Iterator
from collections.abc import Set as AbstractSet

from msgspec.structs import replace

from baton.protocol.arguments import free_text_of
from baton.types.events import AnswerMessage, Event, PartEnd, ToolArgumentsDelta, ToolCallStart
from baton.types.parts import Part, ToolCallPart


class FreeTextCalls:
    """Events in, events out. The arguments of such a call are held until it is whole: half an object says nothing."""

    def __init__(self, names: AbstractSet[str]) -> None:
        self._names = names
        self._open: dict[int, list[str]] = {}

    def pass_on(self, events: Iterable[Event]) -> Iterator[Event]:
        if not self._names:
            yield from events
            return
        for event in events:
            if isinstance(event, ToolCallStart) and event.name in self._names and event.kind == "function":
                self._open[event.part] = []
                yield replace(event, kind="custom")
            elif isinstance(event, ToolArgumentsDelta) and event.part in self._open:
                self._open[event.part].append(event.text)
            elif isinstance(event, PartEnd) and event.part in self._open:
                yield ToolArgumentsDelta(event.part, _free_text("".join(self._open.pop(event.part))))
                yield event
            else:
                yield event


def free_text_calls(answer: AnswerMessage, names: AbstractSet[str]) -> AnswerMessage:
    if not names:
        return answer
    return replace(answer, parts=tuple(_turned_back(part, names) for part in answer.parts))


def _turned_back(part: Part, names: AbstractSet[str]) -> Part:
    if type(part) is ToolCallPart and part.name in names and part.kind == "function":
        return replace(part, kind="custom", arguments=_free_text(part.arguments))
    return part


def _free_text(arguments: str) -> str:
    text = free_text_of(arguments)
    return arguments if text is None else text
