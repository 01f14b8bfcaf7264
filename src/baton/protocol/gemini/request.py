"""Facts of a `generateContent` request, read without building the conversation."""

from collections.abc import Iterator, Mapping, Sequence

from msgspec import Raw, Struct

from baton.protocol.gemini.names import Members, members_of
from baton.protocol.spans import capped
from baton.types.card import Capability
from baton.types.errors import MalformedBody
from baton.types.request import Facts

MEDIA_TYPES: tuple[tuple[str, Capability], ...] = (
    ("image/", "image"),
    ("audio/", "audio"),
    ("application/pdf", "pdf"),
)


class _Turn(Struct):
    role: str
    texts: list[str]
    tool_results: bool = False
    needs: set[Capability] = set()
    media_bytes: int = 0


def read_facts(members: Mapping[str, Raw], size: int) -> Facts:
    """`size` is the length of the body in bytes. Raises MalformedBody for wrong or missing `contents`."""
    fields = Members(dict(members))
    if not fields.has("contents"):
        raise MalformedBody("`contents` is missing: send the conversation as a list of contents", "contents")
    turns = [_read_turn(raw, f"contents[{index}]") for index, raw in enumerate(fields.items("contents"))]
    if not turns:
        raise MalformedBody("`contents` is empty: send at least one content", "contents")
    needs = set().union(*(turn.needs for turn in turns))
    tools = tuple(_tool_names(fields))
    if tools:
        needs.add("tools")
    config = fields.fields("generationConfig") or Members({}, "generationConfig")
    schema = any(config.has(name) for name in ("responseSchema", "responseJsonSchema"))
    schema = schema or config.text("responseMimeType") == "application/json"
    if schema:
        needs.add("structured_output")
    return Facts(
        user_text=capped(_last_user_texts(turns)),
        system_text=capped(_system_texts(fields)),
        turns=sum(turn.role != "model" and not turn.tool_results for turn in turns) or 1,
        tools=tools,
        response_schema=schema,
        tool_results=turns[-1].tool_results,
        needs=frozenset(needs),
        text_bytes=size - sum(turn.media_bytes for turn in turns),
        max_output=_max_output(config),
    )


def _read_turn(raw: bytes, path: str) -> _Turn:
    fields = members_of(raw, path)
    turn = _Turn(fields.text("role"), [], needs=set())
    for index, part in enumerate(fields.items("parts")):
        _read_part(members_of(part, f"{fields.place('parts')}[{index}]"), turn)
    return turn


def _read_part(part: Members, turn: _Turn) -> None:
    if part.has("functionResponse"):
        turn.tool_results = True
    elif part.has("inlineData") or part.has("fileData"):
        raw = part.raw("inlineData")
        medium = members_of(raw, part.place("inlineData")) if raw else part.fields("fileData")
        media_type = medium.text("mimeType") if medium is not None else ""
        turn.needs.update(need for begin, need in MEDIA_TYPES if media_type.startswith(begin))
        turn.media_bytes += len(raw)
    elif turn.role != "model" and part.has("text"):
        turn.texts.append(part.text("text"))


def _system_texts(fields: Members) -> Iterator[str]:
    place = fields.place("systemInstruction")
    raw = fields.raw("systemInstruction")
    if raw[:1] == b'"':
        yield Members({"text": Raw(raw)}, place).text("text")
    elif raw:
        for part in members_of(raw, place).items("parts"):
            yield members_of(part, place).text("text")


def _last_user_texts(turns: Sequence[_Turn]) -> list[str]:
    """The texts of the user turns after the last answer; in a tool loop those that started the loop."""
    found: list[str] = []
    for turn in reversed(turns):
        if turn.role == "model":
            if found:
                break
        elif turn.texts:
            found.append("\n".join(turn.texts))
    return found[::-1]


def _tool_names(fields: Members) -> Iterator[str]:
    for index, raw in enumerate(fields.items("tools")):
        tool = members_of(raw, f"tools[{index}]")
        for function in tool.items("functionDeclarations"):
            yield members_of(function, tool.path).text("name")
        yield from (name for name, value in tool.rest().items() if value != b"null")


def _max_output(config: Members) -> int | None:
    limit = config.count("maxOutputTokens")
    if limit is not None and limit < 1:
        place = config.place("maxOutputTokens")
        raise MalformedBody(f"`{place}` must be at least 1, not {limit}", place)
    return limit
