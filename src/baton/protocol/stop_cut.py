"""Stop sequences where the upstream knows none: the answer is cut at the first of them before the caller sees it."""

from collections.abc import Iterable, Iterator, Sequence

from baton.protocol.fold import fold, unfold
from baton.types.events import AnswerMessage, Event, PartEnd, Stop, StreamFault, TextDelta, UsageUpdate

CUT_HERE = "Baton cuts the answer there: the target does not take {0}"
"""Reason in a report, filled with what is not taken."""


class StopCut:
    """Events in, events out. What may be the beginning of a sequence is held until more is known.

    After the cut only usage passes, and the upstream's own end becomes the stop. A caller who wants to spare the rest
    looks at `sequence`, aborts the upstream and takes `end`.
    """

    def __init__(self, sequences: Sequence[str]) -> None:
        self._sequences = [sequence for sequence in sequences if sequence]
        self._part = -1
        self._held = ""
        self.sequence: str | None = None
        """The sequence at which the answer was cut."""

    def pass_on(self, events: Iterable[Event]) -> Iterator[Event]:
        for event in events:
            if self.sequence is not None:
                yield from self._after(event)
            elif isinstance(event, TextDelta) and not event.refusal and self._sequences:
                yield from self._text(event)
            else:
                if not isinstance(event, UsageUpdate):
                    yield from self._release()
                yield event

    def end(self) -> Stop:
        return Stop("stop_sequence", "stop_sequence", self.sequence)

    def _text(self, event: TextDelta) -> Iterator[Event]:
        if event.part != self._part:
            yield from self._release()
            self._part = event.part
        text = self._held + event.text
        found = [(place + len(one), place, one) for one in self._sequences if (place := text.find(one)) >= 0]
        if found:  # the one that was whole first, as a model would have stopped at it
            _, place, self.sequence = min(found)
            self._held = ""
            if place:
                yield TextDelta(event.part, text[:place])
            yield PartEnd(event.part)
            return
        self._held = self._beginning(text)
        said = text[: len(text) - len(self._held)]
        if said or not event.text:
            yield TextDelta(event.part, said)

    def _beginning(self, text: str) -> str:
        """The longest end of the text with which a sequence may begin."""
        longest = max(len(sequence) for sequence in self._sequences) - 1
        for start in range(max(0, len(text) - longest), len(text)):
            if any(sequence.startswith(text[start:]) for sequence in self._sequences):
                return text[start:]
        return ""

    def _release(self) -> Iterator[Event]:
        held, self._held = self._held, ""
        if held:
            yield TextDelta(self._part, held)

    def _after(self, event: Event) -> Iterator[Event]:
        if isinstance(event, UsageUpdate):
            yield event
        elif isinstance(event, Stop | StreamFault):
            yield self.end()


def cut_answer(answer: AnswerMessage, sequences: Sequence[str]) -> AnswerMessage:
    return fold(StopCut(sequences).pass_on(unfold(answer)))
