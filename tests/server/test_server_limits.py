"""Budgets and limits on the whole way: real SDKs, every dialect, streams, passthrough, faults and callers who leave."""

import asyncio
import json
from collections.abc import AsyncGenerator, Coroutine, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import anthropic
import msgspec
import openai
import pytest

from baton.config.schema import Config, ContentConfig, KeyConfig, LedgerConfig, LimitFields, ServerConfig, SpendConfig
from baton.flow.house import House
from baton.record.spend import spend_by
from baton.server.run import bind, serving
from baton.testing.upstream import Step, event_stream, http_answer, scripted
from baton.types.card import Provider
from baton.types.money import nano_from_usd
from baton.types.reliability import Reliability
from baton.types.secret import Secret
from baton.types.spend import Spent
from tests.decide.fleet import snapshot

ANSWER = http_answer(
    200,
    json.dumps(
        {
            "id": "c1", "object": "chat.completion", "created": 0, "model": "mid",
            "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "yes"}}],
            "usage": {"prompt_tokens": 1000, "completion_tokens": 100, "total_tokens": 1100},
        }
    ).encode(),
)  # fmt: skip
COST = nano_from_usd(0.0015)
"""Of that answer on sim/mid: 1,000 tokens at $1 and 100 at $5 per million."""
HI: list[Any] = [{"role": "user", "content": "hi"}]
CHAT = {"model": "sim/mid", "messages": HI, "max_tokens": 100}
RATE_HEADERS = {f"x-ratelimit-{what}-{of}" for what in ("limit", "remaining", "reset") for of in ("requests", "tokens")}


def run(work: Coroutine[Any, Any, None]) -> None:
    asyncio.run(work)


@asynccontextmanager
async def opened(
    folder: Path, *scripts: Sequence[Step], team: LimitFields | None = None, **limits: Any
) -> AsyncGenerator[tuple[str, House]]:
    async with scripted(*scripts) as upstream:
        provider = Provider("sim", upstream.base_url, ("openai-chat",), "none", simulated=True)
        config = Config(
            snapshot=msgspec.structs.replace(snapshot(), providers={"sim": provider}),
            server=ServerConfig(keys=(KeyConfig("alice", Secret("k-alice"), team="web", **limits),)),
            ledger=LedgerConfig(path=str(folder / "ledger.db"), flush_s=0.02),
            content=ContentConfig(mode="off"),
            spend=SpendConfig(teams={"web": team or LimitFields()}),
            reliability=Reliability(attempts=1),
        )
        sock = bind("127.0.0.1", 0)
        async with serving(config, sock) as house:
            yield f"http://127.0.0.1:{sock.getsockname()[1]}", house


async def post(url: str, path: str, body: Any, **headers: str) -> tuple[int, dict[str, str], bytes]:
    named = {"authorization": "Bearer k-alice"} | headers
    async with aiohttp.ClientSession() as session, session.post(url + path, json=body, headers=named) as reply:
        return reply.status, {name.lower(): value for name, value in reply.headers.items()}, await reply.read()


def used(house: House, account: str = "key:alice") -> Spent:
    found = house.spending.counters.used(account, house.spending.now())
    assert isinstance(found, Spent)
    return found


def test_the_openai_sdk_gets_its_own_errors_and_headers(tmp_path: Path) -> None:
    async def work() -> None:
        async with opened(tmp_path, ANSWER, rpm=1, tpm=10_000) as (url, _):
            client = openai.AsyncOpenAI(base_url=f"{url}/v1", api_key="k-alice", max_retries=0)
            first = await client.chat.completions.with_raw_response.create(model="sim/mid", messages=HI, max_tokens=9)
            assert not RATE_HEADERS - set(first.headers)
            assert first.headers["x-ratelimit-remaining-requests"] == "0"
            with pytest.raises(openai.RateLimitError) as limited:
                await client.chat.completions.create(model="sim/mid", messages=HI)
            assert limited.value.code == "rate_limit_exceeded"
            assert 0 < int(limited.value.response.headers["retry-after"]) <= 60
            assert not RATE_HEADERS - set(limited.value.response.headers)
            await client.close()

    run(work())


