"""A third-party upstream without weights of anybody's: `transformers serve` over a tiny random model, made here.

It needs torch, transformers[serving] and accelerate (1.2 GB) in an environment of its own, whose Python is named in
BATON_TRANSFORMERS_PYTHON. The model says random words, so that only the way is tested, not the answer.
"""

import asyncio
import contextlib
import os
import socket
from collections.abc import AsyncGenerator
from pathlib import Path

import aiohttp
import msgspec

from baton.simulate.vendors import VENDOR_MODELS
from tests.clients.recorder import recorder
from tests.clients.stage import Stage, config_for, gateway

PYTHON_VARIABLE = "BATON_TRANSFORMERS_PYTHON"
READY_TIMEOUT_S = 180.0
POLL_S = 0.5
MAKER = Path(__file__).parents[2] / "tools" / "tiny_model.py"


def python() -> str:
    """Raises SystemExit with what to do."""
    named = os.environ.get(PYTHON_VARIABLE)
    if not named:
        needed = "torch transformers[serving] accelerate"
        raise SystemExit(f"name a Python that has {needed} in {PYTHON_VARIABLE}")
    return named


@contextlib.asynccontextmanager
async def transformers(folder: Path) -> AsyncGenerator[Stage, None]:
    model = folder / "tiny"
    made = await asyncio.create_subprocess_exec(python(), str(MAKER), str(model))
    if await made.wait():
        raise SystemExit("the tiny model could not be made: see above")
    async with _served(model) as url:
        plain = next(one for one in VENDOR_MODELS if one.id == "sim-llama")
        card = msgspec.structs.replace(plain, id=str(model), context_window=2_048, max_output=256)
        config = config_for(f"{url}/v1", "openai-chat", card, simulated=False)
        async with gateway(config, folder / "gateway") as gateway_url, recorder(gateway_url) as between:
            yield Stage("transformers", between, None)


@contextlib.asynccontextmanager
async def _served(model: Path) -> AsyncGenerator[str, None]:
    port = _free_port()
    program = str(Path(python()).with_name("transformers"))
    process = await asyncio.create_subprocess_exec(
        program, "serve", "--device", "cpu", "--host", "127.0.0.1", "--port", str(port), str(model),
        env=os.environ | {"HF_HUB_OFFLINE": "1"}, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    url = f"http://127.0.0.1:{port}"
    try:
        await _ready(url, process)
        yield url
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


async def _ready(url: str, process: asyncio.subprocess.Process) -> None:
    async with asyncio.timeout(READY_TIMEOUT_S), aiohttp.ClientSession() as session:
        while True:
            if process.returncode is not None:
                raise SystemExit(f"transformers serve ended with {process.returncode}: run it by hand to see why")
            with contextlib.suppress(aiohttp.ClientError):
                async with session.get(f"{url}/health") as answer:
                    if answer.status == 200:
                        return
            await asyncio.sleep(POLL_S)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
