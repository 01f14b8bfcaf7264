"""Content parts of Chat Completions messages -> parts. One table of part types."""

from collections.abc import Callable

import msgspec
from msgspec import Struct

from baton.protocol.data_url import split_data_url
from baton.protocol.fields import Fields, fields_of, list_of, text_of
from baton.types.errors import MalformedBody
from baton.types.parts import AudioPart, CacheMarker, DocumentPart, ImagePart, OpaquePart, TextPart

ContentPart = TextPart | ImagePart | DocumentPart | AudioPart | OpaquePart


def read_content(raw: bytes, path: str) -> list[ContentPart]:
    """The `content` of a message: absent, a string, or a list of parts."""
    if raw[:1] == b'"':
        return [TextPart(text_of(raw, path), path)]
    if not raw:
        return []
    return [_read_part(part, f"{path}[{index}]") for index, part in enumerate(list_of(raw, path))]


def _read_part(raw: bytes, path: str) -> ContentPart:
    fields = fields_of(raw, path)
    kind = fields.text("type")
    reader = READERS.get(kind)
    part = reader(fields) if reader is not None else None
    return OpaquePart(raw, "openai-chat", kind, path=path) if part is None else part


def cache_marker(fields: Fields) -> CacheMarker | None:
    place = fields.place("prompt_cache_breakpoint")
    marker = fields.fields("prompt_cache_breakpoint")
    return None if marker is None else CacheMarker(marker.text("ttl"), place)


def _text(fields: Fields) -> ContentPart:
    if not fields.has("text"):
        raise MalformedBody(f"`{fields.place('text')}` is missing from a text part", fields.place("text"))
    return TextPart(fields.text("text"), fields.path, cache=cache_marker(fields), extra=fields.rest())


def _refusal(fields: Fields) -> ContentPart:
    return TextPart(fields.text("refusal"), fields.path, refusal=True, extra=fields.rest())


class _ImageUrl(Struct):
    url: str = ""
    detail: str | None = None


class _InputAudio(Struct):
    data: str = ""
    format: str = ""


class _File(Struct):
    file_data: str | None = None
    file_id: str | None = None
    filename: str | None = None


def _image(fields: Fields) -> ContentPart | None:
    raw = fields.raw("image_url")
    try:
        # Some servers take the bare URL.
        image = _ImageUrl(text_of(raw, fields.path)) if raw[:1] == b'"' else msgspec.json.decode(raw, type=_ImageUrl)
    except (ValueError, RecursionError):
        return None
    media_type, data = split_data_url(image.url)
    return ImagePart(
        media_type,
        data,
        "" if data else image.url,
        detail=image.detail or "",
        path=fields.path,
        cache=cache_marker(fields),
        extra=fields.rest(),
    )


def _audio(fields: Fields) -> ContentPart | None:
    try:
        audio = msgspec.json.decode(fields.raw("input_audio"), type=_InputAudio)
    except (ValueError, RecursionError):
        return None
    marker = cache_marker(fields)
    return AudioPart(f"audio/{audio.format}", audio.data, fields.path, marker, fields.rest())


def _file(fields: Fields) -> ContentPart | None:
    try:
        file = msgspec.json.decode(fields.raw("file"), type=_File)
    except (ValueError, RecursionError):
        return None
    media_type, data = split_data_url(file.file_data or "")
    return DocumentPart(
        media_type or "application/pdf",
        data or file.file_data or "",
        file_id=file.file_id or "",
        title=file.filename or "",
        path=fields.path,
        cache=cache_marker(fields),
        extra=fields.rest(),
    )


READERS: dict[str, Callable[[Fields], ContentPart | None]] = {
    "text": _text,
    "refusal": _refusal,
    "image_url": _image,
    "input_audio": _audio,
    "file": _file,
}
"""None from a reader: a variant of the part that Baton does not know."""
