"""A request out of a file: its body alone, or a capture, which holds path and headers beside the body."""

import msgspec
from msgspec import Raw, Struct

from baton.protocol.request import read_members
from baton.protocol.spans import TEXT, decode_member, is_text
from baton.types.card import Dialect
from baton.types.errors import MalformedBody

PATH_ENDS: tuple[tuple[str, Dialect], ...] = (
    ("/chat/completions", "openai-chat"),
    ("/responses", "openai-responses"),
    ("/messages", "anthropic"),
    (":generateContent", "gemini"),
    (":streamGenerateContent", "gemini"),
    ("/api/chat", "ollama"),
)


class SavedRequest(Struct, frozen=True):
    """`dialect` is that of the path it was sent to; None for a body without one."""

    members: dict[str, Raw]
    dialect: Dialect | None = None


def read_saved(data: bytes) -> SavedRequest:
    """Raises MalformedBody for what is neither."""
    members = read_members(data)
    if "path" not in members or "body" not in members:
        return SavedRequest(members)
    path = decode_member(members["path"], TEXT, "path", "the path that the request was sent to")
    raw = members["body"]
    body = read_members(decode_member(raw, TEXT, "body", "a body").encode() if is_text(raw) else bytes(raw))
    dialect = dialect_of_path(path)
    if dialect is None:
        raise MalformedBody(f"the capture was sent to {path!r}, where no dialect of Baton's is spoken", "path")
    return SavedRequest(body | _placed(path, dialect), dialect)


def dialect_of_path(path: str) -> Dialect | None:
    plain = path.split("?", 1)[0]
    return next((dialect for end, dialect in PATH_ENDS if plain.endswith(end)), None)


def _placed(path: str, dialect: Dialect) -> dict[str, Raw]:
    """Members that Gemini has in the path."""
    if dialect != "gemini":
        return {}
    model, _, way = path.split("?", 1)[0].rpartition("/")[2].partition(":")
    return {
        "model": Raw(msgspec.json.encode(model)),
        "stream": Raw(b"true" if way == "streamGenerateContent" else b"false"),
    }
