"""The course of a conversation so far, the same for all dialects: who spoke last, what tools gave, how much is known.

The readers of the dialects give their turns in order; everything here is counting. What costs more than counting waits
until somebody asks: `conversation_key`.
"""

import re
from collections.abc import Iterator, Sequence
from hashlib import blake2b
from typing import Any, Literal

import msgspec
from msgspec import Raw, Struct

from baton.protocol.spans import NULL, capped
from baton.types.card import Capability
from baton.types.request import Facts

Role = Literal["system", "user", "assistant", "result", ""]
"""Who speaks; empty for what is neither said nor a result."""

MARKED_BYTES = 400
"""So much of the beginning and of the end of a tool's result is looked at."""

FAILED_AT_ONCE = re.compile(
    rb"(?:\\n|[\s\[\]{}\"*<:,\\]|\b(?:type|(?:input_|output_)?text|content|output|result)\b)*+"
    rb"(?:tool_use_error>|[\w.]*(?:error|exception)s?\b(?!\\?\" ?:)|fatal\b|traceback\b|fail(?:ed|ure)\b"
    rb"|command failed|unable to\b|cannot\b|could not\b|(?:permission|access) denied|no such\b|not found\b"
    rb"|timed? ?out\b|invalid\b)",
    re.IGNORECASE,
)
"""How the text of a result begins that tells of a failure."""
FAILED_SOMEWHERE = re.compile(
    rb"\\?\"(?:error|errors|exception)\\?\" ?: ?+(?!null|false|\\?\"\\?\"|\[\]|\{\}|0\b)"
    rb"|\\?\"is_?error\\?\" ?: ?true|\\?\"(?:ok|success)\\?\" ?: ?false"
    rb"|\\?\"status\\?\" ?: ?\\?\"(?:error|failed|failure)\b"
    rb"|\\?\"exit_?code\\?\" ?: ?[1-9]|\bexit(?:ed)?(?: with)?(?: code| status)?:? [1-9]"
    rb"|Traceback \(most recent call last\)",
    re.IGNORECASE,
)
CACHE_MARKER = b'"cache_control"'
TEXT_MEMBERS = frozenset({"text", "content", "parts", "user_id", "session_id"})
UNSTEADY_TEXTS = ("x-anthropic-billing-header:",)
"""How texts of clients begin that change from request to request of one conversation."""


class Turn(Struct, gc=False):
    """One turn as facts see it. `content` and `results` are the caller's bytes; media are counted in `media_bytes`."""

    role: Role
    text: str = ""
    content: Raw | bytes = b""
    results: Sequence[Raw | bytes] = ()
    failed: int = 0
    """Results that the dialect itself marks as errors."""
    needs: frozenset[Capability] = frozenset()
    media_bytes: int = 0


class Asked(Struct, gc=False):
    """What a request asks for besides its turns. `system`: texts outside of the turns, and their bytes."""

    tools: tuple[str, ...]
    response_schema: bool
    max_output: int | None
    system: Sequence[str] = ()
    system_raw: Raw = NULL
    marked: Sequence[Raw] | None = None
    """Members in which a marker of the caller's says what is cached; None where providers cache unasked."""
    session: Sequence[Raw] = ()
    """What the caller names a conversation or a user by."""


def facts_of(turns: Sequence[Turn], size: int, asked: Asked) -> Facts:
    """`size` is the length of the body in bytes."""
    needs: set[Capability] = set()
    system = list(asked.system)
    asking = media_bytes = 0
    for turn in turns:
        if turn.role == "user":
            asking += not turn.results
        elif turn.role == "system":
            system.append(turn.text)
        if turn.needs or turn.media_bytes:
            needs |= turn.needs
            media_bytes += turn.media_bytes
    if asked.tools:
        needs.add("tools")
    if asked.response_schema:
        needs.add("structured_output")
    last_user, last_answer, loop_step = _last_turns(turns)
    results = bool(turns) and (turns[-1].role == "result" or bool(turns[-1].results))
    return Facts(
        user_text=capped(_last_user_texts(turns)),
        system_text=capped(system),
        turns=asking or 1,
        tools=asked.tools,
        response_schema=asked.response_schema,
        tool_results=results,
        needs=frozenset(needs),
        text_bytes=size - media_bytes,
        max_output=asked.max_output,
        depth=max(len(turns) - len(system) + len(asked.system) - 1, 0),
        loop_step=loop_step,
        tool_errors=_failed(turns) if results else 0,
        repeats=_repeats(turns, last_user) if last_answer >= 0 else 0,
        cached_bytes=_cached_bytes(turns, last_answer, size - media_bytes, asked),
        opening=(asked.system_raw, *asked.session, *_first_turns(turns)),
    )


