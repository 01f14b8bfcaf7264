"""Where a provider is reached in each dialect, and what goes on with a call. Nothing here knows a single provider."""

from collections.abc import Mapping
from functools import cache

from msgspec import Struct
from msgspec.structs import replace

from baton.call.providers.kind import Path
from baton.call.providers.registry import kind_of
from baton.call.transport import Expected, Outgoing, header_lines
from baton.types.card import Dialect, ModelCard, Provider

ANTHROPIC_VERSION = "2023-06-01"
NDJSON = "application/x-ndjson"
SSE = "text/event-stream"


class _Wire(Struct, frozen=True):
    forwarded: frozenset[str] = frozenset()
    """Callers' headers that belong to the dialect."""
    defaults: Mapping[str, str] = {}
    stream_types: tuple[str, ...] = (SSE,)


WIRES: dict[Dialect, _Wire] = {
    "openai-chat": _Wire(frozenset({"openai-beta"})),
    "openai-responses": _Wire(frozenset({"openai-beta"})),
    "anthropic": _Wire(frozenset({"anthropic-version", "anthropic-beta"}), {"anthropic-version": ANTHROPIC_VERSION}),
    "gemini": _Wire(),
    "ollama": _Wire(stream_types=(NDJSON,)),
}
PASSED_THROUGH = _Wire(frozenset({"openai-beta", "accept", "range"}))


class Endpoint:
    """Addresses, headers and signatures of one provider in one dialect."""

    def __init__(self, provider: Provider, dialect: Dialect) -> None:
        kind = kind_of(provider.kind)
        wire = WIRES[dialect]
        self.provider = provider
        self.dialect = dialect
        self._address = cache(kind.address(provider, dialect))
        self._fixed = {"content-type": "application/json", "accept-encoding": "identity", **wire.defaults}
        self._fixed |= kind.key(provider, dialect) | provider.headers
        self._forwarded = wire.forwarded.union(provider.forward_headers)
        self._edit = kind.edit(provider, dialect)
        self._lines = header_lines(self._fixed)
        self._signer = kind.signer(provider)
        self._via = kind.transport(provider)
        decoder = kind.decoder(dialect)
        types = wire.stream_types if decoder is None else kind.stream_types
        self._expected = Expected(stream_types=types, decoder=decoder, faults=kind.faults)

    def address(self, model: str, *, stream: bool) -> str:
        """`model` is its name at the provider."""
        return self._address(model, stream)

    def headers(self, caller: Mapping[str, str]) -> Mapping[str, str]:
        """`caller` holds the caller's headers with lower-case names; his key is never among what goes on."""
        return _with_forwarded(self._fixed, self._forwarded, caller)

    @property
    def signs(self) -> bool:
        """What `unsigned` gives is not enough: await `outgoing`."""
        return self._signer is not None

    def unsigned(self, card: ModelCard, body: bytes, caller: Mapping[str, str], *, stream: bool) -> Outgoing:
        headers = self.headers(caller)
        return Outgoing(
            self._address(card.upstream, stream),
            headers,
            body if self._edit is None else self._edit(body, caller),
            card.id,
            card.provider,
            expected=self._expected,
            via=self._via,
            lines=self._lines if headers is self._fixed else b"",
        )

    async def outgoing(self, card: ModelCard, body: bytes, caller: Mapping[str, str], *, stream: bool) -> Outgoing:
        """The call as this provider wants it. Raises UpstreamFault when there are no credentials to be had."""
        outgoing = self.unsigned(card, body, caller, stream=stream)
        if self._signer is None:
            return outgoing
        return replace(outgoing, headers={**outgoing.headers, **await self._signer.headers(outgoing)}, lines=b"")


class PassThrough:
    """One provider where it is asked in the words of OpenAI that are no dialect of Baton: embeddings, files, ..."""

    def __init__(self, provider: Provider) -> None:
        kind = kind_of(provider.kind)
        self.provider = provider
        self._url = kind.pass_through
        self._fixed = {"accept-encoding": "identity"} | kind.key(provider, None) | provider.headers
        self._forwarded = PASSED_THROUGH.forwarded.union(provider.forward_headers, {"content-type"})
        self._signer = kind.signer(provider)
        self._expected = Expected(whole_types=(), stream_types=(), faults=kind.faults)

    async def outgoing(
        self, card: ModelCard, path: str, body: bytes, caller: Mapping[str, str], method: str = "POST"
    ) -> Outgoing:
        """`path` is percent-encoded, from after `/v1`, with its query. Raises UpstreamFault."""
        outgoing = Outgoing(
            self._url(self.provider, Path(path, card.upstream)),
            _with_forwarded(self._fixed, self._forwarded, caller),
            body,
            card.id,
            card.provider,
            method,
            self._expected,
        )
        if self._signer is None:
            return outgoing
        return replace(outgoing, headers={**outgoing.headers, **await self._signer.headers(outgoing)})


def _with_forwarded(
    fixed: Mapping[str, str], forwarded: frozenset[str], caller: Mapping[str, str]
) -> Mapping[str, str]:
    """`fixed` itself where nothing of the caller's goes on."""
    added = {name: caller[name] for name in forwarded if name in caller}
    return {**fixed, **added} if added else fixed


class Endpoints:
    """Endpoints of a set of providers, made at first use."""

    def __init__(self, providers: Mapping[str, Provider]) -> None:
        self._providers = providers
        self.of = cache(self._make)
        self.pass_through = cache(self._make_pass_through)

    def _make(self, provider: str, dialect: Dialect) -> Endpoint:
        return Endpoint(self._providers[provider], dialect)

    def _make_pass_through(self, provider: str) -> PassThrough:
        return PassThrough(self._providers[provider])
