"""Facts of a Responses request, read without building the conversation."""

from collections.abc import Mapping, Sequence

import msgspec
from msgspec import Raw, Struct

from baton.protocol.openai_responses.tables import CALLER_ITEMS, RESULT_ITEMS
from baton.protocol.spans import NULL, TEXT, capped, decode_member, is_absent, is_text, optional_count
from baton.protocol.weight import REFERENCES
from baton.types.card import Capability
from baton.types.errors import MalformedBody
from baton.types.request import Facts

MEDIA_PARTS: dict[str, Capability] = {"input_image": "image", "input_audio": "audio", "input_file": "pdf"}
SYSTEM_ROLES = frozenset({"system", "developer"})
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


class _Turn(Struct):
    role: str
    """`result` for results of tools, empty for what is neither said nor a result."""
    text: str = ""
    needs: frozenset[Capability] = frozenset()
    media_bytes: int = 0


def read_facts(members: Mapping[str, Raw], size: int) -> Facts:
    """`size` is the length of the body in bytes. Raises MalformedBody for wrong or missing `input`."""
    turns = _read_turns(members)
    needs = set().union(*(turn.needs for turn in turns))
    tools = _tool_names(members)
    if tools:
        needs.add("tools")
    schema = _response_schema(members)
    if schema:
        needs.add("structured_output")
    instructions = members.get("instructions", NULL)
    system = [] if is_absent(instructions) else [decode_member(instructions, TEXT, "instructions", "text")]
    return Facts(
        user_text=capped(_last_user_texts(turns)),
        system_text=capped([*system, *(turn.text for turn in turns if turn.role in SYSTEM_ROLES)]),
        turns=sum(turn.role == "user" for turn in turns) or 1,
        tools=tools,
        response_schema=schema,
        tool_results=bool(turns) and turns[-1].role == "result",
        needs=frozenset(needs),
        text_bytes=size - sum(turn.media_bytes for turn in turns),
        max_output=optional_count(members, "max_output_tokens"),
    )


def _read_turns(members: Mapping[str, Raw]) -> list[_Turn]:
    raw = members.get("input", NULL)
    if is_absent(raw):
        if not any(name in members for name in REFERENCES["openai-responses"]):
            raise MalformedBody("`input` is missing: send a text or a list of items", "input")
        return []
    if is_text(raw):
        return [_Turn("user", decode_member(raw, TEXT, "input", INPUT))]
    items = decode_member(raw, ITEMS, "input", INPUT)
    if not items:
        raise MalformedBody("`input` is empty: send at least one item", "input")
    return [_read_item(item, f"input[{index}]") for index, item in enumerate(items)]


def _read_item(item: _Item, param: str) -> _Turn:
    if item.type in RESULTS:
        return _turn("result", item.output, f"{param}.output", kept=False)
    if item.type not in {"", "message"}:
        return _Turn("assistant" if item.type.endswith("_call") or item.type == "reasoning" else "")
    # Only what the facts keep is decoded: answers are not the caller's words.
    kept = item.role == "user" or item.role in SYSTEM_ROLES
    return _turn(item.role, item.content, f"{param}.content", kept=kept)


def _turn(role: str, content: Raw, param: str, *, kept: bool) -> _Turn:
    if is_absent(content):
        return _Turn(role)
    if is_text(content):
        return _Turn(role, decode_member(content, TEXT, param, "text") if kept else "")
    if bytes(content)[:1] == b"{":  # what tools of the vendor's own give
        return _Turn(role)
    parts = decode_member(content, PARTS, param, "text or a list of parts")
    media = [part for part in parts if part.type in MEDIA_PARTS]
    texts = [decode_member(part.text, TEXT, param, "text") for part in parts if part.type == "input_text" and kept]
    return _Turn(
        role,
        "\n".join(texts),
        frozenset(MEDIA_PARTS[part.type] for part in media),
        sum(len(bytes(one)) for part in media for one in (part.image_url, part.input_audio, part.file_data)),
    )


def _last_user_texts(turns: Sequence[_Turn]) -> list[str]:
    """The texts of the user turns after the last answer; in a tool loop those that started the loop."""
    found: list[str] = []
    for turn in reversed(turns):
        if turn.role == "user":
            found.append(turn.text)
        elif found and turn.role == "assistant":
            break
    return found[::-1]


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
