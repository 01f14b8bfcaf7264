"""A breaker that opens at one replica is heard of by the others, over a real Redis: two houses, real providers."""

import asyncio
import json
import time
from collections.abc import AsyncGenerator, Callable, Coroutine, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from msgspec import Struct
from msgspec.structs import replace

from baton.call.deployments import Standing
from baton.config.schema import Config, LedgerConfig, StateConfig
from baton.flow.house import House
from baton.server.run import bind, serving
from baton.testing.upstream import ScriptedUpstream, Step, http_answer, scripted
from baton.types.card import Deployment, Provider
from baton.types.reliability import BreakerPolicy, Reliability
from baton.types.secret import Secret
from tests.decide.fleet import snapshot
from tests.services import RedisServer

GOOD = http_answer(
    200,
    json.dumps(
        {
            "id": "c1",
            "choices": [{"message": {"content": "yes"}, "finish_reason": "stop"}],
            "usage": {"prompt_tokens": 1, "completion_tokens": 1},
        }
    ).encode(),
)
BROKEN = http_answer(500, b'{"error": {"message": "no"}}')
FAILURES = 3
ASK = {"model": "sim/mid", "messages": [{"role": "user", "content": "hi"}]}


@pytest.fixture
def redis() -> Iterator[RedisServer]:
    with RedisServer() as server:
        yield server


class Replica(Struct):
    url: str
    house: House

    async def ask(self) -> int:
        async with (
            aiohttp.ClientSession() as session,
            session.post(f"{self.url}/v1/chat/completions", json=ASK) as reply,
        ):
            await reply.read()
            return reply.status

    @property
    def first(self) -> Standing:
        return self.house.calls.standings["a", "m"]

    def suspects(self) -> bool:
        said = self.first.suspicion
        return said is not None and said.holds(self.house.calls.clock())


class Scene(Struct):
    one: Replica
    other: Replica
    upstreams: dict[str, ScriptedUpstream]

    def seen(self, name: str) -> int:
        return len(self.upstreams[name].requests)

    async def trip(self) -> None:
        """Ask at one replica until its breaker is open, and wait until the other has heard of it."""
        while self.one.first.breaker.closed:
            await self.one.ask()
        await until(self.other.suspects)


async def until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 15.0
    while not holds():
        assert time.monotonic() < deadline, "waited in vain"
        await asyncio.sleep(0.02)


@asynccontextmanager
async def scene(
    folder: Path, redis: RedisServer, scripts: Mapping[str, Sequence[Sequence[Step]]]
) -> AsyncGenerator[Scene, None]:
    async with AsyncExitStack() as stack:
        upstreams = {name: await stack.enter_async_context(scripted(*some)) for name, some in scripts.items()}
        fleet = snapshot()
        card = replace(
            fleet.cards["sim/mid"],
            provider="a",
            upstream="m",
            deployments=tuple(Deployment(name, "m") for name in scripts),
        )
        providers = {
            name: Provider(name, one.base_url, ("openai-chat",), "none") for name, one in upstreams.items()
        } | dict(fleet.providers)
        made = []
        for name in ("one", "other"):
            config = Config(
                snapshot=replace(fleet, providers=providers, cards={**fleet.cards, card.id: card}),
                ledger=LedgerConfig(path=str(folder / f"{name}.db"), flush_s=0.05),
                state=StateConfig(redis_url=Secret(redis.url)),
                reliability=Reliability(
                    attempts=2, retry_burst=1_000, breaker=BreakerPolicy(failures=FAILURES, open_s=30.0)
                ),
            )
            sock = bind("127.0.0.1", 0)
            house = await stack.enter_async_context(serving(config, sock))
            made.append(Replica(f"http://127.0.0.1:{sock.getsockname()[1]}", house))
        yield Scene(made[0], made[1], upstreams)


def run(work: Coroutine[Any, Any, None]) -> None:
    asyncio.run(work)


def test_of_the_calls_at_another_replica_one_finds_out_and_all_are_answered(tmp_path: Path, redis: RedisServer) -> None:
    async def work() -> None:
        async with scene(tmp_path, redis, {"a": [BROKEN] * 200, "b": [GOOD] * 200}) as here:
            await here.trip()
            before = here.seen("a")
            assert before == FAILURES
            assert [await here.other.ask() for _ in range(40)] == [200] * 40
            assert here.seen("a") == before + 1
            assert here.other.first.breaker.closed
            figures = here.other.house.metrics().decode()
            assert 'baton_deployment_suspect{provider="a",upstream="m"} 1.0' in figures
            assert 'baton_deployment_suspect{provider="b",upstream="m"} 0.0' in figures

    run(work())


def test_a_trouble_of_one_replica_alone_costs_the_others_nothing(tmp_path: Path, redis: RedisServer) -> None:
    async def work() -> None:
        async with scene(tmp_path, redis, {"a": [BROKEN] * FAILURES + [GOOD] * 200, "b": [GOOD] * 200}) as here:
            await here.trip()
            assert [await here.other.ask() for _ in range(30)] == [200] * 30
            assert not here.other.suspects()
            before = here.seen("a")
            here.other.house.calls.standings["b", "m"].latency = [9.0, 9.0]
            assert [await here.other.ask() for _ in range(20)] == [200] * 20
            assert here.seen("a") > before + 10, "it is trusted again, and the faster one"
            await asyncio.sleep(4.0)  # it is said again with each beat
            assert not here.other.suspects()

    run(work())


def test_what_is_said_never_shuts_the_last_way(tmp_path: Path, redis: RedisServer) -> None:
    async def work() -> None:
        scripts = {"a": [*[BROKEN] * (2 * FAILURES), *[GOOD] * 50]}
        async with scene(tmp_path, redis, scripts) as here:
            await here.trip()
            used = here.seen("a")
            assert await here.other.ask() in {200, 502, 500}
            assert here.seen("a") > used, "it was asked all the same"
            while here.seen("a") < 2 * FAILURES and here.other.first.breaker.closed:
                await here.other.ask()
            assert here.other.suspects() or not here.other.first.breaker.closed

    run(work())


def test_a_new_config_goes_on_to_hear(tmp_path: Path, redis: RedisServer) -> None:
    async def work() -> None:
        async with scene(tmp_path, redis, {"a": [BROKEN] * 50, "b": [GOOD] * 50}) as here:
            renewed = here.other.house.renewed(
                replace(here.other.house.config, reliability=Reliability(breaker=BreakerPolicy(open_s=7.0)))
            )
            while here.one.first.breaker.closed:
                await here.one.ask()

            def heard() -> bool:
                said = renewed.calls.standings["a", "m"].suspicion
                return said is not None and said.holds(renewed.calls.clock())

            await until(heard)
            assert here.other.first.suspicion is None

    run(work())


@pytest.mark.parametrize(
    "name", ["breaker:", "breaker:a", "breaker:/m", "breaker:nobody/m", "other:a/m", "a/m", "\udcff"]
)
def test_hints_about_nothing_that_is_here_change_nothing(tmp_path: Path, redis: RedisServer, name: str) -> None:
    async def work() -> None:
        async with scene(tmp_path, redis, {"a": [GOOD] * 5, "b": [GOOD] * 5}) as here:
            replicas = here.other.house.life.replicas
            assert replicas is not None
            replicas.open_requests.on_hints({name: 30.0})
            assert all(one.suspicion is None for one in here.other.house.calls.standings.values())
            assert await here.other.ask() == 200

    run(work())
