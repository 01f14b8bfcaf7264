"""Calls that clients make on the side are told from those that somebody asked for."""

from typing import Any

import msgspec
import pytest

from baton.decide.background import (
    ANCHORS_OF_SYSTEM,
    ANCHORS_OF_USER,
    OF_SYSTEM,
    OF_USER,
    Background,
    background_of,
)
from baton.protocol.request import read_request
from baton.types.request import Request
from tests.protocol.captured import FOLDER, encode, load

CLAUDE_CODE = "x-anthropic-billing-header: cc_version=2.1; cc_entrypoint=cli;\nYou are Claude Code, Anthropic's CLI."


def asked(system: str, said: str, **members: Any) -> Request:
    messages = [{"role": "system", "content": system}, {"role": "user", "content": said}]
    body = {"model": "auto", "messages": messages, **members}
    return read_request("openai-chat", msgspec.json.encode(body), {})


@pytest.mark.parametrize(
    ("request_", "found"),
    [
        (asked("You are a title generator. You output ONLY a thread title.", "hi"), Background("title", "opencode")),
        (asked("", "### Task:\nGenerate a concise, 3-5 word title with an emoji summarizing the chat history."),
         Background("title", "Open WebUI")),
        (asked("", "### Task:\nGenerate 1-3 broad tags categorizing the main themes of the chat history"),
         Background("tags", "Open WebUI")),
        (asked(CLAUDE_CODE, "x", model="claude-haiku-4-5", max_tokens=512), Background("small_model", "Claude Code")),
        (asked("", "quota", model="claude-haiku-4-5", max_tokens=1), Background("probe", "Claude Code")),
        (asked(CLAUDE_CODE, "Warmup"), Background("probe", "Claude Code")),
        (asked(CLAUDE_CODE, "Your task is to create a detailed summary of the conversation so far, paying close"),
         Background("compaction", "Claude Code")),
        (asked("Analyze if this message indicates a new conversation topic.", "x"), Background("topic", "Claude Code")),
    ],
)  # fmt: skip
def test_the_sentences_of_clients_are_known(request_: Request, found: Background) -> None:
    assert background_of(request_) == found


@pytest.mark.parametrize(
    "request_",
    [
        asked("Be brief.", "Generate a title for my blog post about rain."),
        asked(CLAUDE_CODE, "Add a title to the page", model="claude-haiku-4-5", tools=[{"type": "function"}]),
        asked(CLAUDE_CODE, "Write a haiku", model="claude-haiku-4-5", max_tokens=32_000),
        asked("", "summarize this conversation"),
        asked("", "hi"),
    ],
)
def test_what_somebody_asked_for_is_not_on_the_side(request_: Request) -> None:
    assert background_of(request_) is None


@pytest.mark.parametrize(
    ("name", "sort"), [("opencode-01", "title"), ("opencode-02", None), ("claude-code-01", None), ("codex-01", None)]
)
@pytest.mark.skipif(not FOLDER.exists(), reason="the captures are not beside the checkout")
def test_captured_calls_are_told_apart(name: str, sort: str | None) -> None:
    dialect, body = load(name)
    found = background_of(read_request(dialect, encode(body), {}))
    assert (found.sort if found else None) == sort


def test_every_sign_holds_one_of_the_anchors_that_texts_are_looked_through_by() -> None:
    for signs, anchors in ((OF_SYSTEM, ANCHORS_OF_SYSTEM), (OF_USER, ANCHORS_OF_USER)):
        assert [sign for sign, _, _ in signs if not any(anchor in sign for anchor in anchors)] == []
