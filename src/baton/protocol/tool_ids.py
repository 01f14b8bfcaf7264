"""Ids of tool calls that every dialect takes: what fits stays as it is, what does not becomes a hash of itself.

The new id depends on nothing but the old one, so that a history renders to the same bytes every time, and it fits
every limit that was met, so that an id that passes through several dialects is changed at most once.
"""

import hashlib
import re
from collections.abc import Iterable
from functools import lru_cache

from msgspec import Struct

from baton.types.card import Dialect
from baton.types.conversation import Conversation

PREFIX = "call_"
HASH_CHARS = 32
"""128 bits: with the prefix 37 characters, below the shortest limit seen (40, some Azure deployments)."""


class IdRule(Struct, frozen=True):
    charset: re.Pattern[str]
    length: int


_PRINTABLE = re.compile(r"[\x21-\x7e]+")
_WORD = re.compile(r"[A-Za-z0-9_-]+")
RULES: dict[Dialect, IdRule] = {
    "openai-chat": IdRule(_PRINTABLE, 64),
    "openai-responses": IdRule(_WORD, 64),
    "anthropic": IdRule(_WORD, 64),
    "gemini": IdRule(_PRINTABLE, 64),
    "ollama": IdRule(_PRINTABLE, 64),
}
NAME_LENGTHS: dict[Dialect, int] = {
    "openai-chat": 64,
    "openai-responses": 64,
    "anthropic": 128,
    "gemini": 64,
    "ollama": 64,
}
NAME_HASH_CHARS = 8
NAMES_KEPT = 4_096
"""A conversation comes again and again, with the same ids and names."""


@lru_cache(maxsize=NAMES_KEPT)
def fit(id_: str, dialect: Dialect, length: int | None = None) -> str:
    """`id_` as `dialect` takes it; `length` is a deployment's own limit where it is shorter."""
    rule = RULES[dialect]
    limit = rule.length if length is None else min(length, rule.length)
    if len(id_) <= limit and rule.charset.fullmatch(id_):
        return id_
    return PREFIX + hashlib.sha256(id_.encode("utf-8", "surrogatepass")).hexdigest()[:HASH_CHARS]


def made_up(*place: object) -> str:
    """An id for a call that came without one, from its place in the conversation."""
    return PREFIX + hashlib.sha256(repr(place).encode()).hexdigest()[:HASH_CHARS]


@lru_cache(maxsize=NAMES_KEPT)
def fit_name(name: str, dialect: Dialect) -> str:
    """A tool's name as `dialect` takes it: letters that it refuses become `_`, and a hash keeps cut names apart."""
    limit = NAME_LENGTHS[dialect]
    if len(name) <= limit and _WORD.fullmatch(name):
        return name
    mark = hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:NAME_HASH_CHARS]
    return re.sub(r"[^A-Za-z0-9_-]", "_", name)[: limit - NAME_HASH_CHARS - 1] + "_" + mark


def renamed_tools(conversation: Conversation, dialect: Dialect) -> dict[str, str]:
    """Names that differ on the wire of `dialect` -> the caller's own: for `Reply.tool_names`."""
    if conversation.dialect == dialect:
        return {}
    pairs = ((fit_name(tool.name, dialect), tool.name) for tool in conversation.tools if tool.kind != "server")
    return {wire: name for wire, name in pairs if wire != name}


class IdMap:
    """Both directions within one conversation: what was sent for an id, and which id an answer means."""

    def __init__(self, ids: Iterable[str], dialect: Dialect, length: int | None = None) -> None:
        self._dialect: Dialect = dialect
        self._length = length
        self._known = {fit(id_, dialect, length): id_ for id_ in ids}

    def fit(self, id_: str) -> str:
        return fit(id_, self._dialect, self._length)

    def restore(self, wire_id: str) -> str:
        """The conversation's own id; an id that is not of this conversation is returned as it is."""
        return self._known.get(wire_id, wire_id)
