"""Asks an address that a caller named, or that events go to: no redirects, no private address, no second look-up.

The host is looked up once; what was checked is what is connected to, with Host and TLS name kept. The client library is
imported at first use.
"""

import asyncio
import ipaddress
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from baton.call.addresses import AddressRefused, Resolve, refuse_private, system_resolve
from baton.types.errors import MediaRefused

if TYPE_CHECKING:
    from yarl import URL

MAX_URL_CHARS = 4_096
SHOWN_CHARS = 80
NO_HEADERS: Mapping[str, str] = {}


class Guard(Struct, frozen=True):
    """Whom may be asked. `resolve` looks hosts up."""

    allow_hosts: tuple[str, ...] = ()
    """`*.` before a name: everything below it; empty: every public host."""
    allow_private: bool = False
    resolve: Resolve = system_resolve

    def check(self, url: "URL") -> str:
        """The host. Raises AddressRefused."""
        host = (url.raw_host or "").lower().rstrip(".")
        if url.scheme not in {"http", "https"} or not host:
            raise AddressRefused("must begin with http:// or https:// and name a host")
        if url.raw_user is not None or url.raw_password is not None:
            raise AddressRefused("holds a credential")
        if self.allow_hosts and not any(_matches(host, pattern.lower()) for pattern in self.allow_hosts):
            raise AddressRefused("is not at a host that media.allow_hosts names")
        if _is_literal(host) and not self.allow_private:
            refuse_private([host])
        return host

    async def addresses(self, host: str, port: int) -> list[str]:
        """Raises AddressRefused, OSError."""
        found = await self.resolve(host, port)
        if not self.allow_private:
            refuse_private(found)
        if not found:
            raise OSError("the host has no address")
        return found


class Fetched(Struct, frozen=True):
    status: int
    content_type: str
    body: bytes


class Asked(Struct, frozen=True):
    """One request. The answer may have `max_bytes`; more of it is an AddressRefused."""

    url: str
    method: str = "GET"
    headers: Mapping[str, str] = NO_HEADERS
    body: bytes | None = None
    max_bytes: int = 64 * 1024
    timeout_s: float = 10.0


async def ask(asked: Asked, guard: Guard) -> Fetched:
    """Whatever its status. Raises AddressRefused, OSError (every failure of the network), TimeoutError."""
    import aiohttp
    from yarl import URL

    try:
        url = URL(asked.url) if len(asked.url) <= MAX_URL_CHARS else None
        if url is None:
            raise AddressRefused(f"is longer than {MAX_URL_CHARS} characters")
        guard.check(url)
    except AddressRefused:
        raise
    except (ValueError, TypeError) as error:
        raise AddressRefused("is not an address") from error
    connector = aiohttp.TCPConnector(resolver=_resolver(guard), use_dns_cache=False, force_close=True)
    try:
        async with (
            asyncio.timeout(asked.timeout_s),
            aiohttp.ClientSession(connector=connector, auto_decompress=False, trust_env=False) as session,
            session.request(
                asked.method,
                url,
                data=asked.body,
                headers={"accept-encoding": "identity", **asked.headers},
                allow_redirects=False,
            ) as answer,
        ):
            return Fetched(answer.status, answer.content_type, await _body(answer, asked.max_bytes))
    except aiohttp.InvalidURL as error:
        raise AddressRefused("is not an address") from error
    except aiohttp.ClientError as error:
        refused = error.__cause__ and error.__cause__.__cause__
        if isinstance(refused, AddressRefused):
            raise refused from None
        raise OSError(type(error).__name__) from error


async def _body(answer: Any, limit: int) -> bytes:
    if answer.headers.get("content-encoding", "identity").lower() != "identity":
        raise AddressRefused("answers compressed, which was not asked for")
    pieces, size = [], 0
    async for piece in answer.content.iter_any():
        size += len(piece)
        if size > limit:
            raise AddressRefused(f"answers more than {limit} bytes")
        pieces.append(piece)
    return b"".join(pieces)


def _resolver(guard: Guard) -> Any:
    from aiohttp.abc import AbstractResolver, ResolveResult

    class Checked(AbstractResolver):
        """Gives the client nothing but addresses that were checked: it connects to these, and looks nothing up."""

        async def resolve(self, host: str, port: int = 0, family: Any = 0) -> list[ResolveResult]:  # noqa: ARG002
            try:
                found = await guard.addresses(host, port)
            except AddressRefused as error:
                raise OSError(str(error)) from error
            return [
                ResolveResult(hostname=host, host=one, port=port, family=_family(one), proto=0, flags=NUMERIC)
                for one in found
            ]

        async def close(self) -> None:
            """Nothing is open."""

    return Checked()


NUMERIC = 0x0004 | 0x0400
"""AI_NUMERICHOST and AI_NUMERICSERV: what is given is not to be looked up again."""


def _family(address: str) -> int:
    import socket

    return socket.AF_INET6 if ":" in address else socket.AF_INET


def _is_literal(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _matches(host: str, pattern: str) -> bool:
    return host.endswith(pattern[1:]) if pattern.startswith("*.") else host == pattern


# --- images ----------------------------------------------------------------------------------------


class Image(Struct, frozen=True):
    media_type: str
    data: bytes


async def fetch_images(urls: Sequence[str], guard: Guard, max_bytes: int, timeout_s: float) -> dict[str, Image]:
    """All of them, or MediaRefused for the first that cannot be had."""
    images = await asyncio.gather(*(_image(url, guard, max_bytes, timeout_s) for url in urls))
    return dict(zip(urls, images, strict=True))


async def _image(url: str, guard: Guard, max_bytes: int, timeout_s: float) -> Image:
    shown = repr(url[:SHOWN_CHARS])
    try:
        found = await ask(Asked(url, max_bytes=max_bytes, timeout_s=timeout_s), guard)
    except AddressRefused as error:
        raise MediaRefused(f"the image at {shown} is not fetched: it {error}") from error
    except OSError as error:  # TimeoutError is one
        raise MediaRefused(f"the image at {shown} could not be fetched") from error
    if found.status != 200:
        raise MediaRefused(f"the image at {shown} could not be fetched: its server answered {found.status}")
    if not found.content_type.startswith("image/") or not found.body:
        raise MediaRefused(f"what is at {shown} is no image: its server calls it {found.content_type[:SHOWN_CHARS]!r}")
    return Image(found.content_type, found.body)
