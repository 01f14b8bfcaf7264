"""Chat Completions on the way back: errors, usage, and the watch over a stream that is relayed as bytes."""

import msgspec
from msgspec import Struct

from baton.protocol.watch import Grammar, Watch
from baton.types.errors import BatonError, RequestError
from baton.types.money import Usage

ERROR_TYPES = {
    401: "authentication_error",
    402: "insufficient_quota",
    403: "permission_error",
    404: "not_found_error",
    429: "rate_limit_error",
}


class _InputDetails(Struct):
    cached_tokens: int | None = 0
    cache_write_tokens: int | None = 0


class _OutputDetails(Struct):
    reasoning_tokens: int | None = 0


class _Usage(Struct):
    prompt_tokens: int | None = 0
    completion_tokens: int | None = 0
    prompt_tokens_details: _InputDetails | None = None
    completion_tokens_details: _OutputDetails | None = None


class _WithUsage(Struct):
    usage: _Usage | None = None


WITH_USAGE = msgspec.json.Decoder(_WithUsage)


def read_usage(body: bytes) -> Usage | None:
    return _usage(WITH_USAGE.decode(body).usage)


def write_error(error: BatonError, request_id: str) -> bytes:
    kind = "invalid_request_error" if error.status < 500 else "server_error"
    param = error.param if isinstance(error, RequestError) else None
    return msgspec.json.encode(
        {
            "error": {
                "message": error.message,
                "type": ERROR_TYPES.get(error.status, kind),
                "param": param,
                "code": error.code,
                "request_id": request_id,
            }
        }
    )


def write_error_event(error: BatonError, request_id: str) -> bytes:
    return b"data: " + write_error(error, request_id) + b"\n\n"


def write_note(note: bytes) -> bytes:
    return (
        b'data: {"id":"baton","object":"chat.completion.chunk","created":0,"model":"","choices":[],"baton":'
        + note
        + b"}\n\n"
    )


def watch(*, hide_usage: bool, hold_end: bool) -> Watch:
    return Watch(GRAMMAR, hide_usage=hide_usage, hold_end=hold_end)


def _complete(tail: bytes) -> bool:
    # Some servers never send [DONE] (transformers serve): a finish reason is an end as well.
    return b"[DONE]" in tail or b'"finish_reason":"' in tail.replace(b": ", b":")


def _usage_of_stream(_head: bytes, tail: bytes) -> Usage | None:
    for line in reversed(tail.splitlines()):
        if line.startswith(b"data:") and b'"usage"' in line:
            try:
                found = _usage(WITH_USAGE.decode(line[5:]).usage)
            except msgspec.DecodeError:
                continue  # the tail begins in the middle of a line
            if found is not None:
                return found
    return None


def _is_usage_event(event: bytes) -> bool:
    if b'"usage"' not in event:
        return False
    bare = event.replace(b" ", b"")
    return b'"choices":[]' in bare and b'"usage":{' in bare


GRAMMAR = Grammar(
    complete=_complete,
    error_event=lambda tail: b'data: {"error"' in tail or b'data:{"error"' in tail,
    usage=_usage_of_stream,
    is_usage_event=_is_usage_event,
    is_end_event=lambda event: event.strip() in {b"data: [DONE]", b"data:[DONE]"},
)


def _usage(wire: _Usage | None) -> Usage | None:
    if wire is None:
        return None
    inputs = wire.prompt_tokens_details or _InputDetails()
    outputs = wire.completion_tokens_details or _OutputDetails()
    return Usage(
        input=wire.prompt_tokens or 0,
        output=wire.completion_tokens or 0,
        cache_read=inputs.cached_tokens or 0,
        cache_write=inputs.cache_write_tokens or 0,
        reasoning=outputs.reasoning_tokens or 0,
    )
