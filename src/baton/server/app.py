"""The ASGI callable: finds the door for a path, reads the body, answers. No middleware, nothing else on the way.

Life of a request here: 1. the door is found; 2. the caller's key is checked; 3. the body is read, up to a limit;
4. the door answers; 5. the answer is sent. From 4 on a caller who leaves cancels what is done for him.
"""

import asyncio
import contextlib
import logging
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any

from baton.config.schema import Config
from baton.flow.arrival import Reply
from baton.flow.house import House
from baton.protocol.voice import voice_of
from baton.record.keys import KeyStore
from baton.server.auth import Keys
from baton.server.doors import dialect_of, find_door
from baton.server.leaving import Leaving
from baton.server.visit import Visit
from baton.types.errors import BatonError, BodyEncoded, BodyTooLarge, MalformedBody, MethodNotAllowed, UpstreamFault

Scope = Mapping[str, Any]
Receive = Callable[[], Awaitable[Mapping[str, Any]]]
Send = Callable[[Mapping[str, Any]], Awaitable[None]]

if TYPE_CHECKING:
    from baton.server.admin.routes import Admin

log = logging.getLogger("baton.server")
ADMIN_PATHS = tuple(f"/v1/baton/{name}" for name in ("keys", "spend", "audit", "openapi.json"))
"""What belongs to the admin API; the other paths below `/v1/baton` are doors like any other."""

FIXED = (
    "server.host", "server.port", "server.workers", "server.connect_s", "server.first_byte_s", "server.between_bytes_s",
    "server.total_s", "ledger", "state",
)  # fmt: skip
"""Settings that are looked at when Baton starts, and never again."""


class App:
    """`house` is opened, and closed, by the one who runs the server."""

    def __init__(self, house: House) -> None:
        self._use(house, None)

    def swap(self, config: Config) -> list[str]:
        """Serve by this config from the next request on. Gives the settings that only a restart can change."""
        self._house.life.config_problems = ()
        kept = [name for name in FIXED if _setting(config, name) != _setting(self._house.config, name)]
        self._use(self._house.renewed(config), self._keys)
        return kept

    def refuse_config(self, problems: list[str]) -> None:
        """A config that was offered and is wrong: told by /health until a good one comes."""
        self._house.life.config_problems = tuple(problems)

    def stop(self) -> None:
        """Streams that are cancelled from now on end with a typed error."""
        self._house.life.stopping = True

    def _use(self, house: House, earlier: Keys | None) -> None:
        self._keys = Keys(house.config, KeyStore(house.ledger.place), earlier=earlier)
        self._house = house
        self._admin: Admin | None = None
        self._max_body = house.config.server.max_body_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            await self._answer(scope, receive, send)
        elif scope["type"] == "lifespan":
            await _lifespan(receive, send)
        else:  # a websocket is refused by closing it
            await send({"type": "websocket.close", "code": 1008})

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        leaving = Leaving(receive)
        try:
            if scope["path"].startswith(ADMIN_PATHS):
                await self._administer(scope, receive, send)
                return
            door, params = find_door(scope["method"], scope["path"])
            caller = self._keys.reader(headers) if door.figures else self._keys.caller(headers, free=door.free)
            body = await _read_body(receive, headers, self._max_body)
            leaving.arm()
            reply = await door.open(Visit(self._house, caller, headers, params, scope["query_string"], body))
            await _send_reply(reply, send)
        except BatonError as error:
            await _send_reply(_refusal(error, scope["path"], headers), send)
        except asyncio.CancelledError:
            if not leaving.left:
                raise
        except Exception:
            # The last wall: a defect of ours shows no stack to the caller, and the whole of it to the operator.
            log.exception("defect while serving %s %s", scope["method"], scope["path"])
            defect = BatonError("Baton has a defect here: the log of the gateway has the details")
            await _send_reply(_refusal(defect, scope["path"], headers), send)
        finally:
            leaving.disarm()

    async def _administer(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The admin API is loaded when it is first asked."""
        if self._admin is None:
            self._admin = await asyncio.to_thread(open_admin, self._house, self._keys)
        await self._admin.app(scope, receive, send)  # type: ignore[arg-type]


def open_admin(house: House, keys: Keys) -> "Admin":
    from baton.server.admin.book import Book
    from baton.server.admin.routes import Admin

    return Admin(Book(house.config, KeyStore(house.ledger.place), house.ledger.place, time.time), keys, house.ledger)


def _setting(config: Config, name: str) -> object:
    value: object = config
    for step in name.split("."):
        value = getattr(value, step)
    return value


async def _read_body(receive: Receive, headers: Mapping[str, str], limit: int) -> bytes:
    """Raises BodyEncoded; BodyTooLarge before reading where the length is declared, else when the limit is passed."""
    if headers.get("content-encoding", "identity").lower() != "identity":
        raise BodyEncoded("a compressed body is not read here: send it without content-encoding")
    declared = headers.get("content-length", "")
    if declared.isdigit() and int(declared) > limit:
        raise _too_large(limit)
    message = await receive()
    body: bytes = message.get("body", b"")
    if message.get("more_body"):
        pieces, size = [body], len(body)
        while message.get("more_body"):
            message = await receive()
            pieces.append(message.get("body", b""))
            size += len(pieces[-1])
            if size > limit:
                raise _too_large(limit)
        body = b"".join(pieces)
    if message["type"] == "http.disconnect":
        raise MalformedBody("the connection was closed before the body was complete")
    return body


def _too_large(limit: int) -> BodyTooLarge:
    return BodyTooLarge(f"the body is larger than {limit} bytes: send less, or raise server.max_body_bytes")


async def _send_reply(reply: Reply, send: Send) -> None:
    headers = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in reply.headers.items()]
    if reply.stream is None:
        headers.append((b"content-length", str(len(reply.body)).encode()))
        await send({"type": "http.response.start", "status": reply.status, "headers": headers})
        await send({"type": "http.response.body", "body": reply.body})
        return
    async with contextlib.aclosing(reply.stream) as stream:
        await send({"type": "http.response.start", "status": reply.status, "headers": headers})
        try:
            async for chunk in stream:
                await send({"type": "http.response.body", "body": chunk, "more_body": True})
        except UpstreamFault:
            # A body that cannot hold an error: left without its end, the server breaks the connection off.
            return
    await send({"type": "http.response.body", "body": b""})


def _refusal(error: BatonError, path: str, headers: Mapping[str, str]) -> Reply:
    """For what is refused before a request is known; the flow writes its own refusals."""
    body = voice_of(dialect_of(path, headers)).write_error(error, "")
    allow = {"allow": error.allowed} if isinstance(error, MethodNotAllowed) else {}
    return Reply(error.status, {"content-type": "application/json", **allow}, body)


async def _lifespan(receive: Receive, send: Send) -> None:
    while True:
        message = await receive()
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return
