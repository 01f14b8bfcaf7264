"""Three gateways on one Redis and one PostgreSQL under load, while every part in turn is killed and started again.

python bench/replicas.py [--seconds 4] [--clients 12] [--forgetful] [--json]

Compares what the simulated upstream served with what the ledger says once everything is shipped.
"""

import argparse
import asyncio
import contextlib
import json
import math
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import aiohttp
import psycopg
import yaml

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tests.services import PostgresServer, RedisServer, free_port, wait_for_port  # noqa: E402

from baton.simulate.fleet import Fleet, gateway_config  # noqa: E402
from baton.simulate.journal import Journal  # noqa: E402
from baton.simulate.serve import serve_in_thread  # noqa: E402

REPLICAS = 3
MODEL = "sim/nano"
BURST = 100
BURST_BUDGET_USD = 0.0005
HOUSE = "spend WHERE account = 'house'"
OPERATOR = {"authorization": "Bearer sk-operator"}
RATE = 1_000_000_000
NEVER_S = 60.0
LEASES_S = 45.0
"""How long what a killed replica left open may take to be booked: its lease, and the time that a leader waits."""


class Replica:
    """A gateway process with a ledger file of its own."""

    def __init__(self, folder: Path, number: int, config: dict[str, Any]) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._folder = folder / f"replica{number}"
        self._folder.mkdir()
        self._config = self._folder / "baton.yaml"
        mine = config | {
            "ledger": config["ledger"] | {"path": str(self._folder / "baton.db"), "replica": f"gw{number}"}
        }
        self._config.write_text(yaml.safe_dump(mine))
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        command = [sys.executable, "-m", "baton", "up", "--quiet", "--port", str(self.port), "--config", self._config]
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(command, cwd=self._folder, stdout=log, stderr=log)

    def kill(self) -> None:
        assert self._process is not None
        self._process.kill()
        self._process.wait()

    def stop(self) -> None:
        assert self._process is not None
        self._process.terminate()
        self._process.wait(30)


class Tally:
    """What callers saw."""

    def __init__(self) -> None:
        self.outcomes: Counter[str] = Counter()
        self.asked = 0


async def ask(session: aiohttp.ClientSession, url: str, key: str, nonce: str, *, stream: bool) -> str:
    """`whole`, `error CODE`, `broken` (its replica was killed), or `wrong`: neither whole nor a typed error."""
    headers = {"authorization": f"Bearer {key}", "x-baton-task-id": nonce, "x-sim-nonce": nonce}
    body = {"model": MODEL, "max_tokens": 60, "stream": stream,
            "messages": [{"role": "user", "content": f"Say what {nonce} is, in forty words."}]}  # fmt: skip
    try:
        async with session.post(f"{url}/v1/chat/completions", json=body, headers=headers) as answer:
            text = (await answer.read()).decode()
    except (aiohttp.ClientError, ConnectionError, TimeoutError):
        return "broken"
    if answer.status != 200:
        return f"error {answer.status}"
    if stream:
        if '"error"' in text:
            return "error in stream"
        return "whole" if text.rstrip().endswith("data: [DONE]") and '"finish_reason":"' in text else "wrong"
    return "whole" if '"finish_reason"' in text else "wrong"


async def load(replicas: list[Replica], tally: Tally, clients: int, ended: asyncio.Event) -> None:
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(30)) as session:

        async def client() -> None:
            while not ended.is_set():
                tally.asked += 1
                nonce = f"n{tally.asked}"
                url = replicas[tally.asked % REPLICAS].url
                outcome = await ask(session, url, "sk-load", nonce, stream=tally.asked % 2 == 0)
                tally.outcomes[outcome] += 1
                if outcome == "broken":
                    await asyncio.sleep(0.05)

        await asyncio.gather(*(client() for _ in range(clients)))


async def burst(replicas: list[Replica], key: str) -> Counter[str]:
    """A hundred at once on the last money of a key."""
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(30)) as session:
        return Counter(
            await asyncio.gather(
                *(
                    ask(session, replicas[one % REPLICAS].url, key, f"{key}-{one}", stream=one % 2 == 0)
                    for one in range(BURST)
                )
            )
        )


