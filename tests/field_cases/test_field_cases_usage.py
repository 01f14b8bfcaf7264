"""Field cases 55 and 56: usage, why an answer ended, and what stands beside it in headers."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from baton.protocol.anthropic.stream_write import FOREIGN_STOP as NO_SUCH_STOP
from baton.protocol.dialects import Reply, grammar_of
from baton.types.card import Dialect
from baton.types.money import Usage
from tests.field_cases.rendered import Json, encoded, frames, heard, heard_stream, told, told_stream, unframed
from tests.field_cases.stage import PATHS, Maker, stage, stream, whole

CLAUDE_USAGE: Json = {
    "input_tokens": 10, "cache_read_input_tokens": 200, "cache_creation_input_tokens": 30, "output_tokens": 7,
}  # fmt: skip
CHAT_USAGE: Json = {
    "prompt_tokens": 240,
    "completion_tokens": 7,
    "total_tokens": 247,
    "prompt_tokens_details": {"cached_tokens": 200, "cache_write_tokens": 30},
    "completion_tokens_details": {"reasoning_tokens": 0},
}


def claude(usage: Json, *content: Json, stop: str | None = "end_turn", **more: Any) -> Json:
    message = {"id": "msg_1", "type": "message", "role": "assistant", "model": "m", "content": list(content)}
    return message | {"stop_reason": stop, "stop_sequence": None, "usage": usage} | more


def claude_events(usage: Json, *, said: str = "hello", stop: str = "end_turn") -> list[Json]:
    start = claude(usage | {"output_tokens": 1}, stop=None)
    return [
        {"type": "message_start", "message": start},
        {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": said}},
        {"type": "content_block_stop", "index": 0},
        {"type": "message_delta", "delta": {"stop_reason": stop, "stop_sequence": None},
         "usage": {"output_tokens": usage["output_tokens"]}},
        {"type": "message_stop"},
    ]  # fmt: skip


def chunk(said: Json, finish_reason: str | None = None, **more: Any) -> Json:
    choice = {"index": 0, "delta": said, "finish_reason": finish_reason}
    return {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [choice]} | more


def chat(message: Json, finish_reason: str, **more: Any) -> Json:
    choice = {"index": 0, "message": {"role": "assistant"} | message, "finish_reason": finish_reason}
    return {"id": "c", "object": "chat.completion", "created": 1, "model": "m", "choices": [choice]} | more


def gemini(*parts: Json, **usage: int) -> Json:
    content = {"role": "model", "parts": list(parts)}
    candidates = [{"content": content, "finishReason": "STOP", "index": 0}]
    return {"candidates": candidates, "usageMetadata": usage, "modelVersion": "m", "responseId": "r"}


def counts(usage: Json) -> Json:
    """Without the members that count nothing here."""
    return {name: usage[name] for name in CLAUDE_USAGE}


def ask(folder: Path, upstream: Maker, dialect: Dialect, **more: Any) -> list[Json]:
    """The events that a caller gets of a stream."""

    async def run() -> list[Json]:
        async with stage(folder, {"sim": upstream}) as gateway:
            body: Json = {"model": "sim/m", "stream": True, "messages": [{"role": "user", "content": "hi " * 50}]}
            answer = await gateway.post(PATHS[dialect], body | {"max_tokens": 99} | more)
            assert answer.status_code == 200, answer.text
            return unframed(answer.content)

    return asyncio.run(run())


@pytest.mark.parametrize("thread", ["litellm_10240", "litellm_5364", "litellm_7790"])
def test_case_55_cached_tokens_count_in_each_dialect_as_it_counts_them(thread: str) -> None:
    """Claude's input excludes what was cached, OpenAI's includes it: totals were short, or counted twice."""
    if thread == "litellm_10240":
        answer = heard("anthropic", claude(CLAUDE_USAGE, {"type": "text", "text": "hello"}))
        assert answer.usage == Usage(240, 7, 200, 30, 0)
        assert told(answer, "openai-chat")["usage"] == CHAT_USAGE
        details = {"cached_tokens": 200, "cache_write_tokens": 30}
        usage = told(answer, "openai-responses")["usage"]
        assert (usage["input_tokens"], usage["input_tokens_details"], usage["total_tokens"]) == (240, details, 247)
    elif thread == "litellm_5364":
        answer = heard("openai-chat", chat({"content": "hello"}, "stop", usage=CHAT_USAGE))
        assert counts(told(answer, "anthropic")["usage"]) == CLAUDE_USAGE
    else:
        told_of = unframed(told_stream(heard_stream("anthropic", frames(*claude_events(CLAUDE_USAGE))), "openai-chat"))
        assert (told_of[-1]["choices"], told_of[-1]["usage"]) == ([], CHAT_USAGE)


def test_case_55_any_llm_622_geminis_thoughts_are_part_of_the_output() -> None:
    """`candidatesTokenCount` leaves the thoughts out: what was paid for was not counted."""
    counted = {"promptTokenCount": 9, "candidatesTokenCount": 5, "thoughtsTokenCount": 40, "totalTokenCount": 54}
    answer = heard("gemini", gemini({"text": "hello"}, **counted))
    assert answer.usage == Usage(9, 45, 0, 0, 40)
    usage = told(answer, "openai-chat")["usage"]
    assert (usage["completion_tokens"], usage["completion_tokens_details"]) == (45, {"reasoning_tokens": 40})
    assert told(answer, "gemini")["usageMetadata"] == counted


def test_case_55_vercel_ai_17326_message_start_says_how_much_was_read(tmp_path: Path) -> None:
    """`usage: 0/0` in message_start, which Claude Code takes for the whole message."""
    upstream = [chunk({"content": "hello"}), chunk({}, "stop"), chunk({}) | {"choices": [], "usage": CHAT_USAGE}]
    events = ask(tmp_path, Maker("openai-chat", "m", [stream(*upstream, b"[DONE]")]), "anthropic")
    started, ended = events[0]["message"]["usage"], events[-2]["usage"]
    assert 20 < started["input_tokens"] < 200  # an estimate: the upstream tells at its end
    assert counts(ended) == CLAUDE_USAGE


@pytest.mark.parametrize("asked", [True, False], ids=["asked", "not-asked"])
def test_case_55_portkey_497_usage_of_a_stream_comes_in_a_chunk_of_its_own_for_who_asked(
    tmp_path: Path, asked: bool
) -> None:
    """Claude's usage was spread over the chunks of the stream: OpenAI's comes once, last, with no choices."""
    upstream = Maker("anthropic", "m", [stream(*claude_events(CLAUDE_USAGE))])
    more = {"stream_options": {"include_usage": True}} if asked else {}
    events = ask(tmp_path, upstream, "openai-chat", **more)
    told_of = [event["usage"] for event in events if event.get("usage")]
    assert told_of == ([CHAT_USAGE] if asked else [])
    assert (events[-1]["choices"] == []) is asked


def test_case_55_portkey_876_usage_in_the_same_chunk_as_the_end_is_read(tmp_path: Path) -> None:
    """Some servers have no chunk of its own for it, and no `[DONE]` either."""
    upstream = [chunk({"content": "hello"}), chunk({}, "stop", usage=CHAT_USAGE)]
    events = ask(tmp_path, Maker("openai-chat", "m", [stream(*upstream)]), "anthropic")
    assert counts(events[-2]["usage"]) == CLAUDE_USAGE
    assert events[-2]["delta"]["stop_reason"] == "end_turn"


def test_case_55_portkey_1259_cached_tokens_that_only_the_last_event_tells_are_counted() -> None:
    """Compatible servers of Messages tell their usage in message_delta alone; `null` stands for what did not change."""
    events = claude_events(CLAUDE_USAGE)
    events[0]["message"]["usage"] = {"input_tokens": 0, "output_tokens": 0}
    events[-2]["usage"] = CLAUDE_USAGE | {"cache_creation_input_tokens": None}
    told_of = unframed(told_stream(heard_stream("anthropic", frames(*events)), "openai-chat"))
    assert told_of[-1]["usage"]["prompt_tokens"] == 210
    assert told_of[-1]["usage"]["prompt_tokens_details"] == {"cached_tokens": 200}


# --- why an answer ended -----------------------------------------------------------------------------


def answer_report(body: Json, dialect: Dialect, to: Dialect) -> tuple[Json, dict[str, tuple[str, str]]]:
    found = grammar_of(to).write_answer(heard(dialect, body), Reply(model="m", id="a", created=1))
    return json.loads(found.body), {one.path: (one.action, one.reason) for one in found.report.entries}


REFUSED: Json = {"type": "refusal", "category": "cyber", "explanation": "this is not for me"}


@pytest.mark.parametrize(
    ("thread", "stop", "finish_reason"),
    [
        ("litellm_23899", "refusal", "content_filter"),
        ("laravel_ai_881", "model_context_window_exceeded", "length"),
        ("any_llm_1306", "max_tokens", "length"),
        ("litellm_40903", "stop_sequence", "stop"),
        ("agenc_core_2111", "pause_turn", "length"),
    ],
)
def test_case_56_a_stop_reason_of_claude_is_told_as_what_it_means(thread: str, stop: str, finish_reason: str) -> None:
    """What had no word was told as `stop`: a cut, refused or paused answer looked as if it were whole."""
    details = {"stop_details": REFUSED} if stop == "refusal" else {}
    body = claude(CLAUDE_USAGE, {"type": "text", "text": "so far"}, stop=stop, **details)
    completion, report = answer_report(body, "anthropic", "openai-chat")
    assert completion["choices"][0]["finish_reason"] == finish_reason
    response, _ = answer_report(body, "anthropic", "openai-responses")
    if stop == "refusal":
        assert completion["choices"][0]["message"]["refusal"] == REFUSED["explanation"]
        assert response["output"][-1]["content"] == [{"type": "refusal", "refusal": REFUSED["explanation"]}]
    else:
        assert response["status"] == ("completed" if finish_reason == "stop" else "incomplete")
    assert told(heard("anthropic", body), "anthropic")["stop_reason"] == stop
    assert ("answer.finish_reason" in report) is (thread == "agenc_core_2111")


def test_case_56_agenc_core_2111_a_paused_turn_is_never_a_finished_one_in_a_stream() -> None:
    """`pause_turn` means: send it back to go on. As a natural stop the turn was lost."""
    events = heard_stream("anthropic", frames(*claude_events(CLAUDE_USAGE, stop="pause_turn")))
    assert unframed(told_stream(events, "openai-chat"))[-2]["choices"][0]["finish_reason"] == "length"
    ending = unframed(told_stream(events, "openai-responses"))[-1]
    assert (ending["type"], ending["response"]["incomplete_details"]) == (
        "response.incomplete",
        {"reason": "max_output_tokens"},
    )


@pytest.mark.parametrize("word", ["content_filter", "something_new"])
def test_case_56_litellm_23899_a_reason_of_chat_is_never_an_end_turn_by_default(word: str) -> None:
    """Unknown reasons became `end_turn`."""
    message, report = answer_report(chat({"content": "so far"}, word), "openai-chat", "anthropic")
    known = word == "content_filter"
    assert message["stop_reason"] == ("refusal" if known else "max_tokens")
    expected = {} if known else {"answer.stop_reason": ("degraded", NO_SUCH_STOP.format(word, "max_tokens"))}
    assert report == expected


def test_case_56_litellm_36683_the_callers_anthropic_beta_header_reaches_anthropic(tmp_path: Path) -> None:
    """The header was dropped, and the features that it switches on were refused as unknown members."""

    async def run() -> None:
        body: Json = {"model": "sim/m", "max_tokens": 9, "messages": [{"role": "user", "content": "hi"}]}
        betas = {"anthropic_beta": "context-management-2025-06-27,mcp-client", "anthropic_version": "2026-10-21"}
        hello = whole(claude(CLAUDE_USAGE, {"type": "text", "text": "hello"}))
        async with stage(tmp_path, {"sim": Maker("anthropic", "m", [hello])}) as gateway:
            context: Json = {"context_management": {"edits": []}}
            assert (await gateway.post("/v1/messages", body | context, **betas, x_api_key="mine")).status_code == 200
            sent = gateway.upstreams["sim"].requests[0]
            assert sent.headers["anthropic-beta"] == "context-management-2025-06-27,mcp-client"
            assert sent.headers["anthropic-version"] == "2026-10-21"
            assert "mine" not in str(sent.headers)
            assert encoded(context)[1:-1].replace(b" ", b"") in sent.body.replace(b" ", b"")

    asyncio.run(run())


@pytest.mark.parametrize("stop", ["STOP", "stop"])
def test_case_56_cli_proxy_api_2612_an_answer_that_calls_after_its_words_does_not_stop_after_them(stop: str) -> None:
    """Gemini ends with STOP and some servers with `stop` although they call tools: the client stopped after the text."""
    if stop == "STOP":
        parts: list[Json] = [{"text": "I look."}, {"functionCall": {"name": "get_weather", "args": {}, "id": "c1"}}]
        answer = heard("gemini", gemini(*parts, promptTokenCount=1, candidatesTokenCount=1, totalTokenCount=2))
    else:
        call = {"id": "c1", "type": "function", "function": {"name": "get_weather", "arguments": "{}"}}
        answer = heard("openai-chat", chat({"content": "I look.", "tool_calls": [call]}, "stop"))
    message = told(answer, "anthropic")
    assert [block["type"] for block in message["content"]] == ["text", "tool_use"]
    assert message["stop_reason"] == "tool_use"
    assert told(answer, "openai-chat")["choices"][0]["finish_reason"] == "tool_calls"


@pytest.mark.parametrize("dialect", ["openai-chat", "anthropic"])
def test_case_56_pydantic_ai_8301_the_answer_names_the_model_without_its_provider(
    tmp_path: Path, dialect: Dialect
) -> None:
    """Clients read `openrouter/...` as an `o` model: an answer bears the plain name, a header the whole one."""

    async def run() -> None:
        body: Json = {"model": "openrouter/m", "max_tokens": 9, "messages": [{"role": "user", "content": "hi"}]}
        hello = whole(claude(CLAUDE_USAGE, {"type": "text", "text": "hello"}))
        async with stage(tmp_path, {"openrouter": Maker("anthropic", "m", [hello])}) as gateway:
            answer = await gateway.post(PATHS[dialect], body)
            assert answer.json()["model"] == "m"
            assert answer.headers["x-baton-model"] == "openrouter/m"

    asyncio.run(run())
