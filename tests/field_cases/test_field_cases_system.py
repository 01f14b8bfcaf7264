"""Field cases 47 to 49: system messages in the middle of a conversation, and texts of nothing."""

import asyncio
import json
import re
from pathlib import Path
from typing import Any

import httpx2
import pytest

from baton.protocol import foreign
from baton.testing.upstream import http_answer
from baton.types.card import Dialect
from tests.field_cases.rendered import DIALECTS, Json, encoded, rendered, target
from tests.field_cases.stage import Maker, stage, whole
from tests.flow.vendors import vendors

GREETED: list[Json] = [{"role": "user", "content": "hi"}, {"role": "assistant", "content": "hello"}]
RULE: Json = {"role": "system", "content": "be short"}
GO_ON: Json = {"role": "user", "content": "go on"}
WITH_SYSTEM: Json = {"messages": [*GREETED, RULE, GO_ON]}
TAGGED = "<system>\nbe short\n</system>"
RETRIED = re.compile(r"role\W{0,3}system.*not supported")
"""What Claude Code looks for in a 400 before it asks again without such messages."""


def said(message: Json) -> tuple[str, str]:
    """Role and text."""
    content = message["parts"] if "parts" in message else message["content"]
    return message["role"], content if isinstance(content, str) else "".join(part["text"] for part in content)


@pytest.mark.parametrize("thread", ["grok2api_598", "inspect_ai_4095", "tokenhub_73", "ccrelay_124"])
def test_case_47_a_system_message_in_the_middle_keeps_its_place(thread: str) -> None:
    """It was refused, hoisted before the conversation, told as the assistant's words, or put after the user's."""
    path = "messages[2]" if thread == "inspect_ai_4095" else "messages[2].content"
    if thread == "grok2api_598":
        shown = rendered("anthropic", WITH_SYSTEM, "openai-chat")
        assert [said(one) for one in shown.messages] == [said(one) for one in WITH_SYSTEM["messages"]]
    elif thread == "inspect_ai_4095":
        shown = rendered("openai-chat", WITH_SYSTEM, "anthropic")
        assert [said(one) for one in shown.messages] == [said(one) for one in WITH_SYSTEM["messages"]]
        assert "system" not in shown.body
    elif thread == "tokenhub_73":
        shown = rendered("anthropic", WITH_SYSTEM, "openai-responses")
        assert [said(one)[0] for one in shown.messages] == ["user", "assistant", "system", "user"]
        assert "instructions" not in shown.body
    else:
        shown = rendered("anthropic", WITH_SYSTEM, target("ollama"))
        assert [said(one) for one in shown.messages] == [said(one) for one in WITH_SYSTEM["messages"]]
    assert shown.action(path) == "kept"


@pytest.mark.parametrize("to", DIALECTS)
def test_case_47_where_it_cannot_stand_it_is_folded_into_the_users_turn_at_its_place(to: Dialect) -> None:
    """Older Claudes and Gemini take none: neither hoisted nor the assistant's, and reported as degraded."""
    shown = rendered("anthropic", WITH_SYSTEM, target(to, mid_system=False))
    roles, texts = zip(*(said(one) for one in shown.messages), strict=True)
    if to == "gemini":  # which is told what a user says in one turn
        assert (roles, texts) == (("user", "model", "user"), ("hi", "hello", TAGGED + "go on"))
    else:
        assert (roles, texts) == (("user", "assistant", "user", "user"), ("hi", "hello", TAGGED, "go on"))
    assert (shown.action("messages[2].content"), shown.reason("messages[2].content")) == ("degraded", foreign.FOLDED)


OLD_CLAUDE = Maker("anthropic", "claude-sonnet-4-5", [])
OLD_GEMINI = Maker("gemini", "gemini-2.5-pro", [], kind="gemini")


