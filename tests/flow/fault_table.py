"""The table of faults: what a faulty provider sends in place of an answer of sixty words, by where it goes wrong."""

import msgspec

from baton.testing.upstream import Step, http_answer
from baton.types.card import Dialect
from tests.call.wire import AFTER_40, CHUNK, ERRORS, MESSAGE, STREAMS, TEXT

DIALECTS: tuple[Dialect, ...] = ("openai-chat", "anthropic")
HANG_S = 5.0
"""Longer than anybody here waits."""
CAME_S = 0.05
"""So that the caller has got what was sent."""

CHAT_USAGE = {"prompt_tokens": 10, "completion_tokens": 60}
CHOICE = {"index": 0, "message": {"role": "assistant", "content": TEXT}, "finish_reason": "stop"}
ANSWER = msgspec.json.encode({**CHUNK, "object": "chat.completion", "choices": [CHOICE], "usage": CHAT_USAGE})
BLOCK = {"type": "text", "text": TEXT}
ENDED = {"content": [BLOCK], "stop_reason": "end_turn", "usage": {"input_tokens": 10, "output_tokens": 60}}
ANSWERS: dict[Dialect, bytes] = {"openai-chat": ANSWER, "anthropic": msgspec.json.encode({**MESSAGE, **ENDED})}
USAGES = {
    "impossible usage": b'{"prompt_tokens":-10,"completion_tokens":1000000000}',
    "no usage": b"null",
    "usage that is none": b'"x"',
}


def busy(retry_after: str) -> list[Step]:
    return http_answer(429, b'{"error": {"message": "slow down"}}', "application/json", f"retry-after: {retry_after}")


BEFORE_THE_HEAD: dict[str, list[Step]] = {
    "500": http_answer(500, b'{"error": {}}'),
    "reset": ["reset"],
    "hang": [HANG_S],
    "nothing": [],
    "HTML 200": http_answer(200, b"<html>bad gateway</html>", "text/html"),
    "empty 200": http_answer(200, b""),
    "429, come in a day": busy("86400"),
    "429, come before now": busy("-5"),
    "429, come at a date": busy("Wed, 21 Oct 2015 07:28:00 GMT"),
    "429, come whenever": busy("soon"),
}


def bad_whole(dialect: Dialect) -> dict[str, bytes]:
    """Bodies of a 200 that are no answer."""
    answer = ANSWERS[dialect]
    return {
        "no words": answer.replace(TEXT.encode(), b""),
        "cut JSON": answer[:200],
        "no choices": b"{}",
        "an error": b'{"error": {"message": "no", "type": "server_error"}}',
    }


def bad_begin(dialect: Dialect) -> dict[str, list[Step]]:
    """Bodies of a stream that fails before its first word."""
    events = STREAMS[dialect]
    begun = events[: 1 if dialect == "openai-chat" else 2]
    return {
        "end": [*begun],
        "reset": [*begun, 0.02, "reset"],
        "stall": [*begun, HANG_S],
        "broken event": [*begun, b"data: {broken\n\n"],
        "half an event": [*begun, events[3][:20]],
        "error event": [*begun, ERRORS[dialect]],
        "no words": [*begun, *events[-3 if dialect == "openai-chat" else -2 :]],
    }


def bad_middle(dialect: Dialect) -> dict[str, list[Step]]:
    """Bodies of a stream that fails after forty words."""
    said, rest = STREAMS[dialect][:AFTER_40], STREAMS[dialect][AFTER_40:]
    came: list[Step] = [*said, CAME_S]
    return {
        "end": [*said[:-1], CAME_S, said[-1]],
        "reset": [*came, CAME_S, "reset"],
        "stall": [*came, HANG_S],
        "broken event": [*came, b"data: {broken\n\n", *rest],
        "half an event": [*came, rest[0][:30]],
        "error event": [*came, ERRORS[dialect]],
    }
