"""A compressed answer, which nobody asked for, is a named fault and is never unpacked."""

import asyncio
import gzip

import pytest

from baton.call.direct import DirectTransport
from baton.call.http import HttpTransport
from baton.call.send import send
from baton.call.transport import Outgoing, Timeouts
from baton.testing.upstream import http_answer, scripted
from baton.types.errors import UpstreamEncoded, UpstreamStatus

BOMB = gzip.compress(bytes(50_000_000))


async def asked(kind: type[DirectTransport] | type[HttpTransport], status: int, coding: str, body: bytes) -> bytes:
    async with scripted(http_answer(status, body, "application/json", f"content-encoding: {coding}")) as upstream:
        transport = kind(Timeouts())
        outgoing = Outgoing(f"{upstream.base_url}/x", {"accept-encoding": "identity"}, b"{}", "sim/m", "sim")
        try:
            return await (await send(transport, outgoing, stream=False)).read(1_000)
        finally:
            await transport.close()


@pytest.mark.parametrize("kind", [DirectTransport, HttpTransport])
@pytest.mark.parametrize("coding", ["gzip", "GZIP", "br", "zstd", "identity, gzip", "x" * 500])
def test_an_answer_in_a_coding_is_a_fault(kind: type[DirectTransport] | type[HttpTransport], coding: str) -> None:
    with pytest.raises(UpstreamEncoded, match="which was not asked for") as caught:
        asyncio.run(asked(kind, 200, coding, BOMB))
    assert caught.value.upstream_status == 200
    assert len(caught.value.message) < 300


@pytest.mark.parametrize("kind", [DirectTransport, HttpTransport])
def test_identity_is_no_coding(kind: type[DirectTransport] | type[HttpTransport]) -> None:
    assert asyncio.run(asked(kind, 200, "identity", b"{}")) == b"{}"


@pytest.mark.parametrize("kind", [DirectTransport, HttpTransport])
def test_a_compressed_error_is_still_that_error(kind: type[DirectTransport] | type[HttpTransport]) -> None:
    with pytest.raises(UpstreamStatus) as caught:
        asyncio.run(asked(kind, 429, "gzip", gzip.compress(b'{"error":{"message":"slow down"}}')))
    assert caught.value.status == 429
    assert caught.value.body == b""
