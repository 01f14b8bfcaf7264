"""Facts of a chat request, read without building the conversation."""

from collections.abc import Mapping, Sequence

import msgspec
from msgspec import Raw, Struct

from baton.protocol.spans import NULL, capped, decode_member, is_absent
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
NO_FORMATS = frozenset({b"null", b'""'})


def read_facts(members: Mapping[str, Raw], size: int) -> Facts:
    """`size` is the length of the body in bytes. Raises MalformedBody for wrong or missing `messages`."""
    raw = members.get("messages")
    if raw is None:
        raise MalformedBody("`messages` is missing: send the conversation as a list of messages", "messages")
    messages = decode_member(raw, MESSAGES, "messages", "a list of objects with a `role` and text `content`")
    if not messages:
        raise MalformedBody("`messages` is empty: send at least one message", "messages")
    tools = _tool_names(members)
    schema = bytes(members.get("format", NULL)) not in NO_FORMATS
    media_bytes = sum(len(bytes(image)) for message in messages for image in message.images or ())
    needs: set[Capability] = set()
    if media_bytes:
        needs.add("image")
    if tools:
        needs.add("tools")
    if schema:
        needs.add("structured_output")
    return Facts(
        user_text=capped(_last_user_texts(messages)),
        system_text=capped(message.content or "" for message in messages if message.role == "system"),
        turns=sum(message.role == "user" for message in messages),
        tools=tools,
        response_schema=schema,
        tool_results=messages[-1].role == "tool",
        needs=frozenset(needs),
        text_bytes=size - media_bytes,
        max_output=_max_output(members),
    )


def _last_user_texts(messages: Sequence[_Message]) -> list[str]:
    """The texts of the user turns after the last answer; in a tool loop those that started the loop."""
    found: list[str] = []
    for message in reversed(messages):
        if message.role == "user":
            found.append(message.content or "")
        elif found:
            break
    return found[::-1]


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
