"""The app: finds the door for a path, reads the body, answers. No middleware, nothing else on the way.

Life of a request here: 1. the door is found; 2. the caller's key is checked; 3. the body is read, up to a limit;
4. the door answers; 5. the answer is sent. From 4 on a caller who leaves cancels what is done for him.
"""

import asyncio
import contextlib
import logging
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from baton.config.learned import CURRENT
from baton.config.schema import Config
from baton.flow.arrival import Reply
from baton.flow.house import House
from baton.protocol.voice import voice_of
from baton.record.keys import KeyStore
from baton.server.auth import Keys
from baton.server.cycle import Cycle
from baton.server.doors import dialect_of, find_door
from baton.server.visit import Visit
from baton.types.errors import BatonError, BodyEncoded, BodyTooLarge, MalformedBody, MethodNotAllowed, UpstreamFault

if TYPE_CHECKING:
    from baton.server.admin.routes import Admin

log = logging.getLogger("baton.server")
ADMIN_PATHS = tuple(f"/v1/baton/{name}" for name in ("keys", "spend", "content", "audit", "openapi.json"))
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

    @property
    def lock(self) -> Path | None:
        """Where the certificates lie, in a mode that needs them."""
        proof = self._house.config.proof
        return None if proof.mode == "rules" else Path(proof.lock)

    @property
    def learned(self) -> Path | None:
        """What names the version in force of what was learned."""
        folder = self._house.config.learned.path
        return None if folder is None else Path(folder) / CURRENT

    @property
    def house(self) -> House:
        """The one in force; a new config brings another."""
        return self._house

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

    async def answer(self, cycle: Cycle) -> None:
        headers = cycle.headers
        try:
            if cycle.path.startswith(ADMIN_PATHS):
                await self._administer(cycle)
                return
            door, params = find_door(cycle.method, cycle.path)
            caller = self._keys.reader(headers) if door.figures else self._keys.caller(headers, free=door.free)
            body = await _read_body(cycle, self._max_body)
            cycle.watch()
            reply = await door.open(Visit(self._house, caller, headers, params, cycle.query, body))
            await _send_reply(reply, cycle)
        except BatonError as error:
            await _send_reply(_refusal(error, cycle.path, headers), cycle)
        except asyncio.CancelledError:
            if not cycle.left:
                raise
        except Exception:
            # The last wall: a defect of ours shows no stack to the caller, and the whole of it to the operator.
            log.exception("defect while serving %s %s", cycle.method, cycle.path)
            defect = BatonError("Baton has a defect here: the log of the gateway has the details")
            await _send_reply(_refusal(defect, cycle.path, headers), cycle)
        finally:
            cycle.unwatch()

    async def _administer(self, cycle: Cycle) -> None:
        """The admin API is loaded when it is first asked."""
        if self._admin is None:
            self._admin = await asyncio.to_thread(open_admin, self._house, self._keys)
        await self._admin.app(cycle.scope, cycle.receive, cycle.send)  # type: ignore[arg-type]


def open_admin(house: House, keys: Keys) -> "Admin":
    from baton.server.admin.book import Book
    from baton.server.admin.routes import Admin

    return Admin(Book(house.config, KeyStore(house.ledger.place), house.ledger.place, time.time), keys, house.ledger)


def _setting(config: Config, name: str) -> object:
    value: object = config
    for step in name.split("."):
        value = getattr(value, step)
    return value


async def _read_body(cycle: Cycle, limit: int) -> bytes:
    """Raises BodyEncoded; BodyTooLarge before reading where the length is declared, else when the limit is passed."""
    headers = cycle.headers
    if headers.get("content-encoding", "identity").lower() != "identity":
        raise BodyEncoded("a compressed body is not read here: send it without content-encoding")
    declared = headers.get("content-length", "")
    if declared.isdigit() and int(declared) > limit:
        raise _too_large(limit)
    body = cycle.whole()
    if body is None:
        body = await _read_pieces(cycle, limit)
    if len(body) > limit:
        raise _too_large(limit)
    return body


async def _read_pieces(cycle: Cycle, limit: int) -> bytes:
    pieces, size = [], 0
    while True:
        message = await cycle.receive()
        if message["type"] == "http.disconnect":
            raise MalformedBody("the connection was closed before the body was complete")
        pieces.append(message["body"])
        size += len(pieces[-1])
        if size > limit:
            raise _too_large(limit)
        if not message["more_body"]:
            return b"".join(pieces)


def _too_large(limit: int) -> BodyTooLarge:
    return BodyTooLarge(f"the body is larger than {limit} bytes: send less, or raise server.max_body_bytes")


async def _send_reply(reply: Reply, cycle: Cycle) -> None:
    if reply.stream is None:
        if cycle.jammed:
            await cycle.flow.drain()
        cycle.answer(reply.status, reply.headers, reply.body)
        return
    async with contextlib.aclosing(reply.stream) as stream:
        cycle.begin(reply.status, reply.headers)
        try:
            async for piece in stream:
                if cycle.jammed:
                    await cycle.flow.drain()
                cycle.piece(piece)
        except UpstreamFault:
            # A body that cannot hold an error: left without its end, the server breaks the connection off.
            return
    cycle.end()


def _refusal(error: BatonError, path: str, headers: Mapping[str, str]) -> Reply:
    """For what is refused before a request is known; the flow writes its own refusals."""
    body = voice_of(dialect_of(path, headers)).write_error(error, "")
    allow = {"allow": error.allowed} if isinstance(error, MethodNotAllowed) else {}
    return Reply(error.status, {"content-type": "application/json", **allow}, body)
