"""Closed sets of Ollama's chat and what they mean: done reasons, levels of thinking, errors by status."""

from baton.types.conversation import Effort
from baton.types.events import FaultKind, StopReason

THINKING = "thinking"
"""Member of a message that holds the model's thinking."""

STOPS: dict[str, StopReason] = {
    "stop": "end",
    "length": "length",
    # The model was loaded or unloaded, and said nothing.
    "load": "incomplete",
    "unload": "incomplete",
}
STOP_WORDS: dict[StopReason, str] = {
    "end": "stop",
    "stop_sequence": "stop",
    "tool_calls": "stop",
    "length": "length",
    "context_window": "length",
}
UNFINISHED = "length"
"""For reasons that have no word here: the answer is not whole, and must not look as if it were."""

LEVELS: tuple[Effort, ...] = ("low", "medium", "high")
"""The steps that `think` knows, besides on and off."""

FAULTS_BY_WORDS: tuple[tuple[str, FaultKind, int], ...] = (
    ("not found", "not_found", 404),
    ("does not support", "invalid_request", 400),
    ("unauthorized", "authentication", 401),
    ("server busy", "overloaded", 503),
)
"""An error is a bare text: the kinds that its words tell."""
