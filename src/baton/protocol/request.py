"""Bytes of a request -> `Request`: only what routing reads is decoded, the rest stays the caller's own bytes."""

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import TypeVar

import msgspec
from msgspec import Raw

from baton.protocol.spans import TEXT, decode_member, is_absent
from baton.protocol.wish import HEADER_PREFIX, NO_WISH, read_wish
from baton.types.card import Dialect
from baton.types.errors import MalformedBody
from baton.types.request import Facts, Request

T = TypeVar("T")

NO_MEMBERS: Mapping[str, Raw] = {}

MEMBERS = msgspec.json.Decoder(dict[str, Raw])
FLAG = msgspec.json.Decoder(bool)

FactsReader = Callable[[Mapping[str, Raw], int], Facts]
_PACKAGES: dict[Dialect, str] = {
    "openai-chat": "baton.protocol.openai_chat.request",
    "openai-responses": "baton.protocol.openai_responses.request",
    "anthropic": "baton.protocol.anthropic.request",
    "gemini": "baton.protocol.gemini.request",
    "ollama": "baton.protocol.ollama.request",
}
_READERS: dict[Dialect, FactsReader] = {}
STREAMS_UNASKED = frozenset({"ollama"})
"""Dialects that stream where the caller says nothing."""


def read_request(
    dialect: Dialect, body: bytes, headers: Mapping[str, str], placed: Mapping[str, Raw] = NO_MEMBERS
) -> Request:
    """`placed` are members that stood in the path.

    Raises MalformedBody when the body is not a request of this dialect; the text names the member at fault.
    """
    members = read_members(body)
    if placed:
        members |= placed
    model = _member(members, "model", TEXT)
    if not model:
        raise MalformedBody("`model` must be a non-empty string: a model id, an alias, or 'auto'", "model")
    stream = _member(members, "stream", FLAG)
    options = members.get("stream_options")
    wish = NO_WISH
    if "baton" in members or HEADER_PREFIX in " ".join(headers):
        wish = read_wish(members.get("baton"), headers)
    return Request(
        dialect=dialect,
        model=model,
        stream=stream is True or (stream is None and dialect in STREAMS_UNASKED),
        members=members,
        wish=wish,
        facts=_facts_reader(dialect)(members, len(body)),
        include_usage=options is not None and _asks_for_usage(options),
    )


def read_members(body: bytes) -> dict[str, Raw]:
    """The top-level members of a JSON object, each as its own bytes."""
    if not body:
        raise MalformedBody("the body is empty: send a JSON object")
    try:
        if not body.isascii():
            body.decode()
        return MEMBERS.decode(body)
    except UnicodeDecodeError as error:
        raise MalformedBody(f"the body is not valid UTF-8: {error.reason} at byte {error.start}") from error
    except msgspec.ValidationError as error:
        raise MalformedBody(f"the body must be a JSON object: {error}") from error
    except msgspec.DecodeError as error:
        raise MalformedBody(f"the body is not valid JSON: {error}") from error
    except RecursionError as error:
        raise MalformedBody("the body is nested too deeply: at most some hundred levels are read") from error


def _member(members: Mapping[str, Raw], name: str, decoder: msgspec.json.Decoder[T]) -> T | None:
    raw = members.get(name)
    if raw is None or is_absent(raw):
        return None
    return decode_member(raw, decoder, name, "a string" if decoder is TEXT else "true or false")


def _asks_for_usage(options: Raw) -> bool:
    return b'"include_usage"' in (text := bytes(options)) and b"true" in text


def _facts_reader(dialect: Dialect) -> FactsReader:
    reader = _READERS.get(dialect)
    if reader is None:
        reader = _READERS[dialect] = import_module(_PACKAGES[dialect]).read_facts
    return reader
