"""The strict simulated engine, and gateways in front of it, each with one upstream that speaks one dialect only."""

import asyncio
import contextlib
import re
import sys
from collections.abc import AsyncGenerator, Mapping
from pathlib import Path
from typing import NamedTuple

import yaml

from baton.simulate.answer import SimModel
from baton.simulate.journal import Journal
from baton.simulate.serve import serve
from baton.simulate.vendors import VENDOR_MODELS
from tests.clients.errand import Errands
from tests.clients.recorder import Recorder, recorder

UPSTREAMS: Mapping[str, str] = {
    "anthropic": "sim-claude",
    "openai-chat": "sim-gpt-plain",
    "openai-responses": "sim-gpt",
    "gemini": "sim-gemini",
    "ollama": "sim-llama",
}
"""Dialect, and the simulated model that is asked in it."""
MODELS = {model.id: model for model in VENDOR_MODELS}
START_TIMEOUT_S = 60.0
SERVES = re.compile(r"Baton serves at (\S+)")


class Stage(NamedTuple):
    """`dialect` is what the only upstream behind this gateway speaks."""

    dialect: str
    recorder: Recorder
    journal: Journal | None
    """What the simulated engine saw; None where the upstream is somebody else's."""


@contextlib.asynccontextmanager
async def simulated(dialect: str, folder: Path) -> AsyncGenerator[Stage, None]:
    async with serve(Errands(), strict=True) as engine:
        config = config_for(f"{engine.base_url}/v1", dialect, MODELS[UPSTREAMS[dialect]])
        async with gateway(config, folder) as url, recorder(url) as between:
            yield Stage(dialect, between, engine.journal)


def config_for(base_url: str, dialect: str, model: SimModel, *, simulated: bool = True) -> dict[str, object]:
    provider = {"base_url": base_url, "dialects": [dialect], "auth": "none", "simulated": simulated}
    card = {
        "id": f"test/{dialect}",
        "provider": "upstream",
        "upstream": model.id,
        "tier": "frontier",
        "context_window": model.context_window,
        "max_output": model.max_output,
        "price": {"input_usd": 1, "output_usd": 5},
        "capabilities": sorted(model.capabilities),
    }
    return {"providers": {"upstream": provider}, "models": [card], "content": {"mode": "full"}}


@contextlib.asynccontextmanager
async def gateway(config: dict[str, object], folder: Path) -> AsyncGenerator[str, None]:
    """`baton up`, as a user starts it."""
    path = _written(config, folder)
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "baton", "up", "--quiet", "--port", "0", "--config", str(path),
        cwd=folder, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert process.stderr is not None
    log: list[str] = []
    try:
        url = await asyncio.wait_for(_url_of(process.stderr, log), START_TIMEOUT_S)
        draining = asyncio.create_task(_drain(process.stderr, folder / "gateway.log"))
        yield url
        if process.returncode is not None:
            raise SystemExit(f"the gateway ended by itself with {process.returncode}: see {folder / 'gateway.log'}")
        process.terminate()
        await draining
        await process.wait()
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def _url_of(stream: asyncio.StreamReader, log: list[str]) -> str:
    while line := (await stream.readline()).decode():
        log.append(line)
        if found := SERVES.search(line):
            return found[1]
    raise SystemExit("the gateway did not start:\n" + "".join(log))


async def _drain(stream: asyncio.StreamReader, path: Path) -> None:
    with path.open("wb") as file:
        while piece := await stream.read(65_536):
            file.write(piece)


def _written(config: dict[str, object], folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "baton.yaml"
    path.write_text(yaml.safe_dump(config, sort_keys=False))
    return path
