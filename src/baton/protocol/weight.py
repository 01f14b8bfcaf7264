"""Members without weight for the answer: bookkeeping of one vendor, which another one does not miss.

What is not listed here and has no place in the target counts as degraded: better one report too many.
"""

from baton.types.card import Dialect

TOP_LEVEL: dict[Dialect, frozenset[str]] = {
    "openai-chat": frozenset({
        "metadata", "prompt_cache_key", "prompt_cache_options", "prompt_cache_retention", "safety_identifier",
        "service_tier", "store", "stream_options", "prediction",
    }),
    "openai-responses": frozenset({
        "background", "background_options", "client_metadata", "context_management", "include", "metadata",
        "prompt_cache_key", "prompt_cache_options", "prompt_cache_retention", "safety_identifier", "service_tier",
        "store", "stream_options", "truncation",
    }),
    # context_management lets the provider drop turns: without it the model sees more, not less.
    "anthropic": frozenset({
        "cache_control", "context_management", "diagnostics", "inference_geo", "metadata", "service_tier", "speed",
    }),
    "gemini": frozenset({
        "labels", "safetySettings", "safety_settings", "serviceTier", "service_tier", "store",
        "generationConfig.responseMimeType", "generationConfig.response_mime_type",
        "generationConfig.responseModalities", "generationConfig.response_modalities",
    }),
    "ollama": frozenset({"keep_alive"}),
}  # fmt: skip

REFERENCES: dict[Dialect, frozenset[str]] = {
    "gemini": frozenset({"cachedContent", "cached_content"}),
    "openai-responses": frozenset({"conversation", "previous_response_id", "prompt"}),
}
"""Members that stand for content which only the provider has: without it the request says something else."""

EXTRAS = frozenset({"caller", "eager_input_streaming", "id", "status", "thoughtSignature", "thought_signature"})
"""Members of a part, a turn or a tool."""

NO_PLACE = "no such member in {0}"
ELSEWHERE = "content that only its provider has: send the content itself"
WITHOUT_WEIGHT = "bookkeeping of {0}, without weight for the answer"


def is_null(json: bytes) -> bool:
    return json == b"null"
