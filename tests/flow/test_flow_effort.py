"""An arm is a model that thinks less: the step goes out in the words of whoever is asked, unless the caller chose one."""

import asyncio
from pathlib import Path
from typing import Any

import httpx2
import msgspec
import pytest

from baton.types.card import EffortArm
from tests.flow.vendors import Vendors, card, vendors

ARMS = {
    name: card(f"{name}/arm", name, model, efforts={"low": EffortArm("low", 0.2, {"other": 0.99})})
    for name, model in (
        ("anthropic", "sim-claude"), ("openai", "sim-gpt"), ("gemini", "sim-gemini"), ("ollama", "sim-llama")
    )
}  # fmt: skip
SAY = [{"role": "user", "content": "one two three"}]
CONTENTS = [{"role": "user", "parts": [{"text": "one two three"}]}]
CALLERS: dict[str, tuple[str, dict[str, Any], dict[str, Any]]] = {
    "openai-chat": ("/v1/chat/completions", {"messages": SAY, "max_tokens": 4000}, {"reasoning_effort": "high"}),
    "anthropic": (
        "/v1/messages",
        {"messages": SAY, "max_tokens": 4000},
        {"output_config": {"effort": "high"}, "thinking": {"type": "adaptive"}},
    ),
    "openai-responses": ("/v1/responses", {"input": "one two three"}, {"reasoning": {"effort": "high"}}),
    "gemini": (
        "/v1beta/models/auto:generateContent",
        {"contents": CONTENTS},
        {"generationConfig": {"thinkingConfig": {"thinkingLevel": "HIGH"}}},
    ),
}


async def ask(gateway: Vendors, caller: str, vendor: str, **more: Any) -> httpx2.Response:
    path, members, _ = CALLERS[caller]
    named = {} if caller == "gemini" else {"model": "auto"}
    asked = named | members | more
    async with httpx2.AsyncClient(base_url=gateway.url, timeout=30) as http:
        return await http.post(path, json=asked, headers={"x-baton-models": f"{vendor}/arm"})


def step_in(vendor: str, body: bytes) -> Any:
    """As the vendor's own words say it."""
    sent = msgspec.json.decode(body)
    if vendor == "anthropic":
        return sent.get("output_config", {}).get("effort") or sent.get("thinking")
    if vendor == "openai":
        return sent.get("reasoning", {}).get("effort")
    if vendor == "gemini":
        thinking = sent.get("generationConfig", {}).get("thinkingConfig", {})
        return thinking.get("thinkingLevel", thinking.get("thinkingBudget"))
    return sent.get("think")


@pytest.mark.parametrize("caller", CALLERS)
@pytest.mark.parametrize("vendor", ARMS)
def test_the_step_goes_out_and_is_named(tmp_path: Path, vendor: str, caller: str) -> None:
    async def run() -> None:
        async with vendors(tmp_path, models=tuple(ARMS.values())) as gateway:
            answer = await ask(gateway, caller, vendor)
            assert answer.status_code == 200, answer.text
            assert answer.headers["x-baton-model"] == f"{vendor}/arm"
            assert answer.headers["x-baton-effort"] == "low"
            assert f"{vendor}/arm@low" in answer.headers["x-baton-reason"]
            assert str(step_in(vendor, gateway.sent[-1].body)).lower() in {"low", "2048", "true"}
            assert gateway.refusals() == []

    asyncio.run(run())


@pytest.mark.parametrize("caller", CALLERS)
def test_what_the_caller_chose_is_what_goes_out(tmp_path: Path, caller: str) -> None:
    async def run() -> None:
        async with vendors(tmp_path, models=tuple(ARMS.values())) as gateway:
            answer = await ask(gateway, caller, "openai", **CALLERS[caller][2])
            assert answer.status_code == 200, answer.text
            assert "x-baton-effort" not in answer.headers
            assert step_in("openai", gateway.sent[-1].body) == "high"

    asyncio.run(run())


def test_an_arm_may_be_asked_for_by_a_rule_and_in_a_stream(tmp_path: Path) -> None:
    async def run() -> None:
        async with vendors(tmp_path, models=tuple(ARMS.values())) as gateway:
            answer = await ask(gateway, "openai-chat", "anthropic", stream=True)
            assert answer.headers["x-baton-effort"] == "low"
            assert step_in("anthropic", gateway.sent[-1].body) == "low"

    asyncio.run(run())
