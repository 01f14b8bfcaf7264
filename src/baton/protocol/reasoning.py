"""Reasoning as callers ask for it: the ladder of effort, and what of it their own vendor would show them."""

from collections.abc import Sequence

from baton.types.conversation import EFFORTS, Conversation, Effort, ReasoningControl

BUDGETS: dict[Effort, int] = {
    "none": 0,
    "minimal": 1_024,
    "low": 2_048,
    "medium": 8_192,
    "high": 16_384,
    "xhigh": 32_768,
    "max": 65_536,
}
"""Tokens of thinking that a step stands for where a model wants a number. 1,024 is the least that Anthropic takes."""

LEAST_BUDGET = 1_024
NOT_ASKED = ReasoningControl()
ENCRYPTED_REASONING = b'"reasoning.encrypted_content"'
"""In `include` of Responses."""


def effort_of(budget: int) -> Effort:
    """The lowest step whose budget is enough."""
    return next((effort for effort in EFFORTS if budget <= BUDGETS[effort]), "max")


def clamp(effort: Effort, steps: Sequence[Effort]) -> Effort | None:
    """The highest step of the model that is not above `effort`, else its lowest; None when it has no steps.

    `none` is only chosen for `none`: a model that was asked to think a little thinks a little.
    """
    ladder = sorted(steps, key=EFFORTS.index)
    if effort != "none":
        ladder = [step for step in ladder if step != "none"]
    below = [step for step in ladder if EFFORTS.index(step) <= EFFORTS.index(effort)]
    return below[-1] if below else next(iter(ladder), None)


def shows_reasoning(conversation: Conversation) -> bool:
    """The caller's own vendor would put the words of reasoning into the answer to this request."""
    asked = conversation.reasoning or NOT_ASKED
    if conversation.dialect == "anthropic":
        return asked.mode not in {None, "off"}
    if conversation.dialect in {"openai-responses", "gemini"}:
        return asked.visible not in {"", "omitted"}
    return True


def carries_private_state(conversation: Conversation) -> bool:
    """The caller's own vendor would put opaque state of its model into the answer to this request."""
    if conversation.dialect == "anthropic":
        return shows_reasoning(conversation)
    if conversation.dialect == "openai-responses":
        return ENCRYPTED_REASONING in conversation.members.get("include", b"")
    return True
