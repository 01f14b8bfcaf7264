"""Who asks. Keys are compared by their SHA-256, so that time tells nothing about them; none configured: anyone may."""

import hashlib
from collections.abc import Mapping, Sequence

from baton.config.schema import KeyConfig
from baton.types.errors import Unauthorized
from baton.types.request import Caller

ANYONE = Caller()
WAYS = "'Authorization: Bearer KEY', 'x-api-key: KEY' or 'x-goog-api-key: KEY'"
HASH_PREFIX = "sha256:"


class Keys:
    def __init__(self, keys: Sequence[KeyConfig]) -> None:
        self._callers = {_digest_of(key): _caller_of(key) for key in keys}

    def caller(self, headers: Mapping[str, str], *, free: bool = False) -> Caller:
        """Raises Unauthorized for a missing or unknown key, unless nothing is locked or the door is free."""
        if free or not self._callers:
            return ANYONE
        given = key_in(headers)
        if given is None:
            raise Unauthorized(f"a key is needed: send it as {WAYS}")
        caller = self._callers.get(hashlib.sha256(given.encode("latin-1")).hexdigest())
        if caller is None:
            raise Unauthorized("this key is not known here: check server.keys in the config")
        return caller


def key_in(headers: Mapping[str, str]) -> str | None:
    bearer = headers.get("authorization", "")
    if bearer[:7].lower() == "bearer ":
        return bearer[7:].strip()
    return headers.get("x-api-key") or headers.get("x-goog-api-key")


def _digest_of(key: KeyConfig) -> str:
    text = key.key.reveal()
    if text.startswith(HASH_PREFIX):
        return text.removeprefix(HASH_PREFIX).lower()
    return hashlib.sha256(text.encode()).hexdigest()


def _caller_of(key: KeyConfig) -> Caller:
    return Caller(key.name, key.models, key.floor, key.min_quality, key.lambda_, key.task_type)
