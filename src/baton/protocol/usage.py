"""Usage of answers that are passed through: OpenAI's two spellings, and what others count alike."""

import msgspec
from msgspec import Struct

from baton.types.money import Usage


class _Usage(Struct):
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None
    total_tokens: int | None = None


class _Answer(Struct):
    usage: _Usage | None = None


_ANSWER = msgspec.json.Decoder(_Answer)


def usage_of(body: bytes) -> Usage | None:
    """None where there is none, or none in tokens (but in seconds of audio). Raises DecodeError for what is no JSON."""
    try:
        found = _ANSWER.decode(body).usage
    except msgspec.ValidationError:
        return None
    if found is None:
        return None
    output = found.output_tokens or found.completion_tokens or 0
    read = found.input_tokens if found.input_tokens is not None else found.prompt_tokens
    if read is None and found.total_tokens is not None:
        read = found.total_tokens - output
    if read is None or read < 0 or output < 0:
        return None
    return Usage(input=read, output=output)


def usage_in_events(tail: bytes) -> Usage | None:
    """That of the last event that tells it. `tail` may begin in the middle of a line."""
    for line in reversed(tail.splitlines()):
        if line.startswith(b"data:") and b'"usage"' in line:
            try:
                found = usage_of(line[5:])
            except (ValueError, RecursionError):
                continue
            if found is not None:
                return found
    return None
