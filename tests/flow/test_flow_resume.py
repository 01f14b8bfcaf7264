"""A stream that breaks off is continued by another model, where the caller asked for that."""

import asyncio
import json
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.flow.test_flow_fallback import CLAUDE, GEMINI, GPT, PATHS, WORDS, ask, body, fail
from tests.flow.vendors import vendors

RESUME = {"resume": "continue"}


def events(text: str) -> list[dict[str, Any]]:
    lines = [line.removeprefix("data:").strip() for line in text.splitlines() if line.startswith("data:")]
    return [json.loads(line) for line in lines if line != "[DONE]"]


def words_of(text: str, dialect: str) -> str:
    if dialect == "anthropic":
        return "".join(event.get("delta", {}).get("text", "") for event in events(text))
    if dialect == "openai-responses":
        return "".join(event["delta"] for event in events(text) if event["type"] == "response.output_text.delta")
    return "".join(event["choices"][0]["delta"].get("content") or "" for event in events(text) if event.get("choices"))


@pytest.mark.parametrize("dialect", PATHS)
@pytest.mark.parametrize("fault", ["cut@9e", "reset@9e", "unfinished@9e", "error@9e"])
@pytest.mark.parametrize("models", [(CLAUDE, GPT), (GPT, CLAUDE), (GEMINI, CLAUDE)])
def test_the_next_model_goes_on_from_the_exact_text_and_says_so(
    tmp_path: Path, dialect: str, fault: str, models: tuple[str, str]
) -> None:
    async def run() -> None:
        async with vendors(tmp_path) as gateway:
            first, second = models
            fail(gateway, {first.split("/")[1]: fault})
            asked = body("auto", stream=True, baton={"models": list(models), "task_type": "other", **RESUME})
            if dialect == "openai-responses":
                asked = {"model": "auto", "stream": True, "input": WORDS, "baton": asked["baton"]}
            answer = await ask(gateway, asked, PATHS[dialect])
            assert answer.status_code == 200
            said = words_of(answer.text, dialect)
            entries = gateway.entries()
            if len(entries) == 1 or "resumed_by" not in answer.text:
                return  # nothing had been said: another model answered from the beginning
            begun = json.loads(gateway.sent[-1].body)
            assert said.startswith("Answer 1 of")
            assert said.count("Answer") == 2, "the one that broke off, and the one that went on"
            assert "event: error" not in answer.text
            assert '"error":{' not in answer.text
            assert second in answer.text
            partial = said[: said.rindex("Answer")]
            assert partial in json.dumps(begun, ensure_ascii=False)

    asyncio.run(run())


def test_a_stream_that_nobody_can_continue_ends_with_a_typed_error(tmp_path: Path) -> None:
    async def run() -> None:
        async with vendors(tmp_path) as gateway:
            fail(gateway, {"sim-claude": "cut@9e", "sim-gpt": "500", "sim-gemini": "500"})
            asked = body("auto", stream=True, baton={"models": [CLAUDE, GPT], "task_type": "other", **RESUME})
            answer = await ask(gateway, asked)
            assert "[DONE]" not in answer.text
            assert '"error"' in answer.text

    asyncio.run(run())


def test_a_call_of_a_tool_that_has_begun_is_never_continued(tmp_path: Path) -> None:
    async def run() -> None:
        async with vendors(tmp_path) as gateway:
            fail(gateway, {"sim-claude": "cut@9e", "sim-gpt": "cut@9e"})
            tool = {"type": "function", "function": {"name": "get_weather", "parameters": {"type": "object"}}}
            asked = body("auto", stream=True, tools=[tool], baton={"models": [CLAUDE, GPT], **RESUME})
            asked["messages"] = [{"role": "user", "content": "please use get_weather"}]
            answer = await ask(gateway, asked)
            if "tool_calls" in answer.text:
                assert "resumed_by" not in answer.text
                assert '"finish_reason":"tool_calls"' not in answer.text

    asyncio.run(run())


@pytest.mark.parametrize("resume", ["maybe", 1, None])
def test_only_the_two_ways_are_taken(tmp_path: Path, resume: Any) -> None:
    async def run() -> None:
        async with vendors(tmp_path) as gateway, httpx2.AsyncClient(base_url=gateway.url) as http:
            answer = await http.post(PATHS["openai-chat"], json=body(CLAUDE, baton={"resume": resume}))
            assert answer.status_code == (200 if resume is None else 400)

    asyncio.run(run())
