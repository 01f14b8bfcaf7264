"""What a kind of provider is: a table of functions and values, the same for every account at such a provider."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Protocol

from msgspec import Struct, field

from baton.call.providers.faults import FaultRow
from baton.call.transport import Outgoing, StreamDecoder, Transport
from baton.types.card import Dialect, Provider
from baton.types.quirks import Quirks

Address = Callable[[str, bool], str]
"""(the model's name at the provider, streaming) -> URL."""

Edit = Callable[[bytes, Mapping[str, str]], bytes]
"""(body, caller's headers with lower-case names) -> the body as this provider wants it."""


class Signer(Protocol):
    """Gives what proves who asks, anew for each call. Must not block the event loop."""

    def headers(self, outgoing: Outgoing) -> Awaitable[Mapping[str, str]]:
        """Headers to add. Raises UpstreamFault when there are no credentials to be had."""
        ...


class Path(Struct, frozen=True):
    """A way at a provider that is not one of Baton's dialects: what is passed through."""

    path: str
    """From after `/v1`, such as `/embeddings`; percent-encoded."""
    model: str = ""
    """The model's name at the provider, empty where the path has none."""


class Kind(Struct, frozen=True, kw_only=True):
    """How a provider is reached in a dialect, and what is odd about it."""

    address: Callable[[Provider, Dialect], Address]
    pass_through: Callable[[Provider, Path], str]
    """The URL of a path that is passed through."""
    key: Callable[[Provider, Dialect | None], dict[str, str]]
    """Headers that hold the key; None stands for what is passed through."""
    signer: Callable[[Provider], Signer | None] = lambda _provider: None
    transport: Callable[[Provider], Transport | None] = lambda _provider: None
    """For what is not asked over HTTP."""
    edit: Callable[[Provider, Dialect], Edit | None] = lambda _provider, _dialect: None
    decoder: Callable[[Dialect], Callable[[], StreamDecoder] | None] = lambda _dialect: None
    """Where the stream is not that of the dialect: what turns its bytes into it."""
    stream_types: tuple[str, ...] = ()
    """Content types of a stream that a decoder is for."""
    quirks: Quirks = field(default_factory=Quirks)
    faults: tuple[FaultRow, ...] = ()
    """Looked at before those that all providers share."""
    options: Mapping[str, str] = field(default_factory=dict)
    """Names that `options` of a provider of this kind may have -> what they say."""
    required: tuple[str, ...] = ()
    """Those without which it has no address."""
