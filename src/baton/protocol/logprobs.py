"""How sure a model was of its words: asked for where the caller did not, read from the answer, and taken out again."""

from collections.abc import Iterator, Mapping
from math import fsum, isfinite

import msgspec
from msgspec import Raw, Struct

from baton.protocol.request import read_members
from baton.protocol.splice import splice
from baton.types.card import Dialect
from baton.types.events import AnswerMessage

ASKABLE = frozenset[Dialect]({"openai-chat", "ollama"})
"""Dialects with one plain member for it. Gemini gives its average unasked; the others give none, or not so easily."""
MEMBER = "logprobs"
NULL = b"null"
_OBJECT = msgspec.json.Decoder(dict[str, Raw])
_CHOICES = msgspec.json.Decoder(list[dict[str, Raw]])


class _Token(Struct):
    logprob: float


class _OfChat(Struct):
    content: list[_Token] | None = None


class _OfGemini(Struct):
    chosenCandidates: list["_Chosen"] | None = None  # noqa: N815 - the wire's own word


class _Chosen(Struct):
    logProbability: float  # noqa: N815


_CHAT = msgspec.json.Decoder(_OfChat)
_TOKENS = msgspec.json.Decoder(list[_Token])
_GEMINI = msgspec.json.Decoder(_OfGemini)
_NUMBER = msgspec.json.Decoder(float)


def asking_for_logprobs(dialect: Dialect, body: bytes) -> bytes | None:
    """The outgoing body with the wish for them; None where the dialect has none, or the caller has said something."""
    if dialect not in ASKABLE:
        return None
    members = read_members(body)
    if MEMBER in members and bytes(members[MEMBER]) != NULL:
        return None
    return splice(members, {MEMBER: b"true"})


def mean_logprob(answer: AnswerMessage) -> float | None:
    """Mean natural log-probability of the answer's tokens; None where it carries none that can be read."""
    average: float | None = None
    found: list[float] = []
    for event in answer.opaque:
        try:
            if (event.dialect, event.name) == ("openai-chat", "logprobs"):
                found += [token.logprob for token in _CHAT.decode(event.json).content or ()]
            elif (event.dialect, event.name) == ("ollama", "logprobs"):
                found += [token.logprob for token in _TOKENS.decode(event.json)]
            elif (event.dialect, event.name) == ("gemini", "logprobsResult"):
                found += [chosen.logProbability for chosen in _GEMINI.decode(event.json).chosenCandidates or ()]
            elif (event.dialect, event.name) == ("gemini", "avgLogprobs"):
                average = _NUMBER.decode(event.json)
        except (ValueError, RecursionError):
            continue
    mean = fsum(found) / len(found) if found and all(map(isfinite, found)) else average
    return mean if mean is not None and isfinite(mean) else None


def without_logprobs(dialect: Dialect, answer: bytes, *, stream: bool) -> bytes:
    """A relayed answer, or a whole relayed stream, as it would be had nobody asked. Other bytes stay as they are."""
    if not stream:
        return _stripped(dialect, answer)
    return b"".join(_of_line(dialect, line) for line in answer.splitlines(keepends=True))


def _of_line(dialect: Dialect, line: bytes) -> bytes:
    if b'"logprobs"' not in line:
        return line
    text = line.rstrip(b"\r\n")
    mark = b"data:" if text.startswith(b"data:") else b""
    payload = text.removeprefix(mark)
    space = payload[: len(payload) - len(payload.lstrip())]
    return mark + space + _stripped(dialect, payload) + line[len(text) :]


def _stripped(dialect: Dialect, body: bytes) -> bytes:
    try:
        members = _OBJECT.decode(body)
        if dialect == "ollama":
            return splice(members, {MEMBER: None}) if MEMBER in members else body
        choices = _CHOICES.decode(members["choices"])
    except (ValueError, RecursionError, KeyError):
        return body
    if not any(MEMBER in choice for choice in choices):
        return body
    return splice(members, {"choices": b"[" + b",".join(_without(choices)) + b"]"})


def _without(choices: list[dict[str, Raw]]) -> Iterator[bytes]:
    for choice in choices:
        nulled: Mapping[str, bytes | None] = {MEMBER: NULL} if MEMBER in choice else {}
        yield splice(choice, nulled)
