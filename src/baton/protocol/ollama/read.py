"""A chat request -> the canonical conversation."""

from collections.abc import Mapping

from msgspec import Raw
from msgspec.structs import replace

from baton.protocol.arguments import as_text, unmark_error
from baton.protocol.fields import Fields, body_members, fields_of, text_of
from baton.protocol.ollama.settings import read_settings
from baton.protocol.ollama.tables import THINKING
from baton.protocol.private import stamp
from baton.protocol.tool_ids import made_up
from baton.types.conversation import Conversation, RawTurn, Role, Turn
from baton.types.errors import MalformedBody
from baton.types.parts import (
    ImagePart,
    OpaquePart,
    Origin,
    Part,
    PrivateEntry,
    ReasoningPart,
    ResultContent,
    TextPart,
    ToolCallPart,
    ToolResultPart,
)

UNKNOWN_ORIGIN = Origin()
ROLES: dict[str, Role] = {"system": "system", "user": "user", "assistant": "assistant"}
SIGNATURES = {"iVBOR": "image/png", "/9j/": "image/jpeg", "R0lGOD": "image/gif", "UklGR": "image/webp"}
"""How the base64 of an image begins: the dialect does not say what kind it is."""


def read(body: bytes | Mapping[str, Raw], origin: Origin = UNKNOWN_ORIGIN) -> Conversation:
    """`origin` is presumed of `thinking`. Raises MalformedBody."""
    members = body_members(body)
    fields = Fields(dict(members))
    if not fields.has("messages"):
        raise MalformedBody("`messages` is missing: send the conversation as a list of messages", "messages")
    reader = _Messages(origin)
    turns = [reader.read(raw, f"messages[{index}]") for index, raw in enumerate(fields.items("messages"))]
    settings = read_settings(fields)
    return replace(settings, turns=stamp(turns), members={name: bytes(value) for name, value in members.items()})


class _Messages:
    """Reads messages in order; keeps the calls that wait for a result, which names its tool and no call."""

    def __init__(self, origin: Origin) -> None:
        self._origin = origin
        self._waiting: list[ToolCallPart] = []

    def read(self, raw: bytes, path: str) -> Turn:
        fields = fields_of(raw, path)
        label = fields.text("role")
        kept = RawTurn("ollama", raw, self._origin)
        if label == "tool":
            return Turn("user", (self._result(fields),), raw=kept, path=path, label=label)
        role = ROLES.get(label, "unknown")
        if role == "unknown":
            return Turn(role, (OpaquePart(raw, "ollama", label, path=path),), raw=kept, path=path, label=label)
        parts: list[Part] = []
        private: list[PrivateEntry] = []
        if role == "assistant":
            self._thinking(fields, parts, private)
        parts.extend(_content(fields))
        if role == "assistant":
            calls = [
                _call(call, f"{fields.place('tool_calls')}[{index}]")
                for index, call in enumerate(fields.items("tool_calls"))
            ]
            parts.extend(calls)
            self._waiting = calls or self._waiting
        return Turn(role, tuple(parts), tuple(private), kept, path, label, extra=fields.rest())

    def _thinking(self, fields: Fields, parts: list[Part], private: list[PrivateEntry]) -> None:
        place = fields.place(THINKING)
        text = fields.text(THINKING)
        if text:
            payload = text.encode("utf-8", "surrogatepass")
            parts.append(ReasoningPart(text, place))
            private.append(PrivateEntry("reasoning_text", payload, "ollama", self._origin, "", 0, place, THINKING))

    def _result(self, fields: Fields) -> ToolResultPart:
        name = fields.text("tool_name") or fields.text("name")
        id_ = fields.text("tool_call_id")
        awaited = self._awaited(id_, name)
        if awaited is not None:
            self._waiting.remove(awaited)
        call = id_ or ("" if awaited is None else awaited.id)
        content = _content(fields)
        is_error = False
        if content and isinstance(first := content[0], TextPart):
            text, is_error = unmark_error(first.text)
            content[0] = replace(first, text=text)
        return ToolResultPart(call, tuple(content), is_error, name, fields.path, extra=fields.rest())

    def _awaited(self, id_: str, name: str) -> ToolCallPart | None:
        """By its id, else the first call of that tool, or of any where there is no name."""
        if id_:
            return next((one for one in self._waiting if one.id == id_), None)
        return next((one for one in self._waiting if not name or one.name == name), None)


def _content(fields: Fields) -> list[ResultContent]:
    """The text, and after it the images."""
    found: list[ResultContent] = []
    text, place = fields.text("content"), fields.place("images")
    if text:
        found.append(TextPart(text, fields.place("content")))
    for index, raw in enumerate(fields.items("images")):
        data = text_of(raw, f"{place}[{index}]")
        found.append(ImagePart(_media_type(data), data, path=f"{place}[{index}]"))
    return found


def _media_type(data: str) -> str:
    return next((kind for start, kind in SIGNATURES.items() if data.startswith(start)), "image/png")


def _call(raw: bytes, path: str) -> ToolCallPart:
    fields = fields_of(raw, path)
    id_ = fields.text("id") or made_up(path)
    function = fields.fields("function") or Fields({}, fields.place("function"))
    name, arguments = function.text("name"), as_text(function.raw("arguments") or b"{}")
    function.raw("index")  # its place among the calls, which it stands at
    fields.text("type")
    extra = {f"function.{key}": value for key, value in function.rest().items()}
    return ToolCallPart(id_, name, arguments, path=path, extra=fields.rest() | extra)
