"""A fault that was found inside an answer, as the exception that the rest of the house knows."""

from baton.types.card import ModelCard
from baton.types.errors import (
    Reason,
    UpstreamCut,
    UpstreamEmpty,
    UpstreamFault,
    UpstreamMalformed,
    UpstreamReported,
)
from baton.types.events import FaultKind, StreamFault

OWN: dict[FaultKind, type[UpstreamFault]] = {
    "cut": UpstreamCut,
    "malformed": UpstreamMalformed,
    "empty": UpstreamEmpty,
}
"""Faults that Baton saw; all others the provider told of itself."""
SAID: dict[type[UpstreamFault], str] = {
    UpstreamCut: "ended its stream without an end: what was sent so far is not a whole answer",
    UpstreamEmpty: "ended its answer without a word",
}
REASONS: dict[FaultKind, Reason] = {
    "authentication": "key",
    "permission": "key",
    "not_found": "model",
    "too_large": "context_length",
    "rate_limit": "rate_limit",
    "billing": "quota",
    "overloaded": "overloaded",
    "timeout": "timeout",
    "server": "provider",
}
"""An invalid request has none: it is the caller's."""


def reported(fault: StreamFault, card: ModelCard) -> UpstreamFault:
    who = f"model {card.id!r} at provider {card.provider!r}"
    kind = OWN.get(fault.kind)
    if kind is not None:
        text = SAID.get(kind, f"sent a broken answer: {fault.message}")
        return kind(f"{who} {text}", model=card.id, provider=card.provider, upstream_status=200)
    error = UpstreamReported(
        f"{who} reported an error: {fault.message}",
        model=card.id,
        provider=card.provider,
        upstream_status=fault.status,
        body=b"",
    )
    error.status = fault.status
    error.reason = REASONS.get(fault.kind, "")
    error.detail = fault.message
    return error
