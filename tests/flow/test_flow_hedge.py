"""Hedging: where a route asks for it, a second call is sent when the first is slower than most."""

import asyncio
import time
from pathlib import Path
from typing import Any

import httpx2
import msgspec
import pytest

from baton.config.schema import Config, ContentConfig, LedgerConfig
from baton.server.run import bind, serving
from baton.testing.upstream import http_answer, scripted
from baton.types.card import Provider
from baton.types.reliability import HedgePolicy, Reliability
from baton.types.task import Route
from tests.decide.fleet import snapshot

ANSWER = (
    b'{"id":"c","object":"chat.completion","created":1,"model":"m","choices":[{"index":0,"message":'
    b'{"role":"assistant","content":"hello"},"finish_reason":"stop"}],"usage":{"prompt_tokens":10,"completion_tokens":5}}'
)
FAST = http_answer(200, ANSWER)
SLOW_S = 3.0


@pytest.mark.parametrize("hedge", [True, False])
def test_the_faster_of_two_calls_answers_and_both_are_booked(tmp_path: Path, hedge: bool) -> None:
    async def run() -> None:
        async with scripted(FAST, [SLOW_S, *FAST], FAST) as upstream:
            routes = (Route("hedged", model=("auto",), hedge=hedge), Route("direct", strategy="pass"))
            provider = Provider("sim", upstream.base_url, ("openai-chat",), "none", simulated=True)
            config = Config(
                snapshot=msgspec.structs.replace(snapshot(), providers={"sim": provider}, routes=routes),
                ledger=LedgerConfig(path=str(tmp_path / "ledger.db"), flush_s=0.05),
                content=ContentConfig(mode="off"),
                reliability=Reliability(hedge=HedgePolicy(min_calls=1)),
            )
            sock = bind("127.0.0.1", 0)
            async with serving(config, sock) as house:
                url = f"http://127.0.0.1:{sock.getsockname()[1]}"
                body: dict[str, Any] = {"model": "auto", "messages": [{"role": "user", "content": "hi"}]}
                async with httpx2.AsyncClient(base_url=url, timeout=10) as http:
                    assert (await http.post("/v1/chat/completions", json=body)).status_code == 200
                    begun = time.monotonic()
                    second = await http.post("/v1/chat/completions", json=body)
                    taken_s = time.monotonic() - begun
                assert second.status_code == 200
                assert second.json()["choices"][0]["message"]["content"] == "hello"
                assert len(upstream.requests) == (3 if hedge else 2)
                assert (taken_s < SLOW_S) is hedge
                assert [standing.outstanding for standing in house.calls.standings.values() if standing.calls] == [0]

    asyncio.run(run())
