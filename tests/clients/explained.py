"""Why a check of a third party's suite cannot pass onto some upstream, by the beginning of its failure."""

NO_TOOL_CHOICE = "it forces a call by `tool_choice`, which Ollama does not have: degraded in the report"

EXPLAINED = {
    ("ollama", "tool-calling"): NO_TOOL_CHOICE,
    ("ollama", "chat-tool-calling"): NO_TOOL_CHOICE,
    ("ollama", "anth-tool-calling"): NO_TOOL_CHOICE,
    ("ollama", "google-tool-calling"): NO_TOOL_CHOICE,
    ("ollama", "chat.tool_call"): NO_TOOL_CHOICE,
}


def explained(upstream: str, failure: str) -> str:
    """Empty where nobody has explained it yet."""
    return EXPLAINED.get((upstream, failure.partition(":")[0]), "")
