"""The transport over aiohttp, for addresses behind a proxy: keep-alive, four timeouts, every failure named."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import contextmanager

import aiohttp
from yarl import URL

from baton.call.transport import Outgoing, Timeouts
from baton.types.errors import (
    UpstreamCut,
    UpstreamFault,
    UpstreamNotJson,
    UpstreamRefused,
    UpstreamStalled,
    UpstreamTimeout,
)

IDLE_CONNECTION_S = 30.0
"""Shorter than the keep-alive of common servers, so that a connection is rarely closed under a request."""

MAX_PLACES = 1024
"""Addresses that are remembered in their parsed form."""


class HttpTransport:
    """Must be made inside a running event loop. `proxy_for` gives the proxy of an address, or None."""

    def __init__(self, timeouts: Timeouts, proxy_for: Callable[[str], str | None] = lambda _url: None) -> None:
        self._proxy_for = proxy_for
        self._timeouts = timeouts
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=IDLE_CONNECTION_S),
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=aiohttp.ClientTimeout(total=timeouts.total_s, sock_connect=timeouts.connect_s),
            skip_auto_headers=("User-Agent", "Accept", "Accept-Encoding", "Content-Type"),
            auto_decompress=False,
        )
        self._places: dict[str, tuple[URL, str | None]] = {}

    async def open(self, outgoing: Outgoing) -> "HttpUpstream":
        url, proxy = self._place(outgoing.url)
        with named_faults(outgoing):
            async with asyncio.timeout(self._timeouts.first_byte_s):
                response = await self._session.request(
                    outgoing.method,
                    url,
                    data=outgoing.body,
                    headers=outgoing.headers,
                    allow_redirects=False,
                    proxy=proxy,
                )
        return HttpUpstream(response, outgoing, self._timeouts.between_bytes_s)

    def _place(self, address: str) -> tuple[URL, str | None]:
        place = self._places.get(address)
        if place is None:
            if len(self._places) >= MAX_PLACES:
                self._places.clear()
            # Encoded already: a second encoding would break signatures.
            place = self._places[address] = (URL(address, encoded=True), self._proxy_for(address))
        return place

    async def close(self) -> None:
        await self._session.close()


class HttpUpstream:
    def __init__(self, response: aiohttp.ClientResponse, outgoing: Outgoing, patience_s: float) -> None:
        self.status = response.status
        self.headers: Mapping[str, str] = response.headers
        self._response = response
        self._outgoing = outgoing
        self._patience_s = patience_s

    async def chunks(self) -> AsyncIterator[bytes]:
        try:
            while chunk := await self._piece():
                yield chunk
        except UpstreamFault:
            self.abort()
            raise

    async def _piece(self) -> bytes:
        """What has arrived of the body, empty at its end."""
        with named_faults(self._outgoing):
            patience = asyncio.timeout(self._patience_s)
            try:
                async with patience:
                    return await self._response.content.readany()
            except TimeoutError:
                if not patience.expired():
                    raise
        silence = f"began to answer and sent nothing more for {self._patience_s:g} s"
        raise _fault(UpstreamStalled, self._outgoing, silence)

    async def read(self, limit: int) -> bytes:
        pieces: list[bytes] = []
        size = 0
        async for chunk in self.chunks():
            size += len(chunk)
            if size > limit:
                self.abort()
                raise UpstreamNotJson(
                    f"{_who(self._outgoing)} answered more than {limit} bytes: raise server.max_answer_bytes if it may",
                    model=self._outgoing.model,
                    provider=self._outgoing.provider,
                )
            pieces.append(chunk)
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def abort(self) -> None:
        self._response.close()


@contextmanager
def named_faults(outgoing: Outgoing) -> Iterator[None]:
    """Every failure of the client becomes a fault of the tree, naming model and provider."""
    try:
        yield
    except TimeoutError as error:
        raise _fault(UpstreamTimeout, outgoing, "did not answer in time") from error
    except (aiohttp.ClientPayloadError, ConnectionResetError) as error:
        raise _fault(UpstreamCut, outgoing, "closed the connection in the middle of its answer") from error
    except aiohttp.ServerDisconnectedError as error:
        raise _fault(UpstreamCut, outgoing, "closed the connection without an answer") from error
    except aiohttp.ClientConnectorError as error:
        raise _fault(UpstreamRefused, outgoing, f"cannot be reached ({error.os_error.strerror or error})") from error
    except aiohttp.ClientOSError as error:
        raise _fault(UpstreamCut, outgoing, f"dropped the connection ({error.strerror or error})") from error
    except aiohttp.ClientResponseError as error:
        raise _fault(UpstreamNotJson, outgoing, f"did not answer in HTTP ({error.message})") from error
    except (aiohttp.ClientError, ValueError) as error:
        raise _fault(UpstreamFault, outgoing, f"could not be asked ({type(error).__name__}: {error})") from error


def _fault(kind: type[UpstreamFault], outgoing: Outgoing, what: str) -> UpstreamFault:
    return kind(f"{_who(outgoing)} {what}", model=outgoing.model, provider=outgoing.provider)


def _who(outgoing: Outgoing) -> str:
    return f"model {outgoing.model!r} at provider {outgoing.provider!r}"