@pytest.mark.parametrize("budget", ["day_usd", "month_usd", "total_usd"])
def test_a_budget_is_a_402_that_no_sdk_takes_for_anything_else(tmp_path: Path, budget: str) -> None:
    async def work() -> None:
        async with opened(tmp_path, **dict[str, Any]({budget: 0.000001})) as (url, _):
            client = openai.AsyncOpenAI(base_url=f"{url}/v1", api_key="k-alice")
            with pytest.raises(openai.APIStatusError) as refused:
                await client.chat.completions.create(model="sim/mid", messages=HI)
            assert (refused.value.status_code, refused.value.code) == (402, "budget_exceeded")
            assert refused.value.type == "insufficient_quota"
            await client.close()
            claude = anthropic.AsyncAnthropic(base_url=url, api_key="k-alice")
            with pytest.raises(anthropic.APIStatusError) as told:
                await claude.messages.create(model="sim/mid", messages=HI, max_tokens=10)
            assert told.value.status_code == 402
            assert told.value.body["error"]["type"] == "billing_error"  # type: ignore[index]
            await claude.close()

    run(work())


def test_the_anthropic_sdk_gets_its_own_headers(tmp_path: Path) -> None:
    async def work() -> None:
        async with opened(tmp_path, ANSWER, rpm=1) as (url, _):
            claude = anthropic.AsyncAnthropic(base_url=url, api_key="k-alice", max_retries=0)
            first = await claude.messages.with_raw_response.create(model="sim/mid", messages=HI, max_tokens=10)
            assert first.headers["anthropic-ratelimit-requests-limit"] == "1"
            with pytest.raises(anthropic.RateLimitError) as limited:
                await claude.messages.create(model="sim/mid", messages=HI, max_tokens=10)
            headers = limited.value.response.headers
            assert headers["anthropic-ratelimit-requests-remaining"] == "0"
            assert headers["anthropic-ratelimit-requests-reset"].endswith("Z")
            assert int(headers["retry-after"]) > 0
            await claude.close()

    run(work())


def test_gemini_is_told_when_to_retry_in_the_body(tmp_path: Path) -> None:
    async def work() -> None:
        async with opened(tmp_path, ANSWER, rpm=1) as (url, _):
            path, body = "/v1beta/models/sim/mid:generateContent", {"contents": [{"parts": [{"text": "hi"}]}]}
            await post(url, path, body)
            status, _, told = await post(url, path, body)
            error = json.loads(told)["error"]
            assert (status, error["status"]) == (429, "RESOURCE_EXHAUSTED")
            info = next(one for one in error["details"] if one["@type"].endswith("RetryInfo"))
            assert 0 < int(info["retryDelay"].removesuffix("s")) <= 60

    run(work())


def test_what_was_spent_is_known_after_a_restart(tmp_path: Path) -> None:
    async def work() -> None:
        async with opened(tmp_path, ANSWER, total_usd=0.003) as (url, house):
            assert (await post(url, "/v1/chat/completions", CHAT))[0] == 200
            assert used(house) == Spent(COST, COST, COST)
        async with opened(tmp_path, ANSWER, ANSWER, total_usd=0.003) as (url, house):
            assert [(await post(url, "/v1/chat/completions", CHAT))[0] for _ in range(2)] == [200, 402]
            assert used(house) == Spent(2 * COST, 2 * COST, 2 * COST)
        assert spend_by(tmp_path / "ledger.db", "key")[0].cost == 2 * COST
        assert spend_by(tmp_path / "ledger.db", "team")[0].cost == 2 * COST

    run(work())


def test_users_and_tags_are_booked(tmp_path: Path) -> None:
    async def work() -> None:
        async with opened(tmp_path, ANSWER) as (url, _):
            body = CHAT | {"user": "u-7", "baton": {"tags": ["report", "night"]}}
            assert (await post(url, "/v1/chat/completions", body))[0] == 200
        for kind, names in (("user", ["u-7"]), ("tag", ["night", "report"]), ("team", ["web"]), ("key", ["alice"])):
            assert [line.account for line in spend_by(tmp_path / "ledger.db", kind)] == names  # type: ignore[arg-type]

    run(work())


def test_a_hundred_at_once_on_the_last_dollar_overspend_nothing(tmp_path: Path) -> None:
    """The budget is that of the team, and there is room for three answers and a half."""

    async def work() -> None:
        scripts = [ANSWER] * 100
        async with opened(tmp_path, *scripts, team=LimitFields(day_usd=0.0015 * 3.5)) as (url, house):
            # Input is set aside by the length of the text: as long as the thousand tokens that it will be billed.
            body = CHAT | {"messages": [{"role": "user", "content": "word " * 800}]}
            replies = await asyncio.gather(*(post(url, "/v1/chat/completions", body) for _ in range(100)))
            good = sum(status == 200 for status, _, _ in replies)
            assert {status for status, _, _ in replies} == {200, 402}
            assert used(house, "team:web").day == good * COST <= nano_from_usd(0.0015 * 3.5)
            assert good >= 2

    run(work())


