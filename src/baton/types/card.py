"""Model cards: what a model can do, what it costs, and where it is reached."""

from collections.abc import Mapping
from typing import Literal

from msgspec import Struct, field

from baton.types.money import Price
from baton.types.secret import Secret

Dialect = Literal["openai-chat", "openai-responses", "anthropic", "gemini", "ollama"]
"""The wire grammars Baton knows by name; which of them a door or a provider speaks is its own matter."""

Tier = Literal["frontier", "mid", "small", "local"]
"""Coarse rank of a model before anything is measured. Measured results replace it, they never adjust it."""

Capability = Literal["tools", "image", "pdf", "audio", "structured_output", "reasoning"]

AuthStyle = Literal["bearer", "x-api-key", "api-key", "x-goog-api-key", "sigv4", "google", "none"]
"""How a provider wants its key: `Authorization: Bearer`, or the header of that name, or not at all.

`sigv4` and `google` have no key here: each call is signed with the credentials of AWS, or carries a token of Google's.
"""

PLAIN_KIND = "openai-compatible"


class Provider(Struct, frozen=True):
    """One account at one address. `base_url` has no trailing slash and no dialect path."""

    name: str
    base_url: str
    dialects: tuple[Dialect, ...] = ("openai-chat",)
    auth: AuthStyle = "bearer"
    api_key: Secret | None = None
    headers: dict[str, str] = field(default_factory=dict)
    """Sent with every call, such as an organisation id."""
    forward_headers: tuple[str, ...] = ()
    """Lower-case names of callers' headers that are passed on, besides those that the dialect itself defines."""
    simulated: bool = False
    """True when what answers is a simulation: every answer and every figure from it is labelled so."""
    kind: str = PLAIN_KIND
    """How it is reached and what is odd about it: the name of an entry point in the group `baton.providers`."""
    options: dict[str, str] = field(default_factory=dict)
    """What its kind must know besides, such as `region` or `api_version`."""


class Deployment(Struct, frozen=True):
    """One place where a model can be asked: its name at one provider."""

    provider: str
    upstream: str
    weight: float = 1.0
    """How much it takes, beside the other deployments of the model."""
    max_concurrency: int = 0
    """Calls at once; more wait in its queue. 0: no limit."""


EFFORT_MARK = "@"
"""Between a model and a step of its effort: `openai/gpt-5@low`."""


class EffortArm(Struct, frozen=True):
    """A model that thinks more or less than by itself: an arm of its own among the rungs, named `model@name`."""

    name: str
    """A step of `types.conversation.EFFORTS`."""
    output_factor: float = 1.0
    """Tokens of output beside those of the model without a step."""
    quality: dict[str, float] = field(default_factory=dict)
    """Configured quality 0..1 per task type; what is missing here is that of the card."""


class ModelCard(Struct, frozen=True):
    """What a model can do and costs. `id` is `provider/model`; `upstream` is its name on the provider's wire."""

    id: str
    provider: str
    upstream: str
    tier: Tier
    context_window: int
    max_output: int
    price: Price
    capabilities: frozenset[Capability] = frozenset()
    specialities: frozenset[str] = frozenset()
    """Task types the model was made for, such as `code`."""
    quality: dict[str, float] = field(default_factory=dict)
    """Configured quality 0..1 per task type: what the operator asserts, until something is certified."""
    deployments: tuple[Deployment, ...] = ()
    """Where it is asked; empty: at its own provider, by its own name, alone."""
    efforts: dict[str, EffortArm] = field(default_factory=dict)
    """By the name of the step."""


def arm_name(model: str, effort: str) -> str:
    return f"{model}{EFFORT_MARK}{effort}" if effort else model


def split_arm(name: str, cards: Mapping[str, ModelCard]) -> tuple[str, str]:
    """Model and effort, which is empty for a model as it is. A model whose own id has the mark is that model."""
    if name in cards or EFFORT_MARK not in name:
        return name, ""
    model, _, effort = name.rpartition(EFFORT_MARK)
    card = cards.get(model)
    return (model, effort) if card is not None and effort in card.efforts else (name, "")
