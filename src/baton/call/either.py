"""Which transport serves an address: the direct one, or aiohttp where the environment names a proxy."""

from collections.abc import Awaitable
from functools import lru_cache
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

from baton.call.direct import DirectTransport
from baton.call.transport import Outgoing, Timeouts, Transport, Upstream


class EitherTransport:
    """Must be made inside the event loop that it is used in. aiohttp is imported only where it is needed."""

    def __init__(self, timeouts: Timeouts) -> None:
        self._timeouts = timeouts
        self._direct = DirectTransport(timeouts)
        self._proxied: Transport | None = None

    def open(self, outgoing: Outgoing) -> Awaitable[Upstream]:
        if proxy_for(outgoing.url) is None:
            return self._direct.open(outgoing)
        if self._proxied is None:
            from baton.call.http import HttpTransport

            self._proxied = HttpTransport(self._timeouts, proxy_for)
        return self._proxied.open(outgoing)

    async def close(self) -> None:
        await self._direct.close()
        if self._proxied is not None:
            await self._proxied.close()


@lru_cache(maxsize=1024)
def proxy_for(url: str) -> str | None:
    """The proxy that HTTP_PROXY, HTTPS_PROXY and NO_PROXY name for an address; the environment is read once."""
    parts = urlsplit(url)
    if proxy_bypass(parts.netloc):
        return None
    return getproxies().get(parts.scheme)
