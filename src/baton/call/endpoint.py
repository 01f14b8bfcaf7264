"""Where a provider is reached in each dialect, and how it wants its key. One row per dialect, no other code."""

from collections.abc import Mapping
from functools import cache

from msgspec import Struct

from baton.types.card import Dialect, Provider

ANTHROPIC_VERSION = "2023-06-01"


class _Wire(Struct, frozen=True):
    path: str
    versioned: str
    """Part of the path that a base URL may already end with."""
    forwarded: frozenset[str]
    """Callers' headers that belong to the dialect."""
    defaults: Mapping[str, str]


WIRES: dict[Dialect, _Wire] = {
    "openai-chat": _Wire("/chat/completions", "", frozenset({"openai-beta"}), {}),
    "anthropic": _Wire(
        "/v1/messages",
        "/v1",
        frozenset({"anthropic-version", "anthropic-beta"}),
        {"anthropic-version": ANTHROPIC_VERSION},
    ),
}


class Endpoint:
    """Address and headers of one provider in one dialect."""

    def __init__(self, provider: Provider, dialect: Dialect) -> None:
        wire = WIRES[dialect]
        self.provider = provider
        self.url = provider.base_url.removesuffix(wire.versioned) + wire.path
        self._fixed = {"content-type": "application/json", "accept-encoding": "identity", **wire.defaults}
        self._fixed |= _auth(provider) | provider.headers
        self._forwarded = wire.forwarded.union(provider.forward_headers)

    def headers(self, caller: Mapping[str, str]) -> dict[str, str]:
        """`caller` holds the caller's headers with lower-case names; his key is never among what goes on."""
        headers = dict(self._fixed)
        for name in self._forwarded:
            if name in caller:
                headers[name] = caller[name]
        return headers


def _auth(provider: Provider) -> dict[str, str]:
    if provider.api_key is None or provider.auth == "none":
        return {}
    key = provider.api_key.reveal()
    return {"authorization": f"Bearer {key}"} if provider.auth == "bearer" else {provider.auth: key}


class Endpoints:
    """Endpoints of a set of providers, made at first use."""

    def __init__(self, providers: Mapping[str, Provider]) -> None:
        self._providers = providers
        self.of = cache(self._make)

    def _make(self, provider: str, dialect: Dialect) -> Endpoint:
        return Endpoint(self._providers[provider], dialect)
