"""Fetches the images that a conversation names by address, where the model must be given their bytes."""

from collections.abc import Sequence

from baton.call.addresses import Resolve, system_resolve
from baton.call.fetch import Guard, fetch_images
from baton.config.guards import MediaConfig
from baton.protocol.images import Bytes
from baton.types.errors import MediaRefused

MAX_IMAGES = 20
"""In one request."""


class Media:
    """One request's images are fetched together, each under the limits of the config."""

    def __init__(self, config: MediaConfig, resolve: Resolve = system_resolve, *, allow_private: bool = False) -> None:
        self.fetches = config.fetch
        self._config = config
        self._guard = Guard(config.allow_hosts, allow_private, resolve)

    async def fetch(self, urls: Sequence[str]) -> Bytes:
        """Raises MediaRefused for the first that may not or cannot be had."""
        if len(urls) > MAX_IMAGES:
            raise MediaRefused(f"{len(urls)} images are named by their addresses: at most {MAX_IMAGES} are fetched")
        images = await fetch_images(urls, self._guard, self._config.max_bytes, self._config.timeout_s)
        return {url: (image.media_type, image.data) for url, image in images.items()}
