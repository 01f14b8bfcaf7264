"""Gateways behind one Redis and one PostgreSQL: what one does the others know, whoever is killed meanwhile."""

import asyncio
import contextlib
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx2
import psycopg
import pytest
import yaml

from baton.simulate.fleet import Fleet, gateway_config
from baton.simulate.serve import serve_in_thread
from tests.services import PostgresServer, RedisServer, free_port, wait_for_port

ROOT = Path(__file__).resolve().parents[2]
LEASE_S = 0.6
GATEWAY = f"""
import functools
import baton.flow.house
from baton.cli import main
from baton.flow.replicas import Replicas
baton.flow.house.Replicas = functools.partial(Replicas, lease_s={LEASE_S})
main()
"""
BUDGET_USD = 0.0002


@pytest.fixture(scope="module")
def postgres() -> Iterator[PostgresServer]:
    with PostgresServer() as server:
        yield server


@pytest.fixture
def url(postgres: PostgresServer) -> str:
    return postgres.database(f"db{time.monotonic_ns()}")


class Gateway:
    def __init__(self, folder: Path, name: str, config: dict[str, Any], database: str, redis: RedisServer) -> None:
        self.url = ""
        self._folder = folder / name
        self._folder.mkdir()
        ledger = {"path": "baton.db", "database_url": database, "flush_s": 0.05, "replica": name}
        written = config | {"ledger": ledger, "state": {"redis_url": redis.url}}
        (self._folder / "baton.yaml").write_text(yaml.safe_dump(written))
        self.process: subprocess.Popen[bytes] | None = None
        self.start()

    def start(self) -> None:
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        with (self._folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-c", GATEWAY, "up", "--quiet", "--port", str(port)],
                cwd=self._folder, stdout=log, stderr=log,
            )  # fmt: skip
        wait_for_port(port)

    def kill(self) -> None:
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def metric(self, name: str) -> float | None:
        for line in httpx2.get(f"{self.url}/metrics").text.splitlines():
            if line.startswith(f"{name} "):
                return float(line.split()[1])
        return None


@contextlib.contextmanager
def gateways(
    folder: Path, count: int, database: str, *, time_scale: float = 0.0, **more: Any
) -> Iterator[tuple[list[Gateway], RedisServer]]:
    with RedisServer() as redis, serve_in_thread(Fleet(), time_scale=time_scale) as fleet:
        config = gateway_config(Fleet(), f"{fleet.base_url}/v1") | more
        started = [Gateway(folder, f"gw{number}", config, database, redis) for number in range(count)]
        try:
            if "server" not in more:  # until the shared database says that there are no keys, nobody is let in
                until(lambda: all(httpx2.get(f"{one.url}/v1/models").status_code == 200 for one in started))
            yield started, redis
        finally:
            for one in started:
                assert one.process is not None
                one.process.terminate()
            for one in started:
                assert one.process is not None
                one.process.wait(10)


def rows(database: str, query: str) -> list[tuple[Any, ...]]:
    with psycopg.connect(database) as connection:
        return connection.execute(query.encode()).fetchall()


def until(holds: Callable[[], Any], seconds: float = 12.0) -> Any:
    deadline = time.monotonic() + seconds
    while not (found := holds()):
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.05)
    return found


def body(model: str = "sim/nano", *, stream: bool = False, tokens: int = 30) -> dict[str, Any]:
    return {"model": model, "stream": stream, "max_tokens": tokens, "messages": [{"role": "user", "content": "hello"}]}


async def asked(urls: list[str], count: int, key: str = "", act: Callable[[int], None] = lambda _: None) -> list[int]:
    """One after another, round the gateways."""
    statuses = []
    headers = {"authorization": f"Bearer {key}"} if key else {}
    async with httpx2.AsyncClient(headers=headers, timeout=10.0) as http:
        for number in range(count):
            act(number)
            answer = await http.post(f"{urls[number % len(urls)]}/v1/chat/completions", json=body())
            statuses.append(answer.status_code)
            await asyncio.sleep(0.005)
    return statuses


@pytest.mark.slow
def test_redis_and_postgresql_may_go_and_come_during_traffic(
    tmp_path: Path, postgres: PostgresServer, url: str
) -> None:
    with gateways(tmp_path, 2, url) as (both, redis):

        def act(number: int) -> None:
            {40: redis.kill, 80: redis.start, 100: postgres.stop, 160: postgres.start}.get(number, lambda: None)()

        assert set(asyncio.run(asked([one.url for one in both], 200, act=act))) == {200}
        until(lambda: rows(url, "SELECT COUNT(*) FROM requests") == [(200,)])
        assert rows(url, "SELECT COUNT(DISTINCT request_id), COUNT(DISTINCT replica) FROM requests") == [(200, 2)]
        assert rows(url, "SELECT SUM(requests) FROM rollups") == [(200,)]
        until(lambda: all(one.metric("baton_redis_up") == 1.0 for one in both))
        assert all(one.metric("baton_ledger_unshipped") == 0.0 for one in both)
        reports = [httpx2.get(f"{one.url}/v1/baton/report").json() for one in both]
        assert [report["requests"] for report in reports] == [200, 200]


@pytest.mark.slow
def test_what_a_killed_gateway_left_open_is_booked_by_another_one(tmp_path: Path, url: str) -> None:
    with gateways(tmp_path, 2, url, time_scale=1.0) as ((killed, other), _):
        until(lambda: other.metric("baton_replicas_seen") == 2.0)
        with (
            httpx2.Client(timeout=10.0) as http,
            contextlib.suppress(httpx2.HTTPError),
            http.stream(
                "POST", f"{killed.url}/v1/chat/completions", json=body("sim/frontier", stream=True, tokens=900)
            ) as answer,
        ):
            for _ in answer.iter_bytes():
                killed.kill()
        found = until(lambda: rows(url, "SELECT ending, stream, model, cost > 0, key FROM requests"))
        assert found == [("interrupted", True, "sim/frontier", True, "anonymous")]
        assert rows(url, "SELECT fault FROM attempts") == [("interrupted",)]
        assert rows(url, "SELECT SUM(requests) FROM rollups") == [(1,)]
        killed.start()
        time.sleep(3 * LEASE_S)
        assert rows(url, "SELECT COUNT(*) FROM requests") == [(1,)]


@pytest.mark.slow
def test_a_budget_holds_across_gateways_and_while_redis_is_away(tmp_path: Path, url: str) -> None:
    keys = [{"name": name, "key": f"sk-{name}", "total_usd": BUDGET_USD} for name in ("a", "b")]
    with gateways(tmp_path, 2, url, server={"keys": keys}) as (both, redis):
        urls = [one.url for one in both]
        together = asyncio.run(asked(urls, 40, "sk-a"))
        assert {200, 402} == set(together)
        redis.kill()
        alone = asyncio.run(asked(urls, 40, "sk-b"))
        assert {200, 402} == set(alone)
        redis.start()
        allowed = together.count(200) + alone.count(200)
        until(lambda: rows(url, "SELECT COUNT(*) FROM requests WHERE ending = 'ok'") == [(allowed,)])
        nano = int(BUDGET_USD * 1e9)
        assert all(cost <= nano for (cost,) in rows(url, "SELECT SUM(cost) FROM requests GROUP BY key"))
