"""A relay on loopback between a client and the gateway: bytes go on as they come, and what was said about them stays."""

import contextlib
from collections.abc import AsyncGenerator
from typing import NamedTuple

import aiohttp
from aiohttp import web

HOP_HEADERS = {"host", "connection", "content-length", "transfer-encoding", "keep-alive"}
MAX_BODY_BYTES = 64 * 1024 * 1024


class Visit(NamedTuple):
    method: str
    path: str
    status: int
    streamed: bool
    handoff: str | None
    """The report's short form, None where the caller's own bytes went on."""
    error: str
    """The body of an answer that is none."""


class Recorder(NamedTuple):
    url: str
    visits: list[Visit]

    def answers(self) -> list[Visit]:
        return [visit for visit in self.visits if visit.method == "POST" and visit.status == 200]


@contextlib.asynccontextmanager
async def recorder(upstream: str) -> AsyncGenerator[Recorder, None]:
    visits: list[Visit] = []
    timeout = aiohttp.ClientTimeout(total=None)
    async with aiohttp.ClientSession(auto_decompress=False, timeout=timeout) as session:

        async def relay(request: web.Request) -> web.StreamResponse:
            headers = {name: value for name, value in request.headers.items() if name.lower() not in HOP_HEADERS}
            body, url = await request.read(), upstream + request.raw_path
            async with session.request(request.method, url, headers=headers, data=body) as answer:
                kept = {name: value for name, value in answer.headers.items() if name.lower() not in HOP_HEADERS}
                response = web.StreamResponse(status=answer.status, headers=kept)
                refused = b""
                with contextlib.suppress(ConnectionResetError):  # a client may leave when it has read what it needs
                    await response.prepare(request)
                    async for piece in answer.content.iter_any():
                        await response.write(piece)
                        refused += piece if answer.status >= 400 else b""
                    await response.write_eof()
                streamed = answer.content_type == "text/event-stream"
                handoff = answer.headers.get("x-baton-handoff")
                told = refused.decode(errors="replace")
                visits.append(Visit(request.method, request.path, answer.status, streamed, handoff, told))
                return response

        app = web.Application(client_max_size=MAX_BODY_BYTES)
        app.router.add_route("*", "/{path:.*}", relay)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        port = runner.addresses[0][1]
        try:
            yield Recorder(f"http://127.0.0.1:{port}", visits)
        finally:
            await runner.cleanup()
