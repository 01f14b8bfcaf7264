"""Canonical events -> chunks of a Chat Completions stream; a whole answer is their fold."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import msgspec
from msgspec import Raw, Struct

from baton.protocol.custom_tools import FreeTextCalls
from baton.protocol.dialects import Reply
from baton.protocol.openai_chat.tables import FAULT_WORDS, OTHER_FAULT, STOP_WORDS, UNFINISHED, wire_usage
from baton.protocol.sse import write_frame
from baton.protocol.tool_ids import fit
from baton.types.events import (
    Event,
    ExtraDelta,
    OpaqueEvent,
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

Delta = dict[str, Any]

DONE = b"[DONE]"
KEPT_BY_STORE = "private state: kept for its origin, this dialect has no field for it"
NOT_SHOWN = "reasoning is not shown to this caller"
FOREIGN_PART = "a part that this dialect cannot show"
FOREIGN_STOP = "no such finish reason: {0!r} is written as {1!r}"
CUT = "the answer ended without its end"


class _Details(Struct):
    explanation: str | None = None


class Emitter:
    """Events in, chunks out."""

    def __init__(self, reply: Reply) -> None:
        self._reply = reply
        self._free_text = FreeTextCalls(reply.custom_tools)
        self._id = reply.id
        self._begun = False
        self._over = False
        self._stopped = False
        self._refused = False
        self._usage: Usage | None = None
        self._calls: dict[int, int] = {}
        self._custom: set[int] = set()
        self._notes: list[Entry] = []
        self._writers: dict[type, Callable[[Any], Iterator[Delta]]] = {
            TextDelta: self._text,
            ReasoningDelta: self._reasoning,
            ToolCallStart: self._call,
            ToolArgumentsDelta: self._arguments,
            ExtraDelta: self._extra,
            Stop: self._stop,
            StreamFault: self._fail,
        }

    def take_all(self, events: Iterable[Event]) -> Iterator[Delta]:
        for event in self._free_text.pass_on(events):
            if not self._over:
                yield from self._take(event)

    def end(self) -> Iterator[Delta]:
        """The usage chunk; an error where the events had no Stop."""
        if self._over:
            return
        if not self._stopped:
            yield from self._fail(StreamFault("cut", CUT))
            return
        self._over = True
        if self._reply.include_usage and self._usage is not None:
            yield self._chunk([]) | {"usage": wire_usage(self._usage)}

    def report(self) -> HandoffReport:
        return HandoffReport(tuple(self._notes))

    @property
    def ended_well(self) -> bool:
        return self._stopped

    def _take(self, event: Event) -> Iterator[Delta]:
        writer = self._writers.get(type(event))
        if writer is not None:
            yield from writer(event)
        elif isinstance(event, Start):
            self._id = self._reply.id or event.id
        elif isinstance(event, UsageUpdate):
            self._usage = event.usage
        elif isinstance(event, PrivateState):
            self._note("answer.private", "withheld", KEPT_BY_STORE)
        elif isinstance(event, WholePart):
            self._note(f"answer.parts[{event.part}]", "degraded", FOREIGN_PART)
        elif isinstance(event, OpaqueEvent):
            self._note(f"answer.{event.name}", "degraded", FOREIGN_PART)

    # --- by kind of event ----------------------------------------------------------------------

    def _text(self, event: TextDelta) -> Iterator[Delta]:
        if event.text:
            self._refused = self._refused or event.refusal
            yield self._said({"refusal" if event.refusal else "content": event.text})

    def _reasoning(self, event: ReasoningDelta) -> Iterator[Delta]:
        if not self._reply.show_reasoning:
            self._note(f"answer.parts[{event.part}]", "withheld", NOT_SHOWN)
        elif event.text:
            yield self._said({"reasoning_content": event.text})

    def _call(self, event: ToolCallStart) -> Iterator[Delta]:
        index = self._calls[event.part] = len(self._calls)
        name = self._reply.tool_names.get(event.name, event.name)
        call: Delta = {"index": index, "id": fit(event.id, "openai-chat"), "type": event.kind}
        if event.kind == "custom":
            self._custom.add(event.part)
            call["custom"] = {"name": name, "input": ""}
        else:
            call["function"] = {"name": name, "arguments": ""}
        yield self._said({"tool_calls": [call]})

    def _arguments(self, event: ToolArgumentsDelta) -> Iterator[Delta]:
        if event.text and event.part in self._calls:
            inner = {"custom": {"input": event.text}}
            if event.part not in self._custom:
                inner = {"function": {"arguments": event.text}}
            yield self._said({"tool_calls": [{"index": self._calls[event.part]} | inner]})

    def _extra(self, event: ExtraDelta) -> Iterator[Delta]:
        if event.name == "annotations":
            yield self._said({"annotations": [Raw(event.json)]})
        else:
            self._note(f"answer.parts[{event.part}].{event.name}", "degraded", FOREIGN_PART)

    def _stop(self, event: Stop) -> Iterator[Delta]:
        word = STOP_WORDS.get(event.reason)
        if event.reason == "end" and self._calls:
            word = "tool_calls"
        elif event.reason == "refusal" and self._refused:
            word = "stop"  # OpenAI's own way: the words of refusal are the answer
        elif word is None:
            word = UNFINISHED
            self._note("answer.finish_reason", "degraded", FOREIGN_STOP.format(event.raw or event.reason, word))
        if event.reason == "refusal" and not self._refused and event.details:
            explanation = msgspec.json.decode(event.details, type=_Details).explanation
            if explanation:
                yield self._said({"refusal": explanation})
        self._stopped = True
        yield self._said({}, word)

    def _fail(self, fault: StreamFault) -> Iterator[Delta]:
        self._over = True
        self._stopped = False
        kind = FAULT_WORDS.get(fault.kind, OTHER_FAULT)
        yield {"error": {"message": fault.message, "type": kind, "param": None, "code": fault.raw or fault.kind}}

    # --- chunks --------------------------------------------------------------------------------

    def _said(self, delta: Delta, finish_reason: str | None = None) -> Delta:
        if not self._begun:
            self._begun = True
            delta = {"role": "assistant"} | delta
        return self._chunk([{"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish_reason}])

    def _chunk(self, choices: list[Delta]) -> Delta:
        return {
            "id": self._id,
            "object": "chat.completion.chunk",
            "created": self._reply.created,
            "model": self._reply.model,
            "choices": choices,
        }

    def _note(self, path: str, action: Action, reason: str) -> None:
        entry = Entry(path, action, reason)
        if entry not in self._notes:
            self._notes.append(entry)


class Writer:
    def __init__(self, reply: Reply) -> None:
        self._emitter = Emitter(reply)

    def write(self, events: Iterable[Event]) -> bytes:
        return b"".join(write_frame(msgspec.json.encode(chunk)) for chunk in self._emitter.take_all(events))

    def finish(self) -> bytes:
        """Nothing is said to be done after an error."""
        last = b"".join(write_frame(msgspec.json.encode(chunk)) for chunk in self._emitter.end())
        return last + write_frame(DONE) if self._emitter.ended_well else last

    def report(self) -> HandoffReport:
        return self._emitter.report()


def whole_completion(events: Iterable[Event], reply: Reply) -> tuple[Delta, HandoffReport]:
    """The completion that the stream of these events would tell; an error object where it would end in one."""
    emitter = Emitter(msgspec.structs.replace(reply, include_usage=True))
    message: Delta = {"role": "assistant", "content": None, "refusal": None}
    completion: Delta = {}
    finish_reason = None
    for chunk in (*emitter.take_all(events), *emitter.end()):
        if "error" in chunk:
            return chunk, emitter.report()
        completion |= chunk
        for choice in chunk["choices"]:
            _add_delta(message, choice["delta"])
            finish_reason = choice["finish_reason"] or finish_reason
    choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": finish_reason}
    return completion | {"object": "chat.completion", "choices": [choice]}, emitter.report()


def _add_delta(message: Delta, delta: Delta) -> None:
    for name, value in delta.items():
        if name == "tool_calls":
            _add_call(message.setdefault("tool_calls", []), value[0])
        elif name == "annotations":
            message.setdefault("annotations", []).extend(value)
        elif name != "role":
            message[name] = (message.get(name) or "") + value


def _add_call(calls: list[Delta], delta: Delta) -> None:
    if delta["index"] == len(calls):
        calls.append({name: value for name, value in delta.items() if name != "index"})
        return
    call = calls[delta["index"]]
    if "custom" in delta:
        call["custom"]["input"] += delta["custom"]["input"]
    else:
        call["function"]["arguments"] += delta["function"]["arguments"]
