"""What can be chosen: a model as it is, or asked to think less or more."""

from collections.abc import Mapping

from msgspec import Raw, Struct

from baton.types.card import Dialect, EffortArm, ModelCard, arm_name

EFFORT_MEMBERS: dict[Dialect, frozenset[str]] = {
    "openai-chat": frozenset({"reasoning_effort"}),
    "openai-responses": frozenset({"reasoning"}),
    "anthropic": frozenset({"thinking", "output_config"}),
    "gemini": frozenset({"generationConfig", "generation_config"}),
    "ollama": frozenset({"think"}),
}
"""Members by which a caller sets the effort himself; Gemini's has it one level deeper, so its word is looked for."""

THINKING = b"thinking"


class Arm(Struct, frozen=True):
    """A model at a step of effort; the empty step is the model as it is."""

    card: ModelCard
    effort: EffortArm | None
    name: str
    """As ladders and rules call it: `model`, or `model@effort`."""

    @property
    def output_factor(self) -> float:
        return 1.0 if self.effort is None else self.effort.output_factor

    @property
    def step(self) -> str:
        return "" if self.effort is None else self.effort.name


def arms_of(card: ModelCard) -> tuple[Arm, ...]:
    """The model as it is first."""
    steps = (Arm(card, effort, arm_name(card.id, name)) for name, effort in card.efforts.items())
    return (Arm(card, None, card.id), *steps)


def sets_effort(dialect: Dialect, members: Mapping[str, Raw]) -> bool:
    """The caller says himself how much the model is to think: then it is not for a policy to say."""
    given = EFFORT_MEMBERS[dialect] & members.keys()
    if dialect == "gemini":
        return any(THINKING in bytes(members[name]) for name in given)
    return bool(given)
