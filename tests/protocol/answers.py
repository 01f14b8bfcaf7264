"""Answers made up by Hypothesis, in the canonical form, as each dialect can carry them."""

import itertools
import json

from hypothesis import strategies as st

from baton.types.card import Dialect
from baton.types.events import AnswerMessage, Stop, StopReason
from baton.types.money import Usage
from baton.types.parts import Origin, Part, PrivateEntry, ReasoningPart, TextPart, ToolCallPart

ORIGIN = Origin("maker", "account", "", "family")
PREFIX = "prefix-hash"

texts = st.text(min_size=1, max_size=30).filter(lambda text: text.strip() != "")
names = st.sampled_from(["get_weather", "bash", "mcp__files__read"])
ids = st.from_regex(r"call_[A-Za-z0-9]{1,20}", fullmatch=True)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**9), 10**9) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=2),
)
objects = st.dictionaries(st.text(max_size=6), json_values, max_size=3)
arguments = objects.flatmap(
    lambda value: st.sampled_from([json.dumps(value), json.dumps(value, ensure_ascii=False, separators=(",", ":"))])
)
calls = st.builds(ToolCallPart, ids, names, arguments)
call_lists = st.lists(calls, max_size=3, unique_by=lambda call: call.id)
words = st.builds(TextPart, texts)
usages = st.builds(
    lambda read, write, plain, output, thought: Usage(read + write + plain, output + thought, read, write, thought),
    *[st.integers(0, 10_000)] * 5,
)


def thinking(dialect: Dialect, text: str, place: int) -> tuple[Part, PrivateEntry]:
    if dialect == "anthropic":
        entry = PrivateEntry("signature", b"c2ln" + text.encode().hex().encode(), dialect, ORIGIN, PREFIX, place)
        return ReasoningPart(text), entry
    payload = text.encode()
    return ReasoningPart(text), PrivateEntry(
        "reasoning_text", payload, dialect, ORIGIN, PREFIX, place, id="reasoning_content"
    )


@st.composite
def answers(draw: st.DrawFn, dialect: Dialect) -> AnswerMessage:
    """Words and calls in any order for Messages; thinking, then words, then calls for Chat Completions."""
    parts: list[Part] = []
    private: list[PrivateEntry] = []
    if draw(st.booleans()):
        part, entry = thinking(dialect, draw(texts), 0)
        parts.append(part)
        private.append(entry)
    if dialect == "anthropic":
        for part in draw(st.lists(words | calls, max_size=5)):
            if not (isinstance(part, TextPart) and parts and isinstance(parts[-1], TextPart)):
                parts.append(part)
    else:
        parts.extend(draw(st.lists(words, max_size=1)))
        parts.extend(draw(call_lists))
    called = any(isinstance(part, ToolCallPart) for part in parts)
    reason: StopReason = "tool_calls" if called else draw(st.sampled_from(["end", "length"]))
    raw = {"anthropic": {"tool_calls": "tool_use", "end": "end_turn", "length": "max_tokens"}}.get(
        dialect, {"tool_calls": "tool_calls", "end": "stop", "length": "length"}
    )[reason]
    return AnswerMessage("answer-1", "model-x", tuple(parts), tuple(private), Stop(reason, raw), draw(usages))


@st.composite
def cuts(draw: st.DrawFn, data: bytes) -> list[bytes]:
    """The same bytes in pieces: some of one byte, some long."""
    places = sorted(draw(st.lists(st.integers(0, len(data)), max_size=12)))
    edges = [0, *places, len(data)]
    return [data[start:end] for start, end in itertools.pairwise(edges)]