async def metrics_of(replica: Replica) -> dict[str, float]:
    try:
        async with aiohttp.ClientSession(headers=OPERATOR) as session, session.get(f"{replica.url}/metrics") as answer:
            lines = (await answer.text()).splitlines()
    except (aiohttp.ClientError, ConnectionError):
        return {}
    pairs = (line.rsplit(" ", 1) for line in lines if line and not line.startswith("#"))
    return {name: float(value) for name, value in pairs}


async def seconds_until(holds: Callable[[], Any], limit_s: float = NEVER_S) -> float:
    begun = time.monotonic()
    while not await holds():
        if time.monotonic() - begun > limit_s:
            return math.inf
        await asyncio.sleep(0.02)
    return round(time.monotonic() - begun, 3)


async def all_say(replicas: list[Replica], name: str, value: float) -> bool:
    said = [await metrics_of(replica) for replica in replicas]
    return all(one.get(name) == value for one in said)


async def serves(replica: Replica) -> bool:
    try:
        async with aiohttp.ClientSession() as session, session.get(f"{replica.url}/readyz") as answer:
            return answer.status == 200
    except (aiohttp.ClientError, ConnectionError):
        return False


async def disturb(
    replicas: list[Replica], redis: RedisServer, postgres: PostgresServer, pause_s: float
) -> tuple[dict[str, float], dict[str, Counter[str]]]:
    """Every part goes and comes back; the rest of the time is for what that leaves behind."""
    recovery: dict[str, float] = {}
    bursts: dict[str, Counter[str]] = {}
    await asyncio.sleep(pause_s)
    bursts["sk-burst"] = await burst(replicas, "sk-burst")
    for number, replica in enumerate(replicas):
        replica.kill()
        await asyncio.sleep(pause_s / 2)
        replica.start()
        recovery[f"replica {number}"] = await seconds_until(lambda replica=replica: serves(replica))
        await asyncio.sleep(pause_s / 2)
    if redis.forgets:
        await asyncio.sleep(LEASES_S)  # what killed replicas left open is known nowhere else
    redis.kill()
    await asyncio.sleep(pause_s / 2)
    bursts["sk-alone"] = await burst(replicas, "sk-alone")
    await asyncio.sleep(pause_s / 2)
    redis.start()
    recovery["redis"] = await seconds_until(lambda: all_say(replicas, "baton_redis_up", 1.0))
    postgres.stop()
    await asyncio.sleep(pause_s)
    postgres.start()
    recovery["postgres"] = await seconds_until(lambda: all_say(replicas, "baton_ledger_ship_failing", 0.0))
    await asyncio.sleep(pause_s)
    return recovery, bursts


def rows(url: str, query: str) -> list[tuple[Any, ...]]:
    with psycopg.connect(url) as connection:
        return connection.execute(query.encode()).fetchall()


async def shipped(replicas: list[Replica]) -> None:
    """Everything is shipped, and what was left open is booked."""
    await asyncio.sleep(LEASES_S)
    await seconds_until(lambda: all_say(replicas, "baton_ledger_unshipped", 0.0))


def compared(url: str, journal: Journal) -> dict[str, Any]:
    """Nonces are names of tasks; each is asked once, and may cost several attempts."""
    entries = [entry for entry in journal.since().entries if entry.status == 200]
    served = {entry.nonce for entry in entries}
    paid: Counter[str] = Counter()
    for entry in entries:
        paid[entry.nonce] += entry.cost
    costs = dict(rows(url, "SELECT task_id, cost FROM requests WHERE ending = 'ok'"))
    booked = dict(rows(url, "SELECT task_id, COUNT(*) FROM requests GROUP BY task_id"))
    sums = {
        rows(url, f"SELECT SUM({what}), SUM(cost) FROM {table}")[0]
        for what, table in (("1", "requests"), ("requests", "tasks"), ("requests", "rollups"), ("requests", HOUSE))
    }
    return {
        "served": len(served),
        "lost": len(served - booked.keys()),
        "double_booked": sum(count > 1 for count in booked.values()),
        "interrupted": rows(url, "SELECT COUNT(*) FROM requests WHERE ending = 'interrupted'")[0][0],
        "costs_differ": sum(cost != paid[nonce] for nonce, cost in costs.items()),
        "sums_agree": len(sums) == 1,
    }


