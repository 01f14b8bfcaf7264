"""Closed sets of Responses and what they mean: kinds of items, how an answer ends, error codes, usage."""

from typing import Any

import msgspec
from msgspec import Struct

from baton.types.events import FaultKind, StopReason
from baton.types.money import Usage

CALL_ITEMS = frozenset({"function_call", "custom_tool_call"})
RESULT_ITEMS = frozenset({"function_call_output", "custom_tool_call_output"})
SERVER_ITEMS = frozenset({
    "web_search_call", "file_search_call", "computer_call", "code_interpreter_call", "image_generation_call",
    "mcp_call", "mcp_list_tools", "mcp_approval_request", "local_shell_call", "shell_call", "apply_patch_call",
    "tool_search_call", "tool_search_output", "program", "program_output",
})  # fmt: skip
"""Of the assistant's: calls of tools that the vendor defines, and what the vendor itself found."""
CALLER_ITEMS = frozenset({
    "computer_call_output", "local_shell_call_output", "shell_call_output", "apply_patch_call_output",
    "mcp_approval_response",
})  # fmt: skip
"""Of the caller's: results of such calls."""
SETTING_ITEMS = frozenset({"additional_tools", "configuration_update", "compaction_trigger"})
"""Items that nobody says: they set something from their place on."""

INCOMPLETE: dict[str, StopReason] = {
    "max_output_tokens": "length",
    "max_tokens": "length",
    "content_filter": "content_filter",
}
"""`incomplete_details.reason`; any other is `incomplete`."""
STATUS_STOPS: dict[str, StopReason] = {"completed": "end", "cancelled": "cancelled"}

WHOLE = frozenset[StopReason]({"end", "stop_sequence", "tool_calls"})
INCOMPLETE_WORDS: dict[StopReason, str] = {
    "length": "max_output_tokens",
    "context_window": "max_output_tokens",
    "refusal": "content_filter",
    "content_filter": "content_filter",
    "recitation": "content_filter",
}
UNFINISHED = "max_output_tokens"
"""For reasons that have no word here: the answer is not whole, and must not look as if it were."""

FAULTS: dict[str, tuple[FaultKind, int]] = {
    "server_error": ("server", 500),
    "rate_limit_exceeded": ("rate_limit", 429),
    "rate_limit_error": ("rate_limit", 429),
    "insufficient_quota": ("billing", 402),
    "invalid_prompt": ("invalid_request", 400),
    "invalid_request_error": ("invalid_request", 400),
    "context_length_exceeded": ("too_large", 413),
    "authentication_error": ("authentication", 401),
    "permission_error": ("permission", 403),
    "not_found_error": ("not_found", 404),
    "server_is_overloaded": ("overloaded", 529),
    "slow_down": ("overloaded", 529),
    "overloaded_error": ("overloaded", 529),
    "vector_store_timeout": ("timeout", 504),
    "timeout": ("timeout", 504),
}
IMAGE_FAULT = "image"
"""Every code with this in it is about an image of the request."""
FAULT_CODES: dict[FaultKind, str] = {
    "rate_limit": "rate_limit_exceeded",
    "billing": "rate_limit_exceeded",
    "overloaded": "rate_limit_exceeded",
    "invalid_request": "invalid_prompt",
    "too_large": "invalid_prompt",
}
OTHER_CODE = "server_error"
"""A failed response has a code of a closed set."""
FAULT_TYPES: dict[FaultKind, str] = {
    "invalid_request": "invalid_request_error",
    "authentication": "authentication_error",
    "permission": "permission_error",
    "not_found": "not_found_error",
    "too_large": "invalid_request_error",
    "rate_limit": "rate_limit_error",
    "billing": "insufficient_quota",
    "overloaded": "overloaded_error",
}
OTHER_TYPE = "server_error"


class _InputDetails(Struct):
    cached_tokens: int | None = 0
    cache_write_tokens: int | None = 0


class _OutputDetails(Struct):
    reasoning_tokens: int | None = 0


class WireUsage(Struct):
    input_tokens: int | None = 0
    output_tokens: int | None = 0
    input_tokens_details: _InputDetails | None = None
    output_tokens_details: _OutputDetails | None = None

    def usage(self) -> Usage:
        inputs = self.input_tokens_details or _InputDetails()
        outputs = self.output_tokens_details or _OutputDetails()
        return Usage(
            self.input_tokens or 0,
            self.output_tokens or 0,
            inputs.cached_tokens or 0,
            inputs.cache_write_tokens or 0,
            outputs.reasoning_tokens or 0,
        )


USAGE = msgspec.json.Decoder(WireUsage)


def wire_usage(usage: Usage) -> dict[str, Any]:
    return {
        "input_tokens": usage.input,
        "input_tokens_details": {"cached_tokens": usage.cache_read, "cache_write_tokens": usage.cache_write},
        "output_tokens": usage.output,
        "output_tokens_details": {"reasoning_tokens": usage.reasoning},
        "total_tokens": usage.input + usage.output,
    }
