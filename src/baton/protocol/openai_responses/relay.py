"""Responses on the way back: errors, usage, and the watch over a stream that is relayed as bytes."""

import re
from collections.abc import Iterator

import msgspec
from msgspec import Raw, Struct

from baton.protocol.openai_responses.tables import USAGE
from baton.protocol.plausible import read_counts
from baton.protocol.sse import write_frame
from baton.protocol.watch import Grammar, Watch
from baton.types.errors import BatonError, RequestError
from baton.types.money import Usage

NULL = Raw(b"null")
ERROR_TYPES = {
    401: "authentication_error",
    402: "insufficient_quota",
    403: "permission_error",
    404: "not_found_error",
    429: "rate_limit_error",
}
TAIL_BYTES = 4 * 1024 * 1024
"""The last event holds the whole response, with the request's instructions and tools in it."""
LAST_LINES = 8
"""Lines at the end among which the last event is: it may be followed by `[DONE]` and by empty lines."""
ENDS = frozenset({"response.completed", "response.incomplete"})
FAILURES = frozenset({"response.failed", "error"})
END_MARKS = re.compile(rb'"response\.(?:completed|incomplete)"')
FAILURE_MARKS = re.compile(rb'"(?:response\.failed|error)"')
SAYS = re.compile(rb'"type"\s*:\s*"response\.(?:output_item|output_text|refusal|function_call)')


class _Response(Struct):
    usage: Raw = NULL


class _Event(Struct):
    type: str = ""
    response: _Response | None = None


class _Typed(Struct):
    type: str = ""


RESPONSE = msgspec.json.Decoder(_Response)
EVENT = msgspec.json.Decoder(_Event)
TYPED = msgspec.json.Decoder(_Typed)


def read_usage(body: bytes) -> Usage | None:
    usage = RESPONSE.decode(body).usage
    return None if usage == NULL else read_counts(USAGE, usage)


def write_error(error: BatonError, request_id: str) -> bytes:
    return msgspec.json.encode({"error": _error(error) | {"request_id": request_id}})


def write_error_event(error: BatonError, request_id: str) -> bytes:
    """What SDKs look for is `error`; the type that they have for the event wants the same outside of it."""
    said = _error(error)
    flat = {"code": said["code"], "message": said["message"], "param": said["param"], "sequence_number": 0}
    event = {"type": "error"} | flat | {"error": said | {"request_id": request_id}}
    return write_frame(msgspec.json.encode(event), "error")


def write_note(note: bytes) -> bytes:
    return write_frame(b'{"type":"response.baton","sequence_number":0,"baton":' + note + b"}", "response.baton")


def watch(*, hide_usage: bool, hold_end: bool) -> Watch:  # noqa: ARG001 - usage is part of the last event
    return Watch(GRAMMAR, hide_usage=False, hold_end=hold_end)


def _error(error: BatonError) -> dict[str, str | None]:
    kind = "invalid_request_error" if error.status < 500 else "server_error"
    param = error.param if isinstance(error, RequestError) else None
    return {
        "message": error.message,
        "type": ERROR_TYPES.get(error.status, kind),
        "param": param,
        "code": error.code,
    }


def _last_events(tail: bytes) -> Iterator[_Event]:
    """The last one first. A line that is not whole is none."""
    for line in reversed(tail.splitlines()[-LAST_LINES:]):
        if line.startswith(b"data:"):
            try:
                yield EVENT.decode(line[5:])
            except (ValueError, RecursionError):
                continue


def _usage_of_stream(_head: bytes, tail: bytes) -> Usage | None:
    for event in _last_events(tail):
        if event.response is not None and event.response.usage != NULL:
            return read_counts(USAGE, event.response.usage)
    return None


def _type(payload: bytes, marks: re.Pattern[bytes]) -> str:
    """The type of the event, where it has one of the marks in it: a text may only speak of them."""
    if marks.search(payload) is None:
        return ""
    try:
        return TYPED.decode(payload).type
    except (ValueError, RecursionError):
        return ""


def _finish(payload: bytes) -> str:
    found = _type(payload, END_MARKS)
    return found if found in ENDS else ""


GRAMMAR = Grammar(
    finish=_finish,
    closes=lambda payload: bool(_finish(payload)),
    fails=lambda payload: _type(payload, FAILURE_MARKS) in FAILURES,
    says=SAYS,
    plain_ends=frozenset({"response.completed"}),
    usage=_usage_of_stream,
    tail_bytes=TAIL_BYTES,
)
