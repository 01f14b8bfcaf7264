"""Facts of a Messages request, read without building the conversation."""

from collections.abc import Mapping, Sequence

import msgspec
from msgspec import Raw, Struct

from baton.protocol.spans import NULL, TEXT, capped, decode_member, is_absent, is_text, optional_count
from baton.types.card import Capability
from baton.types.errors import MalformedBody
from baton.types.request import Facts

MEDIA_BLOCKS: dict[str, Capability] = {"image": "image", "document": "pdf"}


class _Block(Struct):
    type: str = ""
    text: Raw = NULL
    source: Raw = NULL


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
    turns = [_read_turn(message, f"messages[{index}].content") for index, message in enumerate(messages)]
    needs = set().union(*(turn.needs for turn in turns))
    tools = _tool_names(members)
    if tools:
        needs.add("tools")
    schema = _response_schema(members)
    if schema:
        needs.add("structured_output")
    system = members.get("system")
    return Facts(
        user_text=capped(_last_user_texts(turns)),
        system_text=capped([_text_of(system, "system")] if system is not None else ()),
        turns=sum(turn.role == "user" and not turn.tool_results for turn in turns) or 1,
        tools=tools,
        response_schema=schema,
        tool_results=turns[-1].tool_results,
        needs=frozenset(needs),
        text_bytes=size - sum(turn.media_bytes for turn in turns),
        max_output=optional_count(members, "max_tokens"),
    )


class _Turn(Struct):
    role: str
    text: str
    tool_results: bool
    needs: frozenset[Capability]
    media_bytes: int


def _read_turn(message: _Message, param: str) -> _Turn:
    if is_text(message.content):
        text = decode_member(message.content, TEXT, param, "text") if message.role == "user" else ""
        return _Turn(message.role, text, False, frozenset(), 0)
    blocks = decode_member(message.content, BLOCKS, param, "text or a list of content blocks")
    media = [block for block in blocks if block.type in MEDIA_BLOCKS]
    return _Turn(
        role=message.role,
        text="\n".join(_texts(blocks, param)) if message.role == "user" else "",
        tool_results=any(block.type == "tool_result" for block in blocks),
        needs=frozenset(MEDIA_BLOCKS[block.type] for block in media),
        media_bytes=sum(len(bytes(block.source)) for block in media),
    )


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


def _last_user_texts(turns: Sequence[_Turn]) -> list[str]:
    """The texts of the user turns after the last answer; in a tool loop those that started the loop."""
    found: list[str] = []
    for turn in reversed(turns):
        if turn.role == "user":
            if turn.text:
                found.append(turn.text)
        elif found and turn.role == "assistant":
            break
    return found[::-1]


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
