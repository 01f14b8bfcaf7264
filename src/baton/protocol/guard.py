"""What must not reach a caller as a good answer: an end without a word, and counts that cannot be true."""

import re
from collections.abc import Iterable, Iterator

from msgspec.structs import replace

from baton.protocol.anthropic.relay import SAYS as ANTHROPIC_SAYS
from baton.protocol.dialects import grammar_of
from baton.protocol.gemini.relay import SAYS as GEMINI_SAYS
from baton.protocol.ollama.relay import SAYS as OLLAMA_SAYS
from baton.protocol.openai_chat.relay import SAYS as CHAT_SAYS
from baton.protocol.plausible import is_possible
from baton.protocol.watch import EMPTY
from baton.types.card import Dialect
from baton.types.errors import UpstreamNotJson
from baton.types.events import (
    AnswerMessage,
    Event,
    OpaqueEvent,
    PrivateState,
    ReasoningDelta,
    Stop,
    StreamFault,
    TextDelta,
    ToolCallStart,
    UsageUpdate,
    WholePart,
)
from baton.types.parts import Origin, ReasoningPart, TextPart

NOBODY = Origin()
MOST_HELD = 64
SAYS: dict[Dialect, re.Pattern[bytes]] = {
    "openai-chat": CHAT_SAYS,
    "openai-responses": re.compile(rb'"(?:text|refusal|arguments|input)"\s*:\s*"[^"]'),
    "anthropic": ANTHROPIC_SAYS,
    "gemini": GEMINI_SAYS,
    "ollama": OLLAMA_SAYS,
}
"""Found in a whole answer with words or calls in it; where it is not found, the answer is read as it is meant."""


class Guard:
    """Events in, events out. An end without a word becomes a fault; usage that cannot be is left out.

    What comes before the first word waits for it, so that an answer that fails there was never begun.
    """

    def __init__(self, context_window: int) -> None:
        self._window = context_window
        self._held: list[Event] | None = []
        """None once something was said."""

    def pass_on(self, events: Iterable[Event]) -> Iterator[Event]:
        for event in events:
            if isinstance(event, UsageUpdate) and not is_possible(event.usage, self._window):
                continue
            if self._held is None:
                yield event
            elif isinstance(event, Stop) and event.reason == "end":
                yield EMPTY
            elif isinstance(event, StreamFault):
                yield event
            elif _says(event) or isinstance(event, Stop) or len(self._held) >= MOST_HELD:
                held, self._held = self._held, None
                yield from (*held, event)
            else:
                self._held.append(event)


def guarded(answer: AnswerMessage, context_window: int) -> AnswerMessage:
    """With a fault where it says nothing, without its usage where that cannot be."""
    if answer.fault is None and answer.stop is not None and _says_nothing(answer):
        answer = replace(answer, fault=EMPTY)
    if answer.usage is not None and not is_possible(answer.usage, context_window):
        answer = replace(answer, usage=None, usage_raw=b"")
    return answer


def whole_fault(dialect: Dialect, body: bytes) -> StreamFault | None:
    """What is wrong with a JSON object that goes on as it came, as a whole answer."""
    if SAYS[dialect].search(body) is not None:
        return None
    try:
        answer = grammar_of(dialect).read_answer(body, NOBODY, "")
    except UpstreamNotJson as error:
        return StreamFault("malformed", error.message)
    return answer.fault or (EMPTY if _says_nothing(answer) else None)


def _says(event: Event) -> bool:
    if isinstance(event, TextDelta | ReasoningDelta):
        return bool(event.text)
    return isinstance(event, ToolCallStart | WholePart | PrivateState | OpaqueEvent)


def _says_nothing(answer: AnswerMessage) -> bool:
    if answer.stop is not None and answer.stop.reason != "end":
        return False
    words = (not isinstance(part, TextPart | ReasoningPart) or bool(part.text) for part in answer.parts)
    return not any(words) and not answer.private and not answer.opaque
