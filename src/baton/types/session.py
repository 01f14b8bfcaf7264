"""What is remembered of a conversation between its requests, as far as a decision needs it."""

from msgspec import Struct


class Session(Struct, frozen=True, gc=False):
    """`id` is what the caller calls the conversation, else the hash of its first turns; keys never share one."""

    id: str
    model: str
    """The model that it is on."""
    effort: str = ""
    """The step of reasoning effort that it is asked with there; empty: none is set."""
    steps: int = 0
    """Requests that this model has answered since the conversation came to it."""
    upgrades: int = 0
    """How often it went up because it turned out to be harder than was thought."""
    cached_tokens: int = 0
    """Tokens of its prefix that are believed to lie in the prompt cache of `model`."""
    age_s: float = 0.0
    """Seconds since its last answer."""
