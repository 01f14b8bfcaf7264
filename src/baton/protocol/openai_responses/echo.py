"""Members of the request that a response repeats."""

from collections.abc import Callable, Mapping
from typing import Any

import msgspec
from msgspec import Raw

REPEATED: dict[str, Any] = {
    "background": False, "frequency_penalty": 0, "instructions": None, "max_output_tokens": None,
    "max_tool_calls": None, "metadata": {}, "parallel_tool_calls": True, "presence_penalty": 0,
    "previous_response_id": None, "prompt_cache_key": None, "reasoning": {"effort": None, "summary": None},
    "safety_identifier": None, "service_tier": "default", "store": False, "temperature": 1,
    "text": {"format": {"type": "text"}}, "tool_choice": "auto", "tools": [], "top_logprobs": 0, "top_p": 1,
    "truncation": "disabled",
}  # fmt: skip
"""What they are where the request did not set them."""
FUNCTION: dict[str, Any] = {"description": None, "parameters": None, "strict": None}
"""What a function is told to be where the request did not say."""

_MEMBERS = msgspec.json.Decoder(dict[str, Raw])
_TOOLS = msgspec.json.Decoder(list[dict[str, Raw]])


def repeated(members: Mapping[str, bytes]) -> dict[str, Any]:
    found = {name: value for name in REPEATED if (value := members.get(name, b"null")) != b"null"}
    return REPEATED | {name: _WHOLE[name](value) if name in _WHOLE else Raw(value) for name, value in found.items()}


def _tools(value: bytes) -> Any:
    try:
        tools = _TOOLS.decode(value)
    except (ValueError, RecursionError):
        return Raw(value)
    return [FUNCTION | tool if bytes(tool.get("type", b"")) == b'"function"' else tool for tool in tools]


def _with_rest_of(name: str) -> Callable[[bytes], Any]:
    def whole(value: bytes) -> Any:
        try:
            return REPEATED[name] | _MEMBERS.decode(value)
        except (ValueError, RecursionError):
            return Raw(value)

    return whole


_WHOLE: dict[str, Callable[[bytes], Any]] = {
    "reasoning": _with_rest_of("reasoning"),
    "text": _with_rest_of("text"),
    "tools": _tools,
}
"""Members that are repeated with what the request left out of them; as they are where they are nothing of the kind."""
