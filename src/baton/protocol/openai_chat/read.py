"""A Chat Completions request -> the canonical conversation."""

from collections.abc import Mapping

from msgspec import Raw
from msgspec.structs import replace

from baton.protocol.arguments import unmark_error
from baton.protocol.fields import Fields, body_members, fields_of
from baton.protocol.openai_chat.content import read_content
from baton.protocol.openai_chat.settings import read_settings
from baton.protocol.private import stamp
from baton.protocol.tool_ids import made_up
from baton.types.conversation import Conversation, RawTurn, Role, Turn
from baton.types.errors import MalformedBody
from baton.types.parts import (
    OpaquePart,
    Origin,
    Part,
    PrivateEntry,
    ReasoningPart,
    TextPart,
    ToolCallPart,
    ToolResultPart,
)

UNKNOWN_ORIGIN = Origin()
ROLES: dict[str, Role] = {"system": "system", "developer": "system", "user": "user", "assistant": "assistant"}
RESULT_ROLES = frozenset({"tool", "function"})
REASONING_MEMBERS = ("reasoning_content", "reasoning")
"""Where chat servers put the visible reasoning of an answer: DeepSeek, vLLM and others; OpenRouter and others."""


def read(body: bytes | Mapping[str, Raw], origin: Origin = UNKNOWN_ORIGIN) -> Conversation:
    """`origin` is presumed of `reasoning_content` and its like. Raises MalformedBody."""
    members = body_members(body)
    fields = Fields(dict(members))
    if not fields.has("messages"):
        raise MalformedBody("`messages` is missing: send the conversation as a list of messages", "messages")
    reader = _Messages(origin)
    turns = [reader.read(raw, f"messages[{index}]") for index, raw in enumerate(fields.items("messages"))]
    settings = read_settings(fields)
    return replace(settings, turns=stamp(turns), members={name: bytes(value) for name, value in members.items()})


# --- turns -------------------------------------------------------------------------------------


class _Messages:
    """Reads messages in order; keeps the calls that wait for a result, for results that do not name theirs."""

    def __init__(self, origin: Origin) -> None:
        self._origin = origin
        self._waiting: list[ToolCallPart] = []

    def read(self, raw: bytes, path: str) -> Turn:
        fields = fields_of(raw, path)
        label = fields.text("role")
        kept = RawTurn("openai-chat", raw, self._origin)
        if label in RESULT_ROLES:
            return Turn("user", (self._result(fields),), raw=kept, path=path, label=label)
        role = ROLES.get(label, "unknown")
        if role == "unknown":
            return Turn(role, (OpaquePart(raw, "openai-chat", label, path=path),), raw=kept, path=path, label=label)
        content: list[Part] = [*read_content(fields.raw("content"), fields.place("content"))]
        private: list[PrivateEntry] = []
        if role == "assistant":
            content, private = self._assistant(fields, content)
        return Turn(role, tuple(content), tuple(private), kept, path, label, fields.text("name"), extra=fields.rest())

    def _assistant(self, fields: Fields, content: list[Part]) -> tuple[list[Part], list[PrivateEntry]]:
        thinking, private = self._reasoning(fields)
        place = fields.place("refusal")
        refusal = fields.text("refusal")
        words = [TextPart(refusal, place, refusal=True)] if refusal else []
        calls: list[ToolCallPart | OpaquePart] = [
            _read_call(raw, f"{fields.place('tool_calls')}[{index}]")
            for index, raw in enumerate(fields.items("tool_calls"))
        ]
        legacy = fields.fields("function_call")
        if legacy is not None:
            calls.append(_read_function(legacy, legacy, made_up(legacy.path)))
        if calls:
            self._waiting = [call for call in calls if type(call) is ToolCallPart]
        return [*thinking, *content, *words, *calls], private

    def _reasoning(self, fields: Fields) -> tuple[list[ReasoningPart], list[PrivateEntry]]:
        parts: list[ReasoningPart] = []
        private: list[PrivateEntry] = []
        for name in REASONING_MEMBERS:
            place = fields.place(name)
            text = fields.text(name)
            if text and not parts:
                parts.append(ReasoningPart(text, place))
            if text:
                payload = text.encode("utf-8", "surrogatepass")
                entry = PrivateEntry("reasoning_text", payload, "openai-chat", self._origin, "", 0, place, name)
                private.append(entry)
        place = fields.place("reasoning_details")
        details = fields.raw("reasoning_details")
        if details:
            parts = parts or [ReasoningPart("", place)]
            private.append(PrivateEntry("reasoning_details", details, "openai-chat", self._origin, "", 0, place))
        return parts, private

    def _result(self, fields: Fields) -> ToolResultPart:
        name = fields.text("name")
        call = fields.text("tool_call_id") or self._awaited(name)
        self._waiting = [one for one in self._waiting if one.id != call]
        content = read_content(fields.raw("content"), fields.place("content"))
        is_error = False
        if content and isinstance(first := content[0], TextPart):
            text, is_error = unmark_error(first.text)
            if is_error:
                content[0] = replace(first, text=text)
        return ToolResultPart(call, tuple(content), is_error, name, fields.path, extra=fields.rest())

    def _awaited(self, name: str) -> str:
        named = [one.id for one in self._waiting if not name or one.name == name]
        return named[0] if named else ""


def _read_call(raw: bytes, path: str) -> ToolCallPart | OpaquePart:
    fields = fields_of(raw, path)
    kind = fields.text("type")
    if kind not in {"", "function", "custom"}:
        return OpaquePart(raw, "openai-chat", kind, path=path)
    id_ = fields.text("id") or made_up(path)
    if kind == "custom":
        custom = fields.fields("custom") or Fields({}, fields.place("custom"))
        return ToolCallPart(id_, custom.text("name"), custom.text("input"), "custom", path=path, extra=fields.rest())
    function = fields.fields("function") or Fields({}, fields.place("function"))
    return _read_function(fields, function, id_)


def _read_function(fields: Fields, function: Fields, id_: str) -> ToolCallPart:
    name, arguments = function.text("name"), function.text("arguments")
    extra = {} if function is fields else {f"function.{key}": value for key, value in function.rest().items()}
    return ToolCallPart(id_, name, arguments, path=fields.path, extra=fields.rest() | extra)
