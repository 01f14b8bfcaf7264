"""A gateway as a process: its config is renewed under load, it stops in good order, its workers are replaced."""

import asyncio
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest

from baton.simulate.fleet import Fleet, gateway_config
from baton.simulate.serve import serve_in_thread
from baton.testing.upstream import event_stream, scripted

WAIT_S = 40.0
pytestmark = pytest.mark.timeout(90)


@contextmanager
def up(folder: Path, config: dict[str, Any], *options: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    write(folder, config)
    command = [sys.executable, "-m", "baton", "up", "--quiet", "--config", str(folder / "baton.yaml"), "--port", "0"]
    with (
        (folder / "log").open("w") as log,
        subprocess.Popen([*command, *options], stdout=log, stderr=log, text=True, cwd=folder) as process,
    ):
        try:
            url = wait_for(lambda: address(folder))
            wait_for(lambda: is_ready(url))
            yield process, url
        finally:
            process.kill()


def write(folder: Path, config: dict[str, Any]) -> None:
    (folder / "new").write_text(json.dumps({"ledger": {"path": str(folder / "ledger.db")}, **config}))
    (folder / "new").replace(folder / "baton.yaml")


def address(folder: Path) -> str | None:
    found = re.search(r"serves at (\S+)", (folder / "log").read_text())
    return found[1] if found else None


def is_ready(url: str) -> bool:
    try:
        return httpx2.get(f"{url}/readyz").status_code == 200
    except httpx2.TransportError:
        return False


def wait_for(what: Any) -> Any:
    deadline = time.monotonic() + WAIT_S
    while time.monotonic() < deadline:
        if found := what():
            return found
        time.sleep(0.02)
    raise AssertionError("it did not happen in time")


def models(url: str) -> set[str]:
    return {entry["id"] for entry in httpx2.get(f"{url}/v1/models").json()["data"]}


@pytest.mark.parametrize("way", ["file", "signal"])
def test_a_new_config_is_in_force_without_dropping_a_request(tmp_path: Path, way: str) -> None:
    with serve_in_thread(Fleet()) as fleet:
        config = gateway_config(Fleet(), f"{fleet.base_url}/v1")
        fewer = config | {"models": config["models"][:1]}
        with up(tmp_path, config) as (process, url):
            assert "sim/mid" in models(url)
            statuses = asyncio.run(ask_while(url, lambda: renew(tmp_path, fewer, process, way)))
            assert set(statuses) == {200}
            assert len(statuses) > 20
            assert "sim/mid" not in models(url)


def renew(folder: Path, config: dict[str, Any], process: "subprocess.Popen[str]", way: str) -> None:
    write(folder, config)
    if way == "signal":
        process.send_signal(signal.SIGHUP)


async def ask_while(url: str, act: Any) -> list[int]:
    """Requests without a pause, from before `act` until two seconds after it."""
    body = {"model": "sim/frontier", "messages": [{"role": "user", "content": "hello"}]}
    statuses = []
    async with httpx2.AsyncClient(base_url=url) as http:
        begun = time.monotonic()
        acted = False
        while time.monotonic() < begun + 2.5:
            statuses.append((await http.post("/v1/chat/completions", json=body)).status_code)
            if not acted and time.monotonic() > begun + 0.3:
                act()
                acted = True
    return statuses


def test_a_wrong_config_is_told_and_the_last_good_one_stays(tmp_path: Path) -> None:
    with serve_in_thread(Fleet()) as fleet:
        config = gateway_config(Fleet(), f"{fleet.base_url}/v1")
        with up(tmp_path, config) as (_, url):
            write(tmp_path, config | {"models": ["nobody/knows"]})
            wait_for(lambda: "'nobody' is not known" in (tmp_path / "log").read_text())
            health = httpx2.get(f"{url}/health").json()
            assert health["status"] == "degraded"
            assert "'nobody' is not known" in health["config_problems"][0]
            assert "sim/mid" in models(url)
            write(tmp_path, config)
            wait_for(lambda: httpx2.get(f"{url}/health").json()["status"] == "ok")


@pytest.mark.parametrize(("drain_s", "ending"), [(5.0, b"data: [DONE]"), (0.2, b"Baton is stopping")])
def test_a_stop_lets_streams_end_and_after_the_deadline_says_so(tmp_path: Path, drain_s: float, ending: bytes) -> None:
    chunk = b'data: {"choices":[{"index":0,"delta":{"content":"x"},"finish_reason":null}]}\n\n'
    last = b'data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n'

    async def run() -> None:
        async with scripted(event_stream(chunk, 1.5, last)) as upstream:
            config = {
                "server": {"drain_s": drain_s},
                "providers": {"p": {"base_url": upstream.base_url, "auth": "none"}},
                "models": [
                    {
                        "id": "p/m", "tier": "mid", "context_window": 9_999, "max_output": 999,
                        "price": {"input_usd": 1, "output_usd": 1},
                    }
                ],
            }  # fmt: skip
            await asyncio.to_thread(stop_in_the_middle, tmp_path, config, ending)

    asyncio.run(run())


def stop_in_the_middle(folder: Path, config: dict[str, Any], ending: bytes) -> None:
    body = {"model": "p/m", "stream": True, "messages": [{"role": "user", "content": "hello"}]}
    with up(folder, config) as (process, url), httpx2.stream("POST", f"{url}/v1/chat/completions", json=body) as answer:
        pieces = answer.iter_bytes()
        received = next(pieces)
        process.send_signal(signal.SIGTERM)
        received += b"".join(pieces)
        assert ending in received
        assert process.wait(WAIT_S) == 0


def test_a_worker_that_dies_is_replaced_and_all_stop_together(tmp_path: Path) -> None:
    with serve_in_thread(Fleet()) as fleet:
        config = gateway_config(Fleet(), f"{fleet.base_url}/v1")
        with up(tmp_path, config, "--workers", "2") as (process, url):
            before = wait_for(lambda: children_if(process.pid, 2))
            os.kill(before[0], signal.SIGKILL)
            after = wait_for(lambda: (now := children_if(process.pid, 2)) and before[0] not in now and now)
            assert before[1] in after
            assert "SIGKILL" in (tmp_path / "log").read_text()
            assert is_ready(url)
            process.send_signal(signal.SIGTERM)
            assert process.wait(WAIT_S) == 0


def children_if(pid: int, count: int) -> list[int] | None:
    found = [int(one) for one in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    return found if len(found) == count else None
