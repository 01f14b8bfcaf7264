"""Many requests through one gateway process, JSON and streams, some of them failing: what it keeps of them.

    python bench/soak.py [--requests 200000] [--clients 24] [--json]

A simulated provider, in a process of its own, fails one call in twenty in every way that it knows; one stream in a
hundred loses its caller. The resident memory of the gateway in the last quarter of the requests is compared with that
in the first one. Then, at rest, the tasks, the sockets (one to the provider may stay open for each caller) and the
streams that the provider still serves are counted. A first tenth as many requests (at most 5,000) are not measured:
caches fill, and the ledger's buffers. Exits 1 when the memory grew by more than 5 %, something leaked, or an answer was
neither whole nor a typed error.
"""

import argparse
import asyncio
import json
import multiprocessing
import statistics
import sys
import tempfile
import time
from collections import Counter
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from gateway_process import GatewayProcess, up

from baton.simulate.engine import Engine
from baton.simulate.faults import seeded
from baton.simulate.fleet import Fleet, gateway_config
from baton.simulate.http import Exchange, HttpRequest, HttpServer

FAULTS = {
    "500": 0.008, "529": 0.003, "429;retry_after=0": 0.004, "cut": 0.005, "cut;framing=close": 0.004, "reset": 0.006,
    "unfinished": 0.005, "error": 0.005, "html": 0.003, "empty": 0.003, "garbage": 0.003, "stall;seconds=2": 0.001,
}  # fmt: skip
"""One call in twenty."""
MODELS = ("sim-nano", "sim-mid")
PATHS = {"openai-chat": "/v1/chat/completions", "anthropic": "/v1/messages"}
SAMPLES = 200
CURVE = 20
WARM = 5_000
GROWTH = 0.05
REST_S = 3.0
LEAVES = 100
"""One stream in so many is left by its caller."""


# --- the provider ------------------------------------------------------------------------------


async def _provide(pipe: Connection) -> None:
    engine = Engine(Fleet(), schedule=seeded(dict.fromkeys(MODELS, FAULTS), seed=7))
    served = Counter[str]()

    def respond(request: HttpRequest) -> Exchange:
        exchange = engine.respond(request)
        served["begun"] += 1

        def finished(ending: Any, size: int) -> None:
            served["ended"] += 1
            served[ending] += 1
            exchange.finished(ending, size)

        return exchange._replace(finished=finished)

    server = HttpServer(respond)
    pipe.send(await server.start("127.0.0.1", 0))
    while await asyncio.to_thread(pipe.recv):
        pipe.send(dict(served))
    await server.close()


def provide(pipe: Connection) -> None:
    asyncio.run(_provide(pipe))


# --- the callers -------------------------------------------------------------------------------


def request_of(number: int) -> tuple[bytes, bool]:
    """What is sent, and whether its answer is a stream. Every other one is."""
    stream = number % 2 == 0
    dialect = "anthropic" if number % 5 == 0 else "openai-chat"
    body = json.dumps(
        {"model": "soak", "max_tokens": 200, "stream": stream,
         "messages": [{"role": "user", "content": f"Say what number {number} is, and why. " * (1 + number % 8)}]}
    )  # fmt: skip
    head = f"POST {PATHS[dialect]} HTTP/1.1\r\nhost: gateway\r\ncontent-type: application/json\r\n"
    head += f"x-sim-nonce: n{number}\r\nanthropic-version: 2023-06-01\r\ncontent-length: {len(body)}\r\n\r\n"
    return (head + body).encode(), stream


