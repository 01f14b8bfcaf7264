"""Closed sets of the Gemini API and what they mean: finish reasons, block reasons, error statuses, usage."""

from typing import Any

import msgspec
from msgspec import Struct

from baton.types.events import FaultKind, StopReason
from baton.types.money import Usage

STOPS: dict[str, StopReason] = {
    "STOP": "end",
    "MAX_TOKENS": "length",
    "SAFETY": "content_filter",
    "LANGUAGE": "content_filter",
    "BLOCKLIST": "content_filter",
    "PROHIBITED_CONTENT": "content_filter",
    "SPII": "content_filter",
    "MODEL_ARMOR": "content_filter",
    "IMAGE_SAFETY": "content_filter",
    "IMAGE_PROHIBITED_CONTENT": "content_filter",
    "RECITATION": "recitation",
    "IMAGE_RECITATION": "recitation",
    "MALFORMED_FUNCTION_CALL": "malformed_call",
    "UNEXPECTED_TOOL_CALL": "malformed_call",
    "MISSING_THOUGHT_SIGNATURE": "missing_signature",
    "CONTINUATION": "pause",
    "TOO_MANY_TOOL_CALLS": "incomplete",
    "MALFORMED_RESPONSE": "incomplete",
    "IMAGE_OTHER": "incomplete",
    "NO_IMAGE": "incomplete",
    "ESCALATION": "incomplete",
    "PUP_LIMITED_DISABLED": "incomplete",
    "OTHER": "incomplete",
    "FINISH_REASON_UNSPECIFIED": "unknown",
}

STOP_WORDS: dict[StopReason, str] = {
    "end": "STOP",
    "stop_sequence": "STOP",
    "tool_calls": "STOP",
    "length": "MAX_TOKENS",
    "context_window": "MAX_TOKENS",
    "refusal": "PROHIBITED_CONTENT",
    "content_filter": "SAFETY",
    "recitation": "RECITATION",
    "malformed_call": "MALFORMED_FUNCTION_CALL",
    "missing_signature": "MISSING_THOUGHT_SIGNATURE",
}
UNFINISHED = "OTHER"
"""For reasons that have no word here: the answer is not whole, and must not look as if it were."""

FAULTS: dict[str, tuple[FaultKind, int]] = {
    "INVALID_ARGUMENT": ("invalid_request", 400),
    "FAILED_PRECONDITION": ("invalid_request", 400),
    "OUT_OF_RANGE": ("invalid_request", 400),
    "UNAUTHENTICATED": ("authentication", 401),
    "PERMISSION_DENIED": ("permission", 403),
    "NOT_FOUND": ("not_found", 404),
    "RESOURCE_EXHAUSTED": ("rate_limit", 429),
    "CANCELLED": ("server", 499),
    "UNIMPLEMENTED": ("invalid_request", 501),
    "INTERNAL": ("server", 500),
    "UNKNOWN": ("server", 500),
    "UNAVAILABLE": ("overloaded", 503),
    "DEADLINE_EXCEEDED": ("timeout", 504),
}
FAULT_WORDS: dict[FaultKind, tuple[int, str]] = {
    "invalid_request": (400, "INVALID_ARGUMENT"),
    "too_large": (413, "INVALID_ARGUMENT"),
    "authentication": (401, "UNAUTHENTICATED"),
    "billing": (402, "FAILED_PRECONDITION"),
    "permission": (403, "PERMISSION_DENIED"),
    "not_found": (404, "NOT_FOUND"),
    "rate_limit": (429, "RESOURCE_EXHAUSTED"),
    "overloaded": (503, "UNAVAILABLE"),
    "timeout": (504, "DEADLINE_EXCEEDED"),
    "server": (500, "INTERNAL"),
    "cut": (502, "INTERNAL"),
    "malformed": (502, "INTERNAL"),
    "empty": (502, "INTERNAL"),
}


class WireUsage(Struct, rename="camel"):
    prompt_token_count: int | None = 0
    cached_content_token_count: int | None = 0
    candidates_token_count: int | None = 0
    thoughts_token_count: int | None = 0
    tool_use_prompt_token_count: int | None = 0

    def usage(self) -> Usage:
        """Thoughts are counted beside the candidates, and what server tools read beside the prompt."""
        thoughts = self.thoughts_token_count or 0
        return Usage(
            (self.prompt_token_count or 0) + (self.tool_use_prompt_token_count or 0),
            (self.candidates_token_count or 0) + thoughts,
            self.cached_content_token_count or 0,
            0,
            thoughts,
        )


USAGE = msgspec.json.Decoder(WireUsage)


def wire_usage(usage: Usage) -> dict[str, Any]:
    found: dict[str, Any] = {
        "promptTokenCount": usage.input,
        "candidatesTokenCount": max(0, usage.output - usage.reasoning),
        "totalTokenCount": usage.input + usage.output,
    }
    if usage.cache_read:
        found["cachedContentTokenCount"] = usage.cache_read
    return found | ({"thoughtsTokenCount": usage.reasoning} if usage.reasoning else {})
