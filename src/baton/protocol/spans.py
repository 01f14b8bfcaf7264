"""Shared by the dialects' facts readers: decoding members, capping text, the caller's own words."""

from collections.abc import Iterable, Mapping
from typing import TypeVar

import msgspec
from msgspec import Raw

from baton.types.errors import MalformedBody

T = TypeVar("T")

HEAD_CHARS = 3_000
TAIL_CHARS = 3_000
"""Reading is capped, so that the cost of a decision does not grow with the prompt."""

TEXT = msgspec.json.Decoder(str)
NULL = Raw(b"null")
"""Default of members that may be left out: a struct cannot hold `Raw | None`."""

COUNT = msgspec.json.Decoder(int)


def decode_member(raw: Raw | bytes, decoder: msgspec.json.Decoder[T], param: str, expected: str) -> T:
    """Decode one member; MalformedBody says which one is wrong and what was expected."""
    try:
        return decoder.decode(raw)
    except RecursionError as error:
        raise MalformedBody(f"`{param}` is nested too deeply", param) from error
    except ValueError as error:
        raise MalformedBody(f"`{param}` must be {expected}: {error}", param) from error


def optional_count(members: Mapping[str, Raw], *names: str) -> int | None:
    """The first of these members that is present and not null, as a positive number of tokens."""
    for name in names:
        raw = members.get(name)
        if raw is None or is_absent(raw):
            continue
        count = decode_member(raw, COUNT, name, "a whole number of tokens")
        if count < 1:
            raise MalformedBody(f"`{name}` must be at least 1, not {count}", name)
        return count
    return None


def is_absent(raw: Raw | bytes) -> bool:
    return bytes(raw) == b"null"


def is_text(raw: Raw | bytes) -> bool:
    return bytes(raw)[:1] == b'"'


def capped(pieces: Iterable[str]) -> str:
    """Join with newlines; a long text keeps its head and its tail."""
    text = "\n".join([piece for piece in pieces if piece])
    if len(text) <= HEAD_CHARS + TAIL_CHARS:
        return text
    return text[:HEAD_CHARS] + "\n" + text[-TAIL_CHARS:]