class Caller:
    """One connection, kept as long as both sides keep it."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._writer: asyncio.StreamWriter | None = None

    async def ask(self, number: int) -> str:
        data, stream = request_of(number)
        try:
            reader, writer = await self._connected()
            writer.write(data)
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
            if stream and number % (2 * LEAVES) == 0:
                await reader.read(1)
                self.close()
                return "left"
            body = await _body(reader, head)
        except (ConnectionError, asyncio.IncompleteReadError):
            self.close()
            return "broken"
        if "connection: close" in head:
            self.close()
        return _outcome(int(head.split(" ", 2)[1]), body)

    async def _connected(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if self._writer is None or self._writer.is_closing():
            self._reader, self._writer = await asyncio.open_connection("127.0.0.1", self._port)
        return self._reader, self._writer

    def close(self) -> None:
        if self._writer is not None:
            self._writer.close()
            self._writer = None


async def _body(reader: asyncio.StreamReader, head: str) -> bytes:
    if "content-length:" in head:
        return await reader.readexactly(int(head.split("content-length:", 1)[1].split("\r\n", 1)[0]))
    found = b""
    while size := int(await reader.readline(), 16):
        found += (await reader.readexactly(size + 2))[:-2]
    await reader.readline()
    return found


def _outcome(status: int, body: bytes) -> str:
    if status != 200:
        return "typed error" if b'"error"' in body else "wrong"
    if b'"error"' in body:
        return "typed error in stream"
    told = b'"finish_reason":"' in body or b'"stop_reason":"' in body
    return "whole" if told else "wrong"


# --- the measurement ---------------------------------------------------------------------------


class Soak:
    def __init__(self, gateway: GatewayProcess, clients: int) -> None:
        self._gateway = gateway
        self._callers = [Caller(gateway.port) for _ in range(clients)]
        self._next = 0
        self.outcomes = Counter[str]()
        self.rss: list[int] = []

    async def run(self, requests: int, *, sampled: bool) -> None:
        until = self._next + requests
        every = max(1, requests // SAMPLES)

        async def call(caller: Caller) -> None:
            while self._next < until:
                self._next += 1
                if sampled and self._next % every == 0:
                    self.rss.append(self._gateway.rss_bytes())
                self.outcomes[await caller.ask(self._next)] += 1

        await asyncio.gather(*map(call, self._callers))

    async def rest(self) -> dict[str, int]:
        """What is held when nobody asks."""
        for caller in self._callers:
            caller.close()
        await asyncio.sleep(REST_S)
        gateway = self._gateway
        return {"tasks": gateway.tasks(), "sockets": gateway.sockets(), "files": gateway.files()}


async def soaked(gateway: GatewayProcess, pipe: Connection, requests: int, clients: int) -> dict[str, Any]:
    soak = Soak(gateway, clients)
    new = await soak.rest()
    await soak.run(min(WARM, requests // 10), sampled=False)
    before = await soak.rest()
    begun, cpu = time.monotonic(), gateway.cpu_s()
    await soak.run(requests, sampled=True)
    seconds, cpu = time.monotonic() - begun, gateway.cpu_s() - cpu
    after = await soak.rest()
    pipe.send(True)
    served = await asyncio.to_thread(pipe.recv)
    quarter = len(soak.rss) // 4
    first, last = statistics.mean(soak.rss[:quarter]), statistics.mean(soak.rss[-quarter:])
    return {
        "requests": requests,
        "seconds": round(seconds, 1),
        "cpu_us_per_request": round(1e6 * cpu / requests, 1),
        "rss_first_quarter_mib": round(first / 2**20, 2),
        "rss_last_quarter_mib": round(last / 2**20, 2),
        "rss_growth": round(last / first - 1, 4),
        "rss_mib": [round(one / 2**20, 1) for one in soak.rss[:: max(1, len(soak.rss) // CURVE)]],
        "leaked_tasks": max(0, after["tasks"] - before["tasks"]),
        "leaked_sockets": max(0, after["sockets"] - new["sockets"] - clients),
        "leaked_files": max(0, after["files"] - new["files"] - clients),
        "leaked_upstream_streams": served["begun"] - served["ended"],
        "at_rest": after,
        "answers": dict(soak.outcomes),
        "upstream": served,
    }


def measure(folder: Path, requests: int, clients: int) -> dict[str, Any]:
    ours, theirs = multiprocessing.Pipe()
    provider = multiprocessing.get_context("spawn").Process(target=provide, args=(theirs,), daemon=True)
    provider.start()
    try:
        with up(folder, config_of(f"http://127.0.0.1:{ours.recv()}/v1")) as gateway:
            return asyncio.run(soaked(gateway, ours, requests, clients))
    finally:
        ours.send(False)
        provider.join()


def config_of(base_url: str) -> dict[str, Any]:
    config = gateway_config(Fleet(), base_url)
    config["providers"]["sim"]["forward_headers"] = ["x-sim-nonce"]
    card = next(model for model in config["models"] if model["upstream"] == MODELS[0])
    card |= {"id": "sim/soak", "deployments": [{"provider": "sim", "upstream": name} for name in MODELS]}
    del card["provider"], card["upstream"]
    return config | {
        "models": [card],
        "aliases": {"soak": "sim/soak"},
        "server": {"between_bytes_s": 0.5},
        "reliability": {"retry_share": 1.0, "breaker": {"open_s": 0.5, "max_open_s": 1}},
    }


def holds(found: dict[str, Any]) -> bool:
    leaked = sum(value for name, value in found.items() if name.startswith("leaked_"))
    answers = found["answers"]
    return (
        found["rss_growth"] <= GROWTH
        and leaked == 0
        and not answers.get("wrong")
        and not answers.get("broken")
        and answers["whole"] > found["requests"] / 2
    )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--requests", type=int, default=200_000)
    parser.add_argument("--clients", type=int, default=24, help="that ask at once")
    parser.add_argument("--json", action="store_true", help="one line")
    given = parser.parse_args()
    if given.requests < SAMPLES:
        parser.error(f"--requests {given.requests}: ask for at least {SAMPLES}, a sample of the memory each")
    with tempfile.TemporaryDirectory(prefix="soak") as folder:
        found = measure(Path(folder), given.requests, given.clients)
    sys.stdout.write(json.dumps(found, indent=None if given.json else 2) + "\n")
    return 0 if holds(found) else 1


if __name__ == "__main__":
    sys.exit(main())
