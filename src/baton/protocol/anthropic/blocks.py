"""Content blocks of Messages -> parts, with the private state that is in them. One table of block types."""

from collections.abc import Callable

import msgspec
from msgspec import Struct

from baton.protocol.arguments import as_text
from baton.protocol.fields import Fields, fields_of, list_of, text_of
from baton.protocol.inband import is_envelope
from baton.protocol.tool_ids import made_up
from baton.types.errors import MalformedBody
from baton.types.parts import (
    CacheMarker,
    DocumentPart,
    ImagePart,
    OpaquePart,
    Origin,
    Part,
    PrivateEntry,
    PrivateKind,
    ReasoningPart,
    ServerToolPart,
    TextPart,
    ToolCallPart,
    ToolResultPart,
)

SERVER_CALLS = frozenset({"server_tool_use", "mcp_tool_use"})
SERVER_RESULT_SUFFIX = "_tool_result"


class Content(Struct):
    """Parts under construction; `private` entries are anchored as they are found."""

    parts: list[Part]
    private: list[PrivateEntry]


def read_content(raw: bytes, path: str, origin: Origin) -> Content:
    """The `content` of a message: a string, or a list of blocks."""
    content = Content([], [])
    if raw[:1] == b'"':
        content.parts.append(TextPart(text_of(raw, path), path))
    elif raw:
        for index, block in enumerate(list_of(raw, path)):
            read_block(block, f"{path}[{index}]", origin, content)
    return content


def read_block(raw: bytes, path: str, origin: Origin, into: Content) -> None:
    fields = fields_of(raw, path)
    kind = fields.text("type")
    if kind in PRIVATE_READERS:
        PRIVATE_READERS[kind](fields, origin, into)
    elif kind in SERVER_CALLS or kind.endswith(SERVER_RESULT_SUFFIX):
        into.parts.append(_server_tool(kind, fields, raw))
    else:
        into.parts.append(_plain(kind, fields, raw))
        if kind == "compaction":
            into.private.append(_entry("compaction", raw, origin, into, path))


def _plain(kind: str, fields: Fields, raw: bytes) -> Part:
    reader = READERS.get(kind)
    part = reader(fields) if reader is not None else None
    if part is not None:
        return part
    return OpaquePart(raw, "anthropic", kind, _readable(kind, raw, fields.path), fields.path)


def cache_marker(fields: Fields) -> CacheMarker | None:
    place = fields.place("cache_control")
    control = fields.fields("cache_control")
    return None if control is None else CacheMarker(control.text("ttl"), place)


# --- plain blocks ------------------------------------------------------------------------------


def _text(fields: Fields) -> Part:
    if not fields.has("text"):
        raise MalformedBody(f"`{fields.place('text')}` is missing from a text block", fields.place("text"))
    return TextPart(fields.text("text"), fields.path, cache=cache_marker(fields), extra=fields.rest())


class _Source(Struct):
    type: str = ""
    media_type: str = ""
    data: str = ""
    url: str = ""
    file_id: str = ""
    content: msgspec.Raw = msgspec.Raw(b"null")


_SOURCE = msgspec.json.Decoder(_Source)


def _source(fields: Fields) -> _Source | None:
    raw = fields.raw("source")
    try:
        return _SOURCE.decode(raw)
    except (ValueError, RecursionError):  # absent, or not as it should be
        return None


def _image(fields: Fields) -> Part | None:
    source = _source(fields)
    if source is None or source.type not in {"base64", "url", "file"}:
        return None
    return ImagePart(
        source.media_type,
        source.data,
        source.url,
        source.file_id,
        path=fields.path,
        cache=cache_marker(fields),
        extra=fields.rest(),
    )


def _document(fields: Fields) -> Part | None:
    source = _source(fields)
    if source is None:
        return None
    text = source.data if source.type == "text" else ""
    if source.type == "content":
        text = _texts_of(bytes(source.content)) or ""
        if not text:
            return None
    elif source.type not in {"base64", "url", "file", "text"}:
        return None
    return DocumentPart(
        "text/plain" if text else source.media_type or "application/pdf",
        source.data if source.type == "base64" else "",
        source.url,
        source.file_id,
        text,
        fields.text("title"),
        path=fields.path,
        cache=cache_marker(fields),
        extra=fields.rest(),
    )


