"""Canonical events -> lines of a chat stream; a whole answer is their fold."""

from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from typing import Any

import msgspec
from msgspec import Raw

from baton.protocol.arguments import as_object, free_text_arguments
from baton.protocol.dialects import Reply
from baton.protocol.ndjson import write_line
from baton.protocol.ollama.tables import STOP_WORDS, UNFINISHED
from baton.protocol.tool_ids import fit
from baton.types.events import (
    Event,
    ExtraDelta,
    OpaqueEvent,
    PartEnd,
    PrivateState,
    ReasoningDelta,
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

Line = dict[str, Any]

KEPT_BY_STORE = "private state: kept for its origin, this dialect has no field for it"
NOT_SHOWN = "reasoning is not shown to this caller"
FOREIGN_PART = "a part that this dialect cannot show"
FOREIGN_STOP = "no such done reason: {0!r} is written as {1!r}"
INVALID_ARGUMENTS = "arguments that are no JSON object: wrapped into one"
CUT = "the answer ended without its end"


class Emitter:
    """Events in, lines out. A call is held until it is whole: its arguments are an object."""

    def __init__(self, reply: Reply) -> None:
        self._reply = reply
        self._created = datetime.fromtimestamp(reply.created, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        self._over = False
        self._stop: Stop | None = None
        self._usage: Usage | None = None
        self._held: dict[int, tuple[ToolCallStart, list[str]]] = {}
        self._calls = 0
        self._notes: list[Entry] = []
        self._writers: dict[type, Callable[[Any], Iterator[Line]]] = {
            TextDelta: self._text,
            ReasoningDelta: self._reasoning,
            PartEnd: self._part_end,
            StreamFault: self._fail,
        }

    def take_all(self, events: Iterable[Event]) -> Iterator[Line]:
        for event in events:
            if not self._over:
                writer = self._writers.get(type(event))
                if writer is None:
                    self._keep(event)
                else:
                    yield from writer(event)

    def end(self) -> Iterator[Line]:
        """The last line; an error where the events had no Stop."""
        if self._over:
            return
        for part in sorted(self._held):
            yield from self._call(part)
        if self._stop is None:
            yield from self._fail(StreamFault("cut", CUT))
            return
        self._over = True
        word = STOP_WORDS.get(self._stop.reason)
        if word is None:
            word = UNFINISHED
            self._note("answer.done_reason", "degraded", FOREIGN_STOP.format(self._stop.raw or self._stop.reason, word))
        counts = {}
        if self._usage is not None:
            counts = {"prompt_eval_count": self._usage.input, "eval_count": self._usage.output}
        yield self._said({}) | {"done": True, "done_reason": word} | counts

    def report(self) -> HandoffReport:
        return HandoffReport(tuple(self._notes))

    def _keep(self, event: Event) -> None:
        """What is said later, or not at all."""
        if isinstance(event, ToolCallStart):
            self._held[event.part] = (event, [])
        elif isinstance(event, ToolArgumentsDelta):
            if event.part in self._held:
                self._held[event.part][1].append(event.text)
        elif isinstance(event, UsageUpdate):
            self._usage = event.usage
        elif isinstance(event, Stop):
            self._stop = event
        elif isinstance(event, PrivateState):
            self._note("answer.private", "withheld", KEPT_BY_STORE)
        elif isinstance(event, WholePart):
            self._note(f"answer.parts[{event.part}]", "degraded", FOREIGN_PART)
        elif isinstance(event, ExtraDelta):
            self._note(f"answer.parts[{event.part}].{event.name}", "degraded", FOREIGN_PART)
        elif isinstance(event, OpaqueEvent):
            self._note(f"answer.{event.name}", "degraded", FOREIGN_PART)

    # --- by kind of event ----------------------------------------------------------------------

    def _text(self, event: TextDelta) -> Iterator[Line]:
        if event.text:
            yield self._said({"content": event.text})

    def _reasoning(self, event: ReasoningDelta) -> Iterator[Line]:
        if not self._reply.show_reasoning:
            self._note(f"answer.parts[{event.part}]", "withheld", NOT_SHOWN)
        elif event.text:
            yield self._said({"thinking": event.text})

    def _part_end(self, event: PartEnd) -> Iterator[Line]:
        if event.part in self._held:
            yield from self._call(event.part)

    def _call(self, part: int) -> Iterator[Line]:
        start, pieces = self._held.pop(part)
        text = "".join(pieces)
        arguments, faithful = as_object(free_text_arguments(text) if start.kind == "custom" else text)
        if not faithful:
            self._note(f"answer.parts[{part}]", "degraded", INVALID_ARGUMENTS)
        name = self._reply.tool_names.get(start.name, start.name)
        function = {"index": self._calls, "name": name, "arguments": Raw(arguments)}
        self._calls += 1
        yield self._said({"tool_calls": [{"id": fit(start.id, "ollama"), "function": function}]})

    def _fail(self, fault: StreamFault) -> Iterator[Line]:
        self._over = True
        yield {"error": fault.message}

    def _said(self, message: Line) -> Line:
        return {
            "model": self._reply.model,
            "created_at": self._created,
            "message": {"role": "assistant", "content": ""} | message,
            "done": False,
        }

    def _note(self, path: str, action: Action, reason: str) -> None:
        entry = Entry(path, action, reason)
        if entry not in self._notes:
            self._notes.append(entry)


class Writer:
    def __init__(self, reply: Reply) -> None:
        self._emitter = Emitter(reply)

    def write(self, events: Iterable[Event]) -> bytes:
        return b"".join(write_line(msgspec.json.encode(line)) for line in self._emitter.take_all(events))

    def finish(self) -> bytes:
        return b"".join(write_line(msgspec.json.encode(line)) for line in self._emitter.end())

    def report(self) -> HandoffReport:
        return self._emitter.report()


def whole_response(events: Iterable[Event], reply: Reply) -> tuple[Line, HandoffReport]:
    """The response that the stream of these events would tell; an error object where it would end in one."""
    emitter = Emitter(reply)
    message: Line = {"role": "assistant", "content": ""}
    response: Line = {}
    for line in (*emitter.take_all(events), *emitter.end()):
        if "error" in line:
            return line, emitter.report()
        response = line
        for name, value in line["message"].items():
            if name == "tool_calls":
                message.setdefault(name, []).extend(value)
            elif name != "role":
                message[name] = message.get(name, "") + value
    return response | {"message": message}, emitter.report()
