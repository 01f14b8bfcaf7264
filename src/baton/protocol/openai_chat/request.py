"""Facts of a Chat Completions request, read without building the conversation."""

from collections.abc import Mapping

import msgspec
from msgspec import Raw, Struct

from baton.protocol.course import Asked, Role, Turn, facts_of
from baton.protocol.spans import NULL, TEXT, decode_member, is_absent, is_text, optional_count
from baton.types.card import Capability
from baton.types.errors import MalformedBody
from baton.types.request import Facts

MEDIA_PARTS: dict[str, Capability] = {"image_url": "image", "input_audio": "audio", "file": "pdf"}
ROLES: dict[str, Role] = {
    "user": "user", "assistant": "assistant", "system": "system", "developer": "system", "tool": "result",
    "function": "result",
}  # fmt: skip
SESSION = ("user", "prompt_cache_key")


class _Message(Struct, gc=False):
    role: str
    content: Raw = NULL


class _Part(Struct):
    type: str = ""
    text: Raw = NULL
    image_url: Raw = NULL
    input_audio: Raw = NULL
    file: Raw = NULL


class _Function(Struct):
    name: str = ""


class _Tool(Struct):
    type: str = "function"
    function: _Function | None = None
    custom: _Function | None = None


class _ResponseFormat(Struct):
    type: str = "text"


MESSAGES = msgspec.json.Decoder(list[_Message])
PARTS = msgspec.json.Decoder(list[_Part])
TOOLS = msgspec.json.Decoder(list[_Tool])
RESPONSE_FORMAT = msgspec.json.Decoder(_ResponseFormat)


def read_facts(members: Mapping[str, Raw], size: int) -> Facts:
    """`size` is the length of the body in bytes. Raises MalformedBody for wrong or missing `messages`."""
    raw = members.get("messages")
    if raw is None:
        raise MalformedBody("`messages` is missing: send the conversation as a list of messages", "messages")
    messages = decode_member(raw, MESSAGES, "messages", "a list of objects with a `role`")
    if not messages:
        raise MalformedBody("`messages` is empty: send at least one message", "messages")
    asked = Asked(
        tools=_tool_names(members),
        response_schema=_response_schema(members),
        max_output=optional_count(members, "max_completion_tokens", "max_tokens"),
        session=[members[name] for name in SESSION if name in members],
    )
    return facts_of([_read_turn(message, index) for index, message in enumerate(messages)], size, asked)


def _read_turn(message: _Message, index: int) -> Turn:
    role, content = ROLES.get(message.role, ""), message.content
    if role == "result":
        return Turn(role, "", content, (content,))
    if is_text(content):
        # Only what the facts keep is decoded: answers are not the caller's words.
        kept = role in {"user", "system"}
        return Turn(role, decode_member(content, TEXT, f"messages[{index}].content", "text") if kept else "", content)
    if is_absent(content):
        return Turn(role)
    param = f"messages[{index}].content"
    parts = decode_member(content, PARTS, param, "text or a list of parts")
    turn = Turn(role, "\n".join(_part_texts(parts, param)), content)
    media = [part for part in parts if part.type in MEDIA_PARTS]
    if media:
        turn.needs = frozenset(MEDIA_PARTS[part.type] for part in media)
        turn.media_bytes = sum(
            len(bytes(one)) for part in media for one in (part.image_url, part.input_audio, part.file)
        )
    return turn


def _part_texts(parts: list[_Part], param: str) -> list[str]:
    return [
        decode_member(part.text, TEXT, param, "text") for part in parts if part.type == "text" and is_text(part.text)
    ]


def _tool_names(members: Mapping[str, Raw]) -> tuple[str, ...]:
    raw = members.get("tools")
    if raw is None or is_absent(raw):
        return ()
    tools = decode_member(raw, TOOLS, "tools", "a list of tool definitions")
    return tuple((tool.function or tool.custom or _Function(tool.type)).name for tool in tools)


def _response_schema(members: Mapping[str, Raw]) -> bool:
    raw = members.get("response_format")
    if raw is None or is_absent(raw):
        return False
    return decode_member(raw, RESPONSE_FORMAT, "response_format", "an object with a `type`").type != "text"
