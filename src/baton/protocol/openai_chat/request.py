"""Facts of a Chat Completions request, read without building the conversation."""

from collections.abc import Mapping, Sequence

import msgspec
from msgspec import Raw, Struct

from baton.protocol.spans import NULL, TEXT, capped, decode_member, is_absent, is_text, optional_count
from baton.types.card import Capability
from baton.types.errors import MalformedBody
from baton.types.request import Facts

MEDIA_PARTS: dict[str, Capability] = {"image_url": "image", "input_audio": "audio", "file": "pdf"}
SYSTEM_ROLES = frozenset({"system", "developer"})
RESULT_ROLES = frozenset({"tool", "function"})


class _Message(Struct):
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
    texts, needs, media_bytes = _read_contents(messages)
    tools = _tool_names(members)
    schema = _response_schema(members)
    if tools:
        needs.add("tools")
    if schema:
        needs.add("structured_output")
    return Facts(
        user_text=capped(_last_user_texts(messages, texts)),
        system_text=capped(text for message, text in zip(messages, texts, strict=True) if message.role in SYSTEM_ROLES),
        turns=sum(message.role == "user" for message in messages),
        tools=tools,
        response_schema=schema,
        tool_results=messages[-1].role in RESULT_ROLES,
        needs=frozenset(needs),
        text_bytes=size - media_bytes,
        max_output=optional_count(members, "max_completion_tokens", "max_tokens"),
    )


def _read_contents(messages: Sequence[_Message]) -> tuple[list[str], set[Capability], int]:
    """Text per message, capabilities that the media need, and the bytes that the media take."""
    texts: list[str] = []
    needs: set[Capability] = set()
    media_bytes = 0
    for index, message in enumerate(messages):
        param = f"messages[{index}].content"
        if is_text(message.content):
            # Only what the facts keep is decoded: tool results and answers are not the caller's words.
            kept = message.role == "user" or message.role in SYSTEM_ROLES
            texts.append(decode_member(message.content, TEXT, param, "text") if kept else "")
        elif is_absent(message.content):
            texts.append("")
        else:
            parts = decode_member(message.content, PARTS, param, "text or a list of parts")
            texts.append("\n".join(_part_texts(parts, param)))
            for part in parts:
                if part.type in MEDIA_PARTS:
                    needs.add(MEDIA_PARTS[part.type])
                    media_bytes += sum(len(bytes(one)) for one in (part.image_url, part.input_audio, part.file))
    return texts, needs, media_bytes


def _part_texts(parts: list[_Part], param: str) -> list[str]:
    return [
        decode_member(part.text, TEXT, param, "text") for part in parts if part.type == "text" and is_text(part.text)
    ]


def _last_user_texts(messages: Sequence[_Message], texts: Sequence[str]) -> list[str]:
    """The texts of the user turns after the last answer; in a tool loop those that started the loop."""
    found: list[str] = []
    for message, text in zip(reversed(messages), reversed(texts), strict=True):
        if message.role == "user":
            found.append(text)
        elif found:
            break
    return found[::-1]


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
