"""Facts of a `generateContent` request, read without building the conversation."""

from collections.abc import Iterator, Mapping

import msgspec
from msgspec import Raw, Struct

from baton.protocol.course import Asked, Turn, facts_of
from baton.protocol.gemini.names import Members, members_of
from baton.protocol.spans import NULL
from baton.types.card import Capability
from baton.types.errors import MalformedBody
from baton.types.request import Facts

MEDIA_TYPES: tuple[tuple[str, Capability], ...] = (
    ("image/", "image"),
    ("audio/", "audio"),
    ("application/pdf", "pdf"),
)


class _FunctionResponse(Struct):
    response: Raw = NULL


RESPONSE = msgspec.json.Decoder(_FunctionResponse)


def read_facts(members: Mapping[str, Raw], size: int) -> Facts:
    """`size` is the length of the body in bytes. Raises MalformedBody for wrong or missing `contents`."""
    fields = Members(dict(members))
    if not fields.has("contents"):
        raise MalformedBody("`contents` is missing: send the conversation as a list of contents", "contents")
    turns = [_read_turn(raw, f"contents[{index}]") for index, raw in enumerate(fields.items("contents"))]
    if not turns:
        raise MalformedBody("`contents` is empty: send at least one content", "contents")
    config = fields.fields("generationConfig") or Members({}, "generationConfig")
    schema = any(config.has(name) for name in ("responseSchema", "responseJsonSchema"))
    asked = Asked(
        tools=tuple(_tool_names(fields)),
        response_schema=schema or config.text("responseMimeType") == "application/json",
        max_output=_max_output(config),
        system_raw=members.get("systemInstruction", members.get("system_instruction", NULL)),
        system=tuple(_system_texts(fields)),
    )
    return facts_of(turns, size, asked)


def _read_turn(raw: bytes, path: str) -> Turn:
    fields = members_of(raw, path)
    turn = Turn("assistant" if fields.text("role") == "model" else "user", content=raw)
    texts: list[str] = []
    for index, part in enumerate(fields.items("parts")):
        _read_part(members_of(part, f"{fields.place('parts')}[{index}]"), turn, texts)
    turn.text = "\n".join(texts)
    return turn


def _read_part(part: Members, turn: Turn, texts: list[str]) -> None:
    if part.has("functionResponse"):
        turn.results = (*turn.results, _response_of(part.raw("functionResponse")))
    elif part.has("inlineData") or part.has("fileData"):
        raw = part.raw("inlineData")
        medium = members_of(raw, part.place("inlineData")) if raw else part.fields("fileData")
        media_type = medium.text("mimeType") if medium is not None else ""
        turn.needs |= {need for begin, need in MEDIA_TYPES if media_type.startswith(begin)}
        turn.media_bytes += len(raw)
    elif turn.role != "assistant" and part.has("text"):
        texts.append(part.text("text"))


def _response_of(raw: bytes) -> bytes:
    """What the function gave, without its name."""
    return bytes(RESPONSE.decode(raw).response) if raw[:1] == b"{" else raw


def _system_texts(fields: Members) -> Iterator[str]:
    place = fields.place("systemInstruction")
    raw = fields.raw("systemInstruction")
    if raw[:1] == b'"':
        yield Members({"text": Raw(raw)}, place).text("text")
    elif raw:
        for part in members_of(raw, place).items("parts"):
            yield members_of(part, place).text("text")


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
