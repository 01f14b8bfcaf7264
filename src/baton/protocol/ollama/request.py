"""Facts of a chat request, read without building the conversation."""

from collections.abc import Mapping

import msgspec
from msgspec import Raw, Struct

from baton.protocol.course import Asked, Role, Turn, facts_of
from baton.protocol.spans import NULL, decode_member, is_absent
from baton.types.card import Capability
from baton.types.errors import MalformedBody
from baton.types.request import Facts


class _Message(Struct):
    role: str
    content: str | None = None
    images: list[Raw] | None = None


class _Function(Struct):
    name: str = ""


class _Tool(Struct):
    type: str = "function"
    function: _Function | None = None


class _Options(Struct):
    num_predict: int | None = None


MESSAGES = msgspec.json.Decoder(list[_Message])
TOOLS = msgspec.json.Decoder(list[_Tool])
OPTIONS = msgspec.json.Decoder(_Options)
ROLES: dict[str, Role] = {"user": "user", "assistant": "assistant", "system": "system", "tool": "result"}
IMAGE: frozenset[Capability] = frozenset({"image"})
NO_FORMATS = frozenset({b"null", b'""'})


def read_facts(members: Mapping[str, Raw], size: int) -> Facts:
    """`size` is the length of the body in bytes. Raises MalformedBody for wrong or missing `messages`."""
    raw = members.get("messages")
    if raw is None:
        raise MalformedBody("`messages` is missing: send the conversation as a list of messages", "messages")
    messages = decode_member(raw, MESSAGES, "messages", "a list of objects with a `role` and text `content`")
    if not messages:
        raise MalformedBody("`messages` is empty: send at least one message", "messages")
    asked = Asked(
        tools=_tool_names(members),
        response_schema=bytes(members.get("format", NULL)) not in NO_FORMATS,
        max_output=_max_output(members),
    )
    return facts_of([_read_turn(message) for message in messages], size, asked)


def _read_turn(message: _Message) -> Turn:
    role = ROLES.get(message.role, "")
    turn = Turn(role, message.content or "" if role in {"user", "system"} else "", msgspec.json.encode(message.content))
    if role == "result":
        turn.results = (turn.content,)
    if message.images:
        turn.needs = IMAGE
        turn.media_bytes = sum(len(bytes(image)) for image in message.images)
    return turn


def _tool_names(members: Mapping[str, Raw]) -> tuple[str, ...]:
    raw = members.get("tools")
    if raw is None or is_absent(raw):
        return ()
    tools = decode_member(raw, TOOLS, "tools", "a list of tool definitions")
    return tuple((tool.function or _Function(tool.type)).name for tool in tools)


def _max_output(members: Mapping[str, Raw]) -> int | None:
    """Zero and negative numbers of tokens mean that there is no limit."""
    raw = members.get("options")
    if raw is None or is_absent(raw):
        return None
    limit = decode_member(raw, OPTIONS, "options", "an object of options").num_predict
    return limit if limit is not None and limit > 0 else None
