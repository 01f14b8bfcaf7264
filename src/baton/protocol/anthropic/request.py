"""Facts of a Messages request, read without building the conversation."""

from collections.abc import Mapping

import msgspec
from msgspec import Raw, Struct

from baton.protocol.course import Asked, Role, Turn, facts_of
from baton.protocol.spans import NULL, TEXT, decode_member, is_absent, is_text, optional_count
from baton.types.card import Capability
from baton.types.errors import MalformedBody
from baton.types.request import Facts

MEDIA_BLOCKS: dict[str, Capability] = {"image": "image", "document": "pdf"}

ROLES: dict[str, Role] = {"user": "user", "assistant": "assistant", "system": "system"}


class _Block(Struct):
    type: str = ""
    text: Raw = NULL
    source: Raw = NULL
    content: Raw = NULL
    is_error: bool | None = None


class _Message(Struct):
    role: str
    content: Raw


class _Tool(Struct):
    name: str = ""
    type: str = "custom"


class _OutputConfig(Struct):
    format: Raw = NULL


MESSAGES = msgspec.json.Decoder(list[_Message])
BLOCKS = msgspec.json.Decoder(list[_Block])
TOOLS = msgspec.json.Decoder(list[_Tool])
OUTPUT_CONFIG = msgspec.json.Decoder(_OutputConfig)


def read_facts(members: Mapping[str, Raw], size: int) -> Facts:
    """`size` is the length of the body in bytes. Raises MalformedBody for wrong or missing `messages`."""
    raw = members.get("messages")
    if raw is None:
        raise MalformedBody("`messages` is missing: send the conversation as a list of messages", "messages")
    messages = decode_member(raw, MESSAGES, "messages", "a list of objects with `role` and `content`")
    if not messages:
        raise MalformedBody("`messages` is empty: send at least one message", "messages")
    system = members.get("system", NULL)
    asked = Asked(
        tools=_tool_names(members),
        response_schema=_response_schema(members),
        max_output=optional_count(members, "max_tokens"),
        system=() if is_absent(system) else (_text_of(system, "system"),),
        system_raw=system,
        marked=(raw, system, members.get("tools", NULL)) if "cache_control" not in members else None,
        session=(members["metadata"],) if "metadata" in members else (),
    )
    turns = [_read_turn(message, f"messages[{index}].content") for index, message in enumerate(messages)]
    return facts_of(turns, size, asked)


def _read_turn(message: _Message, param: str) -> Turn:
    role, content = ROLES.get(message.role, ""), message.content
    kept = role in {"user", "system"}
    if is_text(content):
        return Turn(role, decode_member(content, TEXT, param, "text") if kept else "", content)
    blocks = decode_member(content, BLOCKS, param, "text or a list of content blocks")
    turn = Turn(role, "\n".join(_texts(blocks, param)) if kept else "", content)
    for block in blocks:
        if block.type == "tool_result":
            turn.results = (*turn.results, block.content)
            turn.failed += block.is_error is True
        elif block.type in MEDIA_BLOCKS:
            turn.needs |= {MEDIA_BLOCKS[block.type]}
            turn.media_bytes += len(bytes(block.source))
    return turn


def _texts(blocks: list[_Block], param: str) -> list[str]:
    return [
        decode_member(block.text, TEXT, param, "text")
        for block in blocks
        if block.type == "text" and is_text(block.text)
    ]


def _text_of(raw: Raw, param: str) -> str:
    if is_text(raw):
        return decode_member(raw, TEXT, param, "text")
    return "\n".join(_texts(decode_member(raw, BLOCKS, param, "text or a list of text blocks"), param))


def _tool_names(members: Mapping[str, Raw]) -> tuple[str, ...]:
    raw = members.get("tools")
    if raw is None or is_absent(raw):
        return ()
    return tuple(tool.name or tool.type for tool in decode_member(raw, TOOLS, "tools", "a list of tool definitions"))


def _response_schema(members: Mapping[str, Raw]) -> bool:
    raw = members.get("output_config")
    if raw is None or is_absent(raw):
        return False
    config = decode_member(raw, OUTPUT_CONFIG, "output_config", "an object")
    return not is_absent(config.format)
