"""Why a check of a third party's suite cannot pass onto some upstream, by the beginning of its failure."""

NO_JSON_MODE = "it asks for `json_object`, JSON without a schema, which Messages does not have: degraded in the report"
NO_TOOL_CHOICE = "it forces a call by `tool_choice`, which Ollama does not have: degraded in the report"

EXPLAINED = {
    ("anthropic", "assistant-phase"): "its conversation ends with the assistant, which new Claude models refuse",
    ("anthropic", "chat.structured_output"): NO_JSON_MODE,
    ("ollama", "tool-calling"): NO_TOOL_CHOICE,
    ("ollama", "chat-tool-calling"): NO_TOOL_CHOICE,
    ("ollama", "anth-tool-calling"): NO_TOOL_CHOICE,
    ("ollama", "google-tool-calling"): NO_TOOL_CHOICE,
    ("ollama", "chat.tool_call"): NO_TOOL_CHOICE,
}


def explained(upstream: str, failure: str) -> str:
    """Empty where nobody has explained it yet."""
    return EXPLAINED.get((upstream, failure.partition(":")[0]), "")
