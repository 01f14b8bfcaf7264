"""Ask one model once. An answer that is not one - error status, HTML, nothing - is a fault with a name."""

import msgspec

from baton.call.transport import Outgoing, Transport, Upstream
from baton.types.errors import UpstreamNotJson, UpstreamStatus

ERROR_BODY_BYTES = 64 * 1024
JSON_TYPES = ("application/json", "application/problem+json")
STREAM_TYPE = "text/event-stream"
KEY_REFUSED = frozenset({401, 403})


async def send(transport: Transport, outgoing: Outgoing, *, stream: bool) -> Upstream:
    """The head of a good answer. Raises UpstreamFault; after a raise the connection is no longer used."""
    upstream = await transport.open(outgoing)
    if upstream.status != 200:
        raise await _status_fault(upstream, outgoing)
    content_type = upstream.headers.get("content-type", "")
    expected = (STREAM_TYPE,) if stream else JSON_TYPES
    if not content_type.startswith(expected):
        upstream.abort()
        raise UpstreamNotJson(
            f"model {outgoing.model!r} at provider {outgoing.provider!r} answered 200 with content type "
            f"{content_type or 'none'!r} instead of {expected[0]}: check the provider's base_url ({outgoing.url})",
            model=outgoing.model,
            provider=outgoing.provider,
            upstream_status=200,
        )
    return upstream


async def _status_fault(upstream: Upstream, outgoing: Outgoing) -> UpstreamStatus:
    status = upstream.status
    body = await upstream.read(ERROR_BODY_BYTES)
    if status in KEY_REFUSED:
        # The caller's key is fine, Baton's is not; what the provider wrote may quote a part of it.
        text, body = "refused Baton's key: check api_key of the provider in the config", b""
    else:
        text = f"answered status {status}"
    fault = UpstreamStatus(
        f"model {outgoing.model!r} at provider {outgoing.provider!r} {text}",
        model=outgoing.model,
        provider=outgoing.provider,
        upstream_status=status,
        body=body if _is_json(body) else b"",
    )
    fault.status = _caller_status(status)
    fault.retry_after = upstream.headers.get("retry-after")
    return fault


def _caller_status(upstream_status: int) -> int:
    """What the caller sees: his own mistakes and rate limits as they are, the provider's trouble as a gateway error."""
    if upstream_status in KEY_REFUSED or not 400 <= upstream_status < 600:
        return 502
    return upstream_status


def _is_json(body: bytes) -> bool:
    try:
        return isinstance(msgspec.json.decode(body), dict)
    except (msgspec.DecodeError, RecursionError):
        return False
