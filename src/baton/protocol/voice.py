"""The voice of each dialect: how errors are written, how usage is read, how a relayed stream is watched."""

from functools import cache
from importlib import import_module
from typing import Protocol

from baton.protocol.watch import Watch
from baton.types.card import Dialect
from baton.types.errors import BatonError
from baton.types.money import Usage


class Voice(Protocol):
    """The functions that every `relay.py` has under these names."""

    def write_error(self, error: BatonError, request_id: str) -> bytes:
        """The body of an error answer."""
        ...

    def write_error_event(self, error: BatonError, request_id: str) -> bytes:
        """An error inside a stream that has begun; the stream is closed after it."""
        ...

    def read_usage(self, body: bytes) -> Usage | None:
        """Usage of a whole answer; None when it has none. Raises msgspec.DecodeError when it is not a JSON object."""
        ...

    def watch(self, *, hide_usage: bool, hold_end: bool) -> Watch: ...

    def write_note(self, note: bytes) -> bytes:
        """Baton's own JSON object as one more stream event that SDKs of the dialect pass over."""
        ...


_MODULES: dict[Dialect, str] = {
    "openai-chat": "baton.protocol.openai_chat.relay",
    "openai-responses": "baton.protocol.openai_responses.relay",
    "anthropic": "baton.protocol.anthropic.relay",
    "gemini": "baton.protocol.gemini.relay",
    "ollama": "baton.protocol.ollama.relay",
}


@cache
def voice_of(dialect: Dialect) -> Voice:
    return import_module(_MODULES[dialect])
