"""Facts of a Responses request, read without building the conversation."""

from collections.abc import Mapping

import msgspec
from msgspec import Raw, Struct

from baton.protocol.course import Asked, Role, Turn, facts_of
from baton.protocol.openai_responses.tables import CALLER_ITEMS, RESULT_ITEMS
from baton.protocol.spans import NULL, TEXT, decode_member, is_absent, is_text, optional_count
from baton.protocol.weight import REFERENCES
from baton.types.card import Capability
from baton.types.errors import MalformedBody
from baton.types.request import Facts

MEDIA_PARTS: dict[str, Capability] = {"input_image": "image", "input_audio": "audio", "input_file": "pdf"}
ROLES: dict[str, Role] = {"user": "user", "assistant": "assistant", "system": "system", "developer": "system"}
SESSION = ("user", "safety_identifier", "prompt_cache_key")
RESULTS = RESULT_ITEMS | CALLER_ITEMS
INPUT = "a text or a list of items"


class _Item(Struct):
    type: str = ""
    role: str = ""
    content: Raw = NULL
    output: Raw = NULL


class _Part(Struct):
    type: str = ""
    text: Raw = NULL
    image_url: Raw = NULL
    input_audio: Raw = NULL
    file_data: Raw = NULL


class _Tool(Struct):
    type: str = ""
    name: str = ""
    tools: list["_Tool"] = []


class _Format(Struct):
    type: str = "text"


class _Text(Struct):
    format: _Format | None = None


ITEMS = msgspec.json.Decoder(list[_Item])
PARTS = msgspec.json.Decoder(list[_Part])
TOOLS = msgspec.json.Decoder(list[_Tool])
TEXT_MEMBER = msgspec.json.Decoder(_Text)


def read_facts(members: Mapping[str, Raw], size: int) -> Facts:
    """`size` is the length of the body in bytes. Raises MalformedBody for wrong or missing `input`."""
    instructions = members.get("instructions", NULL)
    system = () if is_absent(instructions) else (decode_member(instructions, TEXT, "instructions", "text"),)
    asked = Asked(
        tools=_tool_names(members),
        response_schema=_response_schema(members),
        max_output=optional_count(members, "max_output_tokens"),
        system=system,
        system_raw=instructions,
        session=[members[name] for name in SESSION if name in members],
    )
    return facts_of(_read_turns(members), size, asked)


def _read_turns(members: Mapping[str, Raw]) -> list[Turn]:
    raw = members.get("input", NULL)
    if is_absent(raw):
        if not any(name in members for name in REFERENCES["openai-responses"]):
            raise MalformedBody("`input` is missing: send a text or a list of items", "input")
        return []
    if is_text(raw):
        return [Turn("user", decode_member(raw, TEXT, "input", INPUT), raw)]
    items = decode_member(raw, ITEMS, "input", INPUT)
    if not items:
        raise MalformedBody("`input` is empty: send at least one item", "input")
    return [_read_item(item, f"input[{index}]") for index, item in enumerate(items)]


def _read_item(item: _Item, param: str) -> Turn:
    if item.type in RESULTS:
        return _turn("result", item.output, f"{param}.output")
    if item.type not in {"", "message"}:
        return Turn("assistant" if item.type.endswith("_call") or item.type == "reasoning" else "")
    return _turn(ROLES.get(item.role, ""), item.content, f"{param}.content")


def _turn(role: Role, content: Raw, param: str) -> Turn:
    results = (content,) if role == "result" else ()
    # Only what the facts keep is decoded: answers are not the caller's words.
    kept = role in {"user", "system"}
    if is_absent(content):
        return Turn(role, results=results)
    if is_text(content):
        return Turn(role, decode_member(content, TEXT, param, "text") if kept else "", content, results)
    if bytes(content)[:1] == b"{":  # what tools of the vendor's own give
        return Turn(role, "", content, results)
    parts = decode_member(content, PARTS, param, "text or a list of parts")
    media = [part for part in parts if part.type in MEDIA_PARTS]
    texts = [decode_member(part.text, TEXT, param, "text") for part in parts if part.type == "input_text" and kept]
    data = [bytes(one) for part in media for one in (part.image_url, part.input_audio, part.file_data)]
    return Turn(
        role,
        "\n".join(texts),
        content,
        results,
        needs=frozenset(MEDIA_PARTS[part.type] for part in media),
        media_bytes=sum(map(len, data)),
    )


def _tool_names(members: Mapping[str, Raw]) -> tuple[str, ...]:
    raw = members.get("tools")
    if raw is None or is_absent(raw):
        return ()
    tools = decode_member(raw, TOOLS, "tools", "a list of tool definitions")
    return tuple(one.name or one.type for tool in tools for one in (tool.tools or (tool,)))


def _response_schema(members: Mapping[str, Raw]) -> bool:
    raw = members.get("text")
    if raw is None or is_absent(raw):
        return False
    format_ = decode_member(raw, TEXT_MEMBER, "text", "an object").format
    return format_ is not None and format_.type != "text"
