"""Agent frameworks through a real gateway, onto a strict simulated vendor of each dialect."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import anthropic
import openai
import pytest
from google import genai
from google.genai import types as gemini

from tests.flow.frameworks import FRAMEWORKS, Way, Weather
from tests.flow.vendors import VENDORS, Vendors, vendors

CLAUDE, GPT, GEMINI = "anthropic/sim-claude", "openai/sim-gpt", "gemini/sim-gemini"
ASKED = "the weather of any city, please"
MODELS = [f"{name}/{model}" for name, (_, model, _) in VENDORS.items()]


@pytest.fixture(autouse=True)
def untraced(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither framework may report what it does to anyone."""
    for name in ("LANGSMITH_TRACING", "LANGCHAIN_TRACING_V2", "LOGFIRE_SEND_TO_LOGFIRE"):
        monkeypatch.setenv(name, "false")


def assert_served(gateway: Vendors, requests: int) -> None:
    assert gateway.refusals() == []
    assert [entry.ending for entry in gateway.entries()] == ["complete"] * requests


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_an_agent_runs_its_tools_whole_and_streamed_and_goes_on(tmp_path: Path, framework: str, model: str) -> None:
    async def run() -> None:
        async with vendors(tmp_path) as gateway:
            agent = FRAMEWORKS[framework](gateway.url)
            first = await agent.say("please use get_weather and get_time", model, stream=False)
            assert sorted(agent.tools.ran) == ["get_time", "get_weather"]
            assert "result 1 of get_time for Paris" in first.text
            second = await agent.say("please use get_time again", model, stream=True)
            assert agent.tools.ran[2:] == ["get_time"]
            assert "result 2 of get_time for Paris" in second.text
            assert second.events > 4
            third = await agent.say("and what was all that?", model, stream=True)
            assert third.text.startswith("Answer 3 of sim-")
            assert "and what was all that?" in third.text
            for said in (first, second, third):
                assert all(tokens > 0 for pair in said.tokens for tokens in pair)
            assert [len(said.tokens) for said in (first, second, third)] == [2, 2, 1]
            assert_served(gateway, 5)
            await agent.close()

    asyncio.run(run())


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_an_agents_conversation_goes_round_the_vendors_and_its_signed_blocks_return(
    tmp_path: Path, framework: str
) -> None:
    """Claude refuses a signature that is not its own, is bound to other turns, or is missing where it must be."""

    async def run() -> None:
        async with vendors(tmp_path) as gateway:
            agent = FRAMEWORKS[framework](gateway.url)
            for number, model in enumerate((CLAUDE, GPT, GEMINI, CLAUDE)):
                said = await agent.say(f"please use get_time, round {number}", model, stream=number % 2 == 0)
                assert f"result {number + 1} of get_time for Paris" in said.text
            assert_served(gateway, 8)
            bodies = [json.loads(one.body) for one in gateway.sent if one.path == "/v1/messages"]
            left, returned = bodies[1], bodies[-1]
            assert len(signatures(left)) == 1
            assert signatures(returned)[:1] == signatures(left)
            assert returned["messages"][: len(left["messages"])] == left["messages"]
            elsewhere = [one.body for one in gateway.sent if one.path != "/v1/messages"]
            assert not any(value.encode() in body for value in signatures(returned) for body in elsewhere)
            await agent.close()

    asyncio.run(run())


def signatures(body: dict[str, Any]) -> list[str]:
    blocks = [
        block for message in body["messages"] if isinstance(message["content"], list) for block in message["content"]
    ]
    return [block["signature"] for block in blocks if block["type"] == "thinking"]


@pytest.mark.slow
@pytest.mark.parametrize("model", [CLAUDE, GPT, GEMINI])
@pytest.mark.parametrize("family", ["pydantic-ai", "langchain"])
def test_an_agent_that_changes_its_own_dialect_is_still_served(tmp_path: Path, family: str, model: str) -> None:
    """The frameworks keep one history for all dialects, with what other dialects have left in it."""

    async def run() -> None:
        async with vendors(tmp_path) as gateway:
            agents = [made(gateway.url) for name, made in FRAMEWORKS.items() if name.startswith(family)]
            history = agents[0].history
            for number, agent in enumerate((*agents, *agents)):
                agent.history = history
                said = await agent.say(f"please use get_time, round {number}", model, stream=number % 2 == 0)
                assert f"result {1 + number // len(agents)} of get_time for Paris" in said.text
                history = agent.history
            assert_served(gateway, 4 * len(agents))
            for agent in agents:
                await agent.close()

    asyncio.run(run())


@pytest.mark.slow
@pytest.mark.parametrize("way", ["tool", "native"])
@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_a_structured_answer_is_read_from_every_vendor(tmp_path: Path, framework: str, way: Way) -> None:
    async def run() -> None:
        async with vendors(tmp_path) as gateway:
            agent = FRAMEWORKS[framework](gateway.url)
            for model in MODELS:
                assert await agent.read(model, way) == Weather(city="Paris", degrees=3), model
            assert_served(gateway, len(MODELS))
            await agent.close()

    asyncio.run(run())


# --- the vendors' own readers of structured answers ----------------------------------------------


async def parse_chat(url: str, model: str) -> Any:
    async with openai.AsyncOpenAI(base_url=f"{url}/v1", api_key="none", max_retries=0) as sdk:
        asked: Any = [{"role": "user", "content": ASKED}]
        answer = await sdk.chat.completions.parse(model=model, messages=asked, response_format=Weather)
        return answer.choices[0].message.parsed


async def parse_responses(url: str, model: str) -> Any:
    async with openai.AsyncOpenAI(base_url=f"{url}/v1", api_key="none", max_retries=0) as sdk:
        return (await sdk.responses.parse(model=model, input=ASKED, text_format=Weather)).output_parsed


async def parse_messages(url: str, model: str) -> Any:
    async with anthropic.AsyncAnthropic(base_url=url, api_key="none", max_retries=0) as sdk:
        asked: Any = [{"role": "user", "content": ASKED}]
        answer = await sdk.messages.parse(model=model, max_tokens=4_000, messages=asked, output_format=Weather)
        return answer.parsed_output


async def parse_gemini(url: str, model: str) -> Any:
    sdk = genai.Client(api_key="none", http_options=gemini.HttpOptions(base_url=url))
    config = gemini.GenerateContentConfig(response_mime_type="application/json", response_schema=Weather)
    answer = await sdk.aio.models.generate_content(model=model, contents=ASKED, config=config)
    await sdk.aio.aclose()
    sdk.close()
    return answer.parsed


@pytest.mark.slow
@pytest.mark.parametrize("parse", [parse_chat, parse_responses, parse_messages, parse_gemini])
def test_the_sdks_parse_a_structured_answer_of_every_vendor(
    tmp_path: Path, parse: Callable[[str, str], Awaitable[Any]]
) -> None:
    async def run() -> None:
        async with vendors(tmp_path) as gateway:
            for model in MODELS:
                assert await parse(gateway.url, model) == Weather(city="Paris", degrees=3), model
            assert_served(gateway, len(MODELS))

    asyncio.run(run())
