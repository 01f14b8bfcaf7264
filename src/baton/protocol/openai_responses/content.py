"""Content parts of Responses items -> parts. One table of part types."""

from collections.abc import Callable

import msgspec
from msgspec import Struct

from baton.protocol.data_url import split_data_url
from baton.protocol.fields import Fields, fields_of, list_of, text_of
from baton.types.errors import MalformedBody
from baton.types.parts import AudioPart, CacheMarker, DocumentPart, ImagePart, OpaquePart, TextPart

ContentPart = TextPart | ImagePart | DocumentPart | AudioPart | OpaquePart

PDF = "application/pdf"
LISTS = frozenset({"annotations", "logprobs"})
"""Members that a text of the assistant's must have, and which say nothing where they are empty."""
EMPTY = b"[]"


def read_content(raw: bytes, path: str) -> list[ContentPart]:
    """The `content` of a message or the `output` of a result: absent, a string, or a list of parts."""
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
    return OpaquePart(raw, "openai-responses", kind, path=path) if part is None else part


def _cache_marker(fields: Fields) -> CacheMarker | None:
    place = fields.place("prompt_cache_breakpoint")
    marker = fields.fields("prompt_cache_breakpoint")
    return None if marker is None else CacheMarker(marker.text("ttl"), place)


def _text(fields: Fields) -> ContentPart:
    if not fields.has("text"):
        raise MalformedBody(f"`{fields.place('text')}` is missing from a text part", fields.place("text"))
    text, cache = fields.text("text"), _cache_marker(fields)
    extra = {name: value for name, value in fields.rest().items() if name not in LISTS or value.strip() != EMPTY}
    return TextPart(text, fields.path, cache=cache, extra=extra)


def _refusal(fields: Fields) -> ContentPart:
    return TextPart(fields.text("refusal"), fields.path, refusal=True, extra=fields.rest())


def _image(fields: Fields) -> ContentPart:
    url = fields.text("image_url")
    media_type, data = split_data_url(url)
    return ImagePart(
        media_type,
        data,
        "" if data else url,
        fields.text("file_id"),
        fields.text("detail"),
        fields.path,
        _cache_marker(fields),
        fields.rest(),
    )


def _file(fields: Fields) -> ContentPart:
    given = fields.text("file_data")
    media_type, data = split_data_url(given)
    return DocumentPart(
        media_type or PDF,
        data or given,
        fields.text("file_url"),
        fields.text("file_id"),
        title=fields.text("filename"),
        path=fields.path,
        cache=_cache_marker(fields),
        extra=fields.rest(),
    )


class _InputAudio(Struct):
    data: str = ""
    format: str = ""


def _audio(fields: Fields) -> ContentPart | None:
    try:
        audio = msgspec.json.decode(fields.raw("input_audio"), type=_InputAudio)
    except (ValueError, RecursionError):
        return None
    marker = _cache_marker(fields)
    return AudioPart(f"audio/{audio.format}", audio.data, fields.path, marker, fields.rest())


READERS: dict[str, Callable[[Fields], ContentPart | None]] = {
    "input_text": _text,
    "output_text": _text,
    "text": _text,
    "refusal": _refusal,
    "input_image": _image,
    "input_file": _file,
    "input_audio": _audio,
}
"""None from a reader: a variant of the part that Baton does not know."""
