"""Closed sets of Chat Completions and what they mean: finish reasons, error types, usage."""

from typing import Any

import msgspec
from msgspec import Struct

from baton.types.events import FaultKind, StopReason
from baton.types.money import Usage

STOPS: dict[str, StopReason] = {
    "stop": "end",
    "length": "length",
    "tool_calls": "tool_calls",
    "function_call": "tool_calls",
    "content_filter": "content_filter",
    # Words of compatible servers.
    "eos": "end",
    "end_turn": "end",
    "stop_sequence": "stop_sequence",
    "max_tokens": "length",
    "model_length": "context_window",
    "tool_use": "tool_calls",
    "safety": "content_filter",
    "refusal": "refusal",
    "pause_turn": "pause",
    "abort": "cancelled",
    "error": "incomplete",
    "insufficient_system_resource": "incomplete",
}

STOP_WORDS: dict[StopReason, str] = {
    "end": "stop",
    "stop_sequence": "stop",
    "length": "length",
    "context_window": "length",
    "tool_calls": "tool_calls",
    "refusal": "content_filter",
    "content_filter": "content_filter",
    "recitation": "content_filter",
}
UNFINISHED = "length"
"""For reasons that have no word here: the answer is not whole, and must not look as if it were."""

FAULTS: dict[str, tuple[FaultKind, int]] = {
    "invalid_request_error": ("invalid_request", 400),
    "authentication_error": ("authentication", 401),
    "insufficient_quota": ("billing", 402),
    "permission_error": ("permission", 403),
    "not_found_error": ("not_found", 404),
    "rate_limit_error": ("rate_limit", 429),
    "rate_limit_exceeded": ("rate_limit", 429),
    "server_error": ("server", 500),
    "timeout": ("timeout", 504),
    "overloaded_error": ("overloaded", 529),
    "server_overloaded": ("overloaded", 529),
}
FAULTS_BY_STATUS: dict[int, FaultKind] = {
    400: "invalid_request", 401: "authentication", 402: "billing", 403: "permission", 404: "not_found",
    408: "timeout", 413: "too_large", 429: "rate_limit", 503: "overloaded", 504: "timeout", 529: "overloaded",
}  # fmt: skip
FAULT_WORDS: dict[FaultKind, str] = {
    "invalid_request": "invalid_request_error",
    "authentication": "authentication_error",
    "permission": "permission_error",
    "not_found": "not_found_error",
    "too_large": "invalid_request_error",
    "rate_limit": "rate_limit_error",
    "billing": "insufficient_quota",
    "overloaded": "overloaded_error",
}
OTHER_FAULT = "server_error"


class _InputDetails(Struct):
    cached_tokens: int | None = 0
    cache_write_tokens: int | None = 0


class _OutputDetails(Struct):
    reasoning_tokens: int | None = 0


class WireUsage(Struct):
    prompt_tokens: int | None = 0
    completion_tokens: int | None = 0
    prompt_tokens_details: _InputDetails | None = None
    completion_tokens_details: _OutputDetails | None = None

    def usage(self) -> Usage:
        inputs = self.prompt_tokens_details or _InputDetails()
        outputs = self.completion_tokens_details or _OutputDetails()
        return Usage(
            self.prompt_tokens or 0,
            self.completion_tokens or 0,
            inputs.cached_tokens or 0,
            inputs.cache_write_tokens or 0,
            outputs.reasoning_tokens or 0,
        )


USAGE = msgspec.json.Decoder(WireUsage)


def wire_usage(usage: Usage) -> dict[str, Any]:
    inputs = {"cached_tokens": usage.cache_read}
    return {
        "prompt_tokens": usage.input,
        "completion_tokens": usage.output,
        "total_tokens": usage.input + usage.output,
        "prompt_tokens_details": inputs | ({"cache_write_tokens": usage.cache_write} if usage.cache_write else {}),
        "completion_tokens_details": {"reasoning_tokens": usage.reasoning},
    }