def chunk(text: str) -> bytes:
    return b"data: " + json.dumps({"choices": [{"index": 0, "delta": {"content": text}}]}).encode() + b"\n\n"


def test_a_stream_stops_where_the_budget_ends_and_says_so(tmp_path: Path) -> None:
    head, *events = event_stream(*[chunk("x" * 300) for _ in range(200)], b"data: [DONE]\n\n")
    long: list[Step] = [head, *(step for event in events for step in (event, 0.002))]

    async def work() -> None:
        async with opened(tmp_path, long, day_usd=0.02) as (url, house):
            client = openai.AsyncOpenAI(base_url=f"{url}/v1", api_key="k-alice", max_retries=0)
            stream = await client.chat.completions.create(model="sim/mid", messages=HI, stream=True)
            seen: list[str] = []
            with pytest.raises(openai.APIError, match="the answer was stopped") as stop:
                seen.extend([event.choices[0].delta.content or "" async for event in stream])
            assert stop.value.code == "stopped_by_budget"
            assert len("".join(seen)) < 60_000
            await client.close()
            for _ in range(50):
                if house.ledger.health().written:
                    break
                await asyncio.sleep(0.02)
            assert 0 < used(house).day <= nano_from_usd(0.021)

    run(work())


def test_a_caller_who_leaves_is_charged_for_what_he_got(tmp_path: Path) -> None:
    slow: list[Step] = [*event_stream(*[chunk("word " * 60) for _ in range(3)], end=False), 5.0]

    async def work() -> None:
        async with opened(tmp_path, slow, day_usd=1.0, parallel=1) as (url, house):
            async with aiohttp.ClientSession() as session:
                headers = {"authorization": "Bearer k-alice"}
                body = CHAT | {"stream": True}
                async with session.post(f"{url}/v1/chat/completions", json=body, headers=headers) as reply:
                    assert await reply.content.readany()
            for _ in range(100):
                if used(house).day and house.ledger.health().written:
                    break
                await asyncio.sleep(0.02)
            assert 0 < used(house).day < nano_from_usd(0.01)

    run(work())


def test_a_fault_gives_back_what_was_set_aside(tmp_path: Path) -> None:
    async def work() -> None:
        async with opened(tmp_path, http_answer(500, b"{}"), ANSWER, day_usd=1.0, parallel=1) as (url, house):
            assert (await post(url, "/v1/chat/completions", CHAT))[0] == 500
            assert used(house) == Spent()
            assert (await post(url, "/v1/chat/completions", CHAT))[0] == 200
            assert used(house).day == COST

    run(work())


def test_what_passes_through_is_limited_and_booked_too(tmp_path: Path) -> None:
    embedding = json.dumps({"data": [], "usage": {"prompt_tokens": 8, "total_tokens": 8}}).encode()

    async def work() -> None:
        async with opened(tmp_path, http_answer(200, embedding), rpm=1, day_usd=1.0) as (url, house):
            body = {"model": "sim/mid", "input": "hi"}
            status, headers, _ = await post(url, "/v1/embeddings", body)
            assert (status, headers["x-ratelimit-remaining-requests"]) == (200, "0")
            assert used(house).day == 8 * 1_000
            assert (await post(url, "/v1/embeddings", body))[0] == 429

    run(work())


def test_a_key_may_use_its_routes_alone(tmp_path: Path) -> None:
    async def work() -> None:
        async with opened(tmp_path, ANSWER, routes=("auto",)) as (url, _):
            status, _, told = await post(url, "/v1/chat/completions", CHAT)
            assert (status, json.loads(told)["error"]["code"]) == (403, "not_allowed")
            assert (await post(url, "/v1/chat/completions", CHAT | {"model": "auto"}))[0] == 200

    run(work())


def test_who_has_no_limits_is_told_of_none(tmp_path: Path) -> None:
    async def work() -> None:
        async with opened(tmp_path, ANSWER) as (url, _):
            _, headers, _ = await post(url, "/v1/chat/completions", CHAT)
            assert not RATE_HEADERS & set(headers)

    run(work())
