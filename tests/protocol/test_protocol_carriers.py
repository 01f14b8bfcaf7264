"""Blocks that carry private state through a Messages client never stand where it looks for the answer."""

from collections.abc import Sequence

import msgspec

from baton.protocol.dialects import Reply, grammar_of
from baton.protocol.inband import is_envelope, sealer
from baton.types.events import AnswerMessage, Stop
from baton.types.parts import Part, PrivateEntry, TextPart, ToolCallPart

WORDS = TextPart("It is raining.")
CALL = ToolCallPart("call-1", "get_weather", "{}")


def written(parts: Sequence[Part], *anchors: int) -> tuple[list[dict[str, str]], list[str]]:
    """Blocks, and what is done with private state by the report."""
    private = tuple(PrivateEntry("phase", b"final_answer", "openai-responses", anchor=anchor) for anchor in anchors)
    reason = "tool_calls" if parts[-1] is CALL else "end"
    answer = AnswerMessage(parts=tuple(parts), private=private, stop=Stop(reason))  # type: ignore[arg-type]
    rendered = grammar_of("anthropic").write_answer(answer, Reply(model="m", seal=sealer(b"key")))
    blocks = msgspec.json.decode(rendered.body)["content"]
    return blocks, [entry.action for entry in rendered.report.entries if entry.path == "answer.private"]


def test_an_answer_that_ends_with_words_ends_with_them() -> None:
    """Claude Code prints the last block: behind an empty one of thinking it would print nothing."""
    blocks, withheld = written([WORDS], 0)
    assert [block["type"] for block in blocks] == ["text"]
    assert withheld == ["withheld"]


def test_state_of_words_before_a_call_travels_between_them() -> None:
    blocks, withheld = written([WORDS, CALL], 0)
    assert [block["type"] for block in blocks] == ["text", "thinking", "tool_use"]
    assert is_envelope(blocks[1]["signature"])
    assert withheld == []


def test_state_of_a_last_call_travels_behind_it() -> None:
    blocks, withheld = written([WORDS, CALL], 0, 1)
    assert [block["type"] for block in blocks] == ["text", "thinking", "tool_use", "thinking"]
    assert withheld == []