def overspent(url: str, key: str) -> int:
    """Requests beyond the budget: what is too much, in the price of the dearest request."""
    spent, dearest = rows(
        url, f"SELECT COALESCE(SUM(cost), 0), COALESCE(MAX(cost), 1) FROM requests WHERE key = '{key}'"
    )[0]
    return max(0, math.ceil((int(spent) - BURST_BUDGET_USD * RATE) / max(1, int(dearest))))


def config_of(base_url: str, redis: RedisServer, postgres_url: str) -> dict[str, Any]:
    config = gateway_config(Fleet(), f"{base_url}/v1")
    config["providers"]["sim"]["forward_headers"] = ["x-sim-nonce"]
    config["server"] = {
        "admin_keys": [{"name": "operator", "key": "sk-operator"}],
        "keys": [
            {"name": "load", "key": "sk-load", "day_usd": 1_000.0},
            {"name": "burst", "key": "sk-burst", "total_usd": BURST_BUDGET_USD},
            {"name": "alone", "key": "sk-alone", "total_usd": BURST_BUDGET_USD},
        ],
    }
    config["ledger"] = {"database_url": postgres_url, "flush_s": 0.2}
    config["state"] = {"redis_url": redis.url}
    return config


@contextlib.asynccontextmanager
async def running(replicas: list[Replica]) -> AsyncIterator[None]:
    for replica in replicas:
        replica.start()
    try:
        for replica in replicas:
            wait_for_port(replica.port)
        yield
    finally:
        for replica in replicas:
            replica.stop()


async def measure(folder: Path, pause_s: float, clients: int, *, forgetful: bool) -> dict[str, Any]:
    tally = Tally()
    with (
        RedisServer(durable=not forgetful) as redis,
        PostgresServer() as postgres,
        serve_in_thread(Fleet(), time_scale=0.5) as upstream,
    ):
        config = config_of(upstream.base_url, redis, postgres.url)
        replicas = [Replica(folder, number, config) for number in range(REPLICAS)]
        async with running(replicas):
            ended = asyncio.Event()
            traffic = asyncio.create_task(load(replicas, tally, clients, ended))
            recovery, bursts = await disturb(replicas, redis, postgres, pause_s)
            ended.set()
            await traffic
            await shipped(replicas)
        found = compared(postgres.url, upstream.journal)
        overspend = {key: overspent(postgres.url, key.removeprefix("sk-")) for key in bursts}
    return {
        "requests": tally.asked + BURST * len(bursts),
        **found,
        "budget_overspend_requests": max(overspend.values()),
        "recovery_s": recovery,
        "answers": dict(tally.outcomes),
        "bursts": {key: dict(outcomes) for key, outcomes in bursts.items()},
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=4.0, help="between one disturbance and the next")
    parser.add_argument("--clients", type=int, default=12, help="that ask at once")
    parser.add_argument("--forgetful", action="store_true", help="Redis loses everything when it is killed")
    parser.add_argument("--json", action="store_true", help="one line")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="replicas") as folder:
        found = asyncio.run(measure(Path(folder), given.seconds, given.clients, forgetful=given.forgetful))
    sys.stdout.write(json.dumps(found, indent=None if given.json else 2) + "\n")
    good = (
        found["served"] > 0
        and found["lost"] == found["double_booked"] == found["costs_differ"] == 0
        and found["sums_agree"]
        and not found["answers"].get("wrong")
    )
    return 0 if good and found["budget_overspend_requests"] <= 1 else 1


if __name__ == "__main__":
    sys.exit(main())