def _tool_use(fields: Fields) -> Part:
    return ToolCallPart(
        fields.text("id") or made_up(fields.path),
        fields.text("name"),
        as_text(fields.raw("input") or b"{}"),
        path=fields.path,
        cache=cache_marker(fields),
        extra=fields.rest(),
    )


def _tool_result(fields: Fields) -> Part:
    place = fields.place("content")
    raw = fields.raw("content")
    pieces: list[TextPart | ImagePart | DocumentPart | OpaquePart] = []
    if raw[:1] == b'"':
        pieces.append(TextPart(text_of(raw, place), place))
    elif raw:
        for index, block in enumerate(list_of(raw, place)):
            inner = fields_of(block, f"{place}[{index}]")
            kind = inner.text("type")
            part = _plain(kind, inner, block)
            if not (
                type(part) is TextPart
                or type(part) is ImagePart
                or type(part) is DocumentPart
                or type(part) is OpaquePart
            ):
                part = OpaquePart(block, "anthropic", kind, "", inner.path)
            pieces.append(part)
    return ToolResultPart(
        fields.text("tool_use_id"),
        tuple(pieces),
        fields.flag("is_error") or False,
        path=fields.path,
        cache=cache_marker(fields),
        extra=fields.rest(),
    )


READERS: dict[str, Callable[[Fields], Part | None]] = {
    "text": _text,
    "image": _image,
    "document": _document,
    "tool_use": _tool_use,
    "tool_result": _tool_result,
}
"""None from a reader: a variant of the block that Baton does not know."""


# --- blocks with private state -----------------------------------------------------------------


def _thinking(fields: Fields, origin: Origin, into: Content) -> None:
    text = fields.text("thinking")
    signature = fields.text("signature")
    into.parts.append(ReasoningPart(text, fields.path, fields.rest()))
    if signature:
        kind: PrivateKind = "envelope" if is_envelope(signature) else "signature"
        place = fields.place("signature")
        into.private.append(_entry(kind, signature.encode("utf-8", "surrogatepass"), origin, into, place))


def _redacted(fields: Fields, origin: Origin, into: Content) -> None:
    data = fields.text("data")
    into.parts.append(ReasoningPart("", fields.path, fields.rest()))
    kind: PrivateKind = "envelope" if is_envelope(data) else "redacted"
    into.private.append(_entry(kind, data.encode("utf-8", "surrogatepass"), origin, into, fields.place("data")))


def _entry(kind: PrivateKind, payload: bytes, origin: Origin, into: Content, path: str) -> PrivateEntry:
    return PrivateEntry(kind, payload, "anthropic", origin, anchor=len(into.parts) - 1, path=path)


PRIVATE_READERS: dict[str, Callable[[Fields, Origin, Content], None]] = {
    "thinking": _thinking,
    "redacted_thinking": _redacted,
}


# --- blocks of the provider's own --------------------------------------------------------------


def _server_tool(kind: str, fields: Fields, raw: bytes) -> Part:
    call = fields.text("id") or fields.text("tool_use_id")
    name = fields.text("name") or kind.removesuffix(SERVER_RESULT_SUFFIX)
    return ServerToolPart(raw, "anthropic", name, call, fields.path)


class _Readable(Struct):
    title: str = ""
    source: str = ""
    content: msgspec.Raw = msgspec.Raw(b"null")


def _readable(kind: str, raw: bytes, path: str) -> str:
    """What of an opaque block a model of another dialect can be shown."""
    if kind != "search_result":
        return ""
    try:
        found = msgspec.json.decode(raw, type=_Readable)
    except msgspec.ValidationError as error:
        raise MalformedBody(f"`{path}` is not a search result: {error}", path) from error
    return f"{found.title} ({found.source})\n{_texts_of(bytes(found.content)) or ''}"


class _TextBlock(Struct):
    text: str
    type: str = "text"


def _texts_of(raw: bytes) -> str | None:
    """A string, or a list of nothing but text blocks, as one text; None for anything else."""
    if raw[:1] == b'"':
        return msgspec.json.decode(raw, type=str)
    try:
        return "\n".join(block.text for block in msgspec.json.decode(raw, type=list[_TextBlock]))
    except msgspec.ValidationError:
        return None
