"""Ask one model once. An answer that is not one - error status, HTML, nothing - is a fault with a name."""

import time
from collections.abc import AsyncIterator, Mapping

import msgspec

from baton.call.providers.faults import address_hint, read_fault
from baton.call.transport import Outgoing, StreamDecoder, Transport, Upstream
from baton.call.verdict import retry_after_s, whole_seconds
from baton.types.errors import UpstreamEmpty, UpstreamEncoded, UpstreamFault, UpstreamNotJson, UpstreamStatus

ERROR_BODY_BYTES = 64 * 1024
GOOD = frozenset({200, 201, 202, 204, 206})
IDENTITY = ("", "identity")
KEY_HEADERS = ("authorization", "x-api-key", "api-key", "x-goog-api-key")
MIN_KEY_BYTES = 6
"""A shorter one is part of ordinary words."""
HIDDEN = b"****"


async def send(transport: Transport, outgoing: Outgoing, *, stream: bool) -> Upstream:
    """The head of a good answer. Raises UpstreamFault; after a raise the connection is no longer used."""
    upstream = await (outgoing.via or transport).open(outgoing)
    if upstream.status not in GOOD:
        raise await _status_fault(upstream, outgoing)
    coding = upstream.headers.get("content-encoding", "")
    if coding.lower() not in IDENTITY:
        upstream.abort()
        raise UpstreamEncoded(
            f"model {outgoing.model!r} at provider {outgoing.provider!r} answered in content-encoding "
            f"{coding[:40]!r}, which was not asked for: the server, or one before it, must not: {outgoing.url}",
            model=outgoing.model,
            provider=outgoing.provider,
            upstream_status=upstream.status,
        )
    expected = outgoing.expected
    content_type = upstream.headers.get("content-type", "")
    types = expected.stream_types if stream else expected.whole_types
    if types and upstream.headers.get("content-length") == "0":
        upstream.abort()
        raise UpstreamEmpty(
            f"model {outgoing.model!r} at provider {outgoing.provider!r} answered {upstream.status} with an empty body",
            model=outgoing.model,
            provider=outgoing.provider,
            upstream_status=upstream.status,
        )
    if types and not content_type.lower().startswith(types):
        upstream.abort()
        raise UpstreamNotJson(
            f"model {outgoing.model!r} at provider {outgoing.provider!r} answered 200 with content type "
            f"{content_type or 'none'!r} instead of {types[0]}: check the provider's base_url ({outgoing.url})",
            model=outgoing.model,
            provider=outgoing.provider,
            upstream_status=200,
        )
    if stream and expected.decoder is not None:
        return DecodedUpstream(upstream, outgoing, expected.decoder())
    return upstream


class DecodedUpstream:
    """An answer whose stream is put into its dialect's own form on the way."""

    def __init__(self, upstream: Upstream, outgoing: Outgoing, decoder: StreamDecoder) -> None:
        self.status = upstream.status
        self.headers: Mapping[str, str] = upstream.headers
        self._upstream = upstream
        self._outgoing = outgoing
        self._decoder = decoder

    async def chunks(self) -> AsyncIterator[bytes]:
        try:
            async for chunk in self._upstream.chunks():
                if ready := self._decoder.feed(chunk):
                    yield ready
            self._decoder.finish()
        except ValueError as error:
            self.abort()
            raise UpstreamNotJson(
                f"model {self._outgoing.model!r} at provider {self._outgoing.provider!r} sent a broken stream: {error}",
                model=self._outgoing.model,
                provider=self._outgoing.provider,
                upstream_status=self.status,
            ) from error

    async def read(self, limit: int) -> bytes:
        return await self._upstream.read(limit)

    def abort(self) -> None:
        self._upstream.abort()


async def _status_fault(upstream: Upstream, outgoing: Outgoing) -> UpstreamStatus:
    status = upstream.status
    try:
        body = await upstream.read(ERROR_BODY_BYTES)
    except UpstreamFault:
        body = b""  # the status says enough
    body = _without_keys(body, outgoing.headers)
    found = read_fault(status, upstream.headers, body, outgoing.expected.faults)
    if found.reason == "key":
        # The caller's key is fine, Baton's is not; what the provider wrote may quote a part of it.
        text, body = "refused Baton's key: check api_key of the provider in the config", b""
    else:
        text = f"answered status {status}" + (f": {found.detail}" if found.detail else "")
        if hint := address_hint(status, outgoing.url, found.detail):
            text, body = f"{text}; {hint}", b""
    fault = UpstreamStatus(
        f"model {outgoing.model!r} at provider {outgoing.provider!r} {text}",
        model=outgoing.model,
        provider=outgoing.provider,
        upstream_status=status,
        body=body if _is_json(body) else b"",
    )
    fault.status = found.status
    fault.retry_after = whole_seconds(retry_after_s(found.retry_after, time.time()))
    fault.reason = found.reason
    fault.detail = found.detail
    return fault


def _without_keys(body: bytes, sent: Mapping[str, str]) -> bytes:
    """What a provider says of a request may quote the key that came with it."""
    for name in KEY_HEADERS:
        key = sent.get(name, "").removeprefix("Bearer ").encode("latin-1")
        if len(key) >= MIN_KEY_BYTES:
            body = body.replace(key, HIDDEN)
    return body


def _is_json(body: bytes) -> bool:
    try:
        return isinstance(msgspec.json.decode(body), dict)
    except (ValueError, RecursionError):
        return False