@pytest.mark.parametrize("model", ["auto", "gemini/gemini-2.5-pro"])
def test_case_48_colibri_725_a_refusal_is_worded_so_that_claude_code_asks_again_without(
    tmp_path: Path, model: str
) -> None:
    """Any other wording of the 400 than the vendor's own, and Claude Code shows the error instead of recovering."""

    async def run() -> None:
        makers = {"anthropic": OLD_CLAUDE} if model == "auto" else {"gemini": OLD_GEMINI}
        async with stage(tmp_path, makers) as gateway:
            body = {"model": model, "max_tokens": 99} | WITH_SYSTEM
            refused = await gateway.post("/v1/messages", body, x_baton_strict_handoff="true")
            assert refused.status_code == 400
            error = refused.json()["error"]
            assert error["type"] == "invalid_request_error"
            assert RETRIED.search(error["message"]), error["message"]
            assert [one.requests for one in gateway.upstreams.values()] == [[]]

    asyncio.run(run())


def test_case_48_colibri_725_without_strict_handoff_it_is_folded_before_it_is_sent(tmp_path: Path) -> None:
    """A model that is known to refuse it is not asked in vain by a router that chose it."""

    async def run() -> None:
        old = Maker("anthropic", "claude-sonnet-4-5", [whole(answer("hello"))])
        async with stage(tmp_path, {"anthropic": old}) as gateway:
            served = await gateway.post("/v1/messages", {"model": "auto", "max_tokens": 99} | WITH_SYSTEM)
            assert served.status_code == 200
            sent = json.loads(gateway.upstreams["anthropic"].requests[0].body)["messages"]
            assert said(sent[2]) == ("user", TAGGED)
            assert (await gateway.decision(served))["messages[2].content"]["action"] == "degraded"

    asyncio.run(run())


def test_case_48_colibri_725_a_refusal_of_the_vendors_goes_on_in_its_own_words(tmp_path: Path) -> None:
    """A model that was asked for by name, in its own dialect, refuses it: its words must reach the client."""
    words = "role 'system' is not supported on this model"
    refusal = {"type": "error", "error": {"type": "invalid_request_error", "message": words}, "request_id": "r"}

    async def run() -> None:
        old = Maker("anthropic", "claude-sonnet-4-5", [http_answer(400, encoded(refusal))])
        async with stage(tmp_path, {"anthropic": old}) as gateway:
            body = {"model": "anthropic/claude-sonnet-4-5", "max_tokens": 9} | WITH_SYSTEM
            refused = await gateway.post("/v1/messages", body)
            assert (refused.status_code, refused.json()) == (400, refusal)

    asyncio.run(run())


@pytest.mark.parametrize("thread", ["open_webui_21918", "vercel_ai_5576"])
def test_case_49_a_text_of_nothing_is_not_sent_to_claude(tmp_path: Path, thread: str) -> None:
    """`messages: text content blocks must be non-empty`: an assistant that only calls tools has empty content."""
    call = {"id": "a", "type": "function", "function": {"name": "bash", "arguments": "{}"}}
    empty: Any = "" if thread == "open_webui_21918" else [{"type": "text", "text": ""}]
    messages = [
        {"role": "system", "content": ""},
        {"role": "user", "content": "hi"},
        {"role": "assistant", "content": empty, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "a", "content": ""},
        {"role": "assistant", "content": "done"},
        {"role": "user", "content": "go on"},
    ]
    shown = rendered("openai-chat", {"messages": messages}, "anthropic")
    assert b'"text":""' not in shown.raw
    assert "system" not in shown.body
    assert shown.messages[1]["content"] == [{"type": "tool_use", "id": "a", "name": "bash", "input": {}}]
    path = "messages[2].content" + ("" if thread == "open_webui_21918" else "[0]")
    assert (shown.action(path), shown.reason(path)) == ("withheld", foreign.EMPTY_TEXT)

    async def run() -> None:
        async with vendors(tmp_path) as gateway, httpx2.AsyncClient(base_url=gateway.url) as http:
            served = await http.post(
                "/v1/chat/completions", json={"model": "anthropic/sim-claude", "messages": messages}
            )
            assert served.status_code == 200, served.text
            assert gateway.refusals() == []

    asyncio.run(run())


def answer(words: str) -> Json:
    return {
        "id": "msg_1", "type": "message", "role": "assistant", "model": "claude", "stop_reason": "end_turn",
        "content": [{"type": "text", "text": words}], "stop_sequence": None,
        "usage": {"input_tokens": 3, "output_tokens": 2},
    }  # fmt: skip
