"""Lines of a chat stream -> canonical events; a whole answer is read as one line that holds it all."""

from collections.abc import Iterator

import msgspec
from msgspec import Raw, Struct

from baton.protocol.arguments import as_text
from baton.protocol.event_reader import EventReader
from baton.protocol.ndjson import LineReader
from baton.protocol.ollama.tables import FAULTS_BY_WORDS, STOPS, THINKING
from baton.protocol.plausible import IMPOSSIBLE
from baton.protocol.tool_ids import made_up
from baton.types.events import (
    Event,
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
)
from baton.types.money import Usage
from baton.types.parts import Origin, PrivateEntry

NULL = Raw(b"null")


class _Function(Struct, frozen=True):
    name: str = ""
    arguments: Raw = NULL


class _ToolCall(Struct):
    id: str | None = None
    function: _Function = _Function()


class _Message(Struct):
    content: str | None = None
    thinking: str | None = None
    tool_calls: list[_ToolCall] | None = None


class Line(Struct):
    model: str | None = None
    created_at: str | None = None
    message: _Message | None = None
    done: bool | None = None
    done_reason: str | None = None
    prompt_eval_count: int | float | str | None = None
    eval_count: int | float | str | None = None
    logprobs: Raw = NULL
    error: str | None = None


LINE = msgspec.json.Decoder(Line)


class LineGrammar:
    """The lines of one answer. `prefix_hash` goes on the private state that is found."""

    def __init__(self, origin: Origin, prefix_hash: str) -> None:
        self._origin = origin
        self._prefix_hash = prefix_hash
        self._begun = ""
        """When the answer began, by its first line: it sets apart the ids of calls that come without one."""
        self._started = False
        self._parts = 0
        self._calls = 0
        self._text: int | None = None
        self._thinking: int | None = None
        self._thought: list[str] = []

    def line(self, line: Line) -> Iterator[Event]:
        if line.error is not None:
            yield fault(line.error)
            return
        if not self._started:
            self._started = True
            self._begun = line.created_at or ""
            yield Start("", line.model or "")
        if line.message is not None:
            yield from self._said(line.message)
        if line.logprobs != NULL:
            yield OpaqueEvent("ollama", "logprobs", bytes(line.logprobs))
        if line.done:
            yield from self._end(line)

    def _said(self, message: _Message) -> Iterator[Event]:
        if message.thinking:
            yield from self._end_text()
            if self._thinking is None:
                self._thinking = self._new_part()
            self._thought.append(message.thinking)
            yield ReasoningDelta(self._thinking, message.thinking)
        if message.content:
            yield from self._end_thinking()
            if self._text is None:
                self._text = self._new_part()
            yield TextDelta(self._text, message.content)
        for call in message.tool_calls or ():
            yield from self._end_thinking()
            yield from self._end_text()
            yield from self._call(call)

    def _call(self, call: _ToolCall) -> Iterator[Event]:
        """Calls arrive whole."""
        part, arguments = self._new_part(), bytes(call.function.arguments)
        id_ = call.id or made_up("answer", self._prefix_hash, self._begun, self._calls)
        self._calls += 1
        yield ToolCallStart(part, id_, call.function.name)
        yield ToolArgumentsDelta(part, "{}" if arguments == bytes(NULL) else as_text(arguments))
        yield PartEnd(part)

    def _end(self, line: Line) -> Iterator[Event]:
        yield from self._end_thinking()
        yield from self._end_text()
        if line.prompt_eval_count is not None or line.eval_count is not None:
            counts = {"prompt_eval_count": line.prompt_eval_count, "eval_count": line.eval_count}
            told = (line.prompt_eval_count or 0, line.eval_count or 0)
            usage = Usage(told[0], told[1]) if isinstance(told[0], int) and isinstance(told[1], int) else IMPOSSIBLE
            yield UsageUpdate(usage, msgspec.json.encode(counts))
        word = line.done_reason or "stop"  # older servers do not say it
        reason = STOPS.get(word, "unknown")
        yield Stop("tool_calls" if reason == "end" and self._calls else reason, word)

    def _end_text(self) -> Iterator[Event]:
        if self._text is not None:
            yield PartEnd(self._text)
            self._text = None

    def _end_thinking(self) -> Iterator[Event]:
        if self._thinking is None:
            return
        part, self._thinking = self._thinking, None
        payload = "".join(self._thought).encode("utf-8", "surrogatepass")
        self._thought = []
        yield PrivateState(
            PrivateEntry("reasoning_text", payload, "ollama", self._origin, self._prefix_hash, part, id=THINKING)
        )
        yield PartEnd(part)

    def _new_part(self) -> int:
        part, self._parts = self._parts, self._parts + 1
        return part


class Reader(EventReader):
    unit = "a line"
    cut_short = "the stream ended without its last line"

    def __init__(self, origin: Origin, prefix_hash: str) -> None:
        super().__init__(LineReader())
        self._grammar = LineGrammar(origin, prefix_hash)

    def read(self, piece: bytes) -> Iterator[Event]:
        return self._grammar.line(LINE.decode(piece))


def fault(message: str) -> StreamFault:
    """An error is a bare text."""
    for words, kind, status in FAULTS_BY_WORDS:
        if words in message:
            return StreamFault(kind, message, status)
    return StreamFault("server", message, 502)
