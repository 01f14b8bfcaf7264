"""Gemini on the way back: errors, usage, and the watch over a stream that is relayed as bytes."""

import re
from math import ceil

import msgspec
from msgspec import Raw, Struct

from baton.protocol.gemini.tables import USAGE
from baton.protocol.plausible import read_counts
from baton.protocol.watch import Grammar, Watch
from baton.types.errors import BatonError, LimitReached
from baton.types.money import Usage

STATUSES = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    402: "FAILED_PRECONDITION",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    405: "UNIMPLEMENTED",
    413: "INVALID_ARGUMENT",
    429: "RESOURCE_EXHAUSTED",
    503: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
    529: "UNAVAILABLE",
}
END = re.compile(rb'(?<!\\)"(?:finishReason|blockReason)"\s*:\s*"([^"]+)"')
SAYS = re.compile(
    rb'"text"\s*:\s*"[^"]|"(?:functionCall|inlineData|fileData|executableCode|codeExecutionResult|toolCall)"\s*:\s*\{'
)
ERROR = re.compile(rb'(?m)^(data:)?[\s\[,]*\{\s*"error"\s*:')
USAGE_MEMBER = re.compile(rb'(?<!\\)"usageMetadata"\s*:\s*(?=\{)')


class _WithUsage(Struct, rename="camel"):
    usage_metadata: Raw = Raw(b"null")


WITH_USAGE = msgspec.json.Decoder(_WithUsage)


def read_usage(body: bytes) -> Usage | None:
    raw = WITH_USAGE.decode(body).usage_metadata
    return None if bytes(raw) == b"null" else read_counts(USAGE, raw)


def write_error(error: BatonError, request_id: str) -> bytes:
    info: dict[str, object] = {
        "@type": "type.googleapis.com/google.rpc.ErrorInfo",
        "reason": error.code,
        "domain": "baton",
        "metadata": {"request_id": request_id},
    }
    details: list[dict[str, object]] = [info]
    if isinstance(error, LimitReached) and error.retry_after_s is not None:
        retry = f"{max(1, ceil(error.retry_after_s))}s"
        details.append({"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": retry})
    status = STATUSES.get(error.status, "INTERNAL" if error.status >= 500 else "INVALID_ARGUMENT")
    return msgspec.json.encode(
        {"error": {"code": error.status, "message": error.message, "status": status, "details": details}}
    )


def write_error_event(error: BatonError, request_id: str) -> bytes:
    return b"data: " + write_error(error, request_id) + b"\n\n"


def write_note(note: bytes) -> bytes:
    """With an empty text: SDKs take a chunk without content for a broken answer, and cannot read comments."""
    said = b'{"content":{"parts":[{"text":""}],"role":"model"},"index":0}'
    return b'data: {"candidates":[' + said + b'],"baton":' + note + b"}\n\n"


def watch(*, hide_usage: bool, hold_end: bool) -> Watch:  # noqa: ARG001 - usage is part of every Gemini stream
    return Watch(GRAMMAR, hide_usage=False, hold_end=hold_end)


def _usage_of_stream(head: bytes, tail: bytes) -> Usage | None:
    return _last_usage(tail) or _last_usage(head)


def _finish(payload: bytes) -> str:
    found = END.search(payload)
    return "" if found is None else found[1].decode("utf-8", "replace")


GRAMMAR = Grammar(
    finish=_finish,
    closes=lambda payload: END.search(payload) is not None,
    fails=lambda payload: ERROR.search(payload) is not None,
    says=SAYS,
    plain_ends=frozenset({"STOP"}),
    usage=_usage_of_stream,
)


def _last_usage(data: bytes) -> Usage | None:
    """The last whole usage object: the event around it may have begun before these bytes."""
    for found in reversed(list(USAGE_MEMBER.finditer(data))):
        whole = _object_at(data, found.end())
        if whole:
            try:
                return read_counts(USAGE, whole)
            except (ValueError, RecursionError):
                continue
    return None


def _object_at(data: bytes, start: int) -> bytes:
    """The JSON object that begins there, empty when it does not end. Usage holds no text with braces in it."""
    depth = 0
    for place in range(start, len(data)):
        if data[place] == ord("{"):
            depth += 1
        elif data[place] == ord("}"):
            depth -= 1
            if depth == 0:
                return data[start : place + 1]
    return b""
