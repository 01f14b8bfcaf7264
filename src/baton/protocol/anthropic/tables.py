"""Closed sets of Messages and what they mean: stop reasons, error types, usage."""

from typing import Any

import msgspec
from msgspec import Struct

from baton.types.events import FaultKind, StopReason
from baton.types.money import Usage

STOPS: dict[str, StopReason] = {
    "end_turn": "end",
    "max_tokens": "length",
    "stop_sequence": "stop_sequence",
    "tool_use": "tool_calls",
    "pause_turn": "pause",
    "refusal": "refusal",
    "model_context_window_exceeded": "context_window",
    "compaction": "compaction",
}

STOP_WORDS: dict[StopReason, str] = {
    "end": "end_turn",
    "length": "max_tokens",
    "context_window": "model_context_window_exceeded",
    "tool_calls": "tool_use",
    "stop_sequence": "stop_sequence",
    "refusal": "refusal",
    "content_filter": "refusal",
    "recitation": "refusal",
    "pause": "pause_turn",
    "compaction": "pause_turn",
    "malformed_call": "pause_turn",
}
UNFINISHED = "max_tokens"
"""For reasons that have no word here: the answer is not whole, and must not look as if it were."""

FAULTS: dict[str, tuple[FaultKind, int]] = {
    "invalid_request_error": ("invalid_request", 400),
    "authentication_error": ("authentication", 401),
    "billing_error": ("billing", 402),
    "permission_error": ("permission", 403),
    "not_found_error": ("not_found", 404),
    "request_too_large": ("too_large", 413),
    "rate_limit_error": ("rate_limit", 429),
    "api_error": ("server", 500),
    "timeout_error": ("timeout", 504),
    "overloaded_error": ("overloaded", 529),
}
FAULT_WORDS: dict[FaultKind, str] = {kind: word for word, (kind, _status) in FAULTS.items()} | {
    "cut": "api_error",
    "malformed": "api_error",
    "empty": "api_error",
}


class _Details(Struct):
    thinking_tokens: int | None = None


class WireUsage(Struct, omit_defaults=True):
    """Counts may be null, or be missing where they have not changed since the last event."""

    input_tokens: int | None = None
    output_tokens: int | None = None
    cache_read_input_tokens: int | None = None
    cache_creation_input_tokens: int | None = None
    output_tokens_details: _Details | None = None

    def later(self, update: "WireUsage") -> "WireUsage":
        names = self.__struct_fields__
        return WireUsage(*(getattr(self, n) if getattr(update, n) is None else getattr(update, n) for n in names))

    def usage(self) -> Usage:
        """Messages count input without its cached parts."""
        read, write = self.cache_read_input_tokens or 0, self.cache_creation_input_tokens or 0
        details = self.output_tokens_details or _Details()
        total = (self.input_tokens or 0) + read + write
        return Usage(total, self.output_tokens or 0, read, write, details.thinking_tokens or 0)


USAGE = msgspec.json.Decoder(WireUsage)


def wire_usage(usage: Usage) -> dict[str, Any]:
    found: dict[str, Any] = {
        "input_tokens": max(0, usage.input - usage.cache_read - usage.cache_write),
        "cache_creation_input_tokens": usage.cache_write,
        "cache_read_input_tokens": usage.cache_read,
        "output_tokens": usage.output,
    }
    return found | ({"output_tokens_details": {"thinking_tokens": usage.reasoning}} if usage.reasoning else {})
