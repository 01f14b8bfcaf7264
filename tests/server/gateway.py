"""A real gateway on a loopback port, before a scripted upstream: nothing of Baton is replaced."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec
from msgspec import Struct

from baton.config.schema import Config, ContentConfig, KeyConfig, LedgerConfig, ServerConfig
from baton.flow.house import House
from baton.server.run import bind, serving
from baton.testing.upstream import Choose, ScriptedUpstream, Step, scripted
from baton.types.card import Provider
from baton.types.reliability import Reliability
from tests.decide.fleet import snapshot


class Gateway(Struct):
    url: str
    house: House
    upstream: ScriptedUpstream


@asynccontextmanager
async def gateway(
    folder: Path,
    *scripts: Sequence[Step],
    keys: tuple[KeyConfig, ...] = (),
    content: str = "off",
    simulated: bool = True,
    attempts: int = 1,
    choose: Choose | None = None,
) -> AsyncGenerator[Gateway, None]:
    async with scripted(*(scripts or ([],)), choose=choose) as upstream:
        provider = Provider("sim", upstream.base_url, ("openai-chat", "anthropic"), "none", simulated=simulated)
        config = Config(
            snapshot=msgspec.structs.replace(snapshot(), providers={"sim": provider}),
            server=ServerConfig(keys=keys, max_body_bytes=1_000_000, first_byte_s=1.0, between_bytes_s=1.0),
            ledger=LedgerConfig(path=str(folder / "ledger.db"), flush_s=0.05),
            content=ContentConfig(mode=content),  # type: ignore[arg-type]
            reliability=Reliability(attempts=attempts),
        )
        sock = bind("127.0.0.1", 0)
        async with serving(config, sock) as house:
            yield Gateway(f"http://127.0.0.1:{sock.getsockname()[1]}", house, upstream)


async def raw_exchange(url: str, data: bytes, *, read_s: float = 5.0) -> bytes:
    """Send bytes, read until the server closes or is silent."""
    host, port = url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(data)
    await writer.drain()
    received = b""
    try:
        async with asyncio.timeout(read_s):
            while piece := await reader.read(65_536):
                received += piece
                if b"\r\n\r\n" in received and _is_whole(received):
                    break
    except TimeoutError:
        pass
    writer.close()
    return received


def _is_whole(received: bytes) -> bool:
    head, _, body = received.partition(b"\r\n\r\n")
    for line in head.lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            return len(body) >= int(line.split(b":")[1])
    return False
