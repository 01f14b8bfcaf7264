"""Private state as a vendor makes it: reasoning sealed to its vendor, account, model family, and to what came before.

A seal is base64 of a JSON object and a MAC over it. Nobody else can make one, and it says what it is bound to, so that
`breach` can tell why a seal is not accepted. It hides nothing: a simulation has no secrets.
"""

import base64
import binascii
import hmac
from collections.abc import Sequence
from hashlib import blake2b, sha256
from typing import Any, Literal, NamedTuple

import msgspec
from msgspec import Struct

from baton.simulate.conversation import Sealed, Turn
from baton.types.card import Dialect

MAC_BYTES = 32
WITHOUT_IDS: frozenset[Dialect] = frozenset({"gemini", "ollama"})
"""Dialects in which a call needs no id, so that the prefix cannot depend on it."""

Breach = Literal["unreadable", "account", "model", "prefix", "text"]


class Owner(NamedTuple):
    """Who may use a seal: the account is the caller's key."""

    dialect: Dialect
    account: str
    family: str


class _Content(Struct, frozen=True, rename={"account": "a", "family": "f", "prefix": "p", "text": "t"}):
    account: str
    family: str
    prefix: str
    text: str


def seal(owner: Owner, turns: Sequence[Turn], text: str) -> str:
    """For the answer to these turns. Base64 without padding, so that no other text decodes to the same bytes."""
    prefix = prefix_of(turns, len(turns), owner.dialect)
    payload = msgspec.json.encode(_Content(_digest(owner.account), owner.family, prefix, text))
    payload += b" " * (-(len(payload) + MAC_BYTES) % 3)
    return base64.b64encode(payload + _mac(owner.dialect, payload)).decode()


def breach(owner: Owner, turns: Sequence[Turn], place: int, given: Sealed) -> Breach | None:
    """Why the seal that came back in turn `place` is not accepted; None where it is."""
    content = _opened(owner.dialect, given.value)
    if content is None:
        return "unreadable"
    if content.account != _digest(owner.account):
        return "account"
    if content.family != owner.family:
        return "model"
    if content.prefix != prefix_of(turns, place, owner.dialect):
        return "prefix"
    if given.text is not None and given.text != content.text:
        return "text"
    return None


def prefix_of(turns: Sequence[Turn], place: int, dialect: Dialect) -> str:
    """A digest of what can be seen before the model began to speak there, however it was cut into messages."""
    while place and turns[place - 1].role == "assistant":
        place -= 1
    merged: list[list[Any]] = []
    for turn in turns[:place]:
        visible = _visible(turn, dialect)
        if merged and turn.role != "tool" and not turn.notice and merged[-1][0] == turn.role:
            merged[-1] = [turn.role, *(old + new for old, new in zip(merged[-1][1:], visible, strict=True))]
        else:
            merged.append([turn.role, *visible])
    return _digest(msgspec.json.encode(merged).decode())


def _visible(turn: Turn, dialect: Dialect) -> list[Any]:
    named = dialect not in WITHOUT_IDS
    uses = [[use.id if named else "", use.name, _canonical(use.arguments)] for use in turn.uses]
    return [turn.notice, turn.text, turn.result_of if named else "", uses, list(turn.media)]


def _canonical(arguments: str) -> str:
    try:
        return msgspec.json.encode(msgspec.json.decode(arguments), order="sorted").decode()
    except msgspec.DecodeError:
        return arguments


def _opened(dialect: Dialect, value: str) -> _Content | None:
    try:
        raw = base64.b64decode(value.replace("-", "+").replace("_", "/"), validate=True)
        payload, mac = raw[:-MAC_BYTES], raw[-MAC_BYTES:]
        if not hmac.compare_digest(mac, _mac(dialect, payload)):
            return None
        return msgspec.json.decode(payload, type=_Content)
    except (binascii.Error, ValueError, msgspec.DecodeError):
        return None


def _mac(dialect: Dialect, payload: bytes) -> bytes:
    return hmac.new(b"simulated vendor of " + dialect.encode(), payload, sha256).digest()


def _digest(text: str) -> str:
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=12).hexdigest()
