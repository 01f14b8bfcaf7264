"""Whole answers of models on their way into another dialect: an answer without an end is a fault, not an answer."""

import pytest

from baton.flow.passage import Translation
from baton.protocol.dialects import Reply
from baton.types.card import Dialect, ModelCard
from baton.types.errors import UpstreamCut, UpstreamEmpty
from baton.types.handoff import HandoffReport
from baton.types.money import Price
from baton.types.parts import Origin

CARD = ModelCard("far/m", "far", "m", "mid", 8_000, 1_000, Price(0, 0), frozenset())


def passage(made_in: Dialect, told_in: Dialect) -> Translation:
    reply = Reply(model="m", id="x")
    return Translation(made_in, b"{}", told_in, CARD, HandoffReport(), Origin(), "", reply)


@pytest.mark.parametrize("told_in", ["openai-chat", "openai-responses", "anthropic", "gemini"])
@pytest.mark.parametrize(
    ("made_in", "body"),
    [
        ("openai-chat", b'{"choices":[]}'),
        ("openai-chat", b'{"choices":[{"message":{"content":"Half of"},"finish_reason":null}]}'),
        ("anthropic", b'{"type":"message","content":[{"type":"text","text":"Half of"}],"stop_reason":null}'),
        ("gemini", b'{"candidates":[]}'),
        ("ollama", b'{"message":{"content":"Half of"},"done":false}'),
    ],
)
def test_an_answer_without_an_end_is_a_fault(made_in: Dialect, body: bytes, told_in: Dialect) -> None:
    with pytest.raises(UpstreamCut, match=r"'far/m' at provider 'far' .* does not say how it ended") as raised:
        passage(made_in, told_in).whole(body)
    assert (raised.value.status, raised.value.upstream_status) == (502, 200)


def test_an_answer_without_a_word_is_none_unless_it_was_cut_short() -> None:
    body = b'{"choices":[{"message":{"content":null},"finish_reason":"stop"}]}'
    with pytest.raises(UpstreamEmpty):
        passage("openai-chat", "anthropic").whole(body)
    told, _, answer = passage("openai-chat", "anthropic").whole(body.replace(b"stop", b"length"))
    assert b'"max_tokens"' in told
    assert answer.parts == ()
