"""Are the tool calls of an answer calls of tools that were on offer, with arguments that fit?

`offered` is what a request puts on offer, read once per list of tools; `fault_of` checks an answer against it.
"""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import msgspec
from msgspec import Raw, Struct

from baton.protocol.dialects import grammar_of
from baton.protocol.schema_fit import misfit
from baton.types.card import Dialect
from baton.types.conversation import ToolDefinition
from baton.types.errors import ToolArgumentsInvalid, ToolCallNotOffered, UpstreamFault
from baton.types.events import AnswerMessage
from baton.types.parts import Origin, ToolCallPart

TOOL_MEMBERS = ("tools", "functions")
CONVERSATION: dict[Dialect, str] = {
    "openai-chat": "messages",
    "openai-responses": "input",
    "anthropic": "messages",
    "gemini": "contents",
    "ollama": "messages",
}
CALL_MARKS: dict[Dialect, tuple[bytes, ...]] = {
    "openai-chat": (b'"tool_calls"', b'"function_call"'),
    "openai-responses": (b'"function_call"', b'"custom_tool_call"'),
    "anthropic": (b'"tool_use"',),
    "gemini": (b'"functionCall"',),
    "ollama": (b'"tool_calls"',),
}
"""What stands in every answer that calls a tool. Inside a JSON text quotes are escaped: words do not look like this."""
HINTS: dict[Dialect, bytes] = {
    "openai-chat": b"_call",
    "openai-responses": b"_call",
    "anthropic": b"tool_use",
    "gemini": b"functionCall",
    "ollama": b"_call",
}
"""What all marks of a dialect hold: an answer is searched once."""
MAX_NAME_CHARS = 80
LINE_EVENTS = frozenset[Dialect]({"ollama"})
"""Dialects whose events are single lines."""
REMEMBERED_OFFERS = 256
MAX_REMEMBERED_BYTES = 64 * 1024
NOTHING: Mapping[str, str] = {}


class Offer(Struct, frozen=True):
    """Names of the tools on offer with their schemas; None where anything goes."""

    schemas: Mapping[str, dict[str, Any] | None]


def offered(dialect: Dialect, members: Mapping[str, Raw | bytes]) -> Offer:
    """What a request of this dialect offers. Raises MalformedBody for tools that are none."""
    given = tuple((name, bytes(members[name])) for name in TOOL_MEMBERS if name in members)
    if sum(len(raw) for _, raw in given) > MAX_REMEMBERED_BYTES:
        return _read_offer(dialect, given)
    return _remembered(dialect, given)


def may_call(dialect: Dialect, answer: bytes) -> bool:
    """Cheap: False is certain. `answer` is a whole one or a whole stream."""
    return HINTS[dialect] in answer and any(mark in answer for mark in CALL_MARKS[dialect])


def from_first_call(dialect: Dialect, stream: bytes) -> bytes:
    """The stream from the event of its first call on: what was said before need not be read again."""
    first = min((at for mark in CALL_MARKS[dialect] if (at := stream.find(mark)) >= 0), default=0)
    ends = (b"\n",) if dialect in LINE_EVENTS else (b"\n\n", b"\r\n\r\n")
    return stream[max(found + len(end) if (found := stream.rfind(end, 0, first)) >= 0 else 0 for end in ends) :]


def fault_of(answer: AnswerMessage, offer: Offer, names: Mapping[str, str] = NOTHING) -> UpstreamFault | None:
    """The first call that may not be. `names`: names on the upstream's wire -> the caller's own, where they differ."""
    for part in answer.parts:
        if isinstance(part, ToolCallPart) and (fault := _fault_of_call(part, offer, names)) is not None:
            return fault
    return None


def _fault_of_call(call: ToolCallPart, offer: Offer, names: Mapping[str, str]) -> UpstreamFault | None:
    name = names.get(call.name, call.name)
    shown = repr(name[:MAX_NAME_CHARS])
    if name not in offer.schemas:
        return ToolCallNotOffered(f"the model called tool {shown}, which is not among those that were offered")
    schema = offer.schemas[name]
    if schema is None or call.kind == "custom":
        return None
    try:
        arguments = msgspec.json.decode(call.arguments.encode() or b"{}")
    except (ValueError, RecursionError):  # msgspec.DecodeError and UnicodeError are ValueErrors
        return ToolArgumentsInvalid(f"the model called tool {shown} with arguments that are not JSON")
    problem = misfit(arguments, schema) if isinstance(arguments, dict) else "$: must be object"
    if problem:
        return ToolArgumentsInvalid(f"the model called tool {shown} with arguments that do not fit: {problem}")
    return None


@lru_cache(maxsize=REMEMBERED_OFFERS)
def _remembered(dialect: Dialect, given: tuple[tuple[str, bytes], ...]) -> Offer:
    return _read_offer(dialect, given)


def _read_offer(dialect: Dialect, given: tuple[tuple[str, bytes], ...]) -> Offer:
    """The dialect's own reader, shown nothing but the tools."""
    members = {"model": Raw(b'"m"'), CONVERSATION[dialect]: Raw(b"[]")} | {name: Raw(raw) for name, raw in given}
    tools = grammar_of(dialect).read(members, Origin()).tools
    return Offer({tool.name: _schema_of(tool) for tool in tools})


def _schema_of(tool: ToolDefinition) -> dict[str, Any] | None:
    if tool.kind != "function" or not tool.schema:
        return None
    try:
        schema = msgspec.json.decode(tool.schema)
    except (ValueError, RecursionError):
        return None
    return schema if isinstance(schema, dict) else None
