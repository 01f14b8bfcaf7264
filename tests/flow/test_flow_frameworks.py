"""Agent frameworks through a real gateway, onto a strict simulated vendor of each dialect."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from tests.flow.frameworks import FRAMEWORKS
from tests.flow.vendors import VENDORS, Vendors, vendors

CLAUDE, GPT, GEMINI = "anthropic/sim-claude", "openai/sim-gpt", "gemini/sim-gemini"
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
            assert "result 2 of get_time for Paris" in first.text
            second = await agent.say("please use get_time again", model, stream=True)
            assert agent.tools.ran[2:] == ["get_time"]
            assert "result 3 of get_time for Paris" in second.text
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
