"""Takes what matches a pattern out of the texts of a body, and puts the pattern's name in its place.

Strings of JSON are looked at as the texts that they mean, so that no escape hides anything. A stream tells its texts in
pieces: it is read whole, and written as the whole answer that it is.
"""

import re
from collections.abc import Mapping
from typing import Any

import msgspec
from msgspec import Raw
from msgspec.structs import replace

from baton.protocol.answer_text import answer_of
from baton.protocol.dialects import Reply, grammar_of
from baton.protocol.request import read_members
from baton.protocol.splice import splice
from baton.types.card import Dialect
from baton.types.errors import BatonError, MalformedBody
from baton.types.events import Stop

MAX_DEPTH = 200


class Redactor:
    """`patterns`: name -> regular expression, searched without case. What matches becomes `[name]`."""

    def __init__(self, patterns: Mapping[str, str]) -> None:
        self._patterns = [(re.compile(pattern, re.IGNORECASE), f"[{name}]") for name, pattern in patterns.items()]

    def text(self, text: str) -> str:
        for pattern, mark in self._patterns:
            text = pattern.sub(lambda _found, mark=mark: mark, text)  # type: ignore[misc]
        return text

    def json(self, body: bytes) -> bytes:
        """The same bytes where nothing matches; else only the top-level members change that hold a match.

        Raises MalformedBody for what is no JSON object.
        """
        changed: dict[str, bytes | None] = {}
        members = read_members(body)
        for name, raw in members.items():
            value = _decoded(raw)
            redacted = self._value(value, MAX_DEPTH)
            if redacted != value:
                changed[name] = msgspec.json.encode(redacted)
        return splice(members, changed) if changed else body

    def answer(self, dialect: Dialect, body: bytes, *, stream: bool) -> bytes:
        """For keeping, not for the caller. What cannot be read is not kept at all."""
        try:
            return self.json(_as_whole(dialect, body) if stream else body) if body else b""
        except (BatonError, ValueError, RecursionError):
            return b""

    def request(self, body: bytes) -> bytes:
        """For keeping. What cannot be read is not kept at all."""
        try:
            return self.json(body)
        except (BatonError, ValueError, RecursionError):
            return b""

    def _value(self, value: Any, depth: int) -> Any:
        if isinstance(value, str):
            return self.text(value)
        if not depth:
            raise MalformedBody("the body is nested too deeply to be redacted")
        if isinstance(value, list):
            return [self._value(one, depth - 1) for one in value]
        if isinstance(value, dict):
            return {self.text(name): self._value(one, depth - 1) for name, one in value.items()}
        return value


def _decoded(raw: Raw) -> Any:
    try:
        return msgspec.json.decode(raw)
    except (ValueError, RecursionError) as error:
        raise MalformedBody(f"the body cannot be redacted: {error}") from error


def _as_whole(dialect: Dialect, stream: bytes) -> bytes:
    """Of a stream that was cut, what there was of it."""
    answer = answer_of(dialect, stream, stream=True)
    answer = replace(answer, fault=None, stop=answer.stop or Stop("incomplete"))
    return grammar_of(dialect).write_answer(answer, Reply(model=answer.model, id=answer.id)).body