def _last_turns(turns: Sequence[Turn]) -> tuple[int, int, int]:
    """Places of the last turn in which the caller says something and of the last answer, or -1; results since then."""
    last_answer, loop_step = -1, 0
    for place in range(len(turns) - 1, -1, -1):
        turn = turns[place]
        loop_step += len(turn.results)
        if last_answer < 0 and turn.role == "assistant":
            last_answer = place
        if turn.role == "user" and (turn.text or not turn.results):
            break
    else:
        return -1, last_answer, loop_step
    if last_answer < 0:
        last_answer = next((one for one in range(place - 1, -1, -1) if turns[one].role == "assistant"), -1)
    return place, last_answer, loop_step


def _last_user_texts(turns: Sequence[Turn]) -> list[str]:
    """The texts of the user turns after the last answer; in a tool loop those that started the loop."""
    found: list[str] = []
    for turn in reversed(turns):
        if turn.role == "user":
            if turn.text:
                found.append(turn.text)
        elif found and turn.role in {"assistant", "result"}:
            break
    return found[::-1]


def _failed(turns: Sequence[Turn]) -> int:
    """Errors among the results that stand at the end: marked as such, or told by the text."""
    failed = 0
    for turn in reversed(turns):
        if turn.role != "result" and not turn.results:
            break
        failed += max(turn.failed, sum(map(tells_of_failure, turn.results)))
    return failed


def tells_of_failure(result: Raw | bytes) -> bool:
    """`result` is JSON as it stands in the body."""
    raw = bytes(result)
    ends = raw if len(raw) <= 2 * MARKED_BYTES else raw[:MARKED_BYTES] + raw[-MARKED_BYTES:]
    return FAILED_AT_ONCE.match(ends) is not None or FAILED_SOMEWHERE.search(ends) is not None


def _repeats(turns: Sequence[Turn], last_user: int) -> int:
    said = turns[last_user].text if last_user >= 0 else ""
    if not said:
        return 0
    return len([turn for turn in turns[:last_user] if turn.text == said and turn.role == "user"])


def _cached_bytes(turns: Sequence[Turn], last_answer: int, text_bytes: int, asked: Asked) -> int:
    marked = asked.marked
    if marked is not None and not any(CACHE_MARKER in bytes(raw) for raw in marked):
        return 0
    if last_answer < 0:
        return 0 if marked is None else sum(len(bytes(raw)) for raw in marked[1:] if CACHE_MARKER in bytes(raw))
    since = sum([len(bytes(turn.content)) - turn.media_bytes for turn in turns[last_answer:]])
    return max(text_bytes - since, 0)


def _first_turns(turns: Sequence[Turn]) -> Iterator[Raw | bytes]:
    for turn in turns:
        if turn.role not in {"system", "user"}:
            break
        if turn.content:
            yield turn.content


def conversation_key(facts: Facts) -> str:
    """The same for all requests of one conversation, however far it has come: 16 hex digits.

    Taken from the texts of the system prompt and of the caller's first turn, and from what he names his session by;
    cache markers move, and are left out.
    """
    found = blake2b(digest_size=8)
    for raw in facts.opening:
        for text in _texts(msgspec.json.decode(raw)):
            found.update(text.encode("utf-8", "surrogatepass") + b"\0")
    return found.hexdigest()


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        if not value.startswith(UNSTEADY_TEXTS):
            yield value
    elif isinstance(value, list):
        for one in value:
            yield from _texts(one)
    elif isinstance(value, dict):
        for name, one in value.items():
            if name in TEXT_MEMBERS:
                yield from _texts(one)
