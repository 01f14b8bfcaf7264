"""Tool arguments and results between dialects that want JSON objects and dialects that carry strings."""

import msgspec
from msgspec import Raw

INVALID = "_invalid_arguments"
"""The one member of an object that stands for arguments that are not a JSON object."""
FREE_TEXT = "input"
"""The one parameter of a free-text tool where it must be written as a function."""
ERROR_MARK = "[tool error] "

_OBJECT = msgspec.json.Decoder(dict[str, Raw])
_FREE_TEXT_SCHEMA = msgspec.json.encode(
    {"type": "object", "properties": {FREE_TEXT: {"type": "string"}}, "required": [FREE_TEXT]}
)


def as_object(arguments: str) -> tuple[bytes, bool]:
    """The JSON text of an object, and whether it says what the arguments said. Empty arguments are an empty object.

    A valid object keeps its text: spacing, escapes and number forms.
    """
    text = arguments.strip()
    if not text:
        return b"{}", True
    if _is_object(text):
        return text.encode(), True
    return msgspec.json.encode({INVALID: arguments}), False


def as_text(json: bytes) -> str:
    """The raw arguments that an object on the wire stands for: the reverse of `as_object`."""
    if INVALID.encode() in json and json[:1] == b"{":
        members = _OBJECT.decode(json)
        if list(members) == [INVALID] and bytes(members[INVALID])[:1] == b'"':
            return msgspec.json.decode(members[INVALID], type=str)
    return json.decode()


def _is_object(text: str) -> bool:
    try:
        # A plain decode and not one to Raw: bytes that are kept raw are not checked for bad escapes.
        return isinstance(msgspec.json.decode(text.encode()), dict)
    except (ValueError, RecursionError):  # msgspec.DecodeError and UnicodeError are ValueErrors
        return False


def is_complete(arguments: str) -> bool:
    """A whole JSON object: nothing can follow it."""
    return _is_object(arguments.strip())


def free_text_arguments(text: str) -> str:
    return msgspec.json.encode({FREE_TEXT: text}).decode()


def free_text_of(arguments: str) -> str | None:
    """The text inside `free_text_arguments`; None when it is something else."""
    try:
        members = msgspec.json.decode(arguments.encode())
    except (ValueError, RecursionError):
        return None
    text = members.get(FREE_TEXT) if isinstance(members, dict) and len(members) == 1 else None
    return text if isinstance(text, str) else None


def free_text_schema() -> bytes:
    return _FREE_TEXT_SCHEMA


def mark_error(text: str) -> str:
    return ERROR_MARK + text


def unmark_error(text: str) -> tuple[str, bool]:
    """The text without the mark, and whether it bore it."""
    if text.startswith(ERROR_MARK):
        return text[len(ERROR_MARK) :], True
    return text, False
