"""Chat Completions on the way back: errors, usage, and the watch over a stream that is relayed as bytes."""

import re

import msgspec
from msgspec import Raw, Struct

from baton.protocol.plausible import read_usage_of
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


class _Choice(Struct):
    index: int = 0
    finish_reason: str | None = None


class _Chunk(Struct):
    choices: list[_Choice] | None = None
    error: Raw = Raw(b"null")


WITH_USAGE = msgspec.json.Decoder(_WithUsage)
CHUNK = msgspec.json.Decoder(_Chunk)
FINISH = re.compile(rb'"finish_reason"\s*:\s*"([^"]+)"')
OTHER_CHOICE = re.compile(rb'"index"\s*:\s*[1-9]')
SAYS = re.compile(
    rb'"(?:content|refusal|reasoning|reasoning_content)"\s*:\s*"[^"]'
    rb'|"(?:content|tool_calls|reasoning_details)"\s*:\s*\[\s*[^\]\s]|"(?:function_call|audio)"\s*:\s*\{'
)
MAX_DONE_BYTES = 32


def read_usage(body: bytes) -> Usage | None:
    return read_usage_of(_read_usage, body)


def _read_usage(body: bytes) -> Usage | None:
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


class _ChatWatch(Watch):
    """A stream of several choices has ended when each of them has."""

    _unfinished: frozenset[int] = frozenset()

    @property
    def complete(self) -> bool:
        return super().complete and not self._unfinished

    def _note_finish(self, payload: bytes) -> None:
        super()._note_finish(payload)
        if self._unfinished or (b'"index":0' not in payload and OTHER_CHOICE.search(payload)):
            ended = {choice.index for choice in _choices(payload) if choice.finish_reason}
            begun = {choice.index for choice in _choices(payload)}
            self._unfinished = (self._unfinished | begun) - ended


def watch(*, hide_usage: bool, hold_end: bool) -> Watch:
    return _ChatWatch(GRAMMAR, hide_usage=hide_usage, hold_end=hold_end)


def _choices(payload: bytes) -> list[_Choice]:
    try:
        return CHUNK.decode(payload).choices or []
    except (ValueError, RecursionError):
        return []


def _finish(payload: bytes) -> str:
    """Servers send null, or an empty text, as long as there is none."""
    if b'"finish_reason":null' in payload and b'"finish_reason":"' not in payload:
        return ""  # most events, without a search
    found = FINISH.search(payload)
    return "" if found is None else found[1].decode("utf-8", "replace")


def _fails(payload: bytes) -> bool:
    """An `error` of the chunk itself: an escaped or a nested one is none."""
    if b'"error"' not in payload:
        return False
    try:
        return bytes(CHUNK.decode(payload).error) != b"null"
    except (ValueError, RecursionError):
        return False


def _usage_of_stream(_head: bytes, tail: bytes) -> Usage | None:
    for line in reversed(tail.splitlines()):
        if line.startswith(b"data:") and b'"usage"' in line:
            try:
                found = read_usage(line[5:])
            except (ValueError, RecursionError):
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
    finish=_finish,
    closes=lambda payload: len(payload) < MAX_DONE_BYTES and payload.strip() == b"[DONE]",
    fails=_fails,
    says=SAYS,
    plain_ends=frozenset({"stop"}),
    usage=_usage_of_stream,
    is_usage_event=_is_usage_event,
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
