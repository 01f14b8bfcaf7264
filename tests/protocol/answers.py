"""Answers made up by Hypothesis, in the canonical form, as each dialect can carry them."""

import base64
import itertools
import json

from hypothesis import strategies as st
from msgspec.structs import replace

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


STOP_WORDS: dict[str, dict[StopReason, str]] = {
    "anthropic": {"tool_calls": "tool_use", "end": "end_turn", "length": "max_tokens"},
    "openai-chat": {"tool_calls": "tool_calls", "end": "stop", "length": "length"},
    "openai-responses": {"tool_calls": "completed", "end": "completed", "length": "max_output_tokens"},
    "ollama": {"tool_calls": "stop", "end": "stop", "length": "length"},
    "gemini": {"tool_calls": "STOP", "end": "STOP", "length": "MAX_TOKENS"},
}


def thinking(dialect: Dialect, text: str, place: int) -> tuple[Part, PrivateEntry]:
    if dialect == "anthropic":
        entry = PrivateEntry("signature", b"c2ln" + text.encode().hex().encode(), dialect, ORIGIN, PREFIX, place)
        return ReasoningPart(text), entry
    if dialect == "openai-responses":
        summary = [{"type": "summary_text", "text": text}]
        item = {"encrypted_content": "c2ln", "type": "reasoning", "summary": summary, "id": "rs_1"}
        payload = json.dumps(item).encode()
        return ReasoningPart(text), PrivateEntry("encrypted", payload, dialect, ORIGIN, PREFIX, place, id="rs_1")
    payload = text.encode()
    if dialect == "gemini":
        return ReasoningPart(text), PrivateEntry("reasoning_text", payload, dialect, ORIGIN, PREFIX, place)
    member = "thinking" if dialect == "ollama" else "reasoning_content"
    return ReasoningPart(text), PrivateEntry("reasoning_text", payload, dialect, ORIGIN, PREFIX, place, id=member)


@st.composite
def answers(draw: st.DrawFn, dialect: Dialect) -> AnswerMessage:
    """Words and calls in any order for Messages and Gemini; thinking, then words, then calls for Chat Completions."""
    parts: list[Part] = []
    private: list[PrivateEntry] = []
    if draw(st.booleans()):
        part, entry = thinking(dialect, draw(texts), 0)
        parts.append(part)
        private.append(entry)
    if dialect in {"anthropic", "gemini", "openai-responses"}:
        for part in draw(
            st.lists(words | calls, max_size=5, unique_by=lambda part: getattr(part, "id", None) or id(part))
        ):
            if not (isinstance(part, TextPart) and parts and isinstance(parts[-1], TextPart)):
                parts.append(part)
    else:
        parts.extend(draw(st.lists(words, max_size=1)))
        parts.extend(draw(call_lists))
    if dialect == "openai-responses":
        parts = [replace(p, ids={"item": f"fc_{n}"}) if isinstance(p, ToolCallPart) else p for n, p in enumerate(parts)]
    if dialect == "gemini":
        private = [one for place, part in enumerate(parts) for one in draw(thought_signatures(part, place, private))]
    called = any(isinstance(part, ToolCallPart) for part in parts)
    reason: StopReason = "tool_calls" if called else draw(st.sampled_from(["end", "length"]))
    stop = Stop(reason, STOP_WORDS[dialect][reason])
    id_ = "" if dialect == "ollama" else "answer-1"
    return AnswerMessage(id_, "model-x", tuple(parts), tuple(private), stop, shown_usage(draw(usages), dialect))


@st.composite
def thought_signatures(draw: st.DrawFn, part: Part, place: int, private: list[PrivateEntry]) -> list[PrivateEntry]:
    """Any part of Gemini's may bear a signature; thinking that bears none is its own state."""
    if draw(st.booleans()):
        payload = base64.b64encode(f"signature {place}".encode())
        return [PrivateEntry("thought_signature", payload, "gemini", ORIGIN, PREFIX, place)]
    return private if isinstance(part, ReasoningPart) else []


def shown_usage(usage: Usage, dialect: Dialect) -> Usage:
    """What the dialect says of it."""
    if dialect == "gemini":
        return replace(usage, cache_write=0)
    return Usage(usage.input, usage.output) if dialect == "ollama" else usage


@st.composite
def cuts(draw: st.DrawFn, data: bytes) -> list[bytes]:
    """The same bytes in pieces: some of one byte, some long."""
    places = sorted(draw(st.lists(st.integers(0, len(data)), max_size=12)))
    edges = [0, *places, len(data)]
    return [data[start:end] for start, end in itertools.pairwise(edges)]
