"""Messages on the way back: errors, usage, and the watch over a stream that is relayed as bytes."""

import re

import msgspec
from msgspec import Struct

from baton.protocol.plausible import IMPOSSIBLE, read_usage_of
from baton.protocol.watch import Grammar, Watch
from baton.types.errors import BatonError
from baton.types.money import Usage

ERROR_TYPES = {
    400: "invalid_request_error",
    401: "authentication_error",
    402: "billing_error",
    403: "permission_error",
    404: "not_found_error",
    405: "invalid_request_error",
    413: "request_too_large",
    429: "rate_limit_error",
    503: "overloaded_error",
    504: "timeout_error",
    529: "overloaded_error",
}


class _OutputDetails(Struct):
    thinking_tokens: int | None = 0


class _Usage(Struct):
    input_tokens: int | None = None
    output_tokens: int | None = None
    cache_read_input_tokens: int | None = None
    cache_creation_input_tokens: int | None = None
    output_tokens_details: _OutputDetails | None = None


class _WithUsage(Struct):
    usage: _Usage | None = None


class _Delta(Struct):
    stop_reason: str | None = None


class _Typed(Struct):
    type: str = ""
    delta: _Delta | None = None


class _Event(Struct):
    type: str = ""
    usage: _Usage | None = None
    message: _WithUsage | None = None


WITH_USAGE = msgspec.json.Decoder(_WithUsage)
EVENT = msgspec.json.Decoder(_Event)
TYPED = msgspec.json.Decoder(_Typed)
NO_EVENT = _Typed()
NO_NUMBERS = _Usage(IMPOSSIBLE.input, IMPOSSIBLE.output)
SAYS = re.compile(
    rb'"(?:text|thinking|partial_json)"\s*:\s*"[^"]'
    rb'|"content_block"\s*:\s*\{\s*"type"\s*:\s*"(?!text"|thinking")|"type"\s*:\s*"tool_use"'
)


def read_usage(body: bytes) -> Usage | None:
    return read_usage_of(_read_usage, body)


def _read_usage(body: bytes) -> Usage | None:
    wire = WITH_USAGE.decode(body).usage
    return None if wire is None else _usage(wire, _Usage())


def write_error(error: BatonError, request_id: str) -> bytes:
    return msgspec.json.encode(
        {
            "type": "error",
            "error": {"type": ERROR_TYPES.get(error.status, "api_error"), "message": error.message, "code": error.code},
            "request_id": request_id,
        }
    )


def write_error_event(error: BatonError, request_id: str) -> bytes:
    return b"event: error\ndata: " + write_error(error, request_id) + b"\n\n"


def write_note(note: bytes) -> bytes:
    return b'event: ping\ndata: {"type":"ping","baton":' + note + b"}\n\n"


def watch(*, hide_usage: bool, hold_end: bool) -> Watch:  # noqa: ARG001 - usage is part of every Messages stream
    return Watch(GRAMMAR, hide_usage=False, hold_end=hold_end)


def _usage_of_stream(head: bytes, tail: bytes) -> Usage | None:
    """Counts of `message_delta` are cumulative and win; what it leaves out stands in `message_start`."""
    started = _last_usage(head, b"message_start")
    ended = _last_usage(tail, b"message_delta")
    if started is None and ended is None:
        return None
    return _usage(ended or _Usage(), started or _Usage())


def _event(payload: bytes, mark: bytes) -> _Typed:
    """The event, where it has the mark in it: what a text only speaks of is told apart by its type."""
    if mark not in payload:
        return NO_EVENT
    try:
        return TYPED.decode(payload)
    except (ValueError, RecursionError):
        return NO_EVENT


def _finish(payload: bytes) -> str:
    event = _event(payload, b'"message_delta"')
    return (event.delta.stop_reason or "") if event.type == "message_delta" and event.delta is not None else ""


GRAMMAR = Grammar(
    finish=_finish,
    closes=lambda payload: _event(payload, b'"message_stop"').type == "message_stop",
    fails=lambda payload: _event(payload, b'"error"').type == "error",
    says=SAYS,
    plain_ends=frozenset({"end_turn"}),
    usage=_usage_of_stream,
    must_close=True,
)


def _last_usage(data: bytes, event: bytes) -> _Usage | None:
    for line in reversed(data.splitlines()):
        if line.startswith(b"data:") and event in line:
            try:
                found = EVENT.decode(line[5:])
            except msgspec.ValidationError:
                return NO_NUMBERS
            except (ValueError, RecursionError):
                continue  # the head ends, or the tail begins, in the middle of a line
            usage = found.usage or (found.message.usage if found.message is not None else None)
            if usage is not None:
                return usage
    return None


def _usage(wire: _Usage, earlier: _Usage) -> Usage:
    """Messages count input without its cached parts; Baton counts all of it."""

    def count(name: str) -> int:
        value = getattr(wire, name)
        return int((getattr(earlier, name) if value is None else value) or 0)

    read, write = count("cache_read_input_tokens"), count("cache_creation_input_tokens")
    details = wire.output_tokens_details or _OutputDetails()
    return Usage(
        input=count("input_tokens") + read + write,
        output=count("output_tokens"),
        cache_read=read,
        cache_write=write,
        reasoning=details.thinking_tokens or 0,
    )
