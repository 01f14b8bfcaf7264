"""Chat on the way back: errors, usage, and the watch over a stream that is relayed as bytes."""

import re

import msgspec
from msgspec import Struct

from baton.protocol.ndjson import write_line
from baton.protocol.plausible import read_usage_of
from baton.protocol.watch import Grammar, Watch
from baton.types.errors import BatonError
from baton.types.money import Usage


class _WithUsage(Struct):
    prompt_eval_count: int | None = None
    eval_count: int | None = None


WITH_USAGE = msgspec.json.Decoder(_WithUsage)
DONE = re.compile(rb'"done"\s*:\s*true')
REASON = re.compile(rb'"done_reason"\s*:\s*"([^"]+)"')
UNTOLD = "done"
"""Why an answer ended of which only that it ended is told."""
SAYS = re.compile(rb'"(?:content|thinking|response)"\s*:\s*"[^"]|"tool_calls"\s*:\s*\[\s*\{')


def read_usage(body: bytes) -> Usage | None:
    return read_usage_of(_read_usage, body)


def _read_usage(body: bytes) -> Usage | None:
    wire = WITH_USAGE.decode(body)
    if wire.prompt_eval_count is None and wire.eval_count is None:
        return None
    return Usage(wire.prompt_eval_count or 0, wire.eval_count or 0)


def write_error(error: BatonError, request_id: str) -> bytes:
    return msgspec.json.encode({"error": error.message, "code": error.code, "request_id": request_id})


def write_error_event(error: BatonError, request_id: str) -> bytes:
    return write_line(write_error(error, request_id))


def write_note(note: bytes) -> bytes:
    return write_line(
        b'{"model":"","created_at":"1970-01-01T00:00:00Z","message":{"role":"assistant","content":""},"done":false,'
        b'"baton":' + note + b"}"
    )


def watch(*, hide_usage: bool, hold_end: bool) -> Watch:  # noqa: ARG001 - usage is part of every last line
    return Watch(GRAMMAR, hide_usage=False, hold_end=hold_end)


def _usage_of_stream(_head: bytes, tail: bytes) -> Usage | None:
    for line in reversed(tail.splitlines()):
        if b'"eval_count"' in line or b'"prompt_eval_count"' in line:
            try:
                return read_usage(line)
            except (ValueError, RecursionError):
                continue  # the tail begins in the middle of a line
    return None


def _finish(line: bytes) -> str:
    if DONE.search(line) is None:
        return ""
    reason = REASON.search(line)
    return UNTOLD if reason is None else reason[1].decode("utf-8", "replace")


GRAMMAR = Grammar(
    finish=_finish,
    closes=lambda line: DONE.search(line) is not None,
    fails=lambda line: line.startswith((b'{"error"', b'{ "error"')),
    says=SAYS,
    plain_ends=frozenset({"stop"}),
    usage=_usage_of_stream,
    line_events=True,
)
